//! What happens, and what it asks for.

use std::collections::{BTreeMap, BTreeSet};

use pointsman_core::{
    claim::Claim, document::hand, effect::Effect as Named, field::Value, fraction::Fraction,
    id::OverrideId, signal::Severity,
};

use super::{Asking, From, Life, NO_ALERT, Over, Reference, Word, pool::Does};
use crate::{
    case::{Effect, Opens},
    world::backend,
};

/// A window that is open, with what it does and since when.
struct Open {
    id: OverrideId,
    place: usize,
    does: Vec<(usize, Does)>,
    started: i64,
}

impl Reference<'_> {
    /// Takes in what happens; false where it makes no sense.
    pub(super) fn hear(&mut self, word: &Word) {
        match word {
            Word::Fires(alert) => self.fires(*alert),
            Word::Resolves(alert) => {
                self.on.remove(alert);
                for over in self.overs.values_mut() {
                    if over.behind.remove(alert).is_some() {
                        over.is_resolved |= over.behind.is_empty();
                        over.follow_worst();
                    }
                }
                self.overs.retain(|_, over| over.life != Life::Waits || !over.behind.is_empty());
            }
            Word::Weighs(member, weight) => self.is_written_over(*member, Value::Number(*weight)),
            Word::PutsBack(member) => {
                self.is_written_over(*member, self.pool[*member].weight.clone());
            }
            Word::Undo => {
                self.undone.extend(self.overs.keys().map(|id| (id.clone(), self.now)));
                let laid = &self.laid;
                self.overs.retain(|_, over| over.has_part(laid));
                for over in self.overs.values_mut() {
                    over.behind.clear();
                    over.life = Life::Leaves { steps: Vec::new(), at_once: true };
                }
                self.undone.extend(self.open().into_iter().map(|one| (one.id, self.now)));
            }
            Word::Pause(of) => _ = self.paused.insert(*of),
            Word::Resume(of) => _ = self.paused.remove(of),
            Word::ByHand { effect, member, lasts, force } => {
                let (does, named) = self.effect(effect, *member);
                let id = hand::id(&backend(), &named);
                let asking =
                    Asking { severity: Severity::Info, started: self.now, since: self.now };
                let from = From::Hand { lasts: *lasts, force: *force };
                self.ask(&id, from, does, NO_ALERT, asking);
            }
        }
    }

    pub(super) fn fires(&mut self, alert: usize) {
        self.on.insert(alert, self.now);
        let of = &self.case.alerts[alert];
        let place = of.play % self.case.plays.len();
        let play = &self.case.plays[place];
        let name = format!("p{place}").parse().unwrap();
        for (at, effect) in play.effects.iter().enumerate() {
            let (does, named) = self.effect(effect, of.member);
            let id = Claim::id(&name, at, &backend(), &named);
            self.starts.entry(id.clone()).or_default().push((self.now, alert));
            let severity = Severity::ALL[of.severity % 4].1;
            let asking = Asking { severity, started: self.now, since: self.now };
            self.ask(&id, From::Play(place), does, alert, asking);
        }
    }

    /// Someone else writes: that is the owner's from now on. Who owns the weight gives way, or has it written
    /// again, three times a day.
    pub(super) fn is_written_over(&mut self, member: usize, value: Value) {
        let owners = self.laid.owners.get(&member).cloned().unwrap_or_default();
        let is_put_back = value.means(&self.pool[member].weight);
        self.pool[member].weight = value;
        let asserts = |id: &OverrideId| match self.overs[id].from {
            From::Play(place) => match self.case.plays[place].drift {
                Some("yield") => false,
                Some("assert") => true,
                Some(_) | None => is_put_back,
            },
            From::Window(_) | From::Hand { .. } => is_put_back,
        };
        let (again, mut yields): (BTreeSet<_>, BTreeSet<_>) = owners.into_iter().partition(asserts);
        if !again.is_empty() {
            let asserted = self.asserted.entry(member).or_default();
            asserted.push(self.now);
            if asserted.len() > 3 {
                yields.extend(again);
            }
        }
        self.yielded.entry(member).or_default().extend(yields);
    }

    /// What an effect does to whom; and what it is called.
    pub(super) fn effect(&self, effect: &Effect, member: usize) -> (Vec<(usize, Does)>, Named) {
        let at = member % self.pool.len();
        let member = self.name(at);
        match effect {
            Effect::Drain => (vec![(at, Does::Part(0))], Named::Drain { member }),
            Effect::Shift(to) => (
                vec![(at, Does::Part(u64::from(*to) * 100))],
                Named::Shift { member, to: Fraction::percent(*to) },
            ),
            Effect::Promote(weight) => {
                (vec![(at, Does::Serve(*weight))], Named::Promote { member, weight: *weight })
            }
            Effect::Split(weights) => {
                let mut split: BTreeMap<usize, u8> = BTreeMap::new();
                split.extend(
                    weights.iter().enumerate().map(|(at, weight)| (at % self.pool.len(), *weight)),
                );
                if split.values().all(|weight| *weight == 0) {
                    split.values_mut().for_each(|weight| *weight = 10);
                }
                let weights = split.iter().map(|(at, weight)| (self.name(*at), *weight)).collect();
                let does =
                    split.into_iter().map(|(at, weight)| (at, Does::Weight(weight))).collect();
                (does, Named::Split { weights })
            }
            Effect::Breaker(_) | Effect::Set(_) | Effect::Reconnect(_) => {
                unreachable!("it is of a pool")
            }
        }
    }

    /// Has something be asked for.
    pub(super) fn ask(
        &mut self,
        id: &OverrideId,
        from: From,
        does: Vec<(usize, Does)>,
        who: usize,
        mut asking: Asking,
    ) {
        let drains = does.iter().any(|(_, does)| matches!(does, Does::Part(0) | Does::Weight(0)));
        let over = self.overs.entry(id.clone()).or_insert_with(|| Over {
            from,
            does: does.clone(),
            drains,
            severity: asking.severity,
            started: asking.started,
            behind: BTreeMap::new(),
            joined: self.now,
            is_resolved: false,
            life: Life::Waits,
            counts: false,
        });
        match from {
            From::Play(_) => {}
            From::Window(_) | From::Hand { .. } => {
                // What is prolonged keeps its age, and the word that counts is the last.
                if !matches!(over.life, Life::Leaves { .. }) {
                    asking.started = over.started;
                }
                over.behind.clear();
                self.yielded.values_mut().for_each(|ids| _ = ids.remove(id));
            }
        }
        (over.from, over.does, over.drains) = (from, does, drains);
        (over.joined, over.is_resolved) = (asking.since, false);
        over.behind.insert(who, asking);
        over.follow_worst();
    }

    fn open(&self) -> Vec<Open> {
        let windows = self.case.windows.iter().enumerate().filter_map(|(place, window)| {
            let started = match window.opens {
                Opens::Once(at) => Some(at).filter(|at| *at <= self.now),
                Opens::Every(minutes) => {
                    let every = i64::from(minutes) * 60;
                    (0..7_200 / every).map(|time| time * every).rfind(|at| *at <= self.now)
                }
            };
            let started = started.filter(|at| self.now < at + window.lasts)?;
            let of = &self.book.windows[place];
            let backend = backend();
            let (id, _) = of.on(&backend).next()?;
            let (does, _) = self.effect(&window.effect, window.member);
            Some(Open { id, place, does, started })
        });
        windows.collect()
    }

    pub(super) fn open_windows(&mut self) {
        let open = self.open();
        let is_on =
            |one: &Open| self.undone.get(&one.id).is_none_or(|undone| *undone < one.started);
        let open: Vec<_> = open.into_iter().filter(is_on).collect();
        for (id, over) in &mut self.overs {
            if matches!(over.from, From::Window(_)) && open.iter().all(|one| one.id != *id) {
                over.behind.clear();
            }
        }
        for Open { id, place, does, started } in open {
            let known = self
                .overs
                .get(&id)
                .is_some_and(|over| over.behind.values().any(|asking| asking.since == started));
            if !known {
                let asking = Asking { severity: Severity::Info, started, since: started };
                self.ask(&id, From::Window(place), does, NO_ALERT, asking);
            }
        }
    }
}
