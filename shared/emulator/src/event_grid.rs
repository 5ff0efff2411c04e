//! Event Grid: what the service says of its circuit breakers, and how it is delivered.
//!
//! Each breaker rule that opens or closes at a gateway is one event, of that gateway's view
//! (documented); it goes to every subscription as a request of its own, in the schema that the
//! subscription has. A subscription is made only when its webhook consents: by the validation
//! event (Event Grid's schema) or by OPTIONS (`CloudEvents`). One from [`crate::Options`] is
//! validated ahead of its first delivery instead, since the webhook may start later.
//!
//! A delivery succeeds by 200 to 204 within [`ANSWER_SECONDS_MAX`]; 400, 401, 403 and 413 drop
//! the event; anything else is tried again by the emulator's clock, at growing intervals, up to
//! [`ATTEMPTS_MAX`] times within a day (documented). So it is at least once, and unordered.
//!
//! Not emulated: batches, dead letters, the handshake by visiting a URL, and Entra tokens; a
//! secret in a header or in the URL is there as with Event Grid.

pub(crate) mod message;

use crate::{address::Address, clock, gateway::breaker::Turned, services::Services, token};
use http::{HeaderMap, StatusCode, Uri};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    sync::Arc,
    time::Duration,
};

/// How long a webhook may take to answer, in real time.
pub(crate) const ANSWER_SECONDS_MAX: u64 = 30;
/// How often a delivery is tried.
const ATTEMPTS_MAX: u32 = 30;
/// How long a delivery is tried, from the event on.
const TRIED_SECONDS_MAX: u64 = 24 * 3_600;
/// How long after each attempt the next one is; the last counts for all that follow.
const RETRY_SECONDS: [u64; 10] = [10, 30, 60, 300, 600, 1_800, 3_600, 10_800, 21_600, 43_200];
/// How many deliveries are remembered after they came to an end.
const DELIVERIES_KEPT: usize = 1_000;
/// The most headers of its own that a subscription may have.
const HEADERS_MAX: usize = 10;

/// How events are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Schema {
    /// `CloudEvents` 1.0, one event a request.
    #[default]
    CloudEvents,
    /// Event Grid's own: an array with one event.
    EventGrid,
}

/// Where events go, and in which schema.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Subscription {
    /// Its name; one of the same name is replaced.
    pub name: String,
    /// The webhook's URL, plain HTTP. Its query may hold a secret.
    pub endpoint: String,
    /// How events are written.
    #[serde(default)]
    pub schema: Schema,
    /// Headers that every request to the webhook has, which may be secrets; at most 10.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let endpoint = self.endpoint.split('?').next().unwrap_or_default();
        f.debug_struct("Subscription")
            .field("name", &self.name)
            .field("endpoint", &endpoint)
            .field("schema", &self.schema)
            .field("headers", &self.headers.keys())
            .finish()
    }
}

/// Why there is no subscription.
#[derive(Debug, thiserror::Error)]
pub enum SubscribeError {
    /// The endpoint is not `http://host...`.
    #[error("the endpoint of subscription `{0}` must be a URL that begins with http://")]
    Endpoint(String),
    /// Too many headers, or one that HTTP does not have.
    #[error("subscription `{name}` cannot have the header `{header}`")]
    Header {
        /// The subscription.
        name: String,
        /// The header; the eleventh where there are too many.
        header: String,
    },
    /// The webhook did not consent.
    #[error("the webhook of subscription `{name}` did not consent: {why}")]
    Refused {
        /// The subscription.
        name: String,
        /// What it answered instead.
        why: String,
    },
}

impl Subscription {
    /// What every request to the webhook needs.
    pub(crate) fn parsed(&self) -> Result<(Uri, HeaderMap), SubscribeError> {
        let plain = |uri: &Uri| uri.scheme_str() == Some("http") && uri.authority().is_some();
        let endpoint = self.endpoint.parse().ok().filter(plain);
        let endpoint = endpoint.ok_or_else(|| SubscribeError::Endpoint(self.name.clone()))?;
        let refused = |header: &str| SubscribeError::Header {
            name: self.name.clone(),
            header: header.to_owned(),
        };
        if let Some(surplus) = self.headers.keys().nth(HEADERS_MAX) {
            return Err(refused(surplus));
        }
        let header = |(name, value): (&String, &String)| {
            let parsed = name.parse().ok().zip(value.parse().ok());
            parsed.ok_or_else(|| refused(name))
        };
        let headers = self.headers.iter().map(header).collect::<Result<_, _>>()?;
        Ok((endpoint, headers))
    }
}

/// How far a delivery is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Progress {
    /// It is to be tried at this time or soon after.
    Due(Timestamp),
    /// It is on its way.
    UnderWay,
    /// The webhook has it.
    Delivered,
    /// It was given up.
    Dropped,
}

