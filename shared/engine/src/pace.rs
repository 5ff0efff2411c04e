//! How closely writes to one backend follow each other.
//!
//! Alerts about one pool come within seconds of each other, and each by itself would be a write. The
//! first is written at once. The next write waits a little after one that was done, and is then decided
//! anew, so that all that was heard meanwhile goes into it. The wait runs from when the write before was
//! sent: where Azure is slow, there is none.

use std::{collections::HashMap, sync::Mutex, time::Duration};

use pointsman_core::names::BackendId;
use tokio::time::Instant;

use crate::memory::locked;

/// How long a write counts.
const COUNTS_FOR: Duration = Duration::from_secs(10);

/// How long the next waits after one write that counts.
const AFTER_ONE: Duration = Duration::from_secs(1);

/// How long it waits after the last of several.
const AFTER_MORE: Duration = Duration::from_secs(3);

/// Of how many backends writes are remembered before those that count no more are dropped.
const BACKENDS_MAX: usize = 1_024;

/// When the last two writes to each backend were sent that were done.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    sent: Mutex<HashMap<BackendId, Sent>>,
}

#[derive(Clone, Copy, Debug)]
struct Sent {
    last: Instant,
    before: Option<Instant>,
}

impl Pace {
    /// Until when the next write to a backend waits, if it does.
    pub(crate) fn wait(&self, backend: &BackendId, now: Instant) -> Option<Instant> {
        let Sent { last, before } = *locked(&self.sent).get(backend)?;
        let counts = |at: &Instant| now.duration_since(*at) < COUNTS_FOR;
        let wait = if before.as_ref().is_some_and(counts) { AFTER_MORE } else { AFTER_ONE };
        Some(last + wait).filter(|until| *until > now)
    }

    /// Takes note of a write that was done.
    pub(crate) fn sent(&self, backend: &BackendId, at: Instant) {
        let mut sent = locked(&self.sent);
        let before = sent.get(backend).map(|sent| sent.last);
        if before.is_none() && sent.len() >= BACKENDS_MAX {
            sent.retain(|_, sent| at.duration_since(sent.last) < COUNTS_FOR);
            // So many writes within seconds: one that comes too soon does less harm than memory without end.
            if sent.len() >= BACKENDS_MAX {
                sent.clear();
            }
        }
        sent.insert(backend.clone(), Sent { last: at, before });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backend(number: usize) -> BackendId {
        format!(
            "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg1/providers/\
             Microsoft.ApiManagement/service/contoso/backends/pool-{number}"
        )
        .parse()
        .unwrap()
    }

    #[test]
    fn the_first_is_at_once_and_the_next_ever_later() {
        let (pace, began) = (Pace::default(), Instant::now());
        let at = |millis| began + Duration::from_millis(millis);
        let waits = |millis| {
            let until = pace.wait(&backend(0), at(millis));
            until.map(|until| (until - began).as_millis())
        };
        assert_eq!(waits(0), None);
        pace.sent(&backend(0), at(0));
        assert_eq!((waits(0), waits(999), waits(1_000)), (Some(1_000), Some(1_000), None));
        assert_eq!(pace.wait(&backend(1), at(0)), None, "another backend is of no concern");
        pace.sent(&backend(0), at(1_000));
        assert_eq!((waits(1_000), waits(3_999), waits(4_000)), (Some(4_000), Some(4_000), None));
        pace.sent(&backend(0), at(15_000));
        assert_eq!(waits(15_000), Some(16_000), "what was written long before does not count");
    }

    #[test]
    fn it_is_bounded() {
        let (pace, now) = (Pace::default(), Instant::now());
        for number in 0..3 * BACKENDS_MAX {
            pace.sent(&backend(number), now);
            assert!(pace.wait(&backend(number), now).is_some());
        }
        assert!(locked(&pace.sent).len() <= BACKENDS_MAX);
    }
}
