//! Who is out: a member of the group that serves which overrides make not serve. And how many may be at once, of a
//! pool and of all members with one tag.
//!
//! What is out elsewhere stands in the group document of the tag. Two pools whose members may not be out together
//! ask for that one after the other, so that the second finds the first: what is out already stays, and what would
//! come to it is held. Only where an edited playbook forbids what is so by now, the pool that comes first by name
//! stays, and the other gives back.

use std::collections::BTreeSet;

use super::{
    admitted::Admitted,
    given::{Contribution, Yielded},
    ground::{Ground, Shape},
};
use crate::{
    limits::{Elsewhere, OfTag, Terms},
    names::{BackendId, BackendName},
    overrides::Held,
    pool::Pool,
};

/// How many of a pool's members are out, of how many that serve in its baseline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Out {
    pub(crate) out: usize,
    pub(crate) of: usize,
}

/// How many would be out by these alone, whatever the limits say.
pub(crate) fn would_be_out(
    baseline: &Pool,
    terms: &Terms,
    contributions: &[Contribution<'_>],
    yielded: &Yielded,
) -> Out {
    let Ok(ground) = Ground::of(baseline, baseline.members().len(), terms, yielded) else {
        return Out { out: 0, of: 0 };
    };
    let mut admitted = Admitted::nothing(ground.members.len());
    for one in contributions {
        for target in ground.targets(one).iter().flatten() {
            admitted.add(one, target);
        }
    }
    let shape = ground.shape(&admitted, 0);
    Out { out: ground.out(&shape).count(), of: ground.serving_members().count() }
}

impl Ground<'_> {
    /// The members that are out in a shape.
    pub(super) fn out(&self, shape: &Shape) -> impl Iterator<Item = usize> {
        self.serving_members().filter(|at| shape.weight[*at] == 0)
    }

    /// Holds those that are out against the limits of the pool, and of each tag.
    pub(super) fn check_out(&self, shape: &Shape) -> Result<(), Held> {
        if let Some(most) = self.terms.limits.most_out {
            let out = self.out(shape).count();
            if out > most {
                return Err(Held::MostOut { out, most });
            }
        }
        if self.terms.tags.is_empty() {
            return Ok(());
        }
        let out = self.out(shape).map(|at| &self.members[at].name).collect();
        self.terms.tags.iter().try_for_each(|of| of.check(&out))
    }
}

impl OfTag {
    /// Holds those of a pool that are out against what is out elsewhere.
    fn check(&self, out: &BTreeSet<&BackendName>) -> Result<(), Held> {
        let own: Vec<(BackendId, &str)> = out
            .iter()
            .filter_map(|name| {
                Some((self.pool.sibling((*name).clone()), self.values.get(*name)?.as_str()))
            })
            .collect();
        let are_known =
            out.iter().all(|name| self.listed.contains(*name) || !self.values.contains_key(*name));
        let elsewhere = self.elsewhere.iter().filter(|one| one.stays || !are_known);
        let all: BTreeSet<(&BackendId, &str)> = elsewhere
            .map(|Elsewhere { backend, value, .. }| (backend, value.as_str()))
            .chain(own.iter().map(|(backend, value)| (backend, *value)))
            .collect();
        for (_, value) in &own {
            let other = all.iter().find(|(_, other)| other != value);
            if let Some((backend, other)) = other.filter(|_| self.limit.never_together) {
                return Err(Held::Together {
                    tag: self.tag.clone(),
                    value: (*value).to_owned(),
                    other: (*other).to_owned(),
                    backend: Box::new((*backend).clone()),
                });
            }
            let out = all.iter().filter(|(_, other)| other == value).count();
            if let Some(most) = self.limit.most_out.filter(|most| out > *most) {
                let (tag, value) = (self.tag.clone(), (*value).to_owned());
                return Err(Held::MostOutOfTag { tag, value, out, most });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "out_tests.rs"]
mod tests;
