//! What a source of alerts is to the code that receives its requests.
//!
//! A request is taken in two steps. [`Source::accept`] looks at the head alone, so that a stranger's
//! body need not be read. The [`Reader`] that it gives looks at the body, as it came: a source that
//! signs its bytes is verified there, before anything is unpacked or parsed. Without the first step
//! there is no second.

use std::fmt;

use http::{Response, request::Parts};
use jiff::Timestamp;
use pointsman_core::names::SourceName;

use crate::{
    batch::{Batch, KEPT_BYTES_MAX, Unreadable},
    text::cut,
    verify::Denied,
};

/// A source of alerts. What is said of its sender, and to it, is said by its module.
pub trait Source: fmt::Debug + Send + Sync + 'static {
    /// Its name, as plays see it.
    fn name(&self) -> &SourceName;

    /// Looks at the head of a request.
    ///
    /// # Errors
    /// When the body is not worth reading: nothing of the request is kept.
    fn accept(&self, head: &Parts) -> Result<Reader<'_>, Refused>;

    /// What its operator can do about bodies that are too large, as the end of a sentence.
    fn smaller(&self) -> &'static str;

    /// What its operator can do about alerts that the sender leaves out, as the end of a sentence.
    fn whole(&self) -> &'static str;
}

/// Reads the body of an accepted request, of [`BODY_BYTES_MAX`](crate::BODY_BYTES_MAX) at most, that
/// was received at a time.
pub type Reader<'a> = Box<dyn FnOnce(&[u8], Timestamp) -> Result<Told, Refused> + Send + 'a>;

/// What a request comes to.
#[derive(Debug)]
pub enum Told {
    /// Alerts.
    Alerts(Batch),
    /// Nothing, but the sender asks for this very answer before it sends any: a handshake.
    Reply(Response<String>),
    /// Something that cannot be told apart, to be kept for a person.
    Unreadable {
        /// The body, or its beginning.
        body: String,
        /// Why.
        why: Unreadable,
    },
}

impl Told {
    /// A body that cannot be told apart.
    #[must_use]
    pub fn unreadable(body: &[u8], why: Unreadable) -> Self {
        let kept = String::from_utf8_lossy(&body[..body.len().min(KEPT_BYTES_MAX)]);
        Self::Unreadable { body: cut(&kept, KEPT_BYTES_MAX), why }
    }
}

/// Why a request is turned away, with nothing of it kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The sender did not prove itself.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The body is packed in a way that is not known; answered with a 415.
    #[error("a body packed with `{0}` cannot be read; send it as it is, or with gzip")]
    Encoding(String),
    /// The body is larger than a source may send, as it is or unpacked; answered with a 413.
    #[error("the body is too large")]
    TooLarge,
}
