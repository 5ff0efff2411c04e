//! From the bytes of a webhook to signals: verify, parse, normalise, and nothing else.
//!
//! One module a source; [`alertmanager`] is the first. Each is a [`Source`], and keeps to this:
//!
//! - **Verify first.** The head is looked at before the body is read, and what was signed is verified
//!   as it came, before anything parses it. A refusal does not say why.
//! - **One bad alert does not cost the others.** A body yields a [`Batch`]: the signals that can be
//!   acted on, and each alert that cannot, as [`Unusable`], with its own bytes and the reason.
//!   Only a body that cannot be told apart into alerts at all is [`Unreadable`]. And what only
//!   describes an alert never makes it unusable.
//! - **The result depends on the content and the receipt alone.** Signals come out sorted and
//!   without repetitions, so that the same alerts in another order are the same batch, and
//!   [`content_id`] names a delivery by what it says and the minute it was received in.
//! - **Everything is bounded**: the body, packed and unpacked, the alerts in it, their labels, what
//!   is kept of what cannot be used, and what an error quotes.
//!
//! Nothing here does IO or knows the time; two deliveries that race each other meet in the
//! queue, by their content id, and in their series, never here.

pub mod alertmanager;
mod batch;
mod content;
mod secret;
mod severity;
mod source;
mod text;
pub mod verify;

pub use batch::{
    AHEAD_HOURS_MAX, ALERTS_MAX, ANNOTATIONS_BYTES_MAX, BODY_BYTES_MAX, Batch, KEPT_BYTES_MAX,
    LABELS_BYTES_MAX, LABELS_MAX, Unreadable, Unusable, content_id,
};
pub use content::ENCODINGS;
pub use secret::{Secret, SecretError};
pub use source::{Reader, Refused, Source, Told};
