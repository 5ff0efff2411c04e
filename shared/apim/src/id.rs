//! What a backend is called: at service level or in a workspace, by type.
//!
//! The level is a type because the operations differ: Reconnect exists at service level only, and
//! [`request::reconnect`](crate::request::reconnect) takes a [`ServiceBackendId`], so that asking
//! it of a workspace's backend does not compile.
//!
//! Identity is without case throughout (see [`name`](crate::name)); [`BackendId::key`] is the one
//! spelling that may be stored and compared as text.

use std::fmt::{self, Write as _};
use std::str::FromStr;

pub use crate::name::{
    BackendName, NameError, ResourceGroup, ServiceName, SubscriptionId, WorkspaceName,
};

/// The longest text that is looked at as an ARM id, in bytes.
pub const ARM_ID_BYTES_MAX: usize = 2_000;

/// One API Management service.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServiceId {
    /// The subscription that it is in.
    pub subscription: SubscriptionId,
    /// The resource group that it is in.
    pub resource_group: ResourceGroup,
    /// Its name.
    pub service: ServiceName,
}

impl ServiceId {
    /// The backend of that name at service level.
    pub fn backend(&self, backend: BackendName) -> ServiceBackendId {
        ServiceBackendId { service: self.clone(), backend }
    }

    /// The backend of that name in a workspace.
    pub fn workspace_backend(
        &self,
        workspace: WorkspaceName,
        backend: BackendName,
    ) -> WorkspaceBackendId {
        WorkspaceBackendId { service: self.clone(), workspace, backend }
    }

    /// The path of a request, percent-encoded, beginning with a slash.
    pub fn arm_path(&self) -> String {
        let mut path = String::with_capacity(256);
        let Self { subscription, resource_group, service } = self;
        // Writing to a string never fails.
        let _ = write!(path, "/subscriptions/{subscription}/resourceGroups/");
        encode(&mut path, resource_group.as_str());
        let _ = write!(path, "/providers/Microsoft.ApiManagement/service/{service}");
        path
    }
}

impl fmt::Display for ServiceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { subscription, resource_group, service } = self;
        write!(
            f,
            "/subscriptions/{subscription}/resourceGroups/{resource_group}\
             /providers/Microsoft.ApiManagement/service/{service}"
        )
    }
}

/// A backend at service level: the kind that can be reconnected.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServiceBackendId {
    /// The service that it belongs to.
    pub service: ServiceId,
    /// Its name.
    pub backend: BackendName,
}

impl ServiceBackendId {
    /// The path of a request, percent-encoded, beginning with a slash.
    pub fn arm_path(&self) -> String {
        let mut path = self.service.arm_path();
        path.push_str("/backends/");
        encode(&mut path, self.backend.as_str());
        path
    }
}

impl fmt::Display for ServiceBackendId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/backends/{}", self.service, self.backend)
    }
}

/// A backend in a workspace. It has no Reconnect.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WorkspaceBackendId {
    /// The service that the workspace belongs to.
    pub service: ServiceId,
    /// The workspace.
    pub workspace: WorkspaceName,
    /// Its name.
    pub backend: BackendName,
}

impl WorkspaceBackendId {
    /// The path of a request, percent-encoded, beginning with a slash.
    pub fn arm_path(&self) -> String {
        let mut path = self.service.arm_path();
        path.push_str("/workspaces/");
        encode(&mut path, self.workspace.as_str());
        path.push_str("/backends/");
        encode(&mut path, self.backend.as_str());
        path
    }
}

impl fmt::Display for WorkspaceBackendId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/workspaces/{}/backends/{}", self.service, self.workspace, self.backend)
    }
}

/// One workspace of a service.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WorkspaceId {
    /// The service that it belongs to.
    pub service: ServiceId,
    /// Its name.
    pub workspace: WorkspaceName,
}

impl fmt::Display for WorkspaceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/workspaces/{}", self.service, self.workspace)
    }
}

/// Where backends are: in a service itself, or in one of its workspaces. What List lists.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// At service level.
    Service(ServiceId),
    /// In a workspace.
    Workspace(WorkspaceId),
}

impl Scope {
    /// The service.
    pub fn service(&self) -> &ServiceId {
        match self {
            Self::Service(id) => id,
            Self::Workspace(id) => &id.service,
        }
    }

    /// The workspace, if it is one.
    pub fn workspace(&self) -> Option<&WorkspaceName> {
        match self {
            Self::Service(_) => None,
            Self::Workspace(id) => Some(&id.workspace),
        }
    }

