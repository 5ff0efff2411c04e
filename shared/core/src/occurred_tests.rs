use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::signal::{Heard, Severity};

const NOW: i64 = 200_000;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(NOW + second).unwrap()
}

fn minutes(count: i64) -> SignedDuration {
    SignedDuration::from_mins(count)
}

fn signal(series: &str, started: i64, end: Option<i64>) -> Signal {
    let received = at(end.unwrap_or(started));
    Signal {
        series: format!("am/{series}").parse().unwrap(),
        started: at(started),
        heard: end.map_or(Heard::Fired, |end| Heard::Resolved { stated: Some(at(end)) }),
        severity: Severity::Error,
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
        received,
    }
}

/// `a0` is a start of `a` at second 0, `a/30` is its end at second 30, and `a!` says that it is on.
fn occurred(told: &str) -> Occurred {
    let mut occurred = Occurred::default();
    for word in told.split_whitespace() {
        let (series, rest) = word.split_at(1);
        if rest == "!" {
            occurred.asks(&format!("am/{series}").parse().unwrap());
            continue;
        }
        let signal = match rest.strip_prefix('/') {
            Some(end) => signal(series, -10_000, Some(end.parse().unwrap())),
            None => signal(series, rest.parse().unwrap(), None),
        };
        occurred.note(&Mark::of(&signal), at(0));
    }
    occurred
}

#[test]
fn starts_within_five_minutes_are_one_occurrence_unless_an_end_lies_between() {
    for (told, most) in [
        ("", 0),
        ("a0", 0),
        ("a0 a!", 1),
        // The two senders of a pair.
        ("a0 a20 a!", 1),
        // The same alert flaps.
        ("a0 a/10 a20 a/30 a40 a!", 3),
        // Its end is told, and it goes on with the start that it had.
        ("a0 a/10 a!", 1),
        // An end in the moment of a start is the end of that.
        ("a0 a/20 a20 a!", 1),
        // A resolve got lost.
        ("a0 a301 a!", 1),
        ("a0 a300 a!", 1),
        ("a0 a/10 a310 a!", 1),
        ("a10 a/10 a310 a!", 2),
        // Others that are over count, and where none is on, none does.
        ("a0 a/10 b20 b/30 c40 c!", 3),
        ("a0 a/10 b20 b/30 c40", 0),
        // One that goes on has started long before.
        ("a-900 a! b0 c10", 1),
        ("a-900 b0 c10 c!", 2),
        // Those around it, before and after.
        ("a-200 b0 b! c200", 2),
        ("a-100 b0 b! c200", 3),
    ] {
        let most_of = most_within(Some(&occurred(told)), &Behind::default(), minutes(5));
        assert_eq!(most_of, most, "{told}");
    }
}

#[test]
fn earlier_ones_are_those_that_started_within_the_span_before_the_latest() {
    for (told, earlier) in [
        ("", 0),
        ("a0", 0),
        ("a0 a20", 0),
        ("a0 a/10 a20", 1),
        ("a0 a/10 a20 a/30 a40 a/50", 2),
        // Two of one moment are none before the other.
        ("a0 b0", 0),
        ("a0 b20 a/30 c40", 2),
        ("a-300 a/-200 a0", 1),
        ("a-301 a/-200 a0", 0),
    ] {
        let earlier_of = earlier_within(Some(&occurred(told)), &Behind::default(), minutes(5));
        assert_eq!(earlier_of, earlier, "{told}");
    }
}

#[test]
fn the_first_that_is_on_is_the_earliest_start_of_those() {
    for (told, first) in [
        ("a0", None),
        ("a0 a20 a!", Some(0)),
        ("a0 a/10 a20 a!", Some(20)),
        ("a0 b-20 a!", Some(0)),
        ("a0 b-20 a! b!", Some(-20)),
    ] {
        let known = first_on(Some(&occurred(told)), &Behind::default());
        assert_eq!(known, first.map(at), "{told}");
    }
}

#[test]
fn what_is_kept_is_bounded_and_forgotten() {
    let mut occurred = Occurred::default();
    let many = i64::try_from(MARKS_MAX).unwrap() + 10;
    for second in 0..many {
        occurred.note(&Mark::of(&signal(&format!("s{second}"), second, None)), at(0));
    }
    assert_eq!(occurred.marks.len(), MARKS_MAX);
    assert_eq!(occurred.marks.first().unwrap().at, at(10), "the earliest go");
    let kept = MARKS_KEPT.as_secs();
    assert!(occurred.forget(at(kept + many - 2)));
    assert_eq!(occurred.marks.len(), 1);
    assert!(!occurred.forget(at(kept + many)));
}

proptest! {
    #[test]
    fn i1_the_order_of_what_is_told_and_how_often_changes_nothing(
        told in prop::collection::vec((0_u8..4, -400_i64..0, any::<bool>()), 1..100),
        keys in prop::collection::vec(any::<u32>(), 200),
    ) {
        let mark = |(series, second, is_end): &(u8, i64, bool)| {
            Mark::of(&signal(&series.to_string(), *second - 500, is_end.then_some(*second)))
        };
        let note = |marks: Vec<Mark>| {
            let mut occurred = Occurred::default();
            marks.iter().for_each(|mark| occurred.note(mark, at(0)));
            occurred
        };
        let marks: Vec<Mark> = told.iter().map(mark).collect();
        let mut other: Vec<(u32, Mark)> = keys.iter().copied().zip(marks.iter().cycle().cloned()).collect();
        other.truncate(marks.len() * 2);
        other.sort();
        let other = other.into_iter().map(|(_, mark)| mark).collect();
        if marks.len() * 2 <= 200 {
            prop_assert_eq!(note(marks), note(other));
        }
    }
}
