//! What editors and people learn the language from: the JSON Schema and the example.

use schemars::{
    Schema,
    transform::{RecursiveTransform, Transform},
};
use serde_json::Value;

use super::wire;

/// The example playbook: every construct of this version, explained. It reads without problems.
pub const EXAMPLE: &str = include_str!("../../schema/example.playbook.yaml");

/// The JSON Schema (draft 2020-12) of the playbook.
///
/// A help while typing, and no more: [`super::read`] decides. The schema cannot look into
/// conditions or compare names, and it wants text written as text where `read` is content with
/// `name: 7`.
#[must_use]
pub fn schema() -> Value {
    let mut schema = schemars::schema_for!(wire::Playbook);
    // An absent field is one that is not written; `null` is never a value here.
    RecursiveTransform(without_null).transform(&mut schema);
    schema.to_value()
}

/// Takes back what stands in a schema for Rust's types rather than for the language: `null` for an
/// absent field, line breaks of comments.
fn without_null(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else { return };
    if let Some(Value::String(description)) = object.get_mut("description") {
        *description = description.replace('\n', " ");
    }
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            object.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(forms)) = object.get_mut("anyOf") {
        forms.retain(|form| form.get("type").is_none_or(|name| name != "null"));
        if let [Value::Object(only)] = forms.as_slice() {
            let only = only.clone();
            object.remove("anyOf");
            for (key, value) in only {
                object.entry(key).or_insert(value);
            }
        }
    }
}

/// The schema as it is checked in: indented, with a line break at its end.
#[must_use]
pub fn schema_text() -> String {
    format!("{:#}\n", schema())
}
