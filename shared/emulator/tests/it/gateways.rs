//! Several gateways, other hosts, and connections.

use crate::{
    client::{MINUTE, World, got},
    gateway::Net,
};
use http::StatusCode;
use pointsman_emulator::{
    Address, Options, Service,
    member::{Member, Mode},
};
use serde_json::json;
use std::time::Duration;

impl Net {
    async fn at(&self, gateway: usize, path: &str) -> (u16, String) {
        let url = format!("{}{path}", self.world.azure.gateway_url());
        let request = self.world.http.get(url).header("x-emulator-gateway", gateway.to_string());
        let got = got(request).await.unwrap();
        assert_eq!(got.header("x-emulator-gateway"), gateway.to_string());
        (got.status.as_u16(), got.header("x-emulator-backend"))
    }
}

#[tokio::test]
async fn gateways_take_turns_and_know_nothing_of_each_other() {
    let net = Net::new(Options { gateways: 2, ..Options::default() }, &["a", "b"]).await;
    let azure = &net.world.azure;
    let rule = json!({
        "name": "r", "tripDuration": "PT1M",
        "failureCondition": {"count": 1, "statusCodeRanges": [{"min": 500, "max": 599}]},
    });
    net.world.break_by("a", &rule).await;
    azure.put_pool("chat", &[("a", Some(1), None), ("b", Some(1), None)]).unwrap();
    // The second gateway's rotation begins one further.
    assert_eq!(net.run("chat", 4).await, "abba");
    net.members[0].set(Mode::Failing(StatusCode::BAD_GATEWAY));
    assert_eq!(net.at(0, "/a/x").await, (502, "a".to_owned()));
    assert_eq!(net.at(0, "/a/x").await, (503, "-".to_owned()));
    assert_eq!(net.at(1, "/a/x").await, (502, "a".to_owned()), "it finds out for itself");
    let open: Vec<_> = azure.breakers().iter().map(|state| state.open_until.is_some()).collect();
    assert_eq!(open, [true, true]);
    assert_eq!(net.at(7, "/a/x").await.0, 404, "there are only two");
}

#[tokio::test]
async fn each_gateway_gets_to_know_in_its_own_time() {
    let options = Options {
        gateways: 2,
        gateway_delay: MINUTE,
        gateway_stagger: MINUTE,
        ..Options::default()
    };
    let net = Net::new(options, &["a"]).await;
    let both = async || [net.at(0, "/a/x").await.0, net.at(1, "/a/x").await.0];
    assert_eq!(both().await, [404, 404]);
    net.world.azure.clock().advance(MINUTE);
    assert_eq!(both().await, [200, 404]);
    net.world.azure.clock().advance(MINUTE);
    assert_eq!(both().await, [200, 200]);
}

#[tokio::test]
async fn a_host_names_the_service_and_the_workspace() {
    let fabrikam = Service::new("00000000-0000-0000-0000-00000000000b", "rg", "fabrikam").unwrap();
    let options = Options { services: vec![fabrikam.clone()], ..Options::default() };
    let world = World::with(options).await;
    let mut members = Vec::new();
    let theirs = |backend: &str| Address::of(&fabrikam, backend);
    for (name, address) in [
        ("ours", "x".into()),
        ("team", "team/x".into()),
        ("theirs", theirs("x")),
        ("their-team", theirs("team/x")),
    ] {
        let member = Member::start(name).await.unwrap();
        world.azure.put_single(address, &member.url()).unwrap();
        members.push(member);
    }
    world.azure.put_pool(theirs("team/pool"), &[("x", None, None)]).unwrap();
    let ask = async |host: &str, path: &str| {
        let url = format!("{}{path}", world.azure.gateway_url());
        let got = got(world.http.get(url).header("Host", host)).await.unwrap();
        got.body["member"].as_str().map_or(got.status.to_string(), str::to_owned)
    };
    assert_eq!(ask("127.0.0.1:80", "/x/").await, "ours");
    assert_eq!(ask("contoso-apim.azure-api.net", "/x/").await, "ours");
    assert_eq!(ask("team.contoso-apim.azure-api.net", "/x/").await, "team");
    assert_eq!(ask("Fabrikam.azure-api.net:8080", "/x/").await, "theirs");
    assert_eq!(ask("team.fabrikam.azure-api.net", "/pool/").await, "their-team");
    assert_eq!(ask("fabrikam.azure-api.net", "/pool/").await, "404 Not Found");
    assert_eq!(ask("adatum.azure-api.net", "/x/").await, "404 Not Found");
}

#[tokio::test]
async fn a_reconnect_opens_a_new_connection_when_it_is_due() {
    let net = Net::new(Options::default(), &["a", "b"]).await;
    let azure = &net.world.azure;
    let opened = |member: usize| net.members[member].connections();
    let ask = async || {
        for path in ["/a/x", "/a/x", "/b/x"] {
            assert_eq!(net.ask(path).await.0, 200);
        }
    };
    ask().await;
    assert_eq!((opened(0), opened(1)), (1, 1), "connections are kept");
    let url = net.world.url("a").replace("?", "/reconnect?");
    let after = json!({"properties": {"after": "PT5M"}});
    assert_eq!(net.world.send("POST", &url, None, Some(&after)).await.unwrap().status, 202);
    azure.clock().advance(4 * MINUTE);
    ask().await;
    assert_eq!((opened(0), opened(1)), (1, 1), "not before its time");
    azure.clock().advance(MINUTE + Duration::from_secs(1));
    let due = azure.clock().now();
    assert!(azure.reconnects()[0].done);
    ask().await;
    assert_eq!((opened(0), opened(1)), (2, 1));
    let shown: Vec<_> = azure
        .connections()
        .into_iter()
        .map(|c| (c.backend.to_string(), c.opened, c.latest >= due))
        .collect();
    assert_eq!(shown, [("a".to_owned(), 2, true), ("b".to_owned(), 1, false)]);
    let state = format!("{}/emulator/state", azure.arm_url());
    let state = got(net.world.http.get(state)).await.unwrap().body;
    assert_eq!(
        (&state["connections"][0]["opened"], &state["reconnects"][0]["done"]),
        (&json!(2), &json!(true))
    );
}
