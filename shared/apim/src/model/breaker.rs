//! `properties.circuitBreaker`: what takes a backend out of traffic, and for how long.

use serde_json::Value;

use super::part::{At, Part, fields, object, values};
use super::scalar::{Count, ErrorReason, FailureStatus, Percentage, Period, RuleName};
use crate::problem::is;

/// The most rules by the specification.
pub const RULES_MAX: usize = 15;
/// The most rules that the service takes for one backend, by its documentation.
pub const RULES_TAKEN_MAX: usize = 1;
/// The most ranges of statuses in one condition.
pub const STATUS_RANGES_MAX: usize = 10;
/// The most reasons of errors in one condition.
pub const ERROR_REASONS_MAX: usize = 10;

/// A circuit breaker.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Breaker {
    /// Its rules. The service takes [`RULES_TAKEN_MAX`].
    pub rules: Vec<Rule>,
}

/// One rule of a breaker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its name, which events carry.
    pub name: Option<RuleName>,
    /// When it trips.
    pub condition: Condition,
    /// How long the backend is left out then.
    pub trip: Option<Period>,
    /// Whether the backend's own `Retry-After` says how long instead, which can be a day.
    pub accept_retry_after: Option<bool>,
}

/// When a breaker trips.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// How many failures it takes.
    pub threshold: Threshold,
    /// The time in which they are counted.
    pub interval: Option<Period>,
    /// What counts as one, at least one kind of it.
    pub failures: Failures,
}

/// How many failures open a breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Threshold {
    /// That many.
    Count(Count),
    /// That share of all requests, in percent.
    Percentage(Percentage),
}

/// What counts as a failure: an answer of such a status, or such an error.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Failures {
    /// Statuses, at most [`STATUS_RANGES_MAX`] ranges.
    pub statuses: Vec<StatusRange>,
    /// Reasons of errors, at most [`ERROR_REASONS_MAX`].
    pub reasons: Vec<ErrorReason>,
}

/// A range of statuses, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatusRange {
    /// Its least status.
    pub min: Option<FailureStatus>,
    /// Its greatest status.
    pub max: Option<FailureStatus>,
}

impl Part for Breaker {
    fn read(at: &At<'_>) -> Option<Self> {
        let fields = at.object()?;
        let rules: Vec<Rule> = fields.list("rules", 0, RULES_MAX).unwrap_or_default();
        let given = fields.given("rules");
        let count = given.as_ref().and_then(|rules| rules.value().as_array()).map_or(0, Vec::len);
        if let Some(at) = given.filter(|_| (RULES_TAKEN_MAX + 1..=RULES_MAX).contains(&count)) {
            let must = "one rule, which is what the service takes for a backend";
            return at.say(is(&format!("an array of {count}"), must));
        }
        Some(Self { rules })
    }

    fn value(&self) -> Value {
        fields([("rules", Some(values(&self.rules)))])
    }
}

object! {
    Rule {
        name: optional("name"),
        condition: required("failureCondition", "a rule needs one"),
        trip: optional("tripDuration"),
        accept_retry_after: optional("acceptRetryAfter"),
    }
}

impl Part for Condition {
    fn read(at: &At<'_>) -> Option<Self> {
        const ONE: &str = "exactly one of them must be there";
        let fields = at.object()?;
        let count = fields.optional("count").map(Threshold::Count);
        let percentage = fields.optional("percentage").map(Threshold::Percentage);
        let both = (fields.given("count").is_some(), fields.given("percentage").is_some());
        let threshold = match both {
            (true, false) => count,
            (false, true) => percentage,
            (true, true) => at.say(format!("has count and percentage: {ONE}")),
            (false, false) => at.say(format!("has neither count nor percentage: {ONE}")),
        };
        let interval = fields.optional("interval");
        let statuses = fields.list("statusCodeRanges", 0, STATUS_RANGES_MAX);
        let reasons = fields.list("errorReasons", 0, ERROR_REASONS_MAX);
        let none = |key| {
            let value = fields.given(key);
            value.is_none_or(|at| at.value().as_array().is_some_and(Vec::is_empty))
        };
        if none("statusCodeRanges") && none("errorReasons") {
            let words = "has neither statusCodeRanges nor errorReasons: at least one of them must \
                         be there";
            return at.say(words);
        }
        let failures = Failures {
            statuses: statuses.unwrap_or_default(),
            reasons: reasons.unwrap_or_default(),
        };
        Some(Self { threshold: threshold?, interval, failures })
    }

    fn value(&self) -> Value {
        let (threshold, number) = match &self.threshold {
            Threshold::Count(count) => ("count", count.value()),
            Threshold::Percentage(percentage) => ("percentage", percentage.value()),
        };
        let Failures { statuses, reasons } = &self.failures;
        // An empty list says what an absent one does.
        fields([
            (threshold, Some(number)),
            ("interval", self.interval.as_ref().map(Part::value)),
            ("statusCodeRanges", (!statuses.is_empty()).then(|| values(statuses))),
            ("errorReasons", (!reasons.is_empty()).then(|| values(reasons))),
        ])
    }
}

object! {
    StatusRange { min: optional("min"), max: optional("max") } ordered
}

impl StatusRange {
    fn ordered(self, at: &At<'_>) -> Option<Self> {
        match (self.min, self.max) {
            (Some(min), Some(max)) if min > max => {
                at.say("has a min above its max: no status is in it")
            }
            _ => Some(self),
        }
    }
}
