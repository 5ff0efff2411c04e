//! All that is remembered of one backend, and how it takes in what becomes known.
//!
//! A document is a set of facts. The overrides claimed for the backend; the fields that they own,
//! each with the value its owner last left there; the writes that were begun and not yet known to
//! have been done or not; the reconnects that are due. It is changed in memory by the functions of
//! this module and of [`crate::step`], and saved by compare-and-swap, whole, together with the
//! ledger lines that tell of the change.
//!
//! # Writes whose answer is lost
//!
//! An intent is saved before its request is sent, and carries the `ETag` it was planned from. As
//! Azure does it only if the backend still has that `ETag`, an intent whose `ETag` is seen to be
//! gone can never be done any more: it was, or it never will be. Until then it may still land, and
//! the fields it names stay owned, so that what it lands on is known to be ours.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fmt,
};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    id::{IntentId, OverrideId, ReconnectId},
    lay::Yielded,
    ledger::What,
    names::{BackendId, PlayName},
    overrides::{End, Life, Override, Standing, later},
    pool::{Field, Pool, Setting},
    signal::SeriesId,
};

/// How many `ETag`s of the past are remembered of each kind, to tell a stale body from a new one.
pub const ETAGS_MAX: usize = 16;

/// How long a write without an answer may still land. Longer than any proxy holds a request.
pub const FENCE: SignedDuration = SignedDuration::from_mins(5);

/// How long an answered reconnect is kept, to be shown.
pub const RECONNECT_SHOWN: SignedDuration = SignedDuration::from_hours(24);

/// The shortest and the longest wait before something that failed is tried again.
pub const RETRY: (SignedDuration, SignedDuration) =
    (SignedDuration::from_secs(1), SignedDuration::from_secs(60));

/// An `ETag`, opaque and quoted, as Azure sent it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Etag(pub String);

/// How long a cache is believed to go on answering with a state that is over. That one state came
/// before another is only concluded from the order in which they were read; what is shown for
/// longer than this is what the backend is, and the conclusion was wrong.
pub const STALE_FOR: SignedDuration = SignedDuration::from_mins(2);

/// Which state of the backend was seen last, and which before it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Etags {
    /// The newest; none where it is known to be gone and its successor has not been seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    current: Option<Etag>,
    /// The ones read before it.
    #[serde(default, skip_serializing_if = "VecDeque::is_empty")]
    past: VecDeque<Etag>,
    /// The ones that Azure itself has said are over: we wrote over them, or were refused with 412.
    #[serde(default, skip_serializing_if = "VecDeque::is_empty")]
    gone: VecDeque<Etag>,
    /// Since when, and when last, nothing but states of the past was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stale: Option<(Timestamp, Timestamp)>,
}

/// How what was read compares with what was seen before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// The newest state known.
    Same,
    /// A state not seen before.
    New,
    /// A state known to be over: a cache answered. It says nothing of now.
    Stale,
}

impl Etags {
    /// How a body with this `ETag` compares, without taking note of it.
    #[must_use]
    pub fn freshness(&self, etag: &Etag, now: Timestamp) -> Freshness {
        let believed = || {
            self.stale.is_some_and(|(since, last)| {
                now >= later(since, STALE_FOR) && now < later(last, STALE_FOR)
            })
        };
        if self.current.as_ref() == Some(etag) {
            Freshness::Same
        } else if self.gone.contains(etag) || (self.past.contains(etag) && !believed()) {
            Freshness::Stale
        } else {
            Freshness::New
        }
    }

    /// Takes note that a state of the past was read.
    pub fn stale(&mut self, now: Timestamp) {
        let since = self.stale.filter(|(_, last)| now < later(*last, STALE_FOR));
        self.stale = Some((since.map_or(now, |(since, _)| since), now));
    }

    /// Takes note of the newest state.
    pub fn seen(&mut self, etag: &Etag) {
        self.stale = None;
        if self.current.as_ref() != Some(etag) {
            self.past.retain(|past| past != etag);
            if let Some(old) = self.current.replace(etag.clone()) {
                keep(&mut self.past, old);
            }
        }
    }

    /// Takes note that Azure has said that this state is over.
    pub fn gone(&mut self, etag: &Etag) {
        self.current.take_if(|current| current == etag);
        self.past.retain(|past| past != etag);
        if !self.gone.contains(etag) {
            keep(&mut self.gone, etag.clone());
        }
    }
}

