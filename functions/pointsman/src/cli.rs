//! The command line: what can be asked for, and who answers.

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand};
use pointsman_engine::Mode;
use pointsman_host::{
    Config, Parts,
    telemetry::{self, Format},
    wiring::Role,
};

use crate::{operate, plan, playbook, serve};

/// Event-driven auto-remediation for Azure API Management.
#[derive(Debug, Parser)]
#[command(version, about, propagate_version = true, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(Clone, Debug, Args)]
pub(crate) struct Common {
    /// The configuration file.
    #[arg(long, global = true, env = "POINTSMAN_CONFIG", default_value = "pointsman.yaml", value_name = "FILE")]
    config: PathBuf,
    /// Print JSON instead of text.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Look at what `serve --shadow` has stored, not at what is live.
    #[arg(long, global = true)]
    shadow: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Take alerts in, and change backends as the playbook says.
    Serve(serve::Options),
    /// Say what a signal would do, as a diff of fields with the limits' verdicts; write nothing.
    Plan(plan::Options),
    /// Check, publish or describe playbooks.
    #[command(subcommand)]
    Playbook(playbook::Command),
    /// Show the overrides in force and why, and what is held and why.
    Status,
    /// Show all that is known of one backend, and why it is as it is.
    Explain(operate::Which),
    /// Show the ledger: what was heard, decided and done.
    History(operate::HistoryOptions),
    /// Show or drop letters: what could not be used, kept with its reason.
    #[command(subcommand)]
    Letters(operate::LettersCommand),
    /// Write nothing to Azure any more, undo and reconnects included, until `resume`.
    Pause(operate::Reason),
    /// Write to Azure again.
    Resume(operate::By),
    /// End an override, or all of a backend, at once and without a ramp.
    Undo(operate::UndoOptions),
    /// End everything, restore every backend, and wait until that is seen to be done.
    Release(operate::ReleaseOptions),
}

/// Why a command failed, in words for whoever called it.
#[derive(Debug)]
pub(crate) struct Failed(pub(crate) String);

impl<E: std::error::Error> From<E> for Failed {
    fn from(error: E) -> Self {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(inner) = cause {
            let said = inner.to_string();
            if !text.contains(&said) {
                text = format!("{text}: {said}");
            }
            cause = inner.source();
        }
        Self(text)
    }
}

impl Common {
    pub(crate) fn mode(&self) -> Mode {
        if self.shadow { Mode::Shadow } else { Mode::Live }
    }

    pub(crate) fn config(&self) -> Result<Config, Failed> {
        Ok(Config::read(&self.config)?)
    }

    /// The parts, only to look and to put messages into the queue.
    pub(crate) async fn parts(&self) -> Result<Parts, Failed> {
        Ok(Parts::open(&self.config()?, self.mode(), Role::Producer).await?)
    }
}

/// Does what was asked.
pub(crate) async fn run(cli: Cli) -> Result<ExitCode, Failed> {
    let common = cli.common;
    let quiet = if matches!(cli.command, Command::Serve(_)) { "info" } else { "error" };
    telemetry::start(Format::Auto, quiet).map_err(Failed)?;
    match cli.command {
        Command::Serve(options) => serve::command(&common, &options).await,
        Command::Plan(options) => plan::command(&common, &options).await,
        Command::Playbook(command) => playbook::command(&common, command).await,
        Command::Status => operate::status(&common).await,
        Command::Explain(which) => operate::explain(&common, &which).await,
        Command::History(options) => operate::history(&common, &options).await,
        Command::Letters(command) => operate::letters(&common, command).await,
        Command::Pause(reason) => operate::pause(&common, reason).await,
        Command::Resume(by) => operate::resume(&common, by).await,
        Command::Undo(options) => operate::undo(&common, options).await,
        Command::Release(options) => operate::release(&common, options).await,
    }
}
