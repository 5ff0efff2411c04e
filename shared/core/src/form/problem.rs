//! Problems: what is wrong with a file, where, and what would be right.

use std::{fmt, ops::Range};

use serde::Serialize;

use crate::text::{self, acts};

/// How many problems one reading tells of; the first ones, in the order of the file.
pub const PROBLEMS_MAX: usize = 100;

/// How much of the offending text is quoted, in characters.
const TEXT_CHARS_MAX: usize = 60;

/// How long a line may be to be shown whole, in characters.
const LINE_CHARS_MAX: usize = 120;

/// How much of a longer line is shown before and behind the offending text, in characters.
const AROUND_CHARS_MAX: usize = 40;

/// What is said where a secret stands in clear, of whose line nothing is shown.
pub(crate) const SECRET: &str = "a playbook holds no secret";

/// One thing that is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1; one past the end of the line where something is missing.
    pub column: usize,
    /// The offending text, to the end of its first line; empty where something is missing.
    pub text: String,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub help: String,
    /// Whether its line holds a secret, and is not shown.
    #[serde(skip)]
    pub hidden: bool,
}

impl Problem {
    /// The problem for a terminal, with its line and a caret under the offending text.
    ///
    /// `file` is what to call the file; `source` is the text that was read.
    #[must_use]
    pub fn render(&self, file: &str, source: &str) -> String {
        let mut out =
            format!("{file}:{}:{}: {}\n", self.line, self.column, printable(&self.message));
        let number = self.line.to_string();
        let gutter = " ".repeat(number.len());
        let line = source.split('\n').nth(self.line.saturating_sub(1));
        if let Some(line) = line.filter(|_| !self.hidden) {
            let line = printable(line.trim_end());
            let chars = line.chars().count();
            let before = self.column.saturating_sub(1);
            let whole = chars <= LINE_CHARS_MAX;
            let skipped = if whole { 0 } else { before.saturating_sub(AROUND_CHARS_MAX) };
            let shown_max =
                if whole { chars } else { 2 * AROUND_CHARS_MAX + self.text.chars().count() };
            let shown: String = line.chars().skip(skipped).take(shown_max).collect();
            let (lead, pad) = if skipped > 0 { ("…", 1) } else { ("", 0) };
            let trail = if chars > skipped + shown_max { "…" } else { "" };
            let carets = "^".repeat(self.text.chars().count().max(1));
            let pad = " ".repeat(before - skipped + pad);
            out +=
                &format!("{gutter} |\n{number} | {lead}{shown}{trail}\n{gutter} | {pad}{carets}\n");
        }
        out += &format!("{gutter} = {}\n", printable(&self.help));
        out
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, column, message, help, .. } = self;
        write!(f, "{line}:{column}: {}; {}", printable(message), printable(help))
    }
}

/// All problems for a terminal, one after the other, each as [`Problem::render`] has it.
#[must_use]
pub fn render(problems: &[Problem], file: &str, source: &str) -> String {
    let shown: Vec<String> = problems.iter().map(|problem| problem.render(file, source)).collect();
    shown.join("\n")
}

/// Nothing that a file holds may move the cursor, colour the terminal or change the order of others.
/// One character stands for one, so that carets stay below what they mean.
fn printable(text: &str) -> String {
    let shown = |char| match char {
        '\t' => ' ',
        _ if acts(char) => '\u{fffd}',
        _ => char,
    };
    text.chars().map(shown).collect()
}

/// A text short enough to be quoted in a message.
pub(crate) fn clipped(text: &str) -> String {
    text::clipped(text, TEXT_CHARS_MAX)
}

/// What is wrong, at which bytes of the text that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// Where.
    pub at: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub help: String,
}

impl Wrong {
    /// One thing that is wrong, at these bytes.
    pub fn new(at: Range<usize>, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { at, message: message.into(), help: help.into() }
    }

    /// What an error says: what is wrong, and what would be right behind its last colon.
    pub(crate) fn said(at: Range<usize>, error: &str) -> Self {
        let (message, help) =
            error.rsplit_once(": ").unwrap_or((error, "see the example playbook"));
        Self::new(at, message, help)
    }

    /// The problem that it is in the text that was read: with its line and column.
    #[must_use]
    pub fn in_text(self, source: &str) -> Problem {
        let start = source.floor_char_boundary(self.at.start);
        let end = source.floor_char_boundary(self.at.end).max(start);
        let line_start = source[..start].rfind('\n').map_or(0, |at| at + 1);
        let first_line = source[start..end].lines().next().unwrap_or_default();
        Problem {
            line: source[..start].matches('\n').count() + 1,
            column: source[line_start..start].chars().count() + 1,
            text: first_line.trim_end().chars().take(TEXT_CHARS_MAX).collect(),
            message: self.message,
            help: self.help,
            hidden: false,
        }
    }

    /// The same, of a text in which this one begins at byte `start`.
    #[must_use]
    pub(crate) fn moved_by(self, start: usize) -> Self {
        Self { at: self.at.start + start..self.at.end + start, ..self }
    }
}

/// Puts what was found in the order of the file, each once, with lines and columns.
#[must_use]
pub fn problems(source: &str, mut wrongs: Vec<Wrong>) -> Vec<Problem> {
    wrongs.sort_by_key(|wrong| wrong.at.start);
    // A text that is used in several places by an alias is wrong once.
    wrongs.dedup();
    wrongs.truncate(PROBLEMS_MAX);
    let mut problems: Vec<_> = wrongs.into_iter().map(|wrong| wrong.in_text(source)).collect();
    let secrets = problems.iter().filter(|problem| problem.message == SECRET);
    let secrets: Vec<usize> = secrets.map(|problem| problem.line).collect();
    for problem in problems.iter_mut().filter(|problem| secrets.contains(&problem.line)) {
        problem.hidden = true;
        problem.text.clear();
    }
    problems
}
