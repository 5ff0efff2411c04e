//! Properties of a Single that may be set without a person looking: none that holds a secret, and none
//! that changes what a backend is.
//!
//! Reading one gives the text that stands there, and setting it to that text gives it back to the letter.
//! [`Edit`] names in its patch what it is told to set and nothing else. Arrays are replaced whole by the
//! service, so a breaker's rules are sent whole.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::backend::Backend;
use crate::document::Document;
use crate::patch::Patch;
use crate::pool::Edited;
use crate::put::{Draft, DraftError};
use crate::raw::{self, rewritten};
use crate::secret::redacted;

/// A property that may be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Property {
    /// The circuit breaker.
    CircuitBreaker,
    /// The address of a Single.
    Url,
    /// Whether the chain of the backend's certificate is checked.
    ValidateCertificateChain,
    /// Whether the name in it is checked.
    ValidateCertificateName,
    /// The address of the proxy.
    ProxyUrl,
    /// The title.
    Title,
    /// The description.
    Description,
}

/// What stands at a property.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stands<'a> {
    /// There is no such key.
    Absent,
    /// The key is there, and null.
    Null,
    /// Anything else, as it was written.
    Text(&'a str),
    /// It is not to be touched: it may hold a secret, is there twice, or what it belongs to is missing.
    Withheld,
}

impl Property {
    /// Where it is under `properties`: a key, or a key within one.
    fn path(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::CircuitBreaker => ("circuitBreaker", None),
            Self::Url => ("url", None),
            Self::ValidateCertificateChain => ("tls", Some("validateCertificateChain")),
            Self::ValidateCertificateName => ("tls", Some("validateCertificateName")),
            Self::ProxyUrl => ("proxy", Some("url")),
            Self::Title => ("title", None),
            Self::Description => ("description", None),
        }
    }

    /// What stands at it in a backend.
    #[must_use]
    pub fn of(self, backend: &Backend) -> Stands<'_> {
        let document = backend.document();
        let (first, second) = self.path();
        let holder = document.property(first).filter(|value| !value.is_null());
        // The service takes no proxy without an address, so that there is nothing to give back to.
        if self == Self::ProxyUrl && holder.is_none() {
            return Stands::Withheld;
        }
        let value = match second {
            None => document.property(first),
            Some(second) => holder.and_then(|holder| holder.get(second)),
        };
        let Some(value) = value else { return Stands::Absent };
        if value.is_null() {
            return Stands::Null;
        }
        if redacted(value) != *value {
            return Stands::Withheld;
        }
        let path = ["properties", first].into_iter().chain(second).collect::<Vec<_>>();
        raw::at(document.text(), &path).map_or(Stands::Withheld, Stands::Text)
    }
}

/// Sets properties of a backend as it was read, and leaves everything else unchanged.
#[derive(Debug)]
pub struct Edit<'a> {
    backend: &'a Backend,
    set: BTreeMap<Property, Option<String>>,
}

impl<'a> Edit<'a> {
    /// Begins with the backend as it is in that state.
    #[must_use]
    pub const fn of(backend: &'a Backend) -> Self {
        Self { backend, set: BTreeMap::new() }
    }

    /// Sets a property to JSON; none takes it out.
    pub fn set(&mut self, property: Property, to: Option<&str>) {
        self.set.insert(property, to.map(str::to_owned));
    }

    /// The patch, if there is anything to change.
    ///
    /// # Errors
    /// When a value is no JSON, or out of the service's bounds.
    pub fn finish(&self) -> Result<Edited, DraftError> {
        let [before, after] = self.trees();
        if before == after {
            return Ok(Edited::Unchanged);
        }
        let mut written: BTreeMap<&str, String> = BTreeMap::new();
        let mut within: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (property, to) in &self.set {
            let (first, second) = property.path();
            let text = merged(to.as_deref(), at(&before, *property));
            match second {
                None => {
                    written.insert(first, text);
                }
                Some(second) => {
                    within.entry(first).or_default().push(format!(r#""{second}":{text}"#));
                }
            }
        }
        let within = within.into_iter().map(|(key, of)| (key, format!("{{{}}}", of.join(","))));
        written.extend(within);
        let fields: Vec<String> =
            written.into_iter().map(|(key, text)| format!(r#""{key}":{text}"#)).collect();
        Patch::parse(format!(r#"{{"properties":{{{}}}}}"#, fields.join(","))).map(Edited::Changed)
    }

    /// The whole backend with these properties, to replace it; everything else stays unchanged.
    ///
    /// # Errors
    /// When the service would refuse the whole, or a key is in it twice.
    pub fn whole(&self) -> Result<Draft, DraftError> {
        let body = Document::parse(self.backend.body().clone())?;
        let [before, after] = self.trees().map(|properties| json!({"properties": properties}));
        Draft::parse(rewritten(body.text(), &before, &after))
    }

    /// What is set, as it is and as it is to be.
    fn trees(&self) -> [Value; 2] {
        let (mut before, mut after) = (json!({}), json!({}));
        for (property, to) in &self.set {
            let (first, second) = property.path();
            if let Some(is) = self.backend.document().property(first) {
                for tree in [&mut before, &mut after] {
                    if tree.get(first).is_none() {
                        tree[first] = is.clone();
                    }
                }
            }
            let to = to.as_deref().map(|text| serde_json::from_str(text).unwrap_or(Value::Null));
            let holder = match second {
                None => &mut after,
                Some(_) => {
                    let within = after.as_object_mut().expect("it was made as one");
                    let within = within.entry(first).or_insert(Value::Null);
                    if !within.is_object() && to.is_some() {
                        *within = json!({});
                    }
                    within
                }
            };
            let Some(holder) = holder.as_object_mut() else { continue };
            let key = second.unwrap_or(first);
            match to {
                Some(to) => holder.insert(key.to_owned(), to),
                None => holder.shift_remove(key),
            };
        }
        [before, after]
    }
}

fn at(tree: &Value, property: Property) -> Option<&Value> {
    let (first, second) = property.path();
    let value = tree.get(first)?;
    second.map_or(Some(value), |second| value.get(second))
}

/// The merge that makes `to` of what stands there: a key that is to go needs a null.
fn merged(to: Option<&str>, before: Option<&Value>) -> String {
    let Some(text) = to else { return "null".to_owned() };
    let (Ok(Value::Object(to)), Some(Value::Object(before))) =
        (serde_json::from_str::<Value>(text), before)
    else {
        return text.to_owned();
    };
    let gone = before.iter().filter(|(key, was)| !was.is_null() && !to.contains_key(*key));
    let gone: Map<String, Value> = gone.map(|(key, _)| (key.clone(), Value::Null)).collect();
    if gone.is_empty() {
        return text.to_owned();
    }
    let mut all = to.clone();
    all.extend(gone);
    rewritten(text, &Value::Object(to), &Value::Object(all))
}

#[cfg(test)]
#[path = "property_tests.rs"]
mod tests;
