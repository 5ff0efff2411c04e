//! What survives: everything that nobody meant to change, to the letter.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::any;
use super::breaker::{Breaker, Threshold};
use super::scalar::{Period, Title};
use super::*;
use crate::pool::Setting;
use crate::put::Draft;
use crate::raw::{self, Fields};

fn parsed(text: &str) -> Document {
    Document::parse(text.to_owned()).unwrap()
}

/// Every leaf by its path, as it is written.
fn leaves(text: &str) -> BTreeMap<String, String> {
    fn walk(path: &str, text: &str, into: &mut BTreeMap<String, String>) {
        let fields: Result<Fields<'_>, _> = serde_json::from_str(text);
        if let Ok(Fields(fields)) = fields {
            into.insert(format!("{path}{{}}"), String::new());
            for (key, value) in fields {
                walk(&format!("{path}.{key}"), value.get(), into);
            }
        } else if text.starts_with('[') {
            into.insert(format!("{path}[]"), String::new());
            for (at, item) in raw::items(text).into_iter().enumerate() {
                walk(&format!("{path}[{at}]"), item, into);
            }
        } else {
            into.insert(path.to_owned(), text.to_owned());
        }
    }
    let mut into = BTreeMap::new();
    walk("", text, &mut into);
    into
}

/// What an owner changes, and where it shows.
#[derive(Debug, Clone)]
enum Owned {
    Title(String),
    Description(Option<String>),
    Url(String),
    Soap,
    Weight(usize, Setting),
    Priority(usize, Setting),
    LastMember,
    Trip(u64),
    Percentage(u8),
    Reasons(Vec<String>),
    Chain(Option<bool>),
    Password(String),
    Parameter(String),
    Header(String),
    Certificates(usize),
    Retries(i32),
    NoProxy,
    NoBreaker,
}

fn owned() -> impl Strategy<Value = Owned> {
    let setting = prop_oneof![
        Just(Setting::Absent),
        Just(Setting::Null),
        (0..=100u8).prop_map(Setting::Number)
    ];
    prop_oneof![
        "[a-z]{1,9}".prop_map(Owned::Title),
        proptest::option::of("[a-zé\"]{1,9}").prop_map(Owned::Description),
        "[a-z]{1,9}".prop_map(Owned::Url),
        Just(Owned::Soap),
        (0..5usize, setting.clone()).prop_map(|(at, to)| Owned::Weight(at, to)),
        (0..5usize, setting).prop_map(|(at, to)| Owned::Priority(at, to)),
        Just(Owned::LastMember),
        (1..9_999u64).prop_map(Owned::Trip),
        (1..=100u8).prop_map(Owned::Percentage),
        proptest::collection::vec("[a-z]{0,5}", 1..4).prop_map(Owned::Reasons),
        any::<Option<bool>>().prop_map(Owned::Chain),
        "[a-z]{1,9}".prop_map(Owned::Password),
        "[a-z]{1,9}".prop_map(Owned::Parameter),
        "[a-z]{1,9}".prop_map(Owned::Header),
        (0..4usize).prop_map(Owned::Certificates),
        any::<i32>().prop_map(Owned::Retries),
        Just(Owned::NoProxy),
        Just(Owned::NoBreaker),
    ]
}

