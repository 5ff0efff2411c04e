//! The project's own tasks: `cargo xtask help` lists them.
//!
//! They run what a person would run by hand, with the same commands, so that what passes here
//! passes there. `test` is the one that CI runs; it takes a fresh machine with Rust and nothing
//! else, and says whether everything passed.

mod clients;
mod command;
mod components;
mod fuzz;
mod generate;
mod packages;
mod policy;
mod report;
mod servers;
mod tally;

use std::{
    env,
    process::{Command, ExitCode},
    sync::Arc,
};

use crate::{
    command::{build_folder, cargo, root, run, run_and_read},
    report::Report,
};

const HELP: &str = "\
cargo xtask TASK

  check      checks formatting and lints: run it before a commit
  test       everything, with a time per stage; installs what is missing or names it
  clients    installs the clients for the conformance tests into the build folder
  fuzz       runs the fuzz targets longer and with other inputs: [TARGET...] [SECONDS]
  generate   writes again the files that are generated and checked in
  bench      runs the benchmarks on release builds; further arguments are passed to them
  help       this text
";

/// The lints' command, the same for `check` and `test`.
const CLIPPY: [&str; 6] = ["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"];
const FMT: [&str; 3] = ["fmt", "--all", "--check"];

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments.as_slice() {
        [] | ["help" | "--help" | "-h"] => {
            print!("{HELP}");
            Ok(())
        }
        ["check"] => check(),
        ["test"] => return test(),
        ["clients"] => clients::ensure(),
        ["generate"] => generate::all(),
        ["bench", rest @ ..] => bench(rest),
        ["fuzz", rest @ ..] => {
            let (targets, seconds) = fuzz::read(rest);
            fuzz::fuzz(&targets, seconds, None)
        }
        [task @ ("check" | "test" | "clients" | "generate" | "help"), ..] => {
            Err(format!("`{task}` takes no arguments"))
        }
        [unknown, ..] => Err(format!("there is no task `{unknown}`\n\n{HELP}")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}

fn check() -> Result<(), String> {
    components::ensure()?;
    run(cargo(&FMT)).map_err(|error| not_formatted(&error))?;
    run(cargo(&CLIPPY))
}

fn not_formatted(error: &str) -> String {
    format!("{error}\n`cargo fmt --all` puts it right")
}

fn bench(rest: &[&str]) -> Result<(), String> {
    // Both at once, because the benchmarks start the real program and look for it beside themselves.
    let build = ["build", "--release", "--package", "pointsman", "--package", "pointsman-benches"];
    run(cargo(&build))?;
    let mut benches = Command::new(build_folder()?.join("release/pointsman-benches"));
    benches.args(rest).current_dir(root());
    run(benches)
}

/// All stages, until one fails. The last line tells the tests' numbers either way.
fn test() -> ExitCode {
    let mut report = Report::default();
    let outcome = stages(&mut report);
    report.close(&outcome);
    if outcome.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn stages(report: &mut Report) -> Result<(), String> {
    report.stage("tools", || {
        components::ensure()?;
        servers::SERVERS.ensure()?;
        fuzz::ensure()?;
        clients::ensure()
    })?;
    report.stage("fmt", || run(cargo(&FMT)).map_err(|error| not_formatted(&error)))?;
    report.stage("clippy", || run(cargo(&CLIPPY)))?;
    report.stage("build", || {
        // Both, for the scenarios start programs that no test of their own package needs.
        run(cargo(&["build", "--workspace"]))?;
        run(cargo(&["test", "--workspace", "--no-run"]))
    })?;
    let tally = Arc::clone(&report.tally);
    report.stage("test", || run_and_read(tests(), move |line| tally.hear(line)))?;
    report.stage("fuzz", || fuzz::fuzz(&[], fuzz::ALL_SECONDS, Some(fuzz::ALL_SEED)))
}

/// All tests. The properties try the same cases in each run, so that a run fails because of a change
/// and not by chance: other cases are for `cargo test`, and for the nightly run.
fn tests() -> Command {
    let mut tests = cargo(&["test", "--workspace", "--no-fail-fast"]);
    tests.env("PROPTEST_RNG_SEED", fuzz::ALL_SEED.to_string());
    // What is read of the output is read as it is.
    tests.env("CARGO_TERM_COLOR", "never");
    tests
}
