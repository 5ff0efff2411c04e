//! One backend, looked at until it is what it should be.
//!
//! ```text
//! load the document → read the backend → step → save → do → take in the answer → save → again
//! ```
//!
//! Every state between two arrows is saved, or can be had again by reading. Whoever comes to a
//! backend that is being looked at asks for one more look and leaves, so that a thousand alerts of
//! one pool cost a handful of looks. Where a document was just changed by what was heard, the first
//! three steps may have been made ahead; see [`crate::ahead`].

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use pointsman_core::{
    answer::ReconnectAnswer,
    document::Document,
    id::{IntentId, ReconnectId},
    ledger::{Line, What},
    names::BackendId,
    overrides::later,
    shadow,
    step::{Next, Observed, Step, step},
    wake::SKEW_MAX,
};
use tracing::Instrument as _;

use crate::{
    engine::{
        Engine, Loaded, Looking, Mode, PlaybookError, RECONCILE_ATTEMPTS_MAX, meanwhile, tell,
    },
    message::Outgoing,
    ports::{Commit, Sight, StoreError, Unseen, Versioned, Writing},
};

/// How many things one look may do before it leaves the rest to the next.
pub const ACTIONS_MAX: usize = 64;

/// How often a stale answer is read again before the next look is left to a wake.
pub const STALE_READS_MAX: usize = 5;

/// What is said where no reading again helps.
pub(crate) const STALE: &str = "Azure keeps answering with an older state of the backend";

/// Why a look was left to a later wake.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Left {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Playbook(#[from] PlaybookError),
    #[error("generation {0} of the playbook is not to be had, and the backend was decided by it")]
    Generation(u64),
}

/// Why a read is of no use.
#[derive(Debug)]
pub(crate) enum Unread {
    /// It showed nothing.
    Unseen(Unseen),
    /// This machine's clock is too far off Azure's: every deadline would be wrong.
    Untimely {
        /// In words.
        why: String,
        /// What Azure's clock says.
        date: Timestamp,
    },
}

impl From<Unseen> for Unread {
    fn from(unseen: Unseen) -> Self {
        Self::Unseen(unseen)
    }
}

/// Where a look begins.
pub(crate) enum Start {
    /// With loading the document.
    Load,
    /// With a document that was just saved, and what its backend showed.
    Read(Box<Versioned<Document>>, Result<Sight, Unread>),
    /// With what was decided, and saved already.
    Decided(Box<Decided>),
}

/// What a step decided, once it is saved.
pub(crate) struct Decided {
    /// The document that it came to.
    pub(crate) saved: Versioned<Document>,
    /// What is to be done.
    pub(crate) todo: Todo,
}

/// What is to be done, ready to be begun.
pub(crate) enum Todo {
    /// Nothing.
    Rest,
    /// The backend is to be read again.
    ReadAgain,
    /// A write.
    Write { intent: IntentId, writing: Writing },
    /// A reconnect, decided from what Azure showed.
    Reconnect { id: ReconnectId, target: BackendId, after: SignedDuration, seen: Box<Sight> },
}

/// A document that has taken in an answer.
struct TakenIn {
    document: Versioned<Document>,
    /// Whether someone else had seen or written more of its backend in between.
    outrun: bool,
}

impl TakenIn {
    /// What the look goes on with. What was seen may be older than what someone else has seen and
    /// saved in between, and the document would take it for newer: it is read again then.
    fn go_on_with(
        self,
        seen: Option<Sight>,
    ) -> (Option<Versioned<Document>>, Option<Result<Sight, Unread>>) {
        (Some(self.document), seen.filter(|_| !self.outrun).map(Ok))
    }
}

/// What came of deciding.
enum Decision {
    Made(Box<Decided>),
    /// Someone else saved first.
    Outrun,
    /// There is nothing to be decided at present.
    None,
}

