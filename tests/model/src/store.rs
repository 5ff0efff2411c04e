//! The store and the queue, in memory: what the engine's ports promise of them, and no more.
//!
//! They are of one of two kinds ([`Pair`]). In one database, as the embedded ones are, a commit sends and
//! completes. Apart, as PostgreSQL and Service Bus are, a commit does neither: it keeps an outbox, and
//! what follows at the queue are calls of their own, between which anything may come.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::{SignedDuration, Timestamp};
use pointsman_core::{
    claim::{Asked, RECALLED_MAX, Recall},
    document::Document,
    group::{Group, Scope},
    id::{LineId, MessageId},
    lease::later,
    ledger::Line,
    names::BackendId,
    notice::Notices,
    series::Series,
    signal::SeriesId,
};
use pointsman_engine::{
    message::{Message, Outgoing},
    ports::{
        Commit, DeadLetter, Delivery, QueueError, Receipt, Relay, Sent, StoreError, Unsettled,
        Versioned,
    },
};

/// How long a message is locked where nobody completes it or gives it back.
const LOCK: SignedDuration = SignedDuration::from_secs(30);

/// How a call of a queue that is apart ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum QueueFault {
    /// As it should.
    None,
    /// It is done, and the answer is lost.
    LostAfter,
    /// It is not done.
    LostBefore,
    /// It comes when the lock has run out.
    TooLate,
}

/// Whether the store and the queue are one database.
#[derive(Clone, Debug)]
pub(crate) enum Pair {
    /// They are.
    One,
    /// They are not; the first calls of the queue end so.
    Apart(Vec<QueueFault>),
}

/// A message that is stored.
#[derive(Clone, Debug)]
pub(crate) struct Waiting {
    pub(crate) id: MessageId,
    pub(crate) due: Timestamp,
    enqueued: Timestamp,
    pub(crate) message: Message,
    deliveries: u32,
    /// The process that has it, if one has.
    pub(crate) holder: Option<usize>,
    /// The lock under which it was delivered; 0 where it was not yet.
    lock: u64,
    /// When it is to come once more: it was sent again while it was being worked on.
    again: Option<Timestamp>,
}

/// The store and the queue.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    pub(crate) series: BTreeMap<SeriesId, Versioned<Series>>,
    pub(crate) documents: BTreeMap<BackendId, Versioned<Document>>,
    pub(crate) groups: BTreeMap<Scope, Versioned<Group>>,
    pub(crate) ledger: Vec<Line>,
    known: BTreeSet<LineId>,
    pub(crate) dead_letters: BTreeMap<String, DeadLetter>,
    pub(crate) notices: Notices,
    pub(crate) queue: Vec<Waiting>,
    locks: u64,
    pub(crate) is_apart: bool,
    /// Whether nothing can be stored.
    pub(crate) is_full: bool,
    pub(crate) faults: VecDeque<QueueFault>,
    /// What the commits of a store that is apart left to be relayed.
    pub(crate) outbox: BTreeMap<u64, Outgoing>,
    entries: u64,
}

impl Store {
    pub(crate) fn new(pair: Pair) -> Self {
        let (is_apart, faults) = match pair {
            Pair::One => (false, Vec::new()),
            Pair::Apart(faults) => (true, faults),
        };
        Self {
            series: BTreeMap::new(),
            documents: BTreeMap::new(),
            groups: BTreeMap::new(),
            ledger: Vec::new(),
            known: BTreeSet::new(),
            dead_letters: BTreeMap::new(),
            notices: Notices::default(),
            queue: Vec::new(),
            locks: 0,
            is_apart,
            is_full: false,
            faults: faults.into(),
            outbox: BTreeMap::new(),
            entries: 0,
        }
    }

