//! The maintenance windows as a calendar (RFC 5545, iCalendar), for the calendars that people look at.

use std::fmt::Write as _;

use jiff::Timestamp;

use crate::windows::{Opening, Windows};

/// How many bytes a line may have, its end not counted; a longer one goes on in the next.
const LINE_BYTES_MAX: usize = 75;

/// What is open and what opens next, as a calendar. What was skipped is there as cancelled.
#[must_use]
pub fn calendar(windows: &Windows) -> String {
    let mut out = Lines::default();
    out.line("BEGIN:VCALENDAR");
    out.line("VERSION:2.0");
    out.line("PRODID:-//Pointsman//Maintenance windows//EN");
    out.line("CALSCALE:GREGORIAN");
    out.line("NAME:Pointsman maintenance windows");
    out.line("X-WR-CALNAME:Pointsman maintenance windows");
    for opening in &windows.openings {
        let Opening { window, opens, closes, there, zone, skipped, shadow, does, .. } = opening;
        let would = if windows.shadow || *shadow { "would " } else { "" };
        let does = does.iter().map(|does| format!("{}: {would}{}", does.name, does.effect));
        let does: Vec<String> = does.collect();
        out.line("BEGIN:VEVENT");
        out.line(&format!("UID:{window}-{}@pointsman", opens.as_second()));
        out.line(&format!("DTSTAMP:{}", utc(windows.at)));
        out.line(&format!("DTSTART:{}", utc(*opens)));
        out.line(&format!("DTEND:{}", utc(*closes)));
        out.text("SUMMARY", &format!("{window}: {}", does.join(", ")));
        let there = format!("Opens {there} ({zone})");
        out.text("DESCRIPTION", &[&[there], &does[..]].concat().join("\n"));
        out.line(if *skipped { "STATUS:CANCELLED" } else { "STATUS:CONFIRMED" });
        out.line("TRANSP:TRANSPARENT");
        out.line("END:VEVENT");
    }
    out.line("END:VCALENDAR");
    out.0
}

fn utc(at: Timestamp) -> String {
    at.strftime("%Y%m%dT%H%M%SZ").to_string()
}

#[derive(Default)]
struct Lines(String);

impl Lines {
    /// A property whose value is text of others: what has a meaning in it is escaped.
    fn text(&mut self, name: &str, value: &str) {
        let mut line = format!("{name}:");
        for char in value.chars() {
            match char {
                '\\' | ';' | ',' => line.extend(['\\', char]),
                '\n' => line.push_str("\\n"),
                char if char.is_control() => line.push(' '),
                char => line.push(char),
            }
        }
        self.line(&line);
    }

    /// One line, folded where it is long, never within a character.
    fn line(&mut self, mut line: &str) {
        let mut most = LINE_BYTES_MAX;
        while line.len() > most {
            let (first, rest) = line.split_at(line.floor_char_boundary(most));
            // The space that begins the next counts, too.
            let _ = write!(self.0, "{first}\r\n ");
            (line, most) = (rest, LINE_BYTES_MAX - 1);
        }
        let _ = write!(self.0, "{line}\r\n");
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use pointsman_core::effect;

    use super::*;
    use crate::{value::Effect, windows::Does};

    fn opening(window: &str, skipped: bool, members: usize) -> Opening {
        let opens: Timestamp = "2026-12-06T01:00:00Z".parse().unwrap();
        let does = (0..members).map(|_| Does {
            backend: String::new(),
            name: "contoso/bück;end".to_owned(),
            effect: Effect::from(&effect::Effect::Drain { member: "eu".parse().unwrap() }),
        });
        Opening {
            window: window.to_owned(),
            opens,
            there: "Sun 2026-12-06 02:00".to_owned(),
            zone: "Europe/Paris".to_owned(),
            closes: opens + jiff::SignedDuration::from_hours(2),
            open: false,
            skipped,
            shadow: false,
            does: does.collect(),
        }
    }

    #[test]
    fn a_calendar_has_what_is_skipped_as_cancelled_and_folds_and_escapes() {
        let windows = Windows {
            version: 1,
            at: "2026-12-01T00:00:00Z".parse().unwrap(),
            shadow: false,
            windows: 1,
            openings: vec![opening("eu-patching", false, 3), opening("us", true, 1)],
        };
        let text = calendar(&windows);
        assert!(
            text.split("\r\n").all(|line| line.len() <= LINE_BYTES_MAX && !line.contains('\n'))
        );
        let unfolded = text.replace("\r\n ", "");
        assert!(unfolded.contains(
            "SUMMARY:eu-patching: contoso/bück\\;end: drain eu\\, contoso/bück\\;end: drain eu\\, "
        ));
        expect![[r#"
            BEGIN:VCALENDAR
            VERSION:2.0
            PRODID:-//Pointsman//Maintenance windows//EN
            CALSCALE:GREGORIAN
            NAME:Pointsman maintenance windows
            X-WR-CALNAME:Pointsman maintenance windows
            BEGIN:VEVENT
            UID:eu-patching-1796518800@pointsman
            DTSTAMP:20261201T000000Z
            DTSTART:20261206T010000Z
            DTEND:20261206T030000Z
            SUMMARY:eu-patching: contoso/bück\;end: drain eu\, contoso/bück\;end: dra
             in eu\, contoso/bück\;end: drain eu
            DESCRIPTION:Opens Sun 2026-12-06 02:00 (Europe/Paris)\ncontoso/bück\;end: 
             drain eu\ncontoso/bück\;end: drain eu\ncontoso/bück\;end: drain eu
            STATUS:CONFIRMED
            TRANSP:TRANSPARENT
            END:VEVENT
            BEGIN:VEVENT
            UID:us-1796518800@pointsman
            DTSTAMP:20261201T000000Z
            DTSTART:20261206T010000Z
            DTEND:20261206T030000Z
            SUMMARY:us: contoso/bück\;end: drain eu
            DESCRIPTION:Opens Sun 2026-12-06 02:00 (Europe/Paris)\ncontoso/bück\;end: 
             drain eu
            STATUS:CANCELLED
            TRANSP:TRANSPARENT
            END:VEVENT
            END:VCALENDAR
        "#]]
        .assert_eq(&text.replace("\r\n", "\n"));
    }
}
