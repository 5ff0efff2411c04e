//! What spans backends, and gates are asked by ([`crate::gate`]): so far, whether Pointsman is paused.
//!
//! There is one group document, of everything: each look that has anything to do depends on the pause. The
//! first gate of a narrower scope (a pool's service, a zone tag, a play's budget) brings a document of its
//! own, which only the commits that depended on it compare.
//!
//! A commit that records a write compares the group document that it was decided under, in the same
//! transaction, so that nothing is decided past a pause. A write that was recorded before it may
//! still be on its way: whoever pauses is told of those that have no answer yet.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The document of all backends together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Under a pause nothing is written to Azure at all: no change, no undo, no reconnect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<Pause>,
}

/// Who paused, when and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
    /// Since when.
    pub at: Timestamp,
}
