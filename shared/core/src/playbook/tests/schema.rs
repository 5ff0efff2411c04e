//! The checked-in schema is the one of the code, and the example is what it says it is.

use std::collections::BTreeSet;

use super::super::{EXAMPLE, needed::NEEDED, schema, schema_text};

const CHECKED_IN: &str = include_str!("../../../schema/playbook.schema.json");

#[test]
fn the_checked_in_schema_is_the_one_of_the_code() {
    assert!(
        CHECKED_IN == schema_text(),
        "schema/playbook.schema.json is not what the wire types say: run `cargo xtask generate`"
    );
}

#[test]
fn every_field_of_the_schema_is_described() {
    fn walk(path: &str, value: &serde_json::Value, bare: &mut Vec<String>) {
        if let Some(properties) = value.get("properties").and_then(|value| value.as_object()) {
            for (name, property) in properties.iter().filter(|(_, value)| value.is_object()) {
                // An effect says what it is beside its one property.
                let described = property.get("description").or(value.get("description"));
                if described.is_none() {
                    bare.push(format!("{path}.{name}"));
                }
            }
        }
        let children: Vec<(String, &serde_json::Value)> = match value {
            serde_json::Value::Object(map) => {
                map.iter().map(|(name, value)| (format!("{path}.{name}"), value)).collect()
            }
            serde_json::Value::Array(list) => {
                list.iter().map(|value| (format!("{path}[]"), value)).collect()
            }
            serde_json::Value::Null
            | serde_json::Value::Bool(_)
            | serde_json::Value::Number(_)
            | serde_json::Value::String(_) => Vec::new(),
        };
        for (path, child) in children {
            walk(&path, child, bare);
        }
    }
    let mut bare = Vec::new();
    walk("", &schema(), &mut bare);
    assert_eq!(bare, Vec::<String>::new());
}

#[test]
fn the_example_shows_every_field_that_there_is() {
    let schema = schema_text();
    for line in schema.lines() {
        let line = line.trim();
        // A property's name is what is followed by its schema, within `properties`.
        let Some(name) = line.strip_suffix("\": {").and_then(|name| name.strip_prefix('"')) else {
            continue;
        };
        let of_json_schema = [
            "$defs",
            "properties",
            "items",
            "additionalProperties",
            "if",
            "then",
            "dependentRequired",
        ];
        if of_json_schema.contains(&name) || name.chars().next().is_some_and(char::is_uppercase) {
            continue;
        }
        assert!(EXAMPLE.contains(&format!("{name}:")), "the example lacks `{name}`");
    }
}

#[test]
fn every_field_that_must_be_there_has_words_for_when_it_is_missing() {
    let schema = schema();
    let types = schema["$defs"].as_object().unwrap().iter();
    let types = types.map(|(name, of)| (name.as_str(), of)).chain([("Playbook", &schema)]);
    for (name, of) in types {
        let required: BTreeSet<&str> = of["required"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|name| name.as_str())
            .collect();
        let of_type = NEEDED.iter().filter(|(of, ..)| *of == name);
        let told: BTreeSet<&str> = of_type.map(|(_, field, _)| *field).collect();
        assert_eq!(required, told, "{name}");
    }
}
