//! The options of every command, and what they open.

use std::{io, ops::Deref, path::PathBuf, process::ExitCode, time::Duration};

use clap::Args;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use pointsman_apim::{
    Client,
    client::{Pace, Retries},
};
use pointsman_engine::Mode;
use pointsman_host::{
    Config, Records,
    config::{ConfigError, Needs},
    wiring::{self, store_file},
};
use pointsman_view::Reader;
use serde::Serialize;
use tempfile::TempDir;

use crate::{failed::Failed, page::Page, show};

/// How long a request of a command waits for room in Azure's token bucket, in seconds.
const PACE_SECS_MAX: u64 = 30;

/// The heading of what every command takes.
const EVERYWHERE: &str = "With every command";

/// What every command takes.
#[derive(Clone, Debug, Args)]
pub(crate) struct Common {
    /// The configuration file.
    #[arg(
        long,
        global = true,
        help_heading = EVERYWHERE,
        env = "POINTSMAN_CONFIG",
        hide_env_values = true,
        default_value = "pointsman.yaml",
        value_name = "FILE"
    )]
    pub(crate) config: PathBuf,
    /// Print JSON instead of text, also for errors and the log.
    #[arg(long, global = true, help_heading = EVERYWHERE)]
    pub(crate) json: bool,
    /// Show times in UTC instead of the time zone of this machine, or of TZ
    #[arg(long, global = true, help_heading = EVERYWHERE)]
    pub(crate) utc: bool,
    /// Write nothing to Azure: only decide, record and show, in a store of its own (not with `dev` and
    /// `emulate`)
    #[arg(long, global = true, help_heading = EVERYWHERE)]
    pub(crate) shadow: bool,
}

/// The client of the configured Azure, for somebody who waits at a terminal.
pub(crate) fn azure(config: &Config) -> Result<Client, Failed> {
    let patience = Duration::from_secs(PACE_SECS_MAX);
    let pace = Pace::Within { reads: patience, writes: patience };
    Ok(wiring::azure(config, Retries::PATIENT, pace)?)
}

impl Common {
    /// The configuration may say that this is a shadow; the command line can only say it too. What is
    /// wrong with the file is told by the command that reads it.
    pub(crate) fn or_as_configured(mut self) -> Self {
        let configured = Config::read(&self.config, Needs::Store);
        self.shadow |= configured.is_ok_and(|config| config.mode == Mode::Shadow);
        self
    }

    pub(crate) fn mode(&self) -> Mode {
        if self.shadow { Mode::Shadow } else { Mode::Live }
    }

    /// The time zone of whoever types.
    pub(crate) fn zone(&self) -> TimeZone {
        if self.utc { TimeZone::UTC } else { TimeZone::system() }
    }

    /// Who reads what is shown: a person in that zone, or a program; of what acts, or of a shadow.
    pub(crate) fn reader(&self, now: Timestamp) -> Reader {
        let reader = if self.json { Reader::utc(now) } else { Reader::new(now, self.zone()) };
        reader.in_mode(self.mode())
    }

    /// The configuration, with the secrets that are needed.
    pub(crate) fn config(&self, needs: Needs) -> Result<Config, Failed> {
        Config::read(&self.config, needs).map_err(|error| match error {
            ConfigError::File { file, cause } if cause.kind() == io::ErrorKind::NotFound => Failed::new(format_args!(
                "there is no configuration at {file}: name one with --config FILE or POINTSMAN_CONFIG, or let \
                 `pointsman init` write one"
            )),
            error @ ConfigError::File { .. } => error.into(),
            // The lines of the file that have the problem.
            error @ ConfigError::Problem(_) => Failed::of_text(&error.to_string()),
        })
    }

    /// The file of the store, and whether it is there.
    pub(crate) fn store(&self, config: &Config) -> Result<(PathBuf, bool), Failed> {
        let file = store_file(config, self.mode());
        match file.try_exists() {
            Ok(is_there) => Ok((file, is_there)),
            Err(error) => Err(Failed::new(format_args!(
                "the store {} cannot be read ({error}): run this as the user that `serve` runs as",
                file.display()
            ))),
        }
    }

    /// Prints what was asked for: for programs, or for people.
    pub(crate) fn print(&self, value: &impl Serialize, text: &Page) -> Result<ExitCode, Failed> {
        if self.json { show::json(value) } else { show::page(text) }
    }

    /// The records, to change them. The store is made where there is none: a pause may come before
    /// anything.
    pub(crate) async fn open(&self) -> Result<Records, Failed> {
        let (file, _) = self.store(&self.config(Needs::Store)?)?;
        Ok(Records::open(&file).await?)
    }

    /// The records, to look at. Where there is no store yet, none is made: an empty one is shown.
    pub(crate) async fn records(&self) -> Result<Reading, Failed> {
        let config = self.config(Needs::Store)?;
        let (file, is_there) = self.store(&config)?;
        let watchdogs = config.watchdogs.into_iter();
        let watchdogs = watchdogs.map(|(source, it)| (source.to_string(), it.within)).collect();
        if is_there {
            return Ok(Reading { records: Records::open(&file).await?, empty: None, watchdogs });
        }
        show::note(format_args!(
            "there is no store at {} yet; `pointsman serve` makes it",
            file.display()
        ));
        let empty = tempfile::tempdir()?;
        let records = Records::open(&empty.path().join("empty.db")).await?;
        Ok(Reading { records, empty: Some(empty), watchdogs })
    }
}

/// Records to look at.
pub(crate) struct Reading {
    records: Records,
    /// The folder of the empty ones.
    empty: Option<TempDir>,
    /// The sources that send a sign of life, each with how long it may be silent.
    pub(crate) watchdogs: Vec<(String, SignedDuration)>,
}

impl Reading {
    /// Whether there is no store: nothing can be said of any backend.
    pub(crate) const fn is_of_nothing(&self) -> bool {
        self.empty.is_some()
    }

    pub(crate) async fn close(self) {
        self.records.close().await;
        drop(self.empty);
    }
}

impl Deref for Reading {
    type Target = Records;

    fn deref(&self) -> &Records {
        &self.records
    }
}
