//! `pointsman playbook`: check a file, publish it, or describe the form.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use clap::Subcommand;
use jiff::Timestamp;
use pointsman_core::{
    ledger::{Line, What},
    mode::Mode,
    playbook,
};
use pointsman_engine::{
    Loaded,
    azure::Azure,
    engine::load,
    inspect::{Finding, Matter, inspect},
    ports::{Published, Store, StoreError},
};
use pointsman_host::{Records, SystemClock, config::Needs};
use pointsman_schedule as schedule;
use pointsman_view::{
    self as view, Applied, ChangeKind, Changed, Generation, GenerationText, Generations, Kept,
    Opening, Skipped, Windows,
};

use crate::{
    common::{self, Common},
    failed::Failed,
    input,
    operate::{self, ask},
    page::{Page, Table},
    show,
};

/// How many generations are looked through for one that says the same.
const LOOKED_THROUGH_MAX: usize = 1_000;

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
        /// The generation's number; the one in force by default.
        generation: Option<u64>,
    },
    /// List the published generations: which is in force, and which is a rollback to which.
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
            let newest = records.store.generations(LOOKED_THROUGH_MAX).await?;
            let reader = common.reader(records.clock.now());
            records.close().await;
            let generation = shown(&found, &newest);
            let (at, by, says) = (reader.time(found.at), &found.by, generation.says());
            let says = if says.is_empty() { says } else { format!("; {says}") };
            let head = format!("# generation {}, published at {at} by {by}{says}", found.number);
            let page = Page::of_text(&found.text).after(head);
            let version = view::VERSION;
            common.print(&GenerationText { version, generation, text: found.text }, &page)
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

/// What is shown of a generation, beside the newest ones, oldest first.
fn shown(published: &Published, newest: &[Published]) -> Generation {
    let Published { number, at, ref by, ref text } = *published;
    let before = newest.iter().rev().filter(|earlier| earlier.number < number);
    let same = before.clone().find(|earlier| earlier.text == *text);
    Generation {
        number,
        at,
        by: by.clone(),
        in_force: newest.last().is_some_and(|newest| newest.number == number),
        rollback_to: same.map(|earlier| earlier.number),
    }
}

