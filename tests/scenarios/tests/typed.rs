//! What helps those who type: completion of names, and the manual pages.

use jiff::Timestamp;
use pointsman_scenarios::{World, alerts::Alert, world::DRAIN};

/// What a shell is told when this is typed; nothing may be said beside it.
async fn completed(world: &World, typed: &[&str]) -> String {
    let words: Vec<&str> = ["--", "pointsman"].into_iter().chain(typed.iter().copied()).collect();
    let mut command = world.command(&words);
    let output = command.env("COMPLETE", "fish").output().await.expect("it can be run");
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout).expect("text")
}

#[tokio::test]
async fn names_are_completed_as_the_store_has_them_and_silence_is_kept_otherwise() {
    let world = World::new(DRAIN).await;
    let completed = async |typed: &[&str]| completed(&world, typed).await;
    // Before there is a store, the configured playbook; and no store is made for it.
    let before = completed(&["explain", ""]).await;
    assert!(before.contains("chat\tcontoso-apim/chat"), "{before}");
    assert!(!world.path("pointsman.db").exists());
    // A member that the playbook names is known without one.
    world.write_playbook(&DRAIN.replace("\"${signal.labels.backend}\"", "us"));
    let drain = completed(&["drain", ""]).await;
    assert!(drain.contains("us\ta member of contoso-apim/chat"), "{drain}");
    world.write_playbook(DRAIN);
    let serve = world.serve(&[]).await;
    assert_eq!(world.send(&serve, &[Alert::firing("eu", Timestamp::now())]).await, 202);
    world.weights([0, 30, 20]).await;
    let status = world.json(&["status"]).await;
    let id = status["backends"][0]["overrides"][0]["id"].as_str().expect("an id").to_owned();
    let undo = completed(&["undo", ""]).await;
    assert!(undo.contains(&format!("{id}\tcontoso-apim/chat: drain eu")), "{undo}");
    assert!(undo.contains("chat\t"), "{undo}");
    let explain = completed(&["explain", ""]).await;
    // All members of its pool, though one of them was touched.
    for name in [&id, "chat\t", "eu\ta member of contoso-apim/chat", "ap\ta member of"] {
        assert!(explain.contains(name), "{explain}");
    }
    assert!(!completed(&["undo", "x"]).await.contains(&id));
    assert_eq!(completed(&["plan", "--source", ""]).await.trim(), "prometheus");
    assert!(completed(&["signal", "send", "--label", ""]).await.contains("backend=eu"));
    for words in [["history", "--play", ""], ["pause", "--play", ""]] {
        assert_eq!(completed(&words).await.trim(), "drain-failing-member");
    }
    world.write_playbook(&DRAIN.replace("drain-failing", "drain-the-failing"));
    let _ = world.say(&["playbook", "apply", "playbook.yaml"]).await.ended(0);
    let rollback = completed(&["playbook", "rollback", ""]).await;
    assert!(rollback.starts_with("1\n--"), "{rollback}");
    assert!(serve.stop().await);
    // Nothing that can be wrong is told.
    std::fs::write(world.path("pointsman.db"), "not a database").expect("it is written");
    assert!(completed(&["undo", ""]).await.contains("chat"));
    std::fs::write(world.path("pointsman.yaml"), "nonsense: [").expect("it is written");
    assert!(!completed(&["undo", ""]).await.contains("chat"));
    std::fs::remove_file(world.path("pointsman.yaml")).expect("it is removed");
    assert!(!completed(&["undo", ""]).await.contains("chat"));
    world.finish();
}

#[tokio::test]
async fn the_members_of_a_pool_that_nothing_happened_to_are_known_once_it_was_looked_at() {
    let world = World::new(DRAIN).await;
    let config = std::fs::read_to_string(world.path("pointsman.yaml")).expect("it is there");
    let looks = config.replace("checkEvery: never", "checkEvery: never, inspected: true");
    std::fs::write(world.path("pointsman.yaml"), looks).expect("it is written");
    let us = "us\ta member of contoso-apim/chat";
    assert!(!completed(&world, &["drain", ""]).await.contains(us));
    let serve = world.serve(&[]).await;
    let is_known = async |world: &World| completed(world, &["drain", ""]).await.contains(us);
    world.until("the member is offered", is_known).await;
    let explained = world.say(&["explain", "us"]).await.ended(0);
    let _ = explained.says("contoso-apim/chat, member us").says("no alert has ever concerned it");
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn every_command_has_a_manual_page() {
    let world = World::new(DRAIN).await;
    let page = world.ok(&["man"]).await;
    assert!(page.contains(".TH pointsman 1") && page.contains("pointsman emulate"), "{page}");
    std::fs::create_dir(world.path("pages")).expect("a folder");
    let _ = world.ok(&["man", "pages"]).await;
    let send = std::fs::read_to_string(world.path("pages/pointsman-signal-send.1"));
    let send = send.expect("its page is there");
    assert!(send.contains("backend=eu \\-\\-for 2m"), "{send}");
    assert!(world.path("pages/pointsman-backend-set.1").exists());
    let _ = world.say(&["man", "none"]).await.ended(1).says("none: No such file");
    world.finish();
}
