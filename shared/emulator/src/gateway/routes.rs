//! The configuration as each gateway has it: what was written, once it has taken effect, and what
//! the gateway has learnt since, which the others do not know.

use super::{
    balance::{Balancer, Standing, seats},
    breaker::{Breaker, Ended, Rule, Turned, failure_status},
    forward::Route,
};
use crate::{
    address::Address,
    backend::{self, Properties},
    unpublished::Unpublished,
};
use http::StatusCode;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use std::{
    collections::{BTreeMap, VecDeque, btree_map::Entry},
    sync::Arc,
};

struct Single {
    url: String,
    breakers: Vec<Breaker>,
}

impl Single {
    /// The rule that keeps it out longest, when one is open.
    fn tripped(&self) -> Option<&Breaker> {
        let open = self.breakers.iter().filter(|breaker| breaker.until().is_some());
        open.max_by_key(|breaker| breaker.until())
    }
}

struct Pool {
    balancer: Balancer,
    failure_status: Option<u16>,
}

/// Why a request goes nowhere, and for whom it was meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) pool: Option<String>,
    pub(crate) backend: Option<String>,
    pub(crate) status: StatusCode,
    pub(crate) why: &'static str,
}

impl Refusal {
    /// There is no backend of that name.
    pub(crate) const UNKNOWN: Self = Self {
        pool: None,
        backend: None,
        status: StatusCode::NOT_FOUND,
        why: "Resource not found",
    };

    /// 503, or what the configuration says instead.
    fn unavailable(chosen: Option<u16>, why: &'static str) -> Self {
        let chosen = chosen.and_then(|code| StatusCode::from_u16(code).ok());
        // An informational status cannot be sent as an answer.
        let chosen = chosen.filter(|status| !status.is_informational());
        let status = chosen.unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
        Self { status, why, ..Self::UNKNOWN }
    }
}

/// A circuit breaker rule of one gateway, at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BreakerState {
    /// The number of the gateway, from 0.
    pub gateway: usize,
    /// The backend.
    pub backend: Address,
    /// The name of the rule.
    pub rule: String,
    /// Until when the backend is tripped; none when it is not.
    pub open_until: Option<Timestamp>,
    /// The failures that count at the moment.
    pub failures: usize,
    /// The requests that count at the moment.
    pub requests: usize,
}

/// A change of configuration that has not reached a gateway yet.
struct Change {
    due: Timestamp,
    address: Address,
    /// None: the backend is gone.
    properties: Option<Arc<Properties>>,
}

/// All gateways. They have the same configuration, sooner or later, and nothing else in common.
pub(crate) struct Gateways {
    all: Vec<Gateway>,
    /// Whose turn it is.
    turn: usize,
}

struct Gateway {
    number: usize,
    seed: u64,
    unpublished: Unpublished,
    singles: BTreeMap<Address, Single>,
    pools: BTreeMap<Address, Pool>,
    coming: VecDeque<Change>,
    /// When the next breaker closes. Every look at the state asks this, and a breaker is seldom
    /// open.
    closing: Option<Timestamp>,
    reconnects: BTreeMap<Address, u64>,
}

impl Gateways {
    /// So many gateways; the rotation of each starts one further.
    pub(crate) fn new(count: usize, seed: u64, unpublished: &Unpublished) -> Self {
        let gateway = |number| Gateway {
            number,
            seed: seed.wrapping_add(number as u64),
            unpublished: unpublished.clone(),
            singles: BTreeMap::new(),
            pools: BTreeMap::new(),
            coming: VecDeque::new(),
            closing: None,
            reconnects: BTreeMap::new(),
        };
        Self { all: (0..count.max(1)).map(gateway).collect(), turn: 0 }
    }

    /// Records a change that takes effect, at each gateway, at the time that `due` gives.
    pub(crate) fn announce(
        &mut self,
        address: &Address,
        new: Option<&Properties>,
        due: impl Fn(usize) -> Timestamp,
    ) {
        let properties = new.cloned().map(Arc::new);
        for (number, gateway) in self.all.iter_mut().enumerate() {
            let (address, properties) = (address.clone(), properties.clone());
            gateway.coming.push_back(Change { due: due(number), address, properties });
        }
    }

    /// Makes every gateway open a new connection to a backend.
    pub(crate) fn reconnect(&mut self, backend: &Address) {
        for gateway in &mut self.all {
            *gateway.reconnects.entry(backend.clone()).or_default() += 1;
        }
    }

