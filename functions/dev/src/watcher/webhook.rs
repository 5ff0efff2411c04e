//! The body of an Alertmanager webhook, version "4", as Alertmanager itself sends it.
//!
//! Written from prometheus/alertmanager, `template.Data` and `notify/webhook`: the fields in their
//! order, `endsAt` the year 1 while an alert fires, the group "firing" while any of its alerts
//! does, and the fingerprint over the labels (prometheus/common, `LabelSet.Fingerprint`: 64-bit
//! FNV-1a over names and values in order, each followed by the byte 255).

use std::collections::BTreeMap;

use jiff::{Timestamp, Unit};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What Go writes for a time that is not set.
const NEVER: &str = "0001-01-01T00:00:00Z";

/// Labels or annotations.
type Pairs = BTreeMap<String, String>;

/// The labels or annotations of this list.
pub(super) fn pairs(list: &[(&str, &str)]) -> Pairs {
    list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// One alert.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Alert {
    pub(super) labels: Pairs,
    pub(super) annotations: Pairs,
    pub(super) started: Timestamp,
    pub(super) ended: Option<Timestamp>,
}

/// The labels by which alerts are grouped, in the order of the configuration.
const GROUP_BY: [&str; 2] = ["alertname", "pool"];

/// The body that tells of these alerts, which are one group. Their condition can be looked at by a URL.
pub(super) fn body(condition: &str, alerts: &[&Alert]) -> Value {
    let labels = common(alerts.iter().map(|alert| &alert.labels));
    let mut group = labels.clone();
    group.retain(|name, _| GROUP_BY.contains(&name.as_str()));
    let key: Vec<String> = group.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
    let each = alerts.iter().map(|alert| one(condition, alert));
    json!({
        "receiver": "pointsman",
        "status": status(alerts.iter().any(|alert| alert.ended.is_none())),
        "alerts": each.collect::<Value>(),
        "groupLabels": group,
        "commonLabels": labels,
        "commonAnnotations": common(alerts.iter().map(|alert| &alert.annotations)),
        "externalURL": "http://127.0.0.1:9093",
        "version": "4",
        "groupKey": format!("{{}}:{{{}}}", key.join(", ")),
        "truncatedAlerts": 0,
    })
}

fn one(condition: &str, alert: &Alert) -> Value {
    json!({
        "status": status(alert.ended.is_none()),
        "labels": alert.labels,
        "annotations": alert.annotations,
        "startsAt": time(alert.started),
        "endsAt": alert.ended.map_or_else(|| NEVER.to_owned(), time),
        "generatorURL": condition,
        "fingerprint": fingerprint(&alert.labels),
    })
}

fn status(fires: bool) -> &'static str {
    if fires { "firing" } else { "resolved" }
}

/// To the millisecond, as Prometheus gives them, and no longer than need be, as Go writes them.
fn time(at: Timestamp) -> String {
    at.round(Unit::Millisecond).unwrap_or(at).to_string()
}

/// What is the same in all.
fn common<'a>(mut all: impl Iterator<Item = &'a Pairs>) -> Pairs {
    let mut common = all.next().cloned().unwrap_or_default();
    for pairs in all {
        common.retain(|name, value| pairs.get(name) == Some(value));
    }
    common
}

fn fingerprint(labels: &Pairs) -> String {
    let bytes = labels
        .iter()
        .flat_map(|(name, value)| [name, value])
        .flat_map(|text| text.bytes().chain([255]));
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use pointsman_intake::alertmanager;

    use super::*;

    fn alert(backend: &str, ended: Option<&str>) -> Alert {
        let labels = [
            ("alertname", "BackendErrors"),
            ("pool", "helped"),
            ("backend", backend),
            ("severity", "critical"),
        ];
        Alert {
            labels: pairs(&labels),
            annotations: pairs(&[("summary", "50% of what helped sends there fails")]),
            started: "2026-03-01T07:05:09.25Z".parse().unwrap(),
            ended: ended.map(|at| at.parse().unwrap()),
        }
    }

    fn json(alerts: &[Alert]) -> String {
        let alerts: Vec<&Alert> = alerts.iter().collect();
        serde_json::to_string_pretty(&body("http://127.0.0.1:9090/graph", &alerts)).unwrap()
    }

    #[test]
    fn the_body_is_alertmanagers() {
        let alerts = [alert("helped-ap", Some("2026-03-01T07:06:00Z")), alert("helped-eu", None)];
        expect![[r#"
            {
              "receiver": "pointsman",
              "status": "firing",
              "alerts": [
                {
                  "status": "resolved",
                  "labels": {
                    "alertname": "BackendErrors",
                    "backend": "helped-ap",
                    "pool": "helped",
                    "severity": "critical"
                  },
                  "annotations": {
                    "summary": "50% of what helped sends there fails"
                  },
                  "startsAt": "2026-03-01T07:05:09.25Z",
                  "endsAt": "2026-03-01T07:06:00Z",
                  "generatorURL": "http://127.0.0.1:9090/graph",
                  "fingerprint": "8248c87bd1d22113"
                },
                {
                  "status": "firing",
                  "labels": {
                    "alertname": "BackendErrors",
                    "backend": "helped-eu",
                    "pool": "helped",
                    "severity": "critical"
                  },
                  "annotations": {
                    "summary": "50% of what helped sends there fails"
                  },
                  "startsAt": "2026-03-01T07:05:09.25Z",
                  "endsAt": "0001-01-01T00:00:00Z",
                  "generatorURL": "http://127.0.0.1:9090/graph",
                  "fingerprint": "fe2d391cd4397b7a"
                }
              ],
              "groupLabels": {
                "alertname": "BackendErrors",
                "pool": "helped"
              },
              "commonLabels": {
                "alertname": "BackendErrors",
                "pool": "helped",
                "severity": "critical"
              },
              "commonAnnotations": {
                "summary": "50% of what helped sends there fails"
              },
              "externalURL": "http://127.0.0.1:9093",
              "version": "4",
              "groupKey": "{}:{alertname=\"BackendErrors\", pool=\"helped\"}",
              "truncatedAlerts": 0
            }"#]]
        .assert_eq(&json(&alerts));
    }

    #[test]
    fn the_intake_reads_all_of_it_and_agrees_on_the_series() {
        let now: Timestamp = "2026-03-01T07:07:00Z".parse().unwrap();
        let text = json(&[alert("helped-eu", None), alert("helped-us", None)]);
        let source = "alertmanager".parse().unwrap();
        let batch = alertmanager::read(&source, text.as_bytes(), now).unwrap();
        assert!(batch.unusable.is_empty() && batch.truncated == 0);
        // Without its fingerprints the intake works them out from the labels.
        let bare = text.replace("\"fingerprint\"", "\"ignored\"");
        let same = alertmanager::read(&source, bare.as_bytes(), now).unwrap();
        assert_eq!(batch.signals, same.signals);
        assert_eq!(batch.signals.len(), 2);
    }
}
