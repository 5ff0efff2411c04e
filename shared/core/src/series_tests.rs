//! What a series makes of signals, whatever their order.

use std::collections::BTreeMap;

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;
use crate::signal::{Heard, Severity};

/// In half minutes, so that minutes, the grace and the gap are all met and missed.
fn at(half_minutes: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(30 * half_minutes)
}

fn signal(started: i64, received: i64, heard: Heard, severity: Severity, label: &str) -> Signal {
    Signal {
        series: "prometheus/f1".parse().unwrap(),
        started: at(started),
        heard,
        severity,
        labels: BTreeMap::from([("backend".to_owned(), label.to_owned())]),
        annotations: BTreeMap::new(),
        received: at(received),
    }
}

/// Of few moments, so that they meet; ends that are stated ahead, before the start, or not at all.
fn any_signal() -> impl Strategy<Value = Signal> {
    let stated = prop_oneof![
        Just(None),
        Just(Some(Heard::Resolved { stated: None })),
        (0..60_i64).prop_map(|end| Some(Heard::Resolved { stated: Some(at(end)) })),
    ];
    (0..40_i64, 0..30_i64, stated, 0..4_usize, prop::sample::select(vec!["eu", "us"])).prop_map(
        |(started, later, heard, severity, label)| {
            let severity = Severity::ALL[severity].1;
            signal(started, started + later, heard.unwrap_or(Heard::Fired), severity, label)
        },
    )
}

/// What of a series must not depend on the order. When a run was taken in does.
fn settled(series: &Series) -> impl PartialEq + std::fmt::Debug + use<> {
    let running = series.running.as_ref().map(|running| (running.started, running.latest));
    (series.ended, series.heard, series.firings.clone(), running)
}

fn merged(signals: &[Signal]) -> Series {
    let mut series = Series::new("prometheus/f1".parse().unwrap());
    for signal in signals {
        series.merge(signal, signal.received);
    }
    series
}

proptest! {
    #[test]
    fn what_is_news_is_what_changes(signals in prop::collection::vec(any_signal(), 1..40)) {
        let mut series = Series::new("prometheus/f1".parse().unwrap());
        for signal in &signals {
            let (before, news) = (series.clone(), series.is_news(signal));
            let merged = series.merge(signal, signal.received);
            let nothing = matches!(merged, Merged::Duplicate | Merged::Late);
            prop_assert_eq!(news, !nothing, "{:?} came to {:?}", signal, merged);
            prop_assert_eq!(news, series != before, "{:?} came to {:?}", signal, merged);
        }
    }

    /// I1: what is on, and what it says, is a function of the set of signals.
    #[test]
    fn the_order_and_repeats_leave_no_trace(
        (signals, shuffled) in prop::collection::vec(any_signal(), 1..16).prop_flat_map(|signals| {
            let twice: Vec<Signal> = signals.iter().chain(&signals).cloned().collect();
            (Just(signals), Just(twice).prop_shuffle())
        })
    ) {
        prop_assert_eq!(settled(&merged(&signals)), settled(&merged(&shuffled)));
    }

    /// What is kept is enough: it comes to what the definition says of all that was heard.
    #[test]
    fn what_is_kept_is_what_the_definition_says(
        signals in prop::collection::vec(any_signal(), 1..16),
    ) {
        let minute = |signal: &Signal| at(signal.received.as_second().div_euclid(60) * 2);
        let ended = signals.iter().filter_map(Signal::end).map(|end| end.at).max();
        let heard = signals.iter().filter(|signal| signal.end().is_some()).map(minute).max();
        let mut on: Vec<&Signal> = signals
            .iter()
            .filter(|signal| signal.heard == Heard::Fired)
            .filter(|signal| {
                let late = |heard: Option<Timestamp>| {
                    heard.is_some_and(|heard| minute(signal).duration_since(heard) <= GRACE)
                };
                ended.is_none_or(|ended| signal.started > ended) || !late(heard.max(ended))
            })
            .collect();
        on.sort_by_key(|signal| {
            let received = signal.received.as_second().div_euclid(60);
            (signal.started, signal.severity, received, signal.labels.clone())
        });
        let series = merged(&signals);
        let meaning = |signal: &Signal| (signal.started, signal.severity, signal.labels.clone());
        prop_assert_eq!(series.said().map(meaning), on.last().map(|signal| meaning(signal)));
        prop_assert_eq!(series.running.is_some(), !on.is_empty());
    }
}

