//! The shell's loop, stage by stage, so that anything may come between any two.
//!
//! ```text
//! load the document → read the backend → step, save → do → take in the answer, save → again
//! ```
//!
//! It mirrors the engine's `reconcile` and `look`; a stage is what is done between two moments at
//! which the process could die or another could get in between.

use std::{collections::BTreeMap, rc::Rc};

use jiff::{SignedDuration, Timestamp};
use pointsman_core::{
    answer::{Answer, ReconnectAnswer},
    document::Document,
    etag::Freshness,
    group::{Group, Pause},
    hear::{Edit, hear},
    id::{IntentId, ReconnectId},
    ledger::{Line, What},
    names::BackendId,
    overrides::later,
    playbook::Playbook,
    series::Series,
    shadow,
    signal::Signal,
    step::{Generation, Next, Observed, Step, step},
};

use crate::{
    azure::Unseen,
    world::{Message, Versioned, World, epoch},
};

/// Whether decisions are carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Live,
    Shadow,
}

/// How many things one look may do, and how often it reads again what is stale: the engine's.
const ACTIONS_MAX: usize = 64;
const STALE_READS_MAX: usize = 5;

/// One process: what it has in memory.
#[derive(Clone, Debug)]
pub(crate) struct Shell {
    /// How far its clock is off.
    pub(crate) skew: SignedDuration,
    looks: BTreeMap<BackendId, Look>,
    group: Option<Versioned<Group>>,
    generation: Option<u64>,
}

/// One look under way.
#[derive(Clone, Debug)]
struct Look {
    again: bool,
    actions: usize,
    stale_reads: usize,
    sight: Option<Result<Observed, Unseen>>,
    stage: Stage,
}

#[derive(Clone, Debug)]
enum Stage {
    Load(Option<Versioned<Document>>),
    Read(Versioned<Document>, Versioned<Group>),
    Save(Versioned<Document>, Versioned<Group>, Observed, Option<Box<Step>>),
    Act(Versioned<Document>, Observed, Observed, Next),
    TakeIn(Versioned<Document>, Heard),
}

/// An answer, on its way into the document.
#[derive(Clone, Debug)]
enum Heard {
    Write(IntentId, Answer, Option<Observed>),
    Reconnect(ReconnectId, ReconnectAnswer, Option<Observed>),
    Unseen(Unseen),
}

impl Look {
    fn new(document: Option<Versioned<Document>>, sight: Option<Result<Observed, Unseen>>) -> Self {
        Self { again: false, actions: 0, stale_reads: 0, sight, stage: Stage::Load(document) }
    }
}

impl Shell {
    pub(crate) fn new(skew: SignedDuration) -> Self {
        Self { skew, looks: BTreeMap::new(), group: None, generation: None }
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.looks.is_empty()
    }

    pub(crate) fn forget(&mut self) {
        *self = Self::new(self.skew);
    }

    /// The documents it has in mind.
    pub(crate) fn documents(&self) -> impl Iterator<Item = &Document> {
        self.looks.values().filter_map(|look| match &look.stage {
            Stage::Load(document) => document.as_ref().map(|one| &one.body),
            Stage::Read(document, _)
            | Stage::Act(document, ..)
            | Stage::TakeIn(document, _)
            | Stage::Save(document, _, _, None) => Some(&document.body),
            Stage::Save(_, _, _, Some(step)) => Some(&step.document),
        })
    }

    /// The documents that it is about to decide, each with what it has read for that.
    fn deciding(&self) -> impl Iterator<Item = (&Document, &Observed)> {
        self.looks.values().filter_map(|look| match (&look.stage, &look.sight) {
            (Stage::Save(document, _, seen, None), _)
            | (Stage::Load(Some(document)) | Stage::Read(document, _), Some(Ok(seen))) => {
                Some((&document.body, seen))
            }
            (
                Stage::Load(_)
                | Stage::Read(..)
                | Stage::Save(..)
                | Stage::Act(..)
                | Stage::TakeIn(..),
                _,
            ) => None,
        })
    }
}

impl World {
    /// The documents as they will be once the shells have decided by what they have read.
    pub(crate) fn decided(&self) -> Vec<Document> {
        let (number, playbook) = (self.generations.len() as u64, self.generations.last().unwrap());
        let generation = Generation { number, playbook };
        let group = &self.store.group.body;
        let deciding = self.shells.iter().flat_map(Shell::deciding);
        deciding
            .map(|(document, seen)| {
                let shown = self.shown(document, seen);
                step(document, &shown, generation, group, self.now).document
            })
            .collect()
    }

