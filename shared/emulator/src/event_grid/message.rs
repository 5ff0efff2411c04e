//! What goes over the wire to a webhook: events and handshakes, in either schema.

use super::{Event, Schema, Subscription};
use crate::{duration, token};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use jiff::Timestamp;
use serde_json::{Value, json};

/// The origin that asks for consent by OPTIONS.
const ORIGIN: HeaderValue = HeaderValue::from_static("eventgrid.azure.net");

const REQUEST_ORIGIN: HeaderName = HeaderName::from_static("webhook-request-origin");
const ALLOWED_ORIGIN: HeaderName = HeaderName::from_static("webhook-allowed-origin");

/// A request to a webhook, but for its URL and the subscription's own headers.
pub(crate) struct Message {
    pub(crate) verb: Method,
    pub(crate) headers: Vec<(HeaderName, String)>,
    pub(crate) body: Bytes,
}

/// The time as the service writes it, in ticks of .NET.
fn ticks(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%7fZ").to_string()
}

const fn aeg(name: &'static str) -> HeaderName {
    HeaderName::from_static(name)
}

impl Message {
    /// An event, tried `attempts` times before.
    pub(crate) fn event(subscription: &Subscription, event: &Event, attempts: u32) -> Self {
        let data = json!({
            "backendName": event.backend,
            "circuitBreaker": {"rules": {
                event.rule.as_str(): {"tripDuration": duration::clocked(event.trip)},
            }},
        });
        let mut headers = vec![
            (aeg("aeg-subscription-name"), subscription.name.to_uppercase()),
            (aeg("aeg-delivery-count"), attempts.to_string()),
            (aeg("aeg-event-type"), "Notification".to_owned()),
            (aeg("aeg-output-event-id"), event.id.clone()),
        ];
        let body = match subscription.schema {
            Schema::CloudEvents => {
                let kind = "application/cloudevents+json; charset=utf-8";
                headers.push((header::CONTENT_TYPE, kind.to_owned()));
                headers.push((aeg("aeg-metadata-version"), "1.0".to_owned()));
                json!({
                    "specversion": "1.0",
                    "type": event.kind,
                    "source": event.topic,
                    "id": event.id,
                    "time": ticks(event.at),
                    "subject": event.subject,
                    "data": data,
                })
            }
            Schema::EventGrid => {
                let kind = "application/json; charset=utf-8";
                headers.push((header::CONTENT_TYPE, kind.to_owned()));
                headers.push((aeg("aeg-metadata-version"), "1".to_owned()));
                headers.push((aeg("aeg-data-version"), "1".to_owned()));
                json!([{
                    "id": event.id,
                    "topic": event.topic,
                    "subject": event.subject,
                    "data": data,
                    "eventType": event.kind,
                    "dataVersion": "1",
                    "metadataVersion": "1",
                    "eventTime": ticks(event.at),
                }])
            }
        };
        Self { verb: Method::POST, headers, body: body.to_string().into() }
    }

    /// Asks a webhook whether it wants events.
    pub(crate) fn handshake(
        subscription: &Subscription,
        topic: &str,
        code: &str,
        now: Timestamp,
    ) -> Self {
        match subscription.schema {
            Schema::CloudEvents => Self {
                verb: Method::OPTIONS,
                headers: vec![
                    (REQUEST_ORIGIN, ORIGIN.to_str().unwrap_or_default().to_owned()),
                    (HeaderName::from_static("webhook-request-rate"), "120".to_owned()),
                ],
                body: Bytes::new(),
            },
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
                let kind = "application/json; charset=utf-8";
                Self {
                    verb: Method::POST,
                    headers: vec![
                        (header::CONTENT_TYPE, kind.to_owned()),
                        (aeg("aeg-event-type"), "SubscriptionValidation".to_owned()),
                        (aeg("aeg-subscription-name"), subscription.name.to_uppercase()),
                        (aeg("aeg-delivery-count"), "0".to_owned()),
                    ],
                    body: body.to_string().into(),
                }
            }
        }
    }
}

/// Whether an answer to the handshake is a yes; an error says what it was instead.
pub(crate) fn consents(
    schema: Schema,
    code: &str,
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<(), String> {
    match schema {
        Schema::CloudEvents => {
            if !status.is_success() {
                return Err(format!("it answered {status} to OPTIONS"));
            }
            let allowed = headers.get(ALLOWED_ORIGIN);
            if allowed.is_some_and(|origin| origin == ORIGIN || origin == "*") {
                Ok(())
            } else {
                Err("its answer to OPTIONS has no WebHook-Allowed-Origin for eventgrid.azure.net"
                    .to_owned())
            }
        }
        Schema::EventGrid => {
            // 202 is not accepted (documented).
            if status != StatusCode::OK {
                return Err(format!("it answered {status} to the validation event, not 200"));
            }
            let answer: Value = serde_json::from_slice(body).unwrap_or_default();
            if answer["validationResponse"] == code {
                Ok(())
            } else {
                Err("its answer does not have the code as validationResponse".to_owned())
            }
        }
    }
}
