//! When a backend is to be reconnected: a reconnect is a one-shot, and not part of what a backend should be.
//!
//! Times of day are those of a place, by the database of time zones that is built in.

use std::fmt;

use jiff::{SignedDuration, Timestamp, ToSpan, civil::Time, tz::TimeZone};
use serde::{Deserialize, Serialize};

use crate::{
    lease::later,
    names::BackendId,
    zone::{moment, zone},
};

/// The shortest delay that Azure accepts for a reconnect (page of Backend Reconnect).
pub const RECONNECT_AFTER_MIN: SignedDuration = SignedDuration::from_mins(2);

/// A reconnect that follows when the play is over.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct After {
    /// Which backend's connections are made anew.
    pub reconnect: BackendId,
    /// When.
    #[serde(flatten)]
    pub due: Due,
}

/// When a reconnect is due, counted from what it follows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Due {
    /// So long after it.
    After(SignedDuration),
    /// At the first such time of day after it, as soon as Azure can do it.
    At(Daily),
}

/// A time of day somewhere.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Daily {
    /// The time.
    pub time: Time,
    /// The time zone's name.
    pub zone: String,
}

/// Which reconnects an override asks for, once it has begun.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Rhythm {
    /// When the first is due.
    #[serde(flatten)]
    pub first: Due,
    /// How long after each there is another; none where there is only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<SignedDuration>,
}

impl Due {
    /// When that is.
    #[must_use]
    pub fn of(&self, from: Timestamp) -> Timestamp {
        match self {
            Self::After(length) => later(from, *length),
            Self::At(daily) => daily.next(later(from, RECONNECT_AFTER_MIN)),
        }
    }
}

impl Daily {
    /// The first time that it comes from then on.
    fn next(&self, from: Timestamp) -> Timestamp {
        let zone = zone(&self.zone).unwrap_or(TimeZone::UTC);
        let today = from.to_zoned(zone.clone()).date();
        let days = (0..=2).filter_map(|days| today.checked_add(days.days()).ok());
        let mut times = days.filter_map(|day| moment(day.to_datetime(self.time), &zone));
        times.find(|at| *at >= from).unwrap_or(Timestamp::MAX)
    }
}

impl Rhythm {
    /// When the next reconnect is due of what began at `begun`; none where there is no other. `known` is when
    /// the latest was due that is known of. Of several that were missed, only the last is made up for.
    pub(crate) fn next(
        &self,
        begun: Timestamp,
        known: Option<Timestamp>,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let first = self.first.of(begun);
        let Some(every) = self.every else { return known.is_none().then_some(first) };
        let periods = |until: Timestamp| {
            let length = until.duration_since(first).as_secs();
            i32::try_from(length.div_euclid(every.as_secs().max(1))).unwrap_or(i32::MAX)
        };
        let missed = periods(later(now, RECONNECT_AFTER_MIN)).max(0);
        let next = known.map_or(missed, |known| missed.max(periods(known).saturating_add(1)));
        Some(later(first, every.saturating_mul(next)))
    }
}

impl fmt::Display for Due {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::After(length) => write!(f, "in {length:#}"),
            Self::At(Daily { time, zone }) => write!(f, "at {time} in {zone}"),
        }
    }
}

impl fmt::Display for Rhythm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { first, every } = self;
        match every {
            None => first.fmt(f),
            Some(every) if *first == Due::After(*every) => write!(f, "every {every:#}"),
            Some(every) => write!(f, "{first}, and then every {every:#}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(time: &str) -> Timestamp {
        format!("2026-03-28T{time}Z").parse().unwrap()
    }

    fn minutes(minutes: i64) -> SignedDuration {
        SignedDuration::from_mins(minutes)
    }

    #[test]
    fn a_time_of_day_is_the_first_that_azure_can_do() {
        let daily = Daily { time: "02:30".parse().unwrap(), zone: "Europe/Paris".to_owned() };
        let due = |from: &str| Due::At(daily.clone()).of(at(from)).to_string();
        // An hour ahead of UTC.
        assert_eq!(due("01:28:00"), "2026-03-28T01:30:00Z");
        // The next day the clocks go from 02:00 to 03:00 there, so that the first time after it counts.
        assert_eq!(due("01:28:01"), "2026-03-29T01:00:00Z");
    }

    #[test]
    fn one_is_due_once_and_of_those_missed_only_the_last_is_made_up_for() {
        let begun = at("10:00:00");
        let once = Rhythm { first: Due::After(minutes(5)), every: None };
        assert_eq!(once.next(begun, None, at("12:00:00")), Some(at("10:05:00")));
        assert_eq!(once.next(begun, Some(at("10:05:00")), at("12:00:00")), None);
        let often = Rhythm { every: Some(minutes(10)), ..once };
        let next = |known: Option<&str>, now| often.next(begun, known.map(at), at(now)).unwrap();
        assert_eq!(next(None, "10:00:00"), at("10:05:00"));
        assert_eq!(next(Some("10:05:00"), "10:05:00"), at("10:15:00"));
        assert_eq!(next(Some("10:05:00"), "10:04:00"), at("10:15:00"));
        assert_eq!(next(Some("10:15:00"), "10:47:00"), at("10:45:00"));
        // Once Azure may be asked for it, it is not missed.
        assert_eq!(next(Some("10:15:00"), "10:53:00"), at("10:55:00"));
    }

    #[test]
    fn what_is_stored_is_read_for_ever() {
        let rhythm: Rhythm = serde_json::from_str(r#"{"after":"PT5M","every":"PT10M"}"#).unwrap();
        assert_eq!(rhythm.to_string(), "in 5m, and then every 10m");
        let rhythm: Rhythm =
            serde_json::from_str(r#"{"at":{"time":"03:00:00","zone":"UTC"}}"#).unwrap();
        assert_eq!(rhythm.to_string(), "at 03:00:00 in UTC");
    }
}