impl Engine {
    /// Has a backend looked at, in the background.
    pub fn look(&self, backend: &BackendId) {
        if let Some(looking) = self.begin_look_or_ask(backend) {
            tokio::spawn(self.clone().looks(looking, Start::Load));
        }
    }

    /// Looks at a backend, and again for as long as someone asks for it.
    pub(crate) async fn looks(self, mut looking: Looking, start: Start) {
        let mut start = Some(start);
        loop {
            let span = tracing::info_span!("backend", id = %looking.backend.short());
            let start = start.take().unwrap_or(Start::Load);
            let look = self.look_once(&looking.backend, start).instrument(span);
            if let Err(left) = look.await {
                tracing::error!(backend = %looking.backend, "left to a later look: {left}");
            }
            if !looking.again() {
                return;
            }
        }
    }

    /// The story of one look.
    async fn look_once(&self, backend: &BackendId, start: Start) -> Result<(), Left> {
        let (mut document, mut sight, mut decided) = match start {
            Start::Load => (None, None, None),
            Start::Read(document, sight) => (Some(*document), Some(sight), None),
            Start::Decided(decided) => (None, None, Some(decided)),
        };
        let mut stale_reads = 0;
        for _ in 0..ACTIONS_MAX {
            let decision = match decided.take() {
                Some(decided) => Decision::Made(decided),
                None => self.decide(backend, document.take(), sight.take()).await?,
            };
            let Decided { saved, todo } = match decision {
                Decision::Made(decided) => *decided,
                Decision::Outrun => continue,
                Decision::None => return Ok(()),
            };
            match todo {
                Todo::Rest => return Ok(()),
                Todo::ReadAgain if stale_reads < STALE_READS_MAX => stale_reads += 1,
                Todo::ReadAgain => {
                    let unseen = Unseen { why: STALE.to_owned(), until: None };
                    return self.put_off(saved, &unseen.into()).await;
                }
                Todo::Write { intent, writing } => {
                    let (answer, after) = writing.await;
                    let take_in = |document: &mut Document, said: &mut Vec<What>| {
                        document.answer(&intent, &answer, self.now(), said);
                    };
                    let taken_in = self.take_in(saved, take_in).await?;
                    (document, sight) = taken_in.go_on_with(after);
                }
                Todo::Reconnect { id, target, after, seen } => {
                    let answer = match self.inner.mode {
                        Mode::Live => self.inner.management.reconnect(&target, after).await,
                        Mode::Shadow => ReconnectAnswer::Accepted { after },
                    };
                    let take_in = |document: &mut Document, said: &mut Vec<What>| {
                        document.reconnect_answer(&id, &answer, self.now(), said);
                    };
                    let taken_in = self.take_in(saved, take_in).await?;
                    (document, sight) = taken_in.go_on_with(Some(*seen));
                }
            }
        }
        // More to do than one look may: another goes on, so that none starves the rest.
        tracing::warn!("more than {ACTIONS_MAX} actions in one look");
        self.look(backend);
        Ok(())
    }

