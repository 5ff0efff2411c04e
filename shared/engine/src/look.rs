//! One look at a backend, without IO: what it needs next, and what follows from what it is given.
//!
//! ```text
//! document → playbook → what the backend shows → step → save → do → take in the answer → save → again
//! ```
//!
//! [`Look::next`] says what is needed, one thing at a time; each method that gives it takes the look on.
//! Whoever drives it knows no order of its own: the engine carries out all that is asked for
//! ([`crate::drive`]); what an alert changes is decided up to the save, which it shares
//! ([`crate::reconcile`]); a plan is decided up to the save, too, and shown ([`crate::plan`]).
//!
//! Every state between two arrows is saved, or can be had again by reading.
//!
//! Where the backend is remembered as it was seen last, and that comes to a write, the read is left
//! out: the write carries the `ETag` that is remembered, and a 412 means to read and decide again.
//! Where the write comes soon after another ([`crate::pace`]), it waits, and is then decided anew.
//! Nothing of it is saved before; whoever comes meanwhile saves its change and leaves, for the document
//! is loaded again after the wait.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::{SignedDuration, Timestamp};
use pointsman_core::{
    answer::{Answer, ReconnectAnswer},
    claim::{Asked, Recall},
    document::{Document, Intent},
    group::{Group, Groups, Scope},
    id::{IntentId, ReconnectId},
    lease::later,
    ledger::{Line, What},
    mode::Mode,
    names::BackendId,
    notice::{Kind, Notices},
    overrides::{End, Override},
    shadow,
    signal::SeriesId,
    step::{Next, Observed, Step, step},
    wake::SKEW_MAX,
};
use tokio::time::Instant;

use crate::{
    engine::{Loaded, RECONCILE_ATTEMPTS_MAX},
    memory::Seen,
    message::Outgoing,
    ports::{Commit, Sight, StoreError, Unseen, Versioned},
};

/// How often a stale answer is read again before the next look is left to a wake.
const STALE_READS_MAX: usize = 5;

/// How long what was read is as good as read now. Who meets a 412 after that takes what is there for
/// someone else's; before that, it may be our own write, which a gateway has sent twice.
const FRESH_FOR: SignedDuration = SignedDuration::from_secs(1);

/// What is said where no reading again helps.
const STALE: &str = "Azure keeps answering with an older state of the backend";

/// Why a read is of no use.
#[derive(Clone, Debug)]
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
    pub(crate) fn why(&self) -> &str {
        match self {
            Self::Stale => STALE,
            Self::Unseen(Unseen { why, .. }) | Self::Untimely { why, .. } => why,
        }
    }

    /// What it waits for, where nothing is wrong but that Azure is to be asked later: the time that was
    /// named, if one was.
    pub(crate) const fn waits(&self) -> Option<Option<Timestamp>> {
        match self {
            Self::Unseen(Unseen { until, waits: true, .. }) => Some(*until),
            Self::Unseen(Unseen { waits: false, .. }) | Self::Stale | Self::Untimely { .. } => None,
        }
    }
}

impl From<Unseen> for Unread {
    fn from(unseen: Unseen) -> Self {
        Self::Unseen(unseen)
    }
}

/// What a look needs next.
#[derive(Debug)]
pub(crate) enum Needs {
    /// The document as it is stored, for [`Look::load`].
    Document,
    /// The playbook, of this generation or a newer one, for [`Look::read_playbook`].
    Playbook(u64),
    /// These group documents, for [`Look::load_groups`].
    Groups(BTreeSet<Scope>),
    /// A fact about the backend.
    Fact(Fact),
    /// That it is later than this: all is decided anew then.
    Wait(Instant),
    /// That this is saved, for [`Look::saved`]; and what is to be done then can be made ready meanwhile.
    Save(Box<(Commit, Todo)>),
    /// The answer to what was to be done, for [`Look::learn`].
    Answer,
    /// Nothing: it is over.
    Nothing,
}

/// A fact about a backend.
#[derive(Debug)]
pub(crate) enum Fact {
    /// What it shows, as it is remembered, or else as it is read: for [`Look::saw`], or for
    /// [`Look::learn`] where it cannot be read.
    Sight,
    /// What it shows if it is read now.
    Read,
    /// Which occurrences are behind an override, for [`Look::recall`].
    Claims(Recall),
}

