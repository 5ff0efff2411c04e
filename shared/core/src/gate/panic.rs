//! The panic: nothing is drained for an alert while more members would be out by what alerts ask for than the pool's
//! `panic` says. What was is given back.
//!
//! What asks for that counts whether or not limits allow it, and whether or not a budget or a bound of writes leaves
//! room for it. What another gate keeps back does not. What windows and people have decided is no sign of a common
//! cause, and goes on.

use super::Gates;
use crate::{
    document::{Document, Panic},
    fraction::{Fraction, WHOLE_BASIS_POINTS},
    lay::{Contribution, Out, would_be_out},
    limits::Terms,
    overrides::{Held, Override},
    pool::Pool,
};

/// Whether one would take a member out for an alert.
pub(crate) fn drains(over: &Override) -> bool {
    over.origin.play().is_some() && over.effect.drains()
}

/// That so many of a pool would be out, if they would.
pub(crate) fn panic(
    document: &Document,
    gates: &Gates,
    baseline: &Pool,
    terms: &Terms,
) -> Option<Panic> {
    let most = terms.limits.panic?;
    let counts = |over: &&Override| match gates.closed(&over.id) {
        None => over.begun().is_some() || over.wants_to_begin(),
        Some(why) => {
            matches!(why, Held::Panic { .. } | Held::OverBudget { .. } | Held::ManyWrites { .. })
        }
    };
    let asking: Vec<Contribution<'_>> = document
        .overrides
        .values()
        .filter(|over| drains(over))
        .filter(counts)
        .map(|over| Contribution::of(over, Fraction::NONE))
        .collect();
    let Out { out, of } = would_be_out(baseline, terms, &asking, &document.yielded);
    let is_too_much = out * usize::from(WHOLE_BASIS_POINTS) > of * usize::from(most.basis_points());
    is_too_much.then_some(Panic { since: document.now, out, of, most })
}
