//! What alerts come to, however they come.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use pointsman_emulator::{Match, Received};
use pointsman_scenarios::{
    World,
    alerts::{Alert, webhook},
    evidence::orderly,
    wire::answer,
    world::{DRAIN, Serve, TOKEN},
};
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// A play that does `effect` when an alert of the usual name fires, with more terms of its own.
fn play(effect: &str, terms: &str) -> String {
    format!(
        "plays:\n- name: act\n  when: signal.labels.alertname == \"BackendErrors\"\n  \
         do: [{{{effect}}}]\n{terms}"
    )
}

const DRAIN_EFFECT: &str = r#"drain: {pool: chat, member: "${signal.labels.backend}"}"#;

fn ago(seconds: i64) -> Timestamp {
    Timestamp::now() - SignedDuration::from_secs(seconds)
}

fn resolved(alert: &Alert) -> Alert {
    alert.clone().resolved(Timestamp::now())
}

/// What a write put as the weight of a member.
fn weight(write: &Received, member: &str) -> Value {
    let body = write.json();
    let services = body["properties"]["pool"]["services"].as_array().expect("the members").clone();
    let tail = format!("/{member}");
    let service =
        services.iter().find(|it| it["id"].as_str().is_some_and(|id| id.ends_with(&tail)));
    service.unwrap_or_else(|| panic!("{member} is not in {write}"))["weight"].clone()
}

/// Sends webhooks at the same moment, and waits until each is answered with a 202.
async fn send_at_once(world: &World, serve: &Serve, bodies: Vec<Value>) {
    let mut sending = JoinSet::new();
    for body in bodies {
        sending.spawn(answer(world.post(serve, body.to_string()).bearer_auth(TOKEN)));
    }
    while let Some(answer) = sending.join_next().await {
        let answer = answer.expect("it does not panic");
        assert_eq!(answer.status, 202, "{answer:?}");
    }
}

/// That one alert was heard, and did what it does once.
async fn acted_once(world: &World, serve: &Serve) {
    world.weights([0, 30, 20]).await;
    world.flush(serve).await;
    world.await_document("no write is open", |document| document["writes"] == json!([])).await;
    assert_eq!(orderly(&world.azure).len(), 1);
    let ledger = world.ledger().await;
    for what in ["claimed", "began", "intended", "wrote"] {
        assert_eq!(ledger.count(what), 1, "{what}: {ledger:#?}");
    }
    let fired = ledger.of("fired");
    assert_eq!(fired.iter().filter(|line| line["series"] == "prometheus/f-eu").count(), 1);
}

#[tokio::test]
async fn the_same_alert_five_times_makes_one_write() {
    let world = World::new(DRAIN).await;
    let serve = world.serve(&[]).await;
    let alert = Alert::firing("eu", Timestamp::now());
    for _ in 0..5 {
        assert_eq!(world.send(&serve, std::slice::from_ref(&alert)).await, 202);
    }
    acted_once(&world, &serve).await;
    world.finish();
}

#[tokio::test]
async fn the_same_alert_five_times_at_once_makes_one_write() {
    let world = World::new(DRAIN).await;
    let serve = world.serve(&[]).await;
    let body = webhook(&[Alert::firing("eu", Timestamp::now())]);
    send_at_once(&world, &serve, vec![body; 5]).await;
    acted_once(&world, &serve).await;
    world.finish();
}

#[tokio::test]
async fn the_same_alert_in_five_different_webhooks_makes_one_write() {
    let world = World::new(DRAIN).await;
    let serve = world.serve(&[]).await;
    let body = webhook(&[Alert::firing("eu", Timestamp::now())]);
    let bodies = (0..5).map(|number| {
        let mut body = body.clone();
        body["groupKey"] = json!(format!("{{}}:{{number=\"{number}\"}}"));
        body["alerts"][0]["annotations"]["summary"] = json!(format!("{number} errors"));
        body
    });
    send_at_once(&world, &serve, bodies.collect()).await;
    acted_once(&world, &serve).await;
    world.finish();
}

#[tokio::test]
async fn two_alerts_on_one_pool_at_the_same_moment_are_both_applied_within_the_limit() {
    let world = World::new(DRAIN).await;
    let before = world.body();
    let serve = world.serve(&[]).await;
    let (eu, us) = (Alert::firing("eu", ago(2)), Alert::firing("us", ago(1)));
    let bodies = [&eu, &us].map(|alert| webhook(std::slice::from_ref(alert)));
    send_at_once(&world, &serve, bodies.to_vec()).await;
    world.weights([0, 0, 20]).await;

    // A third would leave nobody: it is held, and nothing is written for it.
    let ap = Alert::firing("ap", Timestamp::now());
    let written = orderly(&world.azure).len();
    assert!((1..=2).contains(&written), "{written} writes for two alerts");
    assert_eq!(world.send(&serve, std::slice::from_ref(&ap)).await, 202);
    world.told("is held: 0 of the pool's members would serve, and the limit is 1").await;
    let status = world.ok(&["status"]).await;
    assert!(status.contains("held: 0 of the pool's members would serve"), "{status}");
    assert_eq!(orderly(&world.azure).len(), written);

    // The end of the first makes room for it.
    assert_eq!(world.send(&serve, &[resolved(&eu)]).await, 202);
    world.weights([50, 0, 0]).await;
    for write in orderly(&world.azure) {
        let served = ["eu", "us", "ap"].iter().filter(|member| weight(&write, member) != json!(0));
        assert!(served.count() >= 1, "{write}: {}", write.json());
    }
    assert_eq!(world.send(&serve, &[resolved(&us), resolved(&ap)]).await, 202);
    world.weights([50, 30, 20]).await;
    world.settled().await;
    assert_eq!(world.body(), before);
    world.finish();
}

