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
//! the fields it names stay owned, so that what it lands on is known to be ours. The next write gives
//! the backend another `ETag`; where nothing is to be written, an empty one is sent for that. Azure may
//! give none for it, so an open intent is let go of after [`FENCE`] in any case.

mod intents;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

pub use self::intents::{Change, FENCE, Intent, Owned, UNMET_REST, UNMET_RETRY, Unmet, Way};

use crate::{
    claim::{Asked, Claim, Recall, Taken},
    etag::{Etag, Etags},
    id::{OverrideId, ReconnectId},
    lay::Yielded,
    ledger::What,
    names::{BackendId, PlayName},
    origin::Origin,
    overrides::{After, End, Held, Life, Override, Standing, Until, later},
    playbook::DURATION_MAX,
    pool::Field,
    signal::SeriesId,
    wake::SKEW_MAX,
};

/// How long a backend must have been missing before what is to be given back to it is forgotten: a
/// 404 may pass.
pub(crate) const MISSING_FOR: SignedDuration = SignedDuration::from_secs(30);

/// The shortest time that the store keeps apart.
const MOMENT: SignedDuration = SignedDuration::from_micros(1);

/// How long an undo is remembered: as long as anything that was claimed before it could last.
pub(crate) const UNDONE_KEPT: SignedDuration = DURATION_MAX;

/// How long an answered reconnect is kept, to be shown.
pub const RECONNECT_SHOWN: SignedDuration = SignedDuration::from_hours(24);

/// The shortest and the longest wait before something that failed is tried again.
pub const RETRY: (SignedDuration, SignedDuration) =
    (SignedDuration::from_secs(1), SignedDuration::from_secs(60));

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

impl Reconnect {
    /// Whether it was not asked for yet, and may still be called off.
    #[must_use]
    pub const fn is_waiting(&self) -> bool {
        self.outcome.is_none() && self.asked.is_empty()
    }

    /// Whether it was asked for, and what came of it is not known yet.
    #[must_use]
    pub const fn is_asked(&self) -> bool {
        self.outcome.is_none() && !self.asked.is_empty()
    }
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
    /// Whether that time was named to us, and not chosen for want of a better.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub named: bool,
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
    /// When an operator last undid each override: what was claimed by then does not come back.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub undone: BTreeMap<OverrideId, Timestamp>,
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
            undone: BTreeMap::new(),
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

    /// Since when Azure has shown no such backend, and from when on that is believed; none where it
    /// was there at the last look.
    #[must_use]
    pub fn missing(&self) -> Option<(Timestamp, Timestamp)> {
        self.etags.missing().map(|since| (since, later(since, MISSING_FOR)))
    }

    /// Moves its time on; it never goes back.
    pub fn advance(&mut self, now: Timestamp) -> Timestamp {
        self.now = self.now.max(now);
        self.now
    }

    /// Takes in that a person wants it looked at, where anything is going on: no pause between two
    /// tries is waited out any longer that was chosen here.
    pub fn insist(&mut self) {
        if self.is_at_rest() {
            return;
        }
        let now = self.now;
        if let Some(trouble) = self.trouble.as_mut().filter(|trouble| !trouble.named) {
            trouble.until = trouble.until.min(now);
        }
        self.owned.values_mut().for_each(|owned| owned.insist(now));
        self.wake_now(now);
    }

    /// Whether Azure was asked for something, and what came of it is not known yet.
    #[must_use]
    pub fn is_unanswered(&self) -> bool {
        !self.intents.is_empty() || self.reconnects.values().any(Reconnect::is_asked)
    }

    /// Whether someone has seen or written more of the backend than is known to `before`: what was
    /// read for that one may be older than what this one knows.
    #[must_use]
    pub fn knows_more_than(&self, before: &Self) -> bool {
        (&self.etags, &self.intents) != (&before.etags, &before.intents)
    }

    /// Whether a write may be decided from a body with this `ETag` that was read some time ago: as far as
    /// is known, nobody has written since, and nothing of ours is on its way.
    #[must_use]
    pub fn may_trust(&self, etag: &Etag) -> bool {
        self.trouble.is_none() && self.intents.is_empty() && self.etags.may_last(etag)
    }

