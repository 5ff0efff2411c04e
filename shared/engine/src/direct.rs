//! The direct way: from whoever receives signals to whoever takes messages in, where both are in one process.
//!
//! Nothing is stored in between. The signals are taken in, what follows from them is saved, the first
//! write to Azure included, and only then is their sender answered: one durable commit, and none at all
//! where they repeat what is known.
//!
//! # What was thought of
//! - Nothing can be taken in, or not soon, or too much waits already, or the process is stopping: it is
//!   sent by way of the queue, as it is where there is no direct way.
//! - Whether it was taken in is not known, because it took too long: it is sent by way of the queue as
//!   well. Taking it in twice changes nothing.
//! - The process dies: its sender has no answer, and sends again.
//! - The same comes again while it waits: it is taken in once, and both are answered.

use std::{collections::HashMap, time::Duration};

use jiff::Timestamp;
use pointsman_core::id::MessageId;
use tokio::sync::{mpsc, oneshot};

use crate::{
    message::Outgoing,
    ports::{Delivery, Queue, QueueError},
};

/// How many deliveries wait to be taken in at most.
pub const WAITING_MAX: usize = 256;

/// How long one waits to be taken in, in seconds.
pub const TAKEN_WITHIN_SECS: u64 = 2;

/// The end where signals go in.
#[derive(Clone, Debug)]
pub struct Direct(mpsc::Sender<Arrival>);

/// The end where they come out.
#[derive(Debug)]
pub struct Incoming(mpsc::Receiver<Arrival>);

/// Something to take in, and who waits for that.
#[derive(Debug)]
struct Arrival {
    delivery: Delivery,
    taken: oneshot::Sender<()>,
}

/// Those who wait until something is taken in. Who is dropped unanswered sends it by the queue.
#[derive(Debug, Default)]
pub struct Waiting(HashMap<MessageId, Vec<oneshot::Sender<()>>>);

/// A direct way.
#[must_use]
pub fn way() -> (Direct, Incoming) {
    let (sender, receiver) = mpsc::channel(WAITING_MAX);
    (Direct(sender), Incoming(receiver))
}

impl Direct {
    /// Has a message taken in, or stores it in the queue; either is durable when this returns.
    ///
    /// # Errors
    /// When neither can be.
    pub async fn send(
        &self,
        queue: &dyn Queue,
        outgoing: Outgoing,
        now: Timestamp,
    ) -> Result<(), QueueError> {
        if self.take_in(outgoing.clone(), now).await {
            return Ok(());
        }
        tracing::debug!(message = %outgoing.id, "it goes by the queue");
        queue.send(outgoing).await.map(drop)
    }

    /// Whether it is known to be taken in.
    async fn take_in(&self, Outgoing { id, message, .. }: Outgoing, now: Timestamp) -> bool {
        let (taken, answer) = oneshot::channel();
        let delivery = Delivery { id, receipt: None, deliveries: 1, enqueued: now, message };
        let within = Duration::from_secs(TAKEN_WITHIN_SECS);
        self.0.try_send(Arrival { delivery, taken }).is_ok()
            && matches!(tokio::time::timeout(within, answer).await, Ok(Ok(())))
    }
}

impl Incoming {
    /// Waits for deliveries, and takes up to `most` of them, with those who wait for each; none once
    /// nobody is left who could send one. Safe to cancel.
    pub async fn receive(&mut self, most: usize) -> Option<(Vec<Delivery>, Waiting)> {
        let mut arrivals = Vec::new();
        if self.0.recv_many(&mut arrivals, most).await == 0 {
            return None;
        }
        let (mut deliveries, mut waiting) = (Vec::new(), Waiting::default());
        // Who does not wait any more has sent it by the queue, or will send it again.
        for Arrival { delivery, taken } in arrivals.into_iter().filter(|it| !it.taken.is_closed()) {
            let same = waiting.0.entry(delivery.id.clone()).or_default();
            same.push(taken);
            if same.len() == 1 {
                deliveries.push(delivery);
            }
        }
        Some((deliveries, waiting))
    }
}

