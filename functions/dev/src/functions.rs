//! The functions, as `serve` runs them, against the emulated Azure; and their files.
//!
//! The configuration and the playbook are real files in a folder of their own, and the functions
//! are started from these files, so that every other command works on the same ones in another
//! terminal. Where the folder is kept, the store goes on in it, and the token that proves who sends
//! alerts stays the same.

use std::{fs, net::SocketAddr, pin::Pin, sync::Arc};

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
    /// The pool that they help, as the playbook names it.
    pub(super) helped: BackendId,
    bearer: String,
}

impl Functions {
    /// Writes the files, and has the functions started on them.
    pub(super) async fn start(
        world: &World,
        folder: Folder,
        wrap: Wrap,
        serve: impl AsyncFnOnce(Config, Wrap) -> Result<Serving, Failed>,
    ) -> Result<Self, Failed> {
        let path = folder.path();
        let bearer = fs::read_to_string(path.join(BEARER_FILE))
            .ok()
            .filter(|bearer| !bearer.trim().is_empty())
            .unwrap_or_else(|| uuid::Uuid::now_v7().simple().to_string());
        let helped = world.azure.service().backend_id(&Side::Helped.name().into()).parse()?;
        let foreign = world.pool(Side::Helped, &FOREIGN_WEIGHTS);
        let signal = watcher::example("helped-us", Timestamp::now())?;
        for (name, text) in [
            ("azure-token", world.azure.token()),
            (BEARER_FILE, bearer.clone()),
            (SIGNAL_FILE, signal),
            (FOREIGN_FILE, serde_json::to_string_pretty(&foreign)?),
        ] {
            folder::write_text(path, name, &text)?;
        }
        files::CONFIG.write(path, &[("azure", &world.azure.arm_url())])?;
        files::PLAYBOOK.write(path, &[])?;
        files::FAULT.write(path, &[])?;
        let config = Config::read(&path.join(files::CONFIG.name), Needs::Everything)?;
        let serving = serve(config, wrap).await?;
        Ok(Self { folder, serving, helped, bearer })
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
    async fn the_playbook_is_sound_and_hears_the_watchers_alert() {
        let world = World::start(1, None).await.unwrap();
        let text = files::PLAYBOOK.filled(&[]);
        let steps = RAMP_PERCENT.map(|percent| format!("{percent}%")).join(", ");
        assert!(text.contains(&format!("steps: [{steps}]")), "{text}");
        let playbook = playbook::read(&text)
            .map_err(|problems| playbook::render(&problems, "playbook.yaml", &text))
            .unwrap();
        let now: Timestamp = "2026-03-01T07:05:09Z".parse().unwrap();
        let body = watcher::example("helped-eu", now).unwrap();
        let source = SOURCE.parse().unwrap();
        let batch = pointsman_intake::alertmanager::read(&source, body.as_bytes(), now).unwrap();
        let helped = world.azure.service().backend_id(&Side::Helped.name().into());
        assert!(playbook.pools.values().map(|pool| pool.backend.to_string()).eq([helped]));
        let matches = playbook.plays_for(&batch.signals[0]);
        assert!(matches.failed.is_empty());
        let effects: Vec<String> =
            matches.matched[0].effects.iter().map(|(_, _, effect)| effect.to_string()).collect();
        assert_eq!(effects, ["drain helped-eu"]);
        assert_eq!(matches.matched[0].after.len(), 1);
        world.stop().await;
    }
}