fn keep(etags: &mut VecDeque<Etag>, etag: Etag) {
    etags.push_back(etag);
    while etags.len() > ETAGS_MAX {
        etags.pop_front();
    }
}

/// A field that overrides own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owned {
    /// What its owner last left there.
    pub baseline: Setting,
    /// What we last knew to be there by our own hand; the baseline where we have not written yet.
    pub written: Setting,
}

/// One field's part of a write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Which field.
    pub field: Field,
    /// What was there when the write was planned.
    pub before: Setting,
    /// What the write puts there.
    pub after: Setting,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} -> {}", self.field, self.before, self.after)
    }
}

/// A write, recorded before it is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// Its name.
    pub id: IntentId,
    /// The state it was planned from, and the only one on which it can be done.
    pub etag: Etag,
    /// What it changes.
    pub changes: Vec<Change>,
    /// The ramp steps that it applies.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub steps: BTreeMap<OverrideId, usize>,
    /// When it was recorded.
    pub at: Timestamp,
}

impl Intent {
    /// Until when it may still land.
    #[must_use]
    pub fn fence(&self) -> Timestamp {
        later(self.at, FENCE)
    }
}

/// A reconnect: a one-shot beside the set. Azure cannot recall one, so the wait is ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reconnect {
    /// Which backend's connections are made anew.
    pub target: BackendId,
    /// The play after which it comes; when that is on again before it is asked for, it is off.
    pub play: PlayName,
    /// The alert that the play answered.
    pub series: SeriesId,
    /// When the connections are to be made anew.
    pub due: Timestamp,
    /// When it was asked for; each is saved before it is sent. Two at most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asked: Vec<Timestamp>,
    /// What came of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
}

/// What came of a reconnect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Outcome {
    /// Azure took it.
    Accepted {
        /// When.
        at: Timestamp,
        /// When the connections are made anew.
        due: Timestamp,
    },
    /// Azure did not take it.
    Refused {
        /// When.
        at: Timestamp,
        /// Why.
        why: String,
    },
    /// It was asked for as often as it may be, and no answer is known.
    Unknown {
        /// When it was given up.
        at: Timestamp,
    },
}

impl Outcome {
    /// When it became known.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        match self {
            Self::Accepted { at, .. } | Self::Refused { at, .. } | Self::Unknown { at } => *at,
        }
    }
}

/// That Azure does not answer, or refuses, or asks to wait.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// Since when.
    pub since: Timestamp,
    /// Until when nothing is asked of Azure.
    pub until: Timestamp,
    /// What it said.
    pub why: String,
}

/// All that is remembered of one backend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// Which backend.
    pub backend: BackendId,
    /// The latest time it was decided at. Time never goes back here, whoever looks.
    pub now: Timestamp,
    /// The newest generation of the playbook that it was decided by.
    pub generation: u64,
    /// The overrides that are claimed, in force, or ramping out.
    #[serde(default)]
    pub overrides: BTreeMap<OverrideId, Override>,
    /// Overrides that are over while their occurrence goes on; a repeat does not bring them back.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub spent: BTreeSet<OverrideId>,
    /// The fields that overrides own, or that a write may still land on.
    #[serde(default)]
    pub owned: BTreeMap<Field, Owned>,
    /// The fields that were given up to someone else, and by which overrides.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub yielded: Yielded,
    /// The writes whose answer is not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub intents: Vec<Intent>,
    /// The reconnects that are due, and those that were answered of late.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub reconnects: BTreeMap<ReconnectId, Reconnect>,
    /// Which states of the backend have been seen.
    #[serde(default)]
    pub etags: Etags,
    /// That Azure does not answer, or refuses, or asks to wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<Trouble>,
    /// When it is to be looked at next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wake: Option<Timestamp>,
    /// The earliest wake that was sent and has not come yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alarm: Option<Timestamp>,
}

/// What came of a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It was done.
    Written {
        /// The state it made.
        etag: Etag,
        /// The pool as the answer shows it; none where it could not be read.
        pool: Option<Pool>,
    },
    /// It was not done: the backend has another state by now (412).
    Outrun,
    /// It was not done, and will not be: Azure refuses it.
    Refused {
        /// What Azure said.
        why: String,
    },
    /// It was not done: Azure asks to wait.
    Throttled {
        /// Until when.
        until: Timestamp,
    },
    /// It was not sent.
    NotSent {
        /// Why.
        why: String,
    },
    /// It may or may not have been done, or may still be.
    Unknown {
        /// Why.
        why: String,
        /// When Azure would be asked again, where it said so.
        until: Option<Timestamp>,
    },
}

