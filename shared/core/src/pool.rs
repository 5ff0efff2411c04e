//! A pool as Azure shows it: its members in order, with their weights and priorities.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{
    field::{Field, Value},
    json::Json,
    names::BackendName,
};

/// One member of a pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The last segment of its id; compared without case.
    pub name: BackendName,
    /// Its weight within its group.
    #[serde(default = "absent", skip_serializing_if = "is_absent")]
    pub weight: Value,
    /// The group it is in: the lowest number serves; none counts as 0.
    #[serde(default = "absent", skip_serializing_if = "is_absent")]
    pub priority: Value,
}

const fn absent() -> Value {
    Value::Absent
}

fn is_absent(value: &Value) -> bool {
    *value == Value::Absent
}

impl Member {
    /// What a pool says of it, as the value of its membership.
    #[must_use]
    pub fn entry(&self) -> Value {
        let said = [("weight", &self.weight), ("priority", &self.priority)];
        let said = said.into_iter().filter_map(|(key, value)| Some((key, value.number()?)));
        let tree = said.map(|(key, number)| (key.to_owned(), number.into())).collect();
        Value::Json(Json::from(&serde_json::Value::Object(tree)))
    }

    /// A member by the value of its membership; none where it is no member.
    #[must_use]
    pub fn of(name: &BackendName, entry: &Value) -> Option<Self> {
        let tree = entry.json()?.tree();
        let number = |key: &str| {
            let number = tree.get(key)?.as_u64()?;
            u8::try_from(number).ok().map(Value::Number)
        };
        let value = |key: &str| number(key).unwrap_or(Value::Absent);
        Some(Self { name: name.clone(), weight: value("weight"), priority: value("priority") })
    }
}

/// The members of a pool, in the order of its body; no name occurs twice. And what it shows of which nobody has
/// published what Azure makes of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct Pool {
    members: Vec<Member>,
    unknown: Unknown,
}

/// What a pool shows of which nobody has published what Azure makes of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Unknown {
    /// Whether sessions stick to members (`sessionAffinity`): they may stay at one whose weight is 0.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_sessions: bool,
    /// The members that Azure itself may leave out (`preferredCarbonEmission`): they do not certainly serve.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub may_be_left_out: BTreeSet<BackendName>,
}

/// A pool as it is stored: its members alone, where there is nothing else to say.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Stored {
    Members(Vec<Member>),
    Whole {
        members: Vec<Member>,
        #[serde(flatten)]
        unknown: Unknown,
    },
}

/// A pool that lists one member twice, whose fields would have no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the pool lists `{0}` twice; Pointsman changes only pools that list each member once")]
pub struct Twice(BackendName);

impl TryFrom<Stored> for Pool {
    type Error = Twice;

    fn try_from(stored: Stored) -> Result<Self, Twice> {
        match stored {
            Stored::Members(members) => Self::new(members),
            Stored::Whole { members, unknown } => Ok(Self::new(members)?.knowing(unknown)),
        }
    }
}

impl From<Pool> for Stored {
    fn from(Pool { members, unknown }: Pool) -> Self {
        if unknown == Unknown::default() {
            Self::Members(members)
        } else {
            Self::Whole { members, unknown }
        }
    }
}

impl Pool {
    /// A pool of these members.
    ///
    /// # Errors
    /// When one is listed twice.
    pub fn new(members: Vec<Member>) -> Result<Self, Twice> {
        for (at, member) in members.iter().enumerate() {
            if members[..at].iter().any(|other| other.name == member.name) {
                return Err(Twice(member.name.clone()));
            }
        }
        Ok(Self { members, unknown: Unknown::default() })
    }

    /// The same pool, with what it shows besides.
    #[must_use]
    pub fn knowing(self, unknown: Unknown) -> Self {
        Self { unknown, ..self }
    }

    /// What it shows of which nobody has published what Azure makes of it.
    #[must_use]
    pub const fn unknown(&self) -> &Unknown {
        &self.unknown
    }

    /// Its members, in the order of the body.
    #[must_use]
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// The value of a field; none where the member is not in the pool.
    #[must_use]
    pub fn get(&self, field: &Field) -> Option<Value> {
        let member = |name: &BackendName| self.members.iter().find(|member| member.name == *name);
        match field {
            Field::Weight(name) => member(name).map(|member| member.weight.clone()),
            Field::Priority(name) => member(name).map(|member| member.priority.clone()),
            Field::Membership(name) => Some(member(name).map_or(Value::Absent, Member::entry)),
            Field::Existence | Field::Property(_) => None,
        }
    }

