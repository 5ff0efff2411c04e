//! A part of a backend's body that is not a weight or a priority, kept as the text that stands there.

use std::{fmt, str::FromStr};

use jiff::{SignedDuration, Span, SpanRelativeTo};
use serde_json::Value;

use crate::text::stored_as_text;

/// JSON that is neither null nor absent, as it was written, so that it can be given back to the letter.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Json(Box<str>);

stored_as_text!(Json);

/// Why a text is not the JSON of a field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not JSON with a value in it")]
pub struct JsonError;

impl Json {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What the text says.
    #[must_use]
    pub fn tree(&self) -> Value {
        serde_json::from_str(&self.0).unwrap_or(Value::Null)
    }

    /// What it says to people: of a breaker and of a member their numbers, otherwise the text.
    #[must_use]
    pub fn says(&self) -> String {
        let tree = self.tree();
        breaker(&tree).or_else(|| member(&tree)).unwrap_or_else(|| self.to_string())
    }

    /// Whether the two mean the same to Azure: a key with null is no key, and a length of time can be
    /// written in several ways.
    #[must_use]
    pub fn means(&self, other: &Self) -> bool {
        self == other || same(&self.tree(), &other.tree())
    }
}

impl FromStr for Json {
    type Err = JsonError;

    fn from_str(text: &str) -> Result<Self, JsonError> {
        match serde_json::from_str::<Value>(text) {
            Ok(Value::Null) | Err(_) => Err(JsonError),
            Ok(_) => Ok(Self(text.into())),
        }
    }
}

impl From<&Value> for Json {
    fn from(tree: &Value) -> Self {
        Self(tree.to_string().into())
    }
}

impl From<&str> for Json {
    /// The text as a JSON string.
    fn from(text: &str) -> Self {
        Self::from(&Value::from(text))
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A breaker in words, as far as it has a rule that can be told so: `mine (count 3, interval PT1M, trip
/// PT1M)`.
fn breaker(tree: &Value) -> Option<String> {
    let rules = tree.get("rules")?.as_array().filter(|rules| !rules.is_empty())?;
    let rule = |rule: &Value| {
        let condition = rule.get("failureCondition")?;
        let text = |of: &Value, key: &str| of.get(key)?.as_str().map(str::to_owned);
        let number = |key: &str| condition.get(key)?.as_u64();
        let heeds = rule.get("acceptRetryAfter").and_then(Value::as_bool).unwrap_or(false);
        let said = [
            number("count").map(|count| format!("count {count}")),
            number("percentage").map(|percentage| format!("{percentage}%")),
            text(condition, "interval").map(|interval| format!("interval {interval}")),
            text(rule, "tripDuration").map(|trip| format!("trip {trip}")),
            heeds.then(|| "accept Retry-After".to_owned()),
        ];
        let said = said.into_iter().flatten().collect::<Vec<_>>().join(", ");
        Some(format!("{} ({said})", text(rule, "name").unwrap_or_else(|| "a rule".to_owned())))
    };
    rules.iter().map(rule).collect::<Option<Vec<_>>>().map(|rules| rules.join(", "))
}

/// What a pool says of a member: `weight 50, priority 1`.
fn member(tree: &Value) -> Option<String> {
    let said = |(key, value): (&String, &Value)| {
        let is_setting = matches!(key.as_str(), "weight" | "priority");
        (is_setting && value.is_u64()).then(|| format!("{key} {value}"))
    };
    let said = tree.as_object()?.iter().map(said).collect::<Option<Vec<_>>>()?;
    Some(if said.is_empty() { "listed".to_owned() } else { said.join(", ") })
}

fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            let keys = one.keys().chain(other.keys());
            let none = Value::Null;
            keys.into_iter()
                .all(|key| same(one.get(key).unwrap_or(&none), other.get(key).unwrap_or(&none)))
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::String(one), Value::String(other)) => {
            one == other || length(one).is_some_and(|one| length(other) == Some(one))
        }
        (one, other) => one == other,
    }
}

/// The length of time that an ISO 8601 text says; a day has 24 hours.
#[must_use]
pub fn length(text: &str) -> Option<SignedDuration> {
    if !text.starts_with('P') {
        return None;
    }
    let span: Span = text.parse().ok()?;
    span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_the_same_may_be_written_in_several_ways() {
        let json = |text: &str| text.parse::<Json>().unwrap();
        let rule = json(r#"{"rules":[{"name":"r","tripDuration":"PT1M","failureResponse":null}]}"#);
        for same in [
            r#"{"rules":[{"tripDuration":"PT60S","name":"r"}]}"#,
            r#"{ "rules": [ {"name": "r", "tripDuration": "PT1M"} ], "other": null }"#,
        ] {
            assert!(rule.means(&json(same)) && json(same).means(&rule), "{same}");
        }
        for other in [
            r#"{"rules":[{"tripDuration":"PT61S","name":"r"}]}"#,
            r#"{"rules":[]}"#,
            r#"{"rules":[{"tripDuration":"PT60S","name":"r","acceptRetryAfter":true}]}"#,
            r#""PT1M""#,
        ] {
            assert!(!rule.means(&json(other)) && !json(other).means(&rule), "{other}");
        }
        assert!(json("\"P1D\"").means(&json("\"PT24H\"")));
        assert!(!json("\"Paris\"").means(&json("\"Pavia\"")));
        assert_eq!("null".parse::<Json>(), Err(JsonError));
        assert_eq!("{".parse::<Json>(), Err(JsonError));
    }
}
