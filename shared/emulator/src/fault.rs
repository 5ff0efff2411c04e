//! What goes wrong, as data: which requests it hits, how often, and what happens to them.
//!
//! A request that is authentic and understood meets the faults in the order in which they were
//! injected. Every latency, slow body and foreign PUT that matches has its effect; of the other
//! kinds the first that matches is taken. One hit uses up one of a fault's `times`.

use crate::{
    address::{Address, Operation},
    clock::later,
};
use http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{fmt, time::Duration};

/// One thing that goes wrong.
#[must_use = "nothing goes wrong before it is injected"]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// The requests that it hits.
    #[serde(default)]
    pub on: Match,
    /// How many of them.
    #[serde(default)]
    pub times: Times,
    /// What happens.
    pub kind: Kind,
}

impl Fault {
    /// `kind`, once, to the next request that `on` matches.
    pub fn once(on: Match, kind: Kind) -> Self {
        Self { on, times: Times::Count(1), kind }
    }

    /// `kind` to every request that `on` matches, until it is cleared.
    pub fn always(on: Match, kind: Kind) -> Self {
        Self { on, times: Times::Always, kind }
    }
}

/// How often a fault strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Times {
    /// Until it is cleared.
    Always,
    /// This many times.
    #[serde(untagged)]
    Count(u32),
}

impl Default for Times {
    fn default() -> Self {
        Self::Count(1)
    }
}

/// Which requests a fault hits. What is left out matches everything.
#[must_use]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Match {
    /// One of these operations; empty: any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub operations: Vec<Operation>,
    /// This backend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend: Option<Address>,
}

impl Match {
    /// Every request, those for tokens too.
    pub fn any() -> Self {
        Self::default()
    }

    /// Requests for `operation`, of whatever backend.
    pub fn operation(operation: Operation) -> Self {
        Self { operations: vec![operation], backend: None }
    }

    /// PUT, PATCH and DELETE of whatever backend.
    pub fn writes() -> Self {
        Self {
            operations: vec![Operation::Put, Operation::Patch, Operation::Delete],
            backend: None,
        }
    }

    /// GET of `backend`.
    pub fn get(backend: impl Into<Address>) -> Self {
        Self::operation(Operation::Get).of(backend)
    }

    /// PATCH of `backend`.
    pub fn patch(backend: impl Into<Address>) -> Self {
        Self::operation(Operation::Patch).of(backend)
    }

    /// POST `/reconnect` of `backend`.
    pub fn reconnect(backend: impl Into<Address>) -> Self {
        Self::operation(Operation::Reconnect).of(backend)
    }

    /// The same, of `backend` only.
    pub fn of(mut self, backend: impl Into<Address>) -> Self {
        self.backend = Some(backend.into());
        self
    }

    fn hits(&self, operation: Operation, backend: Option<&Address>) -> bool {
        (self.operations.is_empty() || self.operations.contains(&operation))
            && (self.backend.is_none() || self.backend.as_ref() == backend)
    }
}

/// What happens to a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Kind {
    /// It is worked on only `by` later, by the emulator's clock. A client that gives up waiting
    /// does not call it back: its write is still done.
    Latency {
        /// How much later.
        #[serde(with = "jiff::fmt::serde::unsigned_duration::required")]
        by: Duration,
    },
    /// The head of the answer and half of its body come at once, the other half `by` later, by the
    /// emulator's clock.
    SlowBody {
        /// How much later.
        #[serde(with = "jiff::fmt::serde::unsigned_duration::required")]
        by: Duration,
    },
    /// Just before a request that names a backend is executed, someone else replaces that backend
    /// without If-Match, as Terraform does. It is on record as foreign.
    ForeignPut {
        /// The whole of it, `{"properties": {...}}`.
        body: Document,
    },
    /// 429 with Retry-After, until `lasts` after the injection by the emulator's clock. The
    /// window's end ends the fault, `times` at the latest.
    Throttle {
        /// How long the window is.
        #[serde(with = "jiff::fmt::serde::unsigned_duration::required")]
        lasts: Duration,
    },
    /// An error is answered.
    Error {
        /// Which one.
        error: ServerError,
        /// Whether the write was done all the same.
        write: Write,
    },
    /// A proxy on the way answers in place of the service: with a page of HTML.
    ProxyPage {
        /// With this status, of an error.
        #[serde(with = "status")]
        status: StatusCode,
        /// Whether the write was done all the same.
        write: Write,
    },
    /// The connection is closed without an answer.
    Cut {
        /// Whether the write was done before.
        write: Write,
    },
    /// A write or a reconnect: the connection is closed at once, and the request is executed
    /// later, its If-Match honoured then; it may fail with a 412. It lands by
    /// [`crate::Emulator::land`], or at a time.
    LandsLate {
        /// When, after it was received, by the emulator's clock; none: only on demand.
        #[serde(default, with = "jiff::fmt::serde::unsigned_duration::optional")]
        after: Option<Duration>,
    },
    /// A GET or HEAD is answered with an earlier version: body and ETag; a List with an earlier
    /// version of each backend. Requests of what has been written only once do not count as met.
    StaleRead {
        /// How many versions earlier, at least 1; where fewer are known, the oldest.
        versions: usize,
    },
}

