//! `windows`: which maintenance windows are open, and which open next.

use std::process::ExitCode;

use clap::Args;
use pointsman_core::{group::Scope, playbook::Playbook};
use pointsman_host::Records;
use pointsman_view::{self as view, Does, Opening, Reader, Skipped, Windows};

use super::ask;
use crate::{common::Common, failed::Failed, page::Page};

/// What `windows` takes.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// How many openings to show, beside what is open now.
    #[arg(
        long,
        default_value_t = 10,
        value_name = "COUNT",
        value_parser = clap::value_parser!(u16).range(1..=1000)
    )]
    next: u16,
}

pub(crate) async fn command(common: &Common, options: Options) -> Result<ExitCode, Failed> {
    let records = common.records().await?;
    let now = records.clock.now();
    let playbook = ask::playbook_in_force(&records).await?;
    let skipped = skipped(&records, &playbook).await?;
    records.close().await;
    let windows = Windows::of(&playbook, &skipped, options.next.into(), &common.reader(now));
    common.print(&windows, &describe(&windows, &common.reader(now)))
}

/// Which instances of the playbook's windows were skipped.
pub(crate) async fn skipped(records: &Records, playbook: &Playbook) -> Result<Skipped, Failed> {
    let scopes = playbook.windows.iter().map(|window| Scope::Window(window.name.clone()));
    let groups = records.store.groups(&scopes.collect()).await?.into_iter();
    let skipped = groups.filter_map(|(scope, group)| match scope {
        Scope::Window(window) => Some((window, group.body.skipped)),
        Scope::Everything
        | Scope::Run(_)
        | Scope::Commands
        | Scope::Members(_)
        | Scope::Ensured(_)
        | Scope::Tag(_)
        | Scope::Pool(_)
        | Scope::Play(_)
        | Scope::Unless(_) => None,
    });
    Ok(Skipped(skipped.collect()))
}

fn describe(windows: &Windows, reader: &Reader) -> Page {
    let mut out = Page::default();
    if windows.windows == 0 {
        out.line("the playbook has no windows");
        return out;
    }
    let (open, next): (Vec<_>, Vec<_>) = windows.openings.iter().partition(|one| one.open);
    for Opening { window, closes, does, skipped, shadow, .. } in open {
        if *skipped {
            out.line(format_args!(
                "{window} was to be open until {}, and ended early",
                reader.time(*closes)
            ));
            continue;
        }
        let in_shadow = in_shadow(*shadow);
        out.line(format_args!("{window} is open{in_shadow}, and closes {}", reader.time(*closes)));
        lines(&mut out, reader, does, *shadow);
    }
    if next.is_empty() {
        out.line("no window opens any more");
    }
    for Opening { window, opens, there, zone, closes, does, skipped, shadow, .. } in next {
        if *skipped {
            out.line(format_args!("{window} is skipped at {}", reader.time(*opens)));
            continue;
        }
        let lasts = view::length(closes.duration_since(*opens));
        let (at, in_shadow) = (reader.time(*opens), in_shadow(*shadow));
        out.line(format_args!("{window} opens{in_shadow} {at}, for {lasts}"));
        if reader.zone().iana_name() != Some(zone) {
            out.line(format_args!("  there it is {there} ({zone})"));
        }
        lines(&mut out, reader, does, *shadow);
    }
    out
}

const fn in_shadow(shadow: bool) -> &'static str {
    if shadow { " in shadow" } else { "" }
}

fn lines(out: &mut Page, reader: &Reader, does: &[Does], shadow: bool) {
    let would = if shadow { "would " } else { reader.tells("", "would ") };
    for Does { name, effect, .. } in does {
        out.line(format_args!("  {name}: {would}{effect}"));
    }
}
