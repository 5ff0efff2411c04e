//! `pointsman playbook`: check a file, publish it, or describe the form.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use clap::Subcommand;
use jiff::Timestamp;
use pointsman_core::{
    document::Document,
    ledger::{Line, What},
    names::BackendId,
    overrides::Life,
    playbook::{self, Becomes, Changed, Playbook},
};
use pointsman_engine::{
    Loaded,
    azure::Azure,
    engine::load,
    inspect::inspect,
    ports::{Published, Store, StoreError},
};
use pointsman_host::{Records, SystemClock, config::Needs};
use pointsman_schedule as schedule;
use pointsman_view as view;
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    common::{self, Common},
    failed::Failed,
    input,
    operate::{self, ask},
    page::{Page, Table},
    show,
};

/// What can be done with playbooks.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    /// Check a file: show every problem with its line and column, and how to correct it.
    Check {
        /// The playbook; `-` is standard input.
        file: PathBuf,
        /// Also check its pools in the configured Azure.
        #[arg(long)]
        azure: bool,
    },
    /// Publish a file as the new generation, and show what changes and what that means for overrides in
    /// force.
    Apply {
        /// The playbook; `-` is standard input.
        file: PathBuf,
        /// Only show what it would mean; publish nothing.
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        by: operate::By,
    },
    /// Print an example that shows everything, with comments.
    Example,
    /// Print the JSON Schema of playbooks, for editors.
    Schema,
    /// Print the playbook in force, or an earlier generation.
    Show {
        /// The generation's number.
        generation: Option<u64>,
    },
    /// List the generations that were published.
    List {
        /// How many generations to list, the newest ones.
        #[arg(
            short = 'n',
            long = "lines",
            default_value_t = 20,
            value_name = "NUMBER",
            value_parser = clap::value_parser!(u32).range(1..)
        )]
        lines: u32,
    },
    /// Publish an earlier generation again, as the new one.
    Rollback {
        /// The generation's number.
        generation: u64,
        /// Only show what it would mean; publish nothing.
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        by: operate::By,
    },
}

pub(crate) async fn command(common: &Common, command: Command) -> Result<ExitCode, Failed> {
    match command {
        Command::Check { file, azure } => check(common, &file, azure).await,
        Command::Apply { file, dry_run, by } => {
            apply(common, read_file(&file)?, dry_run, &by).await
        }
        Command::Example => show::page(&Page::of_text(playbook::EXAMPLE)),
        Command::Schema => show::page(&Page::of_text(&playbook::schema_text())),
        Command::Show { generation } => {
            let records = common.records().await?;
            let found = stored(&records, generation).await?;
            records.close().await;
            let Published { number, at, by, text } = &found;
            let at = view::moment(*at);
            let head = format_args!("# generation {number}, published at {at} by {by}");
            common.print(&found, &Page::of_text(text).after(head))
        }
        Command::List { lines } => list(common, lines).await,
        Command::Rollback { generation, dry_run, by } => {
            let records = common.records().await?;
            let found = stored(&records, Some(generation)).await?;
            records.close().await;
            apply(common, found.text, dry_run, &by).await
        }
    }
}

/// A generation by its number, or the newest.
async fn stored(records: &Records, number: Option<u64>) -> Result<Published, Failed> {
    let newest = records.store.published().await?;
    let newest = newest.ok_or_else(|| Failed::new("no playbook is published"))?;
    let Some(number) = number else { return Ok(newest) };
    records.store.generation(number).await?.ok_or_else(|| {
        Failed::new(format_args!(
            "there is no generation {number}; there are 1 to {}",
            newest.number
        ))
    })
}

