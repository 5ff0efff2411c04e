//! A glance into a store, for whoever completes what is typed: it changes nothing, not even a schema
//! that is old, and what cannot be read is not there.

use std::{path::Path, time::Duration};

use pointsman_core::{
    document::Document,
    group::{Group, MEMBERS},
    names::{BackendId, BackendName},
};
use rusqlite::OptionalExtension as _;

use crate::{connecting::Connecting, stored};

/// How long a glance waits for a writer.
const BUSY_WITHIN: Duration = Duration::from_millis(100);

/// How many documents it reads.
const DOCUMENTS_MAX: i64 = 1_000;

/// What a glance shows.
#[derive(Debug, Default)]
pub struct Glance {
    /// The number and the text of the newest generation of the playbook.
    pub playbook: Option<(i64, String)>,
    /// The documents that can be read.
    pub documents: Vec<Document>,
    /// The members that pools were seen to list.
    pub members: Vec<(BackendId, BackendName)>,
}

/// What is in the store at `path`; nothing where there is none, or it cannot be read.
#[must_use]
pub fn glance(path: &Path) -> Glance {
    read(path).unwrap_or_default()
}

fn read(path: &Path) -> Result<Glance, rusqlite::Error> {
    let connecting = Connecting { path: path.to_owned(), busy_timeout: BUSY_WITHIN };
    let conn = connecting.read()?;
    let newest = "SELECT number, text FROM generations ORDER BY number DESC LIMIT 1";
    let playbook = conn.query_row(newest, [], |row| row.try_into()).optional()?;
    let bodies: Vec<String> = conn
        .prepare("SELECT body FROM documents ORDER BY id LIMIT ?")?
        .query_map([DOCUMENTS_MAX], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let groups: Vec<(String, String)> = conn
        .prepare("SELECT id, body FROM groups WHERE id LIKE ? || '%' ORDER BY id LIMIT ?")?
        .query_map((MEMBERS, DOCUMENTS_MAX), |row| row.try_into())?
        .collect::<Result<_, _>>()?;
    let members = groups.iter().filter_map(|(id, body)| {
        let pool: BackendId = id.strip_prefix(MEMBERS)?.parse().ok()?;
        let members = stored::read::<Group>(body).ok()?.members.into_iter();
        Some(members.map(move |member| (pool.clone(), member)))
    });
    let members = members.flatten().collect();
    let documents = bodies.iter().filter_map(|body| stored::read(body).ok()).collect();
    Ok(Glance { playbook, documents, members })
}
