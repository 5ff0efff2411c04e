//! Holds the shape of the workspace: what may use what, what the top level is, and that the heart
//! knows neither clock nor chance.
//!
//! The direction of use is `core ◀ intake, view; core, apim ◀ engine ◀ store, queue ◀ host ◀ functions ◀
//! pointsman`. `dev` is shown on functions that the binary starts, and uses none. The emulator is Azure's counterpart and uses nothing of ours, so that a fault of
//! the client cannot hide in it; what is in `tests` may use everything, also for its own tests.

#![expect(clippy::unwrap_used, reason = "also what helps a test may panic; clippy only lets tests")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

/// Packages outside of `tests`, each with the packages of ours that it may use, for its own
/// tests too. A new package is a new line here.
const MAY_USE: [(&str, &[&str]); 15] = [
    ("core", &[]),
    ("apim", &[]),
    ("emulator", &[]),
    ("intake", &["core"]),
    ("view", &["core"]),
    ("engine", &["core", "apim"]),
    ("store", &["core", "apim", "engine"]),
    ("queue", &["core", "apim", "engine", "store"]),
    ("host", &["core", "apim", "intake", "engine", "store", "queue"]),
    ("alerts", SHARED),
    ("reconcile", SHARED),
    ("schedule", SHARED),
    ("dev", &["core", "intake", "engine", "host", "view", "emulator"]),
    (
        "",
        &[
            "core",
            "apim",
            "intake",
            "engine",
            "store",
            "queue",
            "host",
            "emulator",
            "alerts",
            "reconcile",
            "schedule",
            "dev",
            "view",
        ],
    ),
    ("xtask", &[]),
];

/// What a function may use: all that is shared, but not the emulator, and not another function.
const SHARED: &[&str] = &["core", "apim", "intake", "engine", "store", "queue", "host"];

/// What the heart may not use, for its tests neither: IO, async, chance.
const NOT_IN_CORE: [&str; 13] = [
    "async-std",
    "axum",
    "azure_core",
    "chrono",
    "getrandom",
    "http",
    "hyper",
    "rand",
    "reqwest",
    "rusqlite",
    "time",
    "tokio",
    "uuid",
];

/// Names that ask a clock or for chance. Those with `::` are found at the end of longer paths
/// too: `jiff::Timestamp::now`.
const CLOCKS_AND_CHANCE: [&str; 14] = [
    "SystemTime",
    "Instant",
    "Timestamp::now",
    "Zoned::now",
    "TimeZone::system",
    "Utc::now",
    "Local::now",
    "Uuid::now_v7",
    "Uuid::new_v4",
    "rand",
    "getrandom",
    "thread_rng",
    "RandomState",
    "sleep",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

/// A package of the workspace.
#[derive(Debug)]
struct Package {
    /// Without `pointsman-`; the binary's own is empty.
    name: String,
    /// The folder at the top level that it is in.
    place: String,
    /// Each with its kind: `normal`, `dev` or `build`.
    uses: BTreeSet<(String, String)>,
}

/// The name of a package of ours without its prefix.
fn short(name: &str) -> Option<&str> {
    name.strip_prefix("pointsman").map(|rest| rest.strip_prefix('-').unwrap_or(rest))
}

fn packages(metadata: &Value) -> Vec<Package> {
    let root = metadata["workspace_root"].as_str().unwrap();
    metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|package| {
            let name = package["name"].as_str().unwrap();
            let manifest = Path::new(package["manifest_path"].as_str().unwrap());
            let place = manifest.strip_prefix(root).unwrap().iter().next().unwrap();
            let uses = package["dependencies"].as_array().unwrap().iter().map(|used| {
                let name = used["name"].as_str().unwrap().to_owned();
                (name, used["kind"].as_str().unwrap_or("normal").to_owned())
            });
            Package {
                name: short(name)
                    .unwrap_or_else(|| panic!("{name} is not called pointsman-…"))
                    .to_owned(),
                place: place.to_str().unwrap().to_owned(),
                uses: uses.collect(),
            }
        })
        .collect()
}

