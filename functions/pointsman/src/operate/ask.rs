//! `status`, `explain`, `history`: what is, why, and what was.

use std::{collections::BTreeMap, process::ExitCode};

use clap::Args;
use jiff::Timestamp;
use pointsman_core::{claim::Occurrences, document::Document, id::OverrideId, signal::SeriesId};
use pointsman_engine::{pause::paused, ports::Versioned};
use pointsman_host::Records;
use pointsman_view::{
    self as view, Explain, Facts, Following, Health, History, Known, Late, Status,
};

use super::find;
use crate::{
    common::{Common, Reading},
    failed::Failed,
    page::{Page, Table},
    show,
};

/// How many lines of its ledger `explain` shows.
const EXPLAIN_LINES: usize = 12;

/// How many lines `status` looks through for alerts that were heard again right after their end.
const LATE_LINES: usize = 500;

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
    /// How many lines to show, the newest ones.
    #[arg(
        short = 'n',
        long,
        default_value_t = 50,
        value_name = "NUMBER",
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    lines: u32,
}

/// All documents of the store.
pub(crate) async fn documents(records: &Records) -> Result<Vec<Document>, Failed> {
    Ok(records.store.documents().await?.into_iter().map(|document| document.body).collect())
}

/// How many alerts are behind those overrides of which the documents do not know all.
pub(super) async fn counted(
    records: &Records,
    documents: impl IntoIterator<Item = &Document>,
) -> Result<BTreeMap<OverrideId, Occurrences>, Failed> {
    let mut counted = BTreeMap::new();
    for document in documents {
        for over in document.overrides.values().filter(|over| over.behind.has_more()) {
            let found = records.store.occurrences(&document.recalling(over)).await?;
            counted.insert(over.id.clone(), found);
        }
    }
    Ok(counted)
}

/// The alerts that were heard again right after their end.
async fn late(records: &Records, now: Timestamp) -> Result<Vec<Late>, Failed> {
    let told = Late::told(&records.store.history(None, LATE_LINES).await?, now);
    let ids: Vec<SeriesId> = told.keys().cloned().collect();
    let stored = records.store.series(&ids).await?;
    let stored: Vec<_> = stored.into_iter().map(|Versioned { body, .. }| body).collect();
    Ok(Late::still(told, &stored))
}

async fn known(records: &Reading, now: Timestamp) -> Result<Known, Failed> {
    let documents = documents(records).await?;
    let counted = counted(records, &documents).await?;
    let backend = |document| view::Backend::of(document, &counted, now);
    let backends: Vec<_> = documents.iter().map(backend).collect();
    let (served, dead_letters) =
        (records.are_consumed()?, records.store.count_dead_letters().await?);
    let notices = records.store.notices().await?;
    let facts = Facts { served, notices: &notices, watchdogs: &records.watchdogs, dead_letters };
    Ok(Known {
        health: Health::of(&facts, &backends, now),
        paused: paused(&*records.store).await?.map(view::Pause::from),
        generation: records.store.published().await?.map(|published| published.number),
        served,
        queued: records.queue.depth().await?,
        dead_letters,
        late: late(records, now).await?,
        noticed: view::Notice::all(&notices),
        backends,
    })
}

/// How `status` ends.
pub(crate) const STATUS_EXIT: &str =
    "Exit codes: 0 all is well, 1 failed, 2 wrong usage, 3 there is trouble: no `serve` runs on the
store, Azure cannot be read for a service, it does not answer for a backend or refuses or keeps
another value there, a watchdog is silent, a delivery was refused within the last 15 minutes, there
are dead letters, or the heartbeat's address cannot be called. What is held, and a pause, are no
trouble.";

/// What `status` exits with where there is trouble.
const TROUBLE: u8 = 3;

