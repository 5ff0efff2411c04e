//! What an Update merges into a backend (RFC 7386).
//!
//! A merge patch names what shall change and nothing else: objects merge, null takes a field out,
//! arrays are replaced whole. That null deletes and that arrays are replaced whole is what the RFC
//! says and no page confirms; the sender of one compares the answer's body with it.
//!
//! There are four ways to a [`Patch`]: [`pool::Edit`](crate::pool::Edit) for weights and
//! priorities, [`Merge`] for the fields that may be set without a person looking, [`Patch::parse`]
//! for what a person wrote, and [`Patch::empty`]. None of them makes one that the service would
//! refuse for its bounds.

use std::fmt;
use std::str::FromStr;

use bytes::Bytes;
use serde_json::{Map, Value};

use crate::document::Document;
use crate::model::breaker::Breaker;
use crate::model::part::Part;
use crate::model::{self, Problem, Problems, Purpose};
use crate::put::DraftError;
use crate::raw::{Object, with};
use crate::secret;

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

/// A field that may be set without a person looking: none that holds a secret, and none that
/// changes what a backend is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Field {
    /// The title.
    Title,
    /// The description.
    Description,
    /// The address of a Single.
    Url,
    /// The protocol of a Single.
    Protocol,
    /// The management URI in another system.
    ResourceId,
    /// Whether the chain of the backend's certificate is checked.
    ValidateCertificateChain,
    /// Whether the name in it is checked.
    ValidateCertificateName,
    /// The address of the proxy.
    ProxyUrl,
}

impl Field {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Title,
        Self::Description,
        Self::Url,
        Self::Protocol,
        Self::ResourceId,
        Self::ValidateCertificateChain,
        Self::ValidateCertificateName,
        Self::ProxyUrl,
    ];

    /// Where it is under `properties`.
    pub fn path(self) -> &'static str {
        match self {
            Self::Title => "title",
            Self::Description => "description",
            Self::Url => "url",
            Self::Protocol => "protocol",
            Self::ResourceId => "resourceId",
            Self::ValidateCertificateChain => "tls.validateCertificateChain",
            Self::ValidateCertificateName => "tls.validateCertificateName",
            Self::ProxyUrl => "proxy.url",
        }
    }
}

impl Field {
    /// What it holds in a document, if it is there. **An address may hold secrets.**
    pub fn of(self, document: &Document) -> Option<&Value> {
        let mut steps = self.path().split('.');
        let first = document.property(steps.next()?)?;
        steps.try_fold(first, |value, step| value.get(step))
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.path())
    }
}

/// A text names no field that may be set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a field that may be set: it must be one of {}", fields())]
pub struct FieldError {
    text: String,
}

fn fields() -> String {
    Field::ALL.map(Field::path).join(", ")
}

impl FromStr for Field {
    type Err = FieldError;
    fn from_str(text: &str) -> Result<Self, FieldError> {
        let path = text.strip_prefix("properties.").unwrap_or(text);
        let known = Self::ALL.into_iter().find(|field| field.path() == path);
        known.ok_or_else(|| FieldError { text: text.chars().take(80).collect() })
    }
}

/// Sets allow-listed fields and the breaker of a backend as it was read, and leaves all else out
/// of the patch.
#[derive(Clone)]
pub struct Merge<'a> {
    on: &'a Document,
    /// `properties` of the patch, as JSON.
    properties: String,
}

impl<'a> Merge<'a> {
    /// Begins with the backend as it is.
    pub fn of(on: &'a Document) -> Self {
        Self { on, properties: "{}".to_owned() }
    }

    /// Sets a field; null takes it out. A value out of its bounds is an error, and is not set.
    pub fn set(&mut self, field: Field, to: &Value) -> Result<&mut Self, Problem> {
        let path: Vec<&str> = field.path().split('.').collect();
        let properties = with(Some(&self.properties), &path, &to.to_string());
        let document = serde_json::from_str(&whole(&properties)).expect("it is made of JSON");
        match model::validate(&document, Purpose::Patch).into_iter().next() {
            Some(problem) => Err(problem),
            None => {
                self.properties = properties;
                Ok(self)
            }
        }
    }

    /// Sets the breaker, or takes it out. Rules are replaced whole by the service, so that what
    /// the present ones have beyond the model is sent along: a rule keeps it by its name.
    pub fn breaker(&mut self, to: Option<&Breaker>) -> &mut Self {
        let document = Object::of(Some(self.on.text()));
        let properties = Object::of(document.get("properties"));
        let breaker = to.map(|breaker| {
            let breaker = Part::write(breaker, properties.get("circuitBreaker"));
            with(None, &["rules"], Object::of(Some(&breaker)).get("rules").unwrap_or("[]"))
        });
        let breaker = breaker.as_deref().unwrap_or("null");
        self.properties = with(Some(&self.properties), &["circuitBreaker"], breaker);
        self
    }

    /// The patch, if it would change anything, and nothing that the service would refuse.
    pub fn finish(self) -> Result<Edited, Problems> {
        let patch = Patch::made(whole(&self.properties));
        if patch.applied_to(self.on) == *self.on.raw() {
            return Ok(Edited::Unchanged);
        }
        patch.check_on(self.on)?;
        Ok(Edited::Changed(patch))
    }
}

impl fmt::Debug for Merge<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tree: Value = serde_json::from_str(&whole(&self.properties)).unwrap_or_default();
        write!(f, "Merge({})", secret::redacted(&tree))
    }
}

fn whole(properties: &str) -> String {
    with(None, &["properties"], properties)
}

#[cfg(test)]
#[path = "patch_tests.rs"]
mod tests;
