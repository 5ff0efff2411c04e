//! Alerts that change a backend other than a pool: its circuit breaker, its address.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use pointsman_emulator::member::{Member, Mode};
use pointsman_scenarios::{World, alerts::Alert};
use serde_json::{Value, json};

/// Tightens the breaker of the backend that an alert names, and points `us` to another address.
const PLAYS: &str = r#"
backends:
  eu: {service: main}
  us: {service: main, may: [url, tls]}
plays:
  - name: tighten-breaker
    when: signal.labels.alertname == "BackendErrors" && signal.labels.backend == "eu"
    do: [{breaker: {backend: "${signal.labels.backend}", count: 1, trip: 1h}}]
  - name: point-to-twin
    when: signal.labels.backend == "us"
    do: [{set: {backend: us, url: "https://twin.example.com", tls: {validateCertificateName: false}}}]
"#;

/// What stands in Azure under `properties` of a backend.
fn properties(world: &World, backend: &str) -> Value {
    let stored = world.azure.backend(backend).expect("it is there");
    stored.body["properties"].clone()
}

async fn until(world: &World, backend: &str, so: impl Fn(&Value) -> bool) {
    let what = format!("{backend} is as it should be");
    world.until(&what, async |world: &World| so(&properties(world, backend))).await;
}

/// Has the backend that an alert names reconnected as soon as Azure can.
const RECONNECTS: &str = r#"
backends:
  eu: {service: main}
  us: {service: main}
plays:
  - name: connect-anew
    when: signal.labels.alertname == "BackendErrors"
    do: [{reconnect: {backend: "${signal.labels.backend}", after: PT2M}}]
"#;