    /// Whether a member serves: its group is the first with a weight, and it has one itself. Where null
    /// stands beside numbers, nobody has said what it counts as, and it counts as none.
    #[must_use]
    pub fn serves(&self, name: &BackendName) -> bool {
        let group = |member: &Member| member.priority.number().unwrap_or(0);
        let has_weight = |one: &&Member| {
            let all_null = || {
                let mut group = self.members.iter().filter(|it| group(it) == group(one));
                group.all(|it| it.weight.number().is_none())
            };
            one.weight.number().map_or_else(all_null, |weight| weight > 0)
        };
        let serving = self.members.iter().filter(has_weight);
        let first = serving.clone().map(group).min();
        serving.filter(|one| Some(group(one)) == first).any(|one| one.name == *name)
    }

    /// Sets a field; nothing happens where it is one of a member that is not in the pool. A membership adds
    /// one at the end, or takes it out.
    pub fn set(&mut self, field: &Field, to: Value) {
        if let Field::Membership(name) = field {
            let place = self.members.iter().position(|member| member.name == *name);
            match (place, Member::of(name, &to)) {
                (Some(place), Some(member)) => self.members[place] = member,
                (Some(place), None) => drop(self.members.remove(place)),
                (None, Some(member)) => self.members.push(member),
                (None, None) => {}
            }
            return;
        }
        let (Field::Weight(name) | Field::Priority(name)) = field else { return };
        let Some(member) = self.members.iter_mut().find(|member| member.name == *name) else {
            return;
        };
        match field {
            Field::Weight(_) => member.weight = to,
            Field::Priority(_) => member.priority = to,
            Field::Membership(_) | Field::Existence | Field::Property(_) => {}
        }
    }

    /// This pool with some fields set.
    #[must_use]
    pub fn with<'a>(&self, fields: impl IntoIterator<Item = (&'a Field, Value)>) -> Self {
        let mut pool = self.clone();
        for (field, value) in fields {
            pool.set(field, value);
        }
        pool
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_is_stored_as_its_members_where_there_is_nothing_else_to_say() {
        let stored = r#"[{"name":"eu","weight":{"is":50}},{"name":"us"}]"#;
        let pool: Pool = serde_json::from_str(stored).unwrap();
        assert_eq!(serde_json::to_string(&pool).unwrap(), stored);
        let unknown =
            Unknown { has_sessions: true, may_be_left_out: ["us".parse().unwrap()].into() };
        let pool = pool.knowing(unknown);
        let stored = serde_json::to_string(&pool).unwrap();
        assert_eq!(
            stored,
            r#"{"members":[{"name":"eu","weight":{"is":50}},{"name":"us"}],"hasSessions":true,"mayBeLeftOut":["us"]}"#
        );
        assert_eq!(serde_json::from_str::<Pool>(&stored).unwrap(), pool);
        let twice = r#"[{"name":"eu"},{"name":"EU"}]"#;
        assert!(serde_json::from_str::<Pool>(twice).is_err());
    }

    #[test]
    fn the_first_group_with_a_weight_serves() {
        let serves = |members: &[(Option<u8>, u8)]| {
            let value = |number: Option<u8>| number.map_or(Value::Null, Value::Number);
            let member = |(at, (weight, group)): (usize, &(Option<u8>, u8))| Member {
                name: format!("m{at}").parse().unwrap(),
                weight: value(*weight),
                priority: Value::Number(*group),
            };
            let pool = Pool::new(members.iter().enumerate().map(member).collect()).unwrap();
            let names = pool.members().iter().map(|member| &member.name);
            names.map(|name| u8::from(pool.serves(name)).to_string()).collect::<String>()
        };
        assert_eq!(serves(&[(Some(50), 1), (Some(0), 1), (Some(20), 2)]), "100");
        assert_eq!(serves(&[(Some(0), 1), (Some(20), 2), (None, 3)]), "010");
        assert_eq!(serves(&[(None, 1), (None, 1), (Some(20), 2)]), "110");
        assert_eq!(serves(&[(None, 1), (Some(20), 1)]), "01", "what null counts as is not known");
        assert_eq!(serves(&[(Some(0), 1)]), "0");
    }
}
