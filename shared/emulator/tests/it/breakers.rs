//! Circuit breakers, with real members behind the gateway.

use crate::{
    client::{BOUND, World},
    gateway::Net,
};
use http::StatusCode;
use pointsman_emulator::{Options, member::Mode};
use serde_json::{Value, json};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// Trips by the second 5xx or 429 within 10 s, for 30 s.
fn rule() -> Value {
    json!({
        "name": "trip-5xx",
        "failureCondition": {
            "count": 2, "interval": "PT10S",
            "statusCodeRanges": [{"min": 500, "max": 599}, {"min": 429, "max": 429}],
            "errorReasons": ["Timeout", "BackendConnectionFailure"],
        },
        "tripDuration": "PT30S",
        "acceptRetryAfter": true,
    })
}

impl World {
    pub(crate) async fn break_by(&self, backend: &str, rule: &Value) {
        let patch = json!({"properties": {"circuitBreaker": {"rules": [rule]}}});
        assert_eq!(self.patch(backend, "*", &patch).await.status, 200);
    }
}

#[tokio::test]
async fn a_tripped_member_gets_nothing_until_its_time_has_passed() {
    let net = Net::new(Options::default(), &["a", "b"]).await;
    let azure = &net.world.azure;
    net.world.break_by("a", &rule()).await;
    azure.put_pool("chat", &[("a", Some(1), None), ("b", Some(1), None)]).unwrap();
    net.members[0].set(Mode::Failing(StatusCode::BAD_GATEWAY));
    assert_eq!(net.run("chat", 8).await, "ababbbbb", "tripped by its second failure");
    assert_eq!(net.members[0].counts().requests, 2);
    // Asked for itself it answers 503, and the request does not reach it.
    assert_eq!(net.ask("/a/x").await, (503, "-".to_owned()));
    assert_eq!(net.members[0].counts().requests, 2);
    let [state] = &azure.breakers()[..] else { panic!("{:?}", azure.breakers()) };
    assert_eq!((state.backend.name(), state.rule.as_str()), ("a", "trip-5xx"));
    let left = state.open_until.unwrap().duration_since(azure.clock().now());
    assert!((1..=30).contains(&left.as_secs()), "{left}");
    net.members[0].set(Mode::Healthy);
    azure.clock().advance(30 * SECOND);
    assert_eq!(azure.breakers()[0].open_until, None);
    let picks = net.run("chat", 4).await;
    assert_eq!(picks.matches('a').count(), 2, "{picks}");
}

#[tokio::test]
async fn a_lower_group_serves_only_when_all_above_are_tripped() {
    let net = Net::new(Options::default(), &["a", "b", "c"]).await;
    let azure = &net.world.azure;
    for member in ["a", "b"] {
        net.world.break_by(member, &rule()).await;
    }
    let pool = [("a", Some(3), Some(1)), ("b", Some(1), Some(1)), ("c", Some(1), Some(2))];
    azure.put_pool("chat", &pool).unwrap();
    net.members[0].set(Mode::Failing(StatusCode::INTERNAL_SERVER_ERROR));
    assert_eq!(net.run("chat", 6).await, "aabbbb", "one of the group is left");
    net.members[1].set(Mode::Throttling(90));
    assert_eq!(net.run("chat", 4).await, "bbcc");
    // The first to come back takes all of it again: a after 30 s, b by its own Retry-After.
    azure.clock().advance(30 * SECOND);
    net.members[0].set(Mode::Healthy);
    assert_eq!(net.run("chat", 2).await, "aa");
    net.members[0].set(Mode::Failing(StatusCode::INTERNAL_SERVER_ERROR));
    assert_eq!(net.run("chat", 4).await, "aacc");
    azure.clock().advance(30 * SECOND);
    assert!(azure.breakers()[1].open_until.is_some(), "b has 90 s");
}

#[tokio::test]
async fn a_pool_of_tripped_members_answers_503_or_what_it_is_told_to() {
    let net = Net::new(Options::default(), &["a"]).await;
    net.world.break_by("a", &rule()).await;
    net.world.azure.put_pool("chat", &[("a", None, None)]).unwrap();
    net.members[0].set(Mode::Failing(StatusCode::BAD_GATEWAY));
    net.run("chat", 2).await;
    assert_eq!(net.ask("/chat/x").await, (503, "-".to_owned()));
    assert_eq!(net.world.azure.traffic().pool("chat").failures, 3);
    let patch = json!({"properties": {"pool": {"failureResponse": {"statusCode": 429}}}});
    assert_eq!(net.world.patch("chat", "*", &patch).await.status, 200);
    assert_eq!(net.ask("/chat/x").await.0, 429);
    let mut own = rule();
    own["failureResponse"] = json!({"statusCode": 418});
    net.world.break_by("a", &own).await;
    assert_eq!(net.ask("/a/x").await.0, 418, "the rule was changed, and is open still");
    let none = json!({"properties": {"circuitBreaker": null}});
    assert_eq!(net.world.patch("a", "*", &none).await.status, 200);
    assert_eq!(net.ask("/a/x").await, (502, "a".to_owned()), "without a rule nothing is tripped");
    assert!(net.world.azure.breakers().is_empty());
}

#[tokio::test]
async fn who_does_not_answer_fails_by_its_reason() {
    let options = Options { forward_timeout: SECOND / 5, ..Options::default() };
    let net = Net::new(options, &["slow", "gone"]).await;
    for member in ["slow", "gone"] {
        net.world.break_by(member, &rule()).await;
    }
    net.members[0].set(Mode::Slow(BOUND));
    net.members[1].stop().await;
    for (member, status) in [("slow", 504), ("gone", 500)] {
        let path = format!("/{member}/x");
        assert_eq!(net.ask(&path).await, (status, member.to_owned()));
        assert_eq!(net.ask(&path).await, (status, member.to_owned()));
        assert_eq!(net.ask(&path).await, (503, "-".to_owned()));
    }
}
