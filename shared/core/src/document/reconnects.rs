//! Reconnects: what follows a play when it is over, and what Azure made of it.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Document;
use crate::{
    answer::ReconnectAnswer,
    id::ReconnectId,
    ledger::What,
    names::{BackendId, PlayName},
    overrides::{After, Life, Override, later},
    playbook::RECONNECT_AFTER_MIN,
    signal::SeriesId,
};

/// How often a reconnect is asked for at most (I10).
pub const RECONNECT_ASKED_MAX: usize = 2;

/// How long after a reconnect was asked for without an answer it may be asked for again. Longer
/// than a request can take, so that one that is under way is not taken for one that was lost.
pub const RECONNECT_ANSWER_WITHIN: SignedDuration = SignedDuration::from_secs(90);

/// How long an answered reconnect is kept, to be shown.
pub const RECONNECT_SHOWN: SignedDuration = SignedDuration::from_hours(24);

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
    /// How it ended; none while it goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
}

impl Reconnect {
    /// Whether it was not asked for yet, and may still be called off.
    #[must_use]
    pub const fn is_waiting(&self) -> bool {
        self.outcome.is_none() && self.asked.is_empty()
    }

    /// Whether it was asked for, and the answer is not known yet.
    #[must_use]
    pub const fn is_asked(&self) -> bool {
        self.outcome.is_none() && !self.asked.is_empty()
    }

    /// When it is to be asked for: as late as Azure lets it be, and after one that went unanswered, not
    /// before an answer could still come.
    pub(crate) fn ask_at(&self) -> Timestamp {
        match self.asked.last() {
            Some(last) => later(*last, RECONNECT_ANSWER_WITHIN),
            None => self.due.checked_sub(RECONNECT_AFTER_MIN).unwrap_or(Timestamp::MIN),
        }
    }
}

/// How a reconnect ended.
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

impl Document {
    /// Plans what follows an override that has ended, once none of its play's overrides is left: one
    /// reconnect of a target, however many effects the play had and alerts it answered. It follows one
    /// that has yielded, too: whoever took the weight over said nothing against new connections.
    pub(super) fn plan_reconnects(
        &mut self,
        over: &Override,
        ended: Timestamp,
        said: &mut Vec<What>,
    ) {
        for After { reconnect: target, after } in &over.after {
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
            let id =
                ReconnectId::derive(&[over.id.as_str(), &ended.to_string(), &target.to_string()]);
            let target = target.clone();
            said.push(What::ReconnectPlanned { id: id.clone(), target: target.clone(), due });
            let (play, series) = (over.play.clone(), over.series.clone());
            let planned = Reconnect { target, play, series, due, asked: Vec::new(), outcome: None };
            self.reconnects.insert(id, planned);
        }
    }

    /// Takes back the reconnects that were not asked for yet: an operator's will.
    pub(super) fn undo_reconnects(&mut self, by: &str, reason: &str, said: &mut Vec<What>) {
        for (id, undone) in self.reconnects.extract_if(.., |_, reconnect| reconnect.is_waiting()) {
            let (by, reason) = (by.to_owned(), reason.to_owned());
            said.push(What::ReconnectUndone { id, target: undone.target, by, reason });
        }
    }

    /// Cancels the reconnects whose play is on again.
    pub(crate) fn cancel_reconnects(&mut self, said: &mut Vec<What>) {
        let begun = self.overrides.values().filter(|over| over.begun().is_some());
        let on: BTreeSet<_> = begun
            .flat_map(|over| over.after.iter().map(|after| (&over.play, &after.reconnect)))
            .collect();
        let cancelled = self.reconnects.extract_if(.., |_, reconnect| {
            reconnect.is_waiting() && on.contains(&(&reconnect.play, &reconnect.target))
        });
        for (id, reconnect) in cancelled {
            said.push(What::ReconnectCancelled { id, target: reconnect.target });
        }
    }

    /// The first reconnect that is to be asked for now, noted as asked: which, whose connections, and
    /// after how long.
    pub(crate) fn ask_reconnect(
        &mut self,
        said: &mut Vec<What>,
    ) -> Option<(ReconnectId, BackendId, SignedDuration)> {
        let now = self.now;
        for (id, reconnect) in &mut self.reconnects {
            if reconnect.outcome.is_some() || now < reconnect.ask_at() {
                continue;
            }
            let (id, target) = (id.clone(), reconnect.target.clone());
            if reconnect.asked.len() >= RECONNECT_ASKED_MAX {
                reconnect.outcome = Some(Outcome::Unknown { at: now });
                said.push(What::ReconnectUnknown { id, target });
                continue;
            }
            let after = reconnect.due.duration_since(now).max(RECONNECT_AFTER_MIN);
            // Azure takes whole seconds; rounded up, so that it is never too early.
            let after =
                SignedDuration::from_secs(after.as_secs() + i64::from(after.subsec_nanos() > 0));
            reconnect.asked.push(now);
            said.push(What::ReconnectAsked { id: id.clone(), target: target.clone(), after });
            return Some((id, target, after));
        }
        None
    }

    /// Takes in Azure's answer to a reconnect.
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
                let until = self.troubled("Azure asks to wait", *until);
                said.push(What::Throttled { until });
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

    /// Forgets the reconnects that were answered long ago.
    pub(crate) fn forget_reconnects(&mut self) {
        let now = self.now;
        self.reconnects.retain(|_, reconnect| {
            let outcome = reconnect.outcome.as_ref();
            outcome.is_none_or(|outcome| now < later(outcome.at(), RECONNECT_SHOWN))
        });
    }
}
