//! What a pool's members being out is to other pools: the group documents of tags.
//!
//! A member is listed in the step that decides that it goes out, before that is written, and until a look shows that
//! it serves again and nothing may land any more that takes it out. So whoever reads the group document knows at
//! least what is out. What waits for another pool is looked at again when anything of it is not listed any more.

use std::collections::{BTreeMap, BTreeSet};

use super::Document;
use crate::{
    body::Body,
    field::{Field, Value},
    group::{Consulted, Scope},
    limits::{Elsewhere, OfTag, Terms},
    names::{BackendId, BackendName, TagName},
    overrides::{Held, Override, Standing},
    playbook::Playbook,
};

impl Document {
    /// What must hold of the pool, by the playbook and by what is out at other pools.
    pub(crate) fn terms(&self, playbook: &Playbook, groups: &mut Consulted<'_>) -> Terms {
        let Some((_, pool)) = playbook.pool_of(&self.backend) else { return Terms::default() };
        let mut terms = pool.terms.clone();
        if playbook.limits.is_empty() {
            return terms;
        }
        // No other member can be out.
        let named: BTreeSet<BackendName> =
            self.overrides.values().flat_map(|over| over.effect.members()).collect();
        for (tag, limit) in &playbook.limits {
            let listed = self.listed.out.get(tag).into_iter().flatten();
            let value = |name: &BackendName| {
                let value = playbook.tag_of(tag, &self.backend.sibling(name.clone()))?;
                Some((name.clone(), value.to_owned()))
            };
            let values: BTreeMap<_, _> = named.iter().chain(listed).filter_map(value).collect();
            if values.is_empty() {
                continue;
            }
            let out = &groups.ask(Scope::Tag(tag.clone())).out;
            let others = out.iter().filter(|(pool, _)| **pool != self.backend);
            let elsewhere = others.flat_map(|(pool, members)| {
                members.iter().filter_map(move |member| {
                    let backend = pool.sibling(member.clone());
                    let value = playbook.tag_of(tag, &backend)?.to_owned();
                    Some(Elsewhere { backend, value, stays: *pool < self.backend })
                })
            });
            terms.tags.push(OfTag {
                tag: tag.clone(),
                limit: *limit,
                pool: self.backend.clone(),
                values,
                listed: out.get(&self.backend).cloned().unwrap_or_default(),
                elsewhere: elsewhere.collect(),
            });
        }
        terms
    }

    /// Brings the group documents of tags up to date with what is out here, and with what waits. Gives the other
    /// pools that are to be looked at, because less is out.
    pub(crate) fn follow_out(
        &mut self,
        out: &BTreeSet<BackendName>,
        body: Option<&Body>,
        terms: &Terms,
        groups: &mut Consulted<'_>,
    ) -> BTreeSet<BackendId> {
        let waits: BTreeSet<TagName> = self.overrides.values().filter_map(waits_for).collect();
        let of_terms = terms.tags.iter().map(|of| &of.tag);
        let tags: BTreeSet<TagName> =
            self.listed.out.keys().chain(&self.listed.tags).chain(of_terms).cloned().collect();
        let mut concerned = BTreeSet::new();
        for tag in tags {
            let values = terms.tags.iter().find(|of| of.tag == tag).map(|of| &of.values);
            let goes = out.iter().filter(|name| values.is_some_and(|of| of.contains_key(*name)));
            let listed = self.listed.out.get(&tag).into_iter().flatten();
            let stays = listed.filter(|name| self.may_be_out(name, body));
            let all: BTreeSet<BackendName> = goes.chain(stays).cloned().collect();
            let scope = Scope::Tag(tag.clone());
            let mut group = groups.ask(scope.clone()).clone();
            let before = group.clone();
            let known = group.out.remove(&self.backend).unwrap_or_default();
            if !all.is_empty() {
                group.out.insert(self.backend.clone(), all.clone());
            }
            if waits.contains(&tag) {
                group.waiting.insert(self.backend.clone());
            } else {
                group.waiting.remove(&self.backend);
            }
            if !known.is_subset(&all) {
                concerned.extend(group.waiting.iter().cloned());
            }
            if group != before {
                groups.change(scope, group);
            }
            if all.is_empty() {
                self.listed.out.remove(&tag);
            } else {
                self.listed.out.insert(tag, all);
            }
        }
        self.listed.tags = waits;
        concerned.remove(&self.backend);
        concerned
    }

    /// Whether a member that was taken out is not seen to serve again yet, or a write may still land that takes it
    /// out.
    fn may_be_out(&self, name: &BackendName, body: Option<&Body>) -> bool {
        let field = Field::weight(name);
        let none = |value: &Value| value.number() == Some(0);
        let mut changes = self.intents.iter().flat_map(|intent| &intent.changes);
        if changes.any(|change| change.field == field && none(&change.after)) {
            return true;
        }
        let Some(owned) = self.owned.get(&field) else { return false };
        let shown = body.map_or_else(|| Some(owned.written.clone()), |body| body.get(&field));
        shown.is_some_and(|shown| none(&shown)) && !none(&owned.baseline)
    }
}

/// The tag for which an override waits until less is out at other pools.
fn waits_for(over: &Override) -> Option<TagName> {
    let Standing::Held(why) = &over.standing else { return None };
    let (Held::Together { tag, .. } | Held::MostOutOfTag { tag, .. }) = why.or_would()? else {
        return None;
    };
    Some(tag.clone())
}
