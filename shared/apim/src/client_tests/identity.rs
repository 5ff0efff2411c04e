//! Tokens by `azure_identity`, from a server that stands for the identity services.

use std::collections::HashMap;
use std::io::Write as _;

use expect_test::expect;
use http::header::AUTHORIZATION;

use super::server::{Reply, Server, reply};
use super::*;

const ENTRA: &str = r#"{"token_type":"Bearer","expires_in":3600,"ext_expires_in":3600,"access_token":"hush-token"}"#;
const TENANT: &str = "11111111-0000-4000-8000-000000000001";

/// A token of the metadata service, which ends in the far future.
fn machine() -> Reply {
    let token = r#"{"access_token":"hush-token","expires_on":"4102444800","resource":"r","token_type":"Bearer"}"#;
    reply(200, "Content-Type: application/json", token)
}

fn entra() -> Reply {
    reply(200, "Content-Type: application/json", ENTRA)
}

async fn both(
    identity: impl IntoIterator<Item = Reply>,
    credential: Credential,
    variables: &[(&str, &str)],
) -> (Server, Server, Result<Client, BuildError>) {
    let identity = Server::start(identity).await;
    let ok = || reply(200, "ETag: \"1\"", POOL);
    let azure = Server::start([ok(), ok()]).await;
    let variables: HashMap<String, String> =
        variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let options = Options {
        identity: Some(identity.base()),
        variables: Arc::new(move |name| variables.get(name).cloned()),
        ..Options::default()
    };
    let client = Client::new(azure.endpoint(), credential, options);
    (identity, azure, client)
}

/// Gets twice, and shows what the identity service heard.
async fn asked(
    identity: impl IntoIterator<Item = Reply>,
    credential: Credential,
    variables: &[(&str, &str)],
) -> String {
    let (identity, azure, client) = both(identity, credential, variables).await;
    let client = client.unwrap();
    for _ in 0..2 {
        client.get(&backend_id(), call()).await.unwrap();
    }
    for heard in azure.heard() {
        assert_eq!(heard.headers[AUTHORIZATION], "Bearer hush-token");
    }
    let heard = identity.heard();
    heard.iter().map(|h| format!("{} {}\n{}\n", h.method, h.uri, h.body)).collect()
}

#[tokio::test]
async fn a_managed_identity_of_a_machine() {
    let credential = Credential::ManagedIdentity { client_id: Some("c".to_owned()) };
    expect![[r#"
        GET /metadata/identity/oauth2/token?api-version=2019-08-01&resource=https%3A%2F%2Fmanagement.azure.com&client_id=c

    "#]].assert_eq(&asked([machine()], credential, &[]).await);
}

#[tokio::test]
async fn a_client_secret() {
    let credential = Credential::ClientSecret {
        tenant: TENANT.to_owned(),
        client_id: "c".to_owned(),
        secret: Secret::new("s"),
    };
    expect![[r#"
        POST /11111111-0000-4000-8000-000000000001/oauth2/v2.0/token
        client_id=c&client_secret=s&grant_type=client_credentials&scope=https%3A%2F%2Fmanagement.azure.com%2F.default
    "#]].assert_eq(&asked([entra()], credential, &[]).await);
}

#[tokio::test]
async fn the_environment() {
    let variables =
        [("AZURE_TENANT_ID", TENANT), ("AZURE_CLIENT_ID", "c"), ("AZURE_CLIENT_SECRET", "s")];
    let by_name = asked([entra()], Credential::Environment, &variables).await;
    expect![[r#"
        POST /11111111-0000-4000-8000-000000000001/oauth2/v2.0/token
        client_id=c&client_secret=s&grant_type=client_credentials&scope=https%3A%2F%2Fmanagement.azure.com%2F.default
    "#]].assert_eq(&by_name);
    assert_eq!(asked([entra()], Credential::Auto, &variables).await, by_name);
}

#[tokio::test]
async fn a_workload_identity() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    write!(file, "assertion").unwrap();
    let path = file.path().to_str().unwrap();
    let variables = [
        ("AZURE_TENANT_ID", TENANT),
        ("AZURE_CLIENT_ID", "c"),
        ("AZURE_FEDERATED_TOKEN_FILE", path),
    ];
    let by_name = asked([entra()], Credential::WorkloadIdentity, &variables).await;
    expect![[r#"
        POST /11111111-0000-4000-8000-000000000001/oauth2/v2.0/token
        client_assertion=assertion&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_id=c&grant_type=client_credentials&scope=https%3A%2F%2Fmanagement.azure.com%2F.default
    "#]].assert_eq(&by_name);
    assert_eq!(asked([entra()], Credential::Auto, &variables).await, by_name);
}

#[tokio::test]
async fn auto_finds_a_machine_by_its_metadata_service() {
    let probe = reply(400, "", r#"{"error":"invalid_request"}"#);
    expect![[r#"
        GET /metadata/identity/oauth2/token

        GET /metadata/identity/oauth2/token?api-version=2019-08-01&resource=https%3A%2F%2Fmanagement.azure.com

    "#]].assert_eq(&asked([probe, machine()], Credential::Auto, &[]).await);
}

#[tokio::test]
async fn what_the_environment_lacks_is_named() {
    let (_, _, client) = both([], Credential::Environment, &[("AZURE_TENANT_ID", TENANT)]).await;
    expect!["the credential cannot be used: the environment has no AZURE_CLIENT_ID"]
        .assert_eq(&client.unwrap_err().to_string());
}

#[tokio::test]
async fn a_refusal_is_told_without_the_secret_and_not_tried_again() {
    let credential = Credential::ClientSecret {
        tenant: TENANT.to_owned(),
        client_id: "c".to_owned(),
        secret: Secret::new("hush-secret"),
    };
    let refusal = r#"{"error":"invalid_client","error_codes":[7000215],"error_description":"Invalid client_secret=hush-secret provided."}"#;
    let (identity, azure, client) = both([reply(401, "", refusal)], credential, &[]).await;
    let error = client.unwrap().get(&backend_id(), call()).await.unwrap_err();
    assert_eq!((error.done(), error.retry()), (Done::No, Retry::Never));
    let shown = format!("{error}\n{}\n", error.full());
    assert!(!format!("{shown}{error:?}").contains("hush"), "{error:?}");
    expect![[r#"
        no token for Azure could be obtained
        no token for Azure could be obtained: ClientSecretCredential authentication failed. Invalid client_secret=*** provided. To troubleshoot, visit https://aka.ms/azsdk/rust/identity/troubleshoot#*** (client-request-id 00000000-0000-0000-0000-000000000007)
    "#]].assert_eq(&shown);
    assert_eq!((identity.heard().len(), azure.heard().len()), (1, 0));
}
