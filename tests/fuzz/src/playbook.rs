//! The playbook: read, and asked of a signal.

use std::collections::BTreeMap;

use jiff::Timestamp;
use pointsman_core::{
    playbook::{self, PLAYS_MAX, POOLS_MAX, SERVICES_MAX},
    signal::{Heard, SeriesId, Severity, Signal},
};

use crate::says;

/// The most problems that one reading tells of.
const PROBLEMS_MAX: usize = 100;

/// The input is the text of a playbook.
pub(crate) fn run(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    match playbook::read(text) {
        Ok(playbook) => {
            assert!(playbook.services.len() <= SERVICES_MAX);
            assert!(playbook.pools.len() <= POOLS_MAX && playbook.plays.len() <= PLAYS_MAX);
            for heard in [Heard::Fired, Heard::Resolved { stated: Some(Timestamp::UNIX_EPOCH) }] {
                let matches = playbook.plays_for(&signal(heard));
                assert!(matches.matched.len() <= playbook.plays.len());
                for matched in &matches.matched {
                    assert!(!matched.effects.is_empty());
                }
                for failure in &matches.failed {
                    assert!(!failure.to_string().is_empty());
                }
            }
        }
        Err(problems) => {
            assert!((1..=PROBLEMS_MAX).contains(&problems.len()));
            let lines = text.split('\n').count();
            for problem in &problems {
                assert!((1..=lines).contains(&problem.line) && problem.column >= 1);
                assert!(!problem.message.is_empty() && !problem.help.is_empty());
                says(problem);
            }
            let shown = playbook::render(&problems, "playbook.yaml", text);
            let moves = |c: char| c.is_control() && c != '\n';
            assert!(!shown.contains(moves), "{shown:?}");
        }
    }
}

/// An alert with the labels that plays ask for.
fn signal(heard: Heard) -> Signal {
    let label = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    let source = "prometheus".parse().expect("a name");
    Signal {
        series: SeriesId::new(source, "00000000000000ff").expect("a fingerprint"),
        started: Timestamp::UNIX_EPOCH,
        heard,
        severity: Severity::Critical,
        labels: BTreeMap::from(
            [("alertname", "High5xx"), ("backend", "eu"), ("severity", "critical")].map(label),
        ),
        annotations: BTreeMap::new(),
        received: Timestamp::UNIX_EPOCH,
    }
}
