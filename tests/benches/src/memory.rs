//! How much memory `serve` takes: at rest, and in a storm.

use std::time::Instant;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;

use crate::{
    azure::Azure,
    child::BOUND,
    error::Failed,
    report::{Figure, Goal},
    webhook::{self, Alert},
    world::World,
};

/// How many webhooks a storm has.
const WEBHOOKS: usize = 10_000;

/// How many alerts each of them has.
const ALERTS: usize = 100;

/// One webhook of so many has an alert that is new.
const NEW_EVERY: usize = 100;

/// How many webhooks are under way at a time.
const AT_ONCE: usize = 32;

/// How many members the pool has; the alerts are about a few of them.
const MEMBERS: usize = 20;
const FAILING: usize = 5;

/// How much memory may be in use at rest, in megabytes of a million bytes.
const REST_MEGABYTES_MAX: f64 = 30.0;

pub(crate) async fn measure(azure: &Azure) -> Result<Vec<Figure>, Failed> {
    let world = World::new(azure, "pool", 1, MEMBERS)?;
    let pool = world.pools[0].as_str();
    let started = Timestamp::now();
    let alert = |at: usize| Alert {
        fingerprint: format!("alert-{at}"),
        pool: pool.to_owned(),
        member: world.members[at % FAILING].clone(),
        started,
        ended: None,
    };
    let serving = world.serve().await?;
    world.send(&serving, webhook::body(&[alert(0)])).await?;
    drained(azure, pool, &world.members[..1]).await?;
    serving.at_rest().await?;
    let rest = serving.memory("VmRSS")?;

    let usual: Vec<Alert> = (0..ALERTS).map(alert).collect();
    let same = webhook::body(&usual);
    let body = |at: usize| {
        if !at.is_multiple_of(NEW_EVERY) {
            return same.clone();
        }
        let mut alerts = usual.clone();
        alerts[at / NEW_EVERY % ALERTS] = alert(ALERTS + at / NEW_EVERY);
        webhook::body(&alerts)
    };
    let began = Instant::now();
    stream::iter(0..WEBHOOKS)
        .map(|at| world.send(&serving, body(at)))
        .buffer_unordered(AT_ONCE)
        .try_collect::<()>()
        .await?;
    let answered = began.elapsed().as_secs_f64();
    drained(azure, pool, &world.members[..FAILING]).await?;
    serving.at_rest().await?;
    let (peak, after) = (serving.memory("VmHWM")?, serving.memory("VmRSS")?);
    let writes = azure.view(|azure| azure.written(pool));
    serving.end().await?;

    let megabytes = |bytes: u64| bytes as f64 / 1e6;
    let name = |what: &str| format!("storm of {WEBHOOKS} webhooks of {ALERTS} alerts, {what}");
    let goal = Goal::ValueMax(REST_MEGABYTES_MAX);
    Ok(vec![
        Figure::new("memory at rest, after one alert", megabytes(rest), "MB").goal(goal),
        Figure::new(name("memory at its peak"), megabytes(peak), "MB"),
        Figure::new(name("memory after it"), megabytes(after), "MB"),
        Figure::new(name("answered"), WEBHOOKS as f64 / answered, "webhooks/s"),
        Figure::new(name("PATCHes"), writes as f64, ""),
    ])
}

async fn drained(azure: &Azure, pool: &str, members: &[String]) -> Result<(), Failed> {
    let is_drained = |azure: &pointsman_emulator::View<'_>| {
        members.iter().all(|member| azure.weight(pool, member) == Some(0))
    };
    Ok(azure.wait_for(is_drained, BOUND).await?)
}
