use expect_test::{Expect, expect};
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn check(before: &Value, after: &Value, expected: &Expect) {
    let lines = between(before, after);
    expected.assert_eq(&lines.iter().map(|line| format!("{line}\n")).collect::<String>());
}

#[test]
fn what_differs_is_told_field_by_field() {
    check(
        &json!({"properties": {"title": "eu", "url": "https://a", "tls": {"validateCertificateChain": true}}}),
        &json!({"properties": {"title": "Europe", "url": "https://a", "description": "x",
            "proxy": {"url": "http://p"}}}),
        &expect![[r#"
            ~ properties.title: "eu" -> "Europe"
            - properties.tls.validateCertificateChain: true
            + properties.description: "x"
            + properties.proxy.url: "http://p"
        "#]],
    );
    check(
        &json!({"a": [1, 2, {}]}),
        &json!({"a": [1, 3, [], null]}),
        &expect![[r#"
        ~ a[1]: 2 -> 3
        - a[2]: {}
        + a[2]: []
        + a[3]: null
    "#]],
    );
    check(
        &json!({"a": 1, "b": {"c": 1}}),
        &json!({"a": {"d": []}, "b": null}),
        &expect![[r#"
        - a: 1
        + a.d: []
        - b.c: 1
        + b: null
    "#]],
    );
    check(
        &json!({"a": null}),
        &json!({}),
        &expect![[r#"
        - a: null
    "#]],
    );
    check(
        &json!(1),
        &json!({}),
        &expect![[r#"
        - (all): 1
        + (all): {}
    "#]],
    );
    check(&json!({"a": 1, "b": 2}), &json!({"b": 2, "a": 1}), &expect![""]);
}

#[test]
fn members_and_rules_are_named() {
    let pool = |services: Value| json!({"properties": {"pool": {"services": services}}});
    check(
        &pool(
            json!([{"id": "/x/backends/eu", "weight": 50}, {"id": "/backends/us", "weight": 50}]),
        ),
        &pool(json!([{"id": "/backends/US", "weight": 100}, {"id": "/x/backends/eu", "weight": 0},
            {"id": "asia"}])),
        &expect![[r#"
            ~ properties.pool.services[eu].weight: 50 -> 0
            ~ properties.pool.services[us].id: "/backends/us" -> "/backends/US"
            ~ properties.pool.services[us].weight: 50 -> 100
            + properties.pool.services[asia].id: "asia"
            ~ properties.pool.services: in another order
        "#]],
    );
    // Where two have one name, places are told.
    check(
        &pool(json!([{"id": "eu"}, {"id": "EU"}])),
        &pool(json!([{"id": "eu"}])),
        &expect![[r#"
        - properties.pool.services[1].id: "EU"
    "#]],
    );
    check(
        &json!({"rules": [{"name": "errors", "failureCondition": {"count": 5}}]}),
        &json!({"rules": [{"name": "errors", "failureCondition": {"count": 3}}]}),
        &expect![[r#"
            ~ rules[errors].failureCondition.count: 5 -> 3
        "#]],
    );
}

#[test]
fn of_a_secret_only_that_it_changed() {
    let body = |hush: &str| {
        json!({"properties": {
            "credentials": {
                "authorization": {"scheme": "Basic", "parameter": hush},
                "header": {"x-key": [hush, "same"]}, "query": {"sv": [hush]},
                "certificate": [hush], "managedIdentity": {"clientId": hush}},
            "proxy": {"url": "http://p", "password": hush},
            "url": format!("https://u:{hush}@a/x?code={hush}"),
            "later": {"clientSecret": hush, "sasUrl": hush, "authorization": {"parameter": hush}},
        }})
    };
    check(
        &body("hush1"),
        &body("hush2"),
        &expect![[r#"
        ~ properties.credentials.authorization.parameter: *** (changed)
        ~ properties.credentials.header.x-key[0]: *** (changed)
        ~ properties.credentials.query.sv[0]: *** (changed)
        ~ properties.credentials.certificate[0]: *** (changed)
        ~ properties.credentials.managedIdentity.clientId: *** (changed)
        ~ properties.proxy.password: *** (changed)
        ~ properties.url: "https://***@a/x?***" (changed in what is not shown)
        ~ properties.later.clientSecret: *** (changed)
        ~ properties.later.sasUrl: *** (changed)
        ~ properties.later.authorization.parameter: *** (changed)
    "#]],
    );
    check(
        &json!({}),
        &json!({"proxy": {"password": "hush"}}),
        &expect![[r#"
        + proxy.password: *** (new)
    "#]],
    );
    check(
        &json!({"token": 4_815_162_342_u64}),
        &json!({"token": null}),
        &expect![[r#"
        ~ token: *** -> null
    "#]],
    );
    check(
        &json!({"token": "hush"}),
        &json!({}),
        &expect![[r#"
        - token: *** (gone)
    "#]],
    );
    // Names in a secret list are secret too.
    check(
        &json!({"credentials": {"certificateIds": [{"id": "hush"}]}}),
        &json!({"credentials": {"certificateIds": [{"id": "hush2"}, {"name": "hush"}]}}),
        &expect![[r#"
            ~ credentials.certificateIds[0].id: *** (changed)
            + credentials.certificateIds[1].name: *** (new)
        "#]],
    );
    let lines = added(&body("hush1")).iter().map(|line| format!("{line}\n")).collect::<String>();
    expect![[r#"
        + properties.credentials.authorization.scheme: *** (new)
        + properties.credentials.authorization.parameter: *** (new)
        + properties.credentials.header.x-key[0]: *** (new)
        + properties.credentials.header.x-key[1]: *** (new)
        + properties.credentials.query.sv[0]: *** (new)
        + properties.credentials.certificate[0]: *** (new)
        + properties.credentials.managedIdentity.clientId: *** (new)
        + properties.proxy.url: "http://p"
        + properties.proxy.password: *** (new)
        + properties.url: "https://***@a/x?***"
        + properties.later.clientSecret: *** (new)
        + properties.later.sasUrl: *** (new)
        + properties.later.authorization.parameter: *** (new)
    "#]]
    .assert_eq(&lines);
}

#[test]
fn a_long_value_is_cut() {
    let long = |end: &str| json!({"description": format!("{}{end}", "x".repeat(200))});
    check(
        &long("a"),
        &long("b"),
        &expect![[r#"
        ~ description: "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx… (changed in what is not shown)
    "#]],
    );
}

#[test]
fn a_line_is_one_line() {
    check(
        &json!({"a\n\u{1b}[2J": "\n\u{1b}"}),
        &json!({}),
        &expect![[r#"
        - a��[2J: "\n\u001b"
    "#]],
    );
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        (0..5u8).prop_map(|n| json!(n)),
        "[a-c]{0,2}".prop_map(Value::String),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            proptest::collection::btree_map("(id|name|[a-c]|password)", inner, 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn there_are_lines_where_there_is_a_difference(before in value(), after in value()) {
        prop_assert_eq!(between(&before, &after).is_empty(), before == after);
        prop_assert!(between(&before, &before).is_empty());
    }

    #[test]
    fn no_line_shows_a_secret(before in value(), after in value()) {
        fn hush(value: &Value) -> Value {
            match value {
                Value::Null => Value::Null,
                Value::Array(items) => items.iter().map(hush).collect(),
                Value::Object(fields) => Value::Object(
                    fields.iter().map(|(key, value)| (key.clone(), hush(value))).collect(),
                ),
                Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                    Value::String(format!("hush{value}"))
                }
            }
        }
        let body = |value: &Value| json!({"credentials": hush(value), "x": [{"apiKey": hush(value)}]});
        for line in between(&body(&before), &body(&after)).iter().chain(&added(&body(&after))) {
            let shown = format!("{line} {line:?}");
            prop_assert!(!shown.contains("hush"), "{}", shown);
        }
    }
}