    /// Load the document, read the backend, step, save; the first two where they are not known yet.
    async fn decide(
        &self,
        backend: &BackendId,
        document: Option<Versioned<Document>>,
        sight: Option<Result<Sight, Unread>>,
    ) -> Result<Decision, Left> {
        let loaded = match document {
            Some(document) => Some(document),
            None => self.inner.store.document(backend).await?,
        };
        let Some(mut current) = loaded else { return Ok(Decision::None) };
        let now = self.now();
        // A time that lies ahead is not believed before Azure's is known.
        let ahead = current.body.now > later(now, SKEW_MAX);
        let waits = current.body.trouble.as_ref().is_some_and(|trouble| trouble.until > now);
        if waits && !ahead {
            return Ok(Decision::None);
        }
        let read = async {
            match sight {
                Some(sight) => sight,
                None => self.read(backend).await,
            }
        };
        let seen = match read.await {
            Ok(seen) => seen,
            Err(unread) => {
                self.put_off(current, &unread).await?;
                return Ok(Decision::None);
            }
        };
        for _ in 0..RECONCILE_ATTEMPTS_MAX {
            let playbook = self.playbook_for(&current.body).await?;
            let group = self.group().await?;
            let mut body = current.body.clone();
            if let Some(date) = seen.date {
                body.rewind(date.max(self.now()));
            }
            body.advance(self.now());
            self.recall(&mut body).await?;
            let shown = self.shown(&body, &seen.observed);
            let step = step(&body, &shown, playbook.generation(), &group.body, self.now());
            let next = step.next.clone();
            let save = self.save(&current, step, group.version);
            let prepare = || self.prepare(backend, next, seen.clone(), &shown);
            let (saved, todo) = meanwhile(save, prepare).await;
            match saved {
                Ok(saved) => return Ok(Decision::Made(Box::new(Decided { saved, todo }))),
                Err(StoreError::Conflict) => self.forget_group(),
                Err(error) => return Err(error.into()),
            }
            // Under a stream of alerts there is always one that saves first, and a read takes longer
            // than the pause between two: what was read is good until someone has seen more.
            let Some(stored) = self.inner.store.document(backend).await? else {
                return Ok(Decision::None);
            };
            if stored.body.knows_more_than(&current.body) {
                return Ok(Decision::Outrun);
            }
            current = stored;
        }
        Ok(Decision::Outrun)
    }

    /// Asks the store which occurrences go on behind the overrides of whose known ones none does.
    pub(crate) async fn recall(&self, document: &mut Document) -> Result<(), StoreError> {
        while let Some(recall) = document.wanting() {
            let found = self.inner.store.claims(&recall).await?;
            document.recall(&recall, found);
        }
        Ok(())
    }

    /// What Azure shows, or in shadow mode would show.
    pub(crate) fn shown(&self, document: &Document, observed: &Observed) -> Observed {
        match self.inner.mode {
            Mode::Live => observed.clone(),
            Mode::Shadow => shadow::show(document, observed.clone()),
        }
    }

    /// What is to be done, ready to be begun.
    pub(crate) fn prepare(
        &self,
        backend: &BackendId,
        next: Next,
        seen: Sight,
        shown: &Observed,
    ) -> Todo {
        match next {
            Next::Rest => Todo::Rest,
            Next::ReadAgain => Todo::ReadAgain,
            Next::Write(intent) => {
                let writing = match self.inner.mode {
                    Mode::Live => self.inner.management.write(backend, &seen, &intent),
                    Mode::Shadow => {
                        let answer = shadow::answer(&intent, shown);
                        Box::pin(std::future::ready((answer, Some(seen))))
                    }
                };
                Todo::Write { intent: intent.id, writing }
            }
            Next::Reconnect { id, target, after } => {
                Todo::Reconnect { id, target, after, seen: Box::new(seen) }
            }
        }
    }

    /// Reads a backend, and compares the clocks while the answer is fresh: what is decided from it
    /// may wait for a save, or for the answer to something else.
    pub(crate) async fn read(&self, backend: &BackendId) -> Result<Sight, Unread> {
        self.in_time(self.inner.management.get(backend).await?)
    }

    /// Refuses to act on a clock that is too far off Azure's.
    fn in_time(&self, seen: Sight) -> Result<Sight, Unread> {
        let Some(date) = seen.date else { return Ok(seen) };
        let skew = self.now().duration_since(date);
        if skew.abs() <= SKEW_MAX {
            self.note_skew(None);
            return Ok(seen);
        }
        self.note_skew(Some(skew));
        let side = if skew.is_negative() { "behind" } else { "ahead of" };
        tracing::error!("this machine's clock is {} s {side} Azure's", skew.abs().as_secs());
        // Without how much: a trouble that goes on is the same trouble.
        let why = format!(
            "this machine's clock is more than {} s {side} Azure's, and nothing is done until it is set right",
            SKEW_MAX.as_secs()
        );
        Err(Unread::Untimely { why, date })
    }

