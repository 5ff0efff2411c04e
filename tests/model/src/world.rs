//! What lasts: the store, the queue, the clock and Azure; and the watch that holds every write
//! against the invariants the moment it is done.

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use jiff::{SignedDuration, Timestamp};
use pointsman_core::{
    claim::{Asked, RECALLED_MAX, Recall},
    document::{Document, Intent, Owned},
    etag::Etag,
    group::Group,
    id::{IntentId, LineId, OverrideId, ReconnectId},
    ledger::{Line, What},
    names::BackendId,
    overrides::later,
    playbook::{EffectTemplate, Playbook, read},
    pool::{Field, Part, Pool, Setting},
    series::Series,
    signal::{SeriesId, Signal},
};

use crate::{
    azure::{Azure, Foreign, fields},
    shell::{Mode, Shell},
};

/// Something stored, and its version; 0 is not stored yet.
#[derive(Clone, Debug)]
pub(crate) struct Versioned<T> {
    pub(crate) version: u64,
    pub(crate) body: T,
}

/// What the queue carries.
#[derive(Clone, Debug)]
pub(crate) enum Message {
    Signals(Vec<Signal>),
    Wake(BackendId),
    Pause,
    Resume,
    Undo,
}

/// A message that waits.
#[derive(Clone, Debug)]
pub(crate) struct Waiting {
    pub(crate) id: String,
    pub(crate) due: Timestamp,
    pub(crate) message: Message,
}

/// The store and the queue, which commit together.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    pub(crate) series: BTreeMap<SeriesId, Versioned<Series>>,
    pub(crate) documents: BTreeMap<BackendId, Versioned<Document>>,
    pub(crate) group: Versioned<Group>,
    pub(crate) ledger: Vec<Line>,
    known: BTreeSet<LineId>,
    pub(crate) queue: Vec<Waiting>,
}

impl Store {
    fn new() -> Self {
        Self {
            series: BTreeMap::new(),
            documents: BTreeMap::new(),
            group: Versioned { version: 0, body: Group::default() },
            ledger: Vec::new(),
            known: BTreeSet::new(),
            queue: Vec::new(),
        }
    }

    /// Adds lines; one that is there already stays as it is.
    pub(crate) fn write_lines(&mut self, lines: Vec<Line>) {
        for line in lines {
            if self.known.insert(line.id.clone()) {
                self.ledger.push(line);
            }
        }
    }

    /// What is behind an override, the strongest first.
    pub(crate) fn claims(&self, recall: &Recall) -> Vec<(SeriesId, Asked)> {
        let claims = self.series.values().flat_map(|one| {
            let running = one.body.running.iter().flat_map(|running| &running.claims);
            running.map(|claim| (one.body.id.clone(), claim))
        });
        let mut found: Vec<(SeriesId, Asked)> = claims
            .filter(|(_, claim)| recall.matches(claim))
            .map(|(series, claim)| (series, claim.asked.clone()))
            .collect();
        found.sort_by(|(one, asked), (other, more)| Recall::order((one, asked), (other, more)));
        found.truncate(RECALLED_MAX);
        found
    }

    /// Sends a wake; one that is waiting already is not sent again.
    pub(crate) fn send_wake(&mut self, backend: &BackendId, due: Timestamp) {
        let id = format!("wake {backend} {due}");
        if !self.queue.iter().any(|waiting| waiting.id == id) {
            self.queue.push(Waiting { id, due, message: Message::Wake(backend.clone()) });
        }
    }

    /// Saves a document if it is still of that version.
    pub(crate) fn save(&mut self, document: &Versioned<Document>) -> bool {
        let stored = self.documents.get(&document.body.backend).map_or(0, |one| one.version);
        if stored != document.version {
            return false;
        }
        let next = Versioned { version: stored + 1, body: document.body.clone() };
        self.documents.insert(document.body.backend.clone(), next);
        true
    }
}

/// What was known when an intent was saved.
#[derive(Clone, Debug)]
struct Planned {
    etag: Etag,
    owned: BTreeMap<Field, Owned>,
    /// The fields that were given up and that no override that could want them is left for.
    given_up: BTreeSet<Field>,
}

impl Planned {
    fn of(document: &Document, etag: Etag) -> Self {
        let wanted = |field: &Field, yielded: &BTreeSet<OverrideId>| {
            document
                .overrides
                .values()
                .any(|over| !yielded.contains(&over.id) && over.effect.fields().contains(field))
        };
        let given_up = document
            .yielded
            .iter()
            .filter(|(field, yielded)| !wanted(field, yielded))
            .map(|(field, _)| field.clone())
            .collect();
        Self { etag, owned: document.owned.clone(), given_up }
    }
}

