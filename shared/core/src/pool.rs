//! A pool as Azure shows it: its members in order, with their weights and priorities.

use std::{collections::BTreeMap, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::names::{BackendName, NameError};

/// A weight or a priority as it stands in a pool's body. Absent and null mean the same to Azure,
/// but each is given back as it was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Setting {
    /// The member has no such key.
    Absent,
    /// The key is there, and null.
    Null,
    /// A number, 0 to 100.
    Is(u8),
}

impl Setting {
    /// The number, where there is one.
    #[must_use]
    pub const fn number(self) -> Option<u8> {
        match self {
            Self::Absent | Self::Null => None,
            Self::Is(number) => Some(number),
        }
    }

    /// Whether the two mean the same to Azure.
    #[must_use]
    pub fn means(self, other: Self) -> bool {
        self.number() == other.number()
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.pad("-"),
            Self::Null => f.pad("null"),
            Self::Is(number) => f.pad(&number.to_string()),
        }
    }
}

/// One member of a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The last segment of its id; compared without case.
    pub name: BackendName,
    /// Its weight within its group.
    pub weight: Setting,
    /// The group it is in: the lowest number serves; none counts as 0.
    pub priority: Setting,
}

/// The members of a pool, in the order of its body; no name occurs twice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pool {
    members: Vec<Member>,
}

/// A pool that lists one member twice, whose fields would have no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the pool lists `{0}` twice; Pointsman changes only pools that list each member once")]
pub struct Twice(BackendName);

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
    pub fn get(&self, field: &Field) -> Option<Setting> {
        let member = self.members.iter().find(|member| member.name == field.member)?;
        Some(match field.part {
            Part::Weight => member.weight,
            Part::Priority => member.priority,
        })
    }

    /// Sets a field; nothing happens where the member is not in the pool.
    pub fn set(&mut self, field: &Field, to: Setting) {
        if let Some(member) = self.members.iter_mut().find(|member| member.name == field.member) {
            match field.part {
                Part::Weight => member.weight = to,
                Part::Priority => member.priority = to,
            }
        }
    }

    /// This pool with some fields set.
    #[must_use]
    pub fn with<'a>(&self, fields: impl IntoIterator<Item = (&'a Field, Setting)>) -> Self {
        let mut pool = self.clone();
        for (field, setting) in fields {
            pool.set(field, setting);
        }
        pool
    }
}

/// Which part of a member a field is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// Its weight.
    Weight,
    /// Its priority.
    Priority,
}

/// The address of one field that an override can own; written `members/NAME/weight`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Field {
    /// Whose field.
    pub member: BackendName,
    /// Which field.
    pub part: Part,
}

impl Field {
    /// The address of a member's weight.
    #[must_use]
    pub fn weight(member: &BackendName) -> Self {
        Self { member: member.clone(), part: Part::Weight }
    }

    /// The address of a member's priority.
    #[must_use]
    pub fn priority(member: &BackendName) -> Self {
        Self { member: member.clone(), part: Part::Priority }
    }
}

/// Why a text is no field's address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// The member's name is not valid.
    #[error(transparent)]
    Name(#[from] NameError),
    /// It has another form.
    #[error("`{0}` is no field: write members/NAME/weight or members/NAME/priority")]
    Form(String),
}

impl FromStr for Field {
    type Err = FieldError;

    fn from_str(text: &str) -> Result<Self, FieldError> {
        let form = || FieldError::Form(text.to_owned());
        let (name, part) = text
            .strip_prefix("members/")
            .and_then(|rest| rest.rsplit_once('/'))
            .ok_or_else(form)?;
        let part = match part {
            "weight" => Part::Weight,
            "priority" => Part::Priority,
            _ => return Err(form()),
        };
        Ok(Self { member: name.parse()?, part })
    }
}

impl TryFrom<String> for Field {
    type Error = FieldError;

    fn try_from(text: String) -> Result<Self, FieldError> {
        text.parse()
    }
}

impl From<Field> for String {
    fn from(field: Field) -> Self {
        field.to_string()
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = match self.part {
            Part::Weight => "weight",
            Part::Priority => "priority",
        };
        f.pad(&format!("members/{}/{part}", self.member))
    }
}

impl fmt::Debug for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The values of some fields, by address.
pub type Settings = BTreeMap<Field, Setting>;
