//! The embedded queue on real files.

#![expect(clippy::unwrap_used, reason = "a test fails where it stops")]

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
    task::Poll,
    time::Duration,
};

use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use pointsman_core::names::BackendId;
use pointsman_engine::{
    message::{Message, Outgoing},
    ports::{Clock, Commit, Delivery, Queue, QueueError, Receipt, Sent, Store, StoreError},
};
use pointsman_queue::{ConsumerError, DELIVERIES_MAX, EmbeddedQueue, LOCK, RECEIVED_BYTES_MAX};
use pointsman_store::{
    BUSY_TIMEOUT, Database, Micros, SqliteStore,
    messages::{self, Row},
};
use tempfile::TempDir;

/// How long anything may take that is not a failure.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Clone)]
struct Stepped(Arc<Mutex<Timestamp>>);

impl Stepped {
    fn step(&self, by: SignedDuration) {
        let mut now = self.0.lock().unwrap();
        *now = now.checked_add(by).unwrap();
    }
}

impl Clock for Stepped {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

fn seconds(seconds: i64) -> SignedDuration {
    SignedDuration::from_secs(seconds)
}

struct World {
    queue: Arc<EmbeddedQueue>,
    store: SqliteStore,
    clock: Stepped,
    folder: TempDir,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Stepped(Arc::new(Mutex::new("2026-03-01T12:00:00Z".parse().unwrap())));
        Self::open(folder, clock).await
    }

    async fn open(folder: TempDir, clock: Stepped) -> Self {
        let database = Database::open(&path(&folder), BUSY_TIMEOUT).await.unwrap();
        let queue = EmbeddedQueue::consumer(database.clone(), Arc::new(clock.clone()));
        let queue = Arc::new(queue.await.unwrap());
        let store = SqliteStore::new(database, Arc::new(clock.clone()));
        Self { queue, store, clock, folder }
    }

    /// What a `kill -9` and a new start make of it.
    async fn restart(self) -> Self {
        let Self { queue, store, clock, folder } = self;
        drop((queue, store));
        Self::open(folder, clock).await
    }

    fn database(&self) -> &Database {
        self.store.database()
    }

    fn commits(&self) -> u64 {
        self.database().commits()
    }

    fn later(&self, by: SignedDuration) -> Timestamp {
        self.clock.now().checked_add(by).unwrap()
    }

    async fn send(&self, name: &str) {
        assert_eq!(self.queue.send(wake(name, None)).await.unwrap(), Sent::Stored, "{name}");
    }

    async fn receive(&self, most: usize) -> Vec<Delivery> {
        let received = tokio::time::timeout(PATIENCE, self.queue.receive(most));
        received.await.expect("nothing was received").unwrap()
    }

    /// Receives the one message that is there, which is this.
    async fn receive_one(&self, name: &str) -> Delivery {
        let mut received = self.receive(9).await;
        assert_eq!(names(&received), [name]);
        received.remove(0)
    }

    async fn complete(&self, delivery: &Delivery) -> Result<(), StoreError> {
        let complete = vec![receipt(delivery).clone()];
        self.store.commit(&Commit { complete, ..Commit::default() }).await.map(drop)
    }

    /// Sends these at once, in this order. (More in one task at a time would be sent in another:
    /// tokio makes it pause in between.)
    async fn send_all(&self, names: &[String]) {
        for some in names.chunks(50) {
            join_all(some.iter().map(|name| self.send(name))).await;
        }
    }

    /// Holds that nothing is left but what is locked: of a message that is stored now and all that
    /// was due before it, this one alone comes.
    async fn nothing_else_comes(&self) {
        let send = vec![wake("sentinel", None)];
        self.store.commit(&Commit { send, ..Commit::default() }).await.unwrap();
        let sentinel = self.receive_one("sentinel").await;
        self.complete(&sentinel).await.unwrap();
    }

    async fn close(self) {
        self.database().close().await;
    }
}

fn path(folder: &TempDir) -> PathBuf {
    folder.path().join("pointsman.db")
}

fn backend(name: &str) -> BackendId {
    format!(
        "/subscriptions/00000000-0000-0000-0000-00000000000a/resourceGroups/rg1\
         /providers/Microsoft.ApiManagement/service/contoso/backends/{name}"
    )
    .parse()
    .unwrap()
}

fn wake(name: &str, due: Option<Timestamp>) -> Outgoing {
    Outgoing::wake(&backend(name), due)
}

