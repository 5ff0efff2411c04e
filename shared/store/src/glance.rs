//! A glance into a store, for whoever completes what is typed: it changes nothing, not even a schema
//! that is old, and what cannot be read is not there.

use std::{path::Path, time::Duration};

use pointsman_core::{
    document::Document,
    group::{Group, MEMBERS},
    names::{BackendId, BackendName},
};
use sqlx::{ConnectOptions as _, Connection as _, sqlite::SqliteConnectOptions};

use crate::stored;

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
pub async fn glance(path: &Path) -> Glance {
    read(path).await.unwrap_or_default()
}

async fn read(path: &Path) -> Result<Glance, sqlx::Error> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .busy_timeout(BUSY_WITHIN)
        .disable_statement_logging();
    let mut connection = options.connect().await?;
    let newest = "SELECT number, text FROM generations ORDER BY number DESC LIMIT 1";
    let playbook = sqlx::query_as(newest).fetch_optional(&mut connection).await?;
    let bodies: Vec<String> = sqlx::query_scalar("SELECT body FROM documents ORDER BY id LIMIT ?")
        .bind(DOCUMENTS_MAX)
        .fetch_all(&mut connection)
        .await?;
    let groups: Vec<(String, String)> =
        sqlx::query_as("SELECT id, body FROM groups WHERE id LIKE ? || '%' ORDER BY id LIMIT ?")
            .bind(MEMBERS)
            .bind(DOCUMENTS_MAX)
            .fetch_all(&mut connection)
            .await?;
    let members = groups.iter().filter_map(|(id, body)| {
        let pool: BackendId = id.strip_prefix(MEMBERS)?.parse().ok()?;
        let members = stored::read::<Group>(body).ok()?.members.into_iter();
        Some(members.map(move |member| (pool.clone(), member)))
    });
    let members = members.flatten().collect();
    let documents = bodies.iter().filter_map(|body| stored::read(body).ok()).collect();
    connection.close().await?;
    Ok(Glance { playbook, documents, members })
}
