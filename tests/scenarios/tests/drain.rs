//! One alert, from webhook to weights and back.

use jiff::Timestamp;
use pointsman_scenarios::{World, alerts::Alert, world::DRAIN};

#[tokio::test]
async fn an_alert_drains_its_member_and_its_end_gives_the_weight_back() {
    let world = World::new(DRAIN).await;
    let serve = world.serve(&[]).await;
    let alert = Alert::firing("eu", Timestamp::now());
    assert_eq!(world.send(&serve, std::slice::from_ref(&alert)).await, 202);
    world.weights([0, 30, 20]).await;
    assert_eq!(world.send(&serve, &[alert.resolved(Timestamp::now())]).await, 202);
    world.weights([50, 30, 20]).await;
    world.at_rest().await;
    assert_eq!(world.azure.writes("chat").len(), 2);
    assert!(serve.stop().await);
    world.finish();
}
