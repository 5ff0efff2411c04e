//! `pointsman playbook`: check, apply, schema, show; and `serve --publish`.

use std::fs::File;

use jiff::Timestamp;
use pointsman_emulator::{Options, Unpublished, unpublished::NewerFields};
use pointsman_scenarios::{World, alerts::Alert, world::DRAIN};
use serde_json::{Value, json};

use crate::transcript::transcript;

mod transcript;

/// A playbook whose only play is of another name, and that drains for another alert.
const OTHER: &str = r#"
plays:
  - name: ease
    when: signal.labels.alertname == "BackendErrors"
    do: [{shift: {pool: chat, member: "${signal.labels.backend}", to: 50%}}]
"#;

#[tokio::test]
async fn check_says_where_what_and_what_would_be_right() {
    let world = World::new(DRAIN).await;
    let _ = world
        .say(&["playbook", "check", "playbook.yaml"])
        .await
        .ended(0)
        .says("sound; 1 pool, 1 play");
    let text = std::fs::read_to_string(world.path("playbook.yaml")).expect("a playbook");
    std::fs::write(world.path("bad.yaml"), text.replace("pool: chat", "pool: chatt"))
        .expect("it is written");
    let bad = world.say(&["playbook", "check", "bad.yaml"]).await.ended(1);
    let _ = bad.says("bad.yaml:8:").says("chatt").says("did you mean `chat`?").says("1 problem");
    let worse =
        text.replace("pool: chat", "pool: chatt").replace("leastMembers: 1", "leastShare: 0.5");
    let worse = worse.replace("${signal.labels.backend}", "$signal.labels.backend");
    std::fs::write(world.path("worse.yaml"), worse).expect("it is written");
    let all = world.say(&["playbook", "check", "worse.yaml"]).await.ended(1);
    transcript("playbook_check.txt", &all.told);
    let freeze =
        "gates: {freeze: [{name: ny, from: 2026-12-20T00:00, to: 2027-01-02T00:00, zone: UTC}]}\n";
    std::fs::write(world.path("frozen.yaml"), format!("{text}{freeze}")).expect("it is written");
    let frozen = world.say(&["playbook", "check", "frozen.yaml"]).await.ended(0);
    let _ = frozen.says("sound; 1 pool, 1 play, 1 freeze");
    let json = world.say(&["playbook", "check", "bad.yaml", "--json"]).await.ended(1).json();
    let problem = &json["problems"][0];
    assert_eq!(
        (&json["sound"], &problem["line"], &problem["text"]),
        (&json!(false), &json!(8), &json!("chatt"))
    );
    assert!(problem["help"].as_str().is_some_and(|help| help.contains("chat")), "{json}");
    // From standard input, too.
    let mut typed = world.command(&["playbook", "check", "-"]);
    let typed = typed.stdin(File::open(world.path("bad.yaml")).expect("it is there"));
    let typed = typed.output().await.expect("it can be run");
    let told = String::from_utf8_lossy(&typed.stdout) + String::from_utf8_lossy(&typed.stderr);
    assert_eq!(typed.status.code(), Some(1), "{told}");
    assert!(told.contains("did you mean `chat`?"), "{told}");
    // What has a problem is never published.
    let _ = world.say(&["playbook", "apply", "bad.yaml"]).await.ended(1).says("bad.yaml:8:");
    assert!(!world.path("pointsman.db").exists());
    world.finish();
}

/// An Azure in which `eu` has what only a later version of its interface shows.
async fn with_a_hidden_field() -> World {
    let unpublished = Unpublished { newer_fields: NewerFields::Hidden, ..Unpublished::default() };
    let world = World::with(Options { unpublished, ..Options::default() }, DRAIN).await;
    let member = |name: &str, weight: u32| {
        let id = format!("{}/backends/{name}", world.azure.service().id());
        json!({"id": id, "weight": weight})
    };
    let mut eu = member("eu", 50);
    eu["preferredCarbonEmission"] = json!("Low");
    let services = json!([eu, member("us", 30), member("ap", 20)]);
    let patch = json!({"properties": {"pool": {"services": services}}});
    let _ = world.azure.foreign_patch("chat", &patch).expect("it is taken");
    world.azure.forget_requests();
    world
}

/// What is said of it.
const HIDDEN: &str =
    "a later version of Azure's interface shows: services[eu].preferredCarbonEmission; set";

