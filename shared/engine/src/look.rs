//! One backend, looked at until it is what it should be.
//!
//! ```text
//! load the document → read the backend → step → save → do → take in the answer → save → again
//! ```
//!
//! Every state between two arrows is saved, or can be had again by reading. Whoever comes to a
//! backend that is being looked at asks for one more look and leaves, so that a thousand alerts of
//! one pool cost a handful of looks.
//!
//! Where the backend is remembered as it was seen last, and that comes to a write, the read is left
//! out: the write carries the `ETag` that is remembered, and a 412 means to read and decide again.
//! Where the write comes soon after another ([`crate::pace`]), it waits, and is then decided anew.
//! Nothing of it is saved before; whoever comes meanwhile saves its change and leaves, for the document
//! is loaded again after the wait.

use jiff::{SignedDuration, Timestamp};
use pointsman_core::{
    answer::{Answer, ReconnectAnswer},
    document::Document,
    group::Group,
    id::{IntentId, ReconnectId},
    ledger::{Line, What},
    names::BackendId,
    shadow,
    step::{Next, Observed, Step},
    wake::SKEW_MAX,
};
use tokio::time::Instant;
use tracing::Instrument as _;

use crate::{
    decide::{Deciding, Decision, Seen, is_ahead},
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
const STALE: &str = "Azure keeps answering with an older state of the backend";

/// Why a look was left to a later wake.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Left {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Playbook(#[from] PlaybookError),
}

/// Why a read is of no use.
#[derive(Debug)]
pub(crate) enum Unread {
    /// It shows what is known to be over, however often it is made.
    Stale,
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

impl Unread {
    /// In words.
    pub(crate) fn why(self) -> String {
        match self {
            Self::Stale => STALE.to_owned(),
            Self::Unseen(Unseen { why, .. }) | Self::Untimely { why, .. } => why,
        }
    }
}

impl From<Unseen> for Unread {
    fn from(unseen: Unseen) -> Self {
        Self::Unseen(unseen)
    }
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
    /// A write. `old` says that it was planned from what was seen some time ago.
    Write { intent: IntentId, writing: Writing, old: bool },
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
    fn go_on_with(self, seen: Option<Sight>) -> (Option<Versioned<Document>>, Option<Sight>) {
        (Some(self.document), seen.filter(|_| !self.outrun))
    }
}

/// What came of deciding.
enum Outcome {
    Decided(Box<Decided>),
    /// A write is to be decided anew at that time.
    Wait(Instant),
    /// Someone else saved first.
    Outrun,
    /// There is nothing to be decided at present.
    None,
}

impl Engine {
    /// Has a backend looked at, in the background.
    pub fn look(&self, backend: &BackendId) {
        if let Some(looking) = self.begin_look_or_ask(backend) {
            tokio::spawn(self.clone().looks(looking, None));
        }
    }

    /// Looks at a backend, and again for as long as someone asks for it. What was decided already is
    /// done first.
    pub(crate) async fn looks(self, mut looking: Looking, mut decided: Option<Box<Decided>>) {
        loop {
            let span = tracing::info_span!("backend", id = %looking.backend.short());
            let look = self.look_once(&looking, decided.take()).instrument(span);
            if let Err(left) = look.await {
                tracing::error!(backend = %looking.backend, "left to a later look: {left}");
            }
            if !looking.again() {
                return;
            }
        }
    }

