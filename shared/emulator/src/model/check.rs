//! What is wrong with a backend's properties.
//!
//! Bounds and patterns are the specification's; what a Pool refuses is in the service's own words
//! (public issues); the other words are assumed. A detail's target is the field's own name, as
//! the service has it; the message has the way to it.

use super::{BACKEND, Field, Kind, UNBOUNDED, under};
use crate::{
    answer::Detail,
    backend::{Properties, given, is_pool, object},
    duration,
    unpublished::{NullPriority, NullWeight, Unpublished, ZeroWeight},
};
use serde_json::Value;

/// The service takes one breaker rule a backend, whatever the specification says (documented).
const BREAKER_RULES_MAX: usize = 1;

/// Everything that is wrong; empty when nothing is.
pub(crate) fn check(properties: &Properties, unpublished: &Unpublished) -> Vec<Detail> {
    let mut wrong = Wrong::default();
    wrong.fields(properties, BACKEND, "");
    if is_pool(properties) {
        for (key, name) in
            [("url", "Url"), ("protocol", "Protocol"), ("circuitBreaker", "CircuitBreaker")]
        {
            if given(properties, key).is_some() {
                wrong.say(key, format!("{name} is not supported for backend pool."));
            }
        }
        wrong.pool(properties, unpublished);
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

#[derive(Default)]
struct Wrong(Vec<Detail>);

impl Wrong {
    /// Says something about the field at the end of `path`.
    fn say(&mut self, path: &str, message: impl Into<String>) {
        let target = path.rsplit('.').next().unwrap_or(path);
        let target = target.split('[').next().unwrap_or(target);
        self.0.push(Detail::new(target, message));
    }

    fn fields(&mut self, parent: &Properties, fields: &[Field], path: &str) {
        for Field { name, kind, required, .. } in fields {
            let path = under(path, name);
            match given(parent, name) {
                Some(value) => self.value(value, kind, &path),
                None if *required => self.say(&path, format!("{path} is required.")),
                None => {}
            }
        }
    }

    fn value(&mut self, value: &Value, kind: &Kind, path: &str) {
        let must = match kind {
            Kind::Anything => None,
            Kind::Word => (!value.is_string()).then(|| "be a string".to_owned()),
            Kind::Text { least, most } => {
                let fits = |text: &str| (*least..=*most).contains(&text.chars().count());
                (!value.as_str().is_some_and(fits)).then(|| match *most {
                    UNBOUNDED => format!("be a string of at least {least} characters"),
                    _ => format!("be a string of {least} to {most} characters"),
                })
            }
            Kind::Choice(values) => {
                let fits = |text: &str| values.contains(&text);
                (!value.as_str().is_some_and(fits))
                    .then(|| format!("be one of {}", values.join(", ")))
            }
            Kind::RuleName => (!value.as_str().is_some_and(rule_name)).then(|| {
                "match the pattern ^[a-zA-Z0-9]([a-zA-Z0-9-]{0,78}[a-zA-Z0-9])?$".to_owned()
            }),
            Kind::Flag => (!value.is_boolean()).then(|| "be true or false".to_owned()),
            Kind::Integer { least, most } => {
                let fits = |number: i64| (*least..=*most).contains(&number);
                (!value.as_i64().is_some_and(fits))
                    .then(|| format!("be between {least} and {most}"))
            }
            Kind::Duration => {
                let fits = |text: &str| duration::parsed(text).is_some();
                (!value.as_str().is_some_and(fits))
                    .then(|| "be a duration in ISO 8601 format".to_owned())
            }
            Kind::List { least, most, of } => match value.as_array() {
                None => Some("be an array".to_owned()),
                Some(items) => {
                    for (index, item) in items.iter().enumerate() {
                        self.value(item, of, &format!("{path}[{index}]"));
                    }
                    let fits = (*least..=*most).contains(&items.len());
                    (!fits).then(|| match *least {
                        0 => format!("have at most {most} items"),
                        _ => format!("have {least} to {most} items"),
                    })
                }
            },
            Kind::Map(of) => match value.as_object() {
                None => Some("be an object".to_owned()),
                Some(entries) => {
                    for (name, value) in entries {
                        self.value(value, of, &under(path, name));
                    }
                    None
                }
            },
            Kind::Object(fields) => match value.as_object() {
                None => Some("be an object".to_owned()),
                Some(object) => {
                    self.fields(object, fields, path);
                    None
                }
            },
        };
        if let Some(must) = must {
            self.say(path, format!("{path} must {must}."));
        }
    }

    fn pool(&mut self, properties: &Properties, unpublished: &Unpublished) {
        let services = object(properties, "pool").and_then(|pool| given(pool, "services"));
        let Some(services) = services else {
            return self.say("services", "pool.services is required for backend pool.");
        };
        let items = services.as_array().map_or(&[][..], Vec::as_slice);
        for (index, item) in
            items.iter().enumerate().filter_map(|(i, item)| Some((i, item.as_object()?)))
        {
            let weight = given(item, "weight");
            let refused = [
                (
                    unpublished.zero_weight == ZeroWeight::Refused
                        && weight.and_then(Value::as_i64) == Some(0),
                    "weight",
                    "must not be 0",
                ),
                (
                    unpublished.null_weight == NullWeight::Refused && weight.is_none(),
                    "weight",
                    "is required",
                ),
                (
                    unpublished.null_priority == NullPriority::Refused
                        && given(item, "priority").is_none(),
                    "priority",
                    "is required",
                ),
            ];
            for (_, key, why) in refused.into_iter().filter(|(is, ..)| *is) {
                self.say(key, format!("pool.services[{index}].{key} {why}."));
            }
        }
    }

    fn breaker(&mut self, breaker: &Properties) {
        let rules = given(breaker, "rules").and_then(Value::as_array);
        let rules = rules.map_or(&[][..], Vec::as_slice);
        if rules.len() > BREAKER_RULES_MAX {
            self.say("rules", "Only one circuit breaker rule is supported for a backend.");
        }
        for (index, rule) in rules.iter().enumerate() {
            let path = format!("circuitBreaker.rules[{index}].failureCondition");
            if let Some(condition) =
                rule.as_object().and_then(|rule| object(rule, "failureCondition"))
            {
                self.condition(condition, &path);
            }
        }
    }

    /// Which conditions go together (another client's checks, plausible).
    fn condition(&mut self, condition: &Properties, path: &str) {
        let count = given(condition, "count").is_some();
        if count == given(condition, "percentage").is_some() {
            self.say(path, format!("{path} must have exactly one of count and percentage."));
        }
        let empty = |key| {
            given(condition, key).is_none_or(|list| list.as_array().is_some_and(Vec::is_empty))
        };
        if empty("statusCodeRanges") && empty("errorReasons") {
            self.say(path, format!("{path} must have one of statusCodeRanges and errorReasons."));
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
            let want = format!("{key}: {key} must be a string of 1 to {most} characters.");
            check(single(key, text(most)), single(key, text(most + 1)), &want);
            check(single(key, text(1)), single(key, text(0)), &want);
        }
        let proxy = |n| single("proxy", json!({"url": text(n)}));
        check(
            proxy(2_000),
            proxy(2_001),
            "url: proxy.url must be a string of 1 to 2000 characters.",
        );
        let authorization = |scheme, parameter| {
            let authorization = json!({"scheme": text(scheme), "parameter": text(parameter)});
            single("credentials", json!({"authorization": authorization}))
        };
        check(
            authorization(100, 300),
            authorization(101, 301),
            "scheme: credentials.authorization.scheme must be a string of 1 to 100 characters.\n\
             parameter: credentials.authorization.parameter must be a string of 1 to 300 \
             characters.",
        );
        for key in ["certificate", "certificateIds"] {
            let list = |n| single("credentials", json!({key: vec!["c"; n]}));
            let want = format!("{key}: credentials.{key} must have at most 32 items.");
            check(list(32), list(33), &want);
        }
        let services = |n| pool(&Value::Array(vec![json!({"id": "a"}); n]));
        let want = "services: pool.services must have 1 to 30 items.";
        check(services(30), services(31), want);
        check(services(1), services(0), want);
        for key in ["weight", "priority"] {
            let item = |n: i64| pool(&json!([{"id": "a"}, {"id": "b", key: n}]));
            let want = format!("{key}: pool.services[1].{key} must be between 0 and 100.");
            check(item(100), item(101), &want);
            check(item(0), item(-1), &want);
        }
        let condition = |condition: Value| rule(&json!({"failureCondition": condition}));
        let path = "circuitBreaker.rules[0].failureCondition";
        let count = |n: i64| condition(json!({"count": n}));
        let want = format!("count: {path}.count must be between 1 and 10000.");
        check(count(10_000), count(10_001), &want);
        check(count(1), count(0), &want);
        let percentage = |n: i64| condition(json!({"count": null, "percentage": n}));
        let want = format!("percentage: {path}.percentage must be between 1 and 100.");
        check(percentage(100), percentage(101), &want);
        check(percentage(1), percentage(0), &want);
        let ranges =
            |n| condition(json!({"statusCodeRanges": vec![json!({"min": 500, "max": 500}); n]}));
        let want = format!("statusCodeRanges: {path}.statusCodeRanges must have at most 10 items.");
        check(ranges(10), ranges(11), &want);
        for key in ["min", "max"] {
            let range = |n: i64| condition(json!({"statusCodeRanges": [{key: n}]}));
            let want =
                format!("{key}: {path}.statusCodeRanges[0].{key} must be between 200 and 599.");
            check(range(200), range(199), &want);
            check(range(599), range(600), &want);
        }
        let reasons =
            |n, chars: usize| condition(json!({"errorReasons": vec!["x".repeat(chars); n]}));
        check(
            reasons(10, 200),
            reasons(11, 200),
            &format!("errorReasons: {path}.errorReasons must have at most 10 items."),
        );
        check(
            reasons(1, 200),
            reasons(1, 201),
            &format!(
                "errorReasons: {path}.errorReasons[0] must be a string of 0 to 200 characters."
            ),
        );
        let name = |n| rule(&json!({"name": "r".repeat(n)}));
        let want = "name: circuitBreaker.rules[0].name must match the pattern \
                    ^[a-zA-Z0-9]([a-zA-Z0-9-]{0,78}[a-zA-Z0-9])?$.";
        check(name(80), name(81), want);
        check(rule(&json!({"name": "a-1"})), rule(&json!({"name": "a-"})), want);
        let status = |n: i64| rule(&json!({"failureResponse": {"statusCode": n}}));
        let want = "statusCode: circuitBreaker.rules[0].failureResponse.statusCode must be between \
                    100 and 599.";
        check(status(100), status(99), want);
        check(status(599), status(600), want);
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
            url: Url is required.
            protocol: Protocol is required."#]],
        );
        check(
            json!({"type": "Single", "url": "a", "protocol": null}),
            expect!["protocol: Protocol is required."],
        );
        check(
            single("protocol", json!("ftp")),
            expect!["protocol: protocol must be one of http, soap."],
        );
        check(single("type", json!("pool")), expect!["type: type must be one of Single, Pool."]);
        check(
            single("title", json!(7)),
            expect!["title: title must be a string of 1 to 300 characters."],
        );
        check(
            single("credentials", json!({"authorization": {"scheme": "Basic"}})),
            expect!["parameter: credentials.authorization.parameter is required."],
        );
        check(
            single("credentials", json!({"header": {"x": "y"}, "query": [], "certificate": [1]})),
            expect![[r#"
                certificate: credentials.certificate[0] must be a string.
                x: credentials.header.x must be an array.
                query: credentials.query must be an object."#]],
        );
        check(single("proxy", json!({})), expect!["url: proxy.url is required."]);
        check(
            single(
                "tls",
                json!({"validateCertificateChain": "no", "serverX509Names": [{"name": 1}]}),
            ),
            expect![[r#"
                validateCertificateChain: tls.validateCertificateChain must be true or false.
                name: tls.serverX509Names[0].name must be a string."#]],
        );
        check(
            single(
                "properties",
                json!({"serviceFabricCluster": {"maxPartitionResolutionRetries": "3"}}),
            ),
            expect![[r#"
                managementEndpoints: properties.serviceFabricCluster.managementEndpoints is required.
                maxPartitionResolutionRetries: properties.serviceFabricCluster.maxPartitionResolutionRetries must be between -2147483648 and 2147483647."#]],
        );
        check(
            pool(&json!([{"id": "a", "weight": 1.5}])),
            expect!["weight: pool.services[0].weight must be between 0 and 100."],
        );
        check(
            pool(&json!([{"weight": 1}, "b"])),
            expect![[r#"
            id: pool.services[0].id is required.
            services: pool.services[1] must be an object."#]],
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
            expect!["services: pool.services is required for backend pool."],
        );
        check(
            json!({"type": "Pool", "pool": {"services": {}}}),
            expect!["services: pool.services must be an array."],
        );
        check(rule(&json!({})), expect![""]);
        check(rule(&json!({"tripDuration": "P1D", "acceptRetryAfter": true})), expect![""]);
        check(
            rule(
                &json!({"name": null, "failureCondition": null, "tripDuration": "10s", "acceptRetryAfter": 1}),
            ),
            expect![[r#"
                name: circuitBreaker.rules[0].name is required.
                failureCondition: circuitBreaker.rules[0].failureCondition is required.
                tripDuration: circuitBreaker.rules[0].tripDuration must be a duration in ISO 8601 format.
                acceptRetryAfter: circuitBreaker.rules[0].acceptRetryAfter must be true or false."#]],
        );
        check(
            rule(
                &json!({"failureCondition": {"percentage": 1, "interval": "1", "statusCodeRanges": []}}),
            ),
            expect![[r#"
                interval: circuitBreaker.rules[0].failureCondition.interval must be a duration in ISO 8601 format.
                failureCondition: circuitBreaker.rules[0].failureCondition must have exactly one of count and percentage.
                failureCondition: circuitBreaker.rules[0].failureCondition must have one of statusCodeRanges and errorReasons."#]],
        );
        check(
            single("circuitBreaker", json!({"rules": [{}, {}]})),
            expect![[r#"
                name: circuitBreaker.rules[0].name is required.
                failureCondition: circuitBreaker.rules[0].failureCondition is required.
                name: circuitBreaker.rules[1].name is required.
                failureCondition: circuitBreaker.rules[1].failureCondition is required.
                rules: Only one circuit breaker rule is supported for a backend."#]],
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
            weight: pool.services[0].weight must not be 0.
            weight: pool.services[1].weight is required.
            priority: pool.services[1].priority is required."#]]
        .assert_eq(&says(&body, &strict));
    }
}
