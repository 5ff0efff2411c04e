//! From the tree to the wire types, past every error to the next.
//!
//! serde stops at the first error. Here every value that can be told apart is an [`At`]: what is
//! wrong inside it is put aside, the value is missing, and its neighbours are still read. Missing and
//! unknown fields, fields that stand twice and constructs that are not built yet are put aside too.

use std::{
    cell::RefCell,
    collections::{BTreeMap, HashSet},
    fmt,
    iter::once,
    ops::Range,
};

use schemars::JsonSchema;
use serde::{
    Deserialize, Deserializer,
    de::{
        self, DeserializeSeed, IntoDeserializer, SeqAccess, Visitor,
        value::{MapAccessDeserializer, MapDeserializer, SeqDeserializer, StrDeserializer},
    },
    forward_to_deserialize_any,
};

use super::{
    Language,
    nearest::{meant, nearest, quoted},
    node::{Content, Node},
    problem::{Wrong, clipped},
};

// A value and its bytes in the file; no value where it is wrong or missing, which then has been said.
// The schema describes the value alone; these words would be part of it if they were documentation.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(with = "T")]
#[expect(missing_docs, reason = "see above")]
pub struct At<T> {
    pub at: Range<usize>,
    pub value: Option<T>,
}

impl<T> At<T> {
    /// Whether nothing stands for it in the file.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        self.value.is_none() && self.at == (0..0)
    }

    /// What the value is, where there is one.
    pub fn given<U>(self) -> Option<U>
    where
        T: Into<U>,
    {
        self.value.map(Into::into)
    }
}

/// The entries of a mapping whose keys are names that the file gives, in its order. The only newtype
/// that is asked for.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(transparent, inline)]
pub struct Entries<T>(
    /// Each name with its value.
    #[schemars(with = "BTreeMap<String, T>")]
    pub Vec<(At<String>, At<T>)>,
);

/// Reads `node`; what is wrong is added to `wrongs`.
pub fn decode<T: de::DeserializeOwned>(
    node: &Node,
    language: &Language,
    wrongs: &mut Vec<Wrong>,
) -> Option<T> {
    let aside = RefCell::new(Vec::new());
    let read = At::<T>::deserialize(Reader { node, language, aside: &aside });
    wrongs.append(&mut aside.into_inner());
    read.ok()?.value
}

/// Start, end, and the value unless it is wrong.
#[derive(Deserialize)]
#[serde(bound = "T: Deserialize<'de>")]
struct Placed<T>(usize, usize, #[serde(default)] Option<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for At<T> {
    /// Asks for an option first, for that is what serde gives in place of a field that is not there.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let placed = Option::<Placed<T>>::deserialize(deserializer)?;
        let Placed(start, end, value) = placed.unwrap_or(Placed(0, 0, None));
        Ok(Self { at: start..end, value })
    }
}

/// What stopped a value.
#[derive(Debug, thiserror::Error)]
enum Stop {
    /// Something that has a place of its own.
    #[error("{}", .0.message)]
    Wrong(Wrong),
    /// What a type says of its value, in whose place it is.
    #[error("{0}")]
    Unfit(String),
    /// All of it has been put aside already.
    #[error("it has been said")]
    Said,
}

impl Stop {
    fn at(node: &Node, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Wrong(Wrong::new(node.at.clone(), message, help))
    }
}

impl de::Error for Stop {
    fn custom<M: fmt::Display>(message: M) -> Self {
        Self::Unfit(message.to_string())
    }
}

#[derive(Clone, Copy)]
struct Reader<'a> {
    node: &'a Node,
    language: &'a Language,
    aside: &'a RefCell<Vec<Wrong>>,
}

/// A key, the field that is read of it, which a mistyped key only meant, and its value.
type Pair<'a> = (&'a Node, &'a str, &'a Node);

impl<'a> Reader<'a> {
    fn of(self, node: &'a Node) -> Self {
        Self { node, ..self }
    }

    fn put_aside(self, node: &Node, message: impl Into<String>, help: impl Into<String>) {
        self.aside.borrow_mut().push(Wrong::new(node.at.clone(), message, help));
    }

    fn mismatch(self, wanted: &str, example: &str) -> Stop {
        let found = match &self.node.content {
            Content::Null => "nothing",
            Content::Scalar { .. } => "a single value",
            Content::List(_) => "a list",
            Content::Mapping(_) => "a mapping",
        };
        Stop::at(self.node, format!("this must be {wanted}, and there is {found}"), example)
    }

