//! An alert that has a backend made: it gets traffic, and at the end it is gone again.

use std::time::Duration;

use jiff::Timestamp;
use pointsman_emulator::{Fault, Match, Operation, fault::Kind, member::Member};
use pointsman_scenarios::{World, alerts::Alert};
use serde_json::json;

/// Has a standby made at this address, and listed in the pool.
fn plays(url: &str) -> String {
    format!(
        r#"
backends:
  sb:
    service: main
    is:
      url: {url}
      title: Made for the pool
      credentials: {{header: {{x-key: "{{{{sb-key}}}}"}}}}
plays:
  - name: add-standby
    when: signal.labels.backend == "sb"
    do: [{{ensure: {{backend: sb, in: chat, weight: 50}}}}]
"#
    )
}

/// Whether the pool lists the standby.
fn lists(world: &World) -> bool {
    world.azure.seats("chat").iter().any(|seat| seat.member == "sb")
}

async fn until_listed(world: &World, wanted: bool) {
    let what = if wanted { "the pool lists it" } else { "the pool does not list it" };
    world.until(what, async |world: &World| lists(world) == wanted).await;
}

async fn until_there(world: &World, wanted: bool) {
    let what = if wanted { "it is there" } else { "it is gone" };
    world.until(what, async |world: &World| world.azure.backend("sb").is_some() == wanted).await;
}

#[tokio::test]
async fn a_standby_is_made_serves_and_is_deleted_when_the_alert_is_over() {
    let member = Member::start("sb").await.expect("a free port");
    let world = World::new(&plays(&member.url())).await;
    let before = world.azure.seats("chat");
    let serve = world.serve(&[]).await;
    let alert = Alert::firing("sb", Timestamp::now());
    assert_eq!(world.send(&serve, std::slice::from_ref(&alert)).await, 202);
    until_listed(&world, true).await;
    let made = world.azure.backend("sb").expect("it is there").body["properties"].clone();
    assert_eq!(
        (&made["url"], &made["protocol"], &made["credentials"]["header"]),
        (&json!(member.url()), &json!("http"), &json!({"x-key": ["{{sb-key}}"]}))
    );
    // Of those that the pool lists, it is the one that answers.
    for _ in 0..40 {
        let url = format!("{}/chat/x", world.azure.gateway_url());
        let _ = world.http.get(url).send().await;
    }
    assert!(member.counts().requests > 0, "no traffic reaches it");
    world.status_says("in force").await;
    let _ = world.say(&["explain", "sb"]).await.ended(0).says("to be there, decides");
    assert_eq!(world.send(&serve, &[alert.resolved(Timestamp::now())]).await, 202);
    until_there(&world, false).await;
    world.at_rest().await;
    assert_eq!(world.azure.seats("chat"), before);
    // It left the pool first.
    let order: Vec<_> = world.azure.requests().iter().map(|it| it.operation).collect();
    let last = |of| order.iter().rposition(|it| *it == of);
    assert!(last(Operation::Patch) < last(Operation::Delete), "{order:?}");
    world.told("make it").await;
    world.told("delete it").await;
    assert!(serve.stop().await);
    member.stop().await;
    world.finish();
}

#[tokio::test]
async fn killed_at_any_write_it_ends_the_same() {
    for operation in [Operation::Put, Operation::Patch, Operation::Delete] {
        let world = World::new(&plays("https://sb.example.com")).await;
        let before = world.azure.seats("chat");
        // So slow that whoever sends it is dead before it is answered.
        let slow = Kind::Latency { by: Duration::from_millis(400) };
        world.azure.inject(Fault::once(Match::operation(operation), slow));
        let received = async |world: &World| {
            let what = format!("{operation:?} is received");
            let is_it = |world: &World| world.azure.view(|azure| azure.total(operation)) > 0;
            world.until(&what, async |world: &World| is_it(world)).await;
        };
        let mut serve = world.serve(&[]).await;
        let alert = Alert::firing("sb", Timestamp::now());
        assert_eq!(world.send(&serve, std::slice::from_ref(&alert)).await, 202);
        if operation != Operation::Delete {
            received(&world).await;
            serve.kill().await;
            serve = world.serve(&[]).await;
        }
        until_listed(&world, true).await;
        assert_eq!(world.send(&serve, &[alert.resolved(Timestamp::now())]).await, 202);
        if operation == Operation::Delete {
            received(&world).await;
            serve.kill().await;
            serve = world.serve(&[]).await;
        }
        until_there(&world, false).await;
        assert_eq!(world.azure.seats("chat"), before, "killed at {operation:?}");
        assert!(serve.stop().await);
        world.finish();
    }
}

#[tokio::test]
async fn what_was_there_already_and_what_another_pool_lists_stays() {
    let world = World::new(&plays("https://sb.example.com")).await;
    let serve = world.serve(&[]).await;
    let alert = Alert::firing("sb", Timestamp::now());
    assert_eq!(world.send(&serve, std::slice::from_ref(&alert)).await, 202);
    until_listed(&world, true).await;
    // A person has another pool list it: it is kept until that one does not any more.
    let _ =
        world.azure.put_pool("theirs", &[("sb", None, None), ("eu", None, None)]).expect("a pool");
    assert_eq!(world.send(&serve, &[alert.resolved(Timestamp::now())]).await, 202);
    until_listed(&world, false).await;
    world.status_says("pool theirs lists it, and it is deleted once none does").await;
    assert!(world.azure.backend("sb").is_some());
    world.azure.foreign_delete("theirs").expect("it is there");
    until_there(&world, false).await;
    // One that was there is held to what is declared, and gets its own back.
    let _ = world.azure.put_single("sb", "https://theirs.example.com").expect("a Single");
    let url = |world: &World| {
        world.azure.backend("sb").expect("it is there").body["properties"]["url"].clone()
    };
    let alert = Alert::firing("sb", Timestamp::now());
    assert_eq!(world.send(&serve, std::slice::from_ref(&alert)).await, 202);
    until_listed(&world, true).await;
    assert_eq!(url(&world), json!("https://sb.example.com"));
    assert_eq!(world.send(&serve, &[alert.resolved(Timestamp::now())]).await, 202);
    let theirs = json!("https://theirs.example.com");
    world.until("it is as it was", async |world: &World| url(world) == theirs).await;
    assert!(!lists(&world));
    assert!(serve.stop().await);
    world.finish();
}
