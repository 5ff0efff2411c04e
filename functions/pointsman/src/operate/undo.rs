//! `undo`: ends one override, or all of a backend.
//!
//! It tells what the store shows afterwards, not what was asked for: what is given back, what others
//! still change, which reconnects were cancelled, and which Azure was asked for already.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::ExitCode,
    time::Duration,
};

use clap::Args;
use pointsman_core::{
    document::{Document, Reconnect},
    group::Paused,
    id::{OverrideId, ReconnectId},
    names::BackendId,
    overrides::Override,
};
use pointsman_engine::{message::Command, pause::paused};
use pointsman_host::Records;
use pointsman_view as view;

use super::{
    ask,
    by::Reason,
    dispatch::{Dispatch, TAKEN_WITHIN, goes_on},
    find,
    tell::{cancelled, waiting},
    wait::Wait,
};
use crate::{common::Common, failed::Failed, page::Page};

/// How long an undo waits to see what it ended restored.
const RESTORED_WITHIN: Duration = Duration::from_secs(20);

/// What the exit status of `undo` means, for its help.
pub(crate) const EXIT: &str = "\
Exit code 0: the override has ended, the same alerts do not bring it back, and what it changed was seen \
restored, within 20 seconds.
Exit code 1: it failed; or the override has ended, and what it changed was not seen restored, for example \
because Pointsman is paused, Azure cannot be reached, or Azure keeps another value. It says why, and what \
to do.";

/// What `undo` takes.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// At least the first 4 characters of an override's id; or a backend, for all its overrides.
    #[arg(value_name = "OVERRIDE|BACKEND")]
    what: String,
    #[command(flatten)]
    reason: Reason,
}

/// What is left to be done of an undo.
#[derive(Default)]
struct Left {
    /// Overrides that have not ended, and reconnects that still wait.
    running: usize,
    /// Overrides that have ended and have something to give back.
    ending: usize,
    /// Whether a write has no answer yet.
    writing: bool,
    /// What Azure keeps in place of what its owner left.
    unmet: Vec<String>,
    /// Why it is not done yet.
    why: Option<String>,
    /// Other overrides that are in force, or on their way out.
    others: Vec<Override>,
    /// The reconnects that were not cancelled: Azure was asked for them already.
    asked: BTreeSet<ReconnectId>,
}

impl Left {
    fn is_nothing(&self) -> bool {
        self.running == 0 && self.ending == 0 && !self.writing && self.unmet.is_empty()
    }
}

/// What an undo is about.
struct Target {
    backend: BackendId,
    command: Command,
    overrides: Vec<Override>,
    /// The alerts that each of them answers.
    alerts: BTreeMap<OverrideId, view::Alerts>,
    /// The reconnects that it takes back.
    reconnects: BTreeMap<ReconnectId, view::Reconnect>,
    /// The override that was meant, where it is over already.
    over: Option<OverrideId>,
}

impl Target {
    fn ids(&self) -> BTreeSet<&OverrideId> {
        self.overrides.iter().map(|over| &over.id).collect()
    }

    /// What is left to be done of it.
    async fn left(&self, common: &Common, records: &Records) -> Result<Left, Failed> {
        let Some(document) = records.store.document(&self.backend).await? else {
            return Ok(Left::default());
        };
        let document = document.body;
        let waits = |id| document.reconnects.get(id).is_some_and(Reconnect::is_waiting);
        let is_there = |id: &&ReconnectId| document.reconnects.contains_key(*id);
        let reader = common.reader(records.clock.now());
        let shown = view::Backend::of(&document, None, &BTreeMap::new(), &reader);
        let mut left = Left {
            running: self.reconnects.keys().filter(|id| waits(id)).count(),
            writing: !document.intents.is_empty(),
            asked: self.reconnects.keys().filter(is_there).cloned().collect(),
            unmet: shown.fields.iter().filter_map(view::Field::unrestored).collect(),
            why: (shown.trouble.map(|trouble| trouble.why))
                .or_else(|| shown.missing.map(|missing| missing.says(&reader)))
                .or_else(|| view::may_land(&document, &reader)),
            ..Left::default()
        };
        let ids = self.ids();
        for over in document.overrides.values() {
            match (ids.contains(&over.id), over.has_ended()) {
                (true, false) => left.running += 1,
                (true, true) => left.ending += 1,
                (false, _) if over.takes_part() => left.others.push(over.clone()),
                (false, _) => {}
            }
        }
        Ok(left)
    }
}

