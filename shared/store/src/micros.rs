//! Times as columns hold them.

use jiff::Timestamp;

/// Whole microseconds since 1970-01-01T00:00:00Z.
///
/// Integers sort and compare as the times they are, which text does only at a fixed width, and
/// microseconds reach as far as any [`Timestamp`], which nanoseconds do not. What is finer is cut
/// off, to the side that the meaning asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Micros(i64);

const NANOS: i128 = 1_000;

impl Micros {
    /// Later than any time.
    pub const NEVER: Self = Self(i64::MAX);

    /// The last microsecond that had begun: what has happened, and what is past.
    #[must_use]
    pub fn at(at: Timestamp) -> Self {
        Self(i64::try_from(at.as_nanosecond().div_euclid(NANOS)).unwrap_or(i64::MAX))
    }

    /// The first microsecond that is not before `at`: what must not come too early.
    #[must_use]
    pub fn from(at: Timestamp) -> Self {
        let up = -(-at.as_nanosecond()).div_euclid(NANOS);
        Self(i64::try_from(up).unwrap_or(i64::MAX))
    }

    /// As a column has it.
    #[must_use]
    pub const fn column(self) -> i64 {
        self.0
    }

    /// As it was read from a column.
    #[must_use]
    pub const fn of_column(column: i64) -> Self {
        Self(column)
    }

    /// The time; none where a column holds what no time is.
    #[must_use]
    pub fn timestamp(self) -> Option<Timestamp> {
        Timestamp::from_microsecond(self.0).ok()
    }
}

/// A number as a column has it: no count of ours reaches the bound at which it stops.
pub(crate) fn column(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_never_comes_early_and_what_is_past_is_never_in_the_future() {
        let exact: Timestamp = "2026-01-02T03:04:05.000001Z".parse().unwrap();
        let finer: Timestamp = "2026-01-02T03:04:05.000001001Z".parse().unwrap();
        assert_eq!(Micros::at(exact), Micros::from(exact));
        assert_eq!(Micros::at(finer), Micros::at(exact));
        assert_eq!(Micros::from(finer).column(), Micros::from(exact).column() + 1);
        assert_eq!(Micros::at(exact).timestamp(), Some(exact));
        let before: Timestamp = "1969-12-31T23:59:59.9999999Z".parse().unwrap();
        assert_eq!((Micros::at(before).column(), Micros::from(before).column()), (-1, 0));
        assert!(Micros::from(Timestamp::MAX) <= Micros::NEVER);
        assert_eq!(Micros::at(Timestamp::MIN).timestamp(), Some(Timestamp::MIN));
    }
}
