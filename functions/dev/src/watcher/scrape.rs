//! The gateway's counters, read from the page that it has for Prometheus.

use std::collections::BTreeMap;

use pointsman_emulator::Tally;

/// The counter that is read: requests by pool, backend and status.
const COUNTER: &str = "gateway_requests_total";

/// What `pool` sent to each backend, from the page's text.
pub(super) fn tallies(page: &str, pool: &str) -> BTreeMap<String, Tally> {
    let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
    for line in page.lines() {
        let Some((labels, value)) =
            line.strip_prefix(COUNTER).and_then(|rest| rest.rsplit_once("} "))
        else {
            continue;
        };
        let (Some(backend), Ok(value)) = (label(labels, "backend"), value.parse::<u64>()) else {
            continue;
        };
        if label(labels, "pool") != Some(pool) || backend.is_empty() {
            continue;
        }
        let tally = tallies.entry(backend.to_owned()).or_default();
        tally.requests += value;
        if label(labels, "code").is_some_and(|code| code.starts_with('5')) {
            tally.failures += value;
        }
    }
    tallies
}

/// The value of a label. Names of backends have nothing in them that would be escaped.
fn label<'a>(labels: &'a str, name: &str) -> Option<&'a str> {
    labels.trim_start_matches('{').split(',').find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        (key == name).then(|| value.trim_matches('"'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = r#"
# HELP gateway_requests_total Requests answered by the gateway.
# TYPE gateway_requests_total counter
gateway_requests_total{pool="",backend="helped-eu",code="200"} 7
gateway_requests_total{pool="alone",backend="alone-eu",code="500"} 9
gateway_requests_total{pool="helped",backend="",code="503"} 3
gateway_requests_total{pool="helped",backend="helped-eu",code="200"} 40
gateway_requests_total{pool="helped",backend="helped-eu",code="500"} 10
gateway_requests_total{pool="helped",backend="helped-us",code="200"} 30
other_total{pool="helped",backend="helped-us",code="500"} 30
"#;

    #[test]
    fn the_page_is_read_per_backend_of_the_pool() {
        let tallies = tallies(PAGE, "helped");
        let eu = Tally { requests: 50, failures: 10 };
        let us = Tally { requests: 30, failures: 0 };
        let wanted = [("helped-eu".to_owned(), eu), ("helped-us".to_owned(), us)];
        assert_eq!(tallies, BTreeMap::from(wanted));
    }
}
