//! What SQLite's errors mean: whether to try again, and what the operator needs to know.

use std::{fmt::Display, fs, os::unix::fs::MetadataExt as _, path::Path};

use pointsman_engine::ports::StoreError;

use crate::stored::BodyError;

/// Why the store could not be opened, in words.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct OpenError(pub(crate) String);

impl OpenError {
    /// The file cannot be made or used.
    pub(crate) fn file(path: &Path, cause: &dyn Display) -> Self {
        Self(format!("the store {path:?} cannot be opened: {cause}"))
    }

    /// SQLite does not open the file. Most often it is another user's, which SQLite does not say; to
    /// try it here would drop the locks of whoever has it open in this process.
    pub(crate) fn unopened(path: &Path, cause: &rusqlite::Error) -> Self {
        match owner(path) {
            Some(owner) if primary_code(cause) == Some(CANNOT_OPEN) => Self(format!(
                "the store {path:?} cannot be opened: {cause}; it belongs to {owner}: do this as that \
                 user, which `serve` runs as"
            )),
            _ => Self::file(path, cause),
        }
    }
}

/// SQLite's primary result codes: `SQLITE_CANTOPEN`.
const CANNOT_OPEN: i32 = 14;
/// `SQLITE_CORRUPT` and `SQLITE_NOTADB`: a file that is not, or is no longer, a database.
const BROKEN: [i32; 2] = [11, 26];
/// `SQLITE_BUSY` and `SQLITE_LOCKED`.
const BUSY: [i32; 2] = [5, 6];

/// Whether waiting may help: someone else holds the lock.
pub(crate) fn is_busy(error: &rusqlite::Error) -> bool {
    primary_code(error).is_some_and(|code| BUSY.contains(&code))
}

fn primary_code(error: &rusqlite::Error) -> Option<i32> {
    Some(error.sqlite_error()?.extended_code & 0xff)
}

/// Why a job at the database did not come to its end: what SQLite says has its meaning by then.
#[derive(Debug)]
pub struct JobError(pub StoreError);

impl From<StoreError> for JobError {
    fn from(error: StoreError) -> Self {
        Self(error)
    }
}

impl From<BodyError> for JobError {
    fn from(error: BodyError) -> Self {
        Self(error.into())
    }
}

/// Everything that is not a broken file is [`StoreError::Unavailable`]: a full disk, a failing one,
/// a lock that another process holds for too long. SQLite may have rolled the whole transaction
/// back by itself then, so the writer gives up the whole group.
impl From<rusqlite::Error> for JobError {
    fn from(error: rusqlite::Error) -> Self {
        let broken = primary_code(&error).is_some_and(|code| BROKEN.contains(&code));
        let undecodable = matches!(
            error,
            rusqlite::Error::FromSqlConversionFailure(..)
                | rusqlite::Error::IntegralValueOutOfRange(..)
                | rusqlite::Error::InvalidColumnType(..)
        );
        Self(if broken || undecodable {
            StoreError::Corrupt(error.to_string())
        } else {
            StoreError::Unavailable(error.to_string())
        })
    }
}

/// What is said once the store is closed.
pub(crate) fn closed() -> StoreError {
    StoreError::Unavailable("it is closed".to_owned())
}

/// An error's reason, without the words that are said again where it is passed on.
pub(crate) fn reason(JobError(error): JobError) -> String {
    match error {
        StoreError::Unavailable(why) | StoreError::Corrupt(why) => why,
        StoreError::Conflict | StoreError::LockLost => error.to_string(),
    }
}

/// Whose the file is, where that can keep someone from opening it.
fn owner(path: &Path) -> Option<String> {
    let found = fs::metadata(path).ok()?;
    Some(format!("user {} (mode {:o})", found.uid(), found.mode() & 0o777))
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    #[test]
    fn whose_a_file_is_that_cannot_be_opened_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let cannot_open =
            || Connection::open(folder.path().join("nowhere/pointsman.db")).unwrap_err();
        let there = folder.path().join("pointsman.db");
        let said = OpenError::unopened(&there, &cannot_open()).to_string();
        assert!(said.contains("unable to open database file"), "{said}");
        fs::write(&there, "").unwrap();
        let said = OpenError::unopened(&there, &cannot_open()).to_string();
        assert!(said.contains("unable to open database file"), "{said}");
        assert!(said.contains("it belongs to user ") && said.contains("(mode 6"), "{said}");
    }
}
