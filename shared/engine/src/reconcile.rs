//! What comes out of the queue, or directly ([`crate::direct`]), taken in.
//!
//! Signals are merged into their series and become claims and ends in the documents of the
//! backends they concern; commands change documents; wakes only ask for a look. All of it is saved
//! in one transaction, and only then acted upon and the messages completed: whatever happens after that,
//! the documents say what is to be done, and a wake is on its way.

mod commands;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use pointsman_core::{
    document::Document,
    group::{Group, Scope},
    hear::{Edit, hear},
    lease::later,
    ledger::{Line, What},
    names::BackendId,
    nothing::Nothing,
    notice::{About, Kind, Notice, Notices},
    playbook::Playbook,
    series::Series,
    signal::{SeriesId, Signal},
};
use tokio::time::Instant;

use crate::{
    drive::Decided,
    engine::{Engine, EngineError, Looking, RECONCILE_ATTEMPTS_MAX, meanwhile},
    look::{Look, Needs, Todo},
    message::{Message, Outgoing},
    ports::{Commit, DeadLetter, DeadLetterPart, Delivery, StoreError, Unsettled, Versioned},
    told::Told,
};

/// How old a message may be. The end marks that make an old firing harmless are kept no longer.
pub const MESSAGE_AGE_MAX: SignedDuration = SignedDuration::from_hours(14 * 24);

/// What is to be saved, as it is put together.
#[derive(Default)]
struct Draft {
    commit: Commit,
    /// The series that were heard of, and whether they have changed.
    series: BTreeMap<SeriesId, (Versioned<Series>, bool)>,
    documents: BTreeMap<BackendId, Versioned<Document>>,
    /// The versions of the documents that were read. One that was not changed must still be as it was:
    /// what leaves it unchanged may change what someone else makes of it.
    seen: BTreeMap<BackendId, u64>,
    /// The backends that are to be looked at once all is saved.
    looks: Vec<BackendId>,
    /// What leads to nothing.
    notices: Notices,
}

impl Draft {
    /// Changes a document, and says whether that is to be saved.
    fn change(
        &mut self,
        document: Versioned<Document>,
        now: Timestamp,
        change: &mut impl FnMut(&mut Document, &mut Vec<What>),
    ) -> bool {
        let Versioned { version, body: before } = document;
        let mut body = before.clone();
        body.advance(now);
        let mut said = Vec::new();
        change(&mut body, &mut said);
        let is_changed = (Document { now: before.now, ..body.clone() }) != before;
        // A new version alone is for a look under way, which decides anew then: no other is needed.
        if !is_changed && !body.is_recalling() {
            return false;
        }
        let (at, backend) = (body.now, body.backend.clone());
        let lines = said.into_iter().map(|what| Line::new(at, Some(&backend), what));
        self.commit.lines.extend(lines);
        if is_changed {
            body.wake_now(now);
            self.look(&backend);
        }
        self.documents.insert(backend, Versioned { version, body });
        true
    }

    /// Has a backend looked at once all is saved.
    fn look(&mut self, backend: &BackendId) {
        if !self.looks.contains(backend) {
            self.looks.push(backend.clone());
        }
    }
}

/// A write that was decided together with the change that it follows.
struct First {
    /// No one else of this process looks at the backend until it is saved and done.
    looking: Looking,
    look: Look,
    todo: Todo,
}

/// What was saved.
struct Saved {
    /// The writes that were decided already.
    firsts: Vec<(Looking, Decided)>,
    /// The other backends that are to be looked at.
    looks: Vec<BackendId>,
    told: Told,
    /// What is left to be done with the queue.
    unsettled: Unsettled,
}

