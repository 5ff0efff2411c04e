//! A backend's JSON: how a PATCH changes it, what the service adds, and how it is shown.
//!
//! Bodies are kept as JSON, field by field and in order: a field that nobody here knows survives
//! everything that does not name it. Only the checks ([`crate::model`]) look inside.

use crate::{
    address::{Address, last_segment},
    service::Service,
    unpublished::{PatchArray, PatchNull},
};
use serde_json::{Map, Value, json};

/// The most members of a pool (specification).
pub(crate) const POOL_MEMBERS_MAX: usize = 30;
/// The largest weight and the largest priority number (specification).
pub(crate) const SHARE_MAX: i64 = 100;
/// What the service adds to a Service Fabric cluster that does not say (recorded).
const PARTITION_RETRIES: i64 = 3;

/// The properties of a backend.
pub(crate) type Properties = Map<String, Value>;

/// Merges `patch` into `target` (RFC 7386): objects merge, null deletes, all else replaces, arrays
/// whole; or what is chosen otherwise of nulls and arrays.
pub(crate) fn merge(target: &mut Value, patch: &Value, nulls: PatchNull, arrays: PatchArray) {
    match (target, patch) {
        (target, Value::Object(patch)) => {
            if !target.is_object() {
                *target = Value::Object(Map::new());
            }
            if let Value::Object(target) = target {
                merge_fields(target, patch, nulls, arrays);
            }
        }
        (Value::Array(target), Value::Array(patch))
            if arrays == PatchArray::Merged && patch.iter().all(|item| key(item).is_some()) =>
        {
            for item in patch {
                match target.iter_mut().find(|is| key(is) == key(item)) {
                    Some(is) => merge(is, item, nulls, arrays),
                    None => target.push(item.clone()),
                }
            }
        }
        (target, patch) => *target = patch.clone(),
    }
}

/// [`merge`] for two objects.
pub(crate) fn merge_fields(
    target: &mut Properties,
    patch: &Properties,
    nulls: PatchNull,
    arrays: PatchArray,
) {
    for (key, value) in patch {
        if !value.is_null() {
            merge(target.entry(key).or_insert(Value::Null), value, nulls, arrays);
        } else if nulls == PatchNull::Deletes {
            // `remove` would move the last field into the gap.
            target.shift_remove(key);
        }
    }
}

/// What an item of an array is known by, without case.
fn key(item: &Value) -> Option<String> {
    let item = item.as_object()?;
    let key = given(item, "id").or_else(|| given(item, "name"))?;
    Some(last_segment(key.as_str()?).to_ascii_lowercase())
}

/// A field that is there and not null.
pub(crate) fn given<'a>(object: &'a Properties, key: &str) -> Option<&'a Value> {
    object.get(key).filter(|value| !value.is_null())
}

pub(crate) fn object<'a>(parent: &'a Properties, key: &str) -> Option<&'a Properties> {
    parent.get(key).and_then(Value::as_object)
}

/// The items of an array; none where there is no array.
pub(crate) fn list<'a>(parent: &'a Properties, key: &str) -> &'a [Value] {
    parent.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The members of a pool, as it lists them.
pub(crate) fn members(properties: &Properties) -> &[Value] {
    object(properties, "pool").map_or(&[], |pool| list(pool, "services"))
}

fn object_mut<'a>(parent: &'a mut Properties, key: &str) -> Option<&'a mut Properties> {
    parent.get_mut(key).and_then(Value::as_object_mut)
}

pub(crate) fn is_pool(properties: &Properties) -> bool {
    let kind = given(properties, "type").and_then(Value::as_str);
    kind.is_some_and(|kind| kind.eq_ignore_ascii_case("Pool"))
}

/// Renames fields as the service answers with them: `clientCertificateThumbprint`, which the
/// specification writes with a small t (recorded). Before anything is merged, so that either
/// spelling changes the same field.
pub(crate) fn rename(properties: &mut Properties) {
    let cluster = object_mut(properties, "properties")
        .and_then(|inner| object_mut(inner, "serviceFabricCluster"));
    if let Some(cluster) = cluster
        && let Some(thumbprint) = cluster.shift_remove("clientCertificatethumbprint")
    {
        cluster.insert("clientCertificateThumbprint".to_owned(), thumbprint);
    }
}

/// Adds what the service adds (recorded): to a Service Fabric cluster the retries, the id of the
/// certificate that the thumbprint means, and an empty list of server certificates unless they go
/// by their names (an example of 2024-05-01 has none then). The service looks the certificate up;
/// here it is called by its thumbprint (assumed).
pub(crate) fn complete(properties: &mut Properties, service: &Service) {
    let cluster = object_mut(properties, "properties")
        .and_then(|inner| object_mut(inner, "serviceFabricCluster"));
    let Some(cluster) = cluster else {
        return;
    };
    if given(cluster, "clientCertificateId").is_none()
        && let Some(thumbprint) =
            given(cluster, "clientCertificateThumbprint").and_then(Value::as_str)
    {
        let id = format!("{}/certificates/{thumbprint}", service.id());
        cluster.insert("clientCertificateId".to_owned(), json!(id));
    }
    let by_name = given(cluster, "serverX509Names").is_some();
    for (key, value, wanted) in [
        ("maxPartitionResolutionRetries", json!(PARTITION_RETRIES), true),
        ("serverCertificateThumbprints", json!([]), !by_name),
    ] {
        if wanted && given(cluster, key).is_none() {
            cluster.insert(key.to_owned(), value);
        }
    }
}

