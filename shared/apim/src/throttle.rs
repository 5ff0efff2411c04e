//! Azure Resource Manager's token buckets, kept on this side too, so that a 429 is avoided rather
//! than received: trying early fails again, and costs everyone in the subscription.
//!
//! A bucket per subscription and kind of operation; ARM has one per principal too, and a client
//! has one principal. Others may draw on the same bucket, so what an answer says is left
//! ([`Buckets::heard`]) only ever lowers what is believed here: a header is older than the
//! requests that were sent since.
//!
//! Pure: the time is an argument, counted from any origin that does not move. A request that must
//! wait has its place from the moment it asks, so that many requests go through one by one and not
//! all at once.

use std::collections::HashMap;
use std::time::Duration;

use http::{HeaderMap, HeaderName, Method};

use crate::id::SubscriptionId;

/// For how many subscriptions buckets are kept. Beyond it, those that are full are forgotten.
pub const SUBSCRIPTIONS_MAX: usize = 256;

/// What ARM counts apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// GET and HEAD: 250 at once, 25 a second.
    Read,
    /// PUT, PATCH and POST: 200 at once, 10 a second.
    Write,
    /// DELETE: 200 at once, 10 a second.
    Delete,
}

impl Kind {
    /// The kind that a request of that method is counted as.
    pub fn of(method: &Method) -> Self {
        match *method {
            Method::GET | Method::HEAD => Self::Read,
            Method::DELETE => Self::Delete,
            _ => Self::Write,
        }
    }

    /// How many are taken at once, and how many more each second.
    pub fn limit(self) -> (u32, u32) {
        match self {
            Self::Read => (250, 25),
            Self::Write | Self::Delete => (200, 10),
        }
    }

    /// Its name: `read`, `write` or `delete`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Delete => "delete",
        }
    }

    /// The header that says how many would still be taken.
    pub fn header(self) -> HeaderName {
        HeaderName::from_static(match self {
            Self::Read => "x-ms-ratelimit-remaining-subscription-reads",
            Self::Write => "x-ms-ratelimit-remaining-subscription-writes",
            Self::Delete => "x-ms-ratelimit-remaining-subscription-deletes",
        })
    }

    /// What a full bucket holds, in millionths.
    fn full(self) -> i64 {
        i64::from(self.limit().0) * TOKEN
    }
}

/// Whose bucket: that of one kind of operation in one subscription.
pub type Of = (SubscriptionId, Kind);

/// A token in millionths, so that what flows in within a microsecond is a whole number.
const TOKEN: i64 = 1_000_000;

#[derive(Debug, Clone, Copy)]
struct Bucket {
    /// What is left, in millionths; below zero where requests wait for what will flow in.
    level: i64,
    /// When that was so.
    at: Duration,
    /// Until when nothing is taken, as an answer said.
    closed_until: Duration,
}

impl Bucket {
    fn full(kind: Kind, now: Duration) -> Self {
        Self { level: kind.full(), at: now, closed_until: Duration::ZERO }
    }

    fn fill(&mut self, kind: Kind, now: Duration) {
        let passed = now.saturating_sub(self.at).as_micros();
        let passed = i64::try_from(passed).unwrap_or(i64::MAX);
        let flowed = passed.saturating_mul(i64::from(kind.limit().1));
        self.level = self.level.saturating_add(flowed).min(kind.full());
        self.at = self.at.max(now);
    }

    /// How long a request has to wait that comes next.
    fn wait(&self, kind: Kind, now: Duration) -> Duration {
        let lacking = u64::try_from(TOKEN - self.level).unwrap_or(0);
        let flow = Duration::from_micros(lacking.div_ceil(u64::from(kind.limit().1)));
        flow.max(self.closed_until.saturating_sub(now))
    }
}

/// All buckets that one client knows of.
#[derive(Debug, Default)]
pub struct Buckets {
    buckets: HashMap<Of, Bucket>,
}

impl Buckets {
    /// Takes a place for one request, and says how long it has to wait for it; or says how long
    /// the wait would be, and takes none, where that is longer than `patience`.
    pub fn take(
        &mut self,
        of: Of,
        now: Duration,
        patience: Duration,
    ) -> Result<Duration, Duration> {
        let bucket = self.bucket(of, now);
        let wait = bucket.wait(of.1, now);
        if wait > patience {
            return Err(wait);
        }
        bucket.level -= TOKEN;
        Ok(wait)
    }

    /// For how long nothing is taken, as an answer said.
    pub fn closed(&mut self, of: Of, now: Duration) -> Duration {
        self.bucket(of, now).closed_until.saturating_sub(now)
    }

    /// Takes in what the headers of an answer say is left. More than is believed here is not
    /// believed: requests may be on their way that the answer does not count.
    pub fn heard(&mut self, of: Of, now: Duration, headers: &HeaderMap) {
        let left = headers.get(of.1.header()).and_then(|left| left.to_str().ok());
        let Some(left) = left.and_then(|left| left.trim().parse::<u32>().ok()) else { return };
        let bucket = self.bucket(of, now);
        bucket.level = bucket.level.min(i64::from(left) * TOKEN);
    }

    /// How many requests would be taken at once, of each subscription and kind that was asked for.
    pub fn left(&mut self, now: Duration) -> Vec<(SubscriptionId, Kind, u32)> {
        let left = |((subscription, kind), bucket): (&Of, &mut Bucket)| {
            bucket.fill(*kind, now);
            let open = bucket.closed_until <= now;
            let whole = if open { bucket.level.max(0) / TOKEN } else { 0 };
            (*subscription, *kind, u32::try_from(whole).unwrap_or(u32::MAX))
        };
        self.buckets.iter_mut().map(left).collect()
    }

    /// Takes in a 429: nothing is left, and nothing is taken before the time that it named.
    pub fn throttled(&mut self, of: Of, now: Duration, wait: Option<Duration>) {
        let bucket = self.bucket(of, now);
        bucket.level = bucket.level.min(0);
        let until = now.saturating_add(wait.unwrap_or_default());
        bucket.closed_until = bucket.closed_until.max(until);
    }

    fn bucket(&mut self, of: Of, now: Duration) -> &mut Bucket {
        // Three kinds each.
        if self.buckets.len() >= SUBSCRIPTIONS_MAX * 3 {
            self.buckets.retain(|(_, kind), bucket| {
                bucket.fill(*kind, now);
                bucket.level < kind.full() || bucket.closed_until > now
            });
        }
        let bucket = self.buckets.entry(of).or_insert_with(|| Bucket::full(of.1, now));
        bucket.fill(of.1, now);
        bucket
    }
}

#[cfg(test)]
#[path = "throttle_tests.rs"]
mod tests;
