//! The messages of the queues: what Service Bus does to them, without HTTP.
//!
//! They lie in SQLite, so that with a file they survive any end of the process. A request is one transaction:
//! it is done whole or not at all, and what it was answered is in the file.
//!
//! # What was thought of
//! - A lock that runs out: its message is free again when anyone looks next; nothing has to happen by itself.
//! - A settlement that comes after that, or twice: the lock is lost, which is a result and no error.
//! - A message that was delivered too often is moved to the dead-letter queue where it would be delivered
//!   once more.

use std::{path::Path, time::Duration};

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};
use uuid::Uuid;

use super::{Queue, wire::Message};
use crate::clock::later;

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS messages (
        seq        INTEGER PRIMARY KEY AUTOINCREMENT,
        queue      TEXT    NOT NULL,
        id         TEXT    NOT NULL,
        -- Body, content type and properties, as JSON.
        message    TEXT    NOT NULL,
        enqueued   INTEGER NOT NULL,
        -- When it may be delivered: at its scheduled time, or when its lock runs out.
        due        INTEGER NOT NULL,
        expires    INTEGER NOT NULL,
        deliveries INTEGER NOT NULL DEFAULT 0,
        lock       TEXT,
        -- Why it is a dead letter.
        reason     TEXT
    ) STRICT;
    CREATE INDEX IF NOT EXISTS messages_in_order ON messages (queue, enqueued, seq);
    CREATE INDEX IF NOT EXISTS messages_by_due ON messages (queue, due);
    CREATE TABLE IF NOT EXISTS sent (
        queue TEXT    NOT NULL,
        id    TEXT    NOT NULL,
        at    INTEGER NOT NULL,
        PRIMARY KEY (queue, id)
    ) STRICT, WITHOUT ROWID;
";

/// Why a message whose deliveries are used up is a dead letter, in the service's word.
const TOO_OFTEN: &str = "MaxDeliveryCountExceeded";

pub(crate) struct Broker(Connection);

/// How a message is received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Receive {
    /// It is locked, to be settled.
    Lock,
    /// It is gone with the answer.
    Delete,
}

/// A message that was received.
pub(crate) struct Received {
    pub(crate) seq: i64,
    pub(crate) message: Message,
    pub(crate) deliveries: u32,
    pub(crate) enqueued: Timestamp,
    /// The lock and its end; none where it was deleted.
    pub(crate) locked: Option<(String, Timestamp)>,
    pub(crate) reason: Option<String>,
}

/// What becomes of a locked message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Settle {
    Complete,
    Abandon,
    Renew,
}

/// That a lock is not, or is no longer, on that message.
#[derive(Debug)]
pub(crate) struct LockLost;

fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

fn time(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MAX)
}

impl Broker {
    /// The queues of a file, which is made where there is none; without one they are kept in memory.
    pub(crate) fn open(file: Option<&Path>) -> rusqlite::Result<Self> {
        let conn = match file {
            Some(path) => Connection::open(path)?,
            None => Connection::open_in_memory()?,
        };
        conn.pragma_update(None, "journal_mode", "WAL")?;
        // What is written survives the process; the machine's own end is not emulated.
        conn.pragma_update(None, "synchronous", "OFF")?;
        conn.execute_batch(SCHEMA)?;
        Ok(Self(conn))
    }

    /// Takes messages in: all of them, or none. One whose id was sent within the window of the queue's
    /// duplicate detection is dropped, as if it were taken.
    pub(crate) fn send(
        &mut self,
        queue: &Queue,
        messages: &[Message],
        now: Timestamp,
    ) -> rusqlite::Result<()> {
        let transaction = self.0.transaction()?;
        for message in messages {
            if let Some(window) = queue.duplicates_within
                && is_duplicate(&transaction, &queue.name, message, window, now)?
            {
                continue;
            }
            let due = message.properties.scheduled.unwrap_or(now).max(now);
            let lives = message.properties.time_to_live;
            let expires = lives.map_or(Timestamp::MAX, |lives| later(due, lives));
            let statement = "INSERT INTO messages (queue, id, message, enqueued, due, expires)
                             VALUES (?, ?, ?, ?4, ?4, ?5)";
            let written = serde_json::to_string(message).unwrap_or_default();
            let row = params![queue.name, message.id(), written, micros(due), micros(expires)];
            transaction.prepare_cached(statement)?.execute(row)?;
        }
        transaction.commit()
    }

