//! How things are printed: JSON for programs, tables and sentences for people.

use std::{
    fmt::Display,
    io::{self, Write as _},
    pin::pin,
    process::ExitCode,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use pointsman_core::text;
use pointsman_view as view;
use serde::Serialize;

use crate::{failed::Failed, page::Page};

/// Prints something as JSON.
pub(crate) fn json(thing: &impl Serialize) -> Result<ExitCode, Failed> {
    out(&text::json(&(serde_json::to_string_pretty(thing)? + "\n")))
}

/// Prints something as JSON, on one line.
pub(crate) fn json_line(thing: &impl Serialize) -> Result<ExitCode, Failed> {
    out(&text_of_line(thing)?)
}

/// Something as JSON, on one line.
pub(crate) fn text_of_line(thing: &impl Serialize) -> Result<String, Failed> {
    Ok(text::json(&(serde_json::to_string(thing)? + "\n")).into_owned())
}

/// Prints lines for people.
pub(crate) fn page(page: &Page) -> Result<ExitCode, Failed> {
    out(page.as_str())
}

/// A reader may close it early, as `head` does: that is not a failure.
fn out(text: &str) -> Result<ExitCode, Failed> {
    put(text).map(|_| ExitCode::SUCCESS)
}

/// Prints something that more may follow; gives whether anyone still reads.
pub(crate) fn put(text: &str) -> Result<bool, Failed> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => {
            Err(Failed::new(format_args!("standard output cannot be written to: {error}")))
        }
    }
}

/// Whether notes and errors are JSON, as the log then is.
static TOLD_AS_JSON: AtomicBool = AtomicBool::new(false);

/// From here on, notes and errors are JSON.
pub(crate) fn tell_as_json() {
    TOLD_AS_JSON.store(true, Ordering::Relaxed);
}

/// Prints a note on standard error, on one line.
pub(crate) fn note(line: impl Display) {
    notes(&Page::of(line));
}

/// Prints several lines of notes, if there are any.
pub(crate) fn notes(lines: &Page) {
    if !lines.is_empty() {
        let note = lines.to_string();
        beside(&note, &view::Note { version: view::VERSION, note: note.clone() });
    }
}

/// Prints why a command failed.
pub(crate) fn failed(why: &Failed) {
    let (error, exit_code) = (why.to_string(), why.code());
    let text = format!("pointsman: {error}");
    beside(&text, &view::Failure { version: view::VERSION, error, exit_code });
}

fn beside(text: &str, value: &impl Serialize) {
    let json = TOLD_AS_JSON.load(Ordering::Relaxed).then(|| text_of_line(value).ok()).flatten();
    let line = json.unwrap_or_else(|| format!("{text}\n"));
    // A closed standard error is no reason to fail.
    let _ = io::stderr().lock().write_all(line.as_bytes());
}

/// How long something may take before it is said that it is waited for.
const SILENT_FOR: Duration = Duration::from_secs(4);

/// Does something, and says what it waits for if it takes long: silence looks like a hang.
pub(crate) async fn patiently<T>(what: &str, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    match tokio::time::timeout(SILENT_FOR, &mut work).await {
        Ok(done) => done,
        Err(_) => {
            note(format_args!("still waiting for {what}"));
            work.await
        }
    }
}

/// What most commands wait for.
pub(crate) const AZURE: &str = "Azure, or for a token to ask it with";
