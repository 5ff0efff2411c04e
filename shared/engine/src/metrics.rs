//! What is measured, for Prometheus: every name, with its help, and how it is counted.
//!
//! Counters are the process's own and cost an addition where something happens. What the store knows is
//! read when it is asked for, and made anew each time, so that nothing is shown of what is gone. Labels
//! are the names of the configuration and the playbook, and words of this module.

use std::sync::LazyLock;

use jiff::Timestamp;
use pointsman_core::{
    answer::Answer,
    document::{Document, Intent},
    group::Paused,
    id::IntentId,
    ledger::{Line, What},
    names::BackendId,
    notice::{Kind, Notices, SERVE, Sort},
    overrides::{Held, Life, Override, Standing},
};
use prometheus::{
    Encoder as _, GaugeVec, Histogram, HistogramOpts, IntCounterVec, Opts, Registry, TextEncoder,
    core::Collector, proto::MetricFamily,
};

use crate::{
    engine::Engine,
    ports::{Commit, QueueError, StoreError},
};

/// A metric: its name, its help, and its labels.
type Metric = (&'static str, &'static str, &'static [&'static str]);

const RECEIVED: Metric = (
    "pointsman_alerts_received_total",
    "Alerts in the deliveries of a source that were taken.",
    &["source"],
);
const ALERTS: Metric = (
    "pointsman_alerts_total",
    "What alerts came to, by source and outcome; one alert may come to several.",
    &["source", "outcome"],
);
const REFUSED: Metric = (
    "pointsman_deliveries_refused_total",
    "Deliveries that were refused, by source and HTTP status.",
    &["source", "status"],
);
const WRITES: Metric =
    ("pointsman_writes_total", "Writes to Azure, by what was answered.", &["answer"]);
const WRITTEN_AFTER: Metric = (
    "pointsman_alert_to_write_seconds",
    "Time from when an alert was taken in to the answer of the write that its override began with.",
    &[],
);
const HEARTBEATS: Metric = (
    "pointsman_heartbeats_total",
    "Calls of the heartbeat's address, and how often it was not called as something was not well.",
    &["result"],
);
const OVERRIDES: Metric = ("pointsman_overrides", "Overrides, by how they stand.", &["standing"]);
const HELD: Metric =
    ("pointsman_overrides_held", "Overrides that are held, by what holds them.", &["reason"]);
const QUEUED: Metric =
    ("pointsman_queue_messages", "Messages that were stored and not taken in yet.", &[]);
const OLDEST: Metric =
    ("pointsman_queue_oldest_seconds", "Age of the oldest of them; 0 where there is none.", &[]);
const DEAD_LETTERS: Metric =
    ("pointsman_dead_letters", "What could not be used, and is kept for a person.", &[]);
const PANIC: Metric = (
    "pointsman_panic",
    "Whether a pool that has a `panic` is in it: nothing is drained for alerts.",
    &["pool"],
);
const BLIND: Metric = (
    "pointsman_blind",
    "Whether a service of Azure cannot be read, as the latest check has found.",
    &["service"],
);
const WATCHDOG: Metric = (
    "pointsman_watchdog_heard_timestamp_seconds",
    "When a source's watchdog was last heard, in seconds since 1970.",
    &["source"],
);
const STARTED: Metric =
    ("pointsman_started_timestamp_seconds", "When it was started, in seconds since 1970.", &[]);
const PAUSED: Metric = ("pointsman_paused", "Whether a pause is on.", &[]);
const TOKENS: Metric = (
    "pointsman_azure_tokens",
    "Requests that Azure Resource Manager would still take at once, as far as is known.",
    &["subscription", "kind"],
);

/// From a write without a read to an outage of Azure, in seconds.
const WRITTEN_AFTER_BUCKETS: [f64; 13] =
    [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0];

struct Counters {
    received: IntCounterVec,
    alerts: IntCounterVec,
    refused: IntCounterVec,
    writes: IntCounterVec,
    written_after: Histogram,
    heartbeats: IntCounterVec,
}

/// Of the whole process, as the log is.
static COUNTERS: LazyLock<Counters> = LazyLock::new(|| Counters {
    received: counter(RECEIVED),
    alerts: counter(ALERTS),
    refused: counter(REFUSED),
    writes: counter(WRITES),
    written_after: {
        let (name, help, _) = WRITTEN_AFTER;
        let options = HistogramOpts::new(name, help).buckets(WRITTEN_AFTER_BUCKETS.to_vec());
        Histogram::with_opts(options).expect("the name and the buckets are sound")
    },
    heartbeats: counter(HEARTBEATS),
});

fn counter((name, help, labels): Metric) -> IntCounterVec {
    IntCounterVec::new(Opts::new(name, help), labels).expect("the names are sound")
}

/// Counts alerts of a source that were taken.
pub fn received(source: &str, many: usize) {
    COUNTERS.received.with_label_values(&[source]).inc_by(many as u64);
}

/// Counts alerts of a source that came to something: a word of this program.
pub fn alerts(source: &str, outcome: &str, many: u64) {
    COUNTERS.alerts.with_label_values(&[source, outcome]).inc_by(many);
}

