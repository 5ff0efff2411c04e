//! The playbook: the user's file that says what to do when what is heard.
//!
//! The way from a file to a playbook, and from that to what is done:
//!
//! ```text
//! text ──form──▶ wire types ──sound──▶ Playbook ──matches──▶ Matches
//!           every problem of both is gathered, and told at once
//! ```
//!
//! [`read`] gives a [`Playbook`] or all the problems that it found; [`Playbook::plays_for`] says which
//! plays a signal matches. What can be wrong with a file is found by `read` wherever the file
//! alone decides it; what only a signal can show (a missing label, a text that is not the
//! name of a backend or a pool) is a [`Failure`] of that play and leaves the other plays alone.

mod book;
mod bounds;
mod changes;
mod compared;
mod environment;
mod expression;
mod gates;
mod guard;
mod host;
mod kind;
mod matches;
mod mismatch;
mod needed;
mod place;
mod play;
mod possible;
mod reason;
mod schema;
mod select;
mod sound;
mod strings;
mod template;
mod unbuilt;
mod value;
mod vet;
mod window;
mod wire;

#[cfg(test)]
mod tests;

pub use book::{ManagedBackend, ManagedPool, Playbook};
pub use bounds::{
    AT_MOST_DEFAULT, BACKENDS_MAX, BUDGET_MAX, COUNT_MAX, DURATION_MAX, EFFECTS_MAX,
    EXPRESSION_BYTES_MAX, FREEZES_MAX, LOOPS_MAX, PLAYBOOK_BYTES_MAX, PLAYS_MAX, POOLS_MAX,
    RAMP_STEPS_MAX, RECONNECT_AFTER_MIN, RECONNECTS_MAX, SERVICES_MAX, SPLIT_MEMBERS_MAX,
    WINDOWS_MAX, WITHIN_MAX,
};
pub use changes::{Becomes, Changed, Edit, changes};
pub use expression::{Expression, Fault};
pub use gates::{Budget, Freeze, Hours};
pub use guard::EXPRESSION_WEIGHT_MAX;
pub use matches::{Failure, Matched, Matches};
pub(crate) use play::coarse;
pub use play::{Begins, Count, Damping, EffectTemplate, On, Play, ReconnectTemplate, Stale, Whom};
pub use reason::Reason;
pub use schema::{EXAMPLE, schema, schema_text};
pub use sound::read;
pub use template::Template;
pub use window::{Dialect, Instance, Schedule, Window};

pub use crate::form::{Problem, render};
