use expect_test::{Expect, expect};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::backend::Backend;
use crate::model::breaker::Breaker;
use crate::testing::{backend, pool};

fn single() -> Backend {
    backend(
        r#"{"name":"eu","properties":{"url":"https://a","protocol":"http","title":"eu",
            "tls":{"validateCertificateChain":true,"later":1.50},"proxy":{"url":"http://p","password":"hush"},
            "circuitBreaker":{"rules":[{"name":"errors","failureResponse":{"statusCode":503},"tripDuration":"PT60S",
                "failureCondition":{"count":5,"interval":"PT1M","statusCodeRanges":[{"min":500,"max":599}]}}]}}}"#,
    )
}

fn shown(finished: Result<Edited, Problems>) -> String {
    match finished {
        Ok(Edited::Changed(patch)) => String::from_utf8(patch.bytes().to_vec()).unwrap(),
        Ok(Edited::Unchanged) => "unchanged".to_owned(),
        Err(problems) => problems.to_string(),
    }
}

fn check(on: &Backend, fields: &[(&str, Value)], expected: &Expect) {
    let mut merge = Merge::of(on.document());
    let mut told = String::new();
    for (field, to) in fields {
        let set = field.parse().map_err(|error: FieldError| error.to_string());
        let set = set.and_then(|field| {
            merge.set(field, to).map(|_| ()).map_err(|problem| problem.to_string())
        });
        if let Err(error) = set {
            told.push_str(&format!("{error}\n"));
        }
    }
    expected.assert_eq(&format!("{told}{}", shown(merge.finish())));
}

