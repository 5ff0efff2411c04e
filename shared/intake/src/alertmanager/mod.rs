//! The webhook of Prometheus Alertmanager, version "4".
//!
//! Facts that shape this module, from prometheus/alertmanager (`template.Data`,
//! `notify/webhook`), 0.19 to 0.34:
//!
//! - A body is a group. Its `status` is "firing" while any of its alerts does, so that only each
//!   alert's own status counts.
//! - With `max_alerts` a group is cut off, and `truncatedAlerts` says by how much. An alert can
//!   then arrive as resolved that never arrived as firing; that is an end like any other.
//! - `endsAt` is the year 1 while an alert fires, and is not read then. Relays also send it so, or
//!   before `startsAt`, for one that has ended.
//! - The sender repeats: the whole group at every `repeat_interval` and after every answer that
//!   is not a 2xx; each of a pair of Alertmanagers may send it; and a pair of Prometheuses gives
//!   one alert two different starts. Within a minute, the first is one
//!   [`content_id`](crate::content_id); the rest is for the series to merge.
//! - A refire is the same fingerprint with a later start.
//!
//! Decided here:
//!
//! - `fingerprint` names the series. Where it is missing (before 0.19, or a `payload` of one's
//!   own) it is computed from the labels as Alertmanager does, so that it names the same series.
//! - A severity is read from the label `severity`. An alert without one, or with an unknown
//!   word, is a warning: heard by a play that asks for `>= warning`, and outranking
//!   nothing that says how bad it is. The label stays as it came, for conditions that know it.
//! - A resolved alert has ended, whatever its `endsAt` says: it is passed on where it is a time, and
//!   which end counts is the core's to decide.
//! - Labels identify an alert: one whose labels are beyond [`LABELS_MAX`] or [`LABELS_BYTES_MAX`], or
//!   hold a list or an object, is unusable. A number or a truth value is its text, null is a label
//!   that is not there, and half of a surrogate pair is `\u{fffd}`.
//! - Annotations only describe it: those beyond [`ANNOTATIONS_BYTES_MAX`] are cut, and those that
//!   cannot be read are left out.

mod fingerprint;
mod wire;

use std::{borrow::Cow, collections::BTreeMap};

use http::request::Parts;
use jiff::{SignedDuration, Timestamp};
use pointsman_core::{
    names::SourceName,
    signal::{Heard, SeriesId, Signal},
    text::{NotUtf8, utf8},
};
use serde_json::value::RawValue;

use self::wire::{Alert, Group, Pairs, SMALLER, Versioned, text};
use crate::{
    batch::{
        AHEAD_HOURS_MAX, ANNOTATIONS_BYTES_MAX, BODY_BYTES_MAX, Batch, LABELS_BYTES_MAX,
        LABELS_MAX, Unreadable, Unusable,
    },
    content::{Encoding, Unpacking},
    severity,
    source::{Reader, Refused, Source, Told},
    text::{cut, quote},
    verify::Authentication,
};

/// The one version of the webhook that there is, since Alertmanager 0.5; a text, in JSON.
const VERSION: &str = "\"4\"";

/// What is said of a body that is not JSON.
const WANTED: &str = "Alertmanager sends an object, as in {\"version\": \"4\", \"alerts\": [{\"status\": \"firing\", …}]}";

/// An Alertmanager, or a pair of them.
#[derive(Debug)]
pub struct Alertmanager {
    name: SourceName,
    authentication: Authentication,
}

impl Alertmanager {
    /// The source of this name, whose sender proves itself so.
    #[must_use]
    pub const fn new(name: SourceName, authentication: Authentication) -> Self {
        Self { name, authentication }
    }
}

impl Source for Alertmanager {
    fn name(&self) -> &SourceName {
        &self.name
    }

    /// It does not sign its bytes: all of the proof is in the head.
    fn accept(&self, head: &Parts) -> Result<Reader<'_>, Refused> {
        self.authentication.verify(&head.headers)?;
        let encoding = Encoding::of(&head.headers)?;
        Ok(Box::new(move |body, received| {
            let unpacked = match encoding.unpacked(body) {
                Ok(unpacked) => unpacked,
                Err(Unpacking::TooLarge) => return Err(Refused::TooLarge),
                Err(Unpacking::Broken(why)) => return Ok(Told::unreadable(body, why)),
            };
            let batch = read(&self.name, &unpacked, received);
            Ok(batch.map_or_else(|why| Told::unreadable(&unpacked, why), Told::Alerts))
        }))
    }

    fn smaller(&self) -> &'static str {
        SMALLER
    }

    fn whole(&self) -> &'static str {
        "raise `max_alerts` on the receiver"
    }
}

/// Reads a body that `source` sent and that was received at `received`.
///
/// # Errors
/// When nothing can be made of the body as a whole: it is too big, it is not JSON, or it is not
/// this webhook. An alert that cannot be used is [`Unusable`] in the batch instead.
pub fn read(source: &SourceName, body: &[u8], received: Timestamp) -> Result<Batch, Unreadable> {
    if body.len() > BODY_BYTES_MAX {
        let bytes = body.len();
        return Err(Unreadable(format!(
            "the body has {bytes} bytes, more than {BODY_BYTES_MAX}; {SMALLER}"
        )));
    }
    let text = utf8(body).map_err(|error| not_text(body, error))?;
    let group = group(text)?;
    let alerts = group.alerts()?;
    let mut signals = Vec::with_capacity(alerts.len());
    let mut unusable = Vec::new();
    for raw in alerts {
        match signal(source, raw.get(), received) {
            Ok(signal) => signals.push(signal),
            Err(reason) => unusable.push(Unusable::new(raw.get(), reason)),
        }
    }
    Ok(Batch::new(signals, unusable, group.truncated()))
}

