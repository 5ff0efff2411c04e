//! What was done for an operator: `pause`, `resume`, `undo`, `release`, `signal send` and
//! `dead-letters`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use pointsman_core::{
    ledger::{self, Line as Told},
    overrides::End,
    series::Occurrence,
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    backend::Reconnect,
    history::Line,
    notice::Notice,
    over::{Alerts, Override},
    status::Pause,
    value::{Effect, VERSION},
    words::{Reader, number},
};

/// What `pause` and `resume` show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Switched {
    /// The version of this form.
    #[schemars(extend("const" = VERSION))]
    pub version: u32,
    /// Whether it is the shadow's.
    pub shadow: bool,
    /// Whether it was so before, so that nothing was done.
    pub already: bool,
    /// Whether a `serve` runs on this store.
    pub served: bool,
    /// The pause that is on; after a `resume`, left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused: Option<Pause>,
    /// The paths of the backends for which a write or a reconnect was sent before the pause, and has no
    /// answer yet.
    pub unanswered: Vec<String>,
}

/// What `undo` shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Undone {
    /// The version of this form.
    #[schemars(extend("const" = VERSION))]
    pub version: u32,
    /// Whether it is the shadow's.
    pub shadow: bool,
    /// The backend's path in Azure.
    pub backend: String,
    /// Its short name: `service/name`.
    pub name: String,
    /// The ids of the overrides that were undone.
    pub undone: Vec<String>,
    /// For each of these, by its id, the alerts behind it.
    pub alerts: BTreeMap<String, Alerts>,
    /// The reconnects that were cancelled with it.
    pub cancelled: Vec<Reconnect>,
    /// The reconnects that Azure was asked for already, and cannot recall.
    pub not_cancelled: Vec<Reconnect>,
    /// Whether the backend was seen as its owner left it. Where this is false and `why` is there, `undo`
    /// exits with 1.
    pub restored: bool,
    /// The ids of other overrides that still change it.
    pub others: Vec<String>,
    /// Why it is not restored yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// What `drain`, `shift`, `promote` and `extend` show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ByHand {
    /// The version of this form.
    #[schemars(extend("const" = VERSION))]
    pub version: u32,
    /// Whether it is the shadow's.
    pub shadow: bool,
    /// The backend's path in Azure.
    pub backend: String,
    /// Its short name: `service/name`.
    pub name: String,
    /// What was asked for.
    pub asked: Vec<Effect>,
    /// The overrides that this made, or changed.
    pub overrides: Vec<Override>,
    /// Whether all of it is in force.
    pub in_force: bool,
    /// Whether a `serve` runs on this store; without one nothing ends by itself.
    pub served: bool,
}

/// What `release` shows, where everything was restored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Released {
    /// The version of this form.
    #[schemars(extend("const" = VERSION))]
    pub version: u32,
    /// Whether it is the shadow's.
    pub shadow: bool,
    /// Always true: otherwise it fails.
    pub released: bool,
    /// Whether a `serve` runs on this store, so that the next alert moves traffic again.
    pub served: bool,
    /// The ids of the overrides that were ended.
    pub ended: Vec<String>,
    /// For each of these, by its id, the alerts behind it: those that still fire.
    pub alerts: BTreeMap<String, Alerts>,
    /// The reconnects that were cancelled.
    pub cancelled: Vec<Reconnect>,
}

/// What is said where alerts still fire behind what was ended by hand; nothing where none does.
#[must_use]
pub fn still_firing<'a>(
    alerts: impl IntoIterator<Item = &'a Alerts>,
    reader: &Reader,
) -> Option<String> {
    let bring = reader.tells("bring", "would bring");
    let until = format!("they {bring} nothing back until they have resolved and fire anew");
    let counts = alerts.into_iter().map(|alerts| alerts.count).filter(|count| *count > 0);
    match counts.collect::<Vec<_>>().as_slice() {
        [] => None,
        [1] => {
            let brings = reader.tells("brings", "would bring");
            let until = "until it has resolved and fires anew";
            Some(format!("1 alert still fires: it {brings} nothing back {until}"))
        }
        [many] => Some(format!("{} alerts still fire: {until}", number(*many))),
        // One alert may be behind several of them.
        several => Some(format!("alerts still fire behind {} of these: {until}", several.len())),
    }
}

