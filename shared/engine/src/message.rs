//! What the queue carries: signals, wakes and commands, and never an instruction to set something.

use jiff::{SignedDuration, Timestamp};
use pointsman_core::{
    effect::Effect,
    id::{MessageId, OverrideId},
    names::{BackendId, SourceName, WindowName},
    signal::Signal,
};
use serde::{Deserialize, Serialize};

/// A message's content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Message {
    /// What one delivery of a source told.
    Signals {
        /// Who told it.
        source: SourceName,
        /// What.
        signals: Vec<Signal>,
    },
    /// Look at this backend again.
    Wake {
        /// Which.
        backend: BackendId,
        /// Whether it is to be looked at though its own time has not come.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        at_once: bool,
    },
    /// An operator's command.
    Command {
        /// Who gave it.
        by: String,
        /// What is to be done.
        command: Command,
    },
}

/// What an operator can ask for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Command {
    /// Change a backend by hand, for a time.
    Change {
        /// Which.
        backend: BackendId,
        /// How.
        effect: Effect,
        /// For how long, once it has begun.
        lasts: SignedDuration,
        /// Whether it may pass a limit.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        force: bool,
        /// Why.
        reason: String,
    },
    /// Have an override that has begun stay at least until then.
    Extend {
        /// Where it is.
        backend: BackendId,
        /// Which.
        id: OverrideId,
        /// Until when.
        until: Timestamp,
        /// Why.
        reason: String,
    },
    /// Have an instance of a maintenance window not open, or end at once.
    Skip {
        /// Which window.
        window: WindowName,
        /// When the instance opens, or has opened.
        start: Timestamp,
        /// Why.
        reason: String,
    },
    /// End one override at once.
    UndoOverride {
        /// Where it is.
        backend: BackendId,
        /// Which.
        id: OverrideId,
        /// Why.
        reason: String,
    },
    /// End every override of a backend at once.
    UndoBackend {
        /// Which.
        backend: BackendId,
        /// Why.
        reason: String,
    },
    /// End every override of every backend at once.
    ReleaseAll {
        /// Why.
        reason: String,
    },
}

/// A message that is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// Derived from what it says: while one is waiting, the same again adds nothing.
    pub id: MessageId,
    /// When it is to be delivered; at once where none is given.
    pub due: Option<Timestamp>,
    /// What it says.
    pub message: Message,
}

impl Outgoing {
    /// A wake for a backend, at a time or at once.
    #[must_use]
    pub fn wake(backend: &BackendId, due: Option<Timestamp>) -> Self {
        let at = due.map(|due| due.to_string()).unwrap_or_default();
        Self {
            id: MessageId::derive(&["wake", &backend.to_string(), &at]),
            due,
            message: Message::Wake { backend: backend.clone(), at_once: due.is_none() },
        }
    }

    /// An operator's command. `nonce` tells two like ones apart.
    #[must_use]
    pub fn command(by: &str, command: Command, nonce: &str) -> Self {
        let id = MessageId::derive(&["command", by, &format!("{command:?}"), nonce]);
        Self { id, due: None, message: Message::Command { by: by.to_owned(), command } }
    }
}
