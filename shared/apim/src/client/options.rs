//! How a client behaves, and the HTTP client that follows from it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::credential::{Credential, Variables, process_variables};
use crate::endpoint::{BaseUrl, Cloud, Endpoint};
use crate::error::CredentialFailure;
use crate::retry::Policy;
use crate::timer::{Runtime, Timer};
use crate::token::Clock;
use crate::transport::causes;
use crate::version::ApiVersion;

const USER_AGENT: &str = concat!("pointsman-apim/", env!("CARGO_PKG_VERSION"));

/// How long a connection may take to be made, names and TLS included, in seconds.
pub const CONNECT_SECS_MAX: u64 = 5;
/// How long a try of a call may take from its sending to the end of its answer, in seconds.
pub const CALL_SECS_MAX: u64 = 30;
/// How long an idle connection is kept, in seconds; less than servers and load balancers do, so
/// that it is this side that closes it.
pub const POOL_IDLE_SECS: u64 = 50;
/// The most idle connections that are kept for one host.
pub const POOL_IDLE_CONNECTIONS_MAX: usize = 32;
/// How often an HTTP/2 connection is asked whether it is alive, in seconds.
pub const PING_INTERVAL_SECS: u64 = 15;
/// How long it may take to say so, in seconds.
pub const PING_SECS_MAX: u64 = 5;

/// Whether requests go through a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Proxy {
    /// Never, whatever the environment says.
    #[default]
    None,
    /// As `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` say. `NO_PROXY` should name
    /// 169.254.169.254, where managed identities come from.
    Environment,
}

/// Which calls are made again by the client itself; see [`retry`](crate::retry).
///
/// The default is none: a caller that records what it is about to do must know of every try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retries {
    /// List, Get and GetEntityTag.
    pub reads: Policy,
    /// All else.
    pub writes: Policy,
}

impl Retries {
    /// For somebody who waits at a terminal.
    pub const PATIENT: Self = Self { reads: Policy::PATIENT, writes: Policy::PATIENT };
}

impl Default for Retries {
    fn default() -> Self {
        Self { reads: Policy::ONCE, writes: Policy::ONCE }
    }
}

/// Whether requests wait for Azure Resource Manager's token bucket before they are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pace {
    /// They are sent at once, and a 429 is the caller's.
    #[default]
    AtOnce,
    /// They wait. One that would have to wait longer than that is not sent, and the error says when
    /// there is room for it.
    Within {
        /// How long a read waits at most.
        reads: Duration,
        /// How long anything else does. A caller that decides again before each try waits for
        /// nothing here: what was right to write before a wait may not be after it.
        writes: Duration,
    },
}

/// How a client behaves. `..Options::default()` fills in the rest.
#[derive(Clone)]
pub struct Options {
    /// The cloud, for the authority and the audience of tokens.
    pub cloud: Cloud,
    /// An emulator of the identity services, on this machine, to ask instead of the real ones.
    pub identity: Option<BaseUrl>,
    /// Whether requests go through a proxy.
    pub proxy: Proxy,
    /// How long a try of a call may take.
    pub call_timeout: Duration,
    /// Which calls are made again.
    pub retries: Retries,
    /// Whether requests wait for Azure Resource Manager's token bucket.
    pub pace: Pace,
    /// The version that Reconnect is asked in, where it is not the endpoint's.
    pub reconnect_version: Option<ApiVersion>,
    /// Where the time comes from that ends of tokens are compared with.
    pub clock: Clock,
    /// How retries and pacing wait.
    pub timer: Arc<dyn Timer>,
    /// Where the variables come from that credentials are found by.
    pub variables: Variables,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            cloud: Cloud::default(),
            identity: None,
            proxy: Proxy::default(),
            call_timeout: Duration::from_secs(CALL_SECS_MAX),
            retries: Retries::default(),
            pace: Pace::default(),
            reconnect_version: None,
            clock: Arc::new(Timestamp::now),
            timer: Arc::new(Runtime::default()),
            variables: process_variables(),
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("cloud", &self.cloud)
            .field("identity", &self.identity)
            .field("proxy", &self.proxy)
            .field("call_timeout", &self.call_timeout)
            .field("retries", &self.retries)
            .field("pace", &self.pace)
            .field("reconnect_version", &self.reconnect_version)
            .finish_non_exhaustive()
    }
}

/// Why a client cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The credential lacks something.
    #[error("the credential cannot be used: {0}")]
    Credential(#[from] CredentialFailure),
    /// The emulator of identity services is not on this machine.
    #[error("{0} is not this machine: only an emulator here may stand for the identity services")]
    Identity(BaseUrl),
    /// The HTTP client cannot be made: most often, the machine has no root certificates.
    #[error("the HTTP client cannot be made: {0}")]
    Http(String),
}

pub(super) fn http_client(
    endpoint: &Endpoint,
    credential: &Credential,
    options: &Options,
) -> Result<reqwest::Client, BuildError> {
    let mut builder = reqwest::Client::builder()
        .user_agent(USER_AGENT)
        .connect_timeout(Duration::from_secs(CONNECT_SECS_MAX))
        .timeout(options.call_timeout)
        .pool_idle_timeout(Duration::from_secs(POOL_IDLE_SECS))
        .pool_max_idle_per_host(POOL_IDLE_CONNECTIONS_MAX)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(Duration::from_secs(PING_INTERVAL_SECS))
        .http2_keep_alive_timeout(Duration::from_secs(PING_SECS_MAX))
        .http2_keep_alive_while_idle(true)
        .redirect(reqwest::redirect::Policy::none())
        .referer(false);
    if options.proxy == Proxy::None || endpoint.base().is_loopback() {
        builder = builder.no_proxy();
    }
    if !needs_tls(endpoint, credential, options) {
        // A machine without root certificates can still run against an emulator, and starts
        // without reading them.
        builder = builder.tls_certs_only(std::iter::empty());
    }
    builder.build().map_err(|error| BuildError::Http(causes(&error)))
}

fn needs_tls(endpoint: &Endpoint, credential: &Credential, options: &Options) -> bool {
    let fetches = !matches!(credential, Credential::Static(_) | Credential::Source(_));
    let identity_is_plain = options.identity.as_ref().is_some_and(|base| !base.is_secure());
    endpoint.base().is_secure() || (fetches && !identity_is_plain)
}
