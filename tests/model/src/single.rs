//! Generated cases of a Single: what its owner left there, what overrides do to it, and what others write.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use pointsman_core::{
    body::{Body, Single},
    breaker::Tighten,
    effect::Effect,
    field::{Field, Property, Value},
    json::Json,
};
use proptest::{option, prelude::*, sample::select};

use crate::azure::Foreign;

/// What the playbook calls it, and what may be set of it.
pub(crate) const ENTRY: &str = "  one: {service: main, backend: pool, \
                                may: [url, tls, proxy.url, title, description]";

/// Seconds, so few that what is asked and what an owner has are often the same.
const TIMES: [i64; 5] = [10, 60, 90, 300, 3_600];

/// How its owner may write a length of time.
const LENGTHS: [&str; 8] = ["PT10S", "PT60S", "PT1M", "PT1M30S", "PT90S", "PT5M", "PT1H", "P1D"];

/// The part of a text that a key makes: nothing, null, or one of these.
fn key(name: &'static str, values: Vec<String>) -> impl Strategy<Value = Option<String>> {
    prop_oneof![
        1 => Just(None),
        1 => Just(Some(format!("\"{name}\":null"))),
        6 => select(values).prop_map(move |value| Some(format!("\"{name}\":{value}"))),
    ]
}

fn object(parts: Vec<Option<String>>, space: &str) -> String {
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    format!("{{{space}{}{space}}}", parts.join(&format!(",{space}")))
}

fn texts<T: ToString>(values: impl IntoIterator<Item = T>) -> Vec<String> {
    values.into_iter().map(|value| value.to_string()).collect()
}

fn lengths(name: &'static str) -> impl Strategy<Value = Option<String>> {
    key(name, texts(LENGTHS.map(|length| format!("\"{length}\""))))
}

/// A rule as owners write it: with a count or a percentage, rarely with neither or both, and with keys
/// that nobody here knows.
fn rule(space: &'static str) -> impl Strategy<Value = String> {
    let counted = prop_oneof![
        4 => key("count", texts([1, 3, 5, 10, 100])).prop_map(|count| vec![count]),
        4 => key("percentage", texts([1, 10, 50, 100])).prop_map(|percentage| vec![percentage]),
        1 => Just(vec![Some("\"percentage\":20".to_owned()), Some("\"count\":4".to_owned())]),
    ];
    let statuses = ["[{\"min\":500,\"max\":599}]", "[{\"min\":429,\"max\":429}]", "[]"];
    let condition = (
        counted,
        lengths("interval"),
        key("statusCodeRanges", texts(statuses)),
        key("errorReasons", texts(["[\"Timeout\"]"])),
    )
        .prop_map(move |(mut parts, interval, statuses, reasons)| {
            parts.extend([interval, statuses, reasons]);
            format!("\"failureCondition\":{}", object(parts, space))
        });
    let condition = prop_oneof![
        9 => condition.prop_map(Some),
        1 => select(vec![None, Some("\"failureCondition\":null".to_owned())]),
    ];
    (
        select(vec!["mine", "pointsman", "r"])
            .prop_map(|name| Some(format!("\"name\":\"{name}\""))),
        condition,
        lengths("tripDuration"),
        key("acceptRetryAfter", texts([true, false])),
        key("failureResponse", texts(["{\"new\":[1,null]}"])),
    )
        .prop_map(move |(name, condition, trip, accept, new)| {
            object(vec![new, name, condition, trip, accept], space)
        })
}

/// A breaker as owners leave it.
pub(crate) fn breaker() -> impl Strategy<Value = Value> {
    let with_rule = |space| {
        (rule(space), any::<bool>()).prop_map(move |(rule, more)| {
            let more = more.then(|| "\"more\":{\"a\":null}".to_owned());
            object(vec![Some(format!("\"rules\":[{rule}]")), more], space)
        })
    };
    let none =
        select(vec!["{}", "{\"rules\":[]}", "{\"rules\":null}", "{\"rules\":[],\"more\":1}"]);
    let text = prop_oneof![
        2 => none.prop_map(str::to_owned),
        6 => with_rule(""),
        2 => with_rule(" "),
    ];
    prop_oneof![
        2 => Just(Value::Absent),
        1 => Just(Value::Null),
        8 => text.prop_map(|text| Value::Json(text.parse().unwrap())),
    ]
}

