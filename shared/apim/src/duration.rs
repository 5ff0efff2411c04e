//! ISO 8601 durations of fixed length, and the delay of a reconnect.
//!
//! Read are weeks, or days, hours, minutes and seconds in that order, with a fraction of the
//! seconds. Years and months have no fixed length and are refused. What is printed is the shortest
//! form, which .NET's `XmlConvert` reads too.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::{Span, SpanRelativeTo};

/// The longest text that is looked at as a duration, in bytes.
pub const DURATION_BYTES_MAX: usize = 64;

/// The longest duration, in days: what a [`Span`] holds, so that what is printed can be read.
const DURATION_DAYS_MAX: u64 = 7_304_484;

/// Why a text is not a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// It has not the form of one, or is longer than any that is read.
    #[error("{0:?} is not an ISO 8601 duration like PT2M or P1DT12H")]
    Form(String),
    /// It has years or months.
    #[error("{0:?} has years or months, whose length is not fixed")]
    NotFixed(String),
}

/// Reads an ISO 8601 duration of fixed length.
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    let shown = || text.chars().take(DURATION_BYTES_MAX).collect::<String>();
    // jiff reads more than the service: small letters, parts of minutes, weeks beside days.
    let strict = text.len() <= DURATION_BYTES_MAX
        && text.starts_with('P')
        && text.bytes().all(|byte| byte.is_ascii_digit() || b"PTYMWDHS.,".contains(&byte))
        && (text.ends_with('S') || !text.contains(['.', ',']))
        && (text.ends_with('W') || !text.contains('W'));
    let span: Option<Span> = strict.then(|| text.parse().ok()).flatten();
    let span = span.ok_or_else(|| DurationError::Form(shown()))?;
    if text.split('T').next().is_some_and(|date| date.contains(['Y', 'M'])) {
        return Err(DurationError::NotFixed(shown()));
    }
    let duration = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok();
    let duration = duration.and_then(|duration| Duration::try_from(duration).ok());
    duration
        .filter(|duration| *duration <= Duration::from_secs(DURATION_DAYS_MAX * 86_400))
        .ok_or_else(|| DurationError::Form(shown()))
}

/// Writes a duration in its shortest form: days, hours, minutes, seconds. One that is longer than
/// can be read is written as the longest.
pub fn print(duration: Duration) -> String {
    let longest = Duration::from_secs(DURATION_DAYS_MAX * 86_400);
    let duration = duration.min(longest);
    let number = |seconds: u64| i64::try_from(seconds).unwrap_or(i64::MAX);
    let seconds = duration.as_secs();
    Span::new()
        .days(number(seconds / 86_400))
        .hours(number(seconds % 86_400 / 3_600))
        .minutes(number(seconds % 3_600 / 60))
        .seconds(number(seconds % 60))
        .nanoseconds(i64::from(duration.subsec_nanos()))
        .to_string()
}

/// How long after it was asked a reconnect happens: at least [`After::MIN`], unless less was asked
/// for by name ([`After::even_below_minimum`]).
///
/// Whole seconds; a fraction is rounded up, so that nothing happens sooner than it was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct After(Duration);

/// Why a time cannot be the delay of a reconnect.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AfterError {
    /// It is not a duration.
    #[error(transparent)]
    Duration(#[from] DurationError),
    /// It is below the minimum. The words are those of the operation's page.
    #[error("{}: minimum duration of the Reconnect is PT2M", print(*.0))]
    TooShort(Duration),
}

impl After {
    /// The shortest delay, PT2M, which is also what the service takes where none is given.
    pub const MIN: Self = Self(Duration::from_secs(120));

    /// That delay, if it is not too short.
    pub fn new(delay: Duration) -> Result<Self, AfterError> {
        if delay < Self::MIN.0 {
            return Err(AfterError::TooShort(delay));
        }
        let up = u64::from(delay.subsec_nanos() > 0);
        Ok(Self(Duration::from_secs(delay.as_secs().saturating_add(up))))
    }

