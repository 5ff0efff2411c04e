//! When a backend is to be looked at next, should nothing more be heard.

use jiff::{SignedDuration, Timestamp};

use super::{Document, RETRY, Reconnect};
use crate::{
    lease::later,
    overrides::Life,
    wake::{LOOK_EVERY, REMINDER, SKEW_MAX, warning},
};

impl Document {
    /// Sets when the next look is needed.
    pub(crate) fn plan_wake(&mut self) {
        self.wake = self.next_wake();
    }

    /// Has it looked at no later than this, where anything of it is changed: a write of someone else is
    /// noticed so. Without that, it is looked at every [`LOOK_EVERY`].
    pub fn look_within(&mut self, every: SignedDuration) {
        if !(self.overrides.is_empty() && self.owned.is_empty()) {
            self.wake = self.wake.map(|wake| wake.min(later(self.now, every)));
        }
    }

    /// Has it looked at no later than this.
    pub(crate) fn wake_by(&mut self, at: Option<Timestamp>) {
        self.wake = self.wake.into_iter().chain(at).min();
    }

    /// Asks for a look at once, or as soon as Azure may be asked.
    pub fn wake_now(&mut self, now: Timestamp) {
        let now = self.advance(now);
        self.wake = Some(self.trouble.as_ref().map_or(now, |trouble| trouble.until.max(now)));
    }

    /// Sets when the next look is needed while a look goes on. What is due by now has not been done
    /// yet, and whoever is about to do it may die first: at once, where anything is going on.
    pub(crate) fn look_on(&mut self) {
        self.wake = None;
        if !self.is_at_rest() || !self.windows.is_empty() {
            self.wake_now(self.now);
        }
    }

    /// The wake that must be sent so that the next look is not missed; none where one is on its way
    /// that comes no later. One that comes too early only sends the next, so that there is one on
    /// its way at a time, however often the backend is looked at in between.
    pub fn arm(&mut self) -> Option<Timestamp> {
        let wake = self.wake?;
        let latest = if wake <= self.now { later(self.now, REMINDER) } else { wake };
        if self.alarm.is_some_and(|alarm| self.now < alarm && alarm <= latest) {
            return None;
        }
        self.alarm = Some(latest);
        self.alarm
    }

    /// Takes in that a wake has come. It is the one on its way where that is due about now: by the
    /// clock of the queue that delivered it, it is due.
    pub fn wake_came(&mut self, now: Timestamp) {
        self.alarm.take_if(|alarm| *alarm <= later(now, SKEW_MAX));
    }

    /// When something is looked for again that has been wanting since then.
    fn again(&self, since: Timestamp) -> Timestamp {
        later(self.now, self.now.duration_since(since).clamp(RETRY.0, RETRY.1))
    }

    fn next_wake(&self) -> Option<Timestamp> {
        // Also where nothing else is going on: that a trouble is over is only seen by asking again.
        if let Some(trouble) = self.trouble.as_ref().filter(|trouble| trouble.until > self.now) {
            return Some(trouble.until);
        }
        if self.is_at_rest() {
            return None;
        }
        let mut wakes = Vec::with_capacity(4 * self.overrides.len() + 8);
        // Whoever writes to the backend meanwhile is of no concern to a reconnect.
        let at_rest = self.overrides.is_empty() && self.owned.is_empty() && self.intents.is_empty();
        if !(at_rest && self.listed.acting.is_empty()) {
            wakes.push(later(self.now, LOOK_EVERY));
        }
        // What is missing may be back at any moment, and what was never done is none the later for it.
        wakes.extend(self.etags.missing().map(|since| self.again(since)));
        for over in self.overrides.values() {
            wakes.extend(over.ends().map(|(at, _)| at));
            // When one of several is over, another may be the oldest or the worst.
            wakes.extend(over.behind.known().values().map(|asked| asked.expires(over.begun())));
            wakes.extend(warning(over));
            if let Life::Ended { steps, .. } = &over.life {
                wakes.extend(steps.last().map(|last| later(*last, over.lease.every)));
            }
        }
        wakes.extend(self.unmet().map(|(_, _, unmet)| unmet.until));
        for intent in &self.intents {
            wakes.push(self.again(intent.at).min(intent.fence()));
        }
        let waiting = self.reconnects.values().filter(|reconnect| reconnect.outcome.is_none());
        // One that is due and was not asked for is kept back by a pause.
        let held_back = later(self.now, LOOK_EVERY);
        wakes.extend(
            waiting.map(Reconnect::ask_at).map(|at| if at > self.now { at } else { held_back }),
        );
        wakes.into_iter().filter(|wake| *wake > self.now).min()
    }
}
