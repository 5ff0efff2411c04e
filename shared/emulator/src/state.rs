//! Everything the emulator remembers, behind one lock, and how it follows the clock.
//!
//! One lock makes one story: a request meets its faults, is executed and put down without another
//! coming between. It is held for microseconds and never across an await.
//!
//! What is due by the clock (late writes, reconnects, configuration on its way to the gateway)
//! happens in the order of its due times before anyone looks: taking the lock catches up first.
//! So what a test sees after a step of the clock does not depend on when a background task runs;
//! that task only wakes those who wait.

use crate::{
    address::{Address, Operation, Target, encoded, names_wrong, pairs},
    answer::{Answer, Detail},
    clock::{self, Clock},
    duration,
    event_grid::{EventGrid, Subscription},
    fault::{Fate, Fault, FaultId, Faults, Standing},
    gateway::{
        breaker::Came,
        forward::Forwarder,
        routes::{Gateways, Switched},
        traffic::Traffic,
    },
    keep::{Keeper, Kept, LoadError},
    options::{Options, RECONNECT_AFTER_MIN},
    record::{Origin, Outcome, Received, Record},
    service::Services,
    store::{Backends, Change, Effect},
    throttle::Buckets,
    token::Tokens,
    unpublished::BelowMinimum,
    version::{ApiVersion, WORKSPACES},
};
use bytes::Bytes;
use http::{Method, StatusCode};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::{Notify, watch};

/// How many reconnects are remembered after they were done.
const RECONNECTS_KEPT: usize = 1_000;

/// A reconnect that was accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reconnect {
    /// The backend.
    pub backend: Address,
    /// When it was asked for, by the emulator's clock.
    pub asked: Timestamp,
    /// How long after that the gateway connects anew.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::required")]
    pub after: Duration,
    /// When that is.
    pub due: Timestamp,
    /// Whether it has been done.
    pub done: bool,
}

/// A request as it came over the wire, read and understood.
#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) at: Timestamp,
    pub(crate) instant: Instant,
    pub(crate) origin: Origin,
    pub(crate) verb: Method,
    pub(crate) host: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) target: Target,
    pub(crate) version: ApiVersion,
    pub(crate) if_match: Option<String>,
    pub(crate) client_request_id: Option<String>,
    pub(crate) body: Bytes,
}

impl Call {
    pub(crate) fn received(&self, operation: Operation) -> Received {
        Received {
            number: 0,
            at: self.at,
            instant: self.instant,
            origin: self.origin,
            operation,
            verb: self.verb.clone(),
            path: self.path.clone(),
            query: self.query.clone(),
            backend: self.target.backend().cloned(),
            if_match: self.if_match.clone(),
            client_request_id: self.client_request_id.clone(),
            body: self.body.clone(),
            outcome: Outcome::Pending,
            effect: Effect::None,
        }
    }
}

/// A write that is on its way.
pub(crate) struct Late {
    pub(crate) number: u64,
    pub(crate) call: Call,
    pub(crate) due: Option<Timestamp>,
}

pub(crate) struct State {
    options: Arc<Options>,
    pub(crate) services: Arc<Services>,
    pub(crate) backends: Backends,
    pub(crate) faults: Faults,
    pub(crate) record: Record,
    pub(crate) buckets: Buckets,
    pub(crate) tokens: Tokens,
    pub(crate) gateways: Gateways,
    pub(crate) events: EventGrid,
    turn: usize,
    pub(crate) traffic: Traffic,
    pub(crate) late: Vec<Late>,
    pub(crate) reconnects: Vec<Reconnect>,
    /// Goes up with every change that a restart must not lose.
    pub(crate) revision: u64,
    keeper: Option<Arc<Keeper>>,
}

/// What the endpoints, the timekeeper and the handles share.
pub(crate) struct Shared {
    pub(crate) options: Arc<Options>,
    pub(crate) services: Arc<Services>,
    pub(crate) clock: Clock,
    pub(crate) stopping: watch::Sender<bool>,
    pub(crate) forwarder: Arc<Forwarder>,
    pub(crate) events_due: Arc<Notify>,
    pub(crate) keeper: Option<Arc<Keeper>>,
    state: Mutex<State>,
    changed: Notify,
    due_changed: Notify,
}

