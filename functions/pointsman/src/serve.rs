//! `pointsman serve`: every function in one process, on the embedded store and queue.

use std::{net::SocketAddr, process::ExitCode, sync::Arc};

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use clap::Args;
use pointsman_core::ledger::{Line, What};
use pointsman_engine::{
    Mode,
    ports::{Published, StoreError},
};
use pointsman_host::{
    Config, Parts,
    server::{self, Stop},
    wiring::{Role, store_file},
};
use serde_json::json;
use tokio::task::JoinHandle;

use crate::{
    cli::{Common, Failed},
    playbook,
};

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
    tasks: Vec<JoinHandle<()>>,
    http: JoinHandle<std::io::Result<()>>,
    stop: Stop,
}

pub(crate) async fn command(common: &Common, options: &Options) -> Result<ExitCode, Failed> {
    let config = common.config()?;
    let serving = Serving::start(&config, common.mode(), options).await?;
    if common.mode() == Mode::Shadow {
        tracing::warn!("shadow mode: everything is decided and recorded, and nothing is written to Azure");
    }
    // For whoever started it and wants to know the port: a line of its own, on standard output.
    println!("listening on http://{}", serving.address);
    Stop::signalled().await?;
    tracing::info!("stopping: finishing what is held");
    serving.stop().await?;
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}

impl Serving {
    /// Starts everything.
    pub(crate) async fn start(config: &Config, mode: Mode, options: &Options) -> Result<Self, Failed> {
        let parts = Parts::open(config, mode, Role::Consumer).await?;
        put_in_force(&parts, config, options).await?;
        if config.sources.is_empty() {
            tracing::warn!("no sources are configured: nothing can be heard but commands");
        }
        let stop = Stop::default();
        let router = router(config, &parts, &stop);
        let (address, http) = server::serve(config.listen, router, &stop)
            .await
            .map_err(|error| Failed(format!("cannot listen on {}: {error}", config.listen)))?;
        // A token and a connection ahead of need: the first alert should not wait for them.
        let azure = parts.azure.clone();
        let warm = tokio::spawn(async move {
            if let Err(error) = azure.warm(uuid::Uuid::now_v7().into()).await {
                tracing::warn!("Azure is not reached yet: {}", error.full());
            }
        });
        let tasks = vec![
            warm,
            tokio::spawn(pointsman_reconcile::run(parts.clone(), stop.clone())),
            tokio::spawn(pointsman_schedule::run(parts.clone(), stop.clone())),
        ];
        tracing::info!(%address, store = %store_file(config, mode).display(), "serving");
        Ok(Self { address, parts, tasks, http, stop })
    }

    /// Takes nothing more, finishes what is held, and closes the store.
    pub(crate) async fn stop(self) -> Result<(), Failed> {
        self.stop.ask();
        self.http.await??;
        for task in self.tasks {
            task.await?;
        }
        self.parts.close().await;
        Ok(())
    }
}

/// Sees to it that a playbook is in force: the newest that is published, or the configured one.
async fn put_in_force(parts: &Parts, config: &Config, options: &Options) -> Result<(), Failed> {
    let newest = parts.store.published().await?;
    let file = match &config.playbook {
        Some(path) => Some((path, playbook::read_file(path)?)),
        None => None,
    };
    match (newest, file) {
        (None, None) => {
            return Err(Failed(
                "there is no playbook: name one as `playbook` in the configuration, or publish one with \
                 `pointsman playbook apply FILE`"
                    .to_owned(),
            ));
        }
        (None, Some((_, text))) => publish(parts, 1, text, "serve").await?,
        (Some(newest), Some((_, text))) if newest.text != text && options.publish => {
            publish(parts, newest.number + 1, text, "serve --publish").await?;
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

/// Publishes a playbook that was read without problems.
pub(crate) async fn publish(parts: &Parts, number: u64, text: String, by: &str) -> Result<(), Failed> {
    let at = parts.clock.now();
    let published = Published { number, text, at, by: by.to_owned() };
    let line = Line::new(at, None, What::Published { generation: number, by: by.to_owned() });
    match parts.store.publish(&published, &[line]).await {
        Err(StoreError::Conflict) => {
            Err(Failed("someone else published a playbook at the same moment; look, and try again".to_owned()))
        }
        published => Ok(published?),
    }
}

struct Health {
    parts: Parts,
    stop: Stop,
}

fn router(config: &Config, parts: &Parts, stop: &Stop) -> Router {
    let health = Arc::new(Health { parts: parts.clone(), stop: stop.clone() });
    let health = Router::new()
        .route("/health/live", get(|| async { Json(json!({"live": true})) }))
        .route("/health/ready", get(ready))
        .with_state(health);
    pointsman_alerts::router(&config.sources, parts).merge(health).fallback(|| async {
        (StatusCode::NOT_FOUND, Json(json!({"error": "not found"})))
    })
}

/// Whether alerts can be taken and acted upon; says what is missing.
async fn ready(State(health): State<Arc<Health>>) -> Response {
    let Health { parts, stop } = &*health;
    let mut missing = Vec::new();
    if stop.is_asked() {
        missing.push("it is stopping".to_owned());
    }
    if let Err(error) = parts.store.ready().await {
        missing.push(error.to_string());
    }
    if let Err(error) = parts.engine.playbook().await {
        missing.push(error.to_string());
    }
    if let Some(skew) = parts.engine.skew() {
        missing.push(format!("this machine's clock is {} s off Azure's", skew.abs().as_secs()));
    }
    let status = if missing.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({"ready": missing.is_empty(), "missing": missing}))).into_response()
}
