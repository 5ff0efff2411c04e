//! The connections that read.
//!
//! sqlx's own pool asks a connection whether it is still there whenever it is given back, which
//! costs as much as a small read does. These are in this process, and stay.

use std::sync::atomic::{AtomicUsize, Ordering};

use pointsman_engine::ports::StoreError;
use sqlx::{ConnectOptions, Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::sync::{MappedMutexGuard, Mutex, MutexGuard};

use crate::error::closed;

/// A connection that reads, for as long as it is held. It cannot write.
pub type Reader<'a> = MappedMutexGuard<'a, SqliteConnection>;

/// A few connections; each is none once it is closed.
#[derive(Debug)]
pub(crate) struct Readers {
    connections: Vec<Mutex<Option<SqliteConnection>>>,
    /// Whose turn it is to be waited for, where all are taken.
    next: AtomicUsize,
}

impl Readers {
    /// Opens `count` connections, which must not be 0.
    pub(crate) async fn open(
        options: &SqliteConnectOptions,
        count: usize,
    ) -> Result<Self, sqlx::Error> {
        let mut connections = Vec::with_capacity(count);
        for _ in 0..count {
            connections.push(Mutex::new(Some(options.connect().await?)));
        }
        Ok(Self { connections, next: AtomicUsize::new(0) })
    }

    /// One that is free, or will be.
    pub(crate) async fn get(&self) -> Result<Reader<'_>, StoreError> {
        let free = self.connections.iter().find_map(|connection| connection.try_lock().ok());
        let guard = match free {
            Some(guard) => guard,
            None => {
                let turn = self.next.fetch_add(1, Ordering::Relaxed) % self.connections.len();
                self.connections[turn].lock().await
            }
        };
        MutexGuard::try_map(guard, Option::as_mut).map_err(|_| closed())
    }

    /// Waits for those who read, and closes all of them.
    pub(crate) async fn close(&self) {
        for connection in &self.connections {
            if let Some(connection) = connection.lock().await.take()
                && let Err(error) = connection.close().await
            {
                tracing::debug!(%error, "a reading connection was not closed cleanly");
            }
        }
    }
}
