//! `pointsman dev`: everything in one process against an emulated Azure, with a story that shows
//! what it is for.
//!
//! Two equal pools behind a gateway that really routes, equal traffic through both, and a member of
//! each that fails at the same moment: first all of its requests, and later another one some of them.
//! One pool has a playbook; the other one shows what happens without. The parts talk to each other as they would anywhere else, over HTTP: callers to the
//! gateway, the watcher to the alerts' webhook, the functions to Azure.
//!
//! | module | is |
//! |---|---|
//! | [`world`], [`site`] | the emulated Azure, its pools, and their members |
//! | [`traffic`], [`tally`] | the callers, and what they count |
//! | [`watcher`] | what stands for Prometheus and Alertmanager |
//! | [`prometheus`] | Prometheus and Alertmanager themselves, where that is asked for |
//! | [`ear`] | what was heard of alerts, whoever watches |
//! | [`functions`] | Pointsman itself, with its files |
//! | [`files`] | the files that it writes |
//! | [`folder`] | where they are: for the run, or kept for the next one |
//! | [`story`] | what happens, and what is waited for |
//! | [`narrate`], [`live`], [`table`], [`screen`] | what one sees |
//! | [`summary`] | what was measured |
//! | [`hold`] | what to try afterwards |
//!
//! With `--state`, everything is kept in a folder, and a run that finds something there goes on with it
//! instead of telling the story: the overrides in force, every body and ETag, the members that fail.
//!
//! Guarantees: it ends within 90 s of its start unless it is to `--hold`; it stops what it started
//! and removes what it wrote, also on ctrl-c and where nobody reads its output any more; it exits with
//! 0 only if everything happened as told.

mod ear;
mod files;
mod folder;
mod functions;
mod hold;
mod live;
mod narrate;
mod prometheus;
mod screen;
mod site;
mod story;
mod summary;
mod table;
mod tally;
mod traffic;
mod watcher;
mod world;

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use clap::Args;
use pointsman_host::{
    Config,
    server::{self, Stop},
};
use tokio::{
    sync::watch,
    task::{JoinHandle, JoinSet},
};

pub use self::functions::{Serving, Wrap};

use self::{
    ear::Ear,
    folder::Folder,
    functions::Functions,
    narrate::Done,
    prometheus::{Installed, Pages},
    screen::{PLAIN, Screen},
    story::{Heard, Story},
    summary::Measured,
    traffic::Traffic,
    world::World,
};

/// Why a run failed.
pub type Failed = Box<dyn std::error::Error + Send + Sync>;

/// How long stopping may take.
const STOPPED_WITHIN: Duration = Duration::from_secs(6);

/// How long after the functions' start the maintenance window of the story opens, at the least.
const OPENS_AFTER: Duration = Duration::from_secs(5);

/// What a shell gives for a process that was interrupted.
const INTERRUPTED: u8 = 130;

/// What a shell gives for a process that wrote where nobody reads any more.
const CLOSED: u8 = 141;

/// What `dev` takes.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// Keep everything running until ctrl-c, and show what to try.
    #[arg(long)]
    hold: bool,
    /// Keep the state in this folder, and continue with what the last run left there.
    #[arg(long, value_name = "FOLDER", requires = "hold")]
    state: Option<PathBuf>,
    /// Any number: it decides where the gateway's rotation starts and how fast each member answers.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// Use the installed Prometheus and Alertmanager instead of the small built-in watcher.
    #[arg(long)]
    prometheus: bool,
}

/// Everything that was started.
struct Stage {
    world: Arc<World>,
    functions: Functions,
    traffic: Traffic,
    watching: JoinHandle<()>,
    /// Where Prometheus and Alertmanager are, if they watch.
    pages: Option<Pages>,
    heard: Heard,
    /// What only tells of things; ends when it is dropped.
    telling: JoinSet<()>,
    stop: Stop,
}

/// Shows everything, on functions that `serve` starts by a configuration. With `json`, what was
/// measured is printed as JSON, and all else goes to standard error.
///
/// # Errors
/// When a part cannot be started or stopped.
pub async fn run(
    options: &Options,
    json: bool,
    serve: impl AsyncFnOnce(Config, Wrap) -> Result<Serving, Failed>,
) -> Result<ExitCode, Failed> {
    let started = Instant::now();
    let screen = Screen::new(started, json);
    let interrupt = Stop::default();
    let (signalled, hung_up) = (Stop::signals()?, Stop::hang_up()?);
    tokio::spawn({
        let (interrupt, closed) = (interrupt.clone(), screen.closed().asked());
        async move {
            tokio::select! {
                () = signalled => {}
                () = hung_up => {}
                () = closed => {}
            }
            interrupt.ask();
        }
    });
    let stage = tokio::select! {
        biased;
        // What was started by then stops when it is dropped.
        () = interrupt.asked() => return Ok(interrupted(&screen)),
        stage = Stage::start(options, &screen, serve) => stage?,
    };
    let told = match stage.functions.opens {
        // It goes on with what another run has begun.
        None => Some(ExitCode::SUCCESS),
        Some(opens) => tokio::select! {
            biased;
            () = interrupt.asked() => None,
            measured = Story::new(&stage, &screen, (started, opens), options.seed).play() => {
                Some(report(&measured, &screen, json)?)
            }
        },
    };
    if told.is_some() && options.hold {
        stage.hold(&screen, &interrupt).await?;
    }
    screen.leave();
    if interrupt.is_asked() {
        let kept = if options.state.is_some() { "; the state stays for the next run" } else { "" };
        screen.say(PLAIN, format!("stop      interrupted{kept}"));
    }
    stage.stop().await?;
    Ok(told.unwrap_or_else(|| interrupted(&screen)))
}

