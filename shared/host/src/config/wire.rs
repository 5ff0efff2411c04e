//! The file as it is written, each value with where it stands.

use std::{fmt, net::SocketAddr, path::PathBuf};

use pointsman_core::form::{At, Language};
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::Value;

/// What the configuration has of its own as a file.
pub(super) const LANGUAGE: Language = Language {
    needed: &[
        ("Source", "name", "call it something like `prometheus`"),
        ("Source", "kind", "say what it speaks: `kind: alertmanager`"),
        ("Basic", "user", "say who sends: `user: NAME`"),
        ("Basic", "passwords", "say where the password is: `passwords: {env: NAME}`"),
        ("Watchdog", "within", "say how long it may be silent: `within: 10m`"),
        ("Heartbeat", "url", "say what is called: `url: https://heartbeat.example/pointsman`"),
    ],
    short: &[("Watchdog", "within")],
    entry: "value",
    unbuilt: |_| None,
};

/// The whole file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct File {
    pub(super) mode: Option<At<Mode>>,
    pub(super) listen: Option<At<String>>,
    pub(super) store: Option<At<PathBuf>>,
    pub(super) playbook: Option<At<PathBuf>>,
    pub(super) azure: Option<At<Azure>>,
    pub(super) heartbeat: Option<At<Heartbeat>>,
    pub(super) operator: Option<At<Operator>>,
    pub(super) sources: Option<At<Vec<At<Source>>>>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Mode {
    #[default]
    Live,
    Shadow,
}

pub(super) const LISTEN: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 7433);
pub(super) const STORE: &str = "pointsman.db";

/// Its part `azure`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Azure {
    pub(super) cloud: Option<At<Cloud>>,
    pub(super) endpoint: Option<At<String>>,
    pub(super) api_version: Option<At<String>>,
    pub(super) reconnect_api_version: Option<At<String>>,
    pub(super) paced: Option<At<bool>>,
    pub(super) inspected: Option<At<bool>>,
    pub(super) check_every: Option<At<String>>,
    pub(super) look_every: Option<At<String>>,
    pub(super) credential: Option<At<Credential>>,
    pub(super) client_id: Option<At<String>>,
    pub(super) token: Option<At<Places>>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Cloud {
    #[default]
    Public,
    UsGovernment,
    China,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Credential {
    Auto,
    ManagedIdentity,
    WorkloadIdentity,
    Environment,
    AzureCli,
    Token,
}

/// One of its `sources`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Source {
    pub(super) name: At<String>,
    pub(super) kind: At<Kind>,
    pub(super) path: Option<At<String>>,
    pub(super) bearer: Option<At<Places>>,
    pub(super) basic: Option<At<Basic>>,
    pub(super) watchdog: Option<At<Watchdog>>,
}

/// Its part `operator`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Operator {
    pub(super) bearer: Option<At<Places>>,
    pub(super) basic: Option<At<Basic>>,
}

/// The alert of a source that always fires; `within` alone may stand for it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Watchdog {
    pub(super) alert: Option<At<String>>,
    pub(super) within: At<String>,
}

/// Its part `heartbeat`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Heartbeat {
    pub(super) url: At<Url>,
    pub(super) every: Option<At<String>>,
}

/// An address as it stands there, which may have a secret in it; or its place.
#[derive(Clone)]
pub(super) enum Url {
    Text(String),
    At(Place),
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Url(***)")
    }
}

impl<'de> Deserialize<'de> for Url {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match whatever(deserializer)? {
            Value::String(text) => Self::Text(text),
            place @ (Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::Array(_)
            | Value::Object(_)) => Self::At(Place::of(&place)),
        })
    }
}

/// What stands where a secret's place belongs. An error about it must not quote it.
fn whatever<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
    Value::deserialize(deserializer)
        .map_err(|_| D::Error::custom("this cannot be read: write it anew"))
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Kind {
    Alertmanager,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Basic {
    pub(super) user: At<String>,
    pub(super) passwords: At<Places>,
}

/// Where some secrets are: one place, `{env: NAME}` or `{file: PATH}`, or a list of those.
#[derive(Clone, Debug)]
pub(super) struct Places(pub(super) Vec<Place>);

/// Where a secret is.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// In a variable of the environment.
    Env(String),
    /// In a file; a line end after it does not count.
    File(PathBuf),
    /// Not a place. What stands there may be the secret itself: it is dropped where it is read, so
    /// that no error can show it.
    Not,
}

impl<'de> Deserialize<'de> for Places {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match whatever(deserializer)? {
            Value::Array(places) => Self(places.iter().map(Place::of).collect()),
            place @ (Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Object(_)) => Self(vec![Place::of(&place)]),
        })
    }
}

impl Place {
    fn of(value: &Value) -> Self {
        let keys: Vec<(&str, &Value)> =
            value.as_object().into_iter().flatten().map(|(key, at)| (key.as_str(), at)).collect();
        match keys.as_slice() {
            [("env", Value::String(name))] => Self::Env(name.clone()),
            [("file", Value::String(path))] => Self::File(path.into()),
            _ => Self::Not,
        }
    }
}
