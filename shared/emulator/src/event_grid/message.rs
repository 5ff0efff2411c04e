//! What goes over the wire to a webhook: events and handshakes, in either schema.

use super::{Delivery, Event, Schema, Subscription};
use crate::{duration, gateway::breaker::Turned, token};
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use jiff::Timestamp;
use serde_json::{Value, json};

/// The origin that asks for consent by OPTIONS.
const ORIGIN: &str = "eventgrid.azure.net";
const JSON: &str = "application/json; charset=utf-8";

/// A request to a webhook, but for its URL and the subscription's own headers.
pub(crate) type Message = http::Result<Request<Full<Bytes>>>;

fn message(verb: Method, headers: &[(&str, &str)], body: String) -> Message {
    let message = Request::builder().method(verb);
    let message = headers.iter().fold(message, |all, (name, value)| all.header(*name, *value));
    message.body(body.into())
}

/// The time as the service writes it, in ticks of .NET.
fn ticks(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%7fZ").to_string()
}

/// An event, to be tried once more.
pub(crate) fn event(subscription: &Subscription, delivery: &Delivery) -> Message {
    let Delivery { id, kind, subject, event, .. } = delivery;
    let Event { topic, backend, turned: Turned { at, rule, trip, .. } } = &**event;
    let data = json!({
        "backendName": backend,
        "circuitBreaker": {"rules": {
            rule.as_str(): {"tripDuration": duration::clocked(*trip)},
        }},
    });
    let schema: &[_] = match subscription.schema {
        Schema::CloudEvents => &[
            ("content-type", "application/cloudevents+json; charset=utf-8"),
            ("aeg-metadata-version", "1.0"),
        ],
        Schema::EventGrid => {
            &[("content-type", JSON), ("aeg-metadata-version", "1"), ("aeg-data-version", "1")]
        }
    };
    let body = match subscription.schema {
        Schema::CloudEvents => json!({
            "specversion": "1.0",
            "type": kind,
            "source": topic,
            "id": id,
            "time": ticks(*at),
            "subject": subject,
            "data": data,
        }),
        Schema::EventGrid => json!([{
            "id": id,
            "topic": topic,
            "subject": subject,
            "data": data,
            "eventType": kind,
            "dataVersion": "1",
            "metadataVersion": "1",
            "eventTime": ticks(*at),
        }]),
    };
    let (name, tried) = (subscription.name.to_uppercase(), delivery.attempts.to_string());
    let headers = [
        ("aeg-subscription-name", &*name),
        ("aeg-delivery-count", &tried),
        ("aeg-event-type", "Notification"),
        ("aeg-output-event-id", id),
    ];
    message(Method::POST, &[&headers, schema].concat(), body.to_string())
}

/// Asks a webhook whether it wants events.
pub(crate) fn handshake(
    subscription: &Subscription,
    topic: &str,
    code: &str,
    now: Timestamp,
) -> Message {
    match subscription.schema {
        Schema::CloudEvents => {
            let headers = [("webhook-request-origin", ORIGIN), ("webhook-request-rate", "120")];
            message(Method::OPTIONS, &headers, String::new())
        }
        Schema::EventGrid => {
            let body = json!([{
                "id": token::request_id(token::mixed(0, now.as_second().unsigned_abs()), 0),
                "topic": topic,
                "subject": "",
                "data": {"validationCode": code},
                "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
                "eventTime": ticks(now),
                "metadataVersion": "1",
                "dataVersion": "1",
            }]);
            let headers = [
                ("content-type", JSON),
                ("aeg-event-type", "SubscriptionValidation"),
                ("aeg-subscription-name", &subscription.name.to_uppercase()),
                ("aeg-delivery-count", "0"),
            ];
            message(Method::POST, &headers, body.to_string())
        }
    }
}

/// Whether an answer to the handshake is a yes; an error says what it was instead.
pub(crate) fn consents(
    schema: Schema,
    code: &str,
    response: &Response<Bytes>,
) -> Result<(), String> {
    let status = response.status();
    match schema {
        Schema::CloudEvents if !status.is_success() => {
            Err(format!("it answered {status} to OPTIONS"))
        }
        Schema::CloudEvents => {
            let allowed = response.headers().get("webhook-allowed-origin");
            let allows = allowed.is_some_and(|origin| origin == ORIGIN || origin == "*");
            let lacks = "its answer to OPTIONS has no WebHook-Allowed-Origin for";
            allows.then_some(()).ok_or_else(|| format!("{lacks} {ORIGIN}"))
        }
        // 202 is not accepted (documented).
        Schema::EventGrid if status != StatusCode::OK => {
            Err(format!("it answered {status} to the validation event, not 200"))
        }
        Schema::EventGrid => {
            let answer: Value = serde_json::from_slice(response.body()).unwrap_or_default();
            let lacks = "its answer does not have the code as validationResponse";
            (answer["validationResponse"] == code).then_some(()).ok_or_else(|| lacks.to_owned())
        }
    }
}
