//! What a source calls the same alert, and its runs.
//!
//! Signals arrive more than once, late, and out of order; two senders of one pair give the same
//! alert slightly different start times; resolves get lost; and a sender that has lost touch ends by
//! time what goes on firing. What is kept makes all of that harmless:
//!
//! - **The end mark** is the latest end heard ([`Signal::end`]), and the latest receipt of an end.
//!   Both only ever grow.
//! - **A firing is on** where it started after the end, or was received more than [`GRACE`] after the
//!   end was: then it fires on, whatever its start. Any other is late and does nothing. Receipts are
//!   compared with receipts, for both are by our clock: an end that is stated by a clock that is slow,
//!   or of before a firing whose delivery was slow, ends it all the same.
//! - **An occurrence** is what is on and started within [`GAP`] of its first start. Of several, the
//!   latest is the one that runs: a source that names a later start has ended the one before, though
//!   its resolve got lost.
//! - **What it says** (severity, labels) is said by its latest start, then by the worst, then by the
//!   latest received.
//!
//! All of that is a function of the set of signals, each with the time at which it was received at
//! the door: the order in which they are taken in leaves no trace (I1). Receipts count by the whole
//! minute, so that a storm of repeats changes nothing.
//!
//! ```text
//! heard                                         what is on
//! firing, start 10:00, received 10:00           10:00
//! resolved, end 10:05, received 10:05           nothing
//! firing, start 10:00, received 10:06           nothing: late, within the grace
//! firing, start 10:00, received 10:20           10:00: it fires on
//! firing, start 13:00, received 13:00           13:00: another occurrence
//! ```

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    claim::Claim,
    id::OverrideId,
    lease::later,
    names::{BackendId, PlayName},
    signal::{RECEIVED_UNKNOWN, SeriesId, Signal},
};

/// How long after an end was received a firing may be and still be of before it: what a late peer, or
/// a delivery that is sent again, needs.
pub const GRACE: SignedDuration = SignedDuration::from_mins(2);

/// How far the starts of one occurrence are apart at most: what the senders of a pair differ by.
pub const GAP: SignedDuration = SignedDuration::from_mins(5);

/// How many starts are kept; of more, the earliest go.
pub const STARTS_MAX: usize = 16;

/// One series: its end mark, and what is on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Series {
    /// Its name.
    pub id: SeriesId,
    /// The latest end heard: the tombstone of all that is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// In which minute an end was last received.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    heard: Option<Timestamp>,
    /// The firings that are on, of each start those that tell more than the others: the received
    /// latest, and the worse ones received before it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    firings: Vec<Signal>,
    /// The occurrence that runs, if one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running: Option<Occurrence>,
}

/// One run of a series, from firing to end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Occurrence {
    /// Its earliest start.
    pub started: Timestamp,
    /// Its latest start.
    pub latest: Timestamp,
    /// When it was first taken in.
    pub since: Timestamp,
    /// Which generation of the playbook it was last held against.
    pub generation: u64,
    /// What it asks of backends: an end finds the overrides here, and no playbook is evaluated again
    /// for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub claims: Vec<Claim>,
    /// The plays of which nothing begins while it is on, and until when that is so, should it neither be heard
    /// again nor resolve.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) keeps_back: BTreeMap<PlayName, Timestamp>,
    /// Whether a play was for it that could not be carried out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) failed: bool,
    /// The overrides that were claimed for it by a version whose ids named the occurrence.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) claimed_before: BTreeMap<BackendId, BTreeSet<OverrideId>>,
}

/// What a signal changed in its series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Merged {
    /// It said nothing new.
    Duplicate,
    /// It fires, but is of before the latest end heard.
    Late,
    /// It is noted, and what runs says the same as before: none does, or another start of it, or a
    /// later receipt, was heard.
    Noted,
    /// A run began.
    Opened,
    /// A later run is on, and the one before is over: its end came only now, or got lost.
    Followed {
        /// The run that must be over.
        over: Box<Occurrence>,
    },
    /// What runs says something else now, or turns out to be older or younger.
    Changed,
    /// A run ended.
    Closed {
        /// The run that is over.
        over: Box<Occurrence>,
    },
}