/// Changes it, and tells what may differ by it; none where there is nothing to change.
fn change(properties: &mut Properties, owned: &Owned) -> Option<Vec<String>> {
    const CONDITION: &str = ".properties.circuitBreaker.rules[0].failureCondition";
    let rule = |shape: &mut Shape, f: &dyn Fn(&mut Breaker)| match shape {
        Shape::Single { breaker: Some(breaker), .. } => f(breaker),
        Shape::Single { breaker: None, .. } | Shape::Pool(_) => {}
    };
    let path = match owned {
        Owned::Title(to) => {
            properties.title = Some(to.parse::<Title>().unwrap());
            ".properties.title".to_owned()
        }
        Owned::Description(to) => {
            properties.description = to.as_ref().map(|to| to.parse().unwrap());
            ".properties.description".to_owned()
        }
        Owned::Url(to) => {
            let Shape::Single { url, .. } = &mut properties.shape else { return None };
            *url = to.parse().unwrap();
            ".properties.url".to_owned()
        }
        Owned::Soap => {
            let Shape::Single { protocol, .. } = &mut properties.shape else { return None };
            *protocol = connection::Protocol::Soap;
            ".properties.protocol".to_owned()
        }
        Owned::Weight(at, to) => {
            let Shape::Pool(members) = &mut properties.shape else { return None };
            let mut all = members.all().to_vec();
            all.get_mut(*at)?.weight = *to;
            *members = Members::new(all).unwrap();
            format!(".properties.pool.services[{at}].weight")
        }
        Owned::Priority(at, to) => {
            let Shape::Pool(members) = &mut properties.shape else { return None };
            let mut all = members.all().to_vec();
            all.get_mut(*at)?.priority = *to;
            *members = Members::new(all).unwrap();
            format!(".properties.pool.services[{at}].priority")
        }
        Owned::LastMember => {
            let Shape::Pool(members) = &mut properties.shape else { return None };
            let mut all = members.all().to_vec();
            all.pop();
            let last = all.len();
            *members = Members::new(all).ok()?;
            format!(".properties.pool.services[{last}]")
        }
        Owned::Percentage(to) => {
            rule(&mut properties.shape, &|breaker| {
                let threshold = Threshold::Percentage((*to).try_into().unwrap());
                breaker.rules.iter_mut().for_each(|rule| rule.condition.threshold = threshold);
            });
            // The count goes where the percentage comes.
            return Some(["count", "percentage"].map(|key| format!("{CONDITION}.{key}")).into());
        }
        Owned::Reasons(to) => {
            let reasons: Vec<_> = to.iter().map(|reason| reason.parse().unwrap()).collect();
            rule(&mut properties.shape, &|breaker| {
                for rule in &mut breaker.rules {
                    rule.condition.failures.reasons.clone_from(&reasons);
                }
            });
            format!("{CONDITION}.errorReasons")
        }
        Owned::Parameter(to) => {
            let authorization = properties.credentials.as_mut()?.authorization.as_mut()?;
            let secret = crate::Secret::new(to.as_str());
            authorization.parameter = scalar::Parameter::new(secret).unwrap();
            ".properties.credentials.authorization.parameter".to_owned()
        }
        Owned::Header(to) => {
            let header = properties.credentials.as_mut()?.header.as_mut()?;
            header.0.insert("new header".to_owned(), vec![crate::Secret::new(to.as_str())]);
            ".properties.credentials.header.new header".to_owned()
        }
        Owned::Certificates(count) => {
            let all = vec![crate::Secret::new("c"); *count];
            properties.credentials.as_mut()?.certificates = Some(all);
            ".properties.credentials.certificate".to_owned()
        }
        Owned::Retries(to) => {
            properties.cluster.as_mut()?.max_partition_resolution_retries = Some(*to);
            ".properties.properties.serviceFabricCluster.maxPartitionResolutionRetries".to_owned()
        }
        Owned::NoProxy => {
            properties.proxy = None;
            ".properties.proxy".to_owned()
        }
        Owned::Trip(seconds) => {
            let trip = Some(Period(std::time::Duration::from_secs(*seconds)));
            rule(&mut properties.shape, &|breaker| {
                breaker.rules.iter_mut().for_each(|rule| rule.trip = trip);
            });
            ".properties.circuitBreaker.rules[0].tripDuration".to_owned()
        }
        Owned::Chain(to) => {
            properties.tls.as_mut()?.validate_certificate_chain = *to;
            ".properties.tls.validateCertificateChain".to_owned()
        }
        Owned::Password(to) => {
            properties.proxy.as_mut()?.password = Some(crate::Secret::new(to.as_str()));
            ".properties.proxy.password".to_owned()
        }
        Owned::NoBreaker => {
            let Shape::Single { breaker, .. } = &mut properties.shape else { return None };
            *breaker = None;
            ".properties.circuitBreaker".to_owned()
        }
    };
    Some(vec![path])
}

