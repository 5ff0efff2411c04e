//! The backends as the service has them: ETags, preconditions, versions.
//!
//! Every write gives the backend a new ETag, also one that changes nothing. The earlier versions
//! are kept for a while, for stale reads.

use crate::{
    address::{Address, Operation, Service},
    answer::{Answer, Detail},
    backend::{self, Properties},
};
use bytes::Bytes;
use http::StatusCode;
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};

/// How many earlier versions of a backend can be read stale.
const VERSIONS_KEPT: usize = 16;
/// How many backends a page of a list has when `$top` does not say.
const PAGE_ITEMS: usize = 100;

/// What a request did to a backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing: it was a read, or it was refused, or it got lost on the way.
    None,
    /// The backend was written, and has this ETag since.
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
    Lost {
        /// 412 where the ETag had changed.
        status: StatusCode,
    },
}

impl Effect {
    /// Whether the service did what was asked.
    #[must_use]
    pub fn happened(&self) -> bool {
        match self {
            Self::Written { .. } | Self::Deleted | Self::Reconnects => true,
            Self::None | Self::Waiting | Self::Lost { .. } => false,
        }
    }
}

/// A backend as a GET shows it. Bodies hold secrets, so that nothing here has Debug.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Version {
    pub(crate) etag: String,
    pub(crate) body: Bytes,
}

pub(crate) struct Entry {
    pub(crate) address: Address,
    pub(crate) properties: Properties,
    pub(crate) version: Version,
    earlier: VecDeque<Version>,
}

pub(crate) struct Backends {
    service: Service,
    entries: BTreeMap<Address, Entry>,
    last_tag: u64,
}

impl Backends {
    pub(crate) fn new(service: Service) -> Self {
        Self {
            service,
            entries: BTreeMap::new(),
            // Where the counter of a service that has been in use for a while might be.
            last_tag: 0x0C20,
        }
    }

