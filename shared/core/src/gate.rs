//! Gates: what must be open for an override to begin.
//!
//! Limits are asked always, gates once. A gate decides only whether an override may *begin*: that it
//! began is a fact, saved with the intent that first writes it, and is not asked again. So a gate that
//! closes later never puts traffic back on a broken member, and no gate holds back an end, a ramp, or a
//! write that restores a limit. An override that has ended and is asked for again begins anew, and is
//! asked about like any other; until its gate opens it stays on its way out.
//!
//! The pause of everything, or of the pool, is the one exception: under it nothing is written at all
//! ([`stopped`]), whatever has begun. It is also the one gate that holds back what a person asks for.
//!
//! Each gate is a file of its own, which says why it is closed and until when; [`ask`] asks one after the
//! other.

mod pause;

use std::collections::BTreeMap;

use jiff::Timestamp;

pub(crate) use self::pause::stopped;
use crate::{
    document::Document,
    group::Consulted,
    id::OverrideId,
    overrides::{Held, Override},
};

/// That an override may not begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Closed {
    /// Why.
    pub(crate) why: Held,
    /// When it may, by the clock; none where a person has to open the gate.
    pub(crate) until: Option<Timestamp>,
}

/// What the gates of one look go by.
#[derive(Debug)]
pub(crate) struct Asking<'l, 'g> {
    /// The document, with its time.
    pub(crate) document: &'l Document,
    /// The group documents.
    pub(crate) groups: &'l mut Consulted<'g>,
    /// That nothing may be written at all.
    pub(crate) stopped: Option<&'l Closed>,
}

/// Why an override may not begin; none where it may, or has begun already.
fn ask(over: &Override, asking: &mut Asking<'_, '_>) -> Option<Closed> {
    if !over.wants_to_begin() {
        return None;
    }
    pause::closed(over, asking)
}

/// The answers of one look: each override is asked about once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Gates(BTreeMap<OverrideId, Closed>);

impl Gates {
    /// Asks about each override of the document.
    pub(crate) fn asked(asking: &mut Asking<'_, '_>) -> Self {
        let overrides = asking.document.overrides.values();
        let closed = overrides.filter_map(|over| Some((over.id.clone(), ask(over, asking)?)));
        Self(closed.collect())
    }

    /// Why an override may not begin; none where it may, or has begun.
    pub(crate) fn closed(&self, id: &OverrideId) -> Option<&Held> {
        self.0.get(id).map(|closed| &closed.why)
    }

    /// When the first of them opens by the clock.
    pub(crate) fn open(&self) -> Option<Timestamp> {
        self.0.values().filter_map(|closed| closed.until).min()
    }
}

#[cfg(test)]
#[path = "gate_tests.rs"]
mod tests;
