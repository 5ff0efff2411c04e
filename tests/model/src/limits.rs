//! The oracle of I5: whether a write took a pool below its limits, worked out without `lay`.

use std::collections::BTreeMap;

use pointsman_core::{
    field::Value,
    limits::{LeastMembers, Terms},
    pool::Pool,
};

use crate::azure::{Done, written};

/// Each group's members with their weights. What is null counts as `null`, or as serving.
fn groups(pool: &Pool, null: Option<u8>) -> BTreeMap<u8, Vec<(String, u64)>> {
    let mut groups: BTreeMap<u8, Vec<(String, u64)>> = BTreeMap::new();
    for member in pool.members() {
        let weight = match member.weight {
            Value::Absent | Value::Null | Value::Json(_) => u64::from(null.unwrap_or(1)),
            Value::Number(weight) => u64::from(weight),
        };
        let group = groups.entry(member.priority.number().unwrap_or(0)).or_default();
        group.push((member.name.to_string(), weight));
    }
    for group in groups.values_mut() {
        // Nulls beside nothing but nulls are round robin.
        let all_null = group.iter().all(|(name, _)| {
            let of = |one: &&pointsman_core::pool::Member| one.name.as_str() == name;
            pool.members().iter().find(of).is_some_and(|one| one.weight.number().is_none())
        });
        if all_null {
            group.iter_mut().for_each(|(_, weight)| *weight = 1);
        }
    }
    groups
}

/// What a write broke, if it broke anything. Where a play `splits`, weights are its author's and
/// say nothing of the owner's, so that no share can be told from outside. Where limits are passed by force, only
/// the traffic must go somewhere.
pub(crate) fn broken(done: &Done, terms: &Terms, splits: bool, forced: bool) -> Option<String> {
    let Terms { limits, null_weight: null, .. } = terms.clone();
    let (owner, after) = (groups(done.owner.pool()?, null), groups(done.after.pool()?, null));
    let show = || format!("{} over {}", written(&done.after), written(&done.owner));
    let empty = |group: &Vec<(String, u64)>| group.iter().all(|(_, weight)| *weight == 0);
    for group in after.values().filter(|group| empty(group)) {
        let left_so = group.iter().all(|(name, _)| {
            owner.values().any(|group| empty(group) && group.iter().any(|(other, _)| other == name))
        });
        if !left_so {
            return Some(format!("a group has all weights 0: {}", show()));
        }
    }
    let (number, serving) = owner.iter().find(|(_, group)| !empty(group))?;
    if after.iter().any(|(other, group)| other < number && !empty(group)) {
        return Some(format!("a group that was switched off gets all the traffic: {}", show()));
    }
    if forced {
        return None;
    }
    let before: Vec<&(String, u64)> = serving.iter().filter(|(_, weight)| *weight > 0).collect();
    let now = after.get(number).cloned().unwrap_or_default();
    let serve = now.iter().filter(|(_, weight)| *weight > 0).count();
    let least = match limits.least_members {
        LeastMembers::Half => before.len().div_ceil(2),
        LeastMembers::Count(count) => usize::from(count).min(before.len()),
    };
    if serve < least.max(1) {
        return Some(format!("{serve} serve, and {least} must: {}", show()));
    }
    let out = before.len()
        - now
            .iter()
            .filter(|(name, weight)| *weight > 0 && before.iter().any(|(other, _)| other == name))
            .count();
    if limits.most_out.is_some_and(|most| out > most) {
        return Some(format!("{out} are out at once: {}", show()));
    }
    if splits {
        return None;
    }
    // A group may be written times a factor: the largest ratio of a number to its own weight, and at
    // least 1. It stays a ratio, so that nothing is rounded here.
    let base: BTreeMap<&String, u64> =
        before.iter().map(|(name, weight)| (name, *weight)).collect();
    let own = |name: &String| base.get(name).copied();
    let factor = now.iter().fold((1, 1), |(most, of), (name, weight)| match own(name) {
        Some(own) if weight * of > most * own => (*weight, own),
        Some(_) | None => (most, of),
    });
    let (times, over) = factor;
    let can_carry = |name: &String| {
        u64::from(terms.capacity.get(&name.parse().unwrap()).copied().unwrap_or_default())
    };
    // As much of it as of its weight, in hundredths of a percent; whole where it has none of its own there.
    let carries = |(name, weight): &(String, u64)| {
        let kept = own(name).map_or(u64::from(*weight > 0) * 10_000, |own| {
            (weight * over).min(own * times) * 10_000 / (own * times)
        });
        can_carry(name) * kept
    };
    if let Some(least) = limits.least_capacity {
        let carried: u64 = now.iter().map(carries).sum();
        let whole: u64 = before.iter().map(|(name, _)| can_carry(name)).sum();
        if carried < 10_000 * whole.min(u64::from(least)) {
            return Some(format!("{carried} remains of {whole}, and {least} must: {}", show()));
        }
    }
    let least = limits.least_share?;
    let kept = |(name, weight): &(String, u64)| {
        own(name).map_or(weight * over, |own| (weight * over).min(own * times))
    };
    let kept: u64 = now.iter().map(kept).sum();
    let whole = base.values().sum::<u64>() * times;
    let least = u64::from(least.basis_points());
    (kept * 10_000 < whole * least)
        .then(|| format!("{kept} of {whole} remain, and {least} parts of 10,000 must: {}", show()))
}
