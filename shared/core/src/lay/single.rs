//! What a Single should be: its baseline, with what its overrides ask of its properties laid over it.
//!
//! A breaker becomes as tight as the tightest of what is asked, so that all who ask of it have a part in
//! it. Of any other property the strongest decides: one winner, never a mixture. Who ensures a Single asks
//! that it is there, and of one that is, the properties that are declared.

use std::collections::btree_map::Entry;

use super::{
    Laid,
    given::{Contribution, Yielded},
    why::{Asked, Asks, Fate},
};
use crate::{
    body::Single,
    breaker::Tighten,
    declared::Declared,
    effect::Effect,
    field::{Field, Property, Value, Values},
    json::Json,
    overrides::Held,
};

/// What a contribution asks of one field.
enum Ask<'a> {
    Tighten(&'a Tighten),
    Be(Json),
    Exist(&'a Declared),
}

/// What a contribution asks of which fields of a Single, or of none that is there.
fn asks<'a>(
    one: &Contribution<'a>,
    baseline: Option<&Single>,
) -> Result<Vec<(Field, Ask<'a>)>, Held> {
    let shows = |property: Property| baseline.and_then(|baseline| baseline.get(property));
    let there = |property: Property| match (baseline, shows(property)) {
        (Some(_), Some(_)) => Ok(Field::Property(property)),
        (Some(_), None) => Err(Held::NoProperty(property)),
        (None, _) => Err(Held::NoBackend),
    };
    match &one.over.effect {
        Effect::Breaker(tighten) => {
            Ok(vec![(there(Property::CircuitBreaker)?, Ask::Tighten(tighten))])
        }
        Effect::Set(properties) => properties
            .iter()
            .map(|(property, value)| Ok((there(*property)?, Ask::Be(value.clone()))))
            .collect(),
        Effect::Ensure(declared) => {
            // One that is made has them all, and what cannot be touched of one that is there stays.
            let properties = declared.properties().into_iter();
            let properties = properties.filter(|(property, _)| shows(*property).is_some());
            let properties =
                properties.map(|(property, value)| (Field::Property(property), Ask::Be(value)));
            Ok(std::iter::once((Field::Existence, Ask::Exist(declared)))
                .chain(properties)
                .collect())
        }
        // It takes part without any.
        Effect::Reconnect(_) => Ok(Vec::new()),
        Effect::Drain { .. }
        | Effect::Shift { .. }
        | Effect::Split { .. }
        | Effect::Promote { .. }
        | Effect::Join { .. } => Err(Held::NotAPool),
    }
}

/// Lays overrides over a Single, or over none.
pub(super) fn lay(
    baseline: Option<&Single>,
    contributions: &[Contribution<'_>],
    yielded: &Yielded,
) -> Laid {
    let mut laid = Laid::default();
    let mut ranked: Vec<_> = contributions.iter().collect();
    ranked.sort_unstable_by_key(|one| one.over.rank());
    let mut tightest: Option<Tighten> = None;
    for one in ranked {
        let id = &one.over.id;
        let asks = match asks(one, baseline) {
            Ok(asks) => asks,
            Err(held) => {
                laid.held.insert(id.clone(), held);
                continue;
            }
        };
        let mut has_part = asks.is_empty();
        for (field, ask) in asks {
            if yielded.get(&field).is_some_and(|ids| ids.contains(id)) {
                continue;
            }
            has_part = true;
            let (asks, fate) = match ask {
                Ask::Tighten(tighten) => {
                    let all =
                        tightest.as_ref().map_or_else(|| tighten.clone(), |all| all.and(tighten));
                    let owner = baseline.and_then(|one| one.get(Property::CircuitBreaker));
                    let owner = owner.unwrap_or(&Value::Absent);
                    let value = all.of(owner);
                    let before = laid.values.get(&field).unwrap_or(owner);
                    let fate = if *before == value { Fate::Agrees } else { Fate::Decides };
                    laid.values.insert(field.clone(), value);
                    tightest = Some(all);
                    (Asks::Tighten(tighten.clone()), fate)
                }
                Ask::Be(value) => {
                    let fate = first(&mut laid.values, &field, Value::Json(value.clone()));
                    (Asks::Be(value), fate)
                }
                Ask::Exist(declared) => {
                    laid.make.get_or_insert_with(|| declared.clone());
                    (Asks::Exist, first(&mut laid.values, &field, Value::there()))
                }
            };
            let owners = laid.owners.entry(field.clone()).or_default();
            if let Err(place) = owners.binary_search(id) {
                owners.insert(place, id.clone());
            }
            laid.why.entry(field).or_default().asked.push(Asked { by: id.clone(), asks, fate });
        }
        if !has_part {
            laid.yielded.insert(id.clone());
        }
    }
    laid
}

/// Puts a value where none stronger stands.
fn first(values: &mut Values, field: &Field, wanted: Value) -> Fate {
    match values.entry(field.clone()) {
        Entry::Vacant(free) => {
            free.insert(wanted);
            Fate::Decides
        }
        Entry::Occupied(taken) if taken.get().means(&wanted) => Fate::Agrees,
        Entry::Occupied(_) => Fate::Loses,
    }
}

#[cfg(test)]
#[path = "single_tests.rs"]
mod tests;
