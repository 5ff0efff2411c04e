//! `--prometheus`: a real Prometheus and a real Alertmanager instead of the small watcher.
//!
//! Prometheus scrapes the gateway and, by way of a [`probe`] that stands for its blackbox exporter,
//! each member; a rule of its [`files`] finds the member that fails; Alertmanager sends its genuine
//! webhook to the functions.
//!
//! Both are the programs that are installed. They listen on free ports of 127.0.0.1, keep
//! everything in the run's folder, and end with the run: they are asked to when it stops, and
//! killed when it is dropped. If one ends by itself, a line says so.

mod files;
mod probe;
mod program;

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use pointsman_host::server::{self, Stop};
use tokio::task::JoinHandle;

pub(crate) use self::program::Installed;

use self::program::Program;
use super::{
    Failed, folder,
    functions::{BEARER_FILE, Functions},
    screen::{Screen, Tone},
    world::{Side, World},
};

/// How long either may take to end when it is asked to; after that it is killed.
const ENDED_WITHIN: Duration = Duration::from_secs(4);

/// How much later than the programs the run may hear of an interrupt.
const INTERRUPTED_WITHIN: Duration = Duration::from_millis(500);

/// Where the pages of both are.
#[derive(Clone, Debug)]
pub(super) struct Pages {
    pub(super) prometheus: String,
    pub(super) alertmanager: String,
}

/// Starts both, to watch the members of `pool`, and to tell the functions.
pub(super) async fn start(
    installed: &Installed,
    world: &World,
    pool: Side,
    functions: &Functions,
    screen: &Screen,
    stop: &Stop,
) -> Result<(JoinHandle<()>, Pages), Failed> {
    let folder = functions.folder.path();
    let sites = || world.sites.iter().filter(|site| site.side == pool);
    let asked = sites().map(|site| (site.backend.clone(), site.health())).collect();
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let (probe, _served) = server::serve(listen, probe::router(asked)?, stop).await?;

    let url = functions.webhook().url;
    folder::write_text(folder, files::ALERTMANAGER, &files::alertmanager(&url, BEARER_FILE))?;
    let (file, arguments) = (&installed.alertmanager, &files::ALERTMANAGER_ARGUMENTS);
    let alertmanager = Program::start(file, folder, arguments).await?;

    let gateway = world.azure.gateway_url();
    let members: Vec<&str> = sites().map(|site| site.backend.as_str()).collect();
    let scraped = files::Scraped { gateway: &gateway, probe, members: &members };
    let text = files::prometheus(pool, &scraped, &alertmanager.url);
    folder::write_text(folder, files::RULES, &files::rules(pool))?;
    folder::write_text(folder, files::PROMETHEUS, &text)?;
    let (file, arguments) = (&installed.prometheus, &files::PROMETHEUS_ARGUMENTS);
    let prometheus = Program::start(file, folder, arguments).await?;

    let pages =
        Pages { prometheus: prometheus.url.clone(), alertmanager: alertmanager.url.clone() };
    let task = tokio::spawn(attend(prometheus, alertmanager, screen.clone(), stop.clone()));
    Ok((task, pages))
}

/// Keeps both until a stop is asked for, and ends them then.
async fn attend(mut prometheus: Program, mut alertmanager: Program, screen: Screen, stop: Stop) {
    let ended = tokio::select! {
        () = stop.asked() => None,
        why = prometheus.ended() => Some(why),
        why = alertmanager.ended() => Some(why),
    };
    if let Some(why) = ended {
        // On a terminal, ctrl-c reaches them too, and they may be quicker.
        if tokio::time::timeout(INTERRUPTED_WITHIN, stop.asked()).await.is_err() {
            screen.say(Tone::Bad, format!("watch     {why}"));
            stop.asked().await;
        }
    }
    tokio::join!(prometheus.end(ENDED_WITHIN), alertmanager.end(ENDED_WITHIN));
}
