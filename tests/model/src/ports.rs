//! The engine's ports, on the simulated world.
//!
//! Each call waits for its turn, acts at once and whole, and, where the case asks for it, waits for
//! another turn until its answer arrives. So everything may come between any two of them, a crash
//! included: a process that dies never comes back from the turn that it waits for.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use pointsman_core::{
    answer::{Answer, ReconnectAnswer},
    claim::{Asked, Occurrences, Recall},
    document::{Document, Intent},
    etag::Freshness,
    group::{Group, Scope},
    lease::later,
    ledger::Line,
    names::BackendId,
    notice::Notices,
    series::Series,
    signal::SeriesId,
    step::Observed,
};
use pointsman_engine::{
    message::Outgoing,
    ports::{
        Chosen, Clock, Commit, DeadLetter, Delivery, ManagementApi, Newest, Published, Queue,
        QueueError, Receipt, Relay, Sent, Sight, Store, StoreError, Unseen, Unsettled, Versioned,
        Writing,
    },
};

use crate::{
    azure::WriteFault,
    outside::{Outside, epoch},
    turns::Turns,
};

/// How long what was read is as good as read now.
const FRESH_FOR: SignedDuration = SignedDuration::from_secs(1);

/// Where the world is while a process runs.
pub(crate) type Slot = Arc<Mutex<Option<Box<Outside>>>>;

/// What one process sees of the world.
#[derive(Clone)]
pub(crate) struct Ports {
    pub(crate) slot: Slot,
    pub(crate) turns: Arc<Turns>,
    /// How far its clock is off.
    pub(crate) skew: SignedDuration,
    /// Whether answers take their time.
    pub(crate) late: bool,
}

impl fmt::Debug for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ports").field("skew", &self.skew).finish_non_exhaustive()
    }
}

impl Ports {
    pub(crate) fn with<R>(&self, act: impl FnOnce(&mut Outside) -> R) -> R {
        act(self.slot.lock().unwrap().as_mut().expect("a process runs only where the world is"))
    }

    async fn act<R: fmt::Debug>(
        &self,
        what: &'static str,
        act: impl FnOnce(&mut Outside) -> R,
    ) -> R {
        self.turns.wait(what).await;
        let done = self.with(|outside| {
            let done = act(outside);
            outside.record(|| format!("{what}: {done:?}"));
            done
        });
        if self.late {
            self.turns.wait("answer").await;
        }
        done
    }
}

impl Clock for Ports {
    fn now(&self) -> Timestamp {
        later(self.with(|outside| outside.now), self.skew)
    }
}

#[async_trait]
impl Store for Ports {
    async fn series(&self, ids: &[SeriesId]) -> Result<Vec<Versioned<Series>>, StoreError> {
        let find = |outside: &mut Outside| {
            ids.iter().filter_map(|id| outside.store.series.get(id)).cloned().collect()
        };
        Ok(self.act("series", find).await)
    }

    async fn claims(&self, recall: &Recall) -> Result<Vec<(SeriesId, Asked)>, StoreError> {
        Ok(self.act("claims", |outside| outside.store.claims(recall)).await)
    }

    async fn occurrences(&self, _: &Recall) -> Result<Occurrences, StoreError> {
        Err(StoreError::Unavailable("only people ask how many there are".to_owned()))
    }

    async fn document(
        &self,
        backend: &BackendId,
    ) -> Result<Option<Versioned<Document>>, StoreError> {
        Ok(self.act("document", |outside| outside.store.documents.get(backend).cloned()).await)
    }

    async fn documents(&self) -> Result<Vec<Versioned<Document>>, StoreError> {
        let all = |outside: &mut Outside| outside.store.documents.values().cloned().collect();
        Ok(self.act("documents", all).await)
    }

    async fn overdue(&self, before: Timestamp, most: usize) -> Result<Vec<BackendId>, StoreError> {
        let find = |outside: &mut Outside| {
            let documents = outside.store.documents.values().map(|document| &document.body);
            let due = |document: &&Document| document.wake.is_some_and(|wake| wake < before);
            documents.filter(due).take(most).map(|document| document.backend.clone()).collect()
        };
        Ok(self.act("overdue", find).await)
    }

    async fn groups(
        &self,
        scopes: &BTreeSet<Scope>,
    ) -> Result<BTreeMap<Scope, Versioned<Group>>, StoreError> {
        Ok(self.act("groups", |outside| outside.store.groups(scopes)).await)
    }

    async fn published(&self) -> Result<Option<Published>, StoreError> {
        let newest = |outside: &mut Outside| {
            let (number, book) = (outside.generations.len(), outside.generations.last()?);
            let (text, by) = (book.text.clone(), "operator".to_owned());
            Some(Published { number: u64::try_from(number).unwrap(), text, at: epoch(), by })
        };
        Ok(self.act("published", newest).await)
    }

    async fn generation(&self, _: u64) -> Result<Option<Published>, StoreError> {
        Err(StoreError::Unavailable("only people ask for an older one".to_owned()))
    }

    async fn generations(&self, _: usize) -> Result<Vec<Published>, StoreError> {
        Err(StoreError::Unavailable("only people ask for older ones".to_owned()))
    }

    async fn publish(&self, _: &Published, _: &[Line]) -> Result<(), StoreError> {
        Err(StoreError::Unavailable("the world publishes".to_owned()))
    }

    async fn commit(&self, commit: &Commit) -> Result<Unsettled, StoreError> {
        let act = |outside: &mut Outside| {
            outside.record(|| format!("{commit:?}"));
            outside.commit(commit)
        };
        self.act("commit", act).await
    }

