//! What a backend's JSON must be, how a PATCH changes it, and how the service shows it.
//!
//! Bodies are kept as JSON, field by field and in order: a field that nobody here knows survives
//! everything that does not name it. Only the checks look inside.

use crate::{
    address::{Address, Service},
    answer::Detail,
};
use serde_json::{Map, Value, json};

/// The most members of a pool (specification).
pub(crate) const POOL_MEMBERS_MAX: usize = 30;
/// The largest weight and the largest priority number (specification).
pub(crate) const SHARE_MAX: i64 = 100;
/// The service takes one breaker rule a backend, whatever the specification says (documented).
const BREAKER_RULES_MAX: usize = 1;
const STATUS_RANGES_MAX: usize = 10;

/// The properties of a backend.
pub(crate) type Properties = Map<String, Value>;

/// Merges `patch` into `target` (RFC 7386): objects merge, null deletes, all else replaces, arrays
/// whole.
pub(crate) fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    if let Value::Object(target) = target {
        merge_fields(target, patch);
    }
}

/// [`merge`] for two objects.
pub(crate) fn merge_fields(target: &mut Properties, patch: &Properties) {
    for (key, value) in patch {
        if value.is_null() {
            // `remove` would move the last field into the gap.
            target.shift_remove(key);
        } else {
            merge(target.entry(key).or_insert(Value::Null), value);
        }
    }
}

/// A field that is there and not null.
fn given<'a>(object: &'a Properties, key: &str) -> Option<&'a Value> {
    object.get(key).filter(|value| !value.is_null())
}

pub(crate) fn is_pool(properties: &Properties) -> bool {
    given(properties, "type").and_then(Value::as_str) == Some("Pool")
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

/// Everything that is wrong with a backend's properties; empty when nothing is.
pub(crate) fn check(properties: &Properties) -> Vec<Detail> {
    let mut wrong = Wrong::default();
    wrong.text(properties, "title", 300);
    wrong.text(properties, "description", 2_000);
    wrong.text(properties, "url", 2_000);
    wrong.text(properties, "resourceId", 2_000);
    wrong.choice(properties, "protocol", &["http", "soap"]);
    wrong.choice(properties, "type", &["Single", "Pool"]);
    wrong.required(properties, "proxy", &[("url", 2_000)]);
    if let Some(credentials) = object(properties, "credentials") {
        let required = [("scheme", 100), ("parameter", 300)];
        wrong.required(credentials, "authorization", &required);
    }
    if is_pool(properties) {
        for (key, name) in
            [("url", "Url"), ("protocol", "Protocol"), ("circuitBreaker", "CircuitBreaker")]
        {
            if given(properties, key).is_some() {
                wrong.say(key, format!("{name} is not supported for backend pool."));
            }
        }
        wrong.pool(properties);
    } else {
        for (key, name) in [("url", "Url"), ("protocol", "Protocol")] {
            if given(properties, key).is_none() {
                // That it is required is the specification's; the words are assumed.
                wrong.say(key, format!("{name} is required."));
            }
        }
        if let Some(breaker) = object(properties, "circuitBreaker") {
            wrong.breaker(breaker);
        }
    }
    wrong.0
}

fn object<'a>(parent: &'a Properties, key: &str) -> Option<&'a Properties> {
    parent.get(key).and_then(Value::as_object)
}

#[derive(Default)]
struct Wrong(Vec<Detail>);

impl Wrong {
    fn say(&mut self, target: &str, message: impl Into<String>) {
        self.0.push(Detail::new(target, message));
    }

    fn text(&mut self, parent: &Properties, key: &str, chars_max: usize) {
        let Some(value) = given(parent, key) else {
            return;
        };
        let fits = |text: &str| (1..=chars_max).contains(&text.chars().count());
        if !value.as_str().is_some_and(fits) {
            self.say(key, format!("{key} must be a string of 1 to {chars_max} characters."));
        }
    }

