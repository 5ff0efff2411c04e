//! Circuit breakers: what counts as a failure, when a backend is tripped, and for how long.
//!
//! A rule looks at the latest `interval`, which slides with every request: so many failures, or
//! such a share of failures, trip the backend for `tripDuration`, or for as long as the backend's
//! own Retry-After says where the rule accepts it (documented). Afterwards it serves again and
//! the counting starts again. Answers to requests that were under way when it tripped do not
//! count. Each gateway has breakers of its own.
//!
//! Not published, and assumed: the interval slides; an interval or a trip duration that is left
//! out is [`DEFAULT_SECONDS`]; a rule that is changed keeps the open state of its name and starts
//! counting again.

use crate::{
    backend::{Properties, given, list, object},
    clock, duration,
    unpublished::{Unanswered, Unpublished},
};
use http::StatusCode;
use jiff::Timestamp;
use serde_json::Value;
use std::{collections::VecDeque, time::Duration};

/// What an interval or a trip duration is where the rule does not say.
const DEFAULT_SECONDS: u64 = 60;
/// How many requests a breaker remembers; what comes beyond pushes the oldest out.
const REQUESTS_MAX: usize = 100_000;

/// The result of a request to a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Came {
    /// The backend answered.
    Answered { status: u16, retry_after: Option<Duration> },
    /// It did not.
    Unanswered(Reason),
}

/// A request to a backend that has come to its end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ended {
    pub(crate) came: Came,
    pub(crate) began: Timestamp,
    pub(crate) at: Timestamp,
}

/// Why there was no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reason {
    /// What `errorReasons` call it.
    word: &'static str,
    /// What the caller is told.
    pub(crate) status: StatusCode,
}

impl Reason {
    pub(crate) const CONNECTION: Self =
        Self { word: "BackendConnectionFailure", status: StatusCode::INTERNAL_SERVER_ERROR };
    pub(crate) const TIMEOUT: Self = Self { word: "Timeout", status: StatusCode::GATEWAY_TIMEOUT };
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Threshold {
    Count(u64),
    Percentage(u64),
}

/// A rule as the gateway understands it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    name: String,
    threshold: Threshold,
    interval: Duration,
    ranges: Vec<(u64, u64)>,
    reasons: Vec<String>,
    trip: Duration,
    accept_retry_after: bool,
    failure_status: Option<u16>,
}

impl Rule {
    /// The rules of a backend. What cannot be understood was never accepted.
    pub(crate) fn all(properties: &Properties) -> Vec<Self> {
        let rules = object(properties, "circuitBreaker").map(|breaker| list(breaker, "rules"));
        rules.into_iter().flatten().filter_map(|rule| Self::read(rule.as_object()?)).collect()
    }

    fn read(rule: &Properties) -> Option<Self> {
        let condition = object(rule, "failureCondition")?;
        let number = |parent: &Properties, key| given(parent, key).and_then(Value::as_u64);
        let seconds = Duration::from_secs(DEFAULT_SECONDS);
        let duration = |parent: &Properties, key| {
            given(parent, key).and_then(Value::as_str).and_then(duration::parsed).unwrap_or(seconds)
        };
        let ranges = list(condition, "statusCodeRanges").iter().filter_map(Value::as_object);
        let reasons = list(condition, "errorReasons").iter().filter_map(Value::as_str);
        Some(Self {
            name: given(rule, "name").and_then(Value::as_str).unwrap_or_default().to_owned(),
            threshold: match number(condition, "count") {
                Some(count) => Threshold::Count(count),
                None => Threshold::Percentage(number(condition, "percentage")?),
            },
            interval: duration(condition, "interval"),
            ranges: ranges
                .map(|r| (number(r, "min").unwrap_or(200), number(r, "max").unwrap_or(599)))
                .collect(),
            reasons: reasons.map(str::to_owned).collect(),
            trip: duration(rule, "tripDuration"),
            accept_retry_after: given(rule, "acceptRetryAfter") == Some(&Value::Bool(true)),
            failure_status: failure_status(rule),
        })
    }

