//! Gates, from the alert or the clock to the pool.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use pointsman_scenarios::{Forms, World, alerts::Alert, world::DRAIN};
use serde_json::json;

fn seconds(many: i64) -> SignedDuration {
    SignedDuration::from_secs(many)
}

fn firing(member: &str) -> Alert {
    Alert::firing(member, Timestamp::now())
}

#[tokio::test]
async fn in_a_freeze_nothing_begins_and_after_it_everything() {
    let end = (Timestamp::now() + seconds(12)).to_zoned(TimeZone::UTC);
    let end = end.strftime("%FT%T");
    let world = World::new(&format!(
        "{DRAIN}gates:\n  freeze:\n    - {{name: release, from: 2026-01-01T00:00, to: {end}, zone: UTC}}\n"
    ))
    .await;
    let serve = world.serve(&[]).await;
    assert_eq!(world.send(&serve, &[firing("eu")]).await, 202);
    world.status_says("held: freeze release is on until").await;
    let plan = world.json(&["status"]).await;
    let over = &plan["backends"][0]["overrides"][0];
    assert_eq!(over["standing"]["why"]["kind"], "frozen", "{over:#}");
    // A person has decided.
    let drain = ["drain", "us", "--for", "10m", "--reason", "maintenance"];
    let _ = world.say(&drain).await.ended(0);
    world.weights([50, 0, 20]).await;
    world.weights([0, 0, 20]).await;
    let history = world.ok(&["history"]).await;
    assert!(history.contains("is held: freeze release is on until"), "{history}");
    let _ = world.say(&["release", "--all"]).await.ended(0);
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn a_budget_lets_so_many_begin_and_the_next_in_its_time() {
    let world = World::new(&format!("{DRAIN}    budget: {{most: 1, per: 10s}}\n")).await;
    let serve = world.serve(&[]).await;
    assert_eq!(world.send(&serve, &[firing("eu")]).await, 202);
    world.weights([0, 30, 20]).await;
    assert_eq!(world.send(&serve, &[firing("us")]).await, 202);
    world.status_says("held: the budget of play drain-failing-member is used up until").await;
    world.weights([0, 0, 20]).await;
    let _ = world.say(&["release", "--all"]).await.ended(0);
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn a_pool_and_a_play_are_paused_by_themselves_and_the_clock_ends_it() {
    let world = World::new(DRAIN).await;
    let serve = world.serve(&[]).await;
    let eu = firing("eu");
    assert_eq!(world.send(&serve, std::slice::from_ref(&eu)).await, 202);
    world.weights([0, 30, 20]).await;
    let paused = world.say(&["pause", "--pool", "chat", "--reason", "it is being moved"]).await;
    let _ = paused
        .ended(0)
        .says("pool contoso-apim/chat is paused")
        .says("until `pointsman resume --pool contoso-apim/chat`");
    assert_eq!(world.send(&serve, &[firing("us"), eu.resolved(Timestamp::now())]).await, 202);
    world.status_says("held: the pool is paused").await;
    let shown = world.ok(&["status"]).await;
    assert!(shown.contains("PAUSED pool contoso-apim/chat since"), "{shown}");
    let _ = world.say(&["explain", "chat"]).await.ended(0).says("it is being moved");
    let _ = world.say(&["release", "--all"]).await.ended(1).says("is paused (it is being moved");
    let status = world.json(&["status"]).await;
    assert_eq!(status.get("paused"), None);
    assert_eq!(status["pauses"][0]["pool"], "contoso-apim/chat");
    Forms::read().check("Status", &status);
    let _ = world.say(&["resume"]).await.ended(0).says("it was not paused");
    let resumed = world.say(&["resume", "--pool", "contoso-apim/chat"]).await.ended(0);
    let _ = resumed.says("pool contoso-apim/chat is resumed");
    world.weights([50, 0, 20]).await;
    // A mute is a pause of a play with an end.
    let mute = |play: &'static str| ["mute", play, "--for", "8s", "--reason", "a known fault"];
    let unknown = world.say(&mute("drain-failing-membre")).await.ended(1);
    let _ = unknown.says("there is no play `drain-failing-membre`: did you mean");
    let muted = world.say(&[&mute("drain-failing-member")[..], &["--json"]].concat()).await;
    let muted = muted.ended(0).json();
    Forms::read().check("Switched", &muted);
    assert_eq!(
        (&muted["paused"]["play"], &muted["already"]),
        (&json!("drain-failing-member"), &json!(false))
    );
    assert_eq!(world.send(&serve, &[firing("eu")]).await, 202);
    world.status_says("held: play drain-failing-member is paused until").await;
    // What has begun stays.
    world.weights([50, 0, 20]).await;
    world.weights([0, 0, 20]).await;
    let status = world.json(&["status"]).await;
    assert_eq!(status.get("pauses"), None, "it is over");
    let _ = world.say(&["release", "--all"]).await.ended(0);
    assert!(serve.stop().await);
    world.finish();
}

/// A play that acts, and one beside it that is in this mode.
fn beside(mode: &str) -> String {
    format!(
        r#"plays:
  - name: drain-failing-member
    when: '!signal.fingerprint.startsWith("slow")'
    do: [{{drain: {{pool: chat, member: "${{signal.labels.backend}}"}}}}]
  - name: drain-slow-member
    mode: {mode}
    when: signal.fingerprint.startsWith("slow")
    do: [{{drain: {{pool: chat, member: "${{signal.labels.backend}}"}}}}]
    after: [{{reconnect: {{backend: "${{signal.labels.backend}}", after: PT5M}}}}]
"#
    )
}

fn slow(member: &str) -> Alert {
    Alert { fingerprint: format!("slow-{member}"), ..firing(member) }
}

#[tokio::test]
async fn a_play_in_shadow_shows_what_it_would_do_and_begins_once_it_acts() {
    let world = World::new(&beside("shadow")).await;
    let check = world.say(&["playbook", "check", "playbook.yaml"]).await.ended(0);
    let _ = check.says("2 plays (1 in shadow)");
    let serve = world.serve(&[]).await;
    // By their age, what acts goes before both.
    let (ap, eu, us) = (firing("ap"), slow("eu"), slow("us"));
    assert_eq!(world.send(&serve, std::slice::from_ref(&eu)).await, 202);
    world.status_says("in shadow: would begin").await;
    assert_eq!(world.send(&serve, std::slice::from_ref(&ap)).await, 202);
    world.weights([50, 30, 0]).await;
    // Beside what is in force, and beside the other one in shadow.
    assert_eq!(world.send(&serve, std::slice::from_ref(&us)).await, 202);
    world.status_says("in shadow: would be held: 0 of the pool's members would serve").await;
    let status = world.json(&["status"]).await;
    Forms::read().check("Status", &status);
    let overrides = status["backends"][0]["overrides"].as_array().expect("overrides");
    let kinds: Vec<&str> =
        overrides.iter().filter_map(|over| over["standing"]["kind"].as_str()).collect();
    assert_eq!(kinds, ["inForce", "shadow", "shadow"]);
    let plan = world.say(&["plan", "--signal", &world.signal_file(&[slow("eu")])]).await.ended(0);
    let _ = plan.says("in shadow: would begin").says("nothing would be written");
    let _ = world.say(&["explain", "chat"]).await.ended(0).says("in shadow: would begin");
    let history = world.ok(&["history"]).await;
    assert!(history.contains("is in shadow: would begin"), "{history}");
    // What is over leaves nothing behind.
    assert_eq!(world.send(&serve, &[us.resolved(Timestamp::now())]).await, 202);
    world
        .until("it is over", async |world| !world.ok(&["status"]).await.contains("would be held"))
        .await;
    world.weights([50, 30, 0]).await;
    world.write_playbook(&beside("act"));
    let apply = ["playbook", "apply", "playbook.yaml"];
    let _ = world
        .say(&apply)
        .await
        .ended(0)
        .says("mode: shadow becomes act")
        .says("let begin, where nothing else keeps it back: what made it acts from now on");
    world.weights([0, 30, 0]).await;
    // Back in shadow, it stays until its alert is over.
    world.write_playbook(&beside("shadow"));
    let _ = world
        .say(&apply)
        .await
        .ended(0)
        .says("kept until it ends, though what made it is in shadow");
    assert_eq!(world.send(&serve, &[slow("us")]).await, 202);
    world.status_says("in shadow: would be held").await;
    assert_eq!(world.send(&serve, &[eu.resolved(Timestamp::now())]).await, 202);
    world.weights([50, 30, 0]).await;
    let _ = world.say(&["release", "--all"]).await.ended(0);
    world.at_rest().await;
    world.weights([50, 30, 20]).await;
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn outside_its_hours_a_play_begins_nothing() {
    // Later today, or tomorrow, by the clocks of a place without summer time.
    let at = |hours| {
        let time = (Timestamp::now() + SignedDuration::from_hours(hours)).to_zoned(TimeZone::UTC);
        time.strftime("%H:%M").to_string()
    };
    let hours = format!("hours: {{from: \"{}\", to: \"{}\", zone: UTC}}", at(3), at(4));
    let world = World::new(&format!("{DRAIN}    {hours}\n")).await;
    let serve = world.serve(&[]).await;
    let eu = firing("eu");
    assert_eq!(world.send(&serve, std::slice::from_ref(&eu)).await, 202);
    let held = "held: play drain-failing-member begins nothing outside its hours, until";
    world.status_says(held).await;
    let _ = world.say(&["explain", "eu"]).await.says(held);
    assert!(world.azure.writes("chat").is_empty());
    // A playbook that lets it is heeded by what waits.
    world.write_playbook(DRAIN);
    let _ = world.say(&["playbook", "apply", "playbook.yaml"]).await.ended(0);
    world.weights([0, 30, 20]).await;
    assert_eq!(world.send(&serve, &[eu.resolved(Timestamp::now())]).await, 202);
    world.weights([50, 30, 20]).await;
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn after_so_many_writes_in_an_hour_nothing_begins_and_what_has_begun_ends() {
    let world = World::new("plays: []\n").await;
    world.write_pool("limits: {leastMembers: 1}, writesPerHour: 1", DRAIN);
    let serve = world.serve(&[]).await;
    let (eu, us) = (firing("eu"), firing("us"));
    assert_eq!(world.send(&serve, std::slice::from_ref(&eu)).await, 202);
    world.weights([0, 30, 20]).await;
    assert_eq!(world.send(&serve, std::slice::from_ref(&us)).await, 202);
    world.status_says("held: the pool's `writesPerHour` of 1 is used up until").await;
    let _ = world.say(&["explain", "us"]).await.says("`writesPerHour` of 1 is used up until");
    // An end is not held back, and a person has decided.
    assert_eq!(world.send(&serve, &[eu.resolved(Timestamp::now())]).await, 202);
    world.weights([50, 30, 20]).await;
    let drain = ["drain", "ap", "--for", "10m", "--reason", "maintenance"];
    let _ = world.say(&drain).await.ended(0);
    world.weights([50, 30, 0]).await;
    let _ = world.say(&["release", "--all"]).await.ended(0);
    world.weights([50, 30, 20]).await;
    assert!(serve.stop().await);
    world.finish();
}
