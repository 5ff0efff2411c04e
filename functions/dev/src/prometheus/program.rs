//! Another program: found, started, asked whether it is ready, and ended.

use std::{
    env,
    ffi::OsStr,
    fs, io,
    net::{Ipv4Addr, TcpListener},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    thread,
    time::Duration,
};

use tokio::{
    process::{Child, Command},
    time::timeout,
};

use super::super::Failed;

/// What Prometheus is called.
const PROMETHEUS: [&str; 1] = ["prometheus"];

/// What Alertmanager is called: by Debian, and by everyone else.
const ALERTMANAGER: [&str; 2] = ["prometheus-alertmanager", "alertmanager"];

/// How often a program that found its port taken is started on another.
const STARTS_MAX: usize = 3;

/// How long a program may take until it is ready.
const READY_WITHIN: Duration = Duration::from_secs(20);

/// How often it is asked whether it is.
const ASK_EVERY: Duration = Duration::from_millis(50);

/// How long an answer to that may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// How often, and how many times at most, it is seen whether a program that was killed is gone.
const GONE_EVERY: Duration = Duration::from_millis(2);
const GONE_LOOKS_MAX: usize = 500;

/// How much of a program's log is told, in lines.
const LOG_LINES: usize = 5;

/// The programs, where they are.
#[derive(Clone, Debug)]
pub(crate) struct Installed {
    pub(super) prometheus: PathBuf,
    pub(super) alertmanager: PathBuf,
}

impl Installed {
    /// Looks for both on the `PATH`.
    pub(crate) fn find() -> Result<Self, Failed> {
        Self::find_in(&env::var_os("PATH").unwrap_or_default())
    }

    fn find_in(path: &OsStr) -> Result<Self, Failed> {
        let mut missing = Vec::new();
        let mut find = |names: &[&str], called: &'static str| {
            let found = program(path, names);
            missing.extend(found.is_none().then_some(called));
            found
        };
        let prometheus = find(&PROMETHEUS, "Prometheus (`prometheus`)");
        let both = "Alertmanager (`alertmanager` or `prometheus-alertmanager`)";
        match (prometheus, find(&ALERTMANAGER, both)) {
            (Some(prometheus), Some(alertmanager)) => Ok(Self { prometheus, alertmanager }),
            (_, _) => Err(Failed::from(format!(
                "--prometheus uses what is installed, and there is no {} on the PATH. Debian and Ubuntu \
                 have both: `apt install prometheus prometheus-alertmanager`; for elsewhere, see \
                 https://prometheus.io/download. Without --prometheus, a small watcher stands for both",
                missing.join(" and no ")
            ))),
        }
    }
}

/// The first of these names that a folder of the path has as a program.
fn program(path: &OsStr, names: &[&str]) -> Option<PathBuf> {
    let runs = |file: &PathBuf| {
        fs::metadata(file).is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
    };
    let folders: Vec<PathBuf> = env::split_paths(path).collect();
    names.iter().find_map(|name| folders.iter().map(|folder| folder.join(name)).find(runs))
}

/// Runs a program so that it is killed when this process is, if util-linux's tool for that is there.
/// Without it, the program goes on only if this process is killed.
fn command(file: &Path) -> Command {
    let path = env::var_os("PATH").unwrap_or_default();
    match program(&path, &["setpriv"]) {
        Some(setpriv) => {
            let mut command = Command::new(setpriv);
            command.args(["--pdeathsig", "KILL", "--"]).arg(file);
            command
        }
        None => Command::new(file),
    }
}

/// A running program. Dropping it kills it, and waits until it is gone, so that it does not write
/// into a folder that is about to be removed.
#[derive(Debug)]
pub(super) struct Program {
    name: String,
    child: Child,
    log: PathBuf,
    /// Where it listens.
    pub(super) url: String,
}

