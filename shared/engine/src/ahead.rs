//! Looks that begin before what was heard is saved.
//!
//! A change of a backend's document is followed by a look at the backend, and the look by a write.
//! Between an alert and that write lie the save of the document, the read of the backend, and the
//! save of the intent. So the backend is read while the change is still being put together; and
//! where it answers within [`READ_WITHIN`], the first step is decided there and then, and the
//! document is saved once, with the intent in it, instead of twice. Where it does not, the change
//! is saved while the read goes on, and the look goes on from there.
//!
//! What was thought of:
//! - Whoever reads ahead holds the right to look, so that no one else of this process looks at the
//!   backend in between. Someone who asks meanwhile is served afterwards, also where the save came
//!   to nothing.
//! - The save is refused where someone else has changed the document, or the group document that
//!   the step was decided under. All is put together anew then, and read anew: the other may have
//!   saved what it saw after our read, and ours would be taken for newer.
//! - Nothing is done before the save: a crash leaves either nothing, and the messages come again, or
//!   the document with its intent, as a crash after two saves would.

use std::{collections::BTreeMap, time::Duration};

use pointsman_core::{
    document::Document,
    ledger::Line,
    names::BackendId,
    step::{Next, Observed, Step, step},
};
use tokio::{task::JoinHandle, time::Instant};

use crate::{
    engine::{Engine, Looking},
    look::{Decided, Start, Todo, Unread},
    ports::{Sight, Unseen, Versioned},
};

/// How long a save waits for reads, so that it is not needed twice. About what a save takes; a read
/// that takes longer costs no more than if nobody had waited, for the save goes on beside it.
pub const READ_WITHIN: Duration = Duration::from_millis(2);

/// The backends that are read ahead.
#[derive(Default)]
pub(crate) struct Ahead {
    reads: BTreeMap<BackendId, Read>,
}

/// A backend that is read ahead.
struct Read {
    looking: Looking,
    reading: Reading,
    made: Option<Made>,
}

enum Reading {
    UnderWay(JoinHandle<Result<Sight, Unread>>),
    Done(Result<Sight, Unread>),
}

/// What was decided ahead, besides the document.
struct Made {
    next: Next,
    shown: Observed,
    lines: Vec<Line>,
    /// What is next, once it was made ready.
    todo: Option<Todo>,
}

impl Reading {
    /// Waits for the answer, until then at most.
    async fn done(&mut self, end: Instant) -> Option<&Result<Sight, Unread>> {
        if let Self::UnderWay(reading) = self {
            let read = tokio::time::timeout_at(end, reading).await.ok()?;
            *self = Self::Done(read.unwrap_or_else(|_| Err(broken())));
        }
        match self {
            Self::Done(read) => Some(read),
            Self::UnderWay(_) => None,
        }
    }

    async fn into_done(self) -> Result<Sight, Unread> {
        match self {
            Self::Done(read) => read,
            Self::UnderWay(reading) => reading.await.unwrap_or_else(|_| Err(broken())),
        }
    }
}

fn broken() -> Unread {
    Unseen { why: "the read broke off".to_owned(), until: None }.into()
}

impl Ahead {
    /// Reads a backend ahead, unless that is being done, or someone is looking at it: that one is
    /// to be asked after the save.
    pub(crate) fn read(&mut self, engine: &Engine, backend: &BackendId) {
        if self.reads.contains_key(backend) {
            return;
        }
        let Some(looking) = engine.begin_look(backend) else { return };
        let reading = {
            let (engine, backend) = (engine.clone(), backend.clone());
            tokio::spawn(async move { engine.read(&backend).await })
        };
        let read = Read { looking, reading: Reading::UnderWay(reading), made: None };
        self.reads.insert(backend.clone(), read);
    }

    /// Decides the first step of each document whose backend has answered, or does so in time; the
    /// document becomes what the step made of it. Gives the lines that tell of the steps, and the
    /// version of the group document that they were decided under, if any was.
    pub(crate) async fn decide(
        &mut self,
        engine: &Engine,
        documents: &mut BTreeMap<BackendId, Versioned<Document>>,
    ) -> Option<(u64, Vec<Line>)> {
        if self.reads.is_empty() {
            return None;
        }
        let end = Instant::now() + READ_WITHIN;
        // What cannot be had now is told by the look that comes to need it.
        let group = engine.group().await.ok()?;
        let mut told = Vec::new();
        for (backend, read) in &mut self.reads {
            read.made = None;
            let Some(document) = documents.get_mut(backend) else { continue };
            // What the store is to be asked first, it may only know once this is saved.
            if document.body.wanting().is_some() {
                continue;
            }
            let Some(Ok(seen)) = read.reading.done(end).await else { continue };
            let Ok(playbook) = engine.playbook_for(&document.body).await else { continue };
            if let Some(date) = seen.date {
                document.body.rewind(date.max(engine.now()));
            }
            let shown = engine.shown(&document.body, &seen.observed);
            let generation = playbook.generation();
            let step = step(&document.body, &shown, generation, &group.body, engine.now());
            let Step { document: body, lines, next } = step;
            document.body = body;
            told.extend(lines.iter().cloned());
            read.made = Some(Made { next, shown, lines, todo: None });
        }
        let any = self.reads.values().any(|read| read.made.is_some());
        any.then_some((group.version, told))
    }

    /// Makes ready what was decided.
    pub(crate) fn prepare(&mut self, engine: &Engine) {
        for (backend, read) in &mut self.reads {
            if let (Reading::Done(Ok(seen)), Some(made)) = (&read.reading, &mut read.made) {
                let next = made.next.clone();
                made.todo = Some(engine.prepare(backend, next, seen.clone(), &made.shown));
            }
        }
    }

    /// Has the looks go on, in the background, with the documents as they were saved; says at which
    /// backends, and what is to be told of each. Whoever asked for a look at one that was not saved after all is served.
    pub(crate) fn go_on(
        self,
        engine: &Engine,
        saved: &BTreeMap<BackendId, Versioned<Document>>,
    ) -> BTreeMap<BackendId, Vec<Line>> {
        let mut gone_on = BTreeMap::new();
        for (backend, read) in self.reads {
            let Read { mut looking, reading, made } = read;
            let engine = engine.clone();
            match (saved.get(&backend).cloned(), reading, made) {
                (Some(saved), Reading::Done(Ok(seen)), Some(made)) => {
                    let Made { next, shown, lines, todo } = made;
                    let todo = todo.unwrap_or_else(|| engine.prepare(&backend, next, seen, &shown));
                    let decided = Box::new(Decided { saved, todo });
                    tokio::spawn(engine.looks(looking, Start::Decided(decided)));
                    gone_on.insert(backend, lines);
                }
                (Some(saved), reading, _) => {
                    tokio::spawn(async move {
                        let read = reading.into_done().await;
                        engine.looks(looking, Start::Read(Box::new(saved), read)).await;
                    });
                    gone_on.insert(backend, Vec::new());
                }
                (None, _, _) => {
                    if looking.again() {
                        tokio::spawn(engine.looks(looking, Start::Load));
                    }
                }
            }
        }
        gone_on
    }
}
