//! Two engines on one store and queue, each with a memory of its own: what one remembers is out of
//! date once the other has saved.

#![expect(clippy::unwrap_used, reason = "also what helps a test may panic; clippy only lets tests")]

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use pointsman_core::{
    answer::ReconnectAnswer,
    document::Intent,
    id::MessageId,
    names::BackendId,
    notice::Kind,
    signal::{Heard, Severity, Signal},
};
use pointsman_engine::{
    Engine, Mode,
    message::{Command, Message, Outgoing},
    ports::{
        Clock, Commit, DEAD_LETTER_AGE_MAX, DeadLetter, ManagementApi, Newest, Published, Queue,
        Sight, Store, Unseen, Writing,
    },
};
use pointsman_queue::EmbeddedQueue;
use pointsman_store::{BUSY_TIMEOUT, Database, SqliteStore};

const NOW: i64 = 10_000;

const PLAYBOOK: &str = r#"
version: 1
services: {main: {subscription: 00000000-0000-0000-0000-000000000001, resourceGroup: rg1, name: contoso}}
pools: {chat: {service: main, backend: chat}}
plays:
  - name: drain
    when: signal.labels.alertname == "Errors"
    do: [{drain: {pool: chat, member: eu}}]
  - name: drain-more
    when: signal.labels.alertname == "More"
    do: [{drain: {pool: chat, member: us}}]
"#;

struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        at(NOW)
    }
}

/// An Azure that does not answer, so that nothing is done but to take in. It counts how often it is
/// asked.
#[derive(Debug, Default)]
struct Down(AtomicUsize);

