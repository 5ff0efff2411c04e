//! From the bytes of a webhook to signals: verify, parse, normalise, and nothing else.
//!
//! One module a source; [`alertmanager`] is the first. All of them keep to this:
//!
//! - **Verify first.** [`verify::Authentication`] looks at the headers (and, for sources that sign,
//!   at the bytes) before anything parses them. What it denies, it denies without a hint.
//! - **One bad alert does not cost the others.** A body yields a [`Batch`]: the signals that can
//!   be acted on, and a [`Letter`] for each alert that cannot, with its own bytes and the
//!   [`Reason`]. Only a body that cannot be told apart into alerts at all is [`Unreadable`].
//! - **The result depends on the content alone.** Signals come out sorted and without
//!   repetitions, so that the same alerts in another order are the same batch, and
//!   [`content_id`] names a delivery by what it says: sent twice, it is the same message. The
//!   time of arrival is looked at for one question only, whether a time lies in the future.
//! - **Everything is bounded**: the body, the alerts in it, their labels, what is kept of a
//!   letter, and what an error quotes.
//!
//! Nothing here does IO or knows the time; two deliveries that race each other meet in the
//! queue, by their content id, and in their series, never here.

pub mod alertmanager;
mod batch;
mod secret;
mod severity;
pub mod verify;

pub use batch::{
    AHEAD_HOURS_MAX, ANNOTATIONS_BYTES_MAX, Batch, LABELS_BYTES_MAX, LABELS_MAX, LETTER_BYTES_MAX,
    Letter, Reason, Unreadable, content_id,
};
pub use secret::{Secret, SecretError};

/// How many bytes of a body are read at most: 2 MiB. A body above it is answered with a 413.
///
/// Alertmanager puts a whole group into one body. With 400 bytes an alert, this is a group of
/// five thousand.
pub const BODY_BYTES_MAX: usize = 2 << 20;

/// How many alerts one body may hold.
pub const ALERTS_MAX: usize = 5_000;
