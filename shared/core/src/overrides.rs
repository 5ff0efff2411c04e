//! An override: a leased change of one backend, with a reason, a source and always an end.
//!
//! What an override carries was resolved when it was claimed; no playbook is evaluated again for
//! it. What has become of it is kept as facts with their times ([`Life`]), never as counters, and
//! what the last look thought of it beside them ([`Standing`]), for people to read.
//!
//! # The states
//!
//! Life and standing make the state. That an occurrence is behind it counts only once it has ended:
//! then it is *asked again*.
//!
//! | life | standing | asked again | what it is, and how that ends |
//! |---|---|---|---|
//! | `Claimed` | `Unseen` | | No look has come to it yet. |
//! | `Claimed` | `Held` | | A limit, a gate or the backend's state keeps it back. Every look tries it again: it begins, or its time runs out first. |
//! | `Claimed` | `Admitted` | | It came back from `Ended`, as an occurrence asks for it again. No look has come to it since. |
//! | `Claimed` | `Yielded` | | The same, and someone else has written every field of it. It waits for its end. |
//! | `Begun` | `Admitted` | | In force. |
//! | `Begun` | `Held` | | Begun, and then kept out: a stronger one displaced it, or the backend changed. The fields go back meanwhile. Every look tries it again, without asking a gate. |
//! | `Begun` | `Yielded` | | Someone else wrote every field of it. It keeps out of them until it ends. |
//! | `Ended` | `Admitted` | no | On its way out: it gives back by its ramp, and then is forgotten. |
//! | `Ended` | `Held` | no | It ended while the backend could not be read, and gives back once that can. Or nobody asks for it again after all: it gives back at once. |
//! | `Ended` | `Yielded` | no | Nobody asks for it again after all. It has nothing to give back, and is forgotten at the next look. |
//! | `Ended` | any | yes | On its way out as above. Where gates are open and limits allow it, it begins anew, whole. Where a limit keeps it out, or it has given back everything first, it is `Claimed` anew. |
//!
//! One that ended while nothing of it stood in the backend is forgotten at once: there is nothing to
//! give back. An undo ends each of these, without a ramp.

use std::{cmp::Reverse, fmt};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    claim::{Asked, Behind},
    effect::Effect,
    field::Property,
    fraction::Fraction,
    id::OverrideId,
    lease::{Lease, Until, later},
    names::{BackendId, BackendName, FreezeName, PlayName, TagName},
    origin::{Authority, Origin},
    reconnect::After,
    shown::{Named, Shown},
    signal::{SeriesId, Severity},
};

pub use crate::lease::End;

/// A leased change of one backend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Override {
    /// See [`crate::claim::Claim::id`].
    pub id: OverrideId,
    /// What it comes from, and by that its authority.
    #[serde(flatten)]
    pub origin: Origin,
    /// The strongest of the occurrences behind it; the last that was, where none is on any more.
    pub series: SeriesId,
    /// What that one is, in its own words.
    #[serde(default, skip_serializing_if = "Shown::is_empty")]
    pub alert: Shown,
    /// Which generation of the playbook it was claimed under.
    pub generation: u64,
    /// How bad the worst of its alerts is.
    pub severity: Severity,
    /// When the first of those started, by the source's clock: its age.
    pub started: Timestamp,
    /// What it does.
    pub effect: Effect,
    /// When it ends by itself.
    pub lease: Lease,
    /// What follows when it is over.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<After>,
    /// The occurrences that ask for it.
    pub behind: Behind,
    /// When the last of them was claimed.
    pub joined: Timestamp,
    /// When the last of them resolved; none while one is on, and where the clock ended them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved: Option<Timestamp>,
    /// When the last of them went silent, where that is what ended it; none while one is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silent: Option<Timestamp>,
    /// Until when an operator has it stay at least, whatever would end it before; only an undo does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extended: Option<Timestamp>,
    /// That it is held for longer than its lease says, because what asks for it comes and goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub damped: Option<Damped>,
    /// What has become of it.
    pub life: Life,
    /// What the last look thought of it.
    pub standing: Standing,
    /// Since when it is kept out: held, by whatever it was, or yielded. None where it is not, and where a
    /// version that did not note it kept it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_out: Option<Timestamp>,
}

