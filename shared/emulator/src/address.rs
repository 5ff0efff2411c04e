//! Who is meant: a service, a backend of it, and the operation that a request asks for.
//!
//! Azure compares resource groups, services and backend names without case; so does everything
//! here. What is stored keeps the spelling of whoever created it.

use crate::{
    name,
    service::{PROVIDER, Service, Services, Unfound},
};
use http::Method;
use serde::{Deserialize, Serialize};
use std::{cmp::Ordering, fmt, hash, sync::Arc};

/// A backend: `"eu".into()` at service level, `"team/eu".into()` in the workspace `team`, both of
/// the emulator's first service; of any service by its whole ARM id or [`Address::of`]. Compared
/// without case; as JSON it is that same string.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Address {
    service: Option<Arc<Service>>,
    workspace: Option<String>,
    name: String,
}

impl Address {
    /// The backend `name` of a workspace. Workspaces need no creating here.
    #[must_use]
    pub fn in_workspace(workspace: &str, name: &str) -> Self {
        Self { service: None, workspace: Some(workspace.to_owned()), name: name.to_owned() }
    }

    /// The same backend of `service`.
    #[must_use]
    pub fn of(service: &Service, backend: impl Into<Self>) -> Self {
        Self { service: Some(Arc::new(service.clone())), ..backend.into() }
    }

    /// The service; none where it is the emulator's first one.
    #[must_use]
    pub fn service(&self) -> Option<&Service> {
        self.service.as_deref()
    }

    /// The workspace, or none at service level.
    #[must_use]
    pub fn workspace(&self) -> Option<&str> {
        self.workspace.as_deref()
    }

    /// The backend's name as it was written.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn without_service(self) -> Self {
        Self { service: None, ..self }
    }

    /// Another backend beside this one: of the same service and workspace.
    pub(crate) fn beside(&self, name: &str) -> Self {
        Self { name: name.to_owned(), ..self.clone() }
    }

    fn parts(&self) -> (&str, &str) {
        (self.workspace.as_deref().unwrap_or(""), &self.name)
    }

    /// Reads the whole ARM id of a backend; none when it is not one.
    fn from_id(id: &str) -> Option<Self> {
        let segments: Vec<&str> = id.trim_matches('/').split('/').collect();
        let (sub, group, name, rest) = arm_path(&segments)?;
        let service = Some(Arc::new(Service::new(sub, group, name).ok()?));
        let (workspace, rest) = workspace(rest);
        match rest {
            [backends, name] if backends.eq_ignore_ascii_case("backends") => {
                Some(Self { service, workspace, name: (*name).to_owned() })
            }
            _ => None,
        }
    }
}

/// The subscription, resource group and service that a path goes by, and what follows them.
fn arm_path<'a>(segments: &'a [&'a str]) -> Option<(&'a str, &'a str, &'a str, &'a [&'a str])> {
    let [s, sub, g, group, p, provider, t, name, rest @ ..] = segments else {
        return None;
    };
    let fixed = [
        (s, "subscriptions"),
        (g, "resourceGroups"),
        (p, "providers"),
        (provider, PROVIDER),
        (t, "service"),
    ];
    let fits = fixed.iter().all(|(is, want)| is.eq_ignore_ascii_case(want));
    fits.then_some((sub, group, name, rest))
}

/// The workspace that a path goes into below its service, and what follows.
fn workspace<'a>(rest: &'a [&'a str]) -> (Option<String>, &'a [&'a str]) {
    match rest {
        [w, id, rest @ ..] if w.eq_ignore_ascii_case("workspaces") => {
            (Some((*id).to_owned()), rest)
        }
        rest => (None, rest),
    }
}

impl From<&str> for Address {
    fn from(text: &str) -> Self {
        if let Some(address) = Self::from_id(text) {
            return address;
        }
        match text.split_once('/') {
            Some((workspace, name)) => Self::in_workspace(workspace, name),
            None => Self { service: None, workspace: None, name: text.to_owned() },
        }
    }
}

impl From<String> for Address {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.to_string()
    }
}

impl From<&Address> for Address {
    fn from(address: &Address) -> Self {
        address.clone()
    }
}

