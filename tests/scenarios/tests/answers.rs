//! What Azure makes of a write: another value than was asked, a refusal without a reason, no answer.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use pointsman_emulator::{
    Fault, Match, Operation, Options, Times, Unpublished,
    fault::{Kind, ServerError, Write},
    unpublished::{PatchArray, PatchNull, ZeroWeight},
};
use pointsman_scenarios::{
    World,
    alerts::Alert,
    evidence::person_sets,
    world::{DRAIN, Serve},
};
use serde_json::json;

const NO_WEIGHTS: [(&str, Option<u32>, Option<u32>); 3] =
    [("eu", None, None), ("us", None, None), ("ap", None, None)];
const EU_DRAINED: [(&str, Option<u32>, Option<u32>); 3] =
    [("eu", Some(0), None), ("us", Some(1), None), ("ap", Some(1), None)];
const EQUAL: [(&str, Option<u32>, Option<u32>); 3] =
    [("eu", Some(1), None), ("us", Some(1), None), ("ap", Some(1), None)];

/// An Azure of these habits, with a pool whose members have no weights.
async fn without_weights(unpublished: Unpublished) -> World {
    let world = World::with(Options { unpublished, ..Options::default() }, DRAIN).await;
    world.put_members(&[("eu", json!({})), ("us", json!({})), ("ap", json!({}))]);
    world
}

fn merged(patch_null: PatchNull) -> Unpublished {
    Unpublished { patch_array: PatchArray::Merged, patch_null, ..Unpublished::default() }
}

async fn fire(world: &World, serve: &Serve, backend: &str) -> Alert {
    let alert = Alert::firing(backend, Timestamp::now());
    assert_eq!(world.send(serve, std::slice::from_ref(&alert)).await, 202);
    alert
}

async fn resolve(world: &World, serve: &Serve, alert: &Alert) {
    assert_eq!(world.send(serve, &[alert.clone().resolved(Timestamp::now())]).await, 202);
}

/// The verbs and statuses of what was asked of `chat` but to read it; 0 for no answer.
fn asked(world: &World) -> Vec<(String, u16)> {
    let of = |write: &pointsman_emulator::Received| {
        assert!(write.if_match.as_deref().is_some_and(|etag| etag.starts_with('"')), "{write}");
        (write.verb.to_string(), write.status().map_or(0, |status| status.as_u16()))
    };
    world.azure.writes("chat").iter().map(of).collect()
}

fn patch(status: u16) -> (String, u16) {
    ("PATCH".to_owned(), status)
}

/// How often `chat` was read.
fn reads(world: &World) -> usize {
    let requests = world.azure.requests();
    let chat = |request: &&pointsman_emulator::Received| {
        request.verb == "GET" && request.path.ends_with("/backends/chat")
    };
    requests.iter().filter(chat).count()
}

#[tokio::test]
async fn a_weight_that_an_update_does_not_take_away_is_given_back_all_the_same() {
    let put = ("PUT".to_owned(), 200);
    for (nulls, last) in [(PatchNull::Deletes, patch(200)), (PatchNull::Ignored, put)] {
        let world = without_weights(merged(nulls)).await;
        let before = world.body();
        let serve = world.serve(&[]).await;
        let eu = fire(&world, &serve, "eu").await;
        world.seats("chat", &EU_DRAINED).await;
        world.told("is done").await;
        resolve(&world, &serve, &eu).await;
        world.seats("chat", &NO_WEIGHTS).await;
        world.settled().await;
        assert_eq!(world.body(), before, "to the letter");
        assert_eq!(asked(&world).last(), Some(&last));
        assert!(asked(&world).len() <= 5, "{:?}", asked(&world));
        let ledger = world.ledger().await;
        assert_eq!(ledger.count("foreign"), 0, "{ledger:#?}");
        let status = world.ok(&["status"]).await;
        assert!(status.contains("every backend is as its owner left it"), "{status}");
        assert!(serve.stop().await);
        world.finish();
    }
}

