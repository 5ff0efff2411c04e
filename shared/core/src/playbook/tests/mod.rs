//! What a playbook's author reads when something is wrong, and what a sound one does.

mod bad;
mod compared;
mod expressions;
mod large;
mod matches;
mod pools;
mod properties;
mod schema;
mod strings;

use jiff::Timestamp;

use super::{EXAMPLE, Playbook, read};
use crate::signal::{Heard, SeriesId, Severity, Signal};

/// What every test's playbook begins with: two services, four pools.
const HEAD: &str = "\
version: 1
services:
  main: {subscription: 00000000-0000-0000-0000-000000000000, resourceGroup: rg1, name: contoso}
pools:
  chat: {service: main, backend: chat-pool}
  search: {service: main, workspace: blue, backend: search-pool}
";

/// A sound playbook with these pools and what comes after them.
fn sound_with(pools: &str) -> Playbook {
    let text = format!(
        "version: 1\nservices:\n  main: {{subscription: 00000000-0000-0000-0000-000000000000, \
         resourceGroup: rg1, name: contoso}}\npools:\n{pools}"
    );
    read(&text).unwrap_or_else(|problems| panic!("{}", super::render(&problems, "sound", &text)))
}

/// A sound playbook of [`HEAD`] with these plays.
fn sound(plays: &str) -> Playbook {
    let text = format!("{HEAD}plays:\n{plays}");
    read(&text).unwrap_or_else(|problems| panic!("{}", super::render(&problems, "sound", &text)))
}

fn example() -> Playbook {
    read(EXAMPLE).unwrap_or_else(|problems| {
        panic!("{}", super::render(&problems, "example.playbook.yaml", EXAMPLE))
    })
}

/// A signal that fires, with these labels.
fn signal<const N: usize>(severity: Severity, labels: [(&str, &str); N]) -> Signal {
    Signal {
        series: SeriesId::new("alertmanager".parse().unwrap(), "f00").unwrap(),
        started: Timestamp::from_second(1_700_000_000).unwrap(),
        heard: Heard::Fired,
        severity,
        labels: labels.map(|(name, text)| (name.to_owned(), text.to_owned())).into(),
        annotations: [("summary".to_owned(), "all is on fire".to_owned())].into(),
        received: Timestamp::UNIX_EPOCH,
    }
}
