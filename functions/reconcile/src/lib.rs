//! Queue-triggered: turns what was heard into changes of backends.
//!
//! Messages are taken in batches, saved in one transaction, acted upon, and completed. A large batch is
//! taken in piece by piece: the first alert of a storm is acted on while the rest is still read, and
//! where a save is outrun by a look at one of its backends, only a piece is decided again. What cannot be taken in is tried message by message, so that one that
//! cannot be does not keep the others; that one is given back and comes again later, and after too
//! many times it becomes a dead letter.

use std::time::Duration;

use jiff::SignedDuration;
use pointsman_engine::{
    Engine,
    message::Message,
    ports::{Delivery, Queue, QueueError, StoreError},
    reconcile::ReconcileError,
};
use pointsman_host::{Parts, Records, server::Stop};

/// How many messages are taken at once.
pub const BATCH_MAX: usize = 64;

/// How many signals are taken in by one transaction, unless a single message has more.
pub const SIGNALS_MAX: usize = 2_000;

/// How often the locks of a batch that takes long are renewed.
const RENEW_EVERY: Duration = Duration::from_secs(10);

/// How long a stop waits for the looks that are under way; what they leave is gone on with after
/// the next start.
const IDLE_WITHIN: Duration = Duration::from_secs(20);

/// How long a message that could not be taken in rests, for each time it was delivered.
const REST: SignedDuration = SignedDuration::from_secs(2);

/// Takes messages in until a stop is asked for, then finishes what it holds.
pub async fn run(parts: Parts, stop: Stop) {
    let Parts { engine, records: Records { queue, .. }, .. } = parts;
    loop {
        let batch = tokio::select! {
            biased;
            () = stop.asked() => break,
            batch = queue.receive(BATCH_MAX) => batch,
        };
        match batch {
            Ok(batch) => take_in(&engine, &*queue, &batch).await,
            Err(error) => {
                tracing::error!("no messages can be received: {error}");
                pause(&stop, Duration::from_secs(1)).await;
            }
        }
    }
    if tokio::time::timeout(IDLE_WITHIN, engine.idle()).await.is_err() {
        tracing::warn!("stopped while backends were being looked at; the next start goes on");
    }
    if let Err(error) = engine.save_notices().await {
        tracing::warn!("what was noticed last is not saved: {error}");
    }
}

async fn pause(stop: &Stop, length: Duration) {
    tokio::select! {
        () = stop.asked() => {}
        () = tokio::time::sleep(length) => {}
    }
}

/// Takes a batch in, a piece at a time, keeping all of its locks until each piece's turn has come: what
/// a host calls that receives by itself. The looks that follow go on in the background; see
/// [`Engine::idle`].
pub async fn take_in(engine: &Engine, queue: &dyn Queue, batch: &[Delivery]) {
    let mut waiting = batch;
    while !waiting.is_empty() {
        let (piece, rest) = waiting.split_at(piece(waiting));
        take_in_piece(engine, queue, piece, waiting).await;
        waiting = rest;
    }
}

/// How many of these messages, at least the first, are taken in together.
fn piece(waiting: &[Delivery]) -> usize {
    let mut signals = 0_usize;
    let fits = |delivery: &&Delivery| {
        signals += match &delivery.message {
            Message::Signals { signals, .. } => signals.len(),
            Message::Wake { .. } | Message::Command { .. } => 0,
        };
        signals <= SIGNALS_MAX
    };
    waiting.iter().take_while(fits).count().max(1)
}

async fn take_in_piece(
    engine: &Engine,
    queue: &dyn Queue,
    piece: &[Delivery],
    waiting: &[Delivery],
) {
    let Err(error) = reconcile(engine, queue, piece, waiting).await else { return };
    if let [one] = piece {
        return give_back(engine, queue, one, &error).await;
    }
    for (at, one) in piece.iter().enumerate() {
        let alone = std::slice::from_ref(one);
        if let Err(error) = reconcile(engine, queue, alone, &waiting[at..]).await {
            give_back(engine, queue, one, &error).await;
        }
    }
}

/// Takes some messages in, keeping the locks of all that wait for as long as that takes.
async fn reconcile(
    engine: &Engine,
    queue: &dyn Queue,
    piece: &[Delivery],
    waiting: &[Delivery],
) -> Result<(), ReconcileError> {
    let work = engine.reconcile(piece);
    tokio::pin!(work);
    loop {
        match tokio::time::timeout(RENEW_EVERY, &mut work).await {
            Ok(done) => return done,
            Err(_) => {
                for one in waiting {
                    match queue.renew(&one.receipt).await {
                        // Its message may just have been completed.
                        Ok(()) | Err(QueueError::LockLost) => {}
                        Err(error) => tracing::warn!("a lock could not be renewed: {error}"),
                    }
                }
            }
        }
    }
}

async fn give_back(engine: &Engine, queue: &dyn Queue, one: &Delivery, error: &ReconcileError) {
    if let ReconcileError::Store(StoreError::LockLost) = error {
        return tracing::warn!(message = %one.id, "not taken in: {error}");
    }
    let times = i32::try_from(one.deliveries).unwrap_or(i32::MAX);
    let due = engine.now().checked_add(REST * times).unwrap_or_else(|_| engine.now());
    tracing::error!(message = %one.id, "not taken in, comes again at {due}: {error}");
    match queue.abandon(&one.receipt, due).await {
        // Its lock runs out by itself.
        Ok(()) | Err(QueueError::LockLost) => {}
        Err(error) => tracing::error!("a message could not be given back: {error}"),
    }
}
