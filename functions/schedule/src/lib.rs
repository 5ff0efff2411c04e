//! Timer-triggered: sweeps for lost wakes, and for a newer playbook, whose pools are looked at once.

pub mod check;
mod heartbeat;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use jiff::SignedDuration;
use pointsman_engine::{Engine, Loaded};
use pointsman_host::{Parts, config, server::Stop};
use tokio::task::JoinSet;

use crate::heartbeat::Heartbeat;

/// How often the timer fires.
pub const EVERY: Duration = Duration::from_secs(2);

/// How long a look may be overdue before its wake counts as lost.
pub const GRACE: SignedDuration = SignedDuration::from_secs(5);

/// How many firings lie between two clean-ups of series that are long over.
const FORGET_EVERY: u64 = 1_800;

/// How long it is between looks at two pools of a new playbook: they are not to take what Azure allows
/// from those who have something to do.
const INSPECT_EVERY: Duration = Duration::from_millis(250);

/// How long after that a pool is looked at again that could not be, at first and at most.
const INSPECT_AGAIN: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(3_600));

/// Sweeps at once for everything that is due, because the process before may have died, and then at
/// each firing of the timer until a stop is asked for.
pub async fn run(parts: Parts, heartbeat: Option<config::Heartbeat>, stop: Stop) {
    let mut heartbeat = heartbeat.and_then(|config| Heartbeat::new(parts.clone(), config));
    let mut schedule = Schedule::new(parts);
    let mut timer = tokio::time::interval(EVERY);
    timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = stop.asked() => return,
            _ = timer.tick() => {
                let swept = schedule.tick().await;
                if let Some(heartbeat) = &mut heartbeat {
                    heartbeat.tick(swept).await;
                }
            }
        }
    }
}

/// What is known from one firing of the timer to the next.
pub struct Schedule {
    engine: Engine,
    inspects: bool,
    firings: u64,
    inspected: u64,
    inspections: JoinSet<()>,
}

impl Schedule {
    /// A schedule that has not fired yet.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let Parts { engine, inspects, .. } = parts;
        Self { engine, inspects, firings: 0, inspected: 0, inspections: JoinSet::new() }
    }

    /// One firing of the timer: what a host calls that has one of its own. Says whether the sweep was
    /// made.
    pub async fn tick(&mut self) -> bool {
        let grace = if self.firings == 0 { SignedDuration::ZERO } else { GRACE };
        let swept = self.engine.sweep(grace).await;
        match &swept {
            Ok(0) => {}
            Ok(woken) => tracing::info!(woken, "backends whose look was due are looked at"),
            Err(error) => tracing::error!("the sweep failed: {error}"),
        }
        match self.engine.playbook().await {
            Ok(playbook) if self.inspects && playbook.number != self.inspected => {
                self.inspected = playbook.number;
                self.inspections.abort_all();
                self.inspections.spawn(inspect(self.engine.clone(), playbook));
            }
            // The sweep has said why there is none.
            Ok(_) | Err(_) => {}
        }
        while self.inspections.try_join_next().is_some() {}
        // Not at the first: Azure has not shown yet whether the clock is right.
        if self.firings % FORGET_EVERY == FORGET_EVERY / 2
            && let Err(error) = self.engine.forget().await
        {
            tracing::error!("old series were not forgotten: {error}");
        }
        self.firings += 1;
        swept.is_ok()
    }
}

/// Logs the problems of the backends of a playbook that is newly in force. What may pass is
/// looked at again before it is said: once, and then ever more seldom.
async fn inspect(engine: Engine, playbook: Arc<Loaded>) {
    let generation = playbook.number;
    let mut managed: Vec<_> = playbook.playbook.managed().collect();
    let mut again = INSPECT_AGAIN.0;
    let mut told = BTreeSet::new();
    while !managed.is_empty() {
        let mut waiting = Vec::new();
        for one in managed {
            let findings = engine.inspect(&playbook.playbook, one).await;
            let may_pass = findings.iter().any(|finding| finding.matter.may_pass());
            if may_pass {
                waiting.push(one);
            }
            if (!may_pass || again > INSPECT_AGAIN.0) && told.insert(one) {
                findings.iter().for_each(|finding| tracing::warn!(generation, "{finding}"));
            }
            tokio::time::sleep(INSPECT_EVERY).await;
        }
        managed = waiting;
        if !managed.is_empty() {
            tokio::time::sleep(again).await;
            again = INSPECT_AGAIN.1.min(again * 2);
        }
    }
    tracing::info!(generation, "every backend of the playbook was looked at");
}
