//! The panic of a pool: more of its members would be out by what alerts ask for than a stated share. Then their
//! cause is a common one, and to drain them helps nobody.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Document;
use crate::{
    fraction::Fraction,
    id::OverrideId,
    ledger::What,
    overrides::{End, Held, Life},
};

/// That a pool is in panic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Panic {
    /// Since when.
    pub since: Timestamp,
    /// How many members would be out.
    pub out: usize,
    /// How many serve in the baseline.
    pub of: usize,
    /// The share of them that is too much.
    pub most: Fraction,
}

impl Panic {
    /// What keeps back those that are not to begin.
    #[must_use]
    pub const fn held(&self) -> Held {
        let Self { out, of, most, .. } = *self;
        Held::Panic { out, of, most }
    }
}

impl Document {
    /// Takes in whether the pool is in panic, and tells where that has changed.
    pub(crate) fn note_panic(&mut self, panic: Option<Panic>, said: &mut Vec<What>) {
        match (&self.panic, &panic) {
            (None, Some(Panic { out, of, most, .. })) => {
                said.push(What::Panicked { out: *out, of: *of, most: *most });
            }
            (Some(Panic { since, .. }), None) => said.push(What::Calmed { since: *since }),
            (None, None) | (Some(_), Some(_)) => {}
        }
        let since = self.panic.take().map(|panic| panic.since);
        self.panic = panic.map(|panic| Panic { since: since.unwrap_or(panic.since), ..panic });
    }

    /// Has an override that has begun give back what it took, by its ramp. Who asks for it goes on to, so that it
    /// begins again when it may.
    pub(crate) fn give_back(&mut self, id: &OverrideId, said: &mut Vec<What>) {
        let (now, has_no_part) = (self.now, self.has_no_part(id));
        let Some(over) = self.overrides.get_mut(id) else { return };
        over.extended = None;
        if has_no_part {
            over.life = Life::Claimed { at: now };
            return;
        }
        over.life = Life::Ended { at: now, why: End::Panic, steps: Vec::new() };
        over.skip_ramp_if_kept_out();
        said.push(What::Ended { id: id.clone(), why: End::Panic });
    }
}
