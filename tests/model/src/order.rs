//! I1 and I2: the order in which signals arrive, and how often, leaves no trace.

use pointsman_core::{ledger::What, signal::Signal};
use proptest::prelude::*;

use crate::{
    azure::fields,
    case::{Case, case, case_lasting, config, pair},
    store::Pair,
    world::{World, at},
};

/// An order of arrival, with some that come twice, and a pace.
#[derive(Clone, Debug)]
struct Arrival {
    keys: Vec<u32>,
    twice: Vec<bool>,
    together: Vec<usize>,
    pauses: Vec<i64>,
}

/// No case has more signals: six alerts of three runs, each of which fires three times and is resolved.
const SIGNALS_MAX: usize = 72;

fn arrival() -> impl Strategy<Value = Arrival> {
    let many = SIGNALS_MAX;
    (
        prop::collection::vec(any::<u32>(), many),
        prop::collection::vec(prop::bool::weighted(0.2), many),
        prop::collection::vec(1_usize..4, many),
        prop::collection::vec(0_i64..90, many),
    )
        .prop_map(|(keys, twice, together, pauses)| Arrival { keys, twice, together, pauses })
}

/// Lets all signals arrive in this order, after the last of them was sent.
fn arrive(case: &Case, ended: bool, arrival: &Arrival, pair: &Pair) -> World {
    let mut world = case.world().with_pair(pair);
    let sent = case.signals(ended);
    world.now = at(sent.iter().map(|(sent, _)| *sent).max().unwrap_or(0));
    let mut order: Vec<(u32, Signal)> = sent
        .into_iter()
        .enumerate()
        .flat_map(|(place, (_, signal))| {
            let again = arrival.twice[place].then(|| (arrival.keys[place] / 2, signal.clone()));
            again.into_iter().chain([(arrival.keys[place], signal)])
        })
        .collect();
    order.sort_by_key(|(key, _)| *key);
    let mut rest: &[(u32, Signal)] = &order;
    let mut turn = 0;
    while !rest.is_empty() {
        let (now, later) = rest.split_at(arrival.together[turn % SIGNALS_MAX].min(rest.len()));
        let signals: Vec<Signal> = now.iter().map(|(_, signal)| signal.clone()).collect();
        world.deliver(0, &signals);
        world.pass(arrival.pauses[turn % SIGNALS_MAX]);
        rest = later;
        turn += 1;
    }
    world
}

/// How many lines tell of an effect on the pool or on what it should be.
fn effects(world: &World) -> usize {
    let of_effect = |what: &&What| {
        !matches!(what, What::Late { .. } | What::Fired { .. } | What::Resolved { .. })
    };
    world.said().filter(of_effect).count()
}

proptest! {
    #![proptest_config(config(128))]

    #[test]
    fn i1_the_same_pool_is_reached_in_any_order_when_all_is_over(
        case in case(), one in arrival(), other in arrival(), pair in pair(),
    ) {
        for arrival in [&one, &other] {
            let mut world = arrive(&case, true, arrival, &pair);
            world.calm_down();
            world.settle();
            world.check(&["I4", "I5", "I6", "I9"]).map_err(TestCaseError::fail)?;
            world.restored().map_err(TestCaseError::fail)?;
        }
    }

    #[test]
    fn i1_the_same_is_desired_in_any_order_while_alerts_go_on(
        mut case in case_lasting(600..900), one in arrival(), other in arrival(), pair in pair(),
    ) {
        // What lasts `for` a time lasts whatever its source says: an end that came first has kept
        // it from beginning, and one that comes later does not end it before its time. And a gate is asked
        // once: what had arrived by then decides.
        case.plays.iter_mut().for_each(|play| {
            play.resolves = true;
            (play.when.count, play.when.unless) = (None, None);
        });
        let mut worlds = Vec::new();
        for arrival in [&one, &other] {
            let mut world = arrive(&case, false, arrival, &pair);
            // Longer than any hold and ramp.
            world.pass(1_800);
            world.calm_down();
            world.check(&["I4", "I5", "I6", "I9"]).map_err(TestCaseError::fail)?;
            worlds.push(world);
        }
        let (one, other) = (&worlds[0], &worlds[1]);
        prop_assert_eq!(
            one.azure.body().map(fields), other.azure.body().map(fields),
            "{}\n--- and ---\n{}", one.story(), other.story()
        );
        let series = |world: &World| -> Vec<_> {
            let stored = world.store.series.values();
            stored.map(|one| {
                let running = one.body.running.as_ref();
                (one.body.id.clone(), one.body.ended, running.map(|run| (run.started, run.latest)))
            }).collect()
        };
        prop_assert_eq!(series(one), series(other));
    }

    #[test]
    fn i1_what_count_and_damping_go_by_is_the_same_in_any_order(
        mut case in case_lasting(600..900), one in arrival(), other in arrival(), pair in pair(),
    ) {
        case.plays.iter_mut().for_each(|play| {
            (play.resolves, play.when.stale) = (true, None);
            play.when.count.get_or_insert((3, 120));
        });
        let mut worlds = Vec::new();
        for arrival in [&one, &other] {
            let mut world = arrive(&case, false, arrival, &pair);
            world.calm_down();
            world.check(&[]).map_err(TestCaseError::fail)?;
            worlds.push(world);
        }
        let occurred = |world: &World| world.document().map(|document| document.occurred.clone());
        let (one, other) = (&worlds[0], &worlds[1]);
        prop_assert_eq!(occurred(one), occurred(other), "{}\n--- and ---\n{}", one.story(), other.story());
    }

    #[test]
    fn i2_what_is_heard_again_makes_no_write_and_no_line_of_effect(
        case in case_lasting(600..900), ended in any::<bool>(), arrival in arrival(),
        again in prop::collection::vec(0_usize..SIGNALS_MAX, 1..20), pair in pair(),
    ) {
        let mut world = arrive(&case, ended, &arrival, &pair);
        world.pass(1_800);
        world.calm_down();
        world.check(&["I4", "I5", "I6", "I9"]).map_err(TestCaseError::fail)?;
        let (writes, lines) = (world.azure.received.len(), effects(&world));
        let signals = case.signals(ended);
        prop_assume!(!signals.is_empty());
        for place in again {
            world.hear(&[signals[place % signals.len()].1.clone()]);
        }
        prop_assert_eq!(world.azure.received.len(), writes, "{}", world.story());
        prop_assert_eq!(effects(&world), lines, "{}", world.story());
    }
}