    /// That delay; one that is shorter than the page allows exactly as written, as the page's own
    /// example has one (PT3S). How the service treats it is not published; the caller has chosen to
    /// try.
    pub fn even_below_minimum(delay: Duration) -> Self {
        Self::new(delay).unwrap_or(Self(delay))
    }

    /// How long it is.
    pub fn get(self) -> Duration {
        self.0
    }
}

impl Default for After {
    fn default() -> Self {
        Self::MIN
    }
}

impl FromStr for After {
    type Err = AfterError;
    fn from_str(text: &str) -> Result<Self, AfterError> {
        Self::new(parse(text)?)
    }
}

impl fmt::Display for After {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&print(self.0))
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: &Expect) {
        let shown = match parse(text) {
            Ok(duration) => format!("{duration:?} {}", print(duration)),
            Err(error) => error.to_string(),
        };
        expected.assert_eq(&shown);
    }

    #[test]
    fn durations() {
        check("PT2M", &expect!["120s PT2M"]);
        check("PT120S", &expect!["120s PT2M"]);
        check("P1DT12H", &expect!["129600s P1DT12H"]);
        check("P2W", &expect!["1209600s P14D"]);
        check("PT0S", &expect!["0ns PT0S"]);
        check("PT1.50S", &expect!["1.5s PT1.5S"]);
        check("PT1H1M1S", &expect!["3661s PT1H1M1S"]);
        check("P1D", &expect!["86400s P1D"]);
        check("P7304484D", &expect!["631107417600s P7304484D"]);
        check("P1M", &expect![[r#""P1M" has years or months, whose length is not fixed"#]]);
        check("P1Y", &expect![[r#""P1Y" has years or months, whose length is not fixed"#]]);
        check(
            "PT99999999999999999999S",
            &expect![[
                r#""PT99999999999999999999S" is not an ISO 8601 duration like PT2M or P1DT12H"#
            ]],
        );
        for bad in [
            "",
            "P",
            "PT",
            "P1",
            "PT1",
            "2M",
            "-PT2M",
            "PT-2M",
            "PT1M1H",
            "PT1M1M",
            "P1DT",
            "P1H",
            "PT1D",
            "P1W1D",
            "P1WT1S",
            "PT1.5M",
            "PT.5S",
            "PT1.S",
            "PT1.0000000001S",
            "pt2m",
            "Pt2m",
            "PT2m",
            "PT2M ",
            "PTT2M",
            "2h 30m",
            "P2h",
            "P7304484DT0.1S",
            "P7304484DT175307616H",
        ] {
            assert!(matches!(parse(bad), Err(DurationError::Form(_))), "{bad}: {:?}", parse(bad));
        }
    }

    #[test]
    fn a_reconnect_waits_two_minutes_at_least() {
        assert_eq!("PT2M".parse::<After>().unwrap(), After::MIN);
        assert_eq!("PT2M0.1S".parse::<After>().unwrap().to_string(), "PT2M1S");
        expect!["PT3S: minimum duration of the Reconnect is PT2M"]
            .assert_eq(&"PT3S".parse::<After>().unwrap_err().to_string());
        expect!["PT1M59.999999999S: minimum duration of the Reconnect is PT2M"]
            .assert_eq(&After::new(Duration::new(119, 999_999_999)).unwrap_err().to_string());
    }

    #[test]
    fn below_the_minimum_is_asked_for_by_name() {
        let check = |delay, expected: &str| {
            assert_eq!(After::even_below_minimum(delay).to_string(), expected);
        };
        check(Duration::from_secs(3), "PT3S");
        check(Duration::ZERO, "PT0S");
        check(Duration::new(119, 999_999_999), "PT1M59.999999999S");
        check(Duration::new(120, 1), "PT2M1S");
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_again(seconds in 0..=u64::from(u32::MAX), nanos in 0..1_000_000_000u32) {
            let duration = Duration::new(seconds, nanos);
            prop_assert_eq!(parse(&print(duration)).unwrap(), duration);
        }

        #[test]
        fn any_text_is_read_or_refused(text in "P?[0-9WDTHMS.,YP]{0,20}") {
            if let Ok(duration) = parse(&text) {
                prop_assert_eq!(parse(&print(duration)).unwrap(), duration);
            }
        }
    }
}
