//! Limits: what must hold of a pool at all times, whatever is heard.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::fraction::Fraction;

/// What must hold of a pool, and what is done for it to hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// The limits.
    pub limits: Limits,
    /// What happens when the serving group cannot keep them by itself.
    pub failover: Failover,
    /// What null counts as beside numbers; without it, overrides of such a group are held.
    pub null_weight: Option<u8>,
}

/// The limits of one pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// How many members must keep serving.
    pub least_members: LeastMembers,
    /// How much of the serving group's baseline weight must remain in the numbers that are written; no
    /// limit where none is declared.
    pub least_share: Option<Fraction>,
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
