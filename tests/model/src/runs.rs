//! A play's run over two pools: one reconnect follows it, once its last override is over.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use pointsman_core::{
    id::{OverrideId, ReconnectId},
    lease::later,
    ledger::{Line, What},
    names::BackendId,
    overrides::End,
    signal::{Heard, Severity, Signal},
};
use proptest::prelude::*;

use crate::{
    azure::{ReadFault, WriteFault, pool},
    case::{config, pair, ways},
    world::{World, backend, book, second_backend, undo},
};

const AFTER: SignedDuration = SignedDuration::from_mins(5);

/// Azure is asked this long before the reconnect is due.
const ASKED_BEFORE: SignedDuration = SignedDuration::from_mins(2);

/// Which member an alert is about, and whether it names the second pool.
pub(crate) type Of = (u8, bool);

/// What happens at a time.
#[derive(Clone, Debug)]
enum Event {
    Fires {
        series: u8,
        of: Of,
    },
    Resolves {
        series: u8,
    },
    Fault {
        second: bool,
        fault: WriteFault,
    },
    /// Azure asks to wait when a pool is read next.
    Blind {
        second: bool,
        wait: i64,
    },
    /// A member's alert fires just when Azure may be asked for the reconnect, and both processes look.
    Race {
        of: Of,
    },
    Undo {
        second: bool,
    },
    Crash {
        place: usize,
    },
}

pub(crate) fn signal(series: u8, (member, second): Of, started: Timestamp, heard: Heard) -> Signal {
    Signal {
        series: format!("am/{series}").parse().unwrap(),
        started,
        heard,
        severity: Severity::Error,
        labels: BTreeMap::from([
            ("alertname".to_owned(), "BackendErrors".to_owned()),
            ("backend".to_owned(), format!("m{member}")),
            ("pool".to_owned(), if second { "second" } else { "pool" }.to_owned()),
        ]),
        annotations: BTreeMap::new(),
        received: started,
    }
}

pub(crate) fn of() -> impl Strategy<Value = Of> {
    (0_u8..2, any::<bool>())
}

fn event() -> impl Strategy<Value = Event> {
    let fault = prop_oneof![
        Just(WriteFault::LostAfter),
        Just(WriteFault::LostBefore),
        (10_i64..400).prop_map(|wait| WriteFault::Throttled(Some(wait))),
        Just(WriteFault::Outrun),
    ];
    prop_oneof![
        4 => (0_u8..3, of()).prop_map(|(series, of)| Event::Fires { series, of }),
        4 => (0_u8..3).prop_map(|series| Event::Resolves { series }),
        2 => (any::<bool>(), fault).prop_map(|(second, fault)| Event::Fault { second, fault }),
        2 => (any::<bool>(), 10_i64..600).prop_map(|(second, wait)| Event::Blind { second, wait }),
        2 => of().prop_map(|of| Event::Race { of }),
        1 => any::<bool>().prop_map(|second| Event::Undo { second }),
        1 => (0_usize..2).prop_map(|place| Event::Crash { place }),
    ]
}

pub(crate) fn place(second: bool) -> BackendId {
    if second { second_backend() } else { backend() }
}

/// What the ledger says of one member, line by line.
#[derive(Default)]
struct Run {
    /// The overrides that act, on both pools.
    acting: BTreeSet<OverrideId>,
    /// The pools where one ended by itself since the run began, and a reconnect is owed for it.
    owing: BTreeSet<BackendId>,
    /// When the run was over last.
    over: Option<Timestamp>,
    /// Where the reconnect is planned.
    planned: Option<BackendId>,
    asked: BTreeSet<ReconnectId>,
}

/// Holds each line against what a reconnect is for: it is asked for while the run is over, once for each
/// time that it ended, and no sooner than the playbook says. It follows where any override of the run
/// ended by itself, and was not taken back by hand.
fn check(lines: &[Line]) -> Result<(), String> {
    let mut runs: BTreeMap<String, Run> = BTreeMap::new();
    let mut members: BTreeMap<&OverrideId, String> = BTreeMap::new();
    let mut undone: BTreeSet<&OverrideId> = BTreeSet::new();
    for line in lines {
        let (what, backend) = (&line.what, line.backend.clone());
        if let What::Claimed { id, effect, .. } = what {
            members.insert(id, effect.target());
        } else if let What::Began { id } = what {
            undone.remove(id);
            let run = runs.entry(members[id].clone()).or_default();
            if run.acting.is_empty() {
                (run.owing, run.planned) = (BTreeSet::new(), None);
            }
            run.acting.insert(id.clone());
        } else if let What::Ended { id, why: End::Undone { .. } } = what {
            undone.insert(id);
        } else if let What::Finished { id } = what {
            let run = runs.entry(members[id].clone()).or_default();
            run.acting.remove(id);
            if !undone.contains(id) {
                run.owing.extend(backend);
            }
            if run.acting.is_empty() {
                run.over = Some(line.at);
            }
        } else if let What::ReconnectUndone { target, .. } = what {
            let run = runs.entry(target.name.to_string()).or_default();
            run.owing.retain(|owing| Some(owing) != backend.as_ref());
            run.planned.take_if(|planned| Some(&*planned) == backend.as_ref());
        } else if let What::ReconnectPlanned { target, .. } = what {
            let run = runs.entry(target.name.to_string()).or_default();
            if !run.acting.is_empty() || run.owing.is_empty() {
                return Err(format!("a reconnect of {target} was planned, and nothing is over"));
            }
            (run.owing, run.planned) = (BTreeSet::new(), backend);
        } else if let What::ReconnectAsked { id, target, .. } = what {
            let run = runs.entry(target.name.to_string()).or_default();
            if !run.acting.is_empty() {
                return Err(format!("{id} was asked for while the run was on"));
            }
            // Once more where no answer was known.
            if !run.asked.insert(id.clone()) {
                continue;
            }
            if run.planned.take() != backend {
                return Err(format!("{id} was asked for, and was not what was planned last"));
            }
            if run.over.is_none_or(|over| line.at < later(over, AFTER - ASKED_BEFORE)) {
                return Err(format!("{id} was asked for too soon"));
            }
        }
    }
    match runs.iter().find(|(_, run)| run.planned.is_some() || !run.owing.is_empty()) {
        Some((member, _)) => Err(format!("no reconnect of {member} followed")),
        None => Ok(()),
    }
}

