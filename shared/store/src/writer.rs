//! The one writer: commits what is waiting together.
//!
//! SQLite writes one transaction at a time, and a durable commit costs one sync of the disk, which
//! takes longer than everything else. So one thread owns the only writing connection. It takes
//! whatever is waiting, up to [`GROUP_JOBS_MAX`], runs each job behind a savepoint inside one
//! transaction, commits once, and then answers all of them. An idle writer starts at once, so
//! nothing waits for company; under load, what arrives during one sync shares the next.
//!
//! # What a job can count on
//! - It is alone: no other write of this or of another process happens between its statements.
//! - [`StoreError::Conflict`], [`StoreError::LockLost`] and [`StoreError::Corrupt`] roll back that
//!   job and no other.
//! - [`StoreError::Unavailable`] (the disk is full, or fails) rolls back the whole group, as SQLite
//!   may have done so by itself already; jobs that had not run yet are tried in a new one.
//! - It is answered only after its commit is durable, or its rollback done.
//! - A caller who is gone before its job began is not worked for. What was begun is finished, also
//!   where the caller has gone away in the meantime.
//!
//! A job that panics ends the writer: every call is answered `Unavailable` from then on, and
//! readiness says so.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use pointsman_engine::ports::StoreError;
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::{
    connecting::Connecting,
    error::{JobError, closed, reason},
    readers::Readers,
};

/// How many jobs may wait; a caller beyond that waits for room.
pub const JOBS_MAX: usize = 1_024;

/// How many jobs share one commit at most.
pub const GROUP_JOBS_MAX: usize = 256;

/// After how many commits the log is copied into the file at the next quiet moment, so that it is
/// seldom done inside a commit that someone waits for. Each commit logs some 20 pages. The log is then
/// written over from its beginning, and a sync of what is written over takes less time than of a
/// file that grows: there is no new size to write as well.
const CHECKPOINT_COMMITS: u64 = 64;

/// What the writer is sent.
pub(crate) enum Order {
    /// Something to write.
    Do(Box<dyn Job>),
    /// Nothing more is taken; what is waiting is still done.
    Close,
}

/// How a job's part of the transaction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// To be committed.
    Done,
    /// To be rolled back, alone.
    Refused,
    /// The transaction is of no use any more.
    Damaged,
}

/// Begins a transaction. It holds the write lock from its start: one that only read at first would
/// fail where another process wrote in between.
const BEGIN: &str = "BEGIN IMMEDIATE";

/// A write, and who waits for its result.
pub(crate) trait Job: Send {
    /// Whether nobody waits for it any more.
    fn is_abandoned(&self) -> bool;
    /// Runs it, and keeps its result.
    fn run(&mut self, conn: &Connection) -> Verdict;
    /// Tells the result, which is final: an error here, where the commit did not take place.
    fn answer(self: Box<Self>, committed: Result<(), StoreError>);
}

/// A [`Job`] made of a closure.
pub(crate) struct Work<T, W> {
    work: Option<W>,
    result: Option<Result<T, StoreError>>,
    answer: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, W> Work<T, W> {
    pub(crate) fn new(work: W) -> (Self, oneshot::Receiver<Result<T, StoreError>>) {
        let (answer, answered) = oneshot::channel();
        (Self { work: Some(work), result: None, answer }, answered)
    }
}

impl<T, W> Job for Work<T, W>
where
    T: Send + 'static,
    W: FnOnce(&Connection) -> Result<T, JobError> + Send + 'static,
{
    fn is_abandoned(&self) -> bool {
        self.answer.is_closed()
    }

    fn run(&mut self, conn: &Connection) -> Verdict {
        let Some(work) = self.work.take() else { return Verdict::Refused };
        let result = work(conn).map_err(|JobError(error)| error);
        let verdict = match &result {
            Ok(_) => Verdict::Done,
            Err(StoreError::Conflict | StoreError::LockLost | StoreError::Corrupt(_)) => {
                Verdict::Refused
            }
            Err(StoreError::Unavailable(_)) => Verdict::Damaged,
        };
        self.result = Some(result);
        verdict
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreError>) {
        let result = match (committed, self.result) {
            // Its own reason says more than the group's.
            (_, Some(Err(own))) => Err(own),
            (Err(why), _) => Err(why),
            (Ok(()), result) => result.unwrap_or_else(|| Err(closed())),
        };
        // A caller who has gone away needs no answer.
        let _ = self.answer.send(result);
    }
}

/// What the thread owns: the writing connection.
pub(crate) struct Writer {
    connecting: Connecting,
    conn: Option<Connection>,
    readers: Arc<Readers>,
    commits: Arc<AtomicU64>,
    since_checkpoint: u64,
}

impl Writer {
    pub(crate) fn new(
        connecting: Connecting,
        conn: Connection,
        readers: Arc<Readers>,
        commits: Arc<AtomicU64>,
    ) -> Self {
        Self { connecting, conn: Some(conn), readers, commits, since_checkpoint: 0 }
    }

