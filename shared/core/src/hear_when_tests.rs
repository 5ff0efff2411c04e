//! What is heard of alerts that keep plays back, that repeat, and that plays look back at.

use std::collections::BTreeMap;

use super::*;
use crate::{
    playbook::{self, Playbook},
    signal::{Heard, Severity},
};

fn book(of_play: &str) -> Playbook {
    let text = format!(
        "version: 1\nservices:\n  main: {{subscription: 00000000-0000-0000-0000-000000000001, \
         resourceGroup: rg, name: contoso}}\npools:\n  chat: {{service: main, backend: chat}}\nplays:\n  \
         - name: drain\n    when: signal.labels.alertname == \"Errors\"\n    \
         do: [{{drain: {{pool: chat, member: eu}}}}]\n    {of_play}\n"
    );
    playbook::read(&text).unwrap()
}

fn at(minutes: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes)
}

fn signal(alertname: &str, started: i64, received: i64) -> Signal {
    Signal {
        series: "am/f00d".parse().unwrap(),
        started: at(started),
        heard: Heard::Fired,
        severity: Severity::Error,
        labels: [("alertname".to_owned(), alertname.to_owned())].into(),
        annotations: BTreeMap::new(),
        received: at(received),
    }
}

fn resolved(signal: Signal) -> Signal {
    Signal { heard: Heard::Resolved { stated: Some(signal.received) }, ..signal }
}

fn series() -> Series {
    Series::new("am/f00d".parse().unwrap())
}

fn heard(series: &mut Series, playbook: &Playbook, signal: &Signal) -> Hearing {
    hear(series, signal, Generation { number: 1, playbook }, signal.received)
}

/// The plays that are told of, each with until when it is kept back.
fn keeps_back(hearing: &Hearing) -> Vec<Option<Timestamp>> {
    hearing.keeps_back.values().map(|one| one.as_ref().map(|one| one.until)).collect()
}

#[test]
fn an_alert_that_keeps_a_play_back_is_told_of_once_and_until_its_end() {
    let playbook = book("unless: signal.labels.alertname == \"RegionDown\"");
    let mut series = series();
    let down = |received| signal("RegionDown", 0, received);
    let begun = heard(&mut series, &playbook, &down(0));
    assert_eq!(keeps_back(&begun), [Some(at(25 * 60))]);
    let told: Vec<String> = begun.lines.iter().map(|line| line.what.to_string()).collect();
    assert_eq!(told.len(), 2);
    assert_eq!(told[1], "while am/f00d (RegionDown) is on, nothing begins of drain");
    assert_eq!((begun.nothing, begun.edits.len()), (None, 0));
    // A repeat within the hour changes nothing of it, and a later one puts off when it is forgotten.
    for (minute, until) in [(0, None), (59, None), (60, Some(at(26 * 60)))] {
        let again = heard(&mut series, &playbook, &down(minute));
        let until: Vec<_> = until.into_iter().map(Some).collect();
        assert_eq!((keeps_back(&again), again.lines.len()), (until, 0), "{minute}");
    }
    let over = heard(&mut series, &playbook, &resolved(down(70)));
    assert_eq!((keeps_back(&over), over.lines.len()), (vec![None], 1));
    // Another alert is none of its.
    let other = heard(&mut series, &playbook, &signal("Errors", 80, 80));
    assert_eq!((keeps_back(&other), other.edits.len()), (vec![], 1));
}

#[test]
fn a_repeat_says_when_an_alert_counts_as_silent_and_seldom_changes_that() {
    let playbook = book("stale: {repeats: 5m, after: 20m}");
    let mut one = series();
    let silent = |series: &Series| series.running.as_ref().unwrap().claims[0].asked.silent;
    // By quarters of `after`: no sooner than 20 minutes after the repeat, and no later than 25.
    for (minute, until, is_told) in
        [(0, 25, true), (2, 25, false), (4, 25, false), (5, 30, true), (14, 35, true)]
    {
        let hearing = heard(&mut one, &playbook, &signal("Errors", 0, minute));
        let is_claim = |edit: &Edit| matches!(edit, Edit::Claim { .. });
        let is_claimed = hearing.edits.values().flatten().any(is_claim);
        assert_eq!((silent(&one), is_claimed), (Some(at(until)), is_told), "{minute}");
    }
    // In another order it comes to the same.
    let mut other = series();
    for minute in [14, 0, 5, 14, 2] {
        heard(&mut other, &playbook, &signal("Errors", 0, minute));
    }
    assert_eq!(silent(&other), silent(&one));
}

#[test]
fn an_alert_heard_at_the_end_of_its_minute_is_not_silent_too_soon() {
    for (repeats, after) in
        [("1s", 2), ("4s", 8), ("1m", 120), ("2m", 300), ("5m", 900), ("10m", 1201)]
    {
        let playbook = book(&format!("stale: {{repeats: {repeats}, after: {after}s}}"));
        for second in [0, 1, 30, 59] {
            let mut one = series();
            let mut signal = signal("Errors", 0, 7);
            signal.received = later(signal.received, SignedDuration::from_secs(second));
            heard(&mut one, &playbook, &signal);
            let silent = one.running.as_ref().unwrap().claims[0].asked.silent.unwrap();
            let lasts = silent.duration_since(signal.received).as_secs();
            // A quarter later at most, in whole minutes.
            let most = after + (after / 4 + 59) / 60 * 60;
            assert!((after..=most.max(after + 60)).contains(&lasts), "{after} {second}: {lasts}");
        }
    }
}

#[test]
fn each_signal_of_a_play_that_looks_back_is_noted_whatever_becomes_of_it() {
    let playbook = book("count: 2\n    within: 5m");
    let mut series = series();
    let late = signal("Errors", 0, 3);
    for signal in [resolved(signal("Errors", 0, 2)), late.clone(), late] {
        let hearing = heard(&mut series, &playbook, &signal);
        let edits: Vec<&Edit> = hearing.edits.values().flatten().collect();
        let [Edit::Occurred { mark, .. }] = edits.as_slice() else { panic!("{edits:?}") };
        assert_eq!(*mark, Mark::of(&signal));
    }
    let other = heard(&mut series, &playbook, &signal("Other", 10, 10));
    assert!(other.edits.is_empty());
}
