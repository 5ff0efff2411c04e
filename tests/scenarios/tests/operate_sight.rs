//! What a person sees of a pool: the table of `status`, the reasons of `explain`, the lines of `history`.
//! The transcripts beside this file are what the real binary printed, with times and ages made equal.

use jiff::{SignedDuration, Timestamp};
use pointsman_scenarios::{
    Forms, World,
    alerts::Alert,
    world::{DRAIN, Serve},
};
use regex::Regex;
use serde_json::{Value, json};

use crate::transcript::transcript;

mod transcript;

/// The example at the head of core's `lay`: a drain that needs a standby, a shift, and a drain too many.
const PLAYS: &str = r#"
plays:
  - name: shift-na
    when: signal.labels.backend == "na"
    do: [{shift: {pool: chat, member: na, to: 30%}}]
  - name: drain-failing-member
    when: signal.labels.backend != "na"
    do: [{drain: {pool: chat, member: "${signal.labels.backend}"}}]
    ramp: {steps: [10%, 50%, 100%], every: 10m}
"#;

/// A pool that serves with eu, na and ap, and has sb to stand by.
async fn world() -> World {
    let world = World::new(PLAYS).await;
    for (member, port) in [("na", 1), ("sb", 2)] {
        world.azure.put_single(member, &format!("http://127.0.0.1:{port}")).expect("a Single");
    }
    let members = [
        ("eu", Some(5), Some(1)),
        ("na", Some(5), Some(1)),
        ("ap", Some(5), Some(1)),
        ("sb", None, Some(2)),
    ];
    world.azure.put_pool("chat", &members).expect("a pool");
    let playbook = std::fs::read_to_string(world.path("playbook.yaml")).expect("a playbook");
    let playbook = playbook.replace("{leastMembers: 1}", "{leastShare: 60%}");
    std::fs::write(world.path("playbook.yaml"), playbook).expect("it is written");
    world
}

fn weight(world: &World, member: &str) -> Option<u32> {
    world.azure.view(|azure| azure.weight("chat", member))
}

fn alert(name: &str, age_secs: i64) -> Alert {
    Alert::firing(name, Timestamp::now() - SignedDuration::from_secs(age_secs))
}

/// eu is drained, na is shifted, sb is promoted for them, and ap is held.
async fn troubled(world: &World) -> (Serve, Vec<Alert>) {
    let serve = world.serve(&[]).await;
    let alerts = vec![alert("eu", 30), alert("na", 20), alert("ap", 10)];
    assert_eq!(world.send(&serve, &alerts).await, 202);
    world.status_says("held: ").await;
    world.until("sb serves", async |world: &World| weight(world, "sb") == Some(10)).await;
    world.told("is done").await;
    (serve, alerts)
}

/// Each member's share in percent, and whether they are 100% together.
fn shares(status: &Value) -> Vec<(String, f64)> {
    let members = status["backends"][0]["pool"]["members"].as_array().expect("members");
    let share = |member: &Value| {
        let percent = member["share"].as_str().expect("a share").trim_end_matches('%');
        (member["member"].as_str().expect("a name").to_owned(), percent.parse().expect("a number"))
    };
    let shares: Vec<(String, f64)> = members.iter().map(share).collect();
    let all: f64 = shares.iter().map(|(_, share)| share).sum();
    assert!((all - 100.0).abs() <= 0.01 * shares.len() as f64, "{shares:?}");
    shares
}

/// What the gateway sends to each member is what is shown.
async fn is_routed_so(world: &World, shown: &[(String, f64)], weights: u64) {
    let before = |name: &str| world.azure.traffic().member("chat", name).requests;
    let counts: Vec<u64> = shown.iter().map(|(name, _)| before(name)).collect();
    for _ in 0..weights {
        let asked = world.http.get(format!("{}/chat/", world.azure.gateway_url())).send().await;
        asked.expect("the gateway answers");
    }
    for ((name, share), count) in shown.iter().zip(counts) {
        let routed = 100.0 * (before(name) - count) as f64 / weights as f64;
        assert!((routed - share).abs() <= 0.01, "{name}: {routed} of {shown:?}");
    }
}

