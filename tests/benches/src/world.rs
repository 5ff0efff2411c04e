//! A folder with a configuration, the pools that it is about, and who sends webhooks to it.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use axum::http::StatusCode;
use tokio::process::Command;

use crate::{
    azure::Azure,
    child::{BOUND, Serving},
    error::Failed,
};

/// The secret that the webhooks come with.
pub(crate) const TOKEN: &str = "bench-token";

/// What a member's weight is while nothing is heard of it.
pub(crate) const WEIGHT: u32 = 5;

/// The variable that the emulator's token is handed over in.
pub(crate) const AZURE_TOKEN: &str = "AZURE_TOKEN";

/// Pools of Azure, and a folder for a Pointsman that has a play for all of them.
pub(crate) struct World {
    folder: tempfile::TempDir,
    azure_token: String,
    pub(crate) pools: Vec<String>,
    pub(crate) members: Vec<String>,
    http: reqwest::Client,
}

impl World {
    /// `pools` pools whose names begin with `prefix`, of `members` equal members each.
    pub(crate) fn new(
        azure: &Azure,
        prefix: &str,
        pools: usize,
        members: usize,
    ) -> Result<Self, Failed> {
        let pools: Vec<String> = (0..pools).map(|at| format!("{prefix}-{at}")).collect();
        let members: Vec<String> = (0..members).map(|at| format!("member-{at}")).collect();
        for member in &members {
            azure.put_single(member.as_str(), "http://127.0.0.1:9")?;
        }
        let seats: Vec<_> =
            members.iter().map(|member| (member.as_str(), Some(WEIGHT), None)).collect();
        for pool in &pools {
            azure.put_pool(pool.as_str(), &seats)?;
        }
        azure.forget_requests();
        let folder = tempfile::tempdir()?;
        let http = reqwest::Client::builder().no_proxy().tcp_nodelay(true);
        let http = http.tls_certs_only(std::iter::empty()).build()?;
        let world = Self { folder, azure_token: azure.token(), pools, members, http };
        std::fs::write(world.path("pointsman.yaml"), configuration(azure))?;
        std::fs::write(world.path("playbook.yaml"), world.playbook(azure)?)?;
        Ok(world)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn playbook(&self, azure: &Azure) -> Result<String, Failed> {
        let service = azure.service();
        let mut text = format!(
            "version: 1\n\
             services: {{main: {{subscription: {}, resourceGroup: {}, name: {}}}}}\n\
             pools:\n",
            service.subscription(),
            service.resource_group(),
            service.name(),
        );
        for pool in &self.pools {
            writeln!(
                text,
                "  {pool}: {{service: main, backend: {pool}, limits: {{leastMembers: 1}}}}"
            )?;
        }
        text.push_str(
            "plays:\n  - name: drain\n    \
             when: signal.labels.alertname == \"BackendErrors\"\n    \
             do: [{drain: {pool: \"${signal.labels.pool}\", member: \"${signal.labels.backend}\"}}]\n",
        );
        Ok(text)
    }

    /// A command of this folder, that knows Azure's token and the sender's.
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.folder.path())
            .env(AZURE_TOKEN, &self.azure_token)
            .env("SOURCE_TOKEN", TOKEN)
            .env_remove("POINTSMAN_CONFIG")
            .env_remove("POINTSMAN_LOG");
        command
    }

    /// Starts the real program.
    pub(crate) async fn serve(&self) -> Result<Serving, Failed> {
        let program = beside_this("pointsman")?;
        let mut command = self.command(&program);
        command.arg("serve");
        Serving::start(command, &self.path("serve.log")).await
    }

    /// How long the real program takes to check a playbook, which must be good.
    pub(crate) async fn check(&self, playbook: &Path) -> Result<Duration, Failed> {
        let program = beside_this("pointsman")?;
        let mut command = self.command(&program);
        command.args(["playbook", "check"]).arg(playbook).kill_on_drop(true);
        let began = Instant::now();
        let output = tokio::time::timeout(BOUND, command.output()).await??;
        let took = began.elapsed();
        if output.status.success() {
            return Ok(took);
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(Failed(format!("a good playbook is refused: {said}")))
    }

    /// Starts the bare forwarder, with its commits or without.
    pub(crate) async fn forward(&self, azure: &Azure, commits: bool) -> Result<Serving, Failed> {
        let mut command = self.command(&std::env::current_exe()?);
        command.args(["forwarder", "--backends"]);
        command.arg(format!("{}{}/backends", azure.arm_url(), azure.service().id()));
        if commits {
            command.arg("--store").arg(self.path("forwarder.db"));
        }
        Serving::start(command, &self.path("forwarder.log")).await
    }

    /// Sends a webhook, which must be accepted.
    pub(crate) async fn send(&self, serving: &Serving, body: String) -> Result<(), Failed> {
        let sent = self
            .http
            .post(format!("{}/alerts/prometheus", serving.url))
            .bearer_auth(TOKEN)
            .header("content-type", "application/json")
            .body(body)
            .send()
            .await?;
        match sent.status().as_u16() {
            202 => Ok(()),
            status => {
                let said = sent.text().await.unwrap_or_default();
                Err(Failed(format!("a webhook was answered {status}: {said}")))
            }
        }
    }

    /// Asks whether it lives, and waits for a yes.
    pub(crate) async fn live(&self, serving: &Serving) -> Result<(), Failed> {
        let answer = self.http.get(format!("{}/health/live", serving.url)).send().await?;
        let status = StatusCode::from_u16(answer.status().as_u16())?;
        if status == StatusCode::OK {
            Ok(())
        } else {
            Err(Failed(format!("health was answered {status}")))
        }
    }
}

fn configuration(azure: &Azure) -> String {
    format!(
        "listen: 127.0.0.1:0\n\
         playbook: playbook.yaml\n\
         azure: {{endpoint: '{}', checkEvery: never, credential: token, token: {{env: {AZURE_TOKEN}}}}}\n\
         sources: [{{name: prometheus, kind: alertmanager, bearer: [{{env: SOURCE_TOKEN}}]}}]\n",
        azure.arm_url(),
    )
}

/// A program that the same profile was built for.
fn beside_this(name: &str) -> Result<PathBuf, Failed> {
    let path = std::env::current_exe()?.with_file_name(name);
    if path.exists() {
        return Ok(path);
    }
    Err(Failed(format!("{} is missing: `cargo xtask bench` builds it", path.display())))
}