#[test]
fn allow_listed_fields_are_set() {
    let on = single();
    check(&on, &[], &expect!["unchanged"]);
    check(&on, &[("title", json!("Europe"))], &expect![[r#"{"properties":{"title":"Europe"}}"#]]);
    check(
        &on,
        &[
            ("tls.validateCertificateName", json!(false)),
            ("properties.tls.validateCertificateChain", json!(false)),
            ("proxy.url", json!("http://q")),
            ("description", json!("the first")),
        ],
        &expect![[
            r#"{"properties":{"tls":{"validateCertificateName":false,"validateCertificateChain":false},"proxy":{"url":"http://q"},"description":"the first"}}"#
        ]],
    );
    check(
        &on,
        &[("title", Value::Null), ("tls.validateCertificateChain", Value::Null)],
        &expect![[r#"{"properties":{"title":null,"tls":{"validateCertificateChain":null}}}"#]],
    );
    // What is already so is no change, and what is not there need not be taken out.
    check(
        &on,
        &[("title", json!("eu")), ("description", Value::Null), ("url", json!("https://a"))],
        &expect!["unchanged"],
    );
}

#[test]
fn what_may_not_be_set_is_told() {
    let on = single();
    check(
        &on,
        &[("proxy.password", json!("p"))],
        &expect![[r#"
        "proxy.password" is not a field that may be set: it must be one of title, description, url, protocol, resourceId, tls.validateCertificateChain, tls.validateCertificateName, proxy.url
        unchanged"#]],
    );
    check(
        &on,
        &[("title", json!("x".repeat(301))), ("url", json!(7))],
        &expect![[r#"
        properties.title has 301 characters: it must have 1 to 300
        properties.url is 7: it must be a string
        unchanged"#]],
    );
    check(
        &on,
        &[("proxy.url", Value::Null)],
        &expect!["properties.proxy.url is missing: a proxy needs it"],
    );
    check(&on, &[("url", Value::Null)], &expect!["properties.url is missing: a Single needs it"]);
    check(
        &pool(r#"[{"id":"a"}]"#),
        &[("url", json!("https://a"))],
        &expect!["properties.url is given: Url is not supported for backend pool."],
    );
    // What was wrong before is not held against a change of something else.
    let odd = backend(r#"{"properties":{"url":"https://a","resourceId":""}}"#);
    check(&odd, &[("title", json!("t"))], &expect![[r#"{"properties":{"title":"t"}}"#]]);
}

#[test]
fn a_breaker_is_set_over_the_one_that_is_there() {
    let on = single();
    let properties = model::read(on.document()).unwrap();
    let model::Shape::Single { breaker: Some(mut breaker), .. } = properties.shape else {
        panic!()
    };
    let merged = |breaker: Option<&Breaker>| {
        let mut merge = Merge::of(on.document());
        merge.breaker(breaker);
        shown(merge.finish())
    };
    assert_eq!(merged(Some(&breaker)), "unchanged");
    breaker.rules[0].condition.threshold = model::breaker::Threshold::Count(3.try_into().unwrap());
    expect![[r#"
        {"properties":{"circuitBreaker":{"rules":[{"name":"errors","failureResponse":{"statusCode":503},"tripDuration":"PT60S",
                        "failureCondition":{"count":3,"interval":"PT1M","statusCodeRanges":[{"min":500,"max":599}]}}]}}}"#]].assert_eq(&merged(Some(&breaker)));
    breaker.rules[0].name = Some("other".parse().unwrap());
    expect![[r#"{"properties":{"circuitBreaker":{"rules":[{"name":"other","failureCondition":{"count":3,"interval":"PT1M","statusCodeRanges":[{"min":500,"max":599}]},"tripDuration":"PT1M"}]}}}"#]].assert_eq(&merged(Some(&breaker)));
    expect![[r#"{"properties":{"circuitBreaker":null}}"#]].assert_eq(&merged(None));
    let mut merge = Merge::of(on.document());
    merge.breaker(Some(&Breaker::default()));
    expect![[r#"{"properties":{"circuitBreaker":{"rules":[]}}}"#]]
        .assert_eq(&shown(merge.finish()));
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
    expect!["properties is in it twice, and readers differ on which one counts"]
        .assert_eq(&parse(r#"{"properties":{},"properties":{}}"#));
    let patch = Patch::parse(r#"{"properties":{"protocol":null}}"#).unwrap();
    expect!["properties.protocol is missing: a Single needs it"]
        .assert_eq(&patch.check_on(single().document()).unwrap_err().to_string());
    assert!(patch.check_on(pool(r#"[{"id":"a"}]"#).document()).is_ok());
}

#[test]
fn nothing_secret_is_printed() {
    let on = single();
    let mut merge = Merge::of(on.document());
    merge.set(Field::Url, &json!("https://u:hush@a/?code=hush")).unwrap();
    let shown = format!("{merge:?} {:?}", merge.clone().finish());
    assert!(!shown.contains("hush"), "{shown}");
}

#[test]
fn fields_are_read_where_they_are_set() {
    let on = single();
    let of = |field: Field| field.of(on.document()).map(Value::to_string).unwrap_or_default();
    assert_eq!(
        Field::ALL.map(of),
        ["\"eu\"", "", "\"https://a\"", "\"http\"", "", "true", "", "\"http://p\""]
    );
}

#[test]
fn every_field_has_its_name() {
    for field in Field::ALL {
        assert_eq!(field.to_string().parse(), Ok(field));
        assert_eq!(format!("properties.{field}").parse(), Ok(field));
    }
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
            proptest::sample::select(Field::ALL.to_vec()),
            proptest::option::of("[a-z]{1,9}"),
            0..4,
        ),
    ) {
        let on = single();
        let mut merge = Merge::of(on.document());
        for (field, to) in &sets {
            let to = match (field, to) {
                (_, None) => Value::Null,
                (Field::Protocol, Some(_)) => json!("soap"),
                (Field::ValidateCertificateChain | Field::ValidateCertificateName, Some(text)) => {
                    json!(text.len() % 2 == 0)
                }
                (
                    Field::Title | Field::Description | Field::Url | Field::ResourceId
                    | Field::ProxyUrl,
                    Some(text),
                ) => json!(text),
            };
            merge.set(*field, &to).unwrap();
        }
        let Ok(Edited::Changed(patch)) = merge.finish() else { return Ok(()) };
        let blank = |value: &Value| {
            let mut value = value.clone();
            for field in sets.keys() {
                let pointer = format!("/properties/{}", field.path().replace('.', "/"));
                let (parent, key) = pointer.rsplit_once('/').unwrap();
                let parent = value.pointer_mut(parent).and_then(Value::as_object_mut);
                parent.map(|fields| fields.shift_remove(key));
            }
            value
        };
        prop_assert_eq!(blank(&patch.applied_to(on.document())), blank(on.raw()));
    }
}
