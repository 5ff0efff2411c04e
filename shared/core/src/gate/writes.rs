//! Writes per hour: no override begins on a pool to which so many writes were recorded in the last hour.
//!
//! What is given back is written all the same, and counts.

use jiff::SignedDuration;

use super::{Asking, Closed};
use crate::{
    document::{Document, Intent},
    overrides::Held,
    playbook::Playbook,
    recent::Recent,
};

const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// How many may be written, where the playbook says so.
fn most(document: &Document, playbook: &Playbook) -> Option<usize> {
    playbook.pool_of(&document.backend)?.1.writes_per_hour
}

pub(super) fn closed(asking: &Asking<'_, '_>) -> Option<Closed> {
    let most = most(asking.document, asking.playbook)?;
    let until = asking.document.writes.full(most, HOUR, asking.document.now)?;
    Some(Closed { why: Held::ManyWrites { most, until }, until: Some(until) })
}

/// Notes a write that was recorded, where the playbook bounds them.
pub(crate) fn note(intent: &Intent, document: &mut Document, playbook: &Playbook) {
    match most(document, playbook) {
        Some(_) => document.writes.note(intent.id.clone(), HOUR, document.now),
        None => document.writes = Recent::new(),
    }
}
