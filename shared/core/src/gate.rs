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
//! Each gate is a file of its own, which says why it is closed and until when, and a line in [`ask`]. A play's
//! gates are those of the playbook in force.

mod budget;
mod count;
mod freeze;
mod hours;
mod lasting;
mod panic;
mod pause;
mod shadow;
mod unless;
mod writes;

use std::{
    cell::OnceCell,
    collections::{BTreeMap, btree_map::Entry},
};

use jiff::Timestamp;

pub(crate) use self::panic::{drains, panic};
pub(crate) use self::{budget::note as note_begun, pause::stopped, writes::note as note_write};
use crate::{
    document::Document,
    group::Consulted,
    id::OverrideId,
    lay::Laid,
    names::PlayName,
    origin::Origin,
    overrides::{Held, Override},
    playbook::Playbook,
    recent::Recent,
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
    /// That nothing may be written at all.
    pub(crate) stopped: Option<&'l Closed>,
    /// Those that do not begin though they may, which is why they take no place of a budget.
    pub(crate) idle: &'l Idle,
    /// That a freeze is on, once it was asked.
    frozen: OnceCell<Option<Closed>>,
    /// What will have begun of plays that have a budget, as far as it was asked.
    begun: BTreeMap<PlayName, Recent<OverrideId>>,
}

/// Overrides that do not begin though they may, and what keeps each back; none where it has yielded.
pub(crate) type Idle = BTreeMap<OverrideId, Option<Held>>;

impl<'l, 'g> Asking<'l, 'g> {
    pub(crate) fn new(
        document: &'l Document,
        playbook: &'l Playbook,
        groups: &'l mut Consulted<'g>,
        stopped: Option<&'l Closed>,
        idle: &'l Idle,
    ) -> Self {
        let (frozen, begun) = (OnceCell::new(), BTreeMap::new());
        Self { document, playbook, groups, stopped, idle, frozen, begun }
    }
}

/// Why an override that wants to begin may not; none where it may.
fn ask(over: &Override, asking: &mut Asking<'_, '_>) -> Option<Closed> {
    let closed = first_closed(over, asking);
    shadow::around(closed, over, asking.playbook)
}

/// The first gate that is closed.
fn first_closed(over: &Override, asking: &mut Asking<'_, '_>) -> Option<Closed> {
    if let Some(closed) = pause::closed(over, asking) {
        return Some(closed);
    }
    // What is asked for by hand was decided by a person.
    if over.origin == Origin::Operator {
        return None;
    }
    let playbook = asking.playbook;
    let play = over.origin.play().and_then(|play| playbook.play(play));
    // The budget comes last: who is let through takes a place of it.
    freeze::closed(asking)
        .or_else(|| hours::closed(play?, asking))
        .or_else(|| unless::closed(over, play?, asking))
        .or_else(|| count::closed(over, play?, asking))
        .or_else(|| lasting::closed(over, play?, asking))
        .or_else(|| writes::closed(asking))
        .or_else(|| budget::closed(over, play?, asking))
}

/// The answers of one look: each override is asked about once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Gates(BTreeMap<OverrideId, Closed>);

impl Gates {
    /// Asks about each override of the document that wants to begin, the strongest first.
    pub(crate) fn asked(asking: &mut Asking<'_, '_>) -> Self {
        let waiting = asking.document.overrides.values().filter(|over| over.wants_to_begin());
        let mut overrides: Vec<&Override> = waiting.collect();
        overrides.sort_unstable_by_key(|over| over.rank());
        let overrides = overrides.into_iter();
        let closed = overrides.filter_map(|over| Some((over.id.clone(), ask(over, asking)?)));
        Self(closed.collect())
    }

    /// All of them closed, because the backend cannot be changed.
    pub(crate) fn shut(document: &Document, playbook: &Playbook, why: &Held) -> Self {
        let shut = document.overrides.values().filter(|over| over.wants_to_begin());
        let closed = || Some(Closed { why: why.clone(), until: None });
        let shut = shut
            .filter_map(|over| Some((over.id.clone(), shadow::around(closed(), over, playbook)?)));
        Self(shut.collect())
    }

    /// Closes one more. Of one that is closed the first reason is told, and of one in shadow the first other.
    pub(crate) fn close(&mut self, id: OverrideId, why: Held) {
        match self.0.entry(id) {
            Entry::Vacant(open) => drop(open.insert(Closed { why, until: None })),
            Entry::Occupied(mut closed) => shadow::add(&mut closed.get_mut().why, why),
        }
    }

    /// Whether one would begin, were it not in shadow, as far as gates are concerned.
    pub(crate) fn would_open(&self, id: &OverrideId) -> bool {
        self.closed(id).is_some_and(|why| why.or_would().is_none())
    }

    /// Whether there is one like that.
    pub(crate) fn any_would_open(&self) -> bool {
        self.0.keys().any(|id| self.would_open(id))
    }

    /// Whether one is kept back because others, who may not need it, have the last place.
    pub(crate) fn are_short(&self) -> bool {
        self.0.values().any(|closed| matches!(closed.why, Held::OverBudget { .. }))
    }

    /// Those that were let through and do not begin by what is laid.
    pub(crate) fn idle(&self, document: &Document, laid: &Laid) -> Idle {
        let through = document.overrides.values();
        let through =
            through.filter(|over| over.wants_to_begin() && !self.0.contains_key(&over.id));
        let idle = through.filter_map(|over| {
            let held = laid.held.get(&over.id).cloned();
            (held.is_some() || laid.yielded.contains(&over.id)).then(|| (over.id.clone(), held))
        });
        idle.collect()
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
