//! What tests of several modules share: ids, and answers made of parts.

use bytes::Bytes;
use http::Response;

use crate::backend::Backend;
use crate::id::{BackendId, ServiceBackendId};
use crate::meta::{Meta, RequestId};

pub(crate) const SERVICE: &str = "/subscriptions/6f1e2d3c-0000-4000-8000-0000000000aa\
    /resourceGroups/rg1/providers/Microsoft.ApiManagement/service/contoso";

pub(crate) fn call() -> RequestId {
    RequestId::from(uuid::Uuid::from_u128(7))
}

pub(crate) fn pool_id() -> ServiceBackendId {
    format!("{SERVICE}/backends/chat-pool").parse().unwrap()
}

pub(crate) fn workspace_id() -> BackendId {
    format!("{SERVICE}/workspaces/w 1/backends/chat-pool").parse().unwrap()
}

pub(crate) fn backend_id() -> BackendId {
    pool_id().into()
}

/// An answer of that status, with headers as `name: value` lines.
pub(crate) fn answer(status: u16, headers: &str, body: impl Into<Bytes>) -> Response<Bytes> {
    let mut builder = Response::builder().status(status);
    for line in headers.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(": ").expect("a header is name: value");
        builder = builder.header(name, value);
    }
    builder.body(body.into()).unwrap()
}

/// A state of a backend with that body.
pub(crate) fn backend(body: impl Into<Bytes>) -> Backend {
    let meta = Meta::read(call(), &http::HeaderMap::new());
    Backend::parse("\"AAAAAAAAAAE=\"".parse().unwrap(), meta, body.into()).unwrap()
}

/// A state of a pool whose `services` are that text.
pub(crate) fn pool(services: &str) -> Backend {
    backend(format!(r#"{{"properties":{{"type":"Pool","pool":{{"services":{services}}}}}}}"#))
}
