//! The first quarter of an hour: from an empty folder to a test alert and its undo, with nothing but the
//! binary. `tests/scenarios/transcripts/quarter.md` is what a person sees.

use std::{collections::BTreeMap, fmt::Write as _, path::Path, process::Stdio};

use expect_test::expect_file;
use pointsman_scenarios::{
    Forms,
    world::{BOUND, binary},
};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

/// A folder, in which commands are run as a person would.
struct Desk {
    folder: tempfile::TempDir,
    /// What the emulated Azure says that its identity needs.
    environment: Vec<(String, String)>,
    /// What is different in each run, and what stands for it.
    known: Vec<(String, String)>,
    ids: BTreeMap<String, String>,
    transcript: String,
}

/// What a command printed, to both, and how it ended.
struct Ran {
    code: i32,
    text: String,
}

impl Ran {
    #[track_caller]
    fn says(self, code: i32, texts: &[&str]) -> Self {
        assert_eq!(self.code, code, "{}", self.text);
        for text in texts {
            assert!(self.text.contains(text), "{text:?} is not in:\n{}", self.text);
        }
        self
    }
}

impl Desk {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a folder"),
            environment: Vec::new(),
            known: Vec::new(),
            ids: BTreeMap::new(),
            transcript: String::new(),
        }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(binary());
        command
            .args(words(line))
            .current_dir(self.folder.path())
            .envs(self.environment.iter().cloned())
            .env("USER", "tester")
            .env_remove("SUDO_USER")
            .env_remove("POINTSMAN_CONFIG")
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// Runs a command to its end, and notes it in the transcript.
    async fn run(&mut self, line: &str) -> Ran {
        let output = tokio::time::timeout(BOUND, self.command(line).output()).await;
        let output = output.expect("it ends").expect("it can be run");
        let mut text = String::from_utf8(output.stderr).expect("text");
        text += &String::from_utf8(output.stdout).expect("text");
        let code = output.status.code().expect("it ends by itself");
        assert!(!text.contains("panicked"), "{text}");
        self.note(line, &text, code);
        Ran { code, text }
    }

    /// Starts a command that stays up, and gives what it prints up to a line that has this in it.
    async fn start(&mut self, line: &str, last: &str) -> (Child, String) {
        let mut command = self.command(line);
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
        let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let mut text = String::new();
        while !text.contains(last) {
            let next = tokio::time::timeout(BOUND, lines.next_line()).await;
            let next = next.expect("in time").expect("it can be read");
            let next = next.unwrap_or_else(|| panic!("{line} ended at once: {text}"));
            text.push_str(&next);
            text.push('\n');
        }
        (child, text)
    }

    /// Starts an emulated Azure, and takes over what it says.
    async fn azure(&mut self, line: &str) -> (Child, String) {
        let (child, text) = self.start(line, "pointsman ").await;
        let rest = |head: &str| {
            let line = text.lines().find_map(|line| line.trim_start().strip_prefix(head));
            line.unwrap_or_else(|| panic!("{head} is not in {text}")).trim().to_owned()
        };
        for name in ["IDENTITY_ENDPOINT", "IDENTITY_HEADER"] {
            self.environment.push((name.to_owned(), rest(&format!("export {name}="))));
        }
        let arm = rest("Azure Resource Manager");
        self.known.push((arm.clone(), "http://AZURE".to_owned()));
        self.known.push((rest("the gateway"), "http://GATEWAY".to_owned()));
        self.known.push((rest("identities"), "http://IDENTITIES".to_owned()));
        self.known.push((rest("export IDENTITY_HEADER="), "HEADER".to_owned()));
        self.note(line, &text, 0);
        (child, arm)
    }

    fn note(&mut self, line: &str, text: &str, code: i32) {
        // Of the first two, only addresses differ.
        let plain = if line.starts_with("init") || line.starts_with("emulate") {
            text.to_owned()
        } else {
            self.plain(text)
        };
        let text = format!("$ pointsman {line}\n{plain}");
        let plain = self.replaced(&text);
        let _ = write!(self.transcript, "```\n{plain}");
        if code != 0 {
            let _ = writeln!(self.transcript, "(exit code {code})");
        }
        self.transcript.push_str("```\n\n");
    }

    fn file(&mut self, name: &str) {
        let text = std::fs::read_to_string(self.path(name)).expect("it is there");
        let plain = self.replaced(&text);
        let _ = write!(self.transcript, "```\n$ cat {name}\n{plain}```\n\n");
    }

    /// Writes a file anew under another name, with the first of each of these texts changed.
    fn changed(&self, from: &str, to: &str, changes: &[(&str, &str)]) {
        let mut text = std::fs::read_to_string(self.path(from)).expect("it is there");
        for (is, becomes) in changes {
            assert!(text.contains(is), "{is} is not in {text}");
            text = text.replacen(is, becomes, 1);
        }
        std::fs::write(self.path(to), text).expect("it is written");
    }

    fn say(&mut self, text: &str) {
        let _ = write!(self.transcript, "{text}\n\n");
    }

    fn replaced(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (is, stands) in &self.known {
            text = text.replace(is, stands);
        }
        text
    }

    /// The text without what differs from run to run: times, lengths of time, and random names.
    fn plain(&mut self, text: &str) -> String {
        let is_part = |char: char| char.is_ascii_alphanumeric() || ".:-".contains(char);
        let mut plain = String::new();
        let mut rest = text;
        while !rest.is_empty() {
            let end = rest.find(|char| !is_part(char)).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            plain += &self.word(word);
            let next = after.find(is_part).unwrap_or(after.len());
            plain += &after[..next];
            rest = &after[next..];
        }
        // `1m 58s` is one, and so is how long ago; a time of tomorrow has its day before it.
        let plain = plain.replace("LENGTH LENGTH", "LENGTH").replace("DAY TIME", "TIME");
        let away =
            regex::Regex::new(r"\((now|in [0-9][^)]*|[0-9][^)]* ago)\)").expect("it is sound");
        let plain = away.replace_all(&plain, "(AWAY)");
        // It is another each time, also where it is cut.
        let write = regex::Regex::new("write [a-z2-7]{4,15}( is| would|:)").expect("it is sound");
        write.replace_all(&plain, "write ID$1").into_owned()
    }

    fn word(&mut self, word: &str) -> String {
        let (bare, tail) = match word.strip_suffix([':', '.']) {
            Some(bare) => (bare, &word[bare.len()..]),
            None => (word, ""),
        };
        let digits = bare.trim_start_matches(|char: char| char.is_ascii_digit());
        let clock = bare.trim_end_matches('Z');
        let stands = if clock.contains(':') && clock.parse::<jiff::civil::Time>().is_ok()
            || bare.ends_with('Z') && bare.contains(':')
        {
            "TIME".to_owned()
        } else if bare.parse::<jiff::civil::Date>().is_ok() {
            "DAY".to_owned()
        } else if bare.len() == 16
            && bare.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'2'..=b'7'))
        {
            let number = self.ids.len() + 1;
            self.ids.entry(bare.to_owned()).or_insert_with(|| format!("ID-{number}")).clone()
        } else if digits.len() < bare.len() && (digits == "s" || digits == "m") {
            "LENGTH".to_owned()
        } else {
            return word.to_owned();
        };
        stands + tail
    }
}