#[tokio::test]
async fn a_touched_pool_is_a_table_and_every_row_has_its_reason() {
    let world = world().await;
    let (serve, alerts) = troubled(&world).await;
    let status = world.say(&["status", "--utc"]).await.ended(0);
    assert!(!status.out.contains('\u{1b}'), "a pipe gets no colours: {status:?}");
    transcript("status_held.txt", &status.out);
    let json = world.json(&["status"]).await;
    let backend = &json["backends"][0];
    assert_eq!(backend["urgency"], "held");
    let sb = &backend["pool"]["members"][3];
    assert_eq!(
        (&sb["ownerGroup"], &sb["group"], &sb["ownerWeight"], &sb["weight"]),
        (&json!(2), &json!(1), &json!("absent"), &json!(10))
    );
    assert_eq!(sb["promoted"]["by"].as_array().map(Vec::len), Some(2), "{sb:#}");
    let shown = shares(&json);
    is_routed_so(&world, &shown, 23).await;

    transcript("explain_chat.txt", &world.ok(&["explain", "chat", "--utc"]).await);
    transcript("explain_sb.txt", &world.ok(&["explain", "sb", "--utc"]).await);
    let id = backend["overrides"][0]["id"].as_str().expect("an id").to_owned();
    transcript("explain_override.txt", &world.ok(&["explain", &id[..5], "--utc"]).await);
    let explained = world.json(&["explain", "SB"]).await;
    assert_eq!(explained["about"], json!({"kind": "member", "member": "sb"}));
    let _ = world.say(&["explain", "nobody"]).await.ended(1).says("known are: chat");

    // Both ends of the ramp's first step: eu has a tenth of its weight again.
    let eu = alerts[0].clone().resolved(Timestamp::now());
    assert_eq!(world.send(&serve, &[eu]).await, 202);
    world.status_says("10% given back").await;
    world
        .until("it is written", async |world: &World| {
            world.json(&["status"]).await["backends"][0]["writes"] == json!([])
        })
        .await;
    transcript("status_ramping.txt", &world.ok(&["status", "--utc"]).await);
    let status = world.json(&["status"]).await;
    let next = &status["backends"][0]["pool"]["members"][0]["next"];
    assert_eq!(next["givesBack"], "50%", "{status:#}");
    let total: u64 = ["eu", "na", "ap", "sb"]
        .iter()
        .filter(|name| shares(&status).iter().any(|(one, share)| one == *name && *share > 0.0))
        .map(|name| u64::from(weight(&world, name).expect("a weight")))
        .sum();
    is_routed_so(&world, &shares(&status), total).await;

    let _ = world.say(&["pause", "--reason", "a release"]).await.ended(0);
    world.status_says("held: Pointsman is paused").await;
    let paused = world.say(&["status", "--utc"]).await.ended(0);
    transcript("status_paused.txt", &paused.out);
    let _ = world.say(&["resume"]).await.ended(0);
    let _ = world.say(&["release", "--all"]).await.ended(0);
    // At rest, what its owner left is remembered.
    let rest = world.json(&["status"]).await;
    let rest = &rest["backends"][0];
    assert_eq!((&rest["atRest"], &rest["pool"]["members"][0]["weight"]), (&json!(true), &json!(5)));
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn what_is_over_and_what_is_at_rest_are_explained() {
    let world = World::new(DRAIN).await;
    let serve = world.serve(&[]).await;
    assert_eq!(world.send(&serve, &[alert("eu", 30)]).await, 202);
    world.weights([0, 30, 20]).await;
    world.told("is done").await;
    let id = world.document().await["overrides"][0]["id"].as_str().expect("an id").to_owned();
    let _ = world.say(&["undo", &id[..5], "--reason", "eu is well"]).await.ended(0);
    world.weights([50, 30, 20]).await;
    world.at_rest().await;
    let _ = world.say(&["drain", "us", "--for", "1h", "--reason", "INC-7"]).await.ended(0);
    let by_hand = world.document().await["overrides"][0]["id"].as_str().expect("an id").to_owned();
    // One that is over is explained while another is in force.
    let over = world.json(&["explain", &id]).await;
    assert_eq!(over["over"]["why"]["kind"], "undone");
    let _ = world.say(&["undo", "chat", "--reason", "us is well"]).await.ended(0);
    world.at_rest().await;
    let explain = async |what: &str| {
        let out = world.ok(&["explain", what, "--utc"]).await;
        out.replace("as our own write left it at", "as it was read at")
    };
    transcript("explain_over.txt", &explain(&id[..5]).await);
    transcript("explain_over_by_hand.txt", &explain(&by_hand[..5]).await);
    transcript("explain_at_rest.txt", &explain("us").await);
    let forms = Forms::read();
    let over = world.json(&["explain", &by_hand]).await;
    forms.check("Explain", &over);
    assert_eq!(
        (&over["over"]["origin"], &over["over"]["id"]),
        (&json!("operator"), &json!(by_hand))
    );
    let at_rest = world.json(&["explain", "US"]).await;
    forms.check("Explain", &at_rest);
    let us = &at_rest["state"]["pool"]["members"][1];
    assert_eq!(
        (&us["member"], &us["weight"], &us["ownerWeight"]),
        (&json!("us"), &json!(30), &json!(30))
    );
    let _ = world.say(&["explain", "zzzz"]).await.ended(1).says("known are: chat");
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn times_are_the_readers_and_history_is_cut_by_time_and_play() {
    let world = world().await;
    let (serve, alerts) = troubled(&world).await;
    let zoned = async |arguments: &[&str], zone: &str| {
        let output = world.command(arguments).env("TZ", zone).output().await.expect("it runs");
        String::from_utf8(output.stdout).expect("text")
    };
    let clock = Regex::new(r"since (\d\d):(\d\d)(Z?)").expect("a rule");
    let minutes = |text: &str| {
        let found = clock.captures(text).unwrap_or_else(|| panic!("a time in {text}"));
        let number = |at: usize| found[at].parse::<i64>().expect("a number");
        (number(1) * 60 + number(2), found[3].to_owned())
    };
    let (utc, z) = minutes(&zoned(&["status", "--utc"], "XYZ-5:30").await);
    let (east, none) = minutes(&zoned(&["status"], "XYZ-5:30").await);
    assert_eq!((z.as_str(), none.as_str()), ("Z", ""));
    assert_eq!((east - utc).rem_euclid(24 * 60), 5 * 60 + 30);

    let all = world.lines(&[]).await.len();
    let count = async |arguments: &[&str]| world.lines(arguments).await.len();
    assert_eq!(count(&["--since", "1h"]).await, all);
    for time in ["2020-01-01 00:00", "2020-01-01 23:59", "2020-01-01T23:59"] {
        assert_eq!(count(&["--since", time]).await, all, "{time}");
    }
    let later = (Timestamp::now() + SignedDuration::from_mins(1)).to_string();
    assert_eq!(count(&["--since", &later]).await, 0);
    let _ = world.say(&["history", "--since", "soon"]).await.ended(2).says("write an age as");
    let na = alerts[1].clone().resolved(Timestamp::now());
    assert_eq!(world.send(&serve, &[na]).await, 202);
    let restored = async |world: &World| {
        let of_play = world.lines(&["--play", "shift-na"]).await;
        of_play.iter().filter(|line| line["what"] == "wrote").count() == 2
    };
    world.until("it is given back", restored).await;
    let of_play = world.say(&["history", "--play", "shift-na", "--utc"]).await.ended(0);
    transcript("history_play.txt", &of_play.out);
    let json = world.lines(&["--play", "shift-na"]).await;
    let of = |what: &str| json.iter().find(|line| line["what"] == what).expect("a line");
    assert_eq!(of("fired")["alert"], "BackendErrors: 5xx on na");
    assert_eq!(of("resolved")["plays"], json!(["shift-na"]));
    assert!(of("intended")["overrides"].as_array().is_some_and(|ids| !ids.is_empty()));
    let _ = world
        .say(&["history", "--play", "nobodys"])
        .await
        .ended(0)
        .says("the ledger has no line about play nobodys");
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn an_override_that_yielded_stands_apart_from_what_is_in_force() {
    let world = World::new(DRAIN).await;
    let config = std::fs::read_to_string(world.path("pointsman.yaml")).expect("a configuration");
    let config = config.replace("azure: {", "azure: {lookEvery: 5s, ");
    std::fs::write(world.path("pointsman.yaml"), config).expect("it is written");
    let serve = world.serve(&[]).await;
    assert_eq!(world.send(&serve, &[alert("eu", 30)]).await, 202);
    world.weights([0, 30, 20]).await;
    world.told("is done").await;
    let mut body = world.azure.backend("chat").expect("it is there").body;
    body["properties"]["pool"]["services"][0]["weight"] = json!(7);
    world.azure.foreign_put("chat", &body).expect("a pool");
    let yielded = async |world: &World| {
        let document = world.document().await;
        document["urgency"] == "yielded"
    };
    world.until("it has yielded", yielded).await;
    let standing = world.document().await["overrides"][0]["standing"].clone();
    assert_eq!(standing["kind"], "yielded");
    let time = |of: &str| standing[of].as_str().expect(of).parse::<Timestamp>().expect("a time");
    assert!(time("keptOutSince") > time("since"), "{standing:#}");
    transcript("status_yielded.txt", &world.ok(&["status", "--utc"]).await);
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn what_is_overdue_is_to_be_given_back_now() {
    let plays = DRAIN.replace("    do:", "    hold: 20s\n    do:");
    let world = World::new(&plays).await;
    let serve = world.serve(&[]).await;
    let eu = alert("eu", 30);
    assert_eq!(world.send(&serve, std::slice::from_ref(&eu)).await, 202);
    world.status_says("in force for").await;
    assert_eq!(world.send(&serve, &[eu.resolved(Timestamp::now())]).await, 202);
    world.status_says("given back in").await;
    // Nobody is there to do it.
    serve.kill().await;
    world.status_says("to be given back now: its alert resolved").await;
    let status = world.say(&["status", "--utc"]).await.ended(3).says(", due to end at ");
    assert!(!status.out.contains(" 0s"), "{status:?}");
    world.finish();
}

#[tokio::test]
async fn what_is_printed_for_programs_keeps_to_its_schema() {
    let forms = Forms::read();
    let world = world().await;
    let (serve, _) = troubled(&world).await;
    let _ = world.say(&["pause", "--reason", "a release"]).await.ended(0);
    let signal = world.signal_file(&[alert("eu", 30), alert("nobody", 1)]);
    let commands: [(&str, &[&str]); 6] = [
        ("Status", &["status"]),
        ("Explain", &["explain", "chat"]),
        ("Explain", &["explain", "sb"]),
        ("Explain", &["explain", "na"]),
        ("History", &["history"]),
        ("Plan", &["plan", "--signal", &signal]),
    ];
    for (form, command) in commands {
        forms.check(form, &world.json(command).await);
    }
    assert!(serve.stop().await);
    world.finish();
}
