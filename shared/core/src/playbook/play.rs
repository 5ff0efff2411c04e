//! A play: when this is heard, do that; and its effects before a signal has filled them in.

use std::collections::BTreeMap;

use jiff::SignedDuration;

use super::{Condition, Ramp, Template, Until};
use crate::{
    effect::Effect,
    fraction::Fraction,
    names::{BackendName, PlayName},
};

/// One entry of the playbook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Play {
    /// Its name, unlike that of any other play.
    pub name: PlayName,
    /// Which signals it is for.
    pub when: Condition,
    /// What it does, in the order of the file; at least one.
    pub effects: Vec<EffectTemplate>,
    /// When what it did ends by itself.
    pub until: Until,
    /// The least time that its overrides stay; zero when none was asked for.
    pub hold: SignedDuration,
    /// How weight is given back.
    pub ramp: Ramp,
    /// The reconnects that follow when it is over.
    pub after: Vec<ReconnectTemplate>,
}

/// What a play does to a pool, before a signal says to which member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EffectTemplate {
    /// Becomes [`Effect::Drain`].
    Drain {
        /// The pool, by its alias.
        pool: Template,
        /// Who is drained.
        member: Template,
    },
    /// Becomes [`Effect::Shift`].
    Shift {
        /// The pool, by its alias.
        pool: Template,
        /// Whose weight.
        member: Template,
        /// How much of its baseline remains.
        to: Fraction,
    },
    /// Becomes [`Effect::Split`].
    Split {
        /// The pool, by its alias.
        pool: Template,
        /// Weights by member; at least one is not 0.
        weights: BTreeMap<BackendName, u8>,
    },
    /// Becomes [`Effect::Promote`].
    Promote {
        /// The pool, by its alias.
        pool: Template,
        /// The standby.
        member: Template,
        /// Its weight where it has none or 0.
        weight: Option<u8>,
    },
}

impl EffectTemplate {
    /// The alias of the pool that it changes.
    #[must_use]
    pub fn pool(&self) -> &Template {
        match self {
            Self::Drain { pool, .. }
            | Self::Shift { pool, .. }
            | Self::Split { pool, .. }
            | Self::Promote { pool, .. } => pool,
        }
    }

    /// What the file calls it: `drain`, `shift` or `promote`.
    #[must_use]
    pub fn keyword(&self) -> &'static str {
        match self {
            Self::Drain { .. } => "drain",
            Self::Shift { .. } | Self::Split { .. } => "shift",
            Self::Promote { .. } => "promote",
        }
    }

    /// The effect, with its member named by `resolve`.
    ///
    /// # Errors
    /// Those of `resolve`.
    pub(super) fn fill<E>(
        &self,
        resolve: impl FnOnce(&Template) -> Result<BackendName, E>,
    ) -> Result<Effect, E> {
        Ok(match self {
            Self::Drain { pool: _, member } => Effect::Drain { member: resolve(member)? },
            Self::Shift { pool: _, member, to } => {
                Effect::Shift { member: resolve(member)?, to: *to }
            }
            Self::Split { pool: _, weights } => Effect::Split { weights: weights.clone() },
            Self::Promote { pool: _, member, weight } => {
                Effect::Promote { member: resolve(member)?, weight: *weight }
            }
        })
    }
}

/// A reconnect that follows a play, before a signal says of which backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReconnectTemplate {
    /// The backend's name, in the service of the pool of the play's first effect.
    pub backend: Template,
    /// How long after the play is over; at least [`super::RECONNECT_AFTER_MIN`].
    pub after: SignedDuration,
}
