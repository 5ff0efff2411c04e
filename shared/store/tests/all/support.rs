//! What the store's tests share: a clock that stands, and small things to store.

use std::{path::PathBuf, sync::Arc};

use jiff::Timestamp;
use pointsman_core::{
    document::Document,
    ledger::{Line, What},
    names::BackendId,
    series::Series,
    signal::SeriesId,
};
use pointsman_engine::{
    message::Outgoing,
    ports::{Clock, Commit, Store as _, StoreError, Versioned},
};
use pointsman_store::{BUSY_TIMEOUT, Database, SqliteStore};
use tempfile::TempDir;

pub(crate) struct Standing(pub(crate) Timestamp);

impl Clock for Standing {
    fn now(&self) -> Timestamp {
        self.0
    }
}

pub(crate) fn at(text: &str) -> Timestamp {
    format!("2026-03-01T{text}Z").parse().unwrap()
}

pub(crate) fn clock() -> Arc<dyn Clock> {
    Arc::new(Standing(at("12:00:00")))
}

pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) store: SqliteStore,
}

/// Saves what nobody else has.
pub(crate) async fn commit(store: &SqliteStore, commit: Commit) -> Result<(), StoreError> {
    store.commit(&commit).await.map(drop)
}

impl World {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path().join("pointsman.db")).await;
        Self { folder, store }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("pointsman.db")
    }

    pub(crate) fn database(&self) -> &Database {
        self.store.database()
    }

    pub(crate) async fn count(&self, table: &'static str) -> i64 {
        number(self.database(), &format!("SELECT count(*) FROM {table}")).await
    }

    pub(crate) async fn close(self) {
        self.database().close().await;
    }
}

/// The number that a query finds.
pub(crate) async fn number(database: &Database, query: &str) -> i64 {
    database.read(|conn| Ok(conn.query_row(query, [], |row| row.get(0))?)).await.unwrap()
}

/// Runs statements as they are.
pub(crate) async fn run(database: &Database, statements: &str) {
    let statements = statements.to_owned();
    database.write(move |conn| Ok(conn.execute_batch(&statements)?)).await.unwrap();
}

pub(crate) async fn open(path: PathBuf) -> SqliteStore {
    let database = Database::open(&path, BUSY_TIMEOUT).await.unwrap();
    SqliteStore::new(database, clock())
}

pub(crate) fn backend(name: &str) -> BackendId {
    format!(
        "/subscriptions/00000000-0000-0000-0000-00000000000a/resourceGroups/rg1\
         /providers/Microsoft.ApiManagement/service/contoso/backends/{name}"
    )
    .parse()
    .unwrap()
}

pub(crate) fn series_id(name: &str) -> SeriesId {
    format!("alertmanager/{name}").parse().unwrap()
}

pub(crate) fn series(name: &str) -> Versioned<Series> {
    Versioned::new(Series::new(series_id(name)))
}

pub(crate) fn document(name: &str) -> Versioned<Document> {
    Versioned::new(Document::new(backend(name), at("12:00:00")))
}

pub(crate) fn line(about: &str, why: &str) -> Line {
    Line::new(at("12:00:00"), Some(&backend(about)), What::Rejected { why: why.to_owned() })
}

pub(crate) fn wake(name: &str) -> Outgoing {
    Outgoing::wake(&backend(name), None)
}
