//! What spans backends: group documents, one for each scope.
//!
//! A step says which of them its decision depends on, and which it changes ([`crate::step::Step`]); what
//! it was not given, it is given then, and decides again. A commit compares these in its own transaction,
//! and only these, so that no group document is written or compared by everybody.
//! [`Scope::Everything`] and that of its pool are compared by each look that has anything to do, and changed by a
//! person only.
//!
//! A write that was recorded before a pause may still be on its way: whoever pauses is told of those
//! that have no answer yet.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    id::{MessageId, OverrideId},
    lease::later,
    names::{BackendId, BackendName, PlayName, TagName, WindowName},
    origin::Origin,
    playbook::{DURATION_MAX, Playbook},
    recent::Recent,
    shown::Shown,
    signal::SeriesId,
};

/// What a group document spans.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// All backends.
    Everything,
    /// The backends on which a play or a window acts that a reconnect of one target follows.
    Run(RunId),
    /// The operators' commands.
    Commands,
    /// The alerts in force that keep a play from beginning.
    Unless(PlayName),
    /// The instances of a maintenance window, on all backends that it does something to.
    Window(WindowName),
    /// A backend, for what is no part of its document: a person changes it, whatever the backend does.
    Pool(BackendId),
    /// The overrides of a play, on all backends.
    Play(PlayName),
    /// The members of a pool.
    Members(BackendId),
    /// A Single that is ensured, and the pools that list it.
    Ensured(BackendId),
    /// The backends with a tag, over all pools.
    Tag(TagName),
}

/// How the text of [`Scope::Members`] begins; the pool follows.
pub const MEMBERS: &str = "members ";

/// Which run of a play or a window: that which a reconnect of one target follows, whichever backends it acts on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RunId {
    /// Of what.
    #[serde(flatten)]
    pub of: RunOf,
    /// Whose connections are made anew after it.
    pub target: BackendId,
}

/// What has runs that reconnects follow.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunOf {
    /// A play: while it acts on any backend.
    Play(PlayName),
    /// A window: while it is open, and gives back what it took.
    Window(WindowName),
}

impl RunOf {
    /// What an override is part of.
    #[must_use]
    pub fn origin(origin: &Origin) -> Option<Self> {
        match origin {
            Origin::Alert { play } => Some(Self::Play(play.clone())),
            Origin::Window { window } => Some(Self::Window(window.clone())),
            Origin::Operator => None,
        }
    }
}

/// As in `play drain`.
impl fmt::Display for RunOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Play(play) => write!(f, "play {play}"),
            Self::Window(window) => write!(f, "window {window}"),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everything => f.write_str("all"),
            Self::Commands => f.write_str("commands"),
            Self::Unless(play) => write!(f, "unless {play}"),
            Self::Window(window) => write!(f, "window {window}"),
            Self::Pool(pool) => write!(f, "pool {pool}"),
            Self::Play(play) => write!(f, "play {play}"),
            Self::Members(pool) => write!(f, "{MEMBERS}{pool}"),
            Self::Ensured(single) => write!(f, "ensured {single}"),
            Self::Tag(tag) => write!(f, "tag {tag}"),
            Self::Run(RunId { of: RunOf::Play(play), target }) => write!(f, "run {play} {target}"),
            Self::Run(RunId { of: of @ RunOf::Window(_), target }) => {
                write!(f, "run {of} {target}")
            }
        }
    }
}

