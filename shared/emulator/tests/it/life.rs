//! Starting, stopping, waiting, and what is remembered.

use crate::client::{BOUND, World};
use pointsman_emulator::{Emulator, Operation, Options, Origin, Ports};
use serde_json::json;
use std::time::{Duration, Instant};

#[tokio::test]
async fn a_stopped_emulator_lets_go_of_its_ports() {
    let world = World::chat().await;
    assert_eq!(world.get("chat").await.status, 200);
    let ports = world.azure.ports();
    world.azure.stop().await;
    let error = world.http.get(world.url("chat")).send().await.unwrap_err();
    assert!(error.is_connect(), "{error:?}");
    assert!(world.azure.backend("chat").is_some(), "the state can still be read");
    let again = Emulator::start(Options { ports, ..Options::default() });
    assert_eq!(again.await.unwrap().ports(), ports);
}

#[tokio::test]
async fn a_taken_port_is_an_error_that_names_it() {
    let azure = Emulator::start(Options::default()).await.unwrap();
    let arm = azure.ports().arm;
    let options =
        Options { ports: Ports { gateway: arm, ..Ports::default() }, ..Options::default() };
    let error = Emulator::start(options).await.unwrap_err();
    let want = format!("the emulated gateway cannot listen on 127.0.0.1:{arm}");
    assert_eq!(error.to_string(), want);
}

#[tokio::test]
async fn dropping_the_last_handle_ends_it() {
    let world = World::chat().await;
    let url = world.url("chat");
    let kept = world.azure.clone();
    let World { http, azure, .. } = world;
    drop(azure);
    assert_eq!(http.get(&url).send().await.unwrap().status(), 401);
    let address = kept.arm_url().replace("http://", "");
    drop(kept);
    // The accepting task ends when the runtime next looks at it.
    let deadline = Instant::now() + BOUND;
    while tokio::net::TcpStream::connect(&address).await.is_ok() {
        assert!(Instant::now() < deadline, "still listening");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn waiting_ends_with_the_requests_when_it_was_in_vain() {
    let world = World::chat().await;
    world.get("chat").await;
    let bound = Duration::from_millis(20);
    let error = world.azure.wait_for(|azure| azure.total(Operation::Put) > 99, bound).await;
    let error = error.unwrap_err().to_string();
    assert!(error.starts_with("it did not come within 20ms"), "{error}");
    assert!(error.contains("GET /subscriptions/") && error.contains("-> 200"), "{error}");
}

#[tokio::test]
async fn the_record_is_bounded_and_the_totals_are_not() {
    let world = World::with(Options { requests_kept: 2, ..Options::default() }).await;
    world.azure.put_single("eu", "http://x").unwrap();
    let before = Instant::now();
    for _ in 0..4 {
        world.get("eu").await;
    }
    let secret = json!({"properties": {"title": "hush"}});
    world.patch("eu", "*", &secret).await;
    let kept = world.azure.requests();
    let operations: Vec<_> = kept.iter().map(|received| received.operation).collect();
    assert_eq!(operations, [Operation::Get, Operation::Patch]);
    assert_eq!(world.azure.view(|azure| azure.total(Operation::Get)), 4);
    assert_eq!(kept[1].json(), secret);
    assert_eq!(kept[1].origin, Origin::Client);
    assert!(kept[1].instant > before && kept[1].instant < Instant::now());
    assert!(!format!("{kept:?}").contains("hush"), "Debug shows no bodies");

    let world = World::with(Options { requests_kept: 0, ..Options::default() }).await;
    world.get("eu").await;
    assert!(world.azure.requests().is_empty());
    assert_eq!(world.azure.view(|azure| azure.total(Operation::Get)), 1);
}

#[tokio::test]
#[should_panic(expected = "the emulator was left with:\n  an unexpected call: ")]
async fn finish_panics_by_what_is_left() {
    let world = World::new().await;
    world.send("GET", &world.azure.arm_url(), None, None).await.unwrap();
    world.azure.finish();
}
