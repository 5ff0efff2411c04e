//! The fuzz targets, under libFuzzer: `tests/fuzz` says what they are.
//!
//! One program holds all targets, so that it is built and linked once. It is built with the
//! coverage that libFuzzer goes by, which the stable compiler has for those who ask for its pass
//! by name (what cargo-fuzz does with `--sanitizer none`), in a folder of its own, since nothing
//! else is built so. Host and target are told apart to Cargo by naming the target: what runs while
//! building, such as macros, is then built without it.
//!
//! What libFuzzer learns it keeps beside the program, for the next run on the same machine. What
//! fails is written to `tests/fuzz/found`, where the tests replay it from then on.

use std::{
    env, fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::command::{cargo, on_path, output, program, root, run};

/// How long all targets take together in a run of everything, in seconds.
pub(crate) const ALL_SECONDS: u64 = 120;

/// How large an input may become, in bytes. What reads more is bounded elsewhere, and tested.
const INPUT_BYTES_MAX: u64 = 8 << 10;

/// How long one input may take, in seconds: a thousand times what any does.
const INPUT_SECONDS_MAX: u64 = 10;

/// Where libFuzzer's program finds the target's name.
const NAME: &str = "POINTSMAN_FUZZ_TARGET";

/// How many of its last lines are shown of a run that failed.
const LINES_SHOWN_MAX: usize = 40;

/// What makes the compiler count which edges are taken, as libFuzzer reads it.
const COVERAGE: [&str; 5] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
];

/// Runs the targets that are named, or all of them, for so long together.
pub(crate) fn fuzz(named: &[&str], seconds: u64) -> Result<(), String> {
    let targets = chosen(&list(&folder("corpus"))?, named)?;
    let fuzzer = build()?;
    let each = (seconds / targets.len() as u64).max(1);
    for target in &targets {
        println!("{}", one(&fuzzer, target, each)?);
    }
    Ok(())
}

/// What `cargo xtask fuzz` was given: a target, seconds, both, or neither.
pub(crate) fn read<'a>(rest: &[&'a str]) -> Result<(Vec<&'a str>, u64), String> {
    match *rest {
        [] => Ok((Vec::new(), ALL_SECONDS)),
        [one] => match one.parse() {
            Ok(seconds) => Ok((Vec::new(), seconds)),
            Err(_) => Ok((vec![one], ALL_SECONDS)),
        },
        [target, seconds] => match seconds.parse() {
            Ok(seconds) => Ok((vec![target], seconds)),
            Err(_) => Err(format!("`{seconds}` is no number of seconds")),
        },
        _ => {
            Err("`fuzz` takes a target, a number of seconds, both in that order, or neither"
                .to_owned())
        }
    }
}

fn folder(name: &str) -> PathBuf {
    root().join("tests/fuzz").join(name)
}

