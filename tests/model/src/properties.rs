//! The oracle of a Single: what its properties should be by what is in force, and that no breaker is ever
//! looser than its owner's. Worked out without `lay` and `breaker`.

use jiff::{SignedDuration, Span, SpanRelativeTo};
use pointsman_core::{
    body::Body,
    breaker::Tighten,
    document::{Document, Intent},
    effect::Effect,
    field::{Field, Property, Value},
    fraction::Fraction,
    overrides::{Life, Override},
};
use serde_json::{Value as Tree, json};

use crate::azure::Done;

const BREAKER: Field = Field::Property(Property::CircuitBreaker);

/// What makes a rule stricter; all else of it is its owner's.
const STRICTNESS: [&str; 3] = ["count", "percentage", "interval"];

/// What of a breaker a write made looser than its owner left it, or changed though it is not for us to
/// change.
pub(crate) fn loosened(done: &Done) -> Option<String> {
    let (owner, after) = (done.owner.get(&BREAKER)?, done.after.get(&BREAKER)?);
    let (old, new) = (tree(&owner), tree(&after));
    let (old_rules, new_rules) = (rules(&old), rules(&new));
    let show = |what: &str| Some(format!("{what}: {after} over {owner}"));
    if without(&old, &["rules"]) != without(&new, &["rules"]) {
        return show("something else than the rules was changed");
    }
    if old_rules.is_empty() {
        return None;
    }
    if old_rules.len() != new_rules.len() {
        return show("a rule too many or too few");
    }
    for (old, new) in old_rules.iter().zip(&new_rules) {
        let kept = |rule: &Tree| {
            let mut rule = without(rule, &["tripDuration", "acceptRetryAfter"]);
            if let Some(condition) = rule.get_mut("failureCondition") {
                *condition = without(condition, &STRICTNESS);
            }
            rule
        };
        if kept(old) != kept(new) {
            return show("the name or the conditions are not the owner's");
        }
        let of = |rule: &Tree, key: &str| rule["failureCondition"][key].clone();
        for key in ["count", "percentage"] {
            let (old, new) = (of(old, key), of(new, key));
            if old != new && new.as_u64().zip(old.as_u64()).is_none_or(|(new, old)| new > old) {
                return show("more failures are allowed");
            }
        }
        let pairs = [
            (of(old, "interval"), of(new, "interval")),
            (old["tripDuration"].clone(), new["tripDuration"].clone()),
        ];
        for (old, new) in pairs {
            if old != new && length(&new).zip(length(&old)).is_none_or(|(new, old)| new < old) {
                return show("a time is shorter");
            }
        }
        if old["acceptRetryAfter"] == true && new["acceptRetryAfter"] != true {
            return show("Retry-After is not heeded");
        }
    }
    None
}

/// What a plan gets wrong of a Single that shows this: each property is to be what is in force makes of what
/// its owner left.
pub(crate) fn misplanned(document: &Document, intent: &Intent, shown: &Body) -> Option<String> {
    document.owned.iter().filter(|(_, owned)| owned.unmet.is_none()).find_map(|(field, owned)| {
        let Field::Property(property) = field else { return None };
        let is = shown.get(field)?;
        let change = intent.changes.iter().find(|change| change.field == *field);
        let planned = change.map_or(&is, |change| &change.after);
        let asking: Vec<&Override> = document
            .overrides
            .values()
            .filter(|over| is_in_force(over, intent, shown) && !has_yielded(document, over, field))
            .collect();
        let wanted = wanted(*property, &owned.baseline, &asking);
        let is_right = match change {
            // To the letter.
            Some(_) if wanted == owned.baseline => *planned == wanted,
            Some(_) => tree(planned) == tree(&wanted),
            None => planned.means(&wanted),
        };
        let over = &owned.baseline;
        (!is_right)
            .then(|| format!("{field} is to be {wanted} over {over}, and {planned} is planned"))
    })
}

/// What overrides make of what the owner left at a property.
fn wanted(property: Property, owner: &Value, asking: &[&Override]) -> Value {
    if property == Property::CircuitBreaker {
        let tighten = |over: &&Override| match &over.effect {
            Effect::Breaker(tighten) => Some(tighten.clone()),
            Effect::Set(_)
            | Effect::Reconnect(_)
            | Effect::Drain { .. }
            | Effect::Shift { .. }
            | Effect::Split { .. }
            | Effect::Promote { .. }
            | Effect::Ensure(_)
            | Effect::Join { .. } => None,
        };
        return tightest(owner, &asking.iter().filter_map(tighten).collect::<Vec<_>>());
    }
    let sets = |over: &&&Override| value_set(over, property).is_some();
    let strongest = asking
        .iter()
        .filter(sets)
        .reduce(|one, other| if is_stronger(one, other) { one } else { other });
    strongest.and_then(|over| value_set(over, property)).unwrap_or_else(|| owner.clone())
}

fn value_set(over: &Override, property: Property) -> Option<Value> {
    match &over.effect {
        Effect::Set(properties) => properties.get(&property).cloned().map(Value::Json),
        Effect::Breaker(_)
        | Effect::Reconnect(_)
        | Effect::Drain { .. }
        | Effect::Shift { .. }
        | Effect::Split { .. }
        | Effect::Promote { .. }
        | Effect::Ensure(_)
        | Effect::Join { .. } => None,
    }
}

