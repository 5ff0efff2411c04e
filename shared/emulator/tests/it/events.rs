//! Event Grid's events of circuit breakers, at a webhook.

use crate::{
    client::{BOUND, got},
    gateway::Net,
    webhook::Webhook,
};
use http::{Method, StatusCode};
use pointsman_emulator::{Options, Progress, Schema, SubscribeError, Subscription, member::Mode};
use serde_json::{Value, json};
use std::time::Duration;

fn subscription(webhook: &Webhook, schema: Schema) -> Subscription {
    Subscription {
        name: "hook".to_owned(),
        endpoint: webhook.url.clone(),
        schema,
        headers: [("x-secret".to_owned(), "hush".to_owned())].into(),
    }
}

/// A member that one failure trips for a minute.
async fn net(options: Options) -> Net {
    let net = Net::new(options, &["eu"]).await;
    let rule = json!({
        "name": "trip-5xx", "tripDuration": "PT1M",
        "failureCondition": {"count": 1, "statusCodeRanges": [{"min": 500, "max": 599}]},
    });
    net.world.break_by("eu", &rule).await;
    net.members[0].set(Mode::Failing(StatusCode::BAD_GATEWAY));
    net
}

impl Net {
    async fn progress(&self, wanted: impl Fn(&Progress) -> bool) {
        let all = |azure: &pointsman_emulator::View<'_>| {
            azure.deliveries().iter().all(|delivery| wanted(&delivery.progress))
        };
        self.world.azure.wait_for(all, BOUND).await.unwrap();
    }
}

#[tokio::test]
async fn opened_and_closed_arrive_as_cloud_events() {
    let (net, webhook) = (net(Options::default()).await, Webhook::start().await);
    let azure = &net.world.azure;
    azure.subscribe(subscription(&webhook, Schema::CloudEvents)).await.unwrap();
    let handshake = &webhook.sent(1).await[0];
    assert_eq!(handshake.verb, Method::OPTIONS);
    assert_eq!(handshake.header("webhook-request-origin"), "eventgrid.azure.net");
    net.ask("/eu/x").await;
    let opened = webhook.sent(2).await.pop().unwrap();
    azure.clock().advance(Duration::from_secs(60));
    let closed = webhook.sent(3).await.pop().unwrap();
    let want = |kind: &str, event: &Value| {
        json!({
            "specversion": "1.0",
            "type": format!("Microsoft.ApiManagement.CircuitBreaker.{kind}"),
            "source": azure.service().id(),
            "id": event["id"],
            "time": event["time"],
            "subject": "/backends/eu/circuit-breaker/rules/trip-5xx",
            "data": {"backendName": "eu", "circuitBreaker": {"rules": {
                "trip-5xx": {"tripDuration": "00:01:00"},
            }}},
        })
    };
    assert_eq!(opened.body, want("Opened", &opened.body));
    assert_eq!(closed.body, want("Closed", &closed.body));
    assert_ne!(opened.body["id"], closed.body["id"]);
    let time = |event: &Value| -> jiff::Timestamp {
        let text = event["time"].as_str().unwrap();
        assert_eq!(text.len(), "2025-04-02T00:47:47.8536532Z".len());
        text.parse().unwrap()
    };
    let apart = time(&closed.body).duration_since(time(&opened.body));
    assert_eq!(apart.as_secs(), 60, "by the emulator's clock");
    assert_eq!(opened.header("content-type"), "application/cloudevents+json; charset=utf-8");
    assert_eq!(opened.header("aeg-event-type"), "Notification");
    assert_eq!(opened.header("x-secret"), "hush");
    net.progress(|progress| *progress == Progress::Delivered).await;
    assert!(azure.unsubscribe("hook"));
}

#[tokio::test]
async fn the_other_schema_is_an_array() {
    let (net, webhook) = (net(Options::default()).await, Webhook::start().await);
    let azure = &net.world.azure;
    azure.subscribe(subscription(&webhook, Schema::EventGrid)).await.unwrap();
    let handshake = &webhook.sent(1).await[0];
    assert_eq!(handshake.header("aeg-event-type"), "SubscriptionValidation");
    let kind = &handshake.body[0]["eventType"];
    assert_eq!(kind, "Microsoft.EventGrid.SubscriptionValidationEvent");
    net.ask("/eu/x").await;
    let sent = webhook.sent(2).await.pop().unwrap();
    let event = &sent.body[0];
    let want = json!([{
        "id": event["id"],
        "topic": azure.service().id(),
        "subject": "/backends/eu/circuit-breaker/rules/trip-5xx",
        "data": {"backendName": "eu", "circuitBreaker": {"rules": {
            "trip-5xx": {"tripDuration": "00:01:00"},
        }}},
        "eventType": "Microsoft.ApiManagement.CircuitBreaker.Opened",
        "dataVersion": "1",
        "metadataVersion": "1",
        "eventTime": event["eventTime"],
    }]);
    assert_eq!(sent.body, want);
    assert_eq!(sent.header("aeg-subscription-name"), "HOOK");
    assert_eq!(sent.header("aeg-delivery-count"), "0");
    assert_eq!(sent.header("content-type"), "application/json; charset=utf-8");
}

