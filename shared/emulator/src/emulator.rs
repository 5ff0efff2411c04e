//! The handle: starts an emulator, looks at it, and makes things go wrong.

use crate::{
    address::Address,
    answer::Answer,
    arm,
    clock::Clock,
    courier,
    event_grid::{SubscribeError, Subscription},
    fault::{Fault, FaultId, Kind, Match},
    gateway::{balance::Seat, forward::Connections, routes::BreakerState, traffic::Traffic},
    identity, keep,
    options::{Options, Ports},
    proxy,
    reconnect::Reconnect,
    record::Received,
    serve::{Cut, Server},
    service::Service,
    service_bus::{self, Bus},
    state::Shared,
    store::Effect,
    view::{Stored, View},
};
use axum::response::Response;
use http::{Method, Request};
use hyper::body::Incoming;
use serde_json::{Value, json};
use std::{fmt, io, path::PathBuf, sync::Arc, time::Duration};
use tokio::task::JoinSet;

/// Who has the tokens that a test did not ask the identity endpoints for.
const PRINCIPAL: &str = "the test";
/// How many requests an error shows.
const REQUESTS_SHOWN: usize = 20;

/// A running emulator. Clones are the same one; the last one dropped ends it at once,
/// [`Emulator::stop`] ends it in good order.
#[derive(Clone)]
pub struct Emulator(Arc<Running>);

struct Running {
    shared: Arc<Shared>,
    arm: Server,
    gateway: Server,
    identity: Server,
    service_bus: Option<(Arc<Bus>, Server)>,
    /// Those who keep the time and the file, and deliver events.
    _tasks: JoinSet<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shared.stopping.send_replace(true);
    }
}

