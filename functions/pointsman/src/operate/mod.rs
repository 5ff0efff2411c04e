//! What operators ask and tell.
//!
//! [`status`], [`explain`] and [`history`] read the store; [`dead_letters`] shows and drops those. They need
//! neither Azure nor a secret. [`tell`] and [`undo`] change something: pause, resume, release, undo;
//! the last two, and what [`hand`] changes, by way of [`dispatch`].

pub(crate) mod ask;
mod by;
mod dead_letters;
mod dispatch;
mod explain;
mod extend;
mod find;
mod hand;
mod history;
mod shadow;
mod skip;
mod status;
mod tell;
mod undo;
mod wait;
mod windows;

pub(crate) use self::{ask::playbook_in_force, by::By, windows::skipped};

use std::process::ExitCode;

use clap::Subcommand;

use crate::{common::Common, failed::Failed, show};

/// What can be asked of the store, and told to it.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show what is not well, which overrides are in force or held, and why.
    #[command(after_help = status::EXIT)]
    Status(status::Options),
    /// Show everything that is known about one backend, member or override, and why it is as it is.
    Explain(explain::Options),
    /// Show the ledger: what was received, decided and done.
    History(history::Options),
    /// Show which maintenance windows are open, and which open next.
    Windows(windows::Options),
    /// Have a maintenance window not open the next time, or end it early if it is open.
    Skip(skip::Options),
    /// Sum up what a shadow would have done.
    #[command(subcommand)]
    Shadow(shadow::Command),
    /// Show, retry or drop dead letters: what could not be used, kept with its reason.
    #[command(subcommand, alias = "letters")]
    DeadLetters(dead_letters::Command),
    #[command(flatten)]
    Hand(hand::Command),
    /// Have an override in force stay longer than it would by itself.
    #[command(after_help = extend::ABOUT)]
    Extend(extend::Options),
    /// Stop every write to Azure, or to one pool, including undo and reconnects; or what one play would
    /// begin.
    Pause(tell::PauseOptions),
    /// Start writing to Azure again, or to one pool; or let one play begin again.
    Resume(tell::ResumeOptions),
    /// Pause a play for a time: it begins nothing, whatever fires.
    Mute(tell::MuteOptions),
    /// End an override, or all of a backend, at once and without a ramp.
    #[command(after_help = undo::EXIT)]
    Undo(undo::Options),
    /// End every override, restore every backend, and wait until that is done.
    Release(tell::ReleaseOptions),
}

pub(crate) async fn command(common: &Common, command: Command) -> Result<ExitCode, Failed> {
    let common = &Common {
        // Nothing but a shadow is meant.
        shadow: common.shadow || matches!(command, Command::Shadow(_)),
        ..common.clone()
    };
    if common.shadow {
        show::note("shadow: this is the shadow's own store, of which nothing is written to Azure");
    }
    match command {
        Command::Status(options) => status::command(common, &options).await,
        Command::Explain(options) => explain::command(common, &options).await,
        Command::History(options) => history::command(common, &options).await,
        Command::Windows(options) => windows::command(common, options).await,
        Command::Skip(options) => skip::command(common, options).await,
        Command::Shadow(command) => shadow::command(common, command).await,
        Command::DeadLetters(command) => dead_letters::command(common, command).await,
        Command::Extend(options) => extend::command(common, options).await,
        Command::Hand(command) => hand::command(common, command).await,
        Command::Pause(options) => tell::pause(common, options).await,
        Command::Resume(options) => tell::resume(common, options).await,
        Command::Mute(options) => tell::pause(common, options.into()).await,
        Command::Undo(options) => undo::command(common, options).await,
        Command::Release(options) => tell::release(common, options).await,
    }
}
