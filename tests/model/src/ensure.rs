//! A Single that is ensured, and the pool that is to list it: two backends, and two documents that go by each
//! other.
//!
//! No pool lists by our doing what is not there. Only what we made, and what nobody else has written to since, is
//! deleted, and that is left by nobody: whatever becomes of a write, at the end the pool is what its owner left,
//! and the Single is gone, or what its owner left.

use std::collections::BTreeMap;

use jiff::Timestamp;
use pointsman_core::{
    body::Body,
    field::{Field, Property, Value},
    json::Json,
    names::{BackendId, BackendName},
    overrides::Override,
    pool::{Member, Pool},
    signal::{Heard, Severity, Signal},
};
use proptest::prelude::*;

use crate::{
    azure::{Foreign, ReadFault, Whose, WriteFault, pool, theirs},
    case::{config, pair, ways},
    outside::Outside,
    runs::place,
    world::{World, book, second_backend, undo},
};

/// What happens at a time.
#[derive(Clone, Debug)]
enum Event {
    /// More is needed.
    Busy {
        series: u8,
    },
    /// A member fails.
    Down {
        member: u8,
    },
    /// One of those is over.
    Over {
        series: u8,
    },
    Write {
        single: bool,
        fault: WriteFault,
    },
    Read {
        single: bool,
        fault: ReadFault,
    },
    /// Someone else does something to the Single.
    Single(Foreign),
    /// Or to the pool.
    Pool(Foreign),
    Undo {
        single: bool,
    },
    Crash {
        place: usize,
    },
}

fn name() -> BackendName {
    second_backend().name
}

fn write_fault() -> impl Strategy<Value = WriteFault> {
    prop_oneof![
        3 => Just(WriteFault::LostAfter),
        2 => Just(WriteFault::LostBefore),
        2 => (1_i64..200).prop_map(WriteFault::Late),
        1 => (10_i64..400).prop_map(|wait| WriteFault::Throttled(Some(wait))),
        1 => Just(WriteFault::Outrun),
        1 => Just(WriteFault::Resent),
        1 => Just(WriteFault::NotSent),
        2 => Just(WriteFault::Beaten),
    ]
}

fn read_fault() -> impl Strategy<Value = ReadFault> {
    prop_oneof![
        2 => Just(ReadFault::Lost),
        1 => Just(ReadFault::Unreadable),
        1 => (0_usize..3).prop_map(ReadFault::Stale),
        1 => (10_i64..400).prop_map(ReadFault::Throttled),
    ]
}

fn of_single() -> impl Strategy<Value = Foreign> {
    let title =
        |to: &str| Foreign::Set(Field::Property(Property::Title), Value::Json(Json::from(to)));
    prop_oneof![
        Just(Foreign::Create(theirs())),
        Just(Foreign::Delete),
        Just(title("a title")),
        Just(title("another")),
        Just(Foreign::Other),
    ]
}

fn of_pool() -> impl Strategy<Value = Foreign> {
    let weight = |weight| Foreign::Set(Field::weight(&name()), Value::Number(weight));
    let member =
        |weight| Member { name: name(), weight: Value::Number(weight), priority: Value::Absent };
    prop_oneof![
        Just(Foreign::Remove(name())),
        (1_u8..99).prop_map(move |number| Foreign::Add(member(number))),
        (1_u8..99).prop_map(weight),
        Just(Foreign::Other),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => (0_u8..3).prop_map(|series| Event::Busy { series }),
        2 => (0_u8..2).prop_map(|member| Event::Down { member }),
        6 => (0_u8..5).prop_map(|series| Event::Over { series }),
        5 => (any::<bool>(), write_fault()).prop_map(|(single, fault)| Event::Write { single, fault }),
        3 => (any::<bool>(), read_fault()).prop_map(|(single, fault)| Event::Read { single, fault }),
        2 => of_single().prop_map(Event::Single),
        2 => of_pool().prop_map(Event::Pool),
        1 => any::<bool>().prop_map(|single| Event::Undo { single }),
        2 => (0_usize..2).prop_map(|place| Event::Crash { place }),
    ]
}

