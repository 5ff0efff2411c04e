//! `dead-letters`: what could not be used, to be looked at, taken in again, and dropped.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::ExitCode,
    time::Duration,
};

use clap::{Args, Subcommand};
use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};
use pointsman_core::{
    ledger::{Line, What},
    names::SourceName,
    notice::{About, Kind},
    playbook::Playbook,
    signal::{SeriesId, Signal},
};
use pointsman_engine::{
    Loaded,
    engine::load,
    message::{Message, Outgoing},
    outbox,
    ports::{
        Chosen, Commit, DEAD_LETTER_AGE_MAX, DEAD_LETTERS_MAX, DeadLetter, DeadLetterPart,
        DeadLetterParts,
    },
    reconcile::MESSAGE_AGE_MAX,
};
use pointsman_host::Records;
use pointsman_intake::{alertmanager, content_id};
use pointsman_view::{self as view, Reader};
use tokio::time::Instant;

use super::{
    by::By,
    dispatch::{LOOK_EVERY, TAKEN_WITHIN},
};
use crate::{common::Common, failed::Failed, page::Page, show};

/// How long it is before alerts are sent again that were not held against the newest playbook.
const AGAIN: Duration = Duration::from_secs(1);

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
    /// Take the alerts of dead letters in again, after the playbook was mended.
    #[command(after_help = RETRIED)]
    Retry {
        #[command(flatten)]
        which: Again,
        #[command(flatten)]
        by: By,
    },
}

/// What the help says of a retry.
const RETRIED: &str = "An alert is taken in as it was received, at that time: a firing whose resolve was received since then \
is late, and does nothing. An alert that still cannot be used is kept, with the new reason. Exits \
with 1 if one is kept.";

/// Which dead letters are taken in again.
#[derive(Clone, Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Again {
    /// The id of one dead letter, or the first characters of it.
    id: Option<String>,
    /// All of them.
    #[arg(long)]
    all: bool,
    /// Those from this source.
    #[arg(long, value_name = "SOURCE")]
    from: Option<String>,
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
        Command::Retry { which, by } => retry(common, which, &by.by).await,
    }
}

async fn list(common: &Common, most: u32) -> Result<ExitCode, Failed> {
    let records = common.records().await?;
    let (store, reader) = (&records.store, common.reader(records.clock.now()));
    let letters = store.dead_letters(usize::try_from(most).unwrap_or(usize::MAX)).await?;
    let older = store.count_dead_letters().await?.saturating_sub(letters.len() as u64);
    if letters.is_empty() && !common.json {
        show::note("there are no dead letters");
    }
    if older > 0 {
        let older = view::count(older, "older dead letter");
        show::note(format_args!("{older} not shown: `-n NUMBER` shows more"));
    }
    let shown = view::DeadLetters {
        version: view::VERSION,
        dead_letters: letters.into_iter().map(shown).collect(),
        older,
    };
    let mut out = Page::of_output();
    shown.dead_letters.iter().for_each(|letter| describe(&mut out, letter, &reader));
    common.print(&shown, &out)
}

/// What is shown of a dead letter.
fn shown(letter: DeadLetter) -> view::DeadLetter {
    let DeadLetter { id, at, from, reason, body, parts: DeadLetterParts { kept, left_out } } =
        letter;
    let part = |DeadLetterPart { reason, body }| view::DeadLetterPart { reason, body };
    let parts = kept.into_iter().map(part).collect();
    view::DeadLetter { id, at, from, reason, body, parts, left_out: left_out as u64 }
}

