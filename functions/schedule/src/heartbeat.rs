//! A dead man's switch: an address is called for as long as all is well, so that whoever waits for the
//! calls raises the alarm when they stop.
//!
//! It is driven by the timer, after a sweep that went well: a loop that hangs, a store that is lost or
//! a machine that is gone all end the calls.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use pointsman_core::{
    names::ServiceAlias,
    notice::{About, Kind, Notices, SERVE},
};
use pointsman_engine::metrics;
use pointsman_host::{Parts, config};
use tokio::{task::JoinHandle, time::Instant};

/// How long a call may take.
const CALL_WITHIN: Duration = Duration::from_secs(10);

/// How old a message in the queue may be: beyond that, nobody takes them in.
const QUEUED_FOR_MAX: SignedDuration = SignedDuration::from_secs(60);

/// The calls of one address.
pub(crate) struct Heartbeat {
    parts: Parts,
    config: config::Heartbeat,
    http: reqwest::Client,
    next: Instant,
    call: Option<JoinHandle<Result<(), String>>>,
    state: State,
}

/// What was said last.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// It is called, or was never.
    Called,
    /// The calls fail.
    Failing,
    /// Something is not well.
    Withheld,
}

impl Heartbeat {
    /// The calls that are configured; none where the HTTP library cannot be used, which is logged.
    pub(crate) fn new(parts: Parts, config: config::Heartbeat) -> Option<Self> {
        let builder = reqwest::Client::builder()
            .timeout(CALL_WITHIN)
            .redirect(reqwest::redirect::Policy::none());
        let http = builder.build().inspect_err(|error| {
            tracing::error!("the heartbeat's address cannot be called: {error}");
        });
        let http = http.ok()?;
        Some(Self { parts, config, http, next: Instant::now(), call: None, state: State::Called })
    }

    /// One firing of the timer, after a sweep.
    pub(crate) async fn tick(&mut self, swept: bool) {
        if let Some(call) = self.call.take_if(|call| call.is_finished()) {
            self.called(call.await.unwrap_or_else(|error| Err(error.to_string()))).await;
        }
        let now = Instant::now();
        if now < self.next || self.call.is_some() {
            return;
        }
        self.next = now + self.config.every;
        if let Some(why) = self.unwell(swept).await {
            metrics::heartbeat("withheld");
            if self.state != State::Withheld {
                self.state = State::Withheld;
                tracing::warn!("the heartbeat's address is not called: {why}");
            }
            return;
        }
        let get = self.http.get(self.config.url.expose()).send();
        self.call = Some(tokio::spawn(async move {
            // The address may have a secret in it.
            let answer = get.await.map_err(|error| causes(&error.without_url()))?;
            let status = answer.status();
            if status.is_success() {
                Ok(())
            } else {
                Err(format!("it answered {}", status.as_u16()))
            }
        }));
    }

    /// Takes in what became of a call.
    async fn called(&mut self, called: Result<(), String>) {
        let mut notices = Notices::default();
        let mut over = Vec::new();
        let state = match &called {
            Ok(()) => {
                metrics::heartbeat("called");
                over.push(About { kind: Kind::Heartbeat, subject: SERVE.to_owned() });
                State::Called
            }
            Err(why) => {
                metrics::heartbeat("failed");
                notices.note(Kind::Heartbeat, SERVE, self.parts.engine.now(), why);
                State::Failing
            }
        };
        let before = std::mem::replace(&mut self.state, state);
        match &called {
            Err(why) if before != State::Failing => {
                tracing::warn!("the heartbeat's address could not be called: {why}");
            }
            Ok(()) if before != State::Called => {
                tracing::info!("the heartbeat's address is called again");
            }
            // Nothing was noted that could be over.
            Ok(()) => return,
            Err(_) => {}
        }
        if let Err(error) = self.parts.engine.keep_notices(notices, over).await {
            tracing::error!("what became of the heartbeat was not recorded: {error}");
        }
    }

    /// Why not all is well, if so.
    async fn unwell(&self, swept: bool) -> Option<String> {
        let Parts { engine, records, check_every, .. } = &self.parts;
        if !swept {
            return Some("the last sweep failed".to_owned());
        }
        if let Err(error) = records.store.ready().await {
            return Some(error.to_string());
        }
        if let Some(why) = engine.unable().await.into_iter().next() {
            return Some(why);
        }
        match engine.blind() {
            None if check_every.is_some() => {
                return Some("whether Azure can be reached is not known yet".to_owned());
            }
            Some(blind) if !blind.is_empty() => {
                let services: Vec<&str> = blind.keys().map(ServiceAlias::as_str).collect();
                return Some(format!("Azure cannot be read for {}", services.join(", ")));
            }
            Some(_) | None => {}
        }
        let waits = |oldest: Timestamp| engine.now().duration_since(oldest) > QUEUED_FOR_MAX;
        match records.queue.oldest().await {
            Err(error) => Some(error.to_string()),
            Ok(oldest) if oldest.is_some_and(waits) => {
                Some(format!("a message waits for more than {QUEUED_FOR_MAX:#}"))
            }
            Ok(_) => None,
        }
    }
}

/// An error with what caused it: what failed is said last.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
