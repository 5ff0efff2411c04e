//! Azure Resource Manager's side: from a request to an answer, or to a cut.
//!
//! The order is: is the caller who they say they are, is there an api-version, is there room in
//! the bucket, which faults hit it, then the operation itself. Only a request that gets
//! as far as the faults uses one up.
//!
//! Races: a request that is delayed by a latency continues without its client, as it would in a
//! data centre; everything else of a request happens under one lock.

use crate::{
    address::Operation,
    admin,
    answer::Answer,
    clock,
    fault::{Document, Failure, Fate, Stroke, Write},
    identity,
    options::Throttling,
    query::pairs,
    record::Outcome,
    serve::{Cut, read, text},
    state::{Call, Late, Shared, State},
    store::Effect,
    target::Target,
    token,
    unpublished::ErrorDetails,
    version::{ApiVersion, LATEST, NESTED_DETAILS},
};
use axum::{body::Body, response::Response};
use bytes::Bytes;
use futures_util::{
    future::{self, Either},
    stream::{self, StreamExt as _},
};
use http::{HeaderName, Method, Request, StatusCode, header};
use hyper::body::Incoming;
use jiff::Timestamp;
use std::{sync::Arc, time::Duration};

/// Answers one request on the port of Azure Resource Manager.
pub(crate) async fn handle(
    shared: Arc<Shared>,
    request: Request<Incoming>,
) -> Result<Response, Cut> {
    let (head, body) = request.into_parts();
    let body = read(body).await?;
    if head.uri.path().starts_with(admin::PREFIX) {
        return Ok(admin::handle(&shared, &head, &body.unwrap_or_default()).await);
    }
    let target = Target::read(&shared.services, &head.method, head.uri.path());
    let version = api_version(head.uri.query().unwrap_or_default(), &target);
    let legible = match &body {
        Some(_) => version.as_ref().map(drop).map_err(Answer::clone),
        None => Err(body_too_large()),
    };
    let (version, body) = (version.unwrap_or(LATEST), body.unwrap_or_default());
    let call = Call::of(&head, shared.clock.now(), target, version, body);
    let authorization = text(&head.headers, &header::AUTHORIZATION);
    let admit = |state: &mut State, call: &Call| {
        let (operation, at) = (call.received.operation, call.received.at);
        let principal = state.tokens.check(authorization, &shared.options.audiences, at)?;
        legible?;
        let Some(place) = call.target.place() else { return Ok(None) };
        let subscription = state.services.of(place).subscription();
        let Some(verdict) = state.buckets.take(subscription, principal, operation, at) else {
            return Ok(None);
        };
        let remaining = (verdict.header, verdict.remaining.to_string());
        match (shared.options.throttling, verdict.wait) {
            (Throttling::Enforce, Some(wait)) => {
                Err(Answer::throttled(wait).with(remaining.0, remaining.1))
            }
            (Throttling::Enforce, None) | (Throttling::CountOnly, _) => Ok(Some(remaining)),
        }
    };
    pass(&shared, call, admit, Box::new(State::execute)).await
}

/// Records a request, lets it meet its faults if `admit` lets it in, and answers what `work` makes
/// of it. `admit` may give a header for the answer.
pub(crate) async fn pass(
    shared: &Arc<Shared>,
    call: Call,
    admit: impl FnOnce(&mut State, &Call) -> Result<Option<(HeaderName, String)>, Answer>,
    work: Work,
) -> Result<Response, Cut> {
    let (number, remaining, slow, answer) = {
        let state = &mut *shared.lock();
        let number = state.record.receive(call.received.clone());
        match admit(state, &call) {
            Err(refused) => {
                state.record.outcome(number, Outcome::Answered(refused.status));
                (number, None, Duration::ZERO, Either::Left(future::ready(Ok(refused))))
            }
            Ok(remaining) => {
                let fate = state.meet(&call);
                let slow = fate.slow;
                let admitted = Admitted { call: call.clone(), number, fate, work };
                let answer = if admitted.fate.latency.is_zero() {
                    Either::Left(future::ready(proceed(state, shared, admitted)))
                } else {
                    Either::Right(delayed(Arc::clone(shared), admitted))
                };
                (number, remaining, slow, answer)
            }
        }
    };
    shared.changed();
    let mut answer = answer.await?;
    // No client is answered before a restart can no longer lose the write, or the token.
    if call.received.operation.lasts() && !shared.kept().await {
        answer = unkept();
    }
    let nested = shared.options.unpublished.error_details == ErrorDetails::Nested;
    if nested && call.version >= NESTED_DETAILS {
        answer = answer.nested();
    }
    if let Some((name, remaining)) = remaining {
        answer = answer.with(name, remaining);
    }
    let body = answer.body.clone();
    let request_id = token::request_id(shared.options.seed, number);
    let client_request_id = call.received.client_request_id.as_deref();
    let mut response = answer.into_response(shared.clock.now(), &request_id, client_request_id);
    if !slow.is_zero() {
        response.headers_mut().insert(header::CONTENT_LENGTH, body.len().into());
        *response.body_mut() = slowed(Arc::clone(shared), body, slow);
    }
    Ok(response)
}

