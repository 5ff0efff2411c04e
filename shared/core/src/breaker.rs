//! Circuit breakers: how an override tightens the rule of a Single, or makes one where there is none.
//!
//! Tighter means that the backend is left out sooner or for longer: a smaller count or percentage, a
//! longer interval in which failures are counted, a longer time out, and its own `Retry-After` heeded.
//! Each of these goes one way only, so that what several overrides ask for comes to the tightest of
//! each, in whatever order they are laid, and no override ever loosens what its owner set. The owner's
//! name and conditions are kept, and so is all that nobody here knows.

use std::fmt;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Tree, json};

use crate::{
    field::Value,
    json::{Json, length},
};

/// The name of a rule that is made where there was none.
pub const RULE: &str = "pointsman";

/// The interval, and the time out, of a rule that is made, where the effect names none.
pub const RULE_TIME: SignedDuration = SignedDuration::from_mins(1);

/// The statuses that count as failures in a rule that is made.
pub const RULE_STATUSES: (u16, u16) = (500, 599);

/// What an override asks of a breaker; at least a count or a percentage.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tighten {
    /// At most so many failures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u16>,
    /// At most so many of a hundred requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percentage: Option<u8>,
    /// Counted in at least this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<SignedDuration>,
    /// Out for at least this long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trip: Option<SignedDuration>,
    /// The backend's own `Retry-After` says for how long instead.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub accept_retry_after: bool,
}

impl Tighten {
    /// What both ask for: the tightest of each.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        fn by<T: Copy>(one: Option<T>, other: Option<T>, tighter: fn(T, T) -> T) -> Option<T> {
            match (one, other) {
                (Some(one), Some(other)) => Some(tighter(one, other)),
                (one, other) => one.or(other),
            }
        }
        Self {
            count: by(self.count, other.count, Ord::min),
            percentage: by(self.percentage, other.percentage, Ord::min),
            interval: by(self.interval, other.interval, Ord::max),
            trip: by(self.trip, other.trip, Ord::max),
            accept_retry_after: self.accept_retry_after || other.accept_retry_after,
        }
    }

    /// What an owner's breaker becomes; as it is where it is as tight already.
    #[must_use]
    pub fn of(&self, owner: &Value) -> Value {
        let tree = owner.json().map(Json::tree);
        let rules = tree.as_ref().and_then(|tree| tree.get("rules")?.as_array());
        let Some(rules) = rules.filter(|rules| !rules.is_empty()) else {
            let mut made = tree.and_then(|tree| tree.as_object().cloned()).unwrap_or_default();
            made.insert("rules".to_owned(), json!([self.rule()]));
            return Value::Json(Json::from(&Tree::Object(made)));
        };
        let tightened: Vec<Tree> = rules.iter().map(|rule| self.tightened(rule)).collect();
        if tightened == *rules {
            return owner.clone();
        }
        let mut tree = tree.unwrap_or_default();
        tree["rules"] = Tree::Array(tightened);
        Value::Json(Json::from(&tree))
    }

    /// A rule where there was none.
    fn rule(&self) -> Tree {
        let (min, max) = RULE_STATUSES;
        let time = |asked: Option<SignedDuration>| asked.unwrap_or(RULE_TIME).to_string();
        let mut condition = Map::new();
        match (self.count, self.percentage) {
            (Some(count), _) => condition.insert("count".to_owned(), count.into()),
            (None, percentage) => {
                condition.insert("percentage".to_owned(), percentage.unwrap_or(100).into())
            }
        };
        condition.insert("interval".to_owned(), time(self.interval).into());
        condition.insert("statusCodeRanges".to_owned(), json!([{"min": min, "max": max}]));
        let mut rule = json!({
            "name": RULE,
            "failureCondition": condition,
            "tripDuration": time(self.trip),
        });
        if self.accept_retry_after {
            rule["acceptRetryAfter"] = true.into();
        }
        rule
    }

    /// An owner's rule, as tight as is asked.
    fn tightened(&self, rule: &Tree) -> Tree {
        let mut rule = rule.clone();
        if let Some(condition) = rule.get_mut("failureCondition").and_then(Tree::as_object_mut) {
            // A rule counts failures, or takes their percentage: it keeps to what its owner chose.
            at_most(condition, "count", self.count.map(u64::from));
            at_most(condition, "percentage", self.percentage.map(u64::from));
            at_least(condition, "interval", self.interval);
        }
        if let Some(rule) = rule.as_object_mut() {
            at_least(rule, "tripDuration", self.trip);
            if self.accept_retry_after {
                rule.insert("acceptRetryAfter".to_owned(), true.into());
            }
        }
        rule
    }
}

fn at_most(fields: &mut Map<String, Tree>, key: &str, most: Option<u64>) {
    if let (Some(most), Some(value)) = (most, fields.get_mut(key))
        && value.as_u64().is_some_and(|own| own > most)
    {
        *value = most.into();
    }
}

