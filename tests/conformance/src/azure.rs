//! The emulator: a process of its own, spoken to over HTTP only.

use std::{path::PathBuf, process::Stdio, time::Duration};

use reqwest::{Method, Response};
use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

use crate::list::{Call, Given, Level, WORKSPACE};
use crate::report::Said;

/// How long anything that must happen may take. Generous: the machine may be busy.
pub const BOUND: Duration = Duration::from_secs(60);

/// The version that looks are made at; one that shows everything.
const LATEST: &str = "2026-03-01-preview";

/// How many requests its record keeps: more than any step takes.
const REQUESTS_KEPT: usize = 50;

/// A running `pointsman emulate`. Killed when it is dropped.
#[derive(Debug)]
pub struct Azure {
    child: Child,
    /// Its options are in there.
    _folder: tempfile::TempDir,
    /// The number of the last request that was counted.
    counted: u64,
    http: reqwest::Client,
    places: Places,
    token: String,
}

/// Where everything is, as `emulate --json` prints it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Places {
    arm: String,
    service_bus: Option<String>,
    service: String,
    environment: Map<String, Value>,
}

/// The binary under test, built by the same cargo run.
fn binary() -> PathBuf {
    // Tests are run from target/PROFILE/deps; the binaries are beside that folder.
    let test = std::env::current_exe().expect("a test is a file");
    let binary = test.ancestors().nth(2).expect("it is in a folder").join("pointsman");
    assert!(
        binary.exists(),
        "{} is missing: run `cargo build --workspace` first",
        binary.display()
    );
    binary
}

impl Azure {
    /// Starts one, and has a token given out.
    pub async fn start() -> Self {
        Self::with("").await
    }

    /// Starts one with these options besides, and has a token given out.
    pub(crate) async fn with(options_besides: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let options = folder.path().join("options.yaml");
        let text = format!("requestsKept: {REQUESTS_KEPT}\n{options_besides}");
        std::fs::write(&options, text).expect("options are written");
        let mut child = Command::new(binary())
            .args(["emulate", "--json", "--options"])
            .arg(options)
            .env_remove("POINTSMAN_CONFIG")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the emulator can be started");
        let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let line = tokio::time::timeout(BOUND, lines.next_line()).await;
        let line = line.expect("it listens in time").expect("its output can be read");
        let line = line.expect("it says where it listens");
        let places: Places = serde_json::from_str(&line).expect("it says it as JSON");
        let http = reqwest::Client::builder().no_proxy().timeout(BOUND).build();
        let http = http.expect("a client needs nothing");
        let token = token(&http, &places).await;
        let mut azure = Self { child, _folder: folder, counted: 0, http, places, token };
        // The one for the token.
        assert_eq!(azure.requests().await, 1);
        azure
    }

    /// Where Azure Resource Manager is.
    #[must_use]
    pub fn arm(&self) -> &str {
        &self.places.arm
    }

    /// Where Service Bus is.
    ///
    /// # Panics
    /// Where there is none.
    pub(crate) fn service_bus(&self) -> &str {
        self.places.service_bus.as_deref().expect("it was asked for")
    }

    /// The token of a managed identity.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The ARM id of the service.
    #[must_use]
    pub fn service(&self) -> &str {
        &self.places.service
    }

    /// Its subscription, resource group and name.
    ///
    /// # Panics
    /// When the emulator's id of the service is not one.
    #[must_use]
    pub fn service_parts(&self) -> [&str; 3] {
        let parts: Vec<&str> = self.service().split('/').collect();
        let [_, _, subscription, _, group, _, _, _, name] = parts[..] else {
            panic!("{} is not the id of a service", self.service());
        };
        [subscription, group, name]
    }

    /// Has something happen.
    pub async fn give(&self, given: &Given, level: Level) {
        for (name, body) in &given.foreign {
            let path = match level {
                Level::Service => format!("backends/{name}"),
                Level::Workspace => format!("backends/{WORKSPACE}/{name}"),
            };
            self.admin(Method::PUT, &path, Some(body)).await;
        }
        if let Some(fault) = &given.fault {
            self.admin(Method::POST, "faults", Some(fault)).await;
        }
    }

