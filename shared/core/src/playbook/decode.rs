//! From the tree to the wire types, past every error to the next.
//!
//! serde stops at the first error. Here every value that can be told apart is an [`At`]: what is
//! wrong inside it is put aside, the value is missing, and its neighbours are still read. Unknown
//! fields, fields that stand twice and constructs that are not built yet are put aside too.

use std::{cell::RefCell, collections::HashSet, fmt, marker::PhantomData, ops::Range};

use serde::{
    Deserialize, Deserializer,
    de::{
        self, DeserializeSeed, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess,
        Visitor,
    },
    forward_to_deserialize_any,
};

use super::{
    nearest::{meant, nearest},
    node::{Node, Value},
    problem::Wrong,
    unbuilt::unbuilt,
};

/// A value and its bytes in the file; no value where it was wrong, which then has been said.
#[derive(Clone, Debug)]
pub(super) struct At<T> {
    pub(super) at: Range<usize>,
    pub(super) value: Option<T>,
}

/// The entries of a mapping whose keys are names that the file gives, in its order.
#[derive(Clone, Debug)]
pub(super) struct Entries<T>(pub(super) Vec<(At<String>, At<T>)>);

/// Reads `node`; what is wrong is added to `wrongs`.
pub(super) fn decode<T: de::DeserializeOwned>(node: &Node, wrongs: &mut Vec<Wrong>) -> Option<T> {
    let aside = RefCell::new(Vec::new());
    let read = At::<T>::deserialize(Reader { node, aside: &aside });
    wrongs.append(&mut aside.into_inner());
    match read {
        Ok(read) => read.value,
        Err(Fault { wrong: Some(wrong), .. }) => {
            wrongs.push(wrong);
            None
        }
        Err(Fault { wrong: None, message }) => {
            wrongs.push(Wrong::new(node.at.clone(), message, HELP));
            None
        }
    }
}

/// How an [`At`] asks the [`Reader`] for its place.
const AT: &str = "\u{0}at";
const HELP: &str = "see the example playbook";

impl<'de, T: Deserialize<'de>> Deserialize<'de> for At<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Parts<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Parts<T> {
            type Value = At<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value with its place")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<At<T>, A::Error> {
                let start = parts.next_element()?.unwrap_or_default();
                let end = parts.next_element()?.unwrap_or_default();
                Ok(At { at: start..end, value: parts.next_element()? })
            }
        }
        deserializer.deserialize_newtype_struct(AT, Parts(PhantomData))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Entries<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Pairs<T> {
            type Value = Entries<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("names with their values")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries<T>, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(Pairs(PhantomData))
    }
}

/// What stopped a value; without a place of its own it gets that of the [`At`] around it.
#[derive(Debug)]
pub(super) struct Fault {
    wrong: Option<Wrong>,
    message: String,
}

impl Fault {
    fn at(node: &Node, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { wrong: Some(Wrong::new(node.at.clone(), message, help)), message: String::new() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.wrong.as_ref().map_or(&self.message, |wrong| &wrong.message))
    }
}

impl std::error::Error for Fault {}

impl de::Error for Fault {
    fn custom<M: fmt::Display>(message: M) -> Self {
        Self { wrong: None, message: message.to_string() }
    }
}

#[derive(Clone, Copy)]
struct Reader<'a> {
    node: &'a Node,
    aside: &'a RefCell<Vec<Wrong>>,
}

impl<'a> Reader<'a> {
    fn of(self, node: &'a Node) -> Self {
        Self { node, ..self }
    }

    fn put_aside(self, at: &Range<usize>, message: impl Into<String>, help: impl Into<String>) {
        self.aside.borrow_mut().push(Wrong::new(at.clone(), message, help));
    }

    fn mismatch(self, wanted: &str, example: &str) -> Fault {
        let found = match &self.node.value {
            Value::Null => "nothing",
            Value::Scalar { .. } => "a single value",
            Value::List(_) => "a list",
            Value::Mapping(_) => "a mapping",
        };
        Fault::at(self.node, format!("this must be {wanted}, and there is {found}"), example)
    }

    fn scalar(self, wanted: &str, example: &str) -> Result<(&'a str, bool), Fault> {
        match &self.node.value {
            Value::Scalar { text, plain } => Ok((text, *plain)),
            Value::Null | Value::List(_) | Value::Mapping(_) => Err(self.mismatch(wanted, example)),
        }
    }