fn group(text: &str) -> Result<Group<'_>, Unreadable> {
    // Serde would take the fields of a struct from a list, too, one by one.
    if text.trim_start().starts_with('[') {
        return Err(Unreadable("the body is a list, not a group of alerts".to_owned()));
    }
    let group: Group<'_> = match serde_json::from_str(text) {
        Ok(group) => group,
        Err(error) => {
            // Another kind of body explains an unexpected form better than the form does.
            if let Ok(Versioned { version }) = serde_json::from_str(text) {
                check_version(version.map(RawValue::get))?;
            }
            return Err(Unreadable::json(&error, text, WANTED));
        }
    };
    check_version(group.version.map(RawValue::get))?;
    Ok(group)
}

/// `raw` is the version's JSON.
fn check_version(raw: Option<&str>) -> Result<(), Unreadable> {
    let found = match raw {
        Some(VERSION) => return Ok(()),
        Some(raw) => format!("is of version {}", quote(raw)),
        None => "names no version".to_owned(),
    };
    Err(Unreadable(format!(
        "the body {found}, and Alertmanager's webhook is of version {VERSION}; is the sender \
         something else, such as Grafana, or has the receiver a `payload` of its own?"
    )))
}

fn not_text(body: &[u8], error: NotUtf8) -> Unreadable {
    let NotUtf8::At(at) = error else { return Unreadable(format!("the body: {error}")) };
    let before = &body[..at];
    let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    Unreadable::at(line, at - start + 1, &error.to_string())
}

/// The signal of an alert, or why it cannot be used.
fn signal(source: &SourceName, raw: &str, received: Timestamp) -> Result<Signal, String> {
    let no_alert = |found: &str| format!("it does not have the form of an alert: {found}");
    if raw.starts_with('[') {
        return Err(no_alert("a list"));
    }
    let alert: Alert<'_> =
        serde_json::from_str(raw).map_err(|error| no_alert(&quote(&error.to_string())))?;
    let heard = match &*said(alert.status) {
        "firing" => Heard::Fired,
        "resolved" => Heard::Resolved { stated: time(&said(alert.ends_at)) },
        "" => {
            let why = "its status is missing or empty: it must be `firing` or `resolved`";
            return Err(why.to_owned());
        }
        status => {
            return Err(format!("its status is `{}`, neither firing nor resolved", quote(status)));
        }
    };
    let started = started(&said(alert.starts_at), received)?;
    let annotations = annotations(alert.annotations());
    let labels = labels(alert.labels)?;
    let sent = said(alert.fingerprint);
    let fingerprint = if !sent.is_empty() {
        sent
    } else if labels.is_empty() {
        return Err("it has neither a fingerprint nor labels to know it again by".to_owned());
    } else {
        Cow::Owned(fingerprint::of(&labels))
    };
    Ok(Signal {
        series: SeriesId::new(source.clone(), &fingerprint)
            .map_err(|error| format!("its fingerprint cannot be used: {error}"))?,
        started,
        heard,
        severity: severity::read(labels.get("severity").map(String::as_str)),
        labels,
        annotations,
        received,
    })
}

/// What a value says: nothing if it is missing, and its JSON if it is not a text.
fn said(value: Option<&RawValue>) -> Cow<'_, str> {
    value.map_or(Cow::Borrowed(""), |value| text(value).unwrap_or(Cow::Borrowed(value.get())))
}

/// Go's zero time: not set.
fn is_unset(text: &str) -> bool {
    text.is_empty() || text.starts_with("0001-01-01T00:00:00")
}

/// The time that a text states, if it does.
fn time(text: &str) -> Option<Timestamp> {
    if is_unset(text) { None } else { text.parse().ok() }
}

fn started(text: &str, received: Timestamp) -> Result<Timestamp, String> {
    if is_unset(text) {
        return Err(
            "its startsAt is not set: it must be a time such as 2026-01-31T12:00:00Z".to_owned()
        );
    }
    let Some(at) = time(text) else {
        let text = quote(text);
        return Err(format!("its startsAt `{text}` is not a time such as 2026-01-31T12:00:00Z"));
    };
    if at.duration_since(received) > SignedDuration::from_hours(AHEAD_HOURS_MAX) {
        return Err(format!(
            "its startsAt {at} is more than {AHEAD_HOURS_MAX} h ahead of the time it was received"
        ));
    }
    Ok(at)
}

fn labels(Pairs(pairs): Pairs<'_>) -> Result<BTreeMap<String, String>, String> {
    if pairs.len() > LABELS_MAX {
        return Err(format!("it has {} labels, more than {LABELS_MAX}", pairs.len()));
    }
    let mut found = 0;
    let mut labels = BTreeMap::new();
    for (name, value) in pairs {
        if value.get() == "null" {
            continue;
        }
        let no_text =
            || format!("its label `{}` is a list or an object, and no text", quote(&name));
        let value = text(value).ok_or_else(no_text)?;
        found += name.len() + value.len();
        if labels.contains_key(&*name) {
            return Err(format!("its label `{}` is there twice", quote(&name)));
        }
        labels.insert(name.into_owned(), value.into_owned());
    }
    if found > LABELS_BYTES_MAX {
        return Err(format!("its labels have {found} bytes, more than {LABELS_BYTES_MAX}"));
    }
    Ok(labels)
}

/// As many annotations as there is room for, in the order of their names, the last one cut.
fn annotations(mut pairs: Vec<(Cow<'_, str>, Cow<'_, str>)>) -> BTreeMap<String, String> {
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
