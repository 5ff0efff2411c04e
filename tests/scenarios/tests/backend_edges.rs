//! `pointsman backend` at its edges: lists that are filtered and cut, standard input, a playbook that
//! cannot be read, delays below the minimum, and others who write between a look and a write.

use std::{process::Stdio, time::Duration};

use jiff::Timestamp;
use pointsman_emulator::{
    Fault, Match, Operation, Options,
    fault::{Document, Kind, ServerError, Write},
    unpublished::{BelowMinimum, NewerFields, Unpublished},
};
use pointsman_scenarios::{
    World,
    alerts::Alert,
    operator::Ran,
    world::{BOUND, DRAIN},
};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;

use crate::transcript::transcript;

mod transcript;

/// What someone else writes.
fn theirs() -> Value {
    json!({"properties": {"url": "https://theirs.example", "protocol": "http"}})
}

/// Says something with this on standard input; gives how it ended and all that it said.
async fn fed(world: &World, arguments: &[&str], text: &str) -> (i32, String) {
    let mut command = world.command(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it can be run");
    let mut stdin = child.stdin.take().expect("it is piped");
    stdin.write_all(text.as_bytes()).await.expect("it reads");
    drop(stdin);
    let ended = tokio::time::timeout(BOUND, child.wait_with_output()).await;
    let output = ended.expect("it ends in time").expect("it ends");
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().expect("by itself"), String::from_utf8(said).expect("text"))
}

fn names(listed: &Ran) -> Vec<String> {
    let listed = listed.json();
    let all = listed["backends"].as_array().expect("a list");
    all.iter().map(|it| it["name"].as_str().expect("a name").to_owned()).collect()
}

#[tokio::test]
async fn lists_are_filtered_and_cut_as_it_is_said() {
    let world = World::new(DRAIN).await;
    for number in 0..150 {
        let name = format!("many-{number:03}");
        world.azure.put_single(name.as_str(), "https://many.example").expect("a Single");
    }
    let list = async |more: &[&str]| {
        let all: Vec<&str> = ["backend", "list", "--json"].iter().chain(more).copied().collect();
        names(&world.say(&all).await.ended(0))
    };
    assert_eq!(list(&[]).await.len(), 154);
    assert_eq!(list(&["--filter", "name eq 'eu' or name eq 'us'"]).await, ["eu", "us"]);
    assert_eq!(
        list(&["--filter", "startswith(name,'many-')", "--top", "2"]).await,
        ["many-000", "many-001"]
    );
    let behind = ["--filter", "startswith(name,'many-')", "--skip", "148"];
    assert_eq!(list(&behind).await, ["many-148", "many-149"]);
    // More than a page has, and not one more.
    assert_eq!(list(&["--top", "120"]).await.len(), 120);
    assert_eq!(list(&["--top", "1", "--skip", "153"]).await.len(), 1);
    assert_eq!(list(&["--skip", "154"]).await, [""; 0]);
    let long = "x".repeat(1_001);
    let refusals: [(&[&str], i32, &str); 5] = [
        (&["--top", "0"], 2, "$top is 0: it must be 1 to 2147483647"),
        (&["--skip", "2147483648"], 2, "$skip is 2147483648: it must be 0 to 2147483647"),
        (&["--top", "some"], 2, "invalid value"),
        (&["--filter", &long], 2, "$filter has 1001 characters"),
        (&["--filter", "size gt 5"], 1, "Azure refused it (400"),
    ];
    for (more, code, text) in refusals {
        let all: Vec<&str> = ["backend", "list"].iter().chain(more).copied().collect();
        let _ = world.say(&all).await.ended(code).says(text);
    }
    world.finish();
}

#[tokio::test]
async fn a_file_can_come_by_standard_input() {
    let world = World::new(DRAIN).await;
    let yaml = "properties: {url: 'https://new.example', protocol: http}\n";
    let (code, said) = fed(&world, &["backend", "put", "main/new", "-", "--create"], yaml).await;
    assert!(code == 0 && said.contains("is created"), "{said}");
    let shown = world.ok(&["backend", "get", "main/new", "--output", "yaml"]).await;
    let edited = shown.replace("https://new.example", "https://newer.example");
    let (code, said) = fed(&world, &["backend", "put", "main/new", "-"], &edited).await;
    assert!(code == 0 && said.contains("-> \"https://newer.example\""), "{said}");
    let patch = r#"{"properties": {"title": "by a pipe"}}"#;
    let (code, said) = fed(&world, &["backend", "set", "main/new", "--file", "-"], patch).await;
    assert!(code == 0 && said.contains("by a pipe"), "{said}");
    let (code, said) = fed(&world, &["backend", "put", "main/new", "-", "--overwrite"], "{").await;
    assert!(code == 1 && said.contains("-: it is not valid JSON or YAML"), "{said}");
    world.finish();
}

