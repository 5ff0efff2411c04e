//! The engine's store on the database.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use async_trait::async_trait;
use jiff::Timestamp;
use pointsman_core::{
    claim::{Asked, Occurrences, RECALLED_MAX, Recall},
    document::Document,
    group::{Group, Scope},
    ledger::Line,
    names::BackendId,
    notice::Notices,
    series::Series,
    signal::SeriesId,
};
use pointsman_engine::ports::{
    Chosen, Clock, Commit, DeadLetter, DeadLetterParts, Published, Relay, Store, StoreError,
    Unsettled, Versioned,
};
use rusqlite::{Connection, Params, Row, params};
use serde_json::Value;

use crate::{
    commit::{self, Prepared},
    database::Database,
    error::JobError,
    micros::{Micros, column},
    notices,
    stored::{self, Body},
};

/// How many series are forgotten in one statement.
const SERIES_CHUNK: usize = 1_000;

/// The store on SQLite. Clones share the database.
///
/// Reads see the last commit and are never blocked by a write; two reads are not one snapshot,
/// which is why every save compares versions.
#[derive(Clone)]
pub struct SqliteStore {
    database: Database,
    clock: Arc<dyn Clock>,
}

impl SqliteStore {
    /// A store on this database. The clock says when a message that a commit sends was enqueued.
    #[must_use]
    pub fn new(database: Database, clock: Arc<dyn Clock>) -> Self {
        Self { database, clock }
    }

    /// The database under it.
    #[must_use]
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// How many rows a statement has changed.
    async fn execute(
        &self,
        statement: &'static str,
        values: impl Params + Send + 'static,
    ) -> Result<u64, StoreError> {
        let work = move |conn: &Connection| Ok(conn.prepare_cached(statement)?.execute(values)?);
        Ok(self.database.write(work).await? as u64)
    }
}

