//! The world that `dev` plays in: an emulated Azure with two equal pools behind a gateway that
//! routes real HTTP, and a real server for each member.
//!
//! The pools differ in nothing but their name and in that a playbook names one of them. Each has
//! servers of its own, so that what one pool's traffic does to a server is not seen in the other.
//!
//! Where a folder is kept, the next world goes on with what is in it: Azure with every body and ETag,
//! and the servers on their ports, each as it answered. A port that someone else has by then is
//! replaced, and the backend written again, as its owner would.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use pointsman_emulator::{
    Address, BreakerState, Effect, Emulator, Options, Origin, Received, Tally,
};
use serde_json::{Value, json};

use super::{
    Failed, folder,
    site::{Health, Kept, Site},
};

/// The members of either pool, with the weights that their owner gave them.
pub(super) const MEMBERS: [(&str, u32); 3] = [("eu", 50), ("us", 30), ("ap", 20)];

/// The weight that a member's owner gave it.
pub(super) fn owners_weight(member: &str) -> Option<u32> {
    MEMBERS.iter().find(|(name, _)| *name == member).map(|(_, weight)| *weight)
}

/// Which member breaks.
pub(super) const BREAKS: &str = "eu";

/// Which member fails now and then.
pub(super) const FALTERS: &str = "us";

/// Which member a maintenance window drains.
pub(super) const PATCHED: &str = "ap";

/// How many failures within 10 s trip a member's circuit breaker, by its owner: more
/// than a member that fails altogether has in this traffic, so that only Pointsman makes a difference.
pub(super) const OWNERS_COUNT: u64 = 1_000;

/// How the pools' owner describes them: a field that no write may lose.
const DESCRIPTION: &str = "chat completions, in three regions";

/// Where the emulated Azure keeps its state.
const AZURE_FILE: &str = "azure.json";

/// Where the members' servers are kept.
const MEMBERS_FILE: &str = "members.json";

/// How long a token of the emulated Azure is good for: as long as anyone may `--hold`.
const TOKEN_LIFETIME: Duration = Duration::from_secs(7 * 24 * 3_600);

/// How many requests to the emulated Azure are remembered.
const REQUESTS_KEPT: usize = 2_000;

/// One of the two pools.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Side {
    /// The one that a playbook names.
    Helped,
    /// The one that nobody helps.
    Alone,
}

impl Side {
    /// Both, in the order in which they are shown.
    pub(super) const ALL: [Self; 2] = [Self::Helped, Self::Alone];

    /// The one for this side of two, in the order of [`Side::ALL`].
    pub(super) const fn of<T>(self, both: &[T; 2]) -> &T {
        &both[self as usize]
    }

    /// What Azure calls the pool.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Helped => "helped",
            Self::Alone => "alone",
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A weight of each member that is named; none where it is null.
pub(super) type Weights = Vec<(String, Option<u32>)>;

/// A write that Azure has done.
#[derive(Clone, Debug)]
pub(super) struct Write {
    /// Its number among all requests.
    pub(super) number: u64,
    /// When it was received, before anything was done about it.
    pub(super) at: Instant,
    /// Who wrote: a client with a token, or someone else.
    pub(super) foreign: bool,
    /// What it wrote to.
    pub(super) backend: String,
    /// Every weight of the pool as the write has it, by the members' own names; empty where it
    /// says nothing of members.
    pub(super) weights: Weights,
    /// How many failures trip the circuit breaker as the write has it; none where it says nothing of one.
    pub(super) trips_at: Option<u64>,
}

impl Write {
    fn of(received: &Received) -> Option<Self> {
        let Effect::Written { .. } = received.effect else { return None };
        let backend = received.backend.as_ref()?.to_string();
        let body = received.json();
        Some(Self {
            number: received.number,
            at: received.instant,
            foreign: received.origin == Origin::Foreign,
            weights: weights_in(&body, &backend),
            trips_at: body.pointer(TRIPS_AT).and_then(Value::as_u64),
            backend,
        })
    }

