//! Versions of the API, and what each of them has.
//!
//! The model is that of 2024-05-01. How an older version treats a path or a field that it does
//! not know is not published, and a 404 for a path would read as "there is no such backend". So
//! what a version is known not to have is refused here, in words, before anything is sent.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use crate::text::as_text;

/// The last published version that is known to lack what [`Feature`] names. Of the versions
/// between it and [`ApiVersion::DEFAULT`] nothing is published; they are left to answer.
const LACKING: &str = "2022-08-01";

/// A version of the API: a date, with `-preview` or without.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiVersion(Cow<'static, str>);

impl ApiVersion {
    /// The version that is asked for where nothing else is said.
    pub const DEFAULT: Self = Self(Cow::Borrowed("2024-05-01"));
    /// The version of the Reconnect page.
    pub const RECONNECT: Self = Self(Cow::Borrowed("2022-08-01"));
    /// The newest version that is known, which shows what others may hide.
    pub const NEWEST: Self = Self(Cow::Borrowed("2026-03-01-preview"));

    /// Refuses what this version is known not to have.
    pub fn offers(&self, feature: Feature) -> Result<(), NotOffered> {
        // Dates of one form sort as their texts do; a preview belongs to its date.
        if self.0[..LACKING.len()] > *LACKING {
            Ok(())
        } else {
            Err(NotOffered { version: self.clone(), feature })
        }
    }
}

impl Default for ApiVersion {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// A text is not a version of the API.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an api-version: it must read YYYY-MM-DD or YYYY-MM-DD-preview")]
pub struct ApiVersionError(String);

impl FromStr for ApiVersion {
    type Err = ApiVersionError;
    fn from_str(text: &str) -> Result<Self, ApiVersionError> {
        let date = text.strip_suffix("-preview").unwrap_or(text);
        // A lenient parser would take `20240501` too, which Azure does not.
        if date.len() == 10 && date.parse::<jiff::civil::Date>().is_ok() {
            Ok(Self(text.to_owned().into()))
        } else {
            Err(ApiVersionError(text.chars().take(80).collect()))
        }
    }
}

as_text!(ApiVersion);

/// What came after 2022-08-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Feature {
    /// Backends in workspaces.
    Workspaces,
    /// Pools of backends: `properties.pool`, and `properties.type`.
    Pools,
    /// Circuit breakers: `properties.circuitBreaker`.
    CircuitBreakers,
}

impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Workspaces => "backends in workspaces",
            Self::Pools => "pools",
            Self::CircuitBreakers => "circuit breakers",
        })
    }
}

/// A version does not have what was asked of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("api-version {version} has no {feature}: ask for {} or a later one", ApiVersion::DEFAULT)]
pub struct NotOffered {
    /// The version that was asked for.
    pub version: ApiVersion,
    /// What it does not have.
    pub feature: Feature,
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn versions_are_dates() {
        for good in ["2022-08-01", "2025-03-01-preview"] {
            assert_eq!(good.parse::<ApiVersion>().unwrap().as_str(), good);
        }
        for bad in ["", "2024-05", "20240501", "2024-13-01", "2024-05-01&x=y", "2024-05-01-beta"] {
            assert!(bad.parse::<ApiVersion>().is_err(), "{bad}");
        }
        for known in [ApiVersion::DEFAULT, ApiVersion::RECONNECT, ApiVersion::NEWEST] {
            assert_eq!(known.as_str().parse::<ApiVersion>().unwrap(), known);
        }
    }

    #[test]
    fn what_a_version_does_not_have_is_refused_in_words() {
        let all = [Feature::Workspaces, Feature::Pools, Feature::CircuitBreakers];
        for (version, offered) in [
            ("2021-08-01", false),
            ("2022-08-01", false),
            ("2022-08-01-preview", false),
            ("2023-05-01-preview", true),
            ("2024-05-01", true),
            ("2026-03-01-preview", true),
        ] {
            let version: ApiVersion = version.parse().unwrap();
            for feature in all {
                assert_eq!(version.offers(feature).is_ok(), offered, "{version} {feature}");
            }
        }
        let words = all
            .map(|feature| ApiVersion::RECONNECT.offers(feature).unwrap_err().to_string() + "\n");
        expect![[r#"
            api-version 2022-08-01 has no backends in workspaces: ask for 2024-05-01 or a later one
            api-version 2022-08-01 has no pools: ask for 2024-05-01 or a later one
            api-version 2022-08-01 has no circuit breakers: ask for 2024-05-01 or a later one
        "#]]
        .assert_eq(&words.concat());
    }
}
