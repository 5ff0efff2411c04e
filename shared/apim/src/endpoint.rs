//! Where requests go: a base address and an api-version.
//!
//! Plain HTTP would show the bearer token, and the secrets that bodies hold, to everyone on the
//! way; so it is taken for a loopback host only, which is where an emulator lives.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use http::Uri;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

pub use crate::version::{ApiVersion, ApiVersionError};

/// The longest base address, in bytes.
pub const BASE_BYTES_MAX: usize = 500;

/// What is percent-encoded in a value: everything but RFC 3986's unreserved characters.
pub(crate) const VALUE: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// The same for an id, whose slashes divide it: no name has one in it.
const PATH: &AsciiSet = &VALUE.remove(b'/');

/// One of Azure's clouds: each has its own addresses, authority and audience.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Cloud {
    /// The public cloud.
    #[default]
    Public,
    /// Azure US Government.
    UsGovernment,
    /// Azure in China.
    China,
}

impl Cloud {
    /// The address of its resource manager.
    pub fn base(self) -> BaseUrl {
        let text = match self {
            Self::Public => "https://management.azure.com",
            Self::UsGovernment => "https://management.usgovcloudapi.net",
            Self::China => "https://management.chinacloudapi.cn",
        };
        BaseUrl { text: text.to_owned(), loopback: false }
    }

    /// What tokens for its resource manager are asked for.
    pub fn audience(self) -> &'static str {
        match self {
            Self::Public => "https://management.azure.com/.default",
            Self::UsGovernment => "https://management.core.usgovcloudapi.net/.default",
            Self::China => "https://management.chinacloudapi.cn/.default",
        }
    }
}

/// A base address, without a path: `https://management.azure.com`, or `http://127.0.0.1:8080`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl {
    text: String,
    loopback: bool,
}

/// Why a text is not a base address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BaseUrlError {
    /// It is not an address.
    #[error("it is not an address like https://management.azure.com")]
    NotAnAddress,
    /// It is longer than anything that is looked at.
    #[error("it is {0} bytes long, more than {BASE_BYTES_MAX}")]
    TooLong(usize),
    /// Its scheme is neither https nor http.
    #[error("its scheme is {0:?}; https is needed, or http to a loopback host")]
    Scheme(String),
    /// Plain HTTP to a host that is not this machine.
    #[error(
        "plain http to {0:?} would show the token to everyone on the way; \
         only localhost, 127.0.0.0/8 and [::1] may be spoken to without TLS"
    )]
    PlainHttp(String),
    /// It has a user, a path or a query.
    #[error("it has {0}, and must be scheme, host and port alone")]
    Extra(&'static str),
}

impl BaseUrl {
    /// The address, without a slash at its end.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether its host is this machine.
    pub fn is_loopback(&self) -> bool {
        self.loopback
    }

    /// Whether it is spoken to by TLS.
    pub fn is_secure(&self) -> bool {
        self.text.starts_with("https:")
    }
}

impl FromStr for BaseUrl {
    type Err = BaseUrlError;
    fn from_str(text: &str) -> Result<Self, BaseUrlError> {
        if text.len() > BASE_BYTES_MAX {
            return Err(BaseUrlError::TooLong(text.len()));
        }
        let uri: Uri = text.parse().map_err(|_| BaseUrlError::NotAnAddress)?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(BaseUrlError::NotAnAddress);
        };
        if authority.as_str().contains('@') {
            return Err(BaseUrlError::Extra("a user"));
        }
        if uri.query().is_some() {
            return Err(BaseUrlError::Extra("a query"));
        }
        if uri.path() != "/" {
            return Err(BaseUrlError::Extra("a path"));
        }
        let host = authority.host();
        if host.is_empty() {
            return Err(BaseUrlError::NotAnAddress);
        }
        let loopback = is_loopback(host);
        match scheme {
            "http" if !loopback => Err(BaseUrlError::PlainHttp(host.to_owned())),
            "https" | "http" => Ok(Self { text: format!("{scheme}://{authority}"), loopback }),
            other => Err(BaseUrlError::Scheme(other.to_owned())),
        }
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    match bare.parse::<IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => bare.eq_ignore_ascii_case("localhost"),
    }
}

/// Where requests go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    base: BaseUrl,
    version: ApiVersion,
}

impl Endpoint {
    /// The endpoint of that address and version.
    pub fn new(base: BaseUrl, version: ApiVersion) -> Self {
        Self { base, version }
    }

    /// The base address.
    pub fn base(&self) -> &BaseUrl {
        &self.base
    }

    /// The version of the API.
    pub fn version(&self) -> &ApiVersion {
        &self.version
    }

    /// The same address, asked for another version.
    pub fn at_version(&self, version: ApiVersion) -> Self {
        Self { base: self.base.clone(), version }
    }

    /// The address of a request for what has that ARM id, and what follows the id in it.
    pub(crate) fn url(&self, id: &impl fmt::Display, tail: &str) -> String {
        let Self { base, version } = self;
        let id = id.to_string();
        format!("{base}{}{tail}?api-version={version}", utf8_percent_encode(&id, PATH))
    }
}

impl Default for Endpoint {
    /// Azure's public cloud.
    fn default() -> Self {
        Self::new(Cloud::Public.base(), ApiVersion::default())
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(text: &str, expected: &Expect) {
        let shown = match text.parse::<BaseUrl>() {
            Ok(base) => format!("{base} loopback {}", base.is_loopback()),
            Err(error) => error.to_string(),
        };
        expected.assert_eq(&shown);
    }

    #[test]
    fn bases() {
        check(
            "https://management.azure.com",
            &expect!["https://management.azure.com loopback false"],
        );
        check(
            "https://management.azure.com/",
            &expect!["https://management.azure.com loopback false"],
        );
        check("http://127.0.0.1:8080", &expect!["http://127.0.0.1:8080 loopback true"]);
        check("http://127.9.9.9:1", &expect!["http://127.9.9.9:1 loopback true"]);
        check("http://[::1]:8080/", &expect!["http://[::1]:8080 loopback true"]);
        check("http://LOCALHOST:1", &expect!["http://LOCALHOST:1 loopback true"]);
        check(
            "http://10.0.0.1",
            &expect![[
                r#"plain http to "10.0.0.1" would show the token to everyone on the way; only localhost, 127.0.0.0/8 and [::1] may be spoken to without TLS"#
            ]],
        );
        check(
            "http://localhost.example.com",
            &expect![[
                r#"plain http to "localhost.example.com" would show the token to everyone on the way; only localhost, 127.0.0.0/8 and [::1] may be spoken to without TLS"#
            ]],
        );
        check(
            "ftp://127.0.0.1",
            &expect![[r#"its scheme is "ftp"; https is needed, or http to a loopback host"#]],
        );
        check("https://a/b", &expect!["it has a path, and must be scheme, host and port alone"]);
        check("https://a?b", &expect!["it has a query, and must be scheme, host and port alone"]);
        check(
            "https://me:pw@a",
            &expect!["it has a user, and must be scheme, host and port alone"],
        );
        check(
            "management.azure.com",
            &expect!["it is not an address like https://management.azure.com"],
        );
        check("", &expect!["it is not an address like https://management.azure.com"]);
    }

    #[test]
    fn what_is_built_in_is_what_its_text_says() {
        for cloud in [Cloud::Public, Cloud::UsGovernment, Cloud::China] {
            assert_eq!(cloud.base().as_str().parse::<BaseUrl>().unwrap(), cloud.base());
        }
    }
}
