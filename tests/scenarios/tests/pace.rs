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
use pointsman_emulator::{Match, Operation, Options, Throttling};
use pointsman_scenarios::{
    World,
    alerts::Alert,
    world::{BOUND, DRAIN, Serve},
};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::timeout;

/// How many pools an alert concerns; each is one write.
const POOLS: usize = 30;

/// So many that their writes take longer than it takes to pause.
const POOLS_AT_LENGTH: usize = 100;

/// How many backends a page has.
const PAGE: usize = 100;

/// How many backends there are to be listed. That takes more pages than a bucket that was drawn on
/// has room for by the time that they are asked for one after the other: whoever asks for more than
/// the 25 a second that flow in is refused.
const BACKENDS: usize = 3_000;

/// How much is left in a bucket that was drawn on. More than who draws on it takes while another
/// looks at what is left.
const LEFT: u32 = 4;

/// How long one read takes to flow into its bucket.
const READ_EVERY: Duration = Duration::from_millis(40);

/// How long a command is to wait, in seconds: the first that is longer than it takes to start,
/// which depends on the machine. A command waits for 30 s at most.
const WAITS_SECS: [u64; 4] = [2, 4, 8, 16];

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

/// Takes one request out of its bucket, and gives how many are left in it.
async fn take(world: &World, verb: Method, body: Option<&Value>, counts: &str) -> u32 {
    let service = world.azure.service().id();
    let url = format!("{}{service}/backends/eu?api-version=2024-05-01", world.azure.arm_url());
    let mut request = world.http.request(verb, &url).bearer_auth(world.azure.token());
    if let Some(body) = body {
        request = request.header("if-match", "*").json(body);
    }
    let answer = request.send().await.expect("the emulator answers");
    assert!(answer.status().is_success(), "{answer:?}");
    let header = format!("x-ms-ratelimit-remaining-subscription-{counts}");
    let left = answer.headers().get(header).expect("it says what is left");
    left.to_str().expect("text").parse().expect("a number")
}

/// Draws on a bucket with these requests until next to nothing is left in it.
async fn draw(world: &World, verb: Method, body: Option<&Value>, counts: &str) {
    let drawn = async { while take(world, verb.clone(), body, counts).await > LEFT {} };
    let drawn = timeout(BOUND, drawn).await;
    assert!(drawn.is_ok(), "within {BOUND:?} the {counts} flow in as fast as they are taken");
}

/// How many pages of lists were asked for.
fn pages(world: &World) -> u64 {
    world.azure.view(|view| view.total(Operation::List))
}

/// The requests that were refused for want of room.
fn refused(world: &World) -> usize {
    let all = world.azure.requests();
    all.iter().filter(|request| request.status().is_some_and(|it| it.as_u16() == 429)).count()
}

/// A world with so many pools more, all of which an alert about `eu` drains, and a running `serve`
/// that knows that next to nothing is left in the bucket of writes.
async fn drawn_on(pools: usize) -> (World, Serve) {
    let members = [("eu", Some(50), None), ("us", Some(30), None), ("ap", Some(20), None)];
    let mut named = String::new();
    let mut plays = "plays:\n\
        - {name: one, when: 'signal.labels.backend == \"us\"', do: [{drain: {pool: chat, member: us}}]}\n"
        .to_owned();
    for pool in 0..pools {
        let _ = write!(named, ", p{pool}: {{service: main, backend: pool-{pool}}}");
        let _ = writeln!(
            plays,
            "- {{name: many-{pool}, when: 'signal.labels.backend == \"eu\"', do: [{{drain: {{pool: p{pool}, member: eu}}}}]}}"
        );
    }
    let world = paced(&plays).await;
    for pool in 0..pools {
        world.azure.put_pool(format!("pool-{pool}").as_str(), &members).expect("a pool");
    }
    let path = world.path("playbook.yaml");
    let text = std::fs::read_to_string(&path).expect("a playbook");
    let text = text
        .replace("limits: {leastMembers: 1}}}", &format!("limits: {{leastMembers: 1}}}}{named}}}"));
    std::fs::write(path, text).expect("a playbook is written");
    let serve = world.serve(&[]).await;
    let patch = json!({"properties": {"title": "drawn on"}});
    draw(&world, Method::PATCH, Some(&patch), "writes").await;

    // From the answer to this one it learns what is left.
    assert_eq!(world.send(&serve, &[Alert::firing("us", Timestamp::now())]).await, 202);
    world
        .seats("chat", &[("eu", Some(50), None), ("us", Some(0), None), ("ap", Some(20), None)])
        .await;
    world.azure.forget_requests();
    (world, serve)
}

