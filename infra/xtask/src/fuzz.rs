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
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use crate::{
    command::{build_folder, cargo, on_path, output, program, root, run},
    packages::{Need, Needs},
};

/// libFuzzer is written in C++, and built with the program.
const NEEDS: Needs = Needs {
    who: "the fuzz targets are built with",
    all: &[Need {
        name: "c++",
        package: "g++",
        is_there: || on_path("c++").is_some() || env::var_os("CXX").is_some(),
    }],
    elsewhere: "Elsewhere: any C++ compiler, as `c++` on the PATH or named by CXX.",
};

/// How long all targets take together in a run of everything, in seconds.
pub(crate) const ALL_SECONDS: u64 = 120;

/// What libFuzzer's choices begin with in a run of everything: from a clean build folder it tries the
/// same inputs in the same order, as far as the time goes, so that a run fails because of a change
/// and hardly by chance.
pub(crate) const ALL_SEED: u32 = 1;

/// How large an input may become, in bytes. What reads more is bounded elsewhere, and tested.
const INPUT_BYTES_MAX: u64 = 8 << 10;

/// How long one input may take, in seconds: a thousand times what any does.
const INPUT_SECONDS_MAX: u64 = 10;

/// Where libFuzzer's program finds the target's name.
const NAME: &str = "POINTSMAN_FUZZ_TARGET";

/// How many of its last lines are shown of a run that failed.
const LINES_SHOWN_MAX: usize = 40;

/// What libFuzzer says before the path of the file that it has written an input to.
const WRITTEN: &str = "Test unit written to ";

/// How many bytes of an input are shown in a line.
const LINE_BYTES: usize = 40;

/// What makes the compiler count which edges are taken, as libFuzzer reads it.
const COVERAGE: [&str; 5] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
];

/// Sees to it that the targets can be built.
pub(crate) fn ensure() -> Result<(), String> {
    NEEDS.ensure()
}

/// Runs the targets that are named, or all of them, for so long together; without a seed, libFuzzer
/// chooses one.
pub(crate) fn fuzz(named: &[&str], seconds: u64, seed: Option<u32>) -> Result<(), String> {
    let targets = chosen(&list(&tracked("corpus"))?, named)?;
    let folder = build_folder()?.join("fuzz");
    let fuzzer = build(&folder)?;
    let each = (seconds / targets.len() as u64).max(1);
    for target in &targets {
        println!("{}", one(&fuzzer, &folder.join("corpus").join(target), target, each, seed)?);
    }
    Ok(())
}

/// What `cargo xtask fuzz` was given: targets, and for how many seconds.
pub(crate) fn read<'a>(rest: &[&'a str]) -> (Vec<&'a str>, u64) {
    let seconds = rest.iter().find_map(|word| word.parse().ok());
    let targets = rest.iter().copied().filter(|word| word.parse::<u64>().is_err());
    (targets.collect(), seconds.unwrap_or(ALL_SECONDS))
}

fn tracked(name: &str) -> PathBuf {
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
fn build(built: &Path) -> Result<PathBuf, String> {
    ensure()?;
    let compiler = env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let version = output(program(&compiler, &["--version", "--verbose"]))?;
    let host = host(&String::from_utf8_lossy(&version))?;
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
    build.arg(built);
    // Flags in the caller's environment would only be added to.
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
fn one(
    fuzzer: &Path,
    learnt: &Path,
    target: &str,
    seconds: u64,
    seed: Option<u32>,
) -> Result<String, String> {
    let found = tracked("found").join(target);
    for folder in [learnt, &found] {
        fs::create_dir_all(folder)
            .map_err(|error| format!("{} could not be made: {error}", folder.display()))?;
    }
    let mut command = Command::new(fuzzer);
    command
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-max_len={INPUT_BYTES_MAX}"))
        .arg(format!("-timeout={INPUT_SECONDS_MAX}"))
        .arg(format!("-dict={}", tracked("dictionary").display()))
        // With its slash: what it writes begins with this.
        .arg(format!("-artifact_prefix={}/", found.display()))
        .args(["-print_final_stats=1", "-verbosity=1"])
        // The first is where it writes what it learns; it reads all.
        .args([learnt, &tracked("corpus").join(target), &found])
        .env(NAME, target)
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    if let Some(seed) = seed {
        command.arg(format!("-seed={seed}"));
    }
    let unrun = |error| format!("{} could not be run: {error}", fuzzer.display());
    let Output { status, stderr, .. } = command.output().map_err(unrun)?;
    let lines: Vec<String> = String::from_utf8_lossy(&stderr).lines().map(str::to_owned).collect();
    // Of a run that found nothing, no folder stays; git knows no empty ones.
    let _ = fs::remove_dir(&found);
    if status.success() {
        return Ok(summary(target, &lines, seconds));
    }
    let shown = &lines[lines.len().saturating_sub(LINES_SHOWN_MAX)..];
    Err(format!(
        "{}\n{}\nfuzzing {target} failed ({status}). The input stays in {}; replay it with\n    \
         cargo test --package pointsman-fuzz {target}",
        shown.join("\n"),
        input(&lines),
        found.strip_prefix(root()).unwrap_or(&found).display(),
    ))
}

/// The input that failed, byte for byte, so that it can be made again from the log alone;
/// empty where libFuzzer has written none.
fn input(lines: &[String]) -> String {
    let written = lines.iter().rev().find_map(|line| line.split_once(WRITTEN));
    let Some((_, path)) = written else { return String::new() };
    match fs::read(path.trim()) {
        Ok(bytes) => format!(
            "\nthe input, {} bytes, which `xxd -r -p` makes again of this:\n{}\n",
            bytes.len(),
            hex(&bytes)
        ),
        Err(error) => format!("\nthe input could not be read: {path}: {error}\n"),
    }
}

fn hex(bytes: &[u8]) -> String {
    let line = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    bytes.chunks(LINE_BYTES).map(line).collect::<Vec<_>>().join("\n")
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
    use crate::policy::tests::Folder;

    #[test]
    fn what_is_given_is_targets_or_seconds_or_both() {
        assert_eq!(read(&[]), (vec![], ALL_SECONDS));
        assert_eq!(read(&["600"]), (vec![], 600));
        assert_eq!(read(&["id"]), (vec!["id"], ALL_SECONDS));
        assert_eq!(read(&["id", "duration", "5"]), (vec!["id", "duration"], 5));
    }

    #[test]
    fn targets_are_those_that_have_a_corpus() {
        let all = list(&tracked("corpus")).unwrap();
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
    fn the_input_that_failed_is_shown_byte_for_byte() {
        assert_eq!(input(&["==1== ERROR: libFuzzer".to_owned()]), "");
        let folder = Folder::new("fuzz");
        let path = folder.0.join("crash-1");
        fs::write(&path, [&[0_u8, 10, 255][..], &[b'a'; LINE_BYTES]].concat()).unwrap();
        let written = format!("artifact_prefix='found/'; {WRITTEN}{}", path.display());
        let slow = format!("artifact_prefix='found/'; {WRITTEN}found/slow-unit-1");
        let shown = input(&[slow, written, "stat::new_units_added: 1".to_owned()]);
        let (first, second) = (format!("000aff{}", "61".repeat(LINE_BYTES - 3)), "616161");
        assert!(shown.contains("43 bytes"), "{shown}");
        assert!(shown.ends_with(&format!(":\n{first}\n{second}\n")), "{shown}");
        fs::remove_file(&path).unwrap();
        let shown = input(&[format!("{WRITTEN}{}", path.display())]);
        assert!(shown.contains("could not be read"), "{shown}");
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
