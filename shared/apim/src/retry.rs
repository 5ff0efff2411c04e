//! Which calls are made again, and when.
//!
//! Pure: what happened, the time and the roll of a die are arguments. Two things are never done,
//! whatever the policy:
//! - **After a 412 nothing is sent again.** What was planned was planned from a state that is
//!   gone; its planner must read again.
//! - **A write that may have been done is not sent again.** A 5xx, a timeout and a broken
//!   connection leave it open. What is known not to have been done may be: 429, 409
//!   `PessimisticConcurrencyConflict`, a connection that was never made, a token that could not be
//!   had, a first 401.
//!
//! Reads are made again after all of those.

use std::time::Duration;

use http::StatusCode;

use crate::error::{Error, Retry};
use crate::throttle::Kind;

/// The most tries of one call, whatever the policy.
pub const ATTEMPTS_MAX: u32 = 10;

/// How often and how long one kind of calls is made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// The most tries, the first included; 1 means no second one. At most [`ATTEMPTS_MAX`].
    pub attempts: u32,
    /// The pause before the second try, where the service names none; it doubles each time.
    pub pause: Duration,
    /// The longest pause. What the service would have wait longer is given up.
    pub pause_max: Duration,
}

impl Policy {
    /// One try.
    pub const ONCE: Self = Self { attempts: 1, pause: Duration::ZERO, pause_max: Duration::ZERO };

    /// Five tries within about a minute, for somebody who waits at a terminal.
    pub const PATIENT: Self =
        Self { attempts: 5, pause: Duration::from_millis(500), pause_max: Duration::from_secs(30) };

    /// How long to wait before the call is made again after its try number `attempt`, counted
    /// from 1, ended in that error; nothing where it is not made again. `roll` is any number, and
    /// spreads those who were refused together.
    ///
    /// The service's own time is never cut short; the roll adds up to a tenth to it. A pause of
    /// ours lies between half of itself and all of it.
    pub fn again(
        &self,
        kind: Kind,
        error: &Error,
        attempt: u32,
        now: jiff::Timestamp,
        roll: u64,
    ) -> Option<Duration> {
        if attempt >= self.attempts.min(ATTEMPTS_MAX) || !may(kind, error, attempt) {
            return None;
        }
        let wait = match (error.retry(), error) {
            // A new token can be obtained at once.
            (_, Error::Unauthorized(_)) => Duration::ZERO,
            (Retry::Again { after: Some(after) } | Retry::Look { after: Some(after) }, _) => {
                let named = after.wait(now);
                named.saturating_add(share(named / 10, roll))
            }
            (Retry::Again { after: None } | Retry::Look { after: None } | Retry::Never, _) => {
                let doubled = self.pause.saturating_mul(1 << (attempt - 1).min(16));
                let pause = doubled.min(self.pause_max);
                pause / 2 + share(pause / 2, roll)
            }
        };
        (wait <= self.pause_max.saturating_add(self.pause_max / 10)).then_some(wait)
    }
}

fn may(kind: Kind, error: &Error, attempt: u32) -> bool {
    match error {
        Error::Throttled(_) | Error::Busy(_) | Error::NotSent { .. } => true,
        // A request with the next token is another one; if that is refused too, it is the right
        // that is missing.
        Error::Unauthorized(answer) => answer.status == StatusCode::UNAUTHORIZED && attempt == 1,
        Error::Unknown { .. } => kind == Kind::Read,
        // Who asked must look first, or the same would be refused again. What was held back was
        // waited for already, as long as there was patience; the source of tokens has tried again
        // for as long as anybody waits; and an answer that cannot be read is read no better the
        // next time.
        Error::PreconditionFailed(_)
        | Error::NotFound(_)
        | Error::Refused(_)
        | Error::Withheld { .. }
        | Error::Credential { .. }
        | Error::Unreadable { .. } => false,
    }
}

/// A share of a time, by a die of any size.
fn share(of: Duration, roll: u64) -> Duration {
    // The upper half of the number, as a fraction of 2^32.
    let roll = u32::try_from(roll >> 32).unwrap_or(u32::MAX);
    of.mul_f64(f64::from(roll) / f64::from(u32::MAX))
}

#[cfg(test)]
#[path = "retry_tests.rs"]
mod tests;