/// The words of a line, as a shell would have them.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for char in line.chars() {
        match char {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            other => words.last_mut().expect("there is one").push(other),
        }
    }
    words
}

#[tokio::test]
async fn from_an_empty_folder_to_an_alert_and_its_undo() {
    let mut desk = Desk::new();
    desk.say("# The first quarter of an hour");
    desk.say(
        "Written by the test `quarter`, and read by a person. What differs from run to run stands in capital \
         letters.",
    );
    let (_azure, arm) = desk.azure("emulate --sample").await;
    let gateway = desk.known[1].0.clone();
    for pool in ["chat", "search"] {
        let answer = reqwest::get(format!("{gateway}/{pool}/anything")).await.expect("it answers");
        assert_eq!(answer.status(), 200);
    }
    let init = format!("init --endpoint {arm} --listen 127.0.0.1:0");
    let _ = desk.run(&init).await.says(0, &["a shadow", "chat-eu 50, chat-us 30, chat-ap 20"]);
    desk.file("pointsman.yaml");
    desk.file("playbook.yaml");
    let mode = std::fs::metadata(desk.path("alertmanager-token")).expect("a token");
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode.permissions()) & 0o777, 0o600);
    let token = std::fs::read_to_string(desk.path("alertmanager-token")).expect("a token");
    assert_eq!(token.trim_end().len(), 64);
    desk.say("A second time, nothing is written over.");
    let _ = desk.run(&init).await.says(1, &["pointsman.yaml is there already", "--force"]);
    let check = desk.run("playbook check playbook.yaml --azure").await;
    let _ = check.says(0, &["sound; 2 pools, 2 plays", "every backend is there in Azure"]);
    let send = "signal send --alert BackendErrors --label backend=chat-eu --severity critical";
    let _ = desk.run(send).await.says(1, &["--url URL"]);

    let (_serve, listening) = desk.start("serve", "shadow").await;
    let url = listening.lines().find_map(|line| line.strip_prefix("listening on "));
    let url = url.expect("it says where").to_owned();
    desk.known.push((url.clone(), "http://SERVE".to_owned()));
    desk.note("serve", &listening, 0);
    let sent = desk.run(&format!("{send} --url {url}")).await;
    let _ = sent
        .says(0, &["weight 50 -> 0", "would have been done", "drain chat-eu: would be in force"]);
    let _ = desk.run("status").await.says(0, &["drain chat-eu: would be in force", "shadow"]);
    desk.say("Nothing of it was written to Azure.");
    let listed = desk.run("backend get chat --output json").await.says(0, &[]);
    let listed: serde_json::Value = serde_json::from_str(&listed.text).expect("JSON");
    let weight = listed.pointer("/backend/properties/pool/services/0/weight");
    let weight = weight.or_else(|| listed.pointer("/properties/pool/services/0/weight"));
    assert_eq!(weight, Some(&serde_json::json!(50)), "{listed}");

    desk.say("The same alert is over; the play holds its drain for two minutes.");
    let _ = desk.run(&format!("{send} --resolved --url {url}")).await.says(0, &["resolved at"]);
    let undone = desk.run("undo chat --reason 'only a test'").await;
    let _ = undone.says(0, &[]);
    let _ = desk.run("status").await.says(0, &["no overrides"]);
    desk.say("An alert that no play is for leads to nothing, and says so.");
    let other = format!("signal send --alert Other --label backend=chat-eu --url {url}");
    let _ = desk.run(&other).await.says(1, &["it led to nothing"]);
    let over = format!("signal send --alert Other --resolved --url {url}");
    let _ = desk.run(&over).await.says(1, &["it led to nothing"]);

    desk.say("What is wrong with a file is told at once, with what was meant.");
    desk.changed(
        "pointsman.yaml",
        "wrong.yaml",
        &[
            ("mode: shadow", "mode: shadwo"),
            ("listen: 127.0.0.1:0", "listen: 7433"),
            ("credential: auto", "credental: auto"),
            ("kind: alertmanager", "kind: alertmanger"),
            ("bearer: {file: alertmanager-token}", "bearer: {file: token}"),
        ],
    );
    let wrong = desk.run("serve --config wrong.yaml").await;
    let _ = wrong.says(
        1,
        &["did you mean `shadow`?", "an IP address and a port", "did you mean `credential`?"],
    );
    let member = "member: \"${signal.labels.backend}\"";
    desk.changed(
        "playbook.yaml",
        "mistakes.yaml",
        &[
            ("leastShare: 50%", "leastShare: 0.5"),
            ("signal.severity >= warning", "signal.severity >= \"warning\""),
            ("pool: chat,", "pool: chta,"),
            (member, "member: $signal.labels.backend"),
            ("hold: 2m", "hold: 2"),
        ],
    );
    let mistakes = desk.run("playbook check mistakes.yaml").await;
    let _ = mistakes.says(1, &["did you mean `50%`?", "write ${signal.labels.backend}"]);
    desk.changed("playbook.yaml", "member.yaml", &[(member, "member: chat-ue")]);
    let member = desk.run("playbook check member.yaml --azure").await;
    let _ = member.says(1, &["chat-ue (did you mean `chat-eu`?)"]);

    let transcript = desk.transcript.clone();
    assert!(!transcript.contains(token.trim()), "a secret is shown");
    expect_file!["../transcripts/quarter.md"].assert_eq(&transcript);
}

