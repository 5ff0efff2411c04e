//! Requests, built without IO.
//!
//! Each function gives a whole request except its `Authorization`, which the sender adds.
//! A request that changes what is there takes an [`ETag`] by type, creating is another function,
//! and Reconnect takes a backend at service level by type; what must not be sent does not compile.
//! Bodies are within every published bound by type ([`Draft`], [`Patch`]). What is left to fail is
//! that the endpoint's version does not have what is asked for.
//!
//! The caller gives each request its id, which goes out as `x-ms-client-request-id` and is found
//! again in Azure's activity log, in the error and in the span.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue, IF_MATCH};
use http::{Method, Request};
use uuid::Uuid;

use crate::duration::{self, After, BelowMinimum};
use crate::endpoint::Endpoint;
use crate::etag::ETag;
use crate::id::{BackendId, Scope, ServiceBackendId, WorkspaceName};
use crate::list::{NextLink, Query};
use crate::patch::Patch;
use crate::put::{Draft, Overwrite};
use crate::version::{Feature, NotOffered};

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

/// List: the backends of a service or a workspace, page by page, with their secrets in clear.
pub fn list(
    endpoint: &Endpoint,
    scope: &Scope,
    query: &Query,
    call: RequestId,
) -> Result<Request<Bytes>, NotOffered> {
    offered(endpoint, scope.workspace())?;
    let url = endpoint.url(&scope.arm_path()) + &query.parameters();
    Ok(build(Method::GET, url, call, Bytes::new()))
}

/// List, the next page, at the address that the page before it named. The version of the API is in
/// there already.
pub fn list_next(link: &NextLink, call: RequestId) -> Request<Bytes> {
    build(Method::GET, link.as_str().to_owned(), call, Bytes::new())
}

/// GetEntityTag: reads the mark of a backend alone.
pub fn entity_tag(
    endpoint: &Endpoint,
    id: &BackendId,
    call: RequestId,
) -> Result<Request<Bytes>, NotOffered> {
    backend(Method::HEAD, endpoint, id, call, Bytes::new())
}

/// Get: reads a backend, with its mark and, in clear, its secrets.
pub fn get(
    endpoint: &Endpoint,
    id: &BackendId,
    call: RequestId,
) -> Result<Request<Bytes>, NotOffered> {
    backend(Method::GET, endpoint, id, call, Bytes::new())
}

/// Create Or Update of a backend that was seen not to be there: no condition is sent.
pub fn create(
    endpoint: &Endpoint,
    id: &BackendId,
    draft: &Draft,
    call: RequestId,
) -> Result<Request<Bytes>, NotOffered> {
    draft.uses().offered_by(endpoint.version())?;
    backend(Method::PUT, endpoint, id, call, draft.document().body().clone())
}

/// Create Or Update of the backend that is still in the state marked by `etag`: replaces all of
/// it.
pub fn replace(
    endpoint: &Endpoint,
    id: &BackendId,
    etag: &ETag,
    draft: &Draft,
    call: RequestId,
) -> Result<Request<Bytes>, NotOffered> {
    Ok(conditional(create(endpoint, id, draft, call)?, etag.header()))
}

/// Create Or Update of whatever is there: replaces all of it, unseen.
pub fn overwrite(
    endpoint: &Endpoint,
    id: &BackendId,
    _leave: Overwrite,
    draft: &Draft,
    call: RequestId,
) -> Result<Request<Bytes>, NotOffered> {
    Ok(conditional(create(endpoint, id, draft, call)?, HeaderValue::from_static("*")))
}

/// Update: merges a patch into the backend that is still in the state marked by `etag`.
pub fn update(
    endpoint: &Endpoint,
    id: &BackendId,
    etag: &ETag,
    patch: &Patch,
    call: RequestId,
) -> Result<Request<Bytes>, NotOffered> {
    patch.uses().offered_by(endpoint.version())?;
    let request = backend(Method::PATCH, endpoint, id, call, patch.bytes().clone())?;
    Ok(conditional(request, etag.header()))
}

/// Delete: takes away the backend that is still in the state marked by `etag`.
pub fn delete(
    endpoint: &Endpoint,
    id: &BackendId,
    etag: &ETag,
    call: RequestId,
) -> Result<Request<Bytes>, NotOffered> {
    let request = backend(Method::DELETE, endpoint, id, call, Bytes::new())?;
    Ok(conditional(request, etag.header()))
}

/// Reconnect: has the gateway open a new connection to the backend after a delay.
///
/// The delay is always sent, though the service would take two minutes for none: what was asked
/// for is then in the request. The operation is the same in every version; its page's is
/// [`ApiVersion::RECONNECT`](crate::version::ApiVersion::RECONNECT).
pub fn reconnect(
    endpoint: &Endpoint,
    id: &ServiceBackendId,
    after: After,
    call: RequestId,
) -> Request<Bytes> {
    reconnect_in(endpoint, id, after.get(), call)
}

/// Reconnect sooner than its page allows, as the page's own example does. What the service makes
/// of it is not published.
pub fn reconnect_below_minimum(
    endpoint: &Endpoint,
    id: &ServiceBackendId,
    after: BelowMinimum,
    call: RequestId,
) -> Request<Bytes> {
    reconnect_in(endpoint, id, after.get(), call)
}

fn reconnect_in(
    endpoint: &Endpoint,
    id: &ServiceBackendId,
    after: Duration,
    call: RequestId,
) -> Request<Bytes> {
    let path = format!("{}/reconnect", id.arm_path());
    let body = format!(r#"{{"properties":{{"after":"{}"}}}}"#, duration::print(after));
    build(Method::POST, endpoint.url(&path), call, body.into())
}

fn backend(
    method: Method,
    endpoint: &Endpoint,
    id: &BackendId,
    call: RequestId,
    body: Bytes,
) -> Result<Request<Bytes>, NotOffered> {
    offered(endpoint, id.workspace())?;
    Ok(build(method, endpoint.url(&id.arm_path()), call, body))
}

fn offered(endpoint: &Endpoint, workspace: Option<&WorkspaceName>) -> Result<(), NotOffered> {
    match workspace {
        None => Ok(()),
        Some(_) => endpoint.version().offers(Feature::Workspaces),
    }
}

fn conditional(mut request: Request<Bytes>, state: HeaderValue) -> Request<Bytes> {
    request.headers_mut().insert(IF_MATCH, state);
    request
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
    // A base of at most 500 bytes, a path of bounded names and a bounded query, all encoded; or the
    // address of a next page, which was read as one.
    url.try_into().expect("a validated base and an encoded path are an address")
}

fn id_header(call: RequestId) -> HeaderValue {
    HeaderValue::try_from(call.to_string()).expect("a UUID is visible ASCII")
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
