//! A backend as the service sent it: its ETag, what the headers said, and the body, which
//! is kept unchanged (see [`document`](crate::document)).
//!
//! Bodies hold secrets in clear. `Debug` prints [`Backend::redacted`]; nothing else here prints.

use std::fmt;

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::Value;

pub use crate::document::Kind;

use crate::document::Document;
use crate::etag::ETag;
use crate::meta::Meta;
use crate::problem::Problem;

/// One state of a backend.
#[derive(Clone)]
pub struct Backend {
    etag: ETag,
    meta: Meta,
    document: Document,
}

impl Backend {
    /// Takes a body that was received with its ETag. The error is the JSON parser's, whose text
    /// tells a place and never the content.
    pub fn parse(etag: ETag, meta: Meta, body: Bytes) -> Result<Self, serde_json::Error> {
        let raw = serde_json::from_slice(&body)?;
        Ok(Self::of_parts(etag, meta, Document::of_parts(body, raw)))
    }

    pub(crate) fn of_parts(etag: ETag, meta: Meta, document: Document) -> Self {
        Self { etag, meta, document }
    }

    /// The ETag of this state.
    pub fn etag(&self) -> &ETag {
        &self.etag
    }

    /// The service's time when it answered, to the second, by its `Date` header.
    pub fn date(&self) -> Option<Timestamp> {
        self.meta.date
    }

    /// What the headers of the answer said.
    pub fn meta(&self) -> &Meta {
        &self.meta
    }

    /// The body.
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// The body as a tree, keys in their order. **It holds secrets.**
    pub fn raw(&self) -> &Value {
        self.document.raw()
    }

    /// The body as it was received. **It holds secrets.**
    pub fn body(&self) -> &Bytes {
        self.document.body()
    }

    /// The body with everything secret replaced by `***`; fit to be shown.
    pub fn redacted(&self) -> Value {
        self.document.redacted()
    }

    /// Whether it is one backend or a pool; see [`Document::kind`].
    pub fn kind(&self) -> Result<Kind, Problem> {
        self.document.kind()
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

#[cfg(test)]
#[path = "backend_tests.rs"]
mod tests;
