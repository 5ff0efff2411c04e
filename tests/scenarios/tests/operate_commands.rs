//! The operator's commands, as someone at a terminal meets them: what they say, how they end, and
//! that they leave nothing behind.

use jiff::{SignedDuration, Timestamp};
use pointsman_emulator::{
    Fault, Match,
    fault::{Kind, ServerError, Write},
};
use pointsman_scenarios::{
    Forms, World,
    alerts::Alert,
    world::{BOUND, DRAIN},
};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};

#[tokio::test]
async fn asking_before_anything_was_served_says_so_and_makes_no_file() {
    let world = World::new(DRAIN).await;
    let before = world.files();
    let _ = world.say(&["status"]).await.ended(3).says("there is no store");
    let status = world.json(&["status"]).await;
    assert_eq!((&status["version"], &status["store"]), (&json!(1), &json!(false)));
    assert!(status.get("backends").is_none(), "nothing is known: {status:#}");
    let _ = world.say(&["history"]).await.ended(0).says("the ledger is empty");
    let notes = world.say(&["history", "--json"]).await.ended(0).told;
    let note: Value = serde_json::from_str(&notes).expect("what is told beside is JSON, too");
    Forms::read().check("Note", &note);
    assert!(note["note"].as_str().is_some_and(|note| note.contains("no store")), "{note}");
    let _ = world.say(&["dead-letters", "list"]).await.ended(0).says("there are no dead letters");
    let _ = world.say(&["explain", "chat"]).await.ended(1).says("no backend is called `chat`");
    let _ = world.say(&["undo", "chat", "--reason", "x"]).await.ended(1);
    let _ = world.say(&["playbook", "show"]).await.ended(1).says("no playbook is published");
    let _ = world
        .say(&["playbook", "apply", "--dry-run", "playbook.yaml"])
        .await
        .ended(0)
        .says("generation 1");
    let _ = world.say(&["release", "--all"]).await.ended(1).says("there is no store at");
    assert_eq!(world.files(), before);
    world.finish();
}

#[tokio::test]
async fn wrong_usage_ends_with_2_and_failure_with_1() {
    let forms = Forms::read();
    let world = World::new(DRAIN).await;
    let usages: [&[&str]; 7] = [
        &["frobnicate"],
        &["pause"],
        &["pause", "--reason", ""],
        &["release"],
        &["plan"],
        &["history", "-n", "many"],
        &["playbook", "check"],
    ];
    for usage in usages {
        let _ = world.say(usage).await.ended(2).says("try '--help'");
        let json = world.say(&[usage, &["--json"]].concat()).await.ended(2);
        let told: Value = serde_json::from_str(&json.told).expect("JSON");
        forms.check("Failure", &told);
        assert_eq!(told["exitCode"], 2);
        assert!(told["error"].as_str().is_some_and(|why| why.contains("try '--help'")), "{told}");
    }
    // What is an Azure of its own has none to spare.
    for command in ["dev", "emulate"] {
        let _ = world.say(&[command, "--shadow"]).await.ended(2).says("an Azure of its own");
    }
    let failures: [(&[&str], &str); 5] = [
        (&["status", "--config", "none.yaml"], "there is no configuration at none.yaml"),
        (&["plan", "--signal", "none.json"], "none.json: No such file"),
        (&["plan", "--signal", "playbook.yaml"], "playbook.yaml: "),
        (&["playbook", "check", "none.yaml"], "none.yaml: No such file"),
        (&["dead-letters", "drop", "none"], "there is no dead letter none"),
    ];
    for (failure, text) in failures {
        let _ = world.say(failure).await.ended(1).says(text);
        // The same for a program.
        let json: Vec<&str> = failure.iter().copied().chain(["--json"]).collect();
        let ran = world.say(&json).await.ended(1);
        let line = ran.told.lines().last().expect("it says why");
        let error: Value = serde_json::from_str(line).expect("errors are JSON too");
        forms.check("Failure", &error);
        assert_eq!(error["exitCode"], 1);
        assert!(error["error"].as_str().is_some_and(|error| error.contains(text)), "{ran:?}");
    }
    world.finish();
}

