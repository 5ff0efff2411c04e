//! Shadow: nothing of a play or a window in shadow begins. It opens with the playbook that has it act.
//!
//! It is asked last, and tells what the other gates say, and then the limits: whoever has a play in shadow wants to
//! know what would become of it otherwise, and when it is set to act, just that holds. What is kept back here is not
//! laid, and so takes no place of a limit or of a budget, and counts for no panic. A budget is asked by those in
//! shadow among themselves: all that waits of one play is in shadow, or nothing is.

use super::Closed;
use crate::{
    mode::Mode,
    overrides::{Held, Override},
    playbook::Playbook,
};

/// Why one does not begin, where this is what the other gates say.
pub(super) fn around(
    closed: Option<Closed>,
    over: &Override,
    playbook: &Playbook,
) -> Option<Closed> {
    match playbook.mode_of(&over.origin) {
        Mode::Live => closed,
        Mode::Shadow => {
            let (would, until) = closed.map(|Closed { why, until }| (why, until)).unzip();
            let why = Held::Shadow { would: would.map(Box::new) };
            Some(Closed { why, until: until.flatten() })
        }
    }
}

/// Adds what else would keep one back, where it is in shadow and nothing else would yet.
pub(super) fn add(closed: &mut Held, why: Held) {
    if let Held::Shadow { would: would @ None } = closed {
        *would = Some(Box::new(why));
    }
}
