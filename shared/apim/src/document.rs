//! A body of a backend as somebody wrote it, kept unchanged.
//!
//! The service knows fields that no published model has, and other people's typed clients were
//! seen to erase them. So a body is kept whole, as bytes and as a JSON tree, and the typed part is
//! a *view* that looks at it when asked. What is written back is cut from the bytes (see
//! [`pool::Edit`](crate::pool::Edit) and [`model`](crate::model)), so that even the spelling of a
//! number survives.
//!
//! Bodies hold secrets in clear. `Debug` prints [`Document::redacted`]; nothing else here prints.

use std::fmt;

use bytes::Bytes;
use serde_json::Value;

use crate::id::BackendName;
use crate::problem::{self, Problem};
use crate::{raw, secret};

/// The largest document that is looked at, in bytes: as large as an answer may be.
pub const DOCUMENT_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The body of a backend: a JSON object, exactly as it was written.
#[derive(Clone, PartialEq, Eq)]
pub struct Document {
    body: Bytes,
    raw: Value,
}

/// Why bytes are not a document. The texts give a place and never the content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// It is not JSON.
    #[error("it is not JSON (line {line}, column {column})")]
    NotJson {
        /// Where, counted from 1.
        line: usize,
        /// Where, counted from 1.
        column: usize,
    },
    /// It is JSON, and not an object.
    #[error("it is not a JSON object")]
    NotObject,
    /// A key is there twice, so that which one counts cannot be known.
    #[error("{path} is in it twice, and readers differ on which one counts")]
    Repeated {
        /// Which: `properties.url`.
        path: String,
    },
    /// It is larger than anything that is looked at.
    #[error("it has {0} bytes, more than {DOCUMENT_BYTES_MAX}")]
    TooLarge(usize),
}

/// Whether a backend is one, or a pool of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One backend, with an address.
    Single,
    /// A pool of backends.
    Pool,
}

impl Document {
    /// Takes a document that was written here or by a person, and has every key once.
    pub fn parse(body: impl Into<Bytes>) -> Result<Self, DocumentError> {
        let body = body.into();
        if body.len() > DOCUMENT_BYTES_MAX {
            return Err(DocumentError::TooLarge(body.len()));
        }
        let raw: Value = serde_json::from_slice(&body).map_err(|error| DocumentError::NotJson {
            line: error.line(),
            column: error.column(),
        })?;
        if !raw.is_object() {
            return Err(DocumentError::NotObject);
        }
        let document = Self { body, raw };
        match raw::repeated(document.text()) {
            Some(path) => Err(DocumentError::Repeated { path: secret::printable(&path) }),
            None => Ok(document),
        }
    }

    /// Takes a body together with the tree that was read from it.
    pub(crate) fn of_parts(body: Bytes, raw: Value) -> Self {
        Self { body, raw }
    }

    /// The body as a tree, keys in their order. **It holds secrets.**
    pub fn raw(&self) -> &Value {
        &self.raw
    }

    /// The body as it was written. **It holds secrets.**
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The body as a text. **It holds secrets.**
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("JSON that was read is UTF-8")
    }

    /// The body with everything secret replaced by `***`; fit to be shown.
    pub fn redacted(&self) -> Value {
        secret::redacted(&self.raw)
    }

    /// The name that the service gives it in its answers.
    pub fn name(&self) -> Result<BackendName, Problem> {
        match self.raw.get("name") {
            None | Some(Value::Null) => {
                Err(Problem::new("name", problem::missing("the service names every backend")))
            }
            Some(name) => name
                .as_str()
                .and_then(|text| text.parse().ok())
                .ok_or_else(|| wrong("name", name, "the name of a backend")),
        }
    }

    pub(crate) fn property(&self, name: &str) -> Option<&Value> {
        self.raw.get("properties").and_then(|properties| properties.get(name))
    }

    /// Whether it is one backend or a pool. A body without a type is a pool if it has one, since
    /// the type came later than the backends.
    pub fn kind(&self) -> Result<Kind, Problem> {
        match self.property("type") {
            None | Some(Value::Null) => match self.property("pool") {
                None | Some(Value::Null) => Ok(Kind::Single),
                Some(_) => Ok(Kind::Pool),
            },
            Some(Value::String(text)) if text.eq_ignore_ascii_case("Single") => Ok(Kind::Single),
            Some(Value::String(text)) if text.eq_ignore_ascii_case("Pool") => Ok(Kind::Pool),
            Some(other) => Err(wrong("properties.type", other, "Single or Pool")),
        }
    }
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.redacted())
    }
}

fn wrong(path: &str, found: &Value, must: &str) -> Problem {
    Problem::new(path, problem::is(&problem::found(found, false), must))
}

#[cfg(test)]
#[path = "document_tests.rs"]
mod tests;
