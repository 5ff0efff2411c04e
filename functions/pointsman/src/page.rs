//! Text for people, line by line.
//!
//! A page is the only way by which a text leaves, and a line is the only way into it. What a line
//! is made of may come from anybody, so all of it is escaped (see [`text`](pointsman_core::text)):
//! no label, reason or message can begin a line of its own, or play with the terminal.

use std::fmt::{self, Display};

use anstyle::{AnsiColor, Style};
use comfy_table::presets;
use pointsman_core::text::{OneLine, one_line};

use crate::terminal::Terminal;

/// Lines, each ended.
#[derive(Clone, Debug, Default)]
pub(crate) struct Page {
    text: String,
    /// Whether words are marked for a terminal.
    marked: bool,
    /// At how many columns a line goes on below; none where it never does.
    columns: Option<usize>,
}

/// How far what does not fit on a line is put in below it.
const HANGING: &str = "    ";

/// How a word stands out on a terminal. Bold, and colours that are read on light and on dark.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Mark {
    /// What the lines below are about.
    Heading,
    /// Something is wrong.
    Trouble,
    /// Something is kept back.
    Held,
}

impl Mark {
    const fn style(self) -> Style {
        let bold = Style::new().bold();
        match self {
            Self::Heading => bold,
            Self::Trouble => bold.fg_color(Some(anstyle::Color::Ansi(AnsiColor::Red))),
            Self::Held => bold.fg_color(Some(anstyle::Color::Ansi(AnsiColor::Magenta))),
        }
    }
}

impl Page {
    /// An empty page for standard output.
    pub(crate) fn of_output() -> Self {
        Self::of_terminal(&Terminal::of_output())
    }

    /// An empty page: on a terminal, words are marked and lines are broken between words.
    pub(crate) fn of_terminal(terminal: &Terminal) -> Self {
        let columns = terminal.is_one.then_some(terminal.columns);
        Self { marked: terminal.marks, columns, ..Self::default() }
    }

    /// Adds one line in which a word stands out: what comes before it, the word, and the rest.
    pub(crate) fn mark(
        &mut self,
        before: impl Display,
        mark: Mark,
        word: impl Display,
        rest: impl Display,
    ) {
        let style = if self.marked { mark.style() } else { Style::new() };
        let (before, word, rest) = (OneLine(before), OneLine(word), OneLine(rest));
        self.add(&format!("{before}{style}{word}{style:#}{rest}"));
    }

    /// Adds a line that is escaped already.
    fn add(&mut self, line: &str) {
        let Some(columns) = self.columns else {
            self.text += line;
            self.text.push('\n');
            return;
        };
        let text = line.trim_start_matches(' ');
        let indent = &line[..line.len() - text.len()];
        let below = format!("{indent}{HANGING}");
        // A path or an id is never broken, so that it can be copied.
        let options = textwrap::Options::new(columns)
            .initial_indent(indent)
            .subsequent_indent(&below)
            .break_words(false)
            .word_splitter(textwrap::WordSplitter::NoHyphenation);
        for line in textwrap::wrap(text, options) {
            self.text += &line;
            self.text.push('\n');
        }
    }

    /// One line of it.
    pub(crate) fn of(line: impl Display) -> Self {
        let mut page = Self::default();
        page.line(line);
        page
    }

    /// The lines of a text that has lines of its own: a help, a file, the problems of one.
    pub(crate) fn of_text(text: &str) -> Self {
        let mut page = Self::default();
        page.text(text);
        page
    }

    /// Adds one line.
    pub(crate) fn line(&mut self, line: impl Display) {
        self.add(&OneLine(line).to_string());
    }

    /// Adds the lines of a text that has lines of its own.
    pub(crate) fn text(&mut self, text: &str) {
        text.lines().for_each(|line| self.line(line));
    }

    /// Adds the lines of someone else's text, two columns in, so that none looks like a line of ours.
    pub(crate) fn quoted(&mut self, text: &str) {
        text.lines().for_each(|line| self.line(format_args!("  {line}")));
    }

    /// Adds a table.
    pub(crate) fn table(&mut self, table: &Table) {
        self.rows(table, "");
    }

