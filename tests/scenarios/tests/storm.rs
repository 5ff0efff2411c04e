//! Storms: very many webhooks that say mostly the same, and very many alerts that do not.
//!
//! What must hold: nothing that was answered with a 202 is lost; the writes to Azure grow with what
//! must change there and not with what is heard (I11); memory is bounded. How fast it goes is
//! printed.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use pointsman_emulator::Operation;
use pointsman_scenarios::{
    World,
    alerts::{Alert, webhook},
    sender::Sender,
    world::{DRAIN, Serve},
};
use rusqlite::{Connection, OpenFlags};
use tokio::{
    sync::{Mutex, watch},
    task::JoinSet,
};

/// How many webhooks a storm has.
const WEBHOOKS: usize = 10_000;

/// How many alerts each of them has.
const ALERTS: usize = 100;

/// How many connections send at a time.
const CONNECTIONS: usize = 32;

/// How often a webhook brings an alert that no other brings.
const DISTINCT_EVERY: usize = 100;

/// How many writes a storm over one pool may cost, and its end again: "a handful".
const WRITES_MAX: u64 = 4;

/// How much memory `serve` may ever have, built for debugging.
const MEMORY_BYTES_MAX: u64 = 160 << 20;

/// How long it may take until everything that was answered with a 202 is acted upon. Generous: the
/// machine may be busy, and the program is built for debugging.
const SETTLED_WITHIN: Duration = Duration::from_secs(120);

/// How often the store is looked at for what is waited for: seldom, since the look takes from what
/// is measured.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// One storm at a time, or neither rate would mean anything.
static ALONE: Mutex<()> = Mutex::const_new(());

/// How many lines of the ledger are asked for: all of them.
const LINES: &str = "1000000";

/// How many bytes what is stored of a pool may have, however many alerts are behind its overrides.
const DOCUMENT_BYTES_MAX: i64 = 32 << 10;

/// How many alerts are told of that are all different.
const DISTINCT: usize = 2_000;

/// How many pools the distinct alerts are spread over.
const POOLS: usize = 100;

/// How many writes a pool may cost while its two members fail, and again while they recover: one
/// for each, as they may be heard of apart.
const WRITES_PER_POOL_MAX: usize = 2;

/// What a storm took.
struct Took {
    time: Duration,
    /// How often a 503 asked to send again.
    again: u32,
}

/// Sends all of these over some connections, as fast as they are taken.
async fn storm(sender: &Sender, webhooks: Vec<Bytes>) -> Took {
    let began = Instant::now();
    let webhooks = Arc::new(webhooks);
    let (next, again) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicU32::new(0)));
    let mut connections = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let (webhooks, next, again) =
            (Arc::clone(&webhooks), Arc::clone(&next), Arc::clone(&again));
        let sender = sender.clone();
        connections.spawn(async move {
            while let Some(webhook) = webhooks.get(next.fetch_add(1, Ordering::Relaxed)) {
                let delivered = sender.deliver(webhook.clone()).await;
                assert_eq!(delivered.unanswered, 0, "serve answers always");
                again.fetch_add(delivered.unavailable, Ordering::Relaxed);
            }
        });
    }
    while let Some(connection) = connections.join_next().await {
        connection.expect("a connection sends to its end");
    }
    Took { time: began.elapsed(), again: again.load(Ordering::Relaxed) }
}

fn body(alerts: &[Alert]) -> Bytes {
    Bytes::from(webhook(alerts).to_string())
}

fn series(alerts: &[Alert]) -> BTreeSet<String> {
    alerts.iter().map(|alert| format!("prometheus/{}", alert.fingerprint)).collect()
}

/// The series that the ledger has a line of this kind of; each must have one and no more.
async fn told(world: &World, what: &str) -> BTreeSet<String> {
    let lines = world.lines(&["--lines", LINES]).await;
    let mut series = BTreeSet::new();
    for line in lines.iter().filter(|line| line["what"] == what) {
        let name = line["series"].as_str().expect("a series").to_owned();
        assert!(series.insert(name), "{line} is not the only one of its kind");
    }
    series
}

/// How many alerts are behind the overrides in force or held, of all backends.
async fn behind(world: &World) -> u64 {
    let status = world.json(&["status"]).await;
    let backends = status["backends"].as_array().expect("a list");
    let overrides = backends.iter().filter_map(|backend| backend["overrides"].as_array());
    overrides.flatten().filter_map(|over| over["alerts"]["count"].as_u64()).sum()
}

/// Waits until nothing is overridden any more.
async fn at_rest(world: &World) {
    all_behind(world, &BTreeSet::new()).await;
    world.at_rest().await;
}

