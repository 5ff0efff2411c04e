//! Drift: what is done where someone else writes over a field that overrides own.
//!
//! What others write is the new baseline in any case. Whether it is written over again is for the overrides that
//! own the field. It is bounded for each field, whoever owns it: two that write over each other for ever help
//! nobody.

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{etag::Etag, field::Value, lease::later, recent::Recent};

/// How often a field is written over again within [`ASSERTS_PER`].
pub const ASSERTS_MAX: usize = 3;

/// Within how long, and for how long a field is left to others after that.
pub const ASSERTS_PER: SignedDuration = SignedDuration::from_hours(24);

/// What an override does where someone else writes over what it owns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub enum Drift {
    /// It gives way.
    Yield,
    /// It goes on, and the field is written again.
    Assert,
    /// It goes on where just what was there before is put back, as a pipeline does. To anything else, which is
    /// a person's decision, it gives way.
    #[default]
    Auto,
}

impl Drift {
    /// Whether the field is written again that shows `theirs`, where its owner had left this.
    #[must_use]
    pub fn asserts(self, theirs: &Value, baseline: &Value) -> bool {
        match self {
            Self::Yield => false,
            Self::Assert => true,
            Self::Auto => theirs.means(baseline),
        }
    }
}

/// What is known of a field that others wrote over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Drifted {
    /// The states that others made, over which it was to be written again.
    #[serde(default, skip_serializing_if = "Recent::is_empty")]
    pub asserted: Recent<Etag>,
    /// Until when it is left to them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_until: Option<Timestamp>,
}

/// What comes of a write by someone else over which overrides would write again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asserted {
    /// The field is written again; the so manyth time of late.
    Again(usize),
    /// It has been written again as often as it may: it is left to others until then, from now on.
    Enough(Timestamp),
    /// It is left to others already.
    Left,
}

impl Drifted {
    /// Takes in such a write.
    pub(crate) fn assert(&mut self, etag: &Etag, now: Timestamp) -> Asserted {
        if self.left_until.is_some_and(|until| now < until) {
            return Asserted::Left;
        }
        if self.asserted.full(ASSERTS_MAX, ASSERTS_PER, now).is_some() {
            let until = later(now, ASSERTS_PER);
            self.left_until = Some(until);
            return Asserted::Enough(until);
        }
        self.asserted.note(etag.clone(), ASSERTS_PER, now);
        Asserted::Again(self.times(now))
    }

    /// How often it was to be written again of late.
    #[must_use]
    pub fn times(&self, now: Timestamp) -> usize {
        self.asserted.within(ASSERTS_PER, now)
    }

    /// Whether nothing of it counts any more.
    pub(crate) fn is_over(&self, now: Timestamp) -> bool {
        self.left_until.is_none_or(|until| until <= now) && self.times(now) == 0
    }

    /// Moves what is in the future to `now`: it was noted by a clock that ran ahead.
    pub(crate) fn rewind(&mut self, now: Timestamp) {
        self.asserted.rewind(now);
        self.left_until = self.left_until.map(|until| until.min(later(now, ASSERTS_PER)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_written_again_three_times_a_day_and_then_left_for_a_day() {
        let (mut drifted, hour) =
            (Drifted::default(), |hour: i64| Timestamp::from_second(hour * 3_600).unwrap());
        let mut assert = |at: i64| drifted.assert(&Etag(format!("\"{at}\"")), hour(at));
        assert_eq!([0, 1, 2].map(&mut assert), [1, 2, 3].map(Asserted::Again));
        assert_eq!(assert(23), Asserted::Enough(hour(47)));
        assert_eq!([25, 46].map(&mut assert), [Asserted::Left; 2]);
        assert_eq!(assert(47), Asserted::Again(1));
        assert!(!drifted.is_over(hour(70)) && drifted.is_over(hour(71)));
    }

    #[test]
    fn what_is_put_back_is_told_from_what_is_decided() {
        let [baseline, other] = [50, 30].map(Value::Number);
        let asserts =
            |drift: Drift| [drift.asserts(&baseline, &baseline), drift.asserts(&other, &baseline)];
        assert_eq!(asserts(Drift::Auto), [true, false]);
        assert_eq!(asserts(Drift::Yield), [false, false]);
        assert_eq!(asserts(Drift::Assert), [true, true]);
    }
}
