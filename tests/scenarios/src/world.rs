//! An emulated Azure, a folder with a configuration, and the processes that are started in it.

use std::{
    path::PathBuf,
    process::{Output, Stdio},
    time::Duration,
};

use pointsman_emulator::{Emulator, Options};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

use crate::alerts::{Alert, webhook};

/// How long anything that must happen may take. Generous: the machine may be busy.
pub const BOUND: Duration = Duration::from_secs(60);

/// The secret that the scenarios' Alertmanager sends.
pub const TOKEN: &str = "scenario-token";

/// A playbook that drains the member that an alert names.
pub const DRAIN: &str = r#"
plays:
  - name: drain-failing-member
    when: signal.labels.alertname == "BackendErrors"
    do: [{drain: {pool: chat, member: "${signal.labels.backend}"}}]
"#;

/// An emulated Azure, and a folder for a Pointsman.
pub struct World {
    /// The emulated Azure.
    pub azure: Emulator,
    /// Where everything of Pointsman's is.
    pub folder: tempfile::TempDir,
    /// For webhooks.
    pub http: reqwest::Client,
}

/// A running `pointsman serve`. Killed when it is dropped.
pub struct Serve {
    child: Child,
    /// Where it listens.
    pub url: String,
}

/// The binary under test, built by the same cargo run.
#[must_use]
pub fn binary() -> PathBuf {
    // Tests are run from target/PROFILE/deps; the binaries are beside that folder.
    let mut path = std::env::current_exe().expect("a test is a file");
    path.pop();
    if path.ends_with("deps") {
        path.pop();
    }
    let binary = path.join("pointsman");
    assert!(
        binary.exists(),
        "{} is missing: run `cargo build --workspace` first",
        binary.display()
    );
    binary
}

impl World {
    /// Azure with the pool `chat` of `eu` 50, `us` 30, `ap` 20, and a configuration with these plays.
    pub async fn new(plays: &str) -> Self {
        Self::with(Options::default(), plays).await
    }

    /// The same, with an emulator of other options.
    pub async fn with(options: Options, plays: &str) -> Self {
        let azure = Emulator::start(options).await.expect("free ports");
        for (member, port) in [("eu", 1), ("us", 2), ("ap", 3)] {
            azure.put_single(member, &format!("http://127.0.0.1:{port}")).expect("a Single");
        }
        azure
            .put_pool(
                "chat",
                &[("eu", Some(50), None), ("us", Some(30), None), ("ap", Some(20), None)],
            )
            .expect("a pool");
        azure.forget_requests();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let world = Self { azure, folder, http: reqwest::Client::new() };
        world.write_config();
        world.write_playbook(plays);
        world
    }