    fn choice(&mut self, parent: &Properties, key: &str, values: &[&str]) {
        let Some(value) = given(parent, key) else {
            return;
        };
        if !value.as_str().is_some_and(|text| values.contains(&text)) {
            self.say(key, format!("{key} must be one of {}.", values.join(", ")));
        }
    }

    /// Texts that must be there once their object is.
    fn required(&mut self, parent: &Properties, key: &str, texts: &[(&str, usize)]) {
        let Some(child) = object(parent, key) else {
            return;
        };
        for (text, chars_max) in texts {
            if given(child, text).is_none() {
                self.say(text, format!("{key}.{text} is required."));
            }
            self.text(child, text, *chars_max);
        }
    }

    fn pool(&mut self, properties: &Properties) {
        let services = object(properties, "pool")
            .and_then(|pool| pool.get("services"))
            .and_then(Value::as_array);
        let Some(services) = services else {
            return self.say("services", "pool.services is required for backend pool.");
        };
        if !(1..=POOL_MEMBERS_MAX).contains(&services.len()) {
            self.say("services", format!("pool.services must have 1 to {POOL_MEMBERS_MAX} items."));
        }
        for service in services {
            let Some(service) = service.as_object() else {
                self.say("services", "An item of pool.services must be an object.");
                continue;
            };
            let id = given(service, "id").and_then(Value::as_str);
            if id.is_none_or(str::is_empty) {
                self.say("id", "The id of an item of pool.services is required.");
            }
            for key in ["weight", "priority"] {
                self.number(service, key, 0, SHARE_MAX);
            }
        }
    }

    fn number(&mut self, parent: &Properties, key: &str, least: i64, most: i64) {
        let Some(value) = given(parent, key) else {
            return;
        };
        if !value.as_i64().is_some_and(|n| (least..=most).contains(&n)) {
            self.say(key, format!("{key} must be between {least} and {most}."));
        }
    }

    fn breaker(&mut self, breaker: &Properties) {
        let rules = breaker.get("rules").and_then(Value::as_array);
        let rules = rules.map_or(&[][..], Vec::as_slice);
        if rules.len() > BREAKER_RULES_MAX {
            self.say("rules", "Only one circuit breaker rule is supported for a backend.");
        }
        for rule in rules.iter().filter_map(Value::as_object) {
            if !given(rule, "name").is_some_and(|name| name.as_str().is_some_and(rule_name)) {
                self.say("name", "The name of a circuit breaker rule is not valid.");
            }
            let Some(condition) = object(rule, "failureCondition") else {
                self.say("failureCondition", "failureCondition is required.");
                continue;
            };
            self.condition(condition);
        }
    }

    fn condition(&mut self, condition: &Properties) {
        self.number(condition, "count", 1, 10_000);
        self.number(condition, "percentage", 1, 100);
        let count = given(condition, "count").is_some();
        if count == given(condition, "percentage").is_some() {
            self.say("failureCondition", "Exactly one of count and percentage is required.");
        }
        let list = |key| condition.get(key).and_then(Value::as_array);
        let ranges = list("statusCodeRanges").map_or(&[][..], Vec::as_slice);
        let reasons = list("errorReasons").map_or(&[][..], Vec::as_slice);
        if ranges.is_empty() && reasons.is_empty() {
            self.say("failureCondition", "One of statusCodeRanges and errorReasons is required.");
        }
        for (key, length) in [("statusCodeRanges", ranges.len()), ("errorReasons", reasons.len())] {
            if length > STATUS_RANGES_MAX {
                self.say(key, format!("{key} must have at most {STATUS_RANGES_MAX} items."));
            }
        }
        for range in ranges.iter().filter_map(Value::as_object) {
            for key in ["min", "max"] {
                self.number(range, key, 200, 599);
            }
        }
    }
}

