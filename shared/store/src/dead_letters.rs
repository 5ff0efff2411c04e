//! Dead letters as they are written and read. Their table has the name that they had at first.

use pointsman_engine::ports::{DEAD_LETTERS_MAX, DeadLetter, DeadLetterParts};
use rusqlite::{Connection, params};

use crate::{
    error::JobError,
    micros::{Micros, column},
    stored::{self, BodyError},
};

/// A dead letter as it is stored.
pub(crate) struct Row {
    letter: DeadLetter,
    /// Null where it has none, as in every row that is older than the column.
    parts: Option<String>,
}

impl Row {
    /// The rows of these.
    pub(crate) fn all(letters: &[DeadLetter]) -> Result<Vec<Self>, BodyError> {
        let row = |letter: &DeadLetter| {
            let parts = &letter.parts;
            let parts = if *parts == DeadLetterParts::default() {
                None
            } else {
                Some(stored::write(parts)?)
            };
            Ok(Self { letter: letter.clone(), parts })
        };
        letters.iter().map(row).collect()
    }
}

/// Puts dead letters away; one that is there already only gets the newest reason, and the oldest go
/// where there are too many.
pub(crate) fn write(conn: &Connection, rows: &[Row]) -> Result<(), JobError> {
    if rows.is_empty() {
        return Ok(());
    }
    let statement =
        "INSERT INTO letters (id, at, source, reason, body, parts) VALUES (?, ?, ?, ?, ?, ?)
                     ON CONFLICT (id) DO UPDATE SET reason = excluded.reason, parts = excluded.parts
                     WHERE reason <> excluded.reason";
    for Row { letter, parts } in rows {
        let DeadLetter { id, at, from, reason, body, parts: _ } = letter;
        let row = params![id, Micros::at(*at).column(), from, reason, body, parts];
        conn.prepare_cached(statement)?.execute(row)?;
    }
    // By the index alone: no row is read to be counted.
    let oldest = "DELETE FROM letters WHERE seq IN
                  (SELECT seq FROM letters ORDER BY at DESC, seq DESC LIMIT -1 OFFSET ?)";
    conn.prepare_cached(oldest)?.execute([column(DEAD_LETTERS_MAX)])?;
    Ok(())
}
