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

mod answers;
pub mod hand;
mod intents;
mod life;
mod out;
mod overrides;
mod panic;
mod reconnects;
mod sight;
mod wakes;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

pub use self::{
    intents::{FENCE, Intent, Owned, UNMET_REST, UNMET_RETRY, Unmet, Way},
    overrides::Overrides,
    panic::Panic,
    reconnects::{
        Listed, Outcome, RECONNECT_ANSWER_WITHIN, RECONNECT_ASKED_MAX, RECONNECT_SHOWN, Reconnect,
        Start,
    },
    sight::{Sight, SightBy},
};

use crate::{
    drift::Drifted,
    effect::Effect,
    etag::{Etag, Etags},
    field::{Field, Value},
    id::{IntentId, OverrideId, ReconnectId},
    lay::Yielded,
    lease::later,
    names::{BackendId, BackendName, WindowName},
    occurred::Occurred,
    overrides::{Held, Override},
    recent::Recent,
    wake::SKEW_MAX,
};

/// How long a backend must have been missing before what is to be given back to it is forgotten: a
/// 404 may pass.
pub(crate) const MISSING_FOR: SignedDuration = SignedDuration::from_secs(30);

/// The shortest and the longest wait before something that failed is tried again.
pub const RETRY: (SignedDuration, SignedDuration) =
    (SignedDuration::from_secs(1), SignedDuration::from_secs(60));

/// That Azure does not answer, or refuses, or asks to wait.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// Since when.
    pub since: Timestamp,
    /// Until when nothing is asked of Azure.
    pub until: Timestamp,
    /// What it said.
    pub why: String,
    /// Whether Azure named that time; otherwise it was chosen here.
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
    pub overrides: Overrides,
    /// When an operator last undid each override: what was claimed by then does not come back.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub undone: BTreeMap<OverrideId, Timestamp>,
    /// The operators' overrides that may pass a limit, each with the limit that it passes, if it passes one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub forced: BTreeMap<OverrideId, Option<Held>>,
    /// Which occurrences asked for each override of late, where its play looks back at them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub occurred: BTreeMap<OverrideId, Occurred>,
    /// The fields that overrides own, or that a write may still land on.
    #[serde(default)]
    pub owned: BTreeMap<Field, Owned>,
    /// The fields that were given up to someone else, and by which overrides.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub yielded: Yielded,
    /// The fields that others wrote over of late, where overrides would go on.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub drifted: BTreeMap<Field, Drifted>,
    /// The writes whose answer is not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub intents: Vec<Intent>,
    /// The reconnects that are due, and those that were answered of late.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub reconnects: BTreeMap<ReconnectId, Reconnect>,
    /// What the group documents of runs say of it.
    #[serde(default, skip_serializing_if = "Listed::is_empty")]
    pub listed: Listed,
    /// The latest instance of each maintenance window that was looked at, by its start; or when the window was
    /// looked at first. It is there only for the line about an instance that was missed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub windows: BTreeMap<WindowName, Timestamp>,
    /// The writes that were recorded within the last hour, where the playbook bounds them.
    #[serde(default, skip_serializing_if = "Recent::is_empty")]
    pub writes: Recent<IntentId>,
    /// The instance of each maintenance window that was announced last, by its start.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub announced: BTreeMap<WindowName, Timestamp>,
    /// Which states of the backend have been seen.
    #[serde(default)]
    pub etags: Etags,
    /// What its pool looked like last. It is there to be shown: nothing is decided by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sight: Option<Sight>,
    /// That Azure does not answer, or refuses, or asks to wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<Trouble>,
    /// That so many of its members would be out that the cause is common.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub panic: Option<Panic>,
    /// When it is to be looked at next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wake: Option<Timestamp>,
    /// The earliest wake that was sent and has not come yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alarm: Option<Timestamp>,
}

impl Document {
    /// A backend of which nothing is remembered.
    #[must_use]
    pub fn new(backend: BackendId, now: Timestamp) -> Self {
        Self {
            backend,
            now,
            generation: 0,
            overrides: Overrides::default(),
            undone: BTreeMap::new(),
            forced: BTreeMap::new(),
            occurred: BTreeMap::new(),
            owned: BTreeMap::new(),
            yielded: BTreeMap::new(),
            drifted: BTreeMap::new(),
            intents: Vec::new(),
            reconnects: BTreeMap::new(),
            listed: Listed::default(),
            windows: BTreeMap::new(),
            writes: Recent::new(),
            announced: BTreeMap::new(),
            etags: Etags::default(),
            sight: None,
            trouble: None,
            panic: None,
            wake: None,
            alarm: None,
        }
    }

    /// The weight that an override of this backend was to promote a member with, where that has no effect:
    /// the member has a weight of its own, which stays.
    #[must_use]
    pub fn unused_weight<'a>(&self, over: &'a Override) -> Option<(&'a BackendName, u8)> {
        let Effect::Promote { member, weight: Some(weight) } = &over.effect else { return None };
        // Without a weight of its own the member would have been given one.
        let own = self.owned.get(&Field::weight(member)).map(|owned| &owned.baseline);
        let has_own = matches!(own, None | Some(Value::Number(1..)));
        (Self::is_laid(over) && has_own).then_some((member, *weight))
    }

    /// Whether nothing is going on: no override, no owned field, no open write, no reconnect to come, and
    /// no run that others believe to act here.
    #[must_use]
    pub fn is_at_rest(&self) -> bool {
        self.overrides.is_empty()
            && self.owned.is_empty()
            && self.intents.is_empty()
            && self.listed.is_empty()
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

    /// Whether Azure was asked for something, and the answer is not known yet.
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
        self.sight.iter_mut().for_each(|sight| back(&mut sight.at));
        self.writes.rewind(now);
        self.drifted.values_mut().for_each(|drifted| drifted.rewind(now));
        self.panic.iter_mut().for_each(|panic| back(&mut panic.since));
        self.undone.values_mut().for_each(back);
        self.windows.values_mut().for_each(back);
        self.overrides.values_mut().for_each(|over| over.rewind(now));
        self.intents.iter_mut().for_each(|intent| back(&mut intent.at));
        self.owned.values_mut().for_each(|owned| owned.rewind(now));
        for reconnect in self.reconnects.values_mut() {
            reconnect.asked.iter_mut().for_each(back);
            reconnect.start.iter_mut().for_each(|start| back(&mut start.begun));
        }
    }
}

#[cfg(test)]
#[path = "document_tests.rs"]
mod tests;
