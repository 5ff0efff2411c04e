//! `pause`, `resume`, `release`: the off switch; [`undo`](super::undo) is its smaller part.
//!
//! A pause and a resume are stored, and nothing is decided against them from then on. An undo and a
//! release go by way of the queue (see [`dispatch`](super::dispatch)).

use std::{
    collections::{BTreeMap, BTreeSet},
    process::ExitCode,
    time::Duration,
};

use clap::Args;
use jiff::SignedDuration;
use pointsman_core::{
    document::Document,
    form::meant,
    group::{Pause, Paused, Scope},
    id::{MessageId, ReconnectId},
    lease::later,
    names::{BackendId, PlayName},
    overrides::Override,
};
use pointsman_engine::{
    message::Command,
    pause::{self, Switched, paused},
};
use pointsman_host::{Records, config::Needs};
use pointsman_view::{self as view, Reader};
use tokio::time::Instant;

use super::{
    ask,
    by::{By, Reason, said},
    dispatch::{Dispatch, LOOK_EVERY, goes_on},
    find,
    hand::lasts,
    wait::Wait,
};
use crate::{common::Common, failed::Failed, page::Page, show};

/// How long a pause waits for the answers to writes that were sent before it.
const ANSWERED_WITHIN: Duration = Duration::from_secs(10);

/// What `release` takes.
#[derive(Clone, Debug, Args)]
pub(crate) struct ReleaseOptions {
    /// Release everything: nothing less can be released.
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
    /// The reason, for the ledger.
    #[arg(long, default_value = "release --all", value_name = "TEXT", value_parser = said)]
    reason: String,
    #[command(flatten)]
    by: By,
}

/// What a pause is of; of everything, where it does not say.
#[derive(Clone, Debug, Args)]
pub(crate) struct Of {
    /// Only this pool: nothing is written to it.
    #[arg(long, value_name = "POOL")]
    pool: Option<String>,
    /// Only this play: it begins nothing; what it has begun stays, and ends as it would.
    #[arg(long, value_name = "PLAY", conflicts_with = "pool")]
    play: Option<PlayName>,
}

impl Of {
    /// What is meant. A play need not be there any more to be resumed.
    async fn paused(&self, records: &Records, must_exist: bool) -> Result<Paused, Failed> {
        if let Some(pool) = &self.pool {
            return Ok(Paused::Pool(find::backend(records, pool).await?));
        }
        let Some(play) = &self.play else { return Ok(Paused::Everything) };
        if must_exist {
            let playbook = ask::playbook_in_force(records).await?;
            let names = playbook.plays.iter().map(|known| known.name.as_str());
            if playbook.play(play).is_none() {
                let meant = meant(play.as_str(), "plays", names);
                return Err(Failed::new(format_args!("there is no play `{play}`: {meant}")));
            }
        }
        Ok(Paused::Play(play.clone()))
    }
}

/// What `pause` takes.
#[derive(Clone, Debug, Args)]
pub(crate) struct PauseOptions {
    #[command(flatten)]
    of: Of,
    /// For how long, such as 30m or 2h: 30 days at most. Without it, until `resume`.
    #[arg(long = "for", value_name = "DURATION", value_parser = lasts)]
    lasts: Option<SignedDuration>,
    #[command(flatten)]
    reason: Reason,
}

/// What `mute` takes.
#[derive(Clone, Debug, Args)]
pub(crate) struct MuteOptions {
    /// The play, as the playbook calls it.
    play: PlayName,
    /// For how long, such as 30m or 2h: 30 days at most.
    #[arg(long = "for", value_name = "DURATION", value_parser = lasts)]
    lasts: SignedDuration,
    #[command(flatten)]
    reason: Reason,
}

impl From<MuteOptions> for PauseOptions {
    fn from(MuteOptions { play, lasts, reason }: MuteOptions) -> Self {
        Self { of: Of { pool: None, play: Some(play) }, lasts: Some(lasts), reason }
    }
}

/// What `resume` takes.
#[derive(Clone, Debug, Args)]
pub(crate) struct ResumeOptions {
    #[command(flatten)]
    of: Of,
    /// The reason, for the ledger.
    #[arg(long, value_name = "TEXT", value_parser = said)]
    reason: Option<String>,
    #[command(flatten)]
    by: By,
}