/// What came of asking for a reconnect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReconnectAnswer {
    /// 202.
    Accepted {
        /// After how long the connections are made anew.
        after: SignedDuration,
    },
    /// 4xx: it was not taken.
    Refused {
        /// What Azure said.
        why: String,
    },
    /// 429: it was not taken; ask again then.
    Throttled {
        /// Until when.
        until: Timestamp,
    },
    /// It was not sent.
    NotSent {
        /// Why.
        why: String,
    },
    /// 5xx or a broken connection: it may have been taken.
    Unknown {
        /// Why.
        why: String,
    },
}

/// How often a reconnect is asked for at most (I10).
pub const RECONNECT_ASKED_MAX: usize = 2;

impl Document {
    /// A backend of which nothing is remembered.
    #[must_use]
    pub fn new(backend: BackendId, now: Timestamp) -> Self {
        Self {
            backend,
            now,
            generation: 0,
            overrides: BTreeMap::new(),
            spent: BTreeSet::new(),
            owned: BTreeMap::new(),
            yielded: BTreeMap::new(),
            intents: Vec::new(),
            reconnects: BTreeMap::new(),
            etags: Etags::default(),
            trouble: None,
            wake: None,
            alarm: None,
        }
    }

    /// Whether nothing is going on: no override, no owned field, no open write, no reconnect to
    /// come.
    #[must_use]
    pub fn is_at_rest(&self) -> bool {
        self.overrides.is_empty()
            && self.owned.is_empty()
            && self.intents.is_empty()
            && self.reconnects.values().all(|reconnect| reconnect.outcome.is_some())
    }

    /// Moves its time on; it never goes back.
    pub fn advance(&mut self, now: Timestamp) -> Timestamp {
        self.now = self.now.max(now);
        self.now
    }

    /// Takes in an override claimed for it. One that is known already only takes its age from it; one
    /// that is over stays so.
    pub fn claim(&mut self, over: Override, said: &mut Vec<What>) {
        if self.spent.contains(&over.id) {
            return;
        }
        if let Some(known) = self.overrides.get_mut(&over.id) {
            known.started = over.started;
            return;
        }
        said.push(What::Claimed {
            id: over.id.clone(),
            play: over.play.clone(),
            effect: over.effect.clone(),
            series: over.series.clone(),
        });
        self.overrides.insert(over.id.clone(), over);
    }

    /// Makes an override's age that of its occurrence, which turned out to have another.
    pub fn aged(&mut self, id: &OverrideId, started: Timestamp) {
        if let Some(over) = self.overrides.get_mut(id) {
            over.started = started;
        }
    }

    /// Takes in that an override's occurrence has ended. What has not begun never will; what has
    /// ends when its lease says.
    pub fn resolve(&mut self, id: &OverrideId, at: Timestamp, said: &mut Vec<What>) {
        self.spent.remove(id);
        let Some(over) = self.overrides.get_mut(id) else { return };
        over.resolved = Some(over.resolved.map_or(at, |known| known.max(at)));
        match over.life {
            Life::Claimed { .. } => {
                said.push(What::NeverBegan { id: id.clone(), why: End::Resolved });
                self.overrides.remove(id);
            }
            Life::Begun { .. } | Life::Ended { .. } => {}
        }
    }

    /// Ends an override at once, whatever its lease says, without a ramp: an operator's will. One
    /// that is on its way out gives back at once what it still has, and nothing follows it.
    pub fn undo(&mut self, id: &OverrideId, by: &str, reason: &str, said: &mut Vec<What>) {
        let Some(over) = self.overrides.get_mut(id) else { return };
        over.lease.ramp.clear();
        let undone = End::Undone { by: by.to_owned(), reason: reason.to_owned() };
        match &mut over.life {
            Life::Claimed { .. } | Life::Begun { .. } => self.end(id, undone, said),
            Life::Ended { why: End::Undone { .. }, .. } => {}
            Life::Ended { why, steps, .. } => {
                *why = undone.clone();
                steps.clear();
                said.push(What::Ended { id: id.clone(), why: undone });
            }
        }
    }

