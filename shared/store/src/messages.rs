//! The table under the embedded queue.
//!
//! A row is a message that waits or is locked; one that is done with is gone. The column `due` says
//! when it may be delivered next: when it was asked for, or when its lock runs out, so that a lock
//! runs out by itself, and one index finds what comes next.
//!
//! # Sent again while it is locked
//! A message says "look at this", and is named by what it says. While one waits, the same again adds
//! nothing. But whoever holds one may have looked already, so the same again is kept as a mark on
//! the row, and completing it makes it wait once more instead of deleting it. No wake is lost, and
//! there is never more than one row of an id.

use jiff::Timestamp;
use pointsman_core::id::MessageId;
use pointsman_engine::{
    message::Outgoing,
    ports::{DeadLetter, Receipt, Sent, StoreError},
};
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use crate::{
    dead_letters,
    error::said,
    micros::Micros,
    program::{Place, Program, Ran, column, list},
    store::read_time,
    stored,
};

/// Where dead letters of the queue say that they are from.
pub const DEAD_LETTERS_FROM: &str = "queue";

/// How many bytes a wake has at most, as it is stored: a backend's id, which Azure bounds, and little
/// else. What is longer need not be read to know that it is none.
pub const WAKE_BYTES_MAX: i64 = 4 << 10;

/// A message as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its id.
    pub id: MessageId,
    /// When it is stored.
    pub enqueued: Micros,
    /// When it may be delivered.
    pub due: Micros,
    /// Its body, in its stored form.
    pub body: String,
}

impl Row {
    /// A message as it is stored at `now`: due then, where it names no time.
    ///
    /// # Errors
    /// When it holds what JSON has no way to say.
    pub fn new(outgoing: &Outgoing, now: Timestamp) -> Result<Self, StoreError> {
        let enqueued = Micros::at(now);
        Ok(Self {
            id: outgoing.id.clone(),
            enqueued,
            due: outgoing.due.map_or(enqueued, Micros::from),
            body: stored::write(&outgoing.message)?,
        })
    }
}

/// Which message is held, and under which lock: what a receipt of the embedded queue says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Which message.
    pub id: MessageId,
    /// Under which lock.
    pub lock: u64,
}

impl Held {
    /// What a receipt says.
    ///
    /// # Errors
    /// When it is not this queue's.
    pub fn of(receipt: &Receipt) -> Result<Self, StoreError> {
        let foreign = || StoreError::Corrupt("a receipt of another queue".to_owned());
        let (lock, id) = receipt.token().split_once(' ').ok_or_else(foreign)?;
        Ok(Self { id: message_id(id.to_owned())?, lock: lock.parse().map_err(|_| foreign())? })
    }

    /// The receipt that says so.
    #[must_use]
    pub fn receipt(&self) -> Receipt {
        Receipt::new(format!("{} {}", self.lock, self.id))
    }
}

/// A message that is locked for its receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Locked {
    /// Which, under which lock.
    pub held: Held,
    /// How often it was delivered, this time included.
    pub deliveries: u32,
    /// When it was first stored.
    pub enqueued: Micros,
    /// Its body, in its stored form.
    pub body: String,
}

/// What one look at the table came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The messages locked, in the order in which they became due.
    pub locked: Vec<Locked>,
    /// How many were put away, having been delivered too often.
    pub buried: usize,
    /// When the next one is due, or the next lock runs out.
    pub next: Micros,
}

/// How much is taken at once, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// How many messages at most.
    pub messages_max: usize,
    /// How many bytes of bodies at most; the first message is taken whatever its size.
    pub bytes_max: usize,
    /// After how many deliveries a message is put away instead.
    pub deliveries_max: u32,
    /// Until when they are locked.
    pub until: Micros,
}

/// Stores a message that waits.
///
/// # Errors
/// When SQLite fails.
pub async fn insert(conn: &mut SqliteConnection, row: &Row) -> Result<Sent, StoreError> {
    let mut program = Program::default();
    add_all(&mut program, std::slice::from_ref(row));
    Ok(match program.run(conn).await?.found() {
        [] => Sent::Duplicate,
        [0, ..] => Sent::Stored,
        [_, ..] => Sent::Again,
    })
}

/// Stores messages that wait; those of which the same is waiting add nothing, and return no row.
pub(crate) fn add_all(program: &mut Program, messages: &[Row]) {
    let statement = (
        "INSERT INTO messages (id, enqueued, due, deliveries, body) ",
        " ON CONFLICT (id) DO UPDATE SET again = excluded.due
          WHERE lock IS NOT NULL AND (again IS NULL OR again > excluded.due)
          RETURNING again IS NOT NULL",
    );
    program.add_rows(messages, statement, |values, row| {
        values
            .push_bind(row.id.as_str().to_owned())
            .push_bind(row.enqueued.column())
            .push_bind(row.due.column())
            .push_bind(0)
            .push_bind(row.body.clone());
    });
}

