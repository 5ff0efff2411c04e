//! Where `cargo xtask clients` installs the packages, and whether they are there.

use std::{fs, path::PathBuf};

use crate::client::Name;

/// The folder that this client is installed in.
///
/// # Panics
/// With what to do, when it is not there, or not as its lock file says.
pub(crate) fn folder(name: Name) -> PathBuf {
    let lock = match name {
        Name::Python5 | Name::Python4 => "requirements.txt",
        Name::JavaScript10 | Name::JavaScript9 => "package-lock.json",
        Name::Ours2024 | Name::Ours2022 => panic!("{name} is not installed"),
    };
    installed(name.as_str(), lock)
}

/// The folder that the client of that name is installed in, as its lock file says.
pub(crate) fn installed(name: &str, lock: &str) -> PathBuf {
    // Tests are run from target/PROFILE/deps.
    let test = std::env::current_exe().expect("a test is a file");
    let target = test.ancestors().nth(3).expect("it is in the build folder");
    let folder = target.join("clients").join(name);
    let locked = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("clients").join(name).join(lock);
    let locked = fs::read_to_string(locked).expect("each client has a lock file");
    // The stamp is written last, and begins with the lock file that was installed.
    let stamp = fs::read_to_string(folder.join("installed")).unwrap_or_default();
    assert!(
        stamp.starts_with(&locked),
        "{name} is not installed in {}, or not as its lock file says: run `cargo xtask clients`",
        folder.display()
    );
    folder
}
