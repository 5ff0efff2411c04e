//! The configuration file: where Pointsman listens, what it stores, which Azure it changes, and who
//! may tell it of alerts.
//!
//! Secrets are never in the file. It says where each is: a variable of the environment or a file,
//! as container platforms mount them.

use std::{
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use pointsman_apim::{
    endpoint::{ApiVersion, BaseUrl, Cloud},
    secret::Secret as AzureSecret,
};
use pointsman_core::names::SourceName;
use pointsman_intake::{Secret, verify::Authentication};
use serde::Deserialize;

/// How long the file may be, in bytes.
pub const CONFIG_BYTES_MAX: u64 = 1 << 20;

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{file}: {cause}")]
    File {
        /// Which.
        file: String,
        /// Why.
        cause: io::Error,
    },
    /// The file is not a configuration; the text says where and what would be right.
    #[error("{file}: {text}")]
    Form {
        /// Which.
        file: String,
        /// Where, and what would be right.
        text: String,
    },
    /// A part of it cannot be used.
    #[error("{file}: {place}: {why}")]
    Value {
        /// Which.
        file: String,
        /// Which part, as a path: `sources[0].bearer[0]`.
        place: String,
        /// Why.
        why: String,
    },
}

/// The file as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Wire {
    #[serde(default = "listen")]
    listen: SocketAddr,
    #[serde(default = "store")]
    store: PathBuf,
    playbook: Option<PathBuf>,
    #[serde(default)]
    azure: WireAzure,
    #[serde(default)]
    sources: Vec<WireSource>,
}

fn listen() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 7433))
}

