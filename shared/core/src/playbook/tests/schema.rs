//! The checked-in schema is the one of the code, and the example is what it says it is.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

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
    fn walk(path: &str, value: &Value, bare: &mut Vec<String>) {
        if let Some(properties) = value.get("properties").and_then(|value| value.as_object()) {
            for (name, property) in properties.iter().filter(|(_, value)| value.is_object()) {
                // An effect says what it is beside its one property.
                let described = property.get("description").or(value.get("description"));
                if described.is_none() {
                    bare.push(format!("{path}.{name}"));
                }
            }
        }
        let children: Vec<(String, &Value)> = match value {
            Value::Object(map) => {
                map.iter().map(|(name, value)| (format!("{path}.{name}"), value)).collect()
            }
            Value::Array(list) => list.iter().map(|value| (format!("{path}[]"), value)).collect(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
        };
        for (path, child) in children {
            walk(&path, child, bare);
        }
    }
    let mut bare = Vec::new();
    walk("", &schema(), &mut bare);
    assert_eq!(bare, Vec::<String>::new());
}

/// A field, by its name and what the schema says of it: what several effects have alike is one.
type Field = (String, String);

/// The fields of a type, and of what its alternatives add to it.
fn fields(of: &Value, all: &mut BTreeMap<Field, String>, of_type: &str) {
    for (name, says) in of["properties"].as_object().into_iter().flatten() {
        // What an alternative forbids, or says again of a field, is none of its own.
        if says.get("description").is_some() || says.get("$ref").is_some() {
            let place = all.entry((name.clone(), says.to_string())).or_default();
            *place = format!("{of_type}.{name}");
        }
    }
    for one in alternatives(of) {
        fields(one, all, of_type);
    }
}

fn alternatives(of: &Value) -> impl Iterator<Item = &Value> {
    let lists = ["oneOf", "anyOf", "allOf"].into_iter().filter_map(|word| of[word].as_array());
    lists.flatten()
}

/// Notes each field of the schema that a value has.
fn shown(schema: &Value, of: &Value, value: &Value, seen: &mut BTreeSet<Field>) {
    if let Some(name) = of["$ref"].as_str().and_then(|it| it.strip_prefix("#/$defs/")) {
        shown(schema, &schema["$defs"][name], value, seen);
    }
    for one in alternatives(of) {
        shown(schema, one, value, seen);
    }
    for (name, value) in value.as_object().into_iter().flatten() {
        let says = &of["properties"][name];
        if !says.is_null() {
            seen.insert((name.clone(), says.to_string()));
        }
        let says = if says.is_null() { &of["additionalProperties"] } else { says };
        shown(schema, says, value, seen);
    }
    for value in value.as_array().into_iter().flatten() {
        shown(schema, &of["items"], value, seen);
    }
}

#[test]
fn the_example_shows_every_field_that_there_is() {
    let schema = schema();
    let (mut all, mut seen) = (BTreeMap::new(), BTreeSet::new());
    fields(&schema, &mut all, "Playbook");
    for (name, of) in schema["$defs"].as_object().unwrap() {
        fields(of, &mut all, name);
    }
    assert!(all.len() > 80, "{all:?}");
    let example: Value = serde_saphyr::from_str(EXAMPLE).unwrap();
    shown(&schema, &schema, &example, &mut seen);
    let missing: Vec<&String> =
        all.iter().filter(|(field, _)| !seen.contains(*field)).map(|(_, place)| place).collect();
    assert_eq!(missing, [""; 0], "the example lacks these");
    // Each word that a field may be is at least named beside it.
    for word in ["failover", "hold", "unix", "ncrontab", "eventbridge", "yield", "assert", "auto"] {
        assert!(EXAMPLE.contains(word), "the example lacks `{word}`");
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