async fn target(records: &Records, what: &str, reason: &str) -> Result<Target, Failed> {
    let documents = ask::documents(records).await?;
    let reason = reason.to_owned();
    let named = find::backend(records, what).await;
    // The name of a backend goes before ids that begin with the same characters.
    let over = if named.is_ok() { None } else { find::over(&documents, what)? };
    let is_over = over.is_none() && named.is_err();
    let over_by_now =
        if is_over { find::over_by_now(records, &documents, what).await? } else { None };
    let mut over_already = None;
    let (backend, command, overrides, reconnects) = if let Some((backend, over)) = over {
        let (id, at) = (over.id.clone(), backend.clone());
        let command = Command::UndoOverride { backend: at, id, reason };
        (backend, command, vec![over], BTreeMap::new())
    } else if let Some((backend, id)) = over_by_now {
        over_already = Some(id.clone());
        let command = Command::UndoOverride { backend: backend.clone(), id, reason };
        (backend, command, Vec::new(), BTreeMap::new())
    } else {
        let backend = named.map_err(|failed| match find::pools_of(&documents, what).as_slice() {
            [] => failed.within(format_args!(
                "`{what}` is not the id of an override in force (at least {} characters of it), and",
                view::ID_CHARS_MIN
            )),
            pools => of_member(&documents, pools, what),
        })?;
        let of = documents.iter().find(|document| document.backend == backend);
        if of.is_none()
            && let Some(one) = view::Following::of(&documents, &backend).first()
        {
            let (backend, after) = (backend.short(), &one.name);
            return Err(Failed::new(format_args!(
                "nothing of {backend} itself is changed; its reconnect follows the change of {after}: \
                 undo {after} instead"
            )));
        }
        let reconnects = of.map(waiting).unwrap_or_default();
        let overrides = of.iter().flat_map(|document| document.overrides.values());
        let overrides: Vec<Override> = overrides.cloned().collect();
        let command = Command::UndoBackend { backend: backend.clone(), reason };
        (backend, command, overrides, reconnects)
    };
    let of = documents.iter().find(|document| document.backend == backend);
    let counted = ask::counted(records, of).await?;
    let alerts =
        |over: &Override| (over.id.clone(), view::Alerts::of(over, counted.get(&over.id).copied()));
    let alerts = overrides.iter().map(alerts).collect();
    Ok(Target { backend, command, overrides, alerts, reconnects, over: over_already })
}

/// Says what there is to undo where a member was named: its overrides, or all of its pool.
fn of_member(documents: &[Document], pools: &[&BackendId], member: &str) -> Failed {
    let mut failed = Failed::new(format_args!(
        "{member} is a member, and what is undone is an override, or all of its pool:"
    ));
    for document in documents.iter().filter(|document| pools.contains(&&document.backend)) {
        let is_about = |over: &&Override| {
            over.effect.members().iter().any(|one| one.as_str().eq_ignore_ascii_case(member))
        };
        for over in document.overrides.values().filter(is_about) {
            failed = failed.and(format_args!("  pointsman undo {}  ({})", over.id, over.effect));
        }
        failed = failed.and(format_args!("  pointsman undo {}", document.backend.short()));
    }
    failed
}

/// The alert that an override is for.
fn alert(over: &Override) -> String {
    match view::Alert::of(over) {
        Some(alert) if over.origin.play().is_none() => alert.says,
        Some(alert) => format!("{} ({})", alert.says, over.series),
        None => over.series.to_string(),
    }
}