/// Whether it is there, or something in there.
fn is_in(at: &str, path: &str) -> bool {
    at.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[', '{']))
}

proptest! {
    #[test]
    fn any_document_within_the_bounds_survives_parse_and_print(text in any::document()) {
        prop_assert_eq!(problems(&text), "");
        let document = parsed(&text);
        let properties = read(&document).unwrap();
        let printed = write_into(&document, &properties).unwrap();
        prop_assert_eq!(printed.body(), &text);
        // What is sent is what was written.
        let draft = Draft::of(document).unwrap();
        prop_assert_eq!(draft.document().body(), &text);
    }

    #[test]
    fn a_read_modify_write_changes_only_what_was_owned(text in any::document(), owned in owned()) {
        let document = parsed(&text);
        let mut properties = read(&document).unwrap();
        let Some(paths) = change(&mut properties, &owned) else { return Ok(()) };
        let after = write_into(&document, &properties).unwrap();
        // It says what it was told to,
        prop_assert_eq!(read(&after).unwrap(), properties);
        // and everything else is where it was, to the letter.
        let rest = |text: &str| -> BTreeMap<String, String> {
            leaves(text)
                .into_iter()
                .filter(|(at, _)| !paths.iter().any(|path| is_in(at, path)))
                .collect()
        };
        prop_assert_eq!(rest(std::str::from_utf8(after.body()).unwrap()), rest(&text));
    }

    #[test]
    fn what_is_made_of_values_alone_is_read_again(text in any::document()) {
        let properties = read(&parsed(&text)).unwrap();
        let made = document(&properties).unwrap();
        prop_assert_eq!(&read(&made).unwrap(), &properties);
        prop_assert!(Draft::new(&properties).is_ok());
        // Over the other kind too: what it was before does not shine through.
        let single = parsed(r#"{"properties":{"type":"Single","url":"u","protocol":"http","circuitBreaker":{}}}"#);
        let pool = parsed(r#"{"properties":{"type":"Pool","pool":{"services":[{"id":"a"}]}}}"#);
        for other in [single, pool] {
            let over = write_into(&other, &properties).unwrap();
            prop_assert_eq!(&read(&over).unwrap(), &properties);
        }
    }

    #[test]
    fn any_json_is_judged(text in any::unknown(), at in proptest::sample::select(vec![
        "title", "url", "protocol", "type", "pool", "circuitBreaker", "credentials", "proxy", "tls",
        "properties", "resourceId",
    ])) {
        let body = format!(r#"{{"properties":{{"{at}":{text}}}}}"#);
        let value: Value = serde_json::from_str(&body).unwrap();
        for purpose in [Purpose::Whole, Purpose::Patch] {
            for problem in validate(&value, purpose) {
                prop_assert!(problem.path().starts_with("properties"), "{}", problem);
            }
        }
    }
}

#[test]
fn a_threshold_is_one_of_two() {
    let text = condition(r#""count": 5 , "x":1.50,"errorReasons":["timeout"]"#);
    let document = parsed(&text);
    let mut properties = read(&document).unwrap();
    let Shape::Single { breaker: Some(breaker), .. } = &mut properties.shape else { panic!() };
    breaker.rules[0].condition.threshold = Threshold::Percentage(7.try_into().unwrap());
    let after = write_into(&document, &properties).unwrap();
    expect_test::expect![[r#"{"properties":{"url":"https://a.example","protocol":"http","circuitBreaker":{"rules":[{"failureCondition":{ "x":1.50,"errorReasons":["timeout"],"percentage":7}}]}}}"#]].assert_eq(std::str::from_utf8(after.body()).unwrap());
}

#[test]
fn items_are_found_by_their_name_and_keep_what_is_unknown() {
    let document = parsed(&pool(
        r#"[{"id":"/backends/eu","weight":50,"carbon":1.50},{"id":"US","later":{ }}]"#,
    ));
    let mut properties = read(&document).unwrap();
    let Shape::Pool(members) = &mut properties.shape else { panic!() };
    let mut all = members.all().to_vec();
    all.reverse();
    all[1].weight = Setting::Number(0);
    all.push(members::Member {
        id: "/backends/asia".parse().unwrap(),
        weight: Setting::Null,
        priority: Setting::Number(1),
    });
    *members = Members::new(all).unwrap();
    let after = write_into(&document, &properties).unwrap();
    expect_test::expect![[r#"{"properties":{"type":"Pool","pool":{"services":[{"id":"US","later":{ }},{"id":"/backends/eu","weight":0,"carbon":1.50},{"id":"/backends/asia","weight":null,"priority":1}]}}}"#]].assert_eq(std::str::from_utf8(after.body()).unwrap());
}

#[test]
fn of_two_with_one_name_each_keeps_its_own() {
    let text = pool(r#"[{"id":"eu","first":1.50},{"id":"/backends/EU","second":2.50}]"#);
    let document = parsed(&text);
    let mut properties = read(&document).unwrap();
    let Shape::Pool(members) = &mut properties.shape else { panic!() };
    let mut all = members.all().to_vec();
    all[0].weight = Setting::Number(1);
    all[1].weight = Setting::Number(2);
    *members = Members::new(all).unwrap();
    let after = write_into(&document, &properties).unwrap();
    let services =
        r#"[{"id":"eu","first":1.50,"weight":1},{"id":"/backends/EU","second":2.50,"weight":2}]"#;
    assert_eq!(after.body(), &pool(services));
}

#[test]
fn a_header_goes_and_the_others_stay() {
    let headers = |headers: &str| single(&format!(r#""credentials":{{"header":{{{headers}}}}}"#));
    let document = parsed(&headers(r#""x-a" : [ "1" ],"x-b":["2"] , "x-c":[ "\u0033" ]"#));
    let mut properties = read(&document).unwrap();
    let header = properties.credentials.as_mut().unwrap().header.as_mut().unwrap();
    header.0.remove("x-b");
    header.0.insert("x-d".to_owned(), vec![crate::Secret::new("4")]);
    let after = write_into(&document, &properties).unwrap();
    let left = headers(r#""x-a" : [ "1" ] , "x-c":[ "\u0033" ],"x-d":["4"]"#);
    assert_eq!(after.body(), &left);
}