    /// Takes its time back where it is that of a clock that ran ahead: nothing that was noted lies
    /// in the future, and it is looked at anew.
    pub fn rewind(&mut self, now: Timestamp) {
        if self.now <= later(now, SKEW_MAX) {
            return;
        }
        self.now = now;
        self.trouble = None;
        self.alarm = None;
        self.wake = Some(now);
        self.etags.rewind(now);
        let back = |at: &mut Timestamp| *at = (*at).min(now);
        self.undone.values_mut().for_each(back);
        for over in self.overrides.values_mut() {
            back(&mut over.joined);
            match &mut over.life {
                Life::Claimed { at } => back(at),
                Life::Begun { at, warned } => {
                    back(at);
                    warned.iter_mut().for_each(back);
                }
                Life::Ended { at, why: _, steps } => {
                    back(at);
                    steps.iter_mut().for_each(back);
                }
            }
        }
        self.intents.iter_mut().for_each(|intent| back(&mut intent.at));
        self.owned.values_mut().for_each(|owned| owned.rewind(now));
        for reconnect in self.reconnects.values_mut() {
            reconnect.asked.iter_mut().for_each(back);
        }
    }

    /// From when on an occurrence counts that asks for an override now: after all that was undone.
    #[must_use]
    pub fn claimed_from(&self, id: &OverrideId) -> Timestamp {
        let undone = self.undone.get(id).map(|at| later(*at, MOMENT));
        undone.map_or(self.now, |after| after.max(self.now))
    }

    /// Takes in that an occurrence asks for an override. What was undone, or would have ended by the
    /// clock, stays so.
    pub(crate) fn claim(
        &mut self,
        series: &SeriesId,
        claim: &Claim,
        fresh: bool,
        said: &mut Vec<What>,
    ) -> Taken {
        let (now, asked) = (self.now, &claim.asked);
        if self.undone.get(&claim.id).is_some_and(|undone| asked.since <= *undone) {
            return Taken::Known;
        }
        let Some(over) = self.overrides.get_mut(&claim.id) else {
            if asked.expires(None) <= now {
                return Taken::Known;
            }
            let mut over = Override::new(claim, series, Origin::Alert, now);
            if !fresh {
                // Others may have asked for it before, too.
                over.behind.forget();
            }
            said.push(What::Claimed {
                id: claim.id.clone(),
                play: claim.play.clone(),
                effect: asked.effect.clone(),
                series: series.clone(),
            });
            self.overrides.insert(claim.id.clone(), over);
            return Taken::Known;
        };
        if asked.expires(over.begun()) <= now {
            return Taken::Known;
        }
        let unknown = over.behind.is_empty() && !fresh;
        let mut taken = over.behind.take_in(series, asked);
        let ending = |until: Timestamp| until <= later(now, SKEW_MAX);
        if unknown
            || (taken == Taken::Beside && over.behind.expires(over.begun()).is_none_or(ending))
        {
            // Whoever looks next asks the store for all that are on.
            over.behind.forget();
            taken = Taken::Known;
        }
        if taken == Taken::Known || matches!(over.lease.until, Until::For(_)) {
            over.joined = over.joined.max(asked.since);
        }
        if taken == Taken::Known {
            over.resolved = None;
            over.become_strongest();
        }
        taken
    }

    /// Takes in that an occurrence asks for an override no more. What has not begun never will, where
    /// it was the last; what has ends when its lease says.
    pub(crate) fn resolve(
        &mut self,
        series: &SeriesId,
        id: &OverrideId,
        at: Timestamp,
        said: &mut Vec<What>,
    ) {
        let Some(over) = self.overrides.get_mut(id) else { return };
        if over.behind.is_empty() {
            return;
        }
        over.behind.remove(series);
        if !over.behind.known().is_empty() {
            return over.become_strongest();
        }
        over.resolved = Some(over.resolved.map_or(at, |known| known.max(at)));
        if over.behind.is_empty() && matches!(over.life, Life::Claimed { .. }) {
            said.push(What::NeverBegan { id: id.clone(), why: End::Resolved });
            self.overrides.remove(id);
        }
    }

    /// What the store is to be asked before the next step: which occurrences go on behind an override
    /// of whose known ones none does.
    #[must_use]
    pub fn wanting(&self) -> Option<Recall> {
        let wanting = |over: &&Override| {
            let lasts =
                matches!((&over.life, over.lease.until), (Life::Begun { .. }, Until::For(_)));
            !lasts && over.behind.is_wanting(over.begun(), self.now)
        };
        self.overrides.values().find(wanting).map(|over| self.recalling(over))
    }

