//! What is wrong with a backend's properties.
//!
//! Bounds and patterns are the specification's; what a Pool refuses is in the service's own words
//! (public issues); the other words are assumed, and name the field, the value and the bound, as
//! Pointsman's own client does: `tests/scenarios/tests/bounds.rs` holds the two to the same words,
//! though neither knows the other. What is secret is not repeated. A detail's target is the
//! field's own name, as the service has it; the message has the way to it.

use super::{BACKEND, Field, Kind, UNBOUNDED, under};
use crate::{
    answer::Detail,
    backend::{POOL_MEMBERS_MAX, Properties, SHARE_MAX, given, is_pool, list, members, object},
    unpublished::{NullPriority, NullWeight, Unpublished, ZeroWeight},
};
use serde_json::Value;

/// The service takes one breaker rule a backend, whatever the specification says (documented).
const BREAKER_RULES_MAX: usize = 1;
/// How much of a value is repeated, in characters.
const SHOWN_CHARS_MAX: usize = 80;
/// Where all of it begins.
const ROOT: &str = "properties";

/// What a Pool does not have, and what the service calls it.
const NOT_FOR_POOLS: [(&str, &str); 3] =
    [("url", "Url"), ("protocol", "Protocol"), ("circuitBreaker", "CircuitBreaker")];

/// Everything that is wrong; empty when nothing is wrong.
pub(crate) fn check(properties: &Properties, unpublished: &Unpublished) -> Vec<Detail> {
    let mut wrong = Wrong::default();
    let pool = is_pool(properties);
    let there = |key| given(properties, key).is_some();
    let unfit = |name: &str| pool && NOT_FOR_POOLS.iter().any(|(key, _)| *key == name);
    wrong.fields(properties, BACKEND.iter().filter(|field| !unfit(field.name)), ROOT);
    for (key, name) in NOT_FOR_POOLS.into_iter().filter(|(key, _)| unfit(key) && there(key)) {
        wrong.0.push(Detail::new(key, format!("{name} is not supported for backend pool.")));
    }
    let needed: &[_] = match given(properties, "type").map(Value::as_str) {
        Some(_) if pool => &[("pool", "a Pool needs it")],
        None if there("pool") => &[("type", "with a pool it must be Pool")],
        // Its type is not one of the two, which is said already.
        Some(kind) if !kind.is_some_and(|kind| kind.eq_ignore_ascii_case("Single")) => &[],
        None | Some(_) => &[("url", "a Single needs it"), ("protocol", "a Single needs it")],
    };
    for (key, because) in needed.iter().filter(|(key, _)| !there(key)) {
        wrong.missing(&under(ROOT, key), because);
    }
    if pool {
        wrong.members(properties, unpublished);
    } else if let Some(breaker) = object(properties, "circuitBreaker") {
        wrong.breaker(breaker);
    }
    wrong.0
}

#[derive(Default)]
struct Wrong(Vec<Detail>);

impl Wrong {
    /// Says something about the field at the end of `path`.
    fn say(&mut self, path: &str, words: &str) {
        let target = path.rsplit('.').next().unwrap_or(path);
        let target = target.split('[').next().unwrap_or(target);
        self.0.push(Detail::new(target, format!("{path} {words}")));
    }

    fn missing(&mut self, path: &str, because: &str) {
        self.say(path, &format!("is missing: {because}"));
    }

    fn is(&mut self, path: &str, found: &str, must: &str) {
        self.say(path, &format!("is {found}: it must be {must}"));
    }

    /// Whether so many are within the bounds.
    fn has(&mut self, path: &str, found: usize, unit: &str, bounds: (usize, usize)) -> bool {
        let (least, most) = bounds;
        let fits = (least..=most).contains(&found);
        if !fits {
            let must = match bounds {
                (0, _) => format!("at most {most}"),
                (_, UNBOUNDED) => format!("at least {least}"),
                _ => format!("{least} to {most}"),
            };
            self.say(path, &format!("has {found} {unit}: it must have {must}"));
        }
        fits
    }

