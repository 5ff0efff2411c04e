//! A plain HTTP server for an axum router, that stops by finishing what it holds.

use std::{future::Future, io, net::SocketAddr, time::Duration};

use axum::{Router, serve::ListenerExt as _};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

/// How long open requests may take to finish once a stop is asked for.
pub const DRAIN: Duration = Duration::from_secs(10);

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

    /// Waits for a signal of the operating system to stop: an interrupt or a termination.
    ///
    /// # Errors
    /// When signals cannot be waited for.
    pub async fn signalled() -> io::Result<()> {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        Ok(())
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
    // Answers are small, and must not wait for more to send.
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    let (asked, drained) = (stop.asked(), stop.asked());
    let task = tokio::spawn(async move {
        let serving = axum::serve(listener, router).with_graceful_shutdown(asked).into_future();
        let late = async {
            drained.await;
            tokio::time::sleep(DRAIN).await;
        };
        tokio::select! {
            served = serving => served,
            () = late => Ok(()),
        }
    });
    Ok((address, task))
}
