//! A member of one of the pools, and the real server that it is.

use std::{io, time::Duration};

use pointsman_emulator::member::{Member, Mode};
use reqwest::{Client, StatusCode};
use serde::{Deserialize, Serialize};

use super::world::Side;

/// How fast the fastest member answers, and how much slower the others may be.
const LATENCY_MS: (u64, u64) = (4, 12);

/// How long an answer to a probe may take; less than a scrape may.
const PROBE_WITHIN: Duration = Duration::from_millis(500);

/// Each so manieth request fails at a member that falters.
pub(super) const FALTERS_EVERY: u64 = 4;

/// A member of one of the pools.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) side: Side,
    /// What people call it: `eu`.
    pub(super) member: &'static str,
    /// What Azure calls it: `helped-eu`.
    pub(super) backend: String,
    server: Member,
    well: Mode,
}

/// How a member answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Health {
    /// 200.
    #[default]
    Well,
    /// 500 to each so manieth request, and to each probe.
    Falters,
    /// 500.
    Fails,
}

/// What is kept of a member's server.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Kept {
    port: u16,
    health: Health,
}

impl Site {
    /// Starts its server: on the port that it had, or a free one. The seed and the member's place decide how
    /// fast it answers.
    pub(super) async fn start(
        side: Side,
        member: &'static str,
        kept: Kept,
        (seed, at): (u64, u64),
    ) -> io::Result<Self> {
        let backend = format!("{side}-{member}");
        let server = match Member::start_on(&backend, kept.port).await {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                Member::start(&backend).await?
            }
            started => started?,
        };
        let well = Mode::Slow(latency(seed, at));
        let site = Self { side, member, backend, server, well };
        site.set(kept.health);
        Ok(site)
    }

    /// Where its server is.
    pub(super) fn url(&self) -> String {
        self.server.url()
    }

    /// What the next one is to go on with.
    pub(super) fn kept(&self) -> Kept {
        Kept { port: self.server.port(), health: self.health() }
    }

    /// Whether it answers a probe, past the gateway, and well.
    pub(super) async fn answers_well(&self, client: &Client) -> bool {
        let url = format!("{}/health", self.server.url());
        let answer = client.get(url).timeout(PROBE_WITHIN).send().await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    /// From its next answer on, it answers like this.
    pub(super) fn set(&self, health: Health) {
        self.server.set(match health {
            Health::Well => self.well,
            Health::Falters => Mode::Flaky(FALTERS_EVERY),
            Health::Fails => Mode::Failing(StatusCode::INTERNAL_SERVER_ERROR),
        });
    }

    pub(super) fn health(&self) -> Health {
        match self.server.mode() {
            Mode::Healthy | Mode::Slow(_) => Health::Well,
            Mode::Flaky(_) | Mode::Throttling(_) => Health::Falters,
            Mode::Failing(_) => Health::Fails,
        }
    }

    /// Stops its server.
    pub(super) async fn stop(&self) {
        self.server.stop().await;
    }
}

/// How long the member at this place takes to answer. The same seed makes both pools equally quick.
fn latency(seed: u64, at: u64) -> Duration {
    let (least, spread) = LATENCY_MS;
    // Knuth's multiplicative hash: any seed gives the members different figures.
    let mixed = (seed ^ (at << 32)).wrapping_add(at + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33;
    Duration::from_millis(least + mixed % spread)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_makes_members_as_quick_each_time() {
        assert_eq!(latency(7, 0), latency(7, 0));
        assert_ne!(latency(7, 0), latency(7, 1));
    }
}
