//! `playbook list`, `playbook show`, `playbook apply` and `playbook rollback`: the generations of the
//! playbook.

use jiff::Timestamp;
use pointsman_core::{
    document::Document,
    mode::Mode,
    overrides::{Life, Standing},
    playbook::{self, Becomes, Playbook},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value as Json;

use crate::{
    value::{Effect, VERSION},
    windows::Opening,
    words::Reader,
};

/// What `playbook list` shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Generations {
    /// The version of this form.
    #[schemars(extend("const" = VERSION))]
    pub version: u32,
    /// The newest of them, oldest first.
    pub generations: Vec<Generation>,
}

/// What `playbook show` shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct GenerationText {
    /// The version of this form.
    #[schemars(extend("const" = VERSION))]
    pub version: u32,
    /// Which generation it is.
    #[serde(flatten)]
    pub generation: Generation,
    /// The file's text, as it was published.
    pub text: String,
}

/// A generation of the playbook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Generation {
    /// Its number, counted from 1.
    pub number: u64,
    /// When it was published.
    pub at: Timestamp,
    /// By whom.
    pub by: String,
    /// Whether it is the one in force: the newest.
    pub in_force: bool,
    /// The latest generation before it that has the same text, where there is one: it is a rollback to
    /// that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollback_to: Option<u64>,
}

impl Generation {
    /// What is said of it beside its number, if anything.
    #[must_use]
    pub fn says(&self) -> String {
        let force = self.in_force.then(|| "in force".to_owned());
        let back = self.rollback_to.map(|to| format!("a rollback to {to}"));
        let said: Vec<String> = force.into_iter().chain(back).collect();
        said.join(", ")
    }
}

/// What `playbook apply` and `playbook rollback` show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Applied {
    /// The version of this form.
    #[schemars(extend("const" = VERSION))]
    pub version: u32,
    /// The number of the generation that it is, or would be.
    pub generation: u64,
    /// Whether it was published: not where it is in force already, to the letter, and not with
    /// `--dry-run`.
    pub published: bool,
    /// Whether a `serve` runs on this store.
    pub served: bool,
    /// What changes in effect; left out where nothing is in force, or what is cannot be read by this
    /// version of Pointsman.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changes: Option<Vec<Changed>>,
    /// What it means for the overrides that are held or in force.
    pub overrides: Vec<Kept>,
    /// The windows that are new or edited, and open now: what they do is done at once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub opens: Vec<Opening>,
}

/// A pool, a play or a window that is not as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Changed {
    /// Which: `pool chat`, `play drain-failing-member` or `window eu-patching`.
    pub what: String,
    /// What becomes of it.
    pub becomes: ChangeKind,
    /// The parts that say something else, where it is edited.
    pub edits: Vec<Edit>,
}

/// What becomes of a pool, a play or a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It says something else.
    Edited,
}

/// A part of a pool, a play or a window that says something else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Edit {
    /// Where in it: `do[0].shift.to`.
    pub path: String,
    /// What was there; left out where nothing was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Json>,
    /// What is there; left out where nothing is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Json>,
    /// The same in words.
    pub says: String,
}

impl From<&playbook::Changed> for Changed {
    fn from(changed: &playbook::Changed) -> Self {
        let edit = |edit: &playbook::Edit| Edit {
            path: edit.path.clone(),
            before: edit.before.clone(),
            after: edit.after.clone(),
            says: edit.to_string(),
        };
        let (becomes, edits) = match &changed.becomes {
            Becomes::Added => (ChangeKind::Added, Vec::new()),
            Becomes::Removed => (ChangeKind::Removed, Vec::new()),
            Becomes::Edited(edits) => (ChangeKind::Edited, edits.iter().map(edit).collect()),
        };
        Self { what: changed.what.clone(), becomes, edits }
    }
}

/// What `playbook check` shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Checked {
    /// The version of this form.
    #[schemars(extend("const" = VERSION))]
    pub version: u32,
    /// Whether the file has no problem.
    pub sound: bool,
    /// Its problems, in the order of the file.
    pub problems: Vec<Problem>,
    /// With `--azure`, what was found about its pools there; left out where nobody looked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub azure: Option<Vec<Finding>>,
}

/// One thing that is wrong with a playbook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Problem {
    /// The line, from 1.
    pub line: u64,
    /// The column in characters, from 1; one past the end of the line where something is missing.
    pub column: u64,
    /// The offending text, to the end of its first line; empty where something is missing.
    pub text: String,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub help: String,
}

