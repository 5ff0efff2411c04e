//! The story, act by act: a maintenance window; a member that fails; one that fails now and then. At its
//! end everything is as its owner left it.
//!
//! The story breaks and heals members, and otherwise only looks; whatever moves traffic is the
//! functions' doing. Every wait has a limit and all have one together, so that the story ends in time
//! also where something never comes; what that was is part of what was measured.

mod breaker;
mod failure;
mod window;

use std::time::{Duration, Instant};

use pointsman_emulator::Tally;
use serde_json::Value;
use tokio::sync::watch;

use super::{
    Stage,
    ear::Told,
    narrate::Done,
    screen::{BAD, GOOD, PLAIN, Screen},
    site::{Health, Site},
    summary::{self, Measured},
    tally,
    traffic::{REQUESTS_PER_SECOND, Traffic},
    world::{Side, World, Write},
};

/// How long all is well between two acts, and at last.
const BREATH: Duration = Duration::from_secs(2);

/// How long all is well at last.
const AFTERWARDS: Duration = Duration::from_secs(4);

/// How long the helped pool is seen beside the other one, before the result is told.
const CONTRAST: Duration = Duration::from_secs(9);

/// How long anything that is waited for may take to come.
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
    /// When the maintenance window opens.
    opens: Instant,
    bodies: Vec<Value>,
    measured: Measured,
}

impl<'a> Story<'a> {
    pub(super) fn new(
        stage: &'a Stage,
        screen: &'a Screen,
        (started, opens): (Instant, Instant),
        seed: u64,
    ) -> Self {
        let Stage { world, traffic, heard, .. } = stage;
        let measured =
            Measured { seed, before: world.weights(Side::Helped), ..Measured::default() };
        let bodies = world.bodies();
        Self { world, traffic, heard, screen, started, opens, bodies, measured }
    }

    /// Plays it to its end, or to what does not come; gives what was measured.
    pub(super) async fn play(mut self) -> Measured {
        if let Err(Missing(what)) = self.acts().await {
            self.screen.say(BAD, format!("missing   {what}"));
            self.measured.missing = Some(what);
        }
        let is_ours = |write: &&Write| write.backend.starts_with("helped") && !write.foreign;
        self.measured.writes = self.heard.done.borrow().writes.iter().filter(is_ours).count();
        self.measured.after = self.world.weights(Side::Helped);
        self.measured.to_the_letter = self.is_to_the_letter();
        self.measured.losses = self.losses();
        self.measured.took = self.started.elapsed();
        self.measured
    }

    async fn acts(&mut self) -> Result<(), Missing> {
        let rate = REQUESTS_PER_SECOND;
        let weights = summary::weights(&self.measured.before);
        self.screen.say(PLAIN, format!("traffic   {rate} requests/s through each pool: {weights}"));
        self.window().await?;
        self.pause(BREATH).await;
        self.measured.lost_before = self.losses().map(|of| of.failures).into_iter().sum();
        self.failure().await?;
        self.pause(BREATH).await;
        self.breaker().await?;
        self.afterwards().await;
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

    /// From now on, this member of each pool answers so; gives their names.
    fn turn(&self, member: &str, health: Health) -> String {
        let turn = |site: &Site| {
            self.world.turn(site, health);
            site.backend.clone()
        };
        self.world.both(member).map(turn).collect::<Vec<_>>().join(" and ")
    }

    /// Whether every backend is as it was at the start.
    fn is_to_the_letter(&self) -> bool {
        self.world.bodies() == self.bodies
    }

    /// When the alert of a member of the helped pool arrived, once it has.
    async fn alerted(&self, member: &str) -> Result<Instant, Missing> {
        let backend = helped(member);
        let look = || self.heard.told.borrow().fired.get(&backend).copied();
        self.wait("the member's alert", look).await
    }

    /// When the end of that alert arrived, once it has.
    async fn resolved(&self, member: &str) -> Result<Instant, Missing> {
        let backend = helped(member);
        let look = || self.heard.told.borrow().resolved.get(&backend).copied();
        self.wait("the alert's end", look).await
    }

    /// When Azure received the first write that is so, once it has.
    async fn written(&self, what: &str, is: impl Fn(&Write) -> bool) -> Result<Instant, Missing> {
        let look = || {
            let done = self.heard.done.borrow();
            done.writes.iter().find(|write| is(write)).map(|write| write.at)
        };
        self.wait(what, look).await
    }

    /// Whether a write gives the pool that is helped its owner's weights.
    fn restores(&self, write: &Write) -> bool {
        write.backend == Side::Helped.name() && write.weights == self.measured.before
    }

    /// How many requests the member of each pool has got so far.
    fn got(&self, member: &str) -> [u64; 2] {
        let counted = self.world.counted().sites;
        let sites = self.world.sites.iter().zip(counted);
        let got = sites.filter(|(site, _)| site.member == member).map(|(_, of)| of.requests);
        let mut got = got.fuse();
        [(); 2].map(|()| got.next().unwrap_or_default())
    }

    /// How many since then.
    fn got_since(&self, member: &str, before: [u64; 2]) -> [u64; 2] {
        let [helped, alone] = self.got(member);
        [helped.saturating_sub(before[0]), alone.saturating_sub(before[1])]
    }

    /// Lets a while pass, within the limit of the whole.
    async fn pause(&self, length: Duration) {
        self.pause_until(Instant::now() + length).await;
    }

    async fn pause_until(&self, at: Instant) {
        tokio::time::sleep_until(at.min(self.started + WHOLE_WITHIN).into()).await;
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

/// What Azure calls a member of the helped pool.
fn helped(member: &str) -> String {
    format!("{}-{member}", Side::Helped)
}
