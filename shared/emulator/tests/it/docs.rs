//! The tables of the crate's documentation say what is so, and options can be read from a file.

use pointsman_emulator::{Options, Ports, Unpublished};
use serde_json::{Value, json};
use std::time::Duration;

const DOCS: &str = include_str!("../../src/lib.rs");
const TESTS: &[&str] = &[include_str!("operations.rs"), include_str!("examples.rs")];

/// The rows of the table under `head`, cell by cell.
fn rows(head: &str) -> Vec<Vec<&'static str>> {
    let lines = DOCS.lines().skip_while(|line| !line.starts_with(head)).skip(2);
    let rows = lines.take_while(|line| line.starts_with("//! |"));
    rows.map(|row| row.trim_matches(['/', '!', ' ', '|']).split('|').map(str::trim).collect())
        .collect()
}

fn words(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

#[test]
fn every_operation_has_its_test() {
    let rows = rows("//! | operation |");
    assert_eq!(rows.len(), 13);
    for row in rows {
        let [test] = words(row[2])[..] else { panic!("{row:?}") };
        let signature = format!("async fn {test}()");
        assert!(TESTS.iter().any(|file| file.contains(&signature)), "{test}");
    }
}

#[test]
fn every_switch_is_in_the_table_with_its_values() {
    let defaults = serde_json::to_value(Unpublished::default()).unwrap();
    let defaults = defaults.as_object().unwrap();
    let rows = rows("//! | switch |");
    let switches: Vec<_> = rows.iter().map(|row| words(row[0])[0]).collect();
    assert_eq!(switches, defaults.keys().collect::<Vec<_>>());
    for row in &rows {
        let switch = words(row[0])[0];
        for (index, word) in words(row[1]).into_iter().enumerate() {
            let value = word.parse::<u32>().map_or(json!(word), |number| json!(number));
            assert_eq!(index == 0, value == defaults[switch], "{switch}: {word}");
            serde_json::from_value::<Unpublished>(json!({switch: value})).unwrap();
        }
    }
    for (switch, default) in defaults.iter().filter(|(_, default)| default.is_string()) {
        // The error of a wrong word lists the right ones.
        let wrong = serde_json::from_value::<Unpublished>(json!({switch.as_str(): "?"}));
        let known = wrong.unwrap_err().to_string();
        let known: Vec<_> = words(&known).into_iter().filter(|word| *word != "?").collect();
        let row = rows.iter().find(|row| words(row[0])[0] == switch).unwrap();
        let mut listed = words(row[1]);
        let (mut known, first) = (known, listed[0].to_owned());
        assert_eq!(json!(first), *default);
        known.sort_unstable();
        listed.sort_unstable();
        assert_eq!(listed, known, "{switch}");
    }
}

#[test]
fn options_can_be_read_from_a_file() {
    let file = json!({
        "service": {
            "subscription": "00000000-0000-0000-0000-000000000002",
            "resourceGroup": "rg2", "name": "fabrikam",
        },
        "ports": {"arm": 8701},
        "unpublished": {"patchNull": "ignored"},
        "throttling": "enforce",
        "tokenLifetime": "PT10M",
        "gatewayDelay": "PT10S",
        "gateways": 2,
        "faults": [{"kind": {"latency": {"by": "PT1S"}}}],
        "subscriptions": [{"name": "hook", "endpoint": "http://127.0.0.1:1/"}],
        "stateFile": "azure.json",
    });
    let options: Options = serde_json::from_value(file).unwrap();
    assert_eq!(options.service.name(), "fabrikam");
    assert_eq!(options.ports, Ports { arm: 8701, ..Ports::default() });
    assert_eq!(options.token_lifetime, Duration::from_secs(600));
    assert_eq!((options.gateway_delay.as_secs(), options.gateways), (10, 2));
    assert_eq!((options.faults.len(), options.subscriptions.len()), (1, 1));
    assert_eq!(options.seed, Options::default().seed);
    let empty: Options = serde_json::from_str("{}").unwrap();
    let value = |options: &Options| -> Value { serde_json::to_value(options).unwrap() };
    assert_eq!(value(&empty), value(&Options::default()));
    for (wrong, want) in [
        (json!({"gateway": 1}), "unknown field `gateway`"),
        (json!({"ports": {"https": 1}}), "unknown field `https`"),
        (json!({"unpublished": {"zeroWeight": "some"}}), "unknown variant `some`"),
        (
            json!({"service": {"subscription": "1", "resourceGroup": "a", "name": "a"}}),
            "\"1\" is not a subscription id: it must be a UUID",
        ),
    ] {
        let error = serde_json::from_value::<Options>(wrong).unwrap_err().to_string();
        assert!(error.starts_with(want), "{error}");
    }
}
