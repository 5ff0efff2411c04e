//! The functions, as `serve` runs them, against the emulated Azure; and their files.
//!
//! The configuration and the playbook are real files in a folder of their own, and the functions
//! are started from these files, so that every other command works on the same ones in another
//! terminal. Where the folder is kept, the store goes on in it, and the token that proves who sends
//! alerts stays the same.

use std::{
    fs,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::Router;
use jiff::Timestamp;
use pointsman_core::names::BackendId;
use pointsman_engine::ports::Store;
use pointsman_host::{Config, config::Needs};

use super::{
    Failed, files,
    folder::{self, Folder},
    watcher::{self, Webhook},
    world::{Side, World},
};

/// The steps in which the playbook gives weight back, in percent.
pub(super) const RAMP_PERCENT: [u32; 3] = [10, 50, 100];

/// How many failures trip a circuit breaker that the playbook tightens.
pub(super) const TIGHTENED_COUNT: u64 = 3;

/// How long the playbook's maintenance window is open.
pub(super) const WINDOW_LASTS: Duration = Duration::from_secs(6);

/// The source's name in the configuration.
const SOURCE: &str = "alertmanager";

/// The file with the token that proves who sends alerts.
const BEARER_FILE: &str = "alert-token";

/// The file with the body of a webhook, to plan by.
const SIGNAL_FILE: &str = "alert.json";
/// The file with the body of a write by someone else.
const FOREIGN_FILE: &str = "portal.json";

/// A pool as a colleague at the portal would leave it, for `--hold`.
const FOREIGN_WEIGHTS: [u32; 3] = [50, 20, 30];

/// Wraps what listens for the functions, to see what arrives.
pub type Wrap = Box<dyn FnOnce(Router) -> Router + Send>;

/// The running functions, as the caller of [`run`](crate::run) has started them.
pub struct Serving {
    /// Where they listen.
    pub address: SocketAddr,
    /// Their store.
    pub store: Arc<dyn Store>,
    /// Finishes what is held, and stops them. Dropped, it cuts them off.
    pub stop: Pin<Box<dyn Future<Output = Result<(), Failed>> + Send>>,
}

/// The functions, running.
pub(super) struct Functions {
    pub(super) folder: Folder,
    pub(super) serving: Serving,
    /// What they may change: the pool that they help, and its members.
    pub(super) theirs: Vec<BackendId>,
    /// When the maintenance window opens; none where the playbook is that of the run before.
    pub(super) opens: Option<Instant>,
    bearer: String,
}

/// The next whole second after so long, as the playbook has it, and as what is measured by.
fn whole_second_after(length: Duration) -> (String, Instant) {
    let now = Timestamp::now();
    let at = Timestamp::from_second(now.as_second() + 1).map_or(now, |next| next + length);
    let ahead = at.duration_since(now).unsigned_abs();
    (at.strftime("%FT%T").to_string(), Instant::now() + ahead)
}

impl Functions {
    /// Writes the files, and has the functions started on them. The maintenance window opens after so long.
    pub(super) async fn start(
        world: &World,
        folder: Folder,
        opens_after: Duration,
        wrap: Wrap,
        serve: impl AsyncFnOnce(Config, Wrap) -> Result<Serving, Failed>,
    ) -> Result<Self, Failed> {
        let path = folder.path();
        let bearer = fs::read_to_string(path.join(BEARER_FILE))
            .ok()
            .filter(|bearer| !bearer.trim().is_empty())
            .unwrap_or_else(|| uuid::Uuid::now_v7().simple().to_string());
        let pool = Side::Helped.name();
        let names = world.members(Side::Helped).map(|site| site.backend.as_str());
        let id = |name: &str| world.azure.service().backend_id(&name.into()).parse();
        let theirs = std::iter::once(pool).chain(names).map(id).collect::<Result<_, _>>()?;
        let foreign = world.pool(Side::Helped, &FOREIGN_WEIGHTS);
        let signal = watcher::example("helped-us", 100.0, Timestamp::now())?;
        for (name, text) in [
            ("azure-token", world.azure.token()),
            (BEARER_FILE, bearer.clone()),
            (SIGNAL_FILE, signal),
            (FOREIGN_FILE, serde_json::to_string_pretty(&foreign)?),
        ] {
            folder::write_text(path, name, &text)?;
        }
        files::CONFIG.write(path, &[("azure", &world.azure.arm_url())])?;
        // What is published already stays as it is.
        let mut opens = None;
        if !world.goes_on {
            let (at, when) = whole_second_after(opens_after);
            files::PLAYBOOK.write(path, &[("opens", &at)])?;
            opens = Some(when);
        }
        files::FAULT.write(path, &[])?;
        let config = Config::read(&path.join(files::CONFIG.name), Needs::Everything)?;
        let serving = serve(config, wrap).await?;
        Ok(Self { folder, serving, theirs, opens, bearer })
    }

    /// Where alerts are to be sent.
    pub(super) fn webhook(&self) -> Webhook {
        let url = format!("http://{}/alerts/{SOURCE}", self.serving.address);
        Webhook { url, bearer: self.bearer.clone() }
    }

    /// Finishes what is held, and removes the folder, unless it is kept.
    pub(super) async fn stop(self) -> Result<(), Failed> {
        let stopped = self.serving.stop.await;
        self.folder.close()?;
        stopped
    }
}

#[cfg(test)]
mod tests {
    use pointsman_core::playbook;

    use super::*;

    #[tokio::test]
    async fn the_playbook_is_sound_and_hears_the_watchers_alerts() {
        let world = World::start(1, None).await.unwrap();
        let (opens, _) = whole_second_after(Duration::from_secs(5));
        let text = files::PLAYBOOK.filled(&[("opens", &opens)]);
        let steps = RAMP_PERCENT.map(|percent| format!("{percent}%")).join(", ");
        assert!(text.contains(&format!("steps: [{steps}]")), "{text}");
        assert!(text.contains(&format!("count: {TIGHTENED_COUNT}}}")), "{text}");
        let playbook = playbook::read(&text)
            .map_err(|problems| playbook::render(&problems, "playbook.yaml", &text))
            .unwrap();
        let now: Timestamp = "2026-03-01T07:05:09Z".parse().unwrap();
        let effects = |percent| {
            let body = watcher::example("helped-us", percent, now).unwrap();
            let source = SOURCE.parse().unwrap();
            let batch = pointsman_intake::alertmanager::read(&source, body.as_bytes(), now);
            let matches = playbook.plays_for(&batch.unwrap().signals[0]);
            assert!(matches.failed.is_empty());
            let effects = matches.matched.iter().flat_map(|matched| &matched.effects);
            effects.map(|(_, on, effect)| format!("{}: {effect}", on.name)).collect::<Vec<_>>()
        };
        assert_eq!(effects(100.0), ["helped: drain helped-us"]);
        assert_eq!(effects(25.0), ["helped-us: breaker count 3"]);
        let window = &playbook.windows[0];
        assert_eq!(window.lasts.unsigned_abs(), WINDOW_LASTS);
        assert_eq!(window.effects[0].2.to_string(), "drain helped-ap");
        world.stop().await;
    }
}
