//! One API Management service, in its subscription and resource group.

use crate::name::{self, Name};
use serde::{Deserialize, Serialize};

pub(crate) const PROVIDER: &str = "Microsoft.ApiManagement";

/// An API Management service. Compared without case.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "Parts", rename_all = "camelCase")]
pub struct Service {
    subscription: Name,
    resource_group: Name,
    name: Name,
}

/// A part of an id that is not a valid name of its kind, in words that name both.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ServiceError(String);

impl Service {
    /// A service by its subscription (a UUID), resource group and name.
    ///
    /// # Errors
    /// When one of the three cannot be one in Azure.
    pub fn new(subscription: &str, resource_group: &str, name: &str) -> Result<Self, ServiceError> {
        name::subscription(subscription).map_err(ServiceError)?;
        name::resource_group(resource_group).map_err(ServiceError)?;
        name::service(name).map_err(ServiceError)?;
        Ok(Self {
            subscription: subscription.into(),
            resource_group: resource_group.into(),
            name: name.into(),
        })
    }

    /// The subscription, a UUID.
    pub fn subscription(&self) -> &str {
        &self.subscription
    }

    /// The resource group.
    pub fn resource_group(&self) -> &str {
        &self.resource_group
    }

    /// The service's own name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The ARM id, `/subscriptions/.../service/{name}`.
    pub fn id(&self) -> String {
        format!(
            "/subscriptions/{}/resourceGroups/{}/providers/{PROVIDER}/service/{}",
            &*self.subscription, &*self.resource_group, &*self.name
        )
    }

    pub(crate) fn parts(&self) -> [&str; 3] {
        [&self.subscription, &self.resource_group, &self.name]
    }
}

impl Default for Service {
    /// `contoso-apim` in `rg1` of the subscription `00000000-0000-0000-0000-000000000001`.
    fn default() -> Self {
        Self {
            subscription: "00000000-0000-0000-0000-000000000001".into(),
            resource_group: "rg1".into(),
            name: "contoso-apim".into(),
        }
    }
}

/// A service as an options file has it.
#[derive(Deserialize)]
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
}