impl Engine {
    /// Takes in some messages: all of them, or none. When it returns, they are completed, unless the
    /// queue fails. The looks that follow go on in the background; see [`Engine::idle`].
    ///
    /// # Errors
    /// When the store or the playbook is not to be had.
    pub async fn reconcile(&self, deliveries: &[Delivery]) -> Result<(), EngineError> {
        let mut attempts = 0;
        let busy = self.begin();
        let Saved { firsts, looks, told, unsettled } = loop {
            let saved = match self.draft(deliveries).await {
                Ok(draft) => self.save_draft(draft).await,
                Err(error) => Err(error),
            };
            match saved {
                Ok(saved) => break saved,
                Err(EngineError::Store(StoreError::Conflict))
                    if attempts < RECONCILE_ATTEMPTS_MAX =>
                {
                    attempts += 1;
                    self.inner.memory.forget_groups();
                }
                Err(error) => return Err(error),
            }
        };
        for (looking, first) in firsts {
            tokio::spawn(self.clone().looks(looking, Some(first)));
        }
        looks.iter().for_each(|backend| self.look(backend));
        // First the writes are sent on their way: telling takes time.
        tokio::task::yield_now().await;
        told.tell(self.inner.mode, deliveries);
        busy.settle(unsettled).await;
        Ok(())
    }

    /// Saves a draft, with the writes that can be decided already.
    async fn save_draft(&self, draft: Draft) -> Result<Saved, EngineError> {
        let Draft { mut commit, mut documents, looks, notices, .. } = draft;
        let heard = commit.lines.clone();
        let is_unmatched = |(about, _): &(&About, &Notice)| about.kind == Kind::Unmatched;
        let unmatched = notices.iter().filter(is_unmatched);
        let unmatched = unmatched.map(|(_, notice)| notice.clone()).collect();
        let firsts = self.first_writes(&mut commit, &mut documents, &looks).await;
        let decided = commit.lines[heard.len()..].to_vec();
        for (backend, document) in &mut documents {
            if let Some(due) = document.body.arm() {
                commit.send.push(Outgoing::wake(backend, Some(due)));
            }
        }
        commit.documents = documents.into_values().collect();
        // What changes nothing is not worth a save: what it has noticed goes with another.
        let (mut gathered, mut later) = (Notices::default(), notices);
        if changes_something(&commit) {
            gathered = self.inner.gathered.take();
            let all = gathered.clone().into_iter().chain(std::mem::take(&mut later));
            all.for_each(|(about, notice)| commit.notices.add(about, notice));
        }
        let prepare = || {
            let decided = firsts.into_iter().map(|(backend, First { looking, look, todo })| {
                let ready = self.prepare(&backend, todo);
                (backend, (looking, Decided { look, ready }))
            });
            decided.collect::<BTreeMap<_, _>>()
        };
        let (committed, mut firsts) = meanwhile(self.commit_unsettled(commit), prepare).await;
        let unsettled = match committed {
            Ok(unsettled) => unsettled,
            Err(error) => {
                // What this draft has noticed is noticed again.
                self.inner.gathered.add(gathered, self.now());
                // Whoever has asked for a look meanwhile is served.
                for (mut looking, _) in firsts.into_values() {
                    if looking.again() {
                        tokio::spawn(self.clone().looks(looking, None));
                    }
                }
                return Err(error.into());
            }
        };
        self.inner.gathered.add(later, self.now());
        let looks = looks.into_iter().filter(|it| !firsts.contains_key(it)).collect();
        for (_, Decided { look, .. }) in firsts.values_mut() {
            look.saved(Ok(()), self.now())?;
        }
        let told = Told { heard, unmatched, decided };
        Ok(Saved { firsts: firsts.into_values().collect(), looks, told, unsettled })
    }

    /// Decides the writes that follow a change, where that takes neither a read nor a recall: both are
    /// saved together then, and the alert is on its way to Azure one save and one request sooner.
    ///
    /// The save is refused where someone else has changed the document, or a group document that this
    /// was decided by; all is put together anew then. Nothing is done before the save.
    async fn first_writes(
        &self,
        commit: &mut Commit,
        documents: &mut BTreeMap<BackendId, Versioned<Document>>,
        looks: &[BackendId],
    ) -> BTreeMap<BackendId, First> {
        let mut firsts = BTreeMap::new();
        // All are decided by the same group documents, each by what the ones before have made of them.
        let mut groups = commit.groups.clone();
        for backend in looks {
            if self.inner.pace.wait(backend, Instant::now()).is_some() {
                continue;
            }
            let Some(document) = documents.get_mut(backend) else { continue };
            let Some((look, saves, todo)) = self.first_write(document, &mut groups).await else {
                continue;
            };
            // Whoever looks at it is asked after the save.
            let Some(looking) = self.begin_look(backend) else { continue };
            let Commit { documents, groups: changed, groups_seen, lines, send, notices, .. } =
                saves;
            for saved in documents {
                *document = saved;
            }
            groups.extend(changed.clone());
            commit.groups.extend(changed);
            commit.groups_seen.extend(groups_seen);
            commit.lines.extend(lines);
            commit.send.extend(send);
            notices.into_iter().for_each(|(about, notice)| commit.notices.add(about, notice));
            firsts.insert(backend.clone(), First { looking, look, todo });
        }
        firsts
    }

