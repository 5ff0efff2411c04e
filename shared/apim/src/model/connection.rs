//! How the gateway reaches a backend: `properties.protocol`, `proxy` and `tls`.

use serde_json::Value;

use super::part::{At, Part, fields, object};
use super::scalar::ProxyUrl;
use crate::secret::Secret;

/// A proxy between the gateway and a backend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    /// Its address.
    pub url: ProxyUrl,
    /// The user that it is used as.
    pub username: Option<String>,
    /// The password of that user.
    pub password: Option<Secret>,
}

object! {
    Proxy {
        url: required("url", "a proxy needs it"),
        username: optional("username"),
        password: optional("password"),
    }
}

/// What is checked of a backend's certificate. The service's defaults are true.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tls {
    /// Whether its chain is checked.
    pub validate_certificate_chain: Option<bool>,
    /// Whether its name is checked.
    pub validate_certificate_name: Option<bool>,
}

object! {
    Tls {
        validate_certificate_chain: optional("validateCertificateChain"),
        validate_certificate_name: optional("validateCertificateName"),
    }
}

/// How the gateway speaks to a backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// A RESTful service.
    Http,
    /// A SOAP service.
    Soap,
}

impl Protocol {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Soap => "soap",
        }
    }
}

impl Part for Protocol {
    fn read(at: &At<'_>) -> Option<Self> {
        let text = at.text()?;
        let known = [Self::Http, Self::Soap];
        let found = known.into_iter().find(|known| text.eq_ignore_ascii_case(known.as_str()));
        found.or_else(|| at.wrong("http or soap"))
    }
    fn value(&self) -> Value {
        self.as_str().into()
    }
}