/// Counts a delivery that was refused.
pub fn refused(source: &str, status: u16) {
    COUNTERS.refused.with_label_values(&[source, &status.to_string()]).inc();
}

/// Counts a call of the heartbeat's address: `called`, `failed` or `withheld`.
pub fn heartbeat(result: &str) {
    COUNTERS.heartbeats.with_label_values(&[result]).inc();
}

/// Counts what a commit that was made tells of alerts.
pub(crate) fn saved(commit: &Commit) {
    for Line { what, .. } in &commit.lines {
        #[expect(clippy::wildcard_enum_match_arm, reason = "the other lines tell of no alert")]
        let (series, outcome) = match what {
            What::Fired { series, .. } => (series, "fired"),
            What::Resolved { series, .. } => (series, "resolved"),
            _ => continue,
        };
        alerts(series.source().as_str(), outcome, 1);
    }
    for (about, notice) in commit.notices.iter() {
        // The others are counted where they are refused or heard, or are a state.
        if let Sort::Alert { .. } | Sort::Unresolved = about.kind.sort() {
            alerts(&about.subject, &about.kind.to_string(), notice.count);
        }
    }
}

/// Counts a write that was answered, and how long the alerts had to wait for it.
pub(crate) fn answered(
    answer: &Answer,
    document: Option<&Document>,
    intent: &IntentId,
    now: Timestamp,
) {
    let word = match answer {
        Answer::Written { .. } => "written",
        Answer::CameFirst { .. } => "cameFirst",
        Answer::Deleted => "deleted",
        Answer::Outrun => "outrun",
        Answer::Overtaken => "overtaken",
        Answer::Refused { .. } => "refused",
        Answer::Throttled { .. } => "throttled",
        Answer::NotSent { .. } => "notSent",
        Answer::Unknown { .. } => "unknown",
    };
    COUNTERS.writes.with_label_values(&[word]).inc();
    let (Answer::Written { .. }, Some(document)) = (answer, document) else { return };
    let Some(intent) = document.intents.iter().find(|it| it.id == *intent) else { return };
    for asked in document.overrides.values().filter_map(|over| begun_with(over, intent)) {
        COUNTERS.written_after.observe(now.duration_since(asked).as_secs_f64().max(0.0));
    }
}

/// When alerts first asked for an override, where it begins with this write.
fn begun_with(over: &Override, intent: &Intent) -> Option<Timestamp> {
    let Life::Begun { at, .. } = over.life else { return None };
    over.origin.play()?;
    let first = over.behind.known().values().map(|asked| asked.since).min();
    first.filter(|_| at == intent.at)
}

/// How an override stands, in a word.
const fn standing(over: &Override) -> &'static str {
    match (&over.life, &over.standing) {
        (Life::Ended { .. }, _) => "ending",
        (_, Standing::Held(Held::Shadow { .. })) => "shadow",
        (_, Standing::Held(_)) => "held",
        (_, Standing::Yielded) => "yielded",
        (Life::Begun { .. }, Standing::Admitted) => "inForce",
        (Life::Begun { .. }, Standing::Unseen) | (Life::Claimed { .. }, _) => "claimed",
    }
}

/// What holds an override, in a word.
const fn reason(held: &Held) -> &'static str {
    match held {
        Held::Members { .. } => "members",
        Held::Share { .. } => "share",
        Held::Capacity { .. } => "capacity",
        Held::Uncertain { .. } => "uncertain",
        Held::MostOut { .. } => "mostOut",
        Held::MostOutOfTag { .. } => "mostOutOfTag",
        Held::Together { .. } => "neverTogether",
        Held::Panic { .. } => "panic",
        Held::Emptied => "emptied",
        Held::NoMember(_) => "noMember",
        Held::MixedWeights => "mixedWeights",
        Held::NothingServes => "nothingServes",
        Held::SwitchedOff => "switchedOff",
        Held::NoBackend => "noBackend",
        Held::NotAPool => "notAPool",
        Held::NotASingle => "notASingle",
        Held::Unmade(_) => "unmade",
        Held::Full => "full",
        Held::Ahead => "ahead",
        Held::NoProperty(_) => "noProperty",
        Held::Unreadable(_) => "unreadable",
        Held::Paused | Held::PausedUntil(_) => "paused",
        Held::PoolPaused { .. } => "poolPaused",
        Held::PlayPaused { .. } => "playPaused",
        Held::Frozen { .. } => "frozen",
        Held::OutOfHours { .. } => "outOfHours",
        Held::OverBudget { .. } => "overBudget",
        Held::ManyWrites { .. } => "manyWrites",
        Held::Lasting { .. } => "lasting",
        Held::Count { .. } => "count",
        Held::Shadow { .. } => "shadow",
        Held::Unless { .. } => "unless",
    }
}

/// What is read when it is asked for.
#[derive(Default)]
struct Gauges(Vec<MetricFamily>);

