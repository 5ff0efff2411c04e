//! Reconnects: what follows a play or a window when it is over, or an override once it has begun, and what
//! Azure made of it.
//!
//! What follows an end is called off by the next start, and what follows a start by the end: until Azure is
//! asked, the wait is ours.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Document;
use crate::{
    answer::ReconnectAnswer,
    effect::Effect,
    group::{Consulted, Group, Paused, RunId, RunOf, Scope},
    id::{OverrideId, ReconnectId},
    lease::later,
    ledger::What,
    names::{BackendId, BackendName, TagName},
    overrides::{Life, Override, Standing},
    reconnect::{After, Due, RECONNECT_AFTER_MIN},
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
    /// The play or the window that it follows.
    #[serde(flatten)]
    pub of: RunOf,
    /// Which beginning it follows; none where it follows an end: when what it follows is on again before it
    /// is asked for, it is off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<Start>,
    /// The alert that the play answered, or the window's instance.
    pub series: SeriesId,
    /// When the connections are to be made anew; no sooner, while its run is still on.
    pub due: Timestamp,
    /// While its run is still on: when it is due, counted from the end of that.
    #[serde(flatten)]
    pub after: Option<Due>,
    /// When it was asked for; each is saved before it is sent. Two at most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asked: Vec<Timestamp>,
    /// How it ended; none while it goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
}

/// The beginning of an override.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// Of which one.
    pub id: OverrideId,
    /// When.
    pub begun: Timestamp,
}

impl Start {
    /// That of an override which is in force.
    fn of(over: &Override) -> Option<Self> {
        Some(Self { id: over.id.clone(), begun: over.begun()? })
    }
}

impl Reconnect {
    /// The run whose end it follows; none where it follows a beginning.
    #[must_use]
    pub fn run(&self) -> Option<RunId> {
        let run = || RunId { of: self.of.clone(), target: self.target.clone() };
        self.start.is_none().then(run)
    }

    /// Whether it waits for the end of this run, or for its time after that.
    fn waits_for(&self, run: &RunId) -> bool {
        self.is_waiting() && self.run().as_ref() == Some(run)
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

/// What the group documents of runs, of tags and of what is ensured say of a backend.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// The runs that act there.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub acting: BTreeSet<RunId>,
    /// The runs whose reconnect waits there.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub waiting: BTreeSet<RunId>,
    /// That it is ensured and there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_there: bool,
    /// The ensured backends of which it is said that this pool lists them, or is to.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub members: BTreeSet<BackendName>,
    /// Its members that are out, by tag.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub out: BTreeMap<TagName, BTreeSet<BackendName>>,
    /// The tags for which an override waits there.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub tags: BTreeSet<TagName>,
}

impl Listed {
    /// Whether they say nothing of it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
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
        let of = RunOf::origin(&self.origin).into_iter();
        of.flat_map(|of| {
            self.after
                .iter()
                .map(move |after| RunId { of: of.clone(), target: after.reconnect.clone() })
        })
    }
}

impl Document {
    /// The scopes whose group documents a step of it is likely to depend on.
    #[must_use]
    pub fn scopes(&self) -> BTreeSet<Scope> {
        let runs = self.overrides.values().flat_map(Override::runs).chain(self.waiting());
        let begin = self.overrides.values().filter(|over| over.wants_to_begin());
        let plays = begin.filter_map(|over| over.origin.play().cloned());
        let paused = Paused::of(&self.backend).map(|of| of.scope());
        let single = self.is_ensured().then(|| self.backend.clone());
        let joins = self.joins().into_iter().map(|name| self.backend.sibling(name));
        let ensured = single.into_iter().chain(joins).map(Scope::Ensured);
        let tags = self.listed.out.keys().chain(&self.listed.tags).cloned().map(Scope::Tag);
        runs.map(Scope::Run)
            .chain(plays.map(Scope::Play))
            .chain(paused)
            .chain(tags)
            .chain(ensured)
            .collect()
    }

    /// The runs that act on this backend.
    fn acting(&self) -> BTreeSet<RunId> {
        let acts = |over: &&Override| !matches!(over.life, Life::Claimed { .. });
        self.overrides.values().filter(acts).flat_map(Override::runs).collect()
    }

    /// Notes what is to follow an override that has ended. It follows one that has yielded, too: whoever
    /// took the weight over said nothing against new connections. The next step sees when it is due.
    pub(super) fn note_reconnects(&mut self, over: &Override, ended: Timestamp) {
        let Some(of) = RunOf::origin(&over.origin) else { return };
        for After { reconnect: target, due } in &over.after {
            let id =
                ReconnectId::derive(&[over.id.as_str(), &ended.to_string(), &target.to_string()]);
            let noted = Reconnect {
                target: target.clone(),
                of: of.clone(),
                start: None,
                series: over.series.clone(),
                due: due.of(self.now),
                after: Some(due.clone()),
                asked: Vec::new(),
                outcome: None,
            };
            self.reconnects.insert(id, noted);
        }
    }