#[tokio::test]
async fn an_alert_that_the_limit_holds_is_applied_when_the_first_ends() {
    let world = World::new(DRAIN).await;
    world.write_pool("limits: {leastMembers: 2}", DRAIN);
    let before = world.body();
    let serve = world.serve(&[]).await;
    let (eu, us) = (Alert::firing("eu", ago(2)), Alert::firing("us", ago(1)));
    assert_eq!(world.send(&serve, &[us.clone(), eu.clone()]).await, 202);
    world.weights([0, 30, 20]).await;
    world.told("is held: 1 of the pool's members would serve, and the limit is 2").await;
    let document = world.document().await;
    let overrides = document["overrides"].as_array().expect("they are there");
    let held: Vec<_> = overrides.iter().filter(|over| over["standing"]["kind"] == "held").collect();
    assert_eq!(held.len(), 1, "{document:#}");
    assert_eq!(held[0]["series"], "prometheus/f-us", "the older goes first");

    assert_eq!(world.send(&serve, &[resolved(&eu)]).await, 202);
    world.weights([50, 0, 20]).await;
    let writes = orderly(&world.azure);
    assert_eq!(writes.len(), 2, "one gives back and takes in the same write");
    assert_eq!(world.send(&serve, &[resolved(&us)]).await, 202);
    world.weights([50, 30, 20]).await;
    world.settled().await;
    assert_eq!(world.body(), before);
    assert_eq!(orderly(&world.azure).len(), 3);
    world.finish();
}

#[tokio::test]
async fn one_that_resolves_while_it_is_held_never_begins() {
    let world = World::new(DRAIN).await;
    world.write_pool("limits: {leastMembers: 2}", DRAIN);
    let serve = world.serve(&[]).await;
    let (eu, us) = (Alert::firing("eu", ago(2)), Alert::firing("us", ago(1)));
    assert_eq!(world.send(&serve, &[us.clone(), eu.clone()]).await, 202);
    world.weights([0, 30, 20]).await;
    assert_eq!(world.send(&serve, &[resolved(&us)]).await, 202);
    world.told("ended before it began").await;
    assert_eq!(world.send(&serve, &[resolved(&eu)]).await, 202);
    world.weights([50, 30, 20]).await;
    world.settled().await;
    assert_eq!(orderly(&world.azure).len(), 2);
    assert_eq!(world.ledger().await.count("neverBegan"), 1);
    world.finish();
}

async fn a_throttled_azure_is_waited_for(on: Match) {
    const WAIT: Duration = Duration::from_secs(3);
    let world = World::new(DRAIN).await;
    let serve = world.serve(&[]).await;
    let since = Timestamp::now();
    world.azure.throttle(on, WAIT);
    let alert = Alert::firing("eu", Timestamp::now());
    assert_eq!(world.send(&serve, std::slice::from_ref(&alert)).await, 202);
    world.weights([0, 30, 20]).await;
    // Retry-After is in whole seconds; the window is honoured, and nobody knocks meanwhile.
    let requests = world.azure.requests();
    let refused: Vec<_> = requests
        .iter()
        .filter(|request| request.status().is_some_and(|status| status.as_u16() == 429))
        .collect();
    assert_eq!(refused.len(), 1, "{requests:#?}");
    let done = orderly(&world.azure).pop().expect("it was written");
    assert!(done.at.duration_since(since) >= SignedDuration::from_secs(3), "{done}");
    let between =
        requests.iter().filter(|request| request.at > refused[0].at && request.at < done.at);
    for request in between {
        let waited = request.at.duration_since(refused[0].at);
        assert!(
            waited >= SignedDuration::from_secs(2),
            "asked while it was told to wait: {request}"
        );
    }
    // The sender is not troubled meanwhile, and readiness is not either.
    assert_eq!(world.get(&serve, "/health/ready").await.status, 200);
    assert_eq!(world.send(&serve, &[resolved(&alert)]).await, 202);
    world.weights([50, 30, 20]).await;
    world.settled().await;
    world.finish();
}

#[tokio::test]
async fn a_429_to_a_write_is_waited_out_without_troubling_the_sender() {
    a_throttled_azure_is_waited_for(Match::patch("chat")).await;
}

#[tokio::test]
async fn a_429_to_a_read_is_waited_out_without_troubling_the_sender() {
    a_throttled_azure_is_waited_for(Match::get("chat")).await;
}

#[tokio::test]
async fn an_alert_heard_while_azure_is_throttled_is_applied_with_the_first() {
    let world = World::new(DRAIN).await;
    let serve = world.serve(&[]).await;
    world.azure.throttle(Match::any(), Duration::from_secs(3));
    assert_eq!(world.send(&serve, &[Alert::firing("eu", ago(2))]).await, 202);
    world.told("429 SubscriptionRequestsThrottled").await;
    assert_eq!(world.send(&serve, &[Alert::firing("us", ago(1))]).await, 202);
    world.weights([0, 0, 20]).await;
    assert_eq!(orderly(&world.azure).len(), 1, "both in one write");
    world.finish();
}