    /// Decides the write that follows a change of a document, if one does, by the group documents that
    /// are known, or else are read and known from then on.
    async fn first_write(
        &self,
        document: &Versioned<Document>,
        groups: &mut BTreeMap<Scope, Versioned<Group>>,
    ) -> Option<(Look, Commit, Todo)> {
        let mut look = Look::new(self.inner.mode, self.inner.look_every).at(document.clone());
        look.saw(self.remembered(&document.body)?);
        loop {
            match look.next(self.now(), None) {
                // What cannot be had now is told by the look that comes to need it.
                Needs::Playbook(since) => {
                    look.read_playbook(self.playbook_since(since).await.ok()?);
                }
                Needs::Groups(mut scopes) => {
                    scopes.retain(|scope| !groups.contains_key(scope));
                    groups.extend(self.groups(&scopes).await.ok()?);
                    look.load_groups(groups.clone());
                }
                Needs::Save(saves) => {
                    let (commit, todo) = *saves;
                    return matches!(todo, Todo::Write { .. }).then_some((look, commit, todo));
                }
                // What the store is to be asked first, it may only know once this is saved.
                Needs::Fact(_)
                | Needs::Document
                | Needs::Wait(_)
                | Needs::Answer
                | Needs::Nothing => return None,
            }
        }
    }

    async fn draft(&self, deliveries: &[Delivery]) -> Result<Draft, EngineError> {
        let mut now = self.now();
        let mut draft = Draft::default();
        let mut signals: Vec<&Signal> = Vec::new();
        // A pause or a resume may be what one is woken for. A save under a group document that is out
        // of date is refused; but a look that comes to nothing saves nothing.
        if deliveries.iter().any(|delivery| !matches!(delivery.message, Message::Signals { .. })) {
            self.inner.memory.forget_groups();
        }
        for delivery in deliveries {
            draft.commit.complete.extend(delivery.receipt.clone());
            let stale = now.duration_since(delivery.enqueued) > MESSAGE_AGE_MAX;
            match &delivery.message {
                // A wake tells nothing: one for a window may have been sent months ago.
                message if stale && !matches!(message, Message::Wake { .. }) => {
                    draft.commit.dead_letters.push(too_old(message, now));
                }
                Message::Signals { signals: heard, .. } => signals.extend(heard),
                Message::Wake { backend, at_once: true } => draft.look(backend),
                Message::Wake { backend, at_once: false } => {
                    self.wake(&mut draft, backend, now).await?;
                }
                Message::Command { by, command } => {
                    // What was sent before a command is ended by it, too.
                    self.hear(&mut draft, &std::mem::take(&mut signals), now).await?;
                    if self.note_command(&mut draft, &delivery.id, now).await? {
                        self.command(&mut draft, delivery, by, command, now).await?;
                    }
                    // And what comes after it is not of the same moment.
                    now = later(now, SignedDuration::from_micros(1));
                }
            }
        }
        self.hear(&mut draft, &signals, now).await?;
        let series = std::mem::take(&mut draft.series).into_values();
        draft.commit.series = series.filter(|(_, changed)| *changed).map(|(one, _)| one).collect();
        let seen = std::mem::take(&mut draft.seen).into_iter();
        draft.commit.documents_seen =
            seen.filter(|(backend, _)| !draft.documents.contains_key(backend)).collect();
        Ok(draft)
    }

