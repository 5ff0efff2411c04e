//! Faults that the reference has found, each as the shortest history that shows it.

use std::sync::Arc;

use pointsman_core::{
    effect::Effect,
    field::{Field, Value},
    signal::{Heard, Severity, Signal},
};

use crate::{
    azure::{Foreign, pool, written},
    world::{Book, World, at, backend, change, playbook},
};

fn drains(settings: &str, more: &str) -> Arc<Book> {
    playbook(
        settings,
        &format!(
            "  - name: drain\n    when: \"true\"\n    do: [{{drain: {{pool: pool, member: \
             \"${{signal.labels.backend}}\"}}}}]\n{more}"
        ),
    )
}

fn fires(world: &mut World, member: &str, severity: Severity) {
    let now = world.now;
    world.hear(&[Signal {
        series: format!("am/{member}").parse().unwrap(),
        started: now,
        heard: Heard::Fired,
        severity,
        labels: [("backend".to_owned(), member.to_owned())].into(),
        annotations: [].into(),
        received: now,
    }]);
    world.pass(30);
}

fn shown(world: &World) -> String {
    written(world.azure.body().unwrap())
}

/// A field that was given up kept its group from being written in numbers until the next look.
#[test]
fn what_an_override_gave_up_is_free_in_the_look_that_ends_it() {
    let mut world = World::new(pool("m0 1, m1 1, m2 null"), drains(", nullWeight: 20", ""));
    let drain = Effect::Drain { member: "m0".parse().unwrap() };
    world.handle(0, &change(backend(), drain, 300, false, "no. 0"));
    world.pass(30);
    world.foreign(&Foreign::Set(Field::weight(&"m1".parse().unwrap()), Value::Number(7)));
    world.look(0, &backend());
    world.pass(30);
    assert_eq!(shown(&world), "m0 0, m1 7, m2 null");
    fires(&mut world, "m0", Severity::Error);
    let ended = at(301) - world.now;
    world.pass(ended.get_seconds());
    assert_eq!(shown(&world), "m0 0, m1 7, m2 20", "{}", world.story());
}

/// What a limit had kept out was given back by its ramp, though it had nothing: that took weight away.
#[test]
fn a_panic_takes_nothing_from_what_was_kept_out() {
    let limits = ", failover: hold, limits: {leastMembers: 3, panic: 50%}";
    let ramp = "    ramp: {steps: [50%], every: 2m}\n";
    let mut world = World::new(pool("m0 -, m1 -, m2 -, m3 -"), drains(limits, ramp));
    fires(&mut world, "m0", Severity::Warning);
    assert_eq!(shown(&world), "m0 0, m1 1, m2 1, m3 1");
    fires(&mut world, "m1", Severity::Critical);
    assert_eq!(shown(&world), "m0 1, m1 0, m2 1, m3 1");
    fires(&mut world, "m2", Severity::Warning);
    assert_eq!(shown(&world), "m0 2, m1 1, m2 2, m3 2", "{}", world.story());
}