#[tokio::test]
async fn a_firing_that_arrives_after_its_end_does_nothing() {
    let world = World::new(DRAIN).await;
    let serve = world.serve(&[]).await;
    let alert = Alert::firing("eu", ago(60));
    let over = alert.clone().resolved(ago(1));
    // The end came first.
    assert_eq!(world.send(&serve, std::slice::from_ref(&over)).await, 202);
    world.flush(&serve).await;
    assert_eq!(world.send(&serve, std::slice::from_ref(&alert)).await, 202);
    world.flush(&serve).await;
    let ledger = world.ledger().await;
    assert_eq!((ledger.count("late"), ledger.count("claimed")), (1, 0), "{ledger:#?}");
    // Sent again it is not told again.
    assert_eq!(world.send(&serve, std::slice::from_ref(&alert)).await, 202);
    world.flush(&serve).await;
    assert_eq!(world.ledger().await.count("late"), 1);
    assert!(world.azure.requests().iter().all(|request| request.backend.is_none()));

    // And after it had acted.
    let next = Alert::firing("eu", Timestamp::now());
    assert_eq!(world.send(&serve, std::slice::from_ref(&next)).await, 202);
    world.weights([0, 30, 20]).await;
    assert_eq!(world.send(&serve, &[resolved(&next)]).await, 202);
    world.weights([50, 30, 20]).await;
    world.settled().await;
    assert_eq!(world.send(&serve, std::slice::from_ref(&next)).await, 202);
    world.flush(&serve).await;
    assert_eq!(orderly(&world.azure).len(), 2);
    assert_eq!(world.ledger().await.count("late"), 2);
    world.finish();
}

#[tokio::test]
async fn of_forty_alerts_accepted_before_a_kill_none_is_lost() {
    let world = World::new(DRAIN).await;
    let before = world.body();
    let serve = world.serve(&[]).await;
    let alerts: Vec<Alert> = (0..40)
        .map(|number| {
            let mut alert = Alert::firing(["eu", "us"][number % 2], ago(60));
            alert.fingerprint = format!("forty-{number}");
            alert
        })
        .collect();
    let bodies = alerts.iter().map(|alert| webhook(std::slice::from_ref(alert))).collect();
    send_at_once(&world, &serve, bodies).await;
    serve.kill().await;

    let serve = world.serve(&[]).await;
    world.weights([0, 0, 20]).await;
    world.flush(&serve).await;
    let ledger = world.ledger().await;
    let mut heard: Vec<&str> = ledger
        .of("fired")
        .iter()
        .filter_map(|line| line["series"].as_str()?.strip_prefix("prometheus/forty-"))
        .collect();
    heard.sort_unstable();
    heard.dedup();
    assert_eq!(heard.len(), 40, "{heard:?}");
    let document = world.document().await;
    let overrides = document["overrides"].as_array().expect("they are there").iter();
    let behind = overrides.filter_map(|over| over["alerts"]["count"].as_u64());
    assert_eq!(behind.collect::<Vec<_>>(), [20, 20], "one override a member, with all its alerts");
    let over: Vec<Alert> = alerts.iter().map(resolved).collect();
    assert_eq!(world.send(&serve, &over).await, 202);
    world.weights([50, 30, 20]).await;
    world.settled().await;
    assert_eq!(world.body(), before);
    assert!(orderly(&world.azure).len() <= 6, "{:#?}", world.azure.writes("chat"));
    world.finish();
}

#[tokio::test]
async fn a_pair_of_senders_with_different_starts_makes_one_override_that_ends_once() {
    for later_first in [false, true] {
        let world = World::new(DRAIN).await;
        let serve = world.serve(&[]).await;
        let pair = [Alert::firing("eu", ago(10)), Alert::firing("eu", ago(7))];
        let order = if later_first { [1, 0] } else { [0, 1] };
        for at in order {
            assert_eq!(world.send(&serve, std::slice::from_ref(&pair[at])).await, 202);
        }
        world.weights([0, 30, 20]).await;
        world.flush(&serve).await;
        let document = world.document().await;
        let overrides = document["overrides"].as_array().expect("they are there");
        assert_eq!(overrides.len(), 1, "{document:#}");
        let over = &overrides[0];
        assert_eq!(over["started"], json!(pair[0].started), "the earliest counts");

        let end = Timestamp::now();
        for at in order {
            assert_eq!(world.send(&serve, &[pair[at].clone().resolved(end)]).await, 202);
        }
        world.weights([50, 30, 20]).await;
        world.flush(&serve).await;
        world.settled().await;
        let ledger = world.ledger().await;
        for what in ["claimed", "began", "ended", "finished", "resolved"] {
            assert_eq!(ledger.count(what), 1, "{what}: {ledger:#?}");
        }
        assert_eq!(orderly(&world.azure).len(), 2);
        // A repeat of one of them that was still under way changes nothing.
        assert_eq!(world.send(&serve, &[pair[1].clone()]).await, 202);
        world.flush(&serve).await;
        assert_eq!(orderly(&world.azure).len(), 2);
        world.finish();
    }
}

#[tokio::test]
async fn a_refire_drains_again() {
    let world = World::new(DRAIN).await;
    let serve = world.serve(&[]).await;
    for run in 1..=3 {
        let alert = Alert::firing("eu", Timestamp::now());
        assert_eq!(world.send(&serve, std::slice::from_ref(&alert)).await, 202);
        world.weights([0, 30, 20]).await;
        assert_eq!(world.send(&serve, &[resolved(&alert)]).await, 202);
        world.weights([50, 30, 20]).await;
        world.settled().await;
        assert_eq!(orderly(&world.azure).len(), run * 2);
    }
    assert_eq!(world.ledger().await.count("claimed"), 3);
    world.finish();
}

