//! Many rows in few statements.
//!
//! Each statement is a hop to SQLite's thread and back, which costs more than a row does. Rows are
//! written in statements of a few fixed sizes, so that every one of them is prepared once and kept.

use pointsman_engine::ports::{Letter, StoreError};
use sqlx::{QueryBuilder, Sqlite, SqliteConnection, query_builder::Separated};

use crate::{micros::Micros, writer::said};

/// Up to how many rows have a statement of just their number.
const EXACT_ROWS_MAX: usize = 16;

/// How many rows the large statement writes. With at most 8 columns that is far below SQLite's
/// bound of 32,766 parameters.
const CHUNK_ROWS: usize = 128;

/// One row's values, as they are bound.
pub(crate) type Values<'a, 'b> = Separated<'a, Sqlite, &'b str>;

/// Runs `head VALUES (…), (…) tail` for all rows, in as few statements as there are sizes for, and
/// returns how many rows changed. The number of columns is that of the values that `bind` pushes.
pub(crate) async fn write<R>(
    conn: &mut SqliteConnection,
    rows: &[R],
    (head, tail): (&'static str, &'static str),
    mut bind: impl FnMut(&mut Values<'_, '_>, &R),
) -> Result<u64, StoreError> {
    let mut changed = 0;
    let mut left = rows;
    while !left.is_empty() {
        let size = match left.len() {
            CHUNK_ROWS.. => CHUNK_ROWS,
            few @ ..=EXACT_ROWS_MAX => few,
            _ => EXACT_ROWS_MAX,
        };
        let (chunk, rest) = left.split_at(size);
        left = rest;
        let mut query = QueryBuilder::<Sqlite>::new(head);
        query.push_values(chunk, |mut values, row| bind(&mut values, row)).push(tail);
        changed += said(query.build().execute(&mut *conn)).await?.rows_affected();
    }
    Ok(changed)
}

/// Puts letters away; one that is there already stays as it is.
pub(crate) async fn letters(
    conn: &mut SqliteConnection,
    letters: &[Letter],
) -> Result<(), StoreError> {
    let statement =
        ("INSERT INTO letters (id, at, source, reason, body) ", " ON CONFLICT (id) DO NOTHING");
    write(conn, letters, statement, |values, letter| {
        values
            .push_bind(letter.id.clone())
            .push_bind(Micros::at(letter.at).column())
            .push_bind(letter.from.clone())
            .push_bind(letter.reason.clone())
            .push_bind(letter.body.clone());
    })
    .await?;
    Ok(())
}
