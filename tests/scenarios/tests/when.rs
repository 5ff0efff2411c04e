//! When a play begins and when it has heard of its alert for the last time: `count`, `lasting`, `unless`,
//! `stale`, `damping`; and what is said of it meanwhile.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use pointsman_emulator::View;
use pointsman_scenarios::{
    Forms, World,
    alerts::Alert,
    evidence::orderly,
    world::{BOUND, DRAIN, Serve},
};

/// The play that drains the member that an alert names, with this beside.
fn drain(with: &str) -> String {
    format!("{DRAIN}    {with}\n")
}

async fn fires(world: &World, serve: &Serve, name: &str, backend: &str) -> Alert {
    let alert = Alert { fingerprint: name.to_owned(), ..Alert::firing(backend, Timestamp::now()) };
    assert_eq!(world.send(serve, std::slice::from_ref(&alert)).await, 202);
    alert
}

async fn ends(world: &World, serve: &Serve, alerts: impl IntoIterator<Item = Alert>) {
    let ended = alerts.into_iter().map(|alert| alert.resolved(Timestamp::now()));
    assert_eq!(world.send(serve, &ended.collect::<Vec<_>>()).await, 202);
}

#[tokio::test]
async fn it_begins_with_the_third_alert_also_where_the_first_is_over() {
    let world = World::new(&drain("count: 3\n    within: 5m")).await;
    let serve = world.serve(&[]).await;
    let first = fires(&world, &serve, "first", "eu").await;
    world.status_says("held: 1 of 3 occurrences within 5m").await;
    ends(&world, &serve, [first]).await;
    let second = fires(&world, &serve, "second", "eu").await;
    world.status_says("held: 2 of 3 occurrences within 5m").await;
    let _ = world.say(&["explain", "eu"]).await.says("held: 2 of 3 occurrences within 5m");
    let status = world.json(&["status"]).await;
    Forms::read().check("Status", &status);
    let over = &status["backends"][0]["overrides"][0];
    assert_eq!(over["standing"]["why"]["kind"], "count", "{over:#}");
    assert!(world.azure.writes("chat").is_empty(), "nothing is written before the third");
    let third = fires(&world, &serve, "third", "eu").await;
    world.weights([0, 30, 20]).await;
    ends(&world, &serve, [second, third]).await;
    world.weights([50, 30, 20]).await;
    world.settled().await;
    assert_eq!(orderly(&world.azure).len(), 2);
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn it_begins_once_its_alert_has_lasted_and_not_where_it_is_over_by_then() {
    let world = World::new(&drain("lasting: 8s")).await;
    let serve = world.serve(&[]).await;
    let began = Instant::now();
    let eu = fires(&world, &serve, "eu", "eu").await;
    world.status_says("held: waits until").await;
    let _ = world.say(&["explain", "eu"]).await.says("lasting 8s");
    let us = fires(&world, &serve, "us", "us").await;
    ends(&world, &serve, [us]).await;
    world.weights([0, 30, 20]).await;
    let writes = orderly(&world.azure);
    assert_eq!(writes.len(), 1, "{writes:#?}");
    let waited = writes[0].instant.duration_since(began);
    assert!(waited >= Duration::from_millis(7_900), "{waited:?}");
    ends(&world, &serve, [eu]).await;
    world.weights([50, 30, 20]).await;
    world.settled().await;
    let history = world.ok(&["history"]).await;
    assert!(history.contains("ended before it began: its alert resolved"), "{history}");
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn while_another_alert_is_on_nothing_begins_and_what_has_begun_goes_on() {
    let plays = DRAIN.replace(
        "\"BackendErrors\"",
        "\"BackendErrors\" && signal.labels.backend != \"region\"\n    \
         unless: signal.labels.backend == \"region\"",
    );
    let world = World::new(&plays).await;
    let serve = world.serve(&[]).await;
    let eu = fires(&world, &serve, "eu", "eu").await;
    world.weights([0, 30, 20]).await;
    let region = fires(&world, &serve, "region", "region").await;
    world.flush(&serve).await;
    let us = fires(&world, &serve, "us", "us").await;
    let held = "held: prometheus/region (BackendErrors: 5xx on region) is on";
    world.status_says(held).await;
    let _ = world.say(&["explain", "us"]).await.says(held);
    // What has begun goes on, and what is wanted no more ends.
    world.weights([0, 30, 20]).await;
    ends(&world, &serve, [eu]).await;
    world.weights([50, 30, 20]).await;
    ends(&world, &serve, [region]).await;
    world.weights([50, 0, 20]).await;
    ends(&world, &serve, [us]).await;
    world.weights([50, 30, 20]).await;
    world.settled().await;
    assert_eq!(orderly(&world.azure).len(), 4);
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn what_is_not_repeated_any_more_ends_and_begins_again_with_a_repeat() {
    let world = World::new(&drain("stale: {repeats: 4s, after: 8s}")).await;
    let serve = world.serve(&[]).await;
    let eu = fires(&world, &serve, "eu", "eu").await;
    world.weights([0, 30, 20]).await;
    // In whole minutes, as receipts count: longer than other things may take.
    let given_back = |azure: &View<'_>| azure.weight("chat", "eu") == Some(50);
    world.azure.wait_for(given_back, BOUND * 2).await.expect("it ends by itself");
    let writes = orderly(&world.azure);
    let lasted = writes[1].instant.duration_since(writes[0].instant);
    assert!(lasted >= Duration::from_millis(7_500), "{lasted:?}");
    world.settled().await;
    let history = world.ok(&["history"]).await;
    assert!(history.contains("not heard again"), "{history}");
    assert_eq!(world.send(&serve, std::slice::from_ref(&eu)).await, 202);
    world.weights([0, 30, 20]).await;
    ends(&world, &serve, [eu]).await;
    world.weights([50, 30, 20]).await;
    world.settled().await;
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn what_comes_and_goes_is_held_for_longer_each_time() {
    let world = World::new(&drain("hold: 3s\n    damping: {within: 1h, most: 1m}")).await;
    let serve = world.serve(&[]).await;
    let first = fires(&world, &serve, "first", "eu").await;
    world.weights([0, 30, 20]).await;
    ends(&world, &serve, [first]).await;
    world.weights([50, 30, 20]).await;
    let second = fires(&world, &serve, "second", "eu").await;
    world.weights([0, 30, 20]).await;
    world.status_says("held for 6s at least, after 1 earlier occurrence within 1h").await;
    ends(&world, &serve, [second]).await;
    world.weights([50, 30, 20]).await;
    world.settled().await;
    let writes = orderly(&world.azure);
    let [first, second] =
        [(0, 1), (2, 3)].map(|(from, to)| writes[to].instant.duration_since(writes[from].instant));
    assert!(first >= Duration::from_millis(2_900), "{first:?}");
    assert!(second >= Duration::from_millis(5_900), "{second:?}");
    assert!(serve.stop().await);
    world.finish();
}
