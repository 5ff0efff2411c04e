//! What nobody has published of Azure, where an override depends on it. It is told once, when the override begins.

use std::{
    collections::BTreeSet,
    fmt::{self, Write},
};

use serde::{Deserialize, Serialize};
use serde_json::Value as Tree;

use crate::{
    body::Body,
    effect::Effect,
    field::{Field, Property},
    lay::Laid,
    names::BackendName,
};

/// One such thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Unpublished {
    /// Sessions stick to members of the pool, also to these, whose weight becomes 0.
    Sessions {
        /// Those.
        members: BTreeSet<BackendName>,
    },
    /// Of what serves, Azure itself may leave these members out.
    LeftOut {
        /// Those.
        members: BTreeSet<BackendName>,
    },
    /// While the breaker is tripped, the backend answers otherwise than with 503.
    Answers {
        /// With this status, where that is said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<u16>,
    },
}

impl Unpublished {
    /// What an override that begins depends on, by what it does to a backend and by what is laid.
    pub(crate) fn of(effect: &Effect, baseline: &Body, laid: &Laid) -> Vec<Self> {
        match baseline {
            Body::Pool(pool) => {
                let unknown = pool.unknown();
                if !unknown.has_sessions && unknown.may_be_left_out.is_empty() {
                    return Vec::new();
                }
                let members = effect.members();
                let out: BTreeSet<BackendName> =
                    members.into_iter().filter(|member| laid.out.contains(member)).collect();
                if out.is_empty() {
                    return Vec::new();
                }
                let after = pool.with(laid.values.iter().map(|(of, value)| (of, value.clone())));
                let left_out = unknown.may_be_left_out.iter();
                let members: BTreeSet<BackendName> =
                    left_out.filter(|member| after.serves(member)).cloned().collect();
                let sessions = unknown.has_sessions.then_some(Self::Sessions { members: out });
                let left_out = (!members.is_empty()).then_some(Self::LeftOut { members });
                sessions.into_iter().chain(left_out).collect()
            }
            Body::Single(_) if matches!(effect, Effect::Breaker(_)) => {
                let breaker = baseline.get(&Field::Property(Property::CircuitBreaker));
                let tree = breaker.as_ref().and_then(|breaker| Some(breaker.json()?.tree()));
                let rules = tree.as_ref().and_then(|tree| tree.get("rules")?.as_array());
                let answers = rules.into_iter().flatten().filter_map(|rule| {
                    let response = rule.get("failureResponse").filter(|it| !it.is_null())?;
                    let status = response.get("statusCode").and_then(Tree::as_u64);
                    Some(Self::Answers { status: status.and_then(|it| u16::try_from(it).ok()) })
                });
                answers.take(1).collect()
            }
            Body::Single(_) | Body::Missing => Vec::new(),
        }
    }

    /// The same in words. What a shadow did not do, it would have done.
    pub(crate) fn say(&self, f: &mut dyn Write, in_shadow: bool) -> fmt::Result {
        let names = |members: &BTreeSet<BackendName>| {
            members.iter().map(BackendName::as_str).collect::<Vec<_>>().join(", ")
        };
        match self {
            Self::Sessions { members } => {
                let is = if in_shadow { "would be" } else { "is" };
                write!(
                    f,
                    "the pool has `sessionAffinity`, and whether sessions stay at {}, whose weight {is} 0, is not published",
                    names(members)
                )
            }
            Self::LeftOut { members } => write!(
                f,
                "of what serves, Azure itself may leave out {} (`preferredCarbonEmission`); when is not published, and limits do not count it",
                names(members)
            ),
            Self::Answers { status } => {
                f.write_str("while the breaker is tripped, the backend answers with ")?;
                match status {
                    Some(status) => write!(f, "{status}")?,
                    None => f.write_str("another status")?,
                }
                f.write_str(" and not with 503 (`failureResponse`); what a pool makes of that is not published")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::{
        body::Single,
        breaker::Tighten,
        field::Value,
        pool::{Member, Pool, Unknown},
    };

    fn check(effect: &Effect, baseline: &Body, laid: &Laid, expected: &Expect) {
        let mut said = String::new();
        for one in Unpublished::of(effect, baseline, laid) {
            one.say(&mut said, false).unwrap();
            said.push('\n');
        }
        expected.assert_eq(&said);
    }

    #[test]
    fn a_drain_tells_of_sessions_and_of_what_azure_may_leave_out() {
        let member = |name: &str| Member {
            name: name.parse().unwrap(),
            weight: Value::Number(50),
            priority: Value::Absent,
        };
        let (eu, us): (BackendName, BackendName) = ("eu".parse().unwrap(), "us".parse().unwrap());
        let pool = Pool::new(vec![member("eu"), member("us"), member("ap")]).unwrap();
        let unknown = |has_sessions: bool, left_out: &[&BackendName]| {
            let may_be_left_out = left_out.iter().map(|name| (*name).clone()).collect();
            let unknown = Unknown { has_sessions, may_be_left_out };
            Body::Pool(pool.clone().knowing(unknown))
        };
        let laid = Laid {
            out: [eu.clone()].into(),
            values: [(Field::weight(&eu), Value::Number(0))].into(),
            ..Laid::default()
        };
        let drain = Effect::Drain { member: eu.clone() };
        check(
            &drain,
            &unknown(true, &[&eu, &us]),
            &laid,
            &expect![[r#"
            the pool has `sessionAffinity`, and whether sessions stay at eu, whose weight is 0, is not published
            of what serves, Azure itself may leave out us (`preferredCarbonEmission`); when is not published, and limits do not count it
        "#]],
        );
        check(&drain, &unknown(false, &[&eu]), &laid, &expect![""]);
        // What takes nobody out depends on none of it.
        check(&drain, &unknown(true, &[&us]), &Laid::default(), &expect![""]);
        let shift = Effect::Shift { member: us, to: crate::fraction::Fraction::percent(50) };
        check(&shift, &unknown(true, &[]), &laid, &expect![""]);
    }

    #[test]
    fn a_breaker_tells_of_an_answer_that_is_not_503() {
        let single = |breaker: &str| {
            let value = Value::Json(breaker.parse().unwrap());
            Body::Single(Single::new([(Property::CircuitBreaker, value)]))
        };
        let breaker = Effect::Breaker(Tighten { count: Some(3), ..Tighten::default() });
        let rules = |response: &str| single(&format!(r#"{{"rules":[{{"name":"r"{response}}}]}}"#));
        let laid = Laid::default();
        let answers = rules(r#","failureResponse":{"statusCode":418}"#);
        check(
            &breaker,
            &answers,
            &laid,
            &expect![[r#"
            while the breaker is tripped, the backend answers with 418 and not with 503 (`failureResponse`); what a pool makes of that is not published
        "#]],
        );
        check(&breaker, &rules(""), &laid, &expect![""]);
        check(&breaker, &rules(r#","failureResponse":null"#), &laid, &expect![""]);
        let reconnect = Effect::Drain { member: "eu".parse().unwrap() };
        check(&reconnect, &answers, &laid, &expect![""]);
    }
}
