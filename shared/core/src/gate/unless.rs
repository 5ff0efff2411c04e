//! `unless`: no override of a play begins while another alert is in force for which that holds.
//!
//! Which are in force is a set in the play's group document ([`Scope::Unless`]), changed together with the
//! series of the alert. A backend that waits is listed there, and looked at when one of them ends.

use super::{Asking, Closed};
use crate::{
    group::Scope,
    overrides::{Held, Override},
    playbook::Play,
};

/// Which alert is in force. Those that are behind the override are not another.
pub(super) fn closed(over: &Override, play: &Play, asking: &mut Asking<'_, '_>) -> Option<Closed> {
    play.begins.unless.as_ref()?;
    let scope = Scope::Unless(play.name.clone());
    let mut group = asking.groups.ask(scope.clone()).clone();
    let is_other = |series| !over.behind.known().contains_key(series);
    let others = group.in_force.iter();
    let mut others =
        others.filter(|(series, one)| asking.document.now < one.until && is_other(*series));
    let (series, one) = others.next()?;
    let until = others.map(|(_, other)| other.until).chain([one.until]).max();
    let why = Held::Unless { series: series.clone(), alert: one.alert.clone() };
    if group.waiting.insert(asking.document.backend.clone()) {
        asking.groups.change(scope, group);
    }
    Some(Closed { why, until })
}
