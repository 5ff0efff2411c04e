//! Webhook-triggered: takes alerts in.
//!
//! One story: who is it → read the body, within its bound → ask the source what it tells → store that,
//! and what could not be used of an authentic body as a dead letter → answer. Where messages are taken in
//! by the same process, what it tells is taken in before the answer, and not stored by itself
//! ([`pointsman_engine::direct`]). A sender that was answered with a 2xx can forget the alert,
//! and one that was answered with a 503 is to send it again. What a source speaks is its own module's
//! business, in [`pointsman_intake`].
//!
//! | answer | when |
//! |---|---|
//! | 202 `{"id": …}` | it is taken in or stored, durably; or all of it was kept as a dead letter, with the reasons |
//! | 400 | nothing in it could be told apart; it is kept as a dead letter, and the answer says why |
//! | 401, 403 | the sender did not prove who it is; the answer does not say why |
//! | 404, 405 | no source has this path; it is not a POST |
//! | 408 | the body did not come in time |
//! | 413 | the body is larger than a source may send, as it came or unpacked |
//! | 415 | the body is packed in a way that is not read |
//! | 503 | it could not be stored: send it again |
//!
//! A source may have an answer of its own, to a sender that asks for one before it sends any alert.
//!
//! A client that is refused before its body was read is mostly still sending it, and an answer to
//! one that has sent more than was read gets lost when the connection is closed. So what it sends
//! is read and dropped before it is answered, up to a bound.

