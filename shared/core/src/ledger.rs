//! The ledger: what was heard, decided and done, and why, one line each, never changed.
//!
//! Lines are committed with the state that they tell of, in one transaction, so that there is
//! neither a change without its line nor a line without its change. A line's id is derived from
//! what it says, so that none is written twice.

use std::fmt::{self, Write};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    drift::ASSERTS_MAX,
    effect::Effect,
    field::{Change, Field, Value},
    fraction::Fraction,
    group::{Paused, RunOf},
    id::{IntentId, LineId, OverrideId, ReconnectId},
    names::{BackendId, PlayName, ServiceAlias, SourceName, WindowName},
    overrides::{End, Held},
    shown::{Named, Shown},
    signal::{ByReceipt, SeriesId, Severity},
    text::Escaping,
    unpublished::Unpublished,
};

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Derived from what it says. Called `line` where it is shown: what it speaks of has an `id`, too.
    #[serde(rename = "line")]
    pub id: LineId,
    /// When it was decided.
    pub at: Timestamp,
    /// Which backend it is about, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend: Option<BackendId>,
    /// What it says.
    #[serde(flatten)]
    pub what: What,
}

impl Line {
    /// A line about `backend`, or about none.
    #[must_use]
    pub fn new(at: Timestamp, backend: Option<&BackendId>, what: What) -> Self {
        let subject = backend.map(ToString::to_string).unwrap_or_default();
        let id = LineId::derive(&[&at.to_string(), &subject, &what.identity()]);
        Self { id, at, backend: backend.cloned(), what }
    }

    /// A line that is told once, however often what it says happens again.
    #[must_use]
    pub fn once(at: Timestamp, what: What) -> Self {
        Self { id: LineId::derive(&[&what.identity()]), at, backend: None, what }
    }
}