pub(crate) async fn status(common: &Common) -> Result<ExitCode, Failed> {
    let records = common.records().await?;
    let now = records.clock.now();
    // What is in force elsewhere, by another configuration, is not known here.
    let known = match records.is_of_nothing() {
        true => None,
        false => Some(known(&records, now).await?),
    };
    let status = Status::of(now, common.shadow, known);
    let is_well = status.known.as_ref().is_none_or(|known| known.health.is_well);
    let ended = |shown: ExitCode| if is_well { shown } else { ExitCode::from(TROUBLE) };
    if common.json {
        return show::json(&status).map(ended);
    }
    let Some(known) = status.known else { return Ok(ExitCode::SUCCESS) };
    let mut out = Page::default();
    for matter in known.health.apart() {
        matter.lines(now).into_iter().for_each(|line| out.line(line));
    }
    if let Some(pause) = &known.paused {
        let since = view::length(now.duration_since(pause.at));
        out.line(format_args!("PAUSED for {since} by {}: {}", pause.by, pause.reason));
        out.line("  nothing is written to Azure until `pointsman resume`");
    }
    let generation = match known.generation {
        Some(number) => format!("generation {number} of the playbook"),
        None => "no playbook is published".to_owned(),
    };
    let serve =
        if known.served { "`serve` is running" } else { "no `serve` is running on this store" };
    let kept = match known.dead_letters {
        0 => "no dead letters".to_owned(),
        many => format!("{}: `pointsman dead-letters list`", view::count(many, "dead letter")),
    };
    out.line(format_args!("{generation}; {serve}; {kept}"));
    if known.queued > 0 {
        let messages = view::count(known.queued, "message");
        out.line(format_args!("{messages} in the queue, not taken in yet"));
    }
    for late in &known.late {
        out.line(late.says());
        let from = view::moment(late.counts_from);
        out.line(format_args!("  it counts as on again if it is heard from {from} on"));
    }
    if !known.noticed.is_empty() {
        out.line("what led to nothing:");
    }
    for notice in &known.noticed {
        out.line(format_args!("  {}", notice.line(now)));
    }
    if known.busy().next().is_none() {
        out.line("no overrides; every backend is as its owner left it");
    }
    for backend in known.busy() {
        out.line("");
        out.line(&backend.name);
        describe(&mut out, backend, now);
    }
    show::page(&out).map(ended)
}

/// What is going on at a backend: a few lines an override, so that none is wider than a terminal.
fn describe(out: &mut Page, backend: &view::Backend, now: Timestamp) {
    let unmet = backend.fields.iter().filter_map(|field| {
        let unmet = field.unmet?;
        Some((unmet.since, unmet.until.max(now), field.kept()?))
    });
    let trouble = backend.trouble.iter().map(|it| (it.since, it.until, it.why.clone()));
    for (since, until, why) in trouble.chain(unmet) {
        let since = view::length(now.duration_since(since));
        out.line(format_args!("  TROUBLE for {since}: {why}"));
        out.line(format_args!("    tried again at {}", view::moment(until)));
    }
    if let Some(missing) = &backend.missing {
        out.line(format_args!("  {missing}"));
    }
    for over in &backend.overrides {
        let view::Override { id, effect, play, .. } = over;
        let standing = &over.standing.says;
        let alert = match over.alerts.several(now) {
            None => {
                out.line(format_args!("  {id}  {effect}: {standing}"));
                "for"
            }
            Some(alerts) => {
                out.line(format_args!("  {id}  {effect}: {alerts}"));
                out.line(format_args!("    {standing}"));
                "such as"
            }
        };
        out.line(format_args!("    {alert} {}, by play {play}", over.who()));
    }
    for write in backend.writes.iter().filter(|write| !write.changes.is_empty()) {
        let open = view::length(now.duration_since(write.at));
        out.line(format_args!(
            "  write {} has had no answer for {open}, and may still land until {}",
            write.id,
            view::moment(write.until)
        ));
        for change in &write.changes {
            out.line(format_args!("    {change}"));
        }
    }
    for reconnect in &backend.reconnects {
        out.line(format_args!("  {reconnect}"));
    }
}