use std::{collections::HashMap, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use jiff::{RoundMode, Timestamp, TimestampRound, Unit};
use pointsman_core::{
    ledger::{Line, What},
    names::SourceName,
    notice::{About, Kind, NO_SOURCE, Notice},
};
use pointsman_engine::{
    direct::Direct,
    message::{Message, Outgoing},
    metrics, outbox,
    ports::{Clock, Commit, DeadLetter, DeadLetterPart, Queue, Store},
};
use pointsman_host::{Records, config::Webhook};
use pointsman_intake::{
    BODY_BYTES_MAX, Batch, ENCODINGS, Refused, Source, Told, Unusable, content_id, verify::Denied,
};
use serde_json::json;
use tracing::Instrument as _;

mod refused;
mod watchdog;

use crate::{
    refused::{REST_AFTER, Refusals, Rest, Tell},
    watchdog::Watchdogs,
};

/// How long a body may take to come.
pub const BODY_WITHIN: Duration = Duration::from_secs(10);

/// How much of an unknown path is logged, in characters.
const PATH_CHARS_MAX: usize = 100;

/// How much of a refused body is read and dropped, and for how long at most.
pub const DROPPED_BYTES_MAX: usize = 8 << 20;
/// See [`DROPPED_BYTES_MAX`].
pub const DROPPED_WITHIN: Duration = Duration::from_secs(2);

/// What the handler needs of the world.
struct Intake {
    sources: HashMap<String, Arc<dyn Source>>,
    direct: Option<Direct>,
    queue: Arc<dyn Queue>,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    refused: Refusals,
    watchdogs: Watchdogs,
}

impl Intake {
    /// Counts a refusal; of many, one line and one notice stand for all.
    fn refused(self: &Arc<Self>, subject: &str, status: StatusCode, says: String) {
        metrics::refused(subject, status.as_u16());
        let now = self.clock.now();
        let told = self.refused.take_in((subject, status), &says, now);
        let many = match told {
            Tell::Counted => return,
            Tell::Now(many) => {
                told_refused(subject, status, many, &says);
                Some(many)
            }
            Tell::Later => None,
        };
        let (intake, subject) = (Arc::clone(self), subject.to_owned());
        // Beside the answer, which does not wait for the store.
        tokio::spawn(async move {
            let rest = match many {
                Some(many) => Rest { many, latest: now, says },
                None => {
                    tokio::time::sleep(REST_AFTER).await;
                    let rest = intake.refused.rest(&subject, status, intake.clock.now());
                    let Some(rest) = rest else { return };
                    told_refused(&subject, status, rest.many, &rest.says);
                    rest
                }
            };
            let mut commit = Commit::default();
            notice_refused(&mut commit, &subject, status, &rest);
            // That it could not be saved is logged.
            let _ = save(&intake, &commit).await;
        });
    }
}

fn notice_refused(commit: &mut Commit, subject: &str, status: StatusCode, rest: &Rest) {
    let says = format!("{}: {}", status.as_u16(), rest.says);
    let notice = Notice { count: rest.many, ..Notice::new(rest.latest, &says) };
    commit.notices.add(About::new(refused::kind(status), subject), notice);
}

/// What is still to be saved when a process ends that has taken deliveries.
#[derive(Clone)]
pub struct Unsaved(Arc<Intake>);

impl Unsaved {
    /// Tells and saves the refusals that wait for the end of their minute.
    pub async fn save(&self) {
        let mut commit = Commit::default();
        for (subject, status, rest) in self.0.refused.all(self.0.clock.now()) {
            told_refused(&subject, status, rest.many, &rest.says);
            notice_refused(&mut commit, &subject, status, &rest);
        }
        if !commit.notices.is_empty() {
            // That it could not be saved is logged.
            let _ = save(&self.0, &commit).await;
        }
    }
}

fn told_refused(source: &str, status: StatusCode, many: u64, says: &str) {
    tracing::warn!(status = status.as_u16(), many, source, "a delivery was refused: {says}");
}

/// A route for each webhook, and the answer for every other path. `direct` leads to whoever takes
/// messages in, where that is this process. What it gives beside is to be saved before the store is closed.
pub fn router(
    webhooks: &[Webhook],
    records: &Records,
    direct: Option<Direct>,
) -> (Router, Unsaved) {
    let source = |webhook: &Webhook| (webhook.path.clone(), Arc::clone(&webhook.source));
    let intake = Arc::new(Intake {
        sources: webhooks.iter().map(source).collect(),
        direct,
        queue: Arc::clone(&records.queue),
        store: Arc::clone(&records.store),
        clock: Arc::clone(&records.clock),
        refused: Refusals::default(),
        watchdogs: Watchdogs::of(webhooks),
    });
    let mut router = Router::new();
    for webhook in webhooks {
        router = router.route(&webhook.path, post(receive));
    }
    (router.fallback(nowhere).with_state(Arc::clone(&intake)), Unsaved(intake))
}

/// Answers who asks for a path that nothing is at: a sender, most likely, whose address is mistyped.
async fn nowhere(State(intake): State<Arc<Intake>>, request: Request) -> Response {
    let path: String = request.uri().path().chars().take(PATH_CHARS_MAX).collect();
    // Who sends alerts posts them; all else is somebody who looks around.
    if request.method() != Method::POST {
        return Refusal::not_found().into_response();
    }
    intake.refused(NO_SOURCE, StatusCode::NOT_FOUND, format!("no source has the path {path}"));
    Refusal::not_found().into_response()
}

async fn receive(State(intake): State<Arc<Intake>>, request: Request) -> Response {
    let Some(source) = intake.sources.get(request.uri().path()) else {
        return Refusal::not_found().into_response();
    };
    let name = source.name();
    let span = tracing::info_span!("signal", source = %name, id = tracing::field::Empty);
    let taken = take(&intake, source.as_ref(), request).instrument(span);
    taken.await.unwrap_or_else(|refusal| {
        if !refusal.is_told {
            intake.refused(name.as_str(), refusal.status, refusal.told());
        }
        refusal.into_response()
    })
}

/// Why a delivery was not taken: what its sender is answered.
struct Refusal {
    status: StatusCode,
    why: String,
    /// The header that goes with it.
    hint: Option<(HeaderName, &'static str)>,
    /// Whether it was logged where it was found.
    is_told: bool,
}

impl Refusal {
    fn new(status: StatusCode, why: impl Into<String>) -> Self {
        Self { status, why: why.into(), hint: None, is_told: false }
    }

    /// Why, for those who run this side; the sender is not told which of the two it was.
    fn told(&self) -> String {
        match self.status {
            StatusCode::UNAUTHORIZED => "no token or password came with it".to_owned(),
            StatusCode::FORBIDDEN => "the token or password that came with it is wrong".to_owned(),
            _ => self.why.clone(),
        }
    }

    fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not found")
    }

    /// With what can be done about it.
    fn too_large(source: &dyn Source) -> Self {
        let why = format!("a body has {BODY_BYTES_MAX} bytes at most; {}", source.smaller());
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, why)
    }

    fn unavailable(error: &dyn std::fmt::Display) -> Self {
        tracing::error!("answered 503: {error}");
        let why = "it could not be stored; send it again";
        Self { is_told: true, ..Self::new(StatusCode::SERVICE_UNAVAILABLE, why) }
    }

    /// That a source turns a delivery away.
    fn by(source: &dyn Source, refused: &Refused) -> Self {
        match refused {
            Refused::Denied(Denied::Missing) => {
                let hint = Some((header::WWW_AUTHENTICATE, "Bearer, Basic"));
                Self { hint, ..Self::new(StatusCode::UNAUTHORIZED, "unauthorized") }
            }
            Refused::Denied(Denied::Wrong) => Self::new(StatusCode::FORBIDDEN, "forbidden"),
            Refused::Encoding(_) => {
                let hint = Some((header::ACCEPT_ENCODING, ENCODINGS));
                let why = refused.to_string();
                Self { hint, ..Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, why) }
            }
            Refused::TooLarge => Self::too_large(source),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(json!({"error": self.why}))).into_response();
        if let Some((name, value)) = self.hint {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

async fn take(intake: &Intake, source: &dyn Source, request: Request) -> Result<Response, Refusal> {
    let (head, mut body) = request.into_parts();
    let refused = |refused: Refused| Refusal::by(source, &refused);
    // Before the body is read: where the head shows that the sender is unknown, nothing of it is held.
    let read = async {
        let reader = source.accept(&head).map_err(refused)?;
        Ok::<_, Refusal>((reader, within_bound(source, &head.headers, &mut body).await?))
    };
    let (reader, bytes) = match read.await {
        Ok(read) => read,
        Err(refusal) => {
            // One whose body broke off or did not come in time sends no more.
            if !matches!(refusal.status, StatusCode::BAD_REQUEST | StatusCode::REQUEST_TIMEOUT) {
                drop_rest(&head.headers, body).await;
            }
            return Err(refusal);
        }
    };
    let received = intake.clock.now();
    match reader(&bytes, received).map_err(refused)? {
        Told::Alerts(mut batch) => {
            let (name, unusable) = (source.name().as_str(), batch.unusable.len());
            metrics::received(name, batch.signals.len() + unusable);
            metrics::alerts(name, "unusable", unusable as u64);
            hear_watchdog(intake, source.name(), &mut batch, received).await?;
            store(intake, source, batch, received).await
        }
        Told::Reply(reply) => Ok(reply.map(Body::from)),
        Told::Unreadable { body, why } => {
            let reason = why.to_string();
            tracing::warn!("a body could not be read and is kept: {reason}");
            let letter = DeadLetter::new(received, source.name().as_str(), &reason, body);
            let commit = Commit { dead_letters: vec![letter], ..Commit::default() };
            save(intake, &commit).await?;
            Err(Refusal { is_told: true, ..Refusal::new(StatusCode::BAD_REQUEST, reason) })
        }
    }
}

/// Takes the source's watchdog out of a delivery, and saves that it was heard.
async fn hear_watchdog(
    intake: &Intake,
    source: &SourceName,
    batch: &mut Batch,
    received: Timestamp,
) -> Result<(), Refusal> {
    if intake.watchdogs.take_out(source, &mut batch.signals, received) {
        let mut commit = Commit::default();
        metrics::alerts(source.as_str(), "watchdog", 1);
        commit.notices.note(Kind::Watchdog, source.as_str(), received, "it was heard");
        save(intake, &commit).await.inspect_err(|_| intake.watchdogs.not_saved(source))?;
    }
    Ok(())
}

/// Reads the body, unless the head says that it is too large.
async fn within_bound(
    source: &dyn Source,
    headers: &HeaderMap,
    body: &mut Body,
) -> Result<Bytes, Refusal> {
    if length(headers).is_some_and(|length| length > BODY_BYTES_MAX) {
        return Err(Refusal::too_large(source));
    }
    let read = Limited::new(body, BODY_BYTES_MAX).collect();
    match tokio::time::timeout(BODY_WITHIN, read).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Refusal::too_large(source)),
        Ok(Err(_)) => Err(Refusal::new(StatusCode::BAD_REQUEST, "the body broke off")),
        Err(_) => {
            let why = format!("the body did not come within {} s", BODY_WITHIN.as_secs());
            Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, why))
        }
    }
}

