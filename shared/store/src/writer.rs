//! The one writer: commits what is waiting together.
//!
//! SQLite writes one transaction at a time, and a durable commit costs one sync of the disk, which
//! takes longer than everything else. So one task owns the only writing connection. It takes
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

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use pointsman_engine::ports::StoreError;
use sqlx::{ConnectOptions, Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::sync::{mpsc, oneshot};

use crate::{
    error::{closed, reason, said},
    program::Program,
    readers::Readers,
};

/// How many jobs may wait; a caller beyond that waits for room.
pub const JOBS_MAX: usize = 1_024;

/// How many jobs share one commit at most.
pub const GROUP_JOBS_MAX: usize = 256;

/// After how many commits the log is copied into the file at the next quiet moment, so that it is
/// seldom done inside a commit that someone waits for. Each commit logs a few pages.
const CHECKPOINT_COMMITS: u64 = 256;

/// What a job is while it runs.
pub type Working<'c, T> = BoxFuture<'c, Result<T, StoreError>>;

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

/// With what a job shares its transaction. It begins its part itself, so that one that is a single
/// text can have that in the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Company {
    /// Nothing: it begins and commits as it needs. If it fails, it may leave its transaction open,
    /// to be rolled back.
    Alone,
    /// Other jobs: it begins with [`SAVEPOINT`], and the writer does the rest.
    Shared,
}

impl Company {
    /// What a job begins its part with.
    pub(crate) const fn opening(self) -> &'static str {
        match self {
            Self::Alone => BEGIN,
            Self::Shared => SAVEPOINT,
        }
    }
}

/// Begins a transaction. It holds the write lock from its start: one that only read at first would
/// fail where another process wrote in between.
const BEGIN: &str = "BEGIN IMMEDIATE";
/// Begins a job's part of a transaction that it shares.
const SAVEPOINT: &str = "SAVEPOINT job";

