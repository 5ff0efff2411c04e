//! The budget of a play: how many of its overrides may begin in any span of a length, over all backends.
//!
//! Those that have begun are a set in the play's group document, which is changed in the step in which one
//! begins, so that of two backends that want the last place one has to decide again. Within one look those that
//! want it are asked in the order of rank, as if each before had begun.

use jiff::Timestamp;

use super::{Asking, Closed};
use crate::{
    group::{Consulted, Scope},
    overrides::{Held, Override},
    playbook::{Budget, Play, Playbook},
};

pub(super) fn closed(over: &Override, play: &Play, asking: &mut Asking<'_, '_>) -> Option<Closed> {
    let (play, Budget { most, per }) = (&play.name, play.budget?);
    // A place that it cannot take, because a limit keeps it back, is left to the next.
    if let Some(kept) = asking.idle.get(&over.id) {
        return kept.clone().map(|why| Closed { why, until: None });
    }
    let now = asking.document.now;
    let known = || asking.groups.ask(Scope::Play(play.clone())).begun.clone();
    let begun = asking.begun.entry(play.clone()).or_insert_with(known);
    if let Some(until) = begun.full(most, per, now) {
        let why = Held::OverBudget { play: play.clone(), most, per, until };
        return Some(Closed { why, until: Some(until) });
    }
    begun.note(over.id.clone(), per, now);
    None
}

/// Notes that an override begins, where its play has a budget.
pub(crate) fn note(
    over: &Override,
    playbook: &Playbook,
    groups: &mut Consulted<'_>,
    now: Timestamp,
) {
    let Some(play) = over.origin.play() else { return };
    let Some(Budget { per, .. }) = playbook.play(play).and_then(|play| play.budget) else { return };
    let scope = Scope::Play(play.clone());
    let mut group = groups.ask(scope.clone()).clone();
    group.begun.note(over.id.clone(), per, now);
    groups.change(scope, group);
}