#[tokio::test]
async fn what_init_cannot_do_it_says_and_writes_nothing() {
    let mut desk = Desk::new();
    std::fs::write(desk.path("wrong"), "wrong").expect("it is written");
    let _ = desk.run("init --endpoint http://127.0.0.1:9 --token-file wrong").await.says(
        1,
        &["the services cannot be listed", "could not be reached", "--service /subscriptions/"],
    );
    let _ = desk.run("init --endpoint nonsense").await.says(1, &["management.azure.com"]);
    let _ = desk.run("init --service /subscriptions/x").await.says(2, &["--service"]);
    let (_azure, arm) = desk.azure("emulate").await;
    let identity = desk.environment.clone();
    desk.environment.push(("IDENTITY_HEADER".to_owned(), "none".to_owned()));
    let stranger = desk.run(&format!("init --endpoint {arm}")).await;
    let _ = stranger.says(1, &["no token for Azure could be obtained", "two `export` lines"]);
    desk.environment = identity;
    let none = desk.run(&format!("init --endpoint {arm}")).await;
    let _ = none.says(1, &["contoso-apim has 0 backends, and no pool", "--workspace NAME"]);
    let nobody = "--subscription 00000000-0000-0000-0000-00000000000f";
    let nobody = desk.run(&format!("init --endpoint {arm} {nobody}")).await;
    let _ = nobody.says(1, &["SubscriptionNotFound"]);
    let group = desk.run(&format!("init --endpoint {arm} --resource-group other")).await;
    let _ = group.says(1, &["no API Management service can be seen"]);
    let wrong = desk.run(&format!("init --endpoint {arm} --token-file wrong")).await;
    let _ =
        wrong.says(1, &["the services cannot be listed", "401", "put another into --token-file"]);
    let missing = desk.run(&format!("init --endpoint {arm} --token-file none")).await;
    let _ = missing.says(1, &["the secret's file none cannot be read"]);
    assert!(!desk.path("pointsman.yaml").exists() && !desk.path("playbook.yaml").exists());
    assert!(!desk.path("alertmanager-token").exists());
}