/// How long an override is held that comes and goes, and why so long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Damped {
    /// How long it stays at least once it has begun.
    pub hold: SignedDuration,
    /// How many occurrences started before the latest.
    pub earlier: usize,
    /// In this span before it.
    pub within: SignedDuration,
}

impl fmt::Display for Damped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { hold, earlier, within } = self;
        let occurrences = if *earlier == 1 { "occurrence" } else { "occurrences" };
        write!(
            f,
            "held for {hold:#} at least, after {earlier} earlier {occurrences} within {within:#}"
        )
    }
}

/// What has become of an override: facts, each with its time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Life {
    /// It was claimed and has not begun: no look has come to it yet, or it is held.
    Claimed {
        /// When.
        at: Timestamp,
    },
    /// It has begun: the intent that first writes it was saved with this fact. Gates are not asked
    /// again.
    Begun {
        /// When.
        at: Timestamp,
        /// When it was announced that `atMost` will end it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        warned: Option<Timestamp>,
    },
    /// It has ended and gives back what it took.
    Ended {
        /// When.
        at: Timestamp,
        /// Why.
        why: End,
        /// When each step of its ramp was applied.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        steps: Vec<Timestamp>,
    },
}

/// What the last look thought of an override.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Standing {
    /// No look has come to it yet.
    Unseen,
    /// It is part of what the backend should be.
    Admitted,
    /// A limit or a gate keeps it back.
    Held(Held),
    /// Someone else wrote every field of it, and it gave way.
    Yielded,
}

