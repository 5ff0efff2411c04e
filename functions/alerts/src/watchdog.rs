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
