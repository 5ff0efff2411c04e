//! What is saved together or not at all.
//!
//! Everything that takes time without the disk (writing JSON) is done by the caller, before the
//! writer is asked; the writer only compares and writes.

use jiff::Timestamp;
use pointsman_core::{document::Document, group::Group, ledger::Line, series::Series};
use pointsman_engine::ports::{Commit, Letter, Receipt, StoreError, Versioned};
use sqlx::SqliteConnection;

use crate::{
    messages::{self, Row},
    micros::Micros,
    rows, stored,
    writer::said,
};

/// The one group document's id.
pub(crate) const GROUP: &str = "all";

/// Something that is saved only if it is still the version given.
struct Swap {
    id: String,
    version: i64,
    /// The column that is searched by; null where it has nothing to say.
    time: Option<i64>,
    body: String,
}

/// A ledger line.
pub(crate) struct Entry {
    id: String,
    at: i64,
    backend: Option<String>,
    body: String,
}

/// A [`Commit`], ready for the writer.
pub(crate) struct Ready {
    series: Vec<Swap>,
    documents: Vec<Swap>,
    group: Vec<Swap>,
    group_seen: Option<u64>,
    lines: Vec<Entry>,
    letters: Vec<Letter>,
    send: Vec<Row>,
    complete: Vec<Receipt>,
}

impl Ready {
    /// Writes the bodies. Messages to be delivered at once are due from `now` on.
    pub(crate) fn new(commit: Commit, now: Timestamp) -> Result<Self, StoreError> {
        let Commit { series, documents, group, group_seen, lines, letters, send, complete } =
            commit;
        Ok(Self {
            series: series.iter().map(series_swap).collect::<Result<_, _>>()?,
            documents: documents.iter().map(document_swap).collect::<Result<_, _>>()?,
            group: group.iter().map(group_swap).collect::<Result<_, _>>()?,
            group_seen,
            lines: entries(&lines)?,
            letters,
            send: send.iter().map(|outgoing| Row::new(outgoing, now)).collect::<Result<_, _>>()?,
            complete,
        })
    }

    /// Whether there is nothing to do.
    pub(crate) fn is_empty(&self) -> bool {
        let Self { series, documents, group, group_seen, lines, letters, send, complete } = self;
        series.is_empty()
            && documents.is_empty()
            && group.is_empty()
            && group_seen.is_none()
            && lines.is_empty()
            && letters.is_empty()
            && send.is_empty()
            && complete.is_empty()
    }

    /// Writes all of it, what may refuse it first, and returns when the first of the messages is
    /// due that wait because of it. What is completed goes before what is sent, so that a message
    /// may send itself again.
    pub(crate) async fn write(&self, conn: &mut SqliteConnection) -> Result<Micros, StoreError> {
        if let Some(seen) = self.group_seen {
            let found: Option<i64> = said(
                sqlx::query_scalar("SELECT version FROM groups WHERE id = ?")
                    .bind(GROUP)
                    .fetch_optional(&mut *conn),
            )
            .await?;
            if found.unwrap_or(0) != version_column(seen) {
                return Err(StoreError::Conflict);
            }
        }
        let mut due = Micros::NEVER;
        for receipt in &self.complete {
            if let Some(again) = messages::complete(&mut *conn, receipt).await? {
                due = due.min(again);
            }
        }
        swap(conn, &SERIES, &self.series).await?;
        swap(conn, &DOCUMENTS, &self.documents).await?;
        swap_group(conn, &self.group).await?;
        write_lines(conn, &self.lines).await?;
        rows::letters(conn, &self.letters).await?;
        messages::insert_all(conn, &self.send).await?;
        Ok(self.send.iter().map(|row| row.due).fold(due, Micros::min))
    }
}

/// Ledger lines as they are stored.
pub(crate) fn entries(lines: &[Line]) -> Result<Vec<Entry>, StoreError> {
    let entry = |line: &Line| {
        Ok(Entry {
            id: line.id.as_str().to_owned(),
            at: Micros::at(line.at).column(),
            backend: line.backend.as_ref().map(ToString::to_string),
            body: stored::write(line)?,
        })
    };
    lines.iter().map(entry).collect()
}

