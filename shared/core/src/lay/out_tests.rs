use expect_test::{Expect, expect};

use super::super::tests::check_terms;
use crate::{
    limits::{Elsewhere, LeastMembers, Limits, OfTag, TagLimit, Terms},
    names::BackendId,
};

fn backend(name: &str) -> BackendId {
    format!(
        "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg1/providers/\
         Microsoft.ApiManagement/service/contoso/backends/{name}"
    )
    .parse()
    .unwrap()
}

fn limits(limits: Limits) -> Terms {
    let least_members = LeastMembers::Count(1);
    Terms { limits: Limits { least_members, ..limits }, ..Terms::default() }
}

/// A pool `p` whose members' zones are told by their names: `a1` and `b1` are of zone 1. Elsewhere are out
/// `(pool, member)`, of the pool those that are `listed`.
fn of_zones(
    limit: TagLimit,
    listed: &[&str],
    elsewhere: &[(&str, &str)],
    overrides: &str,
    expect: &Expect,
) {
    let zone = |name: &str| name[1..].to_owned();
    let names = ["a1", "b1", "a2", "b2"];
    let elsewhere = elsewhere.iter().map(|(pool, name)| Elsewhere {
        backend: backend(name),
        value: zone(name),
        stays: *pool < "p",
    });
    let of = OfTag {
        tag: "zone".parse().unwrap(),
        limit,
        pool: backend("p"),
        values: names.iter().map(|name| (name.parse().unwrap(), zone(name))).collect(),
        listed: listed.iter().map(|name| name.parse().unwrap()).collect(),
        elsewhere: elsewhere.collect(),
    };
    let terms = Terms { tags: vec![of], ..limits(Limits::default()) };
    check_terms(&terms, "a1 50, b1 50, a2 50, b2 50, free 50", overrides, expect);
}

const APART: TagLimit = TagLimit { most_out: None, never_together: true };
const TWO: TagLimit = TagLimit { most_out: Some(2), never_together: false };

#[test]
fn so_many_are_out_at_once() {
    let terms = limits(Limits { most_out: Some(2), ..Limits::default() });
    check_terms(
        &terms,
        "m0 50, m1 50, m2 50, m3 0, m4 50@2",
        "drain m0; shift m1 40%; shift m1 0%; drain m2; drain m3; drain m4",
        &expect![[r#"
            members/m0/weight = 0 (by 1)
            members/m1/weight = 0 (by 2)
            members/m3/weight = 0 (by 1)
            drain m2 is held: 3 of the pool's members would be out at once, and the limit is 2
            drain m4 is held: a group would be left with all weights 0
        "#]],
    );
}

#[test]
fn what_serves_at_all_is_not_out() {
    let terms = limits(Limits { most_out: Some(1), ..Limits::default() });
    check_terms(
        &terms,
        "m0 50, m1 50, m2 50",
        "drain m0~10%; drain m1",
        &expect![[r#"
        members/m0/weight = 5 (by 1)
        members/m1/weight = 0 (by 1)
    "#]],
    );
    check_terms(
        &terms,
        "m0 50, m1 50, m2 50",
        "!split m0 0 m1 0 m2 9; drain m1",
        &expect![[r#"
        members/m1/weight = 0 (by 1)
        split m0 0 m1 0 m2 9 is held: 2 of the pool's members would be out at once, and the limit is 1
    "#]],
    );
}

#[test]
fn capacity_counts_by_the_weight_that_is_kept() {
    let limit = Limits { least_capacity: Some(250), ..Limits::default() };
    let capacity = [("m0", 100), ("m1", 100), ("m2", 200)];
    let capacity = capacity.map(|(name, units)| (name.parse().unwrap(), units)).into();
    let terms = Terms { capacity, ..limits(limit) };
    // 300 remain, and 250; the third would leave 249.
    check_terms(
        &terms,
        "m0 50, m1 50, m2 50",
        "drain m0; shift m1 50%; shift m2 99%",
        &expect![[r#"
            members/m0/weight = 0 (by 1)
            members/m1/weight = 25 (by 1)
            members/m2/weight = 50 (by 1)
        "#]],
    );
    // A standby helps with all that it can carry, and nobody knows what `m3` can.
    check_terms(
        &terms,
        "m0 50, m1 50@2, m2 50",
        "drain m0; shift m2 75%",
        &expect![[r#"
        members/m0/weight = 0 (by 1)
        members/m1/priority = - (by 2)
        members/m2/weight = 38 (by 1)
    "#]],
    );
    check_terms(
        &terms,
        "m0 50, m2 50, m3 50@2",
        "drain m0",
        &expect![[r#"
        drain m0 is held: 200 of the capacity that serves would remain, and the limit is 250
    "#]],
    );
    // No more is asked for than the baseline has.
    check_terms(
        &terms,
        "m0 50, m1 50, m3 50",
        "drain m3; shift m0 99%",
        &expect![[r#"
        members/m0/weight = 50 (by 1)
        members/m3/weight = 0 (by 1)
    "#]],
    );
}

#[test]
fn two_zones_are_never_out_together() {
    of_zones(
        APART,
        &[],
        &[],
        "drain a1; drain a2; drain b1; drain free",
        &expect![[r#"
        members/a1/weight = 0 (by 1)
        members/b1/weight = 0 (by 1)
        members/free/weight = 0 (by 1)
        drain a2 is held: backends of zone 1 and of zone 2 would be out together, with contoso/a2 of zone 2
    "#]],
    );
    of_zones(
        APART,
        &[],
        &[("q", "c2")],
        "drain a1; drain a2; shift b1 10%",
        &expect![[r#"
        members/a2/weight = 0 (by 1)
        members/b1/weight = 5 (by 1)
        drain a1 is held: backends of zone 1 and of zone 2 would be out together, with contoso/a2 of zone 2
    "#]],
    );
}

#[test]
fn of_one_value_so_many_backends_are_out_and_each_counts_once() {
    of_zones(
        TWO,
        &[],
        &[("q", "c1")],
        "drain a1; drain b1; drain a2",
        &expect![[r#"
        members/a1/weight = 0 (by 1)
        members/a2/weight = 0 (by 1)
        drain b1 is held: 3 backends with the tag zone: 1 would be out at once, over all pools, and the limit is 2
    "#]],
    );
    of_zones(
        TWO,
        &[],
        &[("q", "a1"), ("q", "b1")],
        "drain a1; drain b1",
        &expect![[r#"
        members/a1/weight = 0 (by 1)
        members/b1/weight = 0 (by 1)
    "#]],
    );
}

#[test]
fn what_may_not_be_any_more_is_given_back_by_the_pool_that_comes_last() {
    // Both were out before they might not be together.
    of_zones(
        APART,
        &["a1"],
        &[("a", "c2")],
        "drain a1",
        &expect![[r#"
        drain a1 is held: backends of zone 1 and of zone 2 would be out together, with contoso/c2 of zone 2
    "#]],
    );
    of_zones(
        APART,
        &["a1"],
        &[("q", "c2")],
        "drain a1",
        &expect![[r#"
        members/a1/weight = 0 (by 1)
    "#]],
    );
    // What is not out yet waits for either.
    of_zones(
        APART,
        &["a1"],
        &[("q", "c2")],
        "drain a1; drain b1",
        &expect![[r#"
        members/a1/weight = 0 (by 1)
        drain b1 is held: backends of zone 1 and of zone 2 would be out together, with contoso/c2 of zone 2
    "#]],
    );
}
