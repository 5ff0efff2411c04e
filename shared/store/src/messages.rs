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
    program::{Place, Program, Ran},
    store::read_time,
    stored,
};

/// Where dead letters of the queue say that they are from.
pub const DEAD_LETTERS_FROM: &str = "queue";

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

fn lock_column(lock: u64) -> i64 {
    // The consumer's locks are made from such columns.
    i64::try_from(lock).unwrap_or(i64::MAX)
}

/// Stores a message that waits.
///
/// # Errors
/// When SQLite fails.
pub async fn insert(conn: &mut SqliteConnection, row: &Row) -> Result<Sent, StoreError> {
    let found: Vec<bool> = said(
        sqlx::query_scalar(
            "INSERT INTO messages (id, enqueued, due, deliveries, body) VALUES (?1, ?2, ?3, 0, ?4)
             ON CONFLICT (id) DO UPDATE SET again = ?3
             WHERE lock IS NOT NULL AND (again IS NULL OR again > ?3)
             RETURNING again IS NOT NULL",
        )
        .bind(row.id.as_str())
        .bind(row.enqueued.column())
        .bind(row.due.column())
        .bind(&row.body)
        .fetch_all(conn),
    )
    .await?;
    Ok(match found.first() {
        None => Sent::Duplicate,
        Some(true) => Sent::Again,
        Some(false) => Sent::Stored,
    })
}

/// Stores messages that wait; those of which the same is waiting add nothing.
pub(crate) fn add_all(program: &mut Program, messages: &[Row]) {
    let statement = (
        "INSERT INTO messages (id, enqueued, due, deliveries, body) ",
        " ON CONFLICT (id) DO UPDATE SET again = excluded.due
          WHERE lock IS NOT NULL AND (again IS NULL OR again > excluded.due)",
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
    program.add(|text| push_held(text, "DELETE FROM messages WHERE again IS NULL AND id = ", held))
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
    let head = "UPDATE messages SET due = again, again = NULL, lock = NULL, deliveries = 0
                WHERE again IS NOT NULL AND id = ";
    let mut program = Program::default();
    let mut again = Vec::new();
    for (held, place) in complete.iter().zip(completed) {
        if ran.changed(std::slice::from_ref(place)) == 0 {
            again.push(program.add(|text| {
                push_held(text, head, held);
                text.push(" RETURNING due");
            }));
        }
    }
    if again.is_empty() {
        return Ok(Micros::NEVER);
    }
    let ran = program.run(conn).await?;
    if ran.changed(&again) != again.len() as u64 {
        return Err(StoreError::LockLost);
    }
    Ok(ran.found(&again).map(Micros::of_column).min().unwrap_or(Micros::NEVER))
}

fn push_held(text: &mut QueryBuilder<Sqlite>, head: &'static str, held: &Held) {
    text.push(head)
        .push_bind(held.id.as_str().to_owned())
        .push(" AND lock = ")
        .push_bind(lock_column(held.lock));
}

/// Makes a lock last until then; false where it was lost.
///
/// # Errors
/// When SQLite fails.
pub async fn renew(
    conn: &mut SqliteConnection,
    held: &Held,
    until: Micros,
) -> Result<bool, StoreError> {
    change(conn, "UPDATE messages SET due = ? WHERE id = ? AND lock = ?", until, held).await
}

/// Gives a message back, to be delivered again no sooner than `due`; false where its lock was lost.
///
/// # Errors
/// When SQLite fails.
pub async fn abandon(
    conn: &mut SqliteConnection,
    held: &Held,
    due: Micros,
) -> Result<bool, StoreError> {
    let text = "UPDATE messages SET due = ?, lock = NULL, again = NULL WHERE id = ? AND lock = ?";
    change(conn, text, due, held).await
}

/// Changes a message, unless its lock was lost.
async fn change(
    conn: &mut SqliteConnection,
    text: &'static str,
    due: Micros,
    held: &Held,
) -> Result<bool, StoreError> {
    let changed = said(
        sqlx::query(text)
            .bind(due.column())
            .bind(held.id.as_str())
            .bind(lock_column(held.lock))
            .execute(conn),
    )
    .await?;
    Ok(changed.rows_affected() > 0)
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
    let deleted = said(
        sqlx::query("DELETE FROM messages WHERE id = ? AND lock = ?")
            .bind(held.id.as_str())
            .bind(lock_column(held.lock))
            .execute(&mut *conn),
    )
    .await?;
    if deleted.rows_affected() > 0 {
        dead_letters::write(conn, std::slice::from_ref(letter)).await?;
    }
    Ok(())
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
    let due: Vec<(i64, u32)> = said(
        sqlx::query_as(
            "SELECT seq, deliveries FROM (
                SELECT seq, due, deliveries, sum(bytes) OVER (ORDER BY due, seq) - bytes AS before
                FROM (
                    SELECT seq, due, deliveries, octet_length(body) AS bytes
                    FROM messages WHERE due <= ? ORDER BY due, seq LIMIT ?
                )
             ) WHERE before < ? ORDER BY due, seq",
        )
        .bind(Micros::at(now).column())
        .bind(i64::try_from(bounds.messages_max).unwrap_or(i64::MAX))
        .bind(i64::try_from(bounds.bytes_max).unwrap_or(i64::MAX))
        .fetch_all(&mut *conn),
    )
    .await?;
    let (worn, fresh): (Vec<_>, Vec<_>) =
        due.into_iter().partition(|(_, deliveries)| *deliveries >= bounds.deliveries_max);
    let sequence: Vec<i64> = fresh.into_iter().map(|(seq, _)| seq).collect();
    let locked = if sequence.is_empty() {
        Vec::new()
    } else {
        lock_all(conn, &sequence, lock, bounds.until).await?
    };
    for (seq, deliveries) in &worn {
        bury_worn(conn, *seq, *deliveries, now).await?;
    }
    Ok(Taken { locked, buried: worn.len(), next: next_due(conn).await? })
}

