//! What is saved together or not at all.
//!
//! Everything that takes time without the disk (writing JSON) is done by the caller, before the
//! writer is asked; the writer only compares and writes.

use jiff::Timestamp;
use pointsman_core::{claim::Claim, ledger::Line, notice::About, series::Series};
use pointsman_engine::ports::{Commit, StoreError, Versioned};
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::{
    dead_letters,
    error::JobError,
    messages::{self, Held, Row},
    micros::{Micros, column},
    notices,
    stored::{self, Body},
};

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

/// That a series asks for an override.
struct Claiming {
    id: String,
    generation: i64,
    severity: i64,
    started: i64,
    series: String,
    since: i64,
    length: i64,
}

/// A [`Commit`], written out for the writer.
pub(crate) struct Prepared {
    series: Vec<Swap>,
    claims: Vec<Claiming>,
    documents: Vec<Swap>,
    groups: Vec<Swap>,
    /// The table, the name and the version of what must be as it was seen.
    seen: Vec<(&'static str, String, i64)>,
    lines: Vec<Entry>,
    dead_letters: Vec<dead_letters::Row>,
    notices: Vec<notices::Row>,
    notices_over: Vec<About>,
    send: Vec<Row>,
    complete: Vec<Held>,
}

impl Prepared {
    /// Writes the bodies. Messages to be delivered at once are due from `now` on.
    pub(crate) fn new(commit: &Commit, now: Timestamp) -> Result<Self, StoreError> {
        let Commit {
            series,
            documents,
            groups,
            groups_seen,
            documents_seen,
            lines,
            dead_letters,
            notices,
            notices_over,
            send,
            complete,
        } = commit;
        let groups_seen = groups_seen
            .iter()
            .map(|(scope, version)| ("groups", scope.to_string(), column(*version)));
        let documents_seen = documents_seen
            .iter()
            .map(|(backend, version)| ("documents", backend.to_string(), column(*version)));
        Ok(Self {
            series: series
                .iter()
                .map(|one| swap(one.body.id.to_string(), one, one.body.quiet_since()))
                .collect::<Result<_, _>>()?,
            claims: series.iter().flat_map(|series| claims(&series.body)).collect(),
            documents: documents
                .iter()
                .map(|one| swap(one.body.backend.to_string(), one, one.body.wake))
                .collect::<Result<_, _>>()?,
            groups: groups
                .iter()
                .map(|(scope, one)| swap(scope.to_string(), one, None))
                .collect::<Result<_, _>>()?,
            seen: groups_seen.chain(documents_seen).collect(),
            lines: entries(lines)?,
            dead_letters: dead_letters::Row::all(dead_letters)?,
            notices: notices::rows(notices),
            notices_over: notices_over.clone(),
            send: send.iter().map(|outgoing| Row::new(outgoing, now)).collect::<Result<_, _>>()?,
            complete: complete.iter().map(Held::of).collect::<Result<_, _>>()?,
        })
    }

