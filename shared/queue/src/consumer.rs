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
    messages::{self, Bounds, DEAD_LETTERS_FROM, Held},
};

use crate::{
    DELIVERIES_MAX, POLL, READY_BYTES_MAX,
    inbox::{Fetched, Inbox, Reservation},
    lock_end,
};

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

/// Holds the lock on the consumer's file, and what is ready to be received. Jobs at the writer share
/// it, so that the lock outlives everything that is done under it.
#[derive(Debug)]
pub(crate) struct Consumer {
    database: Database,
    pub(crate) inbox: Arc<Inbox>,
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
        let epoch = database.write(|conn| Box::pin(messages::take_over(conn))).await?;
        Ok(Self {
            database,
            inbox: Arc::default(),
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

    /// Room in memory for a message that is about to be stored, and the lock that it gets then.
    pub(crate) fn reserve(&self, bytes: usize) -> Option<(Reservation, u64)> {
        Some((self.inbox.reserve(bytes)?, self.next_lock()))
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
            self.bury_unreadable(clock.now()).await?;
            self.poll().await?;
            let now = clock.now();
            let earliest = self.database.arrivals().earliest();
            let behind = earliest <= Micros::at(now);
            match self.inbox.fetch(most, now, behind) {
                Fetched::Deliveries(deliveries) if deliveries.is_empty() => {}
                Fetched::Deliveries(deliveries) => return Ok(deliveries),
                Fetched::Stale(stale) => self.renew(stale, now).await?,
                Fetched::Nothing if behind => self.load(most, now).await?,
                Fetched::Nothing => {
                    let _ = tokio::time::timeout(pause(earliest, now), rung).await;
                }
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
        let next = messages::next_due(&mut *self.database.reader().await?).await?;
        self.database.arrivals().expect(next);
        Ok(())
    }

    /// Locks what is due in the database. Where that fails, or the caller goes away, the next poll
    /// finds it again.
    async fn load(self: &Arc<Self>, most: usize, now: Timestamp) -> Result<(), StoreError> {
        let (this, lock, until) = (Arc::clone(self), self.next_lock(), lock_end(now));
        let bounds = Bounds {
            messages_max: most,
            bytes_max: READY_BYTES_MAX,
            deliveries_max: DELIVERIES_MAX,
            until,
        };
        self.database.arrivals().look();
        self.database
            .write_then(
                move |conn| Box::pin(async move { messages::take(conn, now, lock, bounds).await }),
                move |taken| {
                    if taken.buried > 0 {
                        tracing::warn!(
                            count = taken.buried,
                            "messages were delivered too often and are dead letters now"
                        );
                    }
                    this.inbox.load(taken.locked, until, taken.next <= Micros::at(now));
                    this.database.arrivals().expect(taken.next);
                },
            )
            .await
    }

    /// Renews the locks of messages that have waited in memory for long.
    async fn renew(self: &Arc<Self>, stale: Vec<Held>, now: Timestamp) -> Result<(), StoreError> {
        let (this, until) = (Arc::clone(self), lock_end(now));
        let work = async move |conn: &mut _| {
            let mut renewed = Vec::with_capacity(stale.len());
            for held in stale {
                let is_ours = messages::renew(&mut *conn, &held, until).await?;
                renewed.push((held, is_ours));
            }
            Ok(renewed)
        };
        self.database
            .write_then(
                move |conn| Box::pin(async move { work(conn).await }),
                move |renewed| this.inbox.renewed(&renewed, until),
            )
            .await
    }

    /// Makes dead letters of the messages that turned out to be unreadable.
    async fn bury_unreadable(self: &Arc<Self>, now: Timestamp) -> Result<(), StoreError> {
        let unreadable = self.inbox.unreadable();
        if unreadable.is_empty() {
            return Ok(());
        }
        let this = Arc::clone(self);
        let work = async move |conn: &mut _| {
            for it in &unreadable {
                let letter = DeadLetter::new(now, DEAD_LETTERS_FROM, &it.reason, it.body.clone());
                messages::bury(&mut *conn, &it.held, &letter).await?;
            }
            Ok(unreadable)
        };
        self.database
            .write_then(
                move |conn| Box::pin(async move { work(conn).await }),
                move |buried| {
                    for it in &buried {
                        tracing::warn!(message = %it.held.id, reason = it.reason, "a message cannot be read and is a dead letter now");
                    }
                    this.inbox.buried(&buried);
                },
            )
            .await
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
