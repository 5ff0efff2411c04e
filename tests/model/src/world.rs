//! Everything together: the processes, what is outside of them, and the schedule by which they run.

use std::{
    collections::BTreeMap,
    ops::{Deref, DerefMut},
    sync::{Arc, atomic::AtomicBool},
};

use jiff::{SignedDuration, Timestamp};
use pointsman_core::{
    body::Body,
    document::Document,
    effect::Effect,
    field::{Field, Value},
    group::Paused,
    id::{MessageId, OverrideId},
    lease::later,
    ledger::What,
    names::{BackendId, WindowName},
    pool::Pool,
    signal::Signal,
};
use pointsman_engine::{
    Mode,
    message::{self, Command, Outgoing},
};

pub(crate) use crate::outside::{Book, at, backend, book, epoch, playbook, second_backend};
use crate::{
    azure::Azure,
    begins::Seen,
    case::Gates,
    outside::{Outside, Unanswered},
    ports::{Ports, Slot},
    process::{Process, Running},
    store::{Pair, Store},
    turns::Chance,
    watch::Watch,
};

/// What is said to a process.
#[derive(Clone, Debug)]
pub(crate) enum Message {
    Signals(Vec<Signal>),
    /// A pause of something, perhaps for so many seconds.
    Pause(Paused, Option<i64>),
    Resume(Paused),
    Command(Command),
}

/// That all of a backend is undone.
pub(crate) fn undo(backend: BackendId) -> Message {
    Message::Command(Command::UndoBackend { backend, reason: "enough".to_owned() })
}

/// That an operator changes a backend, for so many seconds, perhaps past its limits.
pub(crate) fn change(
    backend: BackendId,
    effect: Effect,
    lasts: i64,
    force: bool,
    reason: &str,
) -> Message {
    let (lasts, reason) = (SignedDuration::from_secs(lasts), reason.to_owned());
    Message::Command(Command::Change { backend, effect, lasts, force, reason })
}

/// That an operator has an override of a backend stay.
pub(crate) fn extend(backend: BackendId, id: OverrideId, until: Timestamp) -> Message {
    Message::Command(Command::Extend { backend, id, until, reason: "longer".to_owned() })
}

/// That an instance of a window is skipped.
pub(crate) fn skip(window: &WindowName, start: Timestamp) -> Message {
    let (window, reason) = (window.clone(), "not now".to_owned());
    Message::Command(Command::Skip { window, start, reason })
}

/// That everything is undone.
pub(crate) fn release() -> Message {
    Message::Command(Command::ReleaseAll { reason: "enough".to_owned() })
}

/// Everything.
pub(crate) struct World {
    /// Lent to a process while it runs.
    outside: Option<Box<Outside>>,
    slot: Slot,
    pub(crate) processes: Vec<Process>,
    pub(crate) mode: Mode,
    /// Who goes next, where it is not who came first.
    chance: Option<Chance>,
    /// How many stages the processes have done: where a crash can come between.
    pub(crate) stages: usize,
    /// The stage before which the first process crashes, once.
    pub(crate) crash_before: Option<usize>,
    /// A crash may lose the look that a wake was for, and what was to be relayed; from then on the timer
    /// sweeps.
    sweeping: Option<Timestamp>,
    turn: usize,
    sent: usize,
    /// Which of the deliveries of signals come directly, over and over; all by the queue where it is
    /// empty.
    ways: Vec<bool>,
    /// The signals that were sent, each with when.
    pub(crate) told: Vec<(Timestamp, Signal)>,
}

impl Deref for World {
    type Target = Outside;

    fn deref(&self) -> &Outside {
        self.outside.as_ref().expect("no process runs")
    }
}

impl DerefMut for World {
    fn deref_mut(&mut self) -> &mut Outside {
        self.outside.as_mut().expect("no process runs")
    }
}

/// How long after a wake was due the sweep looks by itself.
const SWEEP_GRACE: SignedDuration = SignedDuration::from_secs(60);

/// How much time passes at once where all that is going on waits for it.
const NAP: SignedDuration = SignedDuration::from_millis(250);

/// How many wakes one settling may take.
const WAKES_MAX: usize = 20_000;

