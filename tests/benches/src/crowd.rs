//! What a crowd of alerts over one pool costs: as many series as there are alerts, fired and resolved.

use std::time::Instant;

use jiff::{SignedDuration, Timestamp};

use crate::{
    azure::Azure,
    child::BOUND,
    error::Failed,
    report::{Figure, Goal},
    webhook::{self, Alert},
    world::{WEIGHT, World},
};

/// How many alerts there are, each of a series of its own.
const ALERTS: usize = 20_000;

/// How many of them one webhook tells of.
const IN_ONE: usize = 100;

/// How many members the pool has; all but one fail at some time.
const MEMBERS: usize = 10;

/// How many of them fail: what the limits of the world's pools allow at a time.
const FAILING: usize = MEMBERS - 1;

/// How much memory it may take at its peak, and how large the store may become, in megabytes of a
/// million bytes.
const MEMORY_MEGABYTES_MAX: f64 = 100.0;
const STORE_MEGABYTES_MAX: f64 = 60.0;

pub(crate) async fn measure(azure: &Azure) -> Result<Vec<Figure>, Failed> {
    let world = World::new(azure, "crowd", 1, MEMBERS)?;
    let pool = world.pools[0].as_str();
    let serving = world.serve().await?;
    let started = Timestamp::now();
    let alerts = |ended: Option<Timestamp>| {
        let alert = move |at: usize| Alert {
            fingerprint: format!("alert-{at}"),
            pool: pool.to_owned(),
            member: format!("member-{}", at % FAILING),
            started,
            ended,
        };
        (0..ALERTS).map(alert).collect::<Vec<_>>()
    };
    let began = Instant::now();
    for some in alerts(None).chunks(IN_ONE) {
        world.send(&serving, webhook::body(some)).await?;
    }
    weighs(azure, pool, 0).await?;
    serving.at_rest().await?;
    let fired = began.elapsed().as_secs_f64();
    let ended = started + SignedDuration::from_secs(1);
    let began = Instant::now();
    for some in alerts(Some(ended)).chunks(IN_ONE) {
        world.send(&serving, webhook::body(some)).await?;
    }
    weighs(azure, pool, WEIGHT).await?;
    serving.at_rest().await?;
    let resolved = began.elapsed().as_secs_f64();
    let peak = serving.memory("VmHWM")?;
    let writes = azure.view(|azure| azure.written(pool));
    serving.end().await?;
    let store = std::fs::metadata(world.path("pointsman.db"))?.len();

    let megabytes = |bytes: u64| bytes as f64 / 1e6;
    let name = |what: &str| format!("{ALERTS} alerts over one pool, {what}");
    Ok(vec![
        Figure::new(name("memory at its peak"), megabytes(peak), "MB")
            .goal(Goal::ValueMax(MEMORY_MEGABYTES_MAX)),
        Figure::new(name("the store's file"), megabytes(store), "MB")
            .goal(Goal::ValueMax(STORE_MEGABYTES_MAX)),
        Figure::new(name("fired"), ALERTS as f64 / fired, "alerts/s"),
        Figure::new(name("resolved"), ALERTS as f64 / resolved, "alerts/s"),
        Figure::new(name("PATCHes"), writes as f64, ""),
    ])
}

/// Waits until all that fail weigh this.
async fn weighs(azure: &Azure, pool: &str, weight: u32) -> Result<(), Failed> {
    let all = |azure: &pointsman_emulator::View<'_>| {
        (0..FAILING).all(|at| azure.weight(pool, &format!("member-{at}")) == Some(weight))
    };
    Ok(azure.wait_for(all, BOUND).await?)
}
