//! The backends as the service has them: ETags, preconditions, versions.
//!
//! Every write gives the backend a new ETag, also one that changes nothing. The earlier versions
//! are kept for a while, for stale reads.

use crate::{
    address::{Address, Operation, last_segment},
    answer::{Answer, Detail},
    backend::{self, Properties},
    fault::status,
    filter::Filter,
    model::{self, check::check},
    query::{encoded, pairs},
    services::Services,
    state::Call,
    target::Target,
    unpublished::{Ahead, NewerFields, Taken, Unpublished, ZeroWeight},
    version::{ApiVersion, POOLS},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::{StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

/// How many versions of a backend are kept, the present one among them; the others can be read
/// stale.
const VERSIONS_KEPT: usize = 17;
/// The largest `$top` and the largest `$skip`, which are integers of 32 bits (specification).
const NUMBER_MAX: usize = i32::MAX as usize;
/// How many backends a page of a list has when `$top` does not say.
const PAGE_ITEMS: usize = 100;

/// What a request did to a backend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// The backend was written, and has this ETag since.
    #[serde(serialize_with = "String::serialize")]
    Written {
        /// Quoted, as in the header.
        etag: String,
    },
    /// The backend was deleted.
    Deleted,
    /// A reconnect was accepted.
    Reconnects,
    /// It is on its way and will land late.
    Waiting,
    /// It landed late and was refused with this status.
    #[serde(serialize_with = "status::serialize")]
    Lost {
        /// 412 where the ETag had changed.
        status: StatusCode,
    },
    /// Nothing: it was a read, or it was refused, or it was lost on the way.
    #[serde(untagged)]
    None,
}

impl Effect {
    /// Whether the service did what was asked.
    pub fn happened(&self) -> bool {
        matches!(self, Self::Written { .. } | Self::Deleted | Self::Reconnects)
    }
}

/// The backends as a file has them.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct KeptBackends {
    last_tag: u64,
    entries: Vec<Entry>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Version {
    pub(crate) etag: String,
    /// Sharing it is cheap, as it must be where all of them are kept under the lock.
    pub(crate) body: Arc<str>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Entry {
    #[serde(rename = "backend")]
    pub(crate) address: Address,
    pub(crate) properties: Properties,
    /// The present one, then the earlier ones, the latest first. There is always one.
    versions: VecDeque<Version>,
}

impl Entry {
    /// The version so many writes ago, 0 for the present; the oldest where fewer are known.
    pub(crate) fn version(&self, writes: usize) -> &Version {
        &self.versions[writes.min(self.versions.len() - 1)]
    }
}

pub(crate) struct Backends {
    services: Arc<Services>,
    unpublished: Unpublished,
    entries: BTreeMap<Address, Entry>,
    last_tag: u64,
}

impl Backends {
    pub(crate) fn new(services: Arc<Services>, unpublished: Unpublished) -> Self {
        Self {
            services,
            unpublished,
            entries: BTreeMap::new(),
            // Where the counter of a service that has been in use for a while might be.
            last_tag: 0x0C20,
        }
    }

    /// The backends as a file is to have them.
    pub(crate) fn kept(&self) -> KeptBackends {
        KeptBackends { last_tag: self.last_tag, entries: self.entries.values().cloned().collect() }
    }

    /// Continues with what a file has.
    pub(crate) fn restore(&mut self, kept: KeptBackends) {
        self.last_tag = kept.last_tag;
        let there = kept.entries.into_iter().filter(|entry| !entry.versions.is_empty());
        self.entries.extend(there.map(|entry| (entry.address.clone(), entry)));
    }

    pub(crate) fn get(&self, address: &Address) -> Option<&Entry> {
        self.entries.get(address)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// Whether there is a version before the present one, of a backend or of one in a collection.
    pub(crate) fn has_earlier(&self, target: &Target) -> bool {
        let earlier = |entry: &Entry| entry.versions.len() > 1;
        match target {
            Target::Backend(_, address) => self.get(address).is_some_and(earlier),
            Target::Collection(place) => {
                let here = |entry: &&Entry| entry.address == place.beside(entry.address.name());
                self.entries.values().filter(here).any(earlier)
            }
            Target::Inventory(_) | Target::Elsewhere(_) | Target::WrongVerb | Target::Unknown => {
                false
            }
        }
    }

    /// A backend as it was so many `writes` ago, 0 for the present.
    pub(crate) fn read(&self, address: &Address, by: ApiVersion, writes: usize) -> Answer {
        match self.get(address) {
            None => Answer::not_found(),
            Some(entry) => self.answer(StatusCode::OK, entry.version(writes), by),
        }
    }

    /// What `by` is shown of a version.
    fn body(&self, version: &Version, by: ApiVersion) -> Value {
        let mut body: Value = serde_json::from_str(&version.body).unwrap_or_default();
        if self.unpublished.newer_fields == NewerFields::Hidden {
            model::hide(&mut body, by);
        }
        body
    }

    fn answer(&self, status: StatusCode, version: &Version, by: ApiVersion) -> Answer {
        let body = match self.unpublished.newer_fields {
            NewerFields::Shown => Bytes::copy_from_slice(version.body.as_bytes()),
            NewerFields::Hidden => self.body(version, by).to_string().into(),
        };
        Answer::json(status, body).with(header::ETAG, &version.etag)
    }

    /// A page of a collection, its backends as they were so many `writes` ago.
    pub(crate) fn list(&self, place: &Address, call: &Call, writes: usize) -> Answer {
        let query = pairs(&call.received.query);
        let mut wrong = Vec::new();
        let of = |key: &str| query.iter().find(|(name, _)| name.eq_ignore_ascii_case(key));
        let mut number = |key: &str, least: usize, default: usize| {
            let Some((_, text)) = of(key) else {
                return default;
            };
            let number = text.parse().ok().filter(|number| (least..=NUMBER_MAX).contains(number));
            if number.is_none() {
                let words = format!("{key} is {text}: it must be {least} to {NUMBER_MAX}");
                wrong.push(Detail::new(key, words));
            }
            number.unwrap_or(default)
        };
        let (top, skip) = (number("$top", 1, PAGE_ITEMS), number("$skip", 0, 0));
        let filter = of("$filter").and_then(|(_, text)| match Filter::read(text) {
            Ok(filter) => Some(filter),
            Err(why) => {
                wrong.push(Detail::new("$filter", why));
                None
            }
        });
        if !wrong.is_empty() {
            return Answer::invalid(&wrong);
        }
        let wanted = |entry: &&Entry| {
            let Entry { address, properties, .. } = entry;
            // Beside the place means: in the same service and workspace.
            *address == place.beside(address.name())
                && filter.as_ref().is_none_or(|filter| filter.holds(address.name(), properties))
        };
        let entries: Vec<_> = self.entries.values().filter(wanted).collect();
        let shown = |entry: &&Entry| self.body(entry.version(writes), call.version);
        let page: Vec<_> = entries.iter().skip(skip).take(top).map(shown).collect();
        let end = skip.saturating_add(page.len());
        let more = end < entries.len();
        let next = if more { next_link(call, &query, end) } else { String::new() };
        Answer::value(
            StatusCode::OK,
            &json!({"value": page, "count": entries.len(), "nextLink": next}),
        )
    }

    /// Does a PUT, PATCH or DELETE.
    pub(crate) fn write(
        &mut self,
        operation: Operation,
        address: &Address,
        call: &Call,
    ) -> Result<Answer, Answer> {
        let existing = self.entries.get(address);
        let if_match = call.received.if_match.as_deref();
        let Unpublished { patch_null, patch_array, put_without_if_match, .. } = self.unpublished;
        let free = existing.is_none() || put_without_if_match == Taken::Accepted;
        if if_match.is_none() && (operation != Operation::Put || !free) {
            // The specification requires the header; the shape of the answer is assumed.
            let words = "The request header If-Match is required.";
            return Err(Answer::invalid(&[Detail::new("If-Match", words)]));
        }
        match (existing, operation) {
            (None, Operation::Delete) => return Ok(Answer::empty(StatusCode::NO_CONTENT)),
            (None, Operation::Patch) => return Err(Answer::not_found()),
            (_, _) => precondition(if_match, existing.map(|entry| &*entry.version(0).etag))?,
        }
        if operation == Operation::Delete {
            self.entries.remove(address);
            return Ok(Answer::empty(StatusCode::OK).after(Effect::Deleted));
        }
        let mut properties = self.properties(call)?;
        if let Some(existing) = existing.filter(|_| operation == Operation::Patch) {
            let patch = std::mem::replace(&mut properties, existing.properties.clone());
            backend::merge_fields(&mut properties, &patch, patch_null, patch_array);
        }
        let status = if existing.is_none() { StatusCode::CREATED } else { StatusCode::OK };
        self.store(address, call.version, properties, status)
    }

    /// The properties in a write, as far as its api-version may have them.
    fn properties(&self, call: &Call) -> Result<Properties, Answer> {
        let mut properties = properties(&call.received.body)?;
        backend::rename(&mut properties);
        let Unpublished { pool_ahead, field_ahead, .. } = self.unpublished;
        let version = call.version;
        let single = !backend::is_pool(&properties);
        // Pools and breakers have one switch, the small fields that came later another.
        for (ahead, pools) in [(pool_ahead, true), (field_ahead, false)] {
            let newer = |since| since > version && (since == POOLS) == pools;
            let mut without = properties.clone();
            let mut paths = model::strip(&mut without, &newer);
            match ahead {
                Ahead::Kept => {}
                Ahead::Ignored => properties = without,
                Ahead::Refused => {
                    // A Single may say that it is one in every version.
                    paths.retain(|path| !(single && path == "type"));
                    if !paths.is_empty() {
                        let wrong = |path: String| {
                            let target = last_segment(&path.replace('.', "/")).to_owned();
                            let words =
                                format!("{path} is not supported by api-version {version}.");
                            Detail::new(target, words)
                        };
                        let wrong: Vec<_> = paths.into_iter().map(wrong).collect();
                        return Err(Answer::invalid(&wrong));
                    }
                }
            }
        }
        Ok(properties)
    }

    fn store(
        &mut self,
        address: &Address,
        by: ApiVersion,
        mut properties: Properties,
        status: StatusCode,
    ) -> Result<Answer, Answer> {
        backend::complete(&mut properties, self.services.of(address));
        if self.unpublished.zero_weight == ZeroWeight::Raised {
            backend::raise_zero_weights(&mut properties);
        }
        let mut wrong = check(&properties, &self.unpublished);
        if self.unpublished.missing_member == Taken::Refused {
            wrong.extend(self.missing(address, &properties));
        }
        if !wrong.is_empty() {
            return Err(Answer::invalid(&wrong));
        }
        self.last_tag += 1;
        let etag = etag(self.last_tag);
        // The spelling that it was created with stays.
        let (address, mut versions) = match self.entries.remove_entry(address) {
            Some((address, entry)) => (address, entry.versions),
            None => (address.clone(), VecDeque::new()),
        };
        let body = backend::shown(self.services.of(&address), &address, &properties);
        versions.push_front(Version { etag: etag.clone(), body: body.to_string().into() });
        versions.truncate(VERSIONS_KEPT);
        let answer = self.answer(status, &versions[0], by);
        self.entries.insert(address.clone(), Entry { address, properties, versions });
        Ok(answer.after(Effect::Written { etag }))
    }

    /// The members of a pool that do not exist beside it.
    fn missing(&self, pool: &Address, properties: &Properties) -> Vec<Detail> {
        let missing = |(index, item): (usize, &Value)| {
            let id = item.get("id")?.as_str()?;
            let there = self.entries.contains_key(&pool.beside(last_segment(id)));
            let words = format!("pool.services[{index}].id refers to no existing backend: {id}.");
            (!there).then(|| Detail::new("id", words))
        };
        backend::members(properties).iter().enumerate().filter_map(missing).collect()
    }
}

/// The properties that a body carries. `id`, `name` and `type` are read-only: what a client sends
/// back of them is ignored.
fn properties(body: &[u8]) -> Result<Properties, Answer> {
    let body: Value =
        serde_json::from_slice(body).map_err(|error| Answer::unreadable(&error.to_string()))?;
    let Value::Object(mut body) = body else {
        return Err(Answer::unreadable("the body must be an object"));
    };
    match body.shift_remove("properties") {
        Some(Value::Object(properties)) => Ok(properties),
        None | Some(Value::Null) => Ok(Properties::new()),
        Some(_) => Err(Answer::unreadable("`properties` must be an object")),
    }
}

/// Whether `If-Match` allows a write of what has the ETag `is`. `*` also allows a creation,
/// as clients that always send it with PUT rely on (assumed).
fn precondition(if_match: Option<&str>, is: Option<&str>) -> Result<(), Answer> {
    let Some(wanted) = if_match else {
        return Ok(());
    };
    let any = |tag: &str| tag == "*" || Some(tag) == is;
    if wanted.split(',').map(str::trim).any(any) {
        Ok(())
    } else {
        Err(Answer::precondition_failed())
    }
}

/// The page that skips so many.
fn next_link(call: &Call, query: &[(String, String)], skip: usize) -> String {
    let rest: String = query
        .iter()
        .filter(|(key, _)| key != "$skip")
        .map(|(key, value)| format!("{}={}&", encoded(key), encoded(value)))
        .collect();
    format!("http://{}{}?{rest}$skip={skip}", call.host, call.received.path)
}

/// The ETag of a write: eight bytes in base64 and in quotes, as the service's are.
fn etag(number: u64) -> String {
    format!("\"{}\"", BASE64_STANDARD.encode(number.to_be_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn etags_are_base64_of_eight_bytes() {
        assert_eq!(etag(0), "\"AAAAAAAAAAA=\"");
        assert_eq!(etag(0x0C21), "\"AAAAAAAADCE=\"");
        assert_eq!(etag(u64::MAX), "\"//////////8=\"");
    }

    #[test]
    fn preconditions() {
        let passes = |if_match, is| precondition(if_match, is).is_ok();
        assert!(passes(None, None));
        assert!(passes(None, Some("\"a\"")));
        assert!(passes(Some("*"), Some("\"a\"")));
        assert!(passes(Some("*"), None));
        assert!(passes(Some("\"a\""), Some("\"a\"")));
        assert!(passes(Some("\"b\", \"a\""), Some("\"a\"")));
        assert!(!passes(Some("\"b\""), Some("\"a\"")));
        assert!(!passes(Some("a"), Some("\"a\"")));
        assert!(!passes(Some("\"a\""), None));
    }
}
