//! What `cargo xtask bench` runs: how fast and how small Pointsman is, in one run and as ratios.
//!
//! The measured Pointsman is the real program beside this one, as `pointsman serve`, against an
//! emulated Azure that has threads of its own in this process. What it is held against is a bare
//! forwarder ([`forwarder`]), another process of this program, of the same profile: the least that
//! a durable way from a webhook to a write needs. The contestants take turns in one run, so that
//! what else the machine does hits all of them.
//!
//! A figure that misses its goal is shown as missed and fails nothing, for this is no test; the
//! exit status tells of what did not work at all.

mod azure;
mod child;
mod core;
mod crowd;
mod error;
mod forwarder;
mod latency;
mod machine;
mod memory;
mod playbook;
mod report;
mod start;
mod throughput;
mod webhook;
mod world;

use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use mimalloc::MiMalloc;

use crate::{azure::Azure, error::Failed, report::Report};

/// What is measured in this process has the program's allocator; so has the forwarder.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Measures Pointsman.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask bench", args_conflicts_with_subcommands = true)]
struct Cli {
    /// What to measure; everything where nothing is named.
    subjects: Vec<Subject>,
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
    #[command(subcommand)]
    part: Option<Part>,
}

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Subject {
    /// What the core takes to decide, without IO.
    Core,
    /// Webhook in to PATCH received, beside the forwarders.
    Latency,
    /// Distinct alerts over many pools, until all of them are drained.
    Throughput,
    /// At rest, and in a storm of webhooks.
    Memory,
    /// Twenty thousand alerts over one pool, fired and resolved.
    Crowd,
    /// Reading as large a playbook as there may be.
    Playbook,
    /// From its start to its first answer.
    Start,
}

impl Subject {
    const ALL: [Self; 7] = [
        Self::Core,
        Self::Latency,
        Self::Throughput,
        Self::Memory,
        Self::Crowd,
        Self::Playbook,
        Self::Start,
    ];
}

/// The other processes of a run.
#[derive(Debug, Subcommand)]
enum Part {
    /// Be the bare forwarder.
    #[command(hide = true)]
    Forwarder(forwarder::Options),
}

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failed(text)) => {
            eprintln!("bench: {text}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<(), Failed> {
    if let Some(Part::Forwarder(options)) = &cli.part {
        // As many threads as the measured program has by default.
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        return runtime.block_on(forwarder::run(options));
    }
    let subjects = if cli.subjects.is_empty() { Subject::ALL.to_vec() } else { cli.subjects };
    // One thread sends and waits: it must not compete with what it measures.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let report = runtime.block_on(measure(&subjects))?;
    if cli.json {
        println!("{}", report.json());
    } else {
        print!("{report}");
    }
    Ok(())
}

async fn measure(subjects: &[Subject]) -> Result<Report, Failed> {
    let mut report = Report::new(machine::look()?);
    for subject in Subject::ALL.into_iter().filter(|subject| subjects.contains(subject)) {
        // For whoever waits: standard output is for the figures alone.
        eprintln!("measuring {} ...", format!("{subject:?}").to_lowercase());
        let azure = Azure::start()?;
        let figures = match subject {
            Subject::Core => core::measure(),
            Subject::Latency => latency::measure(&azure).await,
            Subject::Throughput => throughput::measure(&azure).await,
            Subject::Memory => memory::measure(&azure).await,
            Subject::Crowd => crowd::measure(&azure).await,
            Subject::Playbook => playbook::measure(&azure).await,
            Subject::Start => start::measure(&azure).await,
        };
        report.add(figures?);
    }
    Ok(report)
}
