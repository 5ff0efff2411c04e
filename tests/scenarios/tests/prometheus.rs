//! A real Prometheus and a real Alertmanager, from scrape to write and back.
//!
//! Prometheus scrapes the emulated gateway, through which real requests go to real members; a rule
//! of its finds the member that fails; Alertmanager tells `serve`; the member's weight goes. The
//! errors end with the traffic, and with them the alert; the weight comes back.
//!
//! Both are Debian's packages `prometheus` and `prometheus-alertmanager`. They listen on free ports
//! of 127.0.0.1, keep everything in the test's folder, and are killed with it.

use std::{
    net::TcpListener,
    path::Path,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use pointsman_emulator::member::{Member, Mode};
use pointsman_scenarios::{
    World,
    world::{DRAIN, TOKEN},
};
use reqwest::StatusCode;
use serde_json::Value;
use tokio::{
    process::{Child, Command},
    task::JoinHandle,
};

/// Who scrapes and alerts.
const PROMETHEUS: &str = "prometheus";

/// Who groups alerts and tells of them.
const ALERTMANAGER: &str = "prometheus-alertmanager";

/// How often a program that found its port taken is started on another.
const STARTS_MAX: usize = 3;

/// How long a program may take until it is ready.
const READY_WITHIN: Duration = Duration::from_secs(20);

/// How often it is asked whether it is.
const ASK_EVERY: Duration = Duration::from_millis(50);

/// How long from the first failure until the weight is gone, and from there until it is back. Each
/// way has a scrape, an evaluation, a group's wait and its interval, of about a second each; back,
/// the errors must be out of the rule's window before.
const MOVED_WITHIN: Duration = Duration::from_secs(40);

/// How many senders there are.
const SENDERS: usize = 4;

/// How long each of them waits between two requests.
const SEND_EVERY: Duration = Duration::from_millis(10);

/// A program of Debian's, killed when it is dropped.
struct Program {
    _child: Child,
    url: String,
}

/// A port that nobody listens on at present.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("it is bound").port()
}

impl Program {
    /// Starts a program that listens where its last argument, the option `--web.listen-address`,
    /// says, and waits until it is ready.
    async fn start(world: &World, name: &str, arguments: &[&str]) -> Self {
        let http = &world.http;
        for _ in 0..STARTS_MAX {
            let address = format!("127.0.0.1:{}", free_port());
            let log = world.path(&format!("{name}.log"));
            let told = std::fs::File::create(&log).expect("a log");
            let child = Command::new(name)
                .args(arguments)
                .arg(format!("--web.listen-address={address}"))
                .current_dir(world.folder.path())
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(told)
                .kill_on_drop(true)
                .spawn();
            let mut child = child.unwrap_or_else(|error| {
                panic!("`{name}` cannot be run ({error}): install Debian's package `{name}`")
            });
            let url = format!("http://{address}");
            let ready = async {
                loop {
                    let answer = http.get(format!("{url}/-/ready")).send().await;
                    if answer.is_ok_and(|answer| answer.status().is_success()) {
                        return true;
                    }
                    if child.try_wait().expect("it can be asked for").is_some() {
                        return false;
                    }
                    tokio::time::sleep(ASK_EVERY).await;
                }
            };
            let ready = tokio::time::timeout(READY_WITHIN, ready).await;
            let told = std::fs::read_to_string(&log).unwrap_or_default();
            match ready {
                Ok(true) => return Self { _child: child, url },
                // Someone else took the port in between.
                Ok(false) if told.contains("address already in use") => {}
                Ok(false) => panic!("`{name}` ended at once:\n{told}"),
                Err(_) => panic!("`{name}` is not ready within {READY_WITHIN:?}:\n{told}"),
            }
        }
        panic!("`{name}` found its port taken {STARTS_MAX} times")
    }

    /// Starts an Alertmanager that tells `serve`.
    async fn alertmanager(world: &World, serve: &str) -> Self {
        let config = format!(
            "route:
  receiver: pointsman
  group_by: [alertname]
  group_wait: 1s
  group_interval: 1s
  repeat_interval: 1m
receivers:
  - name: pointsman
    webhook_configs:
      - url: {serve}/alerts/prometheus
        send_resolved: true
        http_config: {{authorization: {{type: Bearer, credentials: {TOKEN}}}}}
"
        );
        write(&world.path("alertmanager.yml"), &config);
        let arguments = [
            "--config.file=alertmanager.yml",
            "--storage.path=alertmanager",
            // By itself: no other looks for it.
            "--cluster.listen-address=",
        ];
        Self::start(world, ALERTMANAGER, &arguments).await
    }

