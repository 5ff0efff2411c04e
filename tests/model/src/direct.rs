//! Signals that come directly, and not by the queue.

use std::sync::Arc;

use pointsman_core::{
    field::Value,
    signal::{Heard, Severity, Signal},
};
use pointsman_engine::{direct::TAKEN_WITHIN_SECS, message::Message};

use crate::{
    azure::pool,
    store::Pair,
    world::{Book, World, at, playbook, weight_of},
};

fn drains() -> Arc<Book> {
    playbook(
        "",
        "  - name: drain\n    when: \"true\"\n    do: [{drain: {pool: pool, member: m0}}]\n    \
         atMost: 1h\n",
    )
}

fn world() -> World {
    let mut world = World::new(pool("m0 50, m1 50"), drains()).with_ways(&[true]);
    world.transcript = Some(String::new());
    world
}

/// A world whose pool was written to before, so that it is known.
fn at_rest() -> World {
    let mut world = world();
    world.hear(&[signal("before", 0, Heard::Fired)]);
    world.hear(&[signal("before", 0, Heard::Resolved { stated: Some(at(0)) })]);
    world.pass(3_600);
    assert!(world.at_rest() && !is_drained(&world), "{}", world.story());
    world
}

fn signal(series: &str, second: i64, heard: Heard) -> Signal {
    Signal {
        series: format!("am/{series}").parse().unwrap(),
        started: at(second),
        heard,
        severity: Severity::Error,
        labels: [].into(),
        annotations: [].into(),
        received: at(second),
    }
}

fn commits(world: &World) -> usize {
    world.transcript.as_ref().unwrap().matches(" commit: Ok").count()
}

fn is_drained(world: &World) -> bool {
    weight_of(world.azure.pool().unwrap(), "m0") == Value::Number(0)
}

/// What the queue has of what was sent.
fn queued(world: &World) -> usize {
    let mut queue = world.store.queue.iter();
    queue.by_ref().filter(|one| matches!(one.message, Message::Signals { .. })).count()
}

#[test]
fn i7_a_sender_is_answered_once_what_it_told_is_saved_and_asked_again_if_the_process_dies() {
    for before in ["commit", "answer its sender"] {
        let mut world = world();
        world.deliver(0, &[signal("a", 0, Heard::Fired)]);
        world.until(0, before);
        assert_eq!(world.store.series.len(), usize::from(before != "commit"), "before {before}");
        world.crash(0);
        assert_eq!((world.unanswered.len(), queued(&world)), (1, 0), "before {before}");
        world.run();
        assert!(world.unanswered.is_empty(), "before {before}");
        world.pass(60);
        assert!(is_drained(&world), "before {before}: {}", world.story());
        world.settle();
        world.check(&["I3", "I4", "I5", "I6", "I9"]).unwrap();
    }
}

#[test]
fn i7_what_cannot_be_saved_goes_by_the_queue_and_what_cannot_be_stored_is_sent_again() {
    for pair in [Pair::One, Pair::Apart(Vec::new())] {
        let mut world = world().with_pair(&pair);
        world.store.is_full = true;
        world.deliver(0, &[signal("a", 0, Heard::Fired)]);
        world.run_now();
        let stored = usize::from(world.store.is_apart);
        assert_eq!((queued(&world), world.unanswered.len()), (stored, 1 - stored), "{pair:?}");
        assert!(world.store.series.is_empty());
        world.store.is_full = false;
        world.pass(60);
        assert!(world.unanswered.is_empty() && is_drained(&world), "{pair:?}: {}", world.story());
        world.settle();
        world.check(&["I3", "I4", "I5", "I6", "I9"]).unwrap();
    }
}

#[test]
fn what_comes_at_the_same_time_costs_one_save_to_its_write_and_none_where_it_is_known() {
    let mut world = at_rest();
    let before = commits(&world);
    let signals: Vec<Signal> =
        (0..20).map(|number| signal(&number.to_string(), 3_600, Heard::Fired)).collect();
    for signal in &signals {
        world.deliver(0, std::slice::from_ref(signal));
    }
    world.until(0, "write");
    assert_eq!((commits(&world) - before, world.store.series.len()), (1, 21));
    world.pass(60);
    assert!(is_drained(&world), "{}", world.story());
    let before = commits(&world);
    for signal in &signals {
        world.hear(std::slice::from_ref(signal));
    }
    assert!(world.unanswered.is_empty());
    assert_eq!(commits(&world), before, "{:?}", world.transcript);
}

#[test]
fn i2_what_takes_too_long_comes_by_the_queue_as_well_and_changes_nothing_then() {
    let mut world = world();
    world.deliver(0, &[signal("a", 0, Heard::Fired)]);
    world.until(0, "commit");
    world.stall(i64::try_from(TAKEN_WITHIN_SECS).unwrap());
    world.run();
    assert!(world.unanswered.is_empty() && is_drained(&world), "{}", world.story());
    let (lines, writes) = (world.store.ledger.len(), world.azure.received.len());
    assert_eq!(queued(&world), 1);
    world.pass(10);
    assert_eq!(queued(&world), 0);
    assert_eq!((world.store.ledger.len(), world.azure.received.len()), (lines, writes));
}
