//! Limits and selection, from the alert to what stands in Azure.

use jiff::Timestamp;
use pointsman_scenarios::{Forms, World, alerts::Alert};
use serde_json::json;

/// The backends of all pools: where they are, and what they can carry.
const BACKENDS: &str = r#"backends:
  eu: {service: main, tags: {zone: "1", region: old}, capacity: 50}
  us: {service: main, tags: {zone: "2"}, capacity: 30}
  ap: {service: main, tags: {zone: "3", region: old}, capacity: 20}
"#;

/// Drains the member that an alert names, in the pool `chat`.
const DRAIN: &str = r#"plays:
  - name: drain
    when: signal.labels.alertname == "BackendErrors"
    do: [{drain: {pool: chat, member: "${signal.labels.backend}"}}]
"#;

/// Tightens the breaker of one member meanwhile.
const TIGHTEN: &str = r#"  - name: tighten
    when: signal.labels.alertname == "BackendErrors"
    do: [{breaker: {backend: ap, count: 2}}]
"#;

/// A world of the pools `chat` (with these limits) and `search`, which has `eu` 10 and `us` 10.
async fn world(limits: &str, rest: &str) -> World {
    let world = World::new("plays: []\n").await;
    let seats = [("eu", Some(10), None), ("us", Some(10), None)];
    world.azure.put_pool("search", &seats).expect("a pool");
    world.azure.forget_requests();
    let terms = format!(
        "members: [eu, us, ap], limits: {{leastMembers: 1{limits}}}}}, \
         search: {{service: main, backend: search, members: [eu, us]"
    );
    world.write_pool(&terms, &format!("{BACKENDS}{rest}"));
    world
}

fn firing(member: &str) -> Alert {
    Alert::firing(member, Timestamp::now())
}

