//! The story, beat by beat: all is well, a member of each pool breaks, one pool is helped and the
//! other is not, the member heals, and everything is as its owner left it.
//!
//! The story breaks and heals members, and otherwise only looks; whatever moves traffic is the
//! functions' doing. Every wait has a limit and all have one together, so that the story ends in time
//! also where something never comes; what that was is part of what was measured.

use std::time::{Duration, Instant};

use pointsman_emulator::{Reconnect, Tally};
use tokio::sync::watch;

use super::{
    Stage,
    ear::Told,
    narrate::Done,
    screen::{BAD, GOOD, PLAIN, Screen},
    summary::{self, Measured},
    tally,
    traffic::{REQUESTS_PER_SECOND, Traffic},
    world::{BREAKS, Side, Site, World, Write},
};

/// How long all is well at first.
const CALM: Duration = Duration::from_secs(10);

/// How long nothing is lost before a pool counts as clean.
const CLEAN_FOR: Duration = Duration::from_secs(3);

/// How long the helped pool is seen beside the other one, before the result is told.
const CONTRAST: Duration = Duration::from_secs(10);

/// How many times that.
const CONTRASTS: u32 = 2;

/// How long all is well at last.
const AFTERWARDS: Duration = Duration::from_secs(8);

/// How long anything that is waited for may take to come; the playbook's ramp takes longest.
const COMES_WITHIN: Duration = Duration::from_secs(25);

/// How long the whole may take, so that it has ended and stopped within 90 s of its start.
const WHOLE_WITHIN: Duration = Duration::from_secs(82);

/// How often what is waited for is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What did not come in time.
struct Missing(String);

/// What the story goes by: what the watcher has told, and what Azure has done.
#[derive(Clone)]
pub(super) struct Heard {
    pub(super) told: watch::Receiver<Told>,
    pub(super) done: watch::Receiver<Done>,
}

/// The story, as far as it has come.
pub(super) struct Story<'a> {
    world: &'a World,
    traffic: &'a Traffic,
    heard: &'a Heard,
    screen: &'a Screen,
    started: Instant,
    bodies: [serde_json::Value; 2],
    measured: Measured,
}

impl<'a> Story<'a> {
    pub(super) fn new(stage: &'a Stage, screen: &'a Screen, started: Instant, seed: u64) -> Self {
        let Stage { world, traffic, heard, .. } = stage;
        let measured =
            Measured { seed, before: world.weights(Side::Helped), ..Measured::default() };
        let bodies = Side::ALL.map(|side| world.body(side));
        Self { world, traffic, heard, screen, started, bodies, measured }
    }

    /// Plays it to its end, or to what does not come; gives what was measured.
    pub(super) async fn play(mut self) -> Measured {
        if let Err(Missing(what)) = self.beats().await {
            self.screen.say(BAD, format!("missing   {what}"));
            self.measured.missing = Some(what);
        }
        let done = self.heard.done.borrow().clone();
        let ours = |write: &&Write| write.backend == Side::Helped.name() && !write.foreign;
        let writes: Vec<&Write> = done.writes.iter().filter(ours).collect();
        self.measured.writes = writes.len();
        let ramp = writes.into_iter().skip_while(|write| !drains(write)).skip(1);
        self.measured.ramp = ramp.filter_map(|write| write.weight(BREAKS)).collect();
        self.measured.after = self.world.weights(Side::Helped);
        self.measured.to_the_letter = Side::ALL.map(|side| self.world.body(side)) == self.bodies;
        self.measured.losses = self.losses();
        self.measured.took = self.started.elapsed();
        self.measured
    }

    async fn beats(&mut self) -> Result<(), Missing> {
        self.calm().await;
        let broke = self.break_members();
        self.hear(broke).await?;
        let drained = self.drain().await?;
        self.recover(drained).await?;
        self.contrast().await;
        self.heal().await?;
        self.restore().await?;
        self.afterwards().await;
        Ok(())
    }

    async fn calm(&mut self) {
        self.screen.stage("Nothing is wrong yet. Soon a member of each pool breaks.");
        let rate = REQUESTS_PER_SECOND;
        let weights = summary::weights(&self.measured.before);
        self.screen.say(PLAIN, format!("traffic   {rate} requests/s through each pool: {weights}"));
        self.pause(CALM).await;
        self.measured.lost_before = self.losses().map(|of| of.failures).into_iter().sum();
        self.screen.say(GOOD, format!("all well  {} requests lost", self.measured.lost_before));
    }

    fn break_members(&self) -> Instant {
        let broke = Instant::now();
        let names = self.turn(true);
        self.screen.say(BAD, format!("break     {names} answer 500 from now on"));
        self.screen.stage("A member of each pool fails; the watcher is about to notice.");
        broke
    }

    /// Breaks or heals a member of each pool; gives their names.
    fn turn(&self, failing: bool) -> String {
        let turn = |site: &Site| {
            self.world.turn(site, failing);
            site.backend.clone()
        };
        self.world.breaking().map(turn).collect::<Vec<_>>().join(" and ")
    }