/// Why an override is kept back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Held {
    /// Too few members would serve.
    Members {
        /// How many would.
        serving: usize,
        /// How many must.
        least: usize,
        /// Whether nobody has set that limit: it is the default.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        by_default: bool,
    },
    /// Too little of the serving group's weight would remain.
    Share {
        /// How much would.
        share: Fraction,
        /// How much must.
        least: Fraction,
    },
    /// Too little of what the serving group can carry would remain.
    Capacity {
        /// How much would, in the units of the playbook.
        capacity: u64,
        /// How much must.
        least: u64,
    },
    /// A limit would not be kept by those members alone that certainly serve.
    Uncertain {
        /// How many would serve beside them that Azure itself may leave out.
        beside: usize,
        /// Which limit.
        why: Box<Held>,
    },
    /// Too many members of the pool would be out at once.
    MostOut {
        /// How many would.
        out: usize,
        /// How many may.
        most: usize,
    },
    /// Too many backends of one value of a tag would be out at once, over all pools.
    MostOutOfTag {
        /// Which tag.
        tag: TagName,
        /// Which value.
        value: String,
        /// How many would.
        out: usize,
        /// How many may.
        most: usize,
    },
    /// Backends of two values of a tag would be out together, over all pools.
    Together {
        /// Which tag.
        tag: TagName,
        /// The value of the one that would.
        value: String,
        /// The value of the other.
        other: String,
        /// The other, which is out.
        backend: Box<BackendId>,
    },
    /// So many members would be out by what alerts ask for that their cause is common.
    Panic {
        /// How many would.
        out: usize,
        /// How many serve in the baseline.
        of: usize,
        /// The share from which on that is so.
        most: Fraction,
    },
    /// A group would be left with all weights 0, for which Azure's behaviour is unknown.
    Emptied,
    /// The pool lists no such member.
    NoMember(BackendName),
    /// Nulls and numbers stand beside each other in the group, and the playbook does not say what
    /// null means.
    MixedWeights,
    /// No member of the pool serves, even without overrides.
    NothingServes,
    /// A group whose members all had weight 0 would come before the one that serves, and get all the
    /// traffic.
    SwitchedOff,
    /// The backend does not exist.
    NoBackend,
    /// The backend is a Single, and has no members.
    NotAPool,
    /// The backend is a pool, and has no breaker, address or title of its own to change.
    NotASingle,
    /// The backend that is to be added is not seen to be there.
    Unmade(BackendName),
    /// The pool has as many members as Azure lets it have.
    Full,
    /// What is to be added would come before the members that serve, and get all the traffic.
    Ahead,
    /// A property is not to be touched: what it belongs to is missing, or it may hold a secret.
    NoProperty(Property),
    /// The backend's body cannot be understood.
    Unreadable(String),
    /// Pointsman is paused, until a person resumes it.
    Paused,
    /// Pointsman is paused until then.
    PausedUntil(Timestamp),
    /// The pool is paused.
    PoolPaused {
        /// Until when; none where a person resumes it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
    /// The play is paused.
    PlayPaused {
        /// Which.
        play: PlayName,
        /// Until when; none where a person resumes it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
    /// A freeze is on.
    Frozen {
        /// Which.
        freeze: FreezeName,
        /// Until when.
        until: Timestamp,
    },
    /// It is outside the hours in which the play begins anything.
    OutOfHours {
        /// Which play.
        play: PlayName,
        /// When they begin.
        until: Timestamp,
    },
    /// As many overrides of the play have begun as may.
    OverBudget {
        /// Which play.
        play: PlayName,
        /// How many may begin.
        most: usize,
        /// Within how long.
        per: SignedDuration,
        /// When the next may.
        until: Timestamp,
    },
    /// As many writes to the pool were recorded within an hour as may before no more overrides begin.
    ManyWrites {
        /// How many.
        most: usize,
        /// When the next override may begin.
        until: Timestamp,
    },
    /// No occurrence has been on for long enough.
    Lasting {
        /// When the first will have been.
        until: Timestamp,
        /// For how long it must have been.
        lasting: SignedDuration,
    },
    /// Too few occurrences have asked for it.
    Count {
        /// How many have, the most that started within the span of each other.
        had: usize,
        /// How many must.
        count: usize,
        /// Within what of each other.
        within: SignedDuration,
    },
    /// Its play or its window is in shadow.
    Shadow {
        /// What would keep it back otherwise; none where it would begin.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        would: Option<Box<Held>>,
    },
    /// Another alert is in force.
    Unless {
        /// Which.
        series: SeriesId,
        /// What it is, in its own words.
        #[serde(default, skip_serializing_if = "Shown::is_empty")]
        alert: Shown,
    },
}

impl Held {
    /// That a limit is not kept without members that would serve, and that Azure itself may leave out.
    #[must_use]
    pub fn without(beside: usize, why: Self) -> Self {
        if beside == 0 { why } else { Self::Uncertain { beside, why: Box::new(why) } }
    }

    /// Whether too little would serve, so that a standby may help.
    #[must_use]
    pub const fn is_short(&self) -> bool {
        matches!(
            self,
            Self::Members { .. }
                | Self::Share { .. }
                | Self::Capacity { .. }
                | Self::Uncertain { .. }
        )
    }

    /// What keeps it back, or would, were it not in shadow; none where it would begin.
    #[must_use]
    pub fn or_would(&self) -> Option<&Self> {
        if let Self::Shadow { would } = self { would.as_deref() } else { Some(self) }
    }

    /// Whether only its shadow keeps it back, whatever else would.
    #[must_use]
    pub const fn is_shadow(&self) -> bool {
        matches!(self, Self::Shadow { .. })
    }

    /// The same behind a word: `held: the pool is paused`, or `in shadow: would begin`.
    #[must_use]
    pub fn says(&self, be: &str) -> String {
        if self.is_shadow() { self.to_string() } else { format!("{be}held: {self}") }
    }

    /// Whether other backends have a part in it: it is for what is out, or not made, there.
    #[must_use]
    pub const fn is_by_others(&self) -> bool {
        matches!(self, Self::MostOutOfTag { .. } | Self::Together { .. } | Self::Unmade(_))
    }

    /// Whether it is a gate that keeps it back, and not a limit or the backend's state.
    #[must_use]
    pub const fn is_by_gate(&self) -> bool {
        match self {
            Self::Paused
            | Self::PausedUntil(_)
            | Self::PoolPaused { .. }
            | Self::PlayPaused { .. }
            | Self::Frozen { .. }
            | Self::OutOfHours { .. }
            | Self::OverBudget { .. }
            | Self::ManyWrites { .. }
            | Self::Lasting { .. }
            | Self::Count { .. }
            | Self::Panic { .. }
            | Self::Shadow { .. }
            | Self::Unless { .. } => true,
            Self::Members { .. }
            | Self::Share { .. }
            | Self::Capacity { .. }
            | Self::Uncertain { .. }
            | Self::MostOut { .. }
            | Self::MostOutOfTag { .. }
            | Self::Together { .. }
            | Self::Emptied
            | Self::NoMember(_)
            | Self::MixedWeights
            | Self::NothingServes
            | Self::SwitchedOff
            | Self::NoBackend
            | Self::NotAPool
            | Self::NotASingle
            | Self::Unmade(_)
            | Self::Full
            | Self::Ahead
            | Self::NoProperty(_)
            | Self::Unreadable(_) => false,
        }
    }
}

/// As in `is paused until 2026-03-01T12:00:00Z`.
fn until(f: &mut fmt::Formatter<'_>, until: Option<Timestamp>) -> fmt::Result {
    until.map_or(Ok(()), |until| write!(f, " until {until:.0}"))
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Members { serving, least, by_default } => {
                write!(f, "{serving} of the pool's members would serve, and the limit is {least}")?;
                if *by_default {
                    f.write_str(", half of them by default")?;
                }
                Ok(())
            }
            Self::Share { share, least } => {
                write!(f, "{share} of the pool's weight would remain, and the limit is {least}")
            }
            Self::Capacity { capacity, least } => write!(
                f,
                "{capacity} of the capacity that serves would remain, and the limit is {least}"
            ),
            Self::Uncertain { beside, why } => {
                let members = if *beside == 1 { "member" } else { "members" };
                write!(
                    f,
                    "without {beside} {members} that Azure itself may leave out (`preferredCarbonEmission`), {why}"
                )
            }
            Self::MostOut { out, most } => {
                write!(f, "{out} of the pool's members would be out at once, and the limit is {most}")
            }
            Self::MostOutOfTag { tag, value, out, most } => write!(
                f,
                "{out} backends with the tag {tag}: {value} would be out at once, over all pools, and the limit is {most}"
            ),
            Self::Together { tag, value, other, backend } => write!(
                f,
                "backends of {tag} {value} and of {tag} {other} would be out together, with {} of {tag} {other}",
                backend.short()
            ),
            Self::Panic { out, of, most } => write!(
                f,
                "alerts ask for {out} of the {of} members that serve to be out, which is more than {most}: their cause is taken for a common one, and nothing is drained"
            ),
            Self::Emptied => f.write_str("a group would be left with all weights 0"),
            Self::NoMember(member) => write!(f, "the pool has no member {member}"),
            Self::MixedWeights => f.write_str(
                "null weights stand beside numbers; say what null counts as with the pool's `nullWeight`",
            ),
            Self::NothingServes => f.write_str("no member of the pool serves, even without overrides"),
            Self::SwitchedOff => f.write_str(
                "a group that its owner has switched off by weights of 0 would get all the traffic",
            ),
            Self::NoBackend => f.write_str("the backend does not exist"),
            Self::NotAPool => f.write_str("the backend is not a pool"),
            Self::NotASingle => f.write_str("the backend is a pool: name its members' backends"),
            Self::Unmade(backend) => write!(f, "{backend} is not seen to be there yet"),
            Self::Full => f.write_str("the pool has as many members as Azure allows"),
            Self::Ahead => f.write_str(
                "it would come before the members that serve, and get all the traffic: raise its `priority`",
            ),
            Self::NoProperty(property @ Property::ProxyUrl) => {
                write!(f, "the backend has no proxy, or its `{property}` may hold a secret")
            }
            Self::NoProperty(property) => {
                write!(f, "the backend's `{property}` may hold a secret, and is not touched")
            }
            Self::Unreadable(why) => write!(f, "the backend cannot be changed: {why}"),
            Self::Paused => f.write_str("Pointsman is paused"),
            Self::PausedUntil(end) => {
                f.write_str("Pointsman is paused")?;
                until(f, Some(*end))
            }
            Self::PoolPaused { until: end } => {
                f.write_str("the pool is paused")?;
                until(f, *end)
            }
            Self::PlayPaused { play, until: end } => {
                write!(f, "play {play} is paused")?;
                until(f, *end)
            }
            Self::Frozen { freeze, until } => write!(f, "freeze {freeze} is on until {until:.0}"),
            Self::OutOfHours { play, until } => {
                write!(f, "play {play} begins nothing outside its hours, until {until:.0}")
            }
            Self::OverBudget { play, most, per, until } => write!(
                f,
                "the budget of play {play} is used up until {until:.0}: {most} may begin within {per:#}"
            ),
            Self::ManyWrites { most, until } => write!(
                f,
                "the pool's `writesPerHour` of {most} is used up until {until:.0}"
            ),
            Self::Lasting { until, lasting } => {
                write!(f, "waits until {until:.0}, lasting {lasting:#}")
            }
            Self::Count { had, count, within } => {
                write!(f, "{had} of {count} occurrences within {within:#}")
            }
            Self::Shadow { would: None } => f.write_str("in shadow: would begin"),
            Self::Shadow { would: Some(why) } => write!(f, "in shadow: would be held: {why}"),
            Self::Unless { series, alert } => write!(f, "{} is on", Named(series, alert)),
        }
    }
}

