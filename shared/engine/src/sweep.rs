//! The timer's part: what no message reminds of.

use jiff::{SignedDuration, Timestamp};
use pointsman_core::notice::NOTICE_AGE_MAX;

use crate::{
    engine::{Engine, EngineError},
    memory::locked,
    outbox,
    ports::{Chosen, DEAD_LETTER_AGE_MAX},
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
        let number = self.refresh_playbook().await?.number;
        let swept = *locked(&self.inner.swept) == Some(number);
        if !swept {
            for document in self.inner.store.documents().await? {
                let document = document.body;
                let concerned = document.generation < number && !document.is_at_rest();
                if concerned && !backends.contains(&document.backend) {
                    self.look(&document.backend);
                    backends.push(document.backend);
                }
            }
            *locked(&self.inner.swept) = Some(number);
        }
        Ok(backends.len())
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