    /// Brings the group documents of runs up to date with what acts and what waits here, and plans the
    /// reconnect that follows a run that is over: one of a target, however many effects the play had, on
    /// however many backends, and however many alerts it answered. A run that begins again calls it off.
    /// Gives the other backends that are to be looked at for it.
    pub(crate) fn follow_runs(
        &mut self,
        groups: &mut Consulted<'_>,
        said: &mut Vec<What>,
    ) -> BTreeSet<BackendId> {
        let (acting, waiting) = (self.acting(), self.waiting());
        let listed = std::mem::take(&mut self.listed.acting);
        let listed_waiting = std::mem::take(&mut self.listed.waiting);
        let ends_or_begins = acting.symmetric_difference(&listed);
        let runs: BTreeSet<RunId> =
            ends_or_begins.chain(&waiting).chain(&listed_waiting).cloned().collect();
        let mut concerned = BTreeSet::new();
        for run in runs {
            let scope = Scope::Run(run.clone());
            let mut group = groups.ask(scope.clone()).clone();
            let before = group.clone();
            let was_on = !group.acting.is_empty();
            if acting.contains(&run) {
                group.acting.insert(self.backend.clone());
            } else {
                group.acting.remove(&self.backend);
            }
            let is_on = !group.acting.is_empty();
            let begins = is_on && !was_on;
            if begins {
                group.waiting.clear();
            }
            // What waits is called off where the run begins again, here or elsewhere, and where another
            // backend has taken it over.
            let is_off = listed_waiting.contains(&run) && !group.waiting.contains(&self.backend);
            if begins || is_off {
                self.call_off(&run, |_| true, said);
            } else if is_on {
                self.call_off(&run, |reconnect| reconnect.after.is_none(), said);
                if !before.waiting.contains(&self.backend) {
                    self.tell_of_waiting(&run, &group, said);
                }
            } else if self.plan_reconnect(&run, said) {
                group.waiting.clear();
            }
            if self.waiting().contains(&run) {
                group.waiting.insert(self.backend.clone());
            } else {
                group.waiting.remove(&self.backend);
            }
            // They find that theirs is not listed any more, or that the run is over.
            let is_news = was_on != is_on || !before.waiting.is_subset(&group.waiting);
            concerned.extend(before.waiting.iter().filter(|_| is_news).cloned());
            if group != before {
                groups.change(scope, group);
            }
        }
        concerned.remove(&self.backend);
        (self.listed.acting, self.listed.waiting) = (acting, self.waiting());
        concerned
    }

    /// The runs whose reconnect waits here.
    fn waiting(&self) -> BTreeSet<RunId> {
        let waiting = self.reconnects.values().filter(|reconnect| reconnect.is_waiting());
        waiting.filter_map(Reconnect::run).collect()
    }

    /// Says what a reconnect waits for. That its run goes on here is seen by the override.
    fn tell_of_waiting(&self, run: &RunId, group: &Group, said: &mut Vec<What>) {
        let on: Vec<BackendId> =
            group.acting.iter().filter(|backend| **backend != self.backend).cloned().collect();
        let waiting = self.reconnects.iter().find(|(_, one)| one.waits_for(run));
        if let Some((id, _)) = waiting.filter(|_| !on.is_empty()) {
            let (id, target, of) = (id.clone(), run.target.clone(), run.of.clone());
            said.push(What::ReconnectWaits { id, target, on, of });
        }
    }

    /// Calls off what waits of a run. Only what was planned has been told of before.
    fn call_off(&mut self, run: &RunId, which: impl Fn(&Reconnect) -> bool, said: &mut Vec<What>) {
        let off = self
            .reconnects
            .extract_if(.., |_, reconnect| reconnect.waits_for(run) && which(reconnect));
        for (id, reconnect) in off.filter(|(_, reconnect)| reconnect.after.is_none()) {
            said.push(What::ReconnectCancelled { id, target: reconnect.target });
        }
    }

    /// Plans what follows a run that is over, as one reconnect; says whether there is anything to plan.
    fn plan_reconnect(&mut self, run: &RunId, said: &mut Vec<What>) -> bool {
        let now = self.now;
        let of_run = |one: &Reconnect| one.waits_for(run);
        let noted: Vec<_> =
            self.reconnects.extract_if(.., |_, one| of_run(one) && one.after.is_some()).collect();
        let due = noted.iter().filter_map(|(_, one)| Some(one.after.as_ref()?.of(now))).max();
        let Some(due) = due else { return false };
        if let Some(planned) = self.reconnects.values_mut().find(|one| of_run(one)) {
            planned.due = planned.due.max(due);
        } else if let Some((id, one)) = noted.into_iter().next() {
            let target = one.target.clone();
            said.push(What::ReconnectPlanned { id: id.clone(), target, due });
            self.reconnects.insert(id, Reconnect { due, after: None, ..one });
        }
        true
    }

