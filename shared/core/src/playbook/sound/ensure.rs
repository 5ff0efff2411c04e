//! Backends that may be made, and what makes them: what each means, or what is wrong with it.

use std::ops::Range;

use serde_json::{Map, Value as Json, json};

use super::{
    super::{
        book::{ManagedBackend, ManagedPool},
        bounds::{CERTIFICATES_MAX, SELECTED_DEFAULT},
        play::EffectTemplate,
        play::{On, Whom},
        template::Template,
        value::NamedValue,
        wire,
    },
    Declared, Named, Reading,
};
use crate::{
    breaker::Tighten,
    declared,
    effect::Effect,
    field::Value,
    form::{At, Entries, clipped, meant},
};

/// Puts what is given under a key.
fn put<T, U: Into<Json>>(tree: &mut Map<String, Json>, key: &str, value: Option<At<T>>)
where
    T: Into<U>,
{
    if let Some(value) = value.and_then(At::given::<U>) {
        tree.insert(key.to_owned(), value.into());
    }
}

impl Reading<'_> {
    /// What a backend is to be.
    pub(super) fn is(&mut self, wire: wire::Is) -> Option<declared::Declared> {
        let wire::Is {
            url,
            protocol,
            title,
            description,
            resource_id,
            tls,
            proxy,
            credentials,
            circuit_breaker,
        } = wire;
        let mut tree = Map::new();
        put::<_, String>(&mut tree, "title", title);
        put::<_, String>(&mut tree, "description", description);
        tree.insert("url".to_owned(), url.given::<String>()?.into());
        let protocol = match protocol.and_then(|protocol| protocol.value) {
            None | Some(wire::Protocol::Http) => "http",
            Some(wire::Protocol::Soap) => "soap",
        };
        tree.insert("protocol".to_owned(), protocol.into());
        put::<_, String>(&mut tree, "resourceId", resource_id);
        if let Some(wire::SetTls { validate_certificate_chain, validate_certificate_name }) =
            tls.and_then(|tls| tls.value)
        {
            let mut of = Map::new();
            put::<_, bool>(&mut of, "validateCertificateChain", validate_certificate_chain);
            put::<_, bool>(&mut of, "validateCertificateName", validate_certificate_name);
            tree.insert("tls".to_owned(), of.into());
        }
        if let Some(wire::SetProxy { url }) = proxy.and_then(|proxy| proxy.value) {
            tree.insert("proxy".to_owned(), json!({"url": url.given::<String>()?}));
        }
        if let Some(credentials) = credentials.and_then(|credentials| credentials.value) {
            tree.insert("credentials".to_owned(), self.credentials(credentials)?.into());
        }
        if let Some(At { at, value }) = circuit_breaker {
            let breaker = self.made_breaker(value?, &at)?;
            tree.insert("circuitBreaker".to_owned(), breaker);
        }
        Some(declared::Declared::new(&tree))
    }

    fn credentials(&mut self, wire: wire::Credentials) -> Option<Map<String, Json>> {
        let wire::Credentials { authorization, certificate_ids, header, query } = wire;
        let mut tree = Map::new();
        if let Some(authorization) = authorization {
            let wire::Authorization { scheme, parameter } = authorization.value?;
            let (scheme, parameter) = (scheme.given::<String>(), parameter.given::<String>());
            tree.insert(
                "authorization".to_owned(),
                json!({"scheme": scheme?, "parameter": parameter?}),
            );
        }
        if let Some(At { at, value }) = certificate_ids {
            let ids = value?;
            self.bounded(&at, ids.len(), CERTIFICATES_MAX, "certificates");
            let ids: Option<Vec<String>> = ids.into_iter().map(At::given).collect();
            tree.insert("certificateIds".to_owned(), ids?.into());
        }
        for (key, of) in [("header", header), ("query", query)] {
            let Some(At { at, value }) = of else { continue };
            let Entries(entries) = value?;
            self.bounded(&at, entries.len(), CERTIFICATES_MAX, key);
            let mut map = Map::new();
            for (name, value) in entries {
                let value: Option<String> = At::<NamedValue>::given(value);
                map.insert(name.value?, json!([value?]));
            }
            tree.insert(key.to_owned(), map.into());
        }
        Some(tree)
    }

    fn made_breaker(&mut self, wire: wire::IsBreaker, holder: &Range<usize>) -> Option<Json> {
        let wire::IsBreaker { count, percentage, interval, trip, accept_retry_after } = wire;
        if count.is_some() == percentage.is_some() {
            let help = "write either `count: 3`, or `percentage: 50`";
            self.wrong(holder, "this breaker does not say in one way what trips it", help);
            return None;
        }
        let tighten = Tighten {
            count: count.and_then(At::given),
            percentage: percentage.and_then(At::given),
            interval: interval.and_then(At::given),
            trip: trip.and_then(At::given),
            accept_retry_after: accept_retry_after.is_some(),
        };
        Some(tighten.of(&Value::Absent).json()?.tree())
    }

    /// What an `ensure` does to its backend, and to the pool that is to list it.
    pub(super) fn ensure(
        &mut self,
        wire: wire::Ensure,
        holder: &Range<usize>,
        declared: &Declared,
    ) -> Option<(EffectTemplate, Option<EffectTemplate>)> {
        let wire::Ensure { backend, pool, weight, priority } = wire;
        let settings = [("weight", weight.is_some()), ("priority", priority.is_some())];
        if pool.is_none()
            && let Some((setting, _)) = settings.into_iter().find(|(_, is_given)| *is_given)
        {
            let help = "name the pool that lists the backend: `in: chat`";
            self.wrong(holder, format!("`{setting}` is of a pool, and none is named"), help);
        }
        let named = self.entry(&backend, "backend", &declared.singles).cloned();
        let is = named.as_ref().and_then(|single| single.is.clone());
        if named.is_some() && is.is_none() {
            let name = backend.value.as_deref().unwrap_or_default();
            let message = format!("`{}` does not say what it is to be", clipped(name));
            self.wrong(&backend.at, message, "declare it: `is: {url: https://…}` of that backend");
        }
        let join = match pool {
            None => None,
            Some(pool) => {
                let listing = self.entry(&pool, "pool", &declared.pools).cloned();
                let (single, listing): (ManagedBackend, ManagedPool) = (named?, listing?);
                if listing.backend.sibling(single.backend.name.clone()) != single.backend {
                    let message = "this pool is not where the backend is";
                    let help = "a pool lists backends of its own service and workspace";
                    self.wrong(&pool.at, message, help);
                    return None;
                }
                let on = self.fixed(&pool)?;
                let member = Template::read(single.backend.name.as_str(), &mut self.expressions);
                let effect = Effect::Join {
                    member: Whom::Named(member.ok()?),
                    weight: weight.and_then(At::given),
                    priority: priority.and_then(At::given),
                };
                Some(EffectTemplate { on, effect, most: SELECTED_DEFAULT })
            }
        };
        let on = self.fixed(&backend)?;
        let effect = Effect::Ensure(is?);
        Some((EffectTemplate { on, effect, most: SELECTED_DEFAULT }, join))
    }

    fn fixed(&mut self, name: &At<String>) -> Option<On> {
        Template::read(name.value.as_deref()?, &mut self.expressions).ok().map(On::One)
    }

    /// What the file has under a name, which stands there as it is.
    fn entry<'d, K, T>(
        &mut self,
        At { at, value }: &At<String>,
        what: &str,
        known: &'d Named<K, T>,
    ) -> Option<&'d T> {
        let name = value.as_deref()?;
        if name.contains("${") {
            let help = format!("an `ensure` names its {what} as it is");
            self.wrong(at, "`${…}` cannot stand here", help);
            return None;
        }
        let Some(found) = known.get(name) else {
            let help = meant(name, &format!("{what}s"), known.keys().map(String::as_str));
            self.wrong(at, format!("there is no {what} `{}`", clipped(name)), help);
            return None;
        };
        // Of one that is wrong itself it has been said.
        found.as_ref().map(|(_, found)| found)
    }
}
