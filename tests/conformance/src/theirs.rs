//! A client of other people's, behind the driver in its own language.

use std::{path::Path, process::Stdio};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
};

use crate::{
    azure::{Azure, BOUND},
    client::Name,
    installed,
    list::Call,
    report::Said,
};

/// A running driver. Killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Theirs {
    name: Name,
    child: Child,
    calls: ChildStdin,
    said: Lines<BufReader<ChildStdout>>,
    /// What it says besides.
    log: tempfile::NamedTempFile,
}

impl Theirs {
    /// Starts the driver with the client that is installed.
    pub(crate) fn start(name: Name, azure: &Azure) -> Self {
        let home = installed::folder(name);
        let drivers = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients");
        let (program, driver) = match name {
            Name::Python5 | Name::Python4 => (home.join("bin/python"), "driver.py"),
            Name::JavaScript10 | Name::JavaScript9 => ("node".into(), "driver.mjs"),
            Name::Ours2024 | Name::Ours2022 => panic!("{name} is none of theirs"),
        };
        let log = tempfile::NamedTempFile::new().expect("a temporary file");
        let [subscription, ..] = azure.service_parts();
        let mut child = Command::new(program)
            .arg(drivers.join(driver))
            .env("ARM", azure.arm())
            .env("TOKEN", azure.token())
            .env("SUBSCRIPTION", subscription)
            .env("CLIENT", &home)
            // What the machine is set up for is nothing to the test.
            .envs([("NO_PROXY", "*"), ("no_proxy", "*")])
            .env_remove("NODE_OPTIONS")
            .env_remove("PYTHONPATH")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log.reopen().expect("it is there"))
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("{name}'s driver cannot be started: {error}"));
        let calls = child.stdin.take().expect("it is piped");
        let said = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        Self { name, child, calls, said, log }
    }

    /// Has it make a call, and gives what it says.
    pub(crate) async fn make(&mut self, call: &Call) -> Said {
        let mut line = serde_json::to_string(call).expect("a call is JSON");
        line.push('\n');
        let answered = async {
            self.calls.write_all(line.as_bytes()).await.ok()?;
            self.said.next_line().await.ok()?
        };
        let said = match tokio::time::timeout(BOUND, answered).await {
            Ok(Some(said)) => said,
            Ok(None) => panic!("{}'s driver ended:\n{}", self.name, self.log()),
            Err(_) => panic!("{}'s driver says nothing to {line}{}", self.name, self.log()),
        };
        serde_json::from_str(&said)
            .unwrap_or_else(|error| panic!("{}'s driver says {said}: {error}", self.name))
    }

    /// Ends it, as an end of its input does; it must end well.
    pub(crate) async fn end(self) {
        let Self { name, mut child, calls, said, log } = self;
        drop(calls);
        let ended = tokio::time::timeout(BOUND, child.wait()).await;
        let status = ended.expect("a driver ends in time").expect("it can be waited for");
        drop(said);
        let log = std::fs::read_to_string(log.path()).unwrap_or_default();
        assert!(status.success(), "{name}'s driver: {status}\n{log}");
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.log.path()).unwrap_or_default()
    }
}