/// What must never be, by invariant.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watch {
    pub(crate) violations: Vec<String>,
    planned: BTreeMap<IntentId, Planned>,
    outrun: BTreeSet<Etag>,
    received: usize,
    lines: usize,
    asked: BTreeMap<ReconnectId, usize>,
}

/// Everything.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) now: Timestamp,
    pub(crate) azure: Azure,
    pub(crate) store: Store,
    pub(crate) shells: Vec<Shell>,
    pub(crate) generations: Vec<Rc<Playbook>>,
    pub(crate) mode: Mode,
    pub(crate) watch: Watch,
    /// How many stages the shells have done: where a crash can come between.
    pub(crate) stages: usize,
    /// The stage before which the first shell crashes, once.
    pub(crate) crash_before: Option<usize>,
    /// A crash may lose the look that a wake was for; from then on the timer sweeps.
    sweeping: Option<Timestamp>,
    turn: usize,
}

/// The pool of these tests.
pub(crate) fn backend() -> BackendId {
    "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg1/providers\
     /Microsoft.ApiManagement/service/contoso/backends/pool"
        .parse()
        .unwrap()
}

/// When these tests begin.
pub(crate) fn epoch() -> Timestamp {
    "2026-03-01T03:00:00Z".parse().unwrap()
}

/// So many seconds after the beginning.
pub(crate) fn at(seconds: i64) -> Timestamp {
    later(epoch(), SignedDuration::from_secs(seconds))
}

/// A playbook of these pool settings and plays, each an indented block of YAML.
pub(crate) fn playbook(settings: &str, plays: &str) -> Rc<Playbook> {
    let text = format!(
        "version: 1\nservices:\n  main: {{subscription: 00000000-0000-0000-0000-000000000001, \
         resourceGroup: rg1, name: contoso}}\npools:\n  pool: {{service: main, backend: pool{settings}}}\n\
         plays:\n{plays}"
    );
    match read(&text) {
        Ok(playbook) => Rc::new(playbook),
        Err(problems) => panic!("{text}\n{problems:?}"),
    }
}

/// How long after a wake was due the sweep looks by itself.
const SWEEP_GRACE: SignedDuration = SignedDuration::from_secs(60);

/// How many wakes one settling may take.
const WAKES_MAX: usize = 20_000;

impl World {
    pub(crate) fn new(pool: Pool, playbook: Rc<Playbook>) -> Self {
        Self {
            now: epoch(),
            azure: Azure::new(pool),
            store: Store::new(),
            shells: vec![Shell::new(SignedDuration::ZERO)],
            generations: vec![playbook],
            mode: Mode::Live,
            watch: Watch::default(),
            stages: 0,
            crash_before: None,
            sweeping: None,
            turn: 0,
        }
    }

    /// Shells whose clocks are this many seconds off.
    pub(crate) fn with_shells(mut self, skews: &[i64]) -> Self {
        self.shells =
            skews.iter().map(|skew| Shell::new(SignedDuration::from_secs(*skew))).collect();
        self
    }

    pub(crate) fn document(&self) -> Option<&Document> {
        self.store.documents.get(&backend()).map(|stored| &stored.body)
    }

    pub(crate) fn said(&self) -> impl Iterator<Item = &What> {
        self.store.ledger.iter().map(|line| &line.what)
    }

    /// Delivers signals to a shell, which saves what they mean and begins to look.
    pub(crate) fn deliver(&mut self, shell: usize, signals: &[Signal]) {
        self.handle(shell, &Message::Signals(signals.to_vec()));
    }

    /// Delivers signals, and does what follows.
    pub(crate) fn hear(&mut self, signals: &[Signal]) {
        self.deliver(0, signals);
        self.run();
    }

    /// Has a shell take in a message and begin the looks that follow.
    pub(crate) fn handle(&mut self, shell: usize, message: &Message) {
        self.azure.land(self.now);
        self.take_in(shell, message);
        self.audit();
    }

    /// Lets a shell do so many stages.
    pub(crate) fn stages(&mut self, shell: usize, count: usize) {
        for _ in 0..count {
            if !self.stage(shell) {
                return;
            }
        }
    }

    /// One stage of one shell, unless it is to crash before it.
    pub(crate) fn stage(&mut self, shell: usize) -> bool {
        if self.shells[shell].is_idle() {
            return false;
        }
        if self.crash_before == Some(self.stages) {
            self.crash_before = None;
            self.crash(shell);
            return false;
        }
        self.azure.land(self.now);
        self.stages += 1;
        self.advance(shell);
        self.audit();
        true
    }

    /// Lets all shells do what they have to do, in turns.
    pub(crate) fn run(&mut self) {
        for _ in 0..10_000 {
            let mut busy = false;
            for shell in 0..self.shells.len() {
                busy |= self.stage(shell);
            }
            if !busy {
                return;
            }
        }
        panic!("the shells are never done\n{}", self.story());
    }

