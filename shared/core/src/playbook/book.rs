//! A playbook that has been read and found sound; nothing in it is checked again.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use rustc_hash::FxHashMap;

use super::{
    compared::ByCompared,
    expression::Expression,
    gates::Freeze,
    play::{On, Play, Whom},
    window::Window,
};
use crate::{
    declared::Declared,
    effect::Effect,
    field::Property,
    limits::{TagLimit, Terms},
    mode::Mode,
    names::{
        BackendAlias, BackendId, BackendName, PlayName, PoolAlias, ServiceAlias, ServiceId,
        TagName, WindowName,
    },
    origin::Origin,
    overrides::Override,
    signal::Signal,
};

/// A playbook that has been read and found sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Playbook {
    /// The services it names.
    pub services: BTreeMap<ServiceAlias, ServiceId>,
    /// The pools it may change; no two are the same backend.
    pub pools: BTreeMap<PoolAlias, ManagedPool>,
    /// The Singles it may change; no two are the same backend, and none is a pool.
    pub backends: BTreeMap<BackendAlias, ManagedBackend>,
    /// What to do, in the order of the file; no two have one name.
    pub plays: Vec<Play>,
    /// What to do at which times, in the order of the file; no two have one name.
    pub windows: Vec<Window>,
    /// When nothing begins, in the order of the file; no two have one name.
    pub freezes: Vec<Freeze>,
    /// What must hold of all backends with a tag together, over all pools.
    pub limits: BTreeMap<TagName, TagLimit>,
    /// Where things are found, since each step asks.
    index: Index,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Index {
    pools: HashMap<BackendId, PoolAlias>,
    backends: HashMap<BackendId, BackendAlias>,
    /// A step asks for the play of each override, and names are no keys that a stranger chooses.
    plays: FxHashMap<PlayName, usize>,
    windows: HashMap<BackendId, BTreeSet<usize>>,
    /// The plays by their `when`, and by their `unless`.
    when: ByCompared,
    unless: ByCompared,
}

impl Playbook {
    pub(super) fn new(
        services: BTreeMap<ServiceAlias, ServiceId>,
        pools: BTreeMap<PoolAlias, ManagedPool>,
        backends: BTreeMap<BackendAlias, ManagedBackend>,
        plays: Vec<Play>,
        windows: Vec<Window>,
        freezes: Vec<Freeze>,
        limits: BTreeMap<TagName, TagLimit>,
    ) -> Self {
        let mut on: HashMap<BackendId, BTreeSet<usize>> = HashMap::new();
        for (at, window) in windows.iter().enumerate() {
            for (_, backend, _) in &window.effects {
                on.entry(backend.clone()).or_default().insert(at);
            }
        }
        let index = Index {
            windows: on,
            pools: pools
                .iter()
                .map(|(alias, pool)| (pool.backend.clone(), alias.clone()))
                .collect(),
            backends: backends
                .iter()
                .map(|(alias, one)| (one.backend.clone(), alias.clone()))
                .collect(),
            plays: plays.iter().enumerate().map(|(at, play)| (play.name.clone(), at)).collect(),
            when: ByCompared::new(plays.iter().map(|play| &play.when).enumerate()),
            unless: ByCompared::new(
                plays
                    .iter()
                    .enumerate()
                    .filter_map(|(at, play)| Some((at, play.begins.unless.as_ref()?))),
            ),
        };
        Self { services, pools, backends, plays, windows, freezes, limits, index }
    }

    /// The pool that is this backend, with what the playbook calls it.
    #[must_use]
    pub fn pool_of(&self, backend: &BackendId) -> Option<(&PoolAlias, &ManagedPool)> {
        self.pools.get_key_value(self.index.pools.get(backend)?)
    }

    /// The Single that is this backend, with what the playbook calls it.
    #[must_use]
    pub fn single_of(&self, backend: &BackendId) -> Option<(&BackendAlias, &ManagedBackend)> {
        self.backends.get_key_value(self.index.backends.get(backend)?)
    }

    /// The value of a tag that a backend has in the inventory.
    #[must_use]
    pub fn tag_of(&self, tag: &TagName, backend: &BackendId) -> Option<&str> {
        self.single_of(backend)?.1.tags.get(tag).map(String::as_str)
    }

    /// The backends that it may change, with what it calls each: pools first, by name.
    pub fn managed(&self) -> impl Iterator<Item = (&str, &BackendId)> {
        let pools = self.pools.iter().map(|(alias, pool)| (alias.as_str(), &pool.backend));
        let singles = self.backends.iter().map(|(alias, one)| (alias.as_str(), &one.backend));
        pools.chain(singles)
    }

    /// Whether it may change this backend.
    #[must_use]
    pub fn manages(&self, backend: &BackendId) -> bool {
        self.index.pools.contains_key(backend) || self.index.backends.contains_key(backend)
    }

