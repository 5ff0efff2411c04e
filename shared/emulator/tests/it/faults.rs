//! Each fault, as a client meets it.

use crate::client::{BOUND, MINUTE, World};
use http::StatusCode;
use pointsman_emulator::{
    Effect, Fault, Match, Operation, Options, Origin, Outcome, Times,
    fault::{Document, Kind, ServerError, Write},
};
use serde_json::{Value, json};
use std::time::Duration;

fn title(title: &str) -> Value {
    json!({"properties": {"title": title}})
}

impl World {
    fn title(&self) -> Value {
        self.azure.backend("chat").unwrap().body["properties"]["title"].clone()
    }

    fn etag(&self) -> String {
        self.azure.backend("chat").unwrap().etag
    }
}

#[tokio::test]
async fn errors_come_before_or_after_the_write() {
    for (error, write, status) in [
        (ServerError::Internal, Write::NotDone, 500),
        (ServerError::BadGateway, Write::Done, 502),
        (ServerError::Unavailable, Write::NotDone, 503),
        (ServerError::GatewayTimeout, Write::Done, 504),
        (ServerError::Conflict, Write::NotDone, 409),
        (ServerError::ManagementApi, Write::NotDone, 422),
        (ServerError::PreconditionFailed, Write::NotDone, 412),
    ] {
        let world = World::chat().await;
        let kind = Kind::Error { error, write };
        world.azure.inject(Fault::once(Match::patch("chat"), kind));
        let tag = world.etag();
        let got = world.patch("chat", &tag, &title("new")).await;
        assert_eq!(got.status, status);
        assert!(got.body["error"]["message"].is_string());
        let done = write == Write::Done;
        assert_eq!(world.title() == json!("new"), done, "{error:?}");
        assert_eq!(world.azure.writes("chat")[0].effect.happened(), done);
        let again = world.patch("chat", &tag, &title("again")).await;
        assert_eq!(again.status, if done { 412 } else { 200 });
        world.azure.finish();
    }
}

#[tokio::test]
async fn cuts_come_before_or_after_the_write() {
    for write in [Write::NotDone, Write::Done] {
        let world = World::chat().await;
        world.azure.inject(Fault::once(Match::writes(), Kind::Cut { write }));
        let error = world.try_patch("chat", &world.etag(), &title("new")).await.unwrap_err();
        assert!(error.is_request() || error.is_body(), "{error:?}");
        let write_was = world.azure.writes("chat").pop().unwrap();
        assert_eq!(write_was.outcome, Outcome::Cut);
        let done = write == Write::Done;
        assert_eq!(world.title() == json!("new"), done);
        let want = if done { Effect::Written { etag: world.etag() } } else { Effect::None };
        assert_eq!(write_was.effect, want);
        world.azure.finish();
    }
}

#[tokio::test]
async fn a_late_write_lands_when_it_is_told() {
    let world = World::chat().await;
    world.azure.inject(Fault::once(Match::patch("chat"), Kind::LandsLate { after: None }));
    let tag = world.etag();
    world.try_patch("chat", &tag, &title("late")).await.unwrap_err();
    assert_eq!(world.title(), Value::Null);
    assert_eq!(world.azure.writes("chat")[0].effect, Effect::Waiting);
    let leftovers = world.azure.leftovers().unwrap_err().to_string();
    assert!(leftovers.contains("a late write never landed"), "{leftovers}");
    // Meanwhile nothing stops the client from reading what is there.
    assert_eq!(world.get("chat").await.etag(), tag);
    let landed = world.azure.land();
    assert_eq!(landed.len(), 1);
    assert_eq!(landed[0].1, Effect::Written { etag: world.etag() });
    assert_eq!(world.title(), json!("late"));
    assert!(world.azure.land().is_empty());
    world.azure.finish();
}