    /// Where a file of this world is.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write_config(&self) {
        let config = format!(
            "listen: 127.0.0.1:0\n\
             playbook: playbook.yaml\n\
             azure: {{endpoint: '{}', checkEvery: never, credential: token, token: {{env: AZURE_TOKEN}}}}\n\
             sources: [{{name: prometheus, kind: alertmanager, bearer: [{{env: SOURCE_TOKEN}}]}}]\n",
            self.azure.arm_url(),
        );
        std::fs::write(self.path("pointsman.yaml"), config).expect("a configuration is written");
    }

    /// Writes the playbook: the service and the pool, and these plays.
    pub fn write_playbook(&self, plays: &str) {
        let service = self.azure.service();
        let text = format!(
            "version: 1\n\
             services: {{main: {{subscription: {}, resourceGroup: {}, name: {}}}}}\n\
             pools: {{chat: {{service: main, backend: chat, limits: {{leastMembers: 1}}}}}}\n{plays}",
            service.subscription(),
            service.resource_group(),
            service.name(),
        );
        std::fs::write(self.path("playbook.yaml"), text).expect("a playbook is written");
    }

    /// A `pointsman` command in this world.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env("AZURE_TOKEN", self.azure.token())
            .env("SOURCE_TOKEN", TOKEN)
            .env("USER", "tester")
            .env_remove("SUDO_USER")
            .env_remove("POINTSMAN_CONFIG")
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// Runs a command to its end.
    pub async fn run(&self, arguments: &[&str]) -> Output {
        let run = self.command(arguments).output();
        tokio::time::timeout(BOUND * 2, run).await.expect("a command ends").expect("it can be run")
    }

    /// Runs a command that must succeed, and gives what it printed. A `status` may find trouble.
    pub async fn ok(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments).await;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let told = String::from_utf8_lossy(&output.stderr);
        let trouble = arguments.first() == Some(&"status") && output.status.code() == Some(3);
        let well = output.status.success() || trouble;
        assert!(well, "{arguments:?}: {}\n{text}\n{told}", output.status);
        text
    }

    /// Runs a command that must succeed, and reads its JSON.
    pub async fn json(&self, arguments: &[&str]) -> Value {
        let arguments: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
        serde_json::from_str(&self.ok(&arguments).await).expect("JSON is printed")
    }

    /// Starts `serve`, and waits until it listens.
    pub async fn serve(&self, arguments: &[&str]) -> Serve {
        let all: Vec<&str> = ["serve"].into_iter().chain(arguments.iter().copied()).collect();
        self.serve_by(self.command(&all)).await
    }

    /// Starts a command that becomes `serve`, and waits until it listens.
    pub async fn serve_by(&self, mut command: Command) -> Serve {
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.path("serve.log"))
            .expect("a log");
        let mut child =
            command.stdout(Stdio::piped()).stderr(log).spawn().expect("serve can be started");
        let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let line = tokio::time::timeout(BOUND, lines.next_line()).await;
        let line = line.expect("serve listens in time").expect("its output can be read");
        let Some(line) = line else { panic!("serve ended at once:\n{}", self.log()) };
        let url = line.strip_prefix("listening on ").expect("it says where").to_owned();
        Serve { child, url }
    }

    /// What `serve` has told so far.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path("serve.log")).unwrap_or_default()
    }

    /// Sends a webhook, and gives the status of its answer.
    pub async fn send(&self, serve: &Serve, alerts: &[Alert]) -> u16 {
        let sent = self
            .http
            .post(format!("{}/alerts/prometheus", serve.url))
            .bearer_auth(TOKEN)
            .json(&webhook(alerts))
            .send()
            .await;
        sent.expect("serve answers").status().as_u16()
    }

    /// Waits until the members' weights are these, in the order eu, us, ap.
    pub async fn weights(&self, wanted: [u64; 3]) {
        let names = ["eu", "us", "ap"];
        let waited = self
            .azure
            .wait_for(
                |azure| {
                    names.iter().zip(wanted).all(|(name, weight)| {
                        azure.weight("chat", name).map(u64::from) == Some(weight)
                    })
                },
                BOUND,
            )
            .await;
        if let Err(error) = waited {
            panic!("the weights never were {wanted:?}: {error}\n{}", self.log());
        }
    }

    /// Waits until nothing is going on in Pointsman's store.
    pub async fn at_rest(&self) {
        self.until("everything is at rest", async |world: &Self| {
            let status = world.json(&["status"]).await;
            let backends = status["backends"].as_array().expect("a list");
            backends.iter().all(|backend| {
                ["overrides", "fields"].iter().all(|part| backend[part] == json!([]))
            })
        })
        .await;
    }

    /// Waits until something is so, asking again and again, within the bound.
    pub async fn until(&self, what: &str, so: impl AsyncFn(&Self) -> bool) {
        let asked = async {
            while !so(self).await {
                tokio::task::yield_now().await;
            }
        };
        if tokio::time::timeout(BOUND, asked).await.is_err() {
            panic!("in vain: {what}\n{}", self.log());
        }
    }

    /// Ends a test: nothing may be left over.
    pub fn finish(self) {
        self.azure.finish();
    }
}

impl Serve {
    /// The process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    /// The most memory that it has had at a time so far, in bytes: `VmHWM` of its process.
    #[must_use]
    pub fn memory_peak(&self) -> u64 {
        let id = self.child.id().expect("it runs");
        let status =
            std::fs::read_to_string(format!("/proc/{id}/status")).expect("a process has a status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib =
            line.and_then(|line| line.trim().strip_suffix("kB")).expect("it says how much, in kB");
        kib.trim().parse::<u64>().expect("a number") * 1_024
    }

    /// How much time of processors it has had so far: what it cost, however busy the machine is.
    #[must_use]
    pub fn processor_time(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.id()))
            .expect("a process has one");
        // The name, in brackets, may hold anything; what follows begins with the third field, and
        // the 14th and 15th are the time in hundredths of a second (proc(5)).
        let (_, fields) = stat.rsplit_once(')').expect("the name is in brackets");
        let ticks = fields.split_whitespace().skip(11).take(2);
        let ticks: u64 = ticks.map(|field| field.parse::<u64>().expect("a number")).sum();
        Duration::from_millis(ticks * 10)
    }

    /// Kills it, as a power cut or the kernel would.
    pub async fn kill(mut self) {
        self.child.kill().await.expect("it can be killed");
    }

    /// Asks it to stop, and waits until it has; gives whether it ended well.
    pub async fn stop(mut self) -> bool {
        let id = self.child.id().expect("it runs");
        let kill = Command::new("kill").arg("-TERM").arg(id.to_string()).status().await;
        assert!(kill.expect("kill runs").success());
        let ended = tokio::time::timeout(BOUND, self.child.wait()).await;
        ended.expect("it stops in time").expect("it ends").success()
    }
}