/// The names of the folders in a folder, in order.
fn list(folder: &Path) -> Result<Vec<String>, String> {
    let unread = |error| format!("{} could not be read: {error}", folder.display());
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(unread)? {
        let entry = entry.map_err(unread)?;
        if entry.path().is_dir() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

fn chosen(all: &[String], named: &[&str]) -> Result<Vec<String>, String> {
    match named.iter().find(|name| all.iter().all(|one| one != *name)) {
        Some(unknown) => {
            Err(format!("there is no target `{unknown}`: they are {}", all.join(", ")))
        }
        None if named.is_empty() => Ok(all.to_vec()),
        None => Ok(named.iter().map(|name| (*name).to_owned()).collect()),
    }
}

/// Builds the program that has all targets, and says where it is.
fn build() -> Result<PathBuf, String> {
    if on_path("c++").is_none() && env::var_os("CXX").is_none() {
        return Err("libFuzzer is written in C++, and no `c++` is on the PATH; on Debian and \
                    Ubuntu: sudo apt-get install g++"
            .to_owned());
    }
    let compiler = env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let version = output(program(&compiler, &["--version", "--verbose"]))?;
    let host = host(&String::from_utf8_lossy(&version))?;
    let built = root().join("target/fuzz");
    let mut build = cargo(&[
        "build",
        "--package=pointsman-fuzz",
        "--bin=fuzz",
        "--features=libfuzzer",
        "--profile=fuzz",
        "--target",
        &host,
        "--target-dir",
    ]);
    build.arg(&built);
    // Of whoever runs this, flags of their own would only be added to.
    build.env_remove("RUSTFLAGS").env("CARGO_ENCODED_RUSTFLAGS", COVERAGE.join("\u{1f}"));
    run(build)?;
    Ok(built.join(host).join("fuzz/fuzz"))
}

/// The target that the compiler runs on, by its own word.
fn host(version: &str) -> Result<String, String> {
    let line = version.lines().find_map(|line| line.strip_prefix("host: "));
    line.map(str::to_owned).ok_or_else(|| format!("rustc does not say its host:\n{version}"))
}

/// Runs one target, and says in a line what was done.
fn one(fuzzer: &Path, target: &str, seconds: u64) -> Result<String, String> {
    let learnt = root().join("target/fuzz/corpus").join(target);
    let found = folder("found").join(target);
    for folder in [&learnt, &found] {
        fs::create_dir_all(folder)
            .map_err(|error| format!("{} could not be made: {error}", folder.display()))?;
    }
    let mut command = Command::new(fuzzer);
    command
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-max_len={INPUT_BYTES_MAX}"))
        .arg(format!("-timeout={INPUT_SECONDS_MAX}"))
        .arg(format!("-dict={}", folder("dictionary").display()))
        // With its slash: what it writes begins with this.
        .arg(format!("-artifact_prefix={}/", found.display()))
        .args(["-print_final_stats=1", "-verbosity=1"])
        // The first is where it writes what it learns; it reads all.
        .args([learnt.as_path(), &folder("corpus").join(target), &found])
        .env(NAME, target)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let unrun = |error| format!("{} could not be run: {error}", fuzzer.display());
    let mut child = command.spawn().map_err(unrun)?;
    let mut lines = Vec::new();
    if let Some(said) = child.stderr.take() {
        for line in BufReader::new(said).split(b'\n') {
            let line = line.map_err(|error| format!("its words could not be read: {error}"))?;
            lines.push(String::from_utf8_lossy(&line).into_owned());
        }
    }
    let status = child.wait().map_err(unrun)?;
    // Of a run that found nothing, no folder stays; git knows no empty ones.
    let _ = fs::remove_dir(&found);
    if status.success() {
        return Ok(summary(target, &lines, seconds));
    }
    let shown = &lines[lines.len().saturating_sub(LINES_SHOWN_MAX)..];
    Err(format!(
        "{}\n\nfuzzing {target} failed ({status}). The input stays in {}; replay it with\n    \
         cargo test --package pointsman-fuzz {target}",
        shown.join("\n"),
        found.strip_prefix(root()).unwrap_or(&found).display(),
    ))
}

/// What libFuzzer said at the end, in a line.
fn summary(target: &str, lines: &[String], seconds: u64) -> String {
    // `#4096 pulse  cov: 1068 ft: 2345 corp: 102/9Kb lim: 63 exec/s: 1024 rss: 60Mb`
    let word = |name: &str| {
        let line = lines.iter().rev().find(|line| line.starts_with('#') && line.contains(name))?;
        line.split(name).nth(1)?.split_whitespace().next()
    };
    let stat = |name: &str| {
        let line = lines.iter().rev().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()
    };
    let runs = stat("stat::number_of_executed_units:").unwrap_or("?");
    let new = stat("stat::new_units_added:").unwrap_or("?");
    let corpus = word("corp: ").and_then(|corpus| corpus.split('/').next()).unwrap_or("?");
    let edges = word("cov: ").unwrap_or("?");
    format!(
        "{target:<13}{runs:>9} runs in {seconds} s, {edges:>5} edges covered by {corpus:>4} inputs, \
         {new} of them new"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_is_a_target_or_seconds_or_both() {
        assert_eq!(read(&[]), Ok((vec![], ALL_SECONDS)));
        assert_eq!(read(&["600"]), Ok((vec![], 600)));
        assert_eq!(read(&["id"]), Ok((vec!["id"], ALL_SECONDS)));
        assert_eq!(read(&["id", "5"]), Ok((vec!["id"], 5)));
        assert!(read(&["id", "long"]).unwrap_err().contains("`long`"));
        assert!(read(&["id", "5", "6"]).is_err());
    }

    #[test]
    fn targets_are_those_that_have_a_corpus() {
        let all = list(&folder("corpus")).unwrap();
        assert!(all.iter().any(|name| name == "duration"), "{all:?}");
        assert_eq!(chosen(&all, &[]).as_ref(), Ok(&all));
        assert_eq!(chosen(&all, &["id"]), Ok(vec!["id".to_owned()]));
        let error = chosen(&all, &["ids"]).unwrap_err();
        assert!(error.contains("`ids`") && error.contains("duration"), "{error}");
    }

    #[test]
    fn the_host_is_what_the_compiler_says() {
        let version = "rustc 1.95.0\nbinary: rustc\nhost: x86_64-unknown-linux-gnu\nrelease: 1";
        assert_eq!(host(version).as_deref(), Ok("x86_64-unknown-linux-gnu"));
        assert!(host("rustc 1.95.0").is_err());
    }

    #[test]
    fn what_was_done_is_a_line() {
        let lines = [
            "INFO: Seed: 1",
            "#2\tINITED cov: 10 ft: 11 corp: 1/1b exec/s: 0 rss: 40Mb",
            "#66894\tDONE   cov: 1068 ft: 2345 corp: 102/9Kb lim: 63 exec/s: 1024 rss: 60Mb",
            "stat::number_of_executed_units: 66894",
            "stat::new_units_added:          37",
        ];
        assert_eq!(
            summary("duration", &lines.map(str::to_owned), 17),
            "duration         66894 runs in 17 s,  1068 edges covered by  102 inputs, 37 of them new"
        );
    }
}
