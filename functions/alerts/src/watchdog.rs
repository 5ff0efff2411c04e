//! The alert that always fires: that it is heard shows that alerts arrive.
//!
//! It is handed to no play. It may come as often as the sender likes, and is saved only now and then.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use jiff::{SignedDuration, Timestamp};
use pointsman_core::{
    names::SourceName,
    signal::{Heard, Signal},
};
use pointsman_host::config::{Watchdog, Webhook};

/// How long a sign of life that was saved stands for those after it.
const EVERY: SignedDuration = SignedDuration::from_secs(10);

/// The watchdogs of all sources, each with when it was saved last.
#[derive(Debug, Default)]
pub(crate) struct Watchdogs(HashMap<SourceName, (Watchdog, Mutex<Option<Timestamp>>)>);

impl Watchdogs {
    pub(crate) fn of(webhooks: &[Webhook]) -> Self {
        let watchdog = |webhook: &Webhook| {
            let watchdog = webhook.watchdog.clone()?;
            Some((webhook.source.name().clone(), (watchdog, Mutex::default())))
        };
        Self(webhooks.iter().filter_map(watchdog).collect())
    }

    /// Takes a source's watchdog out of what it told, and says whether it is to be saved that it was
    /// heard.
    pub(crate) fn take_out(
        &self,
        source: &SourceName,
        signals: &mut Vec<Signal>,
        now: Timestamp,
    ) -> bool {
        let Some((watchdog, saved)) = self.0.get(source) else { return false };
        let mut heard = false;
        signals.retain(|signal| {
            let is_it = signal.labels.get("alertname") == Some(&watchdog.alert);
            heard |= is_it && signal.heard == Heard::Fired;
            !is_it
        });
        if !heard {
            return false;
        }
        let mut saved = saved.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = saved.is_some_and(|saved| now.duration_since(saved).abs() < EVERY);
        if !fresh {
            *saved = Some(now);
        }
        !fresh
    }

    /// Takes in that it could not be saved.
    pub(crate) fn not_saved(&self, source: &SourceName) {
        if let Some((_, saved)) = self.0.get(source) {
            *saved.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, sync::Arc};

    use pointsman_core::signal::{SeriesId, Severity};
    use pointsman_intake::{Secret, alertmanager::Alertmanager, verify::Authentication};

    use super::*;

    fn signal(alert: &str, heard: Heard) -> Signal {
        let source: SourceName = "am".parse().unwrap();
        Signal {
            series: SeriesId::new(source, alert).unwrap(),
            started: Timestamp::UNIX_EPOCH,
            heard,
            severity: Severity::Warning,
            labels: BTreeMap::from([("alertname".to_owned(), alert.to_owned())]),
            annotations: BTreeMap::new(),
            received: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn it_is_taken_out_of_every_delivery_and_saved_now_and_then() {
        let secrets: [Secret; 1] = ["secret".parse().unwrap()];
        let name: SourceName = "am".parse().unwrap();
        let proof = Authentication::bearer(&secrets).unwrap();
        let within = SignedDuration::from_mins(10);
        let watchdogs = Watchdogs::of(&[Webhook {
            path: "/alerts/am".to_owned(),
            source: Arc::new(Alertmanager::new(name.clone(), proof)),
            watchdog: Some(Watchdog { alert: "Watchdog".to_owned(), within }),
        }]);
        let heard = |second: i64, heard: Heard| {
            let mut signals = vec![signal("Watchdog", heard), signal("Other", Heard::Fired)];
            let now = Timestamp::from_second(second).unwrap();
            let saved = watchdogs.take_out(&name, &mut signals, now);
            assert_eq!(signals, [signal("Other", Heard::Fired)]);
            saved
        };
        assert!(!heard(99, Heard::Resolved { stated: None }), "a resolve is no sign of life");
        assert!(heard(100, Heard::Fired));
        assert!(!heard(109, Heard::Fired), "the one before stands for it");
        assert!(heard(110, Heard::Fired));
        watchdogs.not_saved(&name);
        assert!(heard(111, Heard::Fired));
        let mut others = vec![signal("Watchdog", Heard::Fired)];
        let other: SourceName = "other".parse().unwrap();
        assert!(!watchdogs.take_out(&other, &mut others, Timestamp::UNIX_EPOCH));
        assert_eq!(others.len(), 1, "another source has none, and its alert is one like any other");
    }
}