    /// The members of a pool that the playbook names, where the file alone decides which: each must be one.
    #[must_use]
    pub fn members_named(&self, pool: &PoolAlias) -> BTreeSet<BackendName> {
        let effects = self.plays.iter();
        let effects = effects.flat_map(|play| play.effects.iter().map(move |one| (play, one)));
        // Where several pools are possible, a member may belong to another of them.
        let of_pool = effects
            .filter(|(_, one)| matches!(&one.on, On::One(on) if on.fixed() == Some(pool.as_str())));
        let names = of_pool.flat_map(|(play, one)| match &one.effect {
            Effect::Drain { member }
            | Effect::Shift { member, to: _ }
            | Effect::Promote { member, weight: _ } => {
                let Whom::Named(member) = member else { return Vec::new() };
                let by_when = || play.when.texts_of(member.value()?);
                let names = member.texts().or_else(by_when).unwrap_or_default();
                names.iter().filter_map(|name| name.parse().ok()).collect()
            }
            Effect::Split { weights } => weights.keys().cloned().collect::<Vec<_>>(),
            // A member that is added need not be one.
            Effect::Join { .. }
            | Effect::Breaker(_)
            | Effect::Set(_)
            | Effect::Ensure(_)
            | Effect::Reconnect(_) => Vec::new(),
        });
        let backend = self.pools.get(pool).map(|pool| &pool.backend);
        let of_windows = self.windows.iter().flat_map(|window| &window.effects);
        let of_windows = of_windows.filter(|(_, of, _)| Some(of) == backend);
        let listed = self.pools.get(pool).into_iter().flat_map(|pool| &pool.members).cloned();
        names.chain(of_windows.flat_map(|(_, _, effect)| effect.members())).chain(listed).collect()
    }

    /// The window of this name.
    #[must_use]
    pub fn window(&self, name: &WindowName) -> Option<&Window> {
        self.windows.iter().find(|window| window.name == *name)
    }

    /// The windows that do something to a backend.
    pub fn windows_of(&self, backend: &BackendId) -> impl Iterator<Item = &Window> {
        let places = self.index.windows.get(backend).into_iter().flatten();
        places.filter_map(|at| self.windows.get(*at))
    }

    /// The backends that windows do something to.
    #[must_use]
    pub fn backends_of_windows(&self) -> BTreeSet<&BackendId> {
        self.index.windows.keys().collect()
    }

    /// Whether what an override comes from is still in it.
    #[must_use]
    pub fn has(&self, origin: &Origin) -> bool {
        match origin {
            Origin::Alert { play } => self.play(play).is_some(),
            Origin::Window { window } => self.window(window).is_some(),
            Origin::Operator => true,
        }
    }

    /// Whether what an override comes from acts. What a person asks for does, and what is gone from the
    /// playbook ends as it would.
    #[must_use]
    pub fn mode_of(&self, origin: &Origin) -> Mode {
        let mode = match origin {
            Origin::Alert { play } => self.play(play).map(|play| play.mode),
            Origin::Window { window } => self.window(window).map(|window| window.mode),
            Origin::Operator => None,
        };
        mode.unwrap_or_default()
    }

    /// Whether an override goes on under it: what it comes from is still in it, and a window is open now and
    /// still does the same there.
    #[must_use]
    pub fn keeps(&self, backend: &BackendId, over: &Override, now: Timestamp) -> bool {
        if !self.manages(backend) {
            return false;
        }
        let Origin::Window { window } = &over.origin else { return self.has(&over.origin) };
        self.window(window).is_some_and(|window| {
            window.last(now).is_some_and(|last| now < last.end)
                && window.on(backend).any(|(id, _)| id == over.id)
        })
    }

    /// The plays whose `when` may hold of a signal, in the order of the file.
    pub(super) fn plays_by_when(&self, signal: &Signal) -> impl Iterator<Item = &Play> {
        self.index.when.places(signal).into_iter().filter_map(|at| self.plays.get(at))
    }

    /// The plays whose `unless` may hold of a signal, each with that, in the order of the file.
    pub(super) fn plays_by_unless(
        &self,
        signal: &Signal,
    ) -> impl Iterator<Item = (&Play, &Expression)> {
        let plays =
            self.index.unless.places(signal).into_iter().filter_map(|at| self.plays.get(at));
        plays.filter_map(|play| Some((play, play.begins.unless.as_ref()?)))
    }

    /// The play of this name.
    #[must_use]
    pub fn play(&self, name: &PlayName) -> Option<&Play> {
        self.plays.get(*self.index.plays.get(name)?)
    }
}

/// A pool that the playbook may change, and what must hold of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManagedPool {
    /// Which backend it is.
    pub backend: BackendId,
    /// What must hold of it at all times.
    pub terms: Terms,
    /// After how many writes in an hour no override begins on it.
    pub writes_per_hour: Option<usize>,
    /// Its members, where the playbook says them.
    pub members: BTreeSet<BackendName>,
}

/// A Single that the playbook may change, and what of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManagedBackend {
    /// Which backend it is.
    pub backend: BackendId,
    /// What a play may set of it. Its breaker may be tightened in any case.
    pub may: BTreeSet<Property>,
    /// What it is to be, where an `ensure` may make it.
    pub is: Option<Declared>,
    /// What it is told apart by, such as its region and its zone.
    pub tags: BTreeMap<TagName, String>,
    /// What it can carry, in the units of `leastCapacity`.
    pub capacity: Option<u32>,
    /// The host of its address.
    pub host: Option<String>,
}
