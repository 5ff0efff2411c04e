//! The configuration file: where Pointsman listens, what it stores, which Azure it changes, and who
//! may tell it of alerts.
//!
//! Secrets are never in the file. It says where each is: a variable of the environment or a file,
//! as container platforms mount them. A secret in the file itself is an error, which
//! does not show it.
//!
//! A command reads only the secrets that it uses ([`Needs`]): who asks for the status at night need
//! not have the secrets of those who send alerts.

mod sender;
mod wire;
mod wrong;

use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use axum::http;
use jiff::SignedDuration;
use pointsman_apim::{
    Credential,
    endpoint::{ApiVersion, BaseUrl, Cloud},
    secret::Secret as AzureSecret,
};
use pointsman_core::{names::SourceName, wake::LOOK_EVERY};
use pointsman_engine::Mode;
use pointsman_intake::{Secret, Source, alertmanager::Alertmanager, verify::Authentication};
use serde_json::Value;
use serde_saphyr::Spanned;

pub use self::sender::{Proof, Sender};

use self::wrong::{PLACE, Wrong};
use crate::input;

/// How long the file may be, in bytes.
pub const CONFIG_BYTES_MAX: usize = 1 << 20;

/// Every key, as a path, with its meaning and its default: the table of this crate's README.
pub const KEYS: [(&str, &str, &str); 24] = [
    (
        "mode",
        "live",
        "`live`, or `shadow`: everything is decided, recorded and shown, and no command writes to \
         Azure. `--shadow` does the same for one command.",
    ),
    ("listen", "127.0.0.1:7433", "The address and port that `serve` listens on."),
    (
        "store",
        "pointsman.db",
        "The store's database file; a shadow has its own beside it, `*.shadow.db`.",
    ),
    (
        "playbook",
        "",
        "The playbook's file. Needed until one is published; `--publish` publishes it again.",
    ),
    ("azure.cloud", "public", "`public`, `usGovernment` or `china`."),
    (
        "azure.endpoint",
        "the cloud's",
        "The address of Azure Resource Manager, for a private link or an emulator.",
    ),
    ("azure.apiVersion", "2024-05-01", "The version of API Management's management interface."),
    (
        "azure.reconnectApiVersion",
        "the same",
        "The version in which reconnects are asked for, as `2022-08-01`, which brought them.",
    ),
    (
        "azure.paced",
        "true; false on this machine",
        "Whether a request waits for room in Azure's token buckets, instead of being refused.",
    ),
    (
        "azure.inspected",
        "true; false on this machine",
        "Whether `serve` checks the pools of each new generation of the playbook, and logs the \
         problems that it finds.",
    ),
    (
        "azure.checkEvery",
        "1m; never on this machine",
        "How often `serve` reads one pool of each service to see that Azure can be reached: `1s` to `1h`.",
    ),
    (
        "azure.lookEvery",
        "1m",
        "How often a backend with overrides is read, so that a write of someone else is noticed: `5s` to \
         `1m`.",
    ),
    (
        "azure.credential",
        "auto",
        "`auto`, `managedIdentity`, `workloadIdentity`, `environment`, `azureCli` or `token`.",
    ),
    (
        "azure.clientId",
        "",
        "The client id of a user-assigned identity; with `managedIdentity` only.",
    ),
    ("azure.token", "", "The place of a ready-made token; with `credential: token` only."),
    (
        "heartbeat.url",
        "",
        "An address that `serve` calls (GET) for as long as all is well, or its place where it holds a \
         secret.",
    ),
    ("heartbeat.every", "1m", "How often: `10s` to `1h`."),
    ("sources[].name", "", "The source's name, as plays see it in `signal.source`."),
    ("sources[].kind", "", "What it speaks: `alertmanager`."),
    ("sources[].path", "/alerts/NAME", "The path of its webhook."),
    (
        "sources[].bearer",
        "",
        "Places of bearer tokens, any of which proves it; two while one is being replaced.",
    ),
    ("sources[].basic.user", "", "A user's name, for basic authentication instead."),
    ("sources[].basic.passwords", "", "Places of that user's passwords."),
    (
        "sources[].watchdog",
        "",
        "How long its alert `Watchdog` may be silent, `1s` to `24h`; as `{alert: NAME, within: 10m}` \
         for another alert. No play sees that alert.",
    ),
];

