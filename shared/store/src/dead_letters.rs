//! Dead letters as they are written and read. Their table has the name that they had at first.

use pointsman_engine::ports::{DEAD_LETTERS_MAX, DeadLetter, DeadLetterParts, StoreError};
use sqlx::SqliteConnection;

use crate::{
    micros::Micros,
    program::Program,
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
pub(crate) fn add(program: &mut Program, rows: &[Row]) {
    if rows.is_empty() {
        return;
    }
    let statement = (
        "INSERT INTO letters (id, at, source, reason, body, parts) ",
        " ON CONFLICT (id) DO UPDATE SET reason = excluded.reason, parts = excluded.parts
          WHERE reason <> excluded.reason",
    );
    program.add_rows(rows, statement, |values, Row { letter, parts }| {
        values
            .push_bind(letter.id.clone())
            .push_bind(Micros::at(letter.at).column())
            .push_bind(letter.from.clone())
            .push_bind(letter.reason.clone())
            .push_bind(letter.body.clone())
            .push_bind(parts.clone());
    });
    program.add(|text| {
        // By the index alone: no row is read to be counted.
        text.push(
            "DELETE FROM letters WHERE seq IN
             (SELECT seq FROM letters ORDER BY at DESC, seq DESC LIMIT -1 OFFSET ",
        )
        .push(DEAD_LETTERS_MAX)
        .push(")");
    });
}

/// Like [`add`], at once.
pub(crate) async fn write(
    conn: &mut SqliteConnection,
    letters: &[DeadLetter],
) -> Result<(), StoreError> {
    let mut program = Program::default();
    add(&mut program, &Row::all(letters)?);
    program.run(conn).await?;
    Ok(())
}
