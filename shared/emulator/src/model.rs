//! The model of a backend: its fields, what each may hold, and since which version it exists.
//!
//! The fields are data, from the definitions of 2024-05-01 and of the versions after it. What no
//! table names is not checked: it is kept as it was sent.

pub(crate) mod check;

use crate::{
    backend::{POOL_MEMBERS_MAX, Properties, SHARE_MAX},
    duration, name,
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
    Text { least: usize, most: usize },
    /// A string that passes this, and what it must be.
    Like(fn(&str) -> bool, &'static str),
    /// Anything else that passes this, and what it must be.
    Is(fn(&Value) -> bool, &'static str),
    /// An integer within these bounds.
    Integer { least: i64, most: i64 },
    /// An array of so many items, each of which holds this.
    List { least: usize, most: usize, of: &'static Kind },
    /// Any names, each with this.
    Map(&'static Kind),
    /// An object with these fields.
    Object(&'static [Field]),
}

const ANYTHING: Kind = Kind::Is(|_| true, "anything");
const FLAG: Kind = Kind::Is(Value::is_boolean, "true or false");
/// An integer without other bounds than its bits.
const INTEGER_32: Kind = Kind::Is(
    |value| value.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
    "an integer of 32 bits",
);
/// A string of any length.
const WORD: Kind = Kind::Like(|_| true, "a string");
const DURATION: Kind =
    Kind::Like(|text| duration::parsed(text).is_some(), "an ISO 8601 duration like PT1M or P1D");
/// `^[a-zA-Z0-9]([a-zA-Z0-9-]{0,78}[a-zA-Z0-9])?$`, another client's check of a rule's name.
const RULE_NAME: Kind = Kind::Like(
    |name| {
        (1..=80).contains(&name.len())
            && name.chars().all(|c| c == '-' || c.is_ascii_alphanumeric())
            && !name.starts_with('-')
            && !name.ends_with('-')
    },
    "1 to 80 letters, digits and hyphens, beginning and ending with a letter or a digit",
);
/// A whole ARM id, `/backends/x` or `x`: what it ends in is what counts (assumed).
const MEMBER_ID: Kind = Kind::Like(
    |id| id.rsplit('/').next().is_some_and(|name| name::backend(name).is_ok()),
    "an id that ends in the name of a backend",
);
/// One of two strings, in whatever case.
const PROTOCOL: Kind =
    Kind::Like(|text| ["http", "soap"].contains(&&*text.to_ascii_lowercase()), "http or soap");
const TYPE: Kind =
    Kind::Like(|text| ["single", "pool"].contains(&&*text.to_ascii_lowercase()), "Single or Pool");

const UNBOUNDED: usize = usize::MAX;
const CERTIFICATES_MAX: usize = 32;
/// Of `statusCodeRanges` and of `errorReasons`.
const CONDITIONS_MAX: usize = 10;
/// What the specification allows; the service takes one ([`check`]).
const RULES_MAX: usize = 15;

const WORDS: Kind = list(0, UNBOUNDED, &WORD);

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

const fn list(least: usize, most: usize, of: &'static Kind) -> Kind {
    Kind::List { least, most, of }
}

/// `properties` of a backend.
const BACKEND: &[Field] = &[
    field("title", text(300)),
    field("description", text(2_000)),
    field("url", text(2_000)),
    field("protocol", PROTOCOL),
    field("resourceId", text(2_000)),
    field("credentials", Kind::Object(CREDENTIALS)),
    field("proxy", Kind::Object(PROXY)),
    field("tls", Kind::Object(TLS)),
    field("properties", Kind::Object(&[field("serviceFabricCluster", Kind::Object(CLUSTER))])),
    since(POOLS, "circuitBreaker", Kind::Object(BREAKER)),
    since(POOLS, "pool", Kind::Object(POOL)),
    since(POOLS, "type", TYPE),
    since(REGIONS, "azureRegion", WORD),
];

const CREDENTIALS: &[Field] = &[
    field("authorization", Kind::Object(AUTHORIZATION)),
    field("certificate", list(0, CERTIFICATES_MAX, &WORD)),
    field("certificateIds", list(0, CERTIFICATES_MAX, &WORD)),
    field("header", Kind::Map(&WORDS)),
    field("query", Kind::Map(&WORDS)),
    // Not in a specification, but the service has it (public issues).
    field("managedIdentity", ANYTHING),
];

const BOTH: &str = "an authorization needs its scheme and its parameter";

const AUTHORIZATION: &[Field] =
    &[required("scheme", text(100), BOTH), required("parameter", text(300), BOTH)];

const PROXY: &[Field] = &[
    required("url", text(2_000), "a proxy needs it"),
    field("username", WORD),
    field("password", WORD),
];

const TLS: &[Field] = &[
    field("validateCertificateChain", FLAG),
    field("validateCertificateName", FLAG),
    since(REGIONS, "serverCertificateThumbprints", WORDS),
    since(REGIONS, "serverX509Names", X509_NAMES),
];

const X509_NAMES: Kind = list(0, UNBOUNDED, &Kind::Object(X509_NAME));

const X509_NAME: &[Field] = &[field("name", WORD), field("issuerCertificateThumbprint", WORD)];

const CLUSTER: &[Field] = &[
    required("managementEndpoints", WORDS, "a cluster is managed somewhere"),
    field("clientCertificateId", WORD),
    field("clientCertificateThumbprint", WORD),
    field("maxPartitionResolutionRetries", INTEGER_32),
    field("serverCertificateThumbprints", WORDS),
    field("serverX509Names", X509_NAMES),
];

const BREAKER: &[Field] = &[field("rules", list(0, RULES_MAX, &Kind::Object(RULE)))];

const RULE: &[Field] = &[
    field("name", RULE_NAME),
    required("failureCondition", Kind::Object(CONDITION), "a rule needs one"),
    field("tripDuration", DURATION),
    field("acceptRetryAfter", FLAG),
    since(FAILURE_RESPONSES, "failureResponse", Kind::Object(FAILURE_RESPONSE)),
];

const CONDITION: &[Field] = &[
    field("count", Kind::Integer { least: 1, most: 10_000 }),
    field("percentage", Kind::Integer { least: 1, most: 100 }),
    field("interval", DURATION),
    field("statusCodeRanges", list(0, CONDITIONS_MAX, &Kind::Object(STATUS_RANGE))),
    field("errorReasons", list(0, CONDITIONS_MAX, &Kind::Text { least: 0, most: 200 })),
];

/// The statuses that a range may be of.
const STATUSES: RangeInclusive<i64> = 200..=599;
const STATUS: Kind = Kind::Integer { least: *STATUSES.start(), most: *STATUSES.end() };

const STATUS_RANGE: &[Field] = &[field("min", STATUS), field("max", STATUS)];

const FAILURE_RESPONSE: &[Field] = &[field("statusCode", Kind::Integer { least: 100, most: 599 })];

const POOL: &[Field] = &[
    required(
        "services",
        list(1, POOL_MEMBERS_MAX, &Kind::Object(POOL_ITEM)),
        "a pool has at least one",
    ),
    since(FAILURE_RESPONSES, "failureResponse", Kind::Object(FAILURE_RESPONSE)),
    since(FAILURE_RESPONSES, "sessionAffinity", ANYTHING),
];

const POOL_ITEM: &[Field] = &[
    required("id", MEMBER_ID, "a member is named by it"),
    field("weight", Kind::Integer { least: 0, most: SHARE_MAX }),
    field("priority", Kind::Integer { least: 0, most: SHARE_MAX }),
    since(REGIONS, "preferredCarbonEmission", WORD),
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