/// What of the packages is against the direction of use.
fn violations(packages: &[Package]) -> Vec<String> {
    let may_use: BTreeMap<&str, &[&str]> = MAY_USE.into_iter().collect();
    let mut found = Vec::new();
    for Package { name, place, uses } in packages {
        if place == "tests" {
            continue;
        }
        let Some(may_use) = may_use.get(name.as_str()) else {
            found.push(format!("{name} is not in the table of what may use what"));
            continue;
        };
        for (used, kind) in uses {
            if let Some(used) = short(used)
                && !may_use.contains(&used)
            {
                found.push(format!("{name} uses {used} ({kind})"));
            }
            if name == "core" && NOT_IN_CORE.contains(&used.as_str()) {
                found.push(format!("core uses {used} ({kind})"));
            }
        }
    }
    found
}

#[test]
fn packages_use_each_other_in_one_direction() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let packages = packages(&serde_json::from_slice(&output.stdout).unwrap());
    assert!(packages.iter().any(|package| package.name == "core" && package.place == "shared"));
    assert!(packages.iter().any(|package| package.name == "engine" && !package.uses.is_empty()));
    assert_eq!(violations(&packages), [""; 0]);
}

#[test]
fn a_use_in_the_other_direction_is_found() {
    let package = |name: &str, folder: &str, uses: Value| {
        serde_json::json!({
            "name": name,
            "manifest_path": format!("/w/{folder}/Cargo.toml"),
            "dependencies": uses,
        })
    };
    let metadata = serde_json::json!({
        "workspace_root": "/w",
        "packages": [
            package("pointsman-core", "shared/core", serde_json::json!([
                {"name": "tokio", "kind": "dev"},
                {"name": "serde", "kind": null},
            ])),
            package("pointsman-emulator", "shared/emulator", serde_json::json!([
                {"name": "pointsman-apim", "kind": "dev"},
            ])),
            package("pointsman-engine", "shared/engine", serde_json::json!([
                {"name": "pointsman-core", "kind": null},
                {"name": "pointsman-store", "kind": null},
            ])),
            package("pointsman-alerts", "functions/alerts", serde_json::json!([
                {"name": "pointsman-reconcile", "kind": null},
                {"name": "pointsman", "kind": null},
            ])),
            package("pointsman-novelty", "shared/novelty", serde_json::json!([])),
            package("pointsman-model", "tests/model", serde_json::json!([
                {"name": "pointsman-store", "kind": "dev"},
            ])),
        ],
    });
    assert_eq!(
        violations(&packages(&metadata)),
        [
            "core uses tokio (dev)",
            "emulator uses apim (dev)",
            "engine uses store (normal)",
            "alerts uses  (normal)",
            "alerts uses reconcile (normal)",
            "novelty is not in the table of what may use what",
        ]
    );
}

/// The command line, whose modules may not use each other in a circle: what is in a folder, not what is
/// above it either.
const COMMAND_LINE: &str = "functions/pointsman/src";

/// Libraries whose modules may not either; what is in a folder is free to use what is above it, whose part
/// it is.
const LIBRARIES: [&str; 2] = ["shared/core/src", "shared/apim/src"];

/// The modules that a file names behind `from`, as `crate::`, outside of its comments and tests.
fn named(file: &str, from: &str) -> BTreeSet<String> {
    let code = file.split("#[cfg(test)]").next().unwrap().lines();
    let code = code.filter(|line| !line.trim_start().starts_with("//"));
    let code = code.collect::<Vec<_>>().join("\n");
    let mut names = BTreeSet::new();
    for rest in code.split(from).skip(1) {
        let group = rest.strip_prefix('{').and_then(|group| group.split(';').next());
        let mut depth = 0;
        let mut ends = |char: char| {
            depth += i32::from(char == '{') - i32::from(char == '}');
            char == ',' && depth == 0
        };
        let paths: Vec<&str> = group.map_or(vec![rest], |group| group.split(&mut ends).collect());
        let of_a_name = |char: char| char.is_alphanumeric() || char == '_';
        let first = |path: &str| path.trim().chars().take_while(|c| of_a_name(*c)).collect();
        names.extend(paths.into_iter().map(first).filter(|name: &String| !name.is_empty()));
    }
    names
}