/// One event on its way to one subscription.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    /// The name of the subscription.
    pub subscription: String,
    /// The event's id, the same in each attempt.
    pub id: String,
    /// `Microsoft.ApiManagement.CircuitBreaker.Opened` or `.Closed`.
    #[serde(rename = "type")]
    pub kind: String,
    /// `/backends/{backend}/circuit-breaker/rules/{rule}`.
    pub subject: String,
    /// How often it was tried.
    pub attempts: u32,
    /// The result of the latest attempt, in words.
    pub latest: String,
    /// How far it is.
    pub progress: Progress,
    #[serde(skip)]
    pub(crate) number: u64,
    #[serde(skip)]
    pub(crate) event: Arc<Event>,
}

/// What an event tells, besides what a delivery shows of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Event {
    topic: String,
    backend: String,
    turned: Turned,
}

/// A subscription, and whether its webhook has consented.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Subscribed {
    pub(crate) subscription: Subscription,
    pub(crate) validated: bool,
}

/// The subscriptions, and what is on its way to them.
#[derive(Default)]
pub(crate) struct EventGrid {
    /// As a file has them, too.
    pub(crate) subscriptions: Vec<Subscribed>,
    deliveries: VecDeque<Delivery>,
    seed: u64,
    events: u64,
    numbers: u64,
}

impl EventGrid {
    pub(crate) fn new(subscriptions: &[Subscription], seed: u64) -> Self {
        let mut grid = Self { seed, ..Self::default() };
        for subscription in subscriptions {
            grid.subscribe(subscription.clone(), false);
        }
        grid
    }

    pub(crate) fn subscribe(&mut self, subscription: Subscription, validated: bool) {
        self.unsubscribe(&subscription.name);
        self.subscriptions.push(Subscribed { subscription, validated });
    }

    /// False when there is none of that name. What is on its way is given up.
    pub(crate) fn unsubscribe(&mut self, name: &str) -> bool {
        let before = self.subscriptions.len();
        self.subscriptions.retain(|is| is.subscription.name != name);
        self.subscriptions.len() < before
    }

    pub(crate) fn subscriptions(&self) -> impl Iterator<Item = &Subscription> {
        self.subscriptions.iter().map(|is| &is.subscription)
    }

    pub(crate) fn deliveries(&self) -> Vec<Delivery> {
        self.deliveries.iter().cloned().collect()
    }

    /// Tells every subscription of a breaker that opened or closed.
    pub(crate) fn publish(&mut self, backend: &Address, turned: Turned, services: &Services) {
        self.events += 1;
        // Ids of requests count from the same seed; these must not be theirs.
        let id = token::request_id(!self.seed, self.events);
        // That a workspace leads it is assumed.
        let subject = format!("{}/circuit-breaker/rules/{}", backend.below_service(), turned.rule);
        let (topic, backend) = (services.of(backend).id(), backend.name().to_owned());
        let event = Arc::new(Event { topic, backend, turned });
        let turn = if event.turned.open { "Opened" } else { "Closed" };
        for Subscribed { subscription, .. } in &self.subscriptions {
            self.numbers += 1;
            self.deliveries.push_back(Delivery {
                subscription: subscription.name.clone(),
                id: id.clone(),
                kind: format!("Microsoft.ApiManagement.CircuitBreaker.{turn}"),
                subject: subject.clone(),
                attempts: 0,
                latest: String::new(),
                progress: Progress::Due(event.turned.at),
                number: self.numbers,
                event: Arc::clone(&event),
            });
        }
        while self.deliveries.len() > DELIVERIES_KEPT
            && let Some(ended) = self.deliveries.iter().position(Delivery::ended)
        {
            self.deliveries.remove(ended);
        }
    }

    /// When the next attempt is to be made.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        let due = |delivery: &Delivery| match delivery.progress {
            Progress::Due(at) => Some(at),
            Progress::UnderWay | Progress::Delivered | Progress::Dropped => None,
        };
        self.deliveries.iter().filter_map(due).min()
    }

    /// The deliveries that are to be tried, which are under way from now on.
    pub(crate) fn take_due(&mut self, now: Timestamp) -> Vec<(Delivery, Subscribed)> {
        let mut due = Vec::new();
        for delivery in &mut self.deliveries {
            if !matches!(delivery.progress, Progress::Due(at) if at <= now) {
                continue;
            }
            let of = |is: &&Subscribed| is.subscription.name == delivery.subscription;
            if let Some(subscribed) = self.subscriptions.iter().find(of) {
                due.push((delivery.clone(), subscribed.clone()));
                delivery.progress = Progress::UnderWay;
                delivery.attempts += 1;
            } else {
                delivery.progress = Progress::Dropped;
                "its subscription is gone".clone_into(&mut delivery.latest);
            }
        }
        due
    }

    /// Records the result of an attempt.
    pub(crate) fn tried(&mut self, number: u64, tried: Result<StatusCode, String>, now: Timestamp) {
        let Some(delivery) = self.deliveries.iter_mut().find(|is| is.number == number) else {
            return;
        };
        delivery.progress = match tried.as_ref().map(StatusCode::as_u16) {
            Ok(200..=204) => {
                let name = &delivery.subscription;
                for is in self.subscriptions.iter_mut().filter(|is| is.subscription.name == *name) {
                    is.validated = true;
                }
                Progress::Delivered
            }
            Ok(400 | 401 | 403 | 413) => Progress::Dropped,
            Ok(_) | Err(_) => delivery.again(now),
        };
        delivery.latest = tried.map_or_else(|why| why, |status| status.to_string());
    }
}

