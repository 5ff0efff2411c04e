//! Letters as they are written.

use pointsman_engine::ports::{Letter, StoreError};
use sqlx::SqliteConnection;

use crate::{micros::Micros, program::Program};

/// Puts letters away; one that is there already stays as it is.
pub(crate) fn add(program: &mut Program, letters: &[Letter]) {
    let statement =
        ("INSERT INTO letters (id, at, source, reason, body) ", " ON CONFLICT (id) DO NOTHING");
    program.add_rows(letters, statement, |values, letter| {
        values
            .push_bind(letter.id.clone())
            .push_bind(Micros::at(letter.at).column())
            .push_bind(letter.from.clone())
            .push_bind(letter.reason.clone())
            .push_bind(letter.body.clone());
    });
}

/// Like [`add`], at once.
pub(crate) async fn write(
    conn: &mut SqliteConnection,
    letters: &[Letter],
) -> Result<(), StoreError> {
    let mut program = Program::default();
    add(&mut program, letters);
    program.run(conn).await?;
    Ok(())
}
