//! What was asked of the emulator, and the results.
//!
//! The record keeps the latest requests up to a bound; the totals count on beyond it, so that a
//! storm can be counted without keeping it. Tokens and client secrets are never recorded; bodies
//! are, since tests look into them, but `Debug` shows only how long they are.

use crate::{
    address::{Address, Operation},
    fault::status,
    store::Effect,
    target::Target,
};
use bytes::Bytes;
use http::{Method, StatusCode};
use jiff::Timestamp;
use serde::{Serialize, Serializer};
use serde_json::Value;
use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    time::Instant,
};

/// Who wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// A client over HTTP, with a token.
    Client,
    /// The foreign writer, who needs neither token nor If-Match.
    Foreign,
}

/// What a client got to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Nothing yet.
    Pending,
    /// The connection was cut.
    Cut,
    /// This status.
    #[serde(untagged)]
    Answered(#[serde(serialize_with = "status::serialize")] StatusCode),
}

/// One request; as the admin endpoints show it, too.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Received {
    /// Its number, from 1, in order of arrival.
    pub number: u64,
    /// When it had been read, by the emulator's clock.
    pub at: Timestamp,
    /// The same moment on the monotonic clock of the emulator's process, before anything was done
    /// about it.
    #[serde(skip)]
    pub instant: Instant,
    /// Who sent it.
    pub origin: Origin,
    /// What it asked for.
    pub operation: Operation,
    /// The verb.
    #[serde(serialize_with = "word")]
    pub verb: Method,
    /// The path, as sent.
    pub path: String,
    /// The query, as sent; of token requests too, which carry no secret there.
    pub query: String,
    /// The backend that it is about.
    pub backend: Option<Address>,
    /// The header If-Match.
    pub if_match: Option<String>,
    /// The header x-ms-client-request-id.
    pub client_request_id: Option<String>,
    /// The body; empty for token requests. It may hold secrets.
    #[serde(serialize_with = "json")]
    pub body: Bytes,
    /// What the client got to see.
    pub outcome: Outcome,
    /// What it did.
    pub effect: Effect,
}

fn word<S: Serializer>(verb: &Method, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(verb)
}

fn json<S: Serializer>(body: &Bytes, to: S) -> Result<S::Ok, S::Error> {
    serde_json::from_slice(body).unwrap_or(Value::Null).serialize(to)
}

impl Received {
    /// A request for `target`, before anything is known of its result.
    pub(crate) fn new(
        origin: Origin,
        target: &Target,
        verb: Method,
        path: &str,
        at: Timestamp,
        body: Bytes,
    ) -> Self {
        Self {
            number: 0,
            at,
            instant: Instant::now(),
            origin,
            operation: target.operation(),
            verb,
            path: path.to_owned(),
            query: String::new(),
            backend: target.backend().cloned(),
            if_match: None,
            client_request_id: None,
            body,
            outcome: Outcome::Pending,
            effect: Effect::None,
        }
    }

    /// The status that was answered; none when the connection was cut or nothing was yet.
    pub fn status(&self) -> Option<StatusCode> {
        match self.outcome {
            Outcome::Answered(status) => Some(status),
            Outcome::Pending | Outcome::Cut => None,
        }
    }

    /// The body as JSON; null when it is empty or none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
}

impl fmt::Display for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{} {} {} {}", self.number, self.at, self.verb, self.path)?;
        if let Some(tag) = &self.if_match {
            write!(f, " if {tag}")?;
        }
        match self.outcome {
            Outcome::Pending => write!(f, " -> pending")?,
            Outcome::Answered(status) => write!(f, " -> {}", status.as_u16())?,
            Outcome::Cut => write!(f, " -> cut")?,
        }
        match &self.effect {
            Effect::None => Ok(()),
            Effect::Written { etag } => write!(f, ", wrote {etag}"),
            Effect::Deleted => write!(f, ", deleted"),
            Effect::Reconnects => write!(f, ", reconnects"),
            Effect::Waiting => write!(f, ", lands late"),
            Effect::Lost { status } => write!(f, ", landed and lost with {}", status.as_u16()),
        }
    }
}

impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} ({:?}, body of {} bytes)", self.origin, self.body.len())
    }
}

/// The latest requests, and how many there were of each kind.
#[derive(Debug, Default)]
pub(crate) struct Record {
    kept: VecDeque<Received>,
    kept_max: usize,
    /// The number of the latest request; it goes on after a restart.
    pub(crate) last: u64,
    totals: BTreeMap<Operation, u64>,
    written: BTreeMap<Address, u64>,
    unknown: Vec<String>,
}

/// How many unknown calls are remembered for the message of a test that fails by them.
const UNKNOWN_KEPT: usize = 20;

impl Record {
    pub(crate) fn new(kept_max: usize) -> Self {
        Self { kept_max, ..Self::default() }
    }

    /// Numbers a request and records it.
    pub(crate) fn receive(&mut self, mut received: Received) -> u64 {
        self.last += 1;
        received.number = self.last;
        if received.origin == Origin::Client {
            *self.totals.entry(received.operation).or_default() += 1;
        }
        // Clients ask for the root to open a connection ahead of need; any answer is enough for
        // them.
        let opens = received.verb == Method::HEAD && received.path == "/";
        if received.operation == Operation::Unknown && !opens && self.unknown.len() < UNKNOWN_KEPT {
            let Received { verb, path, .. } = &received;
            let call = format!("#{} {verb} {path}", self.last);
            self.unknown.push(call);
        }
        if self.kept_max > 0 {
            if self.kept.len() >= self.kept_max {
                self.kept.pop_front();
            }
            self.kept.push_back(received);
        }
        self.last
    }

    pub(crate) fn outcome(&mut self, number: u64, outcome: Outcome) {
        if let Some(received) = self.find(number) {
            received.outcome = outcome;
        }
    }

    pub(crate) fn effect(&mut self, number: u64, backend: Option<&Address>, effect: Effect) {
        if let (Effect::Written { .. } | Effect::Deleted, Some(backend)) = (&effect, backend) {
            *self.written.entry(backend.clone()).or_default() += 1;
        }
        if let Some(received) = self.find(number) {
            received.effect = effect;
        }
    }

    fn find(&mut self, number: u64) -> Option<&mut Received> {
        let first = self.kept.front()?.number;
        let index = usize::try_from(number.checked_sub(first)?).ok()?;
        self.kept.get_mut(index)
    }

    pub(crate) fn kept(&self) -> &VecDeque<Received> {
        &self.kept
    }

    /// How many requests clients made for `operation`, kept or not.
    pub(crate) fn total(&self, operation: Operation) -> u64 {
        self.totals.get(&operation).copied().unwrap_or_default()
    }

    /// How many times `backend` was written or deleted, by anyone.
    pub(crate) fn written(&self, backend: &Address) -> u64 {
        self.written.get(backend).copied().unwrap_or_default()
    }

    pub(crate) fn unknown(&self) -> impl Iterator<Item = &String> {
        self.unknown.iter()
    }

    /// Forgets the requests and the totals; the numbers continue.
    pub(crate) fn clear(&mut self) {
        self.kept.clear();
        self.totals.clear();
        self.written.clear();
        self.unknown.clear();
    }
}
