//! Starting and stopping `serve`: one at a time, and what it holds is finished.

use jiff::Timestamp;
use pointsman_emulator::{Fault, Match, fault::Kind};
use pointsman_scenarios::{World, alerts::Alert, world::DRAIN};
use serde_json::Value;

#[tokio::test]
async fn a_second_serve_on_one_store_refuses_clearly() {
    let world = World::new(DRAIN).await;
    let serve = world.serve(&[]).await;
    let refused = world.say(&["serve"]).await.ended(1);
    let refused =
        refused.says("another `pointsman serve` is running on the store").says("pointsman.db");
    assert_eq!(refused.out, "", "it never listened");
    // The first goes on as if nothing had been.
    assert_eq!(world.send(&serve, &[Alert::firing("eu", Timestamp::now())]).await, 202);
    world.weights([0, 30, 20]).await;
    assert!(serve.stop().await);
    let serve = world.serve(&[]).await;
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn a_write_under_way_at_the_stop_is_answered_and_recorded() {
    let world = World::new(DRAIN).await;
    let serve = world.serve(&[]).await;
    let slow = Kind::Latency { by: std::time::Duration::from_secs(2) };
    world.azure.inject(Fault::once(Match::patch("chat"), slow));
    assert_eq!(world.send(&serve, &[Alert::firing("eu", Timestamp::now())]).await, 202);
    let arrived = async |world: &World| !world.azure.writes("chat").is_empty();
    world.until("the write is on its way", arrived).await;
    assert!(serve.stop().await);
    world.weights([0, 30, 20]).await;
    let lines = world.lines(&["chat"]).await;
    let said = |what: &str| lines.iter().filter(|line| line["what"] == what).count();
    let (intended, wrote) = (said("intended"), said("wrote"));
    assert_eq!((intended, wrote), (1, 1), "{lines:#?}");
    let _ = world.say(&["explain", "chat"]).await.ended(0).says("members/eu/weight");
    world.finish();
}

#[tokio::test]
async fn an_alert_accepted_just_before_the_stop_is_not_lost() {
    let world = World::new(DRAIN).await;
    let serve = world.serve(&[]).await;
    assert_eq!(world.send(&serve, &[Alert::firing("eu", Timestamp::now())]).await, 202);
    assert!(serve.stop().await);
    let serve = world.serve(&[]).await;
    world.weights([0, 30, 20]).await;
    assert_eq!(world.written(), ["PATCH chat"]);
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn serve_says_what_it_misses_before_it_listens() {
    let world = World::new(DRAIN).await;
    let missing =
        world.command(&["serve"]).env_remove("SOURCE_TOKEN").output().await.expect("it runs");
    assert_eq!(missing.status.code(), Some(1));
    let told = String::from_utf8_lossy(&missing.stderr).into_owned();
    assert!(
        told.contains("pointsman.yaml:4:") && told.contains("SOURCE_TOKEN is not set"),
        "{told}"
    );
    let config = std::fs::read_to_string(world.path("pointsman.yaml")).expect("a configuration");
    std::fs::write(world.path("none.yaml"), config.replace("playbook: playbook.yaml\n", ""))
        .expect("written");
    let _ =
        world.say(&["serve", "--config", "none.yaml"]).await.ended(1).says("there is no playbook");
    let publish = world.say(&["serve", "--config", "none.yaml", "--publish"]).await.ended(1);
    let _ = publish.says("the configuration names none");
    std::fs::write(world.path("typo.yaml"), config.replace("listen:", "lisen:")).expect("written");
    let _ = world
        .say(&["serve", "--config", "typo.yaml"])
        .await
        .ended(1)
        .says("did you mean `listen`?");
    world.finish();
}

#[tokio::test]
async fn serve_tells_programs_where_it_listens_in_json() {
    let world = World::new(DRAIN).await;
    let mut command = world.command(&["serve", "--json"]);
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::null());
    let mut child = command.spawn().expect("it can be run");
    let out = child.stdout.take().expect("it is piped");
    let mut lines = tokio::io::AsyncBufReadExt::lines(tokio::io::BufReader::new(out));
    let line = tokio::time::timeout(pointsman_scenarios::world::BOUND, lines.next_line()).await;
    let line = line.expect("in time").expect("text").expect("a line");
    let url: Value = serde_json::from_str(&line).expect("JSON");
    let url = url["listening"].as_str().expect("a url").to_owned();
    let ready = world.http.get(format!("{url}/health/ready")).send().await.expect("an answer");
    assert_eq!(ready.status().as_u16(), 200);
    child.kill().await.expect("it can be killed");
    world.finish();
}

#[tokio::test]
async fn a_stop_as_soon_as_it_listens_is_a_graceful_one() {
    let world = World::new(DRAIN).await;
    for _ in 0..5 {
        assert!(world.serve(&[]).await.stop().await, "{}", world.log());
    }
    world.finish();
}
