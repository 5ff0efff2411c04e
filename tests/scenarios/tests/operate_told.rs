//! What commands tell: in the reader's time and in UTC, for people and for programs, in words that say what
//! happened and by whom. The transcripts beside this file are what the real binary printed, with times and
//! ages made equal.

use jiff::{SignedDuration, Timestamp};
use pointsman_scenarios::{
    Forms, World,
    alerts::Alert,
    operator::Ran,
    world::{DRAIN, Serve, TOKEN},
};
use regex::Regex;
use serde_json::{Value, json};

use crate::transcript::transcript;

mod transcript;

/// Another playbook: its play has another name.
const OTHER: &str = r#"
plays:
  - name: ease
    when: signal.labels.alertname == "BackendErrors"
    do: [{shift: {pool: chat, member: "${signal.labels.backend}", to: 50%}}]
"#;

/// A world with three generations, of which the last is a rollback, and a `serve`.
async fn world() -> (World, Serve) {
    let world = World::new(DRAIN).await;
    let _ = world.ok(&["playbook", "apply", "playbook.yaml", "--by", "anna"]).await;
    world.write_playbook(OTHER);
    let _ = world.ok(&["playbook", "apply", "playbook.yaml", "--by", "anna"]).await;
    let _ = world.ok(&["playbook", "rollback", "1", "--by", "ben"]).await;
    world.write_playbook(DRAIN);
    let serve = world.serve(&[]).await;
    (world, serve)
}

/// A test alert for a member, as it is typed.
fn sending<'a>(serve: &'a Serve, label: &'a str) -> Vec<&'a str> {
    let what = ["signal", "send", "--alert", "BackendErrors", "--severity", "critical", "--label"];
    [&what[..], &[label, "--url", &serve.url]].concat()
}

async fn post_nonsense(world: &World, serve: &Serve) {
    let sent = world.http.post(format!("{}/alerts/prometheus", serve.url));
    let sent = sent.bearer_auth(TOKEN).body("no alert").send().await;
    assert_eq!(sent.expect("an answer").status().as_u16(), 400);
}

