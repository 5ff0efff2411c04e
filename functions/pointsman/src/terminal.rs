//! Where text goes to: a terminal of some size, or elsewhere.

use std::{
    borrow::Cow,
    io::{self, IsTerminal as _, Write as _},
};

use anstream::ColorChoice;
use pointsman_host::server::Stop;

/// How wide a text is where nobody says otherwise, in columns.
const COLUMNS: usize = 80;

/// What standard output is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terminal {
    /// Whether it is a terminal.
    pub(crate) is_one: bool,
    /// How wide it is, in columns.
    pub(crate) columns: usize,
    /// How high it is, in lines; none where it has no end.
    pub(crate) lines: Option<usize>,
    /// Whether words are marked: on a terminal that knows marks, unless `NO_COLOR` or the like forbids it.
    pub(crate) marks: bool,
}

impl Terminal {
    /// What standard output is now.
    pub(crate) fn of_output() -> Self {
        let out = io::stdout();
        let size = terminal_size::terminal_size_of(&out);
        let choice = anstream::AutoStream::choice(&out);
        // `choice` marks whatever runs in a CI, a dumb terminal too.
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let is_one = out.is_terminal();
        Self {
            is_one,
            columns: size.map_or(COLUMNS, |(columns, _)| columns.0.into()),
            lines: size.map(|(_, lines)| lines.0.into()),
            marks: is_one && !is_dumb && choice != ColorChoice::Never,
        }
    }
}

/// How much further in than its beginning a line goes on, in columns: further than what is below it.
const GOES_ON_AT: usize = 4;

/// The parts of a line that is wider than so many columns. A word that is wider is kept as it is, so that
/// it can be copied, unless it may be broken.
pub(crate) fn wrap(line: &str, columns: usize, may_break: bool) -> Vec<Cow<'_, str>> {
    let begins_at = line.len() - line.trim_start_matches(' ').len();
    let further = " ".repeat(begins_at + GOES_ON_AT);
    let options = textwrap::Options::new(columns)
        .subsequent_indent(&further)
        .break_words(may_break)
        .word_splitter(textwrap::WordSplitter::NoHyphenation);
    textwrap::wrap(line, options)
}

/// The other screen of a terminal, without a cursor. What was there before is back once this is dropped.
pub(crate) struct Screen(());

/// Another screen, no cursor, no wrapping; and back.
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[?7l";
const LEAVE: &str = "\x1b[?7h\x1b[?25h\x1b[?1049l";

impl Screen {
    pub(crate) fn enter() -> io::Result<Self> {
        put(ENTER)?;
        Ok(Self(()))
    }

    /// Shows a text in place of the last, each line whole. What is below the screen's end is counted instead.
    pub(crate) fn show(&self, text: &str, terminal: Terminal) -> io::Result<()> {
        let all = text.lines().flat_map(|line| wrap(line, terminal.columns, true));
        put(&frame(&all.collect::<Vec<_>>(), terminal.lines.unwrap_or(usize::MAX).max(2)))
    }
}

/// What puts lines in the place of the last ones, on a screen that has room for so many.
fn frame(all: &[Cow<'_, str>], room: usize) -> String {
    let (shown, more) = match all.len() <= room {
        true => (all, None),
        false => (&all[..room - 1], Some(all.len() + 1 - room)),
    };
    let more = more.map(|more| format!("… {more} more lines: `pointsman status`"));
    let lines: Vec<&str> = shown.iter().map(AsRef::as_ref).chain(more.as_deref()).collect();
    // What is left of the last text is cleared line by line, so that nothing flickers; before each line is
    // written, since after one that fills its row the last character would be cleared.
    let below = if lines.len() < room { "\r\n\x1b[J" } else { "" };
    format!("\x1b[H\x1b[K{}{below}", lines.join("\r\n\x1b[K"))
}

impl Drop for Screen {
    fn drop(&mut self) {
        // A terminal that is gone needs no restoring.
        let _ = put(LEAVE);
    }
}

fn put(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Waits until somebody ends what would go on for ever: ctrl-c, a termination, or a closed terminal.
pub(crate) fn ended() -> io::Result<impl Future<Output = ()>> {
    let (signals, hang_up) = (Stop::signals()?, Stop::hang_up()?);
    Ok(async move {
        tokio::select! {
            () = signals => {}
            () = hang_up => {}
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_cleared_behind_a_line_that_fills_its_row() {
        let frame =
            |text: &str, room| frame(&text.lines().map(Cow::from).collect::<Vec<_>>(), room);
        assert_eq!(frame("ab\ncd", 3), "\x1b[H\x1b[Kab\r\n\x1b[Kcd\r\n\x1b[J");
        assert_eq!(frame("ab\ncd", 2), "\x1b[H\x1b[Kab\r\n\x1b[Kcd", "there is nothing below");
        let cut = frame("ab\ncd\nef", 2);
        assert_eq!(cut, "\x1b[H\x1b[Kab\r\n\x1b[K… 2 more lines: `pointsman status`");
    }
}
