//! How few requests to Azure alerts cost: writes that need no read before them, and alerts that share a
//! write.

use std::sync::Arc;

use jiff::SignedDuration;
use pointsman_core::{
    field::{Field, Value},
    lease::later,
    ledger::What,
    signal::{Heard, Severity, Signal},
};
use pointsman_engine::Mode;

use crate::{
    azure::{Foreign, pool},
    world::{Book, World, at, epoch, playbook, weight_of},
};

fn drains() -> Arc<Book> {
    playbook(
        ", limits: {leastMembers: 1}",
        "  - name: drain\n    when: \"true\"\n    do: [{drain: {pool: pool, member: \
         \"${signal.labels.backend}\"}}]\n",
    )
}

/// An alert about a member that is heard now.
fn signal(world: &World, member: &str, heard: Heard) -> Signal {
    Signal {
        series: format!("am/{member}").parse().unwrap(),
        started: later(world.now, -SignedDuration::from_secs(5)),
        heard,
        severity: Severity::Error,
        labels: [("backend".to_owned(), member.to_owned())].into(),
        annotations: [].into(),
        received: world.now,
    }
}

fn fires(world: &World, member: &str) -> Signal {
    signal(world, member, Heard::Fired)
}

fn resolves(world: &World, member: &str) -> Signal {
    signal(world, member, Heard::Resolved { stated: Some(world.now) })
}

/// A pool that was written to, and is its owner's again for so long that nobody looks at it.
fn at_rest(mode: Mode) -> World {
    let mut world = World::new(pool("m0 50, m1 30, m2 20"), drains());
    world.mode = mode;
    let fired = fires(&world, "m0");
    world.hear(&[fired]);
    world.pass(60);
    let resolved = resolves(&world, "m0");
    world.hear(&[resolved]);
    world.pass(3_600);
    assert!(world.at_rest());
    world
}

/// How often something was done since then, by the transcript.
fn count(world: &World, what: &str) -> usize {
    let lines = world.transcript.as_ref().unwrap().lines();
    lines.filter(|line| line.contains(&format!(" {what}: "))).count()
}

#[test]
fn an_alert_of_a_pool_that_is_known_costs_one_save_and_one_request_to_its_write() {
    let mut world = at_rest(Mode::Live);
    world.transcript = Some(String::new());
    let (writes, fired) = (world.azure.received.len(), fires(&world, "m1"));
    world.deliver(0, &[fired]);
    world.until(0, "write");
    assert_eq!((count(&world, "commit"), count(&world, "get")), (1, 0), "{}", world.story());
    world.run();
    assert_eq!(world.azure.received.len(), writes + 1);
    assert_eq!(weight_of(world.azure.pool().unwrap(), "m1"), Value::Number(0));
    assert_eq!(count(&world, "get"), 0, "and its answer is as good as a read");
    world.check(&["I3", "I4", "I5", "I6", "I9"]).unwrap();
}

#[test]
fn what_is_remembered_is_read_again_after_a_412_and_only_then() {
    let mut world = at_rest(Mode::Live);
    world.foreign(&Foreign::Set(Field::weight(&"m0".parse().unwrap()), Value::Number(70)));
    let (gets, writes, fired) = (world.azure.gets, world.azure.received.len(), fires(&world, "m1"));
    world.hear(&[fired]);
    let done: Vec<bool> =
        world.azure.received[writes..].iter().map(|write| write.done.is_some()).collect();
    assert_eq!((done, world.azure.gets - gets), (vec![false, true], 1), "{}", world.story());
    world.check(&["I3", "I4", "I5", "I6", "I9"]).unwrap();
}

/// A person drains a member, and a while later the alert comes that is to drain it. That it shows what was
/// to be written does not make it ours (I9).
#[test]
fn what_a_person_drained_before_the_alert_came_stays_drained_after_it() {
    let mut world = at_rest(Mode::Live);
    let writes = world.azure.received.len();
    world.foreign(&Foreign::Set(Field::weight(&"m1".parse().unwrap()), Value::Number(0)));
    let fired = fires(&world, "m1");
    world.hear(&[fired]);
    assert!(world.said().any(|what| matches!(what, What::Outrun { .. })), "{}", world.story());
    world.pass(600);
    let resolved = resolves(&world, "m1");
    world.hear(&[resolved]);
    world.settle();
    assert_eq!(weight_of(world.azure.pool().unwrap(), "m1"), Value::Number(0), "{}", world.story());
    let done = world.azure.received[writes..].iter().filter(|write| write.done.is_some());
    assert_eq!(done.count(), 0, "there was nothing to write\n{}", world.story());
}

#[test]
fn in_shadow_every_decision_is_made_from_a_read() {
    let mut world = at_rest(Mode::Shadow);
    world.foreign(&Foreign::Set(Field::weight(&"m1".parse().unwrap()), Value::Number(70)));
    let (gets, fired) = (world.azure.gets, fires(&world, "m1"));
    world.hear(&[fired]);
    assert!(world.azure.gets > gets);
    assert!(!world.said().any(|what| matches!(what, What::Foreign { .. })), "{}", world.story());
    assert!(world.azure.received.is_empty());
}

#[test]
fn twenty_alerts_over_one_pool_within_seconds_cost_three_writes() {
    let members = (0..=20).map(|member| format!("m{member} 5")).collect::<Vec<_>>().join(", ");
    let mut world = World::new(pool(&members), drains());
    for member in 0..20 {
        let fired = fires(&world, &format!("m{member}"));
        world.deliver(0, &[fired]);
        world.run_now();
        if member == 0 {
            assert_eq!(world.azure.received.len(), 1, "the first is written at once");
        }
        world.now = later(world.now, SignedDuration::from_millis(200));
    }
    world.run();
    let drained = |member| weight_of(world.azure.pool().unwrap(), &format!("m{member}"));
    assert!((0..20).all(|member| drained(member) == Value::Number(0)), "{}", world.story());
    let written: Vec<_> = world.azure.received.iter().map(|write| write.at).collect();
    assert!(written.len() <= 3, "{written:?}\n{}", world.story());
    assert_eq!(written[0], epoch());
    assert!(*written.last().unwrap() <= at(5), "none waits for long: {written:?}");
    world.check(&["I3", "I4", "I5", "I6", "I9"]).unwrap();
}

/// Whoever dies while its write waits has not promised anything: the alert is saved, and the next goes on.
#[test]
fn a_write_that_waits_survives_a_crash() {
    let mut world = World::new(pool("m0 50, m1 30, m2 20"), drains());
    for member in ["m0", "m1"] {
        let fired = fires(&world, member);
        world.deliver(0, &[fired]);
        world.run_now();
    }
    assert_eq!(world.azure.received.len(), 1, "{}", world.story());
    world.crash(0);
    world.pass(60);
    assert_eq!(weight_of(world.azure.pool().unwrap(), "m1"), Value::Number(0), "{}", world.story());
}
