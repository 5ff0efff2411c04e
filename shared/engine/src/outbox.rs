//! What a commit leaves to be done with the queue ([`Unsettled`]).
//!
//! No write to a backend waits for it: all is saved by then, and the queue may be slow.
//!
//! # What was thought of
//! - A crash, or a queue that fails, before a message is relayed: it stays in the store's outbox, which
//!   each sweep relays ([`relay`]). Before it is known to be relayed: it is relayed once more, and
//!   what it asks for is looked at twice.
//! - Before a message is completed: it is delivered again. The set of facts that it adds to has them
//!   already; a command's are ends, so the command itself is one
//!   ([`note_command`](pointsman_core::group::Group::note_command)).
//! - A queue that takes some messages only: what it took leaves the outbox, [`CHUNK`] at a time, so that
//!   the next sweep goes on with the rest. What it will never take becomes a dead letter.
//! - Two that relay the same entry: as above. The same message sent again has an entry of its own, so that
//!   the first, known to be relayed, takes nothing else with it.

use jiff::Timestamp;

use crate::ports::{Commit, DeadLetter, Queue, QueueError, Relay, Store, StoreError, Unsettled};

/// How many entries of the outbox are relayed at once.
pub const RELAY_MAX: usize = 1_000;

/// How many entries are relayed before they are taken out of the outbox.
const CHUNK: usize = 100;

/// Saves something, and then does with the queue what is left.
///
/// # Errors
/// When it is not saved. What could not be done with the queue is logged, and done later.
pub async fn commit(
    store: &dyn Store,
    queue: &dyn Queue,
    commit: &Commit,
    now: Timestamp,
) -> Result<(), StoreError> {
    let unsettled = store.commit(commit).await?;
    settle(store, queue, unsettled, now).await;
    Ok(())
}

/// Relays what waits in the outbox: those who saved it died, or could not reach the queue.
pub(crate) async fn relay(
    store: &dyn Store,
    queue: &dyn Queue,
    now: Timestamp,
) -> Result<(), StoreError> {
    let relay = store.outbox(RELAY_MAX).await?;
    settle(store, queue, Unsettled { relay, complete: Vec::new() }, now).await;
    Ok(())
}

/// Does with the queue what a commit has left.
pub(crate) async fn settle(
    store: &dyn Store,
    queue: &dyn Queue,
    unsettled: Unsettled,
    now: Timestamp,
) {
    let Unsettled { relay, complete } = unsettled;
    for chunk in relay.chunks(CHUNK) {
        match relay_chunk(store, queue, chunk, now).await {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => {
                tracing::warn!("messages that were sent will be sent again: {error}");
                break;
            }
        }
    }
    if complete.is_empty() {
        return;
    }
    match queue.complete(&complete).await {
        Ok(()) => {}
        Err(QueueError::LockLost) => {
            tracing::info!("a message that was taken in comes again: its lock has run out");
        }
        Err(error) => tracing::warn!("messages that were taken in come again: {error}"),
    }
}

/// Relays some entries, and takes those out of the outbox that need no other try; says whether that is
/// all of them.
async fn relay_chunk(
    store: &dyn Store,
    queue: &dyn Queue,
    chunk: &[Relay],
    now: Timestamp,
) -> Result<bool, StoreError> {
    let (mut done, mut refused) = (Vec::with_capacity(chunk.len()), Vec::new());
    for Relay { entry, outgoing } in chunk {
        match queue.send(outgoing.clone()).await {
            Ok(_) => done.push(*entry),
            Err(QueueError::Refused(why)) => {
                let body = serde_json::to_string(&outgoing.message).unwrap_or_default();
                refused.push(DeadLetter::new(now, "outbox", &why, body));
                done.push(*entry);
            }
            Err(error @ (QueueError::Unavailable(_) | QueueError::LockLost)) => {
                tracing::warn!("messages stay in the outbox until the next sweep: {error}");
                break;
            }
        }
    }
    if !refused.is_empty() {
        store.commit(&Commit { dead_letters: refused, ..Commit::default() }).await?;
    }
    if !done.is_empty() {
        store.relayed(&done).await?;
    }
    Ok(done.len() == chunk.len())
}
