use std::time::Duration;

use expect_test::{Expect, expect};

use super::*;
use crate::endpoint::{ApiVersion, BaseUrl};
use crate::list::{Skip, Top};
use crate::pool::{Edit, Edited, Setting};
use crate::testing::{SERVICE, backend_id, call, pool, pool_id, workspace_id};

fn check(request: Result<Request<Bytes>, NotOffered>, expected: &Expect) {
    let request = match request {
        Ok(request) => request,
        Err(error) => return expected.assert_eq(&error.to_string()),
    };
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
        get(&Endpoint::default(), &backend_id(), call()),
        &expect![[r#"
        GET https://management.azure.com/subscriptions/6f1e2d3c-0000-4000-8000-0000000000aa/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/contoso/backends/chat-pool?api-version=2024-05-01
        accept: application/json
        x-ms-client-request-id: 00000000-0000-0000-0000-000000000007
    "#]],
    );
    check(
        get(&Endpoint::default(), &workspace_id(), call()),
        &expect![[r#"
        GET https://management.azure.com/subscriptions/6f1e2d3c-0000-4000-8000-0000000000aa/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/contoso/workspaces/w%201/backends/chat-pool?api-version=2024-05-01
        accept: application/json
        x-ms-client-request-id: 00000000-0000-0000-0000-000000000007
    "#]],
    );
    check(
        get(&emulator(), &backend_id(), call()),
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
        update(&Endpoint::default(), &backend_id(), &etag, &patch(), call()),
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
        update(&Endpoint::default(), &workspace_id(), &etag, &patch(), call()),
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

fn draft() -> Draft {
    Draft::parse(r#"{"properties":{"url":"https://eu.contoso.example","protocol":"http"}}"#)
        .unwrap()
}

#[test]
fn list_at_both_levels_with_everything_that_can_be_asked() {
    let service: Scope = SERVICE.parse().unwrap();
    let workspace: Scope = format!("{SERVICE}/workspaces/w 1").parse().unwrap();
    let query = Query {
        filter: Some("startswith(name,'eu & é') and title ne 'a+b'".parse().unwrap()),
        top: Some(Top::new(20).unwrap()),
        skip: Some(Skip::new(40).unwrap()),
    };
    check(
        list(&Endpoint::default(), &service, &Query::default(), call()),
        &expect![[r#"
        GET https://management.azure.com/subscriptions/6f1e2d3c-0000-4000-8000-0000000000aa/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/contoso/backends?api-version=2024-05-01
        accept: application/json
        x-ms-client-request-id: 00000000-0000-0000-0000-000000000007
    "#]],
    );
    check(
        list(&Endpoint::default(), &workspace, &query, call()),
        &expect![[r#"
        GET https://management.azure.com/subscriptions/6f1e2d3c-0000-4000-8000-0000000000aa/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/contoso/workspaces/w%201/backends?api-version=2024-05-01&$filter=startswith%28name%2C%27eu%20%26%20%C3%A9%27%29%20and%20title%20ne%20%27a%2Bb%27&$top=20&$skip=40
        accept: application/json
        x-ms-client-request-id: 00000000-0000-0000-0000-000000000007
    "#]],
    );
    check(
        list(&emulator(), &service, &query, call()),
        &expect![[r#"
        GET http://127.0.0.1:8080/subscriptions/6f1e2d3c-0000-4000-8000-0000000000aa/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/contoso/backends?api-version=2022-08-01&$filter=startswith%28name%2C%27eu%20%26%20%C3%A9%27%29%20and%20title%20ne%20%27a%2Bb%27&$top=20&$skip=40
        accept: application/json
        x-ms-client-request-id: 00000000-0000-0000-0000-000000000007
    "#]],
    );
    let link = "http://127.0.0.1:8080/subscriptions/x/backends?$skip=2&api-version=2022-08-01";
    let link = NextLink::new(&emulator(), link).unwrap();
    check(
        Ok(list_next(&link, call())),
        &expect![[r#"
        GET http://127.0.0.1:8080/subscriptions/x/backends?$skip=2&api-version=2022-08-01
        accept: application/json
        x-ms-client-request-id: 00000000-0000-0000-0000-000000000007
    "#]],
    );
}

#[test]
fn entity_tag_at_both_levels() {
    check(
        entity_tag(&Endpoint::default(), &backend_id(), call()),
        &expect![[r#"
        HEAD https://management.azure.com/subscriptions/6f1e2d3c-0000-4000-8000-0000000000aa/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/contoso/backends/chat-pool?api-version=2024-05-01
        accept: application/json
        x-ms-client-request-id: 00000000-0000-0000-0000-000000000007
    "#]],
    );
    check(
        entity_tag(&Endpoint::default(), &workspace_id(), call()),
        &expect![[r#"
        HEAD https://management.azure.com/subscriptions/6f1e2d3c-0000-4000-8000-0000000000aa/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/contoso/workspaces/w%201/backends/chat-pool?api-version=2024-05-01
        accept: application/json
        x-ms-client-request-id: 00000000-0000-0000-0000-000000000007
    "#]],
    );
}

#[test]
fn create_says_nothing_of_a_state() {
    check(
        create(&Endpoint::default(), &backend_id(), &draft(), call()),
        &expect![[r#"
        PUT https://management.azure.com/subscriptions/6f1e2d3c-0000-4000-8000-0000000000aa/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/contoso/backends/chat-pool?api-version=2024-05-01
        accept: application/json
        content-type: application/json
        x-ms-client-request-id: 00000000-0000-0000-0000-000000000007

        {"properties":{"url":"https://eu.contoso.example","protocol":"http"}}
    "#]],
    );
    check(
        create(&Endpoint::default(), &workspace_id(), &draft(), call()),
        &expect![[r#"
        PUT https://management.azure.com/subscriptions/6f1e2d3c-0000-4000-8000-0000000000aa/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/contoso/workspaces/w%201/backends/chat-pool?api-version=2024-05-01
        accept: application/json
        content-type: application/json
        x-ms-client-request-id: 00000000-0000-0000-0000-000000000007

        {"properties":{"url":"https://eu.contoso.example","protocol":"http"}}
    "#]],
    );
}

#[test]
fn replace_carries_the_etag_and_overwrite_any() {
    let etag: ETag = "\"AAAAAAAADCE=\"".parse().unwrap();
    check(
        replace(&Endpoint::default(), &backend_id(), &etag, &draft(), call()),
        &expect![[r#"
        PUT https://management.azure.com/subscriptions/6f1e2d3c-0000-4000-8000-0000000000aa/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/contoso/backends/chat-pool?api-version=2024-05-01
        accept: application/json
        content-type: application/json
        x-ms-client-request-id: 00000000-0000-0000-0000-000000000007
        if-match: "AAAAAAAADCE="

        {"properties":{"url":"https://eu.contoso.example","protocol":"http"}}
    "#]],
    );
    check(
        replace(&Endpoint::default(), &workspace_id(), &etag, &draft(), call()),
        &expect![[r#"
            PUT https://management.azure.com/subscriptions/6f1e2d3c-0000-4000-8000-0000000000aa/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/contoso/workspaces/w%201/backends/chat-pool?api-version=2024-05-01
            accept: application/json
            content-type: application/json
            x-ms-client-request-id: 00000000-0000-0000-0000-000000000007
            if-match: "AAAAAAAADCE="

            {"properties":{"url":"https://eu.contoso.example","protocol":"http"}}
        "#]],
    );
    let leave = Overwrite::whatever_is_there();
    check(
        overwrite(&Endpoint::default(), &backend_id(), leave, &draft(), call()),
        &expect![[r#"
        PUT https://management.azure.com/subscriptions/6f1e2d3c-0000-4000-8000-0000000000aa/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/contoso/backends/chat-pool?api-version=2024-05-01
        accept: application/json
        content-type: application/json
        x-ms-client-request-id: 00000000-0000-0000-0000-000000000007
        if-match: *

        {"properties":{"url":"https://eu.contoso.example","protocol":"http"}}
    "#]],
    );
    check(
        overwrite(&Endpoint::default(), &workspace_id(), leave, &draft(), call()),
        &expect![[r#"
            PUT https://management.azure.com/subscriptions/6f1e2d3c-0000-4000-8000-0000000000aa/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/contoso/workspaces/w%201/backends/chat-pool?api-version=2024-05-01
            accept: application/json
            content-type: application/json
            x-ms-client-request-id: 00000000-0000-0000-0000-000000000007
            if-match: *

            {"properties":{"url":"https://eu.contoso.example","protocol":"http"}}
        "#]],
    );
}

#[test]
fn delete_at_both_levels_carries_the_etag() {
    let etag: ETag = "\"AAAAAAAADCE=\"".parse().unwrap();
    check(
        delete(&Endpoint::default(), &backend_id(), &etag, call()),
        &expect![[r#"
        DELETE https://management.azure.com/subscriptions/6f1e2d3c-0000-4000-8000-0000000000aa/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/contoso/backends/chat-pool?api-version=2024-05-01
        accept: application/json
        x-ms-client-request-id: 00000000-0000-0000-0000-000000000007
        if-match: "AAAAAAAADCE="
    "#]],
    );
    check(
        delete(&Endpoint::default(), &workspace_id(), &etag, call()),
        &expect![[r#"
        DELETE https://management.azure.com/subscriptions/6f1e2d3c-0000-4000-8000-0000000000aa/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/contoso/workspaces/w%201/backends/chat-pool?api-version=2024-05-01
        accept: application/json
        x-ms-client-request-id: 00000000-0000-0000-0000-000000000007
        if-match: "AAAAAAAADCE="
    "#]],
    );
}

#[test]
fn what_a_version_does_not_have_is_not_asked_of_it() {
    let (old, etag) = (emulator(), "\"1\"".parse().unwrap());
    let (at_service, in_workspace) = (backend_id(), workspace_id());
    let workspace: Scope = format!("{SERVICE}/workspaces/w 1").parse().unwrap();
    for refused in [
        list(&old, &workspace, &Query::default(), call()),
        entity_tag(&old, &in_workspace, call()),
        get(&old, &in_workspace, call()),
        create(&old, &in_workspace, &draft(), call()),
        replace(&old, &in_workspace, &etag, &draft(), call()),
        overwrite(&old, &in_workspace, Overwrite::whatever_is_there(), &draft(), call()),
        delete(&old, &in_workspace, &etag, call()),
    ] {
        assert_eq!(
            refused.unwrap_err().to_string(),
            "api-version 2022-08-01 has no backends in workspaces: ask for 2024-05-01 or a later one"
        );
    }
    let pool = Draft::parse(
        r#"{"properties":{"type":"Pool","pool":{"services":[{"id":"/backends/eu"}]}}}"#,
    );
    check(
        create(&old, &at_service, &pool.unwrap(), call()),
        &expect!["api-version 2022-08-01 has no pools: ask for 2024-05-01 or a later one"],
    );
    check(
        update(&old, &at_service, &etag, &patch(), call()),
        &expect!["api-version 2022-08-01 has no pools: ask for 2024-05-01 or a later one"],
    );
    let breaker = Patch::parse(r#"{"properties":{"circuitBreaker":{"rules":[]}}}"#).unwrap();
    check(
        update(&old, &at_service, &etag, &breaker, call()),
        &expect![
            "api-version 2022-08-01 has no circuit breakers: ask for 2024-05-01 or a later one"
        ],
    );
    // A Single that says so, and a null, are what the version takes anyway.
    let single = r#"{"properties":{"type":"Single","url":"a","protocol":"http","pool":null}}"#;
    assert!(create(&old, &at_service, &Draft::parse(single).unwrap(), call()).is_ok());
}

#[test]
fn reconnect_always_says_when() {
    check(
        Ok(reconnect(&Endpoint::default(), &pool_id(), After::MIN, call())),
        &expect![[r#"
        POST https://management.azure.com/subscriptions/6f1e2d3c-0000-4000-8000-0000000000aa/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/contoso/backends/chat-pool/reconnect?api-version=2024-05-01
        accept: application/json
        content-type: application/json
        x-ms-client-request-id: 00000000-0000-0000-0000-000000000007

        {"properties":{"after":"PT2M"}}
    "#]],
    );
    check(
        Ok(reconnect(&emulator(), &pool_id(), "PT1H30M".parse().unwrap(), call())),
        &expect![[r#"
        POST http://127.0.0.1:8080/subscriptions/6f1e2d3c-0000-4000-8000-0000000000aa/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/contoso/backends/chat-pool/reconnect?api-version=2022-08-01
        accept: application/json
        content-type: application/json
        x-ms-client-request-id: 00000000-0000-0000-0000-000000000007

        {"properties":{"after":"PT1H30M"}}
    "#]],
    );
}

#[test]
fn reconnect_below_the_minimum_is_asked_for_by_name() {
    let after = After::even_below_minimum(Duration::from_secs(3));
    let request = reconnect(&emulator(), &pool_id(), after, call());
    check(
        Ok(request),
        &expect![[r#"
        POST http://127.0.0.1:8080/subscriptions/6f1e2d3c-0000-4000-8000-0000000000aa/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/contoso/backends/chat-pool/reconnect?api-version=2022-08-01
        accept: application/json
        content-type: application/json
        x-ms-client-request-id: 00000000-0000-0000-0000-000000000007

        {"properties":{"after":"PT3S"}}
    "#]],
    );
}
