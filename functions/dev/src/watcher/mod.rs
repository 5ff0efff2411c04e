//! A small watcher that stands for Prometheus, its blackbox exporter and Alertmanager.
//!
//! It looks at the gateway's counters, probes each member directly, judges both by a [`rule`], and
//! sends genuine Alertmanager webhooks with bearer authentication: at every change, again at every
//! repeat interval while something fires, and again after a while where the answer was a 5xx or
//! there was none. It knows nothing of Pointsman but the address of its webhook.
//!
//! It watches one pool. The other one is served by the same gateway and fails in the same way, and
//! nobody is told. Where a folder is kept, the next watcher goes on with the alerts that this one knew.

mod rule;
mod webhook;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use pointsman_host::server::Stop;
use pointsman_view::with_causes;
use reqwest::{Client, header};
use tokio::{task::JoinHandle, time::MissedTickBehavior};

use self::{
    rule::{Look, Rule, Turn},
    webhook::{Alert, pairs},
};
use super::{
    Failed, folder,
    screen::{BAD, Screen},
    tally::{self, Window},
    world::{Side, World},
};

/// The pool that is watched.
const POOL: Side = Side::Helped;

/// Where the alerts are kept that it knows.
const ALERTS_FILE: &str = "watcher.json";

/// The name of the one alert that it knows.
pub(super) const ALERT: &str = "BackendErrors";

/// How much of a member's answers are errors, in percent, where its alert is critical; less is a warning.
const CRITICAL_PERCENT: f64 = 45.0;

/// How often it looks.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Over how long the error rate is taken.
const RATE_OVER: Duration = Duration::from_secs(3);

/// How many requests a rate needs to mean anything.
const RATE_REQUESTS_MIN: u64 = 5;

/// How often what fires is told again.
const REPEAT_EVERY: Duration = Duration::from_secs(5);

/// How long it waits after a webhook that was not taken; twice as long each time.
const RETRY_AFTER: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(5));

/// How long an answer to a webhook may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Where a webhook goes, and what proves who sends it. Not shown in Debug output, for the secret.
pub(super) struct Webhook {
    pub(super) url: String,
    pub(super) bearer: String,
}

struct Watcher {
    client: Client,
    world: Arc<World>,
    /// How each member stands, by its backend.
    rules: BTreeMap<String, Rule>,
    /// What the gateway had counted for each of the world's sites.
    counts: Window,
    webhook: Webhook,
    /// What fires, and what has ended and was not told yet, by backend.
    known: BTreeMap<String, Alert>,
    due: Option<Instant>,
    retry: Duration,
    screen: Screen,
    kept: Option<PathBuf>,
}

/// Watches the members of [`POOL`] in this world, until a stop is asked for.
pub(super) fn start(
    world: &Arc<World>,
    webhook: Webhook,
    kept: Option<&Path>,
    screen: Screen,
    stop: &Stop,
) -> Result<JoinHandle<()>, Failed> {
    let client = Client::builder().no_proxy().timeout(ANSWER_WITHIN).build()?;
    let known: BTreeMap<String, Alert> = folder::read(kept, ALERTS_FILE)?;
    let fires = known.iter().filter(|(_, alert)| alert.ended.is_none());
    let rules = fires.map(|(backend, _)| (backend.clone(), Rule::Firing { well_since: None }));
    let mut watcher = Watcher {
        client,
        world: Arc::clone(world),
        rules: rules.collect(),
        counts: Window::default(),
        webhook,
        // What ended may not have been told; what fires is told again.
        due: (!known.is_empty()).then(Instant::now),
        known,
        retry: RETRY_AFTER.0,
        screen,
        kept: kept.map(Path::to_owned),
    };
    let stop = stop.clone();
    Ok(tokio::spawn(async move {
        tokio::select! {
            () = stop.asked() => {}
            () = watcher.watch() => {}
        }
    }))
}

