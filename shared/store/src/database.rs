//! The file: one writer, a few readers, and the bell of its queue.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use pointsman_engine::ports::StoreError;
use sqlx::{
    ConnectOptions, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};
use tokio::{
    sync::{Mutex, mpsc},
    task::JoinHandle,
};

use crate::{
    arrivals::Arrivals,
    error::{OpenError, closed, is_busy},
    location,
    readers::{Reader, Readers},
    schema,
    writer::{Company, JOBS_MAX, Order, Work, Working, Writer, execute},
};

/// How many connections read.
pub const READERS: usize = 2;

/// How long a write waits for another process's, before it is answered `Unavailable`.
pub const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How many texts a connection keeps prepared, of up to two dozen statements each.
const STATEMENTS_MAX: usize = 64;

/// How long the log may grow before a commit has to copy it into the file: 16 MiB.
const LOG_PAGES_MAX: &str = "4096";

/// How much of the log is kept on disk once it was copied: overwriting it is faster than growing.
const LOG_BYTES_KEPT: &str = "16777216";

/// How long to wait before a file that someone else is just making is tried again.
const OPEN_RETRY: Duration = Duration::from_millis(20);

/// An open store. Clones are handles of the same.
///
/// Several processes may have it open; each write waits for the others' for up to
/// its `busy_timeout`. Dropping the last handle closes it in the background;
/// [`close`](Self::close) waits until it is done.
#[derive(Clone, Debug)]
pub struct Database {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    orders: mpsc::Sender<Order>,
    readers: Arc<Readers>,
    arrivals: Arrivals,
    commits: Arc<AtomicU64>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl Database {
    /// Opens the store at `path`; makes the file and its directory where there are none, for their
    /// owner alone, and brings its schema up to date. A write waits for another process's for
    /// `busy_timeout`: [`BUSY_TIMEOUT`] mostly.
    ///
    /// # Errors
    /// When the path is not usable, or holds something else, or was written by a newer version.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub async fn open(path: &Path, busy_timeout: Duration) -> Result<Self, OpenError> {
        let path = location::prepare(path)?;
        let connecting = connecting(&path, busy_timeout);
        let mut conn = connect(&connecting, busy_timeout)
            .await
            .map_err(|error| OpenError::unopened(&path, &error))?;
        schema::migrate(&mut conn, &path).await?;
        let readers = Readers::open(&connecting.clone().read_only(true), READERS)
            .await
            .map_err(|error| OpenError::unopened(&path, &error))?;
        let readers = Arc::new(readers);
        let commits = Arc::new(AtomicU64::new(0));
        let (orders, taken) = mpsc::channel(JOBS_MAX);
        let writer = Writer::new(connecting, conn, Arc::clone(&readers), Arc::clone(&commits));
        let writer = Mutex::new(Some(tokio::spawn(writer.run(taken))));
        let arrivals = Arrivals::new();
        Ok(Self { inner: Arc::new(Inner { path, orders, readers, arrivals, commits, writer }) })
    }

    /// Runs `work` in the writer's next transaction, alone while it runs, and answers when its
    /// commit is durable. It shares the commit with other work that was waiting; where it returns
    /// `Conflict` or `Corrupt`, it is rolled back by itself.
    ///
    /// # Errors
    /// What `work` returns; `Unavailable` where the transaction failed or the store is closed.
    pub async fn write<T, W>(&self, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: for<'c> FnOnce(&'c mut SqliteConnection) -> Working<'c, T> + Send + 'static,
    {
        self.write_by_itself(move |conn, company| {
            Box::pin(async move {
                execute(conn, company.opening()).await?;
                let done = work(conn).await?;
                if company == Company::Alone {
                    execute(conn, "COMMIT").await?;
                }
                Ok(done)
            })
        })
        .await
    }

    /// Like [`write`](Self::write), for work of one statement at most: where it is alone, it needs no
    /// transaction around it. More than one statement would not be done together.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub async fn write_statement<T, W>(&self, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: for<'c> FnOnce(&'c mut SqliteConnection) -> Working<'c, T> + Send + 'static,
    {
        self.write_by_itself(move |conn, company| {
            Box::pin(async move {
                if company == Company::Shared {
                    execute(conn, company.opening()).await?;
                }
                work(conn).await
            })
        })
        .await
    }

    /// Like [`write`](Self::write), for work that itself begins, and where it is alone commits.
    pub(crate) async fn write_by_itself<T, W>(&self, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: for<'c> FnOnce(&'c mut SqliteConnection, Company) -> Working<'c, T> + Send + 'static,
    {
        let (work, answered) = Work::new(work);
        self.inner.orders.send(Order::Do(Box::new(work))).await.map_err(|_| closed())?;
        answered.await.map_err(|_| closed())?
    }

    /// A connection that reads, and that no writer blocks. There are [`READERS`] of them: it is to
    /// be given back soon.
    ///
    /// # Errors
    /// `Unavailable` once the store is closed.
    pub async fn reader(&self) -> Result<Reader<'_>, StoreError> {
        self.inner.readers.get().await
    }

    /// The bell of its messages.
    #[must_use]
    pub fn arrivals(&self) -> &Arrivals {
        &self.inner.arrivals
    }

    /// Where it lies, absolute.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// How many commits were made since it was opened: each is one sync of the disk.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.inner.commits.load(Ordering::Relaxed)
    }

    /// Finishes what is waiting, then closes the file. Every later call is `Unavailable`.
    pub async fn close(&self) {
        let mut writer = self.inner.writer.lock().await;
        if let Some(task) = writer.take() {
            // An error of either says that the writer has ended already.
            let _ = self.inner.orders.send(Order::Close).await;
            let _ = task.await;
        }
    }
}

/// WAL, so that readers and the writer do not wait for each other; a sync in every commit, so that
/// what was answered survives a power cut.
fn connecting(path: &Path, busy_timeout: Duration) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(busy_timeout)
        .pragma("wal_autocheckpoint", LOG_PAGES_MAX)
        .pragma("journal_size_limit", LOG_BYTES_KEPT)
        .statement_cache_capacity(STATEMENTS_MAX)
        .disable_statement_logging()
}

/// Opens the writing connection. Turning a new file to WAL takes a lock for which SQLite does not
/// wait by itself, so two processes that make one file at the same time have to try again.
async fn connect(
    options: &SqliteConnectOptions,
    patience: Duration,
) -> Result<SqliteConnection, sqlx::Error> {
    let began = Instant::now();
    loop {
        match options.connect().await {
            Err(error) if is_busy(&error) && began.elapsed() < patience => {
                tokio::time::sleep(OPEN_RETRY).await;
            }
            done => return done,
        }
    }
}
