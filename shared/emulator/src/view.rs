//! What a test may look at: the state at one moment.

use crate::{
    address::{Address, Operation},
    backend::is_pool,
    event_grid::Delivery,
    gateway::{
        balance::{Seat, seats},
        traffic::Traffic,
    },
    reconnect::Reconnect,
    record::{Origin, Received},
    state::State,
};
use jiff::Timestamp;
use serde_json::Value;
use std::fmt;

/// The emulator at one moment. It is lent under the emulator's lock: closures that get one must
/// not call the emulator itself.
pub struct View<'a> {
    state: &'a State,
    now: Timestamp,
}

/// A backend as the service has it. `Debug` leaves the body out, which may hold secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its name as it was created.
    pub address: Address,
    /// Quoted, as in the header.
    pub etag: String,
    /// What a GET answers.
    pub body: Value,
}

impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Stored({} {})", self.address, self.etag)
    }
}

impl<'a> View<'a> {
    pub(crate) fn new(state: &'a State, now: Timestamp) -> Self {
        Self { state, now }
    }

    fn home(&self, backend: impl Into<Address>) -> Address {
        self.state.services.home(backend.into())
    }

    /// The moment, by the emulator's clock.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The requests on record, oldest first; the foreign writer's too.
    pub fn requests(&self) -> impl DoubleEndedIterator<Item = &'a Received> + use<'a> {
        self.state.record.kept().iter()
    }

    /// What clients sent to change `backend` (PUT, PATCH, DELETE), whatever the result.
    pub fn writes<B: Into<Address>>(
        &self,
        backend: B,
    ) -> impl DoubleEndedIterator<Item = &'a Received> + use<'a, B> {
        let backend = self.home(backend);
        self.requests().filter(move |received| {
            received.origin == Origin::Client
                && received.operation.is_write()
                && received.backend.as_ref() == Some(&backend)
        })
    }

    /// How many requests clients have made for `operation`, also those no longer on record.
    pub fn total(&self, operation: Operation) -> u64 {
        self.state.record.total(operation)
    }

    /// How many times `backend` was written or deleted, by anyone, recorded or not.
    pub fn written(&self, backend: impl Into<Address>) -> u64 {
        self.state.record.written(&self.home(backend))
    }

    /// A backend, when there is one.
    pub fn backend(&self, backend: impl Into<Address>) -> Option<Stored> {
        let entry = self.state.backends.get(&self.home(backend))?;
        Some(Stored {
            address: entry.address.clone(),
            etag: entry.version(0).etag.clone(),
            body: serde_json::from_str(&entry.version(0).body).unwrap_or_default(),
        })
    }

    /// The ETag of a backend, when there is one.
    pub fn etag(&self, backend: impl Into<Address>) -> Option<&'a str> {
        let entry = self.state.backends.get(&self.home(backend))?;
        Some(&entry.version(0).etag)
    }

    /// Every backend.
    pub fn backends(&self) -> impl Iterator<Item = &'a Address> + use<'a> {
        self.state.backends.all().map(|entry| &entry.address)
    }

    /// The members of a pool, in order; empty when it is not a pool.
    pub fn seats(&self, pool: impl Into<Address>) -> Vec<Seat> {
        let entry = self.state.backends.get(&self.home(pool));
        let pool = entry.filter(|entry| is_pool(&entry.properties));
        pool.map(|pool| seats(&pool.properties)).unwrap_or_default()
    }

    /// The weight that `pool` gives to `member`; none when it is null, or when the member or the
    /// pool is not there.
    pub fn weight(&self, pool: impl Into<Address>, member: &str) -> Option<u32> {
        let seats = self.seats(pool);
        let seat = seats.into_iter().find(|seat| seat.member.eq_ignore_ascii_case(member));
        seat?.weight
    }

    /// The reconnects that were accepted, oldest first.
    pub fn reconnects(&self) -> &'a [Reconnect] {
        &self.state.reconnects
    }

    /// The numbers of the writes that are on their way and will land late.
    pub fn late(&self) -> impl Iterator<Item = u64> + use<'a> {
        self.state.late.iter().map(|late| late.number)
    }

    /// The events on their way to subscriptions, and how far each is, oldest first.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.state.events.deliveries()
    }

    /// What went through the gateways.
    pub fn traffic(&self) -> &'a Traffic {
        &self.state.traffic
    }
}