/// What an owner left out has a length that only the service knows, and is not touched.
fn at_least(fields: &mut Map<String, Tree>, key: &str, least: Option<SignedDuration>) {
    if let (Some(least), Some(value)) = (least, fields.get_mut(key))
        && value.as_str().and_then(length).is_some_and(|own| own < least)
    {
        *value = least.to_string().into();
    }
}

/// In words: `count 3, interval PT1M, trip PT1M`.
impl fmt::Display for Tighten {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = [
            self.count.map(|count| format!("count {count}")),
            self.percentage.map(|percentage| format!("{percentage}%")),
            self.interval.map(|interval| format!("interval {interval}")),
            self.trip.map(|trip| format!("trip {trip}")),
            self.accept_retry_after.then(|| "accept Retry-After".to_owned()),
        ];
        f.write_str(&said.into_iter().flatten().collect::<Vec<_>>().join(", "))
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;

    fn tighten() -> Tighten {
        let minute = Some(SignedDuration::from_mins(1));
        Tighten { count: Some(3), interval: minute, trip: minute, ..Tighten::default() }
    }

    fn check(owner: &str, tighten: &Tighten, expected: &Expect) {
        let owner = match owner {
            "" => Value::Absent,
            text => Value::Json(text.parse().unwrap()),
        };
        let value = tighten.of(&owner);
        let json = value.json().expect("there is a rule");
        expected.assert_eq(&format!("{}\n{json}", json.says()));
    }

    #[test]
    fn a_rule_is_made_where_there_is_none() {
        let made = expect![[r#"
            pointsman (count 3, interval PT1M, trip PT1M)
            {"rules":[{"name":"pointsman","failureCondition":{"count":3,"interval":"PT1M","statusCodeRanges":[{"min":500,"max":599}]},"tripDuration":"PT1M"}]}"#]];
        check("", &tighten(), &made);
        check(r#"{"rules":[]}"#, &tighten(), &made);
        let by_share =
            Tighten { percentage: Some(50), accept_retry_after: true, ..Tighten::default() };
        check(
            "",
            &by_share,
            &expect![[r#"
                pointsman (50%, interval PT1M, trip PT1M, accept Retry-After)
                {"rules":[{"name":"pointsman","failureCondition":{"percentage":50,"interval":"PT1M","statusCodeRanges":[{"min":500,"max":599}]},"tripDuration":"PT1M","acceptRetryAfter":true}]}"#]],
        );
    }

    #[test]
    fn an_owners_rule_keeps_its_name_its_conditions_and_what_nobody_knows() {
        check(
            r#"{"rules":[{"name":"mine","failureCondition":{"count":10,"interval":"PT5M","statusCodeRanges":[{"min":429,"max":429}],"errorReasons":["Timeout"]},"tripDuration":"PT10S","failureResponse":{"new":1}}],"more":2}"#,
            &tighten(),
            &expect![[r#"
                mine (count 3, interval PT5M, trip PT1M)
                {"rules":[{"name":"mine","failureCondition":{"count":3,"interval":"PT5M","statusCodeRanges":[{"min":429,"max":429}],"errorReasons":["Timeout"]},"tripDuration":"PT1M","failureResponse":{"new":1}}],"more":2}"#]],
        );
    }

    #[test]
    fn nothing_is_loosened_and_what_an_owner_chose_not_to_count_is_not_counted() {
        let tight = r#"{"rules":[{"failureCondition":{"percentage":10,"interval":"P1D"},"tripDuration":"PT1H","acceptRetryAfter":true}]}"#;
        check(
            tight,
            &tighten(),
            &expect![[r#"
                a rule (10%, interval P1D, trip PT1H, accept Retry-After)
                {"rules":[{"failureCondition":{"percentage":10,"interval":"P1D"},"tripDuration":"PT1H","acceptRetryAfter":true}]}"#]],
        );
    }

    fn asked() -> impl Strategy<Value = Tighten> {
        let time = || prop::option::of((1..=7_200_i64).prop_map(SignedDuration::from_secs));
        let count = prop::option::of(1..=20_u16);
        (count, prop::option::of(1..=100_u8), time(), time(), any::<bool>()).prop_map(
            |(count, percentage, interval, trip, accept_retry_after)| Tighten {
                count,
                percentage,
                interval,
                trip,
                accept_retry_after,
            },
        )
    }

    proptest! {
        /// In whatever order and how often overrides are laid, the rule is one.
        #[test]
        fn the_order_never_decides(one in asked(), two in asked(), own in asked()) {
            let owner = own.of(&Value::Absent);
            let both = one.and(&two).of(&owner);
            prop_assert_eq!(&two.and(&one).of(&owner), &both);
            prop_assert_eq!(&two.of(&one.of(&owner)), &both);
            prop_assert_eq!(&one.and(&two).of(&both), &both);
        }
    }
}
