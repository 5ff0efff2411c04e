//! Time: ramps, holds, ends without a resolve, reconnects, pauses, undoing, and clocks that differ.

use std::sync::Arc;

use jiff::SignedDuration;
use pointsman_core::{
    field::{Field, Value},
    group::Paused,
    lease::later,
    ledger::What,
    overrides::End,
    signal::{Heard, Severity, Signal},
};
use pointsman_engine::Mode;
use proptest::prelude::*;

use crate::{
    azure::{ReadFault, ReconnectFault, WriteFault, pool},
    case::{config, wait},
    world::{Book, Message, World, at, backend, playbook, undo, weight_of},
};

/// One play that drains the member that the alert names.
fn drains(more: &str) -> Arc<Book> {
    playbook(
        "",
        &format!(
            "  - name: drain\n    when: \"true\"\n    do: [{{drain: {{pool: pool, member: \
             \"${{signal.labels.backend}}\"}}}}]\n{more}"
        ),
    )
}

fn signal(series: &str, member: &str, started: i64, heard: Heard) -> Signal {
    Signal {
        series: format!("am/{series}").parse().unwrap(),
        started: at(started),
        heard,
        severity: Severity::Error,
        labels: [("backend".to_owned(), member.to_owned())].into(),
        annotations: [].into(),
        received: match heard {
            Heard::Resolved { stated: Some(stated) } => stated,
            Heard::Fired | Heard::Resolved { stated: None } => at(started),
        },
    }
}

fn fired(series: &str, member: &str, started: i64) -> Signal {
    signal(series, member, started, Heard::Fired)
}

fn resolved(series: &str, member: &str, started: i64, ended: i64) -> Signal {
    signal(series, member, started, Heard::Resolved { stated: Some(at(ended)) })
}

const RAMP: &str = "    ramp: {steps: [10%, 50%], every: 2m}\n";
const RECONNECT: &str =
    "    after: [{reconnect: {backend: \"${signal.labels.backend}\", after: 5m}}]\n";

fn fault() -> impl Strategy<Value = WriteFault> {
    prop_oneof![
        Just(WriteFault::LostAfter),
        Just(WriteFault::LostBefore),
        Just(WriteFault::NotSent),
        Just(WriteFault::Refused),
        Just(WriteFault::Resent),
        wait().prop_map(WriteFault::Throttled),
        (1_i64..200).prop_map(WriteFault::Late),
    ]
}

/// Lets all be well, and fails on what was seen to break an invariant, with what is not done then (I12).
fn all_well(world: &mut World) -> Result<(), TestCaseError> {
    world.calm_down();
    world.check(&["I3", "I4", "I4-again", "I5", "I6", "I9", "I10"]).map_err(TestCaseError::fail)
}

