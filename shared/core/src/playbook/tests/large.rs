//! As large as a playbook may be.

use std::fmt::Write;

use super::signal;
use crate::{
    playbook::{PLAYBOOK_BYTES_MAX, PLAYS_MAX, POOLS_MAX, read, render},
    signal::Severity,
};

/// A playbook of so many pools, each with limits, and of so many plays with all that they may say.
fn written(pools: usize, plays: usize) -> String {
    let mut text = String::from(
        "version: 1\nservices:\n  main: {subscription: 00000000-0000-0000-0000-000000000000, \
         resourceGroup: rg1, name: contoso}\npools:\n",
    );
    for pool in 0..pools {
        write!(
            text,
            "  pool-{pool}:\n    service: main\n    backend: backend-pool-{pool}\n    \
             limits: {{leastMembers: 2, leastShare: 50%}}\n    failover: promote\n    \
             nullWeight: 50\n"
        )
        .unwrap();
    }
    text.push_str("plays:\n");
    for play in 0..plays {
        let pool = play % pools;
        write!(
            text,
            "  # Play {play}, for one pool.\n  - name: drain-{play}\n    when: \
             signal.labels.alertname == \"BackendErrors\" && signal.labels.pool == \"{play}\"\n    \
             do:\n      - drain: {{pool: pool-{pool}, member: \"${{signal.labels.backend}}\"}}\n      \
             - promote: {{pool: pool-{pool}, member: standby-{play}, weight: 50}}\n    \
             atMost: 6h\n    hold: 2m\n    ramp: {{steps: [10%, 50%, 100%], every: 2m}}\n    \
             after:\n      - reconnect: {{backend: \"${{signal.labels.backend}}\", after: PT5M}}\n"
        )
        .unwrap();
    }
    text
}

#[test]
fn as_many_pools_and_plays_as_there_may_be_are_read_without_an_alias() {
    let text = written(POOLS_MAX, PLAYS_MAX);
    assert!(text.len() < PLAYBOOK_BYTES_MAX / 2, "{} bytes", text.len());
    let playbook = read(&text).unwrap_or_else(|problems| panic!("{}", render(&problems, "", "")));
    assert_eq!((playbook.pools.len(), playbook.plays.len()), (POOLS_MAX, PLAYS_MAX));
    for (alias, pool) in &playbook.pools {
        assert_eq!(playbook.pool_of(&pool.backend), Some((alias, pool)));
    }
    for play in &playbook.plays {
        assert!(std::ptr::eq(playbook.play(&play.name).unwrap(), play));
    }
    let labels = [("alertname", "BackendErrors"), ("pool", "1999"), ("backend", "eu")];
    let signal = signal(Severity::Critical, labels);
    let matches = playbook.plays_for(&signal);
    let told: Vec<String> =
        matches.matched.iter().map(|matched| format!("{:?}", matched.effects)).collect();
    assert_eq!(matches.failed, []);
    assert_eq!(told.len(), 1);
    assert!(told[0].contains("backend-pool-1999"), "{}", told[0]);
}

#[test]
fn one_more_is_said_by_what_it_is() {
    let told = |text: &str| {
        let problems = read(text).unwrap_err();
        problems.iter().map(|problem| format!("{problem}\n")).collect::<String>()
    };
    let text = written(POOLS_MAX + 1, 1);
    assert_eq!(told(&text), "4:1: there are 2001 pools here; at most 2000\n");
    let text = written(1, PLAYS_MAX + 1);
    assert_eq!(told(&text), "11:1: there are 2001 plays here; at most 2000\n");
    let values = format!("plays: [{}]", "a,".repeat(400_000));
    assert_eq!(
        told(&values),
        "1:800007: more than 400000 values are written by here; no file needs so many: is \
         this the right one?\n"
    );
    let aliases = format!("a: &a [{}]\nb: [{}]", "x,".repeat(999), "*a, ".repeat(101));
    assert_eq!(
        told(&aliases),
        "2:405: aliases repeat more than 100000 values by here; aliases that repeat aliases grow \
         fast: write fewer\n"
    );
}