    /// The backend of that name there.
    pub fn backend(&self, backend: BackendName) -> BackendId {
        match self {
            Self::Service(id) => BackendId::Service(id.backend(backend)),
            Self::Workspace(WorkspaceId { service, workspace }) => {
                BackendId::Workspace(service.workspace_backend(workspace.clone(), backend))
            }
        }
    }

    /// The path of a request for its backends, percent-encoded, beginning with a slash.
    pub fn arm_path(&self) -> String {
        let mut path = self.service().arm_path();
        if let Some(workspace) = self.workspace() {
            path.push_str("/workspaces/");
            encode(&mut path, workspace.as_str());
        }
        path.push_str("/backends");
        path
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service(id) => id.fmt(f),
            Self::Workspace(id) => id.fmt(f),
        }
    }
}

impl From<ServiceId> for Scope {
    fn from(id: ServiceId) -> Self {
        Self::Service(id)
    }
}

impl From<WorkspaceId> for Scope {
    fn from(id: WorkspaceId) -> Self {
        Self::Workspace(id)
    }
}

/// A backend at either level.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BackendId {
    /// At service level.
    Service(ServiceBackendId),
    /// In a workspace.
    Workspace(WorkspaceBackendId),
}

impl BackendId {
    /// The service that it belongs to.
    pub fn service(&self) -> &ServiceId {
        match self {
            Self::Service(id) => &id.service,
            Self::Workspace(id) => &id.service,
        }
    }

    /// The workspace that it is in, if it is in one.
    pub fn workspace(&self) -> Option<&WorkspaceName> {
        match self {
            Self::Service(_) => None,
            Self::Workspace(id) => Some(&id.workspace),
        }
    }

    /// Its name.
    pub fn backend(&self) -> &BackendName {
        match self {
            Self::Service(id) => &id.backend,
            Self::Workspace(id) => &id.backend,
        }
    }

    /// The path of a request, percent-encoded, beginning with a slash.
    pub fn arm_path(&self) -> String {
        match self {
            Self::Service(id) => id.arm_path(),
            Self::Workspace(id) => id.arm_path(),
        }
    }

    /// The one spelling that equal ids share: the ARM id in lower case. Fit to be stored.
    pub fn key(&self) -> String {
        self.to_string().chars().flat_map(char::to_lowercase).collect()
    }

    /// Where it is.
    pub fn scope(&self) -> Scope {
        match self {
            Self::Service(id) => Scope::Service(id.service.clone()),
            Self::Workspace(WorkspaceBackendId { service, workspace, .. }) => {
                let (service, workspace) = (service.clone(), workspace.clone());
                Scope::Workspace(WorkspaceId { service, workspace })
            }
        }
    }

    /// A backend beside this one, at the same level and in the same workspace: where the members
    /// of a pool are.
    pub fn sibling(&self, backend: BackendName) -> Self {
        self.scope().backend(backend)
    }
}

impl fmt::Display for BackendId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service(id) => id.fmt(f),
            Self::Workspace(id) => id.fmt(f),
        }
    }
}

impl From<ServiceBackendId> for BackendId {
    fn from(id: ServiceBackendId) -> Self {
        Self::Service(id)
    }
}

impl From<WorkspaceBackendId> for BackendId {
    fn from(id: WorkspaceBackendId) -> Self {
        Self::Workspace(id)
    }
}

/// Why a text is not the ARM id of such a thing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArmIdError {
    /// It has not the form of one.
    #[error(
        "{found:?} stands where {expected} should: an id reads \
         /subscriptions/{{id}}/resourceGroups/{{name}}/providers/Microsoft.ApiManagement\
         /service/{{name}}[/workspaces/{{name}}][/backends/{{name}}]"
    )]
    Form {
        /// What was wanted there.
        expected: &'static str,
        /// What stands there, cut short; empty where the text ends.
        found: String,
    },
    /// One of its names is none.
    #[error(transparent)]
    Name(#[from] NameError),
    /// It is of another level.
    #[error("it names a backend {found}, and one {wanted} is needed")]
    Level {
        /// The level it is of.
        found: &'static str,
        /// The level that was asked for.
        wanted: &'static str,
    },
    /// It is longer than anything that is looked at.
    #[error("it is {0} bytes long, more than {ARM_ID_BYTES_MAX}")]
    TooLong(usize),
}

const AT_SERVICE: &str = "at service level";
const IN_WORKSPACE: &str = "in a workspace";