#[tokio::test]
async fn of_several_services_one_is_named() {
    let mut desk = Desk::new();
    let other =
        "{subscription: 00000000-0000-0000-0000-000000000002, resourceGroup: rg2, name: fabrikam}";
    std::fs::write(desk.path("azure.yaml"), format!("services: [{other}]\n")).expect("written");
    let (_azure, arm) = desk.azure("emulate --sample --options azure.yaml").await;
    let several = desk.run(&format!("init --endpoint {arm}")).await;
    let several = several.says(1, &["2 API Management services can be seen; name one:"]);
    let named = several.text.lines().find(|line| line.ends_with("contoso-apim")).expect("it is");
    // To the letter what was printed; the webhook's token is in the environment.
    let init = format!("init --endpoint {arm} {} --webhook-env HOOK", named.trim());
    let _ = desk.run(&init).await.says(0, &["2 pools of contoso-apim"]);
    assert!(!desk.path("alertmanager-token").exists());
    let config = std::fs::read_to_string(desk.path("pointsman.yaml")).expect("it is there");
    assert!(config.contains("bearer: {env: HOOK}"), "{config}");
    // Beside another configuration; with --force over one that is there.
    std::fs::create_dir(desk.path("else")).expect("a folder");
    let beside = format!("{init} --config else/other.yaml");
    let _ = desk.run(&beside).await.says(0, &["--config else/other.yaml"]);
    assert!(desk.path("else/playbook.yaml").exists());
    std::fs::write(desk.path("pointsman.yaml"), "mine").expect("it is written");
    let _ = desk.run(&init).await.says(1, &["--force"]);
    assert_eq!(std::fs::read_to_string(desk.path("pointsman.yaml")).expect("there"), "mine");
    let again = desk.run(&format!("{init} --force --json")).await.says(0, &[]);
    let again = serde_json::from_str(&again.text).expect("JSON");
    Forms::read().check("Initialised", &again);
    assert!(again.get("token").is_none(), "it is in the environment: {again}");
    assert_eq!(std::fs::read_to_string(desk.path("pointsman.yaml")).expect("there"), config);
}

