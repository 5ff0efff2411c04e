//! Azure Service Bus, as far as the REST interface of its queues goes.
//!
//! | request | what it does |
//! |---|---|
//! | `POST /{queue}/messages` | sends a message, or a batch of them |
//! | `POST /{queue}/messages/head?timeout=` | receives one and locks it; waits for one that long |
//! | `DELETE /{queue}/messages/head?timeout=` | receives one and deletes it |
//! | `DELETE /{queue}/messages/{message}/{lock}` | completes it |
//! | `PUT /{queue}/messages/{message}/{lock}` | gives it back |
//! | `POST /{queue}/messages/{message}/{lock}` | renews its lock |
//!
//! `/{queue}/$DeadLetterQueue` in place of the queue is its dead letters. A signature may be for the service's own
//! address, `https://{namespace}.servicebus.windows.net`, or for this one: its path is what counts.
//!
//! Assumed, because nobody has published it: a namespace whose credits are used up answers 503 with the
//! subcode 50009. Not emulated: sessions, transactions, topics, forwarding, and the management of queues, which are
//! declared in [`ServiceBus`].

mod admit;
mod broker;
mod wire;

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{body::Body, response::Response};
use bytes::Bytes;
use http::{Method, Request, StatusCode, header, request::Parts};
use hyper::body::Incoming;
use jiff::{Timestamp, fmt::serde::unsigned_duration::required as iso};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use self::{
    admit::{AUDIENCE, Credits, is_signed},
    broker::{Broker, LockLost, Receive, Received, Settle},
    wire::{BROKER_PROPERTIES, Message},
};
use crate::{
    clock::later,
    query::pairs,
    serve::{Cut, read, text, told},
    state::Shared,
};

/// The largest message of the Standard tier, with its properties.
const MESSAGE_BYTES_MAX: usize = 256 * 1024;

/// How long a receiver waits that names no time.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The name of a queue's dead letters; it is compared without case.
const DEAD_LETTERS: &str = "$deadletterqueue";

/// A namespace with its queues.
#[derive(Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct ServiceBus {
    /// Its name, the first part of its host's.
    pub namespace: String,
    /// The queues.
    pub queues: Vec<Queue>,
    /// The keys of its shared access policies, by name.
    pub policies: BTreeMap<String, String>,
    /// Whether it has no more credits than the Standard tier: 1,000 each second, one for a message.
    pub credits: bool,
    /// Where its messages are kept; none: in memory.
    pub file: Option<PathBuf>,
}

/// A queue.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Queue {
    /// Its name.
    pub name: String,
    /// How long a received message is locked.
    #[serde(with = "iso")]
    pub lock: Duration,
    /// After how many deliveries a message becomes a dead letter.
    pub deliveries_max: u32,
    /// For how long the same message id is taken once; none: it is not looked at.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::optional")]
    pub duplicates_within: Option<Duration>,
}

impl Default for ServiceBus {
    fn default() -> Self {
        let key = "emulated-key".to_owned();
        Self {
            namespace: "contoso-bus".to_owned(),
            queues: vec![Queue::default()],
            policies: [("RootManageSharedAccessKey".to_owned(), key)].into(),
            credits: false,
            file: None,
        }
    }
}

impl Default for Queue {
    fn default() -> Self {
        Self {
            name: "pointsman".to_owned(),
            lock: Duration::from_secs(60),
            deliveries_max: 10,
            duplicates_within: Some(Duration::from_secs(600)),
        }
    }
}

/// Without the keys.
impl std::fmt::Debug for ServiceBus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let policies: Vec<_> = self.policies.keys().collect();
        let Self { namespace, queues, credits, file, .. } = self;
        f.debug_struct("ServiceBus")
            .field("namespace", namespace)
            .field("queues", queues)
            .field("policies", &policies)
            .field("credits", credits)
            .field("file", file)
            .finish()
    }
}