/// Is done with a message: deletes it, unless it was sent again meanwhile. A statement for each, so
/// that each is found by its id: SQLite scans the table for a list of pairs.
pub(crate) fn add_completed(program: &mut Program, held: &Held) -> Place {
    program.add(|text| {
        push_held(text.push("DELETE FROM messages"), held).push(" AND again IS NULL");
    })
}

/// Is done with the messages of which [`add_completed`] deleted none: makes those that were sent
/// again wait once more, and says when the first of them is due then; never where there is none.
///
/// # Errors
/// [`StoreError::LockLost`] where the lock of one was lost.
pub(crate) async fn complete_again(
    conn: &mut SqliteConnection,
    complete: &[Held],
    completed: &[Place],
    ran: &Ran,
) -> Result<Micros, StoreError> {
    let head = "UPDATE messages SET due = again, again = NULL, lock = NULL, deliveries = 0";
    let mut program = Program::default();
    let mut again = 0;
    for (held, place) in complete.iter().zip(completed) {
        if !ran.has_changed(*place) {
            again += 1;
            program.add(|text| {
                push_held(text.push(head), held).push(" AND again IS NOT NULL RETURNING due");
            });
        }
    }
    let ran = program.run(conn).await?;
    if ran.found().len() < again {
        return Err(StoreError::LockLost);
    }
    Ok(ran.found().iter().copied().map(Micros::of_column).min().unwrap_or(Micros::NEVER))
}

/// The condition on the message that is held.
fn push_held<'a>(text: &'a mut QueryBuilder<Sqlite>, held: &Held) -> &'a mut QueryBuilder<Sqlite> {
    text.push(" WHERE id = ")
        .push_bind(held.id.as_str().to_owned())
        .push(" AND lock = ")
        .push_bind(column(held.lock))
}

/// Makes a lock last until then.
///
/// # Errors
/// [`StoreError::LockLost`] where it was lost; when SQLite fails.
pub async fn renew(
    conn: &mut SqliteConnection,
    held: &Held,
    until: Micros,
) -> Result<(), StoreError> {
    change(conn, held, |text| text.push("UPDATE messages SET due = ").push_bind(until.column()))
        .await
}

/// Gives a message back, to be delivered again no sooner than `due`.
///
/// # Errors
/// [`StoreError::LockLost`] where its lock was lost; when SQLite fails.
pub async fn abandon(
    conn: &mut SqliteConnection,
    held: &Held,
    due: Micros,
) -> Result<(), StoreError> {
    let head = "UPDATE messages SET lock = NULL, again = NULL, due = ";
    change(conn, held, |text| text.push(head).push_bind(due.column())).await
}

