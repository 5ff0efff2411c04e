//! Notices that wait for a save.
//!
//! A storm of repeats changes nothing, and must not cost a durable save of its own. So what was
//! noticed of repeats is gathered here. The next save that happens anyway takes it along; if none does,
//! the timer saves it after a while, and so does the end of the process. A process that is killed loses
//! what it has gathered: the numbers are for people, and nothing is decided by them.

use std::sync::Mutex;

use jiff::{SignedDuration, Timestamp};
use pointsman_core::notice::Notices;

use crate::{
    engine::Engine,
    memory::locked,
    ports::{Commit, StoreError},
};

/// How long gathered notices wait for another save.
const WAIT: SignedDuration = SignedDuration::from_secs(10);

/// What is gathered, and since when.
#[derive(Debug, Default)]
pub(crate) struct Gathered(Mutex<Option<(Timestamp, Notices)>>);

impl Gathered {
    pub(crate) fn add(&self, notices: Notices, now: Timestamp) {
        if notices.is_empty() {
            return;
        }
        let mut gathered = locked(&self.0);
        let (_, known) = gathered.get_or_insert_with(|| (now, Notices::default()));
        notices.into_iter().for_each(|(about, notice)| known.add(about, notice));
    }

    /// All that is gathered; whoever takes it saves it, or adds it again.
    pub(crate) fn take(&self) -> Notices {
        locked(&self.0).take().map(|(_, notices)| notices).unwrap_or_default()
    }

    /// Whether something has waited for long.
    fn is_due(&self, now: Timestamp) -> bool {
        // A clock that was set back keeps nothing for long.
        let waited = |(since, _): &(Timestamp, Notices)| now.duration_since(*since).abs() >= WAIT;
        locked(&self.0).as_ref().is_some_and(waited)
    }
}

impl Engine {
    /// Saves the notices that no other save took along: before the process ends.
    ///
    /// # Errors
    /// When the store is not to be had; then they go on waiting.
    pub async fn save_notices(&self) -> Result<(), StoreError> {
        let notices = self.inner.gathered.take();
        if notices.is_empty() {
            return Ok(());
        }
        let commit = Commit { notices: notices.clone(), ..Commit::default() };
        let saved = self.commit(commit).await;
        if saved.is_err() {
            self.inner.gathered.add(notices, self.now());
        }
        saved
    }

    /// Saves them if they have waited for long.
    pub(crate) async fn save_due_notices(&self) -> Result<(), StoreError> {
        if self.inner.gathered.is_due(self.now()) { self.save_notices().await } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use pointsman_core::notice::Kind;

    use super::*;

    #[test]
    fn what_is_gathered_is_due_after_a_while_and_is_taken_once() {
        let gathered = Gathered::default();
        let at = |second| Timestamp::UNIX_EPOCH + SignedDuration::from_secs(second);
        let one = |second| {
            let mut notices = Notices::default();
            notices.note(Kind::Repeated, "am", at(second), "again");
            notices
        };
        gathered.add(Notices::default(), at(0));
        assert!(!gathered.is_due(at(1_000)), "there is nothing");
        gathered.add(one(0), at(0));
        gathered.add(one(9), at(9));
        assert!(!gathered.is_due(at(9)));
        assert!(gathered.is_due(at(10)), "since the first, however many came later");
        assert!(gathered.is_due(at(-10)), "the clock was set back");
        let taken = gathered.take();
        assert_eq!(taken.get(Kind::Repeated, "am").map(|notice| notice.count), Some(2));
        assert!(gathered.take().is_empty() && !gathered.is_due(at(20)));
    }
}
