//! What a commit leaves to be done with the queue ([`Unsettled`]).
//!
//! Nobody waits for it who has a backend to change: all is saved by then, and the queue may be slow.
//!
//! # What was thought of
//! - A crash, or a queue that fails, before a message is relayed: it stays in the store's outbox, which
//!   each sweep relays ([`relay`]). Before it is known to be relayed: it is relayed once more, and
//!   what it asks for is looked at twice.
//! - Before a message is completed: it is delivered again. The set of facts that it adds to has them
//!   already; a command's are ends, so the command itself is one
//!   ([`note_command`](pointsman_core::document::Document::note_command)).
//! - Two that relay the same entry: as above. The same message sent again has an entry of its own, so that
//!   the first, known to be relayed, takes nothing else with it.

use crate::ports::{Commit, Queue, QueueError, Relay, Store, StoreError, Unsettled};

/// How many entries of the outbox are relayed at once.
pub const RELAY_MAX: usize = 1_000;

/// Saves something, and then does with the queue what is left.
///
/// # Errors
/// When it is not saved. What could not be done with the queue is logged, and done later.
pub async fn commit(
    store: &dyn Store,
    queue: &dyn Queue,
    commit: &Commit,
) -> Result<(), StoreError> {
    let unsettled = store.commit(commit).await?;
    settle(store, queue, unsettled).await;
    Ok(())
}

/// Relays what waits in the outbox: those who saved it died, or could not reach the queue.
pub(crate) async fn relay(store: &dyn Store, queue: &dyn Queue) -> Result<(), StoreError> {
    let relay = store.outbox(RELAY_MAX).await?;
    settle(store, queue, Unsettled { relay, complete: Vec::new() }).await;
    Ok(())
}

/// Does with the queue what a commit has left.
pub(crate) async fn settle(store: &dyn Store, queue: &dyn Queue, unsettled: Unsettled) {
    let Unsettled { relay, complete } = unsettled;
    let relay = relay.into_iter().map(|Relay { entry, outgoing }| (entry, outgoing));
    let (entries, outgoing): (Vec<_>, Vec<_>) = relay.unzip();
    if !entries.is_empty() {
        if let Err(error) = queue.send_all(outgoing).await {
            tracing::warn!("messages stay in the outbox until the next sweep: {error}");
        } else if let Err(error) = store.relayed(&entries).await {
            tracing::warn!("messages that were sent will be sent again: {error}");
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
