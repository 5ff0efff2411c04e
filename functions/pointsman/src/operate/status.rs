//! `status`: what is in force, what is held and why, and whether anything is written at all.

use std::{process::ExitCode, time::Duration};

use clap::Args;
use jiff::Timestamp;
use pointsman_core::{group::Paused, playbook, signal::SeriesId};
use pointsman_engine::{
    pause::paused,
    ports::{Published, Versioned},
};
use pointsman_host::{Records, config::Needs};
use pointsman_view::{
    self as view, Facts, Health, Known, Late, MatterKind, Reader, Status, Urgency,
};

use super::ask::{self, Showing, Shown};
use crate::{
    common::{Common, Reading},
    failed::Failed,
    input,
    page::{Mark, Page},
    show,
    terminal::{self, Screen, Terminal},
};

/// How many lines `status` looks through for alerts that were heard again right after their end.
const LATE_LINES: usize = 500;

/// How many notices a terminal shows, and how many lines of each.
const NOTICES_SHOWN: usize = 5;
const NOTICE_LINES: usize = 2;

/// How `status` ends.
pub(crate) const EXIT: &str = "Exit codes: 0 nothing is wrong, 1 failed, 2 wrong usage, 3 there is trouble: there is no store, no `serve` \
runs on it, Azure cannot be read for a service, it does not answer for a backend or refuses or keeps \
another value there, a pool is in panic, a watchdog is silent, a delivery was refused within the last 15 minutes, there \
are dead letters, or the heartbeat's address cannot be called. What is held, a pause, and an Azure \
that asks to wait a few minutes, are no trouble.";

/// What `status` exits with where there is trouble.
const TROUBLE: u8 = 3;

/// What `status` takes.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    showing: Showing,
    /// Show it again and again, in place, until ctrl-c.
    #[arg(long)]
    watch: bool,
    /// How often, in seconds.
    #[arg(
        long,
        requires = "watch",
        default_value_t = 2,
        value_name = "SECONDS",
        value_parser = clap::value_parser!(u32).range(1..=3600)
    )]
    every: u32,
}

/// The alerts that were heard again right after their end.
async fn late(records: &Records, now: Timestamp) -> Result<Vec<Late>, Failed> {
    let told = Late::told(&records.store.history(None, LATE_LINES).await?, now);
    let ids: Vec<SeriesId> = told.keys().cloned().collect();
    let stored = records.store.series(&ids).await?;
    let stored: Vec<_> = stored.into_iter().map(|Versioned { body, .. }| body).collect();
    Ok(Late::still(told, &stored))
}

/// The configured playbook's file, where it differs from the generation in force.
fn unpublished(common: &Common, published: Option<&Published>) -> Option<String> {
    let path = common.config(Needs::Store).ok()?.playbook?;
    // One that cannot be read is told by whoever would publish it.
    let text = input::read(&path, playbook::PLAYBOOK_BYTES_MAX).ok()?;
    (text != published?.text).then(|| path.display().to_string())
}

/// What is known, and how it is shown.
async fn known(
    records: &Reading,
    (showing, common): (Showing, &Common),
    now: Timestamp,
) -> Result<(Known, Shown), Failed> {
    let documents = ask::documents(records).await?;
    let counted = ask::counted(records, &documents).await?;
    let playbook = ask::playbook(records).await?;
    let reader = common.reader(now);
    let notices = records.store.notices().await?;
    let playbook = playbook.as_deref();
    let pauses = paused(&*records.store, Paused::all(playbook), now).await?;
    let pauses = view::Pauses::from(pauses);
    let backend = |document| {
        let waits = ask::waits(document, pauses.stop(document), playbook, &notices);
        view::Backend::of(document, playbook, &counted, &reader).waiting(waits, now)
    };
    let backends: Vec<_> = documents.iter().map(backend).collect();
    let (served, dead_letters) =
        (records.are_consumed()?, records.store.count_dead_letters().await?);
    let published = records.store.published().await?;
    let watchdogs = &records.watchdogs;
    let oldest = records.queue.oldest().await?;
    let dead_letter = records.store.dead_letters(1).await?.first().map(|letter| letter.at);
    let facts = Facts { served, notices: &notices, watchdogs, dead_letters, dead_letter, oldest };
    let known = Known {
        health: Health::of(&facts, &backends, &reader),
        pauses,
        unpublished: unpublished(common, published.as_ref()),
        generation: published.map(|published| published.number),
        served,
        queued: records.queue.depth().await?,
        dead_letters,
        late: late(records, now).await?,
        noticed: view::Notice::standing(&notices, &documents),
        backends,
    };
    let ids = documents.iter().flat_map(|document| document.overrides.keys());
    Ok((known.sorted(), Shown::new(showing, common, now, ids)))
}

