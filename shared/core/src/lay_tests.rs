#[path = "lay/uncertain_tests.rs"]
mod uncertain;

use expect_test::{Expect, expect};
use jiff::Timestamp;

use super::*;
use crate::{
    claim::Behind,
    effect::Effect,
    fraction::Fraction,
    lease::{Lease, Until},
    limits::{Failover, LeastMembers, Limits},
    origin::Origin,
    overrides::{Life, Override, Standing},
    pool::{Member, Unknown},
    shown::Shown,
    signal::Severity,
};

fn value(text: &str) -> Value {
    match text {
        "-" => Value::Absent,
        "null" => Value::Null,
        number => Value::Number(number.parse().unwrap()),
    }
}

/// `eu 50, us 30@1, ap null@2`: name, weight, priority; with `?` before one that Azure itself may leave out.
pub(super) fn pool(text: &str) -> Pool {
    let mut unknown = Unknown::default();
    let mut member = |text: &str| {
        let (name, rest) = text.trim().split_once(' ').unwrap();
        let (weight, priority) = rest.split_once('@').unwrap_or((rest, "-"));
        let name: BackendName = name.trim_start_matches('?').parse().unwrap();
        if text.trim().starts_with('?') {
            unknown.may_be_left_out.insert(name.clone());
        }
        Member { name, weight: value(weight), priority: value(priority) }
    };
    let members = text.split(',').map(&mut member).collect();
    Pool::new(members).unwrap().knowing(unknown)
}

/// `drain eu`, `shift eu 30%`, `split eu 20 us 80`, `promote sb`, `promote sb 40`; with `~50%`
/// for one that has given back half; `!` for critical and `*` for an operator's before it, and `force ` before
/// all.
pub(super) fn over(place: usize, text: &str) -> (Override, Fraction) {
    let (text, given_back) = text
        .split_once('~')
        .map_or((text, Fraction::NONE), |(text, back)| (text.trim(), back.parse().unwrap()));
    let (origin, text) = match text.strip_prefix('*') {
        Some(rest) => (Origin::Operator, rest),
        None => (Origin::Alert { play: "play".parse().unwrap() }, text),
    };
    let (severity, text) = match text.strip_prefix('!') {
        Some(rest) => (Severity::Critical, rest),
        None => (Severity::Warning, text),
    };
    let words: Vec<&str> = text.split_whitespace().collect();
    let name = |at: usize| words[at].parse().unwrap();
    let effect = match words[0] {
        "drain" => Effect::Drain { member: name(1) },
        "shift" => Effect::Shift { member: name(1), to: words[2].parse().unwrap() },
        "split" => Effect::Split {
            weights: words[1..]
                .chunks(2)
                .map(|pair| (pair[0].parse().unwrap(), pair[1].parse().unwrap()))
                .collect(),
        },
        "promote" => Effect::Promote {
            member: name(1),
            weight: words.get(2).map(|weight| weight.parse().unwrap()),
        },
        other => panic!("{other}"),
    };
    let over = Override {
        id: OverrideId::derive(&[&place.to_string(), text]),
        series: format!("test/{place}").parse().unwrap(),
        generation: 1,
        origin,
        severity,
        started: Timestamp::from_second(i64::try_from(place).unwrap()).unwrap(),
        effect,
        lease: Lease {
            until: Until::Resolved { at_most: jiff::SignedDuration::from_hours(1) },
            hold: jiff::SignedDuration::ZERO,
            ramp: Vec::new(),
            every: jiff::SignedDuration::ZERO,
        },
        after: Vec::new(),
        alert: Shown::default(),
        behind: Behind::default(),
        joined: Timestamp::UNIX_EPOCH,
        resolved: None,
        silent: None,
        extended: None,
        damped: None,
        life: Life::Claimed { at: Timestamp::UNIX_EPOCH },
        standing: Standing::Unseen,
        kept_out: None,
    };
    (over, given_back)
}

