//! The examples of the three pages that the project began with, request and response.

use crate::client::World;
use pointsman_emulator::{Options, Service, Unpublished, unpublished::BelowMinimum};
use serde_json::{Value, json};

async fn world(unpublished: Unpublished) -> World {
    let service = Service::new("00000000-0000-0000-0000-000000000000", "rg1", "apimService1");
    World::with(Options { service: service.unwrap(), unpublished, ..Options::default() }).await
}

/// What the pages call `proxybackend`.
fn proxy_backend() -> Value {
    json!({
        "description": "description5308",
        "url": "https://backendname2644/",
        "protocol": "http",
        "credentials": {
            "query": {"sv": ["xx", "bb", "cc"]},
            "header": {"x-my-1": ["val1", "val2"]},
            "authorization": {"scheme": "Basic", "parameter": "opensesma"},
        },
        "proxy": {
            "url": "http://192.168.1.1:8080", "username": "Contoso\\admin", "password": "<password>",
        },
        "tls": {"validateCertificateChain": true, "validateCertificateName": true},
    })
}

#[tokio::test]
async fn the_examples_of_the_page_of_create_or_update() {
    let world = world(Unpublished::default()).await;
    let workspace = format!("{}/workspaces/wks1", world.azure.service().id());
    let whole = |name: &str, properties: &Value| {
        json!({
            "id": format!("{workspace}/backends/{name}"),
            "type": "Microsoft.ApiManagement/service/workspaces/backends",
            "name": name,
            "properties": properties,
        })
    };
    let cluster = json!({
        "description": "Service Fabric Test App 1",
        "url": "fabric:/mytestapp/mytestservice",
        "protocol": "http",
        "properties": {"serviceFabricCluster": {
            "managementEndpoints": ["https://somecluster.com"],
            "clientCertificateId": format!("{workspace}/certificates/cert1"),
            "serverX509Names": [{
                "name": "ServerCommonName1",
                "issuerCertificateThumbprint": "IssuerCertificateThumbprint1",
            }],
            "maxPartitionResolutionRetries": 5,
        }},
    });
    // (The page's answer to the first has `tls` all false, which is not what was asked for.)
    for (name, properties) in [("proxybackend", proxy_backend()), ("sfbackend", cluster)] {
        for status in [201, 200] {
            let body = json!({"properties": properties});
            let got = world.put(&format!("wks1/{name}"), &body).await;
            assert_eq!(got.status, status);
            assert_eq!(got.body, whole(name, &properties));
            assert!(got.header("etag").starts_with('"'));
        }
    }
    world.azure.finish();
}

#[tokio::test]
async fn the_example_of_the_page_of_update() {
    let world = world(Unpublished::default()).await;
    world.put("proxybackend", &json!({"properties": proxy_backend()})).await;
    let tls = json!({"validateCertificateChain": false, "validateCertificateName": true});
    let patch = json!({"properties": {"description": "description5308", "tls": tls}});
    let patched = world.patch("proxybackend", "*", &patch).await;
    let mut want = proxy_backend();
    want["tls"] = tls;
    assert_eq!(patched.status, 200);
    assert_eq!(
        patched.body,
        json!({
            "id": "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/apimService1/backends/proxybackend",
            "type": "Microsoft.ApiManagement/service/backends",
            "name": "proxybackend",
            "properties": want,
        })
    );
}

#[tokio::test]
async fn the_example_of_the_page_of_reconnect_is_below_its_own_minimum() {
    for (reconnect_below_minimum, status) in
        [(BelowMinimum::Refuse, 400), (BelowMinimum::Raise, 202), (BelowMinimum::Accept, 202)]
    {
        let world = world(Unpublished { reconnect_below_minimum, ..Unpublished::default() }).await;
        world.put("proxybackend", &json!({"properties": proxy_backend()})).await;
        let url = world.url("proxybackend").replace("?", "/reconnect?");
        let url = url.replace("2024-05-01", "2022-08-01");
        let body = json!({"properties": {"after": "PT3S"}});
        let got = world.send("POST", &url, None, Some(&body)).await.unwrap();
        assert_eq!(got.status, status);
        if status == 202 {
            assert_eq!(got.header("content-length"), "0");
        } else {
            let detail = &got.body["error"]["details"][0];
            assert_eq!(detail["message"], "PT3S: minimum duration of the Reconnect is PT2M");
        }
    }
}
