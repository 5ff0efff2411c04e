//! From the wire types to a playbook that means something, or to all that is wrong with it.
//!
//! A part that is wrong is left out and its neighbours are still looked at, so that one reading
//! tells everything; what refers to a part that was wrong is not reported for that again.

mod plays;

use std::{
    collections::{BTreeMap, HashSet},
    ops::Range,
};

use super::{
    PLAYBOOK_BYTES_MAX, PLAYS_MAX, POOLS_MAX, Play, Playbook, Pool, Problem, SERVICES_MAX,
    SPLIT_MEMBERS_MAX, Template,
    decode::{At, Entries, clipped, decode},
    expression::Expressions,
    nearest::meant,
    node, place,
    problem::{PROBLEMS_MAX, Wrong, problems},
    value, wire,
};
use crate::{
    limits::{Failover, LeastMembers, Limits},
    names::{BackendId, BackendName, PoolAlias, ServiceAlias, ServiceId},
};

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
    let node = node::read(text).map_err(|wrong| problems(text, vec![wrong]))?;
    let mut wrongs = Vec::new();
    let playbook = decode(&node, &mut wrongs).and_then(|wire| {
        let expressions = Expressions::default();
        let mut reading = Reading { source: text, expressions, wrongs: &mut wrongs };
        reading.playbook(wire, &node.at)
    });
    match playbook {
        Some(playbook) if wrongs.is_empty() => Ok(playbook),
        Some(_) | None => Err(problems(text, wrongs)),
    }
}

/// What is known of the parts that plays refer to.
struct Declared {
    /// Every alias, with the pool unless it was wrong.
    pools: BTreeMap<String, Option<(PoolAlias, Pool)>>,
    /// The backends that are pools.
    backends: HashSet<BackendId>,
}

