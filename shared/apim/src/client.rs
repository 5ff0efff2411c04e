//! The client: sends what [`request`] builds, and has [`response`] read what comes back.
//!
//! What it guarantees:
//! - **A write is sent once**, unless [`Options::retries`] says otherwise, and even then only after
//!   an answer, or the lack of a connection, that proves it undone; whether to ask again is for
//!   the caller, who knows what it was for. (Below it, the HTTP library sends again what provably
//!   never left, or what an HTTP/2 server said that it did not look at; both are known not done.)
//! - **A read is repeated once** where the connection broke under it: a server may close an idle
//!   connection at the moment it is used again, and reading twice does no harm. More than that is
//!   for [`Options::retries`] to say.
//! - **Nothing is sent into an empty bucket**, where [`Options::pace`] says so.
//! - Connections are kept and used again; redirects are not followed, for the token must not
//!   follow one; the environment's proxy is used only where [`Proxy::Environment`] says so, and
//!   never for a loopback endpoint.
//! - Every wait has an end, and every body a bound.
//!
//! Races considered: many calls without a token make one fetch (see [`token`](crate::token)); a
//! token that two calls were refused with is dropped once; a call that is dropped half way leaves
//! nothing but perhaps a write that was done, which is why the shell records its intent first.

pub mod inventory;
mod options;
pub mod pages;
mod send;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{Request, Response};
use tracing::Instrument as _;

pub use self::options::{
    BuildError, CALL_SECS_MAX, CONNECT_SECS_MAX, Options, PING_INTERVAL_SECS, PING_SECS_MAX,
    POOL_IDLE_CONNECTIONS_MAX, POOL_IDLE_SECS, Pace, Proxy, Retries,
};

use self::options::http_client;
use self::send::{Sender, failed, span, unsent};
use crate::backend::Backend;
use crate::credential::{Credential, Surroundings};
use crate::duration::After;
use crate::endpoint::Endpoint;
use crate::error::{Error, Withheld};
use crate::etag::ETag;
use crate::id::{BackendId, ServiceBackendId, SubscriptionId};
use crate::meta::{CLIENT_REQUEST_ID, Ids, Meta, RequestId};
use crate::newer;
use crate::patch::Patch;
use crate::put::{Created, Draft, Overwrite};
use crate::request::{self, Asked};
use crate::response::{self, Deleted, Tagged};
use crate::throttle::Kind;
use crate::token::Tokens;
use crate::transport::Transport;

/// A client of one endpoint. Cloning shares connections and token.
#[derive(Clone)]
pub struct Client {
    endpoint: Endpoint,
    /// The same, in the version that Reconnect is asked in.
    reconnect: Endpoint,
    sender: Arc<Sender>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

impl Client {
    /// Makes a client. Nothing is sent yet.
    pub fn new(
        endpoint: Endpoint,
        credential: Credential,
        options: Options,
    ) -> Result<Self, BuildError> {
        if let Some(base) = options.identity.as_ref().filter(|base| !base.is_loopback()) {
            return Err(BuildError::Identity(base.clone()));
        }
        let http = http_client(&endpoint, &credential, &options)?;
        let source = credential.source(Surroundings {
            transport: Transport::new(http.clone(), options.identity),
            cloud: options.cloud,
            variables: options.variables,
        })?;
        let tokens = Arc::new(Tokens::new(source, Arc::clone(&options.clock)));
        let reconnect = options.reconnect_version.map(|version| endpoint.at_version(version));
        Ok(Self {
            reconnect: reconnect.unwrap_or_else(|| endpoint.clone()),
            endpoint,
            sender: Arc::new(Sender {
                http,
                tokens,
                clock: options.clock,
                retries: options.retries,
                pace: options.pace,
                buckets: Mutex::default(),
                timer: options.timer,
            }),
        })
    }

    /// Where requests go.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Opens a connection and fetches a token ahead of need. Any answer will do.
    pub async fn warm(&self, call: RequestId) -> Result<(), Error> {
        let Sender { http, tokens, .. } = &*self.sender;
        let connect = async {
            let url = format!("{}/", self.endpoint.base());
            let head = http.head(url).header(CLIENT_REQUEST_ID, call.to_string());
            head.send().await.map_err(|error| failed(error, call))
        };
        let token = async {
            let ids = || Ids::unanswered(call);
            tokens.get().await.map_err(|failure| Error::Credential { failure, ids: ids() })
        };
        tokio::try_join!(connect, token)?;
        Ok(())
    }

    /// How many requests Azure Resource Manager would still take at once, as far as is known here: of
    /// each subscription and kind that was asked for. None where requests are not paced.
    pub fn tokens_left(&self) -> Vec<(SubscriptionId, Kind, u32)> {
        let Sender { buckets, timer, .. } = &*self.sender;
        buckets.lock().unwrap_or_else(PoisonError::into_inner).left(timer.elapsed())
    }

