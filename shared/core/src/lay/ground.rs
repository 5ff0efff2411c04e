//! A baseline, read once, and the shape that a pool takes by what is asked of its members.

use std::collections::BTreeSet;

use super::{
    admitted::{Admitted, Target, Touch},
    counts::{Count, Numbers, switched_off},
    given::{Contribution, Yielded},
    whole::{Bound, Capacity, Exact, SCALE},
};
use crate::{
    effect::Effect,
    field::Field,
    fraction::{Fraction, WHOLE_BASIS_POINTS},
    id::OverrideId,
    limits::{Limits, Terms},
    names::BackendName,
    overrides::Held,
    pool::{Member, Pool},
};

/// A baseline, read once: who is in which group, with which weight, and who serves.
pub(super) struct Ground<'a> {
    pub(super) members: &'a [Member],
    pub(super) terms: &'a Terms,
    yielded: &'a Yielded,
    /// Of each member, whether its weight was given up to someone else's write.
    given_up: Vec<bool>,
    /// How many of the members the pool lists without us: those that were added come after them.
    pub(super) listed: usize,
    /// Each member's group: the number of its priority.
    pub(super) group: Vec<u8>,
    /// Each member's weight in the baseline, in parts.
    pub(super) base: Vec<u32>,
    /// Groups with nulls and numbers, where the playbook does not say what null means.
    mixed: BTreeSet<u8>,
    /// The group that serves.
    pub(super) serving: u8,
    /// The groups below it, in order.
    pub(super) standbys: Vec<u8>,
    /// The members that Azure itself may leave out.
    pub(super) uncertain: BTreeSet<usize>,
    /// How many members serve in the baseline.
    pub(super) before: Count,
    /// The groups that its owner has switched off.
    pub(super) switched_off: Numbers,
}

/// A pool as it would be: each member's group and weight.
pub(super) struct Shape {
    pub(super) group: Vec<u8>,
    pub(super) weight: Vec<u32>,
    /// Each member's weight had its ramps not begun: a member whose is 0 is still on its way back.
    pub(super) settled: Vec<u32>,
}

impl<'a> Ground<'a> {
    pub(super) fn of(
        baseline: &'a Pool,
        listed: usize,
        terms: &'a Terms,
        yielded: &'a Yielded,
    ) -> Result<Self, Held> {
        let members = baseline.members();
        let group: Vec<u8> = members.iter().map(|one| one.priority.number().unwrap_or(0)).collect();
        let groups: BTreeSet<u8> = group.iter().copied().collect();
        let mut base = vec![0; members.len()];
        let mut mixed = BTreeSet::new();
        for number in &groups {
            let within: Vec<usize> =
                (0..members.len()).filter(|at| group[*at] == *number).collect();
            let numbers =
                within.iter().filter(|at| members[**at].weight.number().is_some()).count();
            if numbers != 0 && numbers != within.len() && terms.null_weight.is_none() {
                mixed.insert(*number);
            }
            // Round robin is what equal weights are.
            let null = if numbers == 0 { 1 } else { terms.null_weight.unwrap_or(1) };
            for at in within {
                base[at] = u32::from(members[at].weight.number().unwrap_or(null)) * SCALE;
            }
        }
        let serves = |number: &u8| (0..listed).any(|at| group[at] == *number && base[at] > 0);
        let serving = groups.iter().copied().find(serves).ok_or(Held::NothingServes)?;
        let standbys = groups.into_iter().filter(|number| *number > serving).collect();
        let is_given_up =
            |one: &Member| !yielded.is_empty() && yielded.contains_key(&Field::weight(&one.name));
        let given_up = members.iter().map(is_given_up).collect();
        let may_be_left_out = &baseline.unknown().may_be_left_out;
        let uncertain =
            (0..members.len()).filter(|at| may_be_left_out.contains(&members[*at].name)).collect();
        let switched_off = switched_off(&group, &base);
        let mut ground = Self {
            members,
            terms,
            yielded,
            given_up,
            listed,
            group,
            base,
            mixed,
            serving,
            standbys,
            uncertain,
            before: Count::default(),
            switched_off,
        };
        ground.before = ground.counted(ground.serving_members());
        Ok(ground)
    }

    pub(super) const fn yielded(&self) -> &Yielded {
        self.yielded
    }

    fn at(&self, name: &BackendName) -> Result<usize, Held> {
        self.members
            .iter()
            .position(|member| member.name == *name)
            .ok_or_else(|| Held::NoMember(name.clone()))
    }

