//! A small HTTP/1.1 server that can also cut the connection instead of answering.
//!
//! The emulator's endpoints and the members run on it. A service that returns [`Cut`] makes the
//! server close the connection with no byte of an answer: what a client sees when a server, or a
//! proxy before it, dies half way. A framework that must answer every request cannot do this.
//!
//! Stopping: [`Server::stop`] takes no more connections, lets what is under way finish within
//! [`STOP_GRACE_MS`], then cuts; dropping the server cuts at once.

use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, Request};
use http_body_util::{BodyExt as _, Limited};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
};
use std::{
    future::Future,
    io,
    net::{Ipv4Addr, SocketAddr},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinHandle, JoinSet},
};

/// How long a graceful stop waits for requests under way.
pub(crate) const STOP_GRACE_MS: u64 = 2_000;
/// How long the server waits after the system refused it a connection (too many open files).
const ACCEPT_REST_MS: u64 = 50;

/// The largest body that is read; ARM's own limit (documented).
pub(crate) const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What answers the requests of a server.
type Service = Arc<dyn Fn(Request<Incoming>) -> Answering + Send + Sync>;
type Answering = Pin<Box<dyn Future<Output = Result<Response, Cut>> + Send>>;

/// The order to close the connection without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection was cut on purpose")]
pub(crate) struct Cut;

/// A listening server; dropping it ends it and every connection it has.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    accepted: Arc<AtomicU64>,
    accept: JoinHandle<()>,
}

impl Server {
    /// Binds 127.0.0.1 on `port` (0: a free one) and serves `service` there.
    pub(crate) async fn start<S, F>(port: u16, service: S) -> io::Result<Self>
    where
        S: Fn(Request<Incoming>) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Response, Cut>> + Send + 'static,
    {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let address = listener.local_addr()?;
        let (stop, stopped) = watch::channel(false);
        let accepted = Arc::new(AtomicU64::new(0));
        let service: Service = Arc::new(move |request| Box::pin(service(request)));
        let accept = tokio::spawn(accept(listener, service, stopped, Arc::clone(&accepted)));
        Ok(Self { address, stop, accepted, accept })
    }

    /// `http://127.0.0.1:port`, without a slash at the end.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// How many connections it has taken.
    pub(crate) fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Acquire)
    }

    /// Asks the server to finish; [`Server::finished`] says when it has.
    pub(crate) fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Waits until a stopped server has let go of its last connection.
    pub(crate) async fn finished(&self) {
        self.stop.closed().await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The connections live in the accepting task's set and end with it.
        self.accept.abort();
    }
}

async fn accept(
    listener: TcpListener,
    service: Service,
    mut stopped: watch::Receiver<bool>,
    count: Arc<AtomicU64>,
) {
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    count.fetch_add(1, Ordering::AcqRel);
                    connections.spawn(serve(stream, Arc::clone(&service), graceful.watcher()));
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(ACCEPT_REST_MS)).await;
                }
            },
            Some(_) = connections.join_next() => {}
            () = told(&mut stopped) => break,
        }
    }
    drop(listener);
    let grace = Duration::from_millis(STOP_GRACE_MS);
    // In time or not, what is left then is cut.
    let _ = tokio::time::timeout(grace, graceful.shutdown()).await;
    connections.shutdown().await;
}

async fn serve(stream: TcpStream, service: Service, watcher: Watcher) {
    // Small answers must not wait for a delayed acknowledgement; that would be 40 ms of waiting.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY was refused");
    }
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .auto_date_header(false)
        .serve_connection(TokioIo::new(stream), service_fn(move |request| service(request)));
    // A cut, or a client that went away: both are normal here.
    if let Err(error) = watcher.watch(connection).await {
        tracing::trace!(%error, "a connection ended early");
    }
}

/// Waits until the switch is on, or nobody is left to turn it on.
pub(crate) async fn told(switch: &mut watch::Receiver<bool>) {
    // The result holds a lock and must not be kept.
    drop(switch.wait_for(|on| *on).await);
}

/// Reads a body; none when it is too large.
pub(crate) async fn read(body: Incoming) -> Result<Option<Bytes>, Cut> {
    match Limited::new(body, BODY_BYTES_MAX).collect().await {
        Ok(body) => Ok(Some(body.to_bytes())),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => Ok(None),
        // The client went away half way through.
        Err(_) => Err(Cut),
    }
}

/// A header, if it is there and a text.
pub(crate) fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