proptest! {
    #![proptest_config(config(128))]

    /// Whatever outage lies between: every value is one of the ramp's, none is left out, and each
    /// stands for as long as it is to before the next.
    #[test]
    fn a_ramp_never_jumps(
        outage in 0_i64..7_200, faults in prop::collection::vec(fault(), 0..5),
        reads in 0_usize..4, crash in prop::option::of(0_usize..40),
    ) {
        let mut world = World::new(pool("m0 100, m1 100"), drains(RAMP));
        world.hear(&[fired("a", "m0", 0)]);
        world.pass(60);
        world.azure.writes.extend(faults);
        world.azure.reads.extend(std::iter::repeat_n(ReadFault::Lost, reads));
        world.crash_before = crash.map(|stage| world.stages + stage);
        world.hear(&[resolved("a", "m0", 0, 60)]);
        // Nothing is looked at while all is down; then what is overdue is.
        world.now = later(world.now, SignedDuration::from_secs(outage));
        world.settle();
        let mut steps = Vec::new();
        for received in &world.azure.received {
            if let Some(done) = &received.done {
                steps.push((weight_of(done.after.pool().unwrap(), "m0"), received.at));
            }
        }
        let values: Vec<_> = steps.iter().map(|(value, _)| value.clone()).collect();
        let all = [0, 10, 50, 100].map(Value::Number);
        prop_assert_eq!(&values, &all, "{}", world.story());
        for pair in steps[1..].windows(2) {
            let stood = pair[1].1.duration_since(pair[0].1);
            prop_assert!(stood >= SignedDuration::from_mins(2), "{stood:#}\n{}", world.story());
        }
        all_well(&mut world)?;
    }

    /// I10: at most once where the answer is known, at most twice where it is not.
    #[test]
    fn i10_a_reconnect_is_asked_for_once_or_where_no_answer_is_known_twice(
        faults in prop::collection::vec(
            prop_oneof![
                Just(ReconnectFault::LostAfter),
                Just(ReconnectFault::LostBefore),
                Just(ReconnectFault::Refused),
                Just(ReconnectFault::NotSent),
                wait().prop_map(ReconnectFault::Throttled),
            ],
            0..6,
        ),
        crash in prop::option::of(0_usize..30),
    ) {
        let mut world = World::new(pool("m0 100, m1 100"), drains(RECONNECT));
        world.hear(&[fired("a", "m0", 0)]);
        world.pass(60);
        world.hear(&[resolved("a", "m0", 0, 60)]);
        world.azure.reconnecting.extend(&faults);
        world.crash_before = crash.map(|stage| world.stages + stage);
        world.pass(3_600);
        world.settle();
        let unknown = |fault: &&ReconnectFault| {
            matches!(fault, ReconnectFault::LostAfter | ReconnectFault::LostBefore)
        };
        // Throttled and not sent mean not taken, and do not count.
        let counted: Vec<_> = faults
            .iter()
            .filter(|fault| !matches!(fault, ReconnectFault::NotSent | ReconnectFault::Throttled(_)))
            .collect();
        let lost = counted.first().is_some_and(unknown);
        let once = crash.is_none() && !lost;
        let taken = world.azure.reconnects.len();
        prop_assert!(taken <= if once { 1 } else { 2 }, "{}", world.story());
        let refused = counted.iter().take(2).any(|fault| **fault == ReconnectFault::Refused);
        let lost_twice = counted.iter().take(2).filter(|fault| unknown(fault)).count() == 2;
        if !refused && !lost_twice && crash.is_none() {
            prop_assert!(taken >= 1, "{}", world.story());
        }
        for (due, _) in &world.azure.reconnects {
            prop_assert!(*due >= at(60 + 300), "sooner than the playbook says\n{}", world.story());
        }
        all_well(&mut world)?;
    }

    /// I11: what is heard at once of one pool costs a handful of writes, however much it is.
    #[test]
    fn i11_writes_do_not_grow_with_alerts(alerts in 2_usize..40, repeats in 1_usize..4) {
        let mut world = World::new(pool("m0 10, m1 10, m2 10, m3 10"), drains(""));
        for _ in 0..repeats {
            for place in 0..alerts {
                let member = format!("m{}", place % 2);
                world.deliver(0, &[fired(&place.to_string(), &member, 0)]);
                world.stages(0, place % 3);
            }
        }
        world.run();
        prop_assert!(world.azure.received.len() <= 4, "{} writes", world.azure.received.len());
        let pool = world.azure.pool().unwrap();
        prop_assert_eq!(weight_of(pool, "m0"), Value::Number(0));
        prop_assert_eq!(weight_of(pool, "m1"), Value::Number(0));
        all_well(&mut world)?;
    }

    /// I11: nor do reconnects, where many alerts of one play end.
    #[test]
    fn i11_reconnects_do_not_grow_with_alerts(alerts in 2_usize..40, apart in 0_i64..5) {
        let mut world = World::new(pool("m0 10, m1 10"), drains(RECONNECT));
        let names: Vec<String> = (0..alerts).map(|place| place.to_string()).collect();
        for name in &names {
            world.hear(&[fired(name, "m0", 0)]);
        }
        for name in &names {
            world.pass(apart);
            world.hear(&[resolved(name, "m0", 0, 60)]);
        }
        world.pass(3_600);
        prop_assert_eq!(world.azure.asked, 1, "{}", world.story());
        all_well(&mut world)?;
    }

    /// What was never written has nothing to give back: its ramp does not cut a healthy member.
    #[test]
    fn a_ramp_of_what_was_never_written_lowers_nothing(faults in 1_usize..5) {
        let mut world = World::new(pool("m0 100, m1 100"), drains(RAMP));
        world.azure.writes.extend(vec![WriteFault::Throttled(Some(30)); faults]);
        world.hear(&[fired("a", "m0", 0)]);
        world.hear(&[resolved("a", "m0", 0, 10)]);
        world.settle();
        prop_assert!(world.azure.received.is_empty(), "{}", world.story());
        all_well(&mut world)?;
    }

    /// Two processes whose clocks differ take turns: what has ended for one does not begin again for
    /// the other.
    #[test]
    fn two_clocks_never_flip_a_boundary(skew in -20_i64..20, steps in prop::collection::vec(1_i64..20, 20)) {
        let mut world =
            World::new(pool("m0 100, m1 100"), drains(RAMP)).with_clocks(&[0, skew]);
        world.hear(&[fired("a", "m0", 0)]);
        world.pass(30);
        world.deliver(1, &[resolved("a", "m0", 0, 30)]);
        for (turn, seconds) in steps.iter().cycle().take(100).enumerate() {
            world.look(turn % 2, &backend());
            world.run();
            world.pass(*seconds);
        }
        world.settle();
        let values: Vec<_> = world
            .azure
            .received
            .iter()
            .filter_map(|received| Some(weight_of(received.done.as_ref()?.after.pool()?, "m0")))
            .collect();
        prop_assert_eq!(values, [0, 10, 50, 100].map(Value::Number), "{}", world.story());
        all_well(&mut world)?;
    }

    /// Nothing is written or asked for under a pause; what had begun stays as it is, and all goes
    /// on after it.
    #[test]
    fn a_pause_writes_nothing_and_loses_nothing(
        before in 0_i64..400, paused in 1_i64..5_000, resolve in any::<bool>(), undone in any::<bool>(),
    ) {
        let mut world =
            World::new(pool("m0 9, m1 9, m2 9, m3 9"), drains(&format!("{RAMP}{RECONNECT}")));
        world.hear(&[fired("a", "m0", 0)]);
        world.pass(60);
        if resolve {
            world.hear(&[resolved("a", "m0", 0, 60)]);
        }
        world.pass(before);
        world.handle(0, &Message::Pause(Paused::Everything, None));
        world.run();
        let (received, asked, shown) =
            (world.azure.received.len(), world.azure.asked, world.azure.pool().cloned());
        world.hear(&[fired("b", "m1", 0)]);
        if undone {
            world.handle(0, &undo(backend()));
        }
        world.pass(paused);
        prop_assert_eq!(world.azure.received.len(), received, "{}", world.story());
        prop_assert_eq!(world.azure.asked, asked);
        prop_assert_eq!(world.azure.pool().cloned(), shown);
        world.handle(0, &Message::Resume(Paused::Everything));
        world.pass(1);
        if !undone {
            prop_assert_eq!(weight_of(world.azure.pool().unwrap(), "m1"), Value::Number(0));
        }
        all_well(&mut world)?;
        world.hear(&[resolved("a", "m0", 0, 60), resolved("b", "m1", 0, 70)]);
        world.settle();
        world.restored().map_err(TestCaseError::fail)?;
    }

    /// What a person wrote over ours stands for as long as the occurrence lasts, and after it.
    #[test]
    fn i9_what_a_person_wrote_over_ours_stands(weight in 1_u8..100, wait in 0_i64..200) {
        let mut world = World::new(pool("m0 100, m1 100"), drains(RAMP));
        world.hear(&[fired("a", "m0", 0)]);
        world.pass(wait);
        let field = Field::weight(&"m0".parse().unwrap());
        world.foreign(&crate::azure::Foreign::Set(field.clone(), Value::Number(weight)));
        world.pass(90);
        let noticed = |what: &What| matches!(what, What::Foreign { field: of, .. } if *of == field);
        prop_assert!(world.said().any(noticed), "{}", world.story());
        world.hear(&[fired("a", "m0", 0), fired("a", "m0", 2)]);
        world.pass(600);
        prop_assert_eq!(weight_of(world.azure.pool().unwrap(), "m0"), Value::Number(weight));
        all_well(&mut world)?;
        world.hear(&[resolved("a", "m0", 0, 700)]);
        world.settle();
        prop_assert_eq!(weight_of(world.azure.pool().unwrap(), "m0"), Value::Number(weight));
    }

    /// Shadow mode decides what live mode decides, and writes nothing.
    #[test]
    fn shadow_decides_as_live_does_and_writes_nothing(
        case in crate::case::case(), pauses in prop::collection::vec(0_i64..60, 20),
    ) {
        let live_through = |mode: Mode| {
            let mut world = case.world();
            world.mode = mode;
            for (place, (sent, signal)) in case.signals(true).into_iter().enumerate() {
                world.pass((at(sent) - world.now).get_seconds().max(0));
                world.hear(&[signal]);
                world.pass(pauses[place % pauses.len()]);
            }
            world.settle();
            world
        };
        let (mut live, shadow) = (live_through(Mode::Live), live_through(Mode::Shadow));
        prop_assert!(shadow.azure.received.is_empty() && shadow.azure.asked == 0);
        // Intents are named by what they were planned from, which in shadow never changes.
        let told = |world: &World| -> Vec<String> {
            let lines = world.store.ledger.iter();
            lines
                .filter(|line| !matches!(line.what, What::Wrote { .. }))
                .map(|line| {
                    if let What::Intended { changes, .. } = &line.what {
                        return format!("{} {changes:?}", line.at);
                    }
                    format!("{} {}", line.at, line.what)
                })
                .collect()
        };
        prop_assert_eq!(told(&live), told(&shadow));
        all_well(&mut live)?;
    }
}