/// What is to be done.
#[derive(Clone, Debug)]
pub(crate) enum Todo {
    Nothing,
    /// A write, planned from what was seen. `old` says that this was some time ago.
    Write {
        intent: Intent,
        sight: Sight,
        shown: Observed,
        old: bool,
    },
    Reconnect {
        id: ReconnectId,
        target: BackendId,
        after: SignedDuration,
    },
}

/// What becomes known of a backend.
#[derive(Clone, Debug)]
pub(crate) enum Learnt {
    /// What came of a write, and what its answer shows.
    Written(IntentId, Answer, Option<Sight>),
    /// What came of asking for a reconnect.
    Reconnected(ReconnectId, ReconnectAnswer),
    /// That it cannot be read.
    Unread(Unread),
}

impl Learnt {
    fn take_in(&self, document: &mut Document, now: Timestamp, said: &mut Vec<What>) {
        match self {
            Self::Written(intent, answer, _) => document.answer(intent, answer, now, said),
            Self::Reconnected(id, answer) => document.reconnect_answer(id, answer, now, said),
            Self::Unread(Unread::Unseen(Unseen { why, until, .. })) => {
                document.unreachable(why, *until, now, said);
            }
            Self::Unread(Unread::Untimely { why, date }) => document.untimely(why, *date, said),
            Self::Unread(Unread::Stale) => {
                document.etags.stale(now);
                document.unreachable(STALE, None, now, said);
            }
        }
    }
}

/// How far a look has come.
#[derive(Debug)]
enum Stage {
    /// It is to be decided what is to be done.
    Deciding,
    /// That is being saved.
    Saving(Versioned<Document>, Todo),
    /// It is saved, and being done.
    Doing,
    /// What is known by now is to be taken in.
    Learning(Learning),
    /// There is nothing to do at present.
    Over,
}

/// What became known, until it is saved.
#[derive(Debug)]
struct Learning {
    learnt: Learnt,
    /// The document that has taken it in, and is being saved.
    saving: Option<Versioned<Document>>,
    /// How often someone else saved first.
    conflicts: usize,
    /// Whether they had seen or written more of the backend.
    outrun: bool,
}

/// A look under way.
#[derive(Debug)]
pub(crate) struct Look {
    mode: Mode,
    stage: Stage,
    /// The document as it is stored, as far as is known; none where it is to be loaded.
    document: Option<Versioned<Document>>,
    /// A document that someone else has saved over, while the new one is being loaded.
    outdated: Option<Document>,
    playbook: Option<Arc<Loaded>>,
    groups: BTreeMap<Scope, Versioned<Group>>,
    claims: Vec<(Recall, Vec<(SeriesId, Asked)>)>,
    seen: Option<Seen>,
    /// How often the backend was read for what is to be decided; none where what is remembered will do.
    reads: Option<usize>,
    /// How soon a backend of which something is changed is looked at again.
    again_within: SignedDuration,
}

impl Look {
    /// A look that begins with loading the document. A backend of which something is changed is looked
    /// at again within a time.
    pub(crate) const fn new(mode: Mode, again_within: SignedDuration) -> Self {
        Self {
            mode,
            stage: Stage::Deciding,
            document: None,
            outdated: None,
            playbook: None,
            groups: BTreeMap::new(),
            claims: Vec::new(),
            seen: None,
            reads: None,
            again_within,
        }
    }

    /// The same, which begins with a document as it is to be.
    pub(crate) fn at(self, document: Versioned<Document>) -> Self {
        Self { document: Some(document), ..self }
    }

    /// The same, by what is read now and not by what is remembered.
    pub(crate) fn reading(self) -> Self {
        Self { reads: Some(0), ..self }
    }

    /// The document, as far as it is known.
    pub(crate) fn document(&self) -> Option<&Document> {
        self.document.as_ref().map(|document| &document.body)
    }

