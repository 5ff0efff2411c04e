//! How a client waits, apart from the clock that tells the hour: that one may be set back.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

/// Tells how much time has passed, and lets some pass. An argument, so that a test waits for
/// nothing.
#[async_trait]
pub trait Timer: fmt::Debug + Send + Sync {
    /// The time since an origin that does not move.
    fn elapsed(&self) -> Duration;

    /// Ends once that time has passed.
    async fn sleep(&self, wait: Duration);
}

/// The time of the runtime.
#[derive(Debug)]
pub struct Runtime {
    origin: Instant,
}

impl Default for Runtime {
    fn default() -> Self {
        Self { origin: Instant::now() }
    }
}

#[async_trait]
impl Timer for Runtime {
    fn elapsed(&self) -> Duration {
        self.origin.elapsed()
    }

    async fn sleep(&self, wait: Duration) {
        tokio::time::sleep(wait).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_slept_has_passed() {
        let timer = Runtime::default();
        let begun = timer.elapsed();
        timer.sleep(Duration::from_secs(3)).await;
        assert_eq!(timer.elapsed() - begun, Duration::from_secs(3));
    }
}
