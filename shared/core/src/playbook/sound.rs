//! From the wire types to a playbook that means something, or to all that is wrong with it.
//!
//! A part that is wrong is left out and its neighbours are still looked at, so that one reading
//! tells everything; what refers to a part that was wrong is not reported for that again.

mod ensure;
mod gates;
mod inventory;
mod plays;
mod reconnects;
mod select;
mod singles;
mod when;
mod windows;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, hash_map::Entry},
    fmt,
    hash::Hash,
    ops::Range,
};

use super::{
    book::{ManagedBackend, ManagedPool, Playbook},
    bounds::{BACKENDS_MAX, PLAYBOOK_BYTES_MAX, PLAYS_MAX, POOLS_MAX, SERVICES_MAX, WINDOWS_MAX},
    expression::Expressions,
    needed::NEEDED,
    place,
    play::On,
    play::{EffectTemplate, Play},
    select::Inventory,
    template::Template,
    unbuilt::unbuilt,
    wire,
};
use crate::{
    form::{
        At, Entries, Language, PROBLEMS_MAX, Problem, Wrong, clipped, decode, meant, problems, tree,
    },
    limits::{Limits, Terms},
    names::{BackendAlias, BackendId, PoolAlias, ServiceAlias, ServiceId},
};

/// What the playbook has of its own as a file.
const LANGUAGE: Language = Language { needed: &NEEDED, short: &[], entry: "effect", unbuilt };

/// Reads a playbook.
///
/// # Errors
/// All problems that can be found in one go, in the order of the text, up to a bound: what is no
/// YAML (then nothing else can be found), unknown and missing fields, values of the wrong form,
/// constructs that are not built yet, names that nothing has, and expressions that cannot hold.
pub fn read(text: &str) -> Result<Playbook, Vec<Problem>> {
    if text.len() > PLAYBOOK_BYTES_MAX {
        let message = format!("the playbook has {} bytes", text.len());
        let help = format!("a playbook has at most {PLAYBOOK_BYTES_MAX}");
        return Err(problems(text, vec![Wrong::new(0..0, message, help)]));
    }
    let empty =
        || Wrong::new(0..0, "the playbook is empty", "begin with `version: 1`; see the example");
    let node = tree(text).and_then(|node| node.ok_or_else(empty));
    let node = node.map_err(|wrong| problems(text, vec![wrong]))?;
    let mut wrongs = Vec::new();
    let playbook = decode(&node, &LANGUAGE, &mut wrongs).and_then(|wire| {
        let expressions = Expressions::default();
        let mut reading = Reading { source: text, expressions, wrongs: &mut wrongs };
        reading.playbook(wire)
    });
    match playbook {
        Some(playbook) if wrongs.is_empty() => Ok(playbook),
        Some(_) | None => Err(problems(text, wrongs)),
    }
}

/// The entries that stand there: none where the field is missing, so that each name that refers to one
/// is told with it. Where the field is wrong, what it would have is not known.
fn entries<T>(of: At<Entries<T>>) -> Option<Vec<(At<String>, At<T>)>> {
    let is_missing = of.is_missing();
    of.value.map(|Entries(entries)| entries).or_else(|| is_missing.then(Vec::new))
}

/// Every name that the file gives, with what it names unless that was wrong.
type Named<K, T> = BTreeMap<String, Option<(K, T)>>;

/// What is known of the parts that plays refer to.
struct Declared {
    pools: Named<PoolAlias, ManagedPool>,
    /// The backends that are pools.
    are_pools: HashSet<BackendId>,
    singles: Named<BackendAlias, ManagedBackend>,
    /// The names of the backends that are Singles.
    are_singles: HashMap<BackendId, String>,
}

impl Declared {
    fn of(
        pools: Named<PoolAlias, ManagedPool>,
        singles: Named<BackendAlias, ManagedBackend>,
    ) -> Self {
        let are_pools = pools.values().flatten().map(|(_, pool)| pool.backend.clone()).collect();
        let single = |(name, single): (&String, &Option<(BackendAlias, ManagedBackend)>)| {
            Some((single.as_ref()?.1.backend.clone(), name.clone()))
        };
        let are_singles = singles.iter().filter_map(single).collect();
        Self { pools, are_pools, singles, are_singles }
    }

    /// The backends that an effect can come to change, as far as the file shows.
    fn reach(&self, effect: &EffectTemplate) -> Reach<&BackendId> {
        match &effect.on {
            On::One(on) if effect.effect.is_of_pool() => {
                Reach::of(&self.pools, on).map(|pool| &pool.backend)
            }
            On::One(on) => Reach::of(&self.singles, on).map(|single| &single.backend),
            // Its members are where it is.
            On::MembersOf(on) => Reach::of(&self.pools, on).map(|pool| &pool.backend),
            On::EveryPool => {
                Reach { all: self.pools().map(|pool| &pool.backend).collect(), shown: false }
            }
        }
    }
}

/// What a template can come to name.
struct Reach<T> {
    all: Vec<T>,
    /// Whether the file shows that it can be each of them; otherwise a signal decides.
    shown: bool,
}

