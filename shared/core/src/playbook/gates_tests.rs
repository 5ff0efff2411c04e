use expect_test::{Expect, expect};
use jiff::tz::TimeZoneDatabase;

use super::*;

/// Whether they are open at each time, or when they open, in UTC.
fn check(days: &[Weekday], (from, to): (&str, &str), zone: &str, at: &[&str], expect: &Expect) {
    let hours = Hours {
        days: days.to_vec(),
        from: from.parse().unwrap(),
        to: to.parse().unwrap(),
        zone: TimeZoneDatabase::bundled().get(zone).unwrap(),
    };
    let line = |at: &&str| {
        let opens = hours.opens(at.parse().unwrap());
        let opens = opens.map_or("open".to_owned(), |opens| format!("opens {opens}"));
        format!("{at}: {opens}\n")
    };
    expect.assert_eq(&at.iter().map(line).collect::<String>());
}

const WEEK: [Weekday; 7] = [
    Weekday::Monday,
    Weekday::Tuesday,
    Weekday::Wednesday,
    Weekday::Thursday,
    Weekday::Friday,
    Weekday::Saturday,
    Weekday::Sunday,
];

#[test]
fn business_hours_go_with_summer_time() {
    // The clocks go forward on Sunday, 29 March.
    check(
        &WEEK[..5],
        ("09:00", "17:00"),
        "Europe/Paris",
        &[
            "2026-03-27T07:59:59Z",
            "2026-03-27T08:00:00Z",
            "2026-03-27T15:59:59.9Z",
            "2026-03-27T16:00:00Z",
            "2026-03-30T06:59:59Z",
            "2026-03-30T07:00:00Z",
        ],
        &expect![[r#"
            2026-03-27T07:59:59Z: opens 2026-03-27T08:00:00Z
            2026-03-27T08:00:00Z: open
            2026-03-27T15:59:59.9Z: open
            2026-03-27T16:00:00Z: opens 2026-03-30T07:00:00Z
            2026-03-30T06:59:59Z: opens 2026-03-30T07:00:00Z
            2026-03-30T07:00:00Z: open
        "#]],
    );
}

#[test]
fn those_over_midnight_belong_to_the_day_on_which_they_begin() {
    check(
        &WEEK[5..6],
        ("22:00", "06:00"),
        "UTC",
        &[
            "2026-03-07T05:00:00Z",
            "2026-03-07T22:00:00Z",
            "2026-03-08T05:59:59Z",
            "2026-03-08T06:00:00Z",
        ],
        &expect![[r#"
            2026-03-07T05:00:00Z: opens 2026-03-07T22:00:00Z
            2026-03-07T22:00:00Z: open
            2026-03-08T05:59:59Z: open
            2026-03-08T06:00:00Z: opens 2026-03-14T22:00:00Z
        "#]],
    );
}

#[test]
fn the_same_time_twice_is_the_whole_day() {
    check(
        &WEEK[..1],
        ("00:00", "00:00"),
        "UTC",
        &[
            "2026-03-08T23:59:59Z",
            "2026-03-09T00:00:00Z",
            "2026-03-09T23:59:59Z",
            "2026-03-10T00:00:00Z",
        ],
        &expect![[r#"
            2026-03-08T23:59:59Z: opens 2026-03-09T00:00:00Z
            2026-03-09T00:00:00Z: open
            2026-03-09T23:59:59Z: open
            2026-03-10T00:00:00Z: opens 2026-03-16T00:00:00Z
        "#]],
    );
}

#[test]
fn a_time_that_does_not_come_is_the_first_after_it_and_one_that_comes_twice_counts_once() {
    // 02:30 does not come on 29 March, and comes twice on 25 October.
    check(
        &WEEK,
        ("02:30", "03:30"),
        "Europe/Paris",
        &[
            "2026-03-29T00:59:59Z",
            "2026-03-29T01:00:00Z",
            "2026-03-29T01:29:59Z",
            "2026-03-29T01:30:00Z",
            "2026-10-25T00:29:59Z",
            "2026-10-25T00:30:00Z",
            "2026-10-25T02:29:59Z",
            "2026-10-25T02:30:00Z",
        ],
        &expect![[r#"
            2026-03-29T00:59:59Z: opens 2026-03-29T01:00:00Z
            2026-03-29T01:00:00Z: open
            2026-03-29T01:29:59Z: open
            2026-03-29T01:30:00Z: opens 2026-03-30T00:30:00Z
            2026-10-25T00:29:59Z: opens 2026-10-25T00:30:00Z
            2026-10-25T00:30:00Z: open
            2026-10-25T02:29:59Z: open
            2026-10-25T02:30:00Z: opens 2026-10-26T01:30:00Z
        "#]],
    );
}
