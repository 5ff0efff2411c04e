//! The watch that holds every write against the invariants the moment it is done.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use pointsman_core::{
    document::{Document, Intent, Owned},
    effect::Effect,
    etag::{Etag, Guard},
    field::{Field, Value},
    id::{IntentId, OverrideId, ReconnectId},
    lease::later,
    ledger::{Line, What},
    overrides::{Life, Standing},
    playbook::RECONNECT_AFTER_MIN,
    pool::Pool,
    step::Observed,
};

use pointsman_engine::message::Command;

use crate::{
    azure::{Foreign, fields},
    outside::Outside,
    properties::{loosened, misplanned},
};

/// What was known when an intent was saved.
#[derive(Clone, Debug)]
struct Planned {
    etag: Etag,
    owned: BTreeMap<Field, Owned>,
    /// The fields that were given up and that no override that could want them is left for.
    given_up: BTreeSet<Field>,
    /// Whether an operator has the limits passed.
    forced: bool,
}

impl Planned {
    fn of(document: &Document, etag: Etag) -> Self {
        let wanted = |field: &Field, yielded: &BTreeSet<OverrideId>| {
            document
                .overrides
                .values()
                .any(|over| !yielded.contains(&over.id) && over.effect.fields().contains(field))
        };
        let given_up = document
            .yielded
            .iter()
            .filter(|(field, yielded)| !wanted(field, yielded))
            .map(|(field, _)| field.clone())
            .collect();
        let forced = document.overrides.values().any(|over| document.passes(over).is_some());
        Self { etag, owned: document.owned.clone(), given_up, forced }
    }
}

/// What must never be, by invariant.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    pub(crate) violations: Vec<String>,
    /// Someone else wrote, in the moment between a read and the record of the write that was planned
    /// from it, just what that write puts there: whose it is cannot be told, and the case says
    /// nothing about foreign writes.
    pub(crate) is_ambiguous: bool,
    planned: BTreeMap<IntentId, Planned>,
    outrun: BTreeMap<Etag, Timestamp>,
    /// When an operator last undid something, or changed something by hand: who does that does not wait
    /// for a pause between two tries.
    insisted: Option<Timestamp>,
    received: usize,
    lines: usize,
    asked: BTreeMap<ReconnectId, usize>,
    /// When the reconnects were due that were asked for, by the beginning that each followed.
    starts: BTreeMap<(OverrideId, Timestamp), BTreeSet<Timestamp>>,
    /// When each field was written again over others.
    asserted: BTreeMap<Field, Vec<Timestamp>>,
}

impl Outside {
    /// Takes note of what was known when the intents that a document newly has were saved.
    pub(crate) fn saved(&mut self, before: Option<&Document>, document: &Document) {
        // The table of states at the head of core's overrides.rs has none of these.
        for over in document.overrides.values().filter(|over| over.standing == Standing::Unseen) {
            if !matches!(over.life, Life::Claimed { .. }) {
                self.violation("states", &format!("{} began without a verdict", over.id));
            }
        }
        if before.is_some_and(|before| before.undone != document.undone) {
            self.watch.insisted = Some(self.now);
        }
        for (id, over) in before.iter().flat_map(|before| &before.overrides) {
            let lasts =
                over.extended.filter(|until| over.begun().is_some() && document.now < *until);
            let goes_on = document.overrides.get(id).is_some_and(|over| over.begun().is_some());
            let is_let_go = document.undone.contains_key(id) || document.generation > 1;
            if lasts.is_some() && !goes_on && !is_let_go {
                self.violation("I12", &format!("{id} was extended, and has ended before"));
            }
        }
        self.asked_for(before, document);
        let was_there = |intent: &&Intent| {
            before.is_some_and(|before| before.intents.iter().any(|one| one.id == intent.id))
        };
        for intent in document.intents.iter().filter(|intent| !was_there(intent)) {
            // None of these playbooks makes a backend.
            let Guard::Etag(etag) = &intent.guard else {
                self.violation("I4", &format!("{} is guarded by nothing", intent.id));
                continue;
            };
            // What is read again after a wait may be there all the same; a clock that is ahead has
            // waited where another has not.
            let at_once = self.watch.outrun.get(etag) == Some(&self.now);
            if at_once && self.watch.insisted != Some(self.now) {
                self.violation("I4-again", &format!("{} was sent again after a 412", intent.id));
            }
            let since = self.azure.foreign_since(etag);
            self.watch.is_ambiguous |= intent.changes.iter().any(|change| {
                let ours = [&change.before, &change.after];
                let like = |value: &Value| ours.iter().any(|ours| ours.means(value));
                since.iter().any(|(field, value)| *field == change.field && like(value))
            });
            let state = self.azure.history.iter().rev().find(|state| state.etag == *etag);
            let shown = state.map(|state| state.body.clone()).filter(|body| body.pool().is_none());
            if let Some(text) = shown.and_then(|shown| misplanned(document, intent, &shown)) {
                self.violation("laid", &text);
            }
            let planned = Planned::of(document, etag.clone());
            self.watch.planned.insert(intent.id.clone(), planned);
        }
    }