impl Shared {
    /// A fresh state, or the one of the file.
    pub(crate) fn new(options: Options) -> Result<Self, LoadError> {
        let options = Arc::new(options);
        let services = Arc::new(Services::new(options.service.clone(), &options.services));
        let clock = Clock::default();
        let events_due = Arc::new(Notify::new());
        let keeper = options.state_file.clone().map(Keeper::new).map(Arc::new);
        let forwarder = Arc::new(Forwarder::new(options.forward_timeout, clock.clone()));
        let mut state = State {
            services: Arc::clone(&services),
            backends: Backends::new(Arc::clone(&services), options.unpublished.clone()),
            faults: Faults::default(),
            record: Record::new(options.requests_kept),
            buckets: Buckets::default(),
            tokens: Tokens::new(options.seed),
            gateways: Gateways::new(options.gateways, options.seed, &options.unpublished),
            events: EventGrid::new(&options.subscriptions, options.seed, Arc::clone(&events_due)),
            turn: 0,
            traffic: Traffic::default(),
            late: Vec::new(),
            reconnects: Vec::new(),
            // The file has nothing yet, and is to have this.
            revision: 1,
            keeper: keeper.clone(),
            options: Arc::clone(&options),
        };
        let kept = match &options.state_file {
            Some(path) => Kept::load(path, &options.service.id())?,
            None => None,
        };
        match kept {
            Some(kept) => state.restore(kept, &clock),
            None => {
                for fault in &options.faults {
                    state.inject(fault.clone(), clock.now());
                }
            }
        }
        Ok(Self {
            keeper,
            options,
            services,
            clock,
            stopping: watch::Sender::new(false),
            forwarder,
            events_due,
            state: Mutex::new(state),
            changed: Notify::new(),
            due_changed: Notify::new(),
        })
    }

    /// Waits until what has happened so far is in the file, if there is one; false when it cannot
    /// be written.
    pub(crate) async fn kept(&self) -> bool {
        let Some(keeper) = &self.keeper else {
            return true;
        };
        let revision = self.lock().revision;
        keeper.has(revision).await
    }

    /// The state as of now: what is due has happened.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        // A panic while it was held is a test's own; the state is whole between any two calls.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        if state.next_due().is_some_and(|due| due <= now) {
            state.catch_up(now);
            self.changed();
        }
        state
    }

    /// Wakes everyone who waits for the state to be different.
    pub(crate) fn changed(&self) {
        self.changed.notify_waiters();
    }

    /// Says that something has got a due time.
    pub(crate) fn due_changed(&self) {
        self.due_changed.notify_one();
    }

    /// Waits for the next change.
    pub(crate) fn next_change(&self) -> tokio::sync::futures::Notified<'_> {
        self.changed.notified()
    }

    /// Makes things happen when they are due, so that those who wait for them wake.
    pub(crate) async fn keep_time(&self) {
        loop {
            let due = self.lock().next_due();
            let at_due = async {
                match due {
                    Some(due) => self.clock.sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = at_due => {}
                () = self.due_changed.notified() => {}
            }
        }
    }
}

impl State {
    fn next_due(&self) -> Option<Timestamp> {
        let late = self.late.iter().filter_map(|late| late.due);
        let waiting = self.reconnects.iter().filter(|reconnect| !reconnect.done);
        late.chain(waiting.map(|reconnect| reconnect.due)).chain(self.gateways.next_due()).min()
    }

    fn catch_up(&mut self, now: Timestamp) {
        loop {
            let due = self.late.iter().enumerate().filter_map(|(i, late)| Some((late.due?, i)));
            match due.min() {
                Some((due, index)) if due <= now => {
                    self.land(index, due);
                }
                Some(_) | None => break,
            }
        }
        self.settle(now);
        let mut done = false;
        for reconnect in &mut self.reconnects {
            if !reconnect.done && reconnect.due <= now {
                reconnect.done = true;
                self.gateways.reconnect(&reconnect.backend);
                done = true;
            }
        }
        if done {
            self.touch();
        }
        if self.reconnects.len() > RECONNECTS_KEPT {
            let surplus = self.reconnects.len() - RECONNECTS_KEPT;
            let mut dropped = 0;
            self.reconnects.retain(|reconnect| {
                let drop = reconnect.done && dropped < surplus;
                dropped += usize::from(drop);
                !drop
            });
        }
    }

    /// Executes a write that was late; the request's number, and what came of it.
    pub(crate) fn land(&mut self, index: usize, now: Timestamp) -> (u64, Effect) {
        let Late { number, call, .. } = self.late.remove(index);
        let (answer, effect) = self.execute(&call, now);
        let effect =
            if effect.happened() { effect } else { Effect::Lost { status: answer.status } };
        self.record.effect(number, call.target.backend(), effect.clone());
        (number, effect)
    }

    /// Something is different that a restart must not lose.
    fn touch(&mut self) {
        self.revision += 1;
        if let Some(keeper) = &self.keeper {
            keeper.want(self.revision);
        }
    }

