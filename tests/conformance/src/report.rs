//! What came of a step, in the same words for every client.

use std::fmt;

use serde::Deserialize;
use serde_json::{Map, Value};

/// What a driver says of a call.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Said {
    /// The status of the last answer.
    #[serde(default)]
    pub status: Option<u16>,
    /// The code of an error.
    #[serde(default)]
    pub code: Option<String>,
    /// What its details are about.
    #[serde(default)]
    pub targets: Vec<String>,
    /// The ETag of the last answer.
    #[serde(default)]
    pub etag: Option<String>,
    /// The backend, as the client has it.
    #[serde(default)]
    pub backend: Option<Value>,
    /// The pages of a list.
    #[serde(default)]
    pub pages: Option<Vec<Vec<Value>>>,
    /// What the client does not have.
    #[serde(default)]
    pub lacks: Option<String>,
    /// Why the client sent nothing.
    #[serde(default)]
    pub refused: Option<String>,
    /// Why there was no answer.
    #[serde(default)]
    pub broken: Option<String>,
}

/// What came of a step.
#[derive(Clone, Debug)]
pub struct Report {
    /// What it came to.
    pub outcome: Outcome,
    /// How many requests the emulator received.
    pub tries: usize,
}

/// See [`Report`].
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The client has no such thing, by this name.
    Lacks(String),
    /// The client refused it, with these words.
    Refused(String),
    /// There was no answer, in the client's words.
    Broken(String),
    /// There was one.
    Answered(Answer),
}

impl fmt::Display for Report {
    /// In a line, without backends.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.outcome {
            Outcome::Lacks(what) => write!(f, "it lacks {what}"),
            Outcome::Refused(words) => write!(f, "it is refused: {words}"),
            Outcome::Broken(words) => write!(f, "it is not answered: {words}"),
            Outcome::Answered(Answer { status, code, targets, etag, .. }) => {
                write!(f, "{status} {code:?} about {targets:?}, ETag {etag:?}")
            }
        }?;
        write!(f, ", by {} requests", self.tries)
    }
}

/// An answer, as the client gave it on.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The code of an error.
    pub code: Option<String>,
    /// What its details are about.
    pub targets: Vec<String>,
    /// The ETag beside the one seen before.
    pub etag: Option<Mark>,
    /// The backend, without nulls.
    pub backend: Option<Value>,
    /// The pages of a list, without nulls.
    pub pages: Option<Vec<Vec<Value>>>,
}

/// An ETag beside the one that was seen before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mark {
    /// Another one.
    New,
    /// That one.
    Same,
}

impl Said {
    /// What came of it; `seen` is the ETag that was seen last.
    ///
    /// # Panics
    /// When the driver says nothing at all.
    #[must_use]
    pub fn outcome(self, seen: Option<&str>) -> Outcome {
        match self {
            Self { lacks: Some(lacks), .. } => Outcome::Lacks(lacks),
            Self { refused: Some(words), .. } => Outcome::Refused(words),
            Self { broken: Some(words), .. } => Outcome::Broken(words),
            Self { status: Some(status), code, targets, etag, mut backend, mut pages, .. } => {
                backend.as_mut().map(without_nulls);
                pages.iter_mut().flatten().flatten().for_each(without_nulls);
                let mark = |etag: String| if Some(&*etag) == seen { Mark::Same } else { Mark::New };
                let etag = etag.map(mark);
                Outcome::Answered(Answer { status, code, targets, etag, backend, pages })
            }
            Self { status: None, .. } => panic!("a driver says nothing: {self:?}"),
        }
    }
}

/// Takes out nulls: some clients keep them, and some leave them out.
fn without_nulls(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(without_nulls),
        Value::Object(fields) => {
            let kept: Map<String, Value> =
                std::mem::take(fields).into_iter().filter(|(_, value)| !value.is_null()).collect();
            *fields = kept;
            fields.values_mut().for_each(without_nulls);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
