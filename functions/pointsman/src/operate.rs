//! What operators ask and tell: status, explain, history, letters; pause, resume, undo, release.
//!
//! Asking reads the store. Telling puts a command into the queue, where it takes its place among
//! the signals; whoever takes messages out of it, carries it out. Where no `serve` is running, that
//! is this process, for as long as it takes.

use std::{process::ExitCode, time::Duration};

use clap::{Args, Subcommand};
use jiff::Timestamp;
use pointsman_core::{
    document::{Document, Outcome},
    id::OverrideId,
    ledger::Line,
    names::BackendId,
    overrides::Override,
};
use pointsman_engine::{
    engine::load,
    message::{Command, Outgoing},
};
use pointsman_host::{
    Parts,
    server::Stop,
    wiring::{Role, WiringError},
};
use pointsman_queue::ConsumerError;
use serde_json::json;

use crate::{
    cli::{Common, Failed},
    show,
};

/// How many documents' lines `explain` shows.
const EXPLAIN_LINES: usize = 12;

/// How often the store is looked at for the effect of a command.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Who asks.
#[derive(Clone, Debug, Args)]
pub(crate) struct By {
    /// Who it is that asks, for the ledger.
    #[arg(long, env = "USER", default_value = "operator", value_name = "NAME", hide_env_values = true)]
    by: String,
}

impl By {
    pub(crate) fn name(&self) -> String {
        self.by.clone()
    }
}

/// Who asks, and why.
#[derive(Clone, Debug, Args)]
pub(crate) struct Reason {
    /// Why, for the ledger and for whoever comes next.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    by: By,
}

/// Which backend.
#[derive(Clone, Debug, Args)]
pub(crate) struct Which {
    /// A pool of the playbook, a backend's name, `service/name`, or its Azure path.
    backend: String,
}

/// What `history` takes.
#[derive(Clone, Debug, Args)]
pub(crate) struct HistoryOptions {
    /// Only what is about this backend.
    backend: Option<String>,
    /// How many lines, the newest.
    #[arg(short = 'n', long, default_value_t = 50, value_name = "NUMBER")]
    lines: usize,
}

/// What `undo` takes.
#[derive(Clone, Debug, Args)]
pub(crate) struct UndoOptions {
    /// An override's id, or the beginning of one; or a backend.
    what: String,
    #[command(flatten)]
    reason: Reason,
}

/// What `release` takes.
#[derive(Clone, Debug, Args)]
pub(crate) struct ReleaseOptions {
    /// Everything: nothing less can be released.
    #[arg(long, required = true)]
    all: bool,
    /// How long to wait until every backend is seen restored, in seconds.
    #[arg(long, default_value_t = 120, value_name = "SECONDS")]
    within: u64,
    /// Why, for the ledger.
    #[arg(long, default_value = "release --all", value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    by: By,
}

/// What can be done with letters.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum LettersCommand {
    /// Show them.
    List,
    /// Take one out, for good.
    Drop {
        /// Its id.
        id: String,
    },
}

/// Finds the backend that a person means.
async fn find(parts: &Parts, text: &str) -> Result<BackendId, Failed> {
    if let Ok(id) = text.parse::<BackendId>() {
        return Ok(id);
    }
    let mut known: Vec<(BackendId, Option<String>)> = Vec::new();
    if let Some(published) = parts.store.published().await?
        && let Ok(loaded) = load(&published)
    {
        let pools = &loaded.playbook.pools;
        known.extend(pools.iter().map(|(alias, pool)| (pool.backend.clone(), Some(alias.to_string()))));
    }
    for document in parts.store.documents().await? {
        if !known.iter().any(|(backend, _)| *backend == document.body.backend) {
            known.push((document.body.backend, None));
        }
    }
    let mut means: Vec<&BackendId> = known
        .iter()
        .filter(|(backend, alias)| {
            alias.as_deref() == Some(text)
                || backend.name.as_str().eq_ignore_ascii_case(text)
                || backend.short().eq_ignore_ascii_case(text)
        })
        .map(|(backend, _)| backend)
        .collect();
    means.dedup();
    match means.as_slice() {
        [one] => Ok((*one).clone()),
        [] => {
            let names: Vec<String> = known
                .iter()
                .map(|(backend, alias)| alias.clone().unwrap_or_else(|| backend.short()))
                .collect();
            let known = if names.is_empty() { "none yet".to_owned() } else { names.join(", ") };
            Err(Failed(format!("no backend is called {text}; known are: {known}")))
        }
        several => {
            let names: Vec<String> = several.iter().map(|backend| backend.short()).collect();
            Err(Failed(format!("{text} could be any of {}", names.join(", "))))
        }
    }
}

