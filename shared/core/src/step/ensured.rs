//! What a look knows of the backends that are ensured: those that a pool lists, and those that pools list.
//!
//! A Single that is made and the pool that is to list it are two documents. What each has to know of the other
//! stands in the group document of the Single ([`Scope::Ensured`]): that it is there and stays, and which
//! pools list it by our doing. A pool lists nothing that is not there, and what a pool lists is not deleted:
//! each is saved on the condition that what it was decided by is still so.

use std::collections::BTreeSet;

use super::{Look, Observed};
use crate::{
    body::Body,
    document::{Document, Intent},
    effect::Effect,
    field::Field,
    group::{Consulted, Scope},
    names::BackendName,
    overrides::{Held, Override},
};

/// What the group documents say of the backends that are ensured.
#[derive(Debug, Default)]
pub(super) struct Ensured {
    /// Whether a pool lists this one by our doing, or may.
    pub(super) is_listed: bool,
    /// Those that are there, of the ones that this pool is to list.
    there: BTreeSet<BackendName>,
}

impl Ensured {
    pub(super) fn of(document: &Document, groups: &mut Consulted<'_>) -> Self {
        let is_listed = document.is_ensured()
            && !groups.ask(Scope::Ensured(document.backend.clone())).acting.is_empty();
        let mut joins = document.joins();
        joins.retain(|name| {
            groups.ask(Scope::Ensured(document.backend.sibling(name.clone()))).is_there
        });
        Self { is_listed, there: joins }
    }

    /// Why a pool does not list what it is to; none where it may.
    pub(super) fn unmade(&self, effect: &Effect) -> Option<Held> {
        let member = effect.joins().filter(|member| !self.there.contains(*member))?;
        Some(Held::Unmade(member.clone()))
    }

    /// Whether an override that has ended gives back nothing yet, because a pool still lists the backend.
    pub(super) fn keeps(&self, over: &Override) -> bool {
        self.is_listed && over.effect.declares().is_some()
    }
}

impl Look<'_> {
    /// Whether a backend that is not there may be made: where something asks for it, and it is sure that it is
    /// not there.
    pub(super) fn may_make(&self) -> bool {
        let asks = |over: &Override| {
            over.effect.declares().is_some() && (!over.has_ended() || over.is_asked_again())
        };
        let believed = self.document.missing().is_some_and(|(_, believed)| self.now >= believed);
        self.document.overrides.values().any(asks) && (believed || self.document.etags.knows_none())
    }

    /// Brings the group documents up to date with what is there and what is listed, and has those looked at
    /// that wait for it.
    pub(super) fn follow_ensured(&mut self, observed: &Observed) {
        self.follow_existence(observed);
        self.follow_memberships();
    }

    fn follow_existence(&mut self, observed: &Observed) {
        let was = self.document.listed.is_there;
        let document = &mut self.document;
        if !was && !document.is_ensured() {
            return;
        }
        let is_there = match observed {
            Observed::Shown { body: Body::Single(_), .. } => {
                let stays =
                    |over: &Override| over.effect.declares().is_some() && over.begun().is_some();
                let deleted = document.intents.iter().any(Intent::deletes);
                !deleted && document.overrides.values().any(stays)
            }
            Observed::Shown { .. } => false,
            Observed::Unreadable { .. } => was,
            // That it is gone may not be so.
            Observed::Missing => {
                was && document.missing().is_some_and(|(_, believed)| self.now < believed)
            }
        };
        let scope = Scope::Ensured(document.backend.clone());
        let mut group = self.groups.ask(scope.clone()).clone();
        document.listed.is_there = is_there;
        if group.is_there != is_there {
            group.is_there = is_there;
            self.wakes.extend(group.acting.union(&group.waiting).cloned());
            self.groups.change(scope, group);
        }
    }

    fn follow_memberships(&mut self) {
        let document = &mut self.document;
        let joins = document.joins();
        let known = std::mem::take(&mut document.listed.members);
        for name in joins.union(&known).cloned().collect::<BTreeSet<_>>() {
            let single = document.backend.sibling(name.clone());
            let field = Field::Membership(name.clone());
            let lists = document.owned.contains_key(&field)
                || document.intents.iter().any(|intent| intent.touches(&field));
            let scope = Scope::Ensured(single.clone());
            let mut group = self.groups.ask(scope.clone()).clone();
            let before = group.clone();
            for (set, is_in) in
                [(&mut group.acting, lists), (&mut group.waiting, joins.contains(&name))]
            {
                if is_in {
                    set.insert(document.backend.clone());
                } else {
                    set.remove(&document.backend);
                }
            }
            if lists || joins.contains(&name) {
                document.listed.members.insert(name);
            }
            if group.acting.is_empty() && !before.acting.is_empty() {
                self.wakes.insert(single);
            }
            if group != before {
                self.groups.change(scope, group);
            }
        }
    }
}

impl Document {
    /// Whether a Single is ensured here, or was and is not given back yet.
    pub(crate) fn is_ensured(&self) -> bool {
        self.owned.contains_key(&Field::Existence)
            || self.overrides.values().any(|over| over.effect.declares().is_some())
    }

    /// The members that a pool is to list.
    pub(crate) fn joins(&self) -> BTreeSet<BackendName> {
        self.overrides.values().filter_map(|over| over.effect.joins()).cloned().collect()
    }
}

#[cfg(test)]
#[path = "ensured_tests.rs"]
mod tests;
