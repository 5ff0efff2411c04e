//! `pointsman backend`, as someone at a terminal or a script meets it: every operation at both
//! levels, what is refused and by which exit code, and that nothing is written unasked or unseen.

use std::process::Stdio;

use jiff::Timestamp;
use pointsman_emulator::{
    Fault, Match, Operation,
    fault::{Document, Kind},
};
use pointsman_scenarios::{
    Forms, World,
    alerts::Alert,
    operator::Ran,
    world::{BOUND, DRAIN},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

const SINGLE: &str = "properties:\n  url: https://eu.example\n  protocol: http\n  title: Europe\n  \
                      credentials: {header: {x-key: [hunter2]}}\n";

fn write(world: &World, name: &str, text: &str) {
    std::fs::write(world.path(name), text).expect("a file is written");
}

/// Says something that must end so, with that in it; what it says never has the secret in it.
async fn check(world: &World, arguments: &[&str], code: i32, text: &str) -> Ran {
    let all: Vec<&str> = ["backend"].iter().chain(arguments).copied().collect();
    let ran = world.say(&all).await;
    assert!(!ran.out.contains("hunter2") && !ran.told.contains("hunter2"), "{ran:?}");
    ran.ended(code).says(text)
}

fn body(world: &World, backend: &str) -> Value {
    let stored = world.azure.backend(backend).expect("it is there");
    stored.body.clone()
}

/// What stands for the Azure CLI, which is not installed here: it says what the real one does.
#[cfg(unix)]
#[tokio::test]
async fn whoever_is_logged_in_to_the_azure_cli_is_asked_for() {
    use std::os::unix::fs::PermissionsExt as _;

    let world = World::new(DRAIN).await;
    let arm = world.azure.arm_url();
    let config = format!("azure: {{endpoint: '{arm}', credential: azureCli}}\n");
    std::fs::write(world.path("pointsman.yaml"), config).expect("a configuration");
    let az = |script: &str| {
        std::fs::create_dir_all(world.path("bin")).expect("a folder");
        std::fs::write(world.path("bin/az"), script).expect("it is written");
        let executable = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(world.path("bin/az"), executable).expect("it can be run");
    };
    let get = async || {
        let path = std::env::var("PATH").expect("there is one");
        let path = format!("{}:{path}", world.path("bin").display());
        let service = world.azure.service().id();
        let id = format!("{service}/backends/eu");
        let run = world.command(&["backend", "get", &id]).env("PATH", path).output().await;
        let run = run.expect("it can be run");
        (
            run.status.code(),
            String::from_utf8_lossy(&[run.stdout, run.stderr].concat()).into_owned(),
        )
    };
    az(&format!(
        "#!/bin/sh\necho \"$@\" > {}\necho '{{\"accessToken\":\"{}\",\"expires_on\":4102444800,\
         \"tokenType\":\"Bearer\"}}'\n",
        world.path("asked").display(),
        world.azure.token(),
    ));
    let (code, said) = get().await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("http://127.0.0.1:1"), "{said}");
    assert!(!said.contains(&world.azure.token()), "a token is nobody's to see: {said}");
    let asked = std::fs::read_to_string(world.path("asked")).expect("it was asked");
    assert!(
        asked.starts_with("account get-access-token -o json --scope https://management"),
        "{asked}"
    );
    az("#!/bin/sh\necho 'Please run `az login` to setup account.' >&2\nexit 1\n");
    let (code, said) = get().await;
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("no token for Azure could be obtained") && said.contains("az login"),
        "{said}"
    );
    world.finish();
}