#[tokio::test]
async fn asking_needs_no_secret() {
    let world = World::new(DRAIN).await;
    let serve = world.serve(&[]).await;
    assert_eq!(world.send(&serve, &[Alert::firing("eu", Timestamp::now())]).await, 202);
    world.weights([0, 30, 20]).await;
    let commands: [&[&str]; 6] = [
        &["status"],
        &["explain", "chat"],
        &["history"],
        &["dead-letters", "list"],
        &["pause", "--reason", "no secrets here"],
        &["resume"],
    ];
    // Without a `serve` there is trouble.
    let all = async |status: i32| {
        for arguments in commands {
            let output = world
                .command(arguments)
                .env_remove("AZURE_TOKEN")
                .env_remove("SOURCE_TOKEN")
                .output()
                .await
                .expect("it can be run");
            let told = String::from_utf8_lossy(&output.stderr);
            let wanted = if arguments == ["status"] { status } else { 0 };
            assert_eq!(output.status.code(), Some(wanted), "{arguments:?}: {told}");
        }
    };
    all(0).await;
    // Least of all when nothing runs any more.
    serve.kill().await;
    all(3).await;
    world.finish();
}

#[tokio::test]
async fn a_token_that_azure_does_not_take_names_the_setting() {
    let world = World::new(DRAIN).await;
    let mut command = world.command(&["backend", "list"]);
    let output = command.env("AZURE_TOKEN", "old").output().await.expect("it can be run");
    let told = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(
        told.contains("401") && told.contains("with `credential: token`, `token` beside it"),
        "{told}"
    );
    world.finish();
}

#[tokio::test]
async fn status_explain_and_history_say_what_is_in_force_what_is_held_and_why() {
    let world = World::new(DRAIN).await;
    let serve = world.serve(&[]).await;
    let _ = world.say(&["status"]).await.ended(0).says("`serve` is running").says("no overrides");
    let now = Timestamp::now();
    let alert = |name: &str, age: i64| Alert::firing(name, now - SignedDuration::from_secs(age));
    // One must remain: the youngest is held.
    assert_eq!(world.send(&serve, &[alert("eu", 30), alert("us", 20), alert("ap", 10)]).await, 202);
    world.weights([0, 0, 20]).await;
    world.status_says("held: ").await;
    let status = world.say(&["status"]).await.ended(0);
    let status = status.says("drain eu: in force for").says("at most 24h").says(
        "for BackendErrors: 5xx on eu (prometheus/f-eu, critical), by play drain-failing-member",
    );
    let held = status.out.lines().find(|line| line.contains("drain ap")).expect("it is shown");
    assert!(
        held.contains("held: 0 of the pool's members would serve, and the limit is 1"),
        "{held}"
    );
    let json = world.json(&["status"]).await;
    assert_eq!(
        (&json["paused"], &json["generation"], &json["served"]),
        (&json!(null), &json!(1), &json!(true))
    );
    assert_eq!(json["backends"][0]["overrides"].as_array().map(Vec::len), Some(3));

    for name in ["chat", "CHAT", "contoso-apim/chat"] {
        let name = if name.contains('/') {
            format!("{}/chat", world.azure.service().name())
        } else {
            name.to_owned()
        };
        let explained = world.say(&["explain", &name]).await.ended(0);
        let _ = explained
            .says("its owner left")
            .says("members/eu/weight")
            .says("the newest lines of its ledger");
    }
    let _ = world.say(&["explain", "nobody"]).await.ended(1).says("known are: chat");
    let history = world.say(&["history"]).await.ended(0);
    let _ = history.says("fires since").says("members/eu/weight 50 -> 0").says("is done");
    assert_eq!(world.say(&["history", "-n", "2"]).await.ended(0).out.lines().count(), 2);
    let lines = world.lines(&["chat"]).await;
    assert!(!lines.is_empty() && lines.iter().all(|line| line["backend"].is_string()));
    world.finish();
}

