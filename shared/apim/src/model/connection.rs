//! How the gateway reaches a backend: `properties.protocol`, `proxy` and `tls`.

use super::part::{At, Part, Reader, put};
use super::scalar::{ProxyUrl, quoted};
use crate::raw::Object;
use crate::secret::Secret;

/// A proxy between the gateway and a backend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    /// Its address.
    pub url: ProxyUrl,
    /// As whom it is used.
    pub username: Option<String>,
    /// With what.
    pub password: Option<Secret>,
}

impl Part for Proxy {
    fn read(at: &At<'_>, reader: &mut Reader) -> Option<Self> {
        let fields = at.object(reader)?;
        let url = fields.required(reader, "url", "a proxy needs it");
        let username = fields.optional(reader, "username");
        let password = fields.optional(reader, "password");
        Some(Self { url: url?, username, password })
    }

    fn over(&self, existing: Option<&str>) -> String {
        let mut object = Object::of(existing);
        put(&mut object, "url", Some(&self.url));
        put(&mut object, "username", self.username.as_ref());
        put(&mut object, "password", self.password.as_ref());
        object.into_text()
    }
}

/// What is checked of a backend's certificate. The service's defaults are true.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tls {
    /// Whether its chain is.
    pub validate_certificate_chain: Option<bool>,
    /// Whether its name is.
    pub validate_certificate_name: Option<bool>,
}

impl Part for Tls {
    fn read(at: &At<'_>, reader: &mut Reader) -> Option<Self> {
        let fields = at.object(reader)?;
        Some(Self {
            validate_certificate_chain: fields.optional(reader, "validateCertificateChain"),
            validate_certificate_name: fields.optional(reader, "validateCertificateName"),
        })
    }

    fn over(&self, existing: Option<&str>) -> String {
        let mut object = Object::of(existing);
        put(&mut object, "validateCertificateChain", self.validate_certificate_chain.as_ref());
        put(&mut object, "validateCertificateName", self.validate_certificate_name.as_ref());
        object.into_text()
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
    fn read(at: &At<'_>, reader: &mut Reader) -> Option<Self> {
        let text = at.text(reader)?;
        let known = [Self::Http, Self::Soap];
        let found = known.into_iter().find(|known| text.eq_ignore_ascii_case(known.as_str()));
        found.or_else(|| at.wrong(reader, "http or soap"))
    }
    fn over(&self, _: Option<&str>) -> String {
        quoted(self.as_str())
    }
}
