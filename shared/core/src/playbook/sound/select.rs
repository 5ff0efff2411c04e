//! Selection: which pools and members an effect says it is for, or what is wrong with that.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use super::{
    super::{
        book::{ManagedBackend, ManagedPool},
        bounds::{SELECTED_DEFAULT, TAGS_MAX},
        needed,
        play::EffectTemplate,
        play::{On, Whom},
        reason::Reason,
        select::{Inventory, select},
        template::Template,
        value::{HostText, Member, Most, PoolName, Pools, TagText},
    },
    Declared, Reading,
};
use crate::{
    effect::Effect,
    form::{At, Entries, clipped, listed, meant},
    names::{BackendId, TagName},
};

/// What an effect says of whom it is for.
pub(super) struct Selects {
    pub(super) pool: Option<At<PoolName>>,
    pub(super) pools: Option<At<Pools>>,
    pub(super) member: Option<At<Member>>,
    pub(super) tags: Option<At<Entries<TagText>>>,
    pub(super) host: Option<At<HostText>>,
    pub(super) most: Option<At<Most>>,
}

impl Inventory for Declared {
    fn pool(&self, alias: &str) -> Option<&ManagedPool> {
        self.pools.get(alias)?.as_ref().map(|(_, pool)| pool)
    }

    fn pools(&self) -> impl Iterator<Item = &ManagedPool> {
        self.pools.values().flatten().map(|(_, pool)| pool)
    }

    fn single(&self, backend: &BackendId) -> Option<&ManagedBackend> {
        let alias = self.are_singles.get(backend)?;
        self.singles.get(alias)?.as_ref().map(|(_, single)| single)
    }

    fn no_pool(&self, alias: &str) -> Reason {
        let pools = listed("pools", self.pools.keys().map(String::as_str));
        Reason::NoPool { name: clipped(alias), pools }
    }
}

impl Reading<'_> {
    /// An effect on members of pools.
    pub(super) fn selected(
        &mut self,
        Selects { pool, pools, member, tags, host, most }: Selects,
        holder: &Range<usize>,
        declared: Option<&Declared>,
        effect: impl FnOnce(Option<Whom>) -> Option<Effect<Whom>>,
    ) -> Option<EffectTemplate> {
        let on = match (pool, pools) {
            (Some(pool), None) => declared
                .and_then(|declared| self.declared(pool, "pool", &declared.pools))
                .map(On::One),
            (None, Some(pools)) => pools.value.map(|_| On::EveryPool),
            (Some(_), Some(pools)) => {
                let help = "keep `pool` for one of them, or `pools: all`";
                self.wrong(&pools.at, "`pools` and `pool` exclude one another", help);
                None
            }
            (None, None) => {
                self.wrong(holder, "`pool` is missing here", needed::POOL);
                None
            }
        };
        let at = [
            member.as_ref().map(|it| (&it.at, "member")),
            tags.as_ref().map(|it| (&it.at, "tags")),
            host.as_ref().map(|it| (&it.at, "host")),
        ];
        let mut given = at.into_iter().flatten().map(|(at, name)| (at.clone(), name));
        let first = given.next();
        let more: Vec<_> = given.collect();
        if let Some((_, first)) = &first {
            for (at, name) in &more {
                let message = format!("`{name}` and `{first}` exclude one another");
                self.wrong(at, message, "one of them says which members: keep one");
            }
        } else {
            self.wrong(holder, "`member` is missing here", needed::MEMBER);
        }
        let whom = match (member, tags, host) {
            (Some(member), ..) => self.member(member).map(Whom::Named),
            (None, Some(tags), _) => self.tagged(tags, declared),
            (None, None, Some(host)) => self.template(host).map(Whom::Host),
            (None, None, None) => None,
        };
        let most = most.map_or(Some(SELECTED_DEFAULT), At::given);
        let template = EffectTemplate { on: on?, effect: effect(whom)?, most: most? };
        let (at, _) = first.filter(|_| more.is_empty())?;
        self.may_come_to(&template, &at, declared?).then_some(template)
    }

    fn template(&mut self, At { at, value }: At<impl Into<String>>) -> Option<Template> {
        let text: String = value?.into();
        self.compiled(&text, &at, Template::read)
    }

    fn tagged(
        &mut self,
        At { at: holder, value }: At<Entries<TagText>>,
        declared: Option<&Declared>,
    ) -> Option<Whom> {
        let Entries(entries) = value?;
        if entries.is_empty() {
            self.wrong(&holder, "this names no tag", "write `tags: {region: eu}`");
            return None;
        }
        self.bounded(&holder, entries.len(), TAGS_MAX, "tags");
        let singles = declared.into_iter().flat_map(|declared| declared.singles.values().flatten());
        let known: BTreeSet<&TagName> =
            singles.flat_map(|(_, single)| single.tags.keys()).collect();
        let (mut tags, mut whole) = (BTreeMap::new(), true);
        for (name, value) in entries.into_iter().take(TAGS_MAX) {
            let tag = name.value.and_then(|text| self.parsed::<TagName>(&text, &name.at));
            if let Some(tag) = &tag
                && declared.is_some()
                && !known.contains(tag)
            {
                let help = meant(tag.as_str(), "tags", known.iter().map(|tag| tag.as_str()));
                self.wrong(&name.at, format!("no backend has a tag `{tag}`"), help);
                whole = false;
            }
            match tag.zip(self.template(value)) {
                Some((tag, value)) => drop(tags.insert(tag, value)),
                None => whole = false,
            }
        }
        whole.then_some(Whom::Tags(tags))
    }

    /// Whether an effect can come to anything: where no signal decides that, what it comes to is looked at.
    pub(super) fn may_come_to(
        &mut self,
        template: &EffectTemplate,
        at: &Range<usize>,
        declared: &Declared,
    ) -> bool {
        let by_name =
            template.effect.named(|whom| matches!(whom, Whom::Named(_)).then_some(()).ok_or(()));
        let lists = |pool: &ManagedPool| !pool.members.is_empty();
        let unlisted = match &template.on {
            On::One(_) if by_name.is_ok() => false,
            On::One(alias) | On::MembersOf(alias) => alias
                .fixed()
                .and_then(|alias| declared.pool(alias))
                .is_some_and(|pool| !lists(pool)),
            On::EveryPool => !declared.pools().any(lists),
        };
        if unlisted {
            let help = "name them: `members: [eu-1, us-1]`, by their names under `backends`";
            self.wrong(at, "the playbook does not list the pool's members", help);
            return false;
        }
        let fixed =
            |template: &Template| template.fixed().map(str::to_owned).ok_or(Reason::Unlisted);
        match select(template, declared, fixed) {
            // A signal decides, or it has been said.
            Ok(_) | Err((_, Reason::Unlisted)) => true,
            Err((_, reason)) => {
                let help = "such a play would never do anything";
                self.wrong(at, reason.to_string(), help);
                false
            }
        }
    }
}
