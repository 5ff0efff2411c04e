//! What cases are made of, at random: pools, limits, plays, alerts, windows and gates.

use pointsman_core::{
    body::Body,
    effect::Effect as Does,
    field::Value,
    pool::{Member, Pool},
};
use proptest::{collection::vec, option, prelude::*, sample::select};

use super::{Alert, Case, Effect, Ending, Gates, Opens, Play, Run, Terms, When, Window};
use crate::{
    single,
    store::{Pair, QueueFault},
};

/// A weight as owners write it: mostly a number, sometimes 0, null or none.
fn weight() -> impl Strategy<Value = Value> {
    prop_oneof![
        10 => select(vec![1_u8, 2, 3, 5, 10, 20, 25, 30, 50, 70, 100]).prop_map(Value::Number),
        1 => Just(Value::Number(0)),
        1 => Just(Value::Null),
        1 => Just(Value::Absent),
    ]
}

pub(super) fn priority() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => Just(Value::Absent),
        1 => Just(Value::Null),
        1 => Just(Value::Number(0)),
        3 => Just(Value::Number(1)),
        1 => Just(Value::Number(2)),
    ]
}

pub(crate) fn pool() -> impl Strategy<Value = Pool> {
    let numbered = vec((weight(), priority()), 1..=8);
    let nulls = vec((select(vec![Value::Null, Value::Absent]), priority()), 1..=6);
    let alike = |(weight, all): (u8, Vec<Value>)| {
        all.into_iter().map(|priority| (Value::Number(weight), priority)).collect()
    };
    let equal = (select(vec![1_u8, 10, 50]), vec(priority(), 2..=6)).prop_map(alike);
    // As many as Azure takes, in one group: there rounding adds up.
    let many = (1_u8..=100, vec(Just(Value::Absent), 2..=30)).prop_map(alike);
    prop_oneof![4 => numbered, 1 => nulls, 2 => equal, 1 => many].prop_map(|members| {
        let member = |(place, (weight, priority)): (usize, (Value, Value))| Member {
            name: format!("m{place}").parse().unwrap(),
            weight,
            priority,
        };
        Pool::new(members.into_iter().enumerate().map(member).collect()).unwrap()
    })
}

pub(crate) fn terms() -> impl Strategy<Value = Terms> {
    (
        option::weighted(0.4, 1_u8..=3),
        option::weighted(0.3, 1_u8..=100),
        any::<bool>(),
        option::weighted(0.4, select(vec![1_u8, 20, 50])),
        option::weighted(0.2, (vec(select(vec![30_u32, 100]), 2..=4), 1_u32..=100)),
        option::weighted(0.2, 1_u8..=2),
        option::weighted(0.15, select(vec![30_u8, 50, 80])),
    )
        .prop_map(
            |(least_members, least_share, hold, null_weight, capacity, most_out, panic)| Terms {
                capacity,
                most_out,
                panic,
                least_members,
                least_share,
                hold,
                null_weight,
            },
        )
}

pub(crate) fn effect() -> impl Strategy<Value = Effect> + Clone {
    prop_oneof![
        6 => Just(Effect::Drain),
        3 => prop_oneof![0_u8..=100, select(vec![0_u8, 100])].prop_map(Effect::Shift),
        1 => vec(select(vec![0_u8, 10, 20, 60, 100]), 1..=3).prop_map(Effect::Split),
        2 => option::of(select(vec![5_u8, 50, 100])).prop_map(Effect::Promote),
    ]
}

fn when_it_begins() -> impl Strategy<Value = When> {
    (
        option::weighted(0.15, select(vec![5_i64, 30, 100])),
        option::weighted(0.15, (2_usize..=3, select(vec![20_i64, 120, 600]))),
        option::weighted(0.2, select(vec![60_i64, 600])),
        option::weighted(0.15, 0_usize..3),
        option::weighted(0.1, select(vec![60_i64, 120, 170])),
    )
        .prop_map(|(lasting, count, damping, unless, stale)| When {
            lasting,
            count,
            damping,
            unless,
            stale,
        })
}

