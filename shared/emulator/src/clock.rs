//! The emulator's time: real time plus an offset that tests step.
//!
//! Everything here that has a due time goes by this clock: the `Date` header, tokens, due
//! reconnects, windows of 429, writes that land late, latency, a configuration that reaches the
//! gateway. A step wakes whatever waits, so that no test sleeps through an hour.
//!
//! Races: a sleeper registers for steps before it looks at the time, so that a step between the
//! look and the wait is not lost.

use jiff::{SignedDuration, Timestamp};
use std::time::Duration;
use tokio::sync::watch;

/// A clock that many hold; clones show the same time.
#[derive(Clone, Default)]
pub struct Clock(watch::Sender<SignedDuration>);

impl Clock {
    /// The emulator's now.
    pub fn now(&self) -> Timestamp {
        let now = Timestamp::now();
        now.saturating_add(self.skew()).unwrap_or(now)
    }

    /// How far this clock is ahead of real time (negative: behind).
    pub fn skew(&self) -> SignedDuration {
        *self.0.borrow()
    }

    /// Steps the clock forward by `by`, on top of the skew it has. What falls due by it has
    /// happened when anyone looks at the emulator next.
    pub fn advance(&self, by: Duration) {
        let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
        self.0.send_modify(|skew| *skew = skew.saturating_add(by));
    }

    /// Sets how far this clock is from real time, whatever it was before. Backwards is allowed:
    /// a server's clock can be wrong either way.
    pub fn set_skew(&self, skew: SignedDuration) {
        self.0.send_replace(skew);
    }

    /// Waits until this clock shows `at`.
    pub async fn sleep_until(&self, at: Timestamp) {
        let mut steps = self.steps();
        loop {
            let left = left(self.now(), at);
            if left.is_zero() {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(left) => {}
                _ = steps.changed() => {}
            }
        }
    }

    /// Waits until this clock shows `by` more than now.
    pub async fn sleep(&self, by: Duration) {
        self.sleep_until(later(self.now(), by)).await;
    }

    /// Tells of every step from now on.
    pub(crate) fn steps(&self) -> watch::Receiver<SignedDuration> {
        self.0.subscribe()
    }
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Clock({}, skew {})", self.now(), self.skew())
    }
}

/// `by` after `at`; the end of time where that cannot be written.
pub(crate) fn later(at: Timestamp, by: Duration) -> Timestamp {
    at.saturating_add(by).unwrap_or(Timestamp::MAX)
}

/// How long from `now` until `at`; zero when it has passed.
pub(crate) fn left(now: Timestamp, at: Timestamp) -> Duration {
    Duration::try_from(at.duration_since(now)).unwrap_or_default()
}

/// The HTTP form of a time, for `Date` (RFC 9110).
pub(crate) fn http_date(at: Timestamp) -> String {
    jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&at).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUND: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn a_step_wakes_a_sleeper() {
        let clock = Clock::default();
        let sleeper = tokio::spawn({
            let clock = clock.clone();
            async move { clock.sleep(Duration::from_secs(3600)).await }
        });
        tokio::task::yield_now().await;
        clock.advance(Duration::from_secs(3599));
        tokio::task::yield_now().await;
        assert!(!sleeper.is_finished());
        clock.advance(Duration::from_secs(2));
        tokio::time::timeout(BOUND, sleeper).await.unwrap().unwrap();
    }

    #[test]
    fn skew_replaces_and_advance_adds() {
        let clock = Clock::default();
        clock.set_skew(SignedDuration::from_secs(-60));
        clock.advance(Duration::from_secs(10));
        assert_eq!(clock.skew(), SignedDuration::from_secs(-50));
        clock.set_skew(SignedDuration::ZERO);
        assert_eq!(clock.skew(), SignedDuration::ZERO);
    }

    #[test]
    fn the_date_header_is_rfc_9110() {
        let at: Timestamp = "2026-03-01T07:05:09Z".parse().unwrap();
        assert_eq!(http_date(at), "Sun, 01 Mar 2026 07:05:09 GMT");
    }
}
