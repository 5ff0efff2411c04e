//! What a pool should be: its baseline, with the overrides that its limits admit laid over it.
//!
//! ```text
//! desired = lay(baseline, admit(overrides, limits))
//! ```
//!
//! A pure function of a set. [`admit`] takes the overrides one by one in the order of their rank
//! and keeps each that leaves the pool within its limits together with those kept before it; one
//! that would break a limit is held, and the next is tried. Because the order is the rank's and
//! never the arrival's, the same set gives the same pool however it came about (I1), and because
//! the limits are part of the function, no set gives a pool below them (I5).
//!
//! Weights are computed in ten-thousandths ([`SCALE`]), so that fractions are exact, and turned
//! into Azure's whole numbers last, by [`Pitch`].

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use crate::{
    effect::{Effect, WEIGHT_MAX},
    fraction::{Fraction, WHOLE_BASIS_POINTS},
    id::OverrideId,
    limits::{Failover, Limits},
    names::BackendName,
    origin::Origin,
    overrides::Held,
    pool::{Field, Member, Part, Pool, Setting, Settings},
    signal::Severity,
};

/// Parts of one unit of weight, so that any [`Fraction`] of a weight is a whole number.
pub const SCALE: u32 = WHOLE_BASIS_POINTS as u32;

/// How far a member's share may be off what was asked, in millionths: one percentage point.
pub const SHARE_ERROR_PPM_MAX: u64 = 10_000;

/// What must hold of the result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// The limits.
    pub limits: Limits,
    /// What happens when the serving group cannot keep them by itself.
    pub failover: Failover,
    /// What null counts as beside numbers, where the playbook says so.
    pub null_weight: Option<u8>,
}

/// What decides between overrides. Compares as the order of admission: the first is the strongest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank<'a> {
    authority: Reverse<Origin>,
    severity: Reverse<Severity>,
    started: jiff::Timestamp,
    id: &'a OverrideId,
}

/// One override's part in the result.
#[derive(Clone, Debug)]
pub struct Contribution<'a> {
    /// Whose.
    pub id: &'a OverrideId,
    /// Its place in the order of admission.
    pub rank: Rank<'a>,
    /// What it does.
    pub effect: &'a Effect,
    /// How much of what it took it has given back: nothing while in force, more as it ramps out.
    pub given_back: Fraction,
}

impl<'a> Contribution<'a> {
    /// The part of an override that has given back so much.
    #[must_use]
    pub fn of(over: &'a crate::overrides::Override, given_back: Fraction) -> Self {
        let rank = Rank {
            authority: Reverse(over.origin),
            severity: Reverse(over.severity),
            started: over.started,
            id: &over.id,
        };
        Self { id: &over.id, rank, effect: &over.effect, given_back }
    }
}

/// Fields that were given up to someone else's write, and by which overrides.
pub type Yielded = BTreeMap<Field, BTreeSet<OverrideId>>;

/// The result.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Laid {
    /// The owned fields and what they should be.
    pub settings: Settings,
    /// By which overrides each field is owned.
    pub owners: BTreeMap<Field, BTreeSet<OverrideId>>,
    /// Which overrides are held, and why.
    pub held: BTreeMap<OverrideId, Held>,
    /// Which overrides have given up every field that they would change.
    pub yielded: BTreeSet<OverrideId>,
}

