//! JSON texts that are changed in one place and keep their letter everywhere else.
//!
//! A tree of values gives back another text than it was read from: `1.50` becomes `1.5`, a large
//! number loses digits, white space goes. [`Object`] works on the text itself: it finds where the
//! value of a key begins and ends, and puts another text there.

use std::collections::HashSet;
use std::fmt;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// The fields of an object, in their order, each as it was written, also those whose key is there
/// twice.
pub(crate) struct Fields<'a>(pub(crate) Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Fields<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
                let mut fields = Vec::with_capacity(4);
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

/// Whether a text is an object that has each of its keys once.
pub(crate) fn is_object(text: &str) -> bool {
    serde_json::from_str::<Fields<'_>>(text).is_ok_and(|Fields(fields)| {
        let mut seen = HashSet::new();
        fields.iter().all(|(key, _)| seen.insert(key))
    })
}

/// The text of an object, field by field.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Object(String);

impl Object {
    /// The object of that text, or a new one where there is none to keep: nothing, null,
    /// something else, or an object that has a key twice.
    pub(crate) fn of(existing: Option<&str>) -> Self {
        Self(existing.filter(|text| is_object(text)).unwrap_or("{}").to_owned())
    }

    fn spans(&self) -> Vec<(String, Range<usize>)> {
        let fields: Fields<'_> =
            serde_json::from_str(&self.0).expect("it was one when it was made");
        let place = |value: &RawValue| {
            // What was read borrows from the text, so that its place is its distance.
            let from = value.get().as_ptr().addr() - self.0.as_ptr().addr();
            from..from + value.get().len()
        };
        fields.0.into_iter().map(|(key, value)| (key, place(value))).collect()
    }

    /// The text of a field's value.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        let span = self.spans().into_iter().find(|(found, _)| found == key)?.1;
        Some(&self.0[span])
    }

    /// How the text spells a key: in another case, if there is no such key in this one, and nothing
    /// else is `known` by that.
    fn spelled(&self, key: &str, known: impl Fn(&str) -> bool) -> String {
        let spans = self.spans();
        let keys = || spans.iter().map(|(found, _)| found);
        let other = |found: &&String| found.eq_ignore_ascii_case(key) && !known(found);
        let spelled = if keys().any(|found| found == key) { None } else { keys().find(other) };
        spelled.map_or(key, String::as_str).to_owned()
    }

    /// Puts that text where the value of the field is; at the end where there is none yet.
    pub(crate) fn set(&mut self, key: &str, value: &str) {
        let spans = self.spans();
        if let Some((_, span)) = spans.iter().find(|(found, _)| found == key) {
            self.0.replace_range(span.clone(), value);
            return;
        }
        let key = Value::String(key.to_owned());
        match spans.last() {
            Some((_, last)) => self.0.insert_str(last.end, &format!(",{key}:{value}")),
            None => {
                self.0.insert_str(self.open(), &format!("{key}:{value}"));
            }
        }
    }

    /// Takes a field out.
    pub(crate) fn remove(&mut self, key: &str) {
        let spans = self.spans();
        let Some(at) = spans.iter().position(|(found, _)| found == key) else { return };
        let span = spans[at].1.clone();
        let range = match (at.checked_sub(1), spans.len()) {
            // From the end of the value before it: comma, key and value.
            (Some(before), _) => spans[before].1.end..span.end,
            (None, 1) => self.open()..span.end,
            // From the brace to behind the comma that follows.
            (None, _) => {
                let comma = self.0[span.end..].find(',').map_or(span.end, |at| span.end + at + 1);
                self.open()..comma
            }
        };
        self.0.replace_range(range, "");
    }

    fn open(&self) -> usize {
        self.0.find('{').map_or(0, |at| at + 1)
    }

    pub(crate) fn into_text(self) -> String {
        self.0
    }
}

/// The text that says `after`, in place of one that says `before`. What both say keeps its letter,
/// and so does what neither says.
pub(crate) fn rewritten(text: &str, before: &Value, after: &Value) -> String {
    match after {
        _ if before == after => text.to_owned(),
        Value::Object(after) => {
            let nothing = Map::new();
            let before = before.as_object().unwrap_or(&nothing);
            let mut object = Object::of(Some(text));
            let gone = before.keys().filter(|key| !after.contains_key(*key));
            for key in gone.chain(after.keys()) {
                // The service spells a key in its answers otherwise than its page does.
                let spelled =
                    object.spelled(key, |key| before.contains_key(key) || after.contains_key(key));
                match (before.get(key), after.get(key)) {
                    (was, is) if was == is => {}
                    (_, None) => object.remove(&spelled),
                    (was, Some(is)) => {
                        let text = object.get(&spelled).unwrap_or("null");
                        let text = rewritten(text, was.unwrap_or(&Value::Null), is);
                        object.set(&spelled, &text);
                    }
                }
            }
            object.into_text()
        }
        Value::Array(after) => {
            let texts = items(text);
            let before = before.as_array().map_or(&[][..], Vec::as_slice);
            let mut free: Vec<bool> = texts.iter().zip(before).map(|_| true).collect();
            // An item is the one of its name, or the one in its place where it has no name.
            let written = after.iter().enumerate().map(|(at, item)| {
                let mine = match name_of(item) {
                    Some(name) => (0..free.len())
                        .find(|at| free[*at] && name_of(&before[*at]).as_ref() == Some(&name)),
                    None => Some(at).filter(|at| free.get(*at) == Some(&true)),
                };
                let Some(mine) = mine else { return item.to_string() };
                free[mine] = false;
                rewritten(texts[mine], &before[mine], item)
            });
            format!("[{}]", written.collect::<Vec<_>>().join(","))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => after.to_string(),
    }
}

/// What people call an item of a list, if it has a name: the last segment of its id without case,
/// or its name.
pub(crate) fn name_of(item: &Value) -> Option<String> {
    let id = item.get("id").and_then(Value::as_str);
    let last = id.and_then(|id| id.rsplit('/').next()).map(str::to_lowercase);
    last.or_else(|| item.get("name").and_then(Value::as_str).map(str::to_owned))
}

/// The text at the end of the path; none where a key on the way is missing, or is there twice.
pub(crate) fn at<'a>(text: &'a str, path: &[&str]) -> Option<&'a str> {
    let [key, rest @ ..] = path else { return Some(text) };
    let Fields(fields) = serde_json::from_str(text).ok()?;
    let mut named = fields.into_iter().filter(|(name, _)| name == key);
    let (Some((_, value)), None) = (named.next(), named.next()) else { return None };
    at(value.get(), rest)
}

