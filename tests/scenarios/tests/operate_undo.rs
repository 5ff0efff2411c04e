//! What an undo says: only what is so.

use jiff::{SignedDuration, Timestamp};
use pointsman_scenarios::{World, alerts::Alert, world::DRAIN};
use serde_json::json;

/// A drain that is held for long, and a reconnect that waits for long.
const PATIENT: &str = r#"
plays:
  - name: drain-failing-member
    when: signal.labels.alertname == "BackendErrors"
    do: [{drain: {pool: chat, member: "${signal.labels.backend}"}}]
    atMost: 6h
    hold: 1h
"#;

/// What follows waits.
const FOLLOWED: &str = r#"
plays:
  - name: drain-failing-member
    when: signal.labels.alertname == "BackendErrors"
    do: [{drain: {pool: chat, member: "${signal.labels.backend}"}}]
    after: [{reconnect: {backend: "${signal.labels.backend}", after: PT30M}}]
"#;

/// Two plays that drain the same member.
const TWICE: &str = r#"
plays:
  - name: drain-failing-member
    when: signal.labels.alertname == "BackendErrors"
    do: [{drain: {pool: chat, member: "${signal.labels.backend}"}}]
  - name: drain-slow-member
    when: signal.labels.alertname == "BackendErrors"
    do: [{drain: {pool: chat, member: "${signal.labels.backend}"}}]
"#;

