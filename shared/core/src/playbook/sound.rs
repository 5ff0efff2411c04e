//! From the wire types to a playbook that means something, or to all that is wrong with it.
//!
//! A part that is wrong is left out and its neighbours are still looked at, so that one reading
//! tells everything; what refers to a part that was wrong is not reported for that again.

mod plays;
mod when;
mod windows;

use std::{
    collections::{BTreeMap, HashMap, HashSet, hash_map::Entry},
    fmt,
    hash::Hash,
    ops::Range,
};

use super::{
    book::{ManagedPool, Playbook},
    bounds::{PLAYBOOK_BYTES_MAX, PLAYS_MAX, POOLS_MAX, SERVICES_MAX, WINDOWS_MAX},
    expression::Expressions,
    needed::NEEDED,
    place,
    play::Play,
    template::Template,
    unbuilt::unbuilt,
    wire,
};
use crate::{
    form::{
        At, Entries, Language, PROBLEMS_MAX, Problem, Wrong, clipped, decode, meant, problems, tree,
    },
    limits::{Limits, Terms},
    names::{BackendId, PoolAlias, ServiceAlias, ServiceId},
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
    backends: HashSet<BackendId>,
}

impl Declared {
    fn of(pools: Named<PoolAlias, ManagedPool>) -> Self {
        let backends = pools.values().flatten().map(|(_, pool)| pool.backend.clone()).collect();
        Self { pools, backends }
    }

    /// The pools that `template` can name, as far as the file shows.
    fn reach(&self, template: &Template) -> Reach<'_> {
        let texts = template.texts();
        let pools: Vec<_> = match &texts {
            Some(texts) => texts.iter().filter_map(|name| self.pools.get(name)).collect(),
            None => {
                let could = |(name, _): &(&String, _)| template.could_be(name);
                self.pools.iter().filter(could).map(|(_, pool)| pool).collect()
            }
        };
        let pools = pools.into_iter().flatten().map(|(_, pool)| pool).collect();
        Reach { pools, shown: texts.is_some() }
    }
}

/// The pools that an effect can come to change.
struct Reach<'a> {
    pools: Vec<&'a ManagedPool>,
    /// Whether the file shows that it can be each of them; otherwise a signal decides.
    shown: bool,
}

impl Reach<'_> {
    /// Whether the file alone shows that it can be a pool of which `wrong` holds.
    fn shows(&self, mut wrong: impl FnMut(&ManagedPool) -> bool) -> bool {
        let mut pools = self.pools.iter();
        if self.shown {
            pools.any(|pool| wrong(pool))
        } else {
            !self.pools.is_empty() && pools.all(|pool| wrong(pool))
        }
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
        let wire::Playbook { version, services, pools, plays, windows } = wire;
        let at = services.at.clone();
        let services = entries(services).map(|entries| {
            self.bounded(&at, entries.len(), SERVICES_MAX, "services");
            let read = |(alias, service)| self.service(alias, service);
            entries.into_iter().filter_map(read).collect()
        });
        let services: Option<Named<ServiceAlias, ServiceId>> = services;
        let at = pools.at.clone();
        let declared = entries(pools).map(|entries| {
            self.bounded(&at, entries.len(), POOLS_MAX, "pools");
            Declared::of(self.pools(entries, services.as_ref()))
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
        version.value?;
        Some(Playbook::new(
            services?.into_values().flatten().collect(),
            declared?.pools.into_values().flatten().collect(),
            plays?,
            windows?,
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
    ) -> Named<PoolAlias, ManagedPool> {
        let mut pools = BTreeMap::new();
        let mut seen: HashMap<BackendId, String> = HashMap::new();
        for (alias, pool) in entries {
            let Some(name) = alias.value else { continue };
            let parsed = self.parsed(&name, &alias.at);
            let read = pool.value.and_then(|wire| {
                let at = wire.backend.at.clone();
                let pool = self.pool(wire, services)?;
                match seen.entry(pool.backend.clone()) {
                    Entry::Occupied(other) => self.wrong(
                        &at,
                        format!("`{}` is this backend already", clipped(other.get())),
                        "each backend has one name here: limits of two names would not be one set",
                    ),
                    Entry::Vacant(free) => {
                        free.insert(name.clone());
                    }
                }
                Some(pool)
            });
            pools.insert(name, parsed.zip(read));
        }
        pools
    }

    fn pool(
        &mut self,
        wire: wire::Pool,
        services: Option<&Named<ServiceAlias, ServiceId>>,
    ) -> Option<ManagedPool> {
        let wire::Pool {
            service: At { at, value },
            workspace,
            backend,
            limits,
            failover,
            null_weight,
        } = wire;
        let service = value.zip(services).and_then(|(name, services)| {
            let service = services.get(&name);
            if service.is_none() {
                let help = meant(&name, "services", services.keys().map(String::as_str));
                self.wrong(&at, format!("there is no service `{}`", clipped(&name)), help);
            }
            service?.as_ref().map(|(_, id)| id.clone())
        });
        // A workspace that is wrong must not make the pool one at service level.
        let workspace = workspace.map_or(Some(None), |workspace| workspace.value.map(Some));
        let limits = limits.and_then(|limits| limits.value).map(|wire| Limits {
            least_members: wire.least_members.and_then(At::given).unwrap_or_default(),
            least_share: wire.least_share.and_then(At::given),
        });
        Some(ManagedPool {
            backend: BackendId { service: service?, workspace: workspace?, name: backend.value? },
            terms: Terms {
                limits: limits.unwrap_or_default(),
                failover: failover.and_then(|failover| failover.value).unwrap_or_default(),
                null_weight: null_weight.and_then(At::given),
            },
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
