//! The identity endpoints that Azure's credentials ask for tokens.
//!
//! - App Service and Functions, `GET /msi/token`, with the header `X-IDENTITY-HEADER`. A program
//!   is sent here by the environment variables `IDENTITY_ENDPOINT` and `IDENTITY_HEADER`
//!   ([`crate::Emulator::identity_env`]): the way for a process under test.
//! - A virtual machine's metadata service, `GET /metadata/identity/oauth2/token` with
//!   `Metadata: true`. Its address is fixed in clients, so that only those reach it that can be
//!   told another, as those for Python and JavaScript by `AZURE_POD_IDENTITY_AUTHORITY_HOST`.
//! - Entra, `POST /{tenant}/oauth2/v2.0/token`: client credentials with a secret or an assertion, as
//!   workload identity uses. `AZURE_AUTHORITY_HOST` cannot name it: the Azure SDK refuses an
//!   authority without TLS. A transport or a proxy of one's own can.
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
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The client id of the identity that is meant where none is named.
const SYSTEM_ASSIGNED: &str = "00000000-0000-0000-0000-0000000000c1";

const SECRET: HeaderName = HeaderName::from_static("x-identity-header");
const METADATA: HeaderName = HeaderName::from_static("metadata");

/// The word that `X-IDENTITY-HEADER` must have.
pub(crate) fn secret(seed: u64) -> String {
    format!("{:016x}", token::mixed(seed, u64::MAX))
}

/// What answers one way of asking.
type Endpoint = fn(&Asked, Issue<'_>) -> Result<Answer, Answer>;
/// Gives a client a token for a resource; and says when it ends.
type Issue<'a> = &'a mut dyn FnMut(&str, &str) -> (String, Timestamp);

/// The ways of asking, by the verb and the end of the path.
static ENDPOINTS: [(Method, &str, Endpoint); 3] = [
    (Method::GET, APP_SERVICE_PATH, Asked::app_service),
    (Method::GET, METADATA_PATH, Asked::metadata),
    (Method::POST, ENTRA_TAIL, Asked::entra),
];

/// Answers one request on the port of the identity endpoints.
pub(crate) async fn handle(
    shared: Arc<Shared>,
    request: Request<Incoming>,
) -> Result<Response, Cut> {
    let (head, body) = request.into_parts();
    let body = read(body).await?.unwrap_or_default();
    let path = head.uri.path();
    let known = ENDPOINTS.iter().find(|(verb, end, _)| *verb == head.method && path.ends_with(end));
    // The body holds the client's secret, and is not recorded.
    let mut call = Call::of(&head, shared.clock.now(), Target::Unknown, LATEST, Bytes::new());
    if known.is_some() {
        call.received.operation = Operation::Token;
    }
    let asked = match head.method {
        Method::POST => str::from_utf8(&body).unwrap_or_default(),
        _ => head.uri.query().unwrap_or_default(),
    };
    let asked = Asked { options: Arc::clone(&shared.options), given: pairs(asked), head };
    let work = move |state: &mut State, _: &Call, _: usize, now| {
        let Some((_, _, endpoint)) = known else {
            let why = "There is no such endpoint.";
            return refusal(StatusCode::NOT_FOUND, "invalid_request", 900_561, why);
        };
        let mut issue = |client: &str, resource: &str| {
            state.touch();
            state.tokens.issue(client, resource, asked.options.token_lifetime, now)
        };
        endpoint(&asked, &mut issue).unwrap_or_else(|refused| refused)
    };
    arm::pass(&shared, call, |_, _| Ok(None), Box::new(work)).await
}

/// An error of the service, as Entra writes it.
pub(crate) fn unavailable(error: ServerError) -> Answer {
    refusal(error.status(), "temporarily_unavailable", 90_033, &error.to_string())
}

/// A request for a token.
struct Asked {
    options: Arc<Options>,
    head: Parts,
    /// What the query or the form says.
    given: Vec<(String, String)>,
}

impl Asked {
    /// A field that is not empty.
    fn field(&self, name: &str) -> Option<&str> {
        let found = self.given.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    fn app_service(&self, issue: Issue<'_>) -> Result<Answer, Answer> {
        if text(&self.head.headers, &SECRET) != Some(&secret(self.options.seed)) {
            let why = "The X-IDENTITY-HEADER header is missing or wrong.";
            return Err(refusal(StatusCode::UNAUTHORIZED, "unauthorized_client", 0, why));
        }
        self.managed(issue)
    }

    fn metadata(&self, issue: Issue<'_>) -> Result<Answer, Answer> {
        if text(&self.head.headers, &METADATA) != Some("true") {
            return Err(bad("bad_request_102", 0, "Required metadata header not specified"));
        }
        self.managed(issue)
    }

    fn managed(&self, issue: Issue<'_>) -> Result<Answer, Answer> {
        let (Some(resource), Some(_)) = (self.field("resource"), self.field("api-version")) else {
            return Err(bad("invalid_request", 0, "Both resource and api-version are required."));
        };
        let client = self.field("client_id").unwrap_or(SYSTEM_ASSIGNED);
        let (token, expires) = issue(client, resource);
        // Its times are strings of Unix seconds.
        let given = json!({
            "access_token": token,
            "client_id": client,
            "expires_in": self.options.token_lifetime.as_secs().to_string(),
            "expires_on": expires.as_second().to_string(),
            "resource": resource,
            "token_type": "Bearer",
        });
        Ok(Answer::value(StatusCode::OK, &given))
    }

    /// The client that shows a credential.
    fn client(&self) -> Result<&str, Answer> {
        if self.field("grant_type") != Some("client_credentials") {
            let why = "AADSTS70003: The app requested an unsupported grant type.";
            return Err(bad("unsupported_grant_type", 70_003, why));
        }
        let assertion = self.field("client_assertion").is_some()
            && self.field("client_assertion_type") == Some(ASSERTION_TYPE);
        let credential = assertion || self.field("client_secret").is_some();
        self.field("client_id").filter(|_| credential).ok_or_else(|| {
            let why = "AADSTS7000218: The request body must contain the following parameter: \
                       'client_assertion' or 'client_secret'.";
            refusal(StatusCode::UNAUTHORIZED, "invalid_client", 7_000_218, why)
        })
    }

    fn entra(&self, issue: Issue<'_>) -> Result<Answer, Answer> {
        let client = self.client()?;
        let scope = self.field("scope").and_then(|scope| scope.strip_suffix("/.default"));
        let resource = scope.ok_or_else(|| {
            let why = "AADSTS1002012: The provided value for scope is not valid. Client credential \
                       flows must have a scope value with /.default suffixed to the resource \
                       identifier.";
            bad("invalid_scope", 1_002_012, why)
        })?;
        let (token, _) = issue(client, resource);
        let seconds = self.options.token_lifetime.as_secs();
        let given = json!({
            "token_type": "Bearer",
            "expires_in": seconds,
            "ext_expires_in": seconds,
            "access_token": token,
        });
        Ok(Answer::value(StatusCode::OK, &given).with(header::CACHE_CONTROL, "no-store"))
    }
}

fn bad(error: &str, code: u32, why: &str) -> Answer {
    refusal(StatusCode::BAD_REQUEST, error, code, why)
}

/// A refusal as Entra writes it.
fn refusal(status: StatusCode, error: &str, code: u32, why: &str) -> Answer {
    let body = json!({"error": error, "error_description": why, "error_codes": [code]});
    Answer::value(status, &body)
}