    fn clock(&self, shell: usize) -> Timestamp {
        later(self.now, self.shells[shell].skew)
    }

    fn playbook(&mut self, shell: usize, least: u64) -> (u64, Rc<Playbook>) {
        let newest = self.generations.len() as u64;
        let number = *self.shells[shell].generation.get_or_insert(newest);
        let number = if number < least { newest } else { number };
        self.shells[shell].generation = Some(number);
        (number, Rc::clone(&self.generations[usize::try_from(number).unwrap() - 1]))
    }

    /// Has a backend looked at, or looked at once more by the shell that is at it.
    pub(crate) fn look(&mut self, shell: usize, backend: &BackendId) {
        let looks = &mut self.shells[shell].looks;
        match looks.get_mut(backend) {
            Some(look) => look.again = true,
            None => {
                looks.insert(backend.clone(), Look::new(None, None));
            }
        }
    }

    /// Takes in a message: all that follows from it is saved at once, or nothing.
    pub(crate) fn take_in(&mut self, shell: usize, message: &Message) {
        let now = self.clock(shell);
        match message {
            Message::Signals(signals) => self.hear_signals(shell, signals, now),
            Message::Wake(backend) => self.wake(shell, backend, now),
            Message::Pause | Message::Resume => {
                let pause = matches!(message, Message::Pause);
                self.pause(shell, pause, now);
            }
            Message::Undo => {
                let backends: Vec<BackendId> = self.store.documents.keys().cloned().collect();
                for backend in backends {
                    self.change(shell, &backend, now, |document, said| {
                        let ids: Vec<_> = document.overrides.keys().cloned().collect();
                        for id in ids {
                            document.undo(&id, "operator", "enough", said);
                        }
                    });
                }
            }
        }
    }

    fn hear_signals(&mut self, shell: usize, signals: &[Signal], now: Timestamp) {
        let (number, playbook) = self.playbook(shell, 0);
        let generation = Generation { number, playbook: &playbook };
        let mut edits = BTreeMap::new();
        for signal in signals {
            let fresh = || Versioned { version: 0, body: Series::new(signal.series.clone()) };
            let mut series = self.store.series.get(&signal.series).cloned().unwrap_or_else(fresh);
            let hearing = hear(&mut series.body, signal, generation, now);
            assert!(hearing.unresolvable.is_empty(), "{:?}", hearing.unresolvable);
            if hearing.changed {
                series.version += 1;
                self.store.series.insert(signal.series.clone(), series);
            }
            self.store.write_lines(hearing.lines);
            for (backend, more) in hearing.edits {
                edits.entry(backend).or_insert_with(Vec::new).extend(more);
            }
        }
        for (backend, mut edits) in edits {
            self.change(shell, &backend, now, |document, said| {
                for edit in &mut edits {
                    document.edit(edit, said);
                }
            });
            for edit in edits {
                if let Edit::Claim { series, claim, .. } = edit {
                    let one = self.store.series.get_mut(&series).unwrap();
                    one.body.stamp(&claim.id, claim.asked.since);
                }
            }
        }
    }

    fn change(
        &mut self,
        shell: usize,
        backend: &BackendId,
        now: Timestamp,
        change: impl FnOnce(&mut Document, &mut Vec<What>),
    ) {
        let fresh = || Versioned { version: 0, body: Document::new(backend.clone(), now) };
        let document = self.store.documents.get(backend).cloned().unwrap_or_else(fresh);
        let mut body = document.body.clone();
        body.advance(now);
        let mut said = Vec::new();
        change(&mut body, &mut said);
        if (Document { now: document.body.now, ..body.clone() }) == document.body {
            return;
        }
        let at = body.now;
        let lines = said.into_iter().map(|what| Line::new(at, Some(backend), what)).collect();
        self.store.write_lines(lines);
        body.wake_now(now);
        if let Some(due) = body.arm() {
            self.store.send_wake(backend, due);
        }
        let document = Versioned { version: document.version, body };
        assert!(self.store.save(&document), "nothing came between");
        let after = Versioned { version: document.version + 1, body: document.body };
        // The backend is read while the document is being saved, where no one looks at it.
        if self.shells[shell].looks.contains_key(backend) || after.body.trouble.is_some() {
            return self.look(shell, backend);
        }
        let sight = self.read();
        let look = Look::new(Some(after), Some(sight));
        self.shells[shell].looks.insert(backend.clone(), look);
    }

