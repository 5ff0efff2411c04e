//! Who is meant: the service, a backend of it, and the operation that a request asks for.
//!
//! Azure compares resource groups, services and backend names without case; so does everything
//! here. What is stored keeps the spelling of whoever created it.

use http::Method;
use serde::{Deserialize, Serialize};
use std::{cmp::Ordering, fmt, hash};

const PROVIDER: &str = "Microsoft.ApiManagement";
/// The longest backend or workspace name (2024-05-01: `backendId`, `workspaceId`).
pub(crate) const NAME_CHARS_MAX: usize = 80;
const SERVICE_CHARS_MAX: usize = 50;
const RESOURCE_GROUP_CHARS_MAX: usize = 90;

/// The one API Management service that an emulator stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    subscription: String,
    resource_group: String,
    name: String,
}

/// Why something is no service.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServiceError {
    /// A subscription is a UUID.
    #[error("subscription `{0}` is no UUID")]
    Subscription(String),
    /// A resource group has 1 to 90 characters and no slash.
    #[error("resource group `{0}` is not 1 to 90 characters without a slash")]
    ResourceGroup(String),
    /// A service name has 1 to 50 letters, digits and hyphens, begins with a letter and does not
    /// end with a hyphen.
    #[error("service `{0}` does not match ^[a-zA-Z](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?$ in 1 to 50")]
    Name(String),
}

impl Service {
    /// A service by its subscription (a UUID), resource group and name.
    ///
    /// # Errors
    /// When one of the three cannot be one in Azure.
    pub fn new(subscription: &str, resource_group: &str, name: &str) -> Result<Self, ServiceError> {
        let groups: Vec<_> = subscription.split('-').map(str::len).collect();
        let hex = |c: char| c == '-' || c.is_ascii_hexdigit();
        if groups != [8, 4, 4, 4, 12] || !subscription.chars().all(hex) {
            return Err(ServiceError::Subscription(subscription.to_owned()));
        }
        let length = resource_group.chars().count();
        if !(1..=RESOURCE_GROUP_CHARS_MAX).contains(&length) || resource_group.contains('/') {
            return Err(ServiceError::ResourceGroup(resource_group.to_owned()));
        }
        let plain = |c: char| c == '-' || c.is_ascii_alphanumeric();
        if name.is_empty()
            || name.len() > SERVICE_CHARS_MAX
            || !name.starts_with(|c: char| c.is_ascii_alphabetic())
            || name.ends_with('-')
            || !name.chars().all(plain)
        {
            return Err(ServiceError::Name(name.to_owned()));
        }
        Ok(Self {
            subscription: subscription.to_owned(),
            resource_group: resource_group.to_owned(),
            name: name.to_owned(),
        })
    }

    /// The subscription, a UUID.
    #[must_use]
    pub fn subscription(&self) -> &str {
        &self.subscription
    }

    /// The resource group.
    #[must_use]
    pub fn resource_group(&self) -> &str {
        &self.resource_group
    }

    /// The service's own name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The ARM id, `/subscriptions/.../service/{name}`.
    #[must_use]
    pub fn id(&self) -> String {
        format!(
            "/subscriptions/{}/resourceGroups/{}/providers/{PROVIDER}/service/{}",
            self.subscription, self.resource_group, self.name
        )
    }

    /// The ARM id of a backend of this service; also the path of its operations.
    #[must_use]
    pub fn backend_id(&self, backend: &Address) -> String {
        match &backend.workspace {
            None => format!("{}/backends/{}", self.id(), backend.name),
            Some(w) => format!("{}/workspaces/{w}/backends/{}", self.id(), backend.name),
        }
    }
}

impl Default for Service {
    /// `contoso-apim` in `rg1` of the subscription `00000000-0000-0000-0000-000000000001`.
    fn default() -> Self {
        Self {
            subscription: "00000000-0000-0000-0000-000000000001".to_owned(),
            resource_group: "rg1".to_owned(),
            name: "contoso-apim".to_owned(),
        }
    }
}

/// A backend of the emulated service: `"eu".into()` at service level, `"team/eu".into()` in the
/// workspace `team`. Compared without case; as JSON it is that same string.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Address {
    workspace: Option<String>,
    name: String,
}

