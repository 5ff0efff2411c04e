//! What a service says when it refuses.
//!
//! Two shapes are published: `details` of `{code, message, target}` (2022-08-01) and details that
//! nest (2024-05-01); null has been seen for both, and an `innerError` beside them. They are read
//! by one reader that takes what is there. Whatever else comes, such as the page of a proxy in
//! between, is kept as one cut and scrubbed line.

use std::fmt;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap};
use http::{Response, StatusCode};
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::meta::{Ids, Meta, RequestId, RetryAfter};
use crate::secret::{is_secret_key, redacted, scrubbed};

/// The longest message that is kept, in characters.
pub const MESSAGE_CHARS_MAX: usize = 1_000;
/// The longest code or target that is kept, in characters.
pub const CODE_CHARS_MAX: usize = 100;
/// How much is kept of a body that is not an error of the service, in characters.
pub const FOREIGN_CHARS_MAX: usize = 200;
/// How many details are kept, those inside others included.
pub const DETAILS_MAX: usize = 20;
/// How many pieces of additional information are kept.
pub const ADDITIONAL_MAX: usize = 10;
/// The longest piece of additional information that is kept, in characters.
pub const ADDITIONAL_CHARS_MAX: usize = 300;
/// How deep details are looked for.
const DEPTH_MAX: usize = 8;

/// An answer that is not what was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// The ids of the request.
    pub ids: Ids,
    /// The service's time when it answered, to the second, by its `Date` header.
    pub date: Option<Timestamp>,
    /// When the service would have the next try, if it said so.
    pub retry_after: Option<RetryAfter>,
    /// What it said.
    pub said: Said,
}

/// What an answer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// An error as the service writes them.
    Error(Complaint),
    /// Something else: the page of a proxy, or nothing.
    Foreign {
        /// Its content type, if it gave one.
        content_type: Option<String>,
        /// Its length in bytes.
        len: usize,
        /// Its beginning, scrubbed, if it is a text.
        text: Option<String>,
    },
}

/// An error as the service writes them. Every text is cut and scrubbed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Complaint {
    /// Its code, like `ResourceNotFound`; empty if it has none.
    pub code: String,
    /// Its message; empty if it has none.
    pub message: String,
    /// What it is about, if it says so.
    pub target: Option<String>,
    /// Its details, flattened in their order.
    pub details: Vec<Detail>,
    /// The additional information of it and of its details, flattened likewise.
    pub additional: Vec<Additional>,
}

/// One of the details of an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detail {
    /// Its code; empty if it has none.
    pub code: String,
    /// Its message; empty if it has none.
    pub message: String,
    /// What it is about: the name of a field.
    pub target: Option<String>,
}

/// What Azure Resource Manager adds to an error, such as the policy that forbids something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Additional {
    /// What kind of information it is, like `PolicyViolation`.
    pub kind: String,
    /// The information, as JSON, redacted by field.
    pub info: String,
}

impl Answer {
    /// Reads an answer that is not what was asked for.
    pub fn read(call: RequestId, response: &Response<Bytes>) -> Self {
        let Meta { ids, date } = Meta::read(call, response.headers());
        Self {
            status: response.status(),
            ids,
            date,
            retry_after: RetryAfter::read(response.headers()),
            said: said(response.headers(), response.body()),
        }
    }

    /// Status and code: what a caller may know.
    pub(crate) fn short(&self) -> String {
        let status = self.status.as_u16();
        match self.code() {
            "" => status.to_string(),
            code => format!("{status} {code}"),
        }
    }

    /// All else that it said: what an operator needs.
    pub(crate) fn rest(&self) -> String {
        let Self { said, retry_after, ids, .. } = self;
        match retry_after {
            Some(RetryAfter::In(wait)) => {
                format!("{said}; retry after {} s ({ids})", wait.as_secs())
            }
            Some(RetryAfter::At(moment)) => format!("{said}; retry at {moment} ({ids})"),
            None => format!("{said} ({ids})"),
        }
    }

    /// The code of the error; empty if there is none.
    pub fn code(&self) -> &str {
        match &self.said {
            Said::Error(complaint) => &complaint.code,
            Said::Foreign { .. } => "",
        }
    }

    /// Its message; empty if it has none.
    pub fn message(&self) -> &str {
        match &self.said {
            Said::Error(complaint) => &complaint.message,
            Said::Foreign { .. } => "",
        }
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(complaint) => {
                f.write_str(&complaint.message)?;
                for detail in &complaint.details {
                    let Detail { code, message, target } = detail;
                    write!(f, " [{}: {message} ({code})]", target.as_deref().unwrap_or("-"))?;
                }
                for Additional { kind, info } in &complaint.additional {
                    write!(f, " <{kind}: {info}>")?;
                }
                Ok(())
            }
            Self::Foreign { len: 0, .. } => f.write_str("no body"),
            Self::Foreign { content_type, len, text } => {
                let kind = content_type.as_deref().unwrap_or("unnamed type");
                write!(f, "{len} bytes of {kind}, not an error of the service")?;
                match text {
                    Some(text) => write!(f, ": {text}"),
                    None => Ok(()),
                }
            }
        }
    }
}

