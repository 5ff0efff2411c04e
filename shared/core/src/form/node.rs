//! YAML as a tree in which every value knows its place in the file.
//!
//! Built from the parser's events without recursion, and bounded: in depth, in the number of values
//! that are written, and in the number of those that aliases repeat, which would otherwise grow
//! without end.

use std::{collections::HashMap, ops::Range};

use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle, ScanError, Span};

use super::problem::Wrong;

/// How deep collections may be within one another; a playbook needs 7.
const DEPTH_MAX: usize = 24;

/// How many values may be written in a file: each name, each single value, each list and each
/// mapping is one. A playbook with as many pools and plays as there may be needs less than half of it.
const VALUES_MAX: usize = 400_000;

/// How many values the aliases of a file may repeat.
const REPEATED_MAX: usize = 100_000;

/// A value.
#[derive(Clone, Debug)]
pub struct Node {
    /// Its bytes. Of a collection: those of its key, or of its own first value, since carets
    /// under half a page would not help.
    pub(super) at: Range<usize>,
    pub(super) content: Content,
}

impl Node {
    /// Its text, where it is a single value.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Scalar { text, .. } => Some(text),
            Content::Null | Content::List(_) | Content::Mapping(_) => None,
        }
    }
}

/// What a value is.
#[derive(Clone, Debug)]
pub(super) enum Content {
    /// Nothing was written, or `null`.
    Null,
    /// A scalar.
    Scalar {
        /// The text, with quotes and escapes undone.
        text: String,
        /// Whether it was written without quotes.
        plain: bool,
    },
    /// A list.
    List(Vec<Node>),
    /// A mapping, in the order of the file, with keys that stand twice.
    Mapping(Vec<(Node, Node)>),
}

/// A collection that has not ended yet.
struct Open {
    at: Range<usize>,
    anchor: usize,
    mapping: bool,
    nodes: Vec<Node>,
    count: usize,
}

