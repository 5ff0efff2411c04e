//! The identity endpoints that Azure's credentials ask for tokens.
//!
//! - App Service and Functions, `GET /msi/token`, with the header `X-IDENTITY-HEADER`. A program
//!   is sent here by the environment variables `IDENTITY_ENDPOINT` and `IDENTITY_HEADER`
//!   ([`crate::Emulator::identity_env`]): the way for a process under test.
//! - A virtual machine's metadata service, `GET /metadata/identity/oauth2/token` with
//!   `Metadata: true`. Its address is fixed in clients, so that only those reach it that can be
//!   told another, as those for Python and JavaScript by `AZURE_POD_IDENTITY_AUTHORITY_HOST`.
//! - Entra, `POST /{tenant}/oauth2/v2.0/token` with a scope, or `/{tenant}/oauth2/token` with a
//!   resource: client credentials with a secret or an assertion, as workload identity uses; and
//!   the discovery of these endpoints. `AZURE_AUTHORITY_HOST` cannot name it: the Azure SDK refuses
//!   an authority without TLS. A transport or a proxy of one's own can.
//!
//! Any client, secret and assertion is taken. Faults on [`Operation::Token`] strike here.

use crate::{
    address::Operation,
    answer::Answer,
    arm,
    fault::ServerError,
    options::Options,
    query::pairs,
    serve::{Cut, read, text},
    state::{Call, Shared, State},
    target::Target,
    token,
    version::LATEST,
};
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderName, Method, Request, StatusCode, header, request::Parts};
use hyper::body::Incoming;
use jiff::Timestamp;
use serde_json::json;
use std::sync::Arc;

/// Where App Service's endpoint is.
pub(crate) const APP_SERVICE_PATH: &str = "/msi/token";
const METADATA_PATH: &str = "/metadata/identity/oauth2/token";
const ENTRA_TAIL: &str = "/oauth2/v2.0/token";
const ENTRA_V1_TAIL: &str = "/oauth2/token";
const OPENID_TAIL: &str = "/.well-known/openid-configuration";
const INSTANCE_TAIL: &str = "/discovery/instance";
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The client id of the identity that is meant where none is named.
const SYSTEM_ASSIGNED: &str = "00000000-0000-0000-0000-0000000000c1";

const SECRET: HeaderName = HeaderName::from_static("x-identity-header");
const METADATA: HeaderName = HeaderName::from_static("metadata");

/// The word that `X-IDENTITY-HEADER` must have.
pub(crate) fn secret(seed: u64) -> String {
    format!("{:016x}", token::mixed(seed, u64::MAX))
}

/// Which way of asking it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    AppService,
    Metadata,
    Entra,
    EntraV1,
    OpenId,
    Instance,
    Unknown,
}

impl Way {
    fn of(head: &Parts) -> Self {
        match (&head.method, head.uri.path()) {
            (&Method::GET, APP_SERVICE_PATH) => Self::AppService,
            (&Method::GET, METADATA_PATH) => Self::Metadata,
            (&Method::POST, path) if path.ends_with(ENTRA_TAIL) => Self::Entra,
            (&Method::POST, path) if path.ends_with(ENTRA_V1_TAIL) => Self::EntraV1,
            (&Method::GET, path) if path.ends_with(OPENID_TAIL) => Self::OpenId,
            (&Method::GET, path) if path.ends_with(INSTANCE_TAIL) => Self::Instance,
            _ => Self::Unknown,
        }
    }
}

/// Answers one request on the port of the identity endpoints.
pub(crate) async fn handle(
    shared: Arc<Shared>,
    request: Request<Incoming>,
) -> Result<Response, Cut> {
    let (head, body) = request.into_parts();
    let body = read(body).await?.unwrap_or_default();
    let way = Way::of(&head);
    // The body holds the client's secret, and is not recorded.
    let mut call = Call::of(&head, shared.clock.now(), Target::Unknown, LATEST, Bytes::new());
    if way != Way::Unknown {
        call.received.operation = Operation::Token;
    }
    let options = Arc::clone(&shared.options);
    let work = move |state: &mut State, _: &Call, _: usize, now| {
        answer(&mut Issuer { state, options: &options, now }, way, &head, &body)
    };
    arm::pass(&shared, call, |_, _| Ok(None), work).await
}

/// An error of the service, as Entra writes it.
pub(crate) fn unavailable(error: ServerError) -> Answer {
    refusal(error.status(), "temporarily_unavailable", 90_033, &error.to_string())
}

/// Who gives tokens.
struct Issuer<'a> {
    state: &'a mut State,
    options: &'a Options,
    now: Timestamp,
}

impl Issuer<'_> {
    fn issue(&mut self, client: &str, resource: &str) -> (String, Timestamp) {
        self.state.touch();
        self.state.tokens.issue(client, resource, self.options.token_lifetime, self.now)
    }
}

