//! Create Or Update: what is sent, and under which condition.
//!
//! One operation of the service is three here, because what they risk differs:
//! - **Create** sends no `If-Match`. It is for a backend that was seen not to be there; if someone
//!   was faster, the service replaces theirs, and only its status tells: 201 is new, 200 is not
//!   (see [`Created`]).
//! - **Replace** carries the [`ETag`](crate::ETag) of the state that it was planned from.
//! - **Overwrite** replaces whatever is there, unseen. It takes an [`Overwrite`], which has to be
//!   asked for by name.
//!
//! PUT replaces everything: what the [`Draft`] does not have is gone afterwards, secrets included.

use bytes::Bytes;

use crate::backend::Backend;
use crate::document::{Document, Kind};
pub use crate::model::DraftError;
use crate::model::{self, Problems, Properties, Purpose};
use crate::version::Feature;

/// All of a backend, as Create Or Update takes it: within every published bound.
#[derive(Debug, Clone)]
pub struct Draft {
    document: Document,
}

impl Draft {
    /// Takes a document that the service would take.
    pub fn of(document: Document) -> Result<Self, DraftError> {
        Problems::of(model::validate(document.raw(), Purpose::Whole))?;
        Ok(Self { document })
    }

    /// Reads one.
    pub fn parse(body: impl Into<Bytes>) -> Result<Self, DraftError> {
        Self::of(Document::parse(body)?)
    }

    /// A new one with those properties, which are within their bounds already.
    pub fn new(properties: &Properties) -> Result<Self, DraftError> {
        Self::of(model::document(properties)?)
    }

    /// A backend as it was read, with those properties instead: everything else stays unchanged.
    pub fn over(backend: &Backend, properties: &Properties) -> Result<Self, DraftError> {
        Self::of(model::write_into(backend.document(), properties)?)
    }

    /// The document. **It holds secrets.**
    pub fn document(&self) -> &Document {
        &self.document
    }
}

/// What a body has that not every version offers.
pub(crate) fn features(document: &Document) -> Vec<Feature> {
    let given = |key| document.property(key).is_some_and(|value| !value.is_null());
    // A Single may say that it is one; a version without types takes it for one anyway.
    let pool = given("pool") || document.kind() == Ok(Kind::Pool);
    let has = [(pool, Feature::Pools), (given("circuitBreaker"), Feature::CircuitBreakers)];
    has.into_iter().filter(|(has, _)| *has).map(|(_, feature)| feature).collect()
}

/// The result of a create.
#[derive(Debug, Clone)]
pub enum Created {
    /// 201: it is new, and ours.
    New(Backend),
    /// 200: someone else had made it meanwhile, and it was replaced. We must not delete it.
    Replaced(Backend),
}

impl Created {
    /// The backend as it is now.
    pub fn backend(&self) -> &Backend {
        match self {
            Self::New(backend) | Self::Replaced(backend) => backend,
        }
    }
}

/// Permission to replace whatever is there, even what was never read here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overwrite(());

impl Overwrite {
    /// Gives that permission. The caller is responsible for what gets lost.
    pub fn whatever_is_there() -> Self {
        Self(())
    }
}

#[cfg(test)]
#[path = "put_tests.rs"]
mod tests;
