//! What an override comes from; its authority follows from it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::names::{PlayName, WindowName};

/// What an override comes from.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "origin", rename_all = "lowercase")]
pub enum Origin {
    /// Alerts' occurrences.
    Alert {
        /// The play that they are for.
        play: PlayName,
    },
    /// The instances of a maintenance window.
    Window {
        /// Which.
        window: WindowName,
    },
    /// Operators' commands.
    Operator,
}

impl Origin {
    /// The play that it comes by; none where a window or a person asked for it.
    #[must_use]
    pub const fn play(&self) -> Option<&PlayName> {
        match self {
            Self::Alert { play } => Some(play),
            Self::Window { .. } | Self::Operator => None,
        }
    }

    /// Its authority.
    #[must_use]
    pub const fn authority(&self) -> Authority {
        match self {
            Self::Alert { .. } => Authority::Alert,
            Self::Window { .. } => Authority::Window,
            Self::Operator => Authority::Operator,
        }
    }
}

/// As in `by play drain` and `by an operator`.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Alert { play } => write!(f, "play {play}"),
            Self::Window { window } => write!(f, "window {window}"),
            Self::Operator => f.write_str("an operator"),
        }
    }
}

/// Whose word counts. Ordered: an operator's goes before a window's before an alert's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Authority {
    /// An alert's.
    Alert,
    /// A maintenance window's.
    Window,
    /// An operator's.
    Operator,
}

impl Authority {
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
