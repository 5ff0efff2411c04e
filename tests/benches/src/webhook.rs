//! Alertmanager's webhooks, version 4, as it sends them.

use jiff::Timestamp;
use serde_json::{Value, json};

/// One alert.
#[derive(Clone, Debug)]
pub(crate) struct Alert {
    /// What the source calls it.
    pub(crate) fingerprint: String,
    /// In which pool a member fails.
    pub(crate) pool: String,
    /// Which member.
    pub(crate) member: String,
    /// When it started.
    pub(crate) started: Timestamp,
    /// When it ended, if it has.
    pub(crate) ended: Option<Timestamp>,
}

impl Alert {
    fn json(&self) -> Value {
        let Self { fingerprint, pool, member, started, ended } = self;
        json!({
            "status": if ended.is_some() { "resolved" } else { "firing" },
            "labels": {
                "alertname": "BackendErrors",
                "backend": member,
                "instance": "gateway-0.gateway.monitoring.svc:9090",
                "job": "gateway",
                "pool": pool,
                "severity": "critical",
            },
            "annotations": {
                "description": format!("More than 5% of the requests that {pool} sent to {member} failed."),
                "summary": format!("5xx on {member}"),
            },
            "startsAt": started.to_string(),
            "endsAt": ended.map_or("0001-01-01T00:00:00Z".to_owned(), |at| at.to_string()),
            "generatorURL": "http://prometheus.example/graph?g0.expr=errors%3Arate1m+%3E+0.05&g0.tab=1",
            "fingerprint": fingerprint,
        })
    }
}

/// A webhook's body.
pub(crate) fn body(alerts: &[Alert]) -> String {
    let firing = alerts.iter().any(|alert| alert.ended.is_none());
    json!({
        "receiver": "pointsman",
        "status": if firing { "firing" } else { "resolved" },
        "alerts": alerts.iter().map(Alert::json).collect::<Vec<_>>(),
        "groupLabels": {"alertname": "BackendErrors"},
        "commonLabels": {"alertname": "BackendErrors", "job": "gateway", "severity": "critical"},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager.example",
        "version": "4",
        "groupKey": "{}:{alertname=\"BackendErrors\"}",
        "truncatedAlerts": 0,
    })
    .to_string()
}