pub(crate) async fn command(common: &Common, options: Options) -> Result<ExitCode, Failed> {
    let reading = common.records().await?;
    let target = target(&reading, &options.what, &options.reason.reason).await?;
    let (stops, now) = (Paused::of(&target.backend), reading.clock.now());
    let paused = paused(&*reading.store, stops, now).await?.into_iter().next();
    reading.close().await;
    // It is sent even if nothing is known to be in force: something may be on its way.
    let mut dispatch = Dispatch::open(common).await?;
    dispatch.send(&options.reason.by, target.command.clone()).await?;
    let ended = async |records: &Records| Ok(target.left(common, records).await?.running == 0);
    let taken = dispatch.until(TAKEN_WITHIN, ended).await?;
    let mut wait = Wait::new();
    let gone = async |records: &Records| {
        let document = records.store.document(&target.backend).await?;
        let reader = common.reader(records.clock.now());
        wait.tell(document.iter().map(|document| &document.body), &reader);
        Ok(target.left(common, records).await?.is_nothing())
    };
    // Under a pause nothing is written, so that there is nothing to wait for.
    let within = if paused.is_some() { Duration::ZERO } else { RESTORED_WITHIN };
    let given_back = taken && dispatch.until(within, gone).await?;
    let left = target.left(common, &dispatch.records).await?;
    let goes_on = goes_on(dispatch.is_served()?, &[&target.backend]);
    let reader = common.reader(dispatch.records.clock.now());
    dispatch.close().await?;
    if !taken {
        return Err(Failed::new(format_args!(
            "the command was not taken in within {} s; it waits in the queue: look again with `pointsman status`",
            TAKEN_WITHIN.as_secs()
        )));
    }
    let (would, is) = (reader.tells("", "would have "), reader.tells("is", "would be"));
    let was = reader.tells("was not seen", "would not be");
    let kept = (!left.unmet.is_empty()).then(|| left.unmet.join("; "));
    let paused = paused.map(|paused| view::Pause::from(paused).means(&reader));
    let why = match (given_back, &paused, kept.as_ref().or(left.why.as_ref())) {
        (true, _, _) => None,
        (false, Some(paused), _) => Some(format!("it {is} restored later: {paused}")),
        (false, None, Some(why)) => Some(format!("{why}; {goes_on}")),
        (false, None, None) => Some(goes_on),
    };
    let Target { backend, overrides, reconnects, .. } = &target;
    let (asked, called_off): (Vec<_>, Vec<_>) =
        reconnects.iter().partition(|(id, _)| left.asked.contains(*id));
    let mut text = Page::of_output();
    for over in overrides {
        let alerts = target.alerts.get(&over.id).and_then(|alerts| alerts.several(&reader));
        let alerts = alerts.unwrap_or_else(|| alert(over));
        text.line(format_args!("{would}undone: {} ({}), for {alerts}", over.effect, over.id));
    }
    view::still_firing(target.alerts.values(), &reader).iter().for_each(|still| text.line(still));
    for (_, reconnect) in &called_off {
        text.line(cancelled(reconnect, &reader));
    }
    for (_, reconnect) in &asked {
        text.line(format_args!(
            "not cancelled: the reconnect of {} {} asked for already, and Azure cannot recall it",
            reconnect.name,
            reader.tells("was", "would have been")
        ));
    }
    let short = backend.short();
    if let Some(over) = &target.over {
        text.line(format_args!("{over} is over already: there was nothing to undo"));
    }
    match &why {
        Some(why) => text.line(format_args!("{short} {was} restored yet: {why}")),
        None if !left.others.is_empty() => {
            let change = reader.tells("change", "would change");
            text.line(format_args!(
                "{short} {is} restored, except for what other overrides {change}:"
            ));
            for over in &left.others {
                text.line(format_args!("  {} ({}) for {}", over.effect, over.id, alert(over)));
            }
        }
        None if overrides.is_empty() && reconnects.is_empty() && target.over.is_none() => {
            text.line(format_args!("{short} has no override: there was nothing to undo"));
        }
        None => text.line(format_args!("{short} {is} restored")),
    }
    let reconnects = |of: &[(&ReconnectId, &view::Reconnect)]| {
        of.iter().map(|(_, reconnect)| (*reconnect).clone()).collect()
    };
    let alerts = target.alerts.iter().map(|(id, alerts)| (id.to_string(), *alerts));
    let undone = view::Undone {
        version: view::VERSION,
        shadow: common.shadow,
        backend: backend.to_string(),
        name: short,
        undone: target.ids().into_iter().map(ToString::to_string).collect(),
        alerts: alerts.collect(),
        cancelled: reconnects(&called_off),
        not_cancelled: reconnects(&asked),
        restored: given_back && left.others.is_empty(),
        others: left.others.iter().map(|over| over.id.to_string()).collect(),
        why,
    };
    let shown = common.print(&undone, &text)?;
    Ok(if given_back { shown } else { ExitCode::FAILURE })
}
