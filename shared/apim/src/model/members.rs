//! `properties.pool`: the members of a pool, to look at, to make a pool of, or to change its
//! membership. For weights and priorities alone there is [`pool::Edit`], which sends the least.
//!
//! [`pool::Edit`]: crate::pool::Edit

use std::fmt;
use std::str::FromStr;

use serde_json::Value;

use super::part::{At, Children, Part, fields, object, values};
use super::scalar::{OutOfBounds, Text, parsed_text};
use crate::id::{ARM_ID_BYTES_MAX, BackendId, BackendName};
use crate::problem::has;

/// The most members of a pool.
pub const POOL_MEMBERS_MAX: usize = 30;
/// The largest weight of a member, and the largest number of a priority.
pub const SETTING_MAX: u8 = 100;

/// What a weight or a priority is set to. Absent and null are told apart, since putting a value
/// back exactly needs to know which it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Setting {
    /// The key is not there.
    Absent,
    /// The key is there with null.
    Null,
    /// The key is there with this number, 0-100.
    Number(u8),
}

impl Setting {
    /// The number, if there is one.
    pub fn number(self) -> Option<u8> {
        match self {
            Self::Absent | Self::Null => None,
            Self::Number(number) => Some(number),
        }
    }

    fn value(self) -> Option<Value> {
        match self {
            Self::Absent => None,
            Self::Null => Some(Value::Null),
            Self::Number(number) => Some(number.into()),
        }
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("absent"),
            Self::Null => f.write_str("null"),
            Self::Number(number) => number.fmt(f),
        }
    }
}

/// The members of a pool: 1-30, in the order in which the service lists them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Members {
    pub(crate) services: Vec<Member>,
}

impl Members {
    /// Those members, if they are 1-30.
    pub fn new(members: Vec<Member>) -> Result<Self, OutOfBounds> {
        let found = members.len();
        if (1..=POOL_MEMBERS_MAX).contains(&found) {
            return Ok(Self { services: members });
        }
        Err(OutOfBounds::new("a pool", has(found, "members", 1, POOL_MEMBERS_MAX)))
    }

    /// The members in their order.
    pub fn all(&self) -> &[Member] {
        &self.services
    }

    /// The first member of that name.
    pub fn member(&self, name: &BackendName) -> Option<&Member> {
        self.services.iter().find(|member| member.id.name == *name)
    }
}

/// One member of a pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Which backend it is.
    pub id: MemberId,
    /// Its weight within its priority.
    pub weight: Setting,
    /// Its priority; the lowest number serves.
    pub priority: Setting,
}

/// The id of a member: a whole ARM id, or a short `/backends/name`. Compared exactly here,
/// and by [`MemberId::name`] where it is the same backend that matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberId {
    text: String,
    name: BackendName,
}

impl MemberId {
    /// The id as it is written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The name that it ends in, which is what members are compared by.
    pub fn name(&self) -> &BackendName {
        &self.name
    }
}

impl From<&BackendId> for MemberId {
    fn from(id: &BackendId) -> Self {
        Self { text: id.to_string(), name: id.backend().clone() }
    }
}

impl FromStr for MemberId {
    type Err = OutOfBounds;
    fn from_str(text: &str) -> Result<Self, OutOfBounds> {
        const MUST: &str = "an id that ends in the name of a backend";
        let name = text.rsplit('/').next().and_then(|last| last.parse().ok());
        let name = name.filter(|_| text.len() <= ARM_ID_BYTES_MAX);
        name.map(|name| Self { text: text.to_owned(), name })
            .ok_or_else(|| OutOfBounds::text("the id of a member", text, MUST))
    }
}

parsed_text!(MemberId);

object! {
    Members {
        services: required_list("services", "a pool has at least one", 1, POOL_MEMBERS_MAX),
    }
}

object! {
    Member {
        id: required("id", "a member is named by it"),
        weight: setting("weight"),
        priority: setting("priority"),
    }
}

impl Children<'_> {
    fn setting(&self, key: &str) -> Option<Setting> {
        let Some(at) = self.at(key) else { return Some(Setting::Absent) };
        if at.value().is_null() {
            return Some(Setting::Null);
        }
        let number = at.value().as_u64().and_then(|number| u8::try_from(number).ok());
        match number.filter(|number| *number <= SETTING_MAX) {
            Some(number) => Some(Setting::Number(number)),
            None => at.wrong(&format!("0 to {SETTING_MAX}")),
        }
    }
}
