//! Webhook-triggered: takes alerts in.
//!
//! One story: who is it → read the body, within its bound → make signals of it → store them, and
//! what could not be read of an authentic body as letters → answer. Nothing is looked up, evaluated
//! or changed before the answer; a sender that was answered with a 2xx can forget the alert, and one
//! that was answered with a 503 is to send it again.
//!
//! | answer | when |
//! |---|---|
//! | 202 `{"id": …}` | it is stored, durably; or all of it was kept as letters, with their reasons |
//! | 400 | nothing in it could be told apart; it is kept as a letter, and the answer says why |
//! | 401, 403 | the sender did not prove itself; no hint is given |
//! | 404, 405 | no source has this path; it is not a POST |
//! | 408 | the body did not come in time |
//! | 413 | the body is larger than a source may send |
//! | 503 | it could not be stored: send it again |
//!
//! A client that is refused before its body was read is mostly still sending it, and an answer to
//! one that has sent more than was read gets lost when the connection is closed. So what it sends
//! is read and dropped before it is answered, up to a bound.

use std::{collections::HashMap, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use pointsman_core::names::SourceName;
use pointsman_engine::{
    message::{Message, Outgoing},
    ports::{Clock, Commit, Letter, Queue, Store},
};
use pointsman_host::{
    Parts,
    config::{Kind, Source},
};
use pointsman_intake::{
    BODY_BYTES_MAX, Batch, LETTER_BYTES_MAX, Unreadable, alertmanager, content_id, verify::Denied,
};
use serde_json::json;
use tracing::Instrument as _;

mod refused;

use crate::refused::Refused;

/// How long a body may take to come.
pub const BODY_WITHIN: Duration = Duration::from_secs(10);

/// How much is told of a path that nothing is at, in characters.
const PATH_CHARS_MAX: usize = 100;

/// How much of a refused body is read and dropped, and for how long at most.
pub const DROPPED_BYTES_MAX: usize = 8 << 20;
/// See [`DROPPED_BYTES_MAX`].
pub const DROPPED_WITHIN: Duration = Duration::from_secs(2);

/// What the handler needs of the world.
struct Intake {
    sources: HashMap<String, Source>,
    queue: Arc<dyn Queue>,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    refused: Refused,
}

/// A route for each source's webhook, and what is answered to whoever asks for another path.
pub fn router(sources: &[Source], parts: &Parts) -> Router {
    let intake = Arc::new(Intake {
        sources: sources.iter().map(|source| (source.path.clone(), source.clone())).collect(),
        queue: Arc::clone(&parts.queue),
        store: Arc::clone(&parts.store),
        clock: Arc::clone(&parts.clock),
        refused: Refused::default(),
    });
    let mut router = Router::new();
    for source in sources {
        router = router.route(&source.path, post(receive));
    }
    router.fallback(nowhere).with_state(intake)
}

/// Answers who asks for a path that nothing is at: a sender, most likely, whose address is mistyped.
async fn nowhere(State(intake): State<Arc<Intake>>, request: Request) -> Response {
    let status = StatusCode::NOT_FOUND;
    // No source's name is empty.
    if let Some(many) = intake.refused.take_in("", status, intake.clock.now()) {
        let path: String = request.uri().path().chars().take(PATH_CHARS_MAX).collect();
        let status = status.as_u16();
        tracing::warn!(status, many, path, "a request went to a path that no source has");
    }
    Refusal::NotFound.into_response()
}

async fn receive(State(intake): State<Arc<Intake>>, request: Request) -> Response {
    let Some(source) = intake.sources.get(request.uri().path()) else {
        return Refusal::NotFound.into_response();
    };
    let span = tracing::info_span!("signal", source = %source.name, id = tracing::field::Empty);
    let taken = take(&intake, source, request).instrument(span.clone());
    taken.await.unwrap_or_else(|refusal| {
        let (status, why) = refusal.words();
        let told = match refusal {
            // Of each of these a line was told.
            Refusal::Unreadable(_) | Refusal::Unavailable => None,
            Refusal::Denied(_)
            | Refusal::NotFound
            | Refusal::TooLarge
            | Refusal::Broken
            | Refusal::Slow => {
                intake.refused.take_in(source.name.as_str(), status, intake.clock.now())
            }
        };
        if let Some(many) = told {
            let status = status.as_u16();
            span.in_scope(|| tracing::warn!(status, many, "a delivery was refused: {why}"));
        }
        refusal.into_response()
    })
}

/// Why a delivery was not taken.
enum Refusal {
    Denied(Denied),
    NotFound,
    TooLarge,
    Broken,
    Slow,
    Unreadable(String),
    Unavailable,
}

impl Refusal {
    /// Its status, and what the sender is told.
    fn words(&self) -> (StatusCode, String) {
        match self {
            Self::Denied(Denied::Missing) => (StatusCode::UNAUTHORIZED, "unauthorized".to_owned()),
            Self::Denied(Denied::Wrong) => (StatusCode::FORBIDDEN, "forbidden".to_owned()),
            Self::NotFound => (StatusCode::NOT_FOUND, "not found".to_owned()),
            Self::TooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                format!(
                    "a body has {BODY_BYTES_MAX} bytes at most; set `max_alerts` on the receiver"
                ),
            ),
            Self::Broken => (StatusCode::BAD_REQUEST, "the body broke off".to_owned()),
            Self::Slow => {
                let seconds = BODY_WITHIN.as_secs();
                (StatusCode::REQUEST_TIMEOUT, format!("the body did not come within {seconds} s"))
            }
            Self::Unreadable(why) => (StatusCode::BAD_REQUEST, why.clone()),
            Self::Unavailable => (
                StatusCode::SERVICE_UNAVAILABLE,
                "it could not be stored; send it again".to_owned(),
            ),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, error) = self.words();
        let mut response = (status, Json(json!({"error": error}))).into_response();
        if status == StatusCode::UNAUTHORIZED {
            let challenge = header::HeaderValue::from_static("Bearer, Basic");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

async fn take(intake: &Intake, source: &Source, request: Request) -> Result<Response, Refusal> {
    let (head, mut body) = request.into_parts();
    // None of these sources signs its bytes, so that nobody unknown can make us hold any.
    let verified = source.authentication.verify(&head.headers, &[]).map_err(Refusal::Denied);
    let read = match verified.and_then(|()| promised(&head.headers)) {
        Ok(()) => read(&mut body).await,
        Err(refusal) => Err(refusal),
    };
    let body = match read {
        Ok(body) => body,
        Err(refusal) => {
            match &refusal {
                Refusal::Denied(_) | Refusal::TooLarge => drop_rest(&head.headers, body).await,
                Refusal::NotFound
                | Refusal::Broken
                | Refusal::Slow
                | Refusal::Unreadable(_)
                | Refusal::Unavailable => {}
            }
            return Err(refusal);
        }
    };
    let received = intake.clock.now();
    let batch = match source.kind {
        Kind::Alertmanager => alertmanager::read(&source.name, &body, received),
    };
    let batch = match batch {
        Ok(batch) => batch,
        Err(Unreadable::Oversized { .. }) => return Err(Refusal::TooLarge),
        Err(unreadable) => return Err(keep_whole(intake, source, &body, &unreadable).await),
    };
    store(intake, &source.name, batch).await
}

/// The length that the head announces, where it does.
fn length(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Refuses what is known to be too large before any of it is read.
fn promised(headers: &HeaderMap) -> Result<(), Refusal> {
    if length(headers).is_some_and(|length| length > BODY_BYTES_MAX) {
        return Err(Refusal::TooLarge);
    }
    Ok(())
}

async fn read(body: &mut Body) -> Result<Bytes, Refusal> {
    let read = Limited::new(body, BODY_BYTES_MAX).collect();
    match tokio::time::timeout(BODY_WITHIN, read).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Refusal::TooLarge),
        Ok(Err(_)) => Err(Refusal::Broken),
        Err(_) => Err(Refusal::Slow),
    }
}

/// Reads what is still being sent, unless there is too much of it, or the client asked whether to
/// send it at all.
async fn drop_rest(headers: &HeaderMap, mut body: Body) {
    if headers.contains_key(header::EXPECT) || length(headers) > Some(DROPPED_BYTES_MAX) {
        return;
    }
    let _ = tokio::time::timeout(DROPPED_WITHIN, async {
        let mut dropped = 0;
        while let Some(Ok(frame)) = body.frame().await {
            dropped += frame.data_ref().map_or(0, Bytes::len);
            if dropped > DROPPED_BYTES_MAX {
                return;
            }
        }
    })
    .await;
}

/// Keeps an authentic body that cannot be read, for a person to look at.
async fn keep_whole(intake: &Intake, source: &Source, body: &[u8], why: &Unreadable) -> Refusal {
    let reason = why.to_string();
    tracing::warn!(source = %source.name, "a body could not be read and is kept: {reason}");
    let kept = String::from_utf8_lossy(&body[..body.len().min(LETTER_BYTES_MAX)]).into_owned();
    let letter = Letter::new(intake.clock.now(), source.name.as_str(), &reason, kept);
    let commit = Commit { letters: vec![letter], ..Commit::default() };
    match intake.store.commit(&commit).await {
        Ok(()) => Refusal::Unreadable(reason),
        Err(error) => {
            tracing::error!("a letter could not be kept: {error}");
            Refusal::Unavailable
        }
    }
}

/// Stores what a delivery told; whoever sent it is answered after that.
async fn store(intake: &Intake, source: &SourceName, batch: Batch) -> Result<Response, Refusal> {
    let unavailable = |error: &dyn std::fmt::Display| {
        tracing::error!(%source, "answered 503: {error}");
        Refusal::Unavailable
    };
    let Batch { signals, letters, truncated } = batch;
    if truncated > 0 {
        tracing::warn!(%source, truncated, "the sender left alerts out; raise its max_alerts");
    }
    let kept = letters.len();
    if kept > 0 {
        let now = intake.clock.now();
        let letter = |letter: pointsman_intake::Letter| {
            Letter::new(now, source.as_str(), &letter.reason.to_string(), letter.raw)
        };
        let letters: Vec<Letter> = letters.into_iter().map(letter).collect();
        for letter in &letters {
            tracing::warn!(%source, letter = letter.id, "an alert is kept as a letter: {}", letter.reason);
        }
        let commit = Commit { letters, ..Commit::default() };
        intake.store.commit(&commit).await.map_err(|error| unavailable(&error))?;
    }
    let id = content_id(&signals);
    tracing::Span::current().record("id", id.as_str());
    if !signals.is_empty() {
        let (count, source) = (signals.len(), source.clone());
        let message = Message::Signals { source, signals };
        let outgoing = Outgoing { id: id.clone(), due: None, message };
        let sent = intake.queue.send(outgoing).await.map_err(|error| unavailable(&error))?;
        tracing::debug!(count, ?sent, "stored");
    }
    let answer = json!({"id": id, "letters": kept, "truncated": truncated});
    Ok((StatusCode::ACCEPTED, Json(answer)).into_response())
}