    /// Merges signals into their series, and their claims and ends into documents.
    async fn hear(
        &self,
        draft: &mut Draft,
        signals: &[&Signal],
        now: Timestamp,
    ) -> Result<(), EngineError> {
        if signals.is_empty() {
            return Ok(());
        }
        let mut unknown = BTreeSet::new();
        for signal in signals {
            let id = &signal.series;
            if draft.series.contains_key(id) {
                continue;
            }
            match self.inner.memory.series_to_save(signal) {
                Some(known) => {
                    unknown.remove(id);
                    draft.series.insert(id.clone(), (known, false));
                }
                None => {
                    unknown.insert(id.clone());
                }
            }
        }
        let unknown: Vec<SeriesId> = unknown.into_iter().collect();
        let stored = self.inner.store.series(&unknown).await?;
        draft.series.extend(stored.into_iter().map(|one| (one.body.id.clone(), (one, false))));
        let running = draft.series.values().filter_map(|(one, _)| one.body.running.as_ref());
        let newest = running.map(|running| running.generation).max().unwrap_or(0);
        let playbook = self.playbook_since(newest).await?;
        // What plays cannot act upon, for each source.
        let mut unresolvable: BTreeMap<&str, Vec<DeadLetterPart>> = BTreeMap::new();
        // Together for each backend: its document is taken out and compared once, not for each.
        let mut edits: BTreeMap<BackendId, Vec<Edit>> = BTreeMap::new();
        let mut keeps_back = Vec::new();
        let mut nothing: Vec<(&Signal, Nothing)> = Vec::new();
        for signal in signals {
            let (one, changed) = draft
                .series
                .entry(signal.series.clone())
                .or_insert_with(|| (Versioned::new(Series::new(signal.series.clone())), false));
            let hearing = hear(&mut one.body, signal, playbook.generation(), now);
            *changed |= hearing.changed;
            let kept_back = hearing.keeps_back.into_iter();
            keeps_back.extend(kept_back.map(|(play, one)| (&signal.series, play, one)));
            nothing.extend(hearing.nothing.map(|nothing| (*signal, nothing)));
            draft.commit.lines.extend(hearing.lines);
            for reason in hearing.unresolvable {
                let body = serde_json::to_string(signal).unwrap_or_default();
                let of_source = unresolvable.entry(signal.series.source().as_str()).or_default();
                of_source.push(DeadLetterPart { reason, body });
            }
            for (backend, made) in hearing.edits {
                edits.entry(backend).or_default().extend(made);
            }
        }
        let letters = unresolvable.into_iter();
        let letters =
            letters.filter_map(|(from, parts)| DeadLetter::of(now, from, "alerts", parts));
        draft.commit.dead_letters.extend(letters);
        for (series, play, one) in keeps_back {
            let group = self.group(draft, Scope::Unless(play)).await?;
            let waiting = group.note_in_force(series, one, now);
            waiting.iter().for_each(|backend| draft.look(backend));
        }
        for (backend, edits) in edits {
            self.edit(draft, &backend, &edits, now).await?;
        }
        self.notice(draft, &nothing, &playbook.playbook, now).await;
        Ok(())
    }

    /// Notes what leads to nothing, and why: in words for the latest of each kind and source. Where a
    /// document that this depends on cannot be read, nothing is noted: it keeps no message from its turn.
    async fn notice(
        &self,
        draft: &mut Draft,
        nothing: &[(&Signal, Nothing)],
        playbook: &Playbook,
        now: Timestamp,
    ) {
        let mut asked = BTreeSet::new();
        for (signal, _) in nothing.iter().filter(|(_, why)| why.is_of_before()) {
            let series = draft.series.get(&signal.series).map(|(one, _)| &one.body);
            asked.extend(series.into_iter().flat_map(Series::asks));
        }
        let (mut documents, mut unread) = (BTreeMap::new(), BTreeSet::new());
        for backend in asked {
            let document = match self.known(draft, backend) {
                Some(known) => Ok(Some(known)),
                None => self.inner.store.document(backend).await,
            };
            match document {
                Ok(document) => {
                    documents.extend(document.map(|document| (backend.clone(), document.body)));
                }
                Err(error) => {
                    tracing::warn!(%backend, "what became of alerts for it cannot be said: {error}");
                    unread.insert(backend);
                }
            }
        }
        let document = |backend: &BackendId| documents.get(backend);
        let mut latest = BTreeMap::new();
        for (signal, why) in nothing {
            let Some((Versioned { body: series, .. }, _)) = draft.series.get(&signal.series) else {
                continue;
            };
            if why.is_of_before() && series.asks().any(|backend| unread.contains(backend)) {
                continue;
            }
            let Some(kind) = why.kind(series, document) else { continue };
            let subject = signal.series.source().as_str().to_owned();
            let about = About { kind, subject, severity: Some(signal.severity) };
            let (count, last) = latest.entry(about).or_insert((0, (*signal, why, series)));
            *count += 1;
            *last = (*signal, why, series);
        }
        for (about, (count, (signal, why, series))) in latest {
            let says = why.says(signal, series, (playbook, self.inner.mode), document);
            draft.notices.add(about, Notice { count, ..Notice::new(now, &says) });
        }
    }

