//! How an undo and a release are carried out: by way of the queue.
//!
//! They take their place in it among the signals, and whoever takes messages out of it carries them
//! out. Where no `serve` does, this process does, for as long as it takes. Either way it waits, for a
//! bounded time, until the store shows that it was carried out.

use std::time::Duration;

use pointsman_core::{id::MessageId, names::BackendId};
use pointsman_engine::{
    direct,
    message::{Command, Outgoing},
};
use pointsman_host::{Parts, Records, config::Needs, server::Stop, wiring::Role};
use tokio::{task::JoinHandle, time::Instant};

use super::by::By;
use crate::{common::Common, failed::Failed};

/// How often the store is looked at for the effect of a command.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How often this process tries to carry commands out itself, while no other does.
const CONSUME_EVERY: Duration = Duration::from_secs(1);

/// How long a command may take to be taken in.
pub(super) const TAKEN_WITHIN: Duration = Duration::from_secs(30);

/// The loop that carries messages out, in this process.
struct Here {
    parts: Parts,
    stop: Stop,
    task: JoinHandle<()>,
}

/// The queue, and whoever takes messages out of it.
pub(super) struct Dispatch<'a> {
    common: &'a Common,
    pub(super) records: Records,
    here: Option<Here>,
}

impl<'a> Dispatch<'a> {
    /// Sees to it that someone carries commands out: a running `serve`, or this process.
    pub(super) async fn open(common: &'a Common) -> Result<Self, Failed> {
        let records = common.open().await?;
        let here = match consume(common).await {
            Ok(here) => here,
            // A `serve` may be running with secrets that this process has not.
            Err(_) if records.are_consumed()? => None,
            Err(failed) => return Err(failed),
        };
        Ok(Self { common, records, here })
    }

    pub(super) async fn send(&self, by: &By, command: Command) -> Result<MessageId, Failed> {
        let nonce = uuid::Uuid::now_v7().to_string();
        let outgoing = Outgoing::command(&by.by, command, &nonce);
        let id = outgoing.id.clone();
        self.records.queue.send(outgoing).await?;
        Ok(id)
    }

    /// Waits until something is seen in the store; says whether it was, in time.
    pub(super) async fn until(
        &mut self,
        within: Duration,
        mut seen: impl AsyncFnMut(&Records) -> Result<bool, Failed>,
    ) -> Result<bool, Failed> {
        let end = Instant::now() + within;
        let mut consume_at = Instant::now() + CONSUME_EVERY;
        loop {
            if seen(&self.records).await? {
                return Ok(true);
            }
            let now = Instant::now();
            if now >= end {
                return Ok(false);
            }
            // Whoever took messages out of the queue may have ended before it came to this one.
            if self.here.is_none() && now >= consume_at {
                consume_at = now + CONSUME_EVERY;
                self.here = consume(self.common).await.unwrap_or_default();
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Whether a `serve` goes on with what is not done, once this process has ended.
    pub(super) fn is_served(&self) -> Result<bool, Failed> {
        Ok(self.here.is_none() && self.records.are_consumed()?)
    }

    /// Finishes what is being carried out here, and closes the store.
    pub(super) async fn close(self) -> Result<(), Failed> {
        if let Some(Here { parts, stop, task }) = self.here {
            stop.ask();
            task.await?;
            parts.close().await;
        }
        self.records.close().await;
        Ok(())
    }
}

/// Carries messages out here, unless another process does.
async fn consume(common: &Common) -> Result<Option<Here>, Failed> {
    let config = common.config(Needs::Azure)?;
    match Parts::open(&config, common.mode(), Role::Consumer).await {
        Ok(parts) => {
            let stop = Stop::default();
            let (_, nothing) = direct::way();
            let task = tokio::spawn(pointsman_reconcile::run(parts.clone(), nothing, stop.clone()));
            Ok(Some(Here { parts, stop, task }))
        }
        Err(error) if error.is_consumed_already() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// What is said of backends with which something is not done yet.
pub(super) fn goes_on(served: bool, backends: &[&BackendId]) -> String {
    match (served, backends) {
        (true, [one]) => format!("it goes on, and `pointsman explain {}` shows how", one.short()),
        (true, _) => "it goes on, and `pointsman status` shows how".to_owned(),
        (false, _) => {
            "no `serve` is running on this store: it goes on once one is, or by the same \
                       command again"
                .to_owned()
        }
    }
}
