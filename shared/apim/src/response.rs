//! Answers, read without IO.
//!
//! One function an operation, from status, headers and body to what was asked for or to an
//! [`Error`] that says what it means.

use bytes::Bytes;
use http::header::{ETAG, HeaderMap};
use http::{Response, StatusCode};
use serde_json::Value;

use crate::answer::Answer;
use crate::backend::Backend;
use crate::error::{Error, Garbled, of_answer};
use crate::etag::ETag;
use crate::meta::Meta;
use crate::request::RequestId;

/// A reconnect was accepted. Azure cannot recall it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// What was said about the answer; its date is when the delay began.
    pub meta: Meta,
}

/// Reads the answer to Get: 200 with an ETag and the body.
pub fn get(call: RequestId, response: Response<Bytes>) -> Result<Backend, Error> {
    backend(call, response)
}

/// Reads the answer to Update: 200 with the new ETag and the whole new body.
pub fn update(call: RequestId, response: Response<Bytes>) -> Result<Backend, Error> {
    backend(call, response)
}

/// Reads the answer to Reconnect: 202 without a body. Another success without a body means the
/// same; one with a body comes from something in between, and leaves it open.
pub fn reconnect(call: RequestId, response: &Response<Bytes>) -> Result<Accepted, Error> {
    let status = response.status();
    if !status.is_success() {
        return Err(of_answer(Answer::read(call, response)));
    }
    let meta = Meta::read(call, response.headers());
    if status == StatusCode::ACCEPTED || response.body().is_empty() {
        Ok(Accepted { meta })
    } else {
        Err(Error::Unreadable { status, reason: Garbled::Status, ids: meta.ids })
    }
}

fn backend(call: RequestId, response: Response<Bytes>) -> Result<Backend, Error> {
    let status = response.status();
    if !status.is_success() {
        return Err(of_answer(Answer::read(call, &response)));
    }
    let (parts, body) = response.into_parts();
    let meta = Meta::read(call, &parts.headers);
    match read(status, &parts.headers, &body) {
        Ok((etag, raw)) => Ok(Backend::of_parts(etag, meta, body, raw)),
        Err(reason) => Err(Error::Unreadable { status, reason, ids: meta.ids }),
    }
}

fn read(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Result<(ETag, Value), Garbled> {
    if body.is_empty() {
        return Err(Garbled::Empty);
    }
    if status != StatusCode::OK {
        return Err(Garbled::Status);
    }
    let raw: Value = serde_json::from_slice(body)
        .map_err(|error| Garbled::NotJson { line: error.line(), column: error.column() })?;
    if !raw.is_object() {
        return Err(Garbled::NotJson { line: 1, column: 1 });
    }
    Ok((etag(headers).ok_or(Garbled::NoEtag)?, raw))
}

fn etag(headers: &HeaderMap) -> Option<ETag> {
    headers.get(ETAG)?.to_str().ok()?.parse().ok()
}

#[cfg(test)]
#[path = "response_tests.rs"]
mod tests;