#[tokio::test]
async fn a_test_alert_that_is_not_taken_says_why() {
    let mut desk = Desk::new();
    let (_azure, arm) = desk.azure("emulate --sample").await;
    let init = format!("init --endpoint {arm} --listen 127.0.0.1:0");
    let _ = desk.run(&init).await.says(0, &[]);
    let (_serve, listening) = desk.start("serve --json", "}").await;
    let listening: serde_json::Value = serde_json::from_str(&listening).expect("JSON");
    Forms::read().check("Listening", &listening);
    let url = listening["listening"].as_str().expect("it says where").to_owned();
    assert_eq!(listening["shadow"], true);
    let webhook = format!("{url}/alerts/prometheus");
    assert_eq!(
        listening["webhooks"],
        serde_json::json!([{"source": "prometheus", "url": webhook}])
    );
    let send = format!("signal send --alert BackendErrors --label backend=chat-us --url {url}");
    let _ =
        desk.run(&format!("{send} --source other")).await.says(1, &["configured are: prometheus"]);
    let _ = desk.run(&format!("{send} --label nonsense")).await.says(2, &["NAME=VALUE"]);
    let _ = desk.run(&format!("{send} --for 2w")).await.says(2, &["24h at most"]);
    let elsewhere = desk.run("signal send --alert A --url http://127.0.0.1:9").await;
    let _ = elsewhere
        .says(1, &["nothing takes alerts at http://127.0.0.1:9", "start `pointsman serve`"]);
    let mild = desk.run(&format!("{send} --severity p5")).await;
    let _ = mild.says(1, &["the severity p5 counts as info", "it led to nothing"]);
    let shown = desk.run(&format!("{send} --severity critical --for 10ms --json")).await;
    let shown = shown.says(0, &[]);
    let reports = shown.text.lines().filter_map(|line| serde_json::from_str(line).ok());
    let reports: Vec<serde_json::Value> =
        reports.filter(|report: &serde_json::Value| report.get("led").is_some()).collect();
    let told: Vec<_> = reports.iter().map(|report| (&report["resolved"], &report["led"])).collect();
    let (yes, no) = (&serde_json::Value::Bool(true), &serde_json::Value::Bool(false));
    assert_eq!(told, [(no, yes), (yes, yes)], "{}", shown.text);
    // The secret was replaced, and this `serve` does not know.
    std::fs::write(desk.path("alertmanager-token"), "another").expect("it is written");
    let _ = desk
        .run(&send)
        .await
        .says(1, &["does not take the secret in the file ", "`sources` names for prometheus"]);
}

#[tokio::test]
async fn the_example_is_printed_to_the_letter_and_is_sound() {
    let mut desk = Desk::new();
    let printed = desk.run("playbook example").await.says(0, &[]);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("a workspace");
    let example = root.join("shared/core/schema/example.playbook.yaml");
    assert_eq!(printed.text, std::fs::read_to_string(example).expect("it is there"));
    std::fs::write(desk.path("example.yaml"), &printed.text).expect("it is written");
    let checked = desk.run("playbook check example.yaml").await;
    let _ = checked.says(0, &["sound; 2 pools, "]);
}