    /// Writes all of it, and returns when the first of the messages is due that wait because of it.
    /// Where something refuses it, what is written by then is to be rolled back. What is completed goes
    /// before what is sent, so that a message may send itself again. Where both a lock was lost and
    /// somebody was faster, the latter is said: the caller that puts it together again then sees the
    /// conflict.
    pub(crate) fn write(&self, conn: &Connection) -> Result<Micros, JobError> {
        for (table, id, version) in &self.seen {
            let statement = format!("SELECT version FROM {table} WHERE id = ?");
            let found: Option<i64> =
                conn.prepare_cached(&statement)?.query_row([id], |row| row.get(0)).optional()?;
            require(found.unwrap_or(0) == *version)?;
        }
        let mut due = Micros::NEVER;
        let mut lost = Ok(());
        for held in &self.complete {
            match messages::complete(conn, held) {
                Ok(again) => due = due.min(again),
                Err(JobError(StoreError::LockLost)) => lost = Err(StoreError::LockLost),
                Err(error) => return Err(error),
            }
        }
        write_swaps(conn, "series", Some("ended_at"), &self.series)?;
        write_claims(conn, &self.series, &self.claims)?;
        write_swaps(conn, "documents", Some("wake"), &self.documents)?;
        write_swaps(conn, "groups", None, &self.groups)?;
        lost?;
        write_lines(conn, &self.lines)?;
        dead_letters::write(conn, &self.dead_letters)?;
        notices::remove(conn, &self.notices_over)?;
        notices::write(conn, &self.notices)?;
        for row in &self.send {
            messages::insert(conn, row)?;
            due = due.min(row.due);
        }
        Ok(due)
    }
}

/// That nobody was faster.
pub(crate) fn require(holds: bool) -> Result<(), StoreError> {
    if holds { Ok(()) } else { Err(StoreError::Conflict) }
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
pub(crate) fn write_lines(conn: &Connection, lines: &[Entry]) -> Result<(), JobError> {
    let statement = "INSERT INTO ledger (id, at, backend, body) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO NOTHING";
    for Entry { id, at, backend, body } in lines {
        conn.prepare_cached(statement)?.execute(params![id, at, backend, body])?;
    }
    Ok(())
}

/// Something to be saved, by its name and the time that it is searched by.
fn swap<T: Body>(
    id: String,
    Versioned { version, body }: &Versioned<T>,
    time: Option<Timestamp>,
) -> Result<Swap, StoreError> {
    let (version, body) = (column(*version), stored::write(body)?);
    Ok(Swap { id, version, time: time.map(|at| Micros::at(at).column()), body })
}

/// What a series asks for, as it is searched by.
fn claims(series: &Series) -> Vec<Claiming> {
    let claims = series.running.iter().flat_map(|running| &running.claims);
    let claiming = |claim: &Claim| {
        let length = claim.asked.expires(None).duration_since(claim.asked.since);
        Claiming {
            id: claim.id.to_string(),
            generation: column(claim.asked.generation),
            severity: claim.asked.severity.rank().into(),
            started: Micros::at(claim.asked.started).column(),
            series: series.id.to_string(),
            since: Micros::at(claim.asked.since).column(),
            length: column(length.as_micros()),
        }
    };
    claims.map(claiming).collect()
}

/// Writes what the series ask for now, in the place of what they asked for.
fn write_claims(conn: &Connection, series: &[Swap], claims: &[Claiming]) -> Result<(), JobError> {
    // Nothing is stored of one that is new.
    for swap in series.iter().filter(|swap| swap.version > 0) {
        conn.prepare_cached("DELETE FROM claims WHERE series = ?")?.execute([&swap.id])?;
    }
    let statement = "INSERT INTO claims (id, generation, severity, started, series, since, length)
                     VALUES (?, ?, ?, ?, ?, ?, ?)";
    for claim in claims {
        let Claiming { id, generation, severity, started, series, since, length } = claim;
        let row = params![id, generation, severity, started, series, since, length];
        conn.prepare_cached(statement)?.execute(row)?;
    }
    Ok(())
}

/// Saves each that is still the version given, and requires that all are; a version of 0 means that
/// nothing of the name may be stored yet. `time` is the column that it is searched by, where there is one.
fn write_swaps(
    conn: &Connection,
    table: &str,
    time: Option<&str>,
    swaps: &[Swap],
) -> Result<(), JobError> {
    let (column, value, set) = match time {
        Some(time) => (format!(", {time}"), ", ?4", format!(", {time} = ?4")),
        None => (String::new(), "", String::new()),
    };
    let insert = format!(
        "INSERT INTO {table} (id, version, body{column}) VALUES (?1, ?2 + 1, ?3{value})
         ON CONFLICT (id) DO NOTHING"
    );
    let update = format!(
        "UPDATE {table} SET version = ?2 + 1, body = ?3{set} WHERE id = ?1 AND version = ?2"
    );
    for Swap { id, version, time: at, body } in swaps {
        let mut statement = conn.prepare_cached(if *version == 0 { &insert } else { &update })?;
        let changed = match time {
            Some(_) => statement.execute(params![id, version, body, at]),
            None => statement.execute(params![id, version, body]),
        };
        require(changed? == 1)?;
    }
    Ok(())
}