fn answer(issuer: &mut Issuer<'_>, way: Way, head: &Parts, body: &Bytes) -> Answer {
    let bad = |error, code, why: &str| refusal(StatusCode::BAD_REQUEST, error, code, why);
    match way {
        Way::AppService => {
            if text(&head.headers, &SECRET) != Some(&secret(issuer.options.seed)) {
                let why = "The X-IDENTITY-HEADER header is missing or wrong.";
                return refusal(StatusCode::UNAUTHORIZED, "unauthorized_client", 0, why);
            }
            managed(issuer, head)
        }
        Way::Metadata => {
            if text(&head.headers, &METADATA) != Some("true") {
                return bad("bad_request_102", 0, "Required metadata header not specified");
            }
            managed(issuer, head)
        }
        Way::Entra | Way::EntraV1 => {
            let form = pairs(std::str::from_utf8(body).unwrap_or_default());
            let field = |name| field(&form, name);
            if field("grant_type") != Some("client_credentials") {
                let why = "AADSTS70003: The app requested an unsupported grant type.";
                return bad("unsupported_grant_type", 70_003, why);
            }
            let assertion = field("client_assertion").is_some()
                && field("client_assertion_type") == Some(ASSERTION_TYPE);
            let credential = assertion || field("client_secret").is_some();
            let Some(client) = field("client_id").filter(|_| credential) else {
                let why = "AADSTS7000218: The request body must contain the following parameter: \
                           'client_assertion' or 'client_secret'.";
                return refusal(StatusCode::UNAUTHORIZED, "invalid_client", 7_000_218, why);
            };
            if way == Way::EntraV1 {
                let Some(resource) = field("resource") else {
                    let why = "AADSTS500011: The resource principal was not found in the tenant.";
                    return bad("invalid_resource", 500_011, why);
                };
                return managed_token(issuer, client, resource);
            }
            let Some(resource) = field("scope").and_then(|scope| scope.strip_suffix("/.default"))
            else {
                let why = "AADSTS1002012: The provided value for scope is not valid. Client \
                           credential flows must have a scope value with /.default suffixed to \
                           the resource identifier.";
                return bad("invalid_scope", 1_002_012, why);
            };
            let (token, _) = issuer.issue(client, resource);
            let seconds = issuer.options.token_lifetime.as_secs();
            let given = json!({
                "token_type": "Bearer",
                "expires_in": seconds,
                "ext_expires_in": seconds,
                "access_token": token,
            });
            Answer::value(StatusCode::OK, &given).with(header::CACHE_CONTROL, "no-store")
        }
        Way::OpenId => {
            let tenant = head.uri.path().trim_start_matches('/').split('/').next();
            let tenant = tenant.unwrap_or_default();
            let base = base(head);
            let found = json!({
                "issuer": format!("{base}/{tenant}/v2.0"),
                "authorization_endpoint": format!("{base}/{tenant}/oauth2/v2.0/authorize"),
                "token_endpoint": format!("{base}/{tenant}{ENTRA_TAIL}"),
                "token_endpoint_auth_methods_supported":
                    ["client_secret_post", "private_key_jwt"],
                "response_types_supported": ["code"],
            });
            Answer::value(StatusCode::OK, &found)
        }
        Way::Instance => {
            let discovery = format!("{}/common/v2.0{OPENID_TAIL}", base(head));
            let found = json!({
                "api-version": "1.1",
                "tenant_discovery_endpoint": discovery,
                "metadata": [],
            });
            Answer::value(StatusCode::OK, &found)
        }
        Way::Unknown => {
            refusal(StatusCode::NOT_FOUND, "invalid_request", 900_561, "There is no such endpoint.")
        }
    }
}

/// The answer of both managed-identity endpoints; times are strings of Unix seconds in it.
fn managed(issuer: &mut Issuer<'_>, head: &Parts) -> Answer {
    let query = pairs(head.uri.query().unwrap_or_default());
    let field = |name| field(&query, name);
    let (Some(resource), Some(_)) = (field("resource"), field("api-version")) else {
        let why = "Both resource and api-version are required.";
        return refusal(StatusCode::BAD_REQUEST, "invalid_request", 0, why);
    };
    managed_token(issuer, field("client_id").unwrap_or(SYSTEM_ASSIGNED), resource)
}

/// A token with its times as strings, as managed identities and Entra's first version give it.
fn managed_token(issuer: &mut Issuer<'_>, client: &str, resource: &str) -> Answer {
    let (token, expires) = issuer.issue(client, resource);
    let given = json!({
        "access_token": token,
        "client_id": client,
        "expires_in": issuer.options.token_lifetime.as_secs().to_string(),
        "expires_on": expires.as_second().to_string(),
        "resource": resource,
        "token_type": "Bearer",
    });
    Answer::value(StatusCode::OK, &given)
}

/// A field that is not empty.
fn field<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = pairs.iter().find(|(key, _)| key == name);
    found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
}

/// Where the client believes these endpoints to be.
fn base(head: &Parts) -> String {
    format!("http://{}", text(&head.headers, &header::HOST).unwrap_or_default())
}

/// A refusal as Entra writes it.
fn refusal(status: StatusCode, error: &str, code: u32, why: &str) -> Answer {
    let body = json!({"error": error, "error_description": why, "error_codes": [code]});
    Answer::value(status, &body)
}