#[tokio::test]
async fn a_late_write_is_lost_by_a_412_when_someone_came_first() {
    let world = World::chat().await;
    let kind = Kind::LandsLate { after: Some(5 * MINUTE) };
    world.azure.inject(Fault::once(Match::patch("chat"), kind));
    let tag = world.etag();
    world.try_patch("chat", &tag, &title("late")).await.unwrap_err();
    world.azure.clock().advance(4 * MINUTE);
    let retried = world.patch("chat", &tag, &title("again")).await;
    assert_eq!(retried.status, 200);
    let waits = world.azure.wait_for(|azure| azure.late().count() == 0, BOUND);
    let steps = async { world.azure.clock().advance(MINUTE) };
    let (waited, ()) = tokio::join!(waits, steps);
    waited.unwrap();
    let lost = Effect::Lost { status: StatusCode::PRECONDITION_FAILED };
    assert_eq!(world.azure.writes("chat")[0].effect, lost);
    assert_eq!((world.title(), world.etag()), (json!("again"), retried.etag()));
    world.azure.finish();
}

#[tokio::test]
async fn late_writes_and_reconnects_land_in_order() {
    let world = World::chat().await;
    let late =
        Fault { on: Match::any(), times: Times::Count(3), kind: Kind::LandsLate { after: None } };
    world.azure.inject(late);
    for word in ["one", "two"] {
        world.try_patch("chat", "*", &title(word)).await.unwrap_err();
    }
    let url = world.url("eu").replace("?", "/reconnect?");
    world.send("POST", &url, None, None).await.unwrap_err();
    assert!(world.azure.reconnects().is_empty());
    let landed = world.azure.land();
    let numbers: Vec<_> = landed.iter().map(|(number, _)| *number).collect();
    assert!(numbers.is_sorted());
    assert_eq!(landed[2].1, Effect::Reconnects);
    assert_eq!(world.title(), json!("two"));
    assert_eq!(world.azure.reconnects().len(), 1);
}

#[tokio::test]
async fn a_stale_read_shows_what_was() {
    let world = World::chat().await;
    let old = world.get("chat").await;
    let fault = Fault {
        on: Match::get("chat"),
        times: Times::Count(2),
        kind: Kind::StaleRead { versions: 1 },
    };
    world.azure.inject(fault);
    assert_eq!(world.get("chat").await.etag(), old.etag(), "nothing to be stale with yet");
    let new = world.patch("chat", "*", &title("new")).await;
    for _ in 0..2 {
        let stale = world.get("chat").await;
        assert_eq!((stale.etag(), &stale.body), (old.etag(), &old.body));
    }
    assert_eq!(world.get("chat").await.etag(), new.etag());
    world.azure.inject(Fault::once(Match::get("chat"), Kind::StaleRead { versions: 99 }));
    world.patch("chat", "*", &title("newer")).await;
    assert_eq!(world.get("chat").await.etag(), old.etag(), "the oldest that is known");
    // What was read stale is stale for a write too.
    let refused = world.patch("chat", &old.etag(), &title("x")).await;
    assert_eq!(refused.status, 412);
    world.azure.finish();
}

#[tokio::test]
async fn a_429_names_the_end_of_its_window() {
    let world = World::chat().await;
    world.azure.throttle(Match::any(), Duration::from_secs(30));
    let got = world.patch("chat", "*", &title("new")).await;
    assert_eq!(got.status, 429);
    assert_eq!(got.header("retry-after"), "30");
    world.azure.clock().advance(Duration::from_secs(20));
    let got = world.get("chat").await;
    assert_eq!((got.status.as_u16(), got.header("retry-after").as_str()), (429, "10"));
    world.azure.clock().advance(Duration::from_secs(10));
    assert_eq!(world.patch("chat", "*", &title("new")).await.status, 200);
    assert_eq!(world.azure.writes("chat").len(), 2);
    world.azure.finish();
}