/// What a line says. What came to be told later is left out where it is not known, as in lines of before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[expect(missing_docs, reason = "each is said by its sentence below, once")]
#[rustfmt::skip] // a line each, also where a field was not told before
pub enum What {
    Fired {
        series: SeriesId, started: Timestamp, severity: Severity,
        #[serde(default, skip_serializing_if = "Shown::is_empty")] alert: Shown,
        #[serde(default, skip_serializing_if = "Vec::is_empty")] plays: Vec<PlayName>,
    },
    Late {
        series: SeriesId, started: Timestamp, ended: Timestamp, again: Option<Timestamp>,
        #[serde(default, skip_serializing_if = "Shown::is_empty")] alert: Shown,
    },
    Resolved {
        series: SeriesId, ended: Timestamp, by_receipt: Option<ByReceipt>,
        #[serde(default, skip_serializing_if = "Shown::is_empty")] alert: Shown,
        #[serde(default, skip_serializing_if = "Vec::is_empty")] plays: Vec<PlayName>,
    },
    Unresolvable {
        series: SeriesId, play: PlayName, why: String,
        #[serde(default, skip_serializing_if = "Shown::is_empty")] alert: Shown,
    },
    Truncated { source: SourceName, left_out: u64 },
    KeepsBack {
        series: SeriesId,
        #[serde(default, skip_serializing_if = "Shown::is_empty")] alert: Shown,
        plays: Vec<PlayName>,
    },
    Claimed {
        id: OverrideId, play: PlayName, effect: Effect, series: SeriesId,
        #[serde(default, skip_serializing_if = "Shown::is_empty")] alert: Shown,
    },
    Commanded {
        id: OverrideId, by: String, reason: String, effect: Effect, lasts: SignedDuration,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")] force: bool,
    },
    Forced { id: OverrideId, why: Held },
    Extended { id: OverrideId, until: Timestamp, by: String, reason: String },
    Opened { id: OverrideId, window: WindowName, effect: Effect, until: Timestamp },
    Skipped { window: WindowName, start: Timestamp, by: String, reason: String },
    Announced {
        window: WindowName, start: Timestamp, end: Timestamp, effects: Vec<Effect>,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")] shadow: bool,
    },
    Missed { window: WindowName, start: Timestamp, end: Timestamp },
    Panicked { out: usize, of: usize, most: Fraction },
    Calmed { since: Timestamp },
    Began { id: OverrideId },
    Held { id: OverrideId, why: Held },
    Displaced {
        id: OverrideId, by: Vec<OverrideId>, why: Held,
        #[serde(default, skip_serializing_if = "Vec::is_empty")] stronger: Vec<String>,
    },
    Outranked { id: OverrideId, by: Vec<OverrideId>, stronger: Vec<String> },
    Admitted { id: OverrideId },
    Warned { id: OverrideId, ends: Timestamp },
    RanOut { id: OverrideId, series: Vec<SeriesId> },
    WentSilent { id: OverrideId, series: Vec<SeriesId> },
    Ended { id: OverrideId, why: End },
    NeverBegan { id: OverrideId, why: End },
    Stepped { id: OverrideId, given_back: Fraction },
    Finished { id: OverrideId },
    Intended {
        intent: IntentId, changes: Vec<Change>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")] overrides: Vec<OverrideId>,
    },
    IntendedWhole {
        intent: IntentId, changes: Vec<Change>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")] overrides: Vec<OverrideId>,
    },
    Wrote { intent: IntentId },
    Outrun { intent: IntentId },
    Refused { intent: IntentId, why: String },
    NotSent { intent: IntentId, why: String },
    Throttled {
        until: Timestamp,
        #[serde(default, skip_serializing_if = "Option::is_none")] intent: Option<IntentId>,
    },
    CameFirst { intent: IntentId },
    Adopted,
    Unanswered { intent: IntentId, why: String },
    Landed { intent: IntentId },
    NotLanded { intent: IntentId },
    Answered { field: Field, asked: Value, shown: Value },
    Foreign { field: Field, ours: Value, theirs: Value, yielded: Vec<OverrideId> },
    Unpublished { id: OverrideId, matter: Unpublished },
    Asserted { field: Field, overrides: Vec<OverrideId>, times: usize },
    LeftAlone { field: Field, until: Timestamp },
    Removed { field: Field },
    ByHand { command: String, by: String, changes: Vec<String> },
    Unreachable { why: String, until: Timestamp },
    ReconnectWaits {
        id: ReconnectId, target: BackendId, on: Vec<BackendId>,
        #[serde(flatten)] of: RunOf,
    },
    ReconnectPlanned { id: ReconnectId, target: BackendId, due: Timestamp },
    ReconnectCancelled { id: ReconnectId, target: BackendId },
    ReconnectUndone { id: ReconnectId, target: BackendId, by: String, reason: String },
    ReconnectAsked { id: ReconnectId, target: BackendId, after: SignedDuration },
    ReconnectAccepted { id: ReconnectId, target: BackendId, due: Timestamp },
    ReconnectRefused { id: ReconnectId, target: BackendId, why: String },
    ReconnectNotSent { id: ReconnectId, target: BackendId, why: String },
    ReconnectUnanswered { id: ReconnectId, target: BackendId, why: String },
    ReconnectUnknown { id: ReconnectId, target: BackendId },
    Paused {
        by: String, reason: String,
        #[serde(default, skip_serializing_if = "Paused::is_everything")] of: Paused,
        #[serde(default, skip_serializing_if = "Option::is_none")] until: Option<Timestamp>,
    },
    Resumed {
        by: String,
        #[serde(default, skip_serializing_if = "String::is_empty")] reason: String,
        #[serde(default, skip_serializing_if = "Paused::is_everything")] of: Paused,
    },
    Published { generation: u64, by: String },
    Rejected { why: String },
    Retried { letter: String, from: String, by: String, taken: u64, kept: u64 },
    WentBlind { service: ServiceAlias, why: String },
    SeesAgain { service: ServiceAlias, blind_since: Timestamp },
}

