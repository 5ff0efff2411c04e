//! Which services there are to ask of: for somebody who begins, and knows no path yet.
//!
//! Azure Resource Manager lists subscriptions (Subscriptions - List), and a subscription's services
//! (Api Management Service - List). Both show what the credential may see, and nothing of the rest.

use std::str::FromStr;

use super::Client;
use super::pages::Pages;
use crate::document::Document;
use crate::error::Error;
use crate::id::{ServiceId, SubscriptionId};
use crate::meta::RequestId;
use crate::request;

impl Client {
    /// The subscriptions that the credential can see.
    pub async fn subscriptions(&self, call: RequestId) -> Result<Vec<SubscriptionId>, Error> {
        // The bucket of no subscription: these requests are not of one.
        let none = SubscriptionId::default();
        let first = Ok(request::subscriptions(&self.endpoint, call));
        all(Pages::new(self, "subscriptions", none, &none, first, call), "/subscriptionId").await
    }

    /// The API Management services of a subscription that the credential can see.
    pub async fn services(
        &self,
        subscription: SubscriptionId,
        call: RequestId,
    ) -> Result<Vec<ServiceId>, Error> {
        let first = Ok(request::services(&self.endpoint, subscription, call));
        all(Pages::new(self, "services", subscription, &subscription, first, call), "/id").await
    }
}

/// What stands at `pointer` in each value of a list, on all of its pages. What is not such a thing
/// is left out.
async fn all<T: FromStr>(mut pages: Pages, pointer: &str) -> Result<Vec<T>, Error> {
    let mut all = Vec::new();
    while let Some(page) = pages.next().await? {
        let found = |value: &Document| value.raw().pointer(pointer)?.as_str()?.parse().ok();
        all.extend(page.backends.iter().filter_map(found));
    }
    Ok(all)
}