fn said(headers: &HeaderMap, body: &Bytes) -> Said {
    let error = serde_json::from_slice::<Value>(body).ok().as_ref().and_then(complaint);
    error.map_or_else(
        || Said::Foreign {
            content_type: content_type(headers),
            len: body.len(),
            text: foreign_text(body),
        },
        Said::Error,
    )
}

/// The beginning of a body that is not an error of the service, unless it may be a backend with its
/// secrets:
/// JSON of another shape, JSON that was cut off, or a page that repeats what it was sent.
fn foreign_text(body: &[u8]) -> Option<String> {
    // Enough to fill the bound, however its characters are encoded.
    let head = String::from_utf8_lossy(&body[..body.len().min(FOREIGN_CHARS_MAX * 8)]);
    let head = head.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    if head.starts_with(['{', '[', '"'])
        || ["properties", "credentials"].iter().any(|word| head.contains(word))
    {
        return None;
    }
    Some(scrubbed(head, FOREIGN_CHARS_MAX)).filter(|text| !text.is_empty())
}

fn content_type(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    Some(scrubbed(text, CODE_CHARS_MAX))
}

fn complaint(body: &Value) -> Option<Complaint> {
    let body = body.as_object()?;
    let error = match body.get("error") {
        Some(Value::Object(error)) => error,
        // Some gateways of Azure leave the envelope out.
        None if body.get("code").is_some_and(Value::is_string) => body,
        Some(_) | None => return None,
    };
    let Detail { code, message, target } = detail(error);
    if code.is_empty() && message.is_empty() {
        return None;
    }
    let mut complaint = Complaint { code, message, target, ..Complaint::default() };
    gather(error, &mut complaint, 0);
    Some(complaint)
}

fn gather(error: &Map<String, Value>, into: &mut Complaint, depth: usize) {
    if depth == DEPTH_MAX {
        return;
    }
    additional(error, &mut into.additional);
    let nested = error.get("details").and_then(Value::as_array).into_iter().flatten();
    let inner = ["innerError", "innererror"].into_iter().filter_map(|key| error.get(key));
    for value in nested.chain(inner) {
        if into.details.len() == DETAILS_MAX {
            return;
        }
        let Value::Object(fields) = value else { continue };
        let found = detail(fields);
        if !found.code.is_empty() || !found.message.is_empty() {
            into.details.push(found);
        }
        gather(fields, into, depth + 1);
    }
}

fn additional(error: &Map<String, Value>, into: &mut Vec<Additional>) {
    let about_secret = error.get("target").and_then(Value::as_str).is_some_and(is_secret_target);
    let pieces = error.get("additionalInfo").and_then(Value::as_array).into_iter().flatten();
    for fields in pieces.filter_map(Value::as_object) {
        if into.len() == ADDITIONAL_MAX {
            return;
        }
        let kind = fields.get("type").and_then(Value::as_str).unwrap_or_default();
        let info = match fields.get("info") {
            None | Some(Value::Null) => String::new(),
            Some(_) if about_secret => WITHHELD.to_owned(),
            Some(info) => scrubbed(&redacted(info).to_string(), ADDITIONAL_CHARS_MAX),
        };
        into.push(Additional { kind: scrubbed(kind, CODE_CHARS_MAX), info });
    }
}

/// Targets whose value is secret, though their name does not say so.
const SECRET_TARGETS: [&str; 5] = ["parameter", "authorization", "certificate", "header", "query"];

/// What replaces words about a secret field, which may repeat what it holds.
const WITHHELD: &str = "(withheld, since it is about a secret)";

fn is_secret_target(target: &str) -> bool {
    let lower = target.to_ascii_lowercase();
    is_secret_key(target) || SECRET_TARGETS.iter().any(|word| lower.contains(word))
}

fn detail(fields: &Map<String, Value>) -> Detail {
    let text = |key: &str, max| {
        fields.get(key).and_then(Value::as_str).map(|text| scrubbed(text, max)).unwrap_or_default()
    };
    let target = Some(text("target", CODE_CHARS_MAX)).filter(|target| !target.is_empty());
    let message = if target.as_deref().is_some_and(is_secret_target) {
        WITHHELD.to_owned()
    } else {
        text("message", MESSAGE_CHARS_MAX)
    };
    Detail { code: text("code", CODE_CHARS_MAX), message, target }
}

#[cfg(test)]
#[path = "answer_tests.rs"]
mod tests;
