//! Whom an effect is for: what a play or a window selects among the pools and their members.
//!
//! What it comes to is fixed by the playbook and the signal, and stands in the order of the pools' names and then of
//! the members': each member is an override of its own, so that what a limit holds back takes nothing from the
//! others. It is bounded: where more are selected than may be, nothing is done, and that is told.

use std::{collections::BTreeMap, fmt};

use super::{
    book::{ManagedBackend, ManagedPool, Playbook},
    host::host_of,
    play::{EffectTemplate, On, Whom},
    reason::Reason,
    template::Template,
};
use crate::{
    effect::Effect,
    form::{clipped, listed},
    names::{BackendId, BackendName, PoolAlias, TagName},
};

/// The same, with all that a signal says of it.
enum Wanted {
    Named(BackendName),
    Tags(BTreeMap<TagName, String>),
    Host(String),
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name) => write!(f, "the name `{name}`"),
            Self::Host(host) => write!(f, "the host `{}`", clipped(host)),
            Self::Tags(tags) => {
                let said = tags.iter().map(|(tag, value)| format!("{tag}: {}", clipped(value)));
                write!(f, "the tags `{}`", said.collect::<Vec<_>>().join(", "))
            }
        }
    }
}

/// What there is to select from.
pub(super) trait Inventory {
    /// The pool of this alias.
    fn pool(&self, alias: &str) -> Option<&ManagedPool>;
    /// All pools, by their aliases.
    fn pools(&self) -> impl Iterator<Item = &ManagedPool>;
    /// The Single that is this backend.
    fn single(&self, backend: &BackendId) -> Option<&ManagedBackend>;
    /// That there is no pool of this alias, with those that there are.
    fn no_pool(&self, alias: &str) -> Reason;
}

impl Inventory for Playbook {
    fn pool(&self, alias: &str) -> Option<&ManagedPool> {
        self.pools.get(&alias.parse::<PoolAlias>().ok()?)
    }

    fn pools(&self) -> impl Iterator<Item = &ManagedPool> {
        self.pools.values()
    }

    fn single(&self, backend: &BackendId) -> Option<&ManagedBackend> {
        Some(self.single_of(backend)?.1)
    }

    fn no_pool(&self, alias: &str) -> Reason {
        let pools = listed("pools", self.pools.keys().map(PoolAlias::as_str));
        Reason::NoPool { name: clipped(alias), pools }
    }
}

/// What an effect comes to: the backends, and what is done to each. `fill` gives the text of a template. A problem
/// has the field that it is of.
pub(super) fn select<'a>(
    template: &EffectTemplate,
    inventory: &'a impl Inventory,
    fill: impl Fn(&Template) -> Result<String, Reason>,
) -> Result<Vec<(&'a BackendId, Effect)>, (&'static str, Reason)> {
    let pool = |alias: &Template| {
        let alias = fill(alias).map_err(|reason| ("pool", reason))?;
        inventory.pool(&alias).ok_or_else(|| ("pool", inventory.no_pool(&alias)))
    };
    if let On::MembersOf(alias) = &template.on {
        let pool = pool(alias)?;
        let ids = pool.members.iter().map(|name| pool.backend.sibling(name.clone()));
        let singles = ids.filter_map(|id| inventory.single(&id));
        let effect =
            template.effect.named(|_| Err(Reason::Unlisted)).map_err(|why| ("pool", why))?;
        let selected: Vec<_> = singles.map(|one| (&one.backend, effect.clone())).collect();
        return match selected.is_empty() {
            true => Err(("pool", Reason::Unlisted)),
            false => bounded(selected, template.most),
        };
    }
    let pools: Vec<&ManagedPool> = match &template.on {
        On::One(alias) => vec![pool(alias)?],
        On::EveryPool | On::MembersOf(_) => inventory.pools().collect(),
    };
    let mut wanted = None;
    let effect = template.effect.named(|whom| {
        let field = whom.field();
        wanted = Some((field, whom.fill(&fill).map_err(|reason| (field, reason))?));
        Ok::<(), (&'static str, Reason)>(())
    })?;
    let is_one = matches!(template.on, On::One(_));
    let Some((field, wanted)) = wanted else {
        let selected = pools
            .into_iter()
            .map(|pool| Ok((&pool.backend, effect.named(|()| Err(("pool", Reason::Unlisted)))?)));
        return selected.collect();
    };
    let mut selected = Vec::new();
    for pool in pools {
        let members: Vec<BackendName> = match &wanted {
            // Where the playbook does not list the pool's members, the pool itself shows whether it is one.
            Wanted::Named(name) if is_one => vec![name.clone()],
            Wanted::Named(_) | Wanted::Tags(_) | Wanted::Host(_) => pool
                .members
                .iter()
                .filter(|name| wanted.is(pool, name, inventory))
                .cloned()
                .collect(),
        };
        for name in members {
            let effect = effect.named(|()| Ok::<_, (&'static str, Reason)>(name.clone()))?;
            selected.push((&pool.backend, effect));
        }
    }
    if selected.is_empty() {
        return Err((field, Reason::NoneSelected(wanted.to_string())));
    }
    bounded(selected, template.most)
}

fn bounded<T>(selected: Vec<T>, most: usize) -> Result<Vec<T>, (&'static str, Reason)> {
    match selected.len() {
        count if count > most => Err(("most", Reason::ManySelected { count, most })),
        _ => Ok(selected),
    }
}

impl Whom {
    fn fill(&self, fill: impl Fn(&Template) -> Result<String, Reason>) -> Result<Wanted, Reason> {
        Ok(match self {
            Self::Named(name) => Wanted::Named(fill(name)?.parse()?),
            Self::Host(host) => Wanted::Host(host_of(&fill(host)?)),
            Self::Tags(tags) => {
                let tags = tags.iter().map(|(tag, value)| Ok((tag.clone(), fill(value)?)));
                Wanted::Tags(tags.collect::<Result<_, Reason>>()?)
            }
        })
    }
}

impl Wanted {
    fn is(&self, pool: &ManagedPool, name: &BackendName, inventory: &impl Inventory) -> bool {
        let single = || inventory.single(&pool.backend.sibling(name.clone()));
        match self {
            Self::Named(wanted) => wanted == name,
            Self::Host(host) => single().is_some_and(|one| one.host.as_ref() == Some(host)),
            Self::Tags(tags) => single().is_some_and(|one| {
                tags.iter().all(|(tag, value)| one.tags.get(tag) == Some(value))
            }),
        }
    }
}