#[tokio::test]
async fn below_the_minimum_is_asked_for_only_by_name_and_azure_has_the_last_word() {
    let soon = ["backend", "reconnect", "main/eu", "--after", "PT3S", "--below-minimum"];
    let world = World::new(DRAIN).await;
    let _ = world.say(&soon).await.ended(1).says("minimum duration of the Reconnect is PT2M");
    assert_eq!(world.azure.reconnects().len(), 0);
    world.finish();

    let accept =
        Unpublished { reconnect_below_minimum: BelowMinimum::Accept, ..Unpublished::default() };
    let world = World::with(Options { unpublished: accept, ..Options::default() }, DRAIN).await;
    let _ = world.say(&soon).await.ended(0).says("is reconnected after PT3S");
    // With the word, what is not below is asked for as ever.
    let late = ["backend", "reconnect", "main/eu", "--after", "PT3M", "--below-minimum"];
    let _ = world.say(&late).await.ended(0).says("is reconnected after PT3M");
    let after: Vec<u64> = world.azure.reconnects().iter().map(|it| it.after.as_secs()).collect();
    assert_eq!(after, [3, 180]);
    world.finish();
}

#[tokio::test]
async fn a_reconnect_can_be_asked_for_in_a_version_of_its_own() {
    let world = World::new(DRAIN).await;
    let path = world.path("pointsman.yaml");
    let text = std::fs::read_to_string(&path).expect("a configuration");
    let version = "azure: {reconnectApiVersion: '2022-08-01', ";
    std::fs::write(path, text.replace("azure: {", version)).expect("it is written");
    let _ = world.say(&["backend", "reconnect", "main/eu"]).await.ended(0);
    let _ = world.say(&["backend", "set", "main/eu", "title=X"]).await.ended(0);
    let asked = world.azure.requests();
    let asked: Vec<(&str, &str)> =
        asked.iter().map(|it| (it.verb.as_str(), it.query.as_str())).collect();
    let (old, new) = ("api-version=2022-08-01", "api-version=2024-05-01");
    assert_eq!(asked, [("POST", old), ("GET", new), ("PATCH", new)]);
    world.finish();
}

#[tokio::test]
async fn who_is_faster_between_a_look_and_a_write_is_told_of_by_an_exit_code() {
    let world = World::new(DRAIN).await;
    std::fs::write(
        world.path("new.json"),
        r#"{"properties": {"url": "https://a", "protocol": "http"}}"#,
    )
    .expect("a file");
    let races: [(Operation, &[&str], &str); 4] = [
        // Azure cannot be asked to create only: that theirs is gone is all that can be told.
        (Operation::Put, &["put", "main/new", "new.json", "--create"], "this command REPLACED it"),
        (Operation::Patch, &["set", "main/eu", "title=X"], "changed meanwhile"),
        (Operation::Put, &["put", "main/eu", "eu.json"], "changed meanwhile"),
        (Operation::Delete, &["delete", "main/eu", "--yes"], "changed meanwhile"),
    ];
    for (operation, arguments, text) in races {
        let shown = world.ok(&["backend", "get", "main/eu", "--json"]).await;
        std::fs::write(world.path("eu.json"), shown).expect("a file");
        let foreign = Kind::ForeignPut { body: Document(theirs()) };
        world.azure.inject(Fault::once(Match::operation(operation), foreign));
        let all: Vec<&str> = ["backend"].iter().chain(arguments).copied().collect();
        let _ = world.say(&all).await.ended(4).says(text);
    }
    let eu = world.azure.backend("eu").expect("it is still there").body;
    assert_eq!(eu["properties"]["url"], "https://theirs.example");
    world.finish();
}