async fn list(common: &Common, lines: u32) -> Result<ExitCode, Failed> {
    let records = common.records().await?;
    let most = usize::try_from(lines).unwrap_or(usize::MAX);
    let newest = records.store.generations(most.max(LOOKED_THROUGH_MAX)).await?;
    let reader = common.reader(records.clock.now());
    records.close().await;
    let listed = &newest[newest.len().saturating_sub(most)..];
    let generations = listed.iter().map(|published| shown(published, &newest)).collect();
    let generations = Generations { version: view::VERSION, generations };
    let mut table = Table::new(&["generation", "published at", "by", ""]);
    for generation in &generations.generations {
        let (number, at) = (generation.number.to_string(), reader.time(generation.at));
        table.row([number, at, generation.by.clone(), generation.says()]);
    }
    let mut page = Page::of_output();
    if listed.is_empty() {
        show::note("no playbook is published");
    } else {
        page.table(&table);
    }
    common.print(&generations, &page)
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
                for managed in playbook.managed() {
                    findings.extend(inspect(&gateway, playbook, managed).await);
                }
            };
            show::patiently(show::AZURE, looked).await;
            Some(findings)
        }
        Some(_) | None => None,
    };
    if common.json {
        let problem = |problem: &playbook::Problem| view::Problem {
            line: problem.line as u64,
            column: problem.column as u64,
            text: problem.text.clone(),
            message: problem.message.clone(),
            help: problem.help.clone(),
        };
        show::json(&view::Checked {
            version: view::VERSION,
            sound: problems.is_empty(),
            problems: problems.iter().map(problem).collect(),
            azure: findings.as_ref().map(|findings| findings.iter().map(found).collect()),
        })?;
    } else if let Some(playbook) = &summary {
        let pools = view::count(playbook.pools.len(), "pool");
        let in_shadow = playbook.plays.iter().filter(|play| play.mode == Mode::Shadow).count();
        let in_shadow = match in_shadow {
            0 => String::new(),
            many => format!(" ({many} in shadow)"),
        };
        let plays = view::count(playbook.plays.len(), "play") + &in_shadow;
        let backends = match playbook.backends.len() {
            0 => String::new(),
            many => format!(", {}", view::count(many, "backend")),
        };
        let windows = match playbook.windows.len() {
            0 => String::new(),
            many => format!(", {}", view::count(many, "window")),
        };
        let freezes = match playbook.freezes.len() {
            0 => String::new(),
            many => format!(", {}", view::count(many, "freeze")),
        };
        let mut page = Page::of(format_args!(
            "{}: sound; {pools}{backends}, {plays}{windows}{freezes}",
            file.display()
        ));
        let is_told = |found: &Finding| matches!(found.matter, Matter::Unpublished { .. });
        if findings.as_ref().is_some_and(|findings| findings.iter().all(is_told)) {
            page.line("every backend is there in Azure, and can be read");
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

/// What is shown of what was found about a backend.
fn found(finding: &Finding) -> view::Finding {
    let (matter, members, fields) = match &finding.matter {
        Matter::Missing => ("missing", &[][..], &[][..]),
        Matter::NoPool => ("noPool", &[][..], &[][..]),
        Matter::NoSingle => ("noSingle", &[][..], &[][..]),
        Matter::Unreadable { .. } => ("unreadable", &[][..], &[][..]),
        Matter::Unseen { .. } => ("unseen", &[][..], &[][..]),
        Matter::NoMembers { members, .. } => ("noMembers", members.as_slice(), &[][..]),
        Matter::Hidden { fields } => ("hidden", &[][..], fields.as_slice()),
        Matter::Uncompared { .. } => ("uncompared", &[][..], &[][..]),
        Matter::Unpublished { fields, .. } => ("unpublished", &[][..], fields.as_slice()),
    };
    view::Finding {
        pool: finding.alias.clone(),
        backend: finding.backend.to_string(),
        matter: matter.to_owned(),
        members: members.iter().map(ToString::to_string).collect(),
        fields: fields.to_vec(),
        says: finding.matter.to_string(),
    }
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
    for Changed { what, becomes, edits } in changes {
        let sign = match becomes {
            ChangeKind::Added => '+',
            ChangeKind::Removed => '-',
            ChangeKind::Edited => '~',
        };
        out.line(format_args!("{sign} {what}"));
        edits.iter().for_each(|edit| out.line(format_args!("    {}", edit.says)));
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
    let changes = changes.map(|changes| changes.iter().map(Changed::from).collect::<Vec<_>>());
    let number = newest.map_or(0, |newest| newest.number) + u64::from(!same);
    let documents = ask::documents(&reading).await?;
    let (served, now) = (reading.are_consumed()?, reading.clock.now());
    reading.close().await;
    let reader = common.reader(now);
    let kept = |document| Kept::all(&playbook, document, now);
    let overrides: Vec<Kept> = documents.iter().flat_map(kept).collect();
    let mut opens = Windows::of(&playbook, &Skipped::default(), 0, &reader).openings;
    opens.retain(|one| {
        let what = format!("window {}", one.window);
        changes.iter().flatten().any(|changed| changed.what == what)
    });
    let published = !same && !dry_run;
    if published {
        let records = common.open().await?;
        publish(&records, number, text, &by.by).await?;
        records.close().await;
    }
    let mut out = Page::of_output();
    if !same {
        changes.iter().for_each(|changes| describe(&mut out, changes));
    }
    overrides.iter().for_each(|over| out.line(over.says(&reader)));
    if overrides.is_empty() {
        out.line(reader.tells("no override is in force", "no override would be in force"));
    }
    for Opening { window, closes, shadow, does, .. } in &opens {
        let acts = if *shadow { "in shadow: would act" } else { reader.tells("acts", "would act") };
        let until = reader.time(*closes);
        out.line(format_args!("window {window} is open by it until {until}, and {acts} at once:"));
        does.iter().for_each(|does| out.line(format_args!("  {}: {}", does.name, does.effect)));
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
    let version = view::VERSION;
    let applied =
        Applied { version, generation: number, published, served, changes, overrides, opens };
    common.print(&applied, &out)
}
