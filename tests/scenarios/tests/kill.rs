//! `kill -9` at any moment of `serve`, and a restart: the end is that of no kill.
//!
//! One script of alerts over three pools is played twice. Once to a `serve` that is left alone, and
//! once to one that is killed again and again, at moments that are chosen by the time that has
//! passed and by what Azure or the sender have just seen, and started anew on the same store. Where
//! the script pauses, both must have come to the same; and at the end of it everything is as its
//! owner left it, and the ledger of the one that was killed tells of each thing once.
//!
//! `POINTSMAN_SEED` repeats a run's choices; it is printed where a run fails.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};
use pointsman_emulator::{Effect, Fault, Match, Operation, View, fault::Kind};
use pointsman_scenarios::{
    World,
    alerts::{Alert, webhook},
    evidence::Ledger,
    sender::Sender,
    world::{Serve, TOKEN},
};
use serde_json::{Value, json};
use tokio::{
    io::AsyncWriteExt as _,
    net::TcpStream,
    sync::{Semaphore, watch},
};

/// How often alerts come and go in the script.
const ROUNDS: usize = 4;

/// How often `serve` is killed while the alerts of a round come, and again while they go.
const KILLS: usize = 18;

/// How long a moment is waited for before the kill comes without it.
const PATIENCE: Duration = Duration::from_millis(250);

/// How often the store is looked at for what is waited for.
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// How long Azure takes over a write during which `serve` is killed: it lands when the next one
/// has started, or while it starts.
const SLOW: Duration = Duration::from_millis(120);

/// How long it may take after the last kill until what was interrupted is done. Far less than the
/// time after which every backend is looked at anyhow: a kill must not cost a minute.
const WITHIN: Duration = Duration::from_secs(15);

/// How many steps the plays' ramps have, the whole included.
const STEPS: usize = 3;

/// A pool's name, and the weight that each of its members has.
type Weighted = (&'static str, [(&'static str, Option<u32>); 3]);

/// The pools.
const POOLS: [Weighted; 3] = [
    ("chat", [("eu", Some(50)), ("us", Some(30)), ("ap", Some(20))]),
    // Cannot express a step of a ramp without being scaled.
    ("mail", [("mail-eu", Some(1)), ("mail-us", Some(1)), ("mail-ap", Some(1))]),
    // Have no weights, and must have none at the end.
    ("docs", [("docs-eu", None), ("docs-us", None), ("docs-ap", None)]),
];