/// Walks the segments of an ARM id; the fixed ones are compared without case.
struct Segments<'a>(std::str::Split<'a, char>);

impl<'a> Segments<'a> {
    fn of(text: &'a str) -> Result<Self, ArmIdError> {
        if text.len() > ARM_ID_BYTES_MAX {
            return Err(ArmIdError::TooLong(text.len()));
        }
        let Some(rest) = text.strip_prefix('/') else {
            return Err(form("/subscriptions", text));
        };
        Ok(Self(rest.split('/')))
    }

    fn fixed(&mut self, expected: &'static str) -> Result<(), ArmIdError> {
        match self.0.next() {
            Some(found) if found.eq_ignore_ascii_case(expected) => Ok(()),
            found => Err(form(expected, found.unwrap_or_default())),
        }
    }

    fn name<N: FromStr<Err = NameError>>(&mut self) -> Result<N, ArmIdError> {
        Ok(self.0.next().unwrap_or_default().parse()?)
    }

    fn service(&mut self) -> Result<ServiceId, ArmIdError> {
        self.fixed("subscriptions")?;
        let subscription = self.name()?;
        self.fixed("resourceGroups")?;
        let resource_group = self.name()?;
        self.fixed("providers")?;
        self.fixed("Microsoft.ApiManagement")?;
        self.fixed("service")?;
        Ok(ServiceId { subscription, resource_group, service: self.name()? })
    }

    fn end(mut self) -> Result<(), ArmIdError> {
        match self.0.next() {
            None => Ok(()),
            Some(found) => Err(form("the end", found)),
        }
    }
}

fn form(expected: &'static str, found: &str) -> ArmIdError {
    ArmIdError::Form { expected, found: found.chars().take(80).collect() }
}

impl FromStr for ServiceId {
    type Err = ArmIdError;
    fn from_str(text: &str) -> Result<Self, ArmIdError> {
        let mut segments = Segments::of(text)?;
        let id = segments.service()?;
        segments.end()?;
        Ok(id)
    }
}

impl FromStr for Scope {
    type Err = ArmIdError;
    fn from_str(text: &str) -> Result<Self, ArmIdError> {
        let mut segments = Segments::of(text)?;
        let service = segments.service()?;
        match segments.0.next() {
            None => return Ok(Self::Service(service)),
            Some(word) if word.eq_ignore_ascii_case("workspaces") => {}
            Some(found) => return Err(form("workspaces or the end", found)),
        }
        let workspace = segments.name()?;
        segments.end()?;
        Ok(Self::Workspace(WorkspaceId { service, workspace }))
    }
}

impl FromStr for BackendId {
    type Err = ArmIdError;
    fn from_str(text: &str) -> Result<Self, ArmIdError> {
        let mut segments = Segments::of(text)?;
        let service = segments.service()?;
        let id = match segments.0.next() {
            Some(word) if word.eq_ignore_ascii_case("backends") => {
                Self::Service(service.backend(segments.name()?))
            }
            Some(word) if word.eq_ignore_ascii_case("workspaces") => {
                let workspace = segments.name()?;
                segments.fixed("backends")?;
                Self::Workspace(service.workspace_backend(workspace, segments.name()?))
            }
            found => return Err(form("backends or workspaces", found.unwrap_or_default())),
        };
        segments.end()?;
        Ok(id)
    }
}

impl FromStr for ServiceBackendId {
    type Err = ArmIdError;
    fn from_str(text: &str) -> Result<Self, ArmIdError> {
        match text.parse()? {
            BackendId::Service(id) => Ok(id),
            BackendId::Workspace(_) => {
                Err(ArmIdError::Level { found: IN_WORKSPACE, wanted: AT_SERVICE })
            }
        }
    }
}

impl FromStr for WorkspaceBackendId {
    type Err = ArmIdError;
    fn from_str(text: &str) -> Result<Self, ArmIdError> {
        match text.parse()? {
            BackendId::Workspace(id) => Ok(id),
            BackendId::Service(_) => {
                Err(ArmIdError::Level { found: AT_SERVICE, wanted: IN_WORKSPACE })
            }
        }
    }
}

/// Percent-encodes everything but RFC 3986's unreserved characters, so that a name is one segment
/// whatever it is made of.
pub(crate) fn encode(path: &mut String, name: &str) {
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            path.push(char::from(byte));
        } else {
            let _ = write!(path, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
#[path = "id_tests.rs"]
mod tests;