pub(super) fn check_terms(terms: &Terms, baseline: &str, overrides: &str, expect: &Expect) {
    let baseline = pool(baseline);
    let overrides: Vec<_> = overrides
        .split(';')
        .map(str::trim)
        .filter(|text| !text.is_empty())
        .enumerate()
        .map(|(place, text)| {
            let forced = text.strip_prefix("force ");
            (over(place, forced.unwrap_or(text)), forced.is_some())
        })
        .collect();
    let contributions: Vec<_> = overrides
        .iter()
        .map(|((over, back), forced)| Contribution::of(over, *back).forced(*forced))
        .collect();
    let laid = lay_pool(&baseline, terms, &contributions, &Yielded::new());
    let reversed: Vec<_> = contributions.iter().rev().copied().collect();
    assert_eq!(
        lay_pool(&baseline, terms, &reversed, &Yielded::new()),
        laid,
        "the order left a trace"
    );
    let mut text = String::new();
    for (field, value) in &laid.values {
        let of = laid.owners[field].len();
        text += &format!("{field} = {value} (by {of})\n");
    }
    for ((over, _), _) in &overrides {
        if let Some(why) = laid.held.get(&over.id) {
            text += &format!("{} is held: {why}\n", over.effect);
        }
        if let Some(why) = laid.forced.get(&over.id) {
            text += &format!("{} passes: {why}\n", over.effect);
        }
    }
    expect.assert_eq(&text);
}

fn check(baseline: &str, overrides: &str, expect: &Expect) {
    check_terms(&Terms::default(), baseline, overrides, expect);
}

