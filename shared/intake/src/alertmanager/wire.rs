//! The form of Alertmanager's webhook, version "4", as far as it is read.
//!
//! Everything borrows from the body: of an alert that is dropped, or is there twice, nothing is
//! copied. Of an alert, no more is asked for than must be there: relays pass on what they like. Fields that are not here are ignored, which newer Alertmanagers count on (0.34 added
//! `notification_reason` and `routeLabels`).

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::batch::{ALERTS_MAX, Unreadable};

/// What can be done about bodies that are too large.
pub(super) const SMALLER: &str = "set `max_alerts` on the receiver";

/// The body: a group of alerts. Its `status` is not read: it says "firing" while any alert does.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", expecting = "an object")]
pub(super) struct Group<'a> {
    #[serde(borrow)]
    pub(super) version: Option<&'a RawValue>,
    /// None where the field is missing; `null` is an empty list, as Go may write it.
    #[serde(borrow, default, deserialize_with = "present")]
    alerts: Option<&'a RawValue>,
    #[serde(borrow)]
    truncated_alerts: Option<&'a RawValue>,
}

impl<'a> Group<'a> {
    /// The alerts, each still as it came, so that one that cannot be read costs no other.
    pub(super) fn alerts(&self) -> Result<Vec<&'a RawValue>, Unreadable> {
        let wrong = |what: &str| Unreadable(format!("the body has {what}"));
        let raw = self.alerts.ok_or_else(|| wrong("no `alerts`"))?;
        let alerts: Option<Vec<&RawValue>> =
            serde_json::from_str(raw.get()).map_err(|_| wrong("`alerts` that are not a list"))?;
        let alerts = alerts.unwrap_or_default();
        if alerts.len() > ALERTS_MAX {
            return Err(wrong(&format!("more than {ALERTS_MAX} alerts; {SMALLER}")));
        }
        Ok(alerts)
    }

    /// How many alerts were left out. It is only a count: anything that is not a number counts as 0, and
    /// costs no alert.
    pub(super) fn truncated(&self) -> u64 {
        // What is negative or too large stops at the bounds.
        self.truncated_alerts.and_then(|raw| raw.get().parse::<f64>().ok()).unwrap_or(0.0) as u64
    }
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    Deserialize::deserialize(deserializer).map(Some)
}

/// Only what says which kind of body it is, for when the rest cannot be read.
#[derive(Deserialize)]
pub(super) struct Versioned<'a> {
    #[serde(borrow)]
    pub(super) version: Option<&'a RawValue>,
}

/// One alert of the group. What each value is, is looked at by itself: see [`text`].
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", expecting = "an object")]
pub(super) struct Alert<'a> {
    /// `firing` or `resolved`.
    #[serde(borrow)]
    pub(super) status: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) labels: Pairs<'a>,
    #[serde(borrow)]
    annotations: Option<&'a RawValue>,
    /// RFC 3339.
    #[serde(borrow)]
    pub(super) starts_at: Option<&'a RawValue>,
    /// RFC 3339; the year 1 while it fires.
    #[serde(borrow)]
    pub(super) ends_at: Option<&'a RawValue>,
    /// 16 hexadecimal digits over the labels; not sent before 0.19.
    #[serde(borrow)]
    pub(super) fingerprint: Option<&'a RawValue>,
}

impl<'a> Alert<'a> {
    /// What describes it, as far as it can be read.
    pub(super) fn annotations(&self) -> Vec<(Cow<'a, str>, Cow<'a, str>)> {
        let pairs: Pairs<'a> = self
            .annotations
            .and_then(|raw| serde_json::from_str(raw.get()).ok())
            .unwrap_or_default();
        let readable = |(name, value)| Some((name, text(value)?));
        pairs.0.into_iter().filter_map(readable).collect()
    }
}

/// A value's text: a string's own, a number's or a truth value's as it is written; none where it is
/// a list, an object or null.
///
/// A string may hold half of a surrogate pair, where a relay cut it in the middle of a character. No
/// text has that, and `\u{fffd}` stands for it: the rest still says what it says.
pub(super) fn text(value: &RawValue) -> Option<Cow<'_, str>> {
    let raw = value.get();
    match raw.as_bytes() {
        [b'"', inner @ .., b'"'] if !inner.contains(&b'\\') => {
            Some(Cow::Borrowed(&raw[1..raw.len() - 1]))
        }
        [b'"', ..] => serde_json::from_str(raw).ok().map(|Halves(text)| Cow::Owned(text)),
        [b'{' | b'[', ..] | b"null" => None,
        _ => Some(Cow::Borrowed(raw)),
    }
}

/// A string in which half of a surrogate pair is read as `\u{fffd}`.
struct Halves(String);

impl<'de> Deserialize<'de> for Halves {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;

        impl Visitor<'_> for Bytes {
            type Value = Halves;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            /// Asked for bytes, serde_json gives such a half as the three bytes that it would have
            /// in UTF-8, if that had any: 237 and two more, none of which is valid.
            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Halves, E> {
                let mut text = String::with_capacity(bytes.len());
                for chunk in bytes.utf8_chunks() {
                    text.push_str(chunk.valid());
                    if chunk.invalid().first() == Some(&0xed) {
                        text.push('\u{fffd}');
                    }
                }
                Ok(Halves(text))
            }
        }

        deserializer.deserialize_bytes(Bytes)
    }
}

/// Labels or annotations, in the order they came.
#[derive(Default)]
pub(super) struct Pairs<'a>(pub(super) Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Pairs<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Map;

        impl<'de> Visitor<'de> for Map {
            type Value = Pairs<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of texts")
            }

            /// Go writes an empty map that was never made as `null`.
            fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
                Ok(Pairs::default())
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::with_capacity(8);
                while let Some((name, value)) = map.next_entry::<&RawValue, &RawValue>()? {
                    if let Some(name) = text(name) {
                        pairs.push((name, value));
                    }
                }
                Ok(Pairs(pairs))
            }
        }

        deserializer.deserialize_any(Map)
    }
}