    /// How many requests it has received from clients since this was asked before.
    pub async fn requests(&mut self) -> usize {
        let all = self.admin(Method::GET, "requests", None).await;
        let number = |request: &Value| request["number"].as_u64().expect("each has a number");
        let new = |request: &&Value| number(request) > self.counted;
        let new: Vec<&Value> = all.as_array().expect("a list").iter().filter(new).collect();
        assert!(new.len() < REQUESTS_KEPT, "more than are kept");
        let last = new.last().map(|request| number(request));
        let count = new.iter().filter(|request| request["origin"] == "client").count();
        self.counted = last.unwrap_or(self.counted);
        count
    }

    /// Takes back what was injected, and not met because nothing was sent.
    pub async fn forgive(&self) {
        self.admin(Method::DELETE, "faults", None).await;
    }

    /// Whether a window of 429 had closed before the client came to it, in a step that took so
    /// long. Such a window is taken back.
    pub async fn missed(&self, given: &Given, took: Duration) -> bool {
        // Whoever was quicker than the window has met it, or does not conform.
        if given.window().is_none_or(|lasts| took < lasts) {
            return false;
        }
        let state = self.admin(Method::GET, "state", None).await;
        let faults = state["faults"].as_array().expect("a list");
        let missed = faults.iter().any(|fault| fault["hits"] == 0);
        if missed {
            self.forgive().await;
        }
        missed
    }

    /// What the service has now, by no client.
    pub async fn look(&self, call: &Call) -> Said {
        let workspace = call.workspace.map(|name| format!("/workspaces/{name}"));
        let url = format!(
            "{}{}{}/backends/{}?api-version={LATEST}",
            self.arm(),
            self.service(),
            workspace.unwrap_or_default(),
            call.backend.as_deref().unwrap_or_default(),
        );
        let sent = self.http.get(url).bearer_auth(&self.token).send().await;
        let answer = sent.expect("the emulator answers");
        let etag = answer.headers().get("etag").and_then(|etag| etag.to_str().ok());
        Said {
            status: Some(answer.status().as_u16()),
            etag: etag.map(str::to_owned),
            backend: Some(json(answer).await),
            ..Said::default()
        }
    }

    /// Takes away all backends; whatever was injected must have been met.
    pub async fn clear(&self, chapter: &str) {
        let state = self.admin(Method::GET, "state", None).await;
        assert_eq!(state["faults"], Value::Array(Vec::new()), "left over of \"{chapter}\"");
        for backend in state["backends"].as_array().expect("a list") {
            let name = backend["backend"].as_str().expect("a name");
            self.admin(Method::DELETE, &format!("backends/{name}"), None).await;
        }
    }

    /// Asks it to stop, and waits until it has; it must end well.
    pub async fn stop(mut self) {
        let id = self.child.id().expect("it runs").to_string();
        let kill = Command::new("kill").args(["-TERM", &id]).status().await;
        assert!(kill.expect("kill runs").success());
        let ended = tokio::time::timeout(BOUND, self.child.wait()).await;
        assert!(ended.expect("it stops in time").expect("it ends").success());
    }

    async fn admin(&self, method: Method, path: &str, body: Option<&Value>) -> Value {
        let url = format!("{}/emulator/{path}", self.arm());
        let mut request = self.http.request(method, url);
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.expect("the emulator answers");
        let status = answer.status();
        let said = json(answer).await;
        assert!(status.is_success(), "{path}: {status} {said}");
        said
    }
}

async fn json(answer: Response) -> Value {
    let text = answer.text().await.expect("the answer is whole");
    if text.is_empty() { Value::Null } else { serde_json::from_str(&text).expect("it is JSON") }
}

/// A token, as App Service's managed identities are given one.
async fn token(http: &reqwest::Client, places: &Places) -> String {
    let place = |key: &str| places.environment[key].as_str().expect("text");
    let url = format!(
        "{}?api-version=2019-08-01&resource=https://management.azure.com",
        place("IDENTITY_ENDPOINT")
    );
    let asked = http.get(url).header("X-IDENTITY-HEADER", place("IDENTITY_HEADER"));
    let given = json(asked.send().await.expect("the emulator answers")).await;
    given["access_token"].as_str().expect("a token").to_owned()
}
