//! What `lay` is given beside a baseline and its terms.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use jiff::Timestamp;

use crate::{
    field::Field, fraction::Fraction, id::OverrideId, origin::Authority, overrides::Override,
    signal::Severity,
};

/// One override's part in the result.
#[derive(Clone, Copy, Debug)]
pub struct Contribution<'a> {
    /// Whose.
    pub over: &'a Override,
    /// How much of what it took it has given back: nothing while in force, more as it ramps out.
    pub given_back: Fraction,
}

impl<'a> Contribution<'a> {
    /// The part of an override that has given back so much.
    #[must_use]
    pub const fn of(over: &'a Override, given_back: Fraction) -> Self {
        Self { over, given_back }
    }

    /// Its place in the order of admission: the least is the strongest.
    pub(super) fn rank(
        &self,
    ) -> (Reverse<Authority>, Reverse<Severity>, Timestamp, &'a OverrideId) {
        let Override { origin, severity, started, id, .. } = self.over;
        (Reverse(origin.authority()), Reverse(*severity), *started, id)
    }
}

/// Fields that were given up to someone else's write, and by which overrides.
pub type Yielded = BTreeMap<Field, BTreeSet<OverrideId>>;