/// What was found about a pool or another backend in Azure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Finding {
    /// What the playbook calls it.
    pub pool: String,
    /// Its path in Azure.
    pub backend: String,
    /// What is the matter: `missing`, `noPool`, `noSingle`, `unreadable`, `unseen`, `noMembers`, `hidden`,
    /// `uncompared` or `unpublished`. More may come.
    pub matter: String,
    /// Of `noMembers`, the members that plays name and the pool does not list.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<String>,
    /// Of `hidden` and `unpublished`, the paths of the fields: `services[eu].preferredCarbonEmission`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
    /// The same in words, with the reason.
    pub says: String,
}

/// What a playbook means for an override that is held or in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Kept {
    /// The path of its backend.
    pub backend: String,
    /// The short name of that.
    pub name: String,
    /// Its id.
    pub id: String,
    /// What made it: `play drain`, `window patching` or `an operator`.
    pub by: String,
    /// What it does.
    pub effect: Effect,
    /// Whether it is kept; otherwise it ends, because its play, its window or its pool is no longer there.
    pub kept: bool,
    /// Whether it has begun, and so has something to give back.
    pub begun: bool,
    /// Whether it is in shadow now.
    pub shadow: bool,
    /// Whether what made it is in shadow by this playbook.
    pub becomes_shadow: bool,
}

impl Kept {
    /// What it means for those of a document.
    #[must_use]
    pub fn all(playbook: &Playbook, document: &Document, now: Timestamp) -> Vec<Self> {
        let running = document.overrides.values().filter(|over| !over.has_ended());
        running
            .map(|over| Self {
                backend: document.backend.to_string(),
                name: document.backend.short(),
                id: over.id.to_string(),
                by: over.origin.to_string(),
                effect: Effect::from(&over.effect),
                kept: playbook.keeps(&document.backend, over, now),
                begun: matches!(over.life, Life::Begun { .. }),
                shadow: matches!(&over.standing, Standing::Held(why) if why.is_shadow()),
                becomes_shadow: playbook.mode_of(&over.origin) == Mode::Shadow,
            })
            .collect()
    }

    /// The same in words.
    #[must_use]
    pub fn says(&self, reader: &Reader) -> String {
        let Self { name, id, by, effect, .. } = self;
        let what = match (self.kept, self.begun) {
            (true, true) if self.becomes_shadow => {
                "kept until it ends, though what made it is in shadow from now on"
            }
            (true, false) => match (self.shadow, self.becomes_shadow) {
                (true, false) => {
                    "let begin, where nothing else keeps it back: what made it acts from now on"
                }
                (false, true) => "kept back: what made it is in shadow from now on",
                (true, true) => "kept in shadow",
                (false, false) => "kept as it is",
            },
            (true, true) => "kept as it is",
            (false, true) => {
                "ended, with its ramp: the playbook no longer has its pool, or what made it as it was"
            }
            (false, false) => {
                "taken back before it begins: the playbook no longer has its pool, or what made it as it was"
            }
        };
        let be = reader.tells("", "would be ");
        format!("{name}: {effect} ({id}, by {by}): {be}{what}")
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use pointsman_core::effect;

    use super::*;

    #[test]
    fn what_a_mode_means_for_an_override_is_said() {
        let mut said = String::new();
        for begun in [false, true] {
            for (shadow, becomes_shadow) in
                [(false, false), (false, true), (true, false), (true, true)]
            {
                let kept = Kept {
                    backend: String::new(),
                    name: "contoso/chat".to_owned(),
                    id: "id".to_owned(),
                    by: "play drain".to_owned(),
                    effect: Effect::from(&effect::Effect::Drain { member: "eu".parse().unwrap() }),
                    kept: true,
                    begun,
                    // What has begun is in no shadow.
                    shadow: shadow && !begun,
                    becomes_shadow,
                };
                said += &format!("{}\n", kept.says(&Reader::utc(Timestamp::UNIX_EPOCH)));
            }
        }
        expect![[r#"
            contoso/chat: drain eu (id, by play drain): kept as it is
            contoso/chat: drain eu (id, by play drain): kept back: what made it is in shadow from now on
            contoso/chat: drain eu (id, by play drain): let begin, where nothing else keeps it back: what made it acts from now on
            contoso/chat: drain eu (id, by play drain): kept in shadow
            contoso/chat: drain eu (id, by play drain): kept as it is
            contoso/chat: drain eu (id, by play drain): kept until it ends, though what made it is in shadow from now on
            contoso/chat: drain eu (id, by play drain): kept as it is
            contoso/chat: drain eu (id, by play drain): kept until it ends, though what made it is in shadow from now on
        "#]].assert_eq(&said);
    }
}
