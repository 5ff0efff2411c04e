//! The identity that requests are made with.
//!
//! One way is named, or [`Credential::Auto`] chooses by what is **present** and
//! never by what fails: a client secret that was rotated away must be an error, not a silent change
//! to the next identity. Its order: client secret in the environment, workload
//! identity, the managed identity of App Service and Functions, that of a virtual machine or
//! container (its metadata service is asked for once), the Azure CLI.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use azure_core::cloud::CloudConfiguration;
use azure_core::credentials::{Secret as AzureSecret, TokenCredential};
use azure_core::error::ErrorKind;
use azure_core::http::{ClientOptions, Transport as AzureTransport};
use azure_identity::{
    AzureCliCredential, ClientAssertionCredentialOptions, ClientSecretCredential,
    ClientSecretCredentialOptions, ManagedIdentityCredential, ManagedIdentityCredentialOptions,
    UserAssignedId, WorkloadIdentityCredential, WorkloadIdentityCredentialOptions,
};
use jiff::Timestamp;

use crate::endpoint::Cloud;
use crate::error::CredentialFailure;
use crate::secret::{Secret, scrubbed};
use crate::token::{Token, TokenSource};
use crate::transport::Transport;

/// How long the metadata service of a machine has to show that it is there, in milliseconds. It
/// is one hop away, and elsewhere nothing answers at all.
pub const METADATA_PROBE_MS: u64 = 1_000;
/// How much of what an identity service says is kept, in characters.
pub const FAILURE_CHARS_MAX: usize = 1_000;

/// The identity that requests are made with.
#[derive(Debug, Clone)]
pub enum Credential {
    /// The identity that Azure gives to the machine, app or container this runs in.
    ManagedIdentity {
        /// The client id of a user-assigned identity; the system-assigned one without.
        client_id: Option<String>,
    },
    /// The federated token of a Kubernetes pod, by the variables that its webhook sets
    /// (`AZURE_TENANT_ID`, `AZURE_CLIENT_ID`, `AZURE_FEDERATED_TOKEN_FILE`).
    WorkloadIdentity,
    /// A client secret in the environment (`AZURE_TENANT_ID`, `AZURE_CLIENT_ID`,
    /// `AZURE_CLIENT_SECRET`).
    Environment,
    /// A client secret.
    ClientSecret {
        /// The tenant.
        tenant: String,
        /// The application.
        client_id: String,
        /// Its secret.
        secret: Secret,
    },
    /// The user that is logged in to the Azure CLI.
    AzureCli,
    /// The first of these that is present; see above.
    Auto,
    /// A token that is good for ever, as an emulator gives it out.
    Static(Secret),
    /// Anything else.
    Source(Arc<dyn TokenSource>),
}

/// Reads a variable of the environment. An argument, so that a test needs no process of its own.
pub type Variables = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// The variables of this process.
pub fn process_variables() -> Variables {
    Arc::new(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
}

/// What a credential needs of its surroundings.
#[derive(Clone)]
pub(crate) struct Surroundings {
    pub(crate) transport: Transport,
    pub(crate) cloud: Cloud,
    pub(crate) variables: Variables,
}

impl Credential {
    /// The source of its tokens. Nothing is asked of anyone before the first token is.
    pub(crate) fn source(
        self,
        around: Surroundings,
    ) -> Result<Arc<dyn TokenSource>, CredentialFailure> {
        let way = match self {
            Self::Source(source) => return Ok(source),
            Self::Static(secret) => {
                return Ok(Arc::new(Fixed(Token::new(&secret, Timestamp::MAX)?)));
            }
            Self::ManagedIdentity { client_id } => Way::ManagedIdentity { client_id },
            Self::WorkloadIdentity => Way::workload(&around.variables)?,
            Self::Environment => Way::environment(&around.variables)?,
            Self::ClientSecret { tenant, client_id, secret } => {
                Way::ClientSecret { tenant, client_id, secret }
            }
            Self::AzureCli => Way::AzureCli,
            Self::Auto => Way::present(&around.variables)?,
        };
        Ok(Arc::new(Azure { way, around, made: Mutex::new(None) }))
    }
}

/// A token that never changes.
#[derive(Debug)]
struct Fixed(Token);

#[async_trait]
impl TokenSource for Fixed {
    async fn fetch(&self) -> Result<Token, CredentialFailure> {
        Ok(self.0.clone())
    }
}

const TENANT_ID: &str = "AZURE_TENANT_ID";
const CLIENT_ID: &str = "AZURE_CLIENT_ID";
const CLIENT_SECRET: &str = "AZURE_CLIENT_SECRET";
const TOKEN_FILE: &str = "AZURE_FEDERATED_TOKEN_FILE";
const IDENTITY_ENDPOINT: &str = "IDENTITY_ENDPOINT";
const IDENTITY_HEADER: &str = "IDENTITY_HEADER";

/// A way to a token, with all that it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Way {
    /// The identity of the machine, app or container.
    ManagedIdentity { client_id: Option<String> },
    /// The federated token of a Kubernetes pod.
    WorkloadIdentity { tenant: String, client_id: String, file: String },
    /// The secret of an application.
    ClientSecret { tenant: String, client_id: String, secret: Secret },
    /// The user that is logged in to the Azure CLI.
    AzureCli,
    /// The metadata service if it is there, else the Azure CLI; not yet looked.
    MachineOrCli { client_id: Option<String> },
}

