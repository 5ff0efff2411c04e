//! What differs between two bodies, for people to read.
//!
//! A line a field, in the order of the document. Of what is secret a line says that it changed and
//! never from what to what; names of headers and parameters are shown, their values are not. What
//! stands in a list is named as people name it: members of a pool by the backend, rules and
//! certificates by their name, all else by its place.

use std::collections::HashSet;
use std::fmt;

use serde_json::{Map, Value};

use crate::raw::name_of;
use crate::secret::{HIDDEN, is_secret_key, printable, scrub_urls};

/// How much of a value a line shows, in characters.
pub const SHOWN_CHARS_MAX: usize = 120;

/// One field that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Where it is: `properties.pool.services[eu].weight`.
    pub path: String,
    /// How it differs.
    pub change: Change,
}

/// How a field differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It is there now.
    Added(Shown),
    /// It was there.
    Removed(Shown),
    /// It is another.
    Changed {
        /// What it was.
        from: Shown,
        /// What it is.
        to: Shown,
    },
    /// Its items are in another order.
    Reordered,
}

/// What may be shown of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    /// The value, cut short, without what an address hides.
    Text(String),
    /// Nothing.
    Hidden,
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Hidden => f.write_str(HIDDEN),
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = &self.path;
        match &self.change {
            Change::Added(Shown::Hidden) => write!(f, "+ {path}: {HIDDEN} (new)"),
            Change::Added(to) => write!(f, "+ {path}: {to}"),
            Change::Removed(Shown::Hidden) => write!(f, "- {path}: {HIDDEN} (gone)"),
            Change::Removed(from) => write!(f, "- {path}: {from}"),
            Change::Changed { from: Shown::Hidden, to: Shown::Hidden } => {
                write!(f, "~ {path}: {HIDDEN} (changed)")
            }
            Change::Changed { from, to } if from == to => {
                write!(f, "~ {path}: {to} (changed in what is not shown)")
            }
            Change::Changed { from, to } => write!(f, "~ {path}: {from} -> {to}"),
            Change::Reordered => write!(f, "~ {path}: in another order"),
        }
    }
}

/// What differs between two bodies; nothing where they say the same.
pub fn between(before: &Value, after: &Value) -> Vec<Line> {
    let mut lines = Lines(Vec::new());
    lines.compare("", before, after, false);
    lines.0
}

/// All that a body has, as if nothing had been there before.
pub fn added(after: &Value) -> Vec<Line> {
    let mut lines = Lines(Vec::new());
    lines.whole("", after, false, &Change::Added);
    lines.0
}

struct Lines(Vec<Line>);

impl Lines {
    fn say(&mut self, path: &str, change: Change) {
        let path = if path.is_empty() { "(all)" } else { path };
        // Keys are another's text, and a line is one line.
        let path = printable(path);
        self.0.push(Line { path, change });
    }

    fn compare(&mut self, path: &str, before: &Value, after: &Value, secret: bool) {
        match (before, after) {
            _ if before == after => {}
            (Value::Object(before), Value::Object(after)) => {
                self.fields(path, before, after, secret);
            }
            (Value::Array(before), Value::Array(after)) => self.items(path, before, after, secret),
            _ if is_leaf(before) && is_leaf(after) => {
                let (from, to) = (shown(before, secret), shown(after, secret));
                self.say(path, Change::Changed { from, to });
            }
            _ => {
                self.whole(path, before, secret, &Change::Removed);
                self.whole(path, after, secret, &Change::Added);
            }
        }
    }

    fn fields(
        &mut self,
        path: &str,
        before: &Map<String, Value>,
        after: &Map<String, Value>,
        secret: bool,
    ) {
        let added = after.keys().filter(|key| !before.contains_key(*key));
        for key in before.keys().chain(added) {
            let secret = secret || is_secret_key(key);
            let path = child(path, key);
            match (before.get(key), after.get(key)) {
                (Some(before), Some(after)) => self.compare(&path, before, after, secret),
                (Some(before), None) => self.whole(&path, before, secret, &Change::Removed),
                (None, Some(after)) => self.whole(&path, after, secret, &Change::Added),
                (None, None) => {}
            }
        }
    }

    fn items(&mut self, path: &str, before: &[Value], after: &[Value], secret: bool) {
        let (was, is) = match (names(before, secret), names(after, secret)) {
            (Some(was), Some(is)) => (was, is),
            (None, _) | (_, None) => (places(before), places(after)),
        };
        let place = |names: &[String], name: &String| names.iter().position(|is| is == name);
        for (at, name) in was.iter().enumerate() {
            let path = format!("{path}[{name}]");
            match place(&is, name) {
                Some(now) => self.compare(&path, &before[at], &after[now], secret),
                None => self.whole(&path, &before[at], secret, &Change::Removed),
            }
        }
        for (at, name) in is.iter().enumerate().filter(|(_, name)| !was.contains(name)) {
            self.whole(&format!("{path}[{name}]"), &after[at], secret, &Change::Added);
        }
        let kept_was = was.iter().filter(|name| is.contains(name));
        if !kept_was.eq(is.iter().filter(|name| was.contains(name))) {
            self.say(path, Change::Reordered);
        }
    }

    /// Every leaf of a value that is on one side only.
    fn whole(&mut self, path: &str, value: &Value, secret: bool, change: &dyn Fn(Shown) -> Change) {
        match value {
            Value::Object(fields) if !fields.is_empty() => {
                for (key, value) in fields {
                    self.whole(&child(path, key), value, secret || is_secret_key(key), change);
                }
            }
            Value::Array(items) if !items.is_empty() => {
                let names = names(items, secret).unwrap_or_else(|| places(items));
                for (name, value) in names.iter().zip(items) {
                    self.whole(&format!("{path}[{name}]"), value, secret, change);
                }
            }
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_)
            | Value::Object(_) => self.say(path, change(shown(value, secret))),
        }
    }
}

fn is_leaf(value: &Value) -> bool {
    !value.is_object() && !value.is_array()
}

fn child(path: &str, key: &str) -> String {
    let dot = if path.is_empty() { "" } else { "." };
    format!("{path}{dot}{key}")
}

/// What people call the items of a list, if all have such a name, no two the same and none of
/// them secret.
fn names(items: &[Value], secret: bool) -> Option<Vec<String>> {
    if secret {
        return None;
    }
    let names: Vec<String> = items.iter().map(name_of).collect::<Option<_>>()?;
    let distinct: HashSet<&String> = names.iter().collect();
    (distinct.len() == names.len()).then_some(names)
}

fn places(items: &[Value]) -> Vec<String> {
    (0..items.len()).map(|at| at.to_string()).collect()
}

fn shown(value: &Value, secret: bool) -> Shown {
    let text = match value {
        Value::Null => "null".to_owned(),
        Value::Array(_) => "[]".to_owned(),
        Value::Object(_) => "{}".to_owned(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) if secret => return Shown::Hidden,
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) => Value::String(scrub_urls(text)).to_string(),
    };
    if text.chars().count() <= SHOWN_CHARS_MAX {
        return Shown::Text(text);
    }
    let mut short: String = text.chars().take(SHOWN_CHARS_MAX).collect();
    short.push('…');
    Shown::Text(short)
}

#[cfg(test)]
#[path = "diff_tests.rs"]
mod tests;
