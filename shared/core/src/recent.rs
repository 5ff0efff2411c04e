//! What happened of late: a set of ids, each with its time. How many there are is its size.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{lease::later, wake::SKEW_MAX};

/// How many are kept; beyond that, the oldest are forgotten. More than anyone may ask about.
pub const RECENT_MAX: usize = 2_000;

/// How far apart the clocks of two instances may be, each of which is off by as much as it may.
const APART_MAX: SignedDuration = SignedDuration::from_secs(2 * SKEW_MAX.as_secs());

/// Ids with their times, the oldest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Recent<T: Ord>(BTreeSet<(Timestamp, T)>);

impl<T: Ord> Default for Recent<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Ord> FromIterator<(Timestamp, T)> for Recent<T> {
    fn from_iter<I: IntoIterator<Item = (Timestamp, T)>>(all: I) -> Self {
        Self(all.into_iter().collect())
    }
}

impl<T: Ord> Recent<T> {
    /// Nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self(BTreeSet::new())
    }

    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are within `per`.
    pub(crate) fn within(&self, per: SignedDuration, now: Timestamp) -> usize {
        self.0.iter().filter(|(at, _)| now < later(*at, per)).count()
    }

    /// From when on one more fits among `most` in any span of `per`; none where it fits now. What lies further
    /// ahead than clocks may differ was noted by a clock that ran ahead, and does not count.
    #[must_use]
    pub fn full(&self, most: usize, per: SignedDuration, now: Timestamp) -> Option<Timestamp> {
        let ahead = later(now, APART_MAX);
        let times = self.0.iter().map(|(at, _)| *at);
        let counted: Vec<Timestamp> =
            times.filter(|at| now < later(*at, per) && *at <= ahead).collect();
        let leaves = counted.get(counted.len().checked_sub(most)?)?;
        Some(later(*leaves, per))
    }

    /// Takes one in, and forgets what is older than `per`, by whatever clock.
    pub(crate) fn note(&mut self, id: T, per: SignedDuration, now: Timestamp) {
        self.0.retain(|(at, _)| now < later(later(*at, per), APART_MAX));
        self.0.insert((now, id));
        if self.0.len() > RECENT_MAX {
            self.0.pop_first();
        }
    }

    /// Moves what is in the future to `now`: it was noted by a clock that ran ahead.
    pub(crate) fn rewind(&mut self, now: Timestamp) {
        let all = std::mem::take(&mut self.0);
        *self = all.into_iter().map(|(at, id)| (at.min(now), id)).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    const PER: SignedDuration = SignedDuration::from_secs(100);

    fn noted(seconds: &[i64]) -> Recent<i64> {
        let mut recent = Recent::new();
        seconds.iter().for_each(|second| recent.note(*second, PER, at(*second)));
        recent
    }

    #[test]
    fn one_more_fits_once_enough_have_left_the_span() {
        let full = |most, now| noted(&[0, 10, 20]).full(most, PER, at(now));
        assert_eq!(full(4, 20), None);
        assert_eq!(full(3, 20), Some(at(100)));
        assert_eq!(full(3, 99), Some(at(100)));
        assert_eq!(full(3, 100), None, "a span ends before its last moment");
        // Of fewer, as after an edit, more must leave.
        assert_eq!(full(1, 20), Some(at(120)));
        assert_eq!(full(2, 105), Some(at(110)));
    }

    #[test]
    fn a_clock_that_is_behind_forgets_nothing_and_one_that_ran_ahead_blocks_nothing() {
        // One at 108 s has noted, and for one at 99 s, the first still counts.
        assert_eq!(noted(&[0, 108]).full(2, PER, at(99)), Some(at(100)));
        assert_eq!(noted(&[9_000]).full(1, PER, at(0)), None);
        let mut ahead = noted(&[9_000]);
        ahead.rewind(at(50));
        assert_eq!(ahead.full(1, PER, at(60)), Some(at(150)));
    }

    #[test]
    fn what_is_old_is_forgotten_and_there_is_a_bound() {
        assert_eq!(noted(&[0, 159]).0.len(), 2);
        assert_eq!(noted(&[0, 160]).0.len(), 1);
        let mut recent = Recent::new();
        (0..RECENT_MAX + 7).for_each(|id| recent.note(id, PER, at(0)));
        assert_eq!(recent.0.len(), RECENT_MAX);
        assert!(!recent.0.contains(&(at(0), 6)) && recent.0.contains(&(at(0), 7)));
    }
}
