//! How many requests failed, whoever counts them: callers, the gateway, a watcher.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use pointsman_emulator::Tally;

/// What was counted in the last moments, at several places.
#[derive(Debug, Default)]
pub(super) struct Window(VecDeque<(Instant, Vec<Tally>)>);

impl Window {
    /// Takes in what was counted by `now`. Gives what of it came within `over` or little more, and how
    /// long that is.
    pub(super) fn take(
        &mut self,
        over: Duration,
        now: Instant,
        counts: Vec<Tally>,
    ) -> (Duration, Vec<Tally>) {
        // The first one kept is the youngest that is old enough.
        while let Some((second, _)) = self.0.get(1)
            && now.duration_since(*second) >= over
        {
            self.0.pop_front();
        }
        self.0.push_back((now, counts.clone()));
        let (from, before) = self.0.front().cloned().unwrap_or((now, Vec::new()));
        let within = before.into_iter().zip(counts).map(|(before, after)| since(before, after));
        (now.duration_since(from), within.collect())
    }
}

/// What came after `before`. A count that started anew gives nothing.
pub(super) const fn since(before: Tally, after: Tally) -> Tally {
    Tally {
        requests: after.requests.saturating_sub(before.requests),
        failures: after.failures.saturating_sub(before.failures),
    }
}

/// How much has failed, in percent; none where fewer than `least` requests tell of it.
#[expect(
    clippy::cast_precision_loss,
    reason = "a figure for people, and to compare with a threshold"
)]
pub(super) fn percent(of: Tally, least: u64) -> Option<f64> {
    let Tally { requests, failures } = of;
    (requests >= least.max(1)).then(|| 100.0 * failures as f64 / requests as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_need_requests_to_tell_by() {
        let tally = |requests, failures| Tally { requests, failures };
        let rate = |before, after, least| percent(since(before, after), least);
        assert_eq!(rate(tally(30, 0), tally(50, 10), 5), Some(50.0));
        assert_eq!(rate(tally(46, 10), tally(50, 10), 5), None);
        assert_eq!(rate(tally(50, 10), tally(50, 10), 0), None);
        assert_eq!(rate(tally(0, 0), tally(5, 2), 1), Some(40.0));
        // A gateway that started anew counts from 0.
        assert_eq!(rate(tally(50, 10), tally(5, 1), 1), None);
    }
}
