//! The Python package azure-servicebus against the emulated Service Bus.

use pointsman_conformance::service_bus::python;
use serde_json::json;

#[tokio::test]
async fn python_0_21_1() {
    let found = python().await;
    let message = |body: &str, deliveries: u32, id: &str| json!({"body": body, "custom": {}, "deliveries": deliveries, "id": id});
    let one = |deliveries| {
        let mut one = message("one", deliveries, "m-1");
        one["custom"] = json!({"kind": "test", "number": "7", "sure": "True"});
        one
    };
    for (what, wanted) in [
        ("locked", one(1)),
        ("empty", json!(null)),
        ("again", one(2)),
        ("twice", json!(410)),
        ("parts", json!([message("part 1", 1, "p-1"), message("part 2", 1, "p-2")])),
        ("duplicate", json!(null)),
        ("early", json!(null)),
        ("later", json!("later")),
        ("nowhere", json!(404)),
        ("stranger", json!(401)),
    ] {
        assert_eq!(found[what], wanted, "{what}");
    }
}