async fn lock_all(
    conn: &mut SqliteConnection,
    sequence: &[i64],
    lock: u64,
    until: Micros,
) -> Result<Vec<Locked>, StoreError> {
    let found: Vec<(i64, String, u32, i64, String)> = said(
        sqlx::query_as(
            "UPDATE messages SET due = ?, lock = ?, deliveries = deliveries + 1, again = NULL
             WHERE seq IN (SELECT value FROM json_each(?))
             RETURNING seq, id, deliveries, enqueued, body",
        )
        .bind(until.column())
        .bind(lock_column(lock))
        .bind(json(sequence)?)
        .fetch_all(conn),
    )
    .await?;
    let mut locked = Vec::with_capacity(found.len());
    for (seq, id, deliveries, enqueued, body) in found {
        let held = Held { id: message_id(id)?, lock };
        let enqueued = Micros::of_column(enqueued);
        // The order in which RETURNING tells its rows is not SQLite's promise.
        let place = sequence.iter().position(|known| *known == seq);
        locked.push((place, Locked { held, deliveries, enqueued, body }));
    }
    locked.sort_by_key(|(place, _)| *place);
    Ok(locked.into_iter().map(|(_, locked)| locked).collect())
}

async fn bury_worn(
    conn: &mut SqliteConnection,
    seq: i64,
    deliveries: u32,
    now: Timestamp,
) -> Result<(), StoreError> {
    let bodies: Vec<String> = said(
        sqlx::query_scalar("DELETE FROM messages WHERE seq = ? RETURNING body")
            .bind(seq)
            .fetch_all(&mut *conn),
    )
    .await?;
    let reason = format!("it was delivered {deliveries} times and never completed");
    let letter = |body| DeadLetter::new(now, DEAD_LETTERS_FROM, &reason, body);
    let buried: Vec<DeadLetter> = bodies.into_iter().map(letter).collect();
    dead_letters::write(conn, &buried).await
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
/// and are tried again. A wake does neither: it has a backend looked at that is known already.
///
/// # Errors
/// When SQLite fails.
pub async fn depth(conn: &mut SqliteConnection, now: Timestamp) -> Result<u64, StoreError> {
    Ok(waiting(conn, now).await?.0.unsigned_abs())
}

/// When the oldest of those was stored.
///
/// # Errors
/// When SQLite fails.
pub async fn oldest(
    conn: &mut SqliteConnection,
    now: Timestamp,
) -> Result<Option<Timestamp>, StoreError> {
    waiting(conn, now).await?.1.map(read_time).transpose()
}

async fn waiting(
    conn: &mut SqliteConnection,
    now: Timestamp,
) -> Result<(i64, Option<i64>), StoreError> {
    said(
        sqlx::query_as(
            "SELECT count(*), min(enqueued) FROM messages
             WHERE (due <= ? OR deliveries > 0)
             AND CASE WHEN json_valid(body) THEN body ->> '$.body.kind' END IS NOT 'wake'",
        )
        .bind(Micros::at(now).column())
        .fetch_one(conn),
    )
    .await
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

fn json(sequence: &[i64]) -> Result<String, StoreError> {
    serde_json::to_string(sequence).map_err(|error| StoreError::Corrupt(error.to_string()))
}

/// Ids are written by us alone, and are what they are.
fn message_id(text: String) -> Result<MessageId, StoreError> {
    serde_json::from_value(serde_json::Value::String(text))
        .map_err(|error| StoreError::Corrupt(format!("a message's id: {error}")))
}
