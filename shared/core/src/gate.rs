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

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::{
    document::Document,
    group::{Consulted, Scope},
    id::OverrideId,
    overrides::{Held, Override},
    playbook::Playbook,
};

/// Whether an override may begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gate {
    /// It may, or has begun already.
    Open,
    /// It may not.
    Closed(Closed),
}

/// That an override may not begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    /// Why.
    pub why: Held,
    /// When it may, by the clock; none where a person has to open the gate.
    pub until: Option<Timestamp>,
}

/// What gates go by, beside the group documents.
#[derive(Clone, Copy, Debug)]
pub struct Asking<'a> {
    /// The document of the override's backend.
    pub document: &'a Document,
    /// The playbook in force.
    pub playbook: &'a Playbook,
    /// Now.
    pub now: Timestamp,
}

/// Whether an override may begin; why not, and until when. Of several gates that are closed, the first is
/// told.
pub fn ask(over: &Override, asking: Asking<'_>, groups: &mut Consulted<'_>) -> Gate {
    if !over.wants_to_begin() {
        return Gate::Open;
    }
    if !may_write(groups) {
        return Gate::Closed(Closed { why: Held::Paused, until: None });
    }
    let play = over.origin.play().and_then(|play| asking.playbook.play(play));
    let Some(play) = play else { return Gate::Open };
    let of_plays = [count::ask, lasting::ask];
    let mut gates = of_plays.into_iter().map(|ask| ask(over, play, asking));
    gates.find(|gate| *gate != Gate::Open).unwrap_or(Gate::Open)
}

/// Whether anything may be written to Azure at all: a change, what is given back, a reconnect.
pub fn may_write(groups: &mut Consulted<'_>) -> bool {
    groups.ask(Scope::Everything).paused.is_none()
}

/// The answers of one look: each override is asked about once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Gates(BTreeMap<OverrideId, Closed>);

impl Gates {
    /// Asks about each override of a document.
    pub(crate) fn asked(asking: Asking<'_>, groups: &mut Consulted<'_>) -> Self {
        let overrides = asking.document.overrides.values();
        let closed = overrides.filter_map(|over| match ask(over, asking, groups) {
            Gate::Open => None,
            Gate::Closed(closed) => Some((over.id.clone(), closed)),
        });
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
