//! Limits: what must hold of a pool at all times, whatever is heard.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    fraction::Fraction,
    names::{BackendId, BackendName, TagName},
};

/// What must hold of a pool, and what is done for it to hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// The limits.
    pub limits: Limits,
    /// What happens when the serving group cannot keep them by itself.
    pub failover: Failover,
    /// What null counts as beside numbers; without it, overrides of such a group are held.
    pub null_weight: Option<u8>,
    /// What each member can carry, in the units of `leastCapacity`; one that is not here counts as nothing.
    pub capacity: BTreeMap<BackendName, u32>,
    /// What holds of the pool together with others. The playbook alone does not know it: it depends on what
    /// is out elsewhere.
    pub tags: Vec<OfTag>,
}

/// The limits of one pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// How many members must keep serving.
    pub least_members: LeastMembers,
    /// How much of the serving group's baseline weight must remain in the numbers that are written; no
    /// limit where none is declared.
    pub least_share: Option<Fraction>,
    /// How much of what its members can carry must remain, in the units in which that is declared; no limit where
    /// none is declared.
    pub least_capacity: Option<u32>,
    /// How many members may be out at once; no limit where none is declared.
    pub most_out: Option<usize>,
    /// When more than this share of the members would be out by what alerts ask for, their cause is common.
    pub panic: Option<Fraction>,
}

/// What must hold of all members with one tag together, over all pools.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TagLimit {
    /// How many backends with the same value may be out at once.
    pub most_out: Option<usize>,
    /// Whether those of two values are never out together.
    pub never_together: bool,
}

/// The same, as it holds of one pool by what is out at the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfTag {
    /// Which tag.
    pub tag: TagName,
    /// What must hold.
    pub limit: TagLimit,
    /// The pool.
    pub pool: BackendId,
    /// The value that each of its members has.
    pub values: BTreeMap<BackendName, String>,
    /// Those of its members that the others know to be out.
    pub listed: BTreeSet<BackendName>,
    /// What is out at the others.
    pub elsewhere: Vec<Elsewhere>,
}

/// A member that is out at another pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Elsewhere {
    /// Which backend.
    pub backend: BackendId,
    /// Its value of the tag.
    pub value: String,
    /// Whether it stays where both may not be out and both are: its pool comes first by name.
    pub stays: bool,
}

/// How many members of the serving group must keep serving.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LeastMembers {
    /// At least one, and at least half of those that serve in the baseline. The default.
    #[default]
    Half,
    /// This many, 1 or more.
    Count(u8),
}

impl LeastMembers {
    /// The number of members that must serve, of `baseline` members that serve in the baseline.
    #[must_use]
    pub fn of(self, baseline: usize) -> usize {
        match self {
            Self::Half => baseline.div_ceil(2).max(1),
            Self::Count(count) => usize::from(count).max(1),
        }
    }
}

/// What happens when the serving group cannot keep the limits by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub enum Failover {
    /// The next group is made to serve as well, in the same write.
    #[default]
    Promote,
    /// The effect is held back.
    Hold,
}