    fn fields<'a>(
        &mut self,
        parent: &Properties,
        fields: impl IntoIterator<Item = &'a Field>,
        path: &str,
    ) {
        for Field { name, kind, needed, .. } in fields {
            let path = under(path, name);
            match (given(parent, name), needed) {
                (Some(value), _) => self.value(value, kind, &path),
                (None, Some(because)) => self.missing(&path, because),
                (None, None) => {}
            }
        }
    }

    fn value(&mut self, value: &Value, kind: &Kind, path: &str) {
        let must = match (kind, value) {
            (Kind::Text { least, most }, Value::String(text)) => {
                self.has(path, text.chars().count(), "characters", (*least, *most));
                return;
            }
            (Kind::List { least, most, of }, Value::Array(items)) => {
                if self.has(path, items.len(), "items", (*least, *most)) {
                    for (index, item) in items.iter().enumerate() {
                        self.value(item, of, &format!("{path}[{index}]"));
                    }
                }
                return;
            }
            (Kind::Map(of), Value::Object(entries)) => {
                return entries.iter().for_each(|(name, value)| {
                    self.value(value, of, &under(path, name));
                });
            }
            (Kind::Object(fields), Value::Object(object)) => {
                return self.fields(object, *fields, path);
            }
            (Kind::Integer { least, most }, _) => match value.as_i64() {
                Some(number) if (*least..=*most).contains(&number) => return,
                Some(_) | None => &format!("{least} to {most}"),
            },
            (Kind::Like(fits, _), Value::String(text)) if fits(text) => return,
            (Kind::Is(fits, _), _) if fits(value) => return,
            (Kind::Like(_, must), Value::String(_)) | (Kind::Is(_, must), _) => *must,
            (Kind::Text { .. } | Kind::Like(..), _) => "a string",
            (Kind::List { .. }, _) => "an array",
            (Kind::Map(_) | Kind::Object(_), _) => "an object",
        };
        self.is(path, &shown(value, path), must);
    }

    /// What nobody has published, where it is chosen to be refused.
    fn members(&mut self, properties: &Properties, unpublished: &Unpublished) {
        // Where there are too many, none was checked.
        for (index, item) in members(properties).iter().enumerate().take(POOL_MEMBERS_MAX) {
            let Some(item) = item.as_object() else { continue };
            let at = |key: &str| format!("{ROOT}.pool.services[{index}].{key}");
            let weight = given(item, "weight");
            let zero = weight.and_then(Value::as_i64) == Some(0);
            if unpublished.zero_weight == ZeroWeight::Refused && zero {
                self.is(&at("weight"), "0", &format!("1 to {SHARE_MAX}"));
            }
            for (key, refused) in [
                ("weight", unpublished.null_weight == NullWeight::Refused),
                ("priority", unpublished.null_priority == NullPriority::Refused),
            ] {
                if refused && given(item, key).is_none() {
                    self.missing(&at(key), "a member has one");
                }
            }
        }
    }

    fn breaker(&mut self, breaker: &Properties) {
        let rules = list(breaker, "rules");
        let path = under(ROOT, "circuitBreaker.rules");
        if rules.len() > super::RULES_MAX {
            return;
        }
        if rules.len() > BREAKER_RULES_MAX {
            let found = format!("an array of {}", rules.len());
            self.is(&path, &found, "one rule, which is what the service takes for a backend");
        }
        for (index, rule) in rules.iter().enumerate() {
            if let Some(Value::Object(condition)) = rule.get("failureCondition") {
                self.condition(condition, &format!("{path}[{index}].failureCondition"));
            }
        }
    }

    /// Which conditions may be combined (as another client checks; plausible).
    fn condition(&mut self, condition: &Properties, path: &str) {
        let one = "exactly one of them must be there";
        match ["count", "percentage"].map(|key| given(condition, key).is_some()) {
            [true, true] => self.say(path, &format!("has count and percentage: {one}")),
            [false, false] => self.say(path, &format!("has neither count nor percentage: {one}")),
            [true, false] | [false, true] => {}
        }
        let empty = |key| match given(condition, key) {
            None => true,
            Some(is) => is.as_array().is_some_and(Vec::is_empty),
        };
        if empty("statusCodeRanges") && empty("errorReasons") {
            let words = "has neither statusCodeRanges nor errorReasons: at least one of them must \
                         be there";
            self.say(path, words);
        }
        for (index, range) in list(condition, "statusCodeRanges").iter().enumerate() {
            let end = |key: &str| range.get(key).and_then(Value::as_i64);
            if let (Some(min), Some(max)) = (end("min"), end("max"))
                && min > max
                && [min, max].iter().all(|status| super::STATUSES.contains(status))
            {
                let at = format!("{path}.statusCodeRanges[{index}]");
                self.say(&at, "has a min above its max: no status is in it");
            }
        }
    }
}