pub(crate) async fn status(common: &Common) -> Result<ExitCode, Failed> {
    let parts = common.parts().await?;
    let group = parts.store.group().await?.body;
    let published = parts.store.published().await?;
    let documents: Vec<Document> =
        parts.store.documents().await?.into_iter().map(|document| document.body).collect();
    let waiting = parts.queue.depth().await?;
    let letters = parts.store.letters(usize::MAX).await?.len();
    let number = published.as_ref().map(|published| published.number);
    if common.json {
        return show::json(&json!({
            "paused": group.paused, "generation": number, "waiting": waiting, "letters": letters,
            "backends": documents,
        }));
    }
    let now = parts.clock.now();
    match number {
        Some(number) => print!("playbook generation {number}"),
        None => print!("no playbook is published"),
    }
    println!("; {} waiting; {}", show::count(to_usize(waiting), "message"), show::count(letters, "letter"));
    if let Some(pause) = &group.paused {
        println!("PAUSED since {} by {}: {}", pause.at, pause.by, pause.reason);
    }
    let busy: Vec<&Document> = documents.iter().filter(|document| !document.is_at_rest()).collect();
    if busy.is_empty() {
        println!("no overrides; every backend is as its owner left it");
    }
    for document in busy {
        println!("\n{}", document.backend.short());
        print_document(document, now);
    }
    Ok(ExitCode::SUCCESS)
}