#[test]
fn a_reconnect_that_comes_due_under_a_pause_is_asked_for_after_it() {
    let mut world = World::new(pool("m0 100, m1 100"), drains(RECONNECT));
    world.hear(&[fired("a", "m0", 0)]);
    world.hear(&[resolved("a", "m0", 0, 60)]);
    world.handle(0, &Message::Pause(Paused::Everything, None));
    world.run();
    world.pass(3_600);
    assert_eq!(world.azure.asked, 0, "{}", world.story());
    world.handle(0, &Message::Resume(Paused::Everything));
    world.run();
    world.settle();
    assert_eq!(world.azure.asked, 1, "{}", world.story());
}

/// A 404 that passes is no reason to give everything back at once.
#[test]
fn a_ramp_goes_on_where_it_was_after_a_404_that_passes() {
    let mut world = World::new(pool("m0 100, m1 100"), drains(RAMP));
    world.hear(&[fired("a", "m0", 0)]);
    world.hear(&[resolved("a", "m0", 0, 60)]);
    world.azure.reads.push_back(ReadFault::Missing);
    world.pass(3_600);
    world.settle();
    let values: Vec<_> = world
        .azure
        .received
        .iter()
        .filter_map(|received| Some(weight_of(received.done.as_ref()?.after.pool()?, "m0")))
        .collect();
    assert_eq!(values, [0, 10, 50, 100].map(Value::Number), "{}", world.story());
}

