//! `status`, `explain`, `history`, `letters`: what is, why, and what was.

use std::{fmt::Write as _, process::ExitCode};

use clap::{Args, Subcommand};
use jiff::Timestamp;
use pointsman_core::{
    document::{Document, Outcome, Owned, Reconnect, Unmet},
    id::OverrideId,
    ledger::Line,
    names::BackendId,
    pool::Field,
};
use pointsman_host::Records;
use serde::Serialize;
use serde_json::json;

use super::find;
use crate::{
    cli::{Common, Failed},
    show,
};

/// How many lines of its ledger `explain` shows.
const EXPLAIN_LINES: usize = 12;

/// Which backend.
#[derive(Clone, Debug, Args)]
pub(crate) struct Which {
    /// A pool of the playbook, a backend's name, `service/name` (with a workspace between them, where
    /// it is in one), or its Azure path.
    backend: String,
}

/// What `history` takes.
#[derive(Clone, Debug, Args)]
pub(crate) struct HistoryOptions {
    /// Only what is about this backend.
    backend: Option<String>,
    /// How many lines, the newest.
    #[arg(
        short = 'n',
        long,
        default_value_t = 50,
        value_name = "NUMBER",
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    lines: u32,
}

/// What can be done with letters.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum LettersCommand {
    /// Show them.
    List {
        /// How many, the newest.
        #[arg(
            short = 'n',
            long,
            default_value_t = 50,
            value_name = "NUMBER",
            value_parser = clap::value_parser!(u32).range(1..)
        )]
        letters: u32,
    },
    /// Take one out, for good.
    Drop {
        /// Its id, or the beginning of it.
        id: String,
    },
}

/// All documents of the store.
pub(crate) async fn documents(records: &Records) -> Result<Vec<Document>, Failed> {
    Ok(records.store.documents().await?.into_iter().map(|document| document.body).collect())
}

pub(crate) async fn status(common: &Common) -> Result<ExitCode, Failed> {
    let records = common.records().await?;
    if records.is_of_nothing() {
        // What is in force elsewhere, by another configuration, is not known here.
        return if common.json {
            show::json(&json!({"store": null}))
        } else {
            Ok(ExitCode::SUCCESS)
        };
    }
    let group = records.store.group().await?.body;
    let published = records.store.published().await?;
    let documents = documents(&records).await?;
    let queued = records.queue.depth().await?;
    let letters = records.store.letters(usize::MAX).await?.len();
    let served = records.are_consumed()?;
    let number = published.as_ref().map(|published| published.number);
    if common.json {
        return show::json(&json!({
            "paused": group.paused, "generation": number, "queued": queued, "letters": letters,
            "served": served, "shadow": common.shadow, "backends": documents,
        }));
    }
    let now = records.clock.now();
    let mut out = String::new();
    if let Some(pause) = &group.paused {
        let since = show::length(now.duration_since(pause.at));
        writeln!(out, "PAUSED for {since} by {}: {}", pause.by, pause.reason)?;
        writeln!(out, "  nothing is written to Azure until `pointsman resume`")?;
    }
    match number {
        Some(number) => write!(out, "generation {number} of the playbook")?,
        None => write!(out, "no playbook is published")?,
    }
    write!(
        out,
        "; {}",
        if served { "`serve` is running" } else { "no `serve` is running on this store" }
    )?;
    match letters {
        0 => writeln!(out, "; no letters")?,
        _ => writeln!(out, "; {}: `pointsman letters list`", show::count(letters, "letter"))?,
    }
    match queued {
        0 => {}
        _ => writeln!(out, "{} in the queue, not taken in yet", show::count(queued, "message"))?,
    }
    let busy: Vec<&Document> = documents.iter().filter(|document| !is_quiet(document)).collect();
    if busy.is_empty() {
        writeln!(out, "no overrides; every backend is as its owner left it")?;
    }
    for document in busy {
        writeln!(out, "\n{}", document.backend.short())?;
        describe(&mut out, document, now)?;
    }
    show::text(&out)
}

/// Whether there is nothing to say of a backend.
fn is_quiet(document: &Document) -> bool {
    document.is_at_rest() && document.trouble.is_none() && document.reconnects.is_empty()
}