/// An operator before a window, a window before an alert; then the worse, then the older, then by id.
fn is_stronger(one: &Override, other: &Override) -> bool {
    let (mine, theirs) = (one.origin.authority(), other.origin.authority());
    if mine != theirs {
        return mine > theirs;
    }
    if one.severity != other.severity {
        return one.severity > other.severity;
    }
    (one.started, &one.id) < (other.started, &other.id)
}

/// The owner's breaker with the strictest of what is asked; as it is where that is nothing new.
fn tightest(owner: &Value, asked: &[Tighten]) -> Value {
    let count = asked.iter().filter_map(|one| one.count).min();
    let percentage = asked.iter().filter_map(|one| one.percentage).min();
    let interval = asked.iter().filter_map(|one| one.interval).max();
    let trip = asked.iter().filter_map(|one| one.trip).max();
    let heeds = asked.iter().any(|one| one.accept_retry_after);
    if asked.is_empty() {
        return owner.clone();
    }
    let before = tree(owner);
    let mut breaker = before.clone();
    if rules(&before).is_empty() {
        let minute = SignedDuration::from_mins(1);
        let mut rule = json!({
            "name": "pointsman",
            "failureCondition": {
                "interval": interval.unwrap_or(minute).to_string(),
                "statusCodeRanges": [{"min": 500, "max": 599}],
            },
            "tripDuration": trip.unwrap_or(minute).to_string(),
        });
        match (count, percentage) {
            (Some(count), _) => rule["failureCondition"]["count"] = count.into(),
            (None, Some(part)) => rule["failureCondition"]["percentage"] = part.into(),
            (None, None) => panic!("a breaker says how many failures trip it"),
        }
        if heeds {
            rule["acceptRetryAfter"] = true.into();
        }
        breaker["rules"] = json!([rule]);
    } else {
        for rule in breaker["rules"].as_array_mut().unwrap() {
            let most = |tree: Option<&mut Tree>, most: Option<u64>| {
                if let (Some(tree), Some(most)) = (tree, most)
                    && tree.as_u64().is_some_and(|own| own > most)
                {
                    *tree = most.into();
                }
            };
            let least = |tree: Option<&mut Tree>, least: Option<SignedDuration>| {
                if let (Some(tree), Some(least)) = (tree, least)
                    && length(tree).is_some_and(|own| own < least)
                {
                    *tree = least.to_string().into();
                }
            };
            most(rule.pointer_mut("/failureCondition/count"), count.map(u64::from));
            most(rule.pointer_mut("/failureCondition/percentage"), percentage.map(u64::from));
            least(rule.pointer_mut("/failureCondition/interval"), interval);
            least(rule.pointer_mut("/tripDuration"), trip);
            if heeds {
                rule["acceptRetryAfter"] = true.into();
            }
        }
    }
    if breaker == before { owner.clone() } else { Value::Json((&breaker).into()) }
}

/// Whether what an override does is to be seen in a Single, as far as none stronger sets the same.
pub(crate) fn shows(shown: &Body, document: &Document, over: &Override) -> bool {
    over.effect.fields().iter().filter(|field| !has_yielded(document, over, field)).all(|field| {
        let (Field::Property(property), Some(is)) = (field, shown.get(field)) else { return true };
        match &over.effect {
            // Whatever it is tightened by, a second time changes nothing.
            Effect::Breaker(tighten) => tightest(&is, std::slice::from_ref(tighten)) == is,
            Effect::Set(_) => {
                let stronger = |other: &&Override| {
                    other.takes_part()
                        && value_set(other, *property).is_some()
                        && !has_yielded(document, other, field)
                        && is_stronger(other, over)
                };
                value_set(over, *property).is_some_and(|value| value.means(&is))
                    || document.overrides.values().any(|other| stronger(&other))
            }
            Effect::Ensure(declared) => {
                let asked = declared.properties().remove(property).map(Value::Json);
                asked.is_some_and(|asked| asked.means(&is))
            }
            Effect::Reconnect(_) => true,
            Effect::Drain { .. }
            | Effect::Shift { .. }
            | Effect::Split { .. }
            | Effect::Promote { .. }
            | Effect::Join { .. } => false,
        }
    })
}

/// Whether an override has a part in what a write makes of a Single that shows this. One that would touch what
/// is not to be touched does nothing at all; one on its way out stays whole until its last step.
fn is_in_force(over: &Override, intent: &Intent, shown: &Body) -> bool {
    over.effect.fields().iter().all(|field| shown.get(field).is_some())
        && match &over.life {
            Life::Claimed { .. } => false,
            Life::Begun { .. } => true,
            Life::Ended { steps, .. } => {
                let given = steps.len() + usize::from(intent.steps.contains_key(&over.id));
                given == 0 || over.lease.given_back(given - 1) != Fraction::WHOLE
            }
        }
}

fn has_yielded(document: &Document, over: &Override, field: &Field) -> bool {
    document.yielded.get(field).is_some_and(|by| by.contains(&over.id))
}

fn tree(value: &Value) -> Tree {
    value.json().map_or_else(|| json!({}), |json| serde_json::from_str(json.as_str()).unwrap())
}

fn rules(breaker: &Tree) -> Vec<Tree> {
    breaker["rules"].as_array().cloned().unwrap_or_default()
}

fn without(tree: &Tree, keys: &[&str]) -> Tree {
    let mut tree = tree.clone();
    if let Some(object) = tree.as_object_mut() {
        object.retain(|key, _| !keys.contains(&key.as_str()));
    }
    tree
}

fn length(tree: &Tree) -> Option<SignedDuration> {
    let span: Span = tree.as_str()?.parse().ok()?;
    span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()
}
