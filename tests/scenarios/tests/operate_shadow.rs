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
    let status = status.says("drain eu: would be in force").says("drain us: would be in force");
    assert!(status.told.contains("of which nothing is written to Azure"), "{status:?}");
    assert_eq!(world.json(&["status", "--shadow"]).await["shadow"], true);
    let _ = world
        .say(&["explain", "chat", "--shadow"])
        .await
        .ended(0)
        .says("members/eu/weight: its owner left 50, it would be 0")
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
async fn every_command_says_of_a_shadow_what_it_would_have_done() {
    let world = World::new(FULL).await;
    let serve = world.serve(&["--shadow"]).await;
    assert_eq!(world.send(&serve, &[Alert::firing("eu", Timestamp::now())]).await, 202);
    let done = async |world: &World| {
        world.ok(&["history", "--shadow"]).await.contains("would have been done")
    };
    world.until("the shadow decides", done).await;
    let hour = ["--for", "1h", "--reason", "INC-7"];
    let explained = world.json(&["explain", "eu", "--shadow"]).await;
    let eu = explained["state"]["overrides"][0]["id"].as_str().expect("an id").to_owned();
    let commands: [(&str, Vec<&str>, i32); 12] = [
        ("Status", vec!["status"], 0),
        ("Explain", vec!["explain", "chat"], 0),
        ("ByHand", [&["drain", "us"][..], &hour].concat(), 0),
        ("ByHand", [&["shift", "ap", "--to", "50%"][..], &hour].concat(), 0),
        ("ByHand", [&["promote", "eu"][..], &hour].concat(), 0),
        ("ByHand", [&["extend", &eu][..], &hour].concat(), 0),
        ("Switched", vec!["pause", "--reason", "a release"], 0),
        ("Status", vec!["status"], 0),
        ("Switched", vec!["resume"], 0),
        ("Undone", vec!["undo", "chat", "--reason", "enough"], 0),
        ("ByHand", [&["drain", "us"][..], &hour].concat(), 0),
        ("Released", vec!["release", "--all"], 0),
    ];
    let mut told = String::new();
    for (form, words, code) in commands {
        let shadow = [&words[..], &["--shadow", "--utc"]].concat();
        let ran = world.say(&shadow).await.ended(code);
        let typed: Vec<&str> = words.iter().copied().take_while(|word| *word != "--for").collect();
        told.push_str(&format!("$ pointsman {}\n{}\n", typed.join(" "), ran.out));
        // The same for programs: what is done already is told so, too.
        let json = world.say(&[&shadow[..], &["--json"]].concat()).await.ended(code).json();
        Forms::read().check(form, &json);
        assert_eq!(json["shadow"], true, "{words:?}");
    }
    transcript("shadow_told.txt", &told);
    let would = told.replace("would be in force", "").replace("would have released", "");
    for live in ["in force", "released:", "is restored", "\nundone", "\nended", "writes to Azure"] {
        assert!(!would.contains(live), "{live} is in {told}");
    }
    assert!(serve.stop().await);
    assert_eq!(world.written(), [""; 0], "a shadow writes nothing");
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
