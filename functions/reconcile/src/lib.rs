//! Queue-triggered: turns what was heard into changes of backends.
//!
//! What is received in the same process comes directly as well ([`pointsman_engine::direct`]). One loop
//! takes in both.
//!
//! Messages are taken in batches, saved in one transaction, acted upon, and completed. A large batch is
//! taken in piece by piece: the first alert of a storm is acted on while the rest is still read, and
//! where a save is outrun by a look at one of its backends, only a piece is decided again. What cannot be
//! taken in is tried message by message, so that one that cannot be does not keep the others; that one is
//! given back and comes again later, and after too many times it becomes a dead letter.

use std::{sync::Arc, time::Duration};

use jiff::SignedDuration;
use pointsman_engine::{
    Engine, EngineError,
    direct::{Incoming, Waiting},
    message::Message,
    ports::{Delivery, Queue, QueueError, Receipt, StoreError},
};
use pointsman_host::{Parts, Records, server::Stop};
use tokio::task::{JoinError, JoinSet};

/// How many messages are taken at once.
pub const BATCH_MAX: usize = 64;

/// How many signals are taken in by one transaction, unless a single message has more.
pub const SIGNALS_MAX: usize = 2_000;

/// How often the locks of a batch that takes long are renewed.
const RENEW_EVERY: Duration = Duration::from_secs(10);

/// How long it is until messages are received again, where that failed.
const RECEIVE_AGAIN: Duration = Duration::from_secs(1);

/// How long a stop waits for the looks that are under way; what they leave is gone on with after
/// the next start.
const IDLE_WITHIN: Duration = Duration::from_secs(20);

/// How long a message that could not be taken in rests, for each time it was delivered.
const REST: SignedDuration = SignedDuration::from_secs(2);

/// Takes messages in until a stop is asked for, then finishes what it holds. What comes directly is sent
/// by way of the queue from then on.
pub async fn run(parts: Parts, mut incoming: Incoming, stop: Stop) {
    let Parts { engine, records: Records { queue, .. }, .. } = parts;
    // A task of its own: it may hold something of the store, or have locked messages already, and goes on
    // while others are taken in.
    let mut receiving = JoinSet::new();
    loop {
        if receiving.is_empty() {
            receiving.spawn(receive(Arc::clone(&queue)));
        }
        // Neither of the two keeps the other from its turn.
        tokio::select! {
            () = stop.asked() => break,
            Some((batch, waiting)) = incoming.receive(BATCH_MAX) => {
                take_in(&engine, &*queue, &batch, waiting).await;
            }
            Some(received) = receiving.join_next() => match received.map_err(JoinError::try_into_panic) {
                Ok(batch) => take_in(&engine, &*queue, &batch, Waiting::default()).await,
                Err(Ok(panic)) => std::panic::resume_unwind(panic),
                // The runtime is being shut down.
                Err(Err(_)) => break,
            }
        }
    }
    drop(incoming);
    receiving.shutdown().await;
    if tokio::time::timeout(IDLE_WITHIN, engine.idle()).await.is_err() {
        tracing::warn!("stopped while backends were being looked at; the next start goes on");
    }
    if let Err(error) = engine.save_notices().await {
        tracing::warn!("what was noticed last is not saved: {error}");
    }
}

/// Waits for messages; where they cannot be received, it tries again after a while.
async fn receive(queue: Arc<dyn Queue>) -> Vec<Delivery> {
    loop {
        match queue.receive(BATCH_MAX).await {
            Ok(batch) => return batch,
            Err(error) => {
                tracing::error!("no messages can be received: {error}");
                tokio::time::sleep(RECEIVE_AGAIN).await;
            }
        }
    }
}

/// Takes a batch in, a piece at a time, keeping all of its locks until each piece's turn has come: what
/// a host calls that receives by itself. Those who wait for a piece are answered once it is saved. The
/// looks that follow go on in the background; see [`Engine::idle`].
pub async fn take_in(engine: &Engine, queue: &dyn Queue, batch: &[Delivery], mut waiting: Waiting) {
    let mut left = batch;
    while let Some(first) = left.first() {
        if waiting.have_left(first) {
            left = &left[1..];
            continue;
        }
        let (piece, rest) = left.split_at(piece(left, &waiting));
        let taken = reconcile(engine, queue, piece, left).await;
        waiting.answer(piece, taken.is_ok());
        if let Err(error) = taken {
            take_in_singly(engine, queue, piece, left, &error).await;
        }
        left = rest;
    }
}

/// How many of these messages, at least the first, are taken in together.
fn piece(left: &[Delivery], waiting: &Waiting) -> usize {
    let mut signals = 0_usize;
    let fits = |delivery: &&Delivery| {
        signals += match &delivery.message {
            Message::Signals { signals, .. } => signals.len(),
            Message::Wake { .. } | Message::Command { .. } => 0,
        };
        signals <= SIGNALS_MAX && !waiting.have_left(delivery)
    };
    left.iter().take_while(fits).count().max(1)
}

