//! Distinct alerts over many pools: until all are answered, and until all are drained.

use std::{sync::Arc, time::Instant};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;

use crate::{
    azure::Azure,
    child::BOUND,
    error::Failed,
    report::Figure,
    webhook::{self, Alert},
    world::World,
};

/// Over how many pools the alerts go.
const POOLS: usize = 100;

/// How many members each has; all but one are drained.
const MEMBERS: usize = 21;

/// How many webhooks are under way at a time.
const AT_ONCE: usize = 32;

pub(crate) async fn measure(azure: &Azure) -> Result<Vec<Figure>, Failed> {
    let world = Arc::new(World::new(azure, "pool", POOLS, MEMBERS)?);
    let serving = world.serve().await?;
    let drained = &world.members[1..];
    let started = Timestamp::now();
    // Member by member: neighbours in time are of different pools.
    let mut bodies = Vec::with_capacity(POOLS * drained.len());
    for member in drained {
        for pool in &world.pools {
            bodies.push(webhook::body(&[Alert {
                fingerprint: format!("{pool}-{member}"),
                pool: pool.clone(),
                member: member.clone(),
                started,
                ended: None,
            }]));
        }
    }
    let alerts = bodies.len();
    let began = Instant::now();
    stream::iter(bodies)
        .map(|body| world.send(&serving, body))
        .buffer_unordered(AT_ONCE)
        .try_collect::<()>()
        .await?;
    let answered = began.elapsed().as_secs_f64();
    for pool in &world.pools {
        let is_drained = |azure: &pointsman_emulator::View<'_>| {
            let seats = azure.seats(pool.as_str());
            drained.iter().all(|member| {
                seats.iter().any(|seat| seat.member == *member && seat.weight == Some(0))
            })
        };
        azure
            .wait_for(is_drained, BOUND)
            .await
            .map_err(|error| Failed(format!("{pool} was not drained: {error}")))?;
    }
    let total = began.elapsed().as_secs_f64();
    let writes: Vec<u64> =
        azure.view(|azure| world.pools.iter().map(|pool| azure.written(pool.as_str())).collect());
    serving.end().await?;
    let most = writes.iter().max().copied().unwrap_or_default();
    let all: u64 = writes.iter().sum();
    let name = |what: &str| format!("{alerts} alerts over {POOLS} pools, {what}");
    Ok(vec![
        Figure::new(name("answered"), alerts as f64 / answered, "alerts/s"),
        Figure::new(name("drained"), alerts as f64 / total, "alerts/s"),
        Figure::new(name("total"), total, "s"),
        Figure::new(name("PATCHes a pool"), all as f64 / POOLS as f64, ""),
        Figure::new(name("PATCHes of the pool with most"), most as f64, ""),
    ])
}
