//! `lasting`: an override begins once an occurrence behind it has been on for so long, from its start by
//! the source's clock and never from its arrival.

use super::{Asking, Closed};
use crate::{
    lease::later,
    occurred::first_on,
    overrides::{Held, Override},
    playbook::Play,
};

/// Why none has been on for long enough.
pub(super) fn closed(over: &Override, play: &Play, asking: &Asking<'_, '_>) -> Option<Closed> {
    let lasting = play.begins.lasting?;
    let occurred = asking.document.occurred.get(&over.id);
    let until = later(first_on(occurred, &over.behind)?, lasting);
    let why = Held::Lasting { until, lasting };
    (asking.document.now < until).then_some(Closed { why, until: Some(until) })
}