impl World {
    /// One backend, and a playbook that may change it, perhaps among others.
    pub(crate) fn new(body: impl Into<Body>, playbook: Arc<Book>) -> Self {
        let mut managed = playbook.managed().map(|(_, managed)| managed.clone());
        let backend = managed.next().expect("it may change one");
        drop(managed);
        let outside = Outside {
            now: epoch(),
            backend,
            azure: Azure::new(body.into()),
            second: None,
            store: Store::new(Pair::One),
            generations: vec![playbook],
            unanswered: BTreeMap::new(),
            watch: Watch::default(),
            gates: Seen::default(),
            commanded: Vec::new(),
            transcript: None,
        };
        Self {
            outside: Some(Box::new(outside)),
            slot: Slot::default(),
            processes: vec![Process::new(SignedDuration::ZERO)],
            mode: Mode::Live,
            chance: None,
            stages: 0,
            crash_before: None,
            sweeping: None,
            turn: 0,
            sent: 0,
            ways: Vec::new(),
            told: Vec::new(),
        }
    }

    /// Processes whose clocks are this many seconds off.
    pub(crate) fn with_clocks(mut self, skews: &[i64]) -> Self {
        self.processes =
            skews.iter().map(|skew| Process::new(SignedDuration::from_secs(*skew))).collect();
        self
    }

    /// A store and a queue of that kind.
    pub(crate) fn with_pair(mut self, pair: &Pair) -> Self {
        self.store = Store::new(pair.clone());
        self
    }

    /// The gates that its playbook has.
    pub(crate) fn with_gates(mut self, gates: Gates) -> Self {
        self.gates.terms = gates;
        self
    }

    /// Which of the deliveries of signals come directly.
    pub(crate) fn with_ways(mut self, ways: &[bool]) -> Self {
        self.ways = ways.to_vec();
        self
    }

    /// A second backend in the service; missing, one that may be made.
    pub(crate) fn with_second(mut self, body: impl Into<Body>) -> Self {
        self.second = Some(Azure::new(body.into()));
        self
    }

    /// Lets a seed say who goes next.
    pub(crate) fn with_seed(mut self, seed: u64) -> Self {
        self.chance = Some(Chance::new(seed));
        self
    }

    pub(crate) fn said(&self) -> impl Iterator<Item = &What> {
        self.store.ledger.iter().map(|line| &line.what)
    }

    /// Lets a process do something, and all that follows until it waits for its turn.
    fn enter(&mut self, place: usize, act: impl FnOnce(&Running)) {
        let late = self.chance.is_some();
        let (slot, mode, skew) = (Arc::clone(&self.slot), self.mode, self.processes[place].skew);
        let now = self.now;
        let running = self.processes[place].running.get_or_insert_with(|| {
            Running::new(Ports { slot, turns: Arc::default(), skew, late }, mode, now)
        });
        *self.slot.lock().unwrap() = self.outside.take();
        running.enter(act);
        self.outside = self.slot.lock().unwrap().take();
        self.audit();
    }

    /// Sends signals to a process, which takes them in when it comes to it.
    pub(crate) fn deliver(&mut self, place: usize, signals: &[Signal]) {
        self.handle(place, &Message::Signals(signals.to_vec()));
    }

    /// Delivers signals, and does what follows.
    pub(crate) fn hear(&mut self, signals: &[Signal]) {
        self.deliver(0, signals);
        self.run();
    }

    /// Says something to a process, which acts on it when it comes to it.
    pub(crate) fn handle(&mut self, place: usize, message: &Message) {
        match message {
            Message::Signals(signals) => {
                let now = self.now;
                self.told.extend(signals.iter().map(|signal| (now, signal.clone())));
                let (source, signals) = ("am".parse().unwrap(), signals.clone());
                let is_direct = self.ways.iter().cycle().nth(self.sent).is_some_and(|way| *way);
                self.send(place, message::Message::Signals { source, signals }, is_direct);
            }
            Message::Command(command) => {
                let (by, command) = ("operator".to_owned(), command.clone());
                self.commanded.push(command.clone());
                self.send(place, message::Message::Command { by, command }, false);
            }
            Message::Pause(of, lasts) => {
                let (of, lasts) = (of.clone(), lasts.map(SignedDuration::from_secs));
                self.enter(place, |process| process.pause(of, lasts));
            }
            Message::Resume(of) => {
                let of = of.clone();
                self.enter(place, |process| process.resume(of));
            }
        }
    }