    /// The members that a contribution touches, without the fields that it has given up.
    pub(super) fn targets(&self, one: &Contribution<'_>) -> Result<Vec<Target>, Held> {
        let only = |name, touch| {
            self.target(&one.over.id, name, touch).map(|target| target.into_iter().collect())
        };
        match &one.over.effect {
            Effect::Drain { member } => only(member, Touch::Part(Fraction::NONE)),
            Effect::Shift { member, to } => only(member, Touch::Part(*to)),
            Effect::Promote { member, weight } => only(member, Touch::Serve(*weight)),
            Effect::Split { weights } => weights
                .iter()
                .filter_map(|(name, to)| {
                    self.target(&one.over.id, name, Touch::Weight(*to)).transpose()
                })
                .collect(),
            // Those that join are there already.
            Effect::Join { .. } => Ok(Vec::new()),
            Effect::Breaker(_) | Effect::Set(_) | Effect::Ensure(_) | Effect::Reconnect(_) => {
                Err(Held::NotASingle)
            }
        }
    }

    /// A member that an override touches, unless that has given up the field.
    fn target(
        &self,
        id: &OverrideId,
        name: &BackendName,
        touch: Touch,
    ) -> Result<Option<Target>, Held> {
        let at = self.at(name)?;
        if !self.is_clear(at, touch) {
            return Err(Held::MixedWeights);
        }
        let given_up = |field: &Field| self.yielded.get(field).is_some_and(|ids| ids.contains(id));
        let field = || match touch {
            Touch::Part(_) | Touch::Weight(_) => Field::weight(name),
            Touch::Serve(_) => Field::priority(name),
        };
        if !self.yielded.is_empty()
            && (given_up(&field()) || given_up(&Field::Membership(name.clone())))
        {
            return Ok(None);
        }
        let (base, unclear) = (self.base[at], self.is_unclear(at));
        Ok(Some(Target { at, touch, base, unclear }))
    }

    /// Whether a touch can be carried out without knowing what null counts as: no weight and an
    /// explicit weight can, where no share has to be kept.
    fn is_clear(&self, at: usize, touch: Touch) -> bool {
        let mixed = |group: u8| self.mixed.contains(&group);
        match touch {
            Touch::Part(Fraction::NONE) | Touch::Weight(_) => {
                let Limits { least_share, least_capacity, .. } = self.terms.limits;
                !mixed(self.serving) || (least_share.is_none() && least_capacity.is_none())
            }
            Touch::Part(_) | Touch::Serve(_) => !mixed(self.group[at]) && !mixed(self.serving),
        }
    }

    /// Whether nobody has said what a member's weight counts as.
    fn is_unclear(&self, at: usize) -> bool {
        self.mixed.contains(&self.group[at]) && self.members[at].weight.number().is_none()
    }

    /// Whether a member's weight was given up to someone else's write.
    pub(super) fn is_given_up(&self, at: usize) -> bool {
        self.given_up[at]
    }

    fn is_standby(&self, at: usize, standbys: usize) -> bool {
        self.standbys[..standbys].contains(&self.group[at])
            && !self.mixed.contains(&self.group[at])
            && !self.mixed.contains(&self.serving)
            && !self.yielded.contains_key(&Field::priority(&self.members[at].name))
    }

    /// The pool as it would be with these admitted and so many groups promoted.
    pub(super) fn shape(&self, admitted: &Admitted, standbys: usize) -> Shape {
        let mut shape = Shape {
            group: self.group.clone(),
            weight: self.base.clone(),
            settled: Vec::with_capacity(self.base.len()),
        };
        for at in 0..self.members.len() {
            // What serves already has nothing to be promoted to, and keeps its weight.
            let serves = self.group[at] == self.serving && self.base[at] > 0;
            let promoted = admitted.serves(at).filter(|_| !serves);
            if promoted.is_some() || self.is_standby(at, standbys) {
                shape.group[at] = self.serving;
                let weightless = self.members[at].weight.number().unwrap_or(0) == 0;
                if weightless && !self.is_given_up(at) {
                    shape.weight[at] = promoted
                        .flatten()
                        .map_or_else(|| self.median(), |weight| u32::from(weight) * SCALE);
                }
            }
            let weighed = admitted.weight(at);
            shape.settled.push(weighed.unramped().weight(shape.weight[at]));
            shape.weight[at] = weighed.weight(shape.weight[at]);
        }
        shape
    }