#[tokio::test]
async fn a_backend_is_created_seen_changed_and_deleted_at_both_levels() {
    let forms = Forms::read();
    let world = World::new(DRAIN).await;
    write(&world, "new.yaml", SINGLE);
    let service = world.azure.service().name().to_owned();
    for name in ["main/new".to_owned(), format!("{service}/team/new")] {
        let name = name.as_str();
        let _ = check(&world, &["get", name], 3, "it is not there").await;
        let _ = check(
            &world,
            &["put", name, "new.yaml", "--create", "--dry-run"],
            0,
            "would be created",
        )
        .await;
        let _ = check(&world, &["get", name], 3, "it is not there").await;
        let made = check(&world, &["put", name, "new.yaml", "--create"], 0, "is created").await;
        let _ = made.says("+ properties.credentials.header.x-key[0]: *** (new)");
        let _ = check(&world, &["put", name, "new.yaml", "--create"], 4, "exists already").await;
        let _ = check(&world, &["get", name], 0, "https://eu.example").await;
        let seen = check(&world, &["get", name, "--json"], 0, "***").await.json();
        forms.check("BackendBody", &seen);
        let etag = seen["etag"].as_str().expect("it has one");
        assert_eq!(seen["properties"]["title"], "Europe");
        let set = ["set", name, "title=EU", "tls.validateCertificateName=false", "--dry-run"];
        let _ = check(&world, &set, 0, "~ properties.title: \"Europe\" -> \"EU\"").await;
        let _ = check(&world, &["set", name, "title=Europe"], 0, "nothing to do").await;
        let set = ["set", name, "title=EU", "--if-match", etag, "--json"];
        let done = check(&world, &set, 0, "written").await.json();
        forms.check("BackendChange", &done);
        assert_eq!((&done["written"], &done["what"]), (&json!(true), &json!("updated")));
        assert_ne!(done["etag"], etag, "it is another state");
        // What was seen before is gone: nothing is written by it.
        let _ =
            check(&world, &["set", name, "title=X", "--if-match", etag], 4, "someone wrote first")
                .await;
        let _ =
            check(&world, &["delete", name, "--if-match", etag], 4, "someone wrote first").await;
        let _ =
            check(&world, &["put", name, "new.yaml", "--if-match", etag], 4, "someone wrote first")
                .await;
        let _ = check(&world, &["set", name, "title=null"], 0, "- properties.title: \"EU\"").await;
        let _ = check(&world, &["delete", name, "--dry-run"], 0, "would be deleted").await;
        let _ = check(&world, &["delete", name], 0, "is deleted").await;
        let _ = check(&world, &["delete", name], 3, "it is not there").await;
        let _ = check(&world, &["set", name, "title=EU"], 3, "it is not there").await;
    }
    let written = world.written();
    assert_eq!(
        written,
        ["PUT new", "PATCH new", "PATCH new", "DELETE new"].repeat(2),
        "no more than that"
    );
    world.finish();
}

#[tokio::test]
async fn lists_are_for_people_and_for_programs() {
    let world = World::new(DRAIN).await;
    let table = check(&world, &["list"], 0, "eu 50, us 30, ap 20").await;
    assert_eq!(table.out.lines().count(), 5, "{table:?}");
    let all = check(&world, &["list", "--service", "main", "--output", "json"], 0, "").await.json();
    Forms::read().check("BackendList", &all);
    assert_eq!(all["backends"].as_array().map(Vec::len), Some(4));
    let yaml = check(&world, &["list", "--output", "yaml"], 0, "name: chat").await;
    assert!(!yaml.out.contains('{'), "{yaml:?}");
    let _ = check(&world, &["list", "--workspace", "team"], 0, "there are no backends").await;
    let _ = check(&world, &["list", "--service", "nope"], 2, "known are: main").await;
    world.finish();
}

