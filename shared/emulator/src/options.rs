//! What can be chosen about an emulator when it is started.

use crate::address::Service;
use std::time::Duration;

/// The shortest `after` of a reconnect (2022-08-01, Backend - Reconnect).
pub(crate) const RECONNECT_AFTER_MIN: Duration = Duration::from_secs(120);

/// How an emulator behaves; the default is a fresh service on free ports that behaves.
#[derive(Clone, Debug)]
pub struct Options {
    /// The service that is emulated.
    pub service: Service,
    /// Where to listen.
    pub ports: Ports,
    /// What happens to a reconnect that asks for less than PT2M.
    pub reconnect_below_minimum: BelowMinimum,
    /// How long the identity endpoints' tokens are good for, by the emulator's clock. Clients of
    /// the Azure SDK renew a token 5 minutes before its end, so one that lives for less than that
    /// is asked for anew before every request.
    pub token_lifetime: Duration,
    /// Whether Azure Resource Manager's token buckets refuse requests.
    pub throttling: Throttling,
    /// How long, by the emulator's clock, a write takes to reach the gateway. Real gateways load
    /// configuration in the background, self-hosted ones every 10 s or so; there is no promise.
    pub gateway_delay: Duration,
    /// How long, in real time, the gateway waits for a member's answer before it gives 504.
    pub forward_timeout: Duration,
    /// How many requests the record keeps, the latest ones; 0 keeps none. Totals count on.
    pub requests_kept: usize,
    /// Where the gateway's rotation starts, and what request ids and tokens are made from. The
    /// same seed and the same requests give the same choices.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            service: Service::default(),
            ports: Ports::default(),
            reconnect_below_minimum: BelowMinimum::Refuse,
            token_lifetime: Duration::from_secs(3_600),
            throttling: Throttling::CountOnly,
            gateway_delay: Duration::ZERO,
            forward_timeout: Duration::from_secs(60),
            requests_kept: 10_000,
            seed: 0,
        }
    }
}

/// The ports on 127.0.0.1; 0, the default, is a free one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ports {
    /// Azure Resource Manager, and the admin endpoints under `/emulator/`.
    pub arm: u16,
    /// The gateway.
    pub gateway: u16,
    /// The identity endpoints.
    pub identity: u16,
}

/// What the service makes of a reconnect's `after` below PT2M. Nobody has published it; the page
/// that gives the minimum has an example with PT3S.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BelowMinimum {
    /// 400 `ValidationError`.
    #[default]
    Refuse,
    /// 202, and PT2M is taken instead.
    Raise,
    /// 202, and it is done as asked.
    Accept,
}

/// What Azure Resource Manager's limits do: per kind of operation, reads 250 refilled with 25 a
/// second, writes and deletes 200 refilled with 10 a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Throttling {
    /// The remaining requests are counted and shown in the headers, and nothing is refused.
    #[default]
    CountOnly,
    /// An empty bucket answers 429 with Retry-After.
    Enforce,
}
