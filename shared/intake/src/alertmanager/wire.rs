//! The form of Alertmanager's webhook, version "4", as far as it is read.
//!
//! Everything borrows from the body: of an alert that is dropped, or is there twice, nothing is
//! copied. Fields that are not here are ignored, which newer Alertmanagers count on (0.34 added
//! `notification_reason` and `routeLabels`).

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::{ALERTS_MAX, Unreadable};

/// The body: a group of alerts. Its `status` is not read: it says "firing" while any alert does.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", expecting = "an object")]
pub(super) struct Group<'a> {
    #[serde(borrow)]
    pub(super) version: Option<&'a RawValue>,
    /// None where the field is missing; `null` is an empty list, as Go may write it.
    #[serde(borrow, default, deserialize_with = "present")]
    pub(super) alerts: Option<Alerts<'a>>,
    #[serde(default)]
    pub(super) truncated_alerts: u64,
}

fn present<'de: 'a, 'a, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Alerts<'a>>, D::Error> {
    Alerts::deserialize(deserializer).map(Some)
}

/// Only what says which kind of body it is, for when the rest cannot be read.
#[derive(Deserialize)]
pub(super) struct Kind<'a> {
    #[serde(borrow)]
    pub(super) version: Option<&'a RawValue>,
}

/// The alerts, each still as it came, so that one that cannot be read costs no other.
#[derive(Default)]
pub(super) struct Alerts<'a>(pub(super) Vec<&'a RawValue>);

impl<'de: 'a, 'a> Deserialize<'de> for Alerts<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Seq;

        impl<'de> Visitor<'de> for Seq {
            type Value = Alerts<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of alerts")
            }

            fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
                Ok(Alerts::default())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut alerts = Vec::new();
                while alerts.len() < ALERTS_MAX {
                    match seq.next_element()? {
                        Some(alert) => alerts.push(alert),
                        None => return Ok(Alerts(alerts)),
                    }
                }
                match seq.next_element::<IgnoredAny>()? {
                    None => Ok(Alerts(alerts)),
                    Some(IgnoredAny) => Err(A::Error::custom(Unreadable::too_many_alerts())),
                }
            }
        }

        deserializer.deserialize_any(Seq)
    }
}

/// One alert of the group.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", expecting = "an object")]
pub(super) struct Alert<'a> {
    /// `firing` or `resolved`.
    #[serde(borrow, default)]
    pub(super) status: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) labels: Pairs<'a>,
    #[serde(borrow, default)]
    pub(super) annotations: Pairs<'a>,
    /// RFC 3339.
    #[serde(borrow, default)]
    pub(super) starts_at: Cow<'a, str>,
    /// RFC 3339; the year 1 while it fires.
    #[serde(borrow, default)]
    pub(super) ends_at: Cow<'a, str>,
    /// 16 hexadecimal digits over the labels; not sent before 0.19.
    #[serde(borrow, default)]
    pub(super) fingerprint: Cow<'a, str>,
}

/// Labels or annotations, in the order they came.
#[derive(Default)]
pub(super) struct Pairs<'a>(pub(super) Vec<(Cow<'a, str>, Cow<'a, str>)>);

/// A text that borrows where it can: by itself, `Cow` never does inside of a collection.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

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
                while let Some((Text(name), Text(value))) = map.next_entry()? {
                    pairs.push((name, value));
                }
                Ok(Pairs(pairs))
            }
        }

        deserializer.deserialize_any(Map)
    }
}