impl What {
    /// The series that it is about, where it is about one.
    #[must_use]
    pub fn series(&self) -> Option<&SeriesId> {
        match self {
            Self::Fired { series, .. }
            | Self::Late { series, .. }
            | Self::Resolved { series, .. }
            | Self::Unresolvable { series, .. }
            | Self::KeepsBack { series, .. }
            | Self::Claimed { series, .. } => Some(series),
            Self::Truncated { .. }
            | Self::Commanded { .. }
            | Self::Forced { .. }
            | Self::Extended { .. }
            | Self::Opened { .. }
            | Self::Skipped { .. }
            | Self::Announced { .. }
            | Self::Missed { .. }
            | Self::Panicked { .. }
            | Self::Calmed { .. }
            | Self::Began { .. }
            | Self::Held { .. }
            | Self::Displaced { .. }
            | Self::Outranked { .. }
            | Self::Admitted { .. }
            | Self::Warned { .. }
            | Self::RanOut { .. }
            | Self::WentSilent { .. }
            | Self::Ended { .. }
            | Self::NeverBegan { .. }
            | Self::Stepped { .. }
            | Self::Finished { .. }
            | Self::Intended { .. }
            | Self::IntendedWhole { .. }
            | Self::Wrote { .. }
            | Self::Outrun { .. }
            | Self::Refused { .. }
            | Self::NotSent { .. }
            | Self::Throttled { .. }
            | Self::CameFirst { .. }
            | Self::Adopted
            | Self::Unanswered { .. }
            | Self::Landed { .. }
            | Self::NotLanded { .. }
            | Self::Answered { .. }
            | Self::Foreign { .. }
            | Self::Unpublished { .. }
            | Self::Asserted { .. }
            | Self::LeftAlone { .. }
            | Self::Removed { .. }
            | Self::ByHand { .. }
            | Self::Unreachable { .. }
            | Self::ReconnectWaits { .. }
            | Self::ReconnectPlanned { .. }
            | Self::ReconnectCancelled { .. }
            | Self::ReconnectUndone { .. }
            | Self::ReconnectAsked { .. }
            | Self::ReconnectAccepted { .. }
            | Self::ReconnectRefused { .. }
            | Self::ReconnectNotSent { .. }
            | Self::ReconnectUnanswered { .. }
            | Self::ReconnectUnknown { .. }
            | Self::Paused { .. }
            | Self::Resumed { .. }
            | Self::Published { .. }
            | Self::Rejected { .. }
            | Self::Retried { .. }
            | Self::WentBlind { .. }
            | Self::SeesAgain { .. } => None,
        }
    }

    /// What it says, in the words that ids are derived from: those that are stored. What is told once is
    /// the same also where a repeat of its alert says it in other words.
    fn identity(&self) -> String {
        let mut what = self.clone();
        if let Self::Late { alert, .. } | Self::Unresolvable { alert, .. } = &mut what {
            *alert = Shown::default();
        }
        // It has nothing in it that JSON has no way to say.
        serde_json::to_string(&what).unwrap_or_default()
    }
}

impl fmt::Display for What {
    /// One line, whatever the texts of others hold.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.say(&mut Escaping(f), false)
    }
}

/// Tells a line of a shadow's ledger, of which nothing was written to Azure.
#[derive(Clone, Copy, Debug)]
pub struct InShadow<'a>(pub &'a What);

impl fmt::Display for InShadow<'_> {
    /// One line, whatever the texts of others hold.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.say(&mut Escaping(f), true)
    }
}

