//! What waits for Azure, a pause or a person, and what is said of it meanwhile.

use jiff::Timestamp;
use pointsman_emulator::{
    Fault, Match, Operation,
    fault::{Kind, ServerError, Write},
};
use pointsman_scenarios::{
    Forms, World,
    alerts::Alert,
    door::Door,
    world::{DRAIN, Serve},
};
use serde_json::{Value, json};

use crate::transcript::transcript;

mod transcript;

/// A way to Azure that can be shut; a service that cannot be read is noticed within a second.
async fn by_a_door(world: &World) -> Door {
    let azure = world.azure.arm_url();
    let azure = azure.trim_end_matches('/');
    let behind = azure.trim_start_matches("http://").parse();
    let door = Door::to(behind.expect("an address")).await;
    let file = world.path("pointsman.yaml");
    let config = std::fs::read_to_string(&file).expect("a configuration");
    let config = config.replace(azure, &door.url()).replace("checkEvery: never", "checkEvery: 1s");
    assert!(config.contains(&door.url()) && config.contains("1s"), "{config}");
    std::fs::write(file, config).expect("a configuration is written");
    door
}

async fn fire(world: &World, serve: &Serve, names: &[&str]) {
    let alerts: Vec<Alert> =
        names.iter().map(|name| Alert::firing(name, Timestamp::now())).collect();
    assert_eq!(world.send(serve, &alerts).await, 202);
}

/// The id of the override that does this.
async fn id(world: &World, does: &str) -> String {
    let document = world.document().await;
    let overrides = document["overrides"].as_array().expect("a list");
    let over = overrides.iter().find(|over| over["effect"]["says"] == does);
    over.unwrap_or_else(|| panic!("{document:#}"))["id"].as_str().expect("an id").to_owned()
}

