//! What the views are made of: values of fields, effects, and why something is held or ended.

use std::fmt;

use pointsman_core::{effect, field};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value as Json;

/// The version of all views. It grows when something is taken away or changes its meaning.
pub const VERSION: u32 = 1;

/// The name of a variant, as it is stored. It never changes, because what is stored is read for ever.
pub(crate) fn kind(of: &impl Serialize) -> String {
    let name = match serde_json::to_value(of) {
        Ok(Json::String(name)) => Some(name),
        Ok(Json::Object(fields)) => fields.into_iter().next().map(|(name, _)| name),
        Ok(Json::Null | Json::Bool(_) | Json::Number(_) | Json::Array(_)) | Err(_) => None,
    };
    name.unwrap_or_default()
}

/// A reason: why an override is held, or why it ends.
///
/// Held: `members`, `share`, `capacity`, `uncertain`, `mostOut`, `mostOutOfTag`, `together`, `panic`, `emptied`, `noMember`, `mixedWeights`, `nothingServes`, `switchedOff`,
/// `noBackend`, `notAPool`, `notASingle`, `noProperty`, `unreadable`, `paused`, `pausedUntil`, `poolPaused`,
/// `playPaused`, `frozen`, `outOfHours`, `overBudget`, `manyWrites`, `lasting`, `count`, `unless`, `shadow`. Ended: `resolved`,
/// `expired`, `undone`, `stale`, `closed`, `dropped`, `panic`. More kinds may come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Why {
    /// Its kind, for programs.
    pub kind: String,
    /// The same in words, with the numbers and names that belong to it.
    pub says: String,
}

impl Why {
    pub(crate) fn of(why: &(impl Serialize + fmt::Display)) -> Self {
        Self { kind: kind(why), says: why.to_string() }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.says)
    }
}

/// What an override does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Effect {
    /// Its kind: `drain`, `shift`, `split`, `promote`, `breaker` or `set`. More may come.
    pub kind: String,
    /// The members that it is about.
    pub members: Vec<String>,
    /// The same in words, with its numbers.
    pub says: String,
}

impl From<&effect::Effect> for Effect {
    fn from(effect: &effect::Effect) -> Self {
        let members = effect.members().iter().map(ToString::to_string).collect();
        Self { kind: kind(effect), members, says: effect.to_string() }
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.says)
    }
}

/// The value of a field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Value {
    /// A number.
    Number(u8),
    /// What stands at a property of a backend, as JSON.
    Json(Property),
    /// The key is there, and null.
    Null,
    /// There is no such key.
    Absent(Absent),
}

/// The word for a key that is not there: `"absent"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Absent {
    /// There is no such key.
    Absent,
}

/// What stands at a property of a backend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Property {
    /// That.
    pub json: Json,
    /// The same in words.
    pub says: String,
}

impl From<&field::Value> for Value {
    fn from(value: &field::Value) -> Self {
        match value {
            field::Value::Absent => Self::Absent(Absent::Absent),
            field::Value::Null => Self::Null,
            field::Value::Number(number) => Self::Number(*number),
            field::Value::Json(json) => {
                Self::Json(Property { json: json.tree(), says: json.says() })
            }
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Null => f.write_str("null"),
            Self::Absent(Absent::Absent) => f.write_str("-"),
            Self::Json(Property { says, .. }) => f.write_str(says),
        }
    }
}

/// One field's part of a write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Change {
    /// Which field: `members/eu/weight`.
    pub field: String,
    /// What was there when the write was planned.
    pub before: Value,
    /// What the write puts there.
    pub after: Value,
}

