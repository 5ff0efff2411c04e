//! Deliveries through the router, to a store and a queue as they are.

#![expect(clippy::unwrap_used, reason = "also what helps a test may panic; clippy only lets tests")]

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Request, Response, StatusCode, request},
};
use flate2::{Compression, write::GzEncoder};
use http_body_util::BodyExt as _;
use jiff::Timestamp;
use pointsman_core::{
    names::SourceName,
    signal::{Heard, Signal},
};
use pointsman_engine::{
    Mode,
    message::Message,
    ports::{Clock, DEAD_LETTER_PARTS_MAX, DeadLetter},
};
use pointsman_host::{
    Config, Parts,
    config::{Needs, Webhook},
    wiring::Role,
};
use pointsman_intake::{
    ALERTS_MAX, BODY_BYTES_MAX, Reader, Refused, Source, Told, alertmanager, verify::Denied,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt as _;

const TOKEN: &str = "a-token";

/// A clock that is set.
struct Set(Mutex<Timestamp>);

impl Clock for Set {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

struct World {
    _folder: TempDir,
    parts: Parts,
    clock: Arc<Set>,
    router: Router,
}

/// A status, its headers, and a body.
type Answer = (StatusCode, HeaderMap, String);

fn at(time: &str) -> Timestamp {
    format!("2026-11-30T{time}Z").parse().unwrap()
}

impl World {
    /// A source `am` at `/alerts/am`, and others.
    async fn new(others: Vec<Webhook>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pointsman.yaml");
        // Written on Windows: with a byte order mark, the secrets too.
        let config = "\u{feff}azure: {credential: token, token: {file: azure}}\n\
                      sources: [{name: am, kind: alertmanager, bearer: {file: am}}]\n";
        std::fs::write(&file, config).unwrap();
        std::fs::write(folder.path().join("azure"), "\u{feff}for-azure\r\n").unwrap();
        std::fs::write(folder.path().join("am"), format!("\u{feff}{TOKEN}\r\n")).unwrap();
        let mut config = Config::read(&file, Needs::Everything).unwrap();
        config.webhooks.extend(others);
        let mut parts = Parts::open(&config, Mode::Live, Role::Consumer).await.unwrap();
        let clock = Arc::new(Set(Mutex::new(at("08:00:00"))));
        parts.records.clock = Arc::clone(&clock) as Arc<dyn Clock>;
        let (router, _) = pointsman_alerts::router(&config.webhooks, &parts.records, None);
        Self { _folder: folder, parts, clock, router }
    }

    fn set(&self, time: &str) {
        *self.clock.0.lock().unwrap() = at(time);
    }

    async fn post(&self, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
        let request = headers
            .iter()
            .fold(Request::post(path), |request, (name, value)| request.header(*name, *value))
            .body(body.into())
            .unwrap();
        let (head, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (head.status, head.headers, String::from_utf8(body.to_vec()).unwrap())
    }

    /// Delivers with the source's token.
    async fn deliver(&self, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
        let bearer = format!("Bearer {TOKEN}");
        let all: Vec<_> =
            headers.iter().copied().chain([("authorization", bearer.as_str())]).collect();
        self.post("/alerts/am", &all, body).await
    }

    /// Delivers what has to be taken, and gives the answer.
    async fn taken(&self, body: impl Into<Body>) -> Value {
        let (status, _, answer) = self.deliver(&[], body).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
        serde_json::from_str(&answer).unwrap()
    }

    async fn queued(&self) -> u64 {
        self.parts.records.queue.depth().await.unwrap()
    }

    /// The signals of the messages that wait.
    async fn signals(&self) -> Vec<Signal> {
        let deliveries = self.parts.records.queue.receive(99).await.unwrap();
        let signals = deliveries.into_iter().flat_map(|delivery| match delivery.message {
            Message::Signals { signals, .. } => signals,
            other @ (Message::Wake { .. } | Message::Command { .. }) => panic!("{other:?}"),
        });
        signals.collect()
    }

    async fn dead_letters(&self) -> Vec<DeadLetter> {
        self.parts.records.store.dead_letters(999).await.unwrap()
    }

    async fn history(&self) -> Vec<String> {
        let lines = self.parts.records.store.history(None, 99).await.unwrap();
        lines.into_iter().map(|line| format!("{} {}", line.at, line.what)).collect()
    }

    async fn close(self) {
        self.parts.close().await;
    }
}

fn group(alerts: &[Value]) -> Value {
    json!({"version": "4", "alerts": alerts})
}

fn firing() -> Value {
    json!({
        "status": "firing", "fingerprint": "77aa", "startsAt": "2026-11-30T07:58:00Z",
        "labels": {"alertname": "BackendFailing", "backend": "eu"},
    })
}

#[tokio::test]
async fn repeats_within_a_minute_are_one_message_and_one_minutes_later_is_another() {
    let world = World::new(Vec::new()).await;
    let body = || group(&[firing()]).to_string();
    let first = world.taken(body()).await;
    world.set("08:00:59.999");
    assert_eq!(world.taken(body()).await, first);
    assert_eq!(world.queued().await, 1);
    // The first still waits.
    world.set("08:10:00");
    assert_ne!(world.taken(body()).await["id"], first["id"]);
    let received: Vec<Timestamp> =
        world.signals().await.into_iter().map(|signal| signal.received).collect();
    assert_eq!(received, [at("08:00:00"), at("08:10:00")]);
    world.close().await;
}

#[tokio::test]
async fn a_resolved_alert_without_a_usable_end_is_taken() {
    let world = World::new(Vec::new()).await;
    let mut alerts = Vec::new();
    for end in ["0001-01-01T00:00:00Z", "2026-11-30T07:57:00Z", "2026-12-24T00:00:00Z"] {
        let mut alert = firing();
        alert["status"] = json!("resolved");
        alert["fingerprint"] = json!(end);
        alert["endsAt"] = json!(end);
        alerts.push(alert);
    }
    assert_eq!(world.taken(group(&alerts).to_string()).await["unusable"], 0);
    let heard: Vec<Heard> = world.signals().await.iter().map(|signal| signal.heard).collect();
    let stated = |end: &str| Heard::Resolved { stated: Some(end.parse().unwrap()) };
    let wanted = [
        Heard::Resolved { stated: None },
        stated("2026-11-30T07:57:00Z"),
        stated("2026-12-24T00:00:00Z"),
    ];
    assert_eq!(heard, wanted);
    assert_eq!(world.dead_letters().await, []);
    world.close().await;
}

#[tokio::test]
async fn what_only_describes_spoils_no_alert() {
    let world = World::new(Vec::new()).await;
    let body = r#"{"version":"4","alerts":[
        {"status":"firing","labels":{"alertname":"BackendFailing","backend":"eu"},
         "annotations":{"summary":"queue is full \ud83d"},
         "startsAt":"2026-11-30T07:58:00Z","fingerprint":"77aa"},
        {"status":"firing","labels":{"alertname":"BackendFailing","backend":"us"},
         "annotations":{"runbook":null,"value":93.5},
         "startsAt":"2026-11-30T07:58:00Z","fingerprint":"77ab"}]}"#;
    assert_eq!(world.taken(body).await["unusable"], 0);
    let backends: Vec<String> =
        world.signals().await.iter().map(|signal| signal.labels["backend"].clone()).collect();
    assert_eq!(backends, ["eu", "us"]);
    assert_eq!(world.dead_letters().await, []);
    world.close().await;
}

/// What is logged, line by line.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_body_of_bad_alerts_is_one_dead_letter_and_one_line() {
    let world = World::new(Vec::new()).await;
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::WARN)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let told = tracing::subscriber::set_default(subscriber);
    for body in 0..12 {
        let alerts: Vec<Value> =
            (0..ALERTS_MAX).map(|at| json!({"status": "?", "body": body, "at": at})).collect();
        let answer = world.taken(group(&alerts).to_string()).await;
        assert_eq!(answer["unusable"], ALERTS_MAX);
    }
    drop(told);
    let kept = world.dead_letters().await;
    assert_eq!(kept.len(), 12);
    for letter in &kept {
        assert_eq!(letter.from, "am");
        let why =
            "5000 alerts cannot be used; the first: its status is `?`, neither firing nor resolved";
        assert_eq!(letter.reason, why);
        assert_eq!(letter.parts.kept.len(), DEAD_LETTER_PARTS_MAX);
        assert_eq!(letter.parts.kept.len() + letter.parts.left_out, ALERTS_MAX);
    }
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert_eq!(log.lines().count(), 12, "{log}");
    assert!(kept.iter().all(|letter| log.contains(&letter.id)), "{log}");

    // The same again is kept once; one that cannot be used among others costs no other.
    let one = json!({"status": "?"});
    for _ in 0..2 {
        assert_eq!(world.taken(group(&[one.clone(), firing()]).to_string()).await["unusable"], 1);
    }
    let kept = world.dead_letters().await;
    assert_eq!(
        (kept.len(), &*kept[12].body, kept[12].parts.kept.len()),
        (13, "{\"status\":\"?\"}", 0)
    );
    assert_eq!(world.signals().await.len(), 1);
    world.close().await;
}