/// The modules that use each other in a circle, or what does.
fn in_circles(mut uses: BTreeMap<String, BTreeSet<String>>) -> BTreeSet<String> {
    loop {
        let left: BTreeSet<String> = uses.keys().cloned().collect();
        uses.retain(|module, used| used.iter().any(|used| used != module && left.contains(used)));
        if uses.len() == left.len() {
            return left;
        }
    }
}

/// The files of a folder that are no tests, each with the name of its module, and its folders.
fn files_and_folders(folder: &Path) -> (Vec<(String, String)>, Vec<PathBuf>) {
    let stem = |path: &Path| path.file_stem().unwrap().to_str().unwrap().to_owned();
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let (folders, files): (Vec<PathBuf>, Vec<PathBuf>) =
        paths.filter(|path| !stem(path).ends_with("tests")).partition(|path| path.is_dir());
    let rust = files.iter().filter(|path| path.extension().is_some_and(|end| end == "rs"));
    (rust.map(|path| (stem(path), fs::read_to_string(path).unwrap())).collect(), folders)
}

/// What all files below a folder name as `crate::`, and the modules beside each other in it, or in a
/// folder of it, that are in a circle.
fn below(folder: &Path, may_use_above: bool) -> (BTreeSet<String>, Vec<String>) {
    let (files, folders) = files_and_folders(folder);
    let (mut outer, mut round) = (BTreeSet::new(), Vec::new());
    let mut names: BTreeSet<String> = files.iter().map(|(name, _)| name.clone()).collect();
    for folder in folders {
        let (mut used, mut found) = below(&folder, may_use_above);
        names.insert(folder.file_name().unwrap().to_str().unwrap().to_owned());
        outer.append(&mut used);
        round.append(&mut found);
    }
    let mut inner = BTreeMap::new();
    for (name, text) in &files {
        outer.append(&mut named(text, "crate::"));
        let used = match name.as_str() {
            "mod" if may_use_above => continue,
            "mod" => names.clone(),
            // What is in no module beside it is in the one above it.
            _ => named(text, "super::")
                .into_iter()
                .map(|used| if names.contains(&used) { used } else { "mod".to_owned() })
                .collect(),
        };
        inner.insert(name.clone(), used);
    }
    let here = in_circles(inner).into_iter().map(|name| format!("{}/{name}", folder.display()));
    round.extend(here);
    (outer, round)
}

/// The modules of a package, each with those that it uses, and those in its folders that are in a circle.
fn modules(
    folder: &Path,
    may_use_above: bool,
) -> (BTreeMap<String, BTreeSet<String>>, Vec<String>) {
    let (files, folders) = files_and_folders(folder);
    let files = files.into_iter().filter(|(name, _)| name != "main" && name != "lib");
    let mut all: BTreeMap<String, BTreeSet<String>> =
        files.map(|(name, text)| (name, named(&text, "crate::"))).collect();
    let mut round = Vec::new();
    for folder in folders {
        let (mut used, mut found) = below(&folder, may_use_above);
        // A folder may have a file beside it of its name: they are one module.
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        all.entry(name).or_default().append(&mut used);
        round.append(&mut found);
    }
    (all, round)
}

#[test]
fn the_command_lines_modules_use_each_other_in_one_direction() {
    let (all, round) = modules(&root().join(COMMAND_LINE), false);
    assert!(all.contains_key("backend") && all["cli"].contains("serve"), "{all:?}");
    assert_eq!(round, [""; 0]);
    assert_eq!(in_circles(all), BTreeSet::new());
}

