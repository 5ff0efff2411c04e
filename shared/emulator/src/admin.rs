//! The admin endpoints, for processes that do not hold the emulator: `/emulator/...` on the port
//! of Azure Resource Manager, without a token.
//!
//! | request | does |
//! |---|---|
//! | `GET /emulator/state` | clock, backends with ETags, faults, late writes, reconnects, breakers, connections, subscriptions, deliveries, traffic |
//! | `GET /emulator/requests` | the record; `?backend=` for one backend |
//! | `POST /emulator/faults` | injects the fault of the body; answers its id |
//! | `DELETE /emulator/faults[/{id}]` | clears all faults, or one |
//! | `POST /emulator/land` | lands what is late, in order |
//! | `POST /emulator/clock` | `{"advance": "PT5M"}` or `{"skew": "-PT40S"}` |
//! | `PUT`, `DELETE /emulator/subscriptions/{name}` | an Event Grid subscription |
//! | `PUT`, `PATCH`, `DELETE /emulator/backends/{id}` | the foreign writer; `{workspace}/{id}` too |
//!
//! Durations are ISO 8601. Bodies of recorded requests are shown here, secrets included: these
//! endpoints are on the loopback, and the emulator has no real ones.

use crate::{
    address::Address,
    answer::Answer,
    courier,
    event_grid::Subscription,
    fault::{Fault, FaultId},
    query::{decoded, pairs},
    record::Received,
    state::Shared,
    token,
    view::View,
};
use axum::response::Response;
use bytes::Bytes;
use http::{Method, StatusCode, request::Parts};
use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;

/// What the paths of the admin endpoints begin with.
pub(crate) const PREFIX: &str = "/emulator/";

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Step {
    Advance(#[serde(with = "jiff::fmt::serde::unsigned_duration::required")] Duration),
    Skew(SignedDuration),
}

pub(crate) async fn handle(shared: &Shared, head: &Parts, body: &Bytes) -> Response {
    let answer = answer(shared, head, body).await.unwrap_or_else(|refused| refused);
    let now = shared.clock.now();
    let request_id = token::request_id(shared.options.seed, 0);
    answer.into_response(now, &request_id, None)
}

async fn answer(shared: &Shared, head: &Parts, body: &Bytes) -> Result<Answer, Answer> {
    let (path, now) = (head.uri.path().trim_start_matches(PREFIX), shared.clock.now());
    let path = decoded(path).unwrap_or_default();
    let (what, rest) = path.split_once('/').unwrap_or((&path, ""));
    match (&head.method, what, rest) {
        (&Method::GET, "state", "") => Ok(ok(&state(shared))),
        (&Method::GET, "requests", "") => {
            let query = pairs(head.uri.query().unwrap_or_default());
            let backend = query.into_iter().find(|(key, _)| key == "backend");
            let backend = backend.map(|(_, name)| shared.services.home(name.into()));
            Ok(ok(&requests(shared, backend.as_ref())))
        }
        (&Method::POST, "faults", "") => {
            let fault: Fault = parsed(body)?;
            Ok(ok(&json!({"id": shared.inject(fault)})))
        }
        (&Method::DELETE, "faults", "") => {
            shared.change(|state| state.faults.clear());
            Ok(ok(&json!({})))
        }
        (&Method::DELETE, "faults", id) => {
            let id = id.parse().map(FaultId);
            removed(id.is_ok_and(|id| shared.change(|state| state.faults.remove(id))))
        }
        (&Method::POST, "land", "") => {
            let landed = shared.change(|state| state.land_all(now)).into_iter();
            let shown = |(number, effect)| json!({"number": number, "effect": effect});
            Ok(ok(&landed.map(shown).collect()))
        }
        (&Method::POST, "clock", "") => {
            match parsed(body)? {
                Step::Advance(by) => shared.clock.advance(by),
                Step::Skew(skew) => shared.clock.set_skew(skew),
            }
            drop(shared.lock());
            Ok(ok(&json!({"now": shared.clock.now(), "skew": shared.clock.skew()})))
        }
        (&Method::PUT, "subscriptions", name) if !name.is_empty() => {
            let mut body: Value = parsed(body)?;
            if let Some(body) = body.as_object_mut() {
                body.insert("name".to_owned(), json!(name));
            }
            let subscription: Subscription = serde_json::from_value(body)
                .map_err(|error| Answer::unreadable(&error.to_string()))?;
            courier::validate(shared, &subscription).await.map_err(|error| {
                Answer::error(StatusCode::BAD_REQUEST, "UrlValidation", &error.to_string())
            })?;
            shared.change(|state| state.events.subscribe(subscription, true));
            Ok(ok(&json!({})))
        }
        (&Method::DELETE, "subscriptions", name) => {
            removed(shared.change(|state| state.events.unsubscribe(name)))
        }
        (verb @ &(Method::PUT | Method::PATCH | Method::DELETE), "backends", name)
            if !name.is_empty() =>
        {
            let (verb, backend) = (verb.clone(), name.into());
            Ok(shared.change(|state| state.foreign(verb, &backend, body.clone(), now)))
        }
        _ => Err(unknown()),
    }
}

fn removed(there: bool) -> Result<Answer, Answer> {
    if there { Ok(ok(&json!({}))) } else { Err(unknown()) }
}

fn ok(value: &Value) -> Answer {
    Answer::value(StatusCode::OK, value)
}

fn parsed<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Answer> {
    serde_json::from_slice(body).map_err(|error| Answer::unreadable(&error.to_string()))
}

fn unknown() -> Answer {
    Answer::error(
        StatusCode::NOT_FOUND,
        "NotFound",
        "There is no such admin endpoint, or nothing of that name.",
    )
}

fn state(shared: &Shared) -> Value {
    let state = shared.lock();
    let now = shared.clock.now();
    let view = View::new(&state, now);
    let backends: Vec<_> = view
        .backends()
        .map(|backend| json!({"backend": backend, "etag": view.etag(backend)}))
        .collect();
    // Without the query and the headers, which may be secrets.
    let subscriptions: Vec<_> = state
        .events
        .subscriptions()
        .map(|Subscription { name, schema, .. }| json!({"name": name, "schema": schema}))
        .collect();
    json!({
        "now": now,
        "skew": shared.clock.skew(),
        "backends": backends,
        "faults": state.faults.standing(),
        "late": view.late().collect::<Vec<_>>(),
        "reconnects": view.reconnects(),
        "breakers": state.gateways.breakers(now),
        "connections": shared.forwarder.connections(),
        "subscriptions": subscriptions,
        "deliveries": view.deliveries(),
        "traffic": view.traffic().counts().collect::<Vec<_>>(),
        "leftovers": state.leftovers(),
    })
}

fn requests(shared: &Shared, backend: Option<&Address>) -> Value {
    let state = shared.lock();
    let wanted = |received: &&Received| backend.is_none() || received.backend.as_ref() == backend;
    json!(state.record.kept().iter().filter(wanted).collect::<Vec<_>>())
}
