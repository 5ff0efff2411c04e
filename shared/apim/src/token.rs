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
use http::HeaderValue;
use jiff::Timestamp;
use tokio::sync::Mutex as Flight;

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
    flight: Flight<()>,
}

#[derive(Default)]
struct State {
    token: Option<Arc<Token>>,
    /// When a token that is still good may be renewed again.
    renew_from: Option<Timestamp>,
    /// How many fetches have ended.
    fetches: u64,
    /// How the last one ended, if badly.
    failure: Option<CredentialFailure>,
}

enum Standing {
    Fresh(Arc<Token>),
    /// Good, and to be renewed by the caller that got this.
    Renew(Arc<Token>),
    Gone {
        fetches: u64,
    },
}

fn before(moment: Timestamp, secs: u64) -> Timestamp {
    moment.checked_sub(Duration::from_secs(secs)).unwrap_or(Timestamp::MIN)
}

impl Tokens {
    pub(crate) fn new(source: Arc<dyn TokenSource>, clock: Clock) -> Self {
        Self { source, clock, state: Mutex::default(), flight: Flight::default() }
    }

    /// A token that is good now.
    pub(crate) async fn get(self: &Arc<Self>) -> Result<Arc<Token>, CredentialFailure> {
        match self.standing() {
            Standing::Fresh(token) => Ok(token),
            Standing::Renew(token) => {
                let tokens = Arc::clone(self);
                tokio::spawn(async move {
                    let _flight = tokens.flight.lock().await;
                    if let Err(failure) = tokens.fetch().await {
                        tracing::warn!(%failure, "the token could not be renewed ahead of its end");
                    }
                });
                Ok(token)
            }
            Standing::Gone { fetches } => {
                let _flight = self.flight.lock().await;
                if let Some(outcome) = self.since(fetches) {
                    return outcome;
                }
                self.fetch().await
            }
        }
    }

    /// Drops a token that was not taken.
    pub(crate) fn reject(&self, token: &Arc<Token>) {
        let mut state = self.state();
        if state.token.as_ref().is_some_and(|current| Arc::ptr_eq(current, token)) {
            state.token = None;
            self.source.forget();
        }
    }

    fn standing(&self) -> Standing {
        let now = (self.clock)();
        let mut state = self.state();
        let good = |token: &&Arc<Token>| now < before(token.expires, EXPIRY_MARGIN_SECS);
        let Some(token) = state.token.as_ref().filter(good).map(Arc::clone) else {
            return Standing::Gone { fetches: state.fetches };
        };
        if now < before(token.expires, REFRESH_BEFORE_SECS)
            || state.renew_from.is_some_and(|from| now < from)
        {
            return Standing::Fresh(token);
        }
        // The others see this mark.
        state.renew_from = now.checked_add(Duration::from_secs(REFRESH_PAUSE_SECS)).ok();
        Standing::Renew(token)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The results of the fetches that ended since there were `fetches` of them, if any did.
    fn since(&self, fetches: u64) -> Option<Result<Arc<Token>, CredentialFailure>> {
        let state = self.state();
        if state.fetches == fetches {
            return None;
        }
        let good = state.token.clone().map(Ok);
        good.or_else(|| state.failure.clone().map(Err))
    }

    /// Fetches a token. The flight must be held.
    async fn fetch(&self) -> Result<Arc<Token>, CredentialFailure> {
        let limit = Duration::from_secs(FETCH_SECS_MAX);
        let outcome = match tokio::time::timeout(limit, self.source.fetch()).await {
            Ok(outcome) => outcome.map(Arc::new),
            Err(_) => {
                let mut message = format!("no token came within {FETCH_SECS_MAX} s");
                if let Some(waits_for) = self.source.waits_for() {
                    message.push_str(": ");
                    message.push_str(&waits_for);
                }
                Err(CredentialFailure { message, passing: true })
            }
        };
        let mut state = self.state();
        state.fetches += 1;
        match outcome {
            Ok(token) => {
                state.token = Some(Arc::clone(&token));
                state.renew_from = None;
                state.failure = None;
                Ok(token)
            }
            Err(failure) => {
                state.failure = Some(failure.clone());
                Err(failure)
            }
        }
    }
}

#[cfg(test)]
#[path = "token_tests.rs"]
mod tests;