    fn integer(self) -> Result<i64, Fault> {
        let (text, plain) = self.scalar("a whole number", "write a number, such as 20")?;
        match text.parse() {
            Ok(number) if plain => Ok(number),
            Ok(_) => Err(Fault::at(self.node, "this must be a number", "take off the quotes")),
            Err(_) => Err(Fault::at(
                self.node,
                format!("`{text}` is no whole number"),
                "write digits only, such as 20",
            )),
        }
    }

    /// The pairs of a mapping whose keys are texts, each key once; `fields` are those it may have.
    fn pairs(self, fields: Option<&'static [&'static str]>) -> Result<Vec<Pair<'a>>, Fault> {
        let Value::Mapping(pairs) = &self.node.value else {
            let example = fields.map_or_else(
                || "write `name: value`".to_owned(),
                |fields| format!("it has {}", listed(fields)),
            );
            return Err(self.mismatch("a mapping", &example));
        };
        let written: HashSet<&str> = pairs.iter().filter_map(|(key, _)| key.text()).collect();
        let mut seen: HashSet<&str> = HashSet::with_capacity(written.len());
        let mut kept = Vec::with_capacity(pairs.len());
        for (key, value) in pairs {
            let Some(text) = key.text() else {
                self.put_aside(&key.at, "a name must stand here", "write `name: value`");
                continue;
            };
            if !seen.insert(text) {
                self.put_aside(
                    &key.at,
                    format!("`{}` stands here twice", clipped(text)),
                    "keep one of the two",
                );
                continue;
            }
            if let Some(fields) = fields
                && !fields.contains(&text)
            {
                let meant = self.unknown(key, text, "field", fields);
                let missing = |name: &&str| {
                    !written.contains(name)
                        && kept.iter().all(|pair: &Pair<'_>| pair.meant != Some(*name))
                };
                if let Some(meant) = meant.filter(missing) {
                    kept.push(Pair { key, meant: Some(meant), value });
                }
                continue;
            }
            kept.push(Pair { key, meant: None, value });
        }
        Ok(kept)
    }

    /// Says that `text` is none of the `known`, and which of them was most likely meant: its value
    /// is read as if that had been written, so that what is wrong in it is told now as well.
    fn unknown(
        self,
        key: &Node,
        text: &str,
        what: &str,
        known: &'static [&'static str],
    ) -> Option<&'static str> {
        if let Some((message, help)) = unbuilt(text) {
            self.put_aside(&key.at, message, help);
            return None;
        }
        if text == "<<" {
            self.put_aside(
                &key.at,
                "merge keys (`<<`) are not part of a playbook",
                "repeat the fields, or use an alias for a whole value",
            );
            return None;
        }
        self.put_aside(
            &key.at,
            format!("there is no {what} `{}` here", clipped(text)),
            meant(text, &format!("{what}s here"), known.iter().copied()),
        );
        nearest(text, known.iter().copied())
    }
}

fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// A text short enough to be quoted in a message.
pub(super) fn clipped(text: &str) -> String {
    const CHARS_MAX: usize = 60;
    match text.char_indices().nth(CHARS_MAX) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

impl<'de> Deserializer<'de> for Reader<'_> {
    type Error = Fault;

    /// Any single value as its text: for the wire types that read their own form of it.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_str(self.scalar("a single value", "write one value here")?.0)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_str(self.scalar("text", "write text here; text can go in quotes")?.0)
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_i64(self.integer()?)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        // What is written without a value is no absent field: it is a value forgotten.
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        if name == AT {
            visitor.visit_seq(Parts { reader: self, part: 0 })
        } else {
            visitor.visit_newtype_struct(self)
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.node.value {
            Value::List(nodes) => visitor.visit_seq(List { reader: self, nodes: nodes.iter() }),
            Value::Null | Value::Scalar { .. } | Value::Mapping(_) => Err(self.mismatch(
                "a list",
                "put each entry on a line of its own that begins with `- `, or all in [ ]",
            )),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let pairs = self.pairs(None)?;
        visitor.visit_map(Pairs { reader: self, pairs: pairs.into_iter(), value: None })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let pairs = self.pairs(Some(fields))?;
        visitor.visit_map(Pairs { reader: self, pairs: pairs.into_iter(), value: None })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match &self.node.value {
            Value::Scalar { text, .. } if variants.contains(&text.as_str()) => {
                visitor.visit_enum(Variant { name: text, reader: self, content: None })
            }
            Value::Scalar { text, .. } => {
                let (message, help) = unbuilt(text).unwrap_or_else(|| {
                    let message = format!("`{}` cannot stand here", clipped(text));
                    (message, meant(text, "possibilities", variants.iter().copied()))
                });
                Err(Fault::at(self.node, message, help))
            }
            Value::Mapping(pairs) => {
                let [(key, content)] = pairs.as_slice() else {
                    let second = pairs.get(1).map_or(self.node, |(key, _)| key);
                    return Err(Fault::at(
                        second,
                        "an entry here has exactly one name",
                        "begin each with `- ` on a line of its own; what belongs to it is \
                         indented further",
                    ));
                };
                let name = self.of(key).scalar("a name", "write a name here")?.0;
                let name = if variants.contains(&name) {
                    name
                } else {
                    // Where none was meant, it has been said; nothing of this entry can be read.
                    self.unknown(key, name, "effect", variants).ok_or_else(said)?
                };
                visitor.visit_enum(Variant { name, reader: self, content: Some(content) })
            }
            Value::Null | Value::List(_) => {
                Err(self
                    .mismatch("one of the names", &format!("write one of {}", listed(variants))))
            }
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i128 u8 u16 u32 u64 u128 f32 f64 char str
        bytes byte_buf unit unit_struct tuple tuple_struct identifier ignored_any
    }
}

/// A fault of which all has been put aside already.
fn said() -> Fault {
    Fault { wrong: None, message: String::new() }
}

/// The parts of an [`At`]: start, end, and the value unless it is wrong.
struct Parts<'a> {
    reader: Reader<'a>,
    part: u8,
}

impl<'de> SeqAccess<'de> for Parts<'_> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Fault> {
        self.part += 1;
        let Reader { node, aside } = self.reader;
        match self.part {
            1 => seed.deserialize(node.at.start.into_deserializer()).map(Some),
            2 => seed.deserialize(node.at.end.into_deserializer()).map(Some),
            _ => match seed.deserialize(self.reader) {
                Ok(value) => Ok(Some(value)),
                Err(Fault { wrong: Some(wrong), .. }) => {
                    aside.borrow_mut().push(wrong);
                    Ok(None)
                }
                Err(Fault { wrong: None, message }) => {
                    if !message.is_empty() {
                        self.reader.put_aside(&node.at, message, HELP);
                    }
                    Ok(None)
                }
            },
        }
    }
}

struct List<'a> {
    reader: Reader<'a>,
    nodes: std::slice::Iter<'a, Node>,
}

impl<'de> SeqAccess<'de> for List<'_> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Fault> {
        self.nodes.next().map(|node| seed.deserialize(self.reader.of(node))).transpose()
    }
}

/// A key and its value; `meant` is the field that a mistyped key most likely meant.
struct Pair<'a> {
    key: &'a Node,
    meant: Option<&'static str>,
    value: &'a Node,
}

struct Pairs<'a> {
    reader: Reader<'a>,
    pairs: std::vec::IntoIter<Pair<'a>>,
    value: Option<&'a Node>,
}

impl<'de> MapAccess<'de> for Pairs<'_> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Fault> {
        let Some(Pair { key, meant, value }) = self.pairs.next() else { return Ok(None) };
        self.value = Some(value);
        match meant {
            Some(meant) => seed.deserialize(meant.into_deserializer()).map(Some),
            None => seed.deserialize(self.reader.of(key)).map(Some),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        let value = self.value.take().unwrap_or(self.reader.node);
        seed.deserialize(self.reader.of(value))
    }
}

struct Variant<'a> {
    name: &'a str,
    reader: Reader<'a>,
    content: Option<&'a Node>,
}

impl<'de> EnumAccess<'de> for Variant<'_> {
    type Error = Fault;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Fault> {
        let value = seed.deserialize(self.name.into_deserializer())?;
        Ok((value, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_> {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        match self.content {
            None => Ok(()),
            Some(content) => {
                Err(Fault::at(content, format!("`{}` stands alone", self.name), "take this out"))
            }
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Fault> {
        match self.content {
            Some(content) => seed.deserialize(self.reader.of(content)),
            None => Err(Fault::at(
                self.reader.node,
                format!("`{}` needs to be told of what", self.name),
                format!("write {}: {{pool: …, member: …}}", self.name),
            )),
        }
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Fault> {
        Err(de::Error::custom("no entry has this form"))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Fault> {
        Err(de::Error::custom("no entry has this form"))
    }
}
