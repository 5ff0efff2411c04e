//! What the figures depend on besides the program.

use std::{
    fs::File,
    io::Write as _,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::error::Failed;

/// How often the disk is asked.
const SYNCS: usize = 200;

/// How much is written before each sync, in bytes: what a small commit logs.
const SYNC_BYTES: usize = 8_192;

/// The machine and the build.
pub(crate) struct Machine {
    cores: usize,
    sync: Duration,
}

/// Looks at the machine that this runs on.
pub(crate) fn look() -> Result<Machine, Failed> {
    let cores = std::thread::available_parallelism()?.get();
    let mut file: File = tempfile::tempfile()?;
    let bytes = [1_u8; SYNC_BYTES];
    let mut syncs = Vec::with_capacity(SYNCS);
    for _ in 0..SYNCS {
        file.write_all(&bytes)?;
        let began = Instant::now();
        file.sync_data()?;
        syncs.push(began.elapsed());
    }
    syncs.sort_unstable();
    Ok(Machine { cores, sync: syncs[SYNCS / 2] })
}

impl Machine {
    fn profile() -> &'static str {
        if cfg!(debug_assertions) { "debug" } else { "release" }
    }

    pub(crate) fn json(&self) -> Value {
        json!({
            "cores": self.cores,
            "profile": Self::profile(),
            "os": std::env::consts::OS,
            "architecture": std::env::consts::ARCH,
            "syncMicroseconds": self.sync.as_micros(),
        })
    }
}

impl std::fmt::Display for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} {}, {} cores, {} build, a sync of the disk takes {} µs",
            std::env::consts::OS,
            std::env::consts::ARCH,
            self.cores,
            Self::profile(),
            self.sync.as_micros()
        )
    }
}
