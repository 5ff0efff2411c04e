//! The one writer: commits what is waiting together.
//!
//! SQLite writes one transaction at a time, and a durable commit costs one sync of the disk, which
//! takes longer than everything else. So there is one writing connection, and one thread that takes
//! whatever is waiting, up to [`GROUP_JOBS_MAX`], runs each job behind a savepoint inside one
//! transaction, commits once, and then answers all of them. Nothing waits for company; under load, what
//! arrives during one sync shares the next.
//!
//! Where nothing is waiting and nobody writes, a caller writes by itself, in place: to wake the thread and
//! to be woken by it would take a good part of the time that the disk takes. Whatever comes meanwhile waits
//! for the thread, which waits for the caller; so nobody writes in place before those who came first.
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
//! A job that panics ends the writer, wherever it ran: every call is answered `Unavailable` from then on,
//! and readiness says so.

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use pointsman_engine::ports::StoreError;
use rusqlite::Connection;
use tokio::{
    runtime::{Handle, RuntimeFlavor},
    sync::{mpsc, oneshot},
    task,
};

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
    /// The log is long enough to be copied into the file.
    Checkpoint,
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

/// What writes: the writing connection.
#[derive(Debug)]
pub(crate) struct Writer {
    connecting: Connecting,
    conn: Option<Connection>,
    readers: Arc<Readers>,
    commits: Arc<AtomicU64>,
    since_checkpoint: u64,
}

/// The way to the writer.
#[derive(Debug)]
pub(crate) struct Desk {
    /// None once it is closed.
    writer: Arc<Mutex<Option<Writer>>>,
    orders: mpsc::Sender<Order>,
    /// How many jobs were sent to the thread and are not done.
    sent: Arc<AtomicUsize>,
}

impl Desk {
    /// A way to this writer, whose thread is then to run what this gives beside it.
    pub(crate) fn new(writer: Writer) -> (Self, impl FnOnce() + Send + 'static) {
        let writer = Arc::new(Mutex::new(Some(writer)));
        let (orders, taken) = mpsc::channel(JOBS_MAX);
        let sent = Arc::new(AtomicUsize::new(0));
        let (theirs, done) = (Arc::clone(&writer), Arc::clone(&sent));
        (Self { writer, orders, sent }, move || run(&theirs, taken, &done))
    }

    /// Has a job done: at once and in place where the writer is idle, else by its thread. It is answered by itself.
    pub(crate) async fn order(&self, job: Box<dyn Job>) -> Result<(), StoreError> {
        let Some(job) = self.do_in_place(job) else { return Ok(()) };
        let room = self.orders.reserve().await.map_err(|_| closed())?;
        self.sent.fetch_add(1, Ordering::Relaxed);
        room.send(Order::Do(job));
        Ok(())
    }

    /// Does a job where the writer is idle and this thread may be held up; else gives it back.
    fn do_in_place(&self, job: Box<dyn Job>) -> Option<Box<dyn Job>> {
        let may_block =
            Handle::try_current().is_ok_and(|it| it.runtime_flavor() == RuntimeFlavor::MultiThread);
        if !may_block || self.sent.load(Ordering::Relaxed) > 0 {
            return Some(job);
        }
        let Ok(mut place) = self.writer.try_lock() else { return Some(job) };
        let Some(writer) = place.as_mut() else { return Some(job) };
        let work = AssertUnwindSafe(|| writer.commit_all(VecDeque::from([job])));
        if task::block_in_place(|| catch_unwind(work)).is_err() {
            *place = None;
        } else if writer.since_checkpoint >= CHECKPOINT_COMMITS {
            // One that has no room has something to do, and comes to it then.
            let _ = self.orders.try_send(Order::Checkpoint);
        }
        None
    }

    /// Takes no more jobs; those that were sent are done.
    pub(crate) async fn close(&self) {
        // An error says that it is closed.
        let _ = self.orders.send(Order::Close).await;
    }
}

/// Works until it is told to close, or nobody is left who could send a job.
fn run(writer: &Mutex<Option<Writer>>, mut orders: mpsc::Receiver<Order>, sent: &AtomicUsize) {
    let mut waiting = Vec::with_capacity(GROUP_JOBS_MAX);
    while orders.blocking_recv_many(&mut waiting, GROUP_JOBS_MAX) > 0 {
        let mut group = VecDeque::with_capacity(waiting.len());
        let mut jobs = 0;
        for order in waiting.drain(..) {
            match order {
                Order::Do(job) => {
                    jobs += 1;
                    if !job.is_abandoned() {
                        group.push_back(job);
                    }
                }
                Order::Checkpoint => {}
                Order::Close => orders.close(),
            }
        }
        let company = group.len() > 1;
        let Ok(mut writer) = writer.lock() else { return };
        // A job has panicked in place.
        let Some(writer) = writer.as_mut() else { return };
        writer.commit_all(group);
        sent.fetch_sub(jobs, Ordering::Relaxed);
        if company {
            // Under load, those who were just answered have more: a group that leaves without
            // them is small.
            std::thread::yield_now();
        }
        if writer.since_checkpoint >= CHECKPOINT_COMMITS && orders.is_empty() {
            writer.checkpoint();
        }
    }
    if let Ok(mut writer) = writer.lock()
        && let Some(writer) = writer.take()
    {
        writer.close();
    }
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

    /// Runs jobs and answers them.
    fn commit_all(&mut self, mut group: VecDeque<Box<dyn Job>>) {
        while !group.is_empty() {
            self.commit(&mut group);
        }
    }

    fn close(mut self) {
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