/// Lays overrides over a baseline, within its terms.
#[must_use]
pub fn lay(
    baseline: &Pool,
    terms: &Terms,
    contributions: &[Contribution<'_>],
    yielded: &Yielded,
) -> Laid {
    let mut laid = Laid::default();
    let ground = match Ground::of(baseline, terms, yielded) {
        Ok(ground) => ground,
        Err(held) => {
            laid.held = contributions.iter().map(|one| (one.id.clone(), held.clone())).collect();
            return laid;
        }
    };
    let (admitted, claims) = admit(&ground, contributions, &mut laid);
    ground.render(&admitted, &claims, &mut laid);
    laid
}

/// Keeps, in the order of rank, each contribution that the limits allow beside those kept before.
fn admit<'a>(
    ground: &Ground<'_>,
    contributions: &[Contribution<'a>],
    laid: &mut Laid,
) -> (Admitted, Vec<(Vec<usize>, &'a OverrideId)>) {
    let mut waiting = Vec::with_capacity(contributions.len());
    for one in contributions {
        match ground.targets(one) {
            Ok(targets) if targets.is_empty() => {
                laid.yielded.insert(one.id.clone());
            }
            Ok(targets) => waiting.push((one, targets)),
            Err(held) => {
                laid.held.insert(one.id.clone(), held);
            }
        }
    }
    waiting.sort_unstable_by(|(left, _), (right, _)| left.rank.cmp(&right.rank));
    let mut admitted = Admitted::default();
    let mut claims: Vec<(Vec<usize>, &OverrideId)> = Vec::with_capacity(waiting.len());
    // What was held may fit once a group was promoted for another: it is tried again while that
    // changes anything.
    loop {
        let before = claims.len();
        waiting.retain(|(one, targets)| {
            let mut tried = admitted.clone();
            for target in targets {
                tried.add(ground, one, target);
            }
            // Most overrides of a storm say what an earlier one said; they need no judgement.
            if tried != admitted {
                match ground.standbys_needed(&tried) {
                    Ok(standbys) => tried.standbys = standbys,
                    Err(held) => {
                        laid.held.insert(one.id.clone(), held);
                        return true;
                    }
                }
                admitted = tried;
            }
            laid.held.remove(one.id);
            claims.push((targets.iter().map(|(at, _)| *at).collect(), one.id));
            false
        });
        if claims.len() == before || waiting.is_empty() {
            return (admitted, claims);
        }
    }
}

/// What one contribution does to one member.
#[derive(Clone, Copy)]
enum Touch {
    /// Its weight becomes this part of its baseline.
    Part(Fraction),
    /// Its weight becomes this.
    Weight(u8),
    /// It serves, with this weight where it has none.
    Serve(Option<u8>),
}

/// What has been admitted, by member.
#[derive(Clone, Default, PartialEq, Eq)]
struct Admitted {
    weights: BTreeMap<usize, Weighed>,
    promoted: BTreeMap<usize, Option<u8>>,
    /// How many of the groups below the serving one are promoted with it.
    standbys: usize,
}

/// What has been said of one weight. The highest authority in force decides; within it the smallest
/// wins, and what is ramping out never raises what is in force.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Weighed {
    in_force: Option<(Origin, u32)>,
    ramping: Option<(Origin, u32)>,
    /// What was asked, while in force, by what is ramping out.
    ramping_from: Option<(Origin, u32)>,
}

impl Weighed {
    /// As it was before any ramp began.
    const fn unramped(self) -> Self {
        Self { ramping: self.ramping_from, ..self }
    }

    fn add(slot: &mut Option<(Origin, u32)>, authority: Origin, weight: u32) {
        *slot = Some(match *slot {
            Some((higher, kept)) if higher > authority => (higher, kept),
            Some((same, kept)) if same == authority => (same, kept.min(weight)),
            Some(_) | None => (authority, weight),
        });
    }

    fn weight(self, otherwise: u32) -> u32 {
        match (self.in_force, self.ramping) {
            (Some((authority, weight)), Some((same, other))) if authority == same => {
                weight.min(other)
            }
            (Some((_, weight)), _) | (None, Some((_, weight))) => weight,
            (None, None) => otherwise,
        }
    }
}

impl Admitted {
    fn add(&mut self, ground: &Ground<'_>, one: &Contribution<'_>, (at, touch): &(usize, Touch)) {
        let base = ground.base[*at];
        let asked = match touch {
            Touch::Part(part) => base / SCALE * u32::from(part.basis_points()),
            Touch::Weight(weight) => u32::from(*weight) * SCALE,
            Touch::Serve(weight) => {
                let kept = self.promoted.entry(*at).or_insert(*weight);
                *kept = (*kept).max(*weight);
                return;
            }
        };
        let weighed = self.weights.entry(*at).or_default();
        let authority = one.rank.authority.0;
        if one.given_back == Fraction::NONE {
            Weighed::add(&mut weighed.in_force, authority, asked);
        } else {
            let back = i64::from(one.given_back.basis_points());
            let way = (i64::from(base) - i64::from(asked)) * back / i64::from(SCALE);
            // Of what nobody has said, there is no part to be given back before the whole is.
            let way = if ground.is_unclear(*at) { 0 } else { way };
            let now = u32::try_from(i64::from(asked) + way).unwrap_or(0);
            Weighed::add(&mut weighed.ramping, authority, now);
            Weighed::add(&mut weighed.ramping_from, authority, asked);
        }
    }
}

/// A baseline, read once: who is in which group, with which weight, and who serves.
struct Ground<'a> {
    members: &'a [Member],
    terms: &'a Terms,
    yielded: &'a Yielded,
    /// Each member's group: the number of its priority.
    group: Vec<u8>,
    /// Each member's weight in the baseline, in parts.
    base: Vec<u32>,
    /// Groups where nulls and numbers stand side by side, unexplained.
    mixed: BTreeSet<u8>,
    /// The group that serves.
    serving: u8,
    /// The groups below it, in order.
    standbys: Vec<u8>,
}