    /// The next message of a queue, or of its dead letters, that may be delivered.
    pub(crate) fn receive(
        &mut self,
        queue: &Queue,
        dead: bool,
        how: Receive,
        now: Timestamp,
    ) -> rusqlite::Result<Option<Received>> {
        let name = queue.path(dead);
        let transaction = self.0.transaction()?;
        let gone = "DELETE FROM messages WHERE queue = ? AND expires <= ?";
        transaction.prepare_cached(gone)?.execute(params![name, micros(now)])?;
        if !dead {
            let buried = "UPDATE messages SET queue = ?, reason = ?, lock = NULL, deliveries = 0
                          WHERE queue = ? AND due <= ? AND deliveries >= ?";
            let row = params![queue.path(true), TOO_OFTEN, name, micros(now), queue.deliveries_max];
            transaction.prepare_cached(buried)?.execute(row)?;
        }
        let next = "SELECT seq, message, deliveries, enqueued, reason FROM messages
                    WHERE queue = ? AND due <= ? ORDER BY enqueued, seq LIMIT 1";
        let row = transaction
            .prepare_cached(next)?
            .query_row(params![name, micros(now)], |row| {
                let message: String = row.get(1)?;
                Ok(Received {
                    seq: row.get(0)?,
                    message: serde_json::from_str(&message).unwrap_or_default(),
                    deliveries: row.get::<_, u32>(2)? + 1,
                    enqueued: time(row.get(3)?),
                    locked: None,
                    reason: row.get(4)?,
                })
            })
            .optional()?;
        let Some(mut received) = row else {
            transaction.commit()?;
            return Ok(None);
        };
        match how {
            Receive::Lock => {
                let (lock, until) = (Uuid::new_v4().to_string(), later(now, queue.lock));
                let statement =
                    "UPDATE messages SET deliveries = ?, lock = ?, due = ? WHERE seq = ?";
                let row = params![received.deliveries, lock, micros(until), received.seq];
                transaction.prepare_cached(statement)?.execute(row)?;
                received.locked = Some((lock, until));
            }
            Receive::Delete => {
                let statement = "DELETE FROM messages WHERE seq = ?";
                transaction.prepare_cached(statement)?.execute([received.seq])?;
            }
        }
        transaction.commit()?;
        Ok(Some(received))
    }

    /// Settles a locked message, which is named by its sequence number or its id; gives the end of its lock
    /// where that was renewed.
    pub(crate) fn settle(
        &mut self,
        queue: &Queue,
        dead: bool,
        (message, lock): (&str, &str),
        how: Settle,
        now: Timestamp,
    ) -> rusqlite::Result<Result<Option<Timestamp>, LockLost>> {
        let (statement, until) = match how {
            Settle::Complete => ("DELETE FROM messages", now),
            Settle::Abandon => ("UPDATE messages SET lock = NULL, due = ?5", now),
            Settle::Renew => ("UPDATE messages SET due = ?5", later(now, queue.lock)),
        };
        let statement = format!(
            "{statement} WHERE queue = ?1 AND (CAST(seq AS TEXT) = ?2 OR id = ?2) AND lock = ?3 AND due > ?4"
        );
        let name = queue.path(dead);
        let mut statement = self.0.prepare_cached(&statement)?;
        let changed = match how {
            Settle::Complete => statement.execute(params![name, message, lock, micros(now)])?,
            Settle::Abandon | Settle::Renew => {
                statement.execute(params![name, message, lock, micros(now), micros(until)])?
            }
        };
        Ok(match changed {
            0 => Err(LockLost),
            _ => Ok((how == Settle::Renew).then_some(until)),
        })
    }

    /// When the next message of a queue is due: at its scheduled time, or when its lock runs out.
    pub(crate) fn next_due(
        &self,
        queue: &Queue,
        dead: bool,
    ) -> rusqlite::Result<Option<Timestamp>> {
        let statement = "SELECT min(due) FROM messages WHERE queue = ?";
        let mut statement = self.0.prepare_cached(statement)?;
        let due: Option<i64> = statement.query_row([queue.path(dead)], |row| row.get(0))?;
        Ok(due.map(time))
    }

    /// How many messages a queue, or its dead letters, have: scheduled and locked ones, too.
    pub(crate) fn count(&self, queue: &Queue, dead: bool) -> rusqlite::Result<u64> {
        let statement = "SELECT count(*) FROM messages WHERE queue = ?";
        let count: i64 = self.0.query_row(statement, [queue.path(dead)], |row| row.get(0))?;
        Ok(count.unsigned_abs())
    }
}

/// Whether a message of that id was sent within the window before; if not, it was now.
fn is_duplicate(
    transaction: &Transaction<'_>,
    queue: &str,
    message: &Message,
    window: Duration,
    now: Timestamp,
) -> rusqlite::Result<bool> {
    let Some(id) = message.properties.message_id.as_deref() else { return Ok(false) };
    let since = now.saturating_sub(window).unwrap_or(Timestamp::MIN);
    let old = "DELETE FROM sent WHERE queue = ? AND at <= ?";
    transaction.prepare_cached(old)?.execute(params![queue, micros(since)])?;
    let note = "INSERT INTO sent (queue, id, at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING";
    Ok(transaction.prepare_cached(note)?.execute(params![queue, id, micros(now)])? == 0)
}
