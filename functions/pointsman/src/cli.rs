//! The command line: the commands, and what carries each of them out.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand, error::ErrorKind};
use clap_complete::env::Shells;
use pointsman_host::telemetry;

use crate::{
    backend, common::Common, dev, emulate, examples, failed::Failed, init, operate, page::Page,
    plan, playbook, serve, show, signal,
};

/// What the program is called.
const NAME: &str = "pointsman";

/// How wide the help is, in columns.
const HELP_COLUMNS: usize = 100;

/// Event-driven auto-remediation for Azure API Management.
#[derive(Debug, Parser)]
#[command(
    version,
    about = "Event-driven auto-remediation for Azure API Management",
    bin_name = NAME,
    max_term_width = HELP_COLUMNS,
    after_help = "Exit codes: 0 done, 1 failed (the reason is on standard error), 2 wrong usage."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show what Pointsman does, against an emulated Azure: an alert, a drain, and the way back.
    Dev(pointsman_dev::Options),
    /// Write a configuration and a playbook for the pools that Azure shows, in shadow mode at first.
    Init(init::Options),
    /// Receive alerts, and change backends as the playbook says.
    Serve(serve::Options),
    /// Show what a signal would change, and whether the limits allow it; write nothing.
    Plan(plan::Options),
    /// Check, publish or describe playbooks.
    #[command(subcommand)]
    Playbook(playbook::Command),
    /// Send test alerts.
    #[command(subcommand)]
    Signal(signal::Command),
    /// What is asked of the store, or told to it.
    #[command(flatten)]
    Operate(operate::Command),
    /// List, show, change, create, delete, reconnect or watch backends by hand.
    #[command(after_help = backend::EXIT_CODES)]
    Backend(backend::Options),
    /// Run an emulated Azure alone, until ctrl-c, to try clients, playbooks and pipelines.
    Emulate(emulate::Options),
    /// Print what a shell needs to complete commands and names, for its start-up file.
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
    /// Print the manual page, or write the pages of all commands into a folder.
    Man {
        /// The folder, which must be there.
        folder: Option<PathBuf>,
    },
    /// Print the help of all commands, as it is checked in.
    #[command(hide = true)]
    HelpText,
}

/// The whole command line, with examples in the help of every command.
pub(crate) fn command() -> clap::Command {
    examples::added(Cli::command())
}

/// What was typed.
pub(crate) fn parse() -> Result<Cli, clap::Error> {
    let mut command = command();
    let matches = command.try_get_matches_from_mut(std::env::args_os())?;
    Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
}

/// Prints that the usage is wrong; or the help or the version, which come this way too.
pub(crate) fn wrong_usage(error: &clap::Error) -> ExitCode {
    // Nothing is known of the arguments that were understood, so that `--json` is looked for here.
    let typed = |wanted: &str| std::env::args_os().any(|argument| argument == wanted);
    let failed = Failed::of_text(&error.to_string());
    // There, 2 says that something would be written.
    let failed = if typed("--detailed-exitcode") { failed } else { failed.of_usage() };
    if error.use_stderr() && typed("--json") {
        show::tell_as_json();
        show::failed(&failed);
    } else {
        // A closed pipe is no reason to fail in another way.
        let _ = error.print();
    }
    if error.use_stderr() { failed.exit_code() } else { ExitCode::SUCCESS }
}

/// Does what was asked.
pub(crate) async fn run(cli: Cli) -> Result<ExitCode, Failed> {
    let common = cli.common;
    let quiet = if matches!(cli.command, Command::Serve(_)) { "info" } else { "error" };
    telemetry::start(common.json, quiet).map_err(Failed::new)?;
    let has_own_azure = matches!(cli.command, Command::Dev(_) | Command::Emulate(_));
    if common.shadow && has_own_azure {
        let why = "--shadow writes nothing to Azure, and this command has an Azure of its own";
        return Ok(wrong_usage(&Cli::command().error(ErrorKind::ArgumentConflict, why)));
    }
    let common = if has_own_azure { common } else { common.or_as_configured() };
    match cli.command {
        Command::Dev(options) => dev::command(&common, &options).await,
        Command::Init(options) => init::command(&common, &options).await,
        Command::Serve(options) => serve::command(&common, &options).await,
        Command::Plan(options) => plan::command(&common, &options).await,
        Command::Playbook(command) => playbook::command(&common, command).await,
        Command::Signal(command) => signal::command(&common, command).await,
        Command::Operate(command) => operate::command(&common, command).await,
        Command::Backend(options) => backend::command(&common, options).await,
        Command::Emulate(options) => emulate::command(&common, &options).await,
        Command::Completions { shell } => show::page(&Page::of_text(&completions(shell)?)),
        Command::Man { folder } => man(folder.as_deref()),
        Command::HelpText => show::page(&Page::of_text(&help_text())),
    }
}

/// What a shell needs to complete what is typed: it asks this program each time, so that names are
/// those of now.
fn completions(shell: clap_complete::Shell) -> Result<String, Failed> {
    let shells = Shells::builtins();
    let shell = shell.to_string();
    let asks = shells.completer(&shell).ok_or_else(|| Failed::new("it is not a known shell"))?;
    let mut script = Vec::new();
    asks.write_registration("COMPLETE", NAME, NAME, NAME, &mut script)?;
    Ok(String::from_utf8(script)?)
}

/// Prints the manual page, or writes those of all commands.
fn man(folder: Option<&Path>) -> Result<ExitCode, Failed> {
    if let Some(folder) = folder {
        clap_mangen::generate_to(command(), folder)
            .map_err(|why| Failed::new(format_args!("{}: {why}", folder.display())))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(command()).render(&mut page)?;
    show::page(&Page::of_text(&String::from_utf8(page)?))
}

/// The help of all commands, one after the other.
fn help_text() -> String {
    let mut whole = command().term_width(HELP_COLUMNS);
    whole.build();
    let mut text = String::new();
    add_help(&mut text, &mut whole);
    text
}

fn add_help(text: &mut String, command: &mut clap::Command) {
    let help = command.render_help().to_string();
    let name = command.get_bin_name().unwrap_or_else(|| command.get_name());
    text.push_str(&format!("$ {name} --help\n"));
    for line in help.lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text.push('\n');
    for inner in command.get_subcommands_mut() {
        if !inner.is_hide_set() && inner.get_name() != "help" {
            add_help(text, inner);
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        crate::complete::names(command()).debug_assert();
    }

    #[test]
    fn completions_are_printed_to_the_letter() {
        for shell in clap_complete::Shell::value_variants() {
            let script = completions(*shell).unwrap();
            assert_eq!(Page::of_text(&script).as_str(), script);
        }
    }

    #[test]
    fn the_help_is_what_is_checked_in() {
        let checked_in = include_str!("../help.txt");
        assert!(
            help_text() == checked_in,
            "`cargo xtask generate` writes help.txt again:\n{}",
            help_text()
        );
    }
}
