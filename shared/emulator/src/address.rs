//! Which backend is meant, and what is done to it.
//!
//! Azure compares resource groups, services and backend names without case; so does everything
//! here. What is stored keeps the spelling it was created with.

use crate::{
    name::Name,
    service::{PROVIDER, Service},
};
use http::Method;
use serde::{Deserialize, Serialize};
use std::{fmt, sync::Arc};

/// A backend: `"eu".into()` at service level, `"team/eu".into()` in the workspace `team`, both of
/// the emulator's first service; of any service by its whole ARM id or [`Address::of`]. Compared
/// without case; as JSON it is that same string.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Address {
    service: Option<Arc<Service>>,
    workspace: Option<Name>,
    name: Name,
}

impl Address {
    /// The backend `name` of a workspace. Workspaces need no creating here.
    pub fn in_workspace(workspace: &str, name: &str) -> Self {
        Self::new(None, Some(workspace.into()), name)
    }

    pub(crate) fn new(service: Option<Arc<Service>>, workspace: Option<Name>, name: &str) -> Self {
        Self { service, workspace, name: name.into() }
    }

    /// The same backend of `service`.
    pub fn of(service: &Service, backend: impl Into<Self>) -> Self {
        Self { service: Some(Arc::new(service.clone())), ..backend.into() }
    }

    /// The service; none where it is the emulator's first one.
    pub fn service(&self) -> Option<&Service> {
        self.service.as_deref()
    }

    /// The workspace, or none at service level.
    pub fn workspace(&self) -> Option<&str> {
        self.workspace.as_deref()
    }

    /// The backend's name as it was written.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn without_service(self) -> Self {
        Self { service: None, ..self }
    }

    /// The end of its id, behind that of its service.
    pub(crate) fn below_service(&self) -> String {
        let workspace = self.workspace().map_or(String::new(), |id| format!("/workspaces/{id}"));
        format!("{workspace}/backends/{}", self.name())
    }

    /// Another backend beside this one: of the same service and workspace.
    pub(crate) fn beside(&self, name: &str) -> Self {
        Self { name: name.into(), ..self.clone() }
    }

    /// Reads the whole ARM id of a backend; none when it is not one.
    fn from_id(id: &str) -> Option<Self> {
        let segments: Vec<&str> = id.trim_matches('/').split('/').collect();
        let Path { names: [subscription, group, name], workspace, rest } = Path::read(&segments)?;
        let service = Service::new(subscription, group, name).ok()?;
        match rest {
            [backends, name] if backends.eq_ignore_ascii_case("backends") => {
                Some(Self::new(Some(Arc::new(service)), workspace, name))
            }
            _ => None,
        }
    }
}

/// A path that goes by a service.
pub(crate) struct Path<'a> {
    /// The subscription, the resource group and the service.
    pub(crate) names: [&'a str; 3],
    pub(crate) workspace: Option<Name>,
    /// What follows.
    pub(crate) rest: &'a [&'a str],
}

impl<'a> Path<'a> {
    /// Reads the segments of a path; none where it goes by no service.
    pub(crate) fn read(segments: &'a [&'a str]) -> Option<Self> {
        let [s, subscription, g, group, p, provider, t, name, rest @ ..] = segments else {
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
        let (workspace, rest) = match rest {
            [w, id, rest @ ..] if w.eq_ignore_ascii_case("workspaces") => {
                (Some((*id).into()), rest)
            }
            rest => (None, rest),
        };
        fits.then_some(Self { names: [subscription, group, name], workspace, rest })
    }
}

impl Service {
    /// The ARM id of a backend of this service, or of the service that the address names; also the
    /// path of its operations.
    pub fn backend_id(&self, backend: &Address) -> String {
        let service = backend.service().unwrap_or(self).id();
        format!("{service}{}", backend.below_service())
    }
}

impl From<&str> for Address {
    fn from(text: &str) -> Self {
        if let Some(address) = Self::from_id(text) {
            return address;
        }
        match text.split_once('/') {
            Some((workspace, name)) => Self::in_workspace(workspace, name),
            None => Self::new(None, None, text),
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

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.service, &self.workspace) {
            (Some(service), _) => f.write_str(&service.backend_id(self)),
            (None, None) => f.write_str(&self.name),
            (None, Some(workspace)) => write!(f, "{}/{}", &**workspace, &*self.name),
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
    /// What a verb does to a backend.
    pub(crate) fn of(verb: &Method) -> Option<Self> {
        match *verb {
            Method::GET => Some(Self::Get),
            Method::HEAD => Some(Self::Head),
            Method::PUT => Some(Self::Put),
            Method::PATCH => Some(Self::Patch),
            Method::DELETE => Some(Self::Delete),
            _ => None,
        }
    }

    /// Whether the operation changes a backend's configuration: PUT, PATCH or DELETE.
    pub fn is_write(self) -> bool {
        matches!(self, Self::Put | Self::Patch | Self::Delete)
    }

    /// Whether it is one that a restart must not lose.
    pub(crate) fn lasts(self) -> bool {
        self.is_write() || matches!(self, Self::Reconnect | Self::Token)
    }

    pub(crate) fn is_read(self) -> bool {
        matches!(self, Self::List | Self::Head | Self::Get)
    }
}

/// The last segment of a member's id, which is the whole of its name within the service: ids come
/// as full ARM ids and as `/backends/x`.
pub(crate) fn last_segment(id: &str) -> &str {
    id.trim_end_matches('/').rsplit('/').next().unwrap_or(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg1\
                        /providers/Microsoft.ApiManagement/service/contoso-apim";

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
}