fn to_usize(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn print_document(document: &Document, now: Timestamp) {
    if let Some(trouble) = &document.trouble {
        println!("  TROUBLE for {}: {}", show::length(now.duration_since(trouble.since)), trouble.why);
    }
    if !document.overrides.is_empty() {
        let mut table = show::table(&["override", "effect", "play", "alert", "standing"]);
        for over in document.overrides.values() {
            table.add_row([
                over.id.to_string(),
                over.effect.to_string(),
                over.play.to_string(),
                format!("{} ({})", over.series, over.severity),
                show::standing(over, now),
            ]);
        }
        println!("{}", show::indented(&table.to_string()));
    }
    for intent in &document.intents {
        let open = show::length(now.duration_since(intent.at));
        println!("  write {} is without an answer for {open}", intent.id);
    }
    for reconnect in document.reconnects.values() {
        let target = reconnect.target.short();
        match &reconnect.outcome {
            None => println!("  reconnect of {target} at {}", reconnect.due),
            Some(Outcome::Accepted { due, .. }) => println!("  reconnect of {target} accepted, due at {due}"),
            Some(Outcome::Refused { why, .. }) => println!("  reconnect of {target} refused: {why}"),
            Some(Outcome::Unknown { .. }) => println!("  reconnect of {target}: no answer, not asked again"),
        }
    }
}

pub(crate) async fn explain(common: &Common, which: &Which) -> Result<ExitCode, Failed> {
    let parts = common.parts().await?;
    let backend = find(&parts, &which.backend).await?;
    let document = parts.store.document(&backend).await?.map(|document| document.body);
    let lines = parts.store.history(Some(&backend), EXPLAIN_LINES).await?;
    if common.json {
        return show::json(&json!({"backend": backend, "document": document, "lines": lines}));
    }
    println!("{backend}");
    match &document {
        None => println!("nothing was ever heard for it; it is as its owner left it"),
        Some(document) => {
            let now = parts.clock.now();
            if document.is_at_rest() {
                println!("no override is in force; it is as its owner left it");
            }
            print_document(document, now);
            print_fields(document);
        }
    }
    println!("\nlast of its ledger:");
    print_lines(&lines);
    Ok(ExitCode::SUCCESS)
}

fn print_fields(document: &Document) {
    if !document.owned.is_empty() {
        println!("\nfields that are changed at present:");
        let mut table = show::table(&["field", "its owner left", "we wrote"]);
        for (field, owned) in &document.owned {
            table.add_row([field.to_string(), owned.baseline.to_string(), owned.written.to_string()]);
        }
        println!("{}", show::indented(&table.to_string()));
    }
    for (field, ids) in &document.yielded {
        let ids: Vec<&str> = ids.iter().map(|id| id.as_str()).collect();
        println!("{field} was given up to someone else's write, by {}", ids.join(", "));
    }
}

fn print_lines(lines: &[Line]) {
    for line in lines {
        let at = line.at.strftime("%Y-%m-%d %H:%M:%S%.3fZ");
        match &line.backend {
            Some(backend) => println!("{at}  {}: {}", backend.short(), line.what),
            None => println!("{at}  {}", line.what),
        }
    }
}

pub(crate) async fn history(common: &Common, options: &HistoryOptions) -> Result<ExitCode, Failed> {
    let parts = common.parts().await?;
    let backend = match &options.backend {
        Some(text) => Some(find(&parts, text).await?),
        None => None,
    };
    let lines = parts.store.history(backend.as_ref(), options.lines).await?;
    if common.json {
        return show::json(&lines);
    }
    print_lines(&lines);
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn letters(common: &Common, command: LettersCommand) -> Result<ExitCode, Failed> {
    let parts = common.parts().await?;
    match command {
        LettersCommand::List => {
            let letters = parts.store.letters(usize::MAX).await?;
            if common.json {
                return show::json(&letters);
            }
            for letter in letters {
                println!("{}  {}  from {}: {}", letter.id, letter.at, letter.from, letter.reason);
                println!("{}", show::indented(&letter.body));
            }
            Ok(ExitCode::SUCCESS)
        }
        LettersCommand::Drop { id } => {
            if parts.store.drop_letter(&id).await? {
                Ok(ExitCode::SUCCESS)
            } else {
                Err(Failed(format!("there is no letter {id}")))
            }
        }
    }
}

/// A command on its way: what it takes to see it carried out.
struct Told {
    parts: Parts,
    /// The loop that carries commands out, where no other process does.
    here: Option<(Stop, tokio::task::JoinHandle<()>)>,
}

impl Told {
    /// Puts a command into the queue, and sees to it that someone takes it out.
    async fn send(common: &Common, by: &By, command: Command) -> Result<Self, Failed> {
        let (config, mode) = (common.config()?, common.mode());
        let (parts, here) = match Parts::open(&config, mode, Role::Consumer).await {
            Ok(parts) => {
                let stop = Stop::default();
                let task = tokio::spawn(pointsman_reconcile::run(parts.clone(), stop.clone()));
                (parts, Some((stop, task)))
            }
            // A `serve` runs on this store.
            Err(WiringError::Queue(ConsumerError::AlreadyConsumed(_))) => {
                (Parts::open(&config, mode, Role::Producer).await?, None)
            }
            Err(error) => return Err(error.into()),
        };
        let nonce = uuid::Uuid::now_v7().to_string();
        parts.queue.send(Outgoing::command(&by.by, command, &nonce)).await?;
        Ok(Self { parts, here })
    }

    /// Waits until what was told is seen in the store.
    async fn until(
        self,
        within: Duration,
        seen: impl AsyncFn(&Parts) -> Result<bool, Failed>,
    ) -> Result<bool, Failed> {
        let done = tokio::time::timeout(within, async {
            while !seen(&self.parts).await? {
                tokio::time::sleep(LOOK_EVERY).await;
            }
            Ok::<(), Failed>(())
        })
        .await;
        if let Some((stop, task)) = self.here {
            self.parts.engine.idle().await;
            stop.ask();
            task.await?;
        }
        self.parts.close().await;
        match done {
            Ok(seen) => seen.map(|()| true),
            Err(_) => Ok(false),
        }
    }
}

/// How long a command may take to be taken in.
const TAKEN_WITHIN: Duration = Duration::from_secs(30);

fn report(common: &Common, done: bool, text: &str) -> Result<ExitCode, Failed> {
    if !done {
        return Err(Failed(format!(
            "not done within {} s; it waits in the queue, and `pointsman status` shows what becomes of it",
            TAKEN_WITHIN.as_secs()
        )));
    }
    if common.json {
        return show::json(&json!({"done": true}));
    }
    println!("{text}");
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn pause(common: &Common, reason: Reason) -> Result<ExitCode, Failed> {
    let told = Told::send(common, &reason.by, Command::Pause { reason: reason.reason }).await?;
    let done = told
        .until(TAKEN_WITHIN, async |parts: &Parts| Ok(parts.store.group().await?.body.paused.is_some()))
        .await?;
    report(common, done, "paused: nothing is written to Azure until `pointsman resume`")
}

pub(crate) async fn resume(common: &Common, by: By) -> Result<ExitCode, Failed> {
    let told = Told::send(common, &by, Command::Resume).await?;
    let done = told
        .until(TAKEN_WITHIN, async |parts: &Parts| Ok(parts.store.group().await?.body.paused.is_none()))
        .await?;
    report(common, done, "resumed")
}

/// An override whose id begins like that; none where none does.
fn override_of(documents: &[Document], text: &str) -> Result<Option<(BackendId, OverrideId)>, Failed> {
    let of = |document: &Document| -> Vec<(BackendId, OverrideId)> {
        let ids = document.overrides.keys().filter(|id| id.as_str().starts_with(text));
        ids.map(|id| (document.backend.clone(), id.clone())).collect()
    };
    let found: Vec<_> = documents.iter().flat_map(of).collect();
    match found.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(one.clone())),
        several => {
            let ids: Vec<&str> = several.iter().map(|(_, id)| id.as_str()).collect();
            Err(Failed(format!("{text} could be any of {}", ids.join(", "))))
        }
    }
}

pub(crate) async fn undo(common: &Common, options: UndoOptions) -> Result<ExitCode, Failed> {
    let parts = common.parts().await?;
    let documents: Vec<Document> =
        parts.store.documents().await?.into_iter().map(|document| document.body).collect();
    if parts.store.group().await?.body.paused.is_some() {
        eprintln!("Pointsman is paused: what is undone is written to Azure after `pointsman resume`");
    }
    let reason = options.reason.reason;
    let (command, backend, id) = match override_of(&documents, &options.what)? {
        Some((backend, id)) => {
            let command = Command::UndoOverride { backend: backend.clone(), id: id.clone(), reason };
            (command, backend, Some(id))
        }
        None => {
            let backend = find(&parts, &options.what).await.map_err(|Failed(text)| {
                Failed(format!("{} is no override in force, and {text}", options.what))
            })?;
            (Command::UndoBackend { backend: backend.clone(), reason }, backend, None)
        }
    };
    parts.close().await;
    let told = Told::send(common, &options.reason.by, command).await?;
    let done = told
        .until(TAKEN_WITHIN, async |parts: &Parts| {
            let Some(document) = parts.store.document(&backend).await? else { return Ok(true) };
            let overrides = document.body.overrides;
            Ok(match &id {
                Some(id) => overrides.get(id).is_none_or(Override::has_ended),
                None => overrides.values().all(Override::has_ended),
            })
        })
        .await?;
    report(common, done, "undone; `pointsman explain` shows what was restored")
}

pub(crate) async fn release(common: &Common, options: ReleaseOptions) -> Result<ExitCode, Failed> {
    let parts = common.parts().await?;
    if let Some(pause) = parts.store.group().await?.body.paused {
        return Err(Failed(format!(
            "Pointsman is paused ({}, by {}), and nothing is written under a pause: `pointsman resume` first",
            pause.reason, pause.by
        )));
    }
    parts.close().await;
    let told = Told::send(common, &options.by, Command::ReleaseAll { reason: options.reason }).await?;
    let restored = told
        .until(Duration::from_secs(options.within), async |parts: &Parts| Ok(!busy(parts).await?))
        .await?;
    if restored {
        return report(common, true, "released: every backend is as its owner left it");
    }
    let parts = common.parts().await?;
    let documents = parts.store.documents().await?;
    let left = documents.iter().filter(|document| !document.body.is_at_rest());
    let left: Vec<String> = left
        .map(|document| {
            let why = document.body.trouble.as_ref().map(|trouble| format!(" ({})", trouble.why));
            format!("{}{}", document.body.backend.short(), why.unwrap_or_default())
        })
        .collect();
    Err(Failed(format!(
        "not restored within {} s: {}; it goes on while `serve` runs, and `release --all` can be called again",
        options.within,
        left.join(", ")
    )))
}

/// Whether any backend is not at rest.
async fn busy(parts: &Parts) -> Result<bool, Failed> {
    Ok(parts.store.documents().await?.iter().any(|document| !document.body.is_at_rest()))
}
