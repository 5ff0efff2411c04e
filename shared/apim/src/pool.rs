//! Pools: what their members are set to, and how to set them otherwise, add one or take one out.
//!
//! PATCH replaces an array as a whole (RFC 7386), so setting one weight means sending every
//! member. [`Edit`] writes over the members as they were received, and changes only what it is
//! told to: fields that nobody has published, the order of keys and the spelling of numbers all
//! survive.

use serde_json::{Value, json};

use crate::backend::Backend;
use crate::document::Document;
use crate::id::{BackendId, BackendName};
pub use crate::model::members::{
    Member, MemberId, Members, POOL_MEMBERS_MAX, SETTING_MAX, Setting,
};
use crate::model::part::values;
use crate::model::read_pool;
pub use crate::patch::{Edited, Patch};
use crate::problem::Problem;
use crate::put::{Draft, DraftError};
use crate::raw::{self, is_object, items, rewritten};

const SERVICES: [&str; 3] = ["properties", "pool", "services"];

impl Document {
    /// The members of a pool; the first thing that is wrong with them where they cannot be read.
    pub fn pool(&self) -> Result<Members, Problem> {
        read_pool(self)
    }
}

impl Backend {
    /// The members of a pool; see [`Document::pool`].
    pub fn pool(&self) -> Result<Members, Problem> {
        self.document().pool()
    }
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
    #[error("the {field} of {member} is {value}: it must be 0 to {SETTING_MAX}")]
    OutOfBounds {
        /// The member.
        member: BackendName,
        /// `weight` or `priority`.
        field: &'static str,
        /// The number that was wanted.
        value: u8,
    },
}

/// Sets weights and priorities of named members, adds and removes members, and leaves everything else
/// unchanged.
///
/// Restoring is setting: give what [`Member::weight`] said before, absent and null included.
#[derive(Debug)]
pub struct Edit<'a> {
    before: Members,
    after: Members,
    /// The array as it was received.
    received: &'a str,
}

impl<'a> Edit<'a> {
    /// Begins with the pool as it is in that state.
    pub fn of(backend: &'a Backend) -> Result<Self, Problem> {
        let before = backend.pool()?;
        // The tree was read from the same bytes, so that all that can fail is a repeated key,
        // of which the tree has kept the last.
        let received = raw::at(backend.document().text(), &SERVICES);
        let once = |text: &&str| items(text).into_iter().all(is_object);
        let received = received.filter(once).ok_or_else(|| {
            let words = "has a key twice, so that which one counts cannot be known";
            Problem::new(SERVICES.join("."), words)
        })?;
        Ok(Self { after: before.clone(), before, received })
    }

    /// Sets a member's weight.
    pub fn weight(&mut self, member: &BackendName, to: Setting) -> Result<&mut Self, EditError> {
        self.set(member, "weight", to, |member| &mut member.weight)
    }

    /// Sets a member's priority.
    pub fn priority(&mut self, member: &BackendName, to: Setting) -> Result<&mut Self, EditError> {
        self.set(member, "priority", to, |member| &mut member.priority)
    }

    /// Has the pool list a member with those settings: at the end, where it does not list it yet.
    pub fn add(
        &mut self,
        backend: &BackendId,
        weight: Setting,
        priority: Setting,
    ) -> Result<&mut Self, EditError> {
        let name = backend.backend();
        if self.after.member(name).is_none() {
            let (weight, priority) = (Setting::Absent, Setting::Absent);
            self.after.services.push(Member { id: MemberId::from(backend), weight, priority });
        }
        self.weight(name, weight)?.priority(name, priority)
    }

    /// Has the pool not list a member any more.
    pub fn remove(&mut self, member: &BackendName) -> &mut Self {
        self.after.services.retain(|is| is.id.name() != member);
        self
    }

    fn set(
        &mut self,
        member: &BackendName,
        field: &'static str,
        to: Setting,
        place: impl Fn(&mut Member) -> &mut Setting,
    ) -> Result<&mut Self, EditError> {
        if let Some(value) = to.number().filter(|value| *value > SETTING_MAX) {
            return Err(EditError::OutOfBounds { member: member.clone(), field, value });
        }
        let mut named = self.after.services.iter_mut().filter(|is| is.id.name() == member);
        let found = named.next().ok_or_else(|| EditError::NoSuchMember(member.clone()))?;
        if named.next().is_some() {
            return Err(EditError::Ambiguous(member.clone()));
        }
        *place(found) = to;
        Ok(self)
    }

    /// The patch, if there is anything to change. It holds every member. There and back is no
    /// change.
    pub fn finish(self) -> Edited {
        if self.after == self.before {
            return Edited::Unchanged;
        }
        let [before, after] = self.services();
        let services = rewritten(self.received, &before, &after);
        Edited::Changed(Patch::made(format!(
            r#"{{"properties":{{"pool":{{"services":{services}}}}}}}"#
        )))
    }

    /// The whole backend with these members, to replace it; everything else stays unchanged.
    ///
    /// # Errors
    /// When the service would refuse the whole, or a key is in it twice.
    pub fn whole(&self, backend: &Backend) -> Result<Draft, DraftError> {
        // Of a body that has a key twice, something would be lost.
        let body = Document::parse(backend.body().clone())?;
        let [before, after] =
            self.services().map(|services| json!({"properties": {"pool": {"services": services}}}));
        Draft::parse(rewritten(body.text(), &before, &after))
    }

    /// All members, as they were and as they are to be.
    fn services(&self) -> [Value; 2] {
        [&self.before, &self.after].map(|members| values(&members.services))
    }
}

#[cfg(test)]
#[path = "pool_tests.rs"]
mod tests;