fn lasting(message: impl Into<String>) -> CredentialFailure {
    CredentialFailure { message: message.into(), passing: false }
}

fn variable(variables: &Variables, name: &str) -> Result<String, CredentialFailure> {
    variables(name).ok_or_else(|| lasting(format!("the environment has no {name}")))
}

impl Way {
    fn environment(variables: &Variables) -> Result<Self, CredentialFailure> {
        Ok(Self::ClientSecret {
            tenant: variable(variables, TENANT_ID)?,
            client_id: variable(variables, CLIENT_ID)?,
            secret: Secret::new(variable(variables, CLIENT_SECRET)?),
        })
    }

    fn workload(variables: &Variables) -> Result<Self, CredentialFailure> {
        Ok(Self::WorkloadIdentity {
            tenant: variable(variables, TENANT_ID)?,
            client_id: variable(variables, CLIENT_ID)?,
            file: variable(variables, TOKEN_FILE)?,
        })
    }

    /// What the environment tells to be present; where it tells nothing, the machine is asked. A
    /// half of something is an error, since it was set on purpose.
    fn present(variables: &Variables) -> Result<Self, CredentialFailure> {
        let client_id = variables(CLIENT_ID);
        if variables(CLIENT_SECRET).is_some() {
            Self::environment(variables)
        } else if variables(TOKEN_FILE).is_some() {
            Self::workload(variables)
        } else if variables(IDENTITY_ENDPOINT).is_some() && variables(IDENTITY_HEADER).is_some() {
            Ok(Self::ManagedIdentity { client_id })
        } else {
            Ok(Self::MachineOrCli { client_id })
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::ManagedIdentity { .. } => "managed identity",
            Self::WorkloadIdentity { .. } => "workload identity",
            Self::ClientSecret { .. } => "client secret",
            Self::AzureCli => "Azure CLI",
            Self::MachineOrCli { .. } => "managed identity or Azure CLI",
        }
    }
}

/// Tokens by `azure_identity`.
struct Azure {
    way: Way,
    around: Surroundings,
    /// Made at the first need, and again after a token was not taken: it keeps tokens itself, and
    /// would give the refused one again.
    made: Mutex<Option<Arc<dyn TokenCredential>>>,
}

impl fmt::Debug for Azure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Azure").field(&self.way.name()).finish()
    }
}

impl Azure {
    async fn credential(&self) -> Result<Arc<dyn TokenCredential>, CredentialFailure> {
        let made = self.made.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(credential) = made {
            return Ok(credential);
        }
        let mut way = self.way.clone();
        if let Way::MachineOrCli { client_id } = way {
            let wait = Duration::from_millis(METADATA_PROBE_MS);
            way = match self.around.transport.has_metadata_service(wait).await {
                true => Way::ManagedIdentity { client_id },
                false => Way::AzureCli,
            };
        }
        tracing::info!(credential = way.name(), "tokens are asked for by this way");
        let credential = make(&way, &self.around).map_err(|error| told(&error, false))?;
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Arc::clone(made.insert(credential)))
    }
}