fn receipt(delivery: &Delivery) -> &Receipt {
    delivery.receipt.as_ref().unwrap()
}

fn names(deliveries: &[Delivery]) -> Vec<String> {
    let name = |delivery: &Delivery| match &delivery.message {
        Message::Wake { backend, at_once: _ } => backend.name.to_string(),
        Message::Signals { .. } | Message::Command { .. } => panic!("{delivery:?}"),
    };
    deliveries.iter().map(name).collect()
}

#[tokio::test]
async fn what_is_sent_is_received_and_done_with_in_a_commit_each() {
    let world = World::new().await;
    let before = world.commits();
    world.send("eu").await;
    let delivery = world.receive_one("eu").await;
    assert_eq!(world.commits(), before + 2);
    assert_eq!((delivery.deliveries, delivery.enqueued), (1, world.clock.now()));
    world.complete(&delivery).await.unwrap();
    assert_eq!(world.commits(), before + 3);
    assert!(matches!(world.complete(&delivery).await, Err(StoreError::LockLost)));
    world.close().await;
}

#[tokio::test]
async fn the_same_adds_nothing_while_it_waits_and_comes_once_more_while_it_is_worked_on() {
    let world = World::new().await;
    world.send("eu").await;
    assert_eq!(world.queue.send(wake("eu", None)).await.unwrap(), Sent::Duplicate);
    let later = world.later(seconds(60));
    assert_eq!(world.queue.send(wake("us", Some(later))).await.unwrap(), Sent::Stored);
    assert_eq!(world.queue.send(wake("us", Some(later))).await.unwrap(), Sent::Duplicate);

    let first = world.receive_one("eu").await;
    assert_eq!(world.queue.send(wake("eu", None)).await.unwrap(), Sent::Again);
    // It will come once more anyhow.
    assert_eq!(world.queue.send(wake("eu", None)).await.unwrap(), Sent::Duplicate);
    world.nothing_else_comes().await;
    world.complete(&first).await.unwrap();
    let second = world.receive_one("eu").await;
    assert_eq!(second.deliveries, 1);
    world.queue.complete(std::slice::from_ref(receipt(&second))).await.unwrap();
    world.nothing_else_comes().await;
    world.close().await;
}

#[tokio::test]
async fn many_senders_share_commits() {
    let world = World::new().await;
    let before = world.commits();
    let names: Vec<String> = (0..200).map(|number| format!("b{number}")).collect();
    world.send_all(&names).await;
    let commits = world.commits() - before;
    assert!(commits <= names.len() as u64 / 10, "{commits} commits");
    assert_eq!(crate::names(&world.receive(999).await), names);
    world.close().await;
}

#[tokio::test]
async fn a_message_comes_again_when_its_lock_has_run_out() {
    let world = World::new().await;
    world.send("eu").await;
    let first = world.receive_one("eu").await;
    world.clock.step(LOCK - seconds(1));
    world.nothing_else_comes().await;
    world.clock.step(seconds(2));
    let second = world.receive_one("eu").await;
    assert_eq!(second.deliveries, 2);
    assert_ne!(second.receipt, first.receipt);

    // The first lock is worth nothing any more.
    assert!(matches!(world.queue.renew(receipt(&first)).await, Err(QueueError::LockLost)));
    let now = world.clock.now();
    assert!(matches!(world.queue.abandon(receipt(&first), now).await, Err(QueueError::LockLost)));
    assert!(matches!(world.complete(&first).await, Err(StoreError::LockLost)));
    let both = [receipt(&second).clone(), receipt(&first).clone()];
    assert!(matches!(world.queue.complete(&both).await, Err(QueueError::LockLost)));
    world.complete(&second).await.unwrap();
    world.close().await;
}

#[tokio::test]
async fn a_receipt_of_another_queue_is_refused() {
    let world = World::new().await;
    world.send("eu").await;
    let ours = world.receive_one("eu").await;
    for token in ["", "4f1c", "x y"] {
        let foreign = Receipt::new(token.to_owned());
        assert!(matches!(world.queue.renew(&foreign).await, Err(QueueError::Unavailable(_))));
        let foreign = Delivery { receipt: Some(foreign), ..ours.clone() };
        assert!(matches!(world.complete(&foreign).await, Err(StoreError::Corrupt(_))));
    }
    world.complete(&ours).await.unwrap();
    world.close().await;
}

