//! The whole numbers of one group, by looking at all of them.
//!
//! Weights are in ten-thousandths. Every number is its exact weight times a factor, rounded down or up; one that
//! is not 0 stays above 0, and none goes above its owner's weight times the factor, unless more was asked for.
//! Of the factors (1, then whole ones, then those that make the largest weight whole) the first counts that
//! leaves no share more than a percentage point off; if none does, the one that comes nearest. Where several
//! choices are as near, each of them is right.

use super::pool::Kind;

/// One unit of weight.
pub(super) const UNIT: u64 = 10_000;

/// A share may be so many millionths off.
const NEAR_PPM: u64 = 10_000;

/// One group, as it is asked for.
pub(super) struct Group {
    pub(super) wanted: Vec<u64>,
    /// What each has by its owner; none where it was promoted into the group.
    pub(super) own: Vec<Option<u64>>,
    pub(super) scalable: bool,
    /// How much of the weight must remain, in ten-thousandths.
    pub(super) share: Option<u64>,
    /// What each can carry, and how much of that must remain.
    pub(super) capacity: Option<(Vec<u64>, u64)>,
}

/// So many units for so many parts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Factor(u64, u64);

/// The right numbers with one factor.
pub(super) struct Right {
    pub(super) is_one: bool,
    pub(super) choices: Vec<Vec<u8>>,
    factor: Factor,
    error: u64,
}

impl Group {
    /// What may be written, or which limit leaves nothing.
    pub(super) fn numbers(&self) -> Result<Right, Kind> {
        let nearest = self
            .nearest(false)
            .filter(|right| right.choices.iter().any(|numbers| self.keeps(numbers, right.factor)));
        if let Some(mut right) = nearest {
            right.choices.retain(|numbers| self.keeps(numbers, right.factor));
            return Ok(right);
        }
        match self.exactly_broken() {
            Some(kind) => Err(kind),
            None => Ok(self.nearest(true).expect("all rounded up keep what exact weights keep")),
        }
    }

    fn factors(&self) -> Vec<Factor> {
        let largest = self.wanted.iter().copied().max().unwrap_or(0).max(1);
        let mut factors = vec![Factor(1, UNIT)];
        if self.scalable {
            let whole = (2..=100).map(|times| Factor(times, UNIT));
            let largest_whole = (1..=100).map(|units| Factor(units, largest));
            factors.extend(whole.chain(largest_whole).filter(|Factor(units, parts)| {
                units * UNIT > *parts && (largest * units).div_ceil(*parts) <= 100
            }));
        }
        factors
    }

    fn nearest(&self, within_limits: bool) -> Option<Right> {
        let mut best: Option<Right> = None;
        for factor in self.factors() {
            let Some(right) = self.with(factor, within_limits) else { continue };
            let is_near = right.error <= NEAR_PPM;
            if best.as_ref().is_none_or(|best| right.error < best.error) {
                best = Some(right);
            }
            if is_near {
                break;
            }
        }
        best
    }

    /// The best of all choices with one factor: the least error, then the nearest total, then the larger.
    fn with(&self, factor: Factor, within_limits: bool) -> Option<Right> {
        let Factor(units, parts) = factor;
        let asked: u64 = self.wanted.iter().sum();
        let mut all: Vec<Vec<u8>> = vec![Vec::new()];
        for (wanted, own) in self.wanted.iter().zip(&self.own) {
            let round = |number: u64| {
                let most = own.filter(|own| wanted <= own).map_or(100, |own| own * units / parts);
                u8::try_from(number.min(most).max(u64::from(*wanted > 0))).unwrap()
            };
            let (down, up) =
                (round(wanted * units / parts), round((wanted * units).div_ceil(parts)));
            let also = all.iter().filter(|_| up != down).map(|one| [&one[..], &[up]].concat());
            let also: Vec<_> = also.collect();
            all.iter_mut().for_each(|one| one.push(down));
            all.extend(also);
        }
        all.retain(|numbers| !within_limits || self.keeps(numbers, factor));
        let badness = |numbers: &Vec<u8>| {
            let total: u64 = numbers.iter().copied().map(u64::from).sum();
            let errors = self
                .wanted
                .iter()
                .zip(numbers)
                .map(|(wanted, number)| (u64::from(*number) * asked).abs_diff(wanted * total));
            let error = errors.max().unwrap_or(0) * 1_000_000;
            let error = error.checked_div(asked * total).unwrap_or(0);
            (error, (total * parts).abs_diff(asked * units), u64::MAX - total)
        };
        let least = all.iter().map(badness).min()?;
        all.retain(|numbers| badness(numbers) == least);
        Some(Right { is_one: units * UNIT == parts, choices: all, factor, error: least.0 })
    }

    /// Whether numbers keep the limits: each member with no more than it has by its owner times the factor.
    fn keeps(&self, numbers: &[u8], Factor(units, parts): Factor) -> bool {
        let written = |place: usize| u64::from(numbers[place]) * parts;
        let kept = |place: usize| match self.own[place] {
            Some(own) => written(place).min(own * units),
            None => written(place),
        };
        let carried = |place: usize| match self.own[place] {
            None | Some(0) => u64::from(numbers[place] > 0) * UNIT,
            Some(own) => kept(place) * UNIT / (own * units),
        };
        self.is_enough(kept, carried, units)
    }

    fn exactly_broken(&self) -> Option<Kind> {
        let kept = |place: usize| {
            self.own[place].map_or(self.wanted[place], |own| own.min(self.wanted[place]))
        };
        let carried = |place: usize| match self.own[place] {
            None | Some(0) => u64::from(self.wanted[place] > 0) * UNIT,
            Some(own) => kept(place) * UNIT / own,
        };
        if !self.has_share(&kept, 1) {
            return Some(Kind::Share);
        }
        (!self.has_capacity(&carried)).then_some(Kind::Capacity)
    }

    fn is_enough(
        &self,
        kept: impl Fn(usize) -> u64,
        carried: impl Fn(usize) -> u64,
        times: u64,
    ) -> bool {
        self.has_share(&kept, times) && self.has_capacity(&carried)
    }

    fn has_share(&self, kept: &impl Fn(usize) -> u64, times: u64) -> bool {
        let own: u64 = self.own.iter().flatten().sum();
        let all: u64 = (0..self.own.len()).map(kept).sum();
        self.share.is_none_or(|share| all * UNIT >= share * times * own)
    }

    fn has_capacity(&self, carried: &impl Fn(usize) -> u64) -> bool {
        self.capacity.as_ref().is_none_or(|(units, least)| {
            let all: u64 =
                units.iter().enumerate().map(|(place, units)| units * carried(place)).sum();
            all >= least * UNIT
        })
    }
}
