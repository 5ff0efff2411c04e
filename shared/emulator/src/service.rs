//! The services that an emulator stands for, in their subscriptions and resource groups.
//!
//! One of them is the service that is meant where nothing else is said; the others are named by
//! their ARM ids.

use crate::{address::Address, name};
use serde::{Deserialize, Serialize};
use std::{cmp::Ordering, sync::Arc};

pub(crate) const PROVIDER: &str = "Microsoft.ApiManagement";

/// An API Management service. Compared without case.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "Parts", into = "Parts")]
pub struct Service {
    subscription: String,
    resource_group: String,
    name: String,
}

/// Why something is no service.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServiceError {
    /// A subscription is a UUID.
    #[error("{0}")]
    Subscription(String),
    /// A resource group has 1 to 90 characters and no slash.
    #[error("{0}")]
    ResourceGroup(String),
    /// A service name has 1 to 50 letters, digits and hyphens, begins with a letter and does not
    /// end with a hyphen.
    #[error("{0}")]
    Name(String),
}

impl Service {
    /// A service by its subscription (a UUID), resource group and name.
    ///
    /// # Errors
    /// When one of the three cannot be one in Azure.
    pub fn new(subscription: &str, resource_group: &str, name: &str) -> Result<Self, ServiceError> {
        name::subscription(subscription).map_err(ServiceError::Subscription)?;
        name::resource_group(resource_group).map_err(ServiceError::ResourceGroup)?;
        name::service(name).map_err(ServiceError::Name)?;
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

    /// The ARM id of a backend of this service, or of the service that the address names; also the
    /// path of its operations.
    #[must_use]
    pub fn backend_id(&self, backend: &Address) -> String {
        let service = backend.service().unwrap_or(self).id();
        match backend.workspace() {
            None => format!("{service}/backends/{}", backend.name()),
            Some(workspace) => {
                format!("{service}/workspaces/{workspace}/backends/{}", backend.name())
            }
        }
    }

    fn parts(&self) -> [&str; 3] {
        [&self.subscription, &self.resource_group, &self.name]
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

/// A service as an options file has it.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Parts {
    subscription: String,
    resource_group: String,
    name: String,
}

impl TryFrom<Parts> for Service {
    type Error = ServiceError;

    fn try_from(parts: Parts) -> Result<Self, ServiceError> {
        Self::new(&parts.subscription, &parts.resource_group, &parts.name)
    }
}

impl From<Service> for Parts {
    fn from(service: Service) -> Self {
        let Service { subscription, resource_group, name } = service;
        Self { subscription, resource_group, name }
    }
}

impl PartialEq for Service {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Service {}

impl PartialOrd for Service {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Service {
    fn cmp(&self, other: &Self) -> Ordering {
        let folded = |service: &Self| service.parts().map(str::to_ascii_lowercase);
        folded(self).cmp(&folded(other))
    }
}

/// How far down the way to a service there is nothing of that name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unfound {
    /// It is no UUID.
    Malformed {
        subscription: String,
    },
    Subscription {
        subscription: String,
    },
    ResourceGroup {
        resource_group: String,
    },
    Service {
        resource_group: String,
        name: String,
    },
}

/// All services of an emulator.
#[derive(Clone, Debug)]
pub(crate) struct Services {
    first: Arc<Service>,
    others: Vec<Arc<Service>>,
}

impl Services {
    pub(crate) fn new(first: Service, others: &[Service]) -> Self {
        let others = others.iter().filter(|other| **other != first).cloned().map(Arc::new);
        Self { others: others.collect(), first: Arc::new(first) }
    }

    fn all(&self) -> impl Iterator<Item = &Arc<Service>> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// The service that an address is in.
    pub(crate) fn of<'a>(&'a self, address: &'a Address) -> &'a Service {
        address.service().unwrap_or(&self.first)
    }

    /// The service of these three names: none for the first one, whose addresses do not name it.
    pub(crate) fn find(
        &self,
        subscription: &str,
        resource_group: &str,
        name: &str,
    ) -> Result<Option<&Arc<Service>>, Unfound> {
        let wanted = [subscription, resource_group, name];
        // How many of the three names lead to something.
        let known = |service: &Arc<Service>| {
            let pairs = service.parts().into_iter().zip(wanted);
            pairs.take_while(|(is, wanted)| is.eq_ignore_ascii_case(wanted)).count()
        };
        let best = self.all().max_by_key(|service| known(service)).unwrap_or(&self.first);
        match known(best) {
            0 if name::subscription(subscription).is_err() => {
                Err(Unfound::Malformed { subscription: subscription.to_owned() })
            }
            0 => Err(Unfound::Subscription { subscription: subscription.to_owned() }),
            1 => Err(Unfound::ResourceGroup { resource_group: resource_group.to_owned() }),
            2 => Err(Unfound::Service {
                resource_group: resource_group.to_owned(),
                name: name.to_owned(),
            }),
            _ => Ok((**best != *self.first).then_some(best)),
        }
    }

    /// The service of this name, wherever it is: names are unique in all of Azure. The inner none
    /// is the first one.
    pub(crate) fn named(&self, name: &str) -> Option<Option<&Arc<Service>>> {
        let found = self.all().find(|service| service.name.eq_ignore_ascii_case(name))?;
        Some((**found != *self.first).then_some(found))
    }

    /// The address as this emulator writes it: one in the first service does not name it.
    pub(crate) fn home(&self, address: Address) -> Address {
        match address.service() {
            Some(service) if *service == *self.first => address.without_service(),
            Some(_) | None => address,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUB: &str = "00000000-0000-0000-0000-000000000001";

    #[test]
    fn services() {
        assert!(Service::new(SUB, "rg", "a-1").is_ok());
        for (sub, group, name) in [
            ("1", "rg", "a"),
            (SUB, "", "a"),
            (SUB, "a/b", "a"),
            (SUB, "rg", "1a"),
            (SUB, "rg", "a-"),
            (SUB, "rg", ""),
            (SUB, "rg", "a_b"),
        ] {
            assert!(Service::new(sub, group, name).is_err(), "{sub} {group} {name}");
        }
        let long = "a".repeat(51);
        assert!(Service::new(SUB, &"r".repeat(90), &long[..50]).is_ok());
        assert!(Service::new(SUB, &"r".repeat(91), "a").is_err());
        assert!(Service::new(SUB, "r", &long).is_err());
    }

    #[test]
    fn what_is_not_found_is_named() {
        let other = "00000000-0000-0000-0000-000000000002";
        let fabrikam = Service::new(other, "rg2", "fabrikam").unwrap();
        let services = Services::new(Service::default(), std::slice::from_ref(&fabrikam));
        let check = |sub: &str, group: &str, name: &str, want: Result<Option<&str>, &str>| {
            let found = services.find(sub, group, name);
            let found = found.map(|service| service.map(|service| service.name()));
            let found = found.map_err(|unfound| match unfound {
                Unfound::Malformed { .. } => "malformed",
                Unfound::Subscription { .. } => "subscription",
                Unfound::ResourceGroup { .. } => "group",
                Unfound::Service { .. } => "service",
            });
            assert_eq!(found, want, "{sub} {group} {name}");
        };
        check(SUB, "RG1", "Contoso-APIM", Ok(None));
        check(other, "rg2", "FABRIKAM", Ok(Some("fabrikam")));
        check(other, "rg2", "contoso-apim", Err("service"));
        check(other, "rg1", "fabrikam", Err("group"));
        check("00000000-0000-0000-0000-000000000003", "rg1", "fabrikam", Err("subscription"));
        check("subid", "rg1", "fabrikam", Err("malformed"));
        let eu = Address::of(&Service::default(), "eu");
        assert_eq!(services.home(eu), Address::from("eu"));
        let theirs = Address::of(&fabrikam, "eu");
        assert_eq!(services.of(&theirs), &fabrikam);
        assert_eq!(services.home(theirs.clone()), theirs);
    }
}