#[tokio::test]
async fn what_azure_keeps_is_trouble_and_nothing_is_called_restored_until_it_is() {
    let world = without_weights(merged(PatchNull::Ignored)).await;
    let before = world.body();
    let serve = world.serve(&[]).await;
    let _ = fire(&world, &serve, "eu").await;
    world.seats("chat", &EU_DRAINED).await;
    world.told("is done").await;
    let refused = Kind::Error { error: ServerError::ManagementApi, write: Write::NotDone };
    let refused = world.azure.inject(Fault::always(Match::operation(Operation::Put), refused));
    let undone = world.say(&["undo", "chat", "--reason", "a false alarm"]).await.ended(1);
    let _ = undone
        .says("contoso-apim/chat was not seen restored yet: ")
        .says("waiting for contoso-apim/chat: ")
        .says("members/eu/weight should be - again, and Azure keeps 1")
        .says("it goes on, and `pointsman explain contoso-apim/chat` shows how");
    // Each has its share again, though not in its owner's letters.
    world.seats("chat", &EQUAL).await;
    let status = world.say(&["status"]).await.ended(3);
    let _ = status.says("TROUBLE since").says("members/eu/weight should be -, and Azure keeps 1");
    let released = world.say(&["release", "--all", "--within", "1"]).await.ended(1);
    let _ = released.says("members/eu/weight should be - again, and Azure keeps 1");
    assert_eq!(world.ledger().await.count("foreign"), 0);
    assert!(world.azure.clear(refused));
    let _ = world.say(&["release", "--all"]).await.ended(0).says("as its owner left it");
    assert_eq!(world.body(), before);
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn a_drain_that_azure_stores_otherwise_is_trouble_and_no_one_elses_write() {
    let unpublished = Unpublished { zero_weight: ZeroWeight::Raised, ..Unpublished::default() };
    let world = World::with(Options { unpublished, ..Options::default() }, DRAIN).await;
    let before = world.body();
    let serve = world.serve(&[]).await;
    let eu = fire(&world, &serve, "eu").await;
    world.weights([1, 30, 20]).await;
    world.status_says("members/eu/weight should be 0, and Azure keeps 1").await;
    // Others are acted upon meanwhile.
    let us = fire(&world, &serve, "us").await;
    world.weights([1, 1, 20]).await;
    world.status_says("members/us/weight should be 0, and Azure keeps 1").await;
    resolve(&world, &serve, &eu).await;
    resolve(&world, &serve, &us).await;
    world.weights([50, 30, 20]).await;
    world.settled().await;
    assert_eq!(world.body(), before);
    let ledger = world.ledger().await;
    assert_eq!(ledger.count("foreign"), 0, "{ledger:#?}");
    assert!(serve.stop().await);
    world.finish();
}

/// Also of a field that Azure keeps otherwise than it was asked to.
#[tokio::test]
async fn a_persons_write_is_believed_where_azure_stores_a_drain_otherwise() {
    let unpublished = Unpublished { zero_weight: ZeroWeight::Raised, ..Unpublished::default() };
    let world = World::with(Options { unpublished, ..Options::default() }, DRAIN).await;
    let serve = world.serve(&[]).await;
    let eu = fire(&world, &serve, "eu").await;
    world.weights([1, 30, 20]).await;
    world.status_says("members/eu/weight should be 0, and Azure keeps 1").await;
    person_sets(&world, &[("eu", 7)]);
    // Any look notices; this one comes with another alert.
    let us = fire(&world, &serve, "us").await;
    world.weights([7, 1, 20]).await;
    world.told("someone else wrote 7 over ").await;
    resolve(&world, &serve, &us).await;
    resolve(&world, &serve, &eu).await;
    world.settled().await;
    world.weights([7, 30, 20]).await;
    let ledger = world.ledger().await;
    let foreign = ledger.of("foreign");
    assert_eq!(foreign.len(), 1, "{ledger:#?}");
    assert_eq!(foreign[0]["field"], "members/eu/weight");
    let status = world.ok(&["status"]).await;
    assert!(status.contains("every backend is as its owner left it"), "{status}");
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn a_412_that_nobody_wrote_for_costs_seconds() {
    for (times, within) in [(1, 10), (3, 20)] {
        let world = World::new(DRAIN).await;
        let serve = world.serve(&[]).await;
        let kind = Kind::Error { error: ServerError::PreconditionFailed, write: Write::NotDone };
        let on = Match::patch("chat");
        world.azure.inject(Fault { on, times: Times::Count(times), kind });
        let began = Instant::now();
        let eu = fire(&world, &serve, "eu").await;
        world.weights([0, 30, 20]).await;
        let took = began.elapsed();
        assert!(took < Duration::from_secs(within), "{took:?}");
        let times = usize::try_from(times).expect("few");
        let mut wanted = vec![patch(412); times];
        wanted.push(patch(200));
        assert_eq!(asked(&world), wanted);
        assert!(reads(&world) <= 2 * times + 2, "{} reads", reads(&world));
        world.told("is done").await;
        resolve(&world, &serve, &eu).await;
        world.weights([50, 30, 20]).await;
        world.settled().await;
        assert!(world.document().await.get("trouble").is_none());
        assert_eq!(world.ledger().await.count("foreign"), 0);
        assert!(serve.stop().await);
        world.finish();
    }
}

#[tokio::test]
async fn a_write_that_was_cut_and_is_not_wanted_any_more_is_settled_at_once() {
    let world = World::new(DRAIN).await;
    let before = world.body();
    let serve = world.serve(&[]).await;
    let cut = Kind::Cut { write: Write::NotDone };
    world.azure.inject(Fault::once(Match::patch("chat"), cut));
    let eu = fire(&world, &serve, "eu").await;
    world.wrote(1).await;
    resolve(&world, &serve, &eu).await;
    let released = world.say(&["release", "--all", "--within", "30"]).await.ended(0);
    let _ = released.says("every backend is as its owner left it");
    let undone = world.say(&["undo", "chat", "--reason", "to be sure"]).await.ended(0);
    let _ = undone.says("there was nothing to undo");
    let status = world.ok(&["status"]).await;
    assert!(!status.contains("TROUBLE") && !status.contains("no answer"), "{status}");
    assert_eq!(world.body(), before);
    assert!(serve.stop().await);
    world.finish();
}
