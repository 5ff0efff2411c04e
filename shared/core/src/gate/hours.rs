//! Hours: the times of day and the days on which a play begins anything.

use super::{Asking, Closed};
use crate::{overrides::Held, playbook::Play};

pub(super) fn closed(play: &Play, asking: &Asking<'_, '_>) -> Option<Closed> {
    let until = play.hours.as_ref()?.opens(asking.document.now)?;
    let why = Held::OutOfHours { play: play.name.clone(), until };
    Some(Closed { why, until: Some(until) })
}
