//! The three pages that the project began with, their examples sent by the client and answered by
//! the emulator; and what a replacement by an older version would lose.
//!
//! Each side has the examples in its own tests, against what the pages print; here they meet.

#![expect(clippy::unwrap_used, reason = "also what helps a test may panic; clippy only lets tests")]

use std::time::Duration;

use pointsman_apim::{
    After, BackendId, Client, Credential, Document, Draft, Endpoint, Error,
    Options as ClientOptions, Patch, RequestId, Secret, ServiceBackendId, diff, newer,
    put::Created, version::ApiVersion,
};
use pointsman_emulator::{
    Emulator, Options, Service, Unpublished,
    unpublished::{BelowMinimum, NewerFields},
};
use serde_json::{Value, json};

const SERVICE: &str = "/subscriptions/6f1e2d3c-0000-4000-8000-0000000000aa/resourceGroups/rg1/\
                       providers/Microsoft.ApiManagement/service/contoso";

struct World {
    azure: Emulator,
    client: Client,
}

impl World {
    async fn new(unpublished: Unpublished) -> Self {
        let service = Service::new("6f1e2d3c-0000-4000-8000-0000000000aa", "rg1", "contoso");
        let options = Options { service: service.unwrap(), unpublished, ..Options::default() };
        let azure = Emulator::start(options).await.unwrap();
        let endpoint = Endpoint::new(azure.arm_url().parse().unwrap(), ApiVersion::default());
        let token = Credential::Static(Secret::new(azure.token()));
        let options = ClientOptions {
            reconnect_version: Some(ApiVersion::RECONNECT),
            ..ClientOptions::default()
        };
        let client = Client::new(endpoint, token, options).unwrap();
        Self { azure, client }
    }
}

fn call() -> RequestId {
    RequestId::from("00000000-0000-4000-8000-000000000007".parse::<uuid::Uuid>().unwrap())
}

fn id(tail: &str) -> BackendId {
    format!("{SERVICE}/{tail}").parse().unwrap()
}

/// A backend behind a proxy, with everything that the pages' first example has.
fn with_a_proxy() -> Value {
    json!({
        "description": "takes orders",
        "url": "https://orders.contoso.example/",
        "protocol": "http",
        "credentials": {
            "query": {"version": ["a", "b", "c"]},
            "header": {"x-caller": ["apim", "west"]},
            "authorization": {"scheme": "Basic", "parameter": "b3BlbjpzZXNhbWU="},
        },
        "proxy": {
            "url": "http://proxy.contoso.example:8080",
            "username": "CONTOSO\\gateway",
            "password": "hush",
        },
        "tls": {"validateCertificateChain": true, "validateCertificateName": true},
    })
}

/// A service of Service Fabric, as their second example.
fn of_service_fabric() -> Value {
    json!({
        "description": "keeps the ledger",
        "url": "fabric:/contoso/ledger",
        "protocol": "http",
        "properties": {"serviceFabricCluster": {
            "managementEndpoints": ["https://fabric.contoso.example"],
            "clientCertificateId": format!("{SERVICE}/workspaces/west/certificates/fabric"),
            "serverX509Names": [
                {"name": "fabric.contoso.example", "issuerCertificateThumbprint": "C0FFEE"},
            ],
            "maxPartitionResolutionRetries": 5,
        }},
    })
}

