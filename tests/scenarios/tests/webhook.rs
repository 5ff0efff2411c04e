//! What a source is answered, and what it can count on after that.

use std::process::Stdio;

use jiff::{SignedDuration, Timestamp};
use pointsman_scenarios::{
    World,
    alerts::{Alert, webhook},
    evidence::orderly,
    operator::says,
    wire::{Answer, Raw, answer},
    world::{DRAIN, Serve, TOKEN, binary},
};
use serde_json::{Value, json};
use tokio::process::Command;

fn eu() -> Alert {
    Alert::firing("eu", Timestamp::now())
}

/// The dead letters.
async fn letters(world: &World) -> Vec<Value> {
    let listed = world.json(&["dead-letters", "list"]).await;
    listed["deadLetters"].as_array().expect("a list").clone()
}

#[tokio::test]
async fn the_same_delivery_is_acted_upon_once_and_another_gets_another_id() {
    let world = World::new(DRAIN).await;
    let serve = world.serve(&[]).await;
    let alert = eu();
    let body = webhook(std::slice::from_ref(&alert));
    let first = world.deliver(&serve, &body).await;
    assert_eq!(first.status, 202, "{first:?}");
    let id = first.json()["id"].as_str().expect("an id").to_owned();
    assert!(!id.is_empty());
    // Its id is the same within a minute, which may be over by now.
    assert_eq!(world.deliver(&serve, &body).await.status, 202);
    world.weights([0, 30, 20]).await;
    assert_eq!(world.deliver(&serve, &body).await.status, 202);
    let end = world.deliver(&serve, &webhook(&[alert.resolved(Timestamp::now())])).await;
    assert_ne!(end.json()["id"].as_str(), Some(&*id));
    world.weights([50, 30, 20]).await;
    world.settled().await;
    assert_eq!(orderly(&world.azure).len(), 2);
    assert_eq!(world.ledger().await.count("fired"), 1);
    world.finish();
}

/// A `serve` whose files can be kept from growing, as a full disk would.
async fn serve_on_a_disk_that_can_be_full(world: &World) -> Serve {
    let mut command = Command::new("sh");
    // Where a limit on the size of files is met, a process is killed unless it asks not to be.
    command
        .args(["-c", "trap '' XFSZ; exec \"$0\" serve"])
        .arg(binary())
        .current_dir(world.folder.path())
        .env("AZURE_TOKEN", world.azure.token())
        .env("SOURCE_TOKEN", TOKEN)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    world.serve_by(command).await
}

async fn limit_files(serve: &Serve, bytes: &str) {
    let limited = Command::new("prlimit")
        .args(["--pid", &serve.id().to_string(), &format!("--fsize={bytes}:unlimited")])
        .status()
        .await;
    assert!(limited.expect("prlimit, of util-linux, is installed").success());
}