    /// Ends every override at once, and takes back the reconnects that were not asked for yet.
    pub fn release(&mut self, by: &str, reason: &str, said: &mut Vec<What>) {
        let ids: Vec<OverrideId> = self.overrides.keys().cloned().collect();
        for id in ids {
            self.undo(&id, by, reason, said);
        }
        self.reconnects.retain(|id, reconnect| {
            let kept = reconnect.outcome.is_some() || !reconnect.asked.is_empty();
            if !kept {
                let (id, target) = (id.clone(), reconnect.target.clone());
                said.push(What::ReconnectCancelled { id, target });
            }
            kept
        });
    }

    /// Ends an override. One that has no part in the backend at present has nothing to give back
    /// and is over.
    pub fn end(&mut self, id: &OverrideId, why: End, said: &mut Vec<What>) {
        let now = self.now;
        let Some(over) = self.overrides.get_mut(id) else { return };
        match over.life {
            Life::Claimed { .. } => {
                said.push(What::NeverBegan { id: id.clone(), why });
                self.forget(id);
            }
            Life::Begun { .. } => {
                said.push(What::Ended { id: id.clone(), why: why.clone() });
                over.life = Life::Ended { at: now, why, steps: Vec::new() };
                match over.standing {
                    Standing::Held(_) | Standing::Yielded => self.finish(id, said),
                    Standing::Unseen | Standing::Admitted => {}
                }
            }
            // Already on its way out.
            Life::Ended { .. } => {}
        }
    }

    /// Takes in that a step of an override's ramp was applied.
    pub(crate) fn stepped(&mut self, id: &OverrideId, step: usize, said: &mut Vec<What>) {
        let now = self.now;
        let Some(over) = self.overrides.get_mut(id) else { return };
        let Life::Ended { steps, .. } = &mut over.life else { return };
        if steps.len() != step {
            return;
        }
        steps.push(now);
        if step + 1 >= over.lease.steps() {
            self.finish(id, said);
        } else {
            said.push(What::Stepped { id: id.clone(), given_back: over.lease.given_back(step) });
        }
    }

    /// Takes an ended override out, and plans what follows it.
    fn finish(&mut self, id: &OverrideId, said: &mut Vec<What>) {
        let Some(over) = self.forget(id) else { return };
        said.push(What::Finished { id: id.clone() });
        let Life::Ended { why: End::Resolved | End::Expired, .. } = over.life else { return };
        for after in over.after {
            let target = after.reconnect;
            let reconnect = ReconnectId::derive(&[id.as_str(), &target.to_string()]);
            if self.reconnects.contains_key(&reconnect) {
                continue;
            }
            let due = later(self.now, after.after);
            said.push(What::ReconnectPlanned {
                id: reconnect.clone(),
                target: target.clone(),
                due,
            });
            let (play, series) = (over.play.clone(), over.series.clone());
            let planned = Reconnect { target, play, series, due, asked: Vec::new(), outcome: None };
            self.reconnects.insert(reconnect, planned);
        }
    }

    fn forget(&mut self, id: &OverrideId) -> Option<Override> {
        let over = self.overrides.remove(id)?;
        if over.resolved.is_none() {
            self.spent.insert(id.clone());
        }
        Some(over)
    }

    /// Takes in what came of a write.
    pub fn answer(&mut self, id: &IntentId, answer: &Answer, now: Timestamp, said: &mut Vec<What>) {
        self.advance(now);
        let Some(place) = self.intents.iter().position(|intent| intent.id == *id) else { return };
        let intent = id.clone();
        match answer {
            Answer::Written { etag, pool } => {
                let intent = self.intents.remove(place);
                said.push(What::Wrote { intent: intent.id.clone() });
                self.trouble = None;
                self.etags.gone(&intent.etag);
                self.etags.seen(etag);
                for change in &intent.changes {
                    let shown = pool.as_ref().and_then(|pool| pool.get(&change.field));
                    if let Some(shown) = shown.filter(|shown| !shown.means(change.after)) {
                        let (field, asked) = (change.field.clone(), change.after);
                        said.push(What::Answered { field, asked, shown });
                    }
                }
                self.done(&intent, None, said);
                self.retire_gone(etag, None, said);
            }
            Answer::Outrun => {
                let gone = self.intents.remove(place).etag;
                said.push(What::Outrun { intent });
                self.etags.gone(&gone);
            }
            Answer::Refused { why } => {
                self.intents.remove(place);
                said.push(What::Refused { intent, why: why.clone() });
                self.troubled(why, None);
            }
            Answer::Throttled { until } => {
                self.intents.remove(place);
                said.push(What::Throttled { until: *until });
                self.troubled("Azure asks to wait", Some(*until));
            }
            Answer::NotSent { why } => {
                self.intents.remove(place);
                said.push(What::Refused { intent, why: why.clone() });
                self.troubled(why, None);
            }
            Answer::Unknown { why, until } => {
                said.push(What::Unanswered { intent, why: why.clone() });
                self.troubled(why, *until);
            }
        }
        self.look_on();
    }