fn store() -> PathBuf {
    PathBuf::from("pointsman.db")
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct WireAzure {
    #[serde(default)]
    cloud: WireCloud,
    endpoint: Option<String>,
    api_version: Option<String>,
    #[serde(default)]
    credential: WireCredential,
    client_id: Option<String>,
    token: Option<Place>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
enum WireCloud {
    #[default]
    Public,
    UsGovernment,
    China,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
enum WireCredential {
    #[default]
    Auto,
    ManagedIdentity,
    WorkloadIdentity,
    Environment,
    AzureCli,
    Token,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct WireSource {
    name: String,
    kind: WireKind,
    path: Option<String>,
    #[serde(default)]
    bearer: Vec<Place>,
    basic: Option<WireBasic>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
enum WireKind {
    Alertmanager,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireBasic {
    user: String,
    passwords: Vec<Place>,
}

/// Where a secret is.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Place {
    /// In a variable of the environment.
    Env(String),
    /// In a file; a line end after it does not count.
    File(PathBuf),
}

/// A configuration that can be used.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where it listens.
    pub listen: SocketAddr,
    /// The store's database file.
    pub store: PathBuf,
    /// The playbook's file, where one is named.
    pub playbook: Option<PathBuf>,
    /// Which Azure is changed, and as whom.
    pub azure: Azure,
    /// Who may tell of alerts.
    pub sources: Vec<Source>,
}

/// Which Azure, and as whom.
#[derive(Clone, Debug)]
pub struct Azure {
    /// The cloud.
    pub cloud: Cloud,
    /// The address of Azure Resource Manager.
    pub base: BaseUrl,
    /// The version of its interface.
    pub version: ApiVersion,
    /// As whom requests are made.
    pub credential: pointsman_apim::Credential,
}

/// A source of alerts.
#[derive(Clone, Debug)]
pub struct Source {
    /// Its name.
    pub name: SourceName,
    /// What it speaks.
    pub kind: Kind,
    /// The path of its webhook.
    pub path: String,
    /// How it proves itself.
    pub authentication: Authentication,
}

/// What a source speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Prometheus Alertmanager's webhook, version 4.
    Alertmanager,
}

impl Config {
    /// Reads the file at `path`; paths in it are relative to where it is.
    ///
    /// # Errors
    /// When it cannot be read, or a part of it cannot be used: says which, and what would be right.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let file = path.display().to_string();
        let text = read_bounded(path).map_err(|cause| ConfigError::File { file: file.clone(), cause })?;
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        Self::parse(&text, &folder, |name| std::env::var(name).ok()).map_err(|error| error.at(file))
    }

    /// Reads a configuration's text. `variable` reads the environment.
    fn parse(
        text: &str,
        folder: &Path,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, Wrong> {
        let wire: Wire = serde_saphyr::from_str(text).map_err(|error| Wrong::form(error.render()))?;
        let secrets = Secrets { folder, variable: &variable };
        let mut sources = Vec::new();
        for (at, source) in wire.sources.into_iter().enumerate() {
            let source = self::source(source, &secrets)
                .map_err(|wrong| wrong.within(&format!("sources[{at}]")))?;
            if sources.iter().any(|other: &Source| other.name == source.name || other.path == source.path) {
                return Err(Wrong::at(
                    &format!("sources[{at}]"),
                    "another source has the same name or path; a pair of senders shares one source",
                ));
            }
            sources.push(source);
        }
        Ok(Self {
            listen: wire.listen,
            store: folder.join(wire.store),
            playbook: wire.playbook.map(|path| folder.join(path)),
            azure: azure(wire.azure, &secrets).map_err(|wrong| wrong.within("azure"))?,
            sources,
        })
    }
}

fn read_bounded(path: &Path) -> io::Result<String> {
    let length = fs::metadata(path)?.len();
    if length > CONFIG_BYTES_MAX {
        let why = format!("it has {length} bytes, and {CONFIG_BYTES_MAX} is the most");
        return Err(io::Error::new(io::ErrorKind::InvalidData, why));
    }
    fs::read_to_string(path)
}

/// What is wrong, before the file's name is known.
struct Wrong {
    place: Option<String>,
    why: String,
}

impl Wrong {
    fn form(why: String) -> Self {
        Self { place: None, why }
    }

    fn at(place: &str, why: impl ToString) -> Self {
        Self { place: Some(place.to_owned()), why: why.to_string() }
    }

    fn within(self, outer: &str) -> Self {
        let place = self.place.map_or_else(|| outer.to_owned(), |inner| format!("{outer}.{inner}"));
        Self { place: Some(place), why: self.why }
    }

    fn at_file(place: Option<String>, why: String, file: String) -> ConfigError {
        match place {
            Some(place) => ConfigError::Value { file, place, why },
            None => ConfigError::Form { file, text: why },
        }
    }
}

trait At {
    fn at(self, file: String) -> ConfigError;
}

impl At for Wrong {
    fn at(self, file: String) -> ConfigError {
        Wrong::at_file(self.place, self.why, file)
    }
}

struct Secrets<'a> {
    folder: &'a Path,
    variable: &'a dyn Fn(&str) -> Option<String>,
}

impl Secrets<'_> {
    fn text(&self, place: &Place) -> Result<String, String> {
        match place {
            Place::Env(name) => (self.variable)(name)
                .ok_or_else(|| format!("the variable {name} is not set in the environment")),
            Place::File(path) => {
                let path = self.folder.join(path);
                let text = read_bounded(&path).map_err(|cause| format!("{}: {cause}", path.display()))?;
                Ok(text.trim_end_matches(['\r', '\n']).to_owned())
            }
        }
    }

    fn all(&self, places: &[Place], key: &str) -> Result<Vec<Secret>, Wrong> {
        let secret = |(at, place): (usize, &Place)| {
            let wrong = |why: String| Wrong::at(&format!("{key}[{at}]"), why);
            self.text(place).map_err(wrong)?.parse::<Secret>().map_err(|error| wrong(error.to_string()))
        };
        places.iter().enumerate().map(secret).collect()
    }
}

fn source(wire: WireSource, secrets: &Secrets<'_>) -> Result<Source, Wrong> {
    let name: SourceName = wire.name.parse().map_err(|error| Wrong::at("name", error))?;
    let path = wire.path.unwrap_or_else(|| format!("/alerts/{name}"));
    let plain = |char: char| char.is_ascii_alphanumeric() || "-_./".contains(char);
    if !path.starts_with('/') || path.len() > 200 || !path.chars().all(plain) || path.starts_with("/health") {
        return Err(Wrong::at(
            "path",
            "a path begins with / (and not with /health), and has letters, digits or any of -_./",
        ));
    }
    let authentication = match (wire.bearer.as_slice(), wire.basic) {
        ([], None) => {
            return Err(Wrong::form(
                "say how the source proves itself: `bearer: [{env: NAME}]` or `basic: {user: …, passwords: [{env: NAME}]}`"
                    .to_owned(),
            ));
        }
        (bearer, None) => {
            let bearer = secrets.all(bearer, "bearer")?;
            Authentication::bearer(&bearer).map_err(|error| Wrong::at("bearer", error))?
        }
        ([], Some(basic)) => {
            let passwords =
                secrets.all(&basic.passwords, "passwords").map_err(|wrong| wrong.within("basic"))?;
            Authentication::basic(&basic.user, &passwords).map_err(|error| Wrong::at("basic", error))?
        }
        (_, Some(_)) => return Err(Wrong::form("`bearer` and `basic` exclude each other".to_owned())),
    };
    let kind = match wire.kind {
        WireKind::Alertmanager => Kind::Alertmanager,
    };
    Ok(Source { name, kind, path, authentication })
}

fn azure(wire: WireAzure, secrets: &Secrets<'_>) -> Result<Azure, Wrong> {
    let cloud = match wire.cloud {
        WireCloud::Public => Cloud::Public,
        WireCloud::UsGovernment => Cloud::UsGovernment,
        WireCloud::China => Cloud::China,
    };
    let base = match wire.endpoint {
        None => cloud.base(),
        Some(text) => text.parse().map_err(|error| Wrong::at("endpoint", error))?,
    };
    let version = match wire.api_version {
        None => ApiVersion::default(),
        Some(text) => text.parse().map_err(|error| Wrong::at("apiVersion", error))?,
    };
    if wire.token.is_some() != (wire.credential == WireCredential::Token) {
        let why = "`credential: token` goes with `token: {env: NAME}`, and only with it";
        return Err(Wrong::at("token", why));
    }
    if wire.client_id.is_some() && wire.credential != WireCredential::ManagedIdentity {
        return Err(Wrong::at("clientId", "it goes with `credential: managedIdentity` only"));
    }
    let credential = match (wire.credential, wire.token) {
        (WireCredential::Auto, _) => pointsman_apim::Credential::Auto,
        (WireCredential::ManagedIdentity, _) => {
            pointsman_apim::Credential::ManagedIdentity { client_id: wire.client_id }
        }
        (WireCredential::WorkloadIdentity, _) => pointsman_apim::Credential::WorkloadIdentity,
        (WireCredential::Environment, _) => pointsman_apim::Credential::Environment,
        (WireCredential::AzureCli, _) => pointsman_apim::Credential::AzureCli,
        (WireCredential::Token, Some(place)) => {
            let text = secrets.text(&place).map_err(|why| Wrong::at("token", why))?;
            pointsman_apim::Credential::Static(AzureSecret::new(text))
        }
        (WireCredential::Token, None) => return Err(Wrong::at("token", "it is missing")),
    };
    Ok(Azure { cloud, base, version, credential })
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