/// Plays whose `for` and `atMost` are of `lasts` minutes.
pub(crate) fn plays(
    effect: impl Strategy<Value = Effect>,
    lasts: std::ops::Range<i64>,
) -> impl Strategy<Value = Vec<Play>> {
    let play = (
        vec(effect, 1..=2),
        lasts,
        prop::bool::weighted(0.8),
        option::weighted(0.5, select(vec![1_i64, 30, 120])),
        prop_oneof![Just(vec![]), Just(vec![50]), Just(vec![10, 50, 100]), Just(vec![25, 50, 75])],
        select(vec![10_i64, 60, 120]),
        option::weighted(0.4, select(vec![120_i64, 150, 300])),
        (option::of(select(vec!["yield", "assert", "auto"])), when_it_begins()),
    );
    vec(play, 1..=3).prop_map(|plays| {
        plays
            .into_iter()
            .map(|(mut effects, lasts, resolves, hold, ramp, every, reconnect, (drift, when))| {
                // One target is named once by a play.
                let mut seen = Vec::new();
                effects.retain(|effect| {
                    let kind = std::mem::discriminant(effect);
                    let fresh = !seen.contains(&kind);
                    seen.push(kind);
                    fresh
                });
                let lasts = lasts * 60;
                Play { effects, lasts, resolves, hold, ramp, every, reconnect, drift, when }
            })
            .collect()
    })
}

fn run() -> impl Strategy<Value = Run> {
    (
        1_i64..200,
        option::weighted(0.3, 1_i64..20),
        2_i64..300,
        0_i64..15,
        option::weighted(0.2, 1_i64..250),
        prop_oneof![
            6 => Just(Ending::Stated),
            1 => (1_i64..80_000).prop_map(Ending::Ahead),
            1 => Just(Ending::None),
            1 => Just(Ending::BeforeStart),
        ],
        prop_oneof![2 => Just(0), 1 => 1_usize..4],
        prop_oneof![2 => Just(0), 1 => 1_usize..4],
        prop::bool::weighted(0.1),
        prop::bool::weighted(0.15),
    )
        .prop_map(
            |(pause, skew, length, way, repeat, ending, escalated, moved, unfired, unresolved)| {
                Run {
                    pause,
                    skew,
                    length,
                    way,
                    repeat,
                    ending,
                    escalated,
                    moved,
                    unfired,
                    unresolved,
                }
            },
        )
}

pub(crate) fn alerts() -> impl Strategy<Value = Vec<Alert>> {
    let alert = (0_usize..3, 0_usize..8, 0_usize..4, vec(run(), 1..=3));
    let some = vec(alert, 1..=6).prop_map(|alerts| {
        alerts
            .into_iter()
            .map(|(play, member, severity, runs)| Alert { play, member, severity, runs })
            .collect()
    });
    // One cause for many members.
    let storm = (0_usize..3, vec(run(), 2..=12)).prop_map(|(play, runs)| {
        runs.into_iter()
            .enumerate()
            .map(|(member, run)| Alert { play, member, severity: 0, runs: vec![run] })
            .collect()
    });
    // More alerts that say the same than a document knows of.
    let crowd = (0_usize..3, 0_usize..8, vec((run(), 0_usize..4), 9..=16)).prop_map(
        |(play, member, runs)| {
            let alert = |(run, severity)| Alert { play, member, severity, runs: vec![run] };
            runs.into_iter().map(alert).collect()
        },
    );
    // The same, all of which begin and end in the same moments, as those of one cause do.
    let chorus = (0_usize..3, 0_usize..8, run(), vec(0_usize..4, 9..=16)).prop_map(
        |(play, member, run, severities)| {
            let alert = |severity| Alert { play, member, severity, runs: vec![run.clone()] };
            severities.into_iter().map(alert).collect()
        },
    );
    prop_oneof![6 => some, 1 => storm, 1 => crowd, 1 => chorus]
}