    /// Holds the reconnects that are newly asked for against the beginnings that they follow.
    fn asked_for(&mut self, before: Option<&Document>, document: &Document) {
        for (id, one) in &document.reconnects {
            let asked =
                |document: &Document| document.reconnects.get(id).map(|one| one.asked.len());
            let is_new = one.asked.len() == 1 && before.and_then(asked).unwrap_or(0) == 0;
            let Some(start) = one.start.as_ref().filter(|_| is_new) else { continue };
            let over = document.overrides.get(&start.id);
            let in_force = over.filter(|over| over.begun() == Some(start.begun));
            let Some(Effect::Reconnect(rhythm)) = in_force.map(|over| &over.effect) else {
                self.violation("I10", &format!("{id} was asked for, and what it follows is over"));
                continue;
            };
            let early = document.now < later(one.due, -RECONNECT_AFTER_MIN);
            let dues = self.watch.starts.entry((start.id.clone(), start.begun)).or_default();
            dues.insert(one.due);
            let apart: Vec<_> =
                dues.iter().zip(dues.iter().skip(1)).map(|(a, b)| b.duration_since(*a)).collect();
            let often = apart.iter().any(|apart| rhythm.every.is_none_or(|every| *apart < every));
            if early || often || one.due < rhythm.first.of(start.begun) {
                self.violation("I10", &format!("{id} was asked for too soon, or too often"));
            }
        }
    }

    /// Takes note that an operator asks for something, and so does not wait for a pause between two tries.
    pub(crate) fn insists(&mut self, lines: &[Line]) {
        if lines.iter().any(|line| matches!(line.what, What::Commanded { .. })) {
            self.watch.insisted = Some(self.now);
        }
    }

    /// Takes note of what was told.
    pub(crate) fn told(&mut self, lines: &[Line]) {
        for line in lines {
            if let What::Outrun { intent } = &line.what
                && let Some(planned) = self.watch.planned.get(intent)
            {
                self.watch.outrun.insert(planned.etag.clone(), self.now);
            }
            if let What::Asserted { field, .. } = &line.what {
                let of = self.watch.asserted.entry(field.clone()).or_default();
                of.retain(|at| line.at < later(*at, SignedDuration::from_hours(24)));
                of.push(line.at);
                if of.len() > 3 {
                    self.violation("I9", &format!("{field} was written again a fourth time"));
                }
            }
        }
    }

    /// Takes note that a write is sent that was planned from what is `seen`.
    pub(crate) fn sends(&mut self, intent: &Intent, seen: &Observed) {
        let is_planned_from_it = match seen {
            Observed::Shown { etag, .. } => intent.guard.is(etag),
            // What makes a backend is sent only where there is none.
            Observed::Missing => intent.guard.is_absent() && intent.make.is_some(),
            Observed::Unreadable { .. } => false,
        };
        if !is_planned_from_it {
            self.violation("I4", &format!("{} was not planned from what was read", intent.id));
        }
    }

    pub(crate) fn violation(&mut self, invariant: &str, text: &str) {
        self.watch.violations.push(format!("{invariant} at {}: {text}", self.now));
    }

    /// Holds what was done since the last call against the invariants.
    pub(crate) fn audit(&mut self) {
        for line in &self.store.ledger[self.watch.lines..] {
            if let What::ReconnectAsked { id, .. } = &line.what {
                *self.watch.asked.entry(id.clone()).or_default() += 1;
            }
        }
        self.watch.lines = self.store.ledger.len();
        // What was throttled or not sent was not taken, and is asked for again.
        let most = 2 + self.azure.not_taken;
        let too_often = self.watch.asked.iter().find(|(_, asked)| **asked > most);
        if let Some(id) = too_often.map(|(id, _)| id.clone()) {
            let asked = self.watch.asked.remove(&id).unwrap_or_default();
            self.violation("I10", &format!("{id} was asked for {asked} times"));
        }
        for place in self.watch.received..self.azure.received.len() {
            self.audit_write(place);
        }
        self.watch.received = self.azure.received.len();
        self.audit_tags();
        self.audit_ensured();
    }