    /// Goes on with what a file has. The gateways have it at once: they had it before.
    fn restore(&mut self, kept: Kept, clock: &Clock) {
        clock.set_skew(kept.skew);
        let now = clock.now();
        self.record.restore(kept.requests);
        self.backends.restore(kept.backends);
        self.tokens.restore(kept.tokens);
        self.faults.restore(kept.faults);
        self.events.restore(kept.subscriptions);
        self.reconnects = kept.reconnects;
        for entry in self.backends.all() {
            self.gateways.announce(&entry.address, Some(&entry.properties), |_| now);
        }
        self.settle(now);
    }

    /// Lets something go wrong from now on.
    pub(crate) fn inject(&mut self, mut fault: Fault, now: Timestamp) -> FaultId {
        fault.on.backend = fault.on.backend.map(|backend| self.services.home(backend));
        self.touch();
        self.faults.inject(fault, now)
    }

    /// Takes one fault back; false when there is none of that name.
    pub(crate) fn remove_fault(&mut self, fault: FaultId) -> bool {
        self.touch();
        self.faults.remove(fault)
    }

    /// Takes all faults back.
    pub(crate) fn clear_faults(&mut self) {
        self.touch();
        self.faults.clear();
    }

    /// What befalls a request; uses up what befell it.
    pub(crate) fn meet(&mut self, call: &Call, operation: Operation) -> Fate {
        let backends = &self.backends;
        let earlier = || backends.has_earlier(&call.target);
        let fate = self.faults.meet(operation, call.target.backend(), call.at, earlier);
        if fate != Fate::default() {
            self.touch();
        }
        fate
    }

    /// Gives `principal` a token; and says when it ends.
    pub(crate) fn issue(
        &mut self,
        principal: &str,
        audience: &str,
        lifetime: Duration,
        now: Timestamp,
    ) -> (String, Timestamp) {
        self.touch();
        self.tokens.issue(principal, audience, lifetime, now)
    }

    /// Makes every token so far invalid.
    pub(crate) fn revoke_tokens(&mut self) {
        self.touch();
        self.tokens.revoke();
    }

    /// Sends the events of circuit breakers to a webhook that has consented.
    pub(crate) fn subscribe(&mut self, subscription: Subscription) {
        self.touch();
        self.events.subscribe(subscription, true);
    }

    /// Ends a subscription; false when there is none of that name.
    pub(crate) fn unsubscribe(&mut self, name: &str) -> bool {
        self.touch();
        self.events.unsubscribe(name)
    }

    /// Does what a request asks for, and says what there is to answer.
    pub(crate) fn execute(&mut self, call: &Call, now: Timestamp) -> (Answer, Effect) {
        self.execute_as_of(call, 0, now)
    }

    /// [`State::execute`]; a read sees what was so many `writes` ago.
    pub(crate) fn execute_as_of(
        &mut self,
        call: &Call,
        writes: usize,
        now: Timestamp,
    ) -> (Answer, Effect) {
        if let Some(place) = call.target.place() {
            if place.workspace().is_some() && call.version < WORKSPACES {
                return (Answer::type_unknown(Some(call.version)), Effect::None);
            }
            let wrong = names_wrong(call.target.operation(), place);
            if !wrong.is_empty() {
                let wrong = wrong.into_iter().map(|(name, words)| Detail::new(name, words));
                return (Answer::invalid(wrong.collect()), Effect::None);
            }
        }
        let answer = match &call.target {
            Target::Backend(Operation::Reconnect, address) => {
                return self.reconnect(address, &call.body, now);
            }
            Target::Backend(Operation::Get, address) => {
                self.backends.read(address, call.version, writes)
            }
            Target::Backend(Operation::Head, address) => {
                self.backends.read(address, call.version, writes).bodiless()
            }
            Target::Backend(operation, address) => {
                let change = Change {
                    operation: *operation,
                    address,
                    if_match: call.if_match.as_deref(),
                    version: call.version,
                    body: &call.body,
                };
                return self.write(&change, now);
            }
            Target::Collection(place) => {
                let query = pairs(&call.query);
                let next = |skip| next_link(call, &query, skip);
                self.backends.list(place, call.version, &query, writes, next)
            }
            Target::Elsewhere(unfound) => Answer::unfound(unfound),
            Target::WrongVerb => Answer::manager(
                StatusCode::METHOD_NOT_ALLOWED,
                "HttpMethodNotAllowed",
                "The HTTP method is not allowed for this resource.",
            ),
            Target::Unknown => Answer::type_unknown(None),
        };
        (answer, Effect::None)
    }