/// The rows that a query finds.
fn rows<T>(
    conn: &Connection,
    query: &str,
    values: impl Params,
    read: impl FnMut(&Row<'_>) -> Result<T, rusqlite::Error>,
) -> Result<Vec<T>, JobError> {
    let mut statement = conn.prepare_cached(query)?;
    let rows = statement.query_map(values, read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn text(row: &Row<'_>) -> Result<String, rusqlite::Error> {
    row.get(0)
}

/// A version and a body.
fn pair(row: &Row<'_>) -> Result<(i64, String), rusqlite::Error> {
    row.try_into()
}

fn versioned<T: Body>((version, body): (i64, String)) -> Result<Versioned<T>, JobError> {
    Ok(Versioned { version: version.unsigned_abs(), body: stored::read(&body)? })
}

/// Names for a statement that asks for all of them: a list in JSON, so that the statement is the same for
/// any number.
fn list(of: impl Iterator<Item = String>) -> [String; 1] {
    [Value::from_iter(of).to_string()]
}

/// The condition on a claim that [`Recall::matches`] is, of the values of [`recalled`].
const RECALLED: &str = "claims.id = ?1 AND since > ?2 AND max(since, ?3) + length > ?4";

fn recalled(recall: &Recall) -> (&str, i64, i64, i64) {
    let micros = |at: Option<Timestamp>| at.map_or(i64::MIN, |at| Micros::at(at).column());
    let now = Micros::at(recall.now).column();
    (recall.id.as_str(), micros(recall.after), micros(recall.begun), now)
}

pub(crate) fn read_time(micros: i64) -> Result<Timestamp, StoreError> {
    let corrupt = || StoreError::Corrupt(format!("{micros} is not a time"));
    Micros::of_column(micros).timestamp().ok_or_else(corrupt)
}

/// The generation of a row: its number, when and by whom it was published, and its text.
fn generation((number, at, by, text): (i64, i64, String, String)) -> Result<Published, StoreError> {
    Ok(Published { number: number.unsigned_abs(), at: read_time(at)?, by, text })
}

#[async_trait]
impl Store for SqliteStore {
    async fn series(&self, ids: &[SeriesId]) -> Result<Vec<Versioned<Series>>, StoreError> {
        let query = "SELECT version, body FROM series WHERE id IN (SELECT value FROM json_each(?))";
        let ids = list(ids.iter().map(SeriesId::to_string));
        let read =
            |conn: &Connection| rows(conn, query, ids, pair)?.into_iter().map(versioned).collect();
        self.database.read(read).await
    }

    async fn claims(&self, recall: &Recall) -> Result<Vec<(SeriesId, Asked)>, StoreError> {
        let query = format!(
            "SELECT series.body FROM claims JOIN series ON series.id = claims.series WHERE {RECALLED}
             ORDER BY generation DESC, severity DESC, started, claims.series LIMIT ?5 OFFSET ?6"
        );
        let (id, after, begun, now) = recalled(recall);
        let most = column(RECALLED_MAX);
        let (mut found, mut seen) = (Vec::new(), 0);
        // Some may be silent by now, which the index does not tell of those that have begun.
        loop {
            let asked = (id, after, begun, now, most, column(seen));
            let bodies: Vec<String> =
                self.database.read(|conn| rows(conn, &query, asked, text)).await?;
            let is_last = bodies.len() < RECALLED_MAX;
            seen += bodies.len();
            for body in bodies {
                let series: Series = stored::read(&body)?;
                let claims = series.running.into_iter().flat_map(|running| running.claims);
                let asked = claims.filter(|claim| recall.matches(claim)).map(|claim| claim.asked);
                found.extend(asked.map(|asked| (series.id.clone(), asked)));
            }
            if is_last || found.len() >= RECALLED_MAX {
                found.truncate(RECALLED_MAX);
                return Ok(found);
            }
        }
    }

    async fn occurrences(&self, recall: &Recall) -> Result<Occurrences, StoreError> {
        let query =
            format!("SELECT count(*), min(started), max(started) FROM claims WHERE {RECALLED}");
        let read = |conn: &Connection| {
            let mut query = conn.prepare_cached(&query)?;
            Ok(query.query_row(recalled(recall), |row| row.try_into())?)
        };
        let (count, first, latest): (i64, Option<i64>, Option<i64>) =
            self.database.read(read).await?;
        Ok(Occurrences {
            count: count.unsigned_abs(),
            first: first.map(read_time).transpose()?,
            latest: latest.map(read_time).transpose()?,
        })
    }

    async fn document(
        &self,
        backend: &BackendId,
    ) -> Result<Option<Versioned<Document>>, StoreError> {
        let query = "SELECT version, body FROM documents WHERE id = ?";
        let read = |conn: &Connection| {
            let found = rows(conn, query, [backend.to_string()], pair)?.pop();
            found.map(versioned).transpose()
        };
        self.database.read(read).await
    }

    async fn documents(&self) -> Result<Vec<Versioned<Document>>, StoreError> {
        let query = "SELECT version, body FROM documents ORDER BY id";
        let read =
            |conn: &Connection| rows(conn, query, [], pair)?.into_iter().map(versioned).collect();
        self.database.read_at_length(read).await
    }

    async fn overdue(&self, before: Timestamp, most: usize) -> Result<Vec<BackendId>, StoreError> {
        let query = "SELECT id FROM documents WHERE wake < ? ORDER BY wake LIMIT ?";
        let asked = (Micros::at(before).column(), column(most));
        let ids: Vec<String> = self.database.read(|conn| rows(conn, query, asked, text)).await?;
        let id = |id: &String| {
            id.parse().map_err(|_| StoreError::Corrupt(format!("`{id}` is not a backend's id")))
        };
        ids.iter().map(id).collect()
    }

    async fn groups(
        &self,
        scopes: &BTreeSet<Scope>,
    ) -> Result<BTreeMap<Scope, Versioned<Group>>, StoreError> {
        let query =
            "SELECT id, version, body FROM groups WHERE id IN (SELECT value FROM json_each(?))";
        let names = list(scopes.iter().map(Scope::to_string));
        let read = |conn: &Connection| {
            let found = rows(conn, query, names, |row| row.try_into())?.into_iter();
            let one = |(id, version, body): (String, _, _)| Ok((id, versioned((version, body))?));
            found.map(one).collect::<Result<BTreeMap<String, _>, JobError>>()
        };
        let mut stored = self.database.read(read).await?;
        let group = |scope: &Scope| {
            let stored = stored.remove(&scope.to_string());
            (scope.clone(), stored.unwrap_or_else(|| Versioned::new(Group::default())))
        };
        Ok(scopes.iter().map(group).collect())
    }

    async fn published(&self) -> Result<Option<Published>, StoreError> {
        Ok(self.generations(1).await?.pop())
    }

    async fn generation(&self, number: u64) -> Result<Option<Published>, StoreError> {
        let query = r#"SELECT number, at, "by", text FROM generations WHERE number = ?"#;
        let read = |conn: &Connection| {
            Ok(rows(conn, query, [column(number)], |row| row.try_into())?.pop())
        };
        self.database.read(read).await?.map(generation).transpose()
    }

    async fn generations(&self, most: usize) -> Result<Vec<Published>, StoreError> {
        let query =
            r#"SELECT number, at, "by", text FROM generations ORDER BY number DESC LIMIT ?"#;
        let found = self
            .database
            .read(|conn| rows(conn, query, [column(most)], |row| row.try_into()))
            .await?;
        found.into_iter().rev().map(generation).collect()
    }

    async fn publish(&self, published: &Published, lines: &[Line]) -> Result<(), StoreError> {
        let Published { number, at, by, text } = published.clone();
        let lines = commit::entries(lines)?;
        let work = move |conn: &Connection| {
            let newest = "SELECT coalesce(max(number), 0) FROM generations";
            let newest: i64 = conn.query_row(newest, [], |row| row.get(0))?;
            commit::require(newest + 1 == column(number))?;
            let insert = r#"INSERT INTO generations (number, at, "by", text) VALUES (?, ?, ?, ?)"#;
            conn.execute(insert, params![column(number), Micros::at(at).column(), by, text])?;
            commit::write_lines(conn, &lines)
        };
        self.database.write(work).await
    }

    /// Sends and completes in the same transaction, and leaves nothing.
    async fn commit(&self, commit: &Commit) -> Result<Unsettled, StoreError> {
        if *commit == Commit::default() {
            return Ok(Unsettled::default());
        }
        let prepared = Prepared::new(commit, self.clock.now())?;
        let database = self.database.clone();
        let work = move |conn: &Connection| {
            let due = prepared.write(conn)?;
            database.arrivals().expect(due);
            Ok(Unsettled::default())
        };
        self.database.write(work).await
    }

    /// What it sends is in the queue once it is saved: they are one database.
    async fn outbox(&self, _most: usize) -> Result<Vec<Relay>, StoreError> {
        Ok(Vec::new())
    }

    async fn relayed(&self, _entries: &[u64]) -> Result<(), StoreError> {
        Ok(())
    }

    async fn history(
        &self,
        backend: Option<&BackendId>,
        most: usize,
    ) -> Result<Vec<Line>, StoreError> {
        let (backend, most) = (backend.map(ToString::to_string), column(most));
        let read = move |conn: &Connection| match backend {
            Some(backend) => {
                let query = "SELECT body FROM ledger WHERE backend = ? ORDER BY seq DESC LIMIT ?";
                rows(conn, query, params![backend, most], text)
            }
            None => rows(conn, "SELECT body FROM ledger ORDER BY seq DESC LIMIT ?", [most], text),
        };
        let bodies: Vec<String> = self.database.read_at_length(read).await?;
        bodies.iter().rev().map(|body| Ok(stored::read(body)?)).collect()
    }

    async fn dead_letters(&self, most: usize) -> Result<Vec<DeadLetter>, StoreError> {
        type Row = (String, i64, String, String, String, Option<String>);
        let query = "SELECT id, at, source, reason, body, parts FROM letters
                     ORDER BY at DESC, seq DESC LIMIT ?";
        let read = move |conn: &Connection| rows(conn, query, [column(most)], |row| row.try_into());
        let letter = |(id, at, from, reason, body, parts): Row| {
            let parts = parts
                .map_or_else(|| Ok(DeadLetterParts::default()), |parts| stored::read(&parts))?;
            Ok(DeadLetter { id, at: read_time(at)?, from, reason, body, parts })
        };
        self.database.read_at_length(read).await?.into_iter().rev().map(letter).collect()
    }

    async fn count_dead_letters(&self) -> Result<u64, StoreError> {
        let query = "SELECT count(*) FROM letters";
        let read = move |conn: &Connection| Ok(conn.query_row(query, [], |row| row.get(0))?);
        let count: i64 = self.database.read_at_length(read).await?;
        Ok(count.unsigned_abs())
    }

    async fn drop_dead_letters(&self, chosen: &Chosen) -> Result<u64, StoreError> {
        let Chosen { id, from, before } = chosen.clone();
        let statement = "DELETE FROM letters WHERE (?1 IS NULL OR id = ?1)
                         AND (?2 IS NULL OR source = ?2) AND (?3 IS NULL OR at < ?3)";
        let before = before.map(|at| Micros::at(at).column());
        self.execute(statement, (id, from, before)).await
    }

    async fn notices(&self) -> Result<Notices, StoreError> {
        let query = "SELECT kind, subject, severity, first, latest, count, says FROM notices";
        let read =
            move |conn: &Connection| rows::<notices::Row>(conn, query, [], |row| row.try_into());
        let rows = self.database.read_at_length(read).await?.into_iter();
        rows.filter_map(|row| notices::read(row).transpose()).collect()
    }

    async fn forget_notices(&self, before: Timestamp) -> Result<u64, StoreError> {
        let statement = "DELETE FROM notices WHERE latest < ?";
        self.execute(statement, [Micros::at(before).column()]).await
    }

    async fn forget_series(&self, before: Timestamp) -> Result<u64, StoreError> {
        let statement = "DELETE FROM series WHERE id IN
                         (SELECT id FROM series WHERE ended_at < ? LIMIT ?)";
        let mut forgotten = 0;
        // Some at a time: others write in between.
        loop {
            let asked = (Micros::at(before).column(), column(SERIES_CHUNK));
            let some = self.execute(statement, asked).await?;
            forgotten += some;
            if some < SERIES_CHUNK as u64 {
                return Ok(forgotten);
            }
        }
    }

    async fn ready(&self) -> Result<(), StoreError> {
        self.execute("UPDATE probe SET side = 1 - side", []).await.map(drop)
    }
}
