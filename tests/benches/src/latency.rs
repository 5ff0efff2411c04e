//! Webhook in to PATCH received, one alert at a time.
//!
//! Pointsman and the two forwarders take turns in blocks of a few alerts, all three alive for the
//! whole run. Each alert makes exactly one PATCH, which is checked; the time is taken from just
//! before the webhook is sent to when the emulated Azure has read the PATCH. It is measured with an
//! Azure that answers at once, and with one that takes as long as the real one.
//!
//! Alerts of one pool within seconds share a write, on purpose; so these come further apart.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use jiff::Timestamp;
use pointsman_emulator::{Fault, Match, fault::Kind};

use crate::{
    azure::Azure,
    child::{BOUND, Serving},
    error::Failed,
    report::{Figure, Goal},
    webhook::{self, Alert},
    world::World,
};

/// How many alerts each contestant gets in its turn.
const BLOCK: usize = 10;

/// How many turns each has.
const BLOCKS: usize = 30;

/// How many turns come before that and are not counted: each pool has been written to by then.
const WARM_UP_BLOCKS: usize = 10;

/// How long a contestant rests between two alerts: what it does after its PATCH is not to be in
/// the way of the next.
const PAUSE: Duration = Duration::from_millis(10);

/// Over how many pools a contestant's alerts go.
const POOLS: usize = 100;

/// How far apart two alerts of one pool are: the first would otherwise put off the write of the second.
const APART: Duration = Duration::from_secs(11);

/// How many members a pool has.
const MEMBERS: usize = 3;

/// How long an Azure takes for each request, as it is named in the figures, and what Pointsman may take
/// beside the forwarder that commits.
const AZURES: [(Duration, &str, f64); 2] =
    [(Duration::ZERO, "", 1.0), (Duration::from_millis(40), " at 40 ms a request", 0.6)];

/// One of those who are measured.
struct Contestant {
    name: &'static str,
    world: World,
    serving: Serving,
    sent: usize,
    /// When an alert of each pool was last sent.
    used: Vec<Option<Instant>>,
    /// In nanoseconds.
    answered: Histogram<u64>,
    patched: Histogram<u64>,
}

impl Contestant {
    fn new(name: &'static str, world: World, serving: Serving) -> Result<Self, Failed> {
        let (answered, patched) = (Histogram::new(3)?, Histogram::new(3)?);
        let used = vec![None; world.pools.len()];
        Ok(Self { name, world, serving, sent: 0, used, answered, patched })
    }

    /// The next alert, once it is time for it: each pool's members fire and resolve in turn.
    async fn next(&mut self) -> Alert {
        let World { pools, members, .. } = &self.world;
        let (at, round) = (self.sent % pools.len(), self.sent / pools.len());
        self.sent += 1;
        let resolves = round % 2 == 1;
        let pool = &pools[at];
        let member = &members[round / 2 % members.len()];
        if let Some(last) = self.used[at] {
            tokio::time::sleep_until((last + APART).into()).await;
        }
        self.used[at] = Some(Instant::now());
        let now = Timestamp::now();
        let second = jiff::SignedDuration::from_secs(1);
        Alert {
            fingerprint: format!("{pool}-{member}"),
            pool: pool.clone(),
            member: member.clone(),
            // An occurrence is told from the next by its start, and ends after that.
            started: if resolves { now - second } else { now },
            ended: resolves.then_some(now),
        }
    }

    /// Sends one alert and waits for its PATCH; gives how long the answer and the PATCH took.
    async fn sample(&mut self, azure: &Azure) -> Result<(Duration, Duration), Failed> {
        let alert = self.next().await;
        let body = webhook::body(std::slice::from_ref(&alert));
        let pool = alert.pool.as_str();
        azure.forget_requests();
        let began = Instant::now();
        self.world.send(&self.serving, body).await?;
        let answered = began.elapsed();
        azure
            .wait_for(|azure| azure.writes(pool).any(|write| write.status().is_some()), BOUND)
            .await
            .map_err(|error| Failed(format!("{}: no PATCH for {alert:?}: {error}", self.name)))?;
        tokio::time::sleep(PAUSE).await;
        let writes = azure.writes(pool);
        let [write] = writes.as_slice() else {
            return Err(Failed(format!("{}: {} writes for {alert:?}", self.name, writes.len())));
        };
        match write.status() {
            Some(status) if status.is_success() => {}
            status => {
                return Err(Failed(format!("{}: a PATCH was answered {status:?}", self.name)));
            }
        }
        Ok((answered, write.instant.duration_since(began)))
    }

    async fn block(&mut self, azure: &Azure, counts: bool) -> Result<(), Failed> {
        for _ in 0..BLOCK {
            let (answered, patched) = self.sample(azure).await?;
            if counts {
                self.answered.record(nanoseconds(answered))?;
                self.patched.record(nanoseconds(patched))?;
            }
        }
        Ok(())
    }

    async fn end(self) -> Result<[(&'static str, [f64; 2]); 2], Failed> {
        self.serving.end().await?;
        Ok([("answer", figures(&self.answered)), ("PATCH", figures(&self.patched))])
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// p50 and p99 in milliseconds.
fn figures(times: &Histogram<u64>) -> [f64; 2] {
    [0.5, 0.99]
        .map(|quantile| Duration::from_nanos(times.value_at_quantile(quantile)).as_secs_f64() * 1e3)
}

pub(crate) async fn measure(azure: &Azure) -> Result<Vec<Figure>, Failed> {
    let mut rows = Vec::new();
    for (takes, named, ratio_max) in AZURES {
        let slow = azure.inject(Fault::always(Match::any(), Kind::Latency { by: takes }));
        rows.extend(measure_with(azure, named, ratio_max).await?);
        azure.clear(slow);
    }
    Ok(rows)
}

async fn measure_with(azure: &Azure, named: &str, ratio_max: f64) -> Result<Vec<Figure>, Failed> {
    let world = |prefix| World::new(azure, prefix, POOLS, MEMBERS);
    let ours = world("ours")?;
    let serving = ours.serve().await?;
    let ours = Contestant::new("Pointsman", ours, serving)?;
    let durable = world("durable")?;
    let serving = durable.forward(azure, true).await?;
    let durable = Contestant::new("the forwarder", durable, serving)?;
    let bare = world("bare")?;
    let serving = bare.forward(azure, false).await?;
    let bare = Contestant::new("the forwarder without commits", bare, serving)?;
    let mut contestants = [ours, durable, bare];
    for block in 0..WARM_UP_BLOCKS + BLOCKS {
        for contestant in &mut contestants {
            contestant.block(azure, block >= WARM_UP_BLOCKS).await?;
        }
    }
    let [ours, durable, bare] = contestants;
    let (ours, durable, bare) = (ours.end().await?, durable.end().await?, bare.end().await?);
    let mut rows = Vec::new();
    for (at, (what, forwarder)) in durable.into_iter().enumerate() {
        for (place, quantile) in ["p50", "p99"].into_iter().enumerate() {
            let name = |who: &str| format!("webhook to {what}{named}, {quantile}{who}");
            let ours = Figure::new(name(""), ours[at].1[place], "ms").beside(forwarder[place]);
            let judged = (what, quantile) == ("PATCH", "p50");
            rows.push(if judged { ours.goal(Goal::RatioMax(ratio_max)) } else { ours });
            rows.push(Figure::new(name(", forwarder"), forwarder[place], "ms"));
            let bare = Figure::new(name(", forwarder without commits"), bare[at].1[place], "ms");
            rows.push(bare.beside(forwarder[place]));
        }
    }
    Ok(rows)
}