    /// The question which occurrences are behind an override.
    #[must_use]
    pub fn recalling(&self, over: &Override) -> Recall {
        Recall {
            id: over.id.clone(),
            after: self.undone.get(&over.id).copied(),
            begun: over.begun(),
            now: self.now,
        }
    }

    /// Takes in what the store answered.
    pub fn recall(&mut self, recall: &Recall, found: Vec<(SeriesId, Asked)>) {
        if let Some(over) = self.overrides.get_mut(&recall.id) {
            over.behind.recall(found);
            over.become_strongest();
        }
    }

    /// Ends an override at once, whatever its lease says, without a ramp: an operator's will. One
    /// that is on its way out gives back at once what it still has, and nothing follows it.
    pub fn undo(&mut self, id: &OverrideId, by: &str, reason: &str, said: &mut Vec<What>) {
        let Some(over) = self.overrides.get_mut(id) else { return };
        over.lease.ramp.clear();
        over.behind.clear();
        self.undone.insert(id.clone(), self.now);
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
            let kept = !reconnect.is_waiting();
            if !kept {
                let (id, target) = (id.clone(), reconnect.target.clone());
                let (by, reason) = (by.to_owned(), reason.to_owned());
                said.push(What::ReconnectUndone { id, target, by, reason });
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
                self.overrides.remove(id);
            }
            Life::Begun { .. } => {
                over.behind.clear();
                said.push(What::Ended { id: id.clone(), why: why.clone() });
                over.life = Life::Ended { at: now, why, steps: Vec::new() };
                if self.has_no_part(id) {
                    self.finish(id, said);
                }
            }
            // Already on its way out.
            Life::Ended { .. } => {}
        }
    }

    /// Whether nothing of an override stands in the backend, or may yet come to stand there.
    fn has_no_part(&self, id: &OverrideId) -> bool {
        let Some(over) = self.overrides.get(id) else { return true };
        match over.standing {
            // Its fields are as they were when they could last be read.
            Standing::Held(Held::Unreadable(_) | Held::NoBackend)
            | Standing::Unseen
            | Standing::Admitted => over.effect.fields().iter().all(|field| {
                let mut changes = self.intents.iter().flat_map(|intent| &intent.changes);
                !self.owned.get(field).is_some_and(Owned::is_touched)
                    && !changes.any(|change| change.field == *field)
            }),
            Standing::Held(_) | Standing::Yielded => true,
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

    /// Takes an ended override out, unless it is asked for again, and plans what follows its play once
    /// none of that play's overrides is left: one reconnect of a target, however many effects it had
    /// and alerts it answered. It follows one that has yielded, too: whoever took the weight over said
    /// nothing against new connections.
    fn finish(&mut self, id: &OverrideId, said: &mut Vec<What>) {
        let Some(mut over) = self.overrides.remove(id) else { return };
        said.push(What::Finished { id: id.clone() });
        let Life::Ended { at, why, .. } = &over.life else { return };
        let (ended, follows) = (*at, matches!(why, End::Resolved | End::Expired));
        if !over.behind.is_empty() {
            over.life = Life::Claimed { at: self.now };
            over.become_strongest();
            self.overrides.insert(id.clone(), over);
            return;
        }
        for After { reconnect: target, after } in over.after.iter().filter(|_| follows) {
            let goes_on = |other: &Override| {
                let acts = !matches!(other.life, Life::Claimed { .. });
                let follows = other.after.iter().any(|after| after.reconnect == *target);
                acts && other.play == over.play && follows
            };
            if self.overrides.values().any(goes_on) {
                continue;
            }
            let due = later(self.now, *after);
            let waiting = self
                .reconnects
                .values_mut()
                .find(|one| one.is_waiting() && one.play == over.play && one.target == *target);
            if let Some(waiting) = waiting {
                waiting.due = waiting.due.max(due);
                continue;
            }
            let reconnect =
                ReconnectId::derive(&[id.as_str(), &ended.to_string(), &target.to_string()]);
            said.push(What::ReconnectPlanned {
                id: reconnect.clone(),
                target: target.clone(),
                due,
            });
            let (play, series) = (over.play.clone(), over.series.clone());
            let target = target.clone();
            let planned = Reconnect { target, play, series, due, asked: Vec::new(), outcome: None };
            self.reconnects.insert(reconnect, planned);
        }
    }
}

#[cfg(test)]
#[path = "document_tests.rs"]
mod tests;