pub(crate) async fn command(common: &Common, options: &Options) -> Result<ExitCode, Failed> {
    if options.watch && (common.json || !Terminal::of_output().is_one) {
        return Err(Failed::new(
            "--watch redraws a terminal: leave it out with --json, and where the output goes elsewhere",
        ));
    }
    let records = common.records().await?;
    if options.watch {
        return match records.is_of_nothing() {
            true => Err(Failed::new("there is nothing to watch yet")),
            false => watch(&records, options, common).await,
        };
    }
    let now = records.clock.now();
    // What is in force elsewhere, by another configuration, is not known here.
    let known = match records.is_of_nothing() {
        true => None,
        false => Some(known(&records, (options.showing, common), now).await?),
    };
    let (known, shown) = known.unzip();
    let status = Status::of(now, common.shadow, known);
    let printed = match (&status.known, shown) {
        _ if common.json => show::json(&status)?,
        (Some(known), Some(mut shown)) => show::page(&describe(known, &mut shown))?,
        _ => ExitCode::SUCCESS,
    };
    let is_well = status.known.as_ref().is_some_and(|known| known.health.is_well);
    Ok(if is_well { printed } else { ExitCode::from(TROUBLE) })
}

/// Shows it in place until somebody ends that.
async fn watch(records: &Reading, options: &Options, common: &Common) -> Result<ExitCode, Failed> {
    let mut ended = std::pin::pin!(terminal::ended()?);
    let screen = Screen::enter()?;
    let every = Duration::from_secs(options.every.into());
    loop {
        let now = records.clock.now();
        let (known, mut shown) = known(records, (options.showing, common), now).await?;
        let at = shown.reader.second(now);
        let of = if common.shadow { "; a SHADOW: nothing is written to Azure" } else { "" };
        let text = describe(&known, &mut shown)
            .after(format_args!("{at}, every {} s; ctrl-c ends{of}", options.every));
        screen.show(text.as_str(), shown.terminal)?;
        tokio::select! {
            () = &mut ended => return Ok(ExitCode::SUCCESS),
            () = tokio::time::sleep(every) => {}
        }
    }
}

