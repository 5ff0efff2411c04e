//! One alert, from webhook to weights and back.

use jiff::Timestamp;
use pointsman_emulator::Address;
use pointsman_scenarios::{
    World,
    alerts::Alert,
    world::{BOUND, DRAIN},
};

#[tokio::test]
async fn an_alert_drains_its_member_and_its_end_gives_the_weight_back() {
    let world = World::new(DRAIN).await;
    let serve = world.serve(&[]).await;
    let alert = Alert::firing("eu", Timestamp::now());
    assert_eq!(world.send(&serve, std::slice::from_ref(&alert)).await, 202);
    world.weights([0, 30, 20]).await;
    assert_eq!(world.send(&serve, &[alert.resolved(Timestamp::now())]).await, 202);
    world.weights([50, 30, 20]).await;
    world.at_rest().await;
    assert_eq!(world.azure.writes("chat").len(), 2);
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn a_pool_of_a_workspace_is_drained_and_restored_and_its_namesake_is_left_alone() {
    let world = World::new(DRAIN).await;
    let place = |name: &str| Address::in_workspace("team", name);
    for member in ["eu", "us", "ap"] {
        let _ = world.azure.put_single(place(member), "http://127.0.0.1:9").expect("a Single");
    }
    let seats = [("eu", Some(50), None), ("us", Some(30), None), ("ap", Some(20), None)];
    let _ = world.azure.put_pool(place("chat"), &seats).expect("a pool");
    let playbook = std::fs::read_to_string(world.path("playbook.yaml")).expect("a playbook");
    let playbook =
        playbook.replace("service: main, backend", "service: main, workspace: team, backend");
    std::fs::write(world.path("playbook.yaml"), playbook).expect("it is written");
    let serve = world.serve(&[]).await;
    let weight = async |wanted: u32| {
        let so =
            world.azure.wait_for(|azure| azure.weight(place("chat"), "eu") == Some(wanted), BOUND);
        so.await.unwrap_or_else(|error| panic!("never {wanted}: {error}\n{}", world.log()));
    };
    let alert = Alert::firing("eu", Timestamp::now());
    assert_eq!(world.send(&serve, std::slice::from_ref(&alert)).await, 202);
    weight(0).await;
    assert_eq!(world.send(&serve, &[alert.resolved(Timestamp::now())]).await, 202);
    weight(50).await;
    world.at_rest().await;
    assert_eq!(world.azure.writes(place("chat")).len(), 2);
    assert!(world.azure.writes("chat").is_empty(), "that one is another backend");
    assert!(serve.stop().await);
    world.finish();
}

/// The drain in one pool is held; the shift in another acts, and the reconnect follows that one.
#[tokio::test]
async fn a_reconnect_follows_a_play_over_two_pools_of_which_one_was_held() {
    let world = World::new(
        r#"
plays:
  - name: relieve
    when: signal.labels.alertname == "BackendErrors"
    do:
      - drain: {pool: chat, member: "${signal.labels.backend}"}
      - shift: {pool: search, member: "${signal.labels.backend}", to: 40%}
    after: [{reconnect: {backend: "${signal.labels.backend}", after: PT2M}}]
"#,
    )
    .await;
    let seats = [("eu", Some(10), None), ("us", Some(10), None)];
    world.azure.put_pool("search", &seats).expect("a pool");
    let playbook = std::fs::read_to_string(world.path("playbook.yaml")).expect("a playbook");
    let playbook = playbook.replace(
        "limits: {leastMembers: 1}}",
        "limits: {leastShare: 60%}}, search: {service: main, backend: search}",
    );
    std::fs::write(world.path("playbook.yaml"), playbook).expect("it is written");
    let serve = world.serve(&[]).await;
    let weight = async |wanted: u32| {
        let so = world.azure.wait_for(|azure| azure.weight("search", "eu") == Some(wanted), BOUND);
        so.await.unwrap_or_else(|error| panic!("never {wanted}: {error}\n{}", world.log()));
    };
    let alert = Alert::firing("eu", Timestamp::now());
    assert_eq!(world.send(&serve, std::slice::from_ref(&alert)).await, 202);
    weight(4).await;
    assert_eq!(world.send(&serve, &[alert.resolved(Timestamp::now())]).await, 202);
    weight(10).await;
    let asked = world.azure.wait_for(|azure| azure.reconnects().len() == 1, BOUND);
    asked.await.unwrap_or_else(|error| panic!("no reconnect: {error}\n{}", world.log()));
    world.at_rest().await;
    assert!(world.azure.writes("chat").is_empty(), "its drain was held");
    assert_eq!(world.azure.reconnects().len(), 1);
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn what_was_heard_is_found_by_the_id_that_its_sender_was_given() {
    let world = World::new(DRAIN).await;
    let serve = world.serve(&[]).await;
    let alert = Alert::firing("eu", Timestamp::now());
    let sent = world.deliver(&serve, &pointsman_scenarios::alerts::webhook(&[alert])).await;
    assert_eq!(sent.status, 202);
    world.weights([0, 30, 20]).await;
    world
        .until("it is told", async |world: &World| {
            ["drain eu, by play", "\"name\":\"backend\""]
                .iter()
                .all(|told| world.log().contains(told))
        })
        .await;
    let (id, log) = (sent.json()["id"].as_str().expect("an id").to_owned(), world.log());
    let lines: Vec<serde_json::Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON, where no one sits"))
        .collect();
    let spans = |line: &serde_json::Value| line["spans"].as_array().cloned().unwrap_or_default();
    for words in [
        "prometheus/f-eu (BackendErrors: 5xx on eu) fires since",
        "drain eu, by play drain-failing-member",
    ] {
        let line = lines
            .iter()
            .find(|line| line["message"].as_str().is_some_and(|said| said.contains(words)));
        let line = line.unwrap_or_else(|| panic!("nobody says {words}:\n{log}"));
        let signal = spans(line).into_iter().find(|span| span["name"] == "signal").expect("a span");
        assert_eq!(
            (&signal["id"], &signal["series"]),
            (&id.clone().into(), &"prometheus/f-eu".into())
        );
    }
    let wrote = lines.iter().find(|line| spans(line).iter().any(|span| span["name"] == "backend"));
    let wrote = wrote.unwrap_or_else(|| panic!("nothing is said of the backend:\n{log}"));
    assert!(spans(wrote).iter().any(|span| span["id"] == "contoso-apim/chat"), "{wrote}");
    world.finish();
}