impl Override {
    /// An override that is claimed for the first time.
    #[must_use]
    pub fn new(
        id: OverrideId,
        origin: Origin,
        series: &SeriesId,
        asked: &Asked,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            origin,
            series: series.clone(),
            alert: asked.alert.clone(),
            generation: asked.generation,
            severity: asked.severity,
            started: asked.started,
            effect: asked.effect.clone(),
            lease: asked.lease.clone(),
            after: asked.after.clone(),
            behind: Behind::of(series.clone(), asked.clone()),
            joined: asked.since,
            resolved: None,
            silent: None,
            extended: None,
            damped: None,
            life: Life::Claimed { at: now },
            standing: Standing::Unseen,
            kept_out: None,
        }
    }

    /// Its place in the order of admission: the least is the strongest.
    #[must_use]
    pub fn rank(&self) -> (Reverse<Authority>, Reverse<Severity>, Timestamp, &OverrideId) {
        let Self { origin, severity, started, id, .. } = self;
        (Reverse(origin.authority()), Reverse(*severity), *started, id)
    }

    /// What it does and what it comes from: `drain eu, by play drain-failing-member`. An operator's says who
    /// it was, and why.
    #[must_use]
    pub fn named(&self) -> String {
        let Self { effect, origin, alert, .. } = self;
        match origin {
            Origin::Operator if !alert.is_empty() => format!("{effect}, by {alert}"),
            Origin::Alert { .. } | Origin::Window { .. } | Origin::Operator => {
                format!("{effect}, by {origin}")
            }
        }
    }

    /// Becomes what the occurrences behind it make of it; stays what it was where none is known.
    pub(crate) fn become_strongest(&mut self) {
        if let Some((series, asked)) = self.behind.strongest() {
            self.series = series.clone();
            self.alert.clone_from(&asked.alert);
            self.generation = asked.generation;
            self.effect = asked.effect.clone();
            // What is on its way out may have been told to skip its ramp.
            if !self.has_ended() {
                self.lease = asked.lease.clone();
            }
            self.after.clone_from(&asked.after);
        }
        if let Some((severity, started)) = self.behind.worst() {
            (self.severity, self.started) = (severity, started);
        }
    }

    /// When it began, where it has and goes on.
    #[must_use]
    pub const fn begun(&self) -> Option<Timestamp> {
        match self.life {
            Life::Begun { at, .. } => Some(at),
            Life::Claimed { .. } | Life::Ended { .. } => None,
        }
    }

    /// Whether it has ended, and an occurrence has asked for it again since.
    #[must_use]
    pub fn is_asked_again(&self) -> bool {
        self.has_ended() && !self.behind.is_empty()
    }

    /// Whether it takes part only once it begins: it has not begun, or has ended and is asked for again.
    #[must_use]
    pub fn wants_to_begin(&self) -> bool {
        matches!(self.life, Life::Claimed { .. }) || self.is_asked_again()
    }

    /// How long it stays at least once it has begun.
    #[must_use]
    pub fn hold(&self) -> SignedDuration {
        self.damped.as_ref().map_or(self.lease.hold, |damped| damped.hold)
    }

    /// When it ends and why, should nothing more be heard; none where it has.
    #[must_use]
    pub fn ends(&self) -> Option<(Timestamp, End)> {
        let from = match self.life {
            Life::Ended { .. } => return None,
            // What was kept back for as long as it would have lasted answers an alert that may be
            // long over: its resolve can have got lost like any other.
            Life::Claimed { .. } => self.joined,
            Life::Begun { at, .. } => at.max(self.joined),
        };
        let asked_for = !self.behind.is_empty();
        let held = self.begun().map(|begun| later(begun, self.hold()));
        let (at, why) = match (self.lease.until, self.resolved) {
            (Until::Resolved { .. }, _) if asked_for => match self.behind.ends(self.begun()) {
                Some((silent, End::Stale)) => {
                    (held.map_or(silent, |held| held.max(silent)), End::Stale)
                }
                Some(end) => end,
                None => (from, End::Expired),
            },
            (Until::Resolved { .. }, Some(resolved)) => (held.unwrap_or(resolved), End::Resolved),
            (Until::Resolved { .. }, None) => match self.silent {
                Some(silent) => (held.unwrap_or(silent), End::Stale),
                None => (from, End::Expired),
            },
            // What has not begun is for an alert that is over.
            (Until::For(_), Some(resolved)) if !asked_for && self.begun().is_none() => {
                (resolved, End::Resolved)
            }
            // Nor does it wait for longer than those would have lasted that still ask for it.
            (Until::For(_), None) if self.begun().is_none() && !self.behind.has_more() => {
                (self.behind.expires(None).unwrap_or(self.joined), End::Expired)
            }
            (Until::For(length), _) => (later(from, length), End::Expired),
            (Until::At(end), _) => (end, End::Closed),
        };
        Some((self.extended.map_or(at, |extended| extended.max(at)), why))
    }

    /// Whether it takes part in what its backend should be, be it on its way out; not where it was
    /// undone.
    #[must_use]
    pub const fn takes_part(&self) -> bool {
        matches!(self.standing, Standing::Admitted)
            && matches!(
                self.life,
                Life::Begun { .. }
                    | Life::Ended {
                        why: End::Resolved
                            | End::Expired
                            | End::Stale
                            | End::Closed
                            | End::Dropped
                            | End::Panic,
                        ..
                    }
            )
    }

    /// Whether it has ended.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        matches!(self.life, Life::Ended { .. })
    }

    /// Moves what is in the future to `now`: it was noted by a clock that ran ahead.
    pub(crate) fn rewind(&mut self, now: Timestamp) {
        let back = |at: &mut Timestamp| *at = (*at).min(now);
        back(&mut self.joined);
        self.kept_out.iter_mut().for_each(back);
        self.behind.rewind(now);
        match &mut self.life {
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
}
