//! A pool as Azure shows it: its members in order, with their weights and priorities.

use serde::{Deserialize, Serialize};

use crate::{
    field::{Field, Value},
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

/// The members of a pool, in the order of its body; no name occurs twice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Member>", into = "Vec<Member>")]
pub struct Pool {
    members: Vec<Member>,
}

/// A pool that lists one member twice, whose fields would have no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the pool lists `{0}` twice; Pointsman changes only pools that list each member once")]
pub struct Twice(BackendName);

impl TryFrom<Vec<Member>> for Pool {
    type Error = Twice;

    fn try_from(members: Vec<Member>) -> Result<Self, Twice> {
        Self::new(members)
    }
}

impl From<Pool> for Vec<Member> {
    fn from(pool: Pool) -> Self {
        pool.members
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
        Ok(Self { members })
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
            Field::Property(_) => None,
        }
    }

    /// Sets a field; nothing happens where the member is not in the pool.
    pub fn set(&mut self, field: &Field, to: Value) {
        let (Field::Weight(name) | Field::Priority(name)) = field else { return };
        let Some(member) = self.members.iter_mut().find(|member| member.name == *name) else {
            return;
        };
        match field {
            Field::Weight(_) => member.weight = to,
            Field::Priority(_) => member.priority = to,
            Field::Property(_) => {}
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
