//! Fields: what an override can own of a backend. Each has an address, and a value of its own type.
//!
//! A pool has the fields of its members, weight and priority: whole numbers that may be null or not
//! there; and of each backend, whether it is a member and with what. A Single has its existence, its breaker and the settings that a play may be allowed to set ([`Property`]):
//! these are kept as the JSON that stands in its body. None is matched with a wildcard, so that the
//! compiler names each place that has to know a new one. No field is one that may hold a secret.

use std::{cmp::Ordering, collections::BTreeMap, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{
    json::Json,
    names::{BackendName, NameError},
    text::stored_as_text,
};

/// The address of one field that an override can own; written `members/NAME/weight`, `members/NAME`,
/// `existence` or as the path of a property.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Field {
    /// A member's weight.
    Weight(BackendName),
    /// A member's priority.
    Priority(BackendName),
    /// Whether a pool lists a member, and with what: its weight and its priority in one. It is owned of a
    /// member that was added; then these two are not.
    Membership(BackendName),
    /// Whether a Single is there.
    Existence,
    /// A property of a Single.
    Property(Property),
}

stored_as_text!(Field);

const EXISTENCE: &str = "existence";

/// A property of a Single that an override can own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Property {
    /// The circuit breaker, with its rule.
    CircuitBreaker,
    /// The address.
    Url,
    /// Whether the chain of the backend's certificate is checked.
    ValidateCertificateChain,
    /// Whether the name in it is checked.
    ValidateCertificateName,
    /// The address of the proxy.
    ProxyUrl,
    /// The title.
    Title,
    /// The description.
    Description,
}

stored_as_text!(Property);

impl Property {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::CircuitBreaker,
        Self::Url,
        Self::ValidateCertificateChain,
        Self::ValidateCertificateName,
        Self::ProxyUrl,
        Self::Title,
        Self::Description,
    ];

    /// Where it is under `properties`, with a dot between the keys.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::CircuitBreaker => "circuitBreaker",
            Self::Url => "url",
            Self::ValidateCertificateChain => "tls.validateCertificateChain",
            Self::ValidateCertificateName => "tls.validateCertificateName",
            Self::ProxyUrl => "proxy.url",
            Self::Title => "title",
            Self::Description => "description",
        }
    }
}

impl FromStr for Property {
    type Err = FieldError;

    fn from_str(text: &str) -> Result<Self, FieldError> {
        let known = Self::ALL.into_iter().find(|property| property.path() == text);
        known.ok_or_else(|| FieldError::Form(text.to_owned()))
    }
}

impl fmt::Display for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.path())
    }
}

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

    /// Whose field it is; none where it is of the backend itself.
    #[must_use]
    pub const fn member(&self) -> Option<&BackendName> {
        match self {
            Self::Weight(member) | Self::Priority(member) | Self::Membership(member) => {
                Some(member)
            }
            Self::Existence | Self::Property(_) => None,
        }
    }

    fn place(&self) -> (Option<&BackendName>, u8, Option<Property>) {
        match self {
            Self::Existence => (None, 0, None),
            Self::Property(property) => (None, 1, Some(*property)),
            Self::Weight(member) => (Some(member), 0, None),
            Self::Priority(member) => (Some(member), 1, None),
            Self::Membership(member) => (Some(member), 2, None),
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
    #[error(
        "`{0}` is not a field: write members/NAME/weight, members/NAME/priority, members/NAME, \
         existence or one of {paths}",
        paths = Property::ALL.map(Property::path).join(", ")
    )]
    Form(String),
}

impl FromStr for Field {
    type Err = FieldError;

    fn from_str(text: &str) -> Result<Self, FieldError> {
        let Some(rest) = text.strip_prefix("members/") else {
            return if text == EXISTENCE {
                Ok(Self::Existence)
            } else {
                text.parse().map(Self::Property)
            };
        };
        let form = || FieldError::Form(text.to_owned());
        let Some((name, last)) = rest.rsplit_once('/') else {
            return Ok(Self::Membership(rest.parse()?));
        };
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
        match self {
            Self::Weight(member) => f.pad(&format!("members/{member}/weight")),
            Self::Priority(member) => f.pad(&format!("members/{member}/priority")),
            Self::Membership(member) => f.pad(&format!("members/{member}")),
            Self::Existence => f.pad(EXISTENCE),
            Self::Property(property) => property.fmt(f),
        }
    }
}

/// The value of a field as it stands in a backend's body. Absent and null mean the same to Azure, but
/// each is given back as it was found.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Value {
    /// There is no such key.
    Absent,
    /// The key is there, and null.
    Null,
    /// A whole number: a weight or a priority, 0 to 100.
    #[serde(rename = "is")]
    Number(u8),
    /// Anything else, as it was written.
    Json(Json),
}

impl Value {
    /// Of an existence: it is there.
    #[must_use]
    pub fn there() -> Self {
        Self::Json(Json::from(&serde_json::Value::Bool(true)))
    }

    /// The number, where there is one.
    #[must_use]
    pub const fn number(&self) -> Option<u8> {
        match self {
            Self::Absent | Self::Null | Self::Json(_) => None,
            Self::Number(number) => Some(*number),
        }
    }

    /// The JSON, where it is one that is not a weight or a priority.
    #[must_use]
    pub const fn json(&self) -> Option<&Json> {
        match self {
            Self::Absent | Self::Null | Self::Number(_) => None,
            Self::Json(json) => Some(json),
        }
    }

    /// Whether nothing is there.
    #[must_use]
    pub const fn is_nothing(&self) -> bool {
        matches!(self, Self::Absent | Self::Null)
    }

    /// Whether the two mean the same to Azure.
    #[must_use]
    pub fn means(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Json(one), Self::Json(other)) => one.means(other),
            (Self::Json(_), _) | (_, Self::Json(_)) => false,
            (one, other) => one.number() == other.number(),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.pad("-"),
            Self::Null => f.pad("null"),
            Self::Number(number) => f.pad(&number.to_string()),
            Self::Json(json) => f.pad(&json.says()),
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
        let Self { field, before, after } = self;
        match (before, after) {
            (_, Value::Absent) if *field == Field::Existence => f.write_str("delete it"),
            (Value::Absent, _) if *field == Field::Existence => f.write_str("make it"),
            // What is not said in words differs.
            (Value::Json(before), Value::Json(after)) if before.says() == after.says() => {
                write!(f, "{field} {before} -> {after}")
            }
            _ => write!(f, "{field} {before} -> {after}"),
        }
    }
}

/// The values of some fields, by address.
pub type Values = BTreeMap<Field, Value>;