/// A write, and who waits for its result.
#[async_trait]
pub(crate) trait Job: Send {
    /// Whether nobody waits for it any more.
    fn is_abandoned(&self) -> bool;
    /// Runs it, and keeps its result.
    async fn run(&mut self, conn: &mut SqliteConnection, company: Company) -> Verdict;
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

#[async_trait]
impl<T, W> Job for Work<T, W>
where
    T: Send + 'static,
    W: for<'c> FnOnce(&'c mut SqliteConnection, Company) -> Working<'c, T> + Send + 'static,
{
    fn is_abandoned(&self) -> bool {
        self.answer.is_closed()
    }

    async fn run(&mut self, conn: &mut SqliteConnection, company: Company) -> Verdict {
        let Some(work) = self.work.take() else { return Verdict::Refused };
        let result = work(conn, company).await;
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

/// The task that owns the writing connection.
pub(crate) struct Writer {
    options: SqliteConnectOptions,
    conn: Option<SqliteConnection>,
    readers: Arc<Readers>,
    commits: Arc<AtomicU64>,
    since_checkpoint: u64,
}

impl Writer {
    pub(crate) fn new(
        options: SqliteConnectOptions,
        conn: SqliteConnection,
        readers: Arc<Readers>,
        commits: Arc<AtomicU64>,
    ) -> Self {
        Self { options, conn: Some(conn), readers, commits, since_checkpoint: 0 }
    }

    /// Works until it is told to close, or nobody is left who could send a job.
    pub(crate) async fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        let mut waiting = Vec::with_capacity(GROUP_JOBS_MAX);
        while orders.recv_many(&mut waiting, GROUP_JOBS_MAX).await > 0 {
            let mut group = VecDeque::with_capacity(waiting.len());
            for order in waiting.drain(..) {
                match order {
                    Order::Do(job) if job.is_abandoned() => {}
                    Order::Do(job) => group.push_back(job),
                    Order::Close => orders.close(),
                }
            }
            let company = group.len() > 1;
            if !company && let Some(job) = group.pop_front() {
                self.commit_alone(job).await;
            }
            while !group.is_empty() {
                self.commit_together(&mut group).await;
            }
            if company {
                // Under load, those who were just answered have more: a group that leaves without
                // them is small.
                tokio::task::yield_now().await;
            }
            if self.since_checkpoint >= CHECKPOINT_COMMITS && orders.is_empty() {
                self.checkpoint().await;
            }
        }
        // The last connection to close copies the log into the file and removes it.
        self.readers.close().await;
        if let Some(conn) = self.conn.take()
            && let Err(error) = conn.close().await
        {
            tracing::warn!(%error, "the store was not closed cleanly; its log will be read at the next start");
        }
    }

    /// Runs a job that has no company, which commits itself, and answers it.
    async fn commit_alone(&mut self, mut job: Box<dyn Job>) {
        let conn = match open(&mut self.conn, &self.options, None).await {
            Ok(conn) => conn,
            Err(error) => return job.answer(Err(StoreError::Unavailable(unopened(error, 1)))),
        };
        let outcome = match job.run(conn, Company::Alone).await {
            Verdict::Done => {
                self.count();
                Ok(())
            }
            Verdict::Refused => self.end(0, 1, None).await,
            Verdict::Damaged => self.end(0, 1, Some("its only write failed".to_owned())).await,
        };
        job.answer(outcome.map_err(StoreError::Unavailable));
    }

    /// Runs jobs of the group in one transaction and answers them: all of it, unless one of them
    /// damages the transaction; then what has not run is left in the group.
    async fn commit_together(&mut self, group: &mut VecDeque<Box<dyn Job>>) {
        let conn = match open(&mut self.conn, &self.options, Some(BEGIN)).await {
            Ok(conn) => conn,
            Err(error) => {
                let why = unopened(error, group.len());
                for job in group.drain(..) {
                    job.answer(Err(StoreError::Unavailable(why.clone())));
                }
                return;
            }
        };
        let mut run = Vec::with_capacity(group.len());
        let mut damage = None;
        while let Some(mut job) = group.pop_front() {
            let verdict = match guarded(job.as_mut(), conn).await {
                Ok(verdict) => verdict,
                Err(error) => {
                    damage = Some(reason(error));
                    Verdict::Damaged
                }
            };
            run.push((job, verdict));
            if verdict == Verdict::Damaged {
                let why = || "another write of the same commit failed".to_owned();
                damage.get_or_insert_with(why);
                break;
            }
        }
        let done = run.iter().filter(|(_, verdict)| *verdict == Verdict::Done).count();
        let outcome = self.end(done, run.len(), damage).await;
        for (job, _) in run {
            job.answer(outcome.clone().map_err(StoreError::Unavailable));
        }
    }

    /// Ends a transaction: commits what is done in it, unless it is damaged. A connection that could
    /// not begin it, or cannot roll it back, is given up, as is one on which SQLite has done so by
    /// itself, for that looks the same; the next job opens another.
    async fn end(
        &mut self,
        done: usize,
        jobs: usize,
        damage: Option<String>,
    ) -> Result<(), String> {
        let Some(conn) = &mut self.conn else { return Err("no connection is open".to_owned()) };
        let outcome = match damage {
            None if done > 0 => execute(conn, "COMMIT").await.map_err(reason),
            None => Ok(()),
            Some(damage) => Err(damage),
        };
        let committed = outcome.is_ok() && done > 0;
        if !committed && let Err(error) = execute(conn, "ROLLBACK").await {
            tracing::debug!(%error, "nothing was rolled back");
            self.conn = None;
        }
        if committed {
            self.count();
        }
        if let Err(error) = &outcome {
            tracing::warn!(error, jobs, "a commit failed and was rolled back");
        }
        outcome
    }

    /// Counts a commit.
    fn count(&mut self) {
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.since_checkpoint += 1;
    }

    async fn checkpoint(&mut self) {
        self.since_checkpoint = 0;
        let Some(conn) = &mut self.conn else { return };
        // PASSIVE waits for nobody; what a reader still needs is copied the next time.
        if let Err(error) = execute(conn, "PRAGMA wal_checkpoint(PASSIVE)").await {
            tracing::warn!(%error, "the store's log could not be copied into its file");
        }
    }
}

fn unopened(error: StoreError, jobs: usize) -> String {
    let error = reason(error);
    tracing::warn!(error, jobs, "no transaction could be begun");
    error
}

/// The writing connection, opened where there is none, with what a group begins with. One on which that
/// fails is given up; the next group opens another.
async fn open<'c>(
    conn: &'c mut Option<SqliteConnection>,
    options: &SqliteConnectOptions,
    opening: Option<&'static str>,
) -> Result<&'c mut SqliteConnection, StoreError> {
    let mut open = match conn.take() {
        Some(open) => open,
        None => said(options.connect()).await?,
    };
    if let Some(opening) = opening {
        execute(&mut open, opening).await?;
    }
    Ok(conn.insert(open))
}

/// Runs a job behind a savepoint, which it sets itself.
async fn guarded(job: &mut dyn Job, conn: &mut SqliteConnection) -> Result<Verdict, StoreError> {
    let verdict = job.run(conn, Company::Shared).await;
    match verdict {
        Verdict::Done => {}
        Verdict::Refused => execute(conn, "ROLLBACK TO job").await?,
        Verdict::Damaged => return Ok(verdict),
    }
    execute(conn, "RELEASE job").await?;
    Ok(verdict)
}

pub(crate) async fn execute(
    conn: &mut SqliteConnection,
    sql: &'static str,
) -> Result<(), StoreError> {
    Program::of(sql).run(conn).await.map(drop)
}
