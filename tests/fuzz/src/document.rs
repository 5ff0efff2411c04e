//! Bodies of backends: read, checked, written over, merged, compared.

use pointsman_apim::{
    Document, Draft, Patch, diff,
    model::{self, Purpose, problem::PROBLEMS_MAX},
};
use serde_json::Value;

use crate::says;

/// The input is a body.
pub(crate) fn run(bytes: &[u8]) {
    let document = match Document::parse(bytes.to_vec()) {
        Ok(document) => document,
        Err(error) => return says(&error),
    };
    assert_eq!(document.body(), bytes);
    check(&document);
    assert_eq!(diff::between(document.raw(), document.raw()), []);
    for line in diff::added(document.raw()) {
        assert!(!line.path.is_empty() && !line.to_string().is_empty());
    }
    if let Ok(patch) = Patch::parse(document.body().clone()) {
        merged(&document, &patch);
    }
    match Draft::of(document.clone()) {
        Err(error) => says(&error),
        Ok(draft) => {
            assert_eq!(draft.document().body(), bytes);
            written(&document);
        }
    }
}

/// What is wrong with it is said, and what is shown of it hides what is secret.
pub(crate) fn check(document: &Document) {
    for purpose in [Purpose::Whole, Purpose::Patch] {
        let problems = model::validate(document.raw(), purpose);
        assert!(problems.len() <= PROBLEMS_MAX);
        for problem in &problems {
            assert!(!problem.path().is_empty() && problem.to_string().len() > problem.path().len());
        }
    }
    let shown = document.redacted();
    hides(&shown, false);
    assert_eq!(format!("{document:?}"), shown.to_string());
    if let Ok(pool) = document.pool() {
        assert!((1..=30).contains(&pool.all().len()));
        for member in pool.all() {
            assert!(member.weight.number().is_none_or(|weight| weight <= 100));
            assert!(member.priority.number().is_none_or(|priority| priority <= 100));
        }
    }
    let _ = document.name();
    let _ = document.kind();
}

/// No text stands in the open where it is secret.
fn hides(shown: &Value, secret: bool) {
    match shown {
        Value::Null => {}
        Value::Bool(_) | Value::Number(_) => assert!(!secret, "{shown}"),
        Value::String(text) => assert!(!secret || text == "***", "{shown}"),
        Value::Array(items) => items.iter().for_each(|item| hides(item, secret)),
        Value::Object(fields) => {
            for (key, value) in fields {
                hides(value, secret || matches!(key.as_str(), "credentials" | "password"));
            }
        }
    }
}

/// A document within its bounds, read and written over itself, stays to the letter; and what is
/// made of its values alone says the same.
fn written(document: &Document) {
    let properties = model::read(document).expect("a draft is within its bounds");
    let over = model::write_into(document, &properties).expect("it was read by the same rules");
    assert_eq!(over.body(), document.body(), "it is not what it was");
    let made = model::document(&properties).expect("it is not longer than what it was read from");
    assert_eq!(model::read(&made).as_ref(), Ok(&properties));
    let again = model::write_into(&made, &properties).expect("as above");
    assert_eq!(again.body(), made.body());
}

/// A patch of a document: merging it twice is merging it once.
fn merged(document: &Document, patch: &Patch) {
    assert_eq!(patch.bytes(), document.body());
    let once = patch.applied_to(document);
    let parsed = Document::parse(once.to_string()).expect("it is printed JSON");
    assert_eq!(patch.applied_to(&parsed), once);
    if let Err(problems) = patch.check_on(document) {
        assert!(!problems.all().is_empty());
        assert!(!problems.to_string().is_empty());
    }
}
