//! Messages as they come and go over HTTP.
//!
//! A single message is the body of its request, with its broker properties as JSON in one header and those of
//! its application in a header each. A batch is a JSON array of all that, in a content type of its own.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, header};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::broker::Received;

pub(crate) const BROKER_PROPERTIES: HeaderName = HeaderName::from_static("brokerproperties");

/// The content type of a batch.
const BATCH: &str = "application/vnd.microsoft.servicebus.json";

/// How long a message lives that says nothing of it, in seconds: as the service writes "for ever".
const FOR_EVER: f64 = 922_337_203_685.477_5;

/// The headers of a request that are not properties of its message.
const OTHERS: [&str; 12] = [
    "host",
    "authorization",
    "content-length",
    "content-type",
    "brokerproperties",
    "accept",
    "accept-encoding",
    "connection",
    "user-agent",
    "transfer-encoding",
    "expect",
    "traceparent",
];

/// A message as it was sent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Message {
    pub(crate) body: String,
    pub(crate) content_type: Option<String>,
    pub(crate) properties: Settable,
    /// The application's own, as they are written in headers.
    pub(crate) custom: BTreeMap<String, String>,
    /// The id that it was given, where its sender has given none.
    given_id: String,
}

/// The broker properties that a sender may set. Others are ignored, as the service does.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct Settable {
    pub(crate) message_id: Option<String>,
    pub(crate) label: Option<String>,
    pub(crate) correlation_id: Option<String>,
    #[serde(rename = "ScheduledEnqueueTimeUtc", with = "http_time")]
    pub(crate) scheduled: Option<Timestamp>,
    #[serde(with = "seconds")]
    pub(crate) time_to_live: Option<Duration>,
}

/// One message of a batch.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Part {
    body: String,
    #[serde(default)]
    broker_properties: Settable,
    #[serde(default)]
    user_properties: BTreeMap<String, Value>,
}

impl Message {
    pub(crate) fn id(&self) -> &str {
        self.properties.message_id.as_deref().unwrap_or(&self.given_id)
    }

    /// The messages of a request; an error says what is wrong with them.
    pub(crate) fn read(headers: &HeaderMap, body: &Bytes) -> Result<Vec<Self>, String> {
        let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        let content_type = text(&header::CONTENT_TYPE).map(str::to_owned);
        let body = str::from_utf8(body).map_err(|_| "the body is not UTF-8".to_owned())?;
        let given_id = || uuid::Uuid::new_v4().simple().to_string();
        if content_type.as_deref().is_some_and(|is| is.starts_with(BATCH)) {
            let parts: Vec<Part> = serde_json::from_str(body).map_err(|error| error.to_string())?;
            let message = |Part { body, broker_properties, user_properties }| Self {
                body,
                content_type: None,
                properties: broker_properties,
                custom: user_properties
                    .into_iter()
                    .map(|(key, value)| (key, value.to_string()))
                    .collect(),
                given_id: given_id(),
            };
            return Ok(parts.into_iter().map(message).collect());
        }
        let properties = match text(&BROKER_PROPERTIES) {
            Some(properties) => serde_json::from_str(properties)
                .map_err(|error| format!("BrokerProperties: {error}"))?,
            None => Settable::default(),
        };
        let custom = headers.iter().filter_map(|(name, value)| {
            let own = !OTHERS.contains(&name.as_str()) && !name.as_str().starts_with("x-ms-");
            own.then(|| Some((name.to_string(), value.to_str().ok()?.to_owned()))).flatten()
        });
        let custom = custom.collect();
        let body = body.to_owned();
        Ok(vec![Self { body, content_type, properties, custom, given_id: given_id() }])
    }

    /// How large it counts, in bytes: its body and all of its properties.
    pub(crate) fn bytes(&self) -> usize {
        let custom = self.custom.iter().map(|(key, value)| key.len() + value.len());
        let properties = serde_json::to_string(&self.properties).map_or(0, |text| text.len());
        self.body.len() + properties + custom.sum::<usize>()
    }
}

impl Received {
    /// The broker properties of an answer.
    pub(crate) fn properties(&self) -> Value {
        let Settable { label, correlation_id, time_to_live, .. } = &self.message.properties;
        let mut properties = json!({
            "DeliveryCount": self.deliveries,
            "EnqueuedSequenceNumber": 0,
            "EnqueuedTimeUtc": crate::clock::http_date(self.enqueued),
            "MessageId": self.message.id(),
            "SequenceNumber": self.seq,
            "State": "Active",
            "TimeToLive": time_to_live.map_or(FOR_EVER, |lives| lives.as_secs_f64()),
        });
        let texts = [("Label", label), ("CorrelationId", correlation_id)];
        for (name, text) in texts {
            if let Some(text) = text {
                properties[name] = json!(text);
            }
        }
        if let Some((lock, until)) = &self.locked {
            properties["LockToken"] = json!(lock);
            properties["LockedUntilUtc"] = json!(crate::clock::http_date(*until));
        }
        properties
    }
}

/// A time as HTTP writes it; with the offset `+0000`, too, which clients send.
mod http_time {
    use super::*;
    use jiff::fmt::rfc2822;
    use serde::{Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(
        at: &Option<Timestamp>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        at.map(crate::clock::http_date).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Timestamp>, D::Error> {
        let Some(text) = Option::<String>::deserialize(from)? else { return Ok(None) };
        rfc2822::DateTimeParser::new().parse_timestamp(&text).map(Some).map_err(de::Error::custom)
    }
}

/// A duration in seconds.
mod seconds {
    use super::*;
    use serde::{Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(
        lives: &Option<Duration>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        lives.map(|lives| lives.as_secs_f64()).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Duration>, D::Error> {
        let Some(seconds) = Option::<f64>::deserialize(from)? else { return Ok(None) };
        Duration::try_from_secs_f64(seconds).map(Some).map_err(de::Error::custom)
    }
}
