//! The shell's state: its ports, the playbook that is in force, and which backends are being
//! looked at.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, hash_map::Entry},
    fmt,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use jiff::{SignedDuration, Timestamp};
use pointsman_core::{
    group::{Group, Scope},
    ledger::{InShadow, Line, What},
    names::BackendId,
    playbook::{self, Playbook},
    step::Generation,
    wake::LOOK_EVERY,
};
use tokio::sync::Notify;

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

/// Whether decisions are carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// They are.
    Live,
    /// They are recorded and shown, and nothing is written to Azure.
    Shadow,
}

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

/// Why there is no playbook to act by.
#[derive(Debug, thiserror::Error)]
pub enum PlaybookError {
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// None was ever published.
    #[error("no playbook is published; `pointsman playbook apply FILE` publishes one")]
    None,
    /// Something was decided by a generation that cannot be had.
    #[error(
        "generation {0} of the playbook cannot be had, and something was decided by it already"
    )]
    Older(u64),
    /// What is published cannot be read, most likely because a newer version published it.
    #[error("generation {number} of the playbook cannot be read by this version: {why}")]
    Unreadable {
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
pub fn load(published: &Published) -> Result<Loaded, PlaybookError> {
    let playbook = playbook::read(&published.text).map_err(|problems| {
        let why = problems.first().map(ToString::to_string).unwrap_or_default();
        PlaybookError::Unreadable { number: published.number, why }
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
    playbook: RwLock<Option<Arc<Loaded>>>,
    pub(crate) memory: Memory,
    pub(crate) gathered: Gathered,
    pub(crate) pace: Pace,
    looks: Mutex<HashMap<BackendId, Again>>,
    idle: Notify,
    /// How many commits have something left that is being done with the queue.
    settling: AtomicUsize,
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

/// Tells of what was saved, and only once it was.
pub(crate) fn tell(mode: Mode, lines: &[Line]) {
    for Line { what, .. } in lines {
        // Something is to be done, and is not.
        let unmet = matches!(
            what,
            What::Unresolvable { .. }
                | What::Unreachable { .. }
                | What::Refused { .. }
                | What::NotSent { .. }
                | What::ReconnectNotSent { .. }
                | What::ReconnectRefused { .. }
                | What::ReconnectUnknown { .. }
        );
        let told: &dyn fmt::Display = match mode {
            Mode::Live => what,
            Mode::Shadow => &InShadow(what),
        };
        if unmet {
            tracing::warn!("{told}");
        } else {
            tracing::info!("{told}");
        }
    }
}

/// Saves something, and does something else beside it that takes no longer: once the save is on its
/// way, for it is what everybody waits for.
pub(crate) async fn meanwhile<S, T>(
    save: impl Future<Output = S>,
    something: impl FnOnce() -> T,
) -> (S, T) {
    let something = async {
        tokio::task::yield_now().await;
        something()
    };
    tokio::join!(save, something)
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
                playbook: RwLock::default(),
                memory: Memory::default(),
                gathered: Gathered::default(),
                pace: Pace::default(),
                looks: Mutex::default(),
                idle: Notify::new(),
                settling: AtomicUsize::new(0),
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
    pub async fn playbook(&self) -> Result<Arc<Loaded>, PlaybookError> {
        let known = self.inner.playbook.read().unwrap_or_else(PoisonError::into_inner).clone();
        match known {
            Some(loaded) => Ok(loaded),
            None => self.refresh_playbook().await,
        }
    }

    /// The playbook, no older than this generation: something was decided by that already.
    ///
    /// # Errors
    /// When there is none, or it cannot be read, or it is older.
    pub(crate) async fn playbook_since(&self, least: u64) -> Result<Arc<Loaded>, PlaybookError> {
        let mut playbook = self.playbook().await?;
        if playbook.number < least {
            playbook = self.refresh_playbook().await?;
        }
        if playbook.number < least { Err(PlaybookError::Older(least)) } else { Ok(playbook) }
    }

    /// Reads the newest generation, if it is newer than the one in force, and puts it in force.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub async fn refresh_playbook(&self) -> Result<Arc<Loaded>, PlaybookError> {
        let known = self.inner.playbook.read().unwrap_or_else(PoisonError::into_inner).clone();
        let published = self.inner.store.published().await?.ok_or(PlaybookError::None)?;
        if let Some(known) = known.filter(|known| known.number >= published.number) {
            return Ok(known);
        }
        let loaded = Arc::new(load(&published)?);
        let mut place = self.inner.playbook.write().unwrap_or_else(PoisonError::into_inner);
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

    /// Forgets the group documents that were read: one may have been changed since.
    pub(crate) fn forget_groups(&self) {
        self.inner.memory.forget_groups();
    }

    /// Saves something. Whatever is left to be done with the queue is done in the background.
    pub(crate) async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        let unsettled = self.commit_unsettled(commit).await?;
        if unsettled != Unsettled::default() {
            let settling = self.begin_settling();
            tokio::spawn(async move { settling.settle(unsettled).await });
        }
        Ok(())
    }

    /// Saves something, and remembers it as it is saved.
    pub(crate) async fn commit_unsettled(&self, commit: Commit) -> Result<Unsettled, StoreError> {
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

    /// Takes note that something is about to be done with the queue.
    pub(crate) fn begin_settling(&self) -> Settling {
        self.inner.settling.fetch_add(1, Ordering::Relaxed);
        Settling(self.clone())
    }

    /// Claims the look at a backend that no one is looking at.
    pub(crate) fn begin_look(&self, backend: &BackendId) -> Option<Looking> {
        match locked(&self.inner.looks).entry(backend.clone()) {
            Entry::Occupied(_) => None,
            Entry::Vacant(slot) => {
                slot.insert(Again::No);
                Some(Looking { engine: self.clone(), backend: backend.clone(), held: true })
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

    fn leave(&self, looks: &mut HashMap<BackendId, Again>, backend: &BackendId) {
        looks.remove(backend);
        if looks.is_empty() {
            self.inner.idle.notify_waiters();
        }
    }

    /// Waits until no backend is being looked at, and what that left to the queue is done.
    pub async fn idle(&self) {
        loop {
            let idle = self.inner.idle.notified();
            tokio::pin!(idle);
            idle.as_mut().enable();
            let settled = self.inner.settling.load(Ordering::Relaxed) == 0;
            if settled && locked(&self.inner.looks).is_empty() {
                return;
            }
            idle.await;
        }
    }
}

/// That something is being done with the queue, until it is dropped.
pub(crate) struct Settling(Engine);

impl Settling {
    /// Does with the queue what a commit has left.
    pub(crate) async fn settle(&self, unsettled: Unsettled) {
        outbox::settle(&*self.0.inner.store, &*self.0.inner.queue, unsettled, self.0.now()).await;
    }
}

impl Drop for Settling {
    fn drop(&mut self) {
        self.0.inner.settling.fetch_sub(1, Ordering::Relaxed);
        self.0.inner.idle.notify_waiters();
    }
}

/// The right to look at a backend, which one at a time has. Given back when it is dropped.
pub(crate) struct Looking {
    engine: Engine,
    pub(crate) backend: BackendId,
    held: bool,
}

impl Looking {
    /// Takes note that the document is about to be loaded: whoever has asked by now has saved what it
    /// asked for, and is served by this look.
    pub(crate) fn load(&self) {
        if let Some(again) = locked(&self.engine.inner.looks).get_mut(&self.backend) {
            *again = Again::No;
        }
    }

    /// Whether someone has asked for one more look since the last call. If not, the right is given
    /// back under the same lock, so that none who asks is missed.
    pub(crate) fn again(&mut self) -> bool {
        let mut looks = locked(&self.engine.inner.looks);
        if let Some(again) = looks.get_mut(&self.backend)
            && *again == Again::Yes
        {
            *again = Again::No;
            return true;
        }
        self.held = false;
        self.engine.leave(&mut looks, &self.backend);
        false
    }
}

impl Drop for Looking {
    fn drop(&mut self) {
        if self.held {
            self.engine.leave(&mut locked(&self.engine.inner.looks), &self.backend);
        }
    }
}
