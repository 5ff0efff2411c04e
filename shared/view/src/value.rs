//! What the views are made of: values of fields, effects, and why something is held or ended.

use std::{collections::BTreeMap, fmt};

use pointsman_core::{effect, field, overrides};
use schemars::JsonSchema;
use serde::Serialize;

/// Something that programs tell apart by its `kind`, with the words for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "{K}")]
pub struct Said<K> {
    /// The kind, and what belongs to it.
    #[serde(flatten)]
    pub kind: K,
    /// The same in words.
    pub says: String,
}

impl<K> Said<K> {
    pub(crate) fn of<T: fmt::Display>(said: &T) -> Self
    where
        K: for<'a> From<&'a T>,
    {
        Self { kind: said.into(), says: said.to_string() }
    }
}

impl<K> fmt::Display for Said<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.says)
    }
}

/// The value of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Value {
    /// A number.
    Number(u8),
    /// The key is there, and null.
    Null,
    /// There is no such key.
    Absent(Absent),
}

/// The word for a key that is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Absent {
    /// There is no such key.
    Absent,
}

impl From<field::Value> for Value {
    fn from(value: field::Value) -> Self {
        match value {
            field::Value::Absent => Self::Absent(Absent::Absent),
            field::Value::Null => Self::Null,
            field::Value::Number(number) => Self::Number(number),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Null => f.write_str("null"),
            Self::Absent(Absent::Absent) => f.write_str("-"),
        }
    }
}

/// One field's part of a write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Change {
    /// Which field: `members/eu/weight`.
    pub field: String,
    /// What was there when the write was planned.
    pub before: Value,
    /// What the write puts there.
    pub after: Value,
}

impl From<&field::Change> for Change {
    fn from(change: &field::Change) -> Self {
        let field::Change { field, before, after } = change;
        Self { field: field.to_string(), before: (*before).into(), after: (*after).into() }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} -> {}", self.field, self.before, self.after)
    }
}

/// What an override does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Effect {
    /// No new traffic to the member.
    Drain {
        /// Who is drained.
        member: String,
    },
    /// Less traffic to the member.
    Shift {
        /// Whose weight.
        member: String,
        /// How much of its weight remains, in percent: `"30%"`.
        to: String,
    },
    /// An explicit split.
    Split {
        /// Weights by member.
        weights: BTreeMap<String, u8>,
    },
    /// Makes a standby serve.
    Promote {
        /// The standby.
        member: String,
        /// Its weight where it has none or 0.
        #[serde(skip_serializing_if = "Option::is_none")]
        weight: Option<u8>,
    },
}

impl From<&effect::Effect> for Effect {
    fn from(effect: &effect::Effect) -> Self {
        match effect {
            effect::Effect::Drain { member } => Self::Drain { member: member.to_string() },
            effect::Effect::Shift { member, to } => {
                Self::Shift { member: member.to_string(), to: to.to_string() }
            }
            effect::Effect::Split { weights } => {
                let of = |(member, weight): (&_, &u8)| (ToString::to_string(member), *weight);
                Self::Split { weights: weights.iter().map(of).collect() }
            }
            effect::Effect::Promote { member, weight } => {
                Self::Promote { member: member.to_string(), weight: *weight }
            }
        }
    }
}

/// Why an override is held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Held {
    /// Too few members would serve.
    Members {
        /// How many would.
        serving: usize,
        /// How many must.
        least: usize,
    },
    /// Too little of the serving group's weight would remain.
    Share {
        /// How much would, in percent: `"40%"`.
        share: String,
        /// How much must, in percent: `"50%"`.
        least: String,
    },
    /// A group would be left with all weights 0.
    Emptied,
    /// The pool lists no such member.
    NoMember {
        /// Which.
        member: String,
    },
    /// Nulls and numbers stand beside each other in the group.
    MixedWeights,
    /// No member of the pool serves, even without overrides.
    NothingServes,
    /// A group that is switched off would get all the traffic.
    SwitchedOff,
    /// The backend does not exist.
    NoBackend,
    /// The backend has no members.
    NotAPool,
    /// The backend's body cannot be understood.
    Unreadable {
        /// Why.
        why: String,
    },
    /// Pointsman is paused.
    Paused,
}

impl From<&overrides::Held> for Held {
    fn from(held: &overrides::Held) -> Self {
        match held {
            overrides::Held::Members { serving, least } => {
                Self::Members { serving: *serving, least: *least }
            }
            overrides::Held::Share { share, least } => {
                Self::Share { share: share.to_string(), least: least.to_string() }
            }
            overrides::Held::Emptied => Self::Emptied,
            overrides::Held::NoMember(member) => Self::NoMember { member: member.to_string() },
            overrides::Held::MixedWeights => Self::MixedWeights,
            overrides::Held::NothingServes => Self::NothingServes,
            overrides::Held::SwitchedOff => Self::SwitchedOff,
            overrides::Held::NoBackend => Self::NoBackend,
            overrides::Held::NotAPool => Self::NotAPool,
            overrides::Held::Unreadable(why) => Self::Unreadable { why: why.clone() },
            overrides::Held::Paused => Self::Paused,
        }
    }
}

/// Why an override ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum End {
    /// Its alert resolved, or the last of them.
    Resolved,
    /// Its time ran out.
    Expired,
    /// An operator undid it.
    Undone {
        /// Who.
        by: String,
        /// Why.
        reason: String,
    },
    /// Its play is not in the playbook any more, or its pool is not.
    Dropped,
}

impl From<&overrides::End> for End {
    fn from(end: &overrides::End) -> Self {
        match end {
            overrides::End::Resolved => Self::Resolved,
            overrides::End::Expired => Self::Expired,
            overrides::End::Undone { by, reason } => {
                Self::Undone { by: by.clone(), reason: reason.clone() }
            }
            overrides::End::Dropped => Self::Dropped,
        }
    }
}

#[cfg(test)]
mod tests {
    use pointsman_core::fraction::Fraction;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_no_number_is_told_apart() {
        let values =
            [field::Value::Number(3), field::Value::Null, field::Value::Absent].map(Value::from);
        assert_eq!(json!(values), json!([3, null, "absent"]));
        assert_eq!(values.map(|value| value.to_string()), ["3", "null", "-"]);
    }

    #[test]
    fn fractions_are_shown_in_percent() {
        let (share, least) = (Fraction::percent(40), "12.5%".parse().unwrap());
        let held = Said::<Held>::of(&overrides::Held::Share { share, least });
        assert_eq!(
            json!(held),
            json!({
                "kind": "share", "share": "40%", "least": "12.5%",
                "says": "40% of the pool's weight would remain, and the limit is 12.5%",
            })
        );
        let shift = effect::Effect::Shift { member: "eu".parse().unwrap(), to: least };
        assert_eq!(
            json!(Said::<Effect>::of(&shift)),
            json!({"kind": "shift", "member": "eu", "to": "12.5%", "says": "shift eu to 12.5%"})
        );
    }
}
