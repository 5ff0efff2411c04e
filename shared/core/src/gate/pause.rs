//! The pause: of everything, of a pool, of a play.
//!
//! Under that of everything, and under that of its pool, nothing is written to a backend at all. Under that of
//! a play, its overrides do not begin; those that have stay, and end as they would.

use jiff::Timestamp;

use super::{Asking, Closed};
use crate::{
    group::{Consulted, Paused},
    names::BackendId,
    overrides::{Held, Override},
};

pub(super) fn closed(over: &Override, asking: &mut Asking<'_, '_>) -> Option<Closed> {
    if let Some(stopped) = asking.stopped {
        return Some(stopped.clone());
    }
    let play = over.origin.play()?;
    let until = until(&Paused::Play(play.clone()), asking.groups, asking.document.now)?;
    Some(Closed { why: Held::PlayPaused { play: play.clone(), until }, until })
}

/// That nothing may be written to a backend at all: a change, what is given back, a reconnect.
pub(crate) fn stopped(
    backend: &BackendId,
    groups: &mut Consulted<'_>,
    now: Timestamp,
) -> Option<Closed> {
    let [everything, pool] = Paused::of(backend).map(|of| until(&of, groups, now));
    everything
        .map(|until| Closed { why: until.map_or(Held::Paused, Held::PausedUntil), until })
        .or(pool.map(|until| Closed { why: Held::PoolPaused { until }, until }))
}

/// Until when it is paused, if it is; none of that where a person resumes it.
fn until(of: &Paused, groups: &mut Consulted<'_>, now: Timestamp) -> Option<Option<Timestamp>> {
    groups.ask(of.scope()).pause(now).map(|pause| pause.until)
}
