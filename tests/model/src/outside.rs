//! What lasts and what all processes share: the clock, the store with its queue, Azure, and the
//! playbook's generations.

use std::{collections::BTreeMap, ops::Deref, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use pointsman_core::{
    body::Body,
    document::Document,
    hear::hear,
    id::MessageId,
    lease::later,
    names::BackendId,
    playbook::{Playbook, read},
    series::Series,
    step::Generation,
};
use pointsman_engine::{
    message::{Command, Message, Outgoing},
    ports::{Commit, StoreError, Unsettled, Versioned},
};

use crate::{azure::Azure, begins::Seen, store::Store, watch::Watch};

/// A playbook, as it is written and as it is read.
#[derive(Debug)]
pub(crate) struct Book {
    pub(crate) text: String,
    playbook: Playbook,
}

impl Deref for Book {
    type Target = Playbook;

    fn deref(&self) -> &Playbook {
        &self.playbook
    }
}

/// What a sender has no answer to yet.
#[derive(Clone, Debug)]
pub(crate) struct Unanswered {
    /// The process that it is sent to.
    pub(crate) place: usize,
    pub(crate) outgoing: Outgoing,
    /// Whether no answer will come to what was sent last.
    pub(crate) is_lost: bool,
}

/// All that outlives a process.
#[derive(Debug)]
pub(crate) struct Outside {
    pub(crate) now: Timestamp,
    /// The backend that the watch keeps to.
    pub(crate) backend: BackendId,
    pub(crate) azure: Azure,
    /// A second backend of the same service, where a case has one: what spans backends is tried on it, and
    /// the watch keeps to the first.
    pub(crate) second: Option<Azure>,
    pub(crate) store: Store,
    pub(crate) generations: Vec<Arc<Book>>,
    pub(crate) unanswered: BTreeMap<MessageId, Unanswered>,
    pub(crate) watch: Watch,
    /// What is known of gates.
    pub(crate) gates: Seen,
    /// What operators commanded.
    pub(crate) commanded: Vec<Command>,
    /// All that was asked and answered, where that is to be kept.
    pub(crate) transcript: Option<String>,
}

impl Outside {
    /// Notes something that happens.
    pub(crate) fn record(&mut self, what: impl FnOnce() -> String) {
        if let Some(transcript) = &mut self.transcript {
            *transcript += &format!("{} {}\n", self.now, what());
        }
    }

    pub(crate) fn document(&self) -> Option<&Document> {
        self.document_of(&self.backend)
    }

    pub(crate) fn document_of(&self, backend: &BackendId) -> Option<&Document> {
        self.store.documents.get(backend).map(|stored| &stored.body)
    }

    /// What the backend of this name is now.
    pub(crate) fn body_of(&self, backend: &BackendId) -> Option<&Body> {
        match &self.second {
            Some(second) if *backend == second_backend() => second.body(),
            Some(_) | None => self.azure.body(),
        }
    }

    /// Saves all of it, or nothing; what is planned by it is noted.
    pub(crate) fn commit(&mut self, commit: &Commit) -> Result<Unsettled, StoreError> {
        let before: Vec<Option<Document>> = commit
            .documents
            .iter()
            .map(|one| self.document_of(&one.body.backend).cloned())
            .collect();
        let unsettled = self.store.commit(commit, self.now)?;
        self.insists(&commit.lines);
        let first = self.backend.clone();
        for (Versioned { body, .. }, before) in commit.documents.iter().zip(before) {
            if body.backend == first {
                self.saved(before.as_ref(), body);
            }
            self.gated(before.as_ref(), body, &commit.lines);
        }
        self.told(&commit.lines);
        Ok(unsettled)
    }
}

impl Outside {
    /// A sender has its answer: what was taken it will not send again.
    pub(crate) fn answer(&mut self, id: &MessageId, is_taken: bool) {
        self.record(|| format!("{id} is answered: {is_taken}"));
        if !is_taken {
            if let Some(unanswered) = self.unanswered.get_mut(id) {
                unanswered.is_lost = true;
            }
            return;
        }
        let Some(Unanswered { outgoing, .. }) = self.unanswered.remove(id) else { return };
        let Message::Signals { signals, .. } = outgoing.message else { return };
        if self.store.queue.iter().any(|waiting| waiting.id == *id) {
            return;
        }
        let Some(book) = self.generations.last().cloned() else { return };
        let generation = Generation { number: self.generations.len() as u64, playbook: &book };
        for signal in signals {
            let stored = self.store.series.get(&signal.series).map(|stored| stored.body.clone());
            let mut series = stored.unwrap_or_else(|| Series::new(signal.series.clone()));
            if hear(&mut series, &signal, generation, self.now).changed {
                self.violation("I7", &format!("{id} was answered for, and is not known"));
            }
        }
    }

    /// The backend of this name.
    pub(crate) fn azure_of(&mut self, backend: &BackendId) -> &mut Azure {
        match &mut self.second {
            Some(second) if *backend == second_backend() => second,
            Some(_) | None => &mut self.azure,
        }
    }
}

/// The pool of these tests.
pub(crate) fn backend() -> BackendId {
    "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg1/providers\
     /Microsoft.ApiManagement/service/contoso/backends/pool"
        .parse()
        .unwrap()
}

/// The second pool, where there is one.
pub(crate) fn second_backend() -> BackendId {
    format!("{}2", backend()).parse().unwrap()
}

/// When these tests begin.
pub(crate) fn epoch() -> Timestamp {
    "2026-03-01T03:00:00Z".parse().unwrap()
}

/// So many seconds after the beginning.
pub(crate) fn at(seconds: i64) -> Timestamp {
    later(epoch(), SignedDuration::from_secs(seconds))
}

/// A playbook of these pool settings and plays, each an indented block of YAML.
pub(crate) fn playbook(settings: &str, plays: &str) -> Arc<Book> {
    book(&format!("pools:\n  pool: {{service: main, backend: pool{settings}}}\nplays:\n{plays}"))
}

/// A playbook of these pools and plays.
pub(crate) fn book(pools_and_plays: &str) -> Arc<Book> {
    let text = format!(
        "version: 1\nservices:\n  main: {{subscription: 00000000-0000-0000-0000-000000000001, \
         resourceGroup: rg1, name: contoso}}\n{pools_and_plays}"
    );
    match read(&text) {
        Ok(playbook) => Arc::new(Book { text, playbook }),
        Err(problems) => panic!("{text}\n{problems:?}"),
    }
}
