//! What went through the gateway, as data and as Prometheus reads it.

use serde::Serialize;
use std::{collections::BTreeMap, fmt::Write as _};

/// How many requests ended in one way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Count {
    /// The pool that was asked; none when a Single was, or when there is no such backend.
    pub pool: Option<String>,
    /// The backend that was to answer; none when no member could.
    pub backend: Option<String>,
    /// The status that the caller got.
    pub code: u16,
    /// How many requests.
    pub requests: u64,
}

/// Requests, and the failures among them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// All requests that were answered.
    pub requests: u64,
    /// Those that ended in a 5xx, errors in reaching the backend included.
    pub failures: u64,
}

/// The pool, the backend and the status of a [`Count`].
type Way = (Option<String>, Option<String>, u16);

/// The counters of a gateway, in order.
#[derive(Clone, Debug, Default)]
pub struct Traffic(BTreeMap<Way, u64>);

impl Traffic {
    pub(crate) fn add(&mut self, pool: Option<String>, backend: Option<String>, code: u16) {
        *self.0.entry((pool, backend, code)).or_default() += 1;
    }

    /// Every counter.
    pub fn counts(&self) -> impl Iterator<Item = Count> {
        self.0.iter().map(|((pool, backend, code), requests)| Count {
            pool: pool.clone(),
            backend: backend.clone(),
            code: *code,
            requests: *requests,
        })
    }

    /// All that was asked of `pool`, also what no member could serve.
    pub fn pool(&self, pool: &str) -> Tally {
        self.tally(|is, _| named(is, pool))
    }

    /// What `pool` sent to `backend`.
    pub fn member(&self, pool: &str, backend: &str) -> Tally {
        self.tally(|of, is| named(of, pool) && named(is, backend))
    }

    /// What `backend` got, through pools and directly.
    pub fn backend(&self, backend: &str) -> Tally {
        self.tally(|_, is| named(is, backend))
    }

    fn tally(&self, wanted: impl Fn(Option<&str>, Option<&str>) -> bool) -> Tally {
        let mut tally = Tally::default();
        for ((pool, backend, code), requests) in &self.0 {
            if !wanted(pool.as_deref(), backend.as_deref()) {
                continue;
            }
            tally.requests += requests;
            if *code >= 500 {
                tally.failures += requests;
            }
        }
        tally
    }

    /// The page that Prometheus scrapes (text format 0.0.4):
    /// `gateway_requests_total{pool,backend,code}`.
    pub fn prometheus(&self) -> String {
        let mut page = String::from(
            "# HELP gateway_requests_total Requests answered by the gateway.\n\
             # TYPE gateway_requests_total counter\n",
        );
        for ((pool, backend, code), requests) in &self.0 {
            let label = |text: &Option<String>| escaped(text.as_deref().unwrap_or(""));
            // Writing to a String cannot fail.
            let _ = writeln!(
                page,
                "gateway_requests_total{{pool=\"{}\",backend=\"{}\",code=\"{code}\"}} {requests}",
                label(pool),
                label(backend),
            );
        }
        page
    }
}

fn named(is: Option<&str>, wanted: &str) -> bool {
    is.is_some_and(|is| is.eq_ignore_ascii_case(wanted))
}

fn escaped(label: &str) -> String {
    label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn tallies_and_the_page() {
        let mut traffic = Traffic::default();
        let mut add = |pool: Option<&str>, backend: Option<&str>, code| {
            traffic.add(pool.map(str::to_owned), backend.map(str::to_owned), code);
        };
        add(Some("chat"), Some("eu"), 200);
        add(Some("chat"), Some("eu"), 200);
        add(Some("chat"), Some("eu"), 503);
        add(Some("chat"), None, 503);
        add(None, Some("eu"), 404);
        add(None, Some("a\"b\\"), 200);
        let tally = |requests, failures| Tally { requests, failures };
        assert_eq!(traffic.pool("Chat"), tally(4, 2));
        assert_eq!(traffic.member("chat", "EU"), tally(3, 1));
        assert_eq!(traffic.backend("eu"), tally(4, 1));
        expect![[r#"
            # HELP gateway_requests_total Requests answered by the gateway.
            # TYPE gateway_requests_total counter
            gateway_requests_total{pool="",backend="a\"b\\",code="200"} 1
            gateway_requests_total{pool="",backend="eu",code="404"} 1
            gateway_requests_total{pool="chat",backend="",code="503"} 1
            gateway_requests_total{pool="chat",backend="eu",code="200"} 2
            gateway_requests_total{pool="chat",backend="eu",code="503"} 1
        "#]]
        .assert_eq(&traffic.prometheus());
    }
}