impl Waiting {
    /// Whether all have gone away who waited for something that came directly. It need not be taken in
    /// then: either they send it by way of the queue, for it took too long, or they had no answer, and
    /// its sender sends it again.
    #[must_use]
    pub fn have_left(&self, delivery: &Delivery) -> bool {
        let waiting = self.0.get(&delivery.id);
        waiting.is_some_and(|waiting| waiting.iter().all(oneshot::Sender::is_closed))
    }

    /// Answers those who wait for these, which are taken in, durably; or cannot be.
    pub fn answer(&mut self, deliveries: &[Delivery], taken_in: bool) {
        for waiting in deliveries.iter().filter_map(|one| self.0.remove(&one.id)) {
            for one in waiting.into_iter().filter(|_| taken_in) {
                // Who has gone away needs no answer.
                let _ = one.send(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use pointsman_core::names::BackendId;

    use super::*;

    fn wake(name: &str) -> Outgoing {
        let backend: BackendId = format!(
            "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg1/providers\
             /Microsoft.ApiManagement/service/contoso/backends/{name}"
        )
        .parse()
        .unwrap();
        Outgoing::wake(&backend, None)
    }

    #[tokio::test]
    async fn the_same_is_taken_in_once_and_each_is_answered_for_what_it_sent() {
        let (direct, mut incoming) = way();
        let send = |name| direct.take_in(wake(name), Timestamp::UNIX_EPOCH);
        let taking_in = async {
            let (deliveries, mut waiting) = incoming.receive(9).await.unwrap();
            let ids: Vec<MessageId> = deliveries.iter().map(|one| one.id.clone()).collect();
            assert_eq!(ids, ["eu", "us", "jp"].map(|name| wake(name).id));
            waiting.answer(&deliveries[..1], true);
            waiting.answer(&deliveries[1..2], false);
        };
        let (one, same, failed, dropped, ()) =
            tokio::join!(send("eu"), send("eu"), send("us"), send("jp"), taking_in);
        assert_eq!([one, same, failed, dropped], [true, true, false, false]);
    }

    #[tokio::test]
    async fn what_all_have_left_who_waited_for_it_is_known() {
        let (direct, mut incoming) = way();
        let send = |name| Box::pin(direct.take_in(wake(name), Timestamp::UNIX_EPOCH));
        let (mut stays, mut one, mut same, mut goes) =
            (send("eu"), send("us"), send("us"), send("jp"));
        for waits in [&mut stays, &mut one, &mut same, &mut goes] {
            assert!(futures_util::poll!(waits.as_mut()).is_pending());
        }
        let (deliveries, mut waiting) = incoming.receive(9).await.unwrap();
        drop((one, goes));
        let left = |waiting: &Waiting| deliveries.iter().map(|it| waiting.have_left(it)).collect();
        let now: Vec<bool> = left(&waiting);
        assert_eq!(now, [false, false, true]);
        waiting.answer(&deliveries, true);
        let then: Vec<bool> = left(&waiting);
        assert_eq!(then, [false; 3], "nobody waits for what is answered, and nobody has left");
        assert!(stays.await && same.await);
    }

    #[tokio::test]
    async fn nobody_waits_where_there_is_no_room_or_nobody_who_takes_anything_in() {
        let (direct, mut incoming) = way();
        let send = || direct.take_in(wake("eu"), Timestamp::UNIX_EPOCH);
        {
            let mut full: Vec<_> = (0..WAITING_MAX).map(|_| Box::pin(send())).collect();
            for one in &mut full {
                assert!(futures_util::poll!(one.as_mut()).is_pending());
            }
            assert!(!send().await);
        }
        // Those have gone away, and are not taken in.
        assert!(incoming.receive(WAITING_MAX).await.unwrap().0.is_empty());
        drop(incoming);
        assert!(!send().await);
    }
}
