use expect_test::{Expect, expect};

use super::*;
use crate::patch::merge;
use crate::testing::backend;

const RULE: &str =
    r#"{ "rules": [ {"name":"mine", "tripDuration" : "PT1M", "x":1.50} ], "more":2 }"#;

fn single(properties: &str) -> Backend {
    backend(format!(r#"{{"properties":{{{properties}}}}}"#))
}

fn check(properties: &str, set: &[(Property, Option<&str>)], expected: &Expect) {
    let before = single(properties);
    let mut edit = Edit::of(&before);
    set.iter().for_each(|(property, to)| edit.set(*property, *to));
    let said = match edit.finish() {
        Ok(Edited::Unchanged) => "unchanged".to_owned(),
        Err(error) => error.to_string(),
        Ok(Edited::Changed(patch)) => {
            let mut merged = before.raw().clone();
            merge(&mut merged, &serde_json::from_slice(patch.bytes()).unwrap());
            for (property, to) in set {
                let to = to.map(|text| serde_json::from_str::<Value>(text).unwrap());
                assert_eq!(at(&merged["properties"], *property), to.as_ref(), "{property:?}");
            }
            String::from_utf8(patch.bytes().to_vec()).unwrap()
        }
    };
    expected.assert_eq(&said);
}

#[test]
fn what_stands_there_is_read_to_the_letter_and_a_secret_is_not_read() {
    use Property::{CircuitBreaker, ProxyUrl, Title, Url, ValidateCertificateChain};
    let one = single(&format!(
        r#""url":"https://eu/a","title":null,"circuitBreaker":{RULE},"tls":{{"validateCertificateChain":false}},"proxy":{{"url":"http://user:word@proxy"}}"#
    ));
    assert_eq!(CircuitBreaker.of(&one), Stands::Text(RULE));
    assert_eq!(Url.of(&one), Stands::Text("\"https://eu/a\""));
    assert_eq!(Title.of(&one), Stands::Null);
    assert_eq!(ValidateCertificateChain.of(&one), Stands::Text("false"));
    assert_eq!(ProxyUrl.of(&one), Stands::Withheld);
    let other = single(r#""url":"https://eu/a?code=abc","tls":null"#);
    assert_eq!(Url.of(&other), Stands::Withheld);
    assert_eq!(ProxyUrl.of(&other), Stands::Withheld);
    assert_eq!(ValidateCertificateChain.of(&other), Stands::Absent);
    assert_eq!(CircuitBreaker.of(&other), Stands::Absent);
}

#[test]
fn a_patch_names_what_is_set_and_takes_out_what_is_to_go() {
    use Property::{CircuitBreaker, ProxyUrl, Title, Url, ValidateCertificateChain as Chain};
    let rule = r#"{"rules":[{"name":"r","failureCondition":{"count":3,"statusCodeRanges":[{"min":500,"max":599}]},"tripDuration":"PT1M"}]}"#;
    check(
        r#""url":"https://eu","protocol":"http""#,
        &[(CircuitBreaker, Some(rule)), (Url, Some("\"https://us\""))],
        &expect![[
            r#"{"properties":{"circuitBreaker":{"rules":[{"name":"r","failureCondition":{"count":3,"statusCodeRanges":[{"min":500,"max":599}]},"tripDuration":"PT1M"}]},"url":"https://us"}}"#
        ]],
    );
    let more = format!(r#""circuitBreaker":{}"#, RULE.replace("\"more\"", "\"other\""));
    check(
        &more,
        &[(CircuitBreaker, Some(rule))],
        &expect![[
            r#"{"properties":{"circuitBreaker":{"rules":[{"name":"r","failureCondition":{"count":3,"statusCodeRanges":[{"min":500,"max":599}]},"tripDuration":"PT1M"}],"other":null}}}"#
        ]],
    );
    check(
        &format!(r#""circuitBreaker":{RULE}"#),
        &[(CircuitBreaker, None)],
        &expect![[r#"{"properties":{"circuitBreaker":null}}"#]],
    );
    check(
        r#""tls":{"validateCertificateName":true,"new":1},"proxy":{"url":"http://a","username":"u"}"#,
        &[(Chain, Some("false")), (ProxyUrl, Some("\"http://b\""))],
        &expect![[
            r#"{"properties":{"proxy":{"url":"http://b"},"tls":{"validateCertificateChain":false}}}"#
        ]],
    );
    check(
        r#""tls":{"validateCertificateChain":false}"#,
        &[(Chain, None), (Title, Some("\"Twin\""))],
        &expect![[r#"{"properties":{"title":"Twin","tls":{"validateCertificateChain":null}}}"#]],
    );
    check(r#""title":"Twin""#, &[(Title, Some("\"Twin\""))], &expect!["unchanged"]);
}

#[test]
fn the_whole_keeps_the_letter_of_everything_else() {
    let before = single(&format!(
        r#""url":"https://eu","protocol":"http","credentials":{{"query":{{"code":["s"]}}}},"circuitBreaker":{RULE},"n": 1.50"#
    ));
    let mut edit = Edit::of(&before);
    edit.set(Property::CircuitBreaker, None);
    edit.set(Property::Title, Some("\"Twin\""));
    let whole = edit.whole().unwrap();
    expect![[r#"{"properties":{"url":"https://eu","protocol":"http","credentials":{"query":{"code":["s"]}},"n": 1.50,"title":"Twin"}}"#]]
        .assert_eq(whole.document().text());
}
