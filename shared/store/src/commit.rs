//! What is saved together or not at all.
//!
//! Everything that takes time without the disk (writing JSON) is done by the caller, before the
//! writer is asked; the writer only compares and writes.

use jiff::Timestamp;
use pointsman_core::{claim::Claim, ledger::Line, notice::About, series::Series};
use pointsman_engine::ports::{Commit, StoreError, Versioned};
use sqlx::SqliteConnection;

use crate::{
    dead_letters,
    messages::{self, Held, Row},
    micros::Micros,
    notices,
    program::{CHUNK_ROWS, Place, Program, column, list},
    stored::{self, Body},
    writer::{Company, execute},
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

/// What is required of a commit's statements by the text that they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Check {
    /// That what is swapped is as it was seen. What became of the messages is looked at afterwards.
    Swaps,
    /// All of it, so that nothing is left to be looked at.
    InText,
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
    /// Where something refuses it, what is written by then is to be rolled back.
    pub(crate) async fn write(
        &self,
        conn: &mut SqliteConnection,
        company: Company,
    ) -> Result<Micros, StoreError> {
        let due = match company {
            Company::Alone => self.write_whole(conn).await?,
            Company::Shared => self.write_part(conn, company).await?,
        };
        Ok(self.send.iter().map(|row| row.due).fold(due, Micros::min))
    }

    /// Writes it in a transaction of its own: in one text, if all is as it mostly is; where no message
    /// was sent again while it was worked on, and nobody was faster.
    async fn write_whole(&self, conn: &mut SqliteConnection) -> Result<Micros, StoreError> {
        let mut program = Program::of(Company::Alone.opening());
        self.add(&mut program, Check::InText);
        program.add(|text| {
            text.push("COMMIT");
        });
        match program.run(conn).await {
            Ok(_) => return Ok(Micros::NEVER),
            Err(StoreError::Conflict) => execute(conn, "ROLLBACK").await?,
            Err(error) => return Err(error),
        }
        let due = self.write_part(conn, Company::Alone).await?;
        execute(conn, "COMMIT").await?;
        Ok(due)
    }

    /// Writes it as part of a transaction, and returns when the first of the messages is due again
    /// that are completed by it. Where both a lock was lost and somebody was faster, the latter is
    /// said: the caller that puts it together again then sees the conflict.
    async fn write_part(
        &self,
        conn: &mut SqliteConnection,
        company: Company,
    ) -> Result<Micros, StoreError> {
        let mut program = Program::of(company.opening());
        let completed = self.add(&mut program, Check::Swaps);
        let ran = program.run(conn).await?;
        messages::complete_again(conn, &self.complete, &completed, &ran).await
    }

    /// Adds all of its statements; gives those that complete messages. What is completed goes before
    /// what is sent, so that a message may send itself again.
    fn add(&self, program: &mut Program, check: Check) -> Vec<Place> {
        for (table, id, version) in &self.seen {
            program.require(|text| {
                text.push(format_args!("coalesce((SELECT version FROM {table} WHERE id = "))
                    .push_bind(id.clone())
                    .push("), 0) = ")
                    .push_bind(*version);
            });
        }
        let mut completed = Vec::with_capacity(self.complete.len());
        for held in &self.complete {
            completed.push(messages::add_completed(program, held));
            match check {
                Check::InText => program.require_changed(1),
                Check::Swaps => {}
            }
        }
        add_swaps(program, "series", Some("ended_at"), &self.series);
        add_claims(program, &self.series, &self.claims);
        add_swaps(program, "documents", Some("wake"), &self.documents);
        add_swaps(program, "groups", None, &self.groups);
        add_lines(program, &self.lines);
        dead_letters::add(program, &self.dead_letters);
        notices::remove(program, &self.notices_over);
        notices::add(program, &self.notices);
        messages::add_all(program, &self.send);
        completed
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
pub(crate) fn add_lines(program: &mut Program, lines: &[Entry]) {
    let statement = ("INSERT INTO ledger (id, at, backend, body) ", " ON CONFLICT (id) DO NOTHING");
    program.add_rows(lines, statement, |values, line| {
        values
            .push_bind(line.id.clone())
            .push_bind(line.at)
            .push_bind(line.backend.clone())
            .push_bind(line.body.clone());
    });
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
    let claiming = |claim: &Claim| Claiming {
        id: claim.id.to_string(),
        generation: column(claim.asked.generation),
        severity: claim.asked.severity.rank().into(),
        started: Micros::at(claim.asked.started).column(),
        series: series.id.to_string(),
        since: Micros::at(claim.asked.since).column(),
        length: column(claim.asked.lease.length().as_micros()),
    };
    claims.map(claiming).collect()
}

/// Writes what the series ask for now, in the place of what they asked for.
fn add_claims(program: &mut Program, series: &[Swap], claims: &[Claiming]) {
    // Nothing is stored of one that is new.
    let mut known = series.iter().filter(|swap| swap.version > 0).map(|swap| &*swap.id).peekable();
    if known.peek().is_some() {
        program.add(|text| {
            text.push("DELETE FROM claims WHERE series IN (SELECT value FROM json_each(")
                .push_bind(list(known))
                .push("))");
        });
    }
    let statement =
        ("INSERT INTO claims (id, generation, severity, started, series, since, length) ", "");
    program.add_rows(claims, statement, |values, claim| {
        values
            .push_bind(claim.id.clone())
            .push_bind(claim.generation)
            .push_bind(claim.severity)
            .push_bind(claim.started)
            .push_bind(claim.series.clone())
            .push_bind(claim.since)
            .push_bind(claim.length);
    });
}

/// Saves each that is still the version given, and requires that all are; a version of 0 means that
/// nothing of the name may be stored yet. `time` is the column that it is searched by, where there is one.
fn add_swaps(program: &mut Program, table: &str, time: Option<&str>, swaps: &[Swap]) {
    let (new, known): (Vec<&Swap>, Vec<&Swap>) = swaps.iter().partition(|swap| swap.version == 0);
    let (columns, values, set) = match time {
        Some(time) => (format!(", {time}"), ", column4", format!(", {time} = new.column4")),
        None => (String::new(), "", String::new()),
    };
    let insert = (
        format!(
            "INSERT INTO {table} (id, version, body{columns}) \
             SELECT column1, column2, column3{values} FROM ("
        ),
        ") AS new WHERE true ON CONFLICT (id) DO NOTHING".to_owned(),
    );
    let update = (
        format!("UPDATE {table} SET version = {table}.version + 1, body = new.column3{set} FROM ("),
        format!(") AS new WHERE {table}.id = new.column1 AND {table}.version = new.column2"),
    );
    for (swaps, (head, tail)) in [(new, insert), (known, update)] {
        for chunk in swaps.chunks(CHUNK_ROWS) {
            program.add_rows(chunk, (&head, &tail), |values, swap| {
                // What is new has version 1 then; an update is told the version that it requires.
                values
                    .push_bind(swap.id.clone())
                    .push_bind(swap.version.max(1))
                    .push_bind(swap.body.clone())
                    .push_bind(swap.time);
            });
            program.require_changed(chunk.len());
        }
    }
}