fn describe(out: &mut Page, letter: &view::DeadLetter, reader: &Reader) {
    let view::DeadLetter { id, at, from, reason, body, parts, left_out } = letter;
    out.line(format_args!("{id}  {}  from {from}: {reason}", reader.time(*at)));
    out.quoted("  ", body);
    for part in parts {
        out.line(format_args!("  {}", part.reason));
        out.quoted("    ", &part.body);
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
    let what = match &id {
        None => view::count(dropped, "dead letter"),
        Some(id) if dropped == 0 => {
            return Err(Failed::new(format_args!("the dead letter {id} is gone already")));
        }
        Some(id) => id.clone(),
    };
    let shown = view::Dropped { version: view::VERSION, dropped, id };
    common.print(&shown, &Page::of(format_args!("dropped {what}")))
}

async fn retry(common: &Common, which: Again, by: &str) -> Result<ExitCode, Failed> {
    let records = common.records().await?;
    let loaded = match records.store.published().await? {
        Some(published) => load(&published)?,
        None => return Err(Failed::new("no playbook is published")),
    };
    let mut letters = records.store.dead_letters(usize::MAX).await?;
    match &which {
        Again { id: Some(beginning), .. } => {
            let id = meant(&letters, beginning)?;
            letters.retain(|letter| letter.id == id);
        }
        Again { from: Some(from), .. } => letters.retain(|letter| letter.from == *from),
        Again { .. } => {}
    }
    let mut retried = view::Retried { version: view::VERSION, taken: 0, kept: 0 };
    let mut out = Page::default();
    let mut from = BTreeSet::new();
    for letter in letters {
        let id = letter.id.clone();
        from.insert(letter.from.clone());
        let (taken, kept) = retry_one(&records, &loaded, letter, by).await?;
        out.line(format_args!("{id}  {} taken in", view::count(taken, "alert")));
        for DeadLetterPart { reason, .. } in &kept {
            out.line(format_args!("  kept: {reason}"));
        }
        retried.taken += taken as u64;
        retried.kept += kept.len() as u64;
    }
    if retried.taken > 0 {
        match records.are_consumed()? {
            true => end_notices(&records, from).await?,
            false => {
                show::note("no `serve` is running on this store: they are acted on once one is");
            }
        }
    }
    if out.as_str().is_empty() {
        show::note("there are no such dead letters");
    }
    let shown = common.print(&retried, &out)?;
    Ok(if retried.kept == 0 { shown } else { ExitCode::FAILURE })
}

/// Forgets that alerts of these sources could not be acted upon, where no dead letter is left of them.
async fn end_notices(records: &Records, mut from: BTreeSet<String>) -> Result<(), Failed> {
    for letter in records.store.dead_letters(usize::MAX).await? {
        from.remove(&letter.from);
    }
    let noticed = records.store.notices().await?;
    let is_over =
        |about: &&About| about.kind == Kind::Unresolvable && from.contains(&about.subject);
    let notices_over = noticed.iter().map(|(about, _)| about).filter(is_over).cloned().collect();
    commit(records, Commit { notices_over, ..Commit::default() }).await
}

async fn commit(records: &Records, commit: Commit) -> Result<(), Failed> {
    Ok(outbox::commit(&*records.store, &*records.queue, &commit, records.clock.now()).await?)
}

/// Takes a dead letter in again: what can be used goes into the queue, and what cannot is kept. Gives how
/// many alerts were taken in, and those that were not.
///
/// What is taken is stored before the letter is dropped. A crash in between leaves the letter, and a
/// second retry changes nothing.
async fn retry_one(
    records: &Records,
    loaded: &Loaded,
    letter: DeadLetter,
    by: &str,
) -> Result<(usize, Vec<DeadLetterPart>), Failed> {
    let DeadLetter { id, at, from, reason, body, parts } = letter;
    let DeadLetterParts { kept: mut pieces, left_out } = parts;
    if pieces.is_empty() {
        pieces.push(DeadLetterPart { reason, body });
    }
    let (mut signals, mut kept) = (Vec::new(), Vec::new());
    for DeadLetterPart { body, .. } in pieces {
        match alerts_of(&from, at, &body) {
            Ok(alerts) => {
                match alerts.iter().find_map(|alert| unusable(&loaded.playbook, alert, records)) {
                    None => signals.extend(alerts),
                    Some(reason) => kept.push(DeadLetterPart { reason, body }),
                }
            }
            Err(reason) => kept.push(DeadLetterPart { reason, body }),
        }
    }
    let taken = signals.len();
    take_in(records, loaded.number, signals).await?;
    let mut still = DeadLetter::of(at, &from, "alerts", kept.clone());
    if let Some(still) = &mut still {
        still.parts.left_out += left_out;
    }
    let told = What::Retried {
        letter: id.clone(),
        from,
        by: by.to_owned(),
        taken: taken as u64,
        kept: kept.len() as u64,
    };
    let lines = vec![Line::new(records.clock.now(), None, told)];
    let dead_letters = still.iter().cloned().collect();
    commit(records, Commit { lines, dead_letters, ..Commit::default() }).await?;
    if still.is_none_or(|still| still.id != id) {
        records.store.drop_dead_letters(&Chosen { id: Some(id), ..Chosen::default() }).await?;
    }
    Ok((taken, kept))
}

/// Has signals taken in by this generation of the playbook. A running `serve` takes a generation up a
/// moment after it was published, and by the one before it nothing would come of them: they are sent
/// until they were held against this one.
async fn take_in(records: &Records, generation: u64, signals: Vec<Signal>) -> Result<(), Failed> {
    let mut by_source: BTreeMap<SourceName, Vec<Signal>> = BTreeMap::new();
    for signal in signals {
        by_source.entry(signal.series.source().clone()).or_default().push(signal);
    }
    for (source, signals) in by_source {
        let id = content_id(&signals);
        let ids: Vec<_> = signals.iter().map(|signal| signal.series.clone()).collect();
        let outgoing = Outgoing { id, due: None, message: Message::Signals { source, signals } };
        let end = Instant::now() + TAKEN_WITHIN;
        'sent: loop {
            records.queue.send(outgoing.clone()).await?;
            let again = Instant::now() + AGAIN;
            while Instant::now() < again {
                // The next `serve` begins with the newest generation.
                if !records.are_consumed()? || are_held_against(records, &ids, generation).await? {
                    break 'sent;
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
            if Instant::now() >= end {
                return Err(Failed::new(format_args!(
                    "`serve` has not taken the alerts in within {} s; the dead letter is kept",
                    TAKEN_WITHIN.as_secs()
                )));
            }
        }
    }
    Ok(())
}

/// Whether each of these series was heard of, and what is on of it was held against this generation.
async fn are_held_against(
    records: &Records,
    ids: &[SeriesId],
    generation: u64,
) -> Result<bool, Failed> {
    let stored = records.store.series(ids).await?;
    let held = |id: &SeriesId| {
        let series = stored.iter().find(|series| series.body.id == *id);
        series.is_some_and(|series| {
            series.body.running.as_ref().is_none_or(|running| running.generation >= generation)
        })
    };
    Ok(ids.iter().all(held))
}

/// The alerts that a dead letter's text tells of: a signal, a message of the queue, an alert as its
/// source sent it, or a whole body. They were received when they were put away, unless they say when.
fn alerts_of(from: &str, at: Timestamp, body: &str) -> Result<Vec<Signal>, String> {
    if let Ok(signal) = serde_json::from_str::<Signal>(body) {
        return Ok(vec![signal]);
    }
    match serde_json::from_str::<Message>(body) {
        Ok(Message::Signals { signals, .. }) => return Ok(signals),
        Ok(Message::Wake { .. } | Message::Command { .. }) => {
            return Err("it is not an alert: give the command again, or drop it".to_owned());
        }
        Err(_) => {}
    }
    let source: SourceName = from.parse().map_err(|_| "it is not an alert".to_owned())?;
    let one = || format!("{{\"version\":\"4\",\"alerts\":[{body}]}}");
    let read = |body: &str| alertmanager::read(&source, body.as_bytes(), at);
    let batch = read(body).or_else(|why| read(&one()).map_err(|_| why));
    let batch = batch.map_err(|why| why.to_string())?;
    match batch.unusable.first() {
        Some(unusable) => Err(unusable.reason.clone()),
        None => Ok(batch.signals),
    }
}

/// Why an alert still cannot be acted upon, if so.
fn unusable(playbook: &Playbook, alert: &Signal, records: &Records) -> Option<String> {
    if records.clock.now().duration_since(alert.received) > MESSAGE_AGE_MAX {
        let days = MESSAGE_AGE_MAX.as_hours() / 24;
        return Some(format!("it is older than {days} days, and what it tells may be over"));
    }
    playbook.plays_for(alert).failed.first().map(ToString::to_string)
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
