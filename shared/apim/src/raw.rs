//! JSON texts that are changed in one place and keep their letter everywhere else.
//!
//! A tree of values gives back another text than it was read from: `1.50` becomes `1.5`, a large
//! number loses digits, white space goes. [`rewritten`] works on the text itself: it finds where the
//! value of a key begins and ends, and puts another text there.

use std::collections::HashSet;
use std::fmt;

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

/// The text that says `after`, in place of one that says `before`. What both say keeps its letter,
/// and so does what neither says.
pub(crate) fn rewritten(text: &str, before: &Value, after: &Value) -> String {
    match after {
        _ if before == after => text.to_owned(),
        Value::Object(after) => {
            let nothing = Map::new();
            object_rewritten(text, before.as_object().unwrap_or(&nothing), after)
        }
        Value::Array(after) => {
            array_rewritten(text, before.as_array().map_or(&[], Vec::as_slice), after)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => after.to_string(),
    }
}

/// A new one is made where there is no object to keep, or one that has a key twice.
fn object_rewritten(text: &str, before: &Map<String, Value>, after: &Map<String, Value>) -> String {
    let text = if is_object(text) { text } else { "{}" };
    let Fields(fields) = serde_json::from_str(text).expect("it is one");
    let mut new: Vec<&String> = after.keys().collect();
    let mut end = text.find('{').map_or(0, |at| at + 1);
    let mut written = text[..end].to_owned();
    let (mut gone, mut empty) = (false, true);
    for (key, value) in &fields {
        let key = known_as(key, &fields, before);
        // What was read borrows from the text, so that its place is its distance.
        let start = value.get().as_ptr().addr() - text.as_ptr().addr();
        let gap = &text[end..start];
        end = start + value.get().len();
        new.retain(|new| *new != key);
        let value = match (before.get(key), after.get(key)) {
            (None, None) => value.get().to_owned(),
            (was, Some(is)) => rewritten(value.get(), was.unwrap_or(&Value::Null), is),
            (Some(_), None) => {
                gone = true;
                continue;
            }
        };
        // What is the first now may have had a comma before it.
        let gap = if empty && gone { gap.split_once(',').map_or(gap, |(_, gap)| gap) } else { gap };
        written += gap;
        written += &value;
        empty = false;
    }
    for key in new {
        if !std::mem::take(&mut empty) {
            written.push(',');
        }
        written += &format!("{}:{}", Value::from(key.as_str()), after[key]);
    }
    written + &text[end..]
}

/// What a key of a text is called by the model. The service spells one in its answers in another
/// case than its page does: then the text says `before` without having the key itself.
fn known_as<'a>(
    key: &'a str,
    fields: &[(String, &RawValue)],
    before: &'a Map<String, Value>,
) -> &'a str {
    let is_there = |known: &str| fields.iter().any(|(field, _)| field == known);
    let mut otherwise = before.keys().filter(|known| !is_there(known));
    otherwise.find(|known| known.eq_ignore_ascii_case(key)).map_or(key, String::as_str)
}

fn array_rewritten(text: &str, before: &[Value], after: &[Value]) -> String {
    let texts = items(text);
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
    use serde_json::json;

    use super::*;

    #[derive(Debug)]
    enum Do {
        Set(&'static str, &'static str),
        Remove(&'static str),
    }

    fn set(text: &str, key: &str, value: &str) -> String {
        let value: Value = serde_json::from_str(value).unwrap();
        rewritten(text, &json!({}), &json!({key: value}))
    }

    fn removed(text: &str, key: &str) -> String {
        rewritten(text, &json!({key: "what was there"}), &json!({}))
    }

    fn check(text: &str, what: &[Do], expected: &Expect) {
        let done = what.iter().fold(text.to_owned(), |text, step| match step {
            Do::Set(key, value) => set(&text, key, value),
            Do::Remove(key) => removed(&text, key),
        });
        expected.assert_eq(&done);
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
    fn another_case_is_the_same_key_only_where_it_was_read_so() {
        let (text, set) = (r#"{"nAme":1}"#, json!({"name": 2}));
        assert_eq!(rewritten(text, &json!({"name": 1}), &set), r#"{"nAme":2}"#);
        assert_eq!(rewritten(text, &json!({"name": 1}), &json!({})), "{}");
        assert_eq!(rewritten(text, &json!({}), &set), r#"{"nAme":1,"name":2}"#);
    }

    #[test]
    fn what_is_no_object_gives_a_new_one() {
        for text in ["null", "[1]", "7", r#"{"a":1,"a":2}"#] {
            assert_eq!(rewritten(text, &Value::Null, &json!({})), "{}");
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
                text = match value {
                    Some(value) => set(&text, &key, &value.to_string()),
                    None => removed(&text, &key),
                };
                match value {
                    Some(value) => map.insert(key, value),
                    None => map.remove(&key),
                };
                let read: std::collections::BTreeMap<String, u8> =
                    serde_json::from_str(&text).unwrap();
                prop_assert_eq!(&read, &map);
            }
        }
    }
}
