//! Pools: what their members are set to, and how to set them otherwise.
//!
//! PATCH replaces an array as a whole (RFC 7386), so setting one weight means sending every
//! member. [`Edit`] cuts the members out of the body that was received, key by key and to the
//! letter, and changes only what it is told to: fields that nobody has published, the order of
//! keys and the spelling of numbers all survive.

use std::fmt::{self, Write as _};

use serde_json::Value;
use serde_json::value::RawValue;

use crate::backend::Backend;
use crate::document::{Problem, Unreadable, wrong};
use crate::id::BackendName;
pub use crate::patch::Patch;
use crate::put::{Draft, DraftError};
use crate::raw::{Fields, Object};

/// The most members of a pool.
pub const POOL_MEMBERS_MAX: usize = 30;
/// The largest weight of a member.
pub const WEIGHT_MAX: u8 = 100;
/// The largest number of a priority; the lowest number serves.
pub const PRIORITY_MAX: u8 = 100;

const SERVICES: &str = "properties.pool.services";

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
pub struct Pool<'a> {
    members: Vec<Member<'a>>,
}

impl<'a> Pool<'a> {
    /// The members in their order.
    pub fn members(&self) -> &[Member<'a>] {
        &self.members
    }

    /// The first member of that name.
    pub fn member(&self, name: &BackendName) -> Option<&Member<'a>> {
        self.members.iter().find(|member| member.name == *name)
    }
}

/// One member of a pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member<'a> {
    /// Its id exactly as written: a whole ARM id, or a short `/backends/name`.
    pub id: &'a str,
    /// Its name, which is the last segment of the id: what members are compared by.
    pub name: BackendName,
    /// Its weight within its priority.
    pub weight: Setting,
    /// Its priority.
    pub priority: Setting,
}

/// Reads `properties.pool`.
pub(crate) fn read(pool: Option<&Value>) -> Result<Pool<'_>, Unreadable> {
    let services = match pool {
        None | Some(Value::Null) => {
            return Err(Unreadable::new("properties.pool", Problem::Missing));
        }
        Some(Value::Object(pool)) => pool.get("services"),
        Some(other) => return Err(Unreadable::new("properties.pool", wrong(other, "an object"))),
    };
    let services = match services {
        None | Some(Value::Null) => return Err(Unreadable::new(SERVICES, Problem::Missing)),
        Some(Value::Array(services)) => services,
        Some(other) => return Err(Unreadable::new(SERVICES, wrong(other, "an array"))),
    };
    let found = services.len();
    if found == 0 || found > POOL_MEMBERS_MAX {
        return Err(Unreadable::new(SERVICES, Problem::Count { found, max: POOL_MEMBERS_MAX }));
    }
    let members = services.iter().enumerate().map(|(at, value)| member(at, value));
    Ok(Pool { members: members.collect::<Result<_, _>>()? })
}

fn member(at: usize, value: &Value) -> Result<Member<'_>, Unreadable> {
    let path = |key: &str| format!("{SERVICES}[{at}]{key}");
    let Value::Object(fields) = value else {
        return Err(Unreadable::new(path(""), wrong(value, "an object")));
    };
    let id = match fields.get("id") {
        None => return Err(Unreadable::new(path(".id"), Problem::Missing)),
        Some(Value::String(id)) => id.as_str(),
        Some(other) => return Err(Unreadable::new(path(".id"), wrong(other, "a string"))),
    };
    let last = id.rsplit('/').next().unwrap_or_default();
    let name = last.parse().map_err(|_| {
        Unreadable::new(
            path(".id"),
            wrong(&fields["id"], "an id that ends in the name of a backend"),
        )
    })?;
    let setting = |key: &str, max: u8, wanted: &'static str| match fields.get(key) {
        None => Ok(Setting::Absent),
        Some(Value::Null) => Ok(Setting::Null),
        Some(other) => {
            let number = other.as_u64().and_then(|n| u8::try_from(n).ok()).filter(|n| *n <= max);
            number
                .map(Setting::Number)
                .ok_or_else(|| Unreadable::new(path(&format!(".{key}")), wrong(other, wanted)))
        }
    };
    Ok(Member {
        id,
        name,
        weight: setting("weight", WEIGHT_MAX, "0 to 100")?,
        priority: setting("priority", PRIORITY_MAX, "0 to 100")?,
    })
}

