//! When windows open, by each dialect, through daylight-saving changes.

use expect_test::{Expect, expect};

use super::*;
use crate::zone::zone;

/// The next openings after a time, in the zone of the schedule.
fn check(dialect: Dialect, text: &str, zone: &str, after: &str, openings: usize, next: &Expect) {
    next.assert_eq(&next_of(dialect, text, zone, after, openings));
}

fn next_of(dialect: Dialect, text: &str, zone_name: &str, after: &str, openings: usize) -> String {
    let zone = zone(zone_name).unwrap();
    let schedule = Schedule::cron(dialect, text, zone.clone()).unwrap();
    let mut at: Timestamp = after.parse().unwrap();
    let mut told = String::new();
    for _ in 0..openings {
        at = schedule.next(at).unwrap();
        assert_eq!(schedule.last(at), Some(at), "an instance is open from its first moment");
        let just_before = at.checked_sub(SignedDuration::from_millis(1)).unwrap();
        assert!(schedule.last(just_before).is_none_or(|last| last < at));
        told += &format!("{}\n", at.to_zoned(zone.clone()).strftime("%a %FT%T%:z"));
    }
    told
}

#[test]
fn the_three_dialects_mean_the_same_in_their_own_words() {
    let sundays = "Sun 2026-12-06T02:00:00+01:00\nSun 2026-12-13T02:00:00+01:00\n";
    for (dialect, text) in [
        (Dialect::Unix, "0 2 * * 0"),
        (Dialect::Unix, " 0 2 * * SUN "),
        (Dialect::Ncrontab, "0 0 2 * * 0"),
        (Dialect::Eventbridge, "0 2 ? * 1 *"),
        (Dialect::Eventbridge, "cron(0 2 ? * SUN *)"),
    ] {
        let next = next_of(dialect, text, "Europe/Paris", "2026-12-01T00:00:00Z", 2);
        assert_eq!(next, sundays, "{text}");
    }
}

