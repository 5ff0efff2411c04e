//! The state in a file, so that a restart continues with it.
//!
//! What it guarantees: a write, a reconnect or a token that a client was answered is in the file
//! before the answer goes out; and the file is whole at any moment, since it is written beside
//! its place, synchronised and renamed. Saves that are asked for while one is being written are
//! one save.
//!
//! Kept are the backends with their ETags and earlier versions, the reconnects, the tokens, the
//! faults, the subscriptions and the clock's skew. What is on its way is lost with the process,
//! as requests on a wire are: late writes, latencies, deliveries; and so is what the gateways have
//! learnt, their breakers and counters. The file holds the secrets of the backends and can be
//! read by its owner only.
//!
//! Races: the state may be ahead of the file while a save is being written, but nobody has been
//! told yet. Two emulators must not share a file.

use crate::{
    event_grid::Subscribed, fault::Standing, reconnect::Reconnect, state::Shared,
    store::KeptBackends, token::Tokens,
};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::Path,
    sync::Arc,
};
use tempfile::NamedTempFile;

/// The version of the file that is written; older ones are read for ever.
pub(crate) const VERSION: u32 = 1;

/// What the file says before anything else.
#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

/// The file.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Kept {
    pub(crate) version: u32,
    /// The first service: addresses that name none are its.
    pub(crate) service: String,
    pub(crate) skew: SignedDuration,
    pub(crate) requests: u64,
    pub(crate) backends: KeptBackends,
    pub(crate) reconnects: Vec<Reconnect>,
    pub(crate) tokens: Tokens,
    pub(crate) faults: Vec<Standing>,
    pub(crate) subscriptions: Vec<Subscribed>,
}

impl Kept {
    /// What is in the file; none when there is no file yet. An error says why it cannot be used.
    pub(crate) fn load(path: &Path, service: &str) -> Result<Option<Self>, String> {
        let text = match fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(format!("it cannot be read: {error}")),
        };
        // Not the error itself: it may quote what is there, and that may be a secret.
        let garbled = |error: serde_json::Error| {
            let (line, column) = (error.line(), error.column());
            format!("it is not the state of an emulator (line {line}, column {column})")
        };
        let Versioned { version } = serde_json::from_slice(&text).map_err(garbled)?;
        if version > VERSION {
            return Err(format!("it was written by a newer emulator, as version {version}"));
        }
        let kept: Self = serde_json::from_slice(&text).map_err(garbled)?;
        if !kept.service.eq_ignore_ascii_case(service) {
            return Err(format!("it is of the service {}, not {service}", kept.service));
        }
        Ok(Some(kept))
    }
}

/// How far the file is.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Saved {
    pub(crate) revision: u64,
    /// The latest save did not succeed.
    pub(crate) failed: bool,
}

/// Writes the file at every change, and at every step of the clock, for as long as the emulator
/// runs.
pub(crate) async fn keep(shared: Arc<Shared>) {
    let Some(path) = &shared.options.state_file else { return };
    let (mut revisions, mut steps) = (shared.revision.subscribe(), shared.clock.steps());
    loop {
        // What has changed in between is in the file before it is asked for.
        let revision = *revisions.borrow_and_update();
        let kept = shared.lock().kept(shared.clock.skew());
        let to = path.clone();
        let written = tokio::task::spawn_blocking(move || write(&to, &kept)).await;
        if let Ok(Err(error)) = &written {
            let path = path.display();
            tracing::error!(%error, %path, "the state of the emulator cannot be written");
        }
        // It cannot be joined either where the runtime is going down.
        let failed = !matches!(written, Ok(Ok(())));
        shared.saved.send_replace(Saved { revision, failed });
        tokio::select! {
            _ = revisions.changed() => {}
            _ = steps.changed() => {}
        }
    }
}

/// Replaces the file as a whole: a reader sees the old one or the new one, and nobody but its owner
/// sees either.
fn write(path: &Path, kept: &Kept) -> io::Result<()> {
    let folder = path.parent().filter(|folder| *folder != "").unwrap_or(Path::new("."));
    let mut file = NamedTempFile::new_in(folder)?;
    file.write_all(&serde_json::to_vec(kept)?)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    // The new name must be as durable as what it names; not every system lets one ask.
    if let Ok(folder) = File::open(folder) {
        drop(folder.sync_all());
    }
    Ok(())
}