#[tokio::test]
async fn a_renewed_lock_lasts_longer() {
    let world = World::new().await;
    world.send("eu").await;
    let delivery = world.receive_one("eu").await;
    for _ in 0..3 {
        world.clock.step(LOCK - seconds(1));
        world.queue.renew(receipt(&delivery)).await.unwrap();
    }
    world.nothing_else_comes().await;
    world.complete(&delivery).await.unwrap();
    world.close().await;
}

#[tokio::test]
async fn what_is_given_back_comes_again_when_it_is_due() {
    let world = World::new().await;
    world.send("eu").await;
    let first = world.receive_one("eu").await;
    let due = world.later(seconds(5));
    world.queue.abandon(receipt(&first), due).await.unwrap();
    world.nothing_else_comes().await;
    world.clock.step(seconds(5));
    assert_eq!(world.receive_one("eu").await.deliveries, 2);
    world.close().await;
}

#[tokio::test]
async fn a_scheduled_message_comes_when_it_is_due_and_not_before() {
    let world = World::new().await;
    let due = world.later(seconds(600));
    world.queue.send(wake("eu", Some(due))).await.unwrap();
    let (soon, sent) = (world.later(seconds(60)), wake("us", Some(world.later(seconds(60)))));
    world.store.commit(&Commit { send: vec![sent], ..Commit::default() }).await.unwrap();
    world.nothing_else_comes().await;
    world.clock.step(seconds(59));
    world.nothing_else_comes().await;
    world.clock.step(seconds(1));
    assert_eq!(world.clock.now(), soon);
    let us = world.receive_one("us").await;
    world.complete(&us).await.unwrap();

    // One who waits already gets it as well.
    let waiting = tokio::spawn({
        let queue = Arc::clone(&world.queue);
        async move { queue.receive(9).await }
    });
    tokio::task::yield_now().await;
    world.clock.step(seconds(540));
    let received = tokio::time::timeout(PATIENCE, waiting).await.unwrap().unwrap().unwrap();
    assert_eq!(names(&received), ["eu"]);
    world.close().await;
}

#[tokio::test]
async fn what_a_commit_sends_wakes_the_receiver() {
    let world = World::new().await;
    let queue = Arc::clone(&world.queue);
    let waiting = tokio::spawn(async move { queue.receive(9).await });
    tokio::task::yield_now().await;
    let send = vec![wake("eu", None)];
    world.store.commit(&Commit { send, ..Commit::default() }).await.unwrap();
    let received = tokio::time::timeout(PATIENCE, waiting).await.unwrap().unwrap().unwrap();
    assert_eq!(names(&received), ["eu"]);
    world.close().await;
}

