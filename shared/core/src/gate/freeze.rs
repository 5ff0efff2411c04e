//! Freezes: spans in which nothing begins, neither by an alert nor by a window.
//!
//! When one is on follows from the playbook and the time, like when a window is open.

use jiff::{SignedDuration, Timestamp};

use super::{Asking, Closed};
use crate::{lease::later, names::FreezeName, overrides::Held, playbook::Schedule};

/// A span in which nothing begins, once or again and again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Freeze {
    /// Its name, unlike that of any other freeze.
    pub name: FreezeName,
    /// When it begins.
    pub begins: Schedule,
    /// How long it lasts.
    pub lasts: SignedDuration,
}

impl Freeze {
    /// Until when it is on, if it is.
    fn until(&self, now: Timestamp) -> Option<Timestamp> {
        let until = later(self.begins.last(now)?, self.lasts);
        (now < until).then_some(until)
    }
}

pub(super) fn closed(asking: &Asking<'_, '_>) -> Option<Closed> {
    let now = asking.document.now;
    let on = || {
        let freezes = asking.playbook.freezes.iter();
        let on = freezes.filter_map(|freeze| Some((freeze.until(now)?, freeze)));
        // Of several, the one that keeps it back the longest.
        let (until, freeze) = on.max_by_key(|(until, _)| *until)?;
        let why = Held::Frozen { freeze: freeze.name.clone(), until };
        Some(Closed { why, until: Some(until) })
    };
    asking.frozen.get_or_init(on).clone()
}
