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

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

pub use self::intents::{Change, FENCE, Intent, Owned, UNMET_REST, UNMET_RETRY, Unmet, Way};

use crate::{
    etag::Etags,
    id::{OverrideId, ReconnectId},
    lay::Yielded,
    ledger::What,
    names::{BackendId, PlayName},
    overrides::{End, Held, Life, Override, Standing, later},
    pool::Field,
    signal::SeriesId,
    wake::SKEW_MAX,
};

/// How long a backend must have been missing before what is to be given back to it is forgotten: a
/// 404 may pass.
pub(crate) const MISSING_FOR: SignedDuration = SignedDuration::from_secs(30);

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
        for over in self.overrides.values_mut() {
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

    /// Takes in an override claimed for it. One that is known already only takes its age from it; one
    /// that is over stays so.
    pub fn claim(&mut self, over: Override, said: &mut Vec<What>) {
        if self.spent.contains(&over.id) {
            return;
        }
        match self.overrides.get_mut(&over.id) {
            // The playbook has its play again: it is on again.
            Some(Override { life: Life::Ended { why: End::Dropped, .. }, .. }) | None => {}
            Some(known) => {
                known.started = over.started;
                return;
            }
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
                said.push(What::NeverBegan { id: id.clone(), why: why.clone() });
                over.life = Life::Ended { at: now, why, steps: Vec::new() };
                self.forget(id);
            }
            Life::Begun { .. } => {
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

    /// Takes an ended override out, and plans what follows it: one reconnect of a target, however
    /// many alerts of a play have ended. It follows one that has yielded, too: whoever took the
    /// weight over said nothing against new connections.
    fn finish(&mut self, id: &OverrideId, said: &mut Vec<What>) {
        let Some(over) = self.forget(id) else { return };
        said.push(What::Finished { id: id.clone() });
        let Life::Ended { why: End::Resolved | End::Expired, .. } = over.life else { return };
        for after in over.after {
            let target = after.reconnect;
            let due = later(self.now, after.after);
            let waiting = self
                .reconnects
                .values_mut()
                .find(|one| one.is_waiting() && one.play == over.play && one.target == target);
            if let Some(waiting) = waiting {
                waiting.due = waiting.due.max(due);
                continue;
            }
            let reconnect = ReconnectId::derive(&[id.as_str(), &target.to_string()]);
            if self.reconnects.contains_key(&reconnect) {
                continue;
            }
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
        let dropped = matches!(over.life, Life::Ended { why: End::Dropped, .. });
        if over.resolved.is_none() && !dropped {
            self.spent.insert(id.clone());
        }
        Some(over)
    }
}

#[cfg(test)]
#[path = "document_tests.rs"]
mod tests;
