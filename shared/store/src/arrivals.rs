//! What the queue's consumer waits for: that a message was stored, and when the next is due.

use std::sync::atomic::{AtomicI64, Ordering};

use tokio::sync::{Notify, futures::Notified};

use crate::micros::Micros;

/// Wakes whoever receives messages when one was stored by this process, and knows when the next
/// stored one is due, as far as was heard.
///
/// The time is a bound from below: a message that is done with since may have been the one. Looking
/// then finds nothing and costs no sync.
///
/// # Races
/// Who looks calls [`look`](Self::look) *before* its look is queued at the writer, and tells what
/// the look left with [`expect`](Self::expect). Who stores a message says so in the job that stores it,
/// where no caller can go away in between. A message that was stored before the look is seen by it; one
/// that is stored after it lowers the time after `look` raised it. Either way it is not missed. Where its
/// commit then fails, a look finds nothing.
#[derive(Debug)]
pub struct Arrivals {
    earliest: AtomicI64,
    bell: Notify,
}

impl Arrivals {
    pub(crate) fn new() -> Self {
        // Nobody has looked yet.
        Self { earliest: AtomicI64::new(i64::MIN), bell: Notify::new() }
    }

    /// A message is stored that is due then: whoever waits for longer is woken.
    pub fn expect(&self, due: Micros) {
        if due.column() < self.earliest.fetch_min(due.column(), Ordering::AcqRel) {
            self.bell.notify_waiters();
        }
    }

    /// No message is due before this.
    #[must_use]
    pub fn earliest(&self) -> Micros {
        Micros::of_column(self.earliest.load(Ordering::Acquire))
    }

    /// Forgets the time: the caller is about to look, and will say what it finds.
    pub fn look(&self) {
        self.earliest.store(i64::MAX, Ordering::Release);
    }

    /// Completes at the next ring; one between this call and its first poll counts.
    pub fn notified(&self) -> Notified<'_> {
        self.bell.notified()
    }
}