impl What {
    /// The sentence, with others' text as it came. What a shadow did not do, it would have done.
    fn say(&self, f: &mut dyn Write, in_shadow: bool) -> fmt::Result {
        let tells = |done, would| if in_shadow { would } else { done };
        match self {
            Self::Fired { series, started, severity, alert, plays: _ } => {
                write!(f, "{} fires since {started} ({severity})", Named(series, alert))
            }
            Self::Late { series, started, ended, again, alert } => {
                let (who, id) = Named(series, alert).around();
                let is = tells("is", "would be");
                write!(
                    f,
                    "{who}: a firing of {started} came after its end at {ended}; nothing {is} done"
                )?;
                if let Some(again) = again {
                    write!(f, ", unless it is heard again from {again:.0} on")?;
                }
                f.write_str(&id)
            }
            Self::Resolved { series, ended, by_receipt, alert, plays: _ } => {
                write!(f, "{} resolved at {ended}", Named(series, alert))?;
                match by_receipt {
                    Some(why) => write!(f, ", when that was received: {why}"),
                    None => Ok(()),
                }
            }
            // Why says which play.
            Self::Unresolvable { series, play: _, why, alert } => {
                let (who, id) = Named(series, alert).around();
                write!(f, "{who} could not be acted upon: {why}{id}")
            }
            Self::KeepsBack { series, alert, plays } => {
                let begins = tells("begins", "would begin");
                write!(f, "while {} is on, nothing {begins} of ", Named(series, alert))?;
                list(f, plays)
            }
            Self::Truncated { source, left_out } => {
                write!(f, "{source} left alerts out of a delivery: {left_out}")
            }
            Self::Claimed { id, play, effect, series, alert } => {
                write!(f, "{id}: {effect}, by play {play} for {}", Named(series, alert))
            }
            Self::Extended { id, until, by, reason } => {
                let stays = tells("stays", "would stay");
                write!(f, "{id} {stays} until {until:.0} at least, by {by}: {reason}")
            }
            Self::Commanded { id, by, reason, effect, lasts, force } => {
                let force = if *force { ", past the limits" } else { "" };
                write!(f, "{id}: {effect} for {lasts:#}{force}, by {by}: {reason}")
            }
            Self::Forced { id, why } => {
                let passes = tells("passes", "would have passed");
                write!(f, "{id} {passes} a limit by force: {why}")
            }
            Self::Opened { id, window, effect, until } => {
                write!(f, "{id}: {effect}, by window {window} until {until:.0}")
            }
            Self::Skipped { window, start, by, reason } => {
                write!(f, "window {window} of {start:.0} is skipped by {by}: {reason}")
            }
            Self::Announced { window, start, end, effects, shadow } => {
                let shadow = if *shadow { "in shadow, would " } else { "" };
                write!(f, "window {window} opens at {start:.0}, until {end:.0}: {shadow}")?;
                list(f, effects)
            }
            Self::Missed { window, start, end } => write!(
                f,
                "window {window} was open from {start:.0} to {end:.0}, and nothing could be done: Pointsman did not run, or Azure did not answer"
            ),
            Self::Panicked { out, of, most } => {
                let is = tells("is", "would be");
                let was =
                    tells("what was is given back", "what would have been would be given back");
                write!(
                    f,
                    "PANIC: alerts ask for {out} of the {of} members that serve to be out, which is more than {most}. Their cause is taken for a common one: nothing more {is} drained for alerts, and {was}"
                )
            }
            Self::Calmed { since } => {
                write!(f, "the panic since {since:.0} is over: what alerts ask for may begin again")
            }
            Self::Began { id } => write!(f, "{id} {}", tells("began", "would have begun")),
            Self::Held { id, why } if why.is_shadow() => write!(f, "{id} is {why}"),
            Self::Held { id, why } => write!(f, "{id} {} held: {why}", tells("is", "would be")),
            Self::Displaced { id, by, why, stronger } => {
                write!(f, "{id} {} way to ", tells("gave", "would have given"))?;
                list(f, &with_names(by, stronger))?;
                write!(f, ": {why}")
            }
            Self::Outranked { id, by, stronger } => {
                let decides = tells("decides", "would decide");
                write!(f, "{id} {decides} nothing any more; instead of it {decides} ")?;
                list(f, &with_names(by, stronger))
            }
            Self::Admitted { id } => {
                write!(f, "{id} {} held any more", tells("is not", "would not be"))
            }
            Self::Warned { id, ends } => {
                let will = tells("will", "would");
                write!(f, "{id} has heard of no end and {will} be ended at {ends:.0}")
            }
            Self::RanOut { id, series } => {
                write!(f, "{id} {} on, but not for ", tells("goes", "would go"))?;
                list(f, series)?;
                f.write_str(": the time for that ran out")
            }
            Self::WentSilent { id, series } => {
                write!(f, "{id} {} on, but not for ", tells("goes", "would go"))?;
                list(f, series)?;
                f.write_str(": that was not heard again")
            }
            Self::Ended { id, why } => {
                write!(f, "{id} {}: {why}", tells("ended", "would have ended"))
            }
            Self::NeverBegan { id, why } => {
                let began = tells("ended before it began", "would have ended before it began");
                write!(f, "{id} {began}: {why}")
            }
            Self::Stepped { id, given_back } => {
                write!(f, "{id} {} {given_back} back", tells("has given", "would have given"))
            }
            Self::Finished { id } => write!(f, "{id} {} over", tells("is", "would be")),
            Self::Intended { changes, .. } | Self::IntendedWhole { changes, .. } if in_shadow => {
                f.write_str("would have written ")?;
                list(f, changes)
            }
            Self::Intended { intent, changes, .. } if changes.is_empty() => write!(
                f,
                "write {intent}: nothing, so that no write without an answer can land any more"
            ),
            Self::Intended { intent, changes, .. } => {
                write!(f, "write {intent}: ")?;
                list(f, changes)
            }
            Self::IntendedWhole { intent, changes, .. } => {
                write!(f, "write {intent}, which replaces the whole backend: ")?;
                list(f, changes)
            }
            Self::Wrote { intent } => {
                write!(f, "write {intent} {} done", tells("is", "would have been"))
            }
            Self::Outrun { intent } => {
                write!(
                    f,
                    "write {intent} was not done: Azure says that someone else wrote first; decided again"
                )
            }
            Self::Refused { intent, why } => write!(f, "write {intent} was refused: {why}"),
            Self::NotSent { intent, why } => write!(f, "write {intent} could not be sent: {why}"),
            Self::Throttled { until, intent: _ } => {
                write!(f, "Azure asks to wait until {until:.0}")
            }
            Self::CameFirst { intent } => write!(
                f,
                "write {intent}: someone else had made the backend by then; it was replaced, counts as theirs, and is not deleted"
            ),
            Self::Adopted => f.write_str(
                "someone else has written to the backend that was made here; it counts as theirs, and is not deleted",
            ),
            Self::Unanswered { intent, why } => {
                write!(f, "write {intent} may or may not have been done: {why}")
            }
            Self::Landed { intent } => write!(f, "write {intent} was seen to be done"),
            Self::NotLanded { intent } => write!(f, "write {intent} was seen not to be done"),
            Self::Answered { field, asked, shown } => {
                write!(f, "{field}: {asked} was asked, and Azure shows {shown}")
            }
            Self::Foreign { field, ours, theirs, yielded } => {
                write!(
                    f,
                    "{field}: someone else wrote {theirs} over {ours}; it is the new baseline"
                )?;
                if !yielded.is_empty() {
                    f.write_str(tells(", and yielded to by ", ", and would be yielded to by "))?;
                    list(f, yielded)?;
                }
                Ok(())
            }
            Self::Unpublished { id, matter } => {
                write!(f, "{id}: ")?;
                matter.say(f, in_shadow)
            }
            Self::Asserted { field, overrides, times } => {
                let is = tells("is written", "would have been written");
                write!(f, "{field} {is} again for ")?;
                list(f, overrides)?;
                write!(f, ": {times} of at most {ASSERTS_MAX} times within 24h")
            }
            Self::LeftAlone { field, until } => write!(
                f,
                "{field} was written again {ASSERTS_MAX} times within 24h: until {until:.0} it is left as others write it"
            ),
            Self::Removed { field } => {
                write!(f, "{field}: what we wrote is gone, with its member or its pool")
            }
            Self::ByHand { command, by, changes } => {
                write!(f, "`pointsman {command}` by {by}")?;
                f.write_str(if changes.is_empty() { "" } else { ": " })?;
                list(f, changes)
            }
            Self::Unreachable { why, until } => write!(f, "{why}; tried again at {until:.0}"),
            Self::ReconnectWaits { target, of, on, .. } => {
                let (waits, acts) = (tells("waits", "would wait"), tells("acts", "would act"));
                write!(f, "the reconnect of {} {waits}: {of} still {acts} on ", target.short())?;
                list(f, &on.iter().map(BackendId::short).collect::<Vec<_>>())
            }
            Self::ReconnectPlanned { target, due, .. } => {
                let will_be = tells("will be", "would have been");
                write!(f, "{} {will_be} reconnected at {due:.0}", target.short())
            }
            Self::ReconnectCancelled { target, .. } => {
                let is = tells("is", "would be");
                write!(f, "the reconnect of {} {is} cancelled", target.short())
            }
            Self::ReconnectUndone { target, by, reason, .. } => {
                let is = tells("is", "would be");
                write!(f, "the reconnect of {} {is} undone by {by}: {reason}", target.short())
            }
            Self::ReconnectAsked { target, after, .. } => {
                let asking = tells("asking", "would have asked");
                write!(f, "{asking} for a reconnect of {} in {after:#}", target.short())
            }
            Self::ReconnectAccepted { target, due, .. } => {
                let accepted = tells("is accepted, due", "would have been due");
                write!(f, "the reconnect of {} {accepted} at {due:.0}", target.short())
            }
            Self::ReconnectRefused { target, why, .. } => {
                write!(f, "the reconnect of {} was refused: {why}", target.short())
            }
            Self::ReconnectNotSent { target, why, .. } => {
                write!(f, "the reconnect of {} could not be asked for: {why}", target.short())
            }
            Self::ReconnectUnanswered { target, why, .. } => {
                write!(
                    f,
                    "the reconnect of {} may or may not have been taken: {why}",
                    target.short()
                )
            }
            Self::ReconnectUnknown { target, .. } => write!(
                f,
                "the reconnect of {} was asked for twice without an answer; it is not asked again",
                target.short()
            ),
            Self::Paused { by, reason, of, until } => {
                if !of.is_everything() {
                    write!(f, "{of} is ")?;
                }
                write!(f, "paused by {by}")?;
                if let Some(until) = until {
                    write!(f, " until {until:.0}")?;
                }
                write!(f, ": {reason}")
            }
            Self::Resumed { by, reason, of } => {
                if !of.is_everything() {
                    write!(f, "{of} is ")?;
                }
                write!(f, "resumed by {by}")?;
                if reason.is_empty() { Ok(()) } else { write!(f, ": {reason}") }
            }
            Self::Published { generation, by } => {
                write!(f, "generation {generation} of the playbook published by {by}")
            }
            Self::Rejected { why } => write!(f, "not done: {why}"),
            Self::Retried { letter, from, by, taken, kept } => {
                write!(f, "dead letter {letter} of {from}, retried by {by}: {taken} taken in")?;
                if *kept > 0 { write!(f, ", {kept} kept") } else { Ok(()) }
            }
            Self::WentBlind { service, why } => {
                write!(f, "service {service} of Azure cannot be read: {why}")
            }
            Self::SeesAgain { service, blind_since } => {
                write!(f, "service {service} of Azure can be read again, after {blind_since:.0}")
            }
        }
    }
}