    /// Saves all of it, or nothing.
    pub(crate) fn commit(
        &mut self,
        commit: &Commit,
        now: Timestamp,
    ) -> Result<Unsettled, StoreError> {
        if self.is_full {
            return Err(StoreError::Unavailable("it is full".to_owned()));
        }
        let group = |scope| version(self.groups.get(scope));
        let as_seen = commit.groups_seen.iter().all(|(scope, seen)| *seen == group(scope))
            && commit.groups.iter().all(|(scope, one)| one.version == group(scope))
            && commit
                .documents_seen
                .iter()
                .all(|(backend, seen)| *seen == version(self.documents.get(backend)))
            && commit
                .documents
                .iter()
                .all(|one| one.version == version(self.documents.get(&one.body.backend)))
            && commit
                .series
                .iter()
                .all(|one| one.version == version(self.series.get(&one.body.id)));
        if !as_seen {
            return Err(StoreError::Conflict);
        }
        if !self.is_apart {
            self.complete(&commit.complete).map_err(|_| StoreError::LockLost)?;
        }
        for document in &commit.documents {
            self.documents.insert(document.body.backend.clone(), document.clone().saved());
        }
        for series in &commit.series {
            self.series.insert(series.body.id.clone(), series.clone().saved());
        }
        for (scope, group) in &commit.groups {
            self.groups.insert(scope.clone(), group.clone().saved());
        }
        for line in &commit.lines {
            if self.known.insert(line.id.clone()) {
                self.ledger.push(line.clone());
            }
        }
        for letter in &commit.dead_letters {
            self.dead_letters.entry(letter.id.clone()).or_insert_with(|| letter.clone());
        }
        for about in &commit.notices_over {
            self.notices.remove(about);
        }
        for (about, notice) in commit.notices.iter() {
            self.notices.add(about.clone(), notice.clone());
        }
        if !self.is_apart {
            for outgoing in &commit.send {
                self.send(outgoing, now);
            }
            return Ok(Unsettled::default());
        }
        let mut relay = Vec::new();
        for outgoing in &commit.send {
            self.entries += 1;
            self.outbox.insert(self.entries, outgoing.clone());
            relay.push(Relay { entry: self.entries, outgoing: outgoing.clone() });
        }
        Ok(Unsettled { relay, complete: commit.complete.clone() })
    }

    /// What is to be relayed still.
    pub(crate) fn outbox(&self, most: usize) -> Vec<Relay> {
        let relay = |(entry, outgoing): (&u64, &Outgoing)| Relay {
            entry: *entry,
            outgoing: outgoing.clone(),
        };
        self.outbox.iter().take(most).map(relay).collect()
    }

    /// Group documents; an empty one where none is stored.
    pub(crate) fn groups(&self, scopes: &BTreeSet<Scope>) -> BTreeMap<Scope, Versioned<Group>> {
        let group = |scope: &Scope| {
            let stored = self.groups.get(scope).cloned();
            (scope.clone(), stored.unwrap_or_else(|| Versioned::new(Group::default())))
        };
        scopes.iter().map(group).collect()
    }

    /// What is behind an override, the strongest first.
    pub(crate) fn claims(&self, recall: &Recall) -> Vec<(SeriesId, Asked)> {
        let claims = self.series.values().flat_map(|one| {
            let running = one.body.running.iter().flat_map(|running| &running.claims);
            running.map(|claim| (one.body.id.clone(), claim))
        });
        let mut found: Vec<(SeriesId, Asked)> = claims
            .filter(|(_, claim)| recall.matches(claim))
            .map(|(series, claim)| (series, claim.asked.clone()))
            .collect();
        found.sort_by(|(one, asked), (other, more)| Recall::order((one, asked), (other, more)));
        found.truncate(RECALLED_MAX);
        found
    }

    /// Stores a message; one that is waiting already is not stored again.
    pub(crate) fn send(&mut self, outgoing: &Outgoing, now: Timestamp) -> Sent {
        let due = outgoing.due.unwrap_or(now);
        match self.queue.iter_mut().find(|waiting| waiting.id == outgoing.id) {
            Some(waiting) if waiting.lock != 0 => {
                waiting.again = Some(due);
                Sent::Again
            }
            Some(_) => Sent::Duplicate,
            None => {
                self.queue.push(Waiting {
                    id: outgoing.id.clone(),
                    due,
                    enqueued: now,
                    message: outgoing.message.clone(),
                    deliveries: 0,
                    holder: None,
                    lock: 0,
                    again: None,
                });
                Sent::Stored
            }
        }
    }

