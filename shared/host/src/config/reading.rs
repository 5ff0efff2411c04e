//! From the wire types to a configuration that can be used, or to all that is wrong with it.
//!
//! A part that is wrong is left out, and its neighbours are still looked at.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use axum::http;
use jiff::SignedDuration;
use pointsman_apim::{
    Credential,
    endpoint::{ApiVersion, BaseUrl, Cloud},
    secret::Secret as AzureSecret,
};
use pointsman_core::{
    form::{At, decode, tree},
    names::SourceName,
    wake::LOOK_EVERY,
};
use pointsman_engine::Mode;
use pointsman_intake::{Source, alertmanager::Alertmanager, verify::Authentication};

use super::{
    Azure, Config, Heartbeat, Needs, Watchdog, Webhook,
    secrets::{PLACE, Secrets},
    wire::{self, LANGUAGE},
    wrong::Wrong,
};

/// Stands in place of how often Azure is checked.
const NEVER: &str = "never";

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

/// What to say where nothing says how a source proves itself.
pub(super) const PROOF: &str =
    "give it `bearer: {env: NAME}`, or `basic: {user: NAME, passwords: {env: NAME}}`";

/// Reads a configuration's text.
pub(super) fn read(text: &str, needs: Needs, secrets: Secrets<'_>) -> Result<Config, Vec<Wrong>> {
    let mut reading = Reading::new(needs, secrets);
    let file = reading.file(text);
    let config = reading.config(file);
    if reading.wrongs.is_empty() { Ok(config) } else { Err(reading.wrongs) }
}

/// Of a field that may be left out: what it says, unless that was wrong.
fn given<T>(field: Option<At<T>>) -> Option<T> {
    field?.value
}

/// Reads on past what is wrong. What is put in its place is never used.
pub(super) struct Reading<'a> {
    needs: Needs,
    secrets: Secrets<'a>,
    pub(super) wrongs: Vec<Wrong>,
}

impl<'a> Reading<'a> {
    /// Nothing is wrong yet.
    pub(super) const fn new(needs: Needs, secrets: Secrets<'a>) -> Self {
        Self { needs, secrets, wrongs: Vec::new() }
    }

    /// Reads the form of the file. An empty one says nothing, which is no error.
    pub(super) fn file(&mut self, text: &str) -> wire::File {
        let mut found = Vec::new();
        let file = match tree(text) {
            Ok(Some(node)) => decode(&node, &LANGUAGE, &mut found),
            Ok(None) => None,
            Err(wrong) => {
                found.push(wrong);
                None
            }
        };
        self.wrongs.extend(found.into_iter().map(|wrong| Wrong::form(wrong, text)));
        file.unwrap_or_default()
    }

    /// What is right; what is wrong is put with the rest.
    pub(super) fn put<T>(&mut self, read: Result<T, Wrong>) -> Option<T> {
        read.map_err(|wrong| self.wrongs.push(wrong)).ok()
    }

    /// What a field says, where it says something and that is right.
    fn read<T>(
        &mut self,
        field: Option<&At<String>>,
        read: impl FnOnce(&At<String>, &str) -> Result<T, Wrong>,
    ) -> Option<T> {
        let field = field?;
        let read = read(field, field.value.as_ref()?);
        self.put(read)
    }

    fn config(&mut self, file: wire::File) -> Config {
        let wire::File { mode, listen, store, playbook, azure, heartbeat, operator, sources } =
            file;
        let folder = self.secrets.folder;
        let listen = self.read(listen.as_ref(), address);
        let mut config = Config {
            mode: match given(mode).unwrap_or_default() {
                wire::Mode::Live => Mode::Live,
                wire::Mode::Shadow => Mode::Shadow,
            },
            listen: listen.unwrap_or(wire::LISTEN),
            store: folder.join(given(store).unwrap_or_else(|| wire::STORE.into())),
            playbook: given(playbook).map(|path| folder.join(path)),
            azure: self.azure(given(azure).unwrap_or_default()),
            webhooks: Vec::new(),
            source_names: Vec::new(),
            watchdogs: BTreeMap::new(),
            heartbeat: given(heartbeat).and_then(|wire| self.heartbeat(wire)),
            operator: operator.and_then(|At { at, value }| {
                let wire::Operator { bearer, basic } = value?;
                let here = At { at, value: Some(()) };
                self.proof(&here, "an operator", bearer.as_ref(), basic.as_ref())
            }),
        };
        let mut paths = Vec::new();
        for At { at, value } in given(sources).into_iter().flatten() {
            if let Some(mut source) = value {
                if source.name.is_missing() {
                    // What is wrong with the source is said at its first key then.
                    source.name.at = at;
                }
                self.source(&source, &mut paths, &mut config);
            }
        }
        config
    }