    pub(crate) fn get(&self, address: &Address) -> Option<&Entry> {
        self.entries.get(address)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// Whether there is a version before the present one.
    pub(crate) fn has_earlier(&self, address: &Address) -> bool {
        self.get(address).is_some_and(|entry| !entry.earlier.is_empty())
    }

    pub(crate) fn read(&self, address: &Address) -> Answer {
        match self.get(address) {
            None => Answer::not_found(),
            Some(entry) => Answer::json(StatusCode::OK, entry.version.body.clone())
                .with_etag(entry.version.etag.clone()),
        }
    }

    /// [`Backends::read`], `versions` writes ago.
    pub(crate) fn read_stale(&self, address: &Address, versions: usize) -> Answer {
        let Some(entry) = self.get(address) else {
            return Answer::not_found();
        };
        let index = versions.max(1).min(entry.earlier.len());
        let version = match index.checked_sub(1) {
            Some(back) => entry.earlier.get(back).unwrap_or(&entry.version),
            None => &entry.version,
        };
        Answer::json(StatusCode::OK, version.body.clone()).with_etag(version.etag.clone())
    }

    /// A page of a collection. `next` makes the link to the page that skips so many.
    pub(crate) fn list(
        &self,
        workspace: Option<&str>,
        query: &[(String, String)],
        next: impl Fn(usize) -> String,
    ) -> Answer {
        let mut wrong = Vec::new();
        let mut number = |key: &str, least: usize, default: usize| {
            let Some((_, text)) = query.iter().find(|(name, _)| name == key) else {
                return default;
            };
            let number = text.parse().ok().filter(|number| *number >= least);
            if number.is_none() {
                wrong.push(Detail::new(key, format!("{key} must be at least {least}.")));
            }
            number.unwrap_or(default)
        };
        let (top, skip) = (number("$top", 1, PAGE_ITEMS), number("$skip", 0, 0));
        if query.iter().any(|(name, _)| name == "$filter") {
            wrong.push(Detail::new("$filter", "$filter is not emulated."));
        }
        if !wrong.is_empty() {
            return Answer::invalid(&wrong);
        }
        let here = |entry: &&Entry| match (entry.address.workspace(), workspace) {
            (None, None) => true,
            (Some(is), Some(wanted)) => is.eq_ignore_ascii_case(wanted),
            (Some(_), None) | (None, Some(_)) => false,
        };
        let entries: Vec<_> = self.entries.values().filter(here).collect();
        let page: Vec<_> = entries
            .iter()
            .skip(skip)
            .take(top)
            .map(|entry| backend::shown(&self.service, &entry.address, &entry.properties))
            .collect();
        let end = skip.saturating_add(page.len());
        let next = if end < entries.len() { next(end) } else { String::new() };
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
        if_match: Option<&str>,
        body: &[u8],
    ) -> (Answer, Effect) {
        match self.written(operation, address, if_match, body) {
            Ok(done) => done,
            Err(refused) => (refused, Effect::None),
        }
    }

    fn written(
        &mut self,
        operation: Operation,
        address: &Address,
        if_match: Option<&str>,
        body: &[u8],
    ) -> Result<(Answer, Effect), Answer> {
        let length = address.name().chars().count();
        if !(1..=crate::address::NAME_CHARS_MAX).contains(&length) {
            let message = "backendId must have 1 to 80 characters.";
            return Err(Answer::invalid(&[Detail::new("backendId", message)]));
        }
        let existing = self.entries.get(address);
        let is = existing.map(|entry| entry.version.etag.as_str());
        match operation {
            Operation::Put => {
                precondition(if_match, is)?;
                let properties = properties(body)?;
                let status = match existing {
                    None => StatusCode::CREATED,
                    Some(_) => StatusCode::OK,
                };
                self.store(address, properties, status)
            }
            Operation::Patch => {
                let if_match = if_match.ok_or_else(if_match_missing)?;
                let existing = existing.ok_or_else(Answer::not_found)?;
                precondition(Some(if_match), is)?;
                let mut merged = existing.properties.clone();
                backend::merge_fields(&mut merged, &properties(body)?);
                self.store(address, merged, StatusCode::OK)
            }
            Operation::Delete => {
                let if_match = if_match.ok_or_else(if_match_missing)?;
                if existing.is_none() {
                    return Ok((Answer::empty(StatusCode::NO_CONTENT), Effect::None));
                }
                precondition(Some(if_match), is)?;
                self.entries.remove(address);
                Ok((Answer::empty(StatusCode::OK), Effect::Deleted))
            }
            Operation::List
            | Operation::Head
            | Operation::Get
            | Operation::Reconnect
            | Operation::Token
            | Operation::Unknown => Ok((Answer::not_found(), Effect::None)),
        }
    }

    fn store(
        &mut self,
        address: &Address,
        properties: Properties,
        status: StatusCode,
    ) -> Result<(Answer, Effect), Answer> {
        let wrong = backend::check(&properties);
        if !wrong.is_empty() {
            return Err(Answer::invalid(&wrong));
        }
        self.last_tag += 1;
        let etag = etag(self.last_tag);
        // The spelling of whoever created it stays.
        let address = match self.entries.get(address) {
            Some(entry) => entry.address.clone(),
            None => address.clone(),
        };
        let shown = backend::shown(&self.service, &address, &properties);
        let version = Version { etag: etag.clone(), body: shown.to_string().into() };
        let answer = Answer::json(status, version.body.clone()).with_etag(etag.clone());
        match self.entries.get_mut(&address) {
            Some(entry) => {
                let before = std::mem::replace(&mut entry.version, version);
                entry.earlier.push_front(before);
                entry.earlier.truncate(VERSIONS_KEPT);
                entry.properties = properties;
            }
            None => {
                let entry = Entry {
                    address: address.clone(),
                    properties,
                    version,
                    earlier: VecDeque::new(),
                };
                self.entries.insert(address, entry);
            }
        }
        Ok((answer, Effect::Written { etag }))
    }
}

/// The properties that a body carries. `id`, `name` and `type` are read-only: what a client sends
/// back of them is passed over.
fn properties(body: &[u8]) -> Result<Properties, Answer> {
    let body: Value =
        serde_json::from_slice(body).map_err(|error| Answer::unreadable(&error.to_string()))?;
    match body {
        Value::Object(mut body) => match body.shift_remove("properties") {
            Some(Value::Object(properties)) => Ok(properties),
            None | Some(Value::Null) => Ok(Properties::new()),
            Some(_) => Err(Answer::unreadable("`properties` must be an object")),
        },
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Err(Answer::unreadable("the body must be an object"))
        }
    }
}

/// Whether `If-Match` lets a write of what has the ETag `is` through. `*` also lets a creation
/// through, as clients that always send it with PUT rely on (assumed).
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

/// That the header is required is the specification's; the answer's shape is assumed.
fn if_match_missing() -> Answer {
    Answer::invalid(&[Detail::new("If-Match", "The request header If-Match is required.")])
}

/// The ETag of a write: eight bytes in base64 and in quotes, as the service's are.
fn etag(number: u64) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    // 64 bits are ten whole characters and four bits of an eleventh.
    let mut tag = String::from('"');
    for position in 0..11_u32 {
        let bits = (u128::from(number) << 2) >> (60 - 6 * position);
        tag.push(char::from(ALPHABET[(bits & 63) as usize]));
    }
    tag.push_str("=\"");
    tag
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