fn draft(properties: &Value) -> Draft {
    Draft::parse(json!({"properties": properties}).to_string()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn workspace_create_or_update() {
    let World { azure, client } = World::new(Unpublished::default()).await;
    for (name, properties) in [("orders", with_a_proxy()), ("ledger", of_service_fabric())] {
        let id = id(&format!("workspaces/west/backends/{name}"));
        let draft = draft(&properties);
        // 201, then 200: the page's two answers.
        let Created::New(new) = client.create(&id, &draft, call()).await.unwrap() else {
            panic!("{name} was there")
        };
        let replaced = client.replace(&id, new.etag(), &draft, call()).await.unwrap();
        for backend in [&new, &replaced] {
            assert_eq!(
                *backend.raw(),
                json!({
                    "id": id.to_string(),
                    "type": "Microsoft.ApiManagement/service/workspaces/backends",
                    "name": name,
                    "properties": properties,
                })
            );
        }
        assert_ne!(new.etag(), replaced.etag());
        let stale = client.replace(&id, new.etag(), &draft, call()).await.unwrap_err();
        assert!(matches!(stale, Error::PreconditionFailed(_)), "{stale:?}");
    }
    azure.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn update() {
    let World { azure, client } = World::new(Unpublished::default()).await;
    let id = id("backends/orders");
    let created = client.create(&id, &draft(&with_a_proxy()), call()).await.unwrap();
    let patch = Patch::parse(
        r#"{"properties":{"description":"takes more","tls":{"validateCertificateChain":false,"validateCertificateName":true}}}"#,
    )
    .unwrap();
    let etag = created.backend().etag();
    let updated = client.update(&id, etag, &patch, call()).await.unwrap();
    assert_eq!(*updated.raw(), patch.applied_to(created.backend().document()));
    let lines = diff::between(created.backend().raw(), updated.raw());
    let paths: Vec<&str> = lines.iter().map(|line| line.path.as_str()).collect();
    assert_eq!(paths, ["properties.description", "properties.tls.validateCertificateChain"]);
    azure.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn reconnect() {
    let backend: ServiceBackendId = id("backends/orders").to_string().parse().unwrap();
    let example = After::even_below_minimum(Duration::from_secs(3));
    for (reconnect_below_minimum, seconds) in [
        (BelowMinimum::Refuse, None),
        (BelowMinimum::Raise, Some(120)),
        (BelowMinimum::Accept, Some(3)),
    ] {
        let unpublished = Unpublished { reconnect_below_minimum, ..Unpublished::default() };
        let World { azure, client } = World::new(unpublished).await;
        client.create(&backend.clone().into(), &draft(&with_a_proxy()), call()).await.unwrap();
        // The example asks for less than its own page allows.
        let asked = client.reconnect(&backend, example, call()).await;
        match seconds {
            Some(_) => assert!(asked.is_ok(), "{asked:?}"),
            None => {
                let refused = asked.unwrap_err();
                assert!(matches!(refused, Error::Refused(_)), "{refused:?}");
                let full = refused.full();
                assert!(full.contains("minimum duration of the Reconnect is PT2M"), "{full}");
            }
        }
        client.reconnect(&backend, After::MIN, call()).await.unwrap();
        let afters: Vec<u64> = azure.reconnects().iter().map(|r| r.after.as_secs()).collect();
        assert_eq!(afters, seconds.into_iter().chain([120]).collect::<Vec<_>>());
        azure.finish();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_older_version_hides_is_named_before_it_is_lost() {
    for (newer_fields, expected) in [
        (NewerFields::Shown, vec![]),
        (
            NewerFields::Hidden,
            vec![
                "properties.circuitBreaker.rules[slow].failureResponse.statusCode",
                "properties.azureRegion",
            ],
        ),
    ] {
        let unpublished = Unpublished { newer_fields, ..Unpublished::default() };
        let World { azure, client } = World::new(unpublished).await;
        let id = id("backends/eu");
        let whole = json!({
            "url": "https://eu.example", "protocol": "http",
            "circuitBreaker": {"rules": [{
                "name": "slow", "failureCondition": {"count": 1, "errorReasons": ["timeout"]},
                "failureResponse": {"statusCode": 418},
            }]},
            "azureRegion": "westeurope",
        });
        client.create(&id, &draft(&whole), call()).await.unwrap();

        // What a person would do: read it, change the title, put it back.
        let seen = client.get(&id, call()).await.unwrap();
        let mut tree = seen.raw().clone();
        tree["properties"]["title"] = json!("Europe");
        let written = Document::parse(tree.to_string()).unwrap();
        let newest = client.get_newest(&id, call()).await.unwrap();
        assert_eq!(newest.etag(), seen.etag());
        let lost = newer::lost(seen.document(), newest.document(), &written);
        assert_eq!(lost, expected, "{newer_fields:?}");

        // And it is so.
        let draft = Draft::of(written).unwrap();
        client.replace(&id, seen.etag(), &draft, call()).await.unwrap();
        let after = client.get_newest(&id, call()).await.unwrap();
        let gone = newer::lost(seen.document(), newest.document(), after.document());
        assert_eq!(gone, expected, "{newer_fields:?}");
        azure.finish();
    }
}