#[tokio::test]
async fn alerts_that_the_sender_left_out_are_in_the_history() {
    let world = World::new(Vec::new()).await;
    let body = |count: Value| {
        let mut body = group(&[firing()]);
        body["truncatedAlerts"] = count;
        body.to_string()
    };
    assert_eq!(world.taken(body(json!(7))).await["truncated"], 7);
    world.set("08:00:30");
    world.taken(body(json!(7))).await;
    world.taken(body(json!(null))).await;
    world.set("08:05:00");
    world.taken(body(json!(1.0))).await;
    assert_eq!(
        world.history().await,
        [
            "2026-11-30T08:00:00Z am left alerts out of a delivery: 7",
            "2026-11-30T08:05:00Z am left alerts out of a delivery: 1",
        ]
    );
    world.close().await;
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(plain).unwrap();
    packed.finish().unwrap()
}

#[tokio::test]
async fn a_body_packed_with_gzip_is_taken_within_the_bound_and_others_are_refused_by_name() {
    let world = World::new(Vec::new()).await;
    let body = group(&[firing()]).to_string();
    let packed = [("content-encoding", "gzip")];
    let (status, _, answer) = world.deliver(&packed, gzip(body.as_bytes())).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
    assert_eq!(world.signals().await.len(), 1);

    let (status, headers, answer) = world.deliver(&[("content-encoding", "br")], "x").await;
    assert_eq!(
        (status, &headers["accept-encoding"]),
        (StatusCode::UNSUPPORTED_MEDIA_TYPE, &"gzip".parse().unwrap())
    );
    assert!(answer.contains("`br`"), "{answer}");
    let bomb = gzip(&vec![b' '; BODY_BYTES_MAX + 1]);
    let (status, _, answer) = world.deliver(&packed, bomb).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(answer.contains("max_alerts"), "{answer}");
    assert_eq!(world.dead_letters().await, []);

    let (status, _, answer) = world.deliver(&packed, body).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{answer}");
    assert!(world.dead_letters().await[0].reason.contains("gzip"));
    world.close().await;
}