#[tokio::test]
async fn what_get_shows_can_be_edited_and_put_back_unless_someone_was_faster() {
    let world = World::new(DRAIN).await;
    let shown = check(&world, &["get", "chat", "--output", "yaml"], 0, "etag: ").await;
    write(&world, "chat.yaml", &shown.out);
    let _ = check(&world, &["put", "chat", "chat.yaml"], 0, "is replaced").await;
    // The ETag in the file is that of the state before.
    let _ = check(&world, &["put", "chat", "chat.yaml"], 4, "someone wrote first").await;
    let _ = check(&world, &["put", "chat", "chat.yaml", "--overwrite"], 0, "is replaced").await;
    let mut edited: Value = check(&world, &["get", "chat", "--json"], 0, "").await.json();
    edited["properties"]["description"] = json!("by hand");
    write(&world, "chat.json", &edited.to_string());
    let put = check(&world, &["put", "chat", "chat.json"], 0, "+ properties.description").await;
    assert_eq!(put.out.lines().count(), 2, "{put:?}");
    assert_eq!(body(&world, "chat")["properties"]["description"], "by hand");
    // Without an ETag, and without a word, nothing is replaced.
    write(&world, "eu.yaml", SINGLE);
    let _ =
        check(&world, &["put", "main/eu", "eu.yaml"], 2, "--overwrite for whatever is there").await;
    let _ = check(
        &world,
        &["put", "main/eu", "eu.yaml", "--create", "--overwrite"],
        2,
        "cannot be used",
    )
    .await;
    let _ = check(
        &world,
        &["put", "main/none", "eu.yaml", "--if-match", "\"AAAA\""],
        3,
        "--create creates it",
    )
    .await;
    let _ =
        check(&world, &["put", "main/eu", "eu.yaml", "--if-match", "*"], 2, "whatever is there")
            .await;
    // A secret that was not shown is not written in place of itself.
    let _ = check(&world, &["put", "main/eu", "eu.yaml", "--overwrite"], 0, "is replaced").await;
    let shown = check(&world, &["get", "main/eu", "--output", "yaml"], 0, "***").await;
    write(&world, "eu.yaml", &shown.out);
    let _ =
        check(&world, &["put", "main/eu", "eu.yaml"], 1, "stands for a secret that was not shown")
            .await;
    world.finish();
}

#[tokio::test]
async fn weights_are_set_by_the_name_of_the_member_and_bounds_are_told_before_anything_is_sent() {
    let world = World::new(DRAIN).await;
    let set = ["set", "chat", "pool.services[eu].weight=0", "description=drained"];
    let _ = check(&world, &set, 0, "~ properties.pool.services[eu].weight: 50 -> 0").await;
    let weights =
        world.azure.view(|azure| ["eu", "us", "ap"].map(|name| azure.weight("chat", name)));
    assert_eq!(weights, [Some(0), Some(30), Some(20)]);
    assert_eq!(body(&world, "chat")["properties"]["description"], "drained");
    write(&world, "patch.yaml", "properties: {title: from a file}\n");
    let _ = check(&world, &["set", "chat", "--file", "patch.yaml"], 0, "from a file").await;
    world.azure.forget_requests();
    let long = format!("title={}", "x".repeat(301));
    let refusals: [(&[&str], i32, &str); 9] = [
        (&["set", "chat", "pool.services[eu].weight=101"], 1, "it must be 0 to 100"),
        (&["set", "chat", "pool.services[nope].weight=1"], 1, "the pool has no member nope"),
        (&["set", "chat", &long], 1, "properties.title has 301 characters: it must have 1 to 300"),
        (&["set", "chat", "url=https://a.example"], 1, "Azure would refuse this"),
        (&["set", "main/eu", "url=null"], 1, "Azure would refuse this"),
        (&["set", "main/eu", "pool.services[eu].weight=1"], 1, "the members cannot be set"),
        (&["set", "chat"], 2, "FIELD=VALUE"),
        (&["set", "chat", "title"], 2, "it must be FIELD=VALUE"),
        (&["set", "chat", "--file", "none.yaml"], 1, "none.yaml: No such file"),
    ];
    for (arguments, code, text) in refusals {
        let _ = check(&world, arguments, code, text).await;
    }
    assert_eq!(world.written(), [""; 0]);
    world.finish();
}

#[tokio::test]
async fn reconnects_wait_two_minutes_and_a_workspace_has_none() {
    let world = World::new(DRAIN).await;
    let _ = check(&world, &["reconnect", "main/eu"], 0, "is reconnected after PT2M").await;
    let long = ["reconnect", "main/eu", "--after", "PT1H", "--json"];
    let reconnected = check(&world, &long, 0, "").await.json();
    Forms::read().check("BackendReconnect", &reconnected);
    assert_eq!(reconnected["after"], "PT1H");
    let soon = ["reconnect", "main/eu", "--after", "PT3S"];
    let _ = check(&world, &soon, 2, "minimum duration of the Reconnect is PT2M").await;
    let _ = check(&world, &["reconnect", "main/eu", "--after", "soon"], 2, "ISO 8601").await;
    let _ = check(&world, &["reconnect", "main/team/eu"], 2, "has no reconnect").await;
    let _ = check(&world, &["reconnect", "main/none"], 3, "it is not there").await;
    assert_eq!(world.azure.reconnects().len(), 2);
    world.finish();
}

