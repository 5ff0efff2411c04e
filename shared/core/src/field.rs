//! Fields: what an override can own of a backend. Each has an address, and a value of its own type.
//!
//! So far the fields are those of a pool's members: weight and priority, both a whole number that may be
//! null or not there. Membership in a pool, a backend's breaker and its url come as further addresses of
//! [`Field`], with further types of [`Value`]. Neither is matched with a wildcard, so that the
//! compiler names each place that has to know a new one.

use std::{cmp::Ordering, collections::BTreeMap, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{
    names::{BackendName, NameError},
    text::stored_as_text,
};

/// The address of one field that an override can own; written `members/NAME/weight`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Field {
    /// A member's weight.
    Weight(BackendName),
    /// A member's priority.
    Priority(BackendName),
}

stored_as_text!(Field);

impl Field {
    /// The address of a member's weight.
    #[must_use]
    pub fn weight(member: &BackendName) -> Self {
        Self::Weight(member.clone())
    }

    /// The address of a member's priority.
    #[must_use]
    pub fn priority(member: &BackendName) -> Self {
        Self::Priority(member.clone())
    }

    /// Whose field it is.
    #[must_use]
    pub const fn member(&self) -> &BackendName {
        match self {
            Self::Weight(member) | Self::Priority(member) => member,
        }
    }

    fn place(&self) -> (&BackendName, u8) {
        match self {
            Self::Weight(member) => (member, 0),
            Self::Priority(member) => (member, 1),
        }
    }
}

/// By member, so that what is said of one stands together.
impl Ord for Field {
    fn cmp(&self, other: &Self) -> Ordering {
        self.place().cmp(&other.place())
    }
}

impl PartialOrd for Field {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Why a text is not the address of a field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// The member's name is not valid.
    #[error(transparent)]
    Name(#[from] NameError),
    /// It has another form.
    #[error("`{0}` is not a field: write members/NAME/weight or members/NAME/priority")]
    Form(String),
}

impl FromStr for Field {
    type Err = FieldError;

    fn from_str(text: &str) -> Result<Self, FieldError> {
        let form = || FieldError::Form(text.to_owned());
        let (name, last) = text
            .strip_prefix("members/")
            .and_then(|rest| rest.rsplit_once('/'))
            .ok_or_else(form)?;
        let field = match last {
            "weight" => Self::Weight,
            "priority" => Self::Priority,
            _ => return Err(form()),
        };
        Ok(field(name.parse()?))
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&match self {
            Self::Weight(member) => format!("members/{member}/weight"),
            Self::Priority(member) => format!("members/{member}/priority"),
        })
    }
}

/// The value of a field as it stands in a backend's body. Absent and null mean the same to Azure, but
/// each is given back as it was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Value {
    /// There is no such key.
    Absent,
    /// The key is there, and null.
    Null,
    /// A whole number: a weight or a priority, 0 to 100.
    #[serde(rename = "is")]
    Number(u8),
}

impl Value {
    /// The number, where there is one.
    #[must_use]
    pub const fn number(self) -> Option<u8> {
        match self {
            Self::Absent | Self::Null => None,
            Self::Number(number) => Some(number),
        }
    }

    /// Whether the two mean the same to Azure.
    #[must_use]
    pub fn means(self, other: Self) -> bool {
        self.number() == other.number()
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.pad("-"),
            Self::Null => f.pad("null"),
            Self::Number(number) => f.pad(&number.to_string()),
        }
    }
}

/// One field's part of a write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Which field.
    pub field: Field,
    /// What was there when the write was planned.
    pub before: Value,
    /// What the write puts there.
    pub after: Value,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} -> {}", self.field, self.before, self.after)
    }
}

/// The values of some fields, by address.
pub type Values = BTreeMap<Field, Value>;