pub(crate) async fn pause(common: &Common, options: PauseOptions) -> Result<ExitCode, Failed> {
    let (file, was_there) = common.store(&common.config(Needs::Store)?)?;
    let records = common.open().await?;
    let (served, now) = (records.are_consumed()?, records.clock.now());
    let PauseOptions { of, lasts, reason: Reason { reason, by } } = options;
    let of = of.paused(&records, true).await?;
    let until = lasts.map(|lasts| later(now, lasts));
    let pause = Pause { by: by.by, reason, at: now, until };
    let switched = pause::pause(&*records.store, &*records.queue, &of, &pause).await?;
    // What was recorded before the pause may be on its way to Azure at this moment.
    let end = Instant::now() + ANSWERED_WITHIN;
    let unanswered = loop {
        let unanswered = unanswered(&records, &of).await?;
        if unanswered.is_empty() || !records.are_consumed()? || Instant::now() >= end {
            break unanswered;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    };
    records.close().await;
    let reader = common.reader(now);
    let told = told(common, &of, switched, served, &unanswered);
    let by_whom = if served { "" } else { ", and the next `serve` keeps to that" };
    let mut text = Page::of(match &told.paused {
        Some(pause) if told.already => format!("paused already,{}", pause.says(&reader)),
        Some(view::Pause { until: Some(until), .. }) => {
            format!("{of} is paused until {}{by_whom}", reader.time(*until))
        }
        Some(_) | None => format!("{of} is paused{by_whom}"),
    });
    if let Some(pause) = &told.paused {
        text.line(pause.means(&reader));
    }
    if !served {
        text.line(format_args!(
            "no `serve` is running on the store {}{}; one that runs on another is not paused by this",
            file.display(),
            if was_there { "" } else { ", which was made just now" }
        ));
    }
    for backend in &unanswered {
        let short = backend.short();
        text.line(format_args!(
            "a write or a reconnect for {short} {} sent before the pause, and Azure has not answered it \
             yet: `pointsman explain {short}` shows its answer",
            reader.tells("was", "would have been")
        ));
    }
    common.print(&told, &text)
}

fn told(
    common: &Common,
    of: &Paused,
    switched: Switched,
    served: bool,
    unanswered: &[BackendId],
) -> view::Switched {
    let (paused, already) = match switched {
        Switched::Done(pause) => (pause, false),
        Switched::Already(pause) => (pause, true),
    };
    view::Switched {
        version: view::VERSION,
        shadow: common.shadow,
        already,
        served,
        paused: paused.map(|pause| view::Pause::from((of.clone(), pause))),
        unanswered: unanswered.iter().map(ToString::to_string).collect(),
    }
}

/// The backends with a write or a reconnect that may be under way.
async fn unanswered(records: &Records, of: &Paused) -> Result<Vec<BackendId>, Failed> {
    let open = ask::documents(records).await?.into_iter().filter(Document::is_unanswered);
    let open = open.map(|document| document.backend);
    Ok(open.filter(|backend| Paused::of(backend).contains(of)).collect())
}

pub(crate) async fn resume(common: &Common, options: ResumeOptions) -> Result<ExitCode, Failed> {
    let records = common.open().await?;
    let of = options.of.paused(&records, false).await?;
    let Records { store, queue, clock, .. } = &records;
    let who = (options.by.by.as_str(), options.reason.as_deref());
    let switched = pause::resume(&**store, &**queue, &of, who, clock.now()).await?;
    let (served, reader) = (records.are_consumed()?, common.reader(clock.now()));
    records.close().await;
    let who = if served { "Pointsman" } else { "the next `serve`" };
    let writes = reader.tells("writes", "would write");
    let text = match (&switched, &of) {
        (Switched::Already(_), Paused::Everything) => "it was not paused".to_owned(),
        (Switched::Already(_), of) => format!("{of} was not paused by itself"),
        (Switched::Done(_), Paused::Everything) => {
            format!("resumed: {who} {writes} to Azure again")
        }
        (Switched::Done(_), Paused::Pool(_)) => {
            format!("{of} is resumed: {who} {writes} to it again")
        }
        (Switched::Done(_), Paused::Play(_)) => format!("{of} is resumed: it begins again"),
    };
    common.print(&told(common, &of, switched, served, &[]), &Page::of(text))
}

/// The reconnects of a backend that can still be cancelled.
pub(super) fn waiting(document: &Document) -> BTreeMap<ReconnectId, view::Reconnect> {
    let waiting = document.reconnects.iter().filter(|(_, reconnect)| reconnect.is_waiting());
    waiting.map(|(id, reconnect)| (id.clone(), view::Reconnect::of(reconnect))).collect()
}

/// What is said of a reconnect that was cancelled.
pub(super) fn cancelled(reconnect: &view::Reconnect, reader: &Reader) -> String {
    let name = &reconnect.name;
    let would = reader.tells("", "would have ");
    match reconnect.due {
        Some(due) => {
            let due = reader.time(due);
            format!("{would}cancelled: the reconnect of {name} that was due at {due}")
        }
        None => format!("{would}cancelled: the reconnect of {name} after {}", reconnect.follows()),
    }
}

pub(crate) async fn release(common: &Common, options: ReleaseOptions) -> Result<ExitCode, Failed> {
    let (file, is_there) = common.store(&common.config(Needs::Store)?)?;
    if !is_there {
        return Err(Failed::new(format_args!(
            "there is no store at {}: either Pointsman has changed nothing yet, or this is not the \
             configuration that `serve` uses",
            file.display()
        )));
    }
    let mut dispatch = Dispatch::open(common).await?;
    if let Some((of, pause)) = stop(&dispatch.records).await? {
        dispatch.close().await?;
        let means = view::Pause::from((of.clone(), pause.clone())).means(&common.reader(pause.at));
        return Err(Failed::new(format_args!(
            "{of} is paused ({}, by {}), and cannot be released under that: {means}",
            pause.reason, pause.by
        )));
    }
    let before = ask::documents(&dispatch.records).await?;
    let counted = ask::counted(&dispatch.records, &before).await?;
    let release = Command::ReleaseAll { reason: options.reason };
    let command = dispatch.send(&options.by, release).await?;
    let within = Duration::from_secs(options.within.into());
    let mut wait = Wait::new();
    let released = async |records: &Records| {
        let documents = ask::documents(records).await?;
        wait.tell(&documents, &common.reader(records.clock.now()));
        let busy = documents.iter().any(|document| !document.is_at_rest());
        Ok(!busy && is_taken_in(records, &command).await?)
    };
    let restored = dispatch.until(within, released).await?;
    let after = ask::documents(&dispatch.records).await?;
    let paused = stop(&dispatch.records).await?.is_some();
    let (served, reader) = (dispatch.is_served()?, common.reader(dispatch.records.clock.now()));
    dispatch.close().await?;
    // A `serve` takes back what may still land.
    let mut busy = after.iter().filter(|document| !document.is_at_rest());
    let only_watched = served && busy.all(Document::is_restored);
    if !restored && !only_watched {
        return Err(not_restored(&after, paused, served, options.within, &reader));
    }
    for document in &after {
        if let Some(may_land) = view::may_land(document, &reader) {
            show::note(format_args!("{}: {may_land}", document.backend.short()));
        }
    }
    if served {
        show::note(format_args!(
            "`serve` is still running: the next alert {} traffic again, unless you stop or pause it",
            reader.tells("moves", "would move")
        ));
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
    let alerts = ended
        .iter()
        .map(|over| (over.id.to_string(), view::Alerts::of(over, counted.get(&over.id).copied())));
    let alerts: BTreeMap<String, view::Alerts> = alerts.collect();
    let mut text = Page::of_output();
    let would = reader.tells("", "would have ");
    for over in &ended {
        text.line(format_args!("{would}ended: {} ({})", over.effect, over.id));
    }
    view::still_firing(alerts.values(), &reader).iter().for_each(|still| text.line(still));
    for reconnect in &reconnects {
        text.line(cancelled(reconnect, &reader));
    }
    let is = reader.tells("is", "would be");
    text.line(format_args!("{would}released: every backend {is} as its owner left it"));
    let released = view::Released {
        version: view::VERSION,
        shadow: common.shadow,
        released: true,
        served,
        ended: ended.iter().map(|over| over.id.to_string()).collect(),
        alerts,
        cancelled: reconnects,
    };
    common.print(&released, &text)
}

/// A pause under which a backend cannot be written to.
async fn stop(records: &Records) -> Result<Option<(Paused, Pause)>, Failed> {
    let documents = ask::documents(records).await?;
    let stops = documents.iter().flat_map(|document| Paused::of(&document.backend));
    let stops: Vec<Paused> = stops.chain([Paused::Everything]).collect();
    Ok(paused(&*records.store, stops, records.clock.now()).await?.into_iter().next())
}

/// Whether a command was taken in.
async fn is_taken_in(records: &Records, command: &MessageId) -> Result<bool, Failed> {
    let groups = records.store.groups(&[Scope::Commands].into()).await?;
    Ok(groups.values().any(|group| group.body.commands.contains_key(command)))
}

fn not_restored(
    documents: &[Document],
    paused: bool,
    served: bool,
    within: u32,
    reader: &Reader,
) -> Failed {
    let was = reader.tells("was", "would have been");
    let should_be = reader.tells("should be", "would have to be");
    let mut text = Page::of(format_args!("not everything {was} restored within {within} s"));
    for document in documents.iter().filter(|document| !document.is_at_rest()) {
        text.line(format_args!("  {}", document.backend.short()));
        for (field, owned) in &document.owned {
            let kept = owned.unmet().map(|_| format!(", and Azure keeps {}", owned.written));
            let kept = kept.unwrap_or_default();
            text.line(format_args!("    {field} {should_be} {} again{kept}", owned.baseline));
        }
        if let Some(may_land) = view::may_land(document, reader) {
            text.line(format_args!("    {may_land}"));
        }
        if let Some(missing) = view::Missing::of(document, reader.now()) {
            text.line(format_args!("    MISSING: {}", missing.says(reader)));
        }
        if let Some(trouble) = &document.trouble {
            text.line(format_args!("    {}", trouble.why));
        }
    }
    text.line(match (paused, served) {
        (true, _) => {
            "Pointsman was paused meanwhile: `pointsman resume`, then run this command again"
                .to_owned()
        }
        (false, served) => {
            let busy = documents.iter().filter(|document| !document.is_at_rest());
            goes_on(served, &busy.map(|document| &document.backend).collect::<Vec<_>>())
        }
    });
    text.into()
}
