//! What `lay` is given beside a baseline and its terms.

use std::collections::{BTreeMap, BTreeSet};

use crate::{field::Field, fraction::Fraction, id::OverrideId, overrides::Override};

/// One override's part in the result.
#[derive(Clone, Copy, Debug)]
pub struct Contribution<'a> {
    /// Whose.
    pub over: &'a Override,
    /// How much of what it took it has given back: nothing while in force, more as it ramps out.
    pub given_back: Fraction,
    /// Whether it may pass a limit: an operator's will.
    pub forced: bool,
}

impl<'a> Contribution<'a> {
    /// The part of an override that has given back so much.
    #[must_use]
    pub const fn of(over: &'a Override, given_back: Fraction) -> Self {
        Self { over, given_back, forced: false }
    }

    /// The same, which may pass a limit.
    #[must_use]
    pub const fn forced(self, forced: bool) -> Self {
        Self { forced, ..self }
    }
}

/// Fields that were given up to someone else's write, and by which overrides.
pub type Yielded = BTreeMap<Field, BTreeSet<OverrideId>>;
