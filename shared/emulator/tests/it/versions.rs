//! What an api-version can do, and what it shows.

use crate::client::{World, got};
use expect_test::expect;
use http::StatusCode;
use pointsman_emulator::{
    Options, Unpublished,
    unpublished::{Ahead, ErrorDetails, NewerFields},
};
use serde_json::{Value, json};

impl World {
    async fn unpublished(unpublished: Unpublished) -> Self {
        Self::with(Options { unpublished, ..Options::default() }).await
    }

    /// A request by an api-version of its own.
    async fn by(
        &self,
        version: &str,
        verb: &str,
        backend: &str,
        body: Option<&Value>,
    ) -> (u16, Value) {
        let url = self.url(backend).replace("2024-05-01", version);
        let if_match = (verb != "PUT").then_some("*");
        let got = self.send(verb, &url, if_match, body).await.unwrap();
        (got.status.as_u16(), got.body)
    }
}

fn single() -> Value {
    json!({"properties": {"url": "http://x", "protocol": "http"}})
}

fn pool() -> Value {
    json!({"properties": {"type": "Pool", "pool": {"services": [{"id": "/backends/eu"}]}}})
}

fn with_breaker() -> Value {
    let condition = json!({"count": 1, "statusCodeRanges": [{"min": 500, "max": 599}]});
    let rule =
        json!({"name": "r", "failureCondition": condition, "failureResponse": {"statusCode": 418}});
    let mut body = single();
    body["properties"]["circuitBreaker"] = json!({"rules": [rule]});
    body
}

#[tokio::test]
async fn a_version_must_be_named_and_known() {
    let world = World::chat().await;
    let send = async |url: String| {
        let got = world.send("GET", &url, None, None).await.unwrap();
        (got.status.as_u16(), got.code().to_owned())
    };
    let url = world.url("chat");
    let (bare, _) = url.split_once('?').unwrap();
    let check = async |query: &str, status: u16, code: &str| {
        assert_eq!(send(format!("{bare}{query}")).await, (status, code.to_owned()), "{query}");
    };
    check("", 400, "MissingApiVersionParameter").await;
    check("?api-version=", 400, "MissingApiVersionParameter").await;
    check("?api-version=latest", 400, "InvalidApiVersionParameter").await;
    check("?api-version=2024-05-011", 400, "InvalidApiVersionParameter").await;
    check("?api-version=2024-05-02", 400, "MissingOrIncorrectVersionParameter").await;
    for known in [
        "2021-08-01",
        "2022-08-01",
        "2024-05-01",
        "2024-06-01-preview",
        "2024-10-01-preview",
        "2025-03-01-preview",
    ] {
        check(&format!("?API-VERSION={known}"), 200, "-").await;
    }
    let unknown = world.by("2030-01-01", "GET", "chat", None).await.1;
    let words = unknown["error"]["message"].as_str().unwrap();
    assert!(words.contains("2022-08-01,") && words.contains("2024-05-01,"), "{words}");
}

