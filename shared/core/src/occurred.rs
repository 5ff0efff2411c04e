//! Which occurrences have asked for an override of late: what `lasting`, `count` and `damping` go by.
//!
//! It is a set of marks: each start that a firing named, and each end that was told. Every signal that a
//! play is for adds its own, whatever has become of it, also a firing that came after its end. So the set
//! is the same in whatever order signals are taken in, and however often (I1, I2). Which starts are one
//! occurrence is as in [`crate::series`]: those within [`GAP`] of the first, with no end in between.
//!
//! Only the plays that need it have it kept. It is bounded: of more than [`MARKS_MAX`], the newest stay.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    claim::Behind,
    lease::later,
    overrides::{Damped, Override},
    playbook::{Damping, WITHIN_MAX},
    series::GAP,
    signal::{SeriesId, Signal},
};

/// How many marks are kept for one override; of more, the earliest go.
pub const MARKS_MAX: usize = 64;

/// How long a mark is kept: as long as anything looks back, and as late again as it may come.
pub const MARKS_KEPT: SignedDuration = WITHIN_MAX.saturating_mul(2);

/// The occurrences that asked for one override.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Occurred {
    /// What was told of them, the earliest first.
    marks: BTreeSet<Mark>,
    /// The series whose latest occurrence asks for the override now.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    on: BTreeSet<SeriesId>,
}

/// What one signal told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Mark {
    /// When that was, by the source's clock where it says so.
    at: Timestamp,
    /// What.
    is: Told,
    /// Of which series.
    series: SeriesId,
}

/// What is told. At one time, a start comes before an end: the end is its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Told {
    Start,
    End,
}

/// One occurrence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Occurrence<'a> {
    started: Timestamp,
    series: &'a SeriesId,
    is_on: bool,
}

impl Mark {
    /// What a signal tells.
    #[must_use]
    pub fn of(signal: &Signal) -> Self {
        let series = signal.series.clone();
        match signal.end() {
            None => Self { at: signal.started, is: Told::Start, series },
            Some(end) => Self { at: end.at, is: Told::End, series },
        }
    }
}

impl Occurred {
    /// Takes in what a signal told.
    pub(crate) fn note(&mut self, mark: &Mark, now: Timestamp) {
        self.marks.insert(mark.clone());
        self.forget(now);
    }

    /// Takes in that the latest occurrence of a series asks for the override.
    pub(crate) fn asks(&mut self, series: &SeriesId) {
        self.on.insert(series.clone());
    }

    /// Takes in that a series asks for it no more.
    pub(crate) fn rests(&mut self, series: &SeriesId) {
        self.on.remove(series);
    }

    /// Takes in that none asks for it any more.
    pub(crate) fn all_rest(&mut self) {
        self.on.clear();
    }

    /// Forgets what is old, or is too much; says whether anything is left.
    pub(crate) fn forget(&mut self, now: Timestamp) -> bool {
        self.marks.retain(|mark| now < later(mark.at, MARKS_KEPT));
        while self.marks.len() > MARKS_MAX {
            self.marks.pop_first();
        }
        !self.marks.is_empty()
    }

    fn occurrences(&self) -> BTreeMap<&SeriesId, Vec<Occurrence<'_>>> {
        let mut all: BTreeMap<_, Vec<Occurrence<'_>>> = BTreeMap::new();
        let mut ended: BTreeMap<&SeriesId, Timestamp> = BTreeMap::new();
        for Mark { at, is, series } in &self.marks {
            if *is == Told::End {
                ended.insert(series, *at);
                continue;
            }
            let of = all.entry(series).or_default();
            let goes_on = of.last().is_some_and(|last| {
                *at <= later(last.started, GAP)
                    && ended.get(series).is_none_or(|ended| *ended < last.started)
            });
            if !goes_on {
                of.push(Occurrence { started: *at, series, is_on: false });
            }
        }
        for (series, of) in &mut all {
            if let Some(last) = of.last_mut() {
                last.is_on = self.on.contains(*series);
            }
        }
        all
    }
}

/// The occurrences that asked for an override, by their starts. Those that are behind it and known are
/// among them, also where they asked before the play needed this.
fn starts(occurred: Option<&Occurred>, behind: &Behind) -> Vec<(Timestamp, bool)> {
    let mut all = occurred.map(Occurred::occurrences).unwrap_or_default();
    for (series, asked) in behind.known() {
        let of = all.entry(series).or_default();
        if !of.iter().any(|one| one.is_on) {
            of.push(Occurrence { started: asked.started, series, is_on: true });
        }
    }
    let mut all: Vec<_> = all.into_values().flatten().collect();
    all.sort_unstable();
    all.into_iter().map(|one| (one.started, one.is_on)).collect()
}

/// When the first of the occurrences that are on started.
#[must_use]
pub fn first_on(occurred: Option<&Occurred>, behind: &Behind) -> Option<Timestamp> {
    starts(occurred, behind).into_iter().find(|(_, is_on)| *is_on).map(|(started, _)| started)
}

/// How many occurrences started within a span of each other, one that is on among them: the most that did.
#[must_use]
pub fn most_within(occurred: Option<&Occurred>, behind: &Behind, span: SignedDuration) -> usize {
    let starts = starts(occurred, behind);
    let within = |first: usize| {
        let end = later(starts[first].0, span);
        let last = starts.partition_point(|(started, _)| *started <= end);
        let of = &starts[first..last];
        of.iter().any(|(_, is_on)| *is_on).then_some(of.len())
    };
    (0..starts.len()).filter_map(within).max().unwrap_or(0)
}

/// How many occurrences started before the latest, no longer than a span before it.
#[must_use]
pub fn earlier_within(occurred: Option<&Occurred>, behind: &Behind, span: SignedDuration) -> usize {
    let starts = starts(occurred, behind);
    let Some((latest, _)) = starts.last().copied() else { return 0 };
    let is_earlier = |started: Timestamp| started < latest && later(started, span) >= latest;
    starts.into_iter().filter(|(started, _)| is_earlier(*started)).count()
}

impl Damping {
    /// For how long an override is held by it; none where its lease says that.
    pub(crate) fn of(&self, over: &Override, occurred: Option<&Occurred>) -> Option<Damped> {
        let earlier = earlier_within(occurred, &over.behind, self.within);
        let twice = |hold: &SignedDuration| Some(hold.saturating_mul(2));
        let mut holds = std::iter::successors(Some(over.lease.hold), twice);
        let hold = holds.by_ref().take_while(|hold| *hold < self.most).nth(earlier);
        let hold = hold.unwrap_or(self.most);
        (hold > over.lease.hold).then_some(Damped { hold, earlier, within: self.within })
    }
}

#[cfg(test)]
#[path = "occurred_tests.rs"]
mod tests;
