//! The webhook of Prometheus Alertmanager, version "4".
//!
//! Facts that shape this module, from prometheus/alertmanager (`template.Data`,
//! `notify/webhook`), 0.19 to 0.34:
//!
//! - A body is a group. Its `status` is "firing" while any of its alerts does, so that only each
//!   alert's own status counts.
//! - With `max_alerts` a group is cut off, and `truncatedAlerts` says by how much. An alert can
//!   then arrive as resolved that never arrived as firing; that is an end like any other.
//! - `endsAt` is the year 1 while an alert fires, and is not read then.
//! - The sender repeats: the whole group at every `repeat_interval` and after every answer that
//!   is not a 2xx; each of a pair of Alertmanagers may send it; and a pair of Prometheuses gives
//!   one alert two different starts. The first is one [`content_id`](crate::content_id); the
//!   last is for the series to merge, by the earliest start.
//! - A refire is the same fingerprint with a later start.
//!
//! Decided here:
//!
//! - `fingerprint` names the series. Where it is missing (before 0.19, or a `payload` of one's
//!   own) it is computed from the labels as Alertmanager does, so that it names the same series.
//! - A severity is read from the label `severity`. An alert without one, or with a word that
//!   nobody knows, is a warning: heard by a play that asks for `>= warning`, and outranking
//!   nothing that says how bad it is. The label stays as it came, for conditions that know it.
//! - An alert whose labels are beyond [`LABELS_MAX`] or [`LABELS_BYTES_MAX`] is a letter, since
//!   they identify it; annotations beyond [`ANNOTATIONS_BYTES_MAX`]
//!   are cut, since they only describe it.

mod fingerprint;
mod wire;

use std::{borrow::Cow, collections::BTreeMap};

use jiff::{SignedDuration, Timestamp};
use pointsman_core::{
    names::SourceName,
    signal::{Heard, SeriesId, Signal},
};
use serde_json::value::RawValue;

use self::wire::{Alert, Group, Kind, Pairs};
use crate::{
    AHEAD_HOURS_MAX, ANNOTATIONS_BYTES_MAX, BODY_BYTES_MAX, Batch, LABELS_BYTES_MAX, LABELS_MAX,
    Letter, Reason, Unreadable,
    batch::{cut, quote},
    severity,
};

/// The one version of the webhook that there is, since Alertmanager 0.5; a text, in JSON.
const VERSION: &str = "\"4\"";

/// Reads a body that `source` sent and that arrived at `received`.
///
/// The time of arrival only answers whether a time of an alert lies in the future; it is no part
/// of the result.
///
/// # Errors
/// When nothing can be made of the body as a whole: it is too big, it is not JSON, or it is not
/// this webhook. An alert that cannot be used is a [`Letter`] of the batch instead.
pub fn read(source: &SourceName, body: &[u8], received: Timestamp) -> Result<Batch, Unreadable> {
    if body.len() > BODY_BYTES_MAX {
        return Err(Unreadable::Oversized { bytes: body.len() });
    }
    let text = str::from_utf8(body).map_err(|error| not_text(body, error.valid_up_to()))?;
    let group = group(text)?;
    let alerts = group.alerts.unwrap_or_default().0;
    let mut signals = Vec::with_capacity(alerts.len());
    let mut letters = Vec::new();
    for raw in alerts {
        match signal(source, raw.get(), received) {
            Ok(signal) => signals.push(signal),
            Err(reason) => letters.push(Letter::new(raw.get(), reason)),
        }
    }
    Ok(Batch::new(signals, letters, group.truncated_alerts))
}

fn group(text: &str) -> Result<Group<'_>, Unreadable> {
    // Serde would take the fields of a struct from a list, too, one by one.
    if text.trim_start().starts_with('[') {
        return Err(Unreadable::Kind("the body is a list, not a group of alerts".to_owned()));
    }
    let group: Group<'_> = match serde_json::from_str(text) {
        Ok(group) => group,
        Err(error) => {
            // Another kind of body explains an unexpected form better than the form does.
            if let Ok(Kind { version }) = serde_json::from_str(text) {
                check_version(version.map(RawValue::get))?;
            }
            return Err(error.into());
        }
    };
    check_version(group.version.map(RawValue::get))?;
    if group.alerts.is_none() {
        return Err(Unreadable::Kind("the body has no `alerts`".to_owned()));
    }
    Ok(group)
}

