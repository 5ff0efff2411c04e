//! `skip`: has a maintenance window not open once, or ends it early.

use std::process::ExitCode;

use clap::Args;
use jiff::Timestamp;
use pointsman_core::{
    form::meant,
    names::WindowName,
    playbook::{Instance, Window},
};
use pointsman_engine::message::Command;
use pointsman_host::Records;
use pointsman_view as view;

use super::{
    ask,
    by::Reason,
    dispatch::{Dispatch, TAKEN_WITHIN},
    windows,
};
use crate::{common::Common, failed::Failed, page::Page};

/// How many instances may be skipped one after the other.
const SKIPPED_MAX: usize = 1_000;

/// What `skip` takes.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// The window, as the playbook calls it.
    window: WindowName,
    #[command(flatten)]
    reason: Reason,
}

/// The instance that is open, or else the next to open: the first that is not skipped already.
fn instance(window: &Window, skipped: &view::Skipped, now: Timestamp) -> Option<Instance> {
    let is_skipped = |one: &Instance| skipped.has(&window.name, one.start);
    let open = window.last(now).filter(|last| now < last.end && !is_skipped(last));
    let mut next = window.next(now);
    for _ in 0..SKIPPED_MAX {
        let Some(known) = next.filter(is_skipped) else { break };
        next = window.next(known.start);
    }
    open.or(next)
}

pub(crate) async fn command(common: &Common, options: Options) -> Result<ExitCode, Failed> {
    let Options { window: name, reason: Reason { reason, by } } = options;
    let reading = common.records().await?;
    let now = reading.clock.now();
    let playbook = ask::playbook_in_force(&reading).await?;
    let skipped = windows::skipped(&reading, &playbook).await?;
    reading.close().await;
    let windows = playbook.windows.iter();
    let Some(window) = windows.clone().find(|window| window.name == name) else {
        let names: Vec<_> = windows.map(|window| window.name.as_str()).collect();
        let meant = meant(name.as_str(), "windows", names);
        return Err(Failed::new(format_args!("there is no window `{name}`: {meant}")));
    };
    let Some(Instance { start, end }) = instance(window, &skipped, now) else {
        return Err(Failed::new(format_args!(
            "{name} does not open any more: there is nothing to skip"
        )));
    };
    let mut dispatch = Dispatch::open(common).await?;
    dispatch.send(&by, Command::Skip { window: name.clone(), start, reason }).await?;
    let taken =
        async |records: &Records| Ok(windows::skipped(records, &playbook).await?.has(&name, start));
    let taken = dispatch.until(TAKEN_WITHIN, taken).await?;
    dispatch.close().await?;
    if !taken {
        return Err(Failed::new(format_args!(
            "the command was not taken in within {} s; it waits in the queue: look again with `pointsman windows`",
            TAKEN_WITHIN.as_secs()
        )));
    }
    let reader = common.reader(now);
    let mut text = Page::of_output();
    text.line(match start <= now {
        true => {
            let ends = reader.tells("ends", "would end");
            format!("{name} {ends} now, instead of {}", reader.time(end))
        }
        false => {
            let does = reader.tells("does", "would");
            format!("{name} {does} not open at {}", reader.time(start))
        }
    });
    let told = view::SkippedInstance {
        version: view::VERSION,
        shadow: common.shadow,
        window: name.to_string(),
        opens: start,
        closes: end,
        was_open: start <= now,
    };
    common.print(&told, &text)
}
