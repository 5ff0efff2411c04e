//! The emulated gateways: they route real HTTP by the configuration that was written.
//!
//! `/{backend}/any/path?query` goes to the url of a Single, or to a member of a Pool by priority
//! and weight ([`crate::gateway::balance`]). The `Host` says whose backend:
//! `contoso-apim.azure-api.net` is the service `contoso-apim`, `team.contoso-apim.azure-api.net`
//! its workspace `team`, and any other host the first service. A member that does not exist, or is
//! a pool itself, is skipped. A request is tried once, as a real gateway does without a retry
//! policy: a backend that cannot be reached is a 500, one that does not answer in time a 504. The
//! result counts for the backend's circuit breaker ([`crate::gateway::breaker`]); a backend that is
//! tripped, and a pool that has nobody left, answer 503 or the status of their `failureResponse`.
//!
//! Several gateways are behind the one port and take turns; a request with `x-emulator-gateway`
//! goes to the one of that number. Each has a rotation, breakers and connections of its own, and
//! gets a new configuration in its own time.
//!
//! A reconnect that is due makes each gateway forget its connections to the backend: the next
//! request opens a new one, and the admin state shows how many were opened and when.
//!
//! `/metrics` is for Prometheus. An answer names the backend that gave it in `x-emulator-backend`
//! and the gateway in `x-emulator-gateway`. Session affinity is kept as data, without effect.

use crate::{
    address::Address,
    gateway::{
        breaker::{Came, Ended, Reason},
        forward::Route,
        routes::Refusal,
    },
    query::decoded,
    serve::{Cut, text},
    state::Shared,
};
use axum::{
    Json,
    body::Body,
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode, header};
use hyper::body::Incoming;
use jiff::Timestamp;
use serde_json::json;
use std::{sync::Arc, time::Duration};

const BACKEND_HEADER: HeaderName = HeaderName::from_static("x-emulator-backend");
const GATEWAY_HEADER: HeaderName = HeaderName::from_static("x-emulator-gateway");
/// What a gateway's host name ends with in the public cloud.
const HOST_TAIL: &str = ".azure-api.net";

/// Answers one request on the gateways' port.
pub(crate) async fn handle(
    shared: Arc<Shared>,
    request: Request<Incoming>,
) -> Result<Response, Cut> {
    let path = request.uri().path();
    if path == "/metrics" {
        let page = shared.lock().traffic.prometheus();
        let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
        return Ok((kind, page).into_response());
    }
    let rest = path.trim_start_matches('/');
    let (name, rest) = rest.split_once('/').unwrap_or((rest, ""));
    let query = request.uri().query();
    let place = place(&shared, text(request.headers(), &header::HOST).unwrap_or_default());
    let name = place.map(|place| place.beside(&decoded(name).unwrap_or_default()));
    let wanted = text(request.headers(), &GATEWAY_HEADER).and_then(|number| number.parse().ok());
    let began = shared.clock.now();
    // A service that is not here has no backends here.
    let (gateway, route) = shared.lock().gateways.pick(wanted, name.as_ref());
    let route = match route {
        Ok(route) => route,
        Err(Refusal { pool, backend, status, why }) => {
            count(&shared, pool, backend, status);
            return Ok(refusal(gateway, status, why));
        }
    };
    let Route { pool, backend, url, .. } = &route;
    let target = match query {
        None => format!("{url}/{rest}"),
        Some(query) => format!("{url}/{rest}?{query}"),
    };
    let mut request = request;
    strip(request.headers_mut());
    request.headers_mut().remove(header::HOST);
    let answered = match target.parse() {
        Ok(target) => shared.forwarder.forward(request, &route, target).await,
        Err(_) => Err(Reason::CONNECTION),
    };
    let (mut response, came) = match answered {
        Ok(response) => {
            let status = response.status().as_u16();
            let retry_after = retry_after(response.headers(), shared.clock.now());
            (response.map(Body::new), Came::Answered { status, retry_after })
        }
        Err(reason) => {
            let why = "The backend could not be reached.";
            (refusal(gateway, reason.status, why), Came::Unanswered(reason))
        }
    };
    strip(response.headers_mut());
    put(&mut response, BACKEND_HEADER, &backend.to_string());
    put(&mut response, GATEWAY_HEADER, &gateway.to_string());
    shared.lock().ended(&route, Ended { came, began, at: shared.clock.now() });
    let pool = pool.as_ref().map(ToString::to_string);
    count(&shared, pool, Some(backend.to_string()), response.status());
    Ok(response)
}

/// The service and the workspace that a host name means, as an address without a name; none where
/// there is no such service.
fn place(shared: &Shared, host: &str) -> Option<Address> {
    let host = host.split(':').next().unwrap_or(host).to_ascii_lowercase();
    let Some(host) = host.strip_suffix(HOST_TAIL) else {
        return Some(Address::from(""));
    };
    let (workspace, service) = match host.rsplit_once('.') {
        None => (None, host),
        Some((workspace, service)) => (Some(workspace.into()), service),
    };
    let service = shared.services.named(service)?.clone();
    Some(shared.services.home(Address::new(Some(service), workspace, "")))
}

/// How long a backend's Retry-After says to wait: in seconds, or until a date.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = text(headers, &header::RETRY_AFTER)?;
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    Some(crate::clock::left(now, until))
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

fn put(response: &mut Response, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// A refusal of the gateway's own.
fn refusal(gateway: usize, status: StatusCode, message: &str) -> Response {
    let body = json!({"statusCode": status.as_u16(), "message": message});
    let mut response = (status, Json(body)).into_response();
    put(&mut response, GATEWAY_HEADER, &gateway.to_string());
    response
}