    /// GetEntityTag: reads the ETag of a backend alone.
    pub async fn entity_tag(&self, id: &BackendId, call: RequestId) -> Result<Tagged, Error> {
        let request = request::entity_tag(&self.endpoint, id, call);
        let read = |answer| response::entity_tag(call, &answer);
        self.run("entity_tag", id, call, request, read).await
    }

    /// Get: reads a backend.
    pub async fn get(&self, id: &BackendId, call: RequestId) -> Result<Backend, Error> {
        let request = request::get(&self.endpoint, id, call);
        self.run("get", id, call, request, |answer| response::backend(call, answer)).await
    }

    /// Get, by the newest version that is known: what a replacement by this client's version could
    /// lose can be seen in it (see [`newer`]).
    pub async fn get_newest(&self, id: &BackendId, call: RequestId) -> Result<Backend, Error> {
        let request = newer::request(&self.endpoint, id, call);
        self.run("get", id, call, request, |answer| response::backend(call, answer)).await
    }

    /// Create Or Update of a backend that was seen not to be there. The answer tells whether it
    /// was new indeed.
    pub async fn create(
        &self,
        id: &BackendId,
        draft: &Draft,
        call: RequestId,
    ) -> Result<Created, Error> {
        let request = request::create(&self.endpoint, id, draft, call);
        self.run("create", id, call, request, |answer| response::created(call, answer)).await
    }

    /// Create Or Update of the backend that still has the ETag `etag`: replaces all
    /// of it.
    pub async fn replace(
        &self,
        id: &BackendId,
        etag: &ETag,
        draft: &Draft,
        call: RequestId,
    ) -> Result<Backend, Error> {
        let request = request::replace(&self.endpoint, id, etag, draft, call);
        self.run("replace", id, call, request, |answer| response::backend(call, answer)).await
    }

    /// Create Or Update of whatever is there: replaces all of it, unseen.
    pub async fn overwrite(
        &self,
        id: &BackendId,
        leave: Overwrite,
        draft: &Draft,
        call: RequestId,
    ) -> Result<Created, Error> {
        let request = request::overwrite(&self.endpoint, id, leave, draft, call);
        self.run("overwrite", id, call, request, |answer| response::created(call, answer)).await
    }

    /// Update: merges a patch into the backend that still has the ETag `etag`. The
    /// request is built by the call, and sent when its future is first polled.
    pub fn update(
        &self,
        id: &BackendId,
        etag: &ETag,
        patch: &Patch,
        call: RequestId,
    ) -> impl Future<Output = Result<Backend, Error>> + Send + use<> {
        let request = request::update(&self.endpoint, id, etag, patch, call);
        self.run("update", id, call, request, move |answer| response::backend(call, answer))
    }

    /// Delete: takes away the backend that still has the ETag `etag`.
    pub async fn delete(
        &self,
        id: &BackendId,
        etag: &ETag,
        call: RequestId,
    ) -> Result<Deleted, Error> {
        let request = request::delete(&self.endpoint, id, etag, call);
        self.run("delete", id, call, request, |answer| response::delete(call, &answer)).await
    }

    /// Reconnect: has the gateway open a new connection to the backend after a delay. Accepted is
    /// not yet done, and cannot be recalled.
    pub async fn reconnect(
        &self,
        id: &ServiceBackendId,
        after: After,
        call: RequestId,
    ) -> Result<Meta, Error> {
        let request: Asked = Ok(request::reconnect(&self.reconnect, id, after, call));
        let read = |answer| response::reconnect(call, &answer);
        self.send("reconnect", id.service.subscription, id, call, request, read).await
    }

    /// Runs an operation of a backend.
    fn run<T, R>(
        &self,
        operation: &'static str,
        id: &BackendId,
        call: RequestId,
        request: Asked,
        read: R,
    ) -> impl Future<Output = Result<T, Error>> + use<T, R>
    where
        R: Fn(Response<Bytes>) -> Result<T, Error>,
    {
        self.send(operation, id.service().subscription, id, call, request, read)
    }

    /// Runs an operation on what is called `id`. All that can be done before anything is sent is
    /// done by the call, and not by the future.
    fn send<I, T, W, R>(
        &self,
        operation: &'static str,
        subscription: SubscriptionId,
        id: &I,
        call: RequestId,
        request: Result<Request<Bytes>, W>,
        read: R,
    ) -> impl Future<Output = Result<T, Error>> + use<I, T, W, R>
    where
        I: fmt::Display + Clone,
        W: Into<Withheld>,
        R: Fn(Response<Bytes>) -> Result<T, Error>,
    {
        let request = request
            .map_err(|error| Error::Withheld { reason: error.into(), ids: Ids::unanswered(call) });
        let request = request.and_then(|request| unsent(request, call));
        let (sender, id) = (Arc::clone(&self.sender), id.clone());
        async move {
            let run = sender.call(subscription, call, request?, read);
            run.instrument(span(operation, &id, call)).await
        }
    }
}

#[cfg(test)]
#[path = "client_tests/mod.rs"]
mod tests;