fn signal(series: u8, started: Timestamp, heard: Heard, received: Timestamp) -> Signal {
    // Of the series, the last two are of members.
    let (alert, member) = match series {
        0..3 => ("Busy", String::new()),
        member => ("Down", format!("m{}", member - 3)),
    };
    Signal {
        series: format!("am/{series}").parse().unwrap(),
        started,
        heard,
        severity: Severity::Error,
        labels: BTreeMap::from([
            ("alertname".to_owned(), alert.to_owned()),
            ("backend".to_owned(), member),
        ]),
        annotations: BTreeMap::new(),
        received,
    }
}

impl Outside {
    /// Whether the pool lists the Single.
    fn lists(&self, is_owners: bool) -> bool {
        let pool = if is_owners { self.azure.owner.pool() } else { self.azure.pool() };
        pool.is_some_and(|pool| pool.members().iter().any(|member| member.name == name()))
    }

    /// Someone else does something to the pool. Who changes what was added there has it be there.
    fn of_pool(&mut self, foreign: &Foreign) {
        let states = self.azure.history.len();
        self.foreign(foreign);
        let (Foreign::Set(..), true) = (foreign, self.azure.history.len() > states) else { return };
        let members = self.azure.pool().map_or(&[][..], Pool::members).iter();
        let added = members.filter(|member| member.name == name()).map(Member::entry).next();
        if let Some(entry) = added.filter(|_| !self.lists(true)) {
            self.azure.owner = self.azure.owner.with([(&Field::Membership(name()), entry)]);
        }
    }

    /// Whether a Single that a pool is to list is not there, or nobody ensures any more that it stays.
    pub(crate) fn is_not_ensured(&self, member: &BackendName) -> bool {
        let single = second_backend();
        let stays = |over: &Override| over.effect.declares().is_some() && over.begun().is_some();
        let document = self.document_of(&single);
        let is_ensured = document.is_some_and(|document| document.overrides.values().any(stays));
        single.name == *member && !(is_ensured && self.body_of(&single).is_some())
    }

    /// Whether a backend is not to be deleted, for the pool lists it: what the port asks before it deletes one.
    pub(crate) fn may_not_go(&mut self, backend: &BackendId) -> bool {
        let is_ours = !self.lists(true) && !self.watch.is_ambiguous;
        if is_ours && self.lists(false) {
            self.violation(
                "I3",
                &format!("{backend} is to be deleted, and the pool lists it by our doing"),
            );
        }
        self.lists(false)
    }

    /// Holds what is there of a Single that is ensured, and of the pool, against each other.
    pub(crate) fn audit_ensured(&mut self) {
        let listed = self.lists(false) && !self.lists(true);
        let Some(second) = self.second.as_mut() else { return };
        let is_gone = second.now.is_none() && second.whose == Whose::Ours;
        if let Some(intent) = second.wrongly_deleted.take() {
            self.violation("I4", &format!("{intent} has deleted what is someone else's"));
        }
        if listed && is_gone {
            self.violation("I3", "the pool lists what was deleted, by our doing");
        }
    }
}

/// What is wrong with what is left of the Single once all is over.
fn left(world: &World) -> Result<(), String> {
    let second = world.second.as_ref().expect("there may be one");
    match (second.body(), second.whose) {
        (Some(_), Whose::Ours) => Err("what we made is left behind".to_owned()),
        (Some(body), Whose::Theirs) if second.owner != Body::Missing && *body != second.owner => {
            Err(format!("it is {body:?}, and its owner left {:?}", second.owner))
        }
        (Some(_), Whose::Theirs | Whose::Unclear) | (None, _) => Ok(()),
    }
}