/// The whole in words.
fn describe(known: &Known, shown: &mut Shown) -> Page {
    let (mut out, reader) = (shown.page(), &shown.reader.clone());
    for matter in known.health.apart() {
        match matter.is_trouble {
            true => out.mark("", Mark::Trouble, "TROUBLE", matter.line(reader)),
            false => out.line(matter.line(reader)),
        }
        matter.hint.iter().for_each(|hint| out.line(format_args!("  {hint}")));
        shown.said.extend((matter.kind == MatterKind::Blind).then(|| matter.says.clone()));
    }
    ask::pauses(&mut out, &known.pauses, reader);
    let generation = match known.generation {
        Some(number) => format!("generation {number} of the playbook"),
        None => "no playbook is published".to_owned(),
    };
    let serve = match known.served {
        true => reader.tells("`serve` is running", "`serve` is running as a shadow"),
        false => "no `serve` is running on this store",
    };
    let kept = match known.dead_letters {
        0 => "no dead letters".to_owned(),
        many => format!("{}: `pointsman dead-letters list`", view::count(many, "dead letter")),
    };
    out.line(format_args!("{generation}; {serve}; {kept}"));
    if let Some(file) = &known.unpublished {
        out.line(format_args!(
            "{file} differs from it: `pointsman playbook apply {file} --dry-run` shows in what"
        ));
    }
    if known.queued > 0 {
        let messages = view::count(known.queued, "message");
        out.line(format_args!("{messages} in the queue, not taken in yet"));
    }
    for late in &known.late {
        out.line(late.says(reader));
        let from = reader.time(late.counts_from);
        out.line(format_args!("  it counts as on again if it is heard from {from} on"));
    }
    if known.busy().next().is_none() {
        let is = reader.tells("is", "would be");
        out.line(format_args!("no overrides; every backend {is} as its owner left it"));
    }
    let mut group = None;
    for backend in known.busy() {
        out.line("");
        if group.replace(backend.urgency) != Some(backend.urgency) {
            heading(&mut out, reader, backend.urgency);
        }
        out.mark("", Mark::Heading, &backend.name, "");
        ask::describe(&mut out, shown, backend, None);
        shown.said.extend(backend.trouble.iter().map(|trouble| trouble.why.clone()));
    }
    noticed(&mut out, shown, &known.noticed);
    out
}

/// What led to nothing, the most useful first. Repeats did what they should: they are only counted. A terminal
/// has little room: there it is as much as leaves room for the rest, unless all of it is asked for.
fn noticed(out: &mut Page, shown: &Shown, noticed: &[view::Notice]) {
    let (repeats, told): (Vec<_>, Vec<_>) = noticed.iter().partition(|it| it.is_repeat());
    if told.is_empty() {
        return;
    }
    out.line("");
    out.mark("--- ", Mark::Heading, "what led to nothing", "");
    let is_short = shown.terminal.is_one && !shown.wide;
    let (most, lines) =
        if is_short { (NOTICES_SHOWN, NOTICE_LINES) } else { (usize::MAX, usize::MAX) };
    let mut is_cut = false;
    for notice in told.iter().take(most) {
        is_cut |= out.cut(lines, notice.line(&shown.reader));
    }
    if let Some(more) = told.len().checked_sub(most).filter(|more| *more > 0) {
        out.line(format_args!("and {more} more: --wide shows all of it"));
    } else if is_cut {
        out.line("--wide shows the whole of each");
    }
    let repeats = repeats.iter().map(|it| it.count).sum::<u64>();
    if repeats > 0 {
        let (are, have) =
            (if repeats == 1 { "is" } else { "are" }, shown.reader.tells("have", "would have"));
        let repeats = view::count(repeats, "repeat");
        out.line(format_args!("{repeats} of alerts that {have} their effect {are} not shown"));
    }
}

/// What the backends below it have in common.
fn heading(out: &mut Page, reader: &Reader, urgency: Urgency) {
    let (mark, word, rest) = match urgency {
        Urgency::Trouble => (Mark::Trouble, "TROUBLE", ""),
        Urgency::Held => (Mark::Held, "HELD", " or not looked at yet"),
        Urgency::Yielded => (Mark::Held, "YIELDED", " to someone else's write"),
        Urgency::InForce => (Mark::Heading, reader.tells("in force", "would be in force"), ""),
        Urgency::Shadow => (Mark::Heading, "in shadow", ": nothing is done"),
        Urgency::RampingOut => {
            (Mark::Heading, reader.tells("ramping out", "would be ramping out"), "")
        }
        Urgency::Reconnects => (Mark::Heading, "reconnects only", ""),
        Urgency::AtRest => (Mark::Heading, "at rest", ""),
    };
    out.mark("--- ", mark, word, rest);
}