    fn source(&mut self, source: &wire::Source, paths: &mut Vec<String>, config: &mut Config) {
        let watchdog = source.watchdog.as_ref().and_then(|at| self.watchdog(at.value.as_ref()?));
        let authentication = self.authentication(source);
        let (name, path) = (self.name(source), self.path(source));
        let (Some(name), Some(path)) = (name, path) else { return };
        if config.source_names.contains(&name) || paths.contains(&path) {
            self.wrongs.push(Wrong::at(
                &source.name,
                format!("another source has the name {name} or the path {path}"),
                "give it its own; a pair of senders shares one source",
            ));
        }
        config.watchdogs.extend(watchdog.clone().map(|watchdog| (name.clone(), watchdog)));
        if let (Some(authentication), Some(wire::Kind::Alertmanager)) =
            (authentication, source.kind.value)
        {
            let source: Arc<dyn Source> = Arc::new(Alertmanager::new(name.clone(), authentication));
            config.webhooks.push(Webhook { path: path.clone(), source, watchdog });
        }
        config.source_names.push(name);
        paths.push(path);
    }

    /// The source's name.
    pub(super) fn name(&mut self, source: &wire::Source) -> Option<SourceName> {
        self.read(Some(&source.name), |said, text| {
            let help = "call it something like `prometheus`";
            // What windows and operators ask for is kept under these.
            if matches!(text, "operator" | "window") {
                return Err(Wrong::at(
                    said,
                    format!("`{text}` cannot be the name of a source"),
                    help,
                ));
            }
            text.parse().map_err(|error| Wrong::at(said, error, help))
        })
    }

    /// The path of the source's webhook.
    pub(super) fn path(&mut self, source: &wire::Source) -> Option<String> {
        match &source.path {
            Some(path) => self.read(Some(path), self::path),
            None => Some(format!("/alerts/{}", source.name.value.as_ref()?)),
        }
    }

    /// How a source proves itself; the secrets for it are read only where they are needed.
    fn authentication(&mut self, source: &wire::Source) -> Option<Authentication> {
        let (bearer, basic) = (source.bearer.as_ref(), source.basic.as_ref());
        self.proof(&source.name, "this source", bearer, basic)
    }

    /// How someone proves to be who they have to be.
    fn proof<T>(
        &mut self,
        there: &At<T>,
        who: &str,
        bearer: Option<&At<wire::Places>>,
        basic: Option<&At<wire::Basic>>,
    ) -> Option<Authentication> {
        let proof = match (bearer, basic) {
            (None, None) => {
                Err(Wrong::at(there, format!("nothing says how {who} proves itself"), PROOF))
            }
            (Some(_), Some(basic)) => Err(Wrong::at_secret(
                basic,
                "`bearer` and `basic` exclude each other",
                "keep one of them",
            )),
            (Some(_), None) | (None, Some(_)) if self.needs != Needs::Everything => return None,
            (Some(bearer), None) => {
                bearer.value.as_ref()?;
                self.secrets.all(bearer).and_then(|secrets| {
                    Authentication::bearer(&secrets)
                        .map_err(|error| Wrong::at_secret(bearer, error, PLACE))
                })
            }
            (None, Some(basic)) => {
                let wire::Basic { user, passwords } = basic.value.as_ref()?;
                let (user, _) = (user.value.as_ref()?, passwords.value.as_ref()?);
                self.secrets.all(passwords).and_then(|passwords| {
                    let help = "give it `user: NAME` and `passwords: {env: NAME}`";
                    Authentication::basic(user, &passwords)
                        .map_err(|error| Wrong::at_secret(basic, error, help))
                })
            }
        };
        self.put(proof)
    }

    fn watchdog(&mut self, wire: &wire::Watchdog) -> Option<Watchdog> {
        let within = self.length(&wire.within, SILENT);
        let alert = wire.alert.as_ref().map_or(Some(WATCHDOG), |alert| alert.value.as_deref())?;
        Some(Watchdog { alert: alert.to_owned(), within: within? })
    }

    fn heartbeat(&mut self, wire: wire::Heartbeat) -> Option<Heartbeat> {
        let every = wire.every.and_then(|every| self.length(&every, BEAT_EVERY));
        let every = every.map_or(EVERY_DEFAULT, SignedDuration::unsigned_abs);
        let url = wire.url.value.as_ref()?;
        if self.needs != Needs::Everything {
            return None;
        }
        let text = match url {
            wire::Url::Text(text) => text.clone(),
            wire::Url::At(place) => {
                let text = self.secrets.text(&wire.url, place);
                self.put(text)?
            }
        };
        let is_http = |uri: &http::Uri| {
            matches!(uri.scheme_str(), Some("http" | "https")) && uri.authority().is_some()
        };
        if !text.trim().parse().is_ok_and(|uri| is_http(&uri)) {
            let why = "this is not an address that can be called";
            let help = "it is like `https://heartbeat.example/pointsman`, or the place of such an \
                        address: `{env: NAME}` or `{file: PATH}`";
            self.wrongs.push(Wrong::at_secret(&wire.url, why, help));
        }
        Some(Heartbeat { url: AzureSecret::new(text.trim().to_owned()), every })
    }

