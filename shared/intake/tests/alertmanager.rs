//! What bodies of Alertmanager come to.
//!
//! The fixtures were recorded from Debian's Alertmanager 0.25.0 with `max_alerts: 2`: three
//! alerts fire at once, then eu-2 ends, then the two others, then eu-1 fires again.

#![expect(clippy::unwrap_used, reason = "also what helps a test may panic; clippy only lets tests")]

use expect_test::{Expect, expect};
use jiff::Timestamp;
use pointsman_core::signal::{Heard, Signal};
use pointsman_intake::{
    ALERTS_MAX, ANNOTATIONS_BYTES_MAX, BODY_BYTES_MAX, Batch, LABELS_BYTES_MAX, LABELS_MAX,
    LETTER_BYTES_MAX, Unreadable, alertmanager, content_id,
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

/// The signals, then the letters, then what was left out.
fn table(result: &Result<Batch, Unreadable>) -> String {
    let batch = match result {
        Ok(batch) => batch,
        Err(error) => return format!("unreadable: {error}\n"),
    };
    let mut text: String = batch.signals.iter().map(row).collect();
    for letter in &batch.letters {
        text += &format!("letter: {}\n", letter.reason);
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
fn the_same_delivery_has_the_same_id_whenever_and_however_it_arrives() {
    let body: Value = serde_json::from_str(ONE_RESOLVED).unwrap();
    let mut later = body.clone();
    later["alerts"].as_array_mut().unwrap().reverse();
    later["notification_reason"] = json!("repeat interval elapsed");
    later["groupKey"] = json!("{}/{}:{}");
    let source = "am".parse().unwrap();
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    let pretty = serde_json::to_vec_pretty(&later).unwrap();
    let one = alertmanager::read(&source, ONE_RESOLVED.as_bytes(), at("2026-11-21T22:21:00Z"));
    let two = alertmanager::read(&source, &pretty, at("2026-12-05T00:00:00Z"));
    assert_eq!(one, two);
    let id = content_id(&one.unwrap().signals);
    assert_eq!(id, content_id(&two.unwrap().signals));
    // Deliveries are remembered by it for days, across versions: it must not change.
    expect!["fhnbzvk7rq37a2py"].assert_eq(id.as_str());
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
    let resolved = |end: &str| alert(json!({"status": "resolved", "endsAt": end}));
    check(
        &body(&[
            json!(null),
            json!("an alert"),
            json!(["firing", {"alertname": "x"}, {}, "2026-11-21T22:00:00Z"]),
            json!({}),
            alert(json!({"fingerprint": "a", "status": "suppressed"})),
            alert(json!({"fingerprint": "b", "labels": ["x"]})),
            alert(json!({"fingerprint": "b", "labels": {"backend": 7}})),
            alert(json!({"startsAt": "yesterday"})),
            alert(json!({"startsAt": 1_795_289_578})),
            alert(json!({"startsAt": null})),
            alert(json!({"startsAt": "0001-01-01T00:00:00Z"})),
            alert(json!({"startsAt": "2026-11-22T22:21:00.001Z"})),
            resolved("2026-11-22T22:21:00.001Z"),
            resolved("0001-01-01T00:00:00Z"),
            resolved("2026-11-21T21:59:59Z"),
            alert(json!({"fingerprint": "x".repeat(201)})),
            alert(json!({"fingerprint": null, "labels": {}})),
            alert(json!({})),
        ]),
        expect![[r#"
            am/00000000000000e1 eu-1 critical since 2026-11-21T22:00:00Z fired
            letter: it does not have the form of an alert: invalid type: string "an alert", expected an object at line 1 column 10
            letter: it does not have the form of an alert: a list
            letter: it does not have the form of an alert: invalid type: null, expected an object at line 1 column 4
            letter: it does not have the form of an alert: invalid type: sequence, expected an object of texts at line 1 column 29
            letter: its startsAt is not set
            letter: its startsAt is not set
            letter: its fingerprint cannot be used: a fingerprint has 1 to 200 bytes and no control characters
            letter: its startsAt 2026-11-22T22:21:00.001Z is more than 24 h ahead of the time it arrived
            letter: its startsAt `yesterday` is no time such as 2026-01-31T12:00:00Z
            letter: it does not have the form of an alert: invalid type: integer `1795289578`, expected a string at line 1 column 163
            letter: it does not have the form of an alert: invalid type: integer `7`, expected a string at line 1 column 40
            letter: it has neither a fingerprint nor labels to know it again by
            letter: its endsAt is not set
            letter: it ended at 2026-11-21T21:59:59Z, before it started at 2026-11-21T22:00:00Z
            letter: its endsAt 2026-11-22T22:21:00.001Z is more than 24 h ahead of the time it arrived
            letter: its status is `suppressed`, neither firing nor resolved
            letter: its status is ``, neither firing nor resolved
        "#]],
    );
}

#[test]
fn times_up_to_a_day_ahead_and_offsets_are_read() {
    check(
        &body(&[
            alert(json!({"fingerprint": "a", "startsAt": "2026-11-22T22:21:00Z"})),
            alert(json!({"fingerprint": "b", "startsAt": "2026-11-21T23:00:00.25+01:00"})),
            alert(json!({
                "fingerprint": "c", "status": "resolved",
                "startsAt": "2026-11-21T22:00:00Z", "endsAt": "2026-11-21T22:00:00Z",
            })),
        ]),
        expect![[r#"
            am/a eu-1 critical since 2026-11-22T22:21:00Z fired
            am/b eu-1 critical since 2026-11-21T22:00:00.25Z fired
            am/c eu-1 critical since 2026-11-21T22:00:00Z ended 2026-11-21T22:00:00Z
        "#]],
    );
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
    assert_eq!((batch.signals.len(), batch.letters.len()), (1, 1));
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
            letter: it has 65 labels, more than 64
            letter: its labels have 16386 bytes, more than 16384
        "#]],
    );
    check(
        r#"{"version": "4", "alerts": [{"status": "firing", "startsAt": "2026-11-21T22:00:00Z",
            "labels": {"backend": "eu-1", "backend": "eu-2"}}]}"#,
        expect![[r#"
            letter: its label `backend` is there twice
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
fn a_letter_keeps_the_alert_as_it_came_up_to_a_bound() {
    let raw = r#"{ "status" : "muted", "startsAt": 1 }"#;
    let batch = read(format!(r#"{{"version":"4","alerts":[ {raw} ]}}"#).as_bytes()).unwrap();
    assert_eq!(batch.letters[0].raw, r#"{ "status" : "muted", "startsAt": 1 }"#);

    let long = "€".repeat(LETTER_BYTES_MAX);
    let batch = read(body(&[alert(json!({"status": long}))]).as_bytes()).unwrap();
    let letter = &batch.letters[0];
    assert!(letter.raw.len() <= LETTER_BYTES_MAX && letter.raw.ends_with("€…"));
    assert!(letter.reason.to_string().len() < 300, "{}", letter.reason);
}

#[test]
fn what_is_no_such_webhook_says_what_it_is_instead() {
    check(
        "",
        expect![[r#"
        unreadable: line 1, column 0: EOF while parsing a value
    "#]],
    );
    check(
        "{\n  \"version\": \"4\",\n  \"alerts\": [}\n}",
        expect![[r#"
        unreadable: line 3, column 14: expected value
    "#]],
    );
    check(
        "<html>",
        expect![[r#"
        unreadable: line 1, column 1: expected value
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
        unreadable: line 1, column 29: invalid type: map, expected a list of alerts
    "#]],
    );
    check(
        r#"{"version": "4", "alerts": [], "truncatedAlerts": -1}"#,
        expect![[r#"
        unreadable: line 1, column 52: invalid value: integer `-1`, expected u64
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
        unreadable: line 2, column 4: not UTF-8
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
    assert_eq!(read(&long), Err(Unreadable::Oversized { bytes: BODY_BYTES_MAX + 1 }));

    let alerts = |count: usize| {
        let alerts = vec![r#"{"status":"?"}"#; count].join(",");
        format!(r#"{{"version": "4", "alerts": [{alerts}]}}"#)
    };
    assert_eq!(read(alerts(ALERTS_MAX).as_bytes()).unwrap().letters.len(), 1);
    let error = read(alerts(ALERTS_MAX + 1).as_bytes()).unwrap_err().to_string();
    assert!(error.contains("more than 5000 alerts") && error.contains("max_alerts"), "{error}");
}
