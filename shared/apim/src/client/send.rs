//! One call on its way: paced, sent with a token, read whole, and made again where that is safe.

use std::error::Error as _;
use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{Request, Response, StatusCode};
use tracing::field::Empty;
use tracing::{Span, info_span, record_all};

use super::options::{Pace, Retries};
use crate::document::DOCUMENT_BYTES_MAX;
use crate::error::{Error, Garbled, Uncertainty, Withheld};
use crate::id::SubscriptionId;
use crate::meta::{Ids, Meta, RequestId, RetryAfter};
use crate::telemetry;
use crate::throttle::{Buckets, Kind, Of};
use crate::timer::Timer;
use crate::token::{Clock, Tokens};
use crate::transport::{causes, plain, whole};

/// Takes a request; one whose address the HTTP library cannot use is an error.
pub(super) fn unsent(request: Request<Bytes>, call: RequestId) -> Result<reqwest::Request, Error> {
    request.try_into().map_err(|error: reqwest::Error| {
        let cause = error.source().map(ToString::to_string).unwrap_or_default();
        let plain = "its address cannot be used".to_owned();
        Error::NotSent { plain, cause, ids: Ids::unanswered(call) }
    })
}

/// What calls go through; all clones of a client share it.
pub(super) struct Sender {
    pub(super) http: reqwest::Client,
    pub(super) tokens: Arc<Tokens>,
    pub(super) clock: Clock,
    pub(super) retries: Retries,
    pub(super) pace: Pace,
    pub(super) buckets: Mutex<Buckets>,
    pub(super) timer: Arc<dyn Timer>,
}

