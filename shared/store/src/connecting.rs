//! How a file is opened.

use std::{
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use rusqlite::{Connection, Error, OpenFlags};

use crate::error::is_busy;

/// How many statements a connection keeps prepared: all that there are.
const STATEMENTS_MAX: usize = 128;

/// How long the log may grow before a commit has to copy it into the file: 16 MiB.
const LOG_PAGES_MAX: u32 = 4_096;

/// How much of the log is kept on disk once it was copied: overwriting it is faster than growing.
const LOG_BYTES_KEPT: u32 = 16 << 20;

/// How long to wait before a file that someone else is just making is tried again.
const OPEN_RETRY: Duration = Duration::from_millis(20);

/// A file, and how long a write to it waits for another process's.
#[derive(Clone, Debug)]
pub(crate) struct Connecting {
    pub(crate) path: PathBuf,
    pub(crate) busy_timeout: Duration,
}

impl Connecting {
    /// A connection that writes. WAL, so that readers and the writer do not wait for each other; a sync in
    /// every commit, so that what was answered survives a power cut. Turning a new file to WAL takes a lock
    /// for which SQLite does not wait by itself, so two processes that make one file at the same time have
    /// to try again.
    pub(crate) fn write(&self) -> Result<Connection, Error> {
        let began = Instant::now();
        loop {
            let conn = self.open(OpenFlags::SQLITE_OPEN_READ_WRITE)?;
            match set(&conn) {
                Err(error) if is_busy(&error) && began.elapsed() < self.busy_timeout => {
                    thread::sleep(OPEN_RETRY);
                }
                done => return done.map(|()| conn),
            }
        }
    }

    /// A connection that only reads.
    pub(crate) fn read(&self) -> Result<Connection, Error> {
        self.open(OpenFlags::SQLITE_OPEN_READ_ONLY)
    }

    fn open(&self, how: OpenFlags) -> Result<Connection, Error> {
        // One thread at a time has a connection, so it needs no lock of its own.
        let conn = Connection::open_with_flags(&self.path, how | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        conn.busy_timeout(self.busy_timeout)?;
        conn.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
        Ok(conn)
    }
}

fn set(conn: &Connection) -> Result<(), Error> {
    conn.pragma_update(None, "journal_mode", "WAL")?;
    conn.pragma_update(None, "synchronous", "FULL")?;
    conn.pragma_update(None, "wal_autocheckpoint", LOG_PAGES_MAX)?;
    conn.pragma_update(None, "journal_size_limit", LOG_BYTES_KEPT)
}
