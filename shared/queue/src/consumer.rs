//! The one that receives.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
    pin::pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use jiff::Timestamp;
use pointsman_engine::ports::{Clock, DeadLetter, Delivery, StoreError};
use pointsman_store::{
    Database, Micros, make_file,
    messages::{self, Bounds, DEAD_LETTERS_FROM, Held, Locked, Taken},
    stored,
};

use crate::{DELIVERIES_MAX, POLL, RECEIVED_BYTES_MAX, lock_end};

/// Why a database's messages cannot be received here.
#[derive(Debug, thiserror::Error)]
pub enum ConsumerError {
    /// There is one already.
    #[error("the queue has a consumer already: another process holds {0:?}; end it first")]
    AlreadyConsumed(PathBuf),
    /// The consumer's file cannot be locked.
    #[error("{0:?} cannot be locked: {1}")]
    File(PathBuf, io::Error),
    /// The database fails.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Holds the lock on the consumer's file. Jobs at the writer share it, so that the lock outlives
/// everything that is done under it.
#[derive(Debug)]
pub(crate) struct Consumer {
    database: Database,
    /// Which consumer of this database it is; the upper half of its locks.
    epoch: u32,
    /// The lower half of the last lock.
    locks: AtomicU32,
    /// When the database was last looked into for messages of other processes.
    polled: Mutex<Option<Instant>>,
    /// Locked for as long as it is open.
    _locked: File,
}

impl Consumer {
    /// Becomes the consumer: locks the consumer's file, and voids the message locks of the one before.
    pub(crate) async fn open(database: Database) -> Result<Self, ConsumerError> {
        let locked = lock(database.path())?;
        let epoch = database.write(messages::take_over).await?;
        Ok(Self {
            database,
            epoch,
            locks: AtomicU32::new(0),
            polled: Mutex::new(None),
            _locked: locked,
        })
    }

    /// A lock that no message was ever locked under.
    fn next_lock(&self) -> u64 {
        // Four thousand million in one run of a process would take years at any rate a disk has.
        let low = self.locks.fetch_add(1, Ordering::Relaxed);
        u64::from(self.epoch) << 32 | u64::from(low)
    }

    /// Whether it is the first that this database has.
    pub(crate) fn is_first(&self) -> bool {
        self.epoch == 1
    }

    /// Waits for messages and takes up to `most` of them.
    pub(crate) async fn receive(
        self: &Arc<Self>,
        most: usize,
        clock: &dyn Clock,
    ) -> Result<Vec<Delivery>, StoreError> {
        if most == 0 {
            return Ok(Vec::new());
        }
        loop {
            // From here on no ring is missed.
            let rung = pin!(self.database.arrivals().notified());
            self.poll().await?;
            let now = clock.now();
            let earliest = self.database.arrivals().earliest();
            if earliest > Micros::at(now) {
                let _ = tokio::time::timeout(pause(earliest, now), rung).await;
                continue;
            }
            let deliveries = self.take(most, now).await?;
            if !deliveries.is_empty() {
                return Ok(deliveries);
            }
        }
    }

    /// Notices what other processes have sent, and locks that have run out.
    async fn poll(&self) -> Result<(), StoreError> {
        {
            let mut polled = self.polled.lock().unwrap_or_else(PoisonError::into_inner);
            if polled.is_some_and(|polled| polled.elapsed() < POLL) {
                return Ok(());
            }
            *polled = Some(Instant::now());
        }
        let next = self.database.read(messages::next_due).await?;
        self.database.arrivals().expect(next);
        Ok(())
    }

    /// Locks what is due in the database. Where that fails, or the caller goes away, the next poll
    /// finds it again.
    async fn take(
        self: &Arc<Self>,
        most: usize,
        now: Timestamp,
    ) -> Result<Vec<Delivery>, StoreError> {
        let (this, lock) = (Arc::clone(self), self.next_lock());
        let bounds = Bounds {
            messages_max: most,
            bytes_max: RECEIVED_BYTES_MAX,
            deliveries_max: DELIVERIES_MAX,
            until: lock_end(now),
        };
        self.database.arrivals().look();
        let taken = self.database.write(move |conn| {
            let taken = messages::take(conn, now, lock, bounds)?;
            this.database.arrivals().expect(taken.next);
            Ok(taken)
        });
        let Taken { locked, buried, .. } = taken.await?;
        if buried > 0 {
            tracing::warn!(buried, "messages were delivered too often and are dead letters now");
        }
        let mut deliveries = Vec::new();
        for Locked { held, deliveries: times, enqueued, body } in locked {
            match stored::read(&body) {
                Ok(message) => deliveries.push(Delivery {
                    id: held.id.clone(),
                    receipt: Some(held.receipt()),
                    deliveries: times,
                    // A column that holds no time says nothing; it has been stored by now at least.
                    enqueued: enqueued.timestamp().unwrap_or(now),
                    message,
                }),
                Err(error) => self.bury(held, &error.to_string(), body, now).await?,
            }
        }
        Ok(deliveries)
    }

    /// Makes a dead letter of a message that cannot be read.
    async fn bury(
        &self,
        held: Held,
        reason: &str,
        body: String,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (message, letter) =
            (held.id.clone(), DeadLetter::new(now, DEAD_LETTERS_FROM, reason, body));
        self.database.write(move |conn| messages::bury(conn, &held, &letter)).await?;
        tracing::warn!(%message, reason, "a message cannot be read and is a dead letter now");
        Ok(())
    }
}

/// How long to wait for a ring: until the next message is due, and no longer than until the next
/// poll.
fn pause(earliest: Micros, now: Timestamp) -> Duration {
    let left = earliest.column().saturating_sub(Micros::at(now).column());
    Duration::from_micros(u64::try_from(left).unwrap_or(0)).min(POLL)
}

/// The consumer's file: whoever has locked it receives a database's messages.
fn file_of(database: &Path) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push(".consumer");
    PathBuf::from(path)
}

/// Whether another process, a `serve` most likely, takes messages out of this database's queue: it
/// has locked the consumer's file. Nothing is written to find that out.
///
/// # Errors
/// When the consumer's file cannot be opened.
pub fn is_consumed(database: &Database) -> io::Result<bool> {
    match File::open(file_of(database.path())).map(|file| file.try_lock_shared()) {
        Ok(Ok(())) => Ok(false),
        Ok(Err(TryLockError::WouldBlock)) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Ok(Err(TryLockError::Error(error))) | Err(error) => Err(error),
    }
}

/// Locks the file beside the database; the lock ends with the process at the latest.
fn lock(database: &Path) -> Result<File, ConsumerError> {
    let path = file_of(database);
    let file = match make_file(&path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            OpenOptions::new().write(true).open(&path)
        }
        made => made,
    };
    match file.map(|file| (file.try_lock(), file)) {
        Ok((Ok(()), file)) => Ok(file),
        Ok((Err(TryLockError::WouldBlock), _)) => Err(ConsumerError::AlreadyConsumed(path)),
        Ok((Err(TryLockError::Error(error)), _)) | Err(error) => {
            Err(ConsumerError::File(path, error))
        }
    }
}
