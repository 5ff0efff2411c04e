//! Whole numbers: what is written for exact weights, so that the limits hold of what is written.
//!
//! Azure takes 0 to 100, and only the ratio within a group matters to it. A group is written times
//! one factor, 1 or more, and each number is its exact value rounded down or up:
//!
//! - A weight that is not 0 never becomes 0.
//! - No member is written more than its own weight in the baseline times the factor, unless more
//!   than that was asked for.
//! - The error of a choice is the largest error of any member's share of the group.
//!
//! The factor is 1 where that comes within [`SHARE_ERROR_PPM_MAX`]: then only the members that were
//! asked for are written. Else it is the smallest whole factor that does, which keeps the ratios of
//! the others as they are; else the smallest that makes the largest weight whole; else whichever
//! comes nearest.
//!
//! **What `leastShare` means of whole numbers.** Where a group is written times a factor, a member
//! with weight `own` in the baseline that is written `n` keeps `n / (factor * own)` of it, at most
//! all. The share that remains is what they keep together over what they have in the baseline:
//!
//! ```text
//! sum(min(n, factor * own)) / (factor * sum(own))
//! ```
//!
//! What was promoted into the group counts with all that it is written. The factor is never less than
//! the largest `n / own` of those that were not raised. So whoever knows only the baseline and the
//! numbers, and takes that for the factor, finds that no less remains.
//!
//! **What `leastCapacity` means of whole numbers.** A member counts with as much of its capacity as it keeps of
//! its weight, in hundredths of a percent, rounded down; one that was promoted, or had no weight, counts whole.
//!
//! Where Azure itself may leave members out, the same must hold of the others alone, as far as the baseline has it
//! of them: each is a [`Bound`] of its own.
//!
//! **Rounding and the limits.** The nearest numbers are written if they keep the limits. If they do
//! not, though the exact weights do, the nearest that keep them are. There always are some: with
//! factor 1 and all rounded up, every member keeps at least its exact weight. If neither the exact
//! weights nor the nearest numbers keep it, the override that asks for them is held.
//!
//! ```text
//! leastShare 85%, ten members of 5, nine of them shifted to 88%: nine of 4.4, and one of 5
//! factor 1: nine of 4, and 5        41 of  50 remain: 82%, below the limit, though 89.2% was asked
//! factor 2: nine of 9, and 10       91 of 100 remain: 91%, and no share is 0.3 points off: written
//! ```

use std::{cmp::Reverse, collections::BTreeSet};

use crate::{
    effect::WEIGHT_MAX,
    fraction::{Fraction, WHOLE_BASIS_POINTS},
    overrides::Held,
};

/// Parts of one unit of weight, so that any [`Fraction`] of a weight is a whole number.
pub(super) const SCALE: u32 = WHOLE_BASIS_POINTS as u32;

/// How far a member's share may be off what was asked, in millionths: one percentage point.
pub(super) const SHARE_ERROR_PPM_MAX: u64 = 10_000;

/// One group's exact weights, as they are asked for.
#[derive(Clone, Debug)]
pub(super) struct Exact {
    /// What each member's weight should be, in parts.
    pub(super) wanted: Vec<u32>,
    /// What each has in the baseline, in parts; none where it was promoted into this group.
    pub(super) own: Vec<Option<u32>>,
    /// Whether all may be written times a factor.
    pub(super) scalable: bool,
    /// How much must remain.
    pub(super) bounds: Vec<Bound>,
}

/// How much of a group must remain.
#[derive(Clone, Debug, Default)]
pub(super) struct Bound {
    /// Those that do not count.
    pub(super) uncounted: BTreeSet<usize>,
    /// How much of the baseline must remain.
    pub(super) least: Option<Fraction>,
    /// How much of what the members can carry must remain.
    pub(super) capacity: Option<Capacity>,
}

/// What the members of a group can carry, and how much of it must remain.
#[derive(Clone, Debug)]
pub(super) struct Capacity {
    /// By member.
    pub(super) of: Vec<u32>,
    /// How much must remain.
    pub(super) least: u64,
}

impl Capacity {
    /// How much remains where each member keeps this part of its weight, in ten-thousandths of a unit.
    fn remains(&self, kept: impl Iterator<Item = u64>) -> u64 {
        self.of.iter().zip(kept).map(|(of, kept)| u64::from(*of) * kept).sum()
    }

    fn is_kept(&self, kept: impl Iterator<Item = u64>) -> bool {
        self.remains(kept) >= self.least * u64::from(WHOLE_BASIS_POINTS)
    }
}

impl Bound {
    /// What counts of what each member keeps.
    fn counted(&self, kept: impl Iterator<Item = u64>) -> impl Iterator<Item = u64> {
        kept.enumerate().map(|(at, kept)| if self.uncounted.contains(&at) { 0 } else { kept })
    }
}

