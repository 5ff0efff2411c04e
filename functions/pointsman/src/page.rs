//! Text for people, line by line.
//!
//! A page is the only way by which a text leaves, and a line is the only way into it. What a line
//! is made of may come from anybody, so all of it is escaped (see [`text`](pointsman_core::text)):
//! no label, reason or message can begin a line of its own, or play with the terminal.

use std::fmt::{self, Display, Write as _};

use comfy_table::presets;
use pointsman_core::text::{OneLine, one_line};

/// Lines, each ended.
#[derive(Clone, Debug, Default)]
pub(crate) struct Page(String);

impl Page {
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
        // Writing to a String cannot fail.
        let _ = writeln!(self.0, "{}", OneLine(line));
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
        table.0.to_string().lines().for_each(|line| self.line(line.trim_end()));
    }

    /// Adds a table, two columns in.
    pub(crate) fn indented(&mut self, table: &Table) {
        let table = table.0.to_string();
        table.lines().for_each(|line| self.line(format_args!("  {}", line.trim_end())));
    }

    /// Puts a line before the others.
    pub(crate) fn after(self, line: impl Display) -> Self {
        let mut page = Self::of(line);
        page.0 += &self.0;
        page
    }

    /// Whether it has no line.
    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The whole text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Display for Page {
    /// Without the end of the last line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.trim_end())
    }
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

    /// Adds a row.
    pub(crate) fn row<const CELLS: usize>(&mut self, cells: [String; CELLS]) {
        self.0.add_row(cells.map(|cell| one_line(&cell).into_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