/// Gives members of weight 0 the weight 1.
pub(crate) fn raise_zero_weights(properties: &mut Properties) {
    let services = object_mut(properties, "pool").and_then(|pool| pool.get_mut("services"));
    for member in services.and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(weight) = member.get_mut("weight").filter(|weight| **weight == json!(0)) {
            *weight = json!(1);
        }
    }
}

/// The body that the service answers with. Of a Pool it shows `title`, `url` and `protocol` even
/// where they are null (recorded).
pub(crate) fn shown(service: &Service, address: &Address, properties: &Properties) -> Value {
    let kind = match address.workspace() {
        None => "Microsoft.ApiManagement/service/backends",
        Some(_) => "Microsoft.ApiManagement/service/workspaces/backends",
    };
    let mut properties = properties.clone();
    if is_pool(&properties) {
        for key in ["title", "url", "protocol"] {
            properties.entry(key).or_insert(Value::Null);
        }
    }
    json!({
        "id": service.backend_id(address),
        "type": kind,
        "name": address.name(),
        "properties": properties,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merge_patch() {
        let check = |target: Value, patch: Value, want: Value| {
            let mut merged = target.clone();
            merge(&mut merged, &patch, PatchNull::Deletes, PatchArray::Replaced);
            assert_eq!(merged, want, "{target} with {patch}");
        };
        check(json!({"a": 1}), json!({"a": 2}), json!({"a": 2}));
        check(json!({"a": 1}), json!({"b": 2}), json!({"a": 1, "b": 2}));
        check(json!({"a": 1, "b": 2}), json!({"a": null}), json!({"b": 2}));
        check(json!({"a": [1, 2]}), json!({"a": [3]}), json!({"a": [3]}));
        check(json!({"a": [{"b": 1}]}), json!({"a": [{"c": null}]}), json!({"a": [{"c": null}]}));
        check(
            json!({"a": {"b": {"c": 1, "d": 2}}}),
            json!({"a": {"b": {"c": null}}}),
            json!({"a": {"b": {"d": 2}}}),
        );
        check(json!({"a": 1}), json!({"a": {"b": 2}}), json!({"a": {"b": 2}}));
        check(json!({"a": {"b": 1}}), json!({"a": 2}), json!({"a": 2}));
        check(json!({}), json!({"a": {"b": {"c": null}}}), json!({"a": {"b": {}}}));
        check(json!({"a": null}), json!({"b": 1}), json!({"a": null, "b": 1}));
        check(json!([1]), json!({"a": 1}), json!({"a": 1}));
    }

    #[test]
    fn nulls_may_mean_nothing_and_arrays_may_merge() {
        let check = |target: Value, patch: Value, want: Value| {
            let mut merged = target.clone();
            merge(&mut merged, &patch, PatchNull::Ignored, PatchArray::Merged);
            assert_eq!(merged, want, "{target} with {patch}");
        };
        check(json!({"a": 1}), json!({"a": null, "b": null}), json!({"a": 1}));
        check(
            json!([{"id": "/backends/eu", "weight": 1, "priority": 2}, {"id": "us"}]),
            json!([{"id": "/x/backends/EU", "weight": 0}, {"id": "ap"}]),
            json!([{"id": "/x/backends/EU", "weight": 0, "priority": 2}, {"id": "us"}, {"id": "ap"}]),
        );
        check(
            json!([{"name": "a", "n": 1}]),
            json!([{"name": "a"}]),
            json!([{"name": "a", "n": 1}]),
        );
        check(json!(["a"]), json!(["b"]), json!(["b"]));
        check(json!([{"id": "a"}]), json!([{"min": 1}]), json!([{"min": 1}]));
    }

    #[test]
    fn deleting_keeps_the_order_of_the_rest() {
        let mut target = json!({"a": 1, "b": 2, "c": 3});
        merge(&mut target, &json!({"a": null}), PatchNull::Deletes, PatchArray::Replaced);
        assert_eq!(target.to_string(), r#"{"b":2,"c":3}"#);
    }

    #[test]
    fn a_cluster_is_completed() {
        let mut body = json!({"properties": {"serviceFabricCluster": {
            "managementEndpoints": ["https://a"], "clientCertificatethumbprint": "AB12",
        }}});
        let properties = body.as_object_mut().unwrap();
        rename(properties);
        complete(properties, &Service::default());
        let id = format!("{}/certificates/AB12", Service::default().id());
        let want = json!({"properties": {"serviceFabricCluster": {
            "managementEndpoints": ["https://a"], "clientCertificateThumbprint": "AB12",
            "clientCertificateId": id, "maxPartitionResolutionRetries": 3,
            "serverCertificateThumbprints": [],
        }}});
        assert_eq!(body, want);
        let said = json!({"properties": {"serviceFabricCluster": {
            "maxPartitionResolutionRetries": 5, "serverCertificateThumbprints": ["x"],
        }}});
        let mut body = said.clone();
        complete(body.as_object_mut().unwrap(), &Service::default());
        assert_eq!(body, said);
    }

    #[test]
    fn a_pool_is_shown_with_its_nulls() {
        let properties = json!({"type": "Pool", "pool": {"services": [{"id": "a"}]}});
        let shown = shown(
            &Service::default(),
            &Address::in_workspace("w", "Chat"),
            properties.as_object().unwrap(),
        );
        assert_eq!(shown["properties"]["url"], Value::Null);
        assert!(shown["properties"].as_object().unwrap().contains_key("title"));
        assert_eq!(shown["type"], "Microsoft.ApiManagement/service/workspaces/backends");
        assert!(shown["id"].as_str().unwrap().ends_with("/workspaces/w/backends/Chat"));
    }
}
