//! Service Bus, as a client of its REST interface meets it.

use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use futures_util::future::join;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use pointsman_emulator::{Emulator, Options, Queue, ServiceBus};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::client::{MINUTE, client};

const AUDIENCE: &str = "https://servicebus.azure.net";
const POLICY: &str = "RootManageSharedAccessKey";

struct Bus {
    azure: Emulator,
    http: reqwest::Client,
    authorization: String,
}

/// A message, or why there is none.
struct Got {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Got {
    fn properties(&self) -> Value {
        serde_json::from_str(self.headers["brokerproperties"].to_str().unwrap()).unwrap()
    }

    /// The path behind the host that settles it.
    fn place(&self) -> String {
        let location: http::Uri = self.headers["location"].to_str().unwrap().parse().unwrap();
        location.path().to_owned()
    }
}

impl Bus {
    async fn new() -> Self {
        Self::with(ServiceBus::default()).await
    }

    async fn with(bus: ServiceBus) -> Self {
        let options = Options { service_bus: Some(bus), ..Options::default() };
        let azure = Emulator::start(options).await.unwrap();
        let authorization = format!("Bearer {}", azure.token_for(AUDIENCE, 24 * 60 * MINUTE));
        Self { azure, http: client(), authorization }
    }

    async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Got {
        let url = format!("{}{path}", self.azure.service_bus_url().unwrap());
        let mut request = self.http.request(method.parse().unwrap(), url).body(body.to_owned());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.header("Authorization", &self.authorization);
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        Got { status, headers, body: response.text().await.unwrap() }
    }

    async fn send(&self, body: &str, properties: &Value) -> StatusCode {
        let properties = properties.to_string();
        self.ask("POST", "/pointsman/messages", &[("BrokerProperties", &properties)], body)
            .await
            .status
    }

    /// Receives one with a lock, and waits no time.
    async fn lock(&self) -> Option<Got> {
        let got = self.ask("POST", "/pointsman/messages/head?timeout=0", &[], "").await;
        assert!(matches!(got.status.as_u16(), 201 | 204), "{}", got.body);
        (got.status == StatusCode::CREATED).then_some(got)
    }