impl Gauges {
    /// Adds a metric with these values, each with its labels.
    fn add<'a>(
        &mut self,
        (name, help, labels): Metric,
        values: impl IntoIterator<Item = (Vec<&'a str>, f64)>,
    ) {
        let gauge = GaugeVec::new(Opts::new(name, help), labels).expect("the names are sound");
        for (labels, value) in values {
            gauge.with_label_values(&labels).add(value);
        }
        self.0.extend(gauge.collect());
    }

    fn one(&mut self, metric: Metric, value: f64) {
        self.add(metric, [(Vec::new(), value)]);
    }
}

/// Why there is nothing to show.
#[derive(Debug, thiserror::Error)]
pub enum Unmeasured {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The queue.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// It cannot be written as text.
    #[error("{0}")]
    Text(#[from] prometheus::Error),
}

#[expect(clippy::cast_precision_loss, reason = "numbers for people")]
const fn real(number: u64) -> f64 {
    number as f64
}

fn seconds(at: Timestamp) -> f64 {
    at.duration_since(Timestamp::UNIX_EPOCH).as_secs_f64()
}

impl Engine {
    /// All that is measured, as Prometheus reads it. `tokens` are what is left in Azure's buckets, each
    /// with its subscription and its kind.
    ///
    /// # Errors
    /// When the store or the queue is not to be had.
    pub async fn metrics(
        &self,
        tokens: &[(String, &'static str, u32)],
    ) -> Result<String, Unmeasured> {
        let (store, queue) = (self.store(), &self.inner.queue);
        let (documents, notices) = (store.documents().await?, store.notices().await?);
        let now = self.now();
        let mut gauges = Gauges::default();
        let overrides = || documents.iter().flat_map(|document| document.body.overrides.values());
        let none = ["inForce", "held", "shadow", "claimed", "yielded", "ending"]
            .map(|word| (vec![word], 0.0));
        gauges.add(
            OVERRIDES,
            none.into_iter().chain(overrides().map(|over| (vec![standing(over)], 1.0))),
        );
        gauges.add(
            HELD,
            overrides().filter_map(|over| match &over.standing {
                Standing::Held(held) if !held.is_shadow() => Some((vec![reason(held)], 1.0)),
                Standing::Held(_) | Standing::Unseen | Standing::Admitted | Standing::Yielded => {
                    None
                }
            }),
        );
        gauges.one(QUEUED, real(queue.depth().await?));
        let oldest = queue.oldest().await?;
        let age = oldest.map_or(0.0, |oldest| now.duration_since(oldest).as_secs_f64().max(0.0));
        gauges.one(OLDEST, age);
        gauges.one(DEAD_LETTERS, real(store.count_dead_letters().await?));
        let paused = crate::pause::paused(store, [Paused::Everything], now).await?;
        gauges.one(PAUSED, f64::from(u8::from(!paused.is_empty())));
        let playbook = self.playbook().await.ok();
        if let Some(playbook) = &playbook {
            let pools = playbook.playbook.pools.iter();
            let pools = pools.filter(|(_, pool)| pool.terms.limits.panic.is_some());
            let in_panic = |backend: &BackendId| {
                let mut in_panic = documents.iter().filter(|one| one.body.panic.is_some());
                in_panic.any(|one| one.body.backend == *backend)
            };
            gauges.add(
                PANIC,
                pools.map(|(alias, pool)| {
                    (vec![alias.as_str()], f64::from(u8::from(in_panic(&pool.backend))))
                }),
            );
        }
        if let (Some(blind), Some(playbook)) = (self.blind(), &playbook) {
            let services = playbook.playbook.services.keys();
            gauges.add(
                BLIND,
                services.map(|service| {
                    let is_blind = blind.contains_key(service);
                    (vec![service.as_str()], f64::from(u8::from(is_blind)))
                }),
            );
        }
        of_notices(&mut gauges, &notices);
        let tokens = tokens.iter();
        gauges.add(
            TOKENS,
            tokens.map(|(subscription, kind, left)| {
                (vec![subscription.as_str(), *kind], f64::from(*left))
            }),
        );
        let mut families = counted()?;
        // What has no value has no lines, and no help that stands alone.
        families.extend(gauges.0.into_iter().filter(|family| !family.get_metric().is_empty()));
        let mut text = Vec::new();
        TextEncoder::new().encode(&families, &mut text)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}

fn of_notices(gauges: &mut Gauges, notices: &Notices) {
    let heard = notices.iter().filter(|(about, _)| about.kind == Kind::Watchdog);
    gauges.add(
        WATCHDOG,
        heard.map(|(about, notice)| (vec![about.subject.as_str()], seconds(notice.latest))),
    );
    if let Some(started) = notices.get(Kind::Started, SERVE) {
        gauges.one(STARTED, seconds(started.latest));
    }
}

/// What was counted since the process began.
fn counted() -> Result<Vec<MetricFamily>, prometheus::Error> {
    let Counters { received, alerts, refused, writes, written_after, heartbeats } = &*COUNTERS;
    let registry = Registry::new();
    for counter in [received, alerts, refused, writes, heartbeats] {
        registry.register(Box::new(counter.clone()))?;
    }
    registry.register(Box::new(written_after.clone()))?;
    Ok(registry.gather())
}
