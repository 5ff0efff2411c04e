//! Which services there are to ask of: for somebody who begins, and knows no path yet.
//!
//! Azure Resource Manager lists subscriptions (Subscriptions - List), and a subscription's services
//! (Api Management Service - List). Both show what the credential may see, and nothing of the rest.

use std::str::FromStr;

use super::Client;
use crate::error::Error;
use crate::id::{ServiceId, SubscriptionId};
use crate::list::{PAGES_MAX, Page};
use crate::meta::RequestId;
use crate::request;
use crate::response;

impl Client {
    /// The subscriptions that the credential can see.
    pub async fn subscriptions(&self, call: RequestId) -> Result<Vec<SubscriptionId>, Error> {
        // The bucket of no subscription: these requests are not of one.
        let none = SubscriptionId::default();
        let request = request::subscriptions(&self.endpoint, call);
        self.all("subscriptions", none, request, "/subscriptionId", call).await
    }

    /// The API Management services of a subscription that the credential can see.
    pub async fn services(
        &self,
        subscription: SubscriptionId,
        call: RequestId,
    ) -> Result<Vec<ServiceId>, Error> {
        let request = request::services(&self.endpoint, subscription, call);
        self.all("services", subscription, request, "/id", call).await
    }

    /// What stands at `pointer` in each value of a list, on all of its pages. What is not such a thing
    /// is left out.
    async fn all<T: FromStr>(
        &self,
        operation: &'static str,
        subscription: SubscriptionId,
        first: http::Request<bytes::Bytes>,
        pointer: &str,
        call: RequestId,
    ) -> Result<Vec<T>, Error> {
        let mut all = Vec::new();
        let mut next = Some(first);
        for _ in 0..PAGES_MAX {
            let Some(request) = next else { break };
            let read = |answer| response::list(&self.endpoint, call, &answer);
            let asked = self.send(operation, subscription, &subscription, call, Ok(request), read);
            let Page { backends: values, next: link, .. } = asked.await?;
            let found =
                |value: &crate::Document| value.raw().pointer(pointer)?.as_str()?.parse().ok();
            all.extend(values.iter().filter_map(found));
            next = link.map(|link| request::list_next(&link, call));
        }
        Ok(all)
    }
}