/// The body of a write. `Debug` leaves it out, since it may hold secrets.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Document(pub Value);

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Document")
    }
}

/// A status of an error as a number.
pub(crate) mod status {
    use super::{Deserialize, StatusCode};
    use serde::{Deserializer, Serializer, de::Error as _};

    pub(crate) fn serialize<S: Serializer>(status: &StatusCode, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u16(status.as_u16())
    }

    pub(crate) fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<StatusCode, D::Error> {
        let code = u16::deserialize(from)?;
        let status = StatusCode::from_u16(code).ok();
        let error = status.filter(|status| status.is_client_error() || status.is_server_error());
        error.ok_or_else(|| D::Error::custom(format!("{code} is not the status of an error")))
    }
}

/// Whether a write took place before things went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Write {
    /// It did, and the client does not see it.
    Done,
    /// It did not.
    NotDone,
}

/// The errors that a service like this gives although the request was fine, each with its status
/// and the words of its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
#[repr(u16)]
pub enum ServerError {
    /// 500.
    #[error("An error has occurred. Please try again later.")]
    Internal = 500,
    /// 502.
    #[error("The resource provider did not give a valid response.")]
    BadGateway = 502,
    /// 503.
    #[error("The service is temporarily unavailable. Please try again later.")]
    Unavailable = 503,
    /// 504.
    #[error("The gateway did not receive a response from the resource provider in time.")]
    GatewayTimeout = 504,
    /// 409: another operation is under way; try again (public issues).
    #[error("Operation on the API is in progress")]
    Conflict = 409,
    /// 422: sometimes for good (public issues).
    #[error("Failed to connect to the management endpoint.")]
    ManagementApi = 422,
    /// 404, though it is there.
    #[error("Backend not found.")]
    NotFound = 404,
    /// 429 without a Retry-After.
    #[error("The request is being throttled.")]
    TooManyRequests = 429,
    /// 412, though nobody wrote (seen in public issues of retried writes).
    #[error("Resource was modified since last retrieval.")]
    PreconditionFailed = 412,
}

impl ServerError {
    pub(crate) fn status(self) -> StatusCode {
        StatusCode::from_u16(self as u16).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Internal => "InternalServerError",
            Self::BadGateway => "BadGateway",
            Self::Unavailable => "ServerUnavailable",
            Self::GatewayTimeout => "GatewayTimeout",
            Self::Conflict => "PessimisticConcurrencyConflict",
            Self::ManagementApi => "ManagementApiRequestFailed",
            Self::NotFound => "ResourceNotFound",
            Self::TooManyRequests => "TooManyRequests",
            Self::PreconditionFailed => "PreconditionFailed",
        }
    }
}

/// Names one injected fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FaultId(pub(crate) u64);

/// A fault that was injected and is not spent.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Standing {
    /// Its name.
    pub id: FaultId,
    /// What it is; `times` counts down.
    pub fault: Fault,
    /// How many requests it has hit.
    pub hits: u32,
    /// When it was injected.
    pub since: Timestamp,
}

impl Standing {
    fn spent(&self, now: Timestamp) -> bool {
        let over = |lasts| self.hits > 0 && later(self.since, lasts) <= now;
        matches!(self.fault.kind, Kind::Throttle { lasts } if over(lasts))
            || self.fault.times == Times::Count(0)
    }

