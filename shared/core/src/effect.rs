//! What an override does to a backend, with its targets resolved.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use crate::{
    breaker::Tighten,
    declared::Declared,
    field::{Field, Property},
    fraction::Fraction,
    json::Json,
    names::BackendName,
    reconnect::Rhythm,
};

/// The largest weight, and the largest priority number, that Azure takes.
pub const WEIGHT_MAX: u8 = 100;

/// A change of a backend, laid over its baseline for as long as its override is in force. A play has one
/// whose member `M` a signal has yet to name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Effect<M = BackendName> {
    /// No new traffic to the member: its weight becomes 0.
    Drain {
        /// Who is drained.
        member: M,
    },
    /// Less traffic to the member: a fraction of its baseline weight.
    Shift {
        /// Whose weight.
        member: M,
        /// How much of its baseline remains.
        to: Fraction,
    },
    /// An explicit split: these members get these weights.
    Split {
        /// Weights 0 to [`WEIGHT_MAX`] by member; at least one is not 0.
        weights: BTreeMap<BackendName, u8>,
    },
    /// Makes a standby serve: its priority becomes the serving group's.
    Promote {
        /// The standby.
        member: M,
        /// Its weight where it has none or 0; otherwise the serving group's median.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        weight: Option<u8>,
    },
    /// The breaker of a Single trips sooner, or for longer; one without a breaker gets one.
    Breaker(Tighten),
    /// Properties of a Single get these values.
    Set(BTreeMap<Property, Json>),
    /// A Single is there, and is as it is declared.
    Ensure(Declared),
    /// A pool lists a Single that is ensured.
    Join {
        /// Which.
        member: M,
        /// Its weight; otherwise the median of its group, and none where that has none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        weight: Option<u8>,
        /// Its priority; otherwise that of the group that serves.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        priority: Option<u8>,
    },
    /// A Single gets new connections. Nothing of it is changed for that.
    Reconnect(Rhythm),
}

impl<M> Effect<M> {
    /// The effect with its member given by `name`.
    ///
    /// # Errors
    /// Those of `name`.
    pub fn named<N, E>(&self, name: impl FnOnce(&M) -> Result<N, E>) -> Result<Effect<N>, E> {
        Ok(match self {
            Self::Drain { member } => Effect::Drain { member: name(member)? },
            Self::Shift { member, to } => Effect::Shift { member: name(member)?, to: *to },
            Self::Split { weights } => Effect::Split { weights: weights.clone() },
            Self::Promote { member, weight } => {
                Effect::Promote { member: name(member)?, weight: *weight }
            }
            Self::Breaker(tighten) => Effect::Breaker(tighten.clone()),
            Self::Set(properties) => Effect::Set(properties.clone()),
            Self::Ensure(declared) => Effect::Ensure(declared.clone()),
            Self::Join { member, weight, priority } => {
                Effect::Join { member: name(member)?, weight: *weight, priority: *priority }
            }
            Self::Reconnect(rhythm) => Effect::Reconnect(rhythm.clone()),
        })
    }

    /// What the playbook calls it.
    #[must_use]
    pub const fn keyword(&self) -> &'static str {
        match self {
            Self::Drain { .. } => "drain",
            Self::Shift { .. } | Self::Split { .. } => "shift",
            Self::Promote { .. } => "promote",
            Self::Breaker(_) => "breaker",
            Self::Set(_) => "set",
            Self::Ensure(_) | Self::Join { .. } => "ensure",
            Self::Reconnect(_) => "reconnect",
        }
    }

    /// Whether it is one for a pool, and not for a Single.
    #[must_use]
    pub const fn is_of_pool(&self) -> bool {
        match self {
            Self::Drain { .. }
            | Self::Shift { .. }
            | Self::Split { .. }
            | Self::Promote { .. }
            | Self::Join { .. } => true,
            Self::Breaker(_) | Self::Set(_) | Self::Ensure(_) | Self::Reconnect(_) => false,
        }
    }
}

impl Effect {
    /// What it declares a Single to be.
    #[must_use]
    pub const fn declares(&self) -> Option<&Declared> {
        let Self::Ensure(declared) = self else { return None };
        Some(declared)
    }

    /// Whom it has a pool list.
    #[must_use]
    pub const fn joins(&self) -> Option<&BackendName> {
        let Self::Join { member, .. } = self else { return None };
        Some(member)
    }

    /// Whom it is about, in the words that ids are derived from: whatever is done to the same members
    /// by the same place of a play is one override.
    #[must_use]
    pub fn target(&self) -> String {
        if !self.is_of_pool() {
            return self.keyword().to_owned();
        }
        let members = self.members();
        members.iter().map(BackendName::as_str).collect::<Vec<_>>().join(" ")
    }

