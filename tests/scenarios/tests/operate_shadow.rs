//! `serve --shadow`: decides, records and shows, and writes nothing.

use jiff::Timestamp;
use pointsman_scenarios::{Forms, World, alerts::Alert};

use crate::transcript::transcript;

mod transcript;

/// With a ramp and a reconnect, so that all that could be written would be.
const FULL: &str = r#"
plays:
  - name: drain-failing-member
    when: signal.labels.alertname == "BackendErrors"
    do: [{drain: {pool: chat, member: "${signal.labels.backend}"}}]
    after: [{reconnect: {backend: "${signal.labels.backend}", after: PT2M}}]
"#;

#[tokio::test]
async fn the_shadow_decides_and_records_all_and_writes_nothing() {
    let world = World::new(FULL).await;
    let serve = world.serve(&["--shadow"]).await;
    let eu = Alert::firing("eu", Timestamp::now());
    assert_eq!(world.send(&serve, &[eu.clone(), Alert::firing("us", Timestamp::now())]).await, 202);
    let shows = async |text: &str| {
        let so = async |world: &World| world.ok(&["history", "--shadow"]).await.contains(text);
        world.until(text, so).await;
    };
    shows("members/us/weight 30 -> 0").await;
    let status = world.say(&["status", "--shadow"]).await.ended(0);
    let status = status.says("drain eu: in force").says("drain us: in force");
    assert!(status.told.contains("of which nothing is written to Azure"), "{status:?}");
    assert_eq!(world.json(&["status", "--shadow"]).await["shadow"], true);
    let _ = world
        .say(&["explain", "chat", "--shadow"])
        .await
        .ended(0)
        .says("members/eu/weight: its owner left 50, it is 0")
        .says("as the shadow would have left it");
    assert_eq!(world.send(&serve, &[eu.resolved(Timestamp::now())]).await, 202);
    shows("members/eu/weight 0 -> 50").await;
    // The shortest wait that Azure takes is due at once: it would have been asked for.
    shows("would have been due at").await;
    let _ = world.say(&["release", "--all", "--shadow"]).await.ended(0);
    let report = world.say(&["shadow", "report", "--since", "1h", "--utc"]).await.ended(0);
    transcript("shadow_report.txt", &report.out);
    let _ = report
        .says("the shadow would have made 2 overrides, ")
        .says("and 1 reconnect")
        .says("  drain eu: from ")
        .says("for prometheus/f-eu (BackendErrors: 5xx on eu), by play drain-failing-member");
    let report = world.json(&["shadow", "report"]).await;
    Forms::read().check("ShadowReport", &report);
    assert_eq!(
        (&report["reconnects"], &report["overrides"][1]["effect"]["kind"]),
        (&1.into(), &"drain".into())
    );
    assert!(
        world.log().contains("would have written members/eu/weight 50 -> 0"),
        "the log says so"
    );
    assert!(serve.stop().await);

    assert_eq!(world.written(), [""; 0], "a shadow writes nothing");
    assert_eq!(world.azure.reconnects().len(), 0);
    // What was imagined is in a store of its own; nothing is there for who acts.
    assert!(world.path("pointsman.shadow.db").exists() && !world.path("pointsman.db").exists());
    let _ = world.say(&["status"]).await.ended(3).says("there is no store");
    world.finish();
}

#[tokio::test]
async fn a_shadow_runs_beside_the_one_that_acts() {
    let world = World::new(FULL).await;
    let (shadow, live) = (world.serve(&["--shadow"]).await, world.serve(&[]).await);
    let eu = Alert::firing("eu", Timestamp::now());
    assert_eq!(world.send(&live, std::slice::from_ref(&eu)).await, 202);
    world.weights([0, 30, 20]).await;
    assert_eq!(world.send(&shadow, &[eu]).await, 202);
    let decided =
        async |world: &World| world.ok(&["history", "--shadow"]).await.contains("would have begun");
    world.until("the shadow decides", decided).await;
    assert!(shadow.stop().await && live.stop().await);
    assert_eq!(world.written(), ["PATCH chat"]);
    world.finish();
}
