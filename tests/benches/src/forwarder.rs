//! The bare forwarder: the least that a durable way from a webhook to a write needs.
//!
//! It receives the webhook, commits it, answers, reads the pool, commits what it is about to write,
//! and writes it on the condition that the pool is still what was read. It merges nothing, keeps no
//! limit, knows no duplicate and gives nothing back by itself. Without a store it commits nothing:
//! what is left then is HTTP.
//!
//! SQLite and the HTTP client are set as Pointsman sets them.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    routing::post,
    serve::ListenerExt as _,
};
use clap::Args;
use rusqlite::Connection;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::{
    error::Failed,
    world::{AZURE_TOKEN, TOKEN, WEIGHT},
};

const API_VERSION: &str = "2024-05-01";

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The address of the service's backends.
    #[arg(long)]
    backends: String,
    /// The database; without one, nothing is committed.
    #[arg(long)]
    store: Option<PathBuf>,
}

struct Forwarder {
    store: Option<Mutex<Connection>>,
    http: reqwest::Client,
    backends: String,
    token: String,
}

/// Serves until it is killed.
pub(crate) async fn run(options: &Options) -> Result<(), Failed> {
    let store = match &options.store {
        Some(path) => Some(Mutex::new(open(path)?)),
        None => None,
    };
    let token = std::env::var(AZURE_TOKEN)?;
    let backends = options.backends.clone();
    let http = http_client()?;
    // As Pointsman does: a connection ahead of need.
    http.head(&backends).send().await?;
    let forwarder = Arc::new(Forwarder { store, http, backends, token });
    let router = Router::new().route("/alerts/prometheus", post(receive)).with_state(forwarder);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on http://{}", listener.local_addr()?);
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    Ok(axum::serve(listener, router).await?)
}

fn open(path: &PathBuf) -> Result<Connection, Failed> {
    let conn = Connection::open(path)?;
    conn.pragma_update(None, "journal_mode", "WAL")?;
    conn.pragma_update(None, "synchronous", "FULL")?;
    conn.pragma_update(None, "wal_autocheckpoint", 4_096)?;
    conn.pragma_update(None, "journal_size_limit", 16 << 20)?;
    for table in ["signals", "intents"] {
        conn.execute_batch(&format!(
            "CREATE TABLE {table} (id INTEGER PRIMARY KEY, body BLOB NOT NULL)"
        ))?;
    }
    Ok(conn)
}

fn http_client() -> Result<reqwest::Client, Failed> {
    let builder = reqwest::Client::builder()
        .connect_timeout(Duration::from_secs(5))
        .timeout(Duration::from_secs(30))
        .pool_idle_timeout(Duration::from_secs(50))
        .pool_max_idle_per_host(32)
        .tcp_nodelay(true)
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .no_proxy()
        .tls_certs_only(std::iter::empty());
    Ok(builder.build()?)
}

async fn receive(
    State(forwarder): State<Arc<Forwarder>>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if bearer.and_then(|bearer| bearer.strip_prefix("Bearer ")) != Some(TOKEN) {
        return StatusCode::UNAUTHORIZED;
    }
    let Ok(webhook) = serde_json::from_slice::<Value>(&body) else {
        return StatusCode::BAD_REQUEST;
    };
    if let Err(Failed(why)) = forwarder.commit("INSERT INTO signals (body) VALUES (?)", &body) {
        eprintln!("{why}");
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    tokio::spawn(async move {
        if let Err(Failed(why)) = forwarder.forward(&webhook).await {
            eprintln!("{why}");
        }
    });
    StatusCode::ACCEPTED
}

impl Forwarder {
    /// One statement is one transaction, and one sync of the disk. The other threads go on meanwhile.
    fn commit(&self, insert: &'static str, body: &[u8]) -> Result<(), Failed> {
        let Some(store) = &self.store else { return Ok(()) };
        tokio::task::block_in_place(|| {
            let store = store.lock().unwrap_or_else(PoisonError::into_inner);
            store.prepare_cached(insert)?.execute([body])?;
            Ok(())
        })
    }

    async fn forward(&self, webhook: &Value) -> Result<(), Failed> {
        let alert = &webhook["alerts"][0];
        let label = |name: &str| alert["labels"][name].as_str().unwrap_or_default();
        let weight = if alert["status"] == "firing" { 0 } else { WEIGHT };
        let url = format!("{}/{}?api-version={API_VERSION}", self.backends, label("pool"));
        let answer =
            self.http.get(&url).bearer_auth(&self.token).send().await?.error_for_status()?;
        let etag = answer.headers().get(header::ETAG.as_str()).cloned();
        let etag = etag.ok_or_else(|| Failed::new("a backend came without an ETag"))?;
        let mut backend: Value = serde_json::from_slice(&answer.bytes().await?)?;
        let mut services = backend["properties"]["pool"]["services"].take();
        let member = format!("/{}", label("backend"));
        for service in services.as_array_mut().into_iter().flatten() {
            if service["id"].as_str().is_some_and(|id| id.ends_with(&member)) {
                service["weight"] = json!(weight);
            }
        }
        let patch = json!({"properties": {"pool": {"services": services}}}).to_string();
        self.commit("INSERT INTO intents (body) VALUES (?)", patch.as_bytes())?;
        let written = self
            .http
            .patch(&url)
            .bearer_auth(&self.token)
            .header("if-match", etag)
            .header("content-type", "application/json")
            .body(patch)
            .send()
            .await?;
        written.error_for_status()?.bytes().await?;
        Ok(())
    }
}