#[test]
fn a_day_of_the_month_and_one_of_the_week_are_either_in_unix_and_both_in_azure() {
    check(
        Dialect::Unix,
        "0 0 13 * 5",
        "UTC",
        "2026-11-01T00:00:00Z",
        3,
        &expect![[r#"
        Fri 2026-11-06T00:00:00+00:00
        Fri 2026-11-13T00:00:00+00:00
        Fri 2026-11-20T00:00:00+00:00
    "#]],
    );
    check(
        Dialect::Ncrontab,
        "0 0 0 13 * 5",
        "UTC",
        "2026-01-01T00:00:00Z",
        2,
        &expect![[r#"
        Fri 2026-02-13T00:00:00+00:00
        Fri 2026-03-13T00:00:00+00:00
    "#]],
    );
}

/// The published expectations of Azure Functions' timer triggers.
#[test]
fn daylight_saving_goes_as_azure_functions_has_it() {
    let pacific = "America/Los_Angeles";
    let azure = |text, after, openings, next: &Expect| {
        check(Dialect::Ncrontab, text, pacific, after, openings, next);
    };
    azure(
        "0 30 * * * *",
        "2018-03-11T08:00:00Z",
        5,
        &expect![[r#"
        Sun 2018-03-11T00:30:00-08:00
        Sun 2018-03-11T01:30:00-08:00
        Sun 2018-03-11T03:30:00-07:00
        Sun 2018-03-11T04:30:00-07:00
        Sun 2018-03-11T05:30:00-07:00
    "#]],
    );
    azure(
        "0 30 1 * * *",
        "2018-03-10T08:00:00Z",
        3,
        &expect![[r#"
        Sat 2018-03-10T01:30:00-08:00
        Sun 2018-03-11T01:30:00-08:00
        Mon 2018-03-12T01:30:00-07:00
    "#]],
    );
    azure(
        "0 */20 * * * *",
        "2018-11-04T07:30:00Z",
        9,
        &expect![[r#"
        Sun 2018-11-04T00:40:00-07:00
        Sun 2018-11-04T01:00:00-07:00
        Sun 2018-11-04T01:20:00-07:00
        Sun 2018-11-04T01:40:00-07:00
        Sun 2018-11-04T01:00:00-08:00
        Sun 2018-11-04T01:20:00-08:00
        Sun 2018-11-04T01:40:00-08:00
        Sun 2018-11-04T02:00:00-08:00
        Sun 2018-11-04T02:20:00-08:00
    "#]],
    );
    azure(
        "0 30 * * * *",
        "2018-11-04T07:00:00Z",
        4,
        &expect![[r#"
        Sun 2018-11-04T00:30:00-07:00
        Sun 2018-11-04T01:30:00-07:00
        Sun 2018-11-04T01:30:00-08:00
        Sun 2018-11-04T02:30:00-08:00
    "#]],
    );
    azure(
        "0 30 1 * * *",
        "2018-11-03T07:00:00Z",
        3,
        &expect![[r#"
        Sat 2018-11-03T01:30:00-07:00
        Sun 2018-11-04T01:30:00-07:00
        Mon 2018-11-05T01:30:00-08:00
    "#]],
    );
    // 02:30 does not come that day.
    azure(
        "0 30 2 * * *",
        "2018-03-10T20:00:00Z",
        2,
        &expect![[r#"
        Sun 2018-03-11T03:00:00-07:00
        Mon 2018-03-12T02:30:00-07:00
    "#]],
    );
}

#[test]
fn what_is_no_schedule_is_refused_with_what_would_be_right() {
    let refused = |dialect, text: &str| Schedule::cron(dialect, text, TimeZone::UTC).unwrap_err();
    let told: Vec<String> = [
        (Dialect::Unix, "0 0 2 * * 0"),
        (Dialect::Unix, "0 25 * * *"),
        (Dialect::Unix, "0 0 30 2 *"),
        (Dialect::Ncrontab, "0 2 * *"),
        (Dialect::Eventbridge, "0 2 * * 1"),
        (Dialect::Eventbridge, "0 2 * * 1 *"),
        (Dialect::Unix, "soon"),
    ]
    .map(|(dialect, text)| refused(dialect, text))
    .into();
    expect![[r#"
        `0 0 2 * * 0` has 6 fields, which is not unix: write minute hour day month weekday, such as 0 2 * * 0
        `0 25 * * *` is not a time in unix (Component error: Number out of bounds): write minute hour day month weekday, such as 0 2 * * 0
        `0 0 30 2 *` never comes: no day fits all of its fields
        `0 2 * *` has 4 fields, which is not ncrontab: write second minute hour day month weekday, such as 0 0 2 * * 0
        `0 2 * * 1` has 5 fields, which is not eventbridge: write minute hour day month weekday year, such as 0 2 ? * SUN *
        `0 2 * * 1 *` names two days: write `?` for the one that is not meant
        `soon` has 1 field, which is not unix: write minute hour day month weekday, such as 0 2 * * 0"#]].assert_eq(&told.join("\n"));
    let at = |text: &str| Schedule::once(text.parse().unwrap(), &zone("Europe/Paris").unwrap());
    assert!(at("2026-12-24T22:00").is_ok());
    assert!(at("2026-03-29T02:30").unwrap_err().contains("does not come or comes twice"));
    assert!(zone("Europe/Pari").unwrap_err().contains("Europe/Paris, or write UTC"));
}

#[test]
fn a_window_that_opens_once_is_over_for_good() {
    let opens = Schedule::once("2026-12-24T22:00".parse().unwrap(), &TimeZone::UTC).unwrap();
    let at: Timestamp = "2026-12-24T22:00:00Z".parse().unwrap();
    let before = at.checked_sub(SignedDuration::from_secs(1)).unwrap();
    assert_eq!((opens.last(before), opens.next(before)), (None, Some(at)));
    assert_eq!((opens.last(at), opens.next(at)), (Some(at), None));
}

#[test]
fn no_expression_is_too_odd_to_be_answered() {
    for dialect in [Dialect::Unix, Dialect::Ncrontab, Dialect::Eventbridge] {
        for text in [
            "",
            "*",
            "* * * * *",
            "*/0 * * * *",
            "*/61 * * * *",
            "99999999999 * * * *",
            "0 0 29 2 1",
            "0 0 31 2 *",
            "0 0 L 2 5#6",
            "0 0 1W * *",
            "0-0/0 0 * * *",
            "@",
            "@reboot",
            "@yearly",
            "cron()",
            "cron(0 2 ? * SUN *)",
            "0 0 29 2 ? 2027",
            "0 0 29 2 ? 1970-2199",
            "é é é é é",
            "0 0 ? * 1#5 *",
            "0 0 0 29 2 1",
            "-1 0 * * *",
            "1-  0 * * *",
            "0,,1 0 * * *",
        ] {
            let Ok(schedule) = Schedule::cron(dialect, text, TimeZone::UTC) else { continue };
            for at in ["1970-01-01T00:00:00Z", "2026-11-30T00:00:00Z", "9999-12-30T00:00:00Z"] {
                let at = at.parse().unwrap();
                assert!(schedule.next(at).is_none_or(|next| next > at), "{dialect} {text}");
                assert!(schedule.last(at).is_none_or(|last| last <= at), "{dialect} {text}");
            }
        }
    }
}
