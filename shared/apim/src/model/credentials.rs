//! `properties.credentials`: what the gateway sends to a backend to authenticate. All of it is
//! secret.

use std::collections::BTreeMap;

use serde_json::Value;

use super::part::{At, Part, fields, object, values};
use super::scalar::{Parameter, Scheme};
use crate::secret::Secret;

/// The most certificates, by id or by thumbprint.
pub const CERTIFICATES_MAX: usize = 32;

/// What the gateway sends to a backend to authenticate.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Credentials {
    /// The `Authorization` header.
    pub authorization: Option<Authorization>,
    /// Thumbprints of client certificates, at most [`CERTIFICATES_MAX`]; ignored where there are
    /// ids.
    pub certificates: Option<Vec<Secret>>,
    /// Ids of client certificates, at most [`CERTIFICATES_MAX`].
    pub certificate_ids: Option<Vec<Secret>>,
    /// Headers, each with its values.
    pub header: Option<Values>,
    /// Parameters of the query, each with its values.
    pub query: Option<Values>,
}

/// An `Authorization` header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorization {
    /// Its scheme.
    pub scheme: Scheme,
    /// Its parameter.
    pub parameter: Parameter,
}

/// Names with their values.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Values(pub BTreeMap<String, Vec<Secret>>);

object! {
    Credentials {
        authorization: optional("authorization"),
        certificates: list("certificate", 0, CERTIFICATES_MAX),
        certificate_ids: list("certificateIds", 0, CERTIFICATES_MAX),
        header: optional("header"),
        query: optional("query"),
    }
}

/// Why an authorization needs both.
const BOTH: &str = "an authorization needs its scheme and its parameter";

object! {
    Authorization {
        scheme: required("scheme", BOTH),
        parameter: required("parameter", BOTH),
    }
}

impl Part for Values {
    fn read(at: &At<'_>) -> Option<Self> {
        let fields = at.object()?;
        let mut values = BTreeMap::new();
        for (name, at) in fields.all() {
            // In a patch, null takes the name out.
            if at.value().is_null() && !at.is_whole() {
                continue;
            }
            if let Some(list) = at.items(0, usize::MAX) {
                values.insert(name.clone(), list);
            }
        }
        Some(Self(values))
    }

    fn value(&self) -> Value {
        self.0.iter().map(|(name, list)| (name.as_str(), values(list))).collect()
    }
}