    /// The playbook, no older than the one that the document was last decided by.
    pub(crate) async fn playbook_for(&self, document: &Document) -> Result<Arc<Loaded>, Left> {
        let playbook = self.playbook().await?;
        if document.generation <= playbook.number {
            return Ok(playbook);
        }
        let playbook = self.refresh_playbook().await?;
        if document.generation > playbook.number {
            return Err(Left::Generation(document.generation));
        }
        Ok(playbook)
    }

    /// Saves a step: the document, the lines that tell of it, and the wake that it needs. A step
    /// that changed nothing but the time is not worth a save.
    async fn save(
        &self,
        before: &Versioned<Document>,
        step: Step,
        group_seen: u64,
    ) -> Result<Versioned<Document>, StoreError> {
        let Step { document, lines, next } = step;
        let unchanged = {
            let Document { now, generation, .. } = before.body;
            Document { now, generation, ..document.clone() } == before.body
        };
        let nothing_to_do = matches!(next, Next::Rest | Next::ReadAgain);
        if unchanged && lines.is_empty() && nothing_to_do {
            return Ok(before.clone());
        }
        let mut body = document;
        let send = body.arm().map(|due| Outgoing::wake(&body.backend, Some(due)));
        let document = Versioned { version: before.version, body };
        let commit = Commit {
            documents: vec![document.clone()],
            group_seen: Some(group_seen),
            lines: lines.clone(),
            send: send.into_iter().collect(),
            ..Commit::default()
        };
        self.commit(commit).await?;
        tell(&lines);
        Ok(document.saved())
    }

    /// Has the document take in an answer, whoever else has changed it meanwhile: an answer names
    /// what it answers, and to a document that has it already it says nothing.
    async fn take_in(
        &self,
        mut document: Versioned<Document>,
        answer: impl Fn(&mut Document, &mut Vec<What>),
    ) -> Result<TakenIn, StoreError> {
        let mut outrun = false;
        for _ in 0..RECONCILE_ATTEMPTS_MAX {
            let mut body = document.body.clone();
            let mut said = Vec::new();
            answer(&mut body, &mut said);
            let send = body.arm().map(|due| Outgoing::wake(&body.backend, Some(due)));
            let (now, backend) = (body.now, body.backend.clone());
            let lines: Vec<Line> =
                said.into_iter().map(|what| Line::new(now, Some(&backend), what)).collect();
            let commit = Commit {
                documents: vec![Versioned { version: document.version, body: body.clone() }],
                lines: lines.clone(),
                send: send.into_iter().collect(),
                ..Commit::default()
            };
            let committed = self.commit(commit).await;
            if committed.is_ok() {
                tell(&lines);
            }
            match committed {
                Ok(()) => {
                    let document = Versioned { version: document.version, body }.saved();
                    return Ok(TakenIn { document, outrun });
                }
                Err(StoreError::Conflict) => {
                    let stored = self.inner.store.document(&backend).await?;
                    let stored = stored.ok_or(StoreError::Conflict)?;
                    outrun |= stored.body.knows_more_than(&document.body);
                    document = stored;
                }
                Err(error) => return Err(error),
            }
        }
        Err(StoreError::Conflict)
    }

    /// Leaves a backend that could not be read to a later look.
    async fn put_off(&self, document: Versioned<Document>, unread: &Unread) -> Result<(), Left> {
        let take_in = |document: &mut Document, said: &mut Vec<What>| match unread {
            Unread::Unseen(Unseen { why, until }) => {
                document.unreachable(why, *until, self.now(), said);
            }
            Unread::Untimely { why, date } => document.untimely(why, *date, said),
        };
        self.take_in(document, take_in).await?;
        Ok(())
    }
}
