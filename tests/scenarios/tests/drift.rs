//! Someone else writes over what Pointsman has changed: what each `drift` makes of it.

use jiff::Timestamp;
use pointsman_scenarios::{
    World,
    alerts::Alert,
    evidence::person_sets,
    world::{DRAIN, Serve},
};

async fn fires(world: &World, serve: &Serve, member: &str) -> Alert {
    let alert = Alert::firing(member, Timestamp::now());
    assert_eq!(world.send(serve, std::slice::from_ref(&alert)).await, 202);
    alert
}

async fn ends(world: &World, serve: &Serve, alert: Alert) {
    assert_eq!(world.send(serve, &[alert.resolved(Timestamp::now())]).await, 202);
}

/// `eu` is drained, someone else gives it this weight, and another alert has Pointsman look: then the weights
/// are these, and when both alerts are over, those.
async fn check(drift: &str, theirs: u64, then: [u64; 3], last: [u64; 3], told: &str) {
    let world = World::new(&format!("{DRAIN}    drift: {drift}\n")).await;
    let serve = world.serve(&[]).await;
    let eu = fires(&world, &serve, "eu").await;
    world.weights([0, 30, 20]).await;
    world.told("is done").await;
    person_sets(&world, &[("eu", theirs)]);
    let us = fires(&world, &serve, "us").await;
    world.weights(then).await;
    world.told(told).await;
    ends(&world, &serve, us).await;
    ends(&world, &serve, eu).await;
    world.weights(last).await;
    world.settled().await;
    world.weights(last).await;
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn yield_gives_way_also_to_what_was_there_before() {
    let told = "someone else wrote 50 over 0; it is the new baseline, and yielded to by";
    check("yield", 50, [50, 0, 20], [50, 30, 20], told).await;
}

#[tokio::test]
async fn assert_writes_again_and_gives_theirs_back() {
    check("assert", 7, [0, 0, 20], [7, 30, 20], "someone else wrote 7 over 0").await;
}

#[tokio::test]
async fn auto_writes_over_a_pipeline_and_yields_to_a_person() {
    check("auto", 50, [0, 0, 20], [50, 30, 20], "someone else wrote 50 over 0").await;
    check("auto", 7, [7, 0, 20], [7, 30, 20], "yielded to by").await;
}
