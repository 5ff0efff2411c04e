//! Alertmanager webhooks, version 4, as it sends them.

use jiff::Timestamp;
use serde_json::{Value, json};

/// One alert of a webhook.
#[derive(Clone, Debug)]
pub struct Alert {
    /// What the source calls it.
    pub fingerprint: String,
    /// Which member fails.
    pub backend: String,
    /// When it started.
    pub started: Timestamp,
    /// When it ended, if it has.
    pub ended: Option<Timestamp>,
}

impl Alert {
    /// An alert for a failing member that fires since `started`.
    #[must_use]
    pub fn firing(backend: &str, started: Timestamp) -> Self {
        Self {
            fingerprint: format!("f-{backend}"),
            backend: backend.to_owned(),
            started,
            ended: None,
        }
    }

    /// The same alert, over.
    #[must_use]
    pub fn resolved(mut self, at: Timestamp) -> Self {
        self.ended = Some(at);
        self
    }

    fn json(&self) -> Value {
        let labels = json!({
            "alertname": "BackendErrors", "backend": self.backend, "severity": "critical",
        });
        json!({
            "status": if self.ended.is_some() { "resolved" } else { "firing" },
            "labels": labels,
            "annotations": {"summary": format!("5xx on {}", self.backend)},
            "startsAt": self.started.to_string(),
            "endsAt": self.ended.map_or("0001-01-01T00:00:00Z".to_owned(), |at| at.to_string()),
            "generatorURL": "http://prometheus.example/graph",
            "fingerprint": self.fingerprint,
        })
    }
}

/// The body of a webhook with these alerts.
#[must_use]
pub fn webhook(alerts: &[Alert]) -> Value {
    let firing = alerts.iter().any(|alert| alert.ended.is_none());
    json!({
        "receiver": "pointsman",
        "status": if firing { "firing" } else { "resolved" },
        "alerts": alerts.iter().map(Alert::json).collect::<Vec<_>>(),
        "groupLabels": {"alertname": "BackendErrors"},
        "commonLabels": {"alertname": "BackendErrors", "severity": "critical"},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager.example",
        "version": "4",
        "groupKey": "{}:{alertname=\"BackendErrors\"}",
        "truncatedAlerts": 0,
    })
}