    /// The members that it names.
    #[must_use]
    pub fn members(&self) -> Vec<BackendName> {
        match self {
            Self::Drain { member }
            | Self::Shift { member, to: _ }
            | Self::Promote { member, weight: _ }
            | Self::Join { member, weight: _, priority: _ } => vec![member.clone()],
            Self::Split { weights } => weights.keys().cloned().collect(),
            Self::Breaker(_) | Self::Set(_) | Self::Ensure(_) | Self::Reconnect(_) => Vec::new(),
        }
    }

    /// Whether it takes a member out.
    #[must_use]
    pub fn drains(&self) -> bool {
        match self {
            Self::Drain { .. } => true,
            Self::Shift { to, .. } => *to == Fraction::NONE,
            Self::Split { weights } => weights.values().any(|weight| *weight == 0),
            Self::Promote { .. }
            | Self::Breaker(_)
            | Self::Set(_)
            | Self::Ensure(_)
            | Self::Reconnect(_)
            | Self::Join { .. } => false,
        }
    }

    /// The fields that it is there to change. Others may have to change with them.
    #[must_use]
    pub fn fields(&self) -> Vec<Field> {
        match self {
            Self::Drain { member } | Self::Shift { member, to: _ } => vec![Field::weight(member)],
            Self::Split { weights } => weights.keys().map(Field::weight).collect(),
            Self::Promote { member, weight: _ } => {
                vec![Field::priority(member), Field::weight(member)]
            }
            Self::Breaker(_) => vec![Field::Property(Property::CircuitBreaker)],
            Self::Set(properties) => properties.keys().copied().map(Field::Property).collect(),
            Self::Ensure(declared) => {
                let properties = declared.properties().into_keys().map(Field::Property);
                std::iter::once(Field::Existence).chain(properties).collect()
            }
            Self::Reconnect(_) => Vec::new(),
            Self::Join { member, weight: _, priority: _ } => {
                vec![Field::Membership(member.clone())]
            }
        }
    }

    /// Whether what it does can stand in a field: of a member that was added, all stands in its membership.
    #[must_use]
    pub fn touches(&self, field: &Field) -> bool {
        match field {
            Field::Membership(member) => self.members().contains(member),
            Field::Weight(_) | Field::Priority(_) | Field::Existence | Field::Property(_) => {
                self.fields().contains(field)
            }
        }
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Drain { member } => write!(f, "drain {member}"),
            Self::Shift { member, to } => write!(f, "shift {member} to {to}"),
            Self::Split { weights } => {
                f.write_str("split")?;
                weights.iter().try_for_each(|(member, weight)| write!(f, " {member} {weight}"))
            }
            Self::Promote { member, weight: None } => write!(f, "promote {member}"),
            Self::Promote { member, weight: Some(weight) } => {
                write!(f, "promote {member} with weight {weight}")
            }
            Self::Breaker(tighten) => write!(f, "breaker {tighten}"),
            Self::Set(properties) => {
                let said = properties.iter().map(|(property, value)| format!("{property} {value}"));
                write!(f, "set {}", said.collect::<Vec<_>>().join(", "))
            }
            Self::Ensure(_) => f.write_str("ensure"),
            Self::Join { member, weight, priority } => {
                write!(f, "add {member}")?;
                match (weight, priority) {
                    (Some(weight), Some(priority)) => {
                        write!(f, " with weight {weight} and priority {priority}")
                    }
                    (Some(weight), None) => write!(f, " with weight {weight}"),
                    (None, Some(priority)) => write!(f, " with priority {priority}"),
                    (None, None) => Ok(()),
                }
            }
            Self::Reconnect(rhythm) => write!(f, "reconnect {rhythm}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::reconnect::Due;

    #[test]
    fn what_ids_are_derived_from_never_changes() {
        let member: BackendName = "eu".parse().unwrap();
        let weights = [(member.clone(), 20), ("us".parse().unwrap(), 80)].into();
        let targets = [
            Effect::Drain { member: member.clone() },
            Effect::Shift { member: member.clone(), to: Fraction::percent(30) },
            Effect::Split { weights },
            Effect::Promote { member: member.clone(), weight: None },
            Effect::Promote { member, weight: Some(40) },
            Effect::Breaker(Tighten::default()),
            Effect::Set(BTreeMap::new()),
            Effect::Ensure(Declared::new(&serde_json::Map::new())),
            Effect::Join { member: "sb".parse().unwrap(), weight: None, priority: Some(2) },
            Effect::Reconnect(Rhythm { first: Due::After(SignedDuration::ZERO), every: None }),
        ]
        .map(|effect| effect.target());
        assert_eq!(
            targets,
            ["eu", "eu", "eu us", "eu", "eu", "breaker", "set", "ensure", "sb", "reconnect"]
        );
    }
}
