//! The model of a backend: typed values within their bounds, read from a document and written
//! into one.
//!
//! What it guarantees:
//! - **What passes here is within every published bound.** [`validate`] names each field, bound
//!   and value that is not: `properties.pool.services[3].weight is 101: it must be 0 to 100`.
//!   A `Draft` and a `Patch`, without which nothing is written, are made by it.
//! - **What it does not know it does not touch.** [`write_into`] changes the text of a document
//!   where a value differs, and leaves every other letter: unknown fields, the order of keys, the
//!   spelling of a duration that means the same.
//! - **Null is absence.** The service writes nulls where nothing is set, and reading tells the
//!   two apart only for weights and priorities, where [`Setting`](members::Setting) does.
//!
//! Bounds are those of 2024-05-01. Enumerations are read without case, as the service does; later
//! versions' fields are unknown here, and survive.

pub mod breaker;
pub mod connection;
pub mod credentials;
pub mod fabric;
pub mod members;
pub(crate) mod part;
pub mod properties;
pub mod scalar;

use std::cell::RefCell;

use serde_json::{Value, json};

pub use self::part::Purpose;
pub use self::properties::{Properties, Shape};

use self::members::Members;
use self::part::{At, Part};
use self::properties::SPECIFICS;
use crate::document::{Document, DocumentError};
pub use crate::problem::{self, Problem, Problems};
use crate::raw;

/// Why something is not a [`Draft`](crate::Draft).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DraftError {
    /// It cannot be read.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// The service would refuse it.
    #[error(transparent)]
    Problems(#[from] Problems),
}

/// Everything in a document that the service would refuse, in the order of the model, at most
/// [`PROBLEMS_MAX`](problem::PROBLEMS_MAX). A document for an Update may leave out what one for
/// Create Or Update must have.
pub fn validate(document: &Value, purpose: Purpose) -> Vec<Problem> {
    let problems = RefCell::default();
    let _ = properties(&At::new("", document, purpose, &problems));
    problems.into_inner()
}

/// Reads the properties of a whole document.
pub fn read(document: &Document) -> Result<Properties, Problems> {
    let problems = RefCell::default();
    let found = properties(&At::new("", document.raw(), Purpose::Whole, &problems));
    Problems::of(problems.into_inner())?;
    Ok(found.expect("what gives nothing says why"))
}

/// Reads the members of a pool alone, whatever is wrong with the rest of the document; gives the
/// first problem.
pub(crate) fn read_pool(document: &Document) -> Result<Members, Problem> {
    let problems = RefCell::default();
    let pool = document.property("pool").unwrap_or(&Value::Null);
    let at = At::new("properties.pool", pool, Purpose::Whole, &problems);
    let members = match pool.is_null() {
        true => at.say(problem::missing(properties::POOL_NEEDED)),
        false => Members::read(&at),
    };
    match problems.into_inner().into_iter().next() {
        Some(problem) => Err(problem),
        None => Ok(members.expect("what gives nothing says why")),
    }
}

fn properties(document: &At<'_>) -> Option<Properties> {
    let fields = document.object()?;
    // In a patch, null would take away all that there is.
    match fields.at("properties").filter(|at| at.value().is_null() && !at.is_whole()) {
        Some(at) => at.wrong("an object"),
        None => fields.required("properties", "it is what a backend has"),
    }
}

/// Writes properties into a document, and leaves every letter of it that says something else.
///
/// # Errors
/// When the document cannot be read as a backend. One with a key that is in it twice has no place to
/// write to.
pub fn write_into(document: &Document, properties: &Properties) -> Result<Document, DraftError> {
    let (before, mut after) = (read(document)?.value(), properties.value());
    // Beside a cluster there may be something else, which stays.
    if let (Some(_), Some(after)) = (before.get(SPECIFICS), after.as_object_mut()) {
        after.entry(SPECIFICS).or_insert_with(|| json!({}));
    }
    // Answers of the service are read without looking for such keys.
    let document = Document::parse(document.body().clone())?;
    let [before, after] = [before, after].map(|properties| json!({"properties": properties}));
    Ok(Document::parse(raw::rewritten(document.text(), &before, &after))?)
}

/// A new document with those properties. All that can fail is its length.
pub fn document(properties: &Properties) -> Result<Document, DocumentError> {
    Document::parse(json!({"properties": properties.value()}).to_string())
}

#[cfg(test)]
mod tests;
