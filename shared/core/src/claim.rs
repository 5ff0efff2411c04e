//! Claims: what an alert's occurrence asks of one backend, and the occurrences behind an override.
//!
//! A thousand alerts that ask for the same are one override: its id says which play, which place in
//! it and which target, and never who asks or how much. Each asking occurrence is a [`Claim`], kept
//! with its series; the document knows only the strongest of them ([`Behind`]), so that it stays
//! small and an alert costs the same however many are on.
//!
//! # What is guaranteed
//!
//! The known ones are the strongest that are on, in the order of [`Asked::rank`]: one that is
//! stronger than the weakest known takes its place, and a weaker one is only stored with its series.
//! When no known one is left, the store is asked for the next ([`Behind::is_wanting`]). So what an
//! override is made of depends on the set of occurrences and not on the order in which they came.

use std::{cmp::Reverse, collections::BTreeMap};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    effect::Effect,
    id::OverrideId,
    lease::{End, Lease},
    names::{BackendId, PlayName},
    origin::Authority,
    reconnect::After,
    shown::Shown,
    signal::{SeriesId, Severity},
};

/// How many occurrences a document knows of each override.
pub const KNOWN_MAX: usize = 8;

/// How many the store gives at once: one more than can be known, so that it is seen whether there are.
pub const RECALLED_MAX: usize = KNOWN_MAX + 1;

/// What one occurrence asks of one backend, by one effect of one play.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Which override is asked for.
    pub id: OverrideId,
    /// Whose.
    pub backend: BackendId,
    /// By which play.
    pub play: PlayName,
    /// What is asked.
    #[serde(flatten)]
    pub asked: Asked,
}

/// What is asked of an override: everything that the playbook and the signal said of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// The generation of the playbook that was read.
    pub generation: u64,
    /// What it does.
    pub effect: Effect,
    /// When it ends by itself.
    pub lease: Lease,
    /// What follows when it is over.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<After>,
    /// What the alert is, in its own words. An annotation often changes at each repeat, so this is what
    /// it said when all else that is asked changed last.
    #[serde(default, skip_serializing_if = "Shown::is_empty")]
    pub alert: Shown,
    /// How bad the alert is.
    pub severity: Severity,
    /// When the occurrence started, by the source's clock: its age.
    pub started: Timestamp,
    /// When it counts as silent, should it not be heard again: of a source that repeats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silent: Option<Timestamp>,
    /// When it was claimed, by the time of the backend's document. An undo ends what was claimed
    /// before it, and nothing else.
    pub since: Timestamp,
}

impl Claim {
    /// The id of the override that an effect of a play makes: of what it comes from, the play, the
    /// effect's place in it, and the target. Never of the effect's values, so that an edited playbook
    /// changes an override and does not make a second.
    #[must_use]
    pub fn id(play: &PlayName, place: usize, backend: &BackendId, effect: &Effect) -> OverrideId {
        OverrideId::derive(&[
            Authority::Alert.word(),
            play.as_str(),
            &place.to_string(),
            &backend.to_string(),
            &effect.target(),
        ])
    }
}

impl Asked {
    /// The order of strength, the strongest first: what the newest playbook said, then the worst,
    /// then the oldest.
    fn rank<'a>(
        &self,
        series: &'a SeriesId,
    ) -> (Reverse<u64>, Reverse<Severity>, Timestamp, &'a SeriesId) {
        (Reverse(self.generation), Reverse(self.severity), self.started, series)
    }

    /// When it ends by the clock alone, asked of an override that began at `begun`, if it has.
    #[must_use]
    pub fn expires(&self, begun: Option<Timestamp>) -> Timestamp {
        self.ends(begun).0
    }

    /// The same, and why.
    fn ends(&self, begun: Option<Timestamp>) -> (Timestamp, End) {
        let from = begun.map_or(self.since, |begun| begun.max(self.since));
        let ends = self.lease.expires(from);
        match self.silent {
            Some(silent) if silent < ends => (silent, End::Stale),
            Some(_) | None => (ends, End::Expired),
        }
    }
}

/// The occurrences behind an override.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Behind {
    /// The strongest that are on: [`KNOWN_MAX`] at most.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    known: BTreeMap<SeriesId, Asked>,
    /// Whether there may be others, weaker than all of these, that only the store knows.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    more: bool,
}

/// What became of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is among the known ones.
    Known,
    /// It is weaker than those, and only its series knows of it.
    Beside,
}

impl Behind {
    /// One occurrence.
    #[must_use]
    pub fn of(series: SeriesId, asked: Asked) -> Self {
        Self { known: BTreeMap::from([(series, asked)]), more: false }
    }

    /// Those known, by series.
    #[must_use]
    pub const fn known(&self) -> &BTreeMap<SeriesId, Asked> {
        &self.known
    }