#[async_trait]
impl TokenSource for Azure {
    async fn fetch(&self) -> Result<Token, CredentialFailure> {
        self.around.transport.begin();
        let credential = self.credential().await?;
        let scopes = [self.around.cloud.audience()];
        let token = credential
            .get_token(&scopes, None)
            .await
            .map_err(|error| told(&error, is_passing(&error)))?;
        let expires = Timestamp::from_second(token.expires_on.unix_timestamp())
            .map_err(|_| lasting("the end of the token is not a valid time"))?;
        Token::new(&Secret::new(token.token.secret()), expires)
    }

    fn waits_for(&self) -> Option<String> {
        let last = self.around.transport.last_failure();
        Some(last.map_or_else(
            || format!("by {}", self.way.name()),
            |last| format!("by {}; {last}", self.way.name()),
        ))
    }

    fn forget(&self) {
        *self.made.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

fn make(way: &Way, around: &Surroundings) -> azure_core::Result<Arc<dyn TokenCredential>> {
    let client_options = || ClientOptions {
        transport: Some(AzureTransport::new(Arc::new(around.transport.clone()))),
        cloud: around.cloud.configuration().map(Arc::new),
        ..ClientOptions::default()
    };
    Ok(match way {
        Way::ManagedIdentity { client_id } => {
            ManagedIdentityCredential::new(Some(ManagedIdentityCredentialOptions {
                user_assigned_id: client_id.clone().map(UserAssignedId::ClientId),
                client_options: client_options(),
            }))?
        }
        Way::WorkloadIdentity { tenant, client_id, file } => {
            WorkloadIdentityCredential::new(Some(WorkloadIdentityCredentialOptions {
                credential_options: ClientAssertionCredentialOptions {
                    client_options: client_options(),
                },
                client_id: Some(client_id.clone()),
                tenant_id: Some(tenant.clone()),
                token_file_path: Some(file.into()),
            }))?
        }
        Way::ClientSecret { tenant, client_id, secret } => ClientSecretCredential::new(
            tenant,
            client_id.clone(),
            AzureSecret::new(secret.expose().to_owned()),
            Some(ClientSecretCredentialOptions { client_options: client_options() }),
        )?,
        Way::AzureCli | Way::MachineOrCli { .. } => AzureCliCredential::new(None)?,
    })
}

impl Cloud {
    /// The public cloud is left to `azure_identity`, which then uses `AZURE_AUTHORITY_HOST`.
    fn configuration(self) -> Option<CloudConfiguration> {
        match self {
            Self::Public => None,
            Self::UsGovernment => Some(CloudConfiguration::AzureGovernment),
            Self::China => Some(CloudConfiguration::AzureChina),
        }
    }
}

fn told(error: &azure_core::Error, passing: bool) -> CredentialFailure {
    CredentialFailure { message: scrubbed(&error.to_string(), FAILURE_CHARS_MAX), passing }
}

/// Whether the cause may pass by itself: the identity service was not reached, was too busy or
/// failed. What it refused stays refused.
fn is_passing(error: &azure_core::Error) -> bool {
    let error: &(dyn std::error::Error + 'static) = error;
    let mut causes = std::iter::successors(Some(error), |error| error.source());
    let verdict =
        causes.find_map(|error| match error.downcast_ref::<azure_core::Error>()?.kind() {
            ErrorKind::Connection | ErrorKind::Io => Some(true),
            ErrorKind::HttpResponse { status, .. } => {
                let status = u16::from(*status);
                Some(status >= 500 || status == 429 || status == 408)
            }
            ErrorKind::DataConversion | ErrorKind::Credential | ErrorKind::Other => None,
        });
    verdict.unwrap_or(false)
}

#[cfg(test)]
#[path = "credential_tests.rs"]
mod tests;
