//! What bodies of Alertmanager come to.
//!
//! The fixtures were recorded from Debian's Alertmanager 0.25.0 with `max_alerts: 2`: three
//! alerts fire at once, then eu-2 ends, then the two others, then eu-1 fires again.

#![expect(clippy::unwrap_used, reason = "also what helps a test may panic; clippy only lets tests")]

use expect_test::{Expect, expect};
use jiff::Timestamp;
use pointsman_core::signal::{Heard, Signal};
use pointsman_intake::{
    ALERTS_MAX, ANNOTATIONS_BYTES_MAX, BODY_BYTES_MAX, Batch, KEPT_BYTES_MAX, LABELS_BYTES_MAX,
    LABELS_MAX, Unreadable, alertmanager, content_id,
};
use serde_json::{Value, json};

const FIRING_TRUNCATED: &str = include_str!("fixtures/alertmanager-1-firing-truncated.json");
const ONE_RESOLVED: &str = include_str!("fixtures/alertmanager-2-one-resolved.json");
const NEVER_FIRED: &str = include_str!("fixtures/alertmanager-3-resolved-never-fired.json");
const REFIRED: &str = include_str!("fixtures/alertmanager-4-refired.json");

fn read(body: &[u8]) -> Result<Batch, Unreadable> {
    let received: Timestamp = "2026-11-21T22:21:00Z".parse().unwrap();
    alertmanager::read(&"am".parse().unwrap(), body, received)
}

fn row(signal: &Signal) -> String {
    let heard = match signal.heard {
        Heard::Fired => "fired".to_owned(),
        Heard::Resolved { stated: Some(at) } => format!("ended {at}"),
        Heard::Resolved { stated: None } => "ended".to_owned(),
    };
    let backend = signal.labels.get("backend").map_or("-", String::as_str);
    format!("{} {backend} {} since {} {heard}\n", signal.series, signal.severity, signal.started)
}

/// The signals, then what cannot be used, then how many were left out.
fn table(result: &Result<Batch, Unreadable>) -> String {
    let batch = match result {
        Ok(batch) => batch,
        Err(error) => return format!("unreadable: {error}\n"),
    };
    let mut text: String = batch.signals.iter().map(row).collect();
    for alert in &batch.unusable {
        text += &format!("unusable: {}\n", alert.reason);
    }
    if batch.truncated > 0 {
        text += &format!("and {} more\n", batch.truncated);
    }
    text
}

#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "written where it is used")]
fn check(body: &str, expected: Expect) {
    expected.assert_eq(&table(&read(body.as_bytes())));
}

/// A firing alert with the fields of `changes` instead of its own; `null` takes one away.
fn alert(changes: Value) -> Value {
    let mut alert = json!({
        "status": "firing",
        "labels": {"alertname": "BackendErrors", "backend": "eu-1", "severity": "critical"},
        "annotations": {"summary": "eu-1 answers 5xx"},
        "startsAt": "2026-11-21T22:00:00Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "",
        "fingerprint": "00000000000000e1",
    });
    let Value::Object(changes) = changes else { panic!("{changes} is no object") };
    for (name, value) in changes {
        if value.is_null() {
            alert.as_object_mut().unwrap().remove(&name);
        } else {
            alert[name] = value;
        }
    }
    alert
}

fn body(alerts: &[Value]) -> String {
    json!({"version": "4", "status": "firing", "truncatedAlerts": 0, "alerts": alerts}).to_string()
}

