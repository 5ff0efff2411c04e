//! `pointsman`: a pointsman for Azure API Management, in one binary.
//!
//! `serve` runs everything; `dev` shows it against an emulated Azure; the rest is for whoever
//! operates it, and works whether or not a `serve` is running on the same store.

mod backend;
mod calendar;
mod cli;
mod common;
mod complete;
mod dev;
mod emulate;
mod examples;
mod failed;
mod init;
mod input;
mod operate;
mod page;
mod plan;
mod playbook;
mod serve;
mod show;
mod signal;
mod terminal;

use std::process::ExitCode;

use mimalloc::MiMalloc;

use self::failed::Failed;

/// A decision makes and drops thousands of small things. The system's allocator gives the memory of each
/// decision back to the kernel and takes it again for the next, which cost as much as deciding. It is built
/// without huge pages, of which a process at rest would keep some that it does not use.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    // Where a shell asks how a line could go on, that is answered here, and nothing else is done.
    clap_complete::CompleteEnv::with_factory(|| complete::names(cli::command())).complete();
    let cli = match cli::parse() {
        Ok(cli) => cli,
        Err(error) => return cli::wrong_usage(&error),
    };
    if cli.common.json {
        show::tell_as_json();
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            return failed(&Failed::new(format_args!("the runtime cannot be started: {error}")));
        }
    };
    match runtime.block_on(cli::run(cli)) {
        Ok(code) => code,
        Err(why) => failed(&why),
    }
}

fn failed(why: &Failed) -> ExitCode {
    show::failed(why);
    why.exit_code()
}