/// The JSON that may stand at a property that can be set.
fn json(property: Property) -> impl Strategy<Value = Json> {
    let texts = match property {
        Property::Url => ["https://eu.example.com", "https://us.example.com/v1", "http://10.0.0.4"],
        Property::ProxyUrl => ["http://proxy:80", "http://proxy:8080", "https://proxy.example.com"],
        Property::Title | Property::Description => ["a title", "Größe \"x\"", "c"],
        Property::ValidateCertificateChain
        | Property::ValidateCertificateName
        | Property::CircuitBreaker => ["true", "false", "true"],
    };
    let is_bool = match property {
        Property::ValidateCertificateChain | Property::ValidateCertificateName => true,
        Property::Url
        | Property::ProxyUrl
        | Property::Title
        | Property::Description
        | Property::CircuitBreaker => false,
    };
    select(texts.to_vec())
        .prop_map(move |text| if is_bool { text.parse().unwrap() } else { Json::from(text) })
}

/// A property's value as its owner leaves it.
fn value(property: Property) -> BoxedStrategy<Value> {
    match property {
        Property::CircuitBreaker => breaker().boxed(),
        Property::Url | Property::ProxyUrl => json(property).prop_map(Value::Json).boxed(),
        Property::ValidateCertificateChain
        | Property::ValidateCertificateName
        | Property::Title
        | Property::Description => prop_oneof![
            1 => Just(Value::Absent),
            1 => Just(Value::Null),
            4 => json(property).prop_map(Value::Json),
        ]
        .boxed(),
    }
}

/// A Single, of which now and then a property is not to be touched.
pub(crate) fn single() -> impl Strategy<Value = Body> {
    let property =
        |property| option::weighted(0.9, value(property).prop_map(move |is| (property, is)));
    Property::ALL
        .map(property)
        .prop_map(|properties| Single::new(properties.into_iter().flatten()).into())
}

/// A Single that a pool may be turned into.
pub(crate) fn plain() -> Body {
    let value = |property| match property {
        Property::Url => Some(Value::Json(Json::from("https://eu.example.com"))),
        Property::ProxyUrl => None,
        Property::CircuitBreaker
        | Property::ValidateCertificateChain
        | Property::ValidateCertificateName
        | Property::Title
        | Property::Description => Some(Value::Absent),
    };
    Single::new(Property::ALL.into_iter().filter_map(|one| Some((one, value(one)?)))).into()
}

fn tighten() -> impl Strategy<Value = Tighten> {
    let time = || option::of(select(TIMES.to_vec()).prop_map(SignedDuration::from_secs));
    let failures = prop_oneof![
        3 => select(vec![1_u16, 3, 4, 10, 1_000]).prop_map(|count| (Some(count), None)),
        2 => select(vec![1_u8, 10, 30, 100]).prop_map(|part| (None, Some(part))),
        1 => (1_u16..20, 1_u8..=100).prop_map(|(count, part)| (Some(count), Some(part))),
    ];
    (failures, time(), time(), prop::bool::weighted(0.2)).prop_map(
        |((count, percentage), interval, trip, accept_retry_after)| Tighten {
            count,
            percentage,
            interval,
            trip,
            accept_retry_after,
        },
    )
}

fn set() -> impl Strategy<Value = BTreeMap<Property, Json>> {
    let settable = prop_oneof![
        4 => Just(Property::Url),
        1 => Just(Property::ValidateCertificateChain),
        1 => Just(Property::ValidateCertificateName),
        1 => Just(Property::ProxyUrl),
        2 => Just(Property::Title),
        1 => Just(Property::Description),
    ];
    let pair = settable.prop_flat_map(|property| (Just(property), json(property)));
    prop::collection::vec(pair, 1..=3).prop_map(|pairs| pairs.into_iter().collect())
}