    fn scalar(self, wanted: &str, example: &str) -> Result<(&'a str, bool), Stop> {
        match &self.node.content {
            Content::Scalar { text, plain } => Ok((text, *plain)),
            Content::Null | Content::List(_) | Content::Mapping(_) => {
                Err(self.mismatch(wanted, example))
            }
        }
    }

    fn integer(self) -> Result<i64, Stop> {
        let (text, plain) = self.scalar("a whole number", "write a number, such as 20")?;
        match text.parse() {
            Ok(number) if plain => Ok(number),
            Ok(_) => Err(Stop::at(self.node, "this must be a number", "take off the quotes")),
            Err(_) => Err(Stop::at(
                self.node,
                format!("`{text}` is not a whole number"),
                "write digits only, such as 20",
            )),
        }
    }

    /// The pairs of a mapping whose keys are texts, each key once; `fields` are those it may have.
    fn pairs(self, fields: Option<&'static [&'static str]>) -> Result<Vec<Pair<'a>>, Stop> {
        let Content::Mapping(pairs) = &self.node.content else {
            let example = fields.map_or_else(
                || "write `name: value`".to_owned(),
                |fields| format!("it has {}", quoted(fields).join(", ")),
            );
            return Err(self.mismatch("a mapping", &example));
        };
        let written: HashSet<&str> = pairs.iter().filter_map(|(key, _)| key.text()).collect();
        let mut seen: HashSet<&str> = HashSet::with_capacity(written.len());
        let mut kept: Vec<Pair<'a>> = Vec::with_capacity(pairs.len());
        for (key, value) in pairs {
            let Some(text) = key.text() else {
                self.put_aside(key, "a name must stand here", "write `name: value`");
                continue;
            };
            if !seen.insert(text) {
                let message = format!("`{}` stands here twice", clipped(text));
                self.put_aside(key, message, "keep one of the two");
                continue;
            }
            match fields {
                Some(fields) if !fields.contains(&text) => {
                    let meant = self.unknown(key, text, "field", fields).filter(|meant| {
                        !written.contains(meant) && kept.iter().all(|(_, name, _)| name != meant)
                    });
                    kept.extend(meant.map(|meant| (key, meant, value)));
                }
                Some(_) | None => kept.push((key, text, value)),
            }
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
        if let Some((message, help)) = (self.language.unbuilt)(text) {
            self.put_aside(key, message, help);
            return None;
        }
        if text == "<<" {
            self.put_aside(
                key,
                "merge keys (`<<`) are not read here",
                "repeat the fields, or use an alias for a whole value",
            );
            return None;
        }
        self.put_aside(
            key,
            format!("there is no {what} `{}` here", clipped(text)),
            meant(text, &format!("{what}s here"), known.iter().copied()),
        );
        nearest(text, known.iter().copied())
    }
}