#[tokio::test]
async fn a_byte_order_mark_is_skipped_and_utf_16_is_named() {
    let world = World::new(Vec::new()).await;
    let body = format!("\u{feff}{}", group(&[firing()]));
    world.taken(body.clone()).await;
    let wide: Vec<u8> = body.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let (status, _, answer) = world.deliver(&[], wide).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(answer.contains("it is UTF-16; save or send it as UTF-8"), "{answer}");
    world.close().await;
}

/// A source that signs its bytes (here: backwards), and asks for an answer before it sends alerts.
#[derive(Debug)]
struct Signing(SourceName);

impl Source for Signing {
    fn name(&self) -> &SourceName {
        &self.0
    }

    fn accept(&self, head: &request::Parts) -> Result<Reader<'_>, Refused> {
        let signature = head.headers.get("x-signature").ok_or(Denied::Missing)?.clone();
        Ok(Box::new(move |body, received| {
            if !signature.as_bytes().iter().eq(body.iter().rev()) {
                return Err(Denied::Wrong.into());
            }
            if body == b"hello" {
                let reply = Response::builder().header("x-spoken", "yes");
                return Ok(Told::Reply(reply.body("hello yourself".to_owned()).unwrap()));
            }
            let read = alertmanager::read(&self.0, body, received).map(Told::Alerts);
            Ok(read.unwrap_or_else(|why| Told::unreadable(body, why)))
        }))
    }

    fn smaller(&self) -> &'static str {
        "whisper"
    }

    fn whole(&self) -> &'static str {
        "speak up"
    }
}

#[tokio::test]
async fn a_source_may_sign_its_bytes_and_have_an_answer_of_its_own() {
    let source = Arc::new(Signing("signing".parse().unwrap()));
    let webhook = Webhook { path: "/signing".to_owned(), source, watchdog: None };
    let world = World::new(vec![webhook]).await;
    let signed = async |body: &str| {
        let signature: String = body.chars().rev().collect();
        world.post("/signing", &[("x-signature", &signature)], body.to_owned()).await
    };
    let (status, headers, answer) = signed("hello").await;
    assert_eq!((status, &*answer), (StatusCode::OK, "hello yourself"));
    assert_eq!(headers["x-spoken"], "yes");
    assert_eq!(world.queued().await, 0);

    assert_eq!(world.post("/signing", &[], "hello").await.0, StatusCode::UNAUTHORIZED);
    let wrong = world.post("/signing", &[("x-signature", "hello")], "hello").await;
    assert_eq!((wrong.0, &*wrong.2), (StatusCode::FORBIDDEN, r#"{"error":"forbidden"}"#));
    let large =
        world.post("/signing", &[("x-signature", "x")], " ".repeat(BODY_BYTES_MAX + 1)).await;
    assert_eq!(large.0, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(large.2.contains("whisper"), "{}", large.2);
    assert_eq!(world.dead_letters().await, [], "nothing of a stranger's is kept");

    assert_eq!(signed("[]").await.0, StatusCode::BAD_REQUEST);
    assert_eq!(world.dead_letters().await[0].from, "signing");
    let (status, _, answer) = signed(&group(&[firing()]).to_string()).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
    assert_eq!(world.signals().await[0].series.source().as_str(), "signing");
    world.close().await;
}