#[tokio::test]
async fn check_looks_at_the_pools_in_azure_where_it_is_asked_to() {
    let world = with_a_hidden_field().await;
    let check = ["playbook", "check", "playbook.yaml", "--azure"];
    let _ = world.say(&check).await.ended(0).says("sound; 1 pool").says(HIDDEN);
    let json = world.json(&check).await;
    let (matter, fields) = (&json["azure"][0]["matter"], &json["azure"][0]["fields"]);
    assert_eq!(
        (matter, &fields[0]),
        (&json!("hidden"), &json!("services[eu].preferredCarbonEmission"))
    );
    // A version that shows it loses nothing.
    let config = std::fs::read_to_string(world.path("pointsman.yaml")).expect("a configuration");
    let newer = config.replace("azure: {", "azure: {apiVersion: 2026-03-01-preview, ");
    std::fs::write(world.path("newer.yaml"), newer).expect("it is written");
    let by_newer = [&check[..], &["--config", "newer.yaml"]].concat();
    let _ = world.say(&by_newer).await.ended(0).says("every backend is there in Azure");

    let lacking = r#"
plays:
  - name: drain-a-stranger
    when: "true"
    do: [{drain: {pool: chat, member: eu}}, {drain: {pool: chat, member: stranger}}, {drain: {pool: chat, member: us1}}]
"#;
    let text = std::fs::read_to_string(world.path("playbook.yaml")).expect("a playbook");
    world.write_playbook(lacking);
    let lacks = world.say(&check).await.ended(1);
    let _ = lacks.says(
        "pool chat (contoso-apim/chat): plays name what it does not list as a member: stranger (the \
         members are `eu`, `us` and `ap`), us1 (did you mean `us`?)",
    );
    // Also where a condition is what names them.
    let listed = r#"
plays:
  - name: drain-these
    when: signal.labels["backend"] in ["eu", "us2"]
    do: [{drain: {pool: chat, member: "${signal.labels.backend}"}}]
  - name: drain-that
    when: signal.severity >= warning && signal.annotations.of == "ap2"
    do: [{drain: {pool: chat, member: "${signal.annotations.of}"}}]
"#;
    world.write_playbook(listed);
    let lacks = world.say(&check).await.ended(1);
    let _ =
        lacks.says("does not list as a member: ap2 (did you mean `ap`?), us2 (did you mean `us`?)");
    std::fs::write(world.path("playbook.yaml"), text).expect("it is written");

    world.azure.foreign_delete("chat").expect("it is deleted");
    let gone = world.say(&check).await.ended(1);
    let _ = gone.says("pool chat (contoso-apim/chat): Azure has no backend of this name");
    let _ = world.azure.put_single("chat", "http://127.0.0.1:9").expect("a Single");
    let _ = world.say(&check).await.ended(1).says("it is a backend of its own, and no pool");
    let wrong = config.replace("AZURE_TOKEN", "SOURCE_TOKEN");
    std::fs::write(world.path("wrong.yaml"), wrong).expect("it is written");
    let by_wrong = [&check[..], &["--config", "wrong.yaml"]].concat();
    let _ = world.say(&by_wrong).await.ended(1).says("it cannot be read: ").says("401");
    // Without being asked to, it needs no Azure; and it never writes.
    let _ = world.say(&check[..3]).await.ended(0).says("sound; 1 pool, 1 play");
    assert!(world.azure.writes("chat").is_empty());
    assert!(!world.path("pointsman.db").exists());
    world.finish();
}

#[tokio::test]
async fn serve_looks_at_the_pools_of_each_generation() {
    let world = with_a_hidden_field().await;
    let config = std::fs::read_to_string(world.path("pointsman.yaml")).expect("a configuration");
    let config = config.replace("azure: {", "azure: {inspected: true, ");
    std::fs::write(world.path("pointsman.yaml"), config).expect("it is written");
    let _serve = world.serve(&[]).await;
    let said = |number: u32| {
        let generation = format!("\"generation\":{number}");
        move |world: &World| {
            world.log().lines().any(|line| line.contains(&generation) && line.contains(HIDDEN))
        }
    };
    world
        .until("the first generation's pools are looked at", async |world: &World| said(1)(world))
        .await;
    world.write_playbook(OTHER);
    let _ = world.ok(&["playbook", "apply", "playbook.yaml"]).await;
    world
        .until("the second generation's pools are looked at", async |world: &World| said(2)(world))
        .await;
    assert!(world.azure.writes("chat").is_empty());
    world.finish();
}

#[tokio::test]
async fn the_schema_is_one() {
    let world = World::new(DRAIN).await;
    let schema: Value =
        serde_json::from_str(&world.ok(&["playbook", "schema"]).await).expect("JSON");
    assert!(schema["$schema"].is_string() && schema["properties"]["plays"].is_object());
    world.finish();
}

