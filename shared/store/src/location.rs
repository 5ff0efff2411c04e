//! Where the store lies, and who may read it.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, fchown},
    path::{Path, PathBuf},
};

use crate::error::OpenError;

/// Makes the directory and an empty file where there are none, both for their owner alone, and
/// returns the absolute path. SQLite gives its log the file's own permissions.
///
/// A file that is there already is not even opened: closing it would drop the locks that SQLite
/// holds on it in this process (POSIX locks go with the first descriptor closed).
pub(crate) fn prepare(path: &Path) -> Result<PathBuf, OpenError> {
    if path.as_os_str().is_empty() {
        return Err(unusable(path, "it is empty"));
    }
    if path.to_str().is_none() {
        return Err(unusable(path, "SQLite takes only UTF-8"));
    }
    let path = std::path::absolute(path).map_err(|error| OpenError::file(path, &error))?;
    let directory = path.parent().ok_or_else(|| unusable(&path, "it is a directory"))?;
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(directory);
    made.map_err(|error| {
        OpenError(format!("the store's directory {directory:?} cannot be made: {error}"))
    })?;
    match make_file(&path) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let found = fs::metadata(&path).map_err(|error| OpenError::file(&path, &error))?;
            if !found.is_file() {
                return Err(unusable(&path, "it is not a file"));
            }
            let mode = found.mode() & 0o777;
            if mode & 0o077 != 0 {
                let mode = format!("{mode:o}");
                tracing::warn!(path = %path.display(), mode, "others can read the store");
            }
        }
        Err(error) => return Err(OpenError::file(&path, &error)),
    }
    Ok(path)
}

fn unusable(path: &Path, why: &str) -> OpenError {
    OpenError(format!("the store's path {path:?} is not usable: {why}"))
}

/// Makes an empty file for its owner alone, where there is none: whoever owns its directory. What
/// root makes in a service's directory, by a command given before the service ever ran, is the
/// service's.
///
/// # Errors
/// `AlreadyExists` where there is one, and as the file system has it.
pub fn make_file(path: &Path) -> io::Result<File> {
    let owner = fs::metadata(std::path::absolute(path)?.parent().unwrap_or(path))?;
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    if owner.uid() != file.metadata()?.uid() {
        // Only root may; anyone else keeps what he made.
        let _ = fchown(&file, Some(owner.uid()), Some(owner.gid()));
    }
    Ok(file)
}