/// Waits until as many alerts are behind overrides as there are series.
async fn all_behind(world: &World, heard: &BTreeSet<String>) {
    let asked = async {
        while behind(world).await != heard.len() as u64 {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    if tokio::time::timeout(SETTLED_WITHIN, asked).await.is_err() {
        panic!("in vain: every alert is behind an override\n{}", world.log());
    }
}

#[expect(clippy::print_stdout, reason = "the rate is what a person runs this test for")]
fn print(name: &str, webhooks: usize, alerts: usize, took: &Took, serve: &Serve) {
    let rate = |count: usize| (count as f64 / took.time.as_secs_f64()).round();
    println!(
        "{name}: {webhooks} webhooks in {:.1?}: {} webhooks/s, {} alerts/s; {} answered with 503; \
         {:.1?} of processors and {} MiB at the most",
        took.time,
        rate(webhooks),
        rate(alerts),
        took.again,
        serve.processor_time(),
        serve.memory_peak() >> 20,
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_webhooks_costs_a_handful_of_writes_and_loses_nothing() {
    let _alone = ALONE.lock().await;
    let world = World::new(DRAIN).await;
    let serve = world.serve(&[]).await;
    let sender = Sender::new(watch::channel(serve.url.clone()).1);
    let began = Timestamp::now();
    let member = |number: usize| if number.is_multiple_of(2) { "eu" } else { "us" };
    let alert = |name: &str, number: usize| Alert {
        fingerprint: format!("{name}-{number}"),
        ..Alert::firing(member(number), began)
    };

    // The other of a pair of Alertmanagers' Prometheuses has seen the alerts a moment later.
    let seen: Vec<Alert> = (0..ALERTS).map(|number| alert("same", number)).collect();
    let later = began + SignedDuration::from_millis(7);
    let seen_later: Vec<Alert> =
        seen.iter().cloned().map(|alert| Alert { started: later, ..alert }).collect();
    let (one, other) = (body(&seen), body(&seen_later));
    let mut all = seen.clone();
    let mut webhooks = Vec::with_capacity(WEBHOOKS);
    for number in 0..WEBHOOKS {
        webhooks.push(match number % DISTINCT_EVERY {
            50 => {
                let mut alerts = seen.clone();
                alerts[number % ALERTS] = alert("only", number);
                all.push(alerts[number % ALERTS].clone());
                body(&alerts)
            }
            even if even.is_multiple_of(2) => one.clone(),
            _ => other.clone(),
        });
    }
    let took = storm(&sender, webhooks).await;
    world.weights([0, 0, 20]).await;
    let heard = series(&all);
    all_behind(&world, &heard).await;
    assert_eq!(told(&world, "fired").await, heard);
    let writes = world.azure.view(|azure| azure.total(Operation::Patch));
    assert!(writes <= WRITES_MAX, "{writes} writes");

    let ended = Timestamp::now();
    let over: Vec<Alert> = all.into_iter().map(|alert| alert.resolved(ended)).collect();
    for alerts in over.chunks(ALERTS) {
        sender.deliver(body(alerts)).await;
    }
    world.weights([50, 30, 20]).await;
    at_rest(&world).await;
    assert_eq!(told(&world, "resolved").await, heard);
    let writes = world.azure.view(|azure| azure.total(Operation::Patch)) - writes;
    assert!(writes <= WRITES_MAX, "{writes} writes to undo it");

    let memory = serve.memory_peak();
    print("storm over one pool", WEBHOOKS, WEBHOOKS * ALERTS, &took, &serve);
    assert!(memory <= MEMORY_BYTES_MAX, "{memory} bytes of memory");
    assert!(serve.stop().await);
    world.finish();
}

/// How large the largest document in the store is, in bytes.
fn document_bytes(world: &World) -> i64 {
    let (path, how) = (world.path("pointsman.db"), OpenFlags::SQLITE_OPEN_READ_ONLY);
    let store = Connection::open_with_flags(path, how).expect("the store is opened");
    let query = "SELECT max(octet_length(body)) FROM documents";
    store.query_row(query, [], |row| row.get(0)).expect("there is a document")
}

#[tokio::test(flavor = "multi_thread")]
async fn alerts_that_say_the_same_are_one_override_however_many_they_are() {
    let _alone = ALONE.lock().await;
    let world = World::new(DRAIN).await;
    let serve = world.serve(&[]).await;
    let sender = Sender::new(watch::channel(serve.url.clone()).1);
    let began = Timestamp::now();
    let alert =
        |number| Alert { fingerprint: format!("same-{number}"), ..Alert::firing("eu", began) };
    let alerts: Vec<Alert> = (0..DISTINCT).map(alert).collect();
    let heard = series(&alerts);
    let took = storm(&sender, alerts.chunks(ALERTS).map(body).collect()).await;
    world.weights([0, 30, 20]).await;
    all_behind(&world, &heard).await;
    let status = world.ok(&["status"]).await;
    let lines: Vec<&str> = status.lines().filter(|line| line.contains("drain eu")).collect();
    assert_eq!(lines.len(), 1, "{status}");
    assert!(lines[0].contains("drain eu: 2,000 alerts, first "), "{status}");
    assert!(status.lines().count() < 20, "{status}");
    let bytes = document_bytes(&world);
    assert!(bytes <= DOCUMENT_BYTES_MAX, "{bytes} bytes of a document");
    let writes = world.azure.view(|azure| azure.total(Operation::Patch));
    assert!(writes <= WRITES_MAX, "{writes} writes");

    let ended = Timestamp::now();
    let over: Vec<Alert> = alerts.into_iter().map(|alert| alert.resolved(ended)).collect();
    storm(&sender, over.chunks(ALERTS).map(body).collect()).await;
    world.weights([50, 30, 20]).await;
    at_rest(&world).await;
    let bytes = document_bytes(&world);
    assert!(bytes <= DOCUMENT_BYTES_MAX, "{bytes} bytes of a document at rest");
    let writes = world.azure.view(|azure| azure.total(Operation::Patch)) - writes;
    assert!(writes <= WRITES_MAX, "{writes} writes to undo it");

    let memory = serve.memory_peak();
    print("alerts that say the same", DISTINCT / ALERTS, DISTINCT, &took, &serve);
    assert!(memory <= MEMORY_BYTES_MAX, "{memory} bytes of memory");
    assert!(serve.stop().await);
    world.finish();
}

/// The name of one of the many pools, whose members have names that begin with it.
fn pool(number: usize) -> String {
    format!("p{number:02}")
}

/// The many pools, with a play each.
fn playbook(world: &World) -> String {
    let service = world.azure.service();
    let mut pools = String::new();
    let mut plays = String::new();
    for pool in (0..POOLS).map(pool) {
        pools +=
            &format!("  {pool}: {{service: main, backend: {pool}, limits: {{leastMembers: 1}}}}\n");
        plays += &format!(
            "  - name: drain-{pool}
    when: signal.labels.backend.startsWith(\"{pool}-\")
    do: [{{drain: {{pool: {pool}, member: \"${{signal.labels.backend}}\"}}}}]\n"
        );
    }
    format!(
        "version: 1
services: {{main: {{subscription: {}, resourceGroup: {}, name: {}}}}}
pools:\n{pools}plays:\n{plays}",
        service.subscription(),
        service.resource_group(),
        service.name(),
    )
}

/// How often each of the many pools was written.
fn writes(world: &World) -> Vec<usize> {
    (0..POOLS).map(|number| world.azure.writes(pool(number).as_str()).len()).collect()
}

/// Waits until every one of the many pools has these weights.
async fn weighed(world: &World, wanted: [u32; 3]) {
    let waited = world.azure.wait_for(
        |azure| {
            (0..POOLS).all(|number| {
                let seats = azure.seats(pool(number).as_str());
                seats.iter().map(|seat| seat.weight).eq(wanted.map(Some))
            })
        },
        SETTLED_WITHIN,
    );
    if let Err(error) = waited.await {
        panic!("not every pool is {wanted:?}: {error}\n{}", world.log());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_grow_with_the_pools_and_not_with_the_alerts() {
    let _alone = ALONE.lock().await;
    let world = World::new("plays: []").await;
    for pool in (0..POOLS).map(pool) {
        let members = ["a", "b", "c"].map(|member| format!("{pool}-{member}"));
        for member in &members {
            world.azure.put_single(member.as_str(), "http://127.0.0.1:1").expect("a Single");
        }
        let seats = [(0, 40), (1, 30), (2, 30)];
        let seats = seats.map(|(at, weight)| (members[at].as_str(), Some(weight), None));
        world.azure.put_pool(pool.as_str(), &seats).expect("a pool");
    }
    world.azure.forget_requests();
    std::fs::write(world.path("playbook.yaml"), playbook(&world)).expect("a playbook is written");
    let serve = world.serve(&[]).await;
    let sender = Sender::new(watch::channel(serve.url.clone()).1);

    // Two of the three members of every pool fail, and ten alerts tell of each.
    let began = Timestamp::now();
    let alert = |number: usize| {
        let member = ["a", "b"][number / POOLS % 2];
        let alert = Alert::firing(&format!("{}-{member}", pool(number % POOLS)), began);
        Alert { fingerprint: format!("distinct-{number}"), ..alert }
    };
    let alerts: Vec<Alert> = (0..DISTINCT).map(alert).collect();
    let heard = series(&alerts);
    let clock = Instant::now();
    let took = storm(&sender, alerts.chunks(ALERTS).map(body).collect()).await;
    weighed(&world, [0, 0, 30]).await;
    all_behind(&world, &heard).await;
    let took = Took { time: clock.elapsed(), ..took };
    let drains = writes(&world);
    assert!(drains.iter().all(|count| *count <= WRITES_PER_POOL_MAX), "{drains:?}");

    let ended = Timestamp::now();
    let over: Vec<Alert> = alerts.into_iter().map(|alert| alert.resolved(ended)).collect();
    storm(&sender, over.chunks(ALERTS).map(body).collect()).await;
    weighed(&world, [40, 30, 30]).await;
    at_rest(&world).await;
    let back = writes(&world).into_iter().zip(drains).map(|(all, drains)| all - drains);
    let back: Vec<usize> = back.collect();
    assert!(back.iter().all(|count| *count <= WRITES_PER_POOL_MAX), "{back:?}");

    let memory = serve.memory_peak();
    print("distinct alerts over many pools", DISTINCT / ALERTS, DISTINCT, &took, &serve);
    assert!(memory <= MEMORY_BYTES_MAX, "{memory} bytes of memory");
    assert!(serve.stop().await);
    world.finish();
}