/// A group document: what is known of its scope, which says what may be there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Of everything, and of a pool: under a pause nothing is written there at all, no change, no undo, no
    /// reconnect. Of a play: its overrides do not begin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<Pause>,
    /// Of a run: the backends on which it acts. It is over when there is none. Of what is ensured: the pools
    /// that list it by our doing, or may come to.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub acting: BTreeSet<BackendId>,
    /// Of a run: the backends whose documents have a reconnect that waits for its end, or for its time
    /// after that; one, once it is planned. Of `unless` and of a tag: the backends with an override that waits.
    /// Of what is ensured: the pools that are to list it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub waiting: BTreeSet<BackendId>,
    /// Of the commands: those that were taken in, and when. One that is delivered again ends nothing that
    /// began in between.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub commands: BTreeMap<MessageId, Timestamp>,
    /// Of a play that has a budget: the overrides that have begun of late, on all backends.
    #[serde(default, skip_serializing_if = "Recent::is_empty")]
    pub begun: Recent<OverrideId>,
    /// Of `unless`: the alerts in force for which it holds.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub in_force: BTreeMap<SeriesId, InForce>,
    /// Of a window: the starts of the instances that do not open, or were ended early.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub skipped: BTreeSet<Timestamp>,
    /// Of a tag: the members that are out, by their pool. One is there from when that is decided until it is seen
    /// to serve.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub out: BTreeMap<BackendId, BTreeSet<BackendName>>,
    /// Of a pool: the members that it listed when a playbook that has it was taken up. They are for
    /// people who type their names; nothing is decided by them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub members: BTreeSet<BackendName>,
    /// Of what is ensured: whether it is seen to be there, and stays for now.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_there: bool,
}

/// An alert in force that keeps a play from beginning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InForce {
    /// Until when it counts, should it neither be heard again nor resolve: resolves get lost.
    pub until: Timestamp,
    /// What it is, in its own words.
    #[serde(default, skip_serializing_if = "Shown::is_empty")]
    pub alert: Shown,
}

/// How many alerts are known that keep one play from beginning; of more, those that count for longest.
pub const IN_FORCE_MAX: usize = 256;

/// How long a command is known: longer than a message may wait to be taken in.
const COMMANDS_KEPT: SignedDuration = SignedDuration::from_hours(15 * 24);

/// How many commands are known; beyond that, the oldest are forgotten.
pub const COMMANDS_MAX: usize = 1_000;

impl Group {
    /// A scope of which nothing is known.
    const EMPTY: &'static Self = &Self {
        paused: None,
        acting: BTreeSet::new(),
        waiting: BTreeSet::new(),
        commands: BTreeMap::new(),
        begun: Recent::new(),
        in_force: BTreeMap::new(),
        skipped: BTreeSet::new(),
        out: BTreeMap::new(),
        members: BTreeSet::new(),
        is_there: false,
    };

    /// The pause that is on.
    #[must_use]
    pub fn pause(&self, now: Timestamp) -> Option<&Pause> {
        self.paused.as_ref().filter(|pause| pause.until.is_none_or(|until| now < until))
    }

    /// Takes in that an instance of a window is not to open, or is to end early. What was skipped long ago
    /// is forgotten.
    pub fn skip(&mut self, start: Timestamp, now: Timestamp) {
        self.skipped.retain(|start| now < later(*start, DURATION_MAX * 2));
        self.skipped.insert(start);
    }

    /// Takes in that an alert is in force, or is not any more. Gives the backends that are to be looked at, as
    /// what they wait for may be over.
    pub fn note_in_force(
        &mut self,
        series: &SeriesId,
        in_force: Option<InForce>,
        now: Timestamp,
    ) -> BTreeSet<BackendId> {
        self.in_force.retain(|_, one| now < one.until);
        if let Some(one) = in_force {
            self.in_force.insert(series.clone(), one);
            while self.in_force.len() > IN_FORCE_MAX {
                let first = self.in_force.iter().min_by_key(|(series, one)| (one.until, *series));
                let Some(first) = first.map(|(series, _)| series.clone()) else { break };
                self.in_force.remove(&first);
            }
            return BTreeSet::new();
        }
        self.in_force.remove(series);
        std::mem::take(&mut self.waiting)
    }

    /// Takes in that an operator gave this command; false where it was taken in before.
    pub fn note_command(&mut self, command: &MessageId, now: Timestamp) -> bool {
        self.commands.retain(|_, at| now < later(*at, COMMANDS_KEPT));
        if self.commands.contains_key(command) {
            return false;
        }
        if self.commands.len() >= COMMANDS_MAX {
            let oldest = self.commands.iter().min_by_key(|(_, at)| **at);
            if let Some(oldest) = oldest.map(|(id, _)| id.clone()) {
                self.commands.remove(&oldest);
            }
        }
        self.commands.insert(command.clone(), now);
        true
    }
}

