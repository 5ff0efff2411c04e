//! Azure Resource Manager's limits: token buckets for reads, writes and deletes (documented).
//!
//! Each subscription has buckets of its own for each principal.

use crate::{address::Operation, clock};
use http::HeaderName;
use jiff::Timestamp;
use std::{collections::HashMap, time::Duration};

/// A bucket's size and how fast it fills again.
struct Limit {
    size: u32,
    per_second: u32,
    header: HeaderName,
}

const READS: Limit = limit(250, 25, "x-ms-ratelimit-remaining-subscription-reads");
const WRITES: Limit = limit(200, 10, "x-ms-ratelimit-remaining-subscription-writes");
const DELETES: Limit = limit(200, 10, "x-ms-ratelimit-remaining-subscription-deletes");

const fn limit(size: u32, per_second: u32, header: &'static str) -> Limit {
    Limit { size, per_second, header: HeaderName::from_static(header) }
}

/// What a bucket answers to one request.
pub(crate) struct Verdict {
    pub(crate) header: HeaderName,
    pub(crate) remaining: u32,
    /// How long until there is room again, when there is none.
    pub(crate) wait: Option<Duration>,
}

/// The buckets of every subscription and principal.
#[derive(Debug, Default)]
pub(crate) struct Buckets(HashMap<(String, String, HeaderName), Bucket>);

impl Buckets {
    /// Takes one request out of its bucket; none for requests that ARM does not count.
    pub(crate) fn take(
        &mut self,
        subscription: &str,
        principal: &str,
        operation: Operation,
        now: Timestamp,
    ) -> Option<Verdict> {
        let limit = match operation {
            Operation::List | Operation::Head | Operation::Get => READS,
            Operation::Put | Operation::Patch | Operation::Reconnect => WRITES,
            Operation::Delete => DELETES,
            Operation::Token | Operation::Unknown => return None,
        };
        let (subscription, principal) = (subscription.to_ascii_lowercase(), principal.to_owned());
        let bucket = self.0.entry((subscription, principal, limit.header.clone())).or_default();
        let wait = bucket.take(&limit, now);
        Some(Verdict {
            remaining: limit.size.saturating_sub(bucket.taken),
            header: limit.header,
            wait,
        })
    }
}

#[derive(Debug, Default)]
struct Bucket {
    taken: u32,
    /// Up to when the refill has been counted.
    refilled: Option<Timestamp>,
}

impl Bucket {
    fn take(&mut self, limit: &Limit, now: Timestamp) -> Option<Duration> {
        let each = Duration::from_secs(1) / limit.per_second;
        let since = self.refilled.unwrap_or(now);
        let back = clock::left(since, now).as_nanos() / each.as_nanos();
        let back = u32::try_from(back).unwrap_or(u32::MAX);
        self.taken = self.taken.saturating_sub(back);
        // What is left of a refill counts for the next, unless the bucket was full anyway. A clock
        // that was set back starts again.
        self.refilled = Some(if self.taken == 0 || now < since {
            now
        } else {
            clock::later(since, each.saturating_mul(back))
        });
        if self.taken >= limit.size {
            let next = clock::later(self.refilled.unwrap_or(now), each);
            return Some(clock::left(now, next));
        }
        self.taken += 1;
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_are_refilled_ten_a_second() {
        let mut buckets = Buckets::default();
        let start = Timestamp::from_second(1_000).unwrap();
        let mut take = |after_ms: u64| {
            let now = clock::later(start, Duration::from_millis(after_ms));
            let verdict = buckets.take("sub", "me", Operation::Patch, now).unwrap();
            (verdict.remaining, verdict.wait)
        };
        assert_eq!(take(0), (199, None));
        for _ in 0..199 {
            take(0);
        }
        assert_eq!(take(0), (0, Some(Duration::from_millis(100))));
        assert_eq!(take(60), (0, Some(Duration::from_millis(40))));
        assert_eq!(take(100), (0, None));
        assert_eq!(take(1_100), (9, None));
        assert_eq!(take(60_000), (199, None));
    }

    #[test]
    fn each_kind_subscription_and_principal_has_its_own() {
        let mut buckets = Buckets::default();
        let now = Timestamp::from_second(0).unwrap();
        let mut check = |subscription: &str, principal: &str, operation, want: Option<u32>| {
            let verdict = buckets.take(subscription, principal, operation, now);
            assert_eq!(verdict.map(|v| v.remaining), want, "{subscription} {principal}");
        };
        check("a", "me", Operation::Get, Some(249));
        check("a", "me", Operation::Reconnect, Some(199));
        check("a", "me", Operation::Delete, Some(199));
        check("a", "me", Operation::Token, None);
        check("A", "me", Operation::List, Some(248));
        check("b", "me", Operation::Get, Some(249));
        check("a", "you", Operation::Get, Some(249));
    }
}
