//! What an Update merges into a backend (RFC 7386).
//!
//! A merge patch names what shall change and nothing else: objects merge, null takes a field out,
//! arrays are replaced whole. That null deletes and that arrays are replaced whole is what the RFC
//! says and no page confirms; the sender of one compares the answer's body with it.
//!
//! There are three ways to a [`Patch`]: [`pool::Edit`](crate::pool::Edit) for weights and
//! priorities, [`Patch::parse`] for what a person wrote, and [`Patch::empty`]. None of them makes
//! one that the service would refuse for its bounds.

use std::fmt;

use bytes::Bytes;
use serde_json::{Map, Value};

use crate::document::Document;
use crate::model::{self, Problems, Purpose};
use crate::put::DraftError;

/// The body of an Update.
#[derive(Clone, PartialEq, Eq)]
pub struct Patch {
    document: Document,
}

/// The result of an edit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edited {
    /// There is something to send.
    Changed(Patch),
    /// Everything is already as it was wanted.
    Unchanged,
}

impl Patch {
    /// A patch that was made of values within their bounds.
    pub(crate) fn made(body: String) -> Self {
        let raw = serde_json::from_str(&body).expect("it is made of JSON");
        Self { document: Document::of_parts(body.into(), raw) }
    }

    /// A patch that changes nothing. Whether the service then changes the `ETag` is not published.
    pub fn empty() -> Self {
        Self::made(r#"{"properties":{}}"#.to_owned())
    }

    /// Reads a merge patch that a person wrote, if all of it is within the published bounds.
    pub fn parse(body: impl Into<Bytes>) -> Result<Self, DraftError> {
        let document = Document::parse(body)?;
        Problems::of(model::validate(document.raw(), Purpose::Patch))?;
        Ok(Self { document })
    }

    /// The merge patch as it is sent. **It may hold secrets.**
    pub fn bytes(&self) -> &Bytes {
        self.document.body()
    }

    /// Whether it replaces an array: the only way in which a merge takes away what it does not
    /// name.
    pub fn replaces_arrays(&self) -> bool {
        fn any(tree: &Value) -> bool {
            match tree {
                Value::Array(_) => true,
                Value::Object(fields) => fields.values().any(any),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
            }
        }
        any(self.document.raw())
    }

    /// What that body should be once the service has merged this into it. **It holds secrets.**
    pub fn applied_to(&self, document: &Document) -> Value {
        let mut merged = document.raw().clone();
        merge(&mut merged, self.document.raw());
        merged
    }

    /// What the service would refuse about the outcome, where it was not wrong before: a url for a
    /// Pool, the loss of what a Single must have.
    pub fn check_on(&self, document: &Document) -> Result<(), Problems> {
        let before = model::validate(document.raw(), Purpose::Whole);
        let mut after = model::validate(&self.applied_to(document), Purpose::Whole);
        after.retain(|problem| !before.contains(problem));
        Problems::of(after)
    }

    pub(crate) fn document(&self) -> &Document {
        &self.document
    }
}

impl fmt::Debug for Patch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Patch({})", self.document.redacted())
    }
}

/// Merges a patch into a value as RFC 7386 says, and as the service is assumed to.
pub fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(fields) = target else { return };
    for (key, value) in patch {
        if value.is_null() {
            fields.shift_remove(key);
        } else {
            merge(fields.entry(key.clone()).or_insert(Value::Null), value);
        }
    }
}

#[cfg(test)]
#[path = "patch_tests.rs"]
mod tests;
