//! The folder of a run, with all that it writes: a temporary one that goes with it, or one that is
//! kept, and in which the next run continues.
//!
//! A kept folder belongs to one run at a time, and is never one that someone else has put things
//! into. What it holds, tokens among it, is for its owner alone.

use std::{
    fs::{self, DirBuilder, File, TryLockError},
    io::{self, Write as _},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use serde::{Serialize, de::DeserializeOwned};
use tempfile::{NamedTempFile, TempDir};

use super::Failed;

/// The file by which a run says that a kept folder is its own.
const LOCK: &str = "dev.lock";

/// A folder.
#[derive(Debug)]
pub(super) enum Folder {
    /// Gone when it is dropped.
    Temporary(TempDir),
    /// Locked until it is dropped.
    Kept { path: PathBuf, _lock: File },
}

impl Folder {
    /// The folder that is to be kept, or a temporary one.
    pub(super) fn open(kept: Option<&Path>) -> Result<Self, Failed> {
        match kept {
            None => {
                Ok(Self::Temporary(tempfile::Builder::new().prefix("pointsman-dev-").tempdir()?))
            }
            Some(path) => keep(path),
        }
    }

    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Temporary(folder) => folder.path(),
            Self::Kept { path, .. } => path,
        }
    }

    /// Where things are kept for the next run, if there is to be one.
    pub(super) fn kept(&self) -> Option<&Path> {
        match self {
            Self::Temporary(_) => None,
            Self::Kept { path, .. } => Some(path),
        }
    }

    /// Removes it, unless it is kept.
    pub(super) fn close(self) -> Result<(), Failed> {
        match self {
            Self::Temporary(folder) => {
                let path = folder.path().display().to_string();
                folder
                    .close()
                    .map_err(|error| Failed::from(format!("{path} could not be removed: {error}")))
            }
            Self::Kept { .. } => Ok(()),
        }
    }
}

fn keep(path: &Path) -> Result<Folder, Failed> {
    let cannot = |error: io::Error| {
        Failed::from(format!("the state cannot be kept in {}: {error}", path.display()))
    };
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(cannot)?;
    let path = path.canonicalize().map_err(cannot)?;
    let file = path.join(LOCK);
    if !file.exists() && fs::read_dir(&path).map_err(cannot)?.next().is_some() {
        return Err(Failed::from(format!(
            "{} has other things in it, and no state of `pointsman dev`: name a new folder or an empty one",
            path.display()
        )));
    }
    let lock = File::options().create(true).append(true).open(file).map_err(cannot)?;
    match lock.try_lock() {
        Ok(()) => Ok(Folder::Kept { path, _lock: lock }),
        Err(TryLockError::WouldBlock) => Err(Failed::from(format!(
            "another `pointsman dev` keeps its state in {}: end that one first, or name another folder",
            path.display()
        ))),
        Err(TryLockError::Error(error)) => Err(cannot(error)),
    }
}

/// Keeps something in a file, where there is a folder to keep it in.
pub(super) fn write(kept: Option<&Path>, name: &str, what: &impl Serialize) -> Result<(), Failed> {
    let Some(folder) = kept else { return Ok(()) };
    write_text(folder, name, &serde_json::to_string_pretty(what)?)
}

/// Writes a file: whole at any moment, and readable by its owner alone.
pub(super) fn write_text(folder: &Path, name: &str, text: &str) -> Result<(), Failed> {
    let path = folder.join(name);
    let write = || {
        let mut file = NamedTempFile::new_in(folder)?;
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(&path)?;
        Ok(())
    };
    write().map_err(|error: io::Error| Failed::from(format!("{}: {error}", path.display())))
}

/// What was kept in a file; the default where nothing was.
pub(super) fn read<T>(kept: Option<&Path>, name: &str) -> Result<T, Failed>
where
    T: DeserializeOwned + Default,
{
    let Some(folder) = kept else { return Ok(T::default()) };
    let path = folder.join(name);
    let cannot = |why: String| {
        Failed::from(format!("the last run cannot be continued from {}: {why}", path.display()))
    };
    match fs::read(&path) {
        Ok(text) => serde_json::from_slice(&text).map_err(|error| cannot(error.to_string())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(T::default()),
        Err(error) => Err(cannot(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(path: &Path) -> Result<Folder, String> {
        Folder::open(Some(path)).map_err(|why| why.to_string())
    }

    #[test]
    fn a_kept_folder_is_one_runs_at_a_time_and_nobody_elses() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("new/state");
        let first = open(&path).unwrap();
        assert!(open(&path).unwrap_err().contains("another `pointsman dev`"));
        write(first.kept(), "some.json", &[1, 2]).unwrap();
        first.close().unwrap();
        let second = open(&path).unwrap();
        assert_eq!(read::<Vec<u32>>(second.kept(), "some.json").unwrap_or_default(), [1, 2]);
        assert_eq!(read::<Vec<u32>>(second.kept(), "none.json").unwrap_or_default(), [0; 0]);
        fs::write(second.path().join("some.json"), "[1,").unwrap();
        let why = read::<Vec<u32>>(second.kept(), "some.json").unwrap_err().to_string();
        assert!(why.contains("cannot be continued from") && why.contains("some.json"), "{why}");
        fs::write(place.path().join("theirs"), "").unwrap();
        assert!(open(place.path()).unwrap_err().contains("has other things in it"));
        assert!(open(&place.path().join("theirs")).unwrap_err().contains("cannot be kept in"));
    }

    #[test]
    fn a_temporary_folder_goes_with_its_run() {
        let Ok(folder) = Folder::open(None) else { panic!("it can be made") };
        let path = folder.path().to_owned();
        assert!(path.exists() && folder.kept().is_none());
        assert!(folder.close().is_ok() && !path.exists());
    }
}
