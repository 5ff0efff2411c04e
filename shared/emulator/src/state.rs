//! Everything the emulator remembers, behind one lock, and how it follows the clock.
//!
//! One lock makes one order: a request meets its faults, is executed and recorded without another
//! in between. It is held for microseconds and never across an await.
//!
//! What is due by the clock (late writes, reconnects, configuration on its way to the gateway)
//! happens in the order of its due times before anyone looks: taking the lock catches up first.
//! So what a test sees after a step of the clock does not depend on when a background task runs;
//! that task only wakes those who wait.

use crate::{
    address::{Address, Operation},
    answer::{Answer, CLIENT_REQUEST_ID, Detail},
    clock::{self, Clock},
    event_grid::EventGrid,
    fault::{Fate, Fault, FaultId, Faults, Standing},
    gateway::{
        breaker::{Ended, Turned},
        forward::{Forwarder, Route},
        routes::Gateways,
        traffic::Traffic,
    },
    keep::{self, Kept, Saved},
    options::Options,
    reconnect::{self, Reconnect},
    record::{Origin, Received, Record},
    serve::{Cut, text, told},
    services::Services,
    store::{Backends, Effect},
    target::{Target, names_wrong},
    throttle::Buckets,
    token::Tokens,
    version::{ApiVersion, WORKSPACES},
};
use bytes::Bytes;
use http::{HeaderName, StatusCode, header, request::Parts};
use jiff::{SignedDuration, Timestamp};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::watch;

/// A request as it came over the wire, read and understood.
#[derive(Clone)]
pub(crate) struct Call {
    /// As it is recorded; the record gives it its number.
    pub(crate) received: Received,
    pub(crate) host: String,
    pub(crate) target: Target,
    pub(crate) version: ApiVersion,
}

impl Call {
    /// What a client asks for by that head.
    pub(crate) fn of(
        head: &Parts,
        at: Timestamp,
        target: Target,
        version: ApiVersion,
        body: Bytes,
    ) -> Self {
        let text = |name: &HeaderName| text(&head.headers, name).map(str::to_owned);
        let (verb, path) = (head.method.clone(), head.uri.path());
        let received = Received {
            query: head.uri.query().unwrap_or_default().to_owned(),
            if_match: text(&header::IF_MATCH),
            client_request_id: text(&CLIENT_REQUEST_ID),
            ..Received::new(Origin::Client, &target, verb, path, at, body)
        };
        Self { received, host: text(&header::HOST).unwrap_or_default(), target, version }
    }
}

/// A write that is on its way.
pub(crate) struct Late {
    pub(crate) number: u64,
    pub(crate) call: Call,
    pub(crate) due: Option<Timestamp>,
}

/// How many reconnects are remembered after they were done.
const RECONNECTS_KEPT: usize = 1_000;

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
    pub(crate) traffic: Traffic,
    pub(crate) late: Vec<Late>,
    pub(crate) reconnects: Vec<Reconnect>,
    revision: watch::Sender<u64>,
}

/// What the endpoints, the timekeeper and the handles share.
pub(crate) struct Shared {
    pub(crate) options: Arc<Options>,
    pub(crate) services: Arc<Services>,
    pub(crate) clock: Clock,
    pub(crate) stopping: watch::Sender<bool>,
    pub(crate) forwarder: Arc<Forwarder>,
    /// Goes up with every change that a restart must not lose.
    pub(crate) revision: watch::Sender<u64>,
    /// How far the state file is.
    pub(crate) saved: watch::Sender<Saved>,
    /// Tells those who wait for the state to be different.
    pub(crate) changes: watch::Sender<()>,
    state: Mutex<State>,
}

impl Shared {
    /// A fresh state, or the one of the file; an error says why the file cannot be used.
    pub(crate) fn new(options: Options) -> Result<Self, String> {
        let options = Arc::new(options);
        let services = Arc::new(Services::new(options.service.clone(), &options.services));
        let clock = Clock::default();
        // The file has nothing yet, and is to have this.
        let revision = watch::Sender::new(1);
        let forwarder = Arc::new(Forwarder::new(options.forward_timeout, clock.clone()));
        let mut state = State {
            services: Arc::clone(&services),
            backends: Backends::new(Arc::clone(&services), options.unpublished.clone()),
            faults: Faults::default(),
            record: Record::new(options.requests_kept),
            buckets: Buckets::default(),
            tokens: Tokens::new(options.seed),
            gateways: Gateways::new(options.gateways, options.seed, &options.unpublished),
            events: EventGrid::new(&options.subscriptions, options.seed),
            traffic: Traffic::default(),
            late: Vec::new(),
            reconnects: Vec::new(),
            revision: revision.clone(),
            options: Arc::clone(&options),
        };
        let kept = match &options.state_file {
            Some(path) => Kept::load(path, &options.service.id())?,
            None => None,
        };
        let faults = if kept.is_none() { options.faults.clone() } else { Vec::new() };
        if let Some(kept) = kept {
            state.restore(kept, &clock);
        }
        let shared = Self {
            options,
            services,
            clock,
            stopping: watch::Sender::new(false),
            forwarder,
            revision,
            saved: watch::Sender::default(),
            changes: watch::Sender::default(),
            state: Mutex::new(state),
        };
        for fault in faults {
            shared.inject(fault);
        }
        Ok(shared)
    }