/// Names a value without telling much of it, and nothing of a secret one.
fn shown(value: &Value, path: &str) -> String {
    let secret = path.split('.').nth(1) == Some("credentials") || path.ends_with(".password");
    match value {
        Value::Null => "null".to_owned(),
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) if secret => "***".to_owned(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) => {
            format!("{:?}", text.chars().take(SHOWN_CHARS_MAX).collect::<String>())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};
    use serde_json::json;

    fn says(properties: &Value, unpublished: &Unpublished) -> String {
        let details = check(properties.as_object().unwrap(), unpublished);
        let lines: Vec<_> =
            details.iter().map(|detail| format!("{}: {}", detail.target, detail.message)).collect();
        lines.join("\n")
    }

    fn single(key: &str, value: Value) -> Value {
        let mut body = json!({"url": "http://a", "protocol": "http"});
        body[key] = value;
        body
    }

    fn pool(services: &Value) -> Value {
        json!({"type": "Pool", "pool": {"services": services}})
    }

    fn rule(rule: &Value) -> Value {
        let mut whole = json!({"name": "r", "failureCondition": {
            "count": 1, "statusCodeRanges": [{"min": 500, "max": 599}],
        }});
        crate::backend::merge(
            &mut whole,
            rule,
            crate::unpublished::PatchNull::Deletes,
            crate::unpublished::PatchArray::Replaced,
        );
        single("circuitBreaker", json!({"rules": [whole]}))
    }

    /// The longest that is taken, and one more that is refused.
    #[test]
    fn every_bound_is_taken_just_inside_and_refused_just_outside() {
        let check = |inside: Value, outside: Value, want: &str| {
            let unpublished = Unpublished::default();
            assert_eq!(says(&inside, &unpublished), "", "{inside}");
            assert_eq!(says(&outside, &unpublished), want);
        };
        let text = |n: usize| json!("ä".repeat(n));
        for (key, most) in
            [("title", 300), ("description", 2_000), ("url", 2_000), ("resourceId", 2_000)]
        {
            let want =
                |n| format!("{key}: properties.{key} has {n} characters: it must have 1 to {most}");
            check(single(key, text(most)), single(key, text(most + 1)), &want(most + 1));
            check(single(key, text(1)), single(key, text(0)), &want(0));
        }
        let proxy = |n| single("proxy", json!({"url": text(n)}));
        check(
            proxy(2_000),
            proxy(2_001),
            "url: properties.proxy.url has 2001 characters: it must have 1 to 2000",
        );
        let authorization = |scheme, parameter| {
            let authorization = json!({"scheme": text(scheme), "parameter": text(parameter)});
            single("credentials", json!({"authorization": authorization}))
        };
        check(
            authorization(100, 300),
            authorization(101, 301),
            "scheme: properties.credentials.authorization.scheme has 101 characters: it must have \
             1 to 100\n\
             parameter: properties.credentials.authorization.parameter has 301 characters: it must \
             have 1 to 300",
        );
        for key in ["certificate", "certificateIds"] {
            let list = |n| single("credentials", json!({key: vec!["c"; n]}));
            let want = format!(
                "{key}: properties.credentials.{key} has 33 items: it must have at most 32"
            );
            check(list(32), list(33), &want);
        }
        let services = |n| pool(&Value::Array(vec![json!({"id": "a"}); n]));
        let want =
            |n| format!("services: properties.pool.services has {n} items: it must have 1 to 30");
        check(services(30), services(31), &want(31));
        check(services(1), services(0), &want(0));
        for key in ["weight", "priority"] {
            let item = |n: i64| pool(&json!([{"id": "a"}, {"id": "b", key: n}]));
            let want =
                |n| format!("{key}: properties.pool.services[1].{key} is {n}: it must be 0 to 100");
            check(item(100), item(101), &want(101));
            check(item(0), item(-1), &want(-1));
        }
        let condition = |condition: Value| rule(&json!({"failureCondition": condition}));
        let path = "properties.circuitBreaker.rules[0].failureCondition";
        let count = |n: i64| condition(json!({"count": n}));
        let want = |n| format!("count: {path}.count is {n}: it must be 1 to 10000");
        check(count(10_000), count(10_001), &want(10_001));
        check(count(1), count(0), &want(0));
        let percentage = |n: i64| condition(json!({"count": null, "percentage": n}));
        let want = |n| format!("percentage: {path}.percentage is {n}: it must be 1 to 100");
        check(percentage(100), percentage(101), &want(101));
        check(percentage(1), percentage(0), &want(0));
        let ranges =
            |n| condition(json!({"statusCodeRanges": vec![json!({"min": 500, "max": 500}); n]}));
        let want = format!(
            "statusCodeRanges: {path}.statusCodeRanges has 11 items: it must have at most 10"
        );
        check(ranges(10), ranges(11), &want);
        for key in ["min", "max"] {
            let range = |n: i64| condition(json!({"statusCodeRanges": [{key: n}]}));
            let want = |n| {
                format!("{key}: {path}.statusCodeRanges[0].{key} is {n}: it must be 200 to 599")
            };
            check(range(200), range(199), &want(199));
            check(range(599), range(600), &want(600));
        }
        let reasons =
            |n, chars: usize| condition(json!({"errorReasons": vec!["x".repeat(chars); n]}));
        check(
            reasons(10, 200),
            reasons(11, 200),
            &format!("errorReasons: {path}.errorReasons has 11 items: it must have at most 10"),
        );
        check(
            reasons(1, 200),
            reasons(1, 201),
            &format!(
                "errorReasons: {path}.errorReasons[0] has 201 characters: it must have at most 200"
            ),
        );
        let name = |n| rule(&json!({"name": "r".repeat(n)}));
        let want = |name: &str| {
            format!(
                "name: properties.circuitBreaker.rules[0].name is {name:?}: it must be 1 to 80 \
                 letters, digits and hyphens, beginning and ending with a letter or a digit"
            )
        };
        check(name(80), name(81), &want(&"r".repeat(80)));
        check(rule(&json!({"name": "a-1"})), rule(&json!({"name": "a-"})), &want("a-"));
        let status = |n: i64| rule(&json!({"failureResponse": {"statusCode": n}}));
        let want = |n| {
            format!(
                "statusCode: properties.circuitBreaker.rules[0].failureResponse.statusCode is {n}: \
                 it must be 100 to 599"
            )
        };
        check(status(100), status(99), &want(99));
        check(status(599), status(600), &want(600));
    }

    #[test]
    fn kinds_and_what_must_be_there() {
        let check = |properties: Value, want: Expect| {
            want.assert_eq(&says(&properties, &Unpublished::default()));
        };
        check(single("x-new", json!({"kept": true})), expect![""]);
        check(single("credentials", json!({"managedIdentity": {"clientId": 7}})), expect![""]);
        check(single("title", Value::Null), expect![""]);
        check(
            json!({}),
            expect![[r#"
                url: properties.url is missing: a Single needs it
                protocol: properties.protocol is missing: a Single needs it"#]],
        );
        check(
            json!({"type": "Single", "url": "a", "protocol": null}),
            expect!["protocol: properties.protocol is missing: a Single needs it"],
        );
        check(
            single("protocol", json!("ftp")),
            expect![[r#"protocol: properties.protocol is "ftp": it must be http or soap"#]],
        );
        check(single("type", json!("single")), expect![""]);
        check(
            single("type", json!("Cluster")),
            expect![[r#"type: properties.type is "Cluster": it must be Single or Pool"#]],
        );
        check(
            single("pool", json!({"services": [{"id": "a"}]})),
            expect!["type: properties.type is missing: with a pool it must be Pool"],
        );
        check(
            single("title", json!(7)),
            expect!["title: properties.title is 7: it must be a string"],
        );
        check(
            single("credentials", json!({"authorization": {"scheme": "Basic"}})),
            expect![
                "parameter: properties.credentials.authorization.parameter is missing: an authorization needs its scheme and its parameter"
            ],
        );
        check(
            single("credentials", json!({"header": {"x": "y"}, "query": [], "certificate": [1]})),
            expect![[r#"
                certificate: properties.credentials.certificate[0] is ***: it must be a string
                x: properties.credentials.header.x is ***: it must be an array
                query: properties.credentials.query is an array: it must be an object"#]],
        );
        check(
            single("proxy", json!({})),
            expect!["url: properties.proxy.url is missing: a proxy needs it"],
        );
        check(
            single(
                "tls",
                json!({"validateCertificateChain": "no", "serverX509Names": [{"name": 1}]}),
            ),
            expect![[r#"
                validateCertificateChain: properties.tls.validateCertificateChain is "no": it must be true or false
                name: properties.tls.serverX509Names[0].name is 1: it must be a string"#]],
        );
        check(
            single(
                "properties",
                json!({"serviceFabricCluster": {"maxPartitionResolutionRetries": "3"}}),
            ),
            expect![[r#"
                managementEndpoints: properties.properties.serviceFabricCluster.managementEndpoints is missing: a cluster is managed somewhere
                maxPartitionResolutionRetries: properties.properties.serviceFabricCluster.maxPartitionResolutionRetries is "3": it must be an integer of 32 bits"#]],
        );
        check(
            pool(&json!([{"id": "a", "weight": 1.5}])),
            expect!["weight: properties.pool.services[0].weight is 1.5: it must be 0 to 100"],
        );
        check(
            pool(&json!([{"weight": 1}, "b"])),
            expect![[r#"
                id: properties.pool.services[0].id is missing: a member is named by it
                services: properties.pool.services[1] is "b": it must be an object"#]],
        );
        check(
            json!({"type": "Pool", "url": "http://a", "protocol": "http",
                   "circuitBreaker": {}, "pool": {"services": [{"id": "a"}]}}),
            expect![[r#"
                url: Url is not supported for backend pool.
                protocol: Protocol is not supported for backend pool.
                circuitBreaker: CircuitBreaker is not supported for backend pool."#]],
        );
        check(
            json!({"type": "Pool", "url": null, "title": null, "pool": {"services": [{"id": "a"}]}}),
            expect![""],
        );
        check(
            json!({"type": "Pool"}),
            expect!["pool: properties.pool is missing: a Pool needs it"],
        );
        check(
            json!({"type": "Pool", "pool": {"services": {}}}),
            expect!["services: properties.pool.services is an object: it must be an array"],
        );
        check(rule(&json!({})), expect![""]);
        check(rule(&json!({"name": null})), expect![""]);
        let upside_down =
            json!({"statusCodeRanges": [{"min": 599, "max": 500}, {"min": 600, "max": 1}]});
        check(
            rule(&json!({"failureCondition": upside_down})),
            expect![[r#"
            min: properties.circuitBreaker.rules[0].failureCondition.statusCodeRanges[1].min is 600: it must be 200 to 599
            max: properties.circuitBreaker.rules[0].failureCondition.statusCodeRanges[1].max is 1: it must be 200 to 599
            statusCodeRanges: properties.circuitBreaker.rules[0].failureCondition.statusCodeRanges[0] has a min above its max: no status is in it"#]],
        );
        check(
            pool(&json!([{"id": "/backends/"}, {"id": "a"}])),
            expect![[
                r#"id: properties.pool.services[0].id is "/backends/": it must be an id that ends in the name of a backend"#
            ]],
        );
        check(
            single("credentials", json!({"authorization": {"scheme": "s", "parameter": 4815}})),
            expect![
                "parameter: properties.credentials.authorization.parameter is ***: it must be a string"
            ],
        );
        check(rule(&json!({"tripDuration": "P1D", "acceptRetryAfter": true})), expect![""]);
        check(
            rule(
                &json!({"name": null, "failureCondition": null, "tripDuration": "10s", "acceptRetryAfter": 1}),
            ),
            expect![[r#"
                failureCondition: properties.circuitBreaker.rules[0].failureCondition is missing: a rule needs one
                tripDuration: properties.circuitBreaker.rules[0].tripDuration is "10s": it must be an ISO 8601 duration like PT1M or P1D
                acceptRetryAfter: properties.circuitBreaker.rules[0].acceptRetryAfter is 1: it must be true or false"#]],
        );
        check(
            rule(
                &json!({"failureCondition": {"percentage": 1, "interval": "1", "statusCodeRanges": []}}),
            ),
            expect![[r#"
                interval: properties.circuitBreaker.rules[0].failureCondition.interval is "1": it must be an ISO 8601 duration like PT1M or P1D
                failureCondition: properties.circuitBreaker.rules[0].failureCondition has count and percentage: exactly one of them must be there
                failureCondition: properties.circuitBreaker.rules[0].failureCondition has neither statusCodeRanges nor errorReasons: at least one of them must be there"#]],
        );
        check(
            single("circuitBreaker", json!({"rules": [{}, {}]})),
            expect![[r#"
                failureCondition: properties.circuitBreaker.rules[0].failureCondition is missing: a rule needs one
                failureCondition: properties.circuitBreaker.rules[1].failureCondition is missing: a rule needs one
                rules: properties.circuitBreaker.rules is an array of 2: it must be one rule, which is what the service takes for a backend"#]],
        );
    }

    #[test]
    fn what_nobody_has_published_can_be_refused() {
        let strict = Unpublished {
            zero_weight: ZeroWeight::Refused,
            null_weight: NullWeight::Refused,
            null_priority: NullPriority::Refused,
            ..Unpublished::default()
        };
        let body = pool(&json!([{"id": "a", "weight": 0, "priority": 0}, {"id": "b"}]));
        assert_eq!(says(&body, &Unpublished::default()), "");
        expect![[r#"
            weight: properties.pool.services[0].weight is 0: it must be 1 to 100
            weight: properties.pool.services[1].weight is missing: a member has one
            priority: properties.pool.services[1].priority is missing: a member has one"#]]
        .assert_eq(&says(&body, &strict));
    }
}