    /// Says what is needed next. A write that comes soon after another waits until `paced`.
    pub(crate) fn next(&mut self, now: Timestamp, paced: Option<Instant>) -> Needs {
        let document = match self.stage {
            Stage::Over => return Needs::Nothing,
            Stage::Doing => return Needs::Answer,
            Stage::Deciding | Stage::Saving(..) | Stage::Learning(_) => self.document.take(),
        };
        let Some(document) = document else { return Needs::Document };
        let needs = match &mut self.stage {
            Stage::Learning(learning) => learning.take_in(&document, now),
            Stage::Deciding | Stage::Saving(..) | Stage::Doing | Stage::Over => {
                self.decide(&document, now, paced)
            }
        };
        if !matches!(needs, Needs::Wait(_)) {
            self.document = Some(document);
        }
        needs
    }

    fn decide(
        &mut self,
        current: &Versioned<Document>,
        now: Timestamp,
        paced: Option<Instant>,
    ) -> Needs {
        let since = current.body.generation;
        let playbook = self.playbook.as_ref().filter(|playbook| playbook.number >= since);
        let Some(playbook) = playbook.cloned() else { return Needs::Playbook(since) };
        if self.groups.is_empty() {
            return Needs::Groups(current.body.scopes());
        }
        let Some(Seen { sight, remembered }) = self.seen.clone() else { return self.sight() };
        let mut body = current.body.clone();
        // Only an answer that has just come says what time it is.
        if let Some(date) = sight.date.filter(|_| remembered.is_none()) {
            body.rewind(date.max(now));
        }
        body.advance(now);
        for (recall, found) in &self.claims {
            body.recall(recall, found.clone());
        }
        if let Some(recall) = body.wanting() {
            return Needs::Fact(Fact::Claims(recall));
        }
        let shown = match self.mode {
            Mode::Live => sight.observed.clone(),
            Mode::Shadow => shadow::show(&body, sight.observed.clone()),
        };
        let known = self.groups.iter();
        let known: Groups = known.map(|(scope, one)| (scope.clone(), one.body.clone())).collect();
        let mut step = step(&body, &shown, playbook.generation(), &known, now);
        let unknown: BTreeSet<Scope> =
            step.depends.iter().filter(|scope| !known.contains_key(scope)).cloned().collect();
        if !unknown.is_empty() {
            return Needs::Groups(unknown);
        }
        let old = remembered.is_some_and(|at| now >= later(at, FRESH_FOR));
        let todo = match step.next.clone() {
            Next::ReadAgain => return self.read_again(current, now),
            // Where what is remembered comes to no write, nothing would tell if it is over.
            Next::Rest | Next::Reconnect { .. } if remembered.is_some() => {
                return self.read_again(current, now);
            }
            Next::Rest => {
                step.document.look_within(self.again_within);
                Todo::Nothing
            }
            Next::Reconnect { id, target, after } => Todo::Reconnect { id, target, after },
            Next::Write(intent) => Todo::Write { intent, sight, shown, old },
        };
        if let (Todo::Write { .. }, Some(until)) = (&todo, paced) {
            self.forget();
            self.seen = None;
            self.reads = None;
            return Needs::Wait(until);
        }
        self.save(current, step, todo)
    }

    /// Asks for what the backend shows.
    fn sight(&mut self) -> Needs {
        match self.reads {
            None => Needs::Fact(Fact::Sight),
            Some(_) => Needs::Fact(Fact::Read),
        }
    }

    /// Asks for a read, unless so many have shown what is over that one more is of no use.
    fn read_again(&mut self, current: &Versioned<Document>, now: Timestamp) -> Needs {
        self.seen = None;
        if *self.reads.get_or_insert(0) <= STALE_READS_MAX {
            return Needs::Fact(Fact::Read);
        }
        let mut learning = Learning::new(Learnt::Unread(Unread::Stale));
        let needs = learning.take_in(current, now);
        self.stage = Stage::Learning(learning);
        needs
    }