    async fn settle(&self, how: &str, got: &Got) -> u16 {
        self.ask(how, &got.place(), &[], "").await.status.as_u16()
    }
}

#[tokio::test]
async fn what_is_sent_is_received_locked_and_completed() {
    let bus = Bus::new().await;
    let sent =
        [("BrokerProperties", r#"{"MessageId":"m-1","Label":"l"}"#), ("Priority", "\"High\"")];
    let content_type = ("Content-Type", "text/plain");
    let answer =
        bus.ask("POST", "/pointsman/messages", &[sent[0], sent[1], content_type], "über").await;
    assert_eq!(answer.status, StatusCode::CREATED);
    let got = bus.lock().await.unwrap();
    assert_eq!((&*got.body, got.headers["priority"].to_str().unwrap()), ("über", "\"High\""));
    assert_eq!(got.headers["content-type"], "text/plain");
    let properties = got.properties();
    let said = ["MessageId", "Label", "DeliveryCount", "State"].map(|name| &properties[name]);
    assert_eq!(said, [&json!("m-1"), &json!("l"), &json!(1), &json!("Active")]);
    assert!(got.place().ends_with(properties["LockToken"].as_str().unwrap()));
    assert!(bus.lock().await.is_none(), "it is locked");
    assert_eq!(bus.settle("DELETE", &got).await, 200);
    assert_eq!(bus.settle("DELETE", &got).await, 410, "it is gone");
    assert_eq!(bus.azure.messages("pointsman"), Some((0, 0)));
}

#[tokio::test]
async fn a_lock_runs_out_and_can_be_renewed_or_given_back() {
    let bus = Bus::new().await;
    assert_eq!(bus.send("one", &json!({})).await, 201);
    let first = bus.lock().await.unwrap();
    bus.azure.clock().advance(Duration::from_secs(40));
    assert_eq!(bus.settle("POST", &first).await, 200);
    bus.azure.clock().advance(Duration::from_secs(40));
    assert!(bus.lock().await.is_none(), "its lock was renewed");
    bus.azure.clock().advance(Duration::from_secs(21));
    assert_eq!(bus.settle("DELETE", &first).await, 410, "its lock has run out");
    let second = bus.lock().await.unwrap();
    assert_eq!(second.properties()["DeliveryCount"], 2);
    assert_eq!(bus.settle("POST", &first).await, 410);
    assert_eq!(bus.settle("PUT", &second).await, 200);
    let third = bus.lock().await.unwrap();
    assert_eq!(third.properties()["DeliveryCount"], 3);
    // By its id as well as by its number.
    let id = third.properties()["MessageId"].as_str().unwrap().to_owned();
    let lock = third.properties()["LockToken"].as_str().unwrap().to_owned();
    let path = format!("/pointsman/messages/{id}/{lock}");
    assert_eq!(bus.ask("DELETE", &path, &[], "").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_receiver_waits_for_what_is_sent_scheduled_or_given_back() {
    let bus = Bus::new().await;
    let wait = || bus.ask("POST", "/Pointsman/messages/head?timeout=30", &[], "");
    let (got, sent) = join(wait(), bus.send("at once", &json!({}))).await;
    assert_eq!((&*got.body, sent.as_u16()), ("at once", 201));
    let (again, given) = join(wait(), bus.settle("PUT", &got)).await;
    assert_eq!((&*again.body, given), ("at once", 200));
    assert_eq!(bus.settle("DELETE", &again).await, 200);
    let due = bus.azure.clock().now() + Duration::from_secs(20);
    let due = due.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string();
    assert_eq!(bus.send("later", &json!({"ScheduledEnqueueTimeUtc": due})).await, 201);
    assert!(bus.lock().await.is_none(), "it is not due");
    let step = async { bus.azure.clock().advance(Duration::from_secs(21)) };
    let (got, ()) = join(wait(), step).await;
    assert_eq!(got.body, "later");
    // The wait goes by the emulator's clock, which is stepped until it is over.
    let steps = async {
        loop {
            bus.azure.clock().advance(Duration::from_secs(10));
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::select! {
        none = wait() => assert_eq!(none.status, StatusCode::NO_CONTENT),
        () = steps => {}
    }
}

#[tokio::test]
async fn what_is_delivered_too_often_is_a_dead_letter() {
    let queue = Queue { deliveries_max: 2, ..Queue::default() };
    let bus = Bus::with(ServiceBus { queues: vec![queue], ..ServiceBus::default() }).await;
    assert_eq!(bus.send("poison", &json!({"MessageId": "p"})).await, 201);
    assert_eq!(bus.send("sound", &json!({})).await, 201);
    for _ in 0..2 {
        let got = bus.lock().await.unwrap();
        assert_eq!(got.body, "poison");
        assert_eq!(bus.settle("PUT", &got).await, 200);
    }
    let sound = bus.lock().await.unwrap();
    assert_eq!(sound.body, "sound");
    assert_eq!(bus.settle("DELETE", &sound).await, 200);
    assert_eq!(bus.azure.messages("pointsman"), Some((0, 1)));
    let dead = "/pointsman/$DeadLetterQueue/messages/head?timeout=0";
    let got = bus.ask("POST", dead, &[], "").await;
    assert_eq!((&*got.body, &got.properties()["MessageId"]), ("poison", &json!("p")));
    assert_eq!(got.headers["deadletterreason"], "\"MaxDeliveryCountExceeded\"");
    assert_eq!(bus.settle("DELETE", &got).await, 200);
    assert_eq!(bus.azure.messages("pointsman"), Some((0, 0)));
}

#[tokio::test]
async fn the_same_id_is_taken_once_within_the_window() {
    let bus = Bus::new().await;
    for _ in 0..2 {
        assert_eq!(bus.send("same", &json!({"MessageId": "s"})).await, 201);
        assert_eq!(bus.send("without an id", &json!({})).await, 201);
    }
    assert_eq!(bus.azure.messages("pointsman"), Some((3, 0)));
    bus.azure.clock().advance(11 * MINUTE);
    assert_eq!(bus.send("same", &json!({"MessageId": "s"})).await, 201);
    assert_eq!(bus.azure.messages("pointsman"), Some((4, 0)));
}

#[tokio::test]
async fn a_batch_is_taken_whole_or_not_at_all() {
    let bus = Bus::new().await;
    let batch = [("Content-Type", "application/vnd.microsoft.servicebus.json")];
    let of = |bytes: usize| {
        json!([
            {"Body": "a", "BrokerProperties": {"MessageId": "1"}, "UserProperties": {"Kind": "x"}},
            {"Body": "b".repeat(bytes)},
        ])
        .to_string()
    };
    let large = bus.ask("POST", "/pointsman/messages", &batch, &of(256 * 1024)).await;
    assert_eq!((large.status.as_u16(), bus.azure.messages("pointsman")), (403, Some((0, 0))));
    let taken = bus.ask("POST", "/pointsman/messages", &batch, &of(1)).await;
    assert_eq!((taken.status.as_u16(), bus.azure.messages("pointsman")), (201, Some((2, 0))));
    let first = bus.ask("DELETE", "/pointsman/messages/head?timeout=0", &[], "").await;
    assert_eq!((first.status.as_u16(), &*first.body), (200, "a"));
    assert_eq!(first.headers["kind"], "\"x\"");
    assert_eq!(bus.azure.messages("pointsman"), Some((1, 0)));
}

/// A signature as the service's page describes it.
fn signature(resource: &str, key: &str, ends: Timestamp) -> String {
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let (resource, ends) = (encode(resource), ends.as_second());
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
    mac.update(format!("{resource}\n{ends}").as_bytes());
    let sig = encode(&BASE64_STANDARD.encode(mac.finalize().into_bytes()));
    format!("SharedAccessSignature sr={resource}&sig={sig}&se={ends}&skn={POLICY}")
}

#[tokio::test]
async fn a_signature_or_a_token_lets_in_and_nothing_else() {
    let mut bus = Bus::new().await;
    let key = ServiceBus::default().policies[POLICY].clone();
    let (now, hour) = (bus.azure.clock().now(), Duration::from_secs(3_600));
    let host = "https://contoso-bus.servicebus.windows.net";
    let management = format!("Bearer {}", bus.azure.token());
    for (authorization, status) in [
        (signature(&format!("{host}/pointsman/messages"), &key, now + hour), 201),
        (signature(host, &key, now + hour), 201),
        (signature(&format!("{host}/other"), &key, now + hour), 401),
        (signature(host, &key, now - hour), 401),
        (signature(host, "another key", now + hour), 401),
        ("SharedAccessSignature".to_owned(), 401),
        (management, 401),
        (String::new(), 401),
    ] {
        bus.authorization = authorization;
        assert_eq!(bus.send("x", &json!({})).await, status, "{}", bus.authorization);
    }
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused() {
    let bus = Bus::new().await;
    let nowhere = bus.ask("POST", "/nope/messages/head?timeout=0", &[], "").await;
    assert_eq!(nowhere.status, StatusCode::NOT_FOUND);
    assert!(nowhere.body.contains("<Code>404</Code>"), "{}", nowhere.body);
    let wrong = bus.ask("POST", "/pointsman/messages", &[("BrokerProperties", "{")], "x").await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    assert_eq!(
        bus.ask("PATCH", "/pointsman/messages", &[], "").await.status,
        StatusCode::NOT_FOUND
    );
    let dead = bus.ask("POST", "/pointsman/$DeadLetterQueue/messages", &[], "x").await;
    assert_eq!(dead.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_credits_of_a_second_are_all_that_there_are() {
    let bus = Bus::with(ServiceBus { credits: true, ..ServiceBus::default() }).await;
    let parts: Vec<Value> = (0..1_000).map(|number| json!({"Body": number.to_string()})).collect();
    let batch = [("Content-Type", "application/vnd.microsoft.servicebus.json")];
    let whole = Value::from(parts).to_string();
    // A second may end between two requests, but not between all of these.
    let mut refused = None;
    for _ in 0..50 {
        let got = bus.ask("POST", "/pointsman/messages", &batch, &whole).await;
        if got.status != StatusCode::CREATED {
            refused = Some(got);
            break;
        }
    }
    let refused = refused.expect("the credits are used up");
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(refused.body.contains("50009"), "{}", refused.body);
    bus.azure.clock().advance(Duration::from_secs(1));
    assert_eq!(bus.send("x", &json!({})).await, 201);
}

#[tokio::test]
async fn what_was_answered_survives_the_emulator() {
    let folder = tempfile::tempdir().unwrap();
    let of = || ServiceBus { file: Some(folder.path().join("bus.db")), ..ServiceBus::default() };
    let bus = Bus::with(of()).await;
    for body in ["one", "two"] {
        assert_eq!(bus.send(body, &json!({"MessageId": body})).await, 201);
    }
    let one = bus.lock().await.unwrap();
    drop(bus);
    let bus = Bus::with(of()).await;
    assert_eq!(bus.send("one", &json!({"MessageId": "one"})).await, 201);
    assert_eq!(bus.azure.messages("pointsman"), Some((2, 0)), "it remembers what was sent");
    assert_eq!(bus.lock().await.unwrap().body, "two");
    assert_eq!(bus.settle("DELETE", &one).await, 200, "the lock is still good");
}