#[tokio::test]
async fn a_latency_goes_by_the_clock_and_outlives_its_client() {
    let world = World::chat().await;
    let kind = Kind::Latency { by: 10 * MINUTE };
    world.azure.inject(Fault::once(Match::patch("chat"), kind));
    let tag = world.etag();
    let (url, body) = (world.url("chat"), title("slow"));
    {
        let request = world.send("PATCH", &url, Some(&tag), Some(&body));
        tokio::pin!(request);
        let seen = world.azure.wait_for(|azure| azure.writes("chat").count() == 1, BOUND);
        tokio::select! {
            got = &mut request => panic!("answered before its time: {got:?}"),
            seen = seen => seen.unwrap(),
        }
        // The client gives up here: the request is dropped and its connection with it.
    }
    assert_eq!(world.azure.writes("chat")[0].outcome, Outcome::Pending);
    assert_eq!(world.title(), Value::Null);
    world.azure.clock().advance(10 * MINUTE);
    let done = |azure: &pointsman_emulator::View<'_>| {
        azure.writes("chat").all(|write| write.effect.happened())
    };
    world.azure.wait_for(done, BOUND).await.unwrap();
    assert_eq!(world.title(), json!("slow"));
    world.azure.finish();
}

#[tokio::test]
async fn the_foreign_writer_needs_no_etag_and_is_told_apart() {
    let world = World::chat().await;
    let tag = world.etag();
    let foreign = world.azure.foreign_patch("chat", &title("theirs")).unwrap();
    assert_eq!(foreign, world.etag());
    assert_eq!(world.patch("chat", &tag, &title("ours")).await.status, 412);
    assert_eq!(world.azure.writes("chat").len(), 1, "foreign writes are not the client's");
    let refused = world.azure.foreign_put("bad", &json!({"properties": {}})).unwrap_err();
    assert!(refused.to_string().contains("properties.url is missing"), "{refused}");
    world.azure.foreign_delete("chat").unwrap();
    assert!(world.azure.backend("chat").is_none());
}

#[tokio::test]
async fn what_was_not_met_fails_the_test() {
    let world = World::chat().await;
    let cut = Kind::Cut { write: Write::Done };
    world.azure.inject(Fault::once(Match::patch("nobody"), cut.clone()));
    let taken_back = world.azure.inject(Fault::once(Match::get("chat"), cut));
    assert!(world.azure.clear(taken_back));
    assert!(!world.azure.clear(taken_back));
    world.send("GET", &format!("{}/nonsense", world.azure.arm_url()), None, None).await.unwrap();
    let leftovers = world.azure.leftovers().unwrap_err().to_string();
    let lines: Vec<_> = leftovers.lines().collect();
    assert_eq!(lines.len(), 3, "{leftovers}");
    assert!(lines[1].contains("a fault was never met: Cut { write: Done } on [Patch] of nobody"));
    assert_eq!(lines[2], "  an unexpected call: #4 GET /nonsense");
    world.azure.clear_faults();
    world.azure.forget_requests();
    world.azure.finish();
}

#[tokio::test]
async fn faults_strike_only_the_authentic() {
    let world = World::with(Options::default()).await;
    world.azure.put_single("eu", "http://x").unwrap();
    let kind = Kind::Cut { write: Write::NotDone };
    world.azure.inject(Fault::once(Match::operation(Operation::Get), kind));
    let bare = world.http.get(world.url("eu")).send().await.unwrap();
    assert_eq!(bare.status(), 401);
    world.send("GET", &world.url("eu"), None, None).await.unwrap_err();
    assert_eq!(world.get("eu").await.status, 200);
    world.azure.finish();
}

