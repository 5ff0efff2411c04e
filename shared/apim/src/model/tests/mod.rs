//! The model against documents: bounds, words, and what survives.

mod any;
mod bounds;
mod letters;
mod values;
mod words;

use super::*;

/// What is wrong with a whole document, a line each.
fn problems(document: &str) -> String {
    let document: Value = serde_json::from_str(document).unwrap();
    let problems = validate(&document, Purpose::Whole);
    problems.iter().map(|problem| format!("{problem}\n")).collect()
}

/// A Single with those fields beside what it must have.
fn single(fields: &str) -> String {
    let comma = if fields.is_empty() { "" } else { "," };
    format!(r#"{{"properties":{{"url":"https://a.example","protocol":"http"{comma}{fields}}}}}"#)
}

/// A Pool with those members.
fn pool(services: &str) -> String {
    format!(r#"{{"properties":{{"type":"Pool","pool":{{"services":{services}}}}}}}"#)
}

/// A breaker of one rule with that condition.
fn condition(fields: &str) -> String {
    single(&format!(r#""circuitBreaker":{{"rules":[{{"failureCondition":{{{fields}}}}}]}}"#))
}

/// An array of so many items.
fn array(item: &str, count: usize) -> String {
    format!("[{}]", vec![item; count].join(","))
}
