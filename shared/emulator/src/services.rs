//! The services that an emulator stands for, in their subscriptions and resource groups.
//!
//! One of them is the service that is meant where nothing else is said; the others are named by
//! their ARM ids.

use crate::{
    address::Address,
    name,
    service::{PROVIDER, Service},
};
use http::StatusCode;
use serde_json::{Value, json};
use std::{collections::BTreeSet, sync::Arc};

/// What the resource manager says of a path to something that does not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unfound {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) message: String,
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

    /// The service of a subscription, a resource group and a name.
    pub(crate) fn find(&self, wanted: [&str; 3]) -> Result<&Arc<Service>, Unfound> {
        let [subscription, resource_group, name] = wanted;
        // How many of the three names exist.
        let known = |service: &Arc<Service>| {
            let pairs = service.parts().into_iter().zip(wanted);
            pairs.take_while(|(is, wanted)| is.eq_ignore_ascii_case(wanted)).count()
        };
        let best = self.all().max_by_key(|service| known(service)).unwrap_or(&self.first);
        let mut status = StatusCode::NOT_FOUND;
        let (code, message) = match known(best) {
            0 if name::subscription(subscription).is_err() => {
                status = StatusCode::BAD_REQUEST;
                let what = format!("The provided subscription identifier '{subscription}'");
                ("InvalidSubscriptionId", format!("{what} is malformed or invalid."))
            }
            0 => (
                "SubscriptionNotFound",
                format!("The subscription '{subscription}' could not be found."),
            ),
            1 => (
                "ResourceGroupNotFound",
                format!("Resource group '{resource_group}' could not be found."),
            ),
            2 => (
                "ResourceNotFound",
                format!(
                    "The Resource '{PROVIDER}/service/{name}' under resource group \
                     '{resource_group}' was not found."
                ),
            ),
            _ => return Ok(best),
        };
        Err(Unfound { status, code, message })
    }

    /// The subscriptions, or the services of one, as Azure Resource Manager lists them, on one page.
    pub(crate) fn inventory(&self, subscription: Option<&str>) -> Result<Value, Unfound> {
        let Some(subscription) = subscription else {
            let all: BTreeSet<&str> = self.all().map(|service| service.subscription()).collect();
            let one = |id| {
                let path = format!("/subscriptions/{id}");
                json!({"id": path, "subscriptionId": id, "state": "Enabled"})
            };
            return Ok(json!({"value": all.into_iter().map(one).collect::<Value>()}));
        };
        let within =
            |service: &&Arc<Service>| service.subscription().eq_ignore_ascii_case(subscription);
        let one = |service: &Arc<Service>| {
            let kind = format!("{PROVIDER}/service");
            json!({"id": service.id(), "name": service.name(), "type": kind})
        };
        let all: Vec<Value> = self.all().filter(within).map(one).collect();
        if all.is_empty() {
            // It goes by a subscription that is not there.
            return self.find([subscription, "", ""]).map(|_| Value::Null);
        }
        Ok(json!({"value": all}))
    }

    /// The service of this name, wherever it is: names are unique in all of Azure.
    pub(crate) fn named(&self, name: &str) -> Option<&Arc<Service>> {
        self.all().find(|service| service.name().eq_ignore_ascii_case(name))
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
    fn what_is_not_found_is_named() {
        let other = "00000000-0000-0000-0000-000000000002";
        let fabrikam = Service::new(other, "rg2", "fabrikam").unwrap();
        let services = Services::new(Service::default(), std::slice::from_ref(&fabrikam));
        let check = |sub: &str, group: &str, name: &str, want: Result<&str, &str>| {
            let found = services.find([sub, group, name]);
            let found = found.map(|service| service.name());
            let found = found.map_err(|unfound| unfound.code);
            assert_eq!(found, want, "{sub} {group} {name}");
        };
        check(SUB, "RG1", "Contoso-APIM", Ok("contoso-apim"));
        check(other, "rg2", "FABRIKAM", Ok("fabrikam"));
        check(other, "rg2", "contoso-apim", Err("ResourceNotFound"));
        check(other, "rg1", "fabrikam", Err("ResourceGroupNotFound"));
        check(
            "00000000-0000-0000-0000-000000000003",
            "rg1",
            "fabrikam",
            Err("SubscriptionNotFound"),
        );
        check("subid", "rg1", "fabrikam", Err("InvalidSubscriptionId"));
        let eu = Address::of(&Service::default(), "eu");
        assert_eq!(services.home(eu), Address::from("eu"));
        let theirs = Address::of(&fabrikam, "eu");
        assert_eq!(services.of(&theirs), &fabrikam);
        assert_eq!(services.home(theirs.clone()), theirs);
    }
}