#[tokio::test]
async fn a_playbook_that_cannot_be_read_stops_only_who_needs_its_names() {
    let world = World::new(DRAIN).await;
    let service = world.azure.service().id();
    let path = format!("{service}/backends/eu");
    for broken in [Some("version: 1\npools: [\n"), None] {
        match broken {
            Some(text) => std::fs::write(world.path("playbook.yaml"), text).expect("a file"),
            None => std::fs::remove_file(world.path("playbook.yaml")).expect("it is there"),
        }
        let ran = world.say(&["backend", "get", &path]).await.ended(0).says("127.0.0.1:1");
        assert!(ran.told.contains("playbook cannot be read") && ran.told.contains("playbook.yaml"));
        let set = ["backend", "set", &path, "title=named"];
        let _ = world.say(&set).await.ended(0);
        let list = ["backend", "list", "--service", &service, "--json"];
        let listed = world.say(&list).await.ended(0).says("playbook cannot be read");
        assert_eq!(names(&listed), ["ap", "chat", "eu", "us"]);
        for named in [&["backend", "get", "chat"][..], &["backend", "list"]] {
            let ran = world.say(named).await.ended(1);
            let _ = ran.says("its whole Azure path").says("playbook.yaml");
        }
    }
    world.finish();
}

#[tokio::test]
async fn a_read_that_fails_is_not_said_to_be_done_perhaps() {
    let world = World::new(DRAIN).await;
    let down = Kind::Error { error: ServerError::Unavailable, write: Write::NotDone };
    let fault = world.azure.inject(Fault::always(Match::get("eu"), down));
    let ran = world.say(&["backend", "get", "main/eu"]).await.ended(1).says("Azure failed (503");
    assert!(!ran.told.contains("may have been done"), "{ran:?}");
    world.azure.clear(fault);
    world.finish();
}

#[tokio::test]
async fn each_cloud_is_asked_with_a_token_of_its_own() {
    let clouds = [
        ("public", "https://management.azure.com"),
        ("usGovernment", "https://management.core.usgovcloudapi.net"),
        ("china", "https://management.chinacloudapi.cn"),
    ];
    for (cloud, audience) in clouds {
        let audiences = vec![audience.to_owned()];
        let world = World::with(Options { audiences, ..Options::default() }, DRAIN).await;
        let endpoint = world.azure.arm_url();
        for (asks, _) in clouds {
            let config = format!(
                "playbook: playbook.yaml\n\
                 azure: {{cloud: {asks}, endpoint: '{endpoint}', credential: managedIdentity}}\n"
            );
            std::fs::write(world.path("pointsman.yaml"), config).expect("it is written");
            let mut command = world.command(&["backend", "get", "chat"]);
            let ran = command.envs(world.azure.identity_env()).output();
            let ran = tokio::time::timeout(BOUND, ran).await.expect("in time").expect("it runs");
            let told = String::from_utf8_lossy(&ran.stderr);
            assert_eq!(ran.status.success(), asks == cloud, "{asks} of {cloud}: {told}");
            assert_eq!(
                told.contains("InvalidAuthenticationTokenAudience"),
                asks != cloud,
                "{told}"
            );
        }
        world.finish();
    }
}

/// A PUT replaces all of it, and what an older version did not show is not in what was edited.
#[tokio::test]
async fn a_replacement_names_what_a_later_version_would_lose() {
    let unpublished = Unpublished { newer_fields: NewerFields::Hidden, ..Unpublished::default() };
    let world = World::with(Options { unpublished, ..Options::default() }, DRAIN).await;
    let whole = json!({"properties": {
        "url": "https://new.example", "protocol": "http", "azureRegion": "westeurope",
    }});
    let made = ["backend", "put", "new", "-", "--create"];
    assert_eq!(fed(&world, &made, &whole.to_string()).await.0, 0);

    let seen = world.say(&["backend", "get", "new", "--output", "json"]).await.ended(0);
    assert_eq!(seen.json()["properties"].get("azureRegion"), None, "it is hidden");
    let warning = "a later api-version shows more fields, which this write would remove:\n  \
                   properties.azureRegion";
    let (code, said) = fed(&world, &["backend", "put", "new", "-", "--dry-run"], &seen.out).await;
    assert_eq!(code, 0, "{said}");
    assert!(said.contains(warning), "{said}");
    // An Update replaces arrays, and merges all else.
    let member = ["backend", "set", "chat", "pool.services[eu].weight=7", "--dry-run"];
    let _ = world.say(&member).await.ended(0);
    let asked = |world: &World| {
        let all = world.azure.requests();
        all.iter().filter(|request| request.query.contains("2026-03-01-preview")).count()
    };
    assert_eq!(asked(&world), 2, "by the put and the set");
    let _ = world.say(&["backend", "set", "chat", "title=X", "--dry-run"]).await.ended(0);
    assert_eq!(asked(&world), 2, "nothing can be lost");
    // Put back as it was, nothing of it is lost.
    let etag = seen.json()["etag"].as_str().expect("an ETag").to_owned();
    let put = ["backend", "put", "new", "-", "--if-match", &etag];
    let (code, said) = fed(&world, &put, &whole.to_string()).await;
    assert_eq!(code, 0, "{said}");
    assert!(!said.contains("later version"), "{said}");
    world.finish();
}

