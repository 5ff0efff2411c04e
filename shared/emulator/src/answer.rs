//! The answers of Azure Resource Manager: statuses, headers and the shapes of errors.
//!
//! Codes and messages are those that the service has been seen to send; what nobody has published
//! is marked as assumed where it is made.

use crate::{clock, fault::ServerError, services::Unfound, store::Effect, version::ApiVersion};
use axum::{body::Body, response::Response};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use std::time::Duration;

/// One field that was found wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "code", rename = "ValidationError")]
pub(crate) struct Detail {
    pub(crate) target: String,
    pub(crate) message: String,
}

impl Detail {
    pub(crate) fn new(target: impl Into<String>, message: impl Into<String>) -> Self {
        Self { target: target.into(), message: message.into() }
    }
}

/// An answer before the headers that all answers have.
#[derive(Clone)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
    pub(crate) headers: Vec<(HeaderName, String)>,
    /// What the request has done.
    pub(crate) effect: Effect,
}

impl Answer {
    pub(crate) fn empty(status: StatusCode) -> Self {
        Self::json(status, Bytes::new())
    }

    /// An answer with a body that is already JSON.
    pub(crate) fn json(status: StatusCode, body: Bytes) -> Self {
        Self { status, body, headers: Vec::new(), effect: Effect::None }
    }

    pub(crate) fn value(status: StatusCode, value: &Value) -> Self {
        Self::json(status, value.to_string().into())
    }

    /// The same, as HEAD answers it: an error is seen by its status only.
    pub(crate) fn bodiless(self) -> Self {
        Self { body: Bytes::new(), ..self }
    }

    /// A page of HTML, as a proxy on the way answers.
    pub(crate) fn page(status: StatusCode) -> Self {
        let reason = status.canonical_reason().unwrap_or("Error");
        let title = format!("{} {reason}", status.as_u16());
        let page = format!(
            "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1>\
             </center>\r\n</body>\r\n</html>\r\n"
        );
        Self::json(status, page.into()).with(header::CONTENT_TYPE, "text/html")
    }

    /// An error of API Management's own.
    pub(crate) fn error(status: StatusCode, code: &str, message: &str) -> Self {
        Self::detailed(status, code, message, None)
    }

    /// An error of the service, though the request was fine.
    pub(crate) fn server_error(error: ServerError) -> Self {
        Self::error(error.status(), error.code(), &error.to_string())
    }

    /// An error of Azure Resource Manager, before the request reaches API Management: it knows of
    /// no details.
    pub(crate) fn manager(status: StatusCode, code: &str, message: &str) -> Self {
        Self::value(status, &json!({"error": {"code": code, "message": message}}))
    }

    fn detailed(status: StatusCode, code: &str, message: &str, details: Option<&[Detail]>) -> Self {
        let error = json!({"code": code, "message": message, "details": details});
        Self::value(status, &json!({"error": error}))
    }

    /// The same, an error of API Management's own in the shape that the page of 2024-05-01 has.
    pub(crate) fn nested(self) -> Self {
        let body: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        // The resource manager's own errors have no details.
        let Some(details) = body.pointer("/error/details") else { return self };
        let shaped = |error: &Value, details: &[Value]| {
            json!({
                "code": error["code"], "message": error["message"], "target": error["target"],
                "details": details, "additionalInfo": [],
            })
        };
        let details = details.as_array().into_iter().flatten();
        let details: Vec<_> = details.map(|detail| shaped(detail, &[])).collect();
        let body = json!({"error": shaped(&body["error"], &details)});
        Self { body: body.to_string().into(), ..self }
    }

    pub(crate) fn after(self, effect: Effect) -> Self {
        Self { effect, ..self }
    }

    pub(crate) fn with(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// One or more fields are wrong.
    pub(crate) fn invalid(details: &[Detail]) -> Self {
        Self::detailed(
            StatusCode::BAD_REQUEST,
            "ValidationError",
            "One or more fields contain incorrect values:",
            Some(details),
        )
    }

    /// The body is not JSON, or not the JSON of a backend (ARM's own words).
    pub(crate) fn unreadable(why: &str) -> Self {
        Self::manager(
            StatusCode::BAD_REQUEST,
            "InvalidRequestContent",
            &format!("The request content was invalid and could not be deserialized: '{why}'."),
        )
    }

    /// The resource manager's words for a path that no resource type has, or none of that version.
    pub(crate) fn type_unknown(version: Option<ApiVersion>) -> Self {
        let by = version.map_or(String::new(), |version| format!(" for api version '{version}'"));
        Self::manager(
            StatusCode::NOT_FOUND,
            "InvalidResourceType",
            &format!(
                "The resource type could not be found in the namespace 'Microsoft.ApiManagement'{by}."
            ),
        )
    }

    /// The resource manager's words for what is not there.
    pub(crate) fn unfound(Unfound { status, code, message }: &Unfound) -> Self {
        Self::manager(*status, code, message)
    }

    pub(crate) fn not_found() -> Self {
        Self::server_error(ServerError::NotFound)
    }

    pub(crate) fn precondition_failed() -> Self {
        Self::server_error(ServerError::PreconditionFailed)
    }

    /// ARM's 429; the body's shape is assumed.
    pub(crate) fn throttled(retry_after: Duration) -> Self {
        // Rounded up: a retry at the second that was named must be served.
        let seconds = retry_after.as_millis().div_ceil(1_000).max(1);
        Self::manager(
            StatusCode::TOO_MANY_REQUESTS,
            "SubscriptionRequestsThrottled",
            &format!(
                "Number of requests for the subscription exceeded the limit. Please try again \
                 after '{seconds}' seconds."
            ),
        )
        .with(header::RETRY_AFTER, seconds.to_string())
    }

    /// Makes the HTTP answer, with the headers that every answer of ARM carries.
    pub(crate) fn into_response(
        self,
        at: Timestamp,
        request_id: &str,
        client_request_id: Option<&str>,
    ) -> Response {
        let mut response = Response::new(Body::from(self.body.clone()));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        for (name, value) in [
            (header::CACHE_CONTROL, "no-cache"),
            (header::PRAGMA, "no-cache"),
            (header::EXPIRES, "-1"),
            (header::STRICT_TRANSPORT_SECURITY, "max-age=31536000; includeSubDomains"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::SERVER, "Microsoft-HTTPAPI/2.0"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        if !self.body.is_empty() {
            headers.insert(
                header::CONTENT_TYPE,
                HeaderValue::from_static("application/json; charset=utf-8"),
            );
        }
        let mut put = |name: HeaderName, value: &str| {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(name, value);
            }
        };
        put(header::DATE, &clock::http_date(at));
        put(REQUEST_ID, request_id);
        put(CORRELATION_REQUEST_ID, request_id);
        put(
            ROUTING_REQUEST_ID,
            &format!("EMULATOR:{}:{request_id}", at.strftime("%Y%m%dT%H%M%SZ")),
        );
        if let Some(id) = client_request_id {
            put(CLIENT_REQUEST_ID, id);
        }
        for (name, value) in &self.headers {
            put(name.clone(), value);
        }
        response
    }
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-ms-request-id");
const CORRELATION_REQUEST_ID: HeaderName = HeaderName::from_static("x-ms-correlation-request-id");
const ROUTING_REQUEST_ID: HeaderName = HeaderName::from_static("x-ms-routing-request-id");
/// The caller's own id of a request, which comes back with the answer.
pub(crate) const CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("x-ms-client-request-id");
