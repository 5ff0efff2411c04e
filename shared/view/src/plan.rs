//! `plan`: what would happen, were a signal heard now.

use jiff::Timestamp;
use pointsman_core::{
    document::Document,
    field, ledger,
    overrides::{self, Life, Standing},
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    VERSION,
    history::What,
    status::Pause,
    value::{Change, Effect, End, Held, Said},
    words::moment,
};

/// What `plan` shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Plan {
    /// The version of this form.
    #[schemars(extend("const" = VERSION))]
    pub version: u32,
    /// The pause that is on, if one is: nothing would be written under it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused: Option<Pause>,
    /// What each signal would mean, in words: whether it is heard, late, or nothing new.
    pub heard: Vec<String>,
    /// The alerts that no play matches.
    pub unmatched: Vec<String>,
    /// Why an alert cannot be used, for each of those.
    pub unusable: Vec<String>,
    /// How many alerts the sender left out.
    pub truncated: u64,
    /// What would become of each backend that it concerns.
    pub backends: Vec<BackendPlan>,
}

/// What would become of one backend.
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
    pub lines: Vec<Foreseen>,
}

/// A line that the ledger would have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Foreseen {
    /// What it would tell.
    #[serde(flatten)]
    pub what: What,
    /// The same in words, on one line.
    pub says: String,
}

/// What would become of one override.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct OverridePlan {
    /// Its id.
    pub id: String,
    /// The play that makes it.
    pub play: String,
    /// What it does.
    pub effect: Said<Effect>,
    /// Whether it takes part, or why it does not.
    pub verdict: Verdict,
}

/// What would be decided on an override.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Verdict {
    /// The backend could not be read.
    NotJudged,
    /// It is in force, or would be.
    WithinLimits,
    /// It stays until then, though its alert resolved.
    EndsAt {
        /// When it ends.
        at: Timestamp,
        /// Why.
        why: Said<End>,
    },
    /// It would end now.
    Ends {
        /// Why.
        why: Said<End>,
    },
    /// It had ended before, and is giving back what it took.
    Ending {
        /// Why it ended.
        why: Said<End>,
    },
    /// A limit or a gate would keep it back.
    Held {
        /// Which.
        why: Said<Held>,
    },
    /// Someone else wrote every field of it, and it gave way.
    Yielded,
}

impl Verdict {
    fn of(over: &overrides::Override, told: &[ledger::What]) -> Self {
        let ends_now = told
            .iter()
            .any(|what| matches!(what, ledger::What::Ended { id, .. } if *id == over.id));
        match (&over.life, &over.standing) {
            // That it ends now says more than that its limits would still allow it.
            (Life::Ended { why, .. }, _) if ends_now => Self::Ends { why: Said::of(why) },
            (Life::Ended { why, .. }, _) => Self::Ending { why: Said::of(why) },
            (_, Standing::Unseen) => Self::NotJudged,
            (Life::Begun { .. }, Standing::Admitted) => match over.ends() {
                Some((at, why @ overrides::End::Resolved)) => {
                    Self::EndsAt { at, why: Said::of(&why) }
                }
                Some((
                    _,
                    overrides::End::Expired
                    | overrides::End::Undone { .. }
                    | overrides::End::Dropped,
                ))
                | None => Self::WithinLimits,
            },
            (Life::Claimed { .. }, Standing::Admitted) => Self::WithinLimits,
            (_, Standing::Held(why)) => Self::Held { why: Said::of(why) },
            (_, Standing::Yielded) => Self::Yielded,
        }
    }

    /// The same in words.
    #[must_use]
    pub fn says(&self) -> String {
        match self {
            Self::NotJudged => "not judged".to_owned(),
            Self::WithinLimits => "within the limits".to_owned(),
            Self::EndsAt { at, why } => format!("ends at {}: {why}", moment(*at)),
            Self::Ends { why } => format!("ends: {why}"),
            Self::Ending { why } => format!("ending: {why}"),
            Self::Held { why } => format!("held: {why}"),
            Self::Yielded => "yielded to someone else's write".to_owned(),
        }
    }
}

impl BackendPlan {
    /// What would become of the backend of this document, as it would be then: what would be written,
    /// and what the ledger would tell.
    #[must_use]
    pub fn of(
        document: &Document,
        unseen: Option<&str>,
        changes: &[field::Change],
        told: &[ledger::What],
    ) -> Self {
        let over = |over: &overrides::Override| OverridePlan {
            id: over.id.to_string(),
            play: over.play.to_string(),
            effect: Said::of(&over.effect),
            verdict: Verdict::of(over, told),
        };
        let foreseen = |what: &ledger::What| Foreseen { what: what.into(), says: what.to_string() };
        Self {
            backend: document.backend.to_string(),
            name: document.backend.short(),
            unseen: unseen.map(str::to_owned),
            changes: changes.iter().map(Change::from).collect(),
            overrides: document.overrides.values().map(over).collect(),
            lines: told.iter().map(foreseen).collect(),
        }
    }
}
