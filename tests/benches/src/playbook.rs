//! How long it takes to read as large a playbook as there may be.

use std::{fmt::Write as _, fs};

use crate::{
    azure::Azure,
    error::Failed,
    report::{Figure, Goal},
    world::World,
};

/// How many pools the playbook has, and how many plays: as many as it may.
const POOLS: usize = 2_000;
const PLAYS: usize = 2_000;

/// How often it is read.
const READS: usize = 5;

/// How long reading it may take, in milliseconds, with the start of the program.
const MILLISECONDS_MAX: f64 = 1_000.0;

pub(crate) async fn measure(azure: &Azure) -> Result<Vec<Figure>, Failed> {
    let world = World::new(azure, "pool", 1, 3)?;
    let path = world.path("large.yaml");
    fs::write(&path, written()?)?;
    let mut times = Vec::with_capacity(READS);
    for _ in 0..READS {
        times.push(world.check(&path).await?.as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    let name = format!("playbook check, {POOLS} pools and {PLAYS} plays");
    let goal = Goal::ValueMax(MILLISECONDS_MAX);
    Ok(vec![Figure::new(name, times[READS / 2], "ms").goal(goal)])
}

/// Pools with their limits, and for each of them a play with all that a play may say; no aliases.
fn written() -> Result<String, Failed> {
    let mut text = String::from(
        "version: 1\nservices:\n  main: {subscription: 00000000-0000-0000-0000-000000000000, \
         resourceGroup: rg1, name: contoso}\npools:\n",
    );
    for pool in 0..POOLS {
        write!(
            text,
            "  pool-{pool}:\n    service: main\n    backend: pool-{pool}\n    \
             limits: {{leastMembers: 2, leastShare: 50%}}\n    failover: promote\n    \
             nullWeight: 50\n"
        )?;
    }
    text.push_str("plays:\n");
    for play in 0..PLAYS {
        let pool = play % POOLS;
        write!(
            text,
            "  - name: drain-{play}\n    \
             when: signal.labels.alertname == \"BackendErrors\" && signal.labels.pool == \"{play}\"\n    \
             do:\n      - drain: {{pool: pool-{pool}, member: \"${{signal.labels.backend}}\"}}\n      \
             - promote: {{pool: pool-{pool}, member: standby-{play}, weight: 50}}\n    \
             atMost: 6h\n    hold: 2m\n    ramp: {{steps: [10%, 50%, 100%], every: 2m}}\n    \
             after:\n      - reconnect: {{backend: \"${{signal.labels.backend}}\", after: PT5M}}\n"
        )?;
    }
    Ok(text)
}
