//! The overrides of a document.

use std::{
    collections::{
        BTreeMap,
        btree_map::{Iter, Keys},
    },
    iter::Map,
    ops::Index,
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use crate::{id::OverrideId, overrides::Override};

/// Overrides by their ids.
///
/// A look works on a copy of the document, and of a hundred overrides it changes one or two. So a copy shares
/// each until that is changed: whoever changes none copies none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Overrides(BTreeMap<OverrideId, Arc<Override>>);

impl Overrides {
    /// One of them.
    #[must_use]
    pub fn get(&self, id: &OverrideId) -> Option<&Override> {
        self.0.get(id).map(Arc::as_ref)
    }

    /// One of them, to be changed.
    pub fn get_mut(&mut self, id: &OverrideId) -> Option<&mut Override> {
        self.0.get_mut(id).map(Arc::make_mut)
    }

    /// Whether there is one with this id.
    #[must_use]
    pub fn contains_key(&self, id: &OverrideId) -> bool {
        self.0.contains_key(id)
    }

    /// Adds one, in the place of what has its id.
    pub fn insert(&mut self, over: Override) {
        self.0.insert(over.id.clone(), Arc::new(over));
    }

    /// Takes one out.
    pub fn remove(&mut self, id: &OverrideId) -> Option<Override> {
        self.0.remove(id).map(Arc::unwrap_or_clone)
    }

    /// Keeps those of which this holds.
    pub fn retain(&mut self, holds: impl Fn(&Override) -> bool) {
        self.0.retain(|_, over| holds(over));
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Their ids, in order.
    pub fn keys(&self) -> Keys<'_, OverrideId, Arc<Override>> {
        self.0.keys()
    }

    /// All of them, in the order of their ids.
    pub fn values(&self) -> impl Iterator<Item = &Override> + Clone {
        self.0.values().map(Arc::as_ref)
    }

    /// All of them, to be changed: each that is shared is copied.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut Override> {
        self.0.values_mut().map(Arc::make_mut)
    }

    /// Those of which this holds, to be changed.
    pub(crate) fn changing(
        &mut self,
        holds: impl Fn(&Override) -> bool,
    ) -> impl Iterator<Item = &mut Override> {
        self.0.values_mut().filter(move |over| holds(over)).map(Arc::make_mut)
    }
}

impl FromIterator<Override> for Overrides {
    fn from_iter<I: IntoIterator<Item = Override>>(overrides: I) -> Self {
        let entry = |over: Override| (over.id.clone(), Arc::new(over));
        Self(overrides.into_iter().map(entry).collect())
    }
}

impl Index<&OverrideId> for Overrides {
    type Output = Override;

    fn index(&self, id: &OverrideId) -> &Override {
        &self.0[id]
    }
}

type Entry<'a> = (&'a OverrideId, &'a Arc<Override>);

impl<'a> IntoIterator for &'a Overrides {
    type Item = (&'a OverrideId, &'a Override);
    type IntoIter = Map<Iter<'a, OverrideId, Arc<Override>>, fn(Entry<'a>) -> Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        let entry: fn(Entry<'a>) -> Self::Item = |(id, over)| (id, over);
        self.0.iter().map(entry)
    }
}