#[tokio::test]
async fn a_member_that_others_drain_too_is_not_called_restored() {
    let world = World::new(TWICE).await;
    let serve = world.serve(&[]).await;
    assert_eq!(world.send(&serve, &[Alert::firing("eu", Timestamp::now())]).await, 202);
    world.weights([0, 30, 20]).await;
    let status = world.json(&["status"]).await;
    let of = |play: &str| {
        let mut overrides = status["backends"][0]["overrides"].as_array().expect("a list").iter();
        let found = overrides.find(|over| over["play"] == play).expect("it is in force");
        found["id"].as_str().expect("an id").to_owned()
    };
    let (one, other) = (of("drain-failing-member"), of("drain-slow-member"));
    let undone = world.say(&["undo", &one, "--reason", "a false alarm"]).await.ended(0);
    let undone = undone
        .says(&format!("undone: drain eu ({one}), for BackendErrors: 5xx on eu (prometheus/f-eu)"))
        .says("contoso-apim/chat is restored, except for what other overrides change:")
        .says(&format!("drain eu ({other}) for BackendErrors: 5xx on eu (prometheus/f-eu)"));
    assert!(!undone.out.contains("is restored\n"), "{undone:?}");
    assert_eq!(world.azure.view(|azure| azure.weight("chat", "eu")), Some(0));
    let last = world.say(&["undo", &other, "--reason", "too", "--json"]).await.ended(0).json();
    assert_eq!((&last["restored"], &last["others"]), (&json!(true), &json!([])));
    world.weights([50, 30, 20]).await;
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn the_alerts_behind_one_override_are_counted_and_an_undo_names_them_all() {
    let world = World::new(DRAIN).await;
    let serve = world.serve(&[]).await;
    // The store keeps times to the microsecond.
    let now = Timestamp::from_microsecond(Timestamp::now().as_microsecond()).expect("a time");
    let alert = |age: i64| Alert {
        fingerprint: format!("f-{age}"),
        ..Alert::firing("eu", now - SignedDuration::from_secs(age * 60))
    };
    let alerts: Vec<Alert> = (1..=12).map(alert).collect();
    assert_eq!(world.send(&serve, &alerts[..1]).await, 202);
    world.weights([0, 30, 20]).await;
    let _ = world
        .say(&["status"])
        .await
        .ended(0)
        .says("for BackendErrors: 5xx on eu (prometheus/f-1, critical), by play");
    // The document knows a few of them, and the store the rest.
    assert_eq!(world.send(&serve, &alerts).await, 202);
    world.status_says("drain eu: 12 alerts, first ").await;
    let status = world
        .say(&["status"])
        .await
        .ended(0)
        .says("such as BackendErrors: 5xx on eu (prometheus/f-12, critical)");
    assert_eq!(status.out.matches("drain eu:").count(), 1, "{status:?}");
    let explained = world.say(&["explain", "chat"]).await.ended(0);
    let _ = explained.says("drain eu: 12 alerts, first ").says("in force for");
    let status = world.json(&["status"]).await;
    let over = &status["backends"][0]["overrides"][0];
    let wanted = json!({"count": 12, "first": alerts[11].started, "latest": alerts[0].started});
    assert_eq!(over["alerts"], wanted);
    let id = over["id"].as_str().expect("an id");
    let undone = world.say(&["undo", "chat", "--reason", "a false alarm"]).await.ended(0);
    let _ = undone.says(&format!("undone: drain eu ({id}), for 12 alerts, first "));
    world.weights([50, 30, 20]).await;
    world.at_rest().await;
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn the_reconnects_that_it_takes_back_are_named_and_so_is_who_took_them() {
    let world = World::new(FOLLOWED).await;
    let serve = world.serve(&[]).await;
    let eu = Alert::firing("eu", Timestamp::now());
    assert_eq!(world.send(&serve, std::slice::from_ref(&eu)).await, 202);
    world.weights([0, 30, 20]).await;
    assert_eq!(world.send(&serve, &[eu.resolved(Timestamp::now())]).await, 202);
    world.status_says("reconnect of contoso-apim/eu at").await;
    // It is found by the name that it is shown under, and by what the playbook calls its service.
    for name in ["contoso-apim/eu", "main/eu", "eu"] {
        let found = world.say(&["explain", name]).await.ended(0);
        let _ = found.says("reconnect of contoso-apim/eu at").says("after contoso-apim/chat");
    }
    let _ = world
        .say(&["history", "eu"])
        .await
        .ended(0)
        .says("the ledger has no line about contoso-apim/eu");
    let undone = world.say(&["undo", "eu", "--reason", "not tonight"]).await.ended(1);
    let _ = undone.says(
        "its reconnect follows the change of contoso-apim/chat: undo contoso-apim/chat instead",
    );
    // Nothing is to be written for it, so that a pause keeps nothing back.
    let _ = world.say(&["pause", "--reason", "hands off"]).await.ended(0);
    let undone = world.say(&["undo", "chat", "--reason", "not tonight"]).await.ended(0);
    let undone = undone.says("cancelled: the reconnect of contoso-apim/eu that was due at");
    let undone = undone.says(" (in 29 min)");
    assert!(!undone.out.contains("nothing to undo"), "{undone:?}");
    let _ = world
        .say(&["history", "-n", "1"])
        .await
        .ended(0)
        .says("the reconnect of contoso-apim/eu is undone by tester: not tonight");
    world.at_rest().await;
    assert!(undone.out.contains("contoso-apim/chat is restored"), "{undone:?}");
    let _ = world.say(&["undo", "chat", "--reason", "x"]).await.ended(0).says("nothing to undo");
    assert_eq!(world.azure.reconnects().len(), 0);
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn what_has_resolved_and_is_held_says_when_it_is_given_back() {
    let world = World::new(PATIENT).await;
    let serve = world.serve(&[]).await;
    let eu = Alert::firing("eu", Timestamp::now() - SignedDuration::from_secs(5));
    assert_eq!(world.send(&serve, std::slice::from_ref(&eu)).await, 202);
    world.weights([0, 30, 20]).await;
    world.status_says("at most 6h more").await;
    let over = eu.resolved(Timestamp::now());
    assert_eq!(world.send(&serve, std::slice::from_ref(&over)).await, 202);
    world.status_says("given back in 1h: its alert resolved").await;
    let signal = world.signal_file(&[over]);
    let _ = world
        .say(&["plan", "--signal", &signal])
        .await
        .ended(0)
        .says("drain eu: ends at ")
        .says("(in ");
    let _ = world.say(&["pause", "--reason", "hands off"]).await.ended(0);
    let plan = world.say(&["plan", "--signal", &signal]).await.ended(0);
    let _ =
        plan.says("PAUSED since ").says(" by tester: hands off").says("until `pointsman resume`");
    let plan = world.say(&["plan", "--signal", &signal, "--json"]).await.ended(0).json();
    assert_eq!(plan["paused"]["reason"], "hands off");
    assert!(serve.stop().await);
    world.finish();
}
