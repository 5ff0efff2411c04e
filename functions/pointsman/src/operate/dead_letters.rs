//! `dead-letters`: what could not be used, to be looked at and dropped.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use jiff::{SignedDuration, Span, SpanRelativeTo};
use pointsman_engine::ports::{
    Chosen, DEAD_LETTER_AGE_MAX, DEAD_LETTERS_MAX, DeadLetter, DeadLetterParts,
};
use pointsman_view as view;
use serde_json::json;

use crate::{common::Common, failed::Failed, page::Page, show};

/// What can be done with dead letters.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    /// Show dead letters.
    #[command(after_help = kept())]
    List {
        /// How many to show, the newest ones.
        #[arg(
            short = 'n',
            long,
            alias = "letters",
            default_value_t = 50,
            value_name = "NUMBER",
            value_parser = clap::value_parser!(u32).range(1..)
        )]
        dead_letters: u32,
    },
    /// Delete dead letters for good.
    Drop(Which),
}

/// What the help says of how long they are kept.
fn kept() -> String {
    let days = DEAD_LETTER_AGE_MAX.as_hours() / 24;
    format!("They are kept for {days} days, but never more than the newest {DEAD_LETTERS_MAX}.")
}

/// Which dead letters.
#[derive(Clone, Debug, Args)]
#[group(required = true, multiple = true)]
pub(crate) struct Which {
    /// The id of one dead letter, or the first characters of it.
    #[arg(conflicts_with_all = ["all", "from", "older_than"])]
    id: Option<String>,
    /// All of them.
    #[arg(long, conflicts_with_all = ["from", "older_than"])]
    all: bool,
    /// Those from this source; `queue` for messages that the queue gave up.
    #[arg(long, value_name = "SOURCE")]
    from: Option<String>,
    /// Those that are older than this, for example `36h` or `7d`.
    #[arg(long, value_name = "AGE", value_parser = age)]
    older_than: Option<SignedDuration>,
}

/// Reads how long ago something was.
pub(super) fn age(text: &str) -> Result<SignedDuration, String> {
    let days = SpanRelativeTo::days_are_24_hours();
    let age = text.parse::<Span>().and_then(|span| span.to_duration(days));
    match age {
        Ok(age) if !age.is_negative() => Ok(age),
        Ok(_) | Err(_) => Err("an age is like `36h` or `7d`".to_owned()),
    }
}

pub(crate) async fn command(common: &Common, command: Command) -> Result<ExitCode, Failed> {
    match command {
        Command::List { dead_letters } => list(common, dead_letters).await,
        Command::Drop(which) => drop(common, which).await,
    }
}

async fn list(common: &Common, most: u32) -> Result<ExitCode, Failed> {
    let store = &common.records().await?.store;
    let letters = store.dead_letters(usize::try_from(most).unwrap_or(usize::MAX)).await?;
    let older = store.count_dead_letters().await?.saturating_sub(letters.len() as u64);
    if letters.is_empty() && !common.json {
        show::note("there are no dead letters");
    }
    if older > 0 {
        let older = view::count(older, "older dead letter");
        show::note(format_args!("{older} not shown: `-n NUMBER` shows more"));
    }
    let mut out = Page::default();
    letters.iter().for_each(|letter| describe(&mut out, letter));
    common.print(&letters, &out)
}

fn describe(out: &mut Page, letter: &DeadLetter) {
    let DeadLetter { id, at, from, reason, body, parts } = letter;
    out.line(format_args!("{id}  {}  from {from}: {reason}", view::moment(*at)));
    out.quoted(body);
    let DeadLetterParts { kept, left_out } = parts;
    for part in kept {
        out.line(format_args!("  {}", part.reason));
        part.body.lines().for_each(|line| out.line(format_args!("    {line}")));
    }
    if *left_out > 0 {
        out.line(format_args!("  and {left_out} more, not kept"));
    }
}

async fn drop(common: &Common, which: Which) -> Result<ExitCode, Failed> {
    let records = common.records().await?;
    let Which { id, all: _, from, older_than } = which;
    let id = match id {
        Some(beginning) => Some(meant(&records.store.dead_letters(usize::MAX).await?, &beginning)?),
        None => None,
    };
    let before = older_than.and_then(|age| records.clock.now().checked_sub(age).ok());
    if older_than.is_some() && before.is_none() {
        return Err(Failed::new("no dead letter is as old as that"));
    }
    let chosen = Chosen { id: id.clone(), from, before };
    let dropped = records.store.drop_dead_letters(&chosen).await?;
    let (value, what) = match id {
        None => (json!(dropped), view::count(dropped, "dead letter")),
        Some(id) if dropped == 0 => {
            return Err(Failed::new(format_args!("the dead letter {id} is gone already")));
        }
        Some(id) => (json!(id), id),
    };
    common.print(&json!({"dropped": value}), &Page::of(format_args!("dropped {what}")))
}

/// The id that is meant by its beginning.
fn meant(letters: &[DeadLetter], beginning: &str) -> Result<String, Failed> {
    let meant: Vec<_> = letters.iter().filter(|letter| letter.id.starts_with(beginning)).collect();
    match meant.as_slice() {
        [letter] if !beginning.is_empty() => Ok(letter.id.clone()),
        [] => Err(Failed::new(format_args!("there is no dead letter {beginning}"))),
        [..] => Err(Failed::new(format_args!(
            "{beginning} could be any of several dead letters; type more of it"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_a_length_that_is_not_negative() {
        assert_eq!(age("7d"), Ok(SignedDuration::from_hours(7 * 24)));
        assert_eq!(age("36h"), Ok(SignedDuration::from_hours(36)));
        assert_eq!(age("P1DT1H"), Ok(SignedDuration::from_hours(25)));
        for wrong in ["", "7", "-1h", "1 month", "yesterday"] {
            assert!(age(wrong).is_err(), "{wrong}");
        }
    }
}
