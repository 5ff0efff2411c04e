//! I3: a crash between any two stages leaves no trace but a few wasted requests.

use pointsman_core::overrides::{Life, Override, Standing};
use proptest::prelude::*;

use crate::{
    azure::{WriteFault, fields},
    case::{Case, case_lasting, config, pair},
    store::Pair,
    world::{World, at},
};

/// Delivers every signal, or every firing, about when it is sent, with a crash before one of the
/// stages.
fn hear_all(
    case: &Case,
    ended: bool,
    (faults, pair): (&[WriteFault], &Pair),
    crash_before: Option<usize>,
) -> World {
    let mut world = case.world().with_pair(pair);
    world.crash_before = crash_before;
    world.azure.writes.extend(faults);
    for (sent, signal) in case.signals(ended) {
        let wait = (at(sent) - world.now).get_seconds();
        world.pass(wait.max(0));
        world.hear(std::slice::from_ref(&signal));
    }
    world
}

/// The same, until all is over and at rest.
fn live_through(
    case: &Case,
    outside: (&[WriteFault], &Pair),
    crash_before: Option<usize>,
) -> World {
    let mut world = hear_all(case, true, outside, crash_before);
    world.calm_down();
    world.settle();
    world
}

fn write_faults() -> impl Strategy<Value = Vec<WriteFault>> {
    let fault = prop_oneof![
        Just(WriteFault::LostAfter),
        Just(WriteFault::LostBefore),
        (1_i64..60).prop_map(WriteFault::Late),
    ];
    prop::collection::vec(fault, 0..2)
}

proptest! {
    #![proptest_config(config(10))]

    #[test]
    fn i3_a_crash_between_any_two_stages_ends_in_the_same_state(
        mut case in case_lasting(3..6),
        faults in write_faults(),
        pair in pair(),
    ) {
        // Every stage of a short life rather than some of a long one.
        case.alerts.truncate(2);
        case.alerts.iter_mut().for_each(|alert| alert.runs.truncate(2));
        let whole = live_through(&case, (&faults, &pair), None);
        whole.check(&["I3", "I4", "I4-again", "I5", "I6", "I9", "I10"]).map_err(TestCaseError::fail)?;
        whole.restored().map_err(TestCaseError::fail)?;
        for stage in 0..whole.stages {
            let crashed = live_through(&case, (&faults, &pair), Some(stage));
            let fail = |why: String| TestCaseError::fail(format!("crashed before {stage}: {why}"));
            crashed.restored().map_err(fail)?;
            crashed.check(&["I3", "I4", "I4-again", "I5", "I6", "I9", "I10"]).map_err(fail)?;
            let ended = |world: &World| -> Vec<_> {
                let series = world.store.series.values();
                series.map(|one| (one.body.id.clone(), one.body.ended, one.body.running.is_some())).collect()
            };
            prop_assert_eq!(ended(&crashed), ended(&whole));
        }
    }

    #[test]
    fn i3_a_crash_between_any_two_stages_loses_nothing_that_is_in_force(
        mut case in case_lasting(600..900),
        faults in write_faults(),
        pair in pair(),
    ) {
        case.alerts.truncate(3);
        case.alerts.iter_mut().for_each(|alert| alert.runs.truncate(1));
        // What lasts `for` a time would be over.
        case.plays.iter_mut().for_each(|play| play.resolves = true);
        let reach = |crash_before| {
            let mut world = hear_all(&case, false, (&faults, &pair), crash_before);
            world.calm_down();
            world
        };
        let whole = reach(None);
        whole.check(&["I3", "I4", "I4-again", "I5", "I6", "I9", "I10"]).map_err(TestCaseError::fail)?;
        for stage in 0..whole.stages {
            let crashed = reach(Some(stage));
            let fail = |why: String| TestCaseError::fail(format!("crashed before {stage}: {why}"));
            crashed.check(&["I3", "I4", "I4-again", "I5", "I6", "I9", "I10"]).map_err(fail)?;
            // What is held may have begun before it gave way, or not, by what was heard together.
            let in_force = |over: &&Override| {
                matches!((&over.life, &over.standing), (Life::Begun { .. }, Standing::Admitted))
            };
            let forced = |world: &World| -> Vec<_> {
                let documents = world.store.documents.values();
                let overrides = documents.flat_map(|one| one.body.overrides.values());
                overrides.filter(in_force).map(|over| over.id.clone()).collect()
            };
            prop_assert_eq!(
                (crashed.azure.body().map(fields), forced(&crashed)),
                (whole.azure.body().map(fields), forced(&whole)),
                "crashed before {}: {}\n--- and whole ---\n{}", stage, crashed.story(), whole.story()
            );
        }
    }
}