/// Which numbers are looked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    /// Any.
    Any,
    /// Those that keep the limits.
    Limits,
}

/// A group's whole numbers.
#[derive(Debug)]
pub(super) struct Whole {
    /// By member.
    pub(super) numbers: Vec<u8>,
    /// What they are written times.
    pub(super) factor: Factor,
    /// The largest error of a share.
    pub(super) error_ppm: u64,
}

/// How many units are written for how many parts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Factor {
    units: u64,
    parts: u64,
}

impl Factor {
    /// A whole factor.
    const fn times(factor: u64) -> Self {
        Self { units: factor, parts: SCALE as u64 }
    }

    /// Whether weights are written as they are.
    pub(super) const fn is_one(self) -> bool {
        self.units * SCALE as u64 == self.parts
    }

    /// An exact weight in units, rounded down and up; what was not raised stays within its own.
    fn round(self, wanted: u32, own: Option<u32>) -> (u8, u8) {
        if wanted == 0 {
            return (0, 0);
        }
        let down = self.down(wanted).max(1);
        let most = own.filter(|own| wanted <= *own).map_or(u64::MAX, |own| self.down(own));
        let up = self.up(wanted).min(most).max(down);
        let number = |units| u8::try_from(units).unwrap_or(WEIGHT_MAX);
        (number(down), number(up))
    }

    fn down(self, parts: u32) -> u64 {
        u64::from(parts) * self.units / self.parts
    }

    pub(super) fn up(self, parts: u32) -> u64 {
        (u64::from(parts) * self.units).div_ceil(self.parts)
    }
}

impl Exact {
    /// The numbers to write; none where the limit leaves none.
    pub(super) fn whole(&self) -> Option<Whole> {
        let keeps = |one: &Whole| self.keeps(&one.numbers, one.factor);
        let nearest = self.nearest(Within::Any).filter(keeps);
        nearest.or_else(|| {
            let are_exact = self.broken_exactly().is_none();
            are_exact.then(|| self.nearest(Within::Limits)).flatten()
        })
    }

    /// The limit that leaves no numbers to write. Where the exact weights keep them all there are some, and
    /// none need be found.
    pub(super) fn broken(&self) -> Option<Held> {
        self.broken_exactly().filter(|_| self.whole().is_none())
    }

    /// The limit that the exact weights break.
    pub(super) fn broken_exactly(&self) -> Option<Held> {
        self.bounds.iter().find_map(|bound| {
            let serve = bound.uncounted.iter().filter(|at| self.wanted[**at] > 0);
            Some(Held::without(serve.count(), self.breaks(bound)?))
        })
    }

    fn breaks(&self, bound: &Bound) -> Option<Held> {
        let share = self.share(bound);
        if let Some(least) = bound.least.filter(|least| share < *least) {
            return Some(Held::Share { share, least });
        }
        let kept = || bound.counted(self.kept());
        let capacity = bound.capacity.as_ref().filter(|one| !one.is_kept(kept()))?;
        let units = capacity.remains(kept()) / u64::from(WHOLE_BASIS_POINTS);
        Some(Held::Capacity { capacity: units, least: capacity.least })
    }

    /// The part of its own weight that each member exactly keeps, in ten-thousandths.
    fn kept(&self) -> impl Iterator<Item = u64> {
        self.wanted.iter().zip(&self.own).map(|(wanted, own)| match own {
            None | Some(0) => u64::from(*wanted > 0) * u64::from(WHOLE_BASIS_POINTS),
            Some(own) => {
                u64::from(*wanted.min(own)) * u64::from(WHOLE_BASIS_POINTS) / u64::from(*own)
            }
        })
    }

    /// How much of the baseline the exact weights keep, as far as it counts.
    pub(super) fn share(&self, bound: &Bound) -> Fraction {
        let own = |(wanted, own): (&u32, &Option<u32>)| own.map_or(*wanted, |own| own.min(*wanted));
        let kept = self.wanted.iter().zip(&self.own).map(own).map(u64::from);
        let kept: u64 = bound.counted(kept).sum();
        let share = (kept * u64::from(WHOLE_BASIS_POINTS)).checked_div(self.baseline());
        let share = share.and_then(|share| Fraction::try_from(u16::try_from(share).ok()?).ok());
        share.unwrap_or(Fraction::WHOLE)
    }

    /// The sum of the weights in the baseline, in parts.
    fn baseline(&self) -> u64 {
        self.own.iter().flatten().copied().map(u64::from).sum()
    }

    /// The nearest numbers, over all factors.
    fn nearest(&self, within: Within) -> Option<Whole> {
        let mut best: Option<Whole> = None;
        for factor in self.factors() {
            let Some(found) = self.nearest_at(factor, within) else { continue };
            let near = found.error_ppm <= SHARE_ERROR_PPM_MAX;
            if best.as_ref().is_none_or(|best| found.error_ppm < best.error_ppm) {
                best = Some(found);
            }
            if near {
                break;
            }
        }
        best
    }

