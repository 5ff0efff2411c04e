//! Two small servers: one that answers by a script, and one that breaks connections.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{ConnectInfo, State};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, Method, Uri};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::endpoint::{ApiVersion, BaseUrl, Endpoint};

/// What a server heard.
#[derive(Debug, Clone)]
pub(crate) struct Heard {
    pub(crate) from: SocketAddr,
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

/// What a server answers with.
pub(crate) enum Reply {
    Answer {
        status: u16,
        headers: &'static str,
        body: Bytes,
    },
    /// Nothing, ever.
    Silence,
}

pub(crate) fn reply(status: u16, headers: &'static str, body: impl Into<Bytes>) -> Reply {
    Reply::Answer { status, headers, body: body.into() }
}

#[derive(Default)]
struct Shared {
    script: Mutex<VecDeque<Reply>>,
    heard: Mutex<Vec<Heard>>,
}

/// Answers by a script, one reply after the other, then with 500.
pub(crate) struct Server {
    shared: Arc<Shared>,
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub(crate) async fn start(script: impl IntoIterator<Item = Reply>) -> Self {
        let shared = Arc::new(Shared::default());
        shared.script.lock().unwrap().extend(script);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = Router::new()
            .fallback(hear)
            .with_state(Arc::clone(&shared))
            .into_make_service_with_connect_info::<SocketAddr>();
        let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { shared, address, task }
    }

    /// Goes on with the script.
    pub(crate) fn then(&self, script: impl IntoIterator<Item = Reply>) {
        self.shared.script.lock().unwrap().extend(script);
    }

    pub(crate) fn base(&self) -> BaseUrl {
        base(self.address)
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        Endpoint::new(self.base(), ApiVersion::default())
    }

    pub(crate) fn heard(&self) -> Vec<Heard> {
        self.shared.heard.lock().unwrap().clone()
    }

    /// Method and path of everything heard, a line each.
    pub(crate) fn lines(&self) -> String {
        self.heard().iter().map(|h| format!("{} {}\n", h.method, h.uri)).collect()
    }
}

async fn hear(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: String,
) -> Response {
    shared.heard.lock().unwrap().push(Heard { from, method, uri, headers, body });
    let next = shared.script.lock().unwrap().pop_front();
    match next {
        None => (http::StatusCode::INTERNAL_SERVER_ERROR, "the script is over").into_response(),
        Some(Reply::Silence) => std::future::pending().await,
        Some(Reply::Answer { status, headers, body }) => {
            crate::testing::answer(status, headers, body).map(Into::into)
        }
    }
}

/// Reads requests, and answers each as its number says: `true` is answered, `false` has the
/// connection closed under it.
pub(crate) struct Breaker {
    pub(crate) address: SocketAddr,
    heard: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Drop for Breaker {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Breaker {
    pub(crate) async fn start(answered: &'static [bool], body: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let lines = Arc::clone(&heard);
        // One connection at a time is all that these tests make.
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                serve(stream, answered, body, &lines).await;
            }
        });
        Self { address, heard, task }
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        Endpoint::new(base(self.address), ApiVersion::default())
    }

    pub(crate) fn methods(&self) -> String {
        self.heard.lock().unwrap().join(" ")
    }
}

async fn serve(
    mut stream: TcpStream,
    answered: &[bool],
    body: &str,
    heard: &Arc<Mutex<Vec<String>>>,
) {
    while let Some(method) = request(&mut stream).await {
        let number = {
            let mut heard = heard.lock().unwrap();
            heard.push(method);
            heard.len() - 1
        };
        if !answered.get(number).copied().unwrap_or(false) {
            return;
        }
        let answer = format!(
            "HTTP/1.1 200 OK\r\nETag: \"1\"\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(answer.as_bytes()).await.unwrap();
    }
}

/// Reads one whole request, and gives its method.
async fn request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let mut piece = [0; 4096];
        let read = stream.read(&mut piece).await.ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&piece[..read]);
        let text = String::from_utf8_lossy(&bytes).to_lowercase();
        if let Some(head) = text.find("\r\n\r\n") {
            let length = text
                .split_once("content-length: ")
                .and_then(|(_, rest)| rest.split("\r\n").next()?.parse::<usize>().ok())
                .unwrap_or(0);
            if bytes.len() >= head + 4 + length {
                return text.split(' ').next().map(str::to_uppercase);
            }
        }
    }
}

fn base(address: SocketAddr) -> BaseUrl {
    format!("http://{address}").parse().unwrap()
}
