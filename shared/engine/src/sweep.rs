//! The timer's part: what no message reminds of.

use jiff::{SignedDuration, Timestamp};
use pointsman_core::{document::Document, names::BackendId, notice::NOTICE_AGE_MAX};

use crate::{
    engine::{Engine, EngineError},
    memory::locked,
    outbox,
    ports::{Chosen, Commit, DEAD_LETTER_AGE_MAX, StoreError, Versioned},
    reconcile::MESSAGE_AGE_MAX,
};

/// How many backends one sweep looks at.
pub const SWEEP_MAX: usize = 1_000;

impl Engine {
    /// Relays what is left in the outbox, saves the notices that no save took along, puts a newer
    /// generation of the playbook in force, and looks at the backends that were decided by an older one,
    /// and at those whose look was due `grace` ago: their wake was lost. Gives how many those were.
    ///
    /// # Errors
    /// When the store or the playbook is not to be had.
    pub async fn sweep(&self, grace: SignedDuration) -> Result<usize, EngineError> {
        let now = self.now();
        self.inner.memory.forget_groups();
        let mut backends = self.inner.store.overdue(now - grace, SWEEP_MAX).await?;
        // Before anything that may fail: one document that cannot be read stops no other's look.
        for backend in &backends {
            self.look(backend);
        }
        outbox::relay(&*self.inner.store, &*self.inner.queue, now).await?;
        self.save_due_notices().await?;
        // Whoever put a generation in force, a look or the start, did not look at the other backends.
        let playbook = self.refresh_playbook().await?;
        let number = playbook.number;
        let swept = *locked(&self.inner.swept) == Some(number);
        if !swept {
            for backend in playbook.playbook.backends_of_windows() {
                // A document that cannot be read stops no other backend's windows.
                if matches!(self.inner.store.document(backend).await, Ok(None)) {
                    self.remember(backend, now).await?;
                    self.look(backend);
                    backends.push(backend.clone());
                }
            }
            for document in self.inner.store.documents().await? {
                let document = document.body;
                let has_windows = !document.windows.is_empty()
                    || playbook.playbook.windows_of(&document.backend).next().is_some();
                let concerned =
                    document.generation < number && (has_windows || !document.is_at_rest());
                if concerned && !backends.contains(&document.backend) {
                    self.look(&document.backend);
                    backends.push(document.backend);
                }
            }
            *locked(&self.inner.swept) = Some(number);
        }
        Ok(backends.len())
    }

    /// Begins to remember a backend, of which a window is to be opened.
    async fn remember(&self, backend: &BackendId, now: Timestamp) -> Result<(), StoreError> {
        let mut document = Document::new(backend.clone(), now);
        document.wake_now(now);
        let documents = vec![Versioned::new(document)];
        match self.commit(Commit { documents, ..Commit::default() }).await {
            // Whoever was faster has begun to.
            Ok(()) | Err(StoreError::Conflict) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Forgets the series that ended so long ago that nothing old can come any more, and the dead
    /// letters and notices that are old.
    ///
    /// # Errors
    /// When the store is not to be had.
    pub async fn forget(&self) -> Result<u64, EngineError> {
        // By a clock that runs ahead, what is still needed would be old.
        if self.skew().is_some() {
            return Ok(0);
        }
        let before = self.now().checked_sub(MESSAGE_AGE_MAX * 2).unwrap_or(Timestamp::MIN);
        let forgotten = self.inner.store.forget_series(before).await?;
        self.inner.memory.forget_series();
        let before = self.now().checked_sub(DEAD_LETTER_AGE_MAX).unwrap_or(Timestamp::MIN);
        let old = Chosen { before: Some(before), ..Chosen::default() };
        self.inner.store.drop_dead_letters(&old).await?;
        let before = self.now().checked_sub(NOTICE_AGE_MAX).unwrap_or(Timestamp::MIN);
        self.inner.store.forget_notices(before).await?;
        Ok(forgotten)
    }
}