    async fn hear(&mut self, broke: Instant) -> Result<(), Missing> {
        let what = "a failed request in the helped pool";
        let look = || self.traffic.lane(Side::Helped).first_loss(broke);
        self.measured.failed = Some(self.wait(what, look).await?);
        let what = "the alert of the broken member";
        let look = || self.heard.told.borrow().fired.get(&broken()).copied();
        self.measured.alerted = Some(self.wait(what, look).await?);
        Ok(())
    }

    async fn drain(&mut self) -> Result<Instant, Missing> {
        self.screen.stage("The alert was sent; the functions act on it.");
        let look = || {
            let done = self.heard.done.borrow();
            done.writes.iter().find(|write| drains(write)).map(|write| write.at)
        };
        let at = self.wait("the write that drains the member", look).await?;
        self.measured.drained = Some(at);
        Ok(at)
    }

    async fn recover(&mut self, drained: Instant) -> Result<(), Missing> {
        self.screen.stage("Drained: the helped pool recovers, the other one does not.");
        let look = || {
            let last = self.traffic.lane(Side::Helped).last_loss(drained).unwrap_or(drained);
            (last.elapsed() >= CLEAN_FOR).then_some(last)
        };
        let clean = self.wait("an end of failed requests", look).await?;
        self.measured.clean = Some(clean);
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
        for time in 1..=CONTRASTS {
            self.pause(CONTRAST).await;
            let [helped, alone] = self.losses_since(&before);
            let percent = |of| tally::percent(of, 1).unwrap_or_default();
            self.measured.contrast = Some((percent(helped), percent(alone)));
            let text = format!(
                "compare   in {} s helped lost {} of {} requests, alone {} of {}",
                (CONTRAST * time).as_secs(),
                helped.failures,
                helped.requests,
                alone.failures,
                alone.requests
            );
            self.screen.say(PLAIN, text);
        }
    }

    async fn heal(&mut self) -> Result<(), Missing> {
        let names = self.turn(false);
        self.screen.say(GOOD, format!("heal      {names} answer 200 again"));
        self.screen.stage("Healed; the watcher's probe is about to notice.");
        let look = || self.heard.told.borrow().resolved.get(&broken()).copied();
        self.measured.resolved = Some(self.wait("the alert's end", look).await?);
        Ok(())
    }

    async fn restore(&mut self) -> Result<(), Missing> {
        self.screen.stage("Over: the weight is given back in the playbook's steps.");
        let look = || {
            let done = self.heard.done.borrow();
            let last = done.writes.iter().rfind(|write| write.backend == Side::Helped.name())?;
            (last.weights == self.measured.before).then_some(last.at)
        };
        let what = "the owner's weights";
        self.measured.restored = Some(self.wait(what, look).await?);
        let same = self.world.body(Side::Helped) == self.bodies[0];
        let letter = if same { "to the letter" } else { "but not to the letter" };
        self.screen.say(GOOD, format!("restored  helped is as its owner left it, {letter}"));

        let look = || {
            let done = self.heard.done.borrow();
            let ours = |reconnect: &&Reconnect| reconnect.backend.to_string() == broken();
            done.reconnects.iter().find(ours).cloned()
        };
        let what = "an accepted reconnect";
        self.measured.reconnect = Some(self.wait(what, look).await?);
        Ok(())
    }

    async fn afterwards(&mut self) {
        self.screen.stage("Everything is as it was; the reconnect comes when it is due.");
        let before = self.losses();
        self.pause(AFTERWARDS).await;
        let lost = self.losses_since(&before).map(|of| of.failures).into_iter().sum();
        self.measured.lost_after = Some(lost);
        self.screen.say(GOOD, format!("all well  {lost} requests lost"));
        self.screen.stage("");
    }

    /// Lets a while pass, within the limit of the whole.
    async fn pause(&self, length: Duration) {
        let until = (Instant::now() + length).min(self.started + WHOLE_WITHIN);
        tokio::time::sleep_until(until.into()).await;
    }

    /// Looks until there is something to see, within [`COMES_WITHIN`] and the limit of the whole.
    async fn wait<T>(&self, what: &str, look: impl Fn() -> Option<T>) -> Result<T, Missing> {
        let began = Instant::now();
        let deadline = (began + COMES_WITHIN).min(self.started + WHOLE_WITHIN);
        loop {
            if let Some(seen) = look() {
                return Ok(seen);
            }
            if Instant::now() >= deadline {
                let waited = began.elapsed().as_secs_f64();
                return Err(Missing(format!("{what} did not come within {waited:.0} s")));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// What each pool's callers have seen so far.
    fn losses(&self) -> [Tally; 2] {
        Side::ALL.map(|side| self.traffic.lane(side).tally())
    }

    fn losses_since(&self, before: &[Tally; 2]) -> [Tally; 2] {
        Side::ALL.map(|side| tally::since(*side.of(before), self.traffic.lane(side).tally()))
    }
}

/// What Azure calls the broken member of the helped pool.
fn broken() -> String {
    format!("{}-{BREAKS}", Side::Helped)
}

/// Whether a write takes all traffic from the broken member of the helped pool.
fn drains(write: &Write) -> bool {
    write.backend == Side::Helped.name() && write.weight(BREAKS) == Some(0)
}
