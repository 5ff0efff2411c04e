//! `explain`: one backend, and how it came to be so.

use jiff::Timestamp;
use pointsman_core::{document::Document, names::BackendId};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    backend::{Backend, Reconnect},
    history::Line,
    status::Pause,
    value::VERSION,
};

/// What `explain` shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Explain {
    /// The version of this form.
    #[schemars(extend("const" = VERSION))]
    pub version: u32,
    /// When it was asked.
    pub at: Timestamp,
    /// Whether it is the shadow's: nothing of it is written to Azure.
    pub shadow: bool,
    /// The backend's path in Azure.
    pub backend: String,
    /// Its short name: `service/name`.
    pub name: String,
    /// The pause that is on, if one is: nothing is written to Azure under it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused: Option<Pause>,
    /// What is going on; left out where no alert has ever concerned it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<Backend>,
    /// Its reconnects that follow what was done to other backends.
    pub following: Vec<Following>,
    /// The newest lines of its ledger, oldest first.
    pub lines: Vec<Line>,
}

/// A reconnect of a backend that follows what was done to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Following {
    /// The path of the other.
    pub after: String,
    /// Its short name.
    pub name: String,
    /// The reconnect.
    pub reconnect: Reconnect,
}

impl Following {
    /// The reconnects of `target` that follow other backends' overrides.
    #[must_use]
    pub fn of(documents: &[Document], target: &BackendId) -> Vec<Self> {
        let others = documents.iter().filter(|document| document.backend != *target);
        let reconnects = others.flat_map(|document| {
            document.reconnects.values().map(|reconnect| (&document.backend, reconnect))
        });
        let of_target = reconnects.filter(|(_, reconnect)| reconnect.target == *target);
        let following = of_target.map(|(after, reconnect)| Self {
            after: after.to_string(),
            name: after.short(),
            reconnect: Reconnect::of(reconnect),
        });
        following.collect()
    }
}