/// Cases of a kind of backend, with at most so many maintenance windows.
fn cases_of(
    body: impl Strategy<Value = Body>,
    effect: impl Strategy<Value = Effect> + Clone,
    lasts: std::ops::Range<i64>,
    windows_max: usize,
) -> impl Strategy<Value = Case> {
    let windows = vec(window(effect.clone()), 0..=windows_max);
    let of = (body, prop::bool::weighted(0.2));
    let parts = (of, terms(), plays(effect, lasts), alerts(), ways(), windows);
    parts.prop_map(|((body, in_workspace), terms, plays, alerts, ways, windows)| Case {
        body,
        in_workspace,
        terms,
        plays,
        alerts,
        ways,
        windows,
        gates: Gates::default(),
    })
}

fn cases(lasts: std::ops::Range<i64>, windows_max: usize) -> impl Strategy<Value = Case> {
    let of_single = single::effect().prop_map(|effect| match effect {
        Does::Breaker(tighten) => Effect::Breaker(tighten),
        Does::Set(properties) => Effect::Set(properties),
        Does::Reconnect(_) => panic!("it is made below"),
        Does::Drain { .. }
        | Does::Shift { .. }
        | Does::Split { .. }
        | Does::Promote { .. }
        | Does::Ensure(_)
        | Does::Join { .. } => panic!("it is a breaker, or it sets something"),
    });
    let reconnect = select(vec![120_i64, 150]).prop_map(Effect::Reconnect);
    let of_single = prop_oneof![3 => of_single, 1 => reconnect].boxed();
    prop_oneof![
        3 => cases_of(pool().prop_map(Body::from), effect(), lasts.clone(), windows_max),
        2 => cases_of(single::single(), of_single, lasts, windows_max),
    ]
}

pub(crate) fn case_lasting(lasts: std::ops::Range<i64>) -> impl Strategy<Value = Case> {
    cases(lasts, 0)
}

pub(crate) fn case() -> impl Strategy<Value = Case> {
    case_lasting(3..30)
}

/// The same, with maintenance windows.
pub(crate) fn windowed() -> impl Strategy<Value = Case> {
    cases(3..30, 2)
}

fn window(effect: impl Strategy<Value = Effect>) -> impl Strategy<Value = Window> {
    let opens = prop_oneof![
        (-300_i64..3_600).prop_map(Opens::Once),
        select(vec![2_u8, 5, 10, 20]).prop_map(Opens::Every),
    ];
    let ramp = option::of((1_u8..99, 1_i64..90));
    (opens, 20_i64..1_500, effect, 0_usize..8, ramp).prop_map(
        |(opens, lasts, effect, member, ramp)| Window { opens, lasts, effect, member, ramp },
    )
}

/// The same, with gates.
pub(crate) fn gated() -> impl Strategy<Value = Case> {
    let freeze = (-600_i64..2_400, 1_i64..1_200).prop_map(|(from, lasts)| (from, from + lasts));
    let hours = (0_i64..1_800, 1_i64..2_400).prop_map(|(from, lasts)| (from, from + lasts));
    let budget = (1_usize..4, 30_i64..900);
    let gates = (
        vec(freeze, 0..3),
        vec(option::weighted(0.15, hours), 3),
        vec(option::weighted(0.3, budget), 3),
        option::weighted(0.15, 2_usize..8),
    );
    // Half of the cases have none, so that gates hide nothing else.
    (windowed(), option::weighted(0.5, gates)).prop_map(|(case, gates)| {
        let (freezes, hours, budgets, writes) = gates.unwrap_or_default();
        Case { gates: Gates { freezes, hours, budgets, writes }, ..case }
    })
}

/// Which of the deliveries come directly, over and over.
pub(crate) fn ways() -> impl Strategy<Value = Vec<bool>> {
    vec(prop::bool::weighted(0.7), 0..4)
}

/// Both kinds of store and queue; those that are apart at times with a queue that fails.
pub(crate) fn pair() -> impl Strategy<Value = Pair> {
    let fault = prop_oneof![
        6 => Just(QueueFault::None),
        1 => Just(QueueFault::LostAfter),
        1 => Just(QueueFault::LostBefore),
        1 => Just(QueueFault::TooLate),
    ];
    prop_oneof![1 => Just(Pair::One), 1 => vec(fault, 0..12).prop_map(Pair::Apart)]
}
