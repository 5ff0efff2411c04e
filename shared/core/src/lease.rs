//! Leases: what ends an override, and what follows it.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::fraction::Fraction;

/// How an override ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// What ends it.
    pub until: Until,
    /// How long it stays at least once it has begun.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub hold: SignedDuration,
    /// How much is given back at each step; the whole comes last by itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ramp: Vec<Fraction>,
    /// How long a step of the ramp lasts.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub every: SignedDuration,
}

fn is_zero(duration: &SignedDuration) -> bool {
    duration.is_zero()
}

/// What ends an override.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Until {
    /// Its occurrence's end, and in any case this long after it began.
    Resolved {
        /// The longest it may last.
        at_most: SignedDuration,
    },
    /// This long after it began, whatever its source says.
    For(SignedDuration),
    /// The end of a window, whenever it began.
    At(Timestamp),
}

impl Lease {
    /// When it ends by the clock alone, counted from `from` where it is a length.
    #[must_use]
    pub fn expires(&self, from: Timestamp) -> Timestamp {
        match self.until {
            Until::Resolved { at_most: length } | Until::For(length) => later(from, length),
            Until::At(end) => end,
        }
    }

    /// How many steps its end has, the last giving back the whole.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.ramp.len() + 1
    }

    /// How much step `step` gives back, counted from 0; from the last on, the whole.
    #[must_use]
    pub fn given_back(&self, step: usize) -> Fraction {
        self.ramp.get(step).copied().unwrap_or(Fraction::WHOLE)
    }
}

/// `at` and a length after it; the end of time where there is none.
#[must_use]
pub fn later(at: Timestamp, length: SignedDuration) -> Timestamp {
    at.checked_add(length).unwrap_or(Timestamp::MAX)
}

/// Why an override ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum End {
    /// Its occurrence ended.
    Resolved,
    /// Its time ran out: `for`, or `atMost` because no resolve came.
    Expired,
    /// An operator undid it.
    Undone {
        /// Who.
        by: String,
        /// Why.
        reason: String,
    },
    /// Its occurrences were not heard again, of a source that repeats.
    Stale,
    /// Its window closed.
    Closed,
    /// What made it is not in the playbook any more, or its pool is not.
    Dropped,
    /// So much of its pool would be out that the cause is common. It begins again when that is over, if it is
    /// still asked for.
    Panic,
}

impl End {
    /// Whether nobody intervened, and it came as its play or its window says.
    pub(crate) const fn is_by_itself(&self) -> bool {
        match self {
            Self::Resolved | Self::Expired | Self::Stale | Self::Closed => true,
            Self::Undone { .. } | Self::Dropped | Self::Panic => false,
        }
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resolved => f.write_str("its alert resolved"),
            Self::Expired => f.write_str("its time ran out"),
            Self::Undone { by, reason } => write!(f, "undone by {by}: {reason}"),
            Self::Stale => f.write_str("its alert was not heard again"),
            Self::Closed => f.write_str("its window closed"),
            Self::Dropped => f.write_str("it is not in the playbook any more"),
            Self::Panic => f.write_str("too much of its pool would be out"),
        }
    }
}
