//! `pointsman dev` as a process: with a real Prometheus and Alertmanager, interrupted, with its output
//! closed, and over restarts with a folder that it keeps.
//!
//! Whatever happens, no process and no file is left behind: each test has a folder of its own for
//! what is temporary, and looks who still works in it.

use std::{
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::{Duration, Instant},
};

use pointsman_scenarios::world::{BOUND, binary};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    sync::Mutex,
    time::timeout,
};

/// How long a run may take once what it starts is ready, which takes [`BOUND`] at most.
const RUN_WITHIN: Duration = Duration::from_secs(90);

/// What a busy machine may do to a run, as the summary says it: requests that
/// time out, and an alert that ends and fires anew.
const BY_LOAD: [&str; 5] = [
    "requests were lost before anything broke",
    "the helped pool did no better than the one that nobody helps",
    "the weight was not given back in the playbook's steps",
    "the tightened circuit breaker kept too little off its member",
    "requests were lost after the end, or it did not come",
];

/// How long it may take to stop.
const STOPPED_WITHIN: Duration = Duration::from_secs(15);

/// How often it is looked whether a process is gone.
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// A folder that stands for the machine's temporary one.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().canonicalize().expect("it is there")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command
            .arg("dev")
            .args(arguments)
            .current_dir(self.folder.path())
            .env("TMPDIR", self.path())
            .env_remove("POINTSMAN_CONFIG")
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// No process works here any more.
    async fn nobody_works_here(&self) {
        let gone = async {
            while working_in(&self.path()).is_some() {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        timeout(STOPPED_WITHIN, gone).await.expect("no process is left");
    }

    /// Nothing is left: no file, and no process that works here.
    async fn is_left_as_it_was(&self) {
        self.nobody_works_here().await;
        let left: Vec<_> = std::fs::read_dir(self.folder.path()).expect("a folder").collect();
        assert!(left.is_empty(), "left over: {left:?}");
    }
}

/// A process that has its working folder in this one.
fn working_in(folder: &Path) -> Option<u32> {
    let processes = std::fs::read_dir("/proc").expect("there are processes").flatten();
    processes
        .filter(|process| {
            std::fs::read_link(process.path().join("cwd")).is_ok_and(|cwd| cwd.starts_with(folder))
        })
        .find_map(|process| process.file_name().to_str()?.parse().ok())
}

/// A run whose standard output is read line by line.
struct Run {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    seen: Vec<String>,
}

impl Run {
    fn start(mut command: Command) -> Self {
        let child = command.stdout(Stdio::piped()).spawn();
        let mut child = child.expect("dev can be started");
        let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        Self { child, lines, seen: Vec::new() }
    }

    /// Waits for a line with this in it.
    async fn line(&mut self, text: &str) -> String {
        let found = async {
            while let Some(line) = self.lines.next_line().await.expect("it can be read") {
                self.seen.push(line.clone());
                if line.contains(text) {
                    return Some(line);
                }
            }
            None
        };
        let found = timeout(BOUND, found).await.ok().flatten();
        found.unwrap_or_else(|| panic!("{text} was never said:\n{}", self.seen.join("\n")))
    }

    async fn signal(&self, name: &str) {
        let id = self.child.id().expect("it runs").to_string();
        let kill = Command::new("kill").args([name, &id]).status().await.expect("kill runs");
        assert!(kill.success());
    }

    async fn ended(mut self) -> ExitStatus {
        // What it still says must have somewhere to go.
        let (mut rest, mut reader) = (String::new(), self.lines.into_inner());
        let ended = async {
            let _ = reader.read_to_string(&mut rest).await;
            self.child.wait().await.expect("it ends")
        };
        timeout(STOPPED_WITHIN, ended).await.expect("it stops in time")
    }
}

/// The first of the README's two commands.
#[tokio::test]
async fn the_story_is_told_to_its_end_within_its_time() {
    let (told, took) = story(&[]).await;
    assert!(took <= RUN_WITHIN, "{took:?}");
    assert!(!told.contains("a Prometheus that scrapes the gateway"), "{told}");
}

#[tokio::test]
async fn a_real_prometheus_and_alertmanager_tell_the_same_story() {
    let (told, _) = story(&["--prometheus"]).await;
    assert!(told.contains("a Prometheus that scrapes the gateway"), "{told}");
}

/// Runs the whole story, which must end by itself and as it should; gives what was told meanwhile, and
/// how long it took.
async fn story(arguments: &[&str]) -> (String, Duration) {
    // Two beside each other would be more than a small machine can do in that time.
    static ONE: Mutex<()> = Mutex::const_new(());
    let _alone = ONE.lock().await;
    let place = Place::new();
    let began = Instant::now();
    let run = place.command(&[arguments, &["--json"]].concat()).output();
    let run = timeout(BOUND + RUN_WITHIN, run).await;
    let run = run.expect("it ends by itself").expect("it can be run");
    let took = began.elapsed();
    let told = String::from_utf8_lossy(&run.stderr).into_owned();
    let summary: Value = serde_json::from_slice(&run.stdout)
        .unwrap_or_else(|error| panic!("{error} after {:?}:\n{told}", began.elapsed()));
    let faults = summary["faults"].as_array().expect("a list");
    let beyond = faults.iter().find(|fault| !BY_LOAD.iter().any(|known| *fault == known));
    assert_eq!(beyond, None, "{summary}\n{told}");
    // The summary and the exit code say the same.
    assert_eq!(summary["asTold"], faults.is_empty(), "{summary}");
    assert_eq!(run.status.success(), faults.is_empty(), "{summary}\n{told}");
    // A window of its own: its member got next to nothing while it was open.
    let number = |path: &str| {
        let number = summary.pointer(path).and_then(Value::as_f64);
        number.unwrap_or_else(|| panic!("{path}: {summary}"))
    };
    assert!(told.contains("announce  window patching opens in "), "{told}");
    assert!(number("/window/openToWriteMilliseconds") >= 0.0, "{summary}");
    assert!(number("/window/drainedSeconds") > 0.0, "{summary}");
    let [got, beside] =
        ["helped", "alone"].map(|it| number(&format!("/window/requestsToMember/{it}")));
    assert!(got * 10.0 < beside, "{summary}");
    // Drained, and restored in steps of which the last is its owner's; in how many, the load decides.
    for measured in ["alertToWriteMilliseconds", "resolveToRestoredSeconds"] {
        assert!(number(&format!("/failure/{measured}")) >= 0.0, "{summary}");
    }
    let ramp = summary["failure"]["ramp"].as_array().expect("a list");
    assert_eq!(ramp.last().and_then(Value::as_u64), Some(50), "{summary}");
    // A tightened breaker that trips, keeps requests off its member, and is given back.
    assert!(told.contains("azure     PATCH helped-us: breaker count 1000 → 3"), "{told}");
    assert!(told.contains("gateway   helped-us: breaker open"), "{told}");
    assert!(told.contains("azure     PATCH helped-us: breaker count 3 → 1000"), "{told}");
    assert!(number("/breaker/trips") >= 1.0 && number("/breaker/keptOff") > 0.0, "{summary}");
    assert!(number("/writes") >= 6.0, "{summary}");
    let weights = &summary["weights"];
    assert_eq!(weights["before"], serde_json::json!({"eu": 50, "us": 30, "ap": 20}));
    assert_eq!(weights["after"], weights["before"], "{summary}");
    assert_eq!(weights["toTheLetter"], true, "{summary}");
    for part in ["/failure", "/breaker", ""] {
        let [helped, alone] =
            ["helped", "alone"].map(|pool| number(&format!("{part}/pools/{pool}/lost")));
        assert!(helped < alone, "{part}: {summary}");
    }
    place.is_left_as_it_was().await;
    (told, took)
}

#[tokio::test]
async fn what_is_not_installed_is_told_before_anything_is_started() {
    let place = Place::new();
    let run = place.command(&["--prometheus"]).env("PATH", place.path()).output();
    let run = timeout(BOUND, run).await.expect("it ends by itself").expect("it can be run");
    let told = String::from_utf8_lossy(&run.stderr);
    assert_eq!(run.status.code(), Some(1), "{told}");
    assert!(told.contains("no Prometheus (`prometheus`) and no Alertmanager"), "{told}");
    assert!(run.stdout.is_empty(), "nothing was started");
    place.is_left_as_it_was().await;
}

#[tokio::test]
async fn an_interrupt_ends_everything_that_was_started() {
    for (signal, after) in [
        ("-INT", "requests/s through each pool"),
        ("-TERM", "Alertmanager"),
        ("-HUP", "requests/s through each pool"),
    ] {
        let place = Place::new();
        let mut run = Run::start(place.command(&["--prometheus"]));
        run.line(after).await;
        run.signal(signal).await;
        assert_eq!(run.ended().await.code(), Some(130), "{signal} after {after}");
        place.is_left_as_it_was().await;
    }
}

/// What cannot be heeded ends what was started all the same; only its files stay.
#[tokio::test]
async fn a_kill_leaves_no_program_running() {
    let place = Place::new();
    let mut run = Run::start(place.command(&["--prometheus"]));
    run.line("requests/s through each pool").await;
    assert!(working_in(&place.path()).is_some());
    run.signal("-KILL").await;
    assert!(run.ended().await.code().is_none());
    place.nobody_works_here().await;
}

#[tokio::test]
async fn a_closed_output_ends_the_run() {
    let place = Place::new();
    let mut run = Run::start(place.command(&[]));
    run.line("start").await;
    let Run { mut child, lines, .. } = run;
    drop(lines);
    let ended = timeout(STOPPED_WITHIN * 2, child.wait()).await.expect("it does not run on");
    assert_eq!(ended.expect("it ends").code(), Some(141));
    place.is_left_as_it_was().await;
}

/// What a command prints that is run in the folder of a run.
async fn asked(folder: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new(binary());
    command.args(arguments).current_dir(folder).env_remove("POINTSMAN_CONFIG").kill_on_drop(true);
    let output = timeout(BOUND, command.output()).await.expect("it ends").expect("it can be run");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {told}");
    String::from_utf8(output.stdout).expect("text")
}

/// The pool that is helped: its ETag, and its body to the letter.
async fn helped(folder: &Path) -> (String, String) {
    let text = asked(folder, &["backend", "get", "helped", "--json"]).await;
    let (etag, rest): (Vec<&str>, Vec<&str>) =
        text.lines().partition(|line| line.trim_start().starts_with("\"etag\":"));
    (etag.concat(), rest.join("\n"))
}

/// What follows in a line that says where to send something.
fn door(line: &str) -> String {
    let url = line.split_whitespace().last().expect("a URL");
    url.strip_suffix("/members/helped-us/break").expect("a door").to_owned()
}

#[tokio::test]
async fn a_kept_run_goes_on_after_a_kill_and_gives_back_what_it_took() {
    let place = Place::new();
    let state = place.path().join("state");
    let kept = ["--hold", "--state", "state"];

    let mut run = Run::start(place.command(&kept));
    run.line("requests/s through each pool").await;
    let (fresh, body) = helped(&state).await;
    run.line("azure     PATCH helped: eu 50 → 0").await;
    let (drained, changed) = helped(&state).await;
    assert!(fresh != drained && body != changed);
    let second = place.command(&kept).output().await.expect("it can be run");
    let told = String::from_utf8_lossy(&second.stderr);
    assert!(!second.status.success() && told.contains("another `pointsman dev`"), "{told}");
    run.signal("-KILL").await;
    assert_eq!(run.ended().await.code(), None);

    // Twice: after a kill, and after an end in good order.
    for _ in 0..2 {
        let mut run = Run::start(place.command(&kept));
        run.line("the emulated API Management, as it was left").await;
        let door = door(&run.line("/members/helped-us/break").await);
        assert_eq!(helped(&state).await, (drained.clone(), changed.clone()));
        let status = asked(&state, &["status"]).await;
        assert!(status.contains("drain helped-eu") && status.contains("in force"), "{status}");
        let members = reqwest::get(format!("{door}/members")).await.expect("the door is open");
        let members: Value = members.json().await.expect("JSON");
        assert_eq!(
            members[0],
            serde_json::json!({"name": "helped-eu", "pool": "helped", "health": "fails"})
        );
        run.signal("-INT").await;
        assert!(run.ended().await.success());
    }

    let mut run = Run::start(place.command(&kept));
    let door = door(&run.line("/members/helped-us/break").await);
    let heal = reqwest::Client::new().post(format!("{door}/members/helped-eu/heal")).send().await;
    assert!(heal.expect("the door is open").status().is_success());
    run.line("alert     BackendErrors of helped-eu is resolved").await;
    run.line("azure     PATCH helped: eu 25 → 50").await;
    assert_eq!(helped(&state).await.1, body, "to the letter");
    run.signal("-INT").await;
    assert!(run.ended().await.success());
    std::fs::remove_dir_all(&state).expect("it is kept, and nobody's any more");
    place.is_left_as_it_was().await;
}

#[tokio::test]
async fn a_state_is_kept_for_a_run_that_holds_and_in_a_folder_of_its_own() {
    let place = Place::new();
    let run = place.command(&["--state", "state"]).output().await.expect("it can be run");
    assert_eq!(run.status.code(), Some(2), "{run:?}");
    std::fs::write(place.path().join("theirs"), "").expect("a file");
    let run = place.command(&["--hold", "--state", "."]).output().await.expect("it can be run");
    let told = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.code() == Some(1) && told.contains("has other things in it"), "{told}");
    std::fs::remove_file(place.path().join("theirs")).expect("it is still there");
    place.is_left_as_it_was().await;
}