#[test]
fn the_example_in_the_module_docs() {
    let share = Limits { least_share: Some(Fraction::percent(60)), ..Limits::default() };
    let terms = Terms { limits: share, ..Terms::default() };
    check_terms(
        &terms,
        "eu 5@1, na 5@1, ap 5@1, sb null@2",
        "shift na 30%; !drain eu; drain ap",
        &expect![[r#"
            members/ap/weight = 10 (by 2)
            members/eu/weight = 0 (by 2)
            members/na/weight = 3 (by 2)
            members/sb/weight = 10 (by 2)
            members/sb/priority = 1 (by 2)
            drain ap is held: 1 of the pool's members would serve, and the limit is 2, half of them by default
        "#]],
    );
    check_terms(
        &terms,
        "eu 5@1, na 5@1, ap 5@1, sb null@2",
        "shift na 30%; drain ap",
        &expect![[r#"
            members/ap/weight = 0 (by 2)
            members/eu/weight = 10 (by 2)
            members/na/weight = 3 (by 2)
            members/sb/weight = 10 (by 2)
            members/sb/priority = 1 (by 2)
        "#]],
    );
}

#[test]
fn standbys_serve_until_one_of_their_group_is_back_whole() {
    // Alone in its group, the first tenth of eu would be all of the traffic.
    check(
        "eu 50@1, us 30@1, sb 100@2",
        "drain eu~10%; drain us",
        &expect![[r#"
            members/eu/weight = 5 (by 1)
            members/sb/priority = 1 (by 2)
            members/us/weight = 0 (by 1)
        "#]],
    );
    check(
        "eu 50@1, us 30@1, sb 100@2",
        "drain us",
        &expect![[r#"
            members/us/weight = 0 (by 1)
        "#]],
    );
    // A shift never took it away, so its way back is no reason to call the standbys.
    check(
        "eu 50@1, sb 100@2",
        "shift eu 50%~50%",
        &expect![[r#"
            members/eu/weight = 38 (by 1)
        "#]],
    );
    // Where there are no standbys, what is on its way back serves.
    check(
        "eu 50, us 30",
        "drain eu~10%; drain us",
        &expect![[r#"
            members/eu/weight = 5 (by 1)
            members/us/weight = 0 (by 1)
        "#]],
    );
}

#[test]
fn a_drain_takes_one_weight_and_leaves_the_others_alone() {
    check(
        "eu 50, us 30, ap 20",
        "drain eu",
        &expect![[r#"
        members/eu/weight = 0 (by 1)
    "#]],
    );
    check(
        "eu 1, us 1, ap 1",
        "drain eu",
        &expect![[r#"
        members/eu/weight = 0 (by 1)
    "#]],
    );
    check(
        "eu 50, us 30, ap 20",
        "drain eu; drain eu; shift eu 50%",
        &expect![[r#"
        members/eu/weight = 0 (by 3)
    "#]],
    );
}

#[test]
fn a_weight_that_was_given_up_is_left_alone_also_where_its_member_is_promoted() {
    let drain = over(0, "drain eu");
    let yielded: Yielded =
        [(Field::weight(&"sb".parse().unwrap()), [drain.0.id.clone()].into())].into();
    for (standbys, serve) in [("sb 0@2", None), ("sb 0@2, sc 0@3", Some("sc"))] {
        let baseline = pool(&format!("eu 50@1, {standbys}"));
        let contributions = [Contribution::of(&drain.0, drain.1)];
        let laid = lay_pool(&baseline, &Terms::default(), &contributions, &yielded);
        assert_eq!(laid.values.get(&Field::weight(&"sb".parse().unwrap())), None);
        assert_eq!(laid.held.is_empty(), serve.is_some(), "{:?}", laid.held);
        if let Some(serve) = serve {
            let weight = laid.values.get(&Field::weight(&serve.parse().unwrap()));
            assert_eq!(weight, Some(&Value::Number(50)));
        }
    }
}

#[test]
fn nulls_become_numbers_where_one_of_them_must() {
    check(
        "eu null, us -, ap null",
        "drain eu",
        &expect![[r#"
        members/ap/weight = 1 (by 1)
        members/eu/weight = 0 (by 1)
        members/us/weight = 1 (by 1)
    "#]],
    );
    check(
        "eu null, us -, ap null",
        "drain eu ~10%",
        &expect![[r#"
        members/ap/weight = 9 (by 1)
        members/eu/weight = 1 (by 1)
        members/us/weight = 9 (by 1)
    "#]],
    );
    // No weight needs no meaning of null; a part of one does, and so does a share to be kept.
    check(
        "eu null, us 30, ap 20",
        "drain eu ~50%; shift ap 50%",
        &expect![[r#"
            members/eu/weight = 0 (by 1)
            shift ap to 50% is held: null weights stand beside numbers; say what null counts as with the pool's `nullWeight`
        "#]],
    );
    let share = Limits { least_share: Some(Fraction::percent(10)), ..Limits::default() };
    check_terms(
        &Terms { limits: share, ..Terms::default() },
        "eu null, us 30, ap 20",
        "drain us",
        &expect![[r#"
            drain us is held: null weights stand beside numbers; say what null counts as with the pool's `nullWeight`
        "#]],
    );
    let told = Terms { null_weight: Some(50), ..Terms::default() };
    check_terms(
        &told,
        "eu null, us 30, ap 20",
        "drain us",
        &expect![[r#"
        members/ap/weight = 20 (by 1)
        members/eu/weight = 50 (by 1)
        members/us/weight = 0 (by 1)
    "#]],
    );
}

#[test]
fn weights_too_coarse_for_a_fraction_are_scaled_together() {
    check(
        "eu 1, us 1, ap 1",
        "drain eu ~10%",
        &expect![[r#"
        members/ap/weight = 9 (by 1)
        members/eu/weight = 1 (by 1)
        members/us/weight = 9 (by 1)
    "#]],
    );
    check(
        "eu 1, us 1",
        "shift eu 30%",
        &expect![[r#"
        members/eu/weight = 2 (by 1)
        members/us/weight = 7 (by 1)
    "#]],
    );
    check(
        "eu 50, us 30, ap 20",
        "drain eu ~10%",
        &expect![[r#"
        members/eu/weight = 5 (by 1)
    "#]],
    );
    check(
        "eu 100, us 100",
        "shift eu 0.01%",
        &expect![[r#"
        members/eu/weight = 1 (by 1)
    "#]],
    );
}

#[test]
fn limits_hold_what_would_break_them_and_the_strongest_goes_first() {
    check(
        "eu 50, us 30, ap 20",
        "drain eu; drain us",
        &expect![[r#"
            members/eu/weight = 0 (by 1)
            drain us is held: 1 of the pool's members would serve, and the limit is 2, half of them by default
        "#]],
    );
    check(
        "eu 50, us 30, ap 20",
        "drain eu; !drain us",
        &expect![[r#"
            members/us/weight = 0 (by 1)
            drain eu is held: 1 of the pool's members would serve, and the limit is 2, half of them by default
        "#]],
    );
    check(
        "eu 50, us 30, ap 20",
        "!drain eu; *drain us",
        &expect![[r#"
            members/us/weight = 0 (by 1)
            drain eu is held: 1 of the pool's members would serve, and the limit is 2, half of them by default
        "#]],
    );
    check(
        "eu 50",
        "drain eu",
        &expect![[r#"
            drain eu is held: 0 of the pool's members would serve, and the limit is 1, half of them by default
        "#]],
    );
    let one = Limits { least_members: LeastMembers::Count(1), ..Limits::default() };
    let one = Terms { limits: one, ..Terms::default() };
    check_terms(
        &one,
        "eu 50, us 30, ap 20",
        "drain eu; drain us; drain ap",
        &expect![[r#"
        members/eu/weight = 0 (by 1)
        members/us/weight = 0 (by 1)
        drain ap is held: 0 of the pool's members would serve, and the limit is 1
    "#]],
    );
    let share = Limits { least_share: Some(Fraction::percent(60)), ..Limits::default() };
    let share = Terms { limits: share, ..Terms::default() };
    check_terms(
        &share,
        "eu 50, us 30, ap 20",
        "drain eu; drain us",
        &expect![[r#"
            members/us/weight = 0 (by 1)
            drain eu is held: 1 of the pool's members would serve, and the limit is 2, half of them by default
        "#]],
    );
}

#[test]
fn the_next_group_is_promoted_while_the_serving_one_cannot_keep_the_limits() {
    check(
        "eu 50@1, us 50@1, sb null@2",
        "drain eu",
        &expect![[r#"
        members/eu/weight = 0 (by 1)
    "#]],
    );
    check(
        "eu 50@1, us 50@1, sb null@2",
        "drain eu; drain us",
        &expect![[r#"
        members/eu/weight = 0 (by 2)
        members/sb/weight = 50 (by 2)
        members/sb/priority = 1 (by 2)
        members/us/weight = 0 (by 2)
    "#]],
    );
    check(
        "eu 50@1, us 50@1, sb 7@2",
        "drain eu; drain us",
        &expect![[r#"
        members/eu/weight = 0 (by 1)
        members/sb/priority = 1 (by 2)
        members/us/weight = 0 (by 1)
    "#]],
    );
    check(
        "eu null, us null, sb null@2",
        "drain eu; drain us",
        &expect![[r#"
        members/eu/weight = 0 (by 2)
        members/sb/weight = 1 (by 2)
        members/sb/priority = - (by 2)
        members/us/weight = 0 (by 2)
    "#]],
    );
    check(
        "eu 50@1, us 50@1, sb 7@2",
        "drain eu ~10%; drain us",
        &expect![[r#"
            members/eu/weight = 5 (by 1)
            members/sb/priority = 1 (by 2)
            members/us/weight = 0 (by 1)
        "#]],
    );
    let hold = Terms { failover: Failover::Hold, ..Terms::default() };
    check_terms(
        &hold,
        "eu 50@1, us 50@1, sb 7@2",
        "drain eu; drain us",
        &expect![[r#"
            members/eu/weight = 0 (by 1)
            drain us is held: 0 of the pool's members would serve, and the limit is 1, half of them by default
        "#]],
    );
    check(
        "eu 50@1, sb 7@2, sc 7@3",
        "drain eu; drain sb",
        &expect![[r#"
        members/eu/weight = 0 (by 1)
        members/sb/weight = 0 (by 2)
        members/sb/priority = 1 (by 2)
        members/sc/priority = 1 (by 2)
    "#]],
    );
}

#[test]
fn a_standby_can_be_promoted_by_hand() {
    check(
        "eu 50@1, us 30@1, sb 0@2",
        "promote sb",
        &expect![[r#"
        members/sb/weight = 50 (by 1)
        members/sb/priority = 1 (by 1)
    "#]],
    );
    check(
        "eu 50@1, us 30@1, sb 0@2",
        "promote sb 10; drain eu",
        &expect![[r#"
        members/eu/weight = 0 (by 1)
        members/sb/weight = 10 (by 2)
        members/sb/priority = 1 (by 2)
    "#]],
    );
    check(
        "eu 50, us 30, sb 9@2",
        "promote sb",
        &expect![[r#"
        members/sb/priority = - (by 1)
    "#]],
    );
}

#[test]
fn the_highest_authority_decides_and_within_one_the_smallest_weight() {
    check(
        "eu 50, us 50",
        "*split eu 80 us 20; drain eu",
        &expect![[r#"
        members/eu/weight = 80 (by 2)
        members/us/weight = 20 (by 1)
    "#]],
    );
    check(
        "eu 50, us 50",
        "split eu 80 us 20; shift eu 50%",
        &expect![[r#"
        members/eu/weight = 25 (by 2)
        members/us/weight = 20 (by 1)
    "#]],
    );
    check(
        "eu 50, us 50",
        "shift eu 20%; drain eu ~50%",
        &expect![[r#"
        members/eu/weight = 10 (by 2)
    "#]],
    );
    check(
        "eu 50, us 50",
        "split eu 0 us 0",
        &expect![[r#"
            split eu 0 us 0 is held: 0 of the pool's members would serve, and the limit is 1, half of them by default
        "#]],
    );
}

#[test]
fn a_standby_group_is_never_left_with_all_weights_0() {
    check(
        "eu 50@1, us 50@1, sb 7@2",
        "drain sb",
        &expect![[r#"
        drain sb is held: a group would be left with all weights 0
    "#]],
    );
    check(
        "eu 50@1, sb 7@2, sc 7@3",
        "drain sb; drain eu",
        &expect![[r#"
        members/eu/weight = 0 (by 1)
        members/sb/weight = 0 (by 2)
        members/sb/priority = 1 (by 2)
        members/sc/priority = 1 (by 2)
    "#]],
    );
    check(
        "eu 50@1, us 50@1, sb 7@2",
        "drain nobody",
        &expect![[r#"
        drain nobody is held: the pool has no member nobody
    "#]],
    );
    check(
        "eu 0, us 0",
        "drain eu",
        &expect![[r#"
        drain eu is held: no member of the pool serves, even without overrides
    "#]],
    );
}

/// Each field with what is asked of it, in the order of rank, and what else is done to it.
fn check_why(terms: &Terms, baseline: &str, overrides: &str, expect: &Expect) {
    let baseline = pool(baseline);
    let overrides: Vec<_> =
        overrides.split(';').enumerate().map(|(place, text)| over(place, text.trim())).collect();
    let contributions: Vec<_> =
        overrides.iter().map(|(over, back)| Contribution::of(over, *back)).collect();
    let laid = lay_pool(&baseline, terms, &contributions, &Yielded::new());
    let mut text = String::new();
    for (field, Why { asked, also }) in &laid.why {
        let value = laid.values.get(field).map_or_else(|| "as it is".to_owned(), Value::to_string);
        text += &format!("{field}: {value}\n");
        for Asked { by, asks, fate } in asked {
            let (over, _) = overrides.iter().find(|(over, _)| over.id == *by).unwrap();
            let asks = match asks {
                Asks::Weight(exact) => exact.to_string(),
                Asks::Serve(weight) => format!("to serve {weight:?}"),
                Asks::Join => "to be listed".to_owned(),
                Asks::Tighten(_) | Asks::Be(_) | Asks::Exist => {
                    unreachable!("a pool has no properties")
                }
            };
            text += &format!("  {}: {asks}: {fate:?}\n", over.effect);
        }
        match also {
            None => {}
            Some(Also::Times(factor)) => text += &format!("  times {factor}\n"),
            Some(also @ (Also::Promoted | Also::Weighted | Also::Numbered)) => {
                text += &format!("  {also:?}\n");
            }
        }
    }
    expect.assert_eq(&text);
}

#[test]
fn why_a_field_is_what_it_is_comes_with_it() {
    let share = Limits { least_share: Some("60%".parse().unwrap()), ..Limits::default() };
    let example = Terms { limits: share, ..Terms::default() };
    let pool = "eu 5@1, na 5@1, ap 5@1, sb null@2";
    check_why(
        &example,
        pool,
        "shift na 30%; !drain eu; drain ap",
        &expect![[r#"
        members/ap/weight: 10
          drain ap: 0: Held
          times 2
        members/eu/weight: 0
          drain eu: 0: Decides
          times 2
        members/na/weight: 3
          shift na to 30%: 1.5: Decides
          times 2
        members/sb/weight: 10
          times 2
        members/sb/priority: 1
          Promoted
    "#]],
    );
    // The smallest of one authority decides; a ramp raises nothing that is in force; an operator's goes
    // before an alert's.
    let any = Terms { failover: Failover::Hold, ..Terms::default() };
    let pool = "eu 50, us 30, ap 20";
    let shifts = "shift eu 40%; !shift eu 60%; shift eu 40%; drain eu~50%";
    check_why(
        &any,
        pool,
        shifts,
        &expect![[r#"
        members/eu/weight: 20
          shift eu to 60%: 30: Loses
          shift eu to 40%: 20: Decides
          shift eu to 40%: 20: Agrees
          drain eu: 25: Loses
    "#]],
    );
    check_why(
        &any,
        pool,
        "drain eu; *shift eu 60%",
        &expect![[r#"
        members/eu/weight: 30
          shift eu to 60%: 30: Decides
          drain eu: 0: Loses
    "#]],
    );
    check_why(
        &any,
        "eu 4@1, sb 0@2",
        "promote sb; promote sb 7",
        &expect![[r#"
        members/sb/weight: 7
          Weighted
        members/sb/priority: 1
          promote sb: to serve None: Decides
          promote sb with weight 7: to serve Some(7): Agrees
    "#]],
    );
}

#[test]
fn force_passes_a_limit_and_leaves_no_group_without_weight() {
    let limits = Limits {
        least_members: LeastMembers::Count(2),
        least_share: Some(Fraction::percent(60)),
        ..Limits::default()
    };
    let terms = Terms { limits, failover: Failover::Hold, ..Terms::default() };
    let check = |overrides: &str, expect: &Expect| {
        check_terms(&terms, "m0 50, m1 50, m2 50, m3 50@2", overrides, expect);
    };
    check(
        "force *drain m0",
        &expect![[r#"
        members/m0/weight = 0 (by 1)
    "#]],
    );
    check(
        "force *drain m0; *drain m1",
        &expect![[r#"
        members/m0/weight = 0 (by 1)
        drain m1 is held: 1 of the pool's members would serve, and the limit is 2
    "#]],
    );
    check(
        "force *drain m0; force *drain m1",
        &expect![[r#"
        members/m0/weight = 0 (by 1)
        members/m1/weight = 0 (by 1)
        drain m1 passes: 1 of the pool's members would serve, and the limit is 2
    "#]],
    );
    // What takes more away is held, and what takes nothing away or helps is not.
    check(
        "force *drain m0; force *drain m1; shift m2 90%; drain m1; promote m3",
        &expect![[r#"
        members/m0/weight = 0 (by 1)
        members/m1/weight = 0 (by 2)
        members/m2/weight = 45 (by 1)
        members/m3/priority = - (by 5)
        drain m1 passes: 1 of the pool's members would serve, and the limit is 2
    "#]],
    );
    check(
        "force *drain m0; force *drain m1; force *drain m2",
        &expect![[r#"
        members/m0/weight = 0 (by 1)
        members/m1/weight = 0 (by 1)
        drain m1 passes: 1 of the pool's members would serve, and the limit is 2
        drain m2 is held: 0 of the pool's members would serve, and the limit is 2
    "#]],
    );
    check(
        "force *drain m3",
        &expect![[r#"
        drain m3 is held: a group would be left with all weights 0
    "#]],
    );
    // So it is where it is the share that force passes.
    let least_members = LeastMembers::Count(1);
    let share = Terms { limits: Limits { least_members, ..limits }, ..terms.clone() };
    check_terms(
        &share,
        "m0 50, m1 50, m2 50, m3 50",
        "force *drain m0; force *drain m1; shift m2 50%; shift m3 100%",
        &expect![[r#"
            members/m0/weight = 0 (by 1)
            members/m1/weight = 0 (by 1)
            members/m3/weight = 50 (by 1)
            drain m1 passes: 50% of the pool's weight would remain, and the limit is 60%
            shift m2 to 50% is held: 37.5% of the pool's weight would remain, and the limit is 60%
        "#]],
    );
    // Where the next group may help, it does, as far as traffic must go somewhere.
    let terms = Terms { failover: Failover::Promote, ..terms.clone() };
    check_terms(
        &terms,
        "m0 50, m1 50, m2 50, m3 50@2",
        "force *drain m0; force *drain m1; force *drain m2",
        &expect![[r#"
            members/m0/weight = 0 (by 1)
            members/m1/weight = 0 (by 1)
            members/m2/weight = 0 (by 1)
            members/m3/priority = - (by 3)
            drain m2 passes: 0 of the pool's members would serve, and the limit is 2
        "#]],
    );
}
