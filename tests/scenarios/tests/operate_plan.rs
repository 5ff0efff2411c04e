//! `pointsman plan`: what would happen, and that nothing does.

use jiff::{SignedDuration, Timestamp};
use pointsman_emulator::{
    Fault, Match,
    fault::{Kind, ServerError, Write},
};
use pointsman_scenarios::{
    World,
    alerts::{Alert, webhook},
    world::DRAIN,
};
use serde_json::json;

#[tokio::test]
async fn a_plan_shows_fields_and_verdicts_and_writes_nothing_anywhere() {
    let world = World::new(DRAIN).await;
    let now = Timestamp::now();
    let signal = world.signal_file(&[Alert::firing("eu", now), Alert::firing("nobody", now)]);
    let before = world.files();
    let plan = world.say(&["plan", "--signal", &signal]).await.ended(0);
    let plan = plan
        .says("prometheus/f-eu (BackendErrors: 5xx on eu) fires since")
        .says("drain eu: within the limits");
    let plan = plan.says("drain nobody: held: the pool has no member nobody");
    let row = plan.out.lines().find(|line| line.contains("members/eu/weight")).expect("a diff");
    assert_eq!(row.split_whitespace().collect::<Vec<_>>(), ["members/eu/weight", "50", "0"]);
    let json = world.say(&["plan", "--signal", &signal, "--json"]).await.ended(0).json();
    let change = json!([{"field": "members/eu/weight", "before": 50, "after": 0}]);
    assert_eq!(json["backends"][0]["changes"], change);
    let detailed = async |signal: &str| {
        world.say(&["plan", "--signal", signal, "--detailed-exitcode"]).await.code
    };
    assert_eq!(detailed(&signal).await, 2, "something would be written");
    let nobody = world.signal_file(&[Alert::firing("nobody", now)]);
    assert_eq!(detailed(&nobody).await, 0, "it is held");
    // Wrong usage must not look as if something would be written.
    let wrong = ["plan", "--signal", &nobody, "--detailed-exitcode", "--nonsense"];
    let _ = world.say(&wrong).await.ended(1).says("unexpected argument '--nonsense'");
    let json = world.say(&[&wrong[..], &["--json"]].concat()).await.ended(1).told;
    assert!(json.contains(r#""exitCode":1"#), "{json}");
    let _ = world.say(&["plan", "--nonsense"]).await.ended(2);
    // Neither Azure nor the disk: not even a store where there was none.
    assert_eq!(world.written(), [""; 0]);
    assert_eq!(world.files(), before);
    world.finish();
}

#[tokio::test]
async fn a_plan_goes_on_from_what_is_in_force() {
    let world = World::new(DRAIN).await;
    let serve = world.serve(&[]).await;
    let started = Timestamp::now() - SignedDuration::from_secs(60);
    let alert = Alert::firing("eu", started);
    assert_eq!(world.send(&serve, std::slice::from_ref(&alert)).await, 202);
    world.weights([0, 30, 20]).await;

    let repeat = world.signal_file(std::slice::from_ref(&alert));
    let _ = world
        .say(&["plan", "--signal", &repeat])
        .await
        .ended(0)
        .says("BackendErrors is known already: drain eu in contoso-apim/chat")
        .says("(play drain-failing-member): in force since")
        .says("drain eu: within the limits")
        .says("nothing would be written");

    let nothing = world.signal_file(&[]);
    let _ = world
        .say(&["plan", "--signal", &nothing])
        .await
        .ended(0)
        .says("the signal contains no alert");

    let resolve = world.signal_file(&[alert.clone().resolved(Timestamp::now())]);
    let plan = world
        .say(&["plan", "--signal", &resolve])
        .await
        .ended(0)
        .says("drain eu: ends: its alert resolved");
    let row = plan.out.lines().find(|line| line.contains("members/eu/weight")).expect("a diff");
    assert_eq!(row.split_whitespace().collect::<Vec<_>>(), ["members/eu/weight", "0", "50"]);

    let all = [
        alert.clone(),
        Alert::firing("us", Timestamp::now()),
        Alert::firing("ap", Timestamp::now()),
    ];
    let all = world.signal_file(&all);
    let _ = world
        .say(&["plan", "--signal", &all])
        .await
        .ended(0)
        .says("held: 0 of the pool's members would serve");

    let writes = world.written().len();
    assert_eq!(world.send(&serve, &[alert.clone().resolved(Timestamp::now())]).await, 202);
    world.weights([50, 30, 20]).await;
    let late = world.signal_file(&[alert]);
    let _ = world.say(&["plan", "--signal", &late]).await.ended(0).says("nothing is done");
    assert_eq!(world.written().len(), writes + 1);
    let _ = world.say(&["pause", "--reason", "a look"]).await.ended(0);
    let other = world.signal_file(&[Alert::firing("us", Timestamp::now())]);
    let _ =
        world.say(&["plan", "--signal", &other]).await.ended(0).says("held: Pointsman is paused");
    world.finish();
}

#[tokio::test]
async fn a_signal_that_matches_nothing_is_said_to_match_nothing() {
    let world = World::new("plays:\n  - {name: other, when: 'signal.labels.alertname == \"Other\"', do: [{drain: {pool: chat, member: eu}}]}\n").await;
    let signal = world.signal_file(&[Alert::firing("eu", Timestamp::now())]);
    let plan = world.say(&["plan", "--signal", &signal]).await.ended(0);
    let why = "BackendErrors: no play is for it: other: \
               `signal.labels.alertname == \"Other\"` is false (alertname is \"BackendErrors\")";
    let _ = plan.says(why).says("no backend would change");
    // What is taken in says the same, in `status` and in `history`.
    let serve = world.serve(&[]).await;
    let alert = Alert::firing("eu", Timestamp::now());
    assert_eq!(world.send(&serve, std::slice::from_ref(&alert)).await, 202);
    world.status_says(why).await;
    let _ = world.say(&["history"]).await.ended(0).says(why);
    let status = world.json(&["status"]).await;
    let noticed = &status["noticed"][0];
    assert_eq!((&noticed["kind"], &noticed["count"]), (&json!("unmatched"), &json!(1)));
    assert_eq!(world.json(&["history"]).await["noticed"][0], *noticed);
    // A repeat is counted, and has no line of its own.
    assert_eq!(world.send(&serve, std::slice::from_ref(&alert)).await, 202);
    world.flush(&serve).await;
    assert!(serve.stop().await);
    // What was sent to flush is not as bad, and stands apart.
    let noticed = world.json(&["status"]).await["noticed"].clone();
    assert_eq!((&noticed[0]["severity"], &noticed[0]["count"]), (&json!("critical"), &json!(2)));
    assert_eq!((&noticed[1]["severity"], &noticed[1]["count"]), (&json!("warning"), &json!(1)));
    let history = world.json(&["history"]).await;
    let lines = history["lines"].as_array().expect("a list");
    assert_eq!(lines.iter().filter(|line| line["series"] == "prometheus/f-eu").count(), 0);
    // Another playbook than the one in force can be tried.
    let path = world.path("next.yaml");
    let text = std::fs::read_to_string(world.path("playbook.yaml")).expect("a playbook");
    std::fs::write(&path, text.replace("\"Other\"", "\"BackendErrors\"")).expect("it is written");
    let next = path.to_str().expect("text");
    let _ = world
        .say(&["plan", "--signal", &signal, "--playbook", next])
        .await
        .ended(0)
        .says("drain eu: within");
    let _ = world
        .say(&["plan", "--signal", &signal, "--source", "nagios"])
        .await
        .ended(1)
        .says("configured are: prometheus");
    world.finish();
}

#[tokio::test]
async fn a_plan_of_what_cannot_be_read_fails_and_says_why() {
    let world = World::new(DRAIN).await;
    let signal = world.signal_file(&[Alert::firing("eu", Timestamp::now())]);
    let down = Kind::Error { error: ServerError::Unavailable, write: Write::NotDone };
    let fault = world.azure.inject(Fault::always(Match::get("chat"), down));
    let plan = world.say(&["plan", "--signal", &signal]).await.ended(1);
    let plan = plan
        .says("it cannot be read now: Azure failed (503")
        .says("nothing was changed: run this again");
    assert!(!plan.out.contains("may have been done"), "nothing was to be done: {plan:?}");
    assert!(world.azure.clear(fault));
    let _ = world.say(&["plan", "--signal", &signal]).await.ended(0);
    world.finish();
}

#[tokio::test]
async fn a_plan_says_what_alertmanager_left_out() {
    let world = World::new(DRAIN).await;
    let mut body = webhook(&[Alert::firing("eu", Timestamp::now())]);
    body["truncatedAlerts"] = json!(3);
    std::fs::write(world.path("cut.json"), body.to_string()).expect("a file");
    let plan = world.say(&["plan", "--signal", "cut.json"]).await.ended(0);
    let _ = plan.says("3 alerts of the group were left out by Alertmanager (`max_alerts`)");
    let plan = world.say(&["plan", "--signal", "cut.json", "--json"]).await.ended(0).json();
    assert_eq!(plan["truncated"], 3);
    let whole = world.signal_file(&[Alert::firing("eu", Timestamp::now())]);
    let plan = world.say(&["plan", "--signal", &whole]).await.ended(0);
    assert!(!plan.out.contains("max_alerts"), "{plan:?}");
    world.finish();
}