    fn wake(&mut self, shell: usize, backend: &BackendId, now: Timestamp) {
        let Some(document) = self.store.documents.get(backend).cloned() else { return };
        let Some(wake) = document.body.wake else { return };
        if wake <= now {
            return self.look(shell, backend);
        }
        let mut body = document.body;
        body.advance(now);
        body.wake_came(now);
        if let Some(due) = body.arm() {
            self.store.send_wake(backend, due);
            assert!(self.store.save(&Versioned { version: document.version, body }));
        }
    }

    fn pause(&mut self, shell: usize, pause: bool, now: Timestamp) {
        let group = &mut self.store.group;
        if pause == group.body.paused.is_some() {
            return;
        }
        let (by, reason) = ("operator".to_owned(), "change freeze".to_owned());
        let what = if pause {
            What::Paused { by: by.clone(), reason: reason.clone() }
        } else {
            What::Resumed { by: by.clone() }
        };
        group.body.paused = pause.then_some(Pause { by, reason, at: now });
        group.version += 1;
        self.store.write_lines(vec![Line::new(now, None, what)]);
        self.shells[shell].group = None;
        let busy: Vec<BackendId> = self
            .store
            .documents
            .values()
            .filter(|document| !document.body.is_at_rest())
            .map(|document| document.body.backend.clone())
            .collect();
        for backend in busy {
            self.look(shell, &backend);
        }
    }

    /// One stage of one look of a shell.
    pub(crate) fn advance(&mut self, shell: usize) {
        let Some(backend) = self.shells[shell].looks.keys().next().cloned() else { return };
        let Some(mut look) = self.shells[shell].looks.remove(&backend) else { return };
        let stage = std::mem::replace(&mut look.stage, Stage::Load(None));
        match self.next_stage(shell, &backend, &mut look, stage) {
            Some(stage) => look.stage = stage,
            None if look.again => look = Look::new(None, None),
            None => return,
        }
        self.shells[shell].looks.insert(backend, look);
    }

    fn next_stage(
        &mut self,
        shell: usize,
        backend: &BackendId,
        look: &mut Look,
        stage: Stage,
    ) -> Option<Stage> {
        let now = self.clock(shell);
        match stage {
            Stage::Load(known) => {
                if look.actions == ACTIONS_MAX {
                    return None;
                }
                look.actions += 1;
                let document = known.or_else(|| self.store.documents.get(backend).cloned())?;
                let stored = &self.store.group;
                let group = self.shells[shell].group.get_or_insert_with(|| stored.clone()).clone();
                if document.body.trouble.as_ref().is_some_and(|trouble| trouble.until > now) {
                    return None;
                }
                Some(Stage::Read(document, group))
            }
            Stage::Read(document, group) => {
                let sight = look.sight.take().unwrap_or_else(|| self.read());
                Some(match sight {
                    Ok(seen) => Stage::Save(document, group, seen, None),
                    Err(unseen) => Stage::TakeIn(document, Heard::Unseen(unseen)),
                })
            }
            Stage::Save(mut document, group, seen, None) => {
                document.body.advance(now);
                while let Some(recall) = document.body.wanting() {
                    let found = self.store.claims(&recall);
                    document.body.recall(&recall, found);
                }
                let (number, playbook) = self.playbook(shell, document.body.generation);
                let generation = Generation { number, playbook: &playbook };
                let shown = self.shown(&document.body, &seen);
                let step = step(&document.body, &shown, generation, &group.body, now);
                Some(Stage::Save(document, group, seen, Some(Box::new(step))))
            }
            Stage::Save(document, group, seen, Some(step)) => {
                self.save_step(shell, look, document, &group, seen, *step)
            }
            Stage::Act(document, seen, shown, next) => {
                let heard = self.act(&shown, &seen, next)?;
                Some(Stage::TakeIn(document, heard))
            }
            Stage::TakeIn(document, heard) => self.save_answer(shell, look, &document, heard),
        }
    }

    fn read(&mut self) -> Result<Observed, Unseen> {
        let now = self.now;
        let etags = self.document().map(|document| document.etags.clone()).unwrap_or_default();
        self.azure.get(now, |etag| match etags.freshness(etag, epoch()) {
            Freshness::Same | Freshness::Stale => true,
            Freshness::New => false,
        })
    }

    fn shown(&self, document: &Document, seen: &Observed) -> Observed {
        match self.mode {
            Mode::Live => seen.clone(),
            Mode::Shadow => shadow::show(document, seen.clone()),
        }
    }