impl Declared {
    fn of(pools: BTreeMap<String, Option<(PoolAlias, Pool)>>) -> Self {
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
    pools: Vec<&'a Pool>,
    /// Whether the file shows that it can be each of them; otherwise a signal decides.
    shown: bool,
}

impl Reach<'_> {
    /// Whether the file alone shows that it can be a pool of which `wrong` holds.
    fn shows(&self, mut wrong: impl FnMut(&Pool) -> bool) -> bool {
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

    /// The value of a field that must be there; `holder` is what lacks it otherwise.
    fn needed<T>(
        &mut self,
        field: Option<At<T>>,
        holder: &Range<usize>,
        name: &str,
        help: &str,
    ) -> Option<(Range<usize>, T)> {
        match field {
            Some(At { at, value }) => value.map(|value| (at, value)),
            None => {
                self.wrong(holder, format!("`{name}` is missing here"), help);
                None
            }
        }
    }

    fn parsed<T>(&mut self, text: &str, at: &Range<usize>) -> Option<T>
    where
        T: std::str::FromStr<Err: std::fmt::Display>,
    {
        match text.parse() {
            Ok(parsed) => Some(parsed),
            Err(error) => {
                let error = error.to_string();
                let (message, help) =
                    error.rsplit_once(": ").unwrap_or((&error, "see the example"));
                self.wrong(at, message, help);
                None
            }
        }
    }

    fn checked<T>(&mut self, at: &Range<usize>, checked: Result<T, value::Bad>) -> Option<T> {
        checked.map_err(|(message, help)| self.wrong(at, message, help)).ok()
    }

    /// A text in which expressions stand: what is wrong in it is put at its place in the file.
    fn compiled<T>(
        &mut self,
        text: &str,
        at: &Range<usize>,
        read: Result<T, Vec<Wrong>>,
    ) -> Option<T> {
        match read {
            Ok(read) => Some(read),
            Err(wrongs) => {
                for wrong in wrongs {
                    let at = place::within(self.source, at, text, &wrong.at);
                    self.wrongs.push(Wrong { at, ..wrong });
                }
                None
            }
        }
    }

    /// Says where there is more than there may be; of which the callers then read the first ones.
    fn bounded(&mut self, at: &Range<usize>, count: usize, max: usize, what: &str) {
        if count > max {
            self.wrong(at, format!("there are {count} {what} here"), format!("at most {max}"));
        }
    }

    fn playbook(&mut self, wire: wire::Playbook, root: &Range<usize>) -> Option<Playbook> {
        let wire::Playbook { version, services, pools, plays } = wire;
        let begin = "begin the playbook with `version: 1`";
        if let Some((at, version)) = self.needed(version, root, "version", begin)
            && version != 1
        {
            self.wrong(&at, format!("there is no version {version} of playbooks"), "write 1");
        }
        let help = "name the services: `services: {main: {subscription: …, resourceGroup: …, name: \
                    …}}`";
        let services = self.needed(services, root, "services", help);
        let services = services.map(|(at, entries)| {
            self.bounded(&at, entries.0.len(), SERVICES_MAX, "services");
            entries.0.into_iter().filter_map(|entry| self.service(entry)).collect()
        });
        let services: Option<BTreeMap<String, Option<(ServiceAlias, ServiceId)>>> = services;
        let help = "name the pools: `pools: {chat: {service: main, backend: chat-pool}}`";
        let pools = self.needed(pools, root, "pools", help);
        let pools = pools.map(|(at, entries)| {
            self.bounded(&at, entries.0.len(), POOLS_MAX, "pools");
            self.pools(entries, services.as_ref())
        });
        let declared = pools.map(Declared::of);
        let help = "write at least `plays: []`; see the example";
        let plays = self.needed(plays, root, "plays", help);
        let plays = plays.map(|(at, plays)| {
            self.bounded(&at, plays.len(), PLAYS_MAX, "plays");
            self.plays(plays, declared.as_ref())
        });
        Some(Playbook::new(
            services?.into_values().flatten().collect(),
            declared?.pools.into_values().flatten().collect(),
            plays?,
        ))
    }

    fn service(
        &mut self,
        (alias, service): (At<String>, At<wire::Service>),
    ) -> Option<(String, Option<(ServiceAlias, ServiceId)>)> {
        let name = alias.value?;
        let parsed = self.parsed(&name, &alias.at);
        let id = service.value.and_then(|wire| {
            let wire::Service { subscription, resource_group, name } = wire;
            let at = &service.at;
            let help = "it is the UUID that `az account show` calls id";
            let subscription = self.needed(subscription, at, "subscription", help);
            let help = "it is the name of the service's resource group";
            let resource_group = self.needed(resource_group, at, "resourceGroup", help);
            let name = self.needed(name, at, "name", "it is NAME in https://NAME.azure-api.net");
            let subscription = subscription.and_then(|(at, text)| self.parsed(&text, &at));
            let resource_group = resource_group.and_then(|(at, text)| self.parsed(&text, &at));
            let name = name.and_then(|(at, text)| self.parsed(&text, &at));
            Some(ServiceId {
                subscription: subscription?,
                resource_group: resource_group?,
                name: name?,
            })
        });
        Some((name, parsed.zip(id)))
    }

    fn pools(
        &mut self,
        entries: Entries<wire::Pool>,
        services: Option<&BTreeMap<String, Option<(ServiceAlias, ServiceId)>>>,
    ) -> BTreeMap<String, Option<(PoolAlias, Pool)>> {
        let mut pools = BTreeMap::new();
        let mut seen: BTreeMap<BackendId, String> = BTreeMap::new();
        for (alias, pool) in entries.0 {
            let Some(name) = alias.value else { continue };
            let parsed = self.parsed(&name, &alias.at);
            let read = pool.value.and_then(|wire| self.pool(wire, &pool.at, services));
            let read = read.map(|(at, pool)| {
                if let Some(other) = seen.get(&pool.backend) {
                    self.wrong(
                        &at,
                        format!("`{}` is this backend already", clipped(other)),
                        "each backend has one name here: limits of two names would not be one set",
                    );
                } else {
                    seen.insert(pool.backend.clone(), name.clone());
                }
                pool
            });
            pools.insert(name, parsed.zip(read));
        }
        pools
    }

    fn pool(
        &mut self,
        wire: wire::Pool,
        holder: &Range<usize>,
        services: Option<&BTreeMap<String, Option<(ServiceAlias, ServiceId)>>>,
    ) -> Option<(Range<usize>, Pool)> {
        let wire::Pool { service, workspace, backend, limits, failover, null_weight } = wire;
        let service = self.needed(service, holder, "service", "name one of the `services`");
        let service = service.and_then(|(at, name)| match services?.get(&name) {
            Some(service) => service.as_ref().map(|(_, id)| id.clone()),
            None => {
                let known = services?.keys().map(String::as_str);
                let help = meant(&name, "services", known);
                self.wrong(&at, format!("there is no service `{}`", clipped(&name)), help);
                None
            }
        });
        let help = "name the pool as API Management has it";
        let backend = self.needed(backend, holder, "backend", help);
        let backend =
            backend.and_then(|(at, text)| Some((self.parsed::<BackendName>(&text, &at)?, at)));
        // A workspace that is wrong must not make the pool one at service level.
        let workspace = match workspace {
            None => Some(None),
            Some(At { at, value }) => value.and_then(|text| self.parsed(&text, &at)).map(Some),
        };
        let limits = limits.and_then(|At { at: _, value }| value);
        let limits = limits.map(|limits| self.limits(limits)).unwrap_or_default();
        let failover = match failover.and_then(|At { at: _, value }| value) {
            None | Some(wire::Failover::Promote) => Failover::Promote,
            Some(wire::Failover::Hold) => Failover::Hold,
        };
        let null_weight =
            null_weight.and_then(|At { at, value }| self.checked(&at, value::weight(value?, 0)));
        let (name, at) = backend?;
        let backend = BackendId { service: service?, workspace: workspace?, name };
        Some((at, Pool { backend, limits, failover, null_weight }))
    }

    fn limits(&mut self, wire: wire::Limits) -> Limits {
        let wire::Limits { least_members, least_share } = wire;
        let least_members = least_members.and_then(|At { at, value }| {
            let count = value?;
            match u8::try_from(count) {
                Ok(count @ 1..) if usize::from(count) <= SPLIT_MEMBERS_MAX => {
                    Some(LeastMembers::Count(count))
                }
                Ok(_) | Err(_) => {
                    self.wrong(
                        &at,
                        format!("`leastMembers` cannot be {count}"),
                        format!("1 to {SPLIT_MEMBERS_MAX}; without it, at least half must serve"),
                    );
                    None
                }
            }
        });
        let least_share =
            least_share.and_then(|At { at, value }| self.checked(&at, value::percent(&value?.0)));
        Limits { least_members: least_members.unwrap_or_default(), least_share }
    }

    fn plays(&mut self, wire: Vec<At<wire::Play>>, declared: Option<&Declared>) -> Vec<Play> {
        let mut names: BTreeMap<String, usize> = BTreeMap::new();
        let mut plays = Vec::with_capacity(wire.len().min(PLAYS_MAX));
        for At { at, value } in wire.into_iter().take(PLAYS_MAX) {
            // More are not told, and to look for what was meant takes long where all is wrong.
            if self.wrongs.len() >= PROBLEMS_MAX {
                break;
            }
            let Some(play) = value else { continue };
            if let Some(At { at, value: Some(name) }) = &play.name {
                match names.get(name) {
                    Some(first) => {
                        let line = self.source[..*first].matches('\n').count() + 1;
                        self.wrong(
                            at,
                            format!("another play is called `{}`", clipped(name)),
                            format!("give this one a name of its own; the other is in line {line}"),
                        );
                    }
                    None => {
                        names.insert(name.clone(), at.start);
                    }
                }
            }
            plays.extend(self.play(play, &at, declared));
        }
        plays
    }
}
