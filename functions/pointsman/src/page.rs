//! Text for people, line by line.
//!
//! A page is the only way by which a text leaves, and a line is the only way into it. What a line
//! is made of may come from anybody, so all of it is escaped (see [`text`](pointsman_core::text)):
//! no label, reason or message can begin a line of its own, or play with the terminal.

use std::{
    borrow::Cow,
    fmt::{self, Display, Write as _},
};

use anstyle::{AnsiColor, Style};
use comfy_table::presets;
use pointsman_core::text::{OneLine, one_line};

use crate::terminal::{Terminal, wrap};

/// Lines, each ended.
#[derive(Clone, Debug, Default)]
pub(crate) struct Page {
    text: String,
    /// Whether words are marked for a terminal.
    marked: bool,
    /// How wide its lines may be, in columns; none where a line is a line, however long.
    columns: Option<usize>,
}

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
    /// An empty page, whose words are marked where it is for a terminal, and whose lines go on in the next
    /// where they are wider than that.
    pub(crate) fn for_terminal(marked: bool, columns: usize) -> Self {
        Self { marked, columns: Some(columns), ..Self::default() }
    }

    /// An empty page for standard output, as it is now.
    pub(crate) fn of_output() -> Self {
        Self::of_terminal(Terminal::of_output())
    }

    /// An empty page for this. Where it is no terminal, a line is a line, so that it can be searched for.
    pub(crate) fn of_terminal(Terminal { is_one, marks, columns, .. }: Terminal) -> Self {
        Self { columns: is_one.then_some(columns), ..Self::for_terminal(marks, columns) }
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
        self.add(&format!("{before}{style}{word}{style:#}{rest}"), self.columns);
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
        self.add(&OneLine(line).to_string(), self.columns);
    }

    /// Adds one line of which only so many lines of this terminal are shown; says whether there is more of it.
    pub(crate) fn cut(&mut self, lines_max: usize, line: impl Display) -> bool {
        let line = OneLine(line).to_string();
        let Some(columns) = self.columns else {
            self.add(&line, None);
            return false;
        };
        let parts = wrap(&line, columns, false);
        let (shown, is_cut) = (parts.iter().take(lines_max), parts.len() > lines_max);
        let mut shown: Vec<String> = shown.map(ToString::to_string).collect();
        if let Some(last) = shown.last_mut().filter(|_| is_cut) {
            let kept: String = last.chars().take(columns.saturating_sub(1)).collect();
            *last = kept + "…";
        }
        shown.iter().for_each(|line| self.add(line, None));
        is_cut
    }

    /// Adds one line that goes on in the next where it is wider than this terminal.
    pub(crate) fn wrapped(
        &mut self,
        Terminal { is_one, columns, .. }: Terminal,
        line: impl Display,
    ) {
        self.add(&OneLine(line).to_string(), is_one.then_some(columns));
    }

    /// Adds one line of which nothing is to be escaped any more.
    fn add(&mut self, line: &str, columns: Option<usize>) {
        let whole = [Cow::Borrowed(line)];
        let parts = columns.map(|columns| wrap(line, columns, false));
        for part in parts.as_deref().unwrap_or(&whole) {
            // Writing to a String cannot fail.
            let _ = writeln!(self.text, "{part}");
        }
    }

    /// Adds the lines of a text that has lines of its own.
    pub(crate) fn text(&mut self, text: &str) {
        text.lines().for_each(|line| self.line(line));
    }

    /// Adds the lines of someone else's text, so much further in that none looks like a line of ours, and
    /// none broken, so that it can be copied.
    pub(crate) fn quoted(&mut self, indent: &str, text: &str) {
        text.lines().for_each(|line| self.add(&format!("{indent}{}", OneLine(line)), None));
    }

    /// Adds a table.
    pub(crate) fn table(&mut self, table: &Table) {
        table.0.to_string().lines().for_each(|line| self.add(line.trim_end(), None));
    }

    /// Adds a table, two columns in.
    pub(crate) fn indented(&mut self, table: &Table) {
        let table = table.0.to_string();
        table.lines().for_each(|line| self.add(&format!("  {}", line.trim_end()), None));
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
            let mut page = Page::for_terminal(marked, 80);
            page.mark("  ", Mark::Trouble, "TROUBLE", " \u{1b}[2J");
            page.to_string()
        };
        assert_eq!(line(false), r"  TROUBLE \u{1b}[2J");
        assert_eq!(line(true), "  \u{1b}[1m\u{1b}[31mTROUBLE\u{1b}[0m \\u{1b}[2J");
    }

    #[test]
    fn a_long_line_goes_on_in_the_next_and_a_long_word_stays_whole() {
        let mut page = Page::for_terminal(true, 20);
        page.mark("  ", Mark::Held, "held", ": 1 of 3 members would serve");
        page.line("a/path/that/is/wider/than/that and more");
        page.line("short-and-not-broken at its dashes");
        let mut table = Table::new(&["a table", "is as wide as it is"]);
        table.row(["of".to_owned(), "its own accord".to_owned()]);
        page.table(&table);
        let style = "\x1b[1m\x1b[35m";
        let lines = [
            &format!("  {style}held\x1b[0m: 1 of 3"),
            "      members would",
            "      serve",
            "a/path/that/is/wider/than/that",
            "    and more",
            "short-and-not-broken",
            "    at its dashes",
            " a table  is as wide as it is",
            " of       its own accord",
        ];
        assert_eq!(page.to_string().lines().collect::<Vec<_>>(), lines);
        assert_eq!(wrap("abcdefgh", 6, true), ["abcdef", "    gh"]);
    }

    #[test]
    fn a_line_of_which_little_is_shown_says_that_it_goes_on() {
        let mut page = Page::for_terminal(false, 20);
        assert!(page.cut(2, "one line that is much longer than two lines of it"));
        assert!(!page.cut(2, "a short one"));
        assert_eq!(page.as_str(), "one line that is\n    much longer tha…\na short one\n");
        let mut page = Page::default();
        assert!(!page.cut(1, "elsewhere, a line is a line, however long"));
        assert_eq!(page.as_str(), "elsewhere, a line is a line, however long\n");
    }

    #[test]
    fn what_comes_from_others_stays_on_its_line_and_cannot_play_with_the_terminal() {
        let evil = "a\u{1b}[2Jb\r\nc\td\u{202e}e\u{2028}f";
        let mut page = Page::of(format_args!("reason: {evil}"));
        page.quoted("  ", evil);
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