/// The least and the most that may be between two checks of Azure.
const CHECK_EVERY: (SignedDuration, SignedDuration) =
    (SignedDuration::from_secs(1), SignedDuration::from_hours(1));

/// The least and the most that may be between two calls of the heartbeat's address.
const BEAT_EVERY: (SignedDuration, SignedDuration) =
    (SignedDuration::from_secs(10), SignedDuration::from_hours(1));

/// How often a backend with overrides is looked at, at the most and at the least.
const LOOK_WITHIN: (SignedDuration, SignedDuration) = (SignedDuration::from_secs(5), LOOK_EVERY);

/// What is between two of them where nothing is said.
const EVERY_DEFAULT: Duration = Duration::from_secs(60);

/// For how long a watchdog may be silent, at the least and at the most.
const SILENT: (SignedDuration, SignedDuration) =
    (SignedDuration::from_secs(1), SignedDuration::from_hours(24));

/// The alert that Prometheus' own rules call so, and that always fires.
const WATCHDOG: &str = "Watchdog";

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
    /// The file has problems.
    #[error("the configuration has problems\n{0}")]
    Problem(
        /// Where, and what would be right; some lines, without secrets.
        String,
    ),
}

/// What is used of a configuration. The places of secrets that are not used need not hold any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// The store alone.
    Store,
    /// The store, and Azure.
    Azure,
    /// All of it.
    Everything,
}

/// A configuration that can be used.
#[derive(Clone, Debug)]
pub struct Config {
    /// Whether decisions are carried out.
    pub mode: Mode,
    /// Where it listens.
    pub listen: SocketAddr,
    /// The store's database file.
    pub store: PathBuf,
    /// The playbook's file, where one is named.
    pub playbook: Option<PathBuf>,
    /// Which Azure is changed, and as whom.
    pub azure: Azure,
    /// Who may tell of alerts, and where; none unless everything was asked for.
    pub webhooks: Vec<Webhook>,
    /// The names of all who may, in the order of the file.
    pub source_names: Vec<SourceName>,
    /// The sources that send a sign of life.
    pub watchdogs: BTreeMap<SourceName, Watchdog>,
    /// What is called while all is well; none unless everything was asked for.
    pub heartbeat: Option<Heartbeat>,
}

/// An alert that always fires, so that its silence says that alerts do not arrive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watchdog {
    /// The value of its label `alertname`.
    pub alert: String,
    /// For how long it may be silent.
    pub within: SignedDuration,
}

/// What is called while all is well.
#[derive(Clone, Debug)]
pub struct Heartbeat {
    /// The address, which may have a secret in it.
    pub url: AzureSecret,
    /// How often.
    pub every: Duration,
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
    /// The version in which reconnects are asked for, where it is another.
    pub reconnect_version: Option<ApiVersion>,
    /// Whether requests wait for room in Azure Resource Manager's token buckets. An emulator on this
    /// machine is nobody else's, and need not be spared.
    pub paced: bool,
    /// Whether the pools of each playbook that is taken up are looked at.
    pub inspected: bool,
    /// How often it is found out whether Azure can be reached, where it is.
    pub check_every: Option<Duration>,
    /// How often a backend with overrides is looked at, so that a write of someone else is noticed.
    pub look_every: SignedDuration,
    /// As whom requests are made; none where only the store was asked for.
    pub credential: Option<Credential>,
}

/// Where a source of alerts is listened to.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// The path.
    pub path: String,
    /// The source.
    pub source: Arc<dyn Source>,
    /// The alert that is its sign of life, where it has one.
    pub watchdog: Option<Watchdog>,
}