/// What is going on at a backend: two lines an override, so that none is wider than a terminal.
fn describe(out: &mut String, document: &Document, now: Timestamp) -> std::fmt::Result {
    if let Some(trouble) = &document.trouble {
        let since = show::length(now.duration_since(trouble.since));
        writeln!(out, "  TROUBLE for {since}: {}", trouble.why)?;
        writeln!(out, "    tried again at {}", show::moment(trouble.until))?;
    }
    for (text, unmet) in unmet(document) {
        writeln!(out, "  TROUBLE for {}: {text}", show::length(now.duration_since(unmet.since)))?;
        writeln!(out, "    tried again at {}", show::moment(unmet.until.max(now)))?;
    }
    if let Some(missing) = missing(document, now) {
        writeln!(out, "  {missing}")?;
    }
    for over in document.overrides.values() {
        writeln!(out, "  {}  {}: {}", over.id, over.effect, show::standing(document, over, now))?;
        writeln!(out, "    for {} ({}), by play {}", over.series, over.severity, over.play)?;
    }
    for intent in document.intents.iter().filter(|intent| !intent.is_empty()) {
        let (open, fence) = (show::length(now.duration_since(intent.at)), intent.fence());
        let id = &intent.id;
        writeln!(
            out,
            "  write {id} has had no answer for {open}, and may still land until {}",
            show::moment(fence)
        )?;
        for change in &intent.changes {
            writeln!(out, "    {change}")?;
        }
    }
    for reconnect in document.reconnects.values() {
        writeln!(out, "  {}", said(reconnect))?;
    }
    Ok(())
}

/// What Azure keeps in place of what was asked, in words, field by field.
fn unmet(document: &Document) -> impl Iterator<Item = (String, Unmet)> {
    document.unmet().map(|(field, owned, unmet)| {
        let Unmet { wanted, .. } = unmet;
        (format!("{field} should be {wanted}, and Azure keeps {}", owned.written), unmet)
    })
}

/// What Azure keeps in place of what its owner left, in words.
pub(super) fn unrestored(document: &Document) -> Vec<String> {
    let restoring = |(field, owned, unmet): (&Field, &Owned, Unmet)| {
        unmet.wanted.means(owned.baseline).then(|| {
            format!("{field} should be {} again, and Azure keeps {}", owned.baseline, owned.written)
        })
    };
    document.unmet().filter_map(restoring).collect()
}

/// That a write may still land, in words.
pub(super) fn may_land(document: &Document) -> Option<String> {
    let until = document.may_land_until()?;
    let until = show::moment(until);
    Some(format!(
        "a write that had no answer may still land until {until}; it is taken back if it does"
    ))
}

/// That Azure has no such backend, in words, where that was seen last and something is going on: what
/// is at rest is not looked at.
pub(super) fn missing(document: &Document, now: Timestamp) -> Option<String> {
    let (since, believed) = document.missing().filter(|_| !document.is_at_rest())?;
    let how = if now < believed {
        format!("which is not believed before {}", show::moment(believed))
    } else {
        "and is taken for gone".to_owned()
    };
    Some(format!("MISSING: Azure has had no such backend since {}, {how}", show::moment(since)))
}

fn said(reconnect: &Reconnect) -> String {
    let target = reconnect.target.short();
    match &reconnect.outcome {
        None => format!("reconnect of {target} at {}", show::moment(reconnect.due)),
        Some(Outcome::Accepted { due, .. }) => {
            format!("reconnect of {target} accepted, due at {}", show::moment(*due))
        }
        Some(Outcome::Refused { why, .. }) => format!("reconnect of {target} refused: {why}"),
        Some(Outcome::Unknown { .. }) => {
            format!("reconnect of {target}: asked for twice without an answer, not asked again")
        }
    }
}

pub(crate) async fn explain(common: &Common, which: &Which) -> Result<ExitCode, Failed> {
    let records = common.records().await?;
    let backend = find::backend(&records, &which.backend).await?;
    let document = records.store.document(&backend).await?.map(|document| document.body);
    let lines = records.store.history(Some(&backend), EXPLAIN_LINES).await?;
    let paused = records.store.group().await?.body.paused;
    let following = following(documents(&records).await?, &backend);
    if common.json {
        return show::json(&json!({
            "backend": backend, "paused": paused, "shadow": common.shadow, "document": document,
            "following": following, "lines": lines,
        }));
    }
    let mut out = format!("{}\n{backend}\n\n", backend.short());
    if let Some(pause) = paused {
        writeln!(out, "PAUSED by {}: {}", pause.by, pause.reason)?;
    }
    match &document {
        None => {
            writeln!(out, "nothing was ever heard for it; it is as its owner left it")?;
        }
        Some(document) => {
            if document.is_at_rest() {
                writeln!(out, "no override is in force; it is as its owner left it")?;
            }
            describe(&mut out, document, records.clock.now())?;
            fields(&mut out, document)?;
        }
    }
    for Following { after, reconnect } in &following {
        writeln!(out, "  {}, after {}", said(reconnect), after.short())?;
    }
    if !lines.is_empty() {
        writeln!(out, "\nthe last of its ledger:")?;
        for line in &lines {
            writeln!(out, "  {}  {}", show::moment(line.at), line.what)?;
        }
    }
    show::text(&out)
}

