//! How a part of the model is read from a body and written into one.
//!
//! One reader does both jobs, checking and typing, so that what is taken as a typed value and what
//! passes the check cannot differ. What is written is the difference of two values of the model,
//! put into the text by [`raw::rewritten`](crate::raw::rewritten): a field that already says the
//! same keeps its text, and one that the model does not know is not looked at.

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

/// Collects what is wrong while parts are read.
#[derive(Debug)]
pub(crate) struct Reader {
    purpose: Purpose,
    problems: Vec<Problem>,
}

impl Reader {
    pub(crate) fn new(purpose: Purpose) -> Self {
        Self { purpose, problems: Vec::new() }
    }

    pub(crate) fn is_whole(&self) -> bool {
        self.purpose == Purpose::Whole
    }

    pub(crate) fn into_problems(self) -> Vec<Problem> {
        self.problems
    }
}

/// A value and where it is.
#[derive(Debug, Clone)]
pub(crate) struct At<'a> {
    path: String,
    value: &'a Value,
    secret: bool,
}

impl<'a> At<'a> {
    /// The value at that path, none of which is secret.
    pub(crate) fn new(path: String, value: &'a Value) -> Self {
        Self { path, value, secret: false }
    }

    pub(crate) fn value(&self) -> &'a Value {
        self.value
    }

    fn child(&self, key: &str, value: &'a Value) -> Self {
        let dot = if self.path.is_empty() { "" } else { "." };
        let secret = self.secret || is_secret_key(key);
        Self { path: format!("{}{dot}{key}", self.path), value, secret }
    }

    /// Says what it must be, and gives nothing.
    pub(crate) fn wrong<T>(&self, reader: &mut Reader, must: &str) -> Option<T> {
        self.say(reader, is(&found(self.value, self.secret), must))
    }

    pub(crate) fn say<T>(&self, reader: &mut Reader, fault: impl Into<String>) -> Option<T> {
        let path = if self.path.is_empty() { "the document" } else { &self.path };
        if reader.problems.len() < PROBLEMS_MAX {
            reader.problems.push(Problem::new(path, fault));
        }
        None
    }

    pub(crate) fn text(&self, reader: &mut Reader) -> Option<&'a str> {
        self.value.as_str().or_else(|| self.wrong(reader, "a string"))
    }

    pub(crate) fn object(&self, reader: &mut Reader) -> Option<Children<'a>> {
        match self.value.as_object() {
            Some(fields) => Some(Children { at: self.clone(), fields }),
            None => self.wrong(reader, "an object"),
        }
    }

    /// The items of an array of `least` to `most`, those that can be read. They are whole,
    /// whatever the document is for.
    pub(crate) fn items<T: Part>(
        &self,
        reader: &mut Reader,
        least: usize,
        most: usize,
    ) -> Option<Vec<T>> {
        let Value::Array(items) = self.value else {
            return self.wrong(reader, "an array");
        };
        if !(least..=most).contains(&items.len()) {
            return self.say(reader, has(items.len(), "items", least, most));
        }
        let purpose = std::mem::replace(&mut reader.purpose, Purpose::Whole);
        let read = |(at, value): (usize, &'a Value)| {
            let path = format!("{}[{at}]", self.path);
            T::read(&At { path, value, secret: self.secret }, reader)
        };
        let read: Vec<T> = items.iter().enumerate().filter_map(read).collect();
        reader.purpose = purpose;
        Some(read)
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

    pub(crate) fn optional<T: Part>(&self, reader: &mut Reader, key: &str) -> Option<T> {
        T::read(&self.given(key)?, reader)
    }

    /// A field that is called one or the other; the first counts.
    pub(crate) fn either<T: Part>(&self, reader: &mut Reader, key: &str, other: &str) -> Option<T> {
        let (first, second) = (self.optional(reader, key), self.optional(reader, other));
        first.or(second)
    }

    /// A field that a whole object must have.
    pub(crate) fn required<T: Part>(
        &self,
        reader: &mut Reader,
        key: &str,
        because: &'static str,
    ) -> Option<T> {
        match self.given(key) {
            Some(at) => T::read(&at, reader),
            None => self.missing(reader, key, because),
        }
    }

    pub(crate) fn missing<T>(
        &self,
        reader: &mut Reader,
        key: &str,
        because: &'static str,
    ) -> Option<T> {
        if reader.is_whole() {
            self.at.child(key, &Value::Null).say(reader, missing(because))
        } else {
            None
        }
    }

    pub(crate) fn list<T: Part>(
        &self,
        reader: &mut Reader,
        key: &str,
        least: usize,
        most: usize,
    ) -> Option<Vec<T>> {
        self.given(key)?.items(reader, least, most)
    }

    /// A list that a whole object must have.
    pub(crate) fn required_list<T: Part>(
        &self,
        reader: &mut Reader,
        key: &str,
        because: &'static str,
        (least, most): (usize, usize),
    ) -> Option<Vec<T>> {
        match self.given(key) {
            Some(at) => at.items(reader, least, most),
            None => self.missing(reader, key, because),
        }
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
    fn read(at: &At<'_>, reader: &mut Reader) -> Option<Self>;

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
            fn read(at: &At<'_>, reader: &mut Reader) -> Option<Self> {
                let fields = at.object(reader)?;
                $(let $field = fields.$how(reader, $key $(, $bound)*);)+
                let read = Self { $($field: object!(@read $how $field)),+ };
                object!(@checked read at reader $($checked)?)
            }

            fn value(&self) -> Value {
                fields([$(($key, object!(@value $how self.$field))),+])
            }
        }
    };
    (@checked $read:ident $at:ident $reader:ident) => { Some($read) };
    (@checked $read:ident $at:ident $reader:ident $checked:ident) => { $read.$checked($at, $reader) };
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
