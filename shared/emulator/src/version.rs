//! The versions of the API by name, and what each of them has.
//!
//! Only versions are known whose backends look alike: before 2021-08-01 a PATCH answered 204
//! without a body and a List had no count (recorded), which is not needed here.

use std::fmt;

/// One version of the API. Its name begins with its date, so that names sort by age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ApiVersion(&'static str);

/// The first version with pools and circuit breakers. 2022-08-01 has neither (specification); a
/// public issue shows a breaker in this one.
pub(crate) const POOLS: ApiVersion = ApiVersion("2023-05-01-preview");
/// The first version with backends in workspaces. 2022-08-01 has none (specification), 2024-05-01
/// has; that it is this preview between them is assumed.
pub(crate) const WORKSPACES: ApiVersion = ApiVersion("2023-09-01-preview");
/// The first version whose page shows errors with nested details.
pub(crate) const NESTED_DETAILS: ApiVersion = ApiVersion("2024-05-01");
/// `failureResponse` and `sessionAffinity` (specification).
pub(crate) const FAILURE_RESPONSES: ApiVersion = ApiVersion("2024-10-01-preview");
/// `azureRegion`, and the server's certificates under `tls` (specification).
pub(crate) const REGIONS: ApiVersion = ApiVersion("2025-03-01-preview");
/// The newest that is known.
pub(crate) const LATEST: ApiVersion = ApiVersion("2026-03-01-preview");
/// What every version has.
pub(crate) const EVER: ApiVersion = ApiVersion("");

const KNOWN: [ApiVersion; 13] = [
    ApiVersion("2021-08-01"),
    ApiVersion("2021-12-01-preview"),
    ApiVersion("2022-04-01-preview"),
    ApiVersion("2022-08-01"),
    ApiVersion("2022-09-01-preview"),
    ApiVersion("2023-03-01-preview"),
    POOLS,
    WORKSPACES,
    NESTED_DETAILS,
    ApiVersion("2024-06-01-preview"),
    FAILURE_RESPONSES,
    REGIONS,
    LATEST,
];

impl ApiVersion {
    /// The known version of this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        KNOWN.into_iter().find(|known| known.0.eq_ignore_ascii_case(name))
    }

    /// The names of all known versions, as the service lists them.
    pub(crate) fn names() -> String {
        KNOWN.map(|known| known.0).join(",")
    }
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_by_age() {
        assert!(KNOWN.is_sorted());
        assert!(KNOWN.iter().all(|known| EVER < *known && *known <= LATEST));
        assert_eq!(
            ApiVersion::named("2024-06-01-PREVIEW").unwrap().to_string(),
            "2024-06-01-preview"
        );
        assert_eq!(ApiVersion::named("2024-06-01"), None);
    }
}
