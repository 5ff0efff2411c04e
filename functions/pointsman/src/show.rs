//! How things are printed: JSON for programs, tables and sentences for people.

use std::{
    fmt::Display,
    io::{self, Write as _},
    pin::pin,
    process::ExitCode,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use comfy_table::{Table, presets};
use jiff::{SignedDuration, SignedDurationRound, Timestamp, Unit};
use pointsman_core::{
    document::Document,
    overrides::{End, Life, Override, Standing},
};
use serde::Serialize;

use crate::cli::Failed;

/// Prints something as JSON.
pub(crate) fn json(thing: &impl Serialize) -> Result<ExitCode, Failed> {
    text(&(serde_json::to_string_pretty(thing)? + "\n"))
}

/// Prints a text. Whoever reads it may leave early, as `head` does: that is no failure.
pub(crate) fn text(text: &str) -> Result<ExitCode, Failed> {
    match io::stdout().lock().write_all(printable(text).as_bytes()) {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        Err(error) => Err(Failed(format!("standard output cannot be written to: {error}"))),
    }
}

/// Whether what is told beside goes to a program, as the log then does.
static TOLD_AS_JSON: AtomicBool = AtomicBool::new(false);

/// From here on, what is told beside is JSON.
pub(crate) fn tell_as_json() {
    TOLD_AS_JSON.store(true, Ordering::Relaxed);
}

/// Tells something beside what was asked for.
pub(crate) fn note(text: impl Display) {
    if TOLD_AS_JSON.load(Ordering::Relaxed) {
        beside(&serde_json::json!({"note": text.to_string()}).to_string());
    } else {
        beside(&text.to_string());
    }
}

/// Tells why a command failed.
pub(crate) fn failed(text: &str) {
    if TOLD_AS_JSON.load(Ordering::Relaxed) {
        beside(&serde_json::json!({"error": text}).to_string());
    } else {
        beside(&format!("pointsman: {}", text.trim_end()));
    }
}

fn beside(text: &str) {
    // Where nobody listens, there is nobody to tell.
    let _ = writeln!(io::stderr().lock(), "{}", printable(text));
}

/// How long something may take before it is said that it is waited for.
const SILENT_FOR: Duration = Duration::from_secs(4);

/// Does something, and says what it waits for where it takes long: silence reads as a hang.
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

/// What came from outside must not move the cursor, colour the terminal or hide anything.
fn printable(text: &str) -> String {
    let shown = |char: char| match char {
        '\n' => char,
        '\t' => ' ',
        _ if char.is_control() => '\u{fffd}',
        '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        _ => char,
    };
    text.chars().map(shown).collect()
}

/// A plain table with these columns.
pub(crate) fn table(columns: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(columns.iter().copied());
    table
}

/// A table's text, two columns in.
pub(crate) fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {}", line.trim_end())).collect::<Vec<_>>().join("\n")
}

/// `1 pool`, `2 pools`.
pub(crate) fn count(number: impl TryInto<u64>, of: &str) -> String {
    let number = number.try_into().unwrap_or(u64::MAX);
    if number == 1 { format!("1 {of}") } else { format!("{number} {of}s") }
}

/// A time for people: to the second, in UTC.
pub(crate) fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// A length for people: `2m 5s`.
pub(crate) fn length(length: SignedDuration) -> String {
    let unit =
        if length.abs() >= SignedDuration::from_mins(10) { Unit::Minute } else { Unit::Second };
    let rounded = length.round(SignedDurationRound::new().smallest(unit)).unwrap_or(length);
    format!("{rounded:#}")
}

/// How an override stands, in a few words.
pub(crate) fn standing(document: &Document, over: &Override, now: Timestamp) -> String {
    let ago = |at: Timestamp| length(now.duration_since(at));
    let fields = over.effect.fields();
    let stands = fields.iter().any(|field| document.owned.get(field).is_some_and(|one| one.stood));
    match (&over.life, &over.standing) {
        (Life::Claimed { .. }, Standing::Unseen) if document.trouble.is_some() => {
            "waits until the backend can be read".to_owned()
        }
        (Life::Begun { at, .. }, Standing::Admitted) if !stands => {
            format!("decided {} ago, not seen to be written yet", ago(*at))
        }
        (Life::Claimed { .. }, Standing::Held(why)) => format!("held: {why}"),
        (Life::Claimed { at }, _) => format!("claimed {} ago, not looked at yet", ago(*at)),
        (Life::Begun { .. }, Standing::Held(why)) => format!("displaced, held: {why}"),
        (Life::Begun { .. }, Standing::Yielded) => "yielded to someone else's write".to_owned(),
        (Life::Begun { at, .. }, Standing::Admitted | Standing::Unseen) => {
            let (ends, why) = over.ends().unwrap_or((now, End::Expired));
            let left = ends.duration_since(now);
            let left = if left.is_positive() { length(left) } else { "0s".to_owned() };
            match why {
                End::Resolved => format!("in force for {}, given back in {left}: {why}", ago(*at)),
                End::Expired | End::Undone { .. } | End::Dropped => {
                    format!("in force for {}, at most {left} more", ago(*at))
                }
            }
        }
        (Life::Ended { steps, why, .. }, _) => match steps.len().checked_sub(1) {
            Some(step) => format!("ending ({why}), {} given back", over.lease.given_back(step)),
            None => format!("ending ({why}), not given back yet"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_from_outside_cannot_play_with_the_terminal() {
        let evil = "a\u{1b}[2Jb\rc\td\u{202e}e\nf";
        assert_eq!(printable(evil), "a\u{fffd}[2Jb\u{fffd}c d\u{fffd}e\nf");
    }

    #[test]
    fn lengths_are_rounded_to_what_a_person_wants_to_know() {
        assert_eq!(length(SignedDuration::from_millis(1_400)), "1s");
        assert_eq!(length(SignedDuration::from_secs(125)), "2m 5s");
        assert_eq!(length(SignedDuration::from_secs(3 * 3600 + 61)), "3h 1m");
        assert_eq!(count(1, "pool"), "1 pool");
        assert_eq!(count(0, "pool"), "0 pools");
    }
}
