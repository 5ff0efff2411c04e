//! The playbook: the user's file that says what to do when what is heard.
//!
//! This module holds what a playbook means once it has been read and found sound; nothing in it
//! is checked again. The way from a file to here, and from here to a deed:
//!
//! ```text
//! text ──node──▶ tree with positions ──decode──▶ wire types ──sound──▶ Playbook ──hear──▶ Matched
//!                      every problem of all three is gathered, and told at once
//! ```
//!
//! [`read`] gives a [`Playbook`] or all the problems that it found; [`Playbook::hear`] says which
//! plays a signal matches. What can be wrong with a file is found by `read` wherever the file
//! alone decides it; what only a signal can show (a missing label, a text that is no backend's
//! or no pool's name) is a [`Failure`] of that play and leaves the other plays alone.

mod decode;
mod expression;
mod guard;
mod hear;
mod nearest;
mod node;
mod place;
mod play;
mod possible;
mod problem;
mod schema;
mod sound;
mod strings;
mod template;
mod unbuilt;
mod value;
mod vet;
mod wire;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};

use jiff::SignedDuration;

pub use crate::overrides::Until;
pub use expression::{Condition, EXPRESSION_BYTES_MAX, EXPRESSION_WEIGHT_MAX, LOOPS_MAX};
pub use hear::{Failure, Hearing, Reason};
pub use nearest::meant;
pub use node::not_yaml;
pub use play::{EffectTemplate, Play, ReconnectTemplate};
pub use problem::{Problem, render};
pub use schema::{EXAMPLE, schema, schema_text};
pub use sound::read;
pub use template::Template;

use crate::{
    effect::Effect,
    fraction::Fraction,
    limits::{Failover, Limits},
    names::{BackendId, PlayName, PoolAlias, ServiceAlias, ServiceId},
};

/// How long an override lasts at most where the playbook says nothing, because resolves get lost.
pub const AT_MOST_DEFAULT: SignedDuration = SignedDuration::from_hours(24);

/// The shortest delay that Azure accepts for a reconnect (page of Backend Reconnect).
pub const RECONNECT_AFTER_MIN: SignedDuration = SignedDuration::from_mins(2);

/// The longest that anything in a playbook may last: 30 days.
///
/// Longer is a typing error or a change that belongs in the pool's own definition.
pub const DURATION_MAX: SignedDuration = SignedDuration::from_hours(30 * 24);

/// How large a playbook may be, in bytes.
pub const PLAYBOOK_BYTES_MAX: usize = 4 << 20;

/// How many services a playbook may name.
pub const SERVICES_MAX: usize = 50;

/// How many pools a playbook may name.
pub const POOLS_MAX: usize = 2_000;

/// How many plays a playbook may have; each is asked of every signal.
pub const PLAYS_MAX: usize = 2_000;

/// How many effects one play may have.
pub const EFFECTS_MAX: usize = 16;

/// How many steps a ramp may have.
pub const RAMP_STEPS_MAX: usize = 20;

/// How many reconnects may follow one play.
pub const RECONNECTS_MAX: usize = 16;

/// How many members one split may name: as many as Azure allows a pool (page of Backends).
pub const SPLIT_MEMBERS_MAX: usize = 30;

/// A playbook that has been read and found sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Playbook {
    /// The services it names.
    pub services: BTreeMap<ServiceAlias, ServiceId>,
    /// The pools it may change; no two are the same backend.
    pub pools: BTreeMap<PoolAlias, Pool>,
    /// What to do, in the order of the file; no two have one name.
    pub plays: Vec<Play>,
    /// Where things are found, since each step asks.
    index: Index,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Index {
    pools: HashMap<BackendId, PoolAlias>,
    plays: HashMap<PlayName, usize>,
}

impl Playbook {
    fn new(
        services: BTreeMap<ServiceAlias, ServiceId>,
        pools: BTreeMap<PoolAlias, Pool>,
        plays: Vec<Play>,
    ) -> Self {
        let index = Index {
            pools: pools
                .iter()
                .map(|(alias, pool)| (pool.backend.clone(), alias.clone()))
                .collect(),
            plays: plays.iter().enumerate().map(|(at, play)| (play.name.clone(), at)).collect(),
        };
        Self { services, pools, plays, index }
    }

    /// The pool that is this backend, with what the playbook calls it.
    #[must_use]
    pub fn pool_of(&self, backend: &BackendId) -> Option<(&PoolAlias, &Pool)> {
        self.pools.get_key_value(self.index.pools.get(backend)?)
    }

    /// The play of this name.
    #[must_use]
    pub fn play(&self, name: &PlayName) -> Option<&Play> {
        self.plays.get(*self.index.plays.get(name)?)
    }
}

/// A pool that the playbook may change, and what must hold of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pool {
    /// Which backend it is.
    pub backend: BackendId,
    /// What must hold of it at all times.
    pub limits: Limits,
    /// What happens when the serving group cannot keep the limits by itself.
    pub failover: Failover,
    /// What a null weight counts as beside weights that are numbers; without it, overrides of such
    /// a group are held.
    pub null_weight: Option<u8>,
}

/// How weight is given back when an override ends: in steps, each this long after the one before
/// was applied. No steps: all at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ramp {
    /// How much of what was taken is given back at each step, growing and below the whole; the
    /// whole comes last by itself.
    pub steps: Vec<Fraction>,
    /// How long a step lasts before the next; zero only where there are no steps.
    pub every: SignedDuration,
}

/// A play matched by a signal, with every `${...}` of it resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matched<'a> {
    /// The play.
    pub play: &'a Play,
    /// Its effects, in the order of the file: the pool, and what is done to it.
    pub effects: Vec<(&'a Pool, Effect)>,
    /// The reconnects that follow when the play is over: the backend, and how long after.
    pub after: Vec<(BackendId, SignedDuration)>,
}
