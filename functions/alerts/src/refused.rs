//! What is logged of refused deliveries.
//!
//! A sender whose token was rotated away does not send again what is answered with 4xx, so this side
//! has to say that something is wrong. Whoever can reach the port can be refused as often as they
//! like: of each source and status, one line a minute is told, with how many there were since the last.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use axum::http::StatusCode;
use jiff::{SignedDuration, Timestamp};

/// How long it is between two lines of one source and status.
const EVERY: SignedDuration = SignedDuration::from_secs(60);

/// What was told last of each source and status.
#[derive(Debug, Default)]
pub(crate) struct Refusals(Mutex<HashMap<(String, StatusCode), Told>>);

#[derive(Debug)]
struct Told {
    at: Timestamp,
    /// How many were refused since then.
    since: u64,
}

impl Refusals {
    /// Takes in a refusal, of a source by its name; gives how many there were since the last line, this
    /// one included, if there is to be a line now.
    pub(crate) fn take_in(&self, source: &str, status: StatusCode, now: Timestamp) -> Option<u64> {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match told.get_mut(&(source.to_owned(), status)) {
            // A clock that was set back must not keep it silent.
            Some(told) if now.duration_since(told.at).abs() < EVERY => {
                told.since += 1;
                None
            }
            Some(told) => {
                let many = told.since + 1;
                *told = Told { at: now, since: 0 };
                Some(many)
            }
            None => {
                told.insert((source.to_owned(), status), Told { at: now, since: 0 });
                Some(1)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_a_minute_stands_for_all_of_them() {
        let refused = Refusals::default();
        let (one, other) = ("one", "other");
        let (denied, large) = (StatusCode::FORBIDDEN, StatusCode::PAYLOAD_TOO_LARGE);
        for (second, source, status, told) in [
            (100, one, denied, Some(1)),
            (101, one, denied, None),
            (101, other, denied, Some(1)),
            (102, one, large, Some(1)),
            (159, one, denied, None),
            (160, one, denied, Some(3)),
            (161, one, denied, None),
            // The clock was set back.
            (10, one, denied, Some(2)),
        ] {
            let now = Timestamp::from_second(second).unwrap();
            assert_eq!(refused.take_in(source, status, now), told, "{source} {status} {second}");
        }
    }
}
