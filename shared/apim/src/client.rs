//! The client: sends what [`request`] builds, and has [`response`] read what comes back.
//!
//! What it guarantees:
//! - **A write is sent once.** Nothing here repeats an Update or a Reconnect; whether to ask again
//!   is for whoever knows what it was for. (Below it, the HTTP library sends again what provably
//!   never left, or what an HTTP/2 server said that it did not look at; both are known not done.)
//! - **A Get is repeated once** where the connection broke under it: a server may close an idle
//!   connection at the moment it is used again, and reading twice does no harm.
//! - Connections are kept and used again; redirects are not followed, for the token must not
//!   follow one; the environment's proxy is heeded only where [`Proxy::Environment`] says so, and
//!   never for a loopback endpoint.
//! - Every wait has an end, and every body a bound.
//!
//! Races thought of: many calls without a token make one fetch (see [`token`](crate::token)); a
//! token that two calls were refused with is dropped once; a call that is dropped half way leaves
//! nothing behind but perhaps a done write, which is why the shell records its intent first.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::AUTHORIZATION;
use http::{Request, Response, StatusCode};
use jiff::Timestamp;
use tracing::field::Empty;
use tracing::{Instrument as _, Span, info_span};

use crate::backend::Backend;
use crate::credential::{Audience, Credential, Surroundings, Variables, process_variables};
use crate::duration::After;
use crate::endpoint::{BaseUrl, Cloud, Endpoint};
use crate::error::{CredentialFailure, Error, Garbled, Uncertainty};
use crate::etag::ETag;
use crate::id::{BackendId, ServiceBackendId};
use crate::meta::{Ids, Meta};
use crate::pool::Patch;
use crate::request::{self, RequestId};
use crate::response::{self, Accepted};
use crate::secret::scrubbed;
use crate::telemetry;
use crate::token::{Clock, Tokens};
use crate::transport::Transport;

/// The largest body that is read, in bytes.
pub const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;
/// How long a connection may take to be made, names and TLS included, in seconds.
pub const CONNECT_SECS_MAX: u64 = 5;
/// How long a call may take from its sending to the end of its answer, in seconds.
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
/// How much of the cause of a transport error is kept, in characters.
const CAUSE_CHARS_MAX: usize = 300;

const USER_AGENT: &str = concat!("pointsman-apim/", env!("CARGO_PKG_VERSION"));

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

/// How a client behaves. `..Options::default()` fills in the rest.
#[derive(Clone)]
pub struct Options {
    /// The cloud, for the authority and the audience of tokens.
    pub cloud: Cloud,
    /// What tokens are asked for, where it is not the cloud's.
    pub audience: Option<Audience>,
    /// An emulator of the identity services, on this machine, to ask instead of the real ones.
    pub identity: Option<BaseUrl>,
    /// Whether requests go through a proxy.
    pub proxy: Proxy,
    /// How long a connection may take to be made.
    pub connect_timeout: Duration,
    /// How long a call may take.
    pub call_timeout: Duration,
    /// Where the time comes from that ends of tokens are compared with.
    pub clock: Clock,
    /// Where the variables come from that credentials are found by.
    pub variables: Variables,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            cloud: Cloud::default(),
            audience: None,
            identity: None,
            proxy: Proxy::default(),
            connect_timeout: Duration::from_secs(CONNECT_SECS_MAX),
            call_timeout: Duration::from_secs(CALL_SECS_MAX),
            clock: Arc::new(Timestamp::now),
            variables: process_variables(),
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("cloud", &self.cloud)
            .field("audience", &self.audience)
            .field("identity", &self.identity)
            .field("proxy", &self.proxy)
            .field("connect_timeout", &self.connect_timeout)
            .field("call_timeout", &self.call_timeout)
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

/// A client of one endpoint. Cloning shares connections and token.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    http: reqwest::Client,
    endpoint: Endpoint,
    tokens: Arc<Tokens>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("endpoint", &self.inner.endpoint).finish_non_exhaustive()
    }
}

impl Client {
    /// Makes a client. Nothing is sent yet.
    pub fn new(
        endpoint: Endpoint,
        credential: Credential,
        options: Options,
    ) -> Result<Self, BuildError> {
        if let Some(base) = options.identity.as_ref().filter(|base| !base.is_loopback()) {
            return Err(BuildError::Identity(base.clone()));
        }
        let http = http_client(&endpoint, &credential, &options)?;
        let audience = options.audience.unwrap_or_else(|| Audience::of_cloud(options.cloud));
        let source = credential.source(Surroundings {
            transport: Transport { http: http.clone(), instead: options.identity },
            cloud: options.cloud,
            audience,
            variables: options.variables,
        })?;
        let tokens = Arc::new(Tokens::new(source, options.clock));
        Ok(Self { inner: Arc::new(Inner { http, endpoint, tokens }) })
    }

    /// Where requests go.
    pub fn endpoint(&self) -> &Endpoint {
        &self.inner.endpoint
    }

    /// Opens a connection and fetches a token ahead of need. Any answer will do.
    pub async fn warm(&self, call: RequestId) -> Result<(), Error> {
        let inner = &self.inner;
        let connect = async {
            let url = format!("{}/", inner.endpoint.base());
            let head = inner.http.head(url).header(request::CLIENT_REQUEST_ID, call.to_string());
            head.send().await.map_err(|error| failed(error, call))
        };
        let token = async {
            let ids = || Ids::unanswered(call);
            inner.tokens.get().await.map_err(|failure| Error::Credential { failure, ids: ids() })
        };
        tokio::try_join!(connect, token)?;
        Ok(())
    }