/// A pool as it would be: each member's group and weight.
struct Shape {
    group: Vec<u8>,
    weight: Vec<u32>,
    /// Each member's weight had its ramps not begun: a member whose is 0 is still on its way back.
    settled: Vec<u32>,
}

/// Which members count towards those that must serve.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Counted {
    /// Those that have come back whole, or never were away.
    Settled,
    /// Those on their way back, too.
    Any,
}

impl<'a> Ground<'a> {
    fn of(baseline: &'a Pool, terms: &'a Terms, yielded: &'a Yielded) -> Result<Self, Held> {
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
        let serves =
            |number: &u8| (0..members.len()).any(|at| group[at] == *number && base[at] > 0);
        let serving = groups.iter().copied().find(serves).ok_or(Held::NothingServes)?;
        let standbys = groups.into_iter().filter(|number| *number > serving).collect();
        Ok(Self { members, terms, yielded, group, base, mixed, serving, standbys })
    }

    fn at(&self, name: &BackendName) -> Result<usize, Held> {
        self.members
            .iter()
            .position(|member| member.name == *name)
            .ok_or_else(|| Held::NoMember(name.clone()))
    }

    /// The members that a contribution touches, without the fields that it has given up.
    fn targets(&self, one: &Contribution<'_>) -> Result<Vec<(usize, Touch)>, Held> {
        let touches: Vec<(&BackendName, Part, Touch)> = match one.effect {
            Effect::Drain { member } => vec![(member, Part::Weight, Touch::Part(Fraction::NONE))],
            Effect::Shift { member, to } => vec![(member, Part::Weight, Touch::Part(*to))],
            Effect::Split { weights } => weights
                .iter()
                .map(|(member, weight)| (member, Part::Weight, Touch::Weight(*weight)))
                .collect(),
            Effect::Promote { member, weight } => {
                vec![(member, Part::Priority, Touch::Serve(*weight))]
            }
        };
        let mut targets = Vec::with_capacity(touches.len());
        for (name, part, touch) in touches {
            let at = self.at(name)?;
            if !self.is_clear(at, touch) {
                return Err(Held::MixedWeights);
            }
            let field = Field { member: name.clone(), part };
            if !self.yielded.get(&field).is_some_and(|ids| ids.contains(one.id)) {
                targets.push((at, touch));
            }
        }
        Ok(targets)
    }

    /// Whether a touch can be carried out without knowing what null counts as: no weight and an
    /// explicit weight can, where no share has to be kept.
    fn is_clear(&self, at: usize, touch: Touch) -> bool {
        let mixed = |group: u8| self.mixed.contains(&group);
        match touch {
            Touch::Part(Fraction::NONE) | Touch::Weight(_) => {
                !mixed(self.serving) || self.terms.limits.least_share.is_none()
            }
            Touch::Part(_) | Touch::Serve(_) => !mixed(self.group[at]) && !mixed(self.serving),
        }
    }

    /// Whether a member's weight counts as a number that nobody has said.
    fn is_unclear(&self, at: usize) -> bool {
        self.mixed.contains(&self.group[at]) && self.members[at].weight.number().is_none()
    }

    /// Whether a member's weight was given up to someone else's write.
    fn is_given_up(&self, at: usize) -> bool {
        self.yielded.contains_key(&Field::weight(&self.members[at].name))
    }

    /// The least number of groups to promote with which the limits hold.
    ///
    /// A member that ramps back is no reason yet to let the standbys go: alone in its group, its
    /// first tenth would be all of the traffic. So without counting it first; and with it where
    /// the limits cannot be kept otherwise, for a ramp must not keep back what they allow.
    fn standbys_needed(&self, admitted: &Admitted) -> Result<usize, Held> {
        let least = |counted| {
            let held = match self.judge(&self.shape(admitted, 0), counted) {
                Ok(()) => return Ok(0),
                Err(held) => held,
            };
            let short = matches!(held, Held::Members { .. } | Held::Share { .. });
            if !short || self.terms.failover == Failover::Hold {
                return Err(held);
            }
            (1..=self.standbys.len())
                .find(|standbys| self.judge(&self.shape(admitted, *standbys), counted).is_ok())
                .ok_or(held)
        };
        least(Counted::Settled).or_else(|_| least(Counted::Any))
    }

