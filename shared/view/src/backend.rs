//! What is going on at one backend.

use std::{collections::BTreeMap, fmt};

use jiff::Timestamp;
use pointsman_core::{
    claim::Occurrences,
    document::{self, Document},
    id::OverrideId,
    overrides,
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    over::Override,
    value::{Change, Value},
    words::moment,
};

/// What is going on at one backend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Backend {
    /// Its path in Azure.
    pub backend: String,
    /// Its short name: `service/name`.
    pub name: String,
    /// Whether no override is on, every field is as its owner left it, and nothing is to come.
    pub at_rest: bool,
    /// That Azure does not answer for it, or refuses, or asks to wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<Trouble>,
    /// That Azure shows no such backend, although something is going on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing: Option<Missing>,
    /// Its overrides: held, in force, or on their way out.
    pub overrides: Vec<Override>,
    /// The fields that are changed, or may come to be.
    pub fields: Vec<Field>,
    /// The fields that were given up to someone else's write.
    pub given_up: Vec<GivenUp>,
    /// The writes without an answer. One without changes was sent so that no write before it can still
    /// land.
    pub writes: Vec<Write>,
    /// The reconnects that are due, and those that were answered lately.
    pub reconnects: Vec<Reconnect>,
}

impl Backend {
    /// What a document says of its backend. `counted` are the alerts behind those overrides of which the
    /// document does not know all.
    #[must_use]
    pub fn of(
        document: &Document,
        counted: &BTreeMap<OverrideId, Occurrences>,
        now: Timestamp,
    ) -> Self {
        let over = |over: &overrides::Override| {
            Override::of(document, over, counted.get(&over.id).copied(), now)
        };
        let given_up = document.yielded.iter().map(|(field, ids)| GivenUp {
            field: field.to_string(),
            by: ids.iter().map(ToString::to_string).collect(),
        });
        Self {
            backend: document.backend.to_string(),
            name: document.backend.short(),
            at_rest: document.is_at_rest(),
            trouble: document.trouble.as_ref().map(Trouble::of),
            missing: Missing::of(document, now),
            overrides: document.overrides.values().map(over).collect(),
            fields: document.owned.iter().map(Field::of).collect(),
            given_up: given_up.collect(),
            writes: document.intents.iter().map(Write::of).collect(),
            reconnects: document.reconnects.values().map(Reconnect::of).collect(),
        }
    }

    /// Whether there is nothing to say of it.
    #[must_use]
    pub const fn is_quiet(&self) -> bool {
        self.at_rest && self.trouble.is_none() && self.reconnects.is_empty()
    }
}

/// That Azure does not answer, or refuses, or asks to wait.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Trouble {
    /// Since when.
    pub since: Timestamp,
    /// When Azure is asked again.
    pub until: Timestamp,
    /// What it said.
    pub why: String,
}

impl Trouble {
    fn of(trouble: &document::Trouble) -> Self {
        Self { since: trouble.since, until: trouble.until, why: trouble.why.clone() }
    }
}

/// That Azure shows no such backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Missing {
    /// Since when.
    pub since: Timestamp,
    /// From when on it counts as deleted.
    pub believed: Timestamp,
    /// Whether it counts as deleted now.
    pub gone: bool,
}

impl Missing {
    /// None where it was seen at the last look, and where nothing is going on: then nobody looks.
    #[must_use]
    pub fn of(document: &Document, now: Timestamp) -> Option<Self> {
        let (since, believed) = document.missing().filter(|_| !document.is_at_rest())?;
        Some(Self { since, believed, gone: now >= believed })
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MISSING: Azure has shown no such backend since {}, ", moment(self.since))?;
        if self.gone {
            f.write_str("and it counts as deleted")
        } else {
            write!(f, "and it counts as deleted from {} on", moment(self.believed))
        }
    }
}

/// A field that overrides change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Field {
    /// Which: `members/eu/weight`.
    pub field: String,
    /// What its owner last left there.
    pub baseline: Value,
    /// What Pointsman last wrote there.
    pub written: Value,
    /// That Azure keeps something else than what was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unmet: Option<Unmet>,
}

/// What a field should be, while Azure keeps something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Unmet {
    /// What it should be.
    pub wanted: Value,
    /// Since when.
    pub since: Timestamp,
    /// When it is written again.
    pub until: Timestamp,
    /// Whether that is what its owner left there.
    pub restores: bool,
}