    fn save_step(
        &mut self,
        shell: usize,
        look: &mut Look,
        before: Versioned<Document>,
        group: &Versioned<Group>,
        seen: Observed,
        step: Step,
    ) -> Option<Stage> {
        let shown = self.shown(&before.body, &seen);
        let Step { document, lines, next } = step;
        let Document { now, generation, .. } = before.body;
        let unchanged = Document { now, generation, ..document.clone() } == before.body;
        let saved = if unchanged && lines.is_empty() && next == Next::Rest {
            before
        } else {
            let mut body = document;
            let wake = body.arm();
            let saved = Versioned { version: before.version, body };
            if group.version != self.store.group.version || !self.store.save(&saved) {
                // What was read before the document that is loaded next was saved may be older than
                // what that document knows, and is of no use to it.
                self.shells[shell].group = None;
                return Some(Stage::Load(None));
            }
            if let Some(due) = wake {
                self.store.send_wake(&saved.body.backend, due);
            }
            self.store.write_lines(lines);
            Versioned { version: saved.version + 1, body: saved.body }
        };
        match &next {
            Next::Rest => return None,
            Next::ReadAgain if look.stale_reads < STALE_READS_MAX => {
                look.stale_reads += 1;
                return Some(Stage::Load(None));
            }
            Next::ReadAgain => {
                let why = "Azure keeps answering with an older state".to_owned();
                return Some(Stage::TakeIn(saved, Heard::Unseen((why, None))));
            }
            Next::Write(intent) => {
                if let Observed::Pool { etag, .. } = &seen {
                    self.planned(intent, &saved.body, etag);
                }
            }
            Next::Reconnect { .. } => {}
        }
        Some(Stage::Act(saved, seen, shown, next))
    }

    fn act(&mut self, shown: &Observed, seen: &Observed, next: Next) -> Option<Heard> {
        Some(match next {
            Next::Rest | Next::ReadAgain => return None,
            Next::Write(intent) => {
                let (answer, after) = match self.mode {
                    Mode::Live => self.azure.write(&intent, self.now),
                    Mode::Shadow => (shadow::answer(&intent, shown), Some(seen.clone())),
                };
                Heard::Write(intent.id, answer, after)
            }
            Next::Reconnect { id, target, after } => {
                let answer = match self.mode {
                    Mode::Live => self.azure.reconnect(&target, self.now, after),
                    Mode::Shadow => ReconnectAnswer::Accepted { after },
                };
                Heard::Reconnect(id, answer, Some(seen.clone()))
            }
        })
    }

    fn save_answer(
        &mut self,
        shell: usize,
        look: &mut Look,
        document: &Versioned<Document>,
        heard: Heard,
    ) -> Option<Stage> {
        let now = self.clock(shell);
        let mut body = document.body.clone();
        let mut said = Vec::new();
        match &heard {
            Heard::Write(id, answer, _) => body.answer(id, answer, now, &mut said),
            Heard::Reconnect(id, answer, _) => body.reconnect_answer(id, answer, now, &mut said),
            Heard::Unseen((why, until)) => body.unreachable(why, *until, now, &mut said),
        }
        let wake = body.arm();
        let saved = Versioned { version: document.version, body };
        if !self.store.save(&saved) {
            let stored = self.store.documents.get(&saved.body.backend).cloned()?;
            let heard = match heard {
                Heard::Write(id, answer, _) => Heard::Write(id, answer, None),
                Heard::Reconnect(id, answer, _) => Heard::Reconnect(id, answer, None),
                Heard::Unseen(unseen) => Heard::Unseen(unseen),
            };
            return Some(Stage::TakeIn(stored, heard));
        }
        let (at, backend) = (saved.body.now, saved.body.backend.clone());
        if let Some(due) = wake {
            self.store.send_wake(&backend, due);
        }
        let lines = said.into_iter().map(|what| Line::new(at, Some(&backend), what)).collect();
        self.store.write_lines(lines);
        let saved = Versioned { version: saved.version + 1, body: saved.body };
        match heard {
            Heard::Write(id, answer, after) => {
                if answer == Answer::Outrun {
                    self.outrun(&id);
                }
                look.sight = after.map(Ok);
                Some(Stage::Load(Some(saved)))
            }
            Heard::Reconnect(_, _, seen) => {
                look.sight = seen.map(Ok);
                Some(Stage::Load(Some(saved)))
            }
            Heard::Unseen(_) => None,
        }
    }
}
