//! List: what is asked for, and the pages that come.
//!
//! A page names the next one by an address of the service's making. It is sent the token like any
//! other, so it is followed only where it is at the endpoint itself ([`NextLink`]); and a
//! service that would go on for ever, or in a circle, is stopped by
//! [`Pages`](crate::client::pages::Pages).

use std::fmt;
use std::str::FromStr;

use http::Uri;
use percent_encoding::{AsciiSet, utf8_percent_encode};

use crate::document::Document;
use crate::endpoint::{Endpoint, VALUE};
use crate::meta::Meta;
use crate::text::as_text;

/// The most pages that are followed.
pub const PAGES_MAX: usize = 1_000;
/// The longest filter, in characters.
pub const FILTER_CHARS_MAX: usize = 1_000;
/// The longest address of a next page, in bytes.
pub const NEXT_LINK_BYTES_MAX: usize = 8_000;

/// Which backends, and from where on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Query {
    /// Only those.
    pub filter: Option<Filter>,
    /// At most so many in a page; the service's own choice without.
    pub top: Option<Top>,
    /// From behind so many of them.
    pub skip: Option<Skip>,
}

impl Query {
    /// The parameters of a request, each with its `&` before it.
    pub(crate) fn parameters(&self) -> String {
        let filter = self
            .filter
            .as_ref()
            .map(|filter| format!("&$filter={}", utf8_percent_encode(filter.as_str(), VALUE)));
        let top = self.top.map(|Top(top)| format!("&$top={top}"));
        let skip = self.skip.map(|Skip(skip)| format!("&$skip={skip}"));
        [filter, top, skip].into_iter().flatten().collect()
    }
}

/// How many backends a page has at most: 1 to 2147483647.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Top(i32);

/// How many backends are passed over: 0 to 2147483647.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Skip(i32);

/// Why something cannot be asked of List.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// A number is out of its bounds.
    #[error("{name} is {found}: it must be {least} to {}", i32::MAX)]
    Number {
        /// `$top` or `$skip`.
        name: &'static str,
        /// What was wanted.
        found: u64,
        /// The least that is allowed.
        least: u8,
    },
    /// The filter is too short or too long.
    #[error("$filter has {0} characters: it must have 1 to {FILTER_CHARS_MAX}")]
    FilterLength(usize),
    /// The filter has a character that no filter has.
    #[error("$filter has a control character at character {0}")]
    FilterCharacter(usize),
}

fn bounded(name: &'static str, found: u64, least: u8) -> Result<i32, QueryError> {
    let number = i32::try_from(found).ok().filter(|number| *number >= i32::from(least));
    number.ok_or(QueryError::Number { name, found, least })
}

impl Top {
    /// At most this many.
    pub fn new(number: u64) -> Result<Self, QueryError> {
        bounded("$top", number, 1).map(Self)
    }
}

impl Skip {
    /// Behind so many.
    pub fn new(number: u64) -> Result<Self, QueryError> {
        bounded("$skip", number, 0).map(Self)
    }
}

/// A filter in OData's words: `startswith(name,'eu-') and title ne 'old'`.
///
/// What it may say is the service's to judge: fields `name`, `title` and `url`; operators `ge`,
/// `le`, `eq`, `ne`, `gt`, `lt`; functions `substringof`, `contains`, `startswith`, `endswith`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter(String);

impl FromStr for Filter {
    type Err = QueryError;
    fn from_str(text: &str) -> Result<Self, QueryError> {
        let length = text.chars().count();
        if !(1..=FILTER_CHARS_MAX).contains(&length) {
            return Err(QueryError::FilterLength(length));
        }
        match text.chars().position(char::is_control) {
            Some(at) => Err(QueryError::FilterCharacter(at + 1)),
            None => Ok(Self(text.to_owned())),
        }
    }
}

as_text!(Filter);

/// One page of backends. They have no ETags; Get a backend before you change it.
#[derive(Debug, Clone)]
pub struct Page {
    /// The backends, each as it was written. **They hold secrets.**
    pub backends: Vec<Document>,
    /// How many there are on all pages, if the service says so.
    pub count: Option<u64>,
    /// Where the next page is, if there is one.
    pub next: Option<NextLink>,
    /// What the headers of the answer said.
    pub meta: Meta,
}

/// The address of a next page, which was checked to be at the endpoint that the list came from.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct NextLink(String);

/// Why an address of a next page is not followed. None of them repeats it, since it may say
/// anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NextLinkError {
    /// It is not a whole address.
    #[error("the address of its next page is not valid")]
    NotAnAddress,
    /// It is longer than anything that is looked at.
    #[error("the address of its next page is longer than {NEXT_LINK_BYTES_MAX} bytes")]
    TooLong,
    /// It is not at the endpoint, and the token must not go there.
    #[error("its next page is on another server, which must not see the token")]
    Elsewhere,
}

impl NextLink {
    /// Takes an address with the same scheme, host and port as the endpoint.
    pub fn new(endpoint: &Endpoint, text: &str) -> Result<Self, NextLinkError> {
        if text.len() > NEXT_LINK_BYTES_MAX {
            return Err(NextLinkError::TooLong);
        }
        let text = utf8_percent_encode(text, ESCAPED).to_string();
        let uri: Uri = text.parse().map_err(|_| NextLinkError::NotAnAddress)?;
        let base: Uri = endpoint.base().as_str().parse().expect("a base is an address");
        match (origin(&uri), origin(&base)) {
            (Some(to), Some(from)) if to == from => Ok(Self(uri.to_string())),
            (Some(_), _) => Err(NextLinkError::Elsewhere),
            (None, _) => Err(NextLinkError::NotAnAddress),
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// What is percent-encoded in an address, beside what is not ASCII. Servers repeat a filter in it
/// as it was meant and not as it was sent. In a host it makes something that is not a host.
const ESCAPED: &AsciiSet = &AsciiSet::EMPTY
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'`')
    .add(b'{')
    .add(b'}')
    .add(b'|')
    .add(b'^')
    .add(b'\\');

/// Scheme, host and port. An address with a user in it has none, since it may mislead; nor has
/// one whose port is not a number, which the parser accepts.
fn origin(uri: &Uri) -> Option<(String, String, u16)> {
    let (scheme, authority) = (uri.scheme_str()?, uri.authority()?);
    let no_port = authority.as_str() == authority.host();
    if authority.as_str().contains('@') || (authority.port_u16().is_none() && !no_port) {
        return None;
    }
    let port = authority.port_u16().or(match scheme {
        "https" => Some(443),
        "http" => Some(80),
        _ => None,
    })?;
    Some((scheme.to_ascii_lowercase(), authority.host().to_ascii_lowercase(), port))
}

impl fmt::Debug for NextLink {
    /// Its query may hold a token of the service's.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NextLink(..)")
    }
}

#[cfg(test)]
#[path = "list_tests.rs"]
mod tests;
