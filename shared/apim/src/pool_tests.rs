use expect_test::{Expect, expect};
use proptest::prelude::*;

use serde_json::Value;

use super::*;
use crate::patch::merge;
use crate::raw::Fields;
use crate::testing::{SERVICE, backend, pool};

fn check(services: &str, expected: &Expect) {
    let backend = pool(services);
    let shown = match backend.pool() {
        Ok(pool) => pool
            .all()
            .iter()
            .map(|m| format!("{} weight {} priority {}", m.id.name(), m.weight, m.priority))
            .collect::<Vec<_>>()
            .join("\n"),
        Err(error) => error.to_string(),
    };
    expected.assert_eq(&shown);
}

#[test]
fn members_in_their_order() {
    check(
        &format!(
            r#"[{{"id":"{SERVICE}/backends/us","weight":100,"priority":0}},
                {{"id":"/backends/eu","weight":0}},{{"id":"asia","priority":null}}]"#
        ),
        &expect![[r#"
            us weight 100 priority 0
            eu weight 0 priority absent
            asia weight absent priority null"#]],
    );
}

#[test]
fn what_is_out_of_bounds_is_named() {
    check("[]", &expect!["properties.pool.services has 0 items: it must have 1 to 30"]);
    check("null", &expect!["properties.pool.services is missing: a pool has at least one"]);
    check("7", &expect!["properties.pool.services is 7: it must be an array"]);
    check(
        &format!("[{}]", [r#"{"id":"a"}"#; 31].join(",")),
        &expect!["properties.pool.services has 31 items: it must have 1 to 30"],
    );
    check(r#"[{"id":"a"},7]"#, &expect!["properties.pool.services[1] is 7: it must be an object"]);
    check(
        r#"[{"weight":1}]"#,
        &expect!["properties.pool.services[0].id is missing: a member is named by it"],
    );
    check(
        r#"[{"id":null}]"#,
        &expect!["properties.pool.services[0].id is missing: a member is named by it"],
    );
    check(
        r#"[{"id":"/backends/"}]"#,
        &expect![[
            r#"properties.pool.services[0].id is "/backends/": it must be an id that ends in the name of a backend"#
        ]],
    );
    check(
        r#"[{"id":"a","weight":101}]"#,
        &expect!["properties.pool.services[0].weight is 101: it must be 0 to 100"],
    );
    check(
        r#"[{"id":"a","weight":-1}]"#,
        &expect!["properties.pool.services[0].weight is -1: it must be 0 to 100"],
    );
    check(
        r#"[{"id":"a","weight":50.0}]"#,
        &expect!["properties.pool.services[0].weight is 50.0: it must be 0 to 100"],
    );
    check(
        r#"[{"id":"a"},{"id":"b","priority":"1"}]"#,
        &expect![[r#"properties.pool.services[1].priority is "1": it must be 0 to 100"#]],
    );
    check(
        r#"[{"id":"a","priority":[1]}]"#,
        &expect!["properties.pool.services[0].priority is an array: it must be 0 to 100"],
    );
}

#[test]
fn a_single_has_no_pool() {
    for body in [r#"{"properties":{"url":"https://a"}}"#, r#"{"properties":{"pool":null}}"#, "{}"] {
        let error = backend(body).pool().unwrap_err();
        assert_eq!(error.to_string(), "properties.pool is missing: a Pool needs it");
    }
}

fn name(text: &str) -> BackendName {
    text.parse().unwrap()
}

/// Edits the weights of a pool, and shows the patch.
fn edit(services: &str, edits: &[(&str, &str, Setting)], expected: &Expect) {
    let backend = pool(services);
    let mut edit = Edit::of(&backend).unwrap();
    let mut problems = String::new();
    for (member, field, to) in edits {
        let set = match *field {
            "weight" => edit.weight(&name(member), *to),
            _ => edit.priority(&name(member), *to),
        };
        if let Err(error) = set {
            problems.push_str(&format!("{error}\n"));
        }
    }
    let shown = match edit.finish() {
        Edited::Changed(patch) => String::from_utf8(patch.bytes().to_vec()).unwrap(),
        Edited::Unchanged => "unchanged".to_owned(),
    };
    expected.assert_eq(&format!("{problems}{shown}"));
}

#[test]
fn edits() {
    use Setting::{Absent, Null, Number};
    let services = r#"[{"weight" : 50, "id":"/backends/eu", "x":{"n":1.50}},{"id":"/backends/us","priority":null}]"#;
    edit(
        services,
        &[("eu", "weight", Number(0))],
        &expect![[
            r#"{"properties":{"pool":{"services":[{"weight" : 0, "id":"/backends/eu", "x":{"n":1.50}},{"id":"/backends/us","priority":null}]}}}"#
        ]],
    );
    edit(
        services,
        &[("EU", "weight", Absent), ("us", "weight", Null)],
        &expect![[
            r#"{"properties":{"pool":{"services":[{ "id":"/backends/eu", "x":{"n":1.50}},{"id":"/backends/us","priority":null,"weight":null}]}}}"#
        ]],
    );
    edit(
        services,
        &[("us", "priority", Number(1)), ("us", "weight", Number(100))],
        &expect![[
            r#"{"properties":{"pool":{"services":[{"weight" : 50, "id":"/backends/eu", "x":{"n":1.50}},{"id":"/backends/us","priority":1,"weight":100}]}}}"#
        ]],
    );
    // What is already so, and what goes there and back, is no change.
    edit(
        services,
        &[("eu", "weight", Number(50)), ("us", "priority", Null)],
        &expect!["unchanged"],
    );
    edit(services, &[("us", "weight", Number(7)), ("us", "weight", Absent)], &expect!["unchanged"]);
    edit(
        services,
        &[("asia", "weight", Number(1)), ("eu", "weight", Number(101))],
        &expect![[r#"
            the pool has no member asia
            the weight of eu is 101: it must be 0 to 100
            unchanged"#]],
    );
    edit(
        r#"[{"id":"/backends/eu"},{"id":"EU"}]"#,
        &[("eu", "weight", Number(1))],
        &expect![[r#"
        the pool has eu more than once
        unchanged"#]],
    );
}

#[test]
fn a_repeated_key_is_not_edited() {
    let backend = pool(r#"[{"id":"a","weight":1,"weight":2}]"#);
    expect!["properties.pool.services has a key twice, so that which one counts cannot be known"]
        .assert_eq(&Edit::of(&backend).unwrap_err().to_string());
}

/// A JSON value as a text, as somebody else may write it.
fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        any::<i64>().prop_map(|n| n.to_string()),
        // Spellings that a tree of numbers would not give back.
        proptest::sample::select(vec![
            "1.50",
            "-0",
            "1e2",
            "0.1000000000000000055",
            "123456789012345678901234567890",
            "5E-7",
        ])
        .prop_map(str::to_owned),
        "[a-zé \\u{1F600}]{0,8}".prop_map(|text| Value::String(text).to_string()),
        Just(r#""\u0041\/\t""#.to_owned()),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3)
                .prop_map(|items| format!("[ {}]", items.join(" ,"))),
            proptest::collection::btree_map("[a-z]{1,4}", inner, 0..3).prop_map(|fields| {
                let fields = fields.iter().map(|(key, value)| format!("\"{key}\" :\t{value}"));
                format!("{{{}}}", fields.collect::<Vec<_>>().join(",\n"))
            }),
        ]
    })
}

fn setting() -> impl Strategy<Value = Setting> {
    prop_oneof![Just(Setting::Absent), Just(Setting::Null), (0..=100u8).prop_map(Setting::Number),]
}

/// The fields of a member besides its id, weight and priority anywhere among them.
fn member() -> impl Strategy<Value = Vec<(String, String)>> {
    let extra = proptest::collection::btree_map("[c-h][a-z]{2,5}", json(), 0..4);
    (extra, setting(), setting()).prop_flat_map(|(extra, weight, priority)| {
        let mut fields: Vec<(String, String)> = extra.into_iter().collect();
        for (key, set) in [("weight", weight), ("priority", priority)] {
            if set != Setting::Absent {
                fields.push((key.to_owned(), set.to_string()));
            }
        }
        Just(fields).prop_shuffle()
    })
}

fn print(members: &[Vec<(String, String)>]) -> String {
    let members = members.iter().enumerate().map(|(at, fields)| {
        let id = format!("\"id\":\"/backends/m{at}\"");
        let fields = fields.iter().map(|(key, value)| format!("\"{key}\": {value}"));
        format!("{{{}}}", std::iter::once(id).chain(fields).collect::<Vec<_>>().join(", "))
    });
    format!("[{}]", members.collect::<Vec<_>>().join(","))
}

fn rows(patch: &[u8]) -> Vec<Vec<(String, String)>> {
    let rows: Vec<Fields<'_>> =
        serde_json::from_str(raw::at(std::str::from_utf8(patch).unwrap(), &SERVICES).unwrap())
            .unwrap();
    rows.into_iter()
        .map(|Fields(fields)| {
            fields.into_iter().map(|(key, raw)| (key, raw.get().to_owned())).collect()
        })
        .collect()
}

fn is_owned(key: &str) -> bool {
    key == "weight" || key == "priority"
}

#[test]
fn the_whole_with_other_members_keeps_its_letter_and_is_within_the_bounds() {
    let before = backend(
        r#"{"id":"/x/backends/chat", "name":"chat","properties":{"title":null,"url":null,"protocol":null,
            "type":"Pool","later":1.50,"pool":{"services":[{"id":"/backends/m0","weight":0 , "x":1e2},
            {"id":"/backends/m1"}], "later":null}}}"#,
    );
    let mut edit = Edit::of(&before).unwrap();
    edit.weight(&name("m0"), Setting::Absent).unwrap();
    let whole = edit.whole(&before).unwrap();
    let text = std::str::from_utf8(whole.document().body()).unwrap();
    expect![[r#"
        {"id":"/x/backends/chat", "name":"chat","properties":{"title":null,"url":null,"protocol":null,
                    "type":"Pool","later":1.50,"pool":{"services":[{"id":"/backends/m0" , "x":1e2},{"id":"/backends/m1"}], "later":null}}}"#]]
    .assert_eq(text);
    let twice = backend(
        r#"{"properties":{"x":1,"x":2,"pool":{"services":[{"id":"/backends/m0","weight":0}]}}}"#,
    );
    let refused = Edit::of(&twice).unwrap().whole(&twice).unwrap_err();
    assert!(refused.to_string().contains("properties.x is in it twice"), "{refused}");
}

proptest! {
    #[test]
    fn a_read_modify_write_changes_only_what_was_edited(
        members in proptest::collection::vec(member(), 1..5),
        edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<bool>(), setting()), 0..6),
        beside in json(),
    ) {
        let body = format!(
            r#"{{"beside":{beside},"properties":{{"title":null,"pool":{{"later":{beside},"services":{}}},"x":{beside}}}}}"#,
            print(&members),
        );
        let before = backend(body);
        let pool = before.pool().unwrap();
        let mut wanted: Vec<[Setting; 2]> =
            pool.all().iter().map(|m| [m.weight, m.priority]).collect();
        let original = wanted.clone();

        let mut edit = Edit::of(&before).unwrap();
        for (index, priority, to) in edits {
            let at = index.index(members.len());
            let member = name(&format!("M{at}"));
            if priority {
                edit.priority(&member, to).unwrap();
            } else {
                edit.weight(&member, to).unwrap();
            }
            wanted[at][usize::from(priority)] = to;
        }
        // What replaces the whole has the same members, and all else to the letter.
        let whole = edit.whole(&before);
        let patch = match edit.finish() {
            Edited::Unchanged => {
                prop_assert_eq!(&wanted, &original);
                return Ok(());
            }
            Edited::Changed(patch) => patch,
        };
        prop_assert_ne!(&wanted, &original);

        // In the patch, every field that is not owned stands where it stood, to the letter.
        let rest = |rows: Vec<Vec<(String, String)>>| -> Vec<Vec<(String, String)>> {
            rows.into_iter()
                .map(|row| row.into_iter().filter(|(key, _)| !is_owned(key)).collect())
                .collect()
        };
        prop_assert_eq!(rest(rows(patch.bytes())), rest(rows(before.body())));

        // Once the service has merged it, the pool is as wanted and all else as it was.
        let mut merged = before.raw().clone();
        merge(&mut merged, &serde_json::from_slice(patch.bytes()).unwrap());
        let after = backend(merged.to_string());
        let found: Vec<[Setting; 2]> =
            after.pool().unwrap().all().iter().map(|m| [m.weight, m.priority]).collect();
        prop_assert_eq!(&found, &wanted);
        let blank = |value: &Value| {
            let mut value = value.clone();
            value["properties"]["pool"]["services"] = Value::Null;
            value
        };
        prop_assert_eq!(blank(after.raw()), blank(&merged));
        prop_assert_eq!(blank(&merged), blank(before.raw()));
        if let Ok(whole) = whole {
            prop_assert_eq!(whole.document().raw(), after.raw());
        }
    }

    #[test]
    fn putting_back_gives_back_the_letter(members in proptest::collection::vec(member(), 1..4), to in setting()) {
        let before = pool(&print(&members));
        let original = before.pool().unwrap().member(&name("m0")).unwrap().weight;
        prop_assume!(original != Setting::Absent && to != Setting::Absent && original != to);

        let mut there = Edit::of(&before).unwrap();
        there.weight(&name("m0"), to).unwrap();
        let Edited::Changed(patch) = there.finish() else { panic!("nothing changed") };
        let drained = backend(patch.bytes().clone());
        let mut back = Edit::of(&drained).unwrap();
        back.weight(&name("m0"), original).unwrap();
        let Edited::Changed(patch) = back.finish() else { panic!("nothing changed") };
        prop_assert_eq!(rows(patch.bytes()), rows(before.body()));
    }
}

/// A backend beside the pool.
fn beside(name: &str) -> BackendId {
    format!("{SERVICE}/backends/{name}").parse().unwrap()
}

/// The patch of members added and removed; and whether there is one.
fn reseat(services: &str, change: impl FnOnce(&mut Edit<'_>), expected: &Expect) {
    let backend = pool(services);
    let mut edit = Edit::of(&backend).unwrap();
    change(&mut edit);
    expected.assert_eq(&match edit.finish() {
        Edited::Changed(patch) => String::from_utf8(patch.bytes().to_vec()).unwrap(),
        Edited::Unchanged => "unchanged".to_owned(),
    });
}

const TWO: &str =
    r#"[{"id":"/backends/eu","weight" : 70,"new":{"a":1}}, {"id":"us","priority":null}]"#;

#[test]
fn a_member_is_added_at_the_end_and_the_others_stay_to_the_letter() {
    reseat(
        TWO,
        |edit| {
            edit.add(&beside("reserve"), Setting::Number(50), Setting::Number(1)).unwrap();
        },
        &expect![[
            r#"{"properties":{"pool":{"services":[{"id":"/backends/eu","weight" : 70,"new":{"a":1}},{"id":"us","priority":null},{"id":"/subscriptions/6f1e2d3c-0000-4000-8000-0000000000aa/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/contoso/backends/reserve","weight":50,"priority":1}]}}}"#
        ]],
    );
    reseat(
        TWO,
        |edit| {
            edit.add(&beside("reserve"), Setting::Absent, Setting::Null).unwrap();
        },
        &expect![[
            r#"{"properties":{"pool":{"services":[{"id":"/backends/eu","weight" : 70,"new":{"a":1}},{"id":"us","priority":null},{"id":"/subscriptions/6f1e2d3c-0000-4000-8000-0000000000aa/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/contoso/backends/reserve","priority":null}]}}}"#
        ]],
    );
    // One that is listed already is set, and keeps its place and all that is unknown of it.
    reseat(
        TWO,
        |edit| {
            edit.add(&beside("EU"), Setting::Number(20), Setting::Absent).unwrap();
        },
        &expect![[
            r#"{"properties":{"pool":{"services":[{"id":"/backends/eu","weight" : 20,"new":{"a":1}},{"id":"us","priority":null}]}}}"#
        ]],
    );
    let backend = pool(TWO);
    let mut edit = Edit::of(&backend).unwrap();
    let error = edit.add(&beside("reserve"), Setting::Number(101), Setting::Absent).unwrap_err();
    assert_eq!(error.to_string(), "the weight of reserve is 101: it must be 0 to 100");
}

fn remove(edit: &mut Edit<'_>, member: &str) {
    let _ = edit.remove(&name(member));
}

#[test]
fn a_member_is_removed_and_the_others_stay_to_the_letter() {
    reseat(
        TWO,
        |edit| remove(edit, "US"),
        &expect![[
            r#"{"properties":{"pool":{"services":[{"id":"/backends/eu","weight" : 70,"new":{"a":1}}]}}}"#
        ]],
    );
    reseat(TWO, |edit| remove(edit, "stranger"), &expect!["unchanged"]);
    // There and back is no change.
    reseat(
        TWO,
        |edit| {
            edit.add(&beside("reserve"), Setting::Number(50), Setting::Absent).unwrap();
            edit.remove(&name("reserve"));
        },
        &expect!["unchanged"],
    );
}
