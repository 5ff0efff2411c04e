//! The configuration file: where Pointsman listens, what it stores, which Azure it changes, and who
//! may tell it of alerts.
//!
//! Secrets are never in the file. It says where each is: a variable of the environment or a file,
//! as container platforms mount them. A secret in the file itself is an error, which
//! does not show it.
//!
//! A command reads only the secrets that it uses ([`Needs`]): who asks for the status at night need
//! not have the secrets of those who send alerts.

mod reading;
mod secrets;
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

use jiff::SignedDuration;
use pointsman_apim::{
    Credential,
    endpoint::{ApiVersion, BaseUrl, Cloud},
    secret::Secret as AzureSecret,
};
use pointsman_core::names::SourceName;
use pointsman_engine::Mode;
use pointsman_intake::{Source, verify::Authentication};

pub use self::sender::{Proof, Sender};

use self::secrets::Secrets;
use crate::input;

/// How long the file may be, in bytes.
pub const CONFIG_BYTES_MAX: usize = 1 << 20;

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
    /// How an operator proves who it is; none unless everything was asked for.
    pub operator: Option<Authentication>,
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
        let folder = path.parent().unwrap_or(Path::new(""));
        let secrets = Secrets { folder, variable: &|name| std::env::var(name).ok() };
        reading::read(text, needs, secrets).map_err(|wrongs| {
            ConfigError::Problem(wrong::render(wrongs, &path.display().to_string(), text))
        })
    }
}

#[cfg(test)]
mod keys_tests;
#[cfg(test)]
mod secrets_tests;
#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