/// The length that the head announces, where it does.
fn length(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
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

/// Keeps what is not for the queue.
async fn save(intake: &Intake, commit: &Commit) -> Result<(), Refusal> {
    let now = intake.clock.now();
    let saved = outbox::commit(&*intake.store, &*intake.queue, commit, now).await;
    saved.map_err(|error| Refusal::unavailable(&error))
}

/// Has what a delivery contained taken in or stored; its sender is answered after that.
async fn store(
    intake: &Intake,
    source: &dyn Source,
    batch: Batch,
    received: Timestamp,
) -> Result<Response, Refusal> {
    let Batch { signals, unusable, truncated } = batch;
    let (source, whole, kept) = (source.name(), source.whole(), unusable.len());
    let mut commit = Commit::default();
    if truncated > 0 {
        tracing::warn!(truncated, "the sender left alerts out; {whole}");
        commit.lines.push(left_out(
            What::Truncated { source: source.clone(), left_out: truncated },
            received,
        ));
    }
    let part = |Unusable { reason, raw }| DeadLetterPart { reason, body: raw };
    let parts = unusable.into_iter().map(part).collect();
    if let Some(letter) = DeadLetter::of(received, source.as_str(), "alerts", parts) {
        let (letter_id, reason) = (&letter.id, &letter.reason);
        tracing::warn!(unusable = kept, letter = letter_id, "kept as a dead letter: {reason}");
        commit.dead_letters.push(letter);
    }
    if commit != Commit::default() {
        save(intake, &commit).await?;
    }
    let id = content_id(&signals);
    tracing::Span::current().record("id", id.as_str());
    if !signals.is_empty() {
        let (count, source) = (signals.len(), source.clone());
        let message = Message::Signals { source, signals };
        let outgoing = Outgoing { id: id.clone(), due: None, message };
        let sent = match &intake.direct {
            Some(direct) => direct.send(&*intake.queue, outgoing, received).await,
            None => intake.queue.send(outgoing).await.map(drop),
        };
        sent.map_err(|error| Refusal::unavailable(&error))?;
        tracing::debug!(count, "taken in or stored");
    }
    let answer = json!({"id": id, "unusable": kept, "truncated": truncated});
    Ok((StatusCode::ACCEPTED, Json(answer)).into_response())
}

/// A line that is told once a minute, however often the same is delivered within it.
fn left_out(what: What, received: Timestamp) -> Line {
    let minute =
        received.round(TimestampRound::new().smallest(Unit::Minute).mode(RoundMode::Trunc));
    let Line { id, .. } = Line::new(minute.unwrap_or(received), None, what.clone());
    Line { id, ..Line::new(received, None, what) }
}
