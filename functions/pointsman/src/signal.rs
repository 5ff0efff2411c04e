//! `pointsman signal`: a test alert, which goes the way that a real one goes.
//!
//! It is sent to the webhook of the running `serve`, with what proves the source, and it is an alert like
//! any other: it may move traffic. What it led to is read in the store, as every other command does.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::ExitCode,
    time::Duration,
};

use clap::{Args, Subcommand};
use jiff::{SignedDuration, Timestamp};
use pointsman_core::{
    id::{LineId, OverrideId},
    ledger,
    names::{BackendId, SourceName},
    notice::Kind,
    signal::SeriesId,
};
use pointsman_engine::{Mode, ports::Versioned};
use pointsman_host::{
    Config, Records,
    config::{Needs, Proof, Sender},
    server::Stop,
};
use pointsman_intake::alertmanager;
use pointsman_view::{
    self as view, History, Ids, Notice, Reader, Sent, SentOverride, StandingKind, UndoneBefore,
};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{common::Common, failed::Failed, page::Page, show};

/// How long an answer to the webhook may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// How often the store is looked at for what an alert led to.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// For how long a watchdog counts as heard just now: `serve` saves it only now and then.
const HEARD_WITHIN: SignedDuration = SignedDuration::from_secs(30);

/// How many lines of the ledger are looked through for those of the alert.
const LINES_MAX: usize = 500;

/// How long an alert of `--for` may fire, in seconds.
const FOR_SECS_MAX: i64 = 24 * 3_600;

/// What the annotation of a test alert says.
const SUMMARY: &str = "a test alert, sent by `pointsman signal send`";

/// What the exit code says, for the help.
const EXIT: &str = "Exit codes: 0 it led to something, if only to an override that is held, or it was heard as the \
                    watchdog of its source; 1 it led to nothing, or could not be sent; 2 wrong usage.";

/// What can be done with signals.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    /// Send a test alert to the running `serve`, and show what it leads to. It acts like a real one.
    #[command(after_help = EXIT)]
    Send(Options),
}

/// What `send` takes.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// The alert's name: its label `alertname`.
    #[arg(long, value_name = "NAME")]
    alert: String,
    /// A label of it; may be repeated. The same labels are the same alert.
    #[arg(long, value_name = "NAME=VALUE", value_parser = label)]
    label: Vec<(String, String)>,
    /// How bad it is: its label `severity`; without one it counts as a warning.
    #[arg(long, value_name = "SEVERITY")]
    severity: Option<String>,
    /// Say that the same alert is over.
    #[arg(long, alias = "resolve", conflicts_with = "lasts")]
    resolved: bool,
    /// Let it fire for so long, as in `90s` or `5m`, and then say that it is over.
    #[arg(long = "for", id = "lasts", value_name = "DURATION", value_parser = lasts)]
    lasts: Option<Duration>,
    /// Which source it comes from; the first configured one by default.
    #[arg(long, value_name = "NAME")]
    source: Option<SourceName>,
    /// Where `serve` listens, if it is not at the configured address of this machine.
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// How long to wait for what it leads to, in seconds.
    #[arg(
        long,
        default_value_t = 20,
        value_name = "SECONDS",
        value_parser = clap::value_parser!(u32).range(1..=3600)
    )]
    within: u32,
}

fn label(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        Some(_) | None => Err("write it as NAME=VALUE: `backend=eu`".to_owned()),
    }
}

fn lasts(text: &str) -> Result<Duration, String> {
    let read = text.parse::<SignedDuration>().ok();
    let most = SignedDuration::from_secs(FOR_SECS_MAX);
    let fits = read.filter(|read| read.is_positive() && *read <= most);
    let fits = fits.and_then(|read| Duration::try_from(read).ok());
    fits.ok_or_else(|| "it is like `90s` or `5m`, and 24h at most".to_owned())
}

pub(crate) async fn command(common: &Common, command: Command) -> Result<ExitCode, Failed> {
    match command {
        Command::Send(options) => send(common, &options).await,
    }
}

