use std::fmt::Write as _;

use expect_test::{Expect, expect};
use jiff::Timestamp;

use super::*;
use crate::{
    claim::Asked,
    fraction::Fraction,
    id::OverrideId,
    lay::lay as lay_all,
    lease::{Lease, Until},
    limits::Terms,
    names::PlayName,
    origin::Origin,
    overrides::Override,
    shown::Shown,
    signal::{SeriesId, Severity},
};

fn over(name: &str, severity: Severity, effect: Effect) -> Override {
    let play: PlayName = name.parse().unwrap();
    let asked = Asked {
        generation: 1,
        effect,
        lease: Lease {
            until: Until::For(jiff::SignedDuration::from_mins(1)),
            hold: jiff::SignedDuration::ZERO,
            ramp: Vec::new(),
            every: jiff::SignedDuration::ZERO,
        },
        after: Vec::new(),
        alert: Shown::default(),
        severity,
        started: Timestamp::UNIX_EPOCH,
        silent: None,
        since: Timestamp::UNIX_EPOCH,
    };
    let series = SeriesId::of_command(&crate::id::MessageId::derive(&[name]));
    let id = OverrideId::derive(&[name]);
    Override::new(id, Origin::Alert { play }, &series, &asked, Timestamp::UNIX_EPOCH)
}

fn count(count: u16) -> Effect {
    Effect::Breaker(Tighten { count: Some(count), ..Tighten::default() })
}

fn set(property: Property, text: &str) -> Effect {
    Effect::Set([(property, Json::from(text))].into())
}

fn owner() -> Single {
    let rule = r#"{"rules":[{"name":"mine","failureCondition":{"count":10}}]}"#;
    Single::new([
        (Property::CircuitBreaker, Value::Json(rule.parse().unwrap())),
        (Property::Url, Value::Json("https://eu".into())),
        (Property::Title, Value::Absent),
    ])
}

fn check(overrides: &[Override], yielded: &Yielded, expected: &Expect) {
    let contributions: Vec<_> =
        overrides.iter().map(|over| Contribution::of(over, Fraction::NONE)).collect();
    let laid = lay_all(&owner().into(), &Terms::default(), &contributions, yielded);
    let name = |id: &OverrideId| {
        let found = overrides.iter().find(|over| over.id == *id);
        found.and_then(|over| over.origin.play()).map_or("?", PlayName::as_str)
    };
    let mut said = String::new();
    for (field, value) in &laid.values {
        let asked = laid.why[field].asked.iter();
        let asked = asked.map(|one| format!("{} {:?}", name(&one.by), one.fate));
        let asked = asked.collect::<Vec<_>>().join(", ");
        writeln!(said, "{field} {value} ({asked})").unwrap();
    }
    for (id, held) in &laid.held {
        writeln!(said, "{} is held: {held}", name(id)).unwrap();
    }
    for id in &laid.yielded {
        writeln!(said, "{} has yielded", name(id)).unwrap();
    }
    expected.assert_eq(&said);
}

#[test]
fn of_a_breaker_the_tightest_counts_and_of_anything_else_the_strongest() {
    use Severity::{Critical, Warning};
    let overrides = [
        over("slow", Warning, count(3)),
        over("bad", Critical, count(7)),
        over("loose", Warning, count(20)),
        over("twin", Warning, set(Property::Url, "https://us")),
        over("worse", Critical, set(Property::Url, "https://na")),
    ];
    check(
        &overrides,
        &Yielded::new(),
        &expect![[r#"
            circuitBreaker mine (count 3) (bad Decides, loose Agrees, slow Decides)
            url "https://na" (worse Decides, twin Loses)
        "#]],
    );
}

#[test]
fn what_is_not_there_is_not_set_and_what_was_given_up_stays_given_up() {
    let drain = Effect::Drain { member: "eu".parse().unwrap() };
    let overrides = [
        over("proxy", Severity::Warning, set(Property::ProxyUrl, "http://proxy")),
        over("drain", Severity::Warning, drain),
        over("given-up", Severity::Warning, set(Property::Url, "https://us")),
        over("title", Severity::Warning, set(Property::Title, "Twin")),
    ];
    let yielded =
        [(Field::Property(Property::Url), [OverrideId::derive(&["given-up"])].into())].into();
    check(
        &overrides,
        &yielded,
        &expect![[r#"
        title "Twin" (title Decides)
        drain is held: the backend is not a pool
        proxy is held: the backend has no proxy, or its `proxy.url` may hold a secret
        given-up has yielded
    "#]],
    );
}
