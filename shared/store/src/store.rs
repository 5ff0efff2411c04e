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
use sqlx::{
    FromRow, QueryBuilder, Sqlite,
    query::{Query, QueryAs},
    sqlite::{SqliteArguments, SqliteRow},
};

use crate::{
    commit::{self, Prepared},
    database::Database,
    error::said,
    micros::Micros,
    notices,
    program::{Program, column, list},
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

    /// What a query finds.
    async fn rows<T>(
        &self,
        query: QueryAs<'_, Sqlite, T, SqliteArguments>,
    ) -> Result<Vec<T>, StoreError>
    where
        T: for<'r> FromRow<'r, SqliteRow> + Send + Unpin,
    {
        said(query.fetch_all(&mut *self.database.reader().await?)).await
    }

    /// How many rows a statement has changed.
    async fn execute(
        &self,
        statement: Query<'static, Sqlite, SqliteArguments>,
    ) -> Result<u64, StoreError> {
        let done = self
            .database
            .write_statement(move |conn| {
                Box::pin(async move { said(statement.execute(conn)).await })
            })
            .await?;
        Ok(done.rows_affected())
    }
}

fn versioned<T: Body>((version, body): (i64, String)) -> Result<Versioned<T>, StoreError> {
    Ok(Versioned { version: version.unsigned_abs(), body: stored::read(&body)? })
}