    /// The weight that it gives to `member`.
    pub(super) fn weight(&self, member: &str) -> Option<u32> {
        self.weights.iter().find(|(name, _)| name == member)?.1
    }
}

/// Where a backend's body says how many failures trip its circuit breaker.
const TRIPS_AT: &str = "/properties/circuitBreaker/rules/0/failureCondition/count";

/// A Single at this URL, with its owner's circuit breaker.
fn single(url: &str) -> Value {
    let condition = json!({
        "count": OWNERS_COUNT,
        "interval": "PT10S",
        "statusCodeRanges": [{"min": 500, "max": 599}],
    });
    let rule =
        json!({"name": "too-many-errors", "failureCondition": condition, "tripDuration": "PT4S"});
    let breaker = json!({"rules": [rule]});
    json!({"properties": {"type": "Single", "url": url, "protocol": "http", "circuitBreaker": breaker}})
}

/// The weights that the body of a write to `pool` has.
fn weights_in(body: &Value, pool: &str) -> Weights {
    let services = body.pointer("/properties/pool/services").and_then(Value::as_array);
    let weight = |service: &Value| {
        let id = service.get("id")?.as_str()?;
        let name = id.rsplit('/').next()?;
        let weight = service.get("weight").and_then(Value::as_u64);
        Some((short(name, pool).to_owned(), weight.and_then(|weight| weight.try_into().ok())))
    };
    services.into_iter().flatten().filter_map(weight).collect()
}

/// `eu` of `helped-eu`.
fn short<'a>(backend: &'a str, pool: &str) -> &'a str {
    backend.strip_prefix(pool).and_then(|rest| rest.strip_prefix('-')).unwrap_or(backend)
}

/// What the gateway has counted at one moment.
#[derive(Clone, Debug)]
pub(super) struct Counted {
    /// By [`Side::ALL`].
    pub(super) pools: [Tally; 2],
    /// By [`World::sites`].
    pub(super) sites: Vec<Tally>,
}

/// The emulated Azure and the members.
#[derive(Debug)]
pub(super) struct World {
    pub(super) azure: Emulator,
    /// The members of the one pool, then those of the other.
    pub(super) sites: Vec<Site>,
    /// Whether it continues another.
    pub(super) goes_on: bool,
    kept: Option<PathBuf>,
}

impl World {
    /// Starts it, on free ports; or goes on with the one that is kept in a folder.
    pub(super) async fn start(seed: u64, kept: Option<&Path>) -> Result<Self, Failed> {
        let options = Options {
            seed,
            token_lifetime: TOKEN_LIFETIME,
            requests_kept: REQUESTS_KEPT,
            state_file: kept.map(|folder| folder.join(AZURE_FILE)),
            ..Options::default()
        };
        let azure = Emulator::start(options).await?;
        let known: BTreeMap<String, Kept> = folder::read(kept, MEMBERS_FILE)?;
        let goes_on = azure.backend(Side::Helped.name()).is_some();
        let mut sites = Vec::new();
        for side in Side::ALL {
            // The same seed makes both pools equally quick.
            for (at, (member, _)) in (0..).zip(MEMBERS) {
                let backend = format!("{side}-{member}");
                let kept = known.get(&backend).copied().unwrap_or_default();
                let site = Site::start(side, member, kept, (seed, at)).await?;
                let there = azure.backend(backend.as_str()).map(|it| it.body);
                if there.is_none_or(|body| body["properties"]["url"] != site.url()) {
                    azure.foreign_put(backend.as_str(), &single(&site.url()))?;
                }
                sites.push(site);
            }
        }
        let world = Self { azure, sites, goes_on, kept: kept.map(Path::to_owned) };
        for side in Side::ALL {
            if world.azure.backend(side.name()).is_none() {
                let body = world.pool(side, &MEMBERS.map(|(_, weight)| weight));
                world.azure.foreign_put(side.name(), &body)?;
            }
        }
        world.keep()?;
        Ok(world)
    }

    /// Keeps what the members' servers are, for the next one to go on with.
    fn keep(&self) -> Result<(), Failed> {
        let one = |site: &Site| (site.backend.clone(), site.kept());
        let all: BTreeMap<String, Kept> = self.sites.iter().map(one).collect();
        folder::write(self.kept.as_deref(), MEMBERS_FILE, &all)
    }

    /// From its next answer on, a member answers like this.
    pub(super) fn turn(&self, site: &Site, health: Health) {
        site.set(health);
        if let Err(error) = self.keep() {
            tracing::error!("a restart will not know of {}: {error}", site.backend);
        }
    }

    /// The body of a pool with these weights, in the order of [`MEMBERS`].
    pub(super) fn pool(&self, side: Side, weights: &[u32]) -> Value {
        let service = |(site, weight): (&Site, &u32)| {
            let id = self.azure.service().backend_id(&Address::from(site.backend.as_str()));
            json!({"id": id, "weight": weight, "priority": 1})
        };
        let services: Vec<Value> = self.members(side).zip(weights).map(service).collect();
        let properties =
            json!({"type": "Pool", "description": DESCRIPTION, "pool": {"services": services}});
        json!({"properties": properties})
    }

    /// The members of a pool.
    pub(super) fn members(&self, side: Side) -> impl Iterator<Item = &Site> {
        self.sites.iter().filter(move |site| site.side == side)
    }

    /// The members of this name: one of each pool.
    pub(super) fn both(&self, member: &str) -> impl Iterator<Item = &Site> {
        self.sites.iter().filter(move |site| site.member == member)
    }