#[tokio::test]
async fn a_shadow_writes_nothing() {
    let world = World::new(DRAIN).await;
    write(&world, "new.yaml", SINGLE);
    let commands: [&[&str]; 5] = [
        &["set", "chat", "title=X", "--shadow"],
        &["put", "main/eu", "new.yaml", "--overwrite", "--shadow"],
        &["put", "main/new", "new.yaml", "--create", "--shadow"],
        &["delete", "main/eu", "--shadow"],
        &["reconnect", "main/eu", "--shadow"],
    ];
    for command in commands {
        let _ = check(&world, command, 0, "would be").await;
    }
    assert_eq!(world.written(), [""; 0]);
    world.finish();
}

#[tokio::test]
async fn errors_are_json_where_that_is_asked_for() {
    let world = World::new(DRAIN).await;
    let ran = check(&world, &["get", "main/none", "--json"], 3, "").await;
    let error: Value = serde_json::from_str(&ran.told).expect("errors are JSON too");
    Forms::read().check("Failure", &error);
    assert_eq!(error["exitCode"], 3);
    assert!(
        error["error"].as_str().is_some_and(|text| text.contains("it is not there")),
        "{ran:?}"
    );
    let nowhere = ["get", "main/none", "--config", "none.yaml"];
    let _ = check(&world, &nowhere, 1, "there is no configuration at none.yaml").await;
    world.finish();
}

/// A command that runs until it is stopped.
struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Running {
    fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("it can be started");
        let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        Self { child, lines }
    }

    async fn line(&mut self) -> String {
        let line = tokio::time::timeout(BOUND, self.lines.next_line()).await;
        line.expect("it says something in time").expect("it can be read").expect("it goes on")
    }

    async fn stop(mut self) -> bool {
        let id = self.child.id().expect("it runs");
        let kill = Command::new("kill").arg("-INT").arg(id.to_string()).status().await;
        assert!(kill.expect("kill runs").success());
        let ended = tokio::time::timeout(BOUND, self.child.wait()).await;
        ended.expect("it stops in time").expect("it ends").success()
    }
}

#[tokio::test]
async fn watch_tells_each_change_until_it_is_stopped() {
    let world = World::new(DRAIN).await;
    let _ = check(&world, &["watch", "main/none"], 3, "it is not there").await;
    let _ = check(&world, &["watch", "chat", "--every", "0"], 2, "--every").await;
    let arguments = ["backend", "watch", "main/eu", "--every", "1", "--json"];
    let mut watch = Running::start(world.command(&arguments));
    let mut next = async || -> Value {
        let line = watch.line().await;
        assert!(!line.contains("hunter2"), "{line}");
        let seen = serde_json::from_str(&line).expect("a line is JSON");
        Forms::read().check("BackendSeen", &seen);
        seen
    };
    assert_eq!(next().await["what"], "seen");
    let single = json!({"properties": {
        "url": "https://other.example", "protocol": "http",
        "credentials": {"header": {"x-key": ["hunter2"]}},
    }});
    world.azure.foreign_put("eu", &single).expect("it is taken");
    let changed = next().await;
    assert_eq!(changed["what"], "changed");
    let diff = changed["diff"].to_string();
    assert!(diff.contains("https://other.example") && diff.contains("***"), "{diff}");
    world.azure.foreign_delete("eu").expect("it is taken");
    assert_eq!(next().await["what"], "deleted");
    world.azure.put_single("eu", "https://eu.example").expect("it is taken");
    assert_eq!(next().await["what"], "created");
    assert!(watch.stop().await, "it ends well");
    world.finish();
}

#[tokio::test]
async fn who_writes_between_the_look_and_the_write_is_not_overwritten() {
    let world = World::new(DRAIN).await;
    let body = json!({"properties": {"url": "https://theirs.example", "protocol": "http"}});
    let foreign = Kind::ForeignPut { body: Document(body) };
    world.azure.inject(Fault::once(Match::operation(Operation::Patch), foreign));
    let _ = check(&world, &["set", "main/eu", "title=X"], 4, "changed meanwhile").await;
    world.finish();
}