    /// Has a step saved: the document, the lines that tell of it, and the wakes that it needs. A step
    /// that changes nothing but the time, and what was seen, is not worth a save.
    fn save(&mut self, before: &Versioned<Document>, step: Step, todo: Todo) -> Needs {
        let Step { document, depends, groups, wakes, lines, next } = step;
        let unchanged = {
            let Document { now, mut generation, ref sight, .. } = before.body;
            let sight = sight.clone();
            // What a window does is decided by the playbook alone: nobody is to go by an older one.
            if !document.windows.is_empty() {
                generation = document.generation;
            }
            Document { now, generation, sight, ..document.clone() } == before.body
        };
        if unchanged && lines.is_empty() && groups.is_empty() && next == Next::Rest {
            self.stage = Stage::Over;
            return Needs::Nothing;
        }
        let (document, mut commit) = saving(before.version, document, lines);
        let version = |scope: &Scope| self.groups.get(scope).map_or(0, |known| known.version);
        let seen = depends.into_iter().filter(|scope| !groups.contains_key(scope));
        commit.groups_seen = seen.map(|scope| (scope.clone(), version(&scope))).collect();
        let changed = groups.into_iter().map(|(scope, body)| {
            let version = version(&scope);
            (scope, Versioned { version, body })
        });
        commit.groups = changed.collect();
        commit.send.extend(wakes.iter().map(|backend| Outgoing::wake(backend, None)));
        self.stage = Stage::Saving(document, todo.clone());
        Needs::Save(Box::new((commit, todo)))
    }

    /// Takes in the document as it is stored. One that Azure is not to be asked about yet is left alone.
    pub(crate) fn load(&mut self, stored: Option<Versioned<Document>>, now: Timestamp) {
        let outdated = self.outdated.take();
        let Some(stored) = stored else {
            self.stage = Stage::Over;
            return;
        };
        let more = outdated.is_some_and(|outdated| stored.body.knows_more_than(&outdated));
        match &mut self.stage {
            Stage::Learning(learning) => learning.outrun |= more,
            Stage::Deciding | Stage::Saving(..) | Stage::Doing | Stage::Over => {
                // Under a stream of alerts there is always one that saves first, and a read takes longer
                // than the pause between two: what was read is good until someone has seen more.
                if more || self.seen.as_ref().is_some_and(|seen| seen.remembered.is_some()) {
                    self.seen = None;
                    self.reads = None;
                }
                self.leave_where_put_off(&stored.body, now);
            }
        }
        self.document = Some(stored);
    }

    /// Ends where Azure is not to be asked yet. A time that a clock set which ran ahead is not believed.
    fn leave_where_put_off(&mut self, document: &Document, now: Timestamp) {
        let put_off = document.trouble.as_ref().is_some_and(|trouble| trouble.until > now);
        if put_off && !is_ahead(document, now) {
            self.stage = Stage::Over;
        }
    }

    /// Takes in the playbook.
    pub(crate) fn read_playbook(&mut self, playbook: Arc<Loaded>) {
        self.playbook = Some(playbook);
    }

    /// Takes in group documents.
    pub(crate) fn load_groups(&mut self, groups: BTreeMap<Scope, Versioned<Group>>) {
        self.groups.extend(groups);
    }

    /// Takes in what the backend shows.
    pub(crate) fn saw(&mut self, seen: Seen) {
        if seen.remembered.is_none() {
            *self.reads.get_or_insert(0) += 1;
        }
        self.seen = Some(seen);
    }

    /// Takes in which occurrences are behind an override.
    pub(crate) fn recall(&mut self, recall: Recall, found: Vec<(SeriesId, Asked)>) {
        self.claims.push((recall, found));
    }

    /// Takes in what became known of the backend; it is to be saved then.
    pub(crate) fn learn(&mut self, learnt: Learnt) {
        self.stage = Stage::Learning(Learning::new(learnt));
    }

    /// Whether nothing is under way that has to be saved.
    pub(crate) const fn is_deciding(&self) -> bool {
        matches!(self.stage, Stage::Deciding)
    }

    /// Why the backend cannot be read, where that is so.
    pub(crate) fn unread(&self) -> Option<&Unread> {
        match &self.stage {
            Stage::Learning(Learning { learnt: Learnt::Unread(unread), .. }) => Some(unread),
            Stage::Learning(_)
            | Stage::Deciding
            | Stage::Saving(..)
            | Stage::Doing
            | Stage::Over => None,
        }
    }

