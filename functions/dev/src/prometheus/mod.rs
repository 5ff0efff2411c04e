//! `--prometheus`: a real Prometheus and a real Alertmanager instead of the small watcher.
//!
//! Prometheus scrapes the gateway and a page of ours that stands for a blackbox exporter: it asks each
//! member itself, past the gateway. A rule (see [`files`]) finds the member that fails, and
//! Alertmanager sends its genuine webhook to the functions.
//!
//! Both are the programs that are installed. They listen on free ports of 127.0.0.1, keep
//! everything in the run's folder, and end with the run: they are asked to when it stops, and
//! killed when it is dropped. If one ends by itself, a line says so.

mod program;

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::{Router, extract::State, routing::get};
use futures_util::future::join_all;
use pointsman_host::server::{self, Stop};
use reqwest::Client;
use tokio::task::JoinHandle;

pub(crate) use self::program::Installed;

use self::program::Program;
use super::{
    Failed, files,
    functions::Functions,
    screen::{BAD, Screen},
    site::Site,
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

/// What Alertmanager is started with. It is by itself: no other looks for it.
const ALERTMANAGER_ARGUMENTS: [&str; 3] =
    ["--config.file=alertmanager.yml", "--storage.path=alertmanager", "--cluster.listen-address="];

/// What Prometheus is started with. The last says how often an alert that goes on is told again.
const PROMETHEUS_ARGUMENTS: [&str; 3] = [
    "--config.file=prometheus.yml",
    "--storage.tsdb.path=prometheus",
    "--rules.alert.resend-delay=2s",
];

/// Starts both, to watch the members of the helped pool, and to tell the functions.
pub(super) async fn start(
    installed: &Installed,
    world: &Arc<World>,
    functions: &Functions,
    screen: &Screen,
    stop: &Stop,
) -> Result<(JoinHandle<()>, Pages), Failed> {
    let folder = functions.folder.path();
    let client = Client::builder().no_proxy().build()?;
    let probes =
        Router::new().route("/metrics", get(probes)).with_state((client, Arc::clone(world)));
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let (probe, _served) = server::serve(listen, probes, stop).await?;

    files::ALERTMANAGER.write(folder, &[("webhook", &functions.webhook().url)])?;
    let file = &installed.alertmanager;
    let alertmanager = Program::start(file, folder, &ALERTMANAGER_ARGUMENTS).await?;

    let gateway = world.azure.gateway_url();
    files::RULES.write(folder, &[])?;
    let asked = [
        ("gateway", address(&gateway)),
        ("probe", &probe.to_string()),
        ("alertmanager", address(&alertmanager.url)),
    ];
    files::PROMETHEUS.write(folder, &asked)?;
    let file = &installed.prometheus;
    let prometheus = Program::start(file, folder, &PROMETHEUS_ARGUMENTS).await?;

    let pages =
        Pages { prometheus: prometheus.url.clone(), alertmanager: alertmanager.url.clone() };
    let task = tokio::spawn(attend(prometheus, alertmanager, screen.clone(), stop.clone()));
    Ok((task, pages))
}

/// The host and port of a URL.
fn address(url: &str) -> &str {
    url.trim_start_matches("http://")
}

/// Asks the members themselves, and says for Prometheus whether that went well.
async fn probes(State((client, world)): State<(Client, Arc<World>)>) -> String {
    let probe = async |site: &Site| {
        let (pool, backend) = (site.side, &site.backend);
        let well = u8::from(site.answers_well(&client).await);
        format!("probe_success{{pool=\"{pool}\",backend=\"{backend}\"}} {well}\n")
    };
    // At the same time: a scrape has only a second.
    let probes = join_all(world.members(Side::Helped).map(probe)).await;
    format!("# TYPE probe_success gauge\n{}", probes.concat())
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
            screen.say(BAD, format!("watch     {why}"));
            stop.asked().await;
        }
    }
    tokio::join!(prometheus.end(ENDED_WITHIN), alertmanager.end(ENDED_WITHIN));
}
