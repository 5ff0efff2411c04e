//! The shell's state: its ports, the playbook that is in force, and which backends are being
//! looked at.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, hash_map::Entry},
    fmt,
    sync::{Arc, Mutex, MutexGuard},
};

use jiff::{SignedDuration, Timestamp};
use pointsman_core::{
    group::{Group, Scope},
    mode::Mode,
    names::BackendId,
    playbook::{self, Playbook},
    step::Generation,
    wake::LOOK_EVERY,
};
use tokio::sync::watch;

use crate::{
    health::Checks,
    memory::{Memory, locked},
    metrics,
    notices::Gathered,
    outbox,
    pace::Pace,
    ports::{
        Clock, Commit, ManagementApi, Published, Queue, Store, StoreError, Unsettled, Versioned,
    },
};

/// How often a save that someone else outran is decided again, before it is left to a later wake.
pub const RECONCILE_ATTEMPTS_MAX: usize = 16;

/// A generation of the playbook, read.
#[derive(Debug)]
pub struct Loaded {
    /// Counted from 1.
    pub number: u64,
    /// What it says.
    pub playbook: Playbook,
}

impl Loaded {
    /// As the core takes it.
    #[must_use]
    pub fn generation(&self) -> Generation<'_> {
        Generation { number: self.number, playbook: &self.playbook }
    }
}

/// Why something cannot be decided or saved at present.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The store could not be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No playbook was ever published.
    #[error("no playbook is published; `pointsman playbook apply FILE` publishes one")]
    NoPlaybook,
    /// Something was decided by a generation of the playbook that cannot be had.
    #[error(
        "generation {0} of the playbook cannot be had, and something was decided by it already"
    )]
    OlderPlaybook(u64),
    /// The playbook cannot be read, most likely because a newer version published it.
    #[error("generation {number} of the playbook cannot be read by this version: {why}")]
    UnreadablePlaybook {
        /// Which generation.
        number: u64,
        /// Its first problem.
        why: String,
    },
}

/// Reads a published generation.
///
/// # Errors
/// When this version cannot read it.
pub fn load(published: &Published) -> Result<Loaded, EngineError> {
    let playbook = playbook::read(&published.text).map_err(|problems| {
        let why = problems.first().map(ToString::to_string).unwrap_or_default();
        EngineError::UnreadablePlaybook { number: published.number, why }
    })?;
    Ok(Loaded { number: published.number, playbook })
}

/// The ports and the state of the shell. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) queue: Arc<dyn Queue>,
    pub(crate) management: Arc<dyn ManagementApi>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) mode: Mode,
    playbook: Mutex<Option<Arc<Loaded>>>,
    pub(crate) memory: Memory,
    pub(crate) gathered: Gathered,
    pub(crate) pace: Pace,
    looks: Mutex<HashMap<BackendId, Again>>,
    /// How many looks there are, and commits that have something left which is being done with the queue.
    busy: watch::Sender<usize>,
    skew: Mutex<Option<SignedDuration>>,
    pub(crate) checks: Checks,
    /// How often a backend with overrides is looked at.
    pub(crate) look_every: SignedDuration,
    /// The generation of the playbook under which every backend with something going on was last
    /// sent for; none at the start, when it may be newer than what ran before.
    pub(crate) swept: Mutex<Option<u64>>,
}

/// Whether a backend that is being looked at is to be looked at once more.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Again {
    No,
    Yes,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("mode", &self.inner.mode).finish_non_exhaustive()
    }
}

/// Saves something, and does something else beside it that takes no longer: once the save is on its
/// way, for it is what everybody waits for. A store sends a save on its way at the first poll.
pub(crate) async fn meanwhile<S, T>(
    save: impl Future<Output = S>,
    something: impl FnOnce() -> T,
) -> (S, T) {
    tokio::join!(biased; save, async { something() })
}

