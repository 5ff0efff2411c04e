//! The examples of the three pages that this began with, request and response, in values of our
//! own: [Backend - Reconnect][1] (2022-08-01), [Backend - Update][2] and
//! [Workspace Backend - Create Or Update][3] (2024-05-01).
//!
//! [1]: https://learn.microsoft.com/rest/api/apimanagement/backend/reconnect
//! [2]: https://learn.microsoft.com/rest/api/apimanagement/backend/update
//! [3]: https://learn.microsoft.com/rest/api/apimanagement/workspace-backend/create-or-update

use std::time::Duration;

use bytes::Bytes;
use expect_test::{Expect, expect};
use http::{Request, Response};
use serde_json::{Value, json};

use crate::backend::{Backend, Kind};
use crate::diff;
use crate::duration::{After, AfterError};
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::etag::ETag;
use crate::id::{BackendId, ServiceBackendId};
use crate::model::connection::{Protocol, Proxy, Tls};
use crate::model::credentials::{Authorization, Credentials, Values};
use crate::model::fabric::{Cluster, X509Name};
use crate::model::scalar::Parameter;
use crate::model::{self, Properties, Shape};
use crate::patch::Patch;
use crate::put::{Created, Draft};
use crate::request;
use crate::response;
use crate::secret::Secret;
use crate::testing::{answer, call};
use crate::version::ApiVersion;

const SERVICE: &str = "/subscriptions/7d4c0b1a-0000-4000-8000-0000000000bb/resourceGroups/rg-west\
                       /providers/Microsoft.ApiManagement/service/contoso";

fn sent(request: &Request<Bytes>, expected: &Expect) {
    let state = request.headers().get("if-match").map_or("-", |state| state.to_str().unwrap());
    let path = request.uri().path_and_query().unwrap().as_str().replace(SERVICE, "");
    let body = std::str::from_utf8(request.body()).unwrap();
    expected.assert_eq(&format!("{} {path} If-Match {state}\n{body}", request.method()));
}

fn answered(status: u16, body: &Value) -> Response<Bytes> {
    answer(status, "ETag: \"AAAAAAAAZfI=\"\nx-ms-request-id: r-1", body.to_string())
}

/// What is not where it was expected, once the service has answered.
fn differs(wanted: &Value, backend: &Backend, expected: &Expect) {
    let lines = diff::between(&wanted["properties"], &backend.raw()["properties"]);
    expected.assert_eq(&lines.iter().map(|line| format!("{line}\n")).collect::<String>());
}

fn etag() -> ETag {
    "\"AAAAAAAAZfE=\"".parse().unwrap()
}

