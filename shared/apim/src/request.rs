//! Requests, built without IO.
//!
//! Each function gives a whole request but for its `Authorization`, which whoever sends it adds.
//! A request that changes something takes an [`ETag`] by type, and Reconnect takes a backend at
//! service level by type; what must not be sent does not compile.
//!
//! The caller gives each request its id, which goes out as `x-ms-client-request-id` and is found
//! again in Azure's activity log, in the error and in the span.

use std::fmt;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue, IF_MATCH};
use http::{Method, Request};
use uuid::Uuid;

use crate::duration::After;
use crate::endpoint::Endpoint;
use crate::etag::ETag;
use crate::id::{BackendId, ServiceBackendId};
use crate::pool::Patch;

/// The header that carries the caller's own id of a request.
pub const CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("x-ms-client-request-id");

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// The caller's own id of one request. Whoever has a source of ids makes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(Uuid);

impl From<Uuid> for RequestId {
    fn from(id: Uuid) -> Self {
        Self(id)
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

/// Get: reads a backend, with its mark and, in clear, its secrets.
pub fn get(endpoint: &Endpoint, id: &BackendId, call: RequestId) -> Request<Bytes> {
    build(Method::GET, endpoint.url(&id.arm_path()), call, Bytes::new())
}

/// Update: merges a patch into the backend that is still in the state marked by `etag`.
pub fn update(
    endpoint: &Endpoint,
    id: &BackendId,
    etag: &ETag,
    patch: &Patch,
    call: RequestId,
) -> Request<Bytes> {
    let mut request =
        build(Method::PATCH, endpoint.url(&id.arm_path()), call, patch.bytes().clone());
    request.headers_mut().insert(IF_MATCH, etag.header());
    request
}

/// Reconnect: has the gateway open a new connection to the backend after a delay.
///
/// The delay is always sent, though the service would take two minutes for none: what was asked
/// for is then in the request.
pub fn reconnect(
    endpoint: &Endpoint,
    id: &ServiceBackendId,
    after: After,
    call: RequestId,
) -> Request<Bytes> {
    let path = format!("{}/reconnect", id.arm_path());
    let body = format!(r#"{{"properties":{{"after":"{after}"}}}}"#);
    build(Method::POST, endpoint.url(&path), call, body.into())
}

fn build(method: Method, url: String, call: RequestId, body: Bytes) -> Request<Bytes> {
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = uri(url);
    let has_body = !request.body().is_empty();
    let headers = request.headers_mut();
    headers.insert(ACCEPT, JSON);
    if has_body {
        headers.insert(CONTENT_TYPE, JSON);
    }
    headers.insert(CLIENT_REQUEST_ID, id_header(call));
    request
}

fn uri(url: String) -> http::Uri {
    // A base of at most 500 bytes, and a path of bounded names, each percent-encoded.
    url.try_into().expect("a validated base and an encoded path are an address")
}

fn id_header(call: RequestId) -> HeaderValue {
    HeaderValue::try_from(call.to_string()).expect("a UUID is visible ASCII")
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