    /// Whether a test that ends now has left this fault unmet.
    fn unmet(&self) -> bool {
        match (&self.fault.times, &self.fault.kind) {
            (Times::Always, _) | (_, Kind::Throttle { .. }) => self.hits == 0,
            (Times::Count(left), _) => *left > 0,
        }
    }

    fn hit(&mut self) {
        self.hits += 1;
        if let Times::Count(left) = &mut self.fault.times {
            *left = left.saturating_sub(1);
        }
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Fault { on, times, kind } = &self.fault;
        write!(f, "{kind:?} on ")?;
        if on.operations.is_empty() {
            f.write_str("anything")?;
        } else {
            write!(f, "{:?}", on.operations)?;
        }
        if let Some(backend) = &on.backend {
            write!(f, " of {backend}")?;
        }
        match times {
            Times::Count(left) => write!(f, ", {left} to go"),
            Times::Always => write!(f, ", met {} times", self.hits),
        }
    }
}

/// What the faults do to a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fate {
    pub(crate) latency: Duration,
    /// How much later the second half of the answer's body comes.
    pub(crate) slow: Duration,
    /// What others put in place of the backend before.
    pub(crate) foreign: Vec<Document>,
    pub(crate) stroke: Option<Stroke>,
}

/// The fault that decides the answer, made concrete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stroke {
    Throttled { until: Timestamp },
    Fails(Failure, Write),
    LandsLate { due: Option<Timestamp> },
    Stale { versions: usize },
}

/// What a client gets to see in place of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    Error(ServerError),
    Page(StatusCode),
    Cut,
}

/// The faults in force.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    standing: Vec<Standing>,
    last: u64,
}

impl Faults {
    pub(crate) fn inject(&mut self, fault: Fault, now: Timestamp) -> FaultId {
        self.last += 1;
        let id = FaultId(self.last);
        self.standing.push(Standing { id, fault, hits: 0, since: now });
        id
    }

    /// Continues with what a file has.
    pub(crate) fn restore(&mut self, standing: Vec<Standing>) {
        let ids = standing.iter().map(|standing| standing.id.0);
        self.last = ids.max().unwrap_or_default();
        self.standing = standing;
    }

    pub(crate) fn clear(&mut self) {
        self.standing.clear();
    }

    /// Removes one fault; false when there is none of that name.
    pub(crate) fn remove(&mut self, id: FaultId) -> bool {
        let before = self.standing.len();
        self.standing.retain(|standing| standing.id != id);
        self.standing.len() < before
    }

    pub(crate) fn standing(&self) -> &[Standing] {
        &self.standing
    }

    pub(crate) fn unmet(&self) -> impl Iterator<Item = &Standing> {
        self.standing.iter().filter(|standing| standing.unmet())
    }

