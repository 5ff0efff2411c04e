//! Each operation, as the service answers it.

use crate::client::{BOUND, MINUTE, World, got};
use expect_test::expect;
use pointsman_emulator::{
    Effect, Operation, Options, Throttling, Unpublished,
    unpublished::{BelowMinimum, PatchArray, PatchNull, Taken, ZeroWeight},
};
use serde_json::{Value, json};
use std::time::Duration;

fn single() -> Value {
    json!({"properties": {
        "title": "EU", "url": "https://contoso.example/api", "protocol": "http",
        "credentials": {"authorization": {"scheme": "Basic", "parameter": "b3BlbnNlc2FtZQ=="}},
        "x-unknown": {"kept": [1, 2.50, null]},
    }})
}

#[tokio::test]
async fn a_put_creates_then_replaces() {
    let world = World::new().await;
    let created = world.put("EU-1", &single()).await;
    assert_eq!(created.status, 201);
    let replaced = world.put("eu-1", &single()).await;
    assert_eq!(replaced.status, 200);
    assert_ne!(created.etag(), replaced.etag(), "every write has an ETag of its own");
    assert!(replaced.etag().starts_with('"') && replaced.etag().ends_with('"'));
    // Secrets come back in clear, unknown fields to the letter, the name as it was created.
    let want = json!({
        "id": world.azure.service().backend_id(&"EU-1".into()),
        "type": "Microsoft.ApiManagement/service/backends",
        "name": "EU-1",
        "properties": single()["properties"],
    });
    assert_eq!(replaced.body.to_string(), want.to_string());
    let read = world.get("Eu-1").await;
    assert_eq!((read.status.as_u16(), read.etag()), (200, replaced.etag()));
    assert_eq!(read.body, want);
    world.azure.finish();
}

#[tokio::test]
async fn head_shows_the_etag_only() {
    let world = World::chat().await;
    let head = world.send("HEAD", &world.url("chat"), None, None).await.unwrap();
    assert_eq!((head.status.as_u16(), &head.body), (200, &Value::Null));
    assert_eq!(head.etag(), world.get("chat").await.etag());
    let none = world.send("HEAD", &world.url("none"), None, None).await.unwrap();
    assert_eq!(none.status, 404);
}

