use expect_test::{Expect, expect};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::testing::backend;

fn check(body: &str, expected: &Expect) {
    let shown = match backend(body.to_owned()).kind() {
        Ok(kind) => format!("{kind:?}"),
        Err(error) => error.to_string(),
    };
    expected.assert_eq(&shown);
}

#[test]
fn kinds() {
    check(r#"{"properties":{"type":"Pool"}}"#, &expect!["Pool"]);
    check(r#"{"properties":{"type":"Single","pool":null}}"#, &expect!["Single"]);
    check(r#"{"properties":{"url":"https://a"}}"#, &expect!["Single"]);
    check(r#"{"properties":{"type":null,"pool":{"services":[]}}}"#, &expect!["Pool"]);
    check("{}", &expect!["Single"]);
    check(
        r#"{"properties":{"type":"Cluster"}}"#,
        &expect![[r#"properties.type is "Cluster": it must be Single or Pool"#]],
    );
    check(
        r#"{"properties":{"type":7}}"#,
        &expect!["properties.type is 7: it must be Single or Pool"],
    );
}

#[test]
fn the_tree_keeps_order_and_numbers() {
    let body = r#"{"z":1,"a":{"y":18446744073709551615,"b":0.1},"m":[1.5,-9223372036854775808]}"#;
    assert_eq!(backend(body).raw().to_string(), body);
}

#[test]
fn debug_shows_no_secret() {
    let shown = format!(
        "{:?}",
        backend(
            r#"{"name":"single","properties":{
                "url":"https://u:hush1@a.example/x?code=hush2",
                "credentials":{
                    "authorization":{"scheme":"Basic","parameter":"hush3"},
                    "certificate":["hush4"],"certificateIds":["hush5"],
                    "header":{"x-key":["hush6"]},"query":{"sv":["hush7"]},
                    "managedIdentity":{"clientId":"hush8"}},
                "proxy":{"url":"http://p:8080","username":"me","password":"hush9"},
                "later":{"primaryKey":"hush10","nested":[{"clientSecret":"hush11"}]}}}"#
        )
    );
    assert!(!shown.contains("hush"), "{shown}");
    expect![[r#"Backend { etag: ETag("AAAAAAAAAAE="), meta: Meta { ids: Ids { call: RequestId(00000000-0000-0000-0000-000000000007), request: None, correlation: None }, date: None }, body: {"name":"single","properties":{"url":"https://***@a.example/x?***","credentials":{"authorization":{"scheme":"***","parameter":"***"},"certificate":["***"],"certificateIds":["***"],"header":{"x-key":["***"]},"query":{"sv":["***"]},"managedIdentity":{"clientId":"***"}},"proxy":{"url":"http://p:8080","username":"me","password":"***"},"later":{"primaryKey":"***","nested":[{"clientSecret":"***"}]}}} }"#]].assert_eq(&shown);
}

/// Any tree whose texts and numbers are all secret.
fn secret() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        "hush[a-z]{0,5}".prop_map(Value::String),
        Just(json!(4_815_162_342_u64)),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            proptest::collection::btree_map("[a-z]{1,6}", inner, 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn debug_shows_nothing_of_a_secret_field(
        secret in secret(),
        key in proptest::sample::select(vec!["Credentials", "accessToken", "PASSWORD", "sasKey"]),
    ) {
        let body = json!({"properties": {
            "credentials": secret.clone(),
            "proxy": {"password": secret.clone()},
            "later": [{key: secret}],
        }});
        let backend = backend(body.to_string());
        let shown = format!("{backend:?}{backend:#?}");
        prop_assert!(!shown.contains("hush") && !shown.contains("4815162342"), "{}", shown);
    }
}
