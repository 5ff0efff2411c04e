//! One token for everybody, fetched once and ahead of need.
//!
//! - A token that is good for a while is used without waiting.
//! - In its last minutes it is still used, while one task fetches the next.
//! - Without one, the first caller fetches and the others wait for its outcome, a token or
//!   a failure; a storm of calls makes one request.
//! - A token that Azure did not take (401) is dropped, unless a newer one is there already: two
//!   calls may be refused with the same old token, and only the first may cost a fetch.
//!
//! Time comes from the clock that the client was given.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use http::HeaderValue;
use jiff::Timestamp;
use tokio::task::{AbortHandle, JoinError};

use crate::error::CredentialFailure;
use crate::secret::Secret;

/// How long before its end a token is renewed, in seconds. A little less than the five minutes
/// that `azure_identity` keeps one in its own cache, which would give the old one again.
pub const REFRESH_BEFORE_SECS: u64 = 290;
/// How long before its end a token is no longer used, in seconds.
pub const EXPIRY_MARGIN_SECS: u64 = 30;
/// The pause between tries to renew a token that is still good, in seconds.
pub const REFRESH_PAUSE_SECS: u64 = 15;
/// The longest that one fetch may take, in seconds, its own retries included.
pub const FETCH_SECS_MAX: u64 = 30;

/// Where the time comes from.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// A bearer token and its end.
#[derive(Debug, Clone)]
pub struct Token {
    header: HeaderValue,
    expires: Timestamp,
}

impl Token {
    /// A token that is good until `expires`. One that cannot be sent in a header is refused.
    pub fn new(secret: &Secret, expires: Timestamp) -> Result<Self, CredentialFailure> {
        let text = format!("Bearer {}", secret.expose());
        let mut header = HeaderValue::try_from(text).map_err(|_| CredentialFailure {
            message: "the token has characters that cannot be sent".to_owned(),
            passing: false,
        })?;
        // Keeps it out of what HTTP libraries print, and out of HPACK's table.
        header.set_sensitive(true);
        Ok(Self { header, expires })
    }

    pub(crate) fn header(&self) -> &HeaderValue {
        &self.header
    }
}

/// Something that gives tokens.
#[async_trait]
pub trait TokenSource: fmt::Debug + Send + Sync {
    /// Fetches a token.
    async fn fetch(&self) -> Result<Token, CredentialFailure>;

    /// What a fetch that takes too long waits for, in words and without secrets.
    fn waits_for(&self) -> Option<String> {
        None
    }

    /// Forgets what it may have cached: the last token was not taken.
    fn forget(&self) {}
}

/// The tokens of one client.
pub(crate) struct Tokens {
    source: Arc<dyn TokenSource>,
    clock: Clock,
    state: Mutex<State>,
}

type Outcome = Result<Arc<Token>, CredentialFailure>;

#[derive(Default)]
struct State {
    token: Option<Arc<Token>>,
    /// When a token that is still good may be renewed again.
    renew_from: Option<Timestamp>,
    flight: Option<Flight>,
}

/// A fetch that is under way, or has ended.
struct Flight {
    task: AbortHandle,
    outcome: Shared<BoxFuture<'static, Outcome>>,
}

fn before(moment: Timestamp, secs: u64) -> Timestamp {
    moment.checked_sub(Duration::from_secs(secs)).unwrap_or(Timestamp::MIN)
}

impl Tokens {
    pub(crate) fn new(source: Arc<dyn TokenSource>, clock: Clock) -> Self {
        Self { source, clock, state: Mutex::default() }
    }

    /// A token that is good now.
    pub(crate) async fn get(self: &Arc<Self>) -> Outcome {
        let (token, outcome) = {
            let now = (self.clock)();
            let mut state = self.state();
            let good = |token: &Arc<Token>| now < before(token.expires, EXPIRY_MARGIN_SECS);
            let token = state.token.clone().filter(good);
            if let Some(token) = &token
                && (now < before(token.expires, REFRESH_BEFORE_SECS)
                    || state.renew_from.is_some_and(|from| now < from))
            {
                return Ok(Arc::clone(token));
            }
            // The others see this mark.
            state.renew_from = now.checked_add(Duration::from_secs(REFRESH_PAUSE_SECS)).ok();
            (token, self.flight(&mut state))
        };
        let Some(token) = token else { return outcome.await };
        tokio::spawn(async move {
            if let Err(failure) = outcome.await {
                tracing::warn!(%failure, "the token could not be renewed ahead of its end");
            }
        });
        Ok(token)
    }

    /// The outcome of the fetch that is under way, or of a new one. It goes on where all who wait
    /// for it go away.
    fn flight(self: &Arc<Self>, state: &mut State) -> Shared<BoxFuture<'static, Outcome>> {
        if let Some(flight) = state.flight.as_ref().filter(|flight| !flight.task.is_finished()) {
            return flight.outcome.clone();
        }
        let tokens = Arc::clone(self);
        let fetch = tokio::spawn(async move { tokens.fetch().await });
        let task = fetch.abort_handle();
        let broken =
            |why: JoinError| Err(CredentialFailure { message: why.to_string(), passing: true });
        let outcome = fetch.map(move |ended| ended.unwrap_or_else(broken)).boxed().shared();
        state.flight = Some(Flight { task, outcome: outcome.clone() });
        outcome
    }

    /// Drops a token that was not taken.
    pub(crate) fn reject(&self, token: &Arc<Token>) {
        let mut state = self.state();
        if state.token.as_ref().is_some_and(|current| Arc::ptr_eq(current, token)) {
            state.token = None;
            self.source.forget();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn fetch(&self) -> Outcome {
        let limit = Duration::from_secs(FETCH_SECS_MAX);
        let Ok(outcome) = tokio::time::timeout(limit, self.source.fetch()).await else {
            let waits_for = self.source.waits_for().map(|what| format!(": {what}"));
            let waits_for = waits_for.unwrap_or_default();
            let message = format!("no token came within {FETCH_SECS_MAX} s{waits_for}");
            return Err(CredentialFailure { message, passing: true });
        };
        let token = Arc::new(outcome?);
        let mut state = self.state();
        state.token = Some(Arc::clone(&token));
        state.renew_from = None;
        Ok(token)
    }
}

#[cfg(test)]
#[path = "token_tests.rs"]
mod tests;