    /// A backend's document, as it is drafted or was saved last.
    fn known(&self, draft: &Draft, backend: &BackendId) -> Option<Versioned<Document>> {
        let drafted = draft.documents.get(backend).cloned();
        drafted.or_else(|| self.inner.memory.document(backend))
    }

    /// Has a backend's document take in what was meant for it.
    async fn edit(
        &self,
        draft: &mut Draft,
        backend: &BackendId,
        edits: &[Edit],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        // What is claimed is stamped by the document, and stored with the series as it was.
        let mut stamped = Vec::new();
        self.change(draft, backend, now, |document, said| {
            stamped = edits.to_vec();
            stamped.iter_mut().for_each(|edit| document.edit(edit, said));
        })
        .await?;
        for edit in stamped {
            if let Edit::Claim { series, claim, .. } = edit
                && let Some((one, _)) = draft.series.get_mut(&series)
            {
                one.body.stamp(&claim.id, claim.asked.since);
            }
        }
        Ok(())
    }

    /// Changes a backend's document; one that is changed by it is looked at.
    async fn change(
        &self,
        draft: &mut Draft,
        backend: &BackendId,
        now: Timestamp,
        mut change: impl FnMut(&mut Document, &mut Vec<What>),
    ) -> Result<(), StoreError> {
        let known = self.known(draft, backend);
        if known.is_some_and(|known| draft.change(known, now, &mut change)) {
            return Ok(());
        }
        if !draft.documents.contains_key(backend) {
            // It is not known, or the change is none to what is known of it.
            let stored = self.inner.store.document(backend).await?;
            let new = || Versioned::new(Document::new(backend.clone(), now));
            let document = stored.unwrap_or_else(new);
            draft.seen.insert(backend.clone(), document.version);
            draft.change(document, now, &mut change);
        }
        Ok(())
    }

    /// A wake that comes before a look is due only sends the next.
    async fn wake(
        &self,
        draft: &mut Draft,
        backend: &BackendId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let document = match draft.documents.get(backend) {
            Some(drafted) => Some(drafted.clone()),
            None => self.inner.store.document(backend).await?,
        };
        let Some(Versioned { version, mut body }) = document else { return Ok(()) };
        // Where no look follows that saves it, it is saved that the wake has come: by a clock that is behind, it
        // would be believed to be on its way still, or by this one, where another was ahead.
        let alarm = body.alarm;
        let is_early = alarm.is_some_and(|alarm| now < alarm) || body.wake.is_none();
        body.advance(now);
        body.wake_came(now);
        let due = match body.wake {
            Some(wake) if wake <= now => {
                draft.look(backend);
                None
            }
            Some(_) => body.arm(),
            None => None,
        };
        draft.commit.send.extend(due.map(|due| Outgoing::wake(backend, Some(due))));
        if due.is_some() || (is_early && alarm != body.alarm) {
            draft.documents.insert(backend.clone(), Versioned { version, body });
        }
        Ok(())
    }
}

/// Whether a commit does more than be done with its messages.
fn changes_something(commit: &Commit) -> bool {
    let done = Commit { complete: commit.complete.clone(), ..Commit::default() };
    *commit != done
}

fn too_old(message: &Message, now: Timestamp) -> DeadLetter {
    let days = MESSAGE_AGE_MAX.as_hours() / 24;
    let reason = format!("it waited longer than {days} days, and what it tells may be over");
    DeadLetter::new(now, "queue", &reason, serde_json::to_string(message).unwrap_or_default())
}

#[cfg(test)]
#[path = "reconcile_tests.rs"]
mod tests;
