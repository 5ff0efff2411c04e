//! The parts, put together as a configuration says.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use pointsman_apim::{
    self as apim,
    client::{Pace, Proxy, Retries},
};
use pointsman_engine::{
    Engine, Mode,
    azure::Azure,
    ports::{Clock, Queue, Store},
};
use pointsman_queue::{ConsumerError, EmbeddedQueue, is_consumed};
use pointsman_store::{Database, Options, SqliteStore};
pub use pointsman_store::{Glance, glance};

use crate::{clock::SystemClock, config::Config};

/// How long a read of the functions waits for room in Azure's token bucket, in seconds. Where it
/// would take longer, the look at its backend is put off until there is room. A write waits for
/// nothing: it is decided again once there is room, because a pause or an end may have come by then.
pub const READ_PACE_SECS_MAX: u64 = 5;

/// Why the parts cannot be put together.
#[derive(Debug, thiserror::Error)]
pub enum WiringError {
    /// The store's database.
    #[error(transparent)]
    Store(#[from] pointsman_store::OpenError),
    /// The client of Azure.
    #[error("azure: {0}")]
    Azure(#[from] apim::client::BuildError),
    /// The queue.
    #[error(transparent)]
    Queue(#[from] ConsumerError),
    /// The configuration was read for the store alone.
    #[error("azure: the configuration was read without its credential")]
    NoCredential,
}

impl WiringError {
    /// Whether another process takes messages out of the queue, and only one at a time can.
    #[must_use]
    pub const fn is_consumed_already(&self) -> bool {
        matches!(self, Self::Queue(ConsumerError::AlreadyConsumed(_)))
    }
}

/// Whether this process takes messages out of the queue, or only puts some in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It takes them out; of the embedded queue, one process at a time can.
    Consumer,
    /// It only puts them in.
    Producer,
}

/// The parts of a running Pointsman that changes backends.
#[derive(Clone)]
pub struct Parts {
    /// What is stored.
    pub records: Records,
    /// The shell.
    pub engine: Engine,
    /// The client of Azure.
    pub azure: apim::Client,
    /// Whether the pools of each playbook that is taken up are looked at.
    pub inspects: bool,
    /// How often it is found out whether Azure can be reached, where it is.
    pub check_every: Option<Duration>,
}

/// The store's file: shadow mode has one of its own, so that what was only imagined is never taken
/// for what is.
#[must_use]
pub fn store_file(config: &Config, mode: Mode) -> PathBuf {
    match mode {
        Mode::Live => config.store.clone(),
        Mode::Shadow => config.store.with_extension("shadow.db"),
    }
}

/// The records of a Pointsman, running or not: enough to ask, and to put messages into the queue, as a
/// function that only takes alerts in does. Nothing of Azure is needed for them.
#[derive(Clone)]
pub struct Records {
    /// The store.
    pub store: Arc<dyn Store>,
    /// The queue.
    pub queue: Arc<dyn Queue>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Whether this process is the first ever to take messages out of the queue: the store is new.
    pub is_first: bool,
    database: Database,
}

impl Records {
    /// Opens the store in `file`; makes it where there is none.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub async fn open(file: &Path) -> Result<Self, WiringError> {
        Self::open_as(file, Role::Producer).await
    }

    async fn open_as(file: &Path, role: Role) -> Result<Self, WiringError> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let database = Database::open(file, Options::default()).await?;
        let store: Arc<dyn Store> =
            Arc::new(SqliteStore::new(database.clone(), Arc::clone(&clock)));
        let queue = match role {
            Role::Consumer => EmbeddedQueue::consumer(database.clone(), Arc::clone(&clock)).await?,
            Role::Producer => EmbeddedQueue::producer(database.clone(), Arc::clone(&clock)),
        };
        let is_first = queue.is_first();
        Ok(Self { store, queue: Arc::new(queue), clock, is_first, database })
    }

    /// Whether another process, a `serve` most likely, takes messages out of the queue.
    ///
    /// # Errors
    /// When that cannot be found out.
    pub fn are_consumed(&self) -> io::Result<bool> {
        is_consumed(&self.database)
    }

    /// Finishes what is being stored, and closes the database.
    pub async fn close(self) {
        self.database.close().await;
    }
}

impl Parts {
    /// Opens the store and makes the client.
    ///
    /// # Errors
    /// When the store cannot be opened, the credential cannot be used, or another process takes
    /// messages out of the queue already.
    pub async fn open(config: &Config, mode: Mode, role: Role) -> Result<Self, WiringError> {
        let records = Records::open_as(&store_file(config, mode), role).await?;
        let clock = &records.clock;
        let reads = Duration::from_secs(READ_PACE_SECS_MAX);
        let pace = Pace::Within { reads, writes: Duration::ZERO };
        let azure = azure(config, Retries::default(), pace)?;
        let management = Arc::new(Azure::new(azure.clone(), Arc::clone(clock)));
        let Records { store, queue, .. } = &records;
        let engine =
            Engine::new(Arc::clone(store), Arc::clone(queue), management, Arc::clone(clock), mode)
                .looking_every(config.azure.look_every);
        let (inspects, check_every) = (config.azure.inspected, config.azure.check_every);
        Ok(Self { records, engine, azure, inspects, check_every })
    }

    /// Finishes what is being stored, and closes the database.
    pub async fn close(self) {
        self.records.close().await;
    }
}

/// The client of the Azure that is configured: which calls it makes again by itself, and how it is
/// paced, where it is to be.
///
/// # Errors
/// When the credential cannot be used.
pub fn azure(config: &Config, retries: Retries, pace: Pace) -> Result<apim::Client, WiringError> {
    let endpoint = apim::Endpoint::new(config.azure.base.clone(), config.azure.version.clone());
    let options = apim::Options {
        cloud: config.azure.cloud,
        proxy: Proxy::Environment,
        retries,
        reconnect_version: config.azure.reconnect_version.clone(),
        pace: if config.azure.paced { pace } else { Pace::AtOnce },
        ..apim::Options::default()
    };
    let credential = config.azure.credential.clone().ok_or(WiringError::NoCredential)?;
    Ok(apim::Client::new(endpoint, credential, options)?)
}
