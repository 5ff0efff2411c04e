//! Writes: the fields that overrides own, what is written to them, and what Azure made of it.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Document, Reconnect};
use crate::{
    declared::Declared,
    etag::Guard,
    field::{Change, Field, Value},
    id::{IntentId, OverrideId},
    lease::later,
    ledger::What,
};

/// How long a write without an answer may still land. Longer than any proxy holds a request.
pub const FENCE: SignedDuration = SignedDuration::from_mins(5);

/// The shortest and the longest wait before a field that Azure did not set as asked is written again,
/// once every way of writing it was tried.
pub const UNMET_RETRY: (SignedDuration, SignedDuration) =
    (SignedDuration::from_secs(1), SignedDuration::from_hours(1));

/// How long it rests on what is sound where the way to the letter took the traffic away.
pub const UNMET_REST: SignedDuration = SignedDuration::from_hours(24);

/// A field that overrides own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owned {
    /// What its owner last left there.
    pub baseline: Value,
    /// What stands there by our own hand: what Azure showed in the answer to our last write, which may
    /// be something else than was asked; the baseline where we have not written yet.
    pub written: Value,
    /// Whether what we want was seen to stand there: who writes over it from then on has something
    /// against it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stood: bool,
    /// That Azure made something else of what was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unmet: Option<Unmet>,
}

/// That Azure answered a write of a field with another value than was asked, and did not refuse it.
/// Nobody else wrote then. It is kept for a while after another way was seen to help, for what an
/// answer shows need not be what is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unmet {
    /// What the field should be.
    pub wanted: Value,
    /// Since when.
    pub since: Timestamp,
    /// How it was written last.
    pub tried: Way,
    /// When it is written again, once every way was tried.
    pub until: Timestamp,
}

impl Unmet {
    fn tried(self, way: Way, now: Timestamp) -> Self {
        let wait = match way {
            Way::Rest => UNMET_REST,
            Way::Plain | Way::Explicit | Way::Null | Way::Whole => {
                now.duration_since(self.since).clamp(UNMET_RETRY.0, UNMET_RETRY.1)
            }
        };
        Self { tried: way, until: later(now, wait), ..self }
    }

    /// How a field that shows this is written next; none where that waits. `explicit` is the number
    /// that means the same as the null that is wanted.
    pub(crate) fn next(
        &self,
        shown: &Value,
        explicit: Option<&Value>,
        now: Timestamp,
    ) -> Option<Way> {
        let helps = |way: &Way| match way {
            Way::Plain => false,
            Way::Explicit | Way::Rest => explicit.is_some_and(|explicit| !shown.means(explicit)),
            Way::Null => self.wanted == Value::Absent,
            Way::Whole => true,
        };
        let left = Way::ALL.into_iter().filter(|way| *way > self.tried).find(helps);
        left.or_else(|| (now >= self.until).then_some(Way::Whole))
    }
}

/// How a write is made, in the order in which the ways are tried. The first gives traffic back where
/// the one before did not, the next two go for the letter, and the last rests on what was sound.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "camelCase")]
pub enum Way {
    /// An update of the members.
    #[default]
    Plain,
    /// The same, with numbers that mean the same as the nulls that are wanted.
    Explicit,
    /// The same, with null where a key is to be gone.
    Null,
    /// A replacement of the whole backend, under its `ETag`.
    Whole,
    /// [`Way::Explicit`] once more, where what came after it made it worse.
    Rest,
}

impl Way {
    const ALL: [Self; 5] = [Self::Plain, Self::Explicit, Self::Null, Self::Whole, Self::Rest];

    /// What is put where this is wanted.
    pub(crate) fn puts(self, wanted: &Value, explicit: Option<Value>) -> Value {
        match self {
            Self::Plain | Self::Whole => wanted.clone(),
            Self::Explicit | Self::Rest => explicit.unwrap_or_else(|| wanted.clone()),
            Self::Null => Value::Null,
        }
    }

    pub(crate) fn is_plain(&self) -> bool {
        *self == Self::Plain
    }
}

impl Owned {
    /// A field that shows this, and in which nothing of ours stands yet.
    #[must_use]
    pub fn fresh(shown: Value) -> Self {
        Self { baseline: shown.clone(), written: shown, stood: false, unmet: None }
    }

    /// Whether something of ours has stood there. Documents of before that was noted know it by what
    /// was written.
    #[must_use]
    pub fn is_touched(&self) -> bool {
        self.stood || !self.written.means(&self.baseline)
    }

    /// What Azure has not made of the field at present, though it was asked.
    #[must_use]
    pub fn unmet(&self) -> Option<&Unmet> {
        self.unmet.as_ref().filter(|unmet| !unmet.wanted.means(&self.written))
    }

