//! The inventory: what is said of the backends that pools list, and the limits by their tags.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use super::{
    super::{
        book::{ManagedBackend, ManagedPool},
        bounds::{TAG_LIMITS_MAX, TAGS_MAX},
        value::TagValue,
        wire,
    },
    Named, Reading,
};
use crate::{
    form::{At, Entries, clipped, meant},
    limits::TagLimit,
    names::{BackendAlias, PoolAlias, TagName},
};

/// What a pool says of its members.
pub(super) struct Listed {
    pool: String,
    members: Option<At<Vec<At<String>>>>,
    /// Where `leastCapacity` stands.
    capacity: Option<Range<usize>>,
}

/// What each pool says of its members.
pub(super) fn listed(pools: &[(At<String>, At<wire::Pool>)]) -> Vec<Listed> {
    let listed = |(alias, pool): &(At<String>, At<wire::Pool>)| {
        let (pool, wire) = (alias.value.clone()?, pool.value.as_ref()?);
        let limits = wire.limits.as_ref().and_then(|limits| limits.value.as_ref());
        let capacity = limits.and_then(|limits| Some(limits.least_capacity.as_ref()?.at.clone()));
        Some(Listed { pool, members: wire.members.clone(), capacity })
    };
    pools.iter().filter_map(listed).collect()
}

impl Reading<'_> {
    /// Finds what a pool lists among the backends.
    pub(super) fn link(
        &mut self,
        Listed { pool, members, capacity }: Listed,
        pools: &mut Named<PoolAlias, ManagedPool>,
        singles: &Named<BackendAlias, ManagedBackend>,
    ) {
        let Some(Some((_, pool))) = pools.get_mut(&pool) else { return };
        if let (None, Some(at)) = (&members, &capacity) {
            let help = "name the pool's `members`, and give each its `capacity` under `backends`";
            self.wrong(at, "nobody says what the pool's members can carry", help);
        }
        let Some(At { at: holder, value: Some(members) }) = members else { return };
        if members.is_empty() {
            self.wrong(&holder, "this pool has no members", "name them: `members: [eu-1, us-1]`");
        }
        self.bounded(&holder, members.len(), super::super::SPLIT_MEMBERS_MAX, "members");
        let mut whole: u64 = 0;
        for At { at, value } in members.into_iter().take(super::super::SPLIT_MEMBERS_MAX) {
            let Some(alias) = value else { continue };
            let Some(single) = singles.get(&alias) else {
                let help = meant(&alias, "backends", singles.keys().map(String::as_str));
                self.wrong(&at, format!("there is no backend `{}`", clipped(&alias)), help);
                continue;
            };
            // Of one that is wrong itself it has been said.
            let Some((_, single)) = single else { continue };
            let name = single.backend.name.clone();
            if pool.backend.sibling(name.clone()) != single.backend {
                let message = format!("`{}` is not where the pool is", clipped(&alias));
                let help = "a pool lists backends of its own service and workspace";
                self.wrong(&at, message, help);
                continue;
            }
            if let Some(units) = single.capacity {
                whole += u64::from(units);
                pool.terms.capacity.insert(name.clone(), units);
            } else if capacity.is_some() {
                let message = format!("nobody says what `{}` can carry", clipped(&alias));
                let help = "`leastCapacity` needs it: give that backend its `capacity`";
                self.wrong(&at, message, help);
            }
            if !pool.members.insert(name.clone()) {
                self.wrong(&at, format!("`{name}` stands here twice"), "name each member once");
            }
        }
        if let (Some(least), Some(at)) = (pool.terms.limits.least_capacity, &capacity)
            && u64::from(least) > whole
            && pool.terms.capacity.len() == pool.members.len()
        {
            let message = format!("the pool's members can carry {whole} together");
            self.wrong(at, message, "the limit is what must remain of that: write less");
        }
    }

    /// The tags of a backend.
    pub(super) fn tags(
        &mut self,
        At { at, value }: At<Entries<TagValue>>,
    ) -> BTreeMap<TagName, String> {
        let Some(Entries(entries)) = value else { return BTreeMap::new() };
        self.bounded(&at, entries.len(), TAGS_MAX, "tags");
        let read = |(name, value): (At<String>, At<TagValue>)| {
            Some((self.parsed(&name.value?, &name.at)?, value.given()?))
        };
        entries.into_iter().take(TAGS_MAX).filter_map(read).collect()
    }

    /// The limits by tag.
    pub(super) fn tag_limits(
        &mut self,
        At { at, value }: At<Entries<wire::TagLimit>>,
        singles: Option<&Named<BackendAlias, ManagedBackend>>,
    ) -> BTreeMap<TagName, TagLimit> {
        let Some(Entries(entries)) = value else { return BTreeMap::new() };
        self.bounded(&at, entries.len(), TAG_LIMITS_MAX, "limits");
        let known: BTreeSet<&TagName> = singles
            .into_iter()
            .flat_map(|singles| singles.values().flatten())
            .flat_map(|(_, single)| single.tags.keys())
            .collect();
        let mut limits = BTreeMap::new();
        for (name, limit) in entries.into_iter().take(TAG_LIMITS_MAX) {
            let Some((tag, limit)) = name.value.zip(limit.value) else { continue };
            let Some(tag) = self.parsed::<TagName>(&tag, &name.at) else { continue };
            if singles.is_some() && !known.contains(&tag) {
                let help = meant(tag.as_str(), "tags", known.iter().map(|tag| tag.as_str()));
                self.wrong(&name.at, format!("no backend has a tag `{tag}`"), help);
            }
            let wire::TagLimit { most_out, never_together } = limit;
            if most_out.is_none() && never_together.is_none() {
                let help = "write `mostOut: 2`, or `neverTogether: true`";
                self.wrong(&name.at, format!("this says nothing of `{tag}`"), help);
            }
            let (most_out, never_together) =
                (most_out.and_then(At::given), never_together.is_some());
            limits.insert(tag, TagLimit { most_out, never_together });
        }
        limits
    }
}
