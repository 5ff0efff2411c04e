//! Reconnects: what follows a play when it is over, and what Azure made of it.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Document;
use crate::{
    answer::ReconnectAnswer,
    group::{Consulted, Group, RunId, Scope},
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
    /// Whether it is yet to be seen that nothing of its run goes on: it follows what ends last.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub open: bool,
    /// When it was asked for; each is saved before it is sent. Two at most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asked: Vec<Timestamp>,
    /// How it ended; none while it goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
}

impl Reconnect {
    /// The run that it follows.
    #[must_use]
    pub fn run(&self) -> RunId {
        RunId { play: self.play.clone(), target: self.target.clone() }
    }

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

impl Override {
    /// The runs that it is part of: one for each reconnect that follows it.
    fn runs(&self) -> impl Iterator<Item = RunId> {
        let run = |target: &BackendId| RunId { play: self.play.clone(), target: target.clone() };
        self.after.iter().map(move |after| run(&after.reconnect))
    }
}

impl Document {
    /// The runs that act on this backend.
    fn acting(&self) -> BTreeSet<RunId> {
        let acts = |over: &&Override| !matches!(over.life, Life::Claimed { .. });
        self.overrides.values().filter(acts).flat_map(Override::runs).collect()
    }

    /// Notes what is to follow an override that has ended; the next step sees whether it does
    /// ([`Reconnect::open`]). It follows one that has yielded, too: whoever took the weight over said
    /// nothing against new connections.
    pub(super) fn note_reconnects(&mut self, over: &Override, ended: Timestamp) {
        for After { reconnect: target, after } in &over.after {
            let id =
                ReconnectId::derive(&[over.id.as_str(), &ended.to_string(), &target.to_string()]);
            let noted = Reconnect {
                target: target.clone(),
                play: over.play.clone(),
                series: over.series.clone(),
                due: later(self.now, *after),
                open: true,
                asked: Vec::new(),
                outcome: None,
            };
            self.reconnects.insert(id, noted);
        }
    }

    /// Tells the runs of what acts here which of them do, and plans the reconnect that follows each run
    /// that is over: one of a target, however many effects the play had, on however many backends, and
    /// however many alerts it answered. Gives the other backends that this says something new to.
    pub(crate) fn follow_runs(
        &mut self,
        groups: &mut Consulted<'_>,
        said: &mut Vec<What>,
    ) -> BTreeSet<BackendId> {
        let mut concerned = BTreeSet::new();
        let mut other = |group: &Group, backend: &BackendId| {
            let planned = group.reconnect.as_ref().map(|(planned, _)| planned);
            concerned.extend(planned.filter(|planned| *planned != backend).cloned());
        };
        let acting = self.acting();
        for run in acting.symmetric_difference(&self.runs) {
            let mut group = groups.ask(Scope::Run(run.clone()));
            if acting.contains(run) {
                other(&group, &self.backend);
                group.acting.insert(self.backend.clone());
            } else {
                group.acting.remove(&self.backend);
            }
            groups.change(Scope::Run(run.clone()), group);
        }
        self.runs = acting;
        let open: Vec<_> = self.reconnects.extract_if(.., |_, reconnect| reconnect.open).collect();
        for (id, reconnect) in open {
            let scope = Scope::Run(reconnect.run());
            let mut group = groups.ask(scope.clone());
            // Where the run goes on, here or elsewhere, it follows what ends last.
            if !group.acting.is_empty() {
                continue;
            }
            let run = reconnect.run();
            let waiting =
                self.reconnects.iter_mut().find(|(_, one)| one.is_waiting() && one.run() == run);
            let id = match waiting {
                Some((id, waiting)) => {
                    waiting.due = waiting.due.max(reconnect.due);
                    id.clone()
                }
                None => {
                    let (target, due) = (reconnect.target.clone(), reconnect.due);
                    said.push(What::ReconnectPlanned { id: id.clone(), target, due });
                    self.reconnects.insert(id.clone(), Reconnect { open: false, ..reconnect });
                    id
                }
            };
            other(&group, &self.backend);
            group.reconnect = Some((self.backend.clone(), id));
            groups.change(scope, group);
        }
        concerned
    }

    /// Takes back the reconnects that were not asked for yet: an operator's will.
    pub(super) fn undo_reconnects(&mut self, by: &str, reason: &str, said: &mut Vec<What>) {
        for (id, undone) in self.reconnects.extract_if(.., |_, reconnect| reconnect.is_waiting()) {
            let (by, reason) = (by.to_owned(), reason.to_owned());
            said.push(What::ReconnectUndone { id, target: undone.target, by, reason });
        }
    }

    /// Cancels the reconnects whose run is on again, or that a later one takes the place of.
    pub(crate) fn cancel_reconnects(&mut self, groups: &mut Consulted<'_>, said: &mut Vec<What>) {
        let cancelled = self.reconnects.extract_if(.., |id, reconnect| {
            reconnect.is_waiting() && {
                let group = groups.ask(Scope::Run(reconnect.run()));
                let another = group.reconnect.is_some_and(|(_, planned)| planned != *id);
                another || !group.acting.is_empty()
            }
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
