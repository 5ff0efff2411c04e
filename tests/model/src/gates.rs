//! Whether what is held is held rightly: each gate worked out anew from what was told, in the plainest way.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use pointsman_core::{
    claim::Claim,
    lease::later,
    mode::Mode,
    names::BackendId,
    overrides::{Held, Override},
    playbook::{Count, Stale},
    series::GAP,
    signal::{SeriesId, Signal},
};

use crate::world::World;

/// How far clocks are apart, and more; and how late what is due may be looked at.
const APART: SignedDuration = SignedDuration::from_secs(10);

impl World {
    /// Whether an override is rightly kept back by this, now that all is calm.
    pub(crate) fn is_rightly_held(&self, pool: &BackendId, over: &Override, why: &Held) -> bool {
        match why {
            Held::Lasting { until, .. } => later(*until, APART) > self.now,
            Held::Unless { series, .. } => {
                let known = self.store.series.get(series);
                known.is_some_and(|known| known.body.running.is_some())
                    && !over.behind.known().contains_key(series)
            }
            // What was told under an earlier playbook may not have been counted.
            Held::Count { .. } if self.generations.len() > 1 => true,
            Held::Count { count, within, .. } => {
                let needed = Count { count: *count, within: *within };
                self.most_that_count(pool, over, needed) < *count
            }
            Held::Paused
            | Held::PausedUntil(_)
            | Held::PoolPaused { .. }
            | Held::PlayPaused { .. }
            | Held::Frozen { .. }
            | Held::OutOfHours { .. }
            | Held::OverBudget { .. }
            | Held::ManyWrites { .. } => self.is_closed(pool, over, APART),
            Held::MostOutOfTag { tag, .. } | Held::Together { tag, .. } => {
                self.is_kept_back_by_tag(pool, over, tag)
            }
            Held::Panic { most, .. } => self.is_in_panic(pool, most.basis_points()),
            Held::Shadow { .. } => {
                self.generations.last().unwrap().mode_of(&over.origin) == Mode::Shadow
            }
            // These are looked at elsewhere.
            Held::Members { .. }
            | Held::Share { .. }
            | Held::Capacity { .. }
            | Held::Uncertain { .. }
            | Held::MostOut { .. }
            | Held::Emptied
            | Held::NoMember(_)
            | Held::MixedWeights
            | Held::NothingServes
            | Held::SwitchedOff
            | Held::NoBackend
            | Held::NotAPool
            | Held::NotASingle
            | Held::Unmade(_)
            | Held::Full
            | Held::Ahead
            | Held::NoProperty(_)
            | Held::Unreadable(_) => true,
        }
    }

    /// How many occurrences started within a span of each other, one that certainly is on among them.
    fn most_that_count(&self, pool: &BackendId, over: &Override, needed: Count) -> usize {
        let mut starts: BTreeMap<&SeriesId, Vec<Timestamp>> = BTreeMap::new();
        let mut ends: BTreeMap<&SeriesId, Vec<Timestamp>> = BTreeMap::new();
        for (_, signal) in self.told.iter().filter(|(_, signal)| self.asks(pool, over, signal)) {
            match signal.end() {
                None => starts.entry(&signal.series).or_default().push(signal.started),
                Some(end) => ends.entry(&signal.series).or_default().push(end.at),
            }
        }
        let mut occurrences: Vec<(Timestamp, &SeriesId)> = Vec::new();
        for (series, starts) in &mut starts {
            starts.sort_unstable();
            let mut first: Option<Timestamp> = None;
            for start in starts {
                let ends = ends.get(series).into_iter().flatten();
                let parts = |first| ends.clone().any(|end| (first..*start).contains(end));
                if first.is_none_or(|first| *start > later(first, GAP) || parts(first)) {
                    occurrences.push((*start, series));
                    first = Some(*start);
                }
            }
        }
        let firing = self.firing();
        let is_on = |series: &SeriesId| {
            firing.contains_key(series) && over.behind.known().contains_key(series)
        };
        let last = |series: &SeriesId| {
            occurrences.iter().filter(|(_, of)| *of == series).map(|(start, _)| *start).max()
        };
        let most = occurrences.iter().map(|(first, _)| {
            let end = later(*first, needed.within);
            let within: Vec<_> =
                occurrences.iter().filter(|(start, _)| (*first..=end).contains(start)).collect();
            let is_any_on = within.iter().any(|(start, of)| is_on(of) && last(of) == Some(*start));
            if is_any_on { within.len() } else { 0 }
        });
        most.max().unwrap_or(0)
    }

    /// Whether a signal asks for an override.
    fn asks(&self, pool: &BackendId, over: &Override, signal: &Signal) -> bool {
        let heard = self.generations.last().unwrap().plays_for(signal);
        heard.matched.iter().any(|matched| {
            matched.effects.iter().any(|(place, of, effect)| {
                *of == pool && Claim::id(&matched.play.name, *place, pool, effect) == over.id
            })
        })
    }

    /// Whether a series may count as silent, of a source that repeats.
    pub(crate) fn is_silent(&self, series: &SeriesId, stale: Stale) -> bool {
        let heard = self.told.iter().filter(|(_, signal)| signal.series == *series);
        let last = heard.map(|(_, signal)| signal.received).max();
        last.is_none_or(|last| later(last, stale.after) <= self.now)
    }
}
