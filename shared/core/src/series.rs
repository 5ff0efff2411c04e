//! What a source calls the same alert, and its runs.
//!
//! Signals arrive more than once, late, and out of order; two senders of one pair give the same
//! alert slightly different start times; resolves get lost. What is kept makes all of that
//! harmless:
//!
//! - **The end mark** is the latest end heard. A firing that started at or before it is late and
//!   does nothing; a run that started at or before it is over. It only ever grows.
//! - **The starts** heard that lie beyond the mark are one run, an *occurrence*, that began at the
//!   earliest of them. They are kept one by one, because a late end may fall between two of them
//!   and so part them into a run that is over and one that goes on.
//!
//! Both are sets under union and maximum, so the order of arrival leaves no trace in them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    id::OverrideId,
    names::BackendId,
    signal::{SeriesId, Signal},
};

/// How many starts of one occurrence are kept; of more, the latest before the newest goes.
pub const STARTS_MAX: usize = 16;

/// One series: its end mark, and the occurrence that is running.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Series {
    /// Its name.
    pub id: SeriesId,
    /// The latest end heard: the tombstone of all that started at or before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// The run that is on, if one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running: Option<Occurrence>,
}

/// One run of a series, from firing to end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Occurrence {
    /// The start first heard of it, which names it for as long as it lasts: an earlier start that
    /// is heard later makes it older, not another.
    pub first: Timestamp,
    /// Every start heard of it; the earliest is when it began.
    pub starts: BTreeSet<Timestamp>,
    /// The firing last heard of it.
    pub signal: Signal,
    /// Which generation of the playbook it was last held against.
    pub generation: u64,
    /// The overrides that were claimed for it, by the backend they are of: an end finds them here,
    /// and no playbook is evaluated again for it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub claims: BTreeMap<BackendId, BTreeSet<OverrideId>>,
}

impl Occurrence {
    /// When it began: the earliest start heard.
    #[must_use]
    pub fn started(&self) -> Timestamp {
        self.starts.first().copied().unwrap_or(self.first)
    }
}

/// What a signal changed in its series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Merged {
    /// It said nothing new.
    Duplicate,
    /// It fires, but started no later than the latest end heard.
    Late,
    /// A resolve of a run that was never heard of, or of one that is already over: only the mark
    /// moved.
    Marked,
    /// A run began.
    Opened,
    /// The run that is on was heard of again, with another start.
    Joined {
        /// Whether it turns out to be older than was known.
        older: bool,
    },
    /// A run ended; starts beyond its end, heard before it, are the next run.
    Closed {
        /// The run that is over.
        over: Box<Occurrence>,
    },
    /// Starts that were heard as of the run that is on were of one that is over, of which no more
    /// was known. The run that is on keeps its name, and turns out to be younger.
    Parted,
}

impl Series {
    /// A series of which nothing has been heard.
    #[must_use]
    pub const fn new(id: SeriesId) -> Self {
        Self { id, ended: None, running: None }
    }

    /// Merges what a signal says. `generation` is that of the playbook that a new run will be held
    /// against by the caller.
    pub fn merge(&mut self, signal: &Signal, generation: u64) -> Merged {
        match signal.end() {
            None if self.is_over(signal.started) => Merged::Late,
            None if self.has_started(signal.started) => Merged::Duplicate,
            None => self.started(signal, generation),
            Some(end) if self.is_over(end.at) => Merged::Duplicate,
            Some(end) => self.resolved(end.at, generation),
        }
    }

    /// Whether merging a signal would change anything.
    #[must_use]
    pub fn is_news(&self, signal: &Signal) -> bool {
        match signal.end() {
            None => !self.is_over(signal.started) && !self.has_started(signal.started),
            Some(end) => !self.is_over(end.at),
        }
    }

    fn is_over(&self, at: Timestamp) -> bool {
        self.ended.is_some_and(|ended| at <= ended)
    }

    fn has_started(&self, at: Timestamp) -> bool {
        self.running.as_ref().is_some_and(|running| running.starts.contains(&at))
    }

    fn started(&mut self, signal: &Signal, generation: u64) -> Merged {
        let start = signal.started;
        let Some(running) = &mut self.running else {
            self.running = Some(Occurrence {
                first: start,
                starts: BTreeSet::from([start]),
                signal: signal.clone(),
                generation,
                claims: BTreeMap::new(),
            });
            return Merged::Opened;
        };
        let older = start < running.started();
        running.starts.insert(start);
        if running.starts.len() > STARTS_MAX
            && let Some(dropped) = running.starts.iter().rev().nth(1).copied()
        {
            running.starts.remove(&dropped);
        }
        running.signal = signal.clone();
        Merged::Joined { older }
    }

    fn resolved(&mut self, at: Timestamp, generation: u64) -> Merged {
        self.ended = Some(at);
        let Some(over) = self.running.take_if(|running| running.started() <= at) else {
            return Merged::Marked;
        };
        let beyond: BTreeSet<Timestamp> =
            over.starts.range(at..).copied().filter(|start| *start > at).collect();
        if over.first > at {
            // What the run was named by goes on, and so do the overrides that were claimed by that
            // name: had the end come in its place, they would be the very same.
            self.running = Some(Occurrence { starts: beyond, ..over });
            return Merged::Parted;
        }
        if let Some(first) = beyond.first().copied() {
            self.running = Some(Occurrence {
                first,
                starts: beyond,
                signal: Signal { started: first, ..over.signal.clone() },
                generation,
                claims: BTreeMap::new(),
            });
        }
        Merged::Closed { over: Box::new(over) }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::signal::{Heard, Severity};

    fn at(second: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_secs(second)
    }

    /// Of few moments, so that they meet.
    fn signal() -> impl Strategy<Value = Signal> {
        (0..40_i64, prop::option::of(0..40_i64)).prop_map(|(started, ended)| Signal {
            series: "prometheus/f1".parse().unwrap(),
            started: at(started),
            heard: ended.map_or(Heard::Fired, |ended| Heard::Resolved { stated: Some(at(ended)) }),
            severity: Severity::Warning,
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            received: at(ended.unwrap_or(started)),
        })
    }

    proptest! {
        #[test]
        fn what_is_news_is_what_changes(signals in prop::collection::vec(signal(), 1..40)) {
            let mut series = Series::new("prometheus/f1".parse().unwrap());
            for signal in &signals {
                let (before, news) = (series.clone(), series.is_news(signal));
                let merged = series.merge(signal, 1);
                let nothing = matches!(merged, Merged::Duplicate | Merged::Late);
                prop_assert_eq!(news, !nothing, "{:?} came to {:?}", signal, merged);
                prop_assert!(news || series == before, "{:?} changed it", signal);
            }
        }
    }
}