#[tokio::test]
async fn a_reader_that_leaves_early_is_no_failure() {
    let world = World::new(DRAIN).await;
    let serve = world.serve(&[]).await;
    assert!(serve.stop().await);
    let mut command = world.command(&["history"]);
    let mut child = command
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("it can be run");
    drop(child.stdout.take());
    let output = child.wait_with_output().await.expect("it ends");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    world.finish();
}

#[tokio::test]
async fn dead_letters_are_shown_and_dropped() {
    let world = World::new(DRAIN).await;
    let serve = world.serve(&[]).await;
    let body = "no\u{1b}[2Jjson";
    let sent = world.http.post(format!("{}/alerts/prometheus", serve.url));
    let sent = sent.bearer_auth(pointsman_scenarios::world::TOKEN).body(body).send().await;
    assert_eq!(sent.expect("an answer").status().as_u16(), 400);
    let shown = world.say(&["dead-letters", "list"]).await.ended(0).says("from prometheus");
    assert!(
        !shown.out.contains('\u{1b}'),
        "a dead letter must not play with the terminal: {shown:?}"
    );
    let letters = async |command: &str| world.json(&[command, "list"]).await["deadLetters"].clone();
    let id = letters("dead-letters").await[0]["id"].as_str().expect("an id").to_owned();
    let _ = world.say(&["status"]).await.ended(3).says("1 dead letter");
    let _ = world.say(&["dead-letters", "drop", &id[..6]]).await.ended(0).says(&id);
    let _ = world.say(&["dead-letters", "drop", &id]).await.ended(1);
    // By their old name too.
    assert_eq!(letters("letters").await, json!([]));

    let post = async |body: &'static str| {
        let sent = world.http.post(format!("{}/alerts/prometheus", serve.url));
        let sent = sent.bearer_auth(pointsman_scenarios::world::TOKEN).body(body).send().await;
        assert_eq!(sent.expect("an answer").status().as_u16(), 400);
    };
    for body in ["one", "two", "three"] {
        post(body).await;
    }
    let dropping =
        async |which: &[&str]| world.say(&[&["dead-letters", "drop"], which].concat()).await;
    let _ = dropping(&["--from", "queue"]).await.ended(0).says("dropped 0 dead letters");
    let _ = dropping(&["--older-than", "1h"]).await.ended(0).says("dropped 0 dead letters");
    let both = ["--from", "prometheus", "--older-than", "0s"];
    let _ = dropping(&both).await.ended(0).says("dropped 3 dead letters");
    post("four").await;
    let _ = dropping(&["--all"]).await.ended(0).says("dropped 1 dead letter");
    assert_eq!(letters("dead-letters").await, json!([]));
    for unclear in [&[][..], &["--all", "--from", "queue"], &["some-id", "--all"]] {
        let _ = dropping(unclear).await.ended(2);
    }
    world.finish();
}

