//! A backend as the service told it, kept to the letter.
//!
//! The service knows fields that no published model has, and other people's typed clients were
//! seen to erase them. So what was received is kept whole, as bytes and as a JSON tree, and the
//! typed part is a *view* that looks at it when asked. What is written back is cut from the bytes
//! (see [`pool::Edit`]), so that even the spelling of a number survives.
//!
//! Bodies hold secrets in clear. `Debug` prints [`Backend::redacted`]; nothing else here prints.

use std::fmt;

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::Value;

use crate::etag::ETag;
use crate::meta::Meta;
use crate::pool::{self, Pool};
use crate::secret;

/// How much of a value an error repeats, in characters.
const SHOWN_CHARS_MAX: usize = 80;

/// One state of a backend: its mark, what was said about the answer, and the body.
#[derive(Clone)]
pub struct Backend {
    etag: ETag,
    meta: Meta,
    body: Bytes,
    raw: Value,
}

/// Whether a backend is one, or a pool of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One backend, with an address.
    Single,
    /// A pool of backends.
    Pool,
}

/// A part of a backend is not as the published model has it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct Unreadable {
    path: String,
    problem: Problem,
}

impl Unreadable {
    pub(crate) fn new(path: impl Into<String>, problem: Problem) -> Self {
        Self { path: path.into(), problem }
    }

    /// Where it is: `properties.pool.services[1].weight`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What is wrong there.
    pub fn problem(&self) -> &Problem {
        &self.problem
    }
}

/// What is wrong with a part of a backend.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// It is not there.
    #[error("it is missing")]
    Missing,
    /// It is something else.
    #[error("it is {found}, and should be {wanted}")]
    Wrong {
        /// What is there, cut short.
        found: String,
        /// What was wanted.
        wanted: &'static str,
    },
    /// There are more or fewer than the bounds.
    #[error("it has {found} entries, and 1 to {max} are allowed")]
    Count {
        /// How many there are.
        found: usize,
        /// How many there may be.
        max: usize,
    },
    /// A key is there twice, so that which one counts cannot be known.
    #[error("a key stands in it twice")]
    Repeated,
}

impl Backend {
    /// Takes a body that was received with its mark. The error is the JSON parser's, whose text
    /// tells a place and never the content.
    pub fn parse(etag: ETag, meta: Meta, body: Bytes) -> Result<Self, serde_json::Error> {
        let raw = serde_json::from_slice(&body)?;
        Ok(Self::of_parts(etag, meta, body, raw))
    }

    /// Takes a body together with the tree that was read from it.
    pub(crate) fn of_parts(etag: ETag, meta: Meta, body: Bytes, raw: Value) -> Self {
        Self { etag, meta, body, raw }
    }

    /// The mark of this state.
    pub fn etag(&self) -> &ETag {
        &self.etag
    }

    /// The service's time when it answered, to the second, by its `Date` header.
    pub fn date(&self) -> Option<Timestamp> {
        self.meta.date
    }

    /// What was said about the answer.
    pub fn meta(&self) -> &Meta {
        &self.meta
    }

    /// The body as a tree, keys in their order. **It holds secrets.**
    pub fn raw(&self) -> &Value {
        &self.raw
    }

    /// The body as it was received. **It holds secrets.**
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The body with everything secret replaced by `***`; fit to be shown.
    pub fn redacted(&self) -> Value {
        secret::redacted(&self.raw)
    }

    fn property(&self, name: &str) -> Option<&Value> {
        self.raw.get("properties").and_then(|properties| properties.get(name))
    }

    /// Whether it is one backend or a pool. A body without a type is a pool if it has one, since
    /// the type came later than the backends.
    pub fn kind(&self) -> Result<Kind, Unreadable> {
        match self.property("type") {
            None | Some(Value::Null) => match self.property("pool") {
                None | Some(Value::Null) => Ok(Kind::Single),
                Some(_) => Ok(Kind::Pool),
            },
            Some(Value::String(text)) if text.eq_ignore_ascii_case("Single") => Ok(Kind::Single),
            Some(Value::String(text)) if text.eq_ignore_ascii_case("Pool") => Ok(Kind::Pool),
            Some(other) => Err(Unreadable::new("properties.type", wrong(other, "Single or Pool"))),
        }
    }

    /// The members of a pool, in the order in which the service lists them.
    pub fn pool(&self) -> Result<Pool<'_>, Unreadable> {
        pool::read(self.property("pool"))
    }
}

impl fmt::Debug for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backend")
            .field("etag", &self.etag)
            .field("meta", &self.meta)
            .field("body", &format_args!("{}", self.redacted()))
            .finish()
    }
}

/// Names a value without telling much of it.
pub(crate) fn wrong(found: &Value, wanted: &'static str) -> Problem {
    let found = match found {
        Value::Null => "null".to_owned(),
        Value::Bool(_) | Value::Number(_) => found.to_string(),
        Value::String(text) => {
            let text: String = text.chars().take(SHOWN_CHARS_MAX).collect();
            format!("{text:?}")
        }
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    };
    Problem::Wrong { found, wanted }
}

#[cfg(test)]
#[path = "backend_tests.rs"]
mod tests;
