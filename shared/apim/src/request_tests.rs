use expect_test::{Expect, expect};

use super::*;
use crate::endpoint::{ApiVersion, BaseUrl};
use crate::pool::{Edit, Edited, Setting};
use crate::testing::{backend_id, call, pool, pool_id, workspace_id};

fn check(request: &Request<Bytes>, expected: &Expect) {
    let mut shown = format!("{} {}\n", request.method(), request.uri());
    for (name, value) in request.headers() {
        shown.push_str(&format!("{name}: {}\n", value.to_str().unwrap()));
    }
    if !request.body().is_empty() {
        shown.push_str(&format!("\n{}\n", std::str::from_utf8(request.body()).unwrap()));
    }
    expected.assert_eq(&shown);
}

fn emulator() -> Endpoint {
    let base: BaseUrl = "http://127.0.0.1:8080".parse().unwrap();
    Endpoint::new(base, "2022-08-01".parse::<ApiVersion>().unwrap())
}

fn patch() -> Patch {
    let backend = pool(r#"[{"id":"/backends/eu","weight":50}]"#);
    let mut edit = Edit::of(&backend).unwrap();
    edit.weight(&"eu".parse().unwrap(), Setting::Number(0)).unwrap();
    match edit.finish() {
        Edited::Changed(patch) => patch,
        Edited::Unchanged => panic!("nothing changed"),
    }
}

#[test]
fn get_at_both_levels() {
    check(
        &get(&Endpoint::default(), &backend_id(), call()),
        &expect![[r#"
        GET https://management.azure.com/subscriptions/6f1e2d3c-0000-4000-8000-0000000000aa/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/contoso/backends/chat-pool?api-version=2024-05-01
        accept: application/json
        x-ms-client-request-id: 00000000-0000-0000-0000-000000000007
    "#]],
    );
    check(
        &get(&Endpoint::default(), &workspace_id().into(), call()),
        &expect![[r#"
        GET https://management.azure.com/subscriptions/6f1e2d3c-0000-4000-8000-0000000000aa/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/contoso/workspaces/w%201/backends/chat-pool?api-version=2024-05-01
        accept: application/json
        x-ms-client-request-id: 00000000-0000-0000-0000-000000000007
    "#]],
    );
    check(
        &get(&emulator(), &backend_id(), call()),
        &expect![[r#"
        GET http://127.0.0.1:8080/subscriptions/6f1e2d3c-0000-4000-8000-0000000000aa/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/contoso/backends/chat-pool?api-version=2022-08-01
        accept: application/json
        x-ms-client-request-id: 00000000-0000-0000-0000-000000000007
    "#]],
    );
}

#[test]
fn update_at_both_levels_carries_the_etag() {
    let etag: ETag = "\"AAAAAAAADCE=\"".parse().unwrap();
    check(
        &update(&Endpoint::default(), &backend_id(), &etag, &patch(), call()),
        &expect![[r#"
        PATCH https://management.azure.com/subscriptions/6f1e2d3c-0000-4000-8000-0000000000aa/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/contoso/backends/chat-pool?api-version=2024-05-01
        accept: application/json
        content-type: application/json
        x-ms-client-request-id: 00000000-0000-0000-0000-000000000007
        if-match: "AAAAAAAADCE="

        {"properties":{"pool":{"services":[{"id":"/backends/eu","weight":0}]}}}
    "#]],
    );
    check(
        &update(&Endpoint::default(), &workspace_id().into(), &etag, &patch(), call()),
        &expect![[r#"
            PATCH https://management.azure.com/subscriptions/6f1e2d3c-0000-4000-8000-0000000000aa/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/contoso/workspaces/w%201/backends/chat-pool?api-version=2024-05-01
            accept: application/json
            content-type: application/json
            x-ms-client-request-id: 00000000-0000-0000-0000-000000000007
            if-match: "AAAAAAAADCE="

            {"properties":{"pool":{"services":[{"id":"/backends/eu","weight":0}]}}}
        "#]],
    );
}

#[test]
fn reconnect_always_says_when() {
    check(
        &reconnect(&Endpoint::default(), &pool_id(), After::MIN, call()),
        &expect![[r#"
        POST https://management.azure.com/subscriptions/6f1e2d3c-0000-4000-8000-0000000000aa/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/contoso/backends/chat-pool/reconnect?api-version=2024-05-01
        accept: application/json
        content-type: application/json
        x-ms-client-request-id: 00000000-0000-0000-0000-000000000007

        {"properties":{"after":"PT2M"}}
    "#]],
    );
    check(
        &reconnect(&emulator(), &pool_id(), "PT1H30M".parse().unwrap(), call()),
        &expect![[r#"
        POST http://127.0.0.1:8080/subscriptions/6f1e2d3c-0000-4000-8000-0000000000aa/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/contoso/backends/chat-pool/reconnect?api-version=2022-08-01
        accept: application/json
        content-type: application/json
        x-ms-client-request-id: 00000000-0000-0000-0000-000000000007

        {"properties":{"after":"PT1H30M"}}
    "#]],
    );
}
