//! The off switch: nothing is written to Azure between a pause and its resume, or its end by the clock.
//!
//! Neither waits in the queue behind what it is to stop, nor fails where the queue does. The
//! group document is changed by compare-and-swap, and a write is recorded only under the version
//! that it was decided by, so that whoever runs takes it in before its next write. Backends with
//! something going on are woken, to be looked at under the new rule; each then knows when a pause ends
//! by the clock.

use std::collections::BTreeSet;

use jiff::Timestamp;
use pointsman_core::{
    group::{Group, Pause, Paused},
    ledger::{Line, What},
    names::BackendId,
};

use crate::{
    engine::RECONCILE_ATTEMPTS_MAX,
    message::Outgoing,
    outbox,
    ports::{Commit, Queue, Store, StoreError, Versioned},
    sweep::SWEEP_MAX,
};

/// What became of a pause or a resume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Switched {
    /// It is so now.
    Done(Option<Pause>),
    /// It was so before.
    Already(Option<Pause>),
}

/// The pauses of these that are on, that of everything first.
///
/// # Errors
/// When the store is not to be had.
pub async fn paused(
    store: &dyn Store,
    these: impl IntoIterator<Item = Paused> + Send,
    now: Timestamp,
) -> Result<Vec<(Paused, Pause)>, StoreError> {
    let these: BTreeSet<Paused> = these.into_iter().collect();
    let groups = store.groups(&these.iter().map(Paused::scope).collect()).await?;
    let on = these.into_iter().filter_map(|of| {
        let pause = groups.get(&of.scope())?.body.pause(now)?.clone();
        Some((of, pause))
    });
    Ok(on.collect())
}

/// Pauses something.
///
/// # Errors
/// When the store is not to be had.
pub async fn pause(
    store: &dyn Store,
    queue: &dyn Queue,
    of: &Paused,
    pause: &Pause,
) -> Result<Switched, StoreError> {
    let Pause { by, reason, at, until } = pause.clone();
    let what = What::Paused { by, reason, of: of.clone(), until };
    switch(store, queue, of, Some(pause), &line(at, of, what)).await
}

/// Resumes something.
///
/// # Errors
/// When the store is not to be had.
pub async fn resume(
    store: &dyn Store,
    queue: &dyn Queue,
    of: &Paused,
    (by, reason): (&str, Option<&str>),
    now: Timestamp,
) -> Result<Switched, StoreError> {
    let (by, reason) = (by.to_owned(), reason.unwrap_or_default().to_owned());
    let what = What::Resumed { by, reason, of: of.clone() };
    switch(store, queue, of, None, &line(now, of, what)).await
}

/// What is told of a pool is told of its backend, too.
fn line(at: Timestamp, of: &Paused, what: What) -> Line {
    let backend = match of {
        Paused::Pool(pool) => Some(pool),
        Paused::Everything | Paused::Play(_) => None,
    };
    Line::new(at, backend, what)
}

async fn switch(
    store: &dyn Store,
    queue: &dyn Queue,
    of: &Paused,
    to: Option<&Pause>,
    line: &Line,
) -> Result<Switched, StoreError> {
    let scope = of.scope();
    for _ in 0..=RECONCILE_ATTEMPTS_MAX {
        let mut groups = store.groups(&[scope.clone()].into()).await?;
        let group = groups.entry(scope.clone());
        let group = group.or_insert_with(|| Versioned::new(Group::default()));
        let on = group.body.pause(line.at);
        if on.is_some() == to.is_some() {
            return Ok(Switched::Already(on.cloned()));
        }
        group.body.paused = to.cloned();
        let commit = Commit {
            groups,
            lines: vec![line.clone()],
            send: concerned(store, of).await?,
            ..Commit::default()
        };
        match outbox::commit(store, queue, &commit, line.at).await {
            Ok(()) => return Ok(Switched::Done(to.cloned())),
            Err(StoreError::Conflict) => {}
            Err(error) => return Err(error),
        }
    }
    Err(StoreError::Conflict)
}

/// The wakes of the backends that are to be looked at for it.
async fn concerned(store: &dyn Store, of: &Paused) -> Result<Vec<Outgoing>, StoreError> {
    let wake = |backend: &BackendId| Outgoing::wake(backend, None);
    Ok(match of {
        Paused::Pool(pool) => vec![wake(pool)],
        // Those that wait for a look are those with something going on.
        Paused::Everything | Paused::Play(_) => {
            store.overdue(Timestamp::MAX, SWEEP_MAX).await?.iter().map(wake).collect()
        }
    })
}
