//! The admin endpoints, as another process uses them.

use crate::client::{Got, World, got};
use http::Method;
use serde_json::{Value, json};

impl World {
    async fn admin(&self, verb: &str, path: &str, body: &Value) -> Got {
        let url = format!("{}/emulator/{path}", self.azure.arm_url());
        let verb: Method = verb.parse().unwrap();
        got(self.http.request(verb, url).json(body)).await.unwrap()
    }
}

#[tokio::test]
async fn faults_can_be_injected_seen_and_cleared() {
    let world = World::chat().await;
    let none = Value::Null;
    let fault = json!({
        "on": {"operations": ["patch"], "backend": "chat"},
        "kind": {"lands-late": {"after": "PT5M"}},
    });
    let id = world.admin("POST", "faults", &fault).await.body["id"].clone();
    let state = world.admin("GET", "state", &none).await.body;
    assert_eq!(state["faults"][0]["id"], id);
    assert_eq!(state["faults"][0]["fault"]["kind"], fault["kind"]);
    assert!(state["leftovers"][0].as_str().unwrap().contains("never met"));
    let patch = json!({"properties": {"title": "late"}});
    world.try_patch("chat", "*", &patch).await.unwrap_err();
    let state = world.admin("GET", "state", &none).await.body;
    assert_eq!((state["faults"].clone(), state["late"].clone()), (json!([]), json!([4])));
    let stepped = world.admin("POST", "clock", &json!({"advance": "PT5M"})).await;
    assert_eq!(stepped.body["skew"], "PT5M");
    let requests = world.admin("GET", "requests?backend=chat", &none).await.body;
    let landed = requests.as_array().unwrap().last().unwrap();
    assert_eq!(landed["outcome"], "cut");
    assert_eq!(landed["body"], patch);
    let etag = world.azure.backend("chat").unwrap().etag;
    assert_eq!(landed["effect"], json!({"written": etag}));

    let cut = json!({"kind": {"cut": {"write": "done"}}});
    let id = world.admin("POST", "faults", &cut).await.body["id"].clone();
    assert_eq!(world.admin("DELETE", &format!("faults/{id}"), &none).await.status, 200);
    assert_eq!(world.admin("DELETE", &format!("faults/{id}"), &none).await.status, 404);
    world.admin("POST", "faults", &cut).await;
    assert_eq!(world.admin("DELETE", "faults", &none).await.status, 200);
    let wrong = world.admin("POST", "faults", &json!({"kind": {"gremlin": {}}})).await;
    assert_eq!(wrong.status, 400);
    assert!(wrong.body["error"]["message"].as_str().unwrap().contains("gremlin"));
    world.azure.finish();
}

#[tokio::test]
async fn the_foreign_writer_and_landing() {
    let world = World::chat().await;
    let patch = json!({"properties": {"title": "theirs"}});
    assert_eq!(world.admin("PATCH", "backends/chat", &patch).await.status, 200);
    let single = json!({"properties": {"url": "http://x", "protocol": "http"}});
    assert_eq!(world.admin("PUT", "backends/team/eu", &single).await.status, 201);
    assert_eq!(world.admin("PUT", "backends/bad", &json!({})).await.status, 400);
    assert_eq!(world.admin("DELETE", "backends/us", &Value::Null).await.status, 200);
    let state = world.admin("GET", "state", &Value::Null).await.body;
    let backends = state["backends"].as_array().unwrap();
    let names: Vec<_> = backends.iter().map(|b| b["backend"].as_str().unwrap()).collect();
    assert_eq!(names, ["chat", "eu", "team/eu"]);
    world.admin("POST", "faults", &json!({"kind": {"lands-late": {}}})).await;
    world.try_patch("chat", "*", &patch).await.unwrap_err();
    let landed = world.admin("POST", "land", &Value::Null).await.body;
    assert!(landed[0]["effect"]["written"].is_string(), "{landed}");
    let skewed = world.admin("POST", "clock", &json!({"skew": "-PT40S"})).await;
    assert_eq!(skewed.body["skew"], "-PT40S");
    assert_eq!(world.admin("GET", "nonsense", &Value::Null).await.status, 404);
    world.azure.finish();
}
