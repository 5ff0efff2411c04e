//! Members: real HTTP servers that stand for the backends behind the gateway.
//!
//! A member answers whatever it is asked, in the mode that it is in, and counts. It knows nothing
//! of the emulator and lives in real time; give its [`Member::url`] to a Single and switch it
//! while traffic runs.

use crate::serve::{Cut, Server};
use axum::{
    Json,
    response::{IntoResponse as _, Response},
};
use http::{HeaderValue, Request, StatusCode, header};
use hyper::body::Incoming;
use serde_json::json;
use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// The page by which a member that is [`Mode::Flaky`] tells that it is not well.
const HEALTH: &str = "/health";

/// How a member answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// 200 at once.
    #[default]
    Healthy,
    /// This status at once.
    Failing(StatusCode),
    /// 500 at once for each so manieth request, 200 for the others. Its page `/health` tells that it is
    /// not well: that is always 500.
    Flaky(u64),
    /// 429 at once, with a Retry-After of so many seconds.
    Throttling(u32),
    /// 200 after this long, in real time. Requests under way keep the mode that they met.
    Slow(Duration),
}

/// What a member has answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// All requests that reached it.
    pub requests: u64,
    /// Those that it answered with an error.
    pub failures: u64,
}

/// One backend. Clones are the same member; the last one dropped ends it.
#[derive(Clone, Debug)]
pub struct Member {
    inner: Arc<Inner>,
    server: Arc<Server>,
}

#[derive(Debug, Default)]
struct Inner {
    name: String,
    state: Mutex<(Mode, Counts)>,
}

impl Member {
    /// A healthy member on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start(name: &str) -> io::Result<Self> {
        Self::start_on(name, 0).await
    }

    /// A healthy member on `port` of 127.0.0.1.
    ///
    /// # Errors
    /// When the port is taken.
    pub async fn start_on(name: &str, port: u16) -> io::Result<Self> {
        let inner = Arc::new(Inner { name: name.to_owned(), ..Inner::default() });
        let service = {
            let inner = Arc::clone(&inner);
            move |request: Request<Incoming>| {
                answer(Arc::clone(&inner), request.uri().path() == HEALTH)
            }
        };
        let server = Arc::new(Server::start(port, service).await?);
        Ok(Self { inner, server })
    }

    /// Its name, which its answers have.
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// Where it listens, `http://127.0.0.1:port`.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// The port that it listens on.
    pub fn port(&self) -> u16 {
        self.server.port()
    }

    /// Changes how it answers from the next request on.
    pub fn set(&self, mode: Mode) {
        self.inner.state().0 = mode;
    }

    /// How it answers.
    pub fn mode(&self) -> Mode {
        self.inner.state().0
    }

    /// What it has answered so far.
    pub fn counts(&self) -> Counts {
        self.inner.state().1
    }

    /// How many connections were opened to it.
    pub fn connections(&self) -> u64 {
        self.server.accepted()
    }

    /// Takes no more connections and waits until what is under way has been answered, or cut
    /// after 2 s. Requests after that fail to connect.
    pub async fn stop(&self) {
        self.server.stop();
        self.server.finished().await;
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, (Mode, Counts)> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a request, and says how it is answered: healthy or failing where it is flaky.
    fn met(&self, asks_for_health: bool) -> Mode {
        let (mode, counts) = &mut *self.state();
        counts.requests += 1;
        let mode = match *mode {
            Mode::Flaky(every) if asks_for_health || counts.requests.is_multiple_of(every) => {
                Mode::Failing(StatusCode::INTERNAL_SERVER_ERROR)
            }
            Mode::Flaky(_) => Mode::Healthy,
            mode @ (Mode::Healthy | Mode::Failing(_) | Mode::Throttling(_) | Mode::Slow(_)) => mode,
        };
        counts.failures += u64::from(matches!(mode, Mode::Failing(_) | Mode::Throttling(_)));
        mode
    }
}

async fn answer(inner: Arc<Inner>, asks_for_health: bool) -> Result<Response, Cut> {
    let mut retry_after = None;
    let status = match inner.met(asks_for_health) {
        Mode::Healthy | Mode::Flaky(_) => StatusCode::OK,
        Mode::Failing(status) => status,
        Mode::Throttling(seconds) => {
            retry_after = Some(HeaderValue::from(seconds));
            StatusCode::TOO_MANY_REQUESTS
        }
        Mode::Slow(by) => {
            tokio::time::sleep(by).await;
            StatusCode::OK
        }
    };
    let body = json!({"member": inner.name, "status": status.as_u16()});
    let mut response = (status, Json(body)).into_response();
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, seconds);
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_flaky_member_fails_each_so_manieth_request_and_says_that_it_is_not_well() {
        let inner = Inner::default();
        inner.state().0 = Mode::Flaky(3);
        let fails = |asks_for_health| matches!(inner.met(asks_for_health), Mode::Failing(_));
        assert_eq!([false; 7].map(fails), [false, false, true, false, false, true, false]);
        assert!(fails(true) && fails(true));
        assert_eq!(inner.state().1, Counts { requests: 9, failures: 4 });
        inner.state().0 = Mode::Healthy;
        assert!(!fails(true));
    }
}
