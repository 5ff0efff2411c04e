//! `drain`, `shift` and `promote`: what an operator asks for by hand, for a time.

use jiff::Timestamp;
use pointsman_scenarios::{Forms, World, alerts::Alert, world::DRAIN};
use serde_json::json;

use crate::transcript::transcript;

mod transcript;

const HOUR: [&str; 4] = ["--for", "1h", "--reason", "INC-7"];

fn with<'a>(words: &[&'a str]) -> Vec<&'a str> {
    words.iter().copied().chain(HOUR).collect()
}

#[tokio::test]
async fn an_operator_drains_prolongs_and_undoes_with_and_without_a_serve() {
    let world = World::new(DRAIN).await;
    let serve = world.serve(&[]).await;
    let drained = world.say(&with(&["drain", "eu"])).await.ended(0);
    assert_eq!(drained.told, "", "a `serve` will end it");
    let _ = drained
        .says("drain eu: in force")
        .says("by tester: INC-7")
        .says("to end it sooner: `pointsman undo");
    world.weights([0, 30, 20]).await;
    // An alert's own override stays beside it, and ends without it.
    let alert = Alert::firing("eu", Timestamp::now());
    assert_eq!(world.send(&serve, std::slice::from_ref(&alert)).await, 202);
    world.told("by play drain-failing-member").await;
    assert_eq!(world.send(&serve, &[alert.resolved(Timestamp::now())]).await, 202);
    world.told("its alert resolved").await;
    world.weights([0, 30, 20]).await;
    // Another word about the same member takes the place of the first.
    let shifted = world.say(&with(&["shift", "eu", "--to", "40%"])).await.ended(0);
    let _ = shifted.says("shift eu to 40%: in force");
    world.weights([20, 30, 20]).await;
    assert!(serve.stop().await);
    // Nobody serves: the command is carried out by itself.
    let mut words = with(&["promote", "us", "--pool", "chat", "--weight", "9"]);
    words.push("--json");
    let promoted = world.say(&words).await.ended(0).says("nothing ends by itself");
    let promoted = promoted.json();
    Forms::read().check("ByHand", &promoted);
    assert_eq!(
        (&promoted["inForce"], &promoted["served"], &promoted["asked"][0]["says"]),
        (&json!(true), &json!(false), &json!("promote us with weight 9"))
    );
    let again = world.say(&with(&["promote", "us"])).await.ended(0);
    let _ = again.says("us serves already: nothing changes").says("nothing ends by itself");
    let _ = world.say(&words).await.ended(0);
    // Its own weight stands.
    let weight = "`weight: 9` has no effect, as us has a weight of its own";
    let _ = world.say(&["status"]).await.says(weight);
    let over = &promoted["overrides"][0];
    assert_eq!(
        (&over["origin"], &over["alert"]["values"]["by"]),
        (&json!("operator"), &json!("tester"))
    );
    assert!(over.get("play").is_none(), "{over}");
    let undone = world.say(&["undo", "chat", "--reason", "it is well"]).await.ended(0);
    let undone =
        undone.says("undone: shift eu to 40%").says("for tester: INC-7").says("is restored");
    assert!(!undone.told.contains("fires"), "{}", undone.told);
    world.weights([50, 30, 20]).await;
    world.finish();
}

