//! A plain HTTP server for an axum router, that stops by finishing what it holds.
//!
//! Whoever can reach the port can open connections, and say nothing on them. Their number is
//! bounded, so that they cannot take the files that the store and Azure need; a connection whose
//! first request does not come is closed soon, and one that is kept for the next request is closed
//! when that does not come either, and at once where there is no room for others. How long a body may take is up to who reads it.

use std::{
    future::Future,
    io,
    net::SocketAddr,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::Router;
use hyper::{body::Incoming, server::conn::http1, service::Service as _};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Notify, OwnedSemaphorePermit, Semaphore, watch},
    task::{JoinHandle, JoinSet},
};

/// How long open requests may take to finish once a stop is asked for.
pub const DRAIN: Duration = Duration::from_secs(10);

/// How long the head of a connection's first request may take.
pub const HEAD_WITHIN: Duration = Duration::from_secs(10);

/// How long a connection is kept for its next request. Longer than the 60 s that load balancers
/// keep theirs, so that it is they who close first and none sends into one that was just closed.
pub const IDLE_WITHIN: Duration = Duration::from_secs(75);

/// How many connections are open at once; more wait to be accepted. Half of the files that a
/// process may commonly have open.
pub const CONNECTIONS_MAX: usize = 512;

/// How long accepting pauses after it failed, usually because no more files can be opened.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// Says that the process is to stop, to all who wait for it.
#[derive(Clone, Debug)]
pub struct Stop(watch::Sender<bool>);

impl Default for Stop {
    fn default() -> Self {
        Self(watch::Sender::new(false))
    }
}

impl Stop {
    /// Asks to stop.
    pub fn ask(&self) {
        self.0.send_replace(true);
    }

    /// Whether a stop was asked for.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until a stop is asked for.
    pub fn asked(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut asked = self.0.subscribe();
        async move {
            // The sender lives as long as anyone can ask.
            let _ = asked.wait_for(|asked| *asked).await;
        }
    }

    /// Heeds that the terminal is closed, from this call on; what is given waits for it. For what is
    /// run by hand and leaves something behind else: a service that was detached is to go on.
    ///
    /// # Errors
    /// When the process's signals cannot be listened for.
    pub fn hang_up() -> io::Result<impl Future<Output = ()> + Send + 'static> {
        use tokio::signal::unix::{SignalKind, signal};
        let mut hang_up = signal(SignalKind::hangup())?;
        Ok(async move {
            hang_up.recv().await;
        })
    }

    /// Heeds the operating system's signals to stop, an interrupt or a termination, from this call
    /// on; what is given waits for one. Without it, a signal ends the process on the spot.
    ///
    /// # Errors
    /// When the process's signals cannot be listened for.
    pub fn signals() -> io::Result<impl Future<Output = ()> + Send + 'static> {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        Ok(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        })
    }
}

/// Serves `router` until a stop is asked for; gives the address, and the task that ends once every
/// open request is answered, or [`DRAIN`] after the stop.
///
/// # Errors
/// When the address cannot be listened on.
pub async fn serve(
    listen: SocketAddr,
    router: Router,
    stop: &Stop,
) -> io::Result<(SocketAddr, JoinHandle<io::Result<()>>)> {
    let listener = TcpListener::bind(listen).await?;
    let address = listener.local_addr()?;
    Ok((address, tokio::spawn(accept(listener, router, stop.clone()))))
}

async fn accept(listener: TcpListener, router: Router, stop: Stop) -> io::Result<()> {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let full = Arc::new(Notify::new());
    let mut open = JoinSet::new();
    let mut asked = pin!(stop.asked());
    loop {
        let accepted = async {
            if room.available_permits() == 0 {
                full.notify_waiters();
            }
            let permit = Arc::clone(&room).acquire_owned().await.map_err(io::Error::other)?;
            Ok::<_, io::Error>((permit, listener.accept().await?.0))
        };
        tokio::select! {
            biased;
            () = &mut asked => break,
            accepted = accepted => match accepted {
                Ok((permit, stream)) => {
                    let asked = stop.asked();
                    open.spawn(attend(permit, stream, router.clone(), asked, Arc::clone(&full)));
                }
                Err(error) => {
                    tracing::warn!("a connection could not be accepted: {error}");
                    tokio::time::sleep(ACCEPT_AGAIN).await;
                }
            },
            Some(_) = open.join_next() => {}
        }
    }
    drop(listener);
    // Those that are still open after that are cut with the set.
    let _ = tokio::time::timeout(DRAIN, async { while open.join_next().await.is_some() {} }).await;
    Ok(())
}

/// Serves one connection until its end; or, once a stop is asked for or there is no room for others,
/// until what was begun is answered.
async fn attend(
    _permit: OwnedSemaphorePermit,
    stream: TcpStream,
    router: Router,
    asked: impl Future<Output = ()>,
    full: Arc<Notify>,
) {
    // Answers are small, and must not wait for more to send.
    let _ = stream.set_nodelay(true);
    let asks = Arc::new(AtomicBool::new(false));
    let service = {
        let (asks, service) = (Arc::clone(&asks), TowerToHyperService::new(router));
        hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
            asks.store(true, Ordering::Relaxed);
            service.call(request)
        })
    };
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(IDLE_WITHIN);
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
    let leave = async {
        tokio::select! {
            () = asked => {}
            () = full.notified() => {}
        }
    };
    let mut leave = pin!(leave);
    let mut first_late = pin!(tokio::time::sleep(HEAD_WITHIN));
    let (mut leaving, mut first) = (false, true);
    loop {
        tokio::select! {
            served = &mut connection => {
                if let Err(error) = served {
                    tracing::debug!("a connection broke: {error}");
                }
                return;
            }
            () = &mut leave, if !leaving => {
                leaving = true;
                connection.as_mut().graceful_shutdown();
            }
            () = &mut first_late, if first => {
                if !asks.load(Ordering::Relaxed) {
                    return;
                }
                first = false;
            }
        }
    }
}