/// Prints what was measured; gives the exit code that says whether everything happened as told.
fn report(measured: &Measured, screen: &Screen, json: bool) -> Result<ExitCode, Failed> {
    if json {
        screen.report(&serde_json::to_string_pretty(&measured.json())?);
    } else {
        screen.print(&measured.text());
    }
    let as_told = measured.faults().is_empty();
    Ok(if as_told { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The exit code of a run that was ended before its end.
fn interrupted(screen: &Screen) -> ExitCode {
    ExitCode::from(if screen.closed().is_asked() { CLOSED } else { INTERRUPTED })
}

impl Stage {
    /// Starts everything, in the order in which each needs the one before.
    async fn start(
        options: &Options,
        screen: &Screen,
        serve: impl AsyncFnOnce(Config, Wrap) -> Result<Serving, Failed>,
    ) -> Result<Self, Failed> {
        // What is missing is told before anything is started.
        let installed = options.prometheus.then(Installed::find).transpose()?;
        let stop = Stop::default();
        let folder = Folder::open(options.state.as_deref())?;
        let world = Arc::new(World::start(options.seed, folder.kept()).await?);
        let gateway = world.azure.gateway_url();
        let text = if world.goes_on {
            "start     the emulated API Management, as it was left"
        } else {
            "start     an emulated API Management: two equal pools of three members"
        };
        screen.say(PLAIN, text);
        let ear = Ear::new(screen);
        let told = ear.told();
        let wrap: Wrap = Box::new(move |router| ear.listening(router));
        // Prometheus and Alertmanager take a while to start.
        let opens_after = if installed.is_some() { OPENS_AFTER * 2 } else { OPENS_AFTER };
        let functions = Functions::start(&world, folder, opens_after, wrap, serve).await?;
        let text = "start     the functions, with a playbook for one of the pools: `helped`";
        screen.say(PLAIN, text);
        let (watching, pages) = match &installed {
            Some(installed) => {
                let text = "start     a Prometheus that scrapes the gateway, and an Alertmanager";
                screen.say(PLAIN, text);
                let started = prometheus::start(installed, &world, &functions, screen, &stop);
                let (watching, pages) = started.await?;
                (watching, Some(pages))
            }
            None => {
                let (webhook, kept) = (functions.webhook(), functions.folder.kept());
                let screen = screen.clone();
                let started = watcher::start(&world, webhook, kept, screen, &stop);
                (started?, None)
            }
        };
        let traffic = Traffic::start(&gateway, &stop)?;
        let mut telling = JoinSet::new();
        let store = &functions.serving.store;
        let (done, receiver) = watch::channel(Done::default());
        let heard = Heard { told, done: receiver };
        telling.spawn(narrate::azure(Arc::clone(&world), heard.told.clone(), done, screen.clone()));
        telling.spawn(narrate::ledger(Arc::clone(store), screen.clone()));
        if screen.is_live() {
            let (store, theirs) = (Arc::clone(store), functions.theirs.clone());
            telling.spawn(live::draw(Arc::clone(&world), store, theirs, screen.clone()));
        }
        Ok(Self { world, functions, traffic, watching, pages, heard, telling, stop })
    }

    /// Says what to try, and keeps everything up until it is interrupted.
    async fn hold(&self, screen: &Screen, interrupt: &Stop) -> Result<(), Failed> {
        let router = hold::router(&self.world, screen);
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let (door, _served) = server::serve(listen, router, &self.stop).await?;
        let program = std::env::current_exe()?;
        let (folder, azure) = (&self.functions.folder, &self.world.azure);
        let program = program.parent().unwrap_or(Path::new(".")).display().to_string();
        let places = [
            ("program", &*program),
            ("folder", &folder.path().display().to_string()),
            ("door", &format!("http://{door}")),
            ("gateway", &azure.gateway_url()),
            ("azure", &azure.arm_url()),
            ("functions", &format!("http://{}", self.functions.serving.address)),
        ];
        screen.print(&files::TRY.filled(&places));
        if let Some(Pages { prometheus, alertmanager }) = &self.pages {
            screen.print(
                &files::PAGES.filled(&[("prometheus", prometheus), ("alertmanager", alertmanager)]),
            );
        }
        screen.stage("Everything stays up until ctrl-c.");
        interrupt.asked().await;
        Ok(())
    }

    /// Stops everything, in the reverse order.
    async fn stop(self) -> Result<(), Failed> {
        let Self { world, functions, traffic, watching, mut telling, stop, .. } = self;
        stop.ask();
        telling.shutdown().await;
        let orderly = async {
            let _ = watching.await;
            traffic.stopped().await;
            let stopped = functions.stop().await;
            world.stop().await;
            stopped
        };
        match tokio::time::timeout(STOPPED_WITHIN, orderly).await {
            Ok(stopped) => stopped,
            // What is not done by then is dropped, files and all.
            Err(_) => {
                Err(Failed::from("not everything stopped in time; what still ran was cut off"))
            }
        }
    }
}