impl Engine {
    /// A shell over these ports.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        queue: Arc<dyn Queue>,
        management: Arc<dyn ManagementApi>,
        clock: Arc<dyn Clock>,
        mode: Mode,
    ) -> Self {
        Self {
            inner: Arc::new(Inner {
                store,
                queue,
                management,
                clock,
                mode,
                playbook: Mutex::default(),
                memory: Memory::default(),
                gathered: Gathered::default(),
                pace: Pace::default(),
                looks: Mutex::default(),
                busy: watch::Sender::new(0),
                skew: Mutex::default(),
                checks: Checks::default(),
                look_every: LOOK_EVERY,
                swept: Mutex::default(),
            }),
        }
    }

    /// The same, which looks at a backend with overrides this often; every [`LOOK_EVERY`] at the least.
    /// Of a shell that nobody shares yet.
    #[must_use]
    pub fn looking_every(mut self, every: SignedDuration) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.inner) {
            inner.look_every = every.min(LOOK_EVERY);
        }
        self
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &dyn Store {
        &*self.inner.store
    }

    /// Now, by the host's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    /// Whether decisions are carried out.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.inner.mode
    }

    /// How far this machine's clock is off Azure's, where that is too far to act.
    #[must_use]
    pub fn skew(&self) -> Option<SignedDuration> {
        *locked(&self.inner.skew)
    }

    pub(crate) fn note_skew(&self, skew: Option<SignedDuration>) {
        *locked(&self.inner.skew) = skew;
    }

    /// The playbook in force; the newest that is published where none is known yet.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub async fn playbook(&self) -> Result<Arc<Loaded>, EngineError> {
        let known = locked(&self.inner.playbook).clone();
        match known {
            Some(loaded) => Ok(loaded),
            None => self.refresh_playbook().await,
        }
    }

    /// The playbook, no older than this generation: something was decided by that already.
    ///
    /// # Errors
    /// When there is none, or it cannot be read, or it is older.
    pub(crate) async fn playbook_since(&self, least: u64) -> Result<Arc<Loaded>, EngineError> {
        let mut playbook = self.playbook().await?;
        if playbook.number < least {
            playbook = self.refresh_playbook().await?;
        }
        if playbook.number < least { Err(EngineError::OlderPlaybook(least)) } else { Ok(playbook) }
    }

    /// Reads the newest generation, if it is newer than the one in force, and puts it in force.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub async fn refresh_playbook(&self) -> Result<Arc<Loaded>, EngineError> {
        let known = locked(&self.inner.playbook).clone();
        let published = self.inner.store.published().await?.ok_or(EngineError::NoPlaybook)?;
        if let Some(known) = known.filter(|known| known.number >= published.number) {
            return Ok(known);
        }
        let loaded = Arc::new(load(&published)?);
        let mut place = locked(&self.inner.playbook);
        if place.as_ref().is_none_or(|known| known.number < loaded.number) {
            *place = Some(Arc::clone(&loaded));
            tracing::info!(generation = loaded.number, "playbook in force");
        }
        Ok(loaded)
    }

    /// Group documents, each as last read or saved.
    pub(crate) async fn groups(
        &self,
        scopes: &BTreeSet<Scope>,
    ) -> Result<BTreeMap<Scope, Versioned<Group>>, StoreError> {
        let memory = &self.inner.memory;
        let (mut groups, unknown, reading) = memory.groups(scopes);
        if !unknown.is_empty() {
            let read = self.inner.store.groups(&unknown).await?;
            memory.read_groups(reading, &read);
            groups.extend(read);
        }
        Ok(groups)
    }

    /// Saves something. Whatever is left to be done with the queue is done in the background.
    pub(crate) async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        let unsettled = self.commit_unsettled(commit).await?;
        if unsettled != Unsettled::default() {
            let busy = self.begin();
            tokio::spawn(async move { busy.settle(unsettled).await });
        }
        Ok(())
    }

    /// Saves something, and remembers it as it is saved.
    pub(crate) async fn commit_unsettled(&self, commit: Commit) -> Result<Unsettled, StoreError> {
        if commit == Commit::default() {
            return Ok(Unsettled::default());
        }
        let committed = self.inner.store.commit(&commit).await;
        match &committed {
            Ok(_) => {
                metrics::saved(&commit);
                self.inner.memory.saved(commit);
            }
            Err(_) => self.inner.memory.not_saved(&commit),
        }
        committed
    }

    /// Takes note that something is about to be done.
    pub(crate) fn begin(&self) -> Busy {
        self.inner.busy.send_modify(|busy| *busy += 1);
        Busy(self.clone())
    }

    /// Claims the look at a backend that no one is looking at.
    pub(crate) fn begin_look(&self, backend: &BackendId) -> Option<Looking> {
        match locked(&self.inner.looks).entry(backend.clone()) {
            Entry::Occupied(_) => None,
            Entry::Vacant(slot) => {
                slot.insert(Again::No);
                Some(Looking { busy: self.begin(), backend: backend.clone(), held: true })
            }
        }
    }

    /// Claims the look at a backend, or has whoever is at it look once more.
    pub(crate) fn begin_look_or_ask(&self, backend: &BackendId) -> Option<Looking> {
        let looking = self.begin_look(backend);
        if looking.is_none() {
            // Should that one have ended in between, no one is left who could be asked.
            match locked(&self.inner.looks).get_mut(backend) {
                Some(again) => *again = Again::Yes,
                None => return self.begin_look_or_ask(backend),
            }
        }
        looking
    }

    /// Waits until no backend is being looked at, and what that left to the queue is done.
    pub async fn idle(&self) {
        // The sender lives as long as the engine.
        let _ = self.inner.busy.subscribe().wait_for(|busy| *busy == 0).await;
    }
}

/// That something is being done, until it is dropped.
pub(crate) struct Busy(Engine);

impl Busy {
    /// Does with the queue what a commit has left.
    pub(crate) async fn settle(&self, unsettled: Unsettled) {
        outbox::settle(&*self.0.inner.store, &*self.0.inner.queue, unsettled, self.0.now()).await;
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.inner.busy.send_modify(|busy| *busy -= 1);
    }
}

/// The right to look at a backend, which one at a time has. Given back when it is dropped.
pub(crate) struct Looking {
    busy: Busy,
    pub(crate) backend: BackendId,
    held: bool,
}

impl Looking {
    fn looks(&self) -> MutexGuard<'_, HashMap<BackendId, Again>> {
        locked(&self.busy.0.inner.looks)
    }

    /// Takes note that the document is about to be loaded: whoever has asked by now has saved what it
    /// asked for, and is served by this look.
    pub(crate) fn load(&self) {
        if let Some(again) = self.looks().get_mut(&self.backend) {
            *again = Again::No;
        }
    }

    /// Whether someone has asked for one more look since the last call. If not, the right is given
    /// back under the same lock, so that none who asks is missed.
    pub(crate) fn again(&mut self) -> bool {
        let mut looks = self.looks();
        if let Some(again) = looks.get_mut(&self.backend)
            && *again == Again::Yes
        {
            *again = Again::No;
            return true;
        }
        looks.remove(&self.backend);
        drop(looks);
        self.held = false;
        false
    }
}

impl Drop for Looking {
    fn drop(&mut self) {
        if self.held {
            self.looks().remove(&self.backend);
        }
    }
}
