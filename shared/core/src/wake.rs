//! How often a backend is looked at, how long before an end it is announced, and how far clocks may differ.

use jiff::{SignedDuration, Timestamp};

use crate::{
    lease::Until,
    overrides::{End, Life, Override},
};

/// How long before `atMost` ends an override this is announced; a tenth of it where that is less.
pub const WARNING: SignedDuration = SignedDuration::from_mins(15);

/// How often a backend with overrides is looked at, so that a foreign write is noticed, unless it is
/// asked to be more often.
pub const LOOK_EVERY: SignedDuration = SignedDuration::from_secs(60);

/// How late a look that is due at once may be reminded of: it is made by whoever saved that it is
/// due, and the reminder is for when that one dies.
pub const REMINDER: SignedDuration = SignedDuration::from_secs(30);

/// How far two clocks may be apart: this machine's, the queue's, and Azure's. Who is further off
/// must not act.
pub const SKEW_MAX: SignedDuration = SignedDuration::from_secs(30);

/// When it is announced that an override will be ended because no resolve came; none where it was, or
/// where its end is no surprise.
pub(crate) fn warning(over: &Override) -> Option<Timestamp> {
    let Life::Begun { warned, .. } = over.life else { return None };
    let Until::Resolved { at_most } = over.lease.until else { return None };
    if over.behind.is_empty() {
        return None;
    }
    // That it would be silent by then is put off each time that it is heard again.
    let (ends, End::Expired) = over.ends()? else { return None };
    // Who joined since may have put the end off: then it is announced anew.
    let at = ends.checked_sub(WARNING.min(at_most / 10)).ok()?;
    warned.is_none_or(|warned| warned < at).then_some(at)
}
