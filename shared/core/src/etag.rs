//! Which state of a backend is which: how an answer of a cache is told from a new state.

use std::{collections::VecDeque, fmt};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::lease::later;

/// How many `ETag`s of the past are remembered of each kind, to tell a stale body from a new one.
pub const ETAGS_MAX: usize = 16;

/// An `ETag`, opaque and quoted, as Azure sent it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Etag(pub String);

/// What must be so for a write to be done.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "Option<Etag>", into = "Option<Etag>")]
pub enum Guard {
    /// The backend still has this `ETag`: Azure holds it against that.
    Etag(Etag),
    /// There is no such backend: it was seen not to be there. Azure does not hold a create against that, and
    /// only says in its answer whether it was so.
    #[default]
    Absent,
}

impl Guard {
    /// Whether it is that there is no such backend.
    #[must_use]
    pub const fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    /// Whether it is that the backend has this `ETag`.
    #[must_use]
    pub fn is(&self, etag: &Etag) -> bool {
        *self == Self::Etag(etag.clone())
    }
}

impl From<Option<Etag>> for Guard {
    fn from(etag: Option<Etag>) -> Self {
        etag.map_or(Self::Absent, Self::Etag)
    }
}

impl From<Guard> for Option<Etag> {
    fn from(guard: Guard) -> Self {
        match guard {
            Guard::Etag(etag) => Some(etag),
            Guard::Absent => None,
        }
    }
}

impl fmt::Display for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Etag(Etag(etag)) => f.pad(etag),
            Self::Absent => f.pad("-"),
        }
    }
}

/// How long a cache is believed to go on answering with a state that is over. What is shown for
/// longer than this is what the backend is, and whatever said that it was over was wrong: the order
/// in which states were read, a gateway's 412, or a backup that was restored since.
pub const STALE_FOR: SignedDuration = SignedDuration::from_mins(2);

/// Which state of the backend was seen last, and which before it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Etags {
    /// The newest; none where it is known to be gone and its successor has not been seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    current: Option<Etag>,
    /// The ones read before it.
    #[serde(default, skip_serializing_if = "VecDeque::is_empty")]
    past: VecDeque<Etag>,
    /// The ones that Azure itself has said are over: we wrote over them, or were refused with 412 where
    /// a newer one was known.
    #[serde(default, skip_serializing_if = "VecDeque::is_empty")]
    gone: VecDeque<Etag>,
    /// The one that our own last write made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ours: Option<Etag>,
    /// The newest, where a write on it was refused with 412 all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    denied: Option<Denied>,
    /// The one that an empty write did not end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lasting: Option<Etag>,
    /// Since when, and when last, nothing but states of the past was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stale: Option<(Timestamp, Timestamp)>,
    /// Since when there is nothing to be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    missing: Option<Timestamp>,
}

/// That a write on the newest state known was refused with 412. Either there is a newer one, which a
/// cache hides, or there is none, and the gateway was wrong; the next reads tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Denied {
    etag: Etag,
    /// Whether it was read once more since.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    read: bool,
}

/// How what was read compares with what was seen before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// The newest state known.
    Same,
    /// A state not seen before.
    New,
    /// A state known to be over: a cache answered. It says nothing of now.
    Stale,
}

impl Etags {
    /// How a body with this `ETag` compares, without taking note of it.
    #[must_use]
    pub fn freshness(&self, etag: &Etag, now: Timestamp) -> Freshness {
        let believed = || {
            self.stale.is_some_and(|(since, last)| {
                now >= later(since, STALE_FOR) && now < later(last, STALE_FOR)
            })
        };
        if self.current.as_ref() == Some(etag) {
            Freshness::Same
        } else if (self.gone.contains(etag) || self.past.contains(etag)) && !believed() {
            Freshness::Stale
        } else {
            Freshness::New
        }
    }

    /// Whether a body with this `ETag` that was read some time ago may be taken for what is there: it is
    /// the newest state known, or the first, and nothing speaks against it.
    pub(crate) fn may_last(&self, etag: &Etag) -> bool {
        let newest = match &self.current {
            Some(current) => current == etag,
            None => self.past.is_empty() && self.gone.is_empty(),
        };
        newest && self.denied.is_none() && self.stale.is_none() && self.missing.is_none()
    }