impl Delivery {
    fn ended(&self) -> bool {
        matches!(self.progress, Progress::Delivered | Progress::Dropped)
    }

    /// When it is tried again, if it is.
    fn again(&self, now: Timestamp) -> Progress {
        let attempts = self.attempts;
        let index = usize::try_from(attempts).unwrap_or(usize::MAX).saturating_sub(1);
        let wait = RETRY_SECONDS[index.min(RETRY_SECONDS.len() - 1)];
        let next = clock::later(now, Duration::from_secs(wait));
        let end = clock::later(self.event.turned.at, Duration::from_secs(TRIED_SECONDS_MAX));
        if attempts >= ATTEMPTS_MAX || next > end { Progress::Dropped } else { Progress::Due(next) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::Service;

    fn grid() -> EventGrid {
        let subscription = Subscription {
            name: "hook".to_owned(),
            endpoint: "http://127.0.0.1:9/?code=hush".to_owned(),
            schema: Schema::EventGrid,
            headers: BTreeMap::from([("x-secret".to_owned(), "hush".to_owned())]),
        };
        assert!(!format!("{subscription:?}").contains("hush"), "{subscription:?}");
        EventGrid::new(&[subscription], 0)
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn publish(grid: &mut EventGrid) {
        let turned = Turned { at: at(0), rule: "r".into(), open: true, trip: Duration::ZERO };
        grid.publish(&"team/eu".into(), turned, &Services::new(Service::default(), &[]));
    }

    #[test]
    fn failures_are_tried_again_at_growing_distances() {
        let mut grid = grid();
        publish(&mut grid);
        let mut waits = Vec::new();
        let mut now = at(0);
        loop {
            let attempts = grid.take_due(now);
            assert_eq!(attempts.len(), 1, "one attempt when it is due");
            assert!(grid.take_due(now).is_empty(), "which is under way then");
            grid.tried(attempts[0].0.number, Err("nobody".into()), now);
            let Some(next) = grid.next_due() else { break };
            waits.push(next.duration_since(now).as_secs());
            now = next;
        }
        assert_eq!(waits, [10, 30, 60, 300, 600, 1_800, 3_600, 10_800, 21_600, 43_200]);
        let delivery = &grid.deliveries()[0];
        assert_eq!((&delivery.progress, delivery.attempts), (&Progress::Dropped, 11));
        assert_eq!(delivery.subject, "/workspaces/team/backends/eu/circuit-breaker/rules/r");
    }

    #[test]
    fn what_each_answer_means() {
        for (code, want) in [
            (200, "delivered"),
            (202, "delivered"),
            (204, "delivered"),
            (205, "due"),
            (302, "due"),
            (400, "dropped"),
            (401, "dropped"),
            (403, "dropped"),
            (404, "due"),
            (413, "dropped"),
            (429, "due"),
            (503, "due"),
        ] {
            let mut grid = grid();
            publish(&mut grid);
            let number = grid.take_due(at(0))[0].0.number;
            grid.tried(number, Ok(StatusCode::from_u16(code).unwrap()), at(0));
            let is = match grid.deliveries()[0].progress {
                Progress::Due(_) => "due",
                Progress::UnderWay => "under way",
                Progress::Delivered => "delivered",
                Progress::Dropped => "dropped",
            };
            assert_eq!(is, want, "{code}");
        }
    }

    #[test]
    fn nothing_goes_to_a_subscription_that_is_gone() {
        let mut grid = grid();
        publish(&mut grid);
        assert!(grid.unsubscribe("hook"));
        assert!(!grid.unsubscribe("hook"));
        assert!(grid.take_due(at(0)).is_empty());
        assert_eq!(grid.deliveries()[0].progress, Progress::Dropped);
    }

    #[test]
    fn what_a_subscription_may_have() {
        let mut subscription = grid().subscriptions().next().unwrap().clone();
        assert!(subscription.parsed().is_ok());
        for number in 0..9 {
            subscription.headers.insert(format!("x-{number}"), "v".to_owned());
        }
        assert!(subscription.parsed().is_ok());
        subscription.headers.insert("x-9".to_owned(), "v".to_owned());
        assert!(subscription.parsed().is_err());
        for endpoint in ["https://example.com", "/path", "", "ftp://x"] {
            endpoint.clone_into(&mut subscription.endpoint);
            assert!(
                matches!(subscription.parsed(), Err(SubscribeError::Endpoint(_))),
                "{endpoint}"
            );
        }
    }
}
