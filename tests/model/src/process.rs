//! One process: the engine itself, on a runtime of its own with one thread and a clock that stands.
//!
//! It does nothing by itself. Each call of [`Running::enter`] lets all of its tasks run until they
//! wait for a turn or for a later time; to let the process die, its runtime is dropped with all of
//! them. What it takes in, by the queue or directly, it takes in as the host does. Its timers go by the world's clock: what passed there since the last call passes at the next.

use std::{
    cell::Cell,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use pointsman_core::{
    group::{Pause, Paused},
    lease::later,
};
use pointsman_engine::{
    Engine, Mode,
    direct::{self, Direct, Incoming, WAITING_MAX, Waiting},
    message::Outgoing,
    pause,
    ports::{Clock as _, Delivery},
};
use tokio::{
    runtime::{Builder, Runtime},
    sync::Mutex,
};

use crate::{ports::Ports, turns::Turns};

/// How often every task that can go on is asked to: no chain of tasks that wake each other is longer.
const ROUNDS: usize = 12;

/// A process.
#[derive(Debug)]
pub(crate) struct Process {
    /// How far its clock is off.
    pub(crate) skew: SignedDuration,
    /// None before anything was asked of it, and after a crash.
    pub(crate) running: Option<Running>,
}

impl Process {
    pub(crate) const fn new(skew: SignedDuration) -> Self {
        Self { skew, running: None }
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.running.as_ref().is_none_or(Running::is_idle)
    }
}

/// A process that runs.
#[derive(Debug)]
pub(crate) struct Running {
    runtime: Runtime,
    engine: Engine,
    ports: Arc<Ports>,
    /// What time it was in the world at the last call.
    last: Cell<Timestamp>,
    /// Whether it is taking messages in; one batch at a time, as the host does.
    taking_in: Arc<AtomicBool>,
    direct: Direct,
    incoming: Arc<Mutex<Incoming>>,
    /// How many deliveries have come directly and wait to be taken in.
    arrived: AtomicUsize,
}

impl Running {
    pub(crate) fn new(ports: Ports, mode: Mode, now: Timestamp) -> Self {
        let ports = Arc::new(ports);
        let engine = Engine::new(
            Arc::clone(&ports) as _,
            Arc::clone(&ports) as _,
            Arc::clone(&ports) as _,
            Arc::clone(&ports) as _,
            mode,
        );
        let runtime =
            Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let (direct, incoming) = direct::way();
        Self {
            runtime,
            engine,
            ports,
            last: Cell::new(now),
            taking_in: Arc::default(),
            direct,
            incoming: Arc::new(Mutex::new(incoming)),
            arrived: AtomicUsize::new(0),
        }
    }

    /// Does something in the process, then lets it run until all it does waits for a turn.
    pub(crate) fn enter(&self, act: impl FnOnce(&Self)) {
        let now = self.ports.with(|outside| outside.now);
        let passed = now.duration_since(self.last.replace(now));
        self.runtime.block_on(async {
            tokio::time::advance(Duration::try_from(passed).unwrap_or_default()).await;
            act(self);
            for _ in 0..ROUNDS {
                tokio::task::yield_now().await;
            }
        });
    }

    pub(crate) fn turns(&self) -> &Turns {
        &self.ports.turns
    }

    fn is_idle(&self) -> bool {
        self.runtime.metrics().num_alive_tasks() == 0
    }

    pub(crate) fn is_taking_in(&self) -> bool {
        self.taking_in.load(Ordering::Relaxed)
    }

    pub(crate) fn has_arrivals(&self) -> bool {
        self.arrived.load(Ordering::Relaxed) > 0
    }

    pub(crate) fn look(&self, backend: &pointsman_core::names::BackendId) {
        self.engine.look(backend);
    }

    /// Waits until it is idle, as a process does that is to end; says so when it is.
    pub(crate) fn idle(&self) -> Arc<AtomicBool> {
        let (engine, is_idle) = (self.engine.clone(), Arc::<AtomicBool>::default());
        let told = Arc::clone(&is_idle);
        tokio::spawn(async move {
            engine.idle().await;
            told.store(true, Ordering::Relaxed);
        });
        is_idle
    }

    pub(crate) fn sweep(&self, grace: SignedDuration) {
        let engine = self.engine.clone();
        // What it could not do is done by the next.
        tokio::spawn(async move { drop(engine.sweep(grace).await) });
    }

    /// Pauses something, perhaps for a time, as the command line does it.
    pub(crate) fn pause(&self, of: Paused, lasts: Option<SignedDuration>) {
        let (engine, ports) = (self.engine.clone(), Arc::clone(&self.ports));
        let (by, reason) = ("operator".to_owned(), "change freeze".to_owned());
        tokio::spawn(async move {
            let at = engine.now();
            let until = lasts.map(|lasts| later(at, lasts));
            let pause = Pause { by, reason, at, until };
            pause::pause(engine.store(), &*ports, &of, &pause).await.unwrap();
        });
    }

    /// Resumes it.
    pub(crate) fn resume(&self, of: Paused) {
        let (engine, ports) = (self.engine.clone(), Arc::clone(&self.ports));
        tokio::spawn(async move {
            let now = engine.now();
            pause::resume(engine.store(), &*ports, &of, ("operator", None), now).await.unwrap();
        });
    }

    /// Is sent something, as a webhook is.
    pub(crate) fn receive(&self, outgoing: Outgoing) {
        let (direct, ports) = (self.direct.clone(), Arc::clone(&self.ports));
        self.arrived.fetch_add(1, Ordering::Relaxed);
        tokio::spawn(async move {
            let id = outgoing.id.clone();
            let sent = direct.send(&*ports, outgoing, ports.now()).await;
            ports.turns.wait("answer its sender").await;
            ports.with(|outside| outside.answer(&id, sent.is_ok()));
        });
    }

    /// Takes in messages of the queue; where none are given, what has come directly.
    pub(crate) fn take_in(&self, received: Option<Vec<Delivery>>) {
        let (engine, ports) = (self.engine.clone(), Arc::clone(&self.ports));
        let (taking_in, incoming) = (Arc::clone(&self.taking_in), Arc::clone(&self.incoming));
        taking_in.store(true, Ordering::Relaxed);
        if received.is_none() {
            self.arrived.store(0, Ordering::Relaxed);
        }
        tokio::spawn(async move {
            let (batch, waiting) = match received {
                Some(batch) => (batch, Waiting::default()),
                None => incoming.lock().await.receive(WAITING_MAX).await.unwrap(),
            };
            pointsman_reconcile::take_in(&engine, &*ports, &batch, waiting).await;
            ports.with(|outside| {
                let mut receipts = batch.iter().filter_map(|one| one.receipt.as_ref());
                if receipts.any(|receipt| outside.store.locked(receipt).is_some()) {
                    outside.violation("I7", "a message was neither completed nor given back");
                }
            });
            taking_in.store(false, Ordering::Relaxed);
        });
    }
}