/// What an override does to a Single.
pub(crate) fn effect() -> impl Strategy<Value = Effect> {
    prop_oneof![
        3 => tighten().prop_map(Effect::Breaker),
        2 => set().prop_map(Effect::Set),
    ]
}

/// An effect as the playbook writes it.
pub(crate) fn line(effect: &Effect) -> String {
    let mut said = vec!["backend: one".to_owned()];
    if let Effect::Breaker(tighten) = effect {
        let Tighten { count, percentage, interval, trip, accept_retry_after } = tighten;
        said.extend(count.map(|count| format!("count: {count}")));
        said.extend(percentage.map(|percentage| format!("percentage: {percentage}")));
        said.extend(interval.map(|interval| format!("interval: {}s", interval.as_secs())));
        said.extend(trip.map(|trip| format!("trip: {trip}")));
        said.extend(accept_retry_after.then(|| "acceptRetryAfter: true".to_owned()));
    }
    if let Effect::Set(properties) = effect {
        let mut tls = Vec::new();
        for (property, value) in properties {
            match property {
                Property::ValidateCertificateChain => {
                    tls.push(format!("validateCertificateChain: {value}"));
                }
                Property::ValidateCertificateName => {
                    tls.push(format!("validateCertificateName: {value}"));
                }
                Property::ProxyUrl => said.push(format!("proxy: {{url: {value}}}")),
                Property::Url
                | Property::Title
                | Property::Description
                | Property::CircuitBreaker => said.push(format!("{property}: {value}")),
            }
        }
        if !tls.is_empty() {
            said.push(format!("tls: {{{}}}", tls.join(", ")));
        }
    }
    format!("      - {}: {{{}}}\n", effect.keyword(), said.join(", "))
}

/// What someone else does to a Single.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    /// A property gets a value.
    Set(Property, Value),
    /// The rule is renamed, and is otherwise as it is shown, whoever wrote it.
    Rename,
    /// The rule is taken out, and the rest of the breaker stays.
    RemoveRule,
    /// A property is not to be touched any more; or, where it was not, may be, with this value.
    Withhold(Property, Value),
}

pub(crate) fn foreign() -> impl Strategy<Value = Change> {
    let set = |one| value(one).prop_map(move |value| Change::Set(one, value));
    let withhold = |one| value(one).prop_map(move |value| Change::Withhold(one, value));
    prop_oneof![
        3 => set(Property::CircuitBreaker),
        2 => set(Property::Url),
        3 => select(Property::ALL.to_vec()).prop_flat_map(set),
        2 => Just(Change::Rename),
        1 => Just(Change::RemoveRule),
        1 => select(Property::ALL.to_vec()).prop_flat_map(withhold),
    ]
}

impl Change {
    /// What it comes to for a backend that shows this; nothing where there is nothing to change.
    pub(crate) fn of(&self, shown: &Body) -> Option<Foreign> {
        let field = Field::Property(Property::CircuitBreaker);
        let breaker = |change: &dyn Fn(&str) -> String| {
            let text = shown.get(&field)?.json()?.as_str().to_owned();
            let changed = change(&text).parse().ok()?;
            Some(Foreign::Set(field.clone(), Value::Json(changed)))
        };
        match self {
            Self::Set(property, value) => {
                Some(Foreign::Set(Field::Property(*property), value.clone()))
            }
            // Only names stand before `"` with these letters.
            Self::Rename => breaker(&|text| text.replace("\"name\":\"", "\"name\":\"x")),
            Self::RemoveRule => breaker(&|text| {
                let more = if text.contains("\"more\"") { ",\"more\":{\"a\":null}" } else { "" };
                format!("{{\"rules\":[]{more}}}")
            }),
            Self::Withhold(property, value) => Some(match shown.get(&Field::Property(*property)) {
                Some(_) => Foreign::Withhold(*property),
                None => Foreign::Show(*property, value.clone()),
            }),
        }
    }
}
