//! Every input that is kept, through its target.

#![expect(clippy::unwrap_used, reason = "also what helps a test may panic; clippy only lets tests")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use pointsman_fuzz::{TARGETS, Target, target};

/// How large a kept input may be, in bytes: they are to be read by people.
const INPUT_BYTES_MAX: u64 = 16 << 10;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// What is in a folder, none where there is no such folder.
fn list(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut list: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    list.sort();
    list
}

/// Runs all that is kept for a target; a failure is preceded by the input's name.
fn replay(name: &str) {
    let Target { name, run } = target(name).unwrap();
    let corpus = list(&folder("corpus").join(name));
    assert!(corpus.len() >= 4, "{name} has a corpus of {} inputs", corpus.len());
    for input in corpus.iter().chain(&list(&folder("found").join(name))) {
        println!("{}", input.display());
        assert!(fs::metadata(input).unwrap().len() <= INPUT_BYTES_MAX, "it is too large to keep");
        run(&fs::read(input).unwrap());
    }
    // And what is none of them.
    for input in [&b""[..], b"\0", b"{", b"\xff\xfe", b"\n\n\n"] {
        println!("{input:?}");
        run(input);
    }
}

macro_rules! replays {
    ($($name:ident),*) => {
        $(#[test] fn $name() { replay(stringify!($name)); })*

        #[test]
        fn every_target_is_replayed_and_has_its_folder() {
            let all: BTreeSet<String> = TARGETS.iter().map(|target| target.name.into()).collect();
            let here = BTreeSet::from([$(stringify!($name).to_owned()),*]);
            assert_eq!(here, all);
            let named = |folder: &Path| -> BTreeSet<String> {
                let name = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
                list(folder).iter().filter(|path| path.is_dir()).map(name).collect()
            };
            assert_eq!(named(&folder("corpus")), all);
            assert!(named(&folder("found")).is_subset(&all));
        }
    };
}

replays!(alertmanager, document, duration, id, playbook, response, stored);