    /// Takes in whether the save was made.
    ///
    /// # Errors
    /// When it was not, and trying again at once is of no use.
    pub(crate) fn saved(
        &mut self,
        saved: Result<(), StoreError>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.forget();
        match saved {
            Ok(()) => self.go_on(now),
            Err(StoreError::Conflict) => {
                self.outdated = self.document.take().map(|document| document.body);
                match &mut self.stage {
                    Stage::Learning(learning) => {
                        learning.conflicts += 1;
                        if learning.conflicts >= RECONCILE_ATTEMPTS_MAX {
                            return Err(StoreError::Conflict);
                        }
                    }
                    Stage::Deciding | Stage::Saving(..) | Stage::Doing | Stage::Over => {
                        self.stage = Stage::Deciding;
                    }
                }
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn go_on(&mut self, now: Timestamp) {
        match std::mem::replace(&mut self.stage, Stage::Deciding) {
            Stage::Saving(document, todo) => {
                self.document = Some(document.saved());
                self.stage = match todo {
                    Todo::Nothing => Stage::Over,
                    Todo::Write { .. } | Todo::Reconnect { .. } => Stage::Doing,
                };
            }
            Stage::Learning(Learning { learnt, saving, outrun, .. }) => {
                let Some(saved) = saving.map(Versioned::saved) else { return };
                match learnt {
                    Learnt::Written(_, _, after) => self.seen = after.map(Seen::now),
                    Learnt::Reconnected(..) => {}
                    Learnt::Unread(_) => self.stage = Stage::Over,
                }
                // What was seen may be older than what someone else has seen and saved in between, and the
                // document would take it for newer: it is read again then.
                self.seen.take_if(|_| outrun);
                self.reads = None;
                self.leave_where_put_off(&saved.body, now);
                self.document = Some(saved);
            }
            stage @ (Stage::Deciding | Stage::Doing | Stage::Over) => self.stage = stage,
        }
    }

    /// Forgets what may be another by the next decision.
    fn forget(&mut self) {
        self.playbook = None;
        self.groups.clear();
        self.claims.clear();
    }
}

impl Learning {
    const fn new(learnt: Learnt) -> Self {
        Self { learnt, saving: None, conflicts: 0, outrun: false }
    }

    fn take_in(&mut self, document: &Versioned<Document>, now: Timestamp) -> Needs {
        let (mut body, mut said) = (document.body.clone(), Vec::new());
        self.learnt.take_in(&mut body, now, &mut said);
        let (at, backend) = (body.now, &document.body.backend);
        let lines = said.into_iter().map(|what| Line::new(at, Some(backend), what)).collect();
        let (saving, commit) = saving(document.version, body, lines);
        self.saving = Some(saving);
        Needs::Save(Box::new((commit, Todo::Nothing)))
    }
}

/// What saves a document with the wake that it needs, and the document as it will be.
fn saving(version: u64, mut body: Document, lines: Vec<Line>) -> (Versioned<Document>, Commit) {
    let send = body.arm().map(|due| Outgoing::wake(&body.backend, Some(due)));
    let mut notices = Notices::default();
    for Line { at, what, .. } in &lines {
        let told = if let What::Warned { id, ends } = what {
            Some((id, Some(ends)))
        } else if let What::Ended { id, why: End::Stale } = what {
            Some((id, None))
        } else {
            None
        };
        if let Some((id, ends)) = told
            && let Some(Override { effect, series, alert, .. }) = body.overrides.get(id)
        {
            let alert = if alert.is_empty() { String::new() } else { format!(" ({alert})") };
            let says = match ends {
                Some(ends) => format!("{series}{alert}: `atMost` ends {effect} at {ends:.0}"),
                None => format!("{series}{alert}: not heard again, and {effect} has ended"),
            };
            notices.note(Kind::Unresolved, series.source().as_str(), *at, &says);
        }
    }
    let document = Versioned { version, body };
    let commit = Commit {
        documents: vec![document.clone()],
        lines,
        send: send.into_iter().collect(),
        notices,
        ..Commit::default()
    };
    (document, commit)
}

/// Whether a document's time lies so far ahead that it is not believed before Azure's is known.
pub(crate) fn is_ahead(document: &Document, now: Timestamp) -> bool {
    document.now > later(now, SKEW_MAX)
}

#[cfg(test)]
#[path = "look_tests.rs"]
pub(crate) mod tests;