impl Sender {
    /// Makes a call: each try is paced, sent and read, and what may be made again by the client's
    /// retries is.
    pub(super) async fn call<T>(
        &self,
        subscription: SubscriptionId,
        call: RequestId,
        request: reqwest::Request,
        read: impl Fn(Response<Bytes>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let kind = Kind::of(request.method());
        let of = (subscription, kind);
        let policy = match kind {
            Kind::Read => self.retries.reads,
            Kind::Write | Kind::Delete => self.retries.writes,
        };
        let mut attempt = 1;
        let mut broke = false;
        loop {
            self.place(of, call).await?;
            let once = request.try_clone().expect("a body of bytes can be sent again");
            let answer = self.send(once, call).await;
            self.heard(of, answer.as_ref());
            let error = match answer.and_then(&read) {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            // A server may close an idle connection at the moment it is used again.
            let broken = matches!(&error, Error::Unknown { cause: Uncertainty::Broken(_), .. });
            if kind == Kind::Read && broken && !broke {
                broke = true;
                tracing::debug!("the connection broke under a read; once more: {}", error.full());
                continue;
            }
            let now = (self.clock)();
            let Some(wait) = policy.again(kind, &error, attempt, now, roll(call, attempt)) else {
                return Err(error);
            };
            tracing::info!(attempt, ?wait, "once more: {}", error.full());
            self.timer.sleep(wait).await;
            attempt += 1;
        }
    }

    /// Waits for a place in the bucket. A call that is dropped while it waits has had its place,
    /// which flows in again within a tenth of a second.
    async fn place(&self, of: Of, call: RequestId) -> Result<(), Error> {
        let Self { pace, buckets, timer, .. } = self;
        let Pace::Within { reads, writes } = *pace else { return Ok(()) };
        let patience = match of.1 {
            Kind::Read => reads,
            Kind::Write | Kind::Delete => writes,
        };
        let paced = |wait| {
            let reason = Withheld::Paced { wait };
            Error::Withheld { reason, ids: Ids::unanswered(call) }
        };
        let locked = || buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = locked().take(of, timer.elapsed(), patience);
        let mut wait = taken.map_err(paced)?;
        let mut waited = Duration::ZERO;
        while !wait.is_zero() {
            tracing::debug!(?wait, "the bucket is empty");
            timer.sleep(wait).await;
            waited += wait;
            // Meanwhile others may have been sent to wait for longer.
            wait = locked().closed(of, timer.elapsed());
            if waited + wait > patience {
                return Err(paced(wait));
            }
        }
        Ok(())
    }

    /// Takes in what an answer says of the bucket.
    fn heard(&self, of: Of, answer: Result<&Response<Bytes>, &Error>) {
        let Self { pace, buckets, timer, clock, .. } = self;
        let (Pace::Within { .. }, Ok(answer)) = (*pace, answer) else { return };
        let (now, hour) = (timer.elapsed(), clock());
        let named = RetryAfter::read(answer.headers()).map(|after| after.wait(hour));
        let mut buckets = buckets.lock().unwrap_or_else(PoisonError::into_inner);
        buckets.heard(of, now, answer.headers());
        if answer.status() == StatusCode::TOO_MANY_REQUESTS {
            buckets.throttled(of, now, named);
        }
    }

    /// Sends a request with a token, and reads the whole answer.
    async fn send(
        &self,
        mut request: reqwest::Request,
        call: RequestId,
    ) -> Result<Response<Bytes>, Error> {
        let Self { http, tokens, .. } = self;
        let token = tokens
            .get()
            .await
            .map_err(|failure| Error::Credential { failure, ids: Ids::unanswered(call) })?;
        request.headers_mut().insert(AUTHORIZATION, token.header().clone());
        let mut answer = http.execute(request).await.map_err(|error| failed(error, call))?;
        let status = answer.status();
        if status == StatusCode::UNAUTHORIZED {
            tokens.reject(&token);
        }
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = status;
        *response.headers_mut() = std::mem::take(answer.headers_mut());
        record(call, &response);
        let body = whole(&mut answer, DOCUMENT_BYTES_MAX).await;
        *response.body_mut() = body.map_err(|error| failed(error, call))?.ok_or_else(|| {
            let reason = Garbled::TooLarge { max: DOCUMENT_BYTES_MAX };
            let ids = Meta::read(call, response.headers()).ids;
            Error::Unreadable { status, reason, ids }
        })?;
        Ok(response)
    }
}

/// A number that differs from call to call and from try to try. The caller's ids are distinct, and
/// that is all the chance that a pause needs.
fn roll(call: RequestId, attempt: u32) -> u64 {
    let mut hasher = DefaultHasher::new();
    (call, attempt).hash(&mut hasher);
    hasher.finish()
}

pub(super) fn span(operation: &'static str, id: &impl fmt::Display, call: RequestId) -> Span {
    info_span!(
        telemetry::CALL_SPAN,
        operation,
        backend = %id,
        client_request_id = %call,
        status = Empty,
        request_id = Empty,
        correlation_id = Empty,
    )
}

fn record(call: RequestId, response: &Response<Bytes>) {
    let span = Span::current();
    if span.is_disabled() {
        return;
    }
    let Ids { request, correlation, .. } = Meta::read(call, response.headers()).ids;
    record_all!(
        span,
        status = response.status().as_u16(),
        request_id = request,
        correlation_id = correlation
    );
}

/// Sorts a transport error: what is known not to have been sent, and what is not.
pub(super) fn failed(error: reqwest::Error, call: RequestId) -> Error {
    let ids = Ids::unanswered(call);
    // Of the address, which may be long, only whose it is: it may be mistyped. There may be a proxy
    // on the way, and then that is who did not answer.
    let origin = error.url().map(|url| url.origin().ascii_serialization());
    let error = error.without_url();
    if error.is_connect() || error.is_builder() {
        let on_the_way = |what: String| match &origin {
            Some(to) => format!("on the way to {to}: {what}"),
            None => what,
        };
        Error::NotSent { plain: on_the_way(plain(&error)), cause: on_the_way(causes(&error)), ids }
    } else if error.is_timeout() {
        Error::Unknown { cause: Uncertainty::Timeout, ids }
    } else {
        Error::Unknown { cause: Uncertainty::Broken(causes(&error)), ids }
    }
}
