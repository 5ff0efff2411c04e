//! The state in a file: what a restart goes on with.

use crate::{
    client::{MINUTE, World},
    webhook::Webhook,
};
use pointsman_emulator::{
    Emulator, Fault, Match, Options, Schema, Service, Subscription,
    fault::{Kind, Write},
};
use serde_json::{Value, json};
use std::{fs, path::Path};

fn options(path: &Path) -> Options {
    Options { state_file: Some(path.to_owned()), ..Options::default() }
}

fn title(title: &str) -> Value {
    json!({"properties": {"title": title}})
}

#[tokio::test]
async fn a_restart_goes_on_with_everything() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("azure.json");
    let webhook = Webhook::start().await;
    let mut world = World::with(options(&path)).await;
    world.azure.put_single("EU", "http://127.0.0.1:9/").unwrap();
    world.azure.put_single("team/eu", "http://x").unwrap();
    world.azure.put_pool("chat", &[("eu", Some(7), None)]).unwrap();
    let old = world.get("eu").await;
    let new = world.patch("eu", &old.etag(), &title("new")).await;
    let reconnect = world.url("eu").replace("?", "/reconnect?");
    assert_eq!(world.send("POST", &reconnect, None, None).await.unwrap().status, 202);
    let cut = Kind::Cut { write: Write::NotDone };
    world.azure.inject(Fault::once(Match::patch("chat"), cut));
    let subscription = Subscription {
        name: "hook".to_owned(),
        endpoint: webhook.url.clone(),
        schema: Schema::CloudEvents,
        headers: Default::default(),
    };
    world.azure.subscribe(subscription).await.unwrap();
    world.azure.clock().advance(MINUTE);
    let skew = world.azure.clock().skew();
    let requests = world.azure.requests().len() as u64;
    world.azure.stop().await;

    world.azure = Emulator::start(options(&path)).await.unwrap();
    let azure = &world.azure;
    assert_eq!(azure.clock().skew(), skew);
    // The token of before is good still, the body is the same to the letter, and so is the ETag.
    let read = world.get("eu").await;
    assert_eq!((read.status.as_u16(), read.etag()), (200, new.etag()));
    assert_eq!(read.body.to_string(), new.body.to_string());
    assert!(azure.requests()[0].number > requests);
    assert_eq!(azure.view(|azure| azure.weight("chat", "eu")), Some(7));
    assert!(azure.backend("team/eu").is_some());
    azure.inject(Fault::once(Match::get("eu"), Kind::StaleRead { versions: 1 }));
    assert_eq!(world.get("eu").await.etag(), old.etag(), "the earlier versions are known");
    world.try_patch("chat", "*", &title("cut")).await.unwrap_err();
    let newer = world.patch("eu", &new.etag(), &title("newer")).await;
    assert!(newer.status == 200 && newer.etag() > new.etag(), "ETags are never given out again");
    assert_eq!(azure.reconnects().len(), 1);
    azure.clock().advance(MINUTE);
    assert!(azure.reconnects()[0].done);
    // The gateway has the configuration from the start: nobody listens where it leads.
    let url = format!("{}/chat/x", azure.gateway_url());
    assert_eq!(world.http.get(url).send().await.unwrap().status(), 500);
    assert!(azure.unsubscribe("hook"));
    azure.finish();
}

#[tokio::test]
async fn what_was_answered_survives_the_end_without_notice() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("azure.json");
    let mut tags = Vec::new();
    for round in 0..5 {
        let world = World::with(options(&path)).await;
        for (backend, tag) in &tags {
            let tag: &String = tag;
            assert_eq!(world.azure.backend(*backend).unwrap().etag, *tag);
        }
        let body = json!({"properties": {"url": "http://x", "protocol": "http"}});
        let backend = ["a", "b", "c", "d", "e"][round];
        tags.push((backend, world.put(backend, &body).await.etag()));
        // Dropped without being stopped.
    }
    let azure = Emulator::start(options(&path)).await.unwrap();
    assert_eq!(azure.view(|azure| azure.backends().count()), 5);
}

#[tokio::test]
async fn the_file_is_its_owners_and_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("azure.json");
    let world = World::with(options(&path)).await;
    world.azure.put_single("eu", "http://x").unwrap();
    assert!(world.azure.saved().await);
    let file: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert_eq!(
        (&file["version"], &file["backends"]["entries"][0]["backend"]),
        (&json!(1), &json!("eu"))
    );
    world.azure.stop().await;
    let names: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names, ["azure.json"], "nothing is left beside it");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_used_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("azure.json");
    let check = async |path: &Path, options: Options, want: &str| {
        let error = Emulator::start(options).await.unwrap_err().to_string();
        let start = format!("the state file {} cannot be used: ", path.display());
        let why = error.strip_prefix(&start).unwrap_or_else(|| panic!("{error}"));
        let why = why.strip_suffix("; name another, or remove it to start fresh").unwrap();
        assert!(why.starts_with(want), "{why}");
    };
    fs::write(&path, "{}").unwrap();
    check(&path, options(&path), "it is not the state of an emulator (line 1, column 2)").await;
    fs::write(&path, r#"{"version": 2}"#).unwrap();
    check(&path, options(&path), "it was written by a newer emulator, as version 2").await;
    check(folder.path(), options(folder.path()), "it cannot be read").await;
    let nowhere = folder.path().join("none/azure.json");
    check(&nowhere, options(&nowhere), "it cannot be written").await;
    fs::remove_file(&path).unwrap();
    Emulator::start(options(&path)).await.unwrap().stop().await;
    let service = Service::new("00000000-0000-0000-0000-000000000009", "rg", "other").unwrap();
    let other = Options { service, ..options(&path) };
    check(
        &path,
        other,
        "it is of the service /subscriptions/00000000-0000-0000-0000-000000000001/",
    )
    .await;
}

#[tokio::test]
async fn nobody_is_told_what_could_not_be_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("inner").join("azure.json");
    fs::create_dir(path.parent().unwrap()).unwrap();
    let world = World::with(options(&path)).await;
    let body = json!({"properties": {"url": "http://x", "protocol": "http"}});
    assert_eq!(world.put("eu", &body).await.status, 201);
    fs::remove_dir_all(path.parent().unwrap()).unwrap();
    assert_eq!(world.put("us", &body).await.status, 500);
    fs::create_dir(path.parent().unwrap()).unwrap();
    assert_eq!(world.put("us", &body).await.status, 200);
    assert!(world.azure.saved().await);
}