    fn audit_write(&mut self, place: usize) {
        let received = self.azure.received[place].clone();
        let intent = received.intent;
        let Some(planned) = self.watch.planned.get(&intent.id).cloned() else {
            return self.violation("I3", &format!("{} was sent before it was saved", intent.id));
        };
        let Some(done) = received.done else { return };
        for change in &intent.changes {
            if done.before.get(&change.field).as_ref() != Some(&change.before) {
                self.violation("I4", &format!("{change} was not planned from what it was done on"));
            }
            let owner = done.owner.get(&change.field);
            let known = planned.owned.get(&change.field).map(|owned| owned.baseline.clone());
            if owner != known {
                let text = format!("{change}: its owner left {owner:?}, and we knew {known:?}");
                self.violation("I9", &text);
            }
            if planned.given_up.contains(&change.field) && owner.as_ref() != Some(&change.after) {
                self.violation("I9", &format!("{change}: it was given up to {owner:?}"));
            }
        }
        let added = |field: &Field| {
            let member = field.member().cloned().map(Field::Membership);
            member.is_some_and(|member| planned.owned.contains_key(&member))
        };
        for (field, value) in fields(&done.after).into_iter().filter(|(field, _)| !added(field)) {
            let owner = done.owner.get(&field);
            if owner.as_ref() != Some(&value) && !planned.owned.contains_key(&field) {
                self.violation("I6", &format!("{field} is {value}, {owner:?} is its owner's"));
            }
        }
        let generation = self.generations.last().cloned();
        let pool = generation.as_ref().and_then(|book| book.pool_of(&self.backend));
        let terms = pool.map(|(_, pool)| pool.terms.clone()).unwrap_or_default();
        let by_hand = self
            .commanded
            .iter()
            .any(|command| matches!(command, Command::Change { effect: Effect::Split { .. }, .. }));
        let splits = by_hand
            || generation.as_ref().is_some_and(|book| {
                let effects = book.plays.iter().flat_map(|play| &play.effects);
                let of_windows = book.windows.iter().flat_map(|window| &window.effects);
                effects.into_iter().any(|one| matches!(one.effect, Effect::Split { .. }))
                    || of_windows
                        .into_iter()
                        .any(|(_, _, effect)| matches!(effect, Effect::Split { .. }))
            });
        if let Some(text) = loosened(&done) {
            self.violation("I6", &text);
        }
        if let Some(text) = crate::limits::broken(&done, &terms, splits, planned.forced) {
            self.violation("I5", &text);
        }
    }

    /// Someone else writes; nothing happens where no one could tell the value from ours.
    pub(crate) fn foreign(&mut self, foreign: &Foreign) {
        let touched: Vec<(Field, Value)> = match foreign {
            Foreign::Set(field, setting) => vec![(field.clone(), setting.clone())],
            Foreign::Other | Foreign::Remove(_) | Foreign::Withhold(_) | Foreign::Delete => {
                Vec::new()
            }
            Foreign::Add(member) => fields(&Pool::new(vec![member.clone()]).unwrap().into()),
            Foreign::Show(property, value) => vec![(Field::Property(*property), value.clone())],
            Foreign::Turn(body) | Foreign::Create(body) => fields(body),
        };
        if touched.iter().any(|(field, setting)| self.is_ours(field, setting)) {
            return;
        }
        self.azure.foreign(foreign, touched);
    }

    /// Whether a foreign value is what we believe to be our own: the design's rule is that it then
    /// is.
    fn is_ours(&self, field: &Field, setting: &Value) -> bool {
        self.document().is_some_and(|document| {
            let Some(owned) = document.owned.get(field) else { return false };
            let intents = document.intents.iter().flat_map(|intent| &intent.changes);
            let ours = intents
                .filter(|change| change.field == *field)
                .flat_map(|change| [&change.before, &change.after])
                .chain([&owned.written]);
            *setting != owned.baseline && ours.into_iter().any(|ours| ours.means(setting))
        })
    }
}