/// How many of the pools were written.
fn written(world: &World) -> usize {
    (0..POOLS_AT_LENGTH).map(|pool| world.azure.writes(format!("pool-{pool}").as_str()).len()).sum()
}

/// Waits until the pools are drained.
async fn are_drained(world: &World, pools: usize) {
    let drained = [("eu", Some(0), None), ("us", Some(30), None), ("ap", Some(20), None)];
    for pool in 0..pools {
        world.seats(&format!("pool-{pool}"), &drained).await;
    }
}

#[tokio::test]
async fn serve_waits_for_room_instead_of_being_refused() {
    let (world, serve) = drawn_on(POOLS).await;
    assert_eq!(world.send(&serve, &[Alert::firing("eu", Timestamp::now())]).await, 202);
    are_drained(&world, POOLS).await;
    assert_eq!(refused(&world), 0, "nobody was refused");
    assert!(serve.stop().await);
    world.finish();
}

/// What waits for room is decided anew when there is some.
#[tokio::test]
async fn nothing_that_waits_for_room_is_written_after_a_pause() {
    let (world, serve) = drawn_on(POOLS_AT_LENGTH).await;
    assert_eq!(world.send(&serve, &[Alert::firing("eu", Timestamp::now())]).await, 202);
    let _ = world.ok(&["pause", "--reason", "no more"]).await;
    // The command has waited for what was on its way.
    let written = written(&world);
    assert!(written < POOLS_AT_LENGTH, "there was no room for all of them by then");
    world
        .await_that("each has been looked at once more", async || {
            !world.ok(&["status"]).await.contains("TROUBLE")
        })
        .await;
    assert_eq!(self::written(&world), written, "nothing is written under a pause");
    let _ = world.ok(&["resume"]).await;
    are_drained(&world, POOLS_AT_LENGTH).await;
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
    draw(&world, Method::GET, None, "reads").await;
    // It fills while a process starts, so that it is drawn on until the first page is asked for.
    let drawn = async {
        while pages(&world) == 0 {
            if take(&world, Method::GET, None, "reads").await <= LEFT {
                tokio::time::sleep(READ_EVERY).await;
            }
        }
    };
    let (listed, drawn) = tokio::join!(world.json(&["backend", "list"]), timeout(BOUND * 2, drawn));
    assert!(drawn.is_ok(), "no page was asked for");
    assert_eq!(listed["backends"].as_array().map(Vec::len), Some(BACKENDS + 4));
    assert_eq!(pages(&world), BACKENDS as u64 / PAGE as u64 + 1, "each is asked for once");
    assert_eq!(refused(&world), 0, "nobody was refused");
    world.finish();
}

/// Has a command change the pool while Azure refuses `on` for so long; gives whether it was refused,
/// which it is not where it starts for longer than that.
async fn waits(world: &World, on: Match, wait: Duration) -> bool {
    world.azure.forget_requests();
    let began = Instant::now();
    let fault = world.azure.throttle(on, wait);
    let title = format!("title={began:?}").replace(' ', "");
    let _ = world.say(&["backend", "set", "chat", &title]).await.ended(0).says("is updated");
    world.azure.clear(fault);
    // Whether it waited, or came late of its own.
    assert!(began.elapsed() >= wait, "after {:?}", began.elapsed());
    let refused = refused(world);
    assert!(refused <= 1, "it is asked once more, and not too soon");
    refused == 1
}

#[tokio::test]
async fn a_command_that_is_refused_waits_for_as_long_as_it_is_told_to() {
    let world = World::new(DRAIN).await;
    for on in [Match::get("chat"), Match::patch("chat")] {
        let mut refused = false;
        for seconds in WAITS_SECS {
            refused = waits(&world, on.clone(), Duration::from_secs(seconds)).await;
            if refused {
                break;
            }
        }
        assert!(refused, "{on:?}: a command takes longer to start than {WAITS_SECS:?}");
    }
    // What Azure would have wait longer than anyone does is told, and when it may be asked again.
    let fault = world.azure.throttle(Match::patch("chat"), Duration::from_secs(600));
    let ran = world.say(&["backend", "set", "chat", "title=late"]).await.ended(1);
    let _ = ran.says("429").says("retry after");
    world.azure.clear(fault);
    world.finish();
}
