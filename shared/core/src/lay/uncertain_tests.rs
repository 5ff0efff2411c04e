//! Members that Azure itself may leave out: they do not certainly serve.

use expect_test::expect;
use proptest::prelude::*;

use super::*;

fn terms(limits: Limits) -> Terms {
    Terms { limits, failover: Failover::Hold, ..Terms::default() }
}

#[test]
fn enough_members_must_serve_certainly_as_far_as_the_baseline_has_them() {
    let two = Limits { least_members: LeastMembers::Count(2), ..Limits::default() };
    // Beside what may be left out, one would serve.
    check_terms(
        &terms(two),
        "?eu 50, us 50, ap 50",
        "drain us",
        &expect![[r#"
            drain us is held: without 1 member that Azure itself may leave out (`preferredCarbonEmission`), 1 of the pool's members would serve, and the limit is 2
        "#]],
    );
    // That itself may go.
    check_terms(
        &terms(two),
        "?eu 50, us 50, ap 50",
        "drain eu",
        &expect![[r#"
        members/eu/weight = 0 (by 1)
    "#]],
    );
    // The baseline has one: it stays, and of all together two do.
    check_terms(
        &terms(two),
        "?eu 50, ?us 50, ap 50",
        "drain eu; drain us; drain ap",
        &expect![[r#"
        members/eu/weight = 0 (by 1)
        drain us is held: 1 of the pool's members would serve, and the limit is 2
        drain ap is held: 1 of the pool's members would serve, and the limit is 2
    "#]],
    );
    // It has none: what all together have is still kept.
    check_terms(
        &terms(two),
        "?eu 50, ?us 50, ?ap 50",
        "drain eu; drain us",
        &expect![[r#"
        members/eu/weight = 0 (by 1)
        drain us is held: 1 of the pool's members would serve, and the limit is 2
    "#]],
    );
}

#[test]
fn half_of_all_is_what_must_serve_certainly_by_default() {
    check_terms(
        &terms(Limits::default()),
        "?eu 50, us 50, ap 50",
        "drain us; drain ap",
        &expect![[r#"
            drain us is held: without 1 member that Azure itself may leave out (`preferredCarbonEmission`), 1 of the pool's members would serve, and the limit is 2, half of them by default
            drain ap is held: without 1 member that Azure itself may leave out (`preferredCarbonEmission`), 1 of the pool's members would serve, and the limit is 2, half of them by default
        "#]],
    );
}

#[test]
fn a_standby_helps_where_it_certainly_serves() {
    let terms = Terms::default();
    check_terms(
        &terms,
        "?eu 50@1, us 50@1, ap 50@2",
        "drain us",
        &expect![[r#"
        members/ap/priority = 1 (by 1)
        members/us/weight = 0 (by 1)
    "#]],
    );
    check_terms(
        &terms,
        "?eu 50@1, us 50@1, ?ap 50@2, sb 50@3",
        "drain us",
        &expect![[r#"
        members/ap/priority = 1 (by 1)
        members/sb/priority = 1 (by 1)
        members/us/weight = 0 (by 1)
    "#]],
    );
    check_terms(
        &terms,
        "?eu 50@1, us 50@1, ?ap 50@2",
        "drain us",
        &expect![[r#"
        drain us is held: without 1 member that Azure itself may leave out (`preferredCarbonEmission`), 0 of the pool's members would serve, and the limit is 1, half of them by default
    "#]],
    );
}

#[test]
fn the_share_and_the_capacity_are_of_what_certainly_serves() {
    let share = Limits {
        least_members: LeastMembers::Count(1),
        least_share: Some(Fraction::percent(50)),
        ..Limits::default()
    };
    check_terms(
        &terms(share),
        "?eu 30, us 40, ap 30",
        "shift us 50%",
        &expect![[r#"
        members/us/weight = 20 (by 1)
    "#]],
    );
    check_terms(
        &terms(share),
        "?eu 30, us 40, ap 30",
        "drain eu; shift us 20%",
        &expect![[r#"
        members/eu/weight = 0 (by 1)
        shift us to 20% is held: 38% of the pool's weight would remain, and the limit is 50%
    "#]],
    );
    // The baseline has 40% of it.
    check_terms(
        &terms(share),
        "?eu 60, us 20, ap 20",
        "shift eu 70%; shift us 90%",
        &expect![[r#"
            members/eu/weight = 42 (by 1)
            shift us to 90% is held: without 1 member that Azure itself may leave out (`preferredCarbonEmission`), 38% of the pool's weight would remain, and the limit is 40%
        "#]],
    );
    let capacity = Limits {
        least_members: LeastMembers::Count(1),
        least_capacity: Some(150),
        ..Limits::default()
    };
    let of = ["eu", "us", "ap"].map(|name| (name.parse().unwrap(), 100)).into();
    let terms = Terms { capacity: of, ..terms(capacity) };
    check_terms(
        &terms,
        "?eu 50, us 50, ap 50",
        "drain us",
        &expect![[r#"
        drain us is held: without 1 member that Azure itself may leave out (`preferredCarbonEmission`), 100 of the capacity that serves would remain, and the limit is 150
    "#]],
    );
    check_terms(
        &terms,
        "?eu 50, us 50, ap 50",
        "shift us 50%; drain eu",
        &expect![[r#"
        members/eu/weight = 0 (by 1)
        members/us/weight = 25 (by 1)
    "#]],
    );
}

proptest! {
    /// Whatever may be left out, the limits hold with it; and without it as far as the baseline alone keeps them.
    #[test]
    fn limits_hold_with_what_may_be_left_out_and_without(
        members in proptest::collection::vec((1..=100_u8, any::<bool>()), 2..8),
        parts in proptest::collection::vec((0..8_usize, 0..=100_u16), 1..8),
        least_members in 1..6_u8,
        least_share in 1..=100_u8,
    ) {
        let described: Vec<String> = members
            .iter()
            .enumerate()
            .map(|(at, (weight, left_out))| {
                format!("{}m{at} {weight}", if *left_out { "?" } else { "" })
            })
            .collect();
        let baseline = pool(&described.join(", "));
        let limits = Limits {
            least_members: LeastMembers::Count(least_members),
            least_share: Some(Fraction::percent(least_share)),
            ..Limits::default()
        };
        let overrides: Vec<_> = parts
            .iter()
            .enumerate()
            .map(|(place, (at, to))| over(place, &format!("shift m{} {to}%", at % members.len())).0)
            .collect();
        let contributions: Vec<_> =
            overrides.iter().map(|over| Contribution::of(over, Fraction::NONE)).collect();
        let laid = lay_pool(&baseline, &terms(limits), &contributions, &Yielded::new());
        let written = baseline.with(laid.values.iter().map(|(of, value)| (of, value.clone())));
        let weights: Vec<(u64, u64, bool)> = written
            .members()
            .iter()
            .zip(&members)
            .map(|(now, (own, left_out))| {
                (u64::from(now.weight.number().unwrap()), u64::from(*own), *left_out)
            })
            .collect();
        let factor = weights.iter().fold((1, 1), |(most, of), (now, own, _)| {
            if now * of > most * own { (*now, *own) } else { (most, of) }
        });
        let all: u64 = weights.iter().map(|(_, own, _)| own).sum();
        for certain in [false, true] {
            let counted = || weights.iter().filter(|(.., left_out)| !certain || !left_out);
            let (serve, before) = (counted().filter(|(now, ..)| *now > 0).count(), counted().count());
            prop_assert!(serve >= usize::from(least_members).min(before), "{weights:?}");
            let has: u64 = counted().map(|(_, own, _)| own).sum();
            let kept: u64 = counted().map(|(now, ..)| now * factor.1).sum();
            // To the hundredth of a percent.
            let least = (u64::from(least_share) * 100).min(has * 10_000 / all);
            prop_assert!(kept * 10_000 >= least * all * factor.0, "{weights:?} {least}");
        }
    }
}