/// `^[a-zA-Z0-9]([a-zA-Z0-9-]{0,78}[a-zA-Z0-9])?$`, another client's check of a rule's name.
fn rule_name(name: &str) -> bool {
    (1..=80).contains(&name.len())
        && name.chars().all(|c| c == '-' || c.is_ascii_alphanumeric())
        && !name.starts_with('-')
        && !name.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merge_patch() {
        let check = |target: Value, patch: Value, want: Value| {
            let mut merged = target.clone();
            merge(&mut merged, &patch);
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
    fn deleting_keeps_the_order_of_the_rest() {
        let mut target = json!({"a": 1, "b": 2, "c": 3});
        merge(&mut target, &json!({"a": null}));
        assert_eq!(target.to_string(), r#"{"b":2,"c":3}"#);
    }

    fn says(properties: &Value) -> String {
        let details = check(properties.as_object().unwrap());
        let lines: Vec<_> =
            details.iter().map(|detail| format!("{}: {}", detail.target, detail.message)).collect();
        lines.join("\n")
    }

    #[test]
    fn checks() {
        let check = |properties: Value, want: &str| assert_eq!(says(&properties), want);
        let pool = |services: Value| json!({"type": "Pool", "pool": {"services": services}});
        let single = |key: &str, value: Value| {
            let mut body = json!({"url": "http://a", "protocol": "http"});
            body[key] = value;
            body
        };
        let rule = |failure: Value| {
            let rules = json!([{"name": "r", "failureCondition": failure}]);
            single("circuitBreaker", json!({"rules": rules}))
        };
        check(single("x-new", json!({"kept": true})), "");
        check(json!({}), "url: Url is required.\nprotocol: Protocol is required.");
        check(single("protocol", json!("ftp")), "protocol: protocol must be one of http, soap.");
        check(single("title", json!("")), "title: title must be a string of 1 to 300 characters.");
        check(
            single("credentials", json!({"authorization": {"scheme": "Basic"}})),
            "parameter: authorization.parameter is required.",
        );
        check(single("proxy", json!({})), "url: proxy.url is required.");
        check(pool(json!([{"id": "/backends/a", "weight": 100, "priority": null}])), "");
        check(pool(json!([])), "services: pool.services must have 1 to 30 items.");
        check(
            pool(json!([{"id": "a", "weight": 101, "priority": -1}])),
            "weight: weight must be between 0 and 100.\n\
             priority: priority must be between 0 and 100.",
        );
        check(
            pool(json!([{"id": "a", "weight": 1.5}])),
            "weight: weight must be between 0 and 100.",
        );
        check(pool(json!([{"weight": 1}])), "id: The id of an item of pool.services is required.");
        check(
            pool(Value::Array(vec![json!({"id": "a"}); 31])),
            "services: pool.services must have 1 to 30 items.",
        );
        check(
            json!({"type": "Pool", "url": "http://a", "protocol": "http",
                   "circuitBreaker": {}, "pool": {"services": [{"id": "a"}]}}),
            "url: Url is not supported for backend pool.\n\
             protocol: Protocol is not supported for backend pool.\n\
             circuitBreaker: CircuitBreaker is not supported for backend pool.",
        );
        check(
            json!({"type": "Pool", "url": null, "title": null,
                   "pool": {"services": [{"id": "a"}]}}),
            "",
        );
        check(json!({"type": "Pool"}), "services: pool.services is required for backend pool.");
        check(rule(json!({"count": 1, "statusCodeRanges": [{"min": 500, "max": 599}]})), "");
        check(
            rule(json!({"count": 1, "percentage": 1, "errorReasons": ["Timeout"]})),
            "failureCondition: Exactly one of count and percentage is required.",
        );
        check(
            rule(json!({"percentage": 101})),
            "percentage: percentage must be between 1 and 100.\n\
             failureCondition: One of statusCodeRanges and errorReasons is required.",
        );
        check(
            rule(json!({"count": 1, "statusCodeRanges": [{"min": 100, "max": 600}]})),
            "min: min must be between 200 and 599.\nmax: max must be between 200 and 599.",
        );
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
