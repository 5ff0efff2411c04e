//! `explain`: one backend, one member or one override, and why it is as it is.

use std::process::ExitCode;

use clap::Args;
use pointsman_core::{document::Document, group::Paused, names::BackendId};
use pointsman_engine::pause::paused;
use pointsman_host::Records;
use pointsman_view::{self as view, Explain, Explained, Following, History};

use super::{
    ask::{self, Showing, Shown},
    find,
};
use crate::{
    common::Common,
    failed::Failed,
    page::{Mark, Page},
    show,
};

/// How many lines of its ledger `explain` shows, and how many it looks through for those.
const EXPLAIN_LINES: usize = 12;
const EXPLAIN_LINES_LOOKED_THROUGH: usize = 2_000;

/// What `explain` takes.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// A pool of the playbook, a backend's name, `service/name` (with a workspace between them, where
    /// it is in one), or its Azure path; a member's name, once something was going on at its pool; or at
    /// least the first 4 characters of an override's id, also of one that is over.
    #[arg(id = "anything", value_name = "BACKEND|MEMBER|OVERRIDE")]
    what: String,
    #[command(flatten)]
    showing: Showing,
}

pub(crate) async fn command(common: &Common, options: &Options) -> Result<ExitCode, Failed> {
    let records = common.records().await?;
    let documents = ask::documents(&records).await?;
    let (backend, about) = find::anything(&records, &documents, &options.what).await?;
    let pools = find::pools_of(&documents, &options.what);
    for pool in pools.into_iter().filter(|pool| about.is_none() && **pool != backend) {
        let pool = pool.short();
        show::note(format_args!(
            "{} is a member of {pool}, too: `pointsman explain {pool}`",
            options.what
        ));
    }
    let now = records.clock.now();
    let reader = common.reader(now);
    let document = documents.iter().find(|document| document.backend == backend);
    let counted = ask::counted(&records, document).await?;
    let playbook = ask::playbook(&records).await?;
    let playbook = playbook.as_deref();
    let pauses = paused(&*records.store, concerning(&backend, document), now).await?;
    let pauses = view::Pauses::from(pauses);
    let notices = records.store.notices().await?;
    let waits = |document| ask::waits(document, pauses.stop(document), playbook, &notices);
    let state = document.map(|document| {
        let backend = view::Backend::of(document, playbook, &counted, &reader);
        backend.waiting(waits(document), now)
    });
    let over = ended(&records, (&backend, document), about.as_ref()).await?;
    let mut lines = records.store.history(Some(&backend), EXPLAIN_LINES_LOOKED_THROUGH).await?;
    if let Some(about) = &about {
        lines = about.lines(state.as_ref(), lines);
    }
    lines.drain(..lines.len().saturating_sub(EXPLAIN_LINES));
    let mut following = Following::of(&documents, &backend);
    if let Some(view::About::Member { member }) = &about {
        following.extend(Following::of_member(&documents, &backend, member));
    }
    let why = |document| Explained::all(document, playbook, about.as_ref(), &reader);
    let explain = Explain {
        version: view::VERSION,
        at: now,
        shadow: common.shadow,
        backend: backend.to_string(),
        name: backend.short(),
        pauses,
        over,
        state,
        why: document.map(why).unwrap_or_default(),
        about,
        following,
        lines: History::of(&lines, common.shadow).lines,
    };
    if common.json {
        return show::json(&explain);
    }
    let ids = documents.iter().flat_map(|document| document.overrides.keys());
    show::page(&describe(&explain, &Shown::new(options.showing, common, now, ids)))
}

/// What can be paused that concerns a backend.
fn concerning(backend: &BackendId, document: Option<&Document>) -> Vec<Paused> {
    let overrides = document.into_iter().flat_map(|document| document.overrides.values());
    let plays = overrides.filter_map(|over| over.origin.play().cloned());
    plays.map(Paused::Play).chain(Paused::of(backend)).collect()
}