/// Puts a message away as a dead letter; nothing happens where its lock was lost.
///
/// # Errors
/// When SQLite fails.
pub async fn bury(
    conn: &mut SqliteConnection,
    held: &Held,
    letter: &DeadLetter,
) -> Result<(), StoreError> {
    match change(conn, held, |text| text.push("DELETE FROM messages")).await {
        Ok(()) => dead_letters::write(conn, std::slice::from_ref(letter)).await,
        Err(StoreError::LockLost) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Changes a message by the beginning of a statement, unless its lock was lost.
async fn change(
    conn: &mut SqliteConnection,
    held: &Held,
    begin: impl FnOnce(&mut QueryBuilder<Sqlite>) -> &mut QueryBuilder<Sqlite>,
) -> Result<(), StoreError> {
    let mut program = Program::default();
    let place = program.add(|text| {
        push_held(begin(text), held);
    });
    if program.run(conn).await?.has_changed(place) { Ok(()) } else { Err(StoreError::LockLost) }
}

/// Locks the messages that are due, in the order in which they became so, under one lock each time.
/// Those that were delivered too often become dead letters.
///
/// # Errors
/// When SQLite fails.
pub async fn take(
    conn: &mut SqliteConnection,
    now: Timestamp,
    lock: u64,
    bounds: Bounds,
) -> Result<Taken, StoreError> {
    // Bodies are read only of those that are taken.
    let due: Vec<(i64, String, u32, i64, String)> = said(
        sqlx::query_as(
            "SELECT messages.seq, id, deliveries, enqueued, body FROM (
                SELECT seq, sum(bytes) OVER (ORDER BY due, seq) - bytes AS before FROM (
                    SELECT seq, due, octet_length(body) AS bytes
                    FROM messages WHERE due <= ? ORDER BY due, seq LIMIT ?
                )
             ) AS first JOIN messages ON messages.seq = first.seq
             WHERE before < ? ORDER BY due, messages.seq",
        )
        .bind(Micros::at(now).column())
        .bind(column(bounds.messages_max))
        .bind(column(bounds.bytes_max))
        .fetch_all(&mut *conn),
    )
    .await?;
    let (mut locked, mut worn, mut buried) = (Vec::new(), Vec::new(), Vec::new());
    let mut sequence = Vec::new();
    for (seq, id, deliveries, enqueued, body) in due {
        if deliveries >= bounds.deliveries_max {
            let reason = format!("it was delivered {deliveries} times and never completed");
            worn.push(seq);
            buried.push(DeadLetter::new(now, DEAD_LETTERS_FROM, &reason, body));
        } else {
            let held = Held { id: message_id(id)?, lock };
            let (deliveries, enqueued) = (deliveries + 1, Micros::of_column(enqueued));
            sequence.push(seq);
            locked.push(Locked { held, deliveries, enqueued, body });
        }
    }
    let mut program = Program::default();
    if !locked.is_empty() {
        program.add(|text| {
            text.push("UPDATE messages SET deliveries = deliveries + 1, again = NULL, due = ")
                .push_bind(bounds.until.column())
                .push(", lock = ")
                .push_bind(column(lock));
            push_sequence(text, sequence);
        });
    }
    if !buried.is_empty() {
        program.add(|text| push_sequence(text.push("DELETE FROM messages"), worn));
        dead_letters::add(&mut program, &dead_letters::Row::all(&buried)?);
    }
    program.run(conn).await?;
    Ok(Taken { locked, buried: buried.len(), next: next_due(conn).await? })
}

fn push_sequence(text: &mut QueryBuilder<Sqlite>, sequence: Vec<i64>) {
    text.push(" WHERE seq IN (SELECT value FROM json_each(").push_bind(list(sequence)).push("))");
}

/// When the next message is due, or the next lock runs out; never where there is none.
///
/// # Errors
/// When SQLite fails.
pub async fn next_due(conn: &mut SqliteConnection) -> Result<Micros, StoreError> {
    let next: Option<i64> =
        said(sqlx::query_scalar("SELECT min(due) FROM messages").fetch_one(conn)).await?;
    Ok(next.map_or(Micros::NEVER, Micros::of_column))
}

/// How many messages that tell or ask for something wait to be taken in, are being, or could not be
/// and are tried again, and when the oldest of them was stored. A wake does neither: it has a backend
/// looked at that is known already.
///
/// # Errors
/// When SQLite fails.
pub async fn waiting(
    conn: &mut SqliteConnection,
    now: Timestamp,
) -> Result<(u64, Option<Timestamp>), StoreError> {
    let (count, oldest): (i64, Option<i64>) = said(
        sqlx::query_as(
            "SELECT count(*), min(enqueued) FROM messages
             WHERE (due <= ?1 OR deliveries > 0)
             AND CASE WHEN octet_length(body) <= ?2 AND json_valid(body)
                 THEN body ->> '$.body.kind' END IS NOT 'wake'",
        )
        .bind(Micros::at(now).column())
        .bind(WAKE_BYTES_MAX)
        .fetch_one(conn),
    )
    .await?;
    Ok((count.unsigned_abs(), oldest.map(read_time).transpose()?))
}

/// Begins the time of a new consumer, which must be the only one: the locks of its predecessor are
/// void, and what they held waits again, each delivery counted. Returns the new consumer's number,
/// which none had before it.
///
/// # Errors
/// When SQLite fails.
pub async fn take_over(conn: &mut SqliteConnection) -> Result<u32, StoreError> {
    said(
        sqlx::query(
            "UPDATE messages SET due = enqueued, lock = NULL, again = NULL WHERE lock IS NOT NULL",
        )
        .execute(&mut *conn),
    )
    .await?;
    let epoch: i64 = said(
        sqlx::query_scalar(
            "INSERT INTO consumer (only, epoch) VALUES (1, 1)
             ON CONFLICT (only) DO UPDATE SET epoch = epoch + 1 RETURNING epoch",
        )
        .fetch_one(conn),
    )
    .await?;
    u32::try_from(epoch).map_err(|_| StoreError::Corrupt("the consumer's epoch".to_owned()))
}

/// Ids are written by us alone, and are what they are.
fn message_id(text: String) -> Result<MessageId, StoreError> {
    serde_json::from_value(serde_json::Value::String(text))
        .map_err(|error| StoreError::Corrupt(format!("a message's id: {error}")))
}