    fn is_failure(&self, came: Came, unanswered: Unanswered) -> bool {
        let in_range = |status: u16| {
            self.ranges.iter().any(|(min, max)| (*min..=*max).contains(&u64::from(status)))
        };
        match came {
            Came::Answered { status, .. } => in_range(status),
            Came::Unanswered(Reason { word, status }) => {
                self.reasons.iter().any(|is| is.eq_ignore_ascii_case(word))
                    || (unanswered == Unanswered::ByStatusToo && in_range(status.as_u16()))
            }
        }
    }

    fn reached(&self, failures: usize, requests: usize, unpublished: &Unpublished) -> bool {
        let (failures, requests) = (failures as u64, requests as u64);
        match self.threshold {
            Threshold::Count(count) => failures >= count,
            Threshold::Percentage(percentage) => {
                failures > 0
                    && requests >= u64::from(unpublished.percentage_requests_min)
                    && failures * 100 >= percentage * requests
            }
        }
    }
}

/// The status that a `failureResponse` names (2024-10-01-preview).
pub(crate) fn failure_status(parent: &Properties) -> Option<u16> {
    let response = object(parent, "failureResponse")?;
    given(response, "statusCode")?.as_u64()?.try_into().ok()
}

/// A rule opened or closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Turned {
    pub(crate) at: Timestamp,
    pub(crate) rule: String,
    pub(crate) open: bool,
    /// For how long it is, or was, tripped.
    pub(crate) trip: Duration,
}

/// One rule at work.
#[derive(Clone, Debug)]
pub(crate) struct Breaker {
    rule: Rule,
    /// When each request was answered, and whether it failed.
    seen: VecDeque<(Timestamp, bool)>,
    /// How many of them failed.
    failures: usize,
    /// When it closed the last time: requests that began before it count for nothing.
    closed: Option<Timestamp>,
    open: Option<Open>,
}

#[derive(Clone, Copy, Debug)]
struct Open {
    until: Timestamp,
    trip: Duration,
}

impl Breaker {
    /// The breaker of a rule; the state of a rule of that name in `before` is kept.
    pub(crate) fn new(rule: Rule, before: &[Self]) -> Self {
        match before.iter().find(|before| before.rule.name == rule.name) {
            Some(before) if before.rule == rule => before.clone(),
            Some(before) => Self { open: before.open, closed: before.closed, ..Self::fresh(rule) },
            None => Self::fresh(rule),
        }
    }

    fn fresh(rule: Rule) -> Self {
        Self { rule, seen: VecDeque::new(), failures: 0, closed: None, open: None }
    }

    pub(crate) fn rule(&self) -> &str {
        &self.rule.name
    }

    /// Until when it is open; none when it is closed.
    pub(crate) fn until(&self) -> Option<Timestamp> {
        self.open.map(|open| open.until)
    }

    /// What a caller is answered while it is open.
    pub(crate) fn failure_status(&self) -> Option<u16> {
        self.rule.failure_status
    }

    /// How many failures and requests count at `now`.
    pub(crate) fn counted(&self, now: Timestamp) -> (usize, usize) {
        let counts = self.seen.iter().filter(|(at, _)| now < clock::later(*at, self.rule.interval));
        counts.fold((0, 0), |(failed, all), (_, failure)| (failed + usize::from(*failure), all + 1))
    }