/// What `signal send` shows: once for a firing, and once for a resolve.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Sent {
    /// The version of this form.
    #[schemars(extend("const" = VERSION))]
    pub version: u32,
    /// Whether it is the shadow's.
    pub shadow: bool,
    /// The alert.
    pub series: String,
    /// The address that it was sent to.
    pub url: String,
    /// Whether it was told to be over.
    pub resolved: bool,
    /// Whether it led to anything, if only to an override that is held.
    pub led: bool,
    /// Whether it was heard as the watchdog of its source: it shows that alerts arrive, and no play is asked
    /// about it.
    pub watchdog: bool,
    /// Whether all of it was done in time.
    pub settled: bool,
    /// The new lines of the ledger about it.
    pub lines: Vec<Line>,
    /// What was noticed of it and has changed nothing.
    pub noticed: Vec<Notice>,
    /// Its overrides, as they stand now.
    pub overrides: Vec<SentOverride>,
    /// What it asks for and does not get, because that was undone.
    pub undone: Vec<UndoneBefore>,
}

impl Sent {
    /// The ids that its lines, its overrides and what was undone have.
    pub fn ids(&self) -> impl Iterator<Item = &String> {
        let lines = self.lines.iter().flat_map(|line| line.what.ids());
        let overrides = self.overrides.iter().map(|one| &one.over.id);
        lines.chain(overrides).chain(self.undone.iter().map(|undone| &undone.id))
    }
}

/// An override that a signal led to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SentOverride {
    /// The short name of its backend: `service/name`.
    pub backend: String,
    /// The override.
    #[serde(rename = "override")]
    pub over: Override,
}

/// An override that an alert does not bring back, because an operator undid it while the alert was on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct UndoneBefore {
    /// Its id.
    pub id: String,
    /// The short name of its backend: `service/name`.
    pub backend: String,
    /// What it did.
    pub effect: Effect,
    /// When it was undone.
    pub at: Timestamp,
    /// By whom.
    pub by: String,
    /// Why.
    pub reason: String,
}

impl UndoneBefore {
    /// Of what this occurrence asks for, what these lines of the ledger tell to be undone since then.
    #[must_use]
    pub fn all(occurrence: &Occurrence, lines: &[Told]) -> Vec<Self> {
        let undone = |claim: &pointsman_core::claim::Claim| {
            lines.iter().rev().find_map(|line| {
                let (ledger::What::Ended { id, why } | ledger::What::NeverBegan { id, why }) =
                    &line.what
                else {
                    return None;
                };
                let End::Undone { by, reason } = why else { return None };
                let is_it = *id == claim.id && claim.asked.since <= line.at;
                is_it.then(|| Self {
                    id: id.to_string(),
                    backend: claim.backend.short(),
                    effect: Effect::from(&claim.asked.effect),
                    at: line.at,
                    by: by.clone(),
                    reason: reason.clone(),
                })
            })
        };
        occurrence.claims.iter().filter_map(undone).collect()
    }

    /// The same in words.
    #[must_use]
    pub fn says(&self, reader: &Reader) -> String {
        let Self { id, backend, effect, at, by, reason } = self;
        let at = reader.time(*at);
        format!("{backend}: {effect} ({id}) was undone at {at} by {by}: {reason}")
    }
}

/// What `dead-letters list` shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetters {
    /// The version of this form.
    #[schemars(extend("const" = VERSION))]
    pub version: u32,
    /// The newest of them, oldest first.
    pub dead_letters: Vec<DeadLetter>,
    /// How many older ones there are.
    pub older: u64,
}

/// What could not be used, kept until a person decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetter {
    /// Its id.
    pub id: String,
    /// When it was put away.
    pub at: Timestamp,
    /// Where it came from: a source's name, or `queue`.
    pub from: String,
    /// Why it could not be used.
    pub reason: String,
    /// What it is, or its beginning; empty where its parts say that.
    pub body: String,
    /// Its parts, where it has several.
    pub parts: Vec<DeadLetterPart>,
    /// How many parts there were besides, and are not kept.
    pub left_out: u64,
}

/// A part of a dead letter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DeadLetterPart {
    /// Why it could not be used.
    pub reason: String,
    /// What it is.
    pub body: String,
}

/// What `dead-letters drop` shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Dropped {
    /// The version of this form.
    #[schemars(extend("const" = VERSION))]
    pub version: u32,
    /// How many were dropped.
    pub dropped: u64,
    /// The id of the one that was asked for, where one was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

/// What `dead-letters retry` shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Retried {
    /// The version of this form.
    #[schemars(extend("const" = VERSION))]
    pub version: u32,
    /// How many alerts were taken in.
    pub taken: u64,
    /// How many still cannot be used, and are kept.
    pub kept: u64,
}
