//! What a backend is called: at service level or in a workspace, by type.
//!
//! The level is a type because the operations differ: Reconnect exists at service level only, and
//! [`request::reconnect`](crate::request::reconnect) takes a [`ServiceBackendId`], so that asking
//! it of a workspace's backend does not compile.
//!
//! Identity is without case throughout (see [`name`](crate::name)).

use std::fmt;
use std::iter::Peekable;
use std::str::{FromStr, Split};

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

/// Where backends are: in a service itself, or in one of its workspaces. What List lists.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Scope {
    /// The service.
    pub service: ServiceId,
    /// The workspace of it; none at service level.
    pub workspace: Option<WorkspaceName>,
}

impl Scope {
    /// The backend of that name there.
    pub fn backend(&self, backend: BackendName) -> BackendId {
        BackendId { scope: self.clone(), backend }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.service.fmt(f)?;
        match &self.workspace {
            None => Ok(()),
            Some(workspace) => write!(f, "/workspaces/{workspace}"),
        }
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

impl fmt::Display for ServiceBackendId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/backends/{}", self.service, self.backend)
    }
}

/// A backend at either level.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BackendId {
    scope: Scope,
    backend: BackendName,
}

impl BackendId {
    /// The service that it belongs to.
    pub fn service(&self) -> &ServiceId {
        &self.scope.service
    }

    /// The workspace that it is in, if it is in one.
    pub fn workspace(&self) -> Option<&WorkspaceName> {
        self.scope.workspace.as_ref()
    }

    /// Its name.
    pub fn backend(&self) -> &BackendName {
        &self.backend
    }

    /// Where it is.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The same as a backend at service level, if it is one.
    pub fn at_service(&self) -> Option<ServiceBackendId> {
        let Scope { service, workspace } = &self.scope;
        workspace.is_none().then(|| service.backend(self.backend.clone()))
    }
}

impl fmt::Display for BackendId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/backends/{}", self.scope, self.backend)
    }
}

impl From<ServiceBackendId> for BackendId {
    fn from(ServiceBackendId { service, backend }: ServiceBackendId) -> Self {
        Self { scope: Scope { service, workspace: None }, backend }
    }
}

/// Why a text is not the ARM id of such a thing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArmIdError {
    /// It has not the form of one.
    #[error(
        "{found:?} is where {expected} should be: an id reads \
         /subscriptions/{{id}}/resourceGroups/{{name}}/providers/Microsoft.ApiManagement\
         /service/{{name}}[/workspaces/{{name}}][/backends/{{name}}]"
    )]
    Form {
        /// What was wanted there.
        expected: &'static str,
        /// What is there, cut short; empty where the text ends.
        found: String,
    },
    /// One of its names is not valid.
    #[error(transparent)]
    Name(#[from] NameError),
    /// It is of another level.
    #[error("it names a backend in a workspace, and one at service level is needed")]
    InWorkspace,
    /// It is longer than anything that is looked at.
    #[error("it is {0} bytes long, more than {ARM_ID_BYTES_MAX}")]
    TooLong(usize),
}

/// Walks the segments of an ARM id; the fixed ones are compared without case.
struct Segments<'a>(Peekable<Split<'a, char>>);

impl<'a> Segments<'a> {
    fn of(text: &'a str) -> Result<Self, ArmIdError> {
        if text.len() > ARM_ID_BYTES_MAX {
            return Err(ArmIdError::TooLong(text.len()));
        }
        let Some(rest) = text.strip_prefix('/') else {
            return Err(form("/subscriptions", text));
        };
        Ok(Self(rest.split('/').peekable()))
    }

    fn is(&mut self, word: &str) -> bool {
        self.0.next_if(|found| found.eq_ignore_ascii_case(word)).is_some()
    }

    fn fixed(&mut self, word: &'static str) -> Result<(), ArmIdError> {
        if self.is(word) { Ok(()) } else { Err(self.unexpected(word)) }
    }

    fn unexpected(&mut self, expected: &'static str) -> ArmIdError {
        form(expected, self.0.next().unwrap_or_default())
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

    /// A service, or a workspace of one.
    fn scope(&mut self) -> Result<Scope, ArmIdError> {
        let service = self.service()?;
        let workspace = if self.is("workspaces") { Some(self.name()?) } else { None };
        Ok(Scope { service, workspace })
    }

    fn end(mut self, expected: &'static str) -> Result<(), ArmIdError> {
        if self.0.peek().is_none() { Ok(()) } else { Err(self.unexpected(expected)) }
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
        segments.end("the end")?;
        Ok(id)
    }
}

impl FromStr for Scope {
    type Err = ArmIdError;
    fn from_str(text: &str) -> Result<Self, ArmIdError> {
        let mut segments = Segments::of(text)?;
        let scope = segments.scope()?;
        segments.end(match scope {
            Self { workspace: None, .. } => "workspaces or the end",
            Self { workspace: Some(_), .. } => "the end",
        })?;
        Ok(scope)
    }
}

impl FromStr for BackendId {
    type Err = ArmIdError;
    fn from_str(text: &str) -> Result<Self, ArmIdError> {
        let mut segments = Segments::of(text)?;
        let scope = segments.scope()?;
        if !segments.is("backends") {
            return Err(segments.unexpected(match scope {
                Scope { workspace: None, .. } => "backends or workspaces",
                Scope { workspace: Some(_), .. } => "backends",
            }));
        }
        let backend = segments.name()?;
        segments.end("the end")?;
        Ok(Self { scope, backend })
    }
}

impl FromStr for ServiceBackendId {
    type Err = ArmIdError;
    fn from_str(text: &str) -> Result<Self, ArmIdError> {
        text.parse::<BackendId>()?.at_service().ok_or(ArmIdError::InWorkspace)
    }
}

#[cfg(test)]
#[path = "id_tests.rs"]
mod tests;
