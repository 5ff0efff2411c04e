//! Several statements in one go.
//!
//! Each statement that is sent by itself is a hop to SQLite's thread and back, which takes longer
//! than the statement mostly does. So what belongs together is one text, with all of its values,
//! and what each of its statements changed and found is looked at afterwards.
//!
//! sqlx discourages such texts because only SQLite takes them. This store is SQLite's, nothing
//! outside this module knows of it, and `run` could as well send the statements one by one.

use futures_util::TryStreamExt as _;
use pointsman_engine::ports::StoreError;
use sqlx::{
    Either, Executor as _, QueryBuilder, Row as _, Sqlite, SqliteConnection,
    error::{DatabaseError, ErrorKind},
    query_builder::Separated,
};

use crate::error::{meaning, said};

/// How many rows one statement writes at most. With at most 8 columns that is far below SQLite's
/// bound of 32,766 parameters.
pub(crate) const CHUNK_ROWS: usize = 128;

/// Programs that are up to so large, in rows, are kept prepared; a statement that writes none counts
/// as a row. Larger ones are seldom the same twice, and take longer to run than to prepare.
const KEPT_ROWS_MAX: usize = 32;

/// One row's values, as they are bound.
pub(crate) type Values<'a, 'b> = Separated<'a, Sqlite, &'b str>;

/// A text of statements. All of their parameters are anonymous.
#[derive(Default)]
pub(crate) struct Program {
    text: QueryBuilder<Sqlite>,
    statements: usize,
    rows: usize,
}

/// Which of a program's statements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place(usize);

/// What a program came to, statement by statement.
pub(crate) struct Ran(Vec<Outcome>);

/// What one statement came to.
struct Outcome {
    /// How many rows it inserted, updated or deleted; means nothing of one that only reads.
    changed: u64,
    /// The first column of each row that it returned.
    found: Vec<i64>,
}

impl Program {
    /// A program of one statement without parameters.
    pub(crate) fn of(statement: &'static str) -> Self {
        let mut program = Self::default();
        program.add(|text| {
            text.push(statement);
        });
        program
    }

    /// Adds one statement.
    pub(crate) fn add(&mut self, write: impl FnOnce(&mut QueryBuilder<Sqlite>)) -> Place {
        if self.statements > 0 {
            self.text.push("; ");
        }
        write(&mut self.text);
        let place = Place(self.statements);
        self.statements += 1;
        self.rows += 1;
        place
    }

    /// Adds `head VALUES (…), (…) tail` for all rows, in as few statements as may be; none where
    /// there are no rows. The number of columns is that of the values that `bind` pushes.
    pub(crate) fn add_rows<R>(
        &mut self,
        rows: &[R],
        (head, tail): (&'static str, &'static str),
        mut bind: impl FnMut(&mut Values<'_, '_>, &R),
    ) {
        for chunk in rows.chunks(CHUNK_ROWS) {
            self.add(|text| {
                text.push(head);
                text.push_values(chunk, |mut values, row| bind(&mut values, row)).push(tail);
            });
            self.rows += chunk.len() - 1;
        }
    }

    /// Adds that something must hold by then, as SQL says it. Where it does not, the text ends there
    /// with [`StoreError::Conflict`].
    pub(crate) fn require(&mut self, condition: impl FnOnce(&mut QueryBuilder<Sqlite>)) {
        self.add(|text| {
            text.push("INSERT INTO refusals SELECT true WHERE NOT (");
            condition(text);
            text.push(")");
        });
    }

    /// Adds that the statement before must have changed so many rows.
    pub(crate) fn require_changed(&mut self, rows: usize) {
        self.require(|text| {
            // As part of the text, which is the same for the same number of rows anyhow.
            text.push("changes() = ").push(rows);
        });
    }

    /// Runs all of it. Where a statement fails, those before it are done, and the rest is not.
    pub(crate) async fn run(mut self, conn: &mut SqliteConnection) -> Result<Ran, StoreError> {
        if self.statements == 0 {
            return Ok(Ran(Vec::new()));
        }
        let mut ran = Vec::with_capacity(self.statements);
        let mut found = Vec::new();
        let query = self.text.build().persistent(self.rows <= KEPT_ROWS_MAX);
        let mut outcomes = conn.fetch_many(query);
        while let Some(next) = outcomes.try_next().await.map_err(refusal)? {
            match next {
                Either::Right(row) => found.push(said(async { row.try_get(0) }).await?),
                Either::Left(done) => ran.push(Outcome {
                    changed: done.rows_affected(),
                    found: std::mem::take(&mut found),
                }),
            }
        }
        // The answers of a thread that has died end early, and without an error.
        if ran.len() < self.statements {
            return Err(StoreError::Unavailable("SQLite's thread has ended".to_owned()));
        }
        Ok(Ran(ran))
    }
}

/// What is required is the only thing in a program that a CHECK can refuse.
fn refusal(error: sqlx::Error) -> StoreError {
    let kind = error.as_database_error().map(DatabaseError::kind);
    if matches!(kind, Some(ErrorKind::CheckViolation)) {
        return StoreError::Conflict;
    }
    meaning(error)
}

impl Ran {
    fn of(&self, places: &[Place]) -> impl Iterator<Item = &Outcome> {
        places.iter().map(|Place(at)| &self.0[*at])
    }

    /// How many rows these statements changed.
    pub(crate) fn changed(&self, places: &[Place]) -> u64 {
        self.of(places).map(|outcome| outcome.changed).sum()
    }

    /// The first column of the rows that these statements returned.
    pub(crate) fn found(&self, places: &[Place]) -> impl Iterator<Item = i64> {
        self.of(places).flat_map(|outcome| outcome.found.iter().copied())
    }
}