#[test]
fn a_group_that_was_cut_off_says_so() {
    check(
        FIRING_TRUNCATED,
        expect![[r#"
        am/7cea439e73dcfb97 eu-2 critical since 2026-11-21T22:20:49.035Z fired
        am/8656c1591d07c1d4 eu-1 critical since 2026-11-21T22:20:48.785Z fired
        and 1 more
    "#]],
    );
}

#[test]
fn each_alert_counts_by_its_own_status_and_not_by_the_groups() {
    check(
        ONE_RESOLVED,
        expect![[r#"
        am/7cea439e73dcfb97 eu-2 critical since 2026-11-21T22:20:49.035Z ended 2026-11-21T22:20:51.791Z
        am/8656c1591d07c1d4 eu-1 critical since 2026-11-21T22:20:48.785Z fired
        and 1 more
    "#]],
    );
}

#[test]
fn an_end_that_never_fired_is_an_end_like_any_other() {
    assert!(!FIRING_TRUNCATED.contains("us-1") && !ONE_RESOLVED.contains("us-1"));
    check(
        NEVER_FIRED,
        expect![[r#"
        am/3942609a4e349e16 us-1 critical since 2026-11-21T22:20:49.285Z ended 2026-11-21T22:20:54.793Z
        am/8656c1591d07c1d4 eu-1 critical since 2026-11-21T22:20:48.785Z ended 2026-11-21T22:20:54.793Z
    "#]],
    );
}

#[test]
fn a_refire_is_the_same_series_with_a_later_start() {
    check(
        REFIRED,
        expect![[r#"
        am/8656c1591d07c1d4 eu-1 critical since 2026-11-21T22:20:57.795Z fired
    "#]],
    );
    let (first, second) = (read(FIRING_TRUNCATED.as_bytes()), read(REFIRED.as_bytes()));
    let (first, second) = (&first.unwrap().signals[..], &second.unwrap().signals[..]);
    let again = first.iter().find(|signal| signal.series == second[0].series).unwrap();
    assert!(again.started < second[0].started);
    assert_ne!(content_id(std::slice::from_ref(again)), content_id(second));
}

#[test]
fn a_pair_gives_one_series_two_starts() {
    let other = REFIRED.replace("22:20:57.795Z", "22:20:58.101832008Z");
    check(
        &other,
        expect![[r#"
        am/8656c1591d07c1d4 eu-1 critical since 2026-11-21T22:20:58.101832008Z fired
    "#]],
    );
    let (one, other) = (read(REFIRED.as_bytes()).unwrap(), read(other.as_bytes()).unwrap());
    assert_eq!(one.signals[0].series, other.signals[0].series);
    // Two messages, for each tells something that the other does not.
    assert_ne!(content_id(&one.signals), content_id(&other.signals));
}

#[test]
fn the_same_delivery_within_a_minute_has_the_same_id_and_a_minute_later_another() {
    let body: Value = serde_json::from_str(ONE_RESOLVED).unwrap();
    let mut changed = body.clone();
    changed["alerts"].as_array_mut().unwrap().reverse();
    changed["notification_reason"] = json!("repeat interval elapsed");
    changed["groupKey"] = json!("{}/{}:{}");
    let changed = serde_json::to_vec_pretty(&changed).unwrap();
    let id = |body: &[u8], received: &str| {
        let received: Timestamp = received.parse().unwrap();
        let batch = alertmanager::read(&"am".parse().unwrap(), body, received).unwrap();
        assert!(batch.signals.iter().all(|signal| signal.received == received));
        content_id(&batch.signals)
    };
    let first = id(ONE_RESOLVED.as_bytes(), "2026-11-21T22:21:00Z");
    assert_eq!(first, id(&changed, "2026-11-21T22:21:00.5Z"));
    assert_eq!(first, id(&changed, "2026-11-21T22:21:59.999999999Z"));
    // What is repeated later is a new fact, though the first may still wait in the queue.
    for other in ["2026-11-21T22:20:59.999999999Z", "2026-11-21T22:22:00Z", "2026-12-05T00:00:00Z"]
    {
        assert_ne!(first, id(ONE_RESOLVED.as_bytes(), other), "{other}");
    }
    // Deliveries are remembered by it, across versions.
    expect!["z3c5w4cklr6iaova"].assert_eq(first.as_str());
}

#[test]
fn whatever_a_signal_says_is_part_of_the_id() {
    let id =
        |changes: Value| content_id(&read(body(&[alert(changes)]).as_bytes()).unwrap().signals);
    let same = id(json!({}));
    assert_eq!(same, id(json!({"generatorURL": "http://elsewhere.example", "new": [1, 2]})));
    for changes in [
        json!({"status": "resolved", "endsAt": "2026-11-21T22:01:00Z"}),
        json!({"status": "resolved", "endsAt": "2026-11-21T22:02:00Z"}),
        json!({"startsAt": "2026-11-21T22:00:00.000000001Z"}),
        json!({"fingerprint": "00000000000000e2"}),
        json!({"labels": {"alertname": "BackendErrors", "backend": "eu-1"}}),
        json!({"labels": {}}),
        json!({"annotations": {"summary": "eu-1 answers 503"}}),
        json!({"annotations": {}}),
        // The same texts, as labels instead of annotations.
        json!({
            "labels": {
                "alertname": "BackendErrors", "backend": "eu-1", "severity": "critical",
                "summary": "eu-1 answers 5xx",
            },
            "annotations": {},
        }),
    ] {
        assert_ne!(same, id(changes.clone()), "{changes}");
    }
}

#[test]
fn one_alert_that_cannot_be_used_does_not_cost_the_others() {
    check(
        &body(&[
            json!(null),
            json!("an alert"),
            json!(["firing", {"alertname": "x"}, {}, "2026-11-21T22:00:00Z"]),
            json!({}),
            alert(json!({"fingerprint": "a", "status": "suppressed"})),
            alert(json!({"fingerprint": "a", "status": ["firing"]})),
            alert(json!({"fingerprint": "b", "labels": ["x"]})),
            alert(json!({"fingerprint": "b", "labels": {"backend": ["eu-1"]}})),
            alert(json!({"startsAt": "yesterday"})),
            alert(json!({"startsAt": 1_795_289_578})),
            alert(json!({"startsAt": null})),
            alert(json!({"startsAt": "0001-01-01T00:00:00Z"})),
            alert(json!({"startsAt": "2026-11-22T22:21:00.001Z"})),
            alert(json!({"fingerprint": "x".repeat(201)})),
            alert(json!({"fingerprint": null, "labels": {}})),
            alert(json!({})),
        ]),
        expect![[r#"
            am/00000000000000e1 eu-1 critical since 2026-11-21T22:00:00Z fired
            unusable: it does not have the form of an alert: invalid type: string "an alert", expected an object at line 1 column 10
            unusable: it does not have the form of an alert: a list
            unusable: it does not have the form of an alert: invalid type: null, expected an object at line 1 column 4
            unusable: it does not have the form of an alert: invalid type: sequence, expected an object of texts at line 1 column 29
            unusable: its startsAt is not set: it must be a time such as 2026-01-31T12:00:00Z
            unusable: its startsAt is not set: it must be a time such as 2026-01-31T12:00:00Z
            unusable: its fingerprint cannot be used: a fingerprint has 1 to 200 bytes and no control characters
            unusable: its startsAt 2026-11-22T22:21:00.001Z is more than 24 h ahead of the time it was received
            unusable: its startsAt `yesterday` is not a time such as 2026-01-31T12:00:00Z
            unusable: its startsAt `1795289578` is not a time such as 2026-01-31T12:00:00Z
            unusable: its label `backend` is a list or an object, and no text
            unusable: it has neither a fingerprint nor labels to know it again by
            unusable: its status is `suppressed`, neither firing nor resolved
            unusable: its status is `["firing"]`, neither firing nor resolved
            unusable: its status is missing or empty: it must be `firing` or `resolved`
        "#]],
    );
}

#[test]
fn a_resolved_alert_has_ended_whatever_its_end_says() {
    let resolved = |fingerprint: &str, end: Value| {
        let mut alert = alert(json!({"status": "resolved", "fingerprint": fingerprint}));
        alert["endsAt"] = end;
        alert
    };
    let mut missing = resolved("missing", json!(""));
    missing.as_object_mut().unwrap().remove("endsAt");
    check(
        &body(&[
            missing,
            resolved("null", json!(null)),
            resolved("zero", json!("0001-01-01T00:00:00Z")),
            resolved("zero with fractions", json!("0001-01-01T00:00:00.000Z")),
            resolved("unreadable", json!("just now")),
            resolved("a number", json!(1_795_289_578)),
            resolved("a list", json!(["2026-11-21T22:01:00Z"])),
            // Which of these counts is the core's to decide.
            resolved("before its start", json!("2026-11-21T21:59:59Z")),
            resolved("ahead", json!("2026-11-22T18:21:00Z")),
            resolved("far ahead", json!("2036-11-22T18:21:00Z")),
        ]),
        expect![[r#"
            am/a list eu-1 critical since 2026-11-21T22:00:00Z ended
            am/a number eu-1 critical since 2026-11-21T22:00:00Z ended
            am/ahead eu-1 critical since 2026-11-21T22:00:00Z ended 2026-11-22T18:21:00Z
            am/before its start eu-1 critical since 2026-11-21T22:00:00Z ended 2026-11-21T21:59:59Z
            am/far ahead eu-1 critical since 2026-11-21T22:00:00Z ended 2036-11-22T18:21:00Z
            am/missing eu-1 critical since 2026-11-21T22:00:00Z ended
            am/null eu-1 critical since 2026-11-21T22:00:00Z ended
            am/unreadable eu-1 critical since 2026-11-21T22:00:00Z ended
            am/zero eu-1 critical since 2026-11-21T22:00:00Z ended
            am/zero with fractions eu-1 critical since 2026-11-21T22:00:00Z ended
        "#]],
    );
}

/// What a relay made of an alert: `changes` as JSON, since `json!` cannot say half of a pair.
fn relayed(fingerprint: &str, changes: &str) -> String {
    format!(
        r#"{{"status": "firing", "startsAt": "2026-11-21T22:00:00Z", "fingerprint": "{fingerprint}",
            {changes}}}"#
    )
}

fn relayed_group(alerts: &[String]) -> Batch {
    let body = format!(r#"{{"version": "4", "alerts": [{}]}}"#, alerts.join(","));
    read(body.as_bytes()).unwrap()
}

#[test]
fn what_cannot_be_read_of_annotations_is_left_out_and_the_alert_counts() {
    let labels = r#""labels": {"alertname": "BackendFailing", "backend": "eu-1"}"#;
    let alerts: Vec<String> = [
        r#"{"summary": "queue is full \ud83d"}"#,
        r#"{"summary": "\udd25 queue \ud83d\ud83d\udd25 is \ud83d\n full"}"#,
        r#"{"runbook": null, "value": 93.5, "paged": true, "summary": "kept"}"#,
        r#"{"lines": ["a", "b"], "of": {"c": "d"}, "summary": "kept"}"#,
        r#"{"\ud83d half": "a name"}"#,
        r#"["a", "b"]"#,
        r#""a text""#,
        "null",
        "7",
    ]
    .iter()
    .enumerate()
    .map(|(at, annotations)| {
        relayed(&at.to_string(), &format!(r#"{labels}, "annotations": {annotations}"#))
    })
    .collect();
    let batch = relayed_group(&alerts);
    assert_eq!(batch.unusable, []);
    let kept: Vec<String> =
        batch.signals.iter().map(|signal| format!("{:?}\n", signal.annotations)).collect();
    expect![[r#"
        {"summary": "queue is full �"}
        {"summary": "� queue �🔥 is �\n full"}
        {"paged": "true", "summary": "kept", "value": "93.5"}
        {"summary": "kept"}
        {"� half": "a name"}
        {}
        {}
        {}
        {}
    "#]]
    .assert_eq(&kept.concat());
}

#[test]
fn a_label_whose_meaning_is_clear_is_its_text() {
    let alerts: Vec<String> = [
        r#"{"backend": 7, "ratio": 0.50, "canary": true}"#,
        r#"{"backend": null, "zone": "eu"}"#,
        r#"{"backend": "eu-1", "note": "full \ud83d"}"#,
        r#"{"backend": "eu-1", "note": {"deep": 1}}"#,
        r#"{"backend": "eu-1", "\u0062ackend": "eu-2"}"#,
    ]
    .iter()
    .enumerate()
    .map(|(at, labels)| relayed(&at.to_string(), &format!(r#""labels": {labels}"#)))
    .collect();
    let batch = relayed_group(&alerts);
    let read: Vec<String> = batch
        .signals
        .iter()
        .map(|signal| format!("{:?}\n", signal.labels))
        .chain(batch.unusable.iter().map(|alert| format!("{}\n", alert.reason)))
        .collect();
    expect![[r#"
        {"backend": "7", "canary": "true", "ratio": "0.50"}
        {"zone": "eu"}
        {"backend": "eu-1", "note": "full �"}
        its label `note` is a list or an object, and no text
        its label `backend` is there twice
    "#]]
    .assert_eq(&read.concat());
}

#[test]
fn a_fingerprint_that_was_sent_as_a_number_is_its_text() {
    let batch = read(body(&[alert(json!({"fingerprint": 4711}))]).as_bytes()).unwrap();
    assert_eq!(batch.signals[0].series.fingerprint(), "4711");
}

#[test]
fn how_many_were_left_out_is_only_a_count_and_costs_no_alert() {
    for (said, counted) in [
        ("3", 3),
        ("1.0", 1),
        ("1e3", 1_000),
        ("null", 0),
        ("-1", 0),
        ("99999999999999999999999", u64::MAX),
        ("\"3\"", 0),
        ("\"\"", 0),
        ("[]", 0),
    ] {
        let body = format!(
            r#"{{"version": "4", "truncatedAlerts": {said}, "alerts": [{}]}}"#,
            alert(json!({}))
        );
        let batch = read(body.as_bytes()).unwrap();
        assert_eq!((batch.signals.len(), batch.truncated), (1, counted), "{said}");
    }
}

#[test]
fn a_byte_order_mark_is_skipped_and_utf_16_is_named() {
    let sound = body(&[alert(json!({}))]);
    assert_eq!(read(format!("\u{feff}{sound}").as_bytes()), read(sound.as_bytes()));
    let wide: Vec<u8> =
        format!("\u{feff}{sound}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    expect![[r#"
        unreadable: the body: it is UTF-16; save or send it as UTF-8
    "#]]
    .assert_eq(&table(&read(&wide)));
}

#[test]
fn an_end_is_not_looked_at_while_an_alert_fires() {
    for end in [json!(null), json!("2027-01-01T00:00:00Z"), json!("whenever")] {
        let batch = read(body(&[alert(json!({"endsAt": end}))]).as_bytes()).unwrap();
        assert_eq!(batch.signals[0].heard, Heard::Fired);
    }
}

#[test]
fn severities_default_to_warning() {
    let labels =
        |severity: &str| json!({"labels": {"severity": severity}, "fingerprint": severity});
    check(
        &body(&[
            alert(labels("PAGE")),
            alert(labels("none")),
            alert(labels("err")),
            alert(labels("banana")),
            alert(json!({"labels": {"alertname": "x"}, "fingerprint": "without"})),
        ]),
        expect![[r#"
            am/PAGE - critical since 2026-11-21T22:00:00Z fired
            am/banana - warning since 2026-11-21T22:00:00Z fired
            am/err - error since 2026-11-21T22:00:00Z fired
            am/none - info since 2026-11-21T22:00:00Z fired
            am/without - warning since 2026-11-21T22:00:00Z fired
        "#]],
    );
}

#[test]
fn a_missing_fingerprint_is_the_one_that_alertmanager_would_have_sent() {
    for fixture in [FIRING_TRUNCATED, NEVER_FIRED] {
        let mut body: Value = serde_json::from_str(fixture).unwrap();
        for (at, alert) in body["alerts"].as_array_mut().unwrap().iter_mut().enumerate() {
            let sent = alert.as_object_mut().unwrap().remove("fingerprint").unwrap();
            assert_eq!(sent.as_str().unwrap().len(), 16);
            if at == 0 {
                alert["fingerprint"] = json!("");
            }
        }
        assert_eq!(read(body.to_string().as_bytes()), read(fixture.as_bytes()));
    }
}

#[test]
fn repetitions_in_a_body_collapse() {
    let described = |text: &str| alert(json!({"annotations": {"summary": text}}));
    let broken = alert(json!({"status": "?"}));
    let batch = read(
        body(&[described("b"), broken.clone(), described("a"), described("b"), broken]).as_bytes(),
    )
    .unwrap();
    assert_eq!((batch.signals.len(), batch.unusable.len()), (1, 1));
    assert_eq!(batch.signals[0].annotations["summary"], "a");
}

#[test]
fn labels_are_bounded() {
    let labels = |count: usize, bytes: usize| {
        let labels: serde_json::Map<String, Value> =
            (0..count).map(|at| (format!("{at:02}"), json!("x".repeat(bytes - 2)))).collect();
        alert(json!({"labels": labels, "fingerprint": format!("{count} labels")}))
    };
    check(
        &body(&[
            labels(LABELS_MAX, LABELS_BYTES_MAX / LABELS_MAX),
            labels(LABELS_MAX + 1, 3),
            labels(2, LABELS_BYTES_MAX / 2 + 1),
        ]),
        expect![[r#"
            am/64 labels - warning since 2026-11-21T22:00:00Z fired
            unusable: it has 65 labels, more than 64
            unusable: its labels have 16386 bytes, more than 16384
        "#]],
    );
    check(
        r#"{"version": "4", "alerts": [{"status": "firing", "startsAt": "2026-11-21T22:00:00Z",
            "labels": {"backend": "eu-1", "backend": "eu-2"}}]}"#,
        expect![[r#"
            unusable: its label `backend` is there twice
        "#]],
    );
}

#[test]
fn annotations_are_cut_and_the_alert_counts() {
    let long = "é".repeat(ANNOTATIONS_BYTES_MAX);
    let batch = read(
        body(&[alert(json!({"annotations": {"a": "first", "b": long, "c": "no room", "": "x"}}))])
            .as_bytes(),
    )
    .unwrap();
    let kept = &batch.signals[0].annotations;
    assert_eq!(kept["a"], "first");
    assert!(kept["b"].ends_with("é…"));
    assert!(!kept.contains_key("c"));
    let bytes: usize = kept.iter().map(|(name, value)| name.len() + value.len()).sum();
    assert!((ANNOTATIONS_BYTES_MAX - 4..=ANNOTATIONS_BYTES_MAX).contains(&bytes), "{bytes}");
}

#[test]
fn what_cannot_be_used_is_kept_as_it_came_up_to_a_bound() {
    let raw = r#"{ "status" : "muted", "startsAt": 1 }"#;
    let batch = read(format!(r#"{{"version":"4","alerts":[ {raw} ]}}"#).as_bytes()).unwrap();
    assert_eq!(batch.unusable[0].raw, r#"{ "status" : "muted", "startsAt": 1 }"#);

    let long = "€".repeat(KEPT_BYTES_MAX);
    let batch = read(body(&[alert(json!({"status": long}))]).as_bytes()).unwrap();
    let alert = &batch.unusable[0];
    assert!(alert.raw.len() <= KEPT_BYTES_MAX && alert.raw.ends_with("€…"));
    assert!(alert.reason.len() < 300, "{}", alert.reason);
}

#[test]
fn what_is_no_such_webhook_says_what_it_is_instead() {
    check(
        "",
        expect![[r#"
            unreadable: this is not JSON (line 1, column 0: EOF while parsing a value): the body is empty; Alertmanager sends an object, as in {"version": "4", "alerts": [{"status": "firing", …}]}
        "#]],
    );
    check(
        "{\n  \"version\": \"4\",\n  \"alerts\": [}\n}",
        expect![[r#"
            unreadable: this is not JSON (line 3, column 14: expected value): the body begins with `{\n  "version": "4",\n  "alerts": [}\n}`; Alertmanager sends an object, as in {"version": "4", "alerts": [{"status": "firing", …}]}
        "#]],
    );
    check(
        "<html>",
        expect![[r#"
            unreadable: this is not JSON (line 1, column 1: expected value): the body begins with `<html>`; Alertmanager sends an object, as in {"version": "4", "alerts": [{"status": "firing", …}]}
        "#]],
    );
    check(
        "[]",
        expect![[r#"
        unreadable: the body is a list, not a group of alerts
    "#]],
    );
    check(
        "7",
        expect![[r#"
            unreadable: line 1, column 1: invalid type: integer `7`, expected an object
        "#]],
    );
    check(
        "{}",
        expect![[r#"
        unreadable: the body names no version, and Alertmanager's webhook is of version "4"; is the sender something else, such as Grafana, or has the receiver a `payload` of its own?
    "#]],
    );
    check(
        r#"{"version": "4"}"#,
        expect![[r#"
        unreadable: the body has no `alerts`
    "#]],
    );
    check(
        r#"{"version": "4", "alerts": {}}"#,
        expect![[r#"
            unreadable: the body has `alerts` that are not a list
        "#]],
    );
    check(
        r#"{"version": "1", "orgId": 1, "alerts": []}"#,
        expect![[r#"
        unreadable: the body is of version "1", and Alertmanager's webhook is of version "4"; is the sender something else, such as Grafana, or has the receiver a `payload` of its own?
    "#]],
    );
    check(
        r#"{"version": 4, "alerts": []}"#,
        expect![[r#"
        unreadable: the body is of version 4, and Alertmanager's webhook is of version "4"; is the sender something else, such as Grafana, or has the receiver a `payload` of its own?
    "#]],
    );
    check(
        r#"{"version": "3", "alert": [], "alerts": {}}"#,
        expect![[r#"
        unreadable: the body is of version "3", and Alertmanager's webhook is of version "4"; is the sender something else, such as Grafana, or has the receiver a `payload` of its own?
    "#]],
    );
    check(
        r#"{"schemaId": "azureMonitorCommonAlertSchema", "data": {}}"#,
        expect![[r#"
        unreadable: the body names no version, and Alertmanager's webhook is of version "4"; is the sender something else, such as Grafana, or has the receiver a `payload` of its own?
    "#]],
    );
    expect![[r#"
        unreadable: line 2, column 4: it is not text in UTF-8
    "#]]
    .assert_eq(&table(&read(b"{\"version\":\n \"4\xff\"}")));
}

#[test]
fn an_empty_group_is_read() {
    for alerts in ["[]", "null"] {
        let text = format!(r#"{{"version": "4", "alerts": {alerts}}}"#);
        assert_eq!(read(text.as_bytes()), Ok(Batch::default()));
    }
}

#[test]
fn bodies_are_bounded() {
    let mut long = body(&[alert(json!({}))]).into_bytes();
    long.resize(BODY_BYTES_MAX, b' ');
    assert_eq!(read(&long).unwrap().signals.len(), 1);
    long.push(b' ');
    let error = read(&long).unwrap_err().to_string();
    assert!(error.contains("2097153 bytes") && error.contains("max_alerts"), "{error}");

    let alerts = |count: usize| {
        let alerts = vec![r#"{"status":"?"}"#; count].join(",");
        format!(r#"{{"version": "4", "alerts": [{alerts}]}}"#)
    };
    assert_eq!(read(alerts(ALERTS_MAX).as_bytes()).unwrap().unusable.len(), 1);
    let error = read(alerts(ALERTS_MAX + 1).as_bytes()).unwrap_err().to_string();
    assert!(error.contains("more than 5000 alerts") && error.contains("max_alerts"), "{error}");
}

#[test]
fn a_body_that_is_not_json_is_quoted_with_what_was_expected() {
    check(
        "nonsense",
        expect![[r#"
        unreadable: this is not JSON (line 1, column 2: expected ident): the body begins with `nonsense`; Alertmanager sends an object, as in {"version": "4", "alerts": [{"status": "firing", …}]}
    "#]],
    );
    check(
        " \n",
        expect![[r#"
        unreadable: this is not JSON (line 2, column 0: EOF while parsing a value): the body is empty; Alertmanager sends an object, as in {"version": "4", "alerts": [{"status": "firing", …}]}
    "#]],
    );
    let long = format!("\u{1b}[2J\nstatus=firing&{}", "x".repeat(500));
    check(
        &long,
        expect![[r#"
        unreadable: this is not JSON (line 1, column 1: expected value): the body begins with `\u{1b}[2J\nstatus=firing&xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…`; Alertmanager sends an object, as in {"version": "4", "alerts": [{"status": "firing", …}]}
    "#]],
    );
}
