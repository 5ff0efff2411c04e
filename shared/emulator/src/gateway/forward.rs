//! The gateways' connections to the backends.
//!
//! Each gateway has connections of its own to each backend, kept between requests and dropped by
//! a reconnect. Connections are counted as they are opened.

use super::breaker::Reason;
use crate::{address::Address, clock::Clock};
use http::{Request, Response, Uri};
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo, TokioTimer},
};
use jiff::Timestamp;
use serde::Serialize;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::net::TcpStream;
use tower::{BoxError, ServiceExt as _, service_fn, util::BoxCloneSyncService};

/// How long an idle connection to a member is kept.
const IDLE_SECONDS: u64 = 30;

/// The connections of one gateway to one backend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Connections {
    /// The number of the gateway, from 0.
    pub gateway: usize,
    /// The backend.
    pub backend: Address,
    /// How many it has opened.
    pub opened: u64,
    /// When it opened the latest, by the emulator's clock.
    pub latest: Timestamp,
}

/// Where a request goes, and by which connections.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    pub(crate) gateway: usize,
    pub(crate) pool: Option<Address>,
    pub(crate) backend: Address,
    pub(crate) url: String,
    /// How many reconnects the backend has had: each needs a connection of its own.
    pub(crate) reconnects: u64,
}

type Key = (usize, Address);
type Connector = BoxCloneSyncService<Uri, TokioIo<TcpStream>, BoxError>;
/// A client with its connections, and how many reconnects the backend had had by then.
type Pooled = (u64, Client<Connector, Incoming>);

/// The client side of the gateways.
pub(crate) struct Forwarder {
    clients: Mutex<BTreeMap<Key, Pooled>>,
    /// What was opened, kept apart so that a connection can count itself.
    opened: Arc<Mutex<BTreeMap<Key, (u64, Timestamp)>>>,
    timeout: Duration,
    clock: Clock,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Forwarder {
    pub(crate) fn new(timeout: Duration, clock: Clock) -> Self {
        Self { clients: Mutex::default(), opened: Arc::default(), timeout, clock }
    }

    /// Sends a request to `target`, by the connections of `route`.
    pub(crate) async fn forward(
        &self,
        mut request: Request<Incoming>,
        route: &Route,
        target: Uri,
    ) -> Result<Response<Incoming>, Reason> {
        *request.uri_mut() = target;
        *request.version_mut() = http::Version::HTTP_11;
        let client = self.client(route);
        match tokio::time::timeout(self.timeout, client.request(request)).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => {
                tracing::debug!(%error, "a member could not be reached");
                Err(Reason::CONNECTION)
            }
            Err(_) => Err(Reason::TIMEOUT),
        }
    }

    /// The client with the connections of a route; a new one, without any, after a reconnect.
    fn client(&self, route: &Route) -> Client<Connector, Incoming> {
        let key = (route.gateway, route.backend.clone());
        let mut clients = locked(&self.clients);
        match clients.get(&key) {
            Some((reconnects, client)) if *reconnects == route.reconnects => client.clone(),
            Some(_) | None => {
                let client = self.counted(key.clone());
                clients.insert(key, (route.reconnects, client.clone()));
                client
            }
        }
    }

    /// A client whose connections are counted as they are opened.
    fn counted(&self, key: Key) -> Client<Connector, Incoming> {
        let mut inner = HttpConnector::new();
        inner.set_nodelay(true);
        inner.set_connect_timeout(Some(self.timeout));
        let (opened, clock) = (Arc::clone(&self.opened), self.clock.clone());
        let connector = service_fn(move |target| {
            let connecting = inner.clone().oneshot(target);
            let (key, opened, clock) = (key.clone(), Arc::clone(&opened), clock.clone());
            async move {
                let connection = connecting.await?;
                let now = clock.now();
                let mut opened = locked(&opened);
                let (count, latest) = opened.entry(key).or_insert((0, now));
                (*count, *latest) = (*count + 1, now);
                Ok::<_, BoxError>(connection)
            }
        });
        Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(IDLE_SECONDS))
            .build(Connector::new(connector))
    }

    /// The connections that were opened, by gateway and backend.
    pub(crate) fn connections(&self) -> Vec<Connections> {
        let opened = locked(&self.opened);
        let shown = |((gateway, backend), (opened, latest)): (&Key, &(u64, Timestamp))| {
            let (gateway, backend) = (*gateway, backend.clone());
            Connections { gateway, backend, opened: *opened, latest: *latest }
        };
        opened.iter().map(shown).collect()
    }
}
