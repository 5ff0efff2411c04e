//! A play: when this is heard, do that; and its effects before a signal has filled them in.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::{
    expression::Expression,
    gates::{Budget, Hours},
    template::Template,
};
use crate::{
    drift::Drift,
    effect::Effect,
    lease::{Lease, later},
    mode::Mode,
    names::{PlayName, TagName},
    reconnect::Due,
    shown::Shown,
    signal::Signal,
};

/// One entry of the playbook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Play {
    /// Its name, unlike that of any other play.
    pub name: PlayName,
    /// Whether it acts, or only shows what it would do.
    pub mode: Mode,
    /// Which signals it is for.
    pub when: Expression,
    /// What it does, in the order of the file; at least one.
    pub effects: Vec<EffectTemplate>,
    /// What must be so for it to begin.
    pub begins: Begins,
    /// How what it did ends.
    pub lease: Lease,
    /// When it begins anything; at any time, where it does not say.
    pub hours: Option<Hours>,
    /// How many of its overrides may begin.
    pub budget: Option<Budget>,
    /// How its hold grows where its alerts come and go.
    pub damping: Option<Damping>,
    /// After how long without being heard again what it did ends.
    pub stale: Option<Stale>,
    /// What it does where someone else writes over what it has changed.
    pub drift: Drift,
    /// The reconnects that follow when it is over.
    pub after: Vec<ReconnectTemplate>,
    /// The labels and annotations that show what its alert is, in the order in which they are shown.
    pub show: Vec<String>,
}

/// What must be so for what a play does to begin.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Begins {
    /// That no other alert is on for which this holds.
    pub unless: Option<Expression>,
    /// For how long an occurrence must have been on.
    pub lasting: Option<SignedDuration>,
    /// How many occurrences there must have been.
    pub count: Option<Count>,
}

/// How many occurrences there must have been, within what of each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// How many; from 2 to [`super::COUNT_MAX`].
    pub count: usize,
    /// Within what of each other; at most [`super::WITHIN_MAX`].
    pub within: SignedDuration,
}

/// How a hold grows: it is doubled for each earlier occurrence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damping {
    /// How long before an occurrence another is an earlier one; at most [`super::WITHIN_MAX`].
    pub within: SignedDuration,
    /// The longest that the hold becomes.
    pub most: SignedDuration,
}

/// When an alert of a source that repeats counts as silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stale {
    /// After how long without being heard again; at least twice what its source repeats in.
    pub after: SignedDuration,
}

impl Stale {
    /// When an alert counts as silent that was heard last in this minute, should it not be heard again: no
    /// sooner than `after`, and a quarter of that later at most. It is the same for each time within a
    /// quarter, so that a repeat seldom changes what is stored. A quarter is of whole minutes, as receipts are:
    /// a shorter one would take an alert that was heard at the end of its minute for silent too soon.
    pub(crate) fn silent(&self, heard: Timestamp) -> Timestamp {
        let minutes = ((self.after / 4).as_secs() + 59) / 60;
        let quarter = SignedDuration::from_mins(minutes.max(1));
        later(later(coarse(heard, quarter), self.after), quarter)
    }
}

/// The latest multiple of a length before a time.
pub(crate) fn coarse(at: Timestamp, length: SignedDuration) -> Timestamp {
    let (second, length) = (at.as_second(), length.as_secs().max(1));
    Timestamp::from_second(second - second.rem_euclid(length)).unwrap_or(at)
}

impl Play {
    /// What an alert is in its own words, as this play shows it.
    #[must_use]
    pub fn shown(&self, signal: &Signal) -> Shown {
        Shown::of(self.show.iter().map(String::as_str), signal)
    }

    /// Whether it looks back at the occurrences that asked for what it does.
    #[must_use]
    pub const fn looks_back(&self) -> bool {
        self.begins.lasting.is_some() || self.begins.count.is_some() || self.damping.is_some()
    }
}

/// On what something is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum On {
    /// One pool or Single, by its alias.
    One(Template),
    /// Every pool that lists such a member.
    EveryPool,
    /// The backends that a pool lists.
    MembersOf(Template),
}

/// To which member of a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whom {
    /// The one of this name.
    Named(Template),
    /// Those with these tags.
    Tags(BTreeMap<TagName, Template>),
    /// Those of this host.
    Host(Template),
}

impl Whom {
    /// The field of an effect that says so.
    pub(super) const fn field(&self) -> &'static str {
        match self {
            Self::Named(_) => "member",
            Self::Tags(_) => "tags",
            Self::Host(_) => "host",
        }
    }
}

/// What a play does, before a signal says to which backends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EffectTemplate {
    /// On what it is done.
    pub on: On,
    /// What is done.
    pub effect: Effect<Whom>,
    /// How many members, or backends, it may come to.
    pub most: usize,
}

/// A reconnect that follows a play, before a signal says of which backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReconnectTemplate {
    /// The backend's name, in the service of the backend of the play's first effect.
    pub backend: Template,
    /// When, counted from the play's end; no sooner than [`super::RECONNECT_AFTER_MIN`] after it.
    pub due: Due,
}