    /// Adds a table, two columns in.
    pub(crate) fn indented(&mut self, table: &Table) {
        self.rows(table, "  ");
    }

    /// The cells are escaped already, and a row is never broken.
    fn rows(&mut self, table: &Table, indent: &str) {
        for line in table.0.to_string().lines() {
            self.text += indent;
            self.text += line.trim_end();
            self.text.push('\n');
        }
    }

    /// Puts a line before the others.
    pub(crate) fn after(self, line: impl Display) -> Self {
        let mut page = Self::of(line);
        page.text += &self.text;
        page
    }

    /// Whether it has no line.
    pub(crate) const fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// The whole text.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }
}

impl Display for Page {
    /// Without the end of the last line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text.trim_end())
    }
}

/// How wide a name in a table is cut at the most, in columns.
const NAME_COLUMNS_MIN: usize = 8;

/// A name with its middle left out, where it is longer than this: names differ at their ends.
fn cut(name: &str, columns: usize) -> String {
    let all: Vec<char> = name.chars().collect();
    if all.len() <= columns {
        return name.to_owned();
    }
    let (before, after) = ((columns - 1).div_ceil(2), (columns - 1) / 2);
    let end = &all[all.len() - after..];
    all[..before].iter().chain(&['…']).chain(end).collect()
}

/// A plain table; each of its cells is one line.
pub(crate) struct Table(comfy_table::Table);

impl Table {
    /// An empty one with these columns.
    pub(crate) fn new(columns: &[&str]) -> Self {
        let mut table = comfy_table::Table::new();
        table.load_style(presets::NOTHING).set_header(columns.iter().copied());
        Self(table)
    }

    /// A table that is within so many columns, two columns in: `table` makes it, with the names in it cut as
    /// much as that needs.
    pub(crate) fn fitting<'a>(
        columns: usize,
        names: impl Iterator<Item = &'a str>,
        table: impl Fn(&dyn Fn(&str) -> String) -> Self,
    ) -> Self {
        let longest = names.map(|name| name.chars().count()).max().unwrap_or(0);
        let made = |most: usize| table(&|name| cut(name, most));
        let fits = |table: &Self| {
            table.0.to_string().lines().all(|line| line.trim_end().chars().count() + 2 <= columns)
        };
        let mut tried = (NAME_COLUMNS_MIN..=longest).rev().map(&made);
        tried.find(fits).unwrap_or_else(|| made(NAME_COLUMNS_MIN))
    }

    /// Adds a row.
    pub(crate) fn row<const CELLS: usize>(&mut self, cells: [String; CELLS]) {
        self.0.add_row(cells.map(|cell| one_line(&cell).into_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_stands_out_on_a_terminal_alone() {
        let line = |marked| {
            let mut page = Page { marked, ..Page::default() };
            page.mark("  ", Mark::Trouble, "TROUBLE", " \u{1b}[2J");
            page.to_string()
        };
        assert_eq!(line(false), r"  TROUBLE \u{1b}[2J");
        assert_eq!(line(true), "  \u{1b}[1m\u{1b}[31mTROUBLE\u{1b}[0m \\u{1b}[2J");
    }

    #[test]
    fn what_comes_from_others_stays_on_its_line_and_cannot_play_with_the_terminal() {
        let evil = "a\u{1b}[2Jb\r\nc\td\u{202e}e\u{2028}f";
        let mut page = Page::of(format_args!("reason: {evil}"));
        page.quoted(evil);
        let mut table = Table::new(&["field", "is"]);
        table.row([evil.to_owned(), String::new()]);
        page.table(&table);
        let lines = [
            r"reason: a\u{1b}[2Jb\r\nc\td\u{202e}e\u{2028}f",
            r"  a\u{1b}[2Jb",
            r"  c\td\u{202e}e\u{2028}f",
            r" field                                  is",
            r" a\u{1b}[2Jb\r\nc\td\u{202e}e\u{2028}f",
        ];
        assert_eq!(page.to_string().lines().collect::<Vec<_>>(), lines);
    }
}
