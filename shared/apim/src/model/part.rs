//! How a part of the model is read from a body and written into one.
//!
//! One reader does both jobs, checking and typing, so that what is taken as a typed value and what
//! passes the check cannot differ. What is written is the difference of two values of the model,
//! put into the text by [`raw::rewritten`](crate::raw::rewritten): a field that already says the
//! same keeps its text, and one that the model does not know is not looked at.

use std::cell::RefCell;

use serde_json::{Map, Value};

use crate::problem::{PROBLEMS_MAX, Problem, found, has, is, missing};
use crate::secret::is_secret_key;

/// What a document is for, which decides what may be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// It is all of a backend, as Create Or Update takes it.
    Whole,
    /// It is merged into one, as Update takes it: what is not there stays, null deletes. Items of
    /// arrays are whole in it too, since an array is replaced as one.
    Patch,
}

/// A value, where it is, and what it is read for.
#[derive(Debug, Clone)]
pub(crate) struct At<'a> {
    path: String,
    value: &'a Value,
    secret: bool,
    purpose: Purpose,
    /// What is wrong so far, in all of the document.
    problems: &'a RefCell<Vec<Problem>>,
}

impl<'a> At<'a> {
    /// The value at that path, none of which is secret. What is wrong with it is put into `problems`.
    pub(crate) fn new(
        path: &str,
        value: &'a Value,
        purpose: Purpose,
        problems: &'a RefCell<Vec<Problem>>,
    ) -> Self {
        Self { path: path.to_owned(), value, secret: false, purpose, problems }
    }

    /// Whether what must be there has to be.
    pub(crate) fn is_whole(&self) -> bool {
        self.purpose == Purpose::Whole
    }

    pub(crate) fn value(&self) -> &'a Value {
        self.value
    }

    fn child(&self, key: &str, value: &'a Value) -> Self {
        let dot = if self.path.is_empty() { "" } else { "." };
        let secret = self.secret || is_secret_key(key);
        Self { path: format!("{}{dot}{key}", self.path), value, secret, ..*self }
    }

    /// Says what it must be, and gives nothing.
    pub(crate) fn wrong<T>(&self, must: &str) -> Option<T> {
        self.say(is(&found(self.value, self.secret), must))
    }

    pub(crate) fn say<T>(&self, fault: impl Into<String>) -> Option<T> {
        let path = if self.path.is_empty() { "the document" } else { &self.path };
        let mut problems = self.problems.borrow_mut();
        if problems.len() < PROBLEMS_MAX {
            problems.push(Problem::new(path, fault));
        }
        None
    }

    pub(crate) fn text(&self) -> Option<&'a str> {
        self.value.as_str().or_else(|| self.wrong("a string"))
    }

    pub(crate) fn object(&self) -> Option<Children<'a>> {
        match self.value.as_object() {
            Some(fields) => Some(Children { at: self.clone(), fields }),
            None => self.wrong("an object"),
        }
    }

    /// The items of an array of `least` to `most`, those that can be read. They are whole,
    /// whatever the document is for.
    pub(crate) fn items<T: Part>(&self, least: usize, most: usize) -> Option<Vec<T>> {
        let Value::Array(items) = self.value else {
            return self.wrong("an array");
        };
        if !(least..=most).contains(&items.len()) {
            return self.say(has(items.len(), "items", least, most));
        }
        let read = |(at, value): (usize, &'a Value)| {
            let path = format!("{}[{at}]", self.path);
            T::read(&Self { path, value, purpose: Purpose::Whole, ..*self })
        };
        Some(items.iter().enumerate().filter_map(read).collect())
    }
}

/// The fields of an object.
#[derive(Debug)]
pub(crate) struct Children<'a> {
    at: At<'a>,
    fields: &'a Map<String, Value>,
}