impl Address {
    /// The backend `name` of a workspace. Workspaces need no creating here.
    #[must_use]
    pub fn in_workspace(workspace: &str, name: &str) -> Self {
        Self { workspace: Some(workspace.to_owned()), name: name.to_owned() }
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

    fn parts(&self) -> (&str, &str) {
        (self.workspace.as_deref().unwrap_or(""), &self.name)
    }
}

impl From<&str> for Address {
    fn from(text: &str) -> Self {
        match text.split_once('/') {
            Some((workspace, name)) => Self::in_workspace(workspace, name),
            None => Self { workspace: None, name: text.to_owned() },
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
        folded(w, other_w).then_with(|| folded(n, other_n))
    }
}

impl hash::Hash for Address {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        let (w, n) = self.parts();
        w.to_ascii_lowercase().hash(state);
        n.to_ascii_lowercase().hash(state);
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.workspace {
            None => f.write_str(&self.name),
            Some(w) => write!(f, "{w}/{}", self.name),
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
    /// A token asked of the identity endpoints.
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
    /// All backends of the service, or of one workspace.
    Collection { workspace: Option<String> },
    /// A path of API Management under another service than the emulated one.
    OtherService { resource_group: String, name: String },
    /// The path is known, the verb is not.
    WrongVerb,
    /// Nothing that is known here.
    Unknown,
}

impl Target {
    pub(crate) fn read(service: &Service, verb: &Method, path: &str) -> Self {
        let Some(segments) =
            path.trim_matches('/').split('/').map(decoded).collect::<Option<Vec<_>>>()
        else {
            return Self::Unknown;
        };
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let [s, sub, g, group, p, provider, t, name, rest @ ..] = segments.as_slice() else {
            return Self::Unknown;
        };
        let fixed = [
            (s, "subscriptions"),
            (g, "resourceGroups"),
            (p, "providers"),
            (provider, PROVIDER),
            (t, "service"),
        ];
        if !fixed.iter().all(|(is, want)| is.eq_ignore_ascii_case(want)) {
            return Self::Unknown;
        }
        if !sub.eq_ignore_ascii_case(&service.subscription)
            || !group.eq_ignore_ascii_case(&service.resource_group)
            || !name.eq_ignore_ascii_case(&service.name)
        {
            return Self::OtherService {
                resource_group: (*group).to_owned(),
                name: (*name).to_owned(),
            };
        }
        let (workspace, rest) = match rest {
            [w, id, rest @ ..] if w.eq_ignore_ascii_case("workspaces") => (Some(*id), rest),
            rest => (None, rest),
        };
        let Some((head, rest)) = rest.split_first() else {
            return Self::Unknown;
        };
        if !head.eq_ignore_ascii_case("backends") {
            return Self::Unknown;
        }
        match (rest, workspace) {
            ([], workspace) => match *verb {
                Method::GET => Self::Collection { workspace: workspace.map(str::to_owned) },
                _ => Self::WrongVerb,
            },
            ([id], workspace) => {
                let operation = match *verb {
                    Method::GET => Operation::Get,
                    Method::HEAD => Operation::Head,
                    Method::PUT => Operation::Put,
                    Method::PATCH => Operation::Patch,
                    Method::DELETE => Operation::Delete,
                    _ => return Self::WrongVerb,
                };
                let address = match workspace {
                    None => Address::from(*id),
                    Some(w) => Address::in_workspace(w, id),
                };
                Self::Backend(operation, address)
            }
            // Reconnect exists at service level only, in every version of the API.
            ([id, verb_name], None) if verb_name.eq_ignore_ascii_case("reconnect") => match *verb {
                Method::POST => Self::Backend(Operation::Reconnect, Address::from(*id)),
                _ => Self::WrongVerb,
            },
            _ => Self::Unknown,
        }
    }

    pub(crate) fn operation(&self) -> Operation {
        match self {
            Self::Backend(operation, _) => *operation,
            Self::Collection { .. } => Operation::List,
            Self::OtherService { .. } | Self::WrongVerb | Self::Unknown => Operation::Unknown,
        }
    }

    pub(crate) fn backend(&self) -> Option<&Address> {
        match self {
            Self::Backend(_, address) => Some(address),
            Self::Collection { .. }
            | Self::OtherService { .. }
            | Self::WrongVerb
            | Self::Unknown => None,
        }
    }
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
        Target::read(&Service::default(), &verb, path)
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
        check("GET", "/backends", Target::Collection { workspace: None });
        check("GET", "/backends/", Target::Collection { workspace: None });
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
        assert!(matches!(read("GET", &other), Target::OtherService { .. }));
    }

    #[test]
    fn services() {
        let sub = "00000000-0000-0000-0000-000000000001";
        assert!(Service::new(sub, "rg", "a-1").is_ok());
        for (sub, group, name) in [
            ("1", "rg", "a"),
            (sub, "", "a"),
            (sub, "a/b", "a"),
            (sub, "rg", "1a"),
            (sub, "rg", "a-"),
            (sub, "rg", ""),
            (sub, "rg", "a_b"),
        ] {
            assert!(Service::new(sub, group, name).is_err(), "{sub} {group} {name}");
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
