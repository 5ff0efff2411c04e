//! A play: when this is heard, do that; and its effects before a signal has filled them in.

use jiff::SignedDuration;

use super::{expression::Expression, template::Template};
use crate::{
    effect::Effect,
    gate::{Budget, Hours},
    lease::Lease,
    names::PlayName,
};

/// One entry of the playbook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Play {
    /// Its name, unlike that of any other play.
    pub name: PlayName,
    /// Which signals it is for.
    pub when: Expression,
    /// What it does, in the order of the file; at least one.
    pub effects: Vec<EffectTemplate>,
    /// How what it did ends.
    pub lease: Lease,
    /// When it begins anything; at any time, where it does not say.
    pub hours: Option<Hours>,
    /// How many of its overrides may begin.
    pub budget: Option<Budget>,
    /// The reconnects that follow when it is over.
    pub after: Vec<ReconnectTemplate>,
    /// The labels and annotations that show what its alert is, in the order in which they are shown.
    pub show: Vec<String>,
}

/// What a play does to a pool, before a signal says to which member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EffectTemplate {
    /// The pool, by its alias.
    pub pool: Template,
    /// What is done to it.
    pub effect: Effect<Template>,
}

impl EffectTemplate {
    /// What the file calls it: `drain`, `shift` or `promote`.
    #[must_use]
    pub fn keyword(&self) -> &'static str {
        match self.effect {
            Effect::Drain { .. } => "drain",
            Effect::Shift { .. } | Effect::Split { .. } => "shift",
            Effect::Promote { .. } => "promote",
        }
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
