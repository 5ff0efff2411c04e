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

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderValue, IF_MATCH};
use http::{Method, Request};

use crate::document::Document;
use crate::duration::After;
use crate::endpoint::Endpoint;
use crate::etag::ETag;
use crate::id::{BackendId, Scope, ServiceBackendId, SubscriptionId};
use crate::list::{NextLink, Query};
use crate::meta::{CLIENT_REQUEST_ID, RequestId};
use crate::patch::Patch;
use crate::put::{Draft, Overwrite, features};
use crate::version::{Feature, NotOffered};

/// The version in which Azure Resource Manager lists subscriptions.
const SUBSCRIPTIONS_VERSION: &str = "2022-12-01";

/// A request; or what it needs, and the endpoint's version does not have.
pub type Asked = Result<Request<Bytes>, NotOffered>;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// List: the backends of a service or a workspace, page by page, with their secrets in clear.
pub fn list(endpoint: &Endpoint, scope: &Scope, query: &Query, call: RequestId) -> Asked {
    let url = url(endpoint, scope, scope, "/backends")? + &query.parameters();
    Ok(build(Method::GET, url, call, Bytes::new()))
}

/// Subscriptions - List: those that the credential can see, page by page.
pub fn subscriptions(endpoint: &Endpoint, call: RequestId) -> Request<Bytes> {
    let version = SUBSCRIPTIONS_VERSION.parse().expect("it is a version");
    let url = endpoint.at_version(version).url(&"", "/subscriptions");
    build(Method::GET, url, call, Bytes::new())
}

/// Api Management Service - List: the services of a subscription, page by page.
pub fn services(
    endpoint: &Endpoint,
    subscription: SubscriptionId,
    call: RequestId,
) -> Request<Bytes> {
    let id = format!("/subscriptions/{subscription}");
    let url = endpoint.url(&id, "/providers/Microsoft.ApiManagement/service");
    build(Method::GET, url, call, Bytes::new())
}

/// List, the next page, at the address that the page before it named. The version of the API is in
/// there already.
pub fn list_next(link: &NextLink, call: RequestId) -> Request<Bytes> {
    build(Method::GET, link.as_str().to_owned(), call, Bytes::new())
}

/// GetEntityTag: reads the ETag of a backend alone.
pub fn entity_tag(endpoint: &Endpoint, id: &BackendId, call: RequestId) -> Asked {
    backend(Method::HEAD, endpoint, id, call, Bytes::new())
}

/// Get: reads a backend, with its ETag and, in clear, its secrets.
pub fn get(endpoint: &Endpoint, id: &BackendId, call: RequestId) -> Asked {
    backend(Method::GET, endpoint, id, call, Bytes::new())
}

/// Create Or Update of a backend that was seen not to be there: no condition is sent.
pub fn create(endpoint: &Endpoint, id: &BackendId, draft: &Draft, call: RequestId) -> Asked {
    offered(endpoint, draft.document())?;
    backend(Method::PUT, endpoint, id, call, draft.document().body().clone())
}

/// Create Or Update of the backend that still has the ETag `etag`: replaces all of
/// it.
pub fn replace(
    endpoint: &Endpoint,
    id: &BackendId,
    etag: &ETag,
    draft: &Draft,
    call: RequestId,
) -> Asked {
    Ok(conditional(create(endpoint, id, draft, call)?, etag.header()))
}

/// Create Or Update of whatever is there: replaces all of it, unseen.
pub fn overwrite(
    endpoint: &Endpoint,
    id: &BackendId,
    _leave: Overwrite,
    draft: &Draft,
    call: RequestId,
) -> Asked {
    Ok(conditional(create(endpoint, id, draft, call)?, HeaderValue::from_static("*")))
}

/// Update: merges a patch into the backend that still has the ETag `etag`.
pub fn update(
    endpoint: &Endpoint,
    id: &BackendId,
    etag: &ETag,
    patch: &Patch,
    call: RequestId,
) -> Asked {
    offered(endpoint, patch.document())?;
    let request = backend(Method::PATCH, endpoint, id, call, patch.bytes().clone())?;
    Ok(conditional(request, etag.header()))
}

/// Delete: takes away the backend that still has the ETag `etag`.
pub fn delete(endpoint: &Endpoint, id: &BackendId, etag: &ETag, call: RequestId) -> Asked {
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
    let body = format!(r#"{{"properties":{{"after":"{after}"}}}}"#);
    build(Method::POST, endpoint.url(id, "/reconnect"), call, body.into())
}

fn backend(
    method: Method,
    endpoint: &Endpoint,
    id: &BackendId,
    call: RequestId,
    body: Bytes,
) -> Asked {
    let url = url(endpoint, id.scope(), id, "")?;
    Ok(build(method, url, call, body))
}

/// Refuses a body that has what the version is known not to have.
fn offered(endpoint: &Endpoint, document: &Document) -> Result<(), NotOffered> {
    features(document).into_iter().try_for_each(|feature| endpoint.version().offers(feature))
}

/// The address of what is in a scope, if the version has such scopes.
fn url(
    endpoint: &Endpoint,
    scope: &Scope,
    id: &impl fmt::Display,
    tail: &str,
) -> Result<String, NotOffered> {
    if scope.workspace.is_some() {
        endpoint.version().offers(Feature::Workspaces)?;
    }
    Ok(endpoint.url(id, tail))
}

fn conditional(mut request: Request<Bytes>, state: HeaderValue) -> Request<Bytes> {
    request.headers_mut().insert(IF_MATCH, state);
    request
}

fn build(method: Method, url: String, call: RequestId, body: Bytes) -> Request<Bytes> {
    let mut request = Request::new(body);
    *request.method_mut() = method;
    // A base of at most 500 bytes, a path of bounded names and a bounded query, all encoded; or the
    // address of a next page, which was read as one.
    let uri = url.try_into().expect("a validated base and an encoded path are an address");
    *request.uri_mut() = uri;
    let has_body = !request.body().is_empty();
    let headers = request.headers_mut();
    headers.insert(ACCEPT, JSON);
    if has_body {
        headers.insert(CONTENT_TYPE, JSON);
    }
    let call = HeaderValue::try_from(call.to_string()).expect("a UUID is visible ASCII");
    headers.insert(CLIENT_REQUEST_ID, call);
    request
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