/// A reconnect of a backend that follows what was done to another.
#[derive(Serialize)]
pub(super) struct Following {
    /// Which.
    pub(super) after: BackendId,
    pub(super) reconnect: Reconnect,
}

/// The reconnects of `target` that follow other backends' overrides.
pub(super) fn following(documents: Vec<Document>, target: &BackendId) -> Vec<Following> {
    let of = |document: Document| {
        let Document { backend, reconnects, .. } = document;
        reconnects
            .into_values()
            .map(move |reconnect| Following { after: backend.clone(), reconnect })
    };
    let all = documents.into_iter().flat_map(of);
    all.filter(|one| one.reconnect.target == *target && one.after != *target).collect()
}

fn fields(out: &mut String, document: &Document) -> std::fmt::Result {
    if !document.owned.is_empty() {
        writeln!(out, "\nfields that are changed at present:")?;
        let mut table = show::table(&["field", "its owner left", "we wrote"]);
        for (field, owned) in &document.owned {
            table.add_row([
                field.to_string(),
                owned.baseline.to_string(),
                owned.written.to_string(),
            ]);
        }
        writeln!(out, "{}", show::indented(&table.to_string()))?;
    }
    for (field, ids) in &document.yielded {
        let ids: Vec<&str> = ids.iter().map(OverrideId::as_str).collect();
        writeln!(out, "{field} was given up to someone else's write, by {}", ids.join(", "))?;
    }
    Ok(())
}

/// Lines of the ledger, one a line, to the millisecond.
fn ledger(lines: &[Line]) -> String {
    let line = |line: &Line| {
        let at = line.at.strftime("%Y-%m-%d %H:%M:%S%.3fZ");
        match &line.backend {
            Some(backend) => format!("{at}  {}: {}\n", backend.short(), line.what),
            None => format!("{at}  {}\n", line.what),
        }
    };
    lines.iter().map(line).collect()
}

pub(crate) async fn history(common: &Common, options: &HistoryOptions) -> Result<ExitCode, Failed> {
    let records = common.records().await?;
    let backend = match &options.backend {
        Some(text) => Some(find::backend(&records, text).await?),
        None => None,
    };
    let most = usize::try_from(options.lines).unwrap_or(usize::MAX);
    let lines = records.store.history(backend.as_ref(), most).await?;
    if common.json {
        return show::json(&lines);
    }
    if lines.is_empty() {
        show::note(match &backend {
            Some(backend) => format!("no line of the ledger is {}'s own", backend.short()),
            None => "the ledger is empty".to_owned(),
        });
    }
    show::text(&ledger(&lines))
}

pub(crate) async fn letters(common: &Common, command: LettersCommand) -> Result<ExitCode, Failed> {
    let records = common.records().await?;
    let letters = records.store.letters(usize::MAX).await?;
    match command {
        LettersCommand::List { letters: most } => {
            let older = letters.len().saturating_sub(usize::try_from(most).unwrap_or(usize::MAX));
            if letters.is_empty() && !common.json {
                show::note("there are no letters");
            }
            if older > 0 {
                let older = show::count(older as u64, "older letter");
                show::note(format_args!("{older} not shown: `-n NUMBER` shows more"));
            }
            let letters = &letters[older..];
            if common.json {
                return show::json(&letters);
            }
            let mut out = String::new();
            for letter in letters {
                let at = show::moment(letter.at);
                writeln!(out, "{}  {at}  from {}: {}", letter.id, letter.from, letter.reason)?;
                writeln!(out, "{}", show::indented(&letter.body))?;
            }
            show::text(&out)
        }
        LettersCommand::Drop { id } => {
            let meant: Vec<_> =
                letters.iter().filter(|letter| letter.id.starts_with(&id)).collect();
            let letter = match meant.as_slice() {
                [letter] if !id.is_empty() => letter,
                [] => return Err(Failed(format!("there is no letter {id}"))),
                [..] => {
                    return Err(Failed(format!(
                        "{id} could be any of several letters; type more of it"
                    )));
                }
            };
            if !records.store.drop_letter(&letter.id).await? {
                return Err(Failed(format!("the letter {} is gone already", letter.id)));
            }
            if common.json {
                return show::json(&json!({"dropped": letter.id}));
            }
            show::text(&format!("dropped {}\n", letter.id))
        }
    }
}
