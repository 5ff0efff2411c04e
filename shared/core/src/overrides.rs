//! An override: a leased change of one backend, with a reason, a source and always an end.
//!
//! What an override carries was resolved when it was claimed; no playbook is evaluated again for
//! it. What has become of it is kept as facts with their times ([`Life`]), never as counters, and
//! what the last look thought of it beside them ([`Standing`]), for people to read.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    effect::Effect,
    fraction::Fraction,
    id::OverrideId,
    names::{BackendId, BackendName, PlayName},
    signal::{SeriesId, Severity},
};

/// Whose will an override is. Ordered: an operator's goes before a window's before an alert's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Authority {
    /// An alert's.
    Alert,
    /// A maintenance window's.
    Window,
    /// An operator's.
    Operator,
}

/// A leased change of one backend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Override {
    /// Derived from series, occurrence, play, effect and target.
    pub id: OverrideId,
    /// The alert that it answers.
    pub series: SeriesId,
    /// The play that made it.
    pub play: PlayName,
    /// Which generation of the playbook it was claimed under.
    pub generation: u64,
    /// Whose will it is.
    pub authority: Authority,
    /// How bad its alert is.
    pub severity: Severity,
    /// When its occurrence started, by the source's clock: its age.
    pub started: Timestamp,
    /// What it does.
    pub effect: Effect,
    /// When it ends by itself.
    pub lease: Lease,
    /// What follows when it is over.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<After>,
    /// The end of its occurrence, once heard: an override that ends before that is remembered, so
    /// that the next repeat of its alert does not bring it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved: Option<Timestamp>,
    /// What has become of it.
    pub life: Life,
    /// What the last look thought of it.
    pub standing: Standing,
}

/// How an override ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// What ends it.
    pub until: Until,
    /// How long it stays at least once it has begun.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub hold: SignedDuration,
    /// How much is given back at each step; the whole comes last by itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ramp: Vec<Fraction>,
    /// How long a step of the ramp lasts.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub every: SignedDuration,
}

fn is_zero(duration: &SignedDuration) -> bool {
    duration.is_zero()
}

/// What ends an override.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Until {
    /// Its occurrence's end, and in any case this long after it began.
    Resolved {
        /// The longest it may last.
        at_most: SignedDuration,
    },
    /// This long after it began, whatever its source says.
    For(SignedDuration),
}

impl Lease {
    /// When an override that began at `begun` ends by the clock alone.
    #[must_use]
    pub fn expires(&self, begun: Timestamp) -> Timestamp {
        match self.until {
            Until::Resolved { at_most: length } | Until::For(length) => later(begun, length),
        }
    }

    /// How many steps its end has, the last giving back the whole.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.ramp.len() + 1
    }

    /// How much step `step` gives back, counted from 0; from the last on, the whole.
    #[must_use]
    pub fn given_back(&self, step: usize) -> Fraction {
        self.ramp.get(step).copied().unwrap_or(Fraction::WHOLE)
    }
}

/// `at` and a length after it; the end of time where there is none.
#[must_use]
pub fn later(at: Timestamp, length: SignedDuration) -> Timestamp {
    at.checked_add(length).unwrap_or(Timestamp::MAX)
}

/// A reconnect that follows when the play is over.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct After {
    /// Which backend's connections are made anew.
    pub reconnect: BackendId,
    /// How long after.
    pub after: SignedDuration,
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

/// Why an override ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum End {
    /// Its occurrence ended.
    Resolved,
    /// Its time ran out: `for`, or `atMost` because no resolve came.
    Expired,
    /// An operator undid it.
    Undone {
        /// Who.
        by: String,
        /// Why.
        reason: String,
    },
    /// Its play is not in the playbook any more, or its pool is not.
    Dropped,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resolved => f.write_str("its alert resolved"),
            Self::Expired => f.write_str("its time ran out"),
            Self::Undone { by, reason } => write!(f, "undone by {by}: {reason}"),
            Self::Dropped => f.write_str("the playbook has its play no more"),
        }
    }
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
    },
    /// Too little of the serving group's weight would remain.
    Share {
        /// How much would.
        share: Fraction,
        /// How much must.
        least: Fraction,
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
    /// The backend does not exist.
    NoBackend,
    /// The backend is a Single, and has no members.
    NotAPool,
    /// The backend's body cannot be understood.
    Unreadable(String),
    /// Pointsman is paused.
    Paused,
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Members { serving, least } => {
                write!(f, "{serving} of the pool's members would serve, and the limit is {least}")
            }
            Self::Share { share, least } => {
                write!(f, "{share} of the pool's weight would remain, and the limit is {least}")
            }
            Self::Emptied => f.write_str("a group would be left with all weights 0"),
            Self::NoMember(member) => write!(f, "the pool has no member {member}"),
            Self::MixedWeights => f.write_str(
                "null weights stand beside numbers; say what null counts as with the pool's `nullWeight`",
            ),
            Self::NothingServes => f.write_str("no member of the pool serves, even without overrides"),
            Self::NoBackend => f.write_str("the backend does not exist"),
            Self::NotAPool => f.write_str("the backend is not a pool"),
            Self::Unreadable(why) => write!(f, "the backend cannot be changed: {why}"),
            Self::Paused => f.write_str("Pointsman is paused"),
        }
    }
}

impl Override {
    /// When it ends and why, should nothing more be heard; none where it has. A resolve that is heard
    /// only once the time has run out is still its reason, where what it is held for was shorter.
    #[must_use]
    pub fn ends(&self) -> Option<(Timestamp, End)> {
        match self.life {
            // What was kept back for as long as it would have lasted answers an alert that may be
            // long over: its resolve can have got lost like any other.
            Life::Claimed { at } => Some((self.lease.expires(at), End::Expired)),
            Life::Begun { at, .. } => {
                let expired = (self.lease.expires(at), End::Expired);
                Some(match (self.lease.until, self.resolved) {
                    (Until::Resolved { .. }, Some(_)) => {
                        let held = later(at, self.lease.hold);
                        if held < expired.0 { (held, End::Resolved) } else { expired }
                    }
                    (Until::Resolved { .. } | Until::For(_), _) => expired,
                })
            }
            Life::Ended { .. } => None,
        }
    }

    /// Whether it takes part in what its backend should be, be it on its way out; not where it was
    /// undone.
    #[must_use]
    pub const fn takes_part(&self) -> bool {
        matches!(self.standing, Standing::Admitted)
            && matches!(
                self.life,
                Life::Begun { .. }
                    | Life::Ended { why: End::Resolved | End::Expired | End::Dropped, .. }
            )
    }

    /// Whether it has ended.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        matches!(self.life, Life::Ended { .. })
    }
}