#[test]
fn i10_a_refire_cancels_a_reconnect_that_was_not_asked_for() {
    let mut world = World::new(pool("m0 100, m1 100"), drains(RECONNECT));
    world.hear(&[fired("a", "m0", 0)]);
    world.pass(60);
    world.hear(&[resolved("a", "m0", 0, 60)]);
    world.pass(100);
    world.hear(&[fired("a", "m0", 150)]);
    world.pass(1_000);
    assert_eq!(world.azure.asked, 0, "{}", world.story());
    world.hear(&[resolved("a", "m0", 150, 1_150)]);
    world.settle();
    assert_eq!(world.azure.reconnects.len(), 1, "{}", world.story());
}

#[test]
fn a_firing_that_arrives_after_its_end_does_nothing() {
    let mut world = World::new(pool("m0 100, m1 100"), drains(""));
    world.pass(100);
    world.hear(&[resolved("a", "m0", 10, 50)]);
    world.hear(&[fired("a", "m0", 10), fired("a", "m0", 50)]);
    assert!(world.document().is_none() && world.azure.received.is_empty());
    world.hear(&[fired("a", "m0", 51)]);
    assert_eq!(weight_of(world.azure.pool().unwrap(), "m0"), Value::Number(0));
}

/// A late end that falls between two starts ends what started before it, and leaves what started
/// after it as it is, whichever of the two was heard first.
#[test]
fn i1_a_late_end_between_two_starts_leaves_the_later_run_on() {
    for early_first in [true, false] {
        let mut world = World::new(pool("m0 100, m1 100"), drains(""));
        world.pass(200);
        let (early, late) = (fired("a", "m0", 10), fired("a", "m0", 100));
        let order = if early_first { [early, late] } else { [late, early] };
        for signal in order {
            world.hear(&[signal]);
            world.pass(5);
        }
        world.hear(&[resolved("a", "m0", 10, 50)]);
        world.pass(3_600);
        let shown = weight_of(world.azure.pool().unwrap(), "m0");
        assert_eq!(shown, Value::Number(0), "the alert still fires\n{}", world.story());
        world.hear(&[resolved("a", "m0", 100, 3_000)]);
        world.settle();
        world.restored().unwrap();
    }
}

#[test]
fn what_is_never_resolved_is_announced_and_then_ended() {
    let mut world = World::new(pool("m0 100, m1 100"), drains("    atMost: 1h\n"));
    world.hear(&[fired("a", "m0", 0)]);
    world.settle();
    let told: Vec<_> = world
        .store
        .ledger
        .iter()
        .filter(|line| matches!(line.what, What::Warned { .. } | What::Ended { .. }))
        .map(|line| (line.at, line.what.to_string()))
        .collect();
    assert_eq!(told.len(), 2, "{}", world.story());
    assert_eq!((told[0].0, told[1].0), (at(54 * 60), at(60 * 60)), "{}", world.story());
    world.restored().unwrap();
    // A repeat of the same occurrence does not bring it back; a new one does.
    world.hear(&[fired("a", "m0", 0)]);
    assert_eq!(weight_of(world.azure.pool().unwrap(), "m0"), Value::Number(100));
    world.hear(&[resolved("a", "m0", 0, 4_000), fired("a", "m0", 4_100)]);
    assert_eq!(weight_of(world.azure.pool().unwrap(), "m0"), Value::Number(0));
}