    /// Takes a message from the outbox, as a queue that is apart does it.
    pub(crate) fn relay(
        &mut self,
        outgoing: &Outgoing,
        now: Timestamp,
    ) -> Result<Sent, QueueError> {
        if self.is_full && !self.is_apart {
            return Err(QueueError::Unavailable("it is full".to_owned()));
        }
        match self.fault() {
            QueueFault::None | QueueFault::TooLate => Ok(self.send(outgoing, now)),
            QueueFault::LostAfter => {
                self.send(outgoing, now);
                Err(unanswered())
            }
            QueueFault::LostBefore => Err(unanswered()),
        }
    }

    /// Is done with messages, as a queue that is apart does it.
    pub(crate) fn settle(
        &mut self,
        receipts: &[Receipt],
        now: Timestamp,
    ) -> Result<(), QueueError> {
        match self.fault() {
            QueueFault::None => self.complete(receipts),
            QueueFault::LostAfter => {
                self.complete(receipts)?;
                Err(unanswered())
            }
            QueueFault::LostBefore => {
                // Their locks run out.
                receipts.iter().for_each(|receipt| self.give_back(receipt, later(now, LOCK)));
                Err(unanswered())
            }
            QueueFault::TooLate => {
                receipts.iter().for_each(|receipt| self.give_back(receipt, now));
                self.complete(receipts)
            }
        }
    }

    fn fault(&mut self) -> QueueFault {
        self.faults.pop_front().unwrap_or(QueueFault::None)
    }

    /// Hands the messages that a process has and was not given yet over to it.
    pub(crate) fn receive(&mut self, process: usize) -> Vec<Delivery> {
        let mut deliveries = Vec::new();
        for waiting in &mut self.queue {
            if waiting.holder == Some(process) && waiting.lock == 0 {
                self.locks += 1;
                waiting.lock = self.locks;
                waiting.deliveries += 1;
                deliveries.push(Delivery {
                    id: waiting.id.clone(),
                    receipt: Some(Receipt::new(waiting.lock.to_string())),
                    deliveries: waiting.deliveries,
                    enqueued: waiting.enqueued,
                    message: waiting.message.clone(),
                });
            }
        }
        deliveries
    }

    /// Whether a process has messages that it was not given yet.
    pub(crate) fn has_for(&self, process: usize) -> bool {
        self.queue.iter().any(|waiting| waiting.holder == Some(process) && waiting.lock == 0)
    }

    /// Takes a message back from the one that could not take it in.
    pub(crate) fn give_back(&mut self, receipt: &Receipt, due: Timestamp) {
        if let Some(place) = self.locked(receipt) {
            self.queue[place].release(due);
        }
    }

    /// Takes all messages back from a process that has died, or lost their locks.
    pub(crate) fn release(&mut self, process: usize, now: Timestamp) {
        for waiting in self.queue.iter_mut().filter(|waiting| waiting.holder == Some(process)) {
            waiting.release(now);
        }
    }

    /// Where the message is that is locked so.
    pub(crate) fn locked(&self, receipt: &Receipt) -> Option<usize> {
        self.queue.iter().position(|one| one.lock.to_string() == receipt.token())
    }

    /// All of them, or none.
    fn complete(&mut self, receipts: &[Receipt]) -> Result<(), QueueError> {
        if receipts.iter().any(|receipt| self.locked(receipt).is_none()) {
            return Err(QueueError::LockLost);
        }
        for receipt in receipts {
            let Some(place) = self.locked(receipt) else { continue };
            match self.queue[place].again.take() {
                Some(due) => self.queue[place].release(due),
                None => drop(self.queue.remove(place)),
            }
        }
        Ok(())
    }
}

fn unanswered() -> QueueError {
    QueueError::Unavailable("no answer".to_owned())
}

impl Waiting {
    fn release(&mut self, due: Timestamp) {
        (self.holder, self.lock, self.due, self.again) = (None, 0, due, None);
    }
}

fn version<T>(stored: Option<&Versioned<T>>) -> u64 {
    stored.map_or(0, |stored| stored.version)
}
