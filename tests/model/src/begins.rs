//! Gates: nothing begins under one that is closed, under a pause nothing is written, and what a gate holds
//! back begins once it opens.
//!
//! What is closed is worked out here from the case, and from what was told and saved, and not by what decides.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use pointsman_core::{
    document::Document,
    group::Paused,
    lease::later,
    ledger::{Line, What},
    names::{BackendId, PlayName},
    origin::Origin,
    overrides::Override,
    signal::{Heard, Severity, Signal},
};
use proptest::prelude::*;

use crate::{
    azure::{WriteFault, pool},
    case::{Gates, config, pair},
    outside::{Outside, at, book},
    world::World,
};

const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// What is known of gates.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// Those of the playbook.
    pub(crate) terms: Gates,
    /// When overrides of each play began.
    begun: BTreeMap<PlayName, Vec<Timestamp>>,
    /// When writes to each backend were recorded.
    written: BTreeMap<BackendId, Vec<Timestamp>>,
}

impl Seen {
    fn is_frozen(&self, now: Timestamp) -> bool {
        self.terms.freezes.iter().any(|(from, to)| at(*from) <= now && now < at(*to))
    }

    /// What a list has of a play, whose name is `p` and its place in it.
    fn of<T: Copy>(list: &[Option<T>], play: &PlayName) -> Option<T> {
        let place: usize = play.as_str().strip_prefix('p')?.parse().ok()?;
        list.get(place).copied().flatten()
    }

    fn is_out_of_hours(&self, play: &PlayName, now: Timestamp) -> bool {
        let Some((from, to)) = Self::of(&self.terms.hours, play) else { return false };
        let day = SignedDuration::from_hours(24);
        let mut days = (-1..=2_i32).map(|days| day * days);
        !days.any(|days| later(at(from), days) <= now && now < later(at(to), days))
    }

    /// How many of these are younger than that.
    fn count<K: Ord>(
        of: &BTreeMap<K, Vec<Timestamp>>,
        key: &K,
        per: SignedDuration,
        now: Timestamp,
    ) -> usize {
        of.get(key).into_iter().flatten().filter(|at| now < later(**at, per)).count()
    }
}

impl Outside {
    /// Holds a document that was saved against the gates: what has begun by it, what it is about to write, and
    /// what it asks for.
    pub(crate) fn gated(&mut self, before: Option<&Document>, document: &Document, lines: &[Line]) {
        let Document { backend, now, .. } = document;
        let paused = |world: &Self, of: &Paused| {
            let group = world.store.groups.get(&of.scope());
            let pause = group.and_then(|group| group.body.paused.as_ref());
            pause.is_some_and(|pause| pause.until.is_none_or(|until| *now < until))
        };
        let is_new = |id| before.is_none_or(|one| one.intents.iter().all(|known| known.id != id));
        let writes = document.intents.iter().filter(|intent| is_new(intent.id.clone()));
        let writes: Vec<Timestamp> = writes.map(|intent| intent.at).collect();
        let of_it = |line: &&Line| line.backend.as_ref() == Some(backend);
        let asks =
            lines.iter().filter(of_it).any(|line| matches!(line.what, What::ReconnectAsked { .. }));
        let is_stopped = Paused::of(backend).iter().any(|of| paused(self, of));
        if is_stopped && (asks || !writes.is_empty()) {
            self.violation("gates", &format!("{} is written to under a pause", backend.short()));
        }
        for line in lines.iter().filter(of_it) {
            let What::Began { id } = &line.what else { continue };
            // One that begins and ends in the same moment is over already.
            let Some(over) = document.overrides.get(id) else { continue };
            let play = over.origin.play().cloned();
            if is_stopped || play.clone().is_some_and(|play| paused(self, &Paused::Play(play))) {
                self.violation("gates", &format!("{id} began under a pause"));
            }
            if over.origin == Origin::Operator {
                continue;
            }
            if self.gates.is_frozen(*now) {
                self.violation("gates", &format!("{id} began in a freeze"));
            }
            let written = Seen::count(&self.gates.written, backend, HOUR, *now);
            if self.gates.terms.writes.is_some_and(|most| written >= most) {
                self.violation("gates", &format!("{id} began after {written} writes"));
            }
            let Some(play) = play else { continue };
            if self.gates.is_out_of_hours(&play, *now) {
                self.violation("gates", &format!("{id} began outside its hours"));
            }
            let begun = self.gates.begun.entry(play.clone()).or_default();
            begun.push(*now);
            begun.sort();
            let begun = begun.clone();
            if let Some((most, per)) = Seen::of(&self.gates.terms.budgets, &play) {
                let per = SignedDuration::from_secs(per);
                let spans = begun.iter().zip(begun.iter().skip(most));
                for (first, last) in spans.filter(|(first, last)| **last < later(**first, per)) {
                    let text = format!("{id} is one too many of {play}, from {first} to {last}");
                    self.violation("gates", &text);
                }
            }
        }
        self.gates.written.entry(backend.clone()).or_default().extend(writes);
    }