impl Field {
    fn of((field, owned): (&pointsman_core::field::Field, &document::Owned)) -> Self {
        let unmet = owned.unmet().map(|unmet| Unmet {
            wanted: unmet.wanted.into(),
            since: unmet.since,
            until: unmet.until,
            restores: unmet.wanted.means(owned.baseline),
        });
        let (baseline, written) = (owned.baseline.into(), owned.written.into());
        Self { field: field.to_string(), baseline, written, unmet }
    }

    /// What Azure keeps instead of what was asked, in words.
    #[must_use]
    pub fn kept(&self) -> Option<String> {
        let Self { field, written, .. } = self;
        let Unmet { wanted, .. } = self.unmet?;
        Some(format!("{field} should be {wanted}, and Azure keeps {written}"))
    }

    /// What Azure keeps instead of what its owner left, in words.
    #[must_use]
    pub fn unrestored(&self) -> Option<String> {
        self.unmet.filter(|unmet| unmet.restores)?;
        let Self { field, baseline, written, .. } = self;
        Some(format!("{field} should be {baseline} again, and Azure keeps {written}"))
    }
}

/// A field that was given up to someone else's write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct GivenUp {
    /// Which: `members/eu/weight`.
    pub field: String,
    /// By which overrides.
    pub by: Vec<String>,
}

/// A write that has had no answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Write {
    /// Its id.
    pub id: String,
    /// When it was recorded, just before it was sent.
    pub at: Timestamp,
    /// Until when it may still land.
    pub until: Timestamp,
    /// What it changes.
    pub changes: Vec<Change>,
}

impl Write {
    fn of(intent: &document::Intent) -> Self {
        Self {
            id: intent.id.to_string(),
            at: intent.at,
            until: intent.fence(),
            changes: intent.changes.iter().map(Change::from).collect(),
        }
    }
}

/// That a write of this document has had no answer and may still land, in words.
#[must_use]
pub fn may_land(document: &Document) -> Option<String> {
    let until = moment(document.may_land_until()?);
    Some(format!(
        "a write that had no answer may still land until {until}; it is taken back if it does"
    ))
}

/// A reconnect: a backend gets new connections.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Reconnect {
    /// Of which backend: its path in Azure.
    pub target: String,
    /// Its short name.
    pub name: String,
    /// The play that it follows.
    pub play: String,
    /// When it is to be; none while its play still acts on some pool, for it follows the end of that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due: Option<Timestamp>,
    /// When Azure was asked for it: twice at most.
    pub asked: Vec<Timestamp>,
    /// Its outcome, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
}

/// The outcome of a reconnect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Outcome {
    /// Azure took it.
    Accepted {
        /// When.
        at: Timestamp,
        /// When the backend gets new connections.
        due: Timestamp,
    },
    /// Azure did not take it.
    Refused {
        /// When.
        at: Timestamp,
        /// Why.
        why: String,
    },
    /// It was asked for as often as it may be, and no answer is known.
    Unknown {
        /// When it was given up.
        at: Timestamp,
    },
}

impl Reconnect {
    /// What is stored of a reconnect.
    #[must_use]
    pub fn of(reconnect: &document::Reconnect) -> Self {
        let outcome = reconnect.outcome.as_ref().map(|outcome| match outcome {
            document::Outcome::Accepted { at, due } => Outcome::Accepted { at: *at, due: *due },
            document::Outcome::Refused { at, why } => {
                Outcome::Refused { at: *at, why: why.clone() }
            }
            document::Outcome::Unknown { at } => Outcome::Unknown { at: *at },
        });
        Self {
            target: reconnect.target.to_string(),
            name: reconnect.target.short(),
            play: reconnect.play.to_string(),
            due: reconnect.after.is_none().then_some(reconnect.due),
            asked: reconnect.asked.clone(),
            outcome,
        }
    }
}

impl fmt::Display for Reconnect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, play, .. } = self;
        match &self.outcome {
            None => match self.due {
                Some(due) => write!(f, "reconnect of {name} at {}", moment(due)),
                None => write!(f, "reconnect of {name} once play {play} acts on no pool any more"),
            },
            Some(Outcome::Accepted { due, .. }) => {
                write!(f, "reconnect of {name} accepted, due at {}", moment(*due))
            }
            Some(Outcome::Refused { why, .. }) => write!(f, "reconnect of {name} refused: {why}"),
            Some(Outcome::Unknown { .. }) => {
                write!(f, "reconnect of {name}: asked for twice without an answer, not asked again")
            }
        }
    }
}
