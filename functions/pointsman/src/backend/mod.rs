//! `pointsman backend`: the backends of API Management themselves, changed by hand.
//!
//! These commands act at once: what they do is not an override, has no end, and a pause does not stop
//! it. A running `serve` treats it as somebody else's write, which becomes the baseline.
//!
//! Nothing that exists is changed unseen: it is read first, what would differ is shown, and what is
//! written carries the ETag of what was read. If someone else wrote first, nothing is written, and an
//! exit code of its own says so ([`EXIT_CODES`]). `put --overwrite` is the one exception, as its name
//! says. With `--dry-run` or `--shadow` nothing is written. Secrets are shown as `***`, everywhere.

mod consent;
mod desk;
mod field;
mod file;
mod ledger;
mod names;
mod print;
mod read;
mod template;
mod write;

use std::process::ExitCode;

use clap::{Args, Subcommand};

use self::{desk::Desk, print::Output};
use crate::{common::Common, failed::Failed, input, show};

/// What the exit codes of these commands mean, for their help.
pub(crate) const EXIT_CODES: &str = "\
A backend is named by a pool of the playbook, by service/name or service/workspace/name, by its name \
alone if the playbook has one service, or by its Azure path. Secrets are shown as ***. These commands \
act at once and on your authority: a pause does not stop them, and nothing undoes what they did.

Exit codes: 0 done, or nothing to do; 1 failed; 2 wrong usage; 3 there is no such backend; 4 someone wrote \
first, or it exists already.";

/// What `backend` takes.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// The form of the output; `--json` is the same as `--output json`
    #[arg(long, global = true, value_enum, value_name = "FORM")]
    output: Option<Output>,
    #[command(subcommand)]
    command: Command,
}

/// What can be done with backends.
#[derive(Clone, Debug, Subcommand)]
enum Command {
    /// List the backends of a service or a workspace.
    List(read::ListOptions),
    /// Show one backend, with the ETag of its state.
    Get(read::GetOptions),
    /// Change some fields of a backend.
    Set(write::SetOptions),
    /// Create a backend, or replace all of one.
    Put(write::PutOptions),
    /// Delete a backend.
    Delete(write::DeleteOptions),
    /// Have the gateway open new connections to a backend.
    Reconnect(write::ReconnectOptions),
    /// Print every change of a backend as it is seen, until ctrl-c.
    Watch(read::WatchOptions),
}

pub(crate) async fn command(common: &Common, options: Options) -> Result<ExitCode, Failed> {
    let output = options.output.unwrap_or(if common.json { Output::Json } else { Output::Table });
    let desk = Desk::open(common, output).await?;
    // A watch says what it waits for; while a person types nothing is printed.
    let in_silence = match &options.command {
        Command::Watch(_) => true,
        Command::Put(options) => input::is_typed(&options.file),
        Command::Set(options) => options.file.as_deref().is_some_and(input::is_typed),
        Command::List(_) | Command::Get(_) | Command::Delete(_) | Command::Reconnect(_) => false,
    };
    let answered = async {
        match options.command {
            Command::List(options) => read::list(&desk, &options).await,
            Command::Get(options) => read::get(&desk, &options).await,
            Command::Set(options) => write::set(&desk, &options).await,
            Command::Put(options) => write::put(&desk, &options).await,
            Command::Delete(options) => write::delete(&desk, &options).await,
            Command::Reconnect(options) => write::reconnect(&desk, &options).await,
            Command::Watch(options) => read::watch(&desk, &options).await,
        }
    };
    if in_silence { answered.await } else { show::patiently(show::AZURE, answered).await }
}
