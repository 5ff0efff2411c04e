//! What a backend should be: its baseline, with the overrides that its limits admit laid over it.
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
//! Weights are computed in ten-thousandths, so that fractions are exact, and written in Azure's
//! whole numbers 0 to 100. The limits hold of what is written.
//!
//! # An example
//!
//! A pool with the default of least members (half), and `leastShare: 60%`; and three overrides:
//!
//! ```text
//! eu 5, na 5, ap 5       serve, with priority 1
//! sb null                stands by, with priority 2
//!
//! shift na to 30%        a warning, since 07:10
//! drain eu               critical, since 07:20
//! drain ap               a warning, since 07:30
//! ```
//!
//! 1. The order of rank is `drain eu` (the most severe), `shift na` (older), `drain ap`.
//! 2. `drain eu` gives eu 0. Two of three serve, and 10 of 15 remain, which is 66.66%: kept.
//! 3. `shift na` gives na 1.5 as well. 6.5 of 15 remain, which is 43.33%: too little. So the next
//!    group is promoted. sb has no number, and takes the median of those that serve: 5. With it
//!    11.5 of 15 remain, which is 76.66%: kept.
//! 4. `drain ap` would leave only na to serve, and with sb only 6.5 of 15. There is no other group
//!    to promote: held.
//! 5. na 1.5, ap 5, sb 5 are no whole numbers. `1, 5, 5` would give na 9% of the traffic and
//!    `2, 5, 5` 17%, where 13% is asked. Times 2 they fit, and 23 of 2 * 15 remain, which is still
//!    76.66%.
//!
//! ```text
//! eu 0, na 3, ap 10, sb 10       serve, with priority 1
//! ```
//!
//! When `drain eu` ends, `drain ap` is tried again, and admitted: eu 10, na 3, ap 0, sb 10.
//!
//! # The modules
//!
//! `given` is what `lay` is asked with, `ground` reads the baseline and gives the pool its shape,
//! `admit` keeps what the limits allow, `admitted` is what overrides say of each member, `check` and `out`
//! hold a shape against the limits, `counts` is what they count, `force` says what passes them,
//! `whole` finds the whole numbers, and `why` says how each field came about. All that is of pools;
//! `join` adds the members that are asked for before all that; `single` is for a Single, which has no
//! limits to keep.

mod admit;
mod admitted;
mod check;
mod counts;
mod force;
mod given;
mod ground;
mod join;
mod out;
mod single;
mod whole;
mod why;

use std::collections::{BTreeMap, BTreeSet};

pub(crate) use self::out::{Out, would_be_out};
use self::{
    admit::{Kept, admit},
    admitted::Admitted,
    ground::Ground,
    join::Joined,
};
pub use self::{
    given::{Contribution, Yielded},
    why::{Also, Asked, Asks, Exact, Fate, Why},
};
use crate::{
    body::Body,
    declared::Declared,
    field::{Field, Value, Values},
    id::OverrideId,
    limits::Terms,
    names::BackendName,
    overrides::Held,
    pool::{Member, Pool},
};

/// The result.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Laid {
    /// The owned fields and what they should be.
    pub values: Values,
    /// By which overrides each field is owned, in the order of their ids.
    pub owners: BTreeMap<Field, Vec<OverrideId>>,
    /// Why each field is what it is; also the fields of which something is asked in vain.
    pub why: BTreeMap<Field, Why>,
    /// Which overrides are held, and why.
    pub held: BTreeMap<OverrideId, Held>,
    /// Which overrides pass a limit by force, and which.
    pub forced: BTreeMap<OverrideId, Held>,
    /// Which overrides have given up every field that they would change.
    pub yielded: BTreeSet<OverrideId>,
    /// What a backend that is not there is made with.
    pub make: Option<Declared>,
    /// The members that are to serve no more, though they do in the baseline.
    pub out: BTreeSet<BackendName>,
}