    /// Drops what a shell had in memory. What it was doing for a wake is found by the sweep.
    pub(crate) fn crash(&mut self, shell: usize) {
        self.shells[shell].forget();
        self.sweeping.get_or_insert(self.now);
    }

    /// The next message to deliver: which, when, and to whom.
    fn next_wake(&self) -> Option<(usize, Timestamp, usize)> {
        let shell = self.turn % self.shells.len();
        let skew = self.shells[shell].skew;
        self.store
            .queue
            .iter()
            .enumerate()
            .map(|(place, waiting)| (place, later(waiting.due, -skew).max(self.now), shell))
            .min_by_key(|(place, due, _)| (*due, *place))
    }

    /// Lets time pass, with the wakes that come in it.
    pub(crate) fn pass(&mut self, seconds: i64) {
        let until = later(self.now, SignedDuration::from_secs(seconds));
        self.run();
        for _ in 0..WAKES_MAX {
            let next = self.next_wake().filter(|(_, due, _)| *due <= until);
            let sweep =
                self.sweeping.map(|last| later(last, SWEEP_GRACE)).filter(|at| *at <= until);
            match (next, sweep) {
                (None, None) => {
                    self.now = until;
                    self.azure.land(self.now);
                    self.audit();
                    return;
                }
                (Some((place, due, shell)), sweep) if sweep.is_none_or(|sweep| due <= sweep) => {
                    self.now = due;
                    self.turn += 1;
                    let waiting = self.store.queue.remove(place);
                    self.handle(shell, &waiting.message);
                }
                (_, sweep) => {
                    self.now = self.now.max(sweep.unwrap_or(until));
                    self.sweep();
                }
            }
            self.run();
        }
        panic!("more than {WAKES_MAX} wakes\n{}", self.story());
    }

    fn sweep(&mut self) {
        self.sweeping = Some(self.now);
        let before = self.now - SWEEP_GRACE;
        let overdue: Vec<BackendId> = self
            .store
            .documents
            .values()
            .filter(|document| document.body.wake.is_some_and(|wake| wake < before))
            .map(|document| document.body.backend.clone())
            .collect();
        for backend in overdue {
            self.look(0, &backend);
        }
    }

    /// Whether nothing is going on and nothing is to come.
    pub(crate) fn at_rest(&self) -> bool {
        self.shells.iter().all(Shell::is_idle)
            && self.azure.lands().is_none()
            && self.store.documents.values().all(|document| document.body.is_at_rest())
    }