    /// Get: reads a backend. Repeated once if the connection breaks under it.
    pub async fn get(&self, id: &BackendId, call: RequestId) -> Result<Backend, Error> {
        let span = span("get", id, call);
        let run = async {
            let endpoint = &self.inner.endpoint;
            let answer = match self.send(request::get(endpoint, id, call), call).await {
                Err(Error::Unknown { cause: Uncertainty::Broken(cause), .. }) => {
                    tracing::debug!(cause, "the connection broke under a read; once more");
                    self.send(request::get(endpoint, id, call), call).await
                }
                answer => answer,
            };
            response::get(call, answer?)
        };
        run.instrument(span).await
    }

    /// Update: merges a patch into the backend that is still in the state marked by `etag`.
    pub async fn update(
        &self,
        id: &BackendId,
        etag: &ETag,
        patch: &Patch,
        call: RequestId,
    ) -> Result<Backend, Error> {
        let span = span("update", id, call);
        let request = request::update(&self.inner.endpoint, id, etag, patch, call);
        let run = async { response::update(call, self.send(request, call).await?) };
        run.instrument(span).await
    }

    /// Reconnect: has the gateway open a new connection to the backend after a delay. Accepted is
    /// not yet done, and cannot be recalled.
    pub async fn reconnect(
        &self,
        id: &ServiceBackendId,
        after: After,
        call: RequestId,
    ) -> Result<Accepted, Error> {
        let span = span("reconnect", id, call);
        let request = request::reconnect(&self.inner.endpoint, id, after, call);
        let run = async { response::reconnect(call, &self.send(request, call).await?) };
        run.instrument(span).await
    }

    /// Sends a request with a token, and reads the whole answer.
    async fn send(
        &self,
        mut request: Request<Bytes>,
        call: RequestId,
    ) -> Result<Response<Bytes>, Error> {
        let Inner { http, tokens, .. } = &*self.inner;
        let token = tokens
            .get()
            .await
            .map_err(|failure| Error::Credential { failure, ids: Ids::unanswered(call) })?;
        request.headers_mut().insert(AUTHORIZATION, token.header().clone());
        let request = request.try_into().map_err(|error| failed(error, call))?;
        let mut answer = http.execute(request).await.map_err(|error| failed(error, call))?;
        let status = answer.status();
        if status == StatusCode::UNAUTHORIZED {
            tokens.reject(&token);
        }
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = status;
        *response.headers_mut() = std::mem::take(answer.headers_mut());
        record(call, &response);
        *response.body_mut() = body(answer, &response, call).await?;
        Ok(response)
    }
}

/// Reads a body within its bound. A body of one piece, which is most of them, is not copied.
async fn body(
    mut answer: reqwest::Response,
    head: &Response<Bytes>,
    call: RequestId,
) -> Result<Bytes, Error> {
    let too_large = || Error::Unreadable {
        status: head.status(),
        reason: Garbled::TooLarge { max: BODY_BYTES_MAX },
        ids: Meta::read(call, head.headers()).ids,
    };
    let mut next = async || answer.chunk().await.map_err(|error| failed(error, call));
    let Some(first) = next().await? else {
        return Ok(Bytes::new());
    };
    if first.len() > BODY_BYTES_MAX {
        return Err(too_large());
    }
    let Some(second) = next().await? else {
        return Ok(first);
    };
    let mut whole = BytesMut::from(first);
    let mut chunk = Some(second);
    while let Some(more) = chunk {
        if whole.len() + more.len() > BODY_BYTES_MAX {
            return Err(too_large());
        }
        whole.extend_from_slice(&more);
        chunk = next().await?;
    }
    Ok(whole.freeze())
}

fn span(operation: &'static str, id: &impl fmt::Display, call: RequestId) -> Span {
    info_span!(
        telemetry::CALL_SPAN,
        operation,
        backend = %id,
        client_request_id = %call,
        status = Empty,
        request_id = Empty,
        correlation_id = Empty,
    )
}

fn record(call: RequestId, response: &Response<Bytes>) {
    let span = Span::current();
    if span.is_disabled() {
        return;
    }
    span.record("status", response.status().as_u16());
    let Ids { request, correlation, .. } = Meta::read(call, response.headers()).ids;
    span.record("request_id", request);
    span.record("correlation_id", correlation);
}

/// Sorts a transport error: what is known not to have been sent, and what is not.
fn failed(error: reqwest::Error, call: RequestId) -> Error {
    let ids = Ids::unanswered(call);
    // The address is in the span already, and its text may be long.
    let error = error.without_url();
    if error.is_connect() || error.is_builder() {
        Error::NotSent { cause: causes(&error), ids }
    } else if error.is_timeout() {
        Error::Unknown { cause: Uncertainty::Timeout, ids }
    } else {
        Error::Unknown { cause: Uncertainty::Broken(causes(&error)), ids }
    }
}

fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        text.push_str(": ");
        text.push_str(&error.to_string());
        next = error.source();
    }
    scrubbed(&text, CAUSE_CHARS_MAX)
}

fn http_client(
    endpoint: &Endpoint,
    credential: &Credential,
    options: &Options,
) -> Result<reqwest::Client, BuildError> {
    let mut builder = reqwest::Client::builder()
        .user_agent(USER_AGENT)
        .connect_timeout(options.connect_timeout)
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
    let fetches = match credential {
        Credential::Static(_) | Credential::Source(_) => false,
        Credential::ManagedIdentity { .. }
        | Credential::WorkloadIdentity
        | Credential::Environment
        | Credential::ClientSecret { .. }
        | Credential::AzureCli
        | Credential::Auto => true,
    };
    let identity_is_plain = options.identity.as_ref().is_some_and(|base| !base.is_secure());
    endpoint.base().is_secure() || (fetches && !identity_is_plain)
}

#[cfg(test)]
#[path = "client_tests/mod.rs"]
mod tests;
