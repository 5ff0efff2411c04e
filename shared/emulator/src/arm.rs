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
    answer::{Answer, Common},
    fault::{Document, Failure, Fate, Stroke, Write},
    hand,
    options::Throttling,
    query::pairs,
    record::Outcome,
    serve::{Body, Cut, Slow, read, text},
    state::{Call, Late, Shared, State},
    store::Effect,
    target::Target,
    token,
    unpublished::ErrorDetails,
    version::{ApiVersion, LATEST, NESTED_DETAILS},
};
use http::{HeaderName, Request, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use std::{sync::Arc, time::Duration};

/// Answers one request on the port of Azure Resource Manager.
pub(crate) async fn handle(
    shared: Arc<Shared>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Cut> {
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
    let entered = {
        let mut state = shared.lock();
        enter(&mut state, &shared, &call, authorization, legible)
    };
    shared.changed();
    let Entered { number, remaining, slow, passage } = entered;
    let answer = match passage {
        Passage::Settled(answer) => answer,
        Passage::Delayed(fate) => {
            let (shared, call) = (Arc::clone(&shared), call.clone());
            let work = async move {
                shared.sleep(fate.latency).await?;
                let answer = proceed(&mut shared.lock(), &shared, &call, number, &fate);
                shared.changed();
                answer
            };
            // A task of its own: this future ends when the client goes away.
            tokio::spawn(work).await.unwrap_or(Err(Cut))
        }
    };
    let common = Common {
        request_id: token::request_id(shared.options.seed, number),
        client_request_id: call.received.client_request_id.as_deref(),
        remaining,
    };
    let mut answer = answer?;
    // No client is answered before a restart can no longer lose the write.
    let operation = call.received.operation;
    let lasting = operation.is_write() || operation == Operation::Reconnect;
    if lasting && !shared.kept().await {
        answer = unkept();
    }
    let nested = shared.options.unpublished.error_details == ErrorDetails::Nested;
    if nested && call.version >= NESTED_DETAILS {
        answer = answer.nested();
    }
    Ok(slowed(&shared, answer.into_response(shared.clock.now(), &common), slow))
}

/// Holds back half of an answer's body, by the emulator's clock.
pub(crate) fn slowed(
    shared: &Arc<Shared>,
    response: Response<Body>,
    by: Duration,
) -> Response<Body> {
    if by.is_zero() {
        return response;
    }
    let shared = Arc::clone(shared);
    let wait = async move { shared.sleep(by).await };
    response.map(|body| Slow::new(body, wait).boxed_unsync())
}

/// A request that was recorded, and its answer or what is still to do.
struct Entered {
    number: u64,
    remaining: Option<(HeaderName, u32)>,
    slow: Duration,
    passage: Passage,
}

enum Passage {
    Settled(Result<Answer, Cut>),
    Delayed(Fate),
}

/// Records a request, and settles it at once unless it is to be delayed.
fn enter(
    state: &mut State,
    shared: &Shared,
    call: &Call,
    authorization: Option<&str>,
    legible: Result<(), Answer>,
) -> Entered {
    let (operation, at) = (call.received.operation, call.received.at);
    let number = state.record.receive(call.received.clone());
    let mut remaining = None;
    let refused = state
        .tokens
        .check(authorization, &shared.options.audiences, at)
        .and_then(|principal| legible.map(|()| principal))
        .and_then(|principal| {
            let Some(place) = call.target.place() else {
                return Ok(());
            };
            let subscription = state.services.of(place).subscription();
            let taken = state.buckets.take(subscription, principal, operation, at);
            let Some(verdict) = taken else {
                return Ok(());
            };
            remaining = Some((verdict.header, verdict.remaining));
            match (shared.options.throttling, verdict.wait) {
                (Throttling::Enforce, Some(wait)) => Err(Answer::throttled(wait)),
                (Throttling::Enforce, None) | (Throttling::CountOnly, _) => Ok(()),
            }
        });
    let mut slow = Duration::ZERO;
    let passage = match refused {
        Err(answer) => {
            state.record.outcome(number, Outcome::Answered(answer.status));
            Passage::Settled(Ok(answer))
        }
        Ok(()) => {
            let fate = state.meet(call);
            slow = fate.slow;
            if fate.latency.is_zero() {
                Passage::Settled(proceed(state, shared, call, number, &fate))
            } else {
                Passage::Delayed(fate)
            }
        }
    };
    Entered { number, remaining, slow, passage }
}

/// Executes a request, or does to it what the fault says.
fn proceed(
    state: &mut State,
    shared: &Shared,
    call: &Call,
    number: u64,
    fate: &Fate,
) -> Result<Answer, Cut> {
    let now = shared.clock.now();
    for Document(body) in &fate.foreign {
        if let Some(backend) = call.target.backend() {
            hand::foreign_within(state, shared, Operation::Put, backend, body.to_string().into());
        }
    }
    let execute = |state: &mut State| {
        let (answer, effect) = state.execute(call, now);
        let waits = effect == Effect::Reconnects || !shared.options.gateway_delay.is_zero();
        if effect.happened() && waits {
            shared.due_changed();
        }
        state.record.effect(number, call.target.backend(), effect);
        answer
    };
    let answer = match &fate.stroke {
        None => Ok(execute(state)),
        Some(Stroke::Throttled { until }) => Ok(Answer::throttled(crate::clock::left(now, *until))),
        Some(Stroke::Fails { with, write }) => {
            if *write == Write::Done {
                execute(state);
            }
            match with {
                Failure::Error(error) => Ok(Answer::server_error(*error)),
                Failure::Page(status) => Ok(Answer::page(*status)),
                Failure::Cut => Err(Cut),
            }
        }
        Some(Stroke::LandsLate { due }) => {
            state.record.effect(number, None, Effect::Waiting);
            state.late.push(Late { number, call: call.clone(), due: *due });
            shared.due_changed();
            Err(Cut)
        }
        Some(Stroke::Stale { versions }) => {
            Ok(state.execute_as_of(call, (*versions).max(1), now).0)
        }
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
pub(crate) fn unkept() -> Answer {
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
