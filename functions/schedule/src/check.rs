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
            let wait = if engine.blind().is_some_and(|blind| blind.is_empty()) {
                every
            } else {
                every.min(AGAIN)
            };
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
