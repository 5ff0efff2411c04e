//! What a person who runs `dev` sees: lines as things happen, and below them, where a terminal is, a
//! live table that is drawn in place.
//!
//! The table is drawn with plain ANSI: the lines drawn last are erased from the bottom up, what is
//! to stay is written, and the table is drawn again below it, all in one write, so that nothing
//! flickers. Long lines are cut by the terminal and not wrapped, since a wrapped line would take
//! two rows and the next erasure would miss one.

use std::{
    io::{self, IsTerminal as _, Write as _},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use anstream::{AutoStream, ColorChoice, adapter::strip_str};
use anstyle::{AnsiColor, Style};
use pointsman_core::text::{self, one_line};
use pointsman_host::server::Stop;

/// News that are neither good nor bad.
pub(super) const PLAIN: Style = Style::new();
/// Good news.
pub(super) const GOOD: Style = AnsiColor::Green.on_default();
/// Bad news.
pub(super) const BAD: Style = AnsiColor::Red.on_default();
/// What is more prominent.
pub(super) const BOLD: Style = Style::new().bold();
/// What is less prominent.
pub(super) const DIM: Style = Style::new().dimmed();

/// The screen. Clones are the same one.
#[derive(Clone, Debug)]
pub(super) struct Screen(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    started: Instant,
    /// Whether standard output is for JSON, so that lines go to standard error.
    json: bool,
    live: bool,
    /// Whether it has colours.
    paints: bool,
    drawn: Mutex<Drawn>,
    /// Asked for once the output is closed.
    closed: Stop,
}

/// What is drawn below the lines.
#[derive(Debug, Default)]
struct Drawn {
    frame: String,
    rows: usize,
    /// Where the story is, in a sentence.
    stage: String,
    /// Whether nothing is drawn any more.
    left: bool,
}

impl Screen {
    /// A screen on standard output; only lines, on standard error, where that is for JSON.
    pub(super) fn new(started: Instant, json: bool) -> Self {
        let terminal = !json && io::stdout().is_terminal();
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let live = terminal && !dumb;
        let paints = live && AutoStream::choice(&io::stdout()) != ColorChoice::Never;
        let (drawn, closed) = (Mutex::default(), Stop::default());
        Self(Arc::new(Inner { started, json, live, paints, drawn, closed }))
    }

    /// Whether a table can be drawn.
    pub(super) fn is_live(&self) -> bool {
        self.0.live
    }

    /// Stops once the output is closed.
    pub(super) fn closed(&self) -> &Stop {
        &self.0.closed
    }

    /// A text as it can be shown here.
    fn shown(&self, text: &str) -> String {
        if self.0.paints { text.to_owned() } else { strip_str(text).to_string() }
    }

    fn drawn(&self) -> MutexGuard<'_, Drawn> {
        self.0.drawn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says something on one line, with the seconds since the start.
    pub(super) fn say(&self, style: Style, text: impl AsRef<str>) {
        let (seconds, text) = (self.0.started.elapsed().as_secs_f64(), one_line(text.as_ref()));
        self.print(&format!("{DIM}{seconds:6.1} s{DIM:#}  {style}{text}{style:#}"));
    }

    /// Says what comes now.
    pub(super) fn title(&self, text: &str) {
        self.print(&format!("\n{BOLD}{text}{BOLD:#}"));
    }

    /// Prints lines as they are.
    pub(super) fn print(&self, lines: &str) {
        let mut drawn = self.drawn();
        let mut text = erased(&drawn);
        text.push_str(&self.shown(lines));
        text.push('\n');
        text.push_str(&drawn.frame);
        drawn.rows = drawn.frame.lines().count();
        self.write(&text);
    }

    /// Prints JSON on standard output, which is for nothing else then.
    pub(super) fn report(&self, json: &str) {
        self.seen(io::stdout().lock().write_all(format!("{}\n", text::json(json)).as_bytes()));
    }

    /// Draws `frame` below the lines, and the stage below that, instead of what was drawn there.
    pub(super) fn draw(&self, frame: &str) {
        if !self.0.live {
            return;
        }
        let mut drawn = self.drawn();
        if drawn.left {
            return;
        }
        let mut text = erased(&drawn);
        let frame = self.shown(&format!("{frame}\n  {DIM}{}{DIM:#}", drawn.stage));
        // Cut by the terminal, not wrapped.
        drawn.frame = frame.lines().map(|line| format!("\x1b[?7l{line}\x1b[?7h\n")).collect();
        drawn.rows = frame.lines().count();
        text.push_str(&drawn.frame);
        self.write(&text);
    }

    /// Removes what is drawn, and draws no more.
    pub(super) fn leave(&self) {
        let mut drawn = self.drawn();
        let text = erased(&drawn);
        *drawn = Drawn { left: true, ..Drawn::default() };
        self.write(&text);
    }

    /// Says where the story is; shown below the table.
    pub(super) fn stage(&self, stage: &str) {
        stage.clone_into(&mut self.drawn().stage);
    }

    fn write(&self, text: &str) {
        let mut out: Box<dyn io::Write> =
            if self.0.json { Box::new(io::stderr().lock()) } else { Box::new(io::stdout().lock()) };
        self.seen(out.write_all(text.as_bytes()).and_then(|()| out.flush()));
    }

    fn seen(&self, written: io::Result<()>) {
        // A reader that closes its end, as `head` does, does not want to see more.
        if written.is_err_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
            self.0.closed.ask();
        }
    }
}

/// What erases the rows that are drawn.
fn erased(drawn: &Drawn) -> String {
    match drawn.rows {
        0 => String::new(),
        rows => format!("\x1b[{rows}A\r\x1b[0J"),
    }
}
