//! What a pool looked like last: whole, also the members that nobody changed.
//!
//! It is kept for people to see, with its age; also while nothing is going on, as what its owner last left.
//! Nothing is decided by it, so that a look that finds nothing else new need not save it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Document, Intent};
use crate::{
    fraction::Fraction,
    lay::{Contribution, Laid, lay},
    limits::Terms,
    overrides::{Held, Life, Override, Standing},
    pool::Pool,
};

/// What a pool looked like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sight {
    /// When.
    pub at: Timestamp,
    /// From what that is known.
    #[serde(default, skip_serializing_if = "SightBy::is_read")]
    pub by: SightBy,
    /// Its members.
    pub pool: Pool,
}

/// From what it is known how a pool looked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SightBy {
    /// It was read; or a write was planned from it, under its `ETag`.
    #[default]
    Read,
    /// Azure answered our own write so.
    Answer,
}

impl SightBy {
    fn is_read(&self) -> bool {
        *self == Self::Read
    }
}

impl Document {
    /// Takes in what was read of the pool.
    pub(crate) fn saw(&mut self, pool: &Pool) {
        self.sight = Some(Sight { at: self.now, by: SightBy::Read, pool: pool.clone() });
    }

    /// Takes in what a write made of the pool: what its answer shows, or else what was asked.
    pub(super) fn saw_answer(&mut self, intent: &Intent, shown: Option<&Pool>) {
        let asked = || {
            let before = &self.sight.as_ref()?.pool;
            Some(before.with(intent.changes.iter().map(|change| (&change.field, change.after))))
        };
        let Some(pool) = shown.cloned().or_else(asked) else { return };
        self.sight = Some(Sight { at: self.now, by: SightBy::Answer, pool });
    }

    /// What is laid over the pool as it was seen last, by what was decided last: why its fields are
    /// what they are. None where it was not seen.
    #[must_use]
    pub fn laid(&self, terms: &Terms) -> Option<Laid> {
        let owned = self.owned.iter().map(|(field, owned)| (field, owned.baseline));
        let baseline = self.sight.as_ref()?.pool.with(owned);
        let contributions: Vec<_> = self.overrides.values().filter_map(contribution).collect();
        Some(lay(&baseline, terms, &contributions, &self.yielded))
    }
}

/// What an override contributes, by what was decided last; none where it was not looked at yet, where a
/// gate keeps it out, and where it has given everything back.
fn contribution(over: &Override) -> Option<Contribution<'_>> {
    let back = match (&over.life, &over.standing) {
        (Life::Claimed { .. }, Standing::Unseen | Standing::Held(Held::Paused)) => return None,
        (Life::Claimed { .. } | Life::Begun { .. }, _) => Fraction::NONE,
        (Life::Ended { steps, .. }, _) => match steps.len().checked_sub(1) {
            None => Fraction::NONE,
            Some(step) => over.lease.given_back(step),
        },
    };
    (back != Fraction::WHOLE).then(|| Contribution::of(over, back))
}
