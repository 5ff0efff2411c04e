//! A plain client of the backend operations.

use http::{HeaderMap, Method, StatusCode};
use pointsman_emulator::{Address, Emulator, Options};
use serde_json::Value;
use std::time::Duration;

/// How long anything may take before a test fails.
pub(crate) const BOUND: Duration = Duration::from_secs(20);

pub(crate) const MINUTE: Duration = Duration::from_secs(60);

/// An emulator and a client that has a token for it.
pub(crate) struct World {
    pub(crate) azure: Emulator,
    pub(crate) http: reqwest::Client,
    pub(crate) token: String,
}

/// What a client got.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Got {
    pub(crate) fn etag(&self) -> String {
        self.header("etag")
    }

    pub(crate) fn header(&self, name: &str) -> String {
        let value = self.headers.get(name).map(|value| value.to_str().unwrap());
        value.unwrap_or("-").to_owned()
    }

    pub(crate) fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or("-")
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(Options::default()).await
    }

    /// Two members without a server behind them, and a pool of both.
    pub(crate) async fn chat() -> Self {
        let world = Self::new().await;
        world.azure.put_single("eu", "http://127.0.0.1:9").unwrap();
        world.azure.put_single("us", "http://127.0.0.1:9").unwrap();
        let members = [("eu", Some(50), Some(1)), ("us", Some(50), Some(1))];
        world.azure.put_pool("chat", &members).unwrap();
        world
    }

    pub(crate) async fn with(options: Options) -> Self {
        let azure = Emulator::start(options).await.unwrap();
        let token = azure.token();
        let http = client();
        Self { azure, http, token }
    }

    pub(crate) fn url(&self, backend: &str) -> String {
        let path = self.azure.service().backend_id(&Address::from(backend));
        format!("{}{path}?api-version=2024-05-01", self.azure.arm_url())
    }

    /// A request with a token; an error when the connection was cut.
    pub(crate) async fn send(
        &self,
        verb: &str,
        url: &str,
        if_match: Option<&str>,
        body: Option<&Value>,
    ) -> reqwest::Result<Got> {
        let verb: Method = verb.parse().unwrap();
        let mut request = self.http.request(verb, url).bearer_auth(&self.token);
        if let Some(tag) = if_match {
            request = request.header("If-Match", tag);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        got(request).await
    }

    pub(crate) async fn get(&self, backend: &str) -> Got {
        self.send("GET", &self.url(backend), None, None).await.unwrap()
    }

    pub(crate) async fn patch(&self, backend: &str, tag: &str, body: &Value) -> Got {
        self.try_patch(backend, tag, body).await.unwrap()
    }

    pub(crate) async fn try_patch(
        &self,
        backend: &str,
        tag: &str,
        body: &Value,
    ) -> reqwest::Result<Got> {
        self.send("PATCH", &self.url(backend), Some(tag), Some(body)).await
    }

    pub(crate) async fn put(&self, backend: &str, body: &Value) -> Got {
        self.send("PUT", &self.url(backend), None, Some(body)).await.unwrap()
    }
}

pub(crate) fn client() -> reqwest::Client {
    let client = reqwest::Client::builder().no_proxy().tcp_nodelay(true);
    client.timeout(BOUND).build().unwrap()
}

pub(crate) async fn got(request: reqwest::RequestBuilder) -> reqwest::Result<Got> {
    let response = request.send().await?;
    let (status, headers) = (response.status(), response.headers().clone());
    let body = response.bytes().await?;
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    Ok(Got { status, headers, body })
}
