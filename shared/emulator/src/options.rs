//! What can be chosen about an emulator when it is started.

use crate::{
    event_grid::Subscription, fault::Fault, service::Service, service_bus::ServiceBus,
    unpublished::Unpublished,
};
use jiff::fmt::serde::unsigned_duration::required as iso;
use serde::{Deserialize, Serialize};
use std::{path::PathBuf, time::Duration};

/// How an emulator behaves; the default is a fresh service on free ports that behaves.
///
/// It can be read from a file: field names are in camelCase, durations in ISO 8601, what is left
/// out has its default, and what is unknown is an error.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Options {
    /// The service that is meant where no other is named.
    pub service: Service,
    /// Services beside it, in the same subscription or in others.
    pub services: Vec<Service>,
    /// Where to listen.
    pub ports: Ports,
    /// How the service behaves where nobody has published it.
    pub unpublished: Unpublished,
    /// The resources that Azure Resource Manager takes tokens for: the public cloud's by default.
    /// The first is the one of [`crate::Emulator::token`].
    pub audiences: Vec<String>,
    /// How long the identity endpoints' tokens are good for, by the emulator's clock. Clients of
    /// the Azure SDK renew a token 5 minutes before its end, so one that lives for less than that
    /// is asked for again before every request.
    #[serde(with = "iso")]
    pub token_lifetime: Duration,
    /// Whether Azure Resource Manager's token buckets refuse requests.
    pub throttling: Throttling,
    /// What goes wrong from the start.
    pub faults: Vec<Fault>,
    /// Where the state is kept, so that a restart continues with it; none: nowhere. What the file
    /// has of faults and subscriptions is taken in place of those here.
    pub state_file: Option<PathBuf>,
    /// How long, by the emulator's clock, a write takes to reach the gateway. Real gateways load
    /// configuration in the background, self-hosted ones every 10 s or so; there is no promise.
    #[serde(with = "iso")]
    pub gateway_delay: Duration,
    /// How much longer it takes to reach each further gateway.
    #[serde(with = "iso")]
    pub gateway_stagger: Duration,
    /// How many gateways there are behind the port; at least 1. They do not synchronise.
    pub gateways: usize,
    /// The Event Grid subscriptions that there are from the start. Their webhooks are asked for
    /// their consent ahead of the first event.
    pub subscriptions: Vec<Subscription>,
    /// A namespace of Service Bus; none: there is none.
    pub service_bus: Option<ServiceBus>,
    /// How long, in real time, the gateway waits for a member's answer before it gives 504.
    #[serde(with = "iso")]
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
            services: Vec::new(),
            ports: Ports::default(),
            unpublished: Unpublished::default(),
            audiences: ["https://management.azure.com", "https://management.core.windows.net"]
                .map(str::to_owned)
                .to_vec(),
            token_lifetime: Duration::from_secs(3_600),
            throttling: Throttling::CountOnly,
            faults: Vec::new(),
            state_file: None,
            gateway_delay: Duration::ZERO,
            gateway_stagger: Duration::ZERO,
            gateways: 1,
            subscriptions: Vec::new(),
            service_bus: None,
            forward_timeout: Duration::from_secs(60),
            requests_kept: 10_000,
            seed: 0,
        }
    }
}

/// The ports on 127.0.0.1; 0, the default, is a free one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Ports {
    /// Azure Resource Manager, and the admin endpoints under `/emulator/`.
    pub arm: u16,
    /// The gateway.
    pub gateway: u16,
    /// The identity endpoints.
    pub identity: u16,
    /// Service Bus.
    pub service_bus: u16,
}

/// What Azure Resource Manager's limits do: per kind of operation, reads 250 refilled with 25 a
/// second, writes and deletes 200 refilled with 10 a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Throttling {
    /// The remaining requests are counted and shown in the headers, and nothing is refused.
    #[default]
    CountOnly,
    /// An empty bucket answers 429 with Retry-After.
    Enforce,
}
