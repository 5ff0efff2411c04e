//! The servers that scenarios run for real: Prometheus and Alertmanager.
//!
//! As root on Debian or Ubuntu they are installed; elsewhere it is said what is missing and how
//! to get it. Their services are not started ([`policy`]): a scenario starts its own.
//!
//! Two runs that install at the same time wait for each other: the second then finds the servers
//! there, and neither takes away the policy that the other has put up.

use std::{fs::File, path::Path};

use crate::{
    command::{on_path, output, program, run},
    policy::{self, Policy},
};

/// A program that a scenario runs, and the package of Debian that it is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Server {
    program: &'static str,
    package: &'static str,
}

const SERVERS: [Server; 2] = [
    Server { program: "prometheus", package: "prometheus" },
    Server { program: "prometheus-alertmanager", package: "prometheus-alertmanager" },
];

/// Where Debian looks for the policy of services.
const POLICY_FOLDER: &str = "/usr/sbin";

/// How long to wait for another program that installs packages.
const APT_LOCK_TIMEOUT: &str = "DPkg::Lock::Timeout=300";

/// Sees to it that every server is there.
pub(crate) fn ensure() -> Result<(), String> {
    let folder = Path::new(POLICY_FOLDER);
    if is_root() && on_path("apt-get").is_some() {
        // Held until the end of this function; a folder can be locked like a file.
        let held = File::open(folder)
            .and_then(|lock| lock.lock().map(|()| lock))
            .map_err(|error| format!("{POLICY_FOLDER} could not be locked: {error}"))?;
        policy::restore(folder)
            .map_err(|error| format!("a policy that a run left could not be undone: {error}"))?;
        let missing = missing();
        if !missing.is_empty() {
            install(folder, &missing).map_err(|error| lack(&missing, &error))?;
        }
        drop(held);
    }
    match missing() {
        missing if missing.is_empty() => Ok(()),
        missing => Err(lack(&missing, "only root can install packages, and only with apt-get")),
    }
}

fn missing() -> Vec<Server> {
    SERVERS.into_iter().filter(|server| on_path(server.program).is_none()).collect()
}

fn install(folder: &Path, missing: &[Server]) -> Result<(), String> {
    let _policy = Policy::refuse(folder)
        .map_err(|error| format!("services could not be kept from being started: {error}"))?;
    println!("installing {}", packages(missing));
    let attempt = || {
        let mut install = vec!["install", "--yes", "--no-install-recommends"];
        install.extend(missing.iter().map(|server| server.package));
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

fn packages(servers: &[Server]) -> String {
    servers.iter().map(|server| server.package).collect::<Vec<_>>().join(" ")
}

fn lack(missing: &[Server], why: &str) -> String {
    let programs: Vec<String> =
        missing.iter().map(|server| format!("`{}`", server.program)).collect();
    format!(
        "a scenario runs {}, not found on the PATH: {why}\n\
         On Debian and Ubuntu: sudo apt-get install --no-install-recommends {}\n\
         Elsewhere: from https://prometheus.io/download/, on the PATH under these names.",
        programs.join(" and "),
        packages(missing),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_with_how_to_get_it() {
        let text = lack(&SERVERS, "because");
        for words in [
            "`prometheus` and `prometheus-alertmanager`",
            "apt-get install --no-install-recommends prometheus prometheus-alertmanager\n",
            "because",
        ] {
            assert!(text.contains(words), "{text}");
        }
    }
}
