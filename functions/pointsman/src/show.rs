//! How things are printed: JSON for programs, tables and sentences for people.

use std::process::ExitCode;

use comfy_table::{Table, presets};
use jiff::{SignedDuration, Timestamp, Unit, SignedDurationRound};
use pointsman_core::overrides::{Life, Override, Standing};
use serde::Serialize;

use crate::cli::Failed;

/// Prints something as JSON.
pub(crate) fn json(thing: &impl Serialize) -> Result<ExitCode, Failed> {
    println!("{}", serde_json::to_string_pretty(thing)?);
    Ok(ExitCode::SUCCESS)
}

/// A plain table with these columns.
pub(crate) fn table(columns: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(columns.iter().copied());
    table
}

/// A text, two columns in.
pub(crate) fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {}", line.trim_end())).collect::<Vec<_>>().join("\n")
}

/// `1 pool`, `2 pools`.
pub(crate) fn count(number: usize, of: &str) -> String {
    if number == 1 { format!("1 {of}") } else { format!("{number} {of}s") }
}

/// A length for people: `2m 5s`.
pub(crate) fn length(length: SignedDuration) -> String {
    let unit = if length.abs() >= SignedDuration::from_mins(10) { Unit::Minute } else { Unit::Second };
    let rounded = length.round(SignedDurationRound::new().smallest(unit)).unwrap_or(length);
    format!("{rounded:#}")
}

/// How an override stands, in a few words.
pub(crate) fn standing(over: &Override, now: Timestamp) -> String {
    let ago = |at: Timestamp| length(now.duration_since(at));
    match (&over.life, &over.standing) {
        (Life::Claimed { .. }, Standing::Held(why)) => format!("held: {why}"),
        (Life::Claimed { at }, _) => format!("claimed {} ago, not looked at yet", ago(*at)),
        (Life::Begun { .. }, Standing::Held(why)) => format!("held since: {why}"),
        (Life::Begun { .. }, Standing::Yielded) => "yielded to someone else's write".to_owned(),
        (Life::Begun { at, .. }, Standing::Admitted | Standing::Unseen) => {
            let left = over.lease.expires(*at).duration_since(now);
            format!("in force for {}, at most {} more", ago(*at), length(left))
        }
        (Life::Ended { steps, why, .. }, _) => match steps.len().checked_sub(1) {
            Some(step) => format!("ending ({why}): {} given back", over.lease.given_back(step)),
            None => format!("ending ({why})"),
        },
    }
}