fn list<T: fmt::Display>(f: &mut dyn Write, items: &[T]) -> fmt::Result {
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            f.write_str(", ")?;
        }
        write!(f, "{item}")?;
    }
    Ok(())
}

/// Overrides with what each does and what it comes from, as far as that was told.
fn with_names(ids: &[OverrideId], names: &[String]) -> Vec<String> {
    let name = |at| names.get(at).map_or_else(String::new, |name| format!(" ({name})"));
    ids.iter().enumerate().map(|(at, id)| format!("{id}{}", name(at))).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::signal::{Heard, Signal};

    /// A text as anybody may send it, into every line that quotes somebody.
    fn lines(foreign: &str) -> Vec<What> {
        let text = || foreign.to_owned();
        let now = Timestamp::UNIX_EPOCH;
        let id = || OverrideId::derive(&["over"]);
        let intent = || IntentId::derive(&["intent"]);
        let reconnect = || ReconnectId::derive(&["reconnect"]);
        let target: BackendId =
            "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/\
            providers/Microsoft.ApiManagement/service/contoso/backends/eu"
                .parse()
                .unwrap();
        let target = || target.clone();
        let mut lines = vec![
            What::Ended { id: id(), why: End::Undone { by: text(), reason: text() } },
            What::Refused { intent: intent(), why: text() },
            What::NotSent { intent: intent(), why: text() },
            What::Unanswered { intent: intent(), why: text() },
            What::Unreachable { why: text(), until: now },
            What::ByHand { command: text(), by: text(), changes: vec![text()] },
            What::Outranked { id: id(), by: vec![id()], stronger: vec![text()] },
            What::ReconnectUndone { id: reconnect(), target: target(), by: text(), reason: text() },
            What::ReconnectRefused { id: reconnect(), target: target(), why: text() },
            What::ReconnectUnanswered { id: reconnect(), target: target(), why: text() },
            What::Paused { by: text(), reason: text(), of: Paused::Everything, until: None },
            What::Resumed { by: text(), reason: text(), of: Paused::Everything },
            What::Published { generation: 1, by: text() },
            What::Rejected { why: text() },
            What::Retried { letter: text(), from: text(), by: text(), taken: 1, kept: 1 },
            What::WentBlind { service: "main".parse().unwrap(), why: text() },
        ];
        // A fingerprint with a control character is refused, but not every character is one.
        let series = SeriesId::new("prometheus".parse().unwrap(), foreign);
        let series = series.unwrap_or_else(|_| "prometheus/x".parse().unwrap());
        let play = "drain-it".parse().unwrap();
        let labels = [("alertname".to_owned(), text())];
        let said = Signal {
            series: series.clone(),
            started: now,
            heard: Heard::Fired,
            severity: Severity::Error,
            labels: labels.into(),
            annotations: BTreeMap::new(),
            received: now,
        };
        let (alert, plays) = (Shown::of(["alertname"], &said), Vec::new());
        lines.push(What::Resolved {
            series: series.clone(),
            ended: now,
            by_receipt: None,
            alert,
            plays,
        });
        lines.push(What::Unresolvable { series, play, why: text(), alert: Shown::default() });
        lines
    }

    #[test]
    fn whatever_others_wrote_a_line_of_the_ledger_is_one_line() {
        let hostile = (0..=u32::from(char::MAX)).filter_map(char::from_u32).filter(|char| {
            char.is_control() || matches!(char, '\u{2000}'..='\u{206f}' | '\u{feff}')
        });
        for char in hostile {
            for what in lines(&format!("eu{char}2026-01-01 00:00:00Z  released")) {
                for shown in [what.to_string(), InShadow(&what).to_string()] {
                    let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
                    assert!(!shown.contains(breaks), "{what:?}: {shown:?}");
                    assert!(shown.contains("2026-01-01 00:00:00Z  released") || char.is_control());
                }
            }
        }
    }

    #[test]
    fn what_a_shadow_did_not_do_it_would_have_done() {
        let (id, intent) = (OverrideId::derive(&["over"]), IntentId::derive(&["intent"]));
        let told = |what: What| (what.to_string(), InShadow(&what).to_string());
        assert_eq!(
            told(What::Began { id: id.clone() }),
            (format!("{id} began"), format!("{id} would have begun"))
        );
        assert_eq!(
            told(What::Wrote { intent: intent.clone() }),
            (format!("write {intent} is done"), format!("write {intent} would have been done"))
        );
        let why = Held::Emptied;
        let (live, in_shadow) = told(What::Held { id: id.clone(), why: why.clone() });
        assert_eq!(
            (live, in_shadow),
            (format!("{id} is held: {why}"), format!("{id} would be held: {why}"))
        );
        let (heard, in_shadow) = told(What::Resumed {
            by: "ada".to_owned(),
            reason: String::new(),
            of: Paused::Everything,
        });
        assert_eq!(heard, in_shadow, "what was heard and decided is told alike");
    }

    /// A storm of repeats whose summaries change is one line, and lines of before the name was told are read.
    #[test]
    fn what_is_told_once_is_so_whatever_its_alert_says_by_then() {
        let stored = |alert: &str| -> What {
            let late = r#"{"what":"late","series":"am/f00d","started":"2026-01-01T00:00:00Z",
                "ended":"2026-01-01T00:05:00Z","again":null"#;
            serde_json::from_str(&format!("{late}{alert}}}")).unwrap()
        };
        let named =
            |says: &str| stored(&format!(r#","alert":[["alertname","Slow"],["n","{says}"]]"#));
        let at = Timestamp::UNIX_EPOCH;
        let lines = [stored(""), named("1 s"), named("2 s")].map(|what| Line::once(at, what));
        assert!(lines.iter().all(|line| line.id == lines[0].id));
        assert_eq!(
            lines[0].what.to_string(),
            "am/f00d: a firing of 2026-01-01T00:00:00Z came after its end at 2026-01-01T00:05:00Z; \
             nothing is done"
        );
        assert_eq!(
            InShadow(&lines[1].what).to_string(),
            "Slow: a firing of 2026-01-01T00:00:00Z came after its end at 2026-01-01T00:05:00Z; \
             nothing would be done (am/f00d: 1 s)"
        );
    }

    #[test]
    fn what_is_stored_of_a_line_and_its_id_are_as_they_came() {
        let what = What::Rejected { why: "a\nb".to_owned() };
        assert_eq!(what.to_string(), r"not done: a\nb");
        let stored = serde_json::to_string(&what).unwrap();
        assert_eq!(serde_json::from_str::<What>(&stored).unwrap(), what);
    }
}