    /// A PUT, PATCH or DELETE, and the word of it to the gateway.
    fn write(&mut self, change: &Change<'_>, now: Timestamp) -> (Answer, Effect) {
        let (answer, effect) = self.backends.write(change);
        if effect.happened() {
            let properties = self.backends.get(change.address).map(|entry| &entry.properties);
            let Options { gateway_delay, gateway_stagger, .. } = *self.options;
            self.gateways.announce(change.address, properties, |number| {
                let stagger =
                    gateway_stagger.saturating_mul(u32::try_from(number).unwrap_or(u32::MAX));
                clock::later(now, gateway_delay.saturating_add(stagger))
            });
            self.settle(now);
            self.touch();
        }
        (answer, effect)
    }

    /// The gateway whose turn it is.
    pub(crate) fn turn(&mut self) -> usize {
        let turn = self.turn;
        self.turn = (turn + 1) % self.gateways.count();
        turn
    }

    /// Tells a gateway what came, at `now`, of a request that began before.
    pub(crate) fn came(
        &mut self,
        gateway: usize,
        backend: &Address,
        came: Came,
        began: Timestamp,
        now: Timestamp,
    ) {
        let opened = self.gateways.came(gateway, backend, came, began, now);
        self.switched(&opened);
    }

    /// Lets everything happen at the gateways that is due.
    fn settle(&mut self, now: Timestamp) {
        let closed = self.gateways.catch_up(now);
        self.switched(&closed);
    }

    fn switched(&mut self, switched: &[Switched]) {
        for switched in switched {
            self.events.publish(switched, &self.services);
        }
    }

    fn reconnect(&mut self, address: &Address, body: &[u8], now: Timestamp) -> (Answer, Effect) {
        match self.accept_reconnect(address, body, now) {
            Ok(reconnect) => {
                self.reconnects.push(reconnect);
                self.touch();
                (Answer::empty(StatusCode::ACCEPTED), Effect::Reconnects)
            }
            Err(refused) => (refused, Effect::None),
        }
    }

    fn accept_reconnect(
        &self,
        address: &Address,
        body: &[u8],
        now: Timestamp,
    ) -> Result<Reconnect, Answer> {
        let entry = self.backends.get(address).ok_or_else(Answer::not_found)?;
        let wrong = |message: String| Answer::invalid(vec![Detail::new("after", message)]);
        if crate::backend::is_pool(&entry.properties) {
            // Not published; a pool has no connection of its own (assumed).
            return Err(wrong("Reconnect is not supported for backend pool.".to_owned()));
        }
        let asked = after(body)?.unwrap_or(RECONNECT_AFTER_MIN);
        let after = if asked >= RECONNECT_AFTER_MIN {
            asked
        } else {
            match self.options.unpublished.reconnect_below_minimum {
                BelowMinimum::Refuse => {
                    // The page's words, after what was asked for.
                    let asked = duration::printed(asked);
                    return Err(wrong(format!(
                        "{asked}: minimum duration of the Reconnect is PT2M"
                    )));
                }
                BelowMinimum::Raise => RECONNECT_AFTER_MIN,
                BelowMinimum::Accept => asked,
            }
        };
        Ok(Reconnect {
            backend: entry.address.clone(),
            asked: now,
            after,
            due: clock::later(now, after),
            done: false,
        })
    }

    /// What a test that ends now has left behind, a line each.
    pub(crate) fn leftovers(&self) -> Vec<String> {
        let fault = |standing: &Standing| format!("a fault was never met: {standing}");
        let late = |late: &Late| {
            let Call { verb, path, .. } = &late.call;
            format!("a late write never landed: #{} {verb} {path}", late.number)
        };
        let unknown = |call: &String| format!("an unexpected call: {call}");
        let faults = self.faults.unmet().map(fault);
        faults.chain(self.late.iter().map(late)).chain(self.record.unknown().map(unknown)).collect()
    }
}

/// The `after` of a reconnect's body, which is optional, and so is everything in it.
fn after(body: &[u8]) -> Result<Option<Duration>, Answer> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(None);
    }
    let body: Value =
        serde_json::from_slice(body).map_err(|error| Answer::unreadable(&error.to_string()))?;
    let Some(after) = body.pointer("/properties/after").filter(|a| !a.is_null()) else {
        return Ok(None);
    };
    match after.as_str().and_then(duration::parsed) {
        Some(duration) => Ok(Some(duration)),
        None => {
            let words = format!("{after} is not an ISO 8601 duration like PT2M or P1DT12H");
            Err(Answer::invalid(vec![Detail::new("after", words)]))
        }
    }
}

fn next_link(call: &Call, query: &[(String, String)], skip: usize) -> String {
    let rest: String = query
        .iter()
        .filter(|(key, _)| key != "$skip")
        .map(|(key, value)| format!("{}={}&", encoded(key), encoded(value)))
        .collect();
    format!("http://{}{}?{rest}$skip={skip}", call.host, call.path)
}