    /// Goes on, by wakes alone, until all is at rest.
    ///
    /// # Panics
    /// When nothing is on its way though something is still due, or when it never ends.
    pub(crate) fn settle(&mut self) {
        self.azure.heal();
        self.run();
        let end = later(self.now, SignedDuration::from_hours(3));
        while !self.at_rest() {
            let next = self.next_wake().map(|(_, due, _)| due);
            let sweep = self.sweeping.map(|last| later(last, SWEEP_GRACE));
            let lands = self.azure.lands();
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

    /// Someone else writes; nothing happens where no one could tell the value from ours.
    pub(crate) fn foreign(&mut self, foreign: &Foreign) {
        let touched: Vec<(Field, Setting)> = match foreign {
            Foreign::Set(field, setting) => vec![(field.clone(), *setting)],
            Foreign::Other | Foreign::Remove(_) | Foreign::Delete => Vec::new(),
            Foreign::Add(member) => fields(&Pool::new(vec![member.clone()]).unwrap()),
            Foreign::Create(pool) => fields(pool),
        };
        if touched.iter().any(|(field, setting)| self.is_ambiguous(field, *setting)) {
            return;
        }
        self.azure.foreign(foreign);
    }

    /// Whether a foreign value is what we believe, or may come to believe, to be our own: the
    /// design's rule is that it then is.
    fn is_ambiguous(&self, field: &Field, setting: Setting) -> bool {
        let decided = self.decided();
        let thinking = self.shells.iter().flat_map(Shell::documents);
        self.document().into_iter().chain(thinking).chain(&decided).any(|document| {
            let Some(owned) = document.owned.get(field) else { return false };
            let intents = document.intents.iter().flat_map(|intent| &intent.changes);
            let ours = intents
                .filter(|change| change.field == *field)
                .flat_map(|change| [change.before, change.after])
                .chain([owned.written]);
            setting != owned.baseline && ours.into_iter().any(|ours| ours.means(setting))
        })
    }

    /// Takes note of what was known when an intent was saved.
    pub(crate) fn planned(&mut self, intent: &Intent, document: &Document, seen: &Etag) {
        if intent.etag != *seen {
            self.violation("I4", &format!("{} was not planned from what was read", intent.id));
        }
        if self.watch.outrun.contains(&intent.etag) {
            self.violation(
                "I4",
                &format!("{} was planned from what a 412 said is gone", intent.id),
            );
        }
        let planned = Planned::of(document, intent.etag.clone());
        self.watch.planned.insert(intent.id.clone(), planned);
    }

    /// Takes note that a 412 was taken in.
    pub(crate) fn outrun(&mut self, intent: &IntentId) {
        if let Some(planned) = self.watch.planned.get(intent) {
            self.watch.outrun.insert(planned.etag.clone());
        }
    }

    fn violation(&mut self, invariant: &str, text: &str) {
        self.watch.violations.push(format!("{invariant} at {}: {text}", self.now));
    }

    /// Holds what was done since the last call against the invariants.
    fn audit(&mut self) {
        for line in &self.store.ledger[self.watch.lines..] {
            if let What::ReconnectAsked { id, .. } = &line.what {
                *self.watch.asked.entry(id.clone()).or_default() += 1;
            }
        }
        self.watch.lines = self.store.ledger.len();
        // What was throttled or not sent was not taken, and is asked for again.
        let most = 2 + self.azure.not_taken;
        let too_often = self.watch.asked.iter().find(|(_, asked)| **asked > most);
        if let Some(id) = too_often.map(|(id, _)| id.clone()) {
            let asked = self.watch.asked.remove(&id).unwrap_or_default();
            self.violation("I10", &format!("{id} was asked for {asked} times"));
        }
        for place in self.watch.received..self.azure.received.len() {
            self.audit_write(place);
        }
        self.watch.received = self.azure.received.len();
    }

    fn audit_write(&mut self, place: usize) {
        let received = self.azure.received[place].clone();
        let intent = received.intent;
        let Some(planned) = self.watch.planned.get(&intent.id).cloned() else {
            return self.violation("I3", &format!("{} was sent before it was saved", intent.id));
        };
        let Some(done) = received.done else { return };
        for change in &intent.changes {
            if done.before.get(&change.field) != Some(change.before) {
                self.violation("I4", &format!("{change} was not planned from what it was done on"));
            }
            let owner = done.owner.get(&change.field);
            let known = planned.owned.get(&change.field).map(|owned| owned.baseline);
            if owner != known {
                let text = format!("{change}: its owner left {owner:?}, and we knew {known:?}");
                self.violation("I9", &text);
            }
            if planned.given_up.contains(&change.field) && owner != Some(change.after) {
                self.violation("I9", &format!("{change}: it was given up to {owner:?}"));
            }
        }
        for (field, value) in fields(&done.after) {
            let owner = done.owner.get(&field);
            if owner != Some(value) && !planned.owned.contains_key(&field) {
                self.violation("I6", &format!("{field} is {value}, {owner:?} is its owner's"));
            }
        }
        let generation = self.generations.last().cloned();
        let terms =
            generation.as_ref().and_then(|book| book.pool_of(&backend())).map(|(_, pool)| pool);
        let splits = generation.as_ref().is_some_and(|book| {
            let effects = book.plays.iter().flat_map(|play| &play.effects);
            effects.into_iter().any(|effect| matches!(effect, EffectTemplate::Split { .. }))
        });
        if let Some(text) = crate::limits::broken(&done, terms, splits) {
            self.violation("I5", &text);
        }
    }

    /// All that happened, for whoever reads a failure.
    pub(crate) fn story(&self) -> String {
        let mut text = String::new();
        for line in &self.store.ledger {
            text += &format!("{} {}\n", line.at, line.what);
        }
        let pool = self.azure.pool().map(crate::azure::written);
        text += &format!(
            "now {}; pool {pool:?}; owner {}\n",
            self.now,
            crate::azure::written(&self.azure.owner)
        );
        for received in &self.azure.received {
            let done = if received.done.is_some() { "done" } else { "412" };
            text += &format!(
                "received {} from {}: {done}\n",
                received.intent.id, received.intent.etag.0
            );
        }
        if let Some(document) = self.document() {
            text += &format!("{document:?}\n");
        }
        text + &self.watch.violations.join("\n")
    }

    /// Fails on what was seen to break one of these invariants.
    pub(crate) fn check(&self, invariants: &[&str]) -> Result<(), String> {
        let broken = self
            .watch
            .violations
            .iter()
            .find(|text| invariants.iter().any(|invariant| text.starts_with(invariant)));
        broken.map_or(Ok(()), |broken| Err(format!("{broken}\n{}", self.story())))
    }

    /// Whether the pool is to the letter what its owner last left.
    pub(crate) fn restored(&self) -> Result<(), String> {
        match self.azure.pool() {
            Some(pool) if *pool != self.azure.owner => {
                Err(format!("not restored\n{}", self.story()))
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// The part of a field's address that is its weight.
pub(crate) fn weight_of(pool: &Pool, member: &str) -> Setting {
    let field = Field { member: member.parse().unwrap(), part: Part::Weight };
    pool.get(&field).unwrap()
}