impl<'a> Children<'a> {
    /// The field, whatever it holds.
    pub(crate) fn at(&self, key: &str) -> Option<At<'a>> {
        self.fields.get(key).map(|value| self.at.child(key, value))
    }

    /// The field, if it is there and not null. A null tells what an absence does: the service
    /// writes nulls itself, and in a patch they delete.
    pub(crate) fn given(&self, key: &str) -> Option<At<'a>> {
        self.at(key).filter(|at| !at.value.is_null())
    }

    pub(crate) fn optional<T: Part>(&self, key: &str) -> Option<T> {
        T::read(&self.given(key)?)
    }

    /// A field that is called one or the other; the first counts.
    pub(crate) fn either<T: Part>(&self, key: &str, other: &str) -> Option<T> {
        let (first, second) = (self.optional(key), self.optional(other));
        first.or(second)
    }

    /// A field that a whole object must have.
    pub(crate) fn required<T: Part>(&self, key: &str, because: &str) -> Option<T> {
        self.given(key).map_or_else(|| self.missing(key, because), |at| T::read(&at))
    }

    pub(crate) fn missing<T>(&self, key: &str, because: &str) -> Option<T> {
        let at = self.at.child(key, &Value::Null);
        if at.is_whole() { at.say(missing(because)) } else { None }
    }

    pub(crate) fn list<T: Part>(&self, key: &str, least: usize, most: usize) -> Option<Vec<T>> {
        self.given(key)?.items(least, most)
    }

    /// A list that a whole object must have.
    pub(crate) fn required_list<T: Part>(
        &self,
        key: &str,
        because: &str,
        least: usize,
        most: usize,
    ) -> Option<Vec<T>> {
        self.given(key).map_or_else(|| self.missing(key, because), |at| at.items(least, most))
    }

    /// Every field, for objects whose keys are not the model's.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&'a String, At<'a>)> {
        self.fields.iter().map(|(key, value)| (key, self.at.child(key, value)))
    }
}

/// A part of the model.
pub(crate) trait Part: Sized {
    /// Reads it, and says what is wrong with it. What is given may be wrong in a part of a part:
    /// only a reading without a problem counts.
    fn read(at: &At<'_>) -> Option<Self>;

    /// It as JSON. **It may hold secrets.**
    fn value(&self) -> Value;
}

/// The JSON of a list.
pub(crate) fn values<T: Part>(list: &[T]) -> Value {
    list.iter().map(Part::value).collect()
}

/// The JSON of an object, with those of the fields that there are.
pub(crate) fn fields<const N: usize>(fields: [(&str, Option<Value>); N]) -> Value {
    fields.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
}

/// Makes a part of a struct whose fields are fields of an object, each read by the method of
/// [`Children`] of that name. What is read may then be `checked` as a whole.
macro_rules! object {
    ($name:ident { $($field:ident: $how:ident($key:expr $(, $bound:expr)*)),+ $(,)? } $($checked:ident)?) => {
        impl Part for $name {
            fn read(at: &At<'_>) -> Option<Self> {
                let fields = at.object()?;
                $(let $field = fields.$how($key $(, $bound)*);)+
                let read = Self { $($field: object!(@read $how $field)),+ };
                object!(@checked read at $($checked)?)
            }

            fn value(&self) -> Value {
                fields([$(($key, object!(@value $how self.$field))),+])
            }
        }
    };
    (@checked $read:ident $at:ident) => { Some($read) };
    (@checked $read:ident $at:ident $checked:ident) => { $read.$checked($at) };
    (@read optional $field:ident) => { $field };
    (@read either $field:ident) => { $field };
    (@read list $field:ident) => { $field };
    (@read $required:ident $field:ident) => { $field? };
    (@value required $value:expr) => { Some($value.value()) };
    (@value required_list $value:expr) => { Some(values(&$value)) };
    (@value list $value:expr) => { $value.as_deref().map(values) };
    (@value setting $value:expr) => { $value.value() };
    (@value $optional:ident $value:expr) => { $value.as_ref().map(Part::value) };
}
pub(super) use object;
