//! Text with `${...}` in it: what lets one play serve every member of a pool.

use std::{collections::BTreeSet, fmt, ops::Range};

use super::{
    bounds::EXPRESSION_BYTES_MAX,
    expression::{Expression, Expressions, Fault, Scene},
    guard::skip_text,
    kind::Wanted,
};
use crate::form::Wrong;

/// How many texts are followed that a template can come out as; one with more is taken for one that
/// only a signal decides.
const TEXTS_MAX: usize = 64;

/// Text in which any number of `${ expression }` stand for what a signal says.
///
/// An expression must come out as text or a number. There is no way to write a literal `${`:
/// nothing that a playbook names can hold one.
#[derive(Clone, PartialEq, Eq)]
pub struct Template {
    source: String,
    parts: Vec<Part>,
}

#[derive(Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Value(Expression),
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// Everything wrong with it, at bytes of `source`: an expression that is not closed, and what
    /// is wrong within the expressions.
    pub(super) fn read(source: &str, known: &mut Expressions) -> Result<Self, Vec<Wrong>> {
        if source.len() > EXPRESSION_BYTES_MAX {
            return Err(vec![Wrong::new(
                0..source.len(),
                format!("this text has {} bytes", source.len()),
                format!("at most {EXPRESSION_BYTES_MAX}, with what stands in `${{…}}`"),
            )]);
        }
        let mut parts = Vec::new();
        let mut wrongs = Vec::new();
        let mut at = 0;
        while let Some(found) = source[at..].find("${") {
            let open = at + found;
            if open > at {
                wrongs.extend(without_braces(&source[at..open], at));
                parts.push(Part::Text(source[at..open].to_owned()));
            }
            let Some(inner) = inside(source, open + 2) else {
                wrongs.push(Wrong::new(
                    open..source.len(),
                    "`${` is not closed",
                    "end the expression with `}`: ${signal.labels.backend}",
                ));
                return Err(wrongs);
            };
            at = inner.end + 1;
            match known.read(&source[inner.clone()], Wanted::TextOrNumber) {
                Ok(expression) => parts.push(Part::Value(expression)),
                Err(found) => {
                    wrongs.extend(found.into_iter().map(|wrong| wrong.moved_by(inner.start)));
                }
            }
        }
        if at < source.len() {
            wrongs.extend(without_braces(&source[at..], at));
            parts.push(Part::Text(source[at..].to_owned()));
        }
        if wrongs.is_empty() { Ok(Self { source: source.to_owned(), parts }) } else { Err(wrongs) }
    }

    /// Its text, where no signal is needed for it.
    pub(super) fn fixed(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [Part::Text(text)] => Some(text),
            [Part::Value(_)] | [_, _, ..] => None,
        }
    }

    /// Every text that it can come out as, where no signal decides more than which of them.
    pub(super) fn texts(&self) -> Option<BTreeSet<String>> {
        let mut texts = BTreeSet::from([String::new()]);
        for part in &self.parts {
            let ends = match part {
                Part::Text(text) => [text.clone()].into(),
                Part::Value(expression) => expression.texts()?,
            };
            if texts.len() * ends.len() > TEXTS_MAX {
                return None;
            }
            let longer = |text: &String| -> Vec<_> {
                ends.iter().map(|end| format!("{text}{end}")).collect()
            };
            texts = texts.iter().flat_map(longer).collect();
        }
        Some(texts)
    }

    /// Its expression, where it is nothing else.
    pub(super) fn value(&self) -> Option<&Expression> {
        match self.parts.as_slice() {
            [Part::Value(expression)] => Some(expression),
            [] | [Part::Text(_)] | [_, _, ..] => None,
        }
    }

    /// Whether it could come out as `text`, as far as what it begins and ends with goes.
    pub(super) fn could_be(&self, text: &str) -> bool {
        let fixed = |part: Option<&'_ Part>| match part {
            Some(Part::Text(text)) => text.clone(),
            Some(Part::Value(_)) | None => String::new(),
        };
        let (start, end) = (fixed(self.parts.first()), fixed(self.parts.last()));
        text.strip_prefix(start.as_str()).is_some_and(|rest| rest.ends_with(&end))
    }

    /// Its text for the signal of `scene`.
    pub(super) fn fill(&self, scene: &Scene) -> Result<String, Fault> {
        let mut filled = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => filled.push_str(text),
                Part::Value(expression) => filled.push_str(&expression.text(scene)?),
            }
        }
        Ok(filled)
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.source, f)
    }
}

/// What a value is asked of: in a playbook `signal`, in the rules of Prometheus the others.
const ASKED: [&str; 3] = ["signal.", "labels.", "annotations."];

/// Each `$signal.x` in a text that begins at `start`, where the braces were forgotten. Any other `$` may
/// be part of a name.
fn without_braces(text: &str, start: usize) -> impl Iterator<Item = Wrong> {
    text.match_indices('$').filter_map(move |(at, _)| {
        let rest = &text[at + 1..];
        let asked = ASKED.iter().find(|asked| rest.starts_with(**asked))?;
        let end = rest.find(|char: char| !(char.is_alphanumeric() || "._[]".contains(char)));
        let path = &rest[..end.unwrap_or(rest.len())];
        let signal = if *asked == ASKED[0] { "" } else { "signal." };
        let place = start + at..start + at + 1 + path.len();
        let (message, help) =
            (format!("`${path}` has no braces"), format!("write ${{{signal}{path}}}"));
        Some(Wrong::new(place, message, help))
    })
}

/// The bytes from `start` up to the `}` that closes the expression which begins there: one that is
/// neither within quotes nor the end of a map that the expression writes.
fn inside(source: &str, start: usize) -> Option<Range<usize>> {
    let mut open = 0_usize;
    let mut bytes = source.bytes().enumerate().skip(start);
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' | b'\'' => skip_text(byte, &mut bytes),
            b'{' => open += 1,
            b'}' if open == 0 => return Some(start..at),
            b'}' => open -= 1,
            _ => {}
        }
    }
    None
}
