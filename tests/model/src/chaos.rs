//! Anything may happen: what must hold after every write, and at the end, whatever it was.

use pointsman_core::group::Paused;
use proptest::prelude::*;

use crate::{
    azure::ReadFault,
    case::{Case, Event, config, events, gated, pair},
    store::Pair,
    world::{Message, World},
};

/// Lets it all happen, then lets all be well, with the alerts that still fire on, and then all ends
/// come, by the clock alone.
fn live_through(case: &Case, events: &[Event], skews: &[i64], seed: u64, pair: &Pair) -> World {
    let world = case.world().with_pair(pair).with_clocks(skews).with_seed(seed);
    live_through_in(world, case, events)
}

fn live_through_in(mut world: World, case: &Case, events: &[Event]) -> World {
    let signals = case.signals(true);
    world.begin();
    for event in events {
        world.happen(case, &signals, event);
    }
    world.heal();
    // Whoever pauses has done so before someone resumes.
    world.run();
    for of in Paused::all(Some(&case.playbook())) {
        world.handle(0, &Message::Resume(of));
    }
    world.calm_down();
    world.settle();
    world
}

proptest! {
    #![proptest_config(config(160))]

    #[test]
    fn i4_every_write_is_planned_from_the_state_it_is_done_on(case in gated(), events in events(), seed in any::<u64>(), pair in pair()) {
        let world = live_through(&case, &events, &[0], seed, &pair);
        world.check(&["I3", "I4", "I4-again"]).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn i5_no_write_takes_a_pool_below_its_limits(case in gated(), events in events(), seed in any::<u64>(), pair in pair()) {
        let world = live_through(&case, &events, &[0], seed, &pair);
        world.check(&["I5"]).map_err(TestCaseError::fail)?;
    }

    /// All of it at once: what the nightly run looks for in 100,000 histories.
    #[test]
    fn all_hold_for_two_instances_whose_clocks_differ(
        case in gated(), events in events(), seed in any::<u64>(), skew in -8_i64..8, pair in pair(),
    ) {
        let world = live_through(&case, &events, &[0, skew], seed, &pair);
        world.check(&["I3", "I4", "I5", "I6", "I9", "I10"]).map_err(TestCaseError::fail)?;
        world.restored().map_err(TestCaseError::fail)?;
    }

    #[test]
    fn i6_the_pool_is_its_owners_to_the_letter_when_all_is_over(case in gated(), events in events(), seed in any::<u64>(), pair in pair()) {
        let world = live_through(&case, &events, &[0], seed, &pair);
        world.check(&["I6"]).map_err(TestCaseError::fail)?;
        world.restored().map_err(TestCaseError::fail)?;
    }

    #[test]
    fn i9_what_someone_else_wrote_is_known_before_it_is_written_over(case in gated(), events in events(), seed in any::<u64>(), pair in pair()) {
        let world = live_through(&case, &events, &[0], seed, &pair);
        world.check(&["I9"]).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn i10_no_reconnect_is_asked_for_a_third_time(case in gated(), events in events(), seed in any::<u64>(), pair in pair()) {
        let world = live_through(&case, &events, &[0, 3], seed, &pair);
        world.check(&["I10"]).map_err(TestCaseError::fail)?;
    }

    /// A cache that answers with states that were never read can mislead, but neither block for
    /// ever nor break a limit.
    #[test]
    fn i4_i5_hold_even_when_caches_answer_with_what_was_never_read(
        case in gated(), mut events in events(), seed in any::<u64>(), pair in pair(),
    ) {
        for event in &mut events {
            if let Event::Read(ReadFault::Stale(back)) = event {
                *event = Event::Read(ReadFault::Unseen(*back));
            }
        }
        let world = live_through(&case, &events, &[0], seed, &pair);
        world.check(&["I3", "I4", "I4-again", "I5"]).map_err(TestCaseError::fail)?;
    }

    /// What is not the same twice proves nothing. Two engines of one process differ in all that
    /// chance gives a process, such as the order in its hash maps.
    #[test]
    fn the_same_seed_twice_gives_the_same_transcript(
        case in gated(), events in events(), seed in any::<u64>(), pair in pair(),
    ) {
        let transcript = || {
            let mut world = case.world().with_pair(&pair).with_clocks(&[0, -4]).with_seed(seed);
            world.transcript = Some(String::new());
            live_through_in(world, &case, &events).transcript.take().unwrap()
        };
        let (one, other) = (transcript(), transcript());
        let differ = one.lines().zip(other.lines()).find(|(one, other)| one != other);
        prop_assert!(one == other && !one.is_empty(), "{differ:?}");
    }

    /// A process that is slow, or stands still for a while, works on what another was given meanwhile.
    #[test]
    fn all_hold_where_locks_run_out_while_messages_are_worked_on(
        case in gated(), events in events(), seed in any::<u64>(), pair in pair(),
        lost in prop::collection::vec(prop::option::weighted(0.3, (0_usize..2, 1_usize..6)), 40),
    ) {
        let mut world = case.world().with_pair(&pair).with_clocks(&[0, 2]).with_seed(seed);
        let signals = case.signals(true);
        world.begin();
        for (event, lost) in events.iter().zip(lost) {
            world.happen(&case, &signals, event);
            if let Some((process, stages)) = lost {
                world.stages(process, stages);
                world.lose_locks(process);
            }
        }
        let world = live_through_in(world, &case, &[]);
        world.check(&["I3", "I4", "I5", "I6", "I9", "I10"]).map_err(TestCaseError::fail)?;
        world.restored().map_err(TestCaseError::fail)?;
    }
}