impl Program {
    /// Starts it in `folder` on a free port, and waits until it is ready.
    pub(super) async fn start(
        file: &Path,
        folder: &Path,
        arguments: &[&str],
    ) -> Result<Self, Failed> {
        let http = reqwest::Client::builder().no_proxy().timeout(ANSWER_WITHIN).build()?;
        for _ in 0..STARTS_MAX {
            let mut program = Self::spawn(file, folder, arguments)?;
            let ready = async {
                loop {
                    let answer = http.get(format!("{}/-/ready", program.url)).send().await;
                    if answer.is_ok_and(|answer| answer.status().is_success()) {
                        return Ok(());
                    }
                    if let Some(status) = program.child.try_wait()? {
                        return Err(program.told(&format!("ended at once ({status})")));
                    }
                    tokio::time::sleep(ASK_EVERY).await;
                }
            };
            match timeout(READY_WITHIN, ready).await {
                Ok(Ok(())) => return Ok(program),
                // Someone else took the port in between.
                Ok(Err(_)) if program.logged().contains("address already in use") => {}
                Ok(Err(failed)) => return Err(failed),
                Err(_) => {
                    let within = READY_WITHIN.as_secs();
                    return Err(program.told(&format!("was not ready within {within} s")));
                }
            }
        }
        Err(Failed::from(format!("{} found its port taken {STARTS_MAX} times", file.display())))
    }

    fn spawn(file: &Path, folder: &Path, arguments: &[&str]) -> Result<Self, Failed> {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let cannot =
            |error: io::Error| Failed::from(format!("{} cannot be run: {error}", file.display()));
        // It is free now; who takes it in between is found out by the log.
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let (url, log) = (format!("http://127.0.0.1:{port}"), folder.join(format!("{name}.log")));
        let child = command(file)
            .args(arguments)
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg(format!("--web.external-url={url}"))
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(&log).map_err(cannot)?)
            .kill_on_drop(true)
            .spawn()
            .map_err(cannot)?;
        Ok(Self { name, child, log, url })
    }

    /// Waits until it ends by itself, and says what it said last.
    pub(super) async fn ended(&mut self) -> Failed {
        let status = self.child.wait().await;
        let status = status.map_or_else(|error| error.to_string(), |status| status.to_string());
        self.told(&format!("ended by itself ({status})"))
    }

    /// Asks it to end, and kills it where that takes too long.
    pub(super) async fn end(mut self, within: Duration) -> Option<ExitStatus> {
        let id = self.child.id()?.to_string();
        let asked = Command::new("kill").arg("-TERM").arg(id).stderr(Stdio::null()).status().await;
        if asked.is_ok_and(|asked| asked.success())
            && let Ok(Ok(status)) = timeout(within, self.child.wait()).await
        {
            return Some(status);
        }
        None
    }

    fn logged(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    fn told(&self, what: &str) -> Failed {
        let logged = self.logged();
        let lines: Vec<&str> = logged.lines().collect();
        let last = lines[lines.len().saturating_sub(LOG_LINES)..].join("\n  ");
        Failed::from(format!("{} {what}; it said last:\n  {last}", self.name))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if self.child.id().is_none() || self.child.start_kill().is_err() {
            return;
        }
        for _ in 0..GONE_LOOKS_MAX {
            match self.child.try_wait() {
                Ok(None) => thread::sleep(GONE_EVERY),
                Ok(Some(_)) | Err(_) => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn what_is_missing_is_named_and_where_to_get_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, mode| {
            let path = folder.path().join(name);
            fs::write(&path, "").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        };
        let find = || match Installed::find_in(folder.path().as_os_str()) {
            Ok(Installed { prometheus, alertmanager }) => {
                let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
                format!("{}, {}", name(&prometheus), name(&alertmanager))
            }
            Err(why) => why.to_string(),
        };
        expect!["--prometheus uses what is installed, and there is no Prometheus (`prometheus`) and no Alertmanager (`alertmanager` or `prometheus-alertmanager`) on the PATH. Debian and Ubuntu have both: `apt install prometheus prometheus-alertmanager`; for elsewhere, see https://prometheus.io/download. Without --prometheus, a small watcher stands for both"].assert_eq(&find());
        file("prometheus", 0o755);
        file("alertmanager", 0o644);
        expect!["--prometheus uses what is installed, and there is no Alertmanager (`alertmanager` or `prometheus-alertmanager`) on the PATH. Debian and Ubuntu have both: `apt install prometheus prometheus-alertmanager`; for elsewhere, see https://prometheus.io/download. Without --prometheus, a small watcher stands for both"].assert_eq(&find());
        file("alertmanager", 0o755);
        expect!["prometheus, alertmanager"].assert_eq(&find());
        file("prometheus-alertmanager", 0o755);
        expect!["prometheus, prometheus-alertmanager"].assert_eq(&find());
    }
}