#[tokio::test]
async fn a_message_that_is_never_completed_becomes_a_dead_letter() {
    let world = World::new().await;
    world.send("eu").await;
    for deliveries in 1..=DELIVERIES_MAX {
        assert_eq!(world.receive_one("eu").await.deliveries, deliveries);
        world.clock.step(LOCK);
    }
    world.nothing_else_comes().await;
    let letters = world.store.dead_letters(9).await.unwrap();
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].from, "queue");
    assert_eq!(letters[0].reason, "it was delivered 10 times and never completed");
    assert!(letters[0].body.contains(r#""kind":"wake""#), "{}", letters[0].body);
    world.close().await;
}

/// Stores a message whose body is this, as it may be found in a file of another version.
async fn plant(world: &World, name: &str, body: &'static str) {
    let mut row = Row::new(&wake(name, None), world.clock.now()).unwrap();
    body.clone_into(&mut row.body);
    let due = row.due;
    let job = world.database().write(move |conn| messages::insert(conn, &row));
    job.await.unwrap();
    world.database().arrivals().expect(due);
}

#[tokio::test]
async fn a_message_that_cannot_be_read_becomes_a_dead_letter_and_holds_nobody_up() {
    let world = World::new().await;
    plant(&world, "torn", r#"{"v":1,"body":{"kind":"wa"#).await;
    plant(&world, "newer", r#"{"v":3,"body":{}}"#).await;
    assert_eq!(world.queue.depth().await.unwrap(), 2, "they may tell of something");
    world.send("eu").await;
    let eu = world.receive_one("eu").await;
    world.complete(&eu).await.unwrap();
    // They are found with the first of these, and buried before the second.
    world.nothing_else_comes().await;
    world.nothing_else_comes().await;
    let letters = world.store.dead_letters(9).await.unwrap();
    assert_eq!(letters.len(), 2);
    assert!(letters[0].reason.contains("a message cannot be read"), "{}", letters[0].reason);
    assert!(letters[1].reason.contains("newer version of Pointsman"), "{}", letters[1].reason);
    assert_eq!(letters[1].body, r#"{"v":3,"body":{}}"#);
    assert_eq!(world.queue.depth().await.unwrap(), 0);

    // Where nothing else is there either.
    plant(&world, "torn", "").await;
    let waiting = world.queue.receive(9);
    let buried = async {
        let began = std::time::Instant::now();
        while world.store.dead_letters(9).await.unwrap().len() < 3 {
            assert!(began.elapsed() < PATIENCE, "no dead letter came");
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        received = waiting => panic!("{received:?}"),
        () = buried => {}
    }
    world.close().await;
}

#[tokio::test]
async fn in_a_storm_everything_keeps_its_turn() {
    let world = World::new().await;
    let sent: Vec<String> = (0..400).map(|number| format!("b{number}")).collect();
    world.send_all(&sent).await;
    let mut received = Vec::new();
    while received.len() < sent.len() + 1 {
        let some = world.receive(64).await;
        assert!(some.len() <= 64);
        assert!(some.iter().all(|delivery| delivery.deliveries == 1));
        received.extend(names(&some));
        // What comes in meanwhile waits behind them.
        if received.len() == 64 {
            world.send("late").await;
        }
    }
    assert_eq!(received.pop().as_deref(), Some("late"));
    assert_eq!(received, sent);
    world.close().await;
}

#[tokio::test]
async fn no_more_than_fits_is_received_at_once() {
    let world = World::new().await;
    let command = |number: usize, bytes: usize| {
        let reason = "x".repeat(bytes);
        let command = pointsman_engine::message::Command::ReleaseAll { reason };
        Outgoing::command("ann", command, &number.to_string())
    };
    for number in 0..5 {
        world.queue.send(command(number, RECEIVED_BYTES_MAX / 3)).await.unwrap();
    }
    let counts = [world.receive(9).await.len(), world.receive(9).await.len()];
    assert_eq!(counts, [3, 2]);
    // One that is larger by itself comes alone.
    for number in 5..7 {
        world.queue.send(command(number, 2 * RECEIVED_BYTES_MAX)).await.unwrap();
    }
    assert_eq!(world.receive(9).await.len(), 1);
    world.close().await;
}

#[tokio::test]
async fn a_receiver_that_goes_away_loses_nothing() {
    let world = World::new().await;
    let send = vec![wake("eu", None), wake("us", None)];
    world.store.commit(&Commit { send, ..Commit::default() }).await.unwrap();
    // However far it gets before it is dropped.
    let mut received = None;
    for polls in 0..40 {
        let mut waiting = Box::pin(world.queue.receive(9));
        for _ in 0..polls {
            if let Poll::Ready(ready) = futures_util::poll!(waiting.as_mut()) {
                received = Some(ready.unwrap());
                break;
            }
            tokio::task::yield_now().await;
        }
        if received.is_some() {
            break;
        }
    }
    let received = match received {
        Some(received) => received,
        None => {
            // Locked for nobody, they come when their locks run out.
            world.clock.step(LOCK);
            world.receive(9).await
        }
    };
    assert_eq!(names(&received), ["eu", "us"]);
    world.close().await;
}

#[tokio::test]
async fn there_is_one_consumer() {
    let world = World::new().await;
    let again = Database::open(&path(&world.folder), BUSY_TIMEOUT).await.unwrap();
    let refused = EmbeddedQueue::consumer(again.clone(), Arc::new(world.clock.clone())).await;
    let error = refused.map(drop).unwrap_err();
    assert!(matches!(error, ConsumerError::AlreadyConsumed(_)), "{error}");
    assert!(error.to_string().contains("another process"), "{error}");

    let producer = EmbeddedQueue::producer(again, Arc::new(world.clock.clone()));
    assert!(matches!(producer.receive(1).await, Err(QueueError::Unavailable(_))));
    world.close().await;
}

#[tokio::test]
async fn another_process_can_send() {
    let world = World::new().await;
    let other = Database::open(&path(&world.folder), BUSY_TIMEOUT).await.unwrap();
    let producer = EmbeddedQueue::producer(other.clone(), Arc::new(world.clock.clone()));
    for name in ["eu", "us"] {
        assert_eq!(producer.send(wake(name, None)).await.unwrap(), Sent::Stored);
        let delivery = world.receive_one(name).await;
        // Sent while it is worked on here.
        assert_eq!(producer.send(wake(name, None)).await.unwrap(), Sent::Again);
        world.complete(&delivery).await.unwrap();
        let delivery = world.receive_one(name).await;
        world.complete(&delivery).await.unwrap();
    }
    world.nothing_else_comes().await;
    other.close().await;
    world.close().await;
}

#[tokio::test]
async fn a_new_consumer_voids_the_locks_of_the_old_and_loses_nothing() {
    let world = World::new().await;
    for name in ["eu", "us", "jp"] {
        world.send(name).await;
    }
    let due = world.later(seconds(60));
    world.queue.send(wake("later", Some(due))).await.unwrap();
    let old = world.receive(2).await;
    assert_eq!(names(&old), ["eu", "us"]);
    world.complete(&old[0]).await.unwrap();

    let world = world.restart().await;
    // No lock has to run out first: the clock stands still.
    let new = world.receive(9).await;
    assert_eq!(names(&new), ["us", "jp"]);
    let times: Vec<u32> = new.iter().map(|delivery| delivery.deliveries).collect();
    assert_eq!(times, [2, 1]);
    assert!(matches!(world.complete(&old[1]).await, Err(StoreError::LockLost)));
    for delivery in &new {
        world.complete(delivery).await.unwrap();
    }
    world.clock.step(seconds(60));
    world.receive_one("later").await;
    world.close().await;
}

#[tokio::test]
async fn a_full_disk_refuses_the_sender_and_passes() {
    let world = World::new().await;
    let pages = |pages: u32| {
        world.database().write(move |conn| {
            assert_eq!(messages::next_due(conn)?, Micros::NEVER);
            Ok(conn.execute_batch(&format!("PRAGMA max_page_count = {pages}"))?)
        })
    };
    // SQLite takes the present size for a bound below it.
    pages(1).await.unwrap();
    let large = || {
        let reason = "x".repeat(100_000);
        let command = pointsman_engine::message::Command::ReleaseAll { reason };
        Outgoing::command("ann", command, "1")
    };
    let refused = world.queue.send(large()).await;
    assert!(matches!(refused, Err(QueueError::Unavailable(_))), "{refused:?}");
    world.send("small").await;
    let small = world.receive_one("small").await;
    world.complete(&small).await.unwrap();
    pages(1_000_000).await.unwrap();
    assert_eq!(world.queue.send(large()).await.unwrap(), Sent::Stored);
    assert_eq!(world.receive(9).await.len(), 1);
    world.close().await;
}

#[test]
fn the_longest_wake_is_within_the_bound_up_to_which_a_body_is_read_to_be_counted() {
    // As long as Azure lets each name be, in letters of four bytes where it lets them be any.
    let id = format!(
        "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/{}/providers\
         /Microsoft.ApiManagement/service/{}/workspaces/{}/backends/{}",
        "\u{20000}".repeat(90),
        "s".repeat(50),
        "\u{20000}".repeat(80),
        "\u{20000}".repeat(80)
    );
    let wake = Outgoing::wake(&id.parse().unwrap(), None);
    let row = Row::new(&wake, Timestamp::UNIX_EPOCH).unwrap();
    assert!(row.body.len() < messages::WAKE_BYTES_MAX as usize, "{}", row.body.len());
}

#[tokio::test]
async fn what_tells_or_asks_something_waits_until_it_is_taken_in_and_a_wake_never_does() {
    let world = World::new().await;
    let depth = async || world.queue.depth().await.unwrap();
    let later = world.later(seconds(60));
    assert_eq!(world.queue.send(wake("later", Some(later))).await.unwrap(), Sent::Stored);
    world.send("now").await;
    assert_eq!(depth().await, 0, "a wake is nothing that anybody waits for");
    let now = world.receive_one("now").await;
    assert_eq!(depth().await, 0);
    world.complete(&now).await.unwrap();

    let release = pointsman_engine::message::Command::ReleaseAll { reason: "over".to_owned() };
    let command = Outgoing::command("ann", release, "1");
    assert_eq!(world.queue.send(command).await.unwrap(), Sent::Stored);
    assert_eq!(depth().await, 1);
    let delivery = world.receive(9).await.remove(0);
    assert_eq!(depth().await, 1, "it is being taken in");
    world.queue.abandon(receipt(&delivery), world.later(seconds(20))).await.unwrap();
    assert_eq!(depth().await, 1, "it is tried again");
    world.clock.step(seconds(30));
    let delivery = world.receive(9).await.remove(0);
    world.complete(&delivery).await.unwrap();
    assert_eq!(depth().await, 0);
    world.close().await;
}
