//! What is wrong with a document, in words that name the field, the bound and the value.

use std::fmt;

use serde_json::Value;

use crate::secret::{HIDDEN, printable, scrub_urls};

/// How much of a value a problem repeats, in characters.
const SHOWN_CHARS_MAX: usize = 80;
/// How many problems of one document are kept.
pub const PROBLEMS_MAX: usize = 100;

/// Something in a document that is not as the published model has it. What is found in a secret
/// field is never repeated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path} {fault}")]
pub struct Problem {
    path: String,
    fault: String,
}

impl Problem {
    pub(crate) fn new(path: impl Into<String>, fault: impl Into<String>) -> Self {
        Self { path: printable(&path.into()), fault: fault.into() }
    }

    /// Where it is: `properties.pool.services[1].weight`.
    pub fn path(&self) -> &str {
        &self.path
    }
}

/// It is not there, and something needs it.
pub(crate) fn missing(because: &str) -> String {
    format!("is missing: {because}")
}

/// It is something else than it must be.
pub(crate) fn is(found: &str, must: &str) -> String {
    format!("is {found}: it must be {must}")
}

/// It is longer or shorter than its bounds. What has no upper bound has [`usize::MAX`] for it.
pub(crate) fn has(found: usize, unit: &str, least: usize, most: usize) -> String {
    let must = match (least, most) {
        (0, _) => format!("at most {most}"),
        (_, usize::MAX) => format!("at least {least}"),
        _ => format!("{least} to {most}"),
    };
    format!("has {found} {unit}: it must have {must}")
}

/// All that is wrong with a document: at least one problem, at most [`PROBLEMS_MAX`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Those problems, unless there are none.
    pub(crate) fn of(problems: Vec<Problem>) -> Result<(), Self> {
        if problems.is_empty() { Ok(()) } else { Err(Self(problems)) }
    }

    /// The problems, in the order of the model.
    pub fn all(&self) -> &[Problem] {
        &self.0
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let problems: Vec<String> = self.0.iter().map(Problem::to_string).collect();
        f.write_str(&problems.join("; "))
    }
}

impl std::error::Error for Problems {}

/// Names a value without telling much of it, and nothing of a secret one.
pub(crate) fn found(value: &Value, secret: bool) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) if secret => HIDDEN.to_owned(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) => {
            let text = scrub_urls(text);
            format!("{:?}", text.chars().take(SHOWN_CHARS_MAX).collect::<String>())
        }
    }
}