impl Queue {
    /// The path of it, or of its dead letters.
    fn path(&self, dead: bool) -> String {
        let name = self.name.to_lowercase();
        if dead { format!("{name}/{DEAD_LETTERS}") } else { name }
    }
}

/// A running namespace.
pub(crate) struct Bus {
    options: ServiceBus,
    broker: Mutex<Broker>,
    credits: Mutex<Credits>,
    /// Tells those who wait of what may be there to receive.
    changes: watch::Sender<()>,
}

/// What a request asks for.
enum Asked<'p> {
    Send,
    Receive(Receive),
    Settle(Settle, (&'p str, &'p str)),
}

/// What a look for a message came to.
enum Taken {
    Received(Box<Received>),
    /// There is none, and will be none before then by itself.
    NothingUntil(Option<Timestamp>),
}

/// An answer that is an error.
struct Refusal(StatusCode, String);

impl Refusal {
    fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self(status, detail.into())
    }

    fn lock_lost() -> Self {
        Self::new(
            StatusCode::GONE,
            "The lock supplied is invalid. Either the lock expired, or the message has already been \
             removed from the queue.",
        )
    }

    fn response(self) -> Response {
        let Self(status, detail) = self;
        let detail = detail.replace('&', "&amp;").replace('<', "&lt;");
        let code = status.as_u16();
        let body = format!("<Error><Code>{code}</Code><Detail>{detail}</Detail></Error>");
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        let content_type = header::HeaderValue::from_static("application/xml; charset=utf-8");
        response.headers_mut().insert(header::CONTENT_TYPE, content_type);
        response
    }
}

impl From<rusqlite::Error> for Refusal {
    fn from(error: rusqlite::Error) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
    }
}

impl Bus {
    /// A namespace with the messages of its file; an error says why that cannot be used.
    pub(crate) fn open(options: ServiceBus) -> Result<Self, String> {
        let broker = Broker::open(options.file.as_deref()).map_err(|error| error.to_string())?;
        let (broker, credits) = (Mutex::new(broker), Mutex::default());
        Ok(Self { options, broker, credits, changes: watch::Sender::new(()) })
    }

    fn broker(&self) -> MutexGuard<'_, Broker> {
        self.broker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many messages a queue has, and how many dead letters; none where there is no such queue.
    pub(crate) fn count(&self, queue: &str) -> Option<(u64, u64)> {
        let queue = self.queue(queue)?;
        let broker = self.broker();
        Some((broker.count(queue, false).ok()?, broker.count(queue, true).ok()?))
    }

    fn queue(&self, name: &str) -> Option<&Queue> {
        self.options.queues.iter().find(|queue| queue.name.eq_ignore_ascii_case(name))
    }

    fn has_credit(&self, many: usize, now: Timestamp) -> Result<(), Refusal> {
        let mut credits = self.credits.lock().unwrap_or_else(PoisonError::into_inner);
        let many = u32::try_from(many).unwrap_or(u32::MAX);
        if !self.options.credits || credits.take(many, now) {
            return Ok(());
        }
        Err(Refusal::new(
            StatusCode::SERVICE_UNAVAILABLE,
            format!(
                "50009: The request was terminated because the namespace {} is being throttled.",
                self.options.namespace
            ),
        ))
    }

    fn send(
        &self,
        queue: &Queue,
        head: &Parts,
        body: &Bytes,
        now: Timestamp,
    ) -> Result<Response, Refusal> {
        let messages = Message::read(&head.headers, body)
            .map_err(|why| Refusal::new(StatusCode::BAD_REQUEST, why))?;
        let bytes: usize = messages.iter().map(Message::bytes).sum();
        if bytes > MESSAGE_BYTES_MAX {
            let why = format!("40303: it has {bytes} bytes, and {MESSAGE_BYTES_MAX} are allowed.");
            return Err(Refusal::new(StatusCode::FORBIDDEN, why));
        }
        self.has_credit(messages.len(), now)?;
        self.broker().send(queue, &messages, now)?;
        self.changes.send_replace(());
        Ok(bare(StatusCode::CREATED))
    }