impl Series {
    /// A series of which nothing has been heard.
    #[must_use]
    pub const fn new(id: SeriesId) -> Self {
        Self { id, ended: None, heard: None, firings: Vec::new(), running: None }
    }

    /// A series as a version before this one stored it.
    #[must_use]
    pub fn stored_before(
        id: SeriesId,
        ended: Option<Timestamp>,
        firings: Vec<Signal>,
        generation: u64,
        claimed_before: BTreeMap<BackendId, BTreeSet<OverrideId>>,
    ) -> Self {
        let mut series = Self { id, ended, heard: None, firings, running: None };
        series.firings.sort_by(by_what_counts);
        series.running = series.run().map(|(started, latest)| Occurrence {
            started,
            latest,
            since: started,
            generation,
            claims: Vec::new(),
            keeps_back: BTreeMap::new(),
            failed: false,
            claimed_before,
        });
        series
    }

    /// What is said of the run that is on, by the firing that counts.
    #[must_use]
    pub fn said(&self) -> Option<&Signal> {
        self.firings.last()
    }

    /// When it was heard last to be on, by the whole minute; none where that is not known.
    pub(crate) fn heard_last(&self) -> Option<Timestamp> {
        let received = self.firings.iter().map(|firing| firing.received);
        received.max().filter(|received| *received != RECEIVED_UNKNOWN)
    }

    /// Since when nothing more was heard of it and nothing that it claimed could last: a time after
    /// that it is forgotten.
    #[must_use]
    pub fn quiet_since(&self) -> Option<Timestamp> {
        let heard = self.firings.iter().flat_map(|firing| [firing.started, firing.received]);
        let claims = self.running.iter().flat_map(|running| &running.claims);
        let last = claims.map(|claim| claim.asked.expires(None));
        self.ended.into_iter().chain(self.heard).chain(heard).chain(last).max()
    }

    /// Merges what a signal says; a run that begins was taken in at `now`.
    pub fn merge(&mut self, signal: &Signal, now: Timestamp) -> Merged {
        let (said, ends) = (self.firings.last().cloned(), signal.end().is_some());
        match signal.end() {
            None if !self.is_on(signal) => return Merged::Late,
            None if !self.note(signal) => return Merged::Duplicate,
            None => {}
            Some(_) if !self.is_news(signal) => return Merged::Duplicate,
            Some(end) => {
                self.ended = self.ended.max(Some(end.at));
                self.heard = self.heard.max(Some(heard(signal, end.at)));
                let mut firings = std::mem::take(&mut self.firings);
                firings.retain(|firing| self.is_on(firing));
                self.firings = firings;
            }
        }
        let Some((started, latest)) = self.run() else {
            return match self.running.take() {
                Some(over) => Merged::Closed { over: Box::new(over) },
                None => Merged::Noted,
            };
        };
        let begin = || Occurrence {
            started,
            latest,
            since: now,
            generation: 0,
            claims: Vec::new(),
            keeps_back: BTreeMap::new(),
            failed: false,
            claimed_before: BTreeMap::new(),
        };
        match &mut self.running {
            running @ None => {
                *running = Some(begin());
                Merged::Opened
            }
            // What goes on started after the end of what it was part of.
            Some(running) if started > running.latest || ends && started > running.started => {
                let over = std::mem::replace(running, begin());
                Merged::Followed { over: Box::new(over) }
            }
            Some(running) => {
                let changed = running.started != started
                    || !says_the_same(said.as_ref(), self.firings.last());
                (running.started, running.latest) = (started, latest);
                if changed { Merged::Changed } else { Merged::Noted }
            }
        }
    }

