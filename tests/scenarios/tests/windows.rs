//! Maintenance windows, from the clock to the pool.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use pointsman_scenarios::{Forms, World, alerts::Alert, world::DRAIN};
use serde_json::json;

use crate::transcript::transcript;

mod transcript;

/// A window that opened so many seconds ago, or is to open, for so long, over the member `eu`.
fn window(opens: SignedDuration, lasts: &str) -> String {
    let opens = Timestamp::now() + opens;
    let tokyo = TimeZone::fixed(jiff::tz::offset(9));
    let opens = opens.to_zoned(tokyo).strftime("%FT%T");
    format!(
        "{DRAIN}\nwindows:\n  - name: eu-patching\n    once: {{at: {opens}, zone: Asia/Tokyo}}\n    \
         lasts: {lasts}\n    do: [{{drain: {{pool: chat, member: eu}}}}]\n"
    )
}

#[tokio::test]
async fn a_window_opens_and_closes_by_the_clock_alone_on_a_backend_at_rest() {
    // Long enough for a `serve` that is slow to begin.
    let world = World::new(&window(SignedDuration::from_secs(5), "12s")).await;
    let serve = world.serve(&[]).await;
    let windows = world.json(&["windows"]).await;
    let next = &windows["openings"][0];
    assert_eq!(next["zone"], "Asia/Tokyo");
    assert_eq!(next["do"][0]["effect"]["says"], "drain eu");
    world.weights([0, 30, 20]).await;
    let status = world.ok(&["status"]).await;
    assert!(status.contains("by window eu-patching"), "{status}");
    world.weights([50, 30, 20]).await;
    world.at_rest().await;
    let history = world.ok(&["history"]).await;
    assert!(history.contains("drain eu, by window eu-patching until"), "{history}");
    assert!(history.contains("ended: its window closed"), "{history}");
    let windows = world.ok(&["windows"]).await;
    assert!(windows.contains("no window opens any more"), "{windows}");
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn a_window_that_is_open_when_serve_begins_is_caught_up_and_goes_before_an_alert() {
    let world = World::new(&window(SignedDuration::from_mins(-5), "1h")).await;
    let serve = world.serve(&[]).await;
    world.weights([0, 30, 20]).await;
    let shown = world.ok(&["windows", "--utc"]).await;
    assert!(shown.contains("eu-patching is open, and closes"), "{shown}");
    transcript("windows.txt", &shown);
    let alert = Alert::firing("us", Timestamp::now());
    assert_eq!(world.send(&serve, std::slice::from_ref(&alert)).await, 202);
    world.weights([0, 0, 20]).await;
    // By an operator it is ended early, and does not come back.
    let status = world.json(&["status"]).await;
    let overrides = status["backends"][0]["overrides"].as_array().expect("a list");
    let over = overrides.iter().find(|over| over["origin"] == "window").expect("it is there");
    assert_eq!(over["alert"]["values"], json!({"window": "eu-patching"}));
    let id = over["id"].as_str().expect("an id");
    let undone = world.say(&["undo", id, "--reason", "done early"]).await.ended(0);
    let _ = undone.says("undone: drain eu").says("for eu-patching");
    world.weights([50, 0, 20]).await;
    assert_eq!(world.send(&serve, &[alert.resolved(Timestamp::now())]).await, 202);
    world.weights([50, 30, 20]).await;
    world.at_rest().await;
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn a_calendar_has_the_windows_for_an_operator_and_for_nobody_else() {
    let world = World::new(&window(SignedDuration::from_hours(5), "1h")).await;
    let config = std::fs::read_to_string(world.path("pointsman.yaml")).expect("a configuration");
    let operator = "operator: {basic: {user: oncall, passwords: {file: operator.txt}}}\n";
    std::fs::write(world.path("pointsman.yaml"), format!("{config}{operator}")).expect("written");
    std::fs::write(world.path("operator.txt"), "s3cret\n").expect("written");
    let serve = world.serve(&[]).await;
    let url = format!("{}/windows.ics", serve.url);
    let ask = async |password: Option<&str>| {
        let request = world.http.get(&url);
        let request = match password {
            Some(password) => request.basic_auth("oncall", Some(password)),
            None => request,
        };
        request.send().await.expect("it answers")
    };
    let nobody = ask(None).await;
    assert_eq!(nobody.status(), 401);
    assert!(nobody.headers()["www-authenticate"].to_str().is_ok_and(|it| it.starts_with("Basic")));
    assert_eq!(ask(Some("guessed")).await.status(), 403);
    let shown = ask(Some("s3cret")).await;
    assert_eq!(shown.headers()["content-type"], "text/calendar; charset=utf-8");
    let shown = shown.text().await.expect("text");
    let lines: Vec<&str> = shown.split("\r\n").collect();
    assert!(lines.contains(&"SUMMARY:eu-patching: contoso-apim/chat: drain eu"), "{shown}");
    assert!(lines.contains(&"STATUS:CONFIRMED"), "{shown}");
    let _ = world.say(&["skip", "eu-patching", "--reason", "put off"]).await.ended(0);
    let shown = ask(Some("s3cret")).await.text().await.expect("text");
    assert!(shown.contains("STATUS:CANCELLED\r\n"), "{shown}");
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn a_playbook_that_loses_its_window_closes_it() {
    let world = World::new(&window(SignedDuration::from_mins(-5), "1h")).await;
    let serve = world.serve(&[]).await;
    world.weights([0, 30, 20]).await;
    // What is open at once is said before it is published.
    let playbook = std::fs::read_to_string(world.path("playbook.yaml")).expect("a playbook");
    let other = playbook.replace("member: eu}", "member: us}");
    std::fs::write(world.path("other.yaml"), other).expect("it is written");
    let dry = world.say(&["playbook", "apply", "other.yaml", "--dry-run"]).await.ended(0);
    let _ = dry
        .says("window eu-patching")
        .says("ended, with its ramp")
        .says("is open by it until")
        .says("contoso-apim/chat: drain us");
    let checked = world.say(&["playbook", "check", "other.yaml"]).await.ended(0);
    let _ = checked.says("1 pool, 1 play, 1 window");
    world.write_playbook(DRAIN);
    let applied = world.say(&["playbook", "apply", "playbook.yaml"]).await.ended(0);
    let _ = applied.says("by window eu-patching");
    world.weights([50, 30, 20]).await;
    world.at_rest().await;
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn a_window_that_is_skipped_ends_early_or_does_not_open() {
    let world = World::new(&window(SignedDuration::from_mins(-5), "1h")).await;
    let serve = world.serve(&[]).await;
    world.weights([0, 30, 20]).await;
    let skip = ["skip", "eu-patching", "--reason", "put off"];
    let _ = world.say(&skip).await.ended(0).says("eu-patching ends now, instead of");
    world.weights([50, 30, 20]).await;
    world.at_rest().await;
    let windows = world.ok(&["windows"]).await;
    assert!(windows.contains("and ended early"), "{windows}");
    let _ = world.say(&skip).await.ended(1).says("eu-patching does not open any more");
    let unknown = world.say(&["skip", "us-patching", "--reason", "put off"]).await.ended(1);
    let _ = unknown.says("there is no window `us-patching`: did you mean `eu-patching`?");
    // The next one, long before it opens.
    let later = window(SignedDuration::from_hours(5), "1h");
    world.write_playbook(&later);
    let _ = world.say(&["playbook", "apply", "playbook.yaml"]).await.ended(0);
    let as_json = [&skip[..], &["--json"]].concat();
    let skipped = world.say(&as_json).await.ended(0).json();
    Forms::read().check("SkippedInstance", &skipped);
    let windows = world.json(&["windows"]).await;
    Forms::read().check("Windows", &windows);
    assert_eq!(windows["openings"][0]["skipped"], true);
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn a_window_in_shadow_opens_and_changes_nothing() {
    let acts = window(SignedDuration::from_mins(-5), "1h");
    let shadow = acts.replace("eu-patching\n", "eu-patching\n    mode: shadow\n");
    let world = World::new(&shadow).await;
    let serve = world.serve(&[]).await;
    world.status_says("in shadow: would begin").await;
    let windows = world.json(&["windows"]).await;
    Forms::read().check("Windows", &windows);
    assert_eq!(windows["openings"][0]["shadow"], true);
    let shown = world.ok(&["windows"]).await;
    assert!(shown.contains("eu-patching is open in shadow, and closes"), "{shown}");
    assert!(shown.contains("contoso-apim/chat: would drain eu"), "{shown}");
    world.weights([50, 30, 20]).await;
    assert_eq!(world.written(), Vec::<String>::new());
    world.write_playbook(&acts);
    let apply = world.say(&["playbook", "apply", "playbook.yaml"]).await.ended(0);
    let _ = apply.says("let begin, where nothing else keeps it back");
    world.weights([0, 30, 20]).await;
    let _ = world.say(&["release", "--all"]).await.ended(0);
    world.weights([50, 30, 20]).await;
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn a_window_is_announced_and_one_that_is_extended_stays_beyond_its_end() {
    let announced = window(SignedDuration::from_mins(30), "1h") + "    announce: 45m\n";
    let world = World::new(&announced).await;
    let serve = world.serve(&[]).await;
    let told = "window eu-patching opens at";
    world
        .until("it is announced", async |world: &World| world.ok(&["history"]).await.contains(told))
        .await;
    assert!(world.azure.writes("chat").is_empty(), "it is not open yet");
    world.write_playbook(&window(SignedDuration::from_mins(-5), "1h"));
    let _ = world.say(&["playbook", "apply", "playbook.yaml"]).await.ended(0);
    world.weights([0, 30, 20]).await;
    let status = world.json(&["status"]).await;
    let id = status["backends"][0]["overrides"][0]["id"].as_str().expect("an id").to_owned();
    let extend = ["extend", &id, "--for", "3h", "--reason", "it takes longer"];
    let _ = world.say(&extend).await.ended(0).says("drain eu").says("stays until");
    // Its window is gone, and it stays.
    world.write_playbook(DRAIN);
    let _ = world.say(&["playbook", "apply", "playbook.yaml"]).await.ended(0);
    world.flush(&serve).await;
    world.status_says("drain eu").await;
    world.weights([0, 30, 20]).await;
    let _ = world.say(&["undo", &id, "--reason", "done"]).await.ended(0);
    world.weights([50, 30, 20]).await;
    world.at_rest().await;
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn while_a_window_is_open_its_backend_is_reconnected_again_and_again() {
    let opened = window(SignedDuration::from_mins(-5), "1h");
    let reconnects = opened.replace(
        "do: [{drain: {pool: chat, member: eu}}]",
        "do: [{reconnect: {backend: eu, every: 2m}}]",
    );
    let world = World::new(&format!("{reconnects}backends: {{eu: {{service: main}}}}\n")).await;
    let serve = world.serve(&[]).await;
    world.told("the reconnect of contoso-apim/eu is accepted, due at").await;
    let asked = world.azure.reconnects();
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert_eq!(asked[0].backend.to_string(), "eu");
    world.status_says("reconnect").await;
    assert!(serve.stop().await);
    world.finish();
}
