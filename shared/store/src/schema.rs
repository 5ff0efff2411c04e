//! The schema, brought up to date when the store is opened.

use std::{path::Path, sync::LazyLock};

use sqlx::{
    Connection, SqlSafeStr, SqliteConnection,
    migrate::{Migration, MigrationType, Migrator},
};

use crate::error::OpenError;

/// `PRAGMA application_id` of Pointsman's files; the first migration sets it.
const APPLICATION_ID: i64 = 0x504e_5453;

static MIGRATOR: LazyLock<Migrator> = LazyLock::new(|| {
    let migration = |version, name: &'static str, text: &'static str| {
        Migration::new(version, name.into(), MigrationType::Simple, text.into_sql_str(), false)
    };
    Migrator::with_migrations(vec![
        migration(1, "initial", include_str!("../migrations/0001_initial.sql")),
        migration(2, "refusals", include_str!("../migrations/0002_refusals.sql")),
        migration(3, "claims", include_str!("../migrations/0003_claims.sql")),
        migration(4, "dead letters", include_str!("../migrations/0004_dead_letters.sql")),
        migration(5, "runs", include_str!("../migrations/0005_runs.sql")),
        migration(6, "notices", include_str!("../migrations/0006_notices.sql")),
        migration(7, "severities", include_str!("../migrations/0007_severities.sql")),
    ])
});

/// Brings the schema up to date. Several processes may open one file at the same time: the first
/// to get the write lock migrates, the others find it done. Where there is nothing to do, nothing
/// is locked, so that a command that only reads never waits for a writer.
pub(crate) async fn migrate(conn: &mut SqliteConnection, path: &Path) -> Result<(), OpenError> {
    let known = MIGRATOR.iter().map(|migration| migration.version).max().unwrap_or(0);
    if applied(conn, path).await? == Some(known) {
        return Ok(());
    }
    let sqlite = |error: sqlx::Error| OpenError::file(path, &error);
    let mut transaction = conn.begin_with("BEGIN IMMEDIATE").await.map_err(sqlite)?;
    match applied(&mut transaction, path).await? {
        Some(found) if found > known => {
            return Err(OpenError(format!(
                "the store {path:?} was written by a newer version of Pointsman: its schema is {found}, \
                 and this version knows up to {known}; run the newer version"
            )));
        }
        Some(_) | None => {}
    }
    MIGRATOR.run(&mut *transaction).await.map_err(|error| {
        OpenError(format!("the schema of the store {path:?} cannot be brought up to date: {error}"))
    })?;
    transaction.commit().await.map_err(sqlite)
}

/// The schema's version; none in a file that has none yet.
async fn applied(conn: &mut SqliteConnection, path: &Path) -> Result<Option<i64>, OpenError> {
    let found: Result<(i64, i64, bool), sqlx::Error> = sqlx::query_as(
        "SELECT (SELECT application_id FROM pragma_application_id),
                (SELECT count(*) FROM sqlite_schema),
                EXISTS (SELECT 1 FROM sqlite_schema WHERE name = '_sqlx_migrations')",
    )
    .fetch_one(&mut *conn)
    .await;
    let sqlite = |error: sqlx::Error| OpenError::file(path, &error);
    let (application, things, migrated) = found.map_err(sqlite)?;
    match (things, application) {
        (0, _) => return Ok(None),
        (_, APPLICATION_ID) if migrated => {}
        _ => {
            return Err(OpenError(format!(
                "{path:?} is a database, but not one of Pointsman's; choose another path"
            )));
        }
    }
    let version: Option<i64> = sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations")
        .fetch_one(conn)
        .await
        .map_err(sqlite)?;
    Ok(version)
}
