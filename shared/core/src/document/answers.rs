//! How a document takes in Azure's answers.
//!
//! What the answer to our own write shows is our own doing, whatever was asked: the write was done on
//! the state that it was planned from, so that nobody else can have written in between. A field that it
//! shows otherwise than was asked keeps its baseline, and is written in another way
//! ([`Way`](super::Way)).

use jiff::Timestamp;

use super::{Document, Intent, Owned, RETRY, Trouble};
use crate::{
    answer::Answer,
    body::Body,
    etag::{Etag, Guard},
    field::{Change, Field, Value},
    id::IntentId,
    lease::later,
    ledger::What,
};

impl Document {
    /// Takes in what came of a write.
    pub fn answer(&mut self, id: &IntentId, answer: &Answer, now: Timestamp, said: &mut Vec<What>) {
        self.advance(now);
        let Some(place) = self.intents.iter().position(|intent| intent.id == *id) else { return };
        let intent = id.clone();
        match answer {
            Answer::Written { etag, body } => {
                let intent = self.intents.remove(place);
                said.push(What::Wrote { intent: intent.id.clone() });
                self.trouble = None;
                match &intent.guard {
                    Guard::Etag(from) => {
                        self.etags.wrote(from, etag);
                        if intent.is_empty() && from == etag {
                            self.etags.lasts(etag);
                        }
                    }
                    Guard::Absent => {
                        self.etags.made(etag);
                        self.forget_of_before();
                    }
                }
                self.saw_answer(&intent, body.as_ref());
                self.answered(&intent, body.as_ref(), said);
                self.retire_gone(etag, None, said);
            }
            Answer::CameFirst { etag, body } => {
                let intent = self.intents.remove(place);
                said.push(What::CameFirst { intent: intent.id.clone() });
                self.trouble = None;
                self.etags.seen(etag);
                self.forget_of_before();
                self.owned.insert(Field::Existence, Owned::fresh(Value::there()));
                self.saw_answer(&intent, body.as_ref());
                self.stepped_all(&intent, said);
                self.retire_gone(etag, None, said);
            }
            Answer::Deleted => {
                let intent = self.intents.remove(place);
                said.push(What::Wrote { intent: intent.id.clone() });
                self.trouble = None;
                self.deleted(&intent, said);
            }
            Answer::Outrun => {
                let outrun = &mut self.intents[place];
                outrun.outrun = true;
                if let Guard::Etag(etag) = &outrun.guard {
                    self.etags.denied(etag);
                }
                said.push(What::Outrun { intent });
            }
            Answer::Overtaken => {
                let overtaken = self.intents.remove(place);
                if let Guard::Etag(etag) = &overtaken.guard {
                    self.etags.denied(etag);
                }
                said.push(What::Outrun { intent });
            }
            Answer::Refused { why } => {
                let refused = self.intents.remove(place);
                said.push(What::Refused { intent, why: why.clone() });
                if let (true, Guard::Etag(etag)) = (refused.is_empty(), &refused.guard) {
                    // Nothing is wanted that would be tried again.
                    self.etags.lasts(etag);
                    return self.look_on();
                }
                if !refused.way.is_plain() {
                    for change in &refused.changes {
                        if let Some(owned) = self.owned.get_mut(&change.field) {
                            owned.refused(refused.way, self.now);
                        }
                    }
                }
                self.troubled(why, None);
            }
            Answer::Throttled { until } => {
                self.intents.remove(place);
                let until = self.troubled("Azure asks to wait", *until);
                said.push(What::Throttled { until, intent: Some(intent) });
            }
            Answer::NotSent { why } => {
                self.intents.remove(place);
                said.push(What::NotSent { intent, why: why.clone() });
                self.troubled(why, None);
            }
            Answer::Unknown { why, until } => {
                said.push(What::Unanswered { intent, why: why.clone() });
                self.troubled(why, *until);
            }
        }
        self.look_on();
    }

    /// What a write that was answered makes true. What its answer shows is our own doing, whatever was
    /// asked: nobody else can have written in between.
    fn answered(&mut self, intent: &Intent, body: Option<&Body>, said: &mut Vec<What>) {
        for change in &intent.changes {
            let Some(owned) = self.owned.get_mut(&change.field) else { continue };
            let (field, asked) = (change.field.clone(), change.after.clone());
            let shown = body.and_then(|body| body.get(&field)).unwrap_or_else(|| asked.clone());
            if owned.answered(&asked, &shown, intent.way, self.now) {
                said.push(What::Answered { field, asked, shown });
            }
        }
        self.stepped_all(intent, said);
    }

    /// What a write that was seen to be done makes true, of the fields that still show it. What someone
    /// else wrote over it since then is theirs.
    fn landed(&mut self, intent: &Intent, shown: &Body, said: &mut Vec<What>) {
        for change in &intent.changes {
            let theirs = shown.get(&change.field).is_some_and(|shown| !shown.means(&change.after));
            if let Some(owned) = self.owned.get_mut(&change.field).filter(|_| !theirs) {
                owned.written.clone_from(&change.after);
                owned.stood = true;
            }
        }
        self.stepped_all(intent, said);
    }

    /// Lets go of the properties of a backend that is not there any more, now that another is.
    fn forget_of_before(&mut self) {
        self.owned.retain(|field, _| *field == Field::Existence);
    }

