//! Why each field is what it is laid to be: what asks for it, which of that decides, and what else is done
//! to it. An output of [`lay`](super::lay), so that nobody who shows it has to reason again.

use std::{collections::BTreeSet, fmt};

use super::{
    Laid,
    admitted::{Admitted, Part, Target, Touch},
    given::Contribution,
    ground::Ground,
    whole::{Factor, SCALE},
};
use crate::{breaker::Tighten, field::Field, id::OverrideId, json::Json};

/// Why a field is what it is laid to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Why {
    /// What is asked of it, in the order of rank: the strongest first.
    pub asked: Vec<Asked>,
    /// What else is done to it.
    pub also: Option<Also>,
}

impl Why {
    /// The override that decides, where one does.
    #[must_use]
    pub fn decider(&self) -> Option<&OverrideId> {
        self.asked.iter().find(|one| one.fate == Fate::Decides).map(|one| &one.by)
    }
}

/// What one override asks of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Which override.
    pub by: OverrideId,
    /// What it asks for.
    pub asks: Asks,
    /// What becomes of that.
    pub fate: Fate,
}

/// What can be asked of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asks {
    /// This weight.
    Weight(Exact),
    /// That the member serves, with this weight where it has none of its own.
    Serve(Option<u8>),
    /// That the breaker is at least as tight as this.
    Tighten(Tighten),
    /// This value.
    Be(Json),
    /// That the backend is there.
    Exist,
    /// That the pool lists the member.
    Join,
}

/// What becomes of what is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It decides.
    Decides,
    /// It asks for what is so anyway, or is decided by another.
    Agrees,
    /// Something stronger decides, or something of the same authority that asks for less.
    Loses,
    /// A limit keeps it back.
    Held,
}

/// What is done to a field that nobody asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Also {
    /// The member is made to serve, so that the limits hold.
    Promoted,
    /// The member is made to serve, and had no weight: it gets the one that was declared, or the median
    /// of those that serve.
    Weighted,
    /// Its group is written times this, so that the fractions fit into whole numbers.
    Times(Exact),
    /// Its group has a null, and gets numbers.
    Numbered,
}

/// A weight before it is rounded, or a factor: in ten-thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exact(u32);

impl fmt::Display for Exact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / SCALE, self.0 % SCALE);
        if rest == 0 {
            return write!(f, "{whole}");
        }
        let decimals = format!("{rest:04}");
        write!(f, "{whole}.{}", decimals.trim_end_matches('0'))
    }
}

impl From<Factor> for Exact {
    fn from(factor: Factor) -> Self {
        Self(u32::try_from(factor.up(SCALE) * u64::from(SCALE)).unwrap_or(u32::MAX))
    }
}

/// What an override asks of one member.
pub(super) struct Asking<'a> {
    by: &'a OverrideId,
    at: usize,
    touch: Touch,
    part: Option<Part>,
}

impl<'a> Asking<'a> {
    pub(super) fn of(one: &Contribution<'a>, target: &Target) -> Self {
        Self { by: &one.over.id, at: target.at, touch: target.touch, part: target.part(one) }
    }
}

impl Laid {
    /// What decides instead of an override that has no effect: another decides each field that it asks
    /// something of. None where it has one, and where it asks nothing.
    #[must_use]
    pub fn beaten_by(&self, id: &OverrideId) -> BTreeSet<&OverrideId> {
        let mut by = BTreeSet::new();
        for why in self.why.values() {
            let Some(asked) = why.asked.iter().find(|one| one.by == *id) else { continue };
            match asked.fate {
                Fate::Decides | Fate::Agrees | Fate::Held => return BTreeSet::new(),
                Fate::Loses => by.extend(why.decider()),
            }
        }
        by
    }

    /// Those that ask in vain for something that one of these decides.
    pub(crate) fn losing_to(&self, deciders: &BTreeSet<OverrideId>) -> BTreeSet<&OverrideId> {
        let decides = |why: &&Why| why.decider().is_some_and(|id| deciders.contains(id));
        let asked = self.why.values().filter(decides).flat_map(|why| &why.asked);
        asked.filter(|one| one.fate == Fate::Loses).map(|one| &one.by).collect()
    }

    /// Takes in what was asked of each field, and says what became of it.
    pub(super) fn tell(&mut self, ground: &Ground<'_>, admitted: &Admitted, asking: &[Asking<'_>]) {
        // By member, what is asked of its weight, and of its priority.
        let mut of = vec![[Vec::new(), Vec::new()]; ground.members.len()];
        for Asking { by, at, touch, part } in asking {
            let decided = match part {
                None => true,
                Some(part) => admitted.weight(*at).is_by(*part),
            };
            let (of_priority, asks) = match (touch, part) {
                (Touch::Serve(weight), _) => (true, Asks::Serve(*weight)),
                (Touch::Part(_) | Touch::Weight(_), part) => {
                    (false, Asks::Weight(Exact(part.map_or(0, |part| part.now))))
                }
            };
            // Of one that was added, all stands in one field.
            let is_added = *at >= ground.listed;
            let asked: &mut Vec<Asked> = &mut of[*at][usize::from(of_priority && !is_added)];
            let taken = asked.iter().any(|one| one.fate == Fate::Decides);
            let fate = match (self.held.contains_key(*by), decided, taken) {
                (true, ..) => Fate::Held,
                (false, true, false) => Fate::Decides,
                (false, true, true) => Fate::Agrees,
                (false, false, _) => Fate::Loses,
            };
            asked.push(Asked { by: (*by).clone(), asks, fate });
        }
        for (at, [weight, priority]) in of.into_iter().enumerate() {
            let member = &ground.members[at].name;
            let of_weight = match at < ground.listed {
                true => Field::weight(member),
                false => Field::Membership(member.clone()),
            };
            for (field, asked) in [(of_weight, weight), (Field::priority(member), priority)] {
                if !asked.is_empty() {
                    self.why.entry(field).or_default().asked.extend(asked);
                }
            }
        }
    }
}