#[tokio::test]
async fn old_versions_have_neither_workspaces_nor_pools() {
    let world = World::new().await;
    let old = "2022-08-01";
    assert_eq!(world.by("2024-05-01", "PUT", "team/eu", Some(&single())).await.0, 201);
    let (status, body) = world.by(old, "GET", "team/eu", None).await;
    assert_eq!(status, 404);
    expect![[r#"{"error":{"code":"InvalidResourceType","message":"The resource type could not be found in the namespace 'Microsoft.ApiManagement' for api version '2022-08-01'."}}"#]]
        .assert_eq(&body.to_string());
    let (status, body) = world.by(old, "PUT", "chat", Some(&pool())).await;
    assert_eq!(status, 400);
    expect![[r#"{"error":{"code":"ValidationError","message":"One or more fields contain incorrect values:","details":[{"code":"ValidationError","target":"pool","message":"pool is not supported by api-version 2022-08-01."},{"code":"ValidationError","target":"type","message":"type is not supported by api-version 2022-08-01."}]}}"#]]
        .assert_eq(&body.to_string());
    let (status, body) = world.by(old, "PUT", "eu", Some(&with_breaker())).await;
    assert_eq!((status, &body["error"]["details"][0]["target"]), (400, &json!("circuitBreaker")));
    let mut said = single();
    said["properties"]["type"] = json!("Single");
    assert_eq!(world.by(old, "PUT", "eu", Some(&said)).await.0, 201);
    let nothing = json!({"properties": {"circuitBreaker": null}});
    assert_eq!(world.by(old, "PATCH", "eu", Some(&nothing)).await.0, 200);
    let url = world.url("eu").replace("2024-05-01", old).replace("?", "/reconnect?");
    assert_eq!(world.send("POST", &url, None, None).await.unwrap().status, 202);
}

#[tokio::test]
async fn what_becomes_of_fields_that_came_later_can_be_chosen() {
    let rule = "/properties/circuitBreaker/rules/0/failureResponse/statusCode";
    for (field_ahead, status, kept) in
        [(Ahead::Kept, 201, true), (Ahead::Ignored, 201, false), (Ahead::Refused, 400, false)]
    {
        let world = World::unpublished(Unpublished { field_ahead, ..Unpublished::default() }).await;
        let (is, body) = world.by("2024-05-01", "PUT", "eu", Some(&with_breaker())).await;
        assert_eq!(is, status, "{field_ahead:?}");
        if status == 400 {
            let words = "circuitBreaker.rules[0].failureResponse is not supported by api-version 2024-05-01.";
            assert_eq!(body["error"]["details"][0]["message"], words);
        }
        assert_eq!(body.pointer(rule).is_some(), kept, "{field_ahead:?}");
        let newer = world.by("2024-10-01-preview", "PUT", "us", Some(&with_breaker())).await;
        assert_eq!((newer.0, newer.1.pointer(rule)), (201, Some(&json!(418))));
    }
    let pool_ahead = Ahead::Ignored;
    let world = World::unpublished(Unpublished { pool_ahead, ..Unpublished::default() }).await;
    let (status, body) = world.by("2022-08-01", "PUT", "eu", Some(&with_breaker())).await;
    assert_eq!((status, body["properties"].get("circuitBreaker")), (201, None));
    // What is left of a pool is a Single that lacks everything.
    let (status, body) = world.by("2022-08-01", "PUT", "chat", Some(&pool())).await;
    assert_eq!(
        (status, &body["error"]["details"][0]["message"]),
        (400, &json!("properties.url is missing: a Single needs it"))
    );
}

#[tokio::test]
async fn an_old_version_may_be_shown_less() {
    for newer_fields in [NewerFields::Shown, NewerFields::Hidden] {
        let world =
            World::unpublished(Unpublished { newer_fields, ..Unpublished::default() }).await;
        let mut body = with_breaker();
        body["properties"]["x-unknown"] = json!(1);
        world.by("2024-10-01-preview", "PUT", "eu", Some(&body)).await;
        let shown = async |version: &str| {
            let body = world.by(version, "GET", "eu", None).await.1;
            assert_eq!(body["properties"]["x-unknown"], 1);
            let url = world.url("").replace("/?", "?").replace("2024-05-01", version);
            let list = world.send("GET", &url, None, None).await.unwrap().body;
            assert_eq!(list["value"][0], body, "a List shows the same");
            let rule = body.pointer("/properties/circuitBreaker/rules/0");
            (rule.is_some(), rule.is_some_and(|rule| rule.get("failureResponse").is_some()))
        };
        let all = newer_fields == NewerFields::Shown;
        assert_eq!(shown("2022-08-01").await, (all, all));
        assert_eq!(shown("2024-05-01").await, (true, all));
        assert_eq!(shown("2024-10-01-preview").await, (true, true));
        // A read-modify-write by the old version loses what it does not see.
        let seen = world.by("2024-05-01", "GET", "eu", None).await.1;
        world.by("2024-05-01", "PUT", "eu", Some(&seen)).await;
        assert_eq!(shown("2024-10-01-preview").await, (true, all));
    }
}

#[tokio::test]
async fn errors_have_either_shape() {
    let error_details = ErrorDetails::Nested;
    let world = World::unpublished(Unpublished { error_details, ..Unpublished::default() }).await;
    let bad = json!({"properties": {"url": "http://x"}});
    let (status, body) = world.by("2024-05-01", "PUT", "eu", Some(&bad)).await;
    assert_eq!(status, 400);
    expect![[r#"{"error":{"code":"ValidationError","message":"One or more fields contain incorrect values:","target":null,"details":[{"code":"ValidationError","message":"properties.protocol is missing: a Single needs it","target":"protocol","details":[],"additionalInfo":[]}],"additionalInfo":[]}}"#]]
        .assert_eq(&body.to_string());
    let body = world.by("2022-08-01", "GET", "eu", None).await.1;
    expect![[
        r#"{"error":{"code":"ResourceNotFound","message":"Backend not found.","details":null}}"#
    ]]
    .assert_eq(&body.to_string());
    // The resource manager's own errors have no details in any version.
    let elsewhere = world.url("eu").replace("contoso-apim", "fabrikam");
    let got = world.send("GET", &elsewhere, None, None).await.unwrap();
    assert_eq!(got.status, StatusCode::NOT_FOUND);
    let keys: Vec<_> = got.body["error"].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["code", "message"]);
    let bare = got_without_token(&world).await;
    assert_eq!(bare.as_object().unwrap()["error"].as_object().unwrap().len(), 2);
}

async fn got_without_token(world: &World) -> Value {
    let got = got(world.http.get(world.url("eu"))).await.unwrap();
    assert_eq!(got.status, StatusCode::UNAUTHORIZED);
    got.body
}