/// What a limit holds back answers an alert that may long be over: it does not wait for ever.
#[test]
fn what_is_held_and_never_resolved_is_ended_too() {
    let mut world = World::new(pool("m0 100"), drains("    atMost: 1h\n"));
    world.hear(&[fired("a", "m0", 0)]);
    world.settle();
    let ended = |what: &What| matches!(what, What::NeverBegan { why: End::Expired, .. });
    assert!(world.said().any(ended), "{}", world.story());
    assert!(world.azure.received.is_empty(), "{}", world.story());
}

#[test]
fn a_hold_outlasts_a_resolve() {
    let mut world = World::new(pool("m0 100, m1 100"), drains("    hold: 5m\n"));
    world.hear(&[fired("a", "m0", 0)]);
    world.pass(10);
    world.hear(&[resolved("a", "m0", 0, 10)]);
    world.pass(289);
    assert_eq!(weight_of(world.azure.pool().unwrap(), "m0"), Value::Number(0));
    world.pass(1);
    assert_eq!(weight_of(world.azure.pool().unwrap(), "m0"), Value::Number(100));
}

#[test]
fn what_was_undone_comes_back_by_a_new_occurrence_alone() {
    let mut world = World::new(pool("m0 100, m1 100"), drains(RAMP));
    world.hear(&[fired("a", "m0", 0)]);
    world.pass(60);
    world.handle(0, &undo(backend()));
    world.run();
    assert_eq!(weight_of(world.azure.pool().unwrap(), "m0"), Value::Number(100));
    for repeat in 0..5 {
        world.hear(&[fired("a", "m0", repeat)]);
        world.pass(100);
    }
    assert_eq!(weight_of(world.azure.pool().unwrap(), "m0"), Value::Number(100));
    world.hear(&[resolved("a", "m0", 0, 200)]);
    world.hear(&[fired("a", "m0", 300)]);
    assert_eq!(weight_of(world.azure.pool().unwrap(), "m0"), Value::Number(0));
}

/// A signal that comes while Azure has asked to wait must not use up the wake that ends the wait.
#[test]
fn a_signal_heard_in_trouble_is_acted_on_when_the_trouble_is_over() {
    let mut world = World::new(pool("m0 9, m1 9, m2 9, m3 9"), drains(""));
    world.hear(&[fired("a", "m0", 0)]);
    world.azure.reads.push_back(ReadFault::Throttled(300));
    world.pass(60);
    world.hear(&[fired("b", "m1", 61)]);
    world.pass(240);
    world.pass(60);
    assert_eq!(weight_of(world.azure.pool().unwrap(), "m1"), Value::Number(0), "{}", world.story());
}

/// Nothing else would ever ask Azure again, and the trouble would be shown for ever.
#[test]
fn i12_a_trouble_is_seen_to_be_over_though_nothing_is_left_to_do() {
    let mut world = World::new(pool("m0 9"), drains(""));
    world.hear(&[fired("a", "m0", 0)]);
    world.pass(60);
    world.azure.reads.push_back(ReadFault::Lost);
    world.hear(&[resolved("a", "m0", 0, 60)]);
    let document = world.document().unwrap();
    assert!(document.is_at_rest() && document.trouble.is_some(), "{}", world.story());
    world.pass(60);
    assert_eq!(world.document().unwrap().trouble, None, "{}", world.story());
}

/// States that were never read make no sense of before and after: what is shown for minutes is
/// believed in the end.
#[test]
fn a_state_that_was_taken_for_stale_is_believed_in_the_end() {
    let mut world = World::new(pool("m0 100, m1 100, m2 100"), drains(""));
    let other = crate::azure::Foreign::Other;
    world.foreign(&other);
    world.foreign(&other);
    world.hear(&[fired("a", "m0", 0)]);
    world.foreign(&other);
    world.foreign(&other);
    world.pass(60);
    world.azure.reads.push_back(ReadFault::Unseen(1));
    world.pass(60);
    world.hear(&[fired("b", "m1", 121), resolved("a", "m0", 0, 121)]);
    world.pass(400);
    let pool = world.azure.pool().unwrap();
    assert_eq!(weight_of(pool, "m0"), Value::Number(100), "{}", world.story());
}
