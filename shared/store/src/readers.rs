//! The connections that read.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use pointsman_engine::ports::StoreError;
use rusqlite::{Connection, Error};
use tokio::{
    sync::{Mutex, OwnedMutexGuard},
    task,
};

use crate::{
    connecting::Connecting,
    error::{JobError, closed},
};

/// A few connections; each is none once it is closed.
#[derive(Debug)]
pub(crate) struct Readers {
    connections: Vec<Arc<Mutex<Option<Connection>>>>,
    /// Whose turn it is to be waited for, where all are taken.
    next: AtomicUsize,
}

impl Readers {
    /// Opens `count` connections, which must not be 0.
    pub(crate) fn open(connecting: &Connecting, count: usize) -> Result<Self, Error> {
        let open = || Ok(Arc::new(Mutex::new(Some(connecting.read()?))));
        let connections: Result<_, Error> = (0..count).map(|_| open()).collect();
        Ok(Self { connections: connections?, next: AtomicUsize::new(0) })
    }

    /// Reads in place.
    pub(crate) async fn read<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, JobError>,
    ) -> Result<T, StoreError> {
        read(self.free().await.as_ref(), work)
    }

    /// Reads on a thread where it may take its time.
    pub(crate) async fn read_at_length<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, JobError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let reader = self.free().await;
        let done = task::spawn_blocking(move || read(reader.as_ref(), work)).await;
        done.unwrap_or_else(|_| Err(StoreError::Unavailable("its reader ended".to_owned())))
    }

    /// One that is free, or will be.
    async fn free(&self) -> OwnedMutexGuard<Option<Connection>> {
        let try_one = |one: &Arc<Mutex<_>>| Arc::clone(one).try_lock_owned().ok();
        if let Some(free) = self.connections.iter().find_map(try_one) {
            return free;
        }
        let turn = self.next.fetch_add(1, Ordering::Relaxed) % self.connections.len();
        Arc::clone(&self.connections[turn]).lock_owned().await
    }

    /// Waits for those who read, and closes all of them. It is called outside of any runtime.
    pub(crate) fn close(&self) {
        for connection in &self.connections {
            if let Some(Err((_, error))) = connection.blocking_lock().take().map(Connection::close)
            {
                tracing::debug!(%error, "a reading connection was not closed cleanly");
            }
        }
    }
}

fn read<T>(
    reader: Option<&Connection>,
    work: impl FnOnce(&Connection) -> Result<T, JobError>,
) -> Result<T, StoreError> {
    work(reader.ok_or_else(closed)?).map_err(|JobError(error)| error)
}