#[test]
fn reconnect() {
    let id: ServiceBackendId = format!("{SERVICE}/backends/orders").parse().unwrap();
    let endpoint = Endpoint::default().at_version(ApiVersion::RECONNECT);
    // The example asks for less than its own page allows.
    let example = Duration::from_secs(3);
    assert_eq!(After::new(example), Err(AfterError::TooShort(example)));
    let after = After::even_below_minimum(example);
    let request = request::reconnect(&endpoint, &id, after, call());
    sent(
        &request,
        &expect![[r#"
        POST /backends/orders/reconnect?api-version=2022-08-01 If-Match -
        {"properties":{"after":"PT3S"}}"#]],
    );
    let accepted = response::reconnect(call(), &answer(202, "x-ms-request-id: r-1", ""));
    assert_eq!(accepted.unwrap().ids.request.as_deref(), Some("r-1"));
    // And within it.
    sent(
        &request::reconnect(&endpoint, &id, After::MIN, call()),
        &expect![[r#"
        POST /backends/orders/reconnect?api-version=2022-08-01 If-Match -
        {"properties":{"after":"PT2M"}}"#]],
    );
    // The page's shape of an error.
    let refused = r#"{"error":{"code":"ValidationError","message":"Fields are wrong:","details":[
        {"code":"ValidationError","target":"after","message":"It is too short."}]}}"#;
    let error = response::reconnect(call(), &answer(400, "", refused)).unwrap_err();
    expect!["Azure refused it (400 ValidationError): Fields are wrong: [after: It is too short. (ValidationError)] (client-request-id 00000000-0000-0000-0000-000000000007)"].assert_eq(&error.full());
}

/// A backend with a proxy and credentials, as the service answers for it.
fn orders(id: &BackendId, kind: &str, description: &str, chain: bool, name: bool) -> Value {
    json!({
        "id": id.to_string(),
        "type": kind,
        "name": "orders",
        "properties": {
            "description": description,
            "url": "https://orders.contoso.example/",
            "protocol": "http",
            "credentials": {
                "query": {"version": ["a", "b", "c"]},
                "header": {"x-caller": ["apim", "west"]},
                "authorization": {"scheme": "Basic", "parameter": "b3BlbjpzZXNhbWU="}
            },
            "proxy": {
                "url": "http://proxy.contoso.example:8080",
                "username": "CONTOSO\\gateway",
                "password": "hush"
            },
            "tls": {"validateCertificateChain": chain, "validateCertificateName": name}
        }
    })
}

#[test]
fn update() {
    let id: BackendId = format!("{SERVICE}/backends/orders").parse().unwrap();
    let kind = "Microsoft.ApiManagement/service/backends";
    let before = answered(200, &orders(&id, kind, "as it was", true, true));
    let before = response::backend(call(), before).unwrap();

    let example = r#"{"properties":{"description":"takes orders","tls":{"validateCertificateChain":false,"validateCertificateName":true}}}"#;
    let written = Patch::parse(example).unwrap();
    assert!(written.check_on(before.document()).is_ok());

    let request = request::update(&Endpoint::default(), &id, &etag(), &written, call()).unwrap();
    sent(
        &request,
        &expect![[r#"
        PATCH /backends/orders?api-version=2024-05-01 If-Match "AAAAAAAAZfE="
        {"properties":{"description":"takes orders","tls":{"validateCertificateChain":false,"validateCertificateName":true}}}"#]],
    );
    let after = answered(200, &orders(&id, kind, "takes orders", false, true));
    let after = response::backend(call(), after).unwrap();
    assert_eq!(after.etag().as_str(), "\"AAAAAAAAZfI=\"");
    // All that was not named is as it was.
    assert_eq!(*after.raw(), written.applied_to(before.document()));
    differs(
        before.raw(),
        &after,
        &expect![[r#"
        ~ description: "as it was" -> "takes orders"
        ~ tls.validateCertificateChain: true -> false
    "#]],
    );
    let properties = model::read(after.document()).unwrap();
    assert_eq!(properties.description.unwrap().as_str(), "takes orders");
    assert_eq!(after.document().name().unwrap().as_str(), "orders");
}

#[test]
fn workspace_create_or_update_of_a_backend_with_a_proxy() {
    let id: BackendId = format!("{SERVICE}/workspaces/west/backends/orders").parse().unwrap();
    let example = json!({"properties": {
        "description": "takes orders",
        "url": "https://orders.contoso.example/",
        "protocol": "http",
        "tls": {"validateCertificateChain": true, "validateCertificateName": true},
        "proxy": {
            "url": "http://proxy.contoso.example:8080",
            "username": "CONTOSO\\gateway",
            "password": "hush"
        },
        "credentials": {
            "query": {"version": ["a", "b", "c"]},
            "header": {"x-caller": ["apim", "west"]},
            "authorization": {"scheme": "Basic", "parameter": "b3BlbjpzZXNhbWU="}
        }
    }});
    let url = "https://orders.contoso.example/".parse().unwrap();
    let mut properties =
        Properties::of(Shape::Single { url, protocol: Protocol::Http, breaker: None });
    properties.description = Some("takes orders".parse().unwrap());
    properties.tls =
        Some(Tls { validate_certificate_chain: Some(true), validate_certificate_name: Some(true) });
    properties.proxy = Some(Proxy {
        url: "http://proxy.contoso.example:8080".parse().unwrap(),
        username: Some("CONTOSO\\gateway".to_owned()),
        password: Some(Secret::new("hush")),
    });
    let values = |name: &str, values: &[&str]| {
        let values = values.iter().map(|value| Secret::new(*value)).collect();
        Some(Values([(name.to_owned(), values)].into()))
    };
    properties.credentials = Some(Credentials {
        authorization: Some(Authorization {
            scheme: "Basic".parse().unwrap(),
            parameter: Parameter::new(Secret::new("b3BlbjpzZXNhbWU=")).unwrap(),
        }),
        query: values("version", &["a", "b", "c"]),
        header: values("x-caller", &["apim", "west"]),
        ..Credentials::default()
    });
    let kind = "Microsoft.ApiManagement/service/workspaces/backends";
    // The example's answer says of the certificate what was not asked for; so does this.
    let answer = orders(&id, kind, "takes orders", false, false);
    created(
        &id,
        &example,
        &properties,
        &answer,
        &expect![[r#"
        PUT /workspaces/west/backends/orders?api-version=2024-05-01 If-Match -
        {"properties":{"description":"takes orders","url":"https://orders.contoso.example/","protocol":"http","tls":{"validateCertificateChain":true,"validateCertificateName":true},"proxy":{"url":"http://proxy.contoso.example:8080","username":"CONTOSO\\gateway","password":"hush"},"credentials":{"query":{"version":["a","b","c"]},"header":{"x-caller":["apim","west"]},"authorization":{"scheme":"Basic","parameter":"b3BlbjpzZXNhbWU="}}}}"#]],
        &expect![[r#"
        ~ tls.validateCertificateChain: true -> false
        ~ tls.validateCertificateName: true -> false
    "#]],
    );
}

#[test]
fn workspace_create_or_update_of_a_service_of_service_fabric() {
    let id: BackendId = format!("{SERVICE}/workspaces/west/backends/ledger").parse().unwrap();
    let certificate = format!("{SERVICE}/workspaces/west/certificates/fabric");
    let example = json!({"properties": {
        "description": "keeps the ledger",
        "protocol": "http",
        "url": "fabric:/contoso/ledger",
        "properties": {"serviceFabricCluster": {
            "managementEndpoints": ["https://fabric.contoso.example"],
            "clientCertificateId": certificate,
            "serverX509Names": [
                {"name": "fabric.contoso.example", "issuerCertificateThumbprint": "C0FFEE"}
            ],
            "maxPartitionResolutionRetries": 5
        }}
    }});
    let url = "fabric:/contoso/ledger".parse().unwrap();
    let mut properties =
        Properties::of(Shape::Single { url, protocol: Protocol::Http, breaker: None });
    properties.description = Some("keeps the ledger".parse().unwrap());
    properties.cluster = Some(Cluster {
        management_endpoints: vec!["https://fabric.contoso.example".to_owned()],
        client_certificate_id: Some(certificate.clone()),
        client_certificate_thumbprint: None,
        max_partition_resolution_retries: Some(5),
        server_certificate_thumbprints: None,
        server_x509_names: Some(vec![X509Name {
            name: Some("fabric.contoso.example".to_owned()),
            issuer_thumbprint: Some("C0FFEE".to_owned()),
        }]),
    });
    let mut answer = example.clone();
    answer["id"] = json!(id.to_string());
    answer["type"] = json!("Microsoft.ApiManagement/service/workspaces/backends");
    answer["name"] = json!("ledger");
    created(
        &id,
        &example,
        &properties,
        &answer,
        &expect![[r#"
        PUT /workspaces/west/backends/ledger?api-version=2024-05-01 If-Match -
        {"properties":{"description":"keeps the ledger","protocol":"http","url":"fabric:/contoso/ledger","properties":{"serviceFabricCluster":{"managementEndpoints":["https://fabric.contoso.example"],"clientCertificateId":"/subscriptions/7d4c0b1a-0000-4000-8000-0000000000bb/resourceGroups/rg-west/providers/Microsoft.ApiManagement/service/contoso/workspaces/west/certificates/fabric","serverX509Names":[{"name":"fabric.contoso.example","issuerCertificateThumbprint":"C0FFEE"}],"maxPartitionResolutionRetries":5}}}}"#]],
        &expect![""],
    );
}

/// Creates and replaces what the example has, and reads both of its answers.
fn created(
    id: &BackendId,
    example: &Value,
    properties: &Properties,
    answer: &Value,
    request: &Expect,
    difference: &Expect,
) {
    // What the values say is what the example says.
    assert_eq!(Draft::new(properties).unwrap().document().raw(), example);
    let draft = Draft::parse(example.to_string()).unwrap();
    assert_eq!(model::read(draft.document()).unwrap(), *properties);

    let endpoint = Endpoint::default();
    sent(&request::create(&endpoint, id, &draft, call()).unwrap(), request);
    let replaced = request::replace(&endpoint, id, &etag(), &draft, call()).unwrap();
    assert_eq!(replaced.headers()["if-match"], "\"AAAAAAAAZfE=\"");
    assert_eq!(replaced.body(), draft.document().body());

    let new = response::created(call(), answered(201, answer)).unwrap();
    assert!(matches!(new, Created::New(_)));
    let not_new = response::created(call(), answered(200, answer)).unwrap();
    assert!(matches!(not_new, Created::Replaced(_)));
    let replaced = response::backend(call(), answered(200, answer)).unwrap();
    for backend in [new.backend(), not_new.backend(), &replaced] {
        assert_eq!(backend.raw(), answer);
        assert_eq!(backend.kind().unwrap(), Kind::Single);
        let read = model::read(backend.document()).unwrap();
        assert!(matches!(read.shape, Shape::Single { .. }));
    }
    differs(example, &replaced, difference);
    // The page's shape of an error nests.
    let refused = r#"{"error":{"code":"ValidationError","message":"no","target":"properties","details":[
        {"code":"A","message":"a","target":"url","details":[{"code":"B","message":"b"}]}],
        "additionalInfo":[{"type":"Hint","info":{"see":"the page"}}]}}"#;
    let refused = crate::testing::answer(400, "", refused);
    let error = response::created(call(), refused).unwrap_err();
    assert!(matches!(error, Error::Refused(_)), "{error:?}");
    let full = error.full();
    assert!(full.contains("[url: a (A)] [-: b (B)] <Hint: {\"see\":\"the page\"}>"), "{full}");
}
