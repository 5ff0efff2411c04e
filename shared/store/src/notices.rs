//! Notices as they are written and read.

use pointsman_core::{
    notice::{About, Kind, NOTICE_QUIET, Notice, Notices},
    signal::Severity,
};
use pointsman_engine::ports::StoreError;
use rusqlite::{Connection, params};
use serde::{
    Deserialize as _,
    de::{IntoDeserializer as _, value},
};

use crate::{
    error::JobError,
    micros::{Micros, column},
    store::read_time,
};

/// A notice as it is stored: kind, subject, severity, first, latest, count and what it says. The
/// severity is empty where there is none.
pub(crate) type Row = (String, String, String, i64, i64, i64, String);

/// The severity of a notice as it is stored.
fn severity(about: &About) -> String {
    about.severity.map_or_else(String::new, |severity| severity.to_string())
}

/// The rows of these.
pub(crate) fn rows(notices: &Notices) -> Vec<Row> {
    let row = |(about, notice): (&About, &Notice)| {
        let Notice { first, latest, count, says } = notice;
        let (first, latest) = (Micros::at(*first).column(), Micros::at(*latest).column());
        let (kind, subject) = (about.kind.to_string(), about.subject.clone());
        (kind, subject, severity(about), first, latest, column(*count), says.clone())
    };
    notices.iter().map(row).collect()
}

/// The notice of a row; none of a kind that only a newer version knows. Nothing is decided by it.
pub(crate) fn read(row: Row) -> Result<Option<(About, Notice)>, StoreError> {
    let (kind, subject, severity, first, latest, count, says) = row;
    let kind: Result<Kind, value::Error> = Kind::deserialize(kind.as_str().into_deserializer());
    let Ok(kind) = kind else { return Ok(None) };
    let (first, latest) = (read_time(first)?, read_time(latest)?);
    let notice = Notice { first, latest, count: count.unsigned_abs(), says };
    let severity = Severity::ALL.into_iter().find(|(name, _)| *name == severity);
    let severity = severity.map(|(_, severity)| severity);
    Ok(Some((About { kind, subject, severity }, notice)))
}

/// Adds each to what is stored, as [`Notice::add`] does.
pub(crate) fn write(conn: &Connection, rows: &[Row]) -> Result<(), JobError> {
    // The right sides are those of before.
    let statement = "INSERT INTO notices (kind, subject, severity, first, latest, count, says)
          VALUES (?, ?, ?, ?, ?, ?, ?)
          ON CONFLICT (kind, subject, severity) DO UPDATE SET
          first = CASE WHEN excluded.first - latest > 86400000000
                  THEN excluded.first ELSE min(first, excluded.first) END,
          count = CASE WHEN excluded.first - latest > 86400000000
                  THEN excluded.count ELSE min(count, 1 << 60) + excluded.count END,
          says = excluded.says,
          latest = excluded.latest";
    const { assert!(NOTICE_QUIET.as_micros() == 86_400_000_000, "it is part of the text") };
    for row in rows {
        let (kind, subject, severity, first, latest, count, says) = row;
        let row = params![kind, subject, severity, first, latest, count, says];
        conn.prepare_cached(statement)?.execute(row)?;
    }
    Ok(())
}

/// Forgets those that are over.
pub(crate) fn remove(conn: &Connection, over: &[About]) -> Result<(), JobError> {
    let statement = "DELETE FROM notices WHERE kind = ? AND subject = ? AND severity = ?";
    for about in over {
        let row = params![about.kind.to_string(), about.subject, severity(about)];
        conn.prepare_cached(statement)?.execute(row)?;
    }
    Ok(())
}