/// The condition on a claim that [`Recall::matches`] is.
fn push_recall(query: &mut QueryBuilder<Sqlite>, recall: &Recall) {
    let micros = |at: Option<Timestamp>| at.map_or(i64::MIN, |at| Micros::at(at).column());
    query
        .push("claims.id = ")
        .push_bind(recall.id.as_str().to_owned())
        .push(" AND since > ")
        .push_bind(micros(recall.after))
        .push(" AND max(since, ")
        .push_bind(micros(recall.begun))
        .push(") + length > ")
        .push_bind(Micros::at(recall.now).column());
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
        let query = sqlx::query_as(
            "SELECT version, body FROM series WHERE id IN (SELECT value FROM json_each(?))",
        );
        self.rows(query.bind(list(ids.iter().map(SeriesId::to_string))))
            .await?
            .into_iter()
            .map(versioned)
            .collect()
    }

    async fn claims(&self, recall: &Recall) -> Result<Vec<(SeriesId, Asked)>, StoreError> {
        let (mut found, mut seen) = (Vec::new(), 0);
        // Some may be silent by now, which the index does not tell of those that have begun.
        loop {
            let mut query = QueryBuilder::<Sqlite>::new(
                "SELECT series.body FROM claims JOIN series ON series.id = claims.series WHERE ",
            );
            push_recall(&mut query, recall);
            query
                .push(" ORDER BY generation DESC, severity DESC, started, claims.series LIMIT ")
                .push_bind(column(RECALLED_MAX))
                .push(" OFFSET ")
                .push_bind(column(seen));
            let rows = self.rows::<(String,)>(query.build_query_as()).await?;
            let is_last = rows.len() < RECALLED_MAX;
            seen += rows.len();
            for (body,) in rows {
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
        let mut query = QueryBuilder::<Sqlite>::new(
            "SELECT count(*), min(started), max(started) FROM claims WHERE ",
        );
        push_recall(&mut query, recall);
        let (count, first, latest): (i64, Option<i64>, Option<i64>) =
            said(query.build_query_as().fetch_one(&mut *self.database.reader().await?)).await?;
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
        let query = sqlx::query_as("SELECT version, body FROM documents WHERE id = ?");
        let mut rows = self.rows(query.bind(backend.to_string())).await?;
        rows.pop().map(versioned).transpose()
    }

    async fn documents(&self) -> Result<Vec<Versioned<Document>>, StoreError> {
        let query = sqlx::query_as("SELECT version, body FROM documents ORDER BY id");
        self.rows(query).await?.into_iter().map(versioned).collect()
    }

    async fn overdue(&self, before: Timestamp, most: usize) -> Result<Vec<BackendId>, StoreError> {
        let query = sqlx::query_as("SELECT id FROM documents WHERE wake < ? ORDER BY wake LIMIT ?")
            .bind(Micros::at(before).column())
            .bind(column(most));
        let id = |(id,): &(String,)| {
            id.parse().map_err(|_| StoreError::Corrupt(format!("`{id}` is not a backend's id")))
        };
        self.rows(query).await?.iter().map(id).collect()
    }

    async fn groups(
        &self,
        scopes: &BTreeSet<Scope>,
    ) -> Result<BTreeMap<Scope, Versioned<Group>>, StoreError> {
        let query = sqlx::query_as(
            "SELECT id, version, body FROM groups WHERE id IN (SELECT value FROM json_each(?))",
        );
        let mut stored = BTreeMap::new();
        let query = query.bind(list(scopes.iter().map(Scope::to_string)));
        for (id, version, body) in self.rows::<(String, _, _)>(query).await? {
            stored.insert(id, versioned((version, body))?);
        }
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
        let query =
            sqlx::query_as(r#"SELECT number, at, "by", text FROM generations WHERE number = ?"#);
        self.rows(query.bind(column(number))).await?.pop().map(generation).transpose()
    }

    async fn generations(&self, most: usize) -> Result<Vec<Published>, StoreError> {
        let query = sqlx::query_as(
            r#"SELECT number, at, "by", text FROM generations ORDER BY number DESC LIMIT ?"#,
        );
        let rows = self.rows(query.bind(column(most))).await?;
        rows.into_iter().rev().map(generation).collect()
    }

    async fn publish(&self, published: &Published, lines: &[Line]) -> Result<(), StoreError> {
        let number = column(published.number);
        let mut program = Program::default();
        program.require(|text| {
            text.push("(SELECT coalesce(max(number), 0) + 1 FROM generations) = ")
                .push_bind(number);
        });
        let statement = (r#"INSERT INTO generations (number, at, "by", text) "#, "");
        program.add_rows(std::slice::from_ref(published), statement, |values, published| {
            values
                .push_bind(number)
                .push_bind(Micros::at(published.at).column())
                .push_bind(published.by.clone())
                .push_bind(published.text.clone());
        });
        commit::add_lines(&mut program, &commit::entries(lines)?);
        self.database
            .write(move |conn| Box::pin(async move { program.run(conn).await.map(drop) }))
            .await
    }

    /// Sends and completes in the same transaction, and leaves nothing.
    async fn commit(&self, commit: &Commit) -> Result<Unsettled, StoreError> {
        if *commit == Commit::default() {
            return Ok(Unsettled::default());
        }
        let prepared = Prepared::new(commit, self.clock.now())?;
        let database = self.database.clone();
        self.database
            .write_by_itself(move |conn, company| {
                Box::pin(async move {
                    let due = prepared.write(conn, company).await?;
                    database.arrivals().expect(due);
                    Ok(Unsettled::default())
                })
            })
            .await
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
        let newest = match backend {
            Some(backend) => sqlx::query_as(
                "SELECT body FROM ledger WHERE backend = ?2 ORDER BY seq DESC LIMIT ?1",
            )
            .bind(column(most))
            .bind(backend.to_string()),
            None => sqlx::query_as("SELECT body FROM ledger ORDER BY seq DESC LIMIT ?1")
                .bind(column(most)),
        };
        let bodies: Vec<(String,)> = self.rows(newest).await?;
        bodies.iter().rev().map(|(body,)| Ok(stored::read(body)?)).collect()
    }

    async fn dead_letters(&self, most: usize) -> Result<Vec<DeadLetter>, StoreError> {
        type Row = (String, i64, String, String, String, Option<String>);
        let query = sqlx::query_as(
            "SELECT id, at, source, reason, body, parts FROM letters
             ORDER BY at DESC, seq DESC LIMIT ?",
        );
        let rows = self.rows(query.bind(column(most))).await?;
        let letter = |(id, at, from, reason, body, parts): Row| {
            let parts = parts
                .map_or_else(|| Ok(DeadLetterParts::default()), |parts| stored::read(&parts))?;
            Ok(DeadLetter { id, at: read_time(at)?, from, reason, body, parts })
        };
        rows.into_iter().rev().map(letter).collect()
    }

    async fn count_dead_letters(&self) -> Result<u64, StoreError> {
        let count: i64 = said(
            sqlx::query_scalar("SELECT count(*) FROM letters")
                .fetch_one(&mut *self.database.reader().await?),
        )
        .await?;
        Ok(count.unsigned_abs())
    }

    async fn drop_dead_letters(&self, chosen: &Chosen) -> Result<u64, StoreError> {
        let Chosen { id, from, before } = chosen.clone();
        let statement = sqlx::query(
            "DELETE FROM letters WHERE (?1 IS NULL OR id = ?1)
             AND (?2 IS NULL OR source = ?2) AND (?3 IS NULL OR at < ?3)",
        );
        let before = before.map(|at| Micros::at(at).column());
        self.execute(statement.bind(id).bind(from).bind(before)).await
    }

    async fn notices(&self) -> Result<Notices, StoreError> {
        let query = sqlx::query_as(
            "SELECT kind, subject, severity, first, latest, count, says FROM notices",
        );
        let rows = self.rows::<notices::Row>(query).await?.into_iter();
        rows.filter_map(|row| notices::read(row).transpose()).collect()
    }

    async fn forget_notices(&self, before: Timestamp) -> Result<u64, StoreError> {
        let statement = sqlx::query("DELETE FROM notices WHERE latest < ?");
        self.execute(statement.bind(Micros::at(before).column())).await
    }

    async fn forget_series(&self, before: Timestamp) -> Result<u64, StoreError> {
        let mut forgotten = 0;
        // Some at a time: others write in between.
        loop {
            let statement = sqlx::query(
                "DELETE FROM series WHERE id IN
                 (SELECT id FROM series WHERE ended_at < ? LIMIT ?)",
            );
            let statement = statement.bind(Micros::at(before).column()).bind(column(SERIES_CHUNK));
            let some = self.execute(statement).await?;
            forgotten += some;
            if some < SERIES_CHUNK as u64 {
                return Ok(forgotten);
            }
        }
    }

    async fn ready(&self) -> Result<(), StoreError> {
        self.execute(sqlx::query("UPDATE probe SET side = 1 - side")).await.map(drop)
    }
}