/// Each line is `fire START RECEIVED [SEVERITY] [LABEL]` or `resolve START RECEIVED [END]`, in half
/// minutes; the transcript says what it came to and what is on.
fn check(story: &str, transcript: &Expect) {
    let mut series = Series::new("prometheus/f1".parse().unwrap());
    let mut text = String::new();
    for line in story.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let number = |place: usize| words[place].parse::<i64>().unwrap();
        let severity = words.get(3).and_then(|word| {
            Severity::ALL.iter().find(|(name, _)| name == word).map(|(_, severity)| *severity)
        });
        let heard = match words[0] {
            "fire" => Heard::Fired,
            _ => Heard::Resolved { stated: words.get(3).map(|_| at(number(3))) },
        };
        let label = words.get(4).copied().unwrap_or("eu");
        let severity = severity.unwrap_or(Severity::Warning);
        let signal = signal(number(1), number(2), heard, severity, label);
        let merged = series.merge(&signal, signal.received);
        let merged = match merged {
            Merged::Closed { .. } => "closed".to_owned(),
            Merged::Followed { .. } => "followed".to_owned(),
            Merged::Duplicate | Merged::Late | Merged::Noted | Merged::Opened | Merged::Changed => {
                format!("{merged:?}").to_lowercase()
            }
        };
        let minutes = |at: Timestamp| at.as_second() as f64 / 30.0;
        let on = series.running.as_ref().zip(series.said()).map_or(
            "nothing".to_owned(),
            |(run, said)| {
                format!("{} {} {}", minutes(run.started), said.severity, said.labels["backend"])
            },
        );
        text += &format!("{line}: {merged}; on: {on}\n");
    }
    transcript.assert_eq(&text);
}

/// A1: the resolve got lost, and the same series fires again hours later.
#[test]
fn a_later_start_is_another_occurrence_though_the_resolve_between_got_lost() {
    check(
        "fire 0 0\nfire 360 360\nresolve 360 365 364",
        &expect![[r#"
            fire 0 0: opened; on: 0 warning eu
            fire 360 360: followed; on: 360 warning eu
            resolve 360 365 364: closed; on: nothing
        "#]],
    );
}

/// A2: the same signals in any order say the same, and an escalation is heard.
#[test]
fn the_worst_counts_whenever_it_is_heard() {
    check(
        "fire 0 0 warning eu\nfire 0 2 critical us\nfire 0 4 warning eu",
        &expect![[r#"
        fire 0 0 warning eu: opened; on: 0 warning eu
        fire 0 2 critical us: changed; on: 0 critical us
        fire 0 4 warning eu: noted; on: 0 critical us
    "#]],
    );
    check(
        "fire 0 4 warning eu\nfire 0 2 critical us\nfire 0 0 warning eu",
        &expect![[r#"
        fire 0 4 warning eu: opened; on: 0 warning eu
        fire 0 2 critical us: changed; on: 0 critical us
        fire 0 0 warning eu: duplicate; on: 0 critical us
    "#]],
    );
}

/// A13: the sender lost touch and ended by time what goes on firing.
#[test]
fn what_is_received_after_the_grace_fires_on() {
    check(
        "fire 0 0\nresolve 0 10 10\nfire 0 12\nfire 0 40\nresolve 0 50 48",
        &expect![[r#"
            fire 0 0: opened; on: 0 warning eu
            resolve 0 10 10: closed; on: nothing
            fire 0 12: late; on: nothing
            fire 0 40: opened; on: 0 warning eu
            resolve 0 50 48: closed; on: nothing
        "#]],
    );
    // An old delivery that is taken in late is of before the end, whenever that is.
    check(
        "resolve 0 10 10\nfire 0 0\nfire 0 14\nfire 0 16",
        &expect![[r#"
        resolve 0 10 10: noted; on: nothing
        fire 0 0: late; on: nothing
        fire 0 14: late; on: nothing
        fire 0 16: opened; on: 0 warning eu
    "#]],
    );
}

/// A5, A7: an end ahead of time, none, and one before the start.
#[test]
fn an_end_counts_from_its_receipt_where_what_is_stated_cannot_be() {
    check(
        "fire 0 0\nresolve 0 10 2400\nfire 20 20",
        &expect![[r#"
        fire 0 0: opened; on: 0 warning eu
        resolve 0 10 2400: closed; on: nothing
        fire 20 20: opened; on: 20 warning eu
    "#]],
    );
    check(
        "fire 0 0\nresolve 0 10",
        &expect![[r#"
        fire 0 0: opened; on: 0 warning eu
        resolve 0 10: closed; on: nothing
    "#]],
    );
    check(
        "fire 8 8\nresolve 8 10 2",
        &expect![[r#"
        fire 8 8: opened; on: 8 warning eu
        resolve 8 10 2: closed; on: nothing
    "#]],
    );
}

/// A delivery that was slow to get here, and a source whose clock is slow: the end that is received
/// later ends what was received before.
#[test]
fn an_end_ends_what_was_received_before_it_whatever_it_states() {
    check(
        "fire 0 30\nresolve 0 40 2",
        &expect![[r#"
        fire 0 30: opened; on: 0 warning eu
        resolve 0 40 2: closed; on: nothing
    "#]],
    );
}

/// Two senders of one pair, and an end that falls between their starts.
#[test]
fn starts_of_a_pair_are_one_occurrence() {
    check(
        "fire 4 4\nfire 2 5\nresolve 2 6 3\nresolve 4 8 8",
        &expect![[r#"
            fire 4 4: opened; on: 4 warning eu
            fire 2 5: changed; on: 2 warning eu
            resolve 2 6 3: followed; on: 4 warning eu
            resolve 4 8 8: closed; on: nothing
        "#]],
    );
}