/// Takes in one by one what could not be taken in together. What came directly comes by the queue then.
async fn take_in_singly(
    engine: &Engine,
    queue: &dyn Queue,
    piece: &[Delivery],
    left: &[Delivery],
    error: &EngineError,
) {
    for (at, one) in piece.iter().enumerate() {
        let Some(receipt) = &one.receipt else {
            tracing::warn!(message = %one.id, "not taken in directly: {error}");
            continue;
        };
        if let [_] = piece {
            return give_back(engine, queue, one, receipt, error).await;
        }
        let alone = std::slice::from_ref(one);
        if let Err(error) = reconcile(engine, queue, alone, &left[at..]).await {
            give_back(engine, queue, one, receipt, &error).await;
        }
    }
}

/// Takes some messages in, keeping the locks of all that are left for as long as that takes.
async fn reconcile(
    engine: &Engine,
    queue: &dyn Queue,
    piece: &[Delivery],
    left: &[Delivery],
) -> Result<(), EngineError> {
    let work = engine.reconcile(piece);
    tokio::pin!(work);
    loop {
        match tokio::time::timeout(RENEW_EVERY, &mut work).await {
            Ok(done) => return done,
            Err(_) => {
                for receipt in left.iter().filter_map(|one| one.receipt.as_ref()) {
                    match queue.renew(receipt).await {
                        // Its message may just have been completed.
                        Ok(()) | Err(QueueError::LockLost) => {}
                        Err(error) => tracing::warn!("a lock could not be renewed: {error}"),
                    }
                }
            }
        }
    }
}

async fn give_back(
    engine: &Engine,
    queue: &dyn Queue,
    one: &Delivery,
    receipt: &Receipt,
    error: &EngineError,
) {
    if let EngineError::Store(StoreError::LockLost) = error {
        return tracing::warn!(message = %one.id, "not taken in: {error}");
    }
    let times = i32::try_from(one.deliveries).unwrap_or(i32::MAX);
    let due = engine.now().checked_add(REST * times).unwrap_or_else(|_| engine.now());
    tracing::error!(message = %one.id, "not taken in, comes again at {due}: {error}");
    match queue.abandon(receipt, due).await {
        // Its lock runs out by itself.
        Ok(()) | Err(QueueError::LockLost) => {}
        Err(error) => tracing::error!("a message could not be given back: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use async_trait::async_trait;
    use jiff::Timestamp;
    use pointsman_engine::{
        direct,
        message::{Command, Outgoing},
        ports::Sent,
    };

    use super::*;

    /// A queue that cannot be received from at first.
    struct Failing(AtomicUsize);

    #[async_trait]
    impl Queue for Failing {
        async fn receive(&self, _: usize) -> Result<Vec<Delivery>, QueueError> {
            match self.0.fetch_sub(1, Ordering::Relaxed) {
                1 => Ok(Vec::new()),
                _ => Err(QueueError::Unavailable("it is down".to_owned())),
            }
        }

        async fn send(&self, _: Outgoing) -> Result<Sent, QueueError> {
            unreachable!("it is only received from")
        }

        async fn renew(&self, _: &Receipt) -> Result<(), QueueError> {
            unreachable!("it is only received from")
        }

        async fn abandon(&self, _: &Receipt, _: Timestamp) -> Result<(), QueueError> {
            unreachable!("it is only received from")
        }

        async fn complete(&self, _: &[Receipt]) -> Result<(), QueueError> {
            unreachable!("it is only received from")
        }

        async fn depth(&self) -> Result<u64, QueueError> {
            unreachable!("it is only received from")
        }

        async fn oldest(&self) -> Result<Option<Timestamp>, QueueError> {
            unreachable!("it is only received from")
        }
    }

    /// The loop that also takes in what comes directly never waits for it.
    #[tokio::test(start_paused = true)]
    async fn where_nothing_can_be_received_it_is_tried_again_in_the_task_that_receives() {
        let began = tokio::time::Instant::now();
        assert_eq!(receive(Arc::new(Failing(AtomicUsize::new(3)))).await, []);
        assert_eq!(began.elapsed(), RECEIVE_AGAIN * 2);
    }
    #[tokio::test]
    async fn a_piece_ends_before_what_nobody_waits_for_any_more() {
        let (direct, mut incoming) = direct::way();
        let queue = Failing(AtomicUsize::new(0));
        let send = |nonce: &str| {
            let release = Command::ReleaseAll { reason: "over".to_owned() };
            let outgoing = Outgoing::command("ann", release, nonce);
            Box::pin(direct.send(&queue, outgoing, Timestamp::UNIX_EPOCH))
        };
        let mut waits = [send("1"), send("2"), send("3")];
        for one in &mut waits {
            tokio::select! {
                biased;
                sent = one => panic!("nobody has taken it in: {sent:?}"),
                () = std::future::ready(()) => {}
            }
        }
        let (batch, waiting) = incoming.receive(9).await.unwrap();
        assert_eq!((batch.len(), piece(&batch, &waiting)), (3, 3));
        let [_first, second, _third] = waits;
        drop(second);
        assert_eq!((piece(&batch, &waiting), waiting.have_left(&batch[1])), (1, true));
        assert_eq!(piece(&batch[2..], &waiting), 1);
    }
}