    /// Works until it is told to close, or nobody is left who could send a job.
    pub(crate) fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        let mut waiting = Vec::with_capacity(GROUP_JOBS_MAX);
        while orders.blocking_recv_many(&mut waiting, GROUP_JOBS_MAX) > 0 {
            let mut group = VecDeque::with_capacity(waiting.len());
            for order in waiting.drain(..) {
                match order {
                    Order::Do(job) if job.is_abandoned() => {}
                    Order::Do(job) => group.push_back(job),
                    Order::Close => orders.close(),
                }
            }
            let company = group.len() > 1;
            while !group.is_empty() {
                self.commit(&mut group);
            }
            if company {
                // Under load, those who were just answered have more: a group that leaves without
                // them is small.
                std::thread::yield_now();
            }
            if self.since_checkpoint >= CHECKPOINT_COMMITS && orders.is_empty() {
                self.checkpoint();
            }
        }
        // The last connection to close copies the log into the file and removes it, if it may write.
        self.readers.close();
        if let Some(Err((_, error))) = self.conn.take().map(Connection::close) {
            tracing::warn!(%error, "the store was not closed cleanly; its log will be read at the next start");
        }
    }

    /// Runs jobs of the group in one transaction and answers them: all of it, unless one of them
    /// damages the transaction; then what has not run is left in the group.
    fn commit(&mut self, group: &mut VecDeque<Box<dyn Job>>) {
        let conn = match begin(&mut self.conn, &self.connecting) {
            Ok(conn) => conn,
            Err(error) => {
                let (error, jobs) = (reason(error), group.len());
                tracing::warn!(error, jobs, "no transaction could be begun");
                for job in group.drain(..) {
                    job.answer(Err(StoreError::Unavailable(error.clone())));
                }
                return;
            }
        };
        let company = group.len() > 1;
        let mut run = Vec::with_capacity(group.len());
        let mut damage = None;
        while let Some(mut job) = group.pop_front() {
            let verdict = if company { guarded(job.as_mut(), conn) } else { Ok(job.run(conn)) };
            let verdict = verdict.unwrap_or_else(|error| {
                damage = Some(reason(error));
                Verdict::Damaged
            });
            run.push((job, verdict));
            if verdict == Verdict::Damaged {
                let why = match company {
                    true => "another write of the same commit failed",
                    false => "its only write failed",
                };
                damage.get_or_insert_with(|| why.to_owned());
                break;
            }
        }
        let done = run.iter().filter(|(_, verdict)| *verdict == Verdict::Done).count();
        let outcome = self.end(done, run.len(), damage);
        for (job, _) in run {
            job.answer(outcome.clone().map_err(StoreError::Unavailable));
        }
    }

    /// Ends a transaction: commits what is done in it, unless it is damaged. A connection that
    /// cannot roll it back is given up; the next job opens another.
    fn end(&mut self, done: usize, jobs: usize, damage: Option<String>) -> Result<(), String> {
        let Some(conn) = &mut self.conn else { return Err("no connection is open".to_owned()) };
        let outcome = match damage {
            None if done > 0 => execute(conn, "COMMIT").map_err(reason),
            None => Ok(()),
            Some(damage) => Err(damage),
        };
        let committed = outcome.is_ok() && done > 0;
        // SQLite may have rolled it back by itself.
        if !committed
            && !conn.is_autocommit()
            && let Err(error) = execute(conn, "ROLLBACK")
        {
            tracing::debug!(error = reason(error), "nothing was rolled back");
            self.conn = None;
        }
        if committed {
            self.commits.fetch_add(1, Ordering::Relaxed);
            self.since_checkpoint += 1;
        }
        if let Err(error) = &outcome {
            tracing::warn!(error, jobs, "a commit failed and was rolled back");
        }
        outcome
    }

    fn checkpoint(&mut self) {
        self.since_checkpoint = 0;
        let Some(conn) = &self.conn else { return };
        // PASSIVE waits for nobody; what a reader still needs is copied the next time.
        let done = conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
        if let Err(error) = done {
            tracing::warn!(%error, "the store's log could not be copied into its file");
        }
    }
}

/// The writing connection, opened where there is none, with a transaction begun. One on which that fails is
/// given up; the next group opens another.
fn begin<'c>(
    conn: &'c mut Option<Connection>,
    connecting: &Connecting,
) -> Result<&'c Connection, JobError> {
    let open = match conn.take() {
        Some(open) => open,
        None => connecting.write()?,
    };
    execute(&open, BEGIN)?;
    Ok(conn.insert(open))
}

/// Runs a job behind a savepoint.
fn guarded(job: &mut dyn Job, conn: &Connection) -> Result<Verdict, JobError> {
    execute(conn, "SAVEPOINT job")?;
    let verdict = job.run(conn);
    match verdict {
        Verdict::Done => {}
        Verdict::Refused => execute(conn, "ROLLBACK TO job")?,
        Verdict::Damaged => return Ok(verdict),
    }
    execute(conn, "RELEASE job")?;
    Ok(verdict)
}

fn execute(conn: &Connection, statement: &str) -> Result<(), JobError> {
    conn.prepare_cached(statement)?.execute([])?;
    Ok(())
}