    /// Until when each member's circuit breaker is open; none where it is not. By [`World::sites`].
    pub(super) fn open_until(&self) -> Vec<Option<Timestamp>> {
        let breakers = self.azure.breakers();
        let of = |site: &Site| {
            let of = |it: &&BreakerState| it.backend.to_string() == site.backend;
            breakers.iter().filter(of).find_map(|breaker| breaker.open_until)
        };
        self.sites.iter().map(of).collect()
    }

    /// A member by the name that Azure has for it.
    pub(super) fn site(&self, backend: &str) -> Option<&Site> {
        self.sites.iter().find(|site| site.backend.eq_ignore_ascii_case(backend))
    }

    /// Every backend as Azure has it: both pools, then the members.
    pub(super) fn bodies(&self) -> Vec<Value> {
        let pools = Side::ALL.iter().map(|side| side.name());
        let names = pools.chain(self.sites.iter().map(|site| site.backend.as_str()));
        names.map(|name| self.azure.backend(name).map(|it| it.body).unwrap_or_default()).collect()
    }

    /// The weights of a pool, as Azure has them.
    pub(super) fn weights(&self, side: Side) -> Weights {
        let seats = self.azure.seats(side.name());
        let named = |seat: &str| short(seat, side.name()).to_owned();
        seats.into_iter().map(|seat| (named(&seat.member), seat.weight)).collect()
    }

    /// The writes that Azure has done since request number `after`, oldest first.
    pub(super) fn writes_after(&self, after: u64) -> Vec<Write> {
        self.azure.view(|azure| {
            let new = azure.requests().filter(|received| received.number > after);
            new.filter_map(Write::of).collect()
        })
    }

    /// The number of the latest request.
    pub(super) fn latest(&self) -> u64 {
        self.azure.view(|azure| azure.requests().next_back().map_or(0, |received| received.number))
    }

    /// What the gateway has counted so far.
    pub(super) fn counted(&self) -> Counted {
        self.azure.view(|azure| {
            let traffic = azure.traffic();
            let site = |site: &Site| traffic.member(site.side.name(), &site.backend);
            Counted {
                pools: Side::ALL.map(|side| traffic.pool(side.name())),
                sites: self.sites.iter().map(site).collect(),
            }
        })
    }

    /// Stops the gateway and Azure, then the members.
    pub(super) async fn stop(&self) {
        self.azure.stop().await;
        for site in &self.sites {
            site.stop().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_two_pools_are_equal_and_their_members_break_and_heal() {
        let world = World::start(7, None).await.unwrap();
        let weights = world.weights(Side::Helped);
        assert_eq!(weights, MEMBERS.map(|(name, weight)| (name.to_owned(), Some(weight))));
        assert_eq!(weights, world.weights(Side::Alone));

        let before = world.latest();
        let body = world.pool(Side::Helped, &[0, 30, 20]);
        world.azure.foreign_put("helped", &body).unwrap();
        let writes = world.writes_after(before);
        assert_eq!(writes.len(), 1);
        assert!(writes[0].foreign);
        assert_eq!((writes[0].weight("eu"), writes[0].weight("us")), (Some(0), Some(30)));
        assert!(world.writes_after(writes[0].number).is_empty());

        let eu = world.site("HELPED-eu").unwrap();
        world.turn(eu, Health::Fails);
        let alone = world.site("alone-eu").unwrap();
        assert_eq!((eu.health(), alone.health()), (Health::Fails, Health::Well));
        world.turn(eu, Health::Well);
        assert_eq!(eu.health(), Health::Well);
        assert_eq!(world.open_until(), [None; 6]);
        world.stop().await;
    }

    #[tokio::test]
    async fn the_next_one_goes_on_where_a_kept_one_has_ended() {
        let folder = tempfile::tempdir().unwrap();
        let start = async || {
            let world = World::start(7, Some(folder.path())).await;
            world.unwrap()
        };
        let marks = |world: &World| -> Vec<String> {
            let names = world.sites.iter().map(|site| site.backend.as_str()).chain(["helped"]);
            names.map(|name| world.azure.backend(name).unwrap().etag).collect()
        };
        let world = start().await;
        assert!(!world.goes_on);
        world.turn(world.site("helped-eu").unwrap(), Health::Fails);
        let body = world.pool(Side::Helped, &[0, 30, 20]);
        world.azure.foreign_put("helped", &body).unwrap();
        let before = marks(&world);
        world.stop().await;
        drop(world);
        let world = start().await;
        assert!(world.goes_on);
        assert_eq!(marks(&world), before);
        assert_eq!(world.weights(Side::Helped)[0].1, Some(0));
        let healths: Vec<Health> = world.sites.iter().map(Site::health).collect();
        assert_eq!(healths[0], Health::Fails);
        assert_eq!(healths[1..], [Health::Well; 5]);
        world.stop().await;
    }
}
