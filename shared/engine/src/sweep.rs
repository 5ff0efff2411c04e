//! The timer's part: what no message reminds of.

use jiff::{SignedDuration, Timestamp};

use crate::{
    engine::Engine,
    reconcile::{MESSAGE_AGE_MAX, ReconcileError},
};

/// How many backends one sweep looks at.
pub const SWEEP_MAX: usize = 1_000;

impl Engine {
    /// Puts a newer generation of the playbook in force, and looks at the backends whose look was
    /// due `grace` ago: their wake was lost. Gives how many those were.
    ///
    /// # Errors
    /// When the store or the playbook is not to be had.
    pub async fn sweep(&self, grace: SignedDuration) -> Result<usize, ReconcileError> {
        let before = self.playbook().await?.number;
        let now = self.now();
        let mut backends = self.inner.store.overdue(now - grace, SWEEP_MAX).await?;
        if self.refresh_playbook().await?.number != before {
            for document in self.inner.store.documents().await? {
                if !document.body.is_at_rest() && !backends.contains(&document.body.backend) {
                    backends.push(document.body.backend);
                }
            }
        }
        for backend in &backends {
            self.look(backend);
        }
        Ok(backends.len())
    }

    /// Forgets the series that ended so long ago that nothing old can come any more.
    ///
    /// # Errors
    /// When the store is not to be had.
    pub async fn forget(&self) -> Result<u64, ReconcileError> {
        let before = self.now().checked_sub(MESSAGE_AGE_MAX * 2).unwrap_or(Timestamp::MIN);
        Ok(self.inner.store.forget_series(before).await?)
    }
}