#[tokio::test]
async fn what_others_wrote_forges_no_line_anywhere() {
    let forged = "2026-01-01 00:00:00.000Z  forged: resumed by nobody";
    let evil = format!("eu\n{forged}\r\u{2028}{forged}\u{85}\u{1b}[2J\u{202e}");
    let world = World::new(DRAIN).await;
    let serve = world.serve(&[]).await;
    // A fingerprint with a control character is refused, but not one with a separator of lines.
    let fingerprint = format!("f\u{2028}{forged}");
    let alert = Alert { fingerprint, ..Alert::firing(&evil, Timestamp::now()) };
    assert_eq!(world.send(&serve, std::slice::from_ref(&alert)).await, 202);
    let kept =
        async |world: &World| world.json(&["letters", "list"]).await["deadLetters"] != json!([]);
    world.until("the alert is a letter", kept).await;
    let reason = format!("--reason={evil}");
    let _ = world.say(&["pause", &reason]).await.ended(0);
    let whole = |text: &str| {
        let acts = |c: char| c != '\n' && (c.is_control() || "\u{2028}\u{202e}".contains(c));
        assert!(!text.contains(acts), "{text:?}");
        assert!(!text.lines().any(|line| line.starts_with("2026-01-01")), "{text}");
    };
    let history = world.say(&["history"]).await.ended(0).says("could not be acted upon").out;
    whole(&history);
    let lines = world.lines(&[]).await;
    assert_eq!(lines.len(), history.lines().count(), "{history}");
    // What is one line for people is the same text for programs.
    let paused = lines.iter().find(|line| line["what"] == "paused");
    assert_eq!(paused.map(|line| &line["reason"]), Some(&json!(evil.trim())));
    let letters = world.say(&["letters", "list"]).await.ended(0).says(r"eu\n2026").out;
    whole(&letters);
    let of_ours = letters.lines().filter(|line| !line.starts_with("  ")).count();
    assert_eq!(of_ours, 1, "{letters}");
    // The dead letter is trouble.
    for (question, code) in [(&["status"] as &[&str], 3), (&["explain", "chat"], 0)] {
        whole(&world.say(question).await.ended(code).says(r"eu\n2026").out);
        whole(&world.say(&[question, &["--json"]].concat()).await.ended(code).out);
    }
    whole(&world.say(&["undo", &evil, "--reason", "x"]).await.ended(1).says(r"eu\n2026").told);
    whole(&world.say(&["pause", &reason]).await.ended(0).says("paused already").out);
    let signal = world.signal_file(&[alert]);
    whole(&world.say(&["plan", "--signal", &signal]).await.ended(0).says(r"eu\n2026").out);
    whole(&world.log());
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn undo_takes_an_override_out_by_the_beginning_of_its_id_with_and_without_a_serve() {
    let world = World::new(DRAIN).await;
    let serve = world.serve(&[]).await;
    let now = Timestamp::now();
    assert_eq!(
        world.send(&serve, &[Alert::firing("eu", now), Alert::firing("us", now)]).await,
        202
    );
    world.weights([0, 0, 20]).await;
    let id_of = async |member: &str| {
        let status = world.json(&["status"]).await;
        let overrides = status["backends"][0]["overrides"].as_array().expect("a list");
        let found = overrides.iter().find(|over| over["effect"]["members"][0] == member);
        found.expect("it is in force")["id"].as_str().expect("an id").to_owned()
    };
    let eu = id_of("eu").await;
    let undone = world.say(&["undo", &eu[..8], "--reason", "eu is fine"]).await.ended(0);
    let _ = undone
        .says(&format!("undone: drain eu ({eu})"))
        .says("is restored, except for what other overrides change")
        .says("for BackendErrors: 5xx on us (prometheus/f-us)");
    world.weights([50, 0, 20]).await;
    let _ = world.say(&["undo", &eu, "--reason", "again"]).await.ended(0).says("is over already");
    let _ = world.say(&["history"]).await.ended(0).says("undone by tester: eu is fine");
    assert!(serve.stop().await);
    // Nobody serves: the command is carried out by itself.
    let us = id_of("us").await;
    let undone = world.say(&["undo", &us, "--reason", "us too", "--json"]).await.ended(0).json();
    assert_eq!((&undone["restored"], &undone["undone"]), (&json!(true), &json!([us])));
    world.weights([50, 30, 20]).await;
    let _ = world
        .say(&["undo", "chat", "--reason", "x"])
        .await
        .ended(0)
        .says("there was nothing to undo");
    world.at_rest().await;
    world.finish();
}

#[tokio::test]
async fn what_was_undone_does_not_come_back_by_a_repeat_but_by_a_new_occurrence() {
    let world = World::new(DRAIN).await;
    let serve = world.serve(&[]).await;
    let alert = Alert::firing("eu", Timestamp::now() - SignedDuration::from_secs(60));
    assert_eq!(world.send(&serve, std::slice::from_ref(&alert)).await, 202);
    world.weights([0, 30, 20]).await;
    let _ = world.say(&["undo", "chat", "--reason", "a false alarm"]).await.ended(0);
    world.weights([50, 30, 20]).await;
    assert_eq!(world.send(&serve, std::slice::from_ref(&alert)).await, 202);
    // Another series' drain, taken in after the repeat, shows that the repeat did nothing.
    let other = Alert::firing("us", Timestamp::now());
    assert_eq!(world.send(&serve, std::slice::from_ref(&other)).await, 202);
    world.weights([50, 0, 20]).await;
    assert_eq!(world.send(&serve, &[other.resolved(Timestamp::now())]).await, 202);
    world.weights([50, 30, 20]).await;
    let ended = alert.resolved(Timestamp::now() - SignedDuration::from_secs(30));
    assert_eq!(world.send(&serve, &[ended]).await, 202);
    assert_eq!(world.send(&serve, &[Alert::firing("eu", Timestamp::now())]).await, 202);
    world.weights([0, 30, 20]).await;
    world.finish();
}

#[tokio::test]
async fn under_a_pause_nothing_is_written_and_after_it_everything() {
    let world = World::new(DRAIN).await;
    let serve = world.serve(&[]).await;
    let eu = Alert::firing("eu", Timestamp::now());
    let us = Alert::firing("us", Timestamp::now());
    assert_eq!(world.send(&serve, std::slice::from_ref(&eu)).await, 202);
    world.weights([0, 30, 20]).await;
    let _ =
        world.say(&["pause", "--reason", "hands off"]).await.ended(0).says("nothing is written");
    let _ = world
        .say(&["pause", "--reason", "me too"])
        .await
        .ended(0)
        .says("paused already")
        .says("hands off");
    let writes = world.written().len();
    // One begins, one ends, and one is undone, under fire.
    assert_eq!(world.send(&serve, std::slice::from_ref(&us)).await, 202);
    world.status_says("held: Pointsman is paused").await;
    assert_eq!(world.send(&serve, &[eu.resolved(Timestamp::now())]).await, 202);
    world.status_says("ending (its alert resolved), not given back yet").await;
    let _ = world.say(&["status"]).await.ended(0).says("PAUSED").says("hands off");
    let _ = world.say(&["release", "--all"]).await.ended(1).says("until `pointsman resume`");
    assert_eq!(world.written().len(), writes, "{:?}", world.written());
    let _ = world.say(&["resume"]).await.ended(0).says("writes to Azure again");
    world.weights([50, 0, 20]).await;
    let _ = world.say(&["resume"]).await.ended(0).says("it was not paused");
    // An undo under a pause is recorded, and written after it.
    let _ = world.say(&["pause", "--reason", "again"]).await.ended(0);
    let _ = world
        .say(&["undo", "chat", "--reason", "enough"])
        .await
        .ended(1)
        .says("chat was not seen restored yet")
        .says("restored later: nothing is written to Azure until `pointsman resume`");
    assert_eq!(world.azure.view(|azure| azure.weight("chat", "us")), Some(0));
    let _ = world.say(&["resume"]).await.ended(0);
    world.weights([50, 30, 20]).await;
    // A repeat of what was undone under the pause does not come back either.
    assert_eq!(world.send(&serve, &[us]).await, 202);
    world.at_rest().await;
    world.finish();
}

#[tokio::test]
async fn a_release_tells_what_it_waits_for_and_when_that_is_done() {
    let world = World::new(DRAIN).await;
    let serve = world.serve(&[]).await;
    assert_eq!(world.send(&serve, &[Alert::firing("eu", Timestamp::now())]).await, 202);
    world.weights([0, 30, 20]).await;
    let down = Kind::Error { error: ServerError::Unavailable, write: Write::NotDone };
    let down = world.azure.inject(Fault::always(Match::any(), down));
    let mut command = world.command(&["release", "--all", "--within", "100"]);
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let mut child = command.spawn().expect("it can be run");
    let mut told = BufReader::new(child.stderr.take().expect("it is piped")).lines();
    let first = tokio::time::timeout(BOUND, told.next_line()).await.expect("in time");
    let first = first.expect("text").expect("a line");
    assert!(first.starts_with("waiting for contoso-apim/chat: "), "{first}");
    assert!(world.azure.clear(down));
    let mut rest = Vec::new();
    while let Some(line) = told.next_line().await.expect("text") {
        rest.push(line);
    }
    let done = "contoso-apim/chat is restored";
    assert!(rest.iter().any(|line| line == done) && rest.len() < 10, "{rest:#?}");
    assert!(child.wait().await.expect("it ends").success());
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn a_pause_where_nothing_runs_acts_on_nothing_that_waits() {
    let world = World::new(DRAIN).await;
    let serve = world.serve(&[]).await;
    let reads = Kind::Error { error: ServerError::Unavailable, write: Write::NotDone };
    let down = world.azure.inject(Fault::always(Match::any(), reads));
    assert_eq!(world.send(&serve, &[Alert::firing("eu", Timestamp::now())]).await, 202);
    world.status_says("TROUBLE").await;
    serve.kill().await;
    assert!(world.azure.clear(down));
    let _ = world.say(&["pause", "--reason", "what is going on?"]).await.ended(0);
    let serve = world.serve(&[]).await;
    world.status_says("held: Pointsman is paused").await;
    assert_eq!(world.written(), [""; 0]);
    let _ = world.say(&["resume"]).await.ended(0);
    world.weights([0, 30, 20]).await;
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn an_undo_of_nothing_said_undoes_nothing() {
    let world = World::new(DRAIN).await;
    let serve = world.serve(&[]).await;
    assert_eq!(world.send(&serve, &[Alert::firing("eu", Timestamp::now())]).await, 202);
    world.weights([0, 30, 20]).await;
    let status = world.json(&["status"]).await;
    let id = status["backends"][0]["overrides"][0]["id"].as_str().expect("one");
    for what in ["", "  ", &id[..1], &id[..3]] {
        let _ = world.say(&["undo", what, "--reason", "typo"]).await.ended(1).says("4 characters");
    }
    let _ =
        world.say(&["undo", &id[..4], "--reason", " "]).await.ended(2).says("must not be empty");
    assert_eq!(world.azure.view(|azure| azure.weight("chat", "eu")), Some(0));
    let _ = world.say(&["undo", &id[..4], "--reason", "enough"]).await.ended(0).says("is restored");
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn a_pause_waits_for_the_write_that_was_sent_before_it() {
    let world = World::new(DRAIN).await;
    let serve = world.serve(&[]).await;
    let slow = Kind::Latency { by: std::time::Duration::from_secs(2) };
    world.azure.inject(Fault::once(Match::patch("chat"), slow));
    assert_eq!(world.send(&serve, &[Alert::firing("eu", Timestamp::now())]).await, 202);
    let sent = async |world: &World| !world.azure.writes("chat").is_empty();
    world.until("the write is on its way", sent).await;
    let paused = world.say(&["pause", "--reason", "hands off", "--json"]).await.ended(0).json();
    assert_eq!(paused["unanswered"], serde_json::json!([]));
    assert_eq!(world.azure.view(|azure| azure.weight("chat", "eu")), Some(0), "it had been sent");
    let lines = world.lines(&["chat"]).await;
    let wrote = lines.iter().any(|line| line["what"] == "wrote");
    assert!(wrote, "its answer is known by now: {lines:#?}");
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn a_pause_tells_of_a_write_whose_answer_is_not_known() {
    let world = World::new(DRAIN).await;
    let serve = world.serve(&[]).await;
    // The write may land for as long as nothing else is written; reading does not answer it.
    let lost = Kind::Cut { write: Write::NotDone };
    world.azure.inject(Fault::always(Match::writes(), lost));
    assert_eq!(world.send(&serve, &[Alert::firing("eu", Timestamp::now())]).await, 202);
    world.status_says("has had no answer").await;
    let _ = world
        .say(&["pause", "--reason", "hands off"])
        .await
        .ended(0)
        .says("a write or a reconnect for contoso-apim/chat was sent before the pause")
        .says("pointsman explain contoso-apim/chat");
    let _ = world.say(&["explain", "contoso-apim/chat"]).await.ended(0).says("has had no answer");
    world.azure.clear_faults();
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn release_finishes_where_a_pool_has_become_a_single() {
    let world = World::new(DRAIN).await;
    let serve = world.serve(&[]).await;
    assert_eq!(world.send(&serve, &[Alert::firing("eu", Timestamp::now())]).await, 202);
    world.weights([0, 30, 20]).await;
    world.azure.put_single("chat", "http://127.0.0.1:9").expect("it is someone's");
    let _ = world
        .say(&["release", "--all"])
        .await
        .ended(0)
        .says("every backend is as its owner left it");
    // And what comes next for it is held, in words.
    assert_eq!(world.send(&serve, &[Alert::firing("us", Timestamp::now())]).await, 202);
    world.status_says("held: the backend is not a pool").await;
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn a_pause_outlives_a_restart_and_an_alert_of_before_it_stays_held() {
    let world = World::new(DRAIN).await;
    // Before anything was ever served, too: and what it does not stop is said.
    let paused = world.say(&["pause", "--reason", "not yet"]).await.ended(0);
    let _ = paused
        .says("no `serve` is running on the store")
        .says("pointsman.db, which was made just now; one that runs on another is not paused");
    let again = world.say(&["pause", "--reason", "x", "--json"]).await.ended(0).json();
    assert_eq!(again["paused"]["by"], "tester");
    assert_eq!((&again["served"], &again["already"]), (&json!(false), &json!(true)));
    let serve = world.serve(&[]).await;
    assert_eq!(world.send(&serve, &[Alert::firing("eu", Timestamp::now())]).await, 202);
    world.status_says("held: Pointsman is paused").await;
    serve.kill().await;
    let serve = world.serve(&[]).await;
    let _ = world.say(&["status"]).await.ended(0).says("not yet");
    assert_eq!(world.written(), [""; 0]);
    // By sudo, as the user that `serve` runs as.
    let resumed = world.command(&["resume"]).env("SUDO_USER", "ann").output().await;
    assert!(resumed.expect("it runs").status.success());
    let _ = world.say(&["history"]).await.ended(0).says("resumed by ann");
    world.weights([0, 30, 20]).await;
    let log = world.log();
    assert_eq!(log.matches("this store is new: overrides that another store").count(), 1, "{log}");
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn release_ends_everything_and_says_so_only_when_it_has_seen_it() {
    let world = World::new(DRAIN).await;
    let serve = world.serve(&[]).await;
    let now = Timestamp::now();
    assert_eq!(
        world.send(&serve, &[Alert::firing("eu", now), Alert::firing("us", now)]).await,
        202
    );
    world.weights([0, 0, 20]).await;
    let refused = Kind::Error { error: ServerError::Conflict, write: Write::NotDone };
    let fault = world.azure.inject(Fault::always(Match::writes(), refused));
    let late = world.say(&["release", "--all", "--within", "1"]).await.ended(1);
    let _ = late
        .says("not everything was restored within 1 s")
        .says("members/eu/weight should be 50 again")
        .says("it goes on, and `pointsman explain contoso-apim/chat` shows how");
    assert!(world.azure.clear(fault));
    let _ = world.say(&["release", "--all"]).await.ended(0).says("`serve` is still running");
    let weights: Vec<_> = world.azure.seats("chat").iter().map(|seat| seat.weight).collect();
    assert_eq!(weights, [Some(50), Some(30), Some(20)], "it is so when the command says so");
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn release_without_a_serve_restores_by_itself() {
    let world = World::new(DRAIN).await;
    let serve = world.serve(&[]).await;
    let now = Timestamp::now();
    assert_eq!(
        world.send(&serve, &[Alert::firing("eu", now), Alert::firing("us", now)]).await,
        202
    );
    world.weights([0, 0, 20]).await;
    serve.kill().await;
    let released = world.say(&["release", "--all", "--json"]).await.ended(0).json();
    assert_eq!(released["ended"].as_array().map(Vec::len), Some(2));
    assert_eq!(
        world.azure.seats("chat").iter().map(|seat| seat.weight).collect::<Vec<_>>(),
        [Some(50), Some(30), Some(20)]
    );
    let _ = world
        .say(&["release", "--all"])
        .await
        .ended(0)
        .says("every backend is as its owner left it");
    world.finish();
}
