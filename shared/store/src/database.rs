//! The file: one writer, a few readers, and the bell of its queue.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use pointsman_engine::ports::StoreError;
use rusqlite::Connection;
use tokio::sync::{Mutex, oneshot};

use crate::{
    arrivals::Arrivals,
    connecting::Connecting,
    error::{JobError, OpenError, closed},
    location,
    readers::Readers,
    schema,
    writer::{Desk, Work, Writer},
};

/// How many connections read.
pub const READERS: usize = 2;

/// How long a write waits for another process's, before it is answered `Unavailable`.
pub const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

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
    desk: Desk,
    readers: Arc<Readers>,
    arrivals: Arrivals,
    commits: Arc<AtomicU64>,
    /// Says when the writer has ended.
    ended: Mutex<Option<oneshot::Receiver<()>>>,
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
        let path = path.to_owned();
        let opened = tokio::task::spawn_blocking(move || Self::opened(&path, busy_timeout)).await;
        opened.unwrap_or_else(|_| Err(OpenError("the store could not be opened".to_owned())))
    }

    fn opened(path: &Path, busy_timeout: Duration) -> Result<Self, OpenError> {
        let path = location::prepare(path)?;
        let connecting = Connecting { path: path.clone(), busy_timeout };
        let unopened = |error| OpenError::unopened(&path, &error);
        let mut conn = connecting.write().map_err(unopened)?;
        schema::migrate(&mut conn, &path)?;
        let readers = Readers::open(&connecting, READERS).map_err(unopened)?;
        let readers = Arc::new(readers);
        let commits = Arc::new(AtomicU64::new(0));
        let writer = Writer::new(connecting, conn, Arc::clone(&readers), Arc::clone(&commits));
        let (desk, run) = Desk::new(writer);
        let (end, ended) = oneshot::channel();
        let work = move || {
            run();
            let _ = end.send(());
        };
        let thread = thread::Builder::new().name("store-writer".to_owned()).spawn(work);
        thread.map_err(|error: io::Error| OpenError::file(&path, &error))?;
        let (arrivals, ended) = (Arrivals::new(), Mutex::new(Some(ended)));
        Ok(Self { inner: Arc::new(Inner { path, desk, readers, arrivals, commits, ended }) })
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
        W: FnOnce(&Connection) -> Result<T, JobError> + Send + 'static,
    {
        let (work, answered) = Work::new(work);
        self.inner.desk.order(Box::new(work)).await?;
        answered.await.map_err(|_| closed())?
    }

    /// Reads what is found at once, by an index: it is done in place, which is faster than any thread is
    /// woken. No writer blocks it.
    ///
    /// # Errors
    /// What `work` returns; `Unavailable` once the store is closed.
    pub async fn read<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, JobError>,
    ) -> Result<T, StoreError> {
        self.inner.readers.read(work).await
    }

    /// Reads what may be much, on a thread where it may take its time.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub async fn read_at_length<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, JobError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.inner.readers.read_at_length(work).await
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
        if let Some(ended) = self.inner.ended.lock().await.take() {
            self.inner.desk.close().await;
            // An error says that it has ended already.
            let _ = ended.await;
        }
    }
}
