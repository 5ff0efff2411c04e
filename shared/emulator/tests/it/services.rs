//! Several services, in several subscriptions.

use crate::client::World;
use pointsman_emulator::{
    Address, Fault, Match, Options, Service, Throttling,
    fault::{Kind, Write},
};
use serde_json::json;

const THERE: &str = "00000000-0000-0000-0000-00000000000b";

fn fabrikam() -> Service {
    Service::new(THERE, "rg2", "fabrikam").unwrap()
}

async fn world() -> World {
    World::with(Options { services: vec![fabrikam()], ..Options::default() }).await
}

impl World {
    fn url_of(&self, address: &Address) -> String {
        let path = self.azure.service().backend_id(address);
        format!("{}{path}?api-version=2024-05-01", self.azure.arm_url())
    }
}

#[tokio::test]
async fn each_service_has_backends_of_its_own() {
    let world = world().await;
    world.azure.put_single("eu", "http://here").unwrap();
    let theirs = Address::of(&fabrikam(), "eu");
    let body = json!({"properties": {"url": "http://there", "protocol": "http"}});
    let created = world.send("PUT", &world.url_of(&theirs), None, Some(&body)).await.unwrap();
    assert_eq!(created.status, 201);
    assert_eq!(created.body["id"], fabrikam().backend_id(&"eu".into()));
    assert_eq!(world.get("eu").await.body["properties"]["url"], "http://here");
    // By its whole id the first service's backend is the same as by its name.
    let whole = world.azure.service().backend_id(&"eu".into());
    assert_eq!(world.azure.backend(whole.as_str()), world.azure.backend("eu"));
    assert_eq!(world.azure.backend(&theirs).unwrap().body, created.body);
    let team = Address::of(&fabrikam(), "team/eu");
    world.azure.put_single(&team, "http://team").unwrap();
    let list = world.url_of(&team).replace("/eu?", "?");
    let list = world.send("GET", &list, None, None).await.unwrap().body;
    assert_eq!((&list["count"], &list["value"][0]["name"]), (&json!(1), &json!("eu")));
    let pool = Address::of(&fabrikam(), "chat");
    world.azure.put_pool(&pool, &[("eu", Some(1), None)]).unwrap();
    assert_eq!(world.azure.view(|azure| azure.weight(&pool, "eu")), Some(1));
    assert!(world.azure.seats("chat").is_empty());
    world.azure.foreign_delete(&theirs).unwrap();
    assert!(world.azure.backend("eu").is_some());
    world.azure.finish();
}

#[tokio::test]
async fn faults_and_records_tell_services_apart() {
    let world = world().await;
    world.azure.put_single("eu", "http://here").unwrap();
    let theirs = Address::of(&fabrikam(), "eu");
    world.azure.put_single(&theirs, "http://there").unwrap();
    let cut = || Kind::Cut { write: Write::NotDone };
    world.azure.inject(Fault::once(Match::get(&theirs), cut()));
    assert_eq!(world.get("eu").await.status, 200);
    world.send("GET", &world.url_of(&theirs), None, None).await.unwrap_err();
    let whole = world.azure.service().backend_id(&"eu".into());
    world.azure.inject(Fault::once(Match::get(whole.as_str()), cut()));
    world.send("GET", &world.url("eu"), None, None).await.unwrap_err();
    world.patch("eu", "*", &json!({"properties": {"title": "t"}})).await;
    assert_eq!(world.azure.writes(whole.as_str()).len(), 1);
    assert!(world.azure.writes(&theirs).is_empty());
    world.azure.finish();
}