    /// Takes note that a state of the past was read.
    pub fn stale(&mut self, now: Timestamp) {
        let since = self.stale.filter(|(_, last)| now < later(*last, STALE_FOR));
        self.stale = Some((since.map_or(now, |(since, _)| since), now));
    }

    /// Takes note that there is nothing to be read.
    pub fn missed(&mut self, now: Timestamp) {
        self.stale = None;
        self.missing.get_or_insert(now);
    }

    /// Since when there has been nothing to be read.
    #[must_use]
    pub const fn missing(&self) -> Option<Timestamp> {
        self.missing
    }

    /// Whether this is the state of something that was made anew, after there was nothing.
    #[must_use]
    pub fn is_anew(&self, etag: &Etag) -> bool {
        self.missing.is_some() && self.current.as_ref() != Some(etag)
    }

    /// Moves what is in the future to `now`: it was noted by a clock that ran ahead.
    pub(crate) fn rewind(&mut self, now: Timestamp) {
        self.stale = None;
        self.missing = self.missing.map(|since| since.min(now));
    }

    /// Takes note of the newest state.
    pub fn seen(&mut self, etag: &Etag) {
        self.stale = None;
        self.missing = None;
        if self.current.as_ref() != Some(etag) {
            self.past.retain(|past| past != etag);
            self.gone.retain(|gone| gone != etag);
            if let Some(old) = self.current.replace(etag.clone()) {
                keep(&mut self.past, old);
            }
            self.denied = None;
            self.lasting = None;
        }
    }

    /// Takes note that Azure has said that this state is over.
    fn gone(&mut self, etag: &Etag) {
        self.current.take_if(|current| current == etag);
        self.past.retain(|past| past != etag);
        if !self.gone.contains(etag) {
            keep(&mut self.gone, etag.clone());
        }
    }

    /// Takes note that a write of ours made one state of another.
    pub(crate) fn wrote(&mut self, from: &Etag, to: &Etag) {
        self.gone(from);
        self.seen(to);
        self.denied = None;
        self.ours = Some(to.clone());
    }

    /// Takes note that a write of ours made the backend.
    pub(crate) fn made(&mut self, etag: &Etag) {
        self.seen(etag);
        self.ours = Some(etag.clone());
    }

    /// Whether this is the newest state known.
    pub(crate) fn is_current(&self, etag: &Etag) -> bool {
        self.current.as_ref() == Some(etag)
    }

    /// Takes note that a write of ours took the backend away.
    pub(crate) fn deleted(&mut self, etag: &Etag, now: Timestamp) {
        self.gone(etag);
        self.missed(now);
    }

    /// Whether the newest state known is one that our own last write made, or there is none.
    pub(crate) fn is_ours_or_none(&self) -> bool {
        self.current.as_ref().is_none_or(|current| self.is_ours(current))
    }

    /// Whether none is known that may still be there: none was ever seen, or it was seen to go.
    pub(crate) fn knows_none(&self) -> bool {
        self.current.is_none()
    }

    /// Whether our own last write made this state: nobody else has written since.
    pub(crate) fn is_ours(&self, etag: &Etag) -> bool {
        self.ours.as_ref() == Some(etag)
    }

    /// Takes note that a write on this state was refused with 412.
    pub(crate) fn denied(&mut self, etag: &Etag) {
        if self.current.as_ref() == Some(etag) {
            self.denied = Some(Denied { etag: etag.clone(), read: false });
        } else {
            self.gone(etag);
        }
    }

    /// Whether this is read for the first time since a write on it was refused with 412. A cache may
    /// have answered; what is read again a little later is taken for what is there, and a write on it
    /// is refused once more if it is not.
    pub(crate) fn is_denied(&mut self, etag: &Etag) -> bool {
        let denied = self.denied.as_mut().filter(|denied| denied.etag == *etag && !denied.read);
        let first = denied.is_some();
        if let Some(denied) = denied {
            denied.read = true;
        }
        first
    }

    /// Takes note that an empty write did not end this state.
    pub(crate) fn lasts(&mut self, etag: &Etag) {
        self.lasting = Some(etag.clone());
    }

    /// Whether an empty write may end this state, as far as is known.
    pub(crate) fn may_end(&self, etag: &Etag) -> bool {
        self.lasting.as_ref() != Some(etag)
    }
}

fn keep(etags: &mut VecDeque<Etag>, etag: Etag) {
    etags.push_back(etag);
    while etags.len() > ETAGS_MAX {
        etags.pop_front();
    }
}
