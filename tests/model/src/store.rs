//! The store and the queue, in memory: what the engine's ports promise of them, and no more.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use pointsman_core::{
    claim::{Asked, RECALLED_MAX, Recall},
    document::Document,
    group::{Group, Scope},
    id::{LineId, MessageId},
    ledger::Line,
    names::BackendId,
    series::Series,
    signal::SeriesId,
};
use pointsman_engine::{
    message::{Message, Outgoing},
    ports::{Commit, DeadLetter, Delivery, Receipt, StoreError, Versioned},
};

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

/// The store and the queue, which commit together.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    pub(crate) series: BTreeMap<SeriesId, Versioned<Series>>,
    pub(crate) documents: BTreeMap<BackendId, Versioned<Document>>,
    pub(crate) groups: BTreeMap<Scope, Versioned<Group>>,
    pub(crate) ledger: Vec<Line>,
    known: BTreeSet<LineId>,
    pub(crate) dead_letters: BTreeMap<String, DeadLetter>,
    pub(crate) queue: Vec<Waiting>,
    locks: u64,
}

impl Store {
    pub(crate) fn new() -> Self {
        Self {
            series: BTreeMap::new(),
            documents: BTreeMap::new(),
            groups: BTreeMap::new(),
            ledger: Vec::new(),
            known: BTreeSet::new(),
            dead_letters: BTreeMap::new(),
            queue: Vec::new(),
            locks: 0,
        }
    }

    /// Saves all of it, or nothing.
    pub(crate) fn commit(&mut self, commit: &Commit, now: Timestamp) -> Result<(), StoreError> {
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
        if commit.complete.iter().any(|receipt| self.locked(receipt).is_none()) {
            return Err(StoreError::LockLost);
        }
        for receipt in &commit.complete {
            self.complete(receipt);
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
        for outgoing in &commit.send {
            self.send(outgoing, now);
        }
        Ok(())
    }

    /// A group document; an empty one where none is stored.
    pub(crate) fn group(&self, scope: &Scope) -> Versioned<Group> {
        self.groups.get(scope).cloned().unwrap_or_else(|| Versioned::new(Group::default()))
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
    pub(crate) fn send(&mut self, outgoing: &Outgoing, now: Timestamp) {
        let due = outgoing.due.unwrap_or(now);
        match self.queue.iter_mut().find(|waiting| waiting.id == outgoing.id) {
            Some(waiting) if waiting.lock != 0 => waiting.again = Some(due),
            Some(_) => {}
            None => self.queue.push(Waiting {
                id: outgoing.id.clone(),
                due,
                enqueued: now,
                message: outgoing.message.clone(),
                deliveries: 0,
                holder: None,
                lock: 0,
                again: None,
            }),
        }
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
                    receipt: Receipt { id: waiting.id.clone(), lock: waiting.lock },
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

    /// Takes all messages back from a process that has died.
    pub(crate) fn release(&mut self, process: usize, now: Timestamp) {
        for waiting in self.queue.iter_mut().filter(|waiting| waiting.holder == Some(process)) {
            waiting.release(now);
        }
    }

    /// Where the message is that is locked so.
    pub(crate) fn locked(&self, receipt: &Receipt) -> Option<usize> {
        self.queue.iter().position(|one| one.id == receipt.id && one.lock == receipt.lock)
    }

    fn complete(&mut self, receipt: &Receipt) {
        let Some(place) = self.locked(receipt) else { return };
        match self.queue[place].again.take() {
            Some(due) => self.queue[place].release(due),
            None => drop(self.queue.remove(place)),
        }
    }
}

impl Waiting {
    fn release(&mut self, due: Timestamp) {
        (self.holder, self.lock, self.due) = (None, 0, due);
    }
}

fn version<T>(stored: Option<&Versioned<T>>) -> u64 {
    stored.map_or(0, |stored| stored.version)
}
