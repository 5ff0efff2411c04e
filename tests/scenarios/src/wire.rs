//! HTTP to `serve`, seen whole: what a client reads, down to the bytes where that matters.

use std::{collections::BTreeMap, net::SocketAddr};

use reqwest::RequestBuilder;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    World,
    world::{BOUND, Serve, TOKEN},
};

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers, without the date.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub text: String,
}

impl Answer {
    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Sends a request and reads the answer whole.
pub async fn answer(request: RequestBuilder) -> Answer {
    let answer = request.timeout(BOUND).send().await.expect("serve answers");
    let status = answer.status().as_u16();
    let text = |value: &reqwest::header::HeaderValue| {
        String::from_utf8_lossy(value.as_bytes()).into_owned()
    };
    let headers = answer.headers().iter();
    let headers = headers
        .filter(|(name, _)| *name != "date")
        .map(|(name, value)| (name.to_string(), text(value)))
        .collect();
    Answer { status, headers, text: answer.text().await.expect("the body is whole") }
}

impl World {
    /// A webhook with this body, and no credential yet.
    pub fn post(&self, serve: &Serve, body: impl Into<reqwest::Body>) -> RequestBuilder {
        let url = format!("{}/alerts/prometheus", serve.url);
        self.http.post(url).header("content-type", "application/json").body(body)
    }

    /// Sends a webhook with the source's credential and any body.
    pub async fn deliver(&self, serve: &Serve, body: &Value) -> Answer {
        answer(self.post(serve, body.to_string()).bearer_auth(TOKEN)).await
    }

    /// Asks for `path` of `serve`.
    pub async fn get(&self, serve: &Serve, path: &str) -> Answer {
        answer(self.http.get(format!("{}{path}", serve.url))).await
    }
}

/// A connection to `serve` on which bytes are written by hand.
pub struct Raw(TcpStream);

impl Raw {
    /// Connects.
    pub async fn to(serve: &Serve) -> Self {
        let address = serve.url.strip_prefix("http://").expect("a URL");
        let address: SocketAddr = address.parse().expect("an address");
        Self(TcpStream::connect(address).await.expect("serve listens"))
    }

    /// Writes the head of a webhook with the source's credential; `more` are further lines.
    pub async fn head(&mut self, more: &str) {
        self.head_as(TOKEN, more).await;
    }

    /// The same with any token.
    pub async fn head_as(&mut self, token: &str, more: &str) {
        let head = format!(
            "POST /alerts/prometheus HTTP/1.1\r\nHost: pointsman\r\nAuthorization: Bearer {token}\r\n\
             {more}\r\n",
        );
        assert!(self.write(head.as_bytes()).await, "the head is taken");
    }

    /// Writes; false where the other side does not take it any more.
    pub async fn write(&mut self, bytes: &[u8]) -> bool {
        let written = tokio::time::timeout(BOUND, self.0.write_all(bytes)).await;
        written.expect("serve reads or closes, in time").is_ok()
    }

    /// Waits until the other side has closed it, whatever it said before.
    pub async fn closed(&mut self) {
        let mut read = Vec::new();
        let end = tokio::time::timeout(BOUND, self.0.read_to_end(&mut read)).await;
        // A reset is an end, too.
        let _ = end.expect("it is closed in time");
    }

    /// Reads until the head of an answer is there, and gives its first line.
    pub async fn status_line(&mut self) -> String {
        let mut read = Vec::new();
        let head = async {
            let mut buffer = [0; 4096];
            while !read.windows(4).any(|end| end == b"\r\n\r\n") {
                match self.0.read(&mut buffer).await {
                    Ok(0) => break,
                    Ok(count) => read.extend(&buffer[..count]),
                    Err(error) => panic!("the connection broke before an answer: {error}"),
                }
            }
        };
        tokio::time::timeout(BOUND, head).await.expect("an answer in time");
        let text = String::from_utf8_lossy(&read).into_owned();
        text.lines().next().unwrap_or_default().to_owned()
    }
}