    /// What a delete that was done makes true. What was written to the backend went with it.
    pub(crate) fn deleted(&mut self, intent: &Intent, said: &mut Vec<What>) {
        if let Guard::Etag(etag) = &intent.guard {
            self.etags.deleted(etag, self.now);
        }
        self.owned.clear();
        self.sight = None;
        let (open, gone): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.intents).into_iter().partition(|one| one.guard.is_absent());
        self.intents = open;
        gone.iter().for_each(|intent| said.extend(intent.not_landed()));
        self.stepped_all(intent, said);
    }

    /// Takes in that a create whose answer is not known was done: what is shown is what it puts there. Of
    /// several, any may have been it, and the others may still land.
    ///
    /// Should someone else have made the backend in the moment between the 404 and the create, nothing tells: only
    /// the answer would. It counts as ours all the same, or each lost answer would leave a backend behind (I3).
    fn retire_created(&mut self, etag: &Etag, shown: &Body, said: &mut Vec<What>) {
        if self.etags.is_ours(etag) || self.etags.is_current(etag) {
            return;
        }
        let shows = |change: &Change| {
            shown.get(&change.field).is_some_and(|shown| shown.means(&change.after))
        };
        let landed = |one: &Intent| one.guard.is_absent() && one.changes.iter().all(shows);
        let Some(place) = self.intents.iter().position(landed) else { return };
        let intent = self.intents.remove(place);
        said.push(What::Landed { intent: intent.id.clone() });
        // Where someone else's was seen meanwhile, it has replaced theirs.
        let ours = self.etags.is_ours_or_none();
        self.etags.made(etag);
        let baseline = if ours { Value::Absent } else { Value::there() };
        let owned = || Owned { written: Value::there(), ..Owned::fresh(baseline) };
        self.owned.entry(Field::Existence).or_insert_with(owned);
        self.landed(&intent, shown, said);
    }

    fn stepped_all(&mut self, intent: &Intent, said: &mut Vec<What>) {
        for (id, step) in &intent.steps {
            self.stepped(id, *step, said);
        }
    }

    /// Retires the intents that can never be done any more, now that the backend has this `ETag`,
    /// and takes in those of them that were. `shown` is the pool of that state, where it was read.
    pub(crate) fn retire_gone(&mut self, etag: &Etag, shown: Option<&Body>, said: &mut Vec<What>) {
        if let Some(shown) = shown {
            self.retire_created(etag, shown, said);
        }
        let (open, gone): (Vec<_>, Vec<_>) = std::mem::take(&mut self.intents)
            .into_iter()
            .partition(|intent| intent.guard.is_absent() || intent.guard.is(etag));
        self.intents = open;
        for intent in gone {
            let landed = |body: &&Body| {
                let mut changes =
                    intent.changes.iter().filter(|change| !change.before.means(&change.after));
                let shows = |change: &Change| {
                    body.get(&change.field).is_some_and(|shown| shown.means(&change.after))
                };
                // Of one that was answered with 412, some of it may be someone else's.
                if intent.outrun { changes.all(shows) } else { changes.any(shows) }
            };
            if let Some(body) = shown.filter(landed) {
                said.push(What::Landed { intent: intent.id.clone() });
                self.landed(&intent, body, said);
            } else {
                said.extend(intent.not_landed());
            }
        }
    }

    /// Takes in that Azure could not be asked.
    pub fn unreachable(
        &mut self,
        why: &str,
        until: Option<Timestamp>,
        now: Timestamp,
        said: &mut Vec<What>,
    ) {
        self.advance(now);
        let known = self.trouble.as_ref().is_some_and(|trouble| trouble.why == why);
        self.troubled(why, until);
        if let Some(trouble) = self.trouble.as_ref().filter(|_| !known) {
            said.push(What::Unreachable { why: why.to_owned(), until: trouble.until });
        }
        self.plan_wake();
    }

    /// Takes in that nothing may be decided, as the clock of who looks is not Azure's: `date` is.
    /// Its time does not move, and nothing is waited for, so that the next look finds it as it is.
    pub fn untimely(&mut self, why: &str, date: Timestamp, said: &mut Vec<What>) {
        let known = self.trouble.take();
        self.rewind(date);
        let now = self.now;
        if known.as_ref().is_none_or(|known| known.why != why) {
            said.push(What::Unreachable { why: why.to_owned(), until: now });
        }
        let since = known.map_or(now, |known| known.since);
        self.trouble = Some(Trouble { since, until: now, why: why.to_owned(), named: false });
    }

    /// Waits until the time that Azure named, or about as long as the trouble has lasted; gives
    /// until when.
    pub(crate) fn troubled(&mut self, why: &str, until: Option<Timestamp>) -> Timestamp {
        let now = self.now;
        let since = self.trouble.as_ref().map_or(now, |trouble| trouble.since);
        let wait = now.duration_since(since).clamp(RETRY.0, RETRY.1);
        let named = until.is_some();
        // However short a wait Azure names, it is not asked without a pause.
        let until = until.unwrap_or_else(|| later(now, wait)).max(later(now, RETRY.0));
        self.trouble = Some(Trouble { since, until, why: why.to_owned(), named });
        until
    }
}
