//! Gates: what must be open for an override to begin.
//!
//! Limits are asked always, gates once. A gate decides only whether an override may *begin*: that it
//! began is a fact, saved with the intent that first writes it, and is not asked again. So a gate that
//! closes later never puts traffic back on a broken member, and no gate holds back an end, a ramp, or a
//! write that restores a limit. An override that has ended and is asked for again begins anew, and is
//! asked about like any other; until its gate opens it stays on its way out.
//!
//! Each gate is a file of its own, and a line in [`ask`]. A play's gates are those of the playbook in force.
//! The pause is the one exception: under it nothing is written at all ([`may_write`]), whatever has begun.

mod count;
mod lasting;
mod unless;

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::{
    document::Document,
    group::{Consulted, Scope},
    id::OverrideId,
    overrides::{Held, Override},
    playbook::Playbook,
};

/// That an override may not begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Closed {
    /// Why.
    pub(crate) why: Held,
    /// When it may, by the clock; none where a person, or another alert, has to open the gate.
    pub(crate) until: Option<Timestamp>,
}

/// What the gates of one look go by.
#[derive(Debug)]
pub(crate) struct Asking<'l, 'g> {
    /// The document, with its time.
    pub(crate) document: &'l Document,
    /// The playbook in force.
    pub(crate) playbook: &'l Playbook,
    /// The group documents.
    pub(crate) groups: &'l mut Consulted<'g>,
}

/// Why an override may not begin; none where it may, or has begun already. Of several gates that are
/// closed, the first is told.
fn ask(over: &Override, asking: &mut Asking<'_, '_>) -> Option<Closed> {
    if !over.wants_to_begin() {
        return None;
    }
    if !may_write(asking.groups) {
        return Some(Closed { why: Held::Paused, until: None });
    }
    let play = asking.playbook.play(over.origin.play()?)?;
    unless::closed(over, play, asking)
        .or_else(|| count::closed(over, play, asking))
        .or_else(|| lasting::closed(over, play, asking))
}

/// Whether anything may be written to Azure at all: a change, what is given back, a reconnect.
pub(crate) fn may_write(groups: &mut Consulted<'_>) -> bool {
    groups.ask(Scope::Everything).paused.is_none()
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
