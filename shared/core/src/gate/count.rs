//! `count` and `within`: an override begins once so many occurrences that ask for it started within a span
//! of each other. Those that are over count, too; one of them must be on.

use super::{Asking, Closed};
use crate::{
    occurred::most_within,
    overrides::{Held, Override},
    playbook::{Count, Play},
};

/// Why there were not enough.
pub(super) fn closed(over: &Override, play: &Play, asking: &Asking<'_, '_>) -> Option<Closed> {
    let Count { count, within } = play.begins.count?;
    let had = most_within(asking.document.occurred.get(&over.id), &over.behind, within);
    let why = Held::Count { had, count, within };
    // One more is a change of the document, and that is looked at.
    (had < count).then_some(Closed { why, until: None })
}
