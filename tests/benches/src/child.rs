//! Another process that serves HTTP, and says where on its first line.

use std::{
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

use crate::error::Failed;

/// How long anything that must happen may take before the run is given up.
pub(crate) const BOUND: Duration = Duration::from_secs(60);

/// How long a process must have computed nothing to be at rest.
const REST: Duration = Duration::from_millis(300);

/// How much a process at rest may compute meanwhile, in ticks of 10 ms: it has timers.
const REST_TICKS_MAX: u64 = 1;

/// A running process; killed when it is dropped.
pub(crate) struct Serving {
    child: Child,
    /// Where it listens.
    pub(crate) url: String,
    /// When it was asked for.
    pub(crate) spawned: Instant,
    /// Kept open, so that it can go on printing.
    _output: Lines<BufReader<ChildStdout>>,
}

impl Serving {
    /// Starts it, and waits until it says where it listens. What it tells goes to a file.
    pub(crate) async fn start(mut command: Command, log: &Path) -> Result<Self, Failed> {
        let told = std::fs::OpenOptions::new().create(true).append(true).open(log)?;
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(told).kill_on_drop(true);
        let spawned = Instant::now();
        let mut child = command.spawn()?;
        let Some(output) = child.stdout.take() else {
            return Err(Failed::new("a process has no output"));
        };
        let mut lines = BufReader::new(output).lines();
        let first = tokio::time::timeout(BOUND, lines.next_line()).await??;
        let url = first.as_deref().and_then(|line| line.strip_prefix("listening on "));
        let Some(url) = url.map(str::to_owned) else {
            let log = std::fs::read_to_string(log).unwrap_or_default();
            return Err(Failed(format!("a process did not say where it listens:\n{log}")));
        };
        Ok(Self { child, url, spawned, _output: lines })
    }

    fn id(&self) -> Result<u32, Failed> {
        self.child.id().ok_or_else(|| Failed::new("a process has ended by itself"))
    }

    /// One of the sizes in `/proc/PID/status`, in bytes.
    pub(crate) fn memory(&self, name: &str) -> Result<u64, Failed> {
        let path = format!("/proc/{}/status", self.id()?);
        let status = std::fs::read_to_string(&path)?;
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        kilobytes.map(|size| size * 1024).ok_or_else(|| Failed(format!("{path} has no {name}")))
    }

    /// How much it has computed so far, in the system's ticks of 10 ms.
    fn ticks(&self) -> Result<u64, Failed> {
        let path = format!("/proc/{}/stat", self.id()?);
        let stat = std::fs::read_to_string(&path)?;
        // The name, in parentheses, may hold anything; utime and stime are the 12th and 13th after.
        let after = stat.rsplit_once(')').map_or("", |(_, after)| after);
        let ticks: Vec<u64> = after
            .split_ascii_whitespace()
            .skip(11)
            .take(2)
            .filter_map(|field| field.parse().ok())
            .collect();
        match ticks[..] {
            [user, system] => Ok(user + system),
            _ => Err(Failed(format!("{path} has another form"))),
        }
    }

    /// Waits until it computes nothing any more.
    pub(crate) async fn at_rest(&self) -> Result<(), Failed> {
        let began = Instant::now();
        loop {
            let before = self.ticks()?;
            tokio::time::sleep(REST).await;
            if self.ticks()? - before <= REST_TICKS_MAX {
                return Ok(());
            }
            if began.elapsed() > BOUND {
                return Err(Failed::new("a process did not come to rest"));
            }
        }
    }

    /// Kills it.
    pub(crate) async fn end(mut self) -> Result<(), Failed> {
        Ok(self.child.kill().await?)
    }
}
