//! What a body contains: signals, and alerts that cannot be used.

use std::cmp::{Ordering, Reverse};

use pointsman_core::{
    id::MessageId,
    signal::{Heard, Signal},
};
use sha2::{Digest, Sha256};

use crate::text::{cut, quote};

/// How many bytes of a body are read at most: 2 MiB. A body above it is answered with a 413.
///
/// Alertmanager puts a whole group into one body. With 400 bytes an alert, this is a group of
/// five thousand.
pub const BODY_BYTES_MAX: usize = 2 << 20;

/// How many alerts one body may hold.
pub const ALERTS_MAX: usize = 5_000;

/// How much of what cannot be used is kept, in bytes.
pub const KEPT_BYTES_MAX: usize = 16 << 10;

/// How much of a body that is not JSON is quoted, in bytes.
const BEGINNING_BYTES_MAX: usize = 60;

/// How many labels an alert may have. Alertmanager has no such bound; Mimir's is 30.
pub const LABELS_MAX: usize = 64;

/// How many bytes the names and values of an alert's labels may have together.
pub const LABELS_BYTES_MAX: usize = 16 << 10;

/// How many bytes of an alert's annotations are kept. They only describe, so that what is
/// above it is left out, and the alert still counts.
pub const ANNOTATIONS_BYTES_MAX: usize = 16 << 10;

/// How far a start may be ahead of the receipt. One beyond it is a broken clock or a wrong unit.
pub const AHEAD_HOURS_MAX: i64 = 24;

/// What one body comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// What can be acted on: sorted by series, start and end, each once.
    pub signals: Vec<Signal>,
    /// What cannot: sorted, each once.
    pub unusable: Vec<Unusable>,
    /// How many more alerts the group has, which the sender left out. They may later arrive as
    /// resolved without ever having arrived as firing.
    pub truncated: u64,
}

/// An alert that cannot be used, with why.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unusable {
    /// The alert as it came; above [`KEPT_BYTES_MAX`] cut off and ended with `…`.
    pub raw: String,
    /// Why it cannot be used: a sentence with "it" for the alert. What it quotes is cut to a few words.
    pub reason: String,
}

/// Why nothing at all could be read of a body, in words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(pub(crate) String);

impl Unreadable {
    /// What is wrong at a place: the line from 1, the column in bytes from 1, or 0 before the first.
    pub(crate) fn at(line: usize, column: usize, what: &str) -> Self {
        Self(format!("line {line}, column {column}: {what}"))
    }

    /// What a reader of JSON says of `body`, where the source sends what is `wanted`.
    pub(crate) fn json(error: &serde_json::Error, body: &str, wanted: &'static str) -> Self {
        let (line, column) = (error.line(), error.column());
        let text = error.to_string();
        let place = format!(" at line {line} column {column}");
        let what = quote(text.strip_suffix(&place).unwrap_or(&text));
        if error.is_data() {
            return Self::at(line, column, &what);
        }
        let begins = match body.trim() {
            "" => "is empty".to_owned(),
            some => format!("begins with `{}`", quote(&cut(some, BEGINNING_BYTES_MAX))),
        };
        Self(format!(
            "this is not JSON (line {line}, column {column}: {what}): the body {begins}; {wanted}"
        ))
    }
}

impl Batch {
    /// Sorts what was read and drops what is there twice.
    ///
    /// Two signals that differ only in what describes them tell of one thing; the worse, then
    /// the first in the order of labels and annotations, stays.
    pub(crate) fn new(
        mut signals: Vec<Signal>,
        mut unusable: Vec<Unusable>,
        truncated: u64,
    ) -> Self {
        signals.sort_unstable_by(order);
        signals.dedup_by(|later, kept| {
            (&later.series, later.started, later.heard) == (&kept.series, kept.started, kept.heard)
        });
        unusable.sort_unstable();
        unusable.dedup();
        Self { signals, unusable, truncated }
    }
}

impl Unusable {
    pub(crate) fn new(raw: &str, reason: String) -> Self {
        Self { raw: cut(raw, KEPT_BYTES_MAX), reason }
    }
}

/// Names a delivery by what it says: the same signals, in whatever order, received within the same
/// minute, have the same id.
///
/// Everything of a signal counts, what describes it too: a delivery that says anything new is
/// another message. Of the receipt, the whole minute counts: a storm of repeats is one message, and
/// an alert that is repeated minutes later is a new fact, though the first may still wait.
#[must_use]
pub fn content_id(signals: &[Signal]) -> MessageId {
    let mut ordered: Vec<&Signal> = signals.iter().collect();
    ordered.sort_unstable_by(|one, other| order(one, other));
    ordered.dedup();
    // Every text with its length, every list with its count and every choice with its kind before
    // it, so that no two lists of signals read the same. In bytes and in one piece: a storm asks
    // for this ten thousand times, and formatting or many small hashes take longer than the rest.
    let mut said = Vec::new();
    for Signal { series, started, heard, severity, labels, annotations, received } in ordered {
        say(&mut said, series.source().as_str());
        say(&mut said, series.fingerprint());
        said.extend(started.as_nanosecond().to_be_bytes());
        match heard {
            Heard::Fired => said.push(0),
            Heard::Resolved { stated: Some(stated) } => {
                said.push(1);
                said.extend(stated.as_nanosecond().to_be_bytes());
            }
            Heard::Resolved { stated: None } => said.push(2),
        }
        said.extend(received.as_second().div_euclid(60).to_be_bytes());
        said.push(severity.rank());
        for pairs in [labels, annotations] {
            said.extend((pairs.len() as u64).to_be_bytes());
            for (name, value) in pairs {
                say(&mut said, name);
                say(&mut said, value);
            }
        }
    }
    let digest: String = Sha256::digest(&said).iter().map(|byte| format!("{byte:02x}")).collect();
    MessageId::derive(&["signals", &digest])
}

/// Appends a text after its length.
fn say(said: &mut Vec<u8>, text: &str) {
    said.extend((text.len() as u64).to_be_bytes());
    said.extend(text.as_bytes());
}

fn order(one: &Signal, other: &Signal) -> Ordering {
    fn key(signal: &Signal) -> impl Ord {
        let Signal { series, started, heard, severity, labels, annotations, received } = signal;
        let ended = match heard {
            Heard::Fired => None,
            Heard::Resolved { stated } => Some(stated),
        };
        (series, started, ended, Reverse(severity), labels, annotations, received)
    }
    key(one).cmp(&key(other))
}