    fn send(&mut self, place: usize, message: message::Message, is_direct: bool) {
        self.sent += 1;
        let id = MessageId::derive(&["sent", &self.sent.to_string()]);
        let (now, outgoing) = (self.now, Outgoing { id, due: None, message });
        if is_direct {
            let unanswered = Unanswered { place, outgoing: outgoing.clone(), is_lost: true };
            self.unanswered.insert(outgoing.id, unanswered);
            self.send_unanswered();
        } else {
            self.store.send(&outgoing, now);
            self.store.queue.last_mut().unwrap().holder = Some(place);
        }
    }

    /// Sends what is directly to be sent, or to be sent again, because no answer comes any more; false
    /// where there is none.
    fn send_unanswered(&mut self) -> bool {
        let lost = self.unanswered.values_mut().filter(|one| one.is_lost);
        let lost: Vec<Unanswered> = lost
            .map(|one| {
                one.is_lost = false;
                one.clone()
            })
            .collect();
        let is_any = !lost.is_empty();
        for Unanswered { place, outgoing, .. } in lost {
            self.enter(place, |process| process.receive(outgoing));
        }
        is_any
    }

    /// Has the first process sweep, as it does when it begins: windows are opened so.
    pub(crate) fn begin(&mut self) {
        if self.generations.iter().any(|book| !book.windows.is_empty()) {
            self.enter(0, |process| process.sweep(SWEEP_GRACE));
            self.run();
        }
    }

    /// Has a process look at a backend.
    pub(crate) fn look(&mut self, place: usize, backend: &BackendId) {
        self.enter(place, |process| process.look(backend));
    }

    /// Tries the late writes whose time has come.
    fn land(&mut self) {
        let now = self.now;
        self.azure.land(now);
        self.second.iter_mut().for_each(|azure| azure.land(now));
    }

    /// When the next of them is tried.
    fn lands(&self) -> Option<Timestamp> {
        self.azure.lands().into_iter().chain(self.second.as_ref().and_then(Azure::lands)).min()
    }

    /// Lets a process do so many stages.
    pub(crate) fn stages(&mut self, place: usize, count: usize) {
        for _ in 0..count {
            if !self.stage(place) {
                return;
            }
        }
    }

    /// Lets a process go on until it is about to do what is called so.
    pub(crate) fn until(&mut self, place: usize, what: &str) {
        let about_to = |world: &Self| {
            let running = world.processes[place].running.as_ref();
            running.is_some_and(|running| running.turns().whats().contains(&what))
        };
        while !about_to(self) {
            assert!(self.stage(place), "it never comes to {what}\n{}", self.story());
        }
    }

    /// Lets a process do all that it has to do at this time but what is called so.
    pub(crate) fn all_but(&mut self, place: usize, what: &str) {
        let next = |world: &Self| {
            let whats = world.processes[place].running.as_ref()?.turns().whats();
            whats.iter().position(|other| *other != what)
        };
        while let Some(which) = next(self) {
            self.enter(place, |process| process.turns().open(which));
        }
    }

    /// Has a process say when it is idle.
    pub(crate) fn idle(&mut self, place: usize) -> Arc<AtomicBool> {
        let mut is_idle = Arc::default();
        self.enter(place, |process| is_idle = process.idle());
        is_idle
    }

    fn is_idle(&self, place: usize) -> bool {
        self.processes[place].is_idle() && !self.store.has_for(place)
    }

    /// One stage of one process, unless it is to crash before it; none where all it does waits for a
    /// later time.
    pub(crate) fn stage(&mut self, place: usize) -> bool {
        if self.is_idle(place) {
            return false;
        }
        if self.crash_before == Some(self.stages) {
            self.crash_before = None;
            self.crash(place);
            return false;
        }
        self.land();
        let running = self.processes[place].running.as_ref();
        let waiting = running.map(|running| running.turns().whats()).unwrap_or_default();
        let busy = running.is_some_and(Running::is_taking_in);
        let takes_in = usize::from(!busy && self.store.has_for(place));
        let has_arrivals = running.is_some_and(Running::has_arrivals);
        let direct = usize::from(!busy && has_arrivals);
        let choices = takes_in + direct + waiting.len();
        if choices == 0 {
            return false;
        }
        self.stages += 1;
        let chosen = self.chance.as_mut().map_or(0, |chance| chance.below(choices));
        if chosen < takes_in {
            let batch = self.store.receive(place);
            self.enter(place, |process| process.take_in(Some(batch)));
        } else if chosen < takes_in + direct {
            self.record(|| format!("{place} takes in what came directly"));
            self.enter(place, |process| process.take_in(None));
        } else {
            let which = chosen - takes_in - direct;
            self.record(|| format!("{place} goes on to {}", waiting[which]));
            self.enter(place, |process| process.turns().open(which));
        }
        true
    }

