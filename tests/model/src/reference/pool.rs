//! What a pool should be: the definition of how overrides are laid, written down as it is said.
//!
//! A set of asks has a shape: who serves, with which weight. A set is allowed where its shape keeps the limits.
//! Asks are taken in the order of their strength, each that is allowed beside those taken before, over and over
//! until none is added.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use pointsman_core::{
    field::Value, id::OverrideId, overrides::Held, pool::Member, signal::Severity,
};

use super::whole::{Group, UNIT};
use crate::case::Terms;

/// What keeps an override back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Members,
    Share,
    Capacity,
    MostOut,
    Emptied,
    SwitchedOff,
    NothingServes,
    Panic,
    Paused,
    PlayPaused,
    Frozen,
    Hours,
    Unless,
    Count,
    Lasting,
    Budget,
    /// What the reference leaves out.
    Other,
}

impl Kind {
    pub(super) const fn of(held: &Held) -> Self {
        match held {
            Held::Members { .. } => Self::Members,
            Held::Share { .. } => Self::Share,
            Held::Capacity { .. } => Self::Capacity,
            Held::MostOut { .. } => Self::MostOut,
            Held::Emptied => Self::Emptied,
            Held::SwitchedOff => Self::SwitchedOff,
            Held::NothingServes => Self::NothingServes,
            Held::Panic { .. } => Self::Panic,
            Held::Paused | Held::PausedUntil(_) | Held::PoolPaused { .. } => Self::Paused,
            Held::PlayPaused { .. } => Self::PlayPaused,
            Held::Frozen { .. } => Self::Frozen,
            Held::OutOfHours { .. } => Self::Hours,
            Held::Unless { .. } => Self::Unless,
            Held::Count { .. } => Self::Count,
            Held::Lasting { .. } => Self::Lasting,
            Held::OverBudget { .. } => Self::Budget,
            Held::MostOutOfTag { .. }
            | Held::Together { .. }
            | Held::NoMember(_)
            | Held::MixedWeights
            | Held::NoBackend
            | Held::NotAPool
            | Held::NotASingle
            | Held::Unmade(_)
            | Held::Full
            | Held::Ahead
            | Held::NoProperty(_)
            | Held::Unreadable(_)
            | Held::ManyWrites { .. }
            | Held::Uncertain { .. }
            | Held::Shadow { .. } => Self::Other,
        }
    }
}

/// What is asked of one member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Does {
    /// So many ten-thousandths of its weight.
    Part(u64),
    Weight(u8),
    Serve(Option<u8>),
}

/// Who asks, from the weakest on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Who {
    Alert,
    Window,
    Operator,
}

/// What one override asks at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ask {
    pub(super) id: OverrideId,
    pub(super) who: Who,
    pub(super) severity: Severity,
    pub(super) started: i64,
    /// By member, without what it has given up.
    pub(super) does: Vec<(usize, Does)>,
    /// How much it has given back, in ten-thousandths; none while it is in force.
    pub(super) given_back: Option<u64>,
    pub(super) forced: bool,
}

impl Ask {
    pub(super) fn strength(&self) -> impl Ord + use<> {
        (Reverse(self.who), Reverse(self.severity), self.started, self.id.clone())
    }
}

/// A pool as its owner left it, and what must hold of it.
pub(super) struct Ground<'a> {
    pub(super) members: &'a [Member],
    pub(super) terms: &'a Terms,
    /// Whose weight was given up to someone else's write.
    pub(super) given_up: BTreeSet<usize>,
}

/// Who serves, with which weight.
struct Shape {
    group: Vec<u8>,
    weight: Vec<u64>,
    /// The weights, had nothing that ends begun to be given back.
    unramped: Vec<u64>,
}

/// What is right.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Laid {
    pub(super) priorities: Vec<Value>,
    /// The members of each group, and the weights that may be theirs.
    pub(super) groups: Vec<(Vec<usize>, Vec<Vec<Value>>)>,
    pub(super) held: BTreeMap<OverrideId, Kind>,
    pub(super) yielded: BTreeSet<OverrideId>,
    /// The members of another group that serve.
    pub(super) moved: BTreeSet<usize>,
    /// Who asks for each weight that is not its owner's.
    pub(super) owners: BTreeMap<usize, BTreeSet<OverrideId>>,
}

