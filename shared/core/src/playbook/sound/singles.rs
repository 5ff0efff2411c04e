//! What is declared of Singles, and the effects on them: what each means, or what is wrong with it.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    ops::Range,
};

use super::{
    super::{
        book::ManagedBackend,
        needed,
        play::{On, Whom},
        template::Template,
        value::BackendText,
        wire,
    },
    Declared, Named, Reach, Reading,
};
use crate::{
    breaker::Tighten,
    effect::Effect,
    field::Property,
    form::{At, clipped},
    json::Json,
    names::{BackendAlias, BackendId, ServiceAlias, ServiceId},
};

impl Reading<'_> {
    pub(super) fn backends(
        &mut self,
        entries: Vec<(At<String>, At<wire::Backend>)>,
        services: Option<&Named<ServiceAlias, ServiceId>>,
        seen: &mut HashMap<BackendId, String>,
    ) -> Named<BackendAlias, ManagedBackend> {
        let mut backends = BTreeMap::new();
        for (alias, backend) in entries {
            let Some(name) = alias.value else { continue };
            let parsed = self.parsed(&name, &alias.at);
            let read = backend.value.and_then(|wire| {
                let at = wire.backend.as_ref().map_or(&alias.at, |backend| &backend.at).clone();
                let backend = self.backend(wire, &name, &alias.at, services)?;
                self.is_new_backend(seen, &backend.backend, &name, &at);
                Some(backend)
            });
            backends.insert(name, parsed.zip(read));
        }
        backends
    }

    fn backend(
        &mut self,
        wire: wire::Backend,
        alias: &str,
        at: &Range<usize>,
        services: Option<&Named<ServiceAlias, ServiceId>>,
    ) -> Option<ManagedBackend> {
        let wire::Backend { service, workspace, backend, may, is, tags, capacity, host } = wire;
        let service = self.service_of(service, services);
        let workspace = workspace.map_or(Some(None), |workspace| workspace.value.map(Some));
        let name = match backend {
            Some(backend) => backend.value,
            None => self.parsed(alias, at),
        };
        let may = may.map_or(Some(BTreeSet::new()), |may| {
            let all: Option<Vec<wire::May>> = may.value?.into_iter().map(|may| may.value).collect();
            Some(all?.into_iter().flat_map(wire::May::properties).collect())
        });
        let backend = BackendId { service: service?, workspace: workspace?, name: name? };
        let is = is.map_or(Some(None), |is| self.is(is.value?).map(Some));
        let tags = tags.map(|tags| self.tags(tags)).unwrap_or_default();
        let (capacity, host) = (capacity.and_then(At::given), host.and_then(At::given));
        Some(ManagedBackend { backend, may: may?, is: is?, tags, capacity, host })
    }

    /// What a `breaker` does.
    pub(super) fn breaker(
        &mut self,
        wire: wire::Breaker,
        holder: &Range<usize>,
        declared: Option<&Declared>,
    ) -> (Option<On>, Option<Effect<Whom>>) {
        let wire::Breaker { backend, pool, count, percentage, interval, trip, accept_retry_after } =
            wire;
        let on = match (backend, pool) {
            (Some(backend), None) => self.single(backend, declared),
            (None, Some(pool)) => declared
                .and_then(|declared| self.declared(pool, "pool", &declared.pools))
                .map(On::MembersOf),
            (Some(_), Some(pool)) => {
                let help =
                    "keep `pool` for the breakers of all of its members, or `backend` for one";
                self.wrong(&pool.at, "`pool` and `backend` exclude one another", help);
                None
            }
            (None, None) => {
                self.wrong(holder, "`backend` is missing here", needed::BREAKER);
                None
            }
        };
        if count.is_none() && percentage.is_none() {
            let help = "write `count: 3`, or `percentage: 50`";
            self.wrong(holder, "this breaker does not say how many failures trip it", help);
            return (on, None);
        }
        let tighten = Tighten {
            count: count.and_then(At::given),
            percentage: percentage.and_then(At::given),
            interval: interval.and_then(At::given),
            trip: trip.and_then(At::given),
            accept_retry_after: accept_retry_after.is_some(),
        };
        (on, Some(Effect::Breaker(tighten)))
    }

    /// The Single that a `breaker` names.
    fn single(&mut self, backend: At<BackendText>, declared: Option<&Declared>) -> Option<On> {
        let declared = declared?;
        if let Some(BackendText(name)) = &backend.value
            && declared.pools.contains_key(name)
            && !declared.singles.contains_key(name)
        {
            let message = format!("`{}` is a pool, which has no breaker of its own", clipped(name));
            let help = format!("write `pool: {}` for the breakers of its members", clipped(name));
            self.wrong(&backend.at, message, help);
            return None;
        }
        self.declared(backend, "backend", &declared.singles).map(On::One)
    }

    /// What a `set` sets, where the backend may be set so.
    pub(super) fn set(
        &mut self,
        wire: wire::Set,
        holder: &Range<usize>,
        declared: Option<&Declared>,
    ) -> (At<BackendText>, Option<Effect<Whom>>) {
        let wire::Set { backend, url, tls, proxy, title, description } = wire;
        let mut set = BTreeMap::new();
        let (mut given, mut all) = (Vec::new(), 0);
        let mut put = |property, at: Range<usize>, value: Option<Json>| {
            all += 1;
            if let Some(value) = value {
                given.push((property, at));
                set.insert(property, value);
            }
        };
        let texts = [
            (Property::Url, url.map(|url| (url.at.clone(), url.given::<String>()))),
            (Property::Title, title.map(|title| (title.at.clone(), title.given()))),
            (Property::Description, description.map(|text| (text.at.clone(), text.given()))),
            (
                Property::ProxyUrl,
                proxy
                    .and_then(|proxy| proxy.value)
                    .map(|wire::SetProxy { url }| (url.at.clone(), url.given::<String>())),
            ),
        ];
        for (property, text) in texts {
            if let Some((at, text)) = text {
                put(property, at, text.map(|text| Json::from(text.as_str())));
            }
        }
        if let Some(wire::SetTls { validate_certificate_chain, validate_certificate_name }) =
            tls.and_then(|tls| tls.value)
        {
            for (property, value) in [
                (Property::ValidateCertificateChain, validate_certificate_chain),
                (Property::ValidateCertificateName, validate_certificate_name),
            ] {
                if let Some(At { at, value }) = value {
                    put(
                        property,
                        at,
                        value.map(|value| Json::from(&serde_json::Value::from(value))),
                    );
                }
            }
        }
        if all == 0 {
            let help = "write what: `url: https://eu-2.example.com`, `tls`, `proxy`, `title` or `description`";
            self.wrong(holder, "this `set` sets nothing", help);
            return (backend, None);
        }
        let template = backend.value.as_ref().and_then(|BackendText(text)| {
            // What is wrong with it is said where the backend is looked up.
            Template::read(text, &mut self.expressions).ok()
        });
        for (property, at) in &given {
            let Some((declared, template)) = declared.zip(template.as_ref()) else { continue };
            let may_not = |backend: &ManagedBackend| !backend.may.contains(property);
            if let Some(backend) = Reach::of(&declared.singles, template).shows(may_not) {
                let name = clipped(backend.backend.name.as_str());
                let help =
                    format!("allow it: `may: [{}]` of that backend", wire::May::of(*property));
                self.wrong(at, format!("`{property}` of `{name}` may not be set"), help);
            }
        }
        let effect = (set.len() == all).then_some(Effect::Set(set));
        (backend, effect)
    }
}