/// What the ledger knows of the override that was asked about, where it is over.
async fn ended(
    records: &Records,
    (backend, document): (&BackendId, Option<&Document>),
    about: Option<&view::About>,
) -> Result<Option<view::Over>, Failed> {
    let Some(view::About::Override { id }) = about else { return Ok(None) };
    let is_on = |document: &Document| document.overrides.keys().any(|on| on.as_str() == id);
    if document.is_some_and(is_on) {
        return Ok(None);
    }
    let mut undone = document.iter().flat_map(|document| &document.undone);
    let undone = undone.find(|(undone, _)| undone.as_str() == id).map(|(_, at)| *at);
    let lines = records.store.history(Some(backend), find::LINES_LOOKED_THROUGH_MAX).await?;
    Ok(Some(view::Over::of(id, &lines, undone)))
}

/// The whole in words.
fn describe(explain: &Explain, shown: &Shown) -> Page {
    let (mut out, reader) = (shown.page(), &shown.reader);
    let of = match &explain.about {
        None => String::new(),
        Some(view::About::Member { member }) => format!(", member {member}"),
        Some(view::About::Override { id }) => format!(", override {id}"),
    };
    out.mark("", Mark::Heading, &explain.name, of);
    out.line(&explain.backend);
    out.line("");
    ask::pauses(&mut out, &explain.pauses, reader);
    for line in explain.over.iter().flat_map(|over| over.says(reader)) {
        out.line(format_args!("  {line}"));
    }
    match &explain.state {
        None => {
            out.line("no alert has ever concerned it; it is as its owner left it");
        }
        Some(state) => {
            if state.at_rest {
                out.line(reader.tells(
                    "no override is in force; it is as its owner left it",
                    "no override would be in force; it would be as its owner left it",
                ));
            }
            ask::describe(&mut out, shown, state, explain.about.as_ref());
            let about = explain.about.as_ref();
            let asked = state.overrides.iter().any(|over| ask::is_about(about, over));
            // A standby is promoted by what is about others.
            if let Some(view::About::Member { member }) = about
                && !asked
                && explain.why.is_empty()
            {
                out.line(format_args!(
                    "  nothing is laid over {member}: it is as its owner left it"
                ));
            }
            fields(&mut out, shown, state, &explain.why);
        }
    }
    for Following { name, reconnect, .. } in &explain.following {
        out.line(format_args!("  {}, after {name}", reconnect.says(reader)));
    }
    if !explain.lines.is_empty() {
        out.line("");
        out.line(match &explain.about {
            None => "the newest lines of its ledger:",
            Some(_) => "the newest lines of the ledger about it, and about the backend as a whole:",
        });
        for line in &explain.lines {
            let says = reader.retold(&line.what.cut(shown.ids()), view::Reader::second);
            out.line(format_args!("  {}  {says}", reader.second(line.at)));
        }
    }
    out
}

/// How its fields came about.
fn fields(out: &mut Page, shown: &Shown, state: &view::Backend, why: &[Explained]) {
    if !why.is_empty() {
        out.line("");
        out.line("why its fields are what they are, the strongest reason first:");
    }
    for Explained { field, baseline, now, wanted, asked, also } in why {
        let is = shown.reader.tells("is", "would be");
        let should = if now == wanted { String::new() } else { format!(", it should be {wanted}") };
        out.line(format_args!("  {field}: its owner left {baseline}, it {is} {now}{should}"));
        for asked in asked {
            let says = shown.shortened(&asked.says, &asked.lost_to);
            out.line(format_args!("    {}  {says}", shown.short(&asked.id)));
        }
        if let Some(also) = also {
            out.line(format_args!("    {also}"));
        }
    }
    for view::GivenUp { field, by } in &state.given_up {
        let by: Vec<&str> = by.iter().map(|id| shown.short(id)).collect();
        let by = by.join(", ");
        out.line(format_args!(
            "{field} was written by someone else; these overrides leave it alone since then: {by}"
        ));
    }
}
