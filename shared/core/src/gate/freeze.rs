//! Freezes: spans in which nothing begins, neither by an alert nor by a window.
//!
//! When one is on follows from the playbook and the time, like when a window is open.

use super::{Asking, Closed};
use crate::overrides::Held;

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