/// A body of which the second half comes only after a wait, by the emulator's clock.
fn slowed(shared: Arc<Shared>, mut body: Bytes, by: Duration) -> Body {
    let rest = body.split_off(body.len() / 2);
    let rest = async move { shared.sleep(by).await.map(|()| rest) };
    Body::from_stream(stream::iter([Ok(body)]).chain(stream::once(rest)))
}

/// What a request does: [`State::execute`] for one to Azure Resource Manager.
pub(crate) type Work = Box<dyn FnOnce(&mut State, &Call, usize, Timestamp) -> Answer + Send>;

/// A request on record, and what happens to it.
struct Admitted {
    call: Call,
    number: u64,
    fate: Fate,
    work: Work,
}

/// Goes on with a request when its latency is over, in a task of its own: this future ends when
/// the client goes away.
async fn delayed(shared: Arc<Shared>, admitted: Admitted) -> Result<Answer, Cut> {
    let late = async move {
        shared.sleep(admitted.fate.latency).await?;
        let answer = proceed(&mut shared.lock(), &shared, admitted);
        shared.changed();
        answer
    };
    tokio::spawn(late).await.unwrap_or(Err(Cut))
}

/// Executes a request, or does to it what the fault says.
fn proceed(state: &mut State, shared: &Shared, admitted: Admitted) -> Result<Answer, Cut> {
    let Admitted { call, number, fate, work } = admitted;
    let now = shared.clock.now();
    for Document(body) in &fate.foreign {
        if let Some(backend) = call.target.backend() {
            state.foreign(Method::PUT, backend, body.to_string().into(), now);
        }
    }
    let execute = |state: &mut State, writes| {
        let answer = work(state, &call, writes, now);
        state.record.effect(number, call.target.backend(), answer.effect.clone());
        answer
    };
    let answer = match &fate.stroke {
        None => Ok(execute(state, 0)),
        Some(Stroke::Throttled { until }) => Ok(Answer::throttled(clock::left(now, *until))),
        Some(Stroke::Fails(with, write)) => {
            if *write == Write::Done {
                execute(state, 0);
            }
            match with {
                Failure::Error(error) if call.received.operation == Operation::Token => {
                    Ok(identity::unavailable(*error))
                }
                Failure::Error(error) => Ok(Answer::server_error(*error)),
                Failure::Page(status) => Ok(Answer::page(*status)),
                Failure::Cut => Err(Cut),
            }
        }
        Some(Stroke::LandsLate { due }) => {
            state.record.effect(number, None, Effect::Waiting);
            state.late.push(Late { number, call: call.clone(), due: *due });
            Err(Cut)
        }
        Some(Stroke::Stale { versions }) => Ok(execute(state, (*versions).max(1))),
    };
    let outcome = match &answer {
        Ok(answer) => Outcome::Answered(answer.status),
        Err(Cut) => Outcome::Cut,
    };
    state.record.outcome(number, outcome);
    answer
}

/// ARM asks for an api-version before it looks at anything else of a request; whether it is one
/// that API Management has, API Management says itself (public issues).
///
/// Subscriptions are the manager's own, in versions of its own.
fn api_version(query: &str, target: &Target) -> Result<ApiVersion, Answer> {
    let manager = |code, message: &str| Answer::manager(StatusCode::BAD_REQUEST, code, message);
    let versions = pairs(query);
    let version = versions.iter().find(|(key, _)| key.eq_ignore_ascii_case("api-version"));
    let Some((_, version)) = version.filter(|(_, version)| !version.is_empty()) else {
        return Err(manager(
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all requests.",
        ));
    };
    let date = version.get(..10).filter(|date| date.parse::<jiff::civil::Date>().is_ok());
    let rest = date.and_then(|_| version.get(10..));
    if !rest.is_some_and(|rest| rest.is_empty() || rest == "-preview") {
        return Err(manager(
            "InvalidApiVersionParameter",
            &format!("The api-version '{version}' is invalid."),
        ));
    }
    if *target == Target::Inventory(None) {
        return Ok(LATEST);
    }
    ApiVersion::named(version).ok_or_else(|| {
        Answer::error(
            StatusCode::BAD_REQUEST,
            "MissingOrIncorrectVersionParameter",
            &format!(
                "API version query parameter is not specified or was specified incorrectly. \
                 Supported versions: {} Example query param format: api-version=SupportedVersion",
                ApiVersion::names()
            ),
        )
    })
}

/// The state file cannot be written.
fn unkept() -> Answer {
    Answer::error(
        StatusCode::INTERNAL_SERVER_ERROR,
        "InternalServerError",
        "The emulator cannot write its state file; see its log.",
    )
}

fn body_too_large() -> Answer {
    Answer::manager(
        StatusCode::PAYLOAD_TOO_LARGE,
        "RequestContentTooLarge",
        "The request content size exceeds the maximum size of 4 MB.",
    )
}
