//! `history`: what was heard, decided and done.

use jiff::{SignedDuration, Timestamp};
use pointsman_core::{ledger, names::BackendId};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    VERSION,
    over::Severity,
    value::{Change, Effect, End, Held, Said, Value},
};

/// What `history` shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct History {
    /// The version of this form.
    #[schemars(extend("const" = VERSION))]
    pub version: u32,
    /// The newest lines, oldest first.
    pub lines: Vec<Line>,
}

impl History {
    /// These lines.
    #[must_use]
    pub fn of(lines: &[ledger::Line]) -> Self {
        Self { version: VERSION, lines: lines.iter().map(Line::of).collect() }
    }
}

/// A line of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Line {
    /// Its own id.
    pub line: String,
    /// When it was decided.
    pub at: Timestamp,
    /// The path of the backend that it is about, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backend: Option<String>,
    /// The short name of that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it tells.
    #[serde(flatten)]
    pub what: What,
    /// The same in words, on one line.
    pub says: String,
}

impl Line {
    pub(crate) fn of(line: &ledger::Line) -> Self {
        Self {
            line: line.id.to_string(),
            at: line.at,
            backend: line.backend.as_ref().map(ToString::to_string),
            name: line.backend.as_ref().map(BackendId::short),
            what: What::from(&line.what),
            says: line.what.to_string(),
        }
    }
}

/// What a line tells.
///
/// In all of them `id` is that of the override or of the reconnect that it is about, `intent` is a write,
/// `series` is an alert, and `target` is the path of the backend that is reconnected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "what", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[expect(missing_docs, reason = "each is said by the sentence beside it")]
pub enum What {
    Fired { series: String, started: Timestamp, severity: Severity },
    Late { series: String, started: Timestamp, ended: Timestamp, counts_from: Option<Timestamp> },
    Resolved { series: String, ended: Timestamp, by_receipt: bool },
    Unresolvable { series: String, play: String, why: String },
    Truncated { source: String, left_out: u64 },
    Claimed { id: String, play: String, effect: Said<Effect>, series: String },
    Began { id: String },
    Held { id: String, why: Said<Held> },
    Displaced { id: String, by: Vec<String>, why: Said<Held> },
    Admitted { id: String },
    Warned { id: String, ends: Timestamp },
    RanOut { id: String, series: Vec<String> },
    Ended { id: String, why: Said<End> },
    NeverBegan { id: String, why: Said<End> },
    Stepped { id: String, given_back: String },
    Finished { id: String },
    Intended { intent: String, changes: Vec<Change> },
    IntendedWhole { intent: String, changes: Vec<Change> },
    Wrote { intent: String },
    Outrun { intent: String },
    Refused { intent: String, why: String },
    Throttled { until: Timestamp },
    Unanswered { intent: String, why: String },
    Landed { intent: String },
    NotLanded { intent: String },
    Answered { field: String, asked: Value, shown: Value },
    Foreign { field: String, ours: Value, theirs: Value, yielded: Vec<String> },
    Removed { field: String },
    Unreachable { why: String, until: Timestamp },
    ReconnectPlanned { id: String, target: String, due: Timestamp },
    ReconnectCancelled { id: String, target: String },
    ReconnectUndone { id: String, target: String, by: String, reason: String },
    ReconnectAsked { id: String, target: String, after: SignedDuration },
    ReconnectAccepted { id: String, target: String, due: Timestamp },
    ReconnectRefused { id: String, target: String, why: String },
    ReconnectUnanswered { id: String, target: String, why: String },
    ReconnectUnknown { id: String, target: String },
    Paused { by: String, reason: String },
    Resumed { by: String },
    Published { generation: u64, by: String },
    Rejected { why: String },
}

fn texts<T: ToString>(all: &[T]) -> Vec<String> {
    all.iter().map(ToString::to_string).collect()
}

