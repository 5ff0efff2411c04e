//! Other programs, run as a person would, from the root of the workspace.

use std::{
    env,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

/// How long the output of a program that has ended may stay open. It does when something that
/// it started is still running, and that is a failure: tests leave nothing behind.
const LEFTOVER_SECONDS_MAX: u64 = 10;

/// The root of the workspace.
pub(crate) fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here)
}

/// Where Cargo builds: this program is in the folder of a profile in there.
pub(crate) fn build_folder() -> Result<PathBuf, String> {
    let here = env::current_exe()
        .map_err(|error| format!("it is not known where this program is: {error}"))?;
    let folder = here.ancestors().nth(2).map(Path::to_owned);
    folder.ok_or_else(|| format!("{} is not in a build folder", here.display()))
}

/// A program that is run from the root and is never asked anything.
pub(crate) fn program(name: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(name);
    command.args(arguments).current_dir(root()).stdin(Stdio::null());
    command
}

/// The same Cargo that runs this.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    program(&env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()), arguments)
}

/// Runs a command that prints to where this prints.
pub(crate) fn run(mut command: Command) -> Result<(), String> {
    let status = command.status().map_err(|error| not_started(&command, &error))?;
    succeeded(&command, status)
}

/// Runs a command whose standard output is shown, line by line as it comes, and heard.
pub(crate) fn run_and_read(
    mut command: Command,
    mut hear: impl FnMut(&str) + Send + 'static,
) -> Result<(), String> {
    let mut child =
        command.stdout(Stdio::piped()).spawn().map_err(|error| not_started(&command, &error))?;
    let Some(output) = child.stdout.take() else {
        return Err(format!("`{}` has no output", line(&command)));
    };
    let (ended, wait_for_end) = mpsc::channel();
    thread::spawn(move || {
        let outcome = BufReader::new(output).split(b'\n').try_for_each(|text| {
            let text = text?;
            let mut shown = std::io::stdout().lock();
            shown.write_all(&text)?;
            shown.write_all(b"\n")?;
            shown.flush()?;
            drop(shown);
            hear(&String::from_utf8_lossy(&text));
            Ok::<(), std::io::Error>(())
        });
        // Nobody listens any more if this took too long.
        let _ = ended.send(outcome);
    });
    let status = child.wait().map_err(|error| not_started(&command, &error))?;
    // Whatever the status: what is still to be read may be what tells why.
    let read = wait_for_end.recv_timeout(Duration::from_secs(LEFTOVER_SECONDS_MAX));
    succeeded(&command, status)?;
    match read {
        Ok(outcome) => outcome.map_err(|error| format!("its output could not be read: {error}")),
        Err(_) => Err(format!(
            "`{}` has ended, but something that it started still runs and holds its output",
            line(&command)
        )),
    }
}

/// Runs a command for its standard output.
pub(crate) fn output(mut command: Command) -> Result<Vec<u8>, String> {
    let output =
        command.stderr(Stdio::inherit()).output().map_err(|error| not_started(&command, &error))?;
    succeeded(&command, output.status)?;
    Ok(output.stdout)
}

/// Whether a command can be run and ends well; it prints nothing.
pub(crate) fn succeeds(mut command: Command) -> bool {
    command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Where on the `PATH` a program is.
pub(crate) fn on_path(name: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|dir| dir.join(name)).find(|path| path.is_file())
}

fn succeeded(command: &Command, status: ExitStatus) -> Result<(), String> {
    if status.success() { Ok(()) } else { Err(format!("`{}`: {status}", line(command))) }
}

fn not_started(command: &Command, error: &std::io::Error) -> String {
    format!("`{}` could not be run: {error}", line(command))
}

/// The command as one would type it.
fn line(command: &Command) -> String {
    let name = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    std::iter::once(name)
        .chain(command.get_args())
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    fn shell(script: &str) -> Command {
        program("sh", &["-c", script])
    }

    #[test]
    fn the_root_is_the_workspaces() {
        let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
        assert!(manifest.contains("[workspace]"));
    }

    #[test]
    fn output_is_heard_line_by_line_whatever_its_bytes() {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&lines);
        run_and_read(shell(r"printf 'one\ntw\377o\nthree'"), move |line| {
            heard.lock().unwrap().push(line.to_owned());
        })
        .unwrap();
        assert_eq!(*lines.lock().unwrap(), ["one", "tw\u{fffd}o", "three"]);
    }

    #[test]
    fn a_failure_names_the_command_and_its_status() {
        let error = run(shell("exit 3")).unwrap_err();
        assert!(error.contains("sh -c exit 3") && error.contains('3'), "{error}");
        let (heard, lines) = mpsc::channel();
        let error = run_and_read(shell("seq 5000; exit 4"), move |line| {
            heard.send(line.to_owned()).unwrap();
        })
        .unwrap_err();
        assert!(error.contains("exit 4"), "{error}");
        assert_eq!(lines.try_iter().last().as_deref(), Some("5000"), "all of it, though it failed");
        let error = run(program("no-such-program-here", &[])).unwrap_err();
        assert!(error.contains("could not be run"), "{error}");
    }

    #[test]
    fn programs_are_found_on_the_path() {
        assert!(on_path("sh").is_some());
        assert!(on_path("no-such-program-here").is_none());
    }
}