#[tokio::test]
async fn what_is_heard_again_right_after_its_end_is_named_until_it_counts() {
    let world = World::new(DRAIN).await;
    let serve = world.serve(&[]).await;
    let alert = Alert::firing("eu", ago(60));
    assert_eq!(world.send(&serve, std::slice::from_ref(&alert)).await, 202);
    world.weights([0, 30, 20]).await;
    assert_eq!(world.send(&serve, &[resolved(&alert)]).await, 202);
    world.weights([50, 30, 20]).await;
    world.settled().await;
    assert_eq!(world.json(&["status"]).await["late"], json!([]));
    assert_eq!(world.send(&serve, std::slice::from_ref(&alert)).await, 202);
    world.flush(&serve).await;
    let status = world.ok(&["status"]).await;
    assert!(status.contains("(prometheus/f-eu) was heard firing at "), "{status}");
    assert!(status.contains("it counts as on again if it is heard from "), "{status}");
    let late = world.json(&["status"]).await["late"].clone();
    assert_eq!((&late[0]["series"], &late[1]), (&json!("prometheus/f-eu"), &json!(null)));
    // A new run of it counts at once, and there is nothing more to wait for.
    let again = Alert::firing("eu", Timestamp::now());
    assert_eq!(world.send(&serve, std::slice::from_ref(&again)).await, 202);
    world.weights([0, 30, 20]).await;
    assert_eq!(world.json(&["status"]).await["late"], json!([]));
    assert_eq!(world.send(&serve, &[resolved(&again)]).await, 202);
    world.weights([50, 30, 20]).await;
    world.settled().await;
    world.finish();
}

#[tokio::test]
async fn an_end_and_a_refire_in_one_webhook_leave_the_member_drained() {
    let world = World::new(DRAIN).await;
    let serve = world.serve(&[]).await;
    let first = Alert::firing("eu", ago(60));
    assert_eq!(world.send(&serve, std::slice::from_ref(&first)).await, 202);
    world.weights([0, 30, 20]).await;
    let (over, next) = (first.resolved(ago(30)), Alert::firing("eu", ago(20)));
    assert_eq!(world.send(&serve, &[next.clone(), over]).await, 202);
    world.flush(&serve).await;
    world
        .await_document("the second run is in force", |document| {
            let overrides = document["overrides"].as_array();
            overrides.is_some_and(|all| {
                let begun = |over: &Value| over["standing"]["kind"] == "inForce";
                all.len() == 1
                    && all.iter().all(|over| over["started"] == json!(next.started) && begun(over))
            })
        })
        .await;
    world.weights([0, 30, 20]).await;
    assert_eq!(world.send(&serve, &[resolved(&next)]).await, 202);
    world.weights([50, 30, 20]).await;
    world.settled().await;
    world.finish();
}

#[tokio::test]
async fn truncated_groups_and_ends_of_what_never_fired() {
    let world = World::new(DRAIN).await;
    let serve = world.serve(&[]).await;
    let (eu, us) = (Alert::firing("eu", ago(9)), Alert::firing("us", ago(9)));
    let mut body = webhook(std::slice::from_ref(&eu));
    body["truncatedAlerts"] = json!(1);
    let taken = world.deliver(&serve, &body).await;
    assert_eq!((taken.status, &taken.json()["truncated"]), (202, &json!(1)), "{taken:?}");
    world.weights([0, 30, 20]).await;
    world.told("the sender left alerts out").await;
    assert_eq!(world.ledger().await.count("truncated"), 1);
    // What was left out is over now; it never fired for us.
    assert_eq!(world.send(&serve, &[resolved(&us)]).await, 202);
    world.flush(&serve).await;
    assert_eq!(orderly(&world.azure).len(), 1);
    assert_eq!(world.ledger().await.count("claimed"), 1);
    assert_eq!(world.send(&serve, &[resolved(&eu)]).await, 202);
    world.weights([50, 30, 20]).await;
    world.settled().await;
    assert_eq!(orderly(&world.azure).len(), 2);
    world.finish();
}

#[tokio::test]
async fn the_groups_status_counts_for_nothing() {
    let world = World::new(DRAIN).await;
    let serve = world.serve(&[]).await;
    let (eu, us) = (Alert::firing("eu", ago(9)), Alert::firing("us", ago(9)));
    let mut body = webhook(&[eu.clone(), us.clone()]);
    body["status"] = json!("resolved");
    assert_eq!(world.deliver(&serve, &body).await.status, 202);
    world.weights([0, 0, 20]).await;
    let mut body = webhook(&[resolved(&eu), us.clone()]);
    assert_eq!(body["status"], "firing");
    assert_eq!(world.deliver(&serve, &body).await.status, 202);
    world.weights([50, 0, 20]).await;
    body = webhook(&[resolved(&us)]);
    body["status"] = json!("firing");
    assert_eq!(world.deliver(&serve, &body).await.status, 202);
    world.weights([50, 30, 20]).await;
    world.settled().await;
    world.finish();
}

/// Seconds between two writes.
fn between(one: &Received, other: &Received) -> f64 {
    other.at.duration_since(one.at).as_secs_f64()
}