impl From<&field::Change> for Change {
    fn from(change: &field::Change) -> Self {
        let field::Change { field, before, after } = change;
        Self { field: field.to_string(), before: before.into(), after: after.into() }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, before, after } = self;
        match (before, after) {
            (_, Value::Absent(_)) if field == "existence" => f.write_str("delete it"),
            (Value::Absent(_), _) if field == "existence" => f.write_str("make it"),
            // What is not said in words differs.
            (Value::Json(before), Value::Json(after)) if before.says == after.says => {
                write!(f, "{field} {} -> {}", before.json, after.json)
            }
            _ => write!(f, "{field} {before} -> {after}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use jiff::{SignedDuration, Timestamp};
    use pointsman_core::{
        breaker::Tighten,
        declared::Declared,
        fraction::Fraction,
        overrides::{End, Held},
        reconnect::{Due, Rhythm},
        shown::Shown,
    };
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_no_number_is_told_apart() {
        let url = field::Value::Json("https://eu".into());
        let values = [field::Value::Number(3), field::Value::Null, field::Value::Absent, url]
            .map(|value| Value::from(&value));
        assert_eq!(
            json!(values),
            json!([3, null, "absent", {"json": "https://eu", "says": "\"https://eu\""}])
        );
        assert_eq!(values.map(|value| value.to_string()), ["3", "null", "-", "\"https://eu\""]);
    }

    #[test]
    fn fractions_are_shown_in_percent() {
        let (share, least) = (Fraction::percent(40), "12.5%".parse().unwrap());
        assert_eq!(
            json!(Why::of(&Held::Share { share, least })),
            json!({
                "kind": "share",
                "says": "40% of the pool's weight would remain, and the limit is 12.5%",
            })
        );
        let shift = effect::Effect::Shift { member: "eu".parse().unwrap(), to: least };
        assert_eq!(
            json!(Effect::from(&shift)),
            json!({"kind": "shift", "members": ["eu"], "says": "shift eu to 12.5%"})
        );
    }

    /// Programs go by these, so that none is ever renamed.
    #[test]
    fn the_kinds_are_those_that_the_schema_names() {
        let (text, whole) = (String::new, Fraction::WHOLE);
        let (tag, backend) = (|| "zone".parse().unwrap(), crate::tests::backend);
        let (play, until) = (|| "drain".parse().unwrap(), Timestamp::UNIX_EPOCH);
        let held = [
            Held::Members { serving: 1, least: 2, by_default: true },
            Held::Share { share: whole, least: whole },
            Held::Capacity { capacity: 1, least: 2 },
            Held::without(1, Held::Emptied),
            Held::MostOut { out: 2, most: 1 },
            Held::MostOutOfTag { tag: tag(), value: text(), out: 2, most: 1 },
            Held::Together {
                tag: tag(),
                value: text(),
                other: text(),
                backend: Box::new(backend()),
            },
            Held::Panic { out: 2, of: 3, most: whole },
            Held::Emptied,
            Held::NoMember("eu".parse().unwrap()),
            Held::MixedWeights,
            Held::NothingServes,
            Held::SwitchedOff,
            Held::NoBackend,
            Held::NotAPool,
            Held::NotASingle,
            Held::Unmade("eu".parse().unwrap()),
            Held::Full,
            Held::Ahead,
            Held::NoProperty(field::Property::Url),
            Held::Unreadable(text()),
            Held::Paused,
            Held::PausedUntil(until),
            Held::PoolPaused { until: None },
            Held::PlayPaused { play: play(), until: None },
            Held::Frozen { freeze: "year-end".parse().unwrap(), until },
            Held::OutOfHours { play: play(), until },
            Held::OverBudget { play: play(), most: 3, per: SignedDuration::from_hours(1), until },
            Held::ManyWrites { most: 60, until },
            Held::Lasting { until: Timestamp::UNIX_EPOCH, lasting: SignedDuration::ZERO },
            Held::Count { had: 1, count: 2, within: SignedDuration::ZERO },
            Held::Shadow { would: None },
            Held::Unless { series: "am/f00d".parse().unwrap(), alert: Shown::default() },
        ];
        let undone = End::Undone { by: text(), reason: text() };
        let ends = [
            End::Resolved,
            End::Expired,
            undone,
            End::Stale,
            End::Closed,
            End::Dropped,
            End::Panic,
        ];
        let (member, weights) = (|| "eu".parse().unwrap(), [("eu".parse().unwrap(), 1)].into());
        let effects: [effect::Effect; 9] = [
            effect::Effect::Drain { member: member() },
            effect::Effect::Shift { member: member(), to: whole },
            effect::Effect::Split { weights },
            effect::Effect::Promote { member: member(), weight: None },
            effect::Effect::Breaker(Tighten::default()),
            effect::Effect::Set([].into()),
            effect::Effect::Ensure(Declared::new(&serde_json::Map::new())),
            effect::Effect::Join { member: member(), weight: None, priority: None },
            effect::Effect::Reconnect(Rhythm {
                first: Due::After(SignedDuration::ZERO),
                every: None,
            }),
        ];
        let kinds = |names: Vec<String>| names.join(" ");
        expect!["members share capacity uncertain mostOut mostOutOfTag together panic emptied noMember mixedWeights nothingServes switchedOff noBackend notAPool notASingle unmade full ahead noProperty unreadable paused pausedUntil poolPaused playPaused frozen outOfHours overBudget manyWrites lasting count shadow unless"]
            .assert_eq(&kinds(held.iter().map(kind).collect()));
        expect!["resolved expired undone stale closed dropped panic"]
            .assert_eq(&kinds(ends.iter().map(kind).collect()));
        expect!["drain shift split promote breaker set ensure join reconnect"]
            .assert_eq(&kinds(effects.iter().map(kind).collect()));
    }
}