/// What the script's alerts do to a pool.
fn playbook(world: &World) -> String {
    let service = world.azure.service();
    let mut text = format!(
        "version: 1\n\
         services: {{main: {{subscription: {}, resourceGroup: {}, name: {}}}}}\n",
        service.subscription(),
        service.resource_group(),
        service.name(),
    );
    text.push_str("pools:\n");
    for (pool, _) in POOLS {
        text.push_str(&format!(
            "  {pool}: {{service: main, backend: {pool}, limits: {{leastMembers: 1}}}}\n"
        ));
    }
    text.push_str("plays:\n");
    for (pool, members) in POOLS {
        let names: Vec<String> = members.iter().map(|(name, _)| format!("{name:?}")).collect();
        text.push_str(&format!(
            "  - name: drain-{pool}
    when: signal.labels.alertname == \"BackendErrors\" && signal.labels.backend in [{}]
    do: [{{drain: {{pool: {pool}, member: \"${{signal.labels.backend}}\"}}}}]
    hold: 100ms
    ramp: {{steps: [25%, 50%], every: 120ms}}
    after: [{{reconnect: {{backend: \"${{signal.labels.backend}}\", after: PT2M}}}}]\n",
            names.join(", ")
        ));
    }
    text
}

async fn world() -> World {
    let world = World::new("plays: []").await;
    for (pool, members) in &POOLS[1..] {
        for (member, _) in members {
            world.azure.put_single(*member, "http://127.0.0.1:1").expect("a Single");
        }
        let members = members.map(|(name, weight)| (name, weight, None));
        world.azure.put_pool(*pool, &members).expect("a pool");
    }
    world.azure.forget_requests();
    std::fs::write(world.path("playbook.yaml"), playbook(&world)).expect("a playbook is written");
    world
}

/// A time at which some alerts come, and later go.
struct Round {
    /// The webhooks that tell of the alerts, in order.
    come: Vec<Bytes>,
    /// How many members fail.
    failing: usize,
    /// The webhooks that tell of their end, in order.
    go: Vec<Bytes>,
}

/// Puts alerts into webhooks of a few, and repeats some of those.
fn webhooks(rng: &mut Rng, alerts: &[Alert]) -> Vec<Bytes> {
    let mut alerts = alerts.to_vec();
    rng.shuffle(&mut alerts);
    let mut sent = Vec::new();
    let mut rest = alerts.as_slice();
    while !rest.is_empty() {
        let (some, others) = rest.split_at(rng.usize(1..=rest.len().min(3)));
        let body = Bytes::from(webhook(some).to_string());
        sent.extend(std::iter::repeat_n(body, rng.usize(1..=3)));
        rest = others;
    }
    sent
}

/// The script. Its times are the sources', and have all passed before it begins; but not long before, for
/// what is heard long after its end is on again.
fn script(rng: &mut Rng, now: Timestamp) -> Vec<Round> {
    let round = |number: usize| {
        let began = now - SignedDuration::from_millis(10_000 - 200 * number as i64);
        let mut alerts = Vec::new();
        for (_, members) in POOLS {
            let mut names = members.map(|(name, _)| name);
            rng.shuffle(&mut names);
            alerts
                .extend(names.iter().take(rng.usize(1..=2)).map(|name| Alert::firing(name, began)));
        }
        // The other Prometheus of a pair saw them a moment later.
        let paired = alerts.iter().cloned();
        let paired =
            paired.map(|alert| Alert { started: began + SignedDuration::from_millis(3), ..alert });
        let paired: Vec<Alert> = paired.collect();
        let ended = began + SignedDuration::from_millis(100);
        let over: Vec<Alert> = alerts.iter().map(|alert| alert.clone().resolved(ended)).collect();
        let mut come = webhooks(rng, &alerts);
        come.extend(webhooks(rng, &paired));
        let mut go = webhooks(rng, &over);
        // What comes after its end does nothing.
        go.extend(webhooks(rng, &alerts));
        Round { come, failing: alerts.len(), go }
    };
    (0..ROUNDS).map(round).collect()
}

/// A moment to kill.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// This long after it listens.
    After(Duration),
    /// This long after its process was started.
    Starting(Duration),
    /// Azure has received a write, has not done it yet, and will.
    WriteReceived,
    /// Azure has done a write; its answer is on its way.
    Written,
    /// Azure was asked how a backend is.
    Read,
    /// Azure was asked for a reconnect.
    Reconnect,
    /// A webhook was answered.
    Taken,
    /// Half of a webhook was sent.
    Half,
}

impl Moment {
    fn any(rng: &mut Rng) -> Self {
        let soon = Duration::from_millis(rng.u64(0..250));
        match rng.u8(0..10) {
            0 | 1 => Self::After(soon),
            2 => Self::Starting(soon / 2),
            3 | 4 => Self::WriteReceived,
            5 => Self::Written,
            6 => Self::Read,
            7 => Self::Reconnect,
            8 => Self::Taken,
            _ => Self::Half,
        }
    }
}

/// How many writes Azure has done for its clients.
fn written(azure: &View<'_>) -> usize {
    let writes = POOLS.iter().flat_map(|(pool, _)| azure.writes(*pool));
    writes.filter(|write| matches!(write.effect, Effect::Written { .. })).count()
}

/// Who plays a script to a world.
struct Player {
    world: World,
    url: watch::Sender<String>,
    sender: Sender,
    /// How many webhooks were taken.
    taken: Arc<watch::Sender<usize>>,
}

impl Player {
    async fn new() -> Self {
        let world = world().await;
        let url = watch::Sender::new("http://127.0.0.1:1".to_owned());
        let sender = Sender::new(url.subscribe());
        Self { world, url, sender, taken: Arc::new(watch::Sender::new(0)) }
    }

    /// Has some webhooks sent, in order and each until it is taken, killing meanwhile. Gives the
    /// `serve` that was started after the last kill.
    async fn play(&self, rng: &mut Rng, webhooks: &[Bytes], kills: usize) -> Serve {
        let permits = Arc::new(Semaphore::new(0));
        let sending = tokio::spawn({
            let (sender, webhooks) = (self.sender.clone(), webhooks.to_vec());
            let (permits, taken) = (Arc::clone(&permits), Arc::clone(&self.taken));
            async move {
                for webhook in webhooks {
                    permits.acquire().await.expect("it is never closed").forget();
                    sender.deliver(webhook).await;
                    taken.send_modify(|count| *count += 1);
                }
            }
        });
        for life in 0..kills {
            // So that something is heard in every life, and the last of it in the last.
            let share =
                webhooks.len() * (life + 1) / (kills + 1) - webhooks.len() * life / (kills + 1);
            let moment = Moment::any(rng);
            if let Moment::Starting(after) = moment {
                permits.add_permits(share);
                self.kill_at_start(after).await;
                continue;
            }
            let serve = self.serve().await;
            self.until(rng, moment, &serve, webhooks, || permits.add_permits(share)).await;
            serve.kill().await;
        }
        let serve = self.serve().await;
        permits.add_permits(webhooks.len());
        sending.await.expect("everything is sent");
        serve
    }

    async fn serve(&self) -> Serve {
        let serve = self.world.serve(&[]).await;
        self.url.send_replace(serve.url.clone());
        serve
    }

    async fn kill_at_start(&self, after: Duration) {
        let mut command = self.world.command(&["serve"]);
        let quiet = command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        let mut child = quiet.spawn().expect("serve can be started");
        let _ = tokio::time::timeout(after, child.wait()).await;
        child.kill().await.expect("it can be killed");
    }

    /// Lets things go on until the moment has come, or does not come in time.
    async fn until(
        &self,
        rng: &mut Rng,
        moment: Moment,
        serve: &Serve,
        webhooks: &[Bytes],
        go_on: impl FnOnce(),
    ) {
        let azure = &self.world.azure;
        let total = |operation| azure.view(|azure| azure.total(operation));
        let more = async |operation| {
            let before = total(operation);
            let _ = azure.wait_for(|azure| azure.total(operation) > before, PATIENCE).await;
        };
        match moment {
            Moment::Starting(_) => {}
            Moment::After(after) => {
                go_on();
                // The kill comes by the clock here, whatever is going on.
                tokio::time::sleep(after).await;
            }
            Moment::WriteReceived => {
                let slow = azure.inject(Fault::once(Match::writes(), Kind::Latency { by: SLOW }));
                go_on();
                more(Operation::Patch).await;
                azure.clear(slow);
            }
            Moment::Written => {
                let before = azure.view(written);
                go_on();
                let _ = azure.wait_for(|azure| written(azure) > before, PATIENCE).await;
            }
            Moment::Read => {
                go_on();
                more(Operation::Get).await;
            }
            Moment::Reconnect => {
                go_on();
                more(Operation::Reconnect).await;
            }
            Moment::Taken => {
                let mut taken = self.taken.subscribe();
                taken.mark_unchanged();
                go_on();
                let _ = tokio::time::timeout(PATIENCE, taken.changed()).await;
            }
            Moment::Half => {
                go_on();
                let body = rng.choice(webhooks).expect("there are some");
                let half = &body[..rng.usize(..body.len())];
                let address = serve.url.strip_prefix("http://").expect("it is plain");
                let mut stream = TcpStream::connect(address).await.expect("serve listens");
                let head = format!(
                    "POST /alerts/prometheus HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {TOKEN}\r\n\
                     Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
                    body.len()
                );
                stream.write_all(head.as_bytes()).await.expect("serve reads");
                stream.write_all(half).await.expect("serve reads");
            }
        }
    }

    /// What is remembered of every pool, without the times.
    async fn state(&self) -> BTreeMap<String, Value> {
        let status = self.world.json(&["status"]).await;
        let backends = status["backends"].as_array().expect("a list");
        let state = backends.iter().map(|document| {
            let overrides = document["overrides"].as_array().expect("a list").iter();
            let overrides = overrides.map(|over| {
                let id = over["id"].as_str().expect("an id").to_owned();
                (id, json!([over["series"], over["effect"], over["standing"]["kind"]]))
            });
            let overrides: serde_json::Map<String, Value> = overrides.collect();
            let backend = document["backend"].as_str().expect("a backend").to_owned();
            let (fields, open) = (&document["fields"], &document["writes"]);
            (backend, json!({"overrides": overrides, "fields": fields, "open": open}))
        });
        state.collect()
    }

    /// Waits until this many overrides are in force, and nothing is open.
    async fn drained(&self, count: usize) -> BTreeMap<String, Value> {
        self.soon("every failing member is drained", async || {
            let state = self.state().await;
            let overrides = state.values().filter_map(|it| it["overrides"].as_object());
            let begun = overrides.flat_map(serde_json::Map::values);
            let begun = begun.filter(|over| over[2] == "inForce").count();
            begun == count && state.values().all(|it| it["open"] == json!([]))
        })
        .await;
        self.state().await
    }

    /// Waits until something is so, which must not take long.
    async fn soon(&self, what: &str, so: impl AsyncFn() -> bool) {
        let asked = async {
            while !so().await {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        if tokio::time::timeout(WITHIN, asked).await.is_err() {
            let status = self.world.ok(&["status", "--json"]).await;
            let history = self.world.ok(&["history", "--lines", "60"]).await;
            panic!("not within {WITHIN:?}: {what}\n{}\n{status}\n{history}", Timestamp::now());
        }
    }

    /// Waits until nothing is left of what was done, and every reconnect was asked for.
    async fn restored(&self) {
        self.soon("everything is restored", async || {
            let status = self.world.json(&["status"]).await;
            status["backends"].as_array().expect("a list").iter().all(|document| {
                let mut reconnects = document["reconnects"].as_array().expect("a list").iter();
                ["overrides", "fields", "writes"].iter().all(|part| document[part] == json!([]))
                    && reconnects.all(|one| one["asked"] != json!([]))
            })
        })
        .await;
    }

    /// The pools, to the letter.
    fn pools(&self) -> Vec<Value> {
        POOLS
            .iter()
            .map(|(pool, _)| self.world.azure.backend(*pool).expect("it is there").body)
            .collect()
    }
}

/// What a pool's writes may be at most: one for each override that began, and one for each step of
/// each that ended.
fn check_writes(player: &Player, ledger: &Ledger) {
    for (pool, _) in POOLS {
        let about = |what| {
            let lines = ledger.of(what).into_iter();
            lines
                .filter(|line| {
                    line["backend"].as_str().is_some_and(|it| it.ends_with(&format!("/{pool}")))
                })
                .count()
        };
        let sent = player.world.azure.writes(pool);
        let done =
            sent.iter().filter(|write| matches!(write.effect, Effect::Written { .. })).count();
        let justified = about("began") + STEPS * about("ended");
        assert!(done <= justified, "{pool}: {done} writes for {justified} decisions: {sent:#?}");
        let intended = about("intended");
        assert!(sent.len() <= intended, "{pool}: {} requests for {intended} intents", sent.len());
    }
}

/// Every override began, took each step and ended as often as it was claimed: once for each time that
/// its alert came.
fn check_overrides(ledger: &Ledger, count: usize) {
    let of = |what, id: &str| ledger.of(what).into_iter().filter(|line| line["id"] == id).count();
    let ids = ledger.of("claimed").into_iter().filter_map(|line| line["id"].as_str());
    assert_eq!(ids.clone().count(), count, "each occurrence is claimed for once");
    for id in ids.collect::<BTreeSet<_>>() {
        let runs = of("claimed", id);
        let told = ["began", "ended", "stepped", "finished", "neverBegan"].map(|what| of(what, id));
        let wanted = [runs, runs, runs * (STEPS - 1), runs, 0];
        assert_eq!(told, wanted, "of {id}: {:#?}", ledger.0);
    }
}

/// Every reconnect was planned once, asked for at most once where its answer is known, and at most
/// once more where it is not (I10).
fn check_reconnects(player: &Player, ledger: &Ledger, count: usize) {
    let planned = ledger.of("reconnectPlanned");
    assert_eq!(planned.len(), count, "each override has one reconnect");
    let mut asked_in_all = 0;
    for plan in planned {
        let about = |line: &&Value| line["id"] == plan["id"];
        let story: Vec<&str> = ledger
            .0
            .iter()
            .filter(about)
            .filter_map(|line| line["what"].as_str())
            .filter(|what| *what != "reconnectPlanned")
            .collect();
        let asked = story.iter().filter(|what| **what == "reconnectAsked").count();
        let known = story.iter().position(|what| *what == "reconnectAccepted");
        assert!((1..=2).contains(&asked), "asked {asked} times: {story:?}");
        assert!(known.is_none_or(|at| at + 1 == story.len()), "asked although accepted: {story:?}");
        asked_in_all += asked;
    }
    let received = player.world.azure.view(|azure| azure.total(Operation::Reconnect));
    assert!(
        received <= asked_in_all as u64,
        "{received} requests for {asked_in_all} that are told"
    );
}

/// Prints the seed where a test fails.
struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("POINTSMAN_SEED={} repeats this run's choices", self.0);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_moment_it_ends_as_if_it_had_not_been() {
    let given = std::env::var("POINTSMAN_SEED").ok();
    let seed =
        Seed(given.map_or_else(|| fastrand::u64(..), |seed| seed.parse().expect("a number")));
    let mut rng = Rng::with_seed(seed.0);
    let script = script(&mut rng, Timestamp::now());

    let alone = Player::new().await;
    let left = alone.pools();
    let serve = alone.serve().await;
    let mut drained = Vec::new();
    for round in &script {
        for webhook in &round.come {
            alone.sender.deliver(webhook.clone()).await;
        }
        drained.push((alone.drained(round.failing).await, alone.pools()));
        for webhook in &round.go {
            alone.sender.deliver(webhook.clone()).await;
        }
        alone.restored().await;
        assert_eq!(alone.pools(), left);
    }
    assert!(serve.stop().await);

    let killed = Player::new().await;
    for (round, expected) in script.iter().zip(&drained) {
        let serve = killed.play(&mut rng, &round.come, KILLS).await;
        let state = killed.drained(round.failing).await;
        assert_eq!((&state, &killed.pools()), (&expected.0, &expected.1));
        serve.kill().await;
        let serve = killed.play(&mut rng, &round.go, KILLS).await;
        killed.restored().await;
        assert_eq!(killed.pools(), left);
        serve.kill().await;
    }
    let serve = killed.serve().await;
    killed.restored().await;
    assert_eq!(killed.pools(), left);
    assert!(serve.stop().await);

    let count = script.iter().map(|round| round.failing).sum();
    for player in [alone, killed] {
        let ledger = Ledger(player.world.lines(&["--lines", "1000000"]).await);
        check_overrides(&ledger, count);
        check_writes(&player, &ledger);
        check_reconnects(&player, &ledger, count);
        let letters = player.world.json(&["dead-letters", "list"]).await;
        assert_eq!(letters["deadLetters"], json!([]), "nothing is unusable");
        player.world.finish();
    }
}