    fn azure(&mut self, wire: wire::Azure) -> Azure {
        let cloud = match given(wire.cloud).unwrap_or_default() {
            wire::Cloud::Public => Cloud::Public,
            wire::Cloud::UsGovernment => Cloud::UsGovernment,
            wire::Cloud::China => Cloud::China,
        };
        let base = self.read(wire.endpoint.as_ref(), endpoint);
        let base = base.unwrap_or_else(|| cloud.base());
        let version = self.read(wire.api_version.as_ref(), api_version);
        let reconnect_version = self.read(wire.reconnect_api_version.as_ref(), api_version);
        let check_every = match &wire.check_every {
            None => Some(EVERY_DEFAULT),
            Some(said) if said.value.as_deref() == Some(NEVER) => None,
            Some(said) => self.length(said, CHECK_EVERY).map(SignedDuration::unsigned_abs),
        };
        let look_every = wire.look_every.as_ref().and_then(|at| self.length(at, LOOK_WITHIN));
        let spared = !base.is_loopback();
        Azure {
            cloud,
            version: version.unwrap_or_default(),
            reconnect_version,
            paced: given(wire.paced).unwrap_or(spared),
            inspected: given(wire.inspected).unwrap_or(spared),
            check_every,
            look_every: look_every.unwrap_or(LOOK_EVERY),
            credential: self.credential(wire.credential, wire.client_id, wire.token),
            base,
        }
    }

    fn credential(
        &mut self,
        said: Option<At<wire::Credential>>,
        client_id: Option<At<String>>,
        token: Option<At<wire::Places>>,
    ) -> Option<Credential> {
        let kind = said.as_ref().map_or(Some(wire::Credential::Auto), |said| said.value)?;
        if let Some(client_id) = &client_id
            && kind != wire::Credential::ManagedIdentity
        {
            let help = "say `credential: managedIdentity` too, or leave `clientId` out";
            let why = "`clientId` goes with a managed identity only";
            self.wrongs.push(Wrong::at(client_id, why, help));
        }
        if let Some(token) = &token
            && kind != wire::Credential::Token
        {
            let help = "say `credential: token` too, or leave `token` out";
            let why = "`token` goes with `credential: token` only";
            self.wrongs.push(Wrong::at_secret(token, why, help));
        }
        Some(match kind {
            wire::Credential::Auto => Credential::Auto,
            wire::Credential::ManagedIdentity => {
                Credential::ManagedIdentity { client_id: given(client_id) }
            }
            wire::Credential::WorkloadIdentity => Credential::WorkloadIdentity,
            wire::Credential::Environment => Credential::Environment,
            wire::Credential::AzureCli => Credential::AzureCli,
            wire::Credential::Token => {
                let Some(token) = token else {
                    let help =
                        "say where the token is: `token: {env: NAME}` or `token: {file: PATH}`";
                    let why = "`credential: token` needs `token`";
                    self.wrongs.extend(said.map(|said| Wrong::at(&said, why, help)));
                    return None;
                };
                let places = token.value.as_ref()?;
                if self.needs == Needs::Store {
                    return None;
                }
                let secret = self.secrets.token(&token, places);
                Credential::Static(self.put(secret)?)
            }
        })
    }

    /// A length within its bounds.
    fn length(
        &mut self,
        said: &At<String>,
        (least, most): (SignedDuration, SignedDuration),
    ) -> Option<SignedDuration> {
        let why = match said.value.as_ref()?.parse::<SignedDuration>() {
            Ok(length) if length >= least && length <= most => return Some(length),
            Ok(_) => "this is too short or too long",
            Err(_) => "this is not a length of time",
        };
        let help = format!("a length is like `90s` or `10m`, and here `{least:#}` to `{most:#}`");
        self.wrongs.push(Wrong::at(said, why, &help));
        None
    }
}

fn path(said: &At<String>, text: &str) -> Result<String, Wrong> {
    let plain = |char: char| char.is_ascii_alphanumeric() || "-_./".contains(char);
    if text.starts_with('/')
        && text.len() <= 200
        && text.chars().all(plain)
        && !["/health", "/metrics"].iter().any(|ours| text.starts_with(ours))
    {
        return Ok(text.to_owned());
    }
    let help = "a path begins with / (and not with /health or /metrics), and has letters, digits or any of -_./";
    Err(Wrong::at(said, "a source cannot have this path", help))
}

fn address(said: &At<String>, text: &str) -> Result<SocketAddr, Wrong> {
    let help =
        "it must be an IP address and a port: `0.0.0.0:7433`, `[::]:7433`; port 0 takes a free one";
    text.parse().map_err(|_| Wrong::at(said, "this is not an address to listen on", help))
}

fn endpoint(said: &At<String>, text: &str) -> Result<BaseUrl, Wrong> {
    let help = "it is like `https://management.azure.com`; `http` only on this machine";
    // A password goes before the `@`.
    let at = if text.contains('@') { Wrong::at_secret } else { Wrong::at };
    text.parse().map_err(|error| at(said, error, help))
}

fn api_version(said: &At<String>, text: &str) -> Result<ApiVersion, Wrong> {
    let help =
        format!("it is like `{}`, which is taken where none is named", ApiVersion::default());
    text.parse().map_err(|error| Wrong::at(said, error, &help))
}
