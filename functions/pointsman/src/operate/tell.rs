//! `pause`, `resume`, `release`: the off switch; [`undo`](super::undo) is its smaller part.
//!
//! A pause and a resume are stored, and nothing is decided against them from then on. An undo and a
//! release are put into the queue, where they take their place among the signals; whoever takes
//! messages out of the queue carries them out. Where no `serve` does, this process does, for as long
//! as it takes. Either way it waits, for a bounded time, until the store shows that it was carried
//! out.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::ExitCode,
    time::Duration,
};

use clap::Args;
use jiff::Timestamp;
use pointsman_core::{
    document::Document,
    group::Pause,
    id::{MessageId, OverrideId, ReconnectId},
    names::BackendId,
    overrides::Override,
};
use pointsman_engine::{
    engine::load,
    message::{Command, Message, Outgoing},
    pause::{self, Switched},
    ports::Sent,
};
use pointsman_host::{
    Parts, Records,
    config::Needs,
    server::Stop,
    wiring::{Role, store_file},
};
use pointsman_view as view;
use serde_json::{Value, json};
use tokio::{task::JoinHandle, time::Instant};

use super::{
    ask,
    by::{By, Reason, said},
};
use crate::{
    common::{Common, unseen},
    failed::Failed,
    page::Page,
    show,
};

/// How often the store is looked at for the effect of a command.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How often it is tried to carry commands out here, while someone else does not.
const CLAIM_EVERY: Duration = Duration::from_secs(1);

/// How long a command may take to be taken in.
pub(super) const TAKEN_WITHIN: Duration = Duration::from_secs(30);

/// How long a pause waits for the answers to writes that were sent before it.
const ANSWERED_WITHIN: Duration = Duration::from_secs(10);

/// What `release` takes.
#[derive(Clone, Debug, Args)]
pub(crate) struct ReleaseOptions {
    /// Everything: nothing less can be released.
    #[arg(long, required = true)]
    all: bool,
    /// How long to wait until every backend is seen restored, in seconds.
    #[arg(
        long,
        default_value_t = 120,
        value_name = "SECONDS",
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    within: u32,
    /// Why, for the ledger.
    #[arg(long, default_value = "release --all", value_name = "TEXT", value_parser = said)]
    reason: String,
    #[command(flatten)]
    by: By,
}

/// The loop that carries messages out, in this process.
struct Here {
    parts: Parts,
    stop: Stop,
    task: JoinHandle<()>,
}

/// The queue, and whoever takes messages out of it.
pub(super) struct Desk<'a> {
    common: &'a Common,
    pub(super) records: Records,
    here: Option<Here>,
}

impl<'a> Desk<'a> {
    /// Sees to it that someone carries commands out: a running `serve`, or this process.
    pub(super) async fn open(common: &'a Common) -> Result<Self, Failed> {
        let records = open(common).await?;
        let here = match Self::claim(common).await {
            Ok(here) => here,
            // A `serve` may be running with secrets that this process has not.
            Err(_) if records.are_consumed()? => None,
            Err(failed) => return Err(failed),
        };
        Ok(Self { common, records, here })
    }

