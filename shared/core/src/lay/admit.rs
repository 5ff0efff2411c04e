//! Which overrides the limits allow, in the order of their rank.

use super::{
    Laid,
    admitted::{Admitted, Target},
    given::Contribution,
    ground::Ground,
    why::Asking,
};
use crate::{fraction::Fraction, id::OverrideId};

/// By member, the overrides that touch it and were kept.
pub(super) type Kept<'a> = Vec<Vec<&'a OverrideId>>;

/// Keeps, in the order of rank, each contribution that the limits allow beside those kept before.
pub(super) fn admit<'a>(
    ground: &Ground<'_>,
    contributions: &[Contribution<'a>],
    laid: &mut Laid,
) -> (Admitted, Kept<'a>, Vec<Asking<'a>>) {
    let mut waiting = Vec::with_capacity(contributions.len());
    for one in contributions {
        match ground.targets(one) {
            Ok(targets) if targets.is_empty() => {
                laid.yielded.insert(one.over.id.clone());
            }
            Ok(targets) => waiting.push((one, targets)),
            Err(held) => {
                laid.held.insert(one.over.id.clone(), held);
            }
        }
    }
    waiting.sort_unstable_by_key(|(one, _)| one.over.rank());
    let asking = waiting
        .iter()
        .flat_map(|(one, targets)| targets.iter().map(|target| Asking::of(one, target)))
        .collect();
    let (admitted, kept) = match all_at_once(ground, &waiting) {
        Some(admitted) => {
            let mut kept = vec![Vec::new(); ground.members.len()];
            waiting.iter().for_each(|one| keep(one, &mut kept));
            (admitted, kept)
        }
        None => one_by_one(ground, waiting, laid),
    };
    (admitted, kept, asking)
}

/// A contribution, and what it touches.
type Waiting<'c, 'a> = (&'c Contribution<'a>, Vec<Target>);

fn keep<'a>((one, targets): &Waiting<'_, 'a>, kept: &mut Kept<'a>) {
    for target in targets {
        kept[target.at].push(&one.over.id);
    }
}

/// All of them, where none can be held. Where each only takes weight away, any of them beside those before takes away
/// no more than all do: what holds of all holds at every place in their order.
fn all_at_once(ground: &Ground<'_>, waiting: &[Waiting<'_, '_>]) -> Option<Admitted> {
    let takes_away = |(one, targets): &Waiting<'_, '_>| {
        one.given_back == Fraction::NONE && targets.iter().all(Target::takes_away)
    };
    if !waiting.iter().all(takes_away) {
        return None;
    }
    let mut admitted = Admitted::nothing(ground.members.len());
    for (one, targets) in waiting {
        targets.iter().for_each(|target| admitted.add(one, target));
    }
    ground.keeps_all(&admitted).then_some(admitted)
}

fn one_by_one<'a>(
    ground: &Ground<'_>,
    mut waiting: Vec<Waiting<'_, 'a>>,
    laid: &mut Laid,
) -> (Admitted, Kept<'a>) {
    let mut admitted = Admitted::nothing(ground.members.len());
    let mut kept = vec![Vec::new(); ground.members.len()];
    // What was held may fit once a group was promoted for another: it is tried again while that
    // changes anything.
    loop {
        let before = waiting.len();
        waiting.retain(|waiting| {
            let (one, targets) = waiting;
            // Most overrides of a storm ask for what an earlier one did; they need no check.
            if admitted.gains(one, targets) {
                let mut tried = admitted.clone();
                for target in targets {
                    tried.add(one, target);
                }
                match ground.standbys_needed(&tried) {
                    Ok(standbys) => tried.standbys = standbys,
                    Err(held) => {
                        let Some(standbys) = ground.passes(one, &admitted, &tried) else {
                            laid.held.insert(one.over.id.clone(), held);
                            return true;
                        };
                        tried.standbys = standbys;
                        if one.forced {
                            tried.forced = true;
                            laid.forced.insert(one.over.id.clone(), held);
                        }
                    }
                }
                admitted = tried;
            }
            laid.held.remove(&one.over.id);
            keep(waiting, &mut kept);
            false
        });
        if waiting.len() == before || waiting.is_empty() {
            return (admitted, kept);
        }
    }
}

#[cfg(test)]
#[path = "admit_tests.rs"]
mod tests;
