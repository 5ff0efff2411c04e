//! Messages that are locked for this process and wait in memory to be received.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;
use pointsman_core::id::MessageId;
use pointsman_engine::{message::Message, ports::Delivery};
use pointsman_store::{
    Micros,
    messages::{Held, Locked},
    stored::{self, BodyError},
};

use crate::{LOCK, READY_BYTES_MAX, READY_MESSAGES_MAX};

/// A message's content: as it was sent, or as it was stored.
#[derive(Debug)]
pub(crate) enum Content {
    Sent(Message),
    Stored(String),
}

/// A message that waits to be received.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) held: Held,
    pub(crate) deliveries: u32,
    pub(crate) enqueued: Micros,
    /// When its lock runs out.
    pub(crate) until: Micros,
    /// Of its stored body.
    pub(crate) bytes: usize,
    pub(crate) content: Content,
}

/// A message whose body cannot be read.
#[derive(Clone, Debug)]
pub(crate) struct Unreadable {
    pub(crate) held: Held,
    pub(crate) body: String,
    pub(crate) reason: String,
}

/// What a look into the inbox came to.
#[derive(Debug)]
pub(crate) enum Fetched {
    /// These are delivered.
    Deliveries(Vec<Delivery>),
    /// The oldest have waited for so long that their locks must be renewed first.
    Stale(Vec<Held>),
    /// Nothing is ready.
    Nothing,
}

#[derive(Debug, Default)]
struct State {
    ready: VecDeque<Ready>,
    /// Of the ready ones and of those about to be.
    messages: usize,
    bytes: usize,
    /// Messages that are due wait in the database, behind the ones here.
    behind: bool,
    unreadable: Vec<Unreadable>,
    /// The messages that were delivered last.
    delivered: VecDeque<MessageId>,
}

impl State {
    fn release(&mut self, bytes: usize) {
        self.messages -= 1;
        self.bytes -= bytes;
    }

    fn deliver(&mut self, id: MessageId) {
        if self.delivered.len() >= READY_MESSAGES_MAX {
            self.delivered.pop_front();
        }
        self.delivered.push_back(id);
    }
}

/// The ready messages, in the order in which they are delivered.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    state: Mutex<State>,
}

impl Inbox {
    /// Nothing here is left half done by a panic: the worst is a place that stays reserved.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Room for one message; none where the inbox is full, or others wait behind it already.
    pub(crate) fn reserve(self: &Arc<Self>, bytes: usize) -> Option<Reservation> {
        let mut state = self.state();
        let full = state.messages >= READY_MESSAGES_MAX || state.bytes + bytes > READY_BYTES_MAX;
        if state.behind || full {
            return None;
        }
        state.messages += 1;
        state.bytes += bytes;
        Some(Reservation { inbox: Arc::clone(self), bytes })
    }

    /// Whether a message of this id is ready. Whoever receives it has not looked yet, so the same
    /// again adds nothing.
    pub(crate) fn holds(&self, id: &MessageId) -> bool {
        self.state().ready.iter().any(|ready| ready.held.id == *id)
    }

    /// Whether a message of this id was delivered of late, and may still be worked on.
    pub(crate) fn delivered(&self, id: &MessageId) -> bool {
        self.state().delivered.contains(id)
    }

    /// Takes in what was locked in the database. It was asked for, so it needs no room.
    pub(crate) fn load(&self, locked: Vec<Locked>, until: Micros, behind: bool) {
        let mut state = self.state();
        state.behind = behind;
        for Locked { held, deliveries, enqueued, body } in locked {
            let bytes = body.len();
            state.messages += 1;
            state.bytes += bytes;
            let content = Content::Stored(body);
            state.ready.push_back(Ready { held, deliveries, enqueued, until, bytes, content });
        }
    }

    /// Takes out up to `most` ready messages. `behind` says whether messages that are due wait in
    /// the database; while they do, no others are handed over, and so they get their turn.
    pub(crate) fn fetch(&self, most: usize, now: Timestamp, behind: bool) -> Fetched {
        // Half of the lock is left for the work.
        let fresh = Micros::from(now.checked_add(LOCK / 2).unwrap_or(Timestamp::MAX));
        let mut fetched = Vec::new();
        let mut state = self.state();
        state.behind = behind;
        while fetched.len() < most
            && let Some(ready) = state.ready.pop_front_if(|ready| ready.until >= fresh)
        {
            state.release(ready.bytes);
            state.deliver(ready.held.id.clone());
            fetched.push(ready);
        }
        if fetched.is_empty() && state.ready.is_empty() {
            return Fetched::Nothing;
        }
        if fetched.is_empty() {
            let stale = state.ready.iter().take(most).filter(|ready| ready.until < fresh);
            return Fetched::Stale(stale.map(|ready| ready.held.clone()).collect());
        }
        drop(state);
        Fetched::Deliveries(fetched.into_iter().filter_map(|ready| self.open(ready, now)).collect())
    }

    /// Reads a message; one that cannot be read is kept to be buried.
    fn open(&self, ready: Ready, now: Timestamp) -> Option<Delivery> {
        let Ready { held, deliveries, enqueued, content, .. } = ready;
        let message: Result<Message, (BodyError, String)> = match content {
            Content::Sent(message) => Ok(message),
            Content::Stored(body) => stored::read(&body).map_err(|error| (error, body)),
        };
        match message {
            Ok(message) => {
                // A column that holds no time says nothing; it has been stored by now at least.
                let enqueued = enqueued.timestamp().unwrap_or(now);
                let (receipt, id) = (held.receipt(), held.id);
                Some(Delivery { id, receipt, deliveries, enqueued, message })
            }
            Err((error, body)) => {
                let reason = error.to_string();
                self.state().unreadable.push(Unreadable { held, body, reason });
                None
            }
        }
    }

    /// Takes in which locks were renewed; messages whose lock was lost are someone else's.
    pub(crate) fn renewed(&self, renewed: &[(Held, bool)], until: Micros) {
        let mut state = self.state();
        for (held, is_ours) in renewed {
            let Some(place) = state.ready.iter().position(|ready| ready.held == *held) else {
                continue;
            };
            if *is_ours {
                state.ready[place].until = until;
            } else if let Some(lost) = state.ready.remove(place) {
                state.release(lost.bytes);
            }
        }
    }

    /// The messages that cannot be read and are not buried yet.
    pub(crate) fn unreadable(&self) -> Vec<Unreadable> {
        self.state().unreadable.clone()
    }

    /// Takes in that these were buried.
    pub(crate) fn buried(&self, buried: &[Unreadable]) {
        let is_buried = |known: &Unreadable| buried.iter().any(|it| it.held == known.held);
        self.state().unreadable.retain(|known| !is_buried(known));
    }
}

/// Room for one message, given back unless it is filled.
#[derive(Debug)]
pub(crate) struct Reservation {
    inbox: Arc<Inbox>,
    bytes: usize,
}

impl Reservation {
    /// Fills the room.
    pub(crate) fn fill(self, ready: Ready) {
        let mut state = self.inbox.state();
        // What is dropped with `self` below is given back; what is ready takes it again.
        state.messages += 1;
        state.bytes += ready.bytes;
        state.ready.push_back(ready);
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.inbox.state().release(self.bytes);
    }
}
