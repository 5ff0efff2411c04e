//! A play: when this is heard, do that; and its effects before a signal has filled them in.

use jiff::SignedDuration;

use super::{expression::Expression, template::Template};
use crate::{effect::Effect, lease::Lease, names::PlayName};

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
    /// The reconnects that follow when it is over.
    pub after: Vec<ReconnectTemplate>,
    /// The labels and annotations that show what its alert is, in the order in which they are shown.
    pub show: Vec<String>,
}

/// What a play does to a backend, before a signal says to which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EffectTemplate {
    /// The pool or the Single, by its alias.
    pub on: Template,
    /// What is done to it.
    pub effect: Effect<Template>,
}

/// A reconnect that follows a play, before a signal says of which backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReconnectTemplate {
    /// The backend's name, in the service of the backend of the play's first effect.
    pub backend: Template,
    /// How long after the play is over; at least [`super::RECONNECT_AFTER_MIN`].
    pub after: SignedDuration,
}