async fn list(common: &Common, lines: u32) -> Result<ExitCode, Failed> {
    let records = common.records().await?;
    let most = usize::try_from(lines).unwrap_or(usize::MAX);
    let generations = records.store.generations(most).await?;
    records.close().await;
    let mut table = Table::new(&["generation", "published at", "by"]);
    for Published { number, at, by, .. } in &generations {
        table.row([number.to_string(), view::moment(*at), by.clone()]);
    }
    let mut page = Page::default();
    if generations.is_empty() {
        show::note("no playbook is published");
    } else {
        page.table(&table);
    }
    let listed = generations
        .iter()
        .map(|Published { number, at, by, .. }| json!({"number": number, "at": at, "by": by}));
    let listed: Vec<Value> = listed.collect();
    common.print(&listed, &page)
}

/// Reads a file that must be a playbook without problems.
pub(crate) fn read_file(path: &Path) -> Result<String, Failed> {
    let text = text_of(path)?;
    playbook::read(&text).map_err(|problems| {
        let name = path.display().to_string();
        Failed::of_text(&playbook::render(&problems, &name, &text))
            .within("the playbook has problems")
    })?;
    Ok(text)
}

fn text_of(path: &Path) -> Result<String, Failed> {
    input::read_or_typed(path, playbook::PLAYBOOK_BYTES_MAX)
        .map_err(|why| why.within("the playbook"))
}

/// The playbook to go by: the file that is named, else the one in force, else the configured file.
pub(crate) async fn to_go_by(
    named: Option<&PathBuf>,
    store: Option<&dyn Store>,
    configured: Option<&PathBuf>,
) -> Result<Option<Loaded>, Failed> {
    let newest = match store {
        Some(store) => store.published().await?,
        None => None,
    };
    let number = newest.as_ref().map_or(0, |newest| newest.number) + 1;
    let published = match (named, newest, configured) {
        (Some(file), _, _) | (None, None, Some(file)) => {
            let (text, at) = (read_file(file)?, Timestamp::UNIX_EPOCH);
            Some(Published { number, text, at, by: String::new() })
        }
        (None, newest, _) => newest,
    };
    Ok(published.as_ref().map(load).transpose()?)
}

