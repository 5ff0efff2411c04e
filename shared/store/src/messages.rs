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
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::{
    dead_letters,
    error::JobError,
    micros::{Micros, column},
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

/// Stores a message that waits; where the same is waiting, that adds nothing.
///
/// # Errors
/// When SQLite fails.
pub fn insert(conn: &Connection, row: &Row) -> Result<Sent, JobError> {
    let statement =
        "INSERT INTO messages (id, enqueued, due, deliveries, body) VALUES (?, ?, ?, 0, ?)
                     ON CONFLICT (id) DO UPDATE SET again = excluded.due
                     WHERE lock IS NOT NULL AND (again IS NULL OR again > excluded.due)
                     RETURNING again IS NOT NULL";
    let values = params![row.id.as_str(), row.enqueued.column(), row.due.column(), row.body];
    let mut statement = conn.prepare_cached(statement)?;
    let again: Option<bool> = statement.query_row(values, |row| row.get(0)).optional()?;
    Ok(match again {
        None => Sent::Duplicate,
        Some(false) => Sent::Stored,
        Some(true) => Sent::Again,
    })
}

/// Is done with a message: deletes it, or makes it wait once more where it was sent again meanwhile,
/// and says when it is due then; never where it is gone.
///
/// # Errors
/// [`StoreError::LockLost`] where its lock was lost; when SQLite fails.
pub(crate) fn complete(conn: &Connection, held: &Held) -> Result<Micros, JobError> {
    let values = params![held.id.as_str(), column(held.lock)];
    let gone = "DELETE FROM messages WHERE id = ? AND lock = ? AND again IS NULL";
    if conn.prepare_cached(gone)?.execute(values)? == 1 {
        return Ok(Micros::NEVER);
    }
    let statement = "UPDATE messages SET due = again, again = NULL, lock = NULL, deliveries = 0
                     WHERE id = ? AND lock = ? AND again IS NOT NULL RETURNING due";
    let mut statement = conn.prepare_cached(statement)?;
    let due: Option<i64> = statement.query_row(values, |row| row.get(0)).optional()?;
    Ok(Micros::of_column(due.ok_or(StoreError::LockLost)?))
}

/// Makes a lock last until then.
///
/// # Errors
/// [`StoreError::LockLost`] where it was lost; when SQLite fails.
pub fn renew(conn: &Connection, held: &Held, until: Micros) -> Result<(), JobError> {
    change(conn, held, "UPDATE messages SET due = ?3", Some(until))
}

/// Gives a message back, to be delivered again no sooner than `due`.
///
/// # Errors
/// [`StoreError::LockLost`] where its lock was lost; when SQLite fails.
pub fn abandon(conn: &Connection, held: &Held, due: Micros) -> Result<(), JobError> {
    change(conn, held, "UPDATE messages SET lock = NULL, again = NULL, due = ?3", Some(due))
}

/// Puts a message away as a dead letter; nothing happens where its lock was lost.
///
/// # Errors
/// When SQLite fails.
pub fn bury(conn: &Connection, held: &Held, letter: &DeadLetter) -> Result<(), JobError> {
    match change(conn, held, "DELETE FROM messages", None) {
        Ok(()) => dead_letters::write(conn, &dead_letters::Row::all(std::slice::from_ref(letter))?),
        Err(JobError(StoreError::LockLost)) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Changes a message by the beginning of a statement, which may ask for a time, unless its lock was lost.
fn change(
    conn: &Connection,
    held: &Held,
    begin: &str,
    time: Option<Micros>,
) -> Result<(), JobError> {
    let mut statement = conn.prepare_cached(&format!("{begin} WHERE id = ?1 AND lock = ?2"))?;
    let (id, lock) = (held.id.as_str(), column(held.lock));
    let changed = match time {
        Some(time) => statement.execute(params![id, lock, time.column()]),
        None => statement.execute(params![id, lock]),
    };
    if changed? == 1 { Ok(()) } else { Err(StoreError::LockLost.into()) }
}

/// Locks the messages that are due, in the order in which they became so, under one lock each time.
/// Those that were delivered too often become dead letters.
///
/// # Errors
/// When SQLite fails.
pub fn take(
    conn: &Connection,
    now: Timestamp,
    lock: u64,
    bounds: Bounds,
) -> Result<Taken, JobError> {
    // Bodies are read only of those that are taken.
    let mut statement = conn.prepare_cached(
        "SELECT messages.seq, id, deliveries, enqueued, body FROM (
            SELECT seq, sum(bytes) OVER (ORDER BY due, seq) - bytes AS before FROM (
                SELECT seq, due, octet_length(body) AS bytes
                FROM messages WHERE due <= ? ORDER BY due, seq LIMIT ?
            )
         ) AS first JOIN messages ON messages.seq = first.seq
         WHERE before < ? ORDER BY due, messages.seq",
    )?;
    let asked = (Micros::at(now).column(), column(bounds.messages_max), column(bounds.bytes_max));
    let due: Vec<(i64, String, u32, i64, String)> =
        statement.query_map(asked, |row| row.try_into())?.collect::<Result<_, _>>()?;
    let (mut locked, mut buried) = (Vec::new(), Vec::new());
    let mut keep = conn.prepare_cached(
        "UPDATE messages SET deliveries = deliveries + 1, again = NULL, due = ?, lock = ? WHERE seq = ?",
    )?;
    let mut remove = conn.prepare_cached("DELETE FROM messages WHERE seq = ?")?;
    for (seq, id, deliveries, enqueued, body) in due {
        if deliveries >= bounds.deliveries_max {
            let reason = format!("it was delivered {deliveries} times and never completed");
            remove.execute([seq])?;
            buried.push(DeadLetter::new(now, DEAD_LETTERS_FROM, &reason, body));
        } else {
            keep.execute((bounds.until.column(), column(lock), seq))?;
            let held = Held { id: message_id(id)?, lock };
            let (deliveries, enqueued) = (deliveries + 1, Micros::of_column(enqueued));
            locked.push(Locked { held, deliveries, enqueued, body });
        }
    }
    dead_letters::write(conn, &dead_letters::Row::all(&buried)?)?;
    Ok(Taken { locked, buried: buried.len(), next: next_due(conn)? })
}

/// When the next message is due, or the next lock runs out; never where there is none.
///
/// # Errors
/// When SQLite fails.
pub fn next_due(conn: &Connection) -> Result<Micros, JobError> {
    let mut statement = conn.prepare_cached("SELECT min(due) FROM messages")?;
    let next: Option<i64> = statement.query_row([], |row| row.get(0))?;
    Ok(next.map_or(Micros::NEVER, Micros::of_column))
}

/// How many messages that tell or ask for something wait to be taken in, are being, or could not be
/// and are tried again, and when the oldest of them was stored. A wake does neither: it has a backend
/// looked at that is known already.
///
/// # Errors
/// When SQLite fails.
pub fn waiting(conn: &Connection, now: Timestamp) -> Result<(u64, Option<Timestamp>), JobError> {
    let mut statement = conn.prepare_cached(
        "SELECT count(*), min(enqueued) FROM messages
         WHERE (due <= ?1 OR deliveries > 0)
         AND CASE WHEN octet_length(body) <= ?2 AND json_valid(body)
             THEN body ->> '$.body.kind' END IS NOT 'wake'",
    )?;
    let asked = (Micros::at(now).column(), WAKE_BYTES_MAX);
    let (count, oldest): (i64, Option<i64>) = statement.query_row(asked, |row| row.try_into())?;
    Ok((count.unsigned_abs(), oldest.map(read_time).transpose()?))
}

/// Begins the time of a new consumer, which must be the only one: the locks of its predecessor are
/// void, and what they held waits again, each delivery counted. Returns the new consumer's number,
/// which none had before it.
///
/// # Errors
/// When SQLite fails.
pub fn take_over(conn: &Connection) -> Result<u32, JobError> {
    let void =
        "UPDATE messages SET due = enqueued, lock = NULL, again = NULL WHERE lock IS NOT NULL";
    conn.execute(void, [])?;
    let next = "INSERT INTO consumer (only, epoch) VALUES (1, 1)
                ON CONFLICT (only) DO UPDATE SET epoch = epoch + 1 RETURNING epoch";
    Ok(conn.query_row(next, [], |row| row.get(0))?)
}

/// Ids are written by us alone, and are what they are.
fn message_id(text: String) -> Result<MessageId, StoreError> {
    serde_json::from_value(serde_json::Value::String(text))
        .map_err(|error| StoreError::Corrupt(format!("a message's id: {error}")))
}