impl Config {
    /// Reads the file at `path`, with the secrets that are needed; paths in it are relative to where it
    /// is.
    ///
    /// # Errors
    /// When it cannot be read, or a part of it cannot be used: says which, and what would be right.
    pub fn read(path: &Path, needs: Needs) -> Result<Self, ConfigError> {
        let file = path.display().to_string();
        let text = input::read(path, CONFIG_BYTES_MAX)
            .map_err(|cause| ConfigError::File { file: file.clone(), cause })?;
        Self::read_text(&text, path, needs)
    }

    /// Reads a text that is the file at `path`, or is about to be.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_text(text: &str, path: &Path, needs: Needs) -> Result<Self, ConfigError> {
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        Self::parse(text, &folder, needs, |name| std::env::var(name).ok()).map_err(|wrongs| {
            ConfigError::Problem(wrong::render(wrongs, &path.display().to_string(), text))
        })
    }

    /// Reads a configuration's text. `variable` reads the environment.
    fn parse(
        text: &str,
        folder: &Path,
        needs: Needs,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, Vec<Wrong>> {
        let file: wire::File =
            serde_saphyr::from_str(text).map_err(|error| vec![Wrong::form(&error)])?;
        let secrets = Secrets { folder, variable: &variable };
        let mut wrongs = Vec::new();
        let mut seen: Vec<(SourceName, String)> = Vec::new();
        let mut webhooks = Vec::new();
        let mut watchdogs = BTreeMap::new();
        for source in file.sources {
            let name = wrong::put(&mut wrongs, name(&source.value));
            let path = wrong::put(&mut wrongs, path(&source.value));
            let watchdog = source.value.watchdog.as_ref().map(watchdog).transpose();
            let watchdog = wrong::put(&mut wrongs, watchdog);
            let authentication = authentication(&source, needs, &secrets);
            let authentication = wrong::put(&mut wrongs, authentication);
            let (Some(name), Some(path)) = (name, path) else { continue };
            if seen.iter().any(|(other, at)| *other == name || *at == path) {
                wrongs.push(Wrong::at(
                    &source.value.name,
                    format!("another source has the name {name} or the path {path}"),
                    "give it its own; a pair of senders shares one source",
                ));
            }
            let watchdog = watchdog.flatten();
            watchdogs.extend(watchdog.clone().map(|watchdog| (name.clone(), watchdog)));
            if let Some(authentication) = authentication.flatten() {
                let source: Arc<dyn Source> = match source.value.kind {
                    wire::Kind::Alertmanager => {
                        Arc::new(Alertmanager::new(name.clone(), authentication))
                    }
                };
                webhooks.push(Webhook { path: path.clone(), source, watchdog });
            }
            seen.push((name, path));
        }
        let listen = wrong::put(&mut wrongs, listen(file.listen));
        let azure = wrong::put(&mut wrongs, azure(file.azure, needs, &secrets));
        let heartbeat = file.heartbeat.map(|wire| heartbeat(&wire, needs, &secrets)).transpose();
        let heartbeat = wrong::put(&mut wrongs, heartbeat);
        match (listen, azure) {
            (Some(listen), Some(azure)) if wrongs.is_empty() => Ok(Self {
                mode: match file.mode {
                    wire::Mode::Live => Mode::Live,
                    wire::Mode::Shadow => Mode::Shadow,
                },
                listen,
                store: folder.join(file.store.unwrap_or_else(|| wire::STORE.into())),
                playbook: file.playbook.map(|path| folder.join(path)),
                azure,
                webhooks,
                source_names: seen.into_iter().map(|(name, _)| name).collect(),
                watchdogs,
                heartbeat: heartbeat.flatten().flatten(),
            }),
            _ => Err(wrongs),
        }
    }
}

