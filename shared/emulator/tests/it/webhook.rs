//! A webhook that Event Grid delivers to: a server of a library that is not ours.

use axum::{body::Bytes, extract::State, response::IntoResponse};
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};
use tokio::{net::TcpListener, sync::Notify, task::JoinHandle};

/// What it was sent.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) verb: Method,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Sent {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("-", |value| value.to_str().unwrap())
    }
}

#[derive(Default)]
struct Inner {
    consents: bool,
    /// The statuses of the next answers; 200 when there are none.
    answers: VecDeque<StatusCode>,
    sent: Vec<Sent>,
}

/// It consents to every handshake until it is told otherwise.
pub(crate) struct Webhook {
    inner: Arc<(Mutex<Inner>, Notify)>,
    pub(crate) url: String,
    server: JoinHandle<()>,
}

impl Drop for Webhook {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Webhook {
    pub(crate) async fn start() -> Self {
        let inner = Inner { consents: true, ..Inner::default() };
        let inner = Arc::new((Mutex::new(inner), Notify::new()));
        let app = axum::Router::new().fallback(answer).with_state(Arc::clone(&inner));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook?code=hush", listener.local_addr().unwrap());
        let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { inner, url, server }
    }

    pub(crate) fn consent(&self, consents: bool) {
        self.inner.0.lock().unwrap().consents = consents;
    }

    /// Answers the next event so.
    pub(crate) fn answer(&self, status: u16) {
        let status = StatusCode::from_u16(status).unwrap();
        self.inner.0.lock().unwrap().answers.push_back(status);
    }

    /// What it was sent, once that is so much.
    pub(crate) async fn sent(&self, count: usize) -> Vec<Sent> {
        let wait = async {
            loop {
                let more = self.inner.1.notified();
                let sent = self.inner.0.lock().unwrap().sent.clone();
                if sent.len() >= count {
                    return sent;
                }
                more.await;
            }
        };
        tokio::time::timeout(crate::client::BOUND, wait).await.unwrap()
    }
}

async fn answer(
    State(inner): State<Arc<(Mutex<Inner>, Notify)>>,
    verb: Method,
    headers: HeaderMap,
    body: Bytes,
) -> axum::response::Response {
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let mut state = inner.0.lock().unwrap();
    state.sent.push(Sent { verb: verb.clone(), headers: headers.clone(), body: body.clone() });
    inner.1.notify_one();
    if verb == Method::OPTIONS {
        return if state.consents {
            let origin = headers["webhook-request-origin"].clone();
            [("WebHook-Allowed-Origin", origin)].into_response()
        } else {
            StatusCode::METHOD_NOT_ALLOWED.into_response()
        };
    }
    if let Some(code) = body.pointer("/0/data/validationCode") {
        return if state.consents {
            json!({"validationResponse": code}).to_string().into_response()
        } else {
            StatusCode::ACCEPTED.into_response()
        };
    }
    state.answers.pop_front().unwrap_or(StatusCode::OK).into_response()
}
