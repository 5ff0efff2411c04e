//! The form of what is written: JSON with the version of its form, read for ever.
//!
//! `{"v":1,"body":{…}}`. The version comes first and is read before anything else, so that what a
//! newer Pointsman wrote is refused with words, and never half understood. When a form must change
//! so that the old one cannot be read as the new, its number grows, the old form's types are kept
//! beside the new ones, and [`read`] turns the one into the other. The samples under `golden/` hold
//! every form ever written; a test reads them all.

mod form1;

use pointsman_core::{document::Document, group::Group, ledger::Line, series::Series};
use pointsman_engine::{
    message::Message,
    ports::{DeadLetterParts, StoreError},
};
use serde::{
    Deserialize, Serialize,
    de::{self, DeserializeOwned},
};
use serde_json::value::RawValue;

/// The form that is written, and the newest that can be read.
pub const FORM: u32 = 2;

/// Something that is stored as a body.
pub trait Body: Serialize + DeserializeOwned {
    /// What it is called in errors.
    const WHAT: &'static str;
    /// What form 1 is read as.
    type Form1: DeserializeOwned + Into<Self>;
}

/// Bodies whose form 1 reads as the newest.
macro_rules! as_it_is {
    ($($body:ty: $what:literal),*) => {$(
        impl Body for $body {
            const WHAT: &'static str = $what;
            type Form1 = Self;
        }
    )*};
}

impl Body for Series {
    const WHAT: &'static str = "series";
    type Form1 = form1::Series;
}

impl Body for Document {
    const WHAT: &'static str = "document";
    type Form1 = form1::Document;
}

as_it_is!(
    Group: "group document",
    Message: "message",
    Line: "ledger line",
    DeadLetterParts: "dead letter"
);

/// Why a body is of no use, in words.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct BodyError(String);

impl From<BodyError> for StoreError {
    fn from(error: BodyError) -> Self {
        Self::Corrupt(error.to_string())
    }
}

#[derive(Serialize)]
struct Writing<T> {
    v: u32,
    body: T,
}

#[derive(Deserialize)]
struct Reading<'a> {
    v: u32,
    #[serde(borrow, default)]
    body: Option<&'a RawValue>,
}

/// Writes a body in the newest form.
///
/// # Errors
/// When it holds what JSON has no way to say.
pub fn write<T: Body>(body: &T) -> Result<String, BodyError> {
    serde_json::to_string(&Writing { v: FORM, body })
        .map_err(|error| BodyError(format!("a {} cannot be written: {error}", T::WHAT)))
}

/// Reads a body of any form up to the newest known.
///
/// # Errors
/// When its form is newer, or it is not what it should be.
pub fn read<T: Body>(text: &str) -> Result<T, BodyError> {
    let what = T::WHAT;
    let unreadable = |error| BodyError(format!("a {what} cannot be read: {error}"));
    let Reading { v, body } = serde_json::from_str(text).map_err(unreadable)?;
    match (v, body) {
        (1, Some(body)) => {
            let form: T::Form1 = serde_json::from_str(body.get()).map_err(unreadable)?;
            Ok(form.into())
        }
        (FORM, Some(body)) => serde_json::from_str(body.get()).map_err(unreadable),
        (0, _) | (1 | FORM, None) => {
            Err(unreadable(de::Error::custom("it has no form that ever was")))
        }
        (form, _) => Err(BodyError(format!(
            "a {what} was written by a newer version of Pointsman: its form is {form}, and this \
             version knows up to {FORM}"
        ))),
    }
}