#[tokio::test]
async fn an_azure_that_takes_long_is_said_to_be_waited_for() {
    let world = World::new(DRAIN).await;
    let slow = Kind::Latency { by: Duration::from_secs(6) };
    world.azure.inject(Fault::once(Match::get("chat"), slow));
    let got = world.say(&["backend", "get", "chat"]).await.ended(0);
    assert!(got.told.contains("still waiting for Azure"), "{got:?}");
    // Nothing is said of what is quick.
    let again = world.say(&["backend", "get", "chat"]).await.ended(0);
    assert_eq!((again.told.as_str(), again.out), ("", got.out));
    world.finish();
}

#[tokio::test]
async fn a_file_of_another_backend_is_named_and_nothing_is_written() {
    let world = World::new(DRAIN).await;
    for (name, url) in
        [("ord-north", "https://north.example"), ("ord-south", "https://south.example")]
    {
        world.azure.put_single(name, url).expect("a Single");
    }
    world.azure.forget_requests();
    let file = |name: &str, text: &str| std::fs::write(world.path(name), text).expect("a file");
    let north = world.ok(&["backend", "get", "main/ord-north", "--output", "yaml"]).await;
    file("n.yaml", &north);
    let without_etag: String = north
        .lines()
        .filter(|line| !line.starts_with("etag:"))
        .map(|line| format!("{line}\n"))
        .collect();
    file("new.yaml", &without_etag);
    let others: [&[&str]; 4] = [
        &["put", "main/ord-south", "n.yaml"],
        &["put", "main/ord-south", "n.yaml", "--overwrite"],
        &["put", "main/ord-new", "new.yaml", "--create"],
        &["set", "main/ord-south", "--file", "new.yaml"],
    ];
    for other in others {
        let ran = world.say(&[&["backend"], other].concat()).await.ended(2);
        let _ = ran.says("yaml: the file is of").says("/ord-north, not of").says("remove its `id`");
    }
    assert_eq!(world.written(), [""; 0]);
    // By its name alone, too, and as Azure writes names in any case.
    file("named.json", r#"{"name": "ord-north", "properties": {"title": "North"}}"#);
    let set = ["backend", "set", "main/ord-south", "--file", "named.json"];
    let _ = world.say(&set).await.ended(2).says("the file is of ord-north, not of ord-south");
    let set = ["backend", "set", "main/ORD-North", "--file", "named.json"];
    let _ = world.say(&set).await.ended(0).says("is updated");
    // Its own file makes it again, and what Azure alone says of it is not sent.
    let _ = world.say(&["backend", "delete", "main/ord-north"]).await.ended(0);
    let put = ["backend", "put", "main/ord-north", "n.yaml", "--create"];
    let _ = world.say(&put).await.ended(0).says("is created");
    let requests = world.azure.requests();
    let put = requests.iter().rfind(|request| request.verb.as_str() == "PUT").expect("it was put");
    let body: Value = serde_json::from_slice(&put.body).expect("JSON");
    let keys: Vec<&String> = body.as_object().expect("an object").keys().collect();
    assert_eq!(keys, ["properties"]);
    world.finish();
}

#[tokio::test]
async fn files_as_windows_writes_them_are_taken_or_named() {
    let world = World::new(DRAIN).await;
    let body = r#"{"properties":{"protocol":"http","url":"https://ord.example"}}"#;
    let file = |name: &str, bytes: &[u8]| std::fs::write(world.path(name), bytes).expect("a file");
    let marked = |text: &str| format!("\u{feff}{text}").into_bytes();
    let wide = |text: &str| -> Vec<u8> {
        format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect()
    };
    file("marked.json", &marked(body));
    let put = ["backend", "put", "main/ord", "marked.json", "--create"];
    let _ = world.say(&put).await.ended(0).says("is created");
    let signal = world.signal_file(&[Alert::firing("eu", Timestamp::now())]);
    let alerts = std::fs::read_to_string(&signal).expect("a signal");
    file("signal.json", &marked(&alerts));
    let plan = ["plan", "--signal", "signal.json"];
    let _ = world.say(&plan).await.ended(0).says("drain eu");
    let playbook = std::fs::read_to_string(world.path("playbook.yaml")).expect("a playbook");
    file("marked.yaml", &marked(&playbook));
    let _ = world.say(&["playbook", "check", "marked.yaml"]).await.ended(0).says("sound");
    file("wide.json", &wide(body));
    file("wide.yaml", &wide(&playbook));
    let wides: [&[&str]; 4] = [
        &["backend", "put", "main/wide", "wide.json", "--create"],
        &["backend", "set", "main/ord", "--file", "wide.json"],
        &["plan", "--signal", "wide.json"],
        &["playbook", "check", "wide.yaml"],
    ];
    for arguments in wides {
        let _ = world.say(arguments).await.ended(1).says("it is UTF-16; save").says("as UTF-8");
    }
    world.finish();
}

#[tokio::test]
async fn what_a_tool_would_have_filled_in_is_refused_unless_it_is_escaped() {
    let world = World::new(DRAIN).await;
    let file = |name: &str, text: &Value| {
        std::fs::write(world.path(name), text.to_string()).expect("a file");
    };
    let of = |url: &str, title: &str| json!({"properties": {"protocol": "http", "url": url, "title": title}});
    let put = ["backend", "put", "main/ord", "ord.json", "--create"];
    file("ord.json", &of("[parameters('ordersUrl')]", "x"));
    let _ =
        world.say(&put).await.ended(1).says("properties.url is an expression of an ARM template");
    file("ord.json", &of("${var.orders_url}", "x"));
    let _ = world.say(&put).await.ended(1).says("properties.url has a `${...}`, which Terraform");
    let kind = "Microsoft.ApiManagement/service/backends";
    let resource =
        json!({"type": kind, "properties": of("https://ord.example", "x")["properties"]});
    file("ord.json", &json!({"$schema": "x", "parameters": {}, "resources": [resource]}));
    let _ = world.say(&put).await.ended(1).says("whole ARM template").says("`resources[0]`");
    let set = ["backend", "set", "main/eu", "url=[parameters('x')]"];
    let _ = world.say(&set).await.ended(2).says("url is an expression of an ARM template");
    assert_eq!(world.written(), [""; 0]);
    file("ord.json", &of("https://ord.example", "[[see('runbook')]"));
    let _ = world.say(&put).await.ended(0).says("is created");
    let shown = world.json(&["backend", "get", "main/ord"]).await;
    assert_eq!(shown["properties"]["title"], "[see('runbook')]");
    world.finish();
}

#[tokio::test]
async fn a_change_by_hand_that_touches_an_override_or_a_pool_is_asked_about() {
    let world = World::new(DRAIN).await;
    let serve = world.serve(&[]).await;
    let eu = Alert::firing("eu", Timestamp::now());
    assert_eq!(world.send(&serve, &[eu]).await, 202);
    world.weights([0, 30, 20]).await;
    // Azure has it a moment before the store does.
    world.until("a write", async |world| !world.ledger().await.of("wrote").is_empty()).await;
    let set = ["backend", "set", "chat", "pool.services[eu].weight=70"];
    let dry = world.say(&[&set[..], &["--dry-run"]].concat()).await.ended(0);
    let _ = dry.says("members/eu/weight is overridden: its owner left 50, and Pointsman wrote 0");
    let asked = world.say(&set).await.ended(1);
    let asked = asked.says("drain eu (").says("nothing was changed: add --yes if you mean it");
    transcript("backend_set_asked.txt", &format!("{}{}", asked.out, asked.told));
    world.weights([0, 30, 20]).await;
    // What no override holds is nobody's business.
    let us = ["backend", "set", "chat", "pool.services[us].weight=31"];
    assert!(!world.say(&us).await.ended(0).told.contains("overridden"));
    let _ = world.say(&[&set[..], &["--yes"]].concat()).await.ended(0).says("is overridden");
    world.weights([70, 31, 20]).await;
    let foo = ["backend", "set", "main/eu", "foo=1"];
    let refused = world.say(&foo).await.ended(2).says("`foo` is a field that Azure's pages do not");
    let _ = refused.says("--unknown sets it nevertheless");
    let named = [&foo[..], &["--unknown", "--dry-run"]].concat();
    let _ = world.say(&named).await.ended(0).says("would be updated");
    let delete = ["backend", "delete", "main/eu"];
    let asked = world.say(&delete).await.ended(1);
    let asked = asked
        .says("the pool chat lists contoso-apim/eu as a member, with weight 70 and priority")
        .says("add --yes");
    transcript("backend_delete_asked.txt", &format!("{}{}", asked.out, asked.told));
    let undone = world.say(&["undo", "chat", "--reason", "done by hand"]).await.ended(0);
    let _ = undone.says("1 alert still fires: it brings nothing back until it has resolved");
    world.finish();
}
