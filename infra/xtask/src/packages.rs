//! What is needed of a machine's own packages.
//!
//! As root on Debian or Ubuntu they are installed; elsewhere a message says what is missing and how
//! to get it. Services that they bring are not started ([`policy`]).
//!
//! Two runs that install at the same time wait for each other: the second then finds everything
//! there, and neither takes away the policy that the other has put up.

use std::{fs::File, path::Path};

use crate::{
    command::{on_path, output, program, run},
    policy::{self, Policy},
};

/// Something that is in one of Debian's packages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Need {
    pub(crate) name: &'static str,
    pub(crate) package: &'static str,
    pub(crate) is_there: fn() -> bool,
}

/// What is needed for one purpose.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Needs {
    /// What does so, as the beginning of a sentence: `a scenario runs`.
    pub(crate) who: &'static str,
    pub(crate) all: &'static [Need],
    /// How to get it where there is no apt-get, as a sentence.
    pub(crate) elsewhere: &'static str,
}

/// Where Debian looks for the policy of services.
const POLICY_FOLDER: &str = "/usr/sbin";

/// How long to wait for another program that installs packages.
const APT_LOCK_TIMEOUT: &str = "DPkg::Lock::Timeout=300";

impl Needs {
    /// Sees to it that everything is there.
    pub(crate) fn ensure(&self) -> Result<(), String> {
        let folder = Path::new(POLICY_FOLDER);
        if is_root() && on_path("apt-get").is_some() {
            // Held until the end of this function; a folder can be locked like a file.
            let held = File::open(folder)
                .and_then(|lock| lock.lock().map(|()| lock))
                .map_err(|error| format!("{POLICY_FOLDER} could not be locked: {error}"))?;
            policy::restore(folder).map_err(|error| {
                format!("a policy that a run left could not be undone: {error}")
            })?;
            let missing = self.missing();
            if !missing.is_empty() {
                install(folder, &missing).map_err(|error| self.lack(&missing, &error))?;
            }
            drop(held);
        }
        match self.missing() {
            missing if missing.is_empty() => Ok(()),
            missing => {
                Err(self.lack(&missing, "only root can install packages, and only with apt-get"))
            }
        }
    }

    fn missing(&self) -> Vec<Need> {
        self.all.iter().filter(|need| !(need.is_there)()).copied().collect()
    }

    fn lack(&self, missing: &[Need], why: &str) -> String {
        let names: Vec<String> = missing.iter().map(|need| format!("`{}`", need.name)).collect();
        let Self { who, elsewhere, .. } = self;
        format!(
            "{who} {}, not found here: {why}\n\
             On Debian and Ubuntu: sudo apt-get install --no-install-recommends {}\n\
             {elsewhere}",
            names.join(" and "),
            packages(missing),
        )
    }
}

fn install(folder: &Path, missing: &[Need]) -> Result<(), String> {
    let _policy = Policy::refuse(folder)
        .map_err(|error| format!("services could not be kept from being started: {error}"))?;
    println!("installing {}", packages(missing));
    let attempt = || {
        let mut install = vec!["install", "--yes", "--no-install-recommends"];
        install.extend(missing.iter().map(|need| need.package));
        apt_get(&install)
    };
    // A fresh machine has no lists of packages, and an old one has lists of packages that are
    // gone; both are put right by the same.
    attempt().or_else(|_| {
        apt_get(&["update"])?;
        attempt()
    })
}

fn apt_get(arguments: &[&str]) -> Result<(), String> {
    let mut command = program("apt-get", &["--quiet=2", "--option", APT_LOCK_TIMEOUT]);
    command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
    run(command)
}

fn is_root() -> bool {
    output(program("id", &["-u"])).is_ok_and(|user| user.trim_ascii() == b"0")
}

fn packages(needs: &[Need]) -> String {
    needs.iter().map(|need| need.package).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEEDS: Needs = Needs {
        who: "a test wants",
        all: &[
            Need { name: "this", package: "this-package", is_there: || false },
            Need { name: "that", package: "that-package", is_there: || true },
            Need { name: "more", package: "more-package", is_there: || false },
        ],
        elsewhere: "Elsewhere: somewhere.",
    };

    #[test]
    fn what_is_missing_is_named_with_how_to_get_it() {
        assert_eq!(
            NEEDS.lack(&NEEDS.missing(), "because"),
            "a test wants `this` and `more`, not found here: because\n\
             On Debian and Ubuntu: sudo apt-get install --no-install-recommends this-package \
             more-package\n\
             Elsewhere: somewhere."
        );
    }
}