proptest! {
    #![proptest_config(config(256))]

    /// Whatever comes between: lost and late answers, others who make it, write to it, take it away, or out of
    /// the pool, crashes, and two processes that look at both backends at once.
    #[test]
    fn what_is_ensured_is_made_listed_and_at_the_end_gone(
        ending in prop::sample::select(vec!["", "    hold: 3m\n", "    ramp: {steps: [50%], every: 2m}\n"]),
        is_there in any::<bool>(),
        events in prop::collection::vec((0_i64..400, event()), 1..14), seed in any::<u64>(),
        pair in pair(), ways in ways(), is_calm in any::<bool>(),
    ) {
        let playbook = book(&format!(
            "pools:\n  pool: {{service: main, backend: pool}}\n\
             backends:\n  {}: {{service: main, is: {{url: \"https://twin.example.com\", title: twin}}}}\n\
             plays:\n  - name: more\n    when: signal.labels.alertname == \"Busy\"\n    \
             do: [{{ensure: {{backend: {}, in: pool, weight: 50}}}}]\n{ending}  - name: drain\n    \
             when: signal.labels.alertname == \"Down\"\n    \
             do: [{{drain: {{pool: pool, member: \"${{signal.labels.backend}}\"}}}}]\n",
            name(), name(),
        ));
        let single = if is_there { theirs() } else { Body::Missing };
        let mut world = World::new(pool("m0 50, m1 50, m2 50"), playbook)
            .with_second(single)
            .with_pair(&pair)
            .with_ways(&ways)
            .with_clocks(&[0, 0])
            .with_seed(seed);
        let (mut fired, mut alone) = (BTreeMap::new(), true);
        for (wait, event) in events {
            world.pass(wait);
            let now = world.now;
            match event {
                Event::Busy { series } => {
                    fired.insert(series, now);
                    world.deliver(usize::from(series % 2), &[signal(series, now, Heard::Fired, now)]);
                }
                Event::Down { member } => {
                    fired.insert(3 + member, now);
                    world.deliver(1, &[signal(3 + member, now, Heard::Fired, now)]);
                }
                Event::Over { series } => {
                    let Some(started) = fired.remove(&series) else { continue };
                    let heard = Heard::Resolved { stated: Some(now) };
                    world.deliver(usize::from(series % 2), &[signal(series, started, heard, now)]);
                }
                Event::Write { single, fault } => {
                    alone &= fault != WriteFault::Beaten;
                    world.azure_of(&place(single)).writes.push_back(fault);
                }
                Event::Read { single, fault } => {
                    world.azure_of(&place(single)).reads.push_back(fault);
                }
                Event::Single(foreign) => {
                    alone = false;
                    world.azure_of(&second_backend()).foreign(&foreign, Vec::new());
                }
                Event::Pool(foreign) => {
                    alone = false;
                    world.of_pool(&foreign);
                }
                Event::Undo { single } => {
                    alone = false;
                    world.handle(0, &undo(place(single)));
                }
                Event::Crash { place } => {
                    world.stages(place, 7);
                    world.crash(place);
                }
            }
        }
        world.run();
        // While a pool lists it by someone else's doing, it cannot be deleted, and that is a trouble.
        let is_kept = |world: &World| world.lists(true) || world.watch.is_ambiguous;
        // At times the alerts go on for so long that each must have its effect.
        if is_calm && !is_kept(&world) {
            world.calm_down();
            let is_busy = fired.keys().any(|series| *series < 3);
            let is_made = world.second.as_ref().is_some_and(|second| second.now.is_some());
            if is_busy && alone {
                prop_assert!(is_made && world.lists(false), "nothing is made or listed\n{}", world.story());
            }
        }
        let now = world.now;
        for (series, started) in fired {
            let heard = Heard::Resolved { stated: Some(now) };
            world.hear(&[signal(series, started, heard, now)]);
        }
        world.run();
        if is_kept(&world) {
            world.foreign(&Foreign::Remove(name()));
        }
        world.settle();
        world.calm_down();
        world.check(&["I3", "I4", "I4-again", "I5", "I6", "I9"]).map_err(TestCaseError::fail)?;
        world.restored().map_err(TestCaseError::fail)?;
        let left = left(&world);
        prop_assert!(left.is_ok() || world.watch.is_ambiguous, "{}\n{}", left.unwrap_err(), world.story());
    }
}
