//! `lasting`: an override begins once an occurrence behind it has been on for so long, from its start by
//! the source's clock and never from its arrival.

use super::{Asking, Closed, Gate};
use crate::{
    lease::later,
    occurred::first_on,
    overrides::{Held, Override},
    playbook::Play,
};

/// Whether one has been on for long enough.
pub(super) fn ask(over: &Override, play: &Play, asking: Asking<'_>) -> Gate {
    let Some(lasting) = play.begins.lasting else { return Gate::Open };
    let occurred = asking.document.occurred.get(&over.id);
    let until = first_on(occurred, &over.behind).map(|first| later(first, lasting));
    match until {
        // What the store is to be asked for is known by the next look.
        None => Gate::Open,
        Some(until) if asking.now >= until => Gate::Open,
        Some(until) => {
            Gate::Closed(Closed { why: Held::Lasting { until, lasting }, until: Some(until) })
        }
    }
}
