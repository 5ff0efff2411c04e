//! `status`, `explain`, `history`: what is, why, and what was.

use std::process::ExitCode;

use clap::Args;
use jiff::Timestamp;
use pointsman_core::{
    document::{Document, Outcome, Owned, Reconnect, Unmet},
    field::Field,
    id::OverrideId,
    ledger::Line,
    names::BackendId,
};
use pointsman_host::Records;
use pointsman_view as view;
use serde::Serialize;
use serde_json::json;

use super::find;
use crate::{
    common::Common,
    failed::Failed,
    page::{Page, Table},
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
    let dead_letters = records.store.count_dead_letters().await?;
    let served = records.are_consumed()?;
    let number = published.as_ref().map(|published| published.number);
    if common.json {
        return show::json(&json!({
            "paused": group.paused, "generation": number, "queued": queued,
            "deadLetters": dead_letters,
            "served": served, "shadow": common.shadow, "backends": documents,
        }));
    }
    let now = records.clock.now();
    let mut out = Page::default();
    if let Some(pause) = &group.paused {
        let since = view::length(now.duration_since(pause.at));
        out.line(format_args!("PAUSED for {since} by {}: {}", pause.by, pause.reason));
        out.line("  nothing is written to Azure until `pointsman resume`");
    }
    let generation = match number {
        Some(number) => format!("generation {number} of the playbook"),
        None => "no playbook is published".to_owned(),
    };
    let serve = if served { "`serve` is running" } else { "no `serve` is running on this store" };
    let kept = match dead_letters {
        0 => "no dead letters".to_owned(),
        _ => {
            let many = view::count(dead_letters, "dead letter");
            format!("{many}: `pointsman dead-letters list`")
        }
    };
    out.line(format_args!("{generation}; {serve}; {kept}"));
    match queued {
        0 => {}
        _ => out.line(format_args!(
            "{} in the queue, not taken in yet",
            view::count(queued, "message")
        )),
    }
    let busy: Vec<&Document> = documents.iter().filter(|document| !is_quiet(document)).collect();
    if busy.is_empty() {
        out.line("no overrides; every backend is as its owner left it");
    }
    for document in busy {
        out.line("");
        out.line(document.backend.short());
        describe(&mut out, document, now);
    }
    show::page(&out)
}

/// Whether there is nothing to say of a backend.
fn is_quiet(document: &Document) -> bool {
    document.is_at_rest() && document.trouble.is_none() && document.reconnects.is_empty()
}

/// What is going on at a backend: two lines an override, so that none is wider than a terminal.
fn describe(out: &mut Page, document: &Document, now: Timestamp) {
    if let Some(trouble) = &document.trouble {
        let since = view::length(now.duration_since(trouble.since));
        out.line(format_args!("  TROUBLE for {since}: {}", trouble.why));
        out.line(format_args!("    tried again at {}", view::moment(trouble.until)));
    }
    for (text, unmet) in unmet(document) {
        let since = view::length(now.duration_since(unmet.since));
        out.line(format_args!("  TROUBLE for {since}: {text}"));
        let until = view::moment(unmet.until.max(now));
        out.line(format_args!("    tried again at {until}"));
    }
    if let Some(missing) = missing(document, now) {
        out.line(format_args!("  {missing}"));
    }
    for over in document.overrides.values() {
        out.line(format_args!(
            "  {}  {}: {}",
            over.id,
            over.effect,
            view::standing(document, over, now)
        ));
        out.line(format_args!(
            "    for {} ({}), by play {}",
            over.series, over.severity, over.play
        ));
    }
    for intent in document.intents.iter().filter(|intent| !intent.is_empty()) {
        let (open, fence) = (view::length(now.duration_since(intent.at)), intent.fence());
        out.line(format_args!(
            "  write {} has had no answer for {open}, and may still land until {}",
            intent.id,
            view::moment(fence)
        ));
        for change in &intent.changes {
            out.line(format_args!("    {change}"));
        }
    }
    for reconnect in document.reconnects.values() {
        out.line(format_args!("  {}", said(reconnect)));
    }
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
    let until = view::moment(until);
    Some(format!(
        "a write that had no answer may still land until {until}; it is taken back if it does"
    ))
}

/// That Azure has no such backend, in words, where that was seen last and something is going on: what
/// is at rest is not looked at.
pub(super) fn missing(document: &Document, now: Timestamp) -> Option<String> {
    let (since, believed) = document.missing().filter(|_| !document.is_at_rest())?;
    let how = if now < believed {
        format!("which is not believed before {}", view::moment(believed))
    } else {
        "and is taken for gone".to_owned()
    };
    Some(format!("MISSING: Azure has had no such backend since {}, {how}", view::moment(since)))
}

fn said(reconnect: &Reconnect) -> String {
    let target = reconnect.target.short();
    match &reconnect.outcome {
        None => format!("reconnect of {target} at {}", view::moment(reconnect.due)),
        Some(Outcome::Accepted { due, .. }) => {
            format!("reconnect of {target} accepted, due at {}", view::moment(*due))
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
    let mut out = Page::of(backend.short());
    out.line(&backend);
    out.line("");
    if let Some(pause) = paused {
        out.line(format_args!("PAUSED by {}: {}", pause.by, pause.reason));
    }
    match &document {
        None => {
            out.line("nothing was ever heard for it; it is as its owner left it");
        }
        Some(document) => {
            if document.is_at_rest() {
                out.line("no override is in force; it is as its owner left it");
            }
            describe(&mut out, document, records.clock.now());
            fields(&mut out, document);
        }
    }
    for Following { after, reconnect } in &following {
        out.line(format_args!("  {}, after {}", said(reconnect), after.short()));
    }
    if !lines.is_empty() {
        out.line("");
        out.line("the last of its ledger:");
        for line in &lines {
            out.line(format_args!("  {}  {}", view::moment(line.at), line.what));
        }
    }
    show::page(&out)
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

fn fields(out: &mut Page, document: &Document) {
    if !document.owned.is_empty() {
        out.line("");
        out.line("fields that are changed at present:");
        let mut table = Table::new(&["field", "its owner left", "we wrote"]);
        for (field, owned) in &document.owned {
            table.row([field.to_string(), owned.baseline.to_string(), owned.written.to_string()]);
        }
        out.indented(&table);
    }
    for (field, ids) in &document.yielded {
        let ids: Vec<&str> = ids.iter().map(OverrideId::as_str).collect();
        out.line(format_args!(
            "{field} was given up to someone else's write, by {}",
            ids.join(", ")
        ));
    }
}

/// Lines of the ledger, one a line, to the millisecond.
fn ledger(lines: &[Line]) -> Page {
    let mut out = Page::default();
    for line in lines {
        let at = line.at.strftime("%Y-%m-%d %H:%M:%S%.3fZ");
        match &line.backend {
            Some(backend) => out.line(format_args!("{at}  {}: {}", backend.short(), line.what)),
            None => out.line(format_args!("{at}  {}", line.what)),
        }
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
    if common.json {
        return show::json(&lines);
    }
    if lines.is_empty() {
        show::note(match &backend {
            Some(backend) => format!("no line of the ledger is {}'s own", backend.short()),
            None => "the ledger is empty".to_owned(),
        });
    }
    show::page(&ledger(&lines))
}