#[tokio::test]
async fn the_emulator_is_served_alone_keeps_its_state_and_takes_our_own_commands() {
    let world = World::new(DRAIN).await;
    write(&world, "options.yaml", "gateways: 2\n");
    let arguments = ["emulate", "--options", "options.yaml", "--state", "state.json", "--json"];
    write(&world, "new.yaml", SINGLE);
    for round in 0..2 {
        let mut emulate = Running::start(world.command(&arguments));
        let places: Value = serde_json::from_str(&emulate.line().await).expect("JSON");
        let arm = places["arm"].as_str().expect("a URL");
        write(
            &world,
            "emulated.yaml",
            &format!("azure: {{endpoint: '{arm}', credential: managedIdentity}}\n"),
        );
        let id = format!("{}/backends/new", places["service"].as_str().expect("an id"));
        let run = async |arguments: &[&str]| {
            let mut command = world.command(arguments);
            for (key, value) in places["environment"].as_object().expect("an object") {
                command.env(key, value.as_str().expect("text"));
            }
            let output =
                command.args(["--config", "emulated.yaml"]).output().await.expect("it runs");
            assert!(output.status.success(), "{output:?}");
            String::from_utf8(output.stdout).expect("text")
        };
        if round == 0 {
            let _ = run(&["backend", "put", &id, "new.yaml", "--create"]).await;
        }
        assert!(run(&["backend", "get", &id]).await.contains("https://eu.example"));
        assert!(emulate.stop().await, "it ends well");
    }
    // For people, with what to try; and what is wrong with the options is told.
    let mut emulate = Running::start(world.command(&["emulate"]));
    assert!(emulate.line().await.contains("http://127.0.0.1:"));
    assert!(emulate.stop().await);
    write(&world, "options.yaml", "gatways: 2\n");
    let _ = world.say(&["emulate", "--options", "options.yaml"]).await.ended(1).says("gatways");
    world.finish();
}

#[tokio::test]
async fn shells_complete_what_is_typed() {
    let world = World::new(DRAIN).await;
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let _ = world.say(&["completions", shell]).await.ended(0).says("COMPLETE");
    }
    let _ = world.say(&["completions", "csh"]).await.ended(2);
    world.finish();
}

#[tokio::test]
async fn the_ledger_says_who_changed_a_backend_by_hand() {
    let world = World::new(DRAIN).await;
    let config = std::fs::read_to_string(world.path("pointsman.yaml")).expect("a configuration");
    let config = config.replace("azure: {", "azure: {lookEvery: 5s, ");
    write(&world, "pointsman.yaml", &config);
    // Without a store there is nothing to tell, and none is made for it.
    let _ = check(&world, &["set", "main/ap", "title=ours"], 0, "is updated").await;
    assert!(!world.path("pointsman.db").exists());
    let serve = world.serve(&[]).await;
    assert_eq!(world.send(&serve, &[Alert::firing("eu", Timestamp::now())]).await, 202);
    world.weights([0, 30, 20]).await;
    world.told("is done").await;
    let set = ["set", "chat", "pool.services[eu].weight=7", "--yes", "--by", "ann"];
    let _ = check(&world, &set, 0, "is updated").await;
    world.until("it is noticed", async |world| world.ledger().await.count("foreign") > 0).await;
    let ledger = world.ledger().await;
    let [by_hand] = ledger.of("byHand")[..] else { panic!("{ledger:?}") };
    let said = "`pointsman backend set` by ann: ~ properties.pool.services[eu].weight: 0 -> 7";
    assert_eq!((&by_hand["says"], &by_hand["by"]), (&json!(said), &json!("ann")));
    let secret = ["set", "main/eu", "credentials.header.x-key=[\"hunter2\"]"];
    let _ = check(&world, &secret, 0, "is updated").await;
    let _ = check(&world, &["reconnect", "main/eu"], 0, "is reconnected").await;
    let _ = check(&world, &["set", "main/eu", "title=X", "--dry-run"], 0, "would be").await;
    let history = world.ok(&["history"]).await;
    assert!(
        history.contains("`pointsman backend set` by tester: + ") && !history.contains("hunter2")
    );
    assert!(history.contains("`pointsman backend reconnect` by tester"), "{history}");
    assert_eq!(world.ledger().await.count("byHand"), 3);
    assert!(serve.stop().await);
    assert_eq!(world.files_with("hunter2"), Vec::<String>::new());
    world.finish();
}
