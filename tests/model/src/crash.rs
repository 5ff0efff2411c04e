//! I3: a crash between any two stages leaves no trace but a few wasted requests.

use proptest::prelude::*;

use crate::{
    azure::WriteFault,
    case::{Case, case_lasting, config},
    world::{World, at},
};

/// Delivers every signal about when it is sent, with a crash before one of the stages, and lets all
/// come to rest. What a crash kept from being completed is delivered again.
fn live_through(
    world: &World,
    case: &Case,
    faults: &[WriteFault],
    crash_before: Option<usize>,
) -> World {
    let mut world = world.clone();
    world.crash_before = crash_before;
    world.azure.writes.extend(faults);
    for (sent, signal) in case.signals(true) {
        let wait = (at(sent) - world.now).get_seconds();
        world.pass(wait.max(0));
        world.hear(std::slice::from_ref(&signal));
    }
    world.settle();
    world
}

proptest! {
    #![proptest_config(config(10))]

    #[test]
    fn i3_a_crash_between_any_two_stages_ends_in_the_same_state(
        mut case in case_lasting(3..6),
        faults in prop::collection::vec(
            prop_oneof![
                Just(WriteFault::LostAfter),
                Just(WriteFault::LostBefore),
                (1_i64..60).prop_map(WriteFault::Late),
            ],
            0..2,
        ),
    ) {
        // Every stage of a short life rather than some of a long one.
        case.alerts.truncate(2);
        case.alerts.iter_mut().for_each(|alert| alert.runs.truncate(2));
        let fresh = case.world();
        let whole = live_through(&fresh, &case, &faults, None);
        whole.restored().map_err(TestCaseError::fail)?;
        for stage in 0..whole.stages {
            let crashed = live_through(&fresh, &case, &faults, Some(stage));
            let fail = |why: String| TestCaseError::fail(format!("crashed before {stage}: {why}"));
            crashed.restored().map_err(fail)?;
            crashed.check(&["I3", "I4", "I5", "I6", "I9", "I10"]).map_err(fail)?;
            let ended = |world: &World| -> Vec<_> {
                let series = world.store.series.values();
                series.map(|one| (one.body.id.clone(), one.body.ended, one.body.running.is_some())).collect()
            };
            prop_assert_eq!(ended(&crashed), ended(&whole));
        }
    }
}
