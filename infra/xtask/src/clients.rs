//! Other people's clients of API Management and of Service Bus, which the conformance tests run: packages of Python
//! and of JavaScript, in folders of their own in the build folder.
//!
//! Each is installed as its lock file says, which has all that it needs, with hashes, and names no
//! registry; where they come from is how the machine is set up. What is there already, as that
//! file says, is left alone: a stamp is written last, which holds the lock file itself and the
//! version of the language. Two runs at once wait for each other.

use std::{
    fs::{self, File},
    io,
    path::Path,
    process::Command,
};

use crate::{
    command::{build_folder, on_path, output, program, root, run, succeeds},
    packages::{Need, Needs},
};

/// What Python 3.10 or later ends well by: the oldest that the packages are made for.
const PYTHON_IS_NEW: &str = "import sys; sys.exit(sys.version_info < (3, 10))";

/// What Node.js 18 or later ends well by.
const NODE_IS_NEW: &str = "process.exit(+process.versions.node.split('.')[0] >= 18 ? 0 : 1)";

/// What they need of the machine.
const NEEDS: Needs = Needs {
    who: "the conformance tests run clients with",
    all: &[
        Need {
            name: "python3, 3.10 or later",
            package: "python3",
            is_there: || succeeds(program("python3", &["-c", PYTHON_IS_NEW])),
        },
        Need {
            name: "python3 -m venv",
            package: "python3-venv",
            is_there: || succeeds(program("python3", &["-c", "import venv, ensurepip"])),
        },
        Need {
            name: "node, 18 or later",
            package: "nodejs",
            is_there: || succeeds(program("node", &["-e", NODE_IS_NEW])),
        },
        Need { name: "npm", package: "npm", is_there: || on_path("npm").is_some() },
    ],
    elsewhere: "Elsewhere: Python 3.10 or later from https://www.python.org/, and Node.js 18 or \
                later with npm from https://nodejs.org/, on the PATH.",
};

/// Where their lock files are.
const LOCKS: &str = "tests/conformance/clients";

/// The file that says what is installed.
const STAMP: &str = "installed";

/// What a client is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Language {
    Python,
    JavaScript,
}

/// All of them: the name of the folder with the lock file, and of the one that it is installed in.
const CLIENTS: [(&str, Language); 5] = [
    ("python-5.0.0", Language::Python),
    ("python-4.0.1", Language::Python),
    ("javascript-10.0.0", Language::JavaScript),
    ("javascript-9.2.0", Language::JavaScript),
    ("python-service-bus-0.21.1", Language::Python),
];

/// Sees to it that every client is there.
pub(crate) fn ensure() -> Result<(), String> {
    NEEDS.ensure()?;
    let folder = build_folder()?.join("clients");
    let told = |error: io::Error| format!("{}: {error}", folder.display());
    fs::create_dir_all(&folder).map_err(told)?;
    // Held until the end of this function; a folder can be locked like a file.
    let held = File::open(&folder).and_then(|lock| lock.lock().map(|()| lock)).map_err(told)?;
    for (name, language) in CLIENTS {
        language
            .ensure(&root().join(LOCKS).join(name), &folder.join(name))
            .map_err(|error| format!("the client {name} could not be installed: {error}"))?;
    }
    drop(held);
    Ok(())
}

impl Language {
    /// The lock file.
    fn lock(self) -> &'static str {
        match self {
            Self::Python => "requirements.txt",
            Self::JavaScript => "package-lock.json",
        }
    }

    /// What runs it.
    fn program(self) -> &'static str {
        match self {
            Self::Python => "python3",
            Self::JavaScript => "node",
        }
    }

    /// Installs what is in `from` into `to`, unless it is there.
    fn ensure(self, from: &Path, to: &Path) -> Result<(), String> {
        let told = |path: &Path, error: &io::Error| format!("{}: {error}", path.display());
        let lock = from.join(self.lock());
        let locked = fs::read_to_string(&lock).map_err(|error| told(&lock, &error))?;
        let version = output(program(self.program(), &["--version"]))?;
        let wanted = format!("{locked}{}", String::from_utf8_lossy(&version));
        let stamp = to.join(STAMP);
        if fs::read_to_string(&stamp).is_ok_and(|is| is == wanted) {
            return Ok(());
        }
        println!("installing {}", from.strip_prefix(root()).unwrap_or(from).display());
        if to.exists() {
            fs::remove_dir_all(to).map_err(|error| told(to, &error))?;
        }
        fs::create_dir(to).map_err(|error| told(to, &error))?;
        match self {
            Self::Python => install_python(&lock, to)?,
            Self::JavaScript => {
                for file in ["package.json", self.lock()] {
                    fs::copy(from.join(file), to.join(file)).map_err(|error| told(to, &error))?;
                }
                install_javascript(to)?;
            }
        }
        fs::write(&stamp, wanted).map_err(|error| told(&stamp, &error))
    }
}