    /// Carries messages out here, unless another process does.
    async fn claim(common: &Common) -> Result<Option<Here>, Failed> {
        let config = common.config(Needs::Azure)?;
        match Parts::open(&config, common.mode(), Role::Consumer).await {
            Ok(parts) => {
                let stop = Stop::default();
                let task = tokio::spawn(pointsman_reconcile::run(parts.clone(), stop.clone()));
                Ok(Some(Here { parts, stop, task }))
            }
            Err(error) if error.is_consumed_already() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) async fn send(&self, by: &By, command: Command) -> Result<(), Failed> {
        let nonce = uuid::Uuid::now_v7().to_string();
        self.records.queue.send(Outgoing::command(&by.by, command, &nonce)).await?;
        Ok(())
    }

    /// Waits until something is seen in the store; says whether it was, in time.
    pub(super) async fn until(
        &mut self,
        within: Duration,
        seen: impl AsyncFn(&Records) -> Result<bool, Failed>,
    ) -> Result<bool, Failed> {
        let end = Instant::now() + within;
        let mut claim = Instant::now() + CLAIM_EVERY;
        loop {
            if seen(&self.records).await? {
                return Ok(true);
            }
            let now = Instant::now();
            if now >= end {
                return Ok(false);
            }
            // Whoever took messages out of the queue may have ended before it came to this one.
            if self.here.is_none() && now >= claim {
                claim = now + CLAIM_EVERY;
                self.here = Self::claim(self.common).await.unwrap_or_default();
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Whether a `serve` goes on with what is not done, once this process has ended.
    pub(super) fn is_served(&self) -> Result<bool, Failed> {
        Ok(self.here.is_none() && self.records.are_consumed()?)
    }

    /// Finishes what is being carried out here, and closes the store.
    pub(super) async fn close(self) -> Result<(), Failed> {
        if let Some(Here { parts, stop, task }) = self.here {
            stop.ask();
            task.await?;
            parts.close().await;
        }
        self.records.close().await;
        Ok(())
    }
}

/// What is said of what is not done yet, where a `serve` is running.
pub(super) const GOES_ON: &str = "it goes on, and `pointsman explain BACKEND` shows how";

/// What is said of what is not done yet, where none is.
pub(super) const GOES_ON_LATER: &str =
    "no `serve` is running on this store: it goes on once one is, or by the same command again";

/// What is said where a command was not taken in.
pub(super) fn not_taken() -> Failed {
    Failed::new(format_args!(
        "not taken in within {} s; it waits in the queue, and `pointsman status` shows what becomes of it",
        TAKEN_WITHIN.as_secs()
    ))
}

pub(super) fn done(common: &Common, mut value: Value, text: &Page) -> Result<ExitCode, Failed> {
    if common.json {
        value["shadow"] = common.shadow.into();
        show::json(&value)
    } else {
        show::page(text)
    }
}

pub(crate) async fn pause(common: &Common, reason: Reason) -> Result<ExitCode, Failed> {
    let file = store_file(&common.config(Needs::Store)?, common.mode());
    let is_new = !file.try_exists().map_err(|error| unseen(&file, &error))?;
    let records = open(common).await?;
    let served = records.are_consumed()?;
    let Reason { reason, by } = reason;
    let pause = Pause { by: by.by, reason, at: records.clock.now() };
    let switched = pause::pause(&*records.store, &*records.queue, &pause).await?;
    // What was recorded before the pause may be on its way to Azure at this moment.
    let end = Instant::now() + ANSWERED_WITHIN;
    let mut unanswered = unanswered(&records).await?;
    while !unanswered.is_empty() && records.are_consumed()? && Instant::now() < end {
        tokio::time::sleep(LOOK_EVERY).await;
        unanswered = self::unanswered(&records).await?;
    }
    records.close().await;
    let mut text = Page::of(match &switched {
        Switched::Already(Some(pause)) => format!(
            "paused already, since {} by {}: {}",
            view::moment(pause.at),
            pause.by,
            pause.reason
        ),
        Switched::Done(_) | Switched::Already(None) if served => {
            "paused: nothing is written to Azure until `pointsman resume`".to_owned()
        }
        Switched::Done(_) | Switched::Already(None) => {
            "paused: the next `serve` writes nothing to Azure until `pointsman resume`".to_owned()
        }
    });
    if !served {
        text.line(format_args!(
            "no `serve` is running on the store {}{}; one that runs on another is not paused by this",
            file.display(),
            if is_new { ", which was made just now" } else { "" }
        ));
    }
    for backend in &unanswered {
        let short = backend.short();
        text.line(format_args!(
            "a write or a reconnect for {short} was sent before, and whether it was done is not known yet: \
             `pointsman explain {short}` shows what becomes of it"
        ));
    }
    let (paused, already) = told(&switched);
    let value = json!({
        "paused": paused, "already": already, "served": served, "unanswered": unanswered,
    });
    done(common, value, &text)
}

fn told(switched: &Switched) -> (&Option<Pause>, bool) {
    match switched {
        Switched::Done(pause) => (pause, false),
        Switched::Already(pause) => (pause, true),
    }
}

/// The records of the store, which is made where there is none: a pause may come before anything.
async fn open(common: &Common) -> Result<Records, Failed> {
    Ok(Records::open(&store_file(&common.config(Needs::Store)?, common.mode())).await?)
}

/// The backends with a write or a reconnect that may be under way.
async fn unanswered(records: &Records) -> Result<Vec<BackendId>, Failed> {
    let open = ask::documents(records).await?.into_iter().filter(Document::is_unanswered);
    Ok(open.map(|document| document.backend).collect())
}

pub(crate) async fn resume(common: &Common, by: By) -> Result<ExitCode, Failed> {
    let records = open(common).await?;
    let Records { store, queue, clock, .. } = &records;
    let switched = pause::resume(&**store, &**queue, &by.by, clock.now()).await?;
    let served = records.are_consumed()?;
    records.close().await;
    let text = match (&switched, served) {
        (Switched::Already(_), _) => "it was not paused",
        (Switched::Done(_), true) => "resumed: Pointsman writes to Azure again",
        (Switched::Done(_), false) => "resumed: the next `serve` writes to Azure again",
    };
    let (paused, already) = told(&switched);
    done(common, json!({"paused": paused, "already": already}), &Page::of(text))
}

/// The reconnects of a backend that can still be called off.
pub(super) fn waiting(document: &Document) -> BTreeMap<ReconnectId, view::Reconnect> {
    let waiting = document.reconnects.iter().filter(|(_, reconnect)| reconnect.is_waiting());
    waiting.map(|(id, reconnect)| (id.clone(), view::Reconnect::of(reconnect))).collect()
}

/// What is said of a reconnect that was called off.
pub(super) fn cancelled(reconnect: &view::Reconnect) -> String {
    let (name, due) = (&reconnect.name, view::moment(reconnect.due));
    format!("cancelled: the reconnect of {name} that was due at {due}")
}

pub(crate) async fn release(common: &Common, options: ReleaseOptions) -> Result<ExitCode, Failed> {
    let file = store_file(&common.config(Needs::Store)?, common.mode());
    if !file.try_exists().map_err(|error| unseen(&file, &error))? {
        return Err(Failed::new(format_args!(
            "there is no store at {}: either nothing was ever changed from it, or the configuration is \
             another one's",
            file.display()
        )));
    }
    let mut desk = Desk::open(common).await?;
    if let Some(pause) = desk.records.store.group().await?.body.paused {
        desk.close().await?;
        return Err(Failed::new(format_args!(
            "Pointsman is paused ({}, by {}), and nothing is written under a pause: `pointsman resume` first",
            pause.reason, pause.by
        )));
    }
    let before = ask::documents(&desk.records).await?;
    desk.send(&options.by, Command::ReleaseAll { reason: options.reason }).await?;
    let mark = mark(&desk.records, &before).await?;
    let within = Duration::from_secs(options.within.into());
    let released = async |records: &Records| {
        let busy = ask::documents(records).await?.iter().any(|document| !document.is_at_rest());
        Ok(!busy && taken(records, mark.as_ref()).await?)
    };
    let restored = desk.until(within, released).await?;
    let after = ask::documents(&desk.records).await?;
    let paused = desk.records.store.group().await?.body.paused.is_some();
    let (served, now) = (desk.is_served()?, desk.records.clock.now());
    desk.close().await?;
    // A `serve` takes back what may still land.
    let mut busy = after.iter().filter(|document| !document.is_at_rest());
    let only_watched = served && busy.all(Document::is_restored);
    if !restored && !only_watched {
        return Err(not_restored(&after, paused, served, options.within, now));
    }
    for document in &after {
        if let Some(may_land) = view::MayLand::of(document) {
            show::note(format_args!("{}: {may_land}", document.backend.short()));
        }
    }
    if served {
        show::note(
            "`serve` is still running: the next alert moves traffic again, unless you stop or pause it",
        );
    }
    let ended: Vec<&Override> =
        before.iter().flat_map(|document| document.overrides.values()).collect();
    let there: BTreeSet<&ReconnectId> =
        after.iter().flat_map(|document| document.reconnects.keys()).collect();
    let reconnects: Vec<view::Reconnect> = before
        .iter()
        .flat_map(waiting)
        .filter_map(|(id, reconnect)| (!there.contains(&id)).then_some(reconnect))
        .collect();
    let mut text = Page::default();
    for over in &ended {
        text.line(format_args!("ended: {} ({})", over.effect, over.id));
    }
    for reconnect in &reconnects {
        text.line(cancelled(reconnect));
    }
    text.line("released: every backend is as its owner left it");
    let ids: Vec<&OverrideId> = ended.iter().map(|over| &over.id).collect();
    done(common, json!({"released": true, "ended": ids, "cancelled": reconnects}), &text)
}

/// A wake that was put into the queue behind the command: once it is gone, so is the command. None
/// where there is no backend that could be changed.
async fn mark(records: &Records, documents: &[Document]) -> Result<Option<Outgoing>, Failed> {
    let mut backend = documents.first().map(|document| document.backend.clone());
    if backend.is_none()
        && let Some(published) = records.store.published().await?
        && let Ok(loaded) = load(&published)
    {
        backend = loaded.playbook.pools.values().next().map(|pool| pool.backend.clone());
    }
    let Some(backend) = backend else { return Ok(None) };
    let nonce = uuid::Uuid::now_v7().to_string();
    let id = MessageId::derive(&["release", &nonce]);
    let mark = Outgoing { id, due: None, message: Message::Wake { backend, at_once: false } };
    records.queue.send(mark.clone()).await?;
    Ok(Some(mark))
}

/// Whether the mark is gone from the queue. Asking puts it there again, which only has a backend
/// looked at once more.
async fn taken(records: &Records, mark: Option<&Outgoing>) -> Result<bool, Failed> {
    let Some(mark) = mark else { return Ok(true) };
    match records.queue.send(mark.clone()).await? {
        Sent::Stored => Ok(true),
        // Whoever holds it at this moment may not have acted upon what was before it.
        Sent::Again | Sent::Duplicate => Ok(false),
    }
}

fn not_restored(
    documents: &[Document],
    paused: bool,
    served: bool,
    within: u32,
    now: Timestamp,
) -> Failed {
    let mut text = Page::of(format_args!("not everything was restored within {within} s"));
    for document in documents.iter().filter(|document| !document.is_at_rest()) {
        text.line(format_args!("  {}", document.backend.short()));
        for (field, owned) in &document.owned {
            let kept = owned.unmet().map(|_| format!(", and Azure keeps {}", owned.written));
            let kept = kept.unwrap_or_default();
            text.line(format_args!("    {field} should be {} again{kept}", owned.baseline));
        }
        if let Some(may_land) = view::MayLand::of(document) {
            text.line(format_args!("    {may_land}"));
        }
        if let Some(missing) = view::Missing::of(document, now) {
            text.line(format_args!("    {missing}"));
        }
        if let Some(trouble) = &document.trouble {
            text.line(format_args!("    {}", trouble.why));
        }
    }
    text.line(match (paused, served) {
        (true, _) => "Pointsman was paused meanwhile: `pointsman resume`, then call this again",
        (false, true) => GOES_ON,
        (false, false) => GOES_ON_LATER,
    });
    text.into()
}
