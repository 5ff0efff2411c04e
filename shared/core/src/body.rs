//! What Azure shows of a backend that an override can own: the members of a pool, or the properties of a
//! Single; or that there is none.

use serde::{Deserialize, Serialize};

use crate::{
    field::{Field, Property, Value, Values},
    overrides::Held,
    pool::Pool,
};

/// What of a backend can be owned, as Azure shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Body {
    /// A pool: its members.
    Pool(Pool),
    /// A Single: its properties.
    Single(Single),
    /// No backend, where one could be made.
    Missing,
}

/// The properties of a Single. One that is not there at all is not to be touched: it may hold a secret, or
/// what it belongs to is missing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Single(Values);

impl Single {
    /// A Single with these properties.
    #[must_use]
    pub fn new(properties: impl IntoIterator<Item = (Property, Value)>) -> Self {
        let fields = properties.into_iter();
        Self(fields.map(|(property, value)| (Field::Property(property), value)).collect())
    }

    /// The value of a property; none where it is not to be touched.
    #[must_use]
    pub fn get(&self, property: Property) -> Option<&Value> {
        self.0.get(&Field::Property(property))
    }
}

impl Body {
    /// The value of a field; none where the backend has no such field.
    #[must_use]
    pub fn get(&self, field: &Field) -> Option<Value> {
        match self {
            Self::Pool(pool) => pool.get(field),
            Self::Single(_) if *field == Field::Existence => Some(Value::there()),
            Self::Single(Single(values)) => values.get(field).cloned(),
            Self::Missing => (*field == Field::Existence).then_some(Value::Absent),
        }
    }

    /// This body with some fields set; a field that the backend does not have is not set.
    #[must_use]
    pub fn with<'a>(&self, fields: impl IntoIterator<Item = (&'a Field, Value)>) -> Self {
        match self {
            Self::Pool(pool) => Self::Pool(pool.with(fields)),
            Self::Single(Single(values)) => {
                let mut values = values.clone();
                for (field, value) in fields {
                    if let Some(place) = values.get_mut(field) {
                        *place = value;
                    }
                }
                Self::Single(Single(values))
            }
            Self::Missing => Self::Missing,
        }
    }

    /// The pool, where it is one.
    #[must_use]
    pub const fn pool(&self) -> Option<&Pool> {
        match self {
            Self::Pool(pool) => Some(pool),
            Self::Single(_) | Self::Missing => None,
        }
    }

    /// Why a field is none of this kind of backend; nothing where it may be one.
    ///
    /// # Errors
    /// That the backend is of the other kind.
    pub const fn may_have(&self, field: &Field) -> Result<(), Held> {
        match (self, field) {
            (Self::Missing, _)
            | (Self::Pool(_), Field::Weight(_) | Field::Priority(_) | Field::Membership(_))
            | (Self::Single(_), Field::Existence | Field::Property(_)) => Ok(()),
            (Self::Pool(_), Field::Existence | Field::Property(_)) => Err(Held::NotASingle),
            (Self::Single(_), Field::Weight(_) | Field::Priority(_) | Field::Membership(_)) => {
                Err(Held::NotAPool)
            }
        }
    }
}

impl From<Pool> for Body {
    fn from(pool: Pool) -> Self {
        Self::Pool(pool)
    }
}

impl From<Single> for Body {
    fn from(single: Single) -> Self {
        Self::Single(single)
    }
}
