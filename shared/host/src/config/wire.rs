//! The file as it is written, each value with where it stands.

use std::{fmt, net::SocketAddr, path::PathBuf};

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_saphyr::Spanned;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct File {
    pub(super) listen: Option<Spanned<String>>,
    pub(super) store: Option<PathBuf>,
    pub(super) playbook: Option<PathBuf>,
    #[serde(default)]
    pub(super) azure: Azure,
    #[serde(default)]
    pub(super) sources: Vec<Spanned<Source>>,
}

pub(super) const LISTEN: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 7433);
pub(super) const STORE: &str = "pointsman.db";

/// Its part `azure`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Azure {
    #[serde(default)]
    pub(super) cloud: Cloud,
    pub(super) endpoint: Option<Spanned<String>>,
    pub(super) api_version: Option<Spanned<String>>,
    pub(super) reconnect_api_version: Option<Spanned<String>>,
    pub(super) paced: Option<bool>,
    pub(super) inspected: Option<bool>,
    pub(super) credential: Option<Spanned<Credential>>,
    pub(super) client_id: Option<Spanned<String>>,
    pub(super) token: Option<Spanned<Places>>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Cloud {
    #[default]
    Public,
    UsGovernment,
    China,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Credential {
    #[default]
    Auto,
    ManagedIdentity,
    WorkloadIdentity,
    Environment,
    AzureCli,
    Token,
}

/// One of its `sources`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Source {
    pub(super) name: Spanned<String>,
    pub(super) kind: Kind,
    pub(super) path: Option<Spanned<String>>,
    pub(super) bearer: Option<Spanned<Places>>,
    pub(super) basic: Option<Spanned<Basic>>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Kind {
    Alertmanager,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Basic {
    pub(super) user: String,
    pub(super) passwords: Spanned<Places>,
}

/// Where some secrets are: one place, or a list of them.
#[derive(Clone, Debug)]
pub(super) struct Places(pub(super) Vec<Place>);

/// Where a secret is.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// In a variable of the environment.
    Env(String),
    /// In a file; a line end after it does not count.
    File(PathBuf),
    /// Not a place. What stands there may be the secret itself: it is dropped where it is read, so
    /// that no error can show it.
    Not,
}

struct PlaceVisitor;

impl<'de> Visitor<'de> for PlaceVisitor {
    type Value = Place;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{env: NAME} or {file: PATH}")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Place, A::Error> {
        let mut place = None;
        while let Some(key) = map.next_key::<String>()? {
            let next = match key.as_str() {
                "env" => Place::Env(map.next_value()?),
                "file" => Place::File(map.next_value()?),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    Place::Not
                }
            };
            place = Some(if place.is_none() { next } else { Place::Not });
        }
        Ok(place.unwrap_or(Place::Not))
    }

    fn visit_str<E>(self, _: &str) -> Result<Place, E> {
        Ok(Place::Not)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Place, E> {
        Ok(Place::Not)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Place, E> {
        Ok(Place::Not)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Place, E> {
        Ok(Place::Not)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Place, E> {
        Ok(Place::Not)
    }

    fn visit_unit<E>(self) -> Result<Place, E> {
        Ok(Place::Not)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Place, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Place::Not)
    }
}

impl<'de> Deserialize<'de> for Place {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PlaceVisitor)
    }
}

struct PlacesVisitor;

impl<'de> Visitor<'de> for PlacesVisitor {
    type Value = Places;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{env: NAME}, {file: PATH}, or a list of those")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Places, A::Error> {
        PlaceVisitor.visit_map(map).map(|place| Places(vec![place]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Places, A::Error> {
        let mut places = Vec::new();
        while let Some(place) = list.next_element()? {
            places.push(place);
        }
        Ok(Places(places))
    }

    fn visit_str<E>(self, _: &str) -> Result<Places, E> {
        Ok(Places(vec![Place::Not]))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Places, E> {
        Ok(Places(vec![Place::Not]))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Places, E> {
        Ok(Places(vec![Place::Not]))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Places, E> {
        Ok(Places(vec![Place::Not]))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Places, E> {
        Ok(Places(vec![Place::Not]))
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Places, E> {
        Err(E::custom("no place is named"))
    }
}

impl<'de> Deserialize<'de> for Places {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // An error about a value that is not a place must not quote it.
        deserializer
            .deserialize_any(PlacesVisitor)
            .map_err(|_| D::Error::custom("this does not say where a secret is"))
    }
}
