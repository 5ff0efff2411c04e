//! The turnstile that every call of a port waits at, so that whoever drives the simulation says
//! whose turn it is.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard},
};

use tokio::sync::oneshot;

/// Who waits, in the order of coming.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    next: u64,
    at: BTreeMap<u64, (&'static str, oneshot::Sender<()>)>,
}

impl Turns {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap()
    }

    /// Waits for a turn to do what is called so.
    pub(crate) async fn wait(&self, what: &'static str) {
        let (open, opened) = oneshot::channel();
        {
            let mut waiting = self.waiting();
            let place = waiting.next;
            waiting.next += 1;
            waiting.at.insert(place, (what, open));
        }
        // The sender is only ever dropped together with the process.
        let _ = opened.await;
    }

    /// What those that wait are going to do; who gave up is forgotten.
    pub(crate) fn whats(&self) -> Vec<&'static str> {
        let mut waiting = self.waiting();
        waiting.at.retain(|_, (_, open)| !open.is_closed());
        waiting.at.values().map(|(what, _)| *what).collect()
    }

    /// Lets one of those that wait go on.
    pub(crate) fn open(&self, which: usize) {
        let mut waiting = self.waiting();
        let place = waiting.at.keys().nth(which).copied();
        if let Some((_, open)) = place.and_then(|place| waiting.at.remove(&place)) {
            let _ = open.send(());
        }
    }
}

/// Chance, from a seed: the same each time.
#[derive(Clone, Debug)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `bound` (SplitMix64).
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^= mixed >> 31;
        usize::try_from(mixed % bound.max(1) as u64).unwrap()
    }
}