    /// What a write that was done makes true: of the fields that `shown`, where it was read, still
    /// shows it of. What someone else wrote over it since then is theirs.
    fn done(&mut self, intent: &Intent, shown: Option<&Pool>, said: &mut Vec<What>) {
        for change in &intent.changes {
            let theirs = shown
                .and_then(|pool| pool.get(&change.field))
                .is_some_and(|shown| !shown.means(change.after));
            if let Some(owned) = self.owned.get_mut(&change.field).filter(|_| !theirs) {
                owned.written = change.after;
            }
        }
        for (id, step) in &intent.steps {
            self.stepped(id, *step, said);
        }
    }

    /// Retires the intents that can never be done any more, now that the backend has this `ETag`,
    /// and takes in those of them that were. `shown` is the pool of that state, where it was read.
    pub(crate) fn retire_gone(&mut self, etag: &Etag, shown: Option<&Pool>, said: &mut Vec<What>) {
        let (open, gone): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.intents).into_iter().partition(|intent| intent.etag == *etag);
        self.intents = open;
        for intent in gone {
            let landed = shown.is_some_and(|pool| {
                intent.changes.iter().any(|change| {
                    !change.before.means(change.after)
                        && pool.get(&change.field).is_some_and(|shown| shown.means(change.after))
                })
            });
            let id = intent.id.clone();
            if landed {
                said.push(What::Landed { intent: id });
                self.done(&intent, shown, said);
            } else {
                said.push(What::NotLanded { intent: id });
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

    /// Waits until the time that Azure named, or about as long as the trouble has lasted.
    fn troubled(&mut self, why: &str, until: Option<Timestamp>) {
        let now = self.now;
        let since = self.trouble.as_ref().map_or(now, |trouble| trouble.since);
        let wait = now.duration_since(since).clamp(RETRY.0, RETRY.1);
        let until = until.unwrap_or_else(|| later(now, wait)).max(now);
        self.trouble = Some(Trouble { since, until, why: why.to_owned() });
    }

    /// Takes in what came of asking for a reconnect.
    pub fn reconnect_answer(
        &mut self,
        id: &ReconnectId,
        answer: &ReconnectAnswer,
        now: Timestamp,
        said: &mut Vec<What>,
    ) {
        let now = self.advance(now);
        let Some(reconnect) = self.reconnects.get_mut(id) else { return };
        if reconnect.outcome.is_some() {
            return;
        }
        let (id, target) = (id.clone(), reconnect.target.clone());
        match answer {
            ReconnectAnswer::Accepted { after } => {
                let due = later(now, *after);
                reconnect.outcome = Some(Outcome::Accepted { at: now, due });
                said.push(What::ReconnectAccepted { id, target, due });
            }
            ReconnectAnswer::Refused { why } => {
                reconnect.outcome = Some(Outcome::Refused { at: now, why: why.clone() });
                said.push(What::ReconnectRefused { id, target, why: why.clone() });
            }
            ReconnectAnswer::Throttled { until } => {
                reconnect.asked.pop();
                said.push(What::Throttled { until: *until });
                self.troubled("Azure asks to wait", Some(*until));
            }
            ReconnectAnswer::NotSent { why } => {
                reconnect.asked.pop();
                said.push(What::ReconnectUnanswered { id, target, why: why.clone() });
                self.troubled(why, None);
            }
            ReconnectAnswer::Unknown { why } => {
                said.push(What::ReconnectUnanswered { id, target, why: why.clone() });
                self.troubled(why, None);
            }
        }
        self.look_on();
    }
}
