//! The gateway, with real members behind it.

use crate::client::{BOUND, World};
use http::StatusCode;
use pointsman_emulator::{
    Options, Tally,
    member::{Counts, Member, Mode},
};
use serde_json::json;
use std::time::Duration;

pub(crate) struct Net {
    pub(crate) world: World,
    pub(crate) members: Vec<Member>,
}

impl Net {
    pub(crate) async fn new(options: Options, names: &[&str]) -> Self {
        let world = World::with(options).await;
        let mut members = Vec::new();
        for name in names {
            let member = Member::start(name).await.unwrap();
            world.azure.put_single(*name, &member.url()).unwrap();
            members.push(member);
        }
        Self { world, members }
    }

    pub(crate) async fn ask(&self, path: &str) -> (u16, String) {
        let url = format!("{}{path}", self.world.azure.gateway_url());
        let response = self.world.http.get(url).send().await.unwrap();
        let header = response.headers().get("x-emulator-backend");
        let backend = header.map_or("-", |value| value.to_str().unwrap()).to_owned();
        (response.status().as_u16(), backend)
    }

    pub(crate) async fn run(&self, pool: &str, requests: usize) -> String {
        let mut backends = String::new();
        for _ in 0..requests {
            backends += &self.ask(&format!("/{pool}/v1/chat?x=1")).await.1;
        }
        backends
    }
}

fn tally(requests: u64, failures: u64) -> Tally {
    Tally { requests, failures }
}

#[tokio::test]
async fn weights_are_met_to_the_request() {
    let seeded = Options { seed: 3, ..Options::default() };
    for (options, want) in [(Options::default(), "abacabaabacaba"), (seeded, "cabaabacabaaba")] {
        let net = Net::new(options, &["a", "b", "c"]).await;
        let pool = [("a", Some(4), None), ("b", Some(2), None), ("c", Some(1), None)];
        net.world.azure.put_pool("chat", &pool).unwrap();
        assert_eq!(net.run("chat", 14).await, want);
        let traffic = net.world.azure.traffic();
        assert_eq!(traffic.pool("chat"), tally(14, 0));
        for (member, requests) in [("a", 8), ("b", 4), ("c", 2)] {
            assert_eq!(traffic.member("chat", member), tally(requests, 0));
        }
        let counts: Vec<_> = net.members.iter().map(|m| m.counts().requests).collect();
        assert_eq!(counts, [8, 4, 2]);
    }
}

#[tokio::test]
async fn a_write_moves_the_traffic() {
    let net = Net::new(Options::default(), &["a", "b", "c"]).await;
    let azure = &net.world.azure;
    let pool = [("a", Some(50), Some(1)), ("b", Some(50), Some(1)), ("c", Some(1), Some(2))];
    azure.put_pool("chat", &pool).unwrap();
    assert_eq!(net.run("chat", 4).await, "abab");
    let services = |weights: [u32; 2], priority: u32| {
        let item = |id: &str, weight, priority| json!({"id": format!("/backends/{id}"), "weight": weight, "priority": priority});
        let [a, b] = weights;
        let items = [item("a", a, 1), item("b", b, 1), item("c", 1, priority)];
        json!({"properties": {"pool": {"services": items}}})
    };
    let patch = async |body| assert_eq!(net.world.patch("chat", "*", &body).await.status, 200);
    patch(services([0, 50], 2)).await;
    assert_eq!(net.run("chat", 3).await, "bbb");
    // All of the first group at 0: nobody is left, since only breakers let the next group in.
    patch(services([0, 0], 2)).await;
    assert_eq!(net.ask("/chat/").await, (503, "-".to_owned()));
    patch(services([0, 0], 1)).await;
    assert_eq!(net.run("chat", 2).await, "cc");
    // A change that does not concern the weights does not disturb the rotation.
    patch(services([1, 1], 2)).await;
    assert_eq!(net.run("chat", 1).await, "a");
    patch(json!({"properties": {"description": "d"}})).await;
    assert_eq!(net.run("chat", 1).await, "b");
    azure.foreign_delete("b").unwrap();
    assert_eq!(net.run("chat", 2).await, "aa");
    azure.foreign_delete("chat").unwrap();
    assert_eq!(net.ask("/chat").await.0, 404);
    let traffic = azure.traffic();
    assert_eq!(traffic.pool("chat"), tally(14, 1));
    azure.finish();
}

