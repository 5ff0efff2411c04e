//! A part of a backend's body that is not a weight or a priority, kept as the text that stands there.

use std::{fmt, str::FromStr};

use jiff::{SignedDuration, Span, SpanRelativeTo};
use serde_json::Value;

use crate::{breaker, text::stored_as_text};

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

    /// What it says to people: of a breaker its numbers, otherwise the text.
    #[must_use]
    pub fn says(&self) -> String {
        breaker::said(&self.tree()).unwrap_or_else(|| self.to_string())
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
