//! Numbers, times and lengths for people.

use std::error::Error;

use jiff::{SignedDuration, SignedDurationRound, Timestamp, Unit, tz::TimeZone};
use pointsman_core::mode::Mode;

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

/// Who reads, and of what: what is now for them, what the clock on their wall shows, and whether what they
/// read of is a shadow. Every time and every change that is told is said by this.
#[derive(Clone, Debug)]
pub struct Reader {
    now: Timestamp,
    zone: TimeZone,
    mode: Mode,
}

impl Reader {
    /// Somebody who reads now, in this zone.
    #[must_use]
    pub const fn new(now: Timestamp, zone: TimeZone) -> Self {
        Self { now, zone, mode: Mode::Live }
    }

    /// Somebody who reads now, in UTC.
    #[must_use]
    pub const fn utc(now: Timestamp) -> Self {
        Self::new(now, TimeZone::UTC)
    }

    /// The same, of what runs in this mode.
    #[must_use]
    pub fn in_mode(self, mode: Mode) -> Self {
        Self { mode, ..self }
    }

    /// Whether it is a shadow that they read of.
    #[must_use]
    pub fn is_of_shadow(&self) -> bool {
        self.mode == Mode::Shadow
    }

    /// Which of two ways to tell of a change is true: what a shadow did not do, it would have done.
    #[must_use]
    pub const fn tells<'a>(&self, done: &'a str, would: &'a str) -> &'a str {
        self.mode.tells(done, would)
    }

    /// What is now.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// The time zone.
    #[must_use]
    pub const fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// A time with how long ago, or in how long: `07:31 (12 min ago)`, `2026-03-01 07:45 (in 2 d 3 h)`.
    #[must_use]
    pub fn time(&self, at: Timestamp) -> String {
        format!("{} ({})", self.clock(at), self.away(at))
    }

    /// A time alone: `07:31`; with the day where that is not today, and with a Z in UTC.
    #[must_use]
    pub fn clock(&self, at: Timestamp) -> String {
        self.form(at, "%H:%M")
    }

    /// The same to the second.
    #[must_use]
    pub fn second(&self, at: Timestamp) -> String {
        self.form(at, "%H:%M:%S")
    }

    /// A day and a time to the millisecond, for lists of what happened.
    #[must_use]
    pub fn entry(&self, at: Timestamp) -> String {
        let z = self.z();
        at.to_zoned(self.zone.clone()).strftime(&format!("%Y-%m-%d %H:%M:%S%.3f{z}")).to_string()
    }

    /// How long ago, or in how long: `12 min ago`, `in 3 min`.
    #[must_use]
    pub fn away(&self, at: Timestamp) -> String {
        let passed = self.now.duration_since(at);
        match away(passed.abs()) {
            None => "now".to_owned(),
            Some(length) if passed.is_negative() => format!("in {length}"),
            Some(length) => format!("{length} ago"),
        }
    }

    /// A sentence with its times as the reader has them, in one of the forms above. Core says each of them
    /// as RFC 3339 has it, in UTC.
    #[must_use]
    pub fn retold(&self, says: &str, form: fn(&Self, Timestamp) -> String) -> String {
        let retold = says.split(' ').map(|word| {
            let bare = word.trim_end_matches([',', ';', ':', ')']);
            match bare.ends_with('Z').then(|| bare.parse()) {
                Some(Ok(at)) => form(self, at) + &word[bare.len()..],
                Some(Err(_)) | None => word.to_owned(),
            }
        });
        retold.collect::<Vec<_>>().join(" ")
    }

    fn form(&self, at: Timestamp, clock: &str) -> String {
        let (at, now) = (at.to_zoned(self.zone.clone()), self.now.to_zoned(self.zone.clone()));
        let (day, z) = (if at.date() == now.date() { "" } else { "%Y-%m-%d " }, self.z());
        at.strftime(&format!("{day}{clock}{z}")).to_string()
    }

    /// A time of the reader's own zone needs no name of it.
    fn z(&self) -> &'static str {
        if self.zone == TimeZone::UTC || self.zone.is_unknown() { "Z" } else { "" }
    }
}

/// A length that has passed or is to come, in whole units; none below a second.
fn away(length: SignedDuration) -> Option<String> {
    let secs = length.as_secs();
    let (mins, hours, days) = (secs / 60, secs / 3600, secs / 86400);
    Some(match (days, hours, mins) {
        (0, 0, 0) if secs == 0 => return None,
        (0, 0, 0) => format!("{secs} s"),
        (0, 0, mins) => format!("{mins} min"),
        (0, hours, mins) => format!("{hours} h {} min", mins % 60),
        (days, hours, _) => format!("{days} d {} h", hours % 24),
    })
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
    fn a_time_is_said_as_the_reader_has_it_with_how_far_away_it_is() {
        let now: Timestamp = "2026-03-02T00:10:00Z".parse().unwrap();
        let east = TimeZone::fixed(jiff::tz::offset(2));
        let (utc, east) = (Reader::utc(now), Reader::new(now, east));
        let both = |at: &str| {
            let at = at.parse().unwrap();
            [utc.time(at), east.time(at)]
        };
        let ago = both("2026-03-02T00:05:59Z");
        assert_eq!(ago, ["00:05Z (4 min ago)", "02:05 (4 min ago)"]);
        let yesterday = both("2026-03-01T23:59:00Z");
        assert_eq!(yesterday, ["2026-03-01 23:59Z (11 min ago)", "01:59 (11 min ago)"]);
        let soon = both("2026-03-02T00:13:00.9Z");
        assert_eq!(soon, ["00:13Z (in 3 min)", "02:13 (in 3 min)"]);
        let ahead = both("2026-03-04T03:10:00Z");
        assert_eq!(ahead, ["2026-03-04 03:10Z (in 2 d 3 h)", "2026-03-04 05:10 (in 2 d 3 h)"]);
        let at = |at: &str| utc.away(at.parse().unwrap());
        assert_eq!(at("2026-03-02T00:09:59.5Z"), "now");
        assert_eq!(at("2026-03-02T00:09:18Z"), "42 s ago");
        assert_eq!(at("2026-03-01T18:22:00Z"), "5 h 48 min ago");
        let says = "am/2026-03-01T01:00:00Z: a firing of 2026-03-01T23:59:00.5Z came; Z";
        assert_eq!(
            east.retold(says, Reader::second),
            "am/2026-03-01T01:00:00Z: a firing of 01:59:00 came; Z"
        );
        assert_eq!(
            utc.retold("over at 2026-03-02T00:05:59Z, by ann", Reader::time),
            "over at 00:05Z (4 min ago), by ann"
        );
        let entry = |reader: &Reader| reader.entry("2026-03-02T00:09:59.5Z".parse().unwrap());
        assert_eq!(entry(&utc), "2026-03-02 00:09:59.500Z");
        assert_eq!(entry(&east), "2026-03-02 02:09:59.500");
    }
}