async fn check(common: &Common, file: &Path, in_azure: bool) -> Result<ExitCode, Failed> {
    let text = text_of(file)?;
    let (summary, problems) = match playbook::read(&text) {
        Ok(playbook) => (Some(playbook), Vec::new()),
        Err(problems) => (None, problems),
    };
    let findings = match &summary {
        Some(playbook) if in_azure => {
            let client = common::azure(&common.config(Needs::Azure)?)?;
            let gateway = Azure::new(client, Arc::new(SystemClock));
            let mut findings = Vec::new();
            let looked = async {
                for (alias, pool) in &playbook.pools {
                    findings.extend(inspect(&gateway, playbook, alias, pool).await);
                }
            };
            show::patiently(show::AZURE, looked).await;
            Some(findings)
        }
        Some(_) | None => None,
    };
    if common.json {
        let mut report = json!({"sound": problems.is_empty(), "problems": problems});
        if let Some(findings) = &findings {
            report["azure"] = json!(findings);
        }
        show::json(&report)?;
    } else if let Some(playbook) = &summary {
        let pools = view::count(playbook.pools.len(), "pool");
        let plays = view::count(playbook.plays.len(), "play");
        let mut page = Page::of(format_args!("{}: sound; {pools}, {plays}", file.display()));
        if findings.as_ref().is_some_and(Vec::is_empty) {
            page.line("every pool is there in Azure, and can be read");
        }
        show::page(&page)?;
        findings.iter().flatten().for_each(show::note);
    } else {
        let name = file.display().to_string();
        show::notes(&Page::of_text(&playbook::render(&problems, &name, &text)));
        show::note(view::count(problems.len(), "problem"));
    }
    let fatal = findings.iter().flatten().any(|finding| finding.matter.is_fatal());
    Ok(if problems.is_empty() && !fatal { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What a playbook means for one override.
#[derive(Serialize)]
struct Fate {
    backend: BackendId,
    id: String,
    by: String,
    effect: String,
    kept: bool,
    /// Whether it has begun, and so has something to give back.
    begun: bool,
}

fn fates(playbook: &Playbook, document: &Document) -> Vec<Fate> {
    let known = playbook.pool_of(&document.backend).is_some();
    let running = document.overrides.values().filter(|over| !over.has_ended());
    running
        .map(|over| Fate {
            backend: document.backend.clone(),
            id: over.id.to_string(),
            by: over.origin.to_string(),
            effect: over.effect.to_string(),
            kept: known && playbook.has(&over.origin),
            begun: matches!(over.life, Life::Begun { .. }),
        })
        .collect()
}

/// Publishes a playbook that was read without problems.
pub(crate) async fn publish(
    records: &Records,
    number: u64,
    text: String,
    by: &str,
) -> Result<(), Failed> {
    let at = records.clock.now();
    let published = Published { number, text, at, by: by.to_owned() };
    let line = Line::new(at, None, What::Published { generation: number, by: by.to_owned() });
    match records.store.publish(&published, &[line]).await {
        Err(StoreError::Conflict) => Err(Failed::new(
            "someone else published a playbook at the same moment: look at it with `pointsman playbook show`, then try again",
        )),
        published => Ok(published?),
    }
}

/// What changes from the playbook in force, as a diff.
fn describe(out: &mut Page, changes: &[Changed]) {
    for Changed { what, becomes } in changes {
        match becomes {
            Becomes::Added => out.line(format_args!("+ {what}")),
            Becomes::Removed => out.line(format_args!("- {what}")),
            Becomes::Edited(edits) => {
                out.line(format_args!("~ {what}"));
                edits.iter().for_each(|edit| out.line(format_args!("    {edit}")));
            }
        }
    }
    if changes.is_empty() {
        out.line("it is written differently, and means the same as the playbook in force");
    }
}

async fn apply(
    common: &Common,
    text: String,
    dry_run: bool,
    by: &operate::By,
) -> Result<ExitCode, Failed> {
    let unreadable = |_| {
        Failed::new(
            "it cannot be read by this version of Pointsman; `pointsman playbook check` shows why",
        )
    };
    let playbook = playbook::read(&text).map_err(unreadable)?;
    let reading = common.records().await?;
    let newest = reading.store.published().await?;
    let same = newest.as_ref().is_some_and(|newest| newest.text == text);
    // What was published by another version, and cannot be read by this one, cannot be compared.
    let changes = newest.as_ref().and_then(|newest| playbook::changes(&newest.text, &text).ok());
    let number = newest.map_or(0, |newest| newest.number) + u64::from(!same);
    let documents = ask::documents(&reading).await?;
    let served = reading.are_consumed()?;
    reading.close().await;
    let fates: Vec<Fate> =
        documents.iter().flat_map(|document| fates(&playbook, document)).collect();
    let published = !same && !dry_run;
    if published {
        let records = common.open().await?;
        publish(&records, number, text, &by.by).await?;
        records.close().await;
    }
    let report = json!({
        "generation": number, "published": published, "served": served, "changes": changes,
        "overrides": fates,
    });
    let mut out = Page::default();
    if !same {
        changes.iter().for_each(|changes| describe(&mut out, changes));
    }
    for fate in &fates {
        let what = match (fate.kept, fate.begun) {
            (true, _) => "kept as it is",
            (false, true) => "ended, with its ramp: its play or pool is no longer in the playbook",
            (false, false) => {
                "taken back before it begins: its play or pool is no longer in the playbook"
            }
        };
        out.line(format_args!(
            "{}: {} ({}, by {}): {what}",
            fate.backend.short(),
            fate.effect,
            fate.id,
            fate.by
        ));
    }
    if fates.is_empty() {
        out.line("no override is in force");
    }
    let how = match (same, dry_run, served) {
        (true, _, _) => "is already in force, and the same in every character".to_owned(),
        (false, true, _) => "is what this would be; nothing was published".to_owned(),
        (false, false, true) => {
            format!("is published; `serve` takes it up within {} s", schedule::EVERY.as_secs())
        }
        (false, false, false) => "is published; the next `serve` on this store uses it".to_owned(),
    };
    out.line(format_args!("generation {number} {how}"));
    common.print(&report, &out)
}
