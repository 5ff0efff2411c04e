//! What an override comes from; its authority follows from it.

use serde::{Deserialize, Serialize};

/// The kind of thing that an override comes from. Ordered by authority: an operator's goes before a
/// window's before an alert's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// Alerts' occurrences.
    Alert,
    /// A maintenance window's instance.
    Window,
    /// An operator's command.
    Operator,
}

impl Origin {
    /// The word that ids are derived from. Stored for ever, so it never changes.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Alert => "alert",
            Self::Window => "window",
            Self::Operator => "operator",
        }
    }
}