    /// Plans the next reconnect of each override that asks for one and is in force, and calls off what follows
    /// the beginning of one that is not any more.
    pub(crate) fn follow_starts(&mut self, said: &mut Vec<What>) {
        let is_on = |start: &Start| {
            self.overrides.get(&start.id).is_some_and(|over| over.begun() == Some(start.begun))
        };
        let is_off = |one: &Reconnect| {
            one.is_waiting() && one.start.as_ref().is_some_and(|start| !is_on(start))
        };
        for (id, off) in self.reconnects.extract_if(.., |_, one| is_off(one)) {
            said.push(What::ReconnectCancelled { id, target: off.target });
        }
        let in_force = self.overrides.values().filter(|over| over.standing == Standing::Admitted);
        for over in in_force {
            let (Effect::Reconnect(rhythm), Some(start)) = (&over.effect, Start::of(over)) else {
                continue;
            };
            let known = self.reconnects.values().filter(|one| one.start.as_ref() == Some(&start));
            if known.clone().any(|one| one.outcome.is_none()) {
                continue;
            }
            let known = known.map(|one| one.due).max();
            let ends = over.ends().map_or(Timestamp::MAX, |(at, _)| at);
            let next = rhythm.next(start.begun, known, self.now);
            let Some(due) = next.filter(|due| rhythm.every.is_none() || *due < ends) else {
                continue;
            };
            let Some(of) = RunOf::origin(&over.origin) else { continue };
            let target = self.backend.clone();
            let id = ReconnectId::derive(&[
                over.id.as_str(),
                &start.begun.to_string(),
                &due.to_string(),
                &target.to_string(),
            ]);
            // Of one that was, nothing is needed but when the last was due.
            let is_older = |one: &Reconnect| {
                one.outcome.is_some() && one.start.as_ref().is_some_and(|it| it.id == over.id)
            };
            self.reconnects.retain(|_, one| !is_older(one));
            said.push(What::ReconnectPlanned { id: id.clone(), target: target.clone(), due });
            let (start, series) = (Some(start), over.series.clone());
            let (asked, outcome) = (Vec::new(), None);
            let planned = Reconnect { target, of, start, series, due, after: None, asked, outcome };
            self.reconnects.insert(id, planned);
        }
    }

    /// Whether what a reconnect follows is as it was when it was planned: one at whose backend nothing can be
    /// done waits.
    fn may_ask(&self, reconnect: &Reconnect) -> bool {
        let over = reconnect.start.as_ref().and_then(|start| self.overrides.get(&start.id));
        over.is_none_or(|over| over.standing == Standing::Admitted)
    }

    /// Takes back the reconnects that were not asked for yet, of one override or all: an operator's will.
    pub(super) fn undo_reconnects(
        &mut self,
        of: Option<&OverrideId>,
        by: &str,
        reason: &str,
        said: &mut Vec<What>,
    ) {
        let is_of =
            |one: &Reconnect| of.is_none() || one.start.as_ref().map(|start| &start.id) == of;
        let undone = self.reconnects.extract_if(.., |_, one| one.is_waiting() && is_of(one));
        for (id, undone) in undone {
            let (by, reason) = (by.to_owned(), reason.to_owned());
            said.push(What::ReconnectUndone { id, target: undone.target, by, reason });
        }
    }

    /// The first reconnect that is to be asked for now, noted as asked: which, whose connections, and
    /// after how long.
    pub(crate) fn ask_reconnect(
        &mut self,
        said: &mut Vec<What>,
    ) -> Option<(ReconnectId, BackendId, SignedDuration)> {
        let now = self.now;
        let is_due = |one: &Reconnect| {
            one.outcome.is_none()
                && one.after.is_none()
                && now >= one.ask_at()
                && (one.is_asked() || self.may_ask(one))
        };
        let due = self.reconnects.iter().filter(|(_, one)| is_due(one));
        let due: Vec<ReconnectId> = due.map(|(id, _)| id.clone()).collect();
        for id in due {
            let Some(reconnect) = self.reconnects.get_mut(&id) else { continue };
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
                said.push(What::Throttled { until, intent: None });
            }
            ReconnectAnswer::NotSent { why } => {
                reconnect.asked.pop();
                said.push(What::ReconnectNotSent { id, target, why: why.clone() });
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
        let (now, overrides) = (self.now, &self.overrides);
        // While what it follows the beginning of is in force, it tells that it was asked for.
        let is_needed = |start: &Start| {
            overrides.get(&start.id).is_some_and(|over| over.begun() == Some(start.begun))
        };
        self.reconnects.retain(|_, reconnect| {
            let outcome = reconnect.outcome.as_ref();
            outcome.is_none_or(|outcome| now < later(outcome.at(), RECONNECT_SHOWN))
                || reconnect.start.as_ref().is_some_and(is_needed)
        });
    }
}
