//! What SQLite's errors mean: whether to try again, and what the operator needs to know.

use std::{
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use pointsman_engine::ports::StoreError;

/// Why the store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The path cannot be given to SQLite.
    #[error("the store's path {0:?} is not usable: {1}")]
    Path(PathBuf, &'static str),
    /// Its directory does not exist and cannot be made.
    #[error("the store's directory {0:?} cannot be made: {1}")]
    Directory(PathBuf, io::Error),
    /// The file cannot be made or used.
    #[error("the store {0:?} cannot be opened: {1}")]
    File(PathBuf, io::Error),
    /// SQLite cannot use it.
    #[error("the store {0:?} cannot be opened: {1}")]
    Sqlite(PathBuf, sqlx::Error),
    /// SQLite cannot open the file, which is there.
    #[error(
        "the store {path:?} cannot be opened: {cause}; it belongs to {owner}: do this as that user, which \
         `serve` runs as"
    )]
    Unopened {
        /// Which file.
        path: PathBuf,
        /// What SQLite says.
        cause: sqlx::Error,
        /// Whose it is.
        owner: String,
    },
    /// It is a database of another program.
    #[error("{0:?} is a database, but not one of Pointsman's; choose another path")]
    Foreign(PathBuf),
    /// It was written by a newer version.
    #[error(
        "the store {path:?} was written by a newer version of Pointsman: its schema is {found}, and \
         this version knows up to {known}; run the newer version"
    )]
    Newer {
        /// Which file.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// The newest schema known here.
        known: i64,
    },
    /// Its schema cannot be brought up to date.
    #[error("the schema of the store {0:?} cannot be brought up to date: {1}")]
    Schema(PathBuf, sqlx::migrate::MigrateError),
}

impl OpenError {
    /// SQLite does not open the file. Most often it is another user's, which SQLite does not say; to
    /// try it here would drop the locks of whoever has it open in this process.
    pub(crate) fn unopened(path: &Path, cause: sqlx::Error) -> Self {
        match owner(path) {
            Some(owner) if primary_code(&cause) == Some(CANNOT_OPEN) => {
                Self::Unopened { path: path.to_owned(), cause, owner }
            }
            _ => Self::Sqlite(path.to_owned(), cause),
        }
    }
}

/// SQLite's primary result codes: `SQLITE_CANTOPEN`.
const CANNOT_OPEN: i64 = 14;
/// `SQLITE_CORRUPT` and `SQLITE_NOTADB`: a file that is not, or is no longer, a database.
const BROKEN: [i64; 2] = [11, 26];
/// `SQLITE_BUSY` and `SQLITE_LOCKED`.
const BUSY: [i64; 2] = [5, 6];

/// Whether waiting may help: someone else holds the lock.
pub(crate) fn is_busy(error: &sqlx::Error) -> bool {
    primary_code(error).is_some_and(|code| BUSY.contains(&code))
}

fn primary_code(error: &sqlx::Error) -> Option<i64> {
    let extended: i64 = error.as_database_error()?.code()?.parse().ok()?;
    Some(extended & 0xff)
}

/// What an error of SQLite means to whoever asked.
///
/// Everything that is not a broken file is [`StoreError::Unavailable`]: a full disk, a failing one,
/// a lock that another process holds for too long. SQLite may have rolled the whole transaction
/// back by itself then, so the writer gives up the whole group.
#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` hands over")]
pub(crate) fn meaning(error: sqlx::Error) -> StoreError {
    let broken = primary_code(&error).is_some_and(|code| BROKEN.contains(&code));
    let undecodable = matches!(error, sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_));
    if broken || undecodable {
        StoreError::Corrupt(error.to_string())
    } else {
        StoreError::Unavailable(error.to_string())
    }
}

/// What is said once the store is closed.
pub(crate) fn closed() -> StoreError {
    StoreError::Unavailable("it is closed".to_owned())
}

/// An error's reason, without the words that are said again where it is passed on.
pub(crate) fn reason(error: StoreError) -> String {
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

/// Runs one statement's future inside a job, with its error's meaning.
pub(crate) async fn said<T>(
    statement: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, StoreError> {
    statement.await.map_err(meaning)
}

#[cfg(test)]
mod tests {
    use sqlx::{ConnectOptions, sqlite::SqliteConnectOptions};

    use super::*;

    #[tokio::test]
    async fn whose_a_file_is_that_cannot_be_opened_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let cannot_open = async || {
            let nowhere = folder.path().join("nowhere/pointsman.db");
            SqliteConnectOptions::new().filename(nowhere).connect().await.unwrap_err()
        };
        let there = folder.path().join("pointsman.db");
        let said = OpenError::unopened(&there, cannot_open().await).to_string();
        assert!(said.contains("(code: 14)"), "{said}");
        fs::write(&there, "").unwrap();
        let said = OpenError::unopened(&there, cannot_open().await).to_string();
        assert!(said.contains("(code: 14)"), "{said}");
        assert!(said.contains("it belongs to user ") && said.contains("(mode 6"), "{said}");
    }
}
