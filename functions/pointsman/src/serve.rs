//! `pointsman serve`: every function in one process, on the embedded store and queue.

use std::{net::SocketAddr, process::ExitCode, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use clap::Args;
use jiff::{SignedDuration, Timestamp};
use pointsman_alerts::Unsaved;
use pointsman_core::{
    names::SourceName,
    notice::{Kind, Notices, SERVE, Sort},
};
use pointsman_engine::{
    Mode,
    direct::{self, Direct},
};
use pointsman_host::{
    Config, Parts,
    config::{Needs, Webhook},
    server::{self, Stop},
    wiring::{Role, store_file},
};
use pointsman_view::{self as view, Reader};
use serde_json::json;
use tokio::{
    sync::Mutex,
    task::{JoinHandle, JoinSet},
};

use crate::{calendar, common::Common, failed::Failed, page::Page, playbook, show};

/// How long `serve` waits for an operator's command to be done with the queue, and how often it
/// tries.
const CONSUME_WITHIN: Duration = Duration::from_secs(2);
const CONSUME_EVERY: Duration = Duration::from_millis(50);

/// For how long it is remembered whether the store can store, and what is measured, in seconds. To find
/// out takes a durable write, or reads all documents, and it may be asked often.
const PROBE_SECS: i64 = 1;

/// The form of `/metrics`.
const METRICS_TYPE: &str = "text/plain; version=0.0.4";

/// What `serve` takes.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Options {
    /// Publish the configured playbook as the new generation, if it differs from the one in force.
    #[arg(long)]
    publish: bool,
}

/// A running `serve`.
pub(crate) struct Serving {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// Its parts.
    pub(crate) parts: Parts,
    tasks: JoinSet<()>,
    http: JoinHandle<std::io::Result<()>>,
    /// What is to be saved once nothing is taken any more.
    unsaved: Unsaved,
    stop: Stop,
}

pub(crate) async fn command(common: &Common, options: &Options) -> Result<ExitCode, Failed> {
    let config = common.config(Needs::Everything)?;
    // Registered before it says that it listens, so that a stop right after that is not missed.
    let signalled = Stop::signals()?;
    let serving = Serving::start(&config, common.mode(), options, |router| router).await?;
    if common.mode() == Mode::Shadow {
        tracing::warn!(
            "shadow mode: everything is decided and recorded, and nothing is written to Azure"
        );
    }
    // A line of its own on standard output, for programs that start it and want to know the port.
    let url = format!("http://{}", serving.address);
    let webhooks = config.webhooks.iter().map(|Webhook { path, source, .. }| (source.name(), path));
    if common.json {
        let webhook = |(source, path): (&SourceName, &String)| view::Webhook {
            source: source.to_string(),
            url: format!("{url}{path}"),
        };
        let webhooks = webhooks.map(webhook).collect();
        let (version, shadow) = (view::VERSION, common.shadow);
        show::json_line(&view::Listening { version, listening: url, shadow, webhooks })?;
    } else {
        let mut page = Page::of(format_args!("listening on {url}"));
        for (source, path) in webhooks {
            page.line(format_args!("  alerts of {source}: POST {url}{path}"));
        }
        if common.shadow {
            page.line("  shadow: nothing is written to Azure");
        }
        show::page(&page)?;
    }
    let mut serving = serving;
    tokio::select! {
        () = signalled => {}
        // A restart is better than taking alerts that nobody acts on.
        failed = serving.broken() => return Err(failed),
    }
    tracing::info!("stopping: finishing what was begun");
    serving.stop().await?;
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}

