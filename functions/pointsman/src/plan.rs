//! `pointsman plan`: what would happen if a signal were received now.

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use clap::Args;
use pointsman_core::{names::SourceName, notice::Kind, signal::SeriesId};
use pointsman_host::{Config, Parts, config::Needs, wiring::Role};
use pointsman_intake::{BODY_BYTES_MAX, alertmanager};
use pointsman_view::{self as view, BackendPlan, Ids, Plan, Reader};

use crate::{
    common::Common,
    failed::Failed,
    input,
    operate::ask,
    page::{Mark, Page, Table},
    playbook, show,
    terminal::Terminal,
};

/// What `plan` takes.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// The signal: the body of an Alertmanager webhook; `-` reads standard input.
    #[arg(long, value_name = "FILE")]
    signal: PathBuf,
    /// Which source it comes from; the first configured one by default.
    #[arg(long, value_name = "NAME")]
    source: Option<SourceName>,
    /// Plan by this playbook instead of the one in force.
    #[arg(long, value_name = "FILE")]
    playbook: Option<PathBuf>,
    /// Exit with 0 if nothing would be written, with 2 if something would, and with 1 if that is not
    /// known.
    #[arg(long)]
    detailed_exitcode: bool,
}

pub(crate) async fn command(common: &Common, options: &Options) -> Result<ExitCode, Failed> {
    let mut config = common.config(Needs::Azure)?;
    let source = source(&config, options)?;
    let body = input::read_or_typed(&options.signal, BODY_BYTES_MAX)?;
    // Nothing is written, and that includes a store where there is none yet.
    let empty = tempfile::tempdir()?;
    let (_, is_there) = common.store(&config)?;
    if !is_there {
        config.store = empty.path().join("empty.db");
    }
    let parts = Parts::open(&config, common.mode(), Role::Producer).await?;
    let batch = alertmanager::read(&source, body.as_bytes(), parts.records.clock.now())
        .map_err(|error| Failed::new(format_args!("{}: {error}", options.signal.display())))?;
    let (named, configured) = (options.playbook.as_ref(), config.playbook.as_ref());
    let loaded = playbook::to_go_by(named, Some(&*parts.records.store), configured).await?;
    let loaded =
        loaded.ok_or_else(|| Failed::new("there is no playbook: name one with --playbook FILE"))?;
    let loaded = Arc::new(loaded);
    let plan = show::patiently(show::AZURE, parts.engine.plan(&batch.signals, &loaded)).await?;
    let reader = common.reader(parts.records.clock.now());
    parts.close().await;
    let unmatched = plan.noticed.iter().filter(|(_, kind, _)| *kind == Kind::Unmatched);
    let noticed = |(series, kind, says): &(SeriesId, Kind, String)| view::Noticed {
        kind: kind.to_string(),
        series: series.to_string(),
        says: says.clone(),
    };
    let plan = Plan {
        version: view::VERSION,
        pauses: plan.paused.into(),
        heard: plan.heard.iter().map(ToString::to_string).collect(),
        unmatched: unmatched.map(|(series, ..)| series.to_string()).collect(),
        noticed: plan.noticed.iter().map(noticed).collect(),
        unusable: batch.unusable.iter().map(|alert| alert.reason.clone()).collect(),
        truncated: batch.truncated,
        backends: plan.backends.iter().map(|plan| would_be(plan, &reader)).collect(),
    };
    common.print(&plan, &describe(&plan, &reader))?;
    // Without a readable signal there is nothing to plan.
    let seen = plan.backends.iter().all(|backend| backend.unseen.is_none());
    let changes = plan.backends.iter().any(|backend| !backend.changes.is_empty());
    Ok(match seen {
        false => ExitCode::FAILURE,
        true if changes && options.detailed_exitcode => ExitCode::from(2),
        true => ExitCode::SUCCESS,
    })
}

