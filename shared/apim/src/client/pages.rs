//! A list, page by page.

use std::collections::HashSet;

use super::Client;
use crate::error::{Error, Withheld};
use crate::id::Scope;
use crate::list::{NextLink, PAGES_MAX, Page, Query};
use crate::meta::{Ids, RequestId};

/// The pages of a list, one after the other. It ends by itself: after the last page, after an
/// error, after [`PAGES_MAX`] pages, and where a page names one that was there before.
///
/// A list does not show one moment: what is created or deleted between two pages may be missing
/// or come twice.
#[derive(Debug)]
pub struct Pages {
    client: Client,
    scope: Scope,
    call: RequestId,
    next: Next,
    seen: HashSet<NextLink>,
}

#[derive(Debug)]
enum Next {
    First(Query),
    Link(NextLink),
    Over,
}

impl Client {
    /// List: all pages, one after the other.
    pub fn pages(&self, scope: Scope, query: Query, call: RequestId) -> Pages {
        let client = self.clone();
        Pages { client, scope, call, next: Next::First(query), seen: HashSet::new() }
    }
}

impl Pages {
    /// The next page; nothing when there is none. All requests have the id of the one call.
    pub async fn next(&mut self) -> Result<Option<Page>, Error> {
        let Self { client, scope, call, seen, .. } = self;
        let page = match std::mem::replace(&mut self.next, Next::Over) {
            Next::Over => return Ok(None),
            Next::First(query) => client.list(scope, &query, *call).await?,
            // The first page, which had no link, counts too.
            Next::Link(link) if seen.len() + 1 < PAGES_MAX && seen.insert(link.clone()) => {
                client.list_next(scope, &link, *call).await?
            }
            Next::Link(_) => {
                let ids = Ids::unanswered(*call);
                return Err(Error::Withheld { reason: Withheld::Endless, ids });
            }
        };
        self.next = page.next.clone().map_or(Next::Over, Next::Link);
        Ok(Some(page))
    }
}