impl Serving {
    /// Starts everything; `wrap` adds to what listens.
    pub(crate) async fn start(
        config: &Config,
        mode: Mode,
        options: &Options,
        wrap: impl FnOnce(Router) -> Router,
    ) -> Result<Self, Failed> {
        let parts = open(config, mode).await?;
        if parts.records.is_first && mode == Mode::Live {
            tracing::warn!(
                store = %store_file(config, mode).display(),
                "this store is new: overrides that another store has set are not known here, and \
                 count as what the owners left"
            );
        }
        put_in_force(&parts, config, options).await?;
        note_start(&parts).await?;
        if config.webhooks.is_empty() {
            tracing::warn!("no sources are configured: only commands can be received");
        }
        let stop = Stop::default();
        let (direct, incoming) = direct::way();
        let (router, unsaved) = router(config, &parts, direct, &stop);
        let router = wrap(router);
        let (address, http) =
            server::serve(config.listen, router, &stop).await.map_err(|error| {
                Failed::new(format_args!("cannot listen on {}: {error}", config.listen))
            })?;
        // A token and a connection ahead of need: the first alert should not wait for them.
        let azure = parts.azure.clone();
        tokio::spawn(async move {
            if let Err(error) = azure.warm(uuid::Uuid::now_v7().into()).await {
                tracing::warn!("Azure is not reached yet: {}", error.full());
            }
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(pointsman_reconcile::run(parts.clone(), incoming, stop.clone()));
        let heartbeat = config.heartbeat.clone();
        tasks.spawn(pointsman_schedule::run(parts.clone(), heartbeat, stop.clone()));
        if let Some(every) = parts.check_every {
            tasks.spawn(pointsman_schedule::check::run(parts.engine.clone(), every, stop.clone()));
        }
        tracing::info!(%address, store = %store_file(config, mode).display(), "serving");
        Ok(Self { address, parts, tasks, http, unsaved, stop })
    }

    /// Waits until a part of it ends although no stop was asked for, which is a bug.
    async fn broken(&mut self) -> Failed {
        let why = tokio::select! {
            Some(ended) = self.tasks.join_next() => ended.err().map(|error| error.to_string()),
            ended = &mut self.http => match ended {
                Ok(served) => served.err().map(|error| error.to_string()),
                Err(error) => Some(error.to_string()),
            },
        };
        Failed::new(format_args!(
            "a part of `serve` has ended by itself, which is a bug in Pointsman: {}",
            why.as_deref().unwrap_or("no reason is known")
        ))
    }

    /// Takes nothing more, finishes what is held, and closes the store.
    pub(crate) async fn stop(mut self) -> Result<(), Failed> {
        self.stop.ask();
        self.http.await??;
        self.unsaved.save().await;
        while let Some(ended) = self.tasks.join_next().await {
            ended?;
        }
        self.parts.close().await;
        Ok(())
    }
}

/// Opens the parts as the one that takes messages out of the queue. An operator's command takes some
/// out for a moment; another `serve` does so until it is stopped.
async fn open(config: &Config, mode: Mode) -> Result<Parts, Failed> {
    let end = tokio::time::Instant::now() + CONSUME_WITHIN;
    loop {
        match Parts::open(config, mode, Role::Consumer).await {
            Err(error) if error.is_consumed_already() => {}
            opened => return Ok(opened?),
        }
        if tokio::time::Instant::now() >= end {
            return Err(Failed::new(format_args!(
                "another `pointsman serve` is running on the store {}, and only one can run on it: stop that \
                 one first, or configure another `store`",
                store_file(config, mode).display()
            )));
        }
        tokio::time::sleep(CONSUME_EVERY).await;
    }
}

/// Takes note that it starts, and forgets what it would not find to be over by itself.
async fn note_start(parts: &Parts) -> Result<(), Failed> {
    let mut started = Notices::default();
    started.note(Kind::Started, SERVE, parts.records.clock.now(), "");
    let noticed = parts.records.store.notices().await?;
    let unchecked = parts.check_every.is_none();
    let over =
        noticed.iter().map(|(about, _)| about.clone()).filter(|about| match about.kind.sort() {
            Sort::Silence => true,
            Sort::Blindness | Sort::Wait => unchecked,
            Sort::Alert { .. } | Sort::Refusal | Sort::Unresolved | Sort::Life => false,
        });
    parts.engine.keep_notices(started, over.collect()).await?;
    Ok(())
}

/// Makes sure that a playbook is in force: the newest that is published, or the configured one.
async fn put_in_force(parts: &Parts, config: &Config, options: &Options) -> Result<(), Failed> {
    let newest = parts.records.store.published().await?;
    let file = match &config.playbook {
        Some(path) => Some((path, playbook::read_file(path)?)),
        None => None,
    };
    if options.publish && file.is_none() {
        return Err(Failed::new(
            "--publish publishes the configured playbook, and the configuration names none: add `playbook: FILE`",
        ));
    }
    match (newest, file) {
        (None, None) => {
            return Err(Failed::new(
                "there is no playbook: name one as `playbook` in the configuration, or publish one with \
                 `pointsman playbook apply FILE`",
            ));
        }
        (None, Some((_, text))) => {
            playbook::publish(&parts.records, 1, text, "serve").await?;
        }
        (Some(newest), Some((_, text))) if newest.text != text && options.publish => {
            playbook::publish(&parts.records, newest.number + 1, text, "serve --publish").await?;
        }
        (Some(newest), Some((path, text))) if newest.text != text => tracing::warn!(
            "{} differs from generation {} of the playbook, which is in force; `--publish` or `pointsman \
             playbook apply` puts it in force",
            path.display(),
            newest.number
        ),
        (Some(_), _) => {}
    }
    parts.engine.refresh_playbook().await?;
    Ok(())
}

struct Health {
    parts: Parts,
    stop: Stop,
    /// Why the store cannot store, where it cannot.
    probe: Probe<Option<String>>,
    /// What is measured, or why it cannot be shown.
    measured: Probe<Result<String, String>>,
}

/// What was last found out, and when. Those who ask at the same time share one answer.
struct Probe<T>(Mutex<Option<(Timestamp, T)>>);

impl<T> Default for Probe<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone> Probe<T> {
    /// The last answer, if it is fresh at `now`; else a new one.
    async fn ask(&self, now: Timestamp, find_out: impl AsyncFnOnce() -> T) -> T {
        let mut last = self.0.lock().await;
        match &*last {
            Some((at, found)) if is_fresh(*at, now) => found.clone(),
            Some(_) | None => {
                let found = find_out().await;
                *last = Some((now, found.clone()));
                found
            }
        }
    }
}

/// Of those who ask at the same time, a later one may be the first to find out, so that `at` may lie
/// after `now`; but a clock that was set back keeps nothing fresh for long.
fn is_fresh(at: Timestamp, now: Timestamp) -> bool {
    now.duration_since(at).abs() < SignedDuration::from_secs(PROBE_SECS)
}

fn router(config: &Config, parts: &Parts, direct: Direct, stop: &Stop) -> (Router, Unsaved) {
    let health = Arc::new(Health {
        parts: parts.clone(),
        stop: stop.clone(),
        probe: Probe::default(),
        measured: Probe::default(),
    });
    let health = Router::new()
        .route("/health/live", get(|| async { Json(json!({"live": true})) }))
        .route("/health/ready", get(ready))
        .route("/metrics", get(metrics))
        .with_state(health);
    let (alerts, unsaved) =
        pointsman_alerts::router(&config.webhooks, &parts.records, Some(direct));
    let router = alerts.merge(health);
    let calendar = config.operator.clone().map(|operator| calendar::router(parts, operator));
    (calendar.into_iter().fold(router, Router::merge), unsaved)
}

/// What is measured, for Prometheus.
async fn metrics(State(health): State<Arc<Health>>) -> Response {
    let Parts { engine, azure, records, .. } = &health.parts;
    let measure = async || {
        let left = azure.tokens_left().into_iter();
        let left =
            left.map(|(subscription, kind, left)| (subscription.to_string(), kind.name(), left));
        engine.metrics(&left.collect::<Vec<_>>()).await.map_err(|error| error.to_string())
    };
    match health.measured.ask(records.clock.now(), measure).await {
        Ok(text) => ([(header::CONTENT_TYPE, METRICS_TYPE)], text).into_response(),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, why).into_response(),
    }
}

/// Whether alerts can be taken and acted upon; says what is missing.
async fn ready(State(health): State<Arc<Health>>) -> Response {
    let Health { parts, stop, probe, .. } = &*health;
    let mut missing = Vec::new();
    if stop.is_asked() {
        missing.push("it is stopping".to_owned());
    }
    let stores = async || parts.records.store.ready().await.err().map(|error| error.to_string());
    missing.extend(probe.ask(parts.records.clock.now(), stores).await);
    let now = parts.records.clock.now();
    missing.extend(parts.engine.unable().await);
    match parts.engine.blind() {
        Some(blind) => missing.extend(blind.iter().map(|(service, (_, notice))| {
            let since = Reader::utc(now).clock(notice.first);
            format!(
                "service {service} of Azure cannot be read since {since}, and alerts are only kept: {}",
                notice.says
            )
        })),
        None if parts.check_every.is_some() => {
            missing.push("whether Azure can be reached is not known yet".to_owned());
        }
        None => {}
    }
    let status = if missing.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({"ready": missing.is_empty(), "missing": missing}))).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_store_is_probed_once_a_second_however_often_it_is_asked() {
        let probe = Probe::default();
        let mut found_out = Vec::new();
        let start = Timestamp::UNIX_EPOCH;
        // When it is asked, in milliseconds, and what would be found out then.
        let asked = [
            (0, None),
            (999, Some("full")),
            (1_000, Some("full")),
            (1_999, None),
            (2_000, None),
            (1_500, Some("full")),
            (1_000, None),
        ];
        for (ms, truth) in asked {
            let now = start + SignedDuration::from_millis(ms);
            let mut probed = "";
            let find_out = async || {
                probed = " probed";
                truth.map(str::to_owned)
            };
            let why = probe.ask(now, find_out).await;
            found_out.push(format!("{}{probed}", why.as_deref().unwrap_or("ready")));
        }
        let wanted = [
            "ready probed",
            "ready",
            "full probed",
            "full",
            "ready probed",
            "ready",
            "ready probed",
        ];
        assert_eq!(found_out, wanted);
    }
}