#[tokio::test]
async fn a_webhook_that_does_not_consent_gets_nothing() {
    let (net, webhook) = (net(Options::default()).await, Webhook::start().await);
    webhook.consent(false);
    for (schema, why) in [
        (Schema::CloudEvents, "it answered 405 Method Not Allowed to OPTIONS"),
        (Schema::EventGrid, "it answered 202 Accepted to the validation event, not 200"),
    ] {
        let error = net.world.azure.subscribe(subscription(&webhook, schema)).await.unwrap_err();
        assert!(matches!(error, SubscribeError::Refused { .. }));
        assert!(error.to_string().ends_with(why), "{error}");
    }
    let nobody = Subscription {
        endpoint: "http://127.0.0.1:9/hook".to_owned(),
        ..subscription(&webhook, Schema::CloudEvents)
    };
    let error = net.world.azure.subscribe(nobody).await.unwrap_err();
    assert!(error.to_string().ends_with("it could not be reached"), "{error}");
    net.ask("/eu/x").await;
    assert!(net.world.azure.view(|azure| azure.deliveries().is_empty()));
    assert_eq!(webhook.sent(2).await.len(), 2);
}

#[tokio::test]
async fn what_fails_is_tried_again_by_the_clock() {
    let (net, webhook) = (net(Options::default()).await, Webhook::start().await);
    let azure = &net.world.azure;
    azure.subscribe(subscription(&webhook, Schema::EventGrid)).await.unwrap();
    webhook.answer(503);
    webhook.answer(500);
    net.ask("/eu/x").await;
    let waits = |progress: &Progress| matches!(progress, Progress::Due(_));
    webhook.sent(2).await;
    net.progress(waits).await;
    azure.clock().advance(Duration::from_secs(10));
    webhook.sent(3).await;
    net.progress(waits).await;
    azure.clock().advance(Duration::from_secs(30));
    let sent = webhook.sent(4).await;
    net.progress(|progress| *progress == Progress::Delivered).await;
    let counts: Vec<_> = sent[1..].iter().map(|sent| sent.header("aeg-delivery-count")).collect();
    assert_eq!(counts, ["0", "1", "2"]);
    assert!(sent[1..].iter().all(|again| again.body == sent[1].body), "the same event each time");
    // The next one is dropped, by a 400.
    webhook.answer(400);
    azure.clock().advance(Duration::from_secs(60));
    webhook.sent(5).await;
    let dropped = |azure: &pointsman_emulator::View<'_>| {
        azure.deliveries().last().is_some_and(|last| last.progress == Progress::Dropped)
    };
    azure.wait_for(dropped, BOUND).await.unwrap();
    let latest = azure.view(|azure| azure.deliveries().pop()).unwrap().latest;
    assert_eq!(latest, "400 Bad Request");
}

#[tokio::test]
async fn a_subscription_of_the_options_waits_for_its_webhook() {
    let webhook = Webhook::start().await;
    webhook.consent(false);
    let subscriptions = vec![subscription(&webhook, Schema::CloudEvents)];
    let net = net(Options { subscriptions, ..Options::default() }).await;
    net.ask("/eu/x").await;
    webhook.sent(1).await;
    net.progress(|progress| matches!(progress, Progress::Due(_))).await;
    webhook.consent(true);
    net.world.azure.clock().advance(Duration::from_secs(10));
    let sent = webhook.sent(3).await;
    let verbs: Vec<_> = sent.iter().map(|sent| sent.verb.as_str()).collect();
    assert_eq!(verbs, ["OPTIONS", "OPTIONS", "POST"]);
    net.progress(|progress| *progress == Progress::Delivered).await;
}

#[tokio::test]
async fn subscriptions_by_the_admin_endpoints() {
    let (net, webhook) =
        (net(Options { gateways: 2, ..Options::default() }).await, Webhook::start().await);
    let azure = &net.world.azure;
    let url = format!("{}/emulator/subscriptions/hook", azure.arm_url());
    let put = async |body: Value| got(net.world.http.put(&url).json(&body)).await.unwrap();
    let made = put(json!({"endpoint": webhook.url, "schema": "eventGrid"})).await;
    assert_eq!(made.status, 200);
    assert_eq!(put(json!({"endpoint": "https://example.com"})).await.status, 400);
    assert_eq!(put(json!({"endpoint": webhook.url, "secret": "x"})).await.status, 400);
    // Both gateways trip, and each says so.
    for _ in 0..2 {
        net.ask("/eu/x").await;
    }
    let sent = webhook.sent(3).await;
    assert_ne!(sent[1].body[0]["id"], sent[2].body[0]["id"]);
    net.progress(|progress| *progress == Progress::Delivered).await;
    let state = format!("{}/emulator/state", azure.arm_url());
    let state = got(net.world.http.get(state)).await.unwrap().body;
    assert_eq!(state["deliveries"].as_array().unwrap().len(), 2);
    assert_eq!(state["deliveries"][0]["progress"], "delivered");
    assert!(!state.to_string().contains("hush"), "no secret is shown");
    let delete = async || got(net.world.http.delete(&url)).await.unwrap().status;
    assert_eq!((delete().await, delete().await), (StatusCode::OK, StatusCode::NOT_FOUND));
}
