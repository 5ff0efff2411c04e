//! What else is printed with `--json`: what `init`, `serve` and `backend` print, and errors and notes.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value as Json};

use crate::value::VERSION;

/// Why a command failed: one line on standard error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// The version of this form.
    #[schemars(extend("const" = VERSION))]
    pub version: u32,
    /// Why, in words; it may have several lines.
    pub error: String,
    /// What the command ends with.
    pub exit_code: u8,
}

/// What is said beside what a command prints: one line on standard error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Note {
    /// The version of this form.
    #[schemars(extend("const" = VERSION))]
    pub version: u32,
    /// What, in words; it may have several lines.
    pub note: String,
}

/// What `init` shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Initialised {
    /// The version of this form.
    #[schemars(extend("const" = VERSION))]
    pub version: u32,
    /// The mode in which the configuration lets `serve` run.
    #[schemars(extend("enum" = ["shadow"]))]
    pub mode: String,
    /// The file with the configuration.
    pub configuration: String,
    /// The file with the playbook.
    pub playbook: String,
    /// The file with the webhook's token; left out where that is read from the environment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// The service's path in Azure.
    pub service: String,
    /// What the playbook calls the pools that were found.
    pub pools: Vec<String>,
    /// Where `serve` will take alerts.
    pub webhook: String,
    /// The next commands, in their order.
    pub next: Vec<String>,
}

/// What `serve` prints once it listens, on one line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Listening {
    /// The version of this form.
    #[schemars(extend("const" = VERSION))]
    pub version: u32,
    /// Its address.
    pub listening: String,
    /// Whether it is a shadow: nothing is written to Azure.
    pub shadow: bool,
    /// Where it takes alerts.
    pub webhooks: Vec<Webhook>,
}

/// Where the alerts of a source are taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Webhook {
    /// The source's name.
    pub source: String,
    /// Its address.
    pub url: String,
}

/// What `backend list` shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct BackendList {
    /// The version of this form.
    #[schemars(extend("const" = VERSION))]
    pub version: u32,
    /// The backends as Azure shows them, secrets hidden.
    pub backends: Vec<Json>,
}

/// What `backend get` shows: the backend as Azure shows it, secrets hidden, with these keys before its own.
/// As a file it can be edited, and put with `backend put`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct BackendBody {
    /// The version of this form.
    #[schemars(extend("const" = VERSION))]
    pub version: u32,
    /// The ETag of the state that is shown.
    pub etag: String,
    /// What Azure shows.
    #[serde(flatten)]
    pub body: Map<String, Json>,
}

/// What `backend set`, `put` and `delete` show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct BackendChange {
    /// The version of this form.
    #[schemars(extend("const" = VERSION))]
    pub version: u32,
    /// The backend's path in Azure.
    pub backend: String,
    /// What was done, or would be: `updated`, `created`, `replaced` or `deleted`.
    pub what: String,
    /// What differs, in words, secrets hidden.
    pub diff: Vec<String>,
    /// Whether it was done.
    pub written: bool,
    /// The ETag of the new state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
}

/// What `backend reconnect` shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct BackendReconnect {
    /// The version of this form.
    #[schemars(extend("const" = VERSION))]
    pub version: u32,
    /// The backend's path in Azure.
    pub backend: String,
    /// After how long, as an ISO 8601 duration.
    pub after: String,
    /// Whether Azure took it; not with `--shadow`.
    pub accepted: bool,
}

/// What `backend watch` shows: each on one line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct BackendSeen {
    /// The version of this form.
    #[schemars(extend("const" = VERSION))]
    pub version: u32,
    /// When it was seen.
    pub at: Timestamp,
    /// The backend's path in Azure.
    pub backend: String,
    /// What has become of it.
    #[schemars(extend("enum" = ["seen", "changed", "created", "deleted"]))]
    pub what: String,
    /// The ETag of its state; left out where it is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// What differs from what was seen before, in words, secrets hidden.
    pub diff: Vec<String>,
}
