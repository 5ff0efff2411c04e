//! The requests that Event Grid makes to webhooks: each delivery is a task of its own, so that a
//! slow webhook holds up nobody else.

use crate::{
    event_grid::{
        ANSWER_SECONDS_MAX, Delivery, SubscribeError, Subscribed, Subscription,
        message::{self, Message},
    },
    serve::{BODY_BYTES_MAX, told},
    state::Shared,
    token,
};
use bytes::Bytes;
use http::Response;
use http_body_util::{BodyExt as _, Limited};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use jiff::Timestamp;
use std::{sync::Arc, time::Duration};
use tokio::task::JoinSet;

/// Delivers what is due, until the emulator stops.
pub(crate) async fn deliver(shared: Arc<Shared>) {
    let (mut stopping, mut changes) = (shared.stopping.subscribe(), shared.changes.subscribe());
    // Dropped with this future, and every delivery with it.
    let mut under_way = JoinSet::new();
    loop {
        let (due, next) = {
            let mut state = shared.lock();
            let due = state.events.take_due(shared.clock.now());
            (due, state.events.next_due())
        };
        for (delivery, subscribed) in due {
            under_way.spawn(try_once(Arc::clone(&shared), delivery, subscribed));
        }
        tokio::select! {
            () = shared.clock.sleep_until(next.unwrap_or(Timestamp::MAX)) => {}
            _ = changes.changed() => {}
            Some(_) = under_way.join_next() => {}
            () = told(&mut stopping) => return,
        }
    }
}

async fn try_once(shared: Arc<Shared>, delivery: Delivery, subscribed: Subscribed) {
    let Subscribed { subscription, validated } = subscribed;
    let consent = if validated { Ok(()) } else { validate(&shared, &subscription).await };
    let tried = match consent {
        Err(refused) => Err(refused.to_string()),
        Ok(()) => {
            let message = message::event(&subscription, &delivery);
            send(&subscription, message).await.map(|response| response.status())
        }
    };
    let now = shared.clock.now();
    shared.lock().events.tried(delivery.number, tried, now);
    shared.changed();
}

/// Asks a webhook for its consent.
pub(crate) async fn validate(
    shared: &Shared,
    subscription: &Subscription,
) -> Result<(), SubscribeError> {
    subscription.parsed()?;
    let now = shared.clock.now();
    let code = token::request_id(shared.options.seed, now.as_nanosecond().unsigned_abs() as u64);
    let topic = shared.options.service.id();
    let message = message::handshake(subscription, &topic, &code, now);
    let refused = |why| SubscribeError::Refused { name: subscription.name.clone(), why };
    let response = send(subscription, message).await.map_err(refused)?;
    message::consents(subscription.schema, &code, &response).map_err(refused)
}

/// Sends a message; an error says why there was no answer.
async fn send(subscription: &Subscription, message: Message) -> Result<Response<Bytes>, String> {
    let (endpoint, headers) = subscription.parsed().map_err(|error| error.to_string())?;
    let mut request = message.map_err(|error| error.to_string())?;
    *request.uri_mut() = endpoint;
    request.headers_mut().extend(headers);
    // A connection for each: they are few, and none must outlive the emulator.
    let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build_http();
    let exchange = async {
        let response = client.request(request).await.map_err(|_| "it could not be reached")?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, BODY_BYTES_MAX).collect().await;
        let body = body.map_err(|_| "its answer broke off")?.to_bytes();
        Ok(Response::from_parts(head, body))
    };
    match tokio::time::timeout(Duration::from_secs(ANSWER_SECONDS_MAX), exchange).await {
        Ok(answered) => answered.map_err(|why: &str| why.to_owned()),
        Err(_) => Err(format!("it did not answer within {ANSWER_SECONDS_MAX} s")),
    }
}
