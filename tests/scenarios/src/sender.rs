//! A sender as Alertmanager is one: it sends again until it is answered with a 2xx.

use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use tokio::sync::watch;

use crate::world::{BOUND, TOKEN};

/// How long it waits before it sends again. Alertmanager waits longer, and longer each time; a test
/// has less time.
const AGAIN: Duration = Duration::from_millis(10);

/// Sends webhooks to whoever serves at the moment. Clones share their connections.
#[derive(Clone, Debug)]
pub struct Sender {
    http: reqwest::Client,
    /// Where `serve` listens; it changes when another one is started.
    url: watch::Receiver<String>,
}

/// What it took to deliver a webhook.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delivered {
    /// How often it was answered with a 503.
    pub unavailable: u32,
    /// How often nobody answered.
    pub unanswered: u32,
}

impl Sender {
    /// A sender to wherever `url` says.
    #[must_use]
    pub fn new(url: watch::Receiver<String>) -> Self {
        Self { http: reqwest::Client::new(), url }
    }

    /// Sends a webhook once; none where nobody answered.
    pub async fn attempt(&self, body: Bytes) -> Option<u16> {
        let url = self.url.borrow().clone();
        let sent = self
            .http
            .post(format!("{url}/alerts/prometheus"))
            .header(AUTHORIZATION, format!("Bearer {TOKEN}"))
            .header(CONTENT_TYPE, "application/json")
            .body(body)
            .send()
            .await;
        sent.ok().map(|answer| answer.status().as_u16())
    }

    /// Sends a webhook until it is taken.
    ///
    /// # Panics
    /// When it is not within the bound, or is answered with what no sender could do anything about.
    pub async fn deliver(&self, body: Bytes) -> Delivered {
        let mut took = Delivered::default();
        let sent = async {
            loop {
                match self.attempt(body.clone()).await {
                    Some(202) => return took,
                    Some(503) => took.unavailable += 1,
                    Some(status) => panic!("a webhook was answered with {status}"),
                    None => took.unanswered += 1,
                }
                let mut url = self.url.clone();
                url.mark_unchanged();
                let _ = tokio::time::timeout(AGAIN, url.changed()).await;
            }
        };
        tokio::time::timeout(BOUND, sent).await.expect("a webhook is taken in time")
    }
}