    /// Starts a Prometheus that scrapes the gateway and tells Alertmanager.
    async fn prometheus(world: &World, alertmanager: &Self) -> Self {
        let target = |url: &str| url.strip_prefix("http://").expect("it is plain").to_owned();
        let config = format!(
            "global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: [rules.yml]
scrape_configs:
  - job_name: gateway
    static_configs: [{{targets: ['{}']}}]
alerting:
  alertmanagers:
    - static_configs: [{{targets: ['{}']}}]
",
            target(&world.azure.gateway_url()),
            target(&alertmanager.url),
        );
        write(&world.path("prometheus.yml"), &config);
        // A member that gets no requests has a rate of none, and no ratio: the alert is over.
        let rules = "groups:
  - name: gateway
    rules:
      - alert: BackendErrors
        expr: >-
          sum by (backend) (rate(gateway_requests_total{pool=\"chat\", code=~\"5..\"}[5s]))
          / sum by (backend) (rate(gateway_requests_total{pool=\"chat\"}[5s])) > 0.2
        labels: {severity: critical}
        annotations: {summary: 'too many requests of {{ $labels.backend }} fail'}
";
        write(&world.path("rules.yml"), rules);
        let arguments = [
            "--config.file=prometheus.yml",
            "--storage.tsdb.path=prometheus",
            // How often an alert that goes on is told again.
            "--rules.alert.resend-delay=2s",
        ];
        Self::start(world, PROMETHEUS, &arguments).await
    }
}

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).expect("a configuration is written");
}

/// Requests through the gateway, until it is dropped.
struct Traffic {
    stop: Arc<AtomicBool>,
    senders: Vec<JoinHandle<()>>,
}

impl Traffic {
    fn start(world: &World) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let url = format!("{}/chat/", world.azure.gateway_url());
        let send = || {
            let (http, url, stop) = (world.http.clone(), url.clone(), Arc::clone(&stop));
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    http.get(&url).send().await.expect("the gateway answers");
                    tokio::time::sleep(SEND_EVERY).await;
                }
            })
        };
        let senders = (0..SENDERS).map(|_| send()).collect();
        Self { stop, senders }
    }

    async fn end(self) {
        self.stop.store(true, Ordering::Relaxed);
        for sender in self.senders {
            sender.await.expect("every request was answered");
        }
    }
}

/// Waits until the members' weights are these, and gives how long that took.
async fn moved(world: &World, prometheus: &Program, wanted: [u32; 3]) -> Duration {
    let began = Instant::now();
    let members = ["eu", "us", "ap"];
    let waited = world.azure.wait_for(
        |azure| {
            members.iter().zip(wanted).all(|(it, weight)| azure.weight("chat", it) == Some(weight))
        },
        MOVED_WITHIN,
    );
    if let Err(error) = waited.await {
        let alerts = world.http.get(format!("{}/api/v1/alerts", prometheus.url)).send().await;
        let alerts = alerts.expect("prometheus answers").text().await.expect("a text");
        let told = [PROMETHEUS, ALERTMANAGER].map(|name| {
            std::fs::read_to_string(world.path(&format!("{name}.log"))).unwrap_or_default()
        });
        panic!("never {wanted:?}: {error}\n{alerts}\n{}\n{}", told.join("\n"), world.log());
    }
    began.elapsed()
}

#[expect(clippy::print_stdout, reason = "how long it took is what a person wants to see")]
fn print(what: &str, took: Duration) {
    println!("{what}: {took:.1?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_and_alertmanager_move_traffic_and_give_it_back() {
    let world = World::new(DRAIN).await;
    let mut members = Vec::new();
    for name in ["eu", "us", "ap"] {
        let member = Member::start(name).await.expect("a free port");
        world.azure.put_single(name, &member.url()).expect("a Single");
        members.push(member);
    }
    world.azure.forget_requests();
    let left = world.azure.backend("chat").expect("it is there").body;
    let serve = world.serve(&[]).await;
    let alertmanager = Program::alertmanager(&world, &serve.url).await;
    let prometheus = Program::prometheus(&world, &alertmanager).await;
    let traffic = Traffic::start(&world);

    members[0].set(Mode::Failing(StatusCode::SERVICE_UNAVAILABLE));
    print("from the first failure to the write", moved(&world, &prometheus, [0, 30, 20]).await);
    assert!(members[0].counts().failures > 0, "real requests failed");

    members[0].set(Mode::Healthy);
    print("from the write to the weight's return", moved(&world, &prometheus, [50, 30, 20]).await);
    world.at_rest().await;
    assert_eq!(world.azure.backend("chat").expect("it is there").body, left);
    let before = members[0].counts().requests;
    let served = world.azure.wait_for(|_| members[0].counts().requests > before, MOVED_WITHIN);
    served.await.expect("it serves again");
    traffic.end().await;

    assert_eq!(world.azure.writes("chat").len(), 2, "one write each way");
    let ledger = world.ledger().await;
    let about =
        |what| -> Vec<&Value> { ledger.of(what).iter().map(|line| &line["series"]).collect() };
    let fired = about("fired");
    assert_eq!(fired.len(), 1, "one alert fired");
    assert_eq!(about("resolved"), fired, "and the same resolved");
    assert!(serve.stop().await);
    world.finish();
}