/// The items of an array, each as it was written; none if the text is not an array.
pub(crate) fn items(text: &str) -> Vec<&str> {
    let items: Vec<&RawValue> = serde_json::from_str(text).unwrap_or_default();
    items.into_iter().map(RawValue::get).collect()
}

/// The path of the first key that is in its object twice, at any depth.
pub(crate) fn repeated(text: &str) -> Option<String> {
    repeated_below("", text)
}

fn repeated_below(path: &str, text: &str) -> Option<String> {
    let Ok(Fields(fields)) = serde_json::from_str(text) else {
        let mut items = items(text).into_iter().enumerate();
        return items.find_map(|(at, item)| repeated_below(&format!("{path}[{at}]"), item));
    };
    let dot = if path.is_empty() { "" } else { "." };
    let mut seen = HashSet::new();
    fields.iter().find_map(|(key, value)| {
        let path = format!("{path}{dot}{key}");
        if seen.insert(key) { repeated_below(&path, value.get()) } else { Some(path) }
    })
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;

    #[derive(Debug)]
    enum Do {
        Set(&'static str, &'static str),
        Remove(&'static str),
    }

    fn check(text: &str, what: &[Do], expected: &Expect) {
        let mut object = Object::of(Some(text));
        for step in what {
            match step {
                Do::Set(key, value) => object.set(key, value),
                Do::Remove(key) => object.remove(key),
            }
        }
        expected.assert_eq(&object.into_text());
    }

    #[test]
    fn what_is_not_named_keeps_its_letter() {
        use Do::{Remove, Set};
        let text = "{ \"a\" : 1.50 ,\n\t\"b\":{\"c\": [ 1 ]}, \"d\\u0065\" : null }";
        check(
            text,
            &[],
            &expect![[r#"
            { "a" : 1.50 ,
            	"b":{"c": [ 1 ]}, "d\u0065" : null }"#]],
        );
        check(
            text,
            &[Set("b", "2")],
            &expect![[r#"
            { "a" : 1.50 ,
            	"b":2, "d\u0065" : null }"#]],
        );
        check(
            text,
            &[Set("de", "7"), Set("e", "8")],
            &expect![[r#"
            { "a" : 1.50 ,
            	"b":{"c": [ 1 ]}, "d\u0065" : 7,"e":8 }"#]],
        );
        check(
            text,
            &[Remove("a")],
            &expect![[r#"
            {
            	"b":{"c": [ 1 ]}, "d\u0065" : null }"#]],
        );
        check(text, &[Remove("b")], &expect![[r#"{ "a" : 1.50, "d\u0065" : null }"#]]);
        check(
            text,
            &[Remove("de"), Remove("x")],
            &expect![[r#"
            { "a" : 1.50 ,
            	"b":{"c": [ 1 ]} }"#]],
        );
        check(text, &[Remove("de"), Remove("b"), Remove("a")], &expect!["{ }"]);
        check("{ }", &[Set("a\"", "1"), Set("b", "2")], &expect![[r#"{"a\"":1,"b":2 }"#]]);
    }

    #[test]
    fn what_is_no_object_gives_a_new_one() {
        for text in [None, Some("null"), Some("[1]"), Some("7"), Some(r#"{"a":1,"a":2}"#)] {
            assert_eq!(Object::of(text).into_text(), "{}");
        }
    }

    #[test]
    fn a_repeated_key_is_found_at_any_depth() {
        for (body, path) in [
            (r#"{"a":1,"b":{"a":1}}"#, None),
            (r#"{"a":1,"a":1}"#, Some("a")),
            (r#"{"a":[{"b":1},{"b":{"c":1.5,"d":"x","\u0063":null}}]}"#, Some("a[1].b.c")),
        ] {
            assert_eq!(repeated(body).as_deref(), path, "{body}");
        }
    }

    proptest! {
        #[test]
        fn fields_are_set_and_removed_as_in_a_map(
            steps in proptest::collection::vec(("[a-d]", proptest::option::of(0..9u8)), 0..12),
            start in proptest::collection::btree_map("[a-d]", 0..9u8, 0..4),
        ) {
            let mut text = serde_json::to_string_pretty(&start).unwrap();
            let mut map = start;
            for (key, value) in steps {
                let mut object = Object::of(Some(&text));
                match value {
                    Some(value) => {
                        object.set(&key, &value.to_string());
                        map.insert(key, value);
                    }
                    None => {
                        object.remove(&key);
                        map.remove(&key);
                    }
                }
                text = object.into_text();
                let read: std::collections::BTreeMap<String, u8> =
                    serde_json::from_str(&text).unwrap();
                prop_assert_eq!(&read, &map);
            }
        }
    }
}