#[tokio::test]
async fn what_cannot_be_stored_is_answered_with_503_and_is_taken_once_it_can() {
    let world = World::new(DRAIN).await;
    let serve = serve_on_a_disk_that_can_be_full(&world).await;
    let (alert, body) = (eu(), |alert: &Alert| webhook(std::slice::from_ref(alert)));
    limit_files(&serve, "0").await;
    let refused = world.deliver(&serve, &body(&alert)).await;
    assert_eq!(refused.status, 503, "{refused:?}");
    assert_eq!(refused.json(), json!({"error": "it could not be stored; send it again"}));
    let unreadable = answer(world.post(&serve, "not JSON").bearer_auth(TOKEN)).await;
    assert_eq!(unreadable.status, 503, "not kept, and so not refused for good");
    let ready = world.get(&serve, "/health/ready").await;
    assert_eq!((ready.status, &ready.json()["ready"]), (503, &json!(false)), "{ready:?}");
    assert_eq!(world.get(&serve, "/health/live").await.status, 200);
    assert!(orderly(&world.azure).is_empty());

    limit_files(&serve, "unlimited").await;
    assert_eq!(world.deliver(&serve, &body(&alert)).await.status, 202);
    world.weights([0, 30, 20]).await;
    world
        .await_that("it is ready again", async || {
            world.get(&serve, "/health/ready").await.status == 200
        })
        .await;

    // A disk that is full while something is in force, and its end is told.
    limit_files(&serve, "0").await;
    let over = alert.resolved(Timestamp::now());
    assert_eq!(world.deliver(&serve, &body(&over)).await.status, 503);
    assert_eq!(world.azure.view(|azure| azure.weight("chat", "eu")), Some(0));
    limit_files(&serve, "unlimited").await;
    assert_eq!(world.deliver(&serve, &body(&over)).await.status, 202);
    world.weights([50, 30, 20]).await;
    world.settled().await;
    assert_eq!(orderly(&world.azure).len(), 2);
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn whoever_does_not_prove_itself_gets_no_hint() {
    let began = std::time::Instant::now();
    let world = World::new(DRAIN).await;
    let serve = world.serve(&[]).await;
    let good = webhook(&[eu()]).to_string();
    let missing = answer(world.post(&serve, good.clone())).await;
    assert_eq!(missing.status, 401, "{missing:?}");
    assert_eq!(missing.text, r#"{"error":"unauthorized"}"#);
    assert!(missing.headers.contains_key("www-authenticate"), "{missing:?}");
    // Neither what the body is nor how long it is makes a difference.
    assert_eq!(answer(world.post(&serve, "not JSON")).await, missing);
    assert_eq!(answer(world.post(&serve, vec![b' '; 3 << 20])).await, missing);

    let wrong = answer(world.post(&serve, good.clone()).bearer_auth("wrong")).await;
    assert_eq!(wrong.status, 403, "{wrong:?}");
    assert_eq!(wrong.text, r#"{"error":"forbidden"}"#);
    let upper = TOKEN.to_uppercase();
    for credential in [
        "Bearer".to_owned(),
        "Bearer scenario-toke".to_owned(),
        format!("Bearer {TOKEN}2"),
        format!("Bearer {upper}"),
        format!("Basic {TOKEN}"),
        TOKEN.to_owned(),
        String::new(),
    ] {
        let request = world.post(&serve, good.clone()).header("authorization", &credential);
        assert_eq!(answer(request).await, wrong, "{credential}");
    }
    let basic = world.post(&serve, good.clone()).basic_auth("prometheus", Some(TOKEN));
    assert_eq!(answer(basic).await, wrong);
    let twice = world.post(&serve, good).bearer_auth(TOKEN).header("authorization", "Bearer wrong");
    assert_eq!(answer(twice).await, wrong, "which of two counts is anybody's guess");
    assert_eq!(answer(world.post(&serve, "not JSON").bearer_auth("wrong")).await, wrong);
    let large = world.post(&serve, vec![b' '; 3 << 20]).bearer_auth("wrong");
    assert_eq!(answer(large).await, wrong);

    assert!(letters(&world).await.is_empty(), "nothing of a stranger's is kept");
    assert_eq!(world.ledger().await.count("fired"), 0);
    assert!(orderly(&world.azure).is_empty());
    // But the operator is told, and not as often as a stranger likes.
    for (status, least) in [(401, 1), (403, 1)] {
        let log = world.log();
        let told = log.lines().filter(|line| {
            line.contains("a delivery was refused")
                && line.contains(&format!("\"status\":{status}"))
        });
        let (told, minutes) = (told.count() as u64, began.elapsed().as_secs() / 60);
        assert!((least..=1 + minutes).contains(&told), "{status} {told} times:\n{log}");
    }
    world.finish();
}

#[tokio::test]
async fn an_authentic_body_that_cannot_be_read_is_refused_with_a_reason_and_kept() {
    let world = World::new(DRAIN).await;
    let serve = world.serve(&[]).await;
    let mut newer = webhook(&[eu()]);
    newer["version"] = json!("5");
    let broken = "{\"version\": \"4\",\n \"alerts\": [";
    for (body, reason) in [
        (broken.to_owned(), "line 2"),
        (
            "nonsense\u{1b}[2J".to_owned(),
            "this is not JSON (line 1, column 2: expected ident): the body begins with \
             `nonsense\\u{1b}[2J`; Alertmanager sends an object, as in {\"version\": \"4\"",
        ),
        ("[]".to_owned(), "a list"),
        (newer.to_string(), "version \"5\""),
        (json!({"version": "4"}).to_string(), "no `alerts`"),
        ("\u{feff}caf\u{e9}".to_owned(), "line 1"),
    ] {
        let refused = answer(world.post(&serve, body.clone()).bearer_auth(TOKEN)).await;
        assert_eq!(refused.status, 400, "{body}: {refused:?}");
        let why = refused.json()["error"].as_str().expect("a reason").to_owned();
        assert!(why.contains(reason), "{body}: {why}");
        let kept = letters(&world).await;
        let letter = kept.iter().find(|letter| letter["body"] == json!(body));
        let letter = letter.unwrap_or_else(|| panic!("{body} is not kept: {kept:?}"));
        assert_eq!((&letter["from"], &letter["reason"]), (&json!("prometheus"), &json!(why)));
    }
    // The same again is kept once.
    answer(world.post(&serve, broken).bearer_auth(TOKEN)).await;
    assert_eq!(letters(&world).await.len(), 6);
    let binary = answer(world.post(&serve, vec![0xff, 0xfe, 0x00]).bearer_auth(TOKEN)).await;
    assert_eq!(binary.status, 400, "{binary:?}");
    assert_eq!(letters(&world).await.len(), 7);
    let empty = answer(world.post(&serve, "").bearer_auth(TOKEN)).await;
    assert_eq!(empty.status, 400, "{empty:?}");

    let shown = world.ok(&["dead-letters", "list"]).await;
    assert!(shown.contains("a list") && shown.contains("prometheus"), "{shown}");
    let id = letters(&world).await[0]["id"].as_str().expect("an id").to_owned();
    world.ok(&["dead-letters", "drop", &id]).await;
    assert!(letters(&world).await.iter().all(|letter| letter["id"] != json!(id)));
    assert!(orderly(&world.azure).is_empty());
    world.finish();
}

#[tokio::test]
async fn one_bad_alert_is_kept_and_the_others_act() {
    let world = World::new(DRAIN).await;
    let serve = world.serve(&[]).await;
    let mut body = webhook(&[Alert::firing("us", Timestamp::now()), eu()]);
    body["alerts"][0]["startsAt"] = json!("yesterday");
    body["alerts"].as_array_mut().expect("a list").push(json!(7));
    let taken = world.deliver(&serve, &body).await;
    assert_eq!(taken.status, 202, "{taken:?}");
    assert_eq!(taken.json()["unusable"], json!(2));
    world.weights([0, 30, 20]).await;
    let kept = letters(&world).await;
    assert_eq!(kept.len(), 1, "one for the delivery: {kept:?}");
    let parts = kept[0]["parts"].as_array().expect("both of them");
    assert_eq!(parts.len(), 2, "{parts:?}");
    let bad = parts
        .iter()
        .find(|part| part["body"].as_str().is_some_and(|body| body.contains("yesterday")));
    let why = bad.expect("it is kept as it came")["reason"].as_str().expect("a reason").to_owned();
    assert!(why.contains("startsAt") && why.contains("yesterday"), "{why}");

    // Where all are bad there is nothing to send again for.
    let mut none = webhook(&[eu()]);
    none["alerts"][0]["status"] = json!("pending");
    let taken = world.deliver(&serve, &none).await;
    assert_eq!((taken.status, &taken.json()["unusable"]), (202, &json!(1)), "{taken:?}");
    assert_eq!(letters(&world).await.len(), 2);
    none["alerts"][0]["status"] = json!("");
    assert_eq!(world.deliver(&serve, &none).await.status, 202);
    let again = world.say(&["dead-letters", "retry", "--all"]).await.ended(1);
    let _ = again
        .says("its status is `pending`, neither firing nor resolved")
        .says("its status is missing or empty: it must be `firing` or `resolved`");
    assert_eq!(orderly(&world.azure).len(), 1);
    world.finish();
}

const LARGE: usize = 3 << 20;

/// Writes a chunked body of so many bytes, as far as it is taken.
async fn write_chunked(raw: &mut Raw, bytes: usize) {
    let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x1_0000));
    for _ in 0..bytes / 0x1_0000 {
        if !raw.write(chunk.as_bytes()).await {
            return;
        }
    }
    raw.write(b"0\r\n\r\n").await;
}

#[tokio::test]
async fn a_body_above_the_bound_is_answered_with_413_and_not_with_a_reset() {
    let world = World::new(DRAIN).await;
    let serve = world.serve(&[]).await;
    let large = answer(world.post(&serve, vec![b' '; LARGE]).bearer_auth(TOKEN)).await;
    assert_eq!(large.status, 413, "{large:?}");
    assert!(large.json()["error"].as_str().is_some_and(|why| why.contains("2097152")), "{large:?}");

    // A client that writes all it has before it reads, with and without saying how much that is.
    let mut told = Raw::to(&serve).await;
    told.head(&format!("Content-Length: {LARGE}\r\n")).await;
    assert!(told.write(&vec![b' '; LARGE]).await, "it is taken to its end");
    assert_eq!(told.status_line().await, "HTTP/1.1 413 Payload Too Large");
    let mut chunked = Raw::to(&serve).await;
    chunked.head("Transfer-Encoding: chunked\r\n").await;
    write_chunked(&mut chunked, LARGE).await;
    assert_eq!(chunked.status_line().await, "HTTP/1.1 413 Payload Too Large");
    let mut stranger = Raw::to(&serve).await;
    stranger.head_as("wrong", "Transfer-Encoding: chunked\r\n").await;
    write_chunked(&mut stranger, LARGE).await;
    assert_eq!(stranger.status_line().await, "HTTP/1.1 403 Forbidden");

    // One that says a terabyte, or asks first, is answered without any of it.
    for expect in ["", "Expect: 100-continue\r\n"] {
        let mut huge = Raw::to(&serve).await;
        huge.head(&format!("Content-Length: 1099511627776\r\n{expect}")).await;
        assert_eq!(huge.status_line().await, "HTTP/1.1 413 Payload Too Large");
    }
    // One that never ends is not read for ever, whoever sends it.
    for token in [TOKEN, "wrong"] {
        let mut endless = Raw::to(&serve).await;
        endless.head_as(token, "Transfer-Encoding: chunked\r\n").await;
        write_chunked(&mut endless, 256 << 20).await;
    }

    let most = format!("{}{}", webhook(&[eu()]), " ".repeat(1 << 20));
    assert_eq!(answer(world.post(&serve, most).bearer_auth(TOKEN)).await.status, 202);
    world.weights([0, 30, 20]).await;
    assert!(letters(&world).await.is_empty());
    world.finish();
}

#[tokio::test]
async fn other_paths_and_methods_are_not_found_or_not_allowed() {
    let world = World::new(DRAIN).await;
    let serve = world.serve(&[]).await;
    for path in ["/", "/alerts", "/alerts/", "/alerts/other", "/alerts/prometheus/", "/health"] {
        let url = format!("{}{path}", serve.url);
        let sent = world.http.post(url).bearer_auth(TOKEN).body(webhook(&[eu()]).to_string());
        let found = answer(sent).await;
        assert_eq!(found.status, 404, "{path}: {found:?}");
        assert_eq!(found.json(), json!({"error": "not found"}), "{path}");
    }
    let log = world.log();
    assert!(log.contains("a delivery was refused: no source has the path /"), "{log}");
    for method in ["GET", "PUT", "DELETE", "PATCH"] {
        let method: reqwest::Method = method.parse().expect("a method");
        let url = format!("{}/alerts/prometheus", serve.url);
        let sent = world.http.request(method.clone(), url).bearer_auth(TOKEN).body("{}");
        let found = answer(sent).await;
        assert_eq!(found.status, 405, "{method}: {found:?}");
        assert_eq!(found.headers.get("allow").map(String::as_str), Some("POST"), "{method}");
    }
    assert_eq!(world.ledger().await.count("fired"), 0);
    world.finish();
}

/// Writes a configuration whose source proves itself so.
fn configure(world: &World, proof: &str) {
    let config = format!(
        "listen: 127.0.0.1:0\n\
         playbook: playbook.yaml\n\
         azure: {{endpoint: '{}', checkEvery: never, credential: token, token: {{env: AZURE_TOKEN}}}}\n\
         sources: [{{name: prometheus, kind: alertmanager, {proof}}}]\n",
        world.azure.arm_url(),
    );
    std::fs::write(world.path("pointsman.yaml"), config).expect("a configuration is written");
}

#[tokio::test]
async fn basic_authentication() {
    let world = World::new(DRAIN).await;
    configure(&world, "basic: {user: alertmanager, passwords: [{env: SOURCE_TOKEN}]}");
    let serve = world.serve(&[]).await;
    let post = || world.post(&serve, webhook(&[eu()]).to_string());
    let wrong = answer(post().basic_auth("alertmanager", Some("wrong"))).await;
    assert_eq!(wrong.status, 403, "{wrong:?}");
    assert_eq!(answer(post().basic_auth("someone", Some(TOKEN))).await, wrong);
    assert_eq!(answer(post().bearer_auth(TOKEN)).await, wrong);
    assert_eq!(answer(post()).await.status, 401);
    assert_eq!(answer(post().basic_auth("alertmanager", Some(TOKEN))).await.status, 202);
    world.weights([0, 30, 20]).await;
    world.finish();
}

#[tokio::test]
async fn while_a_secret_is_rotated_both_are_taken() {
    let world = World::new(DRAIN).await;
    std::fs::write(world.path("new.secret"), "the-new-one\n").expect("a secret is written");
    configure(&world, "bearer: [{env: SOURCE_TOKEN}, {file: new.secret}]");
    let serve = world.serve(&[]).await;
    let alert = eu();
    let send = async |serve: &Serve, token: &str, alert: &Alert| {
        let body = webhook(std::slice::from_ref(alert)).to_string();
        answer(world.post(serve, body).bearer_auth(token)).await.status
    };
    assert_eq!(send(&serve, TOKEN, &alert).await, 202);
    assert_eq!(send(&serve, "the-new-one", &alert).await, 202);
    assert_eq!(send(&serve, "the-new-one\n".trim(), &alert).await, 202);
    assert_eq!(send(&serve, "another", &alert).await, 403);
    world.weights([0, 30, 20]).await;
    assert!(serve.stop().await);

    configure(&world, "bearer: [{file: new.secret}]");
    let serve = world.serve(&[]).await;
    let over = alert.resolved(Timestamp::now());
    assert_eq!(send(&serve, TOKEN, &over).await, 403);
    assert_eq!(send(&serve, "the-new-one", &over).await, 202);
    world.weights([50, 30, 20]).await;
    world.finish();
}

#[tokio::test]
async fn a_body_that_breaks_off_or_never_comes_costs_nobody_else() {
    let world = World::new(DRAIN).await;
    let serve = world.serve(&[]).await;
    let body = webhook(&[eu()]).to_string();
    let (half, length) = (&body.as_bytes()[..body.len() / 2], body.len());

    let mut broken = Raw::to(&serve).await;
    broken.head(&format!("Content-Length: {length}\r\n")).await;
    broken.write(half).await;
    drop(broken);

    // Some that never go on: with their bodies, with their heads, without a word.
    let mut slow = Vec::new();
    for _ in 0..32 {
        let mut one = Raw::to(&serve).await;
        one.head(&format!("Content-Length: {length}\r\n")).await;
        one.write(half).await;
        slow.push(one);
        let mut headless = Raw::to(&serve).await;
        headless.write(b"POST /alerts/prometheus HTTP/1.1\r\nHost: pointsman\r\n").await;
        slow.push(headless);
        slow.push(Raw::to(&serve).await);
    }
    let us = Alert::firing("us", Timestamp::now());
    assert_eq!(world.send(&serve, &[us]).await, 202);
    world.weights([50, 0, 20]).await;
    // They are told, in time, and not held for ever.
    assert_eq!(slow[0].status_line().await, "HTTP/1.1 408 Request Timeout");
    slow[1].closed().await;
    assert!(serve.stop().await, "open connections do not keep it from stopping");
    assert!(letters(&world).await.is_empty());
    assert_eq!(world.ledger().await.count("fired"), 1);
    assert_eq!(orderly(&world.azure).len(), 1);
    world.finish();
}

#[tokio::test]
async fn nothing_secret_is_told_however_much_is_told() {
    let world = World::new(DRAIN).await;
    let mut command = world.command(&["serve"]);
    let azure_token = world.azure.token();
    command.env("POINTSMAN_LOG", "trace").env("AZURE_TOKEN", &azure_token);
    let serve = world.serve_by(command).await;
    let alert = eu();
    assert_eq!(world.send(&serve, std::slice::from_ref(&alert)).await, 202);
    world.weights([0, 30, 20]).await;
    let wrong = world.post(&serve, "{}").bearer_auth("a-wrong-secret");
    assert_eq!(answer(wrong).await.status, 403);
    assert_eq!(answer(world.post(&serve, "{").bearer_auth(TOKEN)).await.status, 400);
    assert_eq!(world.send(&serve, &[alert.resolved(Timestamp::now())]).await, 202);
    world.weights([50, 30, 20]).await;
    world.settled().await;
    for command in [&["status"][..], &["history"], &["explain", "chat"], &["dead-letters", "list"]]
    {
        let shown = world.ok(command).await;
        assert!(!shown.contains(TOKEN) && !shown.contains(&azure_token), "{command:?}: {shown}");
    }
    assert!(serve.stop().await);
    assert!(world.log().len() > 10_000, "it told much: {}", world.log());
    for secret in [TOKEN, &azure_token, "a-wrong-secret"] {
        assert_eq!(world.files_with(secret), Vec::<String>::new(), "{secret}");
    }
    world.finish();
}

async fn health(world: &World, serve: &Serve) -> (Answer, Answer) {
    (world.get(serve, "/health/live").await, world.get(serve, "/health/ready").await)
}

#[tokio::test]
async fn live_and_ready_until_it_stops() {
    let world = World::new(DRAIN).await;
    let serve = world.serve(&[]).await;
    let (live, ready) = health(&world, &serve).await;
    assert_eq!((live.status, live.json()), (200, json!({"live": true})));
    assert_eq!((ready.status, ready.json()), (200, json!({"ready": true, "missing": []})));
    assert!(serve.stop().await);
    world.finish();
}

async fn nothing_is_written_while_the_clocks_differ(by: SignedDuration, side: &str) {
    let world = World::new(DRAIN).await;
    world.azure.clock().set_skew(by);
    let serve = world.serve(&[]).await;
    let alert = eu();
    assert_eq!(world.send(&serve, std::slice::from_ref(&alert)).await, 202, "it is heard anyway");
    world
        .await_that("it is not ready", async || {
            world.get(&serve, "/health/ready").await.status == 503
        })
        .await;
    let (live, ready) = health(&world, &serve).await;
    assert_eq!(live.status, 200);
    let missing = ready.json()["missing"][0].as_str().expect("a reason").to_owned();
    assert!(missing.contains("clock is"), "{missing}");
    assert!(world.log().contains(side), "{}", world.log());
    world.await_document("it is in trouble", |document| document.get("trouble").is_some()).await;
    let status = world.ok(&["status"]).await;
    assert!(status.contains("TROUBLE") && says(&status, side), "{status}");
    let us = Alert::firing("us", Timestamp::now());
    assert_eq!(world.send(&serve, &[us]).await, 202);
    world.flush(&serve).await;
    assert!(orderly(&world.azure).is_empty(), "nothing is written");

    world.azure.clock().set_skew(SignedDuration::ZERO);
    world.weights([0, 0, 20]).await;
    let (_, ready) = health(&world, &serve).await;
    assert_eq!(ready.status, 200, "{ready:?}");
    assert_eq!(orderly(&world.azure).len(), 1);
    let status = world.ok(&["status"]).await;
    assert!(!status.contains("TROUBLE"), "{status}");
    assert_eq!(world.ledger().await.count("unreachable"), 1, "told once");
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn a_clock_that_is_behind_azures_is_not_acted_by() {
    nothing_is_written_while_the_clocks_differ(SignedDuration::from_secs(45), "behind").await;
}

#[tokio::test]
async fn a_clock_that_is_ahead_of_azures_is_not_acted_by() {
    nothing_is_written_while_the_clocks_differ(SignedDuration::from_secs(-45), "ahead of").await;
}

/// A 404 tells the time like any other answer, and nothing is decided by a clock that is off it.
#[tokio::test]
async fn a_clock_that_is_off_is_seen_at_a_backend_that_is_not_there() {
    let world = World::new(DRAIN).await;
    let serve = world.serve(&[]).await;
    world.azure.foreign_delete("chat").expect("it was there");
    world.azure.clock().set_skew(SignedDuration::from_secs(-45));
    assert_eq!(world.send(&serve, &[eu()]).await, 202);
    let trouble = |document: &Value| document["trouble"]["why"].as_str().map(str::to_owned);
    world
        .await_document("the clock is the trouble", |document| {
            trouble(document).is_some_and(|why| why.contains("clock is"))
        })
        .await;
    world.azure.clock().set_skew(SignedDuration::ZERO);
    world.told("is held: the backend does not exist").await;
    assert!(serve.stop().await);
    world.finish();
}
