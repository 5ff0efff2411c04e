//! A playbook that has been read and found sound; nothing in it is checked again.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{play::Play, window::Window};
use crate::{
    effect::Effect,
    limits::Terms,
    names::{BackendId, BackendName, PlayName, PoolAlias, ServiceAlias, ServiceId, WindowName},
    origin::Origin,
};

/// A playbook that has been read and found sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Playbook {
    /// The services it names.
    pub services: BTreeMap<ServiceAlias, ServiceId>,
    /// The pools it may change; no two are the same backend.
    pub pools: BTreeMap<PoolAlias, ManagedPool>,
    /// What to do, in the order of the file; no two have one name.
    pub plays: Vec<Play>,
    /// What to do at which times, in the order of the file; no two have one name.
    pub windows: Vec<Window>,
    /// Where things are found, since each step asks.
    index: Index,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Index {
    pools: HashMap<BackendId, PoolAlias>,
    plays: HashMap<PlayName, usize>,
}

impl Playbook {
    pub(super) fn new(
        services: BTreeMap<ServiceAlias, ServiceId>,
        pools: BTreeMap<PoolAlias, ManagedPool>,
        plays: Vec<Play>,
        windows: Vec<Window>,
    ) -> Self {
        let backend =
            |(alias, pool): (&PoolAlias, &ManagedPool)| (pool.backend.clone(), alias.clone());
        let index = Index {
            pools: pools.iter().map(backend).collect(),
            plays: plays.iter().enumerate().map(|(at, play)| (play.name.clone(), at)).collect(),
        };
        Self { services, pools, plays, windows, index }
    }

    /// The pool that is this backend, with what the playbook calls it.
    #[must_use]
    pub fn pool_of(&self, backend: &BackendId) -> Option<(&PoolAlias, &ManagedPool)> {
        self.pools.get_key_value(self.index.pools.get(backend)?)
    }

    /// The members of a pool that plays name, where the file alone decides which: each must be one.
    #[must_use]
    pub fn members_named(&self, pool: &PoolAlias) -> BTreeSet<BackendName> {
        let effects = self.plays.iter().flat_map(|play| &play.effects);
        // Where several pools are possible, a member may belong to another of them.
        let of_pool = effects.filter(|one| one.pool.fixed() == Some(pool.as_str()));
        let names = of_pool.flat_map(|one| match &one.effect {
            Effect::Drain { member }
            | Effect::Shift { member, to: _ }
            | Effect::Promote { member, weight: _ } => {
                let names = member.texts().unwrap_or_default();
                names.iter().filter_map(|name| name.parse().ok()).collect()
            }
            Effect::Split { weights } => weights.keys().cloned().collect::<Vec<_>>(),
        });
        let backend = self.pools.get(pool).map(|pool| &pool.backend);
        let of_windows = self.windows.iter().flat_map(|window| &window.effects);
        let of_windows = of_windows.filter(|(of, _)| Some(of) == backend);
        names.chain(of_windows.flat_map(|(_, effect)| effect.members())).collect()
    }

    /// The window of this name.
    #[must_use]
    pub fn window(&self, name: &WindowName) -> Option<&Window> {
        self.windows.iter().find(|window| window.name == *name)
    }

    /// The windows that do something to a backend.
    pub fn windows_of<'a>(&'a self, backend: &'a BackendId) -> impl Iterator<Item = &'a Window> {
        self.windows.iter().filter(move |window| window.effects.iter().any(|(of, _)| of == backend))
    }

    /// The backends that windows do something to.
    #[must_use]
    pub fn backends_of_windows(&self) -> BTreeSet<&BackendId> {
        self.windows.iter().flat_map(|window| &window.effects).map(|(backend, _)| backend).collect()
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
}