impl PartialEq for Address {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Address {}

impl PartialOrd for Address {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Address {
    fn cmp(&self, other: &Self) -> Ordering {
        let folded = |s: &str, t: &str| {
            s.bytes().map(|b| b.to_ascii_lowercase()).cmp(t.bytes().map(|b| b.to_ascii_lowercase()))
        };
        let ((w, n), (other_w, other_n)) = (self.parts(), other.parts());
        self.service
            .cmp(&other.service)
            .then_with(|| folded(w, other_w))
            .then_with(|| folded(n, other_n))
    }
}

impl hash::Hash for Address {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        // Two services seldom have a backend of one name; equality looks at the service too.
        let (w, n) = self.parts();
        w.to_ascii_lowercase().hash(state);
        n.to_ascii_lowercase().hash(state);
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.service, &self.workspace) {
            (Some(service), _) => f.write_str(&service.backend_id(self)),
            (None, None) => f.write_str(&self.name),
            (None, Some(w)) => write!(f, "{w}/{}", self.name),
        }
    }
}

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// GET of a collection of backends.
    List,
    /// HEAD of a backend: its ETag.
    Head,
    /// GET of a backend.
    Get,
    /// PUT: create or replace.
    Put,
    /// PATCH: merge.
    Patch,
    /// DELETE.
    Delete,
    /// POST `/reconnect`.
    Reconnect,
    /// A token asked of the identity endpoints, or the way to one.
    Token,
    /// Anything else: it was answered with an error, and `finish()` fails by it.
    Unknown,
}

impl Operation {
    /// Whether the operation changes a backend's configuration: PUT, PATCH or DELETE.
    #[must_use]
    pub fn is_write(self) -> bool {
        match self {
            Self::Put | Self::Patch | Self::Delete => true,
            Self::List | Self::Head | Self::Get | Self::Reconnect | Self::Token | Self::Unknown => {
                false
            }
        }
    }
}

/// What a request's verb and path say together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// One backend, and the operation on it.
    Backend(Operation, Address),
    /// All backends of a service, or of one of its workspaces; the address of one, without its
    /// name.
    Collection(Address),
    /// The path goes by a subscription, a resource group or a service that is not there.
    Elsewhere(Unfound),
    /// The path is known, the verb is not.
    WrongVerb,
    /// Nothing that is known here.
    Unknown,
}

impl Target {
    pub(crate) fn read(services: &Services, verb: &Method, path: &str) -> Self {
        let Some(segments) =
            path.trim_matches('/').split('/').map(decoded).collect::<Option<Vec<_>>>()
        else {
            return Self::Unknown;
        };
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let Some((sub, group, name, rest)) = arm_path(&segments) else {
            return Self::Unknown;
        };
        let service = match services.find(sub, group, name) {
            Ok(service) => service.map(Arc::clone),
            Err(unfound) => return Self::Elsewhere(unfound),
        };
        let (workspace, rest) = workspace(rest);
        let Some((head, rest)) = rest.split_first() else {
            return Self::Unknown;
        };
        if !head.eq_ignore_ascii_case("backends") {
            return Self::Unknown;
        }
        let in_workspace = workspace.is_some();
        let address = |name: &str| Address { service, workspace, name: name.to_owned() };
        match rest {
            [] => match *verb {
                Method::GET => Self::Collection(address("")),
                _ => Self::WrongVerb,
            },
            [id] => {
                let operation = match *verb {
                    Method::GET => Operation::Get,
                    Method::HEAD => Operation::Head,
                    Method::PUT => Operation::Put,
                    Method::PATCH => Operation::Patch,
                    Method::DELETE => Operation::Delete,
                    _ => return Self::WrongVerb,
                };
                Self::Backend(operation, address(id))
            }
            // Reconnect exists at service level only, in every version of the API.
            [id, verb_name] if !in_workspace && verb_name.eq_ignore_ascii_case("reconnect") => {
                match *verb {
                    Method::POST => Self::Backend(Operation::Reconnect, address(id)),
                    _ => Self::WrongVerb,
                }
            }
            _ => Self::Unknown,
        }
    }

    pub(crate) fn operation(&self) -> Operation {
        match self {
            Self::Backend(operation, _) => *operation,
            Self::Collection(_) => Operation::List,
            Self::Elsewhere(_) | Self::WrongVerb | Self::Unknown => Operation::Unknown,
        }
    }

    pub(crate) fn backend(&self) -> Option<&Address> {
        match self {
            Self::Backend(_, address) => Some(address),
            Self::Collection(_) | Self::Elsewhere(_) | Self::WrongVerb | Self::Unknown => None,
        }
    }

    /// Where the backends are that it asks for: an address of which only service and workspace
    /// count.
    pub(crate) fn place(&self) -> Option<&Address> {
        match self {
            Self::Backend(_, address) | Self::Collection(address) => Some(address),
            Self::Elsewhere(_) | Self::WrongVerb | Self::Unknown => None,
        }
    }
}

/// What is wrong with the names in a path: the parameter, and the words of it.
pub(crate) fn names_wrong(operation: Operation, place: &Address) -> Vec<(&'static str, String)> {
    let mut wrong = Vec::new();
    if operation != Operation::List
        && let Err(words) = name::backend(place.name())
    {
        wrong.push(("backendId", words));
    }
    if let Some(Err(words)) = place.workspace().map(name::workspace) {
        wrong.push(("workspaceId", words));
    }
    wrong
}

/// The last segment of a member's id, which is the whole of its name within the service: ids come
/// as full ARM ids and as `/backends/x`.
pub(crate) fn last_segment(id: &str) -> &str {
    id.trim_end_matches('/').rsplit('/').next().unwrap_or(id)
}