#[tokio::test]
async fn a_patch_merges_and_an_etag_guards_it() {
    let world = World::chat().await;
    let first = world.get("chat").await;
    let weights = |eu: u32| {
        let item =
            |name: &str, weight| json!({"id": format!("/backends/{name}"), "weight": weight});
        json!({"properties": {"pool": {"services": [item("eu", eu), item("us", 100)]}}})
    };
    let second = world.patch("chat", &first.etag(), &weights(0)).await;
    assert_eq!(second.status, 200);
    assert_ne!(second.etag(), first.etag());
    // Arrays are replaced whole: the priorities are gone.
    assert_eq!(
        second.body["properties"]["pool"]["services"],
        weights(0)["properties"]["pool"]["services"]
    );
    // A pool is shown with what it cannot have.
    assert_eq!(second.body["properties"]["url"], Value::Null);
    assert!(second.body["properties"].as_object().unwrap().contains_key("protocol"));
    assert_eq!(world.azure.view(|azure| azure.weight("chat", "eu")), Some(0));

    let late = world.patch("chat", &first.etag(), &weights(7)).await;
    assert_eq!(late.status, 412);
    expect![[r#"{"error":{"code":"PreconditionFailed","message":"Resource was modified since last retrieval.","details":null}}"#]]
        .assert_eq(&late.body.to_string());
    let any = world.patch("chat", "*", &weights(9)).await;
    assert_eq!(any.status, 200);

    let url = world.url("chat");
    let bare = world.send("PATCH", &url, None, Some(&weights(1))).await.unwrap();
    assert_eq!((bare.status.as_u16(), bare.code()), (400, "ValidationError"));
    assert_eq!(bare.body["error"]["details"][0]["target"], "If-Match");
    let effects: Vec<_> = world.azure.writes("CHAT").into_iter().map(|w| w.effect).collect();
    assert_eq!(
        effects,
        [
            Effect::Written { etag: second.etag() },
            Effect::None,
            Effect::Written { etag: any.etag() },
            Effect::None,
        ]
    );
    assert_eq!(world.azure.view(|azure| azure.written("chat")), 3);
}

#[tokio::test]
async fn a_patch_keeps_what_it_does_not_name_and_null_deletes() {
    let world = World::new().await;
    world.put("eu", &single()).await;
    let patch = json!({
        "id": "ignored", "name": "ignored", "type": "ignored",
        "properties": {"title": null, "description": "d"},
    });
    let patched = world.patch("eu", "*", &patch).await;
    let mut want = single()["properties"].clone();
    want.as_object_mut().unwrap().shift_remove("title");
    want["description"] = json!("d");
    assert_eq!(patched.body["properties"].to_string(), want.to_string());
    assert_eq!(patched.body["name"], "eu");
}

#[tokio::test]
async fn what_the_service_refuses() {
    let world = World::chat().await;
    let pool = json!({"properties": {"type": "Pool", "url": "http://a", "protocol": "http",
        "pool": {"services": [{"id": "/backends/eu"}]}}});
    let refused = world.put("bad", &pool).await;
    assert_eq!(refused.status, 400);
    expect![[r#"{"error":{"code":"ValidationError","message":"One or more fields contain incorrect values:","details":[{"code":"ValidationError","target":"url","message":"Url is not supported for backend pool."},{"code":"ValidationError","target":"protocol","message":"Protocol is not supported for backend pool."}]}}"#]]
        .assert_eq(&refused.body.to_string());
    let missing = world.get("bad").await;
    assert_eq!(missing.status, 404);
    expect![[
        r#"{"error":{"code":"ResourceNotFound","message":"Backend not found.","details":null}}"#
    ]]
    .assert_eq(&missing.body.to_string());
    let missing = world.patch("bad", "*", &single()).await;
    assert_eq!((missing.status.as_u16(), missing.code()), (404, "ResourceNotFound"));
    let heavy = json!({"properties": {"pool": {"services": [{"id": "eu", "weight": 101}]}}});
    assert_eq!(world.patch("chat", "*", &heavy).await.code(), "ValidationError");
    let broken = world.http.put(world.url("x")).bearer_auth(&world.token).body("{");
    let broken = got(broken).await.unwrap();
    assert_eq!((broken.status.as_u16(), broken.code()), (400, "InvalidRequestContent"));
    let (url, tag) = (world.url("new"), "\"AAAAAAAAAAE=\"");
    let tagged = world.send("PUT", &url, Some(tag), Some(&single())).await;
    assert_eq!(tagged.unwrap().status, 412);
    let huge = world.http.put(world.url("x")).bearer_auth(&world.token);
    let huge = got(huge.body(vec![b' '; 5 * 1024 * 1024])).await.unwrap();
    assert_eq!(huge.status, 413);
    let long = world.put(&"x".repeat(81), &single()).await;
    assert_eq!((long.status.as_u16(), long.code()), (400, "ValidationError"));
}

#[tokio::test]
async fn a_delete_needs_its_etag() {
    let world = World::chat().await;
    let url = world.url("eu");
    let old = world.get("eu").await.etag();
    world.azure.foreign_patch("eu", &json!({"properties": {"title": "t"}})).unwrap();
    let delete = async |tag| world.send("DELETE", &url, tag, None).await.unwrap().status.as_u16();
    assert_eq!(delete(None).await, 400);
    assert_eq!(delete(Some(&old)).await, 412);
    assert_eq!(delete(Some("*")).await, 200);
    assert_eq!(delete(Some("*")).await, 204);
    assert_eq!(world.get("eu").await.status, 404);
}

#[tokio::test]
async fn lists_have_pages() {
    let world = World::new().await;
    for name in ["b", "a", "C"] {
        world.azure.put_single(name, "http://x").unwrap();
    }
    world.azure.put_single("team/d", "http://x").unwrap();
    let list = async |url: String| {
        let got = world.send("GET", &url, None, None).await.unwrap();
        let values = got.body["value"].as_array().unwrap();
        let names: Vec<_> = values.iter().map(|v| v["name"].as_str().unwrap()).collect();
        let next = got.body["nextLink"].as_str().unwrap().to_owned();
        (names.join(" "), got.body["count"].clone(), next)
    };
    let base = format!("{}{}", world.azure.arm_url(), world.azure.service().id());
    let (names, count, next) = list(format!("{base}/backends?api-version=2024-05-01&$top=2")).await;
    assert_eq!((names.as_str(), count), ("a b", json!(3)));
    let (names, _, next) = list(next).await;
    assert_eq!((names.as_str(), next.as_str()), ("C", ""));
    let team = format!("{base}/workspaces/TEAM/backends?api-version=2024-05-01");
    assert_eq!(list(team).await.0, "d");
    // A link to the next page carries the whole of the question.
    let filter = "$filter=name%20ne%20'b'%20or%20contains(url%2C'a%26b')&$top=1";
    let (names, count, next) =
        list(format!("{base}/backends?api-version=2024-05-01&{filter}")).await;
    assert_eq!((names.as_str(), count), ("a", json!(2)));
    let (names, count, next) = list(next).await;
    assert_eq!((names.as_str(), count, next.as_str()), ("C", json!(2), ""));
    let skipped = format!("{base}/backends?api-version=2024-05-01&$skip=7");
    assert_eq!(list(skipped).await, (String::new(), json!(3), String::new()));
    for (bad, target) in [
        ("$top=0", "$top"),
        ("$top=x", "$top"),
        ("$skip=-1", "$skip"),
        ("$filter=weight%20eq%20'a'", "$filter"),
    ] {
        let url = format!("{base}/backends?api-version=2024-05-01&{bad}");
        let got = world.send("GET", &url, None, None).await.unwrap();
        assert_eq!((got.status.as_u16(), got.code()), (400, "ValidationError"), "{bad}");
        assert_eq!(got.body["error"]["details"][0]["target"], target);
    }
}

#[tokio::test]
async fn workspace_backends_are_their_own() {
    let world = World::chat().await;
    let created = world.put("team/chat", &single()).await;
    assert_eq!(created.status, 201);
    assert_eq!(created.body["type"], "Microsoft.ApiManagement/service/workspaces/backends");
    let patched = world.patch("team/chat", &created.etag(), &json!({"properties": {}})).await;
    assert_eq!(patched.status, 200);
    assert_eq!(world.get("chat").await.body["properties"]["type"], "Pool");
    // There is no Reconnect in a workspace.
    let url = world.url("team/chat").replace("?", "/reconnect?");
    let got = world.send("POST", &url, None, None).await.unwrap();
    assert_eq!(got.status, 404);
    let leftovers = world.azure.leftovers().unwrap_err().to_string();
    assert!(leftovers.contains("an unexpected call"), "{leftovers}");
}

#[tokio::test]
async fn every_operation_exists_in_workspaces() {
    let world = World::new().await;
    let url = world.url("team/eu");
    let send = async |verb: &str, tag: Option<&str>, body: Option<Value>| {
        world.send(verb, &url, tag, body.as_ref()).await.unwrap()
    };
    let created = send("PUT", None, Some(single())).await;
    assert_eq!((created.status.as_u16(), &created.body["name"]), (201, &json!("eu")));
    let read = send("GET", None, None).await;
    assert_eq!((read.etag(), &read.body), (created.etag(), &created.body));
    assert_eq!(send("HEAD", None, None).await.etag(), created.etag());
    let list = url.replace("/eu?", "?");
    let list = world.send("GET", &list, None, None).await.unwrap().body;
    assert_eq!(list, json!({"value": [created.body], "count": 1, "nextLink": ""}));
    let title = Some(json!({"properties": {"title": "new"}}));
    assert_eq!(send("PATCH", None, title.clone()).await.status, 400);
    let patched = send("PATCH", Some(&created.etag()), title.clone()).await;
    assert_eq!(patched.body["properties"]["title"], "new");
    assert_eq!(send("PATCH", Some(&created.etag()), title).await.status, 412);
    let stale = Some(single());
    assert_eq!(send("PUT", Some(&created.etag()), stale).await.status, 412);
    assert_eq!(send("DELETE", None, None).await.status, 400);
    assert_eq!(send("DELETE", Some(&created.etag()), None).await.status, 412);
    assert_eq!(send("DELETE", Some(&patched.etag()), None).await.status, 200);
    assert_eq!(send("DELETE", Some("*"), None).await.status, 204);
    assert_eq!(send("GET", None, None).await.status, 404);
    assert_eq!(send("HEAD", None, None).await.status, 404);
    world.azure.finish();
}

#[tokio::test]
async fn a_put_of_what_exists_may_need_its_etag() {
    let unpublished =
        Unpublished { put_without_if_match: Taken::Refused, ..Unpublished::default() };
    let world = World::with(Options { unpublished, ..Options::default() }).await;
    assert_eq!(world.put("eu", &single()).await.status, 201);
    let bare = world.put("eu", &single()).await;
    assert_eq!((bare.status.as_u16(), bare.code()), (400, "ValidationError"));
    let url = world.url("eu");
    let tagged = world.send("PUT", &url, Some("*"), Some(&single())).await.unwrap();
    assert_eq!(tagged.status, 200);
}

#[tokio::test]
async fn nulls_arrays_and_missing_members_can_be_chosen() {
    let unpublished = Unpublished {
        patch_null: PatchNull::Ignored,
        patch_array: PatchArray::Merged,
        missing_member: Taken::Refused,
        ..Unpublished::default()
    };
    let world = World::with(Options { unpublished, ..Options::default() }).await;
    world.put("eu", &single()).await;
    let patched = world.patch("eu", "*", &json!({"properties": {"title": null}})).await;
    assert_eq!(patched.body["properties"]["title"], "EU");
    let pool =
        |services: Value| json!({"properties": {"type": "Pool", "pool": {"services": services}}});
    let missing =
        world.put("chat", &pool(json!([{"id": "/backends/eu"}, {"id": "/backends/us"}]))).await;
    let detail = &missing.body["error"]["details"][0];
    assert_eq!(
        detail["message"],
        "pool.services[1].id refers to no existing backend: /backends/us."
    );
    world.put("chat", &pool(json!([{"id": "/backends/EU", "weight": 7, "priority": 2}]))).await;
    let patched =
        world.patch("chat", "*", &pool(json!([{"id": "/x/backends/eu", "weight": 8}]))).await;
    let want = json!([{"id": "/x/backends/eu", "weight": 8, "priority": 2}]);
    assert_eq!(patched.body["properties"]["pool"]["services"], want);
}

#[tokio::test]
async fn a_weight_of_0_can_be_stored_as_1() {
    let unpublished = Unpublished { zero_weight: ZeroWeight::Raised, ..Unpublished::default() };
    let world = World::with(Options { unpublished, ..Options::default() }).await;
    let services = json!([{"id": "/backends/eu", "weight": 0}, {"id": "/backends/us"}]);
    let pool = json!({"properties": {"type": "Pool", "pool": {"services": services}}});
    let made = world.put("chat", &pool).await;
    assert_eq!(made.status, 201);
    let want = json!([{"id": "/backends/eu", "weight": 1}, {"id": "/backends/us"}]);
    assert_eq!(made.body["properties"]["pool"]["services"], want);
}

#[tokio::test]
async fn a_cluster_is_answered_with_what_the_service_adds() {
    let world = World::new().await;
    let body = |cluster: Value| {
        json!({"properties": {"url": "fabric:/a", "protocol": "http",
               "properties": {"serviceFabricCluster": cluster}}})
    };
    let cluster =
        json!({"managementEndpoints": ["https://a"], "clientCertificatethumbprint": "AB"});
    let answered = world.put("sf", &body(cluster)).await.body;
    let cluster =
        |answered: &Value| answered["properties"]["properties"]["serviceFabricCluster"].clone();
    let id = format!("{}/certificates/AB", world.azure.service().id());
    let want = json!({
        "managementEndpoints": ["https://a"], "clientCertificateThumbprint": "AB",
        "clientCertificateId": id, "maxPartitionResolutionRetries": 3,
        "serverCertificateThumbprints": [],
    });
    assert_eq!(cluster(&answered), want);
    // Either spelling changes the same field.
    let patch = json!({"properties": {"properties": {"serviceFabricCluster": {
        "clientCertificatethumbprint": "CD", "maxPartitionResolutionRetries": 5,
    }}}});
    let patched = cluster(&world.patch("sf", "*", &patch).await.body);
    assert_eq!(patched["clientCertificateThumbprint"], "CD");
    assert_eq!(patched["maxPartitionResolutionRetries"], 5);
    assert_eq!(patched.get("clientCertificatethumbprint"), None);
}

#[tokio::test]
async fn a_reconnect_is_accepted_and_done_when_it_is_due() {
    let world = World::chat().await;
    let url = world.url("EU").replace("?", "/reconnect?");
    let post = async |body: Option<Value>| {
        let got = world.send("POST", &url, None, body.as_ref()).await.unwrap();
        (got.status.as_u16(), got.body)
    };
    let after = |after: &str| Some(json!({"properties": {"after": after}}));
    assert_eq!(post(None).await, (202, Value::Null));
    assert_eq!(post(after("PT5M")).await, (202, Value::Null));
    assert_eq!(post(after("P1D")).await.0, 202);
    assert_eq!(post(after("PT119S")).await.0, 400);
    assert_eq!(post(after("soon")).await.0, 400);
    let accepted = world.azure.reconnects();
    let afters: Vec<_> = accepted.iter().map(|r| r.after.as_secs()).collect();
    assert_eq!(afters, [120, 300, 86_400]);
    for reconnect in &accepted {
        assert_eq!(reconnect.due, reconnect.asked + reconnect.after);
        assert!(!reconnect.done);
        assert_eq!(reconnect.backend.name(), "eu");
    }
    world.azure.clock().advance(2 * MINUTE);
    let done =
        |azure: &pointsman_emulator::View<'_>| azure.reconnects().iter().filter(|r| r.done).count();
    assert_eq!(world.azure.view(done), 1);
    let waits = world.azure.wait_for(|azure| done(azure) == 2, BOUND);
    let steps = async { world.azure.clock().advance(3 * MINUTE) };
    let (waited, ()) = tokio::join!(waits, steps);
    waited.unwrap();
    for (backend, status) in [("none", 404), ("chat", 400)] {
        let url = world.url(backend).replace("?", "/reconnect?");
        let got = world.send("POST", &url, None, None).await.unwrap();
        assert_eq!(got.status, status, "{backend}");
    }
    assert_eq!(world.azure.view(|azure| azure.total(Operation::Reconnect)), 7);
    world.azure.finish();
}

#[tokio::test]
async fn what_a_reconnect_below_the_minimum_does_is_an_option() {
    for (behaviour, want) in [(BelowMinimum::Raise, 120), (BelowMinimum::Accept, 3)] {
        let unpublished =
            Unpublished { reconnect_below_minimum: behaviour, ..Unpublished::default() };
        let world = World::with(Options { unpublished, ..Options::default() }).await;
        world.azure.put_single("eu", "http://x").unwrap();
        let url = world.url("eu").replace("?", "/reconnect?");
        let body = json!({"properties": {"after": "PT3S"}});
        let got = world.send("POST", &url, None, Some(&body)).await.unwrap();
        assert_eq!(got.status, 202);
        assert_eq!(world.azure.reconnects()[0].after.as_secs(), want);
    }
}

#[tokio::test]
async fn headers_are_those_of_resource_manager() {
    let world = World::chat().await;
    world.azure.clock().set_skew(jiff::SignedDuration::from_hours(24 * 365));
    let token = world.azure.token();
    let request = world.http.get(world.url("chat")).bearer_auth(token);
    let got = got(request.header("x-ms-client-request-id", "mine")).await.unwrap();
    assert_eq!(got.header("content-type"), "application/json; charset=utf-8");
    assert_eq!(got.header("x-ms-client-request-id"), "mine");
    assert_eq!(got.header("x-ms-ratelimit-remaining-subscription-reads"), "249");
    assert_eq!(got.header("x-ms-request-id").len(), 36);
    assert_eq!(got.header("x-ms-request-id"), got.header("x-ms-correlation-request-id"));
    let year = world.azure.clock().now().strftime("%Y").to_string();
    assert!(got.header("date").contains(&year), "the Date header goes by the clock");
    let record = world.azure.requests().pop().unwrap();
    assert_eq!(record.client_request_id.as_deref(), Some("mine"));
    let patched = world.http.patch(world.url("chat")).bearer_auth(world.azure.token());
    let patched = crate::client::got(patched.header("If-Match", "*").body("{}")).await.unwrap();
    assert_eq!(patched.header("x-ms-ratelimit-remaining-subscription-writes"), "199");
}

#[tokio::test]
async fn an_api_version_and_a_known_service_are_required() {
    let world = World::chat().await;
    let send = async |url: String| {
        let got = world.send("GET", &url, None, None).await.unwrap();
        (got.status.as_u16(), got.code().to_owned())
    };
    let url = world.url("chat");
    let (bare, _) = url.split_once('?').unwrap();
    let missing = (400, "MissingApiVersionParameter".to_owned());
    assert_eq!(send(bare.to_owned()).await, missing);
    let invalid = (400, "InvalidApiVersionParameter".to_owned());
    assert_eq!(send(format!("{bare}?api-version=latest")).await, invalid);
    assert_eq!(send(format!("{bare}?api-version=2025-03-01-preview")).await.0, 200);
    let other = url.replace("contoso-apim", "fabrikam");
    assert_eq!(send(other).await, (404, "ResourceNotFound".to_owned()));
    let shouted = url.replace("rg1", "RG1").replace("contoso-apim", "Contoso-APIM");
    assert_eq!(send(shouted).await.0, 200);
    let posted = world.send("POST", &url, None, None).await.unwrap();
    assert_eq!(posted.status, 405);
}

#[tokio::test]
async fn empty_buckets_refuse_when_they_are_told_to() {
    let world =
        World::with(Options { throttling: Throttling::Enforce, ..Options::default() }).await;
    world.azure.put_single("eu", "http://x").unwrap();
    let mut last = None;
    for _ in 0..400 {
        let got = world.get("eu").await;
        let refused = got.status == 429;
        last = Some(got);
        if refused {
            break;
        }
    }
    let last = last.unwrap();
    assert_eq!((last.status.as_u16(), last.header("retry-after").as_str()), (429, "1"));
    world.azure.clock().advance(Duration::from_secs(10));
    let got = world.get("eu").await;
    assert_eq!(got.status, 200);
    let remaining = got.header("x-ms-ratelimit-remaining-subscription-reads");
    assert!(remaining.parse::<u32>().unwrap() >= 248, "{remaining}");
}
