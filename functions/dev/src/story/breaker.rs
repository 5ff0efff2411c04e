//! The third act: another member of each pool fails now and then. In the one its circuit breaker is
//! tightened, so that the gateway itself leaves it out for a while, again and again.

use std::time::{Duration, Instant};

use super::{CONTRAST, Missing, Story, WHOLE_WITHIN, helped};
use crate::{
    functions::TIGHTENED_COUNT,
    screen::{BAD, GOOD, PLAIN},
    site::{FALTERS_EVERY, Health},
    summary,
    world::{FALTERS, OWNERS_COUNT, Write},
};

/// How often it is told how many requests were kept off.
const TOLD_EVERY: Duration = Duration::from_secs(1);

impl Story<'_> {
    pub(super) async fn breaker(&mut self) -> Result<(), Missing> {
        self.screen.title("3  Another member fails now and then: its circuit breaker is tightened");
        let names = self.turn(FALTERS, Health::Falters);
        self.screen.say(BAD, format!("falter    {names} fail 1 request in {FALTERS_EVERY}"));
        self.screen
            .stage("A member of each pool fails now and then; the watcher is about to notice.");
        self.measured.breaker.alerted = Some(self.alerted(FALTERS).await?);
        let tightens = |write: &Write| sets(write, TIGHTENED_COUNT);
        let tightened = self.written("the write that tightens the breaker", tightens).await?;
        self.measured.breaker.tightened = Some(tightened);
        self.keep_off().await;

        let names = self.turn(FALTERS, Health::Well);
        self.screen.say(GOOD, format!("heal      {names} answer 200 again"));
        self.screen.stage("Healed; the watcher's probe is about to notice.");
        self.measured.breaker.resolved = Some(self.resolved(FALTERS).await?);
        let restores = |write: &Write| write.at > tightened && sets(write, OWNERS_COUNT);
        let restored = self.written("the owner's circuit breaker", restores).await?;
        self.measured.breaker.restored = Some(restored);
        let letter =
            if self.is_to_the_letter() { "to the letter" } else { "but not to the letter" };
        let text = format!("restored  the breaker is as its owner left it, {letter}");
        self.screen.say(GOOD, text);
        Ok(())
    }

    /// Looks for a while at what the breaker keeps off its member: what the same member of the other pool
    /// got more.
    async fn keep_off(&mut self) {
        let (losses, got) = (self.losses(), self.got(FALTERS));
        let end = (Instant::now() + CONTRAST).min(self.started + WHOLE_WITHIN);
        while Instant::now() < end {
            let [here, beside] = self.got_since(FALTERS, got);
            let kept = beside.saturating_sub(here);
            self.screen.stage(&format!(
                "Tightened: {TIGHTENED_COUNT} failures open the breaker of {FALTERS}. {kept} requests kept off it."
            ));
            self.pause_until(end.min(Instant::now() + TOLD_EVERY)).await;
        }
        let of_helped = |(backend, _): &&(String, Instant)| *backend == helped(FALTERS);
        self.measured.breaker.trips =
            self.heard.done.borrow().trips.iter().filter(of_helped).count();
        self.measured.breaker.got = self.got_since(FALTERS, got);
        self.measured.breaker.losses = self.losses_since(&losses);
        let [here, beside] = self.measured.breaker.got;
        let seconds = CONTRAST.as_secs();
        let text = format!(
            "compare   in {seconds} s helped-{FALTERS} got {here} requests, alone-{FALTERS} {beside}"
        );
        self.screen.say(PLAIN, text);
        let text = summary::compared(CONTRAST, self.measured.breaker.losses);
        self.screen.say(PLAIN, text);
    }
}

/// Whether a write makes so many failures trip the circuit breaker of the member that fails now and then.
fn sets(write: &Write, count: u64) -> bool {
    write.backend == helped(FALTERS) && write.trips_at == Some(count)
}
