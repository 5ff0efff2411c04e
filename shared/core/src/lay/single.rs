//! What a Single should be: its baseline, with what its overrides ask of its properties laid over it.
//!
//! A breaker becomes as tight as the tightest of what is asked, so that all who ask of it have a part in
//! it. Of any other property the strongest decides: one winner, never a mixture.

use super::{
    Laid,
    given::{Contribution, Yielded},
    why::{Asked, Asks, Fate},
};
use crate::{
    body::Single,
    breaker::Tighten,
    effect::Effect,
    field::{Field, Property, Value},
    json::Json,
    overrides::Held,
};

/// What a contribution asks of one property.
enum Ask<'a> {
    Tighten(&'a Tighten),
    Be(&'a Json),
}

/// What a contribution asks of which properties.
fn asks<'a>(one: &Contribution<'a>) -> Result<Vec<(Property, Ask<'a>)>, Held> {
    match &one.over.effect {
        Effect::Breaker(tighten) => Ok(vec![(Property::CircuitBreaker, Ask::Tighten(tighten))]),
        Effect::Set(properties) => {
            Ok(properties.iter().map(|(property, value)| (*property, Ask::Be(value))).collect())
        }
        // It takes part without any.
        Effect::Reconnect(_) => Ok(Vec::new()),
        Effect::Drain { .. }
        | Effect::Shift { .. }
        | Effect::Split { .. }
        | Effect::Promote { .. } => Err(Held::NotAPool),
    }
}

/// Lays overrides over a Single.
pub(super) fn lay(
    baseline: &Single,
    contributions: &[Contribution<'_>],
    yielded: &Yielded,
) -> Laid {
    let mut laid = Laid::default();
    let mut ranked: Vec<_> = contributions.iter().collect();
    ranked.sort_unstable_by_key(|one| one.over.rank());
    let mut tightest: Option<Tighten> = None;
    for one in ranked {
        let id = &one.over.id;
        let there = |(property, _): &(Property, Ask<'_>)| match baseline.get(*property) {
            Some(_) => Ok(()),
            None => Err(Held::NoProperty(*property)),
        };
        let asks = match asks(one).and_then(|asks| asks.iter().try_for_each(there).map(|()| asks)) {
            Ok(asks) => asks,
            Err(held) => {
                laid.held.insert(id.clone(), held);
                continue;
            }
        };
        let given_up = |property: Property| {
            yielded.get(&Field::Property(property)).is_some_and(|ids| ids.contains(id))
        };
        let mut has_part = asks.is_empty();
        for (property, ask) in asks {
            if given_up(property) {
                continue;
            }
            has_part = true;
            let field = Field::Property(property);
            let (asks, fate) = match ask {
                Ask::Tighten(tighten) => {
                    let all =
                        tightest.as_ref().map_or_else(|| tighten.clone(), |all| all.and(tighten));
                    let owner = baseline.get(property).unwrap_or(&Value::Absent);
                    let value = all.of(owner);
                    let before = laid.values.get(&field).unwrap_or(owner);
                    let fate = if *before == value { Fate::Agrees } else { Fate::Decides };
                    laid.values.insert(field.clone(), value);
                    tightest = Some(all);
                    (Asks::Tighten(tighten.clone()), fate)
                }
                Ask::Be(value) => {
                    let wanted = Value::Json(value.clone());
                    let decided = laid.values.entry(field.clone());
                    let fate = match decided {
                        std::collections::btree_map::Entry::Vacant(free) => {
                            free.insert(wanted);
                            Fate::Decides
                        }
                        std::collections::btree_map::Entry::Occupied(taken) => {
                            if taken.get().means(&wanted) { Fate::Agrees } else { Fate::Loses }
                        }
                    };
                    (Asks::Be(value.clone()), fate)
                }
            };
            laid.owners.entry(field.clone()).or_default().insert(id.clone());
            laid.why.entry(field).or_default().asked.push(Asked { by: id.clone(), asks, fate });
        }
        if !has_part {
            laid.yielded.insert(id.clone());
        }
    }
    laid
}

#[cfg(test)]
#[path = "single_tests.rs"]
mod tests;