    /// The story of one look.
    async fn look_once(
        &self,
        looking: &Looking,
        mut decided: Option<Box<Decided>>,
    ) -> Result<(), Left> {
        let backend = &looking.backend;
        let (mut document, mut sight) = (None, None);
        for _ in 0..ACTIONS_MAX {
            let outcome = match decided.take() {
                Some(decided) => Outcome::Decided(decided),
                None => self.decide(looking, document.take(), sight.take()).await?,
            };
            let Decided { saved, todo } = match outcome {
                Outcome::Decided(decided) => *decided,
                Outcome::Wait(until) => {
                    tokio::time::sleep_until(until).await;
                    continue;
                }
                Outcome::Outrun => continue,
                Outcome::None => return Ok(()),
            };
            match todo {
                Todo::Rest => return Ok(()),
                Todo::Write { intent, writing, old } => {
                    let sent = Instant::now();
                    let (answer, after) = writing.await;
                    let overtaken = old && answer == Answer::Outrun;
                    let answer = if overtaken { Answer::Overtaken } else { answer };
                    if matches!(answer, Answer::Written { .. }) {
                        self.inner.pace.sent(backend, sent);
                    }
                    // Whatever else was answered speaks against what was seen before.
                    let after = after.filter(|after| self.note(backend, after).is_ok());
                    if after.is_none() {
                        self.inner.memory.forget_sight(backend);
                    }
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

    /// Load the document, decide, save.
    async fn decide(
        &self,
        looking: &Looking,
        document: Option<Versioned<Document>>,
        sight: Option<Sight>,
    ) -> Result<Outcome, Left> {
        let backend = &looking.backend;
        let loaded = match document {
            Some(document) => Some(document),
            None => {
                looking.load();
                self.inner.store.document(backend).await?
            }
        };
        let Some(mut current) = loaded else { return Ok(Outcome::None) };
        let now = self.now();
        let waits = current.body.trouble.as_ref().is_some_and(|trouble| trouble.until > now);
        if waits && !is_ahead(&current.body, now) {
            return Ok(Outcome::None);
        }
        let mut seen = sight.map(Seen::now).or_else(|| self.remembered(&current.body));
        for _ in 0..RECONCILE_ATTEMPTS_MAX {
            let playbook = self.playbook_since(current.body.generation).await?;
            let group = self.group().await?;
            let decision =
                self.decision(&current.body, seen.take(), &playbook, &group.body).await?;
            let Decision { seen: from, shown, step } = match decision {
                Ok(decision) => decision,
                Err(unread) => {
                    self.put_off(current, &unread).await?;
                    return Ok(Outcome::None);
                }
            };
            let wait = self.inner.pace.wait(backend, Instant::now());
            if let (Next::Write(_), Some(until)) = (&step.next, wait) {
                return Ok(Outcome::Wait(until));
            }
            let next = step.next.clone();
            let save = self.save(&current, step, group.version);
            let prepare = || self.prepare(backend, next, from.clone(), &shown);
            let (saved, todo) = meanwhile(save, prepare).await;
            match saved {
                Ok(saved) => return Ok(Outcome::Decided(Box::new(Decided { saved, todo }))),
                Err(StoreError::Conflict) => self.forget_group(),
                Err(error) => return Err(error.into()),
            }
            // Under a stream of alerts there is always one that saves first, and a read takes longer
            // than the pause between two: what was read is good until someone has seen more.
            let Some(stored) = self.inner.store.document(backend).await? else {
                return Ok(Outcome::None);
            };
            if from.is_remembered() || stored.body.knows_more_than(&current.body) {
                return Ok(Outcome::Outrun);
            }
            (current, seen) = (stored, Some(from));
        }
        Ok(Outcome::Outrun)
    }

    /// Decides for a document from what was seen, and where that is no use, from what is read: again where
    /// it is older than what was seen before.
    pub(crate) async fn decision(
        &self,
        document: &Document,
        mut seen: Option<Seen>,
        playbook: &Loaded,
        group: &Group,
    ) -> Result<Result<Decision, Unread>, StoreError> {
        let mut reads = 0;
        loop {
            let from = match seen.take() {
                Some(seen) => seen,
                None if reads > STALE_READS_MAX => return Ok(Err(Unread::Stale)),
                None => {
                    reads += 1;
                    match self.read(&document.backend).await {
                        Ok(sight) => Seen::now(sight),
                        Err(unread) => return Ok(Err(unread)),
                    }
                }
            };
            let mut deciding = Deciding::new(document.clone(), &from, self.inner.mode, self.now());
            while let Some(recall) = deciding.wanting() {
                let found = self.inner.store.claims(&recall).await?;
                deciding.recall(&recall, found);
            }
            if let Some(decision) = deciding.decide(playbook.generation(), group) {
                return Ok(Ok(decision));
            }
        }
    }

    /// What a backend has shown, where a write may be decided from it without reading the backend again.
    /// In shadow nothing is, for no write is refused where it is out of date.
    pub(crate) fn remembered(&self, document: &Document) -> Option<Seen> {
        let now = self.now();
        let live = self.inner.mode == Mode::Live;
        let in_time = self.skew().is_none() && !is_ahead(document, now);
        (live && in_time).then(|| self.inner.memory.seen(document, now)).flatten()
    }

    /// What is to be done, ready to be begun.
    pub(crate) fn prepare(
        &self,
        backend: &BackendId,
        next: Next,
        seen: Seen,
        shown: &Observed,
    ) -> Todo {
        let old = seen.is_old(self.now());
        let seen = seen.sight;
        match next {
            // What is over is read again before anything is decided.
            Next::Rest | Next::ReadAgain => Todo::Rest,
            Next::Write(intent) => {
                let writing = match self.inner.mode {
                    Mode::Live => self.inner.management.write(backend, &seen, &intent),
                    Mode::Shadow => {
                        let answer = shadow::answer(&intent, shown);
                        Box::pin(std::future::ready((answer, Some(seen))))
                    }
                };
                Todo::Write { intent: intent.id, writing, old }
            }
            Next::Reconnect { id, target, after } => {
                Todo::Reconnect { id, target, after, seen: Box::new(seen) }
            }
        }
    }

    /// Reads a backend, and compares the clocks while the answer is fresh: what is decided from it
    /// may wait for a save, or for the answer to something else.
    async fn read(&self, backend: &BackendId) -> Result<Sight, Unread> {
        let seen = self.inner.management.get(backend).await?;
        self.note(backend, &seen)?;
        Ok(seen)
    }

    /// Remembers what a backend shows, unless it was shown to a clock that is too far off Azure's.
    pub(crate) fn note(&self, backend: &BackendId, seen: &Sight) -> Result<(), Unread> {
        let in_time = self.in_time(seen);
        match &in_time {
            Ok(()) => self.inner.memory.saw(backend, seen, self.now()),
            Err(_) => self.inner.memory.forget_sight(backend),
        }
        in_time
    }

    /// Refuses to act on a clock that is too far off Azure's.
    fn in_time(&self, seen: &Sight) -> Result<(), Unread> {
        let Some(date) = seen.date else { return Ok(()) };
        let skew = self.now().duration_since(date);
        if skew.abs() <= SKEW_MAX {
            self.note_skew(None);
            return Ok(());
        }
        let side = if skew.is_negative() { "behind" } else { "ahead of" };
        // Once, and not for each pool that is looked at.
        if self.skew().is_none() {
            tracing::error!("this machine's clock is {} s {side} Azure's", skew.abs().as_secs());
        }
        self.note_skew(Some(skew));
        // Without how much: a trouble that goes on is the same trouble.
        let why = format!(
            "this machine's clock is more than {} s {side} Azure's, and nothing is done until it is set right",
            SKEW_MAX.as_secs()
        );
        Err(Unread::Untimely { why, date })
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
        if unchanged && lines.is_empty() && next == Next::Rest {
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
            Unread::Stale => {
                document.etags.stale(self.now());
                document.unreachable(STALE, None, self.now(), said);
            }
        };
        self.take_in(document, take_in).await?;
        Ok(())
    }
}
