//! Which gate keeps an override back, each as it is defined.

use std::collections::{BTreeMap, BTreeSet};

use pointsman_core::id::OverrideId;

use super::{From, Kind, Life, Over, Reference, pool::Ask};

/// The pauses come in this order: everything, the pool, and each play.
const FIRST_PLAY: usize = 2;

impl Reference<'_> {
    /// Asks the gates about all that want to begin, the strongest first. A place of a budget that one cannot take
    /// goes to the next.
    pub(super) fn ask_gates(&mut self) {
        let mut idle: BTreeMap<OverrideId, Option<Kind>> = BTreeMap::new();
        loop {
            self.closed = self.asked(&idle);
            let mut kept = self.panic();
            if !self.closed.values().any(|kind| *kind == Kind::Budget) {
                return;
            }
            let laid = self.ground().lay(&self.asks());
            let through = self
                .overs
                .iter()
                .filter(|(id, over)| over.wants_to_begin() && !self.closed.contains_key(*id));
            for (id, _) in through {
                let held = laid.held.get(id).copied();
                if held.is_some() || laid.yielded.contains(id) {
                    kept.insert(id.clone(), held);
                }
            }
            let known = idle.len();
            idle.extend(kept);
            if idle.len() == known {
                return;
            }
        }
    }

    fn asked(&self, idle: &BTreeMap<OverrideId, Option<Kind>>) -> BTreeMap<OverrideId, Kind> {
        let mut wanting: Vec<(Ask, &Over)> = self
            .overs
            .iter()
            .filter(|(_, over)| over.wants_to_begin())
            .map(|(id, over)| (self.as_ask(id, over, None), over))
            .collect();
        wanting.sort_by_key(|(ask, _)| ask.strength());
        let mut taken: BTreeMap<usize, usize> = BTreeMap::new();
        let mut closed = BTreeMap::new();
        for (Ask { id, .. }, over) in wanting {
            let mut why = self.gate(&id, over);
            if let (None, From::Play(place)) = (why, over.from)
                && let Some((most, per)) = self.case.gates.budgets.get(place).copied().flatten()
            {
                let begun = self.begun.get(&place).into_iter().flatten();
                let begun = begun.filter(|at| self.now < **at + per).count();
                let taken = taken.entry(place).or_default();
                match idle.get(&id) {
                    Some(kept) => why = *kept,
                    None if begun + *taken >= most => why = Some(Kind::Budget),
                    None => *taken += 1,
                }
            }
            closed.extend(why.map(|why| (id, why)));
        }
        closed
    }

    /// The first that is closed, but for the budget.
    fn gate(&self, id: &OverrideId, over: &Over) -> Option<Kind> {
        if self.is_stopped() {
            return Some(Kind::Paused);
        }
        let is_frozen =
            self.case.gates.freezes.iter().any(|(from, to)| (*from..*to).contains(&self.now));
        let frozen = is_frozen.then_some(Kind::Frozen);
        let place = match over.from {
            From::Hand { .. } => return None,
            From::Window(_) => return frozen,
            From::Play(place) => place,
        };
        if self.paused.contains(&(FIRST_PLAY + place)) {
            return Some(Kind::PlayPaused);
        }
        if frozen.is_some() {
            return frozen;
        }
        let hours = self.case.gates.hours.get(place).copied().flatten();
        if hours.is_some_and(|(from, to)| !(from..to).contains(&self.now)) {
            return Some(Kind::Hours);
        }
        let when = &self.case.plays[place].when;
        let others = self.on.keys().filter(|alert| !over.behind.contains_key(*alert));
        let plays = self.case.plays.len();
        let of = |alert: usize| self.case.alerts[alert].play % plays;
        if when.unless.is_some_and(|other| others.clone().any(|alert| of(*alert) == other)) {
            return Some(Kind::Unless);
        }
        let starts = self.starts.get(id).map_or(&[][..], Vec::as_slice);
        let is_on = |(at, alert): &&(i64, usize)| {
            over.behind.get(alert).is_some_and(|asking| asking.started == *at)
        };
        if let Some((count, within)) = when.count {
            let had = starts.iter().map(|(first, _)| {
                let near = starts.iter().filter(|(at, _)| (*first..=first + within).contains(at));
                if near.clone().any(|one| is_on(&one)) { near.count() } else { 0 }
            });
            if had.max().unwrap_or(0) < count {
                return Some(Kind::Count);
            }
        }
        let first = starts.iter().filter(is_on).map(|(at, _)| *at).min();
        let lasted = |lasting| first.is_some_and(|first| first + lasting <= self.now);
        (!when.lasting.is_none_or(lasted)).then_some(Kind::Lasting)
    }

    /// While alerts ask for too many to be out, none of them drains anything, and what they drained is given back.
    fn panic(&mut self) -> BTreeMap<OverrideId, Option<Kind>> {
        let most = self.case.terms.panic.filter(|_| !self.is_stopped());
        let Some(most) = most else { return BTreeMap::new() };
        let draining: BTreeSet<OverrideId> = self
            .overs
            .iter()
            .filter(|(_, over)| over.drains && matches!(over.from, From::Play(_)))
            .map(|(id, _)| id.clone())
            .collect();
        let asking = draining.iter().filter(|id| match self.closed.get(*id) {
            None => {
                let over = &self.overs[*id];
                over.wants_to_begin() || matches!(over.life, Life::InForce { .. })
            }
            Some(why) => matches!(why, Kind::Panic | Kind::Budget),
        });
        let asking: Vec<Ask> = asking.map(|id| self.as_ask(id, &self.overs[id], None)).collect();
        let asking: Vec<&Ask> = asking.iter().collect();
        let (out, of) = self.ground().would_be_out(&asking);
        if out * 100 <= of * usize::from(most) {
            return BTreeMap::new();
        }
        for id in &draining {
            let over = self.overs.get_mut(id).expect("it was there");
            if matches!(over.life, Life::InForce { .. }) {
                over.life = match over.has_part(&self.laid) {
                    true => Life::Leaves { steps: Vec::new(), at_once: !over.counts },
                    false => Life::Waits,
                };
            }
            if over.wants_to_begin() {
                self.closed.entry(id.clone()).or_insert(Kind::Panic);
            }
        }
        draining.into_iter().map(|id| (id, Some(Kind::Panic))).collect()
    }
}
