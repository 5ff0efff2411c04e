//! The schema, brought up to date when the store is opened.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use crate::{error::OpenError, micros::column};

/// `PRAGMA application_id` of Pointsman's files; the first migration sets it.
const APPLICATION_ID: i64 = 0x504e_5453;

/// What was changed, in order. The schema's version, `PRAGMA user_version`, is how many of them are done.
const MIGRATIONS: [&str; 7] = [
    include_str!("../migrations/0001_initial.sql"),
    include_str!("../migrations/0002_refusals.sql"),
    include_str!("../migrations/0003_claims.sql"),
    include_str!("../migrations/0004_dead_letters.sql"),
    include_str!("../migrations/0005_runs.sql"),
    include_str!("../migrations/0006_notices.sql"),
    include_str!("../migrations/0007_severities.sql"),
];

/// Brings the schema up to date. Several processes may open one file at the same time: the first
/// to get the write lock migrates, the others find it done. Where there is nothing to do, nothing
/// is locked, so that a command that only reads never waits for a writer.
pub(crate) fn migrate(conn: &mut Connection, path: &Path) -> Result<(), OpenError> {
    if applied(conn, path)? == MIGRATIONS.len() {
        return Ok(());
    }
    let sqlite = |error| OpenError::file(path, &error);
    let transaction =
        conn.transaction_with_behavior(TransactionBehavior::Immediate).map_err(sqlite)?;
    let (found, known) = (applied(&transaction, path)?, MIGRATIONS.len());
    if found > known {
        return Err(OpenError(format!(
            "the store {path:?} was written by a newer version of Pointsman: its schema is {found}, \
             and this version knows up to {known}; run the newer version"
        )));
    }
    let migrated = MIGRATIONS[found..].iter().try_for_each(|text| transaction.execute_batch(text));
    migrated
        .and_then(|()| transaction.pragma_update(None, "user_version", column(known)))
        .map_err(|error| {
            OpenError(format!(
                "the schema of the store {path:?} cannot be brought up to date: {error}"
            ))
        })?;
    transaction.commit().map_err(sqlite)
}

/// The schema's version; 0 in a file that has none yet.
fn applied(conn: &Connection, path: &Path) -> Result<usize, OpenError> {
    let sqlite = |error| OpenError::file(path, &error);
    let number = |query: &str| conn.query_row(query, [], |row| row.get::<_, Option<i64>>(0));
    let application = number("PRAGMA application_id").map_err(sqlite)?;
    let things = number("SELECT count(*) FROM sqlite_schema").map_err(sqlite)?;
    match (things, application) {
        (Some(0), _) => return Ok(0),
        (_, Some(APPLICATION_ID)) => {}
        _ => {
            return Err(OpenError(format!(
                "{path:?} is a database, but not one of Pointsman's; choose another path"
            )));
        }
    }
    let version = match number("PRAGMA user_version").map_err(sqlite)? {
        // The first files have their version in a table.
        Some(0) => number("SELECT max(version) FROM _sqlx_migrations").map_err(sqlite)?,
        version => version,
    };
    Ok(version.and_then(|version| usize::try_from(version).ok()).unwrap_or(0))
}
