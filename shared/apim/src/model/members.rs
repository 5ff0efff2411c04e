//! `properties.pool`: the members of a pool as a value of their own, to make a pool of or to
//! change its membership. For weights and priorities alone there is [`pool::Edit`], which sends
//! the least.
//!
//! [`pool::Edit`]: crate::pool::Edit

use std::str::FromStr;

use super::part::{At, Children, Part, Reader, put, put_list};
use super::problem::Fault;
use super::scalar::{OutOfBounds, quoted};
use crate::id::{ARM_ID_BYTES_MAX, BackendId, BackendName};
use crate::pool::{POOL_MEMBERS_MAX, PRIORITY_MAX, Setting, WEIGHT_MAX};
use crate::raw::Object;

/// The members of a pool: 1-30.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Members(Vec<Member>);

impl Members {
    /// Those members, if they are 1-30.
    pub fn new(members: Vec<Member>) -> Result<Self, OutOfBounds> {
        let found = members.len();
        if (1..=POOL_MEMBERS_MAX).contains(&found) {
            return Ok(Self(members));
        }
        let fault = Fault::Has { found, unit: "members", least: 1, most: POOL_MEMBERS_MAX };
        Err(OutOfBounds::new("a pool", fault))
    }

    /// The members, in the order in which the service lists them.
    pub fn all(&self) -> &[Member] {
        &self.0
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
    const MUST: &str = "an id that ends in the name of a backend";

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
        let name = text.rsplit('/').next().and_then(|last| last.parse().ok());
        match name.filter(|_| text.len() <= ARM_ID_BYTES_MAX) {
            Some(name) => Ok(Self { text: text.to_owned(), name }),
            None => {
                let found = super::problem::found(&serde_json::Value::from(text), false);
                let fault = Fault::Is { found, must: Self::MUST.to_owned() };
                Err(OutOfBounds::new("the id of a member", fault))
            }
        }
    }
}

impl Part for MemberId {
    fn read(at: &At<'_>, reader: &mut Reader) -> Option<Self> {
        let text = at.text(reader)?;
        text.parse().ok().or_else(|| at.wrong(reader, Self::MUST))
    }
    fn over(&self, _: Option<&str>) -> String {
        quoted(&self.text)
    }
}

impl Part for Members {
    fn read(at: &At<'_>, reader: &mut Reader) -> Option<Self> {
        const BECAUSE: &str = "a pool has at least one";
        let fields = at.object(reader)?;
        match fields.given("services") {
            Some(at) => at.items(reader, 1, POOL_MEMBERS_MAX).map(Self),
            None => fields.missing(reader, "services", BECAUSE),
        }
    }

    fn over(&self, existing: Option<&str>) -> String {
        let mut object = Object::of(existing);
        put_list(&mut object, "services", Some(&self.0));
        object.into_text()
    }
}

impl Part for Member {
    fn read(at: &At<'_>, reader: &mut Reader) -> Option<Self> {
        let fields = at.object(reader)?;
        let id = fields.required(reader, "id", "a member is named by it");
        let weight = setting(&fields, reader, "weight", WEIGHT_MAX);
        let priority = setting(&fields, reader, "priority", PRIORITY_MAX);
        Some(Self { id: id?, weight: weight?, priority: priority? })
    }

    fn over(&self, existing: Option<&str>) -> String {
        let mut object = Object::of(existing);
        put(&mut object, "id", Some(&self.id));
        for (key, to) in [("weight", self.weight), ("priority", self.priority)] {
            match to {
                Setting::Absent => object.remove(key),
                Setting::Null => object.set(key, "null"),
                // A text that was read has only plain integers here.
                Setting::Number(n) if object.get(key).is_some_and(|is| is.parse() == Ok(n)) => {}
                Setting::Number(number) => object.set(key, &number.to_string()),
            }
        }
        object.into_text()
    }

    fn key(&self) -> Option<String> {
        Some(self.id.name.as_str().to_lowercase())
    }
}

fn setting(fields: &Children<'_>, reader: &mut Reader, key: &str, max: u8) -> Option<Setting> {
    let Some(at) = fields.at(key) else { return Some(Setting::Absent) };
    if at.value().is_null() {
        return Some(Setting::Null);
    }
    let number = at.value().as_u64().and_then(|n| u8::try_from(n).ok()).filter(|n| *n <= max);
    match number {
        Some(number) => Some(Setting::Number(number)),
        None => at.wrong(reader, format!("0 to {max}")),
    }
}