impl Ground<'_> {
    fn all(&self) -> std::ops::Range<usize> {
        0..self.members.len()
    }

    fn group(&self, at: usize) -> u8 {
        self.members[at].priority.number().unwrap_or(0)
    }

    /// What its owner gives a member. Nulls alone share equally.
    fn base(&self, at: usize) -> u64 {
        let mut group = self.all().filter(|other| self.group(*other) == self.group(at));
        let has_numbers = group.any(|other| self.members[other].weight.number().is_some());
        let null = if has_numbers { self.terms.null_weight.unwrap_or(1) } else { 1 };
        u64::from(self.members[at].weight.number().unwrap_or(null)) * UNIT
    }

    /// The group that serves.
    fn serving(&self) -> Option<u8> {
        self.all().filter(|at| self.base(*at) > 0).map(|at| self.group(at)).min()
    }

    /// Those that serve by their owner.
    fn serve(&self) -> Vec<usize> {
        let serving = self.serving();
        self.all().filter(|at| Some(self.group(*at)) == serving && self.base(*at) > 0).collect()
    }

    fn standbys(&self) -> Vec<u8> {
        let below =
            self.all().map(|at| self.group(at)).filter(|group| Some(*group) > self.serving());
        below.collect::<BTreeSet<_>>().into_iter().collect()
    }

    fn median(&self) -> u64 {
        let mut weights: Vec<u64> = self.serve().into_iter().map(|at| self.base(at)).collect();
        weights.sort_unstable();
        weights[weights.len() / 2]
    }

    /// A weight by what is asked of it: the highest authority decides, the smallest within it, and what gives
    /// back never raises what is in force.
    fn asked(&self, at: usize, asks: &[&Ask], otherwise: u64, unramped: bool) -> u64 {
        let of = |ramping: bool| {
            let asked =
                asks.iter().filter(|ask| ask.given_back.is_some() == ramping).flat_map(|ask| {
                    let does = ask.does.iter().filter(|(member, _)| *member == at);
                    does.filter_map(|(_, does)| {
                        let whole = match does {
                            Does::Part(part) => self.base(at) / UNIT * part,
                            Does::Weight(weight) => u64::from(*weight) * UNIT,
                            Does::Serve(_) => return None,
                        };
                        let back = if unramped { 0 } else { ask.given_back.unwrap_or(0) };
                        let more = self.base(at).abs_diff(whole) * back / UNIT;
                        let now = if self.base(at) > whole { whole + more } else { whole - more };
                        Some((Reverse(ask.who), now))
                    })
                });
            asked.min()
        };
        match (of(false), of(true)) {
            (Some((who, one)), Some((same, other))) if who == same => one.min(other),
            (Some((_, weight)), _) | (None, Some((_, weight))) => weight,
            (None, None) => otherwise,
        }
    }

    fn shape(&self, asks: &[&Ask], standbys: usize) -> Shape {
        let serving = self.serving().expect("one serves");
        let promoted_groups = &self.standbys()[..standbys];
        let mut shape = Shape { group: Vec::new(), weight: Vec::new(), unramped: Vec::new() };
        for at in self.all() {
            let serves = self.group(at) == serving && self.base(at) > 0;
            let mine = asks.iter().flat_map(|ask| &ask.does).filter(|(member, _)| *member == at);
            let promoted = mine
                .filter_map(|(_, does)| match does {
                    Does::Serve(weight) => Some(*weight),
                    Does::Part(_) | Does::Weight(_) => None,
                })
                .max()
                .filter(|_| !serves);
            let (mut group, mut weight) = (self.group(at), self.base(at));
            if promoted.is_some() || promoted_groups.contains(&group) {
                group = serving;
                let has_none = self.members[at].weight.number().unwrap_or(0) == 0;
                if has_none && !self.given_up.contains(&at) {
                    let declared = promoted.flatten().map(|weight| u64::from(weight) * UNIT);
                    weight = declared.unwrap_or_else(|| self.median());
                }
            }
            shape.group.push(group);
            shape.unramped.push(self.asked(at, asks, weight, true));
            shape.weight.push(self.asked(at, asks, weight, false));
        }
        shape
    }

    fn within(&self, shape: &Shape, group: u8) -> Vec<usize> {
        self.all().filter(|at| shape.group[*at] == group).collect()
    }

    fn to_write(&self, shape: &Shape, group: u8, bounded: bool) -> Group {
        let within = self.within(shape, group);
        let bounded = bounded && Some(group) == self.serving();
        let own = |at: &usize| (shape.group[*at] == self.group(*at)).then(|| self.base(*at));
        let carry = |at: usize| {
            self.terms.capacity.as_ref().map_or(0, |(units, _)| u64::from(units[at % units.len()]))
        };
        let capacity = self.terms.capacity.as_ref().filter(|_| bounded).map(|(_, percent)| {
            let whole: u64 = self.all().map(carry).sum();
            let least = (whole * u64::from(*percent) / 100).max(1);
            let serve: u64 = self.serve().into_iter().map(carry).sum();
            (within.iter().map(|at| carry(*at)).collect(), least.min(serve))
        });
        Group {
            wanted: within.iter().map(|at| shape.weight[*at]).collect(),
            own: within.iter().map(own).collect(),
            scalable: !within.iter().any(|at| self.given_up.contains(at)),
            share: self.terms.least_share.filter(|_| bounded).map(|share| u64::from(share) * 100),
            capacity,
        }
    }

    /// Whether traffic goes where it is known to go: no group is switched on, and none is emptied.
    fn sound(&self, shape: &Shape) -> Result<(), Kind> {
        let serving = self.serving().expect("one serves");
        if self.all().any(|at| shape.group[at] < serving && shape.weight[at] > 0) {
            return Err(Kind::SwitchedOff);
        }
        let is_empty =
            |group: &u8| self.within(shape, *group).iter().all(|at| shape.weight[*at] == 0);
        let left_so = |at: usize| {
            self.all()
                .filter(|other| self.group(*other) == self.group(at))
                .all(|at| self.base(at) == 0)
        };
        let emptied = self.all().any(|at| is_empty(&shape.group[at]) && !left_so(at));
        if emptied { Err(Kind::Emptied) } else { Ok(()) }
    }

    /// Whether a shape keeps the limits; what is coming back counts as serving where `counts_ramps`.
    fn keeps(&self, shape: &Shape, counts_ramps: bool) -> Result<(), Kind> {
        let serving = self.serving().expect("one serves");
        let is_sound = self.sound(shape);
        if is_sound == Err(Kind::SwitchedOff) {
            return is_sound;
        }
        let out = self.serve().into_iter().filter(|at| shape.weight[*at] == 0).count();
        if self.terms.most_out.is_some_and(|most| out > usize::from(most)) {
            return Err(Kind::MostOut);
        }
        let serve = self
            .within(shape, serving)
            .into_iter()
            .filter(|at| shape.weight[*at] > 0 && (counts_ramps || shape.unramped[*at] > 0));
        let before = self.serve().len();
        let least = self.terms.least_members.map_or(before.div_ceil(2), usize::from);
        if serve.count() < least.max(1).min(before) {
            return Err(Kind::Members);
        }
        self.to_write(shape, serving, true).numbers()?;
        is_sound
    }

    /// The least number of groups to promote with which a set is allowed.
    fn allowed(&self, asks: &[&Ask]) -> Result<usize, Kind> {
        let mut why = Kind::Other;
        for counts_ramps in [false, true] {
            let tried = |standbys| self.keeps(&self.shape(asks, standbys), counts_ramps);
            let Err(kind) = tried(0) else { return Ok(0) };
            why = kind;
            if self.terms.hold || !matches!(kind, Kind::Members | Kind::Share | Kind::Capacity) {
                continue;
            }
            if let Some(most) = (1..=self.standbys().len()).find(|most| tried(*most).is_ok()) {
                return Ok(most);
            }
        }
        Err(why)
    }

    /// With how many groups one passes the limits: an operator's will, or what takes nothing more away beside it.
    fn passes(&self, one: &Ask, taken: &[&Ask], standbys: usize, is_forced: bool) -> Option<usize> {
        let with: Vec<&Ask> = taken.iter().copied().chain([one]).collect();
        let is_sound = |standbys: &usize| self.sound(&self.shape(&with, *standbys)).is_ok();
        if one.forced {
            let most = if self.terms.hold { 0 } else { self.standbys().len() };
            return (0..=most).find(is_sound);
        }
        let (before, after) = (self.shape(taken, standbys), self.shape(&with, standbys));
        let takes = self.all().any(|at| after.weight[at] < before.weight[at]);
        (is_forced && !takes && is_sound(&standbys)).then_some(standbys)
    }

    /// How many would be out by these alone, and how many serve.
    pub(super) fn would_be_out(&self, asks: &[&Ask]) -> (usize, usize) {
        let serve = self.serve();
        if serve.is_empty() {
            return (0, 0);
        }
        let shape = self.shape(asks, 0);
        (serve.iter().filter(|at| shape.weight[**at] == 0).count(), serve.len())
    }

    pub(super) fn lay(&self, asks: &[Ask]) -> Laid {
        let mut laid = Laid::default();
        if self.serving().is_none() {
            laid.held = asks.iter().map(|ask| (ask.id.clone(), Kind::NothingServes)).collect();
            laid.priorities = self.members.iter().map(|one| one.priority.clone()).collect();
            let weights = self.members.iter().map(|one| one.weight.clone()).collect();
            laid.groups = vec![(self.all().collect(), vec![weights])];
            return laid;
        }
        let (given_up, mut waiting): (Vec<&Ask>, _) =
            asks.iter().partition(|ask| ask.does.is_empty());
        laid.yielded = given_up.into_iter().map(|ask| ask.id.clone()).collect();
        waiting.sort_by_key(|ask| ask.strength());
        let (mut taken, mut standbys, mut is_forced): (Vec<&Ask>, _, _) = (Vec::new(), 0, false);
        loop {
            let before = taken.len();
            for ask in std::mem::take(&mut waiting) {
                let with: Vec<&Ask> = taken.iter().copied().chain([ask]).collect();
                let allowed = self.allowed(&with);
                let passed = self.passes(ask, &taken, standbys, is_forced);
                match (allowed, passed) {
                    (Ok(needed), _) => standbys = needed,
                    (Err(_), Some(needed)) => {
                        standbys = needed;
                        is_forced |= ask.forced;
                    }
                    (Err(kind), None) => {
                        laid.held.insert(ask.id.clone(), kind);
                        waiting.push(ask);
                        continue;
                    }
                }
                laid.held.remove(&ask.id);
                taken = with;
            }
            if taken.len() == before {
                break;
            }
        }
        self.write(&taken, standbys, is_forced, &mut laid);
        laid
    }

    fn write(&self, taken: &[&Ask], standbys: usize, is_forced: bool, laid: &mut Laid) {
        let shape = self.shape(taken, standbys);
        let serving = self.serving().expect("one serves");
        let leader = self.all().find(|at| self.group(*at) == serving).expect("one serves");
        let moved = |at: usize| shape.group[at] != self.group(at);
        laid.priorities = self
            .all()
            .map(|at| self.members[if moved(at) { leader } else { at }].priority.clone())
            .collect();
        laid.moved = self.all().filter(|at| moved(*at)).collect();
        for group in shape.group.iter().copied().collect::<BTreeSet<_>>() {
            let within = self.within(&shape, group);
            let to_write = self.to_write(&shape, group, !is_forced);
            let is_scalable = to_write.scalable;
            let right = to_write.numbers().expect("what is taken keeps the limits");
            let is_null = |at: &usize| self.members[*at].weight.number().is_none();
            let is_kept = |at: &usize| shape.weight[*at] == self.base(*at) && !moved(*at);
            let all = is_scalable
                && (within.iter().any(is_null) || !right.is_one)
                && !within.iter().all(is_kept);
            let changed = |at: usize| {
                all || shape.weight[at] != self.base(at)
                    || (moved(at) && is_null(&at) && !self.given_up.contains(&at))
            };
            let values = right.choices.iter().map(|numbers| {
                let each = within.iter().zip(numbers);
                each.map(|(at, number)| {
                    if changed(*at) {
                        Value::Number(*number)
                    } else {
                        self.members[*at].weight.clone()
                    }
                })
                .collect()
            });
            let values = values.collect();
            for at in &within {
                let asks =
                    |ask: &&&Ask, at: usize| ask.does.iter().any(|(member, _)| *member == at);
                let by = |members: &[usize]| -> BTreeSet<OverrideId> {
                    let those = taken.iter().filter(|ask| members.iter().any(|at| asks(ask, *at)));
                    those.map(|ask| ask.id.clone()).collect()
                };
                let said = taken
                    .iter()
                    .flat_map(|ask| &ask.does)
                    .any(|(member, does)| member == at && !matches!(does, Does::Serve(_)));
                if said || changed(*at) {
                    let owners = if all || moved(*at) { by(&within) } else { by(&[*at]) };
                    laid.owners.insert(*at, owners);
                }
            }
            laid.groups.push((within, values));
        }
    }
}
