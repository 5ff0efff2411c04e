//! A list, page by page.

use std::collections::HashSet;
use std::fmt;

use bytes::Bytes;
use http::Request;

use super::Client;
use crate::error::{Error, Withheld};
use crate::id::{Scope, SubscriptionId};
use crate::list::{NextLink, PAGES_MAX, Page, Query};
use crate::meta::RequestId;
use crate::request::{self, Asked};
use crate::response;

/// The pages of a list, one after the other. It ends by itself: after the last page, after an
/// error, after [`PAGES_MAX`] pages, and where a page names one that was there before.
///
/// A list does not show one moment: what is created or deleted between two pages may be missing
/// or come twice.
pub struct Pages {
    client: Client,
    operation: &'static str,
    subscription: SubscriptionId,
    /// Whose list it is, for the span.
    of: String,
    call: RequestId,
    /// What is sent next; nothing after the last page.
    next: Option<Result<Request<Bytes>, Withheld>>,
    followed: HashSet<NextLink>,
}

impl Client {
    /// List: the backends of a service or a workspace, on all pages.
    pub fn pages(&self, scope: &Scope, query: &Query, call: RequestId) -> Pages {
        let first = request::list(&self.endpoint, scope, query, call);
        Pages::new(self, "list", scope.service.subscription, scope, first, call)
    }
}

impl Pages {
    pub(super) fn new(
        client: &Client,
        operation: &'static str,
        subscription: SubscriptionId,
        of: &impl fmt::Display,
        first: Asked,
        call: RequestId,
    ) -> Self {
        Self {
            client: client.clone(),
            operation,
            subscription,
            of: of.to_string(),
            call,
            next: Some(first.map_err(Withheld::from)),
            followed: HashSet::new(),
        }
    }

    /// The next page; nothing when there is none. All requests have the id of the one call.
    pub async fn next(&mut self) -> Result<Option<Page>, Error> {
        let Some(request) = self.next.take() else { return Ok(None) };
        let Self { client, operation, subscription, of, call, followed, .. } = self;
        let read = |answer| response::list(&client.endpoint, *call, &answer);
        let page = client.send(operation, *subscription, of, *call, request, read).await?;
        self.next = page.next.as_ref().map(|link| {
            // The first page, which had no link, counts too.
            let is_new = followed.len() + 1 < PAGES_MAX && followed.insert(link.clone());
            is_new.then(|| request::list_next(link, *call)).ok_or(Withheld::Endless)
        });
        Ok(Some(page))
    }
}
