//! Tokens: how they are asked for, and what is made of them.

use crate::client::{MINUTE, World, got};
use pointsman_emulator::{
    Fault, Match, Operation, Options,
    fault::{Kind, ServerError, Write},
};
use std::time::Duration;

const RESOURCE: &str = "https://management.azure.com";

impl World {
    async fn read_with(&self, authorization: Option<&str>) -> (u16, String) {
        let mut request = self.http.get(self.url("chat"));
        if let Some(authorization) = authorization {
            request = request.header("Authorization", authorization);
        }
        let got = got(request).await.unwrap();
        if got.status == 401 {
            assert!(got.header("www-authenticate").starts_with("Bearer authorization_uri="));
        }
        (got.status.as_u16(), got.code().to_owned())
    }
}

#[tokio::test]
async fn tokens_are_checked() {
    let world = World::chat().await;
    let check = async |authorization: Option<&str>, status: u16, code: &str| {
        let got = world.read_with(authorization).await;
        assert_eq!(got, (status, code.to_owned()), "{code}");
    };
    check(None, 401, "AuthenticationFailed").await;
    check(Some("Basic eDp5"), 401, "AuthenticationFailedInvalidHeader").await;
    check(Some("Bearer made-up"), 401, "InvalidAuthenticationToken").await;
    let bearer = |token: &str| format!("Bearer {token}");
    let vault = world.azure.token_for("https://vault.azure.net", MINUTE);
    check(Some(&bearer(&vault)), 401, "InvalidAuthenticationTokenAudience").await;
    let classic = world.azure.token_for("https://management.core.windows.net/", MINUTE);
    check(Some(&bearer(&classic)), 200, "-").await;
    world.azure.clock().advance(MINUTE);
    check(Some(&bearer(&classic)), 401, "ExpiredAuthenticationToken").await;
    check(Some(&bearer(&world.token)), 200, "-").await;
    world.azure.revoke_tokens();
    check(Some(&bearer(&world.token)), 401, "InvalidAuthenticationToken").await;
    world.azure.finish();
}

#[tokio::test]
async fn app_service_gives_tokens_to_those_who_know_the_header() {
    let world =
        World::with(Options { token_lifetime: Duration::from_secs(600), ..Options::default() })
            .await;
    world.azure.put_single("chat", "http://x").unwrap();
    let [(_, endpoint), (_, secret)] = world.azure.identity_env();
    let ask = |secret: &str, query: &str| {
        let url = format!("{endpoint}?{query}");
        got(world.http.get(url).header("X-IDENTITY-HEADER", secret))
    };
    let query = format!("api-version=2019-08-01&resource={RESOURCE}");
    assert_eq!(ask("wrong", &query).await.unwrap().status, 401);
    assert_eq!(ask(&secret, "api-version=2019-08-01").await.unwrap().status, 400);
    let given = ask(&secret, &query).await.unwrap();
    assert_eq!(given.status, 200);
    assert_eq!(given.body["resource"], RESOURCE);
    let expires: i64 = given.body["expires_on"].as_str().unwrap().parse().unwrap();
    let left = expires - world.azure.clock().now().as_second();
    assert!((590..=600).contains(&left), "{left}");
    let token = format!("Bearer {}", given.body["access_token"].as_str().unwrap());
    assert_eq!(world.read_with(Some(&token)).await.0, 200);
    world.azure.finish();
}

#[tokio::test]
async fn the_metadata_service_wants_its_header() {
    let world = World::chat().await;
    let path = "/metadata/identity/oauth2/token?api-version=2018-02-01";
    let url = format!("{}{path}&resource={RESOURCE}/", world.azure.identity_url());
    assert_eq!(got(world.http.get(&url)).await.unwrap().status, 400);
    let given = got(world.http.get(&url).header("Metadata", "true")).await.unwrap();
    let token = format!("Bearer {}", given.body["access_token"].as_str().unwrap());
    assert_eq!(world.read_with(Some(&token)).await.0, 200);
    world.azure.finish();
}

#[tokio::test]
async fn entra_gives_tokens_for_client_credentials() {
    let world = World::chat().await;
    let url = format!("{}/contoso.example/oauth2/v2.0/token", world.azure.identity_url());
    let ask = async |form: &str| {
        let request = world.http.post(&url).body(form.to_owned());
        let got = got(request.header("Content-Type", "application/x-www-form-urlencoded"));
        got.await.unwrap()
    };
    let scope = "scope=https%3A%2F%2Fmanagement.azure.com%2F.default";
    let grant = "grant_type=client_credentials&client_id=me";
    let jwt = "client_assertion=ey.J&client_assertion_type=\
               urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer";
    for credential in ["client_secret=s%20+", jwt] {
        let given = ask(&format!("{grant}&{scope}&{credential}")).await;
        assert_eq!(given.status, 200, "{credential}");
        assert_eq!(given.body["expires_in"], 3_600);
        let token = format!("Bearer {}", given.body["access_token"].as_str().unwrap());
        assert_eq!(world.read_with(Some(&token)).await.0, 200);
    }
    for (form, error) in [
        (format!("{scope}&client_id=me&client_secret=s"), "unsupported_grant_type"),
        (format!("{grant}&{scope}"), "invalid_client"),
        (format!("{grant}&client_secret=s&scope=openid"), "invalid_scope"),
    ] {
        let refused = ask(&form).await;
        assert_eq!(refused.body["error"], error);
        assert!(refused.body["error_codes"][0].is_number());
    }
    // No secret is on record.
    for received in world.azure.requests() {
        if received.operation == Operation::Token {
            assert!(received.body.is_empty());
        }
    }
    world.azure.finish();
}

#[tokio::test]
async fn faults_strike_the_identity_endpoints_too() {
    let world = World::chat().await;
    let [(_, endpoint), (_, secret)] = world.azure.identity_env();
    let url = format!("{endpoint}?api-version=2019-08-01&resource={RESOURCE}");
    let ask = || got(world.http.get(&url).header("X-IDENTITY-HEADER", &secret));
    let token = || Match::operation(Operation::Token);
    world.azure.inject(Fault::once(
        token(),
        Kind::Error { error: ServerError::Unavailable, write: Write::NotDone },
    ));
    assert_eq!(ask().await.unwrap().status, 503);
    let cut = Kind::Cut { write: Write::NotDone };
    world.azure.inject(Fault::once(token(), cut));
    ask().await.unwrap_err();
    world.azure.throttle(token(), MINUTE);
    let got = ask().await.unwrap();
    assert_eq!((got.status.as_u16(), got.header("retry-after").as_str()), (429, "60"));
    world.azure.clock().advance(MINUTE);
    assert_eq!(ask().await.unwrap().status, 200);
    assert_eq!(world.azure.view(|azure| azure.total(Operation::Token)), 4);
    world.azure.finish();
}

#[tokio::test]
async fn other_clouds_have_other_audiences() {
    let audiences = vec!["https://management.usgovcloudapi.net/".to_owned()];
    let world = World::with(Options { audiences, ..Options::default() }).await;
    world.azure.put_single("chat", "http://x").unwrap();
    assert_eq!(world.get("chat").await.status, 200);
    let public = world.azure.token_for(RESOURCE, MINUTE);
    let refused = world.read_with(Some(&format!("Bearer {public}"))).await;
    assert_eq!(refused, (401, "InvalidAuthenticationTokenAudience".to_owned()));
}
