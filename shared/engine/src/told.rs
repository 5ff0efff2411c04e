//! What is told in the log: the ledger's lines, and only once they are saved.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use pointsman_core::{
    ledger::{InShadow, Line, What},
    notice::Notice,
    signal::SeriesId,
};

use crate::{Mode, message::Message, ports::Delivery};

/// What is to be told of what was saved.
pub(crate) struct Told {
    /// What was heard.
    pub(crate) heard: Vec<Line>,
    /// The alerts that no play is for: the latest of each source stands for all.
    pub(crate) unmatched: Vec<Notice>,
    /// What was decided.
    pub(crate) decided: Vec<Line>,
}

impl Told {
    /// Tells it: what is about a series, with the ids that its senders were given.
    pub(crate) fn tell(&self, mode: Mode, deliveries: &[Delivery]) {
        // A storm of repeats tells nothing.
        let ids = if self.heard.is_empty() { BTreeMap::new() } else { ids(deliveries) };
        for line in &self.heard {
            let span = line.what.series().map_or_else(tracing::Span::none, |series| {
                let id =
                    ids.get(series).map(|ids| ids.iter().copied().collect::<Vec<_>>().join(" "));
                tracing::info_span!("signal", id, %series)
            });
            span.in_scope(|| tell(mode, line));
        }
        for Notice { count, says, .. } in &self.unmatched {
            tracing::info!(alerts = count, "{says}");
        }
        for line in &self.decided {
            let span = line.backend.as_ref().map_or_else(
                tracing::Span::none,
                |backend| tracing::info_span!("backend", id = %backend.short()),
            );
            span.in_scope(|| tell(mode, line));
        }
    }
}

/// The ids of the deliveries that told of each series.
fn ids(deliveries: &[Delivery]) -> BTreeMap<&SeriesId, BTreeSet<&str>> {
    let mut ids: BTreeMap<&SeriesId, BTreeSet<&str>> = BTreeMap::new();
    for delivery in deliveries {
        if let Message::Signals { signals, .. } = &delivery.message {
            for signal in signals {
                ids.entry(&signal.series).or_default().insert(delivery.id.as_str());
            }
        }
    }
    ids
}

/// Tells a line of the ledger.
pub(crate) fn tell(mode: Mode, Line { what, .. }: &Line) {
    // Something is to be done, and is not.
    let unmet = matches!(
        what,
        What::Unresolvable { .. }
            | What::Unreachable { .. }
            | What::Refused { .. }
            | What::NotSent { .. }
            | What::ReconnectNotSent { .. }
            | What::ReconnectRefused { .. }
            | What::ReconnectUnknown { .. }
    );
    let told: &dyn fmt::Display = match mode {
        Mode::Live => what,
        Mode::Shadow => &InShadow(what),
    };
    if unmet {
        tracing::warn!("{told}");
    } else {
        tracing::info!("{told}");
    }
}