/// What was displaced is given back as soon as Azure can be written to. Where it ends before that, it stays in
/// the list until then.
#[tokio::test]
async fn what_is_given_back_is_said_with_its_override_until_azure_has_it() {
    let world = World::new(DRAIN).await;
    let before = world.body();
    let serve = world.serve(&[]).await;
    fire(&world, &serve, &["eu", "us"]).await;
    world.weights([0, 0, 20]).await;
    world.told("is done").await;
    let refused = Kind::Error { error: ServerError::ManagementApi, write: Write::NotDone };
    let refused = world.azure.inject(Fault::always(Match::operation(Operation::Patch), refused));
    let drain = ["drain", "ap", "--for", "1h", "--reason", "INC-7"];
    let _ = world.say(&drain).await.ended(3);
    world.status_says("displaced, held").await;
    let displaced = world.document().await["overrides"].as_array().and_then(|overrides| {
        let over = overrides.iter().find(|over| over["standing"]["kind"] == "displaced")?;
        Some((over["id"].as_str()?.to_owned(), over["effect"]["members"][0].as_str()?.to_owned()))
    });
    let (displaced, member) = displaced.expect("one gave way");
    let undone = world.say(&["undo", &displaced, "--reason", "it is well"]).await.ended(1);
    let _ = undone.says("was not seen restored yet: ");
    let status = world.json(&["status"]).await;
    Forms::read().check("Status", &status);
    let rows = status["backends"][0]["pool"]["members"].as_array().expect("members");
    let row = rows.iter().find(|row| row["member"] == member.as_str()).expect("a row");
    assert_eq!((&row["weight"], &row["next"]["id"]), (&json!(0), &json!(displaced)));
    assert_eq!(row["next"]["givesBack"], "100%", "{row:#}");
    let status = world.say(&["status", "--utc"]).await.ended(3);
    let shown = status.out.replace("as our own write left it at", "as it was read at");
    // The next try may be due this very moment.
    let shown = shown.replace(" (now)\n  as it", " (in 1 s)\n  as it");
    transcript("status_given_back.txt", &shown);
    let explained = world.json(&["explain", &member]).await;
    Forms::read().check("Explain", &explained);
    let asked = &explained["why"][0]["asked"];
    let fates = |asked: &Value| {
        asked.as_array().map(|all| {
            all.iter()
                .map(|one| (one["id"] == displaced.as_str(), one["fate"].clone()))
                .collect::<Vec<_>>()
        })
    };
    assert_eq!(fates(asked), Some(vec![(true, json!("ending"))]), "{explained:#}");
    let _ = world
        .say(&["explain", &member])
        .await
        .ended(0)
        .says("ending (undone by tester: it is well)")
        .says("stands until it is given back: undone by tester: it is well");
    assert!(world.azure.clear(refused));
    let _ = world.say(&["release", "--all"]).await.ended(0);
    assert_eq!(world.body(), before);
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn what_was_held_when_it_was_heard_again_is_not_said_once_nothing_is_held() {
    let world = World::new(DRAIN).await;
    let serve = world.serve(&[]).await;
    let _ = world.say(&["pause", "--reason", "a release"]).await.ended(0);
    let eu = Alert::firing("eu", Timestamp::now());
    for _ in 0..2 {
        assert_eq!(world.send(&serve, std::slice::from_ref(&eu)).await, 202);
        world.status_says("held: Pointsman is paused").await;
    }
    world.status_says("BackendErrors is known already: drain eu in contoso-apim/chat").await;
    let resumed = world.say(&["resume", "--reason", "it is out"]).await.ended(0);
    let _ = resumed.says("writes to Azure again");
    world.weights([0, 30, 20]).await;
    world.status_says("drain eu: in force").await;
    let status = world.say(&["status"]).await.ended(0);
    assert!(!status.out.contains("paused") && !status.out.contains("held"), "{}", status.out);
    // What was so then is told there.
    let history = world.say(&["history"]).await.ended(0);
    let _ = history.says("held: Pointsman is paused").says("resumed by tester: it is out");
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn a_late_alert_and_one_that_cannot_be_acted_upon_have_their_names() {
    let world = World::new(DRAIN).await;
    let serve = world.serve(&[]).await;
    let eu = Alert::firing("eu", Timestamp::now());
    assert_eq!(world.send(&serve, std::slice::from_ref(&eu)).await, 202);
    world.weights([0, 30, 20]).await;
    assert_eq!(world.send(&serve, &[eu.clone().resolved(Timestamp::now())]).await, 202);
    world.weights([50, 30, 20]).await;
    assert_eq!(world.send(&serve, &[eu]).await, 202);
    world.status_says("BackendErrors: 5xx on eu (prometheus/f-eu) was heard firing").await;
    world.told("BackendErrors: a firing of").await;
    fire(&world, &serve, &["no/name"]).await;
    let says = "BackendErrors could not be acted upon: play `drain-failing-member`";
    world.status_says(says).await;
    world.told(says).await;
    let ledger = world.ledger().await;
    for kind in ["late", "unresolvable"] {
        let [line] = ledger.of(kind)[..] else { panic!("{ledger:#?}") };
        assert!(line["alert"].as_str().is_some_and(|it| it.starts_with("BackendErrors: ")));
    }
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn an_undo_of_what_is_over_is_done_and_one_of_a_member_says_what_to_undo() {
    let world = World::new(DRAIN).await;
    let serve = world.serve(&[]).await;
    fire(&world, &serve, &["eu"]).await;
    world.weights([0, 30, 20]).await;
    world.told("is done").await;
    let over = id(&world, "drain eu").await;
    let _ = world
        .say(&["undo", "eu", "--reason", "x"])
        .await
        .ended(1)
        .says("eu is a member, and what is undone is an override, or all of its pool:")
        .says(&format!("pointsman undo {over}  (drain eu)"))
        .says("pointsman undo contoso-apim/chat");
    let undo = ["undo", &over[..6], "--reason", "eu is well"];
    let _ = world.say(&undo).await.ended(0).says("is restored");
    let already = world.say(&undo).await.ended(0).says("is over already");
    let _ = already.says("there was nothing to undo").says("contoso-apim/chat is restored");
    let _ = world.say(&["undo", "chat", "--reason", "x"]).await.ended(0).says("nothing to undo");
    assert!(serve.stop().await);
    // The same by itself, without a `serve`.
    let json = world.say(&[&undo[..], &["--json"]].concat()).await.ended(0).json();
    Forms::read().check("Undone", &json);
    assert_eq!((&json["undone"], &json["restored"]), (&json!([]), &json!(true)));
    world.finish();
}

#[tokio::test]
async fn a_command_by_hand_while_azure_is_blind_says_so_and_goes_on_by_itself() {
    let world = World::new(DRAIN).await;
    let door = by_a_door(&world).await;
    let serve = world.serve(&[]).await;
    fire(&world, &serve, &["eu"]).await;
    world.weights([0, 30, 20]).await;
    world.told("is done").await;
    door.shut().await;
    world.status_says("cannot be read").await;
    let drain = ["drain", "us", "--for", "1h", "--reason", "INC-7", "--utc"];
    let ran = world.say(&drain).await.ended(3);
    transcript("drain_blind.txt", &ran.out.replace("as our own write left it", "as it was read"));
    let over = id(&world, "drain us").await;
    let ran = world.say(&["undo", &over, "--reason", "enough", "--utc"]).await.ended(0);
    transcript("undo_blind.txt", &ran.out);
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn a_shadow_says_what_it_would_hold_and_would_not_have_given_back() {
    let world = World::new(DRAIN).await;
    let door = by_a_door(&world).await;
    let serve = world.serve(&["--shadow"]).await;
    fire(&world, &serve, &["eu"]).await;
    let told = async |text: &str| {
        let so = async |world: &World| world.ok(&["history", "--shadow"]).await.contains(text);
        world.until(text, so).await;
    };
    told("would have been done").await;
    let _ = world.say(&["pause", "--reason", "a release", "--shadow"]).await.ended(0);
    fire(&world, &serve, &["us"]).await;
    told("would be held: Pointsman is paused").await;
    fire(&world, &serve, &["eu", "us"]).await;
    let mut shown = String::new();
    let mut tell = async |words: &[&str], code: i32| {
        let ran = world.say(&[words, &["--shadow", "--utc"]].concat()).await.ended(code);
        shown.push_str(&format!("$ pointsman {}\n{}{}\n", words.join(" "), ran.out, ran.told));
    };
    tell(&["status"], 0).await;
    tell(&["explain", "us"], 0).await;
    let _ = world.say(&["resume", "--shadow"]).await.ended(0);
    told("members/us/weight 30 -> 0").await;
    door.shut().await;
    tell(&["release", "--all", "--within", "1"], 1).await;
    transcript("shadow_waiting.txt", &shown);
    for live in [" is held", "  held", "nothing is given back", "should be", "was restored"] {
        assert!(!shown.contains(live), "{live} is in {shown}");
    }
    assert!(serve.stop().await);
    assert_eq!(world.written(), [""; 0], "a shadow writes nothing");
    world.finish();
}

#[tokio::test]
async fn an_override_of_a_shadow_that_is_over_is_explained() {
    let world = World::new(DRAIN).await;
    let serve = world.serve(&["--shadow"]).await;
    fire(&world, &serve, &["eu"]).await;
    let shadow = ["--shadow", "--utc"];
    let so = async |world: &World| {
        world.ok(&["history", "--shadow"]).await.contains("would have been done")
    };
    world.until("the shadow decides", so).await;
    let explained = world.json(&["explain", "eu", "--shadow"]).await;
    let over = explained["state"]["overrides"][0]["id"].as_str().expect("an id").to_owned();
    let undo = ["undo", &over, "--reason", "eu is well", "--shadow"];
    let _ = world.say(&undo).await.ended(0).says("would be restored");
    let explain = [&["explain", &over[..6]][..], &shadow].concat();
    transcript("explain_over_shadow.txt", &world.ok(&explain).await);
    assert!(serve.stop().await);
    world.finish();
}
