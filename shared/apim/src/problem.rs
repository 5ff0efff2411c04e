//! What is wrong with a document, in words that name the field, the bound and the value.

use std::fmt;

use serde_json::Value;

use crate::secret::{HIDDEN, printable, scrub_urls};

/// How much of a value a problem repeats, in characters.
const SHOWN_CHARS_MAX: usize = 80;
/// How many problems of one document are kept.
pub const PROBLEMS_MAX: usize = 100;

/// Something in a document that is not as the published model has it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path} {fault}")]
pub struct Problem {
    path: String,
    fault: Fault,
}

impl Problem {
    pub(crate) fn new(path: impl Into<String>, fault: Fault) -> Self {
        Self { path: printable(&path.into()), fault }
    }

    /// Where it is: `properties.pool.services[1].weight`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What is wrong there.
    pub fn fault(&self) -> &Fault {
        &self.fault
    }
}

/// What is wrong with a field. What is found in a secret field is never repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// It is not there.
    Missing {
        /// Who needs it.
        because: &'static str,
    },
    /// It is something else than it must be.
    Is {
        /// What is there, cut short.
        found: String,
        /// What must be there.
        must: String,
    },
    /// It is longer or shorter than its bounds.
    Has {
        /// How much there is.
        found: usize,
        /// Of what: `characters` or `items`.
        unit: &'static str,
        /// The least that is allowed.
        least: usize,
        /// The most that is allowed; without one there is no upper bound.
        most: usize,
    },
    /// It may not be there; the words are the service's.
    Unsupported(&'static str),
    /// It contradicts something beside it.
    Contradicts(&'static str),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { because } => write!(f, "is missing: {because}"),
            Self::Is { found, must } => write!(f, "is {found}: it must be {must}"),
            Self::Has { found, unit, least: 0, most } => {
                write!(f, "has {found} {unit}: it must have at most {most}")
            }
            Self::Has { found, unit, least, most: usize::MAX } => {
                write!(f, "has {found} {unit}: it must have at least {least}")
            }
            Self::Has { found, unit, least, most } => {
                write!(f, "has {found} {unit}: it must have {least} to {most}")
            }
            Self::Unsupported(words) => write!(f, "is given: {words}"),
            Self::Contradicts(words) => f.write_str(words),
        }
    }
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
        for (at, problem) in self.0.iter().enumerate() {
            let before = if at == 0 { "" } else { "; " };
            write!(f, "{before}{problem}")?;
        }
        Ok(())
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