/// Lays overrides over a baseline, within its terms.
#[must_use]
pub fn lay(
    baseline: &Body,
    terms: &Terms,
    contributions: &[Contribution<'_>],
    yielded: &Yielded,
) -> Laid {
    match baseline {
        Body::Pool(pool) => lay_pool(pool, terms, contributions, yielded),
        Body::Single(single) => single::lay(Some(single), contributions, yielded),
        Body::Missing => single::lay(None, contributions, yielded),
    }
}

fn lay_pool(
    baseline: &Pool,
    terms: &Terms,
    contributions: &[Contribution<'_>],
    yielded: &Yielded,
) -> Laid {
    let mut laid = Laid::default();
    let ground = Ground::of(baseline, baseline.members().len(), terms, yielded);
    let (joins, others): (Vec<_>, Vec<_>) =
        contributions.iter().copied().partition(|one| one.over.effect.joins().is_some());
    let contributions = &others;
    // What is asked of the pool is asked of it with its new members.
    let joined = match &ground {
        Ok(ground) if !joins.is_empty() => ground.join(&joins, &mut laid),
        Ok(_) | Err(_) => Joined::default(),
    };
    let with;
    let ground = if joined.is_empty() {
        ground
    } else {
        with = baseline.with(joined.entries());
        Ground::of(&with, baseline.members().len(), terms, yielded)
    };
    let ground = match ground {
        Ok(ground) => ground,
        Err(held) => {
            laid.held = joins
                .iter()
                .chain(contributions)
                .map(|one| (one.over.id.clone(), held.clone()))
                .collect();
            return laid;
        }
    };
    let (admitted, kept, asking) = admit(&ground, contributions, &mut laid);
    laid.tell(&ground, &admitted, &asking);
    let shape = ground.shape(&admitted, admitted.standbys);
    laid.out = ground.out(&shape).map(|at| ground.members[at].name.clone()).collect();
    render(&ground, &admitted, &kept, &joined, &mut laid);
    laid
}

/// Turns what was admitted into values of fields, and says who owns each.
fn render(
    ground: &Ground<'_>,
    admitted: &Admitted,
    kept: &Kept<'_>,
    joined: &Joined,
    laid: &mut Laid,
) {
    let shape = ground.shape(admitted, admitted.standbys);
    let leader = (0..ground.members.len()).find(|at| ground.group[*at] == ground.serving);
    let groups: BTreeSet<u8> = shape.group.iter().copied().collect();
    let owners = |members: &[usize], joined: Option<&BTreeSet<OverrideId>>| {
        let kept = members.iter().flat_map(|at| kept[*at].iter().copied());
        let mut ids: Vec<OverrideId> = kept.chain(joined.into_iter().flatten()).cloned().collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    };
    for number in groups {
        let within = shape.within(number);
        let group = ground.asked(&shape, &within, admitted.forced);
        // What was admitted was checked, so there are numbers for it.
        let Some(whole) = group.whole() else { continue };
        let nulls = within.iter().any(|at| ground.members[*at].weight.number().is_none());
        // A group with nulls has no numbers to leave alone: there every member gets one.
        let all = group.scalable
            && (nulls || !whole.factor.is_one())
            && !within.iter().all(|at| ground.is_kept(&shape, *at));
        for (at, weight) in within.iter().copied().zip(whole.numbers) {
            let member = &ground.members[at];
            let moved = shape.group[at] != ground.group[at];
            if let Some(ids) = joined.by(&member.name) {
                let as_asked = all || moved || shape.weight[at] != ground.base[at];
                let weight = if as_asked { Value::Number(weight) } else { member.weight.clone() };
                let leader = leader.filter(|_| moved).map(|leader| &ground.members[leader]);
                let priority = leader.map_or(&member.priority, |leader| &leader.priority).clone();
                let field = Field::Membership(member.name.clone());
                let entry = Member { name: member.name.clone(), weight, priority }.entry();
                let own = [at];
                let by = if all || moved { within.as_slice() } else { &own };
                laid.owners.insert(field.clone(), owners(by, Some(ids)));
                laid.values.insert(field, entry);
                continue;
            }
            if moved && let Some(leader) = leader {
                let field = Field::priority(&member.name);
                if admitted.serves(at).is_none() {
                    laid.why.entry(field.clone()).or_default().also = Some(Also::Promoted);
                }
                laid.owners.insert(field.clone(), owners(&within, None));
                laid.values.insert(field, ground.members[leader].priority.clone());
            }
            let said = !admitted.weight(at).is_free();
            let changed = shape.weight[at] != ground.base[at]
                || (moved && member.weight.number().is_none() && !ground.is_given_up(at));
            if said || changed || all {
                let field = Field::weight(&member.name);
                let weightless = moved && member.weight.number().unwrap_or(0) == 0;
                let also = match (all && !whole.factor.is_one(), all && nulls) {
                    (true, _) => Some(Also::Times(whole.factor.into())),
                    (false, _) if weightless => Some(Also::Weighted),
                    (false, nulls) => nulls.then_some(Also::Numbered),
                };
                if also.is_some() {
                    laid.why.entry(field.clone()).or_default().also = also;
                }
                let own = [at];
                let by = if all || moved { within.as_slice() } else { &own };
                laid.owners.insert(field.clone(), owners(by, None));
                let value =
                    if changed || all { Value::Number(weight) } else { member.weight.clone() };
                laid.values.insert(field, value);
            }
        }
    }
}

#[cfg(test)]
#[path = "lay_tests.rs"]
mod tests;