    /// Whether merging a signal would change anything.
    #[must_use]
    pub fn is_news(&self, signal: &Signal) -> bool {
        match signal.end() {
            None => self.is_on(signal) && !self.is_known(signal),
            Some(end) => self.ended < Some(end.at) || self.heard < Some(heard(signal, end.at)),
        }
    }

    /// From when on a firing counts, whatever its start.
    #[must_use]
    pub fn counts_from(&self) -> Option<Timestamp> {
        let heard = self.heard.max(self.ended)?;
        Some(later(minute(later(heard, GRACE)), SignedDuration::from_mins(1)))
    }

    /// Whether a firing is on, as far as ends were heard.
    fn is_on(&self, firing: &Signal) -> bool {
        self.ended.is_none_or(|ended| firing.started > ended)
            || self.counts_from().is_none_or(|from| firing.received >= from)
    }

    /// Whether a firing tells nothing that is not known, or is of a start too early to be kept.
    fn is_known(&self, firing: &Signal) -> bool {
        let first = self.firings.first().map(|known| known.started);
        let known = |known: &Signal| known.started == firing.started && tells_all(known, firing);
        first.is_some_and(|first| firing.started < first && self.starts() >= STARTS_MAX)
            || self.firings.iter().any(known)
    }

    fn starts(&self) -> usize {
        self.firings.iter().map(|firing| firing.started).collect::<BTreeSet<_>>().len()
    }

    /// Takes note of a firing that is on; says whether it tells anything new.
    fn note(&mut self, signal: &Signal) -> bool {
        if self.is_known(signal) {
            return false;
        }
        let firing = Signal { received: minute(signal.received), ..signal.clone() };
        self.firings.retain(|known| known.started != firing.started || !tells_all(&firing, known));
        let place = self.firings.partition_point(|known| by_what_counts(known, &firing).is_lt());
        self.firings.insert(place, firing);
        if self.starts() > STARTS_MAX {
            let first = self.firings[0].started;
            self.firings.retain(|known| known.started != first);
        }
        true
    }

    /// The run that is on: its earliest and its latest start.
    fn run(&self) -> Option<(Timestamp, Timestamp)> {
        let mut run: Option<(Timestamp, Timestamp)> = None;
        for firing in &self.firings {
            let start = firing.started;
            run = Some(match run {
                Some((first, _)) if start <= later(first, GAP) => (first, start),
                Some(_) | None => (start, start),
            });
        }
        run
    }
}

/// The whole minute of a receipt.
fn minute(received: Timestamp) -> Timestamp {
    let second = received.as_second();
    Timestamp::from_second(second - second.rem_euclid(60)).unwrap_or(received)
}

/// In which minute an end was received; the end itself where that is not known.
fn heard(resolve: &Signal, ended: Timestamp) -> Timestamp {
    minute(if resolve.received == RECEIVED_UNKNOWN { ended } else { resolve.received })
}

/// The order of firings: the last is the one that counts.
fn by_what_counts(one: &Signal, other: &Signal) -> Ordering {
    one.started.cmp(&other.started).then_with(|| says_more(one, other))
}

/// Of two firings of one start, which counts.
fn says_more(one: &Signal, other: &Signal) -> Ordering {
    fn key(signal: &Signal) -> impl Ord {
        let Signal { severity, received, labels, annotations, .. } = signal;
        (severity, minute(*received), labels, annotations)
    }
    key(one).cmp(&key(other))
}

/// Whether, of two firings of one start, the one counts and is on whenever the other would.
fn tells_all(one: &Signal, other: &Signal) -> bool {
    says_more(one, other).is_ge() && minute(one.received) >= minute(other.received)
}

/// Whether two firings mean the same to a playbook.
fn says_the_same(one: Option<&Signal>, other: Option<&Signal>) -> bool {
    fn said(signal: &Signal) -> impl PartialEq {
        let Signal { severity, labels, annotations, started, .. } = signal;
        (severity, labels, annotations, started)
    }
    one.map(said) == other.map(said)
}

#[cfg(test)]
#[path = "series_tests.rs"]
mod tests;