impl From<&ledger::What> for What {
    fn from(what: &ledger::What) -> Self {
        use ledger::What as Told;
        match what.clone() {
            Told::Fired { series, started, severity } => {
                Self::Fired { series: series.to_string(), started, severity: severity.into() }
            }
            Told::Late { series, started, ended, again } => {
                Self::Late { series: series.to_string(), started, ended, counts_from: again }
            }
            Told::Resolved { series, ended, by_receipt } => Self::Resolved {
                series: series.to_string(),
                ended,
                by_receipt: by_receipt.is_some(),
            },
            Told::Unresolvable { series, play, why } => {
                Self::Unresolvable { series: series.to_string(), play: play.to_string(), why }
            }
            Told::Truncated { source, left_out } => {
                Self::Truncated { source: source.to_string(), left_out }
            }
            Told::Claimed { id, play, effect, series } => Self::Claimed {
                id: id.to_string(),
                play: play.to_string(),
                effect: Said::of(&effect),
                series: series.to_string(),
            },
            Told::Began { id } => Self::Began { id: id.to_string() },
            Told::Held { id, why } => Self::Held { id: id.to_string(), why: Said::of(&why) },
            Told::Displaced { id, by, why } => {
                Self::Displaced { id: id.to_string(), by: texts(&by), why: Said::of(&why) }
            }
            Told::Admitted { id } => Self::Admitted { id: id.to_string() },
            Told::Warned { id, ends } => Self::Warned { id: id.to_string(), ends },
            Told::RanOut { id, series } => {
                Self::RanOut { id: id.to_string(), series: texts(&series) }
            }
            Told::Ended { id, why } => Self::Ended { id: id.to_string(), why: Said::of(&why) },
            Told::NeverBegan { id, why } => {
                Self::NeverBegan { id: id.to_string(), why: Said::of(&why) }
            }
            Told::Stepped { id, given_back } => {
                Self::Stepped { id: id.to_string(), given_back: given_back.to_string() }
            }
            Told::Finished { id } => Self::Finished { id: id.to_string() },
            Told::Intended { intent, changes } => Self::Intended {
                intent: intent.to_string(),
                changes: changes.iter().map(Change::from).collect(),
            },
            Told::IntendedWhole { intent, changes } => Self::IntendedWhole {
                intent: intent.to_string(),
                changes: changes.iter().map(Change::from).collect(),
            },
            Told::Wrote { intent } => Self::Wrote { intent: intent.to_string() },
            Told::Outrun { intent } => Self::Outrun { intent: intent.to_string() },
            Told::Refused { intent, why } => Self::Refused { intent: intent.to_string(), why },
            Told::Throttled { until } => Self::Throttled { until },
            Told::Unanswered { intent, why } => {
                Self::Unanswered { intent: intent.to_string(), why }
            }
            Told::Landed { intent } => Self::Landed { intent: intent.to_string() },
            Told::NotLanded { intent } => Self::NotLanded { intent: intent.to_string() },
            Told::Answered { field, asked, shown } => Self::Answered {
                field: field.to_string(),
                asked: asked.into(),
                shown: shown.into(),
            },
            Told::Foreign { field, ours, theirs, yielded } => Self::Foreign {
                field: field.to_string(),
                ours: ours.into(),
                theirs: theirs.into(),
                yielded: texts(&yielded),
            },
            Told::Removed { field } => Self::Removed { field: field.to_string() },
            Told::Unreachable { why, until } => Self::Unreachable { why, until },
            Told::ReconnectPlanned { id, target, due } => {
                Self::ReconnectPlanned { id: id.to_string(), target: target.to_string(), due }
            }
            Told::ReconnectCancelled { id, target } => {
                Self::ReconnectCancelled { id: id.to_string(), target: target.to_string() }
            }
            Told::ReconnectUndone { id, target, by, reason } => {
                Self::ReconnectUndone { id: id.to_string(), target: target.to_string(), by, reason }
            }
            Told::ReconnectAsked { id, target, after } => {
                Self::ReconnectAsked { id: id.to_string(), target: target.to_string(), after }
            }
            Told::ReconnectAccepted { id, target, due } => {
                Self::ReconnectAccepted { id: id.to_string(), target: target.to_string(), due }
            }
            Told::ReconnectRefused { id, target, why } => {
                Self::ReconnectRefused { id: id.to_string(), target: target.to_string(), why }
            }
            Told::ReconnectUnanswered { id, target, why } => {
                Self::ReconnectUnanswered { id: id.to_string(), target: target.to_string(), why }
            }
            Told::ReconnectUnknown { id, target } => {
                Self::ReconnectUnknown { id: id.to_string(), target: target.to_string() }
            }
            Told::Paused { by, reason } => Self::Paused { by, reason },
            Told::Resumed { by } => Self::Resumed { by },
            Told::Published { generation, by } => Self::Published { generation, by },
            Told::Rejected { why } => Self::Rejected { why },
        }
    }
}
