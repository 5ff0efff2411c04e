//! `pointsman plan`: what would happen, were a signal heard now.

use std::{fs, io::Read as _, path::PathBuf, process::ExitCode};

use clap::Args;
use pointsman_core::names::SourceName;
use pointsman_engine::{
    Engine, Loaded,
    engine::load,
    plan::{BackendPlan, Plan},
    ports::Published,
};
use pointsman_intake::{BODY_BYTES_MAX, alertmanager};

use crate::{
    cli::{Common, Failed},
    playbook, show,
};

/// What `plan` takes.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// The signal: the body of an Alertmanager webhook; `-` reads standard input.
    #[arg(long, value_name = "FILE")]
    signal: PathBuf,
    /// From which source it comes; the first that is configured, if none is named.
    #[arg(long, value_name = "NAME")]
    source: Option<SourceName>,
    /// Plan by this playbook, and not by the one in force.
    #[arg(long, value_name = "FILE")]
    playbook: Option<PathBuf>,
}

pub(crate) async fn command(common: &Common, options: &Options) -> Result<ExitCode, Failed> {
    let config = common.config()?;
    let source = match (&options.source, config.sources.first()) {
        (Some(named), _) => named.clone(),
        (None, Some(first)) => first.name.clone(),
        (None, None) => "alertmanager".parse()?,
    };
    let body = read(&options.signal)?;
    let parts = common.parts().await?;
    let batch = alertmanager::read(&source, &body, parts.clock.now())
        .map_err(|error| Failed(format!("{}: {error}", options.signal.display())))?;
    for letter in &batch.letters {
        eprintln!("an alert cannot be used and would be kept as a letter: {}", letter.reason);
    }
    let loaded = in_force(&parts.engine, config.playbook.as_ref(), options.playbook.as_ref()).await?;
    let plan = parts.engine.plan(&batch.signals, &loaded).await?;
    if common.json {
        return show::json(&plan);
    }
    print(&plan);
    Ok(ExitCode::SUCCESS)
}

fn read(path: &std::path::Path) -> Result<Vec<u8>, Failed> {
    let cannot = |error| Failed(format!("{}: {error}", path.display()));
    if path.as_os_str() != "-" {
        return fs::read(path).map_err(cannot);
    }
    let mut body = Vec::new();
    let most = BODY_BYTES_MAX as u64 + 1;
    std::io::stdin().lock().take(most).read_to_end(&mut body).map_err(cannot)?;
    Ok(body)
}

/// The playbook to plan by: the one named, else the one in force, else the configured one.
async fn in_force(
    engine: &Engine,
    configured: Option<&PathBuf>,
    named: Option<&PathBuf>,
) -> Result<Loaded, Failed> {
    let published = engine.store().published().await?;
    let published = match (named, published, configured) {
        (Some(path), newest, _) => of_file(path, newest.map_or(1, |newest| newest.number + 1))?,
        (None, Some(newest), _) => newest,
        (None, None, Some(path)) => of_file(path, 1)?,
        (None, None, None) => return Err(Failed("there is no playbook; name one with --playbook".to_owned())),
    };
    Ok(load(&published)?)
}

fn of_file(path: &std::path::Path, number: u64) -> Result<Published, Failed> {
    let text = playbook::read_file(path)?;
    Ok(Published { number, text, at: jiff::Timestamp::UNIX_EPOCH, by: String::new() })
}

fn print(plan: &Plan) {
    for heard in &plan.heard {
        println!("{heard}");
    }
    if plan.backends.is_empty() {
        println!("no backend would change: no play matches, or nothing new is said");
    }
    for backend in &plan.backends {
        print_backend(backend);
    }
}

fn print_backend(plan: &BackendPlan) {
    println!("\n{}", plan.backend.short());
    if let Some(why) = &plan.unseen {
        println!("  it cannot be read now: {why}");
    }
    for over in &plan.overrides {
        println!("  {}  {} (play {}): {}", over.id, over.effect, over.play, over.verdict);
    }
    if plan.changes.is_empty() && plan.unseen.is_none() {
        println!("  nothing would be written");
    }
    if !plan.changes.is_empty() {
        let mut table = show::table(&["field", "is", "would be"]);
        for change in &plan.changes {
            let cells = [change.field.to_string(), change.before.to_string(), change.after.to_string()];
            table.add_row(cells);
        }
        println!("{}", show::indented(&table.to_string()));
    }
}