/// The result of an edit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edited {
    /// There is something to send.
    Changed(Patch),
    /// Everything is already as it was wanted.
    Unchanged,
}

/// A member cannot be set so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The pool has no such member.
    #[error("the pool has no member {0}")]
    NoSuchMember(BackendName),
    /// The pool has it more than once, so that which is meant cannot be known.
    #[error("the pool has {0} more than once")]
    Ambiguous(BackendName),
    /// The number is out of bounds.
    #[error("the {field} of {member} is {value}: it must be 0 to {max}")]
    OutOfBounds {
        /// The member.
        member: BackendName,
        /// `weight` or `priority`.
        field: &'static str,
        /// The number that was wanted.
        value: u8,
        /// The largest that is allowed.
        max: u8,
    },
}

/// Sets weights and priorities of named members, and leaves everything else unchanged.
///
/// Restoring is setting: give what [`Member::weight`] said before, absent and null included.
#[derive(Debug)]
pub struct Edit<'a> {
    members: Vec<Row<'a>>,
}

#[derive(Debug)]
struct Row<'a> {
    before: Member<'a>,
    fields: Vec<(String, Cell<'a>)>,
}

impl Row<'_> {
    fn place(&self, field: &str) -> Option<usize> {
        self.fields.iter().position(|(key, _)| key == field)
    }

    fn is(&self, field: &str, to: Setting) -> bool {
        self.place(field).map_or(to == Setting::Absent, |at| self.fields[at].1.is(to))
    }
}

#[derive(Debug, Clone, Copy)]
enum Cell<'a> {
    /// As it was received.
    Kept(&'a RawValue),
    Null,
    Number(u8),
}

impl Cell<'_> {
    fn is(&self, to: Setting) -> bool {
        match (self, to) {
            (Self::Kept(raw), Setting::Null) => raw.get() == "null",
            // A body that was read has only plain integers here.
            (Self::Kept(raw), Setting::Number(n)) => raw.get().parse() == Ok(n),
            (Self::Null, Setting::Null) => true,
            (Self::Number(is), Setting::Number(to)) => *is == to,
            (Self::Kept(_) | Self::Null | Self::Number(_), Setting::Absent)
            | (Self::Null, Setting::Number(_))
            | (Self::Number(_), Setting::Null) => false,
        }
    }
}

impl<'a> Edit<'a> {
    /// Begins with the pool as it is in that state.
    pub fn of(backend: &'a Backend) -> Result<Self, Unreadable> {
        let pool = backend.pool()?;
        // The tree was read from the same bytes, so that all that can fail is a repeated key,
        // of which the tree has kept the last.
        let document: Document<'a> = serde_json::from_slice(backend.body())
            .map_err(|_| Unreadable::new(SERVICES, Problem::Repeated))?;
        let fields = document.properties.pool.services;
        let rows = pool.members.into_iter().zip(fields).map(|(before, Fields(fields))| Row {
            before,
            fields: fields.into_iter().map(|(key, raw)| (key, Cell::Kept(raw))).collect(),
        });
        Ok(Self { members: rows.collect() })
    }

    /// Sets a member's weight.
    pub fn weight(&mut self, member: &BackendName, to: Setting) -> Result<&mut Self, EditError> {
        self.set(member, "weight", WEIGHT_MAX, to)
    }

    /// Sets a member's priority.
    pub fn priority(&mut self, member: &BackendName, to: Setting) -> Result<&mut Self, EditError> {
        self.set(member, "priority", PRIORITY_MAX, to)
    }