/// Why an emulator does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A port of [`crate::Ports`] cannot be had.
    #[error("the emulated {what} cannot listen on 127.0.0.1:{port}")]
    Port {
        /// Which endpoint.
        what: &'static str,
        /// Where it was to listen.
        port: u16,
        /// What the system says.
        #[source]
        cause: io::Error,
    },
    /// The file of [`crate::ServiceBus`] cannot be used.
    #[error("the file of Service Bus cannot be used: {0}")]
    ServiceBus(String),
    /// The state file cannot be used.
    #[error(
        "the state file {} cannot be used: {why}; name another, or remove it to start \
         fresh", path.display()
    )]
    State {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

/// What was waited for did not come.
#[derive(Debug, thiserror::Error)]
#[error("it did not come within {bound:?}; the latest requests:\n{requests}")]
pub struct TimedOut {
    bound: Duration,
    requests: String,
}

/// A test ended with something left over; a line for each thing.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the emulator was left with:\n  {}", .0.join("\n  "))]
pub struct Leftovers(Vec<String>);

/// The foreign writer was refused, as anyone would have been.
#[derive(Debug, thiserror::Error)]
#[error("the service answered {status}: {body}")]
pub struct Refused {
    status: u16,
    body: String,
}

impl Emulator {
    /// Starts an emulator on the running tokio runtime.
    ///
    /// # Errors
    /// When a port of [`Options::ports`] is taken, or when the state file cannot be used.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let ports = options.ports;
        let path = options.state_file.clone().unwrap_or_default();
        let unusable = |why| StartError::State { path: path.clone(), why };
        let shared = Arc::new(Shared::new(options).map_err(unusable)?);
        let arm = listen("Resource Manager", ports.arm, &shared, arm::handle).await?;
        let gateway = listen("gateway", ports.gateway, &shared, proxy::handle).await?;
        let identity = listen("identity", ports.identity, &shared, identity::handle).await?;
        let service_bus = match shared.options.service_bus.clone() {
            Some(options) => {
                let bus = Arc::new(Bus::open(options).map_err(StartError::ServiceBus)?);
                let handler = Arc::clone(&bus);
                let handle = move |shared, request| {
                    service_bus::handle(shared, Arc::clone(&handler), request)
                };
                Some((bus, listen("Service Bus", ports.service_bus, &shared, handle).await?))
            }
            None => None,
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(Arc::clone(&shared).keep_time());
        tasks.spawn(keep::keep(Arc::clone(&shared)));
        if !shared.kept().await {
            return Err(StartError::State { path, why: "it cannot be written".to_owned() });
        }
        tasks.spawn(courier::deliver(Arc::clone(&shared)));
        Ok(Self(Arc::new(Running { shared, arm, gateway, identity, service_bus, _tasks: tasks })))
    }

    /// Takes no more requests and waits until those under way are answered; after 2 s they are
    /// cut. What is held by the clock (latencies) is cut at once. The state can still be read.
    pub async fn stop(&self) {
        self.shared().stopping.send_replace(true);
        let bus = self.0.service_bus.iter().map(|(_, server)| server);
        let servers: Vec<_> =
            [&self.0.arm, &self.0.gateway, &self.0.identity].into_iter().chain(bus).collect();
        for server in &servers {
            server.stop();
        }
        for server in &servers {
            server.finished().await;
        }
        self.saved().await;
    }

    /// Waits until all that has happened so far is in the state file; false when it cannot be
    /// written. Without one there is nothing to wait for.
    pub async fn saved(&self) -> bool {
        self.shared().kept().await
    }

    fn shared(&self) -> &Shared {
        &self.0.shared
    }

    /// Where Azure Resource Manager is, `http://127.0.0.1:port`; the admin endpoints are there too.
    pub fn arm_url(&self) -> String {
        self.0.arm.url()
    }

    /// Where the gateway is. `{gateway_url}/{backend}/...` is routed, `/metrics` is for Prometheus.
    pub fn gateway_url(&self) -> String {
        self.0.gateway.url()
    }

    /// Where the identity endpoints are.
    pub fn identity_url(&self) -> String {
        self.0.identity.url()
    }

    /// Where Service Bus is, in place of `https://{namespace}.servicebus.windows.net`; none where there is
    /// none.
    pub fn service_bus_url(&self) -> Option<String> {
        self.0.service_bus.as_ref().map(|(_, server)| server.url())
    }

    /// How many messages a queue of Service Bus has, scheduled and locked ones included, and how many dead
    /// letters; none where there is no such queue.
    pub fn messages(&self, queue: &str) -> Option<(u64, u64)> {
        self.0.service_bus.as_ref()?.0.count(queue)
    }

    /// The ports in the order of [`crate::Ports`]: Resource Manager, gateway, identity, Service Bus.
    pub fn ports(&self) -> Ports {
        Ports {
            arm: self.0.arm.port(),
            gateway: self.0.gateway.port(),
            identity: self.0.identity.port(),
            service_bus: self.0.service_bus.as_ref().map_or(0, |(_, server)| server.port()),
        }
    }

    /// The environment of a process whose managed identity shall come from here: App Service's
    /// `IDENTITY_ENDPOINT` and `IDENTITY_HEADER`.
    pub fn identity_env(&self) -> [(&'static str, String); 2] {
        let endpoint = format!("{}{}", self.identity_url(), identity::APP_SERVICE_PATH);
        let secret = identity::secret(self.shared().options.seed);
        [("IDENTITY_ENDPOINT", endpoint), ("IDENTITY_HEADER", secret)]
    }

    /// The emulated service, the first one where there are several.
    pub fn service(&self) -> &Service {
        &self.shared().options.service
    }

    /// The emulator's clock.
    pub fn clock(&self) -> &Clock {
        &self.shared().clock
    }

    /// A token for Azure Resource Manager, for a test that does not want to ask for one.
    pub fn token(&self) -> String {
        let audience = self.shared().options.audiences.first();
        let audience = audience.map_or(String::new(), Clone::clone);
        self.token_for(&audience, self.shared().options.token_lifetime)
    }

    /// A token for any resource, with a lifetime of its own.
    pub fn token_for(&self, audience: &str, lifetime: Duration) -> String {
        let now = self.clock().now();
        self.shared().change(|state| state.tokens.issue(PRINCIPAL, audience, lifetime, now)).0
    }

    /// Makes every token so far invalid.
    pub fn revoke_tokens(&self) {
        self.shared().change(|state| state.tokens.revoke());
    }
}

async fn listen<F>(
    what: &'static str,
    port: u16,
    shared: &Arc<Shared>,
    handle: impl Fn(Arc<Shared>, Request<Incoming>) -> F + Send + Sync + 'static,
) -> Result<Server, StartError>
where
    F: Future<Output = Result<Response, Cut>> + Send + 'static,
{
    let shared = Arc::clone(shared);
    let server = Server::start(port, move |request| handle(Arc::clone(&shared), request)).await;
    server.map_err(|cause| StartError::Port { what, port, cause })
}

/// Event Grid.
impl Emulator {
    /// Subscribes a webhook to the events of circuit breakers, from now on, if it consents.
    ///
    /// # Errors
    /// When the endpoint or a header is not valid, or when the webhook does not consent.
    pub async fn subscribe(&self, subscription: Subscription) -> Result<(), SubscribeError> {
        courier::validate(self.shared(), &subscription).await?;
        self.shared().change(|state| state.events.subscribe(subscription, true));
        Ok(())
    }

    /// Ends a subscription; false when there is none of that name.
    pub fn unsubscribe(&self, name: &str) -> bool {
        self.shared().change(|state| state.events.unsubscribe(name))
    }
}

/// Faults, and writes by others.
impl Emulator {
    /// Lets something go wrong from now on.
    pub fn inject(&self, fault: Fault) -> FaultId {
        self.shared().inject(fault)
    }

    /// Answers everything with 429 and a Retry-After until `lasts` from now, by the emulator's
    /// clock.
    pub fn throttle(&self, on: Match, lasts: Duration) -> FaultId {
        self.inject(Fault::always(on, Kind::Throttle { lasts }))
    }

    /// Removes one fault; false when it is spent or was never there.
    pub fn clear(&self, fault: FaultId) -> bool {
        self.shared().change(|state| state.faults.remove(fault))
    }

    /// Removes all faults. Writes that are late already stay late.
    pub fn clear_faults(&self) {
        self.shared().change(|state| state.faults.clear());
    }

    /// Lands every write that is late, in the order in which they were sent, its If-Match
    /// honoured; gives the number of each request and its effect.
    pub fn land(&self) -> Vec<(u64, Effect)> {
        self.shared().change(|state| state.land_all(self.clock().now()))
    }

    /// Replaces or creates a backend as Terraform does, without If-Match; gives the new ETag.
    /// `body` is the whole, `{"properties": {...}}`.
    ///
    /// # Errors
    /// When the service would not take it.
    pub fn foreign_put(
        &self,
        backend: impl Into<Address>,
        body: &Value,
    ) -> Result<String, Refused> {
        self.foreign(Method::PUT, &backend.into(), body)
    }

    /// Merges into a backend as a person at the portal does, without If-Match; gives the new ETag.
    ///
    /// # Errors
    /// When the service would not take it.
    pub fn foreign_patch(
        &self,
        backend: impl Into<Address>,
        body: &Value,
    ) -> Result<String, Refused> {
        self.foreign(Method::PATCH, &backend.into(), body)
    }

    /// Deletes a backend as someone else does.
    ///
    /// # Errors
    /// None today: deleting what is not there succeeds too.
    pub fn foreign_delete(&self, backend: impl Into<Address>) -> Result<(), Refused> {
        self.foreign(Method::DELETE, &backend.into(), &Value::Null).map(drop)
    }

    fn foreign(&self, verb: Method, backend: &Address, body: &Value) -> Result<String, Refused> {
        let (body, now) = (body.to_string().into(), self.clock().now());
        let answer = self.shared().change(|state| state.foreign(verb, backend, body, now));
        let Answer { status, body, effect, .. } = answer;
        if let Effect::Written { etag } = effect {
            return Ok(etag);
        }
        if status.is_success() {
            return Ok(String::new());
        }
        Err(Refused { status: status.as_u16(), body: String::from_utf8_lossy(&body).into_owned() })
    }

    /// Puts a Single that leads to `url`; gives its ETag.
    ///
    /// # Errors
    /// When the service would not take it.
    pub fn put_single(&self, backend: impl Into<Address>, url: &str) -> Result<String, Refused> {
        let body = json!({"properties": {"type": "Single", "url": url, "protocol": "http"}});
        self.foreign_put(backend, &body)
    }

    /// Puts a Pool of (member, weight, priority), the members by name; gives its ETag. A weight or
    /// priority of none is left out.
    ///
    /// # Errors
    /// When the service would not take it.
    pub fn put_pool(
        &self,
        pool: impl Into<Address>,
        members: &[(&str, Option<u32>, Option<u32>)],
    ) -> Result<String, Refused> {
        let pool = pool.into();
        let services: Value = members
            .iter()
            .map(|(member, weight, priority)| {
                let member = pool.beside(member);
                let mut service = json!({"id": self.service().backend_id(&member)});
                for (key, number) in [("weight", weight), ("priority", priority)] {
                    if let Some(number) = number {
                        service[key] = json!(number);
                    }
                }
                service
            })
            .collect();
        let body = json!({"properties": {"type": "Pool", "pool": {"services": services}}});
        self.foreign_put(pool, &body)
    }
}

/// Looking.
impl Emulator {
    /// Looks at the state of one moment. The closure runs under the emulator's lock: it must not
    /// call the emulator itself, and not take long.
    pub fn view<T>(&self, look: impl FnOnce(&View<'_>) -> T) -> T {
        let state = self.shared().lock();
        look(&View::new(&state, self.clock().now()))
    }

    /// Waits until `condition` holds, looking again at every change and every step of the clock;
    /// at most `bound` in real time. The closure runs under the emulator's lock, as in
    /// [`Emulator::view`].
    ///
    /// # Errors
    /// [`TimedOut`] with the latest requests, when it did not hold in time.
    pub async fn wait_for(
        &self,
        condition: impl Fn(&View<'_>) -> bool,
        bound: Duration,
    ) -> Result<(), TimedOut> {
        let deadline = tokio::time::Instant::now() + bound;
        let (mut changes, mut steps) = (self.shared().changes.subscribe(), self.clock().steps());
        loop {
            if self.view(&condition) {
                return Ok(());
            }
            tokio::select! {
                _ = changes.changed() => {}
                _ = steps.changed() => {}
                () = tokio::time::sleep_until(deadline) => {
                    return Err(TimedOut { bound, requests: self.latest() });
                }
            }
        }
    }

    fn latest(&self) -> String {
        self.view(|view| {
            let mut latest: Vec<_> = view.requests().rev().take(REQUESTS_SHOWN).collect();
            latest.reverse();
            let lines: Vec<_> = latest.iter().map(|received| format!("  {received}")).collect();
            lines.join("\n")
        })
    }

    /// The requests on record, oldest first.
    pub fn requests(&self) -> Vec<Received> {
        self.view(|view| view.requests().cloned().collect())
    }

    /// What clients sent to change `backend` (PUT, PATCH, DELETE), whatever the result.
    pub fn writes(&self, backend: impl Into<Address>) -> Vec<Received> {
        self.view(|view| view.writes(backend).cloned().collect())
    }

    /// A backend, when there is one.
    pub fn backend(&self, backend: impl Into<Address>) -> Option<Stored> {
        self.view(|view| view.backend(backend))
    }

    /// The members of a pool, in order; empty when it is not a pool.
    pub fn seats(&self, pool: impl Into<Address>) -> Vec<Seat> {
        self.view(|view| view.seats(pool))
    }

    /// The reconnects that were accepted, oldest first.
    pub fn reconnects(&self) -> Vec<Reconnect> {
        self.view(|view| view.reconnects().to_vec())
    }

    /// What went through the gateway so far.
    pub fn traffic(&self) -> Traffic {
        self.view(|view| view.traffic().clone())
    }

    /// The circuit breaker rules, of every gateway.
    pub fn breakers(&self) -> Vec<BreakerState> {
        self.shared().lock().gateways.breakers(self.clock().now())
    }

    /// The connections that the gateways have opened to the backends.
    pub fn connections(&self) -> Vec<Connections> {
        self.shared().forwarder.connections()
    }

    /// Forgets the requests and their totals, as between the phases of a benchmark. Faults,
    /// backends and traffic stay.
    pub fn forget_requests(&self) {
        self.shared().lock().record.clear();
    }

    /// Whether a test that ends now has left something over: a fault that was never met, a late
    /// write that never landed, a call that is not known here.
    ///
    /// # Errors
    /// [`Leftovers`], a line for each.
    pub fn leftovers(&self) -> Result<(), Leftovers> {
        let left = self.shared().lock().leftovers();
        if left.is_empty() { Ok(()) } else { Err(Leftovers(left)) }
    }

    /// Ends a test: [`Emulator::leftovers`] as a panic.
    ///
    /// # Panics
    /// When something was left over; the message has a line for each.
    #[track_caller]
    pub fn finish(&self) {
        if let Err(leftovers) = self.leftovers() {
            panic!("{leftovers}");
        }
    }
}

impl fmt::Debug for Emulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Emulator")
            .field("arm", &self.arm_url())
            .field("gateway", &self.gateway_url())
            .field("identity", &self.identity_url())
            .finish_non_exhaustive()
    }
}