#[tokio::test]
async fn weight_comes_back_in_steps_each_after_its_time_and_all_after_the_hold() {
    let terms = "  hold: 2s\n  ramp: {steps: [10%, 50%], every: 1s}\n";
    let world = World::new(&play(DRAIN_EFFECT, terms)).await;
    let before = world.body();
    let serve = world.serve(&[]).await;
    let alert = Alert::firing("eu", Timestamp::now());
    assert_eq!(world.send(&serve, std::slice::from_ref(&alert)).await, 202);
    world.weights([0, 30, 20]).await;
    assert_eq!(world.send(&serve, &[resolved(&alert)]).await, 202);
    world.weights([50, 30, 20]).await;
    world.settled().await;
    let writes = orderly(&world.azure);
    let weights: Vec<Value> = writes.iter().map(|write| weight(write, "eu")).collect();
    assert_eq!(weights, [json!(0), json!(5), json!(25), json!(50)]);
    assert!(between(&writes[0], &writes[1]) >= 1.9, "held: {writes:#?}");
    assert!(between(&writes[1], &writes[2]) >= 0.99, "{writes:#?}");
    assert!(between(&writes[2], &writes[3]) >= 0.99, "{writes:#?}");
    assert!(writes.iter().all(|write| weight(write, "us") == json!(30)), "{writes:#?}");
    assert_eq!(world.body(), before);
    let ledger = world.ledger().await;
    assert_eq!((ledger.count("stepped"), ledger.count("finished")), (2, 1), "{ledger:#?}");
    world.finish();
}

#[tokio::test]
async fn a_refire_in_the_middle_of_a_ramp_drains_again_at_once() {
    let world = World::new(&play(DRAIN_EFFECT, "  ramp: {steps: [10%], every: 30s}\n")).await;
    let serve = world.serve(&[]).await;
    let alert = Alert::firing("eu", Timestamp::now());
    assert_eq!(world.send(&serve, std::slice::from_ref(&alert)).await, 202);
    world.weights([0, 30, 20]).await;
    assert_eq!(world.send(&serve, &[resolved(&alert)]).await, 202);
    world.weights([5, 30, 20]).await;
    let again = Alert::firing("eu", Timestamp::now());
    assert_eq!(world.send(&serve, std::slice::from_ref(&again)).await, 202);
    world.weights([0, 30, 20]).await;
    assert_eq!(orderly(&world.azure).len(), 3);
    world.finish();
}

#[tokio::test]
async fn what_is_for_a_time_ends_with_it_and_does_not_come_back_with_a_repeat() {
    let world = World::new(&play(DRAIN_EFFECT, "  for: 5s\n")).await;
    let serve = world.serve(&[]).await;
    let alert = Alert::firing("eu", Timestamp::now());
    assert_eq!(world.send(&serve, std::slice::from_ref(&alert)).await, 202);
    world.weights([0, 30, 20]).await;
    world.weights([50, 30, 20]).await;
    world.settled().await;
    let writes = orderly(&world.azure);
    assert!(between(&writes[0], &writes[1]) >= 4.9, "{writes:#?}");
    assert_eq!(world.ledger().await.of("ended")[0]["why"]["kind"], "expired");
    let mut repeat = webhook(std::slice::from_ref(&alert));
    repeat["alerts"][0]["annotations"]["summary"] = json!("still");
    assert_eq!(world.deliver(&serve, &repeat).await.status, 202);
    world.flush(&serve).await;
    assert_eq!(orderly(&world.azure).len(), 2);
    // Another run is another matter.
    assert_eq!(world.send(&serve, &[resolved(&alert)]).await, 202);
    assert_eq!(world.send(&serve, &[Alert::firing("eu", Timestamp::now())]).await, 202);
    world.weights([0, 30, 20]).await;
    world.finish();
}

#[tokio::test]
async fn what_is_for_a_time_does_not_end_before_it_when_its_alert_does() {
    let world = World::new(&play(DRAIN_EFFECT, "  for: 3s\n")).await;
    let serve = world.serve(&[]).await;
    let alert = Alert::firing("eu", Timestamp::now());
    assert_eq!(world.send(&serve, std::slice::from_ref(&alert)).await, 202);
    world.weights([0, 30, 20]).await;
    assert_eq!(world.send(&serve, &[resolved(&alert)]).await, 202);
    world.weights([50, 30, 20]).await;
    let writes = orderly(&world.azure);
    assert_eq!(writes.len(), 2);
    assert!(between(&writes[0], &writes[1]) >= 2.9, "{writes:#?}");
    world.finish();
}

// It is announced a tenth of it before: long enough that a busy machine does not miss that second.
#[tokio::test]
async fn a_lost_resolve_is_made_up_for_by_at_most_which_is_announced() {
    let world = World::new(&play(DRAIN_EFFECT, "  atMost: 10s\n")).await;
    let serve = world.serve(&[]).await;
    let alert = Alert::firing("eu", Timestamp::now());
    assert_eq!(world.send(&serve, std::slice::from_ref(&alert)).await, 202);
    world.weights([0, 30, 20]).await;
    world.weights([50, 30, 20]).await;
    world.settled().await;
    let writes = orderly(&world.azure);
    assert!(between(&writes[0], &writes[1]) >= 9.9, "{writes:#?}");
    let ledger = world.ledger().await;
    assert_eq!(ledger.count("warned"), 1, "{ledger:#?}");
    assert_eq!(ledger.of("ended")[0]["why"]["kind"], "expired");
    assert!(ledger.of("warned")[0]["at"].as_str() < ledger.of("ended")[0]["at"].as_str());
    // It stays on the page after that: a sender that never sends resolves is found by it.
    let status = world.ok(&["status"]).await;
    for says in [
        "prometheus has sent no resolve of prometheus/",
        "`atMost` ends drain eu at",
        "send_resolved",
    ] {
        assert!(status.contains(says), "{status}");
    }
    assert_eq!(world.send(&serve, std::slice::from_ref(&alert)).await, 202);
    world.flush(&serve).await;
    assert_eq!(orderly(&world.azure).len(), 2, "a repeat does not bring it back");
    world.finish();
}

