//! The emulated gateway: it routes real HTTP by the configuration that was written.
//!
//! `/{backend}/any/path?query` goes to the url of a Single, or to a member of a Pool by priority
//! and weight ([`balance`]). Service level only: workspaces have gateways of their own. A member
//! that does not exist, or is a pool itself, is passed over; when nobody is left the caller gets
//! 503. A request is tried once, as a real gateway does without a retry policy: a backend that
//! cannot be reached is a 500, one that does not answer in time a 504.
//!
//! Circuit breakers are not emulated. A `circuitBreaker` is kept as data with its backend and has
//! no effect here: nothing trips, and so no lower priority group ever gets traffic.
//!
//! `/metrics` is for Prometheus. An answer names the backend that gave it in `x-emulator-backend`.

pub(crate) mod balance;
pub(crate) mod routes;
pub(crate) mod traffic;

use crate::{
    address::decoded,
    answer::full,
    serve::{Body, BoxError, Cut},
    state::Shared,
};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, Uri, header};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use routes::Pick;
use serde_json::json;
use std::{sync::Arc, time::Duration};

const BACKEND_HEADER: HeaderName = HeaderName::from_static("x-emulator-backend");
/// How long an idle connection to a member is kept.
const IDLE_SECONDS: u64 = 30;

/// The client side of the gateway: pooled connections to the members.
#[derive(Clone, Debug)]
pub(crate) struct Forwarder {
    client: Client<HttpConnector, Incoming>,
    timeout: Duration,
}

impl Forwarder {
    pub(crate) fn new(timeout: Duration) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(timeout));
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(IDLE_SECONDS))
            .build(connector);
        Self { client, timeout }
    }

    async fn forward(
        &self,
        mut request: Request<Incoming>,
        target: Uri,
    ) -> Result<Response<Incoming>, StatusCode> {
        *request.uri_mut() = target;
        *request.version_mut() = http::Version::HTTP_11;
        strip(request.headers_mut());
        request.headers_mut().remove(header::HOST);
        match tokio::time::timeout(self.timeout, self.client.request(request)).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => {
                tracing::debug!(%error, "a member could not be reached");
                Err(StatusCode::INTERNAL_SERVER_ERROR)
            }
            Err(_) => Err(StatusCode::GATEWAY_TIMEOUT),
        }
    }
}

/// Answers one request on the gateway's port.
pub(crate) async fn handle(
    shared: Arc<Shared>,
    forwarder: Forwarder,
    request: Request<Incoming>,
) -> Result<Response<Body>, Cut> {
    let path = request.uri().path();
    if path == "/metrics" {
        let page = shared.lock().traffic.prometheus();
        let mut response = Response::new(full(page.into()));
        response.headers_mut().insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8"),
        );
        return Ok(response);
    }
    let rest = path.trim_start_matches('/');
    let (name, rest) = rest.split_once('/').unwrap_or((rest, ""));
    let query = request.uri().query();
    let name = decoded(name).unwrap_or_default();
    let pick = shared.lock().routes.pick(&name);
    let (pool, backend, url) = match pick {
        Pick::To { pool, backend, url } => (pool, backend, url),
        Pick::NobodyLeft { pool } => {
            count(&shared, Some(pool), None, StatusCode::SERVICE_UNAVAILABLE);
            let why = "No backend of the pool is available.";
            return Ok(refusal(StatusCode::SERVICE_UNAVAILABLE, why));
        }
        Pick::Unknown => {
            count(&shared, None, None, StatusCode::NOT_FOUND);
            return Ok(refusal(StatusCode::NOT_FOUND, "Resource not found"));
        }
    };
    let target = match query {
        None => format!("{url}/{rest}"),
        Some(query) => format!("{url}/{rest}?{query}"),
    };
    let answered = match target.parse() {
        Ok(target) => forwarder.forward(request, target).await,
        Err(_) => Err(StatusCode::INTERNAL_SERVER_ERROR),
    };
    let mut response = match answered {
        Ok(response) => response.map(|body| body.map_err(BoxError::from).boxed_unsync()),
        Err(status) => refusal(status, "The backend could not be reached."),
    };
    strip(response.headers_mut());
    if let Ok(value) = HeaderValue::from_str(&backend) {
        response.headers_mut().insert(BACKEND_HEADER, value);
    }
    count(&shared, pool, Some(backend), response.status());
    Ok(response)
}

fn count(shared: &Shared, pool: Option<String>, backend: Option<String>, status: StatusCode) {
    shared.lock().traffic.add(pool, backend, status.as_u16());
    shared.changed();
}

/// Headers that concern one connection only (RFC 9110, 7.6.1).
fn strip(headers: &mut HeaderMap) {
    for name in [
        header::CONNECTION,
        HeaderName::from_static("keep-alive"),
        HeaderName::from_static("proxy-connection"),
        header::TE,
        header::TRAILER,
        header::TRANSFER_ENCODING,
        header::UPGRADE,
    ] {
        headers.remove(name);
    }
}

/// The gateway's own way to say no.
fn refusal(status: StatusCode, message: &str) -> Response<Body> {
    let body = json!({"statusCode": status.as_u16(), "message": message});
    let mut response = Response::new(full(body.to_string().into()));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