/// Reads the one document of `source`; none where nothing is written in it.
///
/// # Errors
/// The one thing that is no YAML, or too much: a parser of YAML cannot go on after an error.
pub fn tree(source: &str) -> Result<Option<Node>, Wrong> {
    let mut builder = Builder::default();
    for event in Parser::new_from_str(source) {
        let (event, span) = event.map_err(|error| syntax(source, &error))?;
        builder.take(event, bytes(source, &span))?;
    }
    Ok(builder.root)
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    anchors: HashMap<usize, (Node, usize)>,
    root: Option<Node>,
    written: usize,
    repeated: usize,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, at: Range<usize>) -> Result<(), Wrong> {
        if let Event::Scalar(.., Some(_))
        | Event::SequenceStart(.., Some(_))
        | Event::MappingStart(.., Some(_)) = event
        {
            return Err(Wrong::new(
                at,
                "this value has a tag",
                "tags, such as !something, mean nothing here; take it out",
            ));
        }
        match event {
            Event::Scalar(text, style, anchor, _) => {
                let plain = style == ScalarStyle::Plain;
                let null = plain && matches!(text.as_ref(), "" | "~" | "null" | "Null" | "NULL");
                let content = if null {
                    Content::Null
                } else {
                    Content::Scalar { text: text.into_owned(), plain }
                };
                self.write(Node { at, content }, anchor, 1)
            }
            Event::SequenceStart(_, anchor, _) => self.begin(at, anchor, false),
            Event::MappingStart(_, anchor, _) => self.begin(at, anchor, true),
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(anchor) => match self.anchors.get(&anchor) {
                Some((node, count)) => {
                    self.repeated += count;
                    if self.repeated > REPEATED_MAX {
                        return Err(Wrong::new(
                            at,
                            format!("aliases repeat more than {REPEATED_MAX} values by here"),
                            "aliases that repeat aliases grow fast: write fewer",
                        ));
                    }
                    let (node, count) = (node.clone(), *count);
                    self.add(node, count);
                    Ok(())
                }
                None => Err(Wrong::new(
                    at,
                    "this alias stands within what it repeats",
                    "an alias repeats a value that has ended before it",
                )),
            },
            Event::DocumentStart(..) if self.root.is_some() => Err(Wrong::new(
                at,
                "a second document begins here",
                "a file has one document: take out this `---`",
            )),
            Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(..)
            | Event::DocumentEnd
            | Event::Anchor(..)
            | Event::UnresolvedAlias(_) => Ok(()),
            // Comments, where another crate has turned them on, and what a later parser tells.
            _ => Ok(()),
        }
    }

    fn begin(&mut self, at: Range<usize>, anchor: usize, mapping: bool) -> Result<(), Wrong> {
        if self.open.len() >= DEPTH_MAX {
            return Err(Wrong::new(
                at,
                format!("collections are more than {DEPTH_MAX} deep here"),
                "no file needs more than 7",
            ));
        }
        self.open.push(Open { at, anchor, mapping, nodes: Vec::new(), count: 1 });
        Ok(())
    }

    fn end(&mut self) -> Result<(), Wrong> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        let first = open.nodes.first().map(|node| node.at.clone());
        let at = first.filter(|first| !first.is_empty()).unwrap_or(open.at);
        let content = if open.mapping {
            let mut pairs = Vec::with_capacity(open.nodes.len() / 2);
            let mut nodes = open.nodes.into_iter();
            while let (Some(key), Some(mut value)) = (nodes.next(), nodes.next()) {
                let collection = matches!(value.content, Content::List(_) | Content::Mapping(_));
                if collection || value.at.is_empty() {
                    value.at = key.at.clone();
                }
                pairs.push((key, value));
            }
            Content::Mapping(pairs)
        } else {
            Content::List(open.nodes)
        };
        self.write(Node { at, content }, open.anchor, open.count)
    }

    /// A value that is written here; `count` is how many it holds, itself and what its aliases repeat
    /// included.
    fn write(&mut self, node: Node, anchor: usize, count: usize) -> Result<(), Wrong> {
        self.written += 1;
        if self.written > VALUES_MAX {
            return Err(Wrong::new(
                node.at,
                format!("more than {VALUES_MAX} values are written by here"),
                "no file needs so many: is this the right one?",
            ));
        }
        if anchor != 0 {
            self.anchors.insert(anchor, (node.clone(), count));
        }
        self.add(node, count);
        Ok(())
    }

    fn add(&mut self, node: Node, count: usize) {
        match self.open.last_mut() {
            Some(open) => {
                open.count += count;
                open.nodes.push(node);
            }
            None => self.root = Some(node),
        }
    }
}

fn bytes(source: &str, span: &Span) -> Range<usize> {
    let byte = |at: Option<usize>| at.unwrap_or(0).min(source.len());
    let start = byte(span.start.byte_offset());
    start..byte(span.end.byte_offset()).max(start)
}

fn syntax(source: &str, error: &ScanError) -> Wrong {
    let marker = error.marker();
    let at = marker.byte_offset().unwrap_or_else(|| {
        source.char_indices().nth(marker.index()).map_or(source.len(), |(at, _)| at)
    });
    let at = at.min(source.len());
    let here = source[at..].chars().next().filter(|char| !char.is_whitespace());
    let end = at + here.map_or(0, char::len_utf8);
    let said = error.info();
    // YAML takes the brace of a `${…}` without quotes for a mapping's, where it stands in one.
    let help = if source[..at].ends_with('$') {
        "what has `${…}` in it goes in quotes within `{ }` and `[ ]`: \"${signal.labels.backend}\""
    } else {
        meant_by(&said)
    };
    Wrong::new(at..end, format!("this is not YAML: {said}"), help)
}

/// What would be right, where a text is not YAML: `said` is what its parser says.
fn meant_by(said: &str) -> &'static str {
    if said.contains("tab") {
        "indent with spaces"
    } else if said.contains("mapping values are not allowed") {
        "text with `: ` in it goes in quotes"
    } else if said.contains("anchor") {
        "an alias, `*name`, repeats what an anchor, `&name`, has named before it; text that begins \
         with either goes in quotes"
    } else {
        "look at the indentation, quotes and brackets here and on the line before"
    }
}
