//! `shadow report`: what a shadow would have done in a period.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use pointsman_view::{self as view, Reader, ShadowReport, WouldHave};

use super::history::{Since, since};
use crate::{common::Common, failed::Failed, page::Page, show};

/// How many lines of the ledger are looked through, the newest ones.
const LINES_MAX: usize = 100_000;

/// What can be asked of a shadow.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    /// Sum up what a shadow would have done: when, for how long, with how many writes.
    Report(Options),
}

/// What `shadow report` takes.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// From when on: an age as `2h` or `7d`, or a time as `07:30`, `2026-03-01 07:30` or
    /// `2026-03-01T07:30:00Z`.
    #[arg(long, value_name = "AGE|TIME", default_value = "7d", value_parser = since)]
    since: Since,
}

pub(crate) async fn command(common: &Common, command: Command) -> Result<ExitCode, Failed> {
    let Command::Report(options) = command;
    let records = common.records().await?;
    let now = records.clock.now();
    let reader = common.reader(now);
    let since = options.since.time(now, &common.zone())?;
    let mut lines = records.store.history(None, LINES_MAX).await?;
    records.close().await;
    if lines.len() >= LINES_MAX && lines.first().is_some_and(|first| first.at > since) {
        show::note(format_args!("only the newest {LINES_MAX} lines of the ledger are summed up"));
    }
    lines.retain(|line| line.at >= since);
    let report = ShadowReport::of(&lines, since, now);
    common.print(&report, &describe(&report, &reader))
}

/// The report in words.
fn describe(report: &ShadowReport, reader: &Reader) -> Page {
    let ShadowReport { since, writes, reconnects, overrides, .. } = report;
    let mut out = Page::of_output();
    out.line(format_args!(
        "since {}, the shadow would have made {}, {} and {}",
        reader.time(*since),
        view::count(overrides.iter().filter(|one| one.from.is_some()).count(), "override"),
        view::count(*writes, "write"),
        view::count(*reconnects, "reconnect"),
    ));
    let mut backend = None;
    for one in overrides {
        if backend.replace(&one.name) != Some(&one.name) {
            out.line("");
            out.line(&one.name);
        }
        let effect = one.effect.as_ref().map_or(&one.id, |effect| &effect.says);
        out.line(format_args!("  {effect}: {}", when(one, reader)));
        one.what_for.iter().for_each(|what_for| out.line(format_args!("    {what_for}")));
    }
    out
}

/// When it would have acted, and for how long.
fn when(one: &WouldHave, reader: &Reader) -> String {
    let held =
        one.held.as_ref().map(|why| reader.retold(&format!("would be held: {why}"), Reader::clock));
    match (one.from, one.to, one.lasted(reader.now())) {
        (Some(from), Some(to), Some(lasted)) => {
            let (from, to) = (reader.clock(from), reader.clock(to));
            format!("from {from} to {to}, for {}", view::length(lasted))
        }
        (Some(from), None, Some(lasted)) => {
            format!("from {} on, for {} so far", reader.clock(from), view::length(lasted))
        }
        (_, Some(to), _) => held.unwrap_or_else(|| format!("until {}", reader.clock(to))),
        (_, None, _) => held.unwrap_or_else(|| "not decided yet".to_owned()),
    }
}
