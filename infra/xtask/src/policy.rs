//! Keeps Debian's packages from starting their services while they are installed.
//!
//! The tests start servers of their own, on free ports and with their own configuration; the
//! packages' services would only be in the way. Debian asks `/usr/sbin/policy-rc.d` whether a
//! service may be started, and its exit status 101 says no (invoke-rc.d(8),
//! deb-systemd-invoke(1p)).
//!
//! The machine gets back what it had: a policy that was there is moved aside and put back.
//! A run that is killed in between cannot do that, so that the next one does, which knows its
//! own file by its content. Two runs at once are kept apart by the caller's lock.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

const NAME: &str = "policy-rc.d";
const ASIDE: &str = "policy-rc.d.before-pointsman-xtask";
const REFUSE: &str = "#!/bin/sh\n# Put here by Pointsman's `cargo xtask test` while it installs packages.\nexit 101\n";

/// Services are not started while this lives.
pub(crate) struct Policy {
    folder: PathBuf,
}

impl Policy {
    /// Forbids services to be started, by a file in `folder`.
    pub(crate) fn refuse(folder: &Path) -> io::Result<Self> {
        restore(folder)?;
        let path = folder.join(NAME);
        if path.symlink_metadata().is_ok() {
            fs::rename(&path, folder.join(ASIDE))?;
        }
        // From here on, dropping it undoes whatever has been done.
        let policy = Self { folder: folder.to_owned() };
        fs::write(&path, REFUSE)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
        Ok(policy)
    }
}

impl Drop for Policy {
    fn drop(&mut self) {
        if let Err(error) = restore(&self.folder) {
            eprintln!("xtask: {} could not be restored: {error}", self.folder.join(NAME).display());
        }
    }
}

/// Puts back what was there before this run, or before one that was killed.
pub(crate) fn restore(folder: &Path) -> io::Result<()> {
    let path = folder.join(NAME);
    let aside = folder.join(ASIDE);
    if aside.symlink_metadata().is_ok() {
        fs::rename(aside, path)
    } else if fs::read(&path).is_ok_and(|text| text == REFUSE.as_bytes()) {
        fs::remove_file(path)
    } else {
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A folder of a test's own, gone at its end.
    pub(crate) struct Folder(pub(crate) PathBuf);

    impl Folder {
        pub(crate) fn new(test: &str) -> Self {
            let name = format!("pointsman-xtask-{test}-{}", std::process::id());
            let path = std::env::temp_dir().join(name);
            fs::create_dir(&path).unwrap();
            Self(path)
        }

        fn list(&self) -> Vec<(String, String)> {
            let mut list: Vec<(String, String)> = fs::read_dir(&self.0)
                .unwrap()
                .map(|entry| {
                    let entry = entry.unwrap();
                    let text = fs::read_to_string(entry.path()).unwrap();
                    (entry.file_name().into_string().unwrap(), text)
                })
                .collect();
            list.sort();
            list
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn theirs() -> Vec<(String, String)> {
        vec![(NAME.to_owned(), "#!/bin/sh\nexit 0\n".to_owned())]
    }

    #[test]
    fn services_are_refused_and_nothing_stays() {
        let folder = Folder::new("policy-none");
        let policy = Policy::refuse(&folder.0).unwrap();
        let file = folder.0.join(NAME);
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o755);
        // Through a shell: what another test forks may still hold the file open for writing.
        let status = std::process::Command::new("sh").arg(file).status().unwrap();
        assert_eq!(status.code(), Some(101));
        drop(policy);
        assert_eq!(folder.list(), []);
    }

    #[test]
    fn a_policy_that_was_there_is_put_back() {
        let folder = Folder::new("policy-theirs");
        for (name, text) in theirs() {
            fs::write(folder.0.join(name), text).unwrap();
        }
        let policy = Policy::refuse(&folder.0).unwrap();
        assert_ne!(folder.list(), theirs());
        drop(policy);
        assert_eq!(folder.list(), theirs());
        restore(&folder.0).unwrap();
        assert_eq!(folder.list(), theirs());
    }

    #[test]
    fn what_a_killed_run_left_is_put_back_by_the_next() {
        let folder = Folder::new("policy-killed");
        std::mem::forget(Policy::refuse(&folder.0).unwrap());
        restore(&folder.0).unwrap();
        assert_eq!(folder.list(), []);

        for (name, text) in theirs() {
            fs::write(folder.0.join(name), text).unwrap();
        }
        std::mem::forget(Policy::refuse(&folder.0).unwrap());
        drop(Policy::refuse(&folder.0).unwrap());
        assert_eq!(folder.list(), theirs());
    }
}