/// Whether this can be a variable's name, as shells have them.
fn is_variable(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

struct Secrets<'a> {
    folder: &'a Path,
    variable: &'a dyn Fn(&str) -> Option<String>,
}

impl Secrets<'_> {
    /// The secret that is at one of the places that stand `there`.
    fn text<T>(&self, there: &Spanned<T>, place: &wire::Place) -> Result<String, Wrong> {
        match place {
            wire::Place::Env(name) if !is_variable(name) => {
                // It may be the secret itself.
                Err(Wrong::at_secret(there, "this names no variable of the environment", PLACE))
            }
            wire::Place::Env(name) => (self.variable)(name).ok_or_else(|| {
                let why = format!("the variable {name} is not set in the environment");
                Wrong::at_secret(there, why, "set it, or name another place")
            }),
            wire::Place::File(path) => {
                let path = self.folder.join(path);
                let text = input::read(&path, CONFIG_BYTES_MAX).map_err(|cause| {
                    let why =
                        format!("the secret's file {} cannot be read: {cause}", path.display());
                    Wrong::at_secret(there, why, "put it there, or name another place")
                })?;
                Ok(text.trim_end_matches(['\r', '\n']).to_owned())
            }
            wire::Place::Not => {
                Err(Wrong::at_secret(there, "this does not say where a secret is", PLACE))
            }
        }
    }

    fn all(&self, places: &Spanned<wire::Places>) -> Result<Vec<Secret>, Wrong> {
        let secret = |place: &wire::Place| {
            let text = self.text(places, place)?;
            let where_ = match place {
                wire::Place::Env(name) => format!("the variable {name}"),
                wire::Place::File(path) => format!("the file {}", path.display()),
                wire::Place::Not => "it".to_owned(),
            };
            text.parse::<Secret>().map_err(|error| {
                let why = format!("the secret in {where_} cannot be used: {error}");
                Wrong::at_secret(places, why, "put another there")
            })
        };
        places.value.0.iter().map(secret).collect()
    }
}

fn listen(listen: Option<Spanned<String>>) -> Result<SocketAddr, Wrong> {
    let Some(listen) = listen else { return Ok(wire::LISTEN) };
    listen.value.parse().map_err(|_| {
        Wrong::at(
            &listen,
            "this is not an address to listen on",
            "it must be an IP address and a port: `0.0.0.0:7433`, `[::]:7433`; port 0 takes a free one",
        )
    })
}

fn name(source: &wire::Source) -> Result<SourceName, Wrong> {
    let help = "call it something like `prometheus`";
    source.name.value.parse().map_err(|error| Wrong::at(&source.name, error, help))
}

fn path(source: &wire::Source) -> Result<String, Wrong> {
    let Some(path) = &source.path else { return Ok(format!("/alerts/{}", source.name.value)) };
    let plain = |char: char| char.is_ascii_alphanumeric() || "-_./".contains(char);
    let text = &path.value;
    if !text.starts_with('/')
        || text.len() > 200
        || !text.chars().all(plain)
        || ["/health", "/metrics"].iter().any(|ours| text.starts_with(ours))
    {
        return Err(Wrong::at(
            path,
            "a source cannot have this path",
            "a path begins with / (and not with /health or /metrics), and has letters, digits or any of -_./",
        ));
    }
    Ok(text.clone())
}