/// `raw` is the version's JSON.
fn check_version(raw: Option<&str>) -> Result<(), Unreadable> {
    let found = match raw {
        Some(VERSION) => return Ok(()),
        Some(raw) => format!("is of version {}", quote(raw)),
        None => "names no version".to_owned(),
    };
    Err(Unreadable::Kind(format!(
        "the body {found}, and Alertmanager's webhook is of version {VERSION}; is the sender \
         something else, such as Grafana, or has the receiver a `payload` of its own?"
    )))
}

fn not_text(body: &[u8], at: usize) -> Unreadable {
    let before = &body[..at];
    let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    Unreadable::Form {
        reason: "not UTF-8".to_owned(),
        line: before.iter().filter(|byte| **byte == b'\n').count() + 1,
        column: at - start + 1,
    }
}

fn signal(source: &SourceName, raw: &str, received: Timestamp) -> Result<Signal, Reason> {
    if raw.starts_with('[') {
        return Err(Reason::Form("a list".to_owned()));
    }
    let alert: Alert<'_> =
        serde_json::from_str(raw).map_err(|error| Reason::Form(quote(&error.to_string())))?;
    let fires = match &*alert.status {
        "firing" => true,
        "resolved" => false,
        status => return Err(Reason::Status(quote(status))),
    };
    let started = time("startsAt", &alert.starts_at, received)?;
    let heard = if fires {
        Heard::Fired
    } else {
        let ended = time("endsAt", &alert.ends_at, received)?;
        if ended < started {
            return Err(Reason::Backwards { started, ended });
        }
        Heard::Resolved { stated: Some(ended) }
    };
    let labels = labels(alert.labels)?;
    let fingerprint = if !alert.fingerprint.is_empty() {
        alert.fingerprint
    } else if labels.is_empty() {
        return Err(Reason::Nameless);
    } else {
        Cow::Owned(fingerprint::of(&labels))
    };
    Ok(Signal {
        series: SeriesId::new(source.clone(), &fingerprint)?,
        started,
        heard,
        severity: severity::read(labels.get("severity").map(String::as_str)),
        labels,
        annotations: annotations(alert.annotations),
        received,
    })
}

fn time(field: &'static str, text: &str, received: Timestamp) -> Result<Timestamp, Reason> {
    // Go's zero time: not set.
    if text.is_empty() || text.starts_with("0001-01-01T00:00:00") {
        return Err(Reason::Unset(field));
    }
    let at: Timestamp = text.parse().map_err(|_| Reason::Time { field, text: quote(text) })?;
    if at.duration_since(received) > SignedDuration::from_hours(AHEAD_HOURS_MAX) {
        return Err(Reason::Ahead { field, at });
    }
    Ok(at)
}

fn labels(Pairs(pairs): Pairs<'_>) -> Result<BTreeMap<String, String>, Reason> {
    if pairs.len() > LABELS_MAX {
        return Err(Reason::Labels { found: pairs.len() });
    }
    let found = pairs.iter().map(|(name, value)| name.len() + value.len()).sum();
    if found > LABELS_BYTES_MAX {
        return Err(Reason::LabelBytes { found });
    }
    let mut labels = BTreeMap::new();
    for (name, value) in pairs {
        if labels.contains_key(&*name) {
            return Err(Reason::LabelTwice(quote(&name)));
        }
        labels.insert(name.into_owned(), value.into_owned());
    }
    Ok(labels)
}

/// As many annotations as there is room for, in the order of their names, the last one cut.
fn annotations(Pairs(mut pairs): Pairs<'_>) -> BTreeMap<String, String> {
    pairs.sort_unstable();
    let mut room = ANNOTATIONS_BYTES_MAX;
    let mut kept = BTreeMap::new();
    for (name, value) in pairs {
        let Some(left) = room.checked_sub(name.len()).filter(|left| *left > 0) else { continue };
        let value = if value.len() <= left { value.into_owned() } else { cut(&value, left) };
        // What marks a cut may take a little more than there was.
        room = left.saturating_sub(value.len());
        kept.insert(name.into_owned(), value);
    }
    kept
}
