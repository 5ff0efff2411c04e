//! What the scenarios ask of the end: the ledger, the writes that Azure received, the folder.

use std::{
    collections::BTreeSet,
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use jiff::Timestamp;
use pointsman_emulator::{Emulator, Received};
use serde_json::{Value, json};

use crate::{
    World,
    alerts::{Alert, webhook},
    world::{BOUND, Serve},
};

/// How often something that another process does is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// The ledger, as `pointsman history --json` shows it.
#[derive(Debug)]
pub struct Ledger(pub Vec<Value>);

impl Ledger {
    /// The lines of this kind, oldest first.
    #[must_use]
    pub fn of(&self, what: &str) -> Vec<&Value> {
        self.0.iter().filter(|line| line["what"] == what).collect()
    }

    /// How many lines of this kind there are.
    #[must_use]
    pub fn count(&self, what: &str) -> usize {
        self.of(what).len()
    }
}

impl World {
    /// The ledger.
    pub async fn ledger(&self) -> Ledger {
        Ledger(self.lines(&["-n", "10000"]).await)
    }

    /// The lines of `pointsman history --json`.
    pub async fn lines(&self, which: &[&str]) -> Vec<Value> {
        let history = self.json(&[&["history"], which].concat()).await;
        history["lines"].as_array().expect("a list").clone()
    }

    /// What is going on at the pool `chat`, as `pointsman status --json` shows it; null before it was
    /// ever concerned.
    pub async fn document(&self) -> Value {
        let mut status = self.json(&["status"]).await;
        status["backends"].get_mut(0).map(Value::take).unwrap_or_default()
    }

    /// Waits until something is so, looking now and then; shows the log where it never was.
    pub async fn await_that(&self, what: &str, so: impl AsyncFn() -> bool) {
        let asked = async {
            while !so().await {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        if tokio::time::timeout(BOUND, asked).await.is_err() {
            panic!("in vain: {what}\n{}\n{:#?}", self.log(), self.azure.requests());
        }
    }

    /// Waits until the document of `chat` is so.
    pub async fn await_document(&self, what: &str, so: impl Fn(&Value) -> bool) {
        self.await_that(what, async || so(&self.document().await)).await;
    }

    /// Waits until `serve` has told something.
    pub async fn told(&self, text: &str) {
        self.await_that(text, async || self.log().contains(text)).await;
    }

    /// Waits until all that was sent before has been taken in: messages keep their order, and so an
    /// alert that no play is for comes after them.
    pub async fn flush(&self, serve: &Serve) {
        static FLUSHED: AtomicUsize = AtomicUsize::new(0);
        let name = format!("flush-{}", FLUSHED.fetch_add(1, Ordering::Relaxed));
        let mut body = webhook(&[Alert::firing("nobody", Timestamp::now())]);
        body["alerts"][0]["labels"] = json!({"alertname": "Flush"});
        body["alerts"][0]["fingerprint"] = json!(name);
        assert_eq!(self.deliver(serve, &body).await.status, 202);
        self.told(&format!("(prometheus/{name}: ")).await;
    }

    /// Writes the playbook: the pool `chat` with more terms (`limits: {…}`), and these plays.
    pub fn write_pool(&self, terms: &str, plays: &str) {
        let service = self.azure.service();
        let text = format!(
            "version: 1\n\
             services: {{main: {{subscription: {}, resourceGroup: {}, name: {}}}}}\n\
             pools: {{chat: {{service: main, backend: chat, {terms}}}}}\n{plays}",
            service.subscription(),
            service.resource_group(),
            service.name(),
        );
        std::fs::write(self.path("playbook.yaml"), text).expect("a playbook is written");
    }

    /// Makes the pool `chat` anew of these members, each an object without its `id`, to the letter.
    /// What was asked of Azure before is forgotten.
    pub fn put_members(&self, members: &[(&str, Value)]) {
        let services = members.iter().map(|(member, fields)| {
            let mut fields = fields.clone();
            fields["id"] = json!(self.azure.service().backend_id(&(*member).into()));
            fields
        });
        let services: Vec<Value> = services.collect();
        let body = json!({"properties": {"type": "Pool", "pool": {"services": services}}});
        self.azure.foreign_put("chat", &body).expect("a pool");
        self.azure.forget_requests();
    }

    /// The body of `chat`, to the letter.
    #[must_use]
    pub fn body(&self) -> String {
        self.azure.backend("chat").expect("it is there").body.to_string()
    }

    /// Waits until nothing is overridden any more, and nothing is without an answer.
    pub async fn settled(&self) {
        self.await_that("nothing is overridden", async || {
            let status = self.json(&["status"]).await;
            let backends = status["backends"].as_array().expect("a list");
            !backends.is_empty()
                && backends.iter().all(|backend| {
                    ["overrides", "fields", "writes"].iter().all(|part| backend[part] == json!([]))
                })
        })
        .await;
    }

    /// Waits until the seats of a pool are these: member, weight, priority, in order.
    pub async fn seats(&self, pool: &str, wanted: &[(&str, Option<u32>, Option<u32>)]) {
        let waited = self.azure.wait_for(
            |azure| {
                let seats = azure.seats(pool);
                let seats = seats.iter().map(|seat| (&*seat.member, seat.weight, seat.priority));
                seats.eq(wanted.iter().copied())
            },
            BOUND,
        );
        if let Err(error) = waited.await {
            let seats = self.azure.seats(pool);
            panic!("{pool} never was {wanted:?} but {seats:?}: {error}\n{}", self.log());
        }
    }

    /// Waits until clients have sent this many changes of `chat`.
    pub async fn wrote(&self, count: usize) {
        let waited = self.azure.wait_for(|azure| azure.writes("chat").count() >= count, BOUND);
        if let Err(error) = waited.await {
            panic!("{count} writes never came: {error}\n{}", self.log());
        }
    }

    /// Where a secret is in a file of this world: it must be nowhere.
    #[must_use]
    pub fn files_with(&self, secret: &str) -> Vec<String> {
        let mut found = Vec::new();
        search(self.folder.path(), secret.as_bytes(), &mut found);
        found
    }
}

fn search(folder: &Path, secret: &[u8], found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            search(&path, secret, found);
        } else if let Ok(bytes) = std::fs::read(&path)
            && bytes.windows(secret.len()).any(|window| window == secret)
        {
            found.push(path.display().to_string());
        }
    }
}

/// Changes weights as a person at the portal does.
///
/// # Panics
/// Where the pool `chat` is not there.
pub fn person_sets(world: &World, weights: &[(&str, u64)]) {
    let body = world.azure.backend("chat").expect("it is there").body;
    let mut services = body["properties"]["pool"]["services"].clone();
    for service in services.as_array_mut().expect("the members") {
        let id = service["id"].as_str().expect("an id").to_owned();
        let named = weights.iter().find(|(member, _)| id.ends_with(&format!("/{member}")));
        if let Some((_, weight)) = named {
            service["weight"] = json!(weight);
        }
    }
    let patch = json!({"properties": {"pool": {"services": services}}});
    world.azure.foreign_patch("chat", &patch).expect("a good body");
}

/// The changes that were received, after a check of what must hold of all of them: each a PATCH
/// that carries the one ETag that it was planned from, and none sent again after a 412 to it.
///
/// # Panics
/// When one was not so.
#[must_use]
pub fn orderly(azure: &Emulator) -> Vec<Received> {
    let writes = azure.writes("chat");
    let mut outrun = BTreeSet::new();
    for write in &writes {
        assert_eq!(write.verb.as_str(), "PATCH", "{write}");
        let etag = write.if_match.as_deref().unwrap_or_else(|| panic!("without If-Match: {write}"));
        assert!(etag.len() > 2 && etag.starts_with('"') && !etag.contains('*'), "{write}");
        assert!(!outrun.contains(etag), "sent again after a 412: {write}");
        if write.status().is_some_and(|status| status.as_u16() == 412) {
            outrun.insert(etag.to_owned());
        }
    }
    writes
}