    /// Lets all processes do what they have to do, in turns, and time pass for what waits for it.
    pub(crate) fn run(&mut self) {
        for _ in 0..10_000 {
            self.run_now();
            if self.send_unanswered() {
                continue;
            }
            let asleep: Vec<usize> =
                (0..self.processes.len()).filter(|place| !self.is_idle(*place)).collect();
            if asleep.is_empty() {
                if !self.store.outbox.is_empty() {
                    // The queue failed.
                    let now = self.now;
                    self.sweeping.get_or_insert(now);
                }
                return;
            }
            self.now = later(self.now, NAP);
            for place in asleep {
                self.enter(place, |_| {});
            }
        }
        panic!("the processes are never done\n{}", self.story());
    }

    /// Lets all processes do, in turns, what they have to do at this time.
    pub(crate) fn run_now(&mut self) {
        for _ in 0..10_000 {
            let mut busy = false;
            for place in 0..self.processes.len() {
                busy |= self.stage(place);
            }
            if !busy {
                return;
            }
        }
        panic!("the processes are never done\n{}", self.story());
    }

    /// Lets a process die, and the next take its place. What it was doing for a wake is found by the
    /// sweep.
    pub(crate) fn crash(&mut self, place: usize) {
        self.record(|| format!("{place} dies"));
        self.processes[place].running = None;
        let now = self.now;
        self.store.release(place, now);
        let unanswered = self.unanswered.values_mut().filter(|one| one.place == place);
        unanswered.for_each(|one| one.is_lost = true);
        self.sweeping.get_or_insert(now);
    }

    /// Lets the locks of all messages run out that a process has.
    pub(crate) fn lose_locks(&mut self, place: usize) {
        self.record(|| format!("{place} loses its locks"));
        let now = self.now;
        self.store.release(place, now);
    }

    /// The next message to deliver: which, when, and to whom.
    fn next_due(&self) -> Option<(usize, Timestamp, usize)> {
        let place = self.turn % self.processes.len();
        let skew = self.processes[place].skew;
        self.store
            .queue
            .iter()
            .enumerate()
            .filter(|(_, waiting)| waiting.holder.is_none())
            .map(|(which, waiting)| (which, later(waiting.due, -skew).max(self.now), place))
            .min_by_key(|(which, due, _)| (*due, *which))
    }

    /// Lets time pass, with the messages that come due in it.
    pub(crate) fn pass(&mut self, seconds: i64) {
        let until = later(self.now, SignedDuration::from_secs(seconds));
        self.run();
        for _ in 0..WAKES_MAX {
            let next = self.next_due().filter(|(_, due, _)| *due <= until);
            let sweep =
                self.sweeping.map(|last| later(last, SWEEP_GRACE)).filter(|at| *at <= until);
            match (next, sweep) {
                (None, None) => {
                    let until = until.max(self.now);
                    self.now = until;
                    self.land();
                    self.audit();
                    return;
                }
                (Some((which, due, place)), sweep) if sweep.is_none_or(|sweep| due <= sweep) => {
                    self.now = due.max(self.now);
                    self.turn += 1;
                    self.store.queue[which].holder = Some(place);
                }
                (_, sweep) => {
                    self.now = self.now.max(sweep.unwrap_or(until));
                    self.sweeping = Some(self.now);
                    self.enter(0, |process| process.sweep(SWEEP_GRACE));
                }
            }
            self.run();
        }
        panic!("more than {WAKES_MAX} messages\n{}", self.story());
    }