    /// Whether a gate other than a pause is closed to an override, or was within `apart`, or will be.
    pub(crate) fn is_closed(
        &self,
        backend: &BackendId,
        over: &Override,
        apart: SignedDuration,
    ) -> bool {
        if over.origin == Origin::Operator {
            return false;
        }
        let written = Seen::count(&self.gates.written, backend, HOUR + apart, self.now);
        let mut near =
            [-apart, SignedDuration::ZERO, apart].map(|by| later(self.now, by)).into_iter();
        let is_full = |play| {
            let Some((most, per)) = Seen::of(&self.gates.terms.budgets, play) else { return false };
            let per = SignedDuration::from_secs(per) + apart;
            Seen::count(&self.gates.begun, play, per, self.now) >= most
        };
        self.gates.terms.writes.is_some_and(|most| written >= most)
            || over.origin.play().is_some_and(is_full)
            || near.any(|now| {
                let out = |play| self.gates.is_out_of_hours(play, now);
                self.gates.is_frozen(now) || over.origin.play().is_some_and(out)
            })
    }
}

/// An alert that fires or resolves, sent to one of two processes; or something that goes wrong.
#[derive(Clone, Debug)]
enum Event {
    Fires { series: u8, second: bool, member: u8 },
    Resolves { series: u8 },
    Fault { second: bool, fault: WriteFault },
    Crash { place: usize },
}

fn event() -> impl Strategy<Value = Event> {
    let fault = prop_oneof![
        Just(WriteFault::LostAfter),
        Just(WriteFault::LostBefore),
        Just(WriteFault::Outrun),
        (1_i64..90).prop_map(|wait| WriteFault::Throttled(Some(wait))),
    ];
    prop_oneof![
        8 => (0_u8..8, any::<bool>(), 0_u8..4)
            .prop_map(|(series, second, member)| Event::Fires { series, second, member }),
        4 => (0_u8..8).prop_map(|series| Event::Resolves { series }),
        1 => (any::<bool>(), fault).prop_map(|(second, fault)| Event::Fault { second, fault }),
        1 => (0_usize..2).prop_map(|place| Event::Crash { place }),
    ]
}

proptest! {
    #![proptest_config(config(96))]

    /// Whoever wants the last place, on whichever pool and in whichever process.
    #[test]
    fn a_budget_holds_over_two_pools_and_lets_all_begin_in_the_end(
        most in 1_usize..3, per in 60_i64..600, hold in any::<bool>(),
        events in prop::collection::vec((0_i64..60, event()), 1..24),
        seed in any::<u64>(), skew in -8_i64..8, pair in pair(),
    ) {
        let failover = if hold { ", failover: hold" } else { "" };
        let playbook = book(&format!(
            "pools:\n  pool: {{service: main, backend: pool{failover}}}\n  \
             second: {{service: main, backend: pool2{failover}}}\nplays:\n  - name: p0\n    \
             when: \"true\"\n    do: [{{drain: {{pool: \"${{signal.labels.pool}}\", \
             member: \"${{signal.labels.backend}}\"}}}}]\n    budget: {{most: {most}, per: {per}s}}\n"
        ));
        let mut world = World::new(pool("m0 50, m1 50, m2 50, m3 50"), playbook)
            .with_second(pool("m0 10, m1 10, m2 10, m3 10"))
            .with_pair(&pair)
            .with_clocks(&[0, skew])
            .with_seed(seed)
            .with_gates(Gates { budgets: vec![Some((most, per))], ..Gates::default() });
        let mut on: BTreeMap<u8, Signal> = BTreeMap::new();
        for (wait, event) in events {
            world.pass(wait);
            let now = world.now;
            match event {
                Event::Fires { series, second, member } => {
                    let labels = [
                        ("pool", if second { "second" } else { "pool" }.to_owned()),
                        ("backend", format!("m{member}")),
                    ];
                    let signal = Signal {
                        series: format!("am/{series}").parse().unwrap(),
                        started: now,
                        heard: Heard::Fired,
                        severity: Severity::ALL[usize::from(series) % 4].1,
                        labels: labels.map(|(name, value)| (name.to_owned(), value)).into(),
                        annotations: BTreeMap::new(),
                        received: now,
                    };
                    // What is on goes on.
                    let signal = on.entry(series).or_insert(signal).clone();
                    world.deliver(usize::from(series % 2), &[signal]);
                }
                Event::Resolves { series } => {
                    let Some(signal) = on.remove(&series) else { continue };
                    let heard = Heard::Resolved { stated: Some(now) };
                    world.deliver(usize::from(series % 2), &[Signal { heard, received: now, ..signal }]);
                }
                Event::Fault { second, fault } => match (&mut world.second, second) {
                    (Some(azure), true) => azure.writes.push_back(fault),
                    (Some(_) | None, _) => world.azure.writes.push_back(fault),
                },
                Event::Crash { place } => {
                    world.stages(place, 7);
                    world.crash(place);
                }
            }
        }
        // All that fires goes on for so long that it must have begun, or have no place yet.
        world.calm_down();
        let now = world.now;
        for signal in on.into_values() {
            let heard = Heard::Resolved { stated: Some(now) };
            world.hear(&[Signal { heard, received: now, ..signal }]);
        }
        world.settle();
        world.check(&["I3", "I4", "I5", "I6"]).map_err(TestCaseError::fail)?;
    }
}
