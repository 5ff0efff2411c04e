//! Never silent, never falsely green: what is not well is said though nothing is in force, and `status`
//! exits by it.

use std::{
    net::SocketAddr,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicU16, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use jiff::Timestamp;
use pointsman_emulator::{
    Fault, Match, Operation, Received,
    fault::{Kind, ServerError, Write},
};
use pointsman_scenarios::{
    Forms, World,
    alerts::{Alert, webhook},
    door::Door,
    operator::says,
    wire::answer,
    world::{DRAIN, Serve, TOKEN},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    process::Command,
    task::JoinHandle,
};

use crate::transcript::transcript;

mod transcript;

/// What the address of the heartbeat has in it that nobody is to see.
const BEAT_SECRET: &str = "beat-s3cret";

/// A configuration of a world: the terms of its Azure and of its source, and more.
fn configure(world: &World, azure: &str, source: &str, more: &str) {
    let config = format!(
        "listen: 127.0.0.1:0\n\
         playbook: playbook.yaml\n\
         azure: {{{azure}}}\n\
         sources: [{{name: prometheus, kind: alertmanager, bearer: [{{env: SOURCE_TOKEN}}]{source}}}]\n\
         {more}",
    );
    std::fs::write(world.path("pointsman.yaml"), config).expect("a configuration is written");
}

/// Azure with a ready-made token at an address, which is checked every second.
fn checked(url: &str) -> String {
    format!("endpoint: '{url}', checkEvery: 1s, credential: token, token: {{env: AZURE_TOKEN}}")
}

/// The things that `status` has to say of this kind.
async fn matters(world: &World, kind: &str) -> Vec<Value> {
    let status = world.json(&["status"]).await;
    let matters = status["health"]["matters"].as_array().expect("a list").clone();
    matters.into_iter().filter(|matter| matter["kind"] == kind).collect()
}

async fn is_ready(world: &World, serve: &Serve) -> bool {
    world.get(serve, "/health/ready").await.status == 200
}

/// Who waits for heartbeats, and answers with a status.
struct Listener {
    address: SocketAddr,
    heard: Arc<AtomicUsize>,
    status: Arc<AtomicU16>,
    task: JoinHandle<()>,
}

impl Listener {
    async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = listener.local_addr().expect("it has an address");
        let (heard, status) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicU16::new(200)));
        let (counted, answered) = (Arc::clone(&heard), Arc::clone(&status));
        let task = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    let Ok(byte) = stream.read_u8().await else { break };
                    head.push(byte);
                }
                assert!(
                    head.starts_with(b"GET /beat-s3cret "),
                    "{}",
                    String::from_utf8_lossy(&head)
                );
                counted.fetch_add(1, Ordering::SeqCst);
                let status = answered.load(Ordering::SeqCst);
                let answer = format!(
                    "HTTP/1.1 {status} So\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
                );
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        Self { address, heard, status, task }
    }

    /// A `serve` that calls it.
    async fn serve(&self, world: &World) -> Serve {
        let mut command = world.command(&["serve"]);
        command.env("BEAT", format!("http://{}/{BEAT_SECRET}", self.address));
        world.serve_by(command).await
    }

    fn heard(&self) -> usize {
        self.heard.load(Ordering::SeqCst)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

const BEAT: &str = "heartbeat: {url: {env: BEAT}, every: 10s}\n";

#[tokio::test]
async fn an_azure_that_cannot_be_reached_is_trouble_though_nothing_is_in_force() {
    let world = World::new(DRAIN).await;
    let url = world.azure.arm_url();
    let behind: SocketAddr =
        url.strip_prefix("http://").expect("it is plain").parse().expect("an address");
    let door = Door::to(behind).await;
    configure(&world, &checked(&door.url()), "", BEAT);
    door.shut().await;
    let listener = Listener::start().await;
    let serve = listener.serve(&world).await;
    world.told("Azure cannot be used for it").await;
    let ready = world.get(&serve, "/health/ready").await;
    assert_eq!(ready.status, 503, "{ready:?}");
    let missing = ready.json()["missing"].to_string();
    assert!(missing.contains("service main of Azure cannot be read since"), "{missing}");
    assert_eq!(world.get(&serve, "/health/live").await.status, 200);
    world.until("status knows", async |world| !matters(world, "blind").await.is_empty()).await;
    let _ = world
        .say(&["status"])
        .await
        .ended(3)
        .says("TROUBLE since ")
        .says("service main of Azure cannot be read: ")
        .says("alerts are taken and kept");
    let since = matters(&world, "blind").await[0]["since"].clone();
    assert!(since.is_string());

    // Another process goes on with it.
    serve.kill().await;
    let _ = world.say(&["status"]).await.ended(3).says("no `serve` is running on this store");
    let serve = listener.serve(&world).await;
    world
        .until("it is not ready", async |world| {
            world.get(&serve, "/health/ready").await.text.contains("cannot be read since")
        })
        .await;
    assert_eq!(matters(&world, "blind").await[0]["since"], since);
    // Alerts are taken all the same, and nobody is told that all is well.
    assert_eq!(world.send(&serve, &[Alert::firing("eu", Timestamp::now())]).await, 202);
    assert_eq!(listener.heard(), 0);

    door.open().await;
    world.weights([0, 30, 20]).await;
    world.until("it is ready", async |world| is_ready(world, &serve).await).await;
    world.told("Azure can be used for it again").await;
    world.until("status is well", async |world| world.say(&["status"]).await.code == 0).await;
    world.until("the heartbeat is called", async |_| listener.heard() > 0).await;
    // The ledger has one line for its beginning and one for its end, however often it was checked.
    let ledger = world.ledger().await;
    let [went_blind] = ledger.of("wentBlind")[..] else { panic!("{ledger:?}") };
    let [sees_again] = ledger.of("seesAgain")[..] else { panic!("{ledger:?}") };
    assert_eq!((&went_blind["service"], &sees_again["service"]), (&json!("main"), &json!("main")));
    let told = |line: &Value| line["says"].as_str().expect("words").to_owned();
    assert!(told(went_blind).starts_with("service main of Azure cannot be read: "));
    assert!(told(sees_again).starts_with("service main of Azure can be read again, after "));
    assert!(serve.stop().await);
    assert_eq!(world.files_with(BEAT_SECRET), Vec::<String>::new());
    world.finish();
}

#[tokio::test]
async fn an_azure_that_asks_to_wait_is_waited_for_and_blinds_nobody() {
    let world = World::new(DRAIN).await;
    configure(&world, &checked(&world.azure.arm_url()), "", "");
    let busy = world.azure.throttle(Match::get("chat"), Duration::from_secs(10));
    let serve = world.serve(&[]).await;
    world.until("status knows", async |world| !matters(world, "waits").await.is_empty()).await;
    let waits = matters(&world, "waits").await.remove(0);
    assert_eq!((&waits["isTrouble"], &waits["subject"]), (&json!(false), &json!("main")));
    let _ = world.say(&["status"]).await.ended(0).says("service main of Azure waits until 20");
    assert!(is_ready(&world, &serve).await);
    assert_eq!(matters(&world, "blind").await, Vec::<Value>::new());
    world.until("it is over", async |world| matters(world, "waits").await.is_empty()).await;
    // It was not asked before it was time, every second. The look at a new playbook has asked, too.
    let requests = world.azure.requests();
    let refused = |it: &&Received| it.status().is_some_and(|status| status.as_u16() == 429);
    assert!(requests.iter().filter(refused).count() <= 3, "{requests:#?}");
    assert!(!world.azure.clear(busy), "it is spent");
    let ledger = world.ledger().await;
    assert_eq!((ledger.count("wentBlind"), ledger.count("seesAgain")), (0, 0), "{ledger:?}");
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn a_write_that_could_not_be_sent_is_not_told_as_refused() {
    let world = World::new(DRAIN).await;
    let behind = world.azure.arm_url();
    let behind = behind.trim_start_matches("http://").trim_end_matches('/').parse();
    let door = Door::to(behind.expect("an address")).await;
    configure(&world, &checked(&door.url()), "", "");
    let serve = world.serve(&[]).await;
    let now = Timestamp::now();
    assert_eq!(world.send(&serve, &[Alert::firing("eu", now)]).await, 202);
    world.weights([0, 30, 20]).await;
    world.told("is done").await;
    door.shut().await;
    // It is written by what is remembered, without a read that would fail first.
    assert_eq!(world.send(&serve, &[Alert::firing("us", now)]).await, 202);
    world.until("it is told", async |world| world.ledger().await.count("notSent") > 0).await;
    let ledger = world.ledger().await;
    let says = ledger.of("notSent")[0]["says"].as_str().expect("words").to_owned();
    assert!(says.contains(" could not be sent: "), "{says}");
    assert_eq!(ledger.count("refused"), 0);
    door.open().await;
    world.weights([0, 0, 20]).await;
    assert!(serve.stop().await);
    world.finish();
}

/// An alert that no play is for, of this severity.
async fn unmatched(world: &World, serve: &Serve, severity: &str) {
    let mut body = webhook(&[Alert::firing(severity, Timestamp::now())]);
    body["alerts"][0]["labels"] = json!({
        "alertname": "DiskFull", "severity": severity, "team": "chat",
        "instance": "chat-worker-17.westeurope.contoso.example:9100",
    });
    assert_eq!(world.deliver(serve, &body).await.status, 202);
    world.told(&format!("(prometheus/f-{severity}: ")).await;
}

#[tokio::test]
async fn many_alerts_that_do_not_matter_hide_none_that_does() {
    let world = World::new(DRAIN).await;
    let serve = world.serve(&[]).await;
    for severity in ["info", "critical", "warning", "info"] {
        unmatched(&world, &serve, severity).await;
    }
    let noticed = async |world: &World| {
        let status = world.json(&["status"]).await;
        let noticed = status["noticed"].as_array().expect("a list").clone();
        let of = |it: &Value| {
            format!("{} {} {}", it["count"], it["severity"], it["kind"]).replace('"', "")
        };
        noticed.iter().map(of).collect::<Vec<_>>()
    };
    let wanted = ["1 critical unmatched", "1 warning unmatched", "2 info unmatched"];
    world.until("all are there", async |world| noticed(world).await == wanted).await;
    let status = world.say(&["status", "--utc"]).await.ended(0);
    transcript("status_noticed.txt", &status.out);
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn an_identity_that_gets_no_token_is_trouble_though_nothing_is_in_force() {
    let world = World::new(DRAIN).await;
    let azure = format!(
        "endpoint: '{}', checkEvery: 1s, credential: managedIdentity",
        world.azure.arm_url()
    );
    configure(&world, &azure, "", "");
    let kind = Kind::Error { error: ServerError::Unavailable, write: Write::NotDone };
    let broken = world.azure.inject(Fault::always(Match::operation(Operation::Token), kind));
    let mut command = world.command(&["serve"]);
    command.env_remove("AZURE_TOKEN").envs(world.azure.identity_env());
    let serve = world.serve_by(command).await;
    world.until("status knows", async |world| !matters(world, "blind").await.is_empty()).await;
    let _ = world.say(&["status"]).await.ended(3).says("no token for Azure could be obtained");
    assert!(!is_ready(&world, &serve).await);
    assert!(world.azure.clear(broken));
    world.until("it is ready", async |world| is_ready(world, &serve).await).await;
    world.until("status is well", async |world| world.say(&["status"]).await.code == 0).await;
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn a_look_that_fails_is_checked_at_once_and_a_pool_that_is_missing_blinds_nobody() {
    let world = World::new(DRAIN).await;
    let azure = checked(&world.azure.arm_url()).replace("1s", "1h");
    configure(&world, &azure, "", "");
    let serve = world.serve(&[]).await;
    world.until("it is ready", async |world| is_ready(world, &serve).await).await;
    // The next check by itself is an hour away.
    let kind = Kind::Error { error: ServerError::Unavailable, write: Write::NotDone };
    let broken = world.azure.inject(Fault::always(Match::get("chat"), kind));
    world.azure.forget_requests();
    let _ =
        world.azure.foreign_put("chat", &world.azure.backend("chat").expect("it is there").body);
    assert_eq!(world.send(&serve, &[Alert::firing("eu", Timestamp::now())]).await, 202);
    world.until("it is not ready", async |world| !is_ready(world, &serve).await).await;
    assert!(world.azure.clear(broken));
    world.weights([0, 30, 20]).await;
    world.until("it is ready again", async |world| is_ready(world, &serve).await).await;
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn an_azure_on_this_machine_is_checked_as_any_other_unless_it_is_said() {
    let world = World::new(DRAIN).await;
    let kind = Kind::Error { error: ServerError::Unavailable, write: Write::NotDone };
    let broken = world.azure.inject(Fault::always(Match::get("chat"), kind));
    let unsaid = checked(&world.azure.arm_url()).replace("checkEvery: 1s, ", "");
    configure(&world, &unsaid, "", "");
    let serve = world.serve(&[]).await;
    let is_told = async |world: &World| {
        let ran = world.say(&["status"]).await;
        ran.code == 3 && ran.out.contains("service main of Azure cannot be read")
    };
    world.until("it is told", is_told).await;
    assert!(serve.stop().await);
    assert!(world.azure.clear(broken));
    world.finish();
}

#[tokio::test]
async fn refused_deliveries_are_counted_by_source_and_shown() {
    let world = World::new(DRAIN).await;
    let serve = world.serve(&[]).await;
    let body = webhook(&[Alert::firing("eu", Timestamp::now())]).to_string();
    assert_eq!(answer(world.post(&serve, body.clone())).await.status, 401);
    for _ in 0..50 {
        let wrong = world.post(&serve, body.clone()).bearer_auth("wrong");
        assert_eq!(answer(wrong).await.status, 403);
    }
    let large = world.post(&serve, vec![b' '; 3 << 20]).bearer_auth(TOKEN);
    assert_eq!(answer(large).await.status, 413);
    for path in ["/alerts/promethues", "/alerts/other"] {
        let lost = world.http.post(format!("{}{path}", serve.url)).body(body.clone());
        assert_eq!(answer(lost).await.status, 404);
    }
    // What was refused of one source is told on one line.
    world.until("all are shown", async |world| matters(world, "refused").await.len() == 2).await;
    let _ = world
        .say(&["status"])
        .await
        .ended(3)
        .says("what source prometheus sent was refused 3 times since")
        .says("; 403: ")
        .says("it must send what `sources` names for prometheus as `bearer` or `basic`")
        .says("what was sent to no source was refused at")
        .says("no source has the path /alerts/promethues");
    world
        .until("all kinds are there", async |world| {
            let refused = matters(world, "refused").await;
            let counts: Vec<_> =
                refused.iter().map(|it| (it["subject"].clone(), it["count"].clone())).collect();
            // Of each status the first is saved at once, and those after it together.
            let of = |subject: &str, count: u64| (json!(subject), json!(count));
            counts == [of("no source", 1), of("prometheus", 3)]
        })
        .await;
    let metrics = world.get(&serve, "/metrics").await.text;
    for line in [
        r#"pointsman_deliveries_refused_total{source="prometheus",status="403"} 50"#,
        r#"pointsman_deliveries_refused_total{source="no source",status="404"} 2"#,
    ] {
        assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    }
    // Those that wait for the end of their minute are saved at the end of the process: of 50, the rest.
    assert!(serve.stop().await);
    let refused = matters(&world, "refused").await;
    let counts: Vec<_> = refused.iter().map(|it| (&it["subject"], &it["count"])).collect();
    let (none, source) = (json!("no source"), json!("prometheus"));
    assert_eq!(counts, [(&none, &json!(2)), (&source, &json!(52))]);
    world.finish();
}

#[tokio::test]
async fn trouble_is_told_first_and_reads_well() {
    let world = World::new(DRAIN).await;
    let behind = world.azure.arm_url();
    let behind = behind.trim_start_matches("http://").trim_end_matches('/').parse();
    let door = Door::to(behind.expect("an address")).await;
    configure(&world, &checked(&door.url()), "", "");
    let serve = world.serve(&[]).await;
    assert_eq!(world.send(&serve, &[Alert::firing("eu", Timestamp::now())]).await, 202);
    world.weights([0, 30, 20]).await;
    world.told("is done").await;
    door.shut().await;
    assert_eq!(answer(world.post(&serve, "{}")).await.status, 401);
    for kind in ["blind", "refused"] {
        world.until(kind, async |world| !matters(world, kind).await.is_empty()).await;
    }
    let status = world.say(&["status", "--utc"]).await.ended(3);
    // It may have been read again since the last write.
    let shown = status.out.replace("as our own write left it at", "as it was read at");
    transcript("status_trouble.txt", &shown);
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn while_azure_cannot_be_read_it_is_said_once_and_nothing_is_promised_for_a_time() {
    let plays = format!("{DRAIN}    ramp: {{steps: [10%, 50%, 100%], every: 10m}}\n");
    let world = World::new(&plays).await;
    let behind = world.azure.arm_url();
    let behind = behind.trim_start_matches("http://").trim_end_matches('/').parse();
    let door = Door::to(behind.expect("an address")).await;
    configure(&world, &checked(&door.url()), "", "");
    let serve = world.serve(&[]).await;
    let alerts = ["eu", "us"].map(|name| Alert::firing(name, Timestamp::now()));
    assert_eq!(world.send(&serve, &alerts).await, 202);
    world.weights([0, 0, 20]).await;
    let [eu, us] = alerts;
    assert_eq!(world.send(&serve, &[eu.resolved(Timestamp::now())]).await, 202);
    world.weights([5, 0, 20]).await;
    world.status_says("10% given back").await;
    door.shut().await;
    // It is looked at, so that the backend has a trouble of its own, too.
    assert_eq!(world.send(&serve, &[us.resolved(Timestamp::now())]).await, 202);
    let blind = async |world: &World| {
        let status = world.json(&["status"]).await;
        let trouble = status["backends"][0].get("trouble").is_some();
        trouble && !matters(world, "blind").await.is_empty()
    };
    world.until("both are told", blind).await;
    let status = world.json(&["status"]).await;
    Forms::read().check("Status", &status);
    assert_eq!(status["backends"][0]["waits"], "azure");
    let status = world.say(&["status", "--utc"]).await.ended(3);
    let shown = status.out.replace("as our own write left it at", "as it was read at");
    transcript("status_blind.txt", &shown);
    assert_eq!(shown.matches("cannot connect").count(), 1, "{shown}");
    for raw in ["error sending request", "tcp connect error", "os error"] {
        assert!(!shown.contains(raw), "{shown}");
        assert!(!world.ok(&["history"]).await.contains(raw));
    }
    assert!(world.log().contains("tcp connect error"), "it is in the log");
    door.open().await;
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn a_watchdog_that_falls_silent_is_trouble_and_no_play_sees_it() {
    let world =
        World::new("plays: [{name: all, when: 'true', do: [{drain: {pool: chat, member: eu}}]}]")
            .await;
    let url = world.azure.arm_url();
    let azure = format!(
        "endpoint: '{url}', checkEvery: never, credential: token, token: {{env: AZURE_TOKEN}}"
    );
    configure(&world, &azure, ", watchdog: 1s", "");
    let serve = world.serve(&[]).await;
    let silent = async |text: &str| {
        let so = async |world: &World| {
            let ran = world.say(&["status"]).await;
            ran.code == 3 && says(&ran.out, text) && says(&ran.out, "alerts may not arrive")
        };
        world.until(text, so).await;
    };
    silent("its watchdog was not heard since `serve` started at").await;
    let mut body = webhook(&[Alert::firing("eu", Timestamp::now())]);
    body["alerts"][0]["labels"] = json!({"alertname": "Watchdog"});
    assert_eq!(world.deliver(&serve, &body).await.status, 202);
    silent("its watchdog was last heard at").await;
    let metrics = world.get(&serve, "/metrics").await.text;
    let heard = r#"pointsman_watchdog_heard_timestamp_seconds{source="prometheus"}"#;
    assert!(metrics.contains(heard), "{metrics}");
    // By hand too; what is saved now and then is heard each time.
    let send = ["signal", "send", "--alert", "Watchdog", "--url", &serve.url];
    for _ in 0..2 {
        let _ = world.say(&send).await.ended(0).says("it was heard as the watchdog of its source");
    }
    let sent = world.say(&[&send[..], &["--json"]].concat()).await.ended(0).json();
    Forms::read().check("Sent", &sent);
    assert_eq!((&sent["watchdog"], &sent["led"]), (&json!(true), &json!(true)));
    let over = world.say(&[&send[..], &["--resolved"]].concat()).await.ended(1);
    let _ = over.says("whose end changes nothing");
    assert_eq!(world.ledger().await.count("fired"), 0);
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn a_heartbeat_that_cannot_be_called_is_said_and_counted() {
    let world = World::new(DRAIN).await;
    configure(&world, &checked(&world.azure.arm_url()), "", BEAT);
    let listener = Listener::start().await;
    listener.status.store(404, Ordering::SeqCst);
    let serve = listener.serve(&world).await;
    world.until("it is called", async |_| listener.heard() > 0).await;
    let text = "the heartbeat's address could not be called: it answered 404";
    world.until(text, async |world| says(&world.say(&["status"]).await.out, text)).await;
    let _ = world.say(&["status"]).await.ended(3);
    listener.status.store(204, Ordering::SeqCst);
    world.until("status is well", async |world| world.say(&["status"]).await.code == 0).await;
    let metrics = world.get(&serve, "/metrics").await.text;
    for result in ["called", "failed"] {
        let line = format!("pointsman_heartbeats_total{{result=\"{result}\"}}");
        assert!(metrics.contains(&line), "{metrics}");
    }
    assert!(serve.stop().await);
    assert_eq!(world.files_with(BEAT_SECRET), Vec::<String>::new());
    world.finish();
}

#[tokio::test]
async fn what_is_measured_is_sound_to_promtool() {
    let world = World::new(DRAIN).await;
    configure(&world, &format!("{}, paced: true", checked(&world.azure.arm_url())), "", "");
    let serve = world.serve(&[]).await;
    world.until("it is ready", async |world| is_ready(world, &serve).await).await;
    let now = Timestamp::now();
    let alerts = ["eu", "us", "ap"].map(|name| Alert::firing(name, now));
    assert_eq!(world.send(&serve, &alerts).await, 202);
    world.status_says("held: ").await;
    let wrong = world.post(&serve, "{}").bearer_auth("wrong");
    assert_eq!(answer(wrong).await.status, 403);
    let lines = [
        r#"pointsman_alerts_received_total{source="prometheus"} 3"#,
        r#"pointsman_alerts_total{outcome="fired",source="prometheus"} 3"#,
        r#"pointsman_overrides{standing="inForce"} 2"#,
        r#"pointsman_overrides_held{reason="members"} 1"#,
        r#"pointsman_writes_total{answer="written"}"#,
        "pointsman_alert_to_write_seconds_count",
        "pointsman_queue_messages 0",
        "pointsman_queue_oldest_seconds 0",
        "pointsman_dead_letters 0",
        r#"pointsman_blind{service="main"} 0"#,
        r#"kind="write""#,
    ];
    world
        .until("all is measured", async |world| {
            let text = world.get(&serve, "/metrics").await.text;
            lines.iter().all(|line| text.contains(line))
        })
        .await;
    let text = world.get(&serve, "/metrics").await.text;
    let counted =
        text.lines().find_map(|line| line.strip_prefix("pointsman_alert_to_write_seconds_count "));
    assert!(counted.is_some_and(|count| count != "0"), "{text}");
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| {
            panic!("`promtool` cannot be run ({error}): install Debian's package `prometheus`")
        });
    let mut input = promtool.stdin.take().expect("it is piped");
    input.write_all(text.as_bytes()).await.expect("it reads");
    drop(input);
    let said = promtool.wait_with_output().await.expect("it ends");
    let said_in_words = String::from_utf8_lossy(&said.stderr);
    assert!(said.status.success() && said.stdout.is_empty(), "{said_in_words}\n{text}");
    assert_eq!(said_in_words, "");
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn a_dead_letter_is_taken_in_again_once_the_playbook_is_mended() {
    let world = World::new(DRAIN).await;
    let serve = world.serve(&[]).await;
    let alerts = ["eu/example", "us example"].map(|name| Alert::firing(name, Timestamp::now()));
    assert_eq!(world.send(&serve, &alerts).await, 202);
    let letters = async |world: &World| {
        let letters = world.json(&["dead-letters", "list"]).await;
        letters["deadLetters"].as_array().expect("a list").clone()
    };
    world.until("they are kept", async |world| !letters(world).await.is_empty()).await;
    let kept = world.say(&["dead-letters", "retry", "--all"]).await.ended(1);
    let _ = kept.says("0 alerts taken in").says("kept: ");
    assert_eq!(letters(&world).await.len(), 1, "it is kept as it is");
    let noticed = async |world: &World| world.json(&["status"]).await["noticed"].clone();
    world.until("it is noticed", async |world| noticed(world).await != json!([])).await;
    assert_eq!(noticed(&world).await[0]["kind"], "unresolvable");

    let mended = DRAIN.replace("signal.labels.backend", "signal.labels.backend.split('/')[0]");
    world.write_playbook(&mended);
    let _ = world.say(&["playbook", "apply", "playbook.yaml"]).await.ended(0);
    // One of its two alerts can be used by now.
    let id = letters(&world).await[0]["id"].as_str().expect("an id").to_owned();
    let again = world.say(&["dead-letters", "retry", &id[..8], "--json"]).await.ended(1).json();
    Forms::read().check("Retried", &again);
    assert_eq!((&again["taken"], &again["kept"]), (&json!(1), &json!(1)));
    world.weights([0, 30, 20]).await;
    assert_eq!(noticed(&world).await[0]["kind"], "unresolvable", "one is left");
    let left = letters(&world).await;
    assert_eq!(left.len(), 1);
    assert_ne!(left[0]["id"], json!(id));
    assert!(left[0]["body"].as_str().is_some_and(|body| body.contains("us example")), "{left:?}");

    let mended = mended.replace("split('/')[0]", "split('/')[0].split(' ')[0]");
    world.write_playbook(&mended);
    let _ = world.say(&["playbook", "apply", "playbook.yaml"]).await.ended(0);
    // It was received when it was: its resolve has come since.
    let resolved = alerts[1].clone().resolved(Timestamp::now());
    assert_eq!(world.send(&serve, &[resolved]).await, 202);
    world.flush(&serve).await;
    let _ = world
        .say(&["dead-letters", "retry", "--from", "prometheus"])
        .await
        .ended(0)
        .says("1 alert taken in");
    let kinds = noticed(&world).await;
    let kinds: Vec<_> = kinds.as_array().expect("a list").iter().map(|it| &it["kind"]).collect();
    assert!(!kinds.contains(&&json!("unresolvable")), "it was answered: {kinds:?}");
    world.flush(&serve).await;
    assert_eq!(letters(&world).await, [] as [Value; 0]);
    world.weights([0, 30, 20]).await;
    let ledger = world.ledger().await;
    let retried = ledger.of("retried");
    let says = |at: usize| retried[at]["says"].as_str().expect("words").to_owned();
    assert_eq!(retried.len(), 3);
    let by = "of prometheus, retried by tester:";
    assert!(says(0).ends_with(&format!("{by} 0 taken in, 2 kept")), "{}", says(0));
    assert!(says(1).ends_with(&format!("{by} 1 taken in, 1 kept")), "{}", says(1));
    assert!(says(2).ends_with(&format!("{by} 1 taken in")), "{}", says(2));
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn a_foreign_write_is_noticed_within_the_time_that_is_configured() {
    let world = World::new(DRAIN).await;
    let azure = format!(
        "endpoint: '{}', checkEvery: never, lookEvery: 5s, credential: token, token: {{env: AZURE_TOKEN}}",
        world.azure.arm_url()
    );
    configure(&world, &azure, "", "");
    let serve = world.serve(&[]).await;
    assert_eq!(world.send(&serve, &[Alert::firing("eu", Timestamp::now())]).await, 202);
    world.weights([0, 30, 20]).await;
    world.told("is done").await;
    let mut body = world.azure.backend("chat").expect("it is there").body;
    body["properties"]["pool"]["services"][0]["weight"] = json!(7);
    world.azure.foreign_put("chat", &body).expect("a pool");
    let wrote = Instant::now();
    let noticed = async |world: &World| world.ledger().await.count("foreign") > 0;
    world.until("it is noticed", noticed).await;
    // Well before the minute that it takes by default.
    assert!(wrote.elapsed() < Duration::from_secs(30), "{:?}", wrote.elapsed());
    assert!(serve.stop().await);
    world.finish();
}