    fn settle(
        &self,
        (queue, dead): (&Queue, bool),
        which: (&str, &str),
        how: Settle,
        now: Timestamp,
    ) -> Result<Response, Refusal> {
        let settled = self.broker().settle(queue, dead, which, how, now)?;
        let until = settled.map_err(|LockLost| Refusal::lock_lost())?;
        self.changes.send_replace(());
        let mut response = bare(StatusCode::OK);
        if let Some(until) = until {
            let properties = serde_json::json!({"LockedUntilUtc": crate::clock::http_date(until)});
            set(&mut response, BROKER_PROPERTIES.as_str(), &properties.to_string());
        }
        Ok(response)
    }

    /// Waits for a message until the time is over.
    async fn receive(
        &self,
        shared: &Shared,
        of: (&Queue, bool),
        how: Receive,
        within: Duration,
    ) -> Result<Result<Option<Received>, Refusal>, Cut> {
        let ends = later(shared.clock.now(), within);
        let mut stopping = shared.stopping.subscribe();
        let mut changes = self.changes.subscribe();
        loop {
            let now = shared.clock.now();
            changes.mark_unchanged();
            let next = match self.take(of, how, now) {
                Ok(Taken::Received(received)) => return Ok(Ok(Some(*received))),
                Ok(Taken::NothingUntil(next)) => next.map_or(ends, |next| next.min(ends)),
                Err(refusal) => return Ok(Err(refusal)),
            };
            if ends <= now {
                return Ok(Ok(None));
            }
            tokio::select! {
                _ = changes.changed() => {}
                () = shared.clock.sleep_until(next) => {}
                () = told(&mut stopping) => return Err(Cut),
            }
        }
    }

    fn take(
        &self,
        (queue, dead): (&Queue, bool),
        how: Receive,
        now: Timestamp,
    ) -> Result<Taken, Refusal> {
        self.has_credit(0, now)?;
        let mut broker = self.broker();
        let Some(received) = broker.receive(queue, dead, how, now)? else {
            return Ok(Taken::NothingUntil(broker.next_due(queue, dead)?));
        };
        self.has_credit(1, now)?;
        Ok(Taken::Received(Box::new(received)))
    }
}

/// A message in answer to who asked for it by this name of the service.
fn answer(
    (queue, dead): (&Queue, bool),
    how: Receive,
    host: &str,
    received: &Received,
) -> Response {
    let mut response = Response::new(Body::from(received.message.body.clone()));
    for (name, value) in &received.message.custom {
        set(&mut response, name, value);
    }
    if let Some(reason) = &received.reason {
        set(&mut response, "DeadLetterReason", &format!("\"{reason}\""));
    }
    set(&mut response, BROKER_PROPERTIES.as_str(), &received.properties().to_string());
    if let Some(content_type) = &received.message.content_type {
        set(&mut response, header::CONTENT_TYPE.as_str(), content_type);
    }
    if let Some((lock, _)) = &received.locked {
        let seq = received.seq;
        let path =
            if dead { format!("{}/$DeadLetterQueue", queue.name) } else { queue.name.clone() };
        let location = format!("http://{host}/{path}/messages/{seq}/{lock}");
        set(&mut response, header::LOCATION.as_str(), &location);
    }
    *response.status_mut() = match how {
        Receive::Lock => StatusCode::CREATED,
        Receive::Delete => StatusCode::OK,
    };
    response
}