fn install_python(lock: &Path, to: &Path) -> Result<(), String> {
    let mut venv = program("python3", &["-m", "venv"]);
    venv.arg(to);
    run(venv)?;
    let mut pip = Command::new(to.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"])
        .args(["--only-binary", ":all:", "--require-hashes", "--requirement"])
        .arg(lock);
    run(pip)
}

fn install_javascript(to: &Path) -> Result<(), String> {
    let options = ["--ignore-scripts", "--engine-strict", "--no-audit", "--no-fund"];
    let mut npm = program("npm", &["ci", "--loglevel", "error"]);
    npm.args(options).current_dir(to);
    run(npm)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::tests::Folder;

    #[test]
    fn every_folder_with_a_lock_file_is_a_client_and_no_lock_names_a_registry() {
        let mut folders: Vec<String> = fs::read_dir(root().join(LOCKS))
            .unwrap()
            .map(|entry| entry.unwrap())
            .filter(|entry| entry.path().is_dir())
            .map(|entry| entry.file_name().into_string().unwrap())
            .collect();
        folders.sort();
        let mut clients: Vec<&str> = CLIENTS.iter().map(|(name, _)| *name).collect();
        clients.sort_unstable();
        assert_eq!(folders, clients);
        for (name, language) in CLIENTS {
            let lock = root().join(LOCKS).join(name).join(language.lock());
            let lock = fs::read_to_string(lock).unwrap();
            assert!(!lock.contains("resolved") && !lock.contains("://"), "{name}");
            let (packages, hashes) = match language {
                Language::Python => (lock.matches("==").count(), lock.matches("sha256:").count()),
                Language::JavaScript => (
                    lock.matches("\"node_modules/").count(),
                    lock.matches("\"integrity\": \"sha512-").count(),
                ),
            };
            assert!(packages > 5, "{name} has {packages} packages");
            assert_eq!(packages, hashes, "{name}: each package has one hash");
        }
    }

    #[test]
    fn what_the_stamp_says_is_there_is_left_alone_and_what_fails_has_none() {
        let folder = Folder::new("clients");
        let (from, to) = (folder.0.join("from"), folder.0.join("to"));
        fs::create_dir(&from).unwrap();
        fs::create_dir(&to).unwrap();
        let ensure = || Language::JavaScript.ensure(&from, &to);
        let (lock, stamp) = (from.join("package-lock.json"), to.join(STAMP));
        let version = output(program("node", &["--version"])).unwrap();
        let stamped = |lock: &str| format!("{lock}{}", String::from_utf8_lossy(&version));
        let error = ensure().unwrap_err();
        assert!(error.contains("package-lock.json"), "{error}");
        // There is nothing to install it from, so that anything but leaving it alone would fail.
        fs::write(&lock, "none").unwrap();
        fs::write(&stamp, stamped("none")).unwrap();
        assert_eq!(ensure(), Ok(()));
        let nothing = r#"{"lockfileVersion": 3, "packages": {"": {}}}"#;
        fs::write(&lock, nothing).unwrap();
        assert!(ensure().is_err());
        assert!(!stamp.exists());
        fs::write(from.join("package.json"), "{}").unwrap();
        assert_eq!(ensure(), Ok(()));
        assert_eq!(fs::read_to_string(&stamp).unwrap(), stamped(nothing));
    }
}
