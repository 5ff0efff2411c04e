//! Sees at an interval whether Azure can be reached, though nothing is to be done.

use std::time::Duration;

use pointsman_engine::Engine;
use pointsman_host::server::Stop;

/// How long it is between two checks while a service cannot be reached, unless they come more often
/// anyway.
const AGAIN: Duration = Duration::from_secs(15);

/// How long after a check the next one comes at the soonest, whatever the looks find.
const AT_THE_SOONEST: Duration = Duration::from_secs(1);

/// Checks at once, and then at an interval, until a stop is asked for.
pub async fn run(engine: Engine, every: Duration, stop: Stop) {
    let mut asked = std::pin::pin!(stop.asked());
    loop {
        let check = async {
            if let Err(error) = engine.check().await {
                tracing::error!("whether Azure can be reached was not recorded: {error}");
            }
            tokio::time::sleep(AT_THE_SOONEST).await;
            let mut wait = every;
            if engine.blind().is_none_or(|blind| !blind.is_empty()) {
                wait = wait.min(AGAIN);
            }
            // One that asked to wait is read as soon as it may be.
            if let Some(until) = engine.waits_until() {
                let left = until.duration_since(engine.now());
                wait = wait.min(Duration::try_from(left).unwrap_or_default());
            }
            let _ =
                tokio::time::timeout(wait.saturating_sub(AT_THE_SOONEST), engine.doubted()).await;
        };
        tokio::select! {
            biased;
            () = &mut asked => return,
            () = check => {}
        }
    }
}