    /// The median weight of those that serve in the baseline.
    fn median(&self) -> u32 {
        let mut weights: Vec<u32> = self.serving_base().collect();
        weights.sort_unstable();
        weights.get(weights.len() / 2).copied().unwrap_or(SCALE)
    }

    pub(super) fn serving_base(&self) -> impl Iterator<Item = u32> {
        self.serving_members().map(|at| self.base[at])
    }

    /// Those that serve in the baseline.
    pub(super) fn serving_members(&self) -> impl Iterator<Item = usize> {
        (0..self.listed).filter(|at| self.group[*at] == self.serving && self.base[*at] > 0)
    }

    /// How many members these are.
    pub(super) fn counted(&self, members: impl Iterator<Item = usize>) -> Count {
        members.fold(Count::default(), |Count { all, certain }, at| Count {
            all: all + 1,
            certain: certain + usize::from(!self.uncertain.contains(&at)),
        })
    }

    /// Whether a member's weight and group are as its owner left them.
    pub(super) fn is_kept(&self, shape: &Shape, at: usize) -> bool {
        shape.weight[at] == self.base[at] && shape.group[at] == self.group[at]
    }

    /// One group of a shape, to be written in whole numbers; the limits bound those of the group that serves,
    /// unless they are passed by force.
    pub(super) fn asked(&self, shape: &Shape, within: &[usize], forced: bool) -> Exact {
        let own = |at: &usize| {
            let is_own = *at < self.listed && shape.group[*at] == self.group[*at];
            is_own.then_some(self.base[*at])
        };
        // Nobody has said what these are times a factor, or someone else has written them.
        let fixed = |at: &usize| self.is_given_up(*at) || self.is_unclear(*at);
        let serves = within.first().is_some_and(|at| shape.group[*at] == self.serving);
        let bounded = serves && !forced;
        Exact {
            wanted: within.iter().map(|at| shape.weight[*at]).collect(),
            own: within.iter().map(own).collect(),
            scalable: !within.iter().any(fixed),
            bounds: if bounded { self.bounds(within) } else { Vec::new() },
        }
    }

    /// Whether a limit says how much must remain.
    pub(super) const fn bounds_weight(&self) -> bool {
        let Limits { least_share, least_capacity, .. } = self.terms.limits;
        least_share.is_some() || least_capacity.is_some()
    }

    /// How much must remain of the group that serves: by all of its members, and by those alone that certainly
    /// serve.
    fn bounds(&self, within: &[usize]) -> Vec<Bound> {
        if !self.bounds_weight() {
            return Vec::new();
        }
        let uncertain = |at: &usize| self.uncertain.contains(&within[*at]);
        let uncounted: BTreeSet<usize> = (0..within.len()).filter(uncertain).collect();
        let all = self.bound(within, BTreeSet::new());
        if uncounted.is_empty() { vec![all] } else { vec![all, self.bound(within, uncounted)] }
    }

    /// How much must remain where these do not count: no more than the baseline has without them.
    fn bound(&self, within: &[usize], uncounted: BTreeSet<usize>) -> Bound {
        let counts = |at: &usize| uncounted.is_empty() || !self.uncertain.contains(at);
        let weight = |at: usize| u64::from(self.base[at]);
        let own: u64 = self.serving_members().filter(counts).map(weight).sum();
        let whole: u64 = self.serving_members().map(weight).sum();
        let own = (own * u64::from(WHOLE_BASIS_POINTS)).checked_div(whole);
        let own = own.and_then(|own| Fraction::try_from(u16::try_from(own).ok()?).ok());
        let least = self.terms.limits.least_share;
        let least = least.map(|least| least.min(own.unwrap_or(Fraction::WHOLE)));
        let capacity = self.terms.limits.least_capacity.map(|least| {
            let of = |at: usize| {
                self.terms.capacity.get(&self.members[at].name).copied().unwrap_or_default()
            };
            let baseline = self.serving_members().filter(counts).map(|at| u64::from(of(at))).sum();
            let least = u64::from(least).min(baseline);
            Capacity { of: within.iter().map(|at| of(*at)).collect(), least }
        });
        Bound { uncounted, least, capacity }
    }
}

impl Shape {
    /// The members of a group.
    pub(super) fn within(&self, number: u8) -> Vec<usize> {
        (0..self.group.len()).filter(|at| self.group[*at] == number).collect()
    }
}