fn bare(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// Sets a header; one that HTTP has no way to say is left out, as the service does.
fn set(response: &mut Response, name: &str, value: &str) {
    let name = header::HeaderName::try_from(name);
    if let (Ok(name), Ok(value)) = (name, header::HeaderValue::from_str(value)) {
        response.headers_mut().insert(name, value);
    }
}

/// Which queue a path names, whether its dead letters are meant, and what is asked for.
fn route<'p>(
    bus: &'p Bus,
    method: &Method,
    path: &'p str,
) -> Result<(&'p Queue, bool, Asked<'p>), Refusal> {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let unknown =
        || Refusal::new(StatusCode::NOT_FOUND, "40400: The messaging entity could not be found.");
    let (name, rest) = parts.split_first().ok_or_else(unknown)?;
    let queue = bus.queue(name).ok_or_else(unknown)?;
    let (dead, rest) = match rest {
        [first, rest @ ..] if first.eq_ignore_ascii_case(DEAD_LETTERS) => (true, rest),
        rest => (false, rest),
    };
    let asked = match (method.as_str(), rest) {
        ("POST", ["messages"]) if !dead => Asked::Send,
        ("POST", ["messages", "head"]) => Asked::Receive(Receive::Lock),
        ("DELETE", ["messages", "head"]) => Asked::Receive(Receive::Delete),
        ("DELETE", ["messages", message, lock]) => Asked::Settle(Settle::Complete, (message, lock)),
        ("PUT", ["messages", message, lock]) => Asked::Settle(Settle::Abandon, (message, lock)),
        ("POST", ["messages", message, lock]) => Asked::Settle(Settle::Renew, (message, lock)),
        _ => return Err(Refusal::new(StatusCode::NOT_FOUND, "There is no such operation.")),
    };
    Ok((queue, dead, asked))
}

/// Answers one request.
pub(crate) async fn handle(
    shared: Arc<Shared>,
    bus: Arc<Bus>,
    request: Request<Incoming>,
) -> Result<Response, Cut> {
    let (head, body) = request.into_parts();
    let Some(body) = read(body).await? else {
        return Ok(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "The body is too large.").response());
    };
    let path =
        percent_encoding::percent_decode_str(head.uri.path()).decode_utf8_lossy().into_owned();
    let answer = async {
        admit(&shared, &bus, &head, &path)?;
        let (queue, dead, asked) = route(&bus, &head.method, &path)?;
        let now = shared.clock.now();
        Ok(match asked {
            Asked::Send => Ok(bus.send(queue, &head, &body, now)?),
            Asked::Settle(how, which) => Ok(bus.settle((queue, dead), which, how, now)?),
            Asked::Receive(how) => {
                let query = pairs(head.uri.query().unwrap_or_default());
                let timeout = query.iter().find(|(name, _)| name == "timeout");
                let seconds = timeout.and_then(|(_, seconds)| seconds.parse().ok());
                let within = seconds.map_or(TIMEOUT, Duration::from_secs);
                let received = match bus.receive(&shared, (queue, dead), how, within).await {
                    Ok(received) => received?,
                    Err(Cut) => return Ok(Err(Cut)),
                };
                let host = text(&head.headers, &header::HOST).unwrap_or_default();
                let answer = |received| answer((queue, dead), how, host, &received);
                Ok(received.map_or_else(|| bare(StatusCode::NO_CONTENT), answer))
            }
        })
    };
    answer.await.unwrap_or_else(|refusal: Refusal| Ok(refusal.response()))
}

/// Lets in who has a policy's signature or a token for Service Bus.
fn admit(shared: &Shared, bus: &Bus, head: &Parts, path: &str) -> Result<(), Refusal> {
    let refused = |why: &str| Err(Refusal::new(StatusCode::UNAUTHORIZED, why));
    let now = shared.clock.now();
    let Some(authorization) = text(&head.headers, &header::AUTHORIZATION) else {
        return refused("40100: MissingToken: the Authorization header is missing.");
    };
    match is_signed(authorization, &bus.options.policies, path, now) {
        Some(true) => Ok(()),
        Some(false) => refused("40103: Invalid authorization token signature."),
        None => {
            let audiences = [AUDIENCE.to_owned()];
            match shared.lock().tokens.check(Some(authorization), &audiences, now) {
                Ok(_) => Ok(()),
                Err(_) => refused("40100: The token is not valid for Service Bus."),
            }
        }
    }
}