#[async_trait]
impl ManagementApi for Down {
    async fn get(&self, _: &BackendId) -> Result<Sight, Unseen> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Err(Unseen::new("it is down".to_owned()))
    }

    async fn newest(&self, _: &BackendId, _: &Sight) -> Result<Newest, Unseen> {
        unreachable!("no pool was seen")
    }

    fn write(&self, _: &BackendId, _: &Sight, _: &Intent) -> Writing {
        unreachable!("nothing was decided")
    }

    async fn reconnect(&self, _: &BackendId, _: SignedDuration) -> ReconnectAnswer {
        unreachable!("nothing was decided")
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn signal(started: i64, ended: Option<i64>) -> Signal {
    Signal {
        series: "prometheus/f1".parse().unwrap(),
        started: at(started),
        heard: ended.map_or(Heard::Fired, |ended| Heard::Resolved { stated: Some(at(ended)) }),
        severity: Severity::Warning,
        labels: BTreeMap::from([("alertname".to_owned(), "Errors".to_owned())]),
        annotations: BTreeMap::new(),
        received: at(ended.unwrap_or(started)),
    }
}

struct World {
    store: SqliteStore,
    queue: Arc<EmbeddedQueue>,
    _folder: tempfile::TempDir,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pointsman.db");
        let database = Database::open(&file, BUSY_TIMEOUT).await.unwrap();
        let queue = EmbeddedQueue::consumer(database.clone(), Arc::new(Still)).await;
        let queue = Arc::new(queue.unwrap());
        let store = SqliteStore::new(database, Arc::new(Still));
        let text = PLAYBOOK.to_owned();
        let published = Published { number: 1, text, at: at(NOW), by: "test".to_owned() };
        store.publish(&published, &[]).await.unwrap();
        Self { store, queue, _folder: folder }
    }

    fn engine(&self) -> Engine {
        self.engine_of(&Arc::default())
    }

    fn engine_of(&self, azure: &Arc<Down>) -> Engine {
        let (store, queue) = (Arc::new(self.store.clone()), Arc::clone(&self.queue) as _);
        Engine::new(store, queue, Arc::clone(azure) as _, Arc::new(Still), Mode::Live)
    }

    /// Lets an engine hear a signal, and whatever is due besides.
    async fn hear(&self, engine: &Engine, signal: Signal) {
        let id = MessageId::derive(&[&format!("{signal:?}")]);
        let (source, signals) = (signal.series.source().clone(), vec![signal]);
        let message = Message::Signals { source, signals };
        self.take_in(engine, Outgoing { id, due: None, message }).await;
    }

    /// Lets an engine take a message in, and whatever is due besides.
    async fn take_in(&self, engine: &Engine, outgoing: Outgoing) {
        let id = outgoing.id.clone();
        let _ = self.queue.send(outgoing).await.unwrap();
        let heard = async {
            loop {
                let batch = self.queue.receive(9).await.unwrap();
                engine.reconcile(&batch).await.unwrap();
                if batch.iter().any(|delivery| delivery.id == id) {
                    break engine.idle().await;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(20), heard).await.expect("it is taken in");
    }

    /// What the ledger says, in the order of saving, without what it says of Azure.
    async fn told(&self) -> Vec<&'static str> {
        let words = ["fired", "claimed", "resolved", "neverBegan", "late"];
        let lines = self.store.history(None, 99).await.unwrap();
        let word = |line: &pointsman_core::ledger::Line| {
            let json = serde_json::to_value(line).unwrap();
            words.into_iter().find(|word| json["what"] == **word)
        };
        lines.iter().filter_map(word).collect()
    }
}

#[tokio::test]
async fn what_an_engine_remembers_of_a_series_is_not_believed_against_the_store() {
    let world = World::new().await;
    let (one, other) = (world.engine(), world.engine());
    world.hear(&one, signal(100, None)).await;
    world.hear(&other, signal(100, Some(200))).await;
    // To the first, whose memory has it running still, this start is news. It is over.
    world.hear(&one, signal(150, None)).await;
    assert_eq!(world.told().await, ["fired", "claimed", "resolved", "neverBegan", "late"]);
    // And the next occurrence is one, whoever hears of it.
    world.hear(&other, signal(300, None)).await;
    world.hear(&one, signal(300, None)).await;
    // Its claim is told in the words of the first, and this clock stands still.
    assert_eq!(world.told().await[5..], ["fired"]);
    let document = world.store.documents().await.unwrap().remove(0).body;
    assert_eq!(document.overrides.len(), 1);
    let series = world.store.series(&[signal(300, None).series]).await.unwrap();
    let running = series[0].body.running.as_ref().expect("it runs");
    assert_eq!((running.started, series[0].body.ended), (at(300), Some(at(200))));
}

#[tokio::test]
async fn what_is_undone_is_looked_at_though_azure_was_in_trouble_a_moment_ago() {
    let world = World::new().await;
    let azure = Arc::<Down>::default();
    let engine = world.engine_of(&azure);
    let asked = || azure.0.load(Ordering::Relaxed);
    let one = signal(100, None);
    let labels = BTreeMap::from([("alertname".to_owned(), "More".to_owned())]);
    let other = Signal { series: "prometheus/f2".parse().unwrap(), labels, ..one.clone() };
    world.hear(&engine, one.clone()).await;
    assert_eq!(asked(), 1);
    // One more alert does not make it ask sooner.
    world.hear(&engine, other).await;
    assert_eq!(asked(), 1);
    let document = world.store.documents().await.unwrap().remove(0).body;
    let mut claimed = document.overrides.values();
    let id = claimed.find(|over| over.series == one.series).unwrap().id.clone();
    let command =
        Command::UndoOverride { backend: document.backend, id, reason: "enough".to_owned() };
    world.take_in(&engine, Outgoing::command("ann", command, "1")).await;
    assert_eq!(asked(), 2, "who asks for an end wants to see it");
}

#[tokio::test]
async fn dead_letters_are_forgotten_after_a_month() {
    let world = World::new().await;
    let engine = world.engine_of(&Arc::default());
    let letter = |second: i64| {
        let put_away = at(NOW + second) - DEAD_LETTER_AGE_MAX;
        DeadLetter::new(put_away, "am", "no use", second.to_string())
    };
    let dead_letters = vec![letter(-1), letter(0), letter(1)];
    world.store.commit(&Commit { dead_letters, ..Commit::default() }).await.unwrap();
    engine.forget().await.unwrap();
    let left = world.store.dead_letters(9).await.unwrap();
    assert_eq!(left, [letter(0), letter(1)]);
}

#[tokio::test]
async fn a_document_that_cannot_be_read_keeps_no_repeat_from_being_taken_in() {
    let world = World::new().await;
    let one = signal(100, None);
    let labels = BTreeMap::from([("alertname".to_owned(), "Other".to_owned())]);
    let unmatched = Signal { series: "prometheus/f2".parse().unwrap(), labels, ..one.clone() };
    world.hear(&world.engine(), one.clone()).await;
    let damage = world
        .store
        .database()
        .write(|conn| Ok(conn.execute("UPDATE documents SET body = '{'", [])?));
    damage.await.unwrap();
    // One that remembers nothing of it, and would say from it what has become of the alert.
    let engine = world.engine();
    world.hear(&engine, one).await;
    world.hear(&engine, unmatched).await;
    engine.save_notices().await.unwrap();
    let notices = world.store.notices().await.unwrap();
    let kinds: Vec<Kind> = notices.iter().map(|(about, _)| about.kind).collect();
    assert_eq!(kinds, [Kind::Unmatched], "of the other nothing wrong is said");
    assert_eq!(world.queue.depth().await.unwrap(), 0);
}
