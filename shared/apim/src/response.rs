//! Answers, read without IO.
//!
//! One function for each kind of answer, from status, headers and body to what was asked for or to an
//! [`Error`] that says what it means.

use bytes::Bytes;
use http::header::{ETAG, HeaderMap};
use http::{Response, StatusCode};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::answer::Answer;
use crate::backend::Backend;
use crate::document::Document;
use crate::endpoint::Endpoint;
use crate::error::{Error, Garbled, of_answer};
use crate::etag::ETag;
use crate::list::{NextLink, Page};
use crate::meta::{Meta, RequestId};
use crate::put::Created;

/// The result of a delete. Either way it is not there any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deleted {
    /// Whether the service said 200 or 204. The page does not say how they differ; by the
    /// conventions of Azure Resource Manager, 204 means that there was nothing to delete.
    pub was_there: bool,
    /// What the headers of the answer said.
    pub meta: Meta,
}

/// The ETag of a backend, without its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tagged {
    /// The ETag of its state.
    pub etag: ETag,
    /// What the headers of the answer said.
    pub meta: Meta,
}

/// Reads the answer to List: 200 with a page. The endpoint is where the next page must be.
pub fn list(
    endpoint: &Endpoint,
    call: RequestId,
    response: &Response<Bytes>,
) -> Result<Page, Error> {
    let (status, meta) = success(call, response)?;
    match page(endpoint, status, response.body()) {
        Ok((backends, count, next)) => Ok(Page { backends, count, next, meta }),
        Err(reason) => Err(unreadable(status, meta, reason)),
    }
}

/// Reads the answer to GetEntityTag: 200 with an ETag. There is never a body, so that a 404 cannot
/// say what is missing; the service's own has an id of the request.
pub fn entity_tag(call: RequestId, response: &Response<Bytes>) -> Result<Tagged, Error> {
    if response.status() == StatusCode::NOT_FOUND {
        let answer = Answer::read(call, response);
        if answer.ids.request.is_some() {
            return Err(Error::NotFound(Box::new(answer)));
        }
    }
    let (status, meta) = success(call, response)?;
    match etag(response.headers()) {
        _ if status != StatusCode::OK => Err(unreadable(status, meta, Garbled::Status)),
        Some(etag) => Ok(Tagged { etag, meta }),
        None => Err(unreadable(status, meta, Garbled::NoEtag)),
    }
}

/// Reads the answer to Get, Replace and Update: 200 with the ETag and the whole body. A 201 to a
/// Replace would tell that there was nothing to replace, which its `If-Match` forbids.
pub fn backend(call: RequestId, response: Response<Bytes>) -> Result<Backend, Error> {
    state(call, response, &[StatusCode::OK])
}

/// Reads the answer to a Create or an Overwrite: 201 with the ETag and the body, or 200 where
/// something was there.
pub fn created(call: RequestId, response: Response<Bytes>) -> Result<Created, Error> {
    let is_new = response.status() == StatusCode::CREATED;
    let backend = state(call, response, &[StatusCode::OK, StatusCode::CREATED])?;
    Ok(if is_new { Created::New(backend) } else { Created::Replaced(backend) })
}

/// Reads the answer to Delete: 200 or 204. A 200 has no body; one with a page in it comes from
/// something in between.
pub fn delete(call: RequestId, response: &Response<Bytes>) -> Result<Deleted, Error> {
    let (status, meta) = success(call, response)?;
    match status {
        StatusCode::OK if response.body().is_empty() => Ok(Deleted { was_there: true, meta }),
        StatusCode::NO_CONTENT => Ok(Deleted { was_there: false, meta }),
        _ => Err(unreadable(status, meta, Garbled::Status)),
    }
}

/// Reads the answer to Reconnect: 202 without a body; its date is when the delay began. Another
/// success without a body means the same; one with a body comes from something in between, and
/// leaves it open.
pub fn reconnect(call: RequestId, response: &Response<Bytes>) -> Result<Meta, Error> {
    let (status, meta) = success(call, response)?;
    if status == StatusCode::ACCEPTED || response.body().is_empty() {
        Ok(meta)
    } else {
        Err(unreadable(status, meta, Garbled::Status))
    }
}

fn state(
    call: RequestId,
    response: Response<Bytes>,
    wanted: &[StatusCode],
) -> Result<Backend, Error> {
    let tag = etag(response.headers());
    let (status, meta) = success(call, &response)?;
    let body = response.into_body();
    let read = object(status, &body, wanted).and_then(|raw| Ok((tag.ok_or(Garbled::NoEtag)?, raw)));
    match read {
        Ok((etag, raw)) => Ok(Backend::of_parts(etag, meta, Document::of_parts(body, raw))),
        Err(reason) => Err(unreadable(status, meta, reason)),
    }
}

/// The status of an answer and what its headers say, if that is a success.
fn success(call: RequestId, response: &Response<Bytes>) -> Result<(StatusCode, Meta), Error> {
    let status = response.status();
    if status.is_success() {
        Ok((status, Meta::read(call, response.headers())))
    } else {
        Err(of_answer(Answer::read(call, response)))
    }
}

fn unreadable(status: StatusCode, meta: Meta, reason: Garbled) -> Error {
    Error::Unreadable { status, reason, ids: meta.ids }
}

fn object(status: StatusCode, body: &[u8], wanted: &[StatusCode]) -> Result<Value, Garbled> {
    if body.is_empty() {
        return Err(Garbled::Empty);
    }
    if !wanted.contains(&status) {
        return Err(Garbled::Status);
    }
    let raw: Value = serde_json::from_slice(body)
        .map_err(|error| Garbled::NotJson { line: error.line(), column: error.column() })?;
    if raw.is_object() { Ok(raw) } else { Err(Garbled::NotJson { line: 1, column: 1 }) }
}

/// A page as it is sent; each backend keeps its text.
#[derive(serde::Deserialize)]
struct WirePage<'a> {
    #[serde(borrow)]
    value: Vec<&'a RawValue>,
    #[serde(default)]
    count: Option<u64>,
    #[serde(default, rename = "nextLink")]
    next: Option<String>,
}

type Parts = (Vec<Document>, Option<u64>, Option<NextLink>);

fn page(endpoint: &Endpoint, status: StatusCode, body: &Bytes) -> Result<Parts, Garbled> {
    object(status, body, &[StatusCode::OK])?;
    let page: WirePage<'_> = serde_json::from_slice(body).map_err(|_| {
        Garbled::Page("it has no array of values, or its count or link is not valid")
    })?;
    let document = |raw: &&RawValue| {
        let tree: Value = serde_json::from_str(raw.get()).unwrap_or_default();
        let bytes = body.slice_ref(raw.get().as_bytes());
        if tree.is_object() {
            Ok(Document::of_parts(bytes, tree))
        } else {
            Err(Garbled::Page("one of its values is not an object"))
        }
    };
    let backends = page.value.iter().map(document).collect::<Result<_, _>>()?;
    // The service was seen to write an empty link where there is no next page.
    let next = page.next.filter(|link| !link.is_empty());
    let next = next.map(|link| NextLink::new(endpoint, &link)).transpose()?;
    Ok((backends, page.count, next))
}

fn etag(headers: &HeaderMap) -> Option<ETag> {
    headers.get(ETAG)?.to_str().ok()?.parse().ok()
}

#[cfg(test)]
#[path = "response_tests.rs"]
mod tests;