#[test]
fn the_libraries_modules_use_each_other_in_one_direction() {
    for library in LIBRARIES {
        let (all, round) = modules(&root().join(library), true);
        assert!(all.len() > 20 && all.contains_key("document"), "{all:?}");
        assert!(all.values().filter(|used| !used.is_empty()).count() > 15, "{all:?}");
        assert_eq!(round, [""; 0]);
        assert_eq!(in_circles(all), BTreeSet::new(), "in {library}");
    }
}

#[test]
fn modules_in_a_circle_are_found() {
    let text = "use crate::{\n    a::{self, B},\n    c,\n};\nuse crate::d::E;\nfn f() { crate::g::h() }\n\
        #[cfg(test)]\nmod tests { use crate::i; }\n";
    let names = |all: &[&str]| all.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(named(text, "crate::"), names(&["a", "c", "d", "g"]));
    let of = |all: &[(&str, &[&str])]| {
        all.iter().map(|(name, used)| ((*name).to_owned(), names(used))).collect()
    };
    let straight = of(&[("a", &["b", "c", "a"]), ("b", &["c"]), ("c", &["elsewhere"])]);
    assert_eq!(in_circles(straight), names(&[]));
    let round = of(&[("a", &["b"]), ("b", &["c"]), ("c", &["b", "d"]), ("d", &[])]);
    assert_eq!(in_circles(round), names(&["a", "b", "c"]));
}

#[test]
fn the_top_level_is_what_it_has_to_be() {
    // `target` is where Cargo builds; it is not checked in.
    let fixed = [
        "Cargo.toml",
        "Cargo.lock",
        "README.md",
        "functions",
        "shared",
        "infra",
        "tests",
        "target",
    ];
    let strays: Vec<String> = fs::read_dir(root())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !fixed.contains(&name.as_str()))
        .filter(|name| !name.starts_with('.') && !name.starts_with("LICENSE"))
        .collect();
    assert_eq!(strays, [""; 0]);
}

/// The first name of [`CLOCKS_AND_CHANCE`] that a line of code has in it; comments do not count.
fn asks(line: &str) -> Option<&'static str> {
    if line.trim_start().starts_with("//") {
        return None;
    }
    let of_a_name = |char: char| char.is_alphanumeric() || char == '_';
    CLOCKS_AND_CHANCE.into_iter().find(|name| {
        line.match_indices(name).any(|(start, name)| {
            !line[..start].ends_with(of_a_name)
                && !line[start + name.len()..].starts_with(of_a_name)
        })
    })
}

#[test]
fn the_heart_knows_neither_clock_nor_chance() {
    let mut folders = vec![root().join("shared/core/src")];
    let (mut found, mut files) = (Vec::new(), 0);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files += 1;
                for (at, line) in fs::read_to_string(&path).unwrap().lines().enumerate() {
                    if let Some(name) = asks(line) {
                        found.push(format!("{}:{}: {name}", path.display(), at + 1));
                    }
                }
            }
        }
    }
    assert!(files > 5, "only {files} files were read");
    assert_eq!(found, [""; 0]);
}

#[test]
fn asking_a_clock_or_for_chance_is_found() {
    for line in [
        "let now = Timestamp::now();",
        "let now = jiff::Timestamp::now();",
        "use std::time::{Duration, Instant};",
        "    std::time::SystemTime::UNIX_EPOCH",
        "rand::random()",
        "use rand;",
    ] {
        assert!(asks(line).is_some(), "{line}");
    }
    for line in [
        "/// Never `Timestamp::now`.",
        "    // An Instant is of no use here.",
        "fn now(document: &Document) -> Timestamp",
        "let operand = brand(InstantMessage);",
        "let at = Timestamp::now_or_later(now);",
    ] {
        assert_eq!(asks(line), None, "{line}");
    }
}