    async fn outbox(&self, most: usize) -> Result<Vec<Relay>, StoreError> {
        if self.with(|outside| !outside.store.is_apart) {
            return Ok(Vec::new());
        }
        Ok(self.act("outbox", |outside| outside.store.outbox(most)).await)
    }

    async fn relayed(&self, entries: &[u64]) -> Result<(), StoreError> {
        let take_out = |outside: &mut Outside| {
            outside.store.outbox.retain(|entry, _| !entries.contains(entry));
        };
        self.act("relayed", take_out).await;
        Ok(())
    }

    async fn history(
        &self,
        backend: Option<&BackendId>,
        most: usize,
    ) -> Result<Vec<Line>, StoreError> {
        let find = |outside: &mut Outside| {
            let of = |line: &&Line| backend.is_none() || line.backend.as_ref() == backend;
            let lines: Vec<Line> = outside.store.ledger.iter().filter(of).cloned().collect();
            lines[lines.len().saturating_sub(most)..].to_vec()
        };
        Ok(self.act("history", find).await)
    }

    async fn dead_letters(&self, _: usize) -> Result<Vec<DeadLetter>, StoreError> {
        Err(StoreError::Unavailable("only people ask for these".to_owned()))
    }

    async fn count_dead_letters(&self) -> Result<u64, StoreError> {
        Err(StoreError::Unavailable("only people ask for these".to_owned()))
    }

    async fn drop_dead_letters(&self, _: &Chosen) -> Result<u64, StoreError> {
        Err(StoreError::Unavailable("only people drop these".to_owned()))
    }

    async fn notices(&self) -> Result<Notices, StoreError> {
        Ok(self.act("notices", |outside| outside.store.notices.clone()).await)
    }

    async fn forget_notices(&self, _: Timestamp) -> Result<u64, StoreError> {
        Err(StoreError::Unavailable("no case lasts for days".to_owned()))
    }

    async fn forget_series(&self, _: Timestamp) -> Result<u64, StoreError> {
        Err(StoreError::Unavailable("no case lasts for weeks".to_owned()))
    }

    async fn ready(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

#[async_trait]
impl Queue for Ports {
    async fn send(&self, outgoing: Outgoing) -> Result<Sent, QueueError> {
        self.act("send", |outside| outside.store.relay(&outgoing, outside.now)).await
    }

    async fn receive(&self, _: usize) -> Result<Vec<Delivery>, QueueError> {
        Err(QueueError::Unavailable("the world hands messages over".to_owned()))
    }

    async fn renew(&self, _: &Receipt) -> Result<(), QueueError> {
        Err(QueueError::Unavailable("the world ends locks".to_owned()))
    }

    async fn abandon(&self, receipt: &Receipt, due: Timestamp) -> Result<(), QueueError> {
        self.with(|outside| outside.store.give_back(receipt, due));
        Ok(())
    }

    async fn complete(&self, receipts: &[Receipt]) -> Result<(), QueueError> {
        self.act("complete", |outside| outside.store.settle(receipts, outside.now)).await
    }

    async fn depth(&self) -> Result<u64, QueueError> {
        Err(QueueError::Unavailable("only people ask for it".to_owned()))
    }

    async fn oldest(&self) -> Result<Option<Timestamp>, QueueError> {
        Err(QueueError::Unavailable("only people ask for it".to_owned()))
    }
}

#[async_trait]
impl ManagementApi for Ports {
    async fn get(&self, backend: &BackendId) -> Result<Sight, Unseen> {
        let get = |outside: &mut Outside| {
            let (store, now) = (&outside.store, outside.now);
            let etags = store.documents.get(backend).map(|stored| stored.body.etags.clone());
            let etags = etags.unwrap_or_default();
            let known = |etag: &_| match etags.freshness(etag, epoch()) {
                Freshness::Same | Freshness::Stale => true,
                Freshness::New => false,
            };
            outside.azure_of(backend).get(now, known).map(|observed| (observed, now))
        };
        match self.act("get", get).await {
            Ok((observed, now)) => Ok(sight(observed, now)),
            Err((why, until)) => Err(Unseen { why, until, waits: false }),
        }
    }

    async fn newest(&self, _: &BackendId, _: &Sight) -> Result<Newest, Unseen> {
        Ok(Newest::default())
    }

    fn write(&self, pool: &BackendId, shown: &Sight, intent: &Intent) -> Writing {
        let (ports, shown, intent) = (self.clone(), shown.clone(), intent.clone());
        let pool = pool.clone();
        Box::pin(async move {
            if intent.deletes() && ports.act("list", |outside| outside.may_not_go(&pool)).await {
                let why = "a pool lists it".to_owned();
                return (Answer::Refused { why }, None);
            }
            let write = |outside: &mut Outside| {
                outside.sends(&intent, &shown.observed);
                let now = outside.now;
                // Whose the state is that such a write made cannot be told any more.
                let is_old = shown.date.is_some_and(|date| now >= later(date, FRESH_FOR));
                let is_resent = outside.azure_of(&pool).writes.front() == Some(&WriteFault::Resent);
                outside.watch.is_ambiguous |= is_old && is_resent;
                let (answer, after) = outside.azure_of(&pool).write(&intent, now);
                (answer, after, now)
            };
            let (answer, after, now) = ports.act("write", write).await;
            (answer, after.map(|after| sight(after, now)))
        })
    }

    async fn reconnect(&self, backend: &BackendId, after: SignedDuration) -> ReconnectAnswer {
        let ask = |outside: &mut Outside| {
            let now = outside.now;
            outside.azure.reconnect(backend, now, after)
        };
        self.act("reconnect", ask).await
    }
}

fn sight(observed: Observed, now: Timestamp) -> Sight {
    Sight { observed, date: Some(now), raw: None }
}
