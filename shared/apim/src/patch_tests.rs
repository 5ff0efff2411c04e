use expect_test::{Expect, expect};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::backend::Backend;
use crate::testing::{backend, pool};

fn single() -> Backend {
    backend(
        r#"{"name":"eu","properties":{"url":"https://a","protocol":"http","title":"eu",
            "tls":{"validateCertificateChain":true,"later":1.50},"proxy":{"url":"http://p","password":"hush"},
            "circuitBreaker":{"rules":[{"name":"errors","failureResponse":{"statusCode":503},"tripDuration":"PT60S",
                "failureCondition":{"count":5,"interval":"PT1M","statusCodeRanges":[{"min":500,"max":599}]}}]}}}"#,
    )
}

/// What is wrong with a backend after a patch of these properties, and was not wrong before.
fn check(on: &Backend, properties: &Value, expected: &Expect) {
    let patch = Patch::parse(json!({"properties": properties}).to_string()).unwrap();
    let found = patch.check_on(on.document());
    expected.assert_eq(&found.err().map_or("nothing".to_owned(), |problems| problems.to_string()));
}

#[test]
fn what_a_patch_makes_wrong_is_told() {
    let on = single();
    check(
        &on,
        &json!({"title": null, "tls": {"validateCertificateName": false}}),
        &expect!["nothing"],
    );
    check(
        &on,
        &json!({"proxy": {"url": null}}),
        &expect!["properties.proxy.url is missing: a proxy needs it"],
    );
    check(&on, &json!({"url": null}), &expect!["properties.url is missing: a Single needs it"]);
    check(
        &pool(r#"[{"id":"a"}]"#),
        &json!({"url": "https://a"}),
        &expect!["properties.url is given: Url is not supported for backend pool."],
    );
    // What was wrong before is not held against a change of something else.
    let odd = backend(r#"{"properties":{"url":"https://a","resourceId":""}}"#);
    check(&odd, &json!({"title": "t"}), &expect!["nothing"]);
}

#[test]
fn a_person_s_patch_is_within_the_bounds() {
    let parse = |body: &str| match Patch::parse(body.to_owned()) {
        Ok(patch) => format!("{patch:?}"),
        Err(error) => error.to_string(),
    };
    expect![[r#"Patch({"properties":{"credentials":{"header":{"k":["***"]}},"later":{},"proxy":{"password":"***"}}})"#]].assert_eq(&parse(
        r#"{"properties":{"credentials":{"header":{"k":["hush"]}},"later":{ },"proxy":{"password":"hush"}}}"#,
    ));
    expect!["properties.pool.services[0].weight is 101: it must be 0 to 100"]
        .assert_eq(&parse(r#"{"properties":{"pool":{"services":[{"id":"eu","weight":101}]}}}"#));
    expect!["properties.title has 301 characters: it must have 1 to 300; properties.url is 7: it must be a string"]
        .assert_eq(&parse(&json!({"properties":{"title":"x".repeat(301),"url":7}}).to_string()));
    expect!["properties is in it twice, and readers differ on which one counts"]
        .assert_eq(&parse(r#"{"properties":{},"properties":{}}"#));
    let patch = Patch::parse(r#"{"properties":{"protocol":null}}"#).unwrap();
    expect!["properties.protocol is missing: a Single needs it"]
        .assert_eq(&patch.check_on(single().document()).unwrap_err().to_string());
    assert!(patch.check_on(pool(r#"[{"id":"a"}]"#).document()).is_ok());
}

/// The examples of RFC 7386, appendix A.
#[test]
fn merging_is_as_the_rfc_has_it() {
    for (target, patch, merged) in [
        (json!({"a":"b"}), json!({"a":"c"}), json!({"a":"c"})),
        (json!({"a":"b"}), json!({"b":"c"}), json!({"a":"b","b":"c"})),
        (json!({"a":"b"}), json!({"a":null}), json!({})),
        (json!({"a":"b","b":"c"}), json!({"a":null}), json!({"b":"c"})),
        (json!({"a":["b"]}), json!({"a":"c"}), json!({"a":"c"})),
        (json!({"a":"c"}), json!({"a":["b"]}), json!({"a":["b"]})),
        (json!({"a":{"b":"c"}}), json!({"a":{"b":"d","c":null}}), json!({"a":{"b":"d"}})),
        (json!({"a":[{"b":"c"}]}), json!({"a":[1]}), json!({"a":[1]})),
        (json!(["a", "b"]), json!(["c", "d"]), json!(["c", "d"])),
        (json!({"a":"b"}), json!(["c"]), json!(["c"])),
        (json!({"a":"foo"}), json!(null), json!(null)),
        (json!({"a":"foo"}), json!("bar"), json!("bar")),
        (json!({"e":null}), json!({"a":1}), json!({"e":null,"a":1})),
        (json!([1, 2]), json!({"a":"b","c":null}), json!({"a":"b"})),
        (json!({}), json!({"a":{"bb":{"ccc":null}}}), json!({"a":{"bb":{}}})),
    ] {
        let mut is = target.clone();
        merge(&mut is, &patch);
        assert_eq!(is, merged, "{target} {patch}");
    }
}

proptest! {
    #[test]
    fn a_merge_changes_only_what_was_set(
        sets in proptest::collection::btree_map(
            proptest::sample::select(vec![
                "/title", "/description", "/url", "/resourceId", "/proxy/url", "/proxy/username",
            ]),
            proptest::option::of("[a-z]{1,9}"),
            0..4,
        ),
    ) {
        let on = single();
        let mut properties = json!({});
        for (path, to) in &sets {
            match path.rsplit_once('/').unwrap() {
                ("", key) => properties[key] = json!(to),
                (_, key) => properties["proxy"][key] = json!(to),
            }
        }
        let patch = Patch::parse(json!({"properties": properties}).to_string()).unwrap();
        let blank = |value: &Value| {
            let mut value = value.clone();
            for path in sets.keys() {
                let (parent, key) = path.rsplit_once('/').unwrap();
                let parent = value.pointer_mut(&format!("/properties{parent}"));
                parent.and_then(Value::as_object_mut).map(|fields| fields.shift_remove(key));
            }
            value
        };
        prop_assert_eq!(blank(&patch.applied_to(on.document())), blank(on.raw()));
    }
}