/// What can be paused.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Paused {
    /// Every write to Azure.
    #[default]
    Everything,
    /// Every write to a pool.
    Pool(BackendId),
    /// What a play would begin.
    Play(PlayName),
}

impl Paused {
    /// Where that is kept.
    #[must_use]
    pub fn scope(&self) -> Scope {
        match self {
            Self::Everything => Scope::Everything,
            Self::Pool(pool) => Scope::Pool(pool.clone()),
            Self::Play(play) => Scope::Play(play.clone()),
        }
    }

    /// All that can be paused under a playbook.
    #[must_use]
    pub fn all(playbook: Option<&Playbook>) -> BTreeSet<Self> {
        let pools = playbook.into_iter().flat_map(|playbook| playbook.pools.values());
        let plays = playbook.into_iter().flat_map(|playbook| &playbook.plays);
        let pools = pools.map(|pool| Self::Pool(pool.backend.clone()));
        let plays = plays.map(|play| Self::Play(play.name.clone()));
        pools.chain(plays).chain([Self::Everything]).collect()
    }

    /// What stops the writes to a backend.
    #[must_use]
    pub fn of(backend: &BackendId) -> [Self; 2] {
        [Self::Everything, Self::Pool(backend.clone())]
    }

    pub(crate) fn is_everything(&self) -> bool {
        *self == Self::Everything
    }
}

impl fmt::Display for Paused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everything => f.write_str("everything"),
            Self::Pool(pool) => write!(f, "pool {}", pool.short()),
            Self::Play(play) => write!(f, "play {play}"),
        }
    }
}

/// Who paused, when and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
    /// Since when.
    pub at: Timestamp,
    /// Until when; none where a person ends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// Group documents, by scope; what is not there is empty.
pub type Groups = BTreeMap<Scope, Group>;

/// The group documents under a decision: as they were read, which of them it depends on, and which it
/// changes.
#[derive(Debug)]
pub struct Consulted<'a> {
    read: &'a Groups,
    changed: Groups,
    depends: BTreeSet<Scope>,
}

impl<'a> Consulted<'a> {
    /// Nothing is asked of them yet.
    #[must_use]
    pub const fn new(read: &'a Groups) -> Self {
        Self { read, changed: Groups::new(), depends: BTreeSet::new() }
    }

    /// What is known of a scope. The decision depends on it from now on.
    pub fn ask(&mut self, scope: Scope) -> &Group {
        let known = self.changed.get(&scope).or_else(|| self.read.get(&scope));
        self.depends.insert(scope);
        known.unwrap_or(Group::EMPTY)
    }

    /// Changes what is known of a scope.
    pub(crate) fn change(&mut self, scope: Scope, group: Group) {
        self.changed.insert(scope, group);
    }

    /// What it depends on, and what it changes.
    pub(crate) fn into_parts(self) -> (BTreeSet<Scope>, Groups) {
        (self.depends, self.changed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_known_for_as_long_as_it_may_be_delivered_again() {
        let (mut group, day) =
            (Group::default(), |day: i64| Timestamp::from_second(day * 24 * 3_600).unwrap());
        let id = |number: usize| MessageId::derive(&["command", &number.to_string()]);
        assert!(group.note_command(&id(0), day(0)) && !group.note_command(&id(0), day(0)));
        assert!(group.note_command(&id(1), day(14)) && !group.note_command(&id(0), day(14)));
        assert!(!group.note_command(&id(1), day(16)));
        assert_eq!(group.commands.keys().collect::<Vec<_>>(), [&id(1)]);
        for number in 2..=COMMANDS_MAX + 1 {
            assert!(group.note_command(&id(number), day(17)));
        }
        assert_eq!(group.commands.len(), COMMANDS_MAX);
        assert!(!group.commands.contains_key(&id(1)), "the oldest goes");
    }
}