proptest! {
    #![proptest_config(config(256))]

    /// Whatever comes between: alerts that join and end, throttled and lost writes, crashes, and two
    /// processes that look at both pools at once.
    #[test]
    fn a6_a_reconnect_follows_what_ends_last(
        share in prop::sample::select(vec!["0%", "50%", "70%"]), (swap, by_label) in any::<(bool, bool)>(),
        hold in prop::sample::select(vec!["", "    hold: 3m\n", "    ramp: {steps: [50%], every: 2m}\n"]),
        events in prop::collection::vec((0_i64..400, event()), 1..12), seed in any::<u64>(),
        pair in pair(), ways in ways(), is_calm in any::<bool>(),
    ) {
        let (one, other) = if swap { ("second", "pool") } else { ("pool", "second") };
        let member = "member: \"${signal.labels.backend}\"";
        let effects = if by_label {
            format!("[{{drain: {{pool: \"${{signal.labels.pool}}\", {member}}}}}]")
        } else {
            format!("[{{drain: {{pool: {one}, {member}}}}}, {{shift: {{pool: {other}, {member}, to: 40%}}}}]")
        };
        let playbook = book(&format!(
            "pools:\n  pool: {{service: main, backend: pool, limits: {{leastShare: {share}}}}}\n  \
             second: {{service: main, backend: pool2}}\nplays:\n  - name: relieve\n    \
             when: signal.labels.alertname == \"BackendErrors\"\n    do: {effects}\n{hold}    \
             after: [{{reconnect: {{backend: \"${{signal.labels.backend}}\", after: 5m}}}}]\n"
        ));
        let mut world = World::new(pool("m0 50, m1 50, m2 50"), playbook)
            .with_second(pool("m0 10, m1 10, m2 10"))
            .with_pair(&pair)
            .with_ways(&ways)
            .with_clocks(&[0, 0])
            .with_seed(seed);
        let mut fired = BTreeMap::new();
        for (wait, event) in events {
            world.pass(wait);
            let now = world.now;
            match event {
                Event::Fires { series, of } => {
                    fired.insert(series, (of, now));
                    world.deliver(usize::from(series % 2), &[signal(series, of, now, Heard::Fired)]);
                }
                Event::Resolves { series } => {
                    let Some((of, started)) = fired.remove(&series) else { continue };
                    let heard = Heard::Resolved { stated: Some(now) };
                    let mut resolve = signal(series, of, started, heard);
                    resolve.received = now;
                    world.deliver(usize::from(series % 2), &[resolve]);
                }
                Event::Fault { second, fault } => {
                    world.azure_of(&place(second)).writes.push_back(fault);
                }
                Event::Blind { second, wait } => {
                    world.azure_of(&place(second)).reads.push_back(ReadFault::Throttled(wait));
                }
                Event::Race { of } => {
                    world.now = later(now, AFTER - ASKED_BEFORE);
                    let (now, series) = (world.now, 7);
                    world.look(0, &backend());
                    world.look(1, &second_backend());
                    fired.insert(series, (of, now));
                    world.deliver(1, &[signal(series, of, now, Heard::Fired)]);
                    world.run();
                }
                Event::Undo { second } => world.handle(0, &undo(place(second))),
                Event::Crash { place } => {
                    world.stages(place, 7);
                    world.crash(place);
                }
            }
        }
        // At times the alerts go on for so long that each must have its effect.
        if is_calm {
            world.calm_down();
        }
        let now = world.now;
        for (series, (of, started)) in fired {
            let heard = Heard::Resolved { stated: Some(now) };
            let mut resolve = signal(series, of, started, heard);
            resolve.received = now;
            world.hear(&[resolve]);
        }
        world.settle();
        world.calm_down();
        world.check(&["I3", "I4", "I4-again", "I10"]).map_err(TestCaseError::fail)?;
        let checked = check(&world.store.ledger);
        prop_assert!(checked.is_ok(), "{}\n{}", checked.unwrap_err(), world.story());
    }
}
