//! Members that are added to a pool: which join, and with what.
//!
//! They are added before anything else is asked of the pool, so that whatever is asked of its members can be
//! asked of them. No limit counts them among what the baseline has; who serves by them counts as serving.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Laid,
    given::Contribution,
    ground::Ground,
    why::{Asked, Asks, Fate},
};
use crate::{
    effect::Effect,
    field::{Field, Value},
    id::OverrideId,
    names::BackendName,
    overrides::Held,
    pool::Member,
};

/// How many members Azure lets a pool have.
const POOL_MEMBERS_MAX: usize = 30;

/// Who joins, and by which overrides.
#[derive(Default)]
pub(super) struct Joined(BTreeMap<Field, (Value, BTreeSet<OverrideId>)>);

impl Joined {
    /// Whether none does.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What the pool is to list.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&Field, Value)> {
        self.0.iter().map(|(field, (entry, _))| (field, entry.clone()))
    }

    /// By which overrides a member joins; none where it does not.
    pub(super) fn by(&self, member: &BackendName) -> Option<&BTreeSet<OverrideId>> {
        self.0.get(&Field::Membership(member.clone())).map(|(_, by)| by)
    }
}

impl Ground<'_> {
    /// Who joins. Of several that ask for one, the strongest says with what.
    pub(super) fn join(&self, joins: &[Contribution<'_>], laid: &mut Laid) -> Joined {
        let mut joined = Joined::default();
        let mut ranked: Vec<_> = joins.iter().collect();
        ranked.sort_unstable_by_key(|one| one.over.rank());
        for one in ranked {
            let (id, yielded) = (&one.over.id, self.yielded());
            let Effect::Join { member, weight, priority } = &one.over.effect else { continue };
            let field = Field::Membership(member.clone());
            if yielded.get(&field).is_some_and(|ids| ids.contains(id)) {
                laid.yielded.insert(id.clone());
                continue;
            }
            // What the pool lists already is its owner's.
            let fate = if self.members.iter().any(|listed| listed.name == *member) {
                Fate::Agrees
            } else if let Some((_, by)) = joined.0.get_mut(&field) {
                by.insert(id.clone());
                Fate::Agrees
            } else if self.members.len() + joined.0.len() >= POOL_MEMBERS_MAX {
                laid.held.insert(id.clone(), Held::Full);
                Fate::Held
            } else {
                match self.entry(member, *weight, *priority) {
                    Ok(entry) => {
                        let by = BTreeSet::from([id.clone()]);
                        joined.0.insert(field.clone(), (entry.entry(), by));
                        Fate::Decides
                    }
                    Err(held) => {
                        laid.held.insert(id.clone(), held);
                        Fate::Held
                    }
                }
            };
            let asked = Asked { by: id.clone(), asks: Asks::Join, fate };
            laid.why.entry(field).or_default().asked.push(asked);
        }
        joined
    }

    /// What a member joins with.
    fn entry(
        &self,
        name: &BackendName,
        weight: Option<u8>,
        priority: Option<u8>,
    ) -> Result<Member, Held> {
        let number = priority.unwrap_or(self.serving);
        if number < self.serving {
            return Err(Held::Ahead);
        }
        let group: Vec<&Member> = (0..self.listed)
            .filter(|at| self.group[*at] == number)
            .map(|at| &self.members[at])
            .collect();
        let mut numbers: Vec<u8> = group.iter().filter_map(|one| one.weight.number()).collect();
        numbers.sort_unstable();
        let has_null = numbers.len() < group.len();
        let weight = match (weight, numbers.get(numbers.len() / 2)) {
            (None, None) => Value::Absent,
            // Beside nulls, a number says nothing as long as nobody has said what they count as.
            (Some(_), _) | (None, Some(_)) if has_null && self.terms.null_weight.is_none() => {
                return Err(Held::MixedWeights);
            }
            (Some(weight), _) | (None, Some(&weight)) => Value::Number(weight),
        };
        let written = group.first().map(|one| one.priority.clone());
        Ok(Member {
            name: name.clone(),
            weight,
            priority: written.unwrap_or(Value::Number(number)),
        })
    }
}