    /// Counts the result of a request; says so when that opens it.
    pub(crate) fn count(&mut self, ended: Ended, unpublished: &Unpublished) -> Option<Turned> {
        let Ended { came, began, at: now } = ended;
        if self.open.is_some() || self.closed.is_some_and(|closed| began < closed) {
            return None;
        }
        while let Some((at, failed)) = self.seen.front()
            && (clock::later(*at, self.rule.interval) <= now || self.seen.len() >= REQUESTS_MAX)
        {
            self.failures -= usize::from(*failed);
            self.seen.pop_front();
        }
        let failure = self.rule.is_failure(came, unpublished.unanswered);
        self.seen.push_back((now, failure));
        self.failures += usize::from(failure);
        if !failure || !self.rule.reached(self.failures, self.seen.len(), unpublished) {
            return None;
        }
        let trip = match came {
            Came::Answered { retry_after: Some(after), .. } if self.rule.accept_retry_after => {
                after
            }
            Came::Answered { .. } | Came::Unanswered(_) => self.rule.trip,
        };
        self.seen.clear();
        self.failures = 0;
        self.open = Some(Open { until: clock::later(now, trip), trip });
        Some(Turned { at: now, rule: self.rule.name.clone(), open: true, trip })
    }

    /// Closes it, if that is due; says so.
    pub(crate) fn catch_up(&mut self, now: Timestamp) -> Option<Turned> {
        let Open { until, trip } = self.open.take_if(|open| open.until <= now)?;
        self.closed = Some(until);
        Some(Turned { at: until, rule: self.rule.name.clone(), open: false, trip })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn breaker(rule: &Value) -> Breaker {
        let properties = json!({"circuitBreaker": {"rules": [rule]}});
        let mut rules = Rule::all(properties.as_object().unwrap());
        Breaker::new(rules.pop().unwrap(), &[])
    }

    /// Runs a story: `5@3` is an answer of 500 at second 3; `2` is 200, `4` is 429, `9` is 429
    /// with a Retry-After of 90 s, `t` is a timeout and `c` a connection that failed. What the
    /// breaker is afterwards is put down for each: `.` closed, or the second at which it closes.
    fn run(rule: &Value, unpublished: &Unpublished, story: &str) -> String {
        let mut breaker = breaker(rule);
        let mut says = Vec::new();
        for step in story.split_whitespace() {
            let (what, second) = step.split_once('@').unwrap();
            let now = Timestamp::from_second(second.parse().unwrap()).unwrap();
            let answered = |status, retry_after| Came::Answered { status, retry_after };
            let came = match what {
                "2" => answered(200, None),
                "4" => answered(429, None),
                "5" => answered(500, None),
                "9" => answered(429, Some(Duration::from_secs(90))),
                "t" => Came::Unanswered(Reason::TIMEOUT),
                "c" => Came::Unanswered(Reason::CONNECTION),
                other => panic!("{other}"),
            };
            breaker.catch_up(now);
            breaker.count(Ended { came, began: now, at: now }, unpublished);
            says.push(breaker.until().map_or(".".to_owned(), |at| at.as_second().to_string()));
        }
        says.join(" ")
    }

    #[test]
    fn breakers_by_sequences_of_requests() {
        let rule = |condition: Value, more: Value| {
            let mut rule =
                json!({"name": "r", "failureCondition": condition, "tripDuration": "PT30S"});
            rule.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            rule
        };
        let server = json!([{"min": 500, "max": 599}]);
        let check = |rule: &Value, story: &str, want: &str| {
            assert_eq!(run(rule, &Unpublished::default(), story), want, "{story}");
        };
        let three =
            rule(json!({"count": 3, "interval": "PT10S", "statusCodeRanges": server}), json!({}));
        check(&three, "5@1 5@2 5@3", ". . 33");
        check(&three, "5@1 2@2 5@3 2@4 5@5", ". . . . 35");
        // A failure leaves the window just when the interval has passed since.
        check(&three, "5@1 5@2 5@11", ". . .");
        check(&three, "5@1 5@2 5@10", ". . 40");
        check(&three, "5@1 5@5 5@11 5@12", ". . . 42");
        // While it is open nothing counts, and afterwards it begins anew.
        check(&three, "5@1 5@1 5@1 5@9 5@30 5@31 5@31 5@31", ". . 31 31 31 . . 61");
        check(&three, "4@1 4@1 4@1 t@1 c@1", ". . . . .");
        let one = rule(
            json!({"count": 1, "interval": "PT10S", "statusCodeRanges": [{"min": 429, "max": 429}]}),
            json!({"acceptRetryAfter": true}),
        );
        check(&one, "4@0", "30");
        check(&one, "9@0", "90");
        check(&one, "9@0 2@90 9@95", "90 . 185");
        let deaf =
            rule(json!({"count": 1, "statusCodeRanges": [{"min": 429, "max": 429}]}), json!({}));
        check(&deaf, "9@0", "30");
        let half = rule(
            json!({"percentage": 50, "interval": "PT10S", "statusCodeRanges": server}),
            json!({}),
        );
        check(&half, "2@1 2@1 5@1 5@2", ". . . 32");
        check(&half, "2@1 2@1 2@1 5@1 5@2 5@3", ". . . . . 33");
        check(&half, "5@1", "31");
        check(&half, "2@1 2@1 2@1 5@11", ". . . 41");
        let ten = Unpublished { percentage_requests_min: 4, ..Unpublished::default() };
        assert_eq!(run(&half, &ten, "5@1 5@1 5@1 5@1"), ". . . 31");
        let reasons = rule(
            json!({"count": 2, "errorReasons": ["timeout", "BackendConnectionFailure"]}),
            json!({}),
        );
        check(&reasons, "t@1 5@1 c@2", ". . 32");
        check(
            &rule(json!({"count": 1, "errorReasons": ["Timeout"]}), json!({})),
            "c@1 t@2",
            ". 32",
        );
        let by_status =
            Unpublished { unanswered: Unanswered::ByStatusToo, ..Unpublished::default() };
        assert_eq!(run(&three, &by_status, "t@1 c@1 t@1"), ". . 31");
        // What the rule leaves out is a minute.
        let bare = json!({"name": "r", "failureCondition": {"count": 2, "statusCodeRanges": [{}]}});
        check(&bare, "2@0 2@59", ". 119");
        check(&bare, "2@0 2@60", ". .");
    }

    #[test]
    fn what_was_under_way_when_it_opened_counts_for_nothing() {
        let condition = json!({"count": 1, "statusCodeRanges": [{"min": 500, "max": 599}]});
        let rule = json!({"name": "r", "failureCondition": condition, "tripDuration": "PT30S"});
        let mut breaker = breaker(&rule);
        let unpublished = Unpublished::default();
        let mut count = |began: i64, now: i64| {
            let [began, now] = [began, now].map(|at| Timestamp::from_second(at).unwrap());
            breaker.catch_up(now);
            let came = Came::Answered { status: 500, retry_after: None };
            breaker.count(Ended { came, began, at: now }, &unpublished).is_some()
        };
        assert!(count(0, 1));
        assert!(!count(0, 2), "while it is open");
        assert!(!count(0, 40), "and when it is closed again");
        assert!(count(31, 41));
    }

    #[test]
    fn a_changed_rule_keeps_its_state_by_name() {
        let rule = |count: u32, name: &str| {
            let condition = json!({"count": count, "statusCodeRanges": [{"min": 500, "max": 599}]});
            json!({"name": name, "failureCondition": condition})
        };
        let now = Timestamp::from_second(0).unwrap();
        let came = Came::Answered { status: 500, retry_after: None };
        let ended = Ended { came, began: now, at: now };
        let mut before = breaker(&rule(2, "a"));
        let unpublished = Unpublished::default();
        assert_eq!(before.count(ended, &unpublished), None);
        let renewed = |to: &Value, before: &Breaker| {
            Breaker::new(breaker(to).rule, std::slice::from_ref(before))
        };
        assert_eq!(renewed(&rule(2, "a"), &before).counted(now), (1, 1));
        assert_eq!(renewed(&rule(3, "a"), &before).counted(now), (0, 0));
        assert!(before.count(ended, &unpublished).is_some_and(|turned| turned.open));
        assert!(renewed(&rule(3, "a"), &before).until().is_some());
        assert!(renewed(&rule(2, "b"), &before).until().is_none());
    }
}
