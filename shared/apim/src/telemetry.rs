//! Names of spans, in one place.

/// The span of one call: fields `operation`, `backend`, `client_request_id`, and once answered
/// `status`, `request_id`, `correlation_id`.
pub const CALL_SPAN: &str = "apim";
