//! Fields of later versions, which a replacement by an older version would lose.
//!
//! Later versions have fields that 2024-05-01 does not know: `failureResponse`, `sessionAffinity`,
//! `azureRegion` and more. Whether the service shows them to an older version is not published.
//! Where it does, they survive here like everything unknown. Where it does not, a client that reads
//! by the older version, changes something and replaces the whole takes them away unseen, and no
//! ETag shows it, because nobody wrote in between. So a replacement can be preceded by one more
//! look, by the newest version that is known ([`request()`]), and [`lost`] names what would go.
//!
//! An Update loses nothing of the kind but in arrays, which it replaces whole.
//!
//! Races considered: a write between the two looks shows as too many fields, so that too much is
//! named rather than too little; the replacement itself is then refused for its ETag.

use crate::diff::{self, Change};
use crate::document::Document;
use crate::endpoint::Endpoint;
use crate::id::BackendId;
use crate::meta::RequestId;
use crate::request::{self, Asked};
use crate::version::ApiVersion;

/// The arrays of which an Update may change a part, and so sends the whole: the members of a pool, and
/// the rules of a breaker. Each with where in the body what it belongs to stands.
const ARRAYS: [(&str, &str); 2] =
    [("properties.pool.", "services["), ("properties.circuitBreaker.", "rules[")];

/// Get, by the newest version that is known. It is answered like any Get.
pub fn request(endpoint: &Endpoint, id: &BackendId, call: RequestId) -> Asked {
    request::get(&endpoint.at_version(ApiVersion::NEWEST), id, call)
}

/// The paths of what is there by the newest version, was not seen by the older one, and is not in
/// what shall be written: `properties.pool.services[eu].preferredCarbonEmission`. What was seen
/// and left out is not among them, for that was meant.
pub fn lost(seen: &Document, newest: &Document, written: &Document) -> Vec<String> {
    let unwritten = missing(written, newest);
    missing(seen, newest).into_iter().filter(|path| unwritten.contains(path)).collect()
}

/// The paths of what members of a pool, or rules of a breaker, have that only the newest version shows:
/// `services[eu].preferredCarbonEmission`, `rules[r].failureResponse`. An Update that changes one of them
/// sends all of them as they were seen, and so loses it.
pub fn hidden_in_arrays(seen: &Document, newest: &Document) -> Vec<String> {
    let hidden = missing(seen, newest);
    let of_an_item = |path: &String| {
        ARRAYS.iter().find_map(|(holder, array)| {
            let path = path.strip_prefix(holder)?;
            path.starts_with(array).then(|| path.to_owned())
        })
    };
    hidden.iter().filter_map(of_an_item).collect()
}

/// The paths of what is there by the newest version, and is not in another document.
fn missing(from: &Document, newest: &Document) -> Vec<String> {
    let added = |line: diff::Line| match line.change {
        Change::Added(_) => Some(line.path),
        Change::Removed(_) | Change::Changed { .. } | Change::Reordered => None,
    };
    diff::between(from.raw(), newest.raw()).into_iter().filter_map(added).collect()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::testing::{backend_id, call};

    /// What is lost, by the properties of the three documents.
    fn check(seen: &str, newest: &str, written: &str, expected: &Expect) {
        let [seen, newest, written] = [seen, newest, written].map(|properties| {
            Document::parse(format!(r#"{{"properties":{{{properties}}}}}"#)).unwrap()
        });
        expected.assert_eq(&lost(&seen, &newest, &written).join("\n"));
    }

    #[test]
    fn what_was_hidden_and_is_not_written_is_lost() {
        let rule = r#""name":"r","tripDuration":"PT1M""#;
        let single = |rule: &str, more: &str| {
            format!(
                r#""url":"u","protocol":"http","circuitBreaker":{{"rules":[{{{rule}}}]}}{more}"#
            )
        };
        let shown = single(rule, "");
        let later = format!(r#"{rule},"failureResponse":{{"statusCode":418}}"#);
        let whole = single(&later, r#","azureRegion":"westeurope""#);
        check(
            &shown,
            &whole,
            &shown,
            &expect![[r#"
                properties.circuitBreaker.rules[r].failureResponse.statusCode
                properties.azureRegion"#]],
        );
        // Shown, and left out: that was meant.
        check(&whole, &whole, &shown, &expect![""]);
        // Hidden, and written all the same.
        check(&shown, &whole, &whole, &expect![""]);
        check(&shown, &whole, &single(&later, ""), &expect!["properties.azureRegion"]);
        check(&shown, &shown, r#""url":"other","protocol":"http""#, &expect![""]);
    }

    #[test]
    fn members_are_known_by_their_names_wherever_they_stand() {
        let pool = |members: &str| format!(r#""type":"Pool","pool":{{"services":[{members}]}}"#);
        check(
            &pool(r#"{"id":"/backends/eu","weight":1},{"id":"us"}"#),
            &pool(
                r#"{"id":"/backends/eu","weight":1,"preferredCarbonEmission":"Low"},{"id":"us"}"#,
            ),
            &pool(r#"{"id":"us"},{"id":"eu","weight":7}"#),
            &expect!["properties.pool.services[eu].preferredCarbonEmission"],
        );
    }

    #[test]
    fn an_update_loses_what_is_hidden_in_arrays_and_nothing_else() {
        let pool = |eu: &str, more: &str| {
            let text = format!(
                r#"{{"properties":{{"type":"Pool","pool":{{"services":[
                    {{"id":"/backends/eu","weight":1{eu}}},{{"id":"/backends/us"}}]}}{more}}}}}"#
            );
            Document::parse(text).unwrap()
        };
        let seen = pool("", "");
        let newest = pool(r#","preferredCarbonEmission":"Low""#, r#","azureRegion":"westeurope""#);
        let hidden = hidden_in_arrays(&seen, &newest);
        assert_eq!(hidden, ["services[eu].preferredCarbonEmission"]);
        assert!(hidden_in_arrays(&newest, &newest).is_empty());
        let single = |rule: &str| {
            let text = format!(
                r#"{{"properties":{{"circuitBreaker":{{"rules":[{{"name":"r"{rule}}}]}}}}}}"#
            );
            Document::parse(text).unwrap()
        };
        let newest = single(r#","failureResponse":{"a":1}"#);
        assert_eq!(hidden_in_arrays(&single(""), &newest), ["rules[r].failureResponse.a"]);
    }

    #[test]
    fn the_look_is_a_get_by_the_newest_version() {
        let endpoint = Endpoint::default().at_version(ApiVersion::RECONNECT);
        let request = request(&endpoint, &backend_id(), call()).unwrap();
        assert_eq!(request.method(), "GET");
        assert_eq!(request.uri().query(), Some("api-version=2026-03-01-preview"));
    }
}
