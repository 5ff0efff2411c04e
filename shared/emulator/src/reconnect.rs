//! Reconnects: what was asked for, and when it is due.

use crate::{
    address::Address,
    answer::{Answer, Detail},
    duration,
    unpublished::BelowMinimum,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;

/// The shortest `after` of a reconnect (2022-08-01, Backend - Reconnect).
const AFTER_MIN: Duration = Duration::from_secs(120);

/// A reconnect that was accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reconnect {
    /// The backend.
    pub backend: Address,
    /// When it was asked for, by the emulator's clock.
    pub asked: Timestamp,
    /// How long after that the gateway opens a new connection.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::required")]
    pub after: Duration,
    /// When that is.
    pub due: Timestamp,
    /// Whether it has been done.
    pub done: bool,
}

/// How long a reconnect waits that is asked for by this body.
pub(crate) fn wait(body: &[u8], below: BelowMinimum) -> Result<Duration, Answer> {
    let asked = after(body)?.unwrap_or(AFTER_MIN);
    match below {
        _ if asked >= AFTER_MIN => Ok(asked),
        BelowMinimum::Accept => Ok(asked),
        BelowMinimum::Raise => Ok(AFTER_MIN),
        BelowMinimum::Refuse => {
            // The page's words, after what was asked for.
            let asked = duration::printed(asked);
            Err(wrong(format!("{asked}: minimum duration of the Reconnect is PT2M")))
        }
    }
}

/// What is wrong with the `after` of a reconnect.
pub(crate) fn wrong(words: impl Into<String>) -> Answer {
    Answer::invalid(&[Detail::new("after", words)])
}

/// The `after` of a reconnect's body, which is optional, and so is everything in it.
fn after(body: &[u8]) -> Result<Option<Duration>, Answer> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(None);
    }
    let body: Value =
        serde_json::from_slice(body).map_err(|error| Answer::unreadable(&error.to_string()))?;
    let Some(after) = body.pointer("/properties/after").filter(|a| !a.is_null()) else {
        return Ok(None);
    };
    match after.as_str().and_then(duration::parsed) {
        Some(duration) => Ok(Some(duration)),
        None => Err(wrong(format!("{after} is not an ISO 8601 duration like PT2M or P1DT12H"))),
    }
}
