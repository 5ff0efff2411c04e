//! What is stored: read again by whatever version comes later, whoever has edited it.
//!
//! The forms are the domain's own JSON; that a version stands before them is the store's, and
//! tested there.

use std::fmt::Debug;

use pointsman_core::{document::Document, group::Group, ledger::Line, series::Series};
use serde::{Serialize, de::DeserializeOwned};

/// The input is the body of a series, of a document, of a group or of a ledger line.
pub(crate) fn run(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    again::<Series>(text);
    again::<Document>(text);
    again::<Group>(text);
    again::<Line>(text);
}

/// Reads it, and again what is written of it.
fn again<T: DeserializeOwned + Serialize + Debug + PartialEq>(text: &str) {
    let Ok(value) = serde_json::from_str::<T>(text) else { return };
    let written = serde_json::to_string(&value).expect("it was JSON");
    let found: T = serde_json::from_str(&written).expect("what is written is read");
    assert_eq!(found, value, "{written}");
    assert_eq!(serde_json::to_string(&found).expect("as before"), written);
}