#[tokio::test]
async fn what_a_limit_or_a_pause_holds_is_said_and_exits_with_3() {
    let world = World::new(DRAIN).await;
    let serve = world.serve(&[]).await;
    let drain = with(&["drain", "eu", "us", "ap"]);
    let drained = world.say(&[&drain[..], &["--utc"]].concat()).await.ended(3);
    // It may have been read again since the last write.
    let shown = drained.out.replace("as our own write left it at", "as it was read at");
    transcript("drain_held.txt", &shown);
    let _ = drained
        .says("drain eu: in force")
        .says("held: 0 of the pool's members would serve, and the limit is 1");
    let _ = world.say(&["undo", "chat", "--reason", "enough"]).await.ended(0);
    world.weights([50, 30, 20]).await;
    // Said twice is said once. What is in force is not what was asked for last, under a pause.
    let _ = world.say(&with(&["drain", "eu", "eu"])).await.ended(0).says("drain eu: in force");
    let _ = world.say(&["pause", "--reason", "a release"]).await.ended(0);
    let shifted = world.say(&with(&["shift", "eu", "--to", "50%"])).await.ended(3);
    let _ = shifted.says("nothing is written to Azure until `pointsman resume`");
    let _ = world.say(&["resume"]).await.ended(0);
    world.weights([25, 30, 20]).await;
    let _ = world.say(&["undo", "chat", "--reason", "enough"]).await.ended(0);
    world.weights([50, 30, 20]).await;
    let _ = world.say(&["pause", "--reason", "a release"]).await.ended(0);
    let _ = world.say(&with(&["drain", "eu"])).await.ended(3).says("held: Pointsman is paused");
    let _ = world.say(&["resume"]).await.ended(0);
    world.weights([0, 30, 20]).await;
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn force_passes_a_limit_says_which_and_leaves_no_pool_without_traffic() {
    let world = World::new(DRAIN).await;
    let playbook = std::fs::read_to_string(world.path("playbook.yaml")).expect("a playbook");
    let stricter = playbook.replace("leastMembers: 1", "leastMembers: 2");
    assert_ne!(stricter, playbook);
    std::fs::write(world.path("playbook.yaml"), stricter).expect("written");
    let serve = world.serve(&[]).await;
    let without = ["drain", "eu", "--for", "1h", "--force"];
    let _ = world.say(&without).await.ended(2).says("--reason");
    let _ = world.say(&with(&["drain", "eu"])).await.ended(0);
    let held = world.say(&with(&["drain", "us"])).await.ended(3);
    let _ = held.says("held: 1 of the pool's members would serve, and the limit is 2");
    let forced = world.say(&with(&["drain", "us", "--force"])).await.ended(0);
    let passes = "it passes a limit by force: 1 of the pool's members would serve";
    let _ = forced.says("drain us: in force").says(passes);
    world.weights([0, 0, 20]).await;
    let last = world.say(&with(&["drain", "ap", "--force"])).await.ended(3);
    let _ = last.says("held: 0 of the pool's members would serve");
    world.weights([0, 0, 20]).await;
    let _ = world.say(&["status"]).await.says(passes);
    let _ = world.say(&["explain", "us"]).await.says(passes);
    let history = world.say(&["history"]).await.ended(0);
    let _ = history
        .says("drain us for 1h, past the limits, by tester: INC-7")
        .says("passes a limit by force");
    // Without force, us is given back; so ap may go, which was asked for with force and waits.
    let _ = world.say(&with(&["drain", "us"])).await.ended(3);
    world.weights([0, 30, 0]).await;
    let _ = world.say(&["undo", "chat", "--reason", "enough"]).await.ended(0);
    world.weights([50, 30, 20]).await;
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn the_most_urgent_backend_is_shown_first() {
    let world = World::new(DRAIN).await;
    let members = [("eu", Some(5), Some(1)), ("us", Some(5), Some(1))];
    world.azure.put_pool("images", &members).expect("a pool");
    let text = std::fs::read_to_string(world.path("playbook.yaml")).expect("a playbook");
    let images = "pools: {images: {service: main, backend: images}, ";
    std::fs::write(world.path("playbook.yaml"), text.replace("pools: {", images)).expect("written");
    let serve = world.serve(&[]).await;
    let _ = world.say(&with(&["drain", "eu", "--pool", "chat"])).await.ended(0);
    let _ = world.say(&with(&["drain", "eu", "us", "--pool", "images"])).await.ended(3);
    let status = world.json(&["status"]).await;
    let backends = status["backends"].as_array().expect("a list").iter();
    let order: Vec<_> = backends.map(|it| (&it["name"], &it["urgency"])).collect();
    let wanted = [("contoso-apim/images", "held"), ("contoso-apim/chat", "inForce")];
    assert_eq!(json!(order), json!(wanted));
    let shown = world.ok(&["status"]).await;
    let at = |name: &str| shown.find(name).unwrap_or_else(|| panic!("{name}: {shown}"));
    assert!(at("contoso-apim/images") < at("contoso-apim/chat"), "{shown}");
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn bad_input_is_refused_before_anything_is_sent() {
    let world = World::new(DRAIN).await;
    let _ = world.say(&with(&["drain", "eu"])).await.ended(1).says("no playbook is published");
    let serve = world.serve(&[]).await;
    let _ = world.say(&with(&["drain", "eu"])).await.ended(0);
    let unknown = world.say(&with(&["drain", "uk"])).await.ended(1);
    let _ = unknown.says("the pool chat has no member uk; it has: eu, us, ap");
    let pool = world.say(&with(&["drain", "eu", "--pool", "nope"])).await.ended(1);
    let _ = pool.says("the playbook has no pool `nope`; it has: chat");
    for (lasts, why) in [
        ("0s", "it must be more than nothing, and at most 30 days"),
        ("800h", "at most 30 days"),
        ("3", "write a duration, such as 90s, 30m or 2h"),
    ] {
        let words = ["drain", "eu", "--for", lasts, "--reason", "INC-7"];
        let _ = world.say(&words).await.ended(2).says(why);
    }
    let _ = world.say(&["drain", "eu", "--reason", "INC-7"]).await.ended(2).says("--for");
    let _ = world.say(&with(&["shift", "eu", "--to", "130%"])).await.ended(2).says("--to");
    let history = world.ok(&["history"]).await;
    assert_eq!(history.matches("by tester: INC-7").count(), 1, "{history}");
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn what_is_extended_outlasts_its_alert_and_an_undo_ends_it() {
    let world = World::new(DRAIN).await;
    let serve = world.serve(&[]).await;
    let alert = Alert::firing("eu", Timestamp::now());
    assert_eq!(world.send(&serve, std::slice::from_ref(&alert)).await, 202);
    world.weights([0, 30, 20]).await;
    let status = world.json(&["status"]).await;
    let id = status["backends"][0]["overrides"][0]["id"].as_str().expect("an id").to_owned();
    let extend = |id: &str| ["extend", id, "--for", "2h", "--reason", "INC-7"].map(str::to_owned);
    let say = async |words: [String; 6]| world.say(&words.each_ref().map(String::as_str)).await;
    let extended = say(extend(&id[..6])).await.ended(0);
    let _ = extended.says("drain eu").says("stays until");
    let again = ["extend", &id, "--for", "2h", "--reason", "INC-7", "--json"];
    Forms::read().check("ByHand", &world.say(&again).await.ended(0).json());
    assert_eq!(world.send(&serve, &[alert.resolved(Timestamp::now())]).await, 202);
    world.told("resolved at").await;
    world.weights([0, 30, 20]).await;
    let _ = world.say(&["status"]).await.ended(0).says("given back in 2h");
    let _ = world.say(&["undo", &id, "--reason", "it is well"]).await.ended(0);
    world.weights([50, 30, 20]).await;
    let _ = say(extend("nothing")).await.ended(1).says("is not the id of an override");
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn what_gives_way_to_something_stronger_names_it() {
    let world = World::new(DRAIN).await;
    let serve = world.serve(&[]).await;
    assert_eq!(world.send(&serve, &[Alert::firing("eu", Timestamp::now())]).await, 202);
    world.weights([0, 30, 20]).await;
    world.told("is done").await;
    // What another decides for has no effect, though no limit holds it.
    let _ = world.say(&with(&["shift", "eu", "--to", "40%"])).await.ended(0);
    world.weights([20, 30, 20]).await;
    let ledger = world.ledger().await;
    let [outranked] = ledger.of("outranked")[..] else { panic!("{ledger:?}") };
    let says = outranked["says"].as_str().expect("words");
    assert!(says.ends_with("(shift eu to 40%, by tester: INC-7)"), "{says}");
    let _ = world
        .say(&["status"])
        .await
        .ended(0)
        .says("; another decides instead: shift eu to 40%, by tester: INC-7 (");
    let _ = world.say(&["explain", "eu"]).await.ended(0).says("lost to shift eu to 40%, by tester");
    let explained = world.json(&["explain", "eu"]).await;
    Forms::read().check("Explain", &explained);
    let asked = explained["why"][0]["asked"].as_array().expect("a list");
    assert_eq!(asked[1]["lostTo"], asked[0]["id"], "{asked:#?}");
    // One member must go on to serve: an operator takes eu and ap, so that us has to.
    let _ = world.say(&with(&["drain", "eu"])).await.ended(0);
    assert_eq!(world.send(&serve, &[Alert::firing("us", Timestamp::now())]).await, 202);
    world.weights([0, 0, 20]).await;
    let _ = world.say(&with(&["drain", "ap"])).await.ended(0);
    world.weights([0, 30, 0]).await;
    let ledger = world.ledger().await;
    let [displaced] = ledger.of("displaced")[..] else { panic!("{ledger:?}") };
    let says = displaced["says"].as_str().expect("words");
    let named = says.contains(" gave way to ") && says.contains("(drain ap, by tester: INC-7): ");
    assert!(named, "{says}");
    let document = world.document().await;
    let overrides = document["overrides"].as_array().expect("a list");
    let find = |is: &dyn Fn(&serde_json::Value) -> bool| {
        overrides.iter().find(|over| is(over)).unwrap_or_else(|| panic!("{document:#}"))
    };
    let by = find(&|over| over["effect"]["says"] == "drain ap");
    let gave_way = find(&|over| over["standing"]["kind"] == "displaced");
    assert_eq!(gave_way["standing"]["displacedBy"], json!([by["id"]]));
    let status = world.say(&["status", "--utc"]).await.ended(0);
    let shown = status.out.replace("as our own write left it at", "as it was read at");
    transcript("status_displaced.txt", &shown);
    assert!(serve.stop().await);
    world.finish();
}
