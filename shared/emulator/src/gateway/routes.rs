//! The configuration as the gateway has it: what was written, once it has taken effect.

use super::balance::{Balancer, Seat, seats};
use crate::backend::{self, Properties};
use jiff::Timestamp;
use serde_json::Value;
use std::collections::{BTreeMap, VecDeque};

#[derive(Debug)]
enum Way {
    Single { url: String },
    Pool(Balancer),
}

#[derive(Debug)]
struct Route {
    name: String,
    way: Way,
}

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Pick {
    /// To this backend.
    To { pool: Option<String>, backend: String, url: String },
    /// The pool has nobody left.
    NobodyLeft { pool: String },
    /// There is no backend of this name.
    Unknown,
}

/// A change of configuration that has not reached the gateway yet.
struct Change {
    due: Timestamp,
    name: String,
    /// None: the backend is gone.
    properties: Option<Properties>,
}

pub(crate) struct Routes {
    seed: u64,
    routes: BTreeMap<String, Route>,
    coming: VecDeque<Change>,
}

impl Routes {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, routes: BTreeMap::new(), coming: VecDeque::new() }
    }

    /// Takes note of a change that takes effect at `due`.
    pub(crate) fn announce(&mut self, due: Timestamp, name: &str, new: Option<&Properties>) {
        self.coming.push_back(Change { due, name: name.to_owned(), properties: new.cloned() });
    }

    /// When the next change takes effect. Changes do so in the order in which they were made,
    /// also where the clock was set back in between.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.coming.front().map(|change| change.due)
    }

    /// Lets every change take effect that is due by `now`.
    pub(crate) fn catch_up(&mut self, now: Timestamp) {
        while let Some(change) = self.coming.pop_front_if(|change| change.due <= now) {
            self.apply(&change.name, change.properties.as_ref());
        }
    }

    fn apply(&mut self, name: &str, new: Option<&Properties>) {
        let key = name.to_ascii_lowercase();
        let Some(new) = new else {
            self.routes.remove(&key);
            return;
        };
        let way = if backend::is_pool(new) {
            let seats: Vec<Seat> = seats(new);
            if let Some(Route { way: Way::Pool(balancer), .. }) = self.routes.get(&key)
                && balancer.serves(&seats)
            {
                return; // The rotation goes on: what changed does not concern it.
            }
            Way::Pool(Balancer::new(&seats, self.seed))
        } else {
            let url = new.get("url").and_then(Value::as_str).unwrap_or_default();
            Way::Single { url: url.trim_end_matches('/').to_owned() }
        };
        let name = name.to_owned();
        self.routes.insert(key, Route { name, way });
    }

    /// Where the next request for `name` goes.
    pub(crate) fn pick(&mut self, name: &str) -> Pick {
        let key = name.to_ascii_lowercase();
        // Taken out for a moment, since choosing a member looks at the other routes.
        let Some(mut route) = self.routes.remove(&key) else {
            return Pick::Unknown;
        };
        let pick = match &mut route.way {
            Way::Single { url } => {
                Pick::To { pool: None, backend: route.name.clone(), url: url.clone() }
            }
            Way::Pool(balancer) => self.pick_member(&route.name, balancer),
        };
        self.routes.insert(key, route);
        pick
    }

    fn pick_member(&self, pool: &str, balancer: &mut Balancer) -> Pick {
        let single = |member: &str| match self.routes.get(&member.to_ascii_lowercase())? {
            Route { name, way: Way::Single { url } } => Some((name, url)),
            Route { way: Way::Pool(_), .. } => None,
        };
        let pool = pool.to_owned();
        let member = balancer.next(|member| single(member).is_some());
        match member.and_then(single) {
            Some((name, url)) => {
                Pick::To { pool: Some(pool), backend: name.clone(), url: url.clone() }
            }
            None => Pick::NobodyLeft { pool },
        }
    }
}