/// Writes ledger lines; one that is there already stays as it is.
pub(crate) async fn write_lines(
    conn: &mut SqliteConnection,
    lines: &[Entry],
) -> Result<(), StoreError> {
    let statement = ("INSERT INTO ledger (id, at, backend, body) ", " ON CONFLICT (id) DO NOTHING");
    rows::write(conn, lines, statement, |values, line| {
        values
            .push_bind(line.id.clone())
            .push_bind(line.at)
            .push_bind(line.backend.clone())
            .push_bind(line.body.clone());
    })
    .await?;
    Ok(())
}

fn version_column(version: u64) -> i64 {
    // Versions are made from such columns, and grow by one with each save.
    i64::try_from(version).unwrap_or(i64::MAX)
}

fn series_swap(series: &Versioned<Series>) -> Result<Swap, StoreError> {
    let Versioned { version, body } = series;
    let over = if body.running.is_some() { None } else { body.ended };
    Ok(Swap {
        id: body.id.to_string(),
        version: version_column(*version),
        time: over.map(|at| Micros::at(at).column()),
        body: stored::write(body)?,
    })
}

fn document_swap(document: &Versioned<Document>) -> Result<Swap, StoreError> {
    let Versioned { version, body } = document;
    Ok(Swap {
        id: body.backend.to_string(),
        version: version_column(*version),
        time: body.wake.map(|at| Micros::at(at).column()),
        body: stored::write(body)?,
    })
}

fn group_swap(group: &Versioned<Group>) -> Result<Swap, StoreError> {
    Ok(Swap {
        id: GROUP.to_owned(),
        version: version_column(group.version),
        time: None,
        body: stored::write(&group.body)?,
    })
}

/// The statements that save something with a time, if its version is still the one given.
struct Statements {
    insert: (&'static str, &'static str),
    update: (&'static str, &'static str),
}

const SERIES: Statements = Statements {
    insert: ("INSERT INTO series (id, version, ended_at, body) ", " ON CONFLICT (id) DO NOTHING"),
    update: (
        "UPDATE series SET version = series.version + 1, ended_at = new.column3, body = new.column4
         FROM (",
        ") AS new WHERE series.id = new.column1 AND series.version = new.column2",
    ),
};

const DOCUMENTS: Statements = Statements {
    insert: ("INSERT INTO documents (id, version, wake, body) ", " ON CONFLICT (id) DO NOTHING"),
    update: (
        "UPDATE documents SET version = documents.version + 1, wake = new.column3, \
         body = new.column4 FROM (",
        ") AS new WHERE documents.id = new.column1 AND documents.version = new.column2",
    ),
};

/// Saves all of them, or finds that one is another version by now. A version of 0 means that
/// nothing of the name may be stored yet.
async fn swap(
    conn: &mut SqliteConnection,
    statements: &Statements,
    swaps: &[Swap],
) -> Result<(), StoreError> {
    let (new, known): (Vec<&Swap>, Vec<&Swap>) = swaps.iter().partition(|swap| swap.version == 0);
    let inserted = rows::write(conn, &new, statements.insert, |values, swap| {
        values
            .push_bind(swap.id.clone())
            .push_bind(1_i64)
            .push_bind(swap.time)
            .push_bind(swap.body.clone());
    })
    .await?;
    let updated = rows::write(conn, &known, statements.update, |values, swap| {
        values
            .push_bind(swap.id.clone())
            .push_bind(swap.version)
            .push_bind(swap.time)
            .push_bind(swap.body.clone());
    })
    .await?;
    if inserted + updated == swaps.len() as u64 { Ok(()) } else { Err(StoreError::Conflict) }
}

async fn swap_group(conn: &mut SqliteConnection, group: &[Swap]) -> Result<(), StoreError> {
    for Swap { id, version, time: _, body } in group {
        let swapped = said(
            sqlx::query(
                "INSERT INTO groups (id, version, body) SELECT ?1, ?2 + 1, ?3
                 WHERE ?2 = coalesce((SELECT version FROM groups WHERE id = ?1), 0)
                 ON CONFLICT (id) DO UPDATE SET version = excluded.version, body = excluded.body",
            )
            .bind(id)
            .bind(version)
            .bind(body)
            .execute(&mut *conn),
        )
        .await?;
        if swapped.rows_affected() == 0 {
            return Err(StoreError::Conflict);
        }
    }
    Ok(())
}
