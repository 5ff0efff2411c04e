//! The model of a backend: its fields, what each may hold, and since which version it exists.
//!
//! The fields are data, from the definitions of 2024-05-01 and of the versions after it. What no
//! table names is not checked: it is kept as it was sent.

pub(crate) mod check;

use crate::{
    backend::{POOL_MEMBERS_MAX, Properties, SHARE_MAX},
    version::{ApiVersion, EVER, FAILURE_RESPONSES, POOLS, REGIONS},
};
use serde_json::Value;
use std::ops::RangeInclusive;

/// A field of an object.
#[derive(Debug)]
pub(crate) struct Field {
    name: &'static str,
    kind: Kind,
    since: ApiVersion,
    /// Who needs it, where it must be there.
    needed: Option<&'static str>,
}

/// What a field may hold. Null is as good as absent everywhere.
#[derive(Debug)]
enum Kind {
    /// A string of so many characters.
    Text {
        least: usize,
        most: usize,
    },
    /// A string of any length.
    Word,
    /// One of these strings, in whatever case.
    Choice(&'static [&'static str]),
    /// The name of a circuit breaker rule.
    RuleName,
    /// The id of a pool's member.
    MemberId,
    Flag,
    Integer {
        least: i64,
        most: i64,
    },
    /// An integer without other bounds than its bits.
    Integer32,
    Duration,
    List {
        least: usize,
        most: usize,
        of: &'static Kind,
    },
    /// Any names, each with this.
    Map(&'static Kind),
    Object(&'static [Field]),
    Anything,
}

const UNBOUNDED: usize = usize::MAX;
const CERTIFICATES_MAX: usize = 32;
/// Of `statusCodeRanges` and of `errorReasons`.
const CONDITIONS_MAX: usize = 10;
/// What the specification allows; the service takes one ([`check`]).
const RULES_MAX: usize = 15;

const WORDS: Kind = Kind::List { least: 0, most: UNBOUNDED, of: &Kind::Word };

const fn field(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, since: EVER, needed: None }
}

const fn required(name: &'static str, kind: Kind, because: &'static str) -> Field {
    Field { name, kind, since: EVER, needed: Some(because) }
}

const fn since(version: ApiVersion, name: &'static str, kind: Kind) -> Field {
    Field { name, kind, since: version, needed: None }
}

const fn text(most: usize) -> Kind {
    Kind::Text { least: 1, most }
}

/// `properties` of a backend.
const BACKEND: &[Field] = &[
    field("title", text(300)),
    field("description", text(2_000)),
    field("url", text(2_000)),
    field("protocol", Kind::Choice(&["http", "soap"])),
    field("resourceId", text(2_000)),
    field("credentials", Kind::Object(CREDENTIALS)),
    field("proxy", Kind::Object(PROXY)),
    field("tls", Kind::Object(TLS)),
    field("properties", Kind::Object(&[field("serviceFabricCluster", Kind::Object(CLUSTER))])),
    since(POOLS, "circuitBreaker", Kind::Object(BREAKER)),
    since(POOLS, "pool", Kind::Object(POOL)),
    since(POOLS, "type", Kind::Choice(&["Single", "Pool"])),
    since(REGIONS, "azureRegion", Kind::Word),
];

const CREDENTIALS: &[Field] = &[
    field("authorization", Kind::Object(AUTHORIZATION)),
    field("certificate", Kind::List { least: 0, most: CERTIFICATES_MAX, of: &Kind::Word }),
    field("certificateIds", Kind::List { least: 0, most: CERTIFICATES_MAX, of: &Kind::Word }),
    field("header", Kind::Map(&WORDS)),
    field("query", Kind::Map(&WORDS)),
    // Not in a specification, but the service has it (public issues).
    field("managedIdentity", Kind::Anything),
];

const BOTH: &str = "an authorization needs its scheme and its parameter";

const AUTHORIZATION: &[Field] =
    &[required("scheme", text(100), BOTH), required("parameter", text(300), BOTH)];

const PROXY: &[Field] = &[
    required("url", text(2_000), "a proxy needs it"),
    field("username", Kind::Word),
    field("password", Kind::Word),
];

const TLS: &[Field] = &[
    field("validateCertificateChain", Kind::Flag),
    field("validateCertificateName", Kind::Flag),
    since(REGIONS, "serverCertificateThumbprints", WORDS),
    since(REGIONS, "serverX509Names", X509_NAMES),
];

const X509_NAMES: Kind = Kind::List { least: 0, most: UNBOUNDED, of: &Kind::Object(X509_NAME) };

const X509_NAME: &[Field] =
    &[field("name", Kind::Word), field("issuerCertificateThumbprint", Kind::Word)];

const CLUSTER: &[Field] = &[
    required("managementEndpoints", WORDS, "a cluster is managed somewhere"),
    field("clientCertificateId", Kind::Word),
    field("clientCertificateThumbprint", Kind::Word),
    field("maxPartitionResolutionRetries", Kind::Integer32),
    field("serverCertificateThumbprints", WORDS),
    field("serverX509Names", X509_NAMES),
];

const BREAKER: &[Field] =
    &[field("rules", Kind::List { least: 0, most: RULES_MAX, of: &Kind::Object(RULE) })];