    /// When something happens next: a change takes effect or a breaker closes.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.all.iter().filter_map(Gateway::next_due).min()
    }

    /// Lets everything happen that is due by `now`; gives the breakers that closed.
    pub(crate) fn catch_up(&mut self, now: Timestamp) -> Vec<(Address, Turned)> {
        let mut closed = Vec::new();
        for gateway in &mut self.all {
            gateway.catch_up(now, &mut closed);
        }
        closed
    }

    /// Where the next request for `name` goes, by the gateway that is wanted, or whose turn it is.
    pub(crate) fn pick(
        &mut self,
        wanted: Option<usize>,
        name: Option<&Address>,
    ) -> (usize, Result<Route, Refusal>) {
        let number = wanted.unwrap_or(self.turn);
        if wanted.is_none() {
            self.turn = (self.turn + 1) % self.all.len();
        }
        let picked = self.all.get_mut(number).zip(name).ok_or(Refusal::UNKNOWN);
        (number, picked.and_then(|(gateway, name)| gateway.pick(name)))
    }

    /// Tells the gateway of a route how a request ended; gives the breakers that it opened.
    pub(crate) fn ended(&mut self, route: &Route, ended: Ended) -> Vec<(Address, Turned)> {
        let backend = &route.backend;
        let gateway = &mut self.all[route.gateway];
        let Gateway { singles, unpublished, .. } = &mut *gateway;
        let Some(single) = singles.get_mut(backend) else {
            return Vec::new();
        };
        // When one rule trips the backend, the others have nothing to count until it is back.
        if single.tripped().is_some() {
            return Vec::new();
        }
        let breakers = single.breakers.iter_mut();
        let turned = breakers.filter_map(|breaker| breaker.count(ended, unpublished));
        let opened: Vec<_> = turned.map(|turned| (backend.clone(), turned)).collect();
        if !opened.is_empty() {
            gateway.closing = gateway.next_closing();
        }
        opened
    }

    /// Every rule of every gateway.
    pub(crate) fn breakers(&self, now: Timestamp) -> Vec<BreakerState> {
        let singles = self.all.iter().flat_map(|gateway| {
            gateway.singles.iter().map(|(backend, single)| (gateway.number, backend, single))
        });
        let states = singles.flat_map(|(gateway, backend, single)| {
            single.breakers.iter().map(move |breaker| {
                let (failures, requests) = breaker.counted(now);
                BreakerState {
                    gateway,
                    backend: backend.clone(),
                    rule: breaker.rule().to_owned(),
                    open_until: breaker.until(),
                    failures,
                    requests,
                }
            })
        });
        states.collect()
    }
}

impl Gateway {
    /// When the next breaker closes, from the breakers themselves.
    fn next_closing(&self) -> Option<Timestamp> {
        let breakers = self.singles.values().flat_map(|single| &single.breakers);
        breakers.filter_map(Breaker::until).min()
    }

    /// Changes take effect in the order in which they were made, also where the clock was set back
    /// in between.
    fn next_due(&self) -> Option<Timestamp> {
        let change = self.coming.front().map(|change| change.due);
        change.into_iter().chain(self.closing).min()
    }

    /// In the order of the due times, so that a breaker closes before the change that came after.
    fn catch_up(&mut self, now: Timestamp, closed: &mut Vec<(Address, Turned)>) {
        while let Some(due) = self.next_due().filter(|due| *due <= now) {
            for (address, single) in &mut self.singles {
                let turned = single.breakers.iter_mut().filter_map(|breaker| breaker.catch_up(due));
                closed.extend(turned.map(|turned| (address.clone(), turned)));
            }
            if let Some(change) = self.coming.pop_front_if(|change| change.due <= due) {
                self.apply(&change.address, change.properties.as_deref());
            }
            // A change opens nothing; it may remove what was open.
            if self.closing.is_some() {
                self.closing = self.next_closing();
            }
        }
    }

    fn apply(&mut self, address: &Address, new: Option<&Properties>) {
        let (single, pool) = (self.singles.remove(address), self.pools.remove(address));
        let Some(new) = new else {
            return;
        };
        if backend::is_pool(new) {
            let before = pool.map(|pool| pool.balancer);
            let balancer = Balancer::new(&seats(new), self.seed, &self.unpublished, before);
            let failure_status = backend::object(new, "pool").and_then(failure_status);
            self.pools.insert(address.clone(), Pool { balancer, failure_status });
        } else {
            let before = single.map_or(Vec::new(), |single| single.breakers);
            let url = new.get("url").and_then(Value::as_str).unwrap_or_default();
            let rules = Rule::all(new).into_iter();
            let breakers = rules.map(|rule| Breaker::new(rule, &before)).collect();
            let single = Single { url: url.trim_end_matches('/').to_owned(), breakers };
            self.singles.insert(address.clone(), single);
        }
    }

    fn pick(&mut self, name: &Address) -> Result<Route, Refusal> {
        let single = |name: &Address| self.singles.get_key_value(name);
        let (pool, backend, single) = if let Some((backend, single)) = single(name) {
            if let Some(breaker) = single.tripped() {
                let why = "The backend is tripped by its circuit breaker.";
                let refusal = Refusal::unavailable(breaker.failure_status(), why);
                return Err(Refusal { backend: Some(backend.to_string()), ..refusal });
            }
            (None, backend, single)
        } else {
            let Entry::Occupied(mut pool) = self.pools.entry(name.clone()) else {
                return Err(Refusal::UNKNOWN);
            };
            let address = pool.key().clone();
            let Pool { balancer, failure_status } = pool.get_mut();
            // A pool within a pool is skipped.
            let standing = |member: &str| match single(&address.beside(member)) {
                None => Standing::Absent,
                Some((_, single)) if single.tripped().is_some() => Standing::Tripped,
                Some(_) => Standing::Ready,
            };
            let member = balancer.next(standing).and_then(|name| single(&address.beside(name)));
            let Some((backend, single)) = member else {
                let why = "No backend of the pool is available.";
                let refusal = Refusal::unavailable(*failure_status, why);
                return Err(Refusal { pool: Some(address.to_string()), ..refusal });
            };
            (Some(address), backend, single)
        };
        Ok(Route {
            gateway: self.number,
            pool,
            backend: backend.clone(),
            url: single.url.clone(),
            reconnects: self.reconnects.get(backend).copied().unwrap_or_default(),
        })
    }
}