async fn send(common: &Common, options: &Options) -> Result<ExitCode, Failed> {
    let config = common.config(Needs::Store)?;
    let sender = Config::sender(&common.config, options.source.as_ref())
        .map_err(|error| Failed::of_text(&error.to_string()))?
        .ok_or_else(|| no_source(&config, options.source.as_ref()))?;
    let door = Door::new(&config, options, sender)?;
    let first = if options.resolved { What::Resolved } else { What::Fires };
    let mut led = door.knock(common, options, first).await?;
    if let Some(lasts) = options.lasts {
        // An interrupt ends the wait, and not the alert's end with it.
        let signalled = Stop::signals()?;
        show::note(format_args!("it fires for {lasts:?}; ctrl-c ends it now"));
        tokio::select! {
            () = signalled => {}
            () = tokio::time::sleep(lasts) => {}
        }
        led |= door.knock(common, options, What::Resolved).await?;
    }
    Ok(if led { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn no_source(config: &Config, named: Option<&SourceName>) -> Failed {
    match (named, config.source_names.as_slice()) {
        (_, []) => Failed::new("no source is configured: add one under `sources`"),
        (None, [..]) => Failed::new("no source can be used"),
        (Some(named), names) => {
            let names: Vec<&str> = names.iter().map(SourceName::as_str).collect();
            Failed::new(format_args!(
                "no source is called {named}; configured are: {}",
                names.join(", ")
            ))
        }
    }
}

/// What is told of the alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Fires,
    Resolved,
}

/// The webhook that a test alert is sent to, and the alert.
struct Door {
    client: reqwest::Client,
    url: String,
    sender: Sender,
    labels: BTreeMap<String, String>,
    series: SeriesId,
    /// Whether it is the watchdog of its source, by the configuration.
    is_watchdog: bool,
}

impl Door {
    fn new(config: &Config, options: &Options, sender: Sender) -> Result<Self, Failed> {
        let base = match (&options.url, config.listen) {
            (Some(url), _) => url.trim_end_matches('/').to_owned(),
            (None, listen) if listen.port() == 0 => {
                return Err(Failed::new(
                    "the configuration's `listen` takes any free port: say where `serve` listens with --url URL",
                ));
            }
            (None, mut listen) => {
                if listen.ip().is_unspecified() {
                    let is_4 = listen.is_ipv4();
                    listen.set_ip(if is_4 {
                        [127, 0, 0, 1].into()
                    } else {
                        [0, 0, 0, 0, 0, 0, 0, 1].into()
                    });
                }
                format!("http://{listen}")
            }
        };
        let mut labels: BTreeMap<String, String> = options.label.iter().cloned().collect();
        labels.insert("alertname".to_owned(), options.alert.clone());
        if let Some(severity) = &options.severity {
            labels.insert("severity".to_owned(), severity.clone());
        }
        let now = Timestamp::now();
        // What the source calls it is worked out where a real one's is.
        let body = body(&labels, now, None).to_string();
        let batch = alertmanager::read(&sender.name, body.as_bytes(), now)?;
        let [signal] = batch.signals.as_slice() else {
            let why = batch.unusable.first().map(|alert| alert.reason.clone());
            let why = why.unwrap_or_default();
            return Err(Failed::new(format_args!("this alert cannot be sent: {why}")));
        };
        if let Some(said) = &options.severity
            && !said.eq_ignore_ascii_case(&signal.severity.to_string())
        {
            show::note(format_args!("the severity {said} counts as {}", signal.severity));
        }
        let client = reqwest::Client::builder().no_proxy().timeout(ANSWER_WITHIN).build()?;
        let url = format!("{base}{}", sender.path);
        let watchdog = config.watchdogs.get(&sender.name);
        let is_watchdog = watchdog.is_some_and(|watchdog| watchdog.alert == options.alert);
        Ok(Self { client, url, series: signal.series.clone(), sender, labels, is_watchdog })
    }

    /// Tells of the alert, waits for what that leads to, and shows it; says whether it led to anything.
    async fn knock(&self, common: &Common, options: &Options, what: What) -> Result<bool, Failed> {
        let (records, mode) = (common.records().await?, common.mode());
        let before = Seen::read(&records, &self.series, &BTreeSet::new(), mode).await?;
        let known = records.store.history(None, LINES_MAX).await?;
        let known: BTreeSet<LineId> = known.into_iter().map(|line| line.id).collect();
        let now = Timestamp::now();
        let started = before.started.unwrap_or(now);
        let ended = (what == What::Resolved).then_some(now);
        // A store that was not there is made by `serve` alone, and is opened anew.
        let missing = records.is_of_nothing();
        self.post(&body(&self.labels, started, ended)).await?;
        let records = if missing {
            records.close().await;
            common.records().await?
        } else {
            records
        };
        let end = Instant::now() + Duration::from_secs(options.within.into());
        let looked = async {
            loop {
                let after = Seen::read(&records, &self.series, &before.claims, mode).await?;
                // In the queue there may be others, and no end of them.
                let is_told = after.lines.iter().any(|line| {
                    line.what.series() == Some(&self.series) && !known.contains(&line.id)
                });
                let is_settled = !after.is_under_way && (after.is_taken || is_told);
                if is_settled || Instant::now() >= end {
                    return Ok::<_, Failed>((after, is_settled));
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        let (after, is_settled) = show::patiently("what it leads to", looked).await?;
        let lines: Vec<ledger::Line> =
            after.lines.into_iter().filter(|line| !known.contains(&line.id)).collect();
        let notices = records.store.notices().await?;
        let heard = notices.get(Kind::Watchdog, self.sender.name.as_str());
        let heard = heard.is_some_and(|heard| now.duration_since(heard.latest) < HEARD_WITHIN);
        let watchdog = self.is_watchdog && what == What::Fires && heard;
        let mut noticed = Notice::all(&notices);
        noticed.retain(|notice| notice.source == self.sender.name.as_str() && notice.latest >= now);
        let reader = common.reader(records.clock.now());
        records.close().await;
        let sent = Sent {
            version: view::VERSION,
            shadow: common.shadow,
            series: self.series.to_string(),
            url: self.url.clone(),
            resolved: what == What::Resolved,
            // That it was heard is not yet an effect.
            led: watchdog
                || !after.overrides.is_empty()
                || lines.iter().any(|line| line.what.series().is_none()),
            watchdog,
            settled: is_settled,
            lines: History::of(&lines, common.shadow).lines,
            noticed,
            overrides: after.overrides,
            undone: after.undone,
        };
        if common.json {
            show::json_line(&sent)?;
        } else {
            let ids: Ids = after.ids.into_iter().chain(sent.ids().map(Clone::clone)).collect();
            let page = describe(&sent, &ids, &reader, (self.is_watchdog, options.within));
            show::page(&page)?;
        }
        Ok(sent.led)
    }

    async fn post(&self, body: &Value) -> Result<(), Failed> {
        let request = self.client.post(&self.url).json(body);
        let request = match &self.sender.proof {
            Proof::Bearer(token) => request.bearer_auth(token.expose()),
            Proof::Basic(user, password) => request.basic_auth(user, Some(password.expose())),
        };
        let url = &self.url;
        let answer = request.send().await.map_err(|error| {
            let why = view::with_causes(&error.without_url());
            Failed::new(format_args!("nothing takes alerts at {url}: {why}"))
                .and("start `pointsman serve`, or say where it listens with --url URL")
        })?;
        let status = answer.status();
        let Sender { name, place, .. } = &self.sender;
        let why = match status {
            StatusCode::ACCEPTED => return Ok(()),
            // `serve` answers so where none came; one was sent.
            StatusCode::UNAUTHORIZED => format!(
                "{url} answered 401, as if no secret came with it; the one in {place} was sent: something on \
                 the way takes it out or wants its own, so name where `serve` itself listens with --url URL"
            ),
            StatusCode::FORBIDDEN => format!(
                "the `serve` at {url} does not take the secret in {place}, which `sources` names for {name}: \
                 put the one there that `serve` was started with, or start it again, for it read its own then"
            ),
            StatusCode::NOT_FOUND => {
                format!("{url} is not a webhook: the `serve` there has another configuration")
            }
            _ => {
                let text: String =
                    answer.text().await.unwrap_or_default().chars().take(500).collect();
                format!("{url} answered {status}: {text}")
            }
        };
        Err(Failed::new(why))
    }
}

/// What it led to, in words.
fn describe(sent: &Sent, ids: &Ids, reader: &Reader, (is_watchdog, within): (bool, u32)) -> Page {
    let mut out = Page::of_output();
    let told = if sent.resolved { "it is over" } else { "it fires" };
    out.line(format_args!("{}: {told}; sent to {}", sent.series, sent.url));
    for view::Line { at, name, what, .. } in &sent.lines {
        let name = name.as_ref().map_or_else(String::new, |name| format!("{name}: "));
        let says = reader.retold(&what.cut(ids), Reader::second);
        out.line(format_args!("  {}  {name}{says}", reader.second(*at)));
    }
    for notice in &sent.noticed {
        out.line(format_args!("  {}", reader.retold(&notice.says, Reader::second)));
    }
    for SentOverride { backend, over } in &sent.overrides {
        let view::Override { id, effect, standing, .. } = over;
        let id = ids.short(id);
        out.line(format_args!("now {backend}: {id}  {effect}: {}", standing.says));
    }
    if !sent.settled {
        out.line(format_args!("not all of it is done within {within} s: see `pointsman status`"));
    }
    match (sent.led, sent.undone.as_slice()) {
        (true, _) if sent.watchdog => {
            out.line("it was heard as the watchdog of its source: alerts arrive; no play is asked about it");
        }
        (true, _) => {}
        (false, _) if is_watchdog && sent.resolved => {
            out.line("it is the watchdog of its source, whose end changes nothing: only its silence counts");
        }
        (false, _) if is_watchdog => out.line(
            "the configuration calls it the watchdog of its source, and the running `serve` has not heard it \
             so: it read its configuration when it was started",
        ),
        (false, []) => out.line("it led to nothing: there is no override for it"),
        (false, undone) => {
            out.line("it led to nothing, because what it asks for was undone while it was firing:");
            for undone in undone {
                let says = undone.says(reader).replace(&undone.id, ids.short(&undone.id));
                out.line(format_args!("  {says}"));
            }
            out.line("it has an effect again once it has resolved (`--resolved`) and fires anew");
        }
    }
    out
}

/// What the store says of the alert.
struct Seen {
    /// When what runs of it started, if it does.
    started: Option<Timestamp>,
    /// What it asks for, and has asked for.
    claims: BTreeSet<(BackendId, OverrideId)>,
    /// The overrides of those.
    overrides: Vec<SentOverride>,
    /// What it asks for, and was undone.
    undone: Vec<UndoneBefore>,
    /// The lines of the ledger about it and about those.
    lines: Vec<ledger::Line>,
    /// The ids of all overrides.
    ids: Vec<String>,
    /// Whether all that was sent before was taken in.
    is_taken: bool,
    /// Whether something of it is about to change at once.
    is_under_way: bool,
}

impl Seen {
    /// Reads it; `claims` are those that are known already.
    async fn read(
        records: &Records,
        series: &SeriesId,
        claims: &BTreeSet<(BackendId, OverrideId)>,
        mode: Mode,
    ) -> Result<Self, Failed> {
        // Before all else: what is taken in after that is not missed.
        let is_taken =
            records.store.outbox(1).await?.is_empty() && records.queue.depth().await? == 0;
        let stored = records.store.series(std::slice::from_ref(series)).await?;
        let running = stored.into_iter().find_map(|Versioned { body, .. }| body.running);
        let mut claims = claims.clone();
        let asks = running.iter().flat_map(|running| &running.claims);
        claims.extend(asks.map(|claim| (claim.backend.clone(), claim.id.clone())));
        let reader = Reader::utc(records.clock.now()).in_mode(mode);
        let (mut overrides, mut ids, mut is_under_way) = (Vec::new(), Vec::new(), false);
        for Versioned { body: document, .. } in records.store.documents().await? {
            ids.extend(document.overrides.keys().map(ToString::to_string));
            if !claims.iter().any(|(backend, _)| *backend == document.backend) {
                continue;
            }
            let backend = view::Backend::of(&document, None, &BTreeMap::new(), &reader);
            let ours = |over: &view::Override| {
                claims.iter().any(|(at, id)| *at == document.backend && id.as_str() == over.id)
            };
            is_under_way |= backend.trouble.is_none()
                && (!backend.writes.is_empty()
                    || backend.overrides.iter().filter(|over| ours(over)).any(is_about_to_change));
            let mine = backend.overrides.into_iter().filter(ours);
            let name = &backend.name;
            overrides.extend(mine.map(|over| SentOverride { backend: name.clone(), over }));
        }
        let mut lines = records.store.history(None, LINES_MAX).await?;
        let undone = running.iter().flat_map(|running| UndoneBefore::all(running, &lines));
        let undone = undone.collect();
        lines.retain(|line| {
            let of_ours = |backend: &BackendId| claims.iter().any(|(known, _)| known == backend);
            line.what.series() == Some(series)
                || (line.what.series().is_none() && line.backend.as_ref().is_some_and(of_ours))
        });
        Ok(Self {
            started: running.map(|running| running.latest),
            claims,
            overrides,
            undone,
            lines,
            ids,
            is_taken,
            is_under_way,
        })
    }
}

/// Whether an override is about to be something else at once.
fn is_about_to_change(over: &view::Override) -> bool {
    match over.standing.kind {
        StandingKind::Unread | StandingKind::Claimed | StandingKind::Decided => true,
        StandingKind::Held
        | StandingKind::Shadow
        | StandingKind::InForce
        | StandingKind::Displaced
        | StandingKind::Yielded
        | StandingKind::Ending => false,
    }
}

/// The body of a webhook, version "4", as Alertmanager sends it.
fn body(labels: &BTreeMap<String, String>, started: Timestamp, ended: Option<Timestamp>) -> Value {
    let status = if ended.is_some() { "resolved" } else { "firing" };
    // What Go writes for a time that is not set.
    let ended = ended.map_or_else(|| "0001-01-01T00:00:00Z".to_owned(), |at| at.to_string());
    json!({
        "version": "4",
        "receiver": "pointsman",
        "status": status,
        "groupLabels": labels,
        "commonLabels": labels,
        "commonAnnotations": {"summary": SUMMARY},
        "externalURL": "",
        "groupKey": "{}:{}",
        "truncatedAlerts": 0,
        "alerts": [{
            "status": status,
            "labels": labels,
            "annotations": {"summary": SUMMARY},
            "startsAt": started.to_string(),
            "endsAt": ended,
            "generatorURL": "",
        }],
    })
}