const RULE: &[Field] = &[
    field("name", Kind::RuleName),
    required("failureCondition", Kind::Object(CONDITION), "a rule needs one"),
    field("tripDuration", Kind::Duration),
    field("acceptRetryAfter", Kind::Flag),
    since(FAILURE_RESPONSES, "failureResponse", Kind::Object(FAILURE_RESPONSE)),
];

const CONDITION: &[Field] = &[
    field("count", Kind::Integer { least: 1, most: 10_000 }),
    field("percentage", Kind::Integer { least: 1, most: 100 }),
    field("interval", Kind::Duration),
    field(
        "statusCodeRanges",
        Kind::List { least: 0, most: CONDITIONS_MAX, of: &Kind::Object(STATUS_RANGE) },
    ),
    field(
        "errorReasons",
        Kind::List { least: 0, most: CONDITIONS_MAX, of: &Kind::Text { least: 0, most: 200 } },
    ),
];

/// The statuses that a range may be of.
const STATUSES: RangeInclusive<i64> = 200..=599;
const STATUS: Kind = Kind::Integer { least: *STATUSES.start(), most: *STATUSES.end() };

const STATUS_RANGE: &[Field] = &[field("min", STATUS), field("max", STATUS)];

const FAILURE_RESPONSE: &[Field] = &[field("statusCode", Kind::Integer { least: 100, most: 599 })];

const POOL: &[Field] = &[
    required(
        "services",
        Kind::List { least: 1, most: POOL_MEMBERS_MAX, of: &Kind::Object(POOL_ITEM) },
        "a pool has at least one",
    ),
    since(FAILURE_RESPONSES, "failureResponse", Kind::Object(FAILURE_RESPONSE)),
    since(FAILURE_RESPONSES, "sessionAffinity", Kind::Anything),
];

const POOL_ITEM: &[Field] = &[
    required("id", Kind::MemberId, "a member is named by it"),
    field("weight", Kind::Integer { least: 0, most: SHARE_MAX }),
    field("priority", Kind::Integer { least: 0, most: SHARE_MAX }),
    since(REGIONS, "preferredCarbonEmission", Kind::Word),
];

/// Takes out of a body what `version` does not have.
pub(crate) fn hide(body: &mut Value, version: ApiVersion) {
    if let Some(properties) = body.get_mut("properties").and_then(Value::as_object_mut) {
        strip(properties, &|since| since > version);
    }
}

/// Takes out of `properties` what exists only since versions that `newer` says yes to; gives the
/// paths of what was there.
pub(crate) fn strip(
    properties: &mut Properties,
    newer: &impl Fn(ApiVersion) -> bool,
) -> Vec<String> {
    let mut stripped = Vec::new();
    strip_fields(properties, BACKEND, newer, "", &mut stripped);
    stripped
}

fn strip_fields(
    object: &mut Properties,
    fields: &[Field],
    newer: &impl Fn(ApiVersion) -> bool,
    path: &str,
    stripped: &mut Vec<String>,
) {
    for Field { name, kind, since, .. } in fields {
        let path = under(path, name);
        if newer(*since) {
            // A null is the same as an absent field.
            if object.shift_remove(*name).is_some_and(|value| !value.is_null()) {
                stripped.push(path);
            }
        } else if let Some(value) = object.get_mut(*name) {
            strip_value(value, kind, newer, &path, stripped);
        }
    }
}

fn strip_value(
    value: &mut Value,
    kind: &Kind,
    newer: &impl Fn(ApiVersion) -> bool,
    path: &str,
    stripped: &mut Vec<String>,
) {
    if let (Kind::Object(fields), Value::Object(object)) = (kind, &mut *value) {
        strip_fields(object, fields, newer, path, stripped);
    } else if let (Kind::List { of, .. }, Value::Array(items)) = (kind, value) {
        for (index, item) in items.iter_mut().enumerate() {
            strip_value(item, of, newer, &format!("{path}[{index}]"), stripped);
        }
    }
}

fn under(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_newer_is_taken_out() {
        let check = |version: &str, want: &[&str], left: Value| {
            let mut properties = json!({
                "url": "http://a", "x-unknown": 1,
                "circuitBreaker": {"rules": [{"name": "r", "failureResponse": {}}]},
                "tls": {"validateCertificateName": true, "serverX509Names": []},
            });
            let version = ApiVersion::named(version).unwrap();
            let object = properties.as_object_mut().unwrap();
            assert_eq!(strip(object, &|since| since > version), want, "{version}");
            assert_eq!(properties, left, "{version}");
        };
        let tls = json!({"validateCertificateName": true});
        check(
            "2022-08-01",
            &["tls.serverX509Names", "circuitBreaker"],
            json!({"url": "http://a", "x-unknown": 1, "tls": tls}),
        );
        check(
            "2024-05-01",
            &["tls.serverX509Names", "circuitBreaker.rules[0].failureResponse"],
            json!({"url": "http://a", "x-unknown": 1, "tls": tls,
                   "circuitBreaker": {"rules": [{"name": "r"}]}}),
        );
        check(
            "2025-03-01-preview",
            &[],
            json!({"url": "http://a", "x-unknown": 1,
                   "circuitBreaker": {"rules": [{"name": "r", "failureResponse": {}}]},
                   "tls": {"validateCertificateName": true, "serverX509Names": []}}),
        );
    }
}
