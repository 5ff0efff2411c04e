//! `count` and `within`: an override begins once so many occurrences that ask for it started within a span
//! of each other. Those that are over count, too; one of them must be on.

use super::{Asking, Closed, Gate};
use crate::{
    occurred::most_within,
    overrides::{Held, Override},
    playbook::{Count, Play},
};

/// Whether there were enough.
pub(super) fn ask(over: &Override, play: &Play, asking: Asking<'_>) -> Gate {
    let Some(Count { count, within }) = play.begins.count else { return Gate::Open };
    let occurred = asking.document.occurred.get(&over.id);
    let had = most_within(occurred, &over.behind, within);
    if had >= count {
        return Gate::Open;
    }
    // One more is a change of the document, and that is looked at.
    Gate::Closed(Closed { why: Held::Count { had, count, within }, until: None })
}