#[tokio::test]
async fn an_alert_has_its_backend_reconnected_once_and_a_restart_does_not_repeat_it() {
    let world = World::new(RECONNECTS).await;
    let serve = world.serve(&[]).await;
    let alert = Alert::firing("eu", Timestamp::now());
    assert_eq!(world.send(&serve, std::slice::from_ref(&alert)).await, 202);
    world.told("the reconnect of contoso-apim/eu is accepted, due at").await;
    let status = world.say(&["status"]).await;
    let _ = status.says("reconnect in 2m: in force").says("reconnect of contoso-apim/eu accepted");
    assert!(serve.stop().await);
    let serve = world.serve(&[]).await;
    assert_eq!(world.send(&serve, std::slice::from_ref(&alert)).await, 202);
    // Another backend's comes and goes meanwhile: the first was looked at by then.
    let other = Alert::firing("us", Timestamp::now());
    assert_eq!(world.send(&serve, std::slice::from_ref(&other)).await, 202);
    world.told("the reconnect of contoso-apim/us is accepted, due at").await;
    assert_eq!(world.azure.reconnects().len(), 2);
    assert!(world.azure.writes("eu").is_empty(), "nothing of it is changed");
    let over = [alert.resolved(Timestamp::now()), other.resolved(Timestamp::now())];
    assert_eq!(world.send(&serve, &over).await, 202);
    world.at_rest().await;
    // The next alert begins anew.
    let again = Alert::firing("eu", Timestamp::now());
    assert_eq!(world.send(&serve, &[again]).await, 202);
    world
        .until("it is reconnected again", async |world: &World| world.azure.reconnects().len() == 3)
        .await;
    let _ = world.say(&["undo", "eu", "--reason", "enough"]).await.ended(0);
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn a_breaker_is_made_trips_in_the_gateway_and_goes_when_the_alert_is_over() {
    let world = World::new(PLAYS).await;
    let member = Member::start("eu").await.expect("a free port");
    let _ = world.azure.put_single("eu", &member.url()).expect("a Single");
    member.set(Mode::Failing(reqwest::StatusCode::BAD_GATEWAY));
    let ask = async || {
        let url = format!("{}/eu/x", world.azure.gateway_url());
        world.http.get(url).send().await.expect("the gateway answers").status().as_u16()
    };
    assert_eq!((ask().await, ask().await), (502, 502), "nothing leaves it out");
    let before = world.azure.backend("eu").expect("it is there").body.clone();
    world.azure.forget_requests();
    let serve = world.serve(&[]).await;
    let alert = Alert::firing("eu", Timestamp::now());
    assert_eq!(world.send(&serve, std::slice::from_ref(&alert)).await, 202);
    until(&world, "eu", |now| now["circuitBreaker"]["rules"][0]["name"] == "pointsman").await;
    let rule = &properties(&world, "eu")["circuitBreaker"]["rules"][0];
    assert_eq!(
        (&rule["failureCondition"]["count"], &rule["tripDuration"]),
        (&json!(1), &json!("PT1H"))
    );
    // It trips by the first failure, and the backend is left alone from then on.
    assert_eq!((ask().await, ask().await), (502, 503));
    let asked = member.counts().requests;
    assert_eq!((ask().await, member.counts().requests), (503, asked));
    world.told("is done").await;
    let _ = world
        .say(&["status"])
        .await
        .says("breaker count 1, trip PT1H: in force")
        .says("circuitBreaker");
    let explained = world.say(&["explain", "eu"]).await.ended(0);
    let _ = explained.says("at least as tight as count 1, trip PT1H, decides");
    assert_eq!(world.send(&serve, &[alert.resolved(Timestamp::now())]).await, 202);
    until(&world, "eu", |now| *now == before["properties"]).await;
    world.at_rest().await;
    assert_eq!(world.azure.writes("eu").len(), 2);
    assert!(serve.stop().await);
    member.stop().await;
    world.finish();
}

#[tokio::test]
async fn an_owners_rule_is_tightened_and_given_back_to_the_letter() {
    let world = World::new(PLAYS).await;
    let rule = json!({
        "name": "owners", "tripDuration": "PT30S", "acceptRetryAfter": true,
        "failureCondition": {
            "count": 5, "interval": "PT5M", "errorReasons": ["Timeout"],
            "statusCodeRanges": [{"min": 429, "max": 429}],
        },
    });
    let patch = json!({"properties": {"circuitBreaker": {"rules": [rule]}}});
    let _ = world.azure.foreign_patch("eu", &patch).expect("an owner's rule");
    let before = properties(&world, "eu");
    let serve = world.serve(&[]).await;
    let alert = Alert::firing("eu", Timestamp::now());
    assert_eq!(world.send(&serve, std::slice::from_ref(&alert)).await, 202);
    until(&world, "eu", |now| *now != before).await;
    let mut tight = rule.clone();
    tight["failureCondition"]["count"] = json!(1);
    tight["tripDuration"] = json!("PT1H");
    assert_eq!(properties(&world, "eu")["circuitBreaker"]["rules"], json!([tight]));
    assert_eq!(world.send(&serve, &[alert.resolved(Timestamp::now())]).await, 202);
    until(&world, "eu", |now| *now == before).await;
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn a_backend_points_to_its_twin_and_a_person_who_writes_over_that_keeps_it() {
    let world = World::new(PLAYS).await;
    let before = properties(&world, "us");
    let serve = world.serve(&[]).await;
    let alert = Alert::firing("us", Timestamp::now());
    assert_eq!(world.send(&serve, std::slice::from_ref(&alert)).await, 202);
    let twin = json!("https://twin.example.com");
    until(&world, "us", |now| now["url"] == twin).await;
    assert_eq!(properties(&world, "us")["tls"]["validateCertificateName"], json!(false));
    let theirs = json!({"properties": {"url": "https://theirs.example.com"}});
    let _ = world.azure.foreign_patch("us", &theirs).expect("a person's write");
    // The next look finds it: theirs stays, and the rest goes back.
    assert_eq!(world.send(&serve, &[alert.resolved(Timestamp::now())]).await, 202);
    until(&world, "us", |now| now["tls"]["validateCertificateName"] != json!(false)).await;
    let mut after = before.clone();
    after["url"] = theirs["properties"]["url"].clone();
    let mut now = properties(&world, "us");
    // What was not there may have left its empty holder behind.
    if before.get("tls").is_none() {
        now.as_object_mut().expect("an object").remove("tls");
    }
    assert_eq!(now, after);
    world.told("url").await;
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn what_cannot_be_done_to_a_backend_is_held_and_said() {
    let world =
        World::new(&PLAYS.replace("eu: {service: main}", "eu: {service: main, backend: chat2}"))
            .await;
    let seats = [("us", Some(1), None)];
    let _ = world.azure.put_pool("chat2", &seats).expect("a pool");
    let secret = json!({"properties": {"url": "https://us.example.com/?code=abc"}});
    let _ = world.azure.foreign_patch("us", &secret).expect("an address with a secret");
    let serve = world.serve(&[]).await;
    for member in ["eu", "us"] {
        let alert = Alert::firing(member, Timestamp::now());
        assert_eq!(world.send(&serve, &[alert]).await, 202);
    }
    world.status_says("held: the backend is a pool: name its members' backends").await;
    world.status_says("held: the backend's `url` may hold a secret, and is not touched").await;
    assert!(world.azure.writes("us").is_empty() && world.azure.writes("chat2").is_empty());
    let checked = world.say(&["playbook", "check", "--azure", "playbook.yaml"]).await.ended(1);
    let _ = checked.says("it is a pool: put it under `pools`");
    for file in ["pointsman.db", "pointsman.db-wal"] {
        let stored = std::fs::read(world.path(file)).unwrap_or_default();
        assert!(!stored.windows(8).any(|bytes| bytes == b"code=abc"), "{file} holds the secret");
    }
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn a_breaker_is_tightened_by_hand_for_a_time() {
    let world = World::new(PLAYS).await;
    let before = ["eu", "us"].map(|backend| properties(&world, backend));
    let serve = world.serve(&[]).await;
    let by_hand = |words: &[&'static str]| {
        [&["breaker"], words, &["--for", "1h", "--reason", "INC-7"]].concat()
    };
    let both = by_hand(&["eu", "us", "--count", "2", "--accept-retry-after"]);
    let tightened = world.say(&both).await.ended(0);
    let _ = tightened
        .says("contoso-apim/eu")
        .says("circuitBreaker: - -> pointsman (count 2, interval PT1M, trip PT1M, accept Retry-After)")
        .says("contoso-apim/us")
        .says("breaker count 2, accept Retry-After: in force")
        .says("to end it sooner: `pointsman undo");
    // The next word takes the place of the first.
    let one = world.say(&by_hand(&["eu", "--percentage", "40"])).await.ended(0);
    let _ = one.says("pointsman (40%, interval PT1M, trip PT1M)");
    for (words, code, why) in [
        (&["chat", "--count", "2"][..], 1, "chat is a pool, and has no breaker of its own"),
        (&["ap", "--count", "2"], 1, "the playbook has no backend `ap`; it has: eu, us"),
        (&["eu"], 2, "--count"),
        (&["eu", "--count", "0"], 2, "0 is not in 1..=10000"),
    ] {
        let _ = world.say(&by_hand(words)).await.ended(code).says(why);
    }
    for backend in ["contoso-apim/eu", "contoso-apim/us"] {
        let _ = world.say(&["undo", backend, "--reason", "it is well"]).await.ended(0);
    }
    assert_eq!(["eu", "us"].map(|backend| properties(&world, backend)), before);
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn a_name_of_a_backend_and_a_member_is_explained_by_what_goes_on_and_a_deletion_asks() {
    let world = World::new(PLAYS).await;
    let serve = world.serve(&[]).await;
    let hour = ["--for", "1h", "--reason", "INC-7"];
    let by_hand = |words: &[&'static str]| [words, &hour[..]].concat();
    let _ = world.say(&by_hand(&["breaker", "eu", "--count", "2"])).await.ended(0);
    let _ = world.say(&["undo", "contoso-apim/eu", "--reason", "it is well"]).await.ended(0);
    let _ = world.say(&by_hand(&["drain", "eu"])).await.ended(0);
    // The backend is at rest, and the member is drained.
    let _ = world.say(&["explain", "eu"]).await.ended(0).says("drain eu: in force");
    let _ = world.say(&by_hand(&["breaker", "eu", "--count", "2"])).await.ended(0);
    let both = world.say(&["explain", "eu"]).await.ended(0).says("breaker count 2: in force");
    let _ = both
        .says("eu is a member of contoso-apim/chat, too: `pointsman explain contoso-apim/chat`");
    // Each is told with what it holds, and no other.
    let deleted = world.say(&["backend", "delete", "chat"]).await.ended(1);
    let deleted = deleted
        .says("members/eu/weight is overridden: its owner left 50, and Pointsman wrote 0")
        .says("drain eu (")
        .says("a deletion takes away what they are to give back to")
        .says("nothing was changed: add --yes if you mean it");
    assert!(!deleted.told.contains("breaker"), "{}", deleted.told);
    assert!(world.azure.backend("chat").is_some());
    for backend in ["contoso-apim/eu", "contoso-apim/chat"] {
        let _ = world.say(&["undo", backend, "--reason", "it is well"]).await.ended(0);
    }
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn a_reconnect_at_a_time_of_day_is_planned_and_called_off_by_an_undo() {
    let at = (Timestamp::now() + SignedDuration::from_hours(3)).to_zoned(TimeZone::UTC);
    let at = at.strftime("%H:%M").to_string();
    let plays = RECONNECTS.replace("after: PT2M}}]", "at: \"AT\", zone: UTC}}]\n    for: 25h");
    let world = World::new(&plays.replace("AT", &at)).await;
    let serve = world.serve(&[]).await;
    let alert = Alert::firing("eu", Timestamp::now());
    assert_eq!(world.send(&serve, std::slice::from_ref(&alert)).await, 202);
    world.told("contoso-apim/eu will be reconnected at").await;
    world.status_says(&format!("reconnect at {at}:00 in UTC")).await;
    let _ = world.say(&["undo", "contoso-apim/eu", "--reason", "not tonight"]).await.ended(0);
    world
        .until("it is called off", async |world: &World| {
            let history = world.ok(&["history"]).await;
            history.contains("the reconnect of contoso-apim/eu is undone by ")
        })
        .await;
    assert!(world.azure.reconnects().is_empty());
    assert!(serve.stop().await);
    world.finish();
}