#[tokio::test]
async fn what_is_asked_and_told_by_hand_reads_well() {
    let (world, serve) = world().await;
    let say = async |arguments: &[&str], code: i32| -> Ran {
        world.say(&[arguments, &["--utc"]].concat()).await.ended(code)
    };
    let of = async |name: &str, arguments: &[&str], code: i32| {
        // It may have been read again since the last write.
        let out = say(arguments, code).await.out;
        transcript(name, &out.replace("as our own write left it at", "as it was read at"));
    };
    of("playbook_list.txt", &["playbook", "list"], 0).await;
    let shown = say(&["playbook", "show"], 0).await.out;
    transcript("playbook_show.txt", shown.split_inclusive('\n').next().expect("a line"));
    let now = Timestamp::now() - SignedDuration::from_secs(5);
    let signal = world.signal_file(&[Alert::firing("eu", now), Alert::firing("nobody", now)]);
    of("plan.txt", &["plan", "--signal", &signal], 0).await;
    post_nonsense(&world, &serve).await;
    of("dead_letters.txt", &["dead-letters", "list"], 0).await;

    of("signal_fires.txt", &sending(&serve, "backend=us"), 0).await;
    of("undo.txt", &["undo", "chat", "--reason", "us is well"], 0).await;
    // It says by whom and when it was undone, and what can be done.
    of("signal_undone.txt", &sending(&serve, "backend=us"), 1).await;
    let over = [&sending(&serve, "backend=us")[..], &["--resolved"]].concat();
    let _ = world.say(&over).await;
    let again = say(&sending(&serve, "backend=us"), 0).await;
    let _ = again.says("drain us: in force");

    of("explain_eu.txt", &["explain", "eu"], 0).await;
    let _ = say(&sending(&serve, "backend=ap"), 0).await;
    of("explain_us.txt", &["explain", "us"], 0).await;
    let released = say(&["release", "--all"], 0).await;
    transcript("release.txt", &released.out);
    let _ = released.says("`serve` is still running: the next alert moves traffic again");
    let short = say(&["explain", "qy4"], 1).await;
    let _ = short.says("an override is named by at least 4 characters of its id");
    let long = say(&["explain", "qy4x"], 1).await;
    assert!(!long.told.contains("at least 4 characters"), "{long:?}");
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn every_time_is_that_of_the_reader() {
    let (world, serve) = world().await;
    post_nonsense(&world, &serve).await;
    let eu = Alert::firing("eu", Timestamp::now());
    assert_eq!(world.send(&serve, std::slice::from_ref(&eu)).await, 202);
    world.weights([0, 30, 20]).await;
    let signal = world.signal_file(std::slice::from_ref(&eu));
    let clock = Regex::new(r"\b(\d\d):(\d\d)(:\d\d)?(\.\d{3})?(Z?)").expect("a rule");
    let away = Regex::new(r"\((now|\d+ (s|min) ago)\)").expect("a rule");
    let minutes =
        |at: Timestamp, east: i64| (at.as_second().div_euclid(60) + east).rem_euclid(24 * 60);
    // What is told in passing has the time of now: that of the reader, or of UTC with a Z.
    let both = async |of: [&[&str]; 2], code: i32, is_away: bool| {
        let zones = [(&[][..], 5 * 60 + 30, ""), (&["--utc"][..], 0, "Z")];
        for (arguments, (utc, east, z)) in of.into_iter().zip(zones) {
            let all = [arguments, utc].concat();
            let mut command = world.command(&all);
            let before = minutes(Timestamp::now() - SignedDuration::from_mins(2), east);
            let output = command.env("TZ", "XYZ-5:30").output().await.expect("it runs");
            assert_eq!(output.status.code(), Some(code), "{output:?}");
            let text = String::from_utf8(output.stdout).expect("text");
            let found: Vec<_> = clock.captures_iter(&text).collect();
            assert!(!found.is_empty(), "no time in {text}");
            for found in found {
                let number = |at: usize| found[at].parse::<i64>().expect("a number");
                let since = (number(1) * 60 + number(2) - before).rem_euclid(24 * 60);
                assert!(since <= 4 && &found[5] == z, "{all:?}: {} in {text}", &found[0]);
            }
            assert_eq!(away.is_match(&text), is_away, "{text}");
        }
    };
    let check = async |arguments: &[&str], code: i32, is_away: bool| {
        both([arguments, arguments], code, is_away).await;
    };
    check(&["playbook", "list"], 0, true).await;
    check(&["dead-letters", "list"], 0, true).await;
    check(&["plan", "--signal", &signal], 0, true).await;
    check(&["history"], 0, false).await;
    let new = [sending(&serve, "backend=us"), sending(&serve, "backend=ap")];
    both([&new[0], &new[1]], 0, false).await;
    let _ = world.ok(&["undo", "chat", "--reason", "us is well"]).await;
    check(&sending(&serve, "backend=us"), 1, true).await;
    let _ = world.ok(&["pause", "--reason", "a release"]).await;
    check(&["pause", "--reason", "a release"], 0, true).await;
    check(&["status"], 3, true).await;
    assert!(serve.stop().await);
    world.finish();
}

#[tokio::test]
async fn all_of_it_has_a_stated_form_for_programs() {
    let (world, serve) = world().await;
    post_nonsense(&world, &serve).await;
    let forms = Forms::read();
    let says = async |form: &str, arguments: &[&str], code: i32| {
        let shown = world.say(&[arguments, &["--json"]].concat()).await.ended(code).json();
        forms.check(form, &shown);
        shown
    };
    let list = says("Generations", &["playbook", "list"], 0).await;
    let of = |at: usize, key: &str| list["generations"][at][key].clone();
    assert_eq!([of(0, "inForce"), of(1, "inForce"), of(2, "inForce")], [false, false, true]);
    let none = Value::Null;
    let back = [of(0, "rollbackTo"), of(1, "rollbackTo"), of(2, "rollbackTo")];
    assert_eq!(back, [none.clone(), none, json!(1)]);
    let shown = says("GenerationText", &["playbook", "show", "2"], 0).await;
    assert!(shown["text"].as_str().is_some_and(|text| text.contains("name: ease")), "{shown}");

    let signal = world.signal_file(&[Alert::firing("eu", Timestamp::now())]);
    let plan = says("Plan", &["plan", "--signal", &signal], 0).await;
    assert_eq!(plan["backends"][0]["overrides"][0]["verdict"]["kind"], "withinLimits");
    let sent = says("Sent", &sending(&serve, "backend=us"), 0).await;
    let id = sent["overrides"][0]["override"]["id"].clone();
    assert_eq!(sent["overrides"][0]["override"]["standing"]["kind"], "inForce", "{sent:#}");

    world.write_playbook(&OTHER.replace("50%", "40%"));
    let applied = says("Applied", &["playbook", "apply", "playbook.yaml", "--dry-run"], 0).await;
    assert_eq!((&applied["generation"], &applied["published"]), (&json!(4), &json!(false)));
    let becomes = applied["changes"].as_array().expect("a list").iter();
    let becomes: Vec<_> = becomes.map(|change| (&change["what"], &change["becomes"])).collect();
    let wanted = [("play drain-failing-member", "removed"), ("play ease", "added")];
    assert_eq!(json!(becomes), json!(wanted));
    let over = &applied["overrides"][0];
    assert_eq!((&over["id"], &over["kept"], &over["begun"]), (&id, &json!(false), &json!(true)));
    let edited = says("Applied", &["playbook", "rollback", "2", "--dry-run"], 0).await;
    assert_eq!(edited["changes"][0]["becomes"], "removed", "{edited:#}");

    let _ = says("Checked", &["playbook", "check", "playbook.yaml", "--azure"], 0).await;
    let text = std::fs::read_to_string(world.path("playbook.yaml")).expect("a playbook");
    let stranger = text.replace("\"${signal.labels.backend}\"", "stranger");
    std::fs::write(world.path("stranger.yaml"), stranger).expect("it is written");
    let found = says("Checked", &["playbook", "check", "stranger.yaml", "--azure"], 1).await;
    let found = &found["azure"][0];
    assert_eq!((&found["matter"], &found["members"]), (&json!("noMembers"), &json!(["stranger"])));
    std::fs::write(world.path("bad.yaml"), text.replace("shift", "shfit")).expect("it is written");
    let bad = says("Checked", &["playbook", "check", "bad.yaml"], 1).await;
    assert_eq!((&bad["sound"], &bad["problems"][0]["text"]), (&json!(false), &json!("shfit")));

    let undone = says("Undone", &["undo", "chat", "--reason", "us is well"], 0).await;
    assert_eq!((&undone["undone"], &undone["restored"]), (&json!([id]), &json!(true)));
    assert_eq!(undone["alerts"][id.as_str().expect("an id")]["count"], 1);
    let again = says("Sent", &sending(&serve, "backend=us"), 1).await;
    let told = &again["undone"][0];
    assert_eq!(
        (&told["id"], &told["by"], &told["reason"]),
        (&id, &json!("tester"), &json!("us is well"))
    );

    let letters = says("DeadLetters", &["dead-letters", "list"], 0).await;
    assert_eq!(
        (letters["deadLetters"].as_array().map(Vec::len), &letters["older"]),
        (Some(1), &json!(0))
    );
    let letter = letters["deadLetters"][0]["id"].as_str().expect("an id");
    let dropped = says("Dropped", &["dead-letters", "drop", letter], 0).await;
    assert_eq!((&dropped["dropped"], &dropped["id"]), (&json!(1), &json!(letter)));

    let _ = says("Sent", &sending(&serve, "backend=eu"), 0).await;
    let released = says("Released", &["release", "--all"], 0).await;
    assert_eq!((&released["released"], &released["served"]), (&json!(true), &json!(true)));
    let alerts = released["alerts"].as_object().expect("an object");
    assert_eq!(alerts.values().map(|alerts| alerts["count"].clone()).collect::<Vec<_>>(), [1]);
    let paused = says("Switched", &["pause", "--reason", "a release"], 0).await;
    assert_eq!(
        (&paused["already"], &paused["paused"]["reason"]),
        (&json!(false), &json!("a release"))
    );
    let resumed = says("Switched", &["resume"], 0).await;
    assert_eq!((&resumed["already"], resumed.get("paused")), (&json!(false), None));
    assert!(serve.stop().await);
    world.finish();
}
