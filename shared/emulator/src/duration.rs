//! Durations as bodies have them: ISO 8601, `PT2M`; and as events have them: `hh:mm:ss`.

use jiff::{Span, SpanRelativeTo, SpanRound, Unit};
use std::time::Duration;

/// Reads a duration; none when it is not ISO 8601, or negative, or has no fixed length. A day has
/// 24 hours.
pub(crate) fn parsed(text: &str) -> Option<Duration> {
    // jiff also reads friendlier forms, which the service does not.
    let span: Span = text.starts_with('P').then(|| text.parse().ok())??;
    let duration = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    Duration::try_from(duration).ok()
}

/// The form that bodies have, the shortest: days, hours, minutes, seconds and their fraction.
pub(crate) fn printed(duration: Duration) -> String {
    let whole = Span::try_from(duration).and_then(|span| {
        let days = SpanRound::new().largest(Unit::Day).days_are_24_hours();
        span.round(days)
    });
    // What was read fits.
    whole.map(|span| span.to_string()).unwrap_or_default()
}

/// The form that events have; days lead where there are any, as .NET writes it.
pub(crate) fn clocked(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (days, hours) = (seconds / 86_400, seconds / 3_600 % 24);
    let day = if days == 0 { String::new() } else { format!("{days}.") };
    format!("{day}{hours:02}:{:02}:{:02}", seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_the_shortest_that_says_it() {
        for text in ["PT0S", "PT3S", "PT2M", "PT1M59.5S", "PT0.000000001S", "P1D", "P1DT1H1S"] {
            assert_eq!(printed(parsed(text).unwrap()), text);
        }
    }

    #[test]
    fn durations() {
        let check = |text: &str, want: Option<&str>| {
            assert_eq!(parsed(text).map(clocked).as_deref(), want, "{text}");
        };
        check("PT1S", Some("00:00:01"));
        check("PT2M", Some("00:02:00"));
        check("PT1H30M", Some("01:30:00"));
        check("P1D", Some("1.00:00:00"));
        check("P1DT1S", Some("1.00:00:01"));
        for wrong in ["2m", "-PT2M", "P1M", "PT", "", "00:02:00", "pt2m"] {
            check(wrong, None);
        }
    }
}