impl<'de> Deserializer<'de> for Reader<'_> {
    type Error = Stop;

    /// Whatever it is, as it is written: only what has several forms asks for this.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        match &self.node.content {
            Content::Null => visitor.visit_unit(),
            Content::Scalar { text, .. } => visitor.visit_str(text),
            Content::List(_) => self.deserialize_seq(visitor),
            Content::Mapping(_) => {
                let pairs = self.pairs(None)?.into_iter();
                visitor.visit_map(MapDeserializer::new(
                    pairs.map(|(_, name, value)| (name, self.of(value))),
                ))
            }
        }
    }

    /// A single value as its text.
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        visitor.visit_str(self.scalar("text", "write text here; text can go in quotes")?.0)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        const EITHER: &str = "`true` or `false`";
        match self.scalar(EITHER, "write one of the two")? {
            ("true", true) => visitor.visit_bool(true),
            ("false", true) => visitor.visit_bool(false),
            _ => {
                let help = "write one of the two, without quotes";
                Err(Stop::at(self.node, format!("this must be {EITHER}"), help))
            }
        }
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        visitor.visit_i64(self.integer()?)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        // A field that is written without a value is not absent: its value was forgotten.
        visitor.visit_some(self)
    }

    /// Only an [`At`] asks for this.
    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Stop> {
        visitor.visit_seq(Parts { reader: self, part: 0 })
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        match &self.node.content {
            Content::List(nodes) => {
                visitor.visit_seq(SeqDeserializer::new(nodes.iter().map(|node| self.of(node))))
            }
            Content::Null | Content::Scalar { .. } | Content::Mapping(_) => Err(self.mismatch(
                "a list",
                "put each entry on a line of its own that begins with `- `, or all in [ ]",
            )),
        }
    }

    /// Only [`Entries`] ask for this.
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Stop> {
        let pairs = self.pairs(None)?.into_iter();
        let pairs = pairs.map(|(key, _, value)| (self.of(key), self.of(value)));
        visitor.visit_newtype_struct(MapDeserializer::new(pairs))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Stop> {
        let short = self.language.short.iter().find(|(of, _)| *of == name);
        if let (Some((_, field)), Content::Scalar { .. }) = (short, &self.node.content) {
            return visitor.visit_map(MapDeserializer::new(once((*field, self))));
        }
        let pairs = self.pairs(Some(fields))?;
        for (field, help) in self.language.needed(name) {
            if pairs.iter().all(|(_, name, _)| *name != field) {
                self.put_aside(self.node, format!("`{field}` is missing here"), help);
            }
        }
        let pairs = pairs.into_iter().map(|(_, name, value)| (name, self.of(value)));
        visitor.visit_map(MapDeserializer::new(pairs))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Stop> {
        match &self.node.content {
            Content::Scalar { text, .. } if variants.contains(&text.as_str()) => {
                let name: StrDeserializer<'_, Stop> = text.as_str().into_deserializer();
                visitor.visit_enum(name).map_err(|_| {
                    let is_its = |of: &&(&str, &str, &str)| of.0.eq_ignore_ascii_case(text);
                    let needed = self.language.needed.iter().filter(is_its);
                    let fields: Vec<_> =
                        needed.map(|(_, field, _)| format!("{field}: …")).collect();
                    let fields =
                        if fields.is_empty() { "…".to_owned() } else { fields.join(", ") };
                    let help = format!("write {text}: {{{fields}}}");
                    Stop::at(self.node, format!("`{text}` needs a value"), help)
                })
            }
            Content::Scalar { text, .. } => {
                let (message, help) = (self.language.unbuilt)(text).unwrap_or_else(|| {
                    let message = format!("`{}` cannot stand here", clipped(text));
                    (message, meant(text, "possibilities", variants.iter().copied()))
                });
                Err(Stop::at(self.node, message, help))
            }
            Content::Mapping(pairs) => {
                let [(key, content)] = pairs.as_slice() else {
                    let second = pairs.get(1).map_or(self.node, |(key, _)| key);
                    return Err(Stop::at(
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
                    // Where none was meant, nothing of this entry can be read.
                    self.unknown(key, name, self.language.entry, variants).ok_or(Stop::Said)?
                };
                let entry = MapDeserializer::new(once((name, self.of(content))));
                visitor.visit_enum(MapAccessDeserializer::new(entry)).map_err(|_| {
                    Stop::at(content, format!("`{name}` takes no value"), "take this out")
                })
            }
            Content::Null | Content::List(_) => {
                let help = format!("write one of {}", quoted(variants).join(", "));
                Err(self.mismatch("one of the names", &help))
            }
        }
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit
        unit_struct tuple map identifier ignored_any
    }
}

impl IntoDeserializer<'_, Stop> for Reader<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// The parts of a [`Placed`].
struct Parts<'a> {
    reader: Reader<'a>,
    part: u8,
}

impl<'de> SeqAccess<'de> for Parts<'_> {
    type Error = Stop;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Stop> {
        self.part += 1;
        let Reader { node, aside, .. } = self.reader;
        let wrong = match self.part {
            1 => return seed.deserialize(node.at.start.into_deserializer()).map(Some),
            2 => return seed.deserialize(node.at.end.into_deserializer()).map(Some),
            _ => match seed.deserialize(self.reader) {
                Ok(value) => return Ok(Some(value)),
                Err(Stop::Wrong(wrong)) => Some(wrong),
                Err(Stop::Unfit(said)) => Some(Wrong::said(node.at.clone(), &said)),
                Err(Stop::Said) => None,
            },
        };
        aside.borrow_mut().extend(wrong);
        Ok(None)
    }
}