    /// The faults that hit this request; uses up one hit of each. `earlier` says whether the
    /// backend has a version to be stale with.
    pub(crate) fn meet(
        &mut self,
        operation: Operation,
        backend: Option<&Address>,
        now: Timestamp,
        earlier: impl Fn() -> bool,
    ) -> Fate {
        let mut fate = Fate::default();
        for standing in &mut self.standing {
            if !standing.fault.on.hits(operation, backend) || standing.spent(now) {
                continue;
            }
            let stroke = match &standing.fault.kind {
                Kind::Latency { by } => {
                    fate.latency = fate.latency.saturating_add(*by);
                    None
                }
                Kind::SlowBody { by } => {
                    fate.slow = fate.slow.saturating_add(*by);
                    None
                }
                Kind::ForeignPut { body } if backend.is_some() => {
                    fate.foreign.push(body.clone());
                    None
                }
                Kind::Throttle { lasts } if now < later(standing.since, *lasts) => {
                    Some(Stroke::Throttled { until: later(standing.since, *lasts) })
                }
                Kind::Error { error, write } => Some(Stroke::Fails(Failure::Error(*error), *write)),
                Kind::ProxyPage { status, write } => {
                    Some(Stroke::Fails(Failure::Page(*status), *write))
                }
                Kind::Cut { write } => Some(Stroke::Fails(Failure::Cut, *write)),
                Kind::LandsLate { after } if backend.is_some() && operation.lasts() => {
                    Some(Stroke::LandsLate { due: after.map(|after| later(now, after)) })
                }
                Kind::StaleRead { versions } if operation.is_read() && earlier() => {
                    Some(Stroke::Stale { versions: *versions })
                }
                // Nothing that such a request can meet.
                Kind::ForeignPut { .. }
                | Kind::Throttle { .. }
                | Kind::LandsLate { .. }
                | Kind::StaleRead { .. } => continue,
            };
            if stroke.is_none() || fate.stroke.is_none() {
                fate.stroke = fate.stroke.or(stroke);
                standing.hit();
            }
        }
        self.standing.retain(|standing| !standing.spent(now));
        fate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_fault_hits_what_it_names_and_as_often_as_it_says() {
        let mut faults = Faults::default();
        let cut = Kind::Cut { write: Write::NotDone };
        faults.inject(Fault { on: Match::patch("Chat"), times: Times::Count(2), kind: cut }, at(0));
        let chat = Address::from("chat");
        let mut meet = |operation, backend: &Address| {
            let fate = faults.meet(operation, Some(backend), at(0), || true);
            fate.stroke.is_some()
        };
        assert!(!meet(Operation::Get, &chat));
        assert!(!meet(Operation::Patch, &"other".into()));
        assert!(meet(Operation::Patch, &chat));
        assert!(meet(Operation::Patch, &chat));
        assert!(!meet(Operation::Patch, &chat));
        assert!(faults.standing().is_empty());
    }

    #[test]
    fn a_throttle_is_a_window_and_latencies_add_up() {
        let mut faults = Faults::default();
        let second = Duration::from_secs(1);
        for _ in 0..2 {
            faults.inject(Fault::always(Match::any(), Kind::Latency { by: second }), at(0));
        }
        faults.inject(Fault::always(Match::any(), Kind::Throttle { lasts: 10 * second }), at(0));
        let fate = faults.meet(Operation::Get, None, at(9), || true);
        assert_eq!(fate.latency, 2 * second);
        assert_eq!(fate.stroke, Some(Stroke::Throttled { until: at(10) }));
        let fate = faults.meet(Operation::Get, None, at(10), || true);
        assert_eq!(fate.stroke, None);
        assert_eq!(faults.standing().len(), 2, "a window that was met is gone after its end");
        assert_eq!(faults.unmet().count(), 0);
    }

    #[test]
    fn a_stale_read_waits_for_something_to_be_stale_with() {
        let mut faults = Faults::default();
        let stale = Kind::StaleRead { versions: 1 };
        faults.inject(Fault::once(Match::get("a"), stale), at(0));
        let a = Address::from("a");
        let none = faults.meet(Operation::Get, Some(&a), at(0), || false);
        assert_eq!(none.stroke, None);
        assert_eq!(faults.unmet().count(), 1);
        let stale = faults.meet(Operation::Get, Some(&a), at(0), || true);
        assert_eq!(stale.stroke, Some(Stroke::Stale { versions: 1 }));
        assert_eq!(faults.unmet().count(), 0);
    }

    #[test]
    fn faults_as_json() {
        let text = r#"[
            {"on": {"operations": ["patch"], "backend": "w/chat"}, "times": 3,
             "kind": {"throttle": {"lasts": "PT30S"}}},
            {"times": "always", "kind": {"error": {"error": "unavailable", "write": "done"}}},
            {"kind": {"lands-late": {"after": null}}},
            {"kind": {"stale-read": {"versions": 1}}},
            {"kind": {"slow-body": {"by": "PT5S"}}},
            {"kind": {"foreign-put": {"body": {"properties": {"title": "hush"}}}}},
            {"kind": {"proxy-page": {"status": 502, "write": "not-done"}}}
        ]"#;
        let faults: Vec<Fault> = serde_json::from_str(text).unwrap();
        assert_eq!(
            faults[0],
            Fault {
                on: Match::patch(Address::in_workspace("w", "chat")),
                times: Times::Count(3),
                kind: Kind::Throttle { lasts: Duration::from_secs(30) },
            }
        );
        assert_eq!(faults[1].times, Times::Always);
        assert_eq!(faults[2].times, Times::Count(1));
        assert!(!format!("{faults:?}").contains("hush"));
        let informational = r#"{"kind": {"proxy-page": {"status": 204, "write": "done"}}}"#;
        assert!(serde_json::from_str::<Fault>(informational).is_err());
        let again = serde_json::to_string(&faults).unwrap();
        assert_eq!(serde_json::from_str::<Vec<Fault>>(&again).unwrap(), faults);
    }
}
