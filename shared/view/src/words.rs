//! Numbers, times and lengths for people.

use std::error::Error;

use jiff::{SignedDuration, SignedDurationRound, Timestamp, Unit, tz::TimeZone};

/// `1 pool`, `2,000 pools`.
#[must_use]
pub fn count(many: impl TryInto<u64>, of: &str) -> String {
    let many = many.try_into().unwrap_or(u64::MAX);
    if many == 1 { format!("1 {of}") } else { format!("{} {of}s", number(many)) }
}

/// `2,000`.
pub(crate) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A time for people: to the second, in UTC.
#[must_use]
pub fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// A time for people: to the minute, in UTC, without the day where that is today.
#[must_use]
pub fn clock(at: Timestamp, now: Timestamp) -> String {
    let day = |at: Timestamp| at.to_zoned(TimeZone::UTC).date();
    let form = if day(at) == day(now) { "%H:%MZ" } else { "%Y-%m-%d %H:%MZ" };
    at.strftime(form).to_string()
}

/// A length for people: `2m 5s`.
#[must_use]
pub fn length(length: SignedDuration) -> String {
    let unit =
        if length.abs() >= SignedDuration::from_mins(10) { Unit::Minute } else { Unit::Second };
    let rounded = length.round(SignedDurationRound::new().smallest(unit)).unwrap_or(length);
    format!("{rounded:#}")
}

/// An error with its causes, each said once.
#[must_use]
pub fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let said = inner.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_rounded_to_what_a_person_wants_to_know() {
        assert_eq!(length(SignedDuration::from_millis(1_400)), "1s");
        assert_eq!(length(SignedDuration::from_secs(125)), "2m 5s");
        assert_eq!(length(SignedDuration::from_secs(3 * 3600 + 61)), "3h 1m");
    }

    #[test]
    fn large_numbers_are_grouped() {
        let counts = [0, 1, 2, 999, 2_000, 1_234_567].map(|many: u64| count(many, "pool"));
        let wanted =
            ["0 pools", "1 pool", "2 pools", "999 pools", "2,000 pools", "1,234,567 pools"];
        assert_eq!(counts, wanted);
    }

    #[test]
    fn the_day_is_said_where_it_is_another() {
        let now: Timestamp = "2026-03-02T00:10:00Z".parse().unwrap();
        assert_eq!(clock("2026-03-02T00:05:59Z".parse().unwrap(), now), "00:05Z");
        assert_eq!(clock("2026-03-01T23:59:00Z".parse().unwrap(), now), "2026-03-01 23:59Z");
    }
}
