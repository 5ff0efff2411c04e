//! A store and a queue that are apart: what lies between a commit and what is left to be done at the queue.

use std::sync::{Arc, atomic::Ordering};

use pointsman_core::{
    field::Value,
    signal::{Heard, Severity, Signal},
};

use crate::{
    azure::pool,
    store::{Pair, QueueFault},
    world::{Book, World, at, backend, playbook, release, undo, weight_of},
};

fn drains() -> Arc<Book> {
    playbook(
        "",
        "  - name: drain\n    when: \"true\"\n    do: [{drain: {pool: pool, member: \
         \"${signal.labels.backend}\"}}]\n    atMost: 1h\n",
    )
}

fn world(faults: &[QueueFault]) -> World {
    World::new(pool("m0 50, m1 50"), drains()).with_pair(&Pair::Apart(faults.to_vec()))
}

fn fired(series: &str, started: i64) -> Signal {
    Signal {
        series: format!("am/{series}").parse().unwrap(),
        started: at(started),
        heard: Heard::Fired,
        severity: Severity::Error,
        labels: [("backend".to_owned(), "m0".to_owned())].into(),
        annotations: [].into(),
        received: at(started),
    }
}

fn m0(world: &World) -> Value {
    weight_of(world.azure.pool().unwrap(), "m0")
}

fn has_command(world: &World) -> bool {
    let mut queue = world.store.queue.iter();
    queue.any(|waiting| {
        matches!(waiting.message, pointsman_engine::message::Message::Command { .. })
    })
}

fn lines_and_writes(world: &World) -> (usize, usize) {
    (world.store.ledger.len(), world.azure.received.len())
}

#[test]
fn what_was_saved_and_not_relayed_is_relayed_by_a_sweep() {
    for before in ["send", "relayed"] {
        let mut world = world(&[]);
        world.deliver(0, &[fired("a", 0)]);
        world.until(0, before);
        let waiting = world.store.outbox.len();
        world.crash(0);
        assert!(waiting > 0 && world.store.outbox.len() == waiting, "before {before}");
        world.pass(120);
        assert!(world.store.outbox.is_empty(), "before {before}");
        // Nothing but the wakes that were in it is left to end the override.
        world.pass(3_600);
        assert_eq!(m0(&world), Value::Number(50), "before {before}: {}", world.story());
    }
}

#[test]
fn a_queue_that_fails_holds_up_no_write_and_gets_all_of_it_later() {
    let mut world = world(&[QueueFault::LostBefore; 9]);
    world.hear(&[fired("a", 0)]);
    assert_eq!(m0(&world), Value::Number(0), "{}", world.story());
    assert!(!world.store.outbox.is_empty());
    world.settle();
    assert_eq!(m0(&world), Value::Number(50), "{}", world.story());
}

#[test]
fn what_a_failing_queue_took_is_not_sent_again() {
    // It takes every other message.
    let faults = [QueueFault::None, QueueFault::LostBefore].into_iter().cycle();
    let mut world = world(&faults.take(400).collect::<Vec<_>>());
    for series in ["a", "b", "c"] {
        world.hear(&[fired(series, 0)]);
        world.pass(1);
    }
    world.pass(600);
    let stuck: Vec<u64> = world.store.outbox.keys().copied().collect();
    assert!(stuck.len() > 2, "{stuck:?}");
    // A process that starts sweeps.
    world.crash(0);
    world.pass(1_800);
    let left = stuck.iter().filter(|entry| world.store.outbox.contains_key(entry));
    assert_eq!(left.count(), 0, "{stuck:?} {:?}", world.store.outbox);
}

#[test]
fn a_process_that_is_to_end_waits_for_what_it_has_left_to_the_queue() {
    let mut world = world(&[]);
    world.deliver(0, &[fired("a", 0)]);
    world.until(0, "write");
    let is_idle = world.idle(0);
    world.all_but(0, "send");
    assert!(m0(&world) == Value::Number(0) && !is_idle.load(Ordering::Relaxed));
    world.run_now();
    assert!(is_idle.load(Ordering::Relaxed));
    assert!(world.store.outbox.is_empty());
}

#[test]
fn i2_a_message_that_is_delivered_again_after_it_was_used_changes_nothing() {
    let live = |faults: &[QueueFault]| {
        let mut world = world(faults);
        world.transcript = Some(String::new());
        world.hear(&[fired("a", 0)]);
        world.pass(120);
        world
    };
    let (once, again) = (live(&[]), live(&[QueueFault::TooLate; 9]));
    let lost = |world: &World| world.transcript.as_ref().unwrap().matches("Err(LockLost)").count();
    assert!(lost(&once) == 0 && lost(&again) > 3, "it came again");
    assert_eq!(lines_and_writes(&again), lines_and_writes(&once), "{}", again.story());
}

#[test]
fn i2_a_command_that_is_delivered_again_ends_nothing_that_began_since() {
    for (fires_before, command) in
        [(true, undo(backend())), (false, undo(backend())), (true, release()), (false, release())]
    {
        let mut world = world(&[]);
        if fires_before {
            world.hear(&[fired("a", 0)]);
        }
        world.handle(0, &command);
        world.until(0, "complete");
        world.crash(0);
        assert!(has_command(&world), "it is there still");
        world.now = at(30);
        world.hear(&[fired("b", 30)]);
        assert_eq!(m0(&world), Value::Number(0), "{command:?}\n{}", world.story());
        world.pass(300);
        assert!(!has_command(&world), "it came again");
        assert_eq!(m0(&world), Value::Number(0), "{command:?}\n{}", world.story());
    }
}
