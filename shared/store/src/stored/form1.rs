//! Form 1, written before an override had a set of occurrences behind it.
//!
//! Then each occurrence had an override of its own, whose id named the occurrence. Those keep their
//! ids until they are over: their series ends them by what it noted as claimed.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use pointsman_core::{
    claim::{Asked, Behind},
    document,
    effect::Effect,
    id::OverrideId,
    lease::Lease,
    names::{BackendId, PlayName},
    origin::Origin,
    overrides::{Life, Standing},
    reconnect::After,
    series::STARTS_MAX,
    shown::Shown,
    signal::{RECEIVED_UNKNOWN, SeriesId, Severity, Signal},
};
use serde::Deserialize;

#[derive(Deserialize)]
pub struct Series {
    id: SeriesId,
    #[serde(default)]
    ended: Option<Timestamp>,
    #[serde(default)]
    running: Option<Occurrence>,
}

#[derive(Deserialize)]
struct Occurrence {
    starts: BTreeSet<Timestamp>,
    signal: Signal,
    generation: u64,
    #[serde(default)]
    claims: BTreeMap<BackendId, BTreeSet<OverrideId>>,
}

impl From<Series> for pointsman_core::series::Series {
    fn from(Series { id, ended, running }: Series) -> Self {
        let Some(Occurrence { starts, signal, generation, claims }) = running else {
            return Self::stored_before(id, ended, Vec::new(), 0, BTreeMap::new());
        };
        let firing = |started: &Timestamp| Signal {
            started: *started,
            received: RECEIVED_UNKNOWN,
            ..signal.clone()
        };
        let firings = starts.iter().rev().take(STARTS_MAX).map(firing).collect();
        Self::stored_before(id, ended, firings, generation, claims)
    }
}

#[derive(Deserialize)]
pub struct Document {
    #[serde(default)]
    overrides: BTreeMap<OverrideId, Override>,
    /// All else is as it is now.
    #[serde(flatten)]
    rest: document::Document,
}

#[derive(Deserialize)]
struct Override {
    id: OverrideId,
    series: SeriesId,
    play: PlayName,
    generation: u64,
    severity: Severity,
    started: Timestamp,
    effect: Effect,
    lease: Lease,
    #[serde(default)]
    after: Vec<After>,
    #[serde(default)]
    resolved: Option<Timestamp>,
    life: Life,
    standing: Standing,
}

impl From<Document> for document::Document {
    fn from(Document { overrides, rest }: Document) -> Self {
        let overrides = overrides.into_values().map(Into::into).collect();
        Self { overrides, ..rest }
    }
}

impl From<Override> for pointsman_core::overrides::Override {
    fn from(over: Override) -> Self {
        let since = match &over.life {
            Life::Claimed { at } | Life::Begun { at, .. } | Life::Ended { at, .. } => *at,
        };
        let asked = Asked {
            generation: over.generation,
            effect: over.effect.clone(),
            lease: over.lease.clone(),
            after: over.after.clone(),
            alert: Shown::default(),
            severity: over.severity,
            started: over.started,
            silent: None,
            since,
        };
        let is_on = over.resolved.is_none() && !matches!(over.life, Life::Ended { .. });
        Self {
            id: over.id,
            origin: Origin::Alert { play: over.play },
            behind: if is_on { Behind::of(over.series.clone(), asked) } else { Behind::default() },
            series: over.series,
            generation: over.generation,
            severity: over.severity,
            started: over.started,
            effect: over.effect,
            lease: over.lease,
            after: over.after,
            alert: Shown::default(),
            joined: since,
            resolved: over.resolved,
            silent: None,
            extended: None,
            damped: None,
            life: over.life,
            standing: over.standing,
            kept_out: None,
        }
    }
}