#[tokio::test]
async fn apply_says_what_becomes_of_overrides_and_a_running_serve_takes_it_up() {
    let world = World::new(DRAIN).await;
    let serve = world.serve(&[]).await;
    let eu = Alert::firing("eu", Timestamp::now());
    assert_eq!(world.send(&serve, &[eu]).await, 202);
    world.weights([0, 30, 20]).await;
    let same = world.say(&["playbook", "apply", "playbook.yaml"]).await.ended(0);
    let _ = same.says("kept as it is").says("generation 1 is already in force");

    // A limit is told in words, with what held before.
    let text = std::fs::read_to_string(world.path("playbook.yaml")).expect("a playbook");
    let tighter = text.replace("{leastMembers: 1}", "{leastMembers: 1, leastShare: 85%}");
    std::fs::write(world.path("tighter.yaml"), tighter).expect("it is written");
    let dry = world.say(&["playbook", "apply", "--dry-run", "tighter.yaml"]).await.ended(0);
    let _ =
        dry.says("~ pool chat").says("its limit leastShare: no limit (the default) becomes 85%");
    std::fs::write(world.path("none.yaml"), text.replace(", limits: {leastMembers: 1}", ""))
        .expect("it is written");
    let dry = world.say(&["playbook", "apply", "--dry-run", "none.yaml"]).await.ended(0);
    let _ = dry.says("its limit leastMembers: 1 becomes half of its members (the default)");

    world.write_playbook(OTHER);
    let dry = world.say(&["playbook", "apply", "--dry-run", "playbook.yaml"]).await.ended(0);
    let dry = dry.says("drain eu").says("ended, with its ramp").says("nothing was published");
    let dry = dry.says("- play drain-failing-member").says("+ play ease");
    transcript("playbook_apply_dry_run.txt", &dry.out);
    assert_eq!(world.json(&["status"]).await["generation"], json!(1));
    let applied = world.say(&["playbook", "apply", "playbook.yaml"]).await.ended(0);
    let _ = applied.says("generation 2 is published; `serve` takes it up within");
    // The drain's play is gone, and so is the drain, without a restart; the new play is heard.
    world.weights([50, 30, 20]).await;
    let _ = world.say(&["history"]).await.ended(0).says("it is not in the playbook any more");
    let us = Alert::firing("us", Timestamp::now());
    assert_eq!(world.send(&serve, &[us]).await, 202);
    world.weights([50, 15, 20]).await;
    let _ =
        world.say(&["playbook", "show"]).await.ended(0).says("# generation 2").says("name: ease");
    let earlier = world.say(&["playbook", "show", "1"]).await.ended(0);
    let _ = earlier.says("# generation 1").says("drain-failing-member");
    let none = world.say(&["playbook", "rollback", "7"]).await.ended(1);
    let _ = none.says("there is no generation 7; there are 1 to 2");
    let dry = world.say(&["playbook", "rollback", "1", "--dry-run"]).await.ended(0);
    let _ = dry
        .says("- play ease")
        .says("+ play drain-failing-member")
        .says("generation 3 is what this would be");
    let back = world.say(&["playbook", "rollback", "1"]).await.ended(0);
    let _ = back.says("generation 3 is published");
    // The alert that fires is for the play that is back, once it is repeated.
    world.weights([50, 30, 20]).await;
    let listed = world.json(&["playbook", "list"]).await;
    let numbers: Vec<_> =
        listed["generations"].as_array().unwrap().iter().map(|one| &one["number"]).collect();
    assert_eq!(numbers, [1, 2, 3]);
    let listed = world.say(&["playbook", "list", "-n", "1"]).await.ended(0);
    assert!(!listed.says("generation").out.contains(" 2 "), "only the newest");
    world.finish();
}

#[tokio::test]
async fn serve_acts_by_what_is_published_until_told_to_publish() {
    let world = World::new(DRAIN).await;
    let serve = world.serve(&[]).await;
    assert!(serve.stop().await);
    world.write_playbook(OTHER);
    let serve = world.serve(&[]).await;
    assert_eq!(world.json(&["status"]).await["generation"], json!(1));
    assert!(world.log().contains("differs from generation 1"), "{}", world.log());
    let differs =
        "playbook.yaml differs from it: `pointsman playbook apply playbook.yaml --dry-run`";
    let _ = world.say(&["status"]).await.ended(0).says(differs);
    assert!(serve.stop().await);
    let serve = world.serve(&["--publish"]).await;
    let us = Alert::firing("us", Timestamp::now());
    assert_eq!(world.send(&serve, &[us]).await, 202);
    world.weights([50, 15, 20]).await;
    assert_eq!(world.json(&["status"]).await["generation"], json!(2));
    assert!(serve.stop().await);
    let serve = world.serve(&["--publish"]).await;
    assert_eq!(
        world.json(&["status"]).await["generation"],
        json!(2),
        "the same again is no new one"
    );
    assert!(serve.stop().await);
    world.finish();
}
