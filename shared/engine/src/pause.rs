//! The off switch: nothing is written to Azure between a pause and its resume.
//!
//! Neither waits in the queue behind what it is to stop, nor fails where the queue does. The
//! group document is changed by compare-and-swap, and a write is recorded only under the version
//! that it was decided by, so that whoever runs takes it in before its next write. Backends with
//! something going on are woken, to be looked at under the new rule.

use jiff::Timestamp;
use pointsman_core::{
    group::{Group, Pause, Scope},
    ledger::{Line, What},
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

/// The pause that is on, if one is.
///
/// # Errors
/// When the store is not to be had.
pub async fn paused(store: &dyn Store) -> Result<Option<Pause>, StoreError> {
    Ok(everything(store).await?.body.paused)
}

async fn everything(store: &dyn Store) -> Result<Versioned<Group>, StoreError> {
    let groups = store.groups(&[Scope::Everything].into()).await?;
    Ok(groups.into_values().next().unwrap_or_else(|| Versioned::new(Group::default())))
}

/// Pauses.
///
/// # Errors
/// When the store is not to be had.
pub async fn pause(
    store: &dyn Store,
    queue: &dyn Queue,
    pause: &Pause,
) -> Result<Switched, StoreError> {
    let what = What::Paused { by: pause.by.clone(), reason: pause.reason.clone() };
    switch(store, queue, Some(pause), &Line::new(pause.at, None, what)).await
}

/// Resumes.
///
/// # Errors
/// When the store is not to be had.
pub async fn resume(
    store: &dyn Store,
    queue: &dyn Queue,
    by: &str,
    now: Timestamp,
) -> Result<Switched, StoreError> {
    let what = What::Resumed { by: by.to_owned() };
    switch(store, queue, None, &Line::new(now, None, what)).await
}

async fn switch(
    store: &dyn Store,
    queue: &dyn Queue,
    to: Option<&Pause>,
    line: &Line,
) -> Result<Switched, StoreError> {
    for _ in 0..=RECONCILE_ATTEMPTS_MAX {
        let mut group = everything(store).await?;
        if group.body.paused.is_some() == to.is_some() {
            return Ok(Switched::Already(group.body.paused));
        }
        group.body.paused = to.cloned();
        // Those that wait for a look are those with something going on.
        let busy = store.overdue(Timestamp::MAX, SWEEP_MAX).await?;
        let commit = Commit {
            groups: [(Scope::Everything, group)].into(),
            lines: vec![line.clone()],
            send: busy.iter().map(|backend| Outgoing::wake(backend, None)).collect(),
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
