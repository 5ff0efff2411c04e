//! The second act: a member of each pool breaks. In the one it is drained, and given back once it is well.

use std::time::{Duration, Instant};

use pointsman_emulator::Reconnect;

use super::{CONTRAST, Missing, Story, helped};
use crate::{
    screen::{BAD, GOOD, PLAIN},
    site::Health,
    summary, tally,
    world::{BREAKS, Side, Write},
};

/// How long nothing is lost before a pool counts as clean.
const CLEAN_FOR: Duration = Duration::from_secs(2);

impl Story<'_> {
    pub(super) async fn failure(&mut self) -> Result<(), Missing> {
        self.screen.title("2  A member fails: it is drained until it is well");
        let before = self.losses();
        let told = self.fail().await;
        self.measured.failure.losses = self.losses_since(&before);
        told
    }

    async fn fail(&mut self) -> Result<(), Missing> {
        let broke = Instant::now();
        let names = self.turn(BREAKS, Health::Fails);
        self.screen.say(BAD, format!("break     {names} answer 500 from now on"));
        self.screen.stage("A member of each pool fails; the watcher is about to notice.");
        let look = || self.traffic.lane(Side::Helped).first_loss(broke);
        let failed = self.wait("a failed request in the helped pool", look).await?;
        self.measured.failure.failed = Some(failed);
        self.measured.failure.alerted = Some(self.alerted(BREAKS).await?);
        self.screen.stage("The alert was sent; the functions act on it.");
        let drained = self.written("the write that drains the member", drains).await?;
        self.measured.failure.drained = Some(drained);
        self.recover(drained).await?;
        self.contrast().await;
        self.heal().await?;
        self.restore(drained).await
    }

    async fn recover(&mut self, drained: Instant) -> Result<(), Missing> {
        self.screen.stage("Drained: the helped pool recovers, the other one does not.");
        let look = || {
            let last = self.traffic.lane(Side::Helped).last_loss(drained).unwrap_or(drained);
            (last.elapsed() >= CLEAN_FOR).then_some(last)
        };
        let clean = self.wait("an end of failed requests", look).await?;
        self.measured.failure.clean = Some(clean);
        let text = match clean.duration_since(drained).as_millis() {
            0 => "clean     helped has not lost one request since the write".to_owned(),
            after => format!("clean     helped lost its last request {after} ms after the write"),
        };
        self.screen.say(GOOD, text);
        Ok(())
    }

    /// One pool beside the other.
    async fn contrast(&mut self) {
        let before = self.losses();
        self.pause(CONTRAST).await;
        let losses = self.losses_since(&before);
        let percents = losses.map(|of| tally::percent(of, 1).unwrap_or_default());
        self.measured.failure.contrast = Some(percents.into());
        let text = summary::compared(CONTRAST, losses);
        self.screen.say(PLAIN, text);
    }

    async fn heal(&mut self) -> Result<(), Missing> {
        let names = self.turn(BREAKS, Health::Well);
        self.screen.say(GOOD, format!("heal      {names} answer 200 again"));
        self.screen.stage("Healed; the watcher's probe is about to notice.");
        self.measured.failure.resolved = Some(self.resolved(BREAKS).await?);
        Ok(())
    }

    async fn restore(&mut self, drained: Instant) -> Result<(), Missing> {
        self.screen.stage("Over: the weight is given back in the playbook's steps.");
        let restores = |write: &Write| write.at > drained && self.restores(write);
        let restored = self.written("the owner's weights", restores).await;
        let ramp = |write: &&Write| write.backend == Side::Helped.name() && write.at > drained;
        let writes = self.heard.done.borrow().writes.clone();
        let ramp = writes.iter().filter(ramp).filter_map(|write| write.weight(BREAKS));
        self.measured.failure.ramp = ramp.collect();
        self.measured.failure.restored = Some(restored?);
        let letter =
            if self.is_to_the_letter() { "to the letter" } else { "but not to the letter" };
        self.screen.say(GOOD, format!("restored  helped is as its owner left it, {letter}"));

        let look = || {
            let done = self.heard.done.borrow();
            let ours = |reconnect: &&Reconnect| reconnect.backend.to_string() == helped(BREAKS);
            done.reconnects.iter().find(ours).cloned()
        };
        let what = "an accepted reconnect";
        self.measured.failure.reconnect = Some(self.wait(what, look).await?);
        Ok(())
    }
}

/// Whether a write takes all traffic from the broken member of the helped pool.
fn drains(write: &Write) -> bool {
    write.backend == Side::Helped.name() && write.weight(BREAKS) == Some(0)
}
