//! How a part of the model is read from a body and written into one.
//!
//! One reader does both jobs, checking and typing, so that what is taken as a typed value and what
//! passes the check cannot differ. Writing is the careful half: a part is written over the text
//! that stands in its place, field by field; a field that already says the same keeps its text,
//! and one that the model does not know is not looked at.

use serde_json::{Map, Value};

use crate::problem::{PROBLEMS_MAX, Problem, found, has, is, missing};
use crate::raw::{self, Object};
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

    /// Every field, for objects whose keys are not the model's.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&'a String, At<'a>)> {
        self.fields.iter().map(|(key, value)| (key, self.at.child(key, value)))
    }
}

/// A part of the model.
pub(crate) trait Part: Sized + PartialEq {
    /// Reads it, and says what is wrong with it. What is given may be wrong in a part of a part:
    /// only a reading without a problem counts.
    fn read(at: &At<'_>, reader: &mut Reader) -> Option<Self>;

    /// Its text in place of `existing`. Only asked where that does not say the same.
    fn over(&self, existing: Option<&str>) -> String;

    /// What tells it from the others in an array, so that it finds the text that it had.
    fn key(&self) -> Option<String> {
        None
    }

    /// Its text in place of `existing`: that text itself, if it says the same.
    fn write(&self, existing: Option<&str>) -> String {
        match existing {
            Some(text) if of_text::<Self>(text).as_ref() == Some(self) => text.to_owned(),
            Some(_) | None => self.over(existing),
        }
    }
}

/// Reads a part alone, if nothing at all is wrong with it.
pub(crate) fn of_text<T: Part>(text: &str) -> Option<T> {
    let value: Value = serde_json::from_str(text).ok()?;
    let mut reader = Reader::new(Purpose::Whole);
    let part = T::read(&At::new(String::new(), &value), &mut reader);
    part.filter(|_| reader.problems.is_empty())
}

/// Writes a field; `None` takes it out, unless it is null already.
pub(crate) fn put<T: Part>(object: &mut Object, key: &str, part: Option<&T>) {
    match part {
        Some(part) => {
            let text = part.write(object.get(key));
            object.set(key, &text);
        }
        None if object.has(key) => object.remove(key),
        None => {}
    }
}

/// Writes an array; an item keeps the text of the one with its key, or in its place where items
/// have no keys.
pub(crate) fn put_list<T: Part>(object: &mut Object, key: &str, list: Option<&[T]>) {
    let Some(list) = list else {
        if object.has(key) {
            object.remove(key);
        }
        return;
    };
    let text = list_over(list, object.get(key));
    object.set(key, &text);
}

/// The text of an array over the one that is there.
pub(crate) fn list_over<T: Part>(list: &[T], existing: Option<&str>) -> String {
    let texts = existing.map(raw::items).unwrap_or_default();
    let parts: Vec<Option<T>> = texts.iter().map(|text| of_text(text)).collect();
    let same = parts.len() == list.len()
        && parts.iter().zip(list).all(|(part, item)| part.as_ref() == Some(item));
    if let Some(existing) = existing.filter(|text| same && text.starts_with('[')) {
        return existing.to_owned();
    }
    let mut free: Vec<bool> = texts.iter().map(|_| true).collect();
    let written = list.iter().enumerate().map(|(at, item)| {
        let mine = match item.key() {
            Some(key) => (0..texts.len())
                .find(|&i| free[i] && parts[i].as_ref().and_then(T::key).as_ref() == Some(&key)),
            None => Some(at).filter(|at| free.get(*at).copied().unwrap_or(false)),
        };
        if let Some(mine) = mine {
            free[mine] = false;
        }
        item.write(mine.map(|mine| texts[mine]))
    });
    format!("[{}]", written.collect::<Vec<_>>().join(","))
}

/// Makes a part of a struct whose fields are fields of an object: `required` parts, `optional` ones
/// and lists, each by the method of [`Children`] of that name. An item of an array may have a key.
macro_rules! object {
    ($name:ident { $($field:ident: $how:ident($key:expr $(, $bound:expr)*)),+ $(,)? } $($key_of:item)?) => {
        impl Part for $name {
            fn read(at: &At<'_>, reader: &mut Reader) -> Option<Self> {
                let fields = at.object(reader)?;
                $(let $field = fields.$how(reader, $key $(, $bound)*);)+
                Some(Self { $($field: object!(@got $how $field)),+ })
            }

            fn over(&self, existing: Option<&str>) -> String {
                let mut object = Object::of(existing);
                $(object!(@put $how object, $key, self.$field);)+
                object.into_text()
            }

            $($key_of)?
        }
    };
    (@got required $field:ident) => { $field? };
    (@got $how:ident $field:ident) => { $field };
    (@put required $object:ident, $key:expr, $value:expr) => {
        put(&mut $object, $key, Some(&$value))
    };
    (@put optional $object:ident, $key:expr, $value:expr) => {
        put(&mut $object, $key, $value.as_ref())
    };
    (@put list $object:ident, $key:expr, $value:expr) => {
        put_list(&mut $object, $key, $value.as_deref())
    };
}
pub(super) use object;