/// Fires, waits for the seats, resolves, and sees the body be what it was, to the letter.
async fn there_and_back(world: World, backend: &str, wanted: &[(&str, Option<u32>, Option<u32>)]) {
    let before = world.body();
    let serve = world.serve(&[]).await;
    let alert = Alert::firing(backend, Timestamp::now());
    assert_eq!(world.send(&serve, std::slice::from_ref(&alert)).await, 202);
    world.seats("chat", wanted).await;
    assert_eq!(world.send(&serve, &[resolved(&alert)]).await, 202);
    world.await_that("the body is what it was", async || world.body() == before).await;
    world.settled().await;
    assert_eq!(orderly(&world.azure).len(), 2);
    assert_eq!(world.body(), before);
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn a_shift_leaves_a_part() {
    let effect = r#"shift: {pool: chat, member: "${signal.labels.backend}", to: 40%}"#;
    let world = World::new(&play(effect, "")).await;
    let wanted = [("eu", Some(20), None), ("us", Some(30), None), ("ap", Some(20), None)];
    there_and_back(world, "eu", &wanted).await;
}

#[tokio::test]
async fn a_split_says_it_all() {
    let effect = "shift: {pool: chat, split: {eu: 10, us: 10, ap: 80}}";
    let world = World::new(&play(effect, "")).await;
    let wanted = [("eu", Some(10), None), ("us", Some(10), None), ("ap", Some(80), None)];
    there_and_back(world, "eu", &wanted).await;
}

/// A pool with a standby behind two that serve.
async fn with_standby(plays: &str, standby: Value) -> World {
    let world = World::new(plays).await;
    world.put_members(&[
        ("eu", json!({"weight": 60, "priority": 1})),
        ("us", json!({"weight": 40, "priority": 1})),
        ("ap", standby),
    ]);
    world
}

#[tokio::test]
async fn a_promoted_standby_serves_and_goes_back() {
    let effect = "promote: {pool: chat, member: ap, weight: 30}";
    let world = with_standby(&play(effect, ""), json!({"priority": 2, "weight": 0})).await;
    let wanted = [("eu", Some(60), Some(1)), ("us", Some(40), Some(1)), ("ap", Some(30), Some(1))];
    there_and_back(world, "eu", &wanted).await;
}

#[tokio::test]
async fn a_promoted_standby_without_a_weight_gets_the_groups_median_and_is_without_one_after() {
    let effect = "promote: {pool: chat, member: ap}";
    let world = with_standby(&play(effect, ""), json!({"weight": null, "priority": 2})).await;
    let before = world.body();
    assert!(before.contains("\"weight\":null"), "{before}");
    let wanted = [("eu", Some(60), Some(1)), ("us", Some(40), Some(1)), ("ap", Some(60), Some(1))];
    there_and_back(world, "eu", &wanted).await;
}

#[tokio::test]
async fn draining_the_last_that_serve_promotes_the_standby_in_the_same_write() {
    let world = with_standby(DRAIN, json!({"priority": 2})).await;
    let before = world.body();
    let serve = world.serve(&[]).await;
    let (eu, us) = (Alert::firing("eu", ago(2)), Alert::firing("us", ago(1)));
    assert_eq!(world.send(&serve, std::slice::from_ref(&eu)).await, 202);
    world
        .seats(
            "chat",
            &[("eu", Some(0), Some(1)), ("us", Some(40), Some(1)), ("ap", None, Some(2))],
        )
        .await;
    assert_eq!(world.send(&serve, std::slice::from_ref(&us)).await, 202);
    world
        .await_that("ap is promoted", async || {
            let seats = world.azure.seats("chat");
            seats[2].priority == Some(1) && seats[2].weight.is_some_and(|weight| weight > 0)
        })
        .await;
    let writes = orderly(&world.azure);
    assert_eq!(writes.len(), 2, "drained and promoted at once: {writes:#?}");
    let seats = world.azure.seats("chat");
    assert_eq!((seats[0].weight, seats[1].weight), (Some(0), Some(0)), "{seats:?}");
    assert_eq!(world.send(&serve, &[resolved(&us)]).await, 202);
    world
        .seats(
            "chat",
            &[("eu", Some(0), Some(1)), ("us", Some(40), Some(1)), ("ap", None, Some(2))],
        )
        .await;
    assert_eq!(world.send(&serve, &[resolved(&eu)]).await, 202);
    world.await_that("the body is what it was", async || world.body() == before).await;
    world.settled().await;
    assert_eq!(orderly(&world.azure).len(), 4);
    world.finish();
}

#[tokio::test]
async fn with_failover_hold_the_last_that_serves_is_not_drained() {
    let world = with_standby(DRAIN, json!({"priority": 2})).await;
    world.write_pool("limits: {leastMembers: 1}, failover: hold", DRAIN);
    let serve = world.serve(&[]).await;
    let (eu, us) = (Alert::firing("eu", ago(2)), Alert::firing("us", ago(1)));
    assert_eq!(world.send(&serve, &[eu, us]).await, 202);
    world
        .seats(
            "chat",
            &[("eu", Some(0), Some(1)), ("us", Some(40), Some(1)), ("ap", None, Some(2))],
        )
        .await;
    world.told("is held: 0 of the pool's members would serve").await;
    assert_eq!(orderly(&world.azure).len(), 1);
    world.finish();
}

#[tokio::test]
async fn weights_that_are_not_there_are_not_there_again_after() {
    let world = World::new(DRAIN).await;
    world.put_members(&[("eu", json!({})), ("us", json!({})), ("ap", json!({}))]);
    let before = world.body();
    assert!(!before.contains("weight"), "{before}");
    let serve = world.serve(&[]).await;
    let alert = Alert::firing("eu", Timestamp::now());
    assert_eq!(world.send(&serve, std::slice::from_ref(&alert)).await, 202);
    world
        .await_that("eu gets nothing, and the others alike", async || {
            let seats = world.azure.seats("chat");
            let (us, ap) = (seats[1].weight, seats[2].weight);
            seats[0].weight == Some(0) && us == ap && us.is_none_or(|weight| weight > 0)
        })
        .await;
    assert_eq!(world.send(&serve, &[resolved(&alert)]).await, 202);
    world.await_that("the body is what it was", async || world.body() == before).await;
    world.settled().await;
    assert_eq!(orderly(&world.azure).len(), 2);
    world.finish();
}

#[tokio::test]
async fn nulls_and_numbers_come_back_each_as_it_was() {
    let half = DRAIN.replace("drain: {pool: chat,", "shift: {pool: chat, to: 50%,");
    let world = World::new(&half).await;
    world.put_members(&[
        ("eu", json!({"weight": null, "priority": null})),
        ("us", json!({"weight": 30})),
        ("ap", json!({"priority": 0, "weight": null})),
    ]);
    // Held, as long as nobody says what null means beside a number.
    let before = world.body();
    let serve = world.serve(&[]).await;
    let alert = Alert::firing("eu", ago(5));
    assert_eq!(world.send(&serve, std::slice::from_ref(&alert)).await, 202);
    world.told("null weights stand beside numbers").await;
    assert!(orderly(&world.azure).is_empty());
    assert!(serve.stop().await);
    // Said in a new generation of the playbook, it is applied.
    world.write_pool("limits: {leastMembers: 1}, nullWeight: 50", &half);
    let serve = world.serve(&["--publish"]).await;
    world
        .await_that("eu gets half", async || world.azure.seats("chat")[0].weight == Some(25))
        .await;
    assert_eq!(world.send(&serve, &[resolved(&alert)]).await, 202);
    world.await_that("the body is what it was", async || world.body() == before).await;
    world.settled().await;
    assert_eq!(orderly(&world.azure).len(), 2);
    world.finish();
}

#[tokio::test]
async fn a_drain_needs_no_meaning_of_null() {
    let world = World::new(DRAIN).await;
    world.put_members(&[
        ("eu", json!({"weight": null, "priority": null})),
        ("us", json!({"weight": 30})),
        ("ap", json!({"priority": 0, "weight": null})),
    ]);
    let before = world.body();
    let serve = world.serve(&[]).await;
    let alert = Alert::firing("us", ago(5));
    assert_eq!(world.send(&serve, std::slice::from_ref(&alert)).await, 202);
    let weights = || world.azure.seats("chat").iter().map(|seat| seat.weight).collect::<Vec<_>>();
    world.await_that("us gets nothing", async || weights() == [None, Some(0), None]).await;
    assert_eq!(world.send(&serve, &[resolved(&alert)]).await, 202);
    world.await_that("the body is what it was", async || world.body() == before).await;
    world.settled().await;
    world.finish();
}

fn after(after: &str) -> String {
    let follows = format!(
        "  after: [{{reconnect: {{backend: \"${{signal.labels.backend}}\", after: {after}}}}}]\n"
    );
    play(DRAIN_EFFECT, &follows)
}

#[tokio::test]
async fn a_reconnect_follows_the_ramp_and_is_accepted_with_its_due_time() {
    let plays = format!("{}  ramp: {{steps: [50%], every: 1s}}\n", after("PT2M"));
    let world = World::new(&plays).await;
    let serve = world.serve(&[]).await;
    let alert = Alert::firing("eu", Timestamp::now());
    assert_eq!(world.send(&serve, std::slice::from_ref(&alert)).await, 202);
    world.weights([0, 30, 20]).await;
    assert_eq!(world.send(&serve, &[resolved(&alert)]).await, 202);
    world.weights([25, 30, 20]).await;
    assert!(world.azure.reconnects().is_empty(), "not before it is over");
    world.weights([50, 30, 20]).await;
    let over = Timestamp::now();
    world.told("is accepted, due at").await;
    let accepted = world.azure.reconnects();
    assert_eq!(accepted.len(), 1, "{accepted:?}");
    assert_eq!(accepted[0].backend, "eu".into());
    let waits = accepted[0].due.duration_since(over);
    let (least, most) = (SignedDuration::from_secs(119), SignedDuration::from_secs(150));
    assert!(waits >= least && waits < most, "{waits:#}");
    let ledger = world.ledger().await;
    assert_eq!((ledger.count("reconnectAsked"), ledger.count("reconnectAccepted")), (1, 1));
    let status = world.json(&["status"]).await;
    let reconnects =
        status["backends"][0]["reconnects"].as_array().expect("they are there").clone();
    assert!(reconnects.iter().all(|it| it["outcome"]["kind"] == "accepted"), "{status:#}");
    let due = reconnects[0]["outcome"]["due"].as_str().expect("a time");
    let apart = due.parse::<Timestamp>().expect("one").duration_since(accepted[0].due).abs();
    assert!(apart < SignedDuration::from_secs(2), "{apart:#}");
    let shown = world.ok(&["explain", "chat"]).await;
    assert!(shown.contains("accepted, due at"), "{shown}");
    world.finish();
}

#[tokio::test]
async fn a_reconnect_that_is_not_due_yet_is_cancelled_by_a_refire() {
    let world = World::new(&after("PT5M")).await;
    let serve = world.serve(&[]).await;
    let alert = Alert::firing("eu", Timestamp::now());
    assert_eq!(world.send(&serve, std::slice::from_ref(&alert)).await, 202);
    world.weights([0, 30, 20]).await;
    assert_eq!(world.send(&serve, &[resolved(&alert)]).await, 202);
    world.weights([50, 30, 20]).await;
    world.told("will be reconnected at").await;
    let status = world.ok(&["status"]).await;
    assert!(status.contains("reconnect of"), "{status}");
    let again = Alert::firing("eu", Timestamp::now());
    assert_eq!(world.send(&serve, std::slice::from_ref(&again)).await, 202);
    world.weights([0, 30, 20]).await;
    world.told("is cancelled").await;
    let document = world.document().await;
    assert_eq!(document["reconnects"], json!([]), "{document:#}");
    assert!(world.azure.reconnects().is_empty());
    let ledger = world.ledger().await;
    let counts = ["reconnectPlanned", "reconnectCancelled", "reconnectAsked"];
    assert_eq!(counts.map(|what| ledger.count(what)), [1, 1, 0], "{ledger:#?}");
    world.finish();
}

#[tokio::test]
async fn a_throttled_reconnect_is_asked_for_again_and_one_of_nobody_is_refused() {
    let world = World::new(&after("PT2M")).await;
    world.azure.throttle(Match::reconnect("eu"), Duration::from_secs(2));
    let serve = world.serve(&[]).await;
    let alert = Alert::firing("eu", Timestamp::now());
    assert_eq!(world.send(&serve, std::slice::from_ref(&alert)).await, 202);
    world.weights([0, 30, 20]).await;
    assert_eq!(world.send(&serve, &[resolved(&alert)]).await, 202);
    world.told("is accepted, due at").await;
    assert_eq!(world.azure.reconnects().len(), 1);

    world.azure.foreign_delete("us").expect("it was there");
    let alert = Alert::firing("us", Timestamp::now());
    assert_eq!(world.send(&serve, std::slice::from_ref(&alert)).await, 202);
    world.weights([50, 0, 20]).await;
    assert_eq!(world.send(&serve, &[resolved(&alert)]).await, 202);
    world.told("the reconnect of").await;
    world
        .await_that("it is refused", async || world.ledger().await.count("reconnectRefused") == 1)
        .await;
    assert_eq!(world.azure.reconnects().len(), 1);
    world.finish();
}

#[tokio::test]
async fn an_alert_of_a_backend_that_the_pool_does_not_have_is_held_until_it_does() {
    let world = World::new(DRAIN).await;
    let serve = world.serve(&[]).await;
    let alert = Alert::firing("sa", Timestamp::now());
    assert_eq!(world.send(&serve, std::slice::from_ref(&alert)).await, 202);
    world.told("is held: the pool has no member sa").await;
    let status = world.ok(&["status"]).await;
    assert!(status.contains("held: the pool has no member sa"), "{status}");
    assert!(orderly(&world.azure).is_empty());

    world.azure.put_single("sa", "http://127.0.0.1:4").expect("a Single");
    let members = ["eu", "us", "ap", "sa"].map(|member| (member, Some(25), None));
    world.azure.put_pool("chat", &members).expect("a pool");
    // Looked at for whatever reason, it is seen.
    assert_eq!(world.send(&serve, &[Alert::firing("eu", Timestamp::now())]).await, 202);
    world
        .await_that("both are drained", async || {
            let seats = world.azure.seats("chat");
            (seats[0].weight, seats[3].weight) == (Some(0), Some(0))
        })
        .await;
    // That the pool is another by now is seen by a 412.
    let done = orderly(&world.azure);
    let done = done.iter().filter(|write| write.status().is_some_and(|it| it.is_success()));
    assert_eq!(done.count(), 1);
    world.finish();
}

#[tokio::test]
async fn a_play_whose_value_cannot_be_resolved_is_a_dead_letter_and_the_others_act() {
    let plays = r#"
plays:
  - name: drain-zone
    when: signal.labels.alertname == "BackendErrors"
    do: [{drain: {pool: chat, member: "chat-${signal.labels.zone}"}}]
  - name: drain-failing-member
    when: signal.labels.alertname == "BackendErrors"
    do: [{drain: {pool: chat, member: "${signal.labels.backend}"}}]
"#;
    let world = World::new(plays).await;
    let serve = world.serve(&[]).await;
    let alert = Alert::firing("eu", Timestamp::now());
    assert_eq!(world.send(&serve, std::slice::from_ref(&alert)).await, 202);
    world.weights([0, 30, 20]).await;
    let letters =
        async |world: &World| world.json(&["dead-letters", "list"]).await["deadLetters"].clone();
    let kept = letters(&world).await;
    assert_eq!(kept.as_array().map(Vec::len), Some(1), "{kept:#}");
    let reason = kept[0]["reason"].as_str().expect("a reason");
    assert!(reason.contains("drain-zone") && reason.contains("zone"), "{reason}");
    let ledger = world.ledger().await;
    assert_eq!(ledger.count("unresolvable"), 1, "{ledger:#?}");
    // A repeat makes no second one.
    assert_eq!(world.send(&serve, std::slice::from_ref(&alert)).await, 202);
    world.flush(&serve).await;
    assert_eq!(letters(&world).await.as_array().map(Vec::len), Some(1));
    assert_eq!(world.send(&serve, &[resolved(&alert)]).await, 202);
    world.weights([50, 30, 20]).await;
    world.settled().await;
    assert_eq!(orderly(&world.azure).len(), 2);
    world.finish();
}