impl<'a, T> Reach<&'a T> {
    fn of<K>(named: &'a Named<K, T>, template: &Template) -> Self {
        let texts = template.texts();
        let all: Vec<_> = match &texts {
            Some(texts) => texts.iter().filter_map(|name| named.get(name)).collect(),
            None => {
                let could = |(name, _): &(&String, _)| template.could_be(name);
                named.iter().filter(could).map(|(_, one)| one).collect()
            }
        };
        Self {
            all: all.into_iter().flatten().map(|(_, one)| one).collect(),
            shown: texts.is_some(),
        }
    }
}

impl<T: Copy> Reach<T> {
    fn map<U>(self, to: impl FnMut(T) -> U) -> Reach<U> {
        Reach { all: self.all.into_iter().map(to).collect(), shown: self.shown }
    }

    /// One of which `wrong` holds, where the file alone shows that it can be one.
    fn shows(&self, wrong: impl Fn(T) -> bool) -> Option<T> {
        let found = self.all.iter().copied().find(|one| wrong(*one));
        found.filter(|_| self.shown || self.all.iter().all(|one| wrong(*one)))
    }
}

struct Reading<'a> {
    source: &'a str,
    expressions: Expressions,
    wrongs: &'a mut Vec<Wrong>,
}

impl Reading<'_> {
    fn wrong(&mut self, at: &Range<usize>, message: impl Into<String>, help: impl Into<String>) {
        self.wrongs.push(Wrong::new(at.clone(), message, help));
    }

    /// What is wrong, in the words of what was read: behind the last colon stands what would be right.
    fn said(&mut self, at: &Range<usize>, wrong: &str) {
        self.wrongs.push(Wrong::said(at.clone(), wrong));
    }

    fn parsed<T>(&mut self, text: &str, at: &Range<usize>) -> Option<T>
    where
        T: std::str::FromStr<Err: fmt::Display>,
    {
        let said = |error: T::Err| self.wrongs.push(Wrong::said(at.clone(), &error.to_string()));
        text.parse().map_err(said).ok()
    }

    /// A text in which expressions stand: what is wrong in it is put at its place in the file.
    fn compiled<T>(
        &mut self,
        text: &str,
        at: &Range<usize>,
        read: impl FnOnce(&str, &mut Expressions) -> Result<T, Vec<Wrong>>,
    ) -> Option<T> {
        let read = read(text, &mut self.expressions);
        let moved =
            |wrong: Wrong| Wrong { at: place::within(self.source, at, text, &wrong.at), ..wrong };
        read.map_err(|wrongs| self.wrongs.extend(wrongs.into_iter().map(moved))).ok()
    }

    /// Says where there is more than there may be; of which the callers then read the first ones.
    fn bounded(&mut self, at: &Range<usize>, count: usize, max: usize, what: &str) {
        if count > max {
            self.wrong(at, format!("there are {count} {what} here"), format!("at most {max}"));
        }
    }

    fn playbook(&mut self, wire: wire::Playbook) -> Option<Playbook> {
        let wire::Playbook { version, services, pools, backends, plays, windows, gates, limits } =
            wire;
        let at = services.at.clone();
        let services = entries(services).map(|entries| {
            self.bounded(&at, entries.len(), SERVICES_MAX, "services");
            let read = |(alias, service)| self.service(alias, service);
            entries.into_iter().filter_map(read).collect()
        });
        let services: Option<Named<ServiceAlias, ServiceId>> = services;
        let at = pools.at.clone();
        let (mut seen, mut listed) = (HashMap::new(), Vec::new());
        let pools = entries(pools).map(|entries| {
            self.bounded(&at, entries.len(), POOLS_MAX, "pools");
            listed = inventory::listed(&entries);
            self.pools(entries, services.as_ref(), &mut seen)
        });
        let singles = backends.map_or(Some(BTreeMap::new()), |backends| {
            let at = backends.at.clone();
            let entries = entries(backends)?;
            self.bounded(&at, entries.len(), BACKENDS_MAX, "backends");
            Some(self.backends(entries, services.as_ref(), &mut seen))
        });
        let limits = limits.map(|limits| self.tag_limits(limits, singles.as_ref()));
        let declared = pools.zip(singles).map(|(mut pools, singles)| {
            for one in listed {
                self.link(one, &mut pools, &singles);
            }
            Declared::of(pools, singles)
        });
        let plays = plays.value.map(|wire| {
            self.bounded(&plays.at, wire.len(), PLAYS_MAX, "plays");
            self.plays(wire, declared.as_ref())
        });
        let windows = windows.map_or(Some(Vec::new()), |At { at, value }| {
            let wire = value?;
            self.bounded(&at, wire.len(), WINDOWS_MAX, "windows");
            Some(self.windows(wire, declared.as_ref()))
        });
        let freezes = gates.map_or(Some(Vec::new()), |gates| Some(self.gates(gates.value?)));
        version.value?;
        let Declared { pools, singles, .. } = declared?;
        Some(Playbook::new(
            services?.into_values().flatten().collect(),
            pools.into_values().flatten().collect(),
            singles.into_values().flatten().collect(),
            plays?,
            windows?,
            freezes?,
            limits.unwrap_or_default(),
        ))
    }

    fn service(
        &mut self,
        alias: At<String>,
        service: At<wire::Service>,
    ) -> Option<(String, Option<(ServiceAlias, ServiceId)>)> {
        let name = alias.value?;
        let id = service.value.and_then(|wire::Service { subscription, resource_group, name }| {
            Some(ServiceId {
                subscription: subscription.value?,
                resource_group: resource_group.value?,
                name: name.value?,
            })
        });
        let alias = self.parsed(&name, &alias.at);
        Some((name, alias.zip(id)))
    }

    fn pools(
        &mut self,
        entries: Vec<(At<String>, At<wire::Pool>)>,
        services: Option<&Named<ServiceAlias, ServiceId>>,
        seen: &mut HashMap<BackendId, String>,
    ) -> Named<PoolAlias, ManagedPool> {
        let mut pools = BTreeMap::new();
        for (alias, pool) in entries {
            let Some(name) = alias.value else { continue };
            let parsed = self.parsed(&name, &alias.at);
            let read = pool.value.and_then(|wire| {
                let at = wire.backend.at.clone();
                let pool = self.pool(wire, services)?;
                self.is_new_backend(seen, &pool.backend, &name, &at);
                Some(pool)
            });
            pools.insert(name, parsed.zip(read));
        }
        pools
    }

    /// Says where a backend has a name already.
    fn is_new_backend(
        &mut self,
        seen: &mut HashMap<BackendId, String>,
        backend: &BackendId,
        name: &str,
        at: &Range<usize>,
    ) {
        match seen.entry(backend.clone()) {
            Entry::Occupied(other) => self.wrong(
                at,
                format!("`{}` is this backend already", clipped(other.get())),
                "each backend has one name here: limits of two names would not be one set",
            ),
            Entry::Vacant(free) => {
                free.insert(name.to_owned());
            }
        }
    }

    /// The service of this name.
    fn service_of(
        &mut self,
        At { at, value }: At<String>,
        services: Option<&Named<ServiceAlias, ServiceId>>,
    ) -> Option<ServiceId> {
        let (name, services) = value.zip(services)?;
        let service = services.get(&name);
        if service.is_none() {
            let help = meant(&name, "services", services.keys().map(String::as_str));
            self.wrong(&at, format!("there is no service `{}`", clipped(&name)), help);
        }
        service?.as_ref().map(|(_, id)| id.clone())
    }

    fn pool(
        &mut self,
        wire: wire::Pool,
        services: Option<&Named<ServiceAlias, ServiceId>>,
    ) -> Option<ManagedPool> {
        let wire::Pool {
            service,
            workspace,
            backend,
            limits,
            failover,
            null_weight,
            writes_per_hour,
            members: _,
        } = wire;
        let service = self.service_of(service, services);
        // A workspace that is wrong must not make the pool one at service level.
        let workspace = workspace.map_or(Some(None), |workspace| workspace.value.map(Some));
        let limits = limits.and_then(|limits| limits.value).map(|wire| Limits {
            least_members: wire.least_members.and_then(At::given).unwrap_or_default(),
            least_share: wire.least_share.and_then(At::given),
            least_capacity: wire.least_capacity.and_then(At::given),
            most_out: wire.most_out.and_then(At::given),
            panic: wire.panic.and_then(At::given),
        });
        Some(ManagedPool {
            backend: BackendId { service: service?, workspace: workspace?, name: backend.value? },
            terms: Terms {
                limits: limits.unwrap_or_default(),
                failover: failover.and_then(|failover| failover.value).unwrap_or_default(),
                null_weight: null_weight.and_then(At::given),
                ..Terms::default()
            },
            writes_per_hour: writes_per_hour.and_then(At::given),
            // These are known once the backends are.
            members: BTreeSet::new(),
        })
    }

    fn plays(&mut self, wire: Vec<At<wire::Play>>, declared: Option<&Declared>) -> Vec<Play> {
        let mut names = HashMap::new();
        let mut plays = Vec::with_capacity(wire.len().min(PLAYS_MAX));
        for At { value, .. } in wire.into_iter().take(PLAYS_MAX) {
            // More are not told, and to look for what was meant takes long where all is wrong.
            if self.wrongs.len() >= PROBLEMS_MAX {
                break;
            }
            let Some(play) = value else { continue };
            self.is_new(&mut names, &play.name, "play");
            plays.extend(self.play(play, declared));
        }
        plays
    }

    /// Says where a name was given before.
    fn is_new<T: Clone + Eq + Hash + fmt::Display>(
        &mut self,
        names: &mut HashMap<T, usize>,
        name: &At<T>,
        what: &str,
    ) {
        let At { at, value: Some(name) } = name else { return };
        let first = *names.entry(name.clone()).or_insert(at.start);
        if first != at.start {
            let line = self.source[..first].matches('\n').count() + 1;
            self.wrong(
                at,
                format!("another {what} is called `{name}`"),
                format!("give this one a name of its own; the other is in line {line}"),
            );
        }
    }
}
