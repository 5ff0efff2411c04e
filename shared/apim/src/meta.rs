//! What one request is found by, and what the headers of its answer say.

use std::fmt;
use std::time::Duration;

use http::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use uuid::Uuid;

/// The longest wait that is taken from a `Retry-After`, in seconds: a day.
pub const RETRY_AFTER_SECS_MAX: u64 = 86_400;
/// The longest id that is taken from a header, in bytes.
pub const SERVICE_ID_BYTES_MAX: usize = 128;

/// The header that carries the caller's own id of a request.
pub const CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("x-ms-client-request-id");

const REQUEST_ID: HeaderName = HeaderName::from_static("x-ms-request-id");
const CORRELATION_ID: HeaderName = HeaderName::from_static("x-ms-correlation-request-id");

/// The caller's own id of one request, made by the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(Uuid);

impl From<Uuid> for RequestId {
    fn from(id: Uuid) -> Self {
        Self(id)
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

/// The ids that one request is found by, on either side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ids {
    /// The caller's own, sent as `x-ms-client-request-id`.
    pub call: RequestId,
    /// The service's, `x-ms-request-id`.
    pub request: Option<String>,
    /// The service's for all that one request caused, `x-ms-correlation-request-id`.
    pub correlation: Option<String>,
}

impl Ids {
    /// The ids of a request that was not answered.
    pub fn unanswered(call: RequestId) -> Self {
        Self { call, request: None, correlation: None }
    }
}

impl fmt::Display for Ids {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "client-request-id {}", self.call)?;
        if let Some(id) = &self.request {
            write!(f, ", request-id {id}")?;
        }
        if let Some(id) = &self.correlation {
            write!(f, ", correlation-id {id}")?;
        }
        Ok(())
    }
}

/// What the headers of an answer say about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meta {
    /// The ids of the request.
    pub ids: Ids,
    /// The service's time when it answered, to the second.
    pub date: Option<Timestamp>,
}

impl Meta {
    /// Reads the headers of the answer to that call. What cannot be read counts as not there.
    pub fn read(call: RequestId, headers: &HeaderMap) -> Self {
        let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        let id = |name| {
            // A header may have tabs, which an error would carry to a terminal.
            let fits = |id: &&str| {
                (1..=SERVICE_ID_BYTES_MAX).contains(&id.len())
                    && id.bytes().all(|byte| byte.is_ascii_graphic())
            };
            text(name).filter(fits).map(str::to_owned)
        };
        Self {
            ids: Ids { call, request: id(&REQUEST_ID), correlation: id(&CORRELATION_ID) },
            date: text(&DATE).and_then(http_date),
        }
    }
}

/// When the service would have the next try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryAfter {
    /// After that time; at most [`RETRY_AFTER_SECS_MAX`].
    In(Duration),
    /// At that moment of the service's clock.
    At(Timestamp),
}

impl RetryAfter {
    /// Reads the header, in either of its forms (RFC 9110, section 10.2.3).
    pub fn read(headers: &HeaderMap) -> Option<Self> {
        let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
        if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
            // More digits than a number holds are still a long wait.
            let seconds = text.parse().unwrap_or(u64::MAX).min(RETRY_AFTER_SECS_MAX);
            return Some(Self::In(Duration::from_secs(seconds)));
        }
        http_date(text).map(Self::At)
    }

    /// The moment, as seen from `now`: never before it, and at most
    /// [`RETRY_AFTER_SECS_MAX`] after it.
    pub fn moment(self, now: Timestamp) -> Timestamp {
        let longest = Duration::from_secs(RETRY_AFTER_SECS_MAX);
        let after = |wait| now.checked_add(wait).unwrap_or(Timestamp::MAX);
        match self {
            Self::In(wait) => after(wait.min(longest)),
            Self::At(moment) => moment.clamp(now, after(longest)),
        }
    }

    /// How long it is from `now` until [`RetryAfter::moment`].
    pub fn wait(self, now: Timestamp) -> Duration {
        self.moment(now).duration_since(now).try_into().unwrap_or_default()
    }
}

fn http_date(text: &str) -> Option<Timestamp> {
    DateTimeParser::new().parse_timestamp(text).ok()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use http::HeaderValue;

    use super::*;

    fn check(text: &str, expected: &Expect) {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_str(text).unwrap());
        let now = "2026-03-01T12:00:00Z".parse().unwrap();
        let shown = match RetryAfter::read(&headers) {
            Some(after) => format!("{after:?}, from noon {}", after.moment(now)),
            None => "none".to_owned(),
        };
        expected.assert_eq(&shown);
    }

    #[test]
    fn retry_after_has_two_forms() {
        check("17", &expect!["In(17s), from noon 2026-03-01T12:00:17Z"]);
        check("0", &expect!["In(0ns), from noon 2026-03-01T12:00:00Z"]);
        check("99999999999999999999999", &expect!["In(86400s), from noon 2026-03-02T12:00:00Z"]);
        check(
            "Sun, 01 Mar 2026 12:00:30 GMT",
            &expect!["At(2026-03-01T12:00:30Z), from noon 2026-03-01T12:00:30Z"],
        );
        check(
            "Sun, 01 Mar 2026 11:00:00 GMT",
            &expect!["At(2026-03-01T11:00:00Z), from noon 2026-03-01T12:00:00Z"],
        );
        check(
            "Mon, 01 Mar 2027 11:00:00 GMT",
            &expect!["At(2027-03-01T11:00:00Z), from noon 2026-03-02T12:00:00Z"],
        );
        check("-1", &expect!["none"]);
        check("soon", &expect!["none"]);
        check("", &expect!["none"]);
    }
}
