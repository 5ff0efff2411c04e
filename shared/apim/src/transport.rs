//! How `azure_identity` speaks HTTP: through the same client as everything else here.
//!
//! Its own transport would bring a second configuration of connections and proxies. This one can
//! also send what is meant for Azure's identity services to an emulator on this machine, which
//! `azure_identity` has no setting for: it takes no authority without TLS, and the address of the
//! instance metadata service is fixed in it.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use azure_core::error::{Error, ErrorKind};
use azure_core::http::headers::{HeaderName, HeaderValue, Headers};
use azure_core::http::{AsyncRawResponse, Body, HttpClient, Request, Url};
use bytes::{Bytes, BytesMut};

use crate::endpoint::BaseUrl;
use crate::secret::scrubbed;

/// The largest answer of an identity service that is read, in bytes.
pub(crate) const TOKEN_BODY_BYTES_MAX: usize = 64 * 1024;

/// How much of the cause of a transport error is kept, in characters.
const CAUSE_CHARS_MAX: usize = 300;

/// Where the instance metadata service lives on a machine of Azure's.
pub(crate) const METADATA_BASE: &str = "http://169.254.169.254";

/// The HTTP client as `azure_core` wants it.
#[derive(Clone)]
pub(crate) struct Transport {
    pub(crate) http: reqwest::Client,
    /// Where all requests go instead, if that is set.
    pub(crate) instead: Option<BaseUrl>,
    last_failure: Arc<Mutex<Option<String>>>,
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport").field("instead", &self.instead).finish_non_exhaustive()
    }
}

impl Transport {
    /// The transport over a client; `instead` is where all requests go instead, if that is set.
    pub(crate) fn new(http: reqwest::Client, instead: Option<BaseUrl>) -> Self {
        Self { http, instead, last_failure: Arc::default() }
    }

    /// How the last request failed, if it did. `azure_identity` tries again for longer than
    /// anybody here waits, and tells why only then.
    pub(crate) fn last_failure(&self) -> Option<String> {
        self.last_failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Forgets how requests failed so far.
    pub(crate) fn begin(&self) {
        *self.last_failure.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn note(&self, address: &str, failure: Option<String>) {
        // Without its query, which may carry an identity.
        let origin = address.parse().map(|url: Url| url.origin().ascii_serialization());
        let origin = origin.unwrap_or_default();
        *self.last_failure.lock().unwrap_or_else(PoisonError::into_inner) =
            failure.map(|failure| format!("{origin} {failure}"));
    }

    fn address(&self, url: &Url) -> String {
        match &self.instead {
            None => url.as_str().to_owned(),
            Some(base) => {
                let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
                format!("{base}{}{query}", url.path())
            }
        }
    }

    /// Whether anything answers where the instance metadata service should be.
    pub(crate) async fn has_metadata_service(&self, wait: std::time::Duration) -> bool {
        let base = self.instead.as_ref().map_or(METADATA_BASE, BaseUrl::as_str);
        // Without the header `Metadata` the service refuses, which is an answer and costs it
        // nothing.
        let url = format!("{base}/metadata/identity/oauth2/token");
        self.http.get(url).timeout(wait).send().await.is_ok()
    }
}

#[async_trait]
impl HttpClient for Transport {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let Body::Bytes(body) = request.body() else {
            let message = "streamed bodies are not sent to identity services";
            return Err(Error::with_message(ErrorKind::Other, message));
        };
        let method = reqwest::Method::from_bytes(request.method().as_str().as_bytes())
            .map_err(|error| Error::with_error(ErrorKind::Other, error, "no such method"))?;
        let address = self.address(request.url());
        let mut sent = self.http.request(method, &address);
        for (name, value) in request.headers().iter() {
            sent = sent.header(name.as_str(), value.as_str());
        }
        let mut response = match sent.body(body.clone()).send().await {
            Ok(response) => response,
            Err(error) => {
                let error = error.without_url();
                self.note(&address, Some(format!("did not answer: {}", plain(&error))));
                return Err(failed(error));
            }
        };
        let refused = !response.status().is_success();
        self.note(&address, refused.then(|| format!("answered {}", response.status())));
        let mut headers = Headers::new();
        for (name, value) in response.headers() {
            if let Ok(value) = value.to_str() {
                headers.insert(
                    HeaderName::from(name.as_str().to_owned()),
                    HeaderValue::from(value.to_owned()),
                );
            }
        }
        let status = response.status().as_u16().into();
        let body = whole(&mut response, TOKEN_BODY_BYTES_MAX).await.map_err(|error| {
            self.note(&address, Some("broke off in its answer".to_owned()));
            failed(error)
        })?;
        let body = body.ok_or_else(|| {
            let message = format!("the answer is larger than {TOKEN_BODY_BYTES_MAX} bytes");
            Error::with_message(ErrorKind::DataConversion, message)
        })?;
        Ok(AsyncRawResponse::from_bytes(status, headers, body))
    }
}

/// Reads the body of an answer; none where it is larger than that.
pub(crate) async fn whole(
    answer: &mut reqwest::Response,
    bytes_max: usize,
) -> reqwest::Result<Option<Bytes>> {
    let mut whole = BytesMut::new();
    while let Some(more) = answer.chunk().await? {
        if whole.len() + more.len() > bytes_max {
            return Ok(None);
        }
        whole.extend_from_slice(&more);
    }
    Ok(Some(whole.freeze()))
}

fn failed(error: reqwest::Error) -> Error {
    let kind = if error.is_connect() { ErrorKind::Connection } else { ErrorKind::Io };
    // The address may carry an identity in its query.
    Error::with_error(kind, error.without_url(), "the identity service did not answer")
}

/// Why no connection came about, in plain words. Libraries say it by the system's errors, and where they
/// have none, by their texts.
pub(crate) fn plain(error: &reqwest::Error) -> String {
    let first: &(dyn std::error::Error + 'static) = error;
    let all = || std::iter::successors(Some(first), |error| error.source());
    let kind = all().find_map(|error| Some(error.downcast_ref::<std::io::Error>()?.kind()));
    let says = |words: &[&str]| {
        all()
            .map(|error| error.to_string().to_ascii_lowercase())
            .any(|text| words.iter().any(|word| text.contains(word)))
    };
    let plain = if says(&["dns error", "failed to lookup address"]) {
        "the name could not be looked up"
    } else if says(&["certificate", "tls", "corrupt message", "fatal alert"]) {
        let last = all().last().map(|error| scrubbed(&error.to_string(), CAUSE_CHARS_MAX));
        return format!("no TLS connection came about: {}", last.unwrap_or_default());
    } else if error.is_timeout() || kind == Some(std::io::ErrorKind::TimedOut) {
        "cannot connect, as nobody answered in time"
    } else if kind == Some(std::io::ErrorKind::ConnectionRefused) {
        "cannot connect, as the connection was refused"
    } else if matches!(
        kind,
        Some(std::io::ErrorKind::NetworkUnreachable | std::io::ErrorKind::HostUnreachable)
    ) {
        "cannot connect, as no route leads there"
    } else {
        "cannot connect"
    };
    plain.to_owned()
}

/// An error with its causes, in one line that is fit to be shown.
pub(crate) fn causes(error: &dyn std::error::Error) -> String {
    let all = std::iter::successors(Some(error), |error| error.source());
    let all: Vec<String> = all.map(ToString::to_string).collect();
    scrubbed(&all.join(": "), CAUSE_CHARS_MAX)
}