#[tokio::test]
async fn a_slow_body_comes_in_halves() {
    let world = World::chat().await;
    let by = 10 * MINUTE;
    world.azure.inject(Fault::once(Match::get("chat"), Kind::SlowBody { by }));
    let request = world.http.get(world.url("chat")).bearer_auth(&world.token);
    let mut response = request.send().await.unwrap();
    assert_eq!(response.status(), 200, "the head is there at once");
    let whole = usize::try_from(response.content_length().unwrap()).unwrap();
    let first = response.chunk().await.unwrap().unwrap();
    assert_eq!(first.len(), whole / 2);
    let second = async {
        let mut rest = Vec::new();
        while let Some(chunk) = response.chunk().await.unwrap() {
            rest.extend(chunk);
        }
        rest
    };
    // Polled first: it waits for the clock.
    let (rest, ()) = tokio::join!(biased; second, async { world.azure.clock().advance(by) });
    let body: Value = serde_json::from_slice(&[&first, &*rest].concat()).unwrap();
    assert_eq!(body, world.azure.backend("chat").unwrap().body);
    // A body that is waiting does not keep the emulator from stopping.
    world.azure.inject(Fault::once(Match::get("chat"), Kind::SlowBody { by }));
    let request = world.http.get(world.url("chat")).bearer_auth(&world.token);
    let response = request.send().await.unwrap();
    world.azure.stop().await;
    response.bytes().await.unwrap_err();
    world.azure.finish();
}

#[tokio::test]
async fn a_foreign_put_comes_between_a_read_and_its_write() {
    let world = World::chat().await;
    let before = world.get("eu").await;
    let theirs = json!({"properties": {"url": "http://theirs", "protocol": "http"}});
    let kind = Kind::ForeignPut { body: Document(theirs.clone()) };
    world.azure.inject(Fault::once(Match::patch("eu"), kind));
    let refused = world.patch("eu", &before.etag(), &title("ours")).await;
    assert_eq!(refused.status, 412);
    let after = world.get("eu").await;
    assert_eq!(after.body["properties"], theirs["properties"]);
    assert_eq!(world.patch("eu", &after.etag(), &title("ours")).await.status, 200);
    let foreign: Vec<_> =
        world.azure.requests().into_iter().filter(|r| r.origin == Origin::Foreign).collect();
    let last = foreign.last().unwrap();
    assert_eq!((last.operation, last.if_match.as_deref()), (Operation::Put, None));
    assert_eq!(last.effect, Effect::Written { etag: after.etag() });
    world.azure.finish();
}

#[tokio::test]
async fn a_proxy_answers_in_html() {
    for write in [Write::NotDone, Write::Done] {
        let world = World::chat().await;
        let kind = Kind::ProxyPage { status: StatusCode::BAD_GATEWAY, write };
        world.azure.inject(Fault::once(Match::writes(), kind));
        let request = world.http.patch(world.url("chat")).bearer_auth(&world.token);
        let request = request.header("If-Match", "*").json(&title("new"));
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 502);
        assert_eq!(response.headers()["content-type"], "text/html");
        assert!(response.text().await.unwrap().starts_with("<html>"));
        assert_eq!(world.title() == json!("new"), write == Write::Done);
        world.azure.finish();
    }
}

#[tokio::test]
async fn heads_and_lists_can_be_stale_too() {
    let world = World::chat().await;
    let old = world.get("eu").await;
    world.azure.foreign_patch("eu", &title("new")).unwrap();
    let stale = || Fault::once(Match::any(), Kind::StaleRead { versions: 1 });
    world.azure.inject(stale());
    let head = async || world.send("HEAD", &world.url("eu"), None, None).await.unwrap().etag();
    assert_eq!(head().await, old.etag());
    assert_ne!(head().await, old.etag());
    world.azure.inject(stale());
    let list = async || {
        let url = world.url("").replace("/?", "?");
        let got = world.send("GET", &url, None, None).await.unwrap().body;
        let titles = got["value"].as_array().unwrap().iter();
        titles.map(|value| value["properties"]["title"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(list().await, [Value::Null, Value::Null, Value::Null]);
    assert_eq!(list().await, [Value::Null, json!("new"), Value::Null]);
    world.azure.finish();
}

#[tokio::test]
async fn faults_can_be_there_from_the_start() {
    let faults = r#"[{"kind": {"error": {"error": "unavailable", "write": "not-done"}}}]"#;
    let faults = serde_json::from_str(faults).unwrap();
    let world = World::with(Options { faults, ..Options::default() }).await;
    world.azure.put_single("eu", "http://x").unwrap();
    assert_eq!(world.get("eu").await.status, 503);
    assert_eq!(world.get("eu").await.status, 200);
    world.azure.finish();
}
