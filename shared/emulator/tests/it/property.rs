//! What holds of every document: what nobody names is kept to the letter.

use crate::client::World;
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use serde_json::{Map, Value, json};

/// How many documents are tried; each is two requests.
const CASES: u32 = 64;

/// Any JSON, not too large.
fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e9..1e9).prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            fields(inner).prop_map(Value::from),
        ]
    })
}

fn fields(of: impl Strategy<Value = Value>) -> impl Strategy<Value = Map<String, Value>> {
    let field = ("x-[a-z\"\\\\ é]{0,6}", of);
    prop::collection::vec(field, 0..4).prop_map(|fields| fields.into_iter().collect())
}

/// A Single within the bounds, with fields that nobody knows at several depths.
fn single() -> impl Strategy<Value = Value> {
    let text = |most: usize| proptest::string::string_regex(&format!("\\PC{{1,{most}}}")).unwrap();
    (text(300), text(40), 1..=10_000_u32, 200..=599_u32, [fields(anything()), fields(anything())])
        .prop_map(|(title, url, count, status, [outer, inner])| {
            let mut rule = json!({
                "name": "r",
                "failureCondition": {
                    "count": count, "statusCodeRanges": [{"min": status, "max": status}],
                },
            });
            rule.as_object_mut().unwrap().extend(inner);
            let mut properties = json!({
                "title": title, "url": url, "protocol": "http",
                "circuitBreaker": {"rules": [rule]},
            });
            properties.as_object_mut().unwrap().extend(outer);
            properties
        })
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_names_is_kept_to_the_letter() {
    let world = World::new().await;
    let handle = tokio::runtime::Handle::current();
    let mut runner =
        TestRunner::new(Config { cases: CASES, failure_persistence: None, ..Config::default() });
    let tried = runner.run(&single(), |properties| {
        tokio::task::block_in_place(|| {
            handle.block_on(async {
                let put = world.put("eu", &json!({"properties": properties})).await;
                prop_assert!(put.status.is_success(), "{}", put.body);
                prop_assert_eq!(put.body["properties"].to_string(), properties.to_string());
                let patch = json!({"properties": {"description": "ours"}});
                let patched = world.patch("eu", &put.etag(), &patch).await;
                let mut want = properties;
                want["description"] = json!("ours");
                prop_assert_eq!(patched.body["properties"].to_string(), want.to_string());
                Ok(())
            })
        })
    });
    if let Err(error) = tried {
        panic!("{error}");
    }
}