    /// Lets time pass in which no process gets to do anything.
    pub(crate) fn stall(&mut self, seconds: i64) {
        self.now = later(self.now, SignedDuration::from_secs(seconds));
    }

    /// Whether nothing is going on and nothing is to come, but wakes that find nothing to do.
    pub(crate) fn at_rest(&self) -> bool {
        // Windows that are to open soon are to come.
        let soon = later(self.now, SignedDuration::from_hours(3));
        let is_at_rest = |document: &Document| {
            document.is_at_rest() && document.wake.is_none_or(|wake| wake > soon)
        };
        let is_wake = |message: &message::Message| match message {
            message::Message::Wake { .. } => true,
            message::Message::Signals { .. } | message::Message::Command { .. } => false,
        };
        (0..self.processes.len()).all(|place| self.is_idle(place))
            && self.lands().is_none()
            && self.store.outbox.is_empty()
            && self.unanswered.is_empty()
            && self.store.queue.iter().all(|waiting| is_wake(&waiting.message))
            && self.store.documents.values().all(|document| is_at_rest(&document.body))
    }

    /// Nothing goes wrong any more.
    pub(crate) fn heal(&mut self) {
        self.azure.heal();
        self.second.iter_mut().for_each(Azure::heal);
        self.store.faults.clear();
    }

    /// Goes on, by wakes alone, until all is at rest.
    ///
    /// # Panics
    /// When nothing is on its way though something is still due, or when it never ends.
    pub(crate) fn settle(&mut self) {
        self.heal();
        self.run();
        let end = later(self.now, SignedDuration::from_hours(6));
        while !self.at_rest() {
            let next = self.next_due().map(|(_, due, _)| due);
            let sweep = self.sweeping.map(|last| later(last, SWEEP_GRACE));
            let lands = self.lands();
            let Some(due) = next.into_iter().chain(sweep).chain(lands).min() else {
                panic!("nothing is on its way, and not all is done\n{}", self.story());
            };
            assert!(due < end, "it never comes to rest\n{}", self.story());
            self.pass((due - self.now).get_seconds().max(0));
            self.pass(1);
        }
        // Whatever wakes are left find nothing to do.
        let writes = self.azure.received.len();
        self.pass(600);
        assert_eq!(self.azure.received.len(), writes, "written at rest\n{}", self.story());
    }

    /// All that happened, for whoever reads a failure.
    pub(crate) fn story(&self) -> String {
        let mut text = String::new();
        for line in &self.store.ledger {
            text += &format!("{} {}\n", line.at, line.what);
        }
        let shown = self.azure.body().map(crate::azure::written);
        text += &format!(
            "now {}; shown {shown:?}; owner {}\n",
            self.now,
            crate::azure::written(&self.azure.owner)
        );
        for received in &self.azure.received {
            let done = if received.done.is_some() { "done" } else { "412" };
            text += &format!(
                "received {} from {}: {done}\n",
                received.intent.id, received.intent.guard
            );
        }
        if let Some(document) = self.document() {
            text += &format!("{document:?}\n");
        }
        text + &self.watch.violations.join("\n")
    }

    /// Fails on what was seen to break one of these invariants, or I12.
    pub(crate) fn check(&self, invariants: &[&str]) -> Result<(), String> {
        // Whose a value is decides who serves, too.
        let about_owners = |invariant: &&str| matches!(*invariant, "I5" | "I6" | "I9" | "laid");
        let broken = self.watch.violations.iter().find(|text| {
            invariants
                .iter()
                .chain(&["I12", "I7", "gates", "laid"])
                .filter(|invariant| !(self.watch.is_ambiguous && about_owners(invariant)))
                .any(|invariant| text.split(' ').next() == Some(invariant))
        });
        broken.map_or(Ok(()), |broken| Err(format!("{broken}\n{}", self.story())))
    }

    /// Whether the backend is to the letter what its owner last left.
    pub(crate) fn restored(&self) -> Result<(), String> {
        match self.azure.body() {
            Some(body) if *body != self.azure.owner && !self.watch.is_ambiguous => {
                Err(format!("not restored\n{}", self.story()))
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// The part of a field's address that is its weight.
pub(crate) fn weight_of(pool: &Pool, member: &str) -> Value {
    pool.get(&Field::weight(&member.parse().unwrap())).unwrap()
}