    /// Waits until what has happened so far is in the file, if there is one; false when it cannot
    /// be written.
    pub(crate) async fn kept(&self) -> bool {
        let revision = *self.revision.borrow();
        let mut saved = self.saved.subscribe();
        let enough = saved.wait_for(|saved| saved.revision >= revision);
        self.options.state_file.is_none() || enough.await.is_ok_and(|saved| !saved.failed)
    }

    /// The state as of now: what is due has happened.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        // A panic while it was held comes from a test; the state is complete between any two calls.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        if state.next_due().is_some_and(|due| due <= now) {
            state.catch_up(now);
            self.changed();
        }
        state
    }

    /// Changes what a restart must not lose, and wakes everyone who waits for a change.
    pub(crate) fn change<T>(&self, with: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.lock();
        state.touch();
        let done = with(&mut state);
        drop(state);
        self.changed();
        done
    }

    /// Lets something go wrong from now on.
    pub(crate) fn inject(&self, mut fault: Fault) -> FaultId {
        fault.on.backend = fault.on.backend.map(|backend| self.services.home(backend));
        let now = self.clock.now();
        self.change(|state| state.faults.inject(fault, now))
    }

    /// Waits for that long by the clock; an error where the emulator stops meanwhile.
    pub(crate) async fn sleep(&self, by: Duration) -> Result<(), Cut> {
        let mut stopping = self.stopping.subscribe();
        tokio::select! {
            () = self.clock.sleep(by) => Ok(()),
            () = told(&mut stopping) => Err(Cut),
        }
    }

    /// Wakes everyone who waits for the state to be different.
    pub(crate) fn changed(&self) {
        self.changes.send_replace(());
    }

    /// Makes things happen when they are due, so that those who wait for them wake.
    pub(crate) async fn keep_time(self: Arc<Self>) {
        let mut changes = self.changes.subscribe();
        loop {
            let due = self.lock().next_due();
            tokio::select! {
                () = self.clock.sleep_until(due.unwrap_or(Timestamp::MAX)) => {}
                _ = changes.changed() => {}
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
        while self.reconnects.len() > RECONNECTS_KEPT
            && let Some(oldest) = self.reconnects.iter().position(|reconnect| reconnect.done)
        {
            self.reconnects.remove(oldest);
        }
    }

    /// Executes a write that was late; gives the request's number and its effect.
    pub(crate) fn land(&mut self, index: usize, now: Timestamp) -> (u64, Effect) {
        let Late { number, call, .. } = self.late.remove(index);
        let Answer { effect, status, .. } = self.execute(&call, 0, now);
        let effect = if effect.happened() { effect } else { Effect::Lost { status } };
        self.record.effect(number, call.target.backend(), effect.clone());
        (number, effect)
    }

    /// The state as a file is to have it.
    pub(crate) fn kept(&self, skew: SignedDuration) -> Kept {
        Kept {
            version: keep::VERSION,
            service: self.options.service.id(),
            skew,
            requests: self.record.last,
            backends: self.backends.kept(),
            reconnects: self.reconnects.clone(),
            tokens: self.tokens.clone(),
            faults: self.faults.standing().to_vec(),
            subscriptions: self.events.subscriptions.clone(),
        }
    }

    /// Something is different that a restart must not lose.
    pub(crate) fn touch(&mut self) {
        self.revision.send_modify(|revision| *revision += 1);
    }

    /// Continues with what a file has. The gateways have it at once: they had it before.
    fn restore(&mut self, kept: Kept, clock: &Clock) {
        clock.set_skew(kept.skew);
        let now = clock.now();
        self.record.last = kept.requests;
        self.backends.restore(kept.backends);
        self.tokens.restore(kept.tokens);
        self.faults.restore(kept.faults);
        self.events.subscriptions = kept.subscriptions;
        self.reconnects = kept.reconnects;
        for entry in self.backends.all() {
            self.gateways.announce(&entry.address, Some(&entry.properties), |_| now);
        }
        self.settle(now);
    }

    /// The faults that hit a request; uses up one hit of each.
    pub(crate) fn meet(&mut self, call: &Call) -> Fate {
        let (backends, Received { operation, at, .. }) = (&self.backends, &call.received);
        let earlier = || backends.has_earlier(&call.target);
        let fate = self.faults.meet(*operation, call.target.backend(), *at, earlier);
        if fate != Fate::default() {
            self.touch();
        }
        fate
    }

    /// Does what a request asks for, and says what there is to answer; a read sees what was so many
    /// `writes` ago.
    pub(crate) fn execute(&mut self, call: &Call, writes: usize, now: Timestamp) -> Answer {
        self.try_to(call, writes, now).unwrap_or_else(|refused| refused)
    }

    fn try_to(&mut self, call: &Call, writes: usize, now: Timestamp) -> Result<Answer, Answer> {
        if let Some(place) = call.target.place() {
            if place.workspace().is_some() && call.version < WORKSPACES {
                return Err(Answer::type_unknown(Some(call.version)));
            }
            let wrong = names_wrong(call.target.operation(), place);
            if !wrong.is_empty() {
                let wrong = wrong.into_iter().map(|(name, words)| Detail::new(name, words));
                return Err(Answer::invalid(&wrong.collect::<Vec<_>>()));
            }
        }
        match &call.target {
            Target::Backend(Operation::Reconnect, address) => {
                self.reconnect(address, &call.received.body, now)
            }
            Target::Backend(Operation::Get, address) => {
                Ok(self.backends.read(address, call.version, writes))
            }
            Target::Backend(Operation::Head, address) => {
                Ok(self.backends.read(address, call.version, writes).bodiless())
            }
            Target::Backend(operation, address) => self.write(*operation, address, call, now),
            Target::Collection(place) => Ok(self.backends.list(place, call, writes)),
            Target::Inventory(subscription) => {
                let listed = self.services.inventory(subscription.as_deref());
                listed
                    .map(|listed| Answer::value(StatusCode::OK, &listed))
                    .map_err(|unfound| Answer::unfound(&unfound))
            }
            Target::Elsewhere(unfound) => Err(Answer::unfound(unfound)),
            Target::WrongVerb => Err(Answer::manager(
                StatusCode::METHOD_NOT_ALLOWED,
                "HttpMethodNotAllowed",
                "The HTTP method is not allowed for this resource.",
            )),
            Target::Unknown => Err(Answer::type_unknown(None)),
        }
    }

    /// A PUT, PATCH or DELETE, which is announced to the gateways.
    fn write(
        &mut self,
        operation: Operation,
        address: &Address,
        call: &Call,
        now: Timestamp,
    ) -> Result<Answer, Answer> {
        let answer = self.backends.write(operation, address, call)?;
        if answer.effect.happened() {
            let properties = self.backends.get(address).map(|entry| &entry.properties);
            let Options { gateway_delay, gateway_stagger, .. } = *self.options;
            self.gateways.announce(address, properties, |number| {
                let stagger =
                    gateway_stagger.saturating_mul(u32::try_from(number).unwrap_or(u32::MAX));
                clock::later(now, gateway_delay.saturating_add(stagger))
            });
            self.settle(now);
            self.touch();
        }
        Ok(answer)
    }

    /// Tells a gateway how a request ended.
    pub(crate) fn ended(&mut self, route: &Route, ended: Ended) {
        let opened = self.gateways.ended(route, ended);
        self.publish(opened);
    }

    /// Lets everything happen at the gateways that is due.
    fn settle(&mut self, now: Timestamp) {
        let closed = self.gateways.catch_up(now);
        self.publish(closed);
    }

    fn publish(&mut self, turned: Vec<(Address, Turned)>) {
        for (backend, turned) in turned {
            self.events.publish(&backend, turned, &self.services);
        }
    }

    fn reconnect(
        &mut self,
        address: &Address,
        body: &[u8],
        now: Timestamp,
    ) -> Result<Answer, Answer> {
        let entry = self.backends.get(address).ok_or_else(Answer::not_found)?;
        if crate::backend::is_pool(&entry.properties) {
            // Not published; a pool has no connection of its own (assumed).
            return Err(reconnect::wrong("Reconnect is not supported for backend pool."));
        }
        let after = reconnect::wait(body, self.options.unpublished.reconnect_below_minimum)?;
        let (backend, due) = (entry.address.clone(), clock::later(now, after));
        self.reconnects.push(Reconnect { backend, asked: now, after, due, done: false });
        self.touch();
        Ok(Answer::empty(StatusCode::ACCEPTED).after(Effect::Reconnects))
    }

    /// What a test that ends now has left behind, a line each.
    pub(crate) fn leftovers(&self) -> Vec<String> {
        let fault = |standing: &Standing| format!("a fault was never met: {standing}");
        let late = |late: &Late| {
            let Received { verb, path, .. } = &late.call.received;
            format!("a late write never landed: #{} {verb} {path}", late.number)
        };
        let unknown = |call: &String| format!("an unexpected call: {call}");
        let faults = self.faults.unmet().map(fault);
        faults.chain(self.late.iter().map(late)).chain(self.record.unknown().map(unknown)).collect()
    }
}