    /// Whether no occurrence is on.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.known.is_empty() && !self.more
    }

    /// Whether there may be others beside the known ones.
    #[must_use]
    pub const fn has_more(&self) -> bool {
        self.more
    }

    /// Whether the store has to be asked for others, because no known one is on at `now`.
    #[must_use]
    pub fn is_wanting(&self, begun: Option<Timestamp>, now: Timestamp) -> bool {
        self.more && self.known.values().all(|asked| asked.expires(begun) <= now)
    }

    /// Takes in what an occurrence asks; the same series again replaces what it asked before.
    pub fn take_in(&mut self, series: &SeriesId, asked: &Asked) -> Taken {
        self.known.remove(series);
        let weakest =
            self.known.iter().all(|(other, known)| known.rank(other) < asked.rank(series));
        // With others beside, one of them may come before it.
        if weakest && (self.more || self.known.len() >= KNOWN_MAX) {
            self.more = true;
            return Taken::Beside;
        }
        self.known.insert(series.clone(), asked.clone());
        while self.known.len() > KNOWN_MAX {
            let weakest = self.known.iter().max_by_key(|(series, asked)| asked.rank(series));
            let Some(weakest) = weakest.map(|(series, _)| series.clone()) else { break };
            self.known.remove(&weakest);
            self.more = true;
        }
        Taken::Known
    }

    /// Takes in what the store found: the strongest that are on, [`RECALLED_MAX`] at most.
    pub(crate) fn recall(&mut self, found: Vec<(SeriesId, Asked)>) {
        self.more = found.len() > KNOWN_MAX;
        self.known = found.into_iter().take(KNOWN_MAX).collect();
    }

    /// Takes out an occurrence that is over.
    pub fn remove(&mut self, series: &SeriesId) {
        self.known.remove(series);
    }

    /// Whether the time of one of the known ones has run out.
    #[must_use]
    pub fn runs_out(&self, begun: Option<Timestamp>, now: Timestamp) -> bool {
        self.known.values().any(|asked| asked.expires(begun) <= now)
    }

    /// Takes out the known ones whose time has run out, and gives them, each with why.
    pub fn expire(&mut self, begun: Option<Timestamp>, now: Timestamp) -> Vec<(SeriesId, End)> {
        let gone = self.known.extract_if(.., |_, asked| asked.expires(begun) <= now);
        gone.map(|(series, asked)| (series, asked.ends(begun).1)).collect()
    }

    /// Takes out all: they were undone, those beside included.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Forgets the known ones, so that the store is asked for all.
    pub fn forget(&mut self) {
        *self = Self { known: BTreeMap::new(), more: true };
    }

    /// Takes back to `now` what was claimed by a clock that ran ahead.
    pub(crate) fn rewind(&mut self, now: Timestamp) {
        for asked in self.known.values_mut() {
            asked.since = asked.since.min(now);
        }
    }

    /// When the last of the known ones ends by the clock alone, and why.
    #[must_use]
    pub fn ends(&self, begun: Option<Timestamp>) -> Option<(Timestamp, End)> {
        self.known.values().map(|asked| asked.ends(begun)).max_by_key(|(at, _)| *at)
    }

    /// When the last of the known ones ends by the clock alone.
    #[must_use]
    pub fn expires(&self, begun: Option<Timestamp>) -> Option<Timestamp> {
        self.known.values().map(|asked| asked.expires(begun)).max()
    }

    /// The strongest.
    #[must_use]
    pub fn strongest(&self) -> Option<(&SeriesId, &Asked)> {
        self.known.iter().min_by_key(|(series, asked)| asked.rank(series))
    }

    /// The worst severity, and the earliest start of those that are as bad.
    #[must_use]
    pub fn worst(&self) -> Option<(Severity, Timestamp)> {
        let worst = |asked: &&Asked| (Reverse(asked.severity), asked.started);
        self.known.values().min_by_key(worst).map(|asked| (asked.severity, asked.started))
    }
}

/// How many occurrences are behind an override.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occurrences {
    /// How many.
    pub count: u64,
    /// When the first of them started.
    pub first: Option<Timestamp>,
    /// When the latest of them started.
    pub latest: Option<Timestamp>,
}

/// A question to the store: which occurrences are behind an override, beside the known ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recall {
    /// Of which override.
    pub id: OverrideId,
    /// Those claimed after this; what was claimed before was undone.
    pub after: Option<Timestamp>,
    /// When the override began, if it has: no claim's time runs before that.
    pub begun: Option<Timestamp>,
    /// Those that end by the clock after this.
    pub now: Timestamp,
}

impl Recall {
    /// Whether a claim is what is asked for: what a store without an index tests one by one.
    #[must_use]
    pub fn matches(&self, claim: &Claim) -> bool {
        claim.id == self.id
            && self.after.is_none_or(|after| claim.asked.since > after)
            && claim.asked.expires(self.begun) > self.now
    }

    /// The order in which the store gives them: the strongest first.
    #[must_use]
    pub fn order(one: (&SeriesId, &Asked), other: (&SeriesId, &Asked)) -> std::cmp::Ordering {
        one.1.rank(one.0).cmp(&other.1.rank(other.0))
    }
}

#[cfg(test)]
#[path = "claim_tests.rs"]
mod tests;
