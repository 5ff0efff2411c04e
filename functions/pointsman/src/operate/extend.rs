//! `extend`: has an override stay longer than it would by itself.

use std::{collections::BTreeMap, process::ExitCode};

use clap::Args;
use jiff::{SignedDuration, Timestamp};
use pointsman_core::{lease::later, overrides::Override};
use pointsman_engine::message::Command;
use pointsman_host::Records;
use pointsman_view as view;

use super::{
    ask::{self, Showing, Shown},
    by::Reason,
    dispatch::{Dispatch, TAKEN_WITHIN},
    find,
    hand::{UNSERVED, lasts},
};
use crate::{common::Common, failed::Failed, show};

/// What `extend` does, for its help.
pub(crate) const ABOUT: &str = "\
The override stays at least that long from now on, though its alert resolves, its time runs out or its \
window closes. Only `pointsman undo` ends it sooner. The limits of the pool hold as before.";

/// What `extend` takes.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// The id of an override in force, or its first characters.
    over: String,
    /// For how long from now, such as 30m or 2h: 30 days at most.
    #[arg(long = "for", value_name = "DURATION", value_parser = lasts)]
    lasts: SignedDuration,
    #[command(flatten)]
    reason: Reason,
    #[command(flatten)]
    showing: Showing,
}

pub(crate) async fn command(common: &Common, options: Options) -> Result<ExitCode, Failed> {
    let reading = common.records().await?;
    let found = find::over(&ask::documents(&reading).await?, &options.over)?;
    let until = later(reading.clock.now(), options.lasts);
    reading.close().await;
    let Some((backend, over)) = found else {
        return Err(Failed::new(format_args!(
            "`{}` is not the id of an override (at least {} characters of it): `pointsman status` shows them",
            options.over,
            view::ID_CHARS_MIN
        )));
    };
    if over.begun().is_none() {
        return Err(Failed::new(format_args!(
            "{} ({}) is not in force, and only what is can be extended",
            over.effect, over.id
        )));
    }
    let mut dispatch = Dispatch::open(common).await?;
    let Reason { reason, by } = options.reason;
    let id = over.id.clone();
    let message = Command::Extend { backend: backend.clone(), id: id.clone(), until, reason };
    dispatch.send(&by, message).await?;
    let extended = async |records: &Records| {
        let document = records.store.document(&backend).await?;
        let over = document.as_ref().and_then(|document| document.body.overrides.get(&id));
        Ok(over.is_none_or(|over| is_extended(over, until)))
    };
    let taken = dispatch.until(TAKEN_WITHIN, extended).await?;
    let document = dispatch.records.store.document(&backend).await?.map(|document| document.body);
    let (served, now) = (dispatch.is_served()?, dispatch.records.clock.now());
    dispatch.close().await?;
    let is_there = |over: &&Override| is_extended(over, until);
    let extended = document.as_ref().and_then(|document| document.overrides.get(&id));
    let Some((document, _)) = document.as_ref().zip(extended.filter(is_there)) else {
        return Err(Failed::new(match taken {
            true => format!("{} ({id}) has ended meanwhile: it is not extended", over.effect),
            false => format!(
                "the command was not taken in within {} s; it waits in the queue: look again with `pointsman status`",
                TAKEN_WITHIN.as_secs()
            ),
        }));
    };
    let shown = Shown::new(options.showing, common, now, document.overrides.keys());
    let mut view = view::Backend::of(document, None, &BTreeMap::new(), &common.reader(now));
    view.overrides.retain(|over| over.id == id.as_str());
    let mut text = shown.page();
    text.line(format_args!("{}: {} ({id})", backend.short(), over.effect));
    let stays = shown.reader.tells("stays", "would stay");
    text.line(format_args!("  {stays} until {} at least", shown.reader.time(until)));
    let told = view::ByHand {
        version: view::VERSION,
        shadow: common.shadow,
        backend: backend.to_string(),
        name: backend.short(),
        asked: vec![(&over.effect).into()],
        overrides: view.overrides,
        in_force: true,
        served,
    };
    if !served {
        show::note(UNSERVED);
    }
    common.print(&told, &text)
}

/// Whether an override stays until then, or longer.
fn is_extended(over: &Override, until: Timestamp) -> bool {
    over.extended.is_some_and(|extended| extended >= until)
}