    /// Takes in what the answer to our own write shows; says whether that is to be told.
    pub(crate) fn answered(
        &mut self,
        asked: &Value,
        shown: &Value,
        way: Way,
        now: Timestamp,
    ) -> bool {
        let known = self.unmet.take().filter(|_| !way.is_plain());
        let is_news = known.as_ref().is_none_or(|known| known.tried < way);
        self.written = shown.clone();
        self.stood |= shown.means(asked);
        let wanted = known.as_ref().map_or(asked, |known| &known.wanted);
        if known.is_some() || !shown.means(wanted) {
            let fresh = || Unmet { wanted: asked.clone(), since: now, tried: way, until: now };
            self.unmet = Some(known.unwrap_or_else(fresh).tried(way, now));
        }
        !shown.means(asked) && is_news
    }

    /// Takes in what a read shows of the state that our own write made.
    pub(crate) fn kept(&mut self, shown: Value, now: Timestamp) {
        let asked = std::mem::replace(&mut self.written, shown);
        let fresh = || Unmet { wanted: asked, since: now, tried: Way::Plain, until: now };
        let unmet = self.unmet.take().unwrap_or_else(fresh);
        let tried = unmet.tried;
        self.unmet = Some(unmet.tried(tried, now));
    }

    /// Takes in that a way of writing it was refused.
    pub(crate) fn refused(&mut self, way: Way, now: Timestamp) {
        self.unmet = self.unmet.take().map(|unmet| unmet.tried(way, now));
    }

    /// Tries again at once what Azure did not do.
    pub(crate) fn insist(&mut self, now: Timestamp) {
        if let Some(unmet) = &mut self.unmet {
            unmet.until = unmet.until.min(now);
        }
    }

    /// Moves what is in the future to `now`: it was noted by a clock that ran ahead.
    pub(crate) fn rewind(&mut self, now: Timestamp) {
        if let Some(unmet) = &mut self.unmet {
            unmet.since = unmet.since.min(now);
        }
        self.insist(now);
    }
}

/// A write, recorded before it is sent.
///
/// One without changes is empty: it is sent under the `ETag` of writes that are not wanted any more
/// and may still land. Once Azure has given the backend another `ETag` for it, they cannot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// Its name.
    pub id: IntentId,
    /// The state it was planned from, and the only one on which it can be done; but a create, which comes of
    /// none, may land on anything.
    #[serde(rename = "etag", default, skip_serializing_if = "Guard::is_absent")]
    pub guard: Guard,
    /// What it changes.
    pub changes: Vec<Change>,
    /// What the backend is made with, where it makes one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub make: Option<Declared>,
    /// How it is made.
    #[serde(default, skip_serializing_if = "Way::is_plain")]
    pub way: Way,
    /// The ramp steps that it applies.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub steps: BTreeMap<OverrideId, usize>,
    /// When it was recorded.
    pub at: Timestamp,
    /// Whether it was answered with 412. A gateway may have sent it twice and told of the second
    /// time, so what the backend shows decides whether it was done.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub outrun: bool,
}

impl Intent {
    /// Until when it may still land.
    #[must_use]
    pub fn fence(&self) -> Timestamp {
        later(self.at, FENCE)
    }

    /// Whether it takes the backend away.
    #[must_use]
    pub fn deletes(&self) -> bool {
        let mut changes = self.changes.iter();
        changes.any(|change| change.field == Field::Existence && change.after.is_nothing())
    }

    /// Whether it changes a field.
    #[must_use]
    pub fn touches(&self, field: &Field) -> bool {
        self.changes.iter().any(|change| change.field == *field)
    }

    /// Whether it changes nothing, so that it is all one whether it lands.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// What is told where it turns out not to have been done; nothing where that was told.
    pub(crate) fn not_landed(&self) -> Option<What> {
        (!self.outrun && !self.is_empty()).then(|| What::NotLanded { intent: self.id.clone() })
    }
}

impl Document {
    /// The fields of which Azure has made something else than was asked.
    pub fn unmet(&self) -> impl Iterator<Item = (&Field, &Owned, &Unmet)> {
        self.owned.iter().filter_map(|(field, owned)| Some((field, owned, owned.unmet()?)))
    }

    /// Whether every field is as its owner left it and nothing is wanted, though a write that had no
    /// answer may still land.
    #[must_use]
    pub fn is_restored(&self) -> bool {
        self.overrides.is_empty()
            && self.trouble.is_none()
            && self.owned.values().all(|owned| owned.written.means(&owned.baseline))
            && !self.reconnects.values().any(Reconnect::is_waiting)
    }

    /// Until when a write that had no answer may still land; none where none is open.
    #[must_use]
    pub fn may_land_until(&self) -> Option<Timestamp> {
        let open = self.intents.iter().filter(|intent| !intent.is_empty());
        open.map(Intent::fence).max()
    }
}