fn would_be(plan: &pointsman_engine::plan::BackendPlan, reader: &Reader) -> BackendPlan {
    BackendPlan::of(&plan.document, plan.unseen.as_deref(), &plan.changes, &plan.told, reader)
}

/// From which source the signal is taken to come.
fn source(config: &Config, options: &Options) -> Result<SourceName, Failed> {
    match (&options.source, config.source_names.as_slice()) {
        (None, [first, ..]) => Ok(first.clone()),
        (None, []) => Ok("alertmanager".parse()?),
        (Some(named), names) if names.is_empty() || names.contains(named) => Ok(named.clone()),
        (Some(named), names) => {
            let names: Vec<&str> = names.iter().map(SourceName::as_str).collect();
            Err(Failed::new(format_args!(
                "no source is called {named}; configured are: {}",
                names.join(", ")
            )))
        }
    }
}

/// The plan in words.
fn describe(plan: &Plan, reader: &Reader) -> Page {
    let mut out = Page::of_output();
    ask::pauses(&mut out, &plan.pauses, reader);
    // The ledger has the same words for some.
    let noticed = plan.noticed.iter().map(|noticed| &noticed.says);
    let noticed = noticed.filter(|says| !plan.heard.contains(says));
    for says in plan.heard.iter().chain(noticed) {
        out.line(reader.retold(says, Reader::time));
    }
    for reason in &plan.unusable {
        out.line(format_args!(
            "one alert cannot be used, and would be kept as a dead letter: {reason}"
        ));
    }
    if plan.truncated > 0 {
        let alerts = view::count(plan.truncated, "alert");
        let were = if plan.truncated == 1 { "was" } else { "were" };
        out.line(format_args!("{alerts} of the group {were} left out by Alertmanager (`max_alerts`), and so by this plan"));
    }
    if plan.heard.is_empty() && plan.noticed.is_empty() && plan.unusable.is_empty() {
        out.line("the signal contains no alert");
    }
    if plan.backends.is_empty() {
        out.line("no backend would change");
    }
    let ids = plan.backends.iter().flat_map(|backend| &backend.overrides);
    let ids: Ids = ids.map(|over| over.id.clone()).collect();
    for backend in &plan.backends {
        describe_backend(&mut out, backend, &ids, reader);
    }
    out
}

fn describe_backend(out: &mut Page, plan: &BackendPlan, ids: &Ids, reader: &Reader) {
    out.line("");
    out.mark("", Mark::Heading, &plan.name, "");
    if let Some(why) = &plan.unseen {
        out.mark("  ", Mark::Trouble, "it cannot be read now", format_args!(": {why}"));
        out.line("  what would be written to it is not known; nothing was changed: run this again");
    }
    for over in &plan.overrides {
        let before = format_args!("  {}  {}: ", ids.short(&over.id), over.effect);
        let says = reader.retold(&over.verdict.says, Reader::time);
        let held = ["held", "in shadow"].into_iter();
        let held = held.filter_map(|word| Some((word, says.strip_prefix(word)?))).next();
        match held {
            Some((word, why)) => out.mark(before, Mark::Held, word, why),
            None => out.line(format_args!("{before}{says}")),
        }
        out.line(match &over.play {
            Some(play) => format!("    by play {play}"),
            None => "    by a window or an operator".to_owned(),
        });
    }
    if plan.changes.is_empty() && plan.unseen.is_none() {
        out.line("  nothing would be written");
    }
    if !plan.changes.is_empty() {
        let terminal = Terminal::of_output();
        // What goes elsewhere may be read by a program.
        let columns = if terminal.is_one { terminal.columns } else { usize::MAX };
        let fields = plan.changes.iter().map(|change| change.field.as_str());
        out.indented(&Table::fitting(columns, fields, |cut| {
            let mut table = Table::new(&["field", "is", "would be"]);
            for view::Change { field, before, after } in &plan.changes {
                table.row([cut(field), before.to_string(), after.to_string()]);
            }
            table
        }));
    }
}