#[tokio::test]
async fn two_zones_are_never_out_together_over_two_pools() {
    let world = world(
        "",
        r#"limits: {zone: {neverTogether: true}}
plays:
  - name: drain-chat
    when: signal.labels.backend == "eu"
    do: [{drain: {pool: chat, member: eu}}]
  - name: drain-search
    when: signal.labels.backend == "us"
    do: [{drain: {pool: search, member: us}}]
"#,
    )
    .await;
    let serve = world.serve(&[]).await;
    let (eu, us) = (firing("eu"), firing("us"));
    assert_eq!(world.send(&serve, std::slice::from_ref(&eu)).await, 202);
    world.weights([0, 30, 20]).await;
    assert_eq!(world.send(&serve, std::slice::from_ref(&us)).await, 202);
    let held = "held: backends of zone 2 and of zone 1 would be out together, with contoso-apim/eu of zone 1";
    world.status_says(held).await;
    let status = world.json(&["status"]).await;
    Forms::read().check("Status", &status);
    assert_eq!(world.send(&serve, &[eu.resolved(Timestamp::now())]).await, 202);
    world.seats("search", &[("eu", Some(10), None), ("us", Some(0), None)]).await;
    world.weights([50, 30, 20]).await;
    assert_eq!(world.send(&serve, &[us.resolved(Timestamp::now())]).await, 202);
    world.seats("search", &[("eu", Some(10), None), ("us", Some(10), None)]).await;
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn a_common_cause_is_a_panic_and_what_was_drained_is_given_back() {
    let world = world(", panic: 50%", DRAIN).await;
    let serve = world.serve(&[]).await;
    let (eu, us) = (firing("eu"), firing("us"));
    assert_eq!(world.send(&serve, std::slice::from_ref(&eu)).await, 202);
    world.weights([0, 30, 20]).await;
    assert_eq!(world.send(&serve, std::slice::from_ref(&us)).await, 202);
    world.weights([50, 30, 20]).await;
    world.status_says("PANIC since").await;
    world.status_says("held: alerts ask for 2 of the 3 members that serve to be out").await;
    // Loudly: before all else, in the exit code, and as a metric.
    let said = world.say(&["status"]).await.ended(3);
    let _ = said.says(": PANIC in contoso-apim/chat: alerts ask for 2 of 3 members to be out");
    let metrics = world.get(&serve, "/metrics").await;
    assert!(metrics.text.contains(r#"pointsman_panic{pool="chat"} 1"#), "{}", metrics.text);
    let status = world.say(&["status", "--json"]).await.ended(3).json();
    Forms::read().check("Status", &status);
    let panic = &status["backends"][0]["panic"];
    assert_eq!(
        (&panic["out"], &panic["of"], &panic["most"]),
        (&json!(2), &json!(3), &json!("50%"))
    );
    let history = world.ok(&["history"]).await;
    assert!(history.contains("PANIC: alerts ask for 2 of the 3 members"), "{history}");
    assert_eq!(world.send(&serve, &[us.resolved(Timestamp::now())]).await, 202);
    world.weights([0, 30, 20]).await;
    assert_eq!(world.send(&serve, &[eu.resolved(Timestamp::now())]).await, 202);
    world.weights([50, 30, 20]).await;
    world.at_rest().await;
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn so_much_must_be_able_to_serve_and_so_many_are_out_at_once() {
    let world = world(", leastCapacity: 60, mostOut: 1", DRAIN).await;
    let serve = world.serve(&[]).await;
    let (eu, us, ap) = (firing("eu"), firing("us"), firing("ap"));
    assert_eq!(world.send(&serve, std::slice::from_ref(&us)).await, 202);
    world.weights([50, 0, 20]).await;
    assert_eq!(world.send(&serve, std::slice::from_ref(&ap)).await, 202);
    let held = "held: 2 of the pool's members would be out at once, and the limit is 1";
    world.status_says(held).await;
    assert_eq!(world.send(&serve, &[us.resolved(Timestamp::now())]).await, 202);
    world.weights([50, 30, 0]).await;
    assert_eq!(world.send(&serve, &[ap.resolved(Timestamp::now())]).await, 202);
    world.weights([50, 30, 20]).await;
    assert_eq!(world.send(&serve, std::slice::from_ref(&eu)).await, 202);
    world
        .status_says("held: 50 of the capacity that serves would remain, and the limit is 60")
        .await;
    let _ = world.say(&["release", "--all"]).await.ended(0);
    world.at_rest().await;
    world.weights([50, 30, 20]).await;
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn one_alert_moves_every_pool_and_the_breakers_of_a_pools_members() {
    let world = world(
        "",
        r#"plays:
  - name: drain-region
    when: signal.labels.alertname == "BackendErrors"
    do:
      - drain: {pools: all, tags: {region: old}}
      - breaker: {pool: search, count: 2}
"#,
    )
    .await;
    let serve = world.serve(&[]).await;
    let alert = firing("anything");
    assert_eq!(world.send(&serve, std::slice::from_ref(&alert)).await, 202);
    world.weights([0, 30, 0]).await;
    world.seats("search", &[("eu", Some(0), None), ("us", Some(10), None)]).await;
    let count = |backend: &str| {
        let stored = world.azure.backend(backend).expect("it is there");
        stored.body["properties"]["circuitBreaker"]["rules"][0]["failureCondition"]["count"].clone()
    };
    world.until("both breakers are tight", async |_| count("eu") == 2 && count("us") == 2).await;
    assert_eq!(count("ap"), json!(null), "the pool does not list it");
    assert_eq!(world.send(&serve, &[alert.resolved(Timestamp::now())]).await, 202);
    world.weights([50, 30, 20]).await;
    world.seats("search", &[("eu", Some(10), None), ("us", Some(10), None)]).await;
    world
        .until("both are as they were", async |_| count("eu").is_null() && count("us").is_null())
        .await;
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn what_nobody_has_published_is_said_and_does_not_count_as_serving() {
    let world = world("", "plays: []\n").await;
    let book = |least: u8| {
        world.write_pool(
            &format!("members: [eu, us, ap], limits: {{leastMembers: {least}}}"),
            &format!("{BACKENDS}{DRAIN}{TIGHTEN}"),
        );
    };
    book(2);
    let config = std::fs::read_to_string(world.path("pointsman.yaml")).expect("a configuration");
    let newer = config.replace("azure: {", "azure: {apiVersion: 2026-03-01-preview, ");
    std::fs::write(world.path("pointsman.yaml"), newer).expect("it is written");
    let member = |name: &str, weight: u32| {
        let id = format!("{}/backends/{name}", world.azure.service().id());
        json!({"id": id, "weight": weight})
    };
    let mut ap = member("ap", 20);
    ap["preferredCarbonEmission"] = json!("Low");
    let pool = json!({
        "services": [member("eu", 50), member("us", 30), ap],
        "sessionAffinity": {"sessionId": {"source": "cookie", "name": "session"}},
        "failureResponse": {"statusCode": 429},
    });
    let patched = world.azure.foreign_patch("chat", &json!({"properties": {"pool": pool}}));
    let _ = patched.expect("it is taken");
    let rule = json!({
        "name": "slow", "tripDuration": "PT1M", "failureResponse": {"statusCode": 418},
        "failureCondition":
            {"count": 9, "interval": "PT1M", "statusCodeRanges": [{"min": 500, "max": 599}]},
    });
    let breaker = json!({"properties": {"circuitBreaker": {"rules": [rule]}}});
    let _ = world.azure.foreign_patch("ap", &breaker).expect("it is taken");
    world.azure.forget_requests();
    let check = ["playbook", "check", "playbook.yaml", "--azure"];
    let _ = world
        .say(&check)
        .await
        .ended(0)
        .says("every backend is there in Azure")
        .says("whether sessions stay at a member whose weight becomes 0 is not published")
        .says("ap may be left out by Azure itself (`preferredCarbonEmission`)")
        .says("limits do not count them as certainly serving")
        .says("the pool answers with 429 where no member is left")
        .says("it answers with 418 (`failureResponse` of rule slow)");
    let json = world.json(&check).await;
    Forms::read().check("Checked", &json);
    let serve = world.serve(&[]).await;
    let (eu, us) = (firing("eu"), firing("us"));
    // Of the two that certainly serve, none may go; what may be left out itself may.
    assert_eq!(world.send(&serve, std::slice::from_ref(&eu)).await, 202);
    world
        .status_says(
            "held: without 1 member that Azure itself may leave out (`preferredCarbonEmission`), 1 of the \
             pool's members would serve, and the limit is 2",
        )
        .await;
    let status = world.json(&["status"]).await;
    Forms::read().check("Status", &status);
    book(1);
    let _ = world.say(&["playbook", "apply", "playbook.yaml"]).await.ended(0);
    world.weights([0, 30, 20]).await;
    let history = world.ok(&["history"]).await;
    for told in [
        "the pool has `sessionAffinity`, and whether sessions stay at eu, whose weight is 0, is not published",
        "Azure itself may leave out ap (`preferredCarbonEmission`)",
        "the backend answers with 418 and not with 503 (`failureResponse`)",
    ] {
        assert_eq!(history.matches(told).count(), 1, "{told}: {history}");
    }
    assert_eq!(world.send(&serve, &[us]).await, 202);
    world.status_says("0 of the pool's members would serve, and the limit is 1").await;
    let _ = world.say(&["release", "--all"]).await.ended(0);
    world.at_rest().await;
    world.weights([50, 30, 20]).await;
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn so_much_of_the_weight_must_remain_and_an_address_finds_its_member() {
    let world = World::new("plays: []\n").await;
    let plays = r#"backends:
  eu: {service: main, host: eu.example.com}
  us: {service: main, host: us.example.com}
  ap: {service: main}
plays:
  - name: drain-by-address
    when: signal.labels.alertname == "BackendErrors"
    do: [{drain: {pool: chat, host: "${signal.labels.backend}"}}]
"#;
    world.write_pool("members: [eu, us, ap], limits: {leastShare: 60%}", plays);
    let serve = world.serve(&[]).await;
    let us = firing("https://us.example.com:8443/health");
    assert_eq!(world.send(&serve, std::slice::from_ref(&us)).await, 202);
    world.weights([50, 0, 20]).await;
    assert_eq!(world.send(&serve, &[us.resolved(Timestamp::now())]).await, 202);
    world.weights([50, 30, 20]).await;
    assert_eq!(world.send(&serve, &[firing("eu.example.com")]).await, 202);
    world.status_says("held: 50% of the pool's weight would remain, and the limit is 60%").await;
    let unknown = firing("nowhere.example.com");
    assert_eq!(world.send(&serve, std::slice::from_ref(&unknown)).await, 202);
    world
        .until("what is for no member is told", async |world: &World| {
            world.ok(&["history"]).await.contains("nowhere.example.com")
        })
        .await;
    let _ = world.say(&["release", "--all"]).await.ended(0);
    world.weights([50, 30, 20]).await;
    assert!(serve.stop().await);
    world.finish();
}
