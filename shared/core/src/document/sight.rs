//! What a backend looked like last: whole, also what nobody changed.
//!
//! It is kept for people to see, with its age; also while nothing is going on, as what its owner last left.
//! Nothing is decided by it, so that a look that finds nothing else new need not save it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Document, Intent};
use crate::{
    body::Body,
    effect::Effect,
    fraction::Fraction,
    lay::{Contribution, Laid, lay},
    limits::Terms,
    names::BackendName,
    overrides::{Held, Life, Override, Standing},
    pool::Pool,
};

/// What a backend looked like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sight {
    /// When.
    pub at: Timestamp,
    /// From what that is known.
    #[serde(default, skip_serializing_if = "SightBy::is_read")]
    pub by: SightBy,
    /// Its members, or its properties.
    #[serde(flatten)]
    pub body: Body,
}

/// From what it is known how a backend looked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SightBy {
    /// It was read; or a write was planned from it, under its `ETag`.
    #[default]
    Read,
    /// Azure answered our own write so.
    Answer,
}

impl Sight {
    /// The pool, where it is one.
    #[must_use]
    pub const fn pool(&self) -> Option<&Pool> {
        self.body.pool()
    }
}

impl SightBy {
    fn is_read(&self) -> bool {
        *self == Self::Read
    }
}

impl Document {
    /// Takes in what was read of the backend.
    pub(crate) fn saw(&mut self, body: &Body) {
        self.sight = Some(Sight { at: self.now, by: SightBy::Read, body: body.clone() });
    }

    /// Takes in what a write made of the backend: what its answer shows, or else what was asked.
    pub(super) fn saw_answer(&mut self, intent: &Intent, shown: Option<&Body>) {
        let asked =
            || {
                let before = &self.sight.as_ref()?.body;
                Some(before.with(
                    intent.changes.iter().map(|change| (&change.field, change.after.clone())),
                ))
            };
        let Some(body) = shown.cloned().or_else(asked) else { return };
        self.sight = Some(Sight { at: self.now, by: SightBy::Answer, body });
    }

    /// What is laid over the backend as it was seen last, by what was decided last: why its fields are
    /// what they are. None where it was not seen.
    #[must_use]
    pub fn laid(&self, terms: &Terms) -> Option<Laid> {
        let baseline = self.baseline()?;
        let contributions = self.overrides.values().filter_map(contribution);
        let contributions: Vec<_> =
            contributions.map(|one| one.forced(self.is_forced(one.over))).collect();
        Some(lay(&baseline, terms, &contributions, &self.yielded))
    }

    /// Whether an override may pass a limit.
    pub(crate) fn is_forced(&self, over: &Override) -> bool {
        self.forced.contains_key(&over.id)
    }

    /// The limit that an override which is in force passes.
    #[must_use]
    pub fn passes(&self, over: &Override) -> Option<&Held> {
        self.forced.get(&over.id)?.as_ref().filter(|_| Self::is_laid(over))
    }

    /// The member that an override promotes in vain: as its owner left it, it serves already.
    #[must_use]
    pub fn serves_already<'a>(&self, over: &'a Override) -> Option<&'a BackendName> {
        let Effect::Promote { member, weight: _ } = &over.effect else { return None };
        let serves = Self::is_laid(over) && self.baseline()?.pool()?.serves(member);
        serves.then_some(member)
    }

    /// Whether an override takes part in what was decided last.
    pub(super) fn is_laid(over: &Override) -> bool {
        over.begun().is_some() && over.standing == Standing::Admitted
    }

    /// The backend as its owner last left it; none where it was not seen.
    fn baseline(&self) -> Option<Body> {
        let owned = self.owned.iter().map(|(field, owned)| (field, owned.baseline.clone()));
        Some(self.sight.as_ref()?.body.with(owned))
    }
}

/// What an override contributes, by what was decided last; none where it was not looked at yet, where a
/// gate keeps it out, and where it has given everything back.
fn contribution(over: &Override) -> Option<Contribution<'_>> {
    let back = match (&over.life, &over.standing) {
        (Life::Claimed { .. }, Standing::Unseen) => return None,
        (Life::Claimed { .. }, Standing::Held(why)) if why.is_by_gate() => return None,
        // What is out elsewhere is not known here.
        (_, Standing::Held(why)) if why.is_by_others() => return None,
        (Life::Claimed { .. } | Life::Begun { .. }, _) => Fraction::NONE,
        (Life::Ended { steps, .. }, _) => match steps.len().checked_sub(1) {
            None => Fraction::NONE,
            Some(step) => over.lease.given_back(step),
        },
    };
    (back != Fraction::WHOLE).then(|| Contribution::of(over, back))
}
