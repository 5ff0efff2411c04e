//! Azure Resource Manager's token buckets, through the commands: who paces itself is not refused, and
//! who is refused waits for as long as it is told to.
//!
//! The emulator's buckets refuse here, and have been drawn nearly empty by someone else, as happens
//! in a subscription that others work in too.

use std::{
    fmt::Write as _,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use pointsman_emulator::{Match, Options, Throttling};
use pointsman_scenarios::{World, alerts::Alert, world::DRAIN};
use serde_json::{Value, json};

/// How many pools an alert concerns; each is one write.
const POOLS: usize = 30;

/// How many backends there are to be listed, 100 in a page.
const BACKENDS: usize = 1_500;

/// How much is left in a bucket that was drawn on.
const LEFT: u32 = 2;

/// A world whose buckets refuse, and a Pointsman that waits for room in them.
async fn paced(plays: &str) -> World {
    let options = Options { throttling: Throttling::Enforce, ..Options::default() };
    let world = World::with(options, plays).await;
    let path = world.path("pointsman.yaml");
    let text = std::fs::read_to_string(&path).expect("a configuration");
    let text = text.replace("credential: token", "paced: true, credential: token");
    assert!(text.contains("paced"));
    std::fs::write(path, text).expect("a configuration is written");
    world
}

/// Draws on a bucket with these requests until next to nothing is left in it.
async fn draw(world: &World, verb: reqwest::Method, body: Option<Value>, counts: &str) {
    let service = world.azure.service().id();
    let url = format!("{}{service}/backends/eu?api-version=2024-05-01", world.azure.arm_url());
    let token = world.azure.token();
    loop {
        let mut request = world.http.request(verb.clone(), &url).bearer_auth(&token);
        if let Some(body) = &body {
            request = request.header("if-match", "*").json(body);
        }
        let answer = request.send().await.expect("the emulator answers");
        assert!(answer.status().is_success(), "{answer:?}");
        let header = format!("x-ms-ratelimit-remaining-subscription-{counts}");
        let left = answer.headers().get(header).expect("it says what is left");
        if left.to_str().expect("text").parse::<u32>().expect("a number") <= LEFT {
            return;
        }
    }
}

/// The requests that were refused for want of room.
fn refused(world: &World) -> usize {
    let all = world.azure.requests();
    all.iter().filter(|request| request.status().is_some_and(|it| it.as_u16() == 429)).count()
}

#[tokio::test]
async fn serve_waits_for_room_instead_of_being_refused() {
    let members = [("eu", Some(50), None), ("us", Some(30), None), ("ap", Some(20), None)];
    let mut pools = String::new();
    let mut plays = "plays:\n\
        - {name: one, when: 'signal.labels.backend == \"us\"', do: [{drain: {pool: chat, member: us}}]}\n"
        .to_owned();
    for pool in 0..POOLS {
        let _ = write!(pools, ", p{pool}: {{service: main, backend: pool-{pool}}}");
        let _ = writeln!(
            plays,
            "- {{name: many-{pool}, when: 'signal.labels.backend == \"eu\"', do: [{{drain: {{pool: p{pool}, member: eu}}}}]}}"
        );
    }
    let world = paced(&plays).await;
    for pool in 0..POOLS {
        world.azure.put_pool(format!("pool-{pool}").as_str(), &members).expect("a pool");
    }
    let path = world.path("playbook.yaml");
    let text = std::fs::read_to_string(&path).expect("a playbook");
    let text = text
        .replace("limits: {leastMembers: 1}}}", &format!("limits: {{leastMembers: 1}}}}{pools}}}"));
    std::fs::write(path, text).expect("a playbook is written");
    let serve = world.serve(&[]).await;
    let patch = json!({"properties": {"title": "drawn on"}});
    draw(&world, reqwest::Method::PATCH, Some(patch), "writes").await;

    // From the answer to this one it learns what is left.
    assert_eq!(world.send(&serve, &[Alert::firing("us", Timestamp::now())]).await, 202);
    world
        .seats("chat", &[("eu", Some(50), None), ("us", Some(0), None), ("ap", Some(20), None)])
        .await;
    assert_eq!(world.send(&serve, &[Alert::firing("eu", Timestamp::now())]).await, 202);
    let drained = [("eu", Some(0), None), ("us", Some(30), None), ("ap", Some(20), None)];
    for pool in 0..POOLS {
        world.seats(&format!("pool-{pool}"), &drained).await;
    }
    assert_eq!(refused(&world), 0, "nobody was refused");
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn a_command_waits_for_room_instead_of_being_refused() {
    let world = paced(DRAIN).await;
    for backend in 0..BACKENDS {
        let name = format!("many-{backend}");
        world.azure.put_single(name.as_str(), "https://many.example").expect("a Single");
    }
    draw(&world, reqwest::Method::GET, None, "reads").await;
    let listed = world.json(&["backend", "list"]).await;
    assert_eq!(listed.as_array().map(Vec::len), Some(BACKENDS + 4));
    assert_eq!(refused(&world), 0, "nobody was refused");
    world.finish();
}

#[tokio::test]
async fn a_command_that_is_refused_waits_for_as_long_as_it_is_told_to() {
    let world = World::new(DRAIN).await;
    let wait = Duration::from_secs(2);
    for on in [Match::get("chat"), Match::patch("chat")] {
        world.azure.forget_requests();
        let fault = world.azure.throttle(on, wait);
        let began = Instant::now();
        let title = format!("title={began:?}").replace(' ', "");
        let _ = world.say(&["backend", "set", "chat", &title]).await.ended(0).says("is updated");
        assert!(began.elapsed() >= wait, "after {:?}", began.elapsed());
        assert_eq!(refused(&world), 1, "it is asked once more, and not too soon");
        world.azure.clear(fault);
    }
    // What Azure would have wait longer than anyone does is told, and when it may be asked again.
    let fault = world.azure.throttle(Match::patch("chat"), Duration::from_secs(600));
    let ran = world.say(&["backend", "set", "chat", "title=late"]).await.ended(1);
    let _ = ran.says("429").says("retry after");
    world.azure.clear(fault);
    world.finish();
}
