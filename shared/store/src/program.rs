//! Several statements in one go.
//!
//! Each statement that is sent by itself is a hop to SQLite's thread and back, which takes longer
//! than the statement mostly does. So what belongs together is one text, with all of its values,
//! and what each of its statements changed and found is looked at afterwards.
//!
//! sqlx discourages such texts because only SQLite takes them. This store is SQLite's, nothing
//! outside this module knows of it, and `run` could as well send the statements one by one.

use std::fmt::Display;

use futures_util::TryStreamExt as _;
use pointsman_engine::ports::StoreError;
use serde_json::Value;
use sqlx::{
    Either, Executor as _, QueryBuilder, Row as _, Sqlite, SqliteConnection,
    error::{DatabaseError, ErrorKind},
    query_builder::Separated,
};

use crate::error::meaning;

/// How many rows one statement writes at most. With at most 8 columns that is far below SQLite's
/// bound of 32,766 parameters.
pub(crate) const CHUNK_ROWS: usize = 128;

/// Programs that are up to so large, in rows, are kept prepared; a statement that writes none counts
/// as a row. Larger ones are seldom the same twice, and take longer to run than to prepare.
const KEPT_ROWS_MAX: usize = 32;

/// A number as a column has it: no count of ours reaches the bound at which it stops.
pub(crate) fn column(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

/// Names or numbers for a statement that asks for all of them: a list in JSON, so that the statement is
/// the same for any number.
pub(crate) fn list<T: Into<Value>>(of: impl IntoIterator<Item = T>) -> String {
    Value::from_iter(of).to_string()
}

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

/// What a program came to.
#[derive(Default)]
pub(crate) struct Ran {
    /// How many rows each statement inserted, updated or deleted; means nothing of one that only reads.
    changed: Vec<u64>,
    /// The first column of each row that they returned.
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
        (head, tail): (impl Display, impl Display),
        mut bind: impl FnMut(&mut Values<'_, '_>, &R),
    ) {
        for chunk in rows.chunks(CHUNK_ROWS) {
            self.add(|text| {
                text.push(&head);
                text.push_values(chunk, |mut values, row| bind(&mut values, row)).push(&tail);
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
        let mut ran = Ran::default();
        let query = self.text.build().persistent(self.rows <= KEPT_ROWS_MAX);
        let mut outcomes = conn.fetch_many(query);
        // Until the last statement's answer: that no more will come is said one hop later.
        while ran.changed.len() < self.statements {
            match outcomes.try_next().await.map_err(refusal)? {
                Some(Either::Right(row)) => ran.found.push(row.try_get(0).map_err(meaning)?),
                Some(Either::Left(done)) => ran.changed.push(done.rows_affected()),
                // The answers of a thread that has died end early, and without an error.
                None => {
                    return Err(StoreError::Unavailable("SQLite's thread has ended".to_owned()));
                }
            }
        }
        Ok(ran)
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
    /// Whether a statement changed anything.
    pub(crate) fn has_changed(&self, Place(at): Place) -> bool {
        self.changed[at] > 0
    }

    /// The first column of the rows that were returned.
    pub(crate) fn found(&self) -> &[i64] {
        &self.found
    }
}