    /// The factors to be tried, in order: 1, whole ones, and those that make the largest whole.
    fn factors(&self) -> impl Iterator<Item = Factor> {
        let largest = self.wanted.iter().copied().max().unwrap_or(0).max(1);
        let max = u64::from(WEIGHT_MAX);
        let whole = (2..=max).map(Factor::times);
        let largest_whole = (1..=max).map(move |units| Factor { units, parts: u64::from(largest) });
        let fits = move |factor: &Factor| {
            factor.units * u64::from(SCALE) > factor.parts && factor.up(largest) <= max
        };
        let scaled = whole.chain(largest_whole).filter(fits).filter(|_| self.scalable);
        std::iter::once(Factor::times(1)).chain(scaled)
    }

    /// The nearest numbers with one factor.
    ///
    /// For each total that rounding can come to, those are rounded up that would be furthest below
    /// their share of it: no other choice with that total has a smaller error.
    fn nearest_at(&self, factor: Factor, within: Within) -> Option<Whole> {
        let (down, up): (Vec<u8>, Vec<u8>) = self
            .wanted
            .iter()
            .zip(&self.own)
            .map(|(wanted, own)| factor.round(*wanted, *own))
            .unzip();
        let mut open: Vec<usize> = (0..down.len()).filter(|at| down[*at] < up[*at]).collect();
        let asked = sum(&self.wanted);
        let mut numbers = down.clone();
        let mut best: Option<((u64, u64), Vec<u8>)> = None;
        // The larger total first: where two are as near, it is written.
        for ups in (0..=open.len()).rev() {
            let total = sum(&down) + ups as u64;
            let below = |at: usize| {
                let share = total * u64::from(self.wanted[at]);
                share.cast_signed() - (u64::from(down[at]) * asked).cast_signed()
            };
            open.sort_unstable_by_key(|at| (Reverse(below(*at)), *at));
            numbers.copy_from_slice(&down);
            for at in &open[..ups] {
                numbers[*at] = up[*at];
            }
            if within == Within::Limits && !self.keeps(&numbers, factor) {
                continue;
            }
            let off = (total * factor.parts).abs_diff(asked * factor.units);
            let near = (share_error_ppm(&self.wanted, &numbers), off);
            if best.as_ref().is_none_or(|(best, _)| near < *best) {
                best = Some((near, numbers.clone()));
            }
        }
        best.map(|((error_ppm, _), numbers)| Whole { numbers, factor, error_ppm })
    }

    /// Whether numbers that are written times a factor keep the limits, as defined above.
    fn keeps(&self, numbers: &[u8], factor: Factor) -> bool {
        self.bounds.iter().all(|bound| self.is_within(bound, numbers, factor))
    }

    fn is_within(&self, bound: &Bound, numbers: &[u8], factor: Factor) -> bool {
        let kept = numbers.iter().zip(&self.own).map(|(number, own)| match own {
            None | Some(0) => u64::from(*number > 0) * u64::from(WHOLE_BASIS_POINTS),
            Some(own) => {
                let whole = u64::from(*own) * factor.units;
                let kept = (u64::from(*number) * factor.parts).min(whole);
                kept * u64::from(WHOLE_BASIS_POINTS) / whole
            }
        });
        let kept = bound.counted(kept);
        if bound.capacity.as_ref().is_some_and(|capacity| !capacity.is_kept(kept)) {
            return false;
        }
        let Some(least) = bound.least else { return true };
        let kept = |(number, own): (&u8, &Option<u32>)| {
            let written = u64::from(*number) * factor.parts;
            own.map_or(written, |own| written.min(u64::from(own) * factor.units))
        };
        let kept: u64 = bound.counted(numbers.iter().zip(&self.own).map(kept)).sum();
        kept * u64::from(WHOLE_BASIS_POINTS)
            >= u64::from(least.basis_points()) * factor.units * self.baseline()
    }
}

fn sum<T: Copy + Into<u64>>(numbers: &[T]) -> u64 {
    numbers.iter().copied().map(Into::into).sum()
}

/// The largest error of a share, in millionths.
fn share_error_ppm(wanted: &[u32], numbers: &[u8]) -> u64 {
    let (asked, total) = (sum(wanted), sum(numbers));
    let error = |(wanted, number): (&u32, &u8)| {
        (u64::from(*number) * asked).abs_diff(u64::from(*wanted) * total)
    };
    let error = wanted.iter().zip(numbers).map(error).max().unwrap_or(0);
    (error * 1_000_000).checked_div(asked * total).unwrap_or(0)
}

#[cfg(test)]
#[path = "whole_tests.rs"]
mod tests;