pub(crate) async fn explain(common: &Common, which: &Which) -> Result<ExitCode, Failed> {
    let records = common.records().await?;
    let backend = find::backend(&records, &which.backend).await?;
    let now = records.clock.now();
    let documents = documents(&records).await?;
    let document = documents.iter().find(|document| document.backend == backend);
    let counted = counted(&records, document).await?;
    let lines = records.store.history(Some(&backend), EXPLAIN_LINES).await?;
    let explain = Explain {
        version: view::VERSION,
        at: now,
        shadow: common.shadow,
        backend: backend.to_string(),
        name: backend.short(),
        paused: paused(&*records.store).await?.map(view::Pause::from),
        state: document.map(|document| view::Backend::of(document, &counted, now)),
        following: Following::of(&documents, &backend),
        lines: History::of(&lines).lines,
    };
    if common.json {
        return show::json(&explain);
    }
    let mut out = Page::of(&explain.name);
    out.line(&explain.backend);
    out.line("");
    if let Some(pause) = &explain.paused {
        out.line(format_args!("PAUSED by {}: {}", pause.by, pause.reason));
    }
    match &explain.state {
        None => {
            out.line("no alert has ever concerned it; it is as its owner left it");
        }
        Some(state) => {
            if state.at_rest {
                out.line("no override is in force; it is as its owner left it");
            }
            describe(&mut out, state, now);
            fields(&mut out, state);
        }
    }
    for Following { name, reconnect, .. } in &explain.following {
        out.line(format_args!("  {reconnect}, after {name}"));
    }
    if !explain.lines.is_empty() {
        out.line("");
        out.line("the newest lines of its ledger:");
        for line in &explain.lines {
            out.line(format_args!("  {}  {}", view::moment(line.at), line.what.says));
        }
    }
    show::page(&out)
}

fn fields(out: &mut Page, backend: &view::Backend) {
    if !backend.fields.is_empty() {
        out.line("");
        out.line("fields that are changed at present:");
        let mut table = Table::new(&["field", "its owner left", "we wrote"]);
        for view::Field { field, baseline, written, .. } in &backend.fields {
            table.row([field.clone(), baseline.to_string(), written.to_string()]);
        }
        out.indented(&table);
    }
    for view::GivenUp { field, by } in &backend.given_up {
        let by = by.join(", ");
        out.line(format_args!(
            "{field} was written by someone else; these overrides leave it alone since then: {by}"
        ));
    }
}

/// Lines of the ledger, one a line, to the millisecond, and between them what was noticed.
fn ledger(history: &History, now: Timestamp) -> Page {
    let mut out = Page::default();
    let mut noticed = history.noticed.iter().peekable();
    let time = |at: &Timestamp| at.strftime("%Y-%m-%d %H:%M:%S%.3fZ").to_string();
    for view::Line { at, name, what, .. } in &history.lines {
        while let Some(notice) = noticed.next_if(|notice| notice.latest < *at) {
            out.line(format_args!("{}  {}", time(&notice.latest), notice.line(now)));
        }
        let (at, says) = (time(at), &what.says);
        match name {
            Some(name) => out.line(format_args!("{at}  {name}: {says}")),
            None => out.line(format_args!("{at}  {says}")),
        }
    }
    for notice in noticed {
        out.line(format_args!("{}  {}", time(&notice.latest), notice.line(now)));
    }
    out
}

pub(crate) async fn history(common: &Common, options: &HistoryOptions) -> Result<ExitCode, Failed> {
    let records = common.records().await?;
    let backend = match &options.backend {
        Some(text) => Some(find::backend(&records, text).await?),
        None => None,
    };
    let most = usize::try_from(options.lines).unwrap_or(usize::MAX);
    let lines = records.store.history(backend.as_ref(), most).await?;
    let mut history = History::of(&lines);
    // What was noticed is about no backend.
    if backend.is_none() {
        let older = lines.first().filter(|_| lines.len() >= most).map(|line| line.at);
        history = history.with(&records.store.notices().await?, older);
    }
    if common.json {
        return show::json(&history);
    }
    if history.lines.is_empty() && history.noticed.is_empty() {
        show::note(match &backend {
            Some(backend) => format!("the ledger has no line about {}", backend.short()),
            None => "the ledger is empty".to_owned(),
        });
    }
    show::page(&ledger(&history, records.clock.now()))
}
