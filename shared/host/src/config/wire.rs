//! The file as it is written, each value with where it stands.

use std::{fmt, net::SocketAddr, path::PathBuf};

use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::Value;
use serde_saphyr::Spanned;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct File {
    #[serde(default)]
    pub(super) mode: Mode,
    pub(super) listen: Option<Spanned<String>>,
    pub(super) store: Option<PathBuf>,
    pub(super) playbook: Option<PathBuf>,
    #[serde(default)]
    pub(super) azure: Azure,
    pub(super) heartbeat: Option<Heartbeat>,
    #[serde(default)]
    pub(super) sources: Vec<Spanned<Source>>,
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
    #[serde(default)]
    pub(super) cloud: Cloud,
    pub(super) endpoint: Option<Spanned<String>>,
    pub(super) api_version: Option<Spanned<String>>,
    pub(super) reconnect_api_version: Option<Spanned<String>>,
    pub(super) paced: Option<bool>,
    pub(super) inspected: Option<bool>,
    pub(super) check_every: Option<Spanned<String>>,
    pub(super) look_every: Option<Spanned<String>>,
    pub(super) credential: Option<Spanned<Credential>>,
    pub(super) client_id: Option<Spanned<String>>,
    pub(super) token: Option<Spanned<Places>>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Cloud {
    #[default]
    Public,
    UsGovernment,
    China,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Credential {
    #[default]
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
    pub(super) name: Spanned<String>,
    pub(super) kind: Kind,
    pub(super) path: Option<Spanned<String>>,
    pub(super) bearer: Option<Spanned<Places>>,
    pub(super) basic: Option<Spanned<Basic>>,
    pub(super) watchdog: Option<Spanned<Value>>,
}

/// The value of a source's `watchdog` where it is not a length alone.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Watchdog {
    pub(super) alert: Option<String>,
    pub(super) within: String,
}

/// Its part `heartbeat`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Heartbeat {
    pub(super) url: Spanned<Url>,
    pub(super) every: Option<Spanned<String>>,
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
        // An error must not quote it.
        let wrong = |_| D::Error::custom("this is not an address");
        Ok(match Value::deserialize(deserializer).map_err(wrong)? {
            Value::String(text) => Self::Text(text),
            place @ (Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::Array(_)
            | Value::Object(_)) => Self::At(Place::of(&place)),
        })
    }
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Kind {
    Alertmanager,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Basic {
    pub(super) user: String,
    pub(super) passwords: Spanned<Places>,
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
        // An error about a value that is not a place must not quote it.
        let wrong = || D::Error::custom("this does not say where a secret is");
        match Value::deserialize(deserializer).map_err(|_| wrong())? {
            Value::Null => Err(wrong()),
            Value::Array(places) => Ok(Self(places.iter().map(Place::of).collect())),
            place @ (Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_)) => {
                Ok(Self(vec![Place::of(&place)]))
            }
        }
    }
}

impl Place {
    fn of(value: &Value) -> Self {
        let keys: Vec<(&str, &Value)> =
            value.as_object().into_iter().flatten().map(|(key, at)| (key.as_str(), at)).collect();
        match keys.as_slice() {
            [("env", Value::String(name))] => Self::Env(name.clone()),
            [("file", Value::String(path))] => Self::File(path.into()),
            // YAML takes a name of digits alone for a number.
            [("env", Value::Number(name))] => Self::Env(name.to_string()),
            [("file", Value::Number(path))] => Self::File(path.to_string().into()),
            _ => Self::Not,
        }
    }
}