/// Undoes percent-encoding; none when it is not UTF-8 or an escape is broken.
pub(crate) fn decoded(text: &str) -> Option<String> {
    if !text.contains('%') {
        return Some(text.to_owned());
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        if first == b'%' {
            let escape = std::str::from_utf8(tail.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(escape, 16).ok()?);
            rest = tail.get(2..)?;
        } else {
            bytes.push(first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).ok()
}

/// Percent-encodes what a query may not have as it is.
pub(crate) fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~$".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// The pairs of a query or a form, decoded; what cannot be decoded is left out.
pub(crate) fn pairs(query: &str) -> Vec<(String, String)> {
    query
        .split('&')
        .filter_map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let plain = |text: &str| decoded(&text.replace('+', " "));
            Some((plain(key)?, plain(value)?))
        })
        .filter(|(key, _)| !key.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(verb: &str, path: &str) -> Target {
        let verb = verb.parse().unwrap();
        Target::read(&Services::new(Service::default(), &[]), &verb, path)
    }

    const BASE: &str = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg1\
                        /providers/Microsoft.ApiManagement/service/contoso-apim";

    #[test]
    fn paths() {
        let eu = Address::from("eu");
        let check = |verb: &str, tail: &str, want: Target| {
            assert_eq!(read(verb, &format!("{BASE}{tail}")), want, "{verb} {tail}");
        };
        check("GET", "/backends/eu", Target::Backend(Operation::Get, eu.clone()));
        check("HEAD", "/backends/EU", Target::Backend(Operation::Head, eu.clone()));
        check("POST", "/backends/eu/reconnect", Target::Backend(Operation::Reconnect, eu));
        check("GET", "/backends/eu/reconnect", Target::WrongVerb);
        check("POST", "/backends/eu", Target::WrongVerb);
        check("GET", "/backends", Target::Collection("".into()));
        check("GET", "/workspaces/w/backends/", Target::Collection("w/".into()));
        check("PUT", "/backends", Target::WrongVerb);
        check(
            "PATCH",
            "/workspaces/team%20a/backends/eu",
            Target::Backend(Operation::Patch, Address::in_workspace("team a", "eu")),
        );
        check("POST", "/workspaces/w/backends/eu/reconnect", Target::Unknown);
        check("GET", "/apis/x", Target::Unknown);
        check("GET", "", Target::Unknown);
        check("GET", "/backends/a%2", Target::Unknown);
    }

    #[test]
    fn the_service_is_compared_without_case() {
        let shouted = format!("{}/BACKENDS/eu", BASE.to_uppercase());
        assert_eq!(read("GET", &shouted), Target::Backend(Operation::Get, "eu".into()));
        let other = format!("{}/backends/eu", BASE.replace("rg1", "rg2"));
        assert!(matches!(read("GET", &other), Target::Elsewhere(Unfound::ResourceGroup { .. })));
    }

    #[test]
    fn addresses_as_text() {
        let check = |text: &str, workspace: Option<&str>, name: &str, service: Option<&str>| {
            let address = Address::from(text);
            assert_eq!(address.workspace(), workspace, "{text}");
            assert_eq!(address.name(), name, "{text}");
            assert_eq!(address.service().map(Service::name), service, "{text}");
            assert_eq!(Address::from(address.to_string()), address, "{text}");
        };
        check("eu", None, "eu", None);
        check("team/eu", Some("team"), "eu", None);
        check(&format!("{BASE}/backends/eu"), None, "eu", Some("contoso-apim"));
        check(&format!("{BASE}/workspaces/w/backends/eu"), Some("w"), "eu", Some("contoso-apim"));
    }

    #[test]
    fn names() {
        let check = |operation, address: Address, want: &[&str]| {
            let wrong = names_wrong(operation, &address);
            let parameters: Vec<_> = wrong.iter().map(|(parameter, _)| *parameter).collect();
            assert_eq!(parameters, want, "{address}");
        };
        let long = "x".repeat(81);
        check(Operation::Get, "eu".into(), &[]);
        check(Operation::Get, long[..80].into(), &[]);
        check(Operation::Get, long.as_str().into(), &["backendId"]);
        check(Operation::List, "".into(), &[]);
        check(Operation::List, Address::in_workspace("a b-c", ""), &[]);
        check(Operation::List, Address::in_workspace(&long, ""), &["workspaceId"]);
        for refused in "*#&+:<>?".chars() {
            check(
                Operation::Put,
                Address::in_workspace(&format!("a{refused}"), "eu"),
                &["workspaceId"],
            );
        }
    }

    #[test]
    fn forms() {
        assert_eq!(
            pairs("a=1&b=x%2Fy+z&&c"),
            [("a", "1"), ("b", "x/y z"), ("c", "")].map(|(k, v)| (k.to_owned(), v.to_owned()))
        );
    }
}