    fn set(
        &mut self,
        member: &BackendName,
        field: &'static str,
        max: u8,
        to: Setting,
    ) -> Result<&mut Self, EditError> {
        if let Some(value) = to.number().filter(|value| *value > max) {
            return Err(EditError::OutOfBounds { member: member.clone(), field, value, max });
        }
        let mut named = self.members.iter_mut().filter(|row| row.before.name == *member);
        let row = named.next().ok_or_else(|| EditError::NoSuchMember(member.clone()))?;
        if named.next().is_some() {
            return Err(EditError::Ambiguous(member.clone()));
        }
        if row.is(field, to) {
            return Ok(self);
        }
        let cell = match to {
            Setting::Absent => None,
            Setting::Null => Some(Cell::Null),
            Setting::Number(number) => Some(Cell::Number(number)),
        };
        match (row.place(field), cell) {
            (Some(at), Some(cell)) => row.fields[at].1 = cell,
            (Some(at), None) => drop(row.fields.remove(at)),
            (None, Some(cell)) => row.fields.push((field.to_owned(), cell)),
            (None, None) => {}
        }
        Ok(self)
    }

    /// Whether there is anything to change. Judged by the end and not by the way, so that there and back
    /// is no change.
    fn changes(&self) -> bool {
        let same = |row: &Row<'_>| {
            row.is("weight", row.before.weight) && row.is("priority", row.before.priority)
        };
        !self.members.iter().all(same)
    }

    /// The array of all members, as JSON.
    fn services(&self) -> String {
        let mut text = String::with_capacity(256 * self.members.len());
        text.push('[');
        for (at, row) in self.members.iter().enumerate() {
            text.push_str(if at == 0 { "{" } else { ",{" });
            for (at, (key, cell)) in row.fields.iter().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                // `Value` prints a string with its quotes and escapes, and never fails.
                let _ = write!(text, "{}:", Value::String(key.clone()));
                match cell {
                    Cell::Kept(raw) => text.push_str(raw.get()),
                    Cell::Null => text.push_str("null"),
                    Cell::Number(number) => {
                        let _ = write!(text, "{number}");
                    }
                }
            }
            text.push('}');
        }
        text.push(']');
        text
    }

    /// The patch, if there is anything to change. It holds every member.
    pub fn finish(self) -> Edited {
        if !self.changes() {
            return Edited::Unchanged;
        }
        let body = format!(r#"{{"properties":{{"pool":{{"services":{}}}}}}}"#, self.services());
        Edited::Changed(Patch::of_members(body))
    }

    /// The whole backend with these members, to replace it; everything else stays unchanged.
    ///
    /// # Errors
    /// When the service would refuse the whole, or a key stands twice in it.
    pub fn whole(&self, backend: &Backend) -> Result<Draft, DraftError> {
        // Of a body with a key that stands twice, something would be lost.
        let body = crate::document::Document::parse(backend.body().clone())?;
        let text = std::str::from_utf8(body.body()).unwrap_or_default();
        let mut document = Object::of(Some(text));
        let mut properties = Object::of(document.get("properties"));
        let mut pool = Object::of(properties.get("pool"));
        pool.set("services", &self.services());
        properties.set("pool", &pool.into_text());
        document.set("properties", &properties.into_text());
        Draft::parse(document.into_text())
    }
}

#[derive(serde::Deserialize)]
struct Document<'a> {
    #[serde(borrow)]
    properties: Properties<'a>,
}

#[derive(serde::Deserialize)]
struct Properties<'a> {
    #[serde(borrow)]
    pool: Services<'a>,
}

#[derive(serde::Deserialize)]
struct Services<'a> {
    #[serde(borrow)]
    services: Vec<Fields<'a>>,
}

#[cfg(test)]
#[path = "pool_tests.rs"]
mod tests;