/// A body that says that so much of what a member gets fails since `started`, to plan by.
pub(super) fn example(
    backend: &str,
    percent: f64,
    started: Timestamp,
) -> serde_json::Result<String> {
    let alert = alert(backend, percent, started);
    serde_json::to_string_pretty(&webhook::body("http://127.0.0.1:9090/graph", &[&alert]))
}

fn alert(backend: &str, percent: f64, started: Timestamp) -> Alert {
    let summary = format!("{percent:.0}% of what {POOL} sends to {backend} fails");
    Alert {
        labels: pairs(&[
            ("alertname", ALERT),
            ("pool", POOL.name()),
            ("backend", backend),
            ("severity", if percent > CRITICAL_PERCENT { "critical" } else { "warning" }),
        ]),
        annotations: pairs(&[("summary", &summary)]),
        started,
        ended: None,
    }
}

impl Watcher {
    async fn watch(&mut self) {
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.look().await;
            if self.due.is_some_and(|due| Instant::now() >= due) {
                self.tell().await;
            }
        }
    }

    /// Looks at every member, and takes note of what has changed.
    async fn look(&mut self) {
        let (world, percents) = (Arc::clone(&self.world), self.percents());
        let mut news = false;
        let sites = world.sites.iter().zip(percents);
        for (site, percent) in sites.filter(|(site, _)| site.side == POOL) {
            let (backend, probe_fails) = (&site.backend, !site.answers_well(&self.client).await);
            let rule = self.rules.entry(backend.clone()).or_default();
            let Some(turn) = rule.look(Instant::now(), Look { percent, probe_fails }) else {
                continue;
            };
            let now = Timestamp::now();
            match (turn, self.known.get_mut(backend)) {
                (Turn::Fires, _) => {
                    let alert = alert(backend, percent.unwrap_or_default(), now);
                    self.known.insert(backend.clone(), alert);
                }
                (Turn::Ends, Some(known)) => known.ended = Some(now),
                (Turn::Ends, None) => continue,
            }
            self.due = Some(Instant::now());
            news = true;
        }
        if news {
            self.keep();
        }
    }

    /// Keeps what is known, for the next one to go on with.
    fn keep(&self) {
        if let Err(error) = folder::write(self.kept.as_deref(), ALERTS_FILE, &self.known) {
            let text = format!("watch     a restart will not know of this: {error}");
            self.screen.say(BAD, text);
        }
    }

    /// The error rate, in percent, of each of the world's sites that got enough requests of late.
    fn percents(&mut self) -> Vec<Option<f64>> {
        let counts = self.world.counted().sites;
        let (_, sent) = self.counts.take(RATE_OVER, Instant::now(), counts);
        sent.into_iter().map(|sent| tally::percent(sent, RATE_REQUESTS_MIN)).collect()
    }

    /// Sends all that is known, as one group.
    async fn tell(&mut self) {
        let began = Instant::now();
        if let Err(why) = self.send().await {
            self.screen.say(BAD, format!("webhook   not taken, sent again soon: {why}"));
            self.due = Some(Instant::now() + self.retry);
            self.retry = (self.retry * 2).min(RETRY_AFTER.1);
            return;
        }
        // What has ended is forgotten, now that it was told.
        let count = self.known.len();
        self.known.retain(|_, alert| alert.ended.is_none());
        if self.known.len() < count {
            self.keep();
        }
        self.retry = RETRY_AFTER.0;
        self.due = (!self.known.is_empty()).then(|| began + REPEAT_EVERY);
    }

    async fn send(&self) -> Result<(), String> {
        let alerts: Vec<&Alert> = self.known.values().collect();
        let condition = format!("{}/metrics", self.world.azure.gateway_url());
        let request = self
            .client
            .post(&self.webhook.url)
            .bearer_auth(&self.webhook.bearer)
            .header(header::USER_AGENT, "Alertmanager/0.28.1")
            .json(&webhook::body(&condition, &alerts));
        let answer = request.send().await.map_err(|error| with_causes(&error.without_url()))?;
        match answer.status() {
            status if status.is_success() => Ok(()),
            status => Err(format!("{status} {}", answer.text().await.unwrap_or_default().trim())),
        }
    }
}
