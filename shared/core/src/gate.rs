//! Gates: what must be open for an override to begin.
//!
//! Limits are asked always, gates once. A gate decides only whether an override may *begin*: that it
//! began is a fact, saved with the intent that first writes it, and is not asked again. So a gate that
//! closes later never puts traffic back on a broken member, and no gate holds back an end, a ramp, or a
//! write that restores a limit. An override that has ended and is asked for again begins anew, and is
//! asked about like any other; until its gate opens it stays on its way out.
//!
//! So far there is one gate, the pause. It is also the one exception: under it nothing is written at all
//! ([`may_write`]), whatever has begun. Approval, freeze, budget and `unless` come as further answers of
//! [`ask`].

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::{
    group::{Consulted, Scope},
    id::OverrideId,
    overrides::{Held, Override},
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

/// Whether an override may begin; why not, and until when.
pub fn ask(over: &Override, groups: &mut Consulted<'_>) -> Gate {
    if over.wants_to_begin() && !may_write(groups) {
        return Gate::Closed(Closed { why: Held::Paused, until: None });
    }
    Gate::Open
}

/// Whether anything may be written to Azure at all: a change, what is given back, a reconnect.
pub fn may_write(groups: &mut Consulted<'_>) -> bool {
    groups.ask(Scope::Everything).paused.is_none()
}

/// The answers of one look: each override is asked about once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Gates(BTreeMap<OverrideId, Closed>);

impl Gates {
    /// Asks about each override.
    pub(crate) fn asked<'a>(
        overrides: impl IntoIterator<Item = &'a Override>,
        groups: &mut Consulted<'_>,
    ) -> Self {
        let closed = overrides.into_iter().filter_map(|over| match ask(over, groups) {
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