/// How a source proves itself; the secrets for it are read only where they are needed.
fn authentication(
    source: &Spanned<wire::Source>,
    needs: Needs,
    secrets: &Secrets<'_>,
) -> Result<Option<Authentication>, Wrong> {
    match (&source.value.bearer, &source.value.basic) {
        (None, None) => Err(Wrong::at(
            &source.value.name,
            "nothing says how this source proves itself",
            "give it `bearer: {env: NAME}`, or `basic: {user: NAME, passwords: {env: NAME}}`",
        )),
        (Some(_), Some(basic)) => Err(Wrong::at_secret(
            basic,
            "`bearer` and `basic` exclude each other",
            "keep one of them",
        )),
        (Some(_), None) | (None, Some(_)) if needs != Needs::Everything => Ok(None),
        (Some(bearer), None) => {
            let proof = Authentication::bearer(&secrets.all(bearer)?);
            proof.map(Some).map_err(|error| Wrong::at_secret(bearer, error, PLACE))
        }
        (None, Some(basic)) => {
            let passwords = secrets.all(&basic.value.passwords)?;
            let proof = Authentication::basic(&basic.value.user, &passwords);
            let help = "give it `user: NAME` and `passwords: {env: NAME}`";
            proof.map(Some).map_err(|error| Wrong::at_secret(basic, error, help))
        }
    }
}

/// A length within its bounds.
fn length(
    said: &Spanned<impl Sized>,
    text: &str,
    (least, most): (SignedDuration, SignedDuration),
) -> Result<SignedDuration, Wrong> {
    let help = format!("a length is like `90s` or `10m`, and here `{least:#}` to `{most:#}`");
    match text.parse::<SignedDuration>() {
        Ok(length) if length >= least && length <= most => Ok(length),
        Ok(_) => Err(Wrong::at(said, "this is too short or too long", &help)),
        Err(_) => Err(Wrong::at(said, "this is no length of time", &help)),
    }
}

/// A length between two times of something.
fn every_of(
    text: &Spanned<String>,
    bounds: (SignedDuration, SignedDuration),
) -> Result<Duration, Wrong> {
    Ok(length(text, &text.value, bounds)?.unsigned_abs())
}

