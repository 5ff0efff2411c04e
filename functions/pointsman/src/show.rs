//! How things are printed: JSON for programs, tables and sentences for people.

use std::{
    fmt::Display,
    io::{self, Write as _},
    pin::pin,
    process::ExitCode,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use jiff::{SignedDuration, SignedDurationRound, Timestamp, Unit};
use pointsman_core::{
    document::Document,
    overrides::{End, Life, Override, Standing},
    text,
};
use serde::Serialize;

use crate::{failed::Failed, page::Page};

/// Prints something as JSON.
pub(crate) fn json(thing: &impl Serialize) -> Result<ExitCode, Failed> {
    out(&text::json(&(serde_json::to_string_pretty(thing)? + "\n")))
}

/// Prints something as JSON, on one line.
pub(crate) fn json_line(thing: &impl Serialize) -> Result<ExitCode, Failed> {
    out(&text::json(&(serde_json::to_string(thing)? + "\n")))
}

/// Prints lines for people.
pub(crate) fn page(page: &Page) -> Result<ExitCode, Failed> {
    out(page.as_str())
}

/// Whoever reads it may leave early, as `head` does: that is no failure.
fn out(text: &str) -> Result<ExitCode, Failed> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        Err(error) => {
            Err(Failed::new(format_args!("standard output cannot be written to: {error}")))
        }
    }
}

/// Whether what is told beside goes to a program, as the log then does.
static TOLD_AS_JSON: AtomicBool = AtomicBool::new(false);

/// From here on, what is told beside is JSON.
pub(crate) fn tell_as_json() {
    TOLD_AS_JSON.store(true, Ordering::Relaxed);
}

/// Tells something beside what was asked for, on one line.
pub(crate) fn note(line: impl Display) {
    notes(&Page::of(line));
}

/// Tells several lines beside what was asked for.
pub(crate) fn notes(lines: &Page) {
    beside("note", "", lines);
}

/// Tells why a command failed.
pub(crate) fn failed(why: &Failed) {
    beside("error", "pointsman: ", why);
}

fn beside(key: &str, head: &str, what: &impl Display) {
    let line = if TOLD_AS_JSON.load(Ordering::Relaxed) {
        text::json(&serde_json::json!({key: what.to_string()}).to_string()).into_owned()
    } else {
        format!("{head}{what}")
    };
    // Where nobody listens, there is nobody to tell.
    let _ = writeln!(io::stderr().lock(), "{line}");
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
    fn lengths_are_rounded_to_what_a_person_wants_to_know() {
        assert_eq!(length(SignedDuration::from_millis(1_400)), "1s");
        assert_eq!(length(SignedDuration::from_secs(125)), "2m 5s");
        assert_eq!(length(SignedDuration::from_secs(3 * 3600 + 61)), "3h 1m");
        assert_eq!(count(1, "pool"), "1 pool");
        assert_eq!(count(0, "pool"), "0 pools");
    }
}
