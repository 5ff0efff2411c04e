//! Equal traffic through both pools: real HTTP requests to the gateway, at a steady rate.
//!
//! Every tick sends one request to each pool, or none to either, so that the two are equal by
//! construction. What is under way is bounded: a gateway that hangs slows the traffic down and
//! piles nothing up. Losses are what callers see, an answer of 500 and more or none at all; each is
//! kept with its time, so that "clean since" is exact.

use std::{
    collections::VecDeque,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use pointsman_emulator::Tally;
use pointsman_host::server::Stop;
use reqwest::Client;
use tokio::{
    task::{JoinHandle, JoinSet},
    time::MissedTickBehavior,
};

use super::world::Side;

/// How many requests each pool gets in a second.
pub(super) const REQUESTS_PER_SECOND: u32 = 100;

/// How many requests may be under way, to both pools together.
const UNDER_WAY_MAX: usize = 128;

/// How long a caller waits for an answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// How many losses of a pool are remembered, the latest ones.
const LOSSES_KEPT_MAX: usize = 20_000;

/// What callers of one pool have seen.
#[derive(Debug, Default)]
struct Seen {
    tally: Tally,
    losses: VecDeque<Instant>,
}

/// The callers of one pool.
#[derive(Clone, Debug, Default)]
pub(super) struct Lane(Arc<Mutex<Seen>>);

impl Lane {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, lost: bool, at: Instant) {
        let mut seen = self.seen();
        seen.tally.requests += 1;
        if lost {
            seen.tally.failures += 1;
            seen.losses.push_back(at);
            if seen.losses.len() > LOSSES_KEPT_MAX {
                seen.losses.pop_front();
            }
        }
    }

    /// What was answered and lost so far.
    pub(super) fn tally(&self) -> Tally {
        self.seen().tally
    }

    /// The first loss at `from` or later.
    pub(super) fn first_loss(&self, from: Instant) -> Option<Instant> {
        self.seen().losses.iter().copied().filter(|at| *at >= from).min()
    }

    /// The last loss at `from` or later.
    pub(super) fn last_loss(&self, from: Instant) -> Option<Instant> {
        self.seen().losses.iter().copied().filter(|at| *at >= from).max()
    }
}

/// Traffic that runs until it is stopped.
#[derive(Debug)]
pub(super) struct Traffic {
    lanes: [Lane; 2],
    task: JoinHandle<()>,
}

impl Traffic {
    /// Starts it, through the gateway at `gateway`.
    pub(super) fn start(gateway: &str, stop: &Stop) -> reqwest::Result<Self> {
        let client =
            Client::builder().no_proxy().timeout(ANSWER_WITHIN).tcp_nodelay(true).build()?;
        let lanes: [Lane; 2] = Default::default();
        let urls = Side::ALL.map(|side| format!("{gateway}/{side}/chat/completions"));
        let task = tokio::spawn(drive(client, urls, lanes.clone(), stop.asked()));
        Ok(Self { lanes, task })
    }

    /// The callers of one pool.
    pub(super) fn lane(&self, side: Side) -> &Lane {
        side.of(&self.lanes)
    }

    /// Waits until everything under way is answered, once a stop was asked for.
    pub(super) async fn stopped(self) {
        let _ = self.task.await;
    }
}

/// Sends until it is stopped, and waits for what is under way then.
async fn drive(
    client: Client,
    urls: [String; 2],
    lanes: [Lane; 2],
    stopped: impl Future<Output = ()>,
) {
    let mut stopped = pin!(stopped);
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / REQUESTS_PER_SECOND);
    // Ticks that a busy moment delayed are caught up on, as far as there is room.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut under_way = JoinSet::new();
    loop {
        tokio::select! {
            () = &mut stopped => break,
            _ = ticks.tick() => {}
        }
        while under_way.try_join_next().is_some() {}
        if under_way.len() + urls.len() > UNDER_WAY_MAX {
            continue;
        }
        for (url, lane) in urls.iter().zip(&lanes) {
            let (request, lane) = (client.get(url), lane.clone());
            under_way.spawn(async move {
                let lost = match request.send().await {
                    // Read to its end, so that the connection can be used again.
                    Ok(answer) => answer.status().is_server_error() | answer.bytes().await.is_err(),
                    Err(_) => true,
                };
                lane.note(lost, Instant::now());
            });
        }
    }
    // Each is answered, or runs into its time limit.
    while under_way.join_next().await.is_some() {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_are_found_by_their_time() {
        let lane = Lane::default();
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        for (ms, lost) in [(0, false), (10, true), (20, false), (30, true), (40, false)] {
            lane.note(lost, at(ms));
        }
        assert_eq!(lane.tally(), Tally { requests: 5, failures: 2 });
        assert_eq!(lane.first_loss(at(0)), Some(at(10)));
        assert_eq!(lane.first_loss(at(11)), Some(at(30)));
        assert_eq!(lane.last_loss(at(0)), Some(at(30)));
        assert_eq!(lane.last_loss(at(31)), None);
    }
}
