//! The embedded queue: the durable inbox, on the store's database.
//!
//! Whoever has the database open can send; one process receives ([`EmbeddedQueue::consumer`]). A
//! message is delivered at least once: it is locked for [`LOCK`], comes again when it is not
//! completed before the lock runs out, and becomes a dead letter after [`DELIVERIES_MAX`] deliveries, or
//! when its body cannot be read.
//!
//! Messages come in the order of becoming due, which for one that names no time is the order of sending.
//!
//! # What was thought of
//! - A sender that goes away while its message is stored: it may be stored all the same.
//! - A receiver that goes away while messages are locked for it: they come again when their locks run
//!   out.
//! - A consumer that dies: the operating system unlocks its file, and its successor voids its locks
//!   on messages at once, rather than waiting for them.
//! - The same message sent while it is being worked on comes once more
//!   ([`pointsman_store::messages`]).

mod consumer;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use pointsman_engine::{
    message::Outgoing,
    ports::{Clock, Commit, Delivery, Queue, QueueError, Receipt, Sent, Store as _, StoreError},
};
use pointsman_store::{
    Database, Micros, SqliteStore,
    messages::{self, Held, Row},
};

use crate::consumer::Consumer;
pub use crate::consumer::{ConsumerError, is_consumed};

/// How long a received message is locked.
pub const LOCK: SignedDuration = SignedDuration::from_secs(30);

/// After how many deliveries a message becomes a dead letter.
pub const DELIVERIES_MAX: u32 = 10;

/// How many bytes of stored bodies are received at once at most; one message is, whatever its size.
pub const RECEIVED_BYTES_MAX: usize = 4 * 1024 * 1024;

/// How often the database is looked into for the messages of other processes.
pub const POLL: Duration = Duration::from_millis(250);

/// The queue on the store's database. Clones are handles of the same.
#[derive(Clone)]
pub struct EmbeddedQueue {
    database: Database,
    clock: Arc<dyn Clock>,
    consumer: Option<Arc<Consumer>>,
}

impl EmbeddedQueue {
    /// A queue that only sends: receiving from it is an error.
    #[must_use]
    pub fn producer(database: Database, clock: Arc<dyn Clock>) -> Self {
        Self { database, clock, consumer: None }
    }

    /// The queue that also receives. A database has one at a time: it locks the file
    /// `<database>.consumer` until the queue is closed or its process ends.
    ///
    /// # Errors
    /// When another consumer has locked that file, or it cannot be locked, or the database fails.
    pub async fn consumer(
        database: Database,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ConsumerError> {
        let consumer = Some(Arc::new(Consumer::open(database.clone()).await?));
        Ok(Self { database, clock, consumer })
    }

    /// Whether nobody ever received from this database before: it was made just now.
    #[must_use]
    pub fn is_first(&self) -> bool {
        self.consumer.as_ref().is_some_and(|consumer| consumer.is_first())
    }

    async fn waiting(&self) -> Result<(u64, Option<Timestamp>), QueueError> {
        let now = self.clock.now();
        let waiting = self.database.read_at_length(move |conn| messages::waiting(conn, now));
        waiting.await.map_err(unavailable)
    }
}

/// The end of a lock that begins at `now`.
fn lock_end(now: Timestamp) -> Micros {
    Micros::from(now.checked_add(LOCK).unwrap_or(Timestamp::MAX))
}

fn unavailable(error: StoreError) -> QueueError {
    match error {
        StoreError::Conflict | StoreError::LockLost => QueueError::LockLost,
        StoreError::Unavailable(why) | StoreError::Corrupt(why) => QueueError::Unavailable(why),
    }
}

#[async_trait]
impl Queue for EmbeddedQueue {
    async fn send(&self, outgoing: Outgoing) -> Result<Sent, QueueError> {
        let row = Row::new(&outgoing, self.clock.now()).map_err(unavailable)?;
        let database = self.database.clone();
        let sent = self.database.write(move |conn| {
            let sent = messages::insert(conn, &row)?;
            match sent {
                Sent::Stored => database.arrivals().expect(row.due),
                // It has its turn when the one that is worked on is completed.
                Sent::Again | Sent::Duplicate => {}
            }
            Ok(sent)
        });
        sent.await.map_err(unavailable)
    }

    /// What was locked when a caller goes away is delivered once its lock has run out.
    async fn receive(&self, most: usize) -> Result<Vec<Delivery>, QueueError> {
        let Some(consumer) = &self.consumer else {
            return Err(QueueError::Unavailable("it was opened for sending only".to_owned()));
        };
        consumer.receive(most, &*self.clock).await.map_err(unavailable)
    }

    async fn renew(&self, receipt: &Receipt) -> Result<(), QueueError> {
        let held = Held::of(receipt).map_err(unavailable)?;
        let until = lock_end(self.clock.now());
        let renewed = self.database.write(move |conn| messages::renew(conn, &held, until)).await;
        renewed.map_err(unavailable)
    }

    async fn abandon(&self, receipt: &Receipt, due: Timestamp) -> Result<(), QueueError> {
        let (held, due) = (Held::of(receipt).map_err(unavailable)?, Micros::from(due));
        let database = self.database.clone();
        let given = self.database.write(move |conn| {
            messages::abandon(conn, &held, due)?;
            database.arrivals().expect(due);
            Ok(())
        });
        given.await.map_err(unavailable)
    }

    /// All of them, or none where one's lock was lost. The store's commits do it by themselves.
    async fn complete(&self, receipts: &[Receipt]) -> Result<(), QueueError> {
        let store = SqliteStore::new(self.database.clone(), Arc::clone(&self.clock));
        let commit = Commit { complete: receipts.to_vec(), ..Commit::default() };
        store.commit(&commit).await.map(drop).map_err(unavailable)
    }

    async fn depth(&self) -> Result<u64, QueueError> {
        Ok(self.waiting().await?.0)
    }

    async fn oldest(&self) -> Result<Option<Timestamp>, QueueError> {
        Ok(self.waiting().await?.1)
    }
}
