//! What a backend shows of which nobody has published what the service makes of it.
//!
//! Versions after 2024-05-01 have these fields, and their pages say what they are for. They do not say what becomes
//! of a member whose weight is 0, or of a pool whose members are tripped. Who depends on that can be told.

use serde_json::Value;

use crate::backend::Backend;
use crate::document::Document;
use crate::id::BackendName;

/// One such thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unpublished {
    /// `pool.sessionAffinity`: sessions stick to a member. Whether they stay where its weight becomes 0 is not
    /// published.
    Sessions,
    /// `preferredCarbonEmission` of these members: the service may leave them out by itself.
    LeftOut(Vec<BackendName>),
    /// `pool.failureResponse`: the pool answers with this status where no member is left to serve.
    PoolAnswers(Option<u64>),
    /// `failureResponse` of a rule of the breaker: a tripped backend answers with this status, and not with 503.
    RuleAnswers {
        /// Which rule; empty where it has no name.
        rule: String,
        /// The status.
        status: Option<u64>,
    },
}

impl Document {
    /// All of it that the body shows.
    pub fn unpublished(&self) -> Vec<Unpublished> {
        let mut found = Vec::new();
        if let Some(pool) = self.property("pool") {
            found.extend(given(pool, "sessionAffinity").map(|_| Unpublished::Sessions));
            // Of a pool that cannot be read, that is said.
            let members = self.pool().map(|pool| pool.all().to_vec()).unwrap_or_default();
            let items = pool.get("services").and_then(Value::as_array).into_iter().flatten();
            let left_out: Vec<BackendName> = members
                .iter()
                .zip(items)
                .filter(|(_, item)| given(item, "preferredCarbonEmission").is_some())
                .map(|(member, _)| member.id.name().clone())
                .collect();
            if !left_out.is_empty() {
                found.push(Unpublished::LeftOut(left_out));
            }
            found.extend(status(pool).map(Unpublished::PoolAnswers));
        }
        let rules = self.property("circuitBreaker").and_then(|breaker| breaker.get("rules"));
        for rule in rules.and_then(Value::as_array).into_iter().flatten() {
            let name = rule.get("name").and_then(Value::as_str).unwrap_or_default();
            found.extend(
                status(rule)
                    .map(|status| Unpublished::RuleAnswers { rule: name.to_owned(), status }),
            );
        }
        found
    }
}

impl Backend {
    /// All of it that this state shows.
    pub fn unpublished(&self) -> Vec<Unpublished> {
        self.document().unpublished()
    }
}

/// What stands at a key, if anything does.
fn given<'a>(of: &'a Value, key: &str) -> Option<&'a Value> {
    of.get(key).filter(|value| !value.is_null())
}

/// The status of a `failureResponse`, if there is one.
fn status(of: &Value) -> Option<Option<u64>> {
    given(of, "failureResponse").map(|response| response.get("statusCode").and_then(Value::as_u64))
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(properties: &str, expected: &Expect) {
        let document = Document::parse(format!(r#"{{"properties":{properties}}}"#)).unwrap();
        let found = document.unpublished();
        expected.assert_eq(&found.iter().map(|one| format!("{one:?}\n")).collect::<String>());
    }

    #[test]
    fn what_a_pool_shows() {
        check(
            r#"{"type":"Pool","pool":{"services":[{"id":"/backends/eu","preferredCarbonEmission":"Low"},
                {"id":"us","preferredCarbonEmission":null},{"id":"ap","preferredCarbonEmission":"High"}],
                "sessionAffinity":{"sessionId":{"source":"cookie","name":"s"}},
                "failureResponse":{"statusCode":429}}}"#,
            &expect![[r#"
                Sessions
                LeftOut([BackendName("eu"), BackendName("ap")])
                PoolAnswers(Some(429))
            "#]],
        );
        check(
            r#"{"type":"Pool","pool":{"services":[{"id":"eu","weight":1}],"sessionAffinity":null,"failureResponse":null}}"#,
            &expect![""],
        );
    }

    #[test]
    fn what_a_breaker_shows() {
        check(
            r#"{"url":"u","protocol":"http","circuitBreaker":{"rules":[{"name":"slow","failureResponse":{"statusCode":418}},
                {"failureResponse":{"new":1}},{"name":"plain"}]}}"#,
            &expect![[r#"
                RuleAnswers { rule: "slow", status: Some(418) }
                RuleAnswers { rule: "", status: None }
            "#]],
        );
        check(r#"{"url":"u","protocol":"http"}"#, &expect![""]);
    }
}