#[tokio::test]
async fn what_is_not_there_is_said_step_by_step() {
    let world = world().await;
    let eu = world.url("eu");
    let check = async |from: &str, to: &str, status: u16, code: &str| {
        let got = world.send("GET", &eu.replace(from, to), None, None).await.unwrap();
        assert_eq!((got.status.as_u16(), got.code()), (status, code), "{to}");
        assert!(got.body["error"]["message"].as_str().unwrap().contains(to), "{to}");
    };
    let sub = world.azure.service().subscription().to_owned();
    check(&sub, "subid", 400, "InvalidSubscriptionId").await;
    check(&sub, "00000000-0000-0000-0000-00000000000c", 404, "SubscriptionNotFound").await;
    check("rg1", "rg9", 404, "ResourceGroupNotFound").await;
    check("contoso-apim", "adatum", 404, "ResourceNotFound").await;
    for (path, parameter) in [
        ("workspaces/a%3Ab/backends/eu", "workspaceId"),
        (&*format!("backends/{}", "x".repeat(81)), "backendId"),
    ] {
        let got = world.send("GET", &eu.replace("backends/eu", path), None, None).await.unwrap();
        assert_eq!((got.status.as_u16(), got.code()), (400, "ValidationError"));
        assert_eq!(got.body["error"]["details"][0]["target"], parameter);
    }
}

#[tokio::test]
async fn buckets_are_by_subscription_and_principal() {
    let world = World::with(Options {
        services: vec![fabrikam()],
        throttling: Throttling::Enforce,
        ..Options::default()
    })
    .await;
    let remaining = async |token: &str, url: &str, verb: &str| {
        let verb: http::Method = verb.parse().unwrap();
        let request = world.http.request(verb, url).bearer_auth(token).header("If-Match", "*");
        let got = crate::client::got(request).await.unwrap();
        let kinds = ["reads", "writes", "deletes"].map(|kind| {
            let header = got.header(&format!("x-ms-ratelimit-remaining-subscription-{kind}"));
            header.parse::<u32>().ok()
        });
        (got.status.as_u16(), kinds)
    };
    let (here, there) = (world.url("eu"), world.url_of(&Address::of(&fabrikam(), "eu")));
    let mine = world.token.clone();
    let theirs = {
        let path = "/metadata/identity/oauth2/token?api-version=2018-02-01&client_id=someone-else";
        let url =
            format!("{}{path}&resource=https://management.azure.com", world.azure.identity_url());
        let given =
            crate::client::got(world.http.get(url).header("Metadata", "true")).await.unwrap();
        given.body["access_token"].as_str().unwrap().to_owned()
    };
    assert_eq!(remaining(&mine, &here, "GET").await, (404, [Some(249), None, None]));
    assert_eq!(remaining(&mine, &here, "DELETE").await, (204, [None, None, Some(199)]));
    assert_eq!(remaining(&mine, &here, "PATCH").await, (404, [None, Some(199), None]));
    // A bucket is emptied faster than a client over HTTP can fill it: 200 within their refill.
    let mut last = (0, [None; 3]);
    for _ in 0..1_000 {
        last = remaining(&mine, &here, "DELETE").await;
        if last.0 == 429 {
            break;
        }
    }
    assert_eq!(last, (429, [None, None, Some(0)]));
    assert_eq!(remaining(&mine, &there, "DELETE").await, (204, [None, None, Some(199)]));
    assert_eq!(remaining(&theirs, &here, "DELETE").await, (204, [None, None, Some(199)]));
    assert_eq!(remaining(&mine, &here, "GET").await.0, 404, "each kind has its own");
}

#[tokio::test]
async fn subscriptions_and_their_services_are_listed() {
    let world = world().await;
    let get = async |path: &str| {
        let url = format!("{}{path}", world.azure.arm_url());
        world.send("GET", &url, None, None).await.unwrap()
    };
    let subscriptions = get("/subscriptions?api-version=2022-12-01").await.body;
    assert_eq!(subscriptions["value"].as_array().unwrap().len(), 2);
    assert_eq!(subscriptions["value"][1]["subscriptionId"], THERE);
    let of = |id: &str| {
        format!(
            "/subscriptions/{id}/providers/Microsoft.ApiManagement/service?api-version=2024-05-01"
        )
    };
    let services = get(&of(THERE)).await.body;
    assert_eq!(services["value"][0]["id"], fabrikam().id());
    assert_eq!(services["value"].as_array().unwrap().len(), 1);
    let none = get(&of("00000000-0000-0000-0000-00000000000c")).await;
    assert_eq!(
        (none.status.as_u16(), &none.body["error"]["code"]),
        (404, &json!("SubscriptionNotFound"))
    );
}
