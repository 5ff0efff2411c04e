//! `plan`: what would happen if a signal were received now.

use jiff::Timestamp;
use pointsman_core::{
    document::Document,
    field, ledger,
    overrides::{self, Life, Standing},
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    history::What,
    over::in_vain,
    status::Pauses,
    value::{Change, Effect, VERSION, Why},
    words::Reader,
};

/// What `plan` shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Plan {
    /// The version of this form.
    #[schemars(extend("const" = VERSION))]
    pub version: u32,
    /// The pauses that are on.
    #[serde(flatten)]
    pub pauses: Pauses,
    /// What the ledger would tell of each signal, in words.
    pub heard: Vec<String>,
    /// Each signal that would lead to nothing, and why.
    pub noticed: Vec<Noticed>,
    /// The alerts that no play matches.
    pub unmatched: Vec<String>,
    /// Why an alert cannot be used, for each of those.
    pub unusable: Vec<String>,
    /// How many alerts the sender left out.
    pub truncated: u64,
    /// The plan for each backend that is concerned.
    pub backends: Vec<BackendPlan>,
}

/// A signal that would lead to nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Noticed {
    /// The kind of the notice, as in `status`.
    pub kind: String,
    /// The alert.
    pub series: String,
    /// Why, in the words that `status` and `history` would have.
    pub says: String,
}

/// The plan for one backend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct BackendPlan {
    /// Its path in Azure.
    pub backend: String,
    /// Its short name: `service/name`.
    pub name: String,
    /// Why it could not be read, if it could not: then nothing is known of what would be written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unseen: Option<String>,
    /// The fields that would be written.
    pub changes: Vec<Change>,
    /// The overrides that it would have, each with its verdict.
    pub overrides: Vec<OverridePlan>,
    /// What the ledger would tell.
    pub lines: Vec<What>,
}

/// The plan for one override.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct OverridePlan {
    /// Its id.
    pub id: String,
    /// The play that makes it; left out where a window or an operator did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub play: Option<String>,
    /// What it does.
    pub effect: Effect,
    /// Whether it takes part, or why it does not.
    pub verdict: Verdict,
}

/// What would be decided on an override.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Verdict {
    /// Its kind, for programs.
    pub kind: VerdictKind,
    /// When it ends, where its alert resolved and it stays until then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// What keeps it back, or why it ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<Why>,
    /// The same in words.
    pub says: String,
}

/// What can be decided on an override.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum VerdictKind {
    /// The backend could not be read.
    NotDecided,
    /// It is in force, or would be.
    WithinLimits,
    /// It stays for a while, though its alert resolved.
    EndsAt,
    /// It would end now.
    Ends,
    /// It had ended before, and is giving back what it took.
    Ending,
    /// A limit or a gate would keep it back.
    Held,
    /// Its play or its window is in shadow.
    Shadow,
    /// Someone else wrote every field of it, and it gave way.
    Yielded,
}

impl Verdict {
    fn of(over: &overrides::Override, told: &[ledger::What], reader: &Reader) -> Self {
        use VerdictKind as Kind;
        let ends_now = told
            .iter()
            .any(|what| matches!(what, ledger::What::Ended { id, .. } if *id == over.id));
        let new = |kind, why, says| Self { kind, at: None, why, says };
        match (&over.life, &over.standing) {
            // That it ends now says more than that limits would still allow it.
            (Life::Ended { why, .. }, _) if ends_now => {
                new(Kind::Ends, Some(Why::of(why)), format!("ends: {why}"))
            }
            (Life::Ended { why, .. }, _) => {
                new(Kind::Ending, Some(Why::of(why)), format!("ending: {why}"))
            }
            (_, Standing::Unseen) => new(Kind::NotDecided, None, "not decided".to_owned()),
            (Life::Begun { .. }, Standing::Admitted)
                if let Some((at, why @ overrides::End::Resolved)) = over.ends() =>
            {
                let says = format!("ends at {}: {why}", reader.time(at));
                Self { at: Some(at), ..new(Kind::EndsAt, Some(Why::of(&why)), says) }
            }
            (_, Standing::Admitted) => {
                new(Kind::WithinLimits, None, "within the limits".to_owned())
            }
            (_, Standing::Held(why)) => {
                let kind = if why.is_shadow() { Kind::Shadow } else { Kind::Held };
                new(kind, Some(Why::of(why)), why.says(""))
            }
            (_, Standing::Yielded) => {
                new(Kind::Yielded, None, "yielded to someone else's write".to_owned())
            }
        }
    }
}

impl BackendPlan {
    /// The plan for one backend: its document as it would be then, what would be written, and what the
    /// ledger would tell.
    #[must_use]
    pub fn of(
        document: &Document,
        unseen: Option<&str>,
        changes: &[field::Change],
        told: &[ledger::What],
        reader: &Reader,
    ) -> Self {
        let over = |over: &overrides::Override| {
            let mut verdict = Verdict::of(over, told, reader);
            verdict.says += &in_vain(document, over);
            OverridePlan {
                id: over.id.to_string(),
                play: over.origin.play().map(ToString::to_string),
                effect: Effect::from(&over.effect),
                verdict,
            }
        };
        Self {
            backend: document.backend.to_string(),
            name: document.backend.short(),
            unseen: unseen.map(str::to_owned),
            changes: changes.iter().map(Change::from).collect(),
            overrides: document.overrides.values().map(over).collect(),
            lines: told.iter().map(What::from).collect(),
        }
    }
}