#[tokio::test]
async fn a_new_configuration_takes_its_time() {
    let delay = Duration::from_secs(600);
    let net = Net::new(Options { gateway_delay: delay, ..Options::default() }, &["a", "b"]).await;
    let azure = &net.world.azure;
    azure.put_pool("chat", &[("a", None, None)]).unwrap();
    assert_eq!(net.ask("/chat").await.0, 404);
    azure.clock().advance(delay);
    assert_eq!(net.run("chat", 2).await, "aa");
    azure.put_pool("chat", &[("b", None, None)]).unwrap();
    azure.clock().advance(delay / 2);
    assert_eq!(net.run("chat", 2).await, "aa");
    azure.clock().advance(delay / 2);
    assert_eq!(net.run("chat", 2).await, "bb");
}

#[tokio::test]
async fn members_can_be_switched() {
    let net = Net::new(Options::default(), &["a", "b"]).await;
    let azure = &net.world.azure;
    azure.put_pool("chat", &[("a", None, None), ("b", None, None)]).unwrap();
    let [a, b] = net.members.as_slice() else {
        panic!("two members");
    };
    a.set(Mode::Failing(StatusCode::BAD_GATEWAY));
    assert_eq!(net.ask("/chat/x").await, (502, "a".to_owned()));
    assert_eq!(net.ask("/chat/x").await, (200, "b".to_owned()));
    a.set(Mode::Slow(Duration::from_millis(1)));
    assert_eq!(net.ask("/A").await, (200, "a".to_owned()));
    assert_eq!(a.counts(), Counts { requests: 2, failures: 1 });
    assert_eq!((b.mode(), b.name()), (Mode::Healthy, "b"));
    b.stop().await;
    net.ask("/chat/x").await;
    assert_eq!(net.ask("/chat/x").await, (500, "b".to_owned()));
    let traffic = azure.traffic();
    assert_eq!(traffic.member("chat", "a"), tally(2, 1));
    assert_eq!(traffic.member("chat", "b"), tally(2, 1));
    assert_eq!(traffic.backend("a"), tally(3, 1));
    assert_eq!(net.ask("/nobody/x").await, (404, "-".to_owned()));
}

#[tokio::test]
async fn a_member_that_does_not_answer_in_time_is_a_504() {
    let net = Net::new(
        Options { forward_timeout: Duration::from_millis(200), ..Options::default() },
        &["a"],
    )
    .await;
    net.members[0].set(Mode::Slow(BOUND));
    assert_eq!(net.ask("/a").await, (504, "a".to_owned()));
}

#[tokio::test]
async fn bodies_and_paths_go_through_and_prometheus_can_scrape() {
    let net = Net::new(Options::default(), &["a"]).await;
    let gateway = net.world.azure.gateway_url();
    // A gateway in front of a gateway, to see what arrives there.
    let second = World::new().await;
    second.azure.put_single("up", &format!("{gateway}/a/base/")).unwrap();
    let url = format!("{}/up/v1/x%20y?q=1", second.azure.gateway_url());
    let posted = second.http.post(url).body("hello").send().await.unwrap();
    assert_eq!(posted.status(), 200);
    assert_eq!(posted.text().await.unwrap(), r#"{"member":"a","status":200}"#);
    let page = net.world.http.get(format!("{gateway}/metrics")).send().await.unwrap();
    let kind = page.headers()["content-type"].to_str().unwrap().to_owned();
    assert_eq!(kind, "text/plain; version=0.0.4; charset=utf-8");
    let page = page.text().await.unwrap();
    let line = r#"gateway_requests_total{pool="",backend="a",code="200"} 1"#;
    assert!(page.lines().any(|is| is == line), "{page}");
    let seen = |azure: &pointsman_emulator::View<'_>| {
        azure.traffic().counts().any(|count| count.code == 200 && count.requests == 1)
    };
    net.world.azure.wait_for(seen, BOUND).await.unwrap();
}