    fn is_standby(&self, at: usize, standbys: usize) -> bool {
        self.standbys[..standbys].contains(&self.group[at])
            && !self.mixed.contains(&self.group[at])
            && !self.mixed.contains(&self.serving)
            && !self.yielded.contains_key(&Field::priority(&self.members[at].name))
    }

    /// The pool as it would be with these admitted and so many groups promoted.
    fn shape(&self, admitted: &Admitted, standbys: usize) -> Shape {
        let mut shape = Shape {
            group: self.group.clone(),
            weight: self.base.clone(),
            settled: Vec::with_capacity(self.base.len()),
        };
        for at in 0..self.members.len() {
            // What serves already has nothing to be promoted to, and keeps its weight.
            let serves = self.group[at] == self.serving && self.base[at] > 0;
            let promoted = admitted.promoted.get(&at).filter(|_| !serves);
            if promoted.is_some() || self.is_standby(at, standbys) {
                shape.group[at] = self.serving;
                let weightless = self.members[at].weight.number().unwrap_or(0) == 0;
                if weightless && !self.is_given_up(at) {
                    shape.weight[at] = promoted
                        .copied()
                        .flatten()
                        .map_or_else(|| self.median(), |weight| u32::from(weight) * SCALE);
                }
            }
            let weighed = admitted.weights.get(&at).copied().unwrap_or_default();
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

    fn serving_base(&self) -> impl Iterator<Item = u32> {
        (0..self.members.len())
            .filter(|at| self.group[*at] == self.serving)
            .map(|at| self.base[at])
            .filter(|weight| *weight > 0)
    }

    /// Holds a shape against the limits. What the owner's own baseline does not reach is not asked.
    fn judge(&self, shape: &Shape, counted: Counted) -> Result<(), Held> {
        let Limits { least_members, least_share } = self.terms.limits;
        let serve = |at: &usize| shape.group[*at] == self.serving && shape.weight[*at] > 0;
        let serving: Vec<usize> = (0..self.members.len()).filter(serve).collect();
        let counts = |at: &&usize| counted == Counted::Any || shape.settled[**at] > 0;
        let count = serving.iter().filter(counts).count();
        let before = self.serving_base().count();
        let least = least_members.of(before).min(before);
        if count < least {
            return Err(Held::Members { serving: count, least });
        }
        if let Some(least) = least_share {
            let whole: u64 = self.serving_base().map(u64::from).sum();
            let kept: u64 = serving
                .iter()
                .map(|at| {
                    let own =
                        if self.group[*at] == self.serving { self.base[*at] } else { u32::MAX };
                    u64::from(shape.weight[*at].min(own))
                })
                .sum();
            let share =
                (kept * u64::from(WHOLE_BASIS_POINTS) / whole).min(u64::from(WHOLE_BASIS_POINTS));
            let share = u16::try_from(share).ok().and_then(|bp| Fraction::try_from(bp).ok());
            let share = share.unwrap_or(Fraction::WHOLE);
            if share < least {
                return Err(Held::Share { share, least });
            }
        }
        for at in 0..self.members.len() {
            let alike = |weights: &[u32], groups: &[u8]| {
                (0..groups.len()).all(|other| groups[other] != groups[at] || weights[other] == 0)
            };
            if alike(&shape.weight, &shape.group) && !alike(&self.base, &self.group) {
                return Err(Held::Emptied);
            }
        }
        Ok(())
    }

    /// Turns what was admitted into settings of fields, and says who owns each.
    fn render(&self, admitted: &Admitted, claims: &[(Vec<usize>, &OverrideId)], laid: &mut Laid) {
        let shape = self.shape(admitted, admitted.standbys);
        let leader = (0..self.members.len()).find(|at| self.group[*at] == self.serving);
        let groups: BTreeSet<u8> = shape.group.iter().copied().collect();
        for number in groups {
            let within: Vec<usize> =
                (0..self.members.len()).filter(|at| shape.group[*at] == number).collect();
            let owners = |members: &[usize]| -> BTreeSet<OverrideId> {
                let touches = |(targets, _): &&(Vec<usize>, &OverrideId)| {
                    targets.iter().any(|at| members.contains(at))
                };
                claims.iter().filter(touches).map(|(_, id)| (*id).clone()).collect()
            };
            let pitch = Pitch::of(self, &shape, &within);
            for at in &within {
                let (at, name) = (*at, &self.members[*at].name);
                let moved = shape.group[at] != self.group[at];
                if moved && let Some(leader) = leader {
                    let field = Field::priority(name);
                    laid.owners.insert(field.clone(), owners(&within));
                    laid.settings.insert(field, self.members[leader].priority);
                }
                let said = admitted.weights.contains_key(&at);
                let changed = shape.weight[at] != self.base[at]
                    || (moved
                        && self.members[at].weight.number().is_none()
                        && !self.is_given_up(at));
                if said || changed || pitch.scales {
                    let field = Field::weight(name);
                    let own = [at];
                    let by = if pitch.scales || moved { within.as_slice() } else { &own };
                    laid.owners.insert(field.clone(), owners(by));
                    let unchanged = !changed && !pitch.scales;
                    let setting = if unchanged {
                        self.members[at].weight
                    } else {
                        Setting::Is(pitch.weight(shape.weight[at]))
                    };
                    laid.settings.insert(field, setting);
                }
            }
        }
    }
}

/// How a group's exact weights become whole numbers: times one common factor.
///
/// The factor is 1 wherever that gives every member its share within
/// [`SHARE_ERROR_PPM_MAX`]; else the smallest that does, else the one that comes nearest. A group
/// with nulls in it has no numbers to leave alone, so there every member gets one.
struct Pitch {
    factor: u32,
    scales: bool,
}

impl Pitch {
    fn of(ground: &Ground<'_>, shape: &Shape, within: &[usize]) -> Self {
        let weights: Vec<u32> = within.iter().map(|at| shape.weight[*at]).collect();
        let kept = |at: &usize| {
            shape.weight[*at] == ground.base[*at] && shape.group[*at] == ground.group[*at]
        };
        let nulls = within.iter().any(|at| ground.members[*at].weight.number().is_none());
        // What a scale would mean for these, nobody has said; or someone has said otherwise.
        let fixed = |at: &usize| ground.is_given_up(*at) || ground.is_unclear(*at);
        if within.iter().all(kept) || within.iter().any(fixed) {
            return Self { factor: 1, scales: false };
        }
        let largest = weights.iter().copied().max().unwrap_or(SCALE).max(1);
        let factor_max = (u32::from(WEIGHT_MAX) * SCALE / largest).max(1);
        let mut best = (u64::MAX, 1);
        for factor in 1..=factor_max {
            let error = share_error_ppm(&weights, &Self { factor, scales: false });
            if error < best.0 {
                best = (error, factor);
            }
            if error <= SHARE_ERROR_PPM_MAX {
                break;
            }
        }
        Self { factor: best.1, scales: nulls || best.1 != 1 }
    }

    /// A weight in parts as Azure's whole number; one that is not 0 never becomes 0.
    fn weight(&self, parts: u32) -> u8 {
        if parts == 0 {
            return 0;
        }
        let whole =
            (u64::from(parts) * u64::from(self.factor) + u64::from(SCALE) / 2) / u64::from(SCALE);
        u8::try_from(whole).unwrap_or(WEIGHT_MAX).clamp(1, WEIGHT_MAX)
    }
}

/// The largest error of any member's share, in millionths.
fn share_error_ppm(weights: &[u32], pitch: &Pitch) -> u64 {
    let asked: u64 = weights.iter().copied().map(u64::from).sum();
    let given: u64 = weights.iter().map(|weight| u64::from(pitch.weight(*weight))).sum();
    if asked == 0 || given == 0 {
        return 0;
    }
    let error = |weight: &u32| {
        let left = u128::from(pitch.weight(*weight)) * u128::from(asked);
        let right = u128::from(*weight) * u128::from(given);
        left.abs_diff(right) * 1_000_000 / (u128::from(asked) * u128::from(given))
    };
    weights.iter().map(error).max().map_or(0, |error| u64::try_from(error).unwrap_or(u64::MAX))
}

#[cfg(test)]
#[path = "lay_tests.rs"]
mod tests;