fn watchdog(wire: &Spanned<Value>) -> Result<Watchdog, Wrong> {
    let wrong = || {
        let help = "say `watchdog: 10m`, or `watchdog: {alert: Watchdog, within: 10m}`";
        Wrong::at(wire, "this says not how long the watchdog may be silent", help)
    };
    let (alert, within) = match &wire.value {
        Value::String(within) => (None, within.clone()),
        Value::Object(_) => {
            let wire::Watchdog { alert, within } =
                serde_json::from_value(wire.value.clone()).map_err(|_| wrong())?;
            (alert, within)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => return Err(wrong()),
    };
    let alert = alert.unwrap_or_else(|| WATCHDOG.to_owned());
    Ok(Watchdog { alert, within: length(wire, &within, SILENT)? })
}

fn heartbeat(
    wire: &wire::Heartbeat,
    needs: Needs,
    secrets: &Secrets<'_>,
) -> Result<Option<Heartbeat>, Wrong> {
    let every = wire.every.as_ref().map(|every| every_of(every, BEAT_EVERY)).transpose()?;
    let every = every.unwrap_or(EVERY_DEFAULT);
    if needs != Needs::Everything {
        return Ok(None);
    }
    let text = match &wire.url.value {
        wire::Url::Text(text) => text.clone(),
        wire::Url::At(place) => secrets.text(&wire.url, place)?,
    };
    let is_http = |uri: &http::Uri| {
        matches!(uri.scheme_str(), Some("http" | "https")) && uri.authority().is_some()
    };
    if !text.trim().parse().is_ok_and(|uri| is_http(&uri)) {
        let help = "it is like `https://heartbeat.example/pointsman`, or the place of such an address: \
                    `{env: NAME}` or `{file: PATH}`";
        return Err(Wrong::at_secret(&wire.url, "this is no address that can be called", help));
    }
    Ok(Some(Heartbeat { url: AzureSecret::new(text.trim().to_owned()), every }))
}

fn azure(wire: wire::Azure, needs: Needs, secrets: &Secrets<'_>) -> Result<Azure, Wrong> {
    let cloud = match wire.cloud {
        wire::Cloud::Public => Cloud::Public,
        wire::Cloud::UsGovernment => Cloud::UsGovernment,
        wire::Cloud::China => Cloud::China,
    };
    let base = match &wire.endpoint {
        None => cloud.base(),
        Some(text) => text.value.parse().map_err(|error| {
            let help = "it is like `https://management.azure.com`; `http` only on this machine";
            // A password goes before the `@`.
            let at = if text.value.contains('@') { Wrong::at_secret } else { Wrong::at };
            at(text, error, help)
        })?,
    };
    let version = |text: &Spanned<String>| -> Result<ApiVersion, Wrong> {
        let like =
            format!("it is like `{}`, which is taken where none is named", ApiVersion::default());
        text.value.parse().map_err(|error| Wrong::at(text, error, &like))
    };
    let reconnect_version = wire.reconnect_api_version.as_ref().map(version).transpose()?;
    let version = wire.api_version.as_ref().map(version).transpose()?.unwrap_or_default();
    let paced = wire.paced.unwrap_or(!base.is_loopback());
    let inspected = wire.inspected.unwrap_or(!base.is_loopback());
    let check_every = match &wire.check_every {
        Some(every) => Some(every_of(every, CHECK_EVERY)?),
        None => (!base.is_loopback()).then_some(EVERY_DEFAULT),
    };
    let look_every = wire.look_every.as_ref();
    let look_every =
        look_every.map(|every| length(every, &every.value, LOOK_WITHIN)).transpose()?;
    let azure = Azure {
        cloud,
        base,
        version,
        reconnect_version,
        paced,
        inspected,
        check_every,
        look_every: look_every.unwrap_or(LOOK_EVERY),
        credential: None,
    };
    let kind = wire.credential.as_ref().map_or(wire::Credential::Auto, |said| said.value);
    if let Some(client_id) = &wire.client_id
        && kind != wire::Credential::ManagedIdentity
    {
        let help = "say `credential: managedIdentity` too, or leave `clientId` out";
        return Err(Wrong::at(client_id, "`clientId` goes with a managed identity only", help));
    }
    if let Some(token) = &wire.token
        && kind != wire::Credential::Token
    {
        let help = "say `credential: token` too, or leave `token` out";
        return Err(Wrong::at_secret(token, "`token` goes with `credential: token` only", help));
    }
    if let (None, Some(said)) = (&wire.token, &wire.credential)
        && said.value == wire::Credential::Token
    {
        let help = "say where the token is: `token: {env: NAME}` or `token: {file: PATH}`";
        return Err(Wrong::at(said, "`credential: token` needs `token`", help));
    }
    let credential = match kind {
        wire::Credential::Auto => Credential::Auto,
        wire::Credential::ManagedIdentity => {
            Credential::ManagedIdentity { client_id: wire.client_id.map(|id| id.value) }
        }
        wire::Credential::WorkloadIdentity => Credential::WorkloadIdentity,
        wire::Credential::Environment => Credential::Environment,
        wire::Credential::AzureCli => Credential::AzureCli,
        wire::Credential::Token => match wire.token {
            Some(token) if needs != Needs::Store => {
                Credential::Static(ready_made(&token, secrets)?)
            }
            Some(_) | None => return Ok(azure),
        },
    };
    Ok(Azure { credential: Some(credential), ..azure })
}

/// The one token that is named there.
fn ready_made(token: &Spanned<wire::Places>, secrets: &Secrets<'_>) -> Result<AzureSecret, Wrong> {
    let [place] = token.value.0.as_slice() else {
        return Err(Wrong::at_secret(token, "one token is used, and not a list of them", PLACE));
    };
    let text = secrets.text(token, place)?;
    if text.trim().is_empty() {
        return Err(Wrong::at_secret(token, "the token is empty", "put one there"));
    }
    Ok(AzureSecret::new(text))
}

/// What `error` says of the YAML in `text`, for people: where, and what would be right. Nothing that
/// could be a secret is shown.
#[must_use]
pub fn unreadable(error: &serde_saphyr::Error, file: &str, text: &str) -> String {
    Wrong::form(error).render(file, text)
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
