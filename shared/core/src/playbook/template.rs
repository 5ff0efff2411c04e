//! Text with `${...}` in it: what lets one play serve every member of a pool.

use std::{fmt, ops::Range};

use super::{
    EXPRESSION_BYTES_MAX,
    expression::{Expression, Fault, Scene, Wanted},
    problem::Wrong,
};

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
    pub(super) fn read(source: &str) -> Result<Self, Vec<Wrong>> {
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
            match Expression::read(&source[inner.clone()], Wanted::TextOrNumber) {
                Ok(expression) => parts.push(Part::Value(expression)),
                Err(found) => {
                    wrongs.extend(found.into_iter().map(|wrong| wrong.moved_by(inner.start)));
                }
            }
        }
        if at < source.len() {
            parts.push(Part::Text(source[at..].to_owned()));
        }
        if wrongs.is_empty() { Ok(Self { source: source.to_owned(), parts }) } else { Err(wrongs) }
    }

    /// The template as it was written.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Its text, where no signal is needed for it.
    #[must_use]
    pub fn fixed(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [Part::Text(text)] => Some(text),
            [Part::Value(_)] | [_, _, ..] => None,
        }
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

/// The bytes from `start` up to the `}` that closes the expression which begins there: one that is
/// neither within quotes nor the end of a map that the expression writes.
fn inside(source: &str, start: usize) -> Option<Range<usize>> {
    let mut quote = None;
    let mut open = 0_usize;
    let mut escaped = false;
    for (at, byte) in source.bytes().enumerate().skip(start) {
        match (quote, byte) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), b'\\') => escaped = true,
            (Some(mark), _) if byte == mark => quote = None,
            (None, b'"' | b'\'') => quote = Some(byte),
            (None, b'{') => open += 1,
            (None, b'}') if open == 0 => return Some(start..at),
            (None, b'}') => open -= 1,
            (Some(_) | None, _) => {}
        }
    }
    None
}
