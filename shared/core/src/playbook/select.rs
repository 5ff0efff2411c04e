//! Whom an effect is for: what a play or a window selects among the pools and their members.
//!
//! What it comes to is fixed by the playbook and the signal, and stands in the order of the pools' names and then of
//! the members': each member is an override of its own, so that what a limit holds back takes nothing from the
//! others. It is bounded: where more are selected than may be, nothing is done, and that is told.

use std::{collections::BTreeMap, fmt};

use super::{
    book::{ManagedBackend, ManagedPool},
    matches::Reason,
    play::EffectTemplate,
    template::Template,
};
use crate::{
    effect::Effect,
    form::clipped,
    names::{BackendId, BackendName, TagName},
};

/// On what something is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum On {
    /// One pool or Single, by its alias.
    One(Template),
    /// Every pool that lists such a member.
    EveryPool,
    /// The backends that a pool lists.
    MembersOf(Template),
}

/// To which member of a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whom {
    /// The one of this name.
    Named(Template),
    /// Those with these tags.
    Tags(BTreeMap<TagName, Template>),
    /// Those of this host.
    Host(Template),
}

impl Whom {
    /// The field of an effect that says so.
    pub(super) const fn field(&self) -> &'static str {
        match self {
            Self::Named(_) => "member",
            Self::Tags(_) => "tags",
            Self::Host(_) => "host",
        }
    }
}

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

/// The host in a text that is one, with a port, or an address: `https://eu-1.example.com:8443/chat`.
pub(super) fn host_of(text: &str) -> String {
    let text = text.trim();
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    let rest = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match rest.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        Some(_) | None => rest,
    };
    host.trim_end_matches('.').to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_found_in_an_address() {
        for text in [
            "eu-1.example.com",
            " EU-1.Example.com. ",
            "eu-1.example.com:443",
            "https://eu-1.example.com",
            "https://eu-1.example.com:8443/chat/health?full#top",
        ] {
            assert_eq!(host_of(text), "eu-1.example.com", "{text}");
        }
    }
}
